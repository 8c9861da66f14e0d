/* SPDX-License-Identifier: Apache-2.0 */
/* budget.h - what a credential may ask for, and who may ask next.
 *
 * The far side allows so many requests (or points) in any window of time, and so
 * many at once.  A request takes slots when it is granted, holds them while it is
 * under way, and gives them back one window after it has *ended*: whatever the
 * network does with the time between, the far side never counts more than allowed.
 * Points may flow back instead, from that end on, as into a bucket that is refilled: a bucket of the
 * far side, which was asked no later, never holds less than is thought here.
 *
 * Live calls may use all of it.  A backfill gets what live calls left in the last
 * window, but for as much again as they used, at least a sixteenth and at most a fifth of
 * all; and that spread over the window: so slots come free all the time, and a live call
 * hardly ever waits behind one.
 *
 * Kept by the master over all processes (main/budgets.c), or by a command that runs
 * without one; who waits for a grant stands at base/desk.h.  No clock and no loop in
 * here: time is handed in, in milliseconds that never jump (clock_ticks).
 */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget_limits {
	int64_t requests, window; /* 0: no limit */
	int64_t points, points_window; /* likewise */
	bool points_flow; /* not all of a use at once, a window later, but `points` in a window from its end on: a bucket */
	int64_t at_once; /* likewise */
};

enum budget_class { BUDGET_LIVE,
	BUDGET_BACKFILL };

struct budget;

/* `since`: until then all of it may have been used, by who was here before; BUDGET_UNUSED: none was. */
#define BUDGET_UNUSED INT64_MIN
struct budget *budget_new(const struct budget_limits *limits, int64_t since);
void budget_free(struct budget **budget);
void budget_limit(struct budget *budget, const struct budget_limits *limits, int64_t now); /* other ones from now on */

/* A grant: a number that is not 0.  0: not now; *again is when it is worth asking
 * again (INT64_MAX: when something has been given back).  `owner` is any number that
 * tells processes apart; `cost` is in points, and never more than all of them. */
uint64_t budget_take(struct budget *budget, enum budget_class class, uint32_t owner, int64_t cost, int64_t now,
	int64_t *again);
/* It has ended, and cost so much: nothing, perhaps.  A number that is held by nobody is passed over. */
#define BUDGET_AS_SAID INT64_C(-1) /* likewise whatever else is less than nothing */
void budget_give(struct budget *budget, uint64_t id, int64_t cost, int64_t now);
/* It became so many requests more than the one that was granted: redirects. */
void budget_more(struct budget *budget, uint64_t id, int64_t requests);
/* The process is gone: what it held ends a moment later, because the last of it may
 * still be on the wire. */
void budget_drop(struct budget *budget, uint32_t owner, int64_t now);
/* The far side asked for silence: nobody is granted anything until then. */
void budget_hush(struct budget *budget, int64_t until);
int64_t budget_hushed(const struct budget *budget, int64_t now); /* for so many ms more; 0: it may be asked */

/* Nothing is limited and nothing is held: a new one would say the same. */
bool budget_blank(const struct budget *budget, int64_t now);

#endif
