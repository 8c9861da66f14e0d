/* SPDX-License-Identifier: Apache-2.0 */
/* lua_http.c - how a script asks the far side: http{}, http.get, source.get and their like.
 *
 * What is said becomes a struct sl_http in the call's memory; then the coroutine
 * waits, and goes on with the answer.  What says "not now" the host keeps to itself.
 */
#include <string.h>

#include "host/lua_ask.h"
#include "host/net.h"

#define MOST_TOLD 200 /* bytes of an answer, in a sentence */

/* ---------------------------------------------------------------------- sending */

static void count_answer(lua_State *lua, const struct sl_response *response)
{
	struct script *script = script_of(lua);
	char place[SCRIPT_PLACE];
	script->seat->answered += response->body.len;
	if (script->seat->answered / 4 > script->limit)
		lua_guard_end(lua, ENDING_FAIL, "%s: was answered more than %zu MB in one call", script_place(lua, place),
			script->limit >> 18);
}

static const struct sl_response *response_of(lua_State *lua)
{
	const struct sl_response *response = script_of(lua)->seat->call->pub.response;
	if (!response)
		luaL_error(lua, "http: there is no answer");
	else
		count_answer(lua, response);
	return response;
}

static int answered(lua_State *lua, int status, lua_KContext context)
{
	lua_answer_push(lua, response_of(lua));
	return 1;
}

static int ask_and_wait(lua_State *lua, const struct sl_http *request, lua_KFunction next)
{
	seat_may_wait(lua, request->source ? "source" : "http");
	script_of(lua)->seat->request = request;
	return seat_wait(lua, AWAIT_HTTP, 0, next);
}

/* ------------------------------------------------------------------ the functions */

/* Of each function: whether it asks the event's source. */
#define OF_SOURCE lua_toboolean(lua, lua_upvalueindex(1))

static struct sl_http *begin(lua_State *lua, int more)
{
	bool of_source = OF_SOURCE;
	struct call *call = lua_verb_call(lua, of_source ? "source" : "http", of_source ? LUA_EMITTING : LUA_EVERYWHERE);
	struct sl_http *request = lua_ask_read(lua, call, more);
	request->source = of_source && call->step == STEP_TRANSFORM;
	return request;
}

/* http.request { ... } */
static int ask(lua_State *lua)
{
	luaL_checktype(lua, 1, LUA_TTABLE);
	struct sl_http *request = begin(lua, 1);
	if (!request->url)
		return luaL_error(lua, "http: url is missing");
	return ask_and_wait(lua, request, answered);
}

/* http { ... } */
static int ask_called(lua_State *lua)
{
	lua_remove(lua, 1);
	return ask(lua);
}

/* http.get(url, query, more), http.post(url, body, more): upvalues are whose api, the
 * method, and what the second argument is. */
static int ask_method(lua_State *lua)
{
	luaL_checkstring(lua, 1);
	lua_settop(lua, 3);
	struct sl_http *request = begin(lua, 3);
	lua_ask_field(lua, request, "method", lua_upvalueindex(2));
	lua_ask_field(lua, request, "url", 1);
	lua_ask_field(lua, request, lua_tostring(lua, lua_upvalueindex(3)), 2);
	return ask_and_wait(lua, request, answered);
}

/* source.known(): whether it has an api.  Without a token, say, it may have none. */
static int is_known(lua_State *lua)
{
	const struct call *call = lua_verb_call(lua, "source", LUA_EMITTING);
	lua_pushboolean(lua, (call->step == STEP_TRANSFORM ? call->source_api : call->instance->settings.api) != NULL);
	return 1;
}

/* -------------------------------------------------------------------- GraphQL */

static size_t skip_string(const char *at, const char *end)
{
	const char *from = at++;
	while (at < end && *at != '"' && *at != '\n')
		at += *at == '\\' && at + 1 < end ? 2 : 1;
	return (size_t)(at - from) + (at < end);
}

static bool is_word(const char *at, const char *end, const char *word)
{
	size_t len = strlen(word);
	return (size_t)(end - at) >= len && memcmp(at, word, len) == 0;
}

