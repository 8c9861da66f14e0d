/* SPDX-License-Identifier: Apache-2.0 */
/* log_fsck.c - reads everything, and names what is not as it was written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/log_reader.h"

struct fsck {
	struct log_reader *reader;
	log_fault_found *found;
	void *data;
	struct log_stat *stat;
	uint64_t expected; /* 0: nothing seen yet */
	uint64_t end;      /* UINT64_MAX: no page tells it */
};

static void fault(struct fsck *fsck, uint64_t ordinal, uint64_t offset, uint64_t from, uint64_t to,
	const char *what)
{
	struct segment_name name = segment_name(ordinal);
	struct log_fault found = { name.text, offset, from, to, what };
	if (from)
		fsck->stat->damaged += to - from + 1;
	fsck->found(&found, fsck->data);
}

static void check_file(struct fsck *fsck, int fd, const struct segment *segment)
{
	struct stat file;
	if (segment->bad_copies)
		fault(fsck, segment->ordinal, 0, 0, 0, "one copy of the header is damaged, the other is used");
	if (fstat(fd, &file) == 0 && (uint64_t)file.st_size < segment->size)
		fault(fsck, segment->ordinal, (uint64_t)file.st_size, 0, 0, "the file is shorter than it was made");
	if (fsck->expected && segment_before(segment) >= fsck->expected)
		fault(fsck, segment->ordinal, 0, fsck->expected, segment_before(segment),
			"the records before this segment are missing");
}

/* The last seq this segment may hold, and the offset its records end at. */
static uint64_t last_of(const struct fsck *fsck, const struct segment *segment, const struct segment *next,
	uint64_t *stop)
{
	*stop = next && next->prev == segment->ordinal ? next->prev_end : segment->size;
	return next && segment_before(next) < fsck->end ? segment_before(next) : fsck->end;
}

static bool check_records(struct fsck *fsck, int fd, const struct segment *segment,
	const struct segment *next)
{
	struct scan scan;
	struct scan_hit hit;
	enum scan_found got;
	uint64_t stop, last = last_of(fsck, segment, next, &stop), at = LOG_BEGIN, expected = segment->first;
	scan_open(&scan, fd, segment->salt, LOG_BEGIN, stop);
	while ((got = scan_next(&scan, expected, last, &hit)) == SCAN_RECORD) {
		if (hit.head->seq > expected)
			fault(fsck, segment->ordinal, at, expected, hit.head->seq - 1, "bytes that are no record");
		expected = hit.head->seq + 1;
		at = hit.offset + hit.span;
	}
	scan_close(&scan);
	fsck->expected = expected;
	if (got == SCAN_ERROR)
		return false;
	bool whole = !next || next->prev == segment->ordinal;
	if (whole && last != UINT64_MAX && expected <= last) {
		fault(fsck, segment->ordinal, at, expected, last, "bytes that are no record, up to the end");
		fsck->expected = last + 1;
	}
	return true;
}

static bool check_segment(struct fsck *fsck, size_t i, struct why *why)
{
	struct log_reader *reader = fsck->reader;
	struct segment segment;
	uint64_t ordinal = reader->segments[i].ordinal;
	int fd = segment_open(reader->dir, ordinal, &segment);
	if (fd < 0)
		return errno == 0 || errno == ENOENT
			|| why_errno(why, "%s/%s: cannot be opened", reader->path, segment_name(ordinal).text);
	check_file(fsck, fd, &segment);
	bool read = check_records(fsck, fd, &segment, i + 1 < reader->count ? &reader->segments[i + 1] : NULL);
	if (!read)
		why_errno(why, "%s/%s: cannot be read", reader->path, segment_name(ordinal).text);
	close(fd);
	return read;
}

/* Files named like a segment that are none. */
static bool check_headers(struct fsck *fsck, struct why *why)
{
	uint64_t *ordinals;
	size_t count;
	if (!segment_list(fsck->reader->dir, &ordinals, &count, why))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct segment segment;
		int fd = segment_open(fsck->reader->dir, ordinals[i], &segment);
		if (fd < 0 && errno != ENOENT)
			fault(fsck, ordinals[i], 0, 0, 0, "neither copy of the header can be read");
		else if (fd >= 0 && *fsck->reader->id && strcmp(segment.id, fsck->reader->id) != 0)
			fault(fsck, ordinals[i], 0, 0, 0, "belongs to another log");
		if (fd >= 0)
			close(fd);
	}
	free(ordinals);
	return true;
}

static void check_end(struct fsck *fsck)
{
	struct log_reader *reader = fsck->reader;
	uint64_t last = reader->count ? reader->segments[reader->count - 1].ordinal : 0;
	if (fsck->end == UINT64_MAX)
		fsck->stat->end = fsck->expected ? fsck->expected - 1 : 0;
	else if (fsck->expected && fsck->expected <= fsck->end)
		fault(fsck, last, 0, fsck->expected, fsck->end, "the records behind this segment are missing");
}

bool log_fsck(const char *dir, log_fault_found *found, void *data, struct log_stat *stat, struct why *why)
{
	struct fsck fsck = { .reader = log_reader_open(dir, why), .found = found, .data = data, .stat = stat };
	bool done = fsck.reader && log_reader_stat(fsck.reader, stat, why);
	if (done) {
		fsck.end = fsck.reader->page ? stat->end : UINT64_MAX;
		done = check_headers(&fsck, why);
	}
	for (size_t i = 0; done && i < fsck.reader->count; i++)
		done = check_segment(&fsck, i, why);
	if (done)
		check_end(&fsck);
	log_reader_close(&fsck.reader);
	return done;
}
