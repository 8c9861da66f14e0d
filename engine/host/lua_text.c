/* SPDX-License-Identifier: Apache-2.0 */
/* lua_text.c - `text` for scripts: white space, parts, letters of all alphabets.
 *
 * Unicode is libutf8proc's.  It puts the marks on a letter in order by moving
 * each past the ones before it, which takes the square of their number: so text
 * goes through it in pieces, cut before letters, and after MOST_MARKS marks.
 */
#include <string.h>
#include <utf8proc.h>

#include "host/lua_lib.h"
#include "sdk/text.h"

#define PIECE 128     /* bytes, before marks that belong to the last letter */
#define MOST_MARKS 64 /* on one letter, that is handled as one */
#define POINTS ((PIECE + 4 * (MOST_MARKS + 1)) * 4) /* what a piece can become: a code point becomes at most four */
#define UNKNOWN "\uFFFD"

/* ---------------------------------------------------------------------- code points */

/* The code point at the beginning and its length; bytes that are none are -1, one by one. */
static int32_t point_at(struct sl_text text, size_t *len)
{
	int32_t point;
	utf8proc_ssize_t found = utf8proc_iterate((const uint8_t *)text.at, (utf8proc_ssize_t)text.len, &point);
	*len = found > 0 ? (size_t)found : 1;
	return found > 0 ? point : -1;
}

static struct sl_text after(struct sl_text text, size_t len)
{
	return (struct sl_text){ text.at + len, text.len - len };
}

static bool is_space(int32_t point)
{
	static const uint16_t others[] = { 0x20, 0x85, 0xa0, 0x1680, 0x200b, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000,
		0xfeff };
	if ((point >= 9 && point <= 13) || (point >= 0x2000 && point <= 0x200a))
		return true;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (point == others[i])
			return true;
	return false;
}

/* Whether it goes on with what stands before it: marks, and the later parts of a Hangul syllable. */
static bool goes_on(int32_t point)
{
	utf8proc_category_t category = utf8proc_category(point);
	return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME ||
	       (point >= 0x1160 && point <= 0x11ff);
}

static bool is_ascii(struct sl_text text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] >= 0x80)
			return false;
	return true;
}

/* ---------------------------------------------------------------------- white space */

static struct sl_text trimmed(struct sl_text text)
{
	size_t len;
	while (text.len && is_space(point_at(text, &len)))
		text = after(text, len);
	for (size_t end = text.len; end;) {
		size_t at = end - 1;
		while (at && ((unsigned char)text.at[at] & 0xc0) == 0x80 && end - at < 4)
			at--;
		if (!is_space(point_at((struct sl_text){ text.at + at, end - at }, &len)) || len != end - at)
			break;
		text.len = end = at;
	}
	return text;
}

static int push(lua_State *lua, struct sl_text text)
{
	lua_pushlstring(lua, text.at, text.len);
	return 1;
}

static int trim(lua_State *lua)
{
	return push(lua, trimmed(lua_lib_text(lua, 1)));
}

static int squeeze(lua_State *lua)
{
	luaL_Buffer out;
	struct sl_text text = trimmed(lua_lib_text(lua, 1));
	bool gap = false;
	luaL_buffinit(lua, &out);
	while (text.len) {
		size_t len;
		bool space = is_space(point_at(text, &len));
		if (!space)
			luaL_addlstring(&out, text.at, len);
		else if (!gap)
			luaL_addchar(&out, ' ');
		gap = space;
		text = after(text, len);
	}
	luaL_pushresult(&out);
	return 1;
}

/* ------------------------------------------------------------------------------ parts */

/* A line ends with LF or CRLF; the last one need not. */
static int lines(lua_State *lua)
{
	lua_Integer count = 0;
	struct sl_text text = lua_lib_text(lua, 1);
	lua_newtable(lua);
	while (text.len) {
		const char *stop = memchr(text.at, '\n', text.len);
		struct sl_text one = { text.at, stop ? (size_t)(stop - text.at) : text.len };
		text = after(text, one.len + (stop != NULL));
		if (one.len && one.at[one.len - 1] == '\r')
			one.len--;
		lua_lib_list(lua, one, &count);
	}
	return 1;
}

