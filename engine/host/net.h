/* SPDX-License-Identifier: Apache-2.0 */
/* net.h - HTTP for plugins: what is ours in it, so that no plugin repeats it.
 *
 * One net a process.  A request of a call goes through these, in order:
 *
 *     fill        base, headers, query of the api it names; url checked
 *     kept        the same delivery asked the same before, for the first (second, third)
 *                 time in a run: that answer is used.  What a try asked that the plugin
 *                 itself ended with SL_RETRY is no answer to the next one
 *     shared      an equal GET is under way, or was answered within the last seconds: its
 *                 answer serves this call too, if it began after the call's event was
 *                 received and the call has not asked this before
 *     budget      a grant of the credential is waited for
 *     send        io/client.h, or canned answers
 *     judge       answered; try again here, with growing pauses, three times and at
 *                 most 10 s in all; or the call ends in SL_RETRY with call->outage set
 *     keep        the answer is kept for the delivery, if it will be as true tomorrow:
 *                 2xx, 404, 410
 *
 * GET and HEAD, and what says `asks`, are safe: only they are kept, shared and tried
 * again after an answer was lost.  Anything else is tried again here only after 429 and 503.
 *
 * A whole url that leads to an api's origin is that api's too.  Any other has no api: what
 * is known of its origin (that it wants silence) is known to this process alone.
 */
#ifndef HOST_NET_H
#define HOST_NET_H

#include "base/budget.h"
#include "host/host.h"
#include "io/client.h"

/* --------------------------------------------------------------------- apis */

/* A plugin's api with the options filled in: the configuration's part holds it as
 *     {"base":"https://...","hidden":["secret in base"],"headers":["Authorization: Bearer x"],"query":[["key","k"]],
 *      "secrets":["in the rest"],"credential":"a1b2c3","requests":100,"window":10000,"points":0,"points_window":0,
 *      "at_once":5,"points_flow":false}
 * "credential" is a digest; who has the same one shares a budget. */
struct net_api {
	const char *base;
	const struct sl_pair *const *headers, *const *query; /* end with NULL */
	const char *const *hidden; /* secrets that its base was filled with; ends with NULL, or NULL */
	const char *const *secrets; /* likewise, that the rest was; they are not shown either */
	const char *credential;
	struct budget_limits limits;
};
/* NULL: there is none; or it cannot be one, then why. */
const struct net_api *net_api_read(const struct sl_json *json, struct arena *arena, struct why *why);
/* Fills a plugin's api from an options object; the digest is made with `salt`. */
bool net_api_fill(const struct sl_api *api, const struct sl_json *options, const char *instance, const char *salt,
	struct buf *out, struct why *why);

/* How many bytes of what stands in the braces of "Basic {basic:token}" are not yet the option's name. */
size_t net_api_basic(const char *name);

/* ------------------------------------------------------------------ budgets */

/* Who grants.  `take` is answered by net_granted, later: never before it returns. */
struct net_lender {
	void (*take)(void *data, uint64_t ticket, const struct net_api *api, enum budget_class class, int64_t cost);
	void (*more)(void *data, const struct net_api *api, uint64_t grant, int64_t requests); /* than one, before `give` */
	void (*give)(void *data, const struct net_api *api, uint64_t grant, int64_t cost, int64_t hush_ms);
	void (*forget)(void *data, uint64_t ticket); /* nobody waits for it any more; a grant that comes is given back */
	void *data;
};
/* A grant of 0: not for `after` ms, because the far side asked for silence; the call ends
 * in SL_RETRY.  A ticket that nobody waits for any more is none of the net's: whoever
 * forgets takes the grant back. */
void net_granted(struct net *net, uint64_t ticket, uint64_t grant, int64_t after);

/* ------------------------------------------------------------------- answers */

/* Where answers of a delivery are kept (flow/keep.h).  `key` is 32 hex digits of
 * method, url, body.  find: NULL if there is none, else the text that `keep` was given. */
struct net_keeper {
	struct sl_text (*find)(void *data, uint64_t seq, uint32_t part, const char *key, struct arena *arena);
	void (*keep)(void *data, uint64_t seq, uint32_t part, const char *key, struct sl_text answer);
	void *data;
};

/* Instead of the network: for `sluice test` and `sluice try`.  False: it is asked after
 * all.  Fills `answer` in the arena; CLIENT_REFUSED with a sentence ends the call. */
typedef bool net_canned(void *data, struct call *call, const struct client_request *request, bool safe,
	struct arena *arena, struct client_answer *answer);

/* Told of each request when it is made, and how it will be answered.  `shown` is method,
 * host and path: nothing in it was filled in. */
enum net_how { NET_KEPT,
	NET_SHARED,
	NET_BEGUN };
typedef void net_told(void *data, const struct call *call, const char *shown, bool safe, enum net_how how);

/* ---------------------------------------------------------------------- net */

struct net_settings {
	uv_loop_t *loop;
	struct client *client;            /* NULL: only canned answers */
	const struct net_lender *lender;  /* NULL: budgets of its own, in this process */
	const struct net_keeper *keeper;  /* NULL: nothing is kept */
	net_canned *canned;               /* NULL: none */
	void *canned_data;
	net_told *told;                   /* NULL: nobody wants to know */
	void *told_data;
	bool fresh;                       /* kept answers are not used, but kept */
};
struct net *net_new(const struct net_settings *settings);
void net_free(struct net **net); /* no call waits any more */

/* Whether nothing is under way. */
bool net_idle(const struct net *net);

#endif
