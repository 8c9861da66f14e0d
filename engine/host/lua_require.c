/* SPDX-License-Identifier: Apache-2.0 */
/* lua_require.c - modules of a script's own, from its own folder and no other. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "host/lua_host.h"

static const char modules_key; /* in the registry: name -> what the module returned; false while it runs */

/* "a", "a_b.c2": words of a-z, 0-9 and _ with dots between. */
static bool is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	for (const char *at = name;; at++) {
		size_t len = strspn(at, letters);
		at += len;
		if (!len || (*at && *at != '.'))
			return false;
		if (!*at)
			return at - name <= 100;
	}
}

/* The module's file, with every link resolved, if it lies in the folder. */
static bool find(const char *folder, const char *name, char full[PATH_MAX], struct why *why)
{
	char path[PATH_MAX];
	size_t len = strlen(folder);
	int wrote = snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (char *at = path + len; *at; at++)
		*at = *at == '.' ? '/' : *at;
	if (wrote < 0 || (size_t)wrote + 5 > sizeof(path))
		return why_say(why, "its path is too long");
	strcat(path, ".lua");
	if (!realpath(path, full))
		return why_errno(why, "%s", path);
	if (strncmp(full, folder, len) != 0 || full[len] != '/')
		return why_say(why, "%s leads out of the script's folder", path);
	return true;
}

static void load_module(lua_State *lua, const char *name)
{
	struct script *script = script_of(lua);
	struct why why = { 0 };
	char path[PATH_MAX];
	size_t len;
	if (!find(script->folder, name, path, &why))
		luaL_error(lua, "require '%s': %s", name, why.text);
	lua_pushfstring(lua, "@%s", path + strlen(script->folder) + 1);
	char *text = lua_source_read(path, &len, &why);
	if (!text)
		luaL_error(lua, "require '%s': %s", name, why.text);
	int status = luaL_loadbufferx(lua, text, len, lua_tostring(lua, -1), "t");
	free(text);
	if (status != LUA_OK)
		lua_error(lua);
	lua_cover_loaded(lua, path + strlen(script->folder) + 1);
}

static int require(lua_State *lua)
{
	size_t len;
	const char *name = luaL_checklstring(lua, 1, &len);
	lua_settop(lua, 1);
	if (strlen(name) != len || !is_name(name))
		return luaL_error(lua, "require '%s': a module's name is words of a-z, 0-9 and _, with dots between", name);
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &modules_key);
	if (lua_getfield(lua, 2, name) == LUA_TBOOLEAN && !lua_toboolean(lua, 3))
		return luaL_error(lua, "require '%s': the module requires itself", name);
	if (!lua_isnil(lua, 3))
		return 1;
	if (!script_of(lua)->loading)
		return luaL_error(lua, "require '%s' belongs to the top of the file: modules are loaded before calls run",
			name);
	lua_pushboolean(lua, 0);
	lua_setfield(lua, 2, name);
	load_module(lua, name);
	lua_call(lua, 0, 1);
	if (lua_isnil(lua, -1))
		lua_pushboolean(lua, 1);
	lua_pushvalue(lua, -1);
	lua_setfield(lua, 2, name);
	return 1;
}

void lua_require_open(lua_State *lua)
{
	lua_newtable(lua);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &modules_key);
	lua_register(lua, "require", require);
}
