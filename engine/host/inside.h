/* SPDX-License-Identifier: Apache-2.0 */
/* inside.h - what the files of this floor know of each other, and nobody above. */
#ifndef HOST_INSIDE_H
#define HOST_INSIDE_H

#include "base/buf.h"
#include "host/host.h"

/* How a wait goes on: asked for while a step runs, begun when it has returned. */
enum wait { WAIT_NONE,
	WAIT_SLEEP,
	WAIT_WORK };

struct asked {
	enum wait wait;
	int64_t ms;               /* sleep */
	void (*blocking)(void *); /* work */
	void *data;
	sl_step *next;
};

struct nap; /* a sleep that is under way */

/* A document that ends with the call. */
struct held {
	struct sl_document *document;
	struct held *next;
};

/* A call with what only this floor sees of it. */
struct running {
	struct call call; /* first: a plugin's sl_call, the route's call and this have one address */
	struct asked asked;
	struct nap *nap;
	bool working; /* its work is in the pool */
	bool freed;   /* nobody waits for it; it goes when its work is back */
	call_finished *finished;
	void *data;
	size_t emitted_room;
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
	bool freed;
};

extern const struct sl_host host_table; /* api.c */

static inline struct running *running_of(struct sl_call *call)
{
	return (struct running *)(void *)call;
}

/* A document read into a call's memory; NULL and a sentence if it is not JSON. */
const struct sl_json *call_json(struct call *call, struct sl_text text, struct why *why);
void call_over(struct running *running);       /* gives the struct back to its instance */
void instance_left(struct instance *instance); /* one call less */

/* The Lua side: lua_plugin.c, lua_step.c. */
bool lua_describe(struct plugin *plugin, struct why *why); /* fills plugin->face */
bool lua_begin(struct instance *instance, const struct sl_json *options, struct why *why);
void lua_call_over(struct call *call); /* before a call's memory goes */

/* "hmac-sha256" ... by enum sl_auth; auth_count of them. */
extern const char *const auth_names[];
extern const size_t auth_count;

/* Is what a plugin says of itself something to work with? */
bool plugin_check(const struct sl_plugin *face, struct why *why);

#endif
