/* SPDX-License-Identifier: Apache-2.0 */
/* lua_step.c - a call into a script: a seat is taken, its coroutine runs, and
 * its end or its wait becomes the step's. */
#include "base/line.h"
#include "base/option.h"
#include "host/lua_host.h"

/* What an instance keeps between calls. */
struct lua_instance {
	struct script *script; /* the one that new calls run in; NULL: the last one ran out of memory */
	const struct lua_source *source;
	struct sl_text options; /* JSON */
	const struct host_settings *settings;
};

/* In the registry: the function of each step, and the options. */
static const char step_keys[STEP_COUNT], close_key, options_key;

/* -------------------------------------------------------------------- arguments */

static int push_one_event(lua_State *lua, struct call *call)
{
	lua_event_push(lua, call);
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &options_key);
	return 2;
}

static int push_options(lua_State *lua, struct call *call)
{
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &options_key);
	return 1;
}

/* poll(cursor, opt, walk) */
static int push_walk(lua_State *lua, struct call *call)
{
	lua_pushstring(lua, call->pub.cursor);
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &options_key);
	lua_createtable(lua, 0, 2);
	lua_pushboolean(lua, call->pub.backfill);
	lua_setfield(lua, -2, "backfill");
	if (call->pub.since) {
		lua_pushinteger(lua, call->pub.since);
		lua_setfield(lua, -2, "since");
	}
	return 3;
}

static int push_rows(lua_State *lua, struct call *call)
{
	lua_rows_push(lua, call);
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &options_key);
	return 2;
}

/* hooks(verb, opt, hook) */
static int push_hook(lua_State *lua, struct call *call)
{
	lua_pushstring(lua, call->pub.verb);
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &options_key);
	lua_createtable(lua, 0, 3);
	lua_pushstring(lua, call->pub.callback);
	lua_setfield(lua, -2, "callback");
	lua_pushstring(lua, call->pub.hook);
	lua_setfield(lua, -2, "id");
	lua_pushstring(lua, call->pub.cursor);
	lua_setfield(lua, -2, "cursor");
	return 3;
}

/* What each step is handed, and how its results are said. */
static const struct step_form {
	int (*push)(lua_State *lua, struct call *call);
	const char *result;
} forms[STEP_COUNT] = {
	[STEP_OPEN] = { push_options, "what goes wrong is said with fail(why)" },
	[STEP_DECODE] = { push_one_event, "what becomes of an event is said with emit { ... }" },
	[STEP_POLL] = { push_walk, "events are said with emit { ... }, how far it came with advance(cursor)" },
	[STEP_TRANSFORM] = { push_one_event, "what becomes of an event is said with emit { ... }" },
	[STEP_DELIVER] = { push_rows, "how it went with a row is said with settle(row, outcome, why)" },
	[STEP_HOOKS] = { push_hook, "each hook is said with emit { ... }" },
	[STEP_DISCOVER] = { push_options, "each object is said with emit { ... }" },
};

/* -------------------------------------------------------------- in the coroutine */

static int function_ended(lua_State *lua, int status, lua_KContext step)
{
	if (!lua_isnil(lua, -1))
		return luaL_error(lua, "%s returned a %s; %s", step_name((enum step)step), luaL_typename(lua, -1),
			forms[step].result);
	return 0;
}

static int run_function(lua_State *lua)
{
	struct call *call = script_of(lua)->seat->call;
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &step_keys[call->step]);
	int arguments = forms[call->step].push(lua, call);
	lua_callk(lua, arguments, 1, (lua_KContext)call->step, function_ended);
	return function_ended(lua, LUA_OK, (lua_KContext)call->step);
}

static int opened(lua_State *lua, int status, lua_KContext context)
{
	struct script *script = script_of(lua);
	function_ended(lua, status, STEP_OPEN);
	lua_pop(lua, 1);
	script->opened = true;
	script->opener = NULL;
	seat_done(script->seat);
	return script->seat->call->step == STEP_OPEN ? 0 : run_function(lua);
}

/* Whoever comes first into a new state runs `open`, the others wait behind. */
static int run_open(lua_State *lua, int status, lua_KContext context)
{
	struct script *script = script_of(lua);
	struct seat *seat = script->seat;
	if (script->opened)
		return seat->call->step == STEP_OPEN ? 0 : run_function(lua);
	if (script->opener) {
		seat->behind = script->opener;
		return seat_wait(lua, AWAIT_SEAT, 0, run_open);
	}
	script->opener = seat;
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &step_keys[STEP_OPEN]);
	int arguments = push_options(lua, seat->call);
	lua_callk(lua, arguments, 1, 0, opened);
	return opened(lua, LUA_OK, 0);
}

