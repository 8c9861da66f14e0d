/* SPDX-License-Identifier: Apache-2.0 */
/* lua_step_test.c - a script's calls, from the event to what becomes of it. */
#include "script.h"
#include "spent.h"

static void an_event_becomes_rows(void **state)
{
	assert_becomes(
		"emit { type = 'a', data = { x = event.data.n, y = 'z' } } emit { type = 'b' }",
		"{\"n\":1}", "a {\"x\":1,\"y\":\"z\"}; b {\"n\":1}");
}

static void what_is_left_out_is_the_events(void **state)
{
	struct instance *instance = script_transform("", "emit { data = {} }\n"
							 "emit { id = 7, subject = json.null, type = 'x', time = '2023-11-14T22:13:20.5Z',"
							 " mode = 'upsert' }");
	struct call *call = script_call(instance, "{\"n\":1}");
	const struct sl_event *first = &call->emitted[0].event, *second = &call->emitted[1].event;
	assert_string_equal(first->id, "e1");
	assert_string_equal(first->type, "updateCard");
	assert_string_equal(first->subject, "card1");
	assert_string_equal(first->source, "boards");
	assert_true(first->time == 1700000000123);
	assert_null(first->mode);
	assert_string_equal(second->id, "7");
	assert_string_equal(second->subject, "card1");
	assert_string_equal(second->mode, "upsert");
	assert_true(second->time == 1700000000500);
	assert_string_equal(second->data.at, "{\"n\":1}");
	call_free(&call);
	instance_free(&instance);
}

static void the_event_is_seen(void **state)
{
	assert_becomes(
		"emit { type = 'seen', data = { event.source, event.id, event.type, event.subject,"
		" event.time, event.received, event.data.n, event.run or 'alone' } }",
		"{\"n\":[1, 2]}",
		"seen [\"boards\",\"e1\",\"updateCard\",\"card1\",1700000000123,1700000000456,[1, 2],\"alone\"]");
	assert_becomes(
		"return event.sbject", "{}",
		"fail test.lua:4: an event has no 'sbject'; it has id, type, subject, time, received, "
		"source, run, request and data");
}

static void outcomes_have_reasons(void **state)
{
	assert_becomes(
		"emit { type = 'a' } return drop('not about a card')", "{}", "dropped not about a card");
	assert_becomes(
		"emit { type = 'a' } fail('no such list')", "{}", "fail test.lua:4: no such list");
	assert_becomes("retry('not there yet', 1.5)", "{}", "retry test.lua:4: not there yet");
	assert_becomes("", "{}", "dropped nothing was emitted");
}

static void retry_says_when(void **state)
{
	struct instance *instance = script_transform("", "retry('later', 2.5)");
	struct call *call = script_call(instance, "{}");
	assert_int_equal(call->outcome, SL_RETRY);
	assert_int_equal(call->retry_after, 2500);
	call_free(&call);
	instance_free(&instance);
}

static void an_outcome_cannot_be_caught(void **state)
{
	assert_becomes("pcall(drop, 'gone') emit { type = 'a' }", "{}", "dropped gone");
	assert_becomes(
		"xpcall(fail, function() emit { type = 'b' } end, 'no') emit { type = 'a' }", "{}",
		"fail no");
	assert_becomes(
		"coroutine.resume(coroutine.create(function() drop('inside') end)) emit {}", "{}",
		"dropped inside");
	assert_becomes(
		"local ok = pcall(function() local guard <close> ="
		" setmetatable({}, { __close = function() emit { type = 'late' } end }) drop('first') "
		"end) emit {}",
		"{}", "dropped first");
	assert_becomes("while true do pcall(retry, 'always') end", "{}", "retry always");
}

