/* SPDX-License-Identifier: Apache-2.0 */
/* poller_run.c - runs of a walk: begun, framed by what tells of them, ended, given up. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "flow/poller.h"

static bool is_snapshot(const struct walk *walk)
{
	return walk->at.run.kind == RUN_SNAPSHOT;
}

/* ---------------------------------------------------------------------- begin */

static void forget_cursor(struct walk *walk)
{
	free(walk->at.cursor);
	walk->at.cursor = NULL;
}

static void give_up(struct walk *walk)
{
	forget_cursor(walk);
	walk->at.number++;
	walk->at.run.id[0] = '\0';
}

void run_breaks(struct walk *walk)
{
	if (walk->at.run.id[0] && is_snapshot(walk))
		give_up(walk);
}

/* Of two runs the later one counts, so a clock that was set back must not make it the elder. */
static int64_t moment_behind(int64_t last)
{
	int64_t now = clock_wall();
	return now > last ? now : last + 1;
}

static void make_run(struct walk *walk, bool snapshot)
{
	struct run *run = &walk->at.run;
	if (snapshot)
		forget_cursor(walk);
	int64_t began = moment_behind(run->began);
	*run = (struct run){ .kind = walk->at.cursor && !walk->backfill ? RUN_DELTA : RUN_FULL, .began = began };
	if (snapshot)
		run->kind = RUN_SNAPSHOT;
	snprintf(run->id, sizeof(run->id), "%s-%s-%" PRIu64, book_id(walk->poller->book), walk->name, walk->at.number + 1);
	walk->warned = false;
}

/* What is told of a snapshot stays true after a crash: no other run ever gets its name. */
static bool note(struct walk *walk, struct why *why)
{
	struct book *book = walk->poller->book;
	if (book_begin(book, BOOK_NOW, why) && book_walk(book, walk, &walk->at, why) && book_commit(book, why))
		return true;
	book_rollback(book);
	walk->at.run.id[0] = '\0';
	return false;
}

bool run_begin(struct walk *walk, struct why *why)
{
	bool snapshot = walk->poller->snapshot && !walk->backfill;
	if (walk->at.run.id[0] && snapshot != is_snapshot(walk))
		give_up(walk); /* it was begun under another configuration */
	if (walk->at.run.id[0])
		return true;
	make_run(walk, snapshot);
	return !snapshot || note(walk, why);
}

/* ----------------------------------------------------------------------- told */

void run_see(struct run *run, const struct sl_event *event)
{
	if (event->time > 0 && (!run->oldest || event->time < run->oldest))
		run->oldest = event->time;
	if (event->time > run->newest)
		run->newest = event->time;
}

/* A poll that finds nothing new is no event; a first one, a backfill and a snapshot are. */
static bool worth_telling(const struct walk *walk)
{
	return walk->fresh || walk->backfill || is_snapshot(walk) || !walk->at.number;
}

/* Around what is new stand the events that tell of its run.  There is room for one
 * on either side. */
void run_frame(struct walk *walk, bool ends)
{
	struct run *run = &walk->after.run;
	bool begins = !run->told && worth_telling(walk);
	walk->count = walk->fresh;
	run->told |= begins;
	run->events += walk->fresh;
	walk->events = begins ? walk->list : walk->list + 1;
	if (begins)
		sync_event(walk->poller, run, false, walk->taken->arena, &walk->events[0]);
	walk->count += begins;
	if (ends && run->told)
		sync_event(walk->poller, run, true, walk->taken->arena, &walk->events[walk->count++]);
}

/* ------------------------------------------------------------------------ end */

void run_end(struct walk *walk)
{
	struct place *after = &walk->after;
	after->number += after->run.told;
	after->run.id[0] = '\0';
	after->on = !walk->backfill;
	after->since = walk->backfill ? after->since : 0;
	if (is_snapshot(walk))
		after->cursor = NULL;
}
