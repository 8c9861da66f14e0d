/* SPDX-License-Identifier: Apache-2.0 */
/* lua_lib.c - time and text for scripts.  What is nil or json.null gives nil. */
#include <string.h>

#include "base/clock.h"
#include "host/lua_host.h"
#include "sdk/text.h"
#include "sdk/time.h"

static struct sl_text text_at(lua_State *lua, int index)
{
	struct sl_text text;
	text.at = luaL_checklstring(lua, index, &text.len);
	return text;
}

static int nil(lua_State *lua)
{
	lua_pushnil(lua);
	return 1;
}

/* ------------------------------------------------------------------------ time */

/* time.parse(text): milliseconds since 1970, or nil and what is wrong. */
static int time_parse(lua_State *lua)
{
	int64_t microseconds;
	if (lua_is_none(lua, 1))
		return nil(lua);
	if (!sl_time_read(text_at(lua, 1), &microseconds)) {
		lua_pushnil(lua);
		lua_pushfstring(lua, "'%s' is no time in ISO 8601", lua_tostring(lua, 1));
		return 2;
	}
	lua_pushinteger(lua, microseconds / 1000 - (microseconds % 1000 < 0));
	return 1;
}

static int64_t moment(lua_State *lua)
{
	lua_Integer ms = luaL_checkinteger(lua, 1);
	luaL_argcheck(lua, ms > -62135596800000 - 1 && ms < 253402300800000, 1, "a time outside the years 1 to 9999");
	return ms;
}

/* time.format(ms): "2026-11-21T22:10:19.123Z" */
static int time_format(lua_State *lua)
{
	char text[SL_TIME_SIZE];
	if (lua_is_none(lua, 1))
		return nil(lua);
	size_t len = sl_time_write(moment(lua) * 1000, text);
	lua_pushlstring(lua, text, len);
	return 1;
}

/* time.date(ms): "2026-11-21", the day in UTC */
static int time_date(lua_State *lua)
{
	char text[SL_TIME_SIZE];
	if (lua_is_none(lua, 1))
		return nil(lua);
	size_t len = sl_time_write(moment(lua) * 1000, text);
	lua_pushlstring(lua, text, len < 10 ? len : 10);
	return 1;
}

static int time_now(lua_State *lua)
{
	lua_pushinteger(lua, clock_wall());
	return 1;
}

/* ------------------------------------------------------------------------ text */

static int text_trim(lua_State *lua)
{
	if (lua_is_none(lua, 1))
		return nil(lua);
	struct sl_text text = sl_text_trim(text_at(lua, 1));
	lua_pushlstring(lua, text.at, text.len);
	return 1;
}

/* text.lower(text): ASCII letters only; other bytes stay. */
static int text_lower(lua_State *lua)
{
	luaL_Buffer lower;
	if (lua_is_none(lua, 1))
		return nil(lua);
	struct sl_text text = text_at(lua, 1);
	char *at = luaL_buffinitsize(lua, &lower, text.len);
	for (size_t i = 0; i < text.len; i++)
		at[i] = text.at[i] >= 'A' && text.at[i] <= 'Z' ? (char)(text.at[i] + 'a' - 'A') : text.at[i];
	luaL_pushresultsize(&lower, text.len);
	return 1;
}

/* text.lines(text): a list; a line ends with LF or CRLF, the last one need not. */
static int text_lines(lua_State *lua)
{
	lua_Integer count = 0;
	if (lua_is_none(lua, 1))
		return nil(lua);
	struct sl_text text = text_at(lua, 1);
	const char *at = text.at, *end = text.at + text.len;
	lua_newtable(lua);
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at)), *next = stop ? stop + 1 : end;
		stop = stop ? stop : end;
		if (stop > at && stop[-1] == '\r')
			stop--;
		lua_pushlstring(lua, at, (size_t)(stop - at));
		lua_rawseti(lua, -2, ++count);
		at = next;
	}
	return 1;
}

void lua_lib_open(lua_State *lua)
{
	static const luaL_Reg time[] = {
		{ "parse", time_parse },
		{ "format", time_format },
		{ "date", time_date },
		{ "now", time_now },
		{ NULL, NULL },
	};
	static const luaL_Reg text[] = {
		{ "trim", text_trim },
		{ "lower", text_lower },
		{ "lines", text_lines },
		{ NULL, NULL },
	};
	luaL_newlib(lua, time);
	lua_setglobal(lua, "time");
	luaL_newlib(lua, text);
	lua_setglobal(lua, "text");
}
