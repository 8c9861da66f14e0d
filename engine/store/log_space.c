/* SPDX-License-Identifier: Apache-2.0 */
/* log_space.c - whether there is room for one more record. */
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "store/log_inside.h"

#define LOOK_EVERY 1000 /* milliseconds */
#define HEAD_ROOM ((uint64_t)2 * LOG_ALIGN) /* what a record takes beside its texts, at most */

/* The reserve is 1/16 of a file system too small for the one asked for. */
void space_look(struct log *log, bool now)
{
	struct statvfs system;
	int64_t ticks = clock_about();
	if (!now && ticks - log->looked < LOOK_EVERY)
		return;
	if (fstatvfs(log->dir, &system) < 0)
		return;
	int64_t block = (int64_t)system.f_frsize;
	int64_t sixteenth = (int64_t)system.f_blocks / 16 * block;
	int64_t reserve = log->options.reserve < sixteenth ? log->options.reserve : sixteenth;
	log->free = (int64_t)system.f_bavail * block - reserve;
	log->looked = ticks;
}

int64_t space_for(const struct log *log, uint64_t need)
{
	uint64_t size = ready_size(log, 0);
	return (int64_t)(size > need + LOG_BEGIN ? size : need + size) - log->spare;
}

int64_t space_beyond(const struct log *log, int64_t more)
{
	int64_t beyond = log->bytes + more - log->options.size;
	return log->options.size > 0 && beyond > 0 ? beyond : 0;
}

static bool file_may_have(uint64_t size)
{
	struct rlimit files;
	return getrlimit(RLIMIT_FSIZE, &files) < 0 || size <= files.rlim_cur;
}

/* Whether log_write could make so much room itself if it had to. */
static enum log_room room_to_make(const struct log *log, uint64_t need, uint64_t record)
{
	int64_t more = space_for(log, need);
	if (!file_may_have(record + LOG_BEGIN + LOG_PAGE))
		return LOG_NO_SPACE;
	if (space_beyond(log, more) > log->may_go)
		return LOG_FULL;
	if (log->free < more || clock_ticks() < log->no_space_until)
		return LOG_NO_SPACE;
	return LOG_ROOM;
}

/* What is gathered fits as a whole into the segment being written or into the
 * ready one; else another must be made, and that has to be possible. */
enum log_room log_room(struct log *log, size_t bytes)
{
	uint64_t need = log->outstanding + bytes + HEAD_ROOM;
	if (log->failed)
		return LOG_FAILED;
	if (log->next_seq > LOG_SEQ_MOST)
		return LOG_FULL;
	space_look(log, false);
	if (log->free < 0)
		return LOG_NO_SPACE;
	if (need <= log->ready_left || need <= log->left) /* in this order: ready_take goes from the first to the second */
		return LOG_ROOM;
	enum log_room room = room_to_make(log, need, bytes + HEAD_ROOM);
	if (room != LOG_ROOM && need > log->wanted)
		log->wanted = need;
	return room;
}
