/* SPDX-License-Identifier: Apache-2.0 */
/* log_ready.c - makes the next segment wholly ready before its first record.
 *
 * A fdatasync is cheap where zeros were written before, and dear where space is
 * only reserved; so a segment is filled first, in small steps that do not hold up
 * the fdatasyncs of log_write beside it, and past the page cache: what is not read
 * needs no memory.  A segment that was used already needs
 * only a new header: its new salt makes of the old records what they are, rubbish.
 * What comes in faster than zeros can be written is not kept waiting for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/log_inside.h"
#include "store/log_table.h"

#define UNFINISHED "unfinished.tmp"
#define NO_ROOM_PAUSE 1000 /* milliseconds before it is tried again */

static const char zeros[LOG_STEP] __attribute__((aligned(LOG_PAGE))); /* as writes past the page cache want it */

static bool no_room(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A limit on the size of files need be no whole page, and a segment is. */
static uint64_t full_size(const struct log *log)
{
	struct rlimit files = { RLIM_INFINITY, RLIM_INFINITY };
	getrlimit(RLIMIT_FSIZE, &files);
	return least(log->options.segment > 0 ? (uint64_t)log->options.segment : LOG_SEGMENT,
		files.rlim_cur / LOG_PAGE * LOG_PAGE);
}

uint64_t ready_size(const struct log *log, uint64_t need)
{
	uint64_t size = full_size(log);
	uint64_t smallest = log->options.segment > 0 ? least((uint64_t)log->options.segment, LOG_LEAST_SEGMENT)
		: LOG_LEAST_SEGMENT;
	int64_t room = atomic_load(&log->free);
	if (log->starting)
		size = least(size, LOG_FIRST_SEGMENT); /* a start does not wait for a large one */
	if (log->options.size > 0)
		size = least(size, (uint64_t)log->options.size / 8);
	size = least(size, room > 0 ? (uint64_t)room / 4 : 0); /* a small disk gets small segments */
	if (size < smallest)
		size = smallest;
	if (size < need + LOG_BEGIN)
		size = need + LOG_BEGIN;
	return (size + LOG_PAGE - 1) / LOG_PAGE * LOG_PAGE;
}

/* ------------------------------------------------------------- used segments */

static void let_go(struct log *log, const char *name, uint64_t size)
{
	if (unlinkat(log->dir, name, 0) == 0 || errno == ENOENT)
		log->bytes -= (int64_t)size;
}

void spare_put(struct log *log, const char *name, uint64_t size)
{
	bool keep = !log->spare && log->free >= 0 && size >= LOG_BEGIN + LOG_ALIGN;
	if (keep && renameat(log->dir, name, log->dir, "spare") == 0)
		log->spare = (int64_t)size;
	else
		let_go(log, name, size);
}

void spare_drop(struct log *log)
{
	if (log->spare)
		let_go(log, "spare", (uint64_t)log->spare);
	log->spare = 0;
}

static int spare_take(struct log *log, struct segment *segment, uint64_t need)
{
	uint64_t size = (uint64_t)log->spare, most = 2 * (full_size(log) > need ? full_size(log) : need);
	bool fits = size >= need + LOG_BEGIN && size >= segment->size / 2 && size <= most;
	int fd = size && fits ? openat(log->dir, "spare", O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
	if (fd < 0) {
		spare_drop(log);
		return -1;
	}
	if (fsync(log->dir) < 0) { /* its old name is gone for good before its bytes are another segment's */
		close(fd);
		return -1;
	}
	segment->size = size;
	log->bytes -= (int64_t)size;
	log->spare = 0;
	return fd;
}

static void ready_drop(struct log *log)
{
	if (log->ready_fd < 0)
		return;
	close(log->ready_fd);
	log->ready_fd = -1;
	log->ready_left = 0;
	spare_put(log, segment_name(log->ready.ordinal).text, log->ready.size);
}

/* -------------------------------------------------------------- new segments */

/* False: the file system cannot do that. */
static bool past_cache(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

/* Past the page cache a step is on its way to the disk when it returns, and is safe with the fdatasync of the
 * header; through the cache each has one of its own, or they would all be written out at once by then. */
static bool fill_step(int fd, uint64_t at, size_t len, bool *past)
{
	struct iovec step = { (char *)zeros, len };
	if (*past && write_all(fd, &step, 1, at))
		return true;
	if (*past && errno != EINVAL)
		return false;
	if (*past && !past_cache(fd, false))
		return false;
	*past = false;
	step = (struct iovec){ (char *)zeros, len };
	return write_all(fd, &step, 1, at) && fdatasync(fd) == 0;
}

/* When log_write has come to wait for this segment, the rest of its zeros is left
 * out, if their space is reserved: dearer fdatasyncs are better than none at all
 * until tens of steps are through. */
static bool fill_zeros(const struct log *log, int fd, uint64_t size)
{
	bool reserved = fallocate(fd, 0, 0, (off_t)size) == 0;
	if (!reserved && errno != EOPNOTSUPP && errno != ENOSYS)
		return false;
	bool past = past_cache(fd, true);
	for (uint64_t done = 0; done < size && !(done && reserved && log->waited_for); done += LOG_STEP)
		if (!fill_step(fd, done, (size_t)least(LOG_STEP, size - done), &past))
			return false;
	return !past || past_cache(fd, false);
}

static int zeros_make(struct log *log, const struct segment *segment)
{
	int fd = openat(log->dir, UNFINISHED, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (fill_zeros(log, fd, segment->size))
		return fd;
	int error = errno;
	close(fd);
	unlinkat(log->dir, UNFINISHED, 0);
	errno = error;
	return -1;
}

/* ----------------------------------------------------------- the next segment */

static bool put_heads(int fd, const struct segment *segment)
{
	struct segment_head head;
	struct iovec copies[2] = { { &head, sizeof(head) }, { &head, sizeof(head) } };
	segment_head_make(&head, segment);
	return write_all(fd, copies, 2, 0) && fdatasync(fd) == 0;
}

/* From here on a reader may meet it; `first` is 0 until it is begun. */
static bool put_in_place(struct log *log, int fd, const char *from, struct segment *segment)
{
	struct stat file;
	struct segment_name name = segment_name(segment->ordinal);
	if (!put_heads(fd, segment) || renameat(log->dir, from, log->dir, name.text) < 0 || fsync(log->dir) < 0
		|| fstat(fd, &file) < 0)
		return false;
	segment->inode = file.st_ino;
	segment->file_size = (uint64_t)file.st_size;
	return true;
}

/* The spare one's room is taken already, and is given back if it does not fit. */
static bool allowed(struct log *log, uint64_t size, struct why *why)
{
	int64_t more = (int64_t)size - log->spare;
	if (space_beyond(log, more))
		return why_say(why, "%s: the log has reached its size limit", log->path);
	if (log->free < more)
		return why_say(why, "%s: too little free space for another segment of the log", log->path);
	return true;
}

static enum ready refused(struct log *log, bool full)
{
	log->prepare_again = clock_ticks() + NO_ROOM_PAUSE;
	return full ? READY_NO_ROOM : READY_FAILED;
}

/* log->bytes does not have its size yet. */
static int make_file(struct log *log, struct segment *segment, uint64_t need, struct why *why)
{
	const char *from = "spare";
	int fd = spare_take(log, segment, need);
	if (fd < 0) {
		fd = zeros_make(log, segment);
		from = UNFINISHED;
	}
	if (fd >= 0 && getrandom(&segment->salt, sizeof(segment->salt), 0) == sizeof(segment->salt)
		&& put_in_place(log, fd, from, segment))
		return fd;
	int error = errno;
	why_errno(why, "%s: cannot make the next segment of the log ready", log->path);
	if (fd >= 0) {
		close(fd);
		log->bytes += (int64_t)segment->size;
		let_go(log, from, segment->size);
	}
	errno = error;
	return -1;
}

static enum ready make(struct log *log, uint64_t need, bool must, struct why *why)
{
	struct segment segment = { .ordinal = log->last_ordinal + 1 };
	space_look(log, true);
	segment.size = ready_size(log, need);
	memcpy(segment.id, log->id, sizeof(segment.id));
	ready_drop(log);
	if (must)
		retire_for(log, (int64_t)segment.size - log->spare);
	if (!must && !allowed(log, segment.size, why))
		return refused(log, true);
	int fd = make_file(log, &segment, need, why);
	if (fd < 0) {
		bool full = no_room(errno);
		log->no_space_until = full ? clock_ticks() + NO_ROOM_PAUSE : 0;
		return refused(log, full);
	}
	log->last_ordinal = segment.ordinal;
	log->ready = segment;
	log->ready_fd = fd;
	log->ready_left = segment.size - LOG_BEGIN;
	log->bytes += (int64_t)segment.size; /* last: else a log that has just got room would be taken for full */
	return READY;
}

enum ready ready_make(struct log *log, uint64_t need, bool must, struct why *why)
{
	pthread_mutex_lock(&log->preparing);
	bool have = log->ready_fd >= 0 && log->ready.size >= need + LOG_BEGIN;
	enum ready made = have ? READY : make(log, need, must, why);
	pthread_mutex_unlock(&log->preparing);
	return made;
}

int ready_take(struct log *log, struct segment *segment)
{
	pthread_mutex_lock(&log->preparing);
	int fd = log->ready_fd;
	*segment = log->ready;
	log->ready_fd = -1;
	if (fd >= 0)
		log->left = log->ready_left; /* first: else a log that could make no other one would be full for a moment */
	log->ready_left = 0;
	pthread_mutex_unlock(&log->preparing);
	return fd;
}

bool log_prepare(struct log *log, struct why *why)
{
	bool made = ready_make(log, 0, false, why) == READY;
	if (log_table_due(log))
		log_table_write(log);
	return made;
}

bool log_wants_segment(const struct log *log)
{
	return !log->failed && !log->ready_left && clock_ticks() >= log->prepare_again;
}
