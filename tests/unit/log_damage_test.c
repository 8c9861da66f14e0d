/* SPDX-License-Identifier: Apache-2.0 */
/* log_damage_test.c - after damage everything acknowledged is read or named. */
#include "log_bed.h"

/* ------------------------------------------------------------------- damage */

/* One byte of each kind in a record's head and text. */
static void a_flipped_byte_costs_one_record_and_is_named(void **unused)
{
	char name[32];
	uint64_t span;
	open_writer();
	add(400);
	log_close(&writer);
	for (uint64_t at = 0, seq = 10; at < 120; at += at < 64 ? 1 : 8, seq += 3) {
		struct log_stat stat;
		uint64_t offset = place_of(seq, name, &span);
		uint64_t where = offset + (at < span ? at : span - 1);
		flip(name, where);
		struct tally tally = read_all();
		assert_int_equal(tally.damaged_from, seq);
		assert_int_equal(tally.damaged_to, seq);
		assert_int_equal(tally.records, 399);
		struct faults faults = run_fsck(&stat);
		assert_int_equal(faults.count, 1);
		assert_int_equal(faults.from, seq);
		assert_int_equal(stat.damaged, 1);
		flip(name, where);
	}
	assert_int_equal(read_all().damaged, 0);
}

static void a_zeroed_page_costs_only_what_lay_in_it(void **unused)
{
	char name[32];
	open_writer();
	add(30);
	add_many(20, 20);
	uint64_t page = place_of(15, name, NULL) / LOG_PAGE * LOG_PAGE;
	zero(name, page, LOG_PAGE);
	struct tally tally = read_all();
	assert_true(tally.damaged > 0 && tally.damaged < 20);
	assert_int_equal(tally.records + tally.damaged, 430);
	assert_true(tally.damaged_from <= 15 && tally.damaged_to >= 15);
	add(3);
	assert_int_equal(read_all().records, tally.records + 3);
}

static void the_last_records_of_a_segment_are_missed_too(void **unused)
{
	char name[32], after[32];
	uint64_t last = 0, offset;
	open_writer();
	add_many(20, 10);
	place_of(1, name, NULL);
	for (uint64_t seq = 1; place_of(seq, after, NULL), strcmp(after, name) == 0; seq++)
		last = seq;
	offset = place_of(last, name, NULL);
	flip(name, offset + 1);
	struct tally tally = read_all();
	assert_int_equal(tally.damaged, 1);
	assert_int_equal(tally.damaged_from, last);
	assert_int_equal(tally.records, 199);
}

static void either_copy_of_a_header_will_do(void **unused)
{
	struct log_stat stat;
	for (uint64_t at = 0; at < LOG_BEGIN; at += 512) {
		open_writer();
		add_many(3, 40);
		log_close(&writer);
		flip("000000000001.seg", at + 3);
		assert_int_equal(read_all().damaged, 0);
		assert_int_equal(run_fsck(&stat).count, 1);
		open_writer();
		assert_int_equal(read_all().damaged, 0);
		log_close(&writer);
		flip("000000000001.seg", at + 3);
	}
}

static void a_segment_without_a_header_is_kept_aside_and_its_seqs_are_named(void **unused)
{
	struct log_stat stat;
	open_writer();
	add_many(20, 20);
	log_close(&writer);
	zero("000000000003.seg", 0, LOG_BEGIN);
	struct tally before = read_all();
	assert_true(before.damaged > 10);
	assert_int_equal(before.damaged + before.records, 400);
	assert_true(run_fsck(&stat).count >= 1);
	assert_int_equal(stat.damaged, before.damaged);
	open_writer();
	assert_int_equal(files_in("damaged"), 1);
	assert_false(exists("000000000003.seg"));
	struct tally after = read_all();
	assert_int_equal(after.damaged, before.damaged);
	assert_int_equal(after.records, before.records);
}

