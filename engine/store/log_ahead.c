/* SPDX-License-Identifier: Apache-2.0 */
/* log_ahead.c - batches that are on their way to the disk while the loop goes on, several at a time.
 *
 * A write past the page cache that is durable when it ends (O_DIRECT, RWF_DSYNC), handed to the kernel without waiting
 * (Linux AIO): no thread, no copy, and one interrupt instead of two waits.  It needs whole pages, at such a place in
 * memory and in the file.  The page that a batch begins in is written again with what it holds already; so the one
 * before must be on the disk, or have been filled up to its page's end with zeros, which readers pass over.
 *
 * In which order they become durable is up to the disk; they count in theirs.  Records of one that is there while the
 * one before is not lie behind a hole for a start, which forgets them: nobody was answered.
 *
 * Where a file system or the kernel cannot do it, log_write does it all, as it does the first batch of each segment.
 */
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/line.h"
#include "store/log_inside.h"

#define WAITED ((int64_t)1000000) /* ns: a submit that took longer was no asynchronous one */
#define WAITED_MOST 64            /* so many of them in a row, and it is left to log_write */

struct flight {
	struct iocb block;
	struct log_batch *batch;
	uint64_t end;  /* offset behind it */
	uint64_t last; /* seq */
	size_t fill;   /* zeros behind the batch that are no one else's */
	bool ended;
	int64_t outcome; /* bytes, or -errno */
};

struct log_ahead {
	io_context_t context;
	int event;         /* readable: one has ended */
	int fd;            /* of the segment `ordinal`, past the page cache; -1: log_write first */
	uint64_t ordinal;
	bool refused;      /* for good: it cannot be done here */
	unsigned waited;
	char *page;        /* the one the next batch begins in, with what it holds already */
	struct flight flights[LOG_AHEAD];
	unsigned first, count;
};

void ahead_open(struct log *log)
{
	struct log_ahead *ahead = must_alloc(sizeof(*ahead));
	ahead->fd = -1;
	ahead->page = must_pages(LOG_PAGE);
	ahead->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int failed = ahead->event >= 0 ? io_setup(LOG_AHEAD, &ahead->context) : -errno;
	if (!failed) {
		log->ahead = ahead;
		return;
	}
	line(SL_INFO, "%s: batches are written one at a time, which is slower: %s%s", log->path, strerror(-failed),
		failed == -EAGAIN ? "; fs.aio-max-nr is used up" : "");
	if (ahead->event >= 0)
		close(ahead->event);
	free(ahead->page);
	free(ahead);
}

int log_ahead_fd(const struct log *log)
{
	return log->ahead ? log->ahead->event : -1;
}

unsigned log_ahead_count(const struct log *log)
{
	return log->ahead ? log->ahead->count : 0;
}

/* -------------------------------------------------------------- going on behind log_write */

static void leave(struct log_ahead *ahead)
{
	if (ahead->fd >= 0)
		close(ahead->fd);
	ahead->fd = -1;
}

/* What is under way goes on. */
static void refuse(struct log *log, const char *reason, int error)
{
	log->ahead->refused = true;
	leave(log->ahead); /* else it would keep the room of a segment that was let go of */
	line(SL_INFO, "%s: batches are written one at a time, which is slower: %s%s%s", log->path, reason,
		error ? ": " : "", error ? strerror(error) : "");
}

static bool is_refusal(int error)
{
	return error == EINVAL || error == EOPNOTSUPP || error == ENOSYS || error == EPERM;
}

/* Whether it can be done is tried with zeros in a page that holds no record yet. */
static void enter(struct log *log, uint64_t offset)
{
	struct log_ahead *ahead = log->ahead;
	struct iovec page = { ahead->page, LOG_PAGE };
	ahead->ordinal = log->writing.ordinal;
	ahead->fd = openat(log->dir, segment_name(ahead->ordinal).text, O_RDWR | O_DIRECT | O_CLOEXEC | O_NOFOLLOW);
	errno = ahead->fd < 0 ? errno : 0;
	memset(ahead->page, 0, LOG_PAGE);
	if (ahead->fd >= 0 && pwritev2(ahead->fd, &page, 1, (off_t)offset, RWF_DSYNC) == LOG_PAGE)
		return;
	if (is_refusal(errno))
		refuse(log, "the file system cannot write past the page cache", errno);
	leave(ahead);
}

static uint64_t page_up(uint64_t at)
{
	return (at + LOG_PAGE - 1) / LOG_PAGE * LOG_PAGE;
}

void ahead_follow(struct log *log)
{
	struct log_ahead *ahead = log->ahead;
	if (!ahead || ahead->refused || log->fd < 0)
		return;
	size_t lead = log->offset % LOG_PAGE;
	uint64_t next = page_up(log->offset);
	if (ahead->fd < 0 || ahead->ordinal != log->writing.ordinal) {
		leave(ahead);
		if (next + LOG_PAGE <= log->writing.size)
			enter(log, next);
	}
	if (ahead->fd < 0)
		return;
	memset(ahead->page, 0, LOG_PAGE);
	if (pread(log->fd, ahead->page, lead, (off_t)(log->offset - lead)) != (ssize_t)lead)
		leave(ahead);
}

/* --------------------------------------------------------------------- begin */

