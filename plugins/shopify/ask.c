/* SPDX-License-Identifier: Apache-2.0 */
/* ask.c - one GraphQL question to a shop: when its bucket has room, and what its answer is worth.
 *
 * A shop takes what a query may cost at most (`requestedQueryCost`) for a look, and then
 * what it did cost.  Whoever asks for more than the bucket holds is refused; each answer
 * says what it holds, so that nobody needs to be.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inside.h"
#include "text.h"

#define QUOTED 200
#define MOST_WAITS 5 /* then it is asked all the same: the host knows what a refusal is */

static const struct {
	int status;
	const char *why;
} refusals[] = {
	{ 401, "the shop does not know the token: it was revoked, or the app was uninstalled; install it again, and give "
	       "the new token" },
	{ 402, "the shop is frozen, because it is not paid for; its API answers again when it is (webhooks may go on "
	       "coming)" },
	{ 403, "the token may not do this: give the app the access scopes it lacks, and install it again" },
	{ 404, "there is no such shop, or no such version of its API: look at `shop` and `version`" },
};

static struct state *state_of(const struct sl_call *call)
{
	return call->state;
}

static struct question *question_of(const struct sl_call *call)
{
	return &((struct local *)call->local)->question;
}

/* ----------------------------------------------------------------------------- pace */

static int64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* What others of us have asked and not heard of is as good as gone. */
static double left_for(const struct bucket *bucket, enum seat seat)
{
	double left = bucket->left + bucket->rate * (double)(now() - bucket->at) / 1000;
	if (left > bucket->most)
		left = bucket->most;
	for (int i = 0; i < SEATS; i++)
		left -= i == (int)seat ? 0 : (double)bucket->taken[i];
	return left;
}

/* Milliseconds until there is room; 0: there is. */
static int64_t until_room(const struct bucket *bucket, const struct question *question)
{
	double needed = (double)question->dear;
	if (bucket->rate <= 0)
		return 0;
	if (needed > bucket->most)
		needed = bucket->most;
	double lacks = needed - left_for(bucket, question->seat);
	return lacks > 0 ? (int64_t)(lacks / bucket->rate * 1000) + 1 : 0;
}

static double number_at(const struct sl_call *call, const char *pointer)
{
	char digits[32];
	size_t len;
	const struct sl_json *value = call->host->at(call->response->json, pointer);
	int64_t whole;
	if (call->host->integer(value, &whole))
		return (double)whole;
	return sl_decimal(call->host->raw(value), digits, sizeof(digits), &len) ? strtod(digits, NULL) : 0;
}

static void learn(struct sl_call *call)
{
	struct bucket *bucket = &state_of(call)->bucket;
	const struct question *question = question_of(call);
	bucket->taken[question->seat] = 0;
	double rate = number_at(call, "/extensions/cost/throttleStatus/restoreRate");
	double most = number_at(call, "/extensions/cost/throttleStatus/maximumAvailable");
	if (rate <= 0 || most <= 0)
		return;
	bucket->rate = rate;
	bucket->most = most;
	bucket->left = number_at(call, "/extensions/cost/throttleStatus/currentlyAvailable");
	bucket->at = now();
}

int64_t cost_of(const struct sl_call *call, const char *which)
{
	int64_t cost = 0;
	const struct sl_json *all = call->host->at(call->response->json, "/extensions/cost");
	for (const struct sl_json *one = call->host->first(all); one; one = call->host->next(one))
		if (sl_text_is(call->host->name(one), which))
			call->host->integer(one, &cost);
	return cost > 0 ? cost : 0;
}

/* --------------------------------------------------------------------------- asking */

static enum sl_outcome ask_now(struct sl_call *call)
{
	struct question *question = question_of(call);
	struct bucket *bucket = &state_of(call)->bucket;
	int64_t wait = until_room(bucket, question);
	if (wait && question->waits++ < MOST_WAITS)
		return call->host->sleep(call, wait, ask_now);
	bucket->taken[question->seat] = question->dear;
	const struct sl_http http = {
		.url = question->path,
		.body = question->body,
		.cost = question->paid,
		.asks = !question->changes,
		.graphql = 2,
	};
	return call->host->http(call, &http, question->next);
}

