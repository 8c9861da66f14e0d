/* SPDX-License-Identifier: Apache-2.0 */
/* test_spoil.c - what a case is handed and answered, damaged: nothing may break of it.
 *
 * All damages that can be done in one run of a case are numbered, in the order in which
 * its texts come by: a page of HTML instead, then each value of JSON as null, as
 * something of another type, as a very long text, then the text cut short.  A run does
 * one of them.  Afterwards nobody asks for what the case expects; but whatever was
 * dropped or failed has to have been so with a sentence, and not with one of Lua's.
 */
#include <stdio.h>
#include <string.h>

#include "main/testing.h"

#define MOST_CUTS 64
#define LONG 20000
#define PAGE "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>It is not here.</body></html>"

enum { AS_NULL,
	AS_OTHER,
	AS_LONG,
	WAYS };

/* ------------------------------------------------------------------- one damage */

static size_t values_in(const struct sl_json *value)
{
	size_t count = value != NULL;
	for (const struct sl_json *at = sl_json_first(value); at; at = sl_json_next(at))
		count += values_in(at);
	return count;
}

/* The value with this number, parents before their members. */
static const struct sl_json *value_at(const struct sl_json *value, size_t *number)
{
	if (!(*number)--)
		return value;
	const struct sl_json *found = NULL;
	for (const struct sl_json *at = sl_json_first(value); at && !found; at = sl_json_next(at))
		found = value_at(at, number);
	return found;
}

static const char *by(const struct sl_json *value, size_t way)
{
	static const char *const others[] = {
		[SL_KIND_NULL] = "\"\"",
		[SL_KIND_BOOL] = "[]",
		[SL_KIND_NUMBER] = "\"x\"",
		[SL_KIND_STRING] = "-7.5e3",
		[SL_KIND_ARRAY] = "{\"id\":[]}",
		[SL_KIND_OBJECT] = "[null,7,\"x\",{}]",
	};
	static char longest[LONG + 3];
	if (way == AS_NULL)
		return "null";
	if (way == AS_OTHER)
		return others[sl_json_kind(value)];
	memset(longest, 'x', LONG + 2);
	longest[0] = longest[LONG + 1] = '"';
	return longest;
}

static struct sl_text replaced(struct arena *arena, struct sl_text text, const char *from, size_t len, const char *with)
{
	size_t before = (size_t)(from - text.at), more = strlen(with), after = text.len - before - len;
	char *out = arena_alloc(arena, before + more + after + 1);
	memcpy(out, text.at, before);
	memcpy(out + before, with, more);
	memcpy(out + before + more, from + len, after);
	out[before + more + after] = '\0';
	return (struct sl_text){ out, before + more + after };
}

static void done(struct spoil *spoil, struct arena *arena, const char *what, const char *how)
{
	spoil->done = arena_format(arena, "damage %zu: %s %s", spoil->wanted, what, how);
	spoil->tell(spoil->done);
}

static struct sl_text spoil_value(struct spoil *spoil, struct arena *arena, const char *what,
	const struct sl_json *root, size_t number)
{
	static const char *const words[] = { "null", "of another type", "very long" };
	size_t value = number / WAYS, way = number % WAYS;
	const struct sl_json *at = value_at(root, &value);
	struct sl_text whole = sl_json_raw(root), raw = sl_json_raw(at), name = sl_json_name(at);
	done(spoil, arena, what,
		arena_format(arena, "with value %zu (%.*s) %s", number / WAYS, (int)(name.len < 40 ? name.len : 40),
			name.at ? name.at : "", words[way]));
	return replaced(arena, whole, raw.at, raw.len, by(at, way));
}

struct sl_text spoil_page(void)
{
	return (struct sl_text){ PAGE, sizeof(PAGE) - 1 };
}

static struct sl_text spoil_whole(struct spoil *spoil, struct arena *arena, const char *what, struct sl_text text,
	size_t number, size_t cuts)
{
	spoil->torn = true;
	if (number == cuts) {
		spoil->page = true;
		done(spoil, arena, what, "is a page of HTML");
		return spoil_page();
	}
	size_t len = number * text.len / cuts;
	done(spoil, arena, what, arena_format(arena, "is cut short at byte %zu", len));
	return (struct sl_text){ arena_copy(arena, text.at, len), len };
}

