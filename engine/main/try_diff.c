/* SPDX-License-Identifier: Apache-2.0 */
/* try_diff.c - where two runs over the same events differ: a line for each column of a row. */
#include <inttypes.h>
#include <string.h>

#include "main/shown.h"
#include "main/try.h"
#include "sdk/text.h"

struct diff {
	bool json;
	struct buf out;            /* what is printed */
	struct buf differences;    /* JSON: of one event */
	uint64_t same, changed, gone, added, failed, told; /* rows but `failed`; told: events that differ or fail */
	bool head;                 /* the table's head stands */
};

static struct sl_text word(const struct sl_json *json, const char *name)
{
	return sl_json_string(sl_json_get(json, name));
}

static bool same_raw(const struct sl_json *a, const struct sl_json *b)
{
	struct sl_text one = sl_json_raw(a), other = sl_json_raw(b);
	if (!a || !b)
		return a == b;
	return one.len == other.len && memcmp(one.at, other.at, one.len) == 0;
}

/* ------------------------------------------------------------------- a line */

static void line_json(struct diff *diff, const struct sl_json *row, struct sl_text column, const char *before,
	const char *after)
{
	struct buf *out = &diff->differences;
	struct sl_text key = sl_json_raw(sl_json_get(row, "key"));
	json_open(out, '{');
	json_key(out, "table"), json_text(out, word(row, "table"));
	json_key(out, "key"), json_raw(out, key.at ? key.at : "null", key.at ? key.len : 4);
	json_key(out, "column");
	if (column.at)
		json_text(out, column);
	else
		json_null(out);
	json_member_string(out, "old", before);
	json_member_string(out, "new", after);
	json_close(out, '}');
}

static void line_text(struct diff *diff, const struct tried *tried, const struct sl_json *row, struct sl_text column,
	const char *before, const char *after)
{
	struct buf *out = &diff->out, key = { 0 }, name = { 0 }, table = { 0 };
	if (!diff->head)
		buf_string(out, "   EVENT  TABLE           KEY                             COLUMN                OLD -> NEW\n");
	diff->head = true;
	shown_text(&table, row ? word(row, "table") : sl_text_of("-"));
	if (row)
		tried_key(row, &key);
	shown_text(&name, column.at ? column : sl_text_of(row ? "(row)" : "(event)"));
	buf_format(out, tried->part ? "%6" PRIu64 ".%" PRIu64 "  " : "%8" PRIu64 "  ", tried->seq, tried->part);
	shown_cell(out, 14, table.at);
	shown_cell(out, 30, key.len ? key.at : "-");
	shown_cell(out, 20, name.at);
	buf_format(out, "%s -> %s\n", before, after);
	buf_free(&key);
	buf_free(&name);
	buf_free(&table);
}

static void line_of(struct diff *diff, const struct tried *tried, const struct sl_json *row, struct sl_text column,
	const char *before, const char *after)
{
	if (diff->json)
		line_json(diff, row, column, before, after);
	else
		line_text(diff, tried, row, column, before, after);
}

/* --------------------------------------------------------------------- rows */

static void column_line(struct diff *diff, const struct tried *tried, const struct sl_json *row, struct sl_text column,
	const struct sl_json *before, const struct sl_json *after)
{
	struct buf old = { 0 }, new = { 0 };
	tried_value(before, &old);
	tried_value(after, &new);
	line_of(diff, tried, row, column, old.at, new.at);
	buf_free(&old);
	buf_free(&new);
}

/* Columns of `row` that `other` has otherwise; with `missing` only those it has not at all. */
static size_t compare_columns(struct diff *diff, const struct tried *tried, const struct sl_json *row,
	const struct sl_json *other, bool missing)
{
	size_t found = 0;
	for (const struct sl_json *at = sl_json_first(sl_json_get(row, "row")); at; at = sl_json_next(at)) {
		struct sl_text name = sl_json_name(at);
		const struct sl_json *there = sl_json_get_text(sl_json_get(other, "row"), name);
		if (tried_aside(name) || (missing ? there != NULL : same_raw(at, there)))
			continue;
		found++;
		if (missing)
			column_line(diff, tried, row, name, NULL, at);
		else
			column_line(diff, tried, row, name, at, there);
	}
	return found;
}

static size_t compare_modes(struct diff *diff, const struct tried *tried, const struct sl_json *old,
	const struct sl_json *new)
{
	if (same_raw(sl_json_get(old, "mode"), sl_json_get(new, "mode")))
		return 0;
	column_line(diff, tried, new, sl_text_of("(mode)"), sl_json_get(old, "mode"), sl_json_get(new, "mode"));
	return 1;
}

static void compare_rows(struct diff *diff, const struct tried *tried, const struct sl_json *old,
	const struct sl_json *new)
{
	size_t found = compare_modes(diff, tried, old, new);
	found += compare_columns(diff, tried, old, new, false);
	found += compare_columns(diff, tried, new, old, true);
	diff->changed += found > 0;
	diff->same += !found;
}

static bool one_row(const struct sl_json *a, const struct sl_json *b)
{
	bool empty = sl_json_kind(sl_json_get(a, "row")) == SL_KIND_NULL;
	return same_raw(sl_json_get(a, "table"), sl_json_get(b, "table")) &&
		same_raw(sl_json_get(a, "key"), sl_json_get(b, "key")) &&
		empty == (sl_json_kind(sl_json_get(b, "row")) == SL_KIND_NULL);
}

/* How many rows before this one are the same row: a key may come twice. */
static size_t occurrence(const struct sl_json *rows, const struct sl_json *row)
{
	size_t count = 0;
	for (const struct sl_json *at = sl_json_first(rows); at && at != row; at = sl_json_next(at))
		count += one_row(at, row);
	return count;
}

