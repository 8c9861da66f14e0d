/* SPDX-License-Identifier: Apache-2.0 */
/* master.c - the life of the master: begin, watch, stop. */
#include "main/master.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/confine.h"
#include "base/limits.h"
#include "base/line.h"
#include "io/notify.h"
#include "main/admin.h"
#include "main/budgets.h"
#include "main/health.h"
#include "main/user.h"
#include "main/watch.h"

#define SOURCE_TIME 1500  /* ms that a poll has to end before the ingress does */
#define SETTLE_TIME 10000 /* ms after which a child that is still starting does not hold up READY=1 */

/* --------------------------------------------------------------- children */

struct child *children_find(const struct children *children, const char *name)
{
	for (size_t i = 0; i < children->count; i++)
		if (strcmp(children->at[i]->name, name) == 0)
			return children->at[i];
	return NULL;
}

struct children *master_children(struct master *master, enum child_kind kind)
{
	return kind == CHILD_SOURCE ? &master->sources : &master->routes;
}

/* Nothing to wait for any more before the daemon counts as begun.  A route or source
 * that cannot run does not keep the others from it: health tells of it. */
static bool settled(const struct child *child)
{
	return child_serving(child) || child->state == CHILD_FAILED || child->unwanted ||
		(child->kind != CHILD_INGRESS && (child->restarts || clock_ticks() - child->away_since > SETTLE_TIME));
}

static bool all_are(const struct children *children, bool (*so)(const struct child *child))
{
	for (size_t i = 0; i < children->count; i++)
		if (!so(children->at[i]))
			return false;
	return true;
}

static void check_ready(struct master *master)
{
	if (master->ready || master->stopping || !settled(master->ingress) || !all_are(&master->routes, settled) ||
		!all_are(&master->sources, settled))
		return;
	master->ready = true;
	notify_ready();
	for (const char *const *listen = master->config->listen; *listen; listen++)
		line(SL_INFO, "ready: listening on %s, %zu route%s", *listen, master->config->route_count,
			master->config->route_count == 1 ? "" : "s");
}

static bool gone(const struct child *child)
{
	return child->state == CHILD_STOPPED;
}

/* What a poll still emits is taken in, so the ingress stops behind the sources. */
static void stop_further(struct master *master)
{
	if (!all_are(&master->sources, gone))
		return;
	if (!master->ingress_told) {
		master->ingress_told = true;
		child_stop(master->ingress, CHILD_STOP_TIME - SOURCE_TIME);
	}
	if (gone(master->ingress) && all_are(&master->routes, gone))
		uv_stop(&master->loop);
}

static void forget(struct master *master, struct child *child)
{
	struct children *children = master_children(master, child->kind);
	size_t i = 0;
	while (children->at[i] != child)
		i++;
	children->count--;
	memmove(&children->at[i], &children->at[i + 1], (children->count - i) * sizeof(*children->at));
	line(SL_INFO, "%s has stopped and is gone", child->label);
	child_free(&child);
}

static void on_child_ready(struct child *child)
{
	struct master *master = child->owner;
	line(SL_DEBUG, "%s is ready", child->label);
	admin_ready(master->admin, child);
	check_ready(master);
}

static void on_child_heard(struct child *child, struct sl_text say, const struct sl_json *message)
{
	struct master *master = child->owner;
	admin_heard(master->admin, child, say, message);
	budgets_heard(master->budgets, child, say, message);
	check_ready(master);
}

static void on_child_ended(struct child *child)
{
	struct master *master = child->owner;
	admin_ended(master->admin, child);
	budgets_ended(master->budgets, child);
	if (master->stopping)
		stop_further(master);
	else if (child->unwanted && child->state == CHILD_STOPPED)
		forget(master, child);
	else
		check_ready(master);
}

static const struct child_watch watch = { on_child_ready, on_child_heard, on_child_ended };

static struct child *make(struct master *master, struct wanted *wanted, struct why *why)
{
	struct child *child = child_new(&master->loop, wanted->kind, wanted->name, &wanted->part, why);
	if (!child)
		return NULL;
	child->owner = master;
	child->watch = &watch;
	child->deadline = wanted->deadline;
	child->print = wanted->print;
	return child;
}

bool master_add(struct master *master, struct wanted *wanted, struct why *why)
{
	struct children *children = master_children(master, wanted->kind);
	struct child *child = make(master, wanted, why);
	if (!child)
		return false;
	children->at = must_grow(children->at, (children->count + 1) * sizeof(*children->at));
	children->at[children->count++] = child;
	child_begin(child);
	return true;
}

static void each(const struct children *children, void (*act)(struct child *child))
{
	for (size_t i = 0; i < children->count; i++)
		act(children->at[i]);
}

/* ----------------------------------------------------------------- signals */

