/* SPDX-License-Identifier: Apache-2.0 */
/* trello.c - the actions on Trello boards, by webhook and from its API.
 *
 * Trello signs the body followed by the address it was told to call, to the
 * letter; before it accepts a webhook it sends a HEAD to that address.  An action
 * has an id of its own, the same on either way, so one that arrives twice is known again.
 */
#include "trello.h"

#include <ctype.h>

static const struct sl_option options[] = {
	SL_OPTION(SECRET, struct trello, secret,
		.help = "The application's secret (trello.com/apps/admin), that webhooks are signed with; "
			"not the key, not the token."),
	SL_OPTION(LIST, struct trello, boards, .initial = "",
		.help = "Ids of the boards to ask for and to have webhooks of: 24 hexadecimal digits each, or the 8 letters in "
			"a board's address."),
	SL_OPTION(TEXT, struct trello, key, .initial = "", .help = "The application's key, for asking Trello."),
	SL_OPTION(SECRET, struct trello, token, .initial = "",
		.help = "A token that may read the boards, and make webhooks. Without one Trello is not asked: there are only "
			"webhooks."),
	SL_OPTION(TEXT, struct trello, base, .initial = "https://api.trello.com", .help = "Where Trello's API is."),
	SL_OPTION(DURATION, struct trello, overlap, .initial = "120s", .min = 0, .max = 86400000,
		.help = "So far each poll looks back behind what the last one saw."),
	{ 0 },
};

static const struct sl_webhook webhook = {
	.auth = SL_HMAC_SHA1,
	.proof = "header:X-Trello-Webhook",
	.encoding = "base64",
	.covers = "{body}{callback}",
	.secret = "secret",
	.id = "body:/action/id",
	.type = "body:/action/type",
	.subject = "body:/action/data/card/id|body:/action/data/board/id",
	.time = "body:/action/date",
	.head = 1,
};

/* Per token; the 300 in 10 s of a key are looser. */
static const char *const headers[] = {
	"Authorization: OAuth oauth_consumer_key=\"{key}\", oauth_token=\"{token}\"", NULL
};
static const struct sl_api api = {
	.base = "{base}",
	.headers = headers,
	.credential = "{token}",
	.requests = 100,
	.window_ms = 10000,
	.at_once = 10,
};

bool trello_may_ask(const struct sl_call *call)
{
	const struct trello *opt = call->options;
	return *opt->key && opt->token[0] && *opt->token[0];
}

const char *trello_token_url(struct sl_call *call, const char *rest)
{
	const struct trello *opt = call->options;
	for (const char *at = opt->token[0]; *at; at++)
		if (!isalnum((unsigned char)*at) && *at != '-' && *at != '_')
			return NULL;
	return call->host->format(call, "/1/tokens/%s%s", opt->token[0], rest).at;
}

SL_PLUGIN(
		.name = "trello",
	.version = "1.1",
	.summary = "The actions on Trello boards, by webhook and from its API.",
	.options = options,
	.options_size = sizeof(struct trello),
	.state_size = sizeof(struct state),
	.local_size = sizeof(void *),
	.webhook = &webhook,
	.poll = trello_poll,
	.api = &api,
	.hooks = trello_hooks,
	.discover = trello_discover,
	.every_ms = 900000, );
