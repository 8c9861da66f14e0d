/* SPDX-License-Identifier: Apache-2.0 */
/* route_ask.c - what people ask of a route, and what it answers.
 *
 * An ask is {"do":"ask","id":7,"what":"dead retry",...}; its answer
 * {"say":"answer","id":7,"ok":true,...} or {...,"ok":false,"why":"..."}.  Those that
 * look at dead letters recall them from where they lie first, one ask at a time, in
 * between two consignments.  Those that change something are answered when the
 * change is in the destination.
 *
 *     stand                             cursor, counts, open rows in memory
 *     where        seq                  what became of one event
 *     dead ls      limit, reason
 *     dead show    seq, part
 *     dead retry   seq, part | reason | all;  body: a changed copy
 *     dead drop    seq, part | reason | all
 *     pause, resume
 *     rewind       to
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/route.h"
#include "sdk/text.h"

#define LIST_MOST 10000 /* rows in one answer */

struct request_for {
	struct route *route;
	struct sl_document *document;
	const struct sl_json *message;
	int64_t id;
	const struct ask_kind *kind;
	struct call *call;
	uint64_t count;            /* dead letters it was about */
	struct request_for *next;
};

struct ask_kind {
	const char *what;
	void (*now)(struct route *, struct request_for *);  /* answers at once */
	void (*each)(struct request_for *, struct delivery **, struct buf *); /* per recalled row; may take it */
	bool shipped;              /* answered when the change has been shipped */
};

/* ----------------------------------------------------------------- answering */

void route_answer(struct route *route, int64_t ask, bool ok, const char *why, const struct buf *more)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "say", "answer");
	json_member_int(&out, "id", ask);
	json_member_bool(&out, "ok", ok);
	if (why)
		json_member_string(&out, "why", why);
	if (more && more->len)
		json_raw(&out, more->at, more->len);
	json_close(&out, '}');
	channel_send(route->channel, &out);
	buf_free(&out);
}

static void ask_free(struct request_for **ask)
{
	if ((*ask)->call)
		call_free(&(*ask)->call);
	sl_json_free(&(*ask)->document);
	free(*ask);
	*ask = NULL;
}

void route_answer_shipped(struct route *route, bool ok, const char *why)
{
	while (route->answering) {
		struct request_for *ask = route->answering;
		struct buf more = { 0 };
		route->answering = ask->next;
		json_member_uint(&more, "count", ask->count);
		route_answer(route, ask->id, ok, why, &more);
		buf_free(&more);
		ask_free(&ask);
	}
}

static bool asked_number(const struct request_for *ask, const char *name, uint64_t *number)
{
	int64_t value;
	if (!sl_json_integer(sl_json_get(ask->message, name), &value) || value < 0)
		return false;
	*number = (uint64_t)value;
	return true;
}

/* ------------------------------------------------------------ answered at once */

static void tell_stand(struct route *route, struct request_for *ask)
{
	struct buf out = { 0 };
	json_member_string(&out, "route", route->name);
	json_member_string(&out, "log_id", route->stand.log_id);
	json_member_uint(&out, "cursor", route->stand.cursor);
	json_member_uint(&out, "end", log_reader_end(route->log));
	json_member_uint(&out, "counted_from", route->stand.counted_from);
	json_member_uint(&out, "delivered", route->stand.delivered);
	json_member_uint(&out, "dropped", route->stand.dropped);
	json_member_uint(&out, "repeats", route->stand.repeats);
	json_member_uint(&out, "waiting", route->open.count);
	json_member_uint(&out, "dead", route->dead);
	json_member_bool(&out, "paused", route->paused);
	json_key(&out, "drops");
	drops_json(route, &out);
	json_key(&out, "open");
	json_open(&out, '[');
	size_t left = 100;
	for (const struct delivery *at = route->open.first; at && left; at = at->next, left--)
		stand_open_json(at, &out);
	json_close(&out, ']');
	route_answer(route, ask->id, true, NULL, &out);
	buf_free(&out);
}

static void set_paused(struct route *route, struct request_for *ask, bool paused)
{
	struct why why = { "" };
	if (!keep_set(route->keep, "paused", paused ? "yes" : "no", &why)) {
		route_answer(route, ask->id, false, why.text, NULL);
		return;
	}
	route->paused = paused;
	if (!paused)
		route_resume(route);
	route_answer(route, ask->id, true, NULL, NULL);
	route_tell(route);
	route_turn(route);
}

static void pause_route(struct route *route, struct request_for *ask)
{
	set_paused(route, ask, true);
}

static void resume_route(struct route *route, struct request_for *ask)
{
	set_paused(route, ask, false);
}

static bool rewind_target(const struct route *route, const struct request_for *ask, uint64_t *to, struct why *why)
{
	const char *word = sl_json_string(sl_json_get(ask->message, "to")).at;
	uint64_t end = log_reader_end(route->log);
	if (word && strcmp(word, "end") == 0) {
		*to = end;
		return true;
	}
	if (!asked_number(ask, "to", to))
		return why_say(why, "say where to: a seq to stand behind, or end");
	if (*to > end)
		return why_say(why, "the log ends at event %" PRIu64, end);
	return true;
}

