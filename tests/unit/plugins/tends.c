/* SPDX-License-Identifier: Apache-2.0 */
/* tends.c - a sink with the steps of interface 1.2, for tests of what calls them. */
#include <stdbool.h>
#include <string.h>

#include "plugin.h"

struct tends {
	int64_t due;  /* pieces of upkeep */
	int64_t away; /* times */
	int64_t after;
};

static const struct sl_option options[] = {
	SL_OPTION(INT, struct tends, due, .initial = "3", .max = 100, .help = "pieces of upkeep that are due"),
	SL_OPTION(INT, struct tends, away, .initial = "0", .max = 100, .help = "calls until it can be had"),
	SL_OPTION(DURATION, struct tends, after, .initial = "0s", .help = "how long it asks to be left alone"),
	{ 0 },
};

struct state {
	int64_t kept_up, asked;
};

static bool is_away(struct sl_call *call)
{
	const struct tends *tends = call->options;
	struct state *state = call->state;
	return ++state->asked <= tends->away;
}

static enum sl_outcome come_again(struct sl_call *call)
{
	const struct tends *tends = call->options;
	return call->host->retry(call, tends->after, "nobody is there");
}

/* Rows are refused by their idempotency. */
static enum sl_outcome deliver(struct sl_call *call)
{
	if (is_away(call))
		return come_again(call);
	for (size_t i = 0; i < call->row_count; i++) {
		call->host->tally(call, "rows were seen", 1);
		if (call->rows[i]->idempotency)
			call->host->settle(call, i, SL_FAIL, "no");
	}
	return SL_DONE;
}

/* Rows numbered 1 to 5, those behind the cursor. */
static enum sl_outcome recall(struct sl_call *call)
{
	const struct sl_table *table = call->rows[0]->table;
	int64_t number = call->cursor ? call->cursor[0] - '0' : 0;
	size_t most = call->most ? call->most : 5;
	if (is_away(call))
		return come_again(call);
	for (; most && number < 5; most--) {
		struct sl_cell *cells = call->host->alloc(call, table->column_count * sizeof(*cells));
		cells[0] = (struct sl_cell){ .kind = SL_CELL_INT, .number = ++number };
		call->host->emit_row(call, table, cells);
	}
	if (number < 5)
		call->host->advance(call, call->host->format(call, "%d", (int)number).at);
	return SL_DONE;
}

static enum sl_outcome schema(struct sl_call *call)
{
	for (size_t i = 0; i < call->table_count; i++) {
		struct sl_text data = call->host->format(call, "{\"table\":\"%s\",\"safe\":true}", call->tables[i]->name);
		call->host->emit(call, &(struct sl_event){ .type = "add table", .data = data });
	}
	return strcmp(call->verb, "diff") == 0 ? SL_DONE : call->host->fail(call, "it changes nothing");
}

static enum sl_outcome upkeep(struct sl_call *call)
{
	const struct tends *tends = call->options;
	struct state *state = call->state;
	if (state->kept_up == tends->due)
		return SL_DONE;
	if (++state->kept_up < tends->due)
		call->host->advance(call, NULL);
	call->host->emit(call,
		&(struct sl_event){ .type = "pruned", .data = { "{\"table\":\"cards\",\"rows\":1000}", 29 } });
	return SL_DONE;
}

SL_PLUGIN(.name = "tends", .version = "1.0", .summary = "Keeps nothing, in order.", .options = options,
	.options_size = sizeof(struct tends), .state_size = sizeof(struct state), .deliver = deliver, .recall = recall,
	.schema = schema, .upkeep = upkeep);
