/* SPDX-License-Identifier: Apache-2.0 */
/* master.h - the process that begins the others, watches them, and answers for them.
 *
 * It holds the lock of the data folder, the listening sockets, the configuration
 * and the pages of its children.  It loads no plugin and no script, and opens no
 * log and no database: whatever happens to those happens to a child.
 *
 *     master.c         its life: begin, watch, stop
 *     master_sockets.c what the ingress listens on
 *     master_rest.c    which sources rest
 *     master_gap.c     which of them may have been pushed to in vain
 *     master_part.c    what each child is to be, by the configuration
 *     master_reload.c  a new configuration while it runs
 *     watch.c          its files: whether somebody has saved one
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
#define MASTER_LOOK 100 /* ms, at whether the children beat */
#define MASTER_KEY 32   /* bytes */

struct admin;
struct budgets;
struct http_request;
struct watch;

/* Of one kind; also those that are stopping because they are unwanted. */
struct children {
	struct child **at;
	size_t count;
};

struct master {
	uv_loop_t loop;
	struct config *config;
	struct lock lock;
	/* What the ingress is handed: the public addresses by their place in config->listen,
	 * then where events of polls come in; -1 behind the last. */
	int *fds;
	size_t listen_count;
	char *events; /* the address of the last of them */
	char events_key[2 * MASTER_KEY + 1]; /* of which sources' processes have theirs (flow/ingest_events.h) */
	struct child *ingress;
	struct children routes, sources; /* sources: those that have something to ask their vendor */
	struct admin *admin;
	struct budgets *budgets;
	uv_timer_t tick;
	uv_signal_t signals[3];
	int64_t last_tick; /* clock_ticks */
	int64_t last_look; /* at the children */
	int64_t served, touched; /* likewise: the ingress, the lock (master_gap.c); 0: not yet */
	int64_t began;     /* clock_wall */
	bool ready;        /* said so to systemd */
	bool watched;      /* run --watch */
	bool stopping, ingress_told; /* the ingress is told to stop behind the sources */
	bool reloading, reload_again;
	struct why reload_error; /* why the last one was refused; "": it was not */
	int64_t reload_at;       /* clock_wall of that */
	struct watch *watch;     /* run --watch; NULL: nobody asked for it */
};

/* Runs the daemon on a configuration, which it takes over, until a signal ends
 * it; `watch`: and takes it anew whenever one of its files was saved.  Returns the
 * exit code. */
int master_run(struct config *config, bool watch);

struct child *children_find(const struct children *children, const char *name); /* NULL: there is none */

/* What a child is to be; `part` is freed by whoever made it. */
struct wanted {
	enum child_kind kind;
	const char *name;
	int64_t deadline;
	uint64_t print; /* of its files (main/files.h) */
	struct buf part;
};
void wanted_ingress(const struct master *master, const struct config *config, struct wanted *wanted);
void wanted_route(const struct config *config, const struct config_route *route, struct wanted *wanted);
void wanted_source(const struct master *master, const struct config *config, const struct config_source *source,
	struct wanted *wanted);
uint64_t wanted_print(const struct config *config, const struct child *child);

/* The children of that kind. */
struct children *master_children(struct master *master, enum child_kind kind);
/* Makes a child, takes `part` over, and begins it. */
bool master_add(struct master *master, struct wanted *wanted, struct why *why);

bool master_open_sockets(struct master *master, struct why *why);
bool master_open_events(struct master *master, struct why *why); /* after those */
void master_close_sockets(struct master *master);

/* Tells a source to rest, or to go on, if that has changed. */
void master_rest(const struct master *master, struct child *source);

/* What came in vain before we began; and since, every tick. */
void master_gap_begin(struct master *master);
void master_gap_tick(struct master *master, int64_t now);

/* From now on log lines are the master's, of the level that the configuration says. */
void master_speak(const struct config *config);

/* Reads the configuration anew in a pool thread, then puts it in the place of
 * the old one, or leaves everything as it is.  `request` is answered when that
 * is done; NULL: nobody asked, it is only told by log lines. */
void master_reload(struct master *master, struct http_request *request);

#endif
