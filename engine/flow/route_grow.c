/* SPDX-License-Identifier: Apache-2.0 */
/* route_grow.c - events bring what the schema has not; it grows, and the route goes on from where it stands.
 *
 *     note      what is new goes into the file of additions, on disk
 *     anew      the schema is read again, and the sink made anew: its open step alters the destination
 *     begin     all that was in memory is forgotten, and read again from the cursor (route_start.c)
 *
 * Nothing of the events that brought it has been written by then.
 */
#include <string.h>

#include "base/line.h"
#include "flow/route.h"

#define VAIN_MOST 3 /* times in a row that the schema does not take what was noted */

struct news {
	struct growth growth; /* first: a pointer to it is one to the news */
	struct about about;   /* the event */
};

struct growing {
	struct arena *arena;
	const struct growth *first, **end; /* of news */
};

static bool same(const struct growth *one, const struct growth *other)
{
	bool columns = one->column && other->column;
	return one->kind == other->kind && strcmp(one->table, other->table) == 0 &&
		(columns ? strcmp(one->column, other->column) == 0 : one->column == other->column);
}

static bool known(const struct growing *growing, const struct growth *growth)
{
	for (const struct growth *at = growing->first; at; at = at->next)
		if (same(at, growth))
			return true;
	return false;
}

static struct growing *growing_new(void)
{
	struct arena *arena = arena_new();
	struct growing *growing = arena_alloc(arena, sizeof(*growing));
	growing->arena = arena;
	growing->end = &growing->first;
	return growing;
}

void route_grow_forget(struct route *route)
{
	struct arena *arena = route->growing ? route->growing->arena : NULL;
	route->growing = NULL;
	arena_free(&arena);
}

void route_grows(struct route *route, const struct delivery *delivery, const struct growth *growth)
{
	struct growing *growing = route->growing ? route->growing : (route->growing = growing_new());
	for (; growth; growth = growth->next) {
		if (known(growing, growth))
			continue;
		struct news *news = arena_alloc(growing->arena, sizeof(*news));
		news->growth = (struct growth){ .table = arena_string(growing->arena, growth->table),
			.column = arena_string(growing->arena, growth->column), .type = growth->type, .kind = growth->kind };
		news->about = (struct about){ arena_string(growing->arena, delivery->label.source), NULL,
			arena_string(growing->arena, delivery->label.id), delivery->seq };
		*growing->end = &news->growth;
		growing->end = &news->growth.next;
	}
}

/* --------------------------------------------------------------------- steps */

static void tell(struct growing *growing)
{
	for (const struct growth *at = growing->first; at; at = at->next) {
		const struct news *news = (const struct news *)at;
		line_about(SL_INFO, &news->about, "the schema gets %s: the event has it", growth_shown(at, growing->arena));
	}
}

/* Who asks for the same again and again would never come any further. */
static bool taken(struct route *route)
{
	struct why why;
	for (const struct growth *at = route->growing->first; at; at = at->next) {
		if (schema_has(route->schema, at))
			continue;
		if (++route->grown_in_vain < VAIN_MOST)
			return true;
		why_say(&why, "the schema file does not take %s, which events bring and %s has",
			growth_shown(at, route->growing->arena), schema_evolved(route->schema));
		route_block(route, why.text);
		return false;
	}
	route->grown_in_vain = 0;
	return true;
}

bool route_grow(struct route *route)
{
	struct why why = { "" };
	if (!route->growing || route->state != ROUTE_RUNNING || route->rewinding || route_sink_busy(route))
		return false;
	if (!schema_note(schema_evolved(route->schema), route->growing->first, &why)) {
		route_outage(route, why.text, 0, route_go_on);
		return true;
	}
	tell(route->growing);
	if (!route_sink_anew(route, &why)) {
		route_outage(route, why.text, 0, route_go_on);
		return true;
	}
	bool good = taken(route);
	route_grow_forget(route);
	if (good)
		route_begin(route);
	return true;
}
