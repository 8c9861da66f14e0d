/* SPDX-License-Identifier: Apache-2.0 */
/* lua_cache_test.c - what a script keeps: by size, by age, made once. */
#include "script.h"

static const char *cached(const char *cache, const char *body)
{
	static char text[1024];
	char before[256];
	snprintf(before, sizeof(before), "local names, made = %s, 0", cache);
	struct instance *instance = script_transform(before, body);
	struct call *call = script_call(instance, "{\"a\":{\"b\":[1]}}");
	snprintf(text, sizeof(text), "%s", call->emitted_count ? call->emitted[0].event.data.at : call->why.text);
	call_free(&call);
	instance_free(&instance);
	return text;
}

#define assert_cached(cache, body, expected) assert_string_equal(cached(cache, body), expected)

static void what_was_set_is_there(void **state)
{
	assert_cached("cache { size = 10 }",
		"names:set('a', 1) names:set(2, 'two') names:set(true, json.null) names:set('gone', 1) names:set('gone', nil)\n"
		"emit { data = { names:get('a'), names:get(2), names:get(true), names:get('gone') == nil,\n"
		"names:get('no') == nil } }",
		"[1,\"two\",null,true,true]");
	assert_cached("cache()",
		"names:set('d', event.data.a) emit { data = { names:get('d').b[1], type(names:get('d')) } }",
		"[1,\"table\"]");
}

static void what_is_missing_is_made(void **state)
{
	assert_cached("cache { size = 10 }",
		"local function make(key) made = made + 1 sleep(0.001) return key .. made end\n"
		"emit { data = { names:get('a', make), names:get('a', make), names:get('b', make), made,\n"
		"names:get('c', function() end) == nil, (pcall(names.get, names, 'd', function() error('x') end)),\n"
		"names:get('d', make) } }",
		"[\"a1\",\"a1\",\"b2\",2,true,false,\"d3\"]");
}

static void what_was_used_last_stays(void **state)
{
	assert_cached("cache { size = 10 }",
		"for i = 1, 100 do names:set(i, i) names:get('often', function() made = made + 1 return 1 end) end\n"
		"local kept = 0 for i = 1, 100 do if names:get(i) then kept = kept + 1 end end\n"
		"emit { data = { made, names:get(100), names:get(1) == nil, kept >= 4, kept <= 10 } }",
		"[1,100,true,true,true]");
}

static void what_is_old_is_made_again(void **state)
{
	assert_cached("cache { age = '20ms' }",
		"names:set('a', 1) local before = names:get('a') sleep(0.05)\n"
		"emit { data = { before, names:get('a') == nil, names:get('a', function() return 2 end), names:get('a') } }",
		"[1,true,2,2]");
}

static void slips_are_told(void **state)
{
	assert_string_equal(cached("cache()", "names.get('a')"),
		"test.lua:4: bad argument #1 to 'get' (cache: write names:get(key) expected, got string)");
	assert_string_equal(cached("cache()", "names:get(nil)"),
		"test.lua:4: bad argument #1 to 'get' (a key is a text, a number or a boolean)");
	assert_string_equal(cached("cache()", "names:get({})"),
		"test.lua:4: bad argument #1 to 'get' (a key is a text, a number or a boolean)");
	assert_string_equal(cached("cache()", "cache { sise = 1 }"),
		"test.lua:4: cache knows no 'sise'; it has size and age");
	assert_string_equal(cached("cache()", "cache { size = 0 }"),
		"test.lua:4: cache: size has to be a whole number from 2 to 10000000");
	assert_string_equal(cached("cache()", "cache { age = 'soon' }"),
		"test.lua:4: cache: age has to be a text such as \"10m\", or whole milliseconds");
}

/* ------------------------------------------------------------------- made once */

#define CALLS 8

static void run_all(struct instance *instance, struct call *calls[CALLS], bool finished[CALLS])
{
	static const struct sl_event event = { .id = "e", .data = { "{}", 2 } };
	for (int i = 0; i < CALLS; i++) {
		finished[i] = false;
		calls[i] = call_new(instance, STEP_TRANSFORM);
		calls[i]->pub.event = &event;
		assert_int_equal(call_run(calls[i], script_finished, &finished[i]), SL_WAIT);
	}
}

