/* SPDX-License-Identifier: Apache-2.0 */
/* discover.c - which apps the token may see, and whether the API's version is still supported. */
#include <string.h>

#include "inside.h"
#include "text.h"

static bool supported(const struct sl_call *call, const struct sl_json *versions)
{
	const struct partner *partner = call->options;
	const struct sl_host *host = call->host;
	for (const struct sl_json *one = host->first(versions); one; one = host->next(one))
		if (sl_text_is(host->string(host->at(one, "/handle")), partner->version))
			return sl_text_is(host->raw(host->at(one, "/supported")), "true");
	return !versions;
}

static void tell_account(struct sl_call *call, const struct sl_json *data)
{
	const struct partner *partner = call->options;
	const struct sl_host *host = call->host;
	bool fine = supported(call, host->at(data, "/publicApiVersions"));
	struct sl_text name = host->quote(call, host->format(call, "organization %s", partner->organization));
	struct sl_text why = host->quote(call, host->format(call, "version %s of the API is not supported any more: set "
		"`version` to a newer one", partner->version));
	host->emit(call, &(struct sl_event){
		.id = partner->organization,
		.type = "account",
		.data = host->format(call, fine ? "{\"name\":%s,\"limits\":\"4 requests a second\"}"
			: "{\"name\":%s,\"limits\":\"4 requests a second\",\"why\":%s}", name.at, why.at),
	});
}

static void tell_app(struct sl_call *call, const char *app, const struct sl_json *shown)
{
	const struct sl_host *host = call->host;
	struct sl_text name = host->quote(call, shown ? host->string(host->at(shown, "/name")) : sl_text_of(app));
	host->emit(call, &(struct sl_event){
		.id = app,
		.type = "app",
		.data = host->format(call, shown ? "{\"name\":%s}"
			: "{\"name\":%s,\"why\":\"it is not shown: the client lacks the permission Manage apps, or the app is "
			  "another organization's\"}", name.at),
	});
}

static enum sl_outcome seen(struct sl_call *call)
{
	const struct partner *partner = call->options;
	const struct sl_host *host = call->host;
	const struct sl_json *errors;
	enum sl_outcome outcome;
	const struct sl_json *data = answered(call, &errors, &outcome);
	if (outcome != SL_DONE)
		return outcome;
	if (host->kind(data) != SL_KIND_OBJECT)
		return errors ? errors_fail(call, errors, "what the token may see")
			      : host->retry(call, 0, "the Partner API answered without data");
	tell_account(call, data);
	for (int i = 0; partner->apps[i]; i++) {
		const struct sl_json *shown = host->at(data, host->format(call, "/app%d", i).at);
		tell_app(call, partner->apps[i], host->kind(shown) == SL_KIND_OBJECT ? shown : NULL);
	}
	return SL_DONE;
}

enum sl_outcome discover(struct sl_call *call)
{
	const struct partner *partner = call->options;
	struct sl_text query = sl_text_of("{ publicApiVersions { handle supported }");
	for (int i = 0; partner->apps[i]; i++)
		query = call->host->format(call, "%s app%d: app(id: \"%s\") { name }", query.at, i,
			app_gid(call, partner->apps[i]));
	return ask(call, call->host->format(call, "%s }", query.at).at, sl_text_of("{}"), seen);
}
