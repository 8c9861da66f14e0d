/* SPDX-License-Identifier: Apache-2.0 */
/* lua_cache.c - cache { size =, age = }: what a script keeps from call to call.
 *
 * Entries lie in two tables, young and old.  What is used is put into the young
 * one; once that holds half of the size it becomes the old one, and what was old
 * is gone: so the entries used last stay, and nothing has to be put in order.
 *
 * get(key, make) marks the key as being made.  Another call that wants it waits
 * behind that seat, and looks again when the mark goes, whichever way it does: the mark
 * is a to-be-closed variable of the C function that set it.
 */
#include <string.h>

#include "base/clock.h"
#include "host/lua_host.h"
#include "sdk/time.h"

#define DEFAULT_SIZE 1000
#define MOST_SIZE 10000000

/* In the registry: the metatables. */
static const char cache_key, mark_key;

struct cache {
	lua_Integer half, young; /* entries of one table: at most, and now */
	int64_t age;             /* milliseconds; 0: for ever */
};

/* What belongs to a cache's userdata. */
enum { YOUNG = 1,
	OLD,
	MAKING, /* key -> the mark of the seat that makes it */
	PARTS = MAKING };

struct mark {
	struct seat *seat;
	uint64_t serial; /* of its call: one that could not be closed is nobody's */
};

static struct cache *cache_at(lua_State *lua, int index)
{
	luaL_argexpected(lua, lua_has_kind(lua, index, &cache_key), index, "cache: write names:get(key)");
	return lua_touserdata(lua, index);
}

static void check_key(lua_State *lua, int index)
{
	int type = lua_type(lua, index);
	if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
		luaL_argerror(lua, index, "a key is a text, a number or a boolean");
	if (type == LUA_TNUMBER && lua_tonumber(lua, index) != lua_tonumber(lua, index))
		luaL_argerror(lua, index, "not a number is no key");
}

static int64_t now(lua_State *lua)
{
	const struct call *call = script_of(lua)->seat->call;
	return call ? call_clock(call) : clock_wall();
}

/* ---------------------------------------------------------------------- entries */

/* An entry is { value, when }; without an age only the value counts. */
static bool fresh(lua_State *lua, const struct cache *cache)
{
	if (!cache->age)
		return true;
	lua_rawgeti(lua, -1, 2);
	int64_t since = now(lua) - lua_tointeger(lua, -1);
	lua_pop(lua, 1);
	return since >= 0 && since < cache->age;
}

/* Pushes the entry of the key at 2 out of one part, or nothing. */
static bool look(lua_State *lua, int part)
{
	lua_getiuservalue(lua, 1, part);
	lua_pushvalue(lua, 2);
	lua_rawget(lua, -2);
	lua_remove(lua, -2);
	if (lua_istable(lua, -1))
		return true;
	lua_pop(lua, 1);
	return false;
}

/* Sets the key at 2 of one part to what is on top, and pops that. */
static void put(lua_State *lua, int part)
{
	lua_getiuservalue(lua, 1, part);
	lua_insert(lua, -2);
	lua_pushvalue(lua, 2);
	lua_insert(lua, -2);
	lua_rawset(lua, -3);
	lua_pop(lua, 1);
}

static void forget(lua_State *lua, struct cache *cache)
{
	if (look(lua, YOUNG)) {
		lua_pop(lua, 1);
		cache->young--;
		lua_pushnil(lua);
		put(lua, YOUNG);
	}
	lua_pushnil(lua);
	put(lua, OLD);
}

static void grow_old(lua_State *lua, struct cache *cache)
{
	lua_getiuservalue(lua, 1, YOUNG);
	lua_setiuservalue(lua, 1, OLD);
	lua_newtable(lua);
	lua_setiuservalue(lua, 1, YOUNG);
	cache->young = 0;
}

/* The entry on top becomes the newest, and is popped. */
static void keep(lua_State *lua, struct cache *cache)
{
	if (cache->young >= cache->half)
		grow_old(lua, cache);
	put(lua, YOUNG);
	cache->young++;
}

/* Pushes the value of the key at 2, if there is one that is not too old. */
static bool find(lua_State *lua, struct cache *cache)
{
	bool young = look(lua, YOUNG);
	if (!young && !look(lua, OLD))
		return false;
	if (!fresh(lua, cache)) {
		lua_pop(lua, 1);
		forget(lua, cache);
		return false;
	}
	if (!young) {
		lua_pushvalue(lua, -1);
		keep(lua, cache);
	}
	lua_rawgeti(lua, -1, 1);
	lua_remove(lua, -2);
	return true;
}

/* Keeps what is on top, as plain tables, and leaves that there. */
static void store(lua_State *lua, struct cache *cache)
{
	lua_json_copy(lua, -1);
	lua_remove(lua, -2);
	forget(lua, cache);
	if (lua_isnil(lua, -1))
		return;
	lua_createtable(lua, 2, 0);
	lua_pushvalue(lua, -2);
	lua_rawseti(lua, -2, 1);
	lua_pushinteger(lua, now(lua));
	lua_rawseti(lua, -2, 2);
	keep(lua, cache);
}

/* ----------------------------------------------------------------------- making */

/* Who makes the key at 2; NULL: nobody. */
static struct seat *maker(lua_State *lua)
{
	lua_getiuservalue(lua, 1, MAKING);
	lua_pushvalue(lua, 2);
	lua_rawget(lua, -2);
	struct mark *mark = lua_touserdata(lua, -1);
	struct seat *seat = mark && mark->seat->serial == mark->serial ? mark->seat : NULL;
	lua_pop(lua, 2);
	return seat;
}

