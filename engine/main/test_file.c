/* SPDX-License-Identifier: Apache-2.0 */
/* test_file.c - a test file is run, and what it returns is looked at. */
#include <stdio.h>
#include <string.h>

#include "base/yaml.h"
#include "host/lua_value.h"
#include "main/testing.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define LARGEST_FILE ((size_t)64 << 20)

/* ------------------------------------------------------------- small values */

const char *test_string(const struct sl_json *object, const char *name)
{
	return sl_json_string(sl_json_get(object, name)).at;
}

bool test_moment(const struct sl_json *value, int64_t *ms)
{
	int64_t microseconds;
	if (sl_json_integer(value, ms))
		return true;
	if (!sl_time_read(sl_json_string(value), &microseconds))
		return false;
	*ms = microseconds / 1000;
	return true;
}

static bool read_whole(FILE *file, struct buf *out)
{
	char piece[16384];
	size_t len;
	while ((len = fread(piece, 1, sizeof(piece), file)) > 0 && out->len <= LARGEST_FILE)
		buf_add(out, piece, len);
	return !ferror(file) && out->len <= LARGEST_FILE;
}

struct sl_text test_file_text(struct arena *arena, const char *folder, const char *name, struct why *why)
{
	struct buf out = { 0 };
	struct sl_text text = { 0 };
	const char *path = *name == '/' ? name : arena_format(arena, "%s/%s", folder, name);
	FILE *file = fopen(path, "re");
	if (file && read_whole(file, &out))
		text = (struct sl_text){ arena_copy(arena, out.at ? out.at : "", out.len), out.len };
	else
		why_errno(why, "%s cannot be read", path);
	if (file)
		fclose(file);
	buf_free(&out);
	return text;
}

/* -------------------------------------------------------------- known names */

static const char *const file_keys[] = { "plugin", "source", "schema", "options", "now", "cases", NULL };
static const char *const case_keys[] = { "name", "options", "now", "event", "events", "request", "requests",
	"poll", "rows", "answers", "emits", "drops", "fails", "retries", "cursor", "settled", "sweeps", "logs",
	"golden", NULL };

bool test_known(const struct sl_json *form, const char *const *keys, const char *where, struct why *why)
{
	for (const struct sl_json *at = sl_json_first(form); at; at = sl_json_next(at)) {
		const char *name = sl_json_name(at).at, *near;
		size_t i = 0;
		while (keys[i] && strcmp(keys[i], name) != 0)
			i++;
		if (keys[i])
			continue;
		near = yaml_nearest(name, keys);
		return why_say(why, near ? "%s: there is no `%.40s`; did you mean `%s`?" : "%s: there is no `%.40s`", where,
			name, near);
	}
	return true;
}

static bool check_cases(const struct test_file *file, struct why *why)
{
	char where[32];
	size_t number = 1;
	for (const struct sl_json *form = sl_json_first(file->cases); form; form = sl_json_next(form), number++) {
		snprintf(where, sizeof(where), "case %zu", number);
		if (sl_json_kind(form) != SL_KIND_OBJECT || !test_string(form, "name"))
			return why_say(why, "%s needs a `name`", where);
		if (!test_known(form, case_keys, test_string(form, "name"), why))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ reading */

static bool parse(struct test_file *file, const struct buf *text, struct why *why)
{
	file->document = sl_json_read((struct sl_text){ text->at, text->len }, why->text, sizeof(why->text));
	file->cases = sl_json_root(file->document);
	if (sl_json_kind(file->cases) == SL_KIND_OBJECT && sl_json_count(file->cases)) {
		file->root = file->cases;
		file->cases = sl_json_get(file->root, "cases");
		if (!test_known(file->root, file_keys, "the table that it returns", why))
			return false;
	}
	if (!sl_json_count(file->cases))
		return why_say(why, "it holds no case");
	if (sl_json_kind(file->cases) != SL_KIND_ARRAY)
		return why_say(why, "it has to return a list of cases, or a table with `cases`");
	file->count = sl_json_count(file->cases);
	return check_cases(file, why);
}

bool test_file_read(struct test_file *file, const char *path, struct why *why)
{
	struct buf text = { 0 };
	const char *slash = strrchr(path, '/');
	file->arena = arena_new();
	file->path = path;
	file->folder = slash ? arena_copy(file->arena, path, (size_t)(slash - path)) : ".";
	bool fine = lua_value(path, &text, why) && parse(file, &text, why);
	buf_free(&text);
	return fine;
}

/* ------------------------------------------------------------------- a plan */

/* `plugin` is a name, or a list of them. */
static void plan_plugins(const struct sl_json *plugin, struct buf *out)
{
	json_key(out, "plugins"), json_open(out, '[');
	if (sl_json_kind(plugin) == SL_KIND_STRING)
		json_text(out, sl_json_string(plugin));
	for (const struct sl_json *at = sl_json_first(plugin); at; at = sl_json_next(at))
		json_text(out, sl_json_string(at));
	json_close(out, ']');
}

/* `source` is a name, or a table with the name under `use`. */
static const char *source_name(const struct sl_json *source)
{
	return sl_json_kind(source) == SL_KIND_OBJECT ? test_string(source, "use") : sl_json_string(source).at;
}

void test_file_plan(const struct test_file *file, struct buf *out)
{
	plan_plugins(sl_json_get(file->root, "plugin"), out);
	json_member_string(out, "source", source_name(sl_json_get(file->root, "source")));
	json_member_string(out, "schema", test_string(file->root, "schema"));
	json_key(out, "cases"), json_open(out, '[');
	for (const struct sl_json *form = sl_json_first(file->cases); form; form = sl_json_next(form))
		json_string(out, test_string(form, "name"));
	json_close(out, ']');
}