static void stop_route(struct child *child)
{
	child_stop(child, CHILD_STOP_TIME);
}

static void stop_source(struct child *child)
{
	child_stop(child, SOURCE_TIME);
}

static void begin_stop(struct master *master)
{
	line(SL_INFO, "stopping");
	master->stopping = true;
	notify_stopping();
	watch_free(&master->watch);
	master_close_sockets(master);
	each(&master->sources, stop_source);
	each(&master->routes, stop_route);
	stop_further(master);
}

static void stop_at_once(struct master *master)
{
	line(SL_WARNING, "asked to stop a second time: all processes are killed");
	each(&master->sources, child_kill);
	child_kill(master->ingress);
	each(&master->routes, child_kill);
}

static void on_stop_signal(uv_signal_t *handle, int number)
{
	struct master *master = handle->data;
	if (master->stopping)
		stop_at_once(master);
	else
		begin_stop(master);
}

static void on_reload_signal(uv_signal_t *handle, int number)
{
	master_reload(handle->data, NULL);
}

static bool watch_signals(struct master *master, struct why *why)
{
	static const struct {
		int number;
		uv_signal_cb handler;
	} rows[] = { { SIGTERM, on_stop_signal }, { SIGINT, on_stop_signal }, { SIGHUP, on_reload_signal } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uv_signal_init(&master->loop, &master->signals[i]);
		master->signals[i].data = master;
		int error = uv_signal_start(&master->signals[i], rows[i].handler, rows[i].number);
		if (error)
			return why_say(why, "cannot watch signals: %s", uv_strerror(error));
	}
	return true;
}

/* -------------------------------------------------------------------- tick */

/* The lowest seq that any route still needs.  A route that has not said where it
 * stands may need everything. */
static uint64_t log_floor(const struct master *master)
{
	uint64_t lowest = UINT64_MAX;
	for (size_t i = 0; i < master->routes.count; i++) {
		uint64_t hold = page_get(master->routes.at[i]->page, COUNTER_hold);
		if (!master->routes.at[i]->unwanted && hold < lowest)
			lowest = hold;
	}
	return lowest;
}

/* One that gave up may be worth another try once somebody has saved a file of its. */
static void tick_failed(struct master *master, struct child *child)
{
	uint64_t print = child->state == CHILD_FAILED ? wanted_print(master->config, child) : child->print;
	if (print == child->print)
		return;
	line(SL_INFO, "%s is begun again: its files have changed", child->label);
	child->print = print;
	child_begin(child);
}

static void tick_route(struct master *master, struct child *route)
{
	tick_failed(master, route);
	if (!health_behind(master, route))
		route->behind_since = 0;
	else if (!route->behind_since)
		route->behind_since = clock_wall();
}

static void tick_source(struct master *master, struct child *source)
{
	tick_failed(master, source);
	master_rest(master, source);
}

/* If we did not run ourselves, children that were stopped with us have done
 * nothing wrong: of a long gap only one tick counts. */
static void look_at_children(struct master *master, int64_t now)
{
	int64_t passed = now - master->last_look;
	if (passed > 2 * MASTER_TICK)
		passed = MASTER_TICK;
	master->last_look = now;
	child_tick(master->ingress, passed);
	for (size_t i = 0; i < master->routes.count; i++)
		child_tick(master->routes.at[i], passed);
	for (size_t i = 0; i < master->sources.count; i++)
		child_tick(master->sources.at[i], passed);
}

/* Children are looked at more often than all else, so that who hangs is ended at its deadline. */
static void on_tick(uv_timer_t *timer)
{
	struct master *master = timer->data;
	int64_t now = clock_ticks();
	look_at_children(master, now);
	atomic_store(&master->ingress->page->floor, log_floor(master));
	if (now - master->last_tick < MASTER_TICK - MASTER_LOOK / 2)
		return;
	master->last_tick = now;
	for (size_t i = 0; i < master->routes.count; i++)
		tick_route(master, master->routes.at[i]);
	for (size_t i = 0; i < master->sources.count; i++)
		tick_source(master, master->sources.at[i]);
	master_gap_tick(master, now);
	admin_tick(master->admin, now);
	check_ready(master);
	if (notify_watchdog_interval())
		notify_watchdog();
}

static bool begin_tick(struct master *master, struct why *why)
{
	master->last_tick = master->last_look = clock_ticks();
	master_gap_begin(master);
	uv_timer_init(&master->loop, &master->tick);
	master->tick.data = master;
	uv_timer_start(&master->tick, on_tick, MASTER_LOOK, MASTER_LOOK);
	return true;
}

/* ------------------------------------------------------------------- begin */

static bool take_lock(struct master *master, struct why *why)
{
	return lock_take(master->config->data, &master->lock, why);
}

