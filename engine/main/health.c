/* SPDX-License-Identifier: Apache-2.0 */
/* health.c - how the daemon is, as one JSON object. */
#include "main/health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/master.h"
#include "main/user.h"
#include "sdk/text.h"
#include "sdk/time.h"
#include "store/log.h"

#define PATIENCE 5000                        /* ms a process may be away before it counts */
#define STILLNESS 2500                       /* ms it may stand still */
#define MOST_TIME ((int64_t)253402300800000) /* ms since 1970: the year 10000 */

const char *health_name(enum health health)
{
	static const char *const names[] = { "green", "yellow", "red" };
	return names[health];
}

/* An empty log begins at 1, and whoever stands somewhere needs what is behind it. */
bool health_stands(const struct master *master, const struct child *route)
{
	return page_get(master->ingress->page, COUNTER_log_begin) && page_get(route->page, COUNTER_hold);
}

/* So many events of the log, by their seqs: a gap is wider than all that it has had, and a route may stand in one. */
static uint64_t events_behind(const struct page *ingress, uint64_t seq)
{
	struct log_stat stat = { .begin = page_get(ingress, COUNTER_log_begin), .end = page_get(ingress, COUNTER_log_end) };
	for (size_t i = 0; i < PAGE_GAPS; i++)
		stat.gap[i] = (struct log_gap){ atomic_load(&ingress->gaps[i][0]), atomic_load(&ingress->gaps[i][1]) };
	return log_events_behind(&stat, seq);
}

uint64_t health_behind(const struct master *master, const struct child *route)
{
	return events_behind(master->ingress->page, page_get(route->page, COUNTER_cursor));
}

static const char *last_error(const struct child *child)
{
	return child->state == CHILD_FAILED ? child->failure.text : child->error.text;
}

/* ----------------------------------------------------------------- verdict */

/* The sentences of one weight; judged twice, so that the grave ones stand first. */
struct verdict {
	enum health worst;
	enum health telling; /* sentences of this weight are written to `out` */
	struct buf *out;     /* NULL: only `worst` is wanted */
};

static void judge(struct verdict *verdict, enum health health, const char *form, ...)
	__attribute__((format(printf, 3, 4)));

static void judge(struct verdict *verdict, enum health health, const char *form, ...)
{
	struct why why;
	va_list values;
	if (health > verdict->worst)
		verdict->worst = health;
	if (!verdict->out || health != verdict->telling)
		return;
	va_start(values, form);
	why_vsay(&why, form, values);
	va_end(values);
	json_string(verdict->out, why.text);
}

/* One that was never ready and has died already is no hiccup.  One that only begins, or
 * is replaced because it was told to be, is not worth a word. */
static enum health weigh_absence(const struct child *child)
{
	bool hopeless = child->state == CHILD_FAILED || (!child->has_served && child->delay);
	if (hopeless || clock_ticks() - child->away_since > PATIENCE)
		return HEALTH_RED;
	return child->delay ? HEALTH_YELLOW : HEALTH_GREEN;
}

static void judge_presence(struct verdict *verdict, const struct child *child)
{
	const char *error = last_error(child);
	if (child->state == CHILD_STOPPED)
		return;
	if (!child_serving(child))
		judge(verdict, weigh_absence(child), "%s is %s%s%s", child->label, child_word(child), *error ? ": " : "",
			error);
	else if (child->silent >= STILLNESS)
		judge(verdict, HEALTH_RED, "%s has stood still for %" PRId64 " s", child->label, child->silent / 1000);
	else if (child->delay && clock_ticks() - child->since < PATIENCE)
		judge(verdict, HEALTH_YELLOW, "%s has just been begun again: %s", child->label, child->death.text);
}

static void judge_ingress(struct verdict *verdict, const struct child *ingress)
{
	judge_presence(verdict, ingress);
	if (strcmp(child_word(ingress), "refusing") == 0)
		judge(verdict, HEALTH_RED, "the ingress accepts nothing: %s", ingress->error.text);
}

/* One that does not serve has not said what it needs (0), so all is kept for it;
 * while it is only being begun that is not worth a word. */
static bool holds(const struct child *route)
{
	return !route->unwanted && (child_serving(route) || weigh_absence(route) == HEALTH_RED);
}

