/* SPDX-License-Identifier: Apache-2.0 */
/* route_start.c - a route finds out where it stands.
 *
 *     open_instances  the open step of each, one after the other
 *     recall_routes   the cursor
 *     recall_open     what is not settled
 *     set_out         or a new beginning (route_stand.c)
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/destination.h"
#include "flow/route_fetch.h"

#define LOCK_WAIT 10000 /* ms a predecessor may take to end */
#define SEEN_WINDOW 1000000
#define LOG_WAIT 100    /* ms between looks for a log that the ingress is making */
#define LOG_WAITS 300   /* at most, for one that is there and is being recovered */
#define BUSY_WAIT 100   /* ms between looks whether the sink has ended what it does */

/* --------------------------------------------------------------- opening it */

/* True if the call ended well; otherwise the route is held or blocked. */
static bool opened_well(struct route *route, struct call *call, enum sl_outcome outcome)
{
	if (outcome != SL_DONE && call->instance != route->sink)
		why_within(&call->why, "%s", instance_name(call->instance));
	if (outcome == SL_RETRY)
		route_outage(route, call->why.text, call->retry_after, route_begin_again);
	else if (outcome != SL_DONE)
		route_block(route, call->why.text);
	return outcome == SL_DONE;
}

static struct instance *nth_instance(const struct route *route, size_t at)
{
	if (at < route->transform_count)
		return route->transforms[at];
	at -= route->transform_count;
	if (at < route->source_count)
		return route->sources[at].decode;
	return at == route->source_count ? route->sink : NULL;
}

static void recall_routes(struct route *route);
static void open_instances(struct route *route);

static void opened(struct call *call, void *data)
{
	struct route *route = data;
	route->opening = NULL;
	bool well = opened_well(route, call, call->outcome);
	call_free(&call);
	if (!well)
		return;
	route->opened++;
	open_instances(route);
}

static void open_instances(struct route *route)
{
	size_t all = route->transform_count + route->source_count + 1;
	while (route->opened < all) {
		struct instance *instance = nth_instance(route, route->opened);
		if (!instance || !instance_face(instance)->open) {
			route->opened++;
			continue;
		}
		struct call *call = route->opening = call_new(instance, STEP_OPEN);
		if (instance == route->sink)
			destination_offer(call, route->schema);
		if (call_run(call, opened, route) != SL_WAIT)
			opened(call, route);
		return;
	}
	recall_routes(route);
}

/* --------------------------------------------------------------- recalling */

static void take_stand(const struct sl_cell *cells, void *data)
{
	struct route *route = data;
	struct stand stand = { .known = false };
	if (stand_read(cells, &stand))
		route->stand = stand;
}

static void take_open(const struct sl_cell *cells, void *data)
{
	struct route *route = data;
	struct delivery *delivery = stand_read_open(route, cells);
	if (!delivery)
		return;
	if (delivery->state == DELIVERY_DEAD) {
		route->dead++;
		delivery_free(&delivery);
		return;
	}
	delivery->due_ticks = clock_ticks() + delivery->due - clock_wall();
	if (delivery->due_ticks > clock_ticks() + route->policy.most * 2)
		delivery->due_ticks = clock_ticks() + route->policy.most;
	route->open_count++;
	deliveries_add(&route->open, delivery);
}

static int by_seq(const void *a, const void *b)
{
	const struct delivery *one = *(struct delivery *const *)a, *other = *(struct delivery *const *)b;
	if (one->seq != other->seq)
		return one->seq < other->seq ? -1 : 1;
	return one->part < other->part ? -1 : one->part > other->part;
}

/* The order in which they arrived is their order now. */
static void join_open(struct route *route)
{
	size_t count = 0;
	struct delivery **all = must_alloc((route->open.count + 1) * sizeof(*all));
	for (struct delivery *at = route->open.first; at; at = at->next)
		all[count++] = at;
	qsort(all, count, sizeof(*all), by_seq);
	for (size_t i = 0; i < count; i++)
		order_join(&route->order, all[i]);
	for (size_t i = 0; i < count; i++)
		if (all[i]->state == DELIVERY_NEW && order_may_start(all[i]))
			delivery_may_run(route, all[i]);
	free(all);
	route_due(route, 0);
}

