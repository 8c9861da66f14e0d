/* SPDX-License-Identifier: Apache-2.0 */
/* route_deliver.c - rows are handed to the sink, and what it said of them is heard.
 *
 * A sink with transactions gets all of a consignment in one call, and where we stand
 * with it.  Any other gets its rows in calls of a size it likes; what it took stays
 * taken, whatever happens next.  If such a call fails as a whole, fewer events go into
 * the next one, down to a single event: that one is dead then, and the others go on.
 * Where nothing but failures is seen it is not the events.
 */
#include "flow/route_ship.h"

#include <string.h>

#define ROWS 1000                  /* in a call, where the sink does not say */
#define BYTES ((size_t)1 << 20)    /* likewise, as JSON */
#define FAILURES_MOST 10           /* events that may fail one after the other before the route stands still */

/* ------------------------------------------------------------- how it ended */

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
	if (settled->outcome == SL_FAIL || it->rows[row]->mode == SL_LOAD_BEGIN) /* later it would be too late */
		delivery_died(it->route, delivery, why);
	else
		delivery_refused(it->route, delivery, why, settled->after);
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

/* Where we believed to stand we do not: an earlier batch, whose end was unknown, had been written. */
static bool stands_elsewhere(const struct call *call, const struct settled *stand)
{
	return stand && stand->outcome == SL_RETRY && call->pub.rows[stand - call->settled]->mode == SL_EXPECT;
}

/* Some rows were not taken: those events are settled, the others are packed anew. */
static void some_refused(struct consignment *it, struct call *call)
{
	struct route *route = it->route;
	const struct settled *stand = stand_refused(it, call);
	uv_timer_cb again = stands_elsewhere(call, stand) ? route_begin_again : route_go_on;
	consignment_give_back(it);
	if (stand && stand->outcome == SL_FAIL)
		route_block_here(route, stand->why ? stand->why : "the sink refuses where the route stands");
	else if (stand)
		route_outage(route, stand->why ? stand->why : "the sink cannot write where the route stands", stand->after,
			again);
}

/* -------------------------------------------------------- failed as a whole */

static size_t count_events(const struct consignment *it, size_t rows)
{
	size_t count = 0;
	for (size_t i = it->sent; i < it->sent + rows; i++)
		count += i == it->sent || it->whose[i] != it->whose[i - 1];
	return count;
}

/* The only event of the call: its fault, unless it is everybody's. */
static void failed_alone(struct consignment *it, const char *why)
{
	struct route *route = it->route;
	struct delivery *delivery = it->whose[it->sent];
	if (route->failures++ >= FAILURES_MOST) {
		consignment_give_back(it);
		route_block_here(route, why);
		return;
	}
	route->narrow = 0;
	delivery_died(route, delivery, why);
	consignment_give_back(it);
}

static void failed(struct consignment *it, struct call *call)
{
	struct route *route = it->route;
	size_t events = count_events(it, call->pub.row_count);
	if (route->transactional) {
		consignment_give_back(it);
		route_block_here(route, call->why.text);
	} else if (refusals(it, call)) {
		consignment_give_back(it);
	} else if (events == 1) {
		failed_alone(it, call->why.text);
	} else {
		route->narrow = events / 2;
		consignment_give_back(it);
	}
}

/* --------------------------------------------------------------- hand over */

static void taken(struct consignment *it, struct call *call)
{
	struct route *route = it->route;
	closing_taken(route, call);
	it->sent += call->pub.row_count;
	route->failures = 0;
	route->narrow *= 2;
	route_recovered(route);
	consignment_hand_over(it);
}

static void handed_over(struct call *call, void *data)
{
	struct consignment *it = data;
	struct route *route = it->route;
	struct call *mine = call;
	it->call = NULL;
	if (call->outcome == SL_DONE && !refusals(it, call)) {
		taken(it, call);
	} else if (call->outcome == SL_DONE) {
		some_refused(it, call);
	} else if (call->outcome == SL_RETRY) {
		if (!route->transactional)
			refusals(it, call);
		consignment_give_back(it);
		route_outage(route, call->why.text, call->retry_after, route_go_on);
	} else {
		failed(it, call);
	}
	call_free(&mine);
	route_turn(route);
}

/* The names of a table's columns, measured once for rows of one table behind each other. */
struct names {
	const struct sl_table *table;
	size_t bytes;
};

static size_t names_bytes(struct names *names, const struct sl_table *table)
{
	if (names->table == table)
		return names->bytes;
	*names = (struct names){ .table = table };
	for (size_t i = 0; i < table->column_count; i++)
		names->bytes += strlen(table->columns[i]->name) + 24;
	return names->bytes;
}

/* About as many bytes as it has as JSON. */
static size_t row_bytes(const struct sl_row *row, struct names *names)
{
	if (!row->table)
		return 2 + row->event->data.len;
	size_t bytes = 2 + names_bytes(names, row->table);
	for (size_t i = 0; i < row->table->column_count; i++)
		if (row->cells[i].kind != SL_CELL_NONE)
			bytes += row->cells[i].text.len;
	for (size_t i = 0; i < row->set_count; i++)
		bytes += row_bytes(row->set[i], names);
	return bytes;
}

/* Its elder of the same subject goes in this call too, and might be put off in it. */
static bool too_early(const struct delivery *delivery)
{
	const struct delivery *elder = delivery->elder;
	return elder && elder->shipped == SHIPPED_ROWS && !consignment_took(elder);
}

/* How many rows go into the next call: at least one.  Of one subject only one event:
 * a sink that took the younger and put off the elder could not be set right any more. */
static size_t next_part(const struct consignment *it)
{
	const struct route *route = it->route;
	const struct sl_plugin *face = instance_face(route->sink);
	size_t rows = face->batch_rows ? face->batch_rows : ROWS, bytes = face->batch_bytes ? face->batch_bytes : BYTES;
	size_t events = route_alone(route) ? 1 : route->narrow ? route->narrow : SIZE_MAX, at = it->sent, size = 0;
	struct names names = { 0 };
	for (; at < it->stand_from && at - it->sent < rows; at++) {
		bool another = at == it->sent || it->whose[at] != it->whose[at - 1];
		size += row_bytes(it->rows[at], &names);
		if ((another && !events--) || (at > it->sent && (size > bytes || (another && too_early(it->whose[at])))))
			break;
	}
	return at - it->sent;
}

/* After a death the master knows up to which event to be careful. */
static void name_event(struct call *call, const struct consignment *it)
{
	for (size_t i = it->sent + call->pub.row_count; i-- > it->sent;)
		if (it->whose[i]) {
			call->seq = it->whose[i]->seq;
			call->part = it->whose[i]->part;
			return;
		}
}

void consignment_hand_over(struct consignment *it)
{
	struct route *route = it->route;
	size_t end = route->transactional ? it->row_count : it->stand_from;
	if (it->sent == end) {
		consignment_taken(it);
		return;
	}
	struct call *call = it->call = call_new(route->sink, STEP_DELIVER);
	call->pub.rows = it->rows + it->sent;
	call->pub.row_count = route->transactional ? end - it->sent : next_part(it);
	name_event(call, it);
	if (call_run(call, handed_over, it) != SL_WAIT)
		handed_over(call, it);
}
