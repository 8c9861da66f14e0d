/* SPDX-License-Identifier: Apache-2.0 */
/* budget_test.c - no window of the far side ever holds more than was allowed, whatever happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/budget.h"
#include "base/desk.h"

static uint64_t take(struct budget *budget, enum budget_class class, int64_t now)
{
	int64_t again;
	return budget_take(budget, class, 1, 1, now, &again);
}

static int takes(struct budget *budget, enum budget_class class, int64_t now)
{
	int count = 0;
	while (take(budget, class, now))
		count++;
	return count;
}

/* ---------------------------------------------------------------- one after the other */

static void slots_come_free_one_window_after_the_end(void **state)
{
	struct budget *budget = budget_new(&(struct budget_limits){ .requests = 2, .window = 1000 }, BUDGET_UNUSED);
	int64_t again;
	uint64_t first = take(budget, BUDGET_LIVE, 0), second = take(budget, BUDGET_LIVE, 0);
	assert_true(first && second && first != second);
	assert_int_equal(budget_take(budget, BUDGET_LIVE, 1, 1, 5, &again), 0);
	assert_true(again == INT64_MAX); /* both are under way */
	budget_give(budget, second, 0, 300);
	assert_int_equal(budget_take(budget, BUDGET_LIVE, 1, 1, 300, &again), 0);
	assert_int_equal(again, 1301);
	assert_int_equal(take(budget, BUDGET_LIVE, 1300), 0);
	assert_true(take(budget, BUDGET_LIVE, 1301));
	budget_give(budget, 4711, 0, 1301); /* nobody's */
	assert_int_equal(take(budget, BUDGET_LIVE, 1301), 0);
	budget_free(&budget);
	assert_null(budget);
}

static void points_are_counted_as_they_were_spent(void **state)
{
	struct budget *budget = budget_new(&(struct budget_limits){ .points = 100, .points_window = 1000 }, BUDGET_UNUSED);
	int64_t again;
	uint64_t id = budget_take(budget, BUDGET_LIVE, 1, 60, 0, &again);
	assert_true(id);
	assert_int_equal(budget_take(budget, BUDGET_LIVE, 1, 60, 0, &again), 0);
	budget_give(budget, id, 10, 100);
	assert_true(budget_take(budget, BUDGET_LIVE, 1, 90, 100, &again));
	assert_int_equal(budget_take(budget, BUDGET_LIVE, 1, 1, 100, &again), 0);
	budget_free(&budget);
}

static void what_costs_more_than_all_gets_all(void **state)
{
	struct budget *budget = budget_new(&(struct budget_limits){ .points = 100, .points_window = 1000 }, BUDGET_UNUSED);
	int64_t again;
	assert_true(budget_take(budget, BUDGET_BACKFILL, 1, 5000, 0, &again));
	assert_int_equal(budget_take(budget, BUDGET_LIVE, 1, 1, 0, &again), 0);
	budget_free(&budget);
}

static void only_so_many_at_once(void **state)
{
	struct budget *budget = budget_new(&(struct budget_limits){ .at_once = 5 }, BUDGET_UNUSED);
	assert_int_equal(takes(budget, BUDGET_BACKFILL, 0), 4);
	assert_int_equal(takes(budget, BUDGET_LIVE, 0), 1);
	budget_give(budget, 1, 0, 0);
	assert_int_equal(takes(budget, BUDGET_BACKFILL, 0), 0);
	assert_int_equal(takes(budget, BUDGET_LIVE, 0), 1);
	budget_free(&budget);
}

static void after_a_restart_nothing_is_left(void **state)
{
	const struct budget_limits limits = { .requests = 3, .window = 1000, .points = 9, .points_window = 5000 };
	struct budget *budget = budget_new(&limits, 100);
	int64_t again;
	assert_int_equal(budget_take(budget, BUDGET_LIVE, 1, 1, 200, &again), 0);
	assert_int_equal(again, 5101);
	assert_true(take(budget, BUDGET_LIVE, 5101));
	budget_free(&budget);
}

static void silence_is_kept_by_everybody(void **state)
{
	struct budget *budget = budget_new(&(struct budget_limits){ 0 }, BUDGET_UNUSED);
	int64_t again;
	assert_true(take(budget, BUDGET_LIVE, 0));
	budget_hush(budget, 500);
	budget_hush(budget, 300); /* the longer one counts */
	assert_int_equal(budget_take(budget, BUDGET_LIVE, 1, 1, 100, &again), 0);
	assert_int_equal(again, 500);
	assert_int_equal(budget_hushed(budget, 100), 400);
	assert_int_equal(budget_hushed(budget, 500), 0);
	assert_true(take(budget, BUDGET_LIVE, 500));
	budget_free(&budget);
}

