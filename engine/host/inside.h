/* SPDX-License-Identifier: Apache-2.0 */
/* inside.h - what the files of this floor know of each other, and nobody above. */
#ifndef HOST_INSIDE_H
#define HOST_INSIDE_H

#include "base/buf.h"
#include "host/host.h"

/* How a wait goes on: asked for while a step runs, begun when it has returned. */
enum wait { WAIT_NONE,
	WAIT_SLEEP,
	WAIT_WORK,
	WAIT_HTTP,
	WAIT_WATCH,
	WAIT_PARK };

struct asked {
	enum wait wait;
	int64_t ms;               /* sleep, watch */
	void (*blocking)(void *); /* work */
	void *data;
	struct sl_http http; /* http: a copy in the call's memory */
	int fd, events;      /* watch */
	sl_step *next;
};

struct nap;   /* a sleep that is under way */
struct watch; /* a descriptor that is looked at */
struct fetch; /* net_inside.h */

/* A request that the call made already; how often. */
struct asked_before {
	const char *key;
	uint64_t times;
	struct asked_before *next;
};

struct told; /* secret.c */

/* More memory that ends with the call. */
struct held {
	struct held *next;
	struct arena *arena;
};

/* A call with what only this floor sees of it. */
struct running {
	struct call call; /* first: a plugin's sl_call, the route's call and this have one address */
	struct asked asked;
	struct nap *nap;
	struct watch *watch;
	struct fetch *fetch;
	bool parked;  /* until call_wake */
	bool woken;   /* that came before the step had ended */
	bool working; /* its work is in the pool */
	bool freed;   /* nobody waits for it; it goes when its work is back */
	call_finished *finished;
	void *data;
	size_t emitted_room, swept_room;
	struct asked_before *before;
	struct told *told; /* what its requests granted themselves with */
	struct held *held;
	struct running *idle; /* the next one to be used again */
};

struct instance {
	struct host_settings settings;
	struct plugin *plugin;
	const char *name;
	struct arena *arena;
	void *options, *state;
	struct running *idle;
	size_t idle_count, calls;
	struct tally *tally; /* of all its calls that ended well */
	int64_t clock; /* the virtual one */
	bool freed;
	bool warned; /* of a GraphQL answer with errors and data */
};

extern const struct sl_host host_table; /* api.c */

static inline struct running *running_of(struct sl_call *call)
{
	return (struct running *)(void *)call;
}

/* A document read into a call's memory; NULL and a sentence if it is not JSON. */
const struct sl_json *call_json(struct call *call, struct sl_text text, struct why *why);
void call_hold(struct call *call, struct arena **arena); /* it ends with the call */
void call_go_on(struct running *running);                        /* its wait is over */
void call_end(struct running *running, enum sl_outcome outcome); /* its wait ended it; the reason is said */

/* secret.c: a header that a request of the call goes out with; hides what was told in confidence, in place. */
void call_told(struct call *call, const char *header, const char *value);
void call_mask(const struct call *call, char *text);

/* The call waits until somebody of this floor wakes it; it goes on a little after that. */
enum sl_outcome call_park(struct call *call, sl_step *next);
void call_wake(struct call *call);

/* wait.c: what a step asked for when it returned SL_WAIT. */
bool wait_begin(struct running *running); /* false: it cannot be waited for, the call says why */
void wait_cancel(struct running *running);

void call_over(struct running *running);       /* gives the struct back to its instance */
void instance_left(struct instance *instance); /* one call less */

/* The Lua side: lua_plugin.c, lua_step.c. */
bool lua_describe(struct plugin *plugin, struct why *why); /* fills plugin->face */
bool lua_begin(struct instance *instance, const struct sl_json *options, struct why *why);
void lua_call_over(struct call *call); /* it has ended, or its memory goes */

/* The minor version of the interface that it was built for. */
static inline unsigned plugin_minor(const struct sl_plugin *face)
{
	return face->abi & 0xffff;
}

/* "hmac-sha256" ... by enum sl_auth; auth_count of them. */
extern const char *const auth_names[];
extern const size_t auth_count;

/* Is what a plugin says of itself something to work with? */
bool plugin_check(const struct sl_plugin *face, struct why *why);

#endif
