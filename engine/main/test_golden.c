/* SPDX-License-Identifier: Apache-2.0 */
/* test_golden.c - all that came of a case, in a file beside the test that --update rewrites. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main/testing.h"

/* ------------------------------------------------------------- in many lines */

static void pretty(struct buf *out, const struct sl_json *value, int depth);

static void pretty_below(struct buf *out, const struct sl_json *value, int depth)
{
	bool object = sl_json_kind(value) == SL_KIND_OBJECT;
	buf_char(out, object ? '{' : '[');
	for (const struct sl_json *at = sl_json_first(value); at; at = sl_json_next(at)) {
		buf_format(out, "\n%*s", 2 * depth + 2, "");
		if (object) {
			out->comma = false;
			json_text(out, sl_json_name(at));
			buf_string(out, ": ");
		}
		pretty(out, at, depth + 1);
		if (sl_json_next(at))
			buf_char(out, ',');
	}
	buf_format(out, "\n%*s%c", 2 * depth, "", object ? '}' : ']');
}

static void pretty(struct buf *out, const struct sl_json *value, int depth)
{
	struct sl_text raw = sl_json_raw(value);
	enum sl_kind kind = sl_json_kind(value);
	if ((kind == SL_KIND_OBJECT || kind == SL_KIND_ARRAY) && sl_json_first(value))
		pretty_below(out, value, depth);
	else
		buf_add(out, raw.at, raw.len);
}

/* ----------------------------------------------------------------- the whole */

/* Only what there is, so that a golden file says no more than what happened. */
static const struct sl_json *whole(struct trial *trial)
{
	const struct {
		const char *name;
		const struct buf *list;
	} lists[] = { { "emits", &trial->emits }, { "drops", &trial->drops }, { "fails", &trial->fails },
		{ "retries", &trial->retries }, { "settled", &trial->settled } };
	struct buf out = { 0 };
	json_open(&out, '{');
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		if (lists[i].list->len < 2)
			continue;
		json_key(&out, lists[i].name);
		json_raw(&out, lists[i].list->at, lists[i].list->len);
		buf_char(&out, ']');
	}
	if (trial->cursor)
		json_member_string(&out, "cursor", trial->cursor);
	json_close(&out, '}');
	const struct sl_json *json = trial_json(trial, (struct sl_text){ out.at, out.len }, &trial->why);
	buf_free(&out);
	return json;
}

static bool make_folder(struct trial *trial, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *folder = slash ? arena_copy(trial->arena, path, (size_t)(slash - path)) : ".";
	if (mkdir(folder, 0755) == 0)
		return chmod(folder, 0755) == 0;
	return errno == EEXIST || why_errno(&trial->why, "%s cannot be made", folder);
}

static bool write_file(struct trial *trial, const char *path, const struct sl_json *found)
{
	struct buf out = { 0 };
	FILE *file = make_folder(trial, path) ? fopen(path, "we") : NULL;
	pretty(&out, found, 0);
	buf_char(&out, '\n');
	bool fine = file && fwrite(out.at, 1, out.len, file) == out.len && fchmod(fileno(file), 0644) == 0;
	if (file && fclose(file) != 0)
		fine = false;
	buf_free(&out);
	return fine || why_errno(&trial->why, "%s cannot be written", path);
}

/* ------------------------------------------------------------------ judging */

/* Sentences are told whole, one by one. */
static void compare_sentences(struct differences *all, const char *name, const struct sl_json *expected,
	const struct sl_json *found)
{
	const struct sl_json *one = sl_json_first(expected), *other = sl_json_first(found);
	for (size_t i = 1; one || other; i++) {
		struct sl_text a = sl_json_raw(one), b = sl_json_raw(other);
		if (!one || !other || a.len != b.len || memcmp(a.at, b.at, a.len) != 0)
			differ(all, arena_format(all->arena, "%s[%zu]", name, i), one ? arena_copy(all->arena, a.at, a.len) : NULL,
				other ? arena_copy(all->arena, b.at, b.len) : NULL);
		one = one ? sl_json_next(one) : NULL;
		other = other ? sl_json_next(other) : NULL;
	}
}

static const char *const sentences[] = { "fails", "retries", "drops", NULL };

static bool about_sentences(const char *path)
{
	const char *const *name = sentences;
	while (*name && strncmp(path, *name, strlen(*name)) != 0)
		name++;
	return *name != NULL;
}

/* Why there are no rows comes before the rows that are not there. */
static void compare_whole(struct differences *all, const struct sl_json *expected, const struct sl_json *found)
{
	struct differences rest = { .arena = all->arena };
	for (const char *const *name = sentences; *name; name++)
		compare_sentences(all, *name, sl_json_get(expected, *name), sl_json_get(found, *name));
	compare(&rest, "", expected, found, false);
	for (size_t i = 0; i < rest.count; i++)
		if (!about_sentences(rest.at[i].path))
			differ(all, rest.at[i].path, rest.at[i].expected, rest.at[i].found);
}

void trial_golden(struct trial *trial, const char *name)
{
	struct arena *arena = trial->arena;
	const char *path = *name == '/' ? name : arena_format(arena, "%s/%s", trial->file->folder, name);
	const struct sl_json *found = whole(trial), *expected = NULL;
	struct differences different = { .arena = arena };
	bool there = access(path, F_OK) == 0;
	struct sl_text text = there ? test_file_text(arena, trial->file->folder, name, &trial->why) : (struct sl_text){ 0 };
	if (text.at && !trial->file->update && !(expected = trial_json(trial, text, &trial->why)))
		why_within(&trial->why, "%s", path);
	if (text.at && trial->file->update)
		expected = trial_json(trial, text, NULL); /* what is no JSON is written anew */
	if (!there && !trial->file->update)
		why_say(&trial->why, "there is no %s yet; sluice test --update writes it", path);
	if (trial->why.text[0])
		return;
	compare_whole(trial->file->update ? &different : &trial->differences, expected, found);
	if (different.count && write_file(trial, path, found))
		trial->updated = path;
}
