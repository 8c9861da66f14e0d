/* SPDX-License-Identifier: Apache-2.0 */
/* lua_guard_test.c - hostile scripts: what is ended in-process is ended soon,
 * with a reason, and the next call runs as if nothing had been. */
#include "script.h"
#include "spent.h"

#define INSTRUCTIONS "used more than 5000000 instructions"
#define MEMORY "needs more memory than its 64 MB"

/* Runs the body over {"bad":true}, then over {}: the first fails with `why`,
 * the second passes. */
static void is_ended(const char *body, const char *why)
{
	struct buf text = { 0 };
	buf_format(&text, "if event.data.bad then %s end emit { type = 'fine', data = {} }", body);
	script_budget = strcmp(why, INSTRUCTIONS) == 0 ? 5000000 : 0; /* a tenth: sanitizers are slow */
	struct instance *instance = script_transform("", text.at);
	int64_t begin = spent();
	struct call *call = script_call(instance, "{\"bad\":true}");
	if (call->outcome != SL_FAIL || !strstr(call->why.text, why))
		fail_msg("%s: %s \"%s\", not \"%s\"", body, script_outcome(call), call->why.text, why);
	assert_int_equal(call->emitted_count, 0);
	assert_in_range(spent() - begin, 0, 20000);
	call_free(&call);
	call = script_call(instance, "{}");
	assert_int_equal(call->outcome, SL_DONE);
	assert_int_equal(call->emitted_count, 1);
	call_free(&call);
	instance_free(&instance);
	buf_free(&text);
}

static void endless_loops_are_ended(void **state)
{
	is_ended("while true do end", INSTRUCTIONS);
	is_ended("coroutine.wrap(function() while true do end end)()", INSTRUCTIONS);
	is_ended("local t <close> = setmetatable({}, { __close = function() while true do end end })", INSTRUCTIONS);
	is_ended("local t <close> = setmetatable({}, { __close = function() while true do end end }) while true do end",
		INSTRUCTIONS);
	is_ended("local x = setmetatable({}, { __index = function(t, k) return t[k + 1] end })[1]", "test.lua:4:");
}

/* Each of them, not only the first one of a state. */
static void endless_loops_are_ended_again_and_again(void **state)
{
	script_budget = 5000000;
	struct instance *instance = script_transform("", "while true do end");
	for (int i = 0; i < 5; i++) {
		struct call *call = script_call(instance, "{}");
		assert_int_equal(call->outcome, SL_FAIL);
		assert_non_null(strstr(call->why.text, INSTRUCTIONS));
		call_free(&call);
	}
	instance_free(&instance);
}

static void endless_loops_that_catch_are_ended(void **state)
{
	is_ended("while true do pcall(function() while true do end end) end", INSTRUCTIONS);
	is_ended("xpcall(error, function() while true do end end)", INSTRUCTIONS);
	is_ended("local function f() while true do end end xpcall(f, function() while true do end end)", INSTRUCTIONS);
	is_ended("while true do local c = coroutine.create(function() while true do end end) coroutine.resume(c) end",
		INSTRUCTIONS);
	is_ended(
		"local function loop() while true do end end\n"
		"local g <close> = setmetatable({}, { __close = loop }) pcall(loop)",
		INSTRUCTIONS);
}

static void churning_coroutines_are_ended(void **state)
{
	is_ended("while true do coroutine.wrap(function() for i = 1, 500 do end end)() end", INSTRUCTIONS);
}

static void memory_has_a_limit(void **state)
{
	is_ended("local s = ('x'):rep(1e9)", "test.lua:4: " MEMORY);
	is_ended("local t = {} while true do t[#t + 1] = { #t } end", MEMORY);
	is_ended("local t = {} for i = 1, 2^26 do t[i] = i end", MEMORY);
	is_ended("local ok = pcall(string.rep, 'x', 1e9)", MEMORY);
	is_ended("local s = 'x' while true do s = s .. s end", MEMORY);
}

static void what_is_made_beside_the_state_has_a_limit(void **state)
{
	is_ended("local s = ('x'):rep(1e6) while true do emit { data = { s } } end",
		"emitted or sent more than 64 MB in one call");
	is_ended("local s = ('\\0'):rep(1e7) local t = { s, s, s } json.encode(t)", "[]: more than 16 MB of JSON");
	is_ended("json.decode(('['):rep(2e7))", "more than 16 MB of JSON");
	is_ended("json.decode(('['):rep(1e6)).x = 1", "attempt to index a nil value");
}

static void long_work_in_one_function_costs(void **state)
{
	is_ended("table.move({ 1 }, 1, 1e15, 2)", INSTRUCTIONS);
	is_ended("table.move({}, math.mininteger, math.maxinteger - 1, 2)", INSTRUCTIONS);
	is_ended("while true do log('again') end", INSTRUCTIONS);
	assert_becomes("emit { type = ('').rep('', 1e15) .. ('ab'):rep(2, '-'), data = table.move({ 1, 2 }, 1, 2, 2) }",
		"{}", "ab-ab [1,1,2]");
}

static void memory_traffic_costs_too(void **state)
{
	is_ended("local s = ('x'):rep(1e6) while true do s = s .. 'b' end", INSTRUCTIONS);
}

