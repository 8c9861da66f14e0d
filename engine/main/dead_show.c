/* SPDX-License-Identifier: Apache-2.0 */
/* dead_show.c - sluice dead ls, show: what could not be delivered, and why. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "main/dead.h"
#include "main/shown.h"
#include "sdk/text.h"

/* ------------------------------------------------------------------------ ls */

/* The rows of one route, in an order of their own. */
struct group {
	const struct sl_json *newest;
	size_t count;
};

static void row_members(const char *route, const struct sl_json *row, struct buf *out)
{
	json_member_string(out, "route", route);
	for (const struct sl_json *member = sl_json_first(row); member; member = sl_json_next(member)) {
		struct sl_text raw = sl_json_raw(member);
		json_key_text(out, sl_json_name(member));
		json_raw(out, raw.at, raw.len);
	}
}

static void line_json(const char *route, const struct group *group, bool grouped, struct buf *out)
{
	json_open(out, '{');
	row_members(route, group->newest, out);
	if (grouped)
		json_member_uint(out, "count", group->count);
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

static void cell_place(const struct sl_json *row, struct buf *out)
{
	char place[48];
	int64_t part = shown_number(row, "part");
	snprintf(place, sizeof(place), part ? "%" PRId64 ".%" PRId64 : "%" PRId64, shown_number(row, "seq"), part);
	shown_cell(out, 10, place);
}

static void line_text(const char *route, const struct group *group, bool grouped, struct buf *out)
{
	const struct sl_json *row = group->newest;
	if (grouped)
		buf_format(out, "%6zu  ", group->count);
	shown_cell(out, 12, route);
	cell_place(row, out);
	shown_cell(out, 24, shown_word(row, "last_at"));
	if (!grouped) {
		shown_cell(out, 12, shown_word(row, "source"));
		shown_cell(out, 24, shown_word(row, "event_id"));
	}
	shown_string(out, shown_word(row, "reason"));
	buf_char(out, '\n');
}

static int by_number(int64_t one, int64_t other)
{
	return (one > other) - (one < other);
}

static int by_seq(const void *a, const void *b)
{
	const struct sl_json *one = ((const struct group *)a)->newest, *other = ((const struct group *)b)->newest;
	int order = by_number(shown_number(one, "seq"), shown_number(other, "seq"));
	return order ? order : by_number(shown_number(one, "part"), shown_number(other, "part"));
}

static int by_reason(const void *a, const void *b)
{
	const struct group *one = a, *other = b;
	int order = strcmp(shown_word(one->newest, "reason"), shown_word(other->newest, "reason"));
	return order ? order : by_seq(a, b);
}

/* The most first. */
static int by_count(const void *a, const void *b)
{
	const struct group *one = a, *other = b;
	int order = by_number((int64_t)other->count, (int64_t)one->count);
	return order ? order : by_reason(a, b);
}

/* Rows with one reason become one; their newest stands for all. */
static size_t fold(struct group *rows, size_t count)
{
	size_t groups = 0;
	for (size_t i = 0; i < count; i++) {
		const char *reason = shown_word(rows[i].newest, "reason");
		if (groups && strcmp(shown_word(rows[groups - 1].newest, "reason"), reason) == 0) {
			rows[groups - 1].newest = rows[i].newest;
			rows[groups - 1].count++;
		} else
			rows[groups++] = rows[i];
	}
	return groups;
}

static void ls_rows(const struct command_line *line, const char *route, const struct sl_json *list, struct buf *out)
{
	bool grouped = !command_flag(line, "each");
	size_t count = 0;
	struct group *rows = must_alloc((sl_json_count(list) + 1) * sizeof(*rows));
	for (const struct sl_json *row = sl_json_first(list); row; row = sl_json_next(row))
		rows[count++] = (struct group){ row, 1 };
	qsort(rows, count, sizeof(*rows), grouped ? by_reason : by_seq);
	if (grouped) {
		count = fold(rows, count);
		qsort(rows, count, sizeof(*rows), by_count);
	}
	for (size_t i = 0; i < count; i++)
		(line->json ? line_json : line_text)(route, &rows[i], grouped, out);
	free(rows);
}

static bool ls_route(const struct command_line *line, struct questions *questions, const char *route, struct buf *out)
{
	struct why why = { 0 };
	struct buf question = { 0 };
	dead_question(&question, "dead ls", NULL);
	if (command_value(line, "reason"))
		json_member_string(&question, "reason", command_value(line, "reason"));
	struct sl_document *answer = dead_ask(questions, route, &question, &why);
	if (!answer) {
		command_no(line, "route %s: %s", route, why.text);
		return false;
	}
	const struct sl_json *root = sl_json_root(answer), *rows = sl_json_get(root, "rows");
	if ((uint64_t)shown_number(root, "count") > sl_json_count(rows))
		command_no(line, "route %s has %" PRId64 " of them, these are %zu", route, shown_number(root, "count"),
			sl_json_count(rows));
	ls_rows(line, route, rows, out);
	sl_json_free(&answer);
	return true;
}

static void ls_titles(const struct command_line *line, struct buf *out)
{
	if (!command_flag(line, "each"))
		buf_format(out, "%6s  ", "COUNT");
	buf_format(out, "%-12s  %-10s  %-24s  ", "ROUTE", command_flag(line, "each") ? "SEQ" : "NEWEST", "LAST TRIED");
	if (command_flag(line, "each"))
		buf_format(out, "%-12s  %-24s  ", "SOURCE", "ID");
	buf_string(out, "REASON\n");
}

int dead_ls(const struct command_line *line, struct questions *questions)
{
	struct meant meant;
	struct buf out = { 0 };
	int code = EXIT_FINE;
	if (!meant_read(line, questions, &meant, &code))
		return code;
	if (meant.count)
		return command_wrong(line, "it lists routes, not single letters: sluice dead show ROUTE SEQ");
	if (!line->json)
		ls_titles(line, &out);
	size_t before = out.len;
	for (; *meant.routes; meant.routes++)
		if (!ls_route(line, questions, *meant.routes, &out))
			code = EXIT_NO;
	if (!line->json && out.len == before && code == EXIT_FINE) {
		buf_clear(&out);
		buf_string(&out, "no dead letters\n");
	}
	return command_print(&out) ? code : EXIT_NO;
}

/* ---------------------------------------------------------------------- show */

static void show_json(const char *route, const struct sl_json *one, struct buf *out)
{
	json_open(out, '{');
	row_members(route, sl_json_get(one, "row"), out);
	for (const struct sl_json *member = sl_json_first(one); member; member = sl_json_next(member)) {
		struct sl_text raw = sl_json_raw(member);
		if (sl_text_is(sl_json_name(member), "row"))
			continue;
		json_key_text(out, sl_json_name(member));
		json_raw(out, raw.at, raw.len);
	}
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

static void show_row(const char *route, const struct sl_json *row, struct buf *out)
{
	static const char *const names[] = { "source", "event_id", "type", "subject", "first_at", "last_at", "reason" };
	buf_format(out, "dead letter %" PRId64, shown_number(row, "seq"));
	if (shown_number(row, "part"))
		buf_format(out, ".%" PRId64, shown_number(row, "part"));
	buf_format(out, " of route %s\n", route);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		buf_format(out, "  %-9s ", names[i]);
		shown_string(out, shown_word(row, names[i]));
		buf_char(out, '\n');
	}
	buf_format(out, "  tries     %" PRId64 "\n", shown_number(row, "tries"));
}

static void show_text(const char *route, const struct sl_json *one, struct buf *out)
{
	struct sl_text body = sl_json_string(sl_json_get(one, "body"));
	show_row(route, sl_json_get(one, "row"), out);
	const struct sl_json *try = sl_json_first(sl_json_get(one, "history"));
	for (; try; try = sl_json_next(try)) {
		buf_format(out, "  tried     %s: ", shown_word(try, "at"));
		shown_string(out, shown_word(try, "reason"));
		buf_char(out, '\n');
	}
	shown_headers(out, sl_json_string(sl_json_get(one, "headers")), "    ");
	buf_char(out, '\n');
	if (!body.at)
		buf_string(out, "its body is not there any more");
	else if (isatty(STDOUT_FILENO))
		shown_lines(out, body);
	else
		buf_add(out, body.at, body.len);
	buf_char(out, '\n');
}

int dead_show(const struct command_line *line, struct questions *questions)
{
	struct meant meant;
	struct letter letter;
	struct buf out = { 0 };
	struct why why = { 0 };
	int code = EXIT_FINE;
	if (!meant_read(line, questions, &meant, &code) || !meant_one(line, &meant, &letter, &code))
		return code;
	struct sl_document *answer = dead_look(questions, meant.route, &letter, &why);
	if (!answer)
		return command_no(line, "%s", why.text);
	const struct sl_json *one = sl_json_first(sl_json_get(sl_json_root(answer), "rows"));
	for (; one; one = sl_json_next(one))
		(line->json ? show_json : show_text)(meant.route, one, &out);
	sl_json_free(&answer);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}
