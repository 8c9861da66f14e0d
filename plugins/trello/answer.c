/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - what an answer of Trello means.
 *
 * Errors are mostly one line of plain text, now and then {"message":..,"error":..}.
 * A 404 also stands for what one may not see; "Cannot GET /1/..." is no object that
 * is missing but an address that is none, and so our own fault.
 */
#include "trello.h"

#include <string.h>

#include "text.h"

#define QUOTED 200

static const struct {
	int status;
	enum answer means;
	const char *says; /* somewhere in the text */
	const char *remedy;
} meanings[] = {
	{ 400, ANSWER_GONE, "", "is its id right?" },
	{ 401, ANSWER_GONE, "permission", "whoever made the token is no member there" },
	{ 401, ANSWER_REFUSED, "", "key and token have to belong together and be valid; make a new token" },
	{ 403, ANSWER_GONE, "", "whoever made the token may not see it" },
	{ 404, ANSWER_REFUSED, "Cannot ", "no such address: a fault of this plugin" },
	{ 404, ANSWER_GONE, "", "it is not there, or whoever made the token may not see it" },
	{ 410, ANSWER_GONE, "", "it is not there any more" },
};

/* An address in an error would show the token. */
static struct sl_text masked(struct sl_call *call, struct sl_text text)
{
	const struct trello *opt = call->options;
	for (const char *const *secret = opt->token; *secret; secret++)
		for (const char *at; **secret && (at = strstr(text.at, *secret));)
			text = call->host->format(call, "%.*s***%s", (int)(at - text.at), text.at, at + strlen(*secret));
	return text;
}

/* At most so many bytes, no half character, no line breaks. */
static struct sl_text quoted(struct sl_call *call, struct sl_text text)
{
	size_t len = text.len < QUOTED ? text.len : QUOTED;
	while (len < text.len && len && ((unsigned char)text.at[len] & 0xc0) == 0x80)
		len--;
	char *copy = call->host->alloc(call, len + 1);
	for (size_t i = 0; i < len; i++)
		copy[i] = (unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f ? ' ' : text.at[i];
	return sl_text_trim((struct sl_text){ copy, len });
}

static struct sl_text message(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	const struct sl_response *response = call->response;
	struct sl_text text = host->string(host->at(response->json, "/message"));
	if (!text.len)
		text = response->body.at ? response->body : sl_text_of("");
	return quoted(call, masked(call, text));
}

static enum answer say(struct sl_call *call, enum answer answer, const char *remedy, struct sl_text *why)
{
	const struct sl_text text = message(call);
	*why = call->host->format(call, "Trello answered %d: %.*s%s%s%s", call->response->status, (int)text.len, text.at,
		*remedy ? " (" : "", remedy, *remedy ? ")" : "");
	return answer;
}

enum answer trello_answer(struct sl_call *call, enum sl_kind wanted, struct sl_text *why)
{
	const int status = call->response->status;
	const char *text = call->response->body.at ? call->response->body.at : "";
	if (status >= 200 && status <= 299) {
		if (call->response->json && call->host->kind(call->response->json) == wanted)
			return ANSWER_FINE;
		return say(call, ANSWER_NONSENSE, "that is not what was asked for", why);
	}
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].status == status && strstr(text, meanings[i].says))
			return say(call, meanings[i].means, meanings[i].remedy, why);
	return say(call, ANSWER_LATER, "", why);
}

enum sl_outcome trello_give_up(struct sl_call *call, enum answer answer, struct sl_text why)
{
	if (answer == ANSWER_NONSENSE)
		return call->host->retry(call, 0, "%.*s", (int)why.len, why.at);
	return call->host->fail(call, "%.*s", (int)why.len, why.at);
}
