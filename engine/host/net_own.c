/* SPDX-License-Identifier: Apache-2.0 */
/* net_own.c - budgets of a process that has no master, and of origins without limits. */
#include <stdlib.h>

#include "base/clock.h"
#include "host/net_inside.h"

struct own {
	struct net_lender lender;
	struct net *net;
	struct desk *desk;
	uv_timer_t timer;
};

static void serve(uv_timer_t *timer)
{
	struct own *own = timer->data;
	int64_t now = clock_ticks(), next = desk_serve(own->desk, now);
	if (next == INT64_MAX)
		return;
	uv_update_time(timer->loop);
	uv_timer_start(timer, serve, next > now ? (uint64_t)(next - now) : 0, 0);
}

static void soon(struct own *own)
{
	uv_timer_start(&own->timer, serve, 0, 0);
}

static void told(void *data, uint32_t owner, uint64_t ticket, uint64_t grant, int64_t after)
{
	struct own *own = data;
	net_granted(own->net, ticket, grant, after);
}

static void take(void *data, uint64_t ticket, const struct net_api *api, enum budget_class class, int64_t cost)
{
	struct own *own = data;
	desk_limit(own->desk, api->credential, &api->limits, clock_ticks());
	desk_take(own->desk, api->credential, 0, ticket, class, cost);
	soon(own);
}

static void more(void *data, const struct net_api *api, uint64_t grant, int64_t requests)
{
	struct own *own = data;
	desk_more(own->desk, api->credential, 0, grant, requests);
}

static void give(void *data, const struct net_api *api, uint64_t grant, int64_t cost, int64_t hush_ms)
{
	struct own *own = data;
	desk_give(own->desk, api->credential, 0, grant, cost, hush_ms, clock_ticks());
	soon(own);
}

static void forget(void *data, uint64_t ticket)
{
	struct own *own = data;
	desk_forget(own->desk, 0, ticket, clock_ticks());
	soon(own);
}

struct own *own_new(uv_loop_t *loop, struct net *net)
{
	struct own *own = must_alloc(sizeof(*own));
	own->lender = (struct net_lender){ .take = take, .more = more, .give = give, .forget = forget, .data = own };
	own->net = net;
	own->desk = desk_new(told, own, BUDGET_UNUSED);
	uv_timer_init(loop, &own->timer);
	own->timer.data = own;
	return own;
}

static void closed(uv_handle_t *timer)
{
	free(timer->data);
}

void own_free(struct own **at)
{
	struct own *own = *at;
	*at = NULL;
	desk_free(&own->desk);
	uv_close((uv_handle_t *)&own->timer, closed);
}

const struct net_lender *own_lender(const struct own *own)
{
	return &own->lender;
}
