/* SPDX-License-Identifier: Apache-2.0 */
/* test_judge.c - what a case expected, against what came of it.
 *
 * What a case does not speak of must not have happened: an event that was dropped, a
 * sentence, a row that was refused.  Of the cursor, of sweeps and of log lines it may be silent.
 */
#include <string.h>

#include "main/testing.h"
#include "sdk/text.h"

/* The lists that came of it, read back. */
struct outcome {
	struct trial *trial;
	const struct sl_json *emits, *drops, *fails, *retries, *settled, *sweeps, *log;
	struct differences *all;
};

static const char *path_of(const struct outcome *outcome, const char *name, size_t number)
{
	return arena_format(outcome->all->arena, "%s[%zu]", name, number);
}

static const char *quoted(const struct outcome *outcome, const struct sl_json *value)
{
	struct sl_text raw = sl_json_raw(value);
	return value ? arena_copy(outcome->all->arena, raw.at, raw.len) : NULL;
}

/* ----------------------------------------------------------- lists of texts */

typedef bool fits_text(struct sl_text expected, struct sl_text found);

static bool is_same(struct sl_text expected, struct sl_text found)
{
	return expected.len == found.len && memcmp(expected.at, found.at, found.len) == 0;
}

static bool is_part(struct sl_text expected, struct sl_text found)
{
	return memmem(found.at, found.len, expected.at, expected.len) != NULL;
}

/* A text stands for a list of one. */
static const struct sl_json *first_of(const struct sl_json *expected)
{
	return sl_json_kind(expected) == SL_KIND_STRING ? expected : sl_json_first(expected);
}

static const struct sl_json *next_of(const struct sl_json *expected, const struct sl_json *item)
{
	return item && item != expected ? sl_json_next(item) : NULL;
}

/* A text, a list of them, or an empty table. */
static bool are_texts(const struct sl_json *given)
{
	if (sl_json_kind(given) == SL_KIND_OBJECT)
		return sl_json_count(given) == 0;
	for (const struct sl_json *one = first_of(given); one; one = next_of(given, one))
		if (sl_json_kind(one) != SL_KIND_STRING)
			return false;
	return sl_json_kind(given) == SL_KIND_STRING || sl_json_kind(given) == SL_KIND_ARRAY;
}

/* What is no text says nothing, and would fit everything. */
static bool only_texts(struct trial *trial)
{
	static const char *const names[] = { "drops", "fails", "retries", "settled", "sweeps", "logs" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct sl_json *given = sl_json_get(trial->form, names[i]);
		if (given && !are_texts(given))
			return why_say(&trial->why, "`%s` has to be a text, or a list of texts", names[i]);
	}
	return true;
}

static void judge_texts(const struct outcome *outcome, const char *name, const struct sl_json *found, fits_text *fits)
{
	const struct sl_json *expected = sl_json_get(outcome->trial->form, name), *one = first_of(expected);
	found = sl_json_first(found);
	for (size_t i = 1; one || found; i++) {
		if (!one || !found || !fits(sl_json_string(one), sl_json_string(found)))
			differ(outcome->all, path_of(outcome, name, i), quoted(outcome, one), quoted(outcome, found));
		one = next_of(expected, one);
		found = found ? sl_json_next(found) : NULL;
	}
}

/* Unless the case says otherwise every row is written. */
static void judge_settled(const struct outcome *outcome)
{
	size_t number = 1;
	if (sl_json_get(outcome->trial->form, "settled")) {
		judge_texts(outcome, "settled", outcome->settled, is_part);
		return;
	}
	for (const struct sl_json *row = sl_json_first(outcome->settled); row; row = sl_json_next(row), number++)
		if (!sl_text_is(sl_json_string(row), "done"))
			differ(outcome->all, path_of(outcome, "settled", number), "\"done\"", quoted(outcome, row));
}

/* Each has to be a part of some line, in this order; other lines may stand between. */
static void judge_log(const struct outcome *outcome)
{
	const struct sl_json *expected = sl_json_get(outcome->trial->form, "logs"), *line = sl_json_first(outcome->log);
	size_t number = 1;
	for (const struct sl_json *one = first_of(expected); one; one = next_of(expected, one), number++) {
		while (line && !is_part(sl_json_string(one), sl_json_string(line)))
			line = sl_json_next(line);
		if (!line)
			differ(outcome->all, path_of(outcome, "logs", number), quoted(outcome, one), NULL);
		line = line ? sl_json_next(line) : NULL;
	}
}

/* ------------------------------------------------------------------- events */

