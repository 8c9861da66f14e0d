/* SPDX-License-Identifier: Apache-2.0 */
/* option_fill.c - checked values into the struct that a plugin reads. */
#include <string.h>

#include "base/option.h"
#include "base/option_types.h"

bool fill_bool(void *field, const struct sl_json *value, struct arena *arena)
{
	*(bool *)field = sl_json_true(value);
	return sl_json_kind(value) == SL_KIND_BOOL;
}

bool fill_int(void *field, const struct sl_json *value, struct arena *arena)
{
	return sl_json_integer(value, field);
}

/* A text with a NUL inside would be another one in C. */
static const char *text_of(const struct sl_json *value, struct arena *arena)
{
	struct sl_text text = sl_json_string(value);
	return text.at && !memchr(text.at, '\0', text.len) ? arena_copy(arena, text.at, text.len) : NULL;
}

bool fill_text(void *field, const struct sl_json *value, struct arena *arena)
{
	return (*(const char **)field = text_of(value, arena)) != NULL;
}

bool fill_list(void *field, const struct sl_json *value, struct arena *arena)
{
	const char **list = arena_alloc(arena, (sl_json_count(value) + 1) * sizeof(*list));
	size_t i = 0;
	if (sl_json_kind(value) != SL_KIND_ARRAY)
		return false;
	for (const struct sl_json *item = sl_json_first(value); item; item = sl_json_next(item))
		if (!(list[i++] = text_of(item, arena)))
			return false;
	*(const char *const **)field = list;
	return true;
}

bool fill_map(void *field, const struct sl_json *value, struct arena *arena)
{
	size_t count = sl_json_count(value), i = 0;
	const struct sl_pair **map = arena_alloc(arena, (count + 1) * sizeof(*map));
	if (sl_json_kind(value) != SL_KIND_OBJECT)
		return false;
	for (const struct sl_json *item = sl_json_first(value); item; item = sl_json_next(item)) {
		struct sl_pair *pair = arena_alloc(arena, sizeof(*pair));
		struct sl_text name = sl_json_name(item);
		pair->name = arena_copy(arena, name.at, name.len);
		if (!(pair->value = text_of(item, arena)))
			return false;
		map[i++] = pair;
	}
	*(const struct sl_pair *const **)field = map;
	return true;
}

static bool complete_row(const struct sl_option *row, const struct sl_json *given, struct buf *out, struct why *why)
{
	struct sl_text raw = sl_json_raw(given);
	if (given) {
		json_raw(out, raw.at, raw.len);
		return true;
	}
	if (row->type == SL_SECRET && !row->initial) {
		json_raw(out, "[]", 2);
		return true;
	}
	if (!row->initial)
		return why_say(why, "the option `%s` is missing", row->name);
	return option_initial(row, NULL, out, why);
}

bool option_complete(const struct sl_option *table, size_t row_size, const struct sl_json *values, struct buf *out,
	struct why *why)
{
	struct sl_option row;
	json_open(out, '{');
	for (size_t i = 0; option_row(table, row_size, i, &row); i++) {
		if (!option_type(row.type)->read)
			continue;
		json_key(out, row.name);
		if (!complete_row(&row, sl_json_get(values, row.name), out, why))
			return false;
	}
	json_close(out, '}');
	return true;
}

static bool fill_rows(const struct sl_option *table, size_t row_size, const struct sl_json *values, void *options,
	struct arena *arena, struct why *why)
{
	struct sl_option row;
	for (size_t i = 0; option_row(table, row_size, i, &row); i++) {
		const struct option_type *type = option_type(row.type);
		if (type->fill && !type->fill((char *)options + row.at, sl_json_get(values, row.name), arena))
			return why_say(why, "the option `%s` is not %s", row.name, type->help);
	}
	return true;
}

bool option_fill(const struct sl_option *table, size_t row_size, const struct sl_json *values, void *options,
	struct arena *arena, struct why *why)
{
	struct buf all = { 0 };
	struct sl_document *document = NULL;
	struct why unheard;
	why = why ? why : &unheard;
	bool fine = option_complete(table, row_size, values, &all, why);
	if (fine) {
		document = sl_json_read((struct sl_text){ all.at, all.len }, why->text, sizeof(why->text));
		fine = document && fill_rows(table, row_size, sl_json_root(document), options, arena, why);
	}
	sl_json_free(&document);
	buf_free(&all);
	return fine;
}
