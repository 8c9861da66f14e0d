/* SPDX-License-Identifier: Apache-2.0 */
/* shopify_partner.c - what shops do with a partner's apps, and what Shopify pays for it. */
#include "inside.h"

static const struct sl_option options[] = {
	SL_OPTION(TEXT, struct partner, organization, .initial = NULL,
		.help = "The number of the Partner organization: what stands behind partners.shopify.com/ in the browser."),
	SL_OPTION(SECRET, struct partner, token, .initial = NULL,
		.help = "A Partner API client's access token (prtapi_...)."),
	SL_OPTION(LIST, struct partner, apps, .initial = NULL,
		.help = "Numbers of the apps whose events are wanted: 1234567."),
	SL_OPTION(BOOL, struct partner, transactions, .initial = "true",
		.help = "Transactions of the organization too; the client needs the permission View financials."),
	SL_OPTION(TEXT, struct partner, base, .initial = "https://partners.shopify.com", .help = "Where the API is."),
	SL_OPTION(TEXT, struct partner, version, .initial = "2026-04", .help = "The version of the Partner API."),
	SL_OPTION(DURATION, struct partner, overlap, .initial = "24h", .min = 0, .max = 2592000000,
		.help = "So far back each poll looks again: some events come late."),
	{ 0 },
};

static const char *const headers[] = { "X-Shopify-Access-Token: {token}", NULL };

static const struct sl_api api = {
	.base = "{base}",
	.headers = headers,
	.credential = "{token}",
	.requests = 4,
	.window_ms = 1000,
};

SL_PLUGIN(
	.name = "shopify_partner",
	.version = "1.0",
	.summary = "What shops do with a Shopify partner's apps (installed, charged, left), and what is paid for it.",
	.options = options,
	.options_size = sizeof(struct partner),
	.state_size = sizeof(bool),
	.local_size = sizeof(void *),
	.api = &api,
	.poll = poll_history,
	.discover = discover,
);
