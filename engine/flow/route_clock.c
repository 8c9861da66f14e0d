/* SPDX-License-Identifier: Apache-2.0 */
/* route_clock.c - somebody sets the clock, by years perhaps: what has been waited for is as long ago as it was.
 *
 * Timers count ticks and do not notice.  What is written down counts by the wall clock: since when a
 * delivery waits for a far side, since when the sink is away.  A machine that began in 1970 and then
 * hears what time it is would take all of that for given up.
 */
#include "base/clock.h"
#include "flow/route.h"

#define SET 2000 /* ms: by less it is only put right */

static void move(struct delivery *delivery, int64_t by)
{
	for (; delivery; delivery = delivery->next) {
		if (delivery->first_at)
			delivery->first_at += by;
		if (delivery->due)
			delivery->due += by;
	}
}

void route_clock(struct route *route)
{
	int64_t ahead = clock_wall() - clock_ticks(), by = ahead - route->wall_ahead;
	if (by > -SET && by < SET)
		return;
	if (route->wall_ahead) {
		move(route->open.first, by);
		move(route->gathering ? route->gathering->all.first : NULL, by);
		move(route->shipping ? route->shipping->all.first : NULL, by);
		if (route->outage_since)
			route->outage_since += by;
		if (route->resumed)
			route->resumed += by;
	}
	route->wall_ahead = ahead;
}
