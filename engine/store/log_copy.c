/* SPDX-License-Identifier: Apache-2.0 */
/* log_copy.c - the log's durable part for whoever copies it, and a copy that becomes a log again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/log_inside.h"
#include "store/log_reader.h"

/* --------------------------------------------------------------- what is durable */

/* Without a writer the page may be older than a power cut: all that follows without a
 * hole counts then, as it would at the next start. */
static bool is_written(const struct log_reader *reader)
{
	int fd = openat(reader->dir, "lock", O_RDONLY | O_CLOEXEC);
	bool written = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
	if (fd >= 0)
		close(fd);
	return written;
}

/* Where the records of the last segment end; *end is the last seq, and at first the
 * largest that is known to be durable. */
static bool find_end(int fd, const struct segment *segment, bool written, uint64_t *end, uint64_t *used)
{
	struct scan scan;
	struct scan_hit hit;
	enum scan_found got;
	uint64_t expected = segment->first;
	*used = LOG_BEGIN;
	scan_open(&scan, fd, segment->salt, LOG_BEGIN, segment->size);
	while ((got = scan_next(&scan, expected, written ? *end : UINT64_MAX, &hit)) == SCAN_RECORD) {
		if (hit.head->seq > *end && hit.head->seq > expected)
			break;
		expected = hit.head->seq + 1;
		*used = hit.offset + hit.span;
	}
	scan_close(&scan);
	if (expected - 1 > *end)
		*end = expected - 1;
	return got != SCAN_ERROR;
}

struct pieces {
	struct log_reader *reader;
	log_piece_found *found;
	void *data;
	bool written;
	struct log_stat *stat;
};

static bool hand_over(struct pieces *pieces, size_t i, int fd, const struct segment *segment, struct why *why)
{
	const struct log_reader *reader = pieces->reader;
	const struct segment *next = i + 1 < reader->count ? &reader->segments[i + 1] : NULL;
	struct segment_name name = segment_name(segment->ordinal);
	struct log_piece piece = { .name = name.text, .fd = fd, .salt = segment->salt, .size = segment->size,
		.used = segment->size, .at = i, .count = reader->count };
	if (next && next->prev == segment->ordinal)
		piece.used = next->prev_end;
	if (!next && !find_end(fd, segment, pieces->written, &pieces->stat->end, &piece.used))
		return why_errno(why, "%s/%s: cannot be read", reader->path, name.text);
	return pieces->found(&piece, pieces->data, why);
}

/* The oldest may be let go of meanwhile: then nobody needs it. */
static bool take_piece(struct pieces *pieces, size_t i, struct why *why)
{
	const struct log_reader *reader = pieces->reader;
	struct segment segment;
	int fd = segment_open(reader->dir, reader->segments[i].ordinal, &segment);
	if (fd < 0 && errno != 0 && errno != ENOENT)
		return why_errno(why, "%s/%s: cannot be opened", reader->path, segment_name(reader->segments[i].ordinal).text);
	if (fd < 0) {
		pieces->stat->begin = i + 1 < reader->count ? reader->segments[i + 1].first : pieces->stat->end + 1;
		return true;
	}
	bool fine = hand_over(pieces, i, fd, &segment, why);
	close(fd);
	return fine;
}

bool log_pieces(const char *dir, log_piece_found *found, void *data, struct log_stat *stat, struct why *why)
{
	struct pieces pieces = { .reader = log_reader_open(dir, why), .found = found, .data = data, .stat = stat };
	bool fine = pieces.reader != NULL;
	if (fine) {
		pieces.written = is_written(pieces.reader);
		fine = log_reader_stat(pieces.reader, stat, why);
	}
	const struct log_reader *reader = pieces.reader;
	if (fine && reader->count && stat->end < reader->segments[reader->count - 1].first - 1)
		stat->end = reader->segments[reader->count - 1].first - 1;
	for (size_t i = 0; fine && i < reader->count; i++)
		fine = take_piece(&pieces, i, why);
	log_reader_close(&pieces.reader);
	return fine;
}

