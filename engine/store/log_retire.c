/* SPDX-License-Identifier: Apache-2.0 */
/* log_retire.c - lets go of the oldest segments, once nobody needs them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/log_inside.h"

/* Bytes the next segment takes; of one that is ready already, none, unless what
 * was refused lately needs a larger one.  What would never fit is no reason. */
static int64_t next_takes(const struct log *log)
{
	uint64_t wanted = log->wanted;
	bool fits = log->options.size <= 0 || wanted <= (uint64_t)log->options.size / 2;
	if (wanted && fits)
		return space_for(log, wanted);
	return log->ready_left ? 0 : space_for(log, 0);
}

/* Whether the next segment could not be made without the room of this one. */
static bool room_needed(struct log *log)
{
	int64_t more = next_takes(log);
	space_look(log, false);
	if (more < 0)
		more = 0;
	return (log->options.size > 0 && log->bytes + more > log->options.size) || log->free < more;
}

static bool too_old(const struct log *log, const struct segment *next)
{
	return log->options.keep >= 0 && clock_wall() - next->begun > log->options.keep;
}

/* Takes the oldest segment out of the table if it may go.  The last one stays.  `needed`: whatever its age. */
static bool take_oldest(struct log *log, uint64_t floor, bool needed, struct segment *oldest)
{
	pthread_mutex_lock(&log->lock);
	const struct segment *next = log->count > 1 ? &log->segments[1] : NULL;
	bool may = next && next->first <= floor && (needed || too_old(log, next));
	if (may) {
		int64_t rest = log->may_go - (int64_t)log->segments[0].file_size;
		*oldest = log->segments[0];
		log->may_go = rest > 0 ? rest : 0; /* it may be one that was not counted yet */
		log->count--;
		memmove(log->segments, log->segments + 1, log->count * sizeof(*log->segments));
	}
	pthread_mutex_unlock(&log->lock);
	return may;
}

/* One that nobody reads is used again: whoever opens it later finds its name gone.  Under `preparing`. */
static void let_go(struct log *log, const struct segment *segment)
{
	struct segment_name name = segment_name(segment->ordinal);
	int fd = openat(log->dir, name.text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		spare_put(log, name.text, segment->file_size);
	else if (unlinkat(log->dir, name.text, 0) == 0 || errno == ENOENT)
		log->bytes -= (int64_t)segment->file_size;
	if (log->free < 0)
		spare_drop(log); /* the disk needs its room more */
	if (fd >= 0)
		close(fd);
	log->looked = 0; /* there is more free space now */
}

/* The oldest segment that no route needs and that was begun under this daemon, if its pages were not given back yet. */
static bool next_unneeded(struct log *log, uint64_t floor, struct segment *segment)
{
	bool found = false;
	pthread_mutex_lock(&log->lock);
	if (!log->cached && log->count)
		log->cached = log->segments[log->count - 1].ordinal;
	size_t i = log->count;
	while (i > 0 && log->segments[i - 1].ordinal >= log->cached)
		i--;
	if (i + 1 < log->count && log->segments[i + 1].first <= floor) {
		*segment = log->segments[i];
		found = true;
	}
	pthread_mutex_unlock(&log->lock);
	return found;
}

/* What all routes have read is hardly read again soon: its pages are the next segment's, and the log does not drive
 * from memory what others need. */
static void give_pages_back(struct log *log, uint64_t floor)
{
	struct segment segment;
	while (next_unneeded(log, floor, &segment)) {
		int fd = openat(log->dir, segment_name(segment.ordinal).text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0) {
			posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
			close(fd);
		}
		log->cached = segment.ordinal + 1;
	}
}

void retire_for(struct log *log, int64_t more)
{
	struct segment oldest;
	int64_t beyond = space_beyond(log, more);
	for (int64_t let = 0; let < beyond && take_oldest(log, log->floor, true, &oldest); let += (int64_t)oldest.file_size)
		let_go(log, &oldest);
}

/* What could go, whether it has to or not. */
static void may_go_below(struct log *log, uint64_t floor)
{
	int64_t bytes = 0;
	pthread_mutex_lock(&log->lock);
	for (size_t i = 0; i + 1 < log->count && log->segments[i + 1].first <= floor; i++)
		bytes += (int64_t)log->segments[i].file_size;
	log->floor = floor;
	log->may_go = bytes;
	pthread_mutex_unlock(&log->lock);
}

bool log_retire(struct log *log, uint64_t floor, struct why *why)
{
	struct segment oldest;
	bool any = false;
	while (take_oldest(log, floor, room_needed(log), &oldest)) {
		any = true;
		pthread_mutex_lock(&log->preparing);
		let_go(log, &oldest);
		pthread_mutex_unlock(&log->preparing);
	}
	log->wanted = 0;
	may_go_below(log, floor);
	give_pages_back(log, floor);
	if (any && fsync(log->dir) < 0)
		return why_errno(why, "%s: cannot sync the log's folder", log->path);
	if (any)
		log->prepare_again = 0;
	return true;
}
