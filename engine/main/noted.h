/* SPDX-License-Identifier: Apache-2.0 */
/* noted.h - a request as somebody noted it down in a file.
 *
 * Either "Name: value" lines, perhaps below a request or status line, perhaps
 * with a body behind an empty line; or JSON: an object of names and values (a value
 * may be a list), or a list of [name, value] pairs, as `sluice log cat --json`
 * prints them, by itself or as the member "headers".
 */
#ifndef MAIN_NOTED_H
#define MAIN_NOTED_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/why.h"
#include "sdk/plugin.h"

struct noted {
	struct buf headers;                 /* as a record has them: "name: value\n" each, names in lower case */
	struct sl_text method, path, query; /* of the request line; at NULL: there was none */
	struct sl_text body;                /* behind the empty line; at NULL: there was none */
};

/* The texts point into `text`, or lie in the arena. */
bool noted_read(struct sl_text text, struct arena *arena, struct noted *noted, struct why *why);
void noted_free(struct noted *noted);

/* Adds one header; false if it could not have been sent. */
bool noted_header(struct buf *headers, struct sl_text name, struct sl_text value, struct why *why);

#endif
