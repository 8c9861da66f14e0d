/* SPDX-License-Identifier: Apache-2.0 */
/* log_unclean_test.c - after kills and torn writes, and without a page to believe, everything acknowledged is read. */
#include "log_bed.h"

/* -------------------------------------------------------------- unclean ends */

static void only_append(void)
{
	add_one(end_now() + 1);
}

static void add_until_a_roll(void)
{
	struct log_stat stat;
	uint64_t segments;
	log_stat(writer, &stat);
	segments = stat.segments;
	while (log_stat(writer, &stat), stat.segments == segments)
		add(3);
}

static void add_and_prepare(void)
{
	struct why why;
	add_five();
	log_prepare(writer, &why);
}

static void a_kill_anywhere_loses_nothing_acknowledged(void **unused)
{
	static void (*const works[])(void) = { nothing, add_five, only_append, add_until_a_roll,
		write_but_not_publish, nothing, add_and_prepare, add_until_a_roll, only_append, write_but_not_publish };
	uint64_t end = 0;
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < sizeof(works) / sizeof(*works); i++) {
			in_child(works[i]);
			struct tally tally = read_all();
			assert_int_equal(tally.damaged + tally.gone, 0);
			assert_true(tally.records >= end);
			end = tally.records;
		}
	open_writer();
	assert_int_equal(end_now(), end + 5); /* the last child's */
	add(1);
	assert_int_equal(read_all().records, end + 6);
	assert_int_equal(run_fsck(&(struct log_stat){ 0 }).count, 0);
}

static void what_was_written_but_not_published_is_published_by_the_next_start(void **unused)
{
	in_child(add_five);
	in_child(write_but_not_publish);
	assert_int_equal(read_all().records, 5);
	open_writer();
	assert_int_equal(end_now(), 10);
	assert_int_equal(read_all().records, 10);
	assert_false(log_gathered(writer));
}

static void an_unclean_end_begins_a_new_segment_and_crashes_without_records_add_none(void **unused)
{
	struct log_stat stat;
	in_child(add_five);
	for (int i = 0; i < 10; i++)
		in_child(nothing);
	open_writer();
	log_stat(writer, &stat);
	assert_int_equal(stat.segments, 1);
	add(1);
	log_stat(writer, &stat);
	assert_int_equal(stat.segments, 2);
	log_close(&writer);
	open_writer();
	add(1);
	log_stat(writer, &stat);
	assert_int_equal(stat.segments, 2);
	assert_int_equal(read_all().records, 7);
}

static void a_clean_close_after_an_unclean_end_does_not_go_on_in_the_old_segment(void **unused)
{
	struct log_stat stat;
	in_child(add_five);
	open_writer();
	log_close(&writer);
	open_writer();
	add(1);
	log_stat(writer, &stat);
	assert_int_equal(stat.segments, 2);
	assert_int_equal(read_all().records, 6);
}

static void a_torn_tail_that_was_never_acknowledged_goes(void **unused)
{
	char name[32];
	uint64_t span;
	in_child(add_five);
	in_child(write_but_not_publish);
	uint64_t offset = place_of(8, name, &span);
	zero(name, offset + span / 2 / LOG_ALIGN * LOG_ALIGN, (size_t)span / 2);
	open_writer();
	assert_int_equal(end_now(), 7);
	add(4);
	struct tally tally = read_all();
	assert_int_equal(tally.records, 11);
	assert_int_equal(tally.damaged, 0);
}

/* ------------------------------------------------------------------ the page */

static void without_the_page_the_records_tell_the_end(void **unused)
{
	in_child(add_five);
	in_child(write_but_not_publish);
	delete("page");
	open_writer();
	assert_int_equal(end_now(), 10);
	assert_int_equal(read_all().records, 10);
}

static void a_damaged_page_is_made_anew(void **unused)
{
	for (uint64_t offset = 0; offset < 120; offset += 5) {
		open_writer();
		add(3);
		log_close(&writer);
		flip("page", offset);
		open_writer();
		assert_int_equal(read_all().damaged, 0);
		log_close(&writer);
	}
	zero("page", 0, LOG_PAGE);
	assert_int_equal(read_all().records, 0);
	open_writer();
	assert_int_equal(end_now(), 72);
	assert_int_equal(read_all().records, 72);
}

static void copy_file(const char *from, const char *to)
{
	char command[300];
	snprintf(command, sizeof(command), "cat %s/%s > %s/%s", dir, from, dir, to);
	assert_int_equal(system(command), 0);
}

static void copy_page_and_write(void)
{
	copy_file("page", "stale");
	add(5);
	write_but_not_publish();
}

/* A power cut: of the page what was synced is left, of the records all. */
static void a_stale_page_loses_nothing(void **unused)
{
	open_writer();
	add(5);
	log_close(&writer);
	in_child(copy_page_and_write);
	copy_file("stale", "page");
	open_writer();
	assert_int_equal(end_now(), 15);
	assert_int_equal(read_all().records, 15);
}

/* A folder copied while it was written to: the page may even say it was closed. */
static void a_page_that_says_closed_is_not_believed_against_the_records(void **unused)
{
	open_writer();
	add(5);
	log_close(&writer);
	copy_file("page", "stale");
	in_child(add_five);
	copy_file("stale", "page");
	open_writer();
	assert_int_equal(end_now(), 10);
	add(1);
	assert_int_equal(read_all().records, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_kill_anywhere_loses_nothing_acknowledged),
		TEST(what_was_written_but_not_published_is_published_by_the_next_start),
		TEST(an_unclean_end_begins_a_new_segment_and_crashes_without_records_add_none),
		TEST(a_clean_close_after_an_unclean_end_does_not_go_on_in_the_old_segment),
		TEST(a_torn_tail_that_was_never_acknowledged_goes),
		TEST(without_the_page_the_records_tell_the_end),
		TEST(a_damaged_page_is_made_anew),
		TEST(a_stale_page_loses_nothing),
		TEST(a_page_that_says_closed_is_not_believed_against_the_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
