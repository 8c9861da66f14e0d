/* SPDX-License-Identifier: Apache-2.0 */
/* lua_field.c - fields of the table that a script returns. */
#include "host/lua_field.h"

#include <string.h>

#include "base/yaml.h"
#include "sdk/time.h"

const char *lua_field_text(lua_State *lua, struct arena *arena, const char *where, const char *name)
{
	const char *text = NULL;
	int type = lua_getfield(lua, -1, name);
	if (type == LUA_TSTRING)
		text = arena_string(arena, lua_tostring(lua, -1));
	else if (type != LUA_TNIL)
		luaL_error(lua, "%s%s has to be a text, not a %s", where, name, luaL_typename(lua, -1));
	lua_pop(lua, 1);
	return text;
}

int64_t lua_field_whole(lua_State *lua, const char *where, const char *name)
{
	int whole = 1;
	lua_Integer number = 0;
	if (lua_getfield(lua, -1, name) != LUA_TNIL)
		number = lua_tointegerx(lua, -1, &whole);
	if (!whole)
		luaL_error(lua, "%s%s has to be a whole number", where, name);
	lua_pop(lua, 1);
	return number;
}

int64_t lua_field_duration(lua_State *lua, const char *where, const char *name)
{
	struct sl_text text;
	int64_t ms = 0;
	int fine = 1, type = lua_getfield(lua, -1, name);
	if (type == LUA_TSTRING && (text.at = lua_tolstring(lua, -1, &text.len)))
		fine = sl_duration_read(text, &ms);
	else if (type == LUA_TNUMBER)
		ms = lua_tointegerx(lua, -1, &fine);
	else
		fine = type == LUA_TNIL;
	if (!fine || ms < 0)
		luaL_error(lua, "%s%s has to be a text such as \"90s\" or \"15m\", or whole milliseconds", where, name);
	lua_pop(lua, 1);
	return ms;
}

bool lua_field_flag(lua_State *lua, const char *where, const char *name)
{
	int type = lua_getfield(lua, -1, name);
	bool flag = lua_toboolean(lua, -1);
	if (type != LUA_TNIL && type != LUA_TBOOLEAN)
		luaL_error(lua, "%s%s has to be true or false", where, name);
	lua_pop(lua, 1);
	return flag;
}

/* ------------------------------------------------------------------------- maps */

static size_t members(lua_State *lua)
{
	size_t count = 0;
	for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1))
		count++;
	return count;
}

static struct sl_pair *read_member(lua_State *lua, struct arena *arena, const char *where, const char *name)
{
	struct sl_pair *pair = arena_alloc(arena, sizeof(*pair));
	if (lua_type(lua, -2) != LUA_TSTRING || !lua_isstring(lua, -1))
		luaL_error(lua, "%s%s has to be a table of texts by name: { name = \"text\" }", where, name);
	lua_pushvalue(lua, -1); /* lua_tostring would change what lua_next walks over */
	*pair = (struct sl_pair){ arena_string(arena, lua_tostring(lua, -3)), arena_string(arena, lua_tostring(lua, -1)) };
	lua_pop(lua, 1);
	return pair;
}

const struct sl_pair *const *lua_field_map(lua_State *lua, struct arena *arena, const char *where, const char *name)
{
	const struct sl_pair **list = NULL;
	int type = lua_getfield(lua, -1, name);
	if (type == LUA_TTABLE) {
		size_t count = 0;
		list = arena_alloc(arena, (members(lua) + 1) * sizeof(*list));
		for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1), count++) {
			const struct sl_pair *pair = read_member(lua, arena, where, name);
			size_t to = count;
			for (; to && strcmp(list[to - 1]->name, pair->name) > 0; to--)
				list[to] = list[to - 1];
			list[to] = pair;
		}
	} else if (type != LUA_TNIL) {
		luaL_error(lua, "%s%s has to be a table, not a %s", where, name, luaL_typename(lua, -1));
	}
	lua_pop(lua, 1);
	return list;
}

/* ------------------------------------------------------------------------ slips */

static bool known(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names;
}

static void refuse(lua_State *lua, const char *where, const char *const *names)
{
	const char *name = luaL_tolstring(lua, -2, NULL), *meant = yaml_nearest(name, names);
	if (meant)
		luaL_error(lua, "%sunknown key '%s'; did you mean '%s'?", where, name, meant);
	luaL_error(lua, "%sunknown key '%s'", where, name);
}

void lua_field_known(lua_State *lua, const char *where, const char *const *names, lua_Integer from)
{
	for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1)) {
		if (lua_isinteger(lua, -2) && lua_tointeger(lua, -2) >= 1 && lua_tointeger(lua, -2) <= from)
			continue;
		if (lua_type(lua, -2) != LUA_TSTRING || !known(lua_tostring(lua, -2), names))
			refuse(lua, where, names);
	}
}
