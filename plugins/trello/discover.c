/* SPDX-License-Identifier: Apache-2.0 */
/* discover.c - whose the token is, how long it lives, what it allows, and which boards it may see.
 *
 *     discover -> member_arrived -> token_arrived -> boards_arrived
 */
#include "trello.h"

#include <string.h>

#include "text.h"

static const struct sl_json *member_of(struct sl_call *call)
{
	return *(const struct sl_json **)call->local;
}

static struct sl_text quoted(struct sl_call *call, const struct sl_json *json, const char *pointer)
{
	const struct sl_text text = call->host->string(call->host->at(json, pointer));
	return text.at ? call->host->quote(call, text) : sl_text_of("null");
}

/* ------------------------------------------------------------------------ boards */

/* What is wanted, and not among what the token may see. */
static void miss(struct sl_call *call, const char *board)
{
	const struct sl_host *host = call->host;
	const struct sl_json *json = call->response->json;
	for (const struct sl_json *seen = host->first(json); seen; seen = host->next(seen))
		if (sl_text_is(host->string(host->at(seen, "/id")), board) ||
			sl_text_is(host->string(host->at(seen, "/shortLink")), board))
			return;
	host->log(call, SL_WARNING, "board %s is not among those that the token may see", board);
}

static void emit_board(struct sl_call *call, const struct sl_json *board)
{
	const struct sl_host *host = call->host;
	const struct sl_text id = host->string(host->at(board, "/id"));
	const bool closed = sl_text_is(host->raw(host->at(board, "/closed")), "true");
	if (!id.len)
		return;
	const struct sl_event event = {
		.id = id.at,
		.type = "board",
		.data = host->format(call, "{\"name\":%s,\"url\":%s,\"closed\":%s}", quoted(call, board, "/name").at,
			quoted(call, board, "/url").at, closed ? "true" : "false"),
	};
	host->emit(call, &event);
}

static enum sl_outcome boards_arrived(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	const struct trello *opt = call->options;
	struct sl_text why;
	const enum answer answer = trello_answer(call, SL_KIND_ARRAY, &why);
	if (answer != ANSWER_FINE)
		return trello_give_up(call, answer, why);
	for (const struct sl_json *board = host->first(call->response->json); board; board = host->next(board))
		emit_board(call, board);
	for (const char *const *board = opt->boards; *board; board++)
		miss(call, *board);
	return SL_DONE;
}

/* ----------------------------------------------------------------------- account */

static struct sl_text word(struct sl_call *call, const struct sl_json *json, const char *pointer)
{
	const struct sl_text text = call->host->string(call->host->at(json, pointer));
	return text.at ? text : sl_text_of("?");
}

/* {"idModel":"*","modelType":"Board","read":true,"write":false} is "read Board *". */
static struct sl_text scope(struct sl_call *call, const struct sl_json *permission)
{
	const struct sl_host *host = call->host;
	const bool reads = sl_text_is(host->raw(host->at(permission, "/read")), "true");
	const bool writes = sl_text_is(host->raw(host->at(permission, "/write")), "true");
	const struct sl_text kind = word(call, permission, "/modelType"), id = word(call, permission, "/idModel");
	const char *may = reads ? writes ? "read and write" : "read" : writes ? "write" : "nothing of";
	return host->quote(call, host->format(call, "%s %s %s", may, kind.at, id.at));
}

static struct sl_text scopes(struct sl_call *call, const struct sl_json *token)
{
	const struct sl_host *host = call->host;
	const struct sl_json *item = host->first(host->at(token, "/permissions"));
	struct sl_text all = sl_text_of("");
	for (; item; item = host->next(item))
		all = host->format(call, "%s%s%s", all.at, all.len ? "," : "", scope(call, item).at);
	return all;
}

static struct sl_text account(struct sl_call *call, const struct sl_json *member, const struct sl_json *token)
{
	return call->host->format(call,
		"{\"name\":%s,\"username\":%s,\"application\":%s,\"scopes\":[%s],\"expires\":%s,"
		"\"limits\":\"100 requests in 10 s for the token, 300 for the key\"}",
		quoted(call, member, "/fullName").at, quoted(call, member, "/username").at,
		quoted(call, token, "/identifier").at, scopes(call, token).at, quoted(call, token, "/dateExpires").at);
}

static enum sl_outcome token_arrived(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	const struct sl_json *member = member_of(call);
	const struct sl_pair fields = { "fields", "id,name,shortLink,url,closed" };
	const struct sl_pair *const query[] = { &fields, NULL };
	struct sl_text why;
	const enum answer answer = trello_answer(call, SL_KIND_OBJECT, &why);
	if (answer != ANSWER_FINE)
		return trello_give_up(call, answer, why);
	const struct sl_event event = {
		.id = host->string(host->at(member, "/id")).at,
		.type = "account",
		.data = account(call, member, call->response->json),
	};
	host->emit(call, &event);
	return host->http(call, &(struct sl_http){ .url = "/1/members/me/boards", .query = query }, boards_arrived);
}

static enum sl_outcome member_arrived(struct sl_call *call)
{
	const char *url = trello_token_url(call, "");
	struct sl_text why;
	const enum answer answer = trello_answer(call, SL_KIND_OBJECT, &why);
	if (answer != ANSWER_FINE)
		return trello_give_up(call, answer, why);
	if (!url)
		return call->host->fail(call, "`token` is no token of Trello: those are letters and digits");
	if (!call->host->string(call->host->at(call->response->json, "/id")).len)
		return call->host->fail(call, "Trello does not say whose the token is");
	*(const struct sl_json **)call->local = call->response->json;
	return call->host->http(call, &(struct sl_http){ .url = url }, token_arrived);
}

enum sl_outcome trello_discover(struct sl_call *call)
{
	const struct sl_pair fields = { "fields", "id,fullName,username" };
	const struct sl_pair *const query[] = { &fields, NULL };
	if (!trello_may_ask(call))
		return call->host->fail(call, "to ask Trello `key` and `token` have to be given");
	return call->host->http(call, &(struct sl_http){ .url = "/1/members/me", .query = query }, member_arrived);
}
