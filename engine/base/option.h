/* SPDX-License-Identifier: Apache-2.0 */
/* option.h - option tables: one list of rows, from which everything is read off.
 *
 * A table is an array of `struct sl_option` (sdk/plugin.h) that ends with a NULL
 * name; NULL is an empty one.  It comes from a plugin, from the description of a
 * plugin in JSON, or stands in the engine for its own keys.  A value goes
 *
 *     YAML -- option_read --> JSON (checked) -- option_fill --> the C struct
 *
 * and in JSON has one form per type: true or false; a number (int; duration in
 * milliseconds; size in bytes); a string (text, choice, absolute path); an array
 * of strings (list, secret); an object of strings (map).
 *
 * `row_size` is sizeof(struct sl_option) as the table's maker knew it.
 */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/faults.h"
#include "base/why.h"
#include "base/yaml.h"
#include "sdk/json.h"
#include "sdk/plugin.h"

/* Types of the engine's own tables, beyond those of plugins. */
#define OPTION_SIZE ((enum sl_type)64) /* "64 MB"; an int64_t of bytes, with min and max */
#define OPTION_TREE ((enum sl_type)65) /* whatever stands there is read by its owner; only known and in the manual */

#define OPTION_ROW sizeof(struct sl_option)

/* "bool" "int" "text" ...; NULL if there is no such type. */
const char *option_type_name(enum sl_type type);

/* -------------------------------------------------------- where it is read */

struct option_reading {
	const struct sl_option *table;
	const char *what;          /* "source boards", for messages */
	const char *const *others; /* keys of the map that its owner reads; ends with NULL, or NULL */
	const char *folder;        /* absolute; initial paths start here */
};

/* Checks a map against a table and writes the values, initial ones too, as one
 * JSON object.  All faults are told; false if there was one, and then nothing
 * useful is in `out`.  `map` may be NULL or null: an empty one, whose place is
 * `owner`. */
bool option_read(const struct option_reading *reading, const struct yaml_node *map, const struct yaml_node *owner,
	struct buf *out, struct faults *faults);

/* A path made absolute from the folder that `file` stands in. */
const char *option_path(const char *file, const char *path, struct arena *arena);

/* -------------------------------------------------------- where it is used */

/* Fills a struct from an object of checked values.  What is not there takes its
 * initial value; a secret that is not there is an empty list, because a route's
 * part leaves its sources' secrets out.  Text is copied into the arena. */
bool option_fill(const struct sl_option *table, size_t row_size, const struct sl_json *values, void *options,
	struct arena *arena, struct why *why);

/* The same as JSON: an object of all values, for those who have no struct (Lua). */
bool option_complete(const struct sl_option *table, size_t row_size, const struct sl_json *values, struct buf *out,
	struct why *why);

/* ---------------------------------------------------------- as a description */

/* Is the table one that can be used: names, types, bounds, initial values? */
bool option_check(const struct sl_option *table, size_t row_size, struct why *why);

/* The table as a JSON array of {name, type, initial, required, min, max, choices,
 * help}, and back.  What comes back is checked as coming from a stranger. */
void option_describe(const struct sl_option *table, size_t row_size, struct buf *out);
const struct sl_option *option_table(const struct sl_json *description, struct arena *arena, struct why *why);

/* A bound or a value as people write it: "48h", "64 MB", "1000". */
#define OPTION_NUMBER 40
const char *option_number(enum sl_type type, int64_t number, char room[OPTION_NUMBER]);

/* The table as text: Markdown for manual pages, or plain for a terminal. */
void option_manual(const struct sl_option *table, bool markdown, struct buf *out);

#endif
