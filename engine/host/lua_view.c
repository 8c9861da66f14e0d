/* SPDX-License-Identifier: Apache-2.0 */
/* lua_view.c - a JSON document as a script sees it: looked at where it stands.
 *
 * An object or an array is a view, a small userdata that points into the
 * document; what is in it is made into Lua values only when it is asked for.
 * Strings, numbers, true and false are Lua's own.  null is json.null, which is
 * not nil, but whatever is looked for in it is nil: so `card.due and card.due.at`
 * is right for a due that is missing and for one that is null.
 */
#include <string.h>

#include "host/lua_host.h"

struct view {
	const struct sl_json *value;
	struct seat *seat;
	uint64_t serial;
};

/* Where they are in the registry: the metatables, and null itself. */
static const char object_key, array_key, null_key, request_key, null_value_key;

/* ------------------------------------------------------------------- pushing */

void lua_null_push(lua_State *lua)
{
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &null_value_key);
}

static void push_number(lua_State *lua, const struct sl_json *value)
{
	int64_t whole;
	double number;
	struct sl_text raw;
	if (sl_json_integer(value, &whole))
		lua_pushinteger(lua, whole);
	else if (sl_json_double(value, &number))
		lua_pushnumber(lua, number);
	else
		raw = sl_json_raw(value), lua_pushlstring(lua, raw.at, raw.len);
}

static void push_view(lua_State *lua, const struct sl_json *value, struct seat *seat, const char *kind)
{
	struct view *view = lua_newuserdatauv(lua, sizeof(*view), 0);
	*view = (struct view){ .value = value, .seat = seat, .serial = seat->serial };
	lua_rawgetp(lua, LUA_REGISTRYINDEX, kind);
	lua_setmetatable(lua, -2);
}

/* Pushes a value of a document that belongs to the seat's call; NULL is nil. */
static void push_value(lua_State *lua, const struct sl_json *value, struct seat *seat)
{
	struct sl_text text;
	if (!value) {
		lua_pushnil(lua);
		return;
	}
	switch (sl_json_kind(value)) {
	case SL_KIND_STRING:
		text = sl_json_string(value);
		lua_pushlstring(lua, text.at, text.len);
		break;
	case SL_KIND_OBJECT:
		push_view(lua, value, seat, &object_key);
		break;
	case SL_KIND_ARRAY:
		push_view(lua, value, seat, &array_key);
		break;
	case SL_KIND_NUMBER:
		push_number(lua, value);
		break;
	case SL_KIND_BOOL:
		lua_pushboolean(lua, sl_json_true(value));
		break;
	case SL_KIND_NULL:
		lua_null_push(lua);
		break;
	}
}

void lua_view_push(lua_State *lua, const struct sl_json *value)
{
	push_value(lua, value, script_of(lua)->seat);
}

/* ------------------------------------------------------------------- reading */

static struct view *alive(lua_State *lua, struct view *view)
{
	if (view->seat->serial != view->serial)
		luaL_error(lua, "this document ended with its call; keep what you need of it with json.copy");
	return view;
}

static bool has_metatable(lua_State *lua, int index, const char *key)
{
	if (lua_type(lua, index) != LUA_TUSERDATA || !lua_getmetatable(lua, index))
		return false;
	lua_rawgetp(lua, LUA_REGISTRYINDEX, key);
	bool same = lua_rawequal(lua, -1, -2);
	lua_pop(lua, 2);
	return same;
}

bool lua_is_none(lua_State *lua, int index)
{
	return lua_isnoneornil(lua, index) || has_metatable(lua, index, &null_key);
}

const struct sl_json *lua_view_at(lua_State *lua, int index)
{
	if (!has_metatable(lua, index, &object_key) && !has_metatable(lua, index, &array_key))
		return NULL;
	return alive(lua, lua_touserdata(lua, index))->value;
}

/* Metamethods: only Lua itself calls them, and only with the right userdata. */

static int object_index(lua_State *lua)
{
	struct view *view = alive(lua, lua_touserdata(lua, 1));
	struct sl_text name = { 0 };
	if (lua_type(lua, 2) == LUA_TSTRING)
		name.at = lua_tolstring(lua, 2, &name.len);
	push_value(lua, name.at ? sl_json_get_text(view->value, name) : NULL, view->seat);
	return 1;
}

static int array_index(lua_State *lua)
{
	struct view *view = alive(lua, lua_touserdata(lua, 1));
	lua_Integer index = lua_isinteger(lua, 2) ? lua_tointeger(lua, 2) : 0;
	push_value(lua, index > 0 ? sl_json_element(view->value, (size_t)index - 1) : NULL, view->seat);
	return 1;
}

static int array_length(lua_State *lua)
{
	lua_pushinteger(lua, (lua_Integer)sl_json_count(alive(lua, lua_touserdata(lua, 1))->value));
	return 1;
}

static int no_length(lua_State *lua)
{
	lua_pushinteger(lua, 0);
	return 1;
}

static int view_write(lua_State *lua)
{
	return luaL_error(lua, "a document cannot be changed: write into json.copy(...) of it");
}

