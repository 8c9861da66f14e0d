/* SPDX-License-Identifier: Apache-2.0 */
/* log_copy_test.c - a copy of the log made while it is written has what was durable, and goes on as a log. */
#include "log_bed.h"

#define NEXT UINT64_C(1000000001)

static char copy[80];

static bool copy_piece(const struct log_piece *piece, void *data, struct why *why)
{
	char path[128], *bytes = must_alloc(piece->used);
	snprintf(path, sizeof(path), "%s/%s", copy, piece->name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pread(piece->fd, bytes, piece->used, 0), piece->used);
	assert_int_equal(write(fd, bytes, piece->used), piece->used);
	assert_int_equal(ftruncate(fd, (off_t)piece->size), 0);
	close(fd);
	free(bytes);
	++*(size_t *)data;
	return true;
}

static struct log_stat make_copy(void)
{
	struct log_stat stat;
	struct why why = { "" };
	char command[256];
	size_t count = 0;
	snprintf(copy, sizeof(copy), "%s/copy", folder);
	assert_int_equal(mkdir(copy, 0700), 0);
	if (!log_pieces(dir, copy_piece, &count, &stat, &why))
		fail_msg("%s", why.text);
	snprintf(command, sizeof(command), "cp %s/id %s", dir, copy);
	assert_int_equal(system(command), 0);
	assert_int_equal(count, stat.segments);
	return stat;
}

/* From here on the copy is the log. */
static void go_on_with_it(const struct log_stat *stat)
{
	struct why why = { "" };
	log_close(&writer);
	strcpy(dir, copy);
	if (!log_set_forward(dir, stat->end, NEXT, &why))
		fail_msg("%s", why.text);
	open_writer();
	assert_string_equal(log_id(writer), stat->id);
}

static void no_fault(const struct log_fault *fault, void *data)
{
	fail_msg("%s at %" PRIu64 ": %s (%" PRIu64 " to %" PRIu64 ")", fault->segment, fault->offset, fault->what,
		fault->seq_from, fault->seq_to);
}

static void expect(uint64_t before, uint64_t behind)
{
	struct log_stat stat;
	struct why why = { "" };
	struct tally tally = read_all();
	assert_int_equal(tally.records, before + behind);
	assert_int_equal(tally.gone, NEXT - 1 - before);
	assert_int_equal(tally.damaged, 0);
	assert_int_equal(tally.next, NEXT + behind);
	assert_true(log_fsck(dir, no_fault, NULL, &stat, &why));
	assert_int_equal(stat.gaps, NEXT - 1 - before);
	assert_int_equal(stat.end, NEXT - 1 + behind);
}

static void a_copy_of_a_written_log_goes_on_far_behind_its_end(void **unused)
{
	open_writer();
	add_many(20, 20);
	struct log_stat stat = make_copy();
	assert_true(stat.segments > 2);
	assert_int_equal(stat.end, 400);
	add_many(3, 20); /* which the copy never sees */
	go_on_with_it(&stat);
	expect(400, 0);
	add_many(20, 20);
	expect(400, 400);
	log_close(&writer);
	open_writer();
	add(1);
	expect(400, 401);
}

static void such_a_log_survives_a_kill_at_once(void **unused)
{
	open_writer();
	add_many(2, 20);
	struct log_stat stat = make_copy();
	go_on_with_it(&stat);
	log_close(&writer);
	in_child(nothing);
	in_child(nothing);
	open_writer();
	expect(40, 0);
	add(5);
	log_close(&writer);
	in_child(nothing);
	open_writer();
	expect(40, 5);
}

static void any_seq_can_be_read_first(void **unused)
{
	const uint64_t first[] = { 1, 399, 400, 401, 5000, NEXT - 1, NEXT, NEXT + 39 };
	open_writer();
	add_many(20, 20);
	struct log_stat stat = make_copy();
	go_on_with_it(&stat);
	add_many(2, 20);
	for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++) {
		struct log_reader *reader = open_reader();
		struct tally tally = read_with(reader, first[i]);
		assert_int_equal(tally.next, NEXT + 40);
		assert_int_equal(tally.damaged, 0);
		assert_int_equal(tally.records + tally.gone, NEXT + 40 - first[i]);
		log_reader_close(&reader);
	}
}

struct behind {
	uint64_t seq, events;
};

static void expect_behind(const struct log_stat *stat, const struct behind *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (log_events_behind(stat, rows[i].seq) != rows[i].events)
			fail_msg("behind %" PRIu64 " are %" PRIu64 ", not %" PRIu64, rows[i].seq,
				log_events_behind(stat, rows[i].seq), rows[i].events);
}