/* The route that needs the oldest event. */
static const struct child *holder(const struct master *master)
{
	const struct child *lowest = NULL;
	for (size_t i = 0; i < master->routes.count; i++) {
		const struct child *route = master->routes.at[i];
		uint64_t hold = page_get(route->page, COUNTER_hold);
		if (holds(route) && (!lowest || hold < page_get(lowest->page, COUNTER_hold)))
			lowest = route;
	}
	return lowest;
}

/* What lies in the log because a route still needs it.  Segments are counted by
 * their share of the events: the log is full of what was delivered most of the time,
 * and that goes as soon as its room is needed. */
static int64_t held_bytes(const struct master *master)
{
	const struct page *page = master->ingress->page;
	const struct child *lowest = holder(master);
	uint64_t begin = page_get(page, COUNTER_log_begin), end = page_get(page, COUNTER_log_end);
	uint64_t hold = lowest ? page_get(lowest->page, COUNTER_hold) : end + 1;
	double bytes = (double)page_get(page, COUNTER_log_bytes);
	if (hold > end || begin > end)
		return 0;
	double held = (double)events_behind(page, hold ? hold - 1 : 0), all = (double)events_behind(page, 0);
	return (int64_t)(hold > begin && held < all ? bytes * held / all : bytes);
}

static void judge_log(struct verdict *verdict, const struct master *master)
{
	int64_t held = held_bytes(master), limit = master->config->log.size;
	const struct child *lowest = holder(master);
	if (held < limit / 2)
		return;
	judge(verdict, held >= limit / 10 * 9 ? HEALTH_RED : HEALTH_YELLOW,
		"%" PRId64 " MB of the log's %" PRId64 " are not delivered yet%s%s", held >> 20, limit >> 20,
		lowest ? ", held back by " : "", lowest ? lowest->label : "");
}

static void judge_route(struct verdict *verdict, const struct child *route)
{
	uint64_t dead = page_get(route->page, COUNTER_dead);
	judge_presence(verdict, route);
	if (page_get(route->page, COUNTER_outage_since) || strcmp(child_word(route), "outage") == 0)
		judge(verdict, HEALTH_RED, "%s cannot deliver: %s", route->label, route->error.text);
	else if (strcmp(child_word(route), "blocked") == 0)
		judge(verdict, HEALTH_RED, "%s is blocked: %s", route->label, route->error.text);
	else if (child_serving(route) && route->error.text[0])
		judge(verdict, HEALTH_YELLOW, "%s: %s", route->label, route->error.text);
	if (route->paused)
		judge(verdict, HEALTH_YELLOW, "%s is paused", route->label);
	if (dead)
		judge(verdict, HEALTH_YELLOW, "%s has %" PRIu64 " dead letter%s", route->label, dead, dead == 1 ? "" : "s");
}

/* What a vendor does not give now it gives later: nothing that was accepted waits. */
static void judge_source(struct verdict *verdict, const struct child *source)
{
	judge_presence(verdict, source);
	if (!child_serving(source))
		return;
	if (source->error.text[0])
		judge(verdict, HEALTH_YELLOW, "%s cannot poll: %s", source->label, source->error.text);
	struct sl_document *status = sl_json_read((struct sl_text){ source->status.at, source->status.len }, NULL, 0);
	const struct sl_json *troubles = status ? sl_json_get(sl_json_root(status), "troubles") : NULL;
	for (const struct sl_json *at = sl_json_first(troubles); at; at = sl_json_next(at))
		judge(verdict, HEALTH_YELLOW, "%s: %s", source->label, sl_json_string(at).at);
	sl_json_free(&status);
}

static void judge_all(struct verdict *verdict, const struct master *master)
{
	if (master->stopping)
		judge(verdict, HEALTH_RED, "the daemon is stopping");
	else if (!master->ready)
		judge(verdict, HEALTH_RED, "the daemon is starting");
	if (master->reload_error.text[0])
		judge(verdict, HEALTH_YELLOW, "the configuration was not reloaded, the old one goes on: %s",
			master->reload_error.text);
	judge_ingress(verdict, master->ingress);
	judge_log(verdict, master);
	for (size_t i = 0; i < master->routes.count; i++)
		if (!master->routes.at[i]->unwanted)
			judge_route(verdict, master->routes.at[i]);
	for (size_t i = 0; i < master->sources.count; i++)
		if (!master->sources.at[i]->unwanted)
			judge_source(verdict, master->sources.at[i]);
}

enum health health_of(const struct master *master)
{
	struct verdict verdict = { 0 };
	judge_all(&verdict, master);
	return verdict.worst;
}

