/* SPDX-License-Identifier: Apache-2.0 */
/* route_ship.c - what is settled goes to the sink, with the cursor.
 *
 * A consignment is one transaction.  Its life, in the order of this file:
 *
 *     pack      which deliveries, which rows
 *     keep      ids seen and copies of the dead into the route's own file
 *     hand over the sink's deliver step, once, or in parts if it has no transactions
 *     unpack    what the sink refused is settled; or all of it is behind us
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/route.h"

struct consignment {
	struct route *route;
	struct arena *arena;
	struct batch *batch;           /* NULL: only open ones */
	struct stand after;
	struct delivery **members;     /* in the order of their joining */
	size_t member_count;
	const struct sl_row **rows;    /* the sink's, then the stand's */
	struct delivery **whose;       /* NULL: the stand's */
	size_t *which;                 /* the row's number in its delivery */
	size_t row_count, stand_from;  /* rows before stand_from are the sink's */
	size_t sent;                   /* in parts: so many are settled */
	struct call *call;
	struct keep_job job;
	uv_work_t work;
	bool working, kept, abandoned;
	struct why why;
};

/* -------------------------------------------------------------------- pack */

static int by_order(const void *a, const void *b)
{
	const struct delivery *one = *(struct delivery *const *)a, *other = *(struct delivery *const *)b;
	return one->order < other->order ? -1 : one->order > other->order;
}

static void gather_members(struct route *route, struct consignment *it)
{
	size_t most = route->fresh + (it->batch ? it->batch->all.count : 0);
	it->members = arena_alloc(it->arena, (most + 1) * sizeof(*it->members));
	for (struct delivery *at = route->open.first; at && route->fresh; at = at->next)
		if (at->changed) {
			it->members[it->member_count++] = at;
			at->changed = false;
			route->fresh--;
		}
	for (struct delivery *at = it->batch ? it->batch->all.first : NULL; at; at = at->next)
		it->members[it->member_count++] = at;
	qsort(it->members, it->member_count, sizeof(*it->members), by_order);
}

/* An elder that has to be tried again takes what stands ready behind it back. */
static bool held_back(struct route *route, struct delivery *delivery)
{
	const struct delivery *elder = delivery->elder;
	if (!elder || elder->shipped == SHIPPED_ROWS)
		return false;
	delivery_opens(route, delivery);
	delivery_shed(delivery);
	delivery->state = DELIVERY_NEW;
	return true;
}

static enum shipped decide(struct route *route, struct delivery *delivery)
{
	if (delivery->state == DELIVERY_READY && !held_back(route, delivery))
		return SHIPPED_ROWS;
	if (delivery->state == DELIVERY_DROPPED)
		return SHIPPED_DROP;
	return delivery->state == DELIVERY_DEAD ? SHIPPED_DEAD : SHIPPED_OPEN;
}

static void add_row(struct consignment *it, const struct sl_row *row, struct delivery *delivery, size_t which)
{
	it->rows[it->row_count] = row;
	it->whose[it->row_count] = delivery;
	it->which[it->row_count++] = which;
}

static void pack_rows(struct consignment *it, struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->row_count; i++)
		if (!delivery->row_done || !delivery->row_done[i])
			add_row(it, &delivery->rows[i], delivery, i);
}

static void pack_open(struct consignment *it, struct delivery *delivery)
{
	const char *name = it->route->name;
	bool settled = delivery->shipped == SHIPPED_ROWS || delivery->shipped == SHIPPED_DROP;
	if (settled && delivery->stands)
		add_row(it, stand_open_remove(it->arena, name, delivery->seq, delivery->part), NULL, 0);
	else if (!settled)
		add_row(it, stand_open_put(it->arena, name, delivery), NULL, 0);
	delivery->shipped_state = delivery->state;
	delivery->shipped_tries = delivery->tries;
}

static void count_member(struct stand *stand, const struct delivery *delivery)
{
	stand->delivered += delivery->shipped == SHIPPED_ROWS;
	stand->dropped += delivery->shipped == SHIPPED_DROP && !delivery->repeat;
	stand->repeats += delivery->repeat;
}

