/* SPDX-License-Identifier: Apache-2.0 */
/* share.h - where plugins, scripts and schemas are found.
 *
 * `use: trello` and `use: trello/cards` are looked up beside the configuration,
 * in each `plugin_path`, then in what is installed with the program, as NAME.so,
 * NAME.lua, NAME/LAST.so, NAME/LAST.lua (LAST: what follows the last slash).  A
 * schema is NAME.yaml beside the configuration or installed.  A name that begins
 * with a slash or a dot is a path, from the folder of the file it stands in; a
 * folder's path means the plugin in it that has its name.  NAME/LAST.so is found
 * also when it has yet to be built of NAME/LAST.c (main/built.h).
 */
#ifndef MAIN_SHARE_H
#define MAIN_SHARE_H

#include "base/arena.h"
#include "base/why.h"

struct share {
	const char *folder;       /* of the configuration, absolute */
	const char *const *paths; /* plugin_path, absolute; ends with NULL, or NULL */
	struct arena *arena;
};

/* An absolute path, or NULL: why says what was looked for, where, and which name
 * is nearest. */
const char *share_plugin(const struct share *share, const char *name, struct why *why);
const char *share_schema(const struct share *share, const char *name, struct why *why);
const char *share_program_folder(struct arena *arena); /* that this program lies in */

/* A file that lies among the installed schemas, or NULL. */
const char *share_schema_file(const struct share *share, const char *file);

/* The names of all plugins that would be found, in order of the alphabet; ends with NULL. */
const char *const *share_plugins(const struct share *share, size_t *count);
/* Likewise of the schemas that are installed. */
const char *const *share_schemas(const struct share *share, size_t *count);

#endif
