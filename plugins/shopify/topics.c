/* SPDX-License-Identifier: Apache-2.0 */
/* topics.c - a topic and its body: which object it is about. */
#include <string.h>

#include "inside.h"
#include "text.h"

/* A topic's kind, whose object's number stands where: the first row that fits and finds one counts. */
static const struct {
	const char *kind;    /* what stands before the "/" of the topic, or the "." of customer.tags_added; NULL: any */
	const char *subject; /* NULL: the same */
	const char *pointer;
} places[] = {
	{ "orders", "orders", "/order_edit/order_id" },
	{ "orders", "orders", "/id" },
	{ "refunds", "orders", "/order_id" },
	{ "fulfillments", "orders", "/order_id" },
	{ "order_transactions", "orders", "/order_id" },
	{ "returns", "orders", "/order/id" },
	{ "disputes", "orders", "/order_id" },
	{ "variants", "products", "/product_id" },
	{ "inventory_levels", "inventory_items", "/inventory_item_id" },
	{ "customers_email_marketing_consent", "customers", "/customer_id" },
	{ "customers_marketing_consent", "customers", "/customer_id" },
	{ "customers", "customers", "/customer/id" },
	{ "customers", "customers", "/customer_id" },
	{ "customer", "customers", "/customerId" },
	{ "customer", "customers", "/customer_id" },
	{ "app_subscriptions", NULL, "/app_subscription/admin_graphql_api_id" },
	{ "app_purchases_one_time", NULL, "/app_purchase_one_time/admin_graphql_api_id" },
	{ "shop", "shop", "/shop_id" },
	{ "app", "shop", "/id" },
	{ NULL, NULL, "/id" },
	{ NULL, NULL, "/admin_graphql_api_id" },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

struct sl_text gid_number(struct sl_text gid)
{
	size_t from = gid.len;
	while (from && is_digit(gid.at[from - 1]))
		from--;
	if (from && gid.at[from - 1] != '/')
		return (struct sl_text){ "", 0 };
	return (struct sl_text){ gid.at ? gid.at + from : "", gid.len - from };
}

/* A whole number as it is written, or the number at the end of a gid; else any short string. */
static struct sl_text number_at(const struct sl_call *call, const char *pointer)
{
	const struct sl_host *host = call->host;
	const struct sl_json *value = host->at(call->event->json, pointer);
	if (host->kind(value) == SL_KIND_NUMBER)
		return host->raw(value);
	struct sl_text text = host->string(value), number = gid_number(text);
	if (number.len)
		return number;
	return text.len <= 100 && (!text.len || !memchr(text.at, '\0', text.len)) ? text : (struct sl_text){ "", 0 };
}

static bool fits(const char *kind, struct sl_text topic)
{
	return !kind || sl_text_is(topic, kind);
}

static const char *subject_of(struct sl_call *call, struct sl_text kind)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct sl_text number = fits(places[i].kind, kind) ? number_at(call, places[i].pointer)
								   : (struct sl_text){ "", 0 };
		if (!number.len)
			continue;
		if (places[i].subject)
			kind = sl_text_of(places[i].subject);
		return call->host->format(call, "%.*s:%.*s", (int)kind.len, kind.at, (int)number.len, number.at).at;
	}
	return NULL;
}

enum sl_outcome decode(struct sl_call *call)
{
	const char *topic = call->event->type;
	struct sl_text kind = { topic, strcspn(topic, "/.") };
	call->host->emit(call, &(struct sl_event){ .subject = subject_of(call, kind) });
	return SL_DONE;
}
