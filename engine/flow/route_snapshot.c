/* SPDX-License-Identifier: Apache-2.0 */
/* route_snapshot.c - what tells of a snapshot's run begins and ends the loads of its tables. */
#include "flow/route_snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "flow/snapshot.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define SEEN_MOST 64 /* runs; of an older one the destination knows enough */
#define TOO_LATE "a snapshot's run whose rows have gone by: the next one loads the table"

/* ---------------------------------------------------------------------- tables */

static bool takes(const struct sl_table *table, const char *source)
{
	const struct sl_snapshot *snapshot = table->snapshot;
	return snapshot && (!snapshot->source || strcmp(snapshot->source, source) == 0);
}

/* The tables that take the source's snapshots, after those passed so far. */
static const struct sl_table *next_table(const struct route *route, const char *source, size_t *at)
{
	size_t count = 0;
	const struct sl_table *const *tables = route->schema ? schema_tables(route->schema, &count) : NULL;
	while (*at < count)
		if (takes(tables[(*at)++], source))
			return tables[*at - 1];
	return NULL;
}

static size_t count_tables(const struct route *route, const char *source)
{
	size_t at = 0, count = 0;
	while (next_table(route, source, &at))
		count++;
	return count;
}

const char *snapshot_load(const struct sl_table *table, const struct sl_event *event)
{
	return table && event->run && takes(table, event->source) ? event->run : NULL;
}

bool snapshot_check(const struct route *route, struct why *why)
{
	size_t count = 0;
	const struct sl_table *const *tables = route->schema ? schema_tables(route->schema, &count) : NULL;
	struct snapshot_source *sources = arena_alloc(route->arena, (route->source_count + 1) * sizeof(*sources));
	for (size_t i = 0; i < route->source_count; i++)
		sources[i] = (struct snapshot_source){ route->sources[i].name, route->sources[i].snapshots };
	for (size_t i = 0; i < count; i++)
		if (tables[i]->snapshot &&
			!snapshot_fits(tables[i]->name, tables[i]->snapshot->source, sources, route->source_count, why))
			return false;
	return true;
}

/* ------------------------------------------------------------------------ told */

struct told {
	bool finished;
	int64_t began; /* microseconds */
	uint64_t events;
};

/* False: it tells of no snapshot's run. */
static bool read_told(const struct delivery *delivery, struct told *told)
{
	const struct sl_json *data = delivery->event.json;
	struct sl_text state = sl_json_string(sl_json_get(data, "state"));
	struct sl_text began = sl_json_string(sl_json_get(data, "began"));
	int64_t events = 0;
	if (!delivery_sync(delivery) || !delivery->event.run || !began.at || !sl_time_read(began, &told->began))
		return false;
	sl_json_integer(sl_json_get(data, "events"), &events);
	told->events = events > 0 ? (uint64_t)events : 0;
	told->finished = sl_text_is(state, "finished");
	return told->finished || sl_text_is(state, "started");
}

/* ------------------------------------------------------------------------ seen */

struct snapshot *snapshot_seen(const struct route *route, const char *run)
{
	struct snapshot *at = route->snapshots;
	while (at && strcmp(at->run, run) != 0)
		at = at->next;
	return at;
}

static void forget_behind(struct snapshot **at)
{
	while (*at) {
		struct snapshot *gone = *at;
		*at = gone->next;
		free(gone);
	}
}

static void see_begin(struct route *route, const struct delivery *delivery)
{
	struct snapshot *snapshot = must_alloc(sizeof(*snapshot)), **at = &route->snapshots;
	strncpy(snapshot->run, delivery->event.run, sizeof(snapshot->run) - 1);
	snapshot->source = delivery->source;
	snapshot->seq = delivery->seq;
	snapshot->next = route->snapshots;
	route->snapshots = snapshot;
	for (size_t count = 0; *at && count < SEEN_MOST; count++)
		at = &(*at)->next;
	forget_behind(at);
}

void snapshot_arrives(struct route *route, const struct delivery *delivery)
{
	const char *run = delivery->event.run;
	struct snapshot *seen = run ? snapshot_seen(route, run) : NULL;
	struct told told;
	if (!run)
		return;
	if (!read_told(delivery, &told))
		seen ? seen->arrived++ : 0;
	else if (!told.finished && !seen)
		see_begin(route, delivery);
}

