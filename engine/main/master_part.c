/* SPDX-License-Identifier: Apache-2.0 */
/* master_part.c - what each child is to be, by the configuration. */
#include <string.h>

#include "flow/ingest_events.h"
#include "main/files.h"
#include "main/master.h"
#include "sdk/text.h"

#define FIRST_FD 5 /* of what the ingress is handed (main/child.h) */

void wanted_ingress(const struct master *master, const struct config *config, struct wanted *wanted)
{
	int fds[CONFIG_LISTEN_MOST], events = -1;
	for (size_t i = 0; i < master->listen_count; i++)
		fds[i] = FIRST_FD + (int)i;
	if (master->fds[master->listen_count] >= 0)
		events = FIRST_FD + (int)master->listen_count;
	*wanted = (struct wanted){ .kind = CHILD_INGRESS, .name = "ingress", .deadline = config->deadline };
	json_open(&wanted->part, '{');
	config_part_ingress(config, fds, events, &wanted->part);
	json_member_string(&wanted->part, "events_key", master->events_key);
	json_close(&wanted->part, '}');
}

void wanted_route(const struct config *config, const struct config_route *route, struct wanted *wanted)
{
	*wanted = (struct wanted){ .kind = CHILD_ROUTE, .name = route->name, .deadline = route->deadline };
	wanted->print = files_print_route(route);
	json_open(&wanted->part, '{');
	config_part_route(config, route, &wanted->part);
	json_close(&wanted->part, '}');
}

void wanted_source(const struct master *master, const struct config *config, const struct config_source *source,
	struct wanted *wanted)
{
	char key[EVENTS_KEY + 1];
	events_key(sl_text_of(master->events_key), sl_text_of(source->name), key);
	*wanted = (struct wanted){ .kind = CHILD_SOURCE, .name = source->name, .deadline = config->deadline };
	wanted->print = files_print_source(source);
	json_open(&wanted->part, '{');
	config_part_poller(config, source, &wanted->part);
	json_member_string(&wanted->part, "events_key", key);
	json_close(&wanted->part, '}');
}

uint64_t wanted_print(const struct config *config, const struct child *child)
{
	const struct config_route *route = child->kind == CHILD_ROUTE ? config_route(config, child->name) : NULL;
	const struct config_source *source = child->kind == CHILD_SOURCE ? config_source(config, child->name) : NULL;
	if (route)
		return files_print_route(route);
	return source ? files_print_source(source) : 0;
}
