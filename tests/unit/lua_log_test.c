/* SPDX-License-Identifier: Apache-2.0 */
/* lua_log_test.c - what scripts write: with log and print, in a call and while they are loaded. */
#include "base/line.h"
#include "script.h"

static struct buf heard; /* "warning e1: text\n" */

static void take(enum sl_level level, const struct about *about, const char *text)
{
	static const char *const words[] = { "debug", "info", "warning", "error" };
	buf_format(&heard, "%s %s: %s\n", words[level], about->event ? about->event : "-", text);
}

static int begin(void **state)
{
	line_setup("test", NULL, SL_DEBUG);
	line_divert(take);
	buf_clear(&heard);
	buf_string(&heard, "");
	return 0;
}

static int end(void **state)
{
	line_divert(NULL);
	return 0;
}

static int teardown(void **state)
{
	buf_free(&heard);
	return script_teardown(state);
}

#define assert_writes(body, lines) \
	do { \
		buf_clear(&heard); \
		assert_becomes(body, "{\"a\":1}", "dropped x"); \
		assert_string_equal(heard.at, lines); \
	} while (0)

static void log_has_a_level_and_names_the_event(void **state)
{
	assert_writes("log('seen') drop('x')", "info e1: test: seen\n");
	assert_writes("log('warning', 'odd') log('error', 7) log('debug', nil) drop('x')",
		"warning e1: test: odd\nerror e1: test: 7\ndebug e1: test: nil\n");
	assert_writes("log('') drop('x')", "info e1: test: \n");
	assert_non_null(strstr(script_try("log('loud', 'x')", "{}"), "debug, info, warning or error expected"));
	assert_non_null(strstr(script_try("log({}, 'x')", "{}"), "string expected"));
}

static void print_writes_all_it_is_given(void **state)
{
	assert_writes("print('a', 1, nil, true, 2.5) drop('x')", "info e1: test: a 1 nil true 2.5\n");
	assert_writes("print() drop('x')", "info e1: test: \n");
	assert_writes("print(setmetatable({}, { __tostring = function() return 'mine' end }), 'b') drop('x')",
		"info e1: test: mine b\n");
}

static void a_long_line_is_cut(void **state)
{
	assert_becomes("print(('x'):rep(100000), 'end') drop('x')", "{}", "dropped x");
	assert_true(heard.len > 500 && heard.len < 2000);
	assert_null(strstr(heard.at, "end"));
}

/* There is no event yet, and no instance that has a name. */
static void what_is_written_at_load_names_the_file(void **state)
{
	struct instance *instance = script_transform("print('hello', 1) log('warning', 'old')", "drop('x')");
	assert_non_null(strstr(heard.at, "info -: test.lua: hello 1\nwarning -: test.lua: old\n"));
	instance_free(&instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(log_has_a_level_and_names_the_event, begin, end),
		cmocka_unit_test_setup_teardown(print_writes_all_it_is_given, begin, end),
		cmocka_unit_test_setup_teardown(a_long_line_is_cut, begin, end),
		cmocka_unit_test_setup_teardown(what_is_written_at_load_names_the_file, begin, end),
	};
	return cmocka_run_group_tests(tests, script_setup, teardown);
}
