/* SPDX-License-Identifier: Apache-2.0 */
/* lua_url.c - `url` for scripts: addresses built so that nothing in them leaves its place, and read. */
#include <string.h>

#include "host/lua_lib.h"
#include "sdk/text.h"

/* ------------------------------------------------------------------- percent signs */

static bool is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

static void add_encoded(luaL_Buffer *out, struct sl_text text)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		char escape[3] = { '%', digits[c >> 4], digits[c & 15] };
		if (is_plain(c))
			luaL_addchar(out, (char)c);
		else
			luaL_addlstring(out, escape, sizeof(escape));
	}
}

static int encode(lua_State *lua)
{
	luaL_Buffer out;
	struct sl_text text = lua_lib_text(lua, 1);
	luaL_buffinit(lua, &out);
	add_encoded(&out, text);
	luaL_pushresult(&out);
	return 1;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
	return found ? (int)(found - digits) : -1;
}

/* Pushes what it means; false: there is a % without two digits, and it stays. */
static bool push_decoded(lua_State *lua, struct sl_text text, bool plus)
{
	luaL_Buffer out;
	bool fine = true;
	char *at = luaL_buffinitsize(lua, &out, text.len + 1), *end = at;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		bool room = c == '%' && i + 2 < text.len;
		int high = room ? digit(text.at[i + 1]) : -1, low = room ? digit(text.at[i + 2]) : -1;
		bool escaped = high >= 0 && low >= 0;
		fine &= escaped || c != '%';
		i += escaped ? 2 : 0;
		*end++ = escaped ? (char)(high << 4 | low) : (plus && c == '+') ? ' '
		                                                                : c;
	}
	luaL_pushresultsize(&out, (size_t)(end - at));
	return fine;
}

static int decode(lua_State *lua)
{
	if (!push_decoded(lua, lua_lib_text(lua, 1), false))
		return lua_lib_wrong(lua, "a %% without two hex digits behind it");
	return 1;
}

/* ------------------------------------------------------------------------- building */

/* A part of a path or a value: texts, numbers, true and false.  On top of the
 * stack; becomes text there. */
static struct sl_text word(lua_State *lua, const char *what)
{
	struct sl_text text = { 0 };
	int kind = lua_type(lua, -1);
	if (kind == LUA_TBOOLEAN) {
		lua_pushstring(lua, lua_toboolean(lua, -1) ? "true" : "false");
		lua_replace(lua, -2);
	} else if (kind != LUA_TSTRING && kind != LUA_TNUMBER) {
		luaL_error(lua, "%s has to be a text or a number, not a %s", what, luaL_typename(lua, -1));
	}
	text.at = lua_tolstring(lua, -1, &text.len);
	return text;
}

/* Pushes the text encoded in place of what is on top. */
static void encode_top(lua_State *lua, struct sl_text text)
{
	luaL_Buffer out;
	luaL_buffinit(lua, &out);
	add_encoded(&out, text);
	luaL_pushresult(&out);
	lua_replace(lua, -2);
}

/* The table that collects pieces is at `pieces`; what is on top is added to it. */
static void add_piece(lua_State *lua, int pieces)
{
	lua_rawseti(lua, pieces, (lua_Integer)lua_rawlen(lua, pieces) + 1);
}

static void add_literal(lua_State *lua, int pieces, const char *text)
{
	lua_pushstring(lua, text);
	add_piece(lua, pieces);
}

static void add_path(lua_State *lua, int parts, int pieces)
{
	luaL_checktype(lua, parts, LUA_TTABLE);
	lua_Integer count = luaL_len(lua, parts);
	for (lua_Integer i = 1; i <= count; i++) {
		lua_geti(lua, parts, i);
		struct sl_text text = word(lua, "a part of a path");
		if (!text.len || sl_text_is(text, ".") || sl_text_is(text, ".."))
			luaL_error(lua, "part %d of the path is '%s', which would lead elsewhere", (int)i, text.at);
		encode_top(lua, text);
		add_literal(lua, pieces, "/");
		add_piece(lua, pieces);
	}
}

/* Pushes the names of a table, in their order. */
static void push_names(lua_State *lua, int table)
{
	lua_Integer count = 0;
	lua_getglobal(lua, "table");
	lua_getfield(lua, -1, "sort");
	lua_replace(lua, -2);
	lua_newtable(lua);
	for (lua_pushnil(lua); lua_next(lua, table);) {
		lua_pop(lua, 1);
		if (lua_type(lua, -1) != LUA_TSTRING)
			luaL_error(lua, "fields have names, not numbers: { fields = \"all\" }");
		lua_pushvalue(lua, -1);
		lua_rawseti(lua, -3, ++count);
	}
	lua_pushvalue(lua, -1);
	lua_rotate(lua, -3, 1);
	lua_call(lua, 1, 0);
}

