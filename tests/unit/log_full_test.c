/* SPDX-License-Identifier: Apache-2.0 */
/* log_full_test.c - what a log at its limit says, or one whose disk is full, and what is room all the same. */
#include "log_bed.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/clock.h"

static void what_is_needed_is_not_let_go_for_room(void **unused)
{
	options.size = 10 * SEGMENT;
	open_writer();
	enum log_room room;
	while ((room = log_room(writer, 2000)) == LOG_ROOM)
		add(1);
	assert_int_equal(room, LOG_FULL);
	struct log_stat full = stat_now();
	assert_true(full.bytes <= full.limit);
	assert_true(full.bytes > full.limit / 2);
	let_go(1);
	assert_int_equal(log_room(writer, 2000), LOG_FULL);
	assert_false(log_prepare(writer, NULL));
	assert_int_equal(read_all().records, full.end);
	let_go(full.end);
	assert_int_equal(log_room(writer, 2000), LOG_ROOM);
}

static void a_full_log_lets_go_of_what_everyone_is_past_whatever_its_age(void **unused)
{
	options.size = 10 * SEGMENT;
	options.keep = INT64_MAX / 2;
	open_writer();
	for (int i = 0; i < 3000; i++) {
		if (log_wants_segment(writer))
			let_go(stat_now().end);
		assert_int_equal(log_room(writer, 2000), LOG_ROOM);
		add(1);
		assert_true(stat_now().bytes <= options.size);
	}
	assert_int_equal(stat_now().end, 3000);
	assert_true(stat_now().segments > 4);
	assert_int_equal(run_fsck(&(struct log_stat){ 0 }).count, 0);
	assert_int_equal(read_all().damaged, 0);
}

/* All but the last segment may go, and the next one is ready. */
static void fill_all(uint64_t floor)
{
	struct why why = { "" };
	options.size = 10 * SEGMENT;
	options.keep = INT64_MAX / 2;
	open_writer();
	while (log_room(writer, 2000) == LOG_ROOM)
		add(1);
	let_go(floor ? floor : stat_now().end);
	assert_true(log_prepare(writer, &why));
}

static void check_all_is_fine(void)
{
	struct log_stat stat = stat_now();
	assert_true(stat.bytes <= options.size);
	assert_int_equal(run_fsck(&(struct log_stat){ 0 }).count, 0);
	assert_int_equal(read_all().records, stat.end - stat.begin + 1);
}

/* Whoever needs it makes it: a request is not turned away until log_retire comes again. */
static void what_may_go_is_room_before_it_goes(void **unused)
{
	fill_all(UINT64_MAX);
	for (uint64_t last = writer->writing.ordinal; writer->writing.ordinal < last + 30;) {
		assert_int_equal(log_room(writer, 2000), LOG_ROOM);
		add(1);
		assert_true(stat_now().bytes <= options.size);
	}
	check_all_is_fine();
}

static void no_more_than_may_go_is_room(void **unused)
{
	fill_all(150);
	enum log_room room;
	assert_int_equal(log_room(writer, 6 * SEGMENT), LOG_FULL);
	while ((room = log_room(writer, 2000)) == LOG_ROOM) {
		add(1);
		assert_true(stat_now().bytes <= options.size);
	}
	assert_int_equal(room, LOG_FULL);
	assert_true(stat_now().begin > 1 && stat_now().begin <= 150);
	check_all_is_fine();
	let_go(UINT64_MAX);
	assert_int_equal(log_room(writer, 2000), LOG_ROOM);
	let_go(1); /* a route was set back */
	while ((room = log_room(writer, 2000)) == LOG_ROOM)
		add(1);
	let_go(0); /* and another one has not said where it stands */
	assert_int_equal(log_room(writer, 2000), LOG_FULL);
	check_all_is_fine();
}

/* Nobody asked whether there is room for so much: then it lies beyond the limit, and nothing goes that is needed. */
static void what_is_needed_stays_whatever_is_gathered(void **unused)
{
	fill_all(150);
	add(6 * SEGMENT / 1000);
	assert_true(stat_now().begin > 1 && stat_now().begin <= 150);
	assert_true(stat_now().bytes > options.size);
	let_go(UINT64_MAX);
	check_all_is_fine();
}

static void one_batch_may_need_several_segments(void **unused)
{
	fill_all(0);
	uint64_t last = writer->writing.ordinal;
	assert_int_equal(log_room(writer, 4 * SEGMENT), LOG_ROOM);
	add(4 * SEGMENT / 1000);
	assert_true(writer->writing.ordinal >= last + 3);
	check_all_is_fine();
}

