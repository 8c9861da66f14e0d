/* SPDX-License-Identifier: Apache-2.0 */
/* log_ahead_refused_test.c - where the kernel or the file system does not write ahead, or not always, log_write does.
 *
 * What log_ahead.c asks of the system comes by here (--wrap in CMakeLists.txt), and is refused as others would refuse
 * it.  Whatever is refused, each batch is answered once, in its order, and can be read then; what is for good is told
 * once.
 */
#include <errno.h>
#include <libaio.h>
#include <sys/mman.h>

#include "base/line.h"
#include "log_ahead_bed.h"

#define NEVER 1000000

/* ------------------------------------------------------------------ the levers */

static struct {
	int setup, open, probe, submit; /* an errno; 0: it is done */
	unsigned at, times;             /* the first submit that is refused or slow, from 1, and how many are */
	bool slow;
} refuse;

static struct {
	unsigned opens, submits, begun, failed; /* begun: by the kernel; failed: not */
	unsigned beside;                        /* so many were under way when one failed, the last time */
} seen;

int __real_io_setup(int most, io_context_t *context);
int __real_io_submit(io_context_t context, long count, struct iocb **blocks);
int __real_openat(int at, const char *name, int flags, ...);
ssize_t __real_pwritev2(int fd, const struct iovec *parts, int count, off_t at, int flags);
int __wrap_io_setup(int most, io_context_t *context);
int __wrap_io_submit(io_context_t context, long count, struct iocb **blocks);
int __wrap_openat(int at, const char *name, int flags, ...);
ssize_t __wrap_pwritev2(int fd, const struct iovec *parts, int count, off_t at, int flags);

int __wrap_io_setup(int most, io_context_t *context)
{
	return refuse.setup ? -refuse.setup : __real_io_setup(most, context);
}

int __wrap_openat(int at, const char *name, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
	va_end(rest);
	if (!(flags & O_DIRECT))
		return __real_openat(at, name, flags, mode);
	seen.opens++;
	errno = refuse.open;
	return refuse.open ? -1 : __real_openat(at, name, flags);
}

ssize_t __wrap_pwritev2(int fd, const struct iovec *parts, int count, off_t at, int flags)
{
	errno = refuse.probe;
	return refuse.probe ? -1 : __real_pwritev2(fd, parts, count, at, flags);
}

int __wrap_io_submit(io_context_t context, long count, struct iocb **blocks)
{
	seen.submits++;
	bool due = seen.submits >= refuse.at && seen.submits - refuse.at < refuse.times;
	if (due && refuse.slow)
		usleep(1500);
	if (due && refuse.submit) {
		seen.failed++;
		seen.beside = log_ahead_count(writer);
		return -refuse.submit;
	}
	int done = __real_io_submit(context, count, blocks);
	*(done == 1 ? &seen.begun : &seen.failed) += 1;
	return done;
}

/* ------------------------------------------------------------- what is said, and answered */

static struct {
	unsigned times;
	char text[500];
} said;

static void take_line(enum sl_level level, const struct about *about, const char *text)
{
	if (!strstr(text, "batches are written one at a time"))
		return;
	assert_int_equal(level, SL_INFO);
	snprintf(said.text, sizeof(said.text), "%s", text);
	said.times++;
}

static void assert_said(const char *why)
{
	assert_int_equal(said.times, 1);
	assert_non_null(strstr(said.text, why));
}

static uint64_t ends[1000]; /* of the batches, in their order */
static unsigned given, answered;

static void answer(uint64_t end)
{
	assert_true(answered < given);
	assert_int_equal(end, ends[answered++]);
	assert_int_equal(end, end_now());
}

static void hear(void)
{
	struct why why = { "" };
	struct pollfd ready = { log_ahead_fd(writer), POLLIN, 0 };
	enum log_landed landed;
	uint64_t end;
	assert_int_equal(poll(&ready, 1, 10000), 1);
	while ((landed = log_land(writer, &end, &why)) == LOG_LANDED)
		answer(end);
	if (landed == LOG_LAND_FAILED)
		fail_msg("%s", why.text);
}

