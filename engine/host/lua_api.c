/* SPDX-License-Identifier: Apache-2.0 */
/* lua_api.c - what a script says of the far side it asks becomes a struct sl_api. */
#include "host/lua_field.h"

/* { Authorization = "Bearer {token}" } as the lines that C plugins write. */
static const char *const *header_lines(lua_State *lua, struct arena *arena)
{
	const struct sl_pair *const *pairs = lua_field_map(lua, arena, "api: ", "headers");
	size_t count = 0;
	while (pairs && pairs[count])
		count++;
	if (!count)
		return NULL;
	const char **lines = arena_alloc(arena, (count + 1) * sizeof(*lines));
	for (size_t i = 0; i < count; i++)
		lines[i] = arena_format(arena, "%s: %s", pairs[i]->name, pairs[i]->value);
	return lines;
}

static void read_fields(lua_State *lua, struct arena *arena, struct sl_api *api)
{
	*api = (struct sl_api){
		.base = lua_field_text(lua, arena, "api: ", "base"),
		.headers = header_lines(lua, arena),
		.query = lua_field_map(lua, arena, "api: ", "query"),
		.credential = lua_field_text(lua, arena, "api: ", "credential"),
		.requests = lua_field_whole(lua, "api: ", "requests"),
		.window_ms = lua_field_duration(lua, "api: ", "window"),
		.points = lua_field_whole(lua, "api: ", "points"),
		.points_window_ms = lua_field_duration(lua, "api: ", "points_window"),
		.at_once = lua_field_whole(lua, "api: ", "at_once"),
		.points_flow = lua_field_flag(lua, "api: ", "points_flow"),
	};
	if (!api->base)
		luaL_error(lua, "api: base is missing: \"https://api.example.com\"");
}

const struct sl_api *lua_api_read(lua_State *lua, struct arena *arena)
{
	static const char *const names[] = {
		"base", "headers", "query", "credential", "requests", "window", "points", "points_window", "at_once",
		"points_flow", NULL
	};
	struct sl_api *api = NULL;
	int type = lua_getfield(lua, -1, "api");
	if (type == LUA_TTABLE) {
		api = arena_alloc(arena, sizeof(*api));
		lua_field_known(lua, "api: ", names, 0);
		read_fields(lua, arena, api);
	} else if (type != LUA_TNIL) {
		luaL_error(lua, "api has to be a table");
	}
	lua_pop(lua, 1);
	return api;
}
