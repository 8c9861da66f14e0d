/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - JSON documents, read lazily and without loss (simdjson underneath).
 *
 * A document is read and checked once, into an index over its own text; values
 * are then looked at where they stand.  `const struct sl_json *` is one value:
 * it lives as long as its document, and needs no freeing.  Every function takes
 * NULL for a value that is not there, and answers NULL, 0 or an empty text.
 *
 * Numbers keep their text: 64-bit integers are exact, 45.00 stays "45.00", and
 * 1e400 or thirty digits are no error until someone wants them as a number.
 * Of two members with one name the last one counts.  Looking for a name walks
 * the members of that object; going through an array by index is linear.
 *
 * Where RFC 8259 leaves a choice:
 *
 *     accepted   any number that fits its grammar; \u0000; a lone surrogate
 *                (\ud83d), which reads as U+FFFD; two members with one name;
 *                a byte order mark at the start, which is passed over
 *     refused    text that is not UTF-8 (overlong forms, surrogates, UTF-16);
 *                more than 512 levels; more than 256 MB
 */
#ifndef SLUICE_JSON_H
#define SLUICE_JSON_H

#include "plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sl_document;

/* Reads `text` (no NUL is needed).  The document keeps a copy, so
 * the text may go.  NULL if it is not JSON; then, if `why` is given, `why_size`
 * bytes of it hold a sentence such as "not JSON: a comma is missing at byte 17".
 * Without memory the process ends with a word (pile.h): what is JSON is never taken for
 * something else. */
struct sl_document *sl_json_read(struct sl_text text, char *why, size_t why_size);
void sl_json_free(struct sl_document **document);
const struct sl_json *sl_json_root(const struct sl_document *document);
size_t sl_json_size(const struct sl_document *document); /* bytes of memory it takes */
int sl_json_escaped(const struct sl_document *document); /* 1 if there is a backslash in its text */
/* It will be looked at soon, and was read by another thread or long ago. */
void sl_json_prefetch(const struct sl_document *document);

enum sl_kind sl_json_kind(const struct sl_json *value);
/* RFC 6901: "/action/id"; "" is the value itself. */
const struct sl_json *sl_json_at(const struct sl_json *value, const char *pointer);
const struct sl_json *sl_json_get(const struct sl_json *value, const char *name); /* a member of an object */
const struct sl_json *sl_json_get_text(const struct sl_json *value, struct sl_text name);
const struct sl_json *sl_json_element(const struct sl_json *value, size_t index);
size_t sl_json_halves(struct sl_text json); /* so many escapes are half a pair: each is read as U+FFFD */
struct sl_text sl_json_string(const struct sl_json *value); /* unescaped, a NUL behind; not a string: at NULL */
/* 1 if it is a whole number that fits; 1e3 and 5.0 are such. */
int sl_json_integer(const struct sl_json *value, int64_t *number);
int sl_json_double(const struct sl_json *value, double *number); /* 1 if it is a finite number */
int sl_json_true(const struct sl_json *value);
struct sl_text sl_json_raw(const struct sl_json *value); /* as it stands in the text; no NUL behind */
size_t sl_json_count(const struct sl_json *value);
const struct sl_json *sl_json_first(const struct sl_json *value);
const struct sl_json *sl_json_next(const struct sl_json *value);
struct sl_text sl_json_name(const struct sl_json *value); /* of a member; else at NULL */

#ifdef __cplusplus
}
#endif
#endif