static void rewind_route(struct route *route, struct request_for *ask)
{
	struct why why = { "" };
	uint64_t to = 0;
	bool well = rewind_target(route, ask, &to, &why);
	if (well && !route_restand(route, &route->stand, to, false, ask->id))
		well = why_say(&why, "the route is being set anew already; ask again");
	if (!well)
		route_answer(route, ask->id, false, why.text, NULL);
}

/* -------------------------------------------------------- about dead letters */

static void list_dead(struct request_for *ask, struct delivery **delivery, struct buf *out);

/* Listing is about all unless something else is said; changing is not. */
static bool about_it(const struct request_for *ask, const struct delivery *delivery)
{
	const char *reason = sl_json_string(sl_json_get(ask->message, "reason")).at;
	uint64_t seq, part = 0;
	if (delivery->state != DELIVERY_DEAD)
		return false;
	if (asked_number(ask, "seq", &seq))
		return delivery->seq == seq && (!asked_number(ask, "part", &part) || delivery->part == part);
	if (reason)
		return delivery->reason && strstr(delivery->reason, reason);
	return ask->kind->each == list_dead || sl_json_true(sl_json_get(ask->message, "all"));
}

static void list_dead(struct request_for *ask, struct delivery **delivery, struct buf *out)
{
	if (ask->count++ < LIST_MOST)
		stand_open_json(*delivery, out);
}

static void show_record(struct route *route, uint64_t seq, struct buf *out)
{
	struct arena *arena = arena_new();
	struct log_slice slice = { 0 };
	struct log_record record;
	bool found = keep_copy(route->keep, seq, arena, &record);
	if (!found && log_read(route->log, arena, seq, 1, 1, &slice, NULL) == LOG_READ && slice.count &&
		slice.records[0].seq == seq) {
		record = slice.records[0];
		found = true;
	}
	if (found) {
		json_key(out, "headers"), json_text(out, record.headers);
		json_key(out, "query"), json_text(out, record.query);
		json_key(out, "body"), json_text(out, record.body);
	}
	arena_free(&arena);
}

static void show_dead(struct request_for *ask, struct delivery **delivery, struct buf *out)
{
	struct route *route = ask->route;
	ask->count++;
	json_open(out, '{');
	json_key(out, "row");
	stand_open_json(*delivery, out);
	json_key(out, "history");
	keep_history_json(route->keep, (*delivery)->seq, (*delivery)->part, out);
	show_record(route, (*delivery)->seq, out);
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
	delivery->state = state;
	delivery->due = clock_wall();
	delivery->due_ticks = clock_ticks();
	route->open_count++;
	route->dead--;
	deliveries_add(&route->open, delivery);
	if (state == DELIVERY_WAITING)
		order_join(&route->order, delivery);
	route_fresh(route, delivery);
	route_due(route, 0);
}

static bool edit_copy(struct request_for *ask, const struct delivery *delivery, struct why *why)
{
	struct sl_text body = sl_json_string(sl_json_get(ask->message, "body"));
	struct arena *arena = arena_new();
	struct log_record record;
	bool done = false;
	if (!body.at) {
		arena_free(&arena);
		return true;
	}
	if (keep_copy(ask->route->keep, delivery->seq, arena, &record)) {
		const struct log_record *copies[] = { &record };
		const struct keep_job job = { .copies = copies, .copy_count = 1 };
		record.body = body;
		done = keep_write(ask->route->keep, &job, why);
	} else {
		why_say(why, "its body is not there any more");
	}
	arena_free(&arena);
	return done;
}

static void retry_dead(struct request_for *ask, struct delivery **delivery, struct buf *out)
{
	struct why why = { "" };
	if (edit_copy(ask, *delivery, &why))
		revive(ask, delivery, DELIVERY_WAITING);
	else
		line(SL_ERROR, "event %" PRIu64 " cannot be edited: %s", (*delivery)->seq, why.text);
}

static void drop_dead(struct request_for *ask, struct delivery **delivery, struct buf *out)
{
	drops_count(ask->route, "dropped by a person");
	revive(ask, delivery, DELIVERY_DROPPED);
}

static void where_row(struct request_for *ask, struct delivery **delivery, struct buf *out)
{
	ask->count++;
	stand_open_json(*delivery, out);
}

static const struct ask_kind kinds[] = {
	{ "stand", tell_stand, NULL, false },
	{ "pause", pause_route, NULL, false },
	{ "resume", resume_route, NULL, false },
	{ "rewind", rewind_route, NULL, false },
	{ "where", NULL, where_row, false },
	{ "dead ls", NULL, list_dead, false },
	{ "dead show", NULL, show_dead, false },
	{ "dead retry", NULL, retry_dead, true },
	{ "dead drop", NULL, drop_dead, true },
};

/* ---------------------------------------------------------------- recalling */

static bool wanted_row(const struct request_for *ask, const struct delivery *delivery)
{
	uint64_t seq;
	if (strcmp(ask->kind->what, "where") == 0)
		return asked_number(ask, "seq", &seq) && delivery->seq == seq;
	return about_it(ask, delivery);
}

