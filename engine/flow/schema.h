/* SPDX-License-Identifier: Apache-2.0 */
/* schema.h - table files, and rows checked against them.
 *
 * A schema file (schemas/NAME.yaml) has `options:`, `tables:` and, beside it, a
 * file of views per dialect (NAME.sqlite.sql).  Every table gets the engine's own
 * columns at its end: _event_id text, _event_time timestamp, _synced_at
 * timestamp.  docs/man/sluice-schema.5 is the manual of the form.
 */
#ifndef FLOW_SCHEMA_H
#define FLOW_SCHEMA_H

#include "base/arena.h"
#include "base/why.h"
#include "sdk/json.h"
#include "sdk/plugin.h"

struct schema;

/* `file` is the YAML file; `options` an object of the values given in the
 * configuration under `schema:` (without `use`), or NULL; `dialect` picks the
 * views ("sqlite"; NULL: none).  Errors name file:line:column. */
struct schema *schema_load(const char *file, const struct sl_json *options, const char *dialect, struct why *why);
void schema_free(struct schema **schema);

/* The options that the file offers, as a table (base/option.h): for checking a
 * configuration.  schema_load takes checked values, and also durations as text. */
const struct sl_option *schema_options(const struct schema *schema);

/* schema_views ends with sluice_dead, the dead letters of _sluice_open. */
const struct sl_table *const *schema_tables(const struct schema *schema, size_t *count);
const struct sl_view *const *schema_views(const struct schema *schema, size_t *count);
const struct sl_table *schema_table(const struct schema *schema, const char *name);

/* The row that an emitted event is: event->type names the table, event->data is
 * an object of column values (for SL_REPLACE: the parent's key and `rows`).
 * `origin` is the event it came from, for what the row leaves out; `index` counts the rows of
 * one event, for the idempotency key.  `now` in milliseconds is _synced_at.
 *
 * True: the row and all its cells lie in the arena; row->event is the event with
 * what it left out filled in, and points where `event` and `origin` do.  False:
 * the row does not fit; why names table, column, what is expected and what was
 * found (a value of a personal column is never shown). */
bool schema_row(const struct schema *schema, const struct sl_event *event, const struct sl_json *data,
	const struct sl_event *origin, uint32_t index, int64_t now, struct arena *arena, struct sl_row *row,
	struct why *why);

/* The tables that say where a route stands: _sluice_routes and _sluice_open. */
extern const struct sl_table stand_routes, stand_open;

#endif
