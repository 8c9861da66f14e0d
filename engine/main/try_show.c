/* SPDX-License-Identifier: Apache-2.0 */
/* try_show.c - what a mapping makes of each event: rows, drops, failures, requests, log lines. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "main/shown.h"
#include "main/try.h"
#include "sdk/text.h"

#define VALUE_MOST 100 /* bytes of a value that are shown */

/* -------------------------------------------------------------------- words */

static struct sl_text word(const struct sl_json *json, const char *name)
{
	return sl_json_string(sl_json_get(json, name));
}

bool tried_failed(const struct sl_json *tried)
{
	struct sl_text outcome = word(tried, "outcome");
	return sl_text_is(outcome, "failed") || sl_text_is(outcome, "retry");
}

bool tried_aside(struct sl_text column)
{
	return sl_text_is(column, "_synced_at");
}

static void put_reasons(const struct sl_json *drops, struct buf *out)
{
	const char *before = ": ";
	for (const struct sl_json *at = sl_json_first(drops); at; at = sl_json_next(at), before = "; ") {
		buf_string(out, before);
		shown_text(out, sl_json_string(at));
	}
}

void tried_words(const struct sl_json *tried, struct buf *out)
{
	struct sl_text outcome = word(tried, "outcome"), why = word(tried, "why");
	size_t rows = sl_json_count(sl_json_get(tried, "rows"));
	if (sl_text_is(outcome, "rows"))
		buf_format(out, "%zu row%s", rows, rows == 1 ? "" : "s");
	else if (sl_text_is(outcome, "retry"))
		buf_string(out, "would be tried again");
	else
		shown_text(out, outcome);
	if (sl_text_is(outcome, "dropped"))
		put_reasons(sl_json_get(tried, "drops"), out);
	if (why.at) {
		buf_string(out, ": ");
		shown_text(out, why);
	}
}

/* Cut where a character ends. */
static struct sl_text cut(struct sl_text text)
{
	if (text.len <= VALUE_MOST)
		return text;
	text.len = VALUE_MOST;
	while (text.len && ((unsigned char)text.at[text.len] & 0xc0) == 0x80)
		text.len--;
	return text;
}

void tried_value(const struct sl_json *value, struct buf *out)
{
	struct sl_text text = sl_json_kind(value) == SL_KIND_STRING ? sl_json_string(value) : sl_json_raw(value);
	if (!value)
		buf_char(out, '-');
	else if (!text.len)
		buf_string(out, "\"\"");
	shown_text(out, cut(text));
	if (text.len > VALUE_MOST)
		buf_string(out, "...");
}

void tried_key(const struct sl_json *row, struct buf *out)
{
	const struct sl_json *first = sl_json_first(sl_json_get(row, "key"));
	if (!first)
		buf_char(out, '-');
	for (const struct sl_json *at = first; at; at = sl_json_next(at)) {
		if (at != first)
			buf_char(out, ' ');
		shown_text(out, sl_json_name(at));
		buf_char(out, '=');
		tried_value(at, out);
	}
}

/* --------------------------------------------------------------------- text */

static void show_row(const struct sl_json *row, struct buf *out)
{
	struct buf name = { 0 };
	buf_string(out, "    ");
	shown_text(out, word(row, "table"));
	buf_char(out, ' ');
	tried_key(row, out);
	buf_string(out, sl_json_kind(sl_json_get(row, "row")) == SL_KIND_NULL ? "  no rows any more\n" : "\n");
	for (const struct sl_json *at = sl_json_first(sl_json_get(row, "row")); at; at = sl_json_next(at)) {
		if (*sl_json_name(at).at == '_' || sl_json_get_text(sl_json_get(row, "key"), sl_json_name(at)))
			continue;
		buf_clear(&name);
		shown_text(&name, sl_json_name(at));
		buf_format(out, "      %-20s  ", name.len ? name.at : "");
		tried_value(at, out);
		buf_char(out, '\n');
	}
	buf_free(&name);
}

