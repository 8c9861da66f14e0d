/* SPDX-License-Identifier: Apache-2.0 */
/* log_test.c - what is appended is read again, by whoever, in order, and not before it is durable. */
#include "log_bed.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "spent.h"

static void a_new_log_is_empty_and_has_an_id(void **unused)
{
	struct log_stat stat;
	open_writer();
	log_stat(writer, &stat);
	assert_int_equal(stat.begin, 1);
	assert_int_equal(stat.end, 0);
	assert_int_equal(stat.segments, 0);
	assert_int_equal(strlen(stat.id), 32);
	assert_string_equal(log_id(writer), stat.id);
	assert_int_equal(log_room(writer, 1000), LOG_ROOM);
	assert_false(log_gathered(writer));
}

static void every_part_of_a_record_comes_back(void **unused)
{
	struct why why;
	struct log_slice slice;
	struct arena *arena = arena_new();
	struct log_record record = { .received = 1234567890123, .flags = LOG_EVENT | LOG_INSECURE,
		.source = text("s"), .method = text("PUT"), .path = text("/in/s"), .query = text("q=1&r"),
		.headers = text("a: 1\nb: 2\n"),
		.body = { "\0\1binary\0", 9 } };
	open_writer();
	assert_int_equal(log_append(writer, &record), 1);
	struct log_batch *batch = log_take(writer);
	assert_true(log_write(writer, batch, &why));
	assert_int_equal(log_done(writer, &batch), 1);
	struct log_reader *reader = open_reader();
	assert_int_equal(log_read(reader, arena, 1, 10, 1000, &slice, &why), LOG_READ);
	assert_int_equal(slice.count, 1);
	assert_int_equal(slice.next, 2);
	const struct log_record *got = slice.records;
	assert_int_equal(got->seq, 1);
	assert_int_equal(got->received, record.received);
	assert_int_equal(got->flags, record.flags);
	assert_string_equal(got->source.at, "s");
	assert_string_equal(got->method.at, "PUT");
	assert_string_equal(got->path.at, "/in/s");
	assert_string_equal(got->query.at, "q=1&r");
	assert_string_equal(got->headers.at, "a: 1\nb: 2\n");
	assert_int_equal(got->body.len, 9);
	assert_memory_equal(got->body.at, record.body.at, 10);
	log_reader_close(&reader);
	arena_free(&arena);
}

static void empty_and_very_large_bodies_come_back(void **unused)
{
	struct why why;
	struct log_slice slice;
	size_t sizes[] = { 0, 5 * 1024 * 1024, 1, 0, 3 * SEGMENT, SEGMENT - LOG_BEGIN - LOG_ALIGN - 6, 2 };
	char *body = malloc(sizes[1]);
	struct arena *arena = arena_new();
	memset(body, 'b', sizes[1]);
	open_writer();
	for (size_t i = 0; i < 7; i++) {
		struct log_record record = { .body = { body, sizes[i] } };
		assert_int_equal(log_room(writer, sizes[i]), LOG_ROOM);
		log_append(writer, &record);
	}
	struct log_batch *batch = log_take(writer);
	assert_true(log_write(writer, batch, &why));
	log_done(writer, &batch);
	struct log_reader *reader = open_reader();
	for (uint64_t from = 1, i = 0; i < 7; from = slice.next) {
		assert_int_equal(log_read(reader, arena, from, 10, 1, &slice, &why), LOG_READ);
		for (size_t k = 0; k < slice.count; k++, i++) {
			assert_int_equal(slice.records[k].body.len, sizes[i]);
			assert_memory_equal(slice.records[k].body.at, body, sizes[i]);
		}
	}
	log_reader_close(&reader);
	arena_free(&arena);
	free(body);
}

static void segments_follow_each_other(void **unused)
{
	struct log_stat stat;
	struct why why;
	open_writer();
	for (int i = 0; i < 60; i++) {
		add(20);
		if (i % 2 && log_wants_segment(writer))
			assert_true(log_prepare(writer, &why));
	}
	log_stat(writer, &stat);
	assert_true(stat.segments > 10);
	assert_int_equal(stat.oldest, 1000);
	assert_int_equal(read_all().records, 1200);
	assert_int_equal(run_fsck(&stat).count, 0);
	assert_int_equal(stat.end, 1200);
}

