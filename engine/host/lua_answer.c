/* SPDX-License-Identifier: Apache-2.0 */
/* lua_answer.c - what the far side answered, as a script sees it. */
#include <string.h>
#include <strings.h>

#include "host/lua_host.h"

/* In the registry: the metatables. */
static const char answer_key, headers_key;

/* --------------------------------------------------------------------- headers */

static int header_index(lua_State *lua)
{
	const struct sl_response *response = lua_thing(lua, 1);
	const char *name = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "";
	for (const struct sl_pair *const *at = response->headers; at && *at; at++)
		if (strcasecmp((*at)->name, name) == 0)
			return lua_pushstring(lua, (*at)->value), 1;
	lua_pushnil(lua);
	return 1;
}

/* A name that came twice is seen twice. */
static int header_next(lua_State *lua)
{
	const struct sl_response *response = lua_thing(lua, lua_upvalueindex(1));
	lua_Integer number = lua_tointeger(lua, lua_upvalueindex(2));
	const struct sl_pair *at = response->headers ? response->headers[number] : NULL;
	if (!at)
		return lua_pushnil(lua), 1;
	lua_pushinteger(lua, number + 1);
	lua_replace(lua, lua_upvalueindex(2));
	lua_pushstring(lua, at->name);
	lua_pushstring(lua, at->value);
	return 2;
}

static int header_pairs(lua_State *lua)
{
	lua_thing(lua, 1);
	lua_settop(lua, 1);
	lua_pushinteger(lua, 0);
	lua_pushcclosure(lua, header_next, 2);
	return 1;
}

/* ---------------------------------------------------------------------- answers */

static void push_status(lua_State *lua, const struct sl_response *response)
{
	lua_pushinteger(lua, response->status);
}

static void push_ok(lua_State *lua, const struct sl_response *response)
{
	lua_pushboolean(lua, response->status >= 200 && response->status < 300);
}

static void push_headers(lua_State *lua, const struct sl_response *response)
{
	lua_thing_push(lua, response, &headers_key);
}

static void push_body(lua_State *lua, const struct sl_response *response)
{
	lua_pushlstring(lua, response->body.at ? response->body.at : "", response->body.len);
}

static void push_json(lua_State *lua, const struct sl_response *response)
{
	lua_view_push_of(lua, response->json, ((struct view *)lua_touserdata(lua, 1))->seat);
}

static void push_url(lua_State *lua, const struct sl_response *response)
{
	lua_pushstring(lua, response->url);
}

static int answer_index(lua_State *lua)
{
	static const struct {
		const char *name;
		void (*push)(lua_State *, const struct sl_response *);
	} fields[] = {
		{ "json", push_json },
		{ "status", push_status },
		{ "ok", push_ok },
		{ "body", push_body },
		{ "headers", push_headers },
		{ "url", push_url },
	};
	const struct sl_response *response = lua_thing(lua, 1);
	const char *name = luaL_tolstring(lua, 2, NULL);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].push(lua, response), 1;
	return luaL_error(lua, "an answer has no '%s'; it has status, ok, headers, body, json and url", name);
}

static int answer_write(lua_State *lua)
{
	return luaL_error(lua, "an answer cannot be changed");
}

static int answer_text(lua_State *lua)
{
	const struct sl_response *response = lua_thing(lua, 1);
	lua_pushfstring(lua, "HTTP %d from %s", response->status, response->url ? response->url : "?");
	return 1;
}

void lua_answer_push(lua_State *lua, const struct sl_response *response)
{
	lua_thing_push(lua, response, &answer_key);
}

void lua_answer_open(lua_State *lua)
{
	static const luaL_Reg answer[] = {
		{ "__index", answer_index },
		{ "__newindex", answer_write },
		{ "__tostring", answer_text },
		{ NULL, NULL },
	};
	static const luaL_Reg headers[] = {
		{ "__index", header_index },
		{ "__newindex", answer_write },
		{ "__pairs", header_pairs },
		{ NULL, NULL },
	};
	lua_view_kind(lua, &answer_key, "answer", answer);
	lua_view_kind(lua, &headers_key, "headers", headers);
}