static void a_lower_limit_counts_what_was_used(void **state)
{
	struct budget *budget = budget_new(&(struct budget_limits){ .requests = 10, .window = 1000 }, BUDGET_UNUSED);
	for (int i = 0; i < 8; i++)
		budget_give(budget, take(budget, BUDGET_LIVE, 0), 0, 0);
	budget_limit(budget, &(struct budget_limits){ .requests = 9, .window = 1000 }, 10);
	assert_int_equal(takes(budget, BUDGET_LIVE, 10), 1);
	budget_limit(budget, &(struct budget_limits){ .requests = 90, .window = 9000 }, 20);
	assert_int_equal(takes(budget, BUDGET_LIVE, 9000), 0); /* what was used before is not known so far back */
	assert_true(takes(budget, BUDGET_LIVE, 9100) > 0);
	budget_free(&budget);
}

/* --------------------------------------------------------------------------- backfill */

static void a_backfill_alone_leaves_a_sixteenth(void **state)
{
	struct budget *budget = budget_new(&(struct budget_limits){ .requests = 40, .window = 1000 }, BUDGET_UNUSED);
	int backfilled = 0;
	for (int64_t now = 0; now < 999; now++)
		backfilled += takes(budget, BUDGET_BACKFILL, now);
	assert_int_equal(backfilled, 38);
	assert_int_equal(takes(budget, BUDGET_LIVE, 999), 2);
	budget_free(&budget);
}

static void a_backfill_gets_what_live_calls_left_but_for_a_fifth(void **state)
{
	struct budget *budget = budget_new(&(struct budget_limits){ .requests = 10, .window = 1000 }, BUDGET_UNUSED);
	for (int i = 0; i < 5; i++)
		budget_give(budget, take(budget, BUDGET_LIVE, 0), 0, 0);
	int backfilled = 0;
	for (int64_t now = 0; now < 1000; now++)
		backfilled += takes(budget, BUDGET_BACKFILL, now);
	assert_int_equal(backfilled, 3);
	budget_free(&budget);
}

static void a_backfill_leaves_as_much_again_as_live_calls_used(void **state)
{
	struct budget *budget = budget_new(&(struct budget_limits){ .requests = 100, .window = 1000 }, BUDGET_UNUSED);
	for (int i = 0; i < 10; i++)
		budget_give(budget, take(budget, BUDGET_LIVE, 0), 0, 0);
	int backfilled = 0;
	for (int64_t now = 0; now < 1000; now++)
		backfilled += takes(budget, BUDGET_BACKFILL, now);
	assert_int_equal(backfilled, 80);
	budget_free(&budget);
}

static void a_backfill_is_spread_over_the_window(void **state)
{
	struct budget *budget = budget_new(&(struct budget_limits){ .requests = 100, .window = 10000 }, BUDGET_UNUSED);
	int64_t again;
	assert_int_equal(takes(budget, BUDGET_BACKFILL, 0), 1);
	assert_int_equal(budget_take(budget, BUDGET_BACKFILL, 1, 1, 0, &again), 0);
	assert_int_equal(again, 106);
	assert_int_equal(takes(budget, BUDGET_BACKFILL, 107), 1);
	assert_int_equal(takes(budget, BUDGET_BACKFILL, 330), 2); /* late: one more makes up for it */
	assert_int_equal(takes(budget, BUDGET_BACKFILL, 9000), 6); /* but not for a long rest */
	budget_free(&budget);
}

static void a_backfill_waits_for_what_its_calls_did_cost(void **state)
{
	struct budget *budget = budget_new(&(struct budget_limits){ .points = 1600, .points_window = 1500 }, BUDGET_UNUSED);
	int64_t again;
	uint64_t id = budget_take(budget, BUDGET_BACKFILL, 1, 800, 0, &again);
	assert_true(id);
	assert_int_equal(budget_take(budget, BUDGET_BACKFILL, 1, 100, 1, &again), 0);
	assert_int_equal(again, 800);
	budget_give(budget, id, 100, 50);
	assert_int_equal(budget_take(budget, BUDGET_BACKFILL, 1, 100, 50, &again), 0);
	assert_int_equal(again, 100);
	assert_true(budget_take(budget, BUDGET_BACKFILL, 1, 100, 100, &again));
	budget_free(&budget);
}

