/* SPDX-License-Identifier: Apache-2.0 */
/* lua_lib.c - the libraries for scripts, and what they share. */
#include "host/lua_lib.h"

#include <stdio.h>
#include <stdlib.h>

#include "sdk/text.h"

#define BYTES_AN_INSTRUCTION 8 /* that is about as long as one takes */

static int unless_nil(lua_State *lua)
{
	if (lua_is_none(lua, 1))
		return lua_lib_nil(lua);
	return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

void lua_lib_add(lua_State *lua, const char *library, const luaL_Reg *functions)
{
	if (lua_getglobal(lua, library) != LUA_TTABLE) {
		lua_pop(lua, 1);
		lua_newtable(lua);
		lua_pushvalue(lua, -1);
		lua_setglobal(lua, library);
	}
	for (; functions->name; functions++) {
		lua_pushcfunction(lua, functions->func);
		lua_pushcclosure(lua, unless_nil, 1);
		lua_setfield(lua, -2, functions->name);
	}
	lua_pop(lua, 1);
}

struct sl_text lua_lib_text(lua_State *lua, int index)
{
	struct sl_text text;
	text.at = luaL_checklstring(lua, index, &text.len);
	script_of(lua)->seat->budget -= (int64_t)(text.len / BYTES_AN_INSTRUCTION);
	lua_guard_meter(lua);
	return text;
}

int lua_lib_nil(lua_State *lua)
{
	lua_pushnil(lua);
	return 1;
}

int lua_lib_wrong(lua_State *lua, const char *form, ...)
{
	struct why why;
	va_list values;
	va_start(values, form);
	why_vsay(&why, form, values);
	va_end(values);
	lua_pushnil(lua);
	lua_pushstring(lua, why.text);
	return 2;
}

bool lua_lib_flag(lua_State *lua, int index, const char *name)
{
	if (lua_is_none(lua, index))
		return false;
	luaL_checktype(lua, index, LUA_TTABLE);
	lua_getfield(lua, index, name);
	bool set = lua_toboolean(lua, -1);
	lua_pop(lua, 1);
	return set;
}

void lua_lib_list(lua_State *lua, struct sl_text text, lua_Integer *count)
{
	lua_pushlstring(lua, text.at, text.len);
	lua_rawseti(lua, -2, ++*count);
}

/* The shortest text that is this number and no other. */
static size_t digits_of(lua_Number number, char out[32])
{
	int len = 0;
	for (int digits = 15; digits <= 17; digits++) {
		len = snprintf(out, 32, "%.*g", digits, number);
		if (strtod(out, NULL) == number)
			break;
	}
	return (size_t)len;
}

bool lua_lib_decimal(lua_State *lua, int index, struct decimal *number)
{
	char digits[32];
	struct sl_text text = { digits, 0 };
	if (lua_isinteger(lua, index))
		text.len = (size_t)snprintf(digits, sizeof(digits), "%lld", (long long)lua_tointeger(lua, index));
	else if (lua_type(lua, index) == LUA_TNUMBER)
		text.len = digits_of(lua_tonumber(lua, index), digits);
	else
		text = sl_text_trim(lua_lib_text(lua, index));
	return decimal_read(number, text);
}

void lua_lib_open(lua_State *lua)
{
	lua_time_open(lua);
	lua_number_open(lua);
	lua_text_open(lua);
	lua_html_open(lua);
	lua_find_open(lua);
	lua_hash_open(lua);
	lua_url_open(lua);
}
