/* SPDX-License-Identifier: Apache-2.0 */
/* route_setup.c - a route is set up from its part: log, far sides, plugins.  What fails here fails for good. */
#include <string.h>

#include "base/limits.h"
#include "base/line.h"
#include "base/tally.h"
#include "flow/destination.h"
#include "flow/route.h"

static int64_t number(const struct sl_json *object, const char *name, int64_t initial)
{
	int64_t value = initial;
	sl_json_integer(sl_json_get(object, name), &value);
	return value;
}

static const char *text(const struct sl_json *object, const char *name)
{
	return sl_json_string(sl_json_get(object, name)).at;
}

static void setup_policy(struct route *route, const struct sl_json *part)
{
	const struct sl_json *retry = sl_json_get(part, "retry"), *suspect = sl_json_get(part, "suspect");
	route->policy = (struct policy){
		.attempts = (uint32_t)number(retry, "attempts", 3),
		.first = number(retry, "first", 2000),
		.most = number(retry, "most", 600000),
		.patience = number(part, "patience", 1000),
		.give_up = number(part, "give_up", (int64_t)3 * 24 * 3600 * 1000),
		.open_limit = (size_t)number(part, "open_limit", 10000),
		.calls = LIMITS_CALLS,
		.batch_events = 512,
		.batch_bytes = 1 << 20,
	};
	route->suspect_seq = (uint64_t)number(suspect, "seq", 0);
	route->suspect_part = (uint32_t)number(suspect, "part", 0);
	route->suspect_deaths = (uint32_t)number(suspect, "deaths", 0);
	route->once = sl_json_true(sl_json_get(part, "once"));
	route->from_now = text(part, "start") && strcmp(text(part, "start"), "now") == 0;
}

static struct instance *setup_instance(struct route *route, const struct sl_json *part, struct why *why)
{
	struct host_settings settings = { .loop = route->loop, .page = route->page, .net = route->outside.net };
	const char *path = text(part, "plugin");
	if (!route_far_api(route, part, &settings.api, why))
		return NULL;
	if (!path) {
		why_say(why, "the configuration's part names no plugin");
		return NULL;
	}
	struct plugin *plugin = plugin_load(path, why);
	if (!plugin)
		return NULL;
	struct instance *instance = instance_new(&settings, plugin, text(part, "name"), sl_json_get(part, "options"), why);
	plugin_free(&plugin); /* the instance holds it */
	return instance;
}

static bool setup_sources(struct route *route, const struct sl_json *list, struct why *why)
{
	struct source *source = route->sources = arena_alloc(route->arena, (sl_json_count(list) + 1) * sizeof(*source));
	for (const struct sl_json *at = sl_json_first(list); at; at = sl_json_next(at), source++) {
		const struct sl_json *webhook = sl_json_get(at, "webhook");
		source->name = text(at, "name");
		source->snapshots = sl_json_true(sl_json_get(at, "snapshot"));
		route->source_count++;
		if (sl_json_kind(webhook) != SL_KIND_NULL && !(source->webhook = webhook_unchecked(webhook, why)))
			return why_within(why, "source %s", source->name);
		if (!route_far_api(route, at, &source->api, why))
			return why_within(why, "source %s", source->name);
		if (text(at, "plugin") && !(source->decode = setup_instance(route, at, why)))
			return why_within(why, "source %s", source->name);
	}
	return true;
}

static bool setup_transforms(struct route *route, const struct sl_json *list, struct why *why)
{
	route->transforms = arena_alloc(route->arena, (sl_json_count(list) + 1) * sizeof(struct instance *));
	for (const struct sl_json *at = sl_json_first(list); at; at = sl_json_next(at)) {
		struct instance *transform = setup_instance(route, at, why);
		if (!transform)
			return why_within(why, "transform %s", text(at, "name"));
		route->transforms[route->transform_count++] = transform;
		if (!instance_face(transform)->transform)
			return why_say(why, "%s has no transform step", text(at, "name"));
	}
	return true;
}

/* A schema without a file of additions would never get past an event that makes it grow. */
static struct schema *setup_schema(const struct sl_json *sink, const struct sl_plugin *face, struct why *why)
{
	struct schema *schema = schema_of_part(sl_json_get(sink, "schema"), face->dialect, why);
	if (schema && !destination_takes(face, schema, why))
		schema_free(&schema);
	return schema;
}

bool route_sink_anew(struct route *route, struct why *why)
{
	const struct sl_json *part = sl_json_get(sl_json_root(route->part), "sink");
	struct instance *sink = setup_instance(route, part, why);
	struct schema *schema = sink ? setup_schema(part, instance_face(sink), why) : NULL;
	if (!schema) {
		instance_free(&sink);
		return false;
	}
	route_forget(route); /* what was made with the old ones */
	tally_join(&route->mended, instance_tally(route->sink));
	instance_free(&route->sink);
	schema_free(&route->schema);
	route->sink = sink;
	route->schema = schema;
	route->opened = route->transform_count + route->source_count;
	return true;
}

static bool setup_sink(struct route *route, const struct sl_json *sink, struct why *why)
{
	route->sink = setup_instance(route, sink, why);
	if (!route->sink)
		return why_within(why, "sink %s", text(sink, "name"));
	const struct sl_plugin *face = instance_face(route->sink);
	if (!face->deliver)
		return why_say(why, "sink %s: the plugin %s has no deliver step", text(sink, "name"), face->name);
	route->transactional = face->recall != NULL;
	if (route->transactional && face->batch_rows)
		route->policy.batch_events = face->batch_rows;
	if (route->transactional && face->batch_bytes)
		route->policy.batch_bytes = face->batch_bytes;
	return sl_json_kind(sl_json_get(sink, "schema")) != SL_KIND_OBJECT ||
		(route->schema = setup_schema(sink, face, why)) != NULL;
}

bool route_setup(struct route *route, const struct sl_json *part, struct why *why)
{
	enum sl_level level = SL_INFO;
	route->part = sl_json_read(sl_json_raw(part), NULL, 0);
	part = sl_json_root(route->part);
	route->name = text(part, "route");
	route->data = text(part, "data");
	if (!route->name || !route->data)
		return why_say(why, "the configuration's part names no route");
	if (text(part, "log_level"))
		line_level(text(part, "log_level"), &level);
	line_setup("route", route->name, level);
	setup_policy(route, part);
	route->log_path = arena_format(route->arena, "%s/log", route->data);
	route->log = log_reader_open(route->log_path, why);
	return route->log && (route->trying || route_far_open(route, sl_json_get(part, "net"), why)) &&
		setup_sources(route, sl_json_get(part, "sources"), why) &&
		setup_transforms(route, sl_json_get(part, "transforms"), why) &&
		setup_sink(route, sl_json_get(part, "sink"), why) && snapshot_check(route, why);
}
