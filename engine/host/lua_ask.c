/* SPDX-License-Identifier: Apache-2.0 */
/* lua_ask.c - a request as a script says it becomes a struct sl_http. */
#include "host/lua_ask.h"

#include <string.h>

#include "sdk/time.h"

#define MOST_PAIRS 1000

static struct arena *arena_of(lua_State *lua)
{
	return script_of(lua)->seat->call->arena;
}

static const char *kept(lua_State *lua, const char *name, int index)
{
	size_t len = 0;
	const char *text = lua_type(lua, index) == LUA_TSTRING ? lua_tolstring(lua, index, &len) : NULL;
	if (!text)
		luaL_error(lua, "http: %s has to be a text, not a %s", name, luaL_typename(lua, index));
	else if (memchr(text, '\0', len))
		luaL_error(lua, "http: %s holds a zero byte", name);
	return arena_copy(arena_of(lua), text, len);
}

/* ------------------------------------------------------------- query and headers */

struct pairs {
	const char *what;
	struct sl_pair *at;
	size_t count, room;
};

static void add_pair(lua_State *lua, struct pairs *pairs, const char *name, const char *value)
{
	struct arena *arena = arena_of(lua);
	if (pairs->count == MOST_PAIRS)
		luaL_error(lua, "http: %s has more than %d entries", pairs->what, MOST_PAIRS);
	if (pairs->count == pairs->room) {
		size_t room = pairs->room ? pairs->room * 2 : 8;
		struct sl_pair *more = arena_alloc(arena, room * sizeof(*more));
		if (pairs->count)
			memcpy(more, pairs->at, pairs->count * sizeof(*more));
		pairs->at = more;
		pairs->room = room;
	}
	lua_verb_count(lua, strlen(name) + strlen(value));
	pairs->at[pairs->count++] = (struct sl_pair){ arena_string(arena, name), arena_string(arena, value) };
}

/* The value on top, which is a text, a number, true or false, or left out. */
static void add_value(lua_State *lua, struct pairs *pairs, const char *name)
{
	if (lua_is_none(lua, -1))
		return;
	if (lua_type(lua, -1) != LUA_TSTRING && lua_type(lua, -1) != LUA_TNUMBER && !lua_isboolean(lua, -1))
		luaL_error(lua, "http: %s.%s is a %s; it has to be a text, a number, true or false", pairs->what, name,
			luaL_typename(lua, -1));
	size_t len;
	const char *value = luaL_tolstring(lua, -1, &len);
	if (strlen(value) != len || strpbrk(value, "\r\n"))
		luaL_error(lua, "http: %s.%s holds a zero byte or a line break", pairs->what, name);
	add_pair(lua, pairs, name, value);
	lua_pop(lua, 1);
}

/* The value on top, or each in the list on top. */
static void add_values(lua_State *lua, struct pairs *pairs, const char *name)
{
	if (!lua_istable(lua, -1)) {
		add_value(lua, pairs, name);
		return;
	}
	lua_Integer count = (lua_Integer)lua_rawlen(lua, -1);
	for (lua_Integer i = 1; i <= count; i++) {
		lua_rawgeti(lua, -1, i);
		add_value(lua, pairs, name);
		lua_pop(lua, 1);
	}
}

static void add_member(lua_State *lua, struct pairs *pairs)
{
	size_t len;
	const char *name = lua_type(lua, -2) == LUA_TSTRING ? lua_tolstring(lua, -2, &len) : NULL;
	if (!name)
		luaL_error(lua, "http: %s has to be a table by name: { name = value }", pairs->what);
	else if (!len || strlen(name) != len || strpbrk(name, "\r\n"))
		luaL_error(lua, "http: a name in %s is empty, or holds a zero byte or a line break", pairs->what);
	else
		add_values(lua, pairs, name);
}

/* In the order of their names, those of one name as they were given: the same
 * request is the same bytes. */
static const struct sl_pair *const *in_order(lua_State *lua, const struct pairs *pairs)
{
	const struct sl_pair **list = arena_alloc(arena_of(lua), (pairs->count + 1) * sizeof(*list));
	for (size_t i = 0; i < pairs->count; i++) {
		size_t to = i;
		for (; to && strcmp(list[to - 1]->name, pairs->at[i].name) > 0; to--)
			list[to] = list[to - 1];
		list[to] = &pairs->at[i];
	}
	return list;
}

static const struct sl_pair *const *read_pairs(lua_State *lua, const char *what)
{
	struct pairs pairs = { .what = what };
	lua_json_copy(lua, -1); /* a view, of opt say, is as good as a table */
	if (!lua_istable(lua, -1))
		luaL_error(lua, "http: %s has to be a table by name, not a %s", what, luaL_typename(lua, -2));
	for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1))
		add_member(lua, &pairs);
	lua_pop(lua, 1);
	return in_order(lua, &pairs);
}

