/* SPDX-License-Identifier: Apache-2.0 */
/* route_probe.c - would the sink take a batch?  Asked while there is none.
 *
 * Health follows deliveries; when none are due a batch that only expects to find
 * where the route stands is handed over now and then, so that a destination which
 * cannot be written, was deleted or was moved on by somebody else is known before
 * the next event needs it, and one that can be had again is known without one.
 * Only sinks with transactions are asked.
 */
#include "base/clock.h"
#include "flow/route.h"

#define PROBE_EVERY 1000 /* ms since the sink was last heard of */

static void probed(struct call *call, void *data)
{
	struct route *route = data;
	route->probing = NULL;
	if (call->outcome == SL_RETRY) {
		route_outage(route, call->why.text, call->retry_after, route_go_on);
	} else if (call->outcome == SL_FAIL) {
		route_block_here(route, call->why.text);
	} else if (call->settled && call->settled[0].outcome == SL_FAIL) {
		route_block_here(route, call->settled[0].why ? call->settled[0].why : "the sink does not know the route");
	} else {
		route_recovered(route);
		route_tell(route);
	}
	call_free(&call);
	route_turn(route);
}

bool route_probe(struct route *route)
{
	if (!route->transactional || route->state != ROUTE_RUNNING || route_sink_busy(route) || route->rewinding ||
		clock_ticks() - route->heard_sink < PROBE_EVERY)
		return false;
	struct call *call = route->probing = call_new(route->sink, STEP_DELIVER);
	const struct sl_row **rows = arena_alloc(call->arena, sizeof(*rows));
	*rows = stand_expect(call->arena, route->name, &route->stand);
	call->pub.rows = rows;
	call->pub.row_count = 1;
	if (call_run(call, probed, route) != SL_WAIT)
		probed(call, route);
	return true;
}

bool route_sink_busy(const struct route *route)
{
	return route->consignment || route->ahead || route->recalling || route->probing || route->closing.call ||
		route->upkeep.call || rewind_begun(route) || (route->opening && route->opening->instance == route->sink);
}
