/* SPDX-License-Identifier: Apache-2.0 */
/* secret_test.c - what is said of a call, wherever it is said, has no secret of its options in it. */
#include "base/line.h"
#include "script.h"

#define SECRET "a1b2c3d4e5f6a7b8"

static const struct sl_row row = { .event = &(struct sl_event){ .source = "s", .id = "1" } };
static const struct sl_row *const rows[] = { &row, &row, NULL };
static char written[200];

static void take(enum sl_level level, const struct about *about, const char *text)
{
	snprintf(written, sizeof(written), "%s", text);
}

/* The vendor's answer quotes what it was sent. */
static struct call *called(struct instance **instance, enum step step, const char *body)
{
	struct buf script = { 0 };
	bool finished = false;
	buf_format(&script, "local said = 'no leave for " SECRET "!'\n"
			    "return { summary = 's', options = { { 'token', 'secret', initial = '' } },\n"
			    "%s = function(it) %s end }", step == STEP_DELIVER ? "deliver" : "transform", body);
	*instance = script_instance(script.at, "{\"token\":[\"new-and-long\",\"" SECRET "\"]}", 0);
	buf_free(&script);
	struct call *call = call_new(*instance, step);
	call->pub.event = row.event;
	if (step == STEP_DELIVER) {
		call->pub.rows = rows;
		call->pub.row_count = 2;
	}
	if (call_run(call, script_finished, &finished) == SL_WAIT)
		while (!finished)
			uv_run(&script_loop, UV_RUN_ONCE);
	return call;
}

static void over(struct call *call, struct instance *instance)
{
	call_free(&call);
	instance_free(&instance);
}

static void why_a_call_failed(void **state)
{
	static const char *const bodies[] = { "fail(said)", "retry(said)", "error(said)" };
	struct instance *instance;
	for (size_t i = 0; i < 3; i++) {
		struct call *call = called(&instance, STEP_TRANSFORM, bodies[i]);
		assert_non_null(strstr(call->why.text, "no leave for ***!"));
		over(call, instance);
	}
}

static void why_nothing_came_of_an_event(void **state)
{
	struct instance *instance;
	struct call *call = called(&instance, STEP_TRANSFORM, "drop(said)");
	assert_string_equal(call->dropped, "no leave for ***!");
	over(call, instance);
}

static void why_a_row_was_refused(void **state)
{
	struct instance *instance;
	struct call *call = called(&instance, STEP_DELIVER, "settle(1, 'fail', said) settle(2, 'retry', said, 1)");
	assert_string_equal(call->settled[0].why, "no leave for ***!");
	assert_string_equal(call->settled[1].why, "no leave for ***!");
	assert_int_equal(call->settled[1].after, 1000);
	over(call, instance);
}

/* Somebody cut the quotation. */
static void the_beginning_of_a_secret(void **state)
{
	struct instance *instance;
	struct call *call = called(&instance, STEP_TRANSFORM, "fail(said:sub(1, -4) .. ' or ' .. said:sub(1, 20))");
	assert_non_null(strstr(call->why.text, "no leave for *** or no leave for a1b2c3d"));
	over(call, instance);
}

static void what_is_written_to_the_log(void **state)
{
	struct instance *instance;
	line_divert(take);
	struct call *call = called(&instance, STEP_TRANSFORM, "log('warning', said .. said) drop('x')");
	line_divert(NULL);
	assert_string_equal(written, "test: no leave for ***!no leave for ***!");
	over(call, instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(why_a_call_failed),
		cmocka_unit_test(why_nothing_came_of_an_event),
		cmocka_unit_test(why_a_row_was_refused),
		cmocka_unit_test(the_beginning_of_a_secret),
		cmocka_unit_test(what_is_written_to_the_log),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
