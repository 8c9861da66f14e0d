/* SPDX-License-Identifier: Apache-2.0 */
/* route_rows.c - what came out of the transforms becomes rows. */
#include "base/clock.h"
#include "flow/route.h"

static bool make_row(struct route *route, struct delivery *delivery, size_t at, int64_t now, struct why *why)
{
	struct emission *piece = &delivery->pieces[at];
	const struct sl_json *json = piece->emitted ? emitted_json(piece->call, piece->emitted, why) : delivery->event.json;
	struct sl_row *row = &delivery->rows[at];
	if (!json)
		return false;
	piece->event.json = json;
	if (route->schema)
		return schema_row(route->schema, &piece->event, json, &delivery->event, (uint32_t)at, now, delivery->arena,
			row, why);
	row->event = &piece->event;
	row->version_time = piece->event.time * 1000;
	row->version_id = piece->event.id;
	row->idempotency = arena_format(delivery->arena, "%s:%s:%zu", piece->event.source, delivery->event.id, at);
	return true;
}

void delivery_make_rows(struct route *route, struct delivery *delivery)
{
	struct why why = { "" };
	int64_t now = clock_wall();
	delivery->rows = arena_alloc(delivery->arena, (delivery->piece_count + 1) * sizeof(*delivery->rows));
	for (size_t i = 0; i < delivery->piece_count; i++)
		if (!make_row(route, delivery, i, now, &why)) {
			emitted_within(delivery->pieces[i].emitted, &why);
			delivery_died(route, delivery, why.text);
			return;
		}
	delivery->row_count = delivery->piece_count;
	delivery_settles(route, delivery, DELIVERY_READY);
}
