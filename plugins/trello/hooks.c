/* SPDX-License-Identifier: Apache-2.0 */
/* hooks.c - one webhook for each board: what there is, and what ought to be.
 *
 *     hooks          who asks, and may it be done
 *     next_board     a board that is named by the letters of its address gets its id
 *     ask_list       all webhooks of the token
 *     list_arrived   those that call us, and the boards that lack one
 *     next_hook      one after the other: told, or
 *     act            made, woken, removed
 *     acted
 *
 * Trello knows a webhook by its callback, board and token, and refuses a second one.  It sends
 * a HEAD to the callback before it makes one, and wants a 200.
 */
#include "trello.h"

#include <string.h>

#include "text.h"

#define ID_LEN 24

enum standing { IS_FINE, IS_OFF, IS_MISSING, IS_EXTRA };
static const char *const standings[] = { "fine", "off", "missing", "extra" };

struct hook {
	struct sl_text board, id; /* id: empty if there is none */
	const struct sl_json *json;
	enum standing standing;
};

struct hooks {
	struct sl_text *boards; /* ids of those that are wanted */
	size_t board_count, board;
	struct hook *all;
	size_t count, turn;
	bool again; /* the list is looked at a second time */
};

static struct hooks *hooks_of(struct sl_call *call)
{
	return *(struct hooks **)call->local;
}

/* ----------------------------------------------------------------------- telling */

static struct sl_text shown(struct sl_call *call, const struct hook *hook, const char *why)
{
	const struct sl_host *host = call->host;
	const struct sl_json *json = hook->json;
	struct sl_text failures = host->raw(host->at(json, "/consecutiveFailures"));
	struct sl_text since = host->raw(host->at(json, "/firstConsecutiveFailDate"));
	int64_t count = 0;
	if (!failures.at || !host->integer(host->at(json, "/consecutiveFailures"), &count))
		failures = sl_text_of("null");
	if (!since.at)
		since = sl_text_of("null");
	if (!why && count)
		why = host->format(call, "the last %.*s of its requests failed", (int)failures.len, failures.at).at;
	const struct sl_text quoted = why ? host->quote(call, sl_text_of(why)) : sl_text_of("");
	return host->format(call,
		"{\"board\":%s,\"callback\":%s,\"consecutiveFailures\":%.*s,\"firstConsecutiveFailDate\":%.*s%s%s}",
		host->quote(call, hook->board).at, host->quote(call, sl_text_of(call->callback)).at, (int)failures.len,
		failures.at, (int)since.len, since.at, why ? ",\"why\":" : "", quoted.at);
}

static void tell(struct sl_call *call, const struct hook *hook, const char *type, const char *why)
{
	const struct sl_host *host = call->host;
	const struct sl_event event = {
		.id = hook->id.len ? hook->id.at : "",
		.type = type,
		.subject = host->format(call, "board %.*s", (int)hook->board.len, hook->board.at).at,
		.data = shown(call, hook, why),
	};
	host->emit(call, &event);
}

/* ------------------------------------------------------------------------ acting */

static enum sl_outcome next_hook(struct sl_call *call);
static enum sl_outcome ask_list(struct sl_call *call);

static enum standing standing_of(struct sl_call *call, const struct sl_json *json, bool wanted)
{
	if (!wanted)
		return IS_EXTRA;
	if (!json)
		return IS_MISSING;
	return sl_text_is(call->host->raw(call->host->at(json, "/active")), "false") ? IS_OFF : IS_FINE;
}

static struct hook hook_read(struct sl_call *call, struct sl_text board, const struct sl_json *json, bool wanted)
{
	return (struct hook){
		.board = board,
		.id = call->host->string(call->host->at(json, "/id")),
		.json = json,
		.standing = standing_of(call, json, wanted),
	};
}

/* Somebody has made it in the meantime: it is in the list now. */
static bool is_duplicate(const struct sl_response *response)
{
	return response->status == 400 && response->body.at && strstr(response->body.at, "already exists");
}

static const char *const results[] = { [IS_OFF] = "woken", [IS_MISSING] = "made", [IS_EXTRA] = "removed" };