/* ---------------------------------------------------------------------- a text */

static struct sl_text spoil_this(struct spoil *spoil, struct arena *arena, const char *what, struct sl_text text,
	bool whole)
{
	struct sl_document *document = sl_json_read(text, NULL, 0);
	const struct sl_json *root = document ? sl_json_root(document) : NULL;
	size_t values = values_in(root) * WAYS, cuts = !whole ? 0 : text.len < MOST_CUTS ? text.len
											 : MOST_CUTS;
	size_t ways = values + cuts + whole, number = spoil->wanted - spoil->met;
	if (!spoil->done && spoil->wanted >= spoil->met && number < ways)
		text = number < values ? spoil_value(spoil, arena, what, root, number)
				       : spoil_whole(spoil, arena, what, text, number - values, cuts);
	spoil->met += ways;
	sl_json_free(&document);
	return text;
}

struct sl_text spoil_text(struct spoil *spoil, struct arena *arena, const char *what, struct sl_text text)
{
	return spoil && text.at ? spoil_this(spoil, arena, what, text, true) : text;
}

struct sl_text spoil_json(struct spoil *spoil, struct arena *arena, const char *what, struct sl_text text)
{
	return spoil && text.at ? spoil_this(spoil, arena, what, text, false) : text;
}

/* --------------------------------------------------------------------- judging */

/* The words of a script that trusted somebody. */
static bool is_of_lua(const char *sentence)
{
	static const char *const words[] = { "attempt to ", "bad argument #", "number has no integer representation" };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(sentence, words[i]))
			return true;
	return false;
}

static const struct sl_json *list_of(struct trial *trial, const struct buf *open)
{
	struct buf copy = { 0 };
	buf_add(&copy, open->at, open->len);
	json_close(&copy, ']');
	const struct sl_json *list = trial_json(trial, (struct sl_text){ copy.at, copy.len }, NULL);
	buf_free(&copy);
	return list;
}

/* `unquoted`: becomes a sentence that does not say how the answer began. */
static size_t judge_sentences(struct trial *trial, const char *name, const struct buf *open, const char **unquoted)
{
	size_t count = 0;
	for (const struct sl_json *at = sl_json_first(list_of(trial, open)); at; at = sl_json_next(at), count++) {
		const char *sentence = sl_json_string(at).at;
		if (sentence && !strstr(sentence, "<html>") && !strstr(sentence, "the test has no answer"))
			*unquoted = sentence;
		if (!sentence || !*sentence || is_of_lua(sentence))
			differ(&trial->differences, name, "a sentence that says what is wrong", sentence);
	}
	return count;
}

/* A poll may find nothing; what was handed in has to become something, unless the case says that it does not. */
static bool may_be_silent(const struct trial *trial)
{
	const struct sl_json *emits = sl_json_get(trial->form, "emits");
	return sl_json_get(trial->form, "poll") || (emits && !sl_json_count(emits));
}

static bool told_something(const struct trial *trial)
{
	const struct buf *const lists[] = { &trial->emits, &trial->settled, &trial->sweeps };
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (lists[i]->len > 1)
			return true;
	return false;
}

void spoil_judge(struct trial *trial)
{
	const struct spoil *spoil = trial->file->spoil;
	struct differences *all = &trial->differences;
	const char *unquoted = NULL, *reason;
	all->count = 0; /* who was told something else may ask something else */
	size_t failed = judge_sentences(trial, "fails", &trial->fails, &unquoted);
	failed += judge_sentences(trial, "retries", &trial->retries, &unquoted);
	bool dropped = judge_sentences(trial, "drops", &trial->drops, &reason) > 0;
	if (!failed && !dropped && !told_something(trial) && !may_be_silent(trial) && !trial->why.text[0])
		differ(all, "emits", "something, or a sentence why not", NULL);
	if (spoil->page && spoil->of_far_side && unquoted)
		differ(all, "fails", "a sentence that quotes how the answer begins", unquoted);
	if (trial->why.text[0] && !spoil->torn) /* a body that is no JSON is a dead letter before any plugin sees it */
		differ(all, "the plugin", "nothing that cannot be read", arena_string(all->arena, trial->why.text));
	trial->why.text[0] = '\0';
	if (all->count)
		differ(all, "spoilt", NULL, spoil->done);
}