/* The header of a segment as somebody would write it who knows how. */
static void forge_first(const char *name, uint64_t ordinal, uint64_t first)
{
	struct segment segment;
	struct segment_head head;
	int at = open(dir, O_RDONLY | O_DIRECTORY), fd = segment_open(at, ordinal, &segment);
	assert_true(fd >= 0);
	close(fd);
	close(at);
	segment.first = first;
	segment_head_make(&head, &segment);
	overwrite(name, 0, &head, sizeof(head));
	overwrite(name, LOG_PAGE, &head, sizeof(head));
}

static void a_seq_that_no_log_gives_is_not_believed(void **unused)
{
	open_writer();
	add(5);
	log_close(&writer);
	forge_first("000000000001.seg", 1, LOG_SEQ_MOST + 1);
	delete("page");
	open_writer();
	assert_int_equal(end_now(), 0);
	assert_int_equal(files_in("damaged"), 1);
}

static void behind_the_last_seq_there_is_no_room(void **unused)
{
	open_writer();
	add(5);
	log_close(&writer);
	forge_first("000000000001.seg", 1, LOG_SEQ_MOST - 2);
	open_writer(); /* the page says 5, cleanly closed; the header has the later word */
	assert_int_equal(end_now(), LOG_SEQ_MOST - 3);
	assert_int_equal(log_room(writer, 100), LOG_ROOM);
	add(3);
	assert_int_equal(log_room(writer, 100), LOG_FULL);
	struct log_reader *reader = open_reader();
	assert_int_equal(read_with(reader, LOG_SEQ_MOST - 2).records, 3);
	log_reader_close(&reader);
}

static void a_missing_segment_is_damage_and_a_missing_beginning_is_gone(void **unused)
{
	open_writer();
	add_many(30, 20);
	log_close(&writer);
	delete("000000000004.seg");
	struct tally tally = read_all();
	assert_true(tally.damaged > 10);
	assert_int_equal(tally.damaged + tally.records, 600);
	delete("000000000001.seg");
	tally = read_all();
	assert_true(tally.damaged > 10 && tally.gone > 10);
	assert_int_equal(tally.damaged + tally.records + tally.gone, 600);
	open_writer();
	add(1);
}

static void a_cut_segment_loses_its_end_only(void **unused)
{
	char path[128], name[32];
	open_writer();
	add_many(10, 20);
	log_close(&writer);
	uint64_t offset = place_of(30, name, NULL);
	path_of(path, name);
	assert_int_equal(truncate(path, (off_t)offset), 0);
	struct tally tally = read_all();
	assert_int_equal(tally.damaged_from, 30);
	assert_int_equal(tally.damaged + tally.records, 200);
	open_writer();
	assert_int_equal(end_now(), 200);
	add(20);
	assert_int_equal(read_all().records, tally.records + 20);
}

/* What a start copied into a new segment is still in the old one, behind its end. */
static void what_lies_behind_a_segments_end_is_never_read(void **unused)
{
	struct why why = { "" };
	struct log_slice slice;
	struct log_record record = { .source = text("other"), .body = text("another life") };
	char path[128];
	in_child(add_and_write);
	in_child(nothing);
	for (uint64_t ordinal = 2; ordinal < 5; ordinal++) {
		path_of(path, segment_name(ordinal).text);
		if (access(path, F_OK) == 0)
			assert_int_equal(truncate(path, LOG_BEGIN), 0);
	}
	delete("page");
	open_writer();
	assert_int_equal(end_now(), 5);
	assert_int_equal(log_append(writer, &record), 6);
	struct log_batch *batch = log_take(writer);
	assert_true(log_write(writer, batch, &why));
	log_done(writer, &batch);
	struct log_reader *reader = open_reader();
	struct arena *arena = arena_new();
	assert_int_equal(log_read(reader, arena, 1, 100, 100000, &slice, &why), LOG_READ);
	assert_int_equal(slice.count, 5);
	assert_int_equal(log_read(reader, arena, 6, 100, 100000, &slice, &why), LOG_READ);
	assert_string_equal(slice.records[0].source.at, "other");
	arena_free(&arena);
	log_reader_close(&reader);
}