struct looking {
	struct request_for *ask;
	struct buf *rows;
};

static void look_at(const struct sl_cell *cells, void *data)
{
	struct looking *looking = data;
	struct delivery *delivery = stand_read_open(looking->ask->route, cells);
	if (!delivery)
		return;
	if (wanted_row(looking->ask, delivery))
		looking->ask->kind->each(looking->ask, &delivery, looking->rows);
	delivery_free(&delivery);
}

static void answer_rows(struct request_for *ask, const struct buf *rows)
{
	struct route *route = ask->route;
	struct buf more = { 0 };
	json_member_uint(&more, "count", ask->count);
	json_member_uint(&more, "cursor", route->stand.cursor);
	json_member_uint(&more, "read_to", route->read_to);
	json_key(&more, "rows");
	json_raw(&more, rows->at, rows->len);
	route_answer(route, ask->id, true, NULL, &more);
	buf_free(&more);
}

static void looked(struct request_for *ask, const struct buf *rows)
{
	struct route *route = ask->route;
	route->recalling = NULL;
	if (ask->kind->shipped && ask->count) {
		ask->next = route->answering;
		route->answering = ask;
	} else {
		answer_rows(ask, rows);
		ask_free(&ask);
	}
	route_turn(route);
}

static void rows_recalled(struct call *call, void *data)
{
	struct request_for *ask = data;
	struct route *route = ask->route;
	struct buf rows = { 0 };
	struct looking looking = { ask, &rows };
	ask->call = NULL;
	if (call->outcome == SL_DONE) {
		json_open(&rows, '[');
		for (size_t i = 0; i < call->emitted_count; i++)
			if (recalled(call, i, &stand_open))
				look_at(recalled(call, i, &stand_open), &looking);
		json_close(&rows, ']');
		looked(ask, &rows);
	} else {
		route->recalling = NULL;
		route_answer(route, ask->id, false, call->why.text, NULL);
		ask_free(&ask);
	}
	buf_free(&rows);
	call_free(&call);
	route_turn(route);
}

static void recall_own_file(struct request_for *ask)
{
	struct why why = { "" };
	struct buf rows = { 0 };
	struct looking looking = { ask, &rows };
	json_open(&rows, '[');
	bool well = keep_recall(ask->route->keep, &stand_open, look_at, &looking, &why);
	json_close(&rows, ']');
	if (!well)
		line(SL_ERROR, "%s", why.text);
	looked(ask, &rows);
	buf_free(&rows);
}

static void recall(struct request_for *ask)
{
	struct route *route = ask->route;
	uint64_t seq;
	route->recalling = ask;
	if (!route->transactional) {
		recall_own_file(ask);
		return;
	}
	bool any = strcmp(ask->kind->what, "where") == 0 && asked_number(ask, "seq", &seq);
	struct call *call = ask->call = call_new(route->sink, STEP_RECALL);
	const struct sl_row **wanted = arena_alloc(call->arena, sizeof(*wanted));
	*wanted = stand_wanted(call->arena, &stand_open, route->name, any ? NULL : "dead");
	call->pub.rows = wanted;
	call->pub.row_count = 1;
	if (call_run(call, rows_recalled, ask) != SL_WAIT)
		rows_recalled(call, ask);
}

/* The step: one at a time, in the order they came, in between consignments. */
bool route_asks(struct route *route)
{
	struct request_for *ask = route->asked;
	if (!ask || !route->answers || route_sink_busy(route) || route->rewinding)
		return false;
	route->asked = ask->next;
	ask->next = NULL;
	if (ask->kind->now) {
		ask->kind->now(route, ask);
		ask_free(&ask);
	} else {
		recall(ask);
	}
	return true;
}

/* ------------------------------------------------------------------ hearing */

static const struct ask_kind *kind_of(const struct sl_json *message)
{
	const char *what = sl_json_string(sl_json_get(message, "what")).at;
	for (size_t i = 0; what && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].what, what) == 0)
			return &kinds[i];
	return NULL;
}

void route_ask(struct route *route, const struct sl_json *message)
{
	const struct ask_kind *kind = kind_of(message);
	int64_t id = 0;
	if (!sl_json_integer(sl_json_get(message, "id"), &id) || !kind) {
		route_answer(route, id, false, "a route does not know this question", NULL);
		return;
	}
	struct request_for *ask = must_alloc(sizeof(*ask)), **at = &route->asked;
	ask->route = route;
	ask->document = sl_json_read(sl_json_raw(message), NULL, 0);
	ask->message = sl_json_root(ask->document);
	ask->id = id;
	ask->kind = kind;
	while (*at)
		at = &(*at)->next;
	*at = ask;
	route_turn(route);
}

void route_asks_begin(struct route *route)
{
	route->answers = true;
	route_turn(route);
}

void route_asks_end(struct route *route)
{
	route_answer_shipped(route, false, "the route stops");
	if (route->recalling)
		ask_free(&route->recalling);
	while (route->asked) {
		struct request_for *ask = route->asked;
		route->asked = ask->next;
		route_answer(route, ask->id, false, "the route stops", NULL);
		ask_free(&ask);
	}
}
