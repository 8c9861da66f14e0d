/* SPDX-License-Identifier: Apache-2.0 */
/* destination_run.c - a sink in a command's own process, one call after the other. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flow/destination.h"
#include "flow/outside.h"
#include "host/net.h"

#define TRIES 6         /* of a call that an outage ends: about 6 s */
#define PAUSE_FIRST 200 /* ms; then twice as long each time */
#define COUNT_PAGE 10000
#define PAUSE_MOST 5000 /* who asks for more time is not waited for */

struct destination {
	const char *name;
	struct arena *arena;
	struct sl_document *part;
	uv_loop_t loop;
	struct client *client;
	struct net *net;
	struct instance *sink;
	struct schema *schema;
	const struct sl_table *const *others;
};

static const char *text(const struct sl_json *object, const char *name)
{
	return sl_json_string(sl_json_get(object, name)).at;
}

/* -------------------------------------------------------------------- beginning */

static bool open_net(struct destination *there, const struct sl_json *net, struct why *why)
{
	there->client = outside_client(&there->loop, net, there->arena, why);
	if (!there->client)
		return false;
	there->net = net_new(&(struct net_settings){ .loop = &there->loop, .client = there->client });
	return true;
}

static bool load(struct destination *there, const struct sl_json *sink, struct why *why)
{
	const struct sl_json *api = sl_json_get(sink, "api");
	struct host_settings settings = { .loop = &there->loop, .net = there->net };
	if (sl_json_kind(api) == SL_KIND_OBJECT && !(settings.api = net_api_read(api, there->arena, why)))
		return false;
	struct plugin *plugin = plugin_load(text(sink, "plugin"), why);
	if (!plugin)
		return false;
	there->sink = instance_new(&settings, plugin, there->name, sl_json_get(sink, "options"), why);
	plugin_free(&plugin); /* the instance holds it */
	return there->sink != NULL;
}

static bool load_schema(struct destination *there, const struct sl_json *part, struct why *why)
{
	const struct sl_plugin *face = instance_face(there->sink);
	if (sl_json_kind(part) != SL_KIND_OBJECT)
		return true;
	there->schema = schema_of_part(part, face->dialect, why);
	return there->schema && destination_takes(face, there->schema, why);
}

static bool begin(struct destination *there, struct why *why)
{
	const struct sl_json *part = sl_json_root(there->part), *sink = sl_json_get(part, "sink");
	there->name = text(sink, "name");
	if (!there->name || !text(sink, "plugin"))
		return why_say(why, "the configuration's part names no sink");
	return (open_net(there, sl_json_get(part, "net"), why) && load(there, sink, why) &&
		       load_schema(there, sl_json_get(sink, "schema"), why)) ||
		why_within(why, "sink %s", there->name);
}

struct destination *destination_new(const struct sl_json *part, struct why *why)
{
	struct destination *there = must_alloc(sizeof(*there));
	there->arena = arena_new();
	uv_loop_init(&there->loop);
	there->part = sl_json_read(sl_json_raw(part), NULL, 0);
	if (!begin(there, why))
		destination_free(&there);
	return there;
}

void destination_free(struct destination **at)
{
	struct destination *there = *at;
	*at = NULL;
	if (!there)
		return;
	if (there->net)
		net_free(&there->net);
	if (there->client)
		client_free(&there->client);
	uv_run(&there->loop, UV_RUN_DEFAULT);
	instance_free(&there->sink);
	uv_loop_close(&there->loop);
	schema_free(&there->schema);
	sl_json_free(&there->part);
	arena_free(&there->arena);
	free(there);
}

const char *destination_name(const struct destination *there)
{
	return there->name;
}

const struct sl_plugin *destination_face(const struct destination *there)
{
	return instance_face(there->sink);
}

const struct schema *destination_schema(const struct destination *there)
{
	return there->schema;
}

void destination_with(struct destination *there, const struct sl_table *const *tables)
{
	there->others = tables;
}

/* ------------------------------------------------------------------------ calls */

