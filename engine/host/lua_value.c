/* SPDX-License-Identifier: Apache-2.0 */
/* lua_value.c - a file of Lua that is nothing but data: what it returns, as JSON. */
#include "host/lua_value.h"

#include <stdlib.h>
#include <string.h>

#include "host/lua_host.h"

static int encode(lua_State *lua)
{
	struct buf *out = lua_touserdata(lua, 1);
	script_table_push(lua);
	struct sl_text json = lua_json_encode(lua, lua_gettop(lua));
	buf_add(out, json.at, json.len);
	return 0;
}

static bool run(const struct lua_source *source, struct buf *out, struct why *why)
{
	static const struct host_settings settings;
	struct script *script = script_new(source, &settings, why);
	bool fine = script && script_protected(script, encode, out, why);
	script_free(&script);
	return fine;
}

bool lua_value(const char *path, struct buf *out, struct why *why)
{
	const char *slash = strrchr(path, '/');
	struct lua_source source = { .file = slash ? slash + 1 : path, .ends = "..." };
	char *folder = slash ? strndup(path, (size_t)(slash - path)) : must_string(".");
	char *text = lua_source_read(path, &source.len, why);
	source.folder = folder;
	source.text = text;
	bool fine = text && run(&source, out, why);
	free(text);
	free(folder);
	return fine;
}
