/* SPDX-License-Identifier: Apache-2.0 */
/* ask.c - one GraphQL query: paced by its complexity, its errors judged in all three generations.
 *
 *     ask        the complexity that is left suffices, or it is waited for
 *     send       it goes out
 *     arrived    what came back is data, or a reason to ask later, or never
 *
 * An answer with status 200 may be an error, and one with errors may have data too:
 *
 *     from 2025-04   {"data":{"op":null},"errors":[{"message","path","extensions":{"code"}}]}
 *     before         {"error_code","error_message"}, and "errors" as texts
 *     401            {"errors":["Not Authenticated"]}
 */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "monday.h"
#include "text.h"

#define SHOWN 200       /* bytes of what came back */
#define INTERNAL_MOST 5 /* in a row, then what was asked for counts as refused */
#define LONGEST_HINT 3600
#define CHANGE_TRIES 20

enum means {
	MEANS_FAIL, /* asking again is no use */
	MEANS_LATER,
	MEANS_INTERNAL, /* likewise, but not for ever */
	MEANS_MIDNIGHT,
	MEANS_CURSOR,
	MEANS_REFUSED,
};

static const struct {
	const char *code;
	enum means means;
} codes[] = {
	{ "COMPLEXITY_BUDGET_EXHAUSTED", MEANS_LATER },
	{ "ComplexityException", MEANS_LATER },
	{ "complexityBudgetExhausted", MEANS_LATER },
	{ "RATE_LIMIT_EXCEEDED", MEANS_LATER },
	{ "IP_RATE_LIMIT_EXCEEDED", MEANS_LATER },
	{ "FIELD_MINUTE_RATE_LIMIT_EXCEEDED", MEANS_LATER },
	{ "FIELD_LIMIT_EXCEEDED", MEANS_LATER },
	{ "maxConcurrencyExceeded", MEANS_LATER },
	{ "CONCURRENCY_LIMIT_EXCEEDED", MEANS_LATER },
	{ "API_TEMPORARILY_BLOCKED", MEANS_LATER },
	{ "ResourceLocked", MEANS_LATER },
	{ "DAILY_LIMIT_EXCEEDED", MEANS_MIDNIGHT },
	{ "INTERNAL_SERVER_ERROR", MEANS_INTERNAL },
	{ "CursorExpiredError", MEANS_CURSOR },
	{ "CursorException", MEANS_CURSOR },
	{ "USER_UNAUTHORIZED", MEANS_REFUSED },
	{ "UserUnauthorizedException", MEANS_REFUSED },
	{ "InvalidBoardIdException", MEANS_REFUSED },
	{ "ResourceNotFoundException", MEANS_REFUSED },
};

static enum sl_outcome send(struct sl_call *call);

struct trouble {
	bool any;
	struct sl_text code, message;
	int64_t after; /* ms, as monday said; 0: it did not */
};

/* ------------------------------------------------------------------- errors */

static int64_t hinted(int64_t seconds)
{
	return seconds > 0 && seconds <= LONGEST_HINT ? seconds * 1000 : 0;
}

/* "... reset in 16 seconds", where no field says it. */
static int64_t hint_in(struct sl_text message)
{
	static const char words[] = "reset in ";
	const char *at = message.at ? strstr(message.at, words) : NULL;
	int64_t seconds = 0;
	for (at = at ? at + strlen(words) : ""; *at >= '0' && *at <= '9' && seconds <= LONGEST_HINT; at++)
		seconds = seconds * 10 + (*at - '0');
	return hinted(seconds);
}

static void look_at_error(const struct sl_host *host, const struct sl_json *error, struct trouble *trouble)
{
	struct sl_text code = host->string(host->at(error, "/extensions/code"));
	int64_t seconds = 0;
	if (!code.len)
		code = host->string(host->at(error, "/extensions/error_code"));
	if (!trouble->message.len)
		trouble->message = host->string(host->kind(error) == SL_KIND_STRING ? error : host->at(error, "/message"));
	if (!trouble->code.len)
		trouble->code = code;
	if (host->integer(host->at(error, "/extensions/retry_in_seconds"), &seconds))
		trouble->after = hinted(seconds);
	trouble->any = true;
}

