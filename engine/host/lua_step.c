/* SPDX-License-Identifier: Apache-2.0 */
/* lua_step.c - a call into a script: a seat is taken, its coroutine runs, and
 * its end or its wait becomes the step's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/option.h"
#include "host/lua_host.h"

/* What an instance keeps between calls. */
struct lua_instance {
	struct script *script; /* the one that new calls run in; NULL: the last one ran out of memory */
	const struct lua_source *source;
	struct sl_text options; /* JSON */
	const struct host_settings *settings;
};

/* In the registry. */
static const char transform_key, decode_key, options_key, event_key;

/* ------------------------------------------------------------------- the event */

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

static void push_event(lua_State *lua, struct call *call)
{
	static const struct sl_event nothing;
	const struct sl_event *event = call->pub.event ? call->pub.event : &nothing;
	lua_createtable(lua, 0, 8);
	set_word(lua, "source", event->source);
	set_word(lua, "id", event->id);
	set_word(lua, "type", event->type);
	set_word(lua, "subject", event->subject);
	set_moment(lua, "time", event->time);
	set_moment(lua, "received", event->received);
	lua_view_push(lua, event_data(call));
	lua_setfield(lua, -2, "data");
	if (call->pub.request) {
		lua_request_push(lua);
		lua_setfield(lua, -2, "request");
	}
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &event_key);
	lua_setmetatable(lua, -2);
}

/* A field that the event has not, or that no event has: the second is a slip. */
static int event_index(lua_State *lua)
{
	static const char *const names[] = { "source", "id", "type", "subject", "time", "received", "data", "request" };
	const char *name = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name && strcmp(names[i], name) == 0)
			return lua_pushnil(lua), 1;
	return luaL_error(lua, "an event has no '%s'; it has id, type, subject, time, received, source, request and data",
		luaL_tolstring(lua, 2, NULL));
}

/* -------------------------------------------------------------- in the coroutine */

static int function_ended(lua_State *lua, int status, lua_KContext context)
{
	if (!lua_isnil(lua, -1))
		return luaL_error(lua, "%s returned a %s; what becomes of an event is said with emit { ... }",
			step_name(script_of(lua)->seat->call->step), luaL_typename(lua, -1));
	return 0;
}

static int run_function(lua_State *lua)
{
	struct call *call = script_of(lua)->seat->call;
	lua_rawgetp(lua, LUA_REGISTRYINDEX, call->step == STEP_DECODE ? &decode_key : &transform_key);
	push_event(lua, call);
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &options_key);
	lua_callk(lua, 2, 1, 0, function_ended);
	return function_ended(lua, LUA_OK, 0);
}

/* ----------------------------------------------------------------------- seats */

static int make_seat(lua_State *lua)
{
	struct seat *seat = lua_touserdata(lua, 1);
	seat->lua = lua_newthread(lua);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, seat);
	return 0;
}

static struct seat *seat_new(struct script *script, struct why *why)
{
	struct seat *seat = must_alloc(sizeof(*seat));
	seat->script = script;
	if (!script_protected(script, make_seat, seat, why)) {
		free(seat);
		return NULL;
	}
	seat->older = script->all;
	script->all = seat;
	return seat;
}

static struct seat *seat_take(struct script *script, struct call *call, struct why *why)
{
	struct seat *seat = script->idle;
	if (seat)
		script->idle = seat->next;
	else if (!(seat = seat_new(script, why)))
		return NULL;
	seat->call = call;
	seat->budget = script->budget;
	seat->ending = ENDING_NONE;
	seat->emitted = 0;
	script->calls++;
	return seat;
}

/* What a call leaves open is closed; a script that hangs there has a budget too. */
static void seat_leave(struct seat **at)
{
	struct seat *seat = *at;
	struct script *script = seat->script;
	*at = NULL;
	if (lua_status(seat->lua) != LUA_OK) {
		seat->ending = ENDING_KILLED;
		seat->budget = script->budget / 100;
		script->seat = seat;
		lua_resetthread(seat->lua);
		script->seat = &script->loader;
	}
	lua_settop(seat->lua, 0);
	seat->serial++;
	seat->call = NULL;
	seat->next = script->idle;
	script->idle = seat;
	if (--script->calls == 0 && script->spent)
		script_free(&script);
}

/* ------------------------------------------------------------------------- ends */

/* The first place is in the sentence already; this is who called it. */
static void add_callers(lua_State *lua, struct why *why)
{
	lua_Debug at;
	int places = 0;
	for (int level = 0; places < 4 && lua_getstack(lua, level, &at); level++) {
		lua_getinfo(lua, "Sl", &at);
		if (at.currentline < 0 || places++ == 0)
			continue;
		size_t used = strlen(why->text);
		snprintf(why->text + used, sizeof(why->text) - used, "%s%s:%d", places == 2 ? ", called from " : " from ",
			at.short_src, at.currentline);
	}
}

