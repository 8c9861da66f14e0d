/* SPDX-License-Identifier: Apache-2.0 */
/* missive_talk.c - what is in a conversation: messages, and comments where they are wanted.
 *
 * Both come newest first, ten at a time, and `until` is inclusive: a page that brings nothing
 * new is the end, or, if it is full, a second of more than ten.  Of a conversation in the trash
 * all messages are told, with the conversation as it is now: that is the only sign that they
 * went.
 */
#include "missive.h"

#include <string.h>

#include "text.h"

#define LIMIT 10          /* the most that may be asked for */
#define MOST_OF_ONE 20000 /* messages */

static sl_step messages_arrived, comments_arrived;

static struct talk *talk_of(const struct sl_call *call)
{
	struct walk *walk = call->local;
	return &walk->talks[walk->talk - 1]; /* walk_on() has passed it */
}

static enum sl_outcome ask(struct sl_call *call, const char *what, sl_step *next)
{
	const struct walk *walk = call->local;
	const struct sl_pair limit = { "limit", "10" }, until = { "until", walk->message_until.at };
	const struct sl_pair *const query[] = { &limit, walk->message_until.len ? &until : NULL, NULL };
	const char *url = call->host->format(call, "/conversations/%s/%s", talk_of(call)->id.at, what).at;
	return call->host->http(call, &(struct sl_http){ .url = url, .query = query }, next);
}

static void begin(struct sl_call *call)
{
	struct walk *walk = call->local;
	walk->message_until = (struct sl_text){ "", 0 };
	walk->seen_ids = (struct sl_words){ .call = call };
	sl_words_string(&walk->seen_ids, " ");
}

static bool is_new(struct sl_call *call, struct sl_text id)
{
	struct walk *walk = call->local;
	const struct sl_text name = call->host->format(call, " %s ", id.at);
	if (strstr(walk->seen_ids.at, name.at))
		return false;
	sl_words_add(&walk->seen_ids, (struct sl_text){ name.at + 1, name.len - 1 });
	return true;
}

/* Nothing in the page was new: it is all of one second, and what it may hide is older.  `known`: the length of seen_ids
 * before it. */
static bool goes_before(struct sl_call *call, const struct sl_json *newest, size_t known)
{
	struct walk *walk = call->local;
	int64_t at = moment(call, newest);
	if (walk->seen_ids.len != known || at <= 0 || (!trashed(call) && at < walk->floor))
		return false;
	walk->message_until = second_before(call, at);
	return true;
}

const char *talk_short(struct sl_call *call, const struct talk *talk, struct sl_text id)
{
	static const char *const kept[] = { "subject", "latest_message_subject", "organization", "team",
		"shared_labels",
		"web_url", NULL };
	const struct sl_host *host = call->host;
	struct sl_words words = { .call = call };
	sl_words_add(&words, host->format(call, "{\"id\":%s", host->quote(call, id.len ? id : talk->id).at));
	for (const char *const *name = kept; *name; name++) {
		const struct sl_json *value = host->at(talk->row, host->format(call, "/%s", *name).at);
		if (!value)
			continue;
		sl_words_add(&words, host->format(call, ",\"%s\":", *name));
		sl_words_add(&words, host->raw(value));
	}
	sl_words_string(&words, trashed(call) ? ",\"trashed\":true}" : "}");
	return words.at;
}

/* ----------------------------------------------------------------------------- messages */

/* When it came here, or was changed: a mail that took days is delivered long before that. */
int64_t newest_of(struct sl_call *call, const struct sl_json *message)
{
	static const char *const times[] = { "/updated_at", "/created_at", "/delivered_at", NULL };
	int64_t newest = 0;
	for (const char *const *name = times; *name; name++) {
		int64_t time = moment(call, call->host->at(message, *name));
		newest = time > newest ? time : newest;
	}
	return newest;
}

static void keep_letter(struct sl_call *call, const struct sl_json *message, struct sl_text id)
{
	struct walk *walk = call->local;
	struct letter *letter = call->host->alloc(call, sizeof(*letter));
	*letter = (struct letter){ .message = message, .id = id, .talk = talk_of(call) };
	*walk->last_letter = letter;
	walk->last_letter = &letter->next;
	walk->letter_count++;
}

