/* SPDX-License-Identifier: Apache-2.0 */
/* names.h - the names that a configuration gives, for who mistyped one and for a shell that completes them. */
#ifndef MAIN_NAMES_H
#define MAIN_NAMES_H

#include "main/config.h"

/* There is no such source, no such route: false, and says which there are. */
bool names_no_source(const struct config *config, const char *name, struct why *why);
bool names_no_route(const struct config *config, const char *name, struct why *why);

/* Those of a section of the file, "sources", "routes"; ends with NULL.  Reads the file
 * and nothing else: no env file, no plugin.  One that cannot be read has none. */
const char *const *names_written(const char *file, const char *section, struct arena *arena);

#endif