static void slips_are_told(void **state)
{
	assert_becomes(
		"emit { tpye = 'a' }", "{}",
		"fail test.lua:4: emit knows no 'tpye'; "
		"what is not type, id, subject, mode, source, scope or time belongs into data");
	assert_becomes(
		"emit { 'a' }", "{}",
		"fail test.lua:4: emit takes named fields: emit { type = ..., data = { ... } }");
	assert_becomes(
		"emit { id = {} }", "{}", "fail test.lua:4: emit: id has to be a text, not a table");
	assert_becomes(
		"emit { id = 'a\\0b' }", "{}",
		"fail test.lua:4: emit: id is no readable text: it holds a zero byte or is not UTF-8");
	assert_becomes(
		"emit { time = 'soon' }", "{}",
		"fail test.lua:4: emit: time has to be whole milliseconds or an ISO 8601 text, not soon");
	assert_becomes(
		"return { type = 'a' }", "{}",
		"fail transform returned a table; what becomes of an event is said with emit { ... }");
	assert_becomes(
		"count = 1", "{}", "fail test.lua:4: 'count' is not declared: write local count = ...");
	assert_becomes(
		"drop()", "{}",
		"fail test.lua:4: bad argument #1 to 'drop' (string expected, got no value)");
}

static void errors_say_where(void **state)
{
	struct instance *instance = script_transform("local function name(card)\n  return card.title.text\nend",
		"emit { data = { name = name(event.data) } }");
	struct call *call = script_call(instance, "{}");
	assert_int_equal(call->outcome, SL_FAIL);
	assert_string_equal(call->why.text,
		"test.lua:2: attempt to index a nil value (field 'title') in function 'name', called from test.lua:6");
	call_free(&call);
	instance_free(&instance);
	assert_becomes(
		"error({ code = 7 })", "{}",
		"fail test.lua: error() was called with a table instead of a text, called from test.lua:4");
	assert_becomes("error('one\\ntwo')", "{}", "fail test.lua:4: one two");
}

static void a_body_that_is_not_json_is_nil(void **state)
{
	assert_becomes(
		"if not event.data then fail('no JSON') end", "{oops", "fail test.lua:4: no JSON");
}

/* ----------------------------------------------------------------------- waits */

static void sleeping_calls_wait_side_by_side(void **state)
{
	struct instance *instance = script_transform("local order = 0",
		"sleep(0.2) order = order + 1 emit { data = { order } }");
	struct sl_event event = { .id = "e", .data = { "{}", 2 } };
	struct call *calls[64];
	bool finished[64] = { 0 }, waiting = true;
	int64_t begin = clock_ticks(), began = ours();
	for (int i = 0; i < 64; i++) {
		calls[i] = call_new(instance, STEP_TRANSFORM);
		calls[i]->pub.event = &event;
		assert_int_equal(call_run(calls[i], script_finished, &finished[i]), SL_WAIT);
	}
	while (waiting) {
		uv_run(&script_loop, UV_RUN_ONCE);
		waiting = false;
		for (int i = 0; i < 64; i++)
			waiting |= !finished[i];
	}
	assert_true(clock_ticks() - begin >= 150 && ours() - began <= 2000);
	assert_string_equal(calls[63]->emitted[0].event.data.at, "[64]");
	for (int i = 0; i < 64; i++)
		call_free(&calls[i]);
	instance_free(&instance);
}

static void pcall_around_a_wait_works(void **state)
{
	assert_becomes(
		"local ok, why = pcall(function() sleep(0.01) error('after', 0) end)\n"
		"emit { type = 'a', data = { ok, why } }",
		"{}", "a [false,\"after\"]");
	assert_becomes(
		"local ok, x, y = xpcall(function(a) sleep(0.001) return a, 2 end, print, 1)\n"
		"emit { type = 'a', data = { ok, x, y } }",
		"{}", "a [true,1,2]");
}

