/* SPDX-License-Identifier: Apache-2.0 */
/* route_read.c - the records after the cursor become deliveries. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/polled.h"
#include "flow/route_fetch.h"
#include "sdk/text.h"

#define STRETCH 64 /* deliveries decoded before the transforms get them */
#define LOOK 4     /* deliveries decoded between two looks at the clock */
#define PREFETCH 3 /* deliveries ahead of the one that is decoded */

/* ------------------------------------------------------------------ bodies */

static bool unreadable(struct route *route, struct delivery *delivery, const char *why)
{
	if (!delivery->label.source && delivery->source)
		delivery_label(delivery, delivery->source->name, "", NULL, NULL);
	delivery_died(route, delivery, why);
	return false;
}

/* The event that a poll emitted stands in the record as it is. */
static bool find_polled(struct route *route, struct delivery *delivery, const struct sl_json *json, const char *trouble)
{
	struct why why = { "" };
	if (!json)
		return unreadable(route, delivery, arena_format(delivery->arena, "the body is %s", trouble));
	if (!polled_read(json, delivery->arena, &delivery->event, &why))
		return unreadable(route, delivery, why.text);
	delivery->again = polled_again(json);
	return true;
}

/* What the selectors find in a request. */
static bool find_requested(struct route *route, struct delivery *delivery, const struct sl_json *json,
	const char *trouble)
{
	struct webhook_found found = { 0 };
	if (!delivery->source->webhook)
		return unreadable(route, delivery, "it came as a webhook, and its source takes none any more");
	if (delivery->found) { /* in the pool, with its record */
		found = *delivery->found;
	} else {
		delivery->request = fetch_request(delivery->arena, &delivery->record);
		webhook_find(delivery->source->webhook, &delivery->record, json, delivery->arena, &found);
	}
	delivery->event = found.event;
	delivery->event.data = delivery->data;
	delivery->event.json = json;
	delivery->repeat_ms = found.content ? found.repeat_ms : 0;
	if (json || delivery->source->decode)
		return true;
	return unreadable(route, delivery, arena_format(delivery->arena, "the body is %s", trouble));
}

/* Told when the event is first read, of bodies that have such escapes at all. */
static void count_halves(struct route *route, const struct delivery *delivery)
{
	struct sl_text body = delivery->data;
	size_t halves = !delivery->open && sl_json_escaped(delivery->document) ? sl_json_halves(body) : 0;
	if (halves)
		mended_count(route, "half a surrogate pair in an event is read as U+FFFD", halves);
}

/* False: the delivery is dead now. */
static bool find_event(struct route *route, struct delivery *delivery)
{
	char trouble[160] = "not JSON";
	delivery->source = route_source(route, delivery->record.source);
	if (!delivery->source)
		return unreadable(route, delivery,
			arena_format(delivery->arena, "the route does not read the source %.*s any more",
				(int)delivery->record.source.len, delivery->record.source.at));
	if (!delivery->document) /* else it was fetched with its record */
		delivery->document =
			webhook_read(&delivery->record, delivery->arena, &delivery->data, trouble, sizeof(trouble));
	count_halves(route, delivery);
	const struct sl_json *json = delivery->document ? sl_json_root(delivery->document) : NULL;
	bool found = delivery->record.flags & LOG_EVENT ? find_polled(route, delivery, json, trouble)
							: find_requested(route, delivery, json, trouble);
	delivery->event.source = delivery->source->name;
	delivery->event.received = delivery->record.received;
	if (!delivery->event.time)
		delivery->event.time = delivery->record.received;
	return found;
}

static void take_record(struct delivery *delivery, const struct log_record *record)
{
	delivery->arena = arena_new();
	log_record_copy(delivery->arena, &delivery->record, record);
}

static void take_fetched(struct delivery *delivery, struct fetched *ready)
{
	delivery->arena = ready->arena;
	delivery->record = ready->record;
	delivery->document = ready->document;
	delivery->data = ready->data;
	delivery->request = ready->request;
	delivery->found = ready->found;
	delivery->pooled = ready->pooled;
	*ready = (struct fetched){ 0 };
}

/* A dead letter's own copy counts before the log: a person may have edited it. */
bool route_load(struct route *route, struct delivery *delivery)
{
	struct why why = { "" };
	struct log_slice slice = { 0 };
	struct log_record copy;
	struct arena *arena = arena_new();
	bool found = false;
	if (keep_copy(route->keep, delivery->seq, delivery->part, arena, &copy)) {
		take_record(delivery, &copy);
		found = true;
	} else if (log_read(route->log, arena, delivery->seq, 1, 1, &slice, &why) == LOG_READ && slice.count == 1 &&
		slice.records[0].seq == delivery->seq) {
		take_record(delivery, &slice.records[0]);
		found = true;
	}
	arena_free(&arena);
	if (!found) {
		delivery_died(route, delivery, why.text[0] ? why.text : "its record is not in the log any more");
		return false;
	}
	return find_event(route, delivery);
}

