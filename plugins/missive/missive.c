/* SPDX-License-Identifier: Apache-2.0 */
/* missive.c - conversations and messages of Missive, whatever channel they came by.
 *
 * A webhook has no id and no time of its own: what names it is the rule that sent it and
 * the digest of its body, and only for a quarter of an hour, because closing a conversation
 * twice sends the same bytes twice.  A retry comes within eight minutes.
 */
#include "missive.h"

#include <string.h>

static const struct sl_option options[] = {
	SL_OPTION(SECRET, struct missive, secret,
		.help = "The validation secrets of the webhooks: one, or one for each rule."),
	SL_OPTION(SECRET, struct missive, token, .initial = "",
		.help = "An API token (missive_pat-...; settings, API). Without one nothing is polled."),
	SL_OPTION(TEXT, struct missive, base, .initial = "https://public.missiveapp.com/v1",
		.help = "Where the API is."),
	SL_OPTION(TEXT, struct missive, organization, .initial = "",
		.help = "Its id: only its conversations are polled, and hooks are made for it, not for the token's owner."),
	SL_OPTION(LIST, struct missive, mailboxes, .initial = "[all, trashed]",
		.help = "What is polled: inbox, all, assigned, closed, snoozed, flagged, trashed, junked, drafts, or "
			"team_inbox=ID, team_closed=ID, team_all=ID, shared_label=ID."),
	SL_OPTION(DURATION, struct missive, overlap, .initial = "120s", .min = 1000, .max = 86400000,
		.help = "How far each poll looks back behind the newest activity that is known."),
	SL_OPTION(BOOL, struct missive, bodies, .initial = "yes",
		.help = "Polls fetch the bodies of messages too: a request for ten messages."),
	SL_OPTION(BOOL, struct missive, comments, .initial = "no",
		.help = "Polls fetch comments too: a request for each conversation."),
	SL_OPTION(LIST, struct missive, events, .initial = "[incoming_email, new_comment]",
		.help = "What hooks there ought to be; `sluice hooks` makes those that the API can make, and says how to make "
			"the others. All that come are taken."),
	{ 0 },
};

static const struct sl_webhook webhook = {
	.auth = SL_HMAC_SHA256,
	.proof = "header:X-Hook-Signature",
	.prefix = "sha256=",
	.encoding = "hex",
	.secret = "secret",
	.id = "body:/rule/id sha256(body)",
	.repeat_ms = 900000,
	.type = "body:/rule/type",
	.subject = "body:/conversation/id",
	.time = "body:/comment/created_at|body:/latest_message/delivered_at|body:/message/delivered_at",
};

/* Two windows hold at once, and the longer one binds: the requests of the shorter, as
 * points of one each the other. */
static const struct sl_api api = {
	.base = "{base}",
	.headers = (const char *const[]){ "Authorization: Bearer {token}", NULL },
	.credential = "{token}",
	.requests = 300,
	.window_ms = 60000,
	.points = 900,
	.points_window_ms = 900000,
	.at_once = 5,
};

SL_PLUGIN(
		.name = "missive",
	.version = "1.0",
	.summary = "Conversations and messages of Missive: webhooks, and polls for what they leave out.",
	.options = options,
	.options_size = sizeof(struct missive),
	.state_size = sizeof(struct memory),
	.local_size = sizeof(struct walk),
	.webhook = &webhook,
	.api = &api,
	.poll = missive_poll,
	.hooks = missive_hooks,
	.discover = missive_discover,
	.every_ms = 300000, );
