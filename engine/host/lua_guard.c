/* SPDX-License-Identifier: Apache-2.0 */
/* lua_guard.c - the base library without its teeth, and ends that no pcall catches.
 *
 * A count hook alone does not end a script: pcall swallows its error, a handler
 * of xpcall and a finaliser run without hooks, and each new coroutine starts
 * counting again.  So pcall, xpcall and coroutine.resume pass an end on, a
 * handler does not see one, finalisers do not exist, and making a coroutine
 * costs.  What still hangs, hangs in one C function; the master's deadline
 * ends that.
 */
#include <lualib.h>
#include <string.h>

#include "host/lua_host.h"

#define COROUTINE_COST 2500

/* ----------------------------------------------------------------------- ends */

/* Ends the call, whoever is in between: nothing the script does from here on
 * counts.  The first sentence stays. */
int lua_guard_end(lua_State *lua, enum ending ending, const char *form, ...)
{
	struct seat *seat = script_of(lua)->seat;
	struct why why;
	va_list values;
	va_start(values, form);
	why_vsay(&why, form, values);
	va_end(values);
	if (seat->ending == ENDING_NONE && seat->call)
		seat->call->why = why;
	if (seat->ending == ENDING_NONE)
		seat->ending = ending;
	lua_pushstring(lua, why.text);
	return lua_error(lua);
}

/* Ends a call that has used up its budget; what stands in __close gets a little. */
void lua_guard_meter(lua_State *lua)
{
	struct seat *seat = script_of(lua)->seat;
	char place[SCRIPT_PLACE];
	if (seat->budget > 0)
		return;
	if (seat->ending == ENDING_NONE)
		seat->budget = seat->script->budget / 100;
	lua_guard_end(lua, ENDING_KILLED, "%s: used more than %lld instructions in one go; is there a loop without an end?",
		script_place(lua, place), (long long)seat->script->budget);
}

/* An error that a script may see; one that is an end goes on upwards. */
static int pass_on(lua_State *lua, int status)
{
	struct seat *seat = script_of(lua)->seat;
	char place[SCRIPT_PLACE];
	if (status == LUA_ERRMEM)
		lua_guard_end(lua, ENDING_MEMORY, "%s: needs more memory than its %zu MB", script_place(lua, place),
			script_of(lua)->limit >> 20);
	if (seat->ending != ENDING_NONE)
		return lua_error(lua);
	return 0;
}

/* -------------------------------------------------------------- pcall and xpcall */

static int pcall_ended(lua_State *lua, int status, lua_KContext below)
{
	if (status != LUA_OK && status != LUA_YIELD) {
		pass_on(lua, status);
		lua_pushboolean(lua, 0);
		lua_insert(lua, -2);
		return 2;
	}
	return lua_gettop(lua) - (int)below;
}

static int guarded_pcall(lua_State *lua)
{
	luaL_checkany(lua, 1);
	lua_pushboolean(lua, 1);
	lua_insert(lua, 1);
	int status = lua_pcallk(lua, lua_gettop(lua) - 2, LUA_MULTRET, 0, 0, pcall_ended);
	return pcall_ended(lua, status, 0);
}

static int handler(lua_State *lua)
{
	if (script_of(lua)->seat->ending != ENDING_NONE)
		return 1;
	lua_pushvalue(lua, lua_upvalueindex(1));
	lua_insert(lua, 1);
	lua_call(lua, 1, 1);
	return 1;
}

static int guarded_xpcall(lua_State *lua)
{
	int count = lua_gettop(lua);
	luaL_checktype(lua, 2, LUA_TFUNCTION);
	lua_pushvalue(lua, 2);
	lua_pushcclosure(lua, handler, 1);
	lua_replace(lua, 2);
	lua_pushboolean(lua, 1);
	lua_pushvalue(lua, 1);
	lua_rotate(lua, 3, 2); /* f, handler, true, f, arguments */
	int status = lua_pcallk(lua, count - 2, LUA_MULTRET, 2, 2, pcall_ended);
	return pcall_ended(lua, status, 2);
}

/* ------------------------------------------------------------------ coroutines */

static int create(lua_State *lua)
{
	luaL_checktype(lua, 1, LUA_TFUNCTION);
	script_of(lua)->seat->budget -= COROUTINE_COST;
	lua_guard_meter(lua);
	lua_State *thread = lua_newthread(lua);
	lua_pushvalue(lua, 1);
	lua_xmove(lua, thread, 1);
	return 1;
}

/* Moves the results over; negative: it failed, and its error is on top. */
static int resume_into(lua_State *lua, lua_State *thread, int arguments)
{
	int results, status = LUA_ERRRUN;
	if (lua_status(thread) == LUA_OK && lua_gettop(thread) == 0) {
		lua_pushliteral(lua, "cannot resume dead coroutine");
		return -1;
	}
	if (!lua_checkstack(thread, arguments)) {
		lua_pushliteral(lua, "too many arguments to resume");
		return -1;
	}
	lua_xmove(lua, thread, arguments);
	status = lua_resume(thread, lua, arguments, &results);
	if (status == LUA_OK || status == LUA_YIELD) {
		luaL_checkstack(lua, results + 1, "too many results to resume");
		lua_xmove(thread, lua, results);
		return results;
	}
	lua_xmove(thread, lua, 1);
	pass_on(lua, status);
	return -1;
}

