/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_refused.c - sluice refused: the last requests that were not taken, and why. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "flow/refused.h"
#include "main/folder.h"
#include "main/shown.h"
#include "sdk/time.h"

/* The ones that fit, oldest first. */
struct gathered {
	const char *source;
	struct refused_entry *entries;
	size_t count;
};

static void gather(const struct refused_entry *entry, void *data)
{
	struct gathered *gathered = data;
	if (!gathered->source || strcmp(gathered->source, entry->source) == 0)
		gathered->entries[gathered->count++] = *entry;
}

static int widest(size_t most, size_t len)
{
	return (int)(len > most ? len : most);
}

static void print_words(const struct gathered *gathered, size_t first, struct buf *out)
{
	int source = 6, peer = 7;
	for (size_t i = first; i < gathered->count; i++) {
		source = widest((size_t)source, strlen(gathered->entries[i].source));
		peer = widest((size_t)peer, strlen(gathered->entries[i].peer));
	}
	if (first < gathered->count)
		buf_format(out, "%-24s  %-*s  %-*s  STATUS  REASON\n", "TIME", source, "SOURCE", peer, "ADDRESS");
	for (size_t i = first; i < gathered->count; i++) {
		const struct refused_entry *entry = &gathered->entries[i];
		shown_time(out, entry->time);
		buf_string(out, "  ");
		shown_cell(out, source, entry->source);
		shown_cell(out, peer, entry->peer);
		buf_format(out, "%-6d  ", entry->status);
		shown_string(out, entry->reason);
		buf_char(out, '\n');
	}
}

static void print_json(const struct gathered *gathered, size_t first, struct buf *out)
{
	for (size_t i = first; i < gathered->count; i++) {
		const struct refused_entry *entry = &gathered->entries[i];
		char when[SL_TIME_SIZE];
		sl_time_write(entry->time * 1000, when);
		json_open(out, '{');
		json_member_string(out, "time", when);
		json_member_string(out, "source", entry->source);
		json_member_string(out, "address", entry->peer);
		json_member_int(out, "status", entry->status);
		json_member_string(out, "reason", entry->reason);
		json_close(out, '}');
		buf_char(out, '\n');
		out->comma = false;
	}
}

static int print(const struct command_line *line, struct gathered *gathered, const char *path, size_t most)
{
	struct buf out = { 0 };
	struct why why;
	if (!refused_each(path, gather, gathered, &why))
		return command_no(line, "%s", why.text);
	size_t first = gathered->count > most ? gathered->count - most : 0;
	(line->json ? print_json : print_words)(gathered, first, &out);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

static int refused(const struct command_line *line)
{
	struct folder folder;
	struct why why;
	struct buf path = { 0 };
	int64_t last;
	int code;
	if (!command_number(line, "last", 1, REFUSED_COUNT, &last, &why))
		return command_wrong(line, "%s", why.text);
	if (!folder_open(line, &folder, &code))
		return code;
	struct gathered gathered = { .source = command_value(line, "source") };
	gathered.entries = must_alloc(REFUSED_COUNT * sizeof(*gathered.entries));
	buf_format(&path, "%s/refused", folder.data);
	code = print(line, &gathered, path.at, (size_t)last);
	buf_free(&path);
	free(gathered.entries);
	folder_close(&folder);
	return code;
}

static const struct command_option options[] = {
	{ "last", 'n', "N", "only the last N (default: all that are kept, 200)" },
	{ "source", 's', "NAME", "only of this source, or of this path where there is no source" },
	FOLDER_OPTION,
	{ 0 },
};

const struct command cmd_refused[] = {
	{ "refused", NULL, 0, 0, "list the last requests that were not taken, and why", options, refused },
	{ 0 },
};
