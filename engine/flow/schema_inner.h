/* SPDX-License-Identifier: Apache-2.0 */
/* schema_inner.h - what the files of the schema share, and nobody else uses.
 *
 *     schema.c           a schema from its files, and what it is asked
 *     schema_tables.c    `tables:` of the file
 *     schema_keys.c      what a table says of its columns: keys, indexes, retention, snapshots
 *     schema_columns.c   `columns:` of a table, and what came in addition
 *     schema_shape.c     a table put together, its columns found by name
 *     schema_modes.c     write modes, and which rows go into which table
 *     schema_contract.c  `contract:`
 *     schema_options.c   `options:` of the file, their values, SQL literals
 *     schema_views.c     NAME.DIALECT.sql
 *     schema_added.c     the file of additions
 *     schema_row.c       an emitted event becomes a row
 *     schema_differ.c    an event is not as the schema has it
 *     schema_cell.c      a JSON value becomes a cell of a column's type
 *     schema_show.c      the schema as text
 *     schema_stand.c     the tables that say where a route stands
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

#define COLUMNS_MOST 200 /* that a table is given, by its file or by events */
#define NAME_MOST 255    /* bytes */
#define OWN_COLUMNS 6    /* that the engine adds at most */

enum word { WORD_NONE,
	WORD_FREEZE,
	WORD_EVOLVE,
	WORD_DISCARD_ROW,
	WORD_DISCARD_VALUE };

struct contract {
	enum word tables, columns, types;
};

/* What a plugin has no need to know of a column. */
struct trait {
	bool closed;     /* events do not give it: it is the engine's, or generated */
	bool required;   /* of whole rows, even where the destination does not insist */
	bool fill;       /* with the row's name for ever */
	bool fixed;      /* its type stays */
	bool day;        /* a date that becomes a timestamp when a value has a time of day */
	enum word types;
};

/* A table, and what a plugin has no need to know of it.  `face` stands first: a
 * pointer to it is one to its shape. */
struct shape {
	struct sl_table face;
	struct sl_column *columns;
	struct trait *traits;      /* likewise */
	const char **names;        /* likewise, then NULL */
	size_t given;              /* how many columns there are before the engine's own */
	size_t parents;            /* how many of them are the parent's key */
	uint16_t *musts, *fills;   /* places of those that must have a value; that get one when they are left out */
	size_t must_count, fill_count;
	uint16_t *slots;           /* hash of names: 0, or 1 + a column's place */
	size_t slot_mask;
	size_t *name_lens;         /* of names */
	uint16_t *lately;          /* 1 + the column that came behind column I - 1, or first, in the row read last; or 0 */
	enum word unknown;         /* what to do with a member that is no column */
};

struct schema {
	struct arena *arena;
	struct schema *before;     /* that it grew from, in memory, and which ends with it; or NULL */
	const char *file, *evolved, *dialect;
	const char *options_text, *contract_text; /* as they were given, or NULL */
	const struct yaml_node *root;
	struct contract contract;
	const struct growth *added;  /* what came in addition, in its order */
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

/* A table while it is read. */
struct table_reading {
	struct schema *schema;
	struct shape *shape;
	const struct yaml_node *node;
	const struct growth **added; /* of this table */
	size_t added_count;
	struct why *why;
};

bool schema_read_tables(struct schema *schema, const struct yaml_node *tables, struct why *why);
bool schema_read_options(struct schema *schema, const struct yaml_node *options, struct why *why);
bool schema_take_options(struct schema *schema, const struct sl_json *values, struct why *why);
bool schema_read_views(struct schema *schema, struct why *why);
bool schema_read_added(struct schema *schema, struct why *why);

/* schema_columns.c: of the file and in addition; room for the engine's own stays behind them. */
bool table_read_columns(struct table_reading *r);
void table_add_columns(struct table_reading *r);
/* schema_keys.c */
bool table_read_keys(struct table_reading *r);
bool good_name(const struct yaml_node *key, const char *what, struct why *why);
bool taken_name(const char *name); /* of a table: one of the engine's or the destination's */
bool read_flag(const struct yaml_node *map, const char *name, bool *flag, struct why *why);

/* schema_modes.c: a write mode by its name; false with a sentence if there is none such. */
bool schema_mode(const char *name, enum sl_mode *mode, struct why *why);
bool shape_takes(const struct shape *shape, enum sl_mode mode, struct why *why);

/* schema_shape.c: the engine's columns are put behind the given ones, and all can be found;
 * once the keys are read, what rows need is known. */
void shape_close(struct shape *shape, struct arena *arena);
void shape_finish(struct shape *shape, struct arena *arena);
int shape_column(const struct shape *shape, struct sl_text name); /* its place, or -1 */
/* Likewise, of one that came behind the column at `before` (-1: first): most rows of a table are alike. */
int shape_column_behind(const struct shape *shape, int before, struct sl_text name);
bool shape_own(const struct sl_table *table, const char *name);   /* the engine has a column of this name there */
/* A table that events make: `row_id` and the engine's columns. */
void shape_born(struct shape *shape, const char *name, size_t room, struct arena *arena);

/* schema_contract.c */
bool contract_read(const struct yaml_node *node, bool tables, struct contract *contract, struct why *why);
bool contract_read_word(const struct yaml_node *node, enum word *word, struct why *why);
bool contract_take(const struct sl_json *values, struct contract *contract, struct why *why);

/* schema_added.c */
bool type_widens(enum sl_column_type from, enum sl_column_type to);

/* The value as a cell of the column's type; false with a sentence without a
 * place: "expected a timestamp, found the string \"yesterday\"". */
bool cell_read(const struct sl_column *column, const struct sl_json *value, struct arena *arena, struct sl_cell *cell,
	struct why *why);
bool cell_time_of_day(const struct sl_json *value); /* as a date it would lose something */
const char *column_type_name(enum sl_column_type type); /* "int" */
const char *column_type_expected(enum sl_column_type type); /* "a whole number of 64 bits" */
bool column_type_read(const char *name, enum sl_column_type *type);
extern const char *const column_type_names[]; /* ends with NULL */

/* A row while it is made. */
struct making {
	const struct schema *schema;
	const struct shape *shape;
	struct arena *arena;
	struct fitting *fitting;
	struct sl_event event; /* as emitted, what it left out inherited */
	enum sl_mode mode;
	int64_t version_time;  /* microseconds */
	int64_t synced_at;
	enum fit fit;          /* what it ends with if it is no row */
	struct growth *growth, **growth_end;
	size_t growths, mended_room;
	int place;             /* of the column read last; -1: none yet */
	struct why *why;
};

/* schema_differ.c: false and NULL end the row, as m->fit says. */
const struct shape *differ_table(struct making *m, const char *type);
bool differ_column(struct making *m, const struct sl_json *value);
bool differ_value(struct making *m, int place, const struct sl_json *value, struct sl_cell *cell);

bool differ_set_row(struct making *m); /* true: the set goes on without it */

/* "; did you mean `order_id`?", or nothing if no known word is near. */
#define MEANT_SIZE 96
const char *meant(const char *word, const char *const *known, char room[MEANT_SIZE]);

#endif
