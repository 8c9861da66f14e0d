/* SPDX-License-Identifier: Apache-2.0 */
/* orders.c - an order as a row of the table orders: ../poll/orders.lua in C. */
#include "plugin.h"

static const char *const columns[] = { "id", "status", "customer", "total", "updated_at", NULL };

/* The columns that the order has, as they stand in it. */
static struct sl_text row(struct sl_call *call, const struct sl_json *order)
{
	const struct sl_host *host = call->host;
	struct sl_text row = { "{", 1 };
	for (const char *const *column = columns; *column; column++) {
		const struct sl_json *value = host->at(order, host->format(call, "/%s", *column).at);
		struct sl_text raw = host->raw(value);
		if (value)
			row = host->format(call, "%s%s\"%s\":%.*s", row.at, row.len > 1 ? "," : "", *column, (int)raw.len, raw.at);
	}
	return host->format(call, "%s}", row.at);
}

static enum sl_outcome transform(struct sl_call *call)
{
	call->host->emit(call, &(struct sl_event){ .type = "orders", .data = row(call, call->event->json) });
	return SL_DONE;
}

SL_PLUGIN(
	.name = "orders",
	.version = "1.0",
	.summary = "Orders of a shop as rows.",
	.transform = transform);