static int view_equal(lua_State *lua)
{
	const struct sl_json *left = lua_view_at(lua, 1), *right = lua_view_at(lua, 2);
	lua_pushboolean(lua, left && left == right);
	return 1;
}

static int view_text(lua_State *lua)
{
	struct sl_text raw = sl_json_raw(alive(lua, lua_touserdata(lua, 1))->value);
	lua_pushlstring(lua, raw.at, raw.len);
	return 1;
}

/* --------------------------------------------------------------------- walking */

/* One step of pairs(); its view, the value it stands at and its number are upvalues. */
static int walk(lua_State *lua)
{
	struct view *view = alive(lua, lua_touserdata(lua, lua_upvalueindex(1)));
	const struct sl_json *at = lua_touserdata(lua, lua_upvalueindex(2));
	lua_Integer number = lua_tointeger(lua, lua_upvalueindex(3)) + 1;
	at = number == 1 ? sl_json_first(view->value) : at ? sl_json_next(at)
							   : NULL;
	lua_pushlightuserdata(lua, (void *)at);
	lua_replace(lua, lua_upvalueindex(2));
	lua_pushinteger(lua, number);
	lua_replace(lua, lua_upvalueindex(3));
	if (!at) {
		lua_pushnil(lua);
		return 1;
	}
	struct sl_text name = sl_json_name(at);
	if (name.at)
		lua_pushlstring(lua, name.at, name.len);
	else
		lua_pushinteger(lua, number);
	push_value(lua, at, view->seat);
	return 2;
}

static int view_pairs(lua_State *lua)
{
	lua_settop(lua, 1);
	lua_pushlightuserdata(lua, NULL);
	lua_pushinteger(lua, 0);
	lua_pushcclosure(lua, walk, 3);
	return 1;
}

static int nothing(lua_State *lua)
{
	lua_pushnil(lua);
	return 1;
}

static int no_pairs(lua_State *lua)
{
	lua_pushcfunction(lua, nothing);
	return 1;
}

static int null_text(lua_State *lua)
{
	lua_pushliteral(lua, "null");
	return 1;
}

/* --------------------------------------------------------------------- requests */

static void push_headers(lua_State *lua, const struct sl_request *request)
{
	lua_newtable(lua);
	for (const struct sl_pair *const *at = request->headers; at && *at; at++) {
		lua_pushstring(lua, (*at)->value);
		lua_setfield(lua, -2, (*at)->name);
	}
}

/* What was received: method, url, headers (by lower-case name), body. */
static int request_index(lua_State *lua)
{
	struct view *view = alive(lua, lua_touserdata(lua, 1));
	const struct sl_request *request = view->seat->call->pub.request;
	const char *name = luaL_checkstring(lua, 2);
	if (strcmp(name, "method") == 0)
		lua_pushstring(lua, request->method);
	else if (strcmp(name, "url") == 0)
		lua_pushstring(lua, request->url);
	else if (strcmp(name, "body") == 0)
		lua_pushlstring(lua, request->body.at ? request->body.at : "", request->body.len);
	else if (strcmp(name, "headers") == 0)
		push_headers(lua, request);
	else
		return luaL_error(lua, "a request has method, url, headers and body, but no %s", name);
	return 1;
}

void lua_request_push(lua_State *lua)
{
	push_view(lua, NULL, script_of(lua)->seat, &request_key);
}

/* ------------------------------------------------------------------------ tables */

static void make_metatable(lua_State *lua, const char *key, const char *name, const luaL_Reg *methods)
{
	lua_newtable(lua);
	luaL_setfuncs(lua, methods, 0);
	lua_pushstring(lua, name);
	lua_setfield(lua, -2, "__name");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_rawsetp(lua, LUA_REGISTRYINDEX, key);
}

void lua_view_open(lua_State *lua)
{
	static const luaL_Reg object[] = {
		{ "__index", object_index },
		{ "__newindex", view_write },
		{ "__len", no_length },
		{ "__pairs", view_pairs },
		{ "__eq", view_equal },
		{ "__tostring", view_text },
		{ NULL, NULL },
	};
	static const luaL_Reg array[] = {
		{ "__index", array_index },
		{ "__newindex", view_write },
		{ "__len", array_length },
		{ "__pairs", view_pairs },
		{ "__eq", view_equal },
		{ "__tostring", view_text },
		{ NULL, NULL },
	};
	static const luaL_Reg null[] = {
		{ "__index", nothing },
		{ "__newindex", view_write },
		{ "__len", no_length },
		{ "__pairs", no_pairs },
		{ "__tostring", null_text },
		{ NULL, NULL },
	};
	static const luaL_Reg request[] = { { "__index", request_index }, { "__newindex", view_write }, { NULL, NULL } };
	make_metatable(lua, &object_key, "JSON object", object);
	make_metatable(lua, &array_key, "JSON array", array);
	make_metatable(lua, &request_key, "request", request);
	make_metatable(lua, &null_key, "null", null);
	lua_newuserdatauv(lua, 0, 0);
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &null_key);
	lua_setmetatable(lua, -2);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &null_value_key);
}
