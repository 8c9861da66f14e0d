/* SPDX-License-Identifier: Apache-2.0 */
/* lua_verbs.c - what a script can do in a call: emit, drop, advance, sweep, settle, fail, retry, sleep, log. */
#include <string.h>

#include "base/line.h"
#include "host/lua_host.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define LINE_COST 10000 /* instructions */

/* "transform and decode" */
static void refuse_step(lua_State *lua, const char *verb, unsigned steps, enum step here)
{
	luaL_Buffer words;
	luaL_buffinit(lua, &words);
	for (unsigned step = STEP_OPEN, left = steps; step < STEP_COUNT; step++) {
		if (!(steps & IN(step)))
			continue;
		left &= ~IN(step);
		luaL_addstring(&words, step_name(step));
		luaL_addstring(&words, !left ? "" : left & (left - 1) ? ", "
								      : " or ");
	}
	luaL_pushresult(&words);
	luaL_error(lua, "%s is for %s; this is %s", verb, lua_tostring(lua, -1), step_name(here));
}

struct call *lua_verb_call(lua_State *lua, const char *verb, unsigned steps)
{
	const struct script *script = script_of(lua);
	const struct seat *seat = script->seat;
	if (!seat->call) {
		luaL_error(lua, "%s is for calls; it cannot be used while the file is loaded or closed", verb);
		return NULL;
	}
	if (seat->ending != ENDING_NONE)
		luaL_error(lua, "%s came after the call was over", verb);
	if (script->opener == seat && steps != LUA_EVERYWHERE)
		refuse_step(lua, verb, steps, STEP_OPEN);
	if (!(steps & IN(seat->call->step)))
		refuse_step(lua, verb, steps, seat->call->step);
	return seat->call;
}

/* ------------------------------------------------------------------------ emit */

/* A word of the event from the top of the stack; numbers too: ids often are. */
static const char *word(lua_State *lua, const char *name)
{
	size_t len;
	if (lua_is_none(lua, -1))
		return NULL;
	const char *text = lua_tolstring(lua, -1, &len);
	if (!text) {
		luaL_error(lua, "emit: %s has to be a text, not a %s", name, luaL_typename(lua, -1));
		return NULL;
	}
	if (memchr(text, '\0', len) || !sl_utf8((struct sl_text){ text, len }))
		luaL_error(lua, "emit: %s is no readable text: it holds a zero byte or is not UTF-8", name);
	return text;
}

static int64_t moment(lua_State *lua)
{
	struct sl_text text;
	int64_t microseconds = 0;
	int whole;
	if (lua_is_none(lua, -1))
		return 0;
	lua_Integer ms = lua_tointegerx(lua, -1, &whole);
	if (whole && lua_type(lua, -1) == LUA_TNUMBER)
		return ms;
	text.at = lua_tolstring(lua, -1, &text.len);
	if (!text.at || !sl_time_read(text, &microseconds))
		luaL_error(lua, "emit: time has to be whole milliseconds or an ISO 8601 text, not %s",
			text.at ? text.at : luaL_typename(lua, -1));
	return microseconds / 1000 - (microseconds % 1000 < 0);
}

static const char *const fields[] = { "type", "id", "subject", "mode", "source", "scope", "time", "data" };
#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* Each field to its place on the stack, from 2 on, in the order of `fields`. */
static void spread(lua_State *lua)
{
	lua_settop(lua, 1 + FIELD_COUNT);
	for (lua_pushnil(lua); lua_next(lua, 1); lua_pop(lua, 1)) {
		size_t i = 0;
		if (lua_type(lua, -2) != LUA_TSTRING)
			luaL_error(lua, "emit takes named fields: emit { type = ..., data = { ... } }");
		const char *name = lua_tostring(lua, -2);
		while (i < FIELD_COUNT && (*fields[i] != *name || strcmp(fields[i], name) != 0))
			i++;
		if (i == FIELD_COUNT)
			luaL_error(lua, "emit knows no '%s'; what is not type, id, subject, mode, source, scope or time belongs "
				"into data",
				lua_tostring(lua, -2));
		lua_copy(lua, -1, 2 + (int)i);
	}
}

/* What is emitted is not in the script's memory, so it is counted here. */
void lua_verb_count(lua_State *lua, size_t len)
{
	struct script *script = script_of(lua);
	char place[SCRIPT_PLACE];
	script->seat->emitted += len + sizeof(struct emitted);
	if (script->seat->emitted > script->limit)
		lua_guard_end(lua, ENDING_FAIL, "%s: emitted or sent more than %zu MB in one call", script_place(lua, place),
			script->limit >> 20);
}

