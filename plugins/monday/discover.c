/* SPDX-License-Identifier: Apache-2.0 */
/* discover.c - what the token may see: whose it is, and the boards with their columns. */
#include "monday.h"

#define BOARDS 50 /* a request */
#define PAGES_MOST 100

static enum sl_outcome ask_boards(struct sl_call *call);

static struct sl_text raw_or_null(const struct sl_host *host, const struct sl_json *value)
{
	const struct sl_text null = { "null", 4 };
	struct sl_text raw = host->raw(value);
	return raw.at ? raw : null;
}

static void emit_board(struct sl_call *call, const struct sl_json *board)
{
	const struct sl_host *host = call->host;
	char id[ID_SIZE];
	if (!copy_id(host, host->at(board, "/id"), id))
		return; /* null: the token may not read it */
	const struct sl_event event = { .id = id, .type = "board", .json = board, .data = host->raw(board) };
	host->emit(call, &event);
}

static enum sl_outcome boards_arrived(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct local *local = local_of(call);
	const struct sl_json *boards = host->at(local->data, "/boards");
	bool list = host->kind(boards) == SL_KIND_ARRAY;
	for (const struct sl_json *board = list ? host->first(boards) : NULL; board; board = host->next(board))
		emit_board(call, board);
	if (!list || host->count(boards) < BOARDS || ++local->place.items >= PAGES_MOST)
		return SL_DONE;
	return ask_boards(call);
}

static enum sl_outcome ask_boards(struct sl_call *call)
{
	static const char query[] =
		"query SluiceBoards($limit:Int!,$page:Int!){complexity{before query after reset_in_x_seconds} "
		"boards(limit:$limit,page:$page){id name type state items_count columns{id title type}}}";
	long long page = (long long)local_of(call)->place.items + 1;
	const char *variables = call->host->format(call, "{\"limit\":%d,\"page\":%lld}", BOARDS, page).at;
	return ask(call, QUERY_ABOUT, query, variables, boards_arrived);
}

static struct sl_text account_data(struct sl_call *call, const struct sl_json *me)
{
	const struct sl_host *host = call->host;
	struct sl_text name = raw_or_null(host, host->at(me, "/name"));
	struct sl_text account = raw_or_null(host, host->at(me, "/account/name"));
	return host->format(call, "{\"name\":%.*s,\"account\":%.*s,\"limits\":\"complexity left this minute: %lld\"}",
		(int)name.len, name.at, (int)account.len, account.at, (long long)state_of(call)->left);
}

static enum sl_outcome me_arrived(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	const struct sl_json *me = host->at(local_of(call)->data, "/me");
	char id[ID_SIZE];
	if (!copy_id(host, host->at(me, "/id"), id))
		return host->fail(call, "monday.com does not say whose token it is; it needs the scope me:read");
	const struct sl_event event = { .id = id, .type = "account", .data = account_data(call, me) };
	host->emit(call, &event);
	return ask_boards(call);
}

enum sl_outcome discover_step(struct sl_call *call)
{
	static const char query[] =
		"query SluiceMe{complexity{before query after reset_in_x_seconds} "
		"me{id name email account{id name slug}}}";
	if (!has_token(options_of(call)))
		return call->host->fail(call, "`token` is not given, so nobody can be asked; webhooks alone need none");
	return ask(call, QUERY_ABOUT, query, "{}", me_arrived);
}