static void a_reader_does_not_pass_the_durable_end(void **unused)
{
	struct why why;
	open_writer();
	add(3);
	struct log_reader *reader = open_reader();
	add_one(4);
	assert_int_equal(read_with(reader, 1).records, 3);
	struct log_batch *batch = log_take(writer);
	assert_int_equal(read_with(reader, 1).records, 3);
	assert_true(log_write(writer, batch, &why));
	assert_int_equal(read_with(reader, 1).records, 3);
	assert_int_equal(log_reader_end(reader), 3);
	log_done(writer, &batch);
	assert_int_equal(log_reader_end(reader), 4);
	assert_int_equal(read_with(reader, 4).records, 1);
	log_reader_close(&reader);
}

static void a_batch_gathers_while_another_is_written(void **unused)
{
	struct why why;
	open_writer();
	add_one(1);
	struct log_batch *first = log_take(writer);
	add_one(2);
	assert_true(log_write(writer, first, &why));
	add_one(3);
	assert_int_equal(log_done(writer, &first), 1);
	struct log_batch *second = log_take(writer);
	assert_true(log_write(writer, second, &why));
	assert_int_equal(log_done(writer, &second), 3);
	assert_int_equal(read_all().records, 3);
}

static void a_clean_reopen_goes_on_in_the_same_segment(void **unused)
{
	char id[LOG_ID_SIZE];
	struct log_stat stat;
	open_writer();
	strcpy(id, log_id(writer));
	add(5);
	log_close(&writer);
	for (int i = 0; i < 20; i++) {
		open_writer();
		assert_string_equal(log_id(writer), id);
		add(1);
		log_close(&writer);
	}
	open_writer();
	log_stat(writer, &stat);
	assert_int_equal(stat.segments, 1);
	assert_int_equal(stat.end, 25);
	assert_int_equal(read_all().records, 25);
}

static void a_start_after_a_clean_close_of_many_segments_is_fast(void **unused)
{
	open_writer();
	add_many(200, 50);
	log_close(&writer);
	int64_t before = spent();
	open_writer();
	assert_true(spent() - before < 200);
	assert_int_equal(end_now(), 10000);
}

static void a_reader_may_come_before_the_log(void **unused)
{
	struct log_reader *reader = open_reader();
	assert_string_equal(log_reader_id(reader), "");
	assert_int_equal(read_with(reader, 1).last, LOG_AT_END);
	assert_true(log_reader_sleep(reader, 0));
	open_writer();
	struct pollfd wake = { log_reader_wake_fd(reader), POLLIN, 0 };
	assert_int_equal(poll(&wake, 1, 1000), 1);
	add(4);
	assert_int_equal(read_with(reader, 1).records, 4);
	assert_string_equal(log_reader_id(reader), log_id(writer));
	log_reader_close(&reader);
}

static void a_log_is_read_without_a_writer(void **unused)
{
	struct log_stat stat;
	struct why why;
	open_writer();
	add_many(30, 20);
	log_close(&writer);
	struct log_reader *reader = open_reader();
	assert_int_equal(read_with(reader, 1).records, 600);
	assert_true(log_reader_stat(reader, &stat, &why));
	assert_int_equal(stat.end, 600);
	log_reader_close(&reader);
}

static void two_readers_and_any_order_of_seqs(void **unused)
{
	struct why why;
	struct log_slice slice;
	struct arena *arena = arena_new();
	open_writer();
	add_many(40, 20);
	struct log_reader *one = open_reader(), *two = open_reader();
	for (uint64_t i = 0; i < 300; i++) {
		uint64_t seq = i * 7919 % 800 + 1;
		assert_int_equal(log_read(i % 2 ? one : two, arena, seq, 1, 1, &slice, &why), LOG_READ);
		assert_int_equal(slice.count, 1);
		assert_int_equal(slice.records[0].seq, seq);
		check_record(slice.records);
		arena_reset(arena);
	}
	add(10);
	assert_int_equal(read_with(one, 1).records, 810);
	assert_int_equal(read_with(two, 400).records, 411);
	log_reader_close(&one);
	log_reader_close(&two);
	arena_free(&arena);
}

static void a_slice_keeps_to_what_is_asked(void **unused)
{
	struct why why;
	struct log_slice slice;
	struct arena *arena = arena_new();
	open_writer();
	add(100);
	struct log_reader *reader = open_reader();
	assert_int_equal(log_read(reader, arena, 1, 7, 1 << 20, &slice, &why), LOG_READ);
	assert_int_equal(slice.count, 7);
	assert_int_equal(slice.next, 8);
	assert_int_equal(log_read(reader, arena, 8, 100, 4000, &slice, &why), LOG_READ);
	assert_true(slice.count >= 2 && slice.count < 20);
	assert_int_equal(log_read(reader, arena, 101, 1, 1, &slice, &why), LOG_AT_END);
	log_reader_close(&reader);
	arena_free(&arena);
}

