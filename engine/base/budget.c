/* SPDX-License-Identifier: Apache-2.0 */
/* budget.c - what a credential may ask for, and who may ask next.
 *
 * What is used of an allowance stands in two places: grants that are held, and uses
 * that ended less than a window ago.  Uses are ordered by their end, so they come
 * free from the front.
 */
#include "base/budget.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define ON_THE_WIRE 2000 /* ms a request of a dead process may still need to arrive */
#define MORE_MOST 100 /* redirects of one request, likewise */
#define COST_MOST 1000000000 /* points of one request: strangers say it, and sums must fit */
#define CLASSES 2

/* Two things are counted alike. */
enum kind { REQUESTS,
	POINTS,
	KINDS };

struct grant {
	uint64_t id;
	uint32_t owner;
	enum budget_class class;
	int64_t amount[KINDS];
};

struct use {
	int64_t ended;
	enum budget_class class;
	int64_t amount[KINDS];
};

struct allowance {
	int64_t limit, window; /* 0: none */
	bool flows;
	int64_t used[CLASSES];
	size_t free;           /* uses before this one have come free */
	int64_t flowed, rest;  /* of the first that has not, what flowed back until then is off; and a part of a point */
	int64_t next_backfill; /* not before */
};

struct budget {
	struct allowance allowances[KINDS];
	int64_t at_once;
	size_t at_once_used[CLASSES];
	struct grant *grants;
	size_t grant_count, grant_room;
	struct use *uses;
	size_t use_count, use_room;
	uint64_t last_id;
	int64_t hushed_until;
};

/* A row that grows. */
static void *one_more(void *rows, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return rows;
	*room = *room ? *room * 2 : 16;
	return must_grow(rows, *room * size);
}

/* -------------------------------------------------------------------- what is used */

static void add_use(struct budget *budget, enum budget_class class, const int64_t amount[KINDS], int64_t ended)
{
	if (!budget->allowances[REQUESTS].limit && !budget->allowances[POINTS].limit)
		return;
	if (budget->use_count && budget->uses[budget->use_count - 1].ended > ended)
		ended = budget->uses[budget->use_count - 1].ended;
	budget->uses = one_more(budget->uses, budget->use_count, &budget->use_room, sizeof(*budget->uses));
	struct use *use = &budget->uses[budget->use_count++];
	*use = (struct use){ .ended = ended, .class = class };
	memcpy(use->amount, amount, sizeof(use->amount));
	for (int kind = 0; kind < KINDS; kind++)
		budget->allowances[kind].used[class] += amount[kind];
}

/* One millisecond more, because the far side's clock ticks at another moment. */
static int64_t free_at(const struct allowance *allowance, const struct use *use)
{
	return use->ended + allowance->window + 1;
}

static void forget_uses(struct budget *budget)
{
	size_t both = budget->allowances[REQUESTS].free;
	if (budget->allowances[POINTS].free < both)
		both = budget->allowances[POINTS].free;
	if (both < 64 || both < budget->use_count / 2)
		return;
	budget->use_count -= both;
	memmove(budget->uses, budget->uses + both, budget->use_count * sizeof(*budget->uses));
	budget->allowances[REQUESTS].free -= both;
	budget->allowances[POINTS].free -= both;
}

/* Of the first one; false: some of it is still to come. */
static bool flow_back(struct allowance *allowance, struct use *use, enum kind kind, int64_t now)
{
	if (!use->amount[kind])
		return true;
	if (use->ended > allowance->flowed) {
		allowance->flowed = use->ended; /* there was nothing to flow until then */
		allowance->rest = 0;
	}
	if (now <= allowance->flowed)
		return false;
	int64_t passed = now - allowance->flowed < allowance->window ? now - allowance->flowed : allowance->window;
	int64_t flown = passed * allowance->limit + allowance->rest, needed = use->amount[kind] * allowance->window;
	bool whole = flown >= needed;
	int64_t back = whole ? use->amount[kind] : flown / allowance->window;
	if (whole && needed > allowance->rest)
		allowance->flowed += (needed - allowance->rest + allowance->limit - 1) / allowance->limit;
	else if (!whole)
		allowance->flowed += passed;
	allowance->rest = whole ? 0 : flown % allowance->window;
	use->amount[kind] -= back;
	allowance->used[use->class] -= back;
	return whole;
}

static void all_flow_back(struct budget *budget, enum kind kind, int64_t now)
{
	struct allowance *allowance = &budget->allowances[kind];
	while (allowance->free < budget->use_count && flow_back(allowance, &budget->uses[allowance->free], kind, now))
		allowance->free++;
}