static void a_record_may_need_the_room_of_several_segments(void **unused)
{
	struct why why = { "" };
	static char body[6 * SEGMENT];
	fill_all(0);
	struct log_record record = { .source = text("boards"), .method = text("POST"), .body = { body, sizeof(body) } };
	assert_int_equal(log_room(writer, sizeof(body)), LOG_ROOM);
	log_append(writer, &record);
	struct log_batch *batch = log_take(writer);
	assert_true(log_write(writer, batch, &why));
	log_done(writer, &batch);
	assert_true(stat_now().bytes <= options.size);
	assert_int_equal(run_fsck(&(struct log_stat){ 0 }).count, 0);
}

static atomic_bool job_done;

static void *work_in_pool(void *batch)
{
	struct why why = { "" };
	uint64_t floor = end_now(); /* of the batch before */
	bool fine = log_write(writer, batch, &why) && log_retire(writer, floor, &why);
	if (fine && log_wants_segment(writer))
		log_prepare(writer, &why);
	job_done = true;
	return fine ? writer : NULL;
}

/* Whenever it is asked, beside what the pool does. */
static void check_room_while_segments_come_and_go(void)
{
	pthread_t pool;
	void *fine;
	unsigned full = 0;
	open_writer();
	for (unsigned i = 0; i < 600; i++) {
		uint64_t seq = end_now();
		for (unsigned k = 1; k <= 20; k++)
			add_one(seq + k);
		struct log_batch *batch = log_take(writer);
		job_done = false;
		assert_int_equal(pthread_create(&pool, NULL, work_in_pool, batch), 0);
		while (!job_done)
			full += log_room(writer, SEGMENT) != LOG_ROOM; /* which the ready segment alone has not */
		pthread_join(pool, &fine);
		assert_non_null(fine);
		log_done(writer, &batch);
	}
	assert_int_equal(full, 0);
	assert_true(stat_now().begin > 1);
	check_all_is_fine();
}

static void there_is_room_while_the_oldest_go_for_their_age(void **unused)
{
	check_room_while_segments_come_and_go();
}

static void there_is_room_while_the_oldest_go_for_their_room(void **unused)
{
	options.size = 10 * SEGMENT;
	options.keep = INT64_MAX / 2;
	check_room_while_segments_come_and_go();
}

/* The disk has room: what has to be said is what helps. */
static void a_log_at_its_limit_does_not_blame_the_disk(void **unused)
{
	struct why why = { "" };
	options.size = 10 * SEGMENT;
	open_writer();
	while (log_room(writer, 2000) == LOG_ROOM)
		add(1);
	let_go(1);
	assert_false(log_prepare(writer, &why));
	assert_int_equal(log_room(writer, 2000), LOG_FULL);
	let_go(2);
	writer->may_go = 2 * SEGMENT; /* as if it had come from the next one to be read */
	assert_int_equal(log_room(writer, 2000), LOG_ROOM);
}

/* While a ready segment is there that is too small for it. */
static void a_large_record_gets_the_room_of_what_everyone_is_past(void **unused)
{
	options.size = 16 * SEGMENT;
	options.keep = INT64_MAX / 2;
	open_writer();
	while (log_room(writer, 3 * SEGMENT) == LOG_ROOM)
		add(20);
	uint64_t begin = stat_now().begin;
	let_go(1);
	assert_int_equal(log_room(writer, 3 * SEGMENT), LOG_FULL);
	let_go(UINT64_MAX);
	assert_true(stat_now().begin > begin);
	assert_int_equal(log_room(writer, 3 * SEGMENT), LOG_ROOM);
	begin = stat_now().begin;
	log_room(writer, 12 * SEGMENT);
	let_go(UINT64_MAX);
	assert_int_equal(stat_now().begin, begin);
}

/* As when log_write comes to a segment that is still being filled: see fill_zeros. */
static void a_segment_that_is_waited_for_has_its_room_all_the_same(void **unused)
{
	struct why why = { "" };
	struct stat file;
	options.segment = 1 << 20;
	open_writer();
	add(700);
	writer->waited_for = true;
	assert_true(log_prepare(writer, &why));
	assert_int_equal(fstat(writer->ready_fd, &file), 0);
	assert_int_equal(file.st_size, options.segment);
	assert_true(file.st_blocks * 512 >= options.segment);
	add_many(20, 50);
	log_close(&writer);
	open_writer();
	assert_int_equal(read_all().records, 1700);
	struct log_stat stat;
	assert_int_equal(run_fsck(&stat).count, 0);
}

