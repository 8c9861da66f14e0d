/* SPDX-License-Identifier: Apache-2.0 */
/* route_upkeep.c - the sink's own housekeeping: rows past their retention, views to be refreshed.
 *
 * Once a minute, and as long as the sink says that there is more, piece after
 * piece.  The sink does one thing at a time, so events may have to wait for a piece;
 * while they do, pieces get a fifth of its time, so that neither starves.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/destination.h"
#include "flow/route.h"

#define EVERY 60000 /* ms */
#define SHARE 4     /* so many times as long as a piece took belongs to the events behind it */

static bool events_wait(const struct route *route)
{
	return route->gathering || route->shipping || route->fresh;
}

bool upkeep_due(const struct route *route)
{
	const struct upkeep *upkeep = &route->upkeep;
	int64_t share = upkeep->more && events_wait(route) ? upkeep->took * SHARE : 0;
	return instance_face(route->sink)->upkeep && clock_ticks() >= upkeep->due + share;
}

/* Told once all pieces are done: a million rows are one line. */
static void tell_done(struct route *route)
{
	struct upkeep *upkeep = &route->upkeep;
	uint64_t times;
	const char *what;
	for (size_t i = 0; (what = tally_row(upkeep->now, i, &times)); i++)
		line(SL_INFO, "%s: %s, %" PRIu64, instance_name(route->sink), what, times);
	tally_join(&upkeep->all, upkeep->now);
	tally_free(&upkeep->now);
}

/* What cannot be done now will be tried again; whether the sink can be had at all the
 * next batch finds out, or the next probe. */
static void tell_failed(struct route *route, const struct call *call)
{
	struct why *told = &route->upkeep.told;
	if (strcmp(told->text, call->why.text) != 0)
		line(SL_WARNING, "%s: its upkeep could not be done: %s", instance_name(route->sink), call->why.text);
	*told = call->why;
}

static void note(struct route *route, struct call *call)
{
	for (size_t i = 0; i < call->emitted_count; i++)
		destination_upkept(call, &call->emitted[i], &route->upkeep.now);
}

static void upkept(struct call *call, void *data)
{
	struct route *route = data;
	struct upkeep *upkeep = &route->upkeep;
	upkeep->call = NULL;
	upkeep->more = call->advanced != NULL;
	upkeep->took = clock_ticks() - call->started;
	upkeep->due = clock_ticks() + (upkeep->more ? 0 : EVERY);
	if (call->outcome == SL_DONE) {
		note(route, call);
		upkeep->told.text[0] = '\0';
	} else {
		tell_failed(route, call);
	}
	if (!upkeep->more)
		tell_done(route);
	call_free(&call);
	route_turn(route);
}

bool route_upkeep(struct route *route)
{
	if (route->state != ROUTE_RUNNING || route->once || route->outage_since || route_sink_busy(route) ||
		route->rewinding || !upkeep_due(route))
		return false;
	struct call *call = route->upkeep.call = call_new(route->sink, STEP_UPKEEP);
	destination_offer(call, route->schema);
	if (call_run(call, upkept, route) != SL_WAIT)
		upkept(call, route);
	return true;
}

void upkeep_json(const struct route *route, struct buf *out)
{
	struct tally *all = NULL;
	tally_join(&all, route->upkeep.all);
	tally_join(&all, route->upkeep.now);
	tally_json(all, out);
	tally_free(&all);
}
