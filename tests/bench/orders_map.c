/* SPDX-License-Identifier: Apache-2.0 */
/* orders_map.c - an order, nested as a vendor does, becomes a row: a mapping in C. */
#include <string.h>

#include "plugin.h"

/* A column, and where it stands in the body. */
static const struct field {
	const char *name; /* as a member: with quotes and colon */
	const char *within, *at;
} fields[] = {
	{ "\"order_id\":", "/order", "/id" },
	{ "\"shop\":", "/shop", "/name" },
	{ "\"status\":", "/order", "/status" },
	{ "\"customer_id\":", "/customer", "/id" },
	{ "\"customer\":", "/customer", "/name" },
	{ "\"email\":", "/customer", "/email" },
	{ "\"city\":", "/customer", "/address/city" },
	{ "\"country\":", "/customer", "/address/country" },
	{ "\"currency\":", "/order", "/totals/currency" },
	{ "\"total\":", "/order", "/totals/gross" },
	{ "\"tax\":", "/order", "/totals/tax" },
	{ "\"discount\":", "/order", "/totals/discount" },
	{ "\"items\":", "/order", "/items" },
	{ "\"paid\":", "/order", "/paid" },
	{ "\"placed_at\":", "/order", "/placed_at" },
	{ "\"updated_at\":", "/event", "/at" },
	{ "\"ship_by\":", "/order", "/ship_by" },
	{ "\"note\":", "/order", "/note" },
	{ "\"tags\":", "/order", "/tags" },
	{ "\"event\":", "/event", "/id" },
};
#define FIELDS (sizeof(fields) / sizeof(*fields))

static char *add(char *to, const char *at, size_t len)
{
	memcpy(to, at, len);
	return to + len;
}

static struct sl_text row_of(struct sl_call *call, const struct sl_text values[FIELDS])
{
	size_t len = 2;
	for (size_t i = 0; i < FIELDS; i++)
		len += strlen(fields[i].name) + values[i].len + 1;
	char *text = call->host->alloc(call, len + 1), *to = text;
	for (size_t i = 0; i < FIELDS; i++) {
		if (!values[i].at)
			continue;
		*to = to == text ? '{' : ',';
		to++;
		to = add(to, fields[i].name, strlen(fields[i].name));
		to = add(to, values[i].at, values[i].len);
	}
	*to++ = '}';
	return (struct sl_text){ text, (size_t)(to - text) };
}

static enum sl_outcome transform(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct sl_text values[FIELDS];
	const struct sl_json *part = NULL;
	const char *within = NULL;
	for (size_t i = 0; i < FIELDS; i++) {
		if (fields[i].within != within)
			part = host->at(call->event->json, within = fields[i].within);
		values[i] = host->raw(host->at(part, fields[i].at));
	}
	if (!values[0].at)
		return host->fail(call, "this is no order");
	host->emit(call, &(struct sl_event){ .type = "orders", .data = row_of(call, values) });
	return SL_DONE;
}

SL_PLUGIN(
	.name = "orders_map",
	.version = "1.0",
	.summary = "An order becomes a row.",
	.transform = transform);
