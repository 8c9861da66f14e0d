/* SPDX-License-Identifier: Apache-2.0 */
/* teamwork_hooks.c - webhooks at Teamwork: one for each event's name.
 *
 * Teamwork lists them all with a status; one that failed too often is not ACTIVE any
 * more, and is resumed.  What points to us and is not wanted, or is there twice, goes. */
#include "teamwork.h"

#include <string.h>

#include "text.h"

enum deed {
	LOOK,
	MAKE,
	WAKE,
	DELETE,
};

/* One thing that is to be done, and what is told of it then. */
struct job {
	struct job *next;
	enum deed deed;
	struct sl_text id, event, url;
	const char *type; /* "fine", "made", ... */
	const char *why;
};

/* In call->local. */
struct work {
	struct job *first, **last, *at;
};
_Static_assert(sizeof(struct work) <= LOCAL_SIZE, "it lies in call->local");

static sl_step done;

static void plan(struct sl_call *call, const struct job *job)
{
	struct work *work = call->local;
	struct job *copy = call->host->alloc(call, sizeof(*copy));
	*copy = *job;
	*work->last = copy;
	work->last = &copy->next;
}

static bool is_verb(const struct sl_call *call, const char *verb)
{
	return strcmp(call->verb, verb) == 0;
}

/* ----------------------------------------------------------------------------- compare */

static bool planned(const struct sl_call *call, struct sl_text event)
{
	const struct work *work = call->local;
	for (const struct job *job = work->first; job; job = job->next)
		if (job->deed != DELETE && job->event.len == event.len && memcmp(job->event.at, event.at, event.len) == 0)
			return true;
	return false;
}

static bool wanted(const struct sl_call *call, struct sl_text event)
{
	const struct teamwork *opt = call->options;
	for (const char *const *name = opt->events; name && *name; name++)
		if (sl_text_is_nocase(event, *name))
			return true;
	return false;
}

static void remove_one(struct sl_call *call, struct job job, bool ours)
{
	bool meant = call->hook ? sl_text_is(job.id, call->hook) : ours;
	if (!meant)
		return;
	job.deed = DELETE, job.type = "removed";
	plan(call, &job);
}

static void keep_one(struct sl_call *call, struct job job, struct sl_text status)
{
	bool acts = is_verb(call, "register");
	if (!wanted(call, job.event) || planned(call, job.event)) {
		job.deed = acts ? DELETE : LOOK, job.type = acts ? "removed" : "extra";
		job.why = wanted(call, job.event) ? "there is another one for this event" : "`events` does not name it";
	} else if (status.len && !sl_text_is_nocase(status, "ACTIVE")) {
		job.deed = acts ? WAKE : LOOK, job.type = acts ? "woken" : "off";
		job.why = "Teamwork stops a webhook that failed too often";
	}
	plan(call, &job);
}

static void compare_one(struct sl_call *call, const struct sl_json *hook)
{
	const struct sl_host *host = call->host;
	struct job job = {
		.deed = LOOK,
		.type = "fine",
		.id = sl_plain(call, member(host, hook, "id")),
		.event = sl_plain(call, member(host, hook, "event")),
		.url = sl_plain(call, member(host, hook, "url")),
	};
	bool ours = call->callback && sl_text_is(job.url, call->callback);
	if (!job.id.len || !job.event.len)
		return;
	if (is_verb(call, "remove"))
		remove_one(call, job, ours);
	else if (ours)
		keep_one(call, job, sl_plain(call, member(host, hook, "status")));
}

static void compare_missing(struct sl_call *call)
{
	const struct teamwork *opt = call->options;
	bool acts = is_verb(call, "register");
	for (const char *const *name = opt->events; name && *name; name++) {
		struct job job = {
			.deed = acts ? MAKE : LOOK,
			.type = acts ? "made" : "missing",
			.id = { "", 0 },
			.event = sl_text_of(*name),
			.url = sl_text_of(call->callback),
		};
		if (!planned(call, job.event))
			plan(call, &job);
	}
}

