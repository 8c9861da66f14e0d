/* SPDX-License-Identifier: Apache-2.0 */
/* discover.c - whose token it is, and what it may see. */
#include "inside.h"
#include "text.h"

#define QUERY \
	"{ shop { name myshopifyDomain currencyCode ianaTimezone plan { publicDisplayName } } " \
	"app: currentAppInstallation { app { id title } accessScopes { handle } } " \
	"orders: ordersCount(limit: null) { count } customers: customersCount(limit: null) { count } " \
	"products: productsCount(limit: null) { count } }"

static void add_member(struct text *out, const char *name, const struct sl_json *value)
{
	struct sl_text raw = out->call->host->raw(value);
	if (!raw.len)
		return;
	text_string(out, out->call->host->format(out->call, ",\"%s\":", name).at);
	text_add(out, raw.at, raw.len);
}

static bool has_scope(const struct sl_call *call, const struct sl_json *scopes, const char *name)
{
	const struct sl_json *scope = call->host->first(scopes);
	while (scope && !sl_text_is(call->host->string(call->host->at(scope, "/handle")), name))
		scope = call->host->next(scope);
	return scope;
}

static void add_scopes(struct text *out, const struct sl_json *scopes)
{
	const struct sl_host *host = out->call->host;
	const char *between = "";
	text_string(out, ",\"scopes\":[");
	for (const struct sl_json *scope = host->first(scopes); scope; scope = host->next(scope)) {
		struct sl_text name = host->raw(host->at(scope, "/handle"));
		text_string(out, name.len ? between : "");
		text_add(out, name.at, name.len);
		between = ",";
	}
	text_string(out, "]");
}

static void tell_account(struct sl_call *call, const struct sl_json *data)
{
	const struct sl_host *host = call->host;
	const struct bucket *bucket = &((const struct state *)call->state)->bucket;
	struct sl_text domain = host->string(host->at(data, "/shop/myshopifyDomain"));
	struct text out = { .call = call };
	struct sl_text name = host->quote(call, host->string(host->at(data, "/shop/name")));
	text_string(&out, host->format(call, "{\"name\":%s", name.at).at);
	add_member(&out, "plan", host->at(data, "/shop/plan/publicDisplayName"));
	add_member(&out, "currency", host->at(data, "/shop/currencyCode"));
	add_member(&out, "timezone", host->at(data, "/shop/ianaTimezone"));
	add_member(&out, "app", host->at(data, "/app/app/title"));
	add_scopes(&out, host->at(data, "/app/accessScopes"));
	text_string(&out, host->format(call, ",\"limits\":\"%.0f points, filled by %.0f a second\"}", bucket->most,
		bucket->rate).at);
	host->emit(call, &(struct sl_event){
		.id = host->format(call, "%.*s", (int)domain.len, domain.at ? domain.at : "").at,
		.type = "account",
		.data = { out.at, out.len },
	});
}

/* What the token lacks for a kind of objects; NULL: nothing. */
static const char *lacks(const struct sl_call *call, enum kind kind, const struct sl_json *scopes, bool counted)
{
	if (!counted && !has_scope(call, scopes, objects[kind].scope))
		return objects[kind].scope;
	if (kind == ORDERS && !has_scope(call, scopes, "read_all_orders"))
		return "read_all_orders; without it there are only the orders of the last 60 days";
	return NULL;
}

static void tell_objects(struct sl_call *call, enum kind kind, const struct sl_json *data)
{
	const struct sl_host *host = call->host;
	const struct object *object = &objects[kind];
	const struct sl_json *count = host->at(data, host->format(call, "/%s/count", object->name).at);
	const char *lack = lacks(call, kind, host->at(data, "/app/accessScopes"), count);
	struct text out = { .call = call };
	text_string(&out, host->format(call, "{\"name\":\"%s\"", object->name).at);
	add_member(&out, "count", count);
	if (lack)
		text_string(&out, host->format(call, ",\"why\":\"the token lacks %s\"", lack).at);
	text_string(&out, "}");
	host->emit(call, &(struct sl_event){ .id = object->name, .type = "objects", .data = { out.at, out.len } });
}

static enum sl_outcome seen(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	const struct sl_json *errors;
	enum sl_outcome outcome;
	const struct sl_json *data = answered(call, &errors, &outcome);
	if (outcome != SL_DONE)
		return outcome;
	if (host->kind(host->at(data, "/shop")) != SL_KIND_OBJECT)
		return errors ? errors_fail(call, errors, "the shop")
			      : host->retry(call, 0, "the shop does not say who it is");
	tell_account(call, data);
	for (int kind = 0; kind < KINDS; kind++)
		tell_objects(call, (enum kind)kind, data);
	return SL_DONE;
}

enum sl_outcome discover(struct sl_call *call)
{
	struct question question = { .dear = 50, .paid = 20, .seat = SEAT_ASIDE, .next = seen };
	enum sl_outcome outcome;
	return can_ask(call, &outcome) ? ask(call, &question, QUERY, sl_text_of("{}")) : outcome;
}
