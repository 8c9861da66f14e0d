/* SPDX-License-Identifier: Apache-2.0 */
/* log_ready_test.c - a segment's zeros: past the page cache, or through it with a sync of each step's own.
 *
 * What is done to a segment that is being made comes by here (--wrap in CMakeLists.txt), and is refused as a file
 * system would refuse it.  That a file holds zeros says nothing, they are there without being written: so it is noted
 * what was.
 */
#include <errno.h>
#include <sys/uio.h>

#include "log_bed.h"

#define SIZE (2 * LOG_STEP + LOG_STEP / 2) /* three steps */
#define STEPS 3

/* ------------------------------------------------------------------ the levers */

static struct {
	bool flag;       /* the file system does not know O_DIRECT */
	bool reserve;    /* nor fallocate */
	unsigned write;  /* the first direct write that fails, from 1 */
	int write_error; /* so */
	size_t short_of; /* bytes that the one before it does not write */
	unsigned sync;   /* the sync that fails, from 1 */
} refuse;

static bool asks;           /* while records are written: is there room for one more? */
static unsigned writes, full;

enum what { DIRECT, CACHED, SYNCED };

static struct {
	enum what what;
	uint64_t at, len;
} notes[100];
static unsigned noted, directs, syncs;

static void note(enum what what, uint64_t at, uint64_t len)
{
	assert_true(noted < 100);
	notes[noted].what = what;
	notes[noted].at = at;
	notes[noted++].len = len;
}

int __real_fcntl(int fd, int what, ...);
int __real_fallocate(int fd, int mode, off_t at, off_t len);
int __real_fdatasync(int fd);
ssize_t __real_pwritev(int fd, const struct iovec *parts, int count, off_t at);
int __wrap_fcntl(int fd, int what, ...);
int __wrap_fallocate(int fd, int mode, off_t at, off_t len);
int __wrap_fdatasync(int fd);
ssize_t __wrap_pwritev(int fd, const struct iovec *parts, int count, off_t at);

/* Until it has its name. */
static bool is_being_made(int fd)
{
	char link[64], path[200];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	return strstr(path, "/unfinished.tmp");
}

int __wrap_fcntl(int fd, int what, ...)
{
	va_list rest;
	va_start(rest, what);
	long value = what == F_GETFL ? 0 : va_arg(rest, long);
	va_end(rest);
	if (refuse.flag && what == F_SETFL && (value & O_DIRECT)) {
		errno = EINVAL;
		return -1;
	}
	return __real_fcntl(fd, what, value);
}

int __wrap_fallocate(int fd, int mode, off_t at, off_t len)
{
	errno = EOPNOTSUPP;
	return refuse.reserve ? -1 : __real_fallocate(fd, mode, at, len);
}

static size_t length(const struct iovec *parts, int count)
{
	size_t len = 0;
	for (int i = 0; i < count; i++)
		len += parts[i].iov_len;
	return len;
}

static ssize_t write_past(int fd, const struct iovec *parts, int count, off_t at)
{
	directs++;
	if (refuse.write && directs >= refuse.write) {
		errno = refuse.write_error;
		return -1;
	}
	size_t left_out = directs + 1 == refuse.write ? refuse.short_of : 0;
	struct iovec part = { parts->iov_base, parts->iov_len - left_out };
	assert_int_equal(count, 1);
	note(DIRECT, (uint64_t)at, part.iov_len);
	return __real_pwritev(fd, &part, 1, at);
}

ssize_t __wrap_pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	if (!is_being_made(fd)) {
		writes++;
		full += asks && log_room(writer, 100) != LOG_ROOM;
		return __real_pwritev(fd, parts, count, at);
	}
	if (__real_fcntl(fd, F_GETFL) & O_DIRECT)
		return write_past(fd, parts, count, at);
	note(CACHED, (uint64_t)at, length(parts, count));
	return __real_pwritev(fd, parts, count, at);
}