static void wait_for(struct call *calls[CALLS], const bool finished[CALLS])
{
	for (int i = 0; i < CALLS; i++)
		while (calls[i] && !finished[i])
			uv_run(&script_loop, UV_RUN_ONCE);
}

static void those_who_want_the_same_wait_for_it(void **state)
{
	struct instance *instance = script_transform("local names, made = cache(), 0",
		"local v = names:get('k', function() sleep(0.05) made = made + 1 return made end) emit { data = { v, made } }");
	struct call *calls[CALLS];
	bool finished[CALLS];
	run_all(instance, calls, finished);
	wait_for(calls, finished);
	for (int i = 0; i < CALLS; i++) {
		assert_string_equal(calls[i]->emitted[0].event.data.at, "[1,1]");
		call_free(&calls[i]);
	}
	instance_free(&instance);
}

/* Whoever made it is gone, or failed: the next one makes it. */
static void a_maker_that_ends_is_replaced(void **state)
{
	struct instance *instance = script_transform("local names, made = cache(), 0",
		"local v = names:get('k', function() made = made + 1 sleep(0.02)\n"
		"if made < 3 then fail('no') end return made end)\n"
		"emit { data = { v } }");
	struct call *calls[CALLS];
	bool finished[CALLS];
	run_all(instance, calls, finished);
	int failed = 0;
	call_free(&calls[0]);
	wait_for(calls, finished);
	for (int i = 1; i < CALLS; i++) {
		if (calls[i]->outcome == SL_FAIL)
			failed++;
		else
			assert_string_equal(calls[i]->emitted[0].event.data.at, "[3]");
		call_free(&calls[i]);
	}
	assert_int_equal(failed, 1);
	instance_free(&instance);
}

/* Two that wait for each other's key would wait for ever; one makes it too. */
static void nobody_waits_in_a_circle(void **state)
{
	struct instance *instance = script_transform("local names, turn = cache(), 0",
		"turn = turn + 1 local a, b = 'x', 'y' if turn % 2 == 0 then a, b = b, a end\n"
		"local v = names:get(a, function() sleep(0.01)\n"
		"return names:get(b, function() sleep(0.01) return 1 end) + 1 end)\n"
		"emit { data = { type(v) } }");
	struct call *calls[CALLS];
	bool finished[CALLS];
	run_all(instance, calls, finished);
	wait_for(calls, finished);
	for (int i = 0; i < CALLS; i++) {
		assert_string_equal(calls[i]->emitted[0].event.data.at, "[\"number\"]");
		call_free(&calls[i]);
	}
	instance_free(&instance);
}

static void a_freed_call_that_waits_is_woken_by_nobody(void **state)
{
	struct instance *instance = script_transform("local names = cache()",
		"names:get('k', function() sleep(0.02) return 1 end) emit {}");
	struct call *calls[CALLS];
	bool finished[CALLS];
	run_all(instance, calls, finished);
	for (int i = 1; i < CALLS; i += 2)
		call_free(&calls[i]);
	wait_for(calls, finished);
	for (int i = 0; i < CALLS; i += 2)
		call_free(&calls[i]);
	instance_free(&instance);
}

static void it_is_in_the_scripts_memory(void **state)
{
	struct instance *instance = script_transform("local names = cache { size = 10000000 }",
		"if event.data.a then for i = 1, 1e9 do names:set(i, ('x'):rep(1000) .. i) end end\n"
		"emit { data = { names:get(1) == nil } }");
	struct call *call = script_call(instance, "{\"a\":1}");
	assert_non_null(strstr(call->why.text, "needs more memory than its 64 MB"));
	call_free(&call);
	call = script_call(instance, "{}");
	assert_string_equal(call->emitted[0].event.data.at, "[true]");
	call_free(&call);
	instance_free(&instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_set_is_there),
		cmocka_unit_test(what_is_missing_is_made),
		cmocka_unit_test(what_was_used_last_stays),
		cmocka_unit_test(what_is_old_is_made_again),
		cmocka_unit_test(slips_are_told),
		cmocka_unit_test(those_who_want_the_same_wait_for_it),
		cmocka_unit_test(a_maker_that_ends_is_replaced),
		cmocka_unit_test(nobody_waits_in_a_circle),
		cmocka_unit_test(a_freed_call_that_waits_is_woken_by_nobody),
		cmocka_unit_test(it_is_in_the_scripts_memory),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
