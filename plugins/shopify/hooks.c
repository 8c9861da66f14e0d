/* SPDX-License-Identifier: Apache-2.0 */
/* hooks.c - the subscriptions that lead to us.
 *
 *     hooks        which are there?  A page at a time; then
 *     next_topic   each topic that is wanted: is there, is made, or is missing
 *     next_extra   each that leads to us and is not wanted: told, or removed
 *
 * The shop lists what this app made by the API; what stands in an app's own
 * configuration file it does not list, and calls taken.
 */
#include <ctype.h>
#include <string.h>

#include "inside.h"
#include "text.h"

#define LIST_QUERY \
	"query ($after: String) { page: webhookSubscriptions(first: 100, after: $after) " \
	"{ nodes { id topic uri } pageInfo { hasNextPage endCursor } } }"
#define MAKE_QUERY \
	"mutation ($topic: WebhookSubscriptionTopic!, $uri: String!) { done: webhookSubscriptionCreate(topic: $topic, " \
	"webhookSubscription: { uri: $uri, format: JSON }) { webhookSubscription { id } userErrors { field message } } }"
#define REMOVE_QUERY \
	"mutation ($id: ID!) { done: webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId " \
	"userErrors { field message } } }"
#define PAGES_MOST 100

static const char *const usual[] = {
	"orders/create", "orders/updated", "orders/delete",
	"customers/create", "customers/update", "customers/delete",
	"products/create", "products/update", "products/delete",
	"app/uninstalled", NULL,
};

struct hook {
	struct hook *next;
	struct sl_text id, topic; /* ORDERS_CREATE */
	bool wanted;
};

struct task {
	struct hook *ours, *extra;
	const char *const *topic; /* the one that is next */
	int pages;
};

static sl_step listed, made, removed, next_topic, next_extra;

static struct task *task_of(const struct sl_call *call)
{
	return ((struct local *)call->local)->task;
}

/* --------------------------------------------------------------------------- words */

/* "orders/create" as the graph calls it: ORDERS_CREATE. */
static const char *enum_of(struct sl_call *call, const char *topic)
{
	char *word = call->host->alloc(call, strlen(topic) + 1);
	for (size_t i = 0; topic[i]; i++)
		word[i] = isalnum((unsigned char)topic[i]) ? (char)toupper((unsigned char)topic[i]) : '_';
	return word;
}

/* These three can only be set where the app itself is configured. */
static bool by_hand(const char *topic)
{
	return strcmp(topic, "customers/data_request") == 0 || strcmp(topic, "customers/redact") == 0 ||
		strcmp(topic, "shop/redact") == 0;
}

static void tell(struct sl_call *call, const char *type, struct sl_text id, const char *subject, const char *why)
{
	const struct sl_host *host = call->host;
	struct sl_text topic = host->quote(call, sl_text_of(subject)), reason = host->quote(call, sl_text_of(why));
	struct sl_text data = host->format(call, why ? "{\"topic\":%s,\"why\":%s}" : "{\"topic\":%s}", topic.at, reason.at);
	host->emit(call, &(struct sl_event){
		.id = host->format(call, "%.*s", (int)id.len, id.at ? id.at : "").at,
		.type = type,
		.subject = subject,
		.data = data,
	});
}

static bool verb_is(const struct sl_call *call, const char *verb)
{
	return strcmp(call->verb, verb) == 0;
}

/* -------------------------------------------------------------------------- asking */

static enum sl_outcome ask_aside(struct sl_call *call, const char *query, struct sl_text variables, sl_step *next)
{
	struct question question = { .dear = 20, .paid = 10, .seat = SEAT_ASIDE, .next = next };
	question.changes = strncmp(query, "mutation", 8) == 0;
	return ask(call, &question, query, variables);
}

/* Of a mutation: what the shop has against it; NULL: nothing. */
static const char *objection(struct sl_call *call, const struct sl_json *done)
{
	const struct sl_host *host = call->host;
	const struct sl_json *error = host->first(host->at(done, "/userErrors"));
	struct sl_text said = first_bytes(host->string(host->at(error, "/message")));
	return error ? host->format(call, "%.*s", (int)said.len, said.at).at : NULL;
}

/* The mutation's answer, or NULL with how the call ends. */
static const struct sl_json *done_of(struct sl_call *call, const char *what, enum sl_outcome *outcome)
{
	const struct sl_json *errors;
	const struct sl_json *done = call->host->at(answered(call, &errors, outcome), "/done");
	if (*outcome == SL_DONE && call->host->kind(done) != SL_KIND_OBJECT)
		*outcome = errors ? errors_fail(call, errors, what)
				  : call->host->retry(call, 0, "%s: the shop said nothing of it", what);
	return *outcome == SL_DONE ? done : NULL;
}

/* -------------------------------------------------------------------------- extras */

static enum sl_outcome remove_hook(struct sl_call *call, struct sl_text id)
{
	struct sl_text quoted = call->host->quote(call, id);
	return ask_aside(call, REMOVE_QUERY, call->host->format(call, "{\"id\":%s}", quoted.at), removed);
}

static enum sl_outcome removed(struct sl_call *call)
{
	struct task *task = task_of(call);
	enum sl_outcome outcome;
	const struct sl_json *done = done_of(call, "removing a subscription", &outcome);
	if (!done)
		return outcome;
	const char *why = objection(call, done);
	if (why && !strstr(why, "not exist") && !strstr(why, "not found")) /* gone is what was wanted */
		return call->host->fail(call, "the shop does not remove %.*s: %s", (int)task->extra->id.len,
			task->extra->id.at, why);
	tell(call, "removed", task->extra->id, task->extra->topic.at, NULL);
	task->extra = task->extra->next;
	return next_extra(call);
}

