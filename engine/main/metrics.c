/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - the counters of all processes, as Prometheus reads them. */
#include "main/metrics.h"

#include <inttypes.h>

#include "main/health.h"
#include "main/master.h"

/* Whose counters are whose: by their place in the table. */
static enum child_kind owner_of(enum counter counter)
{
	if (counter >= COUNTER_polls)
		return CHILD_SOURCE;
	return counter >= COUNTER_cursor_time ? CHILD_ROUTE : CHILD_INGRESS;
}

/* The others only ever grow. */
static bool is_gauge(enum counter counter)
{
	static const enum counter gauges[] = { COUNTER_connections, COUNTER_log_bytes, COUNTER_log_end, COUNTER_log_begin,
		COUNTER_log_gaps,
		COUNTER_cursor_time, COUNTER_cursor, COUNTER_waiting, COUNTER_dead, COUNTER_outage_since, COUNTER_hold,
		COUNTER_hooks_bad };
	for (size_t i = 0; i < sizeof(gauges) / sizeof(*gauges); i++)
		if (gauges[i] == counter)
			return true;
	return false;
}

static void head(struct buf *out, const char *name, const char *suffix, const char *help, bool gauge)
{
	buf_format(out, "# HELP sluice_%s%s %s\n# TYPE sluice_%s%s %s\n", name, suffix, help, name, suffix,
		gauge ? "gauge" : "counter");
}

static void label(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			buf_char(out, '\\');
		buf_char(out, *text);
	}
}

static void sample(struct buf *out, const char *name, const char *suffix, const struct child *child, uint64_t value)
{
	static const char *const kinds[] = { "ingress", "route", "source" };
	const char *kind = kinds[child->kind];
	buf_format(out, "sluice_%s%s{process=\"%s\"", name, suffix, kind);
	if (child->kind != CHILD_INGRESS) {
		buf_format(out, ",%s=\"", kind);
		label(out, child->name);
		buf_char(out, '"');
	}
	buf_format(out, "} %" PRIu64 "\n", value);
}

static void write_counter(const struct master *master, enum counter counter, struct buf *out)
{
	const char *name = counter_names[counter], *suffix = is_gauge(counter) ? "" : "_total";
	enum child_kind owner = owner_of(counter);
	const struct children *children = owner == CHILD_ROUTE ? &master->routes : &master->sources;
	head(out, name, suffix, counter_helps[counter], is_gauge(counter));
	if (owner == CHILD_INGRESS)
		sample(out, name, suffix, master->ingress, page_get(master->ingress->page, counter));
	for (size_t i = 0; owner != CHILD_INGRESS && i < children->count; i++)
		sample(out, name, suffix, children->at[i], page_get(children->at[i]->page, counter));
}

/* One number of each child, counted by the master. */
struct watched {
	const char *name, *suffix, *help;
	bool gauge, routes_only;
	uint64_t (*value)(const struct master *master, const struct child *child);
};

static uint64_t up(const struct master *master, const struct child *child)
{
	return child->state == CHILD_READY;
}

static uint64_t restarts(const struct master *master, const struct child *child)
{
	return child->restarts;
}

static const struct watched watched[] = {
	{ "up", "", "1 while the process runs and is ready", true, false, up },
	{ "restarts", "_total", "times the process died and was begun again", false, false, restarts },
	{ "behind", "", "events in the log that the route has not passed", true, true, health_behind },
};

static void write_all(const struct master *master, const struct watched *row, const struct children *children,
	struct buf *out)
{
	for (size_t i = 0; i < children->count; i++)
		sample(out, row->name, row->suffix, children->at[i], row->value(master, children->at[i]));
}

static void write_watched(const struct master *master, const struct watched *row, struct buf *out)
{
	head(out, row->name, row->suffix, row->help, row->gauge);
	if (!row->routes_only)
		sample(out, row->name, row->suffix, master->ingress, row->value(master, master->ingress));
	write_all(master, row, &master->routes, out);
	if (!row->routes_only)
		write_all(master, row, &master->sources, out);
}

void metrics_write(const struct master *master, struct buf *out)
{
	head(out, "health", "", "0 green, 1 yellow, 2 red", true);
	buf_format(out, "sluice_health %d\n", health_of(master));
	head(out, "log_limit_bytes", "", "bytes the log may take", true);
	buf_format(out, "sluice_log_limit_bytes %" PRId64 "\n", master->config->log.size);
	for (size_t i = 0; i < sizeof(watched) / sizeof(*watched); i++)
		write_watched(master, &watched[i], out);
	for (int i = 0; i < COUNTER_COUNT; i++)
		write_counter(master, (enum counter)i, out);
}
