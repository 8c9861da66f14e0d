/* SPDX-License-Identifier: Apache-2.0 */
/* route_ship.h - a consignment: what goes to the sink in one transaction.
 *
 * Its life:
 *
 *     pack      which deliveries, which rows                              (route_pack.c)
 *     keep      ids seen, answers and copies of the dead into the own file (route_ship.c);
 *               ids only if where we stand is not written there, too: else with that
 *     hand over the sink's deliver step: once, or in parts if it has no
 *               transactions; then where we stand into the own file       (route_deliver.c)
 *     unpack    what the sink refused is settled; or all of it is behind us (route_ship.c).
 *               If nothing of it stays, the next one is handed over before that
 */
#ifndef FLOW_ROUTE_SHIP_H
#define FLOW_ROUTE_SHIP_H

#include "flow/route.h"

struct consignment {
	struct route *route;
	struct arena *arena;
	struct batch *batch;           /* NULL: only open ones */
	struct stand after;
	struct delivery **members;     /* in the order of their joining */
	size_t member_count;
	const struct sl_row **rows;    /* the sink's, then the stand's */
	struct delivery **whose;       /* NULL: the stand's */
	size_t *which;                 /* the row's number in its delivery */
	size_t row_count, stand_from;  /* rows before stand_from are the sink's */
	size_t sent;                   /* in parts: so many are settled */
	struct call *call;
	struct keep_job job;
	uv_work_t work;
	bool working, kept, abandoned;
	bool plain;                    /* each member ends with it: it has no open row, and gets none */
	struct why why;
};

struct consignment *consignment_pack(struct route *route);
void consignment_ids(const struct consignment *it, struct keep_job *job); /* the job has them written */
bool consignment_took(const struct delivery *delivery); /* a sink without transactions has all rows of it */
void consignment_hand_over(struct consignment *it);
/* Every row was taken, and the sink knows where we stand or has no say in it. */
void consignment_taken(struct consignment *it);
/* It did not come to that: its members are packed anew, and told then what was to be told. */
void consignment_give_back(struct consignment *it);

#endif
