/* SPDX-License-Identifier: Apache-2.0 */
/* net_shared_test.c - HTTP for plugins: what is shared and kept, and what it costs. */
#include "net_bed.h"

/* ------------------------------------------------------------------------- shared, kept */

static const struct place held[] = {
	{ .path = "/v1/cards", .answers = { { 200, NULL, "{}" } }, .hold = true },
	{ .path = "/v1/boards", .answers = { { 200, NULL, "{}" } }, .hold = true },
	{ 0 }
};

static void turn_until_held(size_t count)
{
	while (far.held_count < count)
		uv_run(&script_loop, UV_RUN_ONCE);
}

static void equal_gets_are_asked_once(void **state)
{
	struct asking a, b, c;
	begin(held);
	ask_at(&a, "{\"url\":\"/cards\"}", 1, 1000);
	turn_until_held(1);
	ask_at(&b, "{\"url\":\"/cards\"}", 2, 1000);
	ask_at(&c, "{\"url\":\"/cards\"}", 3, clock_wall() + 1000); /* came after it was asked */
	turn_until_held(2);
	call_free(&a.call); /* who asked first leaves */
	far_release();
	far_release();
	wait_for(&b);
	wait_for(&c);
	assert_string_equal(outcome(b.call), fine);
	assert_string_equal(outcome(c.call), fine);
	assert_int_equal(far.count, 2);
	call_free(&b.call);
	call_free(&c.call);
	ask_at(&a, "{\"url\":\"/cards\"}", 4, 1000); /* answered just now */
	wait_for(&a);
	assert_int_equal(far.count, 2);
	call_free(&a.call);
	ask_at(&a, "{\"url\":\"/cards\"}", 5, clock_wall() + 1); /* what it tells of came later */
	turn_until_held(1);
	far_release();
	wait_for(&a);
	call_free(&a.call);
	over();
}

static void who_asks_twice_wants_to_know_twice(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/job", .answers = { { 200, NULL, "[1]" }, { 200, NULL, "[2]" } } }, { 0 }
	};
	begin(places);
	assert_string_equal(ends("{\"url\":\"/job\",\"times\":2}"),
		"{\"status\":200,\"body\":\"[1]\",\"json\":true,\"kind\":\"\"}"
		"{\"status\":200,\"body\":\"[2]\",\"json\":true,\"kind\":\"\"}");
	over();
}

static struct {
	char keys[16][40], texts[16][512];
	size_t count, found;
} keeper;

static struct sl_text keeper_find(void *data, uint64_t seq, uint32_t part, const char *key, struct arena *arena)
{
	for (size_t i = 0; i < keeper.count; i++)
		if (strcmp(keeper.keys[i], key) == 0) {
			keeper.found++;
			return arena_text(arena, (struct sl_text){ keeper.texts[i], strlen(keeper.texts[i]) });
		}
	return (struct sl_text){ 0 };
}

static void keeper_keep(void *data, uint64_t seq, uint32_t part, const char *key, struct sl_text text)
{
	assert_int_equal(strlen(key), 32);
	assert_true(text.len < sizeof(keeper.texts[0]));
	snprintf(keeper.keys[keeper.count], sizeof(keeper.keys[0]), "%s", key);
	memcpy(keeper.texts[keeper.count++], text.at, text.len);
}

static void begin_keeping(const struct place *places, bool fresh)
{
	static const struct net_keeper functions = { .find = keeper_find, .keep = keeper_keep };
	far_begin(places);
	near_begin(&(struct given){ .net = { .keeper = &functions, .fresh = fresh } });
}

static const char *ends_for(uint64_t seq, const char *json)
{
	static char words[1024];
	struct asking asking;
	ask_at(&asking, json, seq, clock_wall() + 1000000); /* nothing is shared */
	wait_for(&asking);
	snprintf(words, sizeof(words), "%s", outcome(asking.call));
	call_free(&asking.call);
	return words;
}