static void set_out(struct route *route)
{
	struct why why = { "" };
	if (keep_fresh(route->keep) && route->stand.cursor)
		line(SL_ERROR, "the route's own file was not there: repeats of events up to %" PRIu64 " are not known, and "
			"dead letters are read from the log as long as that has them", route->stand.cursor);
	if (!keep_begin(route->keep, route->stand.cursor, route->seen, &why)) {
		route_outage(route, why.text, 0, route_begin_again);
		return;
	}
	join_open(route);
	route->read_to = route->stand.cursor;
	if (route->state != ROUTE_STOPPING)
		route->state = ROUTE_RUNNING;
	line(SL_INFO, "the route goes on behind event %" PRIu64 "; %zu wait, %" PRIu64 " are dead letters",
		route->stand.cursor, route->open.count, route->dead);
	route_recovered(route);
	route_tell(route);
	route_asks_begin(route);
	route_turn(route);
}

/* After a power cut the log's end is known only when the ingress has recovered it.  Nobody waits for an ingress that
 * cannot. */
static bool wait_for_log(struct route *route)
{
	if (route->log_waits++ == LOG_WAITS)
		return false;
	uv_timer_start(&route->hold, route_begin_again, LOG_WAIT, 0);
	return true;
}

/* Where the route stands may be news to the destination, or about another log. */
static void compare_stand(struct route *route)
{
	struct log_stat stat;
	struct why why = { "" };
	bool live = log_reader_live(route->log); /* before the end is read */
	if (!log_reader_stat(route->log, &stat, &why)) {
		route_outage(route, why.text, 0, route_begin_again);
		return;
	}
	bool same_log = route->stand.known && strcmp(route->stand.log_id, route->log_id) == 0;
	if (same_log && route->stand.cursor > stat.end && !live && wait_for_log(route))
		return;
	if (same_log) {
		if (route_history(route, stat.end))
			set_out(route);
		return;
	}
	if (route->stand.known)
		line(SL_WARNING, "the destination knows another log (%.8s): the route begins at the start of this one (%.8s)",
			route->stand.log_id, route->log_id);
	struct stand before = route->stand;
	uint64_t start = route->from_now ? stat.end : stat.begin ? stat.begin - 1 : 0;
	route_restand(route, &before, &(struct restand){ .to = start, .all = true });
}

const struct sl_cell *recalled(const struct call *call, size_t at, const struct sl_table *table)
{
	return call->emitted[at].table == table ? call->emitted[at].cells : NULL;
}

static void each_recalled(struct call *call, const struct sl_table *table, keep_row *row, void *data)
{
	for (size_t i = 0; i < call->emitted_count; i++)
		if (recalled(call, i, table))
			row(recalled(call, i, table), data);
}

static void open_recalled(struct call *call, void *data)
{
	struct route *route = data;
	route->opening = NULL;
	bool well = opened_well(route, call, call->outcome);
	if (well)
		each_recalled(call, &stand_open, take_open, route);
	call_free(&call);
	if (well)
		compare_stand(route);
}

static void recall_open(struct route *route)
{
	struct call *call = route->opening = call_new(route->sink, STEP_RECALL);
	const struct sl_row **wanted = arena_alloc(call->arena, sizeof(*wanted));
	*wanted = stand_wanted(call->arena, &stand_open, route->name, NULL);
	call->pub.rows = wanted;
	call->pub.row_count = 1;
	if (call_run(call, open_recalled, route) != SL_WAIT)
		open_recalled(call, route);
}

static void routes_recalled(struct call *call, void *data)
{
	struct route *route = data;
	route->opening = NULL;
	bool well = opened_well(route, call, call->outcome);
	if (well)
		each_recalled(call, &stand_routes, take_stand, route);
	call_free(&call);
	if (well)
		recall_open(route);
}

static void recall_own_file(struct route *route)
{
	struct why why = { "" };
	if (keep_recall(route->keep, &stand_routes, take_stand, route, &why) &&
		keep_recall(route->keep, &stand_open, take_open, route, &why))
		compare_stand(route);
	else
		route_block(route, why.text);
}

