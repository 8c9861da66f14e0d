/* SPDX-License-Identifier: Apache-2.0 */
/* poller_call.c - a poll is called; what it emitted is sifted, handed in, and then the cursor moves.
 *
 *     poll_begin     the call, with its walk's cursor
 *     poll_take      it ended well, and no other is being handed in; the next one may begin
 *     sift           what of it is new?
 *     hand_over      that is handed in; and, if it swept, what is gone, a page after the other
 *     poll_handed    the ingress has answered: the walk is where the call got to
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/polled.h"
#include "flow/poller.h"
#include "sdk/text.h"

#define SLICE 5 /* ms of sifting a turn: the next call's far side is waited for meanwhile */

/* ----------------------------------------------------------------------- sift */

static bool check_word(const char *name, const char *word, struct why *why)
{
	if (!word || strlen(word) <= POLLED_WORD)
		return true;
	return why_say(why, "the poll emitted an event whose %s has %zu bytes; the most is %zu", name, strlen(word),
		POLLED_WORD);
}

static bool check_data(const struct sl_event *event, struct why *why)
{
	char sentence[256] = "";
	if (event->data.len > POLLED_SIZE - 4 * POLLED_WORD)
		return why_say(why, "event %s has %zu MB; the most is %zu MB", event->id, event->data.len >> 20,
			POLLED_SIZE >> 20);
	if (!event->data.len || event->json)
		return true;
	struct sl_document *document = sl_json_read(event->data, sentence, sizeof(sentence));
	bool fine = document;
	sl_json_free(&document);
	return fine || why_say(why, "the data of event %s is %s", event->id, sentence);
}

static bool check_emitted(const struct sl_event *event, struct why *why)
{
	if (!event->id || !*event->id)
		return why_say(why, "the poll emitted an event without an id; without one a repetition of it cannot be known");
	if (!sl_utf8(sl_text_of(event->id)))
		return why_say(why, "the poll emitted an event whose id is not text in UTF-8: two such could become one");
	if (polled_own(event->type))
		return why_say(why, "the poll emitted an event of type %s; types that begin with sluice. are the engine's own",
			event->type);
	return check_word("id", event->id, why) && check_word("type", event->type, why) &&
		check_word("subject", event->subject, why) && check_data(event, why);
}

static void warn_of_other(struct walk *walk, const char *id)
{
	if (walk->warned)
		return;
	walk->warned = true;
	line_about(SL_WARNING, &(struct about){ .source = walk->poller->name, .event = id },
		"the poll emitted this id again with other content, and routes take an id once: put what changes into the "
		"id, for example id = card.id .. \"@\" .. card.updated_at");
}

/* Of a snapshot: everything, as an event of its run. */
static bool take_all(struct walk *walk, const struct sl_event *event, struct why *why)
{
	struct sl_event *mine = &walk->list[1 + walk->fresh];
	if (!check_emitted(event, why))
		return false;
	*mine = *event;
	mine->run = walk->at.run.id;
	mine->id = arena_format(walk->taken->arena, "%s#%s", event->id, mine->run);
	walk->fresh++;
	return check_word("id", mine->id, why);
}

static bool sift_one(struct walk *walk, const struct sl_event *event, struct why *why)
{
	struct book *book = walk->poller->book;
	bool back;
	run_see(&walk->after.run, event);
	if (walk->at.run.kind == RUN_SNAPSHOT)
		return take_all(walk, event, why);
	enum book_seen seen = check_emitted(event, why) ? book_event(book, event, walk->at.anew, why) : BOOK_FAILED;
	if (seen == BOOK_FAILED || !sweep_note(walk, event, &back, why))
		return false;
	if (seen == BOOK_OTHER)
		warn_of_other(walk, event->id);
	if (seen == BOOK_SAME && !back) {
		walk->unchanged++;
		walk->known.page = XXH3_64bits_withSeed(event->id, strlen(event->id), walk->known.page);
		return true;
	}
	struct sl_event *mine = &walk->list[1 + walk->fresh++];
	*mine = *event;
	mine->run = NULL;
	if (back)
		sweep_back(walk, seen == BOOK_SAME, mine);
	return check_word("id", mine->id, why);
}

/* ------------------------------------------------------------------------ ends */

