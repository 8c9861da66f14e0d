/* SPDX-License-Identifier: Apache-2.0 */
/* lua_number.c - `number` for scripts: prices out of text, and exact counting with them. */
#include <string.h>

#include "base/money.h"
#include "host/lua_lib.h"

#define MOST_PLACES 20

/* ----------------------------------------------------------------------- arguments */

static void number_at(lua_State *lua, int index, struct decimal *number)
{
	if (lua_lib_decimal(lua, index, number))
		return;
	lua_pushfstring(lua, "'%s' is no plain number of at most %d digits; number.parse reads others",
		luaL_tolstring(lua, index, NULL), DECIMAL_MOST);
	luaL_argerror(lua, index, lua_tostring(lua, -1));
}

static int places_at(lua_State *lua, int index, lua_Integer initial)
{
	lua_Integer places = initial < 0 ? luaL_checkinteger(lua, index) : luaL_optinteger(lua, index, initial);
	luaL_argcheck(lua, places >= 0 && places <= MOST_PLACES, index, "places from 0 to 20 expected");
	return (int)places;
}

static int push(lua_State *lua, const struct decimal *number)
{
	char text[DECIMAL_SIZE];
	lua_pushlstring(lua, text, decimal_write(number, text));
	return 1;
}

static int too_long(lua_State *lua)
{
	return luaL_error(lua, "the result has more than %d digits", DECIMAL_MOST);
}

/* ------------------------------------------------------------------------- reading */

static char decimal_sign(lua_State *lua, int index)
{
	if (lua_is_none(lua, index))
		return '\0';
	luaL_checktype(lua, index, LUA_TTABLE);
	lua_getfield(lua, index, "decimal");
	const char *sign = luaL_optstring(lua, -1, "");
	luaL_argcheck(lua, !*sign || strcmp(sign, ",") == 0 || strcmp(sign, ".") == 0, index, "decimal is \",\" or \".\"");
	lua_pop(lua, 1);
	return *sign;
}

static int parse(lua_State *lua)
{
	struct money money = { .currency = "" };
	char sign = decimal_sign(lua, 2);
	bool fine = lua_type(lua, 1) == LUA_TNUMBER ? lua_lib_decimal(lua, 1, &money.amount)
	                                           : money_read(&money, lua_lib_text(lua, 1), sign);
	if (!fine)
		return lua_lib_wrong(lua, "'%.100s' is no number", lua_tostring(lua, 1));
	push(lua, &money.amount);
	if (*money.currency)
		lua_pushstring(lua, money.currency);
	else
		lua_pushnil(lua);
	return 2;
}

/* ------------------------------------------------------------------------ counting */

static bool any_none(lua_State *lua, int count)
{
	for (int i = 2; i <= count; i++)
		if (lua_is_none(lua, i))
			return true;
	return false;
}

static int add(lua_State *lua)
{
	int count = lua_gettop(lua);
	struct decimal sum, next;
	if (any_none(lua, count))
		return lua_lib_nil(lua);
	number_at(lua, 1, &sum);
	for (int i = 2; i <= count; i++) {
		number_at(lua, i, &next);
		if (!decimal_add(&sum, &next, &sum))
			return too_long(lua);
	}
	return push(lua, &sum);
}

static int subtract(lua_State *lua)
{
	struct decimal left, right;
	if (any_none(lua, 2))
		return lua_lib_nil(lua);
	number_at(lua, 1, &left);
	number_at(lua, 2, &right);
	decimal_negate(&right);
	return decimal_add(&left, &right, &left) ? push(lua, &left) : too_long(lua);
}

static int multiply(lua_State *lua)
{
	struct decimal left, right, product;
	if (any_none(lua, 2))
		return lua_lib_nil(lua);
	number_at(lua, 1, &left);
	number_at(lua, 2, &right);
	return decimal_multiply(&left, &right, &product) ? push(lua, &product) : too_long(lua);
}

static int round_off(lua_State *lua)
{
	struct decimal number;
	number_at(lua, 1, &number);
	return decimal_round(&number, places_at(lua, 2, -1)) ? push(lua, &number) : too_long(lua);
}

static int compare(lua_State *lua)
{
	struct decimal left, right;
	if (any_none(lua, 2))
		return lua_lib_nil(lua);
	number_at(lua, 1, &left);
	number_at(lua, 2, &right);
	lua_pushinteger(lua, decimal_compare(&left, &right));
	return 1;
}

static int cents(lua_State *lua)
{
	struct decimal number;
	int64_t whole;
	number_at(lua, 1, &number);
	int places = places_at(lua, 2, 2);
	if (!decimal_whole(&number, places, &whole))
		return lua_lib_wrong(lua, "'%.100s' has more than %d places, or too many digits; number.round comes first",
			lua_tostring(lua, 1), places);
	lua_pushinteger(lua, whole);
	return 1;
}

static int from_cents(lua_State *lua)
{
	struct decimal number, unit = { .count = 1, .digits = { 1 } };
	luaL_checkinteger(lua, 1);
	number_at(lua, 1, &number);
	unit.places = places_at(lua, 2, 2);
	unit.count = unit.places + 1;
	return decimal_multiply(&number, &unit, &number) ? push(lua, &number) : too_long(lua);
}

void lua_number_open(lua_State *lua)
{
	static const luaL_Reg functions[] = {
		{ "parse", parse },
		{ "add", add },
		{ "subtract", subtract },
		{ "multiply", multiply },
		{ "round", round_off },
		{ "compare", compare },
		{ "cents", cents },
		{ "from_cents", from_cents },
		{ NULL, NULL },
	};
	lua_lib_add(lua, "number", functions);
}