/* Copies of the dead. */
static void pack_keep(struct consignment *it)
{
	struct keep_job *job = &it->job;
	struct keep_body *copies = arena_alloc(it->arena, (it->member_count + 1) * sizeof(*copies));
	for (size_t i = 0; i < it->member_count; i++) {
		struct delivery *delivery = it->members[i];
		if (delivery->shipped == SHIPPED_DEAD && delivery->arena)
			copies[job->copy_count++] = (struct keep_body){ &delivery->record, delivery->part };
	}
	job->copies = copies;
	if (it->batch && it->batch->seen.len) {
		job->first = it->route->stand.cursor + 1;
		job->last = it->batch->upto;
		job->seen = (struct sl_text){ it->batch->seen.at, it->batch->seen.len };
	}
}

static void pack_stand(struct consignment *it)
{
	struct route *route = it->route;
	it->stand_from = it->row_count;
	add_row(it, stand_expect(it->arena, route->name, &route->stand), NULL, 0);
	for (size_t i = 0; i < it->member_count; i++)
		pack_open(it, it->members[i]);
	if (it->batch)
		it->after.cursor = it->batch->upto;
	add_row(it, stand_put(it->arena, route->name, &it->after, clock_wall()), NULL, 0);
}

static struct consignment *pack(struct route *route)
{
	struct consignment *it = must_alloc(sizeof(*it));
	size_t rows = 0, room;
	it->route = route;
	it->arena = arena_new();
	it->batch = route->shipping;
	it->after = route->stand;
	gather_members(route, it);
	for (size_t i = 0; i < it->member_count; i++) {
		struct delivery *delivery = it->members[i];
		delivery->shipped = decide(route, delivery);
		rows += delivery->shipped == SHIPPED_ROWS ? delivery->row_count : 0;
		count_member(&it->after, delivery);
	}
	room = rows + it->member_count + 2;
	it->rows = arena_alloc(it->arena, room * sizeof(*it->rows));
	it->whose = arena_alloc(it->arena, room * sizeof(struct delivery *));
	it->which = arena_alloc(it->arena, room * sizeof(*it->which));
	for (size_t i = 0; i < it->member_count; i++)
		if (it->members[i]->shipped == SHIPPED_ROWS)
			pack_rows(it, it->members[i]);
	pack_stand(it);
	pack_keep(it);
	keep_collect(route->keep, &it->job);
	return it;
}

/* -------------------------------------------------------------------- keep */

static void hand_over(struct consignment *it);
static void unpack(struct consignment *it);

/* After an outage it is packed anew: what was to be told still is. */
static void give_back(struct consignment *it)
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
		give_back(it);
		route_outage(route, why, 0, route_go_on);
		return;
	}
	if (it->kept)
		unpack(it);
	else
		hand_over(it);
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

/* --------------------------------------------------------------- hand over */

static bool written(const struct call *call, size_t row)
{
	enum sl_outcome outcome = call->settled[row].outcome;
	return outcome == SL_DONE || (outcome == SL_WAIT && call->outcome == SL_DONE);
}

static void settle_row(struct consignment *it, size_t row, bool done)
{
	struct delivery *delivery = it->whose[row];
	if (!delivery || !done)
		return;
	if (!delivery->row_done)
		delivery->row_done = arena_alloc(delivery->arena, delivery->row_count);
	delivery->row_done[it->which[row]] = true;
}

/* What a row's end means for its event.  The first bad row decides. */
static bool refuse(struct consignment *it, size_t row, const struct settled *settled)
{
	struct delivery *delivery = it->whose[row];
	const char *why = settled->why ? settled->why : "the sink gave no reason";
	if (settled->outcome != SL_FAIL && settled->outcome != SL_RETRY)
		return false;
	if (!delivery || delivery->state != DELIVERY_READY)
		return true;
	if (settled->outcome == SL_FAIL)
		delivery_died(it->route, delivery, why);
	else
		delivery_retries(it->route, delivery, why, 0);
	return true;
}

static bool refusals(struct consignment *it, struct call *call)
{
	size_t bad = 0;
	for (size_t i = 0; i < call->pub.row_count; i++) {
		if (!it->route->transactional)
			settle_row(it, it->sent + i, written(call, i));
		bad += refuse(it, it->sent + i, &call->settled[i]);
	}
	return bad > 0;
}

/* Where we stand cannot be written: that is nobody's event. */
static const struct settled *stand_refused(const struct consignment *it, const struct call *call)
{
	for (size_t i = 0; i < call->pub.row_count; i++)
		if (!it->whose[it->sent + i] && (call->settled[i].outcome == SL_FAIL || call->settled[i].outcome == SL_RETRY))
			return &call->settled[i];
	return NULL;
}

