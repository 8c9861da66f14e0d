/* SPDX-License-Identifier: Apache-2.0 */
/* route_snapshot.h - whole loads: what a snapshot's run brings takes its tables' place at once.
 *
 *     route_snapshot.c  what tells of a run begins and ends the loads
 *     route_closing.c   an end waits for the run's other deliveries, and is decided on
 *
 * A source with `snapshot: true` tells of each run by `started` and `finished` (flow/poller.h);
 * what the run emitted stands in between, and its ids end in "#RUN".  For each table that
 * takes the source's snapshots (sluice-schema(5)) `started` becomes a row SL_LOAD_BEGIN,
 * `finished` a row SL_LOAD_END, and rows of the run belong to the load RUN.  The version
 * of both is when the run began.
 *
 * The sink gets the rows in the order of the log, so a load begins before its rows.  It
 * must not end before all of them are written or dropped:
 *
 *   - the usual case: all other deliveries of the run are settled, or go in the same
 *     transaction before it.  This process has seen the run begin, and none die: the end goes too
 *   - else the end is an open delivery and waits until none of the run is in memory; then the
 *     destination is asked for dead letters of the run.  None: the end goes.  Some: it is a
 *     dead letter too, which says what to do; retried, it comes this way again
 *   - a later run has begun meanwhile: the end is dropped, what was staged is gone already
 *
 * A `started` that was passed over once (it was a dead letter) is dropped when it is retried:
 * its rows have gone by.
 */
#ifndef FLOW_ROUTE_SNAPSHOT_H
#define FLOW_ROUTE_SNAPSHOT_H

#include "flow/polled.h"
#include "flow/route.h"

/* A run whose begin came by in this process.  The newest stands first. */
struct snapshot {
	char run[POLLED_RUN + 1];
	const struct source *source;
	uint64_t seq;     /* of what told of its begin */
	uint64_t arrived; /* events of it since, those twice there with them */
	uint64_t died;    /* likewise */
	struct snapshot *next;
};

/* Of the delivery that ends a run; in its arena. */
struct closing {
	const char *run;
	int64_t began;   /* microseconds */
	uint64_t events; /* so many it had */
	bool cleared;    /* the destination was asked: there are no dead letters of it */
};

struct snapshot *snapshot_seen(const struct route *route, const char *run); /* NULL: it began before */
bool snapshot_newer(struct route *route, const struct delivery *closing);   /* another run has begun since */

/* Why an end came to nothing: reasons that are counted. */
#define SNAPSHOT_NEWER "a snapshot's run, and a later one has begun"
#define SNAPSHOT_UNBEGUN "a snapshot's run, and its load could not begin"

#endif
