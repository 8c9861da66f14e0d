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
 *     dead retry   seq, part | reason | all;  body: a changed copy;  fresh: far sides are asked again
 *     dead drop    seq, part | reason | all
 *     pause, resume
 *     rewind       to;  fresh
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/route_ask.h"
#include "sdk/text.h"

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

bool ask_number(const struct request_for *ask, const char *name, uint64_t *number)
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
	struct why unheard;
	struct log_stat log;
	json_member_string(&out, "route", route->name);
	json_member_string(&out, "log_id", route->stand.log_id);
	json_member_uint(&out, "cursor", route->stand.cursor);
	json_member_uint(&out, "end", log_reader_end(route->log));
	if (!log_reader_stat(route->log, &log, &unheard))
		log = (struct log_stat){ .end = log_reader_end(route->log) }; /* gaps count as events then */
	json_member_uint(&out, "behind", log_events_behind(&log, route->stand.cursor));
	json_member_uint(&out, "counted_from", route->stand.counted_from);
	json_member_uint(&out, "delivered", route->stand.delivered);
	json_member_uint(&out, "dropped", route->stand.dropped);
	json_member_uint(&out, "repeats", route->stand.repeats);
	json_member_uint(&out, "waiting", route->open.count);
	json_member_uint(&out, "dead", route->dead);
	json_member_bool(&out, "paused", route->paused);
	json_key(&out, "drops");
	tally_json(route->drops, &out);
	json_key(&out, "mended");
	mended_json(route, &out);
	json_key(&out, "upkeep");
	upkeep_json(route, &out);
	json_key(&out, "open");
	json_open(&out, '[');
	size_t left = 100;
	for (const struct delivery *at = route->open.first; at && left; at = at->next, left--)
		stand_open_json(at, &out);
	json_close(&out, ']');
	route_answer(route, ask->id, true, NULL, &out);
	buf_free(&out);
}

/* While a person holds it nobody waits in vain. */
static bool note_resumed(struct route *route, struct why *why)
{
	char at[24];
	route->resumed = clock_wall();
	snprintf(at, sizeof(at), "%" PRId64, route->resumed);
	return keep_set(route->keep, "resumed", at, why);
}

static void set_paused(struct route *route, struct request_for *ask, bool paused)
{
	struct why why = { "" };
	if (!keep_set(route->keep, "paused", paused ? "yes" : "no", &why) ||
		(route->paused && !paused && !note_resumed(route, &why))) {
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
	if (!ask_number(ask, "to", to))
		return why_say(why, "say where to: a seq to stand behind, or end");
	if (*to > end)
		return why_say(why, "the log ends at event %" PRIu64, end);
	return true;
}

static void rewind_route(struct route *route, struct request_for *ask)
{
	struct why why = { "" };
	struct restand wish = { .fresh = sl_json_true(sl_json_get(ask->message, "fresh")), .ask = ask->id };
	bool well = rewind_target(route, ask, &wish.to, &why);
	if (well && !route_restand(route, &route->stand, &wish))
		well = why_say(&why, "the route is being set anew already; ask again");
	if (!well)
		route_answer(route, ask->id, false, why.text, NULL);
}

static const struct ask_kind kinds[] = {
	{ "stand", .now = tell_stand },
	{ "pause", .now = pause_route, .early = true },
	{ "resume", .now = resume_route, .early = true },
	{ "rewind", .now = rewind_route },
	{ "where", .each = ask_where, .any_state = true },
	{ "dead ls", .each = ask_list_dead },
	{ "dead show", .each = ask_show_dead },
	{ "dead retry", .each = ask_retry_dead, .shipped = true },
	{ "dead drop", .each = ask_drop_dead, .shipped = true },
};

/* ---------------------------------------------------------------- recalling */

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
	if (ask_about(looking->ask, delivery))
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
	} else if (ask->why.text[0]) {
		route_answer(route, ask->id, false, ask->why.text, NULL);
		ask_free(&ask);
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
	route->recalling = ask;
	if (!route->transactional) {
		recall_own_file(ask);
		return;
	}
	struct call *call = ask->call = call_new(route->sink, STEP_RECALL);
	const struct sl_row **wanted = arena_alloc(call->arena, sizeof(*wanted));
	*wanted = stand_wanted(call->arena, &stand_open, route->name, ask->kind->any_state ? NULL : "dead");
	call->pub.rows = wanted;
	call->pub.row_count = 1;
	if (call_run(call, rows_recalled, ask) != SL_WAIT)
		rows_recalled(call, ask);
}

static bool stands_still(const struct route *route)
{
	return route->state == ROUTE_OUTAGE || route->state == ROUTE_BLOCKED;
}

/* Once the route knows where it stands; what needs only its own file may be the
 * way out if it never finds out. */
static bool may_answer(const struct route *route, const struct request_for *ask)
{
	return route->answers || (ask->kind->early && route->keep && stands_still(route));
}

/* Nobody is kept waiting for what will not come: a change would have to be shipped. */
static bool must_refuse(const struct route *route, const struct request_for *ask)
{
	return stands_still(route) && (ask->kind->shipped || !may_answer(route, ask));
}

static void consider(struct route *route, struct request_for *ask)
{
	if (must_refuse(route, ask))
		route_answer(route, ask->id, false, route->error.text, NULL);
	else if (ask->kind->now)
		ask->kind->now(route, ask);
	else {
		recall(ask);
		return;
	}
	ask_free(&ask);
}

/* The step: one at a time, in the order they came, in between consignments.  A
 * change is shipped before the next ask looks: no dead letter is taken up twice. */
bool route_asks(struct route *route)
{
	struct request_for *ask = route->asked;
	if (!ask || route->recalling || route->consignment || route->ahead || route->rewinding || route->answering)
		return false;
	if (!may_answer(route, ask) && !must_refuse(route, ask))
		return false;
	if (ask->kind->each && route_sink_busy(route))
		return false; /* it would be asked twice at once */
	route->asked = ask->next;
	ask->next = NULL;
	consider(route, ask);
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