/* Some rows were not taken: those events are settled, the others are packed anew. */
static void some_refused(struct consignment *it, struct call *call)
{
	struct route *route = it->route;
	const struct settled *stand = stand_refused(it, call);
	give_back(it);
	if (stand && stand->outcome == SL_FAIL)
		route_block_here(route, stand->why ? stand->why : "the sink refuses where the route stands");
	else if (stand)
		route_outage(route, stand->why ? stand->why : "the sink cannot write where the route stands", 0, route_go_on);
}

static void handed_over(struct call *call, void *data)
{
	struct consignment *it = data;
	struct route *route = it->route;
	struct call *mine = call;
	it->call = NULL;
	if (call->outcome == SL_DONE && !refusals(it, call)) {
		it->sent += call->pub.row_count;
		route_recovered(route);
		hand_over(it);
	} else if (call->outcome == SL_DONE) {
		some_refused(it, call);
	} else if (call->outcome == SL_RETRY) {
		if (!route->transactional)
			refusals(it, call);
		give_back(it);
		route_outage(route, call->why.text, call->retry_after, route_go_on);
	} else {
		give_back(it);
		route_block_here(route, call->why.text);
	}
	call_free(&mine);
	route_turn(route);
}

/* All rows in one call where the sink has transactions; else its own rows in
 * calls of a size it likes, then where we stand into the route's own file. */
static void hand_over(struct consignment *it)
{
	struct route *route = it->route;
	size_t end = route->transactional ? it->row_count : it->stand_from, most = end - it->sent;
	size_t liked = instance_face(route->sink)->batch_rows;
	if (it->sent == end) {
		if (route->transactional) {
			unpack(it);
			return;
		}
		it->kept = true;
		keep_job_free(&it->job);
		it->job = (struct keep_job){ .stand = it->rows + it->stand_from,
			.stand_count = it->row_count - it->stand_from };
		to_pool(it);
		return;
	}
	if (!route->transactional && liked && most > liked)
		most = liked;
	struct call *call = it->call = call_new(route->sink, STEP_DELIVER);
	call->pub.rows = it->rows + it->sent;
	call->pub.row_count = most;
	if (call_run(call, handed_over, it) != SL_WAIT)
		handed_over(call, it);
}

/* ------------------------------------------------------------------ unpack */

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
	if (delivery->state != delivery->shipped_state || delivery->tries != delivery->shipped_tries)
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

static void unpack(struct consignment *it)
{
	struct route *route = it->route;
	struct batch *batch = it->batch;
	for (size_t i = 0; i < it->member_count; i++) {
		struct delivery *delivery = it->members[i];
		enum shipped shipped = delivery->shipped;
		delivery->shipped = SHIPPED_NOT;
		if (shipped == SHIPPED_OPEN)
			member_open(it, delivery);
		else
			delivery->shipped = shipped, member_done(it, delivery);
	}
	if (batch)
		late_siblings(route, batch);
	page_add(route->page, COUNTER_rows, it->stand_from);
	page_add(route->page, COUNTER_batches, 1);
	page_add(route->page, COUNTER_delivered, it->after.delivered - route->stand.delivered);
	page_add(route->page, COUNTER_dropped, it->after.dropped - route->stand.dropped);
	page_add(route->page, COUNTER_repeats, it->after.repeats - route->stand.repeats);
	route->stand = it->after;
	if (batch) {
		page_set(route->page, COUNTER_cursor_time, (uint64_t)batch->received);
		route->shipping = NULL;
		batch_free(route, &batch);
	}
	consignment_free(route);
	route_recovered(route);
	route_answer_shipped(route, true, NULL);
	route_tell(route);
	route_turn(route);
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
	if (it->call)
		call_free(&it->call);
	keep_job_free(&it->job);
	arena_free(&it->arena);
	free(it);
}

/* ---------------------------------------------------------------- the step */

bool route_ship(struct route *route)
{
	struct batch *gathering = route->gathering;
	if (route_sink_busy(route) || route->rewinding || (route->state != ROUTE_RUNNING && route->state != ROUTE_STOPPING))
		return false;
	if (!route->shipping && gathering && !gathering->busy && !gathering->undecoded) {
		route->shipping = gathering;
		route->gathering = NULL;
	}
	if (!route->shipping && !route->fresh)
		return false;
	struct consignment *it = route->consignment = pack(route);
	if (keep_job_empty(&it->job))
		hand_over(it);
	else
		to_pool(it);
	return true;
}