/* ---------------------------------------------------------------- a full disk */

/* No file may grow beyond so many bytes: as good as a disk that is full. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit = { bytes, RLIM_INFINITY };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void fill_the_segment(void)
{
	do
		add(1);
	while (writer->left >= 2000);
}

static void without_space_nothing_is_taken_and_it_goes_on_by_itself(void **unused)
{
	struct why why = { "" };
	signal(SIGXFSZ, SIG_IGN);
	open_writer();
	fill_the_segment();
	limit_files(4096);
	assert_true(log_wants_segment(writer));
	assert_false(log_prepare(writer, &why));
	assert_non_null(strstr(why.text, "too large"));
	assert_int_equal(log_room(writer, 2000), LOG_NO_SPACE);
	assert_false(log_wants_segment(writer));
	limit_files(RLIM_INFINITY);
	usleep(1100000);
	assert_true(log_wants_segment(writer));
	assert_true(log_prepare(writer, &why));
	assert_int_equal(log_room(writer, 2000), LOG_ROOM);
	add(50);
	assert_int_equal(read_all().records, stat_now().end);
	assert_false(exists("unfinished.tmp"));
}

static void check_segments_within(rlim_t limit)
{
	struct stat file;
	char path[128];
	signal(SIGXFSZ, SIG_IGN);
	options.segment = 1 << 20;
	limit_files(limit);
	open_writer();
	add_many(20, 20);
	path_of(path, "000000000001.seg");
	assert_int_equal(stat(path, &file), 0);
	assert_true(file.st_size <= (off_t)limit);
	assert_int_equal(read_all().records, 400);
	limit_files(RLIM_INFINITY);
}

static void a_small_limit_of_file_sizes_gets_small_segments(void **unused)
{
	check_segments_within((rlim_t)200 * 1024);
}

/* `ulimit -f` counts in 512 bytes, or in whatever a service manager was told. */
static void a_limit_of_file_sizes_need_be_no_whole_pages(void **unused)
{
	check_segments_within((rlim_t)200 * 1024 + 512);
}

static void a_log_opens_without_space(void **unused)
{
	signal(SIGXFSZ, SIG_IGN);
	open_writer();
	log_close(&writer);
	delete("000000000001.seg");
	limit_files(4096);
	open_writer();
	assert_int_equal(log_room(writer, 100), LOG_NO_SPACE);
	limit_files(RLIM_INFINITY);
	usleep(1100000);
	assert_int_equal(log_room(writer, 100), LOG_ROOM);
	add(3); /* log_write makes the segment itself */
	assert_int_equal(read_all().records, 3);
}

static void raise_limit_soon(int unused)
{
	limit_files(RLIM_INFINITY);
}

/* Room was promised and then the disk is full: what is gathered waits for a while. */
static void what_is_gathered_waits_for_space(void **unused)
{
	struct why why = { "" };
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGALRM, raise_limit_soon);
	open_writer();
	fill_the_segment();
	uint64_t end = stat_now().end;
	for (uint64_t i = 1; i <= 20; i++)
		add_one(end + i);
	struct log_batch *batch = log_take(writer);
	limit_files(SEGMENT - 1); /* enough for what is there, too little for another */
	alarm(1);
	int64_t before = clock_ticks();
	assert_true(log_write(writer, batch, &why));
	assert_true(clock_ticks() - before >= 500);
	log_done(writer, &batch);
	assert_int_equal(read_all().records, end + 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_needed_is_not_let_go_for_room),
		TEST(a_full_log_lets_go_of_what_everyone_is_past_whatever_its_age),
		TEST(what_may_go_is_room_before_it_goes),
		TEST(no_more_than_may_go_is_room),
		TEST(what_is_needed_stays_whatever_is_gathered),
		TEST(one_batch_may_need_several_segments),
		TEST(a_record_may_need_the_room_of_several_segments),
		TEST(there_is_room_while_the_oldest_go_for_their_age),
		TEST(there_is_room_while_the_oldest_go_for_their_room),
		TEST(a_log_at_its_limit_does_not_blame_the_disk),
		TEST(without_space_nothing_is_taken_and_it_goes_on_by_itself),
		TEST(a_small_limit_of_file_sizes_gets_small_segments),
		TEST(a_limit_of_file_sizes_need_be_no_whole_pages),
		TEST(a_log_opens_without_space),
		TEST(what_is_gathered_waits_for_space),
		TEST(a_large_record_gets_the_room_of_what_everyone_is_past),
		TEST(a_segment_that_is_waited_for_has_its_room_all_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
