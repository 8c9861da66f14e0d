/* SPDX-License-Identifier: Apache-2.0 */
/* route_ask.h - an ask under way, shared by the files that answer asks.
 *
 *     route_ask.c   hears, answers, recalls the rows that an ask is about
 *     route_dead.c  what is done to each of those rows
 */
#ifndef FLOW_ROUTE_ASK_H
#define FLOW_ROUTE_ASK_H

#include "flow/route.h"

struct request_for {
	struct route *route;
	struct sl_document *document;
	const struct sl_json *message;
	int64_t id;
	const struct ask_kind *kind;
	struct call *call;
	uint64_t count; /* dead letters it was about */
	struct why why; /* why one of them could not be done */
	struct request_for *next;
};

/* Each is answered either at once, or by what is done to the rows recalled for it. */
struct ask_kind {
	const char *what;
	void (*now)(struct route *, struct request_for *);
	void (*each)(struct request_for *, struct delivery **, struct buf *); /* may take the delivery */
	bool shipped;   /* answered when the change has been shipped */
	bool early;     /* needs only the route's own file */
	bool any_state; /* not only about dead letters */
};

/* A whole number of the ask, not below 0. */
bool ask_number(const struct request_for *ask, const char *name, uint64_t *number);

/* route_dead.c */
bool ask_about(const struct request_for *ask, const struct delivery *delivery);
void ask_where(struct request_for *ask, struct delivery **delivery, struct buf *out);
void ask_list_dead(struct request_for *ask, struct delivery **delivery, struct buf *out);
void ask_show_dead(struct request_for *ask, struct delivery **delivery, struct buf *out);
void ask_retry_dead(struct request_for *ask, struct delivery **delivery, struct buf *out);
void ask_drop_dead(struct request_for *ask, struct delivery **delivery, struct buf *out);

#endif