static void a_second_writer_is_refused(void **unused)
{
	struct why why;
	open_writer();
	int64_t before = clock_ticks();
	assert_null(log_open(dir, &options, 60, &why));
	assert_true(clock_ticks() - before >= 60);
	assert_non_null(strstr(why.text, "another process"));
	add(1);
}

static void a_successor_waits_for_the_lock(void **unused)
{
	struct why why;
	open_writer();
	add(2);
	log_close(&writer);
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		open_writer();
		assert_int_equal(write(ready[1], "x", 1), 1);
		usleep(100000);
		add(1);
		_exit(0);
	}
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	writer = log_open(dir, &options, 5000, &why);
	assert_non_null(writer);
	assert_int_equal(end_now(), 3);
	waitpid(child, NULL, 0);
	close(ready[0]);
	close(ready[1]);
}

/* ------------------------------------------------------------------- waking */

#define WAKES 3000

/* A wake that is lost shows as a poll that runs into its time. */
static void *read_and_sleep(void *data)
{
	struct log_reader *reader = data;
	uint64_t next = 1;
	bool lost = false;
	while (next <= WAKES && !lost) {
		uint64_t end = log_reader_end(reader);
		struct pollfd wake = { log_reader_wake_fd(reader), POLLIN, 0 };
		char events[4096];
		next = end + 1;
		if (end < WAKES && log_reader_sleep(reader, end)) {
			lost = poll(&wake, 1, 5000) != 1;
			while (read(wake.fd, events, sizeof(events)) > 0)
				continue;
		}
	}
	return lost ? data : NULL;
}

static void no_wake_is_lost(void **unused)
{
	pthread_t threads[2];
	struct log_reader *readers[2];
	void *lost;
	open_writer();
	for (int i = 0; i < 2; i++) {
		readers[i] = open_reader();
		pthread_create(&threads[i], NULL, read_and_sleep, readers[i]);
	}
	for (int i = 0; i < WAKES; i++) {
		add(1);
		if (i % 64 == 0)
			usleep(300);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &lost);
		assert_null(lost);
		log_reader_close(&readers[i]);
	}
}

static void a_reader_that_is_behind_does_not_sleep(void **unused)
{
	open_writer();
	add(2);
	struct log_reader *reader = open_reader();
	assert_false(log_reader_sleep(reader, 1));
	assert_true(log_reader_sleep(reader, 2));
	add(1);
	assert_false(log_reader_sleep(reader, 2));
	log_reader_close(&reader);
}

static uint64_t bytes_read(void)
{
	uint64_t bytes = 0;
	FILE *file = fopen("/proc/self/io", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "rchar: %" SCNu64, &bytes), 1);
	fclose(file);
	return bytes;
}

static void ten(void)
{
	add(10);
}

/* So a start after a kill takes as long as one look at the last segment, however often that must be thought over. */
static void a_start_reads_the_last_segment_once(void **unused)
{
	options.segment = 1 << 20;
	in_child(ten);
	uint64_t before = bytes_read();
	open_writer();
	assert_true(bytes_read() - before < (1 << 20) + (1 << 19));
	assert_int_equal(end_now(), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_log_is_empty_and_has_an_id),
		TEST(every_part_of_a_record_comes_back),
		TEST(empty_and_very_large_bodies_come_back),
		TEST(segments_follow_each_other),
		TEST(a_reader_does_not_pass_the_durable_end),
		TEST(a_batch_gathers_while_another_is_written),
		TEST(a_clean_reopen_goes_on_in_the_same_segment),
		TEST(a_start_after_a_clean_close_of_many_segments_is_fast),
		TEST(a_reader_may_come_before_the_log),
		TEST(a_log_is_read_without_a_writer),
		TEST(two_readers_and_any_order_of_seqs),
		TEST(a_slice_keeps_to_what_is_asked),
		TEST(a_second_writer_is_refused),
		TEST(a_successor_waits_for_the_lock),
		TEST(no_wake_is_lost),
		TEST(a_reader_that_is_behind_does_not_sleep),
		TEST(a_start_reads_the_last_segment_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