bool snapshot_has(const char *run, const char *id)
{
	size_t len = strlen("sync-");
	return polled_of_run(id, run) ||
		(strncmp(id, "sync-", len) == 0 && strncmp(id + len, run, strlen(run)) == 0 &&
			strcmp(id + len + strlen(run), "-started") == 0);
}

void snapshot_died(struct route *route, const struct delivery *delivery)
{
	for (struct snapshot *at = delivery->label.id ? route->snapshots : NULL; at; at = at->next)
		at->died += snapshot_has(at->run, delivery->label.id);
}

/* ------------------------------------------------------------------------ rows */

static void end_row(const struct delivery *delivery, const struct sl_table *table, enum sl_mode mode,
	const struct told *told, struct sl_row *row)
{
	const struct sl_event *event = &delivery->event;
	*row = (struct sl_row){
		.table = table,
		.mode = mode,
		.cells = arena_alloc(delivery->arena, table->column_count * sizeof(struct sl_cell)),
		.version_time = told->began,
		.version_id = event->run,
		.idempotency = arena_format(delivery->arena, "%s:%s:%s:0", event->source, event->id, table->name),
		.event = event,
		.load = event->run,
	};
}

/* Behind those it has. */
static void add_rows(struct route *route, struct delivery *delivery, const struct told *told)
{
	const char *source = delivery->source->name;
	size_t at = 0, room = delivery->row_count + count_tables(route, source);
	struct sl_row *rows = arena_alloc(delivery->arena, room * sizeof(*rows));
	const struct sl_table *table;
	if (delivery->row_count)
		memcpy(rows, delivery->rows, delivery->row_count * sizeof(*rows));
	delivery->rows = rows;
	while ((table = next_table(route, source, &at)))
		end_row(delivery, table, told->finished ? SL_LOAD_END : SL_LOAD_BEGIN, told, &rows[delivery->row_count++]);
}

/* The row of sluice_sync, where there is the table, and the loads' ends. */
static void make_rows(struct route *route, struct delivery *delivery, const struct told *told)
{
	delivery->pieces = arena_alloc(delivery->arena, sizeof(*delivery->pieces));
	delivery->piece_count = delivery_sync_wanted(route, delivery);
	delivery->pieces[0].event = delivery->event;
	delivery_make_rows(route, delivery);
	if (delivery->state == DELIVERY_READY)
		add_rows(route, delivery, told);
}

/* ---------------------------------------------------------------- begin and end */

static void drop(struct route *route, struct delivery *delivery, const char *reason)
{
	drops_count(route, reason);
	delivery_settles(route, delivery, DELIVERY_DROPPED);
}

bool snapshot_newer(struct route *route, const struct delivery *closing)
{
	return closing->source->newest > closing->closes->began;
}

/* What waited for the end of an elder run waits for nothing now. */
static void overtake(struct route *route, const struct source *source)
{
	for (struct delivery *at = route->open.first; at; at = at->next)
		if (at->closes && at->source == source && at->state == DELIVERY_WAITING && snapshot_newer(route, at))
			drop(route, at, SNAPSHOT_NEWER);
}

static void begin_load(struct route *route, struct delivery *delivery, const struct told *told)
{
	struct source *source = route_source(route, sl_text_of(delivery->source->name));
	if (delivery->open) {
		drop(route, delivery, TOO_LATE);
		return;
	}
	if (told->began > source->newest)
		source->newest = told->began;
	overtake(route, source);
	make_rows(route, delivery, told);
}

static void end_load(struct route *route, struct delivery *delivery, const struct told *told)
{
	struct closing *closing = delivery->closes = arena_alloc(delivery->arena, sizeof(*closing));
	*closing = (struct closing){ .began = told->began, .events = told->events };
	closing->run = arena_string(delivery->arena, delivery->event.run);
	if (snapshot_newer(route, delivery))
		drop(route, delivery, SNAPSHOT_NEWER);
	else
		make_rows(route, delivery, told);
}

bool snapshot_tells(struct route *route, struct delivery *delivery)
{
	struct told told;
	if (route->trying || !read_told(delivery, &told) || !count_tables(route, delivery->source->name))
		return false;
	if (told.finished)
		end_load(route, delivery, &told);
	else
		begin_load(route, delivery, &told);
	return true;
}

void snapshots_forget(struct route *route)
{
	forget_behind(&route->snapshots);
	closing_forget(route);
	for (size_t i = 0; i < route->source_count; i++)
		route->sources[i].newest = 0;
}