/* What an out-of-memory call kept in the script's own variables is gone with its state. */
static void a_spent_state_is_replaced(void **state)
{
	script_budget = 0;
	struct instance *instance = script_transform("local kept = {}",
		"kept[#kept + 1] = event.data.add if event.data.sleep then sleep(0.05) end\n"
		"if event.data.bad then while true do kept[#kept + 1] = { #kept } end end\n"
		"emit { type = 'x', data = { #kept } }");
	struct call *call = script_call(instance, "{\"add\":1}");
	assert_string_equal(call->emitted[0].event.data.at, "[1]");
	call_free(&call);

	bool finished = false;
	struct call *waiting = call_new(instance, STEP_TRANSFORM);
	const struct sl_event event = { .data = { "{\"sleep\":1,\"add\":1}", 19 } };
	waiting->pub.event = &event;
	assert_int_equal(call_run(waiting, script_finished, &finished), SL_WAIT);
	call = script_call(instance, "{\"bad\":true}");
	assert_int_equal(call->outcome, SL_FAIL);
	call_free(&call);
	call = script_call(instance, "{\"add\":1}");
	assert_string_equal(call->emitted[0].event.data.at, "[1]");
	call_free(&call);
	while (!finished)
		uv_run(&script_loop, UV_RUN_ONCE);
	assert_int_equal(waiting->outcome, SL_DONE);
	call_free(&waiting);
	instance_free(&instance);
}

static void a_waiting_call_of_a_spent_state_may_be_freed(void **state)
{
	script_budget = 0;
	struct instance *instance = script_transform("local kept = {}",
		"if event.data.sleep then sleep(50) end while true do kept[#kept + 1] = { #kept } end");
	struct call *waiting = call_new(instance, STEP_TRANSFORM);
	const struct sl_event event = { .data = { "{\"sleep\":1}", 11 } };
	waiting->pub.event = &event;
	assert_int_equal(call_run(waiting, script_finished, NULL), SL_WAIT);
	struct call *call = script_call(instance, "{}");
	assert_int_equal(call->outcome, SL_FAIL);
	call_free(&call);
	call_free(&waiting);
	instance_free(&instance);
}

static void the_sandbox_has_no_doors(void **state)
{
	static const char *const gone[] = { "io", "os", "debug", "package", "dofile", "loadfile", "collectgarbage",
		"string.dump", "warn", "coroutine.running" };
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		char body[128];
		snprintf(body, sizeof(body), "emit { type = tostring(%s), data = {} }", gone[i]);
		assert_becomes(body, "{}", "nil {}");
	}
	is_ended("setmetatable({}, { __gc = function() while true do end end })", "__gc is not offered to scripts");
	is_ended("os.execute('ls')", "scripts have no os: the clock is time.now(), settings are options (sluice man lua)");
	is_ended("load('\\27Lua')()", "attempt to call a nil value");
	is_ended("getmetatable('').__index = function() while true do end end", "attempt to index a boolean value");
	is_ended("setmetatable(_G, nil)", "cannot change a protected metatable");
	is_ended("setmetatable(json.array(), nil)", "cannot change a protected metatable");
}

static void load_takes_source(void **state)
{
	assert_becomes(
		"emit { type = load('return 1 + 1')() .. '', data = { load('x') == nil,"
		" load('return a', 'n', 'b', { a = 5 })() } }",
		"{}", "2 [true,5]");
}

static void recursion_has_a_limit(void **state)
{
	is_ended("local function f() return 1 + f() end f()", "test.lua:4: ");
	is_ended("local s = ('('):rep(1e5) assert(load(s))", "test.lua:4:");
	is_ended("string.gsub('x', 'x', function() local function g() return pcall(g) end g() error('end') end)", "");
}

/* Of two loads the first never ends. */
static void a_file_that_never_ends_is_refused(void **state)
{
	struct why why;
	const char *path = script_write("endless.lua", "while true do pcall(function() while true do end end) end");
	assert_null(plugin_load(path, &why));
	assert_non_null(strstr(why.text, "endless.lua:1: used more than 50000000 instructions"));
	assert_null(plugin_load(script_write("huge.lua", "local t = {} while true do t[#t + 1] = {} end"), &why));
	assert_non_null(strstr(why.text, MEMORY));
	assert_null(plugin_load(script_write("verb.lua", "emit {}"), &why));
	assert_non_null(strstr(why.text, "emit is for calls"));
	assert_null(plugin_load(script_write("byte.lua", "\x1bLuaT"), &why));
	assert_non_null(strstr(why.text, "attempt to load a binary chunk"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endless_loops_are_ended),
		cmocka_unit_test(endless_loops_are_ended_again_and_again),
		cmocka_unit_test(endless_loops_that_catch_are_ended),
		cmocka_unit_test(churning_coroutines_are_ended),
		cmocka_unit_test(memory_has_a_limit),
		cmocka_unit_test(what_is_made_beside_the_state_has_a_limit),
		cmocka_unit_test(long_work_in_one_function_costs),
		cmocka_unit_test(memory_traffic_costs_too),
		cmocka_unit_test(a_spent_state_is_replaced),
		cmocka_unit_test(a_waiting_call_of_a_spent_state_may_be_freed),
		cmocka_unit_test(the_sandbox_has_no_doors),
		cmocka_unit_test(load_takes_source),
		cmocka_unit_test(recursion_has_a_limit),
		cmocka_unit_test(a_file_that_never_ends_is_refused),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
