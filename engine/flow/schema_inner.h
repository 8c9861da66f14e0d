/* SPDX-License-Identifier: Apache-2.0 */
/* schema_inner.h - what the files of the schema share, and nobody else uses.
 *
 *     schema.c          a schema from its files, and what it is asked
 *     schema_tables.c   `tables:` of the file
 *     schema_options.c  `options:` of the file, their values, SQL literals
 *     schema_views.c    NAME.DIALECT.sql
 *     schema_row.c      an emitted event becomes a row
 *     schema_cell.c     a JSON value becomes a cell of a column's type
 *     schema_stand.c    the tables that say where a route stands
 *
 * All memory of a schema is its arena's.
 */
#ifndef FLOW_SCHEMA_INNER_H
#define FLOW_SCHEMA_INNER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/why.h"
#include "base/yaml.h"
#include "flow/schema.h"

enum { OWN_EVENT_ID, OWN_EVENT_TIME, OWN_SYNCED_AT, OWN_COUNT }; /* the engine's columns, in this order, last */

/* A table, and what a plugin has no need to know of it.  `face` stands first: a
 * pointer to it is one to its shape. */
struct shape {
	struct sl_table face;
	size_t given;              /* how many columns the file gives; OWN_COUNT more follow */
	size_t parents;            /* how many of them are the parent's key */
	bool *personal;            /* one for each column */
	const char **names;        /* likewise, then NULL */
	uint16_t *slots;           /* hash of names: 0, or 1 + a column's place */
	size_t slot_mask;
	const char *partition;     /* a hint for destinations that can; NULL: none */
	const char *const *cluster; /* likewise; ends with NULL, or NULL */
};

struct schema {
	struct arena *arena;
	const char *file;
	struct sl_option *options; /* ends with a NULL name */
	const char **option_names; /* likewise, with NULL */
	const char **literals;     /* the options' values as SQL, one for each */
	size_t option_count;
	struct shape *shapes;
	const struct sl_table **tables;
	const char **table_names; /* ends with NULL */
	size_t table_count;
	const struct sl_view **views;
	size_t view_count;
};

bool schema_read_tables(struct schema *schema, const struct yaml_node *tables, struct why *why);
bool schema_read_options(struct schema *schema, const struct yaml_node *options, struct why *why);
bool schema_take_options(struct schema *schema, const struct sl_json *values, struct why *why);
bool schema_read_views(struct schema *schema, const char *dialect, struct why *why);

/* A write mode by its name; false with a sentence if there is none such (yet). */
bool schema_mode(const char *name, enum sl_mode *mode, struct why *why);

/* The place of a column, or -1. */
int shape_column(const struct shape *shape, struct sl_text name);
void shape_hash(struct shape *shape, struct arena *arena);

/* The value as a cell of the column's type; false with a sentence without a
 * place: "expected a timestamp, found the string \"yesterday\"". */
bool cell_read(const struct sl_column *column, bool personal, const struct sl_json *value, struct arena *arena,
	struct sl_cell *cell, struct why *why);
const char *column_type_name(enum sl_column_type type); /* "int" */
bool column_type_read(const char *name, enum sl_column_type *type);
extern const char *const column_type_names[]; /* ends with NULL */

/* "; did you mean `order_id`?", or nothing if no known word is near. */
#define MEANT_SIZE 96
const char *meant(const char *word, const char *const *known, char room[MEANT_SIZE]);

#endif
