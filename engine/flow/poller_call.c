/* SPDX-License-Identifier: Apache-2.0 */
/* poller_call.c - a poll is called; what it emitted is sifted, handed in, and then the cursor moves.
 *
 *     poll_begin     the call, with its walk's cursor
 *     took           it ended well
 *     poll_sift      what of it is new?
 *     hand_over      that is handed in
 *     poll_handed    the ingress has answered: the walk is where the call got to
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/polled.h"
#include "flow/poller.h"

#define SLICE 50 /* ms of sifting a turn */

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
	if (polled_own(event->type))
		return why_say(why, "the poll emitted an event of type %s; types that begin with sluice. are the engine's own",
			event->type);
	return check_word("id", event->id, why) && check_word("type", event->type, why) &&
		check_word("subject", event->subject, why) && check_data(event, why);
}

static void warn_of_other(struct poller *poller, struct walk *walk, const char *id)
{
	if (walk->warned)
		return;
	walk->warned = true;
	line_about(SL_WARNING, &(struct about){ .source = poller->name, .event = id },
		"the poll emitted this id again with other content, and routes take an id once: put what changes into the "
		"id, for example id = card.id .. \"@\" .. card.updated_at");
}

static bool sift_one(struct poller *poller, struct step_taken *taken, const struct sl_event *event, struct why *why)
{
	enum book_seen seen = check_emitted(event, why) ? book_event(poller->book, event, why) : BOOK_FAILED;
	if (seen == BOOK_OTHER)
		warn_of_other(poller, &taken->after, event->id);
	if (seen == BOOK_SAME)
		taken->unchanged++;
	else
		taken->events[1 + taken->fresh++] = *event;
	return seen != BOOK_FAILED;
}

/* ------------------------------------------------------------------------ runs */

static void begin_run(const struct poller *poller, struct walk *walk)
{
	struct run *run = &walk->run;
	if (run->id[0])
		return;
	*run = (struct run){ .full = !walk->cursor || walk->backfill, .began = clock_wall() };
	snprintf(run->id, sizeof(run->id), "%s-%s-%" PRIu64, book_id(poller->book), walk->name, walk->number + 1);
	walk->warned = false;
}

/* A poll that finds nothing new is no event; a first one and a backfill are. */
static bool worth_telling(const struct step_taken *taken)
{
	return taken->fresh || taken->after.backfill || !taken->after.number;
}

/* Around what is new stand the events that tell of its run.  There is room for one
 * on either side. */
static void frame(const struct poller *poller, struct step_taken *taken, bool ended)
{
	struct run *run = &taken->after.run;
	struct arena *arena = taken->call->arena;
	bool begins = !run->told && worth_telling(taken);
	taken->count = taken->fresh;
	run->told |= begins;
	run->events += taken->fresh;
	run->unchanged += taken->unchanged;
	if (begins)
		sync_event(poller, run, false, arena, &taken->events[0]);
	else
		taken->events++;
	taken->count += begins;
	if (ended && run->told)
		sync_event(poller, run, true, arena, &taken->events[taken->count++]);
}

static void end_run(struct walk *walk)
{
	walk->number += walk->run.told;
	walk->run.id[0] = '\0';
	if (walk->backfill)
		walk->on = false;
}

/* ------------------------------------------------------------------------ ends */

static void forget_call(struct poller *poller)
{
	if (poller->book)
		book_rollback(poller->book);
	call_free(&poller->taken.call);
	poller->taken = (struct step_taken){ 0 };
	poller->changed = true;
}

void poll_drop(struct poller *poller)
{
	if (poller->taken.call)
		forget_call(poller);
}

static void goes_wrong(struct poller *poller, enum walk_trouble trouble, const char *why, int64_t after)
{
	struct walk *walk = poller->taken.walk;
	struct why sentence;
	why_say(&sentence, "%s", why); /* it may be the call's */
	forget_call(poller);
	if (trouble == WALK_OUTAGE)
		walk_outage(poller, walk, sentence.text, after);
	else
		walk_failed(poller, walk, sentence.text);
}