/* ------------------------------------------------------------------ decode */

static struct delivery *sibling(struct route *route, struct delivery *delivery, uint32_t part)
{
	struct delivery *other = delivery_new(route, delivery->seq, part);
	other->open = delivery->open;
	other->batch = delivery->batch;
	other->source = delivery->source;
	other->first_at = delivery->first_at;
	take_record(other, &delivery->record);
	other->request = fetch_request(other->arena, &other->record);
	if (other->batch) {
		deliveries_insert(&other->batch->all, delivery, other);
		other->batch->busy += !other->open;
	} else {
		deliveries_insert(&route->open, delivery, other);
	}
	if (other->open) {
		route->open_count++;
		route_fresh(route, other);
	}
	return other;
}

/* The event that a decode step emitted, taken over into the delivery's memory. */
static bool take_emitted(struct delivery *delivery, const struct sl_event *found, const struct sl_event *event)
{
	struct arena *arena = delivery->arena;
	struct sl_event *mine = &delivery->event;
	*mine = *found;
	mine->source = delivery->source->name;
	mine->id = arena_string(arena, event->id ? event->id : found->id);
	mine->type = arena_string(arena, event->type ? event->type : found->type);
	mine->subject = arena_string(arena, event->subject ? event->subject : found->subject);
	mine->time = event->time ? event->time : found->time;
	mine->data = arena_text(arena, event->data.at ? event->data : found->data);
	sl_json_free(&delivery->document);
	delivery->document = sl_json_read(mine->data, NULL, 0);
	mine->json = delivery->document ? sl_json_root(delivery->document) : NULL;
	return mine->json != NULL;
}

static void part_decoded(struct route *route, struct delivery *delivery, const struct sl_event *found,
	const struct sl_event *event)
{
	if (take_emitted(delivery, found, event))
		delivery_arrived(route, delivery);
	else
		delivery_died(route, delivery, "what the source's decode step emitted is not JSON");
}

/* One record may hold several events; a row that was open knows which it is. */
static void decode_emitted(struct route *route, struct delivery *delivery, struct call *call)
{
	struct sl_event found = delivery->event;
	bool first_time = delivery->undecoded;
	struct delivery *last = delivery;
	delivery->undecoded = false;
	if (delivery->part >= call->emitted_count) {
		delivery_reason(delivery, call->dropped ? call->dropped : "decode found no event");
		drops_count(route, delivery->reason);
		delivery_settles(route, delivery, DELIVERY_DROPPED);
		return;
	}
	part_decoded(route, delivery, &found, &call->emitted[delivery->part].event);
	for (uint32_t part = 1; first_time && part < call->emitted_count; part++) {
		last = sibling(route, last, part);
		part_decoded(route, last, &found, &call->emitted[part].event);
	}
}

static void decoded(struct call *call, void *data)
{
	struct delivery *delivery = data;
	struct route *route = delivery->route;
	delivery->call = NULL;
	route->running--;
	if (call->outcome == SL_DONE)
		decode_emitted(route, delivery, call);
	else if (call->outcome == SL_RETRY)
		delivery_retries(route, delivery, call);
	else
		delivery_died(route, delivery, call->why.text);
	call_free(&call);
	route_turn(route);
}

void delivery_decode(struct route *route, struct delivery *delivery)
{
	if (!delivery->source->decode || delivery->record.flags & LOG_EVENT) {
		delivery->undecoded = false;
		delivery_arrived(route, delivery);
		return;
	}
	struct call *call = delivery->call = call_new(delivery->source->decode, STEP_DECODE);
	delivery->state = DELIVERY_RUNNING;
	route->running++;
	call->seq = delivery->seq;
	call->pub.request = delivery->request;
	call->pub.event = &delivery->event;
	route_far_call(route, delivery, call);
	if (call_run(call, decoded, delivery) != SL_WAIT)
		decoded(call, delivery);
}

/* ----------------------------------------------------------------- arrival */

/* An event has borne this id; if not, this one does. */
static bool is_met(struct route *route, struct delivery *delivery, const char *id)
{
	const struct sl_event *event = &delivery->event;
	struct seen_entry entry = seen_entry(route->seen, event->source, id, delivery->seq, event->received);
	const struct seen_entry first = seen_find(route->seen, &entry);
	if (first.seq == delivery->seq)
		return false;
	if (first.seq && (!delivery->repeat_ms || entry.received - (int64_t)first.received <= delivery->repeat_ms / 1000))
		return true;
	seen_add(route->seen, &entry);
	if (delivery->batch)
		buf_add(&delivery->batch->seen, &entry, sizeof(entry));
	return false;
}