static void hear_all(void)
{
	while (log_ahead_count(writer))
		hear();
}

/* A batch, as the ingress gives it: ahead, or when nothing is under way any more in the pool. */
static void give(unsigned count, bool fill)
{
	struct why why = { "" };
	gather(count);
	ends[given++] = writer->next_seq - 1;
	bool begun = log_begin(writer, fill);
	while (!begun && log_ahead_count(writer)) {
		hear();
		begun = log_begin(writer, fill);
	}
	if (begun)
		return;
	struct log_batch *batch = log_take(writer);
	if (!log_write(writer, batch, &why))
		fail_msg("%s", why.text);
	answer(log_done(writer, &batch));
}

static void give_many(unsigned batches)
{
	for (unsigned i = 0; i < batches; i++)
		give(i % 5 ? 1 + i % 3 : BIG, i % 7 > 2);
}

/* Each was answered once; what was is there, for a start too. */
static void all_is_there(void)
{
	hear_all();
	assert_int_equal(answered, given);
	fine(ends[given - 1]);
	log_close(&writer);
	open_writer();
	fine(ends[given - 1]);
	give(3, false);
	hear_all();
	fine(ends[given - 1]);
}

static int begin(void **unused)
{
	memset(&refuse, 0, sizeof(refuse));
	memset(&seen, 0, sizeof(seen));
	memset(&said, 0, sizeof(said));
	given = answered = 0;
	line_divert(take_line);
	int made = bed_make(unused);
	options.segment = 16 * SEGMENT;
	return made;
}

static int end(void **unused)
{
	int removed = bed_remove(unused);
	line_divert(NULL);
	return removed;
}

static bool is_any_open(void)
{
	for (int fd = 0; fd < 256; fd++) {
		int flags = fcntl(fd, F_GETFL);
		if (flags >= 0 && (flags & O_DIRECT))
			return true;
	}
	return false;
}

static void anew(void **unused)
{
	assert_int_equal(end(unused), 0);
	assert_int_equal(begin(unused), 0);
}

/* Whoever refuses some of them needs a machine that does the others. */
static void open_where_it_is_possible(void)
{
	open_writer();
	give(1, false);
	give(1, false);
	hear_all();
	if (!seen.begun) {
		print_message("this file system or kernel cannot write past the page cache without waiting\n");
		skip();
	}
	seen.submits = 0;
	assert_int_equal(said.times, 0);
}

/* --------------------------------------------------------------- refused from the first */

static void where_no_context_is_left_all_is_written_in_the_pool(void **unused)
{
	refuse.setup = EAGAIN;
	open_writer();
	assert_int_equal(log_ahead_fd(writer), -1);
	give_many(50);
	assert_said("fs.aio-max-nr is used up");
	assert_int_equal(seen.opens + seen.submits, 0);
	refuse.setup = 0; /* for the start that follows */
	all_is_there();
}

static void where_the_kernel_has_no_such_writes_all_is_written_in_the_pool(void **unused)
{
	static const int errors[] = { ENOSYS, EPERM, ENOMEM };
	for (unsigned i = 0; i < 3; i++) {
		anew(unused);
		refuse.setup = errors[i];
		open_writer();
		assert_int_equal(log_ahead_fd(writer), -1);
		give_many(20);
		assert_said(strerror(errors[i]));
		assert_null(strstr(said.text, "aio-max-nr"));
		assert_int_equal(seen.opens + seen.submits, 0);
		all_is_there();
		assert_int_equal(said.times, 2); /* by each start */
	}
}

static void check_refused_at_once(void)
{
	open_writer();
	give_many(300);
	assert_true(writer->writing.ordinal > 1); /* it is not tried again with the next segment */
	assert_int_equal(seen.opens, 1);
	assert_int_equal(seen.submits, 0);
	assert_said("the file system cannot write past the page cache");
	memset(&refuse, 0, sizeof(refuse));
	all_is_there();
}

