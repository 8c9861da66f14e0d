/* SPDX-License-Identifier: Apache-2.0 */
/* delivery.h - one event on its way along a route, and the order of a subject.
 *
 * A delivery is born NEW when its record is decoded, RUNNING while a transform's
 * call is under way, READY when its rows are made; then the sink takes it and it
 * is gone.  On the way it may be DROPPED, become DEAD, or have to WAIT for
 * another try.  One that is not settled when the route's cursor passes it is
 * `open`: it has a row in the destination (flow/stand.h).
 *
 * Deliveries of one subject form a queue, oldest first.  A delivery may start
 * when its elder's rows are made, or its elder is gone; what is dead holds
 * nobody back.
 */
#ifndef FLOW_DELIVERY_H
#define FLOW_DELIVERY_H

#include "base/arena.h"
#include "host/host.h"
#include "sdk/json.h"
#include "store/log.h"

enum delivery_state {
	DELIVERY_NEW,
	DELIVERY_RUNNING,
	DELIVERY_READY,
	DELIVERY_WAITING,
	DELIVERY_DROPPED,
	DELIVERY_DEAD,
};

struct batch;
struct closing;
struct route;
struct source;
struct webhook_found;

/* What its open row says of it; outlives its body. */
struct label {
	const char *source, *id, *type, *subject;
	char *text; /* the one block of memory they stand in; NULL: the delivery itself has room for them */
};

/* What was done to fit it to the schema. */
struct remark {
	enum remark_kind { REMARK_DROP, REMARK_MEND, REMARK_GROW } kind;
	const char *text;
	struct remark *next;
};

struct delivery {
	uint64_t seq;
	uint32_t part;
	uint32_t tries;          /* that ended badly by its own fault */
	enum delivery_state state;
	int64_t first_at, last_at, due; /* milliseconds since 1970; due: WAITING */
	int64_t due_ticks;       /* the same by the clock that never jumps: what counts here */
	int64_t repeat_ms;       /* its id is made of content: a repeat only so long; 0: always */
	char *reason;            /* of the last bad end, or NULL */
	struct label label;

	/* its place */
	struct delivery *next, *prev;       /* in its batch, or among the open ones */
	struct delivery *run_next;          /* among those that may start */
	struct delivery *elder, *younger, *tail_next; /* of its subject */
	uint64_t order;          /* counts joinings: rows go to the sink in this order */
	uint64_t subject_hash;   /* 0: no subject, no order */
	struct route *route;
	struct batch *batch;     /* not yet passed by the cursor; else NULL */
	bool queued;             /* among those that may start */
	bool open;               /* has, or is to have, a row of its own */
	bool stands;             /* that row is in the destination */
	bool changed;            /* and does not say what it should */
	bool undecoded;          /* its record has still to be decoded */
	bool repeat;             /* DROPPED because an earlier event had its id */
	bool revived;            /* a dead letter retried by a person */
	bool anew;               /* and what was asked for it is asked again */
	bool far;                /* WAITING, or running again, because a far side could not be had */

	/* its body; ends when it is shed */
	struct arena *arena;     /* NULL: shed */
	struct log_record record;
	struct sl_document *document;
	bool pooled;             /* the document's memory is of a thread of the pool */
	struct sl_text data; /* its text: the body, or the JSON that a form was made into */
	struct sl_request *request;
	const struct webhook_found *found; /* what the selectors find, if that was looked for before; else NULL */
	struct sl_event event;
	const struct source *source;
	const char *again;       /* flow/polled.h, or NULL */
	struct closing *closes;  /* it ends a snapshot's run (flow/route_snapshot.h), or NULL */

	/* its way through the transforms */
	size_t stage, piece;           /* the transform, and which of its inputs */
	struct call *call;             /* under way, decode's or a transform's */
	struct call **calls;           /* done: they own what was emitted.  In the arena */
	size_t call_count, call_room;
	struct emission *pieces;       /* inputs of this stage */
	size_t piece_count;
	struct sl_row *rows;           /* READY */
	size_t row_count;
	struct remark *remarks;        /* in the arena */
	bool *row_done;                /* sinks without transactions: written already; WAITING keeps them */
	enum shipped { SHIPPED_NOT, SHIPPED_ROWS, SHIPPED_DROP, SHIPPED_DEAD, SHIPPED_OPEN } shipped;
	enum delivery_state shipped_state; /* as its open row says */
	uint32_t shipped_tries;
	char label_room[128];    /* most labels are no longer */
};

/* What comes out of one stage and goes into the next. */
struct emission {
	struct sl_event event;
	struct call *call;           /* whose arena holds it; NULL: the event itself */
	struct emitted *emitted;
};

struct deliveries {
	struct delivery *first, *last;
	size_t count;
};

void deliveries_add(struct deliveries *list, struct delivery *delivery);
void deliveries_insert(struct deliveries *list, struct delivery *after, struct delivery *delivery);
void deliveries_remove(struct deliveries *list, struct delivery *delivery);

struct delivery *delivery_new(struct route *route, uint64_t seq, uint32_t part);
void delivery_free(struct delivery **delivery);
void delivery_end_calls(struct delivery *delivery); /* what they emitted is not needed any more */
void delivery_made(struct delivery *delivery); /* nor is what its rows were made of; they and its record stay */
void delivery_shed(struct delivery *delivery); /* gives back its body; the label stays */
void delivery_label(struct delivery *delivery, const char *source, const char *id, const char *type,
	const char *subject);
void delivery_reason(struct delivery *delivery, const char *reason);
const char *delivery_word(const struct delivery *delivery); /* for its open row: waiting, behind, dead */

/* ------------------------------------------------------------------- order */

#define ORDER_BUCKETS 4096
struct order {
	uint64_t joined;
	struct delivery *tails[ORDER_BUCKETS]; /* the youngest of each subject */
};

/* Puts it behind the youngest of its subject (label.source + label.subject). */
void order_join(struct order *order, struct delivery *delivery);
/* Takes it out; returns the one right behind it, or NULL. */
struct delivery *order_leave(struct order *order, struct delivery *delivery);
bool order_may_start(const struct delivery *delivery);

#endif
