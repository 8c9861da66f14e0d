/* SPDX-License-Identifier: Apache-2.0 */
/* missive_hooks.c - hooks that were made here, and those that only a person can make.
 *
 * Missive has no list of hooks: what was made is remembered in the cursor of these calls,
 * {"hooks":[{"id":..,"type":..,"url":..}],"making":{"type":..,"url":..}}.  What is being made stands in it
 * before Missive is asked: nobody else could tell afterwards that it may be there.
 * Only some rules can be made by the API; and none gets a validation secret by it.
 */
#include "missive.h"

#include <string.h>

#include "text.h"

#define BY_HAND \
	"in Missive: settings, Rules, a new rule of this kind with the action Webhook, this address and the validation " \
	"secret of this source; while it is saved, `sluice hooks open` has to let its test in"
#define NO_SECRET \
	"Missive's API gives a hook no secret: open the rule it made (settings, Rules) and set the validation secret " \
	"of this source, else what it sends is refused"
#define UNSURE \
	"an earlier `hooks register` ended before Missive answered, so this rule may be there, unknown to us: look in " \
	"Missive's settings, Rules, and remove it; the next `hooks register` makes it"

/* What the API can make. */
static const char *const makes[] = { "incoming_email", "incoming_sms_message", "incoming_facebook_message",
	"incoming_whatsapp_message", "incoming_twitter_message", "incoming_twilio_chat_message", "new_comment", NULL };

enum deed {
	LOOK,
	MAKE,
	DELETE,
};

struct job {
	struct job *next;
	enum deed deed;
	bool stays; /* it is remembered */
	struct sl_text id, event, url;
	const char *type, *why;
};

/* In call->local. */
struct work {
	struct job *first, **last, *at;
	const struct sl_json *making; /* by a call that did not live to hear of it; NULL: none */
};
_Static_assert(sizeof(struct work) <= sizeof(struct walk), "it lies in call->local");

static sl_step done;

static bool listed(const char *const *names, struct sl_text name)
{
	for (; names && *names; names++)
		if (sl_text_is(name, *names))
			return true;
	return false;
}

static bool is_verb(const struct sl_call *call, const char *verb)
{
	return strcmp(call->verb, verb) == 0;
}

static struct job *plan(struct sl_call *call, const struct job *job)
{
	struct work *work = call->local;
	struct job *copy = call->host->alloc(call, sizeof(*copy));
	*copy = *job;
	*work->last = copy;
	work->last = &copy->next;
	return copy;
}

/* ----------------------------------------------------------------------------- compare */

static bool has(const struct sl_call *call, const char *event)
{
	const struct work *work = call->local;
	for (const struct job *job = work->first; job; job = job->next)
		if (job->stays && sl_text_is(job->event, event) && call->callback && sl_text_is(job->url, call->callback))
			return true;
	return false;
}

static void plan_remembered(struct sl_call *call, const struct sl_json *hook)
{
	const struct missive *opt = call->options;
	const struct sl_host *host = call->host;
	struct job job = {
		.deed = LOOK,
		.stays = true,
		.type = "fine",
		.id = sl_plain(call, host->at(hook, "/id")),
		.event = sl_plain(call, host->at(hook, "/type")),
		.url = sl_plain(call, host->at(hook, "/url")),
	};
	if (!job.id.len || !job.event.len)
		return;
	bool ours = call->callback && sl_text_is(job.url, call->callback);
	bool extra = !ours || !listed(opt->events, job.event) || has(call, job.event.at);
	bool removes = is_verb(call, "remove") && (call->hook ? sl_text_is(job.id, call->hook) : ours);
	if (removes || (extra && is_verb(call, "register")))
		job.deed = DELETE, job.stays = false, job.type = "removed";
	else if (extra)
		job.type = "extra", job.why = ours ? "`events` does not name it" : "it points to another address";
	plan(call, &job);
}

static bool is_unsure(const struct sl_call *call, const char *event)
{
	const struct work *work = call->local;
	const struct sl_host *host = call->host;
	return sl_text_is(host->string(host->at(work->making, "/type")), event) &&
	       sl_text_is(host->string(host->at(work->making, "/url")), call->callback);
}

static void plan_wanted(struct sl_call *call, const char *event)
{
	bool acts = is_verb(call, "register");
	struct job job = {
		.deed = LOOK,
		.type = "missing",
		.id = { "", 0 },
		.event = sl_text_of(event),
		.url = sl_text_of(call->callback),
	};
	if (has(call, event))
		return;
	if (!listed(makes, job.event))
		job.type = "manual", job.why = BY_HAND;
	else if (is_unsure(call, event))
		job.type = "manual", job.why = UNSURE;
	else if (acts)
		job.deed = MAKE, job.type = "made", job.why = NO_SECRET;
	plan(call, &job);
}

/* It was not told before, and is forgotten now. */
static void plan_unsure(struct sl_call *call)
{
	const struct work *work = call->local;
	const struct sl_host *host = call->host;
	struct job job = {
		.deed = LOOK,
		.type = "manual",
		.why = UNSURE,
		.id = { "", 0 },
		.event = host->string(host->at(work->making, "/type")),
		.url = host->string(host->at(work->making, "/url")),
	};
	if (is_verb(call, "remove") && job.event.len)
		plan(call, &job);
}