static int split(lua_State *lua)
{
	lua_Integer count = 0, most = luaL_optinteger(lua, 3, 0);
	struct sl_text text = lua_lib_text(lua, 1), separator = lua_lib_text(lua, 2);
	luaL_argcheck(lua, separator.len, 2, "a separator has at least one byte");
	luaL_argcheck(lua, lua_isnoneornil(lua, 3) || most > 0, 3, "at least 1 part expected");
	lua_newtable(lua);
	while (count + 1 != most) {
		const char *stop = memmem(text.at, text.len, separator.at, separator.len);
		if (!stop)
			break;
		lua_lib_list(lua, (struct sl_text){ text.at, (size_t)(stop - text.at) }, &count);
		text = after(text, (size_t)(stop - text.at) + separator.len);
	}
	lua_lib_list(lua, text, &count);
	return 1;
}

static int starts(lua_State *lua)
{
	struct sl_text text = lua_lib_text(lua, 1), with = lua_lib_text(lua, 2);
	lua_pushboolean(lua, text.len >= with.len && memcmp(text.at, with.at, with.len) == 0);
	return 1;
}

static int ends(lua_State *lua)
{
	struct sl_text text = lua_lib_text(lua, 1), with = lua_lib_text(lua, 2);
	lua_pushboolean(lua, text.len >= with.len && memcmp(text.at + text.len - with.len, with.at, with.len) == 0);
	return 1;
}

/* ------------------------------------------------------------------------- characters */

/* What a person sees as one: a letter and its marks, a flag, a family. */
static struct sl_text next_character(struct sl_text *text)
{
	struct sl_text one = { text->at, 0 };
	utf8proc_int32_t state = 0;
	int32_t before = -1;
	for (struct sl_text rest = *text; rest.len;) {
		size_t len;
		int32_t point = point_at(rest, &len);
		if (one.len && (before < 0 || point < 0 || utf8proc_grapheme_break_stateful(before, point, &state)))
			break;
		one.len += len;
		before = point;
		rest = after(rest, len);
	}
	*text = after(*text, one.len);
	return one;
}

static lua_Integer characters(struct sl_text text)
{
	lua_Integer count = 0;
	for (; text.len; count++)
		next_character(&text);
	return count;
}

static int length(lua_State *lua)
{
	lua_pushinteger(lua, characters(lua_lib_text(lua, 1)));
	return 1;
}

/* The bytes of the first so many. */
static size_t first(struct sl_text text, lua_Integer count)
{
	struct sl_text rest = text;
	for (; count > 0 && rest.len; count--)
		next_character(&rest);
	return text.len - rest.len;
}

static void add_readable(luaL_Buffer *out, struct sl_text text)
{
	while (text.len) {
		size_t len;
		if (point_at(text, &len) < 0)
			luaL_addstring(out, UNKNOWN);
		else
			luaL_addlstring(out, text.at, len);
		text = after(text, len);
	}
}

static int cut(lua_State *lua)
{
	luaL_Buffer out;
	struct sl_text text = lua_lib_text(lua, 1), ending = { "", 0 };
	lua_Integer most = luaL_checkinteger(lua, 2);
	luaL_argcheck(lua, most >= 0, 2, "0 or more characters expected");
	if (!lua_is_none(lua, 3))
		ending = lua_lib_text(lua, 3);
	lua_settop(lua, 3);
	luaL_buffinit(lua, &out);
	if (first(text, most) == text.len)
		ending.len = 0;
	lua_Integer room = most - characters(ending);
	add_readable(&out, (struct sl_text){ text.at, first(text, room > 0 ? room : 0) });
	if (room >= 0)
		add_readable(&out, ending);
	luaL_pushresult(&out);
	return 1;
}

/* ------------------------------------------------------------------------------ forms */

/* As many bytes as go through as one piece: up to a letter, and not many more
 * than PIECE.  0: the text begins with a byte that is no UTF-8. */
