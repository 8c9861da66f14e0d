/* SPDX-License-Identifier: Apache-2.0 */
/* log_forget_test.c - what a start had to drop is never read again, whatever is damaged after that.
 *
 * Records of the first life are received at 1, those of the second, which bear
 * the same seqs, at 2.
 */
#include "log_bed.h"

static void put(int life, uint64_t count, bool publish)
{
	struct why why = { "" };
	for (uint64_t i = 0; i < count; i++) {
		struct log_record record = { .received = life, .source = text("boards"), .body = text("body") };
		log_append(writer, &record);
	}
	struct log_batch *batch = log_take(writer);
	if (!log_write(writer, batch, &why))
		fail_msg("%s", why.text);
	if (publish)
		log_done(writer, &batch);
}

static void ten_and_five_at_once(void)
{
	put(1, 10, true);
	put(1, 5, true);
}

static void ten_and_three_unpublished(void)
{
	put(1, 10, true);
	put(1, 3, false);
}

static void three_after_eleven(void)
{
	assert_int_equal(end_now(), 11);
	put(2, 3, true);
}

static void nothing_after_thirteen(void)
{
	assert_int_equal(end_now(), 13);
}

static void behead(uint64_t ordinal)
{
	zero(segment_name(ordinal).text, 0, LOG_BEGIN);
}

/* Up to 11 the first life counts, from 12 on only the second: which is lost by now, and has to be named. */
static void twelve_to_fourteen_are_damaged(void)
{
	struct log_slice slice;
	struct why why;
	struct arena *arena = arena_new();
	struct log_reader *reader = open_reader();
	assert_int_equal(log_read(reader, arena, 1, 50, 20000, &slice, &why), LOG_READ);
	assert_int_equal(slice.count, 11);
	assert_int_equal(log_read(reader, arena, 12, 50, 20000, &slice, &why), LOG_READ);
	assert_int_equal(slice.damaged_from, 12);
	assert_int_equal(slice.damaged_to, 14);
	assert_int_equal(log_read(reader, arena, 15, 50, 20000, &slice, &why), LOG_AT_END);
	log_reader_close(&reader);
	arena_free(&arena);
}

/* The page is lost, and with it that 12 and what follows was durable. */
static void records_dropped_behind_damage_do_not_come_back(void **unused)
{
	char name[32];
	in_child(ten_and_five_at_once);
	flip(name, place_of(12, name, NULL) + LOG_ALIGN + 3);
	delete("page");
	in_child(three_after_eleven);
	behead(2);
	open_writer();
	twelve_to_fourteen_are_damaged();
}

/* They are in two places then: where they were copied to, and where they were copied from. */
static void neither_do_those_they_were_copied_from(void **unused)
{
	char name[32];
	uint64_t span;
	in_child(ten_and_three_unpublished);
	in_child(nothing_after_thirteen);
	place_of(12, name, &span);
	flip(segment_name(2).text, LOG_BEGIN + span + LOG_ALIGN + 3);
	delete("page");
	in_child(three_after_eleven);
	behead(2);
	behead(3);
	open_writer();
	twelve_to_fourteen_are_damaged();
}

static void ten(void)
{
	put(1, 10, true);
}

static void three_and_two_unpublished(void)
{
	put(1, 3, true);
	put(1, 2, false);
}

/* It holds the segment open in which 14 was once written, and which the start moved aside. */
static void nor_by_a_reader_that_lives_on(void **unused)
{
	struct log_slice slice;
	struct why why;
	struct arena *arena = arena_new();
	in_child(ten);
	in_child(three_and_two_unpublished);
	struct log_reader *reader = open_reader();
	for (uint64_t from = 1; from < 14; from = slice.next)
		assert_int_equal(log_read(reader, arena, from, 50, 20000, &slice, &why), LOG_READ);
	behead(2);
	open_writer();
	assert_int_equal(end_now(), 13);
	put(2, 1, true);
	assert_int_equal(log_read(reader, arena, 14, 50, 20000, &slice, &why), LOG_READ);
	assert_int_equal(slice.count, 1);
	assert_int_equal(slice.records[0].received, 2);
	log_reader_close(&reader);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_dropped_behind_damage_do_not_come_back),
		TEST(neither_do_those_they_were_copied_from),
		TEST(nor_by_a_reader_that_lives_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
