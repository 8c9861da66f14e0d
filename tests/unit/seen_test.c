/* SPDX-License-Identifier: Apache-2.0 */
/* seen_test.c - what a route remembers of ids, and what it forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "flow/seen.h"

static struct seen_entry numbered(const struct seen *seen, unsigned number, uint64_t seq)
{
	char id[32];
	snprintf(id, sizeof(id), "id-%u", number);
	return seen_entry(seen, "boards", id, seq, 1000 * (int64_t)seq);
}

static void an_id_is_found_with_the_seq_that_bore_it(void **state)
{
	struct seen *seen = seen_new(1000, "log");
	struct seen_entry entry = seen_entry(seen, "boards", "a", 7, 5000);
	assert_null(seen_find(seen, &entry));
	seen_add(seen, &entry);
	assert_int_equal(seen_find(seen, &entry)->seq, 7);
	assert_int_equal(seen_find(seen, &entry)->received, 5);
	struct seen_entry other = seen_entry(seen, "cards", "a", 8, 0);
	assert_null(seen_find(seen, &other)); /* another source: another event */
	seen_free(&seen);
	assert_null(seen);
}

static void the_window_keeps_the_latest(void **state)
{
	struct seen *seen = seen_new(5000, "log");
	for (unsigned i = 1; i <= 20000; i++) {
		struct seen_entry entry = numbered(seen, i, i);
		assert_null(seen_find(seen, &entry));
		seen_add(seen, &entry);
	}
	assert_int_equal(seen_count(seen), 5000);
	for (unsigned i = 1; i <= 20000; i++) {
		struct seen_entry entry = numbered(seen, i, 99999);
		const struct seen_entry *found = seen_find(seen, &entry);
		assert_true((found != NULL) == (i > 15000));
		assert_true(!found || found->seq == i);
	}
	seen_free(&seen);
}

/* As many as a route remembers: the first of a million is
 * still known, and with one more it no longer is. */
static void a_million_ids_are_known(void **state)
{
	struct seen *seen = seen_new(1000000, "log");
	for (unsigned i = 0; i < 1000000; i++) {
		struct seen_entry entry = numbered(seen, i, i + 1);
		seen_add(seen, &entry);
	}
	struct seen_entry first = numbered(seen, 0, 2000000), second = numbered(seen, 1, 2000000);
	struct seen_entry next = numbered(seen, 1000000, 1000001);
	assert_int_equal(seen_find(seen, &first)->seq, 1);
	seen_add(seen, &next);
	assert_null(seen_find(seen, &first));
	assert_int_equal(seen_find(seen, &second)->seq, 2);
	seen_free(&seen);
}

static void what_is_newer_than_the_cursor_can_be_forgotten(void **state)
{
	struct seen *seen = seen_new(300, "log");
	for (unsigned i = 1; i <= 500; i++) {
		struct seen_entry entry = numbered(seen, i, i);
		seen_add(seen, &entry);
	}
	seen_forget(seen, 400);
	assert_int_equal(seen_count(seen), 200);
	for (unsigned i = 201; i <= 500; i++) {
		struct seen_entry entry = numbered(seen, i, 1);
		assert_true((seen_find(seen, &entry) != NULL) == (i <= 400));
	}
	seen_free(&seen);
}

static void of_two_entries_the_later_one_counts_until_it_is_forgotten(void **state)
{
	struct seen *seen = seen_new(300, "log");
	struct seen_entry first = numbered(seen, 1, 10), second = numbered(seen, 1, 20);
	seen_add(seen, &first);
	seen_add(seen, &second);
	assert_int_equal(seen_find(seen, &first)->seq, 20);
	seen_forget(seen, 15);
	assert_int_equal(seen_find(seen, &first)->seq, 10);
	seen_free(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_found_with_the_seq_that_bore_it),
		cmocka_unit_test(the_window_keeps_the_latest),
		cmocka_unit_test(a_million_ids_are_known),
		cmocka_unit_test(what_is_newer_than_the_cursor_can_be_forgotten),
		cmocka_unit_test(of_two_entries_the_later_one_counts_until_it_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
