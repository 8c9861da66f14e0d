/* SPDX-License-Identifier: Apache-2.0 */
/* outside.h - how a child of the master asks far sides: a client, its net, and what it borrows of the budgets.
 *
 * Made of "net" in the child's part:
 *
 *     {"allow":["127.0.0.1","10.0.0.0/8"],"proxy":"http://proxy:3128","ca":"/abs/ca.pem"}
 */
#ifndef FLOW_OUTSIDE_H
#define FLOW_OUTSIDE_H

#include "flow/lease.h"

struct outside {
	struct client *client;
	struct lease *lease;
	struct net *net;
};

/* `keeper`: where answers are kept, or NULL.  What it points to lives as long as the process. */
bool outside_open(struct outside *outside, uv_loop_t *loop, struct channel *channel, const struct sl_json *net,
	const struct net_keeper *keeper, struct arena *arena, struct why *why);
struct client *outside_client(uv_loop_t *loop, const struct sl_json *net, struct arena *arena, struct why *why);
/* No call waits any more; the loop has to turn once more. */
void outside_close(struct outside *outside);

#endif
