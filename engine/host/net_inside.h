/* SPDX-License-Identifier: Apache-2.0 */
/* net_inside.h - a wish of a call, and the flight that fetches the answer.
 *
 *     net_wish.c     what a call wishes becomes a whole request
 *     net.c          calls that wait: kept answers, flights they share, who is told
 *     net_flight.c   one request under way: a grant, the sending, trying again
 *     net_judge.c    what an answer means; net_graphql.c: errors inside a 200; net_wait.c: for how long
 *     net_kept.c     an answer as text and back
 *     net_own.c      budgets of a process without a master
 *
 * Calls and flights go different ways: a call may leave while its flight goes on for
 * another, and a flight that nobody waits for any more ends at once.
 */
#ifndef HOST_NET_INSIDE_H
#define HOST_NET_INSIDE_H

#include "base/desk.h"
#include "host/inside.h"
#include "host/net.h"

/* ---------------------------------------------------------------------------- wishes */

#define NET_KEY 33 /* 32 hex digits and a NUL */

struct wish {
	struct client_request request;
	const struct net_api *api; /* whose budget it is */
	bool own_budget;           /* `api` stands for an origin of which no limits are known */
	const char *shown;         /* "GET api.trello.com/1/cards/5f": no query, nothing that was filled in */
	bool safe, graphql, own_errors, all;
	int64_t cost;
	enum budget_class class;
	char key[NET_KEY];   /* what it is kept under: without what the api adds, so it outlives a token */
	char shape[NET_KEY]; /* all of it: who has the same may share a flight */
};

bool wish_fill(struct call *call, const struct sl_http *http, struct wish *wish, struct why *why);
/* A url without what the api adds to its query, and without a base that has a secret in
 * it: a script need not see a token. */
const char *wish_hidden(const struct net_api *api, const char *url, struct arena *arena);
/* Text of the far side's without what the api was filled with. */
const char *wish_masked(const struct net_api *api, const char *text, struct arena *arena);
struct client_request wish_request(struct arena *arena, const struct client_request *request); /* a copy */

const struct sl_pair *const *net_pairs_copy(struct arena *arena, const struct sl_pair *const *pairs);
const char *net_header(const struct sl_pair *const *headers, const char *name); /* case is ignored; NULL: not there */

/* --------------------------------------------------------------------------- verdicts */

enum verdict {
	VERDICT_PASS,  /* the plugin's */
	VERDICT_AGAIN, /* not now, and it does no harm to ask again */
	VERDICT_LATER, /* not now, and whether it was done is not known */
	VERDICT_FAIL,  /* not ever */
};

struct judgement {
	enum verdict verdict;
	int64_t after; /* ms of silence that were asked for */
	int64_t cost;  /* points it cost; BUDGET_AS_SAID: not told */
	bool partial;  /* GraphQL: data, and errors beside it */
	struct why why;
};

void net_judge(const struct wish *wish, const struct client_answer *answer, struct judgement *judgement);
void net_judge_graphql(const struct wish *wish, struct sl_text body, struct judgement *judgement);
/* The same of a 429: the longest that its errors ask for, and no less than `least`. */
int64_t net_graphql_wait(struct sl_text body, int64_t least);

#define NET_LONGEST_SILENCE 3600000 /* ms */
int64_t net_wait(const struct client_answer *answer); /* ms that its headers ask for; 0: none do */
int64_t net_wait_capped(int64_t ms);
/* The first 200 bytes of a body, in one line, secrets masked: for sentences. */
const char *net_quote(const struct wish *wish, struct sl_text body, struct arena *arena);

/* ----------------------------------------------------------------------------- flights */

struct flight {
	struct net *net;
	struct arena *arena;
	struct wish wish;
	struct fetch *fetches; /* the calls that wait for it */
	uint64_t ticket;       /* not 0: a grant is waited for */
	uint64_t grant;        /* not 0: one is held */
	struct client_ask *ask;
	uv_timer_t pause;
	int tries;
	int64_t spent;  /* ms of asking and pausing; waiting for a grant is nobody's time */
	int64_t began;  /* clock_wall when it was last sent; 0: it was not */
	int64_t landed; /* clock_ticks; 0: it is under way */
	struct client_answer answer;
	struct judgement judgement;
	struct flight *next, **place;
};

struct flight *flight_begin(struct net *net, const struct wish *wish);
void flight_granted(struct flight *flight, uint64_t grant, int64_t after);
void flight_free(struct flight **flight); /* whatever it waits for is given back */

/* -------------------------------------------------------------------------------- net */

typedef void fetch_done(struct call *call, enum sl_outcome outcome);

/* A call that waits; lives in its memory. */
struct fetch {
	struct net *net;
	struct call *call;
	fetch_done *done;
	struct wish wish;
	struct flight *flight; /* NULL: it is ready */
	enum sl_outcome outcome;
	struct fetch *next, **place;
};

/* Begins; `done` is called once, later, from the loop.  With SL_DONE the call has its
 * response, else it says why.  NULL: it cannot even begin, call->why says so. */
struct fetch *net_fetch(struct net *net, struct call *call, const struct sl_http *http, fetch_done *done);
void net_cancel(struct fetch **fetch);

void net_landed(struct flight *flight); /* judged for good: all who wait are told */
const struct net_lender *net_lender_of(const struct net *net, const struct wish *wish);
const struct net_settings *net_settings_of(const struct net *net);
uint64_t net_ticket(struct net *net);

/* ------------------------------------------------------------------------ kept answers */

/* Only what will be the same tomorrow is worth keeping. */
bool kept_worth(const struct wish *wish, const struct client_answer *answer, const struct judgement *judgement);
void kept_write(const struct client_answer *answer, struct buf *out);
bool kept_read(struct sl_text text, struct arena *arena, struct client_answer *answer);

/* -------------------------------------------------------------------------- own budgets */

struct own;
struct own *own_new(uv_loop_t *loop, struct net *net);
void own_free(struct own **own); /* its handle closes by itself */
const struct net_lender *own_lender(const struct own *own);

#endif