/* Not at a multiple of 64: a few bytes are left where a record's head would be. */
static void a_segment_may_be_cut_anywhere(void **unused)
{
	char path[128], name[32];
	open_writer();
	add_many(10, 20);
	log_close(&writer);
	for (uint64_t seq = 190; seq > 185; seq--) {
		uint64_t offset = place_of(seq, name, NULL);
		path_of(path, name);
		assert_int_equal(truncate(path, (off_t)(offset + seq - 180)), 0);
		assert_int_equal(read_all().records, seq - 1);
		open_writer();
		assert_int_equal(end_now(), 200);
		log_close(&writer);
	}
}

static void damage_in_the_last_segment_is_named_and_kept_by_the_next_start(void **unused)
{
	char name[32];
	struct log_stat stat;
	in_child(add_five);
	in_child(add_five);
	in_child(add_five);
	flip(name, place_of(12, name, NULL) + 70);
	flip(name, place_of(15, name, NULL) + 9);
	open_writer();
	log_stat(writer, &stat);
	assert_int_equal(stat.end, 15);
	assert_int_equal(stat.damaged, 2);
	assert_int_equal(files_in("damaged"), 2);
	struct tally tally = read_all();
	assert_int_equal(tally.damaged, 2);
	assert_int_equal(tally.records, 13);
	add(5);
	tally = read_all();
	assert_int_equal(tally.damaged, 2);
	assert_int_equal(tally.records, 18);
}

static void a_reader_goes_on_behind_damage_at_the_very_end(void **unused)
{
	char name[32];
	open_writer();
	add(10);
	struct log_reader *reader = open_reader();
	flip(name, place_of(10, name, NULL) + 20);
	struct tally tally = read_with(reader, 1);
	assert_int_equal(tally.damaged_from, 10);
	assert_int_equal(tally.records, 9);
	add(10);
	tally = read_with(reader, 11);
	assert_int_equal(tally.damaged, 0);
	assert_int_equal(tally.records, 10);
	log_reader_close(&reader);
}

/* A record's very bytes, sent back to us as a body, are no record: even when it and
 * the head of the one they came in are destroyed. */
static void a_copy_of_a_record_inside_a_body_is_not_one(void **unused)
{
	char name[32], path[128], body[8192] = { 0 };
	uint64_t span;
	open_writer();
	add(9);
	uint64_t offset = place_of(9, name, &span);
	path_of(path, name);
	int fd = open(path, O_RDONLY);
	for (size_t at = LOG_ALIGN - 5; at + span < sizeof(body); at += span)
		assert_int_equal(pread(fd, body + at, span, (off_t)offset), span);
	close(fd);
	struct log_record record = { .body = { body, sizeof(body) } };
	log_append(writer, &record);
	struct log_batch *batch = log_take(writer);
	assert_true(log_write(writer, batch, NULL));
	log_done(writer, &batch);
	flip(name, offset);
	flip(name, offset + span);
	struct tally tally = read_all();
	assert_int_equal(tally.records, 8);
	assert_int_equal(tally.damaged_from, 9);
	assert_int_equal(tally.damaged_to, 10);
}

static void the_id_is_put_right_from_the_headers(void **unused)
{
	char id[LOG_ID_SIZE];
	open_writer();
	add(3);
	strcpy(id, log_id(writer));
	log_close(&writer);
	overwrite("id", 0, "00000000000000000000000000000000", 32);
	open_writer();
	assert_string_equal(log_id(writer), id);
	log_close(&writer);
	delete("id");
	open_writer();
	assert_string_equal(log_id(writer), id);
	assert_int_equal(read_all().records, 3);
}

static void a_segment_of_another_log_is_not_ours(void **unused)
{
	char command[300];
	open_writer();
	add_many(5, 40);
	log_close(&writer);
	snprintf(command, sizeof(command), "cp %s/000000000001.seg %s/000000000099.seg", dir, dir);
	assert_int_equal(system(command), 0);
	open_writer();
	assert_false(exists("000000000099.seg"));
	add(1);
	assert_int_equal(read_all().records, 201);
}

