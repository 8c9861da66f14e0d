/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.h - a YAML file as a small tree in which every value knows its place.
 *
 * A value is a scalar, a list or a map; a scalar is text until somebody asks for
 * a number or a truth, so that `version: 1.10` and `answer: no` lose nothing.  What
 * configuration never needs and attackers do is refused: anchors, aliases, tags,
 * several documents, keys that are no text, a key given twice, more than 1 MB,
 * 20 000 values or 32 levels.  An empty text reads as an empty map.
 *
 * `${NAME}` may stand unquoted anywhere, also inside [ ] and { }, where YAML
 * alone would read the brace as its own; the scalar holds it as it was written.
 *
 * Every sentence begins with "FILE:LINE:COLUMN: ", lines and columns from 1.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include <stdint.h>

#include "base/arena.h"
#include "base/why.h"
#include "sdk/plugin.h"

enum yaml_kind { YAML_SCALAR,
	YAML_LIST,
	YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	bool quoted;             /* scalar in quotes or as a block: never null, a truth or a number */
	const char *written;     /* its text was put in for ${NAME} (a secret): as the file has it; else NULL */
	struct sl_text text;     /* scalar: UTF-8, without a NUL inside, with one behind */
	size_t count;            /* list, map: how many */
	struct yaml_node *first; /* list, map: the first value, in order of the file; then its `next` */
	struct yaml_node *next;
	struct yaml_node *key; /* of a map's value: its key, a scalar; else NULL */
	const char *file;      /* as it was given to yaml_read_ */
	uint32_t line, column;
};

/* The file, or a text that errors call `file`.  All memory is the arena's.
 * NULL if it cannot be read. */
struct yaml_node *yaml_read_file(const char *path, struct arena *arena, struct why *why);
struct yaml_node *yaml_read_text(const char *file, struct sl_text text, struct arena *arena, struct why *why);

/* The value of a key; NULL if the map has none, or is NULL or no map. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* for (node = list->first; node; node = node->next) walks a list or a map. */

bool yaml_is(const struct yaml_node *node, const char *text); /* a scalar of just this text */
bool yaml_null(const struct yaml_node *node);                 /* nothing, ~ or null, unquoted; a NULL node too */
bool yaml_bool(const struct yaml_node *node, bool *value);    /* true false yes no on off, unquoted */
bool yaml_int(const struct yaml_node *node, int64_t *number); /* decimal digits with an optional sign, unquoted */

/* The value as a message may show it: at most 40 bytes, in single quotes, or
 * "a list", "a map", "nothing"; what was put in for ${NAME} shows as ${NAME}. */
#define YAML_SHOWN 64
const char *yaml_shown(const struct yaml_node *node, char room[YAML_SHOWN]);

/* Says "FILE:LINE:COLUMN: ..." of a value or key; always false, like why_say. */
bool yaml_why(const struct yaml_node *node, struct why *why, const char *form, ...)
	__attribute__((format(printf, 3, 4)));

/* True if the value is of this kind, else says "WHAT must be a map, not ...". */
bool yaml_want(const struct yaml_node *node, enum yaml_kind kind, const char *what, struct why *why);

/* True if each key of the map is one of `known` (ends with NULL), else says which
 * is not, and which known one is nearest.  `what` is what the map is: "a table". */
bool yaml_known(const struct yaml_node *map, const char *const *known, const char *what, struct why *why);

/* Says that a key is not among `known`, and which one is nearest; always false. */
bool yaml_unknown(const struct yaml_node *key, const char *const *known, const char *what, struct why *why);

/* The one of `known` that was probably meant, or NULL. */
const char *yaml_nearest(const char *word, const char *const *known);

#endif
