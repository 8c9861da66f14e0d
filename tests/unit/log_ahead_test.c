/* SPDX-License-Identifier: Apache-2.0 */
/* log_ahead_test.c - batches that are on their way to the disk while others begin. */
#include "log_ahead_bed.h"

static void begin(unsigned count)
{
	gather(count);
	assert_true(log_begin(writer, true));
}

static void begin_small(unsigned count)
{
	gather(count);
	assert_true(log_begin(writer, false));
}

/* The first batch of a segment is log_write's.  Not everywhere can the others be begun. */
static void open_ahead(void)
{
	options.segment = 16 * SEGMENT;
	open_writer();
	assert_false(log_begin(writer, true));
	gather(1);
	if (log_ahead_fd(writer) < 0 || log_begin(writer, true))
		skip();
	write_gathered();
	gather(1);
	if (!log_begin(writer, true)) {
		print_message("this file system or kernel cannot write past the page cache without waiting\n");
		skip();
	}
	land_all();
}

/* ------------------------------------------------------------------- the tests */

/* The kernel puts what has ended where it is heard of, and tells of it after that. */
static void what_is_told_late_is_told_once(void **unused)
{
	struct why why;
	uint64_t end, one = 1;
	open_ahead();
	struct pollfd ready = { log_ahead_fd(writer), POLLIN, 0 };
	assert_int_equal(write(ready.fd, &one, sizeof(one)), sizeof(one));
	assert_int_equal(poll(&ready, 1, 0), 1);
	assert_int_equal(log_land(writer, &end, &why), LOG_LAND_NONE);
	assert_int_equal(poll(&ready, 1, 0), 0);
}

static void small_ones_come_one_after_the_other(void **unused)
{
	open_ahead();
	for (unsigned i = 0; i < 12; i++) {
		begin_small(1 + i % 3);
		gather(1);
		assert_false(log_begin(writer, true)); /* in the same page */
		land_all();
		begin_small(0);
		land_all();
	}
	fine(2 + 24 + 12);
}

static void large_ones_are_under_way_together(void **unused)
{
	open_ahead();
	for (unsigned i = 0; i < LOG_AHEAD; i++)
		begin(BIG);
	gather(1);
	assert_int_equal(log_ahead_count(writer), LOG_AHEAD);
	assert_false(log_begin(writer, true)); /* so many are enough */
	assert_int_equal(end_now(), 2);
	land_all();
	assert_int_equal(end_now(), 2 + LOG_AHEAD * BIG);
	begin(0);
	land_all();
	fine(3 + LOG_AHEAD * BIG);
}

static void one_that_does_not_fit_is_written_alone(void **unused)
{
	open_ahead();
	unsigned begun = 0;
	while (gather(BIG), log_begin(writer, true)) {
		land_all();
		begun++;
	}
	assert_true(begun > 0);
	write_gathered();
	assert_int_equal(read_all().records, 2 + (begun + 1) * BIG);
	begin(BIG); /* in the new segment */
	land_all();
	fine(2 + (begun + 2) * BIG);
}

static void a_close_waits_for_what_is_under_way(void **unused)
{
	open_ahead();
	begin(BIG);
	begin(3);
	log_close(&writer);
	open_writer();
	fine(2 + BIG + 3);
	add(4);
	fine(2 + BIG + 7);
}

static void two_batches_unpublished(void)
{
	gather(1);
	struct log_batch *batch = log_take(writer);
	assert_true(log_write(writer, batch, NULL));
	log_done(writer, &batch);
	gather(BIG);
	bool begun = log_begin(writer, true);
	gather(BIG);
	if (!begun || !log_begin(writer, true))
		_exit(77);
	writer->failed = true; /* as a kill leaves it, but that what is under way comes to the disk */
	log_close(&writer);
}

static bool child_did(void)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		open_writer();
		two_batches_unpublished();
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 0;
}

static void what_was_not_published_is_found_by_a_start(void **unused)
{
	if (!child_did())
		skip();
	open_writer();
	fine(1 + 2 * BIG);
}

/* A disk that lost its power may have the second and not the first, of which nobody was told. */
static void what_lies_behind_a_hole_is_given_again(void **unused)
{
	char name[32];
	if (!child_did())
		skip();
	uint64_t offset = place_of(2, name, NULL);
	zero(name, offset, LOG_PAGE);
	open_writer();
	assert_int_equal(end_now(), 1);
	add(5);
	fine(6);
}

static void expect_damaged(uint64_t seq)
{
	char name[32];
	uint64_t offset = place_of(seq, name, NULL);
	flip(name, offset + offsetof(struct record_head, received));
	struct tally tally = read_all();
	assert_int_equal(tally.damaged, 1);
	assert_int_equal(tally.damaged_from, seq);
	assert_int_equal(tally.records, 1 + 2 * BIG);
	flip(name, offset + offsetof(struct record_head, received));
}

static void damage_beside_what_is_filled_up(void **unused)
{
	char name[32];
	uint64_t span, last = 2 + BIG;
	open_ahead();
	begin(BIG);
	begin(BIG);
	land_all();
	uint64_t end = place_of(last, name, &span) + span, next = place_of(last + 1, name, NULL);
	assert_true(next % LOG_PAGE == 0 && next > end && next < end + LOG_PAGE);
	expect_damaged(last);
	expect_damaged(last + 1);
	fine(2 + 2 * BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_told_late_is_told_once),
		TEST(small_ones_come_one_after_the_other),
		TEST(large_ones_are_under_way_together),
		TEST(one_that_does_not_fit_is_written_alone),
		TEST(a_close_waits_for_what_is_under_way),
		TEST(what_was_not_published_is_found_by_a_start),
		TEST(what_lies_behind_a_hole_is_given_again),
		TEST(damage_beside_what_is_filled_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
