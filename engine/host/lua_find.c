/* SPDX-License-Identifier: Apache-2.0 */
/* lua_find.c - `find` for scripts: e-mail addresses, URLs and telephone numbers in text. */
#include <string.h>

#include "base/find.h"
#include "host/lua_lib.h"

/* The list is below, a set of what it holds on top. */
struct found {
	lua_State *lua;
	lua_Integer count;
};

static void take(void *data, struct sl_text text)
{
	struct found *found = data;
	lua_State *lua = found->lua;
	lua_pushlstring(lua, text.at, text.len);
	lua_pushvalue(lua, -1);
	if (lua_rawget(lua, -3) != LUA_TNIL) {
		lua_pop(lua, 2);
		return;
	}
	lua_pop(lua, 1);
	lua_pushvalue(lua, -1);
	lua_pushboolean(lua, 1);
	lua_rawset(lua, -4);
	lua_rawseti(lua, -3, ++found->count);
}

static struct found begin(lua_State *lua)
{
	lua_newtable(lua);
	lua_newtable(lua);
	return (struct found){ lua, 0 };
}

static int end(lua_State *lua)
{
	lua_pop(lua, 1);
	return 1;
}

static int emails(lua_State *lua)
{
	struct sl_text text = lua_lib_text(lua, 1);
	struct found found = begin(lua);
	find_emails(text, take, &found);
	return end(lua);
}

static int urls(lua_State *lua)
{
	struct sl_text text = lua_lib_text(lua, 1);
	struct found found = begin(lua);
	find_urls(text, take, &found);
	return end(lua);
}

static const char *prefix_at(lua_State *lua, int index)
{
	if (lua_is_none(lua, index))
		return "";
	const char *prefix = luaL_checkstring(lua, index);
	prefix += *prefix == '+';
	size_t len = strspn(prefix, "0123456789");
	luaL_argcheck(lua, len >= 1 && len <= 3 && !prefix[len] && *prefix != '0', index, "a prefix like \"+44\" expected");
	return prefix;
}

static int phones(lua_State *lua)
{
	struct sl_text text = lua_lib_text(lua, 1);
	const char *prefix = prefix_at(lua, 2);
	struct found found = begin(lua);
	find_phones(text, prefix, take, &found);
	return end(lua);
}

void lua_find_open(lua_State *lua)
{
	static const luaL_Reg functions[] = {
		{ "emails", emails },
		{ "urls", urls },
		{ "phones", phones },
		{ NULL, NULL },
	};
	lua_lib_add(lua, "find", functions);
}
