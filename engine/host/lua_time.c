/* SPDX-License-Identifier: Apache-2.0 */
/* lua_time.c - `time` for scripts: moments as milliseconds since 1970, read, written and counted with. */
#include <string.h>

#include "base/calendar.h"
#include "base/clock.h"
#include "host/lua_lib.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define DAY INT64_C(86400000)

/* ------------------------------------------------------------------------ arguments */

static bool is_moment(int64_t ms)
{
	return ms >= CALENDAR_FIRST && ms <= CALENDAR_LAST;
}

static int64_t moment_at(lua_State *lua, int index)
{
	lua_Integer ms = luaL_checkinteger(lua, index);
	luaL_argcheck(lua, is_moment(ms), index, "a time outside the years 1 to 9999");
	return ms;
}

static int push_moment(lua_State *lua, int64_t ms)
{
	if (!is_moment(ms))
		return luaL_error(lua, "this would be a time outside the years 1 to 9999");
	lua_pushinteger(lua, ms);
	return 1;
}

/* In the registry: the zones by their names, each with its file's bytes behind it. */
static const char zones_key;

static int unknown_zone(lua_State *lua, int index, const struct why *why)
{
	lua_pushstring(lua, why->text);
	return luaL_argerror(lua, index, lua_tostring(lua, -1));
}

/* Pushes it. */
static struct zone *read_zone(lua_State *lua, int index, const char *name)
{
	unsigned char bytes[ZONE_LARGEST];
	size_t len = 0;
	struct why why = { 0 };
	struct zone fixed, *zone;
	bool is_fixed = zone_fixed(&fixed, name);
	if (!is_fixed && !zone_file(name, bytes, &len, &why))
		unknown_zone(lua, index, &why);
	zone = lua_newuserdatauv(lua, sizeof(*zone) + len, 0);
	memcpy(zone + 1, bytes, len);
	*zone = fixed;
	if (!is_fixed && !zone_open(zone, (unsigned char *)(zone + 1), len, &why)) {
		why_within(&why, "time zone '%s'", name);
		unknown_zone(lua, index, &why);
	}
	return zone;
}

/* NULL is UTC.  A zone lives as long as the script's state. */
static const struct zone *zone_at_index(lua_State *lua, int index)
{
	if (lua_is_none(lua, index))
		return NULL;
	const char *name = luaL_checkstring(lua, index);
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &zones_key);
	lua_getfield(lua, -1, name);
	const struct zone *zone = lua_touserdata(lua, -1);
	if (!zone) {
		zone = read_zone(lua, index, name);
		lua_setfield(lua, -3, name);
	}
	lua_pop(lua, 2);
	return zone;
}

/* ------------------------------------------------------------------ reading, writing */

static int parse_iso(lua_State *lua, struct sl_text text, const struct zone *zone)
{
	int64_t clock = INT64_MIN;
	int32_t offset = 0;
	bool fine = sl_clock_read(text, &clock, &offset);
	int64_t ms = clock / 1000 - (clock % 1000 < 0);
	if (fine && offset == SL_NO_OFFSET)
		ms = calendar_moment(0, ms, zone);
	else
		ms -= offset * INT64_C(1000);
	if (!fine || !is_moment(ms))
		return lua_lib_wrong(lua, "'%.100s' is no time in ISO 8601", text.at);
	lua_pushinteger(lua, ms);
	return 1;
}

static struct sl_text format_at(lua_State *lua, int index, bool reading)
{
	struct sl_text format = lua_lib_text(lua, index);
	char bad[4];
	if (!calendar_format_check(format, reading, bad))
		luaL_error(lua, "'%s' is nothing that can be %s: %s", bad, reading ? "read" : "written", format.at);
	return format;
}

static int time_parse(lua_State *lua)
{
	int64_t ms;
	struct sl_text text = lua_lib_text(lua, 1);
	const struct zone *zone = zone_at_index(lua, 3);
	if (lua_is_none(lua, 2))
		return parse_iso(lua, text, zone);
	struct sl_text format = format_at(lua, 2, true);
	if (!calendar_read(text, format, zone, &ms))
		return lua_lib_wrong(lua, "'%.100s' is no time in the format '%.100s'", text.at, format.at);
	lua_pushinteger(lua, ms);
	return 1;
}

static int count_of(lua_State *lua, int places, const char *unit)
{
	struct decimal number;
	int64_t ms;
	bool fine = lua_lib_decimal(lua, 1, &number) && decimal_round(&number, places);
	if (!fine || !decimal_whole(&number, places, &ms) || !is_moment(ms))
		return lua_lib_wrong(lua, "'%.100s' is no count of %s since 1970", lua_tostring(lua, 1), unit);
	lua_pushinteger(lua, ms);
	return 1;
}

