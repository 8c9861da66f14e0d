/* SPDX-License-Identifier: Apache-2.0 */
/* lua_cover.h - which lines of scripts have run, for `sluice test --coverage`.
 *
 * Counted in the whole process once it has begun, and only there: no other process
 * pays for it.  What could run is read off the compiled file, so that a function that
 * was never called counts as well.
 */
#ifndef HOST_LUA_COVER_H
#define HOST_LUA_COVER_H

#include "base/buf.h"

void lua_cover_begin(void); /* before any script is loaded */
/* An array of {"file":"/abs/cards.lua","lines":[1,2],"ran":[1]}. */
void lua_cover_write(struct buf *out);

#endif
