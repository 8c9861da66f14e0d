/* SPDX-License-Identifier: Apache-2.0 */
/* hooks.c - subscriptions: which are wanted, which there are.
 *
 * One subscription is one board and one event.  monday.com lists those of a board, but not where they
 * lead: which of them are ours is known by the ids of those made here, which travel in the cursor:
 *
 *     {"callback":"https://...","made":[{"board":"1","event":"create_item","id":"77"}],
 *      "making":{"board":"1","event":"change_name","before":["76"]}}
 *
 * What is being made stands in it before monday.com is asked, with those of others that were there then: whoever
 * was killed before he heard of it finds it on the board, as the one that was not there before.
 *
 *     hooks_step       what was made, then the boards one by one
 *     board_listed     what is wanted on it, and what is still there of ours
 *     act              what there is to do about each, one request after the other
 *     tell             how each stands; the ids are kept
 *
 * Subscriptions to subitems are made on the board of their parents, if that has subitems.
 */
#include <string.h>

#include "monday.h"
#include "text.h"

#define CALLBACK_MOST 255 /* bytes; monday.com's limit */

struct hook {
	struct hook *next;
	char board[ID_SIZE], id[ID_SIZE]; /* id "": there is none */
	const char *event;
	const char *type, *why;      /* as hooks are told: sdk/plugin.h */
	bool wanted, there, strange; /* strange: made for another address */
};

struct work {
	struct hook *first, **last, *at; /* at: the one under way */
	struct hook *strangers;          /* there, and not made here */
	const struct sl_json *making;    /* by a call that did not live to hear of it; NULL: none */
	size_t board;                    /* of the list, under way */
	size_t others;                   /* strangers */
};

static const char *member(struct sl_call *call, const struct sl_json *json, const char *pointer)
{
	struct sl_text text = call->host->string(call->host->at(json, pointer));
	return text.at ? text.at : "";
}

static struct hook *hook_add(struct sl_call *call, const char *board, const char *event)
{
	struct work *work = local_of(call)->work;
	struct hook *hook = call->host->alloc(call, sizeof(*hook));
	memcpy(hook->board, board, strlen(board) + 1);
	hook->event = event;
	*work->last = hook;
	work->last = &hook->next;
	return hook;
}

static struct hook *hook_of(struct work *work, const char *board, const char *event)
{
	for (struct hook *hook = work->first; hook; hook = hook->next)
		if (!hook->strange && strcmp(hook->board, board) == 0 && strcmp(hook->event, event) == 0)
			return hook;
	return NULL;
}

/* ------------------------------------------------------------------- what was made */

static void recall(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	const struct sl_json *json = call->cursor ? host->json(call, sl_text_of(call->cursor)) : NULL;
	const char *callback = member(call, json, "/callback");
	const struct sl_json *made = host->at(json, "/made");
	bool strange = call->callback && *callback && strcmp(callback, call->callback) != 0;
	local_of(call)->work->making = strange ? NULL : host->at(json, "/making");
	if (host->kind(made) != SL_KIND_ARRAY)
		return;
	for (const struct sl_json *one = host->first(made); one; one = host->next(one)) {
		char board[ID_SIZE], id[ID_SIZE];
		if (!copy_id(host, host->at(one, "/board"), board) || !copy_id(host, host->at(one, "/id"), id))
			continue;
		struct hook *hook = hook_add(call, board, member(call, one, "/event"));
		memcpy(hook->id, id, sizeof(id));
		hook->strange = strange;
		hook->there = true; /* unless its board, if it is listed, says otherwise */
	}
}

static struct sl_text hook_json(struct sl_call *call, const struct hook *hook)
{
	static const char form[] = "{\"board\":\"%s\",\"event\":%s,\"id\":\"%s\"}";
	return call->host->format(call, form, hook->board, quoted(call, hook->event).at, hook->id);
}

static struct sl_text making_json(struct sl_call *call, const struct hook *hook)
{
	static const char form[] = ",\"making\":{\"board\":\"%s\",\"event\":%s,\"before\":[%s]}";
	const struct sl_host *host = call->host;
	struct sl_text before = { "", 0 };
	for (const struct hook *other = local_of(call)->work->strangers; other; other = other->next)
		if (strcmp(other->board, hook->board) == 0 && strcmp(other->event, hook->event) == 0)
			before = host->format(call, "%s%s\"%s\"", before.at, before.len ? "," : "", other->id);
	return host->format(call, form, hook->board, quoted(call, hook->event).at, before.at);
}

