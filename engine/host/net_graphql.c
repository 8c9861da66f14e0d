/* SPDX-License-Identifier: Apache-2.0 */
/* net_graphql.c - GraphQL: errors inside a 200.
 *
 *     errors and data       the plugin's; a warning is written once.  But if a code says that
 *                           it was too much, what was asked for is not all there: not now
 *     errors and no data    the call fails, with the first message; or, if a code says
 *                           that it was too much, or the far side's own fault: not now.
 *                           Whoever asked for it (graphql = 2) judges the other codes himself
 *     no JSON               a page of somebody on the way, or half an answer: not now
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "host/net_inside.h"
#include "sdk/text.h"

#define MOST_MESSAGE 200
#define DAY INT64_C(86400000)

/* Parts of codes, in capitals without underscores, as vendors use them. */
static const struct {
	const char *part;
	bool too_much; /* nothing was done; else it is not known */
	bool today;    /* until midnight, UTC */
} later[] = {
	{ "DAILYLIMIT", true, true },       /* monday */
	{ "THROTTLED", true, false },       /* Shopify */
	{ "RATELIMIT", true, false },       /* GitHub, monday, Linear */
	{ "MINUTELIMITRATE", true, false }, /* monday, in words */
	{ "FIELDLIMIT", true, false },      /* likewise */
	{ "TOOMANYREQUESTS", true, false },
	{ "COMPLEXITYBUDGET", true, false },    /* monday: of this minute */
	{ "COMPLEXITYEXCEPTION", true, false }, /* likewise, older */
	{ "TEMPORARILYBLOCKED", true, false },  /* likewise */
	{ "CONCURRENCYLIMIT", true, false },
	{ "MAXCONCURRENCY", true, false },
	{ "INTERNALSERVERERROR", false, false },
	{ "SERVICEUNAVAILABLE", false, false },
	{ "TIMEOUT", false, false },
};

struct errors {
	size_t count;
	struct sl_text message;
	bool later, unsure; /* a code says not now; one of them does not say that nothing was done */
	int64_t after;
};

/* -------------------------------------------------------------------- codes */

static void plain_code(struct sl_text code, char out[64])
{
	size_t len = 0;
	for (size_t i = 0; i < code.len && len < 63; i++)
		if (isalnum((unsigned char)code.at[i]))
			out[len++] = (char)toupper((unsigned char)code.at[i]);
	out[len] = '\0';
}

static void wait_at_least(struct errors *errors, int64_t ms)
{
	if (ms > errors->after)
		errors->after = ms;
}

static void look_at_code(struct errors *errors, struct sl_text text)
{
	char code[64];
	plain_code(text, code);
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		if (!strstr(code, later[i].part))
			continue;
		errors->later = true;
		errors->unsure |= !later[i].too_much;
		if (later[i].today)
			wait_at_least(errors, DAY - clock_wall() % DAY);
		return;
	}
}

/* monday says in words what it costs and when: "... reset in 16 seconds". */
static void look_at_words(struct errors *errors, struct sl_text text)
{
	static const char mark[] = "reset in ";
	const char *at = text.len ? memmem(text.at, text.len, mark, sizeof(mark) - 1) : NULL;
	if (at) /* a NUL follows the text */
		wait_at_least(errors, net_wait_capped(strtoll(at + sizeof(mark) - 1, NULL, 10) * 1000));
}

/* What both an error's `extensions` and a whole answer of monday's may say. */
static void look_at_members(struct errors *errors, const struct sl_json *from)
{
	int64_t status = 0, seconds = 0;
	look_at_code(errors, sl_json_string(sl_json_get(from, "code")));
	look_at_code(errors, sl_json_string(sl_json_get(from, "error_code")));
	if (sl_json_integer(sl_json_get(from, "status_code"), &status) && (status == 429 || status == 423))
		errors->later = true;
	if (sl_json_integer(sl_json_get(from, "retry_in_seconds"), &seconds) && seconds < NET_LONGEST_SILENCE)
		wait_at_least(errors, net_wait_capped(seconds * 1000));
}

/* An object, as the standard has it, or just words, as monday's older versions answer. */
static void look_at_error(struct errors *errors, const struct sl_json *error)
{
	bool words = sl_json_kind(error) == SL_KIND_STRING;
	struct sl_text message = sl_json_string(words ? error : sl_json_get(error, "message"));
	if (!errors->count++)
		errors->message = message;
	if (words)
		look_at_code(errors, message);
	look_at_words(errors, message);
	look_at_code(errors, sl_json_string(sl_json_get(error, "type")));
	look_at_members(errors, sl_json_get(error, "extensions"));
}