/* What comes again because a person wanted it is taken once for each time it was wanted. */
static bool is_repeat(struct route *route, struct delivery *delivery)
{
	const char *id = delivery->event.id;
	if (!delivery->again)
		return is_met(route, delivery, id);
	if (is_met(route, delivery, arena_format(delivery->arena, "%s\n%s", id, delivery->again)))
		return true;
	is_met(route, delivery, id);
	return false;
}

/* Its event is known: it takes its place behind its elders.  One that was open
 * before took it when it was recalled. */
void delivery_arrived(struct route *route, struct delivery *delivery)
{
	const struct sl_event *event = &delivery->event;
	bool known = delivery->subject_hash || (delivery->label.id && *delivery->label.id);
	delivery->state = DELIVERY_NEW;
	if (!known) {
		delivery_label(delivery, event->source, event->id, event->type, event->subject);
		page_add(route->page, COUNTER_events, 1);
		snapshot_arrives(route, delivery);
		if (!route->trying && is_repeat(route, delivery)) {
			delivery->repeat = true;
			delivery_made(delivery);
			delivery_settles(route, delivery, DELIVERY_DROPPED);
			return;
		}
		order_join(&route->order, delivery);
	}
	if (order_may_start(delivery))
		delivery_may_run(route, delivery);
	else if (delivery->elder->open && !delivery->open)
		delivery_opens(route, delivery);
}

/* ----------------------------------------------------------------- batches */

void batch_free(struct route *route, struct batch **batch)
{
	struct delivery *delivery;
	if (!*batch)
		return;
	while ((delivery = (*batch)->all.first)) {
		deliveries_remove(&(*batch)->all, delivery);
		delivery_forget(route, &delivery);
	}
	ahead_forget(route, *batch);
	buf_free(&(*batch)->seen);
	free(*batch);
	*batch = NULL;
}

/* A transform's deaths end with its own event, and are fewer: this call is decode's. */
static bool deadly(struct route *route, struct delivery *delivery)
{
	if (delivery->seq != route->suspect_seq || route->suspect_deaths <= ROUTE_DEATHS_MOST + 1)
		return false;
	unreadable(route, delivery, arena_format(delivery->arena,
		"the route's process died %" PRIu32 " times in the source's decode step", route->suspect_deaths));
	return true;
}

/* What another thread has read comes while the ones before it are decoded. */
static void prefetch(const struct route *route, const struct delivery *delivery)
{
	const struct delivery *at = delivery;
	for (unsigned i = 0; at && i < PREFETCH; i++)
		at = at->next;
	if (at && at->document)
		sl_json_prefetch(at->document);
	if (at && at->found && at->found->event.id) {
		const struct sl_event *event = &at->found->event;
		struct seen_entry entry = seen_entry(route->seen, event->source, event->id, at->seq, event->received);
		seen_prefetch(route->seen, &entry);
	}
}

/* True: there is more, and it is the loop's turn.  That comes soon, so that what was looked
 * at here is in the processor's cache yet when the transforms look at it. */
static bool batch_decode(struct route *route, struct batch *batch)
{
	struct delivery *delivery;
	int64_t begun = clock_ticks();
	for (unsigned count = 0; (delivery = batch->undecoded); count++) {
		if (count == STRETCH || (count && count % LOOK == 0 && clock_ticks() - begun >= ROUTE_SLICE))
			return true;
		prefetch(route, delivery);
		if (delivery->undecoded && delivery->state == DELIVERY_NEW && find_event(route, delivery) &&
			!deadly(route, delivery))
			delivery_decode(route, delivery);
		if (delivery->undecoded && delivery->state == DELIVERY_RUNNING && !delivery->open)
			return false;
		batch->undecoded = delivery->next;
	}
	return false;
}

static struct delivery *batch_add(struct route *route, struct batch *batch, uint64_t seq)
{
	struct delivery *delivery = delivery_new(route, seq, 0);
	delivery->batch = batch;
	deliveries_add(&batch->all, delivery);
	batch->busy++;
	return delivery;
}

