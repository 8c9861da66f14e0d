/* SPDX-License-Identifier: Apache-2.0 */
/* route_stand.c - where a route stands is set anew: a new route, another log, a
 * rewind.
 *
 * In the destination it is one transaction: if the route stands where we believe,
 * its row becomes the new one and the open rows behind the new cursor go (all of
 * them, if they are about another log).  Then what is in memory, and the ids seen,
 * follow; then the route reads from there.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/route.h"

struct rewind {
	struct route *route;
	struct stand from, after;
	bool all, fresh, begun;
	int64_t ask;       /* who is waiting for the answer; 0: nobody */
	uint64_t dead;     /* dead letters that stay */
	uint64_t removed;
	struct call *call;
	const struct sl_row **rows;
	size_t count;
	struct arena *arena;
	struct keep_job job;
	uv_work_t work;
	bool working, abandoned;
	struct why why;
};

static void answer(struct rewind *it, bool ok, const char *why, const struct buf *more)
{
	if (it->ask)
		route_answer(it->route, it->ask, ok, why, more);
	it->ask = 0;
}

void rewind_free(struct route *route)
{
	struct rewind *it = route->rewinding;
	if (!it)
		return;
	answer(it, false, "the route begins anew; ask again", NULL);
	if (it->working) {
		it->abandoned = true;
		return;
	}
	route->rewinding = NULL;
	if (it->call)
		call_free(&it->call);
	arena_free(&it->arena);
	free(it);
}

bool route_restand(struct route *route, const struct stand *from, const struct restand *wish)
{
	if (route->rewinding)
		return false;
	struct rewind *it = route->rewinding = must_alloc(sizeof(*it));
	it->route = route;
	it->arena = arena_new();
	it->from = *from;
	it->all = wish->all;
	it->fresh = wish->fresh;
	it->ask = wish->ask;
	it->after = (struct stand){ .cursor = wish->to, .counted_from = wish->to + 1, .known = true };
	memcpy(it->after.log_id, route->log_id, LOG_ID_SIZE);
	route_mark(route, wish->to, it->after.mark);
	route_turn(route);
	return true;
}

static void forget_behind(struct route *route, uint64_t cursor)
{
	struct delivery *next;
	batch_free(route, &route->gathering);
	batch_free(route, &route->shipping);
	for (struct delivery *at = route->open.first; at; at = next) {
		next = at->next;
		if (at->seq <= cursor)
			continue;
		deliveries_remove(&route->open, at);
		delivery_forget(route, &at);
	}
}

/* What was answered before is used again, or nobody knows it any more. */
static void reuse_answers(struct rewind *it)
{
	struct route *route = it->route;
	struct why why = { "" };
	answers_again(keep_answers(route->keep), route->read_to);
	route->asked_anew = it->fresh ? route->read_to : 0;
	if (it->fresh && !keep_ask_all_again(route->keep, it->after.cursor, &why))
		line(SL_ERROR, "%s", why.text);
}

static void rewound(struct rewind *it)
{
	struct route *route = it->route;
	struct why why = { "" };
	struct buf more = { 0 };
	forget_behind(route, it->all ? 0 : it->after.cursor);
	snapshots_forget(route);
	seen_forget(route->seen, it->after.cursor);
	reuse_answers(it);
	if (!keep_forget(route->keep, it->all ? 0 : it->after.cursor, &why))
		line(SL_ERROR, "%s", why.text);
	route->stand = it->after;
	route->set_back = false;
	route->read_to = it->after.cursor;
	route->dead = it->dead;
	if (it->from.known)
		line(SL_INFO, "the route was set to event %" PRIu64 "; %" PRIu64 " open rows behind it went", it->after.cursor,
			it->removed);
	json_member_uint(&more, "cursor", it->after.cursor);
	json_member_uint(&more, "removed", it->removed);
	if (route->state != ROUTE_STOPPING)
		route->state = ROUTE_RUNNING;
	route_recovered(route);
	route_tell(route); /* before the answer: who got it and looks sees the new cursor */
	answer(it, true, NULL, &more);
	buf_free(&more);
	rewind_free(route);
	route_asks_begin(route);
	route_turn(route);
}

static void rewind_failed(struct rewind *it, enum sl_outcome outcome, const char *sentence, int64_t after)
{
	struct route *route = it->route;
	struct why why;
	why_say(&why, "%s", sentence);
	answer(it, false, why.text, NULL);
	rewind_free(route);
	if (outcome == SL_RETRY)
		route_outage(route, why.text, after, route_begin_again);
	else
		route_block_here(route, why.text);
}

/* ------------------------------------------------------- in the destination */

