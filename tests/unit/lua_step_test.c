/* SPDX-License-Identifier: Apache-2.0 */
/* lua_step_test.c - a script's calls, from the event to what becomes of it. */
#include "script.h"

static void an_event_becomes_rows(void **state)
{
	assert_string_equal(script_try("emit { type = 'a', data = { x = event.data.n, y = 'z' } } emit { type = 'b' }",
		"{\"n\":1}"), "a {\"x\":1,\"y\":\"z\"}; b {\"n\":1}");
}

static void it_may_be_dropped(void **state)
{
	assert_string_equal(script_try("emit { type = 'a' } return drop('not about a card')", "{}"),
		"dropped not about a card");
}

static void it_may_fail(void **state)
{
	assert_string_equal(script_try("fail('no such list')", "{}"), "fail test.lua:4: no such list");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_becomes_rows),
		cmocka_unit_test(it_may_be_dropped),
		cmocka_unit_test(it_may_fail),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
