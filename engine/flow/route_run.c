/* SPDX-License-Identifier: Apache-2.0 */
/* route_run.c - deliveries whose turn it is go through the transforms. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/route.h"
#include "sdk/text.h"

/* -------------------------------------------------------------- transitions */

void route_fresh(struct route *route, struct delivery *delivery)
{
	if (delivery->changed || delivery->batch)
		return;
	delivery->changed = true;
	route->fresh++;
}

static void may_follow(struct route *route, struct delivery *younger)
{
	if (!younger || !order_may_start(younger))
		return;
	if (younger->state == DELIVERY_NEW)
		delivery_may_run(route, younger);
	else if (younger->state == DELIVERY_WAITING)
		route_due(route, younger->due_ticks - clock_ticks());
	for (; younger && younger->state == DELIVERY_READY && younger->open; younger = younger->younger)
		route_fresh(route, younger);
}

/* What waits behind an open one in its batch is open too. */
static void youngers_open(struct route *route, struct delivery *delivery)
{
	for (struct delivery *at = delivery->younger; at; at = at->younger)
		if (!at->open && at->state == DELIVERY_NEW)
			delivery_opens(route, at);
}

void delivery_opens(struct route *route, struct delivery *delivery)
{
	bool busy = delivery->state == DELIVERY_NEW || delivery->state == DELIVERY_RUNNING;
	if (delivery->open)
		return;
	delivery->open = true;
	route->open_count++;
	if (!delivery->first_at)
		delivery->first_at = clock_wall();
	if (delivery->batch && busy)
		delivery->batch->busy--;
	youngers_open(route, delivery);
}

void delivery_settles(struct route *route, struct delivery *delivery, enum delivery_state state)
{
	bool busy = delivery->state == DELIVERY_NEW || delivery->state == DELIVERY_RUNNING;
	delivery_not_far(route, delivery);
	delivery->state = state;
	if (delivery->open)
		route_fresh(route, delivery);
	else if (delivery->batch && busy)
		delivery->batch->busy--;
	if (state == DELIVERY_READY)
		may_follow(route, delivery->younger);
	else
		may_follow(route, order_leave(&route->order, delivery));
}

void delivery_died(struct route *route, struct delivery *delivery, const char *why)
{
	const struct about about = { delivery->label.source, NULL, delivery->label.id, delivery->seq };
	delivery_reason(delivery, why);
	delivery->last_at = clock_wall();
	if (!delivery->first_at)
		delivery->first_at = delivery->last_at;
	if (!route->trying)
		line_about(SL_WARNING, &about, "dead letter: %s", why);
	snapshot_died(route, delivery);
	delivery_settles(route, delivery, DELIVERY_DEAD);
}

void delivery_forget(struct route *route, struct delivery **delivery)
{
	struct delivery *gone = *delivery;
	if (gone->queued) {
		struct delivery **at = &route->run_first;
		while (*at != gone)
			at = &(*at)->run_next;
		*at = gone->run_next;
		if (route->run_last == gone)
			for (route->run_last = route->run_first; route->run_last && route->run_last->run_next;)
				route->run_last = route->run_last->run_next;
	}
	delivery_not_far(route, gone);
	if (gone->call)
		route->running--;
	if (gone->open)
		route->open_count--;
	if (gone->changed)
		route->fresh--;
	may_follow(route, order_leave(&route->order, gone));
	delivery_free(delivery);
}

void delivery_may_run(struct route *route, struct delivery *delivery)
{
	if (delivery->queued)
		return;
	delivery->queued = true;
	delivery->run_next = NULL;
	if (route->run_last)
		route->run_last->run_next = delivery;
	else
		route->run_first = delivery;
	route->run_last = delivery;
	route_turn(route);
}

/* -------------------------------------------------------------- what is counted */

void drops_count(struct route *route, const char *reason)
{
	tally_add(&route->drops, reason, 1);
}

void mended_count(struct route *route, const char *what, uint64_t times)
{
	tally_add(&route->mended, what, times);
}

static void join_mended(struct tally **all, const struct instance *instance)
{
	if (instance)
		tally_join(all, instance_tally(instance));
}

void mended_json(const struct route *route, struct buf *out)
{
	struct tally *all = NULL;
	tally_join(&all, route->mended);
	for (size_t i = 0; i < route->source_count; i++)
		join_mended(&all, route->sources[i].decode);
	for (size_t i = 0; i < route->transform_count; i++)
		join_mended(&all, route->transforms[i]);
	join_mended(&all, route->sink);
	tally_json(all, out);
	tally_free(&all);
}

/* ------------------------------------------------------------- through them */

static void keep_call(struct delivery *delivery, struct call *call)
{
	if (delivery->call_count == delivery->call_room) {
		size_t room = delivery->call_room ? delivery->call_room * 2 : 4;
		struct call **calls = arena_alloc(delivery->arena, room * sizeof(struct call *));
		if (delivery->call_count)
			memcpy(calls, delivery->calls, delivery->call_count * sizeof(*calls));
		delivery->calls = calls;
		delivery->call_room = room;
	}
	delivery->calls[delivery->call_count++] = call;
}

/* What an emitted event leaves out is that of the event it came from. */
static void inherit(struct sl_event *event, const struct sl_event *from)
{
	event->source = from->source;
	event->received = from->received;
	event->run = event->run ? event->run : from->run;
	if (!event->id)
		event->id = from->id;
	if (!event->type)
		event->type = from->type;
	if (!event->subject)
		event->subject = from->subject;
	if (!event->time)
		event->time = from->time;
}