static void come_free(struct budget *budget, int64_t now)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct allowance *allowance = &budget->allowances[kind];
		if (allowance->flows && allowance->limit) {
			all_flow_back(budget, kind, now);
			continue;
		}
		while (allowance->free < budget->use_count) {
			const struct use *use = &budget->uses[allowance->free];
			if (allowance->limit && free_at(allowance, use) > now)
				break;
			allowance->used[use->class] -= use->amount[kind];
			allowance->free++;
		}
	}
	forget_uses(budget);
}

/* ------------------------------------------------------------------- what is left */

/* A fifth, of what can be divided at all. */
static int64_t fifth(int64_t limit)
{
	return limit > 1 ? (limit + 4) / 5 : 0;
}

/* As much as live calls used lately, within bounds: what a backfill takes is spread, so the next slot is never far. */
static int64_t reserve(const struct allowance *allowance)
{
	int64_t live = allowance->used[BUDGET_LIVE], least = allowance->limit / 16, most = fifth(allowance->limit);
	if (live < least)
		return least;
	return live < most ? live : most;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* When the first use in the way comes free, if it is not one that is still held; of what flows, the next point. */
static int64_t first_free(const struct budget *budget, const struct allowance *allowance)
{
	if (allowance->free == budget->use_count)
		return INT64_MAX;
	const struct use *use = &budget->uses[allowance->free];
	if (!allowance->flows)
		return free_at(allowance, use);
	return later(allowance->flowed, use->ended) + (allowance->window + allowance->limit - 1) / allowance->limit;
}

/* What a backfill may use of it in a window, at least the smallest thing there is. */
static int64_t backfill_share(const struct allowance *allowance)
{
	int64_t share = allowance->limit - reserve(allowance) - allowance->used[BUDGET_LIVE];
	return share > 1 ? share : 1;
}

/* A dear call is one that a backfill could not make at all if it had to leave some:
 * it is made when nothing else is in use. */
static bool fits(const struct allowance *allowance, enum budget_class class, int64_t amount)
{
	int64_t used = allowance->used[BUDGET_LIVE] + allowance->used[BUDGET_BACKFILL];
	int64_t kept = class == BUDGET_BACKFILL && used ? reserve(allowance) : 0;
	return used + amount <= allowance->limit - kept;
}

/* `now` if the allowance does not forbid it, else when to look again. */
static int64_t allowed_at(const struct budget *budget, const struct allowance *allowance, enum budget_class class,
	int64_t amount, int64_t now)
{
	if (!allowance->limit)
		return now;
	if (!fits(allowance, class, amount))
		return first_free(budget, allowance);
	return class == BUDGET_BACKFILL ? later(now, allowance->next_backfill) : now;
}

static int64_t room_at(const struct budget *budget, enum budget_class class, int64_t now)
{
	size_t used = budget->at_once_used[BUDGET_LIVE] + budget->at_once_used[BUDGET_BACKFILL];
	int64_t most = budget->at_once - (class == BUDGET_BACKFILL ? fifth(budget->at_once) : 0);
	return budget->at_once && (int64_t)used >= most ? INT64_MAX : now;
}

/* ------------------------------------------------------------------------- grants */

/* Who came late makes up for it with the next ones, by a sixteenth of a window at most. */
static int64_t next_after(const struct allowance *allowance, int64_t amount, int64_t now)
{
	int64_t from = later(allowance->next_backfill, now - allowance->window / 16);
	if (allowance->next_backfill == INT64_MIN)
		from = now;
	return from + allowance->window * amount / backfill_share(allowance);
}

static int64_t within(int64_t cost, int64_t limit)
{
	if (cost < 1)
		return 1;
	return limit && cost > limit ? limit : cost;
}

static uint64_t grant(struct budget *budget, const struct grant *granted, int64_t now)
{
	budget->grants = one_more(budget->grants, budget->grant_count, &budget->grant_room, sizeof(*budget->grants));
	struct grant *mine = &budget->grants[budget->grant_count++];
	*mine = *granted;
	mine->id = ++budget->last_id;
	budget->at_once_used[mine->class]++;
	for (int kind = 0; kind < KINDS; kind++) {
		struct allowance *allowance = &budget->allowances[kind];
		if (mine->class == BUDGET_BACKFILL && allowance->limit)
			allowance->next_backfill = next_after(allowance, mine->amount[kind], now);
		allowance->used[mine->class] += mine->amount[kind];
	}
	return mine->id;
}

uint64_t budget_take(struct budget *budget, enum budget_class class, uint32_t owner, int64_t cost, int64_t now,
	int64_t *again)
{
	struct grant wanted = { .owner = owner, .class = class };
	wanted.amount[REQUESTS] = 1;
	wanted.amount[POINTS] = within(cost, budget->allowances[POINTS].limit);
	come_free(budget, now);
	*again = later(later(now, budget->hushed_until), room_at(budget, class, now));
	for (int kind = 0; kind < KINDS; kind++)
		*again = later(*again, allowed_at(budget, &budget->allowances[kind], class, wanted.amount[kind], now));
	return *again == now ? grant(budget, &wanted, now) : 0;
}

/* A backfill's next call was put off by what this one was thought to cost. */
static void cost_is_known(struct allowance *allowance, int64_t thought, int64_t cost)
{
	int64_t more = allowance->window * (cost - thought) / backfill_share(allowance);
	if (more > allowance->window)
		more = allowance->window; /* by then all of it has come free */
	if (allowance->limit && allowance->next_backfill != INT64_MIN)
		allowance->next_backfill += more;
}

static void end_grant(struct budget *budget, size_t at, int64_t cost, int64_t ended)
{
	struct grant gone = budget->grants[at];
	budget->grants[at] = budget->grants[--budget->grant_count];
	budget->at_once_used[gone.class]--;
	for (int kind = 0; kind < KINDS; kind++)
		budget->allowances[kind].used[gone.class] -= gone.amount[kind];
	if (cost >= 0) {
		cost = cost < COST_MOST ? cost : COST_MOST;
		if (gone.class == BUDGET_BACKFILL)
			cost_is_known(&budget->allowances[POINTS], gone.amount[POINTS], cost);
		gone.amount[POINTS] = cost;
	}
	add_use(budget, gone.class, gone.amount, ended);
}

void budget_give(struct budget *budget, uint64_t id, int64_t cost, int64_t now)
{
	for (size_t i = 0; i < budget->grant_count; i++)
		if (budget->grants[i].id == id) {
			end_grant(budget, i, cost, now);
			return;
		}
}

void budget_more(struct budget *budget, uint64_t id, int64_t requests)
{
	if (requests < 1 || requests > MORE_MOST)
		requests = requests < 1 ? 0 : MORE_MOST;
	for (size_t i = 0; i < budget->grant_count; i++)
		if (budget->grants[i].id == id) {
			budget->grants[i].amount[REQUESTS] += requests;
			budget->allowances[REQUESTS].used[budget->grants[i].class] += requests;
			return;
		}
}

void budget_drop(struct budget *budget, uint32_t owner, int64_t now)
{
	for (size_t i = budget->grant_count; i-- > 0;)
		if (budget->grants[i].owner == owner)
			end_grant(budget, i, BUDGET_AS_SAID, now + ON_THE_WIRE);
}

/* ------------------------------------------------------------------------ silence */

void budget_hush(struct budget *budget, int64_t until)
{
	budget->hushed_until = later(budget->hushed_until, until);
}

int64_t budget_hushed(const struct budget *budget, int64_t now)
{
	return budget->hushed_until > now ? budget->hushed_until - now : 0;
}

bool budget_blank(const struct budget *budget, int64_t now)
{
	return !budget->allowances[REQUESTS].limit && !budget->allowances[POINTS].limit && !budget->at_once &&
	       !budget->grant_count && !budget_hushed(budget, now);
}

/* ------------------------------------------------------------------- life and limits */

static void set_limits(struct budget *budget, const struct budget_limits *limits)
{
	budget->allowances[REQUESTS].limit = limits->window > 0 ? limits->requests : 0;
	budget->allowances[REQUESTS].window = limits->window;
	budget->allowances[POINTS].limit = limits->points_window > 0 ? limits->points : 0;
	budget->allowances[POINTS].window = limits->points_window;
	budget->allowances[POINTS].flows = limits->points_flow;
	budget->at_once = limits->at_once;
}

static void use_all(struct budget *budget, int64_t ended)
{
	const int64_t all[KINDS] = { budget->allowances[REQUESTS].limit, budget->allowances[POINTS].limit };
	add_use(budget, BUDGET_LIVE, all, ended);
}

struct budget *budget_new(const struct budget_limits *limits, int64_t since)
{
	struct budget *budget = must_alloc(sizeof(*budget));
	budget->hushed_until = INT64_MIN;
	for (int kind = 0; kind < KINDS; kind++)
		budget->allowances[kind].next_backfill = INT64_MIN;
	set_limits(budget, limits);
	if (since != BUDGET_UNUSED)
		use_all(budget, since);
	return budget;
}

void budget_free(struct budget **at)
{
	struct budget *budget = *at;
	*at = NULL;
	if (!budget)
		return;
	free(budget->grants);
	free(budget->uses);
	free(budget);
}

/* What was used is known only as far back as the windows went until now. */
void budget_limit(struct budget *budget, const struct budget_limits *limits, int64_t now)
{
	struct allowance old[KINDS];
	bool unknown = false;
	come_free(budget, now);
	memcpy(old, budget->allowances, sizeof(old));
	set_limits(budget, limits);
	for (int kind = 0; kind < KINDS; kind++) {
		const struct allowance *allowance = &budget->allowances[kind];
		unknown |= allowance->limit && (!old[kind].limit || allowance->window > old[kind].window);
	}
	if (unknown)
		use_all(budget, now);
}
