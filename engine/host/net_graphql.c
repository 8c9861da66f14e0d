/* SPDX-License-Identifier: Apache-2.0 */
/* net_graphql.c - GraphQL: errors inside a 200.
 *
 *     errors and data       the plugin's; a warning is written once
 *     errors and no data    the call fails, with the first message; or, if a code says
 *                           that it was too much, or the far side's own fault: not now.
 *                           Whoever asked for it (graphql = 2) judges the other codes himself
 */
#include <ctype.h>
#include <string.h>

#include "host/net_inside.h"
#include "sdk/text.h"

#define MOST_MESSAGE 200

/* Parts of codes, in capitals without underscores, as vendors use them. */
static const struct {
	const char *part;
	bool too_much; /* nothing was done; else it is not known */
} later[] = {
	{ "THROTTLED", true },            /* Shopify */
	{ "RATELIMIT", true },            /* GitHub, monday, Linear */
	{ "TOOMANYREQUESTS", true },
	{ "COMPLEXITYBUDGET", true },     /* monday: of this minute */
	{ "COMPLEXITYEXCEPTION", true },  /* likewise, older */
	{ "CONCURRENCYLIMIT", true },
	{ "MAXCONCURRENCY", true },
	{ "INTERNALSERVERERROR", false },
	{ "SERVICEUNAVAILABLE", false },
	{ "TIMEOUT", false },
};

struct errors {
	size_t count;
	struct sl_text message;
	int at; /* in the table above; -1: none of them */
	int64_t after;
};

static void plain_code(struct sl_text code, char out[64])
{
	size_t len = 0;
	for (size_t i = 0; i < code.len && len < 63; i++)
		if (isalnum((unsigned char)code.at[i]))
			out[len++] = (char)toupper((unsigned char)code.at[i]);
	out[len] = '\0';
}

static void look_at_code(struct errors *errors, const struct sl_json *value)
{
	char code[64];
	plain_code(sl_json_string(value), code);
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]) && errors->at < 0; i++)
		if (strstr(code, later[i].part))
			errors->at = (int)i;
}

static void look_at_error(struct errors *errors, const struct sl_json *error)
{
	const struct sl_json *extensions = sl_json_get(error, "extensions");
	int64_t seconds;
	if (!errors->count++)
		errors->message = sl_json_string(sl_json_get(error, "message"));
	look_at_code(errors, sl_json_get(extensions, "code"));
	look_at_code(errors, sl_json_get(error, "type"));
	if (sl_json_integer(sl_json_get(extensions, "retry_in_seconds"), &seconds) && seconds > 0 && seconds < 3600)
		errors->after = seconds * 1000;
}

/* The standard's list, or the one code that monday's older versions answer with. */
static struct errors errors_of(const struct sl_json *root)
{
	struct errors errors = { .at = -1 };
	const struct sl_json *list = sl_json_get(root, "errors");
	for (const struct sl_json *error = sl_json_first(list); error; error = sl_json_next(error))
		look_at_error(&errors, error);
	if (!errors.count && sl_json_get(root, "error_code")) {
		errors.count = 1;
		errors.message = sl_json_string(sl_json_get(root, "error_message"));
		look_at_code(&errors, sl_json_get(root, "error_code"));
	}
	return errors;
}

static void say(const struct wish *wish, const struct errors *errors, struct judgement *judgement)
{
	size_t len = errors->message.len < MOST_MESSAGE ? errors->message.len : MOST_MESSAGE;
	why_say(&judgement->why, "%s was answered with a GraphQL error: %.*s%s", wish->shown, (int)len,
		errors->message.at ? errors->message.at : "", errors->count > 1 ? " (the first of several)" : "");
}

static void judge_errors(const struct wish *wish, const struct errors *errors, bool data, struct judgement *judgement)
{
	say(wish, errors, judgement);
	if (data) {
		judgement->partial = true;
	} else if (errors->at < 0) {
		judgement->verdict = wish->own_errors ? VERDICT_PASS : VERDICT_FAIL;
	} else {
		judgement->verdict = later[errors->at].too_much || wish->safe ? VERDICT_AGAIN : VERDICT_LATER;
		judgement->after = errors->after;
	}
}

static void judge_root(const struct wish *wish, const struct sl_json *root, struct judgement *judgement)
{
	const struct sl_json *data = sl_json_get(root, "data");
	bool has_data = data && sl_json_kind(data) != SL_KIND_NULL;
	struct errors errors = errors_of(root);
	sl_json_integer(sl_json_at(root, "/extensions/cost/actualQueryCost"), &judgement->cost);
	if (errors.count) {
		judge_errors(wish, &errors, has_data, judgement);
	} else if (!data && !wish->own_errors) {
		judgement->verdict = VERDICT_FAIL;
		why_say(&judgement->why, "%s was answered, but not with GraphQL: it has neither data nor an error",
			wish->shown);
	}
}

void net_judge_graphql(const struct wish *wish, struct sl_text body, struct judgement *judgement)
{
	struct sl_document *document = sl_json_read(body, NULL, 0);
	judge_root(wish, sl_json_root(document), judgement);
	sl_json_free(&document);
}
