/* SPDX-License-Identifier: Apache-2.0 */
/* route_retry.c - deliveries that have to wait: for another try, for a far side, for their elder.
 *
 *     own fault     counted, `retry` says how often and how long after the last
 *     outage        a far side cannot be had: counted against nobody, tried again after
 *                   1 s to 60 s, until `give_up`; the route tells that it waits
 *     impatience    a batch goes on without those whose call, or whose elder's, takes long
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/route.h"

/* -------------------------------------------------------------- a far side */

/* Whether the delivery waits for one; the first and the last to do so are told. */
static void far_side(struct route *route, struct delivery *delivery, const char *why)
{
	if (!delivery->far) {
		delivery->far = true;
		route->far_count++;
	}
	if (route->far_count == 1 || !route->far.text[0])
		line(SL_WARNING, "a far side cannot be had, what needs it waits: %s", why);
	why_say(&route->far, "a far side cannot be had, what needs it waits: %s", why);
	route_tell(route);
}

void delivery_not_far(struct route *route, struct delivery *delivery)
{
	if (!delivery->far)
		return;
	delivery->far = false;
	if (--route->far_count)
		return;
	route->far.text[0] = '\0';
	route_tell(route);
}

static void put_duration(int64_t ms, char out[32])
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = { { 86400000, "days" }, { 3600000, "hours" }, { 60000, "minutes" }, { 1000, "seconds" } };
	size_t at = 0;
	while (at < 3 && ms < 2 * units[at].ms)
		at++;
	snprintf(out, 32, "%" PRId64 " %s", ms / units[at].ms, units[at].name);
}

static bool too_long(struct route *route, struct delivery *delivery, const char *why)
{
	char reason[700], duration[32];
	/* A pause is nobody's fault. */
	int64_t from = delivery->first_at > route->resumed ? delivery->first_at : route->resumed;
	if (clock_wall() - from < route->policy.give_up)
		return false;
	put_duration(clock_wall() - from, duration);
	snprintf(reason, sizeof(reason), "given up: a far side could not be had for %s; the last: %s", duration, why);
	delivery_died(route, delivery, reason);
	return true;
}

/* ----------------------------------------------------------------- waiting */

/* `first` doubled with each try, at most `most`, and up to a fifth of it more, so
 * that many do not come back in one moment. */
static int64_t pause_before(const struct policy *policy, uint32_t tries)
{
	int64_t pause = policy->first;
	for (uint32_t i = 1; i < tries && pause < policy->most; i++)
		pause *= 2;
	if (pause > policy->most)
		pause = policy->most;
	return pause + (int64_t)(random() % (pause / 5 + 1));
}

static void wait_for(struct route *route, struct delivery *delivery, const char *why, int64_t pause)
{
	delivery_reason(delivery, why);
	delivery->last_at = clock_wall();
	delivery->due = delivery->last_at + pause;
	delivery->due_ticks = clock_ticks() + pause;
	delivery_opens(route, delivery);
	delivery->state = DELIVERY_WAITING;
	answers_again(keep_answers(route->keep), delivery->seq);
	route_fresh(route, delivery);
	route_due(route, pause);
}

/* True: it may not be tried once more, and is dead now. */
static bool tried_enough(struct route *route, struct delivery *delivery, const char *why)
{
	char reason[700];
	delivery->tries++;
	keep_history(route->keep, delivery->seq, delivery->part, clock_wall(), why);
	if (delivery->tries < route->policy.attempts)
		return false;
	snprintf(reason, sizeof(reason), "tried %" PRIu32 " times; the last: %s", delivery->tries, why);
	delivery_died(route, delivery, reason);
	return true;
}

static void own_fault(struct route *route, struct delivery *delivery, const char *why, int64_t after)
{
	if (tried_enough(route, delivery, why))
		return;
	int64_t pause = pause_before(&route->policy, delivery->tries);
	wait_for(route, delivery, why, pause > after ? pause : after);
}

static void outage(struct route *route, struct delivery *delivery, const char *why, int64_t after)
{
	route_clock(route);
	if (!delivery->first_at)
		delivery->first_at = clock_wall();
	if (!delivery->reason || strcmp(delivery->reason, why) != 0)
		keep_history(route->keep, delivery->seq, delivery->part, clock_wall(), why);
	if (too_long(route, delivery, why))
		return;
	wait_for(route, delivery, why, route_outage_pause(delivery->first_at, after));
	far_side(route, delivery, why);
}

void delivery_retries(struct route *route, struct delivery *delivery, const struct call *call)
{
	const struct why why = call->why; /* the call may end with the body */
	int64_t after = call->retry_after;
	if (route->trying) {
		delivery->tries++;
		delivery_died(route, delivery, why.text);
	} else if (call->outage) {
		outage(route, delivery, why.text, after);
	} else {
		delivery_not_far(route, delivery);
		own_fault(route, delivery, why.text, after);
	}
	if (delivery->state == DELIVERY_WAITING)
		delivery_shed(delivery);
}

/* Its rows stay, and which of them the sink has taken. */
void delivery_refused(struct route *route, struct delivery *delivery, const char *why, int64_t after)
{
	own_fault(route, delivery, why, after);
}

/* -------------------------------------------------------------- impatience */

/* What waits behind the call of an elder has no start of its own: there the batch's counts. */
static int64_t patience_left(const struct route *route, const struct delivery *delivery, int64_t now)
{
	const struct delivery *elder = delivery->elder;
	if (delivery->open)
		return INT64_MAX;
	if (delivery->state == DELIVERY_RUNNING && delivery->call)
		return delivery->call->started + route->policy.patience - now;
	if (delivery->state == DELIVERY_NEW && elder && elder->state == DELIVERY_RUNNING && elder->call)
		return delivery->batch->begun + route->policy.patience - now;
	return INT64_MAX;
}

void route_impatient(struct route *route)
{
	int64_t now = clock_ticks(), least = INT64_MAX;
	for (struct delivery *at = route->gathering ? route->gathering->all.first : NULL; at; at = at->next) {
		int64_t left = patience_left(route, at, now);
		if (left <= 0)
			delivery_opens(route, at);
		else if (left < least)
			least = left;
	}
	if (least != INT64_MAX)
		route_due(route, least);
}

/* --------------------------------------------------------------- their turn */

/* One whose rows are made goes to the sink as it is. */
static void try_again(struct route *route, struct delivery *delivery)
{
	page_add(route->page, COUNTER_retried, 1);
	if (delivery->rows) {
		delivery_settles(route, delivery, DELIVERY_READY);
		return;
	}
	delivery->state = DELIVERY_NEW;
	delivery_may_run(route, delivery);
}

void route_retry_due(struct route *route)
{
	int64_t now = clock_ticks(), least = INT64_MAX;
	for (struct delivery *at = route->open.first; at; at = at->next) {
		if (at->state != DELIVERY_WAITING || !order_may_start(at))
			continue;
		if (at->due_ticks > now)
			least = at->due_ticks < least ? at->due_ticks : least;
		else
			try_again(route, at);
	}
	if (least != INT64_MAX)
		route_due(route, least - now);
}