static int time_seconds(lua_State *lua)
{
	return count_of(lua, 3, "seconds");
}

static int time_milliseconds(lua_State *lua)
{
	return count_of(lua, 0, "milliseconds");
}

static int push_written(lua_State *lua, int64_t ms, struct sl_text format, const struct zone *zone)
{
	struct calendar calendar;
	char out[CALENDAR_SIZE];
	size_t len;
	calendar_of(&calendar, ms, zone);
	if (!calendar_write(&calendar, ms, format, out, &len))
		return luaL_error(lua, "a time has at most %d bytes in any format", CALENDAR_SIZE - 1);
	lua_pushlstring(lua, out, len);
	return 1;
}

/* The two that mappings call most have no format to look through. */
static int push_short(lua_State *lua, int64_t ms, bool clock)
{
	char text[SL_TIME_SIZE];
	size_t len = sl_time_write(ms * 1000, text);
	lua_pushlstring(lua, text, clock ? len : sizeof("2026-11-21") - 1);
	return 1;
}

static int time_format(lua_State *lua)
{
	int64_t ms = moment_at(lua, 1);
	const struct zone *zone = zone_at_index(lua, 3);
	if (!lua_is_none(lua, 2))
		return push_written(lua, ms, format_at(lua, 2, false), zone);
	return zone ? push_written(lua, ms, sl_text_of("%FT%T.%f%:z"), zone) : push_short(lua, ms, true);
}

static int time_date(lua_State *lua)
{
	int64_t ms = moment_at(lua, 1);
	const struct zone *zone = zone_at_index(lua, 2);
	return zone ? push_written(lua, ms, sl_text_of("%F"), zone) : push_short(lua, ms, false);
}

static int time_duration(lua_State *lua)
{
	int64_t ms;
	struct sl_text text = lua_lib_text(lua, 1);
	if (!sl_duration_read(text, &ms))
		return lua_lib_wrong(lua, "'%.100s' is no duration; one is '90s' or '1h30m'", text.at);
	lua_pushinteger(lua, ms);
	return 1;
}

static int time_now(lua_State *lua)
{
	const struct call *call = script_of(lua)->seat->call;
	lua_pushinteger(lua, call ? call_clock(call) : clock_wall());
	return 1;
}

/* --------------------------------------------------------------------------- parts */

#define PART(name) { #name, offsetof(struct calendar, name) }

static const struct part {
	const char *name;
	size_t field;
} parts[] = {
	PART(year), PART(month), PART(day), PART(hour), PART(minute), PART(second), PART(ms), /* time.make reads these */
	PART(weekday), PART(yearday), PART(weekyear), PART(week),
};

#define MADE_OF 7

static int time_parts(lua_State *lua)
{
	struct calendar calendar;
	calendar_of(&calendar, moment_at(lua, 1), zone_at_index(lua, 2));
	lua_createtable(lua, 0, 12);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		lua_pushinteger(lua, *(const int *)((const char *)&calendar + parts[i].field));
		lua_setfield(lua, -2, parts[i].name);
	}
	lua_pushinteger(lua, calendar.zone.offset / 60);
	lua_setfield(lua, -2, "offset");
	return 1;
}

/* An integer out of the table at 1; what is left out is `initial`. */
static int64_t field(lua_State *lua, int table, const char *name, int64_t initial, int64_t most)
{
	int whole;
	lua_getfield(lua, table, name);
	int64_t number = lua_is_none(lua, -1) ? initial : lua_tointegerx(lua, -1, &whole);
	if (!lua_is_none(lua, -1) && (!whole || number > most || number < -most))
		luaL_error(lua, "'%s' has to be a whole number of a sensible size", name);
	lua_pop(lua, 1);
	return number;
}

static bool is_clock(const struct calendar *made)
{
	return made->hour >= 0 && made->hour < 24 && made->minute >= 0 && made->minute < 60 && made->second >= 0 &&
	       made->second < 60 && made->ms >= 0 && made->ms < 1000;
}

static int time_make(lua_State *lua)
{
	struct calendar made = { 0 };
	int64_t days;
	luaL_checktype(lua, 1, LUA_TTABLE);
	for (size_t i = 0; i < MADE_OF; i++)
		*(int *)((char *)&made + parts[i].field) = (int)field(lua, 1, parts[i].name, i == 1 || i == 2, 9999);
	bool fine = calendar_days(made.year, made.month, made.day, &days) && is_clock(&made);
	if (!fine)
		return lua_lib_wrong(lua, "there is no such time: %d-%d-%d %d:%d:%d.%d", made.year, made.month, made.day,
			made.hour, made.minute, made.second, made.ms);
	int64_t clock = ((made.hour * 60 + made.minute) * 60 + made.second) * INT64_C(1000) + made.ms;
	return push_moment(lua, calendar_moment(days, clock, zone_at_index(lua, 2)));
}