static bool goes(const struct sl_call *call, const struct hook *hook)
{
	if (verb_is(call, "remove"))
		return !call->hook || sl_text_is(hook->id, call->hook);
	return !hook->wanted;
}

static enum sl_outcome next_extra(struct sl_call *call)
{
	struct task *task = task_of(call);
	for (; task->extra; task->extra = task->extra->next) {
		if (!goes(call, task->extra))
			continue;
		if (!verb_is(call, "list"))
			return remove_hook(call, task->extra->id);
		tell(call, "extra", task->extra->id, task->extra->topic.at, NULL);
	}
	return SL_DONE;
}

/* -------------------------------------------------------------------------- wanted */

static struct hook *hook_for(struct task *task, const char *topic)
{
	struct hook *hook = task->ours;
	while (hook && !sl_text_is(hook->topic, topic))
		hook = hook->next;
	return hook;
}

static enum sl_outcome make(struct sl_call *call, const char *topic)
{
	struct sl_text uri = call->host->quote(call, sl_text_of(call->callback));
	struct sl_text name = call->host->quote(call, sl_text_of(topic));
	return ask_aside(call, MAKE_QUERY, call->host->format(call, "{\"topic\":%s,\"uri\":%s}", name.at, uri.at), made);
}

static enum sl_outcome made(struct sl_call *call)
{
	struct task *task = task_of(call);
	const char *topic = *task->topic;
	enum sl_outcome outcome;
	const struct sl_json *done = done_of(call, topic, &outcome);
	if (!done)
		return outcome;
	const char *why = objection(call, done);
	struct sl_text id = call->host->string(call->host->at(done, "/webhookSubscription/id"));
	if (why && strstr(why, "already been taken"))
		tell(call, "fine", sl_text_of(""), topic,
			"our address is taken for this topic: the app's own configuration has it");
	else if (why)
		return call->host->fail(call, "the shop does not subscribe %s to %s: %s", call->callback, topic, why);
	else
		tell(call, "made", id, topic, NULL);
	task->topic++;
	return next_topic(call);
}

static enum sl_outcome next_topic(struct sl_call *call)
{
	struct task *task = task_of(call);
	for (; *task->topic; task->topic++) {
		const char *topic = *task->topic, *name = enum_of(call, topic);
		struct hook *hook = hook_for(task, name);
		if (hook)
			hook->wanted = true;
		if (hook)
			tell(call, "fine", hook->id, topic, NULL);
		else if (by_hand(topic))
			tell(call, "manual", sl_text_of(""), topic,
				"the API does not subscribe to this topic: give our address as the compliance webhooks' in the app's "
				"settings (or in shopify.app.toml)");
		else if (verb_is(call, "register"))
			return make(call, name);
		else
			tell(call, "missing", sl_text_of(""), topic, NULL);
	}
	task->extra = task->ours;
	return next_extra(call);
}

/* --------------------------------------------------------------------------- begin */

static enum sl_outcome ask_list(struct sl_call *call, struct sl_text after)
{
	return ask_aside(call, LIST_QUERY, call->host->format(call, "{\"after\":%s}", after.at), listed);
}

static void keep_ours(struct sl_call *call, const struct sl_json *nodes)
{
	const struct sl_host *host = call->host;
	struct task *task = task_of(call);
	for (const struct sl_json *node = host->first(nodes); node; node = host->next(node)) {
		struct sl_text id = host->string(host->at(node, "/id"));
		bool ours = sl_text_is(host->string(host->at(node, "/uri")), call->callback);
		if (!id.len || (!ours && !(call->hook && sl_text_is(id, call->hook))))
			continue;
		struct hook *hook = host->alloc(call, sizeof(*hook));
		*hook = (struct hook){ task->ours, id, host->string(host->at(node, "/topic")), false };
		task->ours = hook;
	}
}

static enum sl_outcome listed(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct task *task = task_of(call);
	const struct sl_json *errors;
	enum sl_outcome outcome;
	const struct sl_json *page = host->at(answered(call, &errors, &outcome), "/page");
	if (outcome != SL_DONE)
		return outcome;
	if (host->kind(page) != SL_KIND_OBJECT && errors)
		return errors_fail(call, errors, "the list of subscriptions");
	keep_ours(call, host->at(page, "/nodes"));
	const struct sl_json *after = page_after(call, page);
	if (after && ++task->pages < PAGES_MOST)
		return ask_list(call, host->quote(call, host->string(after)));
	task->extra = task->ours;
	return verb_is(call, "remove") ? next_extra(call) : next_topic(call);
}

enum sl_outcome hooks(struct sl_call *call)
{
	const struct shopify *shopify = call->options;
	enum sl_outcome outcome;
	if (!can_ask(call, &outcome))
		return outcome;
	if (!call->callback)
		return call->host->fail(call, "our address is not known: give `public` or the source's `callback`");
	struct task *task = call->host->alloc(call, sizeof(*task));
	task->topic = shopify->topics[0] ? shopify->topics : usual;
	((struct local *)call->local)->task = task;
	return ask_list(call, sl_text_of("null"));
}
