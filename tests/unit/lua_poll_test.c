/* SPDX-License-Identifier: Apache-2.0 */
/* lua_poll_test.c - what else a script offers: poll, hooks, discover, open, close. */
#include "script.h"

/* A call of `step`, filled by `fill`, run to its end. */
static struct call *run(struct instance *instance, enum step step, const struct sl_call *input)
{
	bool finished = false;
	struct call *call = call_new(instance, step);
	if (input) {
		call->pub.cursor = input->cursor;
		call->pub.backfill = input->backfill;
		call->pub.since = input->since;
		call->pub.verb = input->verb;
		call->pub.callback = input->callback;
		call->pub.hook = input->hook;
		call->pub.event = input->event;
	}
	if (call_run(call, script_finished, &finished) == SL_WAIT)
		while (!finished)
			uv_run(&script_loop, UV_RUN_ONCE);
	return call;
}

/* "done CURSOR: ID TYPE DATA; ..." of one poll with this body. */
static const char *polled(const char *body, const struct sl_call *input)
{
	static char text[2048];
	struct buf script = { 0 };
	buf_format(&script, "return { summary = 'p', poll = function(cursor, opt, walk)\n%s\nend }", body);
	struct instance *instance = script_instance(script.at, NULL, 0);
	struct call *call = run(instance, STEP_POLL, input);
	snprintf(text, sizeof(text), "%s %s:", script_outcome(call),
		call->outcome == SL_DONE ? (call->advanced ? call->advanced : "-") : call->why.text);
	for (size_t i = 0; i < call->emitted_count; i++) {
		size_t used = strlen(text);
		const struct sl_event *event = &call->emitted[i].event;
		snprintf(text + used, sizeof(text) - used, " %s %s %s%s%s;", event->id, event->type, event->data.at,
			event->scope ? " of " : "", event->scope ? event->scope : "");
	}
	for (size_t i = 0; i < call->swept_count; i++) {
		size_t used = strlen(text);
		snprintf(text + used, sizeof(text) - used, " swept %s %s;", call->swept[i].scope, call->swept[i].type);
	}
	if (call->done)
		snprintf(text + strlen(text), 60, " %d of %d", (int)call->done, (int)call->total);
	call_free(&call);
	instance_free(&instance);
	buf_free(&script);
	return text;
}

#define assert_polls(body, input, expected) assert_string_equal(polled(body, input), expected)

static void a_poll_emits_and_advances(void **state)
{
	const struct sl_call first = { 0 }, next = { .cursor = "page 2" };
	const struct sl_call all = { .cursor = "7", .backfill = 1, .since = 1700000000000 };
	assert_polls(
		"emit { id = 7, type = 'order', data = { n = 1 } } advance('page 2')", &first,
		"done page 2: 7 order {\"n\":1};");
	assert_polls(
		"emit { id = cursor, type = tostring(walk.backfill), data = { walk.since == nil } }", &next,
		"done -: page 2 false [true];");
	assert_polls(
		"emit { id = cursor, type = tostring(walk.backfill), data = { walk.since } } advance { b = 2, a = '1' }", &all,
		"done {\"a\":\"1\",\"b\":2}: 7 true [1700000000000];");
	assert_polls(
		"assert(cursor == nil) advance(12) sleep(0.001)", &first, "done 12:");
}

static void a_poll_sweeps_and_says_how_far_it_is(void **state)
{
	assert_polls(
		"emit { id = 1, type = 'a', subject = 1, scope = 'board 7', data = {} } sweep('board 7', 'a_gone')"
		" for i = 1, 6 do sweep('b' .. i, 'x') end progress(3, 40)", NULL,
		"done -: 1 a {} of board 7; swept board 7 a_gone; swept b1 x; swept b2 x; swept b3 x; swept b4 x; swept b5 x;"
		" swept b6 x; 3 of 40");
	assert_polls("sweep('all', 'gone') progress(5) fail('no')", NULL, "fail test.lua:2: no: 5 of 0");
	assert_polls("sweep('', 'x')", NULL,
		"fail test.lua:2: bad argument #1 to 'sweep' (a readable text expected, in UTF-8, without zero bytes):");
	assert_polls("sweep('x')", NULL, "fail test.lua:2: bad argument #2 to 'sweep' (string expected, got no value):");
	assert_polls("progress(-1)", NULL, "fail test.lua:2: bad argument #1 to 'progress' (not less than 0 expected):");
	assert_string_equal(script_try("sweep('x', 'y')", "{}"), "fail test.lua:4: sweep is for poll; this is transform");
	assert_string_equal(script_try("emit { scope = 'x' }", "{}"),
		"fail test.lua:4: emit: a scope is for what is polled");
}

static void slips_in_polls_are_told(void **state)
{
	assert_polls(
		"emit { type = 'x', data = {} }", NULL,
		"fail test.lua:2: emit: what is polled needs an id, by which it is known when it comes again:");
	assert_polls(
		"return {}", NULL,
		"fail poll returned a table; events are said with emit { ... }, how far it came with advance(cursor):");
	assert_polls("drop('x')", NULL, "fail test.lua:2: drop is for decode or transform; this is poll:");
	assert_polls("settle(1, 'done')", NULL, "fail test.lua:2: settle is for deliver; this is poll:");
	assert_polls(
		"advance()", NULL, "fail test.lua:2: bad argument #1 to 'advance' (value expected):");
	assert_polls(
		"advance(json.null)", NULL,
		"fail test.lua:2: bad argument #1 to 'advance' (text or table expected, got null):");
	assert_polls("emit { id = 1, data = {} } advance('x') fail('y')", NULL, "fail test.lua:2: y:");
	assert_string_equal(script_try("advance('x')", "{}"),
		"fail test.lua:4: advance is for poll or hooks; this is transform");
}