/* The name is below its value, which goes. */
static void add_field(lua_State *lua, int pieces, char *sign)
{
	char before[2] = { *sign, '\0' };
	if (lua_is_none(lua, -1)) {
		lua_pop(lua, 1);
		return;
	}
	struct sl_text value = word(lua, "a field");
	encode_top(lua, value);
	add_literal(lua, pieces, *sign ? before : "");
	lua_pushvalue(lua, -2);
	encode_top(lua, word(lua, "a name"));
	add_piece(lua, pieces);
	add_literal(lua, pieces, "=");
	add_piece(lua, pieces);
	*sign = '&';
}

static bool is_list(lua_State *lua, int index)
{
	return lua_istable(lua, index) || lua_view_at(lua, index);
}

/* `sign` stands before the first one; 0: nothing. */
static void add_fields(lua_State *lua, int fields, int pieces, char sign)
{
	luaL_checktype(lua, fields, LUA_TTABLE);
	push_names(lua, fields);
	int names = lua_gettop(lua);
	for (lua_Integer i = 1; lua_rawgeti(lua, names, i) != LUA_TNIL; i++) {
		lua_pushvalue(lua, -1);
		lua_gettable(lua, fields);
		if (!is_list(lua, -1)) {
			add_field(lua, pieces, &sign);
			lua_pop(lua, 1);
			continue;
		}
		lua_Integer count = luaL_len(lua, -1);
		for (lua_Integer k = 1; k <= count; k++) {
			lua_pushvalue(lua, -2);
			lua_geti(lua, -2, k);
			add_field(lua, pieces, &sign);
			lua_pop(lua, 1);
		}
		lua_pop(lua, 2);
	}
	lua_settop(lua, names - 1);
}

/* Pushes the pieces as one text. */
static int join(lua_State *lua, int pieces)
{
	luaL_Buffer out;
	size_t count = lua_rawlen(lua, pieces);
	luaL_buffinit(lua, &out);
	for (size_t i = 1; i <= count; i++) {
		lua_rawgeti(lua, pieces, (lua_Integer)i);
		luaL_addvalue(&out);
	}
	luaL_pushresult(&out);
	return 1;
}

/* Behind a base that has no / at its end, before its own ? and #. */
static int build(lua_State *lua)
{
	struct sl_text base = lua_lib_text(lua, 1);
	luaL_argcheck(lua, strcspn(base.at, "#") == base.len, 1, "a base without a #fragment expected");
	size_t path = strcspn(base.at, "?");
	struct sl_text own = { base.at + path, base.len - path };
	bool parts = !lua_is_none(lua, 2);
	lua_settop(lua, 3);
	lua_newtable(lua);
	while (parts && path && base.at[path - 1] == '/')
		path--;
	lua_pushlstring(lua, base.at, path);
	add_piece(lua, 4);
	if (parts)
		add_path(lua, 2, 4);
	lua_pushlstring(lua, own.at, own.len);
	add_piece(lua, 4);
	if (!lua_is_none(lua, 3))
		add_fields(lua, 3, 4, own.len ? '&' : '?');
	return join(lua, 4);
}

static int form(lua_State *lua)
{
	lua_settop(lua, 1);
	lua_newtable(lua);
	add_fields(lua, 1, 2, '\0');
	return join(lua, 2);
}

/* -------------------------------------------------------------------------- reading */

static void set(lua_State *lua, const char *name, struct sl_text text)
{
	lua_pushlstring(lua, text.at, text.len);
	lua_setfield(lua, -2, name);
}

static void set_small(lua_State *lua, const char *name, struct sl_text text)
{
	luaL_Buffer out;
	char *at = luaL_buffinitsize(lua, &out, text.len);
	for (size_t i = 0; i < text.len; i++)
		at[i] = text.at[i] >= 'A' && text.at[i] <= 'Z' ? (char)(text.at[i] + 32) : text.at[i];
	luaL_pushresultsize(&out, text.len);
	lua_setfield(lua, -2, name);
}

/* What stands before one of the signs; the rest begins with it. */
static struct sl_text until(struct sl_text *rest, const char *signs)
{
	struct sl_text part = { rest->at, 0 };
	while (part.len < rest->len && !(part.at[part.len] && strchr(signs, part.at[part.len])))
		part.len++;
	rest->at += part.len, rest->len -= part.len;
	return part;
}