/* A new state for the next call; this one ends with its last. */
static void retire(struct seat *seat)
{
	struct lua_instance *instance = seat->call->instance->state;
	seat->script->spent = true;
	if (instance->script == seat->script)
		instance->script = NULL;
}

static enum sl_outcome end_error(struct seat *seat, int status)
{
	struct why *why = &seat->call->why;
	script_words(seat->lua, -1, status, why);
	if (status == LUA_ERRMEM)
		retire(seat);
	else
		add_callers(seat->lua, why);
	return SL_FAIL;
}

static enum sl_outcome end_memory(struct seat *seat)
{
	retire(seat);
	return SL_FAIL;
}

static enum sl_outcome end_of(struct seat *seat, int status)
{
	switch (seat->ending) {
	case ENDING_DROP:
		seat->call->why.text[0] = '\0';
		return SL_DONE;
	case ENDING_RETRY:
		return SL_RETRY;
	case ENDING_FAIL:
	case ENDING_KILLED:
		return SL_FAIL;
	case ENDING_MEMORY:
		return end_memory(seat);
	case ENDING_NONE:
		break;
	}
	if (status == LUA_OK)
		return SL_DONE;
	if (status != LUA_YIELD)
		return end_error(seat, status);
	why_say(&seat->call->why, "%s: coroutine.yield was called outside of a coroutine of its own", seat->script->file);
	return SL_FAIL;
}

static enum sl_outcome lua_goes_on(struct sl_call *call);

static enum sl_outcome resume(struct seat **at)
{
	struct seat *seat = *at;
	struct script *script = seat->script;
	struct sl_call *call = &seat->call->pub;
	int results;
	seat->wait = -1;
	script->seat = seat;
	int status = lua_resume(seat->lua, script->lua, 0, &results);
	script->seat = &script->loader;
	if (status == LUA_YIELD && seat->wait >= 0 && seat->ending == ENDING_NONE)
		return call->host->sleep(call, seat->wait, lua_goes_on);
	enum sl_outcome outcome = end_of(seat, status);
	seat_leave(at);
	return outcome;
}

static enum sl_outcome lua_goes_on(struct sl_call *call)
{
	return resume(call->local);
}

/* ---------------------------------------------------------------------- instances */

static int prepare(lua_State *lua)
{
	const struct lua_instance *instance = lua_touserdata(lua, 1);
	struct script *script = script_of(lua);
	char why[256] = "";
	script_table_push(lua);
	lua_getfield(lua, -1, "transform");
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &transform_key);
	lua_getfield(lua, -1, "decode");
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &decode_key);
	script->options = sl_json_read(instance->options, why, sizeof(why));
	if (!script->options)
		return luaL_error(lua, "its options: %s", why);
	lua_view_push(lua, sl_json_root(script->options));
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &options_key);
	lua_newtable(lua);
	lua_pushcfunction(lua, event_index);
	lua_setfield(lua, -2, "__index");
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &event_key);
	return 0;
}

static bool start(struct lua_instance *instance, struct why *why)
{
	struct script *script = script_new(instance->source, instance->settings, why);
	if (script && !script_protected(script, prepare, instance, why))
		script_free(&script);
	instance->script = script;
	return script != NULL;
}

bool lua_begin(struct instance *instance, const struct sl_json *options, struct why *why)
{
	struct lua_instance *state = instance->state;
	struct buf all = { 0 };
	bool fine = option_complete(instance->plugin->face->options, OPTION_ROW, options, &all, why);
	*state = (struct lua_instance){
		.source = instance->plugin->handle,
		.options = { arena_copy(instance->arena, all.at, all.len), all.len },
		.settings = &instance->settings,
	};
	buf_free(&all);
	return fine && start(state, why);
}

static void close_instance(void *at)
{
	struct lua_instance *instance = at;
	script_free(&instance->script);
}

/* -------------------------------------------------------------------------- steps */

static enum sl_outcome lua_step(struct sl_call *call)
{
	struct lua_instance *instance = call->state;
	struct seat **seat = call->local;
	struct why *why = &((struct call *)call)->why;
	if (!instance->script && !start(instance, why))
		return SL_FAIL;
	*seat = seat_take(instance->script, (struct call *)call, why);
	if (!*seat)
		return SL_FAIL;
	lua_pushcfunction((*seat)->lua, run_function);
	return resume(seat);
}

void lua_call_over(struct call *call)
{
	struct seat **seat = call->pub.local;
	if (*seat)
		seat_leave(seat);
}

/* The loader hands out faces with these. */
void lua_fill_face(struct sl_plugin *face, bool transform, bool decode)
{
	face->transform = transform ? lua_step : NULL;
	face->decode = decode ? lua_step : NULL;
	face->state_size = sizeof(struct lua_instance);
	face->local_size = sizeof(struct seat *);
	face->close = close_instance;
}
