/* SPDX-License-Identifier: Apache-2.0 */
/* lua_value.h - a file of Lua that is nothing but data: what it returns, as JSON.
 *
 * It runs in a state like those of scripts: the same libraries and limits, modules
 * from its own folder.  Functions in what it returns are an error.
 */
#ifndef HOST_LUA_VALUE_H
#define HOST_LUA_VALUE_H

#include "base/buf.h"
#include "base/why.h"

bool lua_value(const char *path, struct buf *out, struct why *why);

#endif
