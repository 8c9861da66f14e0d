/* SPDX-License-Identifier: Apache-2.0 */
/* ask.c - one question to the Partner API, and whether its answer can be used. */
#include "inside.h"
#include "text.h"

#define QUOTED 200

static const struct {
	int status;
	const char *why;
} refusals[] = {
	{ 401, "the token is not known: make a new Partner API client, and give its token" },
	{ 403, "the token may not do this: look at the client's permissions" },
	{ 404, "there is no such organization, or no such version of the API: look at `organization` and `version`" },
};

struct sl_text first_bytes(struct sl_text body)
{
	size_t len = body.len < QUOTED ? body.len : QUOTED;
	while (len && len < body.len && ((unsigned char)body.at[len] & 0xc0) == 0x80)
		len--; /* not in the middle of a letter */
	return (struct sl_text){ body.at ? body.at : "", len };
}

enum sl_outcome ask(struct sl_call *call, const char *query, struct sl_text variables, sl_step *next)
{
	const struct partner *partner = call->options;
	const struct sl_host *host = call->host;
	struct sl_text quoted = host->quote(call, sl_text_of(query));
	const struct sl_http http = {
		.url = host->format(call, "/%s/api/%s/graphql.json", partner->organization, partner->version).at,
		.body = host->format(call, "{\"query\":%s,\"variables\":%s}", quoted.at, variables.at),
		.asks = 1,
		.graphql = 2,
	};
	return host->http(call, &http, next);
}

static enum sl_outcome refused(struct sl_call *call)
{
	int status = call->response->status;
	struct sl_text said = first_bytes(call->response->body);
	const char *why = "the Partner API did not answer the question";
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].status == status)
			why = refusals[i].why;
	return call->host->fail(call, "HTTP %d: %s. It said: %.*s", status, why, (int)said.len, said.at);
}

enum sl_outcome errors_fail(struct sl_call *call, const struct sl_json *errors, const char *what)
{
	const struct sl_host *host = call->host;
	bool list = host->kind(errors) == SL_KIND_ARRAY;
	const struct sl_json *error = list ? host->at(host->first(errors), "/message") : errors;
	struct sl_text said = first_bytes(host->string(error));
	return host->fail(call, "%s: the Partner API says: %.*s", what, (int)said.len, said.at);
}

const struct sl_json *answered(struct sl_call *call, const struct sl_json **errors, enum sl_outcome *outcome)
{
	const struct sl_host *host = call->host;
	const struct sl_response *response = call->response;
	const struct sl_json *data = host->at(response->json, "/data"), *list = host->at(response->json, "/errors");
	struct sl_text said = first_bytes(response->body);
	*errors = host->kind(list) == SL_KIND_ARRAY && host->count(list) ? list : NULL;
	*outcome = SL_DONE;
	if (response->status < 200 || response->status > 299)
		*outcome = refused(call);
	else if (host->kind(response->json) != SL_KIND_OBJECT)
		*outcome = host->retry(call, 0, "the Partner API answered, but not in JSON: %.*s", (int)said.len, said.at);
	else if (host->kind(list) == SL_KIND_STRING)
		*outcome = errors_fail(call, list, "the question was refused");
	else if (!data && !*errors)
		*outcome = host->retry(call, 0, "the Partner API answered without data: %.*s", (int)said.len, said.at);
	return *outcome == SL_DONE ? data : NULL;
}
