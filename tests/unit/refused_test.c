/* SPDX-License-Identifier: Apache-2.0 */
/* refused_test.c - the ring of refused requests: order, restarts, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/line.h"
#include "flow/refused.h"
#include "sdk/text.h"

struct seen {
	size_t count;
	struct refused_entry entries[REFUSED_COUNT];
};

static void see(const struct refused_entry *entry, void *data)
{
	struct seen *seen = data;
	assert_true(seen->count < REFUSED_COUNT);
	seen->entries[seen->count++] = *entry;
}

static char path[64];

static struct seen look(void)
{
	struct seen seen = { 0 };
	struct why why = { "" };
	if (!refused_each(path, see, &seen, &why))
		fail_msg("%s", why.text);
	return seen;
}

static void add(struct refused *refused, int number)
{
	char reason[32];
	snprintf(reason, sizeof(reason), "number %d", number);
	refused_add(refused, 401, sl_text_of("boards"), sl_text_of("192.0.2.7"), reason);
}

static struct refused *begin(void)
{
	struct why why = { "" };
	struct refused *refused = refused_open(path, &why);
	if (!refused)
		fail_msg("%s", why.text);
	return refused;
}

static int fresh(void **state)
{
	line_setup("test", NULL, SL_ERROR);
	snprintf(path, sizeof(path), "/tmp/refused_test.%d", getpid());
	unlink(path);
	return 0;
}

static int gone(void **state)
{
	return unlink(path);
}

static void no_file_is_no_entries(void **state)
{
	assert_int_equal(look().count, 0);
	struct refused *refused = begin();
	assert_int_equal(look().count, 0);
	refused_close(&refused);
}

static void the_last_200_stay_in_order_across_restarts(void **state)
{
	for (int round = 0; round < 5; round++) {
		struct refused *refused = begin();
		for (int i = 0; i < 90; i++)
			add(refused, round * 90 + i);
		refused_close(&refused);
	}
	struct seen seen = look();
	assert_int_equal(seen.count, REFUSED_COUNT);
	assert_string_equal(seen.entries[0].reason, "number 250");
	assert_string_equal(seen.entries[199].reason, "number 449");
	assert_string_equal(seen.entries[0].source, "boards");
	assert_string_equal(seen.entries[0].peer, "192.0.2.7");
	assert_int_equal(seen.entries[0].status, 401);
}

static void what_came_from_outside_is_cut_and_cleaned(void **state)
{
	char longest[5000];
	struct refused *refused = begin();
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	refused_add(refused, 404, sl_text_of("/in/\x1b[31m\n"), sl_text_of(longest), longest);
	refused_add(refused, 404, (struct sl_text){ NULL, 0 }, (struct sl_text){ NULL, 0 }, "");
	refused_close(&refused);
	struct seen seen = look();
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.entries[0].source, "/in/?[31m?");
	assert_int_equal(strlen(seen.entries[0].reason), sizeof(seen.entries[0].reason) - 1);
}

static void a_torn_entry_is_not_shown(void **state)
{
	struct refused *refused = begin();
	for (int i = 0; i < 10; i++)
		add(refused, i);
	refused_close(&refused);
	int fd = open(path, O_RDWR);
	for (off_t at = 512 * 3; at < 512 * 4; at += 37) {
		char was, other;
		assert_int_equal(pread(fd, &was, 1, at), 1);
		other = (char)(was ^ 0x10);
		assert_int_equal(pwrite(fd, &other, 1, at), 1);
		assert_int_equal(look().count, 9);
		assert_int_equal(pwrite(fd, &was, 1, at), 1);
	}
	assert_int_equal(look().count, 10);
	assert_int_equal(ftruncate(fd, 512 * 4 + 100), 0);
	assert_int_equal(look().count, 3);
	close(fd);
}

static void a_file_cut_short_while_it_is_written_does_no_harm(void **state)
{
	struct refused *refused = begin();
	for (int i = 0; i < 300; i++) {
		add(refused, i);
		if (i % 50 == 0)
			assert_int_equal(truncate(path, 0), 0);
	}
	refused_close(&refused);
	assert_true(look().count > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_file_is_no_entries, fresh, gone),
		cmocka_unit_test_setup_teardown(the_last_200_stay_in_order_across_restarts, fresh, gone),
		cmocka_unit_test_setup_teardown(what_came_from_outside_is_cut_and_cleaned, fresh, gone),
		cmocka_unit_test_setup_teardown(a_torn_entry_is_not_shown, fresh, gone),
		cmocka_unit_test_setup_teardown(a_file_cut_short_while_it_is_written_does_no_harm, fresh, gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