static void recall_routes(struct route *route)
{
	if (!route->transactional) {
		recall_own_file(route);
		return;
	}
	struct call *call = route->opening = call_new(route->sink, STEP_RECALL);
	const struct sl_row **wanted = arena_alloc(call->arena, sizeof(*wanted));
	*wanted = stand_wanted(call->arena, &stand_routes, route->name, NULL);
	call->pub.rows = wanted;
	call->pub.row_count = 1;
	if (call_run(call, routes_recalled, route) != SL_WAIT)
		routes_recalled(call, route);
}

/* -------------------------------------------------------------------- begin */

/* What needs the log's id has to wait until the ingress has made the log. */
static bool own_file(struct route *route, struct why *why)
{
	char paused[8] = "";
	strcpy(route->log_id, log_reader_id(route->log));
	if (!route->keep)
		route->keep = keep_open(route->data, route->name, route->log_id, LOCK_WAIT, why);
	if (!route->keep)
		return false;
	const char *word = keep_get(route->keep, "paused", route->arena);
	strncpy(paused, word ? word : "", sizeof(paused) - 1);
	route->paused = strcmp(paused, "yes") == 0;
	const char *resumed = keep_get(route->keep, "resumed", route->arena);
	route->resumed = resumed ? strtoll(resumed, NULL, 10) : 0;
	seen_free(&route->seen);
	route->seen = seen_new(SEEN_WINDOW, route->log_id);
	return true;
}

void route_begin(struct route *route)
{
	struct why why = { "" };
	if (route->state == ROUTE_STOPPING)
		return;
	route->state = ROUTE_STARTING;
	route->answers = false;
	uv_timer_stop(&route->hold);
	route_forget(route);
	if (route->ahead) {
		uv_timer_start(&route->hold, route_begin_again, BUSY_WAIT, 0);
		return;
	}
	if (!*log_reader_id(route->log)) {
		uv_timer_start(&route->hold, route_begin_again, LOG_WAIT, 0);
		return;
	}
	if (own_file(route, &why))
		open_instances(route);
	else
		route_outage(route, why.text, 0, route_begin_again);
}

/* Not while the pool works for us: what it uses would go. */
void route_begin_again(uv_timer_t *hold)
{
	struct route *route = hold->data;
	if (route->state != ROUTE_OUTAGE && route->state != ROUTE_STARTING)
		return;
	if (route_sink_busy(route))
		uv_timer_start(hold, route_begin_again, BUSY_WAIT, 0);
	else
		route_begin(route);
}

void route_resume(struct route *route)
{
	if (route->state == ROUTE_BLOCKED)
		route_begin(route);
}

/* ---------------------------------------------------------------------- end */

void route_forget(struct route *route)
{
	struct delivery *delivery;
	if (route->opening)
		call_free(&route->opening);
	if (route->probing)
		call_free(&route->probing);
	if (route->upkeep.call)
		call_free(&route->upkeep.call);
	route_answer_shipped(route, false, "the route begins anew; ask again");
	rewind_free(route);
	snapshots_forget(route);
	consignment_free(route);
	fetch_forget(route);
	batch_free(route, &route->gathering);
	batch_free(route, &route->shipping);
	while ((delivery = route->open.first)) {
		deliveries_remove(&route->open, delivery);
		delivery_forget(route, &delivery);
	}
	if (route->keep)
		answers_again(keep_answers(route->keep), route->read_to);
	route->dead = 0;
	route->set_back = false;
	route->stand = (struct stand){ .known = false };
	route->read_to = 0;
}

void route_close(struct route *route)
{
	for (size_t i = 0; i < route->source_count; i++) {
		webhook_free(&route->sources[i].webhook);
		instance_free(&route->sources[i].decode);
	}
	for (size_t i = 0; i < route->transform_count; i++)
		instance_free(&route->transforms[i]);
	instance_free(&route->sink);
	tally_free(&route->upkeep.now);
	tally_free(&route->upkeep.all);
	tally_free(&route->drops);
	tally_free(&route->mended);
	schema_free(&route->schema);
	route_grow_forget(route);
	seen_free(&route->seen);
	keep_close(&route->keep);
	log_reader_close(&route->log);
}
