/* SPDX-License-Identifier: Apache-2.0 */
/* far.c - what plugins that ask a vendor have in common. */
#include "sdk/far.h"

#include <string.h>
#include <time.h>

#include "sdk/text.h"

#define SECOND 1000000

void sl_words_add(struct sl_words *words, struct sl_text text)
{
	if (words->len + text.len >= words->room) {
		size_t room = 2 * (words->len + text.len) + 256;
		char *at = words->call->host->alloc(words->call, room);
		if (words->len)
			memcpy(at, words->at, words->len);
		words->at = at, words->room = room;
	}
	if (text.len)
		memcpy(words->at + words->len, text.at, text.len);
	words->at[words->len += text.len] = '\0';
}

void sl_words_string(struct sl_words *words, const char *string)
{
	sl_words_add(words, sl_text_of(string));
}

struct sl_text sl_plain(struct sl_call *call, const struct sl_json *value)
{
	const struct sl_host *host = call->host;
	if (host->kind(value) == SL_KIND_STRING && host->string(value).len)
		return host->string(value);
	if (host->kind(value) != SL_KIND_NUMBER)
		return (struct sl_text){ 0 };
	struct sl_text raw = host->raw(value);
	return host->format(call, "%.*s", (int)raw.len, raw.at);
}

int64_t sl_far_now(const struct sl_call *call)
{
	const char *text = call->response ? call->host->header(call->response, "date") : NULL;
	struct tm date = { 0 };
	const char *rest = text ? strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &date) : NULL;
	return (int64_t)(rest && !*rest ? timegm(&date) : time(NULL)) * SECOND;
}

int64_t sl_far_settled(int64_t time, int64_t now)
{
	return time && time % SECOND == 0 && !sl_far_open(time, now) ? time + SECOND - SECOND / 1000 : time;
}

int sl_far_open(int64_t time, int64_t now)
{
	return time % SECOND == 0 && time + SECOND >= now;
}
