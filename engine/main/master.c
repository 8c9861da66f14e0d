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
#include "base/line.h"
#include "io/notify.h"
#include "io/socket.h"
#include "main/admin.h"
#include "main/health.h"

#define PUBLIC_MODE 0666     /* of a unix socket: like a TCP port, anybody may knock */
#define PREDECESSOR_TIME 2000 /* ms for the children of a killed daemon to let go of its sockets */
#define SETTLE_TIME 10000    /* ms after which a child that is still starting does not hold up READY=1 */

/* --------------------------------------------------------------- children */

struct child *master_route(const struct master *master, const char *name)
{
	for (size_t i = 0; i < master->route_count; i++)
		if (strcmp(master->routes[i]->name, name) == 0)
			return master->routes[i];
	return NULL;
}

/* Nothing to wait for any more before the daemon counts as begun.  A route that
 * cannot run does not keep the others from it: health tells of it. */
static bool settled(const struct child *child)
{
	return child_serving(child) || child->state == CHILD_FAILED || child->unwanted ||
	       (child->route && (child->restarts || clock_ticks() - child->away_since > SETTLE_TIME));
}

static void check_ready(struct master *master)
{
	bool all = settled(master->ingress);
	for (size_t i = 0; i < master->route_count; i++)
		all = all && settled(master->routes[i]);
	if (!all || master->ready || master->stopping)
		return;
	master->ready = true;
	notify_ready();
	for (const char *const *listen = master->config->listen; *listen; listen++)
		line(SL_INFO, "ready: listening on %s, %zu route%s", *listen, master->config->route_count,
			master->config->route_count == 1 ? "" : "s");
}

static void all_gone(struct master *master)
{
	bool gone = master->ingress->state == CHILD_STOPPED;
	for (size_t i = 0; i < master->route_count; i++)
		gone = gone && master->routes[i]->state == CHILD_STOPPED;
	if (gone)
		uv_stop(&master->loop);
}

static void forget_route(struct master *master, struct child *child)
{
	size_t i = 0;
	while (master->routes[i] != child)
		i++;
	master->route_count--;
	memmove(&master->routes[i], &master->routes[i + 1], (master->route_count - i) * sizeof(*master->routes));
	line(SL_INFO, "%s has stopped and is gone", child->label);
	child_free(&child);
}

static void on_child_ready(struct child *child)
{
	line(SL_DEBUG, "%s is ready", child->label);
	check_ready(child->owner);
}

static void on_child_heard(struct child *child, struct sl_text say, const struct sl_json *message)
{
	struct master *master = child->owner;
	admin_heard(master->admin, child, say, message);
	check_ready(master);
}

static void on_child_ended(struct child *child)
{
	struct master *master = child->owner;
	admin_ended(master->admin, child);
	if (master->stopping)
		all_gone(master);
	else if (child->unwanted && child->state == CHILD_STOPPED)
		forget_route(master, child);
	else
		check_ready(master);
}

static const struct child_watch watch = { on_child_ready, on_child_heard, on_child_ended };

static void adopt(struct master *master, struct child *child, int64_t deadline)
{
	child->owner = master;
	child->watch = &watch;
	child->deadline = deadline;
}

void master_part_ingress(const struct master *master, const struct config *config, struct buf *part)
{
	int fds[64];
	size_t count = 0;
	while (master->fds[count] >= 0 && count < 64) {
		fds[count] = 5 + (int)count;
		count++;
	}
	json_open(part, '{');
	config_part_ingress(config, fds, part);
	json_close(part, '}');
}

void master_part_route(const struct config *config, const struct config_route *route, struct buf *part)
{
	json_open(part, '{');
	config_part_route(config, route, part);
	json_close(part, '}');
}

bool master_add_route(struct master *master, const struct config *config, const struct config_route *route,
	struct why *why)
{
	struct buf part = { 0 };
	master_part_route(config, route, &part);
	struct child *child = child_new(&master->loop, route->name, true, &part, why);
	buf_free(&part);
	if (!child)
		return false;
	adopt(master, child, route->deadline);
	child->print = master_print_route(route);
	master->routes = must_grow(master->routes, (master->route_count + 1) * sizeof(*master->routes));
	master->routes[master->route_count++] = child;
	child_begin(child);
	return true;
}

/* ----------------------------------------------------------------- signals */

/* From here on the address refuses connections, once the ingress lets go of it too. */
static void close_sockets(struct master *master)
{
	for (size_t i = 0; master->fds && master->fds[i] >= 0; i++) {
		close(master->fds[i]);
		socket_remove(master->config->listen[i]);
		master->fds[i] = -1;
	}
}

static void begin_stop(struct master *master)
{
	line(SL_INFO, "stopping");
	master->stopping = true;
	notify_stopping();
	close_sockets(master);
	child_stop(master->ingress, CHILD_STOP_TIME);
	for (size_t i = 0; i < master->route_count; i++)
		child_stop(master->routes[i], CHILD_STOP_TIME);
}