struct call *destination_call(struct destination *there, enum step step)
{
	struct call *call = call_new(there->sink, step);
	destination_offer(call, there->schema);
	destination_offer_more(call, there->others);
	return call;
}

static void finished(struct call *call, void *data)
{
	*(bool *)data = true;
}

static void run(struct destination *there, struct call *call)
{
	bool ended = false;
	if (call_run(call, finished, &ended) == SL_WAIT)
		while (!ended)
			uv_run(&there->loop, UV_RUN_ONCE);
}

/* The same again; what it is handed lies in the first one's memory. */
static struct call *again(const struct call *first)
{
	struct call *call = call_new(first->instance, first->step);
	void *local = call->pub.local;
	call->pub = first->pub;
	call->pub.local = local;
	return call;
}

static bool is_worth_a_wait(const struct call *call, int tries)
{
	return call->outcome == SL_RETRY && tries < TRIES && call->retry_after <= PAUSE_MOST;
}

static void pause_for(const struct call *call, int tries)
{
	int64_t ms = PAUSE_FIRST << (tries - 1);
	if (ms < call->retry_after)
		ms = call->retry_after;
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

bool destination_run(struct destination *there, struct call **at, struct why *why)
{
	struct call *first = *at, *call = first;
	run(there, call);
	for (int tries = 1; is_worth_a_wait(call, tries); tries++) {
		pause_for(call, tries);
		if (call != first)
			call_free(&call);
		call = again(first);
		run(there, call);
	}
	if (call != first)
		call_free(&first);
	*at = call;
	if (call->outcome == SL_DONE)
		return true;
	why_say(why, "%s: %s", there->name, call->why.text);
	call_free(at);
	return false;
}

bool destination_open(struct destination *there, struct why *why)
{
	if (!instance_face(there->sink)->open)
		return true;
	struct call *call = destination_call(there, STEP_OPEN);
	if (!destination_run(there, &call, why))
		return false;
	call_free(&call);
	return true;
}

/* ------------------------------------------------------------------------- rows */

static struct call *next_page(struct destination *there, const struct sl_table *table, const char *cursor, size_t most)
{
	struct call *call = destination_call(there, STEP_RECALL);
	const struct sl_row **rows = arena_alloc(call->arena, sizeof(*rows));
	struct sl_row *row = arena_alloc(call->arena, sizeof(*row));
	row->table = table;
	row->mode = table->mode;
	row->cells = arena_alloc(call->arena, (table->column_count + 1) * sizeof(*row->cells));
	row->version_id = "";
	rows[0] = row;
	call->pub.rows = rows;
	call->pub.row_count = 1;
	call->pub.cursor = cursor;
	call->pub.most = most;
	return call;
}

/* A sink that does not move on would be asked for ever. */
static bool moves_on(const struct destination *there, const struct sl_table *table, const struct call *call,
	const char *cursor, struct why *why)
{
	if (!call->advanced || !cursor || strcmp(call->advanced, cursor) != 0)
		return true;
	return why_say(why, "%s: the rows of %s cannot be read: the plugin's recall stays where it is", there->name,
		table->name);
}

bool destination_rows(struct destination *there, const struct sl_table *table, const char *cursor, size_t most,
	destination_page *page, void *data, struct why *why)
{
	char *from = cursor ? must_string(cursor) : NULL;
	bool fine = true, more = true;
	while (fine && more) {
		struct call *call = next_page(there, table, from, most);
		if (!destination_run(there, &call, why)) {
			fine = false;
			break;
		}
		fine = moves_on(there, table, call, from, why) && page(call, data, why);
		free(from);
		from = call->advanced ? must_string(call->advanced) : NULL;
		more = from != NULL;
		call_free(&call);
	}
	free(from);
	return fine;
}

static bool count_page(const struct call *call, void *data, struct why *why)
{
	*(uint64_t *)data += call->emitted_count;
	return true;
}

bool destination_count(struct destination *there, const struct sl_table *table, uint64_t *rows, struct why *why)
{
	*rows = 0;
	return destination_rows(there, table, NULL, COUNT_PAGE, count_page, rows, why);
}
