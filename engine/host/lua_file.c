/* SPDX-License-Identifier: Apache-2.0 */
/* lua_file.c - where a script may have answers put: below what its options of type path name. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "host/lua_ask.h"

/* Both without links, so that none leads out. */
static bool is_below(const char *parent, const char *folder)
{
	char real[PATH_MAX];
	size_t len = realpath(folder, real) ? strlen(real) : 0;
	return len && strncmp(parent, real, len) == 0 && (parent[len] == '/' || parent[len] == '\0');
}

static bool allowed(lua_State *lua, const struct call *call, const char *parent)
{
	const struct sl_json *values = sl_json_root(script_of(lua)->options);
	const struct sl_option *option = call->instance->plugin->face->options;
	for (; option && option->name; option++) {
		struct sl_text folder = sl_json_string(sl_json_get(values, option->name));
		if (option->type == SL_PATH && folder.len && is_below(parent, folder.at))
			return true;
	}
	return false;
}

void lua_file_check(lua_State *lua, const struct call *call, const char *path)
{
	char folder[PATH_MAX], real[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (!slash || slash == path || slash[1] == '\0' || strcmp(slash, "/..") == 0 || strcmp(slash, "/.") == 0 ||
		(size_t)(slash - path) >= sizeof(folder))
		luaL_error(lua, "http: file '%s' is no path of a file in a folder", path);
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	if (!realpath(folder, real))
		luaL_error(lua, "http: there is no folder '%s'", folder);
	if (!allowed(lua, call, real))
		luaL_error(lua, "http: file '%s' lies in no folder that an option of type path names", path);
}
