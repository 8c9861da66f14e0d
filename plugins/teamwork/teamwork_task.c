/* SPDX-License-Identifier: Apache-2.0 */
/* teamwork_task.c - a task of the API as an event, with the names that it refers to.
 *
 * The API gives a task with ids, and beside all tasks of a page what these are of. A
 * webhook gives each task with its project, its list and its users. The event looks
 * like the latter: {"task":{..},"project":{..},"taskList":{..},"users":[..],"tags":[..]}.
 * Of what is referred to only names are kept: else a task would be another whenever
 * one of its users logs in.
 */
#include "teamwork.h"

#include <string.h>

#include "sign.h"
#include "text.h"
#include "time.h"

#define SECOND 1000000

static const char *const deleted_names[] = { "deletedAt", "dateDeleted", "deletedOn", NULL };

/* Where references to a kind of things stand in a task, and what they are called in the event. */
static const struct group {
	const char *included, *name;
	const char *const *lists, *const *singles; /* of ids, or of objects with an id (and their type) */
} groups[] = {
	{ "users", "users", (const char *const[]){ "assigneeUserIds", "assignees", "responsiblePartyIds", NULL },
		(const char *const[]){ "createdBy", "updatedBy", "completedBy", "deletedBy", "createdByUserId",
			NULL } },
	{ "teams", "teams", (const char *const[]){ "assigneeTeamIds", "assignees", NULL },
		(const char *const[]){ NULL } },
	{ "companies", "companies", (const char *const[]){ "assigneeCompanyIds", "assignees", NULL },
		(const char *const[]){ NULL } },
	{ "tags", "tags", (const char *const[]){ "tagIds", "tags", NULL }, (const char *const[]){ NULL } },
};

/* An id as it stands there: 900, {"id":900,"type":"users"}; at NULL if it is none, or one of another type. */
static struct sl_text reference(struct sl_call *call, const struct sl_json *value, const char *type)
{
	const struct sl_host *host = call->host;
	if (host->kind(value) != SL_KIND_OBJECT)
		return sl_plain(call, value);
	struct sl_text said = host->string(host->at(value, "/type"));
	if (said.len && !sl_text_is(said, type))
		return (struct sl_text){ 0 };
	return sl_plain(call, host->at(value, "/id"));
}

/* Only digits are looked up: what else stands there is nobody's id, and no part of a pointer. */
static const struct sl_json *included_one(struct sl_call *call, const struct sl_json *included, const char *kind,
	struct sl_text id)
{
	if (!id.len || strspn(id.at, "0123456789") != id.len || sl_text_is(id, "0"))
		return NULL;
	return call->host->at(included, call->host->format(call, "/%s/%s", kind, id.at).at);
}

/* {"id":900,"firstName":"Alex",...}: its names. */
static void add_names(struct sl_words *words, struct sl_text id, const struct sl_json *object)
{
	static const char *const names[] = { "name", "firstName", "lastName", "color", NULL };
	struct sl_call *call = words->call;
	sl_words_string(words, "{\"id\":");
	sl_words_add(words, id);
	for (const char *const *name = names; *name; name++) {
		const struct sl_json *value = member(call->host, object, *name);
		if (call->host->kind(value) != SL_KIND_STRING)
			continue;
		sl_words_add(words, call->host->format(call, ",\"%s\":", *name));
		sl_words_add(words, call->host->raw(value));
	}
	sl_words_string(words, "}");
}

/* `,"project":{...}`, if it is there. */
static void add_one(struct sl_words *words, const char *name, const char *kind, struct sl_text id,
	const struct sl_json *included)
{
	const struct sl_json *object = included_one(words->call, included, kind, id);
	if (!object)
		return;
	sl_words_add(words, words->call->host->format(words->call, ",\"%s\":", name));
	add_names(words, id, object);
}

/* ------------------------------------------------------------------------------ groups */

struct list {
	struct sl_words out;
	const struct group *group;
	const struct sl_json *included;
};