static bool may_begin(struct log *log)
{
	struct log_ahead *ahead = log->ahead;
	const struct log_batch *batch = log->gathering;
	struct why unheard; /* log_write will say it */
	if (!ahead || ahead->fd < 0 || ahead->refused || log->fd < 0 || log->failed)
		return false;
	if (ahead->ordinal != log->writing.ordinal)
		return false;
	if (!batch->len || ahead->count == LOG_AHEAD || (ahead->count && log->offset % LOG_PAGE))
		return false;
	return page_up(log->offset + batch->len) <= log->writing.size && log_check_writing(log, &unheard);
}

static int64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static bool submit(struct log *log, struct flight *flight, char *memory, size_t len, uint64_t offset)
{
	struct log_ahead *ahead = log->ahead;
	struct iocb *block = &flight->block;
	int64_t began = now();
	memset(block, 0, sizeof(*block));
	io_prep_pwrite(block, ahead->fd, memory, len, (long long)offset);
	block->aio_rw_flags = RWF_DSYNC;
	io_set_eventfd(block, ahead->event);
	block->data = flight;
	int done = io_submit(ahead->context, 1, &block);
	if (done != 1) {
		if (is_refusal(-done))
			refuse(log, "the kernel does not begin durable writes", -done);
		return false;
	}
	ahead->waited = now() - began > WAITED ? ahead->waited + 1 : 0;
	if (ahead->waited == WAITED_MOST)
		refuse(log, "the file system makes whoever begins a write wait for it", 0);
	return true;
}

/* The next batch begins where this one ends. */
static void go_on(struct log *log, const struct flight *flight, const char *memory, size_t len)
{
	struct log_ahead *ahead = log->ahead;
	log->lead = flight->end % LOG_PAGE;
	log->offset = flight->end;
	log->outstanding += flight->fill;
	if (log->lead)
		memcpy(ahead->page, memory + len - LOG_PAGE, LOG_PAGE);
	ahead->count++;
}

bool log_begin(struct log *log, bool fill)
{
	struct log_ahead *ahead = log->ahead;
	struct log_batch *batch = log->gathering;
	if (!may_begin(log))
		return false;
	struct flight *flight = &ahead->flights[(ahead->first + ahead->count) % LOG_AHEAD];
	size_t lead = log->offset % LOG_PAGE, len = page_up(lead + batch->len), rest = len - lead - batch->len;
	*flight = (struct flight){ .batch = batch, .fill = fill ? rest : 0 };
	flight->end = log->offset + batch->len + flight->fill;
	batch_lay(batch, lead);
	flight->last = run_seal(batch->at, batch->len, log->synced, log->writing.salt, log->offset);
	if (lead)
		memcpy(batch->memory, ahead->page, lead);
	memset(batch->at + batch->len, 0, rest);
	if (!submit(log, flight, batch->memory, len, log->offset - lead))
		return false;
	log_take(log);
	go_on(log, flight, batch->memory, len);
	return true;
}

/* ----------------------------------------------------------------------- end */

/* At least `least` of them have ended by then. */
static void hear(struct log_ahead *ahead, long least)
{
	struct io_event events[LOG_AHEAD];
	struct timespec none = { 0, 0 };
	int got = io_getevents(ahead->context, least, LOG_AHEAD, events, least ? NULL : &none);
	for (int i = 0; i < got; i++) {
		struct flight *flight = events[i].data;
		flight->ended = true;
		flight->outcome = (int64_t)events[i].res;
	}
}

static bool landed(struct log *log, struct flight *flight, struct why *why)
{
	int64_t asked = (int64_t)flight->block.u.c.nbytes;
	if (flight->outcome == asked)
		return true;
	errno = flight->outcome < 0 ? (int)-flight->outcome : ENOSPC;
	why_errno(why, "cannot write the log's segment %s", segment_name(log->writing.ordinal).text);
	return log_fail(log, why);
}

enum log_landed log_land(struct log *log, uint64_t *end, struct why *why)
{
	struct log_ahead *ahead = log->ahead;
	uint64_t count;
	if (!ahead)
		return LOG_LAND_NONE;
	if (!ahead->count) {
		(void)!read(ahead->event, &count, sizeof(count)); /* told late: it was heard of with the one before */
		return LOG_LAND_NONE;
	}
	struct flight *flight = &ahead->flights[ahead->first];
	if (log->failed && !log_failed(log, why))
		return LOG_LAND_FAILED;
	if (!flight->ended && read(ahead->event, &count, sizeof(count)) == sizeof(count))
		hear(ahead, 0);
	if (!flight->ended)
		return LOG_LAND_NONE;
	if (!landed(log, flight, why))
		return LOG_LAND_FAILED;
	ahead->first = (ahead->first + 1) % LOG_AHEAD;
	ahead->count--;
	log->synced = flight->last;
	log->left = log->writing.size - flight->end;
	log->outstanding -= flight->fill;
	*end = log_done(log, &flight->batch);
	return LOG_LANDED;
}

void ahead_close(struct log *log)
{
	struct log_ahead *ahead = log->ahead;
	struct why unheard;
	uint64_t end;
	if (!ahead)
		return;
	for (unsigned i = 0; i < ahead->count; i++)
		while (!ahead->flights[(ahead->first + i) % LOG_AHEAD].ended)
			hear(ahead, 1);
	while (ahead->count && log_land(log, &end, &unheard) == LOG_LANDED)
		;
	io_destroy(ahead->context);
	for (; ahead->count; ahead->count--, ahead->first = (ahead->first + 1) % LOG_AHEAD) {
		free(ahead->flights[ahead->first].batch->memory);
		free(ahead->flights[ahead->first].batch);
	}
	leave(ahead);
	close(ahead->event);
	free(ahead->page);
	free(ahead);
	log->ahead = NULL;
}
