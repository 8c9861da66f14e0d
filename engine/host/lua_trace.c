/* SPDX-License-Identifier: Apache-2.0 */
/* lua_trace.c - errors of scripts as sentences: what, in which line, called from where. */
#include <stdio.h>
#include <string.h>

#include "host/lua_host.h"

#define MOST_PLACES 6

/* Where a script is: the line that runs, or only the file.  Allocates nothing. */
const char *script_place(lua_State *lua, char place[SCRIPT_PLACE])
{
	lua_Debug at;
	snprintf(place, SCRIPT_PLACE, "%s", script_of(lua)->file);
	for (int level = 0; lua_getstack(lua, level, &at); level++) {
		lua_getinfo(lua, "Sl", &at);
		if (at.currentline < 0)
			continue;
		snprintf(place, SCRIPT_PLACE, "%s:%d", at.short_src, at.currentline);
		break;
	}
	return place;
}

/* In the registry: the function that spoke last, so that no other one gets its address. */
static const char said_key;

static bool running_line(lua_State *lua, lua_Debug *at)
{
	for (int level = 0; lua_getstack(lua, level, at); level++)
		if (lua_getinfo(lua, "l", at) && at->currentline >= 0)
			return true;
	return false;
}

/* A script says most of what it says at one line, event after event. */
const char *script_place_said(lua_State *lua)
{
	struct script *script = script_of(lua);
	lua_Debug at;
	if (!running_line(lua, &at))
		return script_place(lua, script->said.place);
	lua_getinfo(lua, "f", &at);
	if (lua_topointer(lua, -1) == script->said.function && at.currentline == script->said.line) {
		lua_pop(lua, 1);
		return script->said.place;
	}
	script->said.function = lua_topointer(lua, -1);
	script->said.line = at.currentline;
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &said_key);
	return script_place(lua, script->said.place);
}

/* What people look for who know Lua from elsewhere. */
static const char *const hints[][2] = {
	{ "(global 'os')", "scripts have no os: the clock is time.now(), settings are options" },
	{ "(global 'io')", "scripts have no io: they read and write no files; require loads modules of their folder" },
	{ "(global 'debug')", "scripts have no debug" },
	{ "(global 'package')", "scripts have no package: require loads modules of their folder" },
	{ "(global 'dofile')", "scripts have no dofile: require loads modules of their folder" },
	{ "(global 'loadfile')", "scripts have no loadfile: require loads modules of their folder" },
	{ "(global 'collectgarbage')", "scripts have no collectgarbage: their memory is looked after" },
};

static void add_hint(struct why *why)
{
	size_t used = strlen(why->text);
	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		if (strstr(why->text, hints[i][0]) && !strstr(why->text, hints[i][1]))
			snprintf(why->text + used, sizeof(why->text) - used, "; %s (sluice man lua)", hints[i][1]);
}

/* Allocates nothing, because nobody would catch that. */
void script_words(lua_State *lua, int error, int status, struct why *why)
{
	const struct script *script = script_of(lua);
	char place[SCRIPT_PLACE];
	if (status == LUA_ERRMEM)
		why_say(why, "%s: needs more memory than its %zu MB", script_place(lua, place), script->limit >> 20);
	else if (lua_type(lua, error) == LUA_TSTRING)
		why_say(why, "%s", lua_tostring(lua, error)), add_hint(why);
	else
		why_say(why, "%s: error() was called with a %s instead of a text", script->file, luaL_typename(lua, error));
}

__attribute__((format(printf, 2, 3))) static void append(struct why *why, const char *form, ...)
{
	size_t used = strlen(why->text);
	va_list values;
	va_start(values, form);
	vsnprintf(why->text + used, sizeof(why->text) - used, form, values);
	va_end(values);
}

/* The sentence begins with the place it is about, unless it was raised without one. */
static bool begins_with(const struct why *why, const lua_Debug *at)
{
	char place[SCRIPT_PLACE];
	int len = snprintf(place, sizeof(place), "%s:%d:", at->short_src, at->currentline);
	return strncmp(why->text, place, (size_t)len) == 0;
}

static void add_place(struct why *why, const lua_Debug *at, int number)
{
	if (number > 0 || !begins_with(why, at))
		append(why, "%s%s:%d", strstr(why->text, ", called from ") ? ", from " : ", called from ", at->short_src,
			at->currentline);
	if (at->name)
		append(why, " in function '%s'", at->name);
}

void script_callers(lua_State *lua, struct why *why)
{
	lua_Debug at;
	int places = 0;
	for (int level = 0; places < MOST_PLACES && lua_getstack(lua, level, &at); level++) {
		lua_getinfo(lua, "Sln", &at);
		if (at.currentline >= 0)
			add_place(why, &at, places++);
	}
}

int script_handler(lua_State *lua)
{
	struct why why;
	if (lua_type(lua, 1) != LUA_TSTRING)
		return 1;
	why_say(&why, "%s", lua_tostring(lua, 1));
	script_callers(lua, &why);
	lua_pushstring(lua, why.text);
	return 1;
}
