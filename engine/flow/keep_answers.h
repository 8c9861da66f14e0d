/* SPDX-License-Identifier: Apache-2.0 */
/* keep_answers.h - what was asked for an event and answered, inside a route's own file.
 *
 * An answer is a text (host/net.h makes it), kept under the event's seq and part
 * and the request's key, as long as the log keeps the event: a retry and a rewind
 * ask nothing again, and give the same rows.  docs/decisions/0008-answers-are-kept.md.
 *
 * It is noted on the loop, compressed and written in the pool with the next job
 * (flow/keep.h), and found again both before and after that.  An event that is new
 * costs nothing: the file is asked only about those that may have been run before.
 */
#ifndef FLOW_KEEP_ANSWERS_H
#define FLOW_KEEP_ANSWERS_H

#include "base/arena.h"
#include "store/state.h"

#define ANSWER_KEY_SIZE 33 /* 32 hex digits and a NUL */

extern const char answers_table[]; /* SQL: a step of the file */

struct answers;
struct answer; /* noted, not yet known to be written */

/* A route's own file, which somebody else may be writing. */
struct answers *answers_open(const char *path, struct why *why);
void answers_close(struct answers **answers);

/* In the arena; `at` is NULL if none is kept. */
struct sl_text answers_find(struct answers *answers, uint64_t seq, uint32_t part, const char *key, struct arena *arena);

/* Events up to this one may have been run before. */
void answers_again(struct answers *answers, uint64_t seq);

/* Too much at once is not kept: false. */
bool answers_note(struct answers *answers, uint64_t seq, uint32_t part, const char *key, struct sl_text text);
size_t answers_noted(const struct answers *answers); /* bytes */
/* Those of an event, or of all behind it (part ANSWER_BEHIND), that were not collected yet are not wanted any more. */
#define ANSWER_BEHIND UINT32_MAX
void answers_unnote(struct answers *answers, uint64_t seq, uint32_t part);
struct answer *answers_collect(struct answers *answers); /* those not collected yet; NULL: none */
bool answers_write(struct state *file, const struct answer *list, struct why *why); /* in a transaction */
void answers_done(struct answers *answers, struct answer **list); /* written, or given up */

/* Nobody needs them: of events before `seq`; of those behind `seq`; of one. */
bool answers_drop_before(struct state *file, uint64_t seq, struct why *why);
bool answers_drop_behind(struct state *file, uint64_t seq, struct why *why);
bool answers_drop(struct state *file, uint64_t seq, uint32_t part, struct why *why);
bool answers_drop_all(struct state *file, struct why *why);

#endif
