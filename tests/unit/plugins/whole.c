/* SPDX-License-Identifier: Apache-2.0 */
/* whole.c - a source that reads the whole of a file at each poll, so that tests can see what is gone.
 *
 * Each line is "SCOPE SUBJECT VERSION": an event SUBJECT@VERSION; or "!sweep SCOPE".  With
 * `page` a call reads so many lines; the run ends behind the last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

struct options {
	const char *file, *type;
	int64_t page;
};

struct state {
	_Bool through;
};

static const struct sl_option table[] = {
	SL_OPTION(PATH, struct options, file, .help = "What the far side has."),
	SL_OPTION(TEXT, struct options, type, .initial = "item_gone", .help = "Of what is gone."),
	SL_OPTION(INT, struct options, page, .initial = "10000000", .help = "Lines a call."),
	{ 0 },
};

static void read_line(struct sl_call *call, const char *line)
{
	char scope[64], subject[64];
	int version = 0;
	if (sscanf(line, "!sweep %63s", scope) == 1)
		call->host->sweep(call, scope, ((const struct options *)call->options)->type);
	else if (sscanf(line, "%63s %63s %d", scope, subject, &version) == 3)
		call->host->emit(call, &(struct sl_event){
			.id = call->host->format(call, "%s@%d", subject, version).at,
			.type = "item",
			.subject = subject,
			.scope = scope,
			.time = 1700000000000 + version,
			.data = { "{}", 2 },
		});
}

static enum sl_outcome poll_whole(struct sl_call *call)
{
	const struct options *options = call->options;
	struct state *state = call->state;
	int64_t from = call->cursor ? atoll(call->cursor) : 0, at = 0;
	char line[256];
	if (state->through) {
		state->through = 0;
		return SL_DONE;
	}
	FILE *file = fopen(options->file, "r");
	if (!file)
		return call->host->retry(call, 0, "there is no shop");
	for (; at < from + options->page && fgets(line, sizeof(line), file); at++)
		if (at >= from)
			read_line(call, line);
	_Bool end = at < from + options->page;
	state->through = end && from;
	fclose(file);
	call->host->progress(call, (uint64_t)at, 0);
	if (!end || from)
		call->host->advance(call, call->host->format(call, "%lld", end ? 0LL : (long long)at).at);
	return SL_DONE;
}

SL_PLUGIN(.name = "whole", .version = "1", .summary = "All of a file.", .options = table,
	.options_size = sizeof(struct options), .state_size = sizeof(struct state), .poll = poll_whole);
