/* SPDX-License-Identifier: Apache-2.0 */
/* teamwork.c - tasks, comments and all else that happens in Teamwork.com Projects.
 *
 * The name of an event stands only in a header, and a body's form depends on how
 * the webhook was made: JSON, or a form with names like "Task.ID", or (version 1) a form of
 * bare ids.  What it is about is read from all of them here, so that an event of a
 * webhook and a task of the API have one subject: "task:16367318".
 */
#include "teamwork.h"

#include <ctype.h>
#include <string.h>

#include "text.h"
#include "time.h"

#define MOST_KIND 64

static const struct sl_option options[] = {
	SL_OPTION(SECRET, struct teamwork, secret,
		.help = "The token that was given to the webhooks: they are signed with it. Not the API's."),
	SL_OPTION(TEXT, struct teamwork, base, .initial = "",
		.help = "The site: https://acme.teamwork.com, or https://acme.eu.teamwork.com."),
	SL_OPTION(SECRET, struct teamwork, token, .initial = "",
		.help = "An API token (profile, Edit my details, API & Mobile). Without one nothing is polled."),
	SL_OPTION(LIST, struct teamwork, events,
		.initial = "[TASK.CREATED, TASK.UPDATED, TASK.COMPLETED, TASK.REOPENED, TASK.DELETED, TASK.MOVED, TASK.TAGGED, "
			   "TASK.UNTAGGED]",
		.help = "What webhooks there ought to be, one each; `sluice hooks` compares. All that come are taken."),
	SL_OPTION(DURATION, struct teamwork, overlap, .initial = "120s", .min = 1000, .max = 86400000,
		.help = "How far each poll looks back behind the newest task that is known."),
	SL_OPTION(INT, struct teamwork, page, .initial = "500", .min = 1, .max = 500, .help = "Tasks a request."),
	{ 0 },
};

static const struct sl_webhook webhook = {
	.auth = SL_HMAC_SHA256,
	.proof = "header:X-Projects-Signature",
	.encoding = "hex",
	.secret = "secret",
	.id = "header:X-Projects-Delivery",
	.type = "header:X-Projects-Event|body:/event",
	.subject = "body:/task/id|body:/Task.ID|body:/comment/id|body:/Comment.ID|body:/ID|body:/objectId",
	.time = "body:/task/dateUpdated|body:/Task.DateUpdated|body:/comment/dateUpdated|body:/Comment.DateUpdated",
};

static const struct sl_api api = {
	.base = "{base}",
	.headers = (const char *const[]){ "Authorization: Basic {basic:token}", NULL },
	.credential = "{token}",
	.requests = 150,
	.window_ms = 60000,
	.at_once = 5,
};

/* -------------------------------------------------------------------- what stands in a body */

const char *const updated_names[] = { "updatedAt", "dateUpdated", "dateChanged", "lastChangedOn", NULL };

const struct sl_json *member(const struct sl_host *host, const struct sl_json *object, const char *name)
{
	if (host->kind(object) != SL_KIND_OBJECT)
		return NULL;
	for (const struct sl_json *value = host->first(object); value; value = host->next(value))
		if (sl_text_is_nocase(host->name(value), name))
			return value;
	return NULL;
}

int64_t moment(const struct sl_host *host, const struct sl_json *object, const char *const *names)
{
	int64_t time;
	for (; *names; names++) {
		struct sl_text text = host->string(member(host, object, *names));
		if (text.len && sl_time_read(text, &time) && time > 0)
			return time;
	}
	return 0;
}

/* "TASK.CREATED" -> "task". */
static bool kind_of(const char *type, char kind[MOST_KIND])
{
	size_t len = type ? strcspn(type, ".") : 0;
	if (!len || len >= MOST_KIND || !type[len])
		return false;
	for (size_t i = 0; i < len; i++)
		kind[i] = (char)tolower((unsigned char)type[i]);
	kind[len] = '\0';
	return true;
}

/* Of a form: "Task.ID". */
static const struct sl_json *field(struct sl_call *call, const struct sl_json *body, const char *kind, const char *name)
{
	return member(call->host, body, call->host->format(call, "%s.%s", kind, name).at);
}

/* What a webhook is about: "task:7", and when. */
struct about_what {
	struct sl_text subject; /* empty: nothing that has an id */
	int64_t time;           /* microseconds; 0: not said */
};

static struct about_what webhook_about(struct sl_call *call, const char *type, const struct sl_json *body)
{
	static const char *const created[] = { "createdAt", "dateCreated", NULL };
	const struct sl_host *host = call->host;
	struct about_what about = { .subject = { "", 0 } };
	char kind[MOST_KIND];
	if (host->kind(body) != SL_KIND_OBJECT || !kind_of(type, kind))
		return about;
	const struct sl_json *object = member(host, body, kind), *form_time = field(call, body, kind, "DateUpdated");
	const struct sl_json *const ids[] = { member(host, object, "id"), field(call, body, kind, "ID"),
		member(host, body, "id"), member(host, body, "objectId") };
	struct sl_text id = { 0 };
	for (size_t i = 0; !id.len && i < sizeof(ids) / sizeof(ids[0]); i++)
		id = sl_plain(call, ids[i]);
	if (id.len)
		about.subject = host->format(call, "%s:%s", kind, id.at);
	about.time = moment(host, object, updated_names);
	if (!about.time)
		about.time = moment(host, object, created);
	if (!about.time && !sl_time_read(host->string(form_time), &about.time))
		about.time = 0;
	return about;
}

static enum sl_outcome decode(struct sl_call *call)
{
	struct about_what about = webhook_about(call, call->event->type, call->event->json);
	struct sl_event event = { .time = about.time / 1000 };
	if (about.subject.len)
		event.subject = about.subject.at;
	call->host->emit(call, &event);
	return SL_DONE;
}

SL_PLUGIN(
		.name = "teamwork",
	.version = "1.0",
	.summary = "Tasks, comments and all else in Teamwork.com Projects: webhooks, and polls for what they missed.",
	.options = options,
	.options_size = sizeof(struct teamwork),
	.state_size = sizeof(struct memory),
	.local_size = LOCAL_SIZE,
	.webhook = &webhook,
	.api = &api,
	.decode = decode,
	.poll = teamwork_poll,
	.hooks = teamwork_hooks,
	.discover = teamwork_discover,
	.every_ms = 300000, );