int __wrap_fdatasync(int fd)
{
	if (!is_being_made(fd))
		return __real_fdatasync(fd);
	note(SYNCED, 0, 0);
	errno = EIO;
	return ++syncs == refuse.sync ? -1 : __real_fdatasync(fd);
}

/* ------------------------------------------------------------------ what was done */

/* Where these writes end, one behind the other from `at`. */
static uint64_t through(unsigned from, unsigned to, enum what what, uint64_t at)
{
	for (unsigned i = from; i < to; i++) {
		assert_int_equal(notes[i].what, what);
		assert_int_equal(notes[i].at, at);
		at += notes[i].len;
	}
	return at;
}

/* The header, last, makes all of it certain. */
static void check_head(unsigned from)
{
	assert_int_equal(noted, from + 2);
	assert_int_equal(through(from, from + 1, CACHED, 0), LOG_BEGIN);
	assert_int_equal(notes[from + 1].what, SYNCED);
}

/* `past` direct writes, up to the offset `at`, then the rest through the cache. */
static void check_zeros(unsigned past, uint64_t at)
{
	unsigned next = past;
	for (; at < SIZE; next += 2) {
		at = through(next, next + 1, CACHED, at);
		assert_int_equal(notes[next + 1].what, SYNCED); /* else the disk has it all to write with the header */
	}
	assert_int_equal(at, SIZE);
	check_head(next);
}

static void check_is_used(void)
{
	struct log_stat stat;
	assert_false(__real_fcntl(writer->ready_fd, F_GETFL) & O_DIRECT); /* records are no whole pages */
	assert_int_equal(writer->ready.size, SIZE);
	add_many(5, 20);
	assert_int_equal(read_all().records, 100);
	assert_int_equal(run_fsck(&stat).count, 0);
}

static int begin(void **unused)
{
	memset(&refuse, 0, sizeof(refuse));
	noted = directs = syncs = writes = full = 0;
	asks = false;
	int made = bed_make(unused);
	options.segment = SIZE;
	return made;
}

/* ------------------------------------------------------------------- the tests */

static void skip_unless_it_can(void)
{
	char path[80];
	char *page = aligned_alloc(LOG_PAGE, LOG_PAGE);
	struct iovec part = { memset(page, 0, LOG_PAGE), LOG_PAGE };
	snprintf(path, sizeof(path), "%s/page", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_DIRECT, 0600);
	bool can = fd >= 0 && __real_pwritev(fd, &part, 1, 0) == LOG_PAGE;
	if (fd >= 0)
		close(fd);
	free(page);
	if (can)
		return;
	print_message("this file system cannot write past the page cache\n");
	skip();
}

static void zeros_go_past_the_page_cache_and_are_synced_with_the_header(void **unused)
{
	skip_unless_it_can();
	open_writer();
	assert_int_equal(through(0, STEPS, DIRECT, 0), SIZE);
	check_head(STEPS);
	check_is_used();
}

static void where_that_cannot_be_asked_for_each_step_is_synced(void **unused)
{
	refuse.flag = true;
	open_writer();
	assert_int_equal(directs, 0);
	check_zeros(0, 0);
	check_is_used();
}

static void where_the_first_such_write_is_refused_each_step_is_synced(void **unused)
{
	refuse.write = 1;
	refuse.write_error = EINVAL;
	open_writer();
	assert_true(directs <= 1); /* it is not asked for again */
	check_zeros(0, 0);
	check_is_used();
}

static void where_a_later_one_is_refused_the_rest_is_synced(void **unused)
{
	refuse.write = 2;
	refuse.write_error = EINVAL;
	skip_unless_it_can();
	open_writer();
	assert_int_equal(directs, 2);
	assert_int_equal(through(0, 1, DIRECT, 0), LOG_STEP);
	check_zeros(1, LOG_STEP);
	check_is_used();
}

/* What a write left over is no whole page, and so refused: the step is done again. */
static void a_step_that_was_cut_short_is_done_again(void **unused)
{
	refuse.write = 2;
	refuse.write_error = EINVAL;
	refuse.short_of = 512;
	skip_unless_it_can();
	open_writer();
	assert_int_equal(through(0, 1, DIRECT, 0), LOG_STEP - 512);
	check_zeros(1, 0);
	check_is_used();
}

