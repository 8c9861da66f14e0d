/* SPDX-License-Identifier: Apache-2.0 */
/* test_compare.c - two JSON values, and in what they differ: only that, each with its path. */
#include <string.h>

#include "main/testing.h"

#define SHOWN 160 /* bytes of a value */
#define AROUND 60 /* of them before the first that differs */

void differ(struct differences *all, const char *path, const char *expected, const char *found)
{
	if (all->count == all->room) {
		size_t room = all->room ? 2 * all->room : 8;
		struct difference *more = arena_alloc(all->arena, room * sizeof(*more));
		if (all->count)
			memcpy(more, all->at, all->count * sizeof(*more));
		all->at = more;
		all->room = room;
	}
	all->at[all->count++] = (struct difference){ arena_string(all->arena, path), expected, found };
}

/* ---------------------------------------------------------------- as text */

/* A value's JSON, cut around the place where it differs from the other's. */
static const char *shown(struct arena *arena, const struct sl_json *value, size_t from)
{
	struct sl_text raw = sl_json_raw(value);
	if (!value)
		return NULL;
	if (raw.len <= SHOWN)
		return arena_copy(arena, raw.at, raw.len);
	size_t begin = from > AROUND ? from - AROUND : 0, len = raw.len - begin;
	while (begin && (raw.at[begin] & 0xc0) == 0x80)
		begin--, len++;
	len = len < SHOWN ? len : SHOWN;
	while (begin + len < raw.len && (raw.at[begin + len] & 0xc0) == 0x80)
		len--;
	return arena_format(arena, "%s%.*s%s", begin ? "..." : "", (int)len, raw.at + begin,
		begin + len < raw.len ? "..." : "");
}

static size_t same_until(const struct sl_json *a, const struct sl_json *b)
{
	struct sl_text one = sl_json_raw(a), other = sl_json_raw(b);
	size_t at = 0;
	while (at < one.len && at < other.len && one.at[at] == other.at[at])
		at++;
	return at;
}

static void differ_values(struct differences *all, const char *path, const struct sl_json *expected,
	const struct sl_json *found)
{
	size_t from = same_until(expected, found);
	differ(all, path, shown(all->arena, expected, from), shown(all->arena, found, from));
}

static bool plain(struct sl_text name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	return name.len && strspn(name.at, letters) >= name.len;
}

static const char *member_path(struct arena *arena, const char *path, struct sl_text name)
{
	return arena_format(arena, plain(name) ? "%s%s%.*s" : "%s%s\"%.*s\"", path, *path ? "." : "", (int)name.len,
		name.at);
}

/* ---------------------------------------------------------------- comparing */

static bool same_number(const struct sl_json *a, const struct sl_json *b)
{
	struct sl_text one = sl_json_raw(a), other = sl_json_raw(b);
	int64_t whole, too;
	double number, also;
	if (one.len == other.len && memcmp(one.at, other.at, one.len) == 0)
		return true;
	if (sl_json_integer(a, &whole) && sl_json_integer(b, &too))
		return whole == too;
	return sl_json_double(a, &number) && sl_json_double(b, &also) && number == also;
}

static bool same_scalar(const struct sl_json *a, const struct sl_json *b)
{
	struct sl_text one, other;
	switch (sl_json_kind(a)) {
	case SL_KIND_BOOL:
		return sl_json_true(a) == sl_json_true(b);
	case SL_KIND_NUMBER:
		return same_number(a, b);
	case SL_KIND_STRING:
		one = sl_json_string(a), other = sl_json_string(b);
		return one.len == other.len && memcmp(one.at, other.at, one.len) == 0;
	default:
		return true; /* null is null */
	}
}

static void compare_lists(struct differences *all, const char *path, const struct sl_json *expected,
	const struct sl_json *found, bool part)
{
	const struct sl_json *one = sl_json_first(expected), *other = sl_json_first(found);
	for (size_t i = 1; one || other; i++) {
		compare(all, arena_format(all->arena, "%s[%zu]", path, i), one, other, part);
		one = one ? sl_json_next(one) : NULL;
		other = other ? sl_json_next(other) : NULL;
	}
}

static void compare_objects(struct differences *all, const char *path, const struct sl_json *expected,
	const struct sl_json *found, bool part)
{
	for (const struct sl_json *one = sl_json_first(expected); one; one = sl_json_next(one)) {
		struct sl_text name = sl_json_name(one);
		compare(all, member_path(all->arena, path, name), one, sl_json_get_text(found, name), part);
	}
	for (const struct sl_json *other = part ? NULL : sl_json_first(found); other; other = sl_json_next(other)) {
		struct sl_text name = sl_json_name(other);
		if (!sl_json_get_text(expected, name))
			differ_values(all, member_path(all->arena, path, name), NULL, other);
	}
}

static bool is_empty(const struct sl_json *value)
{
	enum sl_kind kind = sl_json_kind(value);
	return value && (kind == SL_KIND_ARRAY || kind == SL_KIND_OBJECT) && !sl_json_count(value);
}

/* An empty table of Lua is a list and an object. */
static bool both_empty(const struct sl_json *a, const struct sl_json *b)
{
	return is_empty(a) && is_empty(b);
}

static bool same_kind(const struct sl_json *a, const struct sl_json *b)
{
	return a && b && sl_json_kind(a) == sl_json_kind(b);
}

void compare(struct differences *all, const char *path, const struct sl_json *expected, const struct sl_json *found,
	bool part)
{
	enum sl_kind kind = sl_json_kind(expected);
	bool same = same_kind(expected, found);
	if (both_empty(expected, found))
		return;
	if (same && kind == SL_KIND_ARRAY)
		compare_lists(all, path, expected, found, part);
	else if (same && kind == SL_KIND_OBJECT)
		compare_objects(all, path, expected, found, part);
	else if (!same || !same_scalar(expected, found))
		differ_values(all, path, expected, found);
}