/* What is left out is the event's, as the script has changed it. */
static void push_data(lua_State *lua)
{
	struct seat *seat = script_of(lua)->seat;
	lua_pushvalue(lua, 1 + FIELD_COUNT);
	if (!lua_isnil(lua, -1) || !seat->data || !lua_change_inside(lua, seat->data, seat))
		return;
	lua_pop(lua, 1);
	lua_view_push(lua, seat->data);
}

/* What is found wrong with it later is told with the line it came from. */
static void note_place(lua_State *lua, struct call *call)
{
	call->emitted[call->emitted_count - 1].place = arena_string(call->arena, script_place_said(lua));
}

/* What is read stays on the stack, and so where it is, until emit has copied it. */
static int verb_emit(lua_State *lua)
{
	struct call *call = lua_verb_call(lua, "emit", LUA_EMITTING);
	struct sl_event event = { 0 };
	const char **const words[] = { &event.type, &event.id, &event.subject, &event.mode, &event.source,
		&event.scope };
	const size_t word_count = sizeof(words) / sizeof(words[0]);
	luaL_checktype(lua, 1, LUA_TTABLE);
	spread(lua);
	for (size_t i = 0; i < word_count; i++) {
		lua_pushvalue(lua, 2 + (int)i);
		*words[i] = word(lua, fields[i]);
	}
	lua_pushvalue(lua, FIELD_COUNT);
	event.time = moment(lua);
	if (call->step == STEP_POLL && !event.id)
		luaL_error(lua, "emit: what is polled needs an id, by which it is known when it comes again");
	if (call->step != STEP_POLL && event.scope)
		luaL_error(lua, "emit: a scope is for what is polled");
	push_data(lua);
	if (!lua_isnil(lua, -1))
		event.data = lua_json_encode(lua, -1);
	lua_verb_count(lua, event.data.len);
	call->pub.host->emit(&call->pub, &event);
	note_place(lua, call);
	return 0;
}

/* ------------------------------------------------------------------ the outcomes */

static int verb_drop(lua_State *lua)
{
	struct call *call = lua_verb_call(lua, "drop", IN(STEP_TRANSFORM) | IN(STEP_DECODE));
	const char *reason = luaL_checkstring(lua, 1);
	call->pub.host->drop(&call->pub, reason);
	return lua_guard_end(lua, ENDING_DROP, "dropped");
}

/* The line that said so is worth more than any code. */
static int verb_fail(lua_State *lua)
{
	lua_verb_call(lua, "fail", LUA_EVERYWHERE);
	luaL_checkstring(lua, 1);
	luaL_where(lua, 1);
	return lua_guard_end(lua, ENDING_FAIL, "%s%s", lua_tostring(lua, -1), lua_tostring(lua, 1));
}

static int64_t milliseconds(lua_State *lua, int index)
{
	lua_Number seconds = luaL_checknumber(lua, index);
	luaL_argcheck(lua, seconds >= 0 && seconds <= 1e9, index, "seconds from 0 to 1e9 expected");
	return (int64_t)(seconds * 1000);
}

static int verb_retry(lua_State *lua)
{
	struct call *call = lua_verb_call(lua, "retry", LUA_EVERYWHERE);
	luaL_checkstring(lua, 1);
	call->retry_after = lua_isnoneornil(lua, 2) ? 0 : milliseconds(lua, 2);
	luaL_where(lua, 1);
	return lua_guard_end(lua, ENDING_RETRY, "%s%s", lua_tostring(lua, -1), lua_tostring(lua, 1));
}

/* ------------------------------------------------------- polls and deliveries */

/* advance(cursor): a text or a number; a table is kept as JSON. */
static int verb_advance(lua_State *lua)
{
	struct call *call = lua_verb_call(lua, "advance", IN(STEP_POLL) | IN(STEP_HOOKS));
	struct sl_text text;
	luaL_checkany(lua, 1);
	lua_settop(lua, 1);
	luaL_argexpected(lua, !lua_is_none(lua, 1), 1, "text or table");
	if (lua_isstring(lua, 1))
		text.at = lua_tolstring(lua, 1, &text.len);
	else
		text = lua_json_encode(lua, 1);
	if (memchr(text.at, '\0', text.len) || !sl_utf8(text))
		return luaL_argerror(lua, 1, "a cursor is a text in UTF-8, without zero bytes");
	lua_verb_count(lua, text.len);
	call->pub.host->advance(&call->pub, text.at);
	return 0;
}

/* A text that is not empty, without zero bytes: it becomes a word of an event. */
static const char *sweep_word(lua_State *lua, int index)
{
	size_t len;
	const char *text = luaL_checklstring(lua, index, &len);
	if (!len || memchr(text, '\0', len) || !sl_utf8((struct sl_text){ text, len }))
		luaL_argerror(lua, index, "a readable text expected, in UTF-8, without zero bytes");
	lua_verb_count(lua, len);
	return text;
}

