/* SPDX-License-Identifier: Apache-2.0 */
/* NAME.c - orders of a shop: its webhooks tell of each, and a poll asks for what was missed.
 *
 * Both ways one state of an order has one id, so that it counts once.
 */
#include "plugin.h"

#include <inttypes.h>

struct settings {
	const char *url;
	const char *const *secret, *const *token;
};

static const struct sl_option options[] = {
	SL_OPTION(SECRET, struct settings, secret, .help = "What the shop signs its webhooks with."),
	SL_OPTION(SECRET, struct settings, token, .initial = "", .help = "For its API; without one nothing is asked."),
	SL_OPTION(TEXT, struct settings, url, .initial = "https://api.shop.example", .help = "Where its API is."),
	{ 0 },
};

/* X-Shop-Signature: 6a2f..., the HMAC-SHA256 of the body. */
static const struct sl_webhook webhook = {
	.auth = SL_HMAC_SHA256,
	.proof = "header:X-Shop-Signature",
	.encoding = "hex",
	.secret = "secret",
	.id = "body:/order/id body:/order/updated",
	.type = "body:/event",
	.subject = "body:/order/id",
};

static const struct sl_pair per_page = { "limit", "100" };

static const char *const headers[] = { "Authorization: Bearer {token}", NULL };
static const struct sl_api api = {
	.base = "{url}",
	.headers = headers,
	.credential = "{token}",
	.requests = 60, /* a minute, by whoever uses this token */
	.window_ms = 60000,
};

/* {"id":1042,"updated":1790000000000,"customer":"Ann","total":"45.00"} */
static void emit_order(struct sl_call *call, const struct sl_json *order)
{
	const struct sl_host *host = call->host;
	int64_t id = 0, updated = 0;
	host->integer(host->at(order, "/id"), &id);
	host->integer(host->at(order, "/updated"), &updated);
	struct sl_event event = {
		.id = host->format(call, "%" PRId64 ":%" PRId64, id, updated).at,
		.type = "orders", /* the table, in NAME.yaml */
		.subject = host->format(call, "%" PRId64, id).at,
		.time = updated,
		.json = order,
	};
	host->emit(call, &event);
}

/* A webhook as it was stored: {"event":"order.paid","order":{...}}. */
static enum sl_outcome decode(struct sl_call *call)
{
	const struct sl_json *order = call->host->at(call->event->json, "/order");
	if (order)
		emit_order(call, order);
	else
		call->host->drop(call, "not about an order");
	return SL_DONE;
}

/* {"orders":[...],"next":"..."}; a cursor that moves is asked for again at once. */
static enum sl_outcome page_arrived(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	const struct sl_json *page = call->response->json;
	if (call->response->status != 200)
		return host->fail(call, "the orders were answered with %d", call->response->status);
	for (const struct sl_json *order = host->first(host->at(page, "/orders")); order; order = host->next(order))
		emit_order(call, order);
	struct sl_text next = host->string(host->at(page, "/next"));
	if (next.at)
		host->advance(call, next.at);
	return SL_DONE;
}

static enum sl_outcome poll(struct sl_call *call)
{
	const struct sl_pair after = { "after", call->cursor };
	const struct sl_pair *const query[] = { &per_page, call->cursor ? &after : NULL, NULL };
	return call->host->http(call, &(struct sl_http){ .url = "/orders", .query = query }, page_arrived);
}

SL_PLUGIN(
	.name = "NAME",
	.version = "0.1",
	.summary = "Orders of a shop, by webhook and by asking.",
	.options = options,
	.options_size = sizeof(struct settings),
	.webhook = &webhook,
	.decode = decode,
	.poll = poll,
	.api = &api,
	.every_ms = 300000);
