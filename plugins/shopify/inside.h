/* SPDX-License-Identifier: Apache-2.0 */
/* inside.h - what the files of this plugin share.
 *
 *     shopify.c    what it is: options, webhook, api
 *     topics.c     a topic and its body: which object it is about
 *     ask.c        one GraphQL question: pace, errors that hide in a 200
 *     objects.c    orders, customers, products: how they are asked for, and written as webhooks write them
 *     walk.c       how far a walk has come, as a cursor
 *     poll.c       the walk through what was changed and deleted
 *     lines.c      the lines of an order that its page left out
 *     hooks.c      the subscriptions that lead to us
 *     discover.c   whose token it is, and what it may see
 */
#ifndef SHOPIFY_INSIDE_H
#define SHOPIFY_INSIDE_H

#include <stdbool.h>

#include "plugin.h"
#include "time.h"

enum kind { ORDERS, CUSTOMERS, PRODUCTS, KINDS };

struct shopify {
	const char *const *secret;
	const char *shop;
	const char *const *token;
	const char *base;
	const char *version;
	const char *const *objects;
	const char *const *topics;
	int64_t overlap;
};

/* ------------------------------------------------------------------------ asking */

/* Calls of one instance that may be under way together: each has its own seat. */
enum seat { SEAT_POLL, SEAT_BACKFILL, SEAT_ASIDE, SEATS };

/* What the shop said of our bucket of points. */
struct bucket {
	double left, most, rate; /* rate 0: nothing was said yet */
	int64_t at;              /* when: ms of a clock that only goes on */
	int64_t taken[SEATS];    /* by what is under way */
};

struct state {
	struct bucket bucket;
	int64_t page[KINDS];          /* objects a page; 0: as many as there may be */
	int64_t dear[KINDS + 1];      /* what the last page was said to cost at most; the last: deletions */
	int64_t paid[KINDS + 1];      /* and what it did cost */
	bool over[SEATS];             /* the round of a walk is over: the next call says so */
	bool told_version, told_gone; /* what is worth one warning */
};

struct question {
	const char *path;         /* of the graph */
	struct sl_text body;
	int64_t dear, paid;       /* as above: expected */
	enum seat seat;
	bool changes;             /* a mutation */
	int waits;
	sl_step *next;
};

/* Asks, when the bucket has room, and goes on with `next`.  `variables`: a JSON object. */
enum sl_outcome ask(struct sl_call *call, const struct question *question, const char *query,
	struct sl_text variables);

/* In `next`: the answer's data.  NULL: `outcome` is how the call ends.  `errors` (or NULL) is the list of
 * errors that stand beside data, or that the caller judges by their code: then data may be NULL and
 * `outcome` SL_DONE. */
const struct sl_json *answered(struct sl_call *call, const struct sl_json **errors, enum sl_outcome *outcome);
struct sl_text error_code(const struct sl_call *call, const struct sl_json *errors); /* of the first */
/* The call fails with the first of them; `what` is what was asked for. */
enum sl_outcome errors_fail(struct sl_call *call, const struct sl_json *errors, const char *what);
int64_t cost_of(const struct sl_call *call, const char *which); /* "requestedQueryCost"; 0: not said */
struct sl_text first_bytes(struct sl_text body);
/* For people: fails if there is nothing to ask with. */
bool can_ask(struct sl_call *call, enum sl_outcome *outcome);

/* ----------------------------------------------------------------------- objects */

struct field; /* a member of a body, and where it stands in a node of the graph */

struct object {
	const char *name;       /* "orders": in topics, subjects, options; and in the graph */
	const char *count;      /* "ordersCount" */
	const char *subject;    /* "ORDER": in the log of deletions */
	const char *changed;    /* the topic of one that was polled */
	const char *gone;       /* the topic of one that was deleted */
	const char *scope;      /* what the token needs */
	const char *selection;  /* of the graph */
	const struct field *fields;
	int64_t guess;          /* what a page may cost, as long as nobody said */
};
extern const struct object objects[KINDS];
bool wanted(const struct sl_call *call, enum kind kind);

#define LINES_SELECTION \
	"nodes { id title name sku quantity product { legacyResourceId } variant { legacyResourceId } " \
	"originalUnitPriceSet { shopMoney { amount } } totalDiscountSet { shopMoney { amount } } } " \
	"pageInfo { hasNextPage endCursor }"

/* Text that grows, in the call's memory. */
struct text {
	struct sl_call *call;
	char *at;
	size_t len, room;
};
void text_add(struct text *text, const char *at, size_t len);
void text_string(struct text *text, const char *string);

/* Members of a webhook's body, without the closing brace.  `more`: nodes of lines that
 * came on further pages, `count` of them. */
void write_object(struct text *out, const struct object *object, const struct sl_json *node,
	const struct sl_json *const *more, size_t count);
struct sl_text gid_number(struct sl_text gid); /* "gid://shopify/Order/1042": 1042; empty: there is none */
struct sl_text node_id(const struct sl_call *call, const struct sl_json *node); /* digits; empty: none */

/* ------------------------------------------------------------------------- walks */

#define DELETED KINDS /* the last part of a walk: what is not there any more */
#define PARTS (KINDS + 1)

/* A walk goes through its parts, one after the other; each ends with what is newest in it, and the next round
 * begins a little before that.  Times are milliseconds since 1970. */
struct walk {
	int64_t reached[PARTS];
	int part;             /* PARTS: between two rounds */
	const char *after;    /* the page before, as the shop calls it; NULL: the first one */
	int64_t from, newest; /* of this part: asked from there, and seen since; older than `reached` in the overlap */
	int64_t seen;         /* objects since `from` */
	int64_t done, total;  /* of a backfill; total -1: nobody asked yet */

	/* of this call */
	const struct sl_json *page, *node; /* and the object on it that is next */
	int64_t read;                      /* when it was, by the shop's clock; microseconds */
	const struct sl_json **more;       /* further lines of that */
	size_t more_count;
};

struct walk *walk_read(struct sl_call *call);
const char *walk_write(struct sl_call *call, const struct walk *walk);
void walk_next_part(const struct sl_call *call, struct walk *walk); /* from its `part` on, the first that is wanted */
struct walk *walk_of(const struct sl_call *call);
enum seat seat_of(const struct sl_call *call);

/* ------------------------------------------------------------------------- steps */

sl_step decode, poll_changes, hooks, discover;
sl_step emit_nodes;  /* of a page, from walk->node on */
sl_step ask_lines;   /* of walk->node: those that are not on its page; then on with emit_nodes */
void emit_object(struct sl_call *call);
const struct sl_json *page_after(const struct sl_call *call, const struct sl_json *connection); /* NULL: none */

struct local {
	struct question question;
	struct walk *walk;
	void *task; /* of hooks and discover */
};

#endif
