/* SPDX-License-Identifier: Apache-2.0 */
/* teamwork_far.c - what the token may see; and what is said when an answer is none. */
#include "teamwork.h"

#define QUOTED 200

bool can_ask(const struct sl_call *call)
{
	const struct teamwork *opt = call->options;
	return *opt->base && opt->token && *opt->token && **opt->token;
}

enum sl_outcome far_judge(struct sl_call *call, const char *what)
{
	const struct sl_response *answer = call->response;
	const int most = answer->body.len < QUOTED ? (int)answer->body.len : QUOTED;
	if (answer->status == 401)
		return call->host->fail(call,
			"Teamwork does not know the token (401): make one under Edit my details, API & Mobile");
	if (answer->status == 403)
		return call->host->fail(call, "%s: the token's user may not see that (403): %.*s", what, most,
			answer->body.at);
	if (answer->status < 200 || answer->status > 299)
		return call->host->fail(call, "%s was answered with %d: %.*s", what, answer->status, most,
			answer->body.at);
	if (call->host->kind(answer->json) != SL_KIND_OBJECT)
		return call->host->retry(call, 0, "%s was answered with what is no object of JSON: %.*s", what, most,
			answer->body.at);
	return SL_DONE;
}

/* ---------------------------------------------------------------------------- discover */

/* An object with these members, of those that are texts or numbers, under other names. */
static struct sl_text described(struct sl_call *call, const struct sl_json *from, const struct sl_pair *pairs,
	size_t count)
{
	struct sl_words words = { .call = call };
	for (size_t i = 0; i < count; i++) {
		struct sl_text value = sl_plain(call, call->host->at(from, pairs[i].value));
		if (!value.len)
			continue;
		struct sl_text quoted = call->host->quote(call, value);
		sl_words_add(&words, call->host->format(call, "%s\"%s\":%s", words.len ? "," : "{", pairs[i].name, quoted.at));
	}
	sl_words_string(&words, words.len ? "}" : "{}");
	return (struct sl_text){ words.at, words.len };
}

static enum sl_outcome projects_arrived(struct sl_call *call)
{
	static const struct sl_pair named[] = { { "name", "/name" }, { "status", "/status" },
		{ "company", "/company/name" } };
	const struct sl_host *host = call->host;
	enum sl_outcome outcome = far_judge(call, "the list of projects");
	if (outcome != SL_DONE)
		return outcome;
	const struct sl_json *projects = host->at(call->response->json, "/projects");
	for (const struct sl_json *project = host->first(projects); project; project = host->next(project)) {
		struct sl_text id = sl_plain(call, member(host, project, "id"));
		if (id.len)
			host->emit(call, &(struct sl_event){
						 .id = id.at,
						 .type = "project",
						 .data = described(call, project, named, 3),
					 });
	}
	return SL_DONE;
}

static enum sl_outcome me_arrived(struct sl_call *call)
{
	static const struct sl_pair named[] = { { "name", "/first-name" }, { "surname", "/last-name" },
		{ "email", "/email-address" }, { "company", "/company-name" } };
	static const struct sl_pair size = { "pageSize", "500" };
	const struct sl_host *host = call->host;
	enum sl_outcome outcome = far_judge(call, "whose token it is");
	if (outcome != SL_DONE)
		return outcome;
	const struct sl_json *person = host->at(call->response->json, "/person");
	struct sl_text id = sl_plain(call, member(host, person, "id")), body = call->response->body;
	if (!id.len)
		return host->fail(call, "Teamwork does not say whose token it is: %.*s",
			body.len < QUOTED ? (int)body.len : QUOTED, body.at);
	host->emit(call, &(struct sl_event){
				 .id = id.at,
				 .type = "account",
				 .data = described(call, person, named, 4),
			 });
	return host->http(call, &(struct sl_http){
					.url = "/projects.json",
					.query = (const struct sl_pair *const[]){ &size, NULL },
				},
		projects_arrived);
}

enum sl_outcome teamwork_discover(struct sl_call *call)
{
	if (!can_ask(call))
		return call->host->fail(call,
			"to see what Teamwork has, `base` (https://SITE.teamwork.com) and `token` are needed");
	return call->host->http(call, &(struct sl_http){ .url = "/me.json" }, me_arrived);
}
