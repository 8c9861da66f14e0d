/* SPDX-License-Identifier: Apache-2.0 */
/* shown.h - what came from outside, as a person at a terminal may see it.
 *
 * Ids, subjects, reasons and bodies were written by strangers: control characters
 * in them could move the cursor, or forge lines.  Whatever a command prints for
 * people goes through these; JSON needs none of it.
 */
#ifndef MAIN_SHOWN_H
#define MAIN_SHOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/why.h"
#include "sdk/json.h"

/* On one line: line ends and tabs become \n, \r, \t, other control characters and what is not UTF-8 '?'. */
void shown_text(struct buf *out, struct sl_text text);
/* Likewise, but lines and tabs stay. */
void shown_lines(struct buf *out, struct sl_text text);
/* On one line; "-" for nothing and NULL.  A cell is filled up with spaces to
 * `width`, and two more. */
void shown_string(struct buf *out, const char *string);
void shown_cell(struct buf *out, int width, const char *string);
void shown_time(struct buf *out, int64_t milliseconds);
void shown_headers(struct buf *out, struct sl_text headers, const char *before); /* "name: value\n" each */

/* A member of an answer: "" if it is no text, 0 if it is no number. */
const char *shown_word(const struct sl_json *object, const char *name);
int64_t shown_number(const struct sl_json *object, const char *name);

/* There is no such `what`: names the nearest one there is, or all.  Always false. */
bool shown_unknown(struct why *why, const char *what, const char *name, const char *const *names);

/* Asks the person: only "y" or "yes" is yes.  True at once if nobody sits there. */
bool shown_sure(const char *form, ...) __attribute__((format(printf, 1, 2)));

#endif