static void a_delivery_asks_once_in_its_life(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/cards", .answers = { { 200, "X-Kind: a\r\n", "[1]" }, { 200, "X-Kind: b\r\n", "[2]" },
					     { 200, "X-Kind: c\r\n", "[3]" } } },
		{ .path = "/v1/secret", .answers = { { 401, NULL, "" }, { 200, NULL, "{}" } } },
		{ 0 }
	};
	static const char first[] = "{\"status\":200,\"body\":\"[1]\",\"json\":true,\"kind\":\"a\"}";
	memset(&keeper, 0, sizeof(keeper));
	begin_keeping(places, false);
	assert_string_equal(ends_for(7, "{\"url\":\"/cards\"}"), first);
	assert_string_equal(ends_for(7, "{\"url\":\"/cards\"}"), first);
	assert_int_equal(far.count, 1);
	assert_int_equal(keeper.count, 1);
	assert_silent(keeper.texts[0], SECRET);
	/* The second time in one run is another question. */
	assert_says(ends_for(7, "{\"url\":\"/cards\",\"times\":2}"), "[2]");
	assert_says(ends_for(7, "{\"url\":\"/cards\",\"times\":2}"), "[2]");
	assert_int_equal(far.count, 2);
	assert_says(ends_for(8, "{\"url\":\"/secret\"}"), "401");
	assert_says(ends_for(8, "{\"url\":\"/secret\"}"), "200"); /* a 401 is not kept */
	ends_for(9, "{\"url\":\"/cards\",\"body\":\"{}\"}");
	assert_int_equal(keeper.count, 3); /* nor what changes something */
	over();
	begin_keeping(places, true);
	assert_string_equal(ends_for(7, "{\"url\":\"/cards\"}"), first);
	assert_int_equal(far.count, 1); /* asked afresh */
	over();
}

static void a_secret_in_a_base_is_in_no_url(void **state)
{
	static const struct net_keeper functions = { .find = keeper_find, .keep = keeper_keep };
	static const struct place places[] = {
		{ .path = "/bot" SECRET "/me", .answers = { { 200, NULL, "{}" } } },
		{ .path = "/bot" SECRET "/there", .answers = { { 302, "Location: /a/" SECRET "/b/" SECRET "\r\n", "" } } },
		{ .path = "/a/" SECRET "/b/" SECRET, .answers = { { 200, NULL, "{}" } } },
		{ 0 }
	};
	memset(&keeper, 0, sizeof(keeper));
	far_begin(places);
	near_begin(&(struct given){ .net = { .keeper = &functions }, .base = "http://{host}:{port}/bot{token}/" });
	assert_string_equal(ends_for(7, "{\"url\":\"/me\",\"query\":{\"a\":\"1\"}}"), fine);
	assert_says(far.heard[0], "GET /bot" SECRET "/me?a=1");
	assert_says(keeper.texts[0], "\"url\":\"/me?a=1\"");
	assert_string_equal(ends_for(7, "{\"url\":\"/there\"}"), fine);
	assert_says(keeper.texts[1], "/a/***/b/***\"");
	over();
}

/* ------------------------------------------------------------------------------- budgets */

static void only_so_many_at_once(void **state)
{
	struct asking a, b, c;
	far_begin(held);
	near_begin(&(struct given){ .at_once = 1 });
	ask(&a, "{\"url\":\"/cards\",\"method\":\"POST\"}");
	ask(&b, "{\"url\":\"/boards\",\"method\":\"POST\"}");
	ask(&c, "{\"url\":\"/boards\",\"method\":\"POST\"}");
	turn_until_held(1);
	for (int i = 0; i < 20; i++)
		uv_run(&script_loop, UV_RUN_NOWAIT);
	assert_int_equal(far.count, 1);
	call_free(&b.call); /* waits for a grant */
	far_release();
	wait_for(&a);
	turn_until_held(1);
	assert_int_equal(far.count, 2);
	call_free(&c.call); /* is under way: what it held comes back */
	far_release();
	ask(&b, "{\"url\":\"/boards\",\"method\":\"POST\"}");
	turn_until_held(1);
	far_release();
	wait_for(&b);
	assert_int_equal(far.most_held, 1);
	call_free(&a.call);
	call_free(&b.call);
	over();
}

static char lent[1024];

static void note(const char *form, uint64_t a, int64_t b, int64_t c)
{
	size_t used = strlen(lent);
	snprintf(lent + used, sizeof(lent) - used, form, (unsigned long long)a, (long long)b, (long long)c);
}

static void lender_take(void *data, uint64_t ticket, const struct net_api *api, enum budget_class class, int64_t cost)
{
	assert_ptr_equal(api, near.api);
	note("take %llu %lld %lld; ", ticket, class, cost);
}

static void lender_give(void *data, const struct net_api *api, uint64_t grant, int64_t cost, int64_t hush)
{
	note("give %llu %lld %lld; ", grant, cost, hush);
}

static void lender_more(void *data, const struct net_api *api, uint64_t grant, int64_t requests)
{
	note("more %llu %lld; ", grant, requests, 0);
}

static void lender_forget(void *data, uint64_t ticket)
{
	note("forget %llu; ", ticket, 0, 0);
}

static const struct net_lender lender = { .take = lender_take, .more = lender_more, .give = lender_give,
	.forget = lender_forget };

static void assert_lent(const char *expected)
{
	assert_string_equal(lent, expected);
	lent[0] = '\0';
}