static enum health write_verdict(const struct master *master, struct buf *out)
{
	enum health worst = health_of(master);
	json_member_string(out, "state", health_name(worst));
	json_key(out, "why");
	json_open(out, '[');
	for (int weight = HEALTH_RED; weight > HEALTH_GREEN; weight--) {
		struct verdict verdict = { .telling = (enum health)weight, .out = out };
		judge_all(&verdict, master);
	}
	json_close(out, ']');
	return worst;
}

/* ------------------------------------------------------------------- parts */

static void member_time(struct buf *out, const char *name, int64_t milliseconds)
{
	char text[SL_TIME_SIZE];
	if (milliseconds)
		sl_time_write(milliseconds * 1000, text);
	json_member_string(out, name, milliseconds ? text : NULL);
}

/* A row of counters from `first` to the one before `last`. */
static void member_counters(struct buf *out, const struct page *page, enum counter first, enum counter last)
{
	for (enum counter i = first; i < last; i++)
		json_member_uint(out, counter_names[i], page_get(page, i));
}

static void write_process(const struct child *child, struct buf *out)
{
	const char *error = last_error(child);
	json_member_string(out, "state", child_word(child));
	json_key(out, "pid");
	if (child->pid)
		json_int(out, child->pid);
	else
		json_null(out);
	json_member_uint(out, "restarts", child->restarts);
	json_member_bool(out, "confined", atomic_load(&child->page->confined));
	json_member_string(out, "error", *error ? error : NULL);
}

static void write_log(const struct master *master, struct buf *out)
{
	const struct page *page = master->ingress->page;
	const struct child *lowest = holder(master);
	json_open(out, '{');
	json_member_uint(out, "bytes", page_get(page, COUNTER_log_bytes));
	json_member_int(out, "held", held_bytes(master));
	json_member_int(out, "limit", master->config->log.size);
	json_member_uint(out, "begin", page_get(page, COUNTER_log_begin));
	json_member_uint(out, "end", page_get(page, COUNTER_log_end));
	json_member_string(out, "held_by", lowest && held_bytes(master) ? lowest->name : NULL);
	json_close(out, '}');
}

static void write_ingress(const struct child *ingress, struct buf *out)
{
	json_open(out, '{');
	write_process(ingress, out);
	member_counters(out, ingress->page, COUNTER_requests, COUNTER_log_bytes);
	json_close(out, '}');
}

/* Since the event at the cursor, but no longer than it has been behind at all:
 * after a quiet hour the first event is not an hour late. */
static int64_t seconds_behind(const struct child *route)
{
	int64_t cursor_time = (int64_t)page_get(route->page, COUNTER_cursor_time);
	int64_t from = cursor_time > route->behind_since ? cursor_time : route->behind_since;
	int64_t seconds = (clock_wall() - from) / 1000;
	return route->behind_since && seconds > 0 ? seconds : 0;
}

static void write_route(const struct master *master, const struct child *route, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "name", route->name);
	write_process(route, out);
	json_member_bool(out, "paused", route->paused);
	if (health_stands(master, route)) {
		json_member_uint(out, "behind", health_behind(master, route));
		json_member_int(out, "seconds_behind", seconds_behind(route));
	} else {
		json_member_string(out, "behind", NULL); /* nobody knows yet: 0 would be a lie */
		json_member_string(out, "seconds_behind", NULL);
	}
	member_time(out, "outage_since", (int64_t)page_get(route->page, COUNTER_outage_since));
	member_counters(out, route->page, COUNTER_cursor, COUNTER_outage_since);
	json_close(out, '}');
}

/* What the ingress told of a source; NULL: nothing yet. */
static const struct sl_json *told_of(const struct sl_json *list, const char *name)
{
	const struct sl_json *item = sl_json_first(list);
	while (item && !sl_text_is(sl_json_string(sl_json_get(item, "name")), name))
		item = sl_json_next(item);
	return item;
}

/* A time that a source told; `none` is also 0. */
static void member_told(struct buf *out, const char *name, const struct sl_json *told)
{
	int64_t milliseconds = 0;
	sl_json_integer(told, &milliseconds);
	member_time(out, name, milliseconds > 0 && milliseconds < MOST_TIME ? milliseconds : 0);
}

