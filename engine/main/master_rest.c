/* SPDX-License-Identifier: Apache-2.0 */
/* master_rest.c - a source brings no more while a route it feeds is far behind. */
#include <string.h>

#include "main/health.h"
#include "main/master.h"

#define REST_BEHIND 10000 /* events a route may be behind until its sources rest */
#define REST_UNTIL 5000   /* and that it has to come down to */

/* How far the slowest route that reads the source is behind. */
static uint64_t furthest_behind(const struct master *master, const char *source)
{
	const struct config *config = master->config;
	uint64_t most = 0;
	for (size_t i = 0; i < config->route_count; i++) {
		const struct child *route = children_find(&master->routes, config->routes[i].name);
		const struct config_source *const *from = config->routes[i].from;
		while (*from && strcmp((*from)->name, source) != 0)
			from++;
		uint64_t behind = *from && route && health_stands(master, route) ? health_behind(master, route) : 0;
		most = behind > most ? behind : most;
	}
	return most;
}

/* A backfill waits while what it brought is not worked off. */
void master_rest(const struct master *master, struct child *source)
{
	uint64_t behind = furthest_behind(master, source->name);
	bool rests = source->rests ? behind >= REST_UNTIL : behind > REST_BEHIND;
	struct buf message = { 0 };
	if (rests == source->rests || source->state != CHILD_READY)
		return;
	source->rests = rests;
	buf_format(&message, "{\"do\":\"rest\",\"rest\":%s}", rests ? "true" : "false");
	child_send(source, &message);
	buf_free(&message);
}