static bool open_admin(struct master *master, struct why *why)
{
	master->admin = admin_open(master, why);
	return master->admin != NULL;
}

static bool become_user(struct master *master, struct why *why)
{
	limits_hide();
	return user_become(master->config, why);
}

/* Said once, by the one who does not die of it. */
static bool tell_confinement(struct master *master, struct why *why)
{
	if (!confine_possible())
		line(SL_WARNING, "this kernel has no filters for system calls (seccomp): plugins and scripts run without");
	return true;
}

static bool open_budgets(struct master *master, struct why *why)
{
	master->budgets = budgets_new(&master->loop, master->config->data);
	return true;
}

static bool begin_ingress(struct master *master, struct why *why)
{
	struct wanted wanted;
	wanted_ingress(master, master->config, &wanted);
	master->ingress = make(master, &wanted, why);
	buf_free(&wanted.part);
	if (!master->ingress)
		return false;
	master->ingress->fds = master->fds;
	child_begin(master->ingress);
	return true;
}

static bool begin_routes(struct master *master, struct why *why)
{
	const struct config *config = master->config;
	for (size_t i = 0; i < config->route_count; i++) {
		struct wanted wanted;
		wanted_route(config, &config->routes[i], &wanted);
		bool added = master_add(master, &wanted, why);
		buf_free(&wanted.part);
		if (!added)
			return false;
	}
	return true;
}

static bool begin_sources(struct master *master, struct why *why)
{
	const struct config *config = master->config;
	for (size_t i = 0; i < config->source_count; i++) {
		struct wanted wanted;
		if (!config->sources[i].has_process)
			continue;
		wanted_source(master, config, &config->sources[i], &wanted);
		bool added = master_add(master, &wanted, why);
		buf_free(&wanted.part);
		if (!added)
			return false;
	}
	return true;
}

static void on_saved(void *data)
{
	struct master *master = data;
	line(SL_INFO, "a file of the configuration has changed");
	master_reload(master, NULL);
}

static bool begin_watch(struct master *master, struct why *why)
{
	if (master->watched)
		master->watch = watch_new(&master->loop, master->config, on_saved, master);
	return true;
}

/* In this order; the first one that fails ends the daemon. */
static bool (*const beginning[])(struct master *master, struct why *why) = {
	take_lock,
	master_open_sockets,
	master_open_events,
	open_admin,
	become_user,
	tell_confinement,
	open_budgets,
	watch_signals,
	begin_ingress,
	begin_routes,
	begin_sources,
	begin_tick,
	begin_watch,
};

/* --------------------------------------------------------------------- end */

static void on_walk_close(uv_handle_t *handle, void *data)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* It ends already: being told so again, in its last moments, does not change how. */
static void ignore_signals(void)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

static void close_loop(struct master *master)
{
	const uv_handle_t *const ours[] = { (uv_handle_t *)&master->tick, (uv_handle_t *)&master->signals[0],
		(uv_handle_t *)&master->signals[1], (uv_handle_t *)&master->signals[2] };
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (ours[i]->loop)
			on_walk_close((uv_handle_t *)ours[i], NULL);
	ignore_signals(); /* closing them let the kernel end us by one */
	uv_run(&master->loop, UV_RUN_DEFAULT);
	uv_loop_close(&master->loop);
}

static void free_children(struct children *children)
{
	for (size_t i = 0; i < children->count; i++)
		child_free(&children->at[i]);
	free(children->at);
}

/* A pool thread that still asks plugins for a reload is not waited for: it has
 * nothing to write. */
static void end(struct master *master, int code)
{
	admin_close(&master->admin);
	budgets_free(&master->budgets);
	watch_free(&master->watch);
	master_close_sockets(master);
	lock_drop(&master->lock);
	if (master->reloading)
		_exit(code);
	child_free(&master->ingress);
	free_children(&master->routes);
	free_children(&master->sources);
	free(master->fds);
	free(master->events);
	close_loop(master);
	config_free(&master->config);
}

void master_speak(const struct config *config)
{
	enum sl_level level = SL_INFO;
	line_level(config->log.level, &level);
	line_setup("master", NULL, level);
}

int master_run(struct config *config, bool watched)
{
	struct master master = { .config = config, .lock.fd = -1, .began = clock_wall(), .watched = watched };
	struct why why = { 0 };
	bool fine = true;
	uv_loop_init(&master.loop);
	master_speak(config);
	notify_setup();
	for (size_t i = 0; fine && i < sizeof(beginning) / sizeof(*beginning); i++)
		fine = beginning[i](&master, &why);
	if (fine)
		uv_run(&master.loop, UV_RUN_DEFAULT);
	else
		line(SL_ERROR, "%s", why.text);
	end(&master, fine ? 0 : 1);
	if (fine)
		line(SL_INFO, "stopped");
	return fine ? 0 : 1;
}
