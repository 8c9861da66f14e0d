/* SPDX-License-Identifier: Apache-2.0 */
/* log_forget.c - records that a start does not keep are made none, so that they never come back.
 *
 * Their seqs are given again.  What they are told from is only where the next
 * segment says that this one ends: should its header be lost later, and the page
 * name its records as durable, the old ones would be read in their place.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/line.h"
#include "store/log_inside.h"

/* The good records behind `end`, from one offset to another; -1: the disk failed. */
static int void_heads(int fd, const struct segment *segment, uint64_t from, uint64_t to, uint64_t end)
{
	static const char zeros[sizeof(struct record_head)];
	struct scan scan;
	struct scan_hit hit;
	enum scan_found got;
	int count = 0;
	scan_open(&scan, fd, segment->salt, from, to);
	while (count >= 0 && (got = scan_next(&scan, end + 1, UINT64_MAX, &hit)) != SCAN_NOTHING) {
		struct iovec head = { (char *)zeros, sizeof(zeros) };
		bool done = got == SCAN_RECORD && write_all(fd, &head, 1, hit.offset);
		count = done ? count + 1 : -1;
	}
	if (count > 0 && fdatasync(fd) < 0)
		count = -1;
	scan_close(&scan);
	return count;
}

static uint64_t end_of(const struct log *log, size_t i)
{
	if (i + 1 == log->count)
		return log->offset;
	const struct segment *segment = &log->segments[i], *next = segment + 1;
	return next->prev == segment->ordinal ? next->prev_end : LOG_BEGIN;
}

static bool forget_in(struct log *log, size_t i, uint64_t end, uint64_t stop, struct why *why)
{
	const struct segment *segment = &log->segments[i];
	struct segment_name name = segment_name(segment->ordinal);
	int fd = openat(log->dir, name.text, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int count = fd < 0 ? -1 : void_heads(fd, segment, end_of(log, i), stop, end);
	if (count > 0)
		line(SL_WARNING, "%s/%s: %d records lay behind seq %" PRIu64 " and do not follow it without a hole; they do "
			"not count, and their seqs are given again", log->path, name.text, count, end);
	if (count < 0)
		why_errno(why, "%s/%s: what lies behind the log's end cannot be taken out", log->path, name.text);
	if (fd >= 0)
		close(fd);
	return count >= 0;
}

/* Besides the last segment it is the one before that may hold such records, and any between that begin with the
 * same seq: what was copied out of a segment still lies behind its end.  An older one that fails is no reason to
 * accept nothing. */
bool forget_behind(struct log *log, uint64_t end, uint64_t stop, struct why *why)
{
	uint64_t first = log->writing.first, seen = first;
	for (size_t i = log->count; i-- > 0 && seen == first; seen = log->segments[i].first) {
		bool last = i + 1 == log->count;
		if (forget_in(log, i, end, last ? stop : log->segments[i].size, why))
			continue;
		if (last)
			return false;
		line(SL_WARNING, "%s", why->text);
	}
	return true;
}
