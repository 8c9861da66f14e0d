/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - a record of the log, for people and as JSON. */
#ifndef MAIN_RECORD_H
#define MAIN_RECORD_H

#include "base/buf.h"
#include "store/log.h"

/* A line with what it is, its headers, its body as far as it is text. */
void record_words(const struct log_record *record, struct buf *out);

/* One object on a line of its own.  Nothing is lost: text that is not UTF-8 is
 * told in base64, under its name with "_base64" behind it.  `body_file` is the
 * name of the file that holds the body, or NULL: it stands in the object. */
void record_json(const struct log_record *record, const char *body_file, struct buf *out);

#endif
