/* SPDX-License-Identifier: Apache-2.0 */
/* shim_write.c - files are written, synced and read, or are not. */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---------------------------------------------------------------------- writing */

static int cut_parts(struct iovec *out, const struct iovec *parts, int count, size_t len)
{
	int n = 0;
	for (int i = 0; i < count && i < PARTS && len; i++) {
		out[n] = parts[i];
		if (out[n].iov_len > len)
			out[n].iov_len = len;
		len -= out[n++].iov_len;
	}
	return n;
}

static bool is_zeros(const struct iovec *parts, int count)
{
	const char *at = parts->iov_base;
	return count == 1 && parts->iov_len > 1 && !at[0] && memcmp(at, at + 1, parts->iov_len - 1) == 0;
}

static void note_write(struct note *note, const struct iovec *parts, int count, size_t len)
{
	struct iovec wrote[PARTS];
	int n = cut_parts(wrote, parts, count, len);
	bool zeros = is_zeros(wrote, n);
	note->kind = zeros ? N_ZEROS : N_WRITE;
	note->len = len;
	note->ended = note_moment();
	note_put(note, "", wrote, zeros ? 0 : n);
}

static ssize_t raw_write(int fd, const struct iovec *parts, int count, off_t at)
{
	if (at < 0)
		return syscall(SYS_writev, fd, parts, count);
	return syscall(SYS_pwritev, fd, parts, count, at, 0);
}

static void write_half(int fd, const struct iovec *parts, int count, off_t at)
{
	struct iovec half[PARTS];
	size_t len = 0;
	for (int i = 0; i < count; i++)
		len += parts[i].iov_len;
	raw_write(fd, half, cut_parts(half, parts, count, len / 2), at);
	shim_die(DIE);
}

/* `at` -1: where the file stands. */
static ssize_t do_write(int fd, const struct iovec *parts, int count, off_t at)
{
	if (shim_levers->fallen)
		shim_die(DIE);
	if (!shim_meant(fd))
		return raw_write(fd, parts, count, at);
	maps_look();
	int error = shim_harm_at(WRITES, fd);
	if (error == DIE_HALF)
		write_half(fd, parts, count, at);
	if (error)
		return shim_fail(error);
	struct note note = { .begun = note_moment(), .file = note_inode(fd) };
	ssize_t wrote = raw_write(fd, parts, count, at);
	if (wrote > 0) {
		int error_kept = errno;
		note.at = at >= 0 ? (uint64_t)at : (uint64_t)(syscall(SYS_lseek, fd, 0, SEEK_CUR) - wrote);
		note_write(&note, parts, count, (size_t)wrote);
		errno = error_kept;
	}
	return wrote;
}

OURS ssize_t write(int fd, const void *bytes, size_t len)
{
	return do_write(fd, &(struct iovec){ (void *)bytes, len }, 1, -1);
}

OURS ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	return do_write(fd, &(struct iovec){ (void *)bytes, len }, 1, at);
}
SAME_AS(pwrite)
ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at);

OURS ssize_t writev(int fd, const struct iovec *parts, int count)
{
	return do_write(fd, parts, count, -1);
}

OURS ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	return do_write(fd, parts, count, at);
}
SAME_AS(pwritev)
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at);

OURS int ftruncate(int fd, off_t len)
{
	int error = shim_meant(fd) ? shim_harm_at(WRITES, fd) : 0;
	if (error)
		return (int)shim_fail(error == DIE_HALF ? EIO : error);
	struct note note = { .kind = N_CUT, .begun = note_moment(), .len = (uint64_t)len };
	int outcome = (int)syscall(SYS_ftruncate, fd, len);
	if (outcome == 0 && shim_meant(fd)) {
		note.file = note_inode(fd);
		note.ended = note_moment();
		note_put(&note, "", NULL, 0);
	}
	return outcome;
}
SAME_AS(ftruncate)
int ftruncate64(int fd, off_t len);

OURS int fallocate(int fd, int mode, off_t at, off_t len)
{
	int error = shim_meant(fd) ? shim_harm_at(WRITES, fd) : 0;
	if (error)
		return (int)shim_fail(error == DIE_HALF ? EIO : error);
	struct note note = { .kind = N_RESERVE, .begun = note_moment(), .at = (uint64_t)at, .len = (uint64_t)len };
	int outcome = (int)syscall(SYS_fallocate, fd, mode, at, len);
	if (outcome == 0 && shim_meant(fd) && mode == 0) {
		note.file = note_inode(fd);
		note.ended = note_moment();
		note_put(&note, "", NULL, 0);
	}
	return outcome;
}
SAME_AS(fallocate)
int fallocate64(int fd, int mode, off_t at, off_t len);

/* ---------------------------------------------------------------------- syncing */

static int do_sync(uint64_t file, const char *path)
{
	maps_look();
	int error = shim_harm(SYNCS, path);
	struct note note = { .kind = error ? N_FAILED : N_SYNC, .begun = note_moment(), .file = file };
	note.ended = note_moment();
	note_put(&note, "", NULL, 0);
	return error ? (int)shim_fail(error == DIE_HALF ? EIO : error) : 0;
}

OURS int fdatasync(int fd)
{
	char path[PATH_MAX];
	return shim_meant(fd) ? do_sync(note_inode(fd), shim_path(fd, path)) : (int)syscall(SYS_fdatasync, fd);
}

OURS int fsync(int fd)
{
	char path[PATH_MAX];
	return shim_meant(fd) ? do_sync(note_inode(fd), shim_path(fd, path)) : (int)syscall(SYS_fsync, fd);
}

OURS int msync(void *at, size_t len, int flags)
{
	uint64_t file;
	return maps_find(at, &file) ? do_sync(file, "mapped") : (int)syscall(SYS_msync, at, len, flags);
}

/* ---------------------------------------------------------------------- reading */

static bool no_read(int fd)
{
	int error = shim_meant(fd) ? shim_harm_at(READS, fd) : 0;
	if (error)
		errno = error;
	return error != 0;
}

OURS ssize_t read(int fd, void *bytes, size_t len)
{
	if (shim_levers->fallen)
		shim_die(DIE);
	return no_read(fd) ? -1 : syscall(SYS_read, fd, bytes, len);
}

OURS ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
	return no_read(fd) ? -1 : syscall(SYS_pread64, fd, bytes, len, at);
}
SAME_AS(pread)
ssize_t pread64(int fd, void *bytes, size_t len, off_t at);