static struct trouble trouble_of(const struct sl_host *host, const struct sl_json *root)
{
	struct trouble trouble = { 0 };
	const struct sl_json *list = host->at(root, "/errors");
	struct sl_text code = host->string(host->at(root, "/error_code"));
	if (host->kind(list) == SL_KIND_ARRAY)
		for (const struct sl_json *error = host->first(list); error; error = host->next(error))
			look_at_error(host, error, &trouble);
	if (code.len) {
		trouble.any = true;
		trouble.code = trouble.code.len ? trouble.code : code;
		trouble.message = trouble.message.len ? trouble.message : host->string(host->at(root, "/error_message"));
	}
	if (!trouble.after)
		trouble.after = hint_in(trouble.message);
	return trouble;
}

static enum means means_of(const struct trouble *trouble)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (sl_text_is_nocase(trouble->code, codes[i].code))
			return codes[i].means;
	return trouble->message.at && strcasestr(trouble->message.at, "rate exceeded") ? MEANS_LATER : MEANS_FAIL;
}

/* ----------------------------------------------------------------- answers */

/* Half of an answer is one, as long as something of it is there. */
static bool says_something(const struct sl_host *host, const struct sl_json *data)
{
	if (host->kind(data) != SL_KIND_OBJECT)
		return false;
	for (const struct sl_json *member = host->first(data); member; member = host->next(member)) {
		const struct sl_json *inner = host->kind(member) == SL_KIND_ARRAY ? host->first(member) : member;
		bool empty_list = host->kind(member) == SL_KIND_ARRAY && !inner;
		if (!sl_text_is(host->name(member), "complexity") && (empty_list || host->kind(inner) != SL_KIND_NULL))
			return true;
	}
	return false;
}

static void note_complexity(struct sl_call *call, const struct sl_json *data)
{
	const struct sl_host *host = call->host;
	struct state *state = state_of(call);
	int64_t cost, left, seconds;
	if (host->integer(host->at(data, "/complexity/query"), &cost) && cost > 0)
		state->cost[local_of(call)->kind] = cost;
	if (!host->integer(host->at(data, "/complexity/after"), &left) ||
		!host->integer(host->at(data, "/complexity/reset_in_x_seconds"), &seconds))
		return;
	state->left = left;
	state->renewed = wall() + (seconds > 0 && seconds <= 60 ? seconds : 60) * 1000;
}

/* "Fri, 24 Oct 2025 18:30:23 GMT": what was read is as it was by the end of that second; or, as long as our
 * clock agrees, as it was by now. */
static int64_t vendor_clock(struct sl_call *call)
{
	const char *text = call->host->header(call->response, "date");
	struct tm tm = { 0 };
	int64_t ours = wall();
	if (!text || !strptime(text, "%a, %d %b %Y %H:%M:%S", &tm))
		return ours;
	int64_t date = (int64_t)timegm(&tm) * 1000;
	return ours >= date - 1000 && ours < date + 2000 ? ours : date + 999;
}

static enum sl_outcome not_an_answer(struct sl_call *call)
{
	struct sl_text body = call->response->body;
	int shown = (int)(body.len < SHOWN ? body.len : SHOWN);
	return call->host->retry(call, 0, "monday.com answered %d, but not with JSON: %.*s", call->response->status, shown,
		body.at ? body.at : "");
}

static enum sl_outcome fails(struct sl_call *call, const struct trouble *trouble)
{
	const char *code = trouble->code.len ? trouble->code.at : "no code";
	if (call->response->status == 401)
		return call->host->fail(call, "monday.com does not know the token (401); give `token` a new one: "
					      "monday.com, avatar, Developers, My access tokens");
	return call->host->fail(call, "monday.com refuses the query (%d, %s): %.*s", call->response->status, code,
		(int)(trouble->message.len < SHOWN ? trouble->message.len : SHOWN),
		trouble->message.len ? trouble->message.at : "it does not say why");
}

