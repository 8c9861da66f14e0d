/* SPDX-License-Identifier: Apache-2.0 */
/* shop.c - a source that only polls, behind an api with a token and a budget. */
#include "plugin.h"

struct options {
	const char *host;
	const char *const *token;
};

static const struct sl_option table[] = {
	SL_OPTION(SECRET, struct options, token, .help = "What the shop knows us by."),
	SL_OPTION(TEXT, struct options, host, .initial = "shop.example.com", .help = "Whose shop."),
	{ 0 },
};

static const struct sl_api api = {
	.base = "https://{host}/v1",
	.headers = (const char *const[]){ "Authorization: Bearer {token}", NULL },
	.credential = "{token}",
	.requests = 40,
	.window_ms = 10000,
	.at_once = 4,
};

static enum sl_outcome poll(struct sl_call *call)
{
	return SL_DONE;
}

SL_PLUGIN(
	.name = "shop",
	.version = "1.0",
	.summary = "A shop that is asked.",
	.options = table,
	.options_size = sizeof(struct options),
	.api = &api,
	.poll = poll,
	.every_ms = 5 * 60000, );