static bool take(struct sl_text *rest, char c)
{
	if (!rest->len || *rest->at != c)
		return false;
	rest->at++, rest->len--;
	return true;
}

static bool all_of(struct sl_text text, bool (*kind)(unsigned char))
{
	for (size_t i = 0; i < text.len; i++)
		if (!kind((unsigned char)text.at[i]))
			return false;
	return true;
}

static bool is_scheme(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("+-.", c));
}

static bool is_url(unsigned char c)
{
	return c > ' ' && c != 0x7f && !strchr("<>\"\\^`{|}", c);
}

static bool set_port(lua_State *lua, struct sl_text text)
{
	lua_Integer port = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9' || port > 65535)
			return false;
		port = port * 10 + (text.at[i] - '0');
	}
	if (port > 65535)
		return false;
	if (text.len) {
		lua_pushinteger(lua, port);
		lua_setfield(lua, -2, "port");
	}
	return true;
}

/* user@host:port or user@[::1]:port */
static bool set_authority(lua_State *lua, struct sl_text text)
{
	const char *sign = text.len ? memrchr(text.at, '@', text.len) : NULL;
	if (sign) {
		set(lua, "user", (struct sl_text){ text.at, (size_t)(sign - text.at) });
		text.len -= (size_t)(sign + 1 - text.at), text.at = sign + 1;
	}
	struct sl_text host = until(&text, text.len && *text.at == '[' ? "]" : ":");
	if (host.len && *host.at == '[') {
		if (!take(&text, ']'))
			return false;
		host.len++;
	}
	if (!host.len || (text.len && !take(&text, ':')))
		return false;
	set_small(lua, "host", host);
	return set_port(lua, text);
}

static int parse(lua_State *lua)
{
	struct sl_text rest = lua_lib_text(lua, 1), scheme = until(&rest, ":/?#");
	bool letter = scheme.len && (*scheme.at | 32) >= 'a' && (*scheme.at | 32) <= 'z';
	lua_settop(lua, 1);
	lua_newtable(lua);
	bool fine = letter && all_of(scheme, is_scheme) && all_of(rest, is_url) && take(&rest, ':');
	fine = fine && take(&rest, '/') && take(&rest, '/') && set_authority(lua, until(&rest, "/?#"));
	if (!fine)
		return lua_lib_wrong(lua, "'%.200s' is no absolute URL", lua_tostring(lua, 1));
	set_small(lua, "scheme", scheme);
	set(lua, "path", until(&rest, "?#"));
	if (take(&rest, '?'))
		set(lua, "query", until(&rest, "#"));
	if (take(&rest, '#'))
		set(lua, "fragment", rest);
	return 1;
}

/* One "name=value" into the table by name and the list above it. */
static void add_pair(lua_State *lua, struct sl_text pair, lua_Integer *count)
{
	struct sl_text name = until(&pair, "=");
	take(&pair, '=');
	lua_createtable(lua, 2, 0);
	push_decoded(lua, name, true);
	push_decoded(lua, pair, true);
	lua_pushvalue(lua, -2);
	if (lua_rawget(lua, 2) == LUA_TNIL) {
		lua_pushvalue(lua, -3);
		lua_pushvalue(lua, -3);
		lua_rawset(lua, 2);
	}
	lua_pop(lua, 1);
	lua_rawseti(lua, -3, 2);
	lua_rawseti(lua, -2, 1);
	lua_rawseti(lua, 3, ++*count);
}

static int query(lua_State *lua)
{
	struct sl_text text = lua_lib_text(lua, 1), rest = text;
	lua_Integer count = 0;
	lua_settop(lua, 1);
	lua_newtable(lua);
	lua_newtable(lua);
	until(&rest, "?");
	rest = take(&rest, '?') ? rest : text;
	for (rest = until(&rest, "#"); rest.len; take(&rest, '&')) {
		struct sl_text pair = until(&rest, "&");
		if (pair.len)
			add_pair(lua, pair, &count);
	}
	return 2;
}

void lua_url_open(lua_State *lua)
{
	static const luaL_Reg functions[] = {
		{ "build", build },
		{ "form", form },
		{ "encode", encode },
		{ "decode", decode },
		{ "parse", parse },
		{ "query", query },
		{ NULL, NULL },
	};
	lua_lib_add(lua, "url", functions);
}
