/* SPDX-License-Identifier: Apache-2.0 */
/* lua_state.c - a lua_State with limits, in which a script's file has run. */
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/lua_host.h"

#define LARGEST_SCRIPT ((size_t)1 << 20)
#define SCRIPT_MEMORY ((size_t)64 << 20)
#define SCRIPT_BUDGET 50000000

/* --------------------------------------------------------------------- limits */

/* Memory traffic costs too: a loop that copies megabytes needs few
 * instructions and all of the time. */
static void *allocate(void *data, void *at, size_t old, size_t size)
{
	struct script *script = data;
	size_t had = at ? old : 0; /* without a block `old` says what kind of thing it will be */
	if (size > had && size - had > script->limit - script->used)
		return NULL;
	void *block = memory_resize(&script->memory, at, had, size);
	if (!block && size)
		return NULL;
	script->used += size - had;
	if (size > had)
		script->seat->budget -= (int64_t)((size - had) >> 5);
	return block;
}

static void hook(lua_State *lua, lua_Debug *where)
{
	struct seat *seat = script_of(lua)->seat;
	if (where->event == LUA_HOOKLINE) {
		lua_cover_line(lua, where);
		return;
	}
	seat->budget -= LUA_HOOK_EVERY;
	seat->cut |= seat->budget <= 0;
	lua_guard_meter(lua);
}

/* Should never run: everything that can fail is protected. */
static int panic(lua_State *lua)
{
	const char *text = lua_tostring(lua, -1);
	fprintf(stderr, "sluice: unprotected error in a script: %s\n", text ? text : "?");
	return 0;
}

/* ----------------------------------------------------------------- the sandbox */

static int open_libraries(lua_State *lua)
{
	static const luaL_Reg libraries[] = {
		{ LUA_GNAME, luaopen_base },
		{ LUA_TABLIBNAME, luaopen_table },
		{ LUA_STRLIBNAME, luaopen_string },
		{ LUA_MATHLIBNAME, luaopen_math },
		{ LUA_UTF8LIBNAME, luaopen_utf8 },
		{ LUA_COLIBNAME, luaopen_coroutine },
	};
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
		luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
		lua_pop(lua, 1);
	}
	lua_guard_open(lua);
	lua_view_open(lua);
	lua_json_open(lua);
	lua_event_open(lua);
	lua_rows_open(lua);
	lua_verbs_open(lua);
	lua_answer_open(lua);
	lua_http_open(lua);
	lua_cache_open(lua);
	lua_lib_open(lua);
	lua_require_open(lua);
	return 0;
}

/* A global that a call makes would be seen by all calls that wait beside it. */
static int new_global(lua_State *lua)
{
	struct script *script = script_of(lua);
	if (script->loading) {
		lua_rawset(lua, 1);
		return 0;
	}
	return luaL_error(lua, "'%s' is not declared: write local %s = ...", luaL_tolstring(lua, 2, NULL),
		luaL_tolstring(lua, 2, NULL));
}

static void guard_globals(lua_State *lua)
{
	lua_pushglobaltable(lua);
	lua_createtable(lua, 0, 2);
	lua_pushcfunction(lua, new_global);
	lua_setfield(lua, -2, "__newindex");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_setmetatable(lua, -2);
	lua_pop(lua, 1);
}

/* ------------------------------------------------------------------- the file */

static const char table_key; /* in the registry: the table that the file returned */

static int run_file(lua_State *lua)
{
	const struct lua_source *source = lua_touserdata(lua, 1);
	open_libraries(lua);
	guard_globals(lua);
	lua_pushfstring(lua, "@%s", source->file);
	if (luaL_loadbufferx(lua, source->text, source->len, lua_tostring(lua, -1), "t") != LUA_OK)
		return lua_error(lua);
	lua_cover_loaded(lua, source->file);
	lua_call(lua, 0, 1);
	if (!lua_istable(lua, -1))
		return luaL_error(lua, "it has to end with: return { %s }",
			source->ends ? source->ends : "summary = ..., transform = ...");
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &table_key);
	return 0;
}

void script_table_push(lua_State *lua)
{
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &table_key);
}

/* Runs `body` with `data` as its only argument; an error becomes a sentence. */
bool script_protected(struct script *script, lua_CFunction body, void *data, struct why *why)
{
	lua_State *lua = script->lua;
	lua_pushcfunction(lua, script_handler);
	lua_pushcfunction(lua, body);
	lua_pushlightuserdata(lua, data);
	int status = lua_pcall(lua, 1, 0, -3);
	if (status != LUA_OK)
		script_words(lua, -1, status, why);
	lua_settop(lua, 0);
	return status == LUA_OK;
}

/* --------------------------------------------------------------- life and end */

struct script *script_new(const struct lua_source *source, const struct host_settings *settings, struct why *why)
{
	struct script *script = must_alloc(sizeof(*script));
	script->limit = settings->script_memory ? settings->script_memory : SCRIPT_MEMORY;
	script->budget = settings->script_budget ? settings->script_budget : SCRIPT_BUDGET;
	script->folder = must_string(source->folder);
	script->file = source->file;
	script->loading = true;
	script->loader = (struct seat){ .script = script, .budget = script->budget };
	script->seat = &script->loader;
	script->lua = lua_newstate(allocate, script);
	if (!script->lua) {
		why_say(why, "%s: no memory for a Lua state", source->file);
		script_free(&script);
		return NULL;
	}
	script->loader.lua = script->lua;
	*(struct script **)lua_getextraspace(script->lua) = script;
	lua_atpanic(script->lua, panic);
	lua_sethook(script->lua, hook, LUA_MASKCOUNT | lua_cover_mask(), LUA_HOOK_EVERY);
	lua_gc(script->lua, LUA_GCINC, 400, 0, 0);
	if (!script_protected(script, run_file, (void *)source, why))
		script_free(&script);
	else
		script->loading = false;
	return script;
}

void script_free(struct script **at)
{
	struct script *script = *at;
	*at = NULL;
	if (!script)
		return;
	if (script->lua)
		lua_close(script->lua);
	memory_end(&script->memory);
	sl_json_free(&script->options);
	while (script->all) {
		struct seat *seat = script->all;
		script->all = seat->older;
		free(seat);
	}
	buf_free(&script->out);
	buf_free(&script->sorted);
	free(script->folder);
	free(script);
}

char *lua_source_read(const char *path, size_t *len, struct why *why)
{
	FILE *file = fopen(path, "rbe");
	if (!file) {
		why_errno(why, "%s: it cannot be read", path);
		return NULL;
	}
	char *text = must_alloc(LARGEST_SCRIPT + 1);
	*len = fread(text, 1, LARGEST_SCRIPT + 1, file);
	bool bad = ferror(file);
	fclose(file);
	if (!bad && *len <= LARGEST_SCRIPT)
		return must_grow(text, *len + 1);
	free(text);
	why_say(why, bad ? "%s: it cannot be read" : "%s: a script has at most 1 MB", path);
	return NULL;
}