/* -------------------------------------------------------------------------------- do it */

static void tell(struct sl_call *call, const struct job *job, struct sl_text id)
{
	const struct sl_host *host = call->host;
	struct sl_text url = host->quote(call, job->url), event = host->quote(call, job->event);
	struct sl_text why = job->why ? host->format(call, ",\"why\":\"%s\"", job->why) : (struct sl_text){ "", 0 };
	host->emit(call, &(struct sl_event){
				 .id = id.at,
				 .type = job->type,
				 .subject = job->event.at,
				 .data = host->format(call, "{\"event\":%s,\"url\":%s%s}", event.at, url.at, why.at),
			 });
}

static struct sl_text made_body(struct sl_call *call, const struct job *job)
{
	const struct teamwork *opt = call->options;
	const struct sl_host *host = call->host;
	return host->format(call,
		"{\"webhook\":{\"event\":%s,\"url\":%s,\"status\":\"ACTIVE\",\"version\":\"2\","
		"\"contentType\":\"application/json\",\"token\":%s}}",
		host->quote(call, job->event).at, host->quote(call, job->url).at,
		host->quote(call, sl_text_of(opt->secret ? *opt->secret : "")).at);
}

static enum sl_outcome go_on(struct sl_call *call)
{
	struct work *work = call->local;
	const struct sl_host *host = call->host;
	for (; work->at && work->at->deed == LOOK; work->at = work->at->next)
		tell(call, work->at, work->at->id);
	const struct job *job = work->at;
	if (!job)
		return SL_DONE;
	struct sl_http request = { .method = "POST", .url = "/webhooks.json" };
	if (job->deed == MAKE)
		request.body = made_body(call, job);
	else if (job->deed == WAKE)
		request.method = "PUT", request.url = host->format(call, "/webhooks/%s/resume.json", job->id.at).at;
	else
		request.method = "DELETE", request.url = host->format(call, "/webhooks/%s.json", job->id.at).at;
	return host->http(call, &request, done);
}

static enum sl_outcome done(struct sl_call *call)
{
	struct work *work = call->local;
	const struct job *job = work->at;
	const int status = call->response->status;
	const struct sl_text body = call->response->body;
	struct sl_text id = job->id;
	if (!(job->deed == DELETE && status == 404) && (status < 200 || status > 299))
		return call->host->fail(call, "the webhook for %s could not be %s (%d): %.200s", job->event.at, job->type,
			status, body.len ? body.at : "nothing is said");
	if (job->deed == MAKE)
		id = sl_plain(call, call->host->at(call->response->json, "/id"));
	tell(call, job, id.len ? id : (struct sl_text){ "", 0 });
	work->at = job->next;
	return go_on(call);
}

static enum sl_outcome listed(struct sl_call *call)
{
	struct work *work = call->local;
	const struct sl_host *host = call->host;
	enum sl_outcome outcome = far_judge(call, "the list of webhooks");
	if (outcome != SL_DONE)
		return outcome;
	work->last = &work->first;
	const struct sl_json *hooks = host->at(call->response->json, "/webhooks");
	for (const struct sl_json *hook = host->first(hooks); hook; hook = host->next(hook))
		compare_one(call, hook);
	if (!is_verb(call, "remove"))
		compare_missing(call);
	work->at = work->first;
	return go_on(call);
}

enum sl_outcome teamwork_hooks(struct sl_call *call)
{
	if (!can_ask(call))
		return call->host->fail(call,
			"webhooks are listed and made with `base` (https://SITE.teamwork.com) and `token`");
	if (!call->callback && !call->hook)
		return call->host->fail(call, "our address is not known: set `public` in the configuration");
	return call->host->http(call, &(struct sl_http){ .url = "/webhooks.json" }, listed);
}
