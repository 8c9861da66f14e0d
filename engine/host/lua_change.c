/* SPDX-License-Identifier: Apache-2.0 */
/* lua_change.c - documents that a call has written to.
 *
 * The document itself stays as it came.  An object or array that is written to
 * becomes a table of the call, once, found by its place in the document: so
 * every view of that place shows the change, and none outside the call.  What is in
 * it and was not written to is still a view.
 */
#include "host/lua_host.h"

/* The table of a seat's changes: registry[&seat->changes][place] = table. */
bool lua_change_own(lua_State *lua, const struct view *view)
{
	if (!view->seat->changes)
		return false;
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &view->seat->changes);
	lua_rawgetp(lua, -1, view->thing);
	lua_remove(lua, -2);
	if (lua_istable(lua, -1))
		return true;
	lua_pop(lua, 1);
	return false;
}

static void members(lua_State *lua, const struct view *view)
{
	const struct sl_json *value = view->thing;
	bool array = sl_json_kind(value) == SL_KIND_ARRAY;
	int count = (int)sl_json_count(value);
	lua_Integer index = 0;
	lua_createtable(lua, array ? count : 0, array ? 0 : count);
	for (const struct sl_json *at = sl_json_first(value); at; at = sl_json_next(at)) {
		struct sl_text name = sl_json_name(at);
		if (name.at)
			lua_pushlstring(lua, name.at, name.len);
		else
			lua_pushinteger(lua, ++index);
		lua_view_push_of(lua, at, view->seat);
		lua_rawset(lua, -3);
	}
	if (array)
		lua_json_list(lua);
}

static void push_changes(lua_State *lua, struct seat *seat)
{
	if (lua_rawgetp(lua, LUA_REGISTRYINDEX, &seat->changes) == LUA_TTABLE)
		return;
	lua_pop(lua, 1);
	lua_newtable(lua);
	lua_pushvalue(lua, -1);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &seat->changes);
}

void lua_change_make(lua_State *lua, const struct view *view)
{
	struct seat *seat = view->seat;
	if (!seat->call)
		luaL_error(lua, "opt cannot be written to: write into json.copy(opt)");
	if (lua_change_own(lua, view))
		return;
	push_changes(lua, seat);
	members(lua, view);
	lua_pushvalue(lua, -1);
	lua_rawsetp(lua, -3, view->thing);
	seat->changes++;
	lua_remove(lua, -2);
}

bool lua_change_inside(lua_State *lua, const struct sl_json *value, struct seat *seat)
{
	struct sl_text whole = sl_json_raw(value);
	bool inside = false;
	if (!seat->changes)
		return false;
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &seat->changes);
	for (lua_pushnil(lua); !inside && lua_next(lua, -2); lua_pop(lua, 1)) {
		struct sl_text part = sl_json_raw(lua_touserdata(lua, -2));
		inside = part.at >= whole.at && part.at < whole.at + whole.len;
	}
	lua_pop(lua, inside ? 2 : 1);
	return inside;
}

void lua_change_forget(struct seat *seat)
{
	lua_pushnil(seat->lua);
	lua_rawsetp(seat->lua, LUA_REGISTRYINDEX, &seat->changes);
	seat->changes = 0;
}