/* Shopify: what the query asks for has to flow back first. */
static void look_at_cost(struct errors *errors, const struct sl_json *root)
{
	const struct sl_json *cost = sl_json_at(root, "/extensions/cost");
	double asked, left, rate;
	if (sl_json_double(sl_json_get(cost, "requestedQueryCost"), &asked) &&
		sl_json_double(sl_json_at(cost, "/throttleStatus/currentlyAvailable"), &left) &&
		sl_json_double(sl_json_at(cost, "/throttleStatus/restoreRate"), &rate) && rate > 0 && asked > left &&
		(asked - left) / rate < NET_LONGEST_SILENCE)
		wait_at_least(errors, net_wait_capped((int64_t)((asked - left) / rate * 1000) + 1));
}

static struct errors errors_of(const struct sl_json *root)
{
	struct errors errors = { 0 };
	const struct sl_json *list = sl_json_get(root, "errors");
	for (const struct sl_json *error = sl_json_first(list); error; error = sl_json_next(error))
		look_at_error(&errors, error);
	if (sl_json_get(root, "error_code")) {
		struct sl_text message = sl_json_string(sl_json_get(root, "error_message"));
		if (!errors.count)
			errors.count = 1, errors.message = message;
		look_at_words(&errors, message);
		look_at_members(&errors, root);
	}
	if (errors.later)
		look_at_cost(&errors, root);
	return errors;
}

/* ------------------------------------------------------------------ verdicts */

static void say(const struct wish *wish, const struct errors *errors, struct judgement *judgement)
{
	struct arena *arena = arena_new();
	size_t len = errors->message.len < MOST_MESSAGE ? errors->message.len : MOST_MESSAGE;
	const char *message = arena_copy(arena, errors->message.at ? errors->message.at : "", len);
	why_say(&judgement->why, "%s was answered with a GraphQL error: %s%s", wish->shown,
		wish->api ? wish_masked(wish->api, message, arena) : message,
		errors->count > 1 ? " (the first of several)" : "");
	arena_free(&arena);
}

/* An object of nulls is nothing: each field failed. */
static bool holds_something(const struct sl_json *data)
{
	enum sl_kind kind = data ? sl_json_kind(data) : SL_KIND_NULL;
	for (const struct sl_json *at = kind == SL_KIND_OBJECT ? sl_json_first(data) : NULL; at; at = sl_json_next(at))
		if (sl_json_kind(at) != SL_KIND_NULL)
			return true;
	return kind != SL_KIND_NULL && kind != SL_KIND_OBJECT;
}

static bool is_not_now(const struct wish *wish, const struct errors *errors, const struct sl_json *data)
{
	if (!errors->later)
		return false;
	return !holds_something(data) || (!errors->unsure && wish->safe);
}

static void judge_errors(const struct wish *wish, const struct errors *errors, const struct sl_json *data,
	struct judgement *judgement)
{
	say(wish, errors, judgement);
	if (is_not_now(wish, errors, data)) {
		judgement->verdict = !errors->unsure || wish->safe ? VERDICT_AGAIN : VERDICT_LATER;
		judgement->after = errors->after;
	} else if (data && sl_json_kind(data) != SL_KIND_NULL) {
		judgement->partial = true;
	} else {
		judgement->verdict = wish->own_errors ? VERDICT_PASS : VERDICT_FAIL;
	}
}

static void judge_nothing(const struct wish *wish, struct sl_text body, bool json, struct judgement *judgement)
{
	struct arena *arena = arena_new();
	const char *quote = net_quote(wish, body, arena);
	if (json)
		judgement->verdict = VERDICT_FAIL;
	else
		judgement->verdict = wish->safe ? VERDICT_AGAIN : VERDICT_LATER;
	why_say(&judgement->why, "%s was answered, but not with GraphQL: it %s: %s", wish->shown,
		json ? "has neither data nor an error" : "is not JSON", *quote ? quote : "(nothing)");
	arena_free(&arena);
}

/* What it cost: Shopify tells it, monday if it is asked for. */
static void read_cost(const struct sl_json *root, struct judgement *judgement)
{
	if (!sl_json_integer(sl_json_at(root, "/extensions/cost/actualQueryCost"), &judgement->cost))
		sl_json_integer(sl_json_at(root, "/data/complexity/query"), &judgement->cost);
}

void net_judge_graphql(const struct wish *wish, struct sl_text body, struct judgement *judgement)
{
	struct sl_document *document = sl_json_read(body, NULL, 0);
	const struct sl_json *root = sl_json_root(document), *data = sl_json_get(root, "data");
	struct errors errors = errors_of(root);
	read_cost(root, judgement);
	if (errors.count)
		judge_errors(wish, &errors, data, judgement);
	else if (!document || (!data && !wish->own_errors))
		judge_nothing(wish, body, document != NULL, judgement);
	sl_json_free(&document);
}

int64_t net_graphql_wait(struct sl_text body, int64_t least)
{
	struct sl_document *document = sl_json_read(body, NULL, 0);
	struct errors errors = errors_of(sl_json_root(document));
	sl_json_free(&document);
	return errors.after > least ? errors.after : least;
}