/* ------------------------------------------------------------------------- counting */

static const struct unit {
	const char *name;
	int months, days;
	int64_t ms, most;
} units[] = {
	{ "years", 12, 0, 0, 10000 },
	{ "months", 1, 0, 0, 120000 },
	{ "weeks", 0, 7, 0, 530000 },
	{ "days", 0, 1, 0, 3700000 },
	{ "hours", 0, 0, 3600000, 90000000 },
	{ "minutes", 0, 0, 60000, INT64_C(5400000000) },
	{ "seconds", 0, 0, 1000, INT64_C(320000000000) },
	{ "ms", 0, 0, 1, INT64_C(320000000000000) },
};

static bool is_unit(const char *name)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(units[i].name, name) == 0)
			return true;
	return false;
}

static void refuse_others(lua_State *lua, int table)
{
	for (lua_pushnil(lua); lua_next(lua, table); lua_pop(lua, 1))
		if (lua_type(lua, -2) != LUA_TSTRING || !is_unit(lua_tostring(lua, -2)))
			luaL_error(lua, "time.add knows no '%s': years, months, weeks, days, hours, minutes, seconds and ms",
				luaL_tolstring(lua, -2, NULL));
}

/* The same time on the clock, so many months and days away. */
static int64_t move(lua_State *lua, int64_t ms, int64_t months, int64_t days, const struct zone *zone)
{
	struct calendar calendar;
	int64_t day;
	calendar_of(&calendar, ms, zone);
	int64_t month = calendar.year * 12 + calendar.month - 1 + months;
	int year = (int)(month / 12);
	if (month < 12 || year > 9999)
		luaL_error(lua, "this would be a time outside the years 1 to 9999");
	int last = sl_month_length(year, (int)(month % 12) + 1);
	calendar_days(year, (int)(month % 12) + 1, calendar.day < last ? calendar.day : last, &day);
	int64_t clock = ((calendar.hour * 60 + calendar.minute) * 60 + calendar.second) * INT64_C(1000) + calendar.ms;
	push_moment(lua, (day + days) * DAY + clock); /* only to see that it is one */
	lua_pop(lua, 1);
	return calendar_moment(day + days, clock, zone);
}

static int time_add(lua_State *lua)
{
	int64_t at = moment_at(lua, 1), months = 0, days = 0, ms = 0;
	luaL_checktype(lua, 2, LUA_TTABLE);
	refuse_others(lua, 2);
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		int64_t number = field(lua, 2, units[i].name, 0, units[i].most);
		months += number * units[i].months;
		days += number * units[i].days;
		ms += number * units[i].ms;
	}
	if (months || days)
		at = move(lua, at, months, days, zone_at_index(lua, 3));
	return push_moment(lua, at + ms);
}

static const char *const starts[] = { "year", "quarter", "month", "week", "day", "hour", "minute", NULL };
enum start { START_YEAR, START_QUARTER, START_MONTH, START_WEEK, START_DAY, START_HOUR, START_MINUTE };

static int time_start(lua_State *lua)
{
	struct calendar calendar;
	int64_t ms = moment_at(lua, 1), days;
	enum start start = (enum start)luaL_checkoption(lua, 2, NULL, starts);
	const struct zone *zone = zone_at_index(lua, 3);
	calendar_of(&calendar, ms, zone);
	int64_t of_minute = calendar.second * 1000 + calendar.ms, of_hour = calendar.minute * 60000 + of_minute;
	if (start >= START_HOUR)
		return push_moment(lua, ms - (start == START_HOUR ? of_hour : of_minute));
	int month = start == START_YEAR ? 1 : start == START_QUARTER ? (calendar.month - 1) / 3 * 3 + 1
	                                                             : calendar.month;
	if (!calendar_days(calendar.year, month, start >= START_WEEK ? calendar.day : 1, &days))
		return push_moment(lua, CALENDAR_LAST + 1);
	return push_moment(lua, calendar_moment(days - (start == START_WEEK ? calendar.weekday - 1 : 0), 0, zone));
}

void lua_time_open(lua_State *lua)
{
	static const luaL_Reg functions[] = {
		{ "parse", time_parse },
		{ "seconds", time_seconds },
		{ "milliseconds", time_milliseconds },
		{ "format", time_format },
		{ "date", time_date },
		{ "parts", time_parts },
		{ "make", time_make },
		{ "add", time_add },
		{ "start", time_start },
		{ "duration", time_duration },
		{ NULL, NULL },
	};
	lua_lib_add(lua, "time", functions);
	lua_getglobal(lua, "time");
	lua_pushcfunction(lua, time_now);
	lua_setfield(lua, -2, "now");
	lua_pop(lua, 1);
	lua_newtable(lua);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &zones_key);
}
