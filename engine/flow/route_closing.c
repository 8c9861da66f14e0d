/* SPDX-License-Identifier: Apache-2.0 */
/* route_closing.c - the end of a snapshot's run waits for the run's other deliveries, and is decided on. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "flow/route_snapshot.h"

#define LOOK_AGAIN 60000 /* ms; something wakes it sooner, as a rule */

/* ----------------------------------------------------------------------- waits */

static bool stands_open(const struct deliveries *list, const struct delivery *closing)
{
	const char *run = closing->closes->run;
	for (const struct delivery *at = list->first; at; at = at->next)
		if (at->seq < closing->seq && at->state != DELIVERY_DROPPED && at->shipped != SHIPPED_ROWS &&
			at->label.id && polled_of_run(at->label.id, run))
			return true;
	return false;
}

/* Of its run there is something in memory, before it in the log, that neither is written nor goes now. */
static bool run_is_open(const struct route *route, const struct delivery *closing)
{
	return (route->shipping && stands_open(&route->shipping->all, closing)) ||
		(route->gathering && stands_open(&route->gathering->all, closing)) || stands_open(&route->open, closing);
}

static bool known_well(const struct snapshot *seen, const struct closing *closing)
{
	return seen && !seen->died && seen->arrived >= closing->events;
}

static void wait(struct route *route, struct delivery *delivery)
{
	delivery->closes->cleared = false;
	delivery_reason(delivery, "the end of a snapshot's run waits until none of it is open");
	delivery_opens(route, delivery);
	delivery->state = DELIVERY_WAITING;
	delivery->due = 0;
	delivery->due_ticks = clock_ticks() + LOOK_AGAIN;
	route->closing_due = true;
}

void closing_ships(struct route *route, struct delivery *delivery)
{
	const struct closing *closing = delivery->closes;
	bool open = run_is_open(route, delivery);
	if (!open && (closing->cleared || known_well(snapshot_seen(route, closing->run), closing)))
		return;
	if (!snapshot_newer(route, delivery)) {
		wait(route, delivery);
		return;
	}
	drops_count(route, SNAPSHOT_NEWER);
	delivery_settles(route, delivery, DELIVERY_DROPPED);
}

/* ---------------------------------------------------------------- dead letters */

struct verdict {
	uint64_t dead, unreadable;
	bool unbegun;
};

/* What cannot be read has no id: it may be of the run if it was met since that began. */
static bool may_be_of_it(const struct snapshot *seen, const struct delivery *closing, const struct delivery *dead)
{
	if (dead->label.id && *dead->label.id)
		return false;
	return dead->seq < closing->seq && (seen ? dead->seq > seen->seq : dead->first_at >= closing->closes->began / 1000);
}

static void judge_row(struct route *route, const struct sl_cell *cells, struct verdict *verdict)
{
	const struct delivery *closing = route->closing.delivery;
	const char *run = closing->closes->run;
	struct delivery *dead = stand_read_open(route, cells);
	if (!dead)
		return;
	if (polled_of_run(dead->label.id, run))
		verdict->dead++;
	else if (snapshot_has(run, dead->label.id))
		verdict->unbegun = true;
	verdict->unreadable += may_be_of_it(snapshot_seen(route, run), closing, dead);
	delivery_free(&dead);
}

static void dies(struct route *route, struct delivery *delivery, const char *what)
{
	delivery_died(route, delivery, arena_format(delivery->arena, "%s: nothing was put in place, the tables are as they "
		"were.  See to them (sluice dead ls %s), then: sluice dead retry %s %" PRIu64, what, route->name, route->name,
		delivery->seq));
}

static void dies_of_loss(struct route *route, struct delivery *delivery, uint64_t arrived)
{
	delivery_died(route, delivery, arena_format(delivery->arena, "its run had %" PRIu64 " events, and only %" PRIu64
		" came out of the log: nothing was put in place, the tables are as they were.  The next run loads them",
		delivery->closes->events, arrived));
}

static void decide(struct route *route, struct delivery *delivery, const struct verdict *verdict)
{
	struct closing *closing = delivery->closes;
	const struct snapshot *seen = snapshot_seen(route, closing->run);
	struct arena *arena = delivery->arena;
	if (verdict->unbegun) {
		drops_count(route, SNAPSHOT_UNBEGUN);
		delivery_settles(route, delivery, DELIVERY_DROPPED);
	} else if (verdict->dead) {
		dies(route, delivery, arena_format(arena, "%" PRIu64 " of the events of its run are dead letters",
			verdict->dead));
	} else if (verdict->unreadable) {
		dies(route, delivery, arena_format(arena, "%" PRIu64 " dead letters that cannot be read may be of its run",
			verdict->unreadable));
	} else if (seen && seen->arrived < closing->events) {
		dies_of_loss(route, delivery, seen->arrived);
	} else {
		closing->cleared = true;
		delivery_settles(route, delivery, DELIVERY_READY);
	}
}

static void judge(struct route *route, struct call *call)
{
	struct verdict verdict = { 0 };
	struct delivery *delivery = route->closing.delivery;
	if (delivery->state != DELIVERY_WAITING)
		return; /* a later run has begun */
	for (size_t i = 0; i < call->emitted_count; i++)
		if (recalled(call, i, &stand_open))
			judge_row(route, recalled(call, i, &stand_open), &verdict);
	decide(route, delivery, &verdict);
}

static void dead_recalled(struct call *call, void *data)
{
	struct route *route = data;
	route->closing.call = NULL;
	if (call->outcome == SL_DONE)
		judge(route, call);
	else if (call->outcome == SL_RETRY)
		route_outage(route, call->why.text, call->retry_after, route_go_on);
	else
		route_block_here(route, call->why.text);
	call_free(&call);
	route_turn(route);
}

static void recall_dead(struct route *route, struct delivery *delivery)
{
	struct call *call = route->closing.call = call_new(route->sink, STEP_RECALL);
	const struct sl_row **wanted = arena_alloc(call->arena, sizeof(*wanted));
	route->closing.delivery = delivery;
	*wanted = stand_wanted(call->arena, &stand_open, route->name, "dead");
	call->pub.rows = wanted;
	call->pub.row_count = 1;
	if (call_run(call, dead_recalled, route) != SL_WAIT)
		dead_recalled(call, route);
}

/* -------------------------------------------------------------------- the step */

static struct delivery *next_closing(const struct route *route)
{
	struct delivery *at = route->open.first;
	while (at && !(at->closes && at->state == DELIVERY_WAITING && at->stands && !run_is_open(route, at)))
		at = at->next;
	return at;
}

bool route_closing(struct route *route)
{
	if (!route->closing_due || route->state != ROUTE_RUNNING || route_sink_busy(route) || route->rewinding)
		return false;
	struct delivery *next = next_closing(route);
	route->closing_due = next != NULL;
	if (next)
		recall_dead(route, next);
	return next != NULL;
}

void closing_forget(struct route *route)
{
	if (route->closing.call)
		call_free(&route->closing.call);
	route->closing_due = true;
}

/* ---------------------------------------------------------------------- passed */

void closing_taken(struct route *route, const struct call *call)
{
	for (size_t i = 0; i < call->pub.row_count; i++) {
		const char *why = call->settled[i].why;
		if (call->pub.rows[i]->mode == SL_LOAD_END && why && *why)
			drops_count(route, why);
	}
}