static void stop_at_once(struct master *master)
{
	line(SL_WARNING, "asked to stop a second time: all processes are killed");
	child_kill(master->ingress);
	for (size_t i = 0; i < master->route_count; i++)
		child_kill(master->routes[i]);
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
	for (size_t i = 0; i < master->route_count; i++) {
		uint64_t hold = page_get(master->routes[i]->page, COUNTER_hold);
		if (!master->routes[i]->unwanted && hold < lowest)
			lowest = hold;
	}
	return lowest;
}

static void tick_route(struct master *master, struct child *route, int64_t passed)
{
	child_tick(route, passed);
	if (!health_behind(master, route))
		route->behind_since = 0;
	else if (!route->behind_since)
		route->behind_since = clock_wall();
}

/* If we did not run ourselves, children that were stopped with us have done
 * nothing wrong: of a long gap only one tick counts. */
static void on_tick(uv_timer_t *timer)
{
	struct master *master = timer->data;
	int64_t now = clock_ticks(), passed = now - master->last_tick;
	if (passed > 2 * MASTER_TICK)
		passed = MASTER_TICK;
	master->last_tick = now;
	child_tick(master->ingress, passed);
	for (size_t i = 0; i < master->route_count; i++)
		tick_route(master, master->routes[i], passed);
	atomic_store(&master->ingress->page->floor, log_floor(master));
	admin_tick(master->admin, now);
	check_ready(master);
	if (notify_watchdog_interval())
		notify_watchdog();
}

static bool begin_tick(struct master *master, struct why *why)
{
	master->last_tick = clock_ticks();
	uv_timer_init(&master->loop, &master->tick);
	master->tick.data = master;
	uv_timer_start(&master->tick, on_tick, MASTER_TICK, MASTER_TICK);
	return true;
}

/* ------------------------------------------------------------------- begin */

static bool take_lock(struct master *master, struct why *why)
{
	return lock_take(master->config->data, &master->lock, why);
}

/* The children of a daemon that was killed just now may hold its address for a
 * moment longer than it held the lock. */
static bool listen_patiently(const struct master *master, const char *address, int *fd, struct why *why)
{
	int64_t until = clock_ticks() + (master->lock.unclean ? PREDECESSOR_TIME : 0);
	while (!socket_listen(address, PUBLIC_MODE, fd, why)) {
		if (clock_ticks() >= until)
			return false;
		usleep(20000);
	}
	return true;
}

static bool open_sockets(struct master *master, struct why *why)
{
	const char *const *listen = master->config->listen;
	size_t count = 0;
	while (listen[count])
		count++;
	master->fds = must_alloc((count + 1) * sizeof(*master->fds));
	for (size_t i = 0; i < count; i++) {
		master->fds[i] = -1;
		if (!listen_patiently(master, listen[i], &master->fds[i], why))
			return false;
	}
	master->fds[count] = -1;
	return true;
}

static bool open_admin(struct master *master, struct why *why)
{
	master->admin = admin_open(master, why);
	return master->admin != NULL;
}

static bool begin_ingress(struct master *master, struct why *why)
{
	struct buf part = { 0 };
	master_part_ingress(master, master->config, &part);
	master->ingress = child_new(&master->loop, "ingress", false, &part, why);
	buf_free(&part);
	if (!master->ingress)
		return false;
	adopt(master, master->ingress, master->config->deadline);
	master->ingress->fds = master->fds;
	child_begin(master->ingress);
	return true;
}

static bool begin_routes(struct master *master, struct why *why)
{
	const struct config *config = master->config;
	for (size_t i = 0; i < config->route_count; i++)
		if (!master_add_route(master, config, &config->routes[i], why))
			return false;
	return true;
}

/* In this order; the first one that fails ends the daemon. */
static bool (*const beginning[])(struct master *master, struct why *why) = {
	take_lock,
	open_sockets,
	open_admin,
	watch_signals,
	begin_ingress,
	begin_routes,
	begin_tick,
};

/* --------------------------------------------------------------------- end */

static void on_walk_close(uv_handle_t *handle, void *data)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void close_loop(struct master *master)
{
	const uv_handle_t *const ours[] = { (uv_handle_t *)&master->tick, (uv_handle_t *)&master->signals[0],
		(uv_handle_t *)&master->signals[1], (uv_handle_t *)&master->signals[2] };
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (ours[i]->loop)
			on_walk_close((uv_handle_t *)ours[i], NULL);
	uv_run(&master->loop, UV_RUN_DEFAULT);
	uv_loop_close(&master->loop);
}

/* A pool thread that still asks plugins for a reload is not waited for: it has
 * nothing to write. */
static void end(struct master *master, int code)
{
	admin_close(&master->admin);
	close_sockets(master);
	lock_drop(&master->lock);
	if (master->reloading)
		_exit(code);
	child_free(&master->ingress);
	for (size_t i = 0; i < master->route_count; i++)
		child_free(&master->routes[i]);
	free(master->routes);
	free(master->fds);
	close_loop(master);
	config_free(&master->config);
}

void master_speak(const struct config *config)
{
	enum sl_level level = SL_INFO;
	line_level(config->log.level, &level);
	line_setup("master", NULL, level);
}

int master_run(struct config *config)
{
	struct master master = { .config = config, .lock.fd = -1, .began = clock_wall() };
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