/* What is being handed in is over, whether it is kept or not. */
static void let_go(struct walk *walk)
{
	struct poller *poller = walk->poller;
	if (poller->handing == walk) {
		book_rollback(poller->book);
		poller->handing = NULL;
	}
	call_free(&walk->taken);
	arena_free(&walk->page);
	walk->sifts = walk->goes_on = false;
	poller->changed = true;
}

/* The call that asks began where the one before it would have been. */
void poll_drop(struct walk *walk)
{
	let_go(walk);
	call_free(&walk->call);
	walk->ended = false;
}

static void goes_wrong(struct walk *walk, enum walk_trouble trouble, const char *why, int64_t after)
{
	struct poller *poller = walk->poller;
	struct why sentence;
	bool broken = trouble == WALK_FAILED || poller->handing == walk;
	why_say(&sentence, "%s", why); /* it may be the call's */
	poll_drop(walk);
	if (broken)
		run_breaks(walk);
	if (trouble == WALK_OUTAGE)
		walk_outage(poller, walk, sentence.text, after);
	else
		walk_failed(poller, walk, sentence.text);
}

static void arrive(struct walk *walk)
{
	struct place *at = &walk->at, *after = &walk->after;
	if (after->cursor != at->cursor) {
		after->cursor = after->cursor ? must_string(after->cursor) : NULL;
		free(at->cursor);
	}
	*at = *after;
}

/* What was handed in is on disk: now the file may say so. */
static void commit(struct walk *walk)
{
	struct poller *poller = walk->poller;
	struct why why = { "" };
	if (!book_commit(poller->book, &why)) {
		goes_wrong(walk, WALK_OUTAGE, why.text, 0);
		return;
	}
	arrive(walk);
	walk_counts(walk);
	poller->events += walk->brought;
	page_add(poller->page, COUNTER_poll_events, walk->brought);
	poller->unchanged += walk->unchanged;
	let_go(walk);
	walk_again(poller, walk);
}

/* The call that is handed in does not end its run. */
static bool advances(const struct walk *walk)
{
	const char *to = walk->taken->advanced, *from = walk->at.cursor;
	return to && (!from || strcmp(to, from) != 0);
}

/* Where the walk will be. */
static bool note_place(struct walk *walk, struct why *why)
{
	struct run *run = &walk->after.run;
	if (walk->taken->done || walk->taken->total) {
		run->done = walk->taken->done;
		run->total = walk->taken->total;
	}
	if (advances(walk))
		walk->after.cursor = (char *)walk->taken->advanced;
	else
		run_end(walk);
	return book_walk(walk->poller->book, walk, &walk->after, why);
}

static void hand_over(struct walk *walk)
{
	struct poller *poller = walk->poller;
	struct why why = { "" };
	if (walk->swept < walk->taken->swept_count && !sweep_page(walk, &why)) {
		goes_wrong(walk, WALK_FAILED, why.text, 0);
		return;
	}
	walk->goes_on = walk->swept < walk->taken->swept_count;
	run_frame(walk, !walk->goes_on && !advances(walk));
	if (!walk->goes_on && !note_place(walk, &why))
		goes_wrong(walk, WALK_OUTAGE, why.text, 0);
	else if (walk->count)
		hand_in(poller->hand, walk->events, walk->count, walk->at.anew ? walk->at.run.id : NULL);
	else if (walk->goes_on)
		poller_turn(poller, 0);
	else
		commit(walk);
}

/* Until the last page is on disk all of it could be done again: nothing is committed. */
static void handed(struct walk *walk)
{
	walk->brought += walk->fresh;
	walk->fresh = 0;
	if (walk->goes_on)
		poller_turn(walk->poller, 0);
	else
		commit(walk);
}

void poll_handed(struct poller *poller, const char *why, bool later)
{
	struct walk *walk = poller->handing;
	if (why)
		goes_wrong(walk, later ? WALK_OUTAGE : WALK_FAILED, why, 0);
	else
		handed(walk);
}

/* A slice a turn: the loop has other things to do, and a beat to give. */
static void sift(struct walk *walk)
{
	const struct call *call = walk->taken;
	struct why why = { "" };
	int64_t until = clock_ticks() + SLICE;
	while (walk->sifted < call->emitted_count && clock_ticks() < until)
		if (!sift_one(walk, &call->emitted[walk->sifted++].event, &why)) {
			goes_wrong(walk, WALK_FAILED, why.text, 0);
			return;
		}
	if (walk->sifted < call->emitted_count) {
		poller_turn(walk->poller, 0);
		return;
	}
	walk->sifts = false;
	walk->after.run.unchanged += walk->unchanged;
	hand_over(walk);
}

