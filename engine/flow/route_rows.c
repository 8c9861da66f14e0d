/* SPDX-License-Identifier: Apache-2.0 */
/* route_rows.c - what came out of the transforms becomes rows. */
#include <string.h>

#include "base/clock.h"
#include "flow/route.h"

/* ------------------------------------------------------------------ remarks */

/* Those of one making of the rows; they count only if it ends well. */
struct remarks {
	struct remark *first, **end;
	struct arena *arena;
};

static void add_remark(struct remarks *remarks, enum remark_kind kind, const char *text)
{
	struct remark *remark = arena_alloc(remarks->arena, sizeof(*remark));
	*remark = (struct remark){ .kind = kind, .text = arena_string(remarks->arena, text) };
	*remarks->end = remark;
	remarks->end = &remark->next;
}

static void count_remarks(struct route *route, const struct remark *remark)
{
	for (; remark; remark = remark->next) {
		if (remark->kind == REMARK_DROP)
			drops_count(route, remark->text);
		else if (remark->kind == REMARK_MEND)
			mended_count(route, remark->text, 1);
	}
}

static void keep_remarks(struct delivery *delivery, const struct remarks *remarks)
{
	struct remark **at = &delivery->remarks;
	while (*at)
		at = &(*at)->next;
	*at = remarks->first;
}

/* ------------------------------------------------------------------ growing */

/* A trial goes on with the schema as it would be. */
static bool grow_for_trial(struct route *route, struct delivery *delivery, const struct growth *growth,
	struct why *why)
{
	if (!schema_grow(&route->schema, growth, why))
		return false;
	struct remarks remarks = { .end = &remarks.first, .arena = delivery->arena };
	for (; growth; growth = growth->next)
		add_remark(&remarks, REMARK_GROW, growth_shown(growth, delivery->arena));
	keep_remarks(delivery, &remarks);
	return true;
}

static enum fit grow(struct route *route, struct delivery *delivery, const struct growth *growth, struct why *why)
{
	if (route->trying)
		return grow_for_trial(route, delivery, growth, why) ? FIT_GROW : FIT_NOT;
	if (schema_evolved(route->schema)) {
		route_grows(route, delivery, growth);
		return FIT_GROW;
	}
	why_say(why, "the schema would have to get %s, and has no file for it", growth_shown(growth, delivery->arena));
	return FIT_NOT;
}

/* --------------------------------------------------------------------- rows */

static void plain_row(struct delivery *delivery, size_t at, struct sl_row *row)
{
	struct emission *piece = &delivery->pieces[at];
	row->event = &piece->event;
	row->version_time = piece->event.time * 1000;
	row->version_id = piece->event.id;
	row->idempotency = arena_format(delivery->arena, "%s:%s:%zu", piece->event.source, delivery->event.id, at);
}

static enum fit make_row(struct route *route, struct delivery *delivery, size_t at, struct fitting *fitting)
{
	struct emission *piece = &delivery->pieces[at];
	const struct sl_json *json = delivery->event.json;
	if (piece->emitted)
		json = emitted_json(piece->call, piece->emitted, fitting->why);
	if (!json)
		return FIT_NOT;
	piece->event.json = json;
	fitting->event = &piece->event;
	fitting->data = json;
	fitting->index = (uint32_t)at;
	if (route->schema)
		return schema_fit(route->schema, fitting);
	fitting->row = (struct sl_row){ 0 };
	plain_row(delivery, at, &fitting->row);
	return FIT_ROW;
}

/* Each of them; what the schema lacks for them all is known then.  The first that does not fit ends it. */
static enum fit make_all(struct route *route, struct delivery *delivery, struct remarks *remarks, struct why *why)
{
	struct fitting fitting = { .origin = &delivery->event, .now = clock_wall(), .arena = delivery->arena, .why = why };
	enum fit all = FIT_ROW;
	for (size_t i = 0; i < delivery->piece_count; i++) {
		enum fit fit = make_row(route, delivery, i, &fitting);
		if (fit == FIT_GROW)
			fit = all = grow(route, delivery, fitting.growth, why);
		if (fit == FIT_NOT)
			emitted_within(delivery->pieces[i].emitted, why);
		if (fit == FIT_NOT || (fit == FIT_GROW && route->trying))
			return fit;
		if (fit == FIT_DROP)
			add_remark(remarks, REMARK_DROP, why->text);
		for (size_t k = 0; fit == FIT_ROW && k < fitting.mended_count; k++)
			add_remark(remarks, REMARK_MEND, fitting.mended[k]);
		fitting.row.load = fit == FIT_ROW ? snapshot_load(fitting.row.table, &delivery->event) : NULL;
		if (fit == FIT_ROW)
			delivery->rows[delivery->row_count++] = fitting.row;
	}
	return all;
}

/* One for which the schema has to grow stays as it is: the route begins anew. */
void delivery_make_rows(struct route *route, struct delivery *delivery)
{
	struct why why;
	struct remarks remarks;
	enum fit fit;
	delivery->rows = arena_alloc(delivery->arena, (delivery->piece_count + 1) * sizeof(*delivery->rows));
	do {
		why.text[0] = '\0';
		remarks = (struct remarks){ .end = &remarks.first, .arena = delivery->arena };
		delivery->row_count = 0;
		fit = make_all(route, delivery, &remarks, &why);
	} while (fit == FIT_GROW && route->trying);
	if (fit != FIT_ROW)
		delivery->row_count = 0;
	if (fit == FIT_NOT)
		delivery_died(route, delivery, why.text);
	if (fit != FIT_ROW)
		return;
	count_remarks(route, remarks.first);
	keep_remarks(delivery, &remarks);
	bool none = delivery->piece_count && !delivery->row_count;
	if (route->schema && !route->trying)
		delivery_made(delivery); /* the next event's find their memory warm */
	delivery_settles(route, delivery, none ? DELIVERY_DROPPED : DELIVERY_READY);
}
