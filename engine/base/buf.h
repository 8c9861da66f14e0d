/* SPDX-License-Identifier: Apache-2.0 */
/* buf.h - text that grows, and JSON written into it.
 *
 * A buf starts zeroed: `struct buf out = { 0 };`, and ends with buf_free.  Its
 * text always has a NUL behind it once anything was written.
 *
 * The json_ functions write one document from left to right and put the commas
 * themselves:
 *
 *     json_open(&out, '{');
 *     json_key(&out, "seq"), json_uint(&out, 7);
 *     json_close(&out, '}');
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sdk/plugin.h"

struct buf {
	char *at;
	size_t len, room;
	bool comma; /* the next JSON value needs one in front */
};

void buf_free(struct buf *buf);
void buf_clear(struct buf *buf);
void buf_reserve(struct buf *buf, size_t more); /* room for so many bytes and a NUL */
void buf_add(struct buf *buf, const void *at, size_t len);
void buf_string(struct buf *buf, const char *string);
void buf_char(struct buf *buf, char c);
void buf_format(struct buf *buf, const char *form, ...) __attribute__((format(printf, 2, 3)));

void json_open(struct buf *buf, char bracket);  /* '{' or '[' */
void json_close(struct buf *buf, char bracket); /* '}' or ']' */
void json_key(struct buf *buf, const char *name);
void json_key_text(struct buf *buf, struct sl_text name);
void json_string(struct buf *buf, const char *string); /* NULL writes null */
void json_text(struct buf *buf, struct sl_text text);  /* bytes that are not UTF-8 become U+FFFD */
void json_int(struct buf *buf, int64_t number);
void json_uint(struct buf *buf, uint64_t number);
void json_double(struct buf *buf, double number);
void json_bool(struct buf *buf, bool value);
void json_null(struct buf *buf);
void json_raw(struct buf *buf, const char *at, size_t len); /* a value that is JSON already */

/* A document as the functions above write it, with a line for each value and tabs in
 * front; what is empty stays together. */
void json_indented(const struct buf *json, struct buf *out);

/* The common cases of a member in one line. */
void json_member_string(struct buf *buf, const char *name, const char *string);
void json_member_int(struct buf *buf, const char *name, int64_t number);
void json_member_uint(struct buf *buf, const char *name, uint64_t number);
void json_member_bool(struct buf *buf, const char *name, bool value);

#endif
