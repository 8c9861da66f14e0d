/* SPDX-License-Identifier: Apache-2.0 */
/* host.h - plugins, their instances, and calls into them.
 *
 * A plugin is a C file loaded with dlopen, or a Lua file that a loader makes
 * into the same struct; above this floor nobody knows which is which.  An
 * instance is a plugin with options and a name.  A call is one run of a step, its
 * waits included:
 *
 *     struct call *call = call_new(instance, STEP_TRANSFORM);
 *     call->pub.event = event;
 *     if (call_run(call, finished, data) != SL_WAIT)
 *             ... call->outcome, call->emitted ... ; call_free(&call)
 *
 * call_run returns how it ended, or SL_WAIT; only then is `finished` called,
 * once, later, from the loop.  A call may be freed while it waits: the waits are
 * cancelled and `finished` is not called (work() in the pool is left to end by
 * itself, its result unseen).
 *
 * While a step is on the CPU the shared page names it (base/page.h).
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/page.h"
#include "base/tally.h"
#include "base/why.h"
#include "sdk/json.h"
#include "sdk/plugin.h"

enum step { STEP_NONE,
	STEP_OPEN,
	STEP_DECODE,
	STEP_POLL,
	STEP_TRANSFORM,
	STEP_DELIVER,
	STEP_RECALL,
	STEP_HOOKS,
	STEP_DISCOVER,
	STEP_SCHEMA,
	STEP_UPKEEP,
	STEP_COUNT };
const char *step_name(enum step step);

/* ----------------------------------------------------------------- plugins */

struct plugin {
	const struct sl_plugin *face; /* what the plugin said of itself, in this engine's sizes; read only */
	char *path;                   /* absolute */
	bool lua;
	void *handle;        /* dlopen's, or the Lua loader's */
	struct arena *arena; /* of `face` and what hangs on it */
	size_t users;        /* instances, and whoever loaded it */
};

/* Loads PATH (.so or .lua) and checks what can be checked: ABI, sizes, option
 * table, webhook description, at least one step.  The sentence names the file.
 * A plugin that was freed stays loaded until its last instance is gone. */
struct plugin *plugin_load(const char *path, struct why *why);
void plugin_free(struct plugin **plugin);

/* What a plugin says of itself, as one JSON object: name, version, summary, path,
 * steps, options (name, type, initial, required, min, max, choices, help),
 * webhook, api, every_ms, dialect.  This is how descriptions leave the short-lived child. */
void plugin_describe(const struct plugin *plugin, struct buf *out);

/* --------------------------------------------------------------- instances */

struct instance;
struct net;     /* host/net.h */
struct net_api;

struct host_settings {
	uv_loop_t *loop;
	struct page *page;     /* may be NULL: nobody watches */
	struct net *net;       /* NULL: a call that asks for HTTP fails with a sentence */
	const struct net_api *api; /* the plugin's own, filled in; NULL: it has none */
	bool virtual_clock;    /* time stands still but for sleep(), which ends at once: for tests */
	size_t script_memory;  /* bytes a Lua state may take; 0: 64 MB */
	int64_t script_budget; /* instructions of one call into a script; 0: 50 million */
};

/* `options` is an object of validated values: strings for text, secret lists as
 * arrays of strings, durations as milliseconds, paths absolute.  What is not given takes
 * its initial value.  Does not run `open`: that is a call (STEP_OPEN). */
struct instance *instance_new(const struct host_settings *settings, struct plugin *plugin, const char *name,
	const struct sl_json *options, struct why *why);
void instance_free(struct instance **instance); /* runs `close`; no call may be left, but for freed ones in the pool */
const char *instance_name(const struct instance *instance);
const struct sl_plugin *instance_face(const struct instance *instance);
/* What its calls said was mended or left out on the way: of those that ended well. */
const struct tally *instance_tally(const struct instance *instance);
void instance_set_clock(struct instance *instance, int64_t wall); /* the virtual one; it starts with 2026 */

/* ------------------------------------------------------------------- calls */

/* What a step left out is its event's own: those strings are the event's, not copies. */
struct emitted {
	struct sl_event event;        /* copied into the call's arena; data is filled, json too once asked for */
	const struct sl_table *table; /* emit_row: the table; else NULL */
	const struct sl_cell *cells;
	const char *place;            /* "cards.lua:7", of a script; else NULL */
};
/* In front of what is wrong with it. */
void emitted_within(const struct emitted *emitted, struct why *why);

/* What was said of a row.  SL_WAIT: nothing; it is written if the call ended
 * SL_DONE, else it is not. */
struct settled {
	enum sl_outcome outcome;
	const char *why; /* SL_DONE: NULL, or why an SL_LOAD_END was passed over */
	int64_t after;   /* SL_RETRY: ms; 0: nothing was asked */
};

/* poll: all there is of a scope was emitted. */
struct swept {
	const char *scope, *type;
};

struct call;
typedef void call_finished(struct call *call, void *data);

struct call {
	struct sl_call pub; /* the caller fills the inputs */
	enum step step;
	uint64_t seq; /* for the page and log lines; 0: none */
	uint32_t part;
	uint32_t tries;          /* before this one, that the plugin itself put off: what it asked then is asked anew */
	struct arena *arena;     /* the call's memory; inputs may be put there too */
	enum sl_outcome outcome; /* once it has ended */
	struct why why;          /* SL_RETRY, SL_FAIL: the sentence; Lua errors bring a traceback's first place */
	int64_t retry_after;     /* milliseconds; 0: nothing was asked */
	bool outage;             /* SL_RETRY because a far side cannot be had: counted against nobody */
	bool backfill;           /* its HTTP may wait for everybody else's */
	const struct net_api *source_api; /* of the event's source; the caller fills it, or NULL */
	struct emitted *emitted; /* nothing, if it was dropped or did not end SL_DONE */
	size_t emitted_count;
	const char *dropped;     /* the reason, or NULL; a transform that emits nothing says so here */
	const char *advanced;    /* poll, recall: the new cursor, or NULL; upkeep: there is more to do at once */
	call_finished *advances; /* or NULL: told at once where it advances to, with advances_data */
	void *advances_data;
	struct swept *swept;     /* poll: what it said is whole now */
	size_t swept_count;
	uint64_t done, total;    /* poll: what it said of its progress, as soon as it did; 0: nothing */
	struct tally *tally;     /* what the step counted; the instance's once it has ended well */
	struct settled *settled; /* deliver: pub.row_count of them */
	int64_t started;         /* clock_ticks at call_run */
	struct instance *instance;
};

struct call *call_new(struct instance *instance, enum step step);
enum sl_outcome call_run(struct call *call, call_finished *finished, void *data);
void call_free(struct call **call);

/* What time it is for a call, ms since 1970: the wall clock's, or the virtual one's. */
int64_t call_clock(const struct call *call);

/* A row as a JSON object by its columns; one without a table is its event's data. */
void row_json(const struct sl_row *row, struct buf *out);

/* The event's JSON, parsed at most once. */
const struct sl_json *emitted_json(struct call *call, struct emitted *emitted, struct why *why);

#endif
