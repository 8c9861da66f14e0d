/* SPDX-License-Identifier: Apache-2.0 */
/* lua_seat.c - where calls sit: coroutines that are used again and again, and how they wait. */
#include <stdlib.h>

#include "host/lua_host.h"

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

struct seat *seat_take(struct script *script, struct call *call, struct why *why)
{
	struct seat *seat = script->idle;
	if (seat)
		script->idle = seat->next;
	else if (!(seat = seat_new(script, why)))
		return NULL;
	seat->call = call;
	seat->budget = script->budget;
	seat->ending = ENDING_NONE;
	seat->emitted = seat->answered = 0;
	seat->data = NULL;
	seat->waits = 0;
	script->calls++;
	return seat;
}

/* What a call leaves open is closed; a script that hangs there has a budget too. */
static void seat_close(struct seat *seat)
{
	struct script *script = seat->script;
	struct seat *before = script->seat;
	seat->ending = ENDING_KILLED;
	seat->budget = script->budget / 100;
	script->seat = seat;
	lua_resetthread(seat->lua);
	script->seat = before;
}

/* Ready for the next call.  Nothing is closed in a coroutine that was cut, for nothing
 * could end that; the seat gets another one.  False: there is no memory for it. */
static bool seat_tidy(struct seat *seat)
{
	struct why why;
	if (!seat->cut && lua_status(seat->lua) != LUA_OK)
		seat_close(seat);
	if (!seat->cut)
		return true;
	seat->cut = false;
	return script_protected(seat->script, make_seat, seat, &why);
}

void seat_leave(struct seat **at)
{
	struct seat *seat = *at;
	struct script *script = seat->script;
	*at = NULL;
	bool tidy = seat_tidy(seat);
	lua_settop(seat->lua, 0);
	if (seat->changes)
		lua_change_forget(seat);
	if (script->opener == seat)
		script->opener = NULL;
	seat->behind = NULL;
	seat->serial++;
	seat->call = NULL;
	seat_done(seat);
	if (tidy) {
		seat->next = script->idle;
		script->idle = seat;
	}
	if (--script->calls == 0 && script->spent)
		script_free(&script);
}

/* --------------------------------------------------------------------- waiting */

void seat_may_wait(lua_State *lua, const char *verb)
{
	struct seat *seat = script_of(lua)->seat;
	if (lua != seat->lua)
		luaL_error(lua, "%s cannot be used in a coroutine of your own", verb);
	if (!lua_isyieldable(lua))
		luaL_error(lua, "%s cannot be used in a function that table.sort, string.gsub or a metamethod calls", verb);
}

int seat_wait(lua_State *lua, enum await await, lua_KContext context, lua_KFunction next)
{
	struct seat *seat = script_of(lua)->seat;
	char place[SCRIPT_PLACE];
	if (++seat->waits > LUA_MOST_WAITS)
		return lua_guard_end(lua, ENDING_KILLED, "%s: waited more than %d times in one call", script_place(lua, place),
			LUA_MOST_WAITS);
	seat->await = await;
	return lua_yieldk(lua, 0, context, next);
}

bool seat_may_park(lua_State *lua, const struct seat *behind)
{
	struct seat *seat = script_of(lua)->seat;
	if (lua != seat->lua || !lua_isyieldable(lua) || seat->ending != ENDING_NONE)
		return false;
	while (behind && behind != seat)
		behind = behind->behind;
	return !behind;
}

void seat_done(struct seat *seat)
{
	for (struct seat *at = seat->script->all; at; at = at->older) {
		if (at->behind != seat)
			continue;
		at->behind = NULL;
		call_wake(at->call);
	}
}