static size_t piece(struct sl_text text)
{
	size_t at = 0, marks = 0, len;
	while (at < text.len) {
		int32_t point = point_at(after(text, at), &len);
		bool mark = point >= 0 && goes_on(point);
		marks = mark ? marks + 1 : 0;
		if (point < 0 || marks > MOST_MARKS || (at >= PIECE && !mark))
			break;
		at += len;
	}
	return at;
}

/* utf8proc_reencode writes UTF-8 over the code points it is made of. */
static void add_piece(luaL_Buffer *out, struct sl_text text, utf8proc_option_t options)
{
	int32_t points[POINTS + 1];
	const uint8_t *bytes = (const uint8_t *)text.at;
	utf8proc_ssize_t count = utf8proc_decompose(bytes, (utf8proc_ssize_t)text.len, points, POINTS, options);
	utf8proc_ssize_t len = count < 0 || count > POINTS ? -1 : utf8proc_reencode(points, count, options);
	if (len < 0)
		luaL_addlstring(out, text.at, text.len);
	else
		luaL_addlstring(out, (const char *)points, (size_t)len);
}

static int formed(lua_State *lua, utf8proc_option_t options)
{
	luaL_Buffer out;
	struct sl_text text = lua_lib_text(lua, 1);
	if (!(options & UTF8PROC_CASEFOLD) && is_ascii(text))
		return push(lua, text);
	lua_settop(lua, 1);
	luaL_buffinit(lua, &out);
	while (text.len) {
		size_t len = piece(text);
		if (len)
			add_piece(&out, (struct sl_text){ text.at, len }, options | UTF8PROC_STABLE);
		else
			luaL_addstring(&out, UNKNOWN);
		text = after(text, len ? len : 1);
	}
	luaL_pushresult(&out);
	return 1;
}

static int nfc(lua_State *lua)
{
	return formed(lua, UTF8PROC_COMPOSE);
}

static int fold(lua_State *lua)
{
	return formed(lua, UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
}

static int plain(lua_State *lua)
{
	return formed(lua, UTF8PROC_COMPOSE | UTF8PROC_STRIPMARK);
}

static int each_byte(lua_State *lua, struct sl_text text, utf8proc_int32_t (*change)(utf8proc_int32_t))
{
	luaL_Buffer out;
	char *at = luaL_buffinitsize(lua, &out, text.len);
	for (size_t i = 0; i < text.len; i++)
		at[i] = (char)change(text.at[i]);
	luaL_pushresultsize(&out, text.len);
	return 1;
}

static int each(lua_State *lua, utf8proc_int32_t (*change)(utf8proc_int32_t))
{
	luaL_Buffer out;
	struct sl_text text = lua_lib_text(lua, 1);
	lua_settop(lua, 1);
	if (is_ascii(text))
		return each_byte(lua, text, change);
	luaL_buffinit(lua, &out);
	while (text.len) {
		uint8_t bytes[4];
		size_t len;
		int32_t point = point_at(text, &len);
		if (point < 0)
			luaL_addstring(&out, UNKNOWN);
		else
			luaL_addlstring(&out, (const char *)bytes, (size_t)utf8proc_encode_char(change(point), bytes));
		text = after(text, len);
	}
	luaL_pushresult(&out);
	return 1;
}

static int lower(lua_State *lua)
{
	return each(lua, utf8proc_tolower);
}

static int upper(lua_State *lua)
{
	return each(lua, utf8proc_toupper);
}

void lua_text_open(lua_State *lua)
{
	static const luaL_Reg functions[] = {
		{ "trim", trim },
		{ "squeeze", squeeze },
		{ "lower", lower },
		{ "upper", upper },
		{ "fold", fold },
		{ "nfc", nfc },
		{ "plain", plain },
		{ "lines", lines },
		{ "split", split },
		{ "starts", starts },
		{ "ends", ends },
		{ "length", length },
		{ "cut", cut },
		{ NULL, NULL },
	};
	lua_lib_add(lua, "text", functions);
}
