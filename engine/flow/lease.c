/* SPDX-License-Identifier: Apache-2.0 */
/* lease.c - a child's share of the budgets that its master keeps. */
#include "flow/lease.h"

#include <stdlib.h>

#include "sdk/text.h"

struct lease {
	struct net_lender lender;
	struct channel *channel;
	struct net *net;
};

static void send_closed(struct lease *lease, struct buf *message)
{
	json_close(message, '}');
	channel_send(lease->channel, message);
	buf_free(message);
}

static void take(void *data, uint64_t ticket, const struct net_api *api, enum budget_class class, int64_t cost)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "say", "take");
	json_member_uint(&out, "ticket", ticket);
	json_member_string(&out, "credential", api->credential);
	json_member_string(&out, "class", class == BUDGET_BACKFILL ? "backfill" : "live");
	json_member_int(&out, "cost", cost);
	send_closed(data, &out);
}

static void more(void *data, const struct net_api *api, uint64_t grant, int64_t requests)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "say", "more");
	json_member_string(&out, "credential", api->credential);
	json_member_uint(&out, "grant", grant);
	json_member_int(&out, "requests", requests);
	send_closed(data, &out);
}

static void give(void *data, const struct net_api *api, uint64_t grant, int64_t cost, int64_t hush_ms)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "say", "give");
	json_member_string(&out, "credential", api->credential);
	json_member_uint(&out, "grant", grant);
	json_member_int(&out, "cost", cost);
	json_member_int(&out, "hush", hush_ms);
	send_closed(data, &out);
}

static void forget(void *data, uint64_t ticket)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "say", "forget");
	json_member_uint(&out, "ticket", ticket);
	send_closed(data, &out);
}

struct lease *lease_new(struct channel *channel)
{
	struct lease *lease = must_alloc(sizeof(*lease));
	lease->lender = (struct net_lender){ .take = take, .more = more, .give = give, .forget = forget, .data = lease };
	lease->channel = channel;
	return lease;
}

void lease_free(struct lease **lease)
{
	free(*lease);
	*lease = NULL;
}

const struct net_lender *lease_lender(const struct lease *lease)
{
	return &lease->lender;
}

void lease_serve(struct lease *lease, struct net *net)
{
	lease->net = net;
}

static uint64_t number(const struct sl_json *message, const char *name)
{
	int64_t value = 0;
	sl_json_integer(sl_json_get(message, name), &value);
	return value > 0 ? (uint64_t)value : 0;
}

bool lease_heard(struct lease *lease, const struct sl_json *message)
{
	if (!sl_text_is(sl_json_string(sl_json_get(message, "do")), "granted"))
		return false;
	if (lease->net)
		net_granted(lease->net, number(message, "ticket"), number(message, "grant"),
			(int64_t)number(message, "after"));
	return true;
}
