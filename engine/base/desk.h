/* SPDX-License-Identifier: Apache-2.0 */
/* desk.h - the budgets of all credentials, and who waits for a grant of them.
 *
 * Who wants to ask a far side takes a ticket, and is told when its turn has come:
 * live calls first, each class in the order it came.  No clock and no loop in here
 * either: who keeps a desk calls desk_serve after each change, and again at the time
 * that it returns.  Grants are told from desk_serve alone; that too many wait already
 * is told from desk_take.
 *
 *     desk_take(desk, credential, owner, ticket, BUDGET_LIVE, 1);
 *     next = desk_serve(desk, now);           told(data, owner, ticket, grant, 0)
 *     desk_give(desk, credential, owner, grant, BUDGET_AS_SAID, 0, now);
 */
#ifndef BASE_DESK_H
#define BASE_DESK_H

#include "base/budget.h"

#define DESK_WAITING 1024   /* tickets of one owner; more are told to come again */
#define DESK_PATIENCE 10000 /* ms of silence that are waited out here; who would wait longer is told so */

struct desk;

/* `grant` 0: not for `after` ms. */
typedef void desk_told(void *data, uint32_t owner, uint64_t ticket, uint64_t grant, int64_t after);

/* `since` is that of each budget the desk begins. */
struct desk *desk_new(desk_told *told, void *data, int64_t since);
void desk_free(struct desk **desk);

/* A credential of which no limits were said has none. */
void desk_limit(struct desk *desk, const char *credential, const struct budget_limits *limits, int64_t now);

/* Tickets and grants have numbers from 1 on: 0 is none, and does nothing. */
void desk_take(struct desk *desk, const char *credential, uint32_t owner, uint64_t ticket, enum budget_class class,
	int64_t cost);
/* What was granted became so many requests more: redirects. */
void desk_more(struct desk *desk, const char *credential, uint32_t owner, uint64_t grant, int64_t requests);
/* `cost`: of budget_give.  `hush_ms`: the far side asked for silence. */
void desk_give(struct desk *desk, const char *credential, uint32_t owner, uint64_t grant, int64_t cost, int64_t hush_ms,
	int64_t now);
/* Nobody waits for it any more; a grant that was told meanwhile is given back. */
void desk_forget(struct desk *desk, uint32_t owner, uint64_t ticket, int64_t now);
void desk_drop(struct desk *desk, uint32_t owner, int64_t now); /* the process is gone */

bool desk_lent(const struct desk *desk); /* somebody holds a grant */

/* Tells all whose turn it is.  When to call again; INT64_MAX: after the next change. */
int64_t desk_serve(struct desk *desk, int64_t now);

#endif
