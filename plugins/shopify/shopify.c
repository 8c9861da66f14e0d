/* SPDX-License-Identifier: Apache-2.0 */
/* shopify.c - a Shopify store: its webhooks, and what its Admin API says was changed.
 *
 * The signature covers the body and nothing else: topic and shop stand in headers.  Bodies that name their shop
 * themselves (requests by law: customers/redact ...) have to be of the shop that the header says.
 * A happening has an id that several subscriptions share, so an event is named by
 * topic and that id.
 */
#include "inside.h"

static const struct sl_option options[] = {
	SL_OPTION(SECRET, struct shopify, secret,
		.help = "What webhooks are signed with: the app's client secret; of webhooks made in the shop's admin, the "
			"secret that is shown there."),
	SL_OPTION(TEXT, struct shopify, shop, .initial = "", .help = "The shop: acme.myshopify.com."),
	SL_OPTION(SECRET, struct shopify, token, .initial = "",
		.help = "An access token of the Admin API (shpat_...). Without one nobody asks what webhooks left out."),
	SL_OPTION(TEXT, struct shopify, base, .initial = "https://{shop}", .help = "Where the shop's API is."),
	SL_OPTION(TEXT, struct shopify, version, .initial = "2026-07", .help = "The version of the Admin API."),
	SL_OPTION(LIST, struct shopify, objects, .initial = "",
		.help = "What is polled: orders, customers, products; all of them unless given."),
	SL_OPTION(LIST, struct shopify, topics, .initial = "",
		.help = "What `sluice hooks register` subscribes to: orders/create and the like. Unless given what was made, "
			"changed or deleted of orders, customers and products, and app/uninstalled."),
	SL_OPTION(DURATION, struct shopify, overlap, .initial = "10m", .min = 0, .max = 604800000,
		.help = "So far back each poll looks again: the shop's search comes to know changes late."),
	{ 0 },
};

/* The names with x- are those of today, those without of what is to come after webhooks. */
static const struct sl_webhook webhook = {
	.auth = SL_HMAC_SHA256,
	.proof = "header:X-Shopify-Hmac-Sha256",
	.encoding = "base64",
	.secret = "secret",
	.id = "header:X-Shopify-Topic|header:Shopify-Topic "
	      "header:X-Shopify-Event-Id|header:Shopify-Event-Id|header:X-Shopify-Webhook-Id|header:Shopify-Webhook-Id"
	      "|sha256(body)",
	.type = "header:X-Shopify-Topic|header:Shopify-Topic",
	.subject = "body:/admin_graphql_api_id|body:/id",
	.time = "header:X-Shopify-Triggered-At|header:Shopify-Triggered-At|body:/updated_at",
	.same = "header:X-Shopify-Shop-Domain|header:Shopify-Shop-Domain = body:/shop_domain",
};

static const char *const headers[] = { "X-Shopify-Access-Token: {token}", NULL };

/* The bucket of the smallest plan: 2000 points, filled by 100 a second. */
static const struct sl_api api = {
	.base = "{base}",
	.headers = headers,
	.credential = "{token}",
	.points = 2000,
	.points_window_ms = 20000,
	.points_flow = true,
};

SL_PLUGIN(
	.name = "shopify",
	.version = "1.0",
	.summary = "A Shopify store: orders, customers, products and every other topic, by webhook and by its Admin API.",
	.options = options,
	.options_size = sizeof(struct shopify),
	.state_size = sizeof(struct state),
	.local_size = sizeof(struct local),
	.webhook = &webhook,
	.api = &api,
	.decode = decode,
	.poll = poll_changes,
	.hooks = hooks,
	.discover = discover,
);
