/* SPDX-License-Identifier: Apache-2.0 */
/* route_sync.c - what tells of a poll's run becomes a row of sluice_sync, or nothing.
 *
 * It is no matter for transforms.  A schema that has the table names the columns it
 * wants; the event's other members are left out.
 */
#include <string.h>

#include "flow/polled.h"
#include "flow/route.h"

static bool has_column(const struct sl_table *table, struct sl_text name)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (strlen(table->columns[i]->name) == name.len && memcmp(table->columns[i]->name, name.at, name.len) == 0)
			return true;
	return false;
}

static void write_wanted(const struct sl_table *table, const struct sl_json *data, struct buf *out)
{
	json_open(out, '{');
	for (const struct sl_json *at = sl_json_first(data); at; at = sl_json_next(at)) {
		if (!has_column(table, sl_json_name(at)))
			continue;
		json_key_text(out, sl_json_name(at));
		json_raw(out, sl_json_raw(at).at, sl_json_raw(at).len);
	}
	json_close(out, '}');
}

/* The same event with less in it, and another document. */
static void take_wanted(struct delivery *delivery, const struct sl_table *table)
{
	struct sl_event event = delivery->event;
	struct buf data = { 0 }, whole = { 0 };
	write_wanted(table, event.json, &data);
	event.data = (struct sl_text){ data.at, data.len };
	polled_write(&event, NULL, &whole);
	sl_json_free(&delivery->document);
	delivery->document = sl_json_read((struct sl_text){ whole.at, whole.len }, NULL, 0);
	polled_read(sl_json_root(delivery->document), delivery->arena, &delivery->event, NULL);
	delivery->event.source = event.source;
	delivery->event.received = event.received;
	delivery->event.type = POLLED_SYNC_TABLE;
	buf_free(&data);
	buf_free(&whole);
}

bool delivery_sync(const struct delivery *delivery)
{
	return delivery->record.flags & LOG_EVENT && polled_sync(delivery->event.type);
}

bool delivery_sync_wanted(struct route *route, struct delivery *delivery)
{
	const struct sl_table *table = route->schema ? schema_table(route->schema, POLLED_SYNC_TABLE) : NULL;
	if (table)
		take_wanted(delivery, table);
	return table != NULL;
}

bool delivery_sync_row(struct route *route, struct delivery *delivery)
{
	if (delivery_sync_wanted(route, delivery))
		return true;
	drops_count(route, "a poll's run, and there is no table " POLLED_SYNC_TABLE);
	delivery_settles(route, delivery, DELIVERY_DROPPED);
	return false;
}
