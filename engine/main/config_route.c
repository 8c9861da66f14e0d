/* SPDX-License-Identifier: Apache-2.0 */
/* config_route.c - routes: names that have to lead somewhere. */
#include <string.h>

#include "flow/snapshot.h"
#include "main/config_build.h"
#include "sdk/text.h"

struct route {
	const char *name, *to, *start;
	const char *const *from, *const *via;
	int64_t patience, deadline, open_limit, give_up;
};

static const char *const starts[] = { "oldest", "now", NULL };

const struct sl_option config_route_keys[] = {
	SL_OPTION(TEXT, struct route, name, .help = "how it is called; one with a new name is a new route"),
	SL_OPTION(LIST, struct route, from, .help = "one source or several"),
	SL_OPTION(LIST, struct route, via, .initial = "", .help = "transforms, one after the other"),
	SL_OPTION(TEXT, struct route, to, .help = "the sink"),
	{ .name = "retry", .type = OPTION_TREE, .initial = "", .help = "how often and when a delivery is tried again" },
	SL_OPTION(CHOICE, struct route, start, .initial = "oldest", .choices = starts,
		.help = "where a new route begins: at the oldest event kept, or with what comes from now on"),
	SL_OPTION(DURATION, struct route, patience, .initial = "1s", .min = 0, .max = 600000,
		.help = "a call that takes longer no longer holds up the others"),
	SL_OPTION(DURATION, struct route, deadline, .initial = "0",
		.help = "a process that stands still so long is killed; 0: as the whole configuration says"),
	SL_OPTION(INT, struct route, open_limit, .initial = "10000", .min = 1, .max = 1000000,
		.help = "at so many deliveries that wait, no further events are read"),
	SL_OPTION(DURATION, struct route, give_up, .initial = "3d", .min = 1000, .max = (int64_t)365 * 86400000,
		.help = "so long a far side that cannot be had is waited for by a transform's delivery"),
	{ 0 },
};

const struct sl_option config_retry_keys[] = {
	SL_OPTION(INT, struct config_retry, attempts, .initial = "3", .min = 1, .max = 1000, .help = "tries in all"),
	SL_OPTION(DURATION, struct config_retry, first, .initial = "2s", .min = 1, .max = 86400000,
		.help = "before the second; each wait after it is twice as long"),
	SL_OPTION(DURATION, struct config_retry, most, .initial = "10m", .min = 1, .max = (int64_t)30 * 86400000,
		.help = "but no longer than this"),
	{ 0 },
};

/* ------------------------------------------------------------------ names */

static const char *const *names_of(const struct build *build, const struct section *section)
{
	const char **names = arena_alloc(build->arena, (build->part_count + 1) * sizeof(*names));
	size_t count = 0;
	for (size_t i = 0; i < build->part_count; i++)
		if (build->parts[i].section == section)
			names[count++] = build->parts[i].name;
	return names;
}

static bool unknown_name(struct build *build, const struct yaml_node *node, const struct section *section)
{
	const char *const *names = names_of(build, section);
	const char *nearest = yaml_nearest(node->text.at, names), *all = "";
	char room[YAML_SHOWN];
	yaml_shown(node, room);
	if (nearest)
		return fault(build, node, "there is no %s %s; did you mean `%s`?", section->one, room, nearest);
	for (size_t i = 0; names[i]; i++)
		all = arena_format(build->arena, "%s%s%s", all, i ? ", " : "", names[i]);
	return fault(build, node, "there is no %s %s; there %s under `%s`", section->one, room,
		*all ? arena_format(build->arena, "is %s", all) : "is none", section->key);
}

/* The part is marked as used.  It may be one that was not understood itself. */
static bool find_part(struct build *build, const struct yaml_node *node, const char *name,
	const struct section *section)
{
	for (size_t i = 0; i < build->part_count; i++) {
		struct part *part = &build->parts[i];
		if (part->section != section || strcmp(part->name, name) != 0)
			continue;
		part->used = true;
		return true;
	}
	return unknown_name(build, node, section);
}

static const struct config_transform *transform_named(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->transform_count; i++)
		if (strcmp(config->transforms[i].name, name) == 0)
			return &config->transforms[i];
	return NULL;
}

static const struct config_sink *sink_named(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->sink_count; i++)
		if (strcmp(config->sinks[i].name, name) == 0)
			return &config->sinks[i];
	return NULL;
}

static size_t length(const char *const *list)
{
	size_t count = 0;
	while (list[count])
		count++;
	return count;
}

static void read_from(struct build *build, const struct yaml_node *node, const char *const *names,
	struct config_route *route)
{
	const struct yaml_node *list = yaml_get(node, "from");
	char room[YAML_SHOWN];
	const struct config_source **from = arena_alloc(build->arena, (length(names) + 1) * sizeof(*from));
	route->from = from;
	if (!*names)
		fault(build, list, "`from` is empty; name at least one source");
	for (size_t i = 0; names[i]; i++) {
		for (size_t before = 0; before < i; before++)
			if (strcmp(names[before], names[i]) == 0)
				fault(build, list_item(list, i), "the source %s is named twice", yaml_shown(list_item(list, i), room));
		if (find_part(build, list_item(list, i), names[i], &sections[0]))
			*from++ = config_source(build->config, names[i]);
	}
}