/* Whether a document changes something: it has a mutation at its top. */
static bool mutates(struct sl_text text)
{
	int depth = 0;
	const char *end = text.at + text.len;
	for (const char *at = text.at; at < end; at++) {
		if (!*at)
			continue;
		if (*at == '#')
			at += strcspn(at, "\n");
		else if (*at == '"')
			at += skip_string(at, end) - 1;
		else if (strchr("{([", *at))
			depth++;
		else if (strchr("})]", *at))
			depth--;
		else if (depth == 0 && is_word(at, end, "mutation"))
			return true;
	}
	return false;
}

/* data, errors, answer; what is null is nil. */
static int answered_graphql(lua_State *lua, int status, lua_KContext context)
{
	const struct sl_response *response = response_of(lua);
	const struct sl_json *data = sl_json_get(response->json, "data"), *errors = sl_json_get(response->json, "errors");
	data = sl_json_kind(data) == SL_KIND_NULL ? NULL : data;
	errors = sl_json_kind(errors) == SL_KIND_NULL ? NULL : errors;
	if (!data && !errors) {
		size_t shown = response->body.len < MOST_TOLD ? response->body.len : MOST_TOLD;
		lua_pushlstring(lua, response->body.at ? response->body.at : "", shown);
		return luaL_error(lua, "graphql: HTTP %d without data: %s", response->status, lua_tostring(lua, -1));
	}
	lua_view_push(lua, data);
	lua_view_push(lua, errors);
	lua_answer_push(lua, response);
	return 3;
}

static void push_graphql_body(lua_State *lua)
{
	lua_createtable(lua, 0, 2);
	lua_pushvalue(lua, 1);
	lua_setfield(lua, -2, "query");
	if (!lua_is_none(lua, 2)) {
		lua_pushvalue(lua, 2);
		lua_setfield(lua, -2, "variables");
	}
}

/* Where GraphQL is asked unless it is said: at the base of the api. */
static const char *graphql_url(lua_State *lua, const struct sl_http *request)
{
	const struct call *call = script_of(lua)->seat->call;
	const struct net_api *api = request->source ? call->source_api : call->instance->settings.api;
	if (!api || !api->base)
		luaL_error(lua, "graphql: there is no api whose base could be asked; say where: { url = ... }");
	return api ? api->base : "";
}

/* http.graphql(query, variables, more) */
static int ask_graphql(lua_State *lua)
{
	struct sl_text query;
	query.at = luaL_checklstring(lua, 1, &query.len);
	lua_settop(lua, 3);
	struct sl_http *request = begin(lua, 3);
	push_graphql_body(lua);
	lua_ask_field(lua, request, "body", -1);
	request->method = "POST";
	request->url = request->url ? request->url : graphql_url(lua, request);
	request->graphql = 1;
	request->asks = !mutates(query);
	return ask_and_wait(lua, request, answered_graphql);
}

/* --------------------------------------------------------------------- the tables */

static void add_methods(lua_State *lua, bool of_source)
{
	static const struct {
		const char *name, *method, *second;
	} methods[] = {
		{ "get", "GET", "query" },
		{ "post", "POST", "body" },
		{ "put", "PUT", "body" },
		{ "patch", "PATCH", "body" },
		{ "delete", "DELETE", "body" },
	};
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		lua_pushboolean(lua, of_source);
		lua_pushstring(lua, methods[i].method);
		lua_pushstring(lua, methods[i].second);
		lua_pushcclosure(lua, ask_method, 3);
		lua_setfield(lua, -2, methods[i].name);
	}
}

static void push_table(lua_State *lua, bool of_source)
{
	static const luaL_Reg functions[] = { { "request", ask }, { "graphql", ask_graphql }, { NULL, NULL } };
	lua_newtable(lua);
	lua_pushboolean(lua, of_source);
	luaL_setfuncs(lua, functions, 1);
	add_methods(lua, of_source);
}

void lua_http_open(lua_State *lua)
{
	push_table(lua, true);
	lua_pushcfunction(lua, is_known);
	lua_setfield(lua, -2, "known");
	lua_setglobal(lua, "source");
	push_table(lua, false);
	lua_newtable(lua);
	lua_pushboolean(lua, 0);
	lua_pushcclosure(lua, ask_called, 1);
	lua_setfield(lua, -2, "__call");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_setmetatable(lua, -2);
	lua_setglobal(lua, "http");
}