/* A disk that fails is not a file system that cannot. */
static void another_failure_is_one_and_not_tried_through_the_cache(void **unused)
{
	struct why why = { "" };
	refuse.write = 2;
	refuse.write_error = EIO;
	skip_unless_it_can();
	open_writer();
	assert_true(writer->ready_fd < 0);
	assert_false(exists("unfinished.tmp"));
	assert_int_equal(writer->bytes, 0);
	assert_false(log_prepare(writer, &why));
	assert_non_null(strstr(why.text, "Input/output error"));
	memset(&refuse, 0, sizeof(refuse));
	noted = 0;
	assert_true(log_prepare(writer, &why));
	check_is_used();
}

static void a_step_that_cannot_be_synced_is_a_failure(void **unused)
{
	refuse.flag = true;
	refuse.sync = 2;
	struct why why = { "" };
	open_writer();
	assert_true(writer->ready_fd < 0);
	assert_int_equal(through(0, 1, CACHED, 0), LOG_STEP);
	assert_int_equal(noted, 4); /* two steps */
	assert_false(exists("unfinished.tmp"));
	assert_true(log_prepare(writer, &why));
	check_is_used();
}

/* The rest of the zeros is left out only where the space is reserved. */
static void check_waited_for(unsigned steps)
{
	struct why why = { "" };
	open_writer();
	add_many(10, 20);
	assert_int_equal(writer->ready_fd, -1);
	noted = 0;
	writer->waited_for = true;
	assert_true(log_prepare(writer, &why));
	writer->waited_for = false;
	assert_int_equal(noted, 2 * steps + 2);
	check_head(2 * steps);
	add_many(60, 20);
	assert_int_equal(read_all().records, 70 * 20);
}

static void one_that_is_waited_for_is_filled_in_one_step(void **unused)
{
	refuse.flag = true;
	check_waited_for(1);
}

static void where_no_space_can_be_reserved_it_is_filled_all_the_same(void **unused)
{
	refuse.flag = refuse.reserve = true;
	check_waited_for(STEPS);
	assert_int_equal(through(0, 1, CACHED, 0), LOG_STEP);
}

/* All that it could let go of has been delivered: nobody is to be turned away meanwhile. */
static void a_full_log_takes_more_while_a_segment_is_begun(void **unused)
{
	struct why why = { "" };
	options.size = 10 * SIZE;
	options.keep = INT64_MAX / 2;
	open_writer();
	for (unsigned begun = 0; begun < 20; begun += writer->ready_fd < 0) {
		if (writer->ready_fd < 0) {
			assert_true(log_retire(writer, UINT64_MAX, &why));
			assert_true(log_prepare(writer, &why));
			writer->may_go = 0; /* that would be room, too */
		}
		asks = begun > 12;
		add(20);
	}
	struct log_stat stat;
	log_stat(writer, &stat);
	assert_true(stat.begin > 1);
	assert_true(stat.bytes <= options.size && stat.bytes > options.size - (int64_t)SIZE);
	assert_true(writes > 100);
	assert_int_equal(full, 0);
}

#define MADE(name) cmocka_unit_test_setup_teardown(name, begin, bed_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MADE(zeros_go_past_the_page_cache_and_are_synced_with_the_header),
		MADE(where_that_cannot_be_asked_for_each_step_is_synced),
		MADE(where_the_first_such_write_is_refused_each_step_is_synced),
		MADE(where_a_later_one_is_refused_the_rest_is_synced),
		MADE(a_step_that_was_cut_short_is_done_again),
		MADE(another_failure_is_one_and_not_tried_through_the_cache),
		MADE(a_step_that_cannot_be_synced_is_a_failure),
		MADE(one_that_is_waited_for_is_filled_in_one_step),
		MADE(where_no_space_can_be_reserved_it_is_filled_all_the_same),
		MADE(a_full_log_takes_more_while_a_segment_is_begun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
