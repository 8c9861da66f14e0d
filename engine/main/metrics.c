/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - the counters of all processes, as Prometheus reads them. */
#include "main/metrics.h"

#include <inttypes.h>

#include "main/health.h"
#include "main/master.h"

#define FIRST_OF_ROUTES COUNTER_cursor_time /* those before it are the ingress's */

/* The others only ever grow. */
static bool is_gauge(enum counter counter)
{
	static const enum counter gauges[] = { COUNTER_connections, COUNTER_log_bytes, COUNTER_log_end, COUNTER_log_begin,
		COUNTER_cursor_time, COUNTER_cursor, COUNTER_waiting, COUNTER_dead, COUNTER_outage_since, COUNTER_hold };
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
	buf_format(out, "sluice_%s%s{process=\"%s\"", name, suffix, child->route ? "route" : child->name);
	if (child->route) {
		buf_string(out, ",route=\"");
		label(out, child->name);
		buf_char(out, '"');
	}
	buf_format(out, "} %" PRIu64 "\n", value);
}

static void write_counter(const struct master *master, enum counter counter, struct buf *out)
{
	const char *suffix = is_gauge(counter) ? "" : "_total";
	head(out, counter_names[counter], suffix, counter_helps[counter], is_gauge(counter));
	if (counter < FIRST_OF_ROUTES)
		sample(out, counter_names[counter], suffix, master->ingress, page_get(master->ingress->page, counter));
	for (size_t i = 0; counter >= FIRST_OF_ROUTES && i < master->route_count; i++)
		sample(out, counter_names[counter], suffix, master->routes[i], page_get(master->routes[i]->page, counter));
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

static void write_watched(const struct master *master, const struct watched *row, struct buf *out)
{
	head(out, row->name, row->suffix, row->help, row->gauge);
	if (!row->routes_only)
		sample(out, row->name, row->suffix, master->ingress, row->value(master, master->ingress));
	for (size_t i = 0; i < master->route_count; i++)
		sample(out, row->name, row->suffix, master->routes[i], row->value(master, master->routes[i]));
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