static void what_cost_nothing_takes_nothing(void **state)
{
	struct budget *budget = budget_new(&(struct budget_limits){ .points = 100, .points_window = 1000 }, BUDGET_UNUSED);
	int64_t again;
	uint64_t id = budget_take(budget, BUDGET_LIVE, 1, 60, 0, &again);
	budget_give(budget, id, 0, 10);
	id = budget_take(budget, BUDGET_BACKFILL, 1, 94, 20, &again);
	assert_true(id);
	budget_give(budget, id, 0, 30);
	assert_true(budget_take(budget, BUDGET_BACKFILL, 1, 94, 40, &again));
	id = budget_take(budget, BUDGET_LIVE, 1, 6, 50, &again);
	budget_give(budget, id, BUDGET_AS_SAID, 60);
	assert_int_equal(budget_take(budget, BUDGET_LIVE, 1, 1, 70, &again), 0);
	budget_free(&budget);
}

static void a_backfill_of_the_smallest_budget_gets_on(void **state)
{
	for (int64_t requests = 1; requests <= 4; requests++) {
		struct budget *budget =
			budget_new(&(struct budget_limits){ .requests = requests, .window = 100 }, BUDGET_UNUSED);
		int count = 0;
		for (int64_t now = 0; now < 1000; now++) {
			uint64_t id = take(budget, BUDGET_BACKFILL, now);
			budget_give(budget, id, 0, now);
			count += id != 0;
		}
		assert_true(count >= 9);
		budget_free(&budget);
	}
}

/* ----------------------------------------------------------------------------- a bucket */

#define TOGETHER 6

/* Of the far side: what it holds at that moment, and when it was asked. */
struct bucket {
	double held;
	int64_t at, spent;
};

static const struct budget_limits flowing = { .points = 2000, .points_window = 20000, .points_flow = true };

static void spend(struct bucket *bucket, int64_t cost, int64_t now)
{
	bucket->held += (double)(now - bucket->at) * 2000 / 20000;
	bucket->held = bucket->held < 2000 ? bucket->held : 2000;
	bucket->at = now;
	assert_true(bucket->held >= (double)cost);
	bucket->held -= (double)cost;
	bucket->spent += cost;
}

static void points_flow_back(void **state)
{
	struct budget *budget = budget_new(&flowing, BUDGET_UNUSED);
	int64_t again;
	uint64_t id = budget_take(budget, BUDGET_LIVE, 1, 2000, 0, &again);
	assert_int_equal(budget_take(budget, BUDGET_LIVE, 1, 1, 5000, &again), 0);
	assert_true(again == INT64_MAX); /* nothing flows while it is under way */
	budget_give(budget, id, 1500, 5000);
	id = budget_take(budget, BUDGET_LIVE, 1, 400, 5000, &again);
	assert_int_equal(budget_take(budget, BUDGET_LIVE, 1, 110, 5000, &again), 0);
	assert_int_equal(again, 5010);
	assert_int_equal(budget_take(budget, BUDGET_LIVE, 1, 110, 5099, &again), 0);
	assert_true(budget_take(budget, BUDGET_LIVE, 1, 110, 5100, &again));
	assert_int_equal(budget_take(budget, BUDGET_LIVE, 1, 2000, 20005, &again), 0);
	budget_free(&budget);
}

/* Requests that overtake each other on the way, and cost no more than was said. */
static void a_bucket_never_holds_less_than_is_thought(void **state)
{
	struct {
		uint64_t id;
		int64_t arrives, ends, cost, most;
	} requests[TOGETHER] = { 0 };
	struct budget *budget = budget_new(&flowing, BUDGET_UNUSED);
	struct bucket bucket = { .held = 2000 };
	unsigned seed = 1;
	int64_t again;
	for (int64_t now = 0; now < 200000; now++)
		for (int i = 0; i < TOGETHER; i++) {
			if (requests[i].id && now == requests[i].arrives)
				spend(&bucket, requests[i].cost, now);
			if (requests[i].id && now == requests[i].ends) {
				budget_give(budget, requests[i].id, requests[i].cost, now);
				requests[i].id = 0;
			}
			if (requests[i].id)
				continue;
			requests[i].most = 1 + rand_r(&seed) % 300;
			requests[i].cost = rand_r(&seed) % (requests[i].most + 1);
			requests[i].arrives = now + 1 + rand_r(&seed) % 300;
			requests[i].ends = requests[i].arrives + 1 + rand_r(&seed) % 300;
			requests[i].id = budget_take(budget, BUDGET_LIVE, 1, requests[i].most, now, &again);
		}
	assert_true(bucket.spent > 20000 * 95 / 100);
	budget_free(&budget);
}