static void read_via(struct build *build, const struct yaml_node *node, const char *const *names,
	struct config_route *route)
{
	const struct yaml_node *list = yaml_get(node, "via");
	const struct config_transform **via = arena_alloc(build->arena, (length(names) + 1) * sizeof(*via));
	route->via = via;
	for (size_t i = 0; names[i]; i++)
		if (find_part(build, list_item(list, i), names[i], &sections[1]))
			*via++ = transform_named(build->config, names[i]);
}

/* ----------------------------------------------------------------- a route */

static const char *name_of(struct build *build, const struct yaml_node *node)
{
	const struct yaml_node *name = yaml_get(node, "name");
	return name && name->kind == YAML_SCALAR && !yaml_null(name)
		? arena_format(build->arena, "route %s", name->written ? name->written : name->text.at)
		: "a route";
}

/* Its tables that snapshots fill, and its sources. */
static void check_loads(struct build *build, const struct yaml_node *node, const struct config_route *route)
{
	size_t count = 0;
	while (route->from[count])
		count++;
	struct snapshot_source *sources = arena_alloc(build->arena, (count + 1) * sizeof(*sources));
	for (size_t i = 0; i < count; i++)
		sources[i] = (struct snapshot_source){ route->from[i]->name, route->from[i]->snapshot };
	for (const struct config_load *load = route->to ? route->to->loads : NULL; load && load->table; load++) {
		struct why why;
		if (!snapshot_fits(load->table, load->source, sources, count, &why))
			fault(build, yaml_get(node, "from"), "%s: %s", name_of(build, node), why.text);
	}
}

static bool name_is_new(struct build *build, const struct yaml_node *node, const char *name)
{
	char room[YAML_SHOWN];
	if (!name_fits(build, node, "route"))
		return false;
	if (strcmp(name, "ingress") == 0)
		return fault(build, node, "a route cannot be named ingress: that is the process that takes the requests");
	if (!config_route(build->config, name))
		return true;
	return fault(build, node, "there are two routes named %s; each needs a name of its own", yaml_shown(node, room));
}

static void read_retry(struct build *build, const struct yaml_node *node, const char *what, struct config_retry *retry)
{
	const struct yaml_node *map = yaml_get(node, "retry");
	const struct sl_json *values = values_read(build, config_retry_keys, NULL,
		arena_format(build->arena, "`retry` of %s", what), map, node);
	if (!values || !option_fill(config_retry_keys, OPTION_ROW, values, retry, build->arena, NULL))
		return;
	if (retry->most < retry->first)
		fault(build, map, "`most` is shorter than `first`; the longest wait cannot be shorter than the first one");
}

static void read_route(struct build *build, const struct yaml_node *node)
{
	const char *what = name_of(build, node);
	const struct sl_json *values = values_read(build, config_route_keys, NULL, what, node, node);
	struct config_route route = { 0 };
	struct route given = { 0 };
	read_retry(build, node, what, &route.retry);
	if (!values || !option_fill(config_route_keys, OPTION_ROW, values, &given, build->arena, NULL))
		return;
	read_from(build, node, given.from, &route);
	read_via(build, node, given.via, &route);
	find_part(build, yaml_get(node, "to"), given.to, &sections[2]);
	route.to = sink_named(build->config, given.to);
	route.name = given.name;
	route.start = given.start;
	route.patience = given.patience;
	route.open_limit = given.open_limit;
	route.give_up = given.give_up;
	route.deadline = given.deadline ? given.deadline : build->config->deadline;
	check_loads(build, node, &route);
	if (name_is_new(build, yaml_get(node, "name"), given.name))
		build->routes[build->config->route_count++] = route;
}

/* A route that has a fault may well be the one that uses it. */
static void warn_unused(struct build *build)
{
	for (size_t i = 0; i < build->part_count && !build->errors->count; i++)
		if (!build->parts[i].used)
			warn(build, build->parts[i].node->key, "no route uses %s", build->parts[i].what);
}

void routes_read(struct build *build)
{
	const struct yaml_node *list = yaml_get(build->root, "routes");
	struct why why;
	if (!yaml_null(list) && !yaml_want(list, YAML_LIST, "`routes`", &why)) {
		faults_add(build->errors, &why);
		return;
	}
	size_t count = list ? list->count : 0;
	build->config->routes = build->routes = arena_alloc(build->arena, (count + 1) * sizeof(*build->routes));
	for (const struct yaml_node *node = list ? list->first : NULL; node; node = node->next)
		if (yaml_want(node, YAML_MAP, "a route", &why))
			read_route(build, node);
		else
			faults_add(build->errors, &why);
	if (!count)
		warn(build, list ? list : build->root, "there are no routes: events will be kept, and go nowhere");
	warn_unused(build);
}
