/* SPDX-License-Identifier: Apache-2.0 */
/* poller_tell.c - how a source is, and answers to what is asked. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/poller.h"
#include "sdk/text.h"

/* ---------------------------------------------------------------------- status */

static const char *trouble_word(const struct walk *walk)
{
	static const char *const words[] = { [WALK_OUTAGE] = "outage", [WALK_FAILED] = "failed" };
	return words[walk->trouble];
}

static const char *busy_word(const struct poller *poller)
{
	if (poller->handing && hand_waits(poller->hand))
		return "waiting";
	return poll_busy(&poller->poll) ? "polling" : NULL;
}

/* What is wrong stays told until it is right again, also while it is tried. */
static const char *state_word(const struct poller *poller)
{
	const char *busy = busy_word(poller);
	if (poller->open_why.text[0])
		return "failed";
	if (poller->poll.trouble)
		return trouble_word(&poller->poll);
	if (poller->backfill.at.on && poller->backfill.trouble)
		return trouble_word(&poller->backfill);
	if (busy)
		return busy;
	if (poller->backfill.at.on)
		return poller->rest && !poll_busy(&poller->backfill) ? "resting" : "backfilling";
	return poller->rest && walk_rests(&poller->poll) && poller->poll.due <= clock_ticks() ? "resting" : "idle";
}

static const char *error_words(const struct poller *poller)
{
	if (poller->open_why.text[0])
		return poller->open_why.text;
	if (poller->poll.trouble)
		return poller->poll.why.text;
	return poller->backfill.at.on && poller->backfill.trouble ? poller->backfill.why.text : NULL;
}

static void write_moment(struct buf *out, const char *name, int64_t ms)
{
	json_key(out, name);
	if (ms)
		json_int(out, ms);
	else
		json_null(out);
}

static bool says_how_far(const struct call *call)
{
	return call && (call->done || call->total);
}

/* How far it is: as the plugin says, also in the midst of a call, and by the times of what it emitted. */
static void write_reach(const struct walk *walk, struct buf *out)
{
	const struct run *run = &walk->at.run;
	const struct call *call = says_how_far(walk->call) ? walk->call : walk->taken;
	bool now = says_how_far(call);
	json_member_uint(out, "done", now ? call->done : run->done);
	json_member_uint(out, "total", now ? call->total : run->total);
	write_moment(out, "began", run->began);
	write_moment(out, "oldest", run->oldest);
	write_moment(out, "newest", run->newest);
}

/* Null unless `is`. */
static void write_backfill(const struct walk *walk, const char *name, bool is, struct buf *out)
{
	json_key(out, name);
	if (!is) {
		json_null(out);
		return;
	}
	json_open(out, '{');
	json_member_int(out, "since", walk->at.since);
	json_member_bool(out, "all", walk->at.anew != 0);
	json_member_uint(out, "events", walk->at.run.events);
	json_member_uint(out, "unchanged", walk->at.run.unchanged);
	write_reach(walk, out);
	json_member_string(out, "trouble", trouble_word(walk));
	json_member_string(out, "error", walk->trouble ? walk->why.text : NULL);
	json_close(out, '}');
}

static void write_status(const struct poller *poller, struct buf *out)
{
	bool plans = poller->opened && poller->polls && !poll_busy(&poller->poll);
	json_member_string(out, "state", state_word(poller));
	json_member_string(out, "error", error_words(poller));
	write_moment(out, "last_poll", poller->last_poll);
	write_moment(out, "next_poll", plans ? clock_wall() + poller->poll.due - clock_ticks() : 0);
	json_member_uint(out, "polls", page_get(poller->page, COUNTER_polls));
	json_member_uint(out, "failures", page_get(poller->page, COUNTER_poll_failures));
	json_member_uint(out, "events", poller->events);
	json_member_uint(out, "unchanged", poller->unchanged);
	write_backfill(&poller->backfill, "backfill", poller->backfill.at.on, out);
	write_backfill(&poller->backfill, "backfilled", !poller->backfill.at.on && poller->backfill.at.run.began, out);
	json_member_bool(out, "snapshot", poller->snapshot);
	json_member_bool(out, "open", poller->book != NULL);
	gap_write(poller, out);
}