/* Whether there may be more that is wanted. */
static bool take_messages(struct sl_call *call, const struct sl_json *messages)
{
	const struct sl_host *host = call->host;
	struct walk *walk = call->local;
	const size_t known = walk->seen_ids.len;
	bool more = false;
	for (const struct sl_json *message = host->first(messages); message; message = host->next(message)) {
		struct sl_text id = sl_plain(call, host->at(message, "/id"));
		struct sl_text until = sl_plain(call, host->at(message, "/delivered_at"));
		bool fresh = trashed(call) || newest_of(call, message) >= walk->floor;
		if (until.len)
			walk->message_until = until;
		if (!id.len || strpbrk(id.at, " ,/?#%") || !is_new(call, id))
			continue;
		more = fresh;
		if (fresh)
			keep_letter(call, message, id);
	}
	more = more || goes_before(call, host->at(host->first(messages), "/delivered_at"), known);
	return more && host->count(messages) >= LIMIT && walk->seen_ids.len < MOST_OF_ONE * 37;
}

static enum sl_outcome after_messages(struct sl_call *call)
{
	const struct missive *opt = call->options;
	if (!opt->comments || trashed(call))
		return walk_on(call);
	begin(call);
	return ask(call, "comments", comments_arrived);
}

static enum sl_outcome messages_arrived(struct sl_call *call)
{
	const struct sl_json *messages = call->host->at(call->response->json, "/messages");
	if (call->response->status == 404) /* it was merged into another, or deleted, a moment ago */
		return walk_on(call);
	enum sl_outcome outcome = far_judge(call, "the messages of a conversation");
	if (outcome != SL_DONE)
		return outcome;
	if (call->host->kind(messages) != SL_KIND_ARRAY)
		return far_shape(call, "the messages of a conversation");
	if (take_messages(call, messages))
		return ask(call, "messages", messages_arrived);
	return after_messages(call);
}

enum sl_outcome talk_read(struct sl_call *call)
{
	begin(call);
	return ask(call, "messages", messages_arrived);
}

/* ----------------------------------------------------------------------------- comments */

static void tell_comment(struct sl_call *call, const struct sl_json *comment, struct sl_text id)
{
	const struct sl_text raw = call->host->raw(comment);
	const struct talk *talk = talk_of(call);
	tell(call, "comment", id, moment(call, call->host->at(comment, "/created_at")), talk->id,
		call->host->format(call, "{\"conversation\":%s,\"comment\":%.*s}", talk_short(call, talk, talk->id),
			(int)raw.len, raw.at));
}

static bool take_comments(struct sl_call *call, const struct sl_json *comments)
{
	const struct sl_host *host = call->host;
	struct walk *walk = call->local;
	const size_t known = walk->seen_ids.len;
	bool more = false;
	for (const struct sl_json *comment = host->first(comments); comment; comment = host->next(comment)) {
		struct sl_text id = sl_plain(call, host->at(comment, "/id")),
			       created = sl_plain(call, host->at(comment, "/created_at"));
		if (created.len)
			walk->message_until = created;
		if (!id.len || !is_new(call, id))
			continue;
		more = newest_of(call, comment) >= walk->floor;
		if (more)
			tell_comment(call, comment, id);
	}
	more = more || goes_before(call, host->at(host->first(comments), "/created_at"), known);
	return more && host->count(comments) >= LIMIT && walk->seen_ids.len < MOST_OF_ONE * 37;
}

static enum sl_outcome comments_arrived(struct sl_call *call)
{
	const struct sl_json *comments = call->host->at(call->response->json, "/comments");
	if (call->response->status == 404)
		return walk_on(call);
	enum sl_outcome outcome = far_judge(call, "the comments of a conversation");
	if (outcome != SL_DONE)
		return outcome;
	if (call->host->kind(comments) != SL_KIND_ARRAY)
		return far_shape(call, "the comments of a conversation");
	return take_comments(call, comments) ? ask(call, "comments", comments_arrived) : walk_on(call);
}
