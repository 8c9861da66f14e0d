/* SPDX-License-Identifier: Apache-2.0 */
/* lua_html.c - `html` for scripts: what a person reads of it, and entities. */
#include "base/html.h"
#include "host/lua_lib.h"

static void take(void *out, const char *at, size_t len)
{
	luaL_addlstring(out, at, len);
}

static int text(lua_State *lua)
{
	luaL_Buffer out;
	struct sl_text html = lua_lib_text(lua, 1);
	bool links = lua_lib_flag(lua, 2, "links");
	luaL_buffinit(lua, &out);
	html_text(html, links, take, &out);
	luaL_pushresult(&out);
	return 1;
}

static int change(lua_State *lua, void (*form)(struct sl_text, html_take *, void *))
{
	luaL_Buffer out;
	struct sl_text given = lua_lib_text(lua, 1);
	luaL_buffinit(lua, &out);
	form(given, take, &out);
	luaL_pushresult(&out);
	return 1;
}

static int unescape(lua_State *lua)
{
	return change(lua, html_unescape);
}

static int escape(lua_State *lua)
{
	return change(lua, html_escape);
}

void lua_html_open(lua_State *lua)
{
	static const luaL_Reg functions[] = {
		{ "text", text },
		{ "unescape", unescape },
		{ "escape", escape },
		{ NULL, NULL },
	};
	lua_lib_add(lua, "html", functions);
}