static void events_are_counted_from_wherever_one_stands(void **unused)
{
	const struct behind rows[] = { { 0, 440 }, { 1, 439 }, { 399, 41 }, { 400, 40 }, { 401, 40 }, { 402, 40 },
		{ 5000, 40 }, { NEXT - 2, 40 }, { NEXT - 1, 40 }, { NEXT, 39 }, { NEXT + 38, 1 }, { NEXT + 39, 0 },
		{ NEXT + 100, 0 } };
	struct log_stat stat, read;
	struct why why = { "" };
	open_writer();
	add_many(20, 20);
	stat = make_copy();
	go_on_with_it(&stat);
	add_many(2, 20);
	struct log_reader *reader = open_reader();
	assert_true(log_reader_stat(reader, &read, &why));
	log_stat(writer, &stat);
	expect_behind(&stat, rows, sizeof(rows) / sizeof(*rows));
	expect_behind(&read, rows, sizeof(rows) / sizeof(*rows));
	log_reader_close(&reader);
}

/* Restored twice, and once more with nothing since; what was before 11 is not there any more. */
static void several_gaps_are_passed_over(void **unused)
{
	const struct log_stat stat = { .begin = 11, .end = 4000,
		.gap = { { 3001, 4000 }, { 2006, 3000 }, { 101, 2000 } } };
	const struct behind rows[] = { { 0, 95 }, { 10, 95 }, { 11, 94 }, { 100, 5 }, { 101, 5 }, { 2000, 5 }, { 2001, 4 },
		{ 2005, 0 }, { 2006, 0 }, { 3000, 0 }, { 3500, 0 }, { 4000, 0 }, { 4001, 0 } };
	const struct log_stat empty = { .begin = 4001, .end = 4000 }, none = { 0 };
	const struct log_stat unopened = { .begin = 1, .end = 100, .gap = { { 101, 2000 } } };
	expect_behind(&stat, rows, sizeof(rows) / sizeof(*rows));
	assert_int_equal(log_events_behind(&empty, 0), 0);
	assert_int_equal(log_events_behind(&unopened, 90), 10);
	assert_int_equal(log_events_behind(&none, 0), 0);
	assert_int_equal(log_events_behind(&none, UINT64_MAX - 1), 0);
}

static void damage_before_the_gap_names_only_what_was_given(void **unused)
{
	open_writer();
	add_many(1, 20);
	struct log_stat stat = make_copy();
	go_on_with_it(&stat);
	add(1);
	log_close(&writer);
	zero(segment_name(1).text, LOG_BEGIN, SEGMENT - LOG_BEGIN);
	struct tally tally = read_all();
	assert_int_equal(tally.damaged, 20);
	assert_int_equal(tally.gone, NEXT - 21);
	assert_int_equal(tally.records, 1);
}

static void what_is_before_the_gap_is_let_go_of_as_ever(void **unused)
{
	struct why why = { "" };
	struct log_stat kept;
	open_writer();
	add_many(20, 20);
	struct log_stat stat = make_copy();
	options.keep = -1;
	go_on_with_it(&stat);
	add(1);
	log_close(&writer);
	options.size = 4 * SEGMENT;
	open_writer();
	assert_true(log_retire(writer, NEXT, &why));
	log_stat(writer, &kept);
	assert_true(kept.begin >= NEXT - 1 || kept.segments < stat.segments);
	struct tally tally = read_all();
	assert_int_equal(tally.damaged, 0);
	assert_int_equal(tally.records + tally.gone, NEXT);
}

static void a_log_without_a_record_goes_on_too(void **unused)
{
	open_writer();
	struct log_stat stat = make_copy();
	assert_int_equal(stat.end, 0);
	strcpy(stat.id, log_id(writer));
	go_on_with_it(&stat);
	add(2);
	struct tally tally = read_all();
	assert_int_equal(tally.gone, NEXT - 1);
	assert_int_equal(tally.records, 2);
}

/* Killed between write and publication: those records are kept by a start, so by a copy. */
static void publish_three_of_six(void)
{
	struct why why;
	add(3);
	for (uint64_t seq = 4; seq <= 6; seq++)
		add_one(seq);
	assert_true(log_write(writer, log_take(writer), &why));
}

static void without_a_writer_all_that_follows_is_copied(void **unused)
{
	in_child(publish_three_of_six);
	struct log_stat stat = make_copy();
	assert_int_equal(stat.end, 6);
	go_on_with_it(&stat);
	expect(6, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_copy_of_a_written_log_goes_on_far_behind_its_end),
		TEST(such_a_log_survives_a_kill_at_once),
		TEST(any_seq_can_be_read_first),
		TEST(events_are_counted_from_wherever_one_stands),
		TEST(several_gaps_are_passed_over),
		TEST(damage_before_the_gap_names_only_what_was_given),
		TEST(what_is_before_the_gap_is_let_go_of_as_ever),
		TEST(a_log_without_a_record_goes_on_too),
		TEST(without_a_writer_all_that_follows_is_copied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