static void send_message(struct poller *poller, struct buf *out)
{
	json_close(out, '}');
	channel_send(poller->channel, out);
	buf_free(out);
}

void tell_status(struct poller *poller)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "say", "status");
	write_status(poller, &out);
	send_message(poller, &out);
	poller->changed = false;
}

/* --------------------------------------------------------------------- answers */

static void begin_answer(struct buf *out, int64_t id, const char *why)
{
	json_open(out, '{');
	json_member_string(out, "say", "answer");
	json_member_int(out, "id", id);
	json_member_bool(out, "ok", !why);
	if (why)
		json_member_string(out, "why", why);
}

void tell_end(struct poller *poller, int64_t id, const char *why)
{
	struct buf out = { 0 };
	begin_answer(&out, id, why);
	send_message(poller, &out);
}

/* Who asks the master next is told no less. */
static void answer_status(struct poller *poller, int64_t id)
{
	struct buf out = { 0 };
	if (poller->changed)
		tell_status(poller);
	begin_answer(&out, id, NULL);
	write_status(poller, &out);
	send_message(poller, &out);
}

/* ------------------------------------------------------------------------ asks */

void tell_polled(struct poller *poller)
{
	const char *why = poller->poll.trouble ? poller->poll.why.text : NULL;
	page_add(poller->page, COUNTER_polls, 1);
	page_add(poller->page, COUNTER_poll_failures, why != NULL);
	if (poller->ask_again && !why)
		return; /* who asked waits for the next run */
	if (!why)
		gap_polled(poller);
	if (poller->ask_count)
		tell_status(poller);
	for (size_t i = 0; i < poller->ask_count; i++) {
		if (why)
			tell_end(poller, poller->asks[i], why);
		else
			answer_status(poller, poller->asks[i]);
	}
	poller->ask_count = 0;
}

static const char does_not_poll[] = "its plugin does not poll: it only takes in what the vendor sends";

static void ask_since(struct poller *poller, int64_t id, int64_t since)
{
	if (poller->snapshot) {
		tell_end(poller, id, "each poll of this source is a snapshot, of everything: leave `since` out");
		return;
	}
	if (poller->since_ask || since <= 0) {
		tell_end(poller, id, since <= 0 ? "`since` is no time" : "another poll is being begun");
		return;
	}
	poller->since_ask = id;
	poller->since = since;
	poller_turn(poller, 0);
}

static void ask_poll(struct poller *poller, int64_t id, const struct sl_json *message)
{
	bool waits = sl_json_true(sl_json_get(message, "wait"));
	int64_t since;
	if (!poller->polls) {
		tell_end(poller, id, does_not_poll);
		return;
	}
	if (waits && poller->ask_count == POLLER_ASKS) {
		tell_end(poller, id, "too many wait for this poll already");
		return;
	}
	if (sl_json_integer(sl_json_get(message, "since"), &since)) {
		ask_since(poller, id, since);
		return;
	}
	poller->poll.due = clock_ticks();
	poller->ask_again |= poll_busy(&poller->poll);
	poller_turn(poller, 0);
	if (waits)
		poller->asks[poller->ask_count++] = id;
	else
		tell_end(poller, id, NULL);
}

static void begin_anew(struct walk *walk, const struct place *place)
{
	poll_drop(walk);
	free(walk->at.cursor);
	walk->at = *place;
	walk->trouble = WALK_WELL;
	walk->outages = walk->empty = 0;
	walk->known = (struct known){ 0 };
	walk->due = clock_ticks();
}

