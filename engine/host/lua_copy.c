/* SPDX-License-Identifier: Apache-2.0 */
/* lua_copy.c - documents, and what holds them, as plain tables of a script's own. */
#include "host/lua_host.h"

static void array_tables(lua_State *lua, const struct sl_json *value)
{
	lua_Integer index = 0;
	lua_createtable(lua, (int)sl_json_count(value), 0);
	for (const struct sl_json *at = sl_json_first(value); at; at = sl_json_next(at)) {
		lua_json_tables(lua, at);
		lua_rawseti(lua, -2, ++index);
	}
	lua_json_list(lua);
}

static void object_tables(lua_State *lua, const struct sl_json *value)
{
	lua_createtable(lua, 0, (int)sl_json_count(value));
	for (const struct sl_json *at = sl_json_first(value); at; at = sl_json_next(at)) {
		struct sl_text name = sl_json_name(at);
		lua_pushlstring(lua, name.at, name.len);
		lua_json_tables(lua, at);
		lua_rawset(lua, -3);
	}
}

void lua_json_tables(lua_State *lua, const struct sl_json *value)
{
	enum sl_kind kind = value ? sl_json_kind(value) : SL_KIND_NULL;
	luaL_checkstack(lua, 4, "a document is nested too deeply");
	if (kind == SL_KIND_ARRAY)
		array_tables(lua, value);
	else if (kind == SL_KIND_OBJECT)
		object_tables(lua, value);
	else
		lua_view_push(lua, value);
}

static void copy(lua_State *lua, int index, int depth);

static void copy_table(lua_State *lua, int index, int depth)
{
	lua_newtable(lua);
	for (lua_pushnil(lua); lua_next(lua, index);) {
		copy(lua, lua_gettop(lua), depth + 1);
		lua_pushvalue(lua, -3);
		lua_insert(lua, -2);
		lua_rawset(lua, -5);
		lua_pop(lua, 1);
	}
	if (lua_getmetatable(lua, index))
		lua_setmetatable(lua, -2);
}

static void copy_changed(lua_State *lua, const struct view *view, int depth)
{
	lua_change_make(lua, view);
	copy_table(lua, lua_gettop(lua), depth);
	lua_remove(lua, -2);
}

/* A deep copy: views become tables, tables are copied, anything else is itself. */
static void copy(lua_State *lua, int index, int depth)
{
	const struct view *view = lua_view_whole(lua, index);
	luaL_checkstack(lua, 16, "json.copy: nested too deeply");
	if (depth > LUA_DEEPEST_JSON)
		luaL_error(lua, "json.copy: nested deeper than %d levels; does it hold itself?", LUA_DEEPEST_JSON);
	if (view && lua_change_inside(lua, view->thing, view->seat))
		copy_changed(lua, view, depth);
	else if (view)
		lua_json_tables(lua, view->thing);
	else if (lua_istable(lua, index))
		copy_table(lua, index, depth);
	else
		lua_pushvalue(lua, index);
}

void lua_json_copy(lua_State *lua, int index)
{
	copy(lua, lua_absindex(lua, index), 0);
}
