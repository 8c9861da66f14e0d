/* SPDX-License-Identifier: Apache-2.0 */
/* missive_far.c - what the token may see; what is read off answers, and what is said when one is none. */
#include "missive.h"

#include <string.h>

#include "sign.h"
#include "text.h"

#define QUOTED 200
#define SECOND 1000000

/* Seconds, perhaps with a fraction. */
int64_t moment(struct sl_call *call, const struct sl_json *value)
{
	struct sl_text text = sl_plain(call, value);
	int64_t time = 0, unit = SECOND;
	size_t i = 0;
	for (; i < text.len && i < 11 && text.at[i] >= '0' && text.at[i] <= '9'; i++)
		time = time * 10 + (text.at[i] - '0');
	time *= SECOND;
	if (i < text.len && text.at[i] == '.')
		for (i++; i < text.len && text.at[i] >= '0' && text.at[i] <= '9' && unit > 1; i++)
			time += (unit /= 10) * (text.at[i] - '0');
	return time;
}

uint64_t mark_of(struct sl_text text)
{
	unsigned char digest[SL_DIGEST_MOST];
	uint64_t mark;
	sl_hash(SL_SHA256, &text, 1, digest);
	memcpy(&mark, digest, sizeof(mark));
	return mark;
}

bool can_ask(const struct sl_call *call)
{
	const struct missive *opt = call->options;
	return *opt->base && opt->token && *opt->token && **opt->token;
}

enum sl_outcome far_shape(struct sl_call *call, const char *what)
{
	const struct sl_text body = call->response->body;
	return call->host->retry(call, 0, "%s: the answer is not what it should be: %.*s", what,
		(int)(body.len < QUOTED ? body.len : QUOTED), body.at);
}

enum sl_outcome far_judge(struct sl_call *call, const char *what)
{
	const struct sl_response *answer = call->response;
	const int most = answer->body.len < QUOTED ? (int)answer->body.len : QUOTED;
	if (answer->status == 401)
		return call->host->fail(call,
			"Missive does not know the token (401): make one in its settings, under API");
	if (answer->status < 200 || answer->status > 299)
		return call->host->fail(call, "%s was answered with %d: %.*s", what, answer->status, most,
			answer->body.at);
	if (call->host->kind(answer->json) != SL_KIND_OBJECT)
		return far_shape(call, what);
	return SL_DONE;
}

/* ---------------------------------------------------------------------------- discover */

/* What is listed, one after the other: {"teams":[{"id","name"}]}. */
static const struct kind {
	const char *url, *list, *type;
} kinds[] = {
	{ "/organizations", "/organizations", "organization" },
	{ "/teams", "/teams", "team" },
	{ "/users", "/users", "user" },
	{ "/shared_labels", "/shared_labels", "shared_label" },
};

struct tour {
	size_t kind;
	int64_t offset;
};
_Static_assert(sizeof(struct tour) <= sizeof(struct walk), "it lies in call->local");

#define LISTED 200 /* at a time */

static sl_step listed;

static enum sl_outcome ask_kind(struct sl_call *call)
{
	const struct tour *tour = call->local;
	const struct sl_host *host = call->host;
	const struct sl_pair limit = { "limit", "200" };
	const struct sl_pair offset = { "offset", host->format(call, "%lld", (long long)tour->offset).at };
	const struct sl_pair *const query[] = { &limit, &offset, NULL };
	if (tour->kind == sizeof(kinds) / sizeof(kinds[0]))
		return SL_DONE;
	return host->http(call, &(struct sl_http){ .url = kinds[tour->kind].url, .query = query }, listed);
}

static void tell_account(struct sl_call *call)
{
	static const char told[] =
		"{\"name\":\"the token's owner\",\"limits\":\"5 at once, 300 a minute, 900 in 15 minutes\"}";
	call->host->emit(call, &(struct sl_event){ .id = "token", .type = "account", .data = sl_text_of(told) });
}

static void tell_item(struct sl_call *call, const struct kind *kind, const struct sl_json *item)
{
	const struct sl_host *host = call->host;
	struct sl_text id = sl_plain(call, host->at(item, "/id")), name = sl_plain(call, host->at(item, "/name"));
	struct sl_text email = sl_plain(call, host->at(item, "/email"));
	struct sl_words data = { .call = call };
	if (!id.len)
		return;
	sl_words_string(&data, "{\"name\":");
	sl_words_add(&data, host->quote(call, name.len ? name : sl_text_of("")));
	if (email.len)
		sl_words_add(&data, host->format(call, ",\"email\":%s", host->quote(call, email).at));
	sl_words_string(&data, "}");
	host->emit(call, &(struct sl_event){ .id = id.at, .type = kind->type, .data = { data.at, data.len } });
}

static enum sl_outcome listed(struct sl_call *call)
{
	struct tour *tour = call->local;
	const struct kind *kind = &kinds[tour->kind];
	enum sl_outcome outcome = far_judge(call, kind->url);
	if (outcome != SL_DONE)
		return outcome;
	if (!tour->kind && !tour->offset)
		tell_account(call);
	const struct sl_json *list = call->host->at(call->response->json, kind->list);
	int64_t count = 0;
	if (call->host->kind(list) == SL_KIND_ARRAY)
		for (const struct sl_json *item = call->host->first(list); item; item = call->host->next(item), count++)
			tell_item(call, kind, item);
	if (count >= LISTED && tour->offset < 50 * LISTED)
		tour->offset += count;
	else
		tour->kind++, tour->offset = 0;
	return ask_kind(call);
}

enum sl_outcome missive_discover(struct sl_call *call)
{
	if (!can_ask(call))
		return call->host->fail(call,
			"to see what Missive has, `token` is needed: make one in its settings, under API");
	return ask_kind(call);
}