enum sl_outcome ask(struct sl_call *call, const struct question *wanted, const char *query, struct sl_text variables)
{
	const struct shopify *shopify = call->options;
	const struct sl_host *host = call->host;
	struct question *question = question_of(call);
	struct sl_text quoted = host->quote(call, sl_text_of(query));
	*question = *wanted;
	question->waits = 0;
	question->path = host->format(call, "/admin/api/%s/graphql.json", shopify->version).at;
	question->body = host->format(call, "{\"query\":%s,\"variables\":%s}", quoted.at, variables.at);
	return ask_now(call);
}

bool can_ask(struct sl_call *call, enum sl_outcome *outcome)
{
	const struct shopify *shopify = call->options;
	const char *lacks = !*shopify->shop ? "shop" : !shopify->token[0] || !*shopify->token[0] ? "token" : NULL;
	*outcome = SL_DONE;
	if (lacks)
		*outcome = call->host->fail(call, "the shop cannot be asked: `%s` is not given", lacks);
	return !lacks;
}

/* -------------------------------------------------------------------------- answers */

struct sl_text first_bytes(struct sl_text body)
{
	size_t len = body.len < QUOTED ? body.len : QUOTED;
	while (len && len < body.len && ((unsigned char)body.at[len] & 0xc0) == 0x80)
		len--; /* not in the middle of a letter */
	return (struct sl_text){ body.at ? body.at : "", len };
}

static enum sl_outcome refused(struct sl_call *call)
{
	int status = call->response->status;
	struct sl_text said = first_bytes(call->response->body);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].status == status)
			return call->host->fail(call, "HTTP %d: %s. It said: %.*s", status, refusals[i].why, (int)said.len,
				said.at);
	return call->host->fail(call, "the shop answered HTTP %d: %.*s", status, (int)said.len, said.at);
}

struct sl_text error_code(const struct sl_call *call, const struct sl_json *errors)
{
	return call->host->string(call->host->at(call->host->first(errors), "/extensions/code"));
}

enum sl_outcome errors_fail(struct sl_call *call, const struct sl_json *errors, const char *what)
{
	const struct sl_host *host = call->host;
	const struct sl_json *error = host->first(errors);
	struct sl_text code = error_code(call, errors);
	struct sl_text said = first_bytes(host->string(error ? host->at(error, "/message") : errors));
	struct sl_text needs = first_bytes(host->string(host->at(error, "/extensions/requiredAccess")));
	return host->fail(call, "%s: the shop says%s%.*s: %.*s%s%.*s", what, code.len ? " " : "", (int)code.len,
		code.at ? code.at : "", (int)said.len, said.at, needs.len ? "; the app needs " : "", (int)needs.len, needs.at);
}

/* A shop answers with the oldest version it still knows when it is asked for one that is over. */
static void look_at_version(struct sl_call *call)
{
	const struct shopify *shopify = call->options;
	const char *version = call->host->header(call->response, "x-shopify-api-version");
	if (!version || strcmp(version, shopify->version) == 0 || state_of(call)->told_version)
		return;
	state_of(call)->told_version = true;
	call->host->log(call, SL_WARNING,
		"version %s of the Admin API was asked for, and the shop answers with %.20s: set `version` to one it still "
		"supports",
		shopify->version, version);
}

const struct sl_json *answered(struct sl_call *call, const struct sl_json **errors, enum sl_outcome *outcome)
{
	const struct sl_host *host = call->host;
	const struct sl_response *response = call->response;
	const struct sl_json *data = host->at(response->json, "/data"), *list = host->at(response->json, "/errors");
	struct sl_text said = first_bytes(response->body);
	learn(call);
	look_at_version(call);
	*errors = host->kind(list) == SL_KIND_ARRAY && host->count(list) ? list : NULL;
	*outcome = SL_DONE;
	if (response->status < 200 || response->status > 299)
		*outcome = refused(call);
	else if (host->kind(response->json) != SL_KIND_OBJECT)
		*outcome = host->retry(call, 0, "the shop answered, but not in JSON: %.*s", (int)said.len, said.at);
	else if (host->kind(list) == SL_KIND_STRING)
		*outcome = errors_fail(call, list, "the Admin API");
	else if (host->kind(data) != SL_KIND_OBJECT && !*errors)
		*outcome = host->retry(call, 0, "the shop answered without data: %.*s", (int)said.len, said.at);
	return *outcome == SL_DONE && host->kind(data) == SL_KIND_OBJECT ? data : NULL;
}