/* -------------------------------------------------- changed while it is running */

static void expect_failure_at_once(const char *word)
{
	struct why why = { "" };
	add_one(end_now() + 1);
	struct log_batch *batch = log_take(writer);
	assert_false(log_write(writer, batch, &why));
	assert_non_null(strstr(why.text, word));
	assert_int_equal(log_room(writer, 1), LOG_FAILED);
	assert_false(log_write(writer, batch, &why));
	assert_false(log_check(writer, &why));
	free(batch->memory);
	free(batch);
	log_close(&writer);
	open_writer();
	add(1);
}

static void expect_failure(const char *word)
{
	usleep(1000000);
	expect_failure_at_once(word);
}

static void a_segment_deleted_under_the_writer_is_noticed(void **unused)
{
	open_writer();
	add(5);
	delete("000000000001.seg");
	expect_failure("deleted");
	struct tally tally = read_all();
	assert_int_equal(tally.records + tally.gone, 6);
}

static void a_segment_cut_under_the_writer_is_noticed(void **unused)
{
	char path[128];
	open_writer();
	add(5);
	path_of(path, "000000000001.seg");
	assert_int_equal(truncate(path, LOG_BEGIN), 0);
	expect_failure("truncated");
	struct tally tally = read_all();
	assert_int_equal(tally.records + tally.damaged, 6);
}

/* What is written behind a cut would make the file as long as it was. */
static void a_cut_is_noticed_before_anything_is_written_behind_it(void **unused)
{
	char path[128];
	open_writer();
	add(5);
	path_of(path, "000000000001.seg");
	assert_int_equal(truncate(path, LOG_BEGIN), 0);
	expect_failure_at_once("truncated");
}

static void a_segment_replaced_under_the_writer_is_noticed(void **unused)
{
	char command[300];
	open_writer();
	add(5);
	snprintf(command, sizeof(command), "cd %s && cp 000000000001.seg x && mv x 000000000001.seg", dir);
	assert_int_equal(system(command), 0);
	expect_failure("replaced");
	assert_int_equal(read_all().records, 6);
}

static void a_page_deleted_under_the_writer_is_noticed_and_readers_find_the_new_one(void **unused)
{
	open_writer();
	add(5);
	struct log_reader *reader = open_reader();
	assert_int_equal(read_with(reader, 1).records, 5);
	delete("page");
	expect_failure("deleted");
	assert_int_equal(read_with(reader, 6).records, 1);
	log_reader_close(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flipped_byte_costs_one_record_and_is_named),
		TEST(a_zeroed_page_costs_only_what_lay_in_it),
		TEST(the_last_records_of_a_segment_are_missed_too),
		TEST(either_copy_of_a_header_will_do),
		TEST(a_segment_without_a_header_is_kept_aside_and_its_seqs_are_named),
		TEST(a_seq_that_no_log_gives_is_not_believed),
		TEST(behind_the_last_seq_there_is_no_room),
		TEST(a_missing_segment_is_damage_and_a_missing_beginning_is_gone),
		TEST(a_cut_segment_loses_its_end_only),
		TEST(a_segment_may_be_cut_anywhere),
		TEST(what_lies_behind_a_segments_end_is_never_read),
		TEST(damage_in_the_last_segment_is_named_and_kept_by_the_next_start),
		TEST(a_reader_goes_on_behind_damage_at_the_very_end),
		TEST(a_copy_of_a_record_inside_a_body_is_not_one),
		TEST(the_id_is_put_right_from_the_headers),
		TEST(a_segment_of_another_log_is_not_ours),
		TEST(a_segment_deleted_under_the_writer_is_noticed),
		TEST(a_segment_cut_under_the_writer_is_noticed),
		TEST(a_cut_is_noticed_before_anything_is_written_behind_it),
		TEST(a_segment_replaced_under_the_writer_is_noticed),
		TEST(a_page_deleted_under_the_writer_is_noticed_and_readers_find_the_new_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