/* An older tmpfs, for one. */
static void where_files_cannot_be_opened_so_all_is_written_in_the_pool(void **unused)
{
	refuse.open = EINVAL;
	check_refused_at_once();
}

static void where_a_page_cannot_be_written_so_all_is_written_in_the_pool(void **unused)
{
	static const int errors[] = { EINVAL, EOPNOTSUPP, ENOSYS, EPERM };
	for (unsigned i = 0; i < 4; i++) {
		anew(unused);
		refuse.probe = errors[i];
		check_refused_at_once();
	}
}

/* No descriptors, a disk that fails: that may be over soon. */
static void what_failed_for_another_reason_is_tried_again(void **unused)
{
	refuse.open = EMFILE;
	open_writer();
	give(1, false);
	give(1, false);
	refuse.open = 0;
	refuse.probe = EIO;
	give(1, false);
	assert_int_equal(seen.opens, 3);
	assert_int_equal(seen.submits, 0);
	refuse.probe = 0;
	give_many(10);
	assert_int_equal(said.times, 0);
	if (log_ahead_fd(writer) >= 0)
		assert_true(seen.submits > 0);
	all_is_there();
}

/* -------------------------------------------------------------- refused in the middle */

/* What the kernel has no memory for just now it may have the next time. */
static void a_batch_that_is_refused_now_is_written_in_the_pool(void **unused)
{
	open_where_it_is_possible();
	refuse.submit = EAGAIN;
	refuse.times = 1;
	for (unsigned i = 0; i < 100; i++) {
		refuse.at = seen.submits + 1 + i % 3;
		give(i % 4 ? 1 + i % 3 : BIG, i % 5 > 1);
	}
	hear_all();
	assert_true(seen.failed > 20 && seen.begun > 20);
	assert_int_equal(said.times, 0);
	all_is_there();
}

static void check_refused_from(unsigned at, int error)
{
	options.segment = 4 * SEGMENT;
	open_where_it_is_possible();
	refuse.submit = error;
	refuse.at = at;
	refuse.times = NEVER;
	while (seen.submits < at)
		give(BIG, true);
	if (at == LOG_AHEAD)
		assert_int_equal(seen.beside, LOG_AHEAD - 1);
	assert_false(is_any_open()); /* else the disk would keep a segment that log_retire lets go of */
	give_many(120);
	hear_all();
	assert_int_equal(seen.submits, at); /* none was tried after that one */
	assert_int_equal(seen.failed, 1);
	assert_true(writer->writing.ordinal > 1);
	assert_said("the kernel does not begin durable writes: ");
	assert_non_null(strstr(said.text, strerror(error)));
	memset(&refuse, 0, sizeof(refuse));
	all_is_there();
}

static void what_is_refused_for_good_is_not_tried_again(void **unused)
{
	static const int errors[] = { EINVAL, EOPNOTSUPP, ENOSYS, EPERM };
	for (unsigned i = 0; i < 4; i++) {
		anew(unused);
		check_refused_from(1, errors[i]);
	}
	anew(unused);
	check_refused_from(LOG_AHEAD, EINVAL); /* while others are under way */
	anew(unused);
	check_refused_from(4 * LOG_AHEAD, EOPNOTSUPP);
}

/* ------------------------------------------------------------------- slow ones */

static void give_slow(unsigned times)
{
	refuse.slow = true;
	refuse.at = seen.submits + 1;
	refuse.times = times;
	for (unsigned i = 0; i < times; i++)
		give(BIG / 10, i % 2 == 0);
}