void poll_go_on(struct poller *poller)
{
	struct walk *walk = poller->handing;
	if (walk && walk->sifts)
		sift(walk);
	else if (walk && walk->goes_on && !hand_busy(poller->hand))
		hand_over(walk);
}

/* ------------------------------------------------------------------------ taken */

static void begin_sifting(struct walk *walk)
{
	struct poller *poller = walk->poller;
	struct call *call = walk->call;
	struct why why = { "" };
	poller->handing = poller->handed = walk;
	walk->taken = call;
	walk->call = NULL;
	walk->ended = false;
	walk->sifts = true;
	walk->heard = walk->hears = false;
	walk->after = walk->at;
	walk->sifted = walk->swept = walk->fresh = walk->brought = walk->unchanged = walk->known.page = 0;
	walk->list = arena_alloc(call->arena, (call->emitted_count + sweep_room(call) + 2) * sizeof(*walk->list));
	if (!book_begin(poller->book, BOOK_SOON, &why))
		goes_wrong(walk, WALK_OUTAGE, why.text, 0);
}

/* A call that did not end well brings nothing, and what was before it is on disk. */
static void take(struct walk *walk)
{
	struct call *call = walk->call;
	if (!walk->ended || walk->taken)
		return;
	if (call->outcome == SL_RETRY)
		goes_wrong(walk, WALK_OUTAGE, call->why.text, call->retry_after);
	else if (call->outcome == SL_FAIL)
		goes_wrong(walk, WALK_FAILED, call->why.text, 0);
	else if (!walk->poller->handing)
		begin_sifting(walk);
}

/* The walk whose turn it is: one that always has something does not keep the other waiting. */
void poll_take(struct poller *poller)
{
	if (errand_keeps(poller))
		return; /* what it keeps is no part of another's transaction */
	bool backfill_first = poller->handed == &poller->poll;
	take(backfill_first ? &poller->backfill : &poller->poll);
	take(backfill_first ? &poller->poll : &poller->backfill);
}

/* ----------------------------------------------------------------------- calls */

static void ended(struct call *call, void *data)
{
	struct walk *walk = data;
	walk->ended = true;
	if (walk->poller->state == POLLER_RUNNING)
		poller_turn(walk->poller, 0);
}

bool poll_busy(const struct walk *walk)
{
	return walk->call || walk->taken;
}

/* A run of calls that bring nothing is not hurried. */
bool poll_may_begin(const struct walk *walk)
{
	if (walk->call || !walk->at.on)
		return false;
	return !walk->taken || (advances(walk) && walk->empty <= WALK_EMPTY);
}

/* Before it nothing is wanted: of a walk that begins; an ordinary one goes back a while. */
static int64_t since_of(const struct walk *walk, const char *cursor)
{
	const struct poller *poller = walk->poller;
	if (walk->backfill)
		return walk->at.since;
	if (cursor || poller->snapshot)
		return 0;
	if (walk->at.since || !poller->first)
		return walk->at.since;
	return walk->at.run.began > poller->first ? walk->at.run.began - poller->first : 1;
}

void poll_begin(struct walk *walk)
{
	struct poller *poller = walk->poller;
	struct why why = { "" };
	bool begins = !walk->taken && !walk->at.run.id[0];
	if (!walk->taken && !run_begin(walk, &why)) {
		walk_outage(poller, walk, why.text, 0);
		return;
	}
	const char *cursor = walk->taken ? walk->taken->advanced : walk->at.cursor;
	walk->call = call_new(poller->instance, STEP_POLL);
	walk->call->pub.cursor = arena_string(walk->call->arena, cursor);
	walk->call->pub.backfill = walk->call->backfill = walk->backfill;
	walk->call->pub.since = since_of(walk, cursor);
	poller->changed = true;
	if (begins && !walk->backfill)
		poller->ask_again = false; /* who asks in the midst of a run has missed its first pages */
	if (call_run(walk->call, ended, walk) != SL_WAIT)
		ended(walk->call, walk);
}
