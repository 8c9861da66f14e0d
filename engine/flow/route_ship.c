/* SPDX-License-Identifier: Apache-2.0 */
/* route_ship.c - what is settled goes to the sink, with the cursor. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow/route_ship.h"

/* -------------------------------------------------------------------- keep */

static void shipped(struct consignment *it);

void consignment_give_back(struct consignment *it)
{
	for (size_t i = 0; i < it->member_count; i++) {
		it->members[i]->shipped = SHIPPED_NOT;
		if (!it->members[i]->batch)
			route_fresh(it->route, it->members[i]);
	}
	consignment_free(it->route);
}

static void kept(uv_work_t *work, int status)
{
	struct consignment *it = work->data;
	struct route *route = it->route;
	it->working = false;
	if (it->abandoned) {
		consignment_free(route);
		return;
	}
	if (it->why.text[0]) {
		char why[sizeof(it->why.text)];
		memcpy(why, it->why.text, sizeof(why));
		consignment_give_back(it);
		route_outage(route, why, 0, route_go_on);
		return;
	}
	if (it->kept)
		shipped(it);
	else
		consignment_hand_over(it);
	route_turn(route);
}

static void keep_in_pool(uv_work_t *work)
{
	struct consignment *it = work->data;
	if (!keep_write(it->route->keep, &it->job, &it->why) && !it->why.text[0])
		why_say(&it->why, "the route's own file cannot be written");
}

static void to_pool(struct consignment *it)
{
	it->working = true;
	it->work.data = it;
	uv_queue_work(it->route->loop, &it->work, keep_in_pool, kept);
}

/* ------------------------------------------------------------------ unpack */

static void end(struct consignment **it)
{
	if ((*it)->call)
		call_free(&(*it)->call);
	keep_job_free((*it)->route->keep, &(*it)->job);
	arena_free(&(*it)->arena);
	free(*it);
	*it = NULL;
}

static void member_done(struct consignment *it, struct delivery *delivery)
{
	struct route *route = it->route;
	deliveries_remove(delivery->batch ? &it->batch->all : &route->open, delivery);
	if (delivery->shipped == SHIPPED_DEAD) {
		route->dead++;
		page_add(route->page, COUNTER_died, 1);
	} else if (delivery->stands || delivery->tries) {
		keep_gone(route->keep, delivery->seq, delivery->part);
	}
	delivery_forget(route, &delivery);
}

static void member_open(struct consignment *it, struct delivery *delivery)
{
	struct route *route = it->route;
	delivery->stands = true;
	if (delivery->batch) {
		deliveries_remove(&it->batch->all, delivery);
		deliveries_add(&route->open, delivery);
		delivery->batch = NULL;
		if (delivery->state == DELIVERY_WAITING) /* may have been due all the while: only open ones are looked at */
			route_due(route, delivery->due_ticks - clock_ticks());
	}
	bool ready = delivery->state == DELIVERY_READY && order_may_start(delivery);
	if (ready || delivery->state != delivery->shipped_state || delivery->tries != delivery->shipped_tries)
		route_fresh(route, delivery);
}

/* Parts of a straggler that was decoded only while its batch was under way: they
 * become rows with the next consignment.  Until then its own row stands for them. */
static void late_siblings(struct route *route, struct batch *batch)
{
	struct delivery *delivery;
	while ((delivery = batch->all.first)) {
		deliveries_remove(&batch->all, delivery);
		deliveries_add(&route->open, delivery);
		delivery->batch = NULL;
		route_fresh(route, delivery);
	}
}

/* The destination has it: this is where the route stands. */
static void stand_there(struct consignment *it)
{
	struct route *route = it->route;
	page_add(route->page, COUNTER_rows, it->stand_from);
	page_add(route->page, COUNTER_batches, 1);
	page_add(route->page, COUNTER_delivered, it->after.delivered - route->stand.delivered);
	page_add(route->page, COUNTER_dropped, it->after.dropped - route->stand.dropped);
	page_add(route->page, COUNTER_repeats, it->after.repeats - route->stand.repeats);
	if (it->batch)
		page_set(route->page, COUNTER_cursor_time, (uint64_t)it->batch->received);
	route->stand = it->after;
	route->closing_due = true;
	route->shipping = NULL;
	route->consignment = NULL;
	route_recovered(route);
}

static void unpack(struct consignment *it)
{
	struct route *route = it->route;
	for (size_t i = 0; i < it->member_count; i++) {
		struct delivery *delivery = it->members[i];
		enum shipped shipped = delivery->shipped;
		delivery->shipped = SHIPPED_NOT;
		if (shipped == SHIPPED_OPEN)
			member_open(it, delivery);
		else
			delivery->shipped = shipped, member_done(it, delivery);
	}
	if (it->batch) {
		late_siblings(route, it->batch);
		batch_free(route, &it->batch);
	}
	end(&it);
	route_answer_shipped(route, true, NULL);
	route_tell(route);
	route_turn(route);
}

/* Nothing of it stays, and nobody else waits for the sink. */
static bool next_may_go_first(const struct consignment *it)
{
	const struct route *route = it->route;
	return it->plain && !route->open.first && !route->asked && !route->answering && !route->rewinding &&
		!upkeep_due(route);
}

/* The next one is handed over first, if it can be: the sink need not wait until this one is taken apart. */
static void shipped(struct consignment *it)
{
	struct route *route = it->route;
	bool first = next_may_go_first(it);
	stand_there(it);
	if (first)
		route_ship(route);
	unpack(it);
}

/* A sink with transactions has it all; for any other, where we stand goes into the own file now. */
void consignment_taken(struct consignment *it)
{
	struct route *route = it->route;
	if (route->transactional) {
		shipped(it);
		return;
	}
	it->kept = true;
	keep_job_free(route->keep, &it->job);
	it->job = (struct keep_job){ .stand = it->rows + it->stand_from, .stand_count = it->row_count - it->stand_from };
	consignment_ids(it, &it->job);
	to_pool(it);
}

void consignment_free(struct route *route)
{
	struct consignment *it = route->consignment;
	if (!it)
		return;
	if (it->working) { /* the pool still reads it: the end of its work frees it */
		it->abandoned = true;
		return;
	}
	route->consignment = NULL;
	end(&it);
}

/* ---------------------------------------------------------------- the step */

bool route_ship(struct route *route)
{
	struct batch *gathering = route->gathering;
	if (route_sink_busy(route) || route->rewinding || (route->state != ROUTE_RUNNING && route->state != ROUTE_STOPPING))
		return false;
	if (!route->shipping && batch_whole(route) && !gathering->busy) {
		route->shipping = gathering;
		route->gathering = NULL;
	}
	if (!route->shipping && !route->fresh && !keep_presses(route->keep))
		return false;
	struct consignment *it = route->consignment = consignment_pack(route);
	if (keep_job_empty(&it->job))
		consignment_hand_over(it);
	else
		to_pool(it);
	return true;
}
