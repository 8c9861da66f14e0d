/* SPDX-License-Identifier: Apache-2.0 */
/* poller_walk.c - which call is next, and when. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/poller.h"

#define OUTAGE_FIRST 1000
#define OUTAGE_MOST 300000
#define EMPTY_PAUSE 1000  /* ms between further ones: a cursor that always moves is no tight loop */
#define JITTER 20         /* a poll comes up to this part of its interval early */

static int64_t some(int64_t most)
{
	return most > 0 ? (int64_t)(random() % most) : 0;
}

int64_t walk_pause(unsigned tries, int64_t after)
{
	int64_t pause = OUTAGE_FIRST;
	while (tries-- > 1 && pause < OUTAGE_MOST)
		pause *= 2;
	if (pause > OUTAGE_MOST)
		pause = OUTAGE_MOST;
	pause += some(pause / 5);
	return pause > after ? pause : after + some(OUTAGE_FIRST);
}

/* ---------------------------------------------------------------- how it ended */

static void well(struct walk *walk)
{
	if (walk->trouble == WALK_OUTAGE)
		line(SL_INFO, "the far side can be had again");
	walk->trouble = WALK_WELL;
	walk->why.text[0] = '\0';
	walk->outages = 0;
}

/* Nothing is new in a walk through what is known, and yet it gets on: after a crash, or where a poll was before a
 * backfill.  A cursor that moves for ever over the same few pages does not (Brent's way to find a circle). */
static bool goes_round(struct known *known)
{
	if (known->page == known->mark)
		return true;
	if (++known->steps >= known->reach) {
		known->mark = known->page;
		known->reach = known->reach * 2 + 1;
		known->steps = 0;
	}
	return false;
}

void walk_counts(struct walk *walk)
{
	bool over = !walk->at.run.id[0];
	if (over || walk->brought)
		walk->known = (struct known){ 0 };
	if (over || walk->brought || (walk->unchanged && !goes_round(&walk->known)))
		walk->empty = 0;
	else
		walk->empty++;
}

static void run_over(struct poller *poller, struct walk *walk)
{
	if (walk->backfill) {
		line(SL_INFO, "the backfill is over: %zu events", (size_t)walk->at.run.events);
		return;
	}
	poller->last_poll = clock_wall();
	walk->due = clock_ticks() + poller->every - some(poller->every / JITTER);
	if (poller->ask_again)
		walk->due = clock_ticks();
	tell_polled(poller);
}

void walk_again(struct poller *poller, struct walk *walk)
{
	well(walk);
	if (walk->at.run.id[0])
		walk->due = clock_ticks() + (walk->empty > WALK_EMPTY ? EMPTY_PAUSE : 0);
	else
		run_over(poller, walk);
	poller->changed = true;
	poller_turn(poller, 0);
}

void walk_outage(struct poller *poller, struct walk *walk, const char *why, int64_t after)
{
	int64_t pause = walk_pause(++walk->outages, after);
	if (walk->trouble != WALK_OUTAGE)
		line(SL_WARNING, "%s has to wait: %s", walk->backfill ? "the backfill" : "the poll", why);
	walk->trouble = WALK_OUTAGE;
	why_say(&walk->why, "%s", why);
	walk->due = clock_ticks() + pause;
	if (!walk->backfill)
		tell_polled(poller);
	poller->changed = true;
	poller_turn(poller, 0);
}

void walk_failed(struct poller *poller, struct walk *walk, const char *why)
{
	if (walk->trouble != WALK_FAILED || strcmp(walk->why.text, why) != 0)
		line(SL_ERROR, "%s failed: %s", walk->backfill ? "the backfill" : "the poll", why);
	walk->trouble = WALK_FAILED;
	why_say(&walk->why, "%s", why);
	walk->due = clock_ticks() + (poller->every > OUTAGE_FIRST ? poller->every : OUTAGE_FIRST);
	if (!walk->backfill)
		tell_polled(poller);
	poller->changed = true;
	poller_turn(poller, 0);
}

/* ---------------------------------------------------------------- what is next */

/* What brings everything again waits until what it brought is worked off. */
bool walk_rests(const struct walk *walk)
{
	return walk->backfill || walk->poller->snapshot;
}

static void begin_if_due(struct walk *walk)
{
	int64_t wait = walk->due - clock_ticks();
	if (!poll_may_begin(walk) || (walk->poller->rest && walk_rests(walk)))
		return;
	if (wait > 0)
		poller_turn(walk->poller, wait);
	else
		poll_begin(walk);
}

void walk_next(struct poller *poller)
{
	begin_if_due(&poller->poll);
	begin_if_due(&poller->backfill);
}
