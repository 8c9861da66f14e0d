/* SPDX-License-Identifier: Apache-2.0 */
/* lease.h - a child's share of the budgets that its master keeps.
 *
 * What the process' net (host/net.h) borrows is asked for over the channel, and the
 * master's answers are handed on to the net:
 *
 *     lease = lease_new(channel);
 *     net = net_new(&(struct net_settings){ .lender = lease_lender(lease), ... });
 *     lease_serve(lease, net);
 *     ... in channel_heard:  if (lease_heard(lease, message)) return;
 *
 * On the wire (io/channel.h):
 *
 *     {"say":"take","ticket":7,"credential":"a1b2","class":"live","cost":1}      or "backfill"
 *     {"do":"granted","ticket":7,"grant":99}
 *     {"do":"granted","ticket":7,"grant":0,"after":60000}     the far side wants silence for so long
 *     {"say":"give","credential":"a1b2","grant":99,"cost":-1,"hush":0}    as was said
 *     {"say":"forget","ticket":7}
 *
 * What a process holds when it ends comes back by itself.
 */
#ifndef FLOW_LEASE_H
#define FLOW_LEASE_H

#include "host/net.h"
#include "io/channel.h"

struct lease;

struct lease *lease_new(struct channel *channel);
void lease_free(struct lease **lease); /* after the net */
const struct net_lender *lease_lender(const struct lease *lease);
void lease_serve(struct lease *lease, struct net *net); /* where grants go; NULL: nowhere any more */

/* True if the message was one for it. */
bool lease_heard(struct lease *lease, const struct sl_json *message);

#endif