static void show_head(const struct tried *tried, struct buf *out)
{
	static const char *const names[] = { "source", "type", "subject", "id" };
	buf_format(out, "%" PRIu64, tried->seq);
	if (tried->part)
		buf_format(out, ".%" PRIu64, tried->part);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct sl_text text = word(tried->json, names[i]);
		buf_string(out, "  ");
		shown_text(out, cut(text.len ? text : sl_text_of("-")));
	}
	buf_string(out, "\n  ");
	tried_words(tried->json, out);
	buf_char(out, '\n');
}

static void show_list(const struct tried *tried, const char *name, const char *before, struct buf *out)
{
	for (const struct sl_json *at = sl_json_first(sl_json_get(tried->json, name)); at; at = sl_json_next(at)) {
		buf_format(out, "    %s", before);
		shown_text(out, sl_json_string(at));
		buf_char(out, '\n');
	}
}

static void show_text(const struct tried *tried, const struct tried_line *lines, size_t count, struct buf *out)
{
	show_head(tried, out);
	for (const struct sl_json *at = sl_json_first(sl_json_get(tried->json, "rows")); at; at = sl_json_next(at))
		show_row(at, out);
	show_list(tried, "grows", "the schema would get ", out);
	show_list(tried, "mended", "", out);
	for (const struct sl_json *at = sl_json_first(sl_json_get(tried->json, "asked")); at; at = sl_json_next(at)) {
		buf_format(out, "    %-8s  ", word(at, "how").at);
		shown_text(out, word(at, "request"));
		buf_char(out, '\n');
	}
	for (size_t i = 0; i < count; i++) {
		buf_format(out, "    %-8s  ", word(lines[i].json, "level").at);
		shown_text(out, word(lines[i].json, "text"));
		buf_char(out, '\n');
	}
}

/* --------------------------------------------------------------------- JSON */

static void show_json(const struct tried *tried, const struct tried_line *lines, size_t count, struct buf *out)
{
	json_open(out, '{');
	json_member_uint(out, "seq", tried->seq);
	json_member_uint(out, "part", tried->part);
	for (const struct sl_json *at = sl_json_first(tried->json); at; at = sl_json_next(at)) {
		struct sl_text name = sl_json_name(at), raw = sl_json_raw(at);
		if (sl_text_is(name, "seq") || sl_text_is(name, "part"))
			continue;
		json_key_text(out, name);
		json_raw(out, raw.at, raw.len);
	}
	json_key(out, "log");
	json_open(out, '[');
	for (size_t i = 0; i < count; i++) {
		json_open(out, '{');
		json_key(out, "level"), json_text(out, word(lines[i].json, "level"));
		json_key(out, "text"), json_text(out, word(lines[i].json, "text"));
		json_close(out, '}');
	}
	json_close(out, ']');
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

/* ---------------------------------------------------------------------- all */

static const char *const outcomes[][2] = { { "rows", "with rows" }, { "dropped", "dropped" }, { "failed", "failed" },
	{ "retry", "to be tried again" } };
#define OUTCOMES (sizeof(outcomes) / sizeof(*outcomes))

static void show_counts(const struct try_run *run, struct buf *out)
{
	size_t counts[OUTCOMES] = { 0 };
	for (size_t i = 0; i < run->count; i++)
		for (size_t k = 0; k < OUTCOMES; k++)
			counts[k] += sl_text_is(word(run->at[i].json, "outcome"), outcomes[k][0]);
	buf_format(out, "%s%zu event%s", run->count ? "\n" : "", run->count, run->count == 1 ? "" : "s");
	for (size_t k = 0; k < OUTCOMES; k++)
		if (counts[k])
			buf_format(out, ", %zu %s", counts[k], outcomes[k][1]);
	buf_char(out, '\n');
}

bool try_show(const struct try_run *run, bool json, uint64_t *bad)
{
	struct buf out = { 0 };
	size_t line = 0;
	for (size_t i = 0; i < run->count; i++) {
		const struct tried *tried = &run->at[i];
		size_t first = line;
		while (line < run->line_count && run->lines[line].seq <= tried->seq)
			line++;
		(json ? show_json : show_text)(tried, run->lines + first, line - first, &out);
		*bad += tried_failed(tried->json);
	}
	if (!json)
		show_counts(run, &out);
	return command_print(&out);
}
