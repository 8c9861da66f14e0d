/* SPDX-License-Identifier: Apache-2.0 */
/* route_dead.c - dead letters, as people look at them, retry them and let them go. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "flow/route_ask.h"

#define LIST_MOST 10000 /* rows in one answer */

/* Taken up before, and the sink could not be had since: the destination has not
 * heard of it yet. */
static bool under_way(const struct delivery *delivery)
{
	const struct delivery *at = delivery->route->open.last;
	while (at && (at->seq != delivery->seq || at->part != delivery->part))
		at = at->prev;
	return at;
}

/* Listing is about all unless something else is said; changing is not. */
bool ask_about(const struct request_for *ask, const struct delivery *delivery)
{
	const char *reason = sl_json_string(sl_json_get(ask->message, "reason")).at;
	uint64_t seq, part = 0;
	if (ask->kind->any_state)
		return ask_number(ask, "seq", &seq) && delivery->seq == seq;
	if (delivery->state != DELIVERY_DEAD || (ask->kind->shipped && under_way(delivery)))
		return false;
	if (ask_number(ask, "seq", &seq))
		return delivery->seq == seq && (!ask_number(ask, "part", &part) || delivery->part == part);
	if (reason)
		return delivery->reason && strstr(delivery->reason, reason);
	return ask->kind->each == ask_list_dead || sl_json_true(sl_json_get(ask->message, "all"));
}

void ask_list_dead(struct request_for *ask, struct delivery **delivery, struct buf *out)
{
	if (ask->count++ < LIST_MOST)
		stand_open_json(*delivery, out);
}

/* The copy, which a person may have changed, or what the log still has. */
static bool find_record(struct route *route, const struct delivery *delivery, struct arena *arena,
	struct log_record *record)
{
	uint64_t seq = delivery->seq;
	struct log_slice slice = { 0 };
	if (keep_copy(route->keep, seq, delivery->part, arena, record))
		return true;
	if (log_read(route->log, arena, seq, 1, 1, &slice, NULL) != LOG_READ || !slice.count || slice.records[0].seq != seq)
		return false;
	*record = slice.records[0];
	return true;
}

static void show_record(struct route *route, const struct delivery *delivery, struct buf *out)
{
	struct arena *arena = arena_new();
	struct log_record record;
	if (find_record(route, delivery, arena, &record)) {
		json_key(out, "headers"), json_text(out, record.headers);
		json_key(out, "query"), json_text(out, record.query);
		json_key(out, "body"), json_text(out, record.body);
	}
	arena_free(&arena);
}

void ask_show_dead(struct request_for *ask, struct delivery **delivery, struct buf *out)
{
	struct route *route = ask->route;
	ask->count++;
	json_open(out, '{');
	json_key(out, "row");
	stand_open_json(*delivery, out);
	json_key(out, "history");
	keep_history_json(route->keep, (*delivery)->seq, (*delivery)->part, out);
	show_record(route, *delivery, out);
	json_close(out, '}');
}

/* It becomes an open delivery again, behind all that its subject has now. */
static void revive(struct request_for *ask, struct delivery **taken, enum delivery_state state)
{
	struct route *route = ask->route;
	struct delivery *delivery = *taken;
	*taken = NULL;
	ask->count++;
	delivery->revived = true;
	delivery->tries = 0;
	delivery->first_at = clock_wall(); /* from now on it may wait for a far side again */
	delivery->state = state;
	delivery->due = clock_wall();
	delivery->due_ticks = clock_ticks();
	answers_again(keep_answers(route->keep), delivery->seq);
	route->open_count++;
	route->dead--;
	deliveries_add(&route->open, delivery);
	if (state == DELIVERY_WAITING)
		order_join(&route->order, delivery);
	route_fresh(route, delivery);
	route_due(route, 0);
}

static bool edit_copy(struct request_for *ask, const struct delivery *delivery, struct sl_text body)
{
	struct arena *arena = arena_new();
	struct log_record record;
	bool found = find_record(ask->route, delivery, arena, &record), done = false;
	if (found) {
		const struct keep_body copies[] = { { &record, delivery->part } };
		const struct keep_job job = { .copies = copies, .copy_count = 1 };
		record.body = body;
		done = keep_write(ask->route->keep, &job, &ask->why);
	} else {
		why_say(&ask->why, "the body of event %" PRIu64 " is not there any more", delivery->seq);
	}
	arena_free(&arena);
	return done;
}

void ask_retry_dead(struct request_for *ask, struct delivery **delivery, struct buf *out)
{
	struct sl_text body = sl_json_string(sl_json_get(ask->message, "body"));
	bool fresh = sl_json_true(sl_json_get(ask->message, "fresh"));
	(*delivery)->anew = fresh;
	if (fresh && !keep_ask_again(ask->route->keep, (*delivery)->seq, (*delivery)->part, &ask->why))
		return;
	if (!body.at || edit_copy(ask, *delivery, body))
		revive(ask, delivery, DELIVERY_WAITING);
}

void ask_drop_dead(struct request_for *ask, struct delivery **delivery, struct buf *out)
{
	drops_count(ask->route, "dropped by a person");
	revive(ask, delivery, DELIVERY_DROPPED);
}

/* What is open is in memory too, and there it is known who stands behind whom. */
static const struct delivery *open_one(const struct route *route, const struct delivery *row)
{
	for (const struct delivery *at = route->open.first; at; at = at->next)
		if (at->seq == row->seq && at->part == row->part)
			return at;
	return row;
}

void ask_where(struct request_for *ask, struct delivery **delivery, struct buf *out)
{
	ask->count++;
	stand_open_json(open_one(ask->route, *delivery), out);
}
