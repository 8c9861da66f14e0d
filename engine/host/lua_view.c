/* SPDX-License-Identifier: Apache-2.0 */
/* lua_view.c - a JSON document as a script sees it: looked at where it stands.
 *
 * An object or an array is a view, a small userdata that points into the
 * document; what is in it is made into Lua values only when it is asked for.
 * Strings, numbers, true and false are Lua's own.  null is json.null, which is
 * not nil, but whatever is looked for in it is nil: so `card.due and card.due.at`
 * is right for a due that is missing and for one that is null.
 *
 * Once a view is written to, what it shows is a table of the call (lua_change.c).
 */
#include <string.h>

#include "host/lua_host.h"

/* ------------------------------------------------------------------- pushing */

void lua_null_push(lua_State *lua)
{
	lua_rawgeti(lua, LUA_REGISTRYINDEX, script_of(lua)->null);
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

static void make_view(lua_State *lua, const struct sl_json *value, struct seat *seat, enum view_kind kind)
{
	struct view *view = lua_newuserdatauv(lua, sizeof(*view), 0);
	*view = (struct view){ .thing = value, .seat = seat, .serial = seat->serial };
	lua_rawgeti(lua, LUA_REGISTRYINDEX, seat->script->kinds[kind].number);
	lua_setmetatable(lua, -2);
}

static void push_view(lua_State *lua, const struct sl_json *value, struct seat *seat, enum view_kind kind)
{
	uintptr_t place = (uintptr_t)value >> 4;
	struct view_lately *lately = &seat->script->lately[(place ^ place >> 5) % VIEW_LATELY];
	if (lately->thing == value && lately->serial == seat->serial && lately->seat == seat) {
		lua_rawgeti(lua, LUA_REGISTRYINDEX, lately->number);
		return;
	}
	make_view(lua, value, seat, kind);
	lua_pushvalue(lua, -1);
	lua_rawseti(lua, LUA_REGISTRYINDEX, lately->number);
	lately->thing = value;
	lately->serial = seat->serial;
	lately->seat = seat;
}

/* Pushes a value of a document that belongs to the seat's call; NULL is nil. */
void lua_view_push_of(lua_State *lua, const struct sl_json *value, struct seat *seat)
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
		push_view(lua, value, seat, VIEW_OBJECT);
		break;
	case SL_KIND_ARRAY:
		push_view(lua, value, seat, VIEW_ARRAY);
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
	lua_view_push_of(lua, value, script_of(lua)->seat);
}

struct view *lua_thing_push(lua_State *lua, const void *thing, const char *kind)
{
	struct seat *seat = script_of(lua)->seat;
	struct view *view = lua_newuserdatauv(lua, sizeof(*view), 0);
	*view = (struct view){ .thing = thing, .seat = seat, .serial = seat->serial };
	lua_rawgetp(lua, LUA_REGISTRYINDEX, kind);
	lua_setmetatable(lua, -2);
	return view;
}

/* ------------------------------------------------------------------- reading */

static struct view *alive(lua_State *lua, struct view *view)
{
	if (view->seat->serial != view->serial)
		luaL_error(lua, "this document ended with its call; keep what you need of it with json.copy");
	return view;
}

bool lua_has_kind(lua_State *lua, int index, const char *kind)
{
	if (lua_type(lua, index) != LUA_TUSERDATA || !lua_getmetatable(lua, index))
		return false;
	lua_rawgetp(lua, LUA_REGISTRYINDEX, kind);
	bool same = lua_rawequal(lua, -1, -2);
	lua_pop(lua, 2);
	return same;
}

/* Its metatable; NULL: it is no userdata. */
static const void *kind_of(lua_State *lua, int index)
{
	if (lua_type(lua, index) != LUA_TUSERDATA || !lua_getmetatable(lua, index))
		return NULL;
	const void *kind = lua_topointer(lua, -1);
	lua_pop(lua, 1);
	return kind;
}

bool lua_is_none(lua_State *lua, int index)
{
	return lua_isnoneornil(lua, index) || kind_of(lua, index) == script_of(lua)->kinds[VIEW_NULL].at;
}

const void *lua_thing(lua_State *lua, int index)
{
	return alive(lua, lua_touserdata(lua, index))->thing;
}