/* The log holds the events of all sources; those of others are none of this route's. */
static void batch_records(struct route *route, struct batch *batch, const struct log_slice *slice,
	struct fetched *ready)
{
	batch->begun = clock_ticks();
	for (size_t i = 0; i < slice->count; i++) {
		batch->received = slice->records[i].received;
		if (!route_source(route, slice->records[i].source))
			continue;
		struct delivery *delivery = batch_add(route, batch, slice->records[i].seq);
		if (!batch->undecoded)
			batch->undecoded = delivery;
		if (ready && ready[i].arena)
			take_fetched(delivery, &ready[i]);
		else
			take_record(delivery, &slice->records[i]);
		delivery->undecoded = true;
	}
	batch->upto = slice->next - 1;
	stand_mark(&slice->records[slice->count - 1], batch->mark);
}

/* Each event lost to damage is a dead letter, so that it is told and counted. */
static void batch_damage(struct route *route, struct batch *batch, const struct log_slice *slice)
{
	uint64_t last = slice->damaged_to;
	if (last - slice->damaged_from >= route->policy.batch_events)
		last = slice->damaged_from + route->policy.batch_events - 1;
	for (uint64_t seq = slice->damaged_from; seq <= last; seq++) {
		struct delivery *delivery = batch_add(route, batch, seq);
		delivery_label(delivery, "", "", NULL, NULL);
		delivery_died(route, delivery, "damaged: its record in the log cannot be read");
	}
	batch->upto = last;
	line(SL_ERROR, "the log is damaged: events %" PRIu64 " to %" PRIu64 " are dead letters now; see sluice log fsck",
		slice->damaged_from, last);
}

static void batch_gone(struct batch *batch, const struct log_slice *slice)
{
	batch->upto = slice->gone_to;
	line(SL_WARNING, "events %" PRIu64 " to %" PRIu64 " are not in the log any more: the route goes on behind them",
		slice->gone_from, slice->gone_to);
}

bool batch_may_grow(const struct batch *batch)
{
	return !batch->undecoded && batch->pieces < ROUTE_PIECES;
}

bool batch_whole(const struct route *route)
{
	const struct batch *batch = route->gathering;
	return batch && !batch->undecoded && (!batch_may_grow(batch) || !fetch_follows(route));
}

static bool may_read(const struct route *route)
{
	return route->state == ROUTE_RUNNING && !route->paused && !route->once &&
		(!route->gathering || batch_may_grow(route->gathering)) && !route->rewinding && !fetch_awaited(route) &&
		route->open_count < route->policy.open_limit && log_reader_end(route->log) > route->read_to;
}

static struct batch *batch_new(struct route *route)
{
	struct batch *batch = must_alloc(sizeof(*batch));
	batch->pieces = ROUTE_PIECES;
	route->gathering = batch;
	return batch;
}

/* The one that is gathered, or another. */
static struct batch *batch_of_pieces(struct route *route)
{
	if (!route->gathering)
		batch_new(route)->pieces = 0;
	route->gathering->pieces += route->policy.batch_events < ROUTE_PIECES ? ROUTE_PIECES : 1;
	return route->gathering;
}

static bool batch_fetched(struct route *route)
{
	struct fetched *ready;
	const struct log_slice *slice = fetch_taken(route, &ready);
	if (!slice)
		return false;
	batch_records(route, batch_of_pieces(route), slice, ready);
	fetch_used(route);
	route->read_to = route->gathering->upto;
	return true;
}

static bool batch_read(struct route *route)
{
	struct why why = { "" };
	struct log_slice slice = { 0 };
	struct arena *arena = arena_new();
	size_t most = route_alone(route) ? 1 : route->policy.batch_events;
	enum log_read read = log_read(route->log, arena, route->read_to + 1, most, route->policy.batch_bytes, &slice, &why);
	if (read == LOG_BROKEN) /* the disk, not the records: what is damaged is told in another way */
		route_outage(route, why.text, 0, route_go_on);
	if (read == LOG_READ) {
		struct batch *batch = batch_new(route);
		if (slice.gone_from)
			batch_gone(batch, &slice);
		else if (slice.damaged_from)
			batch_damage(route, batch, &slice);
		else
			batch_records(route, batch, &slice, NULL);
		route->read_to = batch->upto;
	}
	arena_free(&arena);
	return read == LOG_READ;
}

bool route_read(struct route *route)
{
	bool read = may_read(route) && (batch_fetched(route) || (!route->gathering && batch_read(route))), more = false;
	bool undecoded = route->gathering && route->gathering->undecoded;
	/* With a batch's first piece a turn later: the sink is being handed one just now, and needs a processor. */
	if (!read || route->gathering->pieces > 1)
		more = fetch_next(route);
	if (route->gathering && batch_decode(route, route->gathering))
		return true;
	return read || more || (undecoded && route->gathering && !route->gathering->undecoded);
}