static void turns(int count)
{
	while (count-- > 0)
		uv_run(&script_loop, UV_RUN_NOWAIT);
}

static void what_was_borrowed_comes_back(void **state)
{
	struct asking asking;
	far_begin(held);
	near_begin(&(struct given){ .net = { .lender = &lender } });
	lent[0] = '\0';
	ask(&asking, "{\"url\":\"/cards\",\"cost\":5}");
	turns(3);
	assert_lent("take 1 0 5; ");
	call_free(&asking.call);
	assert_lent("forget 1; ");
	ask(&asking, "{\"url\":\"/cards\"}");
	turns(3);
	net_granted(near.net, 1, 98, 0); /* nobody's */
	net_granted(near.net, 2, 99, 0);
	turn_until_held(1);
	assert_lent("take 2 0 1; ");
	call_free(&asking.call);
	assert_lent("give 99 -1 0; ");
	far_release();
	ask(&asking, "{\"url\":\"/cards\"}");
	turns(3);
	net_granted(near.net, 3, 0, 60000);
	wait_for(&asking);
	assert_says(asking.call->why.text, "wants to be left alone for 60 s");
	assert_int_equal(asking.call->retry_after, 60000);
	assert_lent("take 3 0 1; ");
	call_free(&asking.call);
	over();
}

static void a_pause_holds_no_grant(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/cards", .answers = { { 429, "Retry-After: 2\r\n", "" }, { 200, NULL, "{}" } } }, { 0 }
	};
	struct asking asking;
	far_begin(places);
	near_begin(&(struct given){ .net = { .lender = &lender }, .virtual_clock = true });
	lent[0] = '\0';
	ask(&asking, "{\"url\":\"/cards\"}");
	turns(3);
	net_granted(near.net, 1, 7, 0);
	while (!strstr(lent, "take 2"))
		uv_run(&script_loop, UV_RUN_ONCE);
	assert_lent("take 1 0 1; give 7 -1 2000; take 2 0 1; ");
	net_granted(near.net, 2, 8, 0);
	wait_for(&asking);
	assert_string_equal(outcome(asking.call), fine);
	assert_lent("give 8 -1 0; ");
	call_free(&asking.call);
	over();
}

/* A page with nothing on it may cost nothing, and that is no less known. */
static void what_it_cost_is_told(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/q",
			.answers = { { 200, NULL, "{\"data\":{},\"extensions\":{\"cost\":{\"actualQueryCost\":0}}}" },
				{ 200, NULL, "{\"data\":{\"complexity\":{\"query\":12}}}" }, { 200, NULL, "{\"data\":{}}" } } },
		{ 0 }
	};
	struct asking asking;
	far_begin(places);
	near_begin(&(struct given){ .net = { .lender = &lender } });
	lent[0] = '\0';
	for (uint64_t i = 1; i <= 3; i++) {
		ask(&asking, "{\"url\":\"/q\",\"body\":\"{}\",\"graphql\":1,\"cost\":9}");
		turns(3);
		net_granted(near.net, i, i, 0);
		wait_for(&asking);
		call_free(&asking.call);
	}
	assert_lent("take 1 0 9; give 1 0 0; take 2 0 9; give 2 12 0; take 3 0 9; give 3 -1 0; ");
	over();
}

/* To another origin it is another far side's business. */
static void redirects_count(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/there", .answers = { { 302, "Location: /v1/then\r\n", "" } } },
		{ .path = "/v1/then", .answers = { { 301, "Location: /v1/cards\r\n", "" } } },
		{ .path = "/v1/cards", .answers = { { 200, NULL, "{}" } } },
		{ 0 }
	};
	struct asking asking;
	far_begin(places);
	near_begin(&(struct given){ .net = { .lender = &lender } });
	lent[0] = '\0';
	ask(&asking, "{\"url\":\"/there\"}");
	turns(3);
	net_granted(near.net, 1, 7, 0);
	wait_for(&asking);
	assert_string_equal(outcome(asking.call), fine);
	assert_lent("take 1 0 1; more 7 2; give 7 -1 0; ");
	call_free(&asking.call);
	over();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_gets_are_asked_once),
		cmocka_unit_test(who_asks_twice_wants_to_know_twice),
		cmocka_unit_test(a_delivery_asks_once_in_its_life),
		cmocka_unit_test(a_secret_in_a_base_is_in_no_url),
		cmocka_unit_test(what_it_cost_is_told),
		cmocka_unit_test(redirects_count),
		cmocka_unit_test(only_so_many_at_once),
		cmocka_unit_test(what_was_borrowed_comes_back),
		cmocka_unit_test(a_pause_holds_no_grant),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
