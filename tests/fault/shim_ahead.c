/* SPDX-License-Identifier: Apache-2.0 */
/* shim_ahead.c - writes that the kernel is asked for without waiting: written at once, synced when they are heard of.
 *
 * So of several under way any may be what a disk without power holds, and none is durable before it was told.  Or the
 * kernel refuses them: room for them, a page written like that to see whether it can be done, the writes themselves.
 */
#include "shim.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ENDED 64

static struct io_event ended[ENDED]; /* of one thread */
static struct iocb *asked[ENDED];
static unsigned first, count;

static bool submit_one(struct iocb *block)
{
	struct iovec part = { (void *)(uintptr_t)block->aio_buf, (size_t)block->aio_nbytes };
	uint64_t one = 1;
	unsigned at = (first + count) % ENDED;
	if (count == ENDED)
		return false;
	ssize_t wrote = pwritev((int)block->aio_fildes, &part, 1, (off_t)block->aio_offset);
	asked[at] = block;
	ended[at] = (struct io_event){ .data = block->aio_data, .obj = (uint64_t)(uintptr_t)block,
		.res = wrote < 0 ? -errno : wrote };
	count++;
	return syscall(SYS_write, block->aio_resfd, &one, sizeof(one)) == sizeof(one);
}

int io_setup(int most, aio_context_t *context); /* libaio.h has other types for them */
int io_submit(aio_context_t context, long number, struct iocb **blocks);
int io_getevents(aio_context_t context, long least, long most, struct io_event *events, struct timespec *timeout);

OURS int io_setup(int most, aio_context_t *context)
{
	int error = shim_harm(AHEAD, NULL);
	return error ? -error : syscall(SYS_io_setup, most, context) < 0 ? -errno : 0;
}

OURS int io_submit(aio_context_t context, long number, struct iocb **blocks)
{
	int done = 0;
	if (number < 1 || !shim_meant((int)blocks[0]->aio_fildes))
		return (int)syscall(SYS_io_submit, context, number, blocks);
	int error = shim_harm_at(AHEAD, (int)blocks[0]->aio_fildes);
	if (error)
		return -error;
	while (done < number && submit_one(blocks[done]))
		done++;
	return done;
}

OURS int io_getevents(aio_context_t context, long least, long most, struct io_event *events, struct timespec *timeout)
{
	int done = 0;
	if (!count)
		return (int)syscall(SYS_io_getevents, context, least, most, events, timeout);
	for (; count && done < most; count--, first = (first + 1) % ENDED) {
		struct iocb *block = asked[first];
		events[done] = ended[first];
		if (events[done].res > 0 && (block->aio_rw_flags & RWF_DSYNC) && fdatasync((int)block->aio_fildes) < 0)
			events[done].res = -errno;
		done++;
	}
	return done;
}

OURS ssize_t pwritev2(int fd, const struct iovec *parts, int number, off_t at, int flags)
{
	if (!shim_meant(fd) || at < 0)
		return syscall(SYS_pwritev2, fd, parts, number, at, 0, flags);
	int error = shim_harm_at(AHEAD, fd);
	if (error)
		return shim_fail(error);
	ssize_t wrote = pwritev(fd, parts, number, at);
	return wrote > 0 && (flags & RWF_DSYNC) && fdatasync(fd) < 0 ? -1 : wrote;
}
SAME_AS(pwritev2)
ssize_t pwritev64v2(int fd, const struct iovec *parts, int number, off_t at, int flags);