/* What the stage emitted is what the next one gets. */
static void next_stage(struct delivery *delivery)
{
	size_t first = delivery->call_count - delivery->piece_count, count = 0, at = 0;
	for (size_t i = first; i < delivery->call_count; i++)
		count += delivery->calls[i]->emitted_count;
	struct emission *pieces = arena_alloc(delivery->arena, (count + 1) * sizeof(*pieces));
	for (size_t i = first; i < delivery->call_count; i++) {
		struct call *call = delivery->calls[i];
		for (size_t k = 0; k < call->emitted_count; k++) {
			pieces[at] = (struct emission){ call->emitted[k].event, call, &call->emitted[k] };
			inherit(&pieces[at++].event, &delivery->event);
		}
	}
	delivery->pieces = pieces;
	delivery->piece_count = count;
	delivery->piece = 0;
	delivery->stage++;
}

/* Whether the delivery goes on. */
static bool transformed(struct route *route, struct delivery *delivery, struct call *call)
{
	route->running--;
	delivery->call = NULL;
	keep_call(delivery, call);
	if (call->outcome == SL_RETRY)
		delivery_retries(route, delivery, call);
	else if (call->outcome != SL_DONE)
		delivery_died(route, delivery, call->why.text);
	else if (call->dropped)
		drops_count(route, call->dropped);
	else if (!call->emitted_count)
		drops_count(route, "nothing emitted");
	delivery->piece++;
	return delivery->state == DELIVERY_RUNNING;
}

static void go_on(struct route *route, struct delivery *delivery);

static void transform_finished(struct call *call, void *data)
{
	struct delivery *delivery = data;
	struct route *route = delivery->route;
	if (transformed(route, delivery, call))
		go_on(route, delivery);
	route_turn(route);
}

static struct call *transform_call(struct route *route, struct delivery *delivery)
{
	struct emission *piece = &delivery->pieces[delivery->piece];
	struct call *call = call_new(route->transforms[delivery->stage], STEP_TRANSFORM);
	if (piece->emitted)
		piece->event.json = emitted_json(piece->call, piece->emitted, NULL);
	call->seq = delivery->seq;
	call->part = delivery->part;
	call->pub.request = delivery->request;
	call->pub.event = &piece->event;
	route_far_call(route, delivery, call);
	delivery->call = call;
	route->running++;
	return call;
}

/* Each piece through each transform, until one has to wait. */
static void go_on(struct route *route, struct delivery *delivery)
{
	for (;;) {
		if (delivery->piece == delivery->piece_count)
			next_stage(delivery);
		if (!delivery->piece_count) {
			if (!route->trying)
				delivery_made(delivery);
			delivery_settles(route, delivery, DELIVERY_DROPPED);
			return;
		}
		if (delivery->stage == route->transform_count) {
			delivery_make_rows(route, delivery);
			return;
		}
		struct call *call = transform_call(route, delivery);
		if (call_run(call, transform_finished, delivery) == SL_WAIT || !transformed(route, delivery, call))
			return;
	}
}

static void begin(struct route *route, struct delivery *delivery)
{
	bool sync = delivery_sync(delivery);
	delivery->state = DELIVERY_RUNNING;
	if (sync && (snapshot_tells(route, delivery) || !delivery_sync_row(route, delivery)))
		return;
	delivery->stage = delivery->piece = 0;
	delivery->piece_count = 1;
	delivery->pieces = arena_alloc(delivery->arena, sizeof(*delivery->pieces));
	delivery->pieces[0].event = delivery->event;
	if (route->transform_count && !sync)
		go_on(route, delivery);
	else
		delivery_make_rows(route, delivery);
}

/* ---------------------------------------------------------------- the step */

static bool convicted(struct route *route, struct delivery *delivery)
{
	char reason[200];
	if (delivery->seq != route->suspect_seq || delivery->part != route->suspect_part ||
		route->suspect_deaths <= ROUTE_DEATHS_MOST || delivery->revived)
		return false;
	snprintf(reason, sizeof(reason), "the route's process died %" PRIu32 " times in a call for this event",
		route->suspect_deaths);
	delivery_died(route, delivery, reason);
	return true;
}

static void start(struct route *route, struct delivery *delivery)
{
	bool loaded = delivery->arena;
	if ((!loaded && !route_load(route, delivery)) || convicted(route, delivery))
		return; /* dead, with its body */
	if (!loaded && (delivery->undecoded || delivery->source->decode))
		delivery_decode(route, delivery);
	else
		begin(route, delivery);
}

static struct delivery *next_to_run(struct route *route)
{
	struct delivery *delivery = route->run_first;
	size_t most = route_alone(route) ? 1 : route->policy.calls;
	if (!delivery || route->running >= most)
		return NULL;
	route->run_first = delivery->run_next;
	if (!route->run_first)
		route->run_last = NULL;
	delivery->queued = false;
	return delivery;
}

bool route_run(struct route *route)
{
	struct delivery *delivery = NULL;
	int64_t begun = clock_ticks();
	bool ran = false;
	if (route->state != ROUTE_RUNNING || route->paused || route->once || route->rewinding)
		return false;
	while ((delivery = next_to_run(route))) {
		start(route, delivery);
		ran = true;
		if (clock_ticks() - begun >= ROUTE_SLICE) /* after each: who knows how slow a script is */
			break;
	}
	if (route->running)
		route_due(route, route->policy.patience);
	return ran;
}