const void *lua_thing_at(lua_State *lua, int index, const char *kind)
{
	return lua_has_kind(lua, index, kind) ? lua_thing(lua, index) : NULL;
}

struct view *lua_view_whole(lua_State *lua, int index)
{
	const struct view_kept *kinds = script_of(lua)->kinds;
	const void *kind = kind_of(lua, index);
	if (!kind || (kind != kinds[VIEW_OBJECT].at && kind != kinds[VIEW_ARRAY].at))
		return NULL;
	return alive(lua, lua_touserdata(lua, index));
}

const struct sl_json *lua_view_at(lua_State *lua, int index)
{
	const struct view *view = lua_view_whole(lua, index);
	return view ? view->thing : NULL;
}

/* Metamethods: only Lua itself calls them, and only with the right userdata. */

/* The view at 1; if it was written to, what it became is looked up there, and pushed. */
static struct view *read_at(lua_State *lua, bool *found)
{
	struct view *view = alive(lua, lua_touserdata(lua, 1));
	*found = view->seat->changes && lua_change_own(lua, view);
	if (*found) {
		lua_pushvalue(lua, 2);
		lua_rawget(lua, -2);
	}
	return view;
}

/* All options of a script are in opt, so one that is not there is a slip. */
static int no_option(lua_State *lua, const struct sl_json *options)
{
	luaL_Buffer names;
	lua_settop(lua, 2);
	luaL_buffinit(lua, &names);
	for (const struct sl_json *at = sl_json_first(options); at; at = sl_json_next(at)) {
		luaL_addstring(&names, at == sl_json_first(options) ? "" : ", ");
		luaL_addlstring(&names, sl_json_name(at).at, sl_json_name(at).len);
	}
	luaL_pushresult(&names);
	return luaL_error(lua, "there is no option '%s'; the script has %s", luaL_tolstring(lua, 2, NULL),
		lua_rawlen(lua, 3) ? lua_tostring(lua, 3) : "none");
}

static int object_index(lua_State *lua)
{
	bool found;
	const struct view *view = read_at(lua, &found);
	struct sl_text name = { 0 };
	if (found)
		return 1;
	if (lua_type(lua, 2) == LUA_TSTRING)
		name.at = lua_tolstring(lua, 2, &name.len);
	const struct sl_json *member = name.at ? sl_json_get_text(view->thing, name) : NULL;
	if (!member && view->thing == sl_json_root(script_of(lua)->options))
		return no_option(lua, view->thing);
	lua_view_push_of(lua, member, view->seat);
	return 1;
}

static int array_index(lua_State *lua)
{
	bool found;
	const struct view *view = read_at(lua, &found);
	lua_Integer index = lua_isinteger(lua, 2) ? lua_tointeger(lua, 2) : 0;
	if (!found)
		lua_view_push_of(lua, index > 0 ? sl_json_element(view->thing, (size_t)index - 1) : NULL, view->seat);
	return 1;
}

static int array_length(lua_State *lua)
{
	const struct view *view = alive(lua, lua_touserdata(lua, 1));
	if (view->seat->changes && lua_change_own(lua, view))
		lua_pushinteger(lua, (lua_Integer)lua_rawlen(lua, -1));
	else
		lua_pushinteger(lua, (lua_Integer)sl_json_count(view->thing));
	return 1;
}

static int no_length(lua_State *lua)
{
	lua_pushinteger(lua, 0);
	return 1;
}

/* ------------------------------------------------------------------- writing */

static int write_into(lua_State *lua, const struct view *view)
{
	lua_change_make(lua, view);
	lua_pushvalue(lua, 2);
	lua_pushvalue(lua, 3);
	lua_rawset(lua, -3);
	return 0;
}

static int object_write(lua_State *lua)
{
	const struct view *view = alive(lua, lua_touserdata(lua, 1));
	if (lua_type(lua, 2) != LUA_TSTRING)
		return luaL_error(lua, "a name in a JSON object is a text, not a %s", luaL_typename(lua, 2));
	return write_into(lua, view);
}

static int array_write(lua_State *lua)
{
	const struct view *view = alive(lua, lua_touserdata(lua, 1));
	if (!lua_isinteger(lua, 2) || lua_tointeger(lua, 2) < 1)
		return luaL_error(lua, "a place in a JSON array is a number from 1, not %s", luaL_tolstring(lua, 2, NULL));
	return write_into(lua, view);
}

