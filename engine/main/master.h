/* SPDX-License-Identifier: Apache-2.0 */
/* master.h - the process that begins the others, watches them, and answers for them.
 *
 * It holds the lock of the data folder, the listening sockets, the configuration
 * and the pages of its children.  It loads no plugin and no script, and opens no
 * log and no database: whatever happens to those happens to a child.
 *
 *     master.c         its life: begin, watch, stop
 *     master_reload.c  a new configuration while it runs
 *     admin.c          what is asked over the admin address
 *     health.c         how all of it is, as JSON
 *     metrics.c        the same as numbers for Prometheus
 */
#ifndef MAIN_MASTER_H
#define MAIN_MASTER_H

#include <uv.h>

#include "main/child.h"
#include "main/config.h"
#include "main/lock.h"

#define MASTER_TICK 500 /* ms */

struct admin;
struct http_request;

struct master {
	uv_loop_t loop;
	struct config *config;
	struct lock lock;
	int *fds;             /* the public address: by place in config->listen, -1 behind the last */
	struct child *ingress;
	struct child **routes; /* also those that are stopping because they are unwanted */
	size_t route_count;
	struct admin *admin;
	uv_timer_t tick;
	uv_signal_t signals[3];
	int64_t last_tick; /* clock_ticks */
	int64_t began;     /* clock_wall */
	bool ready;        /* said so to systemd */
	bool stopping;
	bool reloading, reload_again;
};

/* Runs the daemon on a configuration, which it takes over, until a signal ends
 * it.  Returns the exit code. */
int master_run(struct config *config);

struct child *master_route(const struct master *master, const char *name);

/* Gives a route its child, and begins it. */
bool master_add_route(struct master *master, const struct config *config, const struct config_route *route,
	struct why *why);
void master_part_ingress(const struct master *master, const struct config *config, struct buf *part);
void master_part_route(const struct config *config, const struct config_route *route, struct buf *part);
uint64_t master_print_route(const struct config_route *route);

/* From now on log lines are the master's, of the level that the configuration says. */
void master_speak(const struct config *config);

/* Reads the configuration anew in a pool thread, then puts it in the place of
 * the old one, or leaves everything as it is.  `request` is answered when that
 * is done; NULL: nobody asked, it is only told by log lines. */
void master_reload(struct master *master, struct http_request *request);

#endif