/* -------------------------------------------------------------------------------- do it */

static void tell_job(struct sl_call *call, const struct job *job)
{
	const struct sl_host *host = call->host;
	struct sl_text event = host->quote(call, job->event), url = host->quote(call, job->url);
	struct sl_text why = { "", 0 };
	if (job->why)
		why = host->format(call, ",\"why\":%s", host->quote(call, sl_text_of(job->why)).at);
	host->emit(call, &(struct sl_event){
				 .id = job->id.at,
				 .type = job->type,
				 .subject = job->event.at,
				 .data = host->format(call, "{\"type\":%s,\"url\":%s%s}", event.at, url.at, why.at),
			 });
}

static void add_hook(struct sl_words *words, const struct job *job)
{
	struct sl_call *call = words->call;
	const struct sl_host *host = call->host;
	sl_words_string(words, words->at[words->len - 1] == '[' ? "" : ",");
	sl_words_add(words, host->format(call, "{\"id\":%s,", host->quote(call, job->id).at));
	sl_words_add(words, host->format(call, "\"type\":%s,", host->quote(call, job->event).at));
	sl_words_add(words, host->format(call, "\"url\":%s}", host->quote(call, job->url).at));
}

static void add_making(struct sl_words *words, const struct job *job)
{
	struct sl_call *call = words->call;
	const struct sl_host *host = call->host;
	sl_words_add(words, host->format(call, ",\"making\":{\"type\":%s,", host->quote(call, job->event).at));
	sl_words_add(words, host->format(call, "\"url\":%s}", host->quote(call, job->url).at));
}

static void remember(struct sl_call *call, const struct job *making)
{
	const struct work *work = call->local;
	struct sl_words words = { .call = call };
	sl_words_string(&words, "{\"hooks\":[");
	for (const struct job *job = work->first; job; job = job->next)
		if (job->stays)
			add_hook(&words, job);
	sl_words_string(&words, "]");
	if (making)
		add_making(&words, making);
	sl_words_string(&words, "}");
	call->host->advance(call, words.at);
}

static struct sl_text made_body(struct sl_call *call, const struct job *job)
{
	const struct missive *opt = call->options;
	const struct sl_host *host = call->host;
	struct sl_text organization = { "", 0 };
	if (*opt->organization)
		organization = host->format(call, ",\"organization\":%s",
			host->quote(call, sl_text_of(opt->organization)).at);
	return host->format(call, "{\"hooks\":{\"type\":%s,\"url\":%s%s}}", host->quote(call, job->event).at,
		host->quote(call, job->url).at, organization.at);
}

static enum sl_outcome go_on(struct sl_call *call)
{
	struct work *work = call->local;
	const struct sl_host *host = call->host;
	for (; work->at && work->at->deed == LOOK; work->at = work->at->next)
		tell_job(call, work->at);
	const struct job *job = work->at;
	if (!job) {
		if (!is_verb(call, "list"))
			remember(call, NULL);
		return SL_DONE;
	}
	struct sl_http request = { .method = "POST", .url = "/hooks", .all = 1 };
	if (job->deed == MAKE) {
		request.body = made_body(call, job);
		remember(call, job);
	} else
		request.method = "DELETE", request.url = host->format(call, "/hooks/%s", job->id.at).at;
	return host->http(call, &request, done);
}

/* What could not be done is told, and the rest goes on: what was made before must be remembered. */
static enum sl_outcome done(struct sl_call *call)
{
	struct work *work = call->local;
	struct job *job = work->at;
	const struct sl_response *answer = call->response;
	const char *said = answer->body.len ? answer->body.at : "nothing is said";
	bool fine = (answer->status >= 200 && answer->status <= 299) || (job->deed == DELETE && answer->status == 404);
	struct sl_text id = sl_plain(call, call->host->at(answer->json, "/hooks/id"));
	if (!fine || (job->deed == MAKE && !id.len)) {
		job->why = call->host->format(call, "Missive answered with %d: %.200s", answer->status, said).at;
		job->type = job->deed == MAKE ? "missing" : "extra";
		job->stays = job->deed == DELETE;
	} else if (job->deed == MAKE) {
		job->id = id, job->stays = true;
		remember(call, NULL);
	}
	tell_job(call, job);
	work->at = job->next;
	return go_on(call);
}

enum sl_outcome missive_hooks(struct sl_call *call)
{
	const struct missive *opt = call->options;
	const struct sl_host *host = call->host;
	struct work *work = call->local;
	if (!can_ask(call))
		return host->fail(call, "hooks are made with `token`: make one in Missive's settings, under API");
	if (!call->callback && !call->hook)
		return host->fail(call, "our address is not known: set `public` in the configuration");
	work->last = &work->first;
	const struct sl_json *known = host->json(call, sl_text_of(call->cursor));
	const struct sl_json *hook = host->first(host->at(known, "/hooks"));
	work->making = host->at(known, "/making");
	for (; hook; hook = host->next(hook))
		plan_remembered(call, hook);
	for (const char *const *event = opt->events; !is_verb(call, "remove") && event && *event; event++)
		plan_wanted(call, *event);
	plan_unsure(call);
	work->at = work->first;
	return go_on(call);
}