static const struct sl_json *counterpart(const struct sl_json *rows, const struct sl_json *row, size_t nth)
{
	for (const struct sl_json *at = sl_json_first(rows); at; at = sl_json_next(at))
		if (one_row(at, row) && !nth--)
			return at;
	return NULL;
}

static void compare_events(struct diff *diff, const struct tried *before, const struct tried *after)
{
	const struct sl_json *old = sl_json_get(before->json, "rows"), *new = sl_json_get(after->json, "rows");
	static const struct sl_text whole = { NULL, 0 };
	for (const struct sl_json *at = sl_json_first(old); at; at = sl_json_next(at)) {
		const struct sl_json *there = counterpart(new, at, occurrence(old, at));
		if (there) {
			compare_rows(diff, after, at, there);
			continue;
		}
		diff->gone++;
		line_of(diff, after, at, whole, "there", "-");
	}
	for (const struct sl_json *at = sl_json_first(new); at; at = sl_json_next(at))
		if (!counterpart(old, at, occurrence(new, at))) {
			diff->added++;
			line_of(diff, after, at, whole, "-", "there");
		}
}

/* ------------------------------------------------------------------- events */

static void put_outcome(const struct sl_json *json, const char *name, struct buf *out)
{
	struct buf words = { 0 };
	tried_words(json, &words);
	json_member_string(out, name, words.at);
	buf_free(&words);
}

static void event_json(struct diff *diff, const struct tried *before, const struct tried *after)
{
	static const char *const names[] = { "source", "id", "type", "subject" };
	struct buf *out = &diff->out;
	json_open(out, '{');
	json_member_uint(out, "seq", after->seq);
	json_member_uint(out, "part", after->part);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct sl_text raw = sl_json_raw(sl_json_get(before->json, names[i]));
		json_key(out, names[i]);
		json_raw(out, raw.at ? raw.at : "null", raw.at ? raw.len : 4);
	}
	put_outcome(before->json, "old", out);
	put_outcome(after->json, "new", out);
	json_key(out, "differences");
	json_raw(out, diff->differences.at, diff->differences.len);
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

/* What became of the event as a whole; that it has other rows is told row by row. */
static bool other_end(const struct tried *before, const struct tried *after)
{
	return !same_raw(sl_json_get(before->json, "outcome"), sl_json_get(after->json, "outcome")) ||
		!same_raw(sl_json_get(before->json, "why"), sl_json_get(after->json, "why")) ||
		!same_raw(sl_json_get(before->json, "drops"), sl_json_get(after->json, "drops"));
}

static void tell_end(struct diff *diff, const struct tried *before, const struct tried *after)
{
	struct buf old = { 0 }, new = { 0 };
	tried_words(before->json, &old);
	tried_words(after->json, &new);
	if (!diff->json)
		line_text(diff, after, NULL, (struct sl_text){ NULL, 0 }, old.at, new.at);
	buf_free(&old);
	buf_free(&new);
}

static void compare(struct diff *diff, const struct tried *before, const struct tried *after)
{
	uint64_t known = diff->changed + diff->gone + diff->added;
	bool ends = other_end(before, after), failed = tried_failed(after->json);
	buf_clear(&diff->differences);
	json_open(&diff->differences, '[');
	if (ends || failed)
		tell_end(diff, before, after);
	compare_events(diff, before, after);
	json_close(&diff->differences, ']');
	diff->differences.comma = false;
	diff->failed += failed;
	if (!ends && !failed && known == diff->changed + diff->gone + diff->added)
		return;
	diff->told++;
	if (diff->json)
		event_json(diff, before, after);
}

/* ---------------------------------------------------------------------- all */

static void counts(struct diff *diff, uint64_t events)
{
	struct buf *out = &diff->out;
	if (!diff->json) {
		buf_format(out, "%s%" PRIu64 " event%s: %" PRIu64 " row%s same, %" PRIu64 " changed, %" PRIu64
			" only old, %" PRIu64 " only new; %" PRIu64 " failed\n", diff->head ? "\n" : "", events,
			events == 1 ? "" : "s", diff->same, diff->same == 1 ? "" : "s", diff->changed, diff->gone, diff->added,
			diff->failed);
		return;
	}
	json_open(out, '{');
	json_key(out, "counts");
	json_open(out, '{');
	json_member_uint(out, "events", events);
	json_member_uint(out, "same", diff->same);
	json_member_uint(out, "changed", diff->changed);
	json_member_uint(out, "only_old", diff->gone);
	json_member_uint(out, "only_new", diff->added);
	json_member_uint(out, "failed", diff->failed);
	json_close(out, '}');
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

static int by_place(const struct tried *a, const struct tried *b)
{
	if (a->seq != b->seq)
		return a->seq < b->seq ? -1 : 1;
	return a->part < b->part ? -1 : a->part > b->part;
}

/* Both runs in step; an event that only one of them has (a decode step that finds fewer) is
 * compared with nothing. */
bool try_diff(const struct try_run *before, const struct try_run *after, bool json, uint64_t *bad)
{
	struct diff diff = { .json = json };
	size_t old = 0, new = 0;
	while (old < before->count || new < after->count) {
		int order = old == before->count ? 1 : new == after->count ? -1 : by_place(&before->at[old], &after->at[new]);
		struct tried none = order < 0 ? before->at[old] : new < after->count ? after->at[new] : (struct tried){ 0 };
		none.json = NULL;
		compare(&diff, order > 0 ? &none : &before->at[old], order < 0 ? &none : &after->at[new]);
		old += order <= 0;
		new += order >= 0;
	}
	counts(&diff, before->records > after->records ? before->records : after->records);
	*bad = diff.told;
	buf_free(&diff.differences);
	return command_print(&diff.out);
}