static int run_call(lua_State *lua)
{
	struct script *script = script_of(lua);
	if (script->opened && script->seat->call->step != STEP_OPEN)
		return run_function(lua);
	return run_open(lua, LUA_OK, 0);
}

/* ------------------------------------------------------------------------- ends */

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
		script_callers(seat->lua, why);
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

/* ------------------------------------------------------------------------ waits */

static enum sl_outcome lua_goes_on(struct sl_call *call);

static enum sl_outcome await_sleep(struct seat *seat)
{
	return seat->call->pub.host->sleep(&seat->call->pub, seat->sleep, lua_goes_on);
}

/* An answer gives the budget back: whoever asks page after page does no wrong by
 * being long, and the number of waits has an end too. */
static enum sl_outcome await_http(struct seat *seat)
{
	seat->budget = seat->script->budget;
	return seat->call->pub.host->http(&seat->call->pub, seat->request, lua_goes_on);
}

static enum sl_outcome await_seat(struct seat *seat)
{
	return call_park(seat->call, lua_goes_on);
}

static enum sl_outcome resume(struct seat **at)
{
	static enum sl_outcome (*const awaits[])(struct seat *) = {
		[AWAIT_SLEEP] = await_sleep,
		[AWAIT_HTTP] = await_http,
		[AWAIT_SEAT] = await_seat,
	};
	struct seat *seat = *at;
	struct script *script = seat->script;
	enum sl_outcome outcome;
	int results;
	seat->await = AWAIT_NOTHING;
	script->seat = seat;
	int status = lua_resume(seat->lua, script->lua, 0, &results);
	script->seat = &script->loader;
	if (status == LUA_YIELD && seat->await != AWAIT_NOTHING && seat->ending == ENDING_NONE)
		outcome = awaits[seat->await](seat);
	else
		outcome = end_of(seat, status);
	if (outcome != SL_WAIT)
		seat_leave(at);
	return outcome;
}

static enum sl_outcome lua_goes_on(struct sl_call *call)
{
	return resume(call->local);
}

/* ---------------------------------------------------------------------- instances */

static void keep_functions(lua_State *lua)
{
	script_table_push(lua);
	for (enum step step = STEP_OPEN; step < STEP_COUNT; step++) {
		lua_getfield(lua, -1, step_name(step));
		lua_rawsetp(lua, LUA_REGISTRYINDEX, &step_keys[step]);
	}
	lua_getfield(lua, -1, "close");
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &close_key);
	script_of(lua)->opened = lua_getfield(lua, -1, step_name(STEP_OPEN)) == LUA_TNIL;
	lua_pop(lua, 2);
}

static int prepare(lua_State *lua)
{
	const struct lua_instance *instance = lua_touserdata(lua, 1);
	struct script *script = script_of(lua);
	char why[256] = "";
	keep_functions(lua);
	script->options = sl_json_read(instance->options, why, sizeof(why));
	if (!script->options)
		return luaL_error(lua, "its options: %s", why);
	lua_view_push(lua, sl_json_root(script->options));
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &options_key);
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

static int run_close(lua_State *lua)
{
	if (lua_rawgetp(lua, LUA_REGISTRYINDEX, &close_key) != LUA_TNIL)
		lua_call(lua, 0, 0);
	return 0;
}

/* The script's close() has nobody to tell what went wrong but the log. */
static void close_instance(void *at)
{
	struct lua_instance *instance = at;
	struct script *script = instance->script;
	struct why why;
	if (!script)
		return;
	script->loader.ending = ENDING_NONE;
	script->loader.budget = script->budget / 10;
	if (!script_protected(script, run_close, NULL, &why))
		line(SL_WARNING, "%s: close: %s", script->file, why.text);
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
	lua_pushcfunction((*seat)->lua, run_call);
	return resume(seat);
}

void lua_call_over(struct call *call)
{
	struct seat **seat = call->pub.local;
	if (*seat)
		seat_leave(seat);
}

void lua_fill_face(struct sl_plugin *face, unsigned steps)
{
	sl_step **const fields[STEP_COUNT] = {
		[STEP_OPEN] = &face->open,
		[STEP_DECODE] = &face->decode,
		[STEP_POLL] = &face->poll,
		[STEP_TRANSFORM] = &face->transform,
		[STEP_DELIVER] = &face->deliver,
		[STEP_HOOKS] = &face->hooks,
		[STEP_DISCOVER] = &face->discover,
	};
	for (enum step step = STEP_OPEN; step < STEP_COUNT; step++)
		if (fields[step] && steps & IN(step))
			*fields[step] = lua_step;
	face->state_size = sizeof(struct lua_instance);
	face->local_size = sizeof(struct seat *);
	face->close = close_instance;
}
