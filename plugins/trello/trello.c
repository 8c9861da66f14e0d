/* SPDX-License-Identifier: Apache-2.0 */
/* trello.c - the actions on Trello boards, as their webhooks tell them.
 *
 * Trello signs the body followed by the address it was told to call, to the
 * letter; before it accepts a webhook it sends a HEAD to that address.  An action
 * has an id of its own, so one that arrives twice is known again.
 */
#include "plugin.h"

struct trello {
	const char *const *boards;
	const char *key;
	const char *const *token;
	const char *const *secret;
};

static const struct sl_option options[] = {
	SL_OPTION(SECRET, struct trello, secret,
		.help = "The application's secret (trello.com/apps/admin), that webhooks are signed with; "
			"not the key, not the token."),
	SL_OPTION(LIST, struct trello, boards, .initial = "",
		.help = "Ids of the boards, 24 hexadecimal digits each."),
	SL_OPTION(TEXT, struct trello, key, .initial = "", .help = "The application's key."),
	SL_OPTION(SECRET, struct trello, token, .initial = "", .help = "A token that may read the boards."),
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

SL_PLUGIN(
	.name = "trello",
	.version = "1.0",
	.summary = "The actions on Trello boards, by webhook.",
	.options = options,
	.options_size = sizeof(struct trello),
	.webhook = &webhook,
);
