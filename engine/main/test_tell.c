/* SPDX-License-Identifier: Apache-2.0 */
/* test_tell.c - what became of tests, as words, as TAP, as JSON. */
#include <stdio.h>
#include <string.h>

#include "main/shown.h"
#include "main/test_command.h"

#define DIFFERENCES_TOLD 20
#define WORDS_TOLD 4000 /* bytes of what a plugin wrote */

static bool has_passed(const struct test_report *report)
{
	return !report->error && report->end && !sl_json_count(sl_json_get(report->end, "differences"));
}

/* -------------------------------------------------------------------- words */

static void value_words(const struct sl_json *difference, const char *name, struct buf *out)
{
	const char *text = test_string(difference, name);
	buf_format(out, "        %-8s  %s\n", name, text ? text : "nothing");
}

static void differences_words(const struct sl_json *end, struct buf *out)
{
	const struct sl_json *list = sl_json_get(end, "differences");
	size_t told = 0;
	for (const struct sl_json *at = sl_json_first(list); at && told < DIFFERENCES_TOLD; at = sl_json_next(at), told++) {
		const char *path = test_string(at, "path");
		buf_format(out, "    %s\n", path && *path ? path : "all of it");
		value_words(at, "expected", out);
		value_words(at, "found", out);
	}
	if (sl_json_count(list) > told)
		buf_format(out, "    and %zu more\n", sl_json_count(list) - told);
}

static void list_words(const struct sl_json *end, const char *name, const char *shown, struct buf *out)
{
	for (const struct sl_json *at = sl_json_first(sl_json_get(end, name)); at; at = sl_json_next(at)) {
		buf_format(out, "    %-5s ", shown);
		shown_text(out, sl_json_string(at));
		buf_char(out, '\n');
	}
}

/* Line by line, so that nothing of it can be taken for ours. */
static void written_words(struct sl_text words, struct buf *out)
{
	words.len = words.len < WORDS_TOLD ? words.len : WORDS_TOLD;
	while (words.len) {
		const char *end = memchr(words.at, '\n', words.len);
		struct sl_text line = { words.at, end ? (size_t)(end - words.at) : words.len };
		buf_string(out, "    wrote ");
		shown_text(out, line);
		buf_char(out, '\n');
		words.at += line.len + (end != NULL);
		words.len -= line.len + (end != NULL);
	}
}

static void detail_words(const struct test_report *report, struct buf *out)
{
	if (report->error)
		buf_format(out, "    %s\n", report->error);
	differences_words(report->end, out);
	list_words(report->end, "log", "log", out);
	list_words(report->end, "calls", "call", out);
	written_words(report->words, out);
}

static void tell_words(const struct test_report *report, struct buf *out)
{
	if (report->updated)
		buf_format(out, "wrote   %s\n", test_path(report->updated));
	if (has_passed(report))
		return;
	buf_format(out, "FAILED  %s: %s\n", report->file, report->name);
	detail_words(report, out);
}

/* --------------------------------------------------------------------- JSON */

static void member_of(const struct sl_json *end, const char *name, struct buf *out)
{
	struct sl_text raw = sl_json_raw(sl_json_get(end, name));
	json_key(out, name);
	json_raw(out, raw.len ? raw.at : "[]", raw.len ? raw.len : 2);
}

static void tell_json(const struct test_report *report, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "file", report->file);
	json_member_string(out, "name", report->name);
	json_member_bool(out, "passed", has_passed(report));
	json_member_int(out, "ms", report->ms);
	json_member_string(out, "error", report->error);
	member_of(report->end, "differences", out);
	member_of(report->end, "log", out);
	member_of(report->end, "calls", out);
	json_key(out, "wrote"), json_text(out, report->words.at ? report->words : (struct sl_text){ "", 0 });
	json_member_string(out, "updated", report->updated);
	json_close(out, '}');
	buf_char(out, '\n');
}

/* ---------------------------------------------------------------------- TAP */

/* A # begins a directive, so there is none in a name. */
static void tap_name(const char *text, struct buf *out)
{
	struct buf shown = { 0 };
	shown_text(&shown, (struct sl_text){ text, strlen(text) });
	for (const char *at = shown.at ? shown.at : ""; *at; at++)
		buf_char(out, *at == '#' ? ' ' : *at);
	buf_free(&shown);
}

/* The details are JSON, which is YAML too, as TAP wants it. */
static void tell_tap(const struct test_report *report, size_t number, struct buf *out)
{
	struct buf more = { 0 };
	buf_format(out, "%s %zu - ", has_passed(report) ? "ok" : "not ok", number);
	tap_name(report->file, out);
	buf_string(out, ": ");
	tap_name(report->name, out);
	buf_char(out, '\n');
	if (has_passed(report))
		return;
	tell_json(report, &more);
	buf_format(out, "  ---\n  %s  ...\n", more.at);
	buf_free(&more);
}

/* ---------------------------------------------------------------- the whole */

void test_tell_begin(const struct testing *testing)
{
	struct buf out = { 0 };
	if (testing->form == TEST_TAP)
		buf_string(&out, "TAP version 13\n");
	command_print(&out);
}

void test_tell(struct testing *testing, const struct test_report *report)
{
	struct buf out = { 0 };
	has_passed(report) ? testing->passed++ : testing->failed++;
	if (testing->form == TEST_JSON)
		tell_json(report, &out);
	else if (testing->form == TEST_TAP)
		tell_tap(report, testing->passed + testing->failed, &out);
	else
		tell_words(report, &out);
	command_print(&out);
}

void test_tell_file(const struct testing *testing, const char *path, size_t passed, size_t failed, int64_t ms)
{
	struct buf out = { 0 };
	if (testing->form != TEST_WORDS)
		return;
	buf_format(&out, "%-6s  %s  %zu passed", failed ? "FAILED" : "ok", path, passed);
	if (failed)
		buf_format(&out, ", %zu failed", failed);
	buf_format(&out, ", %lld ms\n", (long long)ms);
	command_print(&out);
}

static void end_json(const struct testing *testing, struct buf *out)
{
	json_open(out, '{');
	json_member_uint(out, "passed", testing->passed);
	json_member_uint(out, "failed", testing->failed);
	if (testing->cover) {
		json_key(out, "coverage");
		cover_json(testing->cover, out);
	}
	json_close(out, '}');
	buf_char(out, '\n');
}

void test_tell_end(const struct testing *testing)
{
	struct buf out = { 0 };
	if (testing->form == TEST_JSON)
		end_json(testing, &out);
	else if (testing->form == TEST_TAP)
		buf_format(&out, "1..%zu\n", testing->passed + testing->failed);
	if (testing->form == TEST_WORDS && testing->cover)
		cover_words(testing->cover, &out);
	if (testing->form == TEST_WORDS)
		buf_format(&out, "%zu passed, %zu failed\n", testing->passed, testing->failed);
	command_print(&out);
}
