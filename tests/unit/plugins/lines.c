/* SPDX-License-Identifier: Apache-2.0 */
/* lines.c - a source that polls a file, so that tests can say what the far side has.
 *
 * Each line is an event: its id, a space, its data.  A call emits a page of lines from
 * its cursor (a line's number) on, less the overlap, and advances behind them.  A line
 * that begins with '!' is a mood of the far side: !retry, !fail, !crash, !garbage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

struct options {
	const char *file;
	int64_t page, overlap, slow;
	_Bool always;
};

static const struct sl_option table[] = {
	SL_OPTION(PATH, struct options, file, .help = "What the far side has."),
	SL_OPTION(INT, struct options, page, .initial = "3", .help = "Lines a call."),
	SL_OPTION(INT, struct options, overlap, .initial = "0", .help = "Lines looked at again."),
	SL_OPTION(INT, struct options, slow, .initial = "0", .help = "Milliseconds that a call of a backfill waits."),
	SL_OPTION(BOOL, struct options, always, .initial = "false", .help = "The cursor moves with every call."),
	{ 0 },
};

static enum sl_outcome mood(struct sl_call *call, const char *line)
{
	if (strncmp(line, "!retry", 6) == 0)
		return call->host->retry(call, 0, "the shop is closed");
	if (strncmp(line, "!crash", 6) == 0)
		abort();
	if (strncmp(line, "!garbage", 8) == 0) {
		struct sl_event event = { .id = "g", .data = { "{\"a\":", 5 } };
		call->host->emit(call, &event);
		return SL_DONE;
	}
	return call->host->fail(call, "the shop burned down");
}

static void emit(struct sl_call *call, char *line)
{
	char *data = strchr(line, ' ');
	*data++ = '\0';
	data[strcspn(data, "\n")] = '\0';
	struct sl_event event = { .id = line, .type = call->backfill ? "old" : "new", .data = { data, strlen(data) } };
	call->host->emit(call, &event);
}

static enum sl_outcome read_page(struct sl_call *call)
{
	const struct options *options = call->options;
	int64_t from = call->cursor ? atoll(call->cursor) : 0, at = 0;
	char line[256];
	FILE *file = fopen(options->file, "r");
	enum sl_outcome outcome = file ? SL_DONE : call->host->retry(call, 0, "there is no shop");
	while (outcome == SL_DONE && at < from + options->page && fgets(line, sizeof(line), file)) {
		if (*line == '!')
			outcome = mood(call, line);
		else if (at++ >= from - options->overlap)
			emit(call, line);
	}
	if (file)
		fclose(file);
	if (outcome == SL_DONE)
		call->host->advance(call, call->host->format(call, "%lld", (long long)(options->always ? from + 1 : at)).at);
	return outcome;
}

static enum sl_outcome poll_file(struct sl_call *call)
{
	const struct options *options = call->options;
	if (call->backfill && options->slow)
		return call->host->sleep(call, options->slow, read_page);
	return read_page(call);
}

SL_PLUGIN(.name = "lines", .version = "1", .summary = "A file's lines.", .options = table,
	.options_size = sizeof(struct options), .poll = poll_file);
