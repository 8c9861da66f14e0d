/* SPDX-License-Identifier: Apache-2.0 */
/* moody.c - a sink without transactions: what a row's text says decides what it makes of it.
 *
 * "refuse" is refused, "later" has to come again until the file PATH.mild is there;
 * any other row's id becomes a line of the file PATH.  While PATH.away is there
 * nothing can be had, and what was written of the batch before that stays.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plugin.h"

struct moody {
	const char *path;
};

static const struct sl_option options[] = {
	SL_OPTION(PATH, struct moody, path, .help = "the file"),
	{ 0 },
};

static struct sl_text cell(const struct sl_row *row, const char *name)
{
	for (size_t i = 0; i < row->table->column_count; i++)
		if (strcmp(row->table->columns[i]->name, name) == 0)
			return row->cells[i].text;
	return (struct sl_text){ 0 };
}

static bool is(struct sl_text text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

static bool beside(const struct moody *moody, const char *suffix)
{
	char path[512];
	snprintf(path, sizeof(path), "%s%s", moody->path, suffix);
	return access(path, F_OK) == 0;
}

static void write_row(struct sl_call *call, FILE *file, size_t at)
{
	struct sl_text text = cell(call->rows[at], "text"), id = cell(call->rows[at], "id");
	if (is(text, "refuse")) {
		call->host->settle(call, at, SL_FAIL, "not in this mood");
	} else if (is(text, "later") && !beside(call->options, ".mild")) {
		call->host->settle(call, at, SL_RETRY, "not now");
	} else {
		fprintf(file, "%.*s\n", (int)id.len, id.at);
		call->host->settle(call, at, SL_DONE, "written");
	}
}

static enum sl_outcome deliver(struct sl_call *call)
{
	const struct moody *moody = call->options;
	FILE *file = fopen(moody->path, "a");
	size_t at = 0;
	if (!file)
		return call->host->retry(call, 0, "cannot be had");
	while (at < call->row_count && !(at > 1 && beside(moody, ".away")))
		write_row(call, file, at++);
	fclose(file);
	return at < call->row_count ? call->host->retry(call, 0, "went away in the middle") : SL_DONE;
}

SL_PLUGIN(.name = "moody", .version = "1.0", .summary = "Takes what it likes.", .options = options,
	.options_size = sizeof(struct moody), .deliver = deliver, .batch_rows = 8);