/* sweep(scope, type) */
static int verb_sweep(lua_State *lua)
{
	struct call *call = lua_verb_call(lua, "sweep", IN(STEP_POLL));
	const char *scope = sweep_word(lua, 1), *type = sweep_word(lua, 2);
	call->pub.host->sweep(&call->pub, scope, type);
	return 0;
}

/* progress(done [, total]) */
static int verb_progress(lua_State *lua)
{
	struct call *call = lua_verb_call(lua, "progress", IN(STEP_POLL));
	lua_Integer done = luaL_checkinteger(lua, 1), total = luaL_optinteger(lua, 2, 0);
	luaL_argcheck(lua, done >= 0, 1, "not less than 0 expected");
	luaL_argcheck(lua, total >= 0, 2, "not less than 0 expected");
	call->pub.host->progress(&call->pub, (uint64_t)done, (uint64_t)total);
	return 0;
}

static size_t row_number(lua_State *lua, const struct call *call)
{
	size_t row = lua_row_number(lua, 1);
	if (row)
		return row;
	lua_Integer number = luaL_checkinteger(lua, 1);
	if (number < 1 || (lua_Unsigned)number > call->pub.row_count)
		luaL_error(lua, "settle: there is no row %I; the batch has %I", (LUAI_UACINT)number,
			(LUAI_UACINT)call->pub.row_count);
	return (size_t)number;
}

/* settle(row, outcome [, why [, seconds]]) */
static int verb_settle(lua_State *lua)
{
	static const char *const words[] = { "done", "retry", "fail", NULL };
	static const enum sl_outcome outcomes[] = { SL_DONE, SL_RETRY, SL_FAIL };
	struct call *call = lua_verb_call(lua, "settle", IN(STEP_DELIVER));
	size_t row = row_number(lua, call) - 1;
	enum sl_outcome outcome = outcomes[luaL_checkoption(lua, 2, NULL, words)];
	const char *why = outcome == SL_DONE ? NULL : luaL_checkstring(lua, 3);
	int64_t after = lua_isnoneornil(lua, 4) ? 0 : milliseconds(lua, 4);
	lua_verb_count(lua, why ? strlen(why) : 0);
	call->pub.host->settle(&call->pub, row, outcome, why ? "%s" : NULL, why);
	call->settled[row].after = outcome == SL_RETRY ? after : 0;
	return 0;
}

/* ----------------------------------------------------------------------- waiting */

static int slept(lua_State *lua, int status, lua_KContext context)
{
	return 0;
}

static int verb_sleep(lua_State *lua)
{
	lua_verb_call(lua, "sleep", LUA_EVERYWHERE);
	script_of(lua)->seat->sleep = milliseconds(lua, 1);
	seat_may_wait(lua, "sleep");
	return seat_wait(lua, AWAIT_SLEEP, 0, slept);
}

/* ----------------------------------------------------------------------- logging */

/* A line costs instructions, so that a loop of them does not fill a disk. */
static void write_line(lua_State *lua, enum sl_level level, const char *text)
{
	struct script *script = script_of(lua);
	script->seat->budget -= LINE_COST;
	lua_guard_meter(lua);
	struct call *call = script->seat->call;
	if (call)
		call->pub.host->log(&call->pub, level, "%s", text);
	else
		line(level, "%s: %s", script->file, text);
}

/* log(text) or log(level, text). */
static int verb_log(lua_State *lua)
{
	enum sl_level level = SL_INFO;
	bool with_level = lua_gettop(lua) > 1;
	if (with_level && !line_level(luaL_checkstring(lua, 1), &level))
		return luaL_argerror(lua, 1, "debug, info, warning or error expected");
	write_line(lua, level, luaL_tolstring(lua, with_level ? 2 : 1, NULL));
	return 0;
}

static int verb_print(lua_State *lua)
{
	int count = lua_gettop(lua);
	luaL_Buffer words;
	luaL_buffinit(lua, &words);
	for (int i = 1; i <= count; i++) {
		if (i > 1)
			luaL_addchar(&words, ' ');
		luaL_tolstring(lua, i, NULL);
		luaL_addvalue(&words);
	}
	luaL_pushresult(&words);
	write_line(lua, SL_INFO, lua_tostring(lua, -1));
	return 0;
}

void lua_verbs_open(lua_State *lua)
{
	static const luaL_Reg verbs[] = {
		{ "emit", verb_emit },
		{ "drop", verb_drop },
		{ "advance", verb_advance },
		{ "sweep", verb_sweep },
		{ "progress", verb_progress },
		{ "settle", verb_settle },
		{ "fail", verb_fail },
		{ "retry", verb_retry },
		{ "sleep", verb_sleep },
		{ "log", verb_log },
		{ "print", verb_print },
		{ NULL, NULL },
	};
	lua_pushglobaltable(lua);
	luaL_setfuncs(lua, verbs, 0);
	lua_pop(lua, 1);
}