/* One call after the other, few of them dear: as the pages of a shop's orders are. */
static void a_backfill_uses_what_flows_back(void **state)
{
	struct budget *budget = budget_new(&flowing, BUDGET_UNUSED);
	struct bucket bucket = { .held = 2000 };
	int64_t again, now = 0;
	for (int i = 0; now < 400000; i++) {
		int64_t cost = i % 6 ? 43 : 288;
		uint64_t id = budget_take(budget, BUDGET_BACKFILL, 1, cost, now, &again);
		for (; !id; id = budget_take(budget, BUDGET_BACKFILL, 1, cost, now, &again))
			now = again;
		spend(&bucket, cost, now + 50);
		now += 100;
		budget_give(budget, id, cost, now);
	}
	assert_true(bucket.spent > 40000 * 92 / 100);
	budget_free(&budget);
}

/* ------------------------------------------------------------------------- the desk */

struct told {
	uint64_t ticket, grant;
	int64_t after;
	int times;
};

static void note(void *data, uint32_t owner, uint64_t ticket, uint64_t grant, int64_t after)
{
	struct told *told = data;
	*told = (struct told){ ticket, grant, after, told->times + 1 };
}

static void live_calls_go_first(void **state)
{
	struct told told = { 0 };
	struct desk *desk = desk_new(note, &told, BUDGET_UNUSED);
	desk_limit(desk, "key", &(struct budget_limits){ .at_once = 1 }, 0);
	desk_take(desk, "key", 1, 1, BUDGET_LIVE, 1);
	assert_true(desk_serve(desk, 0) == INT64_MAX);
	uint64_t grant = told.grant;
	desk_take(desk, "key", 1, 2, BUDGET_BACKFILL, 1);
	desk_take(desk, "key", 2, 1, BUDGET_LIVE, 1); /* another process' number one */
	desk_serve(desk, 0);
	assert_int_equal(told.times, 1);
	desk_give(desk, "key", 1, grant, 0, 0, 10);
	desk_serve(desk, 10);
	assert_int_equal(told.times, 2);
	assert_int_equal(told.ticket, 1);
	desk_give(desk, "key", 1, told.grant, 0, 0, 20); /* not theirs to give */
	desk_serve(desk, 20);
	assert_int_equal(told.times, 2);
	desk_drop(desk, 2, 30);
	desk_serve(desk, 30);
	assert_int_equal(told.ticket, 2);
	desk_free(&desk);
	assert_null(desk);
}

static void who_forgets_gives_back_what_was_told_meanwhile(void **state)
{
	struct told told = { 0 };
	struct desk *desk = desk_new(note, &told, BUDGET_UNUSED);
	desk_limit(desk, "key", &(struct budget_limits){ .at_once = 1 }, 0);
	desk_take(desk, "key", 1, 1, BUDGET_LIVE, 1);
	desk_take(desk, "key", 1, 2, BUDGET_LIVE, 1);
	desk_take(desk, "key", 1, 3, BUDGET_LIVE, 1);
	desk_serve(desk, 0);
	desk_forget(desk, 1, 2, 0); /* waits */
	desk_forget(desk, 1, 1, 0); /* holds a grant already */
	desk_serve(desk, 0);
	assert_int_equal(told.ticket, 3);
	desk_free(&desk);
}

static void who_would_wait_long_is_sent_away(void **state)
{
	struct told told = { 0 };
	struct desk *desk = desk_new(note, &told, BUDGET_UNUSED);
	desk_take(desk, "key", 1, 1, BUDGET_LIVE, 1);
	desk_serve(desk, 0);
	desk_give(desk, "key", 1, told.grant, 0, 5000, 0);
	desk_take(desk, "key", 1, 2, BUDGET_LIVE, 1);
	assert_int_equal(desk_serve(desk, 0), 5000);
	assert_int_equal(told.times, 1);
	desk_give(desk, "key", 1, 0, 0, 60000, 1000);
	assert_true(desk_serve(desk, 1000) == INT64_MAX);
	assert_int_equal(told.ticket, 2);
	assert_int_equal(told.grant, 0);
	assert_int_equal(told.after, 60000);
	desk_free(&desk);
}

