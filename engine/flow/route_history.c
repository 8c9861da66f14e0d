/* SPDX-License-Identifier: Apache-2.0 */
/* route_history.c - whether this log is the one that the destination's cursor counts in.
 *
 * An older copy of the data folder that was put back (cp, a snapshot of the disk) has the log's id, and gives seqs
 * away that the destination has had as other events.  At first it ends before the cursor; once it has grown past it
 * only the event at the cursor tells: beside the cursor stands what it is known by (flow/stand.h).
 */
#include <inttypes.h>

#include "flow/route.h"
#include "sdk/time.h"

/* What came in since then came after the destination was written for the last time. */
static void stand_still(struct route *route, const char *found)
{
	struct why why;
	char since[SL_TIME_SIZE] = "end";
	if (route->stand.updated)
		sl_time_write(route->stand.updated * 1000, since);
	why_say(&why, "%s: an older copy of the data folder was put back.  To deliver what has come in since then: "
		"sluice routes rewind %s --to %s", found, route->name, since);
	route->set_back = true;
	route->read_to = route->stand.cursor;
	route_asks_begin(route);
	route_block(route, why.text);
}

/* The one record, if it is there, and whole. */
static enum log_read read_one(struct route *route, uint64_t seq, struct arena *arena, struct log_slice *slice,
	struct why *why)
{
	enum log_read read = seq ? log_read(route->log, arena, seq, 1, 1, slice, why) : LOG_AT_END;
	return read == LOG_READ && !(slice->count && slice->records[0].seq == seq) ? LOG_AT_END : read;
}

void route_mark(struct route *route, uint64_t seq, char mark[STAND_MARK_SIZE])
{
	struct why why = { "" };
	struct log_slice slice = { 0 };
	struct arena *arena = arena_new();
	mark[0] = '\0';
	if (read_one(route, seq, arena, &slice, &why) == LOG_READ)
		stand_mark(&slice.records[0], mark);
	arena_free(&arena);
}

bool route_history(struct route *route, uint64_t end)
{
	struct why why = { "" };
	struct log_slice slice = { 0 };
	struct arena *arena = arena_new();
	uint64_t cursor = route->stand.cursor;
	enum log_read read = read_one(route, cursor, arena, &slice, &why);
	bool other = read == LOG_READ && !stand_marks(&route->stand, &slice.records[0]);
	arena_free(&arena);
	if (cursor > end)
		why_say(&why, "the destination stands at event %" PRIu64 ", but the log ends at %" PRIu64, cursor, end);
	else if (other)
		why_say(&why, "event %" PRIu64 ", where the destination stands, is another one in this log", cursor);
	if (cursor > end || other)
		stand_still(route, why.text);
	else if (read == LOG_BROKEN)
		route_outage(route, why.text, 0, route_begin_again);
	return cursor <= end && !other && read != LOG_BROKEN;
}
