/* SPDX-License-Identifier: Apache-2.0 */
/* route_ahead.c - the ids of the batch that is gathered are written down while the one before is at the sink.
 *
 * What is in the own file has to be there before the transaction it belongs to: written
 * only when that is due, the sink would wait for our disk with each batch.  Written ahead,
 * it is believed as little as ever, namely up to the cursor.  Where a sink has no transactions
 * the ids are written with where the route stands, in one.
 */
#include <stdlib.h>

#include "flow/route_ship.h"

struct ahead {
	struct route *route;
	struct batch *batch; /* NULL: it went meanwhile */
	struct buf seen;     /* a copy: the batch may go on gathering */
	struct keep_job job;
	uv_work_t work;
	bool written;
};

/* What could not be written is written with its consignment, which says why it cannot. */
static void ended(uv_work_t *work, int status)
{
	struct ahead *it = work->data;
	struct route *route = it->route;
	route->ahead = NULL;
	if (it->batch && it->written)
		it->batch->seen_kept = it->seen.len;
	buf_free(&it->seen);
	free(it);
	if (!uv_is_closing((uv_handle_t *)&route->turning)) /* else the process only waited for this */
		route_turn(route);
}

static void write_in_pool(uv_work_t *work)
{
	struct ahead *it = work->data;
	struct why unheard;
	it->written = keep_write(it->route->keep, &it->job, &unheard);
}

void ahead_forget(struct route *route, const struct batch *batch)
{
	if (route->ahead && route->ahead->batch == batch)
		route->ahead->batch = NULL;
}

/* Two jobs at a time on the own file would be one transaction within the other. */
static bool is_at_sink(const struct consignment *consignment)
{
	return consignment && !consignment->working;
}

bool route_ahead(struct route *route)
{
	struct batch *batch = route->gathering;
	if (!route->transactional || route->ahead || route->rewinding || route->state != ROUTE_RUNNING ||
		!is_at_sink(route->consignment) || !batch_whole(route) || batch->seen.len == batch->seen_kept)
		return false;
	struct ahead *it = route->ahead = must_alloc(sizeof(*it));
	it->route = route;
	it->batch = batch;
	batch->pieces = ROUTE_PIECES; /* it grows no more, or its ids would be written once more with those behind them */
	it->work.data = it;
	buf_add(&it->seen, batch->seen.at, batch->seen.len);
	it->job.first = route->consignment->after.cursor + 1;
	it->job.last = batch->upto;
	it->job.seen = (struct sl_text){ it->seen.at, it->seen.len };
	uv_queue_work(route->loop, &it->work, write_in_pool, ended);
	return true;
}