static void note_cursor(struct walk *walk, struct walk *after)
{
	if (after->cursor != walk->cursor) {
		after->cursor = after->cursor ? must_string(after->cursor) : NULL;
		free(walk->cursor);
	}
	*walk = *after;
}

/* What was handed in is on disk: now the file may say so. */
static void commit(struct poller *poller)
{
	struct step_taken *taken = &poller->taken;
	struct walk *walk = taken->walk;
	struct why why = { "" };
	if (!book_commit(poller->book, &why)) {
		goes_wrong(poller, WALK_OUTAGE, why.text, 0);
		return;
	}
	note_cursor(walk, &taken->after);
	walk->empty = taken->fresh || !walk->run.id[0] ? 0 : walk->empty + 1;
	poller->events += taken->fresh;
	page_add(poller->page, COUNTER_poll_events, taken->fresh);
	poller->unchanged += taken->unchanged;
	forget_call(poller);
	walk_again(poller, walk);
}

void poll_handed(struct poller *poller, const char *why, bool later)
{
	if (!poller->taken.call)
		return;
	if (why)
		goes_wrong(poller, later ? WALK_OUTAGE : WALK_FAILED, why, 0);
	else
		commit(poller);
}

static bool is_advance(const struct call *call, const char *cursor)
{
	return call->advanced && (!cursor || strcmp(call->advanced, cursor) != 0);
}

static void hand_over(struct poller *poller)
{
	struct step_taken *taken = &poller->taken;
	struct walk *after = &taken->after;
	struct why why = { "" };
	bool advances = is_advance(taken->call, after->cursor);
	frame(poller, taken, !advances);
	if (advances)
		after->cursor = (char *)taken->call->advanced;
	else
		end_run(after);
	if (!book_walk(poller->book, after, &why))
		goes_wrong(poller, WALK_OUTAGE, why.text, 0);
	else if (taken->count)
		hand_in(poller->hand, taken->events, taken->count);
	else
		commit(poller);
}

/* A slice a turn: the loop has other things to do, and a beat to give. */
void poll_sift(struct poller *poller)
{
	struct step_taken *taken = &poller->taken;
	const struct call *call = taken->call;
	struct why why = { "" };
	int64_t until = clock_ticks() + SLICE;
	while (taken->sifted < call->emitted_count && clock_ticks() < until)
		if (!sift_one(poller, taken, &call->emitted[taken->sifted++].event, &why)) {
			goes_wrong(poller, WALK_FAILED, why.text, 0);
			return;
		}
	taken->sifting = taken->sifted < call->emitted_count;
	if (taken->sifting)
		poller_turn(poller, 0);
	else
		hand_over(poller);
}

static void took(struct poller *poller)
{
	struct step_taken *taken = &poller->taken;
	struct why why = { "" };
	taken->events = arena_alloc(taken->call->arena, (taken->call->emitted_count + 2) * sizeof(*taken->events));
	if (book_begin(poller->book, &why))
		poll_sift(poller);
	else
		goes_wrong(poller, WALK_OUTAGE, why.text, 0);
}

/* ----------------------------------------------------------------------- calls */

static void ended(struct call *call, void *data)
{
	struct poller *poller = data;
	if (call->outcome == SL_RETRY)
		goes_wrong(poller, WALK_OUTAGE, call->why.text, call->retry_after);
	else if (call->outcome == SL_FAIL)
		goes_wrong(poller, WALK_FAILED, call->why.text, 0);
	else
		took(poller);
}

void poll_begin(struct poller *poller, struct walk *walk)
{
	struct step_taken *taken = &poller->taken;
	begin_run(poller, walk);
	*taken = (struct step_taken){ .walk = walk, .after = *walk, .call = call_new(poller->instance, STEP_POLL) };
	taken->call->pub.cursor = arena_string(taken->call->arena, walk->cursor);
	taken->call->pub.backfill = taken->call->backfill = walk->backfill;
	taken->call->pub.since = walk->backfill ? walk->since : 0;
	poller->changed = true;
	if (call_run(taken->call, ended, poller) != SL_WAIT)
		ended(taken->call, poller);
}
