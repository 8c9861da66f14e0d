/* SPDX-License-Identifier: Apache-2.0 */
/* lua_lib.h - what the libraries for scripts share.
 *
 * Each function of a library gives nil for a first argument that is nil or
 * json.null, without being called.  What it reads counts as instructions: these
 * functions run without the hook that ends a script.
 */
#ifndef HOST_LUA_LIB_H
#define HOST_LUA_LIB_H

#include "base/decimal.h"
#include "host/lua_host.h"

/* Adds functions to a global table, which is made if it is not there. */
void lua_lib_add(lua_State *lua, const char *library, const luaL_Reg *functions);

struct sl_text lua_lib_text(lua_State *lua, int index);  /* an argument; a number is its digits */
int lua_lib_nil(lua_State *lua);                         /* the result is nil */
int lua_lib_wrong(lua_State *lua, const char *form, ...) /* the results are nil and a sentence */
	__attribute__((format(printf, 2, 3)));
bool lua_lib_flag(lua_State *lua, int index, const char *name); /* of a table of options, which may be missing */
void lua_lib_list(lua_State *lua, struct sl_text text, lua_Integer *count); /* appends to the table on top */
bool lua_lib_decimal(lua_State *lua, int index, struct decimal *number);    /* a number, or a text that is one */

void lua_time_open(lua_State *lua);
void lua_number_open(lua_State *lua);
void lua_text_open(lua_State *lua);
void lua_html_open(lua_State *lua);
void lua_find_open(lua_State *lua);
void lua_hash_open(lua_State *lua);
void lua_url_open(lua_State *lua);

#endif
