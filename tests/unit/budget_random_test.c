/* SPDX-License-Identifier: Apache-2.0 */
/* budget_random_test.c - no window of the far side ever holds more than was allowed, whatever its owners do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/desk.h"

#define OWNERS 4
#define MOST 64           /* requests under way and waiting, of all owners */
#define LASTS 30000       /* ms */
#define ARRIVALS 20000

struct request {
	bool used, granted;
	uint32_t owner;
	uint64_t ticket, grant;
	enum budget_class class;
	int64_t asked, arrives, completes, ends;
};

struct world {
	struct desk *desk;
	struct request requests[MOST];
	int64_t now;
	uint64_t last_ticket;
	int64_t arrivals[ARRIVALS], completions[ARRIVALS];
	size_t count, backfills;
	int64_t live_waits; /* the longest */
	size_t under_way, most_under_way;
	unsigned seed;
};

static int64_t chance(struct world *world, int64_t most)
{
	return rand_r(&world->seed) % (most + 1);
}

static void granted(void *data, uint32_t owner, uint64_t ticket, uint64_t grant, int64_t after)
{
	struct world *world = data;
	struct request *request = world->requests;
	assert_int_equal(after, 0);
	while (!request->used || request->ticket != ticket)
		request++;
	assert_int_equal(request->owner, owner);
	request->granted = true;
	request->grant = grant;
	request->arrives = world->now + chance(world, 200);
	request->completes = request->arrives + chance(world, 300);
	request->ends = request->completes + chance(world, 200);
	world->under_way++;
	if (world->under_way > world->most_under_way)
		world->most_under_way = world->under_way;
	if (request->class == BUDGET_LIVE && world->now - request->asked > world->live_waits)
		world->live_waits = world->now - request->asked;
	world->backfills += request->class == BUDGET_BACKFILL;
}

static void count(struct world *world, const struct request *request)
{
	assert_true(world->count < ARRIVALS);
	world->arrivals[world->count] = request->arrives;
	world->completions[world->count++] = request->completes;
}

static int waiting(const struct world *world, enum budget_class class)
{
	int number = 0;
	for (const struct request *request = world->requests; request < world->requests + MOST; request++)
		number += request->used && !request->granted && request->class == class;
	return number;
}

static bool ask(struct world *world, uint32_t owner, enum budget_class class)
{
	struct request *request = world->requests;
	while (request < world->requests + MOST && request->used)
		request++;
	if (request == world->requests + MOST)
		return false;
	*request = (struct request){ .used = true, .owner = owner, .class = class, .asked = world->now };
	request->ticket = ++world->last_ticket;
	desk_take(world->desk, "key", owner, request->ticket, class, 1);
	return true;
}

/* Its requests are on the wire: they arrive, though nobody waits for their answers. */
static bool kill_owner(struct world *world, uint32_t owner)
{
	for (struct request *request = world->requests; request < world->requests + MOST; request++) {
		if (!request->used || request->owner != owner)
			continue;
		request->used = false;
		if (!request->granted)
			continue;
		world->under_way--;
		count(world, request);
	}
	desk_drop(world->desk, owner, world->now);
	return true;
}

static bool end_requests(struct world *world)
{
	bool ended = false;
	for (struct request *request = world->requests; request < world->requests + MOST; request++) {
		if (!request->used || !request->granted || request->ends > world->now)
			continue;
		request->used = false;
		world->under_way--;
		count(world, request);
		desk_give(world->desk, "key", request->owner, request->grant, BUDGET_AS_SAID, 0, world->now);
		ended = true;
	}
	return ended;
}

static bool forget_one(struct world *world)
{
	struct request *request = &world->requests[chance(world, MOST - 1)];
	if (!request->used || request->granted)
		return false;
	request->used = false;
	desk_forget(world->desk, request->owner, request->ticket, world->now);
	return true;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void assert_within(int64_t *times, size_t times_count, int64_t requests, int64_t window)
{
	qsort(times, times_count, sizeof(*times), by_time);
	for (size_t i = (size_t)requests; i < times_count; i++)
		if (times[i] - times[i - (size_t)requests] < window)
			fail_msg("%zu requests within %d ms, the last at %d", (size_t)requests + 1,
				(int)(times[i] - times[i - (size_t)requests]), (int)times[i]);
}

struct load {
	int64_t live_every; /* a live call once in so many ms; 0: none */
	bool backfill;      /* asks for more than it can get */
	int64_t kill_every;
};

static void live_a_while(struct world *world, const struct budget_limits *limits, const struct load *load)
{
	int64_t next = INT64_MAX;
	world->desk = desk_new(granted, world, BUDGET_UNUSED);
	desk_limit(world->desk, "key", limits, 0);
	for (world->now = 0; world->now < LASTS; world->now++) {
		bool changed = end_requests(world);
		if (load->live_every && chance(world, load->live_every) == 0)
			changed |= ask(world, 1 + (uint32_t)chance(world, OWNERS - 1), BUDGET_LIVE);
		if (load->backfill && waiting(world, BUDGET_BACKFILL) < 8)
			changed |= ask(world, OWNERS, BUDGET_BACKFILL);
		if (load->kill_every && chance(world, load->kill_every) == 0)
			changed |= kill_owner(world, 1 + (uint32_t)chance(world, OWNERS - 1));
		if (chance(world, 500) == 0)
			changed |= forget_one(world);
		if (changed || world->now >= next)
			next = desk_serve(world->desk, world->now);
	}
	desk_free(&world->desk);
	assert_within(world->arrivals, world->count, limits->requests, limits->window);
	assert_within(world->completions, world->count, limits->requests, limits->window);
}

static void no_window_ever_holds_too_many(void **state)
{
	static const struct budget_limits limits[] = {
		{ .requests = 1, .window = 500 },
		{ .requests = 7, .window = 1000, .at_once = 3 },
		{ .requests = 100, .window = 10000 },
		{ .requests = 50, .window = 1000, .at_once = 20 },
	};
	static const struct load loads[] = {
		{ 20, true, 0 },
		{ 5, true, 700 },
		{ 1, false, 3000 },
		{ 0, true, 900 },
	};
	for (unsigned i = 0; i < 4 * 4 * 2; i++) {
		struct world *world = calloc(1, sizeof(*world));
		world->seed = i;
		live_a_while(world, &limits[i % 4], &loads[i / 4 % 4]);
		assert_true(world->count > 20);
		assert_true(!limits[i % 4].at_once || world->most_under_way <= (size_t)limits[i % 4].at_once);
		free(world);
	}
}

/* Live calls use half of it; a backfill takes whatever it gets. */
static void live_calls_hardly_wait_behind_a_backfill(void **state)
{
	const struct budget_limits limits = { .requests = 100, .window = 10000, .at_once = 20 };
	struct world *world = calloc(1, sizeof(*world));
	world->seed = 7;
	live_a_while(world, &limits, &(struct load){ .live_every = 200, .backfill = true });
	print_message("live calls waited at most %d ms, beside %zu requests of the backfill\n", (int)world->live_waits,
		world->backfills);
	assert_true(world->live_waits < 1000);
	assert_true(world->backfills > 60);
	free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_window_ever_holds_too_many),
		cmocka_unit_test(live_calls_hardly_wait_behind_a_backfill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
