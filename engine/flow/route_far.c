/* SPDX-License-Identifier: Apache-2.0 */
/* route_far.c - how a route's plugins ask far sides: their net, their apis, and what is kept of the answers. */
#include "base/clock.h"
#include "flow/route.h"

#define LOOK_EVERY 60000 /* ms between looks at where the log begins */

static struct sl_text find_answer(void *data, uint64_t seq, uint32_t part, const char *key, struct arena *arena)
{
	const struct route *route = data;
	return route->keep ? answers_find(keep_answers(route->keep), seq, part, key, arena) : (struct sl_text){ NULL, 0 };
}

static void keep_answer(void *data, uint64_t seq, uint32_t part, const char *key, struct sl_text answer)
{
	struct route *route = data;
	if (route->keep && answers_note(keep_answers(route->keep), seq, part, key, answer) && keep_presses(route->keep))
		route_turn(route);
}

bool route_far_open(struct route *route, const struct sl_json *net, struct why *why)
{
	route->keeper = (struct net_keeper){ find_answer, keep_answer, route };
	return outside_open(&route->outside, route->loop, route->channel, net, &route->keeper, route->arena, why);
}

bool route_far_api(struct route *route, const struct sl_json *part, const struct net_api **api, struct why *why)
{
	const struct sl_json *json = sl_json_get(part, "api");
	*api = NULL;
	return sl_json_kind(json) == SL_KIND_NULL || (*api = net_api_read(json, route->arena, why));
}

/* Who asks anew, or for trial, is in no hurry. */
void route_far_call(const struct route *route, const struct delivery *delivery, struct call *call)
{
	call->source_api = delivery->source->api;
	call->tries = delivery->tries;
	call->backfill = route->trying || delivery->anew || delivery->seq <= route->asked_anew;
}

/* What was asked for events that the log has let go of is nobody's need any more. */
void route_far_tidy(struct route *route)
{
	struct log_stat stat;
	int64_t now = clock_ticks();
	if (!route->keep || now - route->tidied < LOOK_EVERY)
		return;
	route->tidied = now;
	if (log_reader_stat(route->log, &stat, NULL))
		keep_log_begins(route->keep, stat.begin);
}
