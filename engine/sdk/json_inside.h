/* SPDX-License-Identifier: Apache-2.0 */
/* json_inside.h - what a document looks like to the files that read and walk it.
 *
 * The nodes of a document are one array in the order of its text: behind a
 * container come its children, each with all that is in it, and `span` says how
 * many nodes to skip to the one beside.
 */
#ifndef SDK_JSON_INSIDE_H
#define SDK_JSON_INSIDE_H

#include <stdbool.h>

#include "sdk/json.h"

struct sl_json {
	const char *raw;
	union {
		const char *text;             /* of a string: unescaped, a NUL behind */
		const struct sl_json *recent; /* of an array: the element that was asked for last */
	};
	const char *name; /* of a member: unescaped, a NUL behind; else NULL */
	uint32_t raw_len;
	uint32_t name_len; /* of an element: its index */
	uint32_t count;    /* children; of a string: its bytes */
	uint32_t kind : 3, last : 1, span : 28;
};

struct sl_document {
	size_t size, nodes_size; /* bytes: of all of it, of the nodes */
	struct sl_json *nodes;
	bool escaped; /* there is a backslash in it */
	char *text; /* padded; behind it a copy, in which strings are unescaped and end with a NUL */
};

#ifdef __cplusplus
extern "C" {
#endif

void sl_no_memory(void) __attribute__((noreturn)); /* sdk/pile.h, for C++ too */

/* Zeros that have to follow the text: simdjson and the copying of strings look
 * so far. */
#define JSON_PADDING 80

/* Where the tokens of a text begin: strings at their quote, punctuation, and
 * whatever else; behind the last of them stands the length of the text, twice.
 * UTF-8, quotes and control characters in strings are checked.  The marks are the
 * thread's own until its next call.  NULL, or what is wrong. */
const char *json_marks(const char *text, size_t len, const uint32_t **marks, size_t *count);

/* Room for so many nodes, the thread's own until its next call. */
struct sl_json *json_draft(size_t nodes);

/* Where documents find room; take() does not fail. */
struct json_room {
	void *(*take)(void *of, size_t size);
	void *of;
};

/* sl_json_read, but all of the document lies in that room, and ends with it: sl_json_free is not for it. */
struct sl_document *json_read_into(struct sl_text text, char *why, size_t why_size, const struct json_room *room);

/* Goes past what an escape stands for; `at` is behind its backslash.  False if
 * it is none. */
int json_unescape(const char **at, const char *end, char **out);

#ifdef __cplusplus
}
#endif
#endif
