/* SPDX-License-Identifier: Apache-2.0 */
/* schema_stand.c - the tables that say where a route stands. */
#include "flow/schema.h"

#define COLUMN(title, kind, ...) &(const struct sl_column){ .name = title, .type = SL_COLUMN_##kind, __VA_ARGS__ }

static const struct sl_column *const route_columns[] = {
	COLUMN("route", TEXT, .key = 1, .required = 1),
	COLUMN("log_id", TEXT, .required = 1, .help = "the log that the cursor counts in"),
	COLUMN("cursor", INT, .required = 1, .help = "the last seq the route has passed"),
	COLUMN("counted_from", INT, .help = "the first seq that the counts are about"),
	COLUMN("delivered", INT),
	COLUMN("dropped", INT),
	COLUMN("repeats", INT),
	COLUMN("updated_at", TIMESTAMP),
	COLUMN("mark", TEXT, .help = "what tells the event at the cursor from any other of that seq"),
	NULL,
};

const struct sl_table stand_routes = {
	.name = "_sluice_routes",
	.mode = SL_PUT,
	.columns = route_columns,
	.column_count = sizeof(route_columns) / sizeof(struct sl_column *) - 1,
};

static const struct sl_column *const open_columns[] = {
	COLUMN("route", TEXT, .key = 1, .required = 1),
	COLUMN("seq", INT, .key = 2, .required = 1),
	COLUMN("part", INT, .key = 3, .required = 1),
	COLUMN("state", TEXT, .required = 1, .help = "waiting, behind or dead"),
	COLUMN("event_id", TEXT),
	COLUMN("source", TEXT),
	COLUMN("type", TEXT),
	COLUMN("subject", TEXT),
	COLUMN("reason", TEXT),
	COLUMN("tries", INT),
	COLUMN("first_at", TIMESTAMP),
	COLUMN("last_at", TIMESTAMP),
	COLUMN("due", TIMESTAMP, .help = "when it is tried again"),
	NULL,
};

const struct sl_table stand_open = {
	.name = "_sluice_open",
	.mode = SL_PUT,
	.columns = open_columns,
	.column_count = sizeof(open_columns) / sizeof(struct sl_column *) - 1,
};
