/* SPDX-License-Identifier: Apache-2.0 */
/* lock.c - one daemon at a time on a data folder. */
#include "main/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/place.h"

#define LOOKS 20 /* at a lock whose holder has not written its number yet */

static bool make_folder(const char *path, struct why *why)
{
	char above[PATH_MAX];
	const char *slash = strrchr(path, '/');
	snprintf(above, sizeof(above), "%.*s", slash ? (int)(slash - path) : 0, path);
	if (above[0] && access(path, F_OK) < 0 && errno == ENOENT && !make_folder(above, why))
		return false;
	return place_make(path, why);
}

static long holder(int fd)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	return n > 0 ? strtol(text, NULL, 10) : 0;
}

static bool held(int fd, const char *data, struct why *why)
{
	const struct timespec moment = { 0, 10000000 };
	long pid = holder(fd);
	for (int i = 0; !pid && i < LOOKS; i++) {
		nanosleep(&moment, NULL);
		pid = holder(fd);
	}
	return why_say(why, "the data folder %s belongs to the daemon with process id %ld; "
		"stop that one first, or name another folder with `data:`", data, pid);
}

/* Always the same bytes, so that a full disk takes them too once the file is
 * there.  A lock without a number is still a lock. */
static void write_holder(int fd, long pid)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%-20ld\n", pid);
	ssize_t written = pwrite(fd, text, (size_t)len, 0);
	(void)written;
}

/* Before anything is written to it; one that was only just made has nothing in it. */
static int64_t last_alive(int fd)
{
	struct stat stat;
	if (fstat(fd, &stat) < 0 || !stat.st_size)
		return 0;
	return (int64_t)stat.st_mtim.tv_sec * 1000 + stat.st_mtim.tv_nsec / 1000000;
}

bool lock_take_unfinished(const char *data, struct lock *lock, struct why *why)
{
	char path[PATH_MAX];
	bool fine = true;
	if (!make_folder(data, why))
		return false;
	snprintf(path, sizeof(path), "%s/lock", data);
	lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock->fd < 0)
		return why_errno(why, "cannot open %s", path);
	if (flock(lock->fd, LOCK_EX | LOCK_NB) < 0)
		fine = errno == EWOULDBLOCK ? held(lock->fd, data, why) : why_errno(why, "cannot lock %s", path);
	else {
		lock->last = last_alive(lock->fd);
		lock->unclean = holder(lock->fd) != 0;
		write_holder(lock->fd, getpid());
	}
	if (!fine) {
		close(lock->fd);
		lock->fd = -1;
	}
	return fine;
}

bool lock_take(const char *data, struct lock *lock, struct why *why)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/" LOCK_UNFINISHED, data);
	if (!lock_take_unfinished(data, lock, why))
		return false;
	if (access(path, F_OK) < 0)
		return true;
	lock_drop(lock);
	return why_say(why, "the data folder %s is only half restored: `sluice restore` has to be run again", data);
}

void lock_touch(const struct lock *lock)
{
	if (lock->fd >= 0)
		futimens(lock->fd, NULL);
}

void lock_drop(struct lock *lock)
{
	if (lock->fd < 0)
		return;
	write_holder(lock->fd, 0);
	close(lock->fd);
	lock->fd = -1;
}
