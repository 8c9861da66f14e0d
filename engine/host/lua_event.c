/* SPDX-License-Identifier: Apache-2.0 */
/* lua_event.c - an event, and the request it came with, as a script sees them. */
#include <string.h>

#include "host/lua_host.h"

/* In the registry: the metatables. */
static const char event_key, request_key;

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
	const struct sl_request *request = lua_thing(lua, 1);
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

static int request_write(lua_State *lua)
{
	return luaL_error(lua, "a request cannot be changed");
}

/* ----------------------------------------------------------------------- events */

static void set_word(lua_State *lua, const char *name, const char *value)
{
	if (!value)
		return;
	lua_pushstring(lua, value);
	lua_setfield(lua, -2, name);
}

static void set_moment(lua_State *lua, const char *name, int64_t value)
{
	if (!value)
		return;
	lua_pushinteger(lua, value);
	lua_setfield(lua, -2, name);
}

static const struct sl_json *event_data(struct call *call)
{
	const struct sl_event *event = call->pub.event;
	if (event && event->json)
		return event->json;
	if (event && event->data.at)
		return call_json(call, event->data, NULL);
	if (call->pub.request && call->pub.request->body.at)
		return call_json(call, call->pub.request->body, NULL);
	return NULL;
}

void lua_event_push(lua_State *lua, struct call *call)
{
	static const struct sl_event nothing;
	const struct sl_event *event = call->pub.event ? call->pub.event : &nothing;
	struct seat *seat = script_of(lua)->seat;
	seat->data = event_data(call);
	lua_createtable(lua, 0, 9);
	set_word(lua, "source", event->source);
	set_word(lua, "id", event->id);
	set_word(lua, "type", event->type);
	set_word(lua, "subject", event->subject);
	set_word(lua, "run", event->run);
	set_moment(lua, "time", event->time);
	set_moment(lua, "received", event->received);
	lua_view_push(lua, seat->data);
	lua_setfield(lua, -2, "data");
	if (call->pub.request) {
		lua_thing_push(lua, call->pub.request, &request_key);
		lua_setfield(lua, -2, "request");
	}
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &event_key);
	lua_setmetatable(lua, -2);
}

/* A field that the event has not, or that no event has: the second is a slip. */
static int event_index(lua_State *lua)
{
	static const char *const names[] = { "source", "id", "type", "subject", "run", "time", "received", "data",
		"request" };
	const char *name = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name && strcmp(names[i], name) == 0)
			return lua_pushnil(lua), 1;
	return luaL_error(lua, "an event has no '%s'; it has id, type, subject, time, received, source, run, request and "
		"data", luaL_tolstring(lua, 2, NULL));
}

void lua_event_open(lua_State *lua)
{
	static const luaL_Reg request[] = { { "__index", request_index }, { "__newindex", request_write }, { NULL, NULL } };
	static const luaL_Reg event[] = { { "__index", event_index }, { NULL, NULL } };
	lua_view_kind(lua, &request_key, "request", request);
	lua_newtable(lua);
	luaL_setfuncs(lua, event, 0);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &event_key);
}