static void begin_poll(struct poller *poller)
{
	struct book *book = poller->book;
	struct walk *walk = &poller->poll;
	struct place place = { .on = true, .since = poller->since, .number = walk->at.number };
	struct why why = { "" };
	int64_t id = poller->since_ask;
	poller->since_ask = 0;
	place.number += walk->at.run.id[0] != '\0';
	if (book_begin(book, BOOK_NOW, &why) && book_walk(book, walk, &place, &why) && book_commit(book, &why)) {
		begin_anew(walk, &place);
		tell_end(poller, id, NULL);
		return;
	}
	book_rollback(book);
	tell_end(poller, id, why.text);
}

static void begin_backfill(struct poller *poller)
{
	struct book *book = poller->book;
	struct walk *walk = &poller->backfill;
	struct place place = { .on = poller->backfill_on, .since = poller->backfill_since, .number = walk->at.number };
	struct why why = { "" };
	int64_t id = poller->backfill_ask;
	poller->backfill_ask = 0;
	place.number += walk->at.run.id[0] != '\0'; /* one that was under way is no more */
	if (book_begin(book, BOOK_NOW, &why) && (!poller->backfill_all || (place.anew = book_turn(book, &why))) &&
		book_walk(book, walk, &place, &why) && book_commit(book, &why)) {
		begin_anew(walk, &place);
		tell_status(poller); /* before the answer: who asks the master next is told of it */
		tell_end(poller, id, NULL);
		return;
	}
	book_rollback(book);
	tell_end(poller, id, why.text);
}

/* Not while something is being handed in: it would share that one's transaction. */
void tell_begins(struct poller *poller)
{
	if (poller->since_ask)
		begin_poll(poller);
	if (poller->backfill_ask)
		begin_backfill(poller);
}

/* One more run is all that is wanted, and there is no part of it to be had. */
static void ask_snapshot(struct poller *poller, int64_t id, const struct sl_json *message)
{
	int64_t since = 0;
	if (sl_json_true(sl_json_get(message, "stop")))
		tell_end(poller, id, "each poll of this source is a snapshot: there are no backfills to be stopped");
	else if (sl_json_integer(sl_json_get(message, "since"), &since) && since)
		tell_end(poller, id, "each poll of this source is a snapshot, of everything: leave `since` out");
	else
		ask_poll(poller, id, message);
}

static void ask_backfill(struct poller *poller, int64_t id, const struct sl_json *message)
{
	if (!poller->polls) {
		tell_end(poller, id, does_not_poll);
		return;
	}
	if (poller->snapshot) {
		ask_snapshot(poller, id, message);
		return;
	}
	if (poller->backfill_ask) {
		tell_end(poller, id, "another backfill is being begun");
		return;
	}
	poller->backfill_ask = id;
	poller->backfill_on = !sl_json_true(sl_json_get(message, "stop"));
	poller->backfill_all = sl_json_true(sl_json_get(message, "all"));
	poller->backfill_since = 0;
	sl_json_integer(sl_json_get(message, "since"), &poller->backfill_since);
	poller_turn(poller, 0);
}

static void ask_state(struct poller *poller, int64_t id, const struct sl_json *message)
{
	answer_status(poller, id);
}

static const struct {
	const char *what;
	void (*run)(struct poller *poller, int64_t id, const struct sl_json *message);
} asks[] = {
	{ "poll", ask_poll },
	{ "backfill", ask_backfill },
	{ "state", ask_state },
	{ "hooks", errand_answer_hooks },
	{ "discover", errand_answer_discover },
};

void tell_ask(struct poller *poller, const struct sl_json *message)
{
	struct sl_text what = sl_json_string(sl_json_get(message, "what"));
	int64_t id = 0;
	sl_json_integer(sl_json_get(message, "id"), &id);
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
		if (sl_text_is(what, asks[i].what)) {
			asks[i].run(poller, id, message);
			return;
		}
	tell_end(poller, id, "a source can be asked for \"poll\", \"backfill\", \"state\", \"hooks\" and \"discover\"");
}