static enum sl_outcome asks_later(struct sl_call *call, const struct trouble *trouble, int64_t after)
{
	return call->host->retry(call, after, "monday.com asks for time (%s): %.*s",
		trouble->code.len ? trouble->code.at : "no code",
		(int)(trouble->message.len < SHOWN ? trouble->message.len : SHOWN),
		trouble->message.at ? trouble->message.at : "");
}

/* A board that is being deleted answers so as long as it is asked. */
static enum sl_outcome internal(struct sl_call *call, const struct trouble *trouble)
{
	if (++state_of(call)->internal < INTERNAL_MOST)
		return asks_later(call, trouble, 0);
	state_of(call)->internal = 0;
	local_of(call)->refused = true;
	return local_of(call)->next(call);
}

/* In the middle of changes on the spot: what was made before must not be forgotten. */
static enum sl_outcome waits(struct sl_call *call, const struct trouble *trouble)
{
	struct local *local = local_of(call);
	if (local->kind != QUERY_CHANGE || local->tries++ >= CHANGE_TRIES)
		return asks_later(call, trouble, trouble->after);
	return call->host->sleep(call, trouble->after ? trouble->after : 1000, send);
}

static enum sl_outcome judge(struct sl_call *call, const struct trouble *trouble)
{
	struct local *local = local_of(call);
	enum means means = means_of(trouble);
	local->error = trouble->message;
	switch (means) {
	case MEANS_LATER: return waits(call, trouble);
	case MEANS_MIDNIGHT: return asks_later(call, trouble, DAY - wall() % DAY + MINUTE);
	case MEANS_INTERNAL: return internal(call, trouble);
	case MEANS_CURSOR: local->dead_cursor = true; return local->next(call);
	default: break;
	}
	if (says_something(call->host, local->data)) {
		call->host->log(call, SL_WARNING, "monday.com answered in part: %.*s",
			(int)(trouble->message.len < SHOWN ? trouble->message.len : SHOWN),
			trouble->message.at ? trouble->message.at : "it does not say why");
		return local->next(call);
	}
	bool told = local->kind == QUERY_CHANGE || means == MEANS_REFUSED; /* what else was changed must not be forgotten */
	if (!told || call->response->status == 401)
		return fails(call, trouble);
	local->refused = means == MEANS_REFUSED;
	return local->next(call);
}

static enum sl_outcome arrived(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	const struct sl_json *root = call->response->json;
	struct local *local = local_of(call);
	struct trouble trouble = trouble_of(host, root);
	if (host->kind(root) != SL_KIND_OBJECT)
		return not_an_answer(call);
	local->now = vendor_clock(call);
	local->data = host->at(root, "/data");
	note_complexity(call, local->data);
	if (trouble.any || call->response->status < 200 || call->response->status > 299)
		return judge(call, &trouble);
	if (host->kind(local->data) != SL_KIND_OBJECT)
		return not_an_answer(call);
	state_of(call)->internal = 0;
	return local->next(call);
}

/* ------------------------------------------------------------------- asking */

static enum sl_outcome send(struct sl_call *call)
{
	const struct local *local = local_of(call);
	const struct sl_http request = {
		.method = "POST",
		.url = call->host->format(call, "%s/v2", options_of(call)->base).at,
		.body = local->body,
		.cost = state_of(call)->cost[local->kind],
		.asks = local->kind != QUERY_CHANGE,
	};
	return call->host->http(call, &request, arrived);
}

enum sl_outcome ask(struct sl_call *call, enum query kind, const char *query, const char *variables, sl_step *next)
{
	const struct state *state = state_of(call);
	struct local *local = local_of(call);
	int64_t wait = state->renewed - wall();
	local->kind = kind;
	local->next = next;
	local->data = NULL;
	local->dead_cursor = local->refused = false;
	local->error = (struct sl_text){ 0 };
	local->body = call->host->format(call, "{\"query\":%s,\"variables\":%s}", quoted(call, query).at, variables);
	if (wait > 0 && wait <= 2 * MINUTE && state->left < state->cost[kind])
		return call->host->sleep(call, wait, send);
	return send(call);
}