static void judge_time(const struct outcome *outcome, const char *path, const struct sl_json *expected,
	const struct sl_json *found)
{
	int64_t one, other;
	if (!test_moment(expected, &one) || !test_moment(found, &other) || one != other)
		differ(outcome->all, arena_format(outcome->all->arena, "%s.time", path), quoted(outcome, expected),
			quoted(outcome, found));
}

static void judge_member(const struct outcome *outcome, const char *path, const struct sl_json *expected,
	const struct sl_json *found)
{
	const char *name = sl_json_name(expected).at;
	bool part = strcmp(name, "has") == 0;
	const struct sl_json *there = sl_json_get(found, part ? "data" : name);
	if (strcmp(name, "time") == 0)
		judge_time(outcome, path, expected, there);
	else
		compare(outcome->all, arena_format(outcome->all->arena, "%s.%s", path, part ? "data" : name), expected, there,
			part);
}

static bool judge_emits(const struct outcome *outcome, bool unspoken)
{
	static const char *const names[] = { "type", "id", "subject", "time", "mode", "data", "has", NULL };
	const struct sl_json *one = sl_json_first(sl_json_get(outcome->trial->form, "emits"));
	const struct sl_json *other = sl_json_first(outcome->emits);
	for (size_t i = 1; one || (other && !unspoken); i++) {
		const char *path = path_of(outcome, "emits", i);
		if (one && !test_known(one, names, path, &outcome->trial->why))
			return false;
		if (!one || !other)
			compare(outcome->all, path, one, other, false);
		else
			for (const struct sl_json *at = sl_json_first(one); at; at = sl_json_next(at))
				judge_member(outcome, path, at, other);
		one = one ? sl_json_next(one) : NULL;
		other = other ? sl_json_next(other) : NULL;
	}
	return true;
}

static void judge_cursor(const struct outcome *outcome)
{
	const struct sl_json *expected = sl_json_get(outcome->trial->form, "cursor"), *found;
	struct buf text = { 0 };
	if (!expected)
		return;
	json_string(&text, outcome->trial->cursor);
	found = trial_json(outcome->trial, (struct sl_text){ text.at, text.len }, NULL);
	if (sl_json_kind(expected) != SL_KIND_STRING && outcome->trial->cursor) /* a table is kept as JSON */
		found = trial_json(outcome->trial, sl_text_of(outcome->trial->cursor), NULL);
	buf_free(&text);
	compare(outcome->all, "cursor", expected, found, false);
}

/* -------------------------------------------------------------------- command */

static const struct sl_json *closed(struct trial *trial, struct buf *list)
{
	struct buf copy = { 0 };
	buf_add(&copy, list->at, list->len);
	json_close(&copy, ']');
	const struct sl_json *json = trial_json(trial, (struct sl_text){ copy.at, copy.len }, NULL);
	buf_free(&copy);
	return json;
}

static bool says_something(struct trial *trial)
{
	static const char *const names[] = { "emits", "drops", "fails", "retries", "cursor", "settled", "sweeps", "logs",
		"golden" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (sl_json_get(trial->form, names[i]))
			return true;
	return why_say(&trial->why,
		"it says nothing of what has to come of it: emits, drops, fails, retries, cursor, settled, sweeps, logs or "
		"golden");
}

/* First, because what failed says why the rest is not there. */
static void judge_sentences(const struct outcome *outcome)
{
	judge_texts(outcome, "fails", outcome->fails, is_part);
	judge_texts(outcome, "retries", outcome->retries, is_part);
	judge_texts(outcome, "drops", outcome->drops, is_same);
	judge_settled(outcome);
	if (sl_json_get(outcome->trial->form, "sweeps"))
		judge_texts(outcome, "sweeps", outcome->sweeps, is_same);
}

void trial_judge(struct trial *trial)
{
	struct outcome outcome = { trial, closed(trial, &trial->emits), closed(trial, &trial->drops),
		closed(trial, &trial->fails), closed(trial, &trial->retries), closed(trial, &trial->settled),
		closed(trial, &trial->sweeps), closed(trial, &trial->log), &trial->differences };
	const char *golden = test_string(trial->form, "golden");
	if (!says_something(trial) || !only_texts(trial))
		return;
	if (golden)
		trial_golden(trial, golden);
	else
		judge_sentences(&outcome);
	if (trial->why.text[0] || !judge_emits(&outcome, golden != NULL))
		return;
	answers_check(&trial->answers, &trial->differences);
	judge_cursor(&outcome);
	judge_log(&outcome);
}