static void redirects_are_requests_too(void **state)
{
	struct told told = { 0 };
	struct desk *desk = desk_new(note, &told, BUDGET_UNUSED);
	desk_limit(desk, "key", &(struct budget_limits){ .requests = 3, .window = 1000 }, 0);
	desk_take(desk, "key", 1, 1, BUDGET_LIVE, 1);
	desk_serve(desk, 0);
	desk_more(desk, "key", 2, told.grant, 2); /* not theirs */
	desk_more(desk, "key", 1, told.grant, 2);
	desk_give(desk, "key", 1, told.grant, 0, 0, 10);
	desk_take(desk, "key", 1, 2, BUDGET_LIVE, 1);
	assert_int_equal(desk_serve(desk, 10), 1011);
	assert_int_equal(told.times, 1);
	desk_serve(desk, 1011);
	assert_int_equal(told.times, 2);
	desk_free(&desk);
}

static void no_number_means_nobody(void **state)
{
	struct told told = { 0 };
	struct desk *desk = desk_new(note, &told, BUDGET_UNUSED);
	desk_limit(desk, "key", &(struct budget_limits){ .at_once = 1 }, 0);
	desk_take(desk, "key", 1, 0, BUDGET_LIVE, 1);
	desk_serve(desk, 0);
	assert_int_equal(told.times, 0);
	desk_take(desk, "key", 1, 1, BUDGET_LIVE, 1);
	desk_take(desk, "key", 1, 2, BUDGET_LIVE, 1);
	desk_serve(desk, 0);
	desk_forget(desk, 1, 0, 0);
	desk_give(desk, "key", 1, 0, 0, 0, 0);
	desk_serve(desk, 0);
	assert_int_equal(told.times, 1); /* the first still holds it */
	desk_give(desk, "key", 1, told.grant, 0, 0, 0);
	desk_serve(desk, 0);
	assert_int_equal(told.ticket, 2); /* and the second still waits */
	desk_free(&desk);
}

static void only_so_many_of_one_owner_wait(void **state)
{
	struct told told = { 0 };
	struct desk *desk = desk_new(note, &told, BUDGET_UNUSED);
	desk_limit(desk, "key", &(struct budget_limits){ .at_once = 1 }, 0);
	for (uint64_t i = 1; i <= DESK_WAITING; i++)
		desk_take(desk, i % 2 ? "key" : "other", 1, i, BUDGET_LIVE, 1);
	assert_int_equal(told.times, 0);
	desk_take(desk, "key", 1, DESK_WAITING + 1, BUDGET_LIVE, 1);
	assert_int_equal(told.ticket, DESK_WAITING + 1);
	assert_int_equal(told.grant, 0);
	assert_true(told.after > 0);
	desk_take(desk, "key", 2, 1, BUDGET_LIVE, 1); /* somebody else may */
	assert_int_equal(told.times, 1);
	desk_free(&desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_come_free_one_window_after_the_end),
		cmocka_unit_test(points_are_counted_as_they_were_spent),
		cmocka_unit_test(what_cost_nothing_takes_nothing),
		cmocka_unit_test(points_flow_back),
		cmocka_unit_test(a_bucket_never_holds_less_than_is_thought),
		cmocka_unit_test(a_backfill_uses_what_flows_back),
		cmocka_unit_test(redirects_are_requests_too),
		cmocka_unit_test(no_number_means_nobody),
		cmocka_unit_test(only_so_many_of_one_owner_wait),
		cmocka_unit_test(what_costs_more_than_all_gets_all),
		cmocka_unit_test(only_so_many_at_once),
		cmocka_unit_test(after_a_restart_nothing_is_left),
		cmocka_unit_test(silence_is_kept_by_everybody),
		cmocka_unit_test(a_lower_limit_counts_what_was_used),
		cmocka_unit_test(a_backfill_alone_leaves_a_sixteenth),
		cmocka_unit_test(a_backfill_gets_what_live_calls_left_but_for_a_fifth),
		cmocka_unit_test(a_backfill_leaves_as_much_again_as_live_calls_used),
		cmocka_unit_test(a_backfill_is_spread_over_the_window),
		cmocka_unit_test(a_backfill_waits_for_what_its_calls_did_cost),
		cmocka_unit_test(a_backfill_of_the_smallest_budget_gets_on),
		cmocka_unit_test(live_calls_go_first),
		cmocka_unit_test(who_forgets_gives_back_what_was_told_meanwhile),
		cmocka_unit_test(who_would_wait_long_is_sent_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