/* `making`: what is asked for next, or NULL. */
static void keep(struct sl_call *call, const struct hook *making)
{
	const struct sl_host *host = call->host;
	const char *callback = quoted(call, call->callback ? call->callback : "").at;
	struct sl_text list = { "", 0 };
	for (const struct hook *hook = local_of(call)->work->first; hook; hook = hook->next)
		if (hook->id[0])
			list = host->format(call, "%s%s%s", list.at, list.len ? "," : "", hook_json(call, hook).at);
	const char *rest = making ? making_json(call, making).at : "";
	host->advance(call, host->format(call, "{\"callback\":%s,\"made\":[%s]%s}", callback, list.at, rest).at);
}

/* ------------------------------------------------------------------- telling */

static void tell_one(struct sl_call *call, const struct hook *hook)
{
	static const char form[] = "{\"board\":\"%s\",\"event\":%s,\"why\":%s}";
	const struct sl_host *host = call->host;
	const char *event = quoted(call, hook->event).at, *why = quoted(call, hook->why).at;
	const struct sl_event told = {
		.id = hook->id[0] ? hook->id : "",
		.type = hook->type,
		.subject = host->format(call, "board %s, %s", hook->board, hook->event).at,
		.data = host->format(call, form, hook->board, event, why),
	};
	host->emit(call, &told);
}

static enum sl_outcome tell(struct sl_call *call)
{
	const struct work *work = local_of(call)->work;
	for (const struct hook *hook = work->first; hook; hook = hook->next)
		tell_one(call, hook);
	if (work->others)
		call->host->log(call, SL_INFO, "%zu more webhooks on these boards were not made from here; monday.com does "
					       "not say where they lead",
			work->others);
	if (strcmp(call->verb, "list") != 0)
		keep(call, NULL);
	return SL_DONE;
}

/* ------------------------------------------------------------------- acting */

static enum sl_outcome act(struct sl_call *call);

static void went_wrong(struct sl_call *call, struct hook *hook, const char *what)
{
	const struct local *local = local_of(call);
	hook->why = call->host->format(call, "%s: %.200s", what, local->error.len ? local->error.at : "no reason given").at;
}

static enum sl_outcome act_next(struct sl_call *call)
{
	struct work *work = local_of(call)->work;
	work->at = work->at->next;
	return act(call);
}

static enum sl_outcome created(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct hook *hook = local_of(call)->work->at;
	if (copy_id(host, host->at(local_of(call)->data, "/create_webhook/id"), hook->id))
		hook->type = "made", hook->there = true;
	else
		went_wrong(call, hook, "monday.com did not make it");
	keep(call, NULL);
	return act_next(call);
}

static enum sl_outcome deleted(struct sl_call *call)
{
	const struct local *local = local_of(call);
	struct hook *hook = local->work->at;
	char id[ID_SIZE];
	if (!local->refused && !copy_id(call->host, call->host->at(local->data, "/delete_webhook/id"), id)) {
		went_wrong(call, hook, "monday.com did not remove it");
		return act_next(call);
	}
	hook->type = "removed";
	hook->there = false;
	hook->id[0] = '\0';
	return act_next(call);
}

static enum sl_outcome create(struct sl_call *call, const struct hook *hook)
{
	static const char query[] =
		"mutation SluiceHook($board:ID!,$url:String!,$event:WebhookEventType!)"
		"{create_webhook(board_id:$board,url:$url,event:$event){id board_id}}";
	const char *variables = call->host->format(call, "{\"board\":\"%s\",\"url\":%s,\"event\":%s}", hook->board,
						  quoted(call, call->callback).at, quoted(call, hook->event).at)
					.at;
	keep(call, hook);
	return ask(call, QUERY_CHANGE, query, variables, created);
}

static enum sl_outcome unmake(struct sl_call *call, const struct hook *hook)
{
	return ask(call, QUERY_CHANGE, "mutation SluiceDrop($id:ID!){delete_webhook(id:$id){id board_id}}",
		call->host->format(call, "{\"id\":\"%s\"}", hook->id).at, deleted);
}

static bool to_go(const struct sl_call *call, const struct hook *hook)
{
	if (!hook->there || !hook->id[0])
		return false;
	if (strcmp(call->verb, "remove") == 0)
		return !call->hook || strcmp(call->hook, hook->id) == 0;
	return strcmp(call->verb, "register") == 0 && (!hook->wanted || hook->strange);
}

static enum sl_outcome act(struct sl_call *call)
{
	struct work *work = local_of(call)->work;
	bool makes = strcmp(call->verb, "register") == 0;
	for (; work->at; work->at = work->at->next) {
		struct hook *hook = work->at;
		hook->type = hook->wanted ? hook->there ? "fine" : "missing" : "extra";
		if (!hook->there)
			hook->id[0] = '\0';
		if (to_go(call, hook))
			return unmake(call, hook);
		if (makes && hook->wanted && !hook->there && !hook->why)
			return create(call, hook);
	}
	return tell(call);
}

