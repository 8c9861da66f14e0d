/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_table.c - the sources the ingress serves, from its part of the configuration. */
#include <string.h>

#include "base/line.h"
#include "flow/ingest_inside.h"
#include "sdk/text.h"

static const struct {
	const char *name;
	size_t at;
} limit_names[] = {
	{ "body", offsetof(struct http_limits, body) },
	{ "header_bytes", offsetof(struct http_limits, header_bytes) },
	{ "headers", offsetof(struct http_limits, headers) },
	{ "in_flight", offsetof(struct http_limits, in_flight) },
	{ "connections", offsetof(struct http_limits, connections) },
	{ "per_address", offsetof(struct http_limits, per_address) },
	{ "request_time", offsetof(struct http_limits, request_time) },
	{ "idle_time", offsetof(struct http_limits, idle_time) },
};
_Static_assert(sizeof(size_t) == sizeof(int64_t), "limits are written as 64-bit numbers");

static void read_limits(const struct sl_json *part, struct http_limits *limits)
{
	const struct sl_json *given = sl_json_get(part, "limits");
	for (size_t i = 0; i < sizeof(limit_names) / sizeof(limit_names[0]); i++) {
		int64_t number;
		if (sl_json_integer(sl_json_get(given, limit_names[i].name), &number) && number > 0)
			memcpy((char *)limits + limit_names[i].at, &number, sizeof(number));
	}
}

static void read_proxies(const struct sl_json *part, struct ingest_table *table)
{
	const struct sl_json *given = sl_json_get(part, "proxies");
	const char **list = arena_alloc(table->arena, (sl_json_count(given) + 1) * sizeof(*list));
	table->proxies = list;
	for (const struct sl_json *value = sl_json_first(given); value; value = sl_json_next(value)) {
		struct sl_text text = sl_json_string(value);
		if (text.len)
			*list++ = arena_copy(table->arena, text.at, text.len);
	}
}

/* Without a secret a source marked insecure takes everything; with one it still checks. */
static struct webhook *read_webhook(const struct sl_json *source, struct why *why)
{
	const struct sl_json *secrets = sl_json_get(source, "secrets"), *form = sl_json_get(source, "webhook");
	if (sl_json_true(sl_json_get(source, "insecure")) && !sl_json_count(secrets))
		return webhook_unchecked(form, why);
	return webhook_new(form, secrets, sl_json_string(sl_json_get(source, "callback")).at, why);
}

static bool read_source(const struct sl_json *json, struct arena *arena, struct ingest_source *source,
	struct why *why)
{
	struct sl_text name = sl_json_string(sl_json_get(json, "name"));
	if (!name.len)
		return why_say(why, "a source has no name");
	source->name = arena_text(arena, name);
	if (sl_json_kind(sl_json_get(json, "webhook")) == SL_KIND_NULL)
		return true;
	source->webhook = read_webhook(json, why);
	if (!source->webhook)
		return why_within(why, "source %s", source->name.at);
	source->flags = webhook_open_door(source->webhook) ? LOG_INSECURE : 0;
	return true;
}

static void hand_on(const struct ingest_table *old, struct ingest_source *source)
{
	for (size_t i = 0; old && i < old->count; i++) {
		const struct ingest_source *before = &old->sources[i];
		if (!sl_text_is(before->name, source->name.at))
			continue;
		source->accepted = before->accepted;
		source->refused = before->refused;
		source->turned_away = before->turned_away;
		source->pushed = before->pushed;
		source->last = before->last;
		source->minute = before->minute;
		source->challenges = before->challenges;
		return;
	}
	if (source->flags & LOG_INSECURE)
		line_about(SL_WARNING, &(struct about){ .source = source->name.at },
			"takes every request without any check of who sent it");
}

struct ingest_table *table_new(const struct sl_json *part, const struct ingest_table *old, struct why *why)
{
	const struct sl_json *given = sl_json_get(part, "sources");
	struct arena *arena = arena_new();
	struct ingest_table *table = arena_alloc(arena, sizeof(*table));
	*table = (struct ingest_table){ .arena = arena };
	table->sources = arena_alloc(arena, (sl_json_count(given) + 1) * sizeof(*table->sources));
	read_limits(part, &table->limits);
	read_proxies(part, table);
	for (const struct sl_json *source = sl_json_first(given); source; source = sl_json_next(source)) {
		if (!read_source(source, arena, &table->sources[table->count], why)) {
			table_free(&table);
			return NULL;
		}
		hand_on(old, &table->sources[table->count++]);
	}
	return table;
}

void table_free(struct ingest_table **table)
{
	struct arena *arena = *table ? (*table)->arena : NULL;
	for (size_t i = 0; *table && i < (*table)->count; i++)
		webhook_free(&(*table)->sources[i].webhook);
	*table = NULL;
	arena_free(&arena);
}

struct ingest_source *table_named(const struct ingest_table *table, struct sl_text name)
{
	for (size_t i = 0; i < table->count; i++) {
		struct ingest_source *source = &table->sources[i];
		if (source->name.len == name.len && memcmp(source->name.at, name.at, name.len) == 0)
			return source;
	}
	return NULL;
}

struct ingest_source *table_find(const struct ingest_table *table, struct sl_text path)
{
	static const char prefix[] = "/in/";
	const size_t skip = sizeof(prefix) - 1;
	if (path.len <= skip || memcmp(path.at, prefix, skip) != 0)
		return NULL;
	struct ingest_source *source = table_named(table, (struct sl_text){ path.at + skip, path.len - skip });
	return source && source->webhook ? source : NULL;
}