static void write_backfill(const struct sl_json *backfill, struct buf *out)
{
	int64_t events = 0;
	json_key(out, "backfill");
	if (sl_json_kind(backfill) != SL_KIND_OBJECT) {
		json_null(out);
		return;
	}
	sl_json_integer(sl_json_get(backfill, "events"), &events);
	json_open(out, '{');
	member_told(out, "since", sl_json_get(backfill, "since"));
	json_member_int(out, "events", events);
	member_told(out, "oldest", sl_json_get(backfill, "oldest"));
	json_close(out, '}');
}

/* What may have been pushed in vain, and what its webhooks were like when they were last looked at. */
static void write_gaps(const struct sl_json *told, struct buf *out)
{
	const struct sl_json *gap = sl_json_get(told, "gap");
	json_key(out, "gap");
	if (sl_json_kind(gap) == SL_KIND_OBJECT) {
		json_open(out, '{');
		json_member_string(out, "why", sl_json_string(sl_json_get(gap, "why")).at);
		member_told(out, "at", sl_json_get(gap, "at"));
		json_member_bool(out, "open", sl_json_true(sl_json_get(gap, "open")));
		json_close(out, '}');
	} else {
		json_null(out);
	}
	json_member_bool(out, "silent", sl_json_true(sl_json_get(told, "silent")));
	member_told(out, "hooks_looked", sl_json_get(told, "hooks_looked"));
	json_member_string(out, "hooks_error", sl_json_string(sl_json_get(told, "hooks_error")).at);
}

static void write_polls(const struct child *source, struct buf *out)
{
	struct sl_document *status = sl_json_read((struct sl_text){ source->status.at, source->status.len }, NULL, 0);
	const struct sl_json *told = status ? sl_json_root(status) : NULL;
	json_open(out, '{');
	write_process(source, out);
	member_told(out, "last", sl_json_get(told, "last_poll"));
	member_told(out, "next", sl_json_get(told, "next_poll"));
	json_member_uint(out, "events", page_get(source->page, COUNTER_poll_events));
	json_member_bool(out, "rests", source->rests);
	write_backfill(sl_json_get(told, "backfill"), out);
	write_gaps(told, out);
	json_close(out, '}');
	sl_json_free(&status);
}

static void write_source(const struct master *master, const struct sl_json *list, const char *name, struct buf *out)
{
	const struct child *polls = children_find(&master->sources, name);
	json_open(out, '{');
	json_member_string(out, "name", name);
	for (const struct sl_json *member = sl_json_first(told_of(list, name)); member; member = sl_json_next(member)) {
		struct sl_text raw = sl_json_raw(member);
		if (sl_text_is(sl_json_name(member), "name"))
			continue;
		json_key_text(out, sl_json_name(member));
		json_raw(out, raw.at, raw.len);
	}
	json_key(out, "polls");
	if (polls && !polls->unwanted)
		write_polls(polls, out);
	else
		json_null(out);
	json_close(out, '}');
}

static void write_sources(const struct master *master, struct buf *out)
{
	const struct buf *told = &master->ingress->sources;
	struct sl_document *document = sl_json_read((struct sl_text){ told->at, told->len }, NULL, 0);
	const struct sl_json *list = document ? sl_json_root(document) : NULL;
	json_open(out, '[');
	for (size_t i = 0; i < master->config->source_count; i++)
		write_source(master, list, master->config->sources[i].name, out);
	json_close(out, ']');
	sl_json_free(&document);
}

static void write_reload(const struct master *master, struct buf *out)
{
	json_key(out, "reload");
	if (!master->reload_error.text[0]) {
		json_null(out);
		return;
	}
	json_open(out, '{');
	json_member_string(out, "error", master->reload_error.text);
	member_time(out, "at", master->reload_at);
	json_close(out, '}');
}

bool health_write(const struct master *master, struct buf *out)
{
	json_open(out, '{');
	enum health worst = write_verdict(master, out);
	json_member_int(out, "pid", getpid());
	json_member_string(out, "version", SLUICE_VERSION);
	member_time(out, "began", master->began);
	json_member_string(out, "user", user_name());
	json_key(out, "log");
	write_log(master, out);
	json_key(out, "ingress");
	write_ingress(master->ingress, out);
	json_key(out, "routes");
	json_open(out, '[');
	for (size_t i = 0; i < master->routes.count; i++)
		if (!master->routes.at[i]->unwanted)
			write_route(master, master->routes.at[i], out);
	json_close(out, ']');
	json_key(out, "sources");
	write_sources(master, out);
	write_reload(master, out);
	json_close(out, '}');
	return worst != HEALTH_RED;
}
