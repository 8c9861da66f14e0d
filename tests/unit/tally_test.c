/* SPDX-License-Identifier: Apache-2.0 */
/* tally_test.c - things are counted by a sentence, and there is an end to how many are told apart. */
#include "base/tally.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define assert_tally(tally, expected) \
	do { \
		struct buf out = { 0 }; \
		tally_json(tally, &out); \
		assert_string_equal(out.at, expected); \
		buf_free(&out); \
	} while (0)

static void what_is_the_same_is_added_up(void **state)
{
	struct tally *tally = NULL, *more = NULL;
	assert_tally(tally, "{}");
	tally_add(&tally, "a NUL became U+FFFD", 2);
	tally_add(&tally, "a day was clamped", 1);
	tally_add(&more, "a day was clamped", 5);
	tally_add(&more, "a \"column\" was left out", 1);
	tally_join(&tally, more);
	tally_join(&tally, NULL);
	assert_tally(tally, "{\"a NUL became U+FFFD\":2,\"a day was clamped\":6,\"a \\\"column\\\" was left out\":1}");
	tally_free(&tally);
	tally_free(&more);
	assert_null(tally);
}

static void too_many_different_ones_are_counted_together(void **state)
{
	struct tally *tally = NULL;
	struct buf out = { 0 };
	char what[20];
	for (int i = 0; i < 1000; i++) {
		snprintf(what, sizeof(what), "number %d", i);
		tally_add(&tally, what, 1);
	}
	tally_add(&tally, "number 98", 1); /* the last that was told apart */
	tally_json(tally, &out);
	assert_non_null(strstr(out.at, "\"number 98\":2,\"others\":901}"));
	buf_free(&out);
	tally_free(&tally);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_the_same_is_added_up),
		cmocka_unit_test(too_many_different_ones_are_counted_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
