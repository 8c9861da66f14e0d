/* SPDX-License-Identifier: Apache-2.0 */
/* standin.h - a process of a command's own, asked where no daemon runs.
 *
 * One route or source at a time, on a loop that runs only while an answer is awaited.
 * Whoever uses it holds the data folder's lock meanwhile.
 */
#ifndef MAIN_STANDIN_H
#define MAIN_STANDIN_H

#include "main/child.h"

struct standin;

/* `patience`: ms that an answer may take.  standin_stop ends the process, if one runs, and waits for its end. */
struct standin *standin_new(int64_t patience);
void standin_stop(struct standin *standin);
void standin_free(struct standin **standin);
uv_loop_t *standin_loop(struct standin *standin);

/* What else the process says, and that it has ended; either may be NULL. */
typedef void standin_heard(void *data, struct child *child, struct sl_text say, const struct sl_json *message);
typedef void standin_ended(void *data, struct child *child);
void standin_watch(struct standin *standin, standin_heard *heard, standin_ended *ended, void *data);

/* Is it the process of this name that runs? */
bool standin_has(const struct standin *standin, const char *name);
/* It, in the place of whichever ran; `part` is what it is begun with, an open JSON object. */
bool standin_begin(struct standin *standin, enum child_kind kind, const char *name, int64_t deadline, struct buf *part,
	struct why *why);
/* Its answer to {"what":...}; NULL: none came, or a no, and `why` says it. */
struct sl_document *standin_ask(struct standin *standin, const struct buf *question, struct why *why);

#endif
