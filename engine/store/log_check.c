/* SPDX-License-Identifier: Apache-2.0 */
/* log_check.c - whether the files written to are still the ones on disk.
 *
 * A segment deleted, truncated or replaced under the running daemon takes what
 * was acknowledged with it; so twice a second every file is looked at, the one
 * that is written to before each write, and when one is not what it was, nothing
 * is acknowledged any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/line.h"
#include "store/log_inside.h"

#define CHECK_EVERY 400   /* milliseconds */
#define CHECK_OVERDUE 900 /* of a log that nobody looks at beside the writing */

bool log_fail(struct log *log, const struct why *why)
{
	pthread_mutex_lock(&log->lock);
	log->why = *why;
	pthread_mutex_unlock(&log->lock);
	line(SL_ERROR, "the log accepts nothing any more: %s", why->text);
	log->failed = true; /* last: whoever sees it in another thread ends the process at once */
	return false;
}

/* Of the file `name` in the folder `at`, or of `at` itself if that is empty; not its times: Linux takes note of who has
 * seen them (since 6.13), and then the next write gets a time of its own, for which a file system may have to write
 * the inode too, with every fdatasync. */
static bool see(int at, const char *name, struct statx *file)
{
	return statx(at, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_INO | STATX_SIZE | STATX_NLINK, file) == 0;
}

static bool same_file(struct log *log, const char *name, uint64_t inode, uint64_t size, struct why *why)
{
	struct statx file;
	const char *what = NULL;
	if (!see(log->dir, name, &file))
		what = errno == ENOENT ? "deleted" : "made unreadable";
	else if (file.stx_ino != inode)
		what = "replaced";
	else if (file.stx_size != size)
		what = "truncated";
	if (!what)
		return true;
	return why_say(why, "%s/%s was %s under the running daemon; a restart goes on with what is left",
		log->path, name, what);
}

/* What is written to must still be what the next start will read. */
static bool folder_same(struct log *log, struct why *why)
{
	struct stat named, mine;
	if (stat(log->path, &named) == 0 && fstat(log->dir, &mine) == 0 && named.st_ino == mine.st_ino
		&& named.st_dev == mine.st_dev)
		return true;
	return why_say(why, "%s was moved or deleted under the running daemon; a restart goes on with what is there",
		log->path);
}

static bool page_same(struct log *log, struct why *why)
{
	struct stat page;
	if (fstat(log->page_fd, &page) < 0)
		return why_errno(why, "%s/page", log->path);
	return same_file(log, "page", page.st_ino, LOG_PAGE, why);
}

static bool nth_segment(struct log *log, size_t n, struct segment *segment)
{
	pthread_mutex_lock(&log->lock);
	bool have = n < log->count;
	if (have)
		*segment = log->segments[n];
	pthread_mutex_unlock(&log->lock);
	return have;
}

static bool still_ours(struct log *log, uint64_t ordinal)
{
	bool ours = false;
	pthread_mutex_lock(&log->lock);
	for (size_t i = 0; i < log->count; i++)
		ours |= log->segments[i].ordinal == ordinal;
	pthread_mutex_unlock(&log->lock);
	return ours;
}

/* One that log_retire let go of meanwhile is not missed. */
static bool segments_same(struct log *log, struct why *why)
{
	struct segment segment;
	for (size_t i = 0; nth_segment(log, i, &segment); i++)
		if (!same_file(log, segment_name(segment.ordinal).text, segment.inode, segment.file_size, why)
			&& still_ours(log, segment.ordinal))
			return false;
	return true;
}

/* Names what may be lost although it was acknowledged. */
static bool tell(struct log *log, struct why *why)
{
	uint64_t from = log->checked_end + 1, to = log->synced;
	if (to >= from)
		line(SL_ERROR, "%s: seq %" PRIu64 " to %" PRIu64 " were accepted since the files were last seen whole",
			log->path, from, to);
	return log_fail(log, why);
}

bool log_failed(struct log *log, struct why *why)
{
	pthread_mutex_lock(&log->lock);
	*why = log->why;
	pthread_mutex_unlock(&log->lock);
	return false;
}

static bool look(struct log *log, int64_t every, struct why *why)
{
	int64_t now = clock_ticks();
	if (log->failed)
		return log_failed(log, why);
	if (log->checked && now - log->checked < every)
		return true;
	uint64_t synced = log->synced;
	if (!folder_same(log, why) || !page_same(log, why) || !segments_same(log, why))
		return tell(log, why);
	log->checked = now;
	log->checked_end = synced;
	return true;
}

bool log_check(struct log *log, struct why *why)
{
	struct why unheard;
	return look(log, CHECK_EVERY, why ? why : &unheard);
}

/* A write beyond a cut makes the file as long as it was, and hides it from log_check. */
static bool writing_same(struct log *log, struct why *why)
{
	const struct segment *writing = &log->writing;
	struct statx file;
	if (log->fd < 0 || (see(log->fd, "", &file) && file.stx_nlink && file.stx_size == writing->file_size))
		return true;
	if (same_file(log, segment_name(writing->ordinal).text, writing->inode, writing->file_size, why))
		why_say(why, "%s/%s was changed under the running daemon", log->path, segment_name(writing->ordinal).text);
	return tell(log, why);
}

/* Of a large log a look at all files takes milliseconds, which no request is to wait for. */
bool log_check_writing(struct log *log, struct why *why)
{
	return look(log, CHECK_OVERDUE, why) && writing_same(log, why);
}
