/* SPDX-License-Identifier: Apache-2.0 */
/* route_pack.c - which deliveries go to the sink now, and as which rows. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow/route_ship.h"

static int by_order(const void *a, const void *b)
{
	const struct delivery *one = *(struct delivery *const *)a, *other = *(struct delivery *const *)b;
	return one->order < other->order ? -1 : one->order > other->order;
}

static void gather_members(struct route *route, struct consignment *it)
{
	size_t most = route->fresh + (it->batch ? it->batch->all.count : 0);
	it->members = arena_alloc(it->arena, (most + 1) * sizeof(*it->members));
	for (struct delivery *at = route->open.first; at && route->fresh; at = at->next)
		if (at->changed) {
			it->members[it->member_count++] = at;
			at->changed = false;
			route->fresh--;
		}
	for (struct delivery *at = it->batch ? it->batch->all.first : NULL; at; at = at->next)
		it->members[it->member_count++] = at;
	for (size_t i = 1; i < it->member_count; i++)
		if (it->members[i]->order < it->members[i - 1]->order) { /* seldom */
			qsort(it->members, it->member_count, sizeof(*it->members), by_order);
			break;
		}
}

bool consignment_took(const struct delivery *delivery)
{
	size_t at = 0;
	while (delivery->row_done && at < delivery->row_count && delivery->row_done[at])
		at++;
	return delivery->row_count && at == delivery->row_count;
}

/* What stands ready behind an elder that has to be tried again waits for it. */
static bool held_back(struct route *route, struct delivery *delivery)
{
	const struct delivery *elder = delivery->elder;
	if (!elder || elder->shipped == SHIPPED_ROWS || consignment_took(delivery))
		return false;
	delivery_opens(route, delivery);
	return true;
}

static enum shipped decide(struct route *route, struct delivery *delivery)
{
	if (delivery->state == DELIVERY_READY && delivery->closes)
		closing_ships(route, delivery);
	if (delivery->state == DELIVERY_READY && !held_back(route, delivery))
		return SHIPPED_ROWS;
	if (delivery->state == DELIVERY_DROPPED)
		return SHIPPED_DROP;
	return delivery->state == DELIVERY_DEAD ? SHIPPED_DEAD : SHIPPED_OPEN;
}

static void add_row(struct consignment *it, const struct sl_row *row, struct delivery *delivery, size_t which)
{
	it->rows[it->row_count] = row;
	it->whose[it->row_count] = delivery;
	it->which[it->row_count++] = which;
}

static void pack_rows(struct consignment *it, struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->row_count; i++)
		if (!delivery->row_done || !delivery->row_done[i])
			add_row(it, &delivery->rows[i], delivery, i);
}

static void pack_open(struct consignment *it, struct delivery *delivery)
{
	const char *name = it->route->name;
	bool settled = delivery->shipped == SHIPPED_ROWS || delivery->shipped == SHIPPED_DROP;
	if (settled && delivery->stands)
		add_row(it, stand_open_remove(it->arena, name, delivery->seq, delivery->part), NULL, 0);
	else if (!settled)
		add_row(it, stand_open_put(it->arena, name, delivery), NULL, 0);
	delivery->shipped_state = delivery->state;
	delivery->shipped_tries = delivery->tries;
}

static void count_member(struct stand *stand, const struct delivery *delivery)
{
	stand->delivered += delivery->shipped == SHIPPED_ROWS;
	stand->dropped += delivery->shipped == SHIPPED_DROP && !delivery->repeat;
	stand->repeats += delivery->repeat;
}

void consignment_ids(const struct consignment *it, struct keep_job *job)
{
	const struct batch *batch = it->batch;
	if (!batch || batch->seen.len == batch->seen_kept)
		return;
	job->first = it->route->stand.cursor + 1;
	job->last = batch->upto;
	job->seen = (struct sl_text){ batch->seen.at, batch->seen.len };
}

/* Copies of the dead, and ids.  These go with where we stand if that is in the own file, too. */
static void pack_keep(struct consignment *it)
{
	struct keep_job *job = &it->job;
	struct keep_body *copies = arena_alloc(it->arena, (it->member_count + 1) * sizeof(*copies));
	for (size_t i = 0; i < it->member_count; i++) {
		struct delivery *delivery = it->members[i];
		if (delivery->shipped == SHIPPED_DEAD && delivery->arena)
			copies[job->copy_count++] = (struct keep_body){ &delivery->record, delivery->part };
	}
	job->copies = copies;
	if (it->route->transactional)
		consignment_ids(it, job);
}

static void pack_stand(struct consignment *it)
{
	struct route *route = it->route;
	it->stand_from = it->row_count;
	add_row(it, stand_expect(it->arena, route->name, &route->stand), NULL, 0);
	size_t open = it->row_count;
	for (size_t i = 0; i < it->member_count; i++)
		pack_open(it, it->members[i]);
	it->plain = it->row_count == open;
	if (it->batch) {
		it->after.cursor = it->batch->upto;
		memcpy(it->after.mark, it->batch->mark, sizeof(it->after.mark));
	}
	add_row(it, stand_put(it->arena, route->name, &it->after, clock_wall()), NULL, 0);
}

struct consignment *consignment_pack(struct route *route)
{
	struct consignment *it = must_alloc(sizeof(*it));
	size_t rows = 0, room;
	it->route = route;
	it->arena = arena_new();
	it->batch = route->shipping;
	it->after = route->stand;
	gather_members(route, it);
	for (size_t i = 0; i < it->member_count; i++) {
		struct delivery *delivery = it->members[i];
		delivery->shipped = decide(route, delivery);
		rows += delivery->shipped == SHIPPED_ROWS ? delivery->row_count : 0;
		count_member(&it->after, delivery);
	}
	room = rows + it->member_count + 2;
	it->rows = arena_alloc(it->arena, room * sizeof(*it->rows));
	it->whose = arena_alloc(it->arena, room * sizeof(struct delivery *));
	it->which = arena_alloc(it->arena, room * sizeof(*it->which));
	for (size_t i = 0; i < it->member_count; i++)
		if (it->members[i]->shipped == SHIPPED_ROWS)
			pack_rows(it, it->members[i]);
	pack_stand(it);
	pack_keep(it);
	keep_collect(route->keep, &it->job);
	return it;
}
