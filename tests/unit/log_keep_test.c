/* SPDX-License-Identifier: Apache-2.0 */
/* log_keep_test.c - what is kept, what goes, and what is used again. */
#include "log_bed.h"

#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>

static void nothing_goes_before_its_time_while_there_is_room(void **unused)
{
	options.keep = INT64_MAX / 2;
	open_writer();
	add_many(20, 20);
	uint64_t segments = stat_now().segments;
	let_go(UINT64_MAX);
	assert_int_equal(stat_now().segments, segments);
	assert_int_equal(read_all().records, 400);
}

static void what_is_old_goes_once_everyone_is_past_it(void **unused)
{
	open_writer();
	add_many(20, 20); /* received in 1970 */
	struct log_stat before = stat_now();
	let_go(1);
	assert_int_equal(stat_now().segments, before.segments);
	let_go(200);
	struct log_stat after = stat_now();
	assert_true(after.segments < before.segments);
	assert_true(after.begin > 1 && after.begin <= 200);
	struct tally tally = read_all();
	assert_int_equal(tally.gone, after.begin - 1);
	assert_int_equal(tally.records, 400 - tally.gone);
	let_go(UINT64_MAX);
	assert_int_equal(stat_now().segments, 1);
	add(1);
	log_close(&writer);
	open_writer();
	assert_int_equal(stat_now().end, 401);
	assert_int_equal(run_fsck(&after).count, 0);
}

/* Pages of the segment that are in memory. */
static size_t cached_pages(uint64_t ordinal)
{
	static unsigned char in_memory[SEGMENT / LOG_PAGE];
	int fd = openat(writer->dir, segment_name(ordinal).text, O_RDONLY | O_CLOEXEC);
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, SEGMENT, PROT_READ, MAP_SHARED, fd, 0);
	size_t count = 0;
	assert_true(at != MAP_FAILED);
	assert_int_equal(mincore(at, SEGMENT, in_memory), 0);
	for (size_t i = 0; i < sizeof(in_memory); i++)
		count += in_memory[i] & 1;
	munmap(at, SEGMENT);
	close(fd);
	return count;
}

static void what_everyone_has_read_leaves_the_page_cache(void **unused)
{
	struct statfs system;
	options.keep = INT64_MAX / 2;
	open_writer();
	assert_int_equal(fstatfs(writer->dir, &system), 0);
	if (system.f_type == TMPFS_MAGIC || system.f_type == OVERLAYFS_SUPER_MAGIC) {
		print_message("a file system in memory, or one above another, has no pages to give back\n");
		skip();
	}
	add(1);
	let_go(1); /* what was there before the first time stays as it is */
	add_many(20, 20);
	uint64_t last = writer->segments[writer->count - 1].ordinal;
	assert_true(last >= 5);
	let_go(writer->segments[3].first);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(cached_pages(writer->segments[i].ordinal), 0);
	assert_true(cached_pages(writer->segments[3].ordinal) > 8);
	assert_true(cached_pages(last) > 0);
	assert_int_equal(read_all().records, 401);
}

static uint64_t inode_of(const char *name)
{
	struct stat file;
	char path[128];
	path_of(path, name);
	return stat(path, &file) == 0 ? file.st_ino : 0;
}

static void add_some(void)
{
	add(3);
}

static uint64_t salt_of(uint64_t inode)
{
	struct segment segment = { 0 };
	for (uint64_t ordinal = 1; ordinal < 100 && segment.inode != inode; ordinal++) {
		int fd = segment_open(writer->dir, ordinal, &segment);
		if (fd >= 0)
			close(fd);
	}
	return segment.inode == inode ? segment.salt : 0;
}

static void a_used_segment_becomes_a_new_one_and_its_records_do_not(void **unused)
{
	struct why why;
	open_writer();
	add_many(12, 20);
	uint64_t inode = inode_of("000000000001.seg"), salt = salt_of(inode);
	let_go(100);
	assert_int_equal(inode_of("spare"), inode);
	while (exists("spare")) {
		add(20);
		if (log_wants_segment(writer))
			assert_true(log_prepare(writer, &why));
	}
	assert_true(salt_of(inode) && salt_of(inode) != salt);
	struct tally tally = read_all();
	assert_int_equal(tally.damaged, 0);
	assert_int_equal(tally.records + tally.gone, stat_now().end);
	uint64_t end = stat_now().end;
	log_close(&writer);
	in_child(add_some); /* a recovery looks for records behind the last one */
	open_writer();
	assert_int_equal(stat_now().end, end + 3);
	assert_int_equal(stat_now().damaged, 0);
}