/* ------------------------------------------------------------------- boards */

static bool of_subitems(const char *event)
{
	return strstr(event, "subitem") != NULL;
}

static enum sl_outcome list_boards(struct sl_call *call);

static bool was_there(const struct sl_call *call, const char *id)
{
	const struct sl_host *host = call->host;
	const struct sl_json *one = host->first(host->at(local_of(call)->work->making, "/before"));
	while (one && !sl_text_is(host->string(one), id))
		one = host->next(one);
	return one != NULL;
}

/* The one that was being made, by its board and event; any other is a stranger. */
static void take_other(struct sl_call *call, const char *board, const char *id, const char *event)
{
	struct work *work = local_of(call)->work;
	struct hook *hook;
	if (work->making && strcmp(member(call, work->making, "/board"), board) == 0 &&
		strcmp(member(call, work->making, "/event"), event) == 0 && !was_there(call, id)) {
		hook = hook_add(call, board, event);
		hook->there = true;
		work->making = NULL;
	} else {
		hook = call->host->alloc(call, sizeof(*hook));
		*hook = (struct hook){ .next = work->strangers, .event = event };
		memcpy(hook->board, board, strlen(board) + 1);
		work->strangers = hook;
		work->others++;
	}
	memcpy(hook->id, id, strlen(id) + 1);
}

/* Ours that its board does not list were removed there. */
static void match(struct sl_call *call, const char *board, const struct sl_json *webhooks)
{
	const struct sl_host *host = call->host;
	struct work *work = local_of(call)->work;
	for (struct hook *hook = work->first; hook; hook = hook->next)
		if (strcmp(hook->board, board) == 0)
			hook->there = false;
	for (const struct sl_json *one = host->first(webhooks); one; one = host->next(one)) {
		char id[ID_SIZE];
		struct hook *hook = work->first;
		if (!copy_id(host, host->at(one, "/id"), id))
			continue;
		while (hook && strcmp(hook->id, id) != 0)
			hook = hook->next;
		if (hook)
			hook->there = true;
		else
			take_other(call, board, id, member(call, one, "/event"));
	}
}

static void want(struct sl_call *call, const struct board *board, const char *why)
{
	const char *const *events = options_of(call)->events;
	const char *id = options_of(call)->boards[local_of(call)->work->board];
	for (; events && *events; events++) {
		struct hook *hook;
		if (board && (board->of_subitems || (of_subitems(*events) && !board->subitems[0])))
			continue;
		hook = hook_of(local_of(call)->work, id, *events);
		hook = hook ? hook : hook_add(call, id, *events);
		hook->wanted = true;
		hook->why = why;
	}
}

static enum sl_outcome board_listed(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct local *local = local_of(call);
	const char *id = options_of(call)->boards[local->work->board];
	const struct board *board = board_take(call, host->at(local->data, "/boards/0"));
	const struct sl_json *webhooks = host->at(local->data, "/webhooks");
	if (board && host->kind(webhooks) == SL_KIND_ARRAY)
		match(call, id, webhooks);
	want(call, board, board ? NULL : "the board is not there, or the token may not read it");
	local->work->board++;
	return list_boards(call);
}

static enum sl_outcome list_boards(struct sl_call *call)
{
	const char *const *boards = options_of(call)->boards;
	struct work *work = local_of(call)->work;
	const char *id = boards ? boards[work->board] : NULL;
	if (!id) {
		work->at = work->first;
		return act(call);
	}
	if (strlen(id) >= ID_SIZE)
		return call->host->fail(call, "`boards` holds \"%.40s\", which is no board's id", id);
	return ask(call, QUERY_HOOKS, query_hooks(call).at,
		call->host->format(call, "{\"board\":[%s],\"one\":%s}", quoted(call, id).at, quoted(call, id).at).at,
		board_listed);
}

enum sl_outcome hooks_step(struct sl_call *call)
{
	struct local *local = local_of(call);
	if (!has_token(options_of(call)))
		return call->host->fail(call, "webhooks are made and listed with a `token` (scopes webhooks:read, "
					      "webhooks:write, boards:read)");
	if (strcmp(call->verb, "register") == 0 && !call->callback)
		return call->host->fail(call, "nobody knows our address: give `public`, or `callback` of the source");
	if (call->callback && strlen(call->callback) > CALLBACK_MOST)
		return call->host->fail(call, "monday.com takes addresses of at most %d bytes; `callback` has %zu",
			CALLBACK_MOST, strlen(call->callback));
	local->work = call->host->alloc(call, sizeof(*local->work));
	local->work->last = &local->work->first;
	recall(call);
	return list_boards(call);
}
