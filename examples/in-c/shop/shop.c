/* SPDX-License-Identifier: Apache-2.0 */
/* shop.c - asks a JSON API, page by page, what was changed since the last time: ../poll/shop.lua in C.
 *
 * The API of this example answers GET /v1/orders?updated_since=TIME&limit=100 with
 * { "orders": [ { "id": 1042, "updated_at": "2026-11-21T22:10:19Z", ... }, ... ] },
 * oldest change first.
 */
#include "plugin.h"
#include "time.h"

#include <inttypes.h>

struct settings {
	const char *const *token;
	const char *base;
	int64_t limit;
};

static const struct sl_option options[] = {
	SL_OPTION(SECRET, struct settings, token, .help = "What the shop lets us in with."),
	SL_OPTION(TEXT, struct settings, base, .initial = "https://api.shop.example.com", .help = "Where its API is."),
	SL_OPTION(INT, struct settings, limit, .initial = "100", .min = 1, .max = 10000, .help = "Orders a page."),
	{ 0 },
};

static const char *const headers[] = { "Authorization: Bearer {token}", NULL };
static const struct sl_api api = {
	.base = "{base}",
	.headers = headers,
	.credential = "{token}",
	.requests = 40,
	.window_ms = 10000,
};

/* An order changes, an event does not: its id says which version of the order it is. */
static struct sl_text emit_order(struct sl_call *call, const struct sl_json *order)
{
	const struct sl_host *host = call->host;
	const struct sl_text id = host->raw(host->at(order, "/id")), newest = host->string(host->at(order, "/updated_at"));
	int64_t microseconds = 0;
	sl_time_read(newest, &microseconds);
	struct sl_event event = {
		.id = host->format(call, "%.*s@%s", (int)id.len, id.at, newest.at).at,
		.type = "order",
		.subject = host->format(call, "%.*s", (int)id.len, id.at).at,
		.time = microseconds / 1000,
		.json = order,
	};
	host->emit(call, &event);
	return newest;
}

/* The page begins with what we had already (its change is not *after* updated_since); that is dropped. */
static enum sl_outcome page_arrived(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	const struct sl_json *orders = host->at(call->response->json, "/orders");
	struct sl_text newest = { 0 };
	if (call->response->status < 200 || call->response->status > 299)
		return host->fail(call, "the shop answered %d", call->response->status);
	for (const struct sl_json *order = host->first(orders); order; order = host->next(order))
		newest = emit_order(call, order);
	if (newest.at)
		host->advance(call, newest.at);
	return SL_DONE;
}

/* call->cursor is what the last call advanced to: the newest change we know.  A call fetches one page; as long
 * as that moves the cursor the next call follows at once, so a first run goes through everything. */
static enum sl_outcome poll(struct sl_call *call)
{
	const struct settings *opt = call->options;
	char begin[SL_TIME_SIZE];
	const char *since = call->cursor;
	if (!since && call->since) {
		sl_time_write(call->since * 1000, begin);
		since = begin;
	}
	const struct sl_pair limit = { "limit", call->host->format(call, "%" PRId64, opt->limit).at };
	const struct sl_pair updated_since = { "updated_since", since };
	const struct sl_pair *const query[] = { &limit, since ? &updated_since : NULL, NULL };
	return call->host->http(call, &(struct sl_http){ .url = "/v1/orders", .query = query }, page_arrived);
}

SL_PLUGIN(
	.name = "shop",
	.version = "1.0",
	.summary = "Orders of a shop that has an API with pages.",
	.options = options,
	.options_size = sizeof(struct settings),
	.poll = poll,
	.api = &api,
	.every_ms = 300000);