static enum sl_outcome acted(struct sl_call *call)
{
	struct hooks *hooks = hooks_of(call);
	struct hook *hook = &hooks->all[hooks->turn];
	const enum standing was = hook->standing;
	const bool removes = strcmp(call->verb, "remove") == 0 || was == IS_EXTRA;
	struct sl_text why;
	const enum answer answer = trello_answer(call, SL_KIND_OBJECT, &why);
	if (answer == ANSWER_REFUSED || answer == ANSWER_NONSENSE)
		return trello_give_up(call, answer, why);
	if (is_duplicate(call->response) && !hooks->again) {
		hooks->again = true;
		return ask_list(call);
	}
	if (was == IS_MISSING && answer == ANSWER_FINE)
		*hook = hook_read(call, hook->board, call->response->json, true);
	if (answer == ANSWER_FINE || (removes && call->response->status == 404))
		tell(call, hook, removes ? "removed" : results[was], NULL);
	else
		tell(call, hook, standings[was], why.at);
	hooks->turn++;
	return next_hook(call);
}

static enum sl_outcome make(struct sl_call *call, const struct hook *hook)
{
	const struct sl_pair callback = { "callbackURL", call->callback }, board = { "idModel", hook->board.at };
	const struct sl_pair description = { "description", "sluice" };
	const struct sl_pair *const query[] = { &callback, &board, &description, NULL };
	return call->host->http(call, &(struct sl_http){ .method = "POST", .url = "/1/webhooks/", .query = query }, acted);
}

static const char *address(struct sl_call *call, const struct hook *hook)
{
	return call->host->format(call, "/1/webhooks/%s", hook->id.at).at;
}

static enum sl_outcome wake(struct sl_call *call, const struct hook *hook)
{
	static const struct sl_pair active = { "active", "true" };
	const struct sl_pair *const query[] = { &active, NULL };
	return call->host->http(call,
		&(struct sl_http){ .method = "PUT", .url = address(call, hook), .query = query }, acted);
}

static enum sl_outcome take_away(struct sl_call *call, const struct hook *hook)
{
	return call->host->http(call, &(struct sl_http){ .method = "DELETE", .url = address(call, hook) }, acted);
}

typedef enum sl_outcome act(struct sl_call *call, const struct hook *hook);
static act *const register_acts[] = { [IS_OFF] = wake, [IS_MISSING] = make, [IS_EXTRA] = take_away };

/* NULL: nothing is to be done about it. */
static act *act_of(struct sl_call *call, const struct hook *hook)
{
	if (strcmp(call->verb, "register") == 0)
		return hook->standing == IS_FINE ? NULL : register_acts[hook->standing];
	if (strcmp(call->verb, "remove") == 0 && hook->id.len && (!call->hook || sl_text_is(hook->id, call->hook)))
		return take_away;
	return NULL;
}

static enum sl_outcome next_hook(struct sl_call *call)
{
	struct hooks *hooks = hooks_of(call);
	for (; hooks->turn < hooks->count; hooks->turn++) {
		const struct hook *hook = &hooks->all[hooks->turn];
		act *todo = act_of(call, hook);
		if (todo)
			return todo(call, hook);
		if (strcmp(call->verb, "remove") != 0)
			tell(call, hook, standings[hook->standing], NULL);
	}
	return SL_DONE;
}

/* ---------------------------------------------------------------------- the list */

static bool is_wanted(const struct hooks *hooks, struct sl_text board)
{
	for (size_t i = 0; i < hooks->board_count; i++)
		if (sl_text_is(board, hooks->boards[i].at))
			return true;
	return false;
}

static const struct sl_json *hook_of(struct sl_call *call, struct sl_text board)
{
	const struct sl_host *host = call->host;
	for (const struct sl_json *hook = host->first(call->response->json); hook; hook = host->next(hook))
		if (sl_text_is(host->string(host->at(hook, "/callbackURL")), call->callback ? call->callback : "") &&
			sl_text_is(host->string(host->at(hook, "/idModel")), board.at) &&
			host->string(host->at(hook, "/id")).len)
			return hook;
	return NULL;
}

