/* SPDX-License-Identifier: Apache-2.0 */
/* child.h - a process of ours, as its master sees it.
 *
 * A child has a name and a part of the configuration, and is kept running: begun,
 * told its part, watched, and begun again when it dies, after 100 ms at first
 * and 30 s at most (the ingress 2 s).  It stays away only when it was stopped, or
 * said itself that another try is no use.
 *
 *     WAITING -> STARTING -> READY -> STOPPING -> STOPPED
 *        ^          |          |
 *        `----------+----------+----> FAILED
 *
 * Its page of counters lasts as long as the struct, over all processes that come
 * and go, so counters grow and what killed a process can be read after it.
 */
#ifndef MAIN_CHILD_H
#define MAIN_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/page.h"
#include "base/why.h"
#include "sdk/json.h"

#define CHILD_STOP_TIME 4500 /* ms from "stop" until it is killed */

enum child_state {
	CHILD_WAITING,  /* no process; its timer begins the next */
	CHILD_STARTING, /* has not said "ready" yet */
	CHILD_READY,
	CHILD_STOPPING, /* was told to stop */
	CHILD_STOPPED,  /* no process, and none is wanted */
	CHILD_FAILED,   /* no process: `failure` says why another is no use until something changes */
};

/* What it does; how such a process is begun stands in a table in child.c. */
enum child_kind { CHILD_INGRESS,
	CHILD_ROUTE,
	CHILD_SOURCE };

struct child;

/* What the master wants to hear.  `heard` gets all messages but ready and fatal. */
struct child_watch {
	void (*ready)(struct child *child);
	void (*heard)(struct child *child, struct sl_text say, const struct sl_json *message);
	void (*ended)(struct child *child); /* its process is gone, for whatever reason */
};

/* What was on the CPU when a route died, and how often in a row. */
struct suspect {
	uint64_t seq; /* 0: nothing is suspected */
	uint32_t part, deaths;
};

struct child {
	char *name;      /* "ingress", or the route's, the source's */
	char *label;     /* for sentences: "the ingress", "route cards", "source boards" */
	enum child_kind kind;
	bool unwanted;   /* gone from the configuration: free it once it has stopped */
	bool paused;     /* as it last said itself */
	struct buf part; /* JSON: its part of the configuration */
	uint64_t print;  /* of the files the part names: which plugins and tables it runs with */
	const int *fds;  /* sockets handed on as 5, 6, ...; -1 behind the last; NULL: none */
	int64_t deadline; /* ms without a beat until it is killed */
	const struct child_watch *watch;
	void *owner;

	enum child_state state;
	int pid;             /* 0: no process */
	struct page *page;
	struct suspect suspect;
	struct why error;    /* the last thing that went wrong, "" if nothing did since it came up */
	struct why failure;  /* CHILD_FAILED */
	struct why death;    /* how it last died */
	char says[16];       /* the state its last status message told: "outage"; "" if none came */
	struct buf sources;  /* of the ingress, the array `sources` in it: JSON; empty: none */
	struct buf status;   /* of a source, the whole of it: JSON; empty: none */
	bool rests;          /* a source, as it was last told */
	struct why gap;      /* likewise: what is to be told of webhooks that came in vain; "": nothing */
	int64_t heard;       /* likewise: when it last got one, as it was told; 0: it was not */
	uint64_t turned_away; /* likewise: those that it knows of, or will */
	int64_t behind_since; /* clock_wall when it was first seen behind the log's end; 0: it is not */
	int64_t since;       /* clock_ticks when the state was entered */
	int64_t away_since;  /* likewise, when it was last seen serving */
	bool has_served;     /* ever */
	uint64_t restarts;
	int64_t silent;      /* ms in which it did not move though we did */
	int64_t delay;       /* ms it was last waited with after a death; 0: it has not died under this configuration */

	/* private to child.c */
	uv_loop_t *loop;
	uv_process_t *process;
	uv_timer_t timer;
	struct channel *channel;
	int page_fd;
	uint64_t beat;
	bool again, timed_out, explained;
	int exit_status, exit_signal;
};
void child_death(const struct child *child, struct buf *out); /* how it ended, in what (child_death.c) */

/* `part` is taken over.  Does not begin it. */
struct child *child_new(uv_loop_t *loop, enum child_kind kind, const char *name, struct buf *part, struct why *why);
void child_free(struct child **child); /* its process, if there still is one, is killed */

void child_begin(struct child *child);
void child_send(struct child *child, const struct buf *message); /* nothing happens if it has no process */
bool child_running(const struct child *child); /* STARTING or READY */
bool child_returns(const struct child *child); /* it ends only to begin with its new part */
bool child_serving(const struct child *child); /* READY; a route has also found out where it stands */

/* Asks it to end within so many ms.  `watch->ended` is called when it has, also
 * if there was nothing to end. */
void child_stop(struct child *child, int64_t within);
void child_kill(struct child *child);

/* A new part, taken over.  A route or a source is stopped and begun again with it;
 * the ingress is handed it while it runs. */
void child_replace(struct child *child, struct buf *part);

/* Called twice a second; `passed` are the ms in which the master itself ran. */
void child_tick(struct child *child, int64_t passed);

/* In a word: what it last told of itself if it is ready, else its state. */
const char *child_word(const struct child *child);

#endif
