/* SPDX-License-Identifier: Apache-2.0 */
/* lua_ask.h - a request as a script says it becomes a struct sl_http. */
#ifndef HOST_LUA_ASK_H
#define HOST_LUA_ASK_H

#include "host/lua_host.h"

/* In the call's memory, filled from the table at `index`, which may be nil. */
struct sl_http *lua_ask_read(lua_State *lua, struct call *call, int index);

/* One field from the value at `index`; nil leaves it as it is. */
void lua_ask_field(lua_State *lua, struct sl_http *request, const char *name, int index);

/* lua_file.c: whether an answer may go into this file: it lies in a folder that an
 * option of type path names.  Else an error. */
void lua_file_check(lua_State *lua, const struct call *call, const char *path);

#endif