static void hooks_are_told_what_to_do(void **state)
{
	struct instance *instance = script_instance(
		"return { summary = 'h', webhook = { auth = 'none' }, hooks = function(verb, opt, hook)\n"
		"emit { id = hook.id or 'new', type = verb, data = { at = hook.callback } } end,\n"
		"discover = function(opt) emit { id = 'card', type = 'object', data = { page = opt.page } } end,\n"
		"options = { { 'page', 'int', initial = 5 } } }",
		NULL, 0);
	const struct sl_call input = { .verb = "register", .callback = "https://x.test/in/a" };
	struct call *call = run(instance, STEP_HOOKS, &input);
	assert_string_equal(call->emitted[0].event.id, "new");
	assert_string_equal(call->emitted[0].event.type, "register");
	assert_string_equal(call->emitted[0].event.data.at, "{\"at\":\"https://x.test/in/a\"}");
	call_free(&call);
	call = run(instance, STEP_DISCOVER, NULL);
	assert_string_equal(call->emitted[0].event.data.at, "{\"page\":5}");
	call_free(&call);
	instance_free(&instance);
}

/* ----------------------------------------------------------------- open and close */

static struct instance *opening(const char *open)
{
	struct buf script = { 0 };
	buf_format(&script,
		"local opened, big = 0, nil\nreturn { summary = 'o', open = function(opt)\n%s\nend,\n"
		"transform = function(event) if event.data.big then big = {} while true do big[#big + 1] = {} end end\n"
		"emit { type = 'x', data = { opened } } end }",
		open);
	struct instance *instance = script_instance(script.at, NULL, 0);
	buf_free(&script);
	return instance;
}

static const char *data_of(struct instance *instance, const char *json)
{
	static char text[512];
	struct call *call = script_call(instance, json);
	snprintf(text, sizeof(text), "%s", call->outcome == SL_DONE ? call->emitted[0].event.data.at : call->why.text);
	call_free(&call);
	return text;
}

static void open_runs_first_and_once_in_each_state(void **state)
{
	struct instance *instance = opening("opened = opened + 1 sleep(0.01)");
	assert_string_equal(data_of(instance, "{}"), "[1]");
	assert_string_equal(data_of(instance, "{}"), "[1]");
	assert_non_null(strstr(data_of(instance, "{\"big\":1}"), "needs more memory"));
	assert_string_equal(data_of(instance, "{}"), "[1]");
	struct call *call = run(instance, STEP_OPEN, NULL);
	assert_int_equal(call->outcome, SL_DONE);
	call_free(&call);
	assert_string_equal(data_of(instance, "{}"), "[1]");
	instance_free(&instance);
}

static void others_wait_until_it_is_open(void **state)
{
	struct instance *instance = opening("sleep(0.05) opened = opened + 1");
	const struct sl_event event = { .id = "e", .data = { "{}", 2 } };
	struct call *calls[3];
	bool finished[3] = { false };
	for (int i = 0; i < 3; i++) {
		calls[i] = call_new(instance, STEP_TRANSFORM);
		calls[i]->pub.event = &event;
		assert_int_equal(call_run(calls[i], script_finished, &finished[i]), SL_WAIT);
	}
	call_free(&calls[0]); /* it was the one that opened; the next one does it now */
	while (!finished[1] || !finished[2])
		uv_run(&script_loop, UV_RUN_ONCE);
	for (int i = 1; i < 3; i++) {
		assert_string_equal(calls[i]->emitted[0].event.data.at, "[1]");
		call_free(&calls[i]);
	}
	instance_free(&instance);
}

static void what_open_says_ends_the_call(void **state)
{
	struct instance *instance = opening("if opened == 0 then opened = 1 fail('no token') end");
	assert_string_equal(data_of(instance, "{}"), "test.lua:3: no token");
	assert_string_equal(data_of(instance, "{}"), "[1]");
	instance_free(&instance);
	instance = opening("emit { type = 'x' }");
	assert_string_equal(data_of(instance, "{}"),
		"test.lua:3: emit is for decode, poll, transform, hooks or discover; this is open");
	instance_free(&instance);
	instance = opening("return 5");
	assert_string_equal(data_of(instance, "{}"), "open returned a number; what goes wrong is said with fail(why)");
	instance_free(&instance);
}

/* What close() says is a log line; what it cannot do is one too. */
static void close_runs_at_the_end(void **state)
{
	struct instance *instance = script_instance(
		"return { summary = 'c', transform = print, close = function() error('closed for good') end }", NULL, 0);
	char path[128], text[512] = "";
	snprintf(path, sizeof(path), "%s/stderr", script_folder);
	int kept = dup(2);
	assert_non_null(freopen(path, "w+", stderr));
	instance_free(&instance);
	instance = script_instance(
		"return { summary = 'c', transform = print, close = function() while true do end end }", NULL, 0);
	instance_free(&instance);
	fflush(stderr);
	rewind(stderr);
	size_t len = fread(text, 1, sizeof(text) - 1, stderr);
	dup2(kept, 2);
	close(kept);
	assert_in_range(len, 1, sizeof(text));
	assert_non_null(strstr(text, "test.lua: close: test.lua:1: closed for good"));
	assert_non_null(strstr(text, "test.lua: close: test.lua:1: used more than"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_poll_emits_and_advances),
		cmocka_unit_test(a_poll_sweeps_and_says_how_far_it_is),
		cmocka_unit_test(slips_in_polls_are_told),
		cmocka_unit_test(hooks_are_told_what_to_do),
		cmocka_unit_test(open_runs_first_and_once_in_each_state),
		cmocka_unit_test(others_wait_until_it_is_open),
		cmocka_unit_test(what_open_says_ends_the_call),
		cmocka_unit_test(close_runs_at_the_end),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