/* A file system that only pretends writes while it is asked, and holds up the loop. */
static void where_asking_takes_as_long_as_writing_all_is_written_in_the_pool(void **unused)
{
	options.segment = 64 * SEGMENT;
	open_where_it_is_possible();
	give_slow(64);
	assert_true(log_ahead_count(writer) > 0);
	hear_all();
	assert_said("makes whoever begins a write wait for it");
	unsigned submits = seen.submits;
	assert_int_equal(submits, 64);
	refuse.slow = false;
	give_many(100);
	assert_int_equal(seen.submits, submits);
	assert_false(is_any_open());
	assert_int_equal(said.times, 1);
	all_is_there();
}

/* What is under way goes on, and nothing is written beside it. */
static void the_last_slow_one_is_waited_for(void **unused)
{
	options.segment = 64 * SEGMENT;
	open_where_it_is_possible();
	give_slow(63);
	hear_all();
	assert_int_equal(said.times, 0);
	give_slow(1);
	assert_int_equal(said.times, 1);
	assert_int_equal(log_ahead_count(writer), 1);
	assert_int_equal(answered, given - 1);
	give(BIG, true);
	assert_int_equal(log_ahead_count(writer), 0);
	assert_int_equal(answered, given);
	all_is_there();
}

static void slow_ones_with_quick_ones_between_them_are_a_busy_machine(void **unused)
{
	options.segment = 64 * SEGMENT;
	open_where_it_is_possible();
	for (unsigned i = 0; i < 3; i++) {
		give_slow(63);
		refuse.slow = false;
		give_many(4); /* on a machine that is busy indeed, one of them is quick */
	}
	hear_all();
	assert_int_equal(said.times, 0);
	assert_int_equal(seen.submits, 3 * (63 + 4));
	all_is_there();
}

/* ----------------------------------------------------------- read back, whatever came of it */

static uint64_t drawn;

static uint64_t draw(uint64_t below)
{
	uint64_t z = (drawn += 0x9e3779b97f4a7c15u);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	return (z ^ z >> 31) % below;
}

/* Batches of any size, in either way; then it ends as by a kill, but that what is under way comes to the disk. */
static void live_and_die(unsigned batches, uint64_t *last)
{
	open_writer();
	for (unsigned i = 0; i < batches; i++) {
		refuse.at = seen.submits + 1 + (unsigned)draw(3);
		give(1 + (unsigned)draw(draw(3) ? 5 : 2 * BIG), draw(2));
	}
	*last = writer->next_seq - 1;
	writer->failed = true;
	log_close(&writer);
	_exit(seen.begun && seen.failed ? 0 : 77);
}

static int in_a_life(uint64_t number, uint64_t *last)
{
	int status;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		drawn = number;
		live_and_die(20, last);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void written_in_both_ways_it_is_found_by_a_start(void **unused)
{
	uint64_t *last = mmap(NULL, LOG_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(last != MAP_FAILED);
	refuse.submit = EAGAIN;
	refuse.times = 1;
	for (uint64_t life = 0; life < 12; life++) {
		int ended = in_a_life(life, last);
		if (ended == 77)
			skip();
		assert_int_equal(ended, 0);
		open_writer();
		fine(*last);
		writer->failed = life % 2; /* or it ends as by a kill, too */
		log_close(&writer);
	}
	munmap(last, LOG_PAGE);
}

#define SWITCH(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SWITCH(where_no_context_is_left_all_is_written_in_the_pool),
		SWITCH(where_the_kernel_has_no_such_writes_all_is_written_in_the_pool),
		SWITCH(where_files_cannot_be_opened_so_all_is_written_in_the_pool),
		SWITCH(where_a_page_cannot_be_written_so_all_is_written_in_the_pool),
		SWITCH(what_failed_for_another_reason_is_tried_again),
		SWITCH(a_batch_that_is_refused_now_is_written_in_the_pool),
		SWITCH(what_is_refused_for_good_is_not_tried_again),
		SWITCH(where_asking_takes_as_long_as_writing_all_is_written_in_the_pool),
		SWITCH(the_last_slow_one_is_waited_for),
		SWITCH(slow_ones_with_quick_ones_between_them_are_a_busy_machine),
		SWITCH(written_in_both_ways_it_is_found_by_a_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