static int guarded_resume(lua_State *lua)
{
	lua_State *thread = lua_tothread(lua, 1);
	luaL_argexpected(lua, thread, 1, "coroutine");
	int results = resume_into(lua, thread, lua_gettop(lua) - 1);
	lua_pushboolean(lua, results >= 0);
	if (results < 0)
		results = 1;
	lua_insert(lua, -(results + 1));
	return results + 1;
}

static int wrapped(lua_State *lua)
{
	lua_State *thread = lua_tothread(lua, lua_upvalueindex(1));
	int results = resume_into(lua, thread, lua_gettop(lua));
	if (results >= 0)
		return results;
	int status = lua_status(thread);
	if (status != LUA_OK && status != LUA_YIELD)
		lua_resetthread(thread); /* runs what waits in __close */
	return lua_error(lua);
}

static int wrap(lua_State *lua)
{
	create(lua);
	lua_pushcclosure(lua, wrapped, 1);
	return 1;
}

/* ----------------------------------------------------------- smaller teeth */

static int guarded_setmetatable(lua_State *lua)
{
	luaL_checktype(lua, 1, LUA_TTABLE);
	luaL_argexpected(lua, lua_istable(lua, 2) || lua_isnil(lua, 2), 2, "nil or table");
	if (luaL_getmetafield(lua, 1, "__metatable") != LUA_TNIL)
		return luaL_error(lua, "cannot change a protected metatable");
	if (lua_istable(lua, 2)) {
		lua_pushliteral(lua, "__gc");
		if (lua_rawget(lua, 2) != LUA_TNIL)
			return luaL_error(lua, "__gc is not offered to scripts");
	}
	lua_settop(lua, 2);
	lua_setmetatable(lua, 1);
	return 1;
}

/* load(text [, name [, mode [, env]]]): source text only, whatever mode says. */
static int guarded_load(lua_State *lua)
{
	size_t len;
	const char *text = luaL_checklstring(lua, 1, &len);
	const char *name = luaL_optstring(lua, 2, "=load");
	bool with_env = !lua_isnone(lua, 4);
	lua_settop(lua, 4);
	int status = luaL_loadbufferx(lua, text, len, name, "t");
	if (status != LUA_OK) {
		pass_on(lua, status);
		lua_pushnil(lua);
		lua_insert(lua, -2);
		return 2;
	}
	if (with_env) {
		lua_pushvalue(lua, 4);
		if (!lua_setupvalue(lua, -2, 1))
			lua_pop(lua, 1);
	}
	return 1;
}

/* ------------------------------------------------ long work in one C function */

/* The function that was there before, with the same arguments. */
static int as_before(lua_State *lua)
{
	int count = lua_gettop(lua);
	lua_pushvalue(lua, lua_upvalueindex(1));
	lua_insert(lua, 1);
	lua_call(lua, count, 1);
	return 1;
}

/* table.move(from, first, last, ...) costs as if each step were an instruction. */
static int guarded_move(lua_State *lua)
{
	struct seat *seat = script_of(lua)->seat;
	lua_Integer first = luaL_checkinteger(lua, 2), last = luaL_checkinteger(lua, 3);
	lua_Unsigned steps = last < first ? 0 : (lua_Unsigned)last - (lua_Unsigned)first;
	seat->budget -= steps < INT64_MAX / 2 ? (int64_t)steps : INT64_MAX / 2;
	lua_guard_meter(lua);
	return as_before(lua);
}

/* string.rep of nothing is nothing, and takes no time. */
static int guarded_rep(lua_State *lua)
{
	size_t len, between;
	luaL_checklstring(lua, 1, &len);
	luaL_optlstring(lua, 3, "", &between);
	if (len || between)
		return as_before(lua);
	lua_pushliteral(lua, "");
	return 1;
}

static void put_before(lua_State *lua, const char *library, const char *name, lua_CFunction function)
{
	lua_getglobal(lua, library);
	lua_getfield(lua, -1, name);
	lua_pushcclosure(lua, function, 1);
	lua_setfield(lua, -2, name);
	lua_pop(lua, 1);
}

static void remove_fields(lua_State *lua, const char *library, const char *const *names)
{
	lua_getglobal(lua, library);
	for (; *names; names++) {
		lua_pushnil(lua);
		lua_setfield(lua, -2, *names);
	}
	lua_pop(lua, 1);
}

void lua_guard_open(lua_State *lua)
{
	static const char *const base[] = { "dofile", "loadfile", "collectgarbage", "warn", NULL };
	static const char *const string[] = { "dump", NULL };
	static const char *const coroutine[] = { "running", NULL }; /* a call's own is not the script's to resume */
	static const luaL_Reg globals[] = {
		{ "pcall", guarded_pcall },
		{ "xpcall", guarded_xpcall },
		{ "setmetatable", guarded_setmetatable },
		{ "load", guarded_load },
		{ NULL, NULL },
	};
	static const luaL_Reg coroutines[] = {
		{ "create", create },
		{ "resume", guarded_resume },
		{ "wrap", wrap },
		{ NULL, NULL },
	};
	remove_fields(lua, LUA_GNAME, base);
	remove_fields(lua, LUA_STRLIBNAME, string);
	remove_fields(lua, LUA_COLIBNAME, coroutine);
	put_before(lua, LUA_TABLIBNAME, "move", guarded_move);
	put_before(lua, LUA_STRLIBNAME, "rep", guarded_rep);
	lua_pushglobaltable(lua);
	luaL_setfuncs(lua, globals, 0);
	lua_getfield(lua, -1, LUA_COLIBNAME);
	luaL_setfuncs(lua, coroutines, 0);
	lua_pushliteral(lua, "");
	lua_getmetatable(lua, -1);
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_pop(lua, 4);
}