/* What calls us and is not wanted. */
static void add_extra(struct sl_call *call, struct hooks *hooks)
{
	const struct sl_host *host = call->host;
	for (const struct sl_json *hook = host->first(call->response->json); hook; hook = host->next(hook)) {
		const struct sl_text board = host->string(host->at(hook, "/idModel"));
		if (board.len && !is_wanted(hooks, board) && hook_of(call, board) == hook)
			hooks->all[hooks->count++] = hook_read(call, board, hook, false);
	}
}

/* A second look is for the one that was there already. */
static enum sl_outcome looked_again(struct sl_call *call, struct hooks *hooks)
{
	struct hook *hook = &hooks->all[hooks->turn];
	hooks->again = false;
	*hook = hook_read(call, hook->board, hook_of(call, hook->board), true);
	if (hook->standing == IS_MISSING) {
		tell(call, hook, "missing", "Trello says that it exists already, and does not list it");
		hooks->turn++;
	}
	return next_hook(call);
}

static enum sl_outcome list_arrived(struct sl_call *call)
{
	struct hooks *hooks = hooks_of(call);
	struct sl_text why;
	const enum answer answer = trello_answer(call, SL_KIND_ARRAY, &why);
	if (answer != ANSWER_FINE)
		return trello_give_up(call, answer, why);
	if (hooks->again)
		return looked_again(call, hooks);
	const size_t most = hooks->board_count + call->host->count(call->response->json);
	hooks->all = call->host->alloc(call, (most + 1) * sizeof(*hooks->all));
	for (size_t i = 0; i < hooks->board_count; i++)
		hooks->all[hooks->count++] = hook_read(call, hooks->boards[i], hook_of(call, hooks->boards[i]), true);
	add_extra(call, hooks);
	return next_hook(call);
}

static enum sl_outcome ask_list(struct sl_call *call)
{
	const char *url = trello_token_url(call, "/webhooks");
	if (!url)
		return call->host->fail(call, "`token` is no token of Trello: those are letters and digits");
	return call->host->http(call, &(struct sl_http){ .url = url }, list_arrived);
}

/* -------------------------------------------------------------------- the boards */

static enum sl_outcome next_board(struct sl_call *call);

static enum sl_outcome board_arrived(struct sl_call *call)
{
	struct hooks *hooks = hooks_of(call);
	struct sl_text *board = &hooks->boards[hooks->board], why;
	const enum answer answer = trello_answer(call, SL_KIND_OBJECT, &why);
	const struct sl_text id = call->host->string(call->host->at(call->response->json, "/id"));
	if (answer != ANSWER_FINE)
		return trello_give_up(call, answer, call->host->format(call, "board %s: %s", board->at, why.at));
	if (id.len != ID_LEN)
		return call->host->fail(call, "board %s: Trello does not say its id", board->at);
	*board = id;
	hooks->board++;
	return next_board(call);
}

static enum sl_outcome next_board(struct sl_call *call)
{
	static const struct sl_pair fields = { "fields", "id,name" };
	const struct sl_pair *const query[] = { &fields, NULL };
	struct hooks *hooks = hooks_of(call);
	while (hooks->board < hooks->board_count && hooks->boards[hooks->board].len == ID_LEN)
		hooks->board++;
	if (hooks->board == hooks->board_count)
		return ask_list(call);
	const char *url = call->host->format(call, "/1/boards/%s", hooks->boards[hooks->board].at).at;
	return call->host->http(call, &(struct sl_http){ .url = url, .query = query }, board_arrived);
}

enum sl_outcome trello_hooks(struct sl_call *call)
{
	const struct trello *opt = call->options;
	struct hooks *hooks = call->host->alloc(call, sizeof(*hooks));
	if (!trello_may_ask(call))
		return call->host->fail(call, "to have webhooks looked after `key` and `token` have to be given");
	if (!call->callback && strcmp(call->verb, "list") != 0)
		return call->host->fail(call, "no address is known that Trello could call: `public` has to be given");
	while (opt->boards[hooks->board_count])
		hooks->board_count++;
	hooks->boards = call->host->alloc(call, (hooks->board_count + 1) * sizeof(*hooks->boards));
	for (size_t i = 0; i < hooks->board_count; i++)
		hooks->boards[i] = sl_text_of(opt->boards[i]);
	*(struct hooks **)call->local = hooks;
	return next_board(call);
}
