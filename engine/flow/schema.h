/* SPDX-License-Identifier: Apache-2.0 */
/* schema.h - table files, and rows checked against them.
 *
 * A schema file (schemas/NAME.yaml) has `options:`, `tables:` and, beside it, a
 * file of views per dialect (NAME.sqlite.sql).  Every table gets the engine's own
 * columns at its end: [deleted bool, deleted_at timestamp] [_times json] _event_id
 * text, _event_time timestamp, _synced_at timestamp.  docs/man/sluice-schema.5 is the manual of the form.
 */
#ifndef FLOW_SCHEMA_H
#define FLOW_SCHEMA_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/why.h"
#include "sdk/json.h"
#include "sdk/plugin.h"

struct schema;

/* Where a schema comes from. */
struct schema_wish {
	const char *file;               /* the YAML file */
	const struct sl_json *options;  /* an object of the values given in the configuration under `schema:`, or NULL */
	const struct sl_json *contract; /* likewise `contract:`; it takes the place of the file's own; or NULL */
	const char *dialect;            /* picks views and generated columns: "sqlite"; NULL: none */
	const char *evolved;            /* the file of what came in addition (schema_note), if there is one; or NULL */
};

/* NULL with a sentence that names file:line:column. */
struct schema *schema_open(const struct schema_wish *wish, struct why *why);
void schema_free(struct schema **schema);

/* The same for a sink's part of the configuration: {"file","options","evolved","contract"}. */
struct schema *schema_of_part(const struct sl_json *part, const char *dialect, struct why *why);

/* The same without contract and additions. */
struct schema *schema_load(const char *file, const struct sl_json *options, const char *dialect, struct why *why);

/* The schema, additions and all, as the text of a schema file. */
void schema_show(const struct schema *schema, struct buf *out);

/* The options that the file offers, as a table (base/option.h): for checking a
 * configuration.  schema_load takes checked values, and also durations as text. */
const struct sl_option *schema_options(const struct schema *schema);

/* schema_views ends with sluice_dead, the dead letters of _sluice_open. */
const struct sl_table *const *schema_tables(const struct schema *schema, size_t *count);
const struct sl_view *const *schema_views(const struct schema *schema, size_t *count);
const struct sl_table *schema_table(const struct schema *schema, const char *name);


/* ---------------------------------------------------------------------- rows */

/* What an event has that the schema has not, and should get. */
struct growth {
	const char *table, *column;
	enum sl_column_type type;
	enum growth_kind { GROWTH_TABLE, GROWTH_COLUMN, GROWTH_WIDER } kind;
	const struct growth *next;
};

/* What becomes of an event. */
enum fit {
	FIT_ROW,  /* it is a row */
	FIT_NOT,  /* it is none: `why` says which table and column, what is expected and what was found */
	FIT_DROP, /* it is let go of: `why` is the reason, without any value */
	FIT_GROW, /* it would be one if the schema had `growth`: note it, load the schema again, ask again */
};

/* An event and the row that it is.  The engine's columns deleted, deleted_at and _times
 * are left SL_CELL_NONE: what folds rows fills them (sdk/fold.h). */
struct fitting {
	const struct sl_event *event;  /* type names the table */
	const struct sl_json *data;    /* an object of column values; for SL_REPLACE the parent's key and `rows` */
	const struct sl_event *origin; /* the event it came from, for what the row leaves out; or NULL */
	uint32_t index;                /* counts the rows of one event, for the idempotency key */
	int64_t now;                   /* milliseconds: _synced_at */
	struct arena *arena;           /* of the row, its cells, and all below */

	struct sl_row row;             /* row.event is the event with what it left out, and points where the two do */
	const struct growth *growth;   /* FIT_GROW */
	const char *const *mended;     /* what was let go of, one text for each value; or NULL */
	size_t mended_count;
	struct why *why;
};

const char *schema_mode_name(enum sl_mode mode); /* "upsert"; NULL: one of the engine's own */

/* A value of a personal column is never shown. */
enum fit schema_fit(const struct schema *schema, struct fitting *fitting);

/* The same for who wants a row or a sentence: true for FIT_ROW. */
bool schema_row(const struct schema *schema, const struct sl_event *event, const struct sl_json *data,
	const struct sl_event *origin, uint32_t index, int64_t now, struct arena *arena, struct sl_row *row,
	struct why *why);

/* ----------------------------------------------------------------- additions */

/* Appends what is not there yet to the file of additions (DATA/schemas/SINK.jsonl), on disk when
 * this returns.  Other processes may do so at the same time. */
bool schema_note(const char *evolved, const struct growth *growth, struct why *why);

/* It has that by now, or what serves as well. */
bool schema_has(const struct schema *schema, const struct growth *growth);
const char *schema_evolved(const struct schema *schema); /* the file; NULL: it has none, and nothing makes it grow */

/* In memory alone: it becomes the schema as it would be.  Rows made with the one before stay good as
 * long as this one lives. */
bool schema_grow(struct schema **schema, const struct growth *growth, struct why *why);

/* "a column orders.colour of type text". */
const char *growth_shown(const struct growth *growth, struct arena *arena);

/* The tables that say where a route stands: _sluice_routes and _sluice_open. */
extern const struct sl_table stand_routes, stand_open;

#endif
