/* SPDX-License-Identifier: Apache-2.0 */
/* place.h - folders that are still there after a power cut.
 *
 * A new folder is a name in the one above it, and that name is certain only once the one above was synced.
 * Whoever syncs files in a folder that he made, and not this, may find them gone together with it.
 */
#ifndef BASE_PLACE_H
#define BASE_PLACE_H

#include "base/why.h"

/* The folder is there when this returns true, also for the disk, if it is asked for the first time or again after a
 * kill in between.  Makes that one alone, mode 0700, not those above. */
bool place_make(const char *path, struct why *why);

/* The names in a folder are on the disk.  One that may not be looked into is passed over: nobody of us made it or a
 * name in it. */
bool place_sync(const char *path, struct why *why);

#endif