static void add_element(struct list *list, const struct sl_json *value)
{
	struct sl_call *call = list->out.call;
	struct sl_text id = reference(call, value, list->group->included);
	const struct sl_json *object = included_one(call, list->included, list->group->included, id);
	if (!object)
		return;
	struct sl_text begins = call->host->format(call, "{\"id\":%s,", id.at);
	struct sl_text alone = call->host->format(call, "{\"id\":%s}", id.at);
	if (list->out.len && (strstr(list->out.at, begins.at) || strstr(list->out.at, alone.at)))
		return; /* it is there already */
	sl_words_string(&list->out, list->out.len ? "," : "");
	add_names(&list->out, id, object);
}

static void add_group(struct sl_words *words, const struct group *group, const struct sl_json *task,
	const struct sl_json *included)
{
	const struct sl_host *host = words->call->host;
	struct list list = { .out = { .call = words->call }, .group = group, .included = included };
	for (const char *const *name = group->lists; *name; name++) {
		const struct sl_json *values = member(host, task, *name);
		if (host->kind(values) != SL_KIND_ARRAY)
			continue;
		for (const struct sl_json *value = host->first(values); value; value = host->next(value))
			add_element(&list, value);
	}
	for (const char *const *name = group->singles; *name; name++)
		add_element(&list, member(host, task, *name));
	if (!list.out.len)
		return;
	sl_words_add(words, host->format(words->call, ",\"%s\":[", group->name));
	sl_words_add(words, (struct sl_text){ list.out.at, list.out.len });
	sl_words_string(words, "]");
}

static struct sl_text whole(struct sl_call *call, const struct sl_json *task, const struct sl_json *included)
{
	const struct sl_host *host = call->host;
	struct sl_words words = { .call = call };
	struct sl_text list = sl_plain(call, member(host, task, "tasklistId"));
	struct sl_text project = sl_plain(call, member(host, task, "projectId"));
	if (!project.len)
		project = sl_plain(call, host->at(included_one(call, included, "tasklists", list), "/projectId"));
	sl_words_string(&words, "{\"task\":");
	sl_words_add(&words, host->raw(task));
	add_one(&words, "project", "projects", project, included);
	add_one(&words, "taskList", "tasklists", list, included);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		add_group(&words, &groups[i], task, included);
	sl_words_string(&words, "}");
	return (struct sl_text){ words.at, words.len };
}

/* ------------------------------------------------------------------------------- event */

bool task_deleted(const struct sl_host *host, const struct sl_json *task)
{
	return moment(host, task, deleted_names) || sl_text_is(host->string(member(host, task, "status")), "deleted");
}

/* A task without a time is another when its text is, and so is one that may change and keep its time. */
static const char *version_of(struct sl_call *call, int64_t time, const struct sl_json *task)
{
	char out[SL_TIME_SIZE] = "", hex[2 * SL_DIGEST_MOST + 1];
	unsigned char digest[SL_DIGEST_MOST];
	struct sl_text raw = call->host->raw(task);
	sl_hash(SL_SHA256, &raw, 1, digest);
	sl_hex(digest, 8, hex);
	if (time)
		sl_time_write(time, out);
	return call->host->format(call, "%s%s%s", out, time && time % SECOND == 0 ? "+" : "",
		time % SECOND == 0 ? hex : "").at;
}

int64_t task_emit(struct sl_call *call, const struct sl_json *task, const struct sl_json *included)
{
	const struct sl_host *host = call->host;
	struct sl_text id = sl_plain(call, member(host, task, "id"));
	bool gone = task_deleted(host, task);
	int64_t time = gone ? moment(host, task, deleted_names) : 0;
	if (!id.len)
		return 0;
	if (!time)
		time = moment(host, task, updated_names);
	const int64_t end = sl_far_settled(time, sl_far_now(call));
	const char *version = version_of(call, end, task);
	host->emit(call, &(struct sl_event){
				 .id = host->format(call, "%s@%s%s", id.at, version, gone ? "/deleted" : "").at,
				 .type = "task",
				 .subject = host->format(call, "task:%s", id.at).at,
				 .time = end / 1000,
				 .data = whole(call, task, included),
			 });
	return time;
}
