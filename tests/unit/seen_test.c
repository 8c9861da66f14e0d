/* SPDX-License-Identifier: Apache-2.0 */
/* seen_test.c - what a route remembers of ids, and what it forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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
	assert_int_equal(seen_find(seen, &entry).seq, 0);
	seen_add(seen, &entry);
	assert_int_equal(seen_find(seen, &entry).seq, 7);
	assert_int_equal(seen_find(seen, &entry).received, 5);
	struct seen_entry other = seen_entry(seen, "cards", "a", 8, 0);
	assert_int_equal(seen_find(seen, &other).seq, 0); /* another source: another event */
	seen_free(&seen);
	assert_null(seen);
}

static void the_window_keeps_the_latest(void **state)
{
	struct seen *seen = seen_new(5000, "log");
	for (unsigned i = 1; i <= 20000; i++) {
		struct seen_entry entry = numbered(seen, i, i);
		assert_int_equal(seen_find(seen, &entry).seq, 0);
		seen_add(seen, &entry);
	}
	assert_int_equal(seen_count(seen), 5000);
	for (unsigned i = 1; i <= 20000; i++) {
		struct seen_entry entry = numbered(seen, i, 99999);
		assert_int_equal(seen_find(seen, &entry).seq, i > 15000 ? i : 0);
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
	assert_int_equal(seen_find(seen, &first).seq, 1);
	seen_add(seen, &next);
	assert_int_equal(seen_find(seen, &first).seq, 0);
	assert_int_equal(seen_find(seen, &second).seq, 2);
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
		assert_true((seen_find(seen, &entry).seq != 0) == (i <= 400));
	}
	seen_free(&seen);
}

static void of_two_entries_the_later_one_counts_until_it_is_forgotten(void **state)
{
	struct seen *seen = seen_new(300, "log");
	struct seen_entry first = numbered(seen, 1, 10), second = numbered(seen, 1, 20);
	seen_add(seen, &first);
	seen_add(seen, &second);
	assert_int_equal(seen_find(seen, &first).seq, 20);
	seen_forget(seen, 15);
	assert_int_equal(seen_find(seen, &first).seq, 10);
	seen_free(&seen);
}

/* Beside a plain list: ids that come again, far apart and near, and windows that are no round number. */
static void it_knows_what_a_list_knows(void **state)
{
	enum { WINDOW = 777, STEPS = 60000, IDS = 3000 };
	static struct { unsigned id; uint64_t seq; } list[STEPS];
	struct seen *seen = seen_new(WINDOW, "log");
	size_t first = 0, count = 0;
	uint64_t seq = 0, wide = UINT64_C(1) << 27; /* 64 of them are not yet too far apart */
	srand(7);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned id = (unsigned)rand() % IDS;
		seq += 1 + (uint64_t)rand() % (step / 1000 % 3 ? 5 : wide / 8);
		uint64_t expected = 0;
		for (size_t i = count; !expected && i-- > first;)
			expected = list[i].id == id ? list[i].seq : 0;
		struct seen_entry entry = numbered(seen, id, seq);
		assert_int_equal(seen_find(seen, &entry).seq, expected);
		if (!expected || rand() % 4 == 0) {
			seen_add(seen, &entry);
			list[count].id = id;
			list[count++].seq = seq;
			first += count - first > WINDOW;
		}
		if (rand() % 500 == 0 && count - first > 10) {
			seq = list[count - 1 - (size_t)rand() % (count - first - 1)].seq;
			seen_forget(seen, seq);
			while (count > first && list[count - 1].seq > seq)
				count--;
		}
		assert_int_equal(seen_count(seen), count - first);
	}
	seen_free(&seen);
}

/* Events of others by the thousands of millions lie between: nothing wrong is said of those that are known. */
static void seqs_may_lie_far_apart(void **state)
{
	struct seen *seen = seen_new(1000, "log");
	for (unsigned i = 1; i <= 40; i++) {
		struct seen_entry entry = numbered(seen, i, i * (UINT64_C(1) << 33));
		seen_add(seen, &entry);
	}
	assert_int_equal(seen_count(seen), 16); /* each has a stretch of its own */
	for (unsigned i = 25; i <= 40; i++) {
		struct seen_entry entry = numbered(seen, i, 1);
		assert_int_equal(seen_find(seen, &entry).seq, i * (UINT64_C(1) << 33));
	}
	seen_forget(seen, 30 * (UINT64_C(1) << 33));
	assert_int_equal(seen_count(seen), 6);
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
		cmocka_unit_test(it_knows_what_a_list_knows),
		cmocka_unit_test(seqs_may_lie_far_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
