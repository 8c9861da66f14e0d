/* SPDX-License-Identifier: Apache-2.0 */
/* config_parts.c - what each process is told, and nothing more. */
#include <string.h>

#include "main/config.h"

static void member_json(struct buf *out, const char *name, const char *json)
{
	json_key(out, name);
	json_raw(out, json ? json : "null", json ? strlen(json) : 4);
}

static void member_texts(struct buf *out, const char *name, const char *const *texts)
{
	json_key(out, name);
	json_open(out, '[');
	for (; *texts; texts++)
		json_string(out, *texts);
	json_close(out, ']');
}

static void put_net(const struct config_net *net, struct buf *out)
{
	json_key(out, "net");
	json_open(out, '{');
	member_texts(out, "allow", net->allow);
	json_member_string(out, "proxy", net->proxy);
	json_member_string(out, "ca", net->ca);
	json_close(out, '}');
}

/* ---------------------------------------------------------------- ingress */

static void put_log(const struct config_log *log, struct buf *out)
{
	json_key(out, "log");
	json_open(out, '{');
	json_member_int(out, "size", log->size);
	json_member_int(out, "keep", log->keep);
	json_member_int(out, "reserve", log->reserve);
	json_member_int(out, "segment", log->segment);
	json_close(out, '}');
}

static void put_limits(const struct config_limits *limits, struct buf *out)
{
	json_key(out, "limits");
	json_open(out, '{');
	json_member_int(out, "body", limits->body);
	json_member_int(out, "header_bytes", limits->header_bytes);
	json_member_int(out, "headers", limits->headers);
	json_member_int(out, "request_time", limits->request_time);
	json_member_int(out, "idle_time", limits->idle_time);
	json_member_int(out, "connections", limits->connections);
	json_member_int(out, "per_address", limits->per_address);
	json_member_int(out, "in_flight", limits->in_flight);
	json_close(out, '}');
}

static void put_listen(const struct config *config, const int *fds, struct buf *out)
{
	json_key(out, "listen");
	json_open(out, '[');
	for (size_t i = 0; config->listen[i]; i++) {
		json_open(out, '{');
		json_member_int(out, "fd", fds[i]);
		json_member_string(out, "name", config->listen[i]);
		json_close(out, '}');
	}
	json_close(out, ']');
}

void config_part_source(const struct config_source *source, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "name", source->name);
	member_json(out, "webhook", source->webhook);
	member_json(out, "secrets", source->secrets);
	json_member_string(out, "callback", source->callback);
	json_member_bool(out, "insecure", source->insecure);
	json_close(out, '}');
}

/* A source that only polls has no webhook: its events come in by the other socket. */
void config_part_ingress(const struct config *config, const int *fds, int events_fd, struct buf *out)
{
	json_member_string(out, "data", config->data);
	json_member_string(out, "log_level", config->log.level);
	put_log(&config->log, out);
	member_texts(out, "proxies", config->proxies);
	put_limits(&config->limits, out);
	put_listen(config, fds, out);
	json_key(out, "events");
	json_open(out, '{');
	json_member_int(out, "fd", events_fd);
	json_close(out, '}');
	json_key(out, "sources");
	json_open(out, '[');
	for (size_t i = 0; i < config->source_count; i++)
		config_part_source(&config->sources[i], out);
	json_close(out, ']');
}

/* ------------------------------------------------------------------ route */

/* Without secrets: what a route reads has been checked. */
static void put_source(const struct config_source *source, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "name", source->name);
	member_json(out, "webhook", source->webhook);
	json_member_string(out, "callback", source->callback);
	json_member_bool(out, "snapshot", source->snapshot);
	json_member_string(out, "plugin", source->description && source->description->decode ? source->plugin : NULL);
	member_json(out, "options", source->options);
	member_json(out, "api", source->api);
	json_close(out, '}');
}

static void put_transform(const struct config_transform *transform, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "name", transform->name);
	json_member_string(out, "plugin", transform->plugin);
	member_json(out, "options", transform->options);
	member_json(out, "api", transform->api);
	json_close(out, '}');
}

const char *config_evolved(const struct config *config, const struct config_sink *sink, struct arena *arena)
{
	return config->data ? arena_format(arena, "%s/schemas/%s.jsonl", config->data, sink->name) : NULL;
}

static void put_schema(const struct config *config, const struct config_sink *sink, struct buf *out)
{
	json_key(out, "schema");
	if (!sink->schema_file) {
		json_null(out);
		return;
	}
	json_open(out, '{');
	json_member_string(out, "file", sink->schema_file);
	member_json(out, "options", sink->schema_options);
	member_json(out, "contract", sink->schema_contract);
	json_member_string(out, "evolved", config_evolved(config, sink, config->arena));
	json_close(out, '}');
}

static void put_sink(const struct config *config, const struct config_sink *sink, struct buf *out)
{
	json_key(out, "sink");
	json_open(out, '{');
	json_member_string(out, "name", sink->name);
	json_member_string(out, "plugin", sink->plugin);
	member_json(out, "options", sink->options);
	member_json(out, "api", sink->api);
	put_schema(config, sink, out);
	json_close(out, '}');
}

static void put_steps(const struct config *config, const struct config_route *route, struct buf *out)
{
	json_key(out, "sources");
	json_open(out, '[');
	for (size_t i = 0; route->from[i]; i++)
		put_source(route->from[i], out);
	json_close(out, ']');
	json_key(out, "transforms");
	json_open(out, '[');
	for (size_t i = 0; route->via[i]; i++)
		put_transform(route->via[i], out);
	json_close(out, ']');
	put_sink(config, route->to, out);
}

void config_part_route(const struct config *config, const struct config_route *route, struct buf *out)
{
	json_member_string(out, "route", route->name);
	json_member_string(out, "data", config->data);
	json_member_string(out, "log_level", config->log.level);
	put_net(&config->net, out);
	put_steps(config, route, out);
	json_key(out, "retry");
	json_open(out, '{');
	json_member_int(out, "attempts", route->retry.attempts);
	json_member_int(out, "first", route->retry.first);
	json_member_int(out, "most", route->retry.most);
	json_close(out, '}');
	json_member_string(out, "start", route->start);
	json_member_int(out, "open_limit", route->open_limit);
	json_member_int(out, "patience", route->patience);
	json_member_int(out, "give_up", route->give_up);
}

void config_part_sink(const struct config *config, const struct config_sink *sink, struct buf *out)
{
	put_net(&config->net, out);
	put_sink(config, sink, out);
}

/* ----------------------------------------------------------------- poller */

/* The one process that sees the secrets of a source. */
void config_part_poller(const struct config *config, const struct config_source *source, struct buf *out)
{
	struct buf events = { 0 };
	buf_format(&events, "%s/" CONFIG_EVENTS, config->data);
	json_member_string(out, "source", source->name);
	json_member_string(out, "data", config->data);
	json_member_string(out, "log_level", config->log.level);
	json_member_string(out, "plugin", source->plugin);
	json_member_string(out, "callback", source->callback);
	member_json(out, "options", source->all_options);
	member_json(out, "api", source->api);
	put_net(&config->net, out);
	json_member_int(out, "every", source->every);
	json_member_bool(out, "pushed", source->webhook != NULL);
	member_json(out, "webhook", source->webhook);
	json_member_bool(out, "notice", source->notice);
	json_member_int(out, "first", source->first);
	json_member_int(out, "silence", source->silence);
	json_member_int(out, "check", source->check);
	json_member_bool(out, "snapshot", source->snapshot);
	json_member_string(out, "events", events.at);
	buf_free(&events);
}
