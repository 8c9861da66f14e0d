/* SPDX-License-Identifier: Apache-2.0 */
/* log_table_test.c - what the table says of a large log is what its headers say, or nothing. */
#include "log_bed.h"

#include <xxhash.h>

#include "store/log_table.h"

#define MANY 250 /* batches: about 75 segments */

static void many(void)
{
	open_writer();
	add_many(MANY, 20);
}

static void cut(const char *name, off_t size)
{
	char path[128];
	path_of(path, name);
	assert_int_equal(truncate(path, size), 0);
}

/* How many segments the table names; each of them as its header does. */
static size_t agreeing(void)
{
	struct why why;
	struct log_table table;
	struct segment told, read;
	uint64_t *ordinals;
	size_t count, found = 0;
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(segment_list(at, &ordinals, &count, &why));
	log_table_read(at, &table);
	for (size_t i = 0; i < count; i++) {
		if (!log_table_find(&table, at, ordinals[i], &told))
			continue;
		int fd = openat(at, segment_name(ordinals[i]).text, O_RDONLY | O_CLOEXEC);
		assert_true(segment_read(fd, ordinals[i], &read));
		assert_memory_equal(&told, &read, offsetof(struct segment, id) + sizeof(told.id)); /* padding comes behind */
		assert_int_equal(told.bad_copies, read.bad_copies);
		close(fd);
		found++;
	}
	log_table_free(&table);
	free(ordinals);
	close(at);
	return found;
}

static size_t segments_now(void)
{
	struct log_stat stat;
	log_stat(writer, &stat);
	return stat.segments;
}

static void check_whole(uint64_t end)
{
	struct log_stat stat;
	open_writer();
	log_stat(writer, &stat);
	assert_int_equal(stat.end, end);
	assert_int_equal(read_all().records, end);
	log_close(&writer);
	assert_int_equal(run_fsck(&stat).count, 0);
}

static void a_table_says_what_the_headers_say(void **unused)
{
	many();
	size_t segments = segments_now();
	assert_true(segments > LOG_TABLE_EVERY);
	log_close(&writer);
	assert_int_equal(agreeing(), segments - 1);
	check_whole(MANY * 20);
}

static void a_small_log_has_none(void **unused)
{
	open_writer();
	add_many(20, 20);
	log_close(&writer);
	assert_false(exists("table"));
}

static void a_running_log_writes_it_now_and_then(void **unused)
{
	struct why why;
	many();
	assert_false(exists("table"));
	assert_true(log_prepare(writer, &why));
	size_t told = agreeing();
	assert_int_equal(told, segments_now() - 1);
	add_many(20, 20);
	assert_true(log_prepare(writer, &why));
	assert_int_equal(agreeing(), told);
}

static void kill_later(void)
{
	add_many(MANY, 20);
	log_prepare(writer, NULL);
	add_many(60, 20);
}

static void what_came_after_it_is_read(void **unused)
{
	in_child(kill_later);
	assert_true(agreeing() > 0);
	check_whole((MANY + 60) * 20);
}

static void a_changed_file_is_looked_at(void **unused)
{
	struct log_stat stat;
	many();
	log_close(&writer);
	zero("000000000010.seg", 0, LOG_BEGIN);
	open_writer();
	assert_false(exists("000000000010.seg"));
	assert_true(exists("damaged/000000000010.seg"));
	struct tally tally = read_all();
	assert_true(tally.records > 0 && tally.records < MANY * 20);
	assert_int_equal(tally.records + tally.damaged, MANY * 20);
	log_stat(writer, &stat);
	assert_int_equal(stat.end, MANY * 20);
}

static void a_cut_file_is_no_reason_to_end(void **unused)
{
	struct why why;
	many();
	log_close(&writer);
	cut("000000000010.seg", SEGMENT / 2);
	open_writer();
	assert_true(log_check(writer, &why));
	struct tally tally = read_all();
	assert_true(tally.damaged > 0);
	assert_int_equal(tally.records + tally.damaged, MANY * 20);
}

static void a_bad_table_is_none(void **unused)
{
	many();
	log_close(&writer);
	for (uint64_t at = 0; at < 64; at += 8) {
		flip("table", at);
		assert_int_equal(agreeing(), 0);
		check_whole(MANY * 20);
		assert_true(agreeing() > 0); /* and made anew by the close */
	}
	char path[128];
	path_of(path, "table");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0); /* nobody waits for who writes to it */
	check_whole(MANY * 20);
	assert_true(agreeing() > 0);
	for (off_t size = 0; size < 200; size += 50) {
		cut("table", size);
		assert_int_equal(agreeing(), 0);
		check_whole(MANY * 20);
	}
}

/* One whose checksum is right, and which no header would have been believed with. */
static void what_no_header_may_say_is_not_believed(void **unused)
{
	enum { HEAD = 64, ENTRY = 88, FIRST = 24, SIZE = 1 << 20 };
	static char table[SIZE];
	char path[128];
	many();
	log_close(&writer);
	size_t told = agreeing();
	path_of(path, "table");
	FILE *file = fopen(path, "r+be");
	assert_non_null(file);
	size_t size = fread(table, 1, SIZE, file);
	memcpy(table + HEAD + 5 * ENTRY + FIRST, &(uint64_t){ LOG_SEQ_MOST + 1 }, 8);
	memcpy(table + HEAD + 6 * ENTRY + FIRST, &(uint64_t){ 0 }, 8);
	memcpy(table, &(uint64_t){ XXH3_64bits(table + 8, size - 8) }, 8);
	rewind(file);
	assert_int_equal(fwrite(table, 1, size, file), size);
	fclose(file);
	assert_int_equal(agreeing(), told - 2);
	check_whole(MANY * 20);
}

static void what_went_does_not_come_back(void **unused)
{
	struct log_stat stat;
	struct why why;
	options.keep = 0;
	many();
	log_close(&writer);
	open_writer();
	assert_true(log_retire(writer, MANY * 10, &why));
	log_stat(writer, &stat);
	uint64_t begin = stat.begin;
	assert_true(begin > 1);
	log_close(&writer);
	open_writer();
	log_stat(writer, &stat);
	assert_int_equal(stat.begin, begin);
	assert_int_equal(read_all().gone, begin - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_table_says_what_the_headers_say),
		TEST(a_small_log_has_none),
		TEST(a_running_log_writes_it_now_and_then),
		TEST(what_came_after_it_is_read),
		TEST(a_changed_file_is_looked_at),
		TEST(a_cut_file_is_no_reason_to_end),
		TEST(a_bad_table_is_none),
		TEST(what_no_header_may_say_is_not_believed),
		TEST(what_went_does_not_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
