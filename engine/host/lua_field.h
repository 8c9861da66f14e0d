/* SPDX-License-Identifier: Apache-2.0 */
/* lua_field.h - fields of the table that a script returns, read once, when it is loaded.
 *
 * The table is on top of the stack.  `where` stands in front of messages: "options: ".
 * What is read lives in the arena; what is missing is NULL or 0.
 */
#ifndef HOST_LUA_FIELD_H
#define HOST_LUA_FIELD_H

#include "host/lua_host.h"

const char *lua_field_text(lua_State *lua, struct arena *arena, const char *where, const char *name);
int64_t lua_field_whole(lua_State *lua, const char *where, const char *name);
int64_t lua_field_duration(lua_State *lua, const char *where, const char *name); /* "15m", or milliseconds */
bool lua_field_flag(lua_State *lua, const char *where, const char *name);
/* A table of texts by name, in the order of the names; ends with NULL. */
const struct sl_pair *const *lua_field_map(lua_State *lua, struct arena *arena, const char *where, const char *name);

/* Names a slip instead of passing over it, with the nearest of `names`; numbers up to
 * `from` are let through. */
void lua_field_known(lua_State *lua, const char *where, const char *const *names, lua_Integer from);

/* lua_api.c: the table's `api`. */
const struct sl_api *lua_api_read(lua_State *lua, struct arena *arena);

#endif