static void a_segment_that_is_being_read_is_not_used_again(void **unused)
{
	struct log_slice slice;
	struct why why;
	struct arena *arena = arena_new();
	open_writer();
	add_many(20, 20);
	struct log_reader *reader = open_reader();
	assert_int_equal(log_read(reader, arena, 1, 1, 1, &slice, &why), LOG_READ);
	uint64_t inode = inode_of("000000000001.seg");
	let_go(UINT64_MAX);
	assert_int_not_equal(inode_of("spare"), inode);
	struct tally tally = read_with(reader, 2);
	assert_true(tally.gone > 0);
	assert_true(tally.records > 0);
	assert_int_equal(tally.damaged, 0);
	assert_int_equal(tally.gone + tally.records, 399);
	log_reader_close(&reader);
	arena_free(&arena);
}

/* ------------------------------------------- readers while segments come and go */

static atomic_bool over;

/* Every seq up to the end is read as it was written, or is said to be gone. */
static void read_until_over(void)
{
	struct log_reader *reader = open_reader();
	uint64_t next = 1, records = 0;
	while (next <= 6000) {
		struct tally tally = read_with(reader, next);
		if (tally.damaged)
			_exit(2);
		records += tally.records;
		next = tally.next;
		usleep(next % 3 * 500);
	}
	_exit(records > 100 ? 0 : 3);
}

static void *keep_house(void *unused)
{
	while (!over) {
		uint64_t end = atomic_load(&writer->page->end);
		if (log_wants_segment(writer))
			log_prepare(writer, NULL);
		log_retire(writer, end > 600 ? end - 600 : 1, NULL);
		usleep(300);
	}
	return NULL;
}

static void readers_are_not_fooled_by_segments_that_are_used_again(void **unused)
{
	pid_t readers[2];
	pthread_t house;
	int status;
	options.size = 24 * SEGMENT;
	open_writer();
	for (int i = 0; i < 2; i++)
		if ((readers[i] = fork()) == 0)
			read_until_over();
	over = false;
	pthread_create(&house, NULL, keep_house, NULL);
	add_many(600, 10);
	over = true;
	pthread_join(house, NULL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(run_fsck(&(struct log_stat){ 0 }).count, 0);
}

/* ----------------------------------------------------------------------- fsck */

static void fsck_counts_what_is_fine_and_names_what_is_not(void **unused)
{
	char name[32];
	struct log_stat stat;
	open_writer();
	add_many(20, 20);
	struct faults faults = run_fsck(&stat);
	assert_int_equal(faults.count, 0);
	assert_int_equal(stat.begin, 1);
	assert_int_equal(stat.end, 400);
	assert_int_equal(stat.segments, stat_now().segments);
	assert_string_equal(stat.id, log_id(writer));
	uint64_t offset = place_of(100, name, NULL);
	zero(name, offset, LOG_ALIGN);
	flip(name, place_of(200, name, NULL) + 70);
	delete("page");
	faults = run_fsck(&stat);
	assert_int_equal(faults.count, 2);
	assert_int_equal(faults.from, 100);
	assert_int_equal(faults.to, 100);
	assert_int_equal(stat.damaged, 2);
	assert_int_equal(stat.end, 400);
}

static void fsck_of_nothing_is_fine(void **unused)
{
	struct log_stat stat;
	assert_int_equal(run_fsck(&stat).count, 0);
	assert_int_equal(stat.begin, 1);
	assert_int_equal(stat.end, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_goes_before_its_time_while_there_is_room),
		TEST(what_is_old_goes_once_everyone_is_past_it),
		TEST(what_everyone_has_read_leaves_the_page_cache),
		TEST(a_used_segment_becomes_a_new_one_and_its_records_do_not),
		TEST(a_segment_that_is_being_read_is_not_used_again),
		TEST(readers_are_not_fooled_by_segments_that_are_used_again),
		TEST(fsck_counts_what_is_fine_and_names_what_is_not),
		TEST(fsck_of_nothing_is_fine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