/* Pushes a mark that goes when the running function ends. */
static void mark_making(lua_State *lua)
{
	struct mark *mark = lua_newuserdatauv(lua, sizeof(*mark), 2);
	mark->seat = script_of(lua)->seat;
	mark->serial = mark->seat->serial;
	lua_getiuservalue(lua, 1, MAKING);
	lua_setiuservalue(lua, -2, 1);
	lua_pushvalue(lua, 2);
	lua_setiuservalue(lua, -2, 2);
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &mark_key);
	lua_setmetatable(lua, -2);
	lua_pushvalue(lua, -1);
	put(lua, MAKING);
	lua_toclose(lua, -1);
}

/* The mark's end: its key is nobody's, unless another mark stands there by now. */
static int mark_close(lua_State *lua)
{
	struct mark *mark = lua_touserdata(lua, 1);
	lua_settop(lua, 1);
	lua_getiuservalue(lua, 1, 1);
	lua_getiuservalue(lua, 1, 2);
	lua_pushvalue(lua, 3);
	lua_rawget(lua, 2);
	if (lua_touserdata(lua, -1) == mark) {
		lua_pushvalue(lua, 3);
		lua_pushnil(lua);
		lua_rawset(lua, 2);
	}
	seat_done(mark->seat);
	return 0;
}

static int made(lua_State *lua, int status, lua_KContext context)
{
	store(lua, lua_touserdata(lua, 1));
	return 1;
}

/* The stack is: cache, key, function. */
static int look_again(lua_State *lua, int status, lua_KContext context)
{
	struct cache *cache = lua_touserdata(lua, 1);
	if (find(lua, cache))
		return 1;
	struct seat *seat = maker(lua);
	if (seat && seat_may_park(lua, seat)) {
		script_of(lua)->seat->behind = seat;
		return seat_wait(lua, AWAIT_SEAT, 0, look_again);
	}
	mark_making(lua);
	lua_pushvalue(lua, 3);
	lua_pushvalue(lua, 2);
	lua_callk(lua, 1, 1, 0, made);
	return made(lua, LUA_OK, 0);
}

/* ------------------------------------------------------------------- the methods */

/* names:get(key [, make]) */
static int cache_get(lua_State *lua)
{
	struct cache *cache = cache_at(lua, 1);
	check_key(lua, 2);
	lua_settop(lua, 3);
	if (!lua_isnil(lua, 3)) {
		luaL_checktype(lua, 3, LUA_TFUNCTION);
		return look_again(lua, LUA_OK, 0);
	}
	if (!find(lua, cache))
		lua_pushnil(lua);
	return 1;
}

/* names:set(key, value) */
static int cache_set(lua_State *lua)
{
	struct cache *cache = cache_at(lua, 1);
	check_key(lua, 2);
	luaL_checkany(lua, 3);
	lua_settop(lua, 3);
	store(lua, cache);
	return 0;
}

static lua_Integer size_field(lua_State *lua)
{
	int whole = 1;
	lua_Integer size = DEFAULT_SIZE;
	if (lua_getfield(lua, 1, "size") != LUA_TNIL)
		size = lua_tointegerx(lua, -1, &whole);
	if (!whole || size < 2 || size > MOST_SIZE)
		luaL_error(lua, "cache: size has to be a whole number from 2 to %d", MOST_SIZE);
	lua_pop(lua, 1);
	return size;
}

/* "10m", or milliseconds. */
static int64_t age_field(lua_State *lua)
{
	struct sl_text text;
	int whole = 1;
	int64_t age = 0;
	int type = lua_getfield(lua, 1, "age");
	if (type == LUA_TNUMBER)
		age = lua_tointegerx(lua, -1, &whole);
	else if (type == LUA_TSTRING && (text.at = lua_tolstring(lua, -1, &text.len)))
		whole = sl_duration_read(text, &age);
	else
		whole = type == LUA_TNIL;
	if (!whole || age < 0)
		luaL_error(lua, "cache: age has to be a text such as \"10m\", or whole milliseconds");
	lua_pop(lua, 1);
	return age;
}

static void refuse_unknown(lua_State *lua)
{
	for (lua_pushnil(lua); lua_next(lua, 1); lua_pop(lua, 1)) {
		const char *name = luaL_tolstring(lua, -2, NULL);
		if (strcmp(name, "size") != 0 && strcmp(name, "age") != 0)
			luaL_error(lua, "cache knows no '%s'; it has size and age", name);
		lua_pop(lua, 1);
	}
}

/* cache { size = 1000, age = "10m" } */
static int cache_new(lua_State *lua)
{
	if (lua_isnoneornil(lua, 1))
		lua_settop(lua, 0), lua_newtable(lua);
	luaL_checktype(lua, 1, LUA_TTABLE);
	refuse_unknown(lua);
	lua_Integer size = size_field(lua);
	struct cache made = { .half = size / 2, .age = age_field(lua) };
	struct cache *cache = lua_newuserdatauv(lua, sizeof(*cache), PARTS);
	*cache = made;
	for (int part = YOUNG; part <= PARTS; part++) {
		lua_newtable(lua);
		lua_setiuservalue(lua, -2, part);
	}
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &cache_key);
	lua_setmetatable(lua, -2);
	return 1;
}

void lua_cache_open(lua_State *lua)
{
	static const luaL_Reg methods[] = { { "get", cache_get }, { "set", cache_set }, { NULL, NULL } };
	static const luaL_Reg none[] = { { NULL, NULL } };
	static const luaL_Reg mark[] = { { "__close", mark_close }, { NULL, NULL } };
	lua_view_kind(lua, &cache_key, "cache", none);
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &cache_key);
	luaL_newlib(lua, methods);
	lua_setfield(lua, -2, "__index");
	lua_pop(lua, 1);
	lua_view_kind(lua, &mark_key, "mark", mark);
	lua_register(lua, "cache", cache_new);
}