static void a_wait_where_none_can_be_is_told(void **state)
{
	assert_becomes(
		"coroutine.wrap(function() sleep(1) end)()", "{}",
		"fail test.lua:4: sleep cannot be used in a coroutine of your own");
	assert_becomes(
		"table.sort({ 2, 1 }, function() sleep(1) end)", "{}",
		"fail test.lua:4: sleep cannot be used in a function that table.sort, string.gsub or a "
		"metamethod calls,"
		" called from test.lua:4");
	assert_becomes(
		"coroutine.yield(1)", "{}",
		"fail test.lua: coroutine.yield was called outside of a coroutine of its own");
}

static void coroutines_of_its_own_work(void **state)
{
	assert_becomes(
		"local list = {}\n"
		"for x in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i * i) end end) do "
		"list[#list + 1] = x end\n"
		"emit { type = 'a', data = list }",
		"{}", "a [1,4,9]");
	assert_becomes(
		"local co = coroutine.create(function(a) local b = coroutine.yield(a) error(b, 0) end)\n"
		"local r = { coroutine.resume(co, 1) } local s = { coroutine.resume(co, 'x') } local d = "
		"{ coroutine.resume(co) }\n"
		"emit { type = 'a', data = { r, s, d } }",
		"{}",
		"a [[true,1],[false,\"x\"],[false,\"cannot resume dead coroutine\"]]");
}

static void a_waiting_call_may_be_freed(void **state)
{
	struct instance *instance = script_transform("local closed = 0",
		"local guard <close> = setmetatable({}, { __close = function() closed = closed + 1 end })\n"
		"if event.data.wait then sleep(100) end emit { type = 'a', data = { closed } }");
	struct sl_event event = { .id = "e", .data = { "{\"wait\":true}", 13 } };
	for (int i = 0; i < 3; i++) {
		struct call *call = call_new(instance, STEP_TRANSFORM);
		call->pub.event = &event;
		assert_int_equal(call_run(call, script_finished, NULL), SL_WAIT);
		call_free(&call);
	}
	struct call *call = script_call(instance, "{}");
	assert_string_equal(call->emitted[0].event.data.at, "[3]");
	call_free(&call);
	instance_free(&instance);
}

static void decode_gets_the_request(void **state)
{
	struct instance *instance = script_instance(
		"return { summary = 'd', decode = function(event)\n"
		"emit { id = event.request.headers['x-id'], type = event.request.method, data = { event.request.url,"
		" event.request.body, event.data.a, event.id } } end }",
		NULL, 0);
	const struct sl_pair id = { "x-id", "77" }, *const headers[] = { &id, NULL };
	const struct sl_request request = {
		.method = "POST",
		.url = "/in/x",
		.headers = headers,
		.body = { "{\"a\":1}", 7 },
	};
	const struct sl_event event = { .id = "found" };
	struct call *call = call_new(instance, STEP_DECODE);
	call->pub.request = &request;
	call->pub.event = &event;
	assert_int_equal(call_run(call, NULL, NULL), SL_DONE);
	assert_string_equal(call->emitted[0].event.id, "77");
	assert_string_equal(call->emitted[0].event.type, "POST");
	assert_string_equal(call->emitted[0].event.data.at, "[\"/in/x\",\"{\\\"a\\\":1}\",1,\"found\"]");
	call_free(&call);
	instance_free(&instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_becomes_rows),
		cmocka_unit_test(what_is_left_out_is_the_events),
		cmocka_unit_test(the_event_is_seen),
		cmocka_unit_test(outcomes_have_reasons),
		cmocka_unit_test(retry_says_when),
		cmocka_unit_test(an_outcome_cannot_be_caught),
		cmocka_unit_test(slips_are_told),
		cmocka_unit_test(errors_say_where),
		cmocka_unit_test(a_body_that_is_not_json_is_nil),
		cmocka_unit_test(sleeping_calls_wait_side_by_side),
		cmocka_unit_test(pcall_around_a_wait_works),
		cmocka_unit_test(a_wait_where_none_can_be_is_told),
		cmocka_unit_test(coroutines_of_its_own_work),
		cmocka_unit_test(a_waiting_call_may_be_freed),
		cmocka_unit_test(decode_gets_the_request),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
