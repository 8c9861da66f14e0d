/* SPDX-License-Identifier: Apache-2.0 */
/* missive_body.c - the bodies of messages, ten in one request.
 *
 * A list of messages has previews only.  Several ids with commas between bring
 * several messages, one id brings an object instead of a list.  If one of ten is gone
 * meanwhile, the answer may be 404 for all: then they are asked for one by one, and
 * what is gone is told as the list had it.
 */
#include "missive.h"

#include <string.h>

#include "text.h"

#define BATCH 10

static sl_step bodies_arrived;

/* The message without its conversation, which stands beside it. */
static struct sl_text without_talk(struct sl_call *call, const struct sl_json *message)
{
	const struct sl_host *host = call->host;
	struct sl_words words = { .call = call };
	if (!host->at(message, "/conversation"))
		return host->raw(message);
	for (const struct sl_json *value = host->first(message); value; value = host->next(value)) {
		if (sl_text_is(host->name(value), "conversation"))
			continue;
		sl_words_string(&words, words.len ? "," : "{");
		sl_words_add(&words, host->quote(call, host->name(value)));
		sl_words_string(&words, ":");
		sl_words_add(&words, host->raw(value));
	}
	sl_words_string(&words, words.len ? "}" : "{}");
	return (struct sl_text){ words.at, words.len };
}

/* A message says which conversation it is in: after a merge another than the one it was listed in. */
static void tell_letter(struct sl_call *call, const struct letter *letter, const struct sl_json *message)
{
	const struct sl_host *host = call->host;
	struct sl_text talk = sl_plain(call, host->at(message, "/conversation/id"));
	struct sl_text text = without_talk(call, message);
	int64_t time = newest_of(call, message);
	if (!talk.len)
		talk = letter->talk->id;
	if (time < letter->talk->at) /* its labels, the trash and the conversation it is in are as new as this */
		time = letter->talk->at;
	const char *place = talk_short(call, letter->talk, talk);
	tell(call, "message", letter->id, time, talk,
		host->format(call, "{\"conversation\":%s,\"message\":%.*s}", place, (int)text.len, text.at));
}

/* As the list had it, without a body. */
static void tell_bare(struct sl_call *call, size_t count)
{
	struct walk *walk = call->local;
	for (; count && walk->letters; walk->letters = walk->letters->next, walk->letter_count--, count--)
		tell_letter(call, walk->letters, walk->letters->message);
}

static size_t batch_of(const struct walk *walk)
{
	if (walk->single)
		return 1;
	return walk->letter_count < BATCH ? walk->letter_count : BATCH;
}

enum sl_outcome letters_send(struct sl_call *call, sl_step *next)
{
	const struct missive *opt = call->options;
	const struct sl_host *host = call->host;
	struct walk *walk = call->local;
	struct sl_words url = { .call = call };
	if (!opt->bodies)
		tell_bare(call, walk->letter_count);
	if (!walk->letters) {
		walk->last_letter = &walk->letters;
		return next(call);
	}
	sl_words_string(&url, "/messages/");
	const struct letter *letter = walk->letters;
	for (size_t i = 0; i < batch_of(walk); i++, letter = letter->next) {
		sl_words_string(&url, i ? "," : "");
		sl_words_add(&url, letter->id);
	}
	walk->after_letters = next;
	return host->http(call, &(struct sl_http){ .url = url.at }, bodies_arrived);
}

static const struct sl_json *found_in(struct sl_call *call, const struct sl_json *messages, struct sl_text id)
{
	const struct sl_host *host = call->host;
	const struct sl_json *one = host->kind(messages) == SL_KIND_ARRAY ? host->first(messages) : messages;
	for (; one; one = one == messages ? NULL : host->next(one)) {
		struct sl_text its = host->string(host->at(one, "/id"));
		if (its.len == id.len && memcmp(its.at, id.at, id.len) == 0)
			return one;
	}
	return NULL;
}

static enum sl_outcome bodies_arrived(struct sl_call *call)
{
	struct walk *walk = call->local;
	const struct sl_json *messages = call->host->at(call->response->json, "/messages");
	size_t count = batch_of(walk);
	if (call->response->status == 404 && count > 1) {
		walk->single = count;
		return letters_send(call, walk->after_letters);
	}
	enum sl_outcome outcome = call->response->status == 404 ? SL_DONE : far_judge(call, "the bodies of messages");
	if (outcome != SL_DONE)
		return outcome;
	walk->single -= walk->single ? 1 : 0;
	for (size_t i = 0; i < count; i++) {
		const struct sl_json *message = found_in(call, messages, walk->letters->id);
		if (message)
			tell_letter(call, walk->letters, message);
		else
			tell_bare(call, 1);
		if (message)
			walk->letters = walk->letters->next, walk->letter_count--;
	}
	return letters_send(call, walk->after_letters);
}
