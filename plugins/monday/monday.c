/* SPDX-License-Identifier: Apache-2.0 */
/* monday.c - the items on monday.com's boards: told by webhooks, read by full and delta syncs.
 *
 * Webhooks that an integration app's token made carry a JWT, signed with the app's signing
 * secret and made out to our address; it says nothing of the body.  Those that a personal token
 * made carry nothing: for them the address holds a word nobody can guess (README.md).
 * A delivery has no id of its own: what happened and for which subscription is one.
 */
#include <time.h>

#include "monday.h"

static const struct sl_option options[] = {
	SL_OPTION(SECRET, struct monday, secret, .initial = "",
		.help = "The app's signing secret, or with auth query-token the word in the address."),
	SL_OPTION(SECRET, struct monday, token, .initial = "",
		.help = "An API token that may read the boards; without it only webhooks are taken in."),
	SL_OPTION(LIST, struct monday, boards, .initial = "",
		.help = "Ids of the boards, in the order in which they are read. Boards of subitems count as boards."),
	SL_OPTION(LIST, struct monday, events,
		.initial = "[create_item, change_column_value, change_name, item_archived, item_deleted, item_restored, "
			   "create_subitem, change_subitem_column_value, change_subitem_name, subitem_archived, "
			   "subitem_deleted]",
		.help = "What `sluice hooks register` subscribes each board to."),
	SL_OPTION(LIST, struct monday, columns, .initial = "",
		.help = "Ids of the columns to read, of all boards; none: all. A request may read five formulas."),
	SL_OPTION(LIST, struct monday, subitems, .initial = "",
		.help = "Ids of columns of subitems that each item brings along; none: items come without them."),
	SL_OPTION(LIST, struct monday, linked, .initial = "",
		.help = "Ids of columns of the items that connect columns lead to; none: only their ids come along."),
	SL_OPTION(INT, struct monday, page, .initial = "100", .min = 1, .max = 500, .help = "Items a request."),
	SL_OPTION(DURATION, struct monday, full, .initial = "24h", .min = 0, .max = 365 * DAY,
		.help = "So often everything is read, which finds what was deleted and what mirrors show; 0: never."),
	SL_OPTION(DURATION, struct monday, overlap, .initial = "120s", .min = 0, .max = 365 * DAY,
		.help = "A delta sync looks so far behind the begin of the one before."),
	SL_OPTION(TEXT, struct monday, version, .initial = "2026-07", .help = "API-Version of all requests."),
	SL_OPTION(TEXT, struct monday, base, .initial = "https://api.monday.com", .help = "Where the API is."),
	{ 0 },
};

static const struct sl_webhook webhook = {
	.auth = SL_JWT_HS256,
	.proof = "header:Authorization",
	.prefix = "Bearer |",
	.audience = "{callback}",
	.secret = "secret",
	.id = "body:/event/triggerUuid body:/event/subscriptionId",
	.type = "body:/event/type",
	.subject = "body:/event/pulseId|body:/event/itemId|body:/event/subitem",
	.time = "body:/event/triggerTime",
	.challenge = "challenge",
	.scope = "board {body:/event/boardId}",
};

static const char *const headers[] = { "Authorization: {token}", "API-Version: {version}", NULL };
static const struct sl_api api = {
	.base = "{base}/v2", /* so that scripts' source.graphql(query) goes where GraphQL is */
	.headers = headers,
	.credential = "{token}",
	.requests = 1000,
	.window_ms = MINUTE,
	.points = 5000000,
	.points_window_ms = MINUTE,
	.at_once = 40,
};

int64_t wall(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_state(void *state)
{
	seen_free(&((struct state *)state)->seen);
	boards_free(state);
}

SL_PLUGIN(
		.name = "monday",
	.version = "1.0",
	.summary = "The items on monday.com's boards, by webhook and by API.",
	.options = options,
	.options_size = sizeof(struct monday),
	.state_size = sizeof(struct state),
	.local_size = sizeof(struct local),
	.webhook = &webhook,
	.api = &api,
	.poll = poll_step,
	.hooks = hooks_step,
	.discover = discover_step,
	.close = close_state,
	.every_ms = 15 * MINUTE, );