/* A row of where we stand that the sink did not take; NULL: it took all. */
static const struct settled *not_taken(const struct call *call)
{
	for (size_t i = 0; i < call->pub.row_count; i++)
		if (call->settled[i].outcome == SL_FAIL || call->settled[i].outcome == SL_RETRY)
			return &call->settled[i];
	return NULL;
}

static void stand_written(struct call *call, void *data)
{
	struct rewind *it = data;
	const struct settled *bad = call->outcome == SL_DONE ? not_taken(call) : NULL;
	it->call = NULL;
	if (bad)
		rewind_failed(it, bad->outcome, bad->why ? bad->why : "the sink does not take where the route stands",
			bad->after);
	else if (call->outcome == SL_DONE)
		rewound(it);
	else
		rewind_failed(it, call->outcome, call->why.text, call->retry_after);
	call_free(&call);
}

static void stand_kept(uv_work_t *work, int status)
{
	struct rewind *it = work->data;
	it->working = false;
	if (it->abandoned)
		rewind_free(it->route);
	else if (it->why.text[0])
		rewind_failed(it, SL_RETRY, it->why.text, 0);
	else
		rewound(it);
}

static void keep_in_pool(uv_work_t *work)
{
	struct rewind *it = work->data;
	if (!keep_write(it->route->keep, &it->job, &it->why) && !it->why.text[0])
		why_say(&it->why, "the route's own file cannot be written");
}

static void write_stand(struct rewind *it)
{
	struct route *route = it->route;
	it->rows[it->count++] = stand_put(it->arena, route->name, &it->after, clock_wall());
	if (!route->transactional) {
		it->job = (struct keep_job){ .stand = it->rows, .stand_count = it->count };
		it->working = true;
		it->work.data = it;
		uv_queue_work(route->loop, &it->work, keep_in_pool, stand_kept);
		return;
	}
	struct call *call = it->call = call_new(route->sink, STEP_DELIVER);
	call->pub.rows = it->rows;
	call->pub.row_count = it->count;
	if (call_run(call, stand_written, it) != SL_WAIT)
		stand_written(call, it);
}

static void consider_open(const struct sl_cell *cells, void *data)
{
	struct rewind *it = data;
	struct delivery *open = stand_read_open(it->route, cells);
	if (!open)
		return;
	if (it->all || open->seq > it->after.cursor) {
		it->rows[it->count++] = stand_open_remove(it->arena, it->route->name, open->seq, open->part);
		it->removed++;
	} else if (open->state == DELIVERY_DEAD) {
		it->dead++;
	}
	delivery_free(&open);
}

static void make_room(struct rewind *it, size_t rows)
{
	it->rows = arena_alloc(it->arena, (rows + 2) * sizeof(*it->rows));
	it->rows[it->count++] = stand_expect(it->arena, it->route->name, it->from.known ? &it->from : NULL);
}

static void open_recalled(struct call *call, void *data)
{
	struct rewind *it = data;
	it->call = NULL;
	if (call->outcome != SL_DONE) {
		rewind_failed(it, call->outcome, call->why.text, call->retry_after);
		call_free(&call);
		return;
	}
	make_room(it, call->emitted_count);
	for (size_t i = 0; i < call->emitted_count; i++)
		if (recalled(call, i, &stand_open))
			consider_open(recalled(call, i, &stand_open), it);
	call_free(&call);
	write_stand(it);
}

static void count_row(const struct sl_cell *cells, void *data)
{
	++*(size_t *)data;
}

static void from_own_file(struct rewind *it)
{
	struct why why = { "" };
	size_t rows = 0;
	if (!keep_recall(it->route->keep, &stand_open, count_row, &rows, &why)) {
		rewind_failed(it, SL_FAIL, why.text, 0);
		return;
	}
	make_room(it, rows);
	keep_recall(it->route->keep, &stand_open, consider_open, it, &why);
	write_stand(it);
}

bool rewind_begun(const struct route *route)
{
	return route->rewinding && route->rewinding->begun;
}

/* The step: begins as soon as no consignment is under way. */
bool route_rewind(struct route *route)
{
	struct rewind *it = route->rewinding;
	if (!it || it->begun || route_sink_busy(route))
		return false;
	it->begun = true;
	if (!route->transactional) {
		from_own_file(it);
		return true;
	}
	struct call *call = it->call = call_new(route->sink, STEP_RECALL);
	const struct sl_row **wanted = arena_alloc(call->arena, sizeof(*wanted));
	*wanted = stand_wanted(call->arena, &stand_open, route->name, NULL);
	call->pub.rows = wanted;
	call->pub.row_count = 1;
	if (call_run(call, open_recalled, it) != SL_WAIT)
		open_recalled(call, it);
	return true;
}