/* ----------------------------------------------------------------------- fields */

static void read_url(lua_State *lua, struct sl_http *request)
{
	request->url = kept(lua, "url", -1);
}

static void read_method(lua_State *lua, struct sl_http *request)
{
	request->method = kept(lua, "method", -1);
	if (!*request->method || strspn(request->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(request->method))
		luaL_error(lua, "http: method is '%s'; it has to be a word such as GET or POST", request->method);
}

static void read_query(lua_State *lua, struct sl_http *request)
{
	request->query = read_pairs(lua, "query");
}

static void read_headers(lua_State *lua, struct sl_http *request)
{
	request->headers = read_pairs(lua, "headers");
}

static void read_body(lua_State *lua, struct sl_http *request)
{
	struct sl_text body;
	if (lua_type(lua, -1) == LUA_TSTRING)
		body.at = lua_tolstring(lua, -1, &body.len);
	else
		body = lua_json_encode(lua, -1);
	lua_verb_count(lua, body.len);
	request->body = arena_text(arena_of(lua), body);
}

static void read_file(lua_State *lua, struct sl_http *request)
{
	request->file = kept(lua, "file", -1);
	lua_file_check(lua, script_of(lua)->seat->call, request->file);
}

/* Seconds, or "90s". */
static void read_timeout(lua_State *lua, struct sl_http *request)
{
	struct sl_text text;
	bool fine = lua_type(lua, -1) == LUA_TNUMBER;
	if (fine)
		request->timeout_ms = (int64_t)(lua_tonumber(lua, -1) * 1000);
	else if ((text.at = lua_tolstring(lua, -1, &text.len)))
		fine = sl_duration_read(text, &request->timeout_ms);
	if (!fine || request->timeout_ms < 1 || request->timeout_ms > 3600000)
		luaL_error(lua, "http: timeout has to be seconds, or a text such as \"90s\", up to an hour");
}

static int64_t whole(lua_State *lua, const char *name)
{
	int fine;
	lua_Integer number = lua_tointegerx(lua, -1, &fine);
	if (!fine || number < 1)
		luaL_error(lua, "http: %s has to be a whole number from 1", name);
	return number;
}

static void read_most(lua_State *lua, struct sl_http *request)
{
	request->most = whole(lua, "most");
}

static void read_cost(lua_State *lua, struct sl_http *request)
{
	request->cost = whole(lua, "cost");
}

static void read_asks(lua_State *lua, struct sl_http *request)
{
	request->asks = lua_toboolean(lua, -1);
}

static void read_graphql(lua_State *lua, struct sl_http *request)
{
	request->graphql = lua_toboolean(lua, -1);
}

static void read_all(lua_State *lua, struct sl_http *request)
{
	request->all = lua_toboolean(lua, -1);
}

static const struct field {
	const char *name;
	void (*read)(lua_State *lua, struct sl_http *request); /* the value is on top */
} fields[] = {
	{ "url", read_url },
	{ "method", read_method },
	{ "query", read_query },
	{ "headers", read_headers },
	{ "body", read_body },
	{ "file", read_file },
	{ "timeout", read_timeout },
	{ "most", read_most },
	{ "cost", read_cost },
	{ "asks", read_asks },
	{ "graphql", read_graphql },
	{ "all", read_all },
};

static const struct field *field_named(const char *name)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

void lua_ask_field(lua_State *lua, struct sl_http *request, const char *name, int index)
{
	lua_pushvalue(lua, index);
	if (!lua_is_none(lua, -1))
		field_named(name)->read(lua, request);
	lua_pop(lua, 1);
}

static void refuse_unknown(lua_State *lua, int index)
{
	for (lua_pushnil(lua); lua_next(lua, index); lua_pop(lua, 1)) {
		const char *name = lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : NULL;
		if (!name)
			luaL_error(lua, "http takes named fields: http { url = ..., query = { ... } }");
		else if (!field_named(name))
			luaL_error(lua, "http knows no '%s'; a request has url, method, query, headers, body, timeout, "
					"most, file, cost, asks, graphql and all",
				name);
	}
}

struct sl_http *lua_ask_read(lua_State *lua, struct call *call, int index)
{
	struct sl_http *request = arena_alloc(call->arena, sizeof(*request));
	if (lua_isnoneornil(lua, index))
		return request;
	luaL_checktype(lua, index, LUA_TTABLE);
	refuse_unknown(lua, index);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		lua_getfield(lua, index, fields[i].name);
		lua_ask_field(lua, request, fields[i].name, -1);
		lua_pop(lua, 1);
	}
	return request;
}