static int null_write(lua_State *lua)
{
	return luaL_error(lua, "json.null has no members to write to");
}

static int view_equal(lua_State *lua)
{
	const struct sl_json *left = lua_view_at(lua, 1), *right = lua_view_at(lua, 2);
	lua_pushboolean(lua, left && left == right);
	return 1;
}

static int view_text(lua_State *lua)
{
	const struct view *view = alive(lua, lua_touserdata(lua, 1));
	struct sl_text text = sl_json_raw(view->thing);
	if (view->seat->changes)
		text = lua_json_encode(lua, 1);
	lua_pushlstring(lua, text.at, text.len);
	return 1;
}

/* --------------------------------------------------------------------- walking */

/* One step of pairs(); its view, the value it stands at and its number are upvalues. */
static int walk(lua_State *lua)
{
	struct view *view = alive(lua, lua_touserdata(lua, lua_upvalueindex(1)));
	const struct sl_json *at = lua_touserdata(lua, lua_upvalueindex(2));
	lua_Integer number = lua_tointeger(lua, lua_upvalueindex(3)) + 1;
	at = number == 1 ? sl_json_first(view->thing) : at ? sl_json_next(at)
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
	lua_view_push_of(lua, at, view->seat);
	return 2;
}

static int walk_table(lua_State *lua)
{
	lua_settop(lua, 2);
	if (lua_next(lua, 1))
		return 2;
	lua_pushnil(lua);
	return 1;
}

static int view_pairs(lua_State *lua)
{
	const struct view *view = alive(lua, lua_touserdata(lua, 1));
	lua_settop(lua, 1);
	if (view->seat->changes && lua_change_own(lua, view)) {
		lua_pushcfunction(lua, walk_table);
		lua_insert(lua, 2);
		return 2;
	}
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

/* ------------------------------------------------------------------------ tables */

static void push_kind(lua_State *lua, const char *name, const luaL_Reg *functions)
{
	lua_newtable(lua);
	luaL_setfuncs(lua, functions, 0);
	lua_pushstring(lua, name);
	lua_setfield(lua, -2, "__name");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
}

void lua_view_kind(lua_State *lua, const char *kind, const char *name, const luaL_Reg *functions)
{
	push_kind(lua, name, functions);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, kind);
}

static void keep_kind(lua_State *lua, enum view_kind kind, const char *name, const luaL_Reg *functions)
{
	struct view_kept *kept = &script_of(lua)->kinds[kind];
	push_kind(lua, name, functions);
	kept->at = lua_topointer(lua, -1);
	kept->number = luaL_ref(lua, LUA_REGISTRYINDEX);
}

void lua_view_open(lua_State *lua)
{
	static const luaL_Reg object[] = {
		{ "__index", object_index },
		{ "__newindex", object_write },
		{ "__len", no_length },
		{ "__pairs", view_pairs },
		{ "__eq", view_equal },
		{ "__tostring", view_text },
		{ NULL, NULL },
	};
	static const luaL_Reg array[] = {
		{ "__index", array_index },
		{ "__newindex", array_write },
		{ "__len", array_length },
		{ "__pairs", view_pairs },
		{ "__eq", view_equal },
		{ "__tostring", view_text },
		{ NULL, NULL },
	};
	static const luaL_Reg null[] = {
		{ "__index", nothing },
		{ "__newindex", null_write },
		{ "__len", no_length },
		{ "__pairs", no_pairs },
		{ "__tostring", null_text },
		{ NULL, NULL },
	};
	keep_kind(lua, VIEW_OBJECT, "JSON object", object);
	keep_kind(lua, VIEW_ARRAY, "JSON array", array);
	keep_kind(lua, VIEW_NULL, "null", null);
	lua_newuserdatauv(lua, 0, 0);
	lua_rawgeti(lua, LUA_REGISTRYINDEX, script_of(lua)->kinds[VIEW_NULL].number);
	lua_setmetatable(lua, -2);
	script_of(lua)->null = luaL_ref(lua, LUA_REGISTRYINDEX);
	for (size_t i = 0; i < VIEW_LATELY; i++) {
		lua_pushboolean(lua, 0);
		script_of(lua)->lately[i].number = luaL_ref(lua, LUA_REGISTRYINDEX);
	}
}