/* -------------------------------------------------------------- a copy is a log again */

/* The last segment of the copy; a log in which nothing was ever written has none. */
static bool find_last(struct log_reader *reader, uint64_t end, struct segment *forward, struct why *why)
{
	uint64_t seen = end;
	if (!reader_list(reader, why))
		return false;
	if (!reader->count)
		return true;
	const struct segment *last = &reader->segments[reader->count - 1];
	int fd = openat(reader->dir, segment_name(last->ordinal).text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool fine = fd >= 0 && find_end(fd, last, true, &seen, &forward->prev_end);
	if (!fine)
		why_errno(why, "%s/%s", reader->path, segment_name(last->ordinal).text);
	if (fd >= 0)
		close(fd);
	forward->prev = last->ordinal;
	memcpy(forward->id, last->id, sizeof(forward->id));
	return fine;
}

static bool read_id(const struct log_reader *reader, struct segment *forward, struct why *why)
{
	int fd = *forward->id ? -1 : openat(reader->dir, "id", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got = fd < 0 ? -1 : read(fd, forward->id, LOG_ID_SIZE - 1);
	if (fd >= 0)
		close(fd);
	if (strlen(forward->id) == LOG_ID_SIZE - 1)
		return true;
	return why_say(why, "%s/id: %s", reader->path, got < 0 ? "cannot be read" : "is no log's id");
}

/* A segment that is begun and holds no record. */
static bool write_forward(const struct log_reader *reader, const struct segment *forward, struct why *why)
{
	struct segment_head head;
	struct segment_name name = segment_name(forward->ordinal);
	segment_head_make(&head, forward);
	struct iovec copies[2] = { { &head, sizeof(head) }, { &head, sizeof(head) } };
	int fd = openat(reader->dir, "forward.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool fine = fd >= 0 && write_all(fd, copies, 2, 0) && fsync(fd) == 0 &&
		renameat(reader->dir, "forward.tmp", reader->dir, name.text) == 0 && fsync(reader->dir) == 0;
	if (!fine)
		why_errno(why, "%s/%s: cannot be written", reader->path, name.text);
	if (fd >= 0)
		close(fd);
	return fine;
}

/* As if the log had been closed behind it: the first start has nothing to look for. */
static bool write_page(const struct log_reader *reader, const struct segment *forward, struct why *why)
{
	bool made;
	int fd = page_file_open(reader->dir, forward->id, &made, why);
	struct log_page *page = fd < 0 ? NULL : page_file_map(fd, true);
	bool fine = page != NULL;
	if (page) {
		page_file_publish(page, fd, forward->first - 1);
		fine = page_file_set_clean(page, (struct log_clean){ .ordinal = forward->ordinal, .offset = LOG_BEGIN,
							 .end = forward->first - 1, .sealed = 1 });
	}
	if (fd >= 0 && !fine)
		why_errno(why, "%s/page: cannot be written", reader->path);
	page_file_unmap(&page);
	if (fd >= 0)
		close(fd);
	return fine;
}

bool log_set_forward(const char *dir, uint64_t end, uint64_t next, struct why *why)
{
	struct segment forward = { .first = next, .gap = end + 1, .size = LOG_BEGIN, .begun = clock_wall() };
	struct log_reader *reader = log_reader_open(dir, why);
	bool fine = reader && find_last(reader, end, &forward, why) && read_id(reader, &forward, why);
	if (fine && next > LOG_SEQ_MOST)
		fine = why_say(why, "%s: its records have numbers that no log gives", dir);
	forward.ordinal = forward.prev + 1;
	if (fine && getrandom(&forward.salt, sizeof(forward.salt), 0) != sizeof(forward.salt))
		fine = why_errno(why, "no random bytes");
	fine = fine && write_forward(reader, &forward, why) && write_page(reader, &forward, why);
	log_reader_close(&reader);
	return fine;
}
