/* SPDX-License-Identifier: Apache-2.0 */
/* log_scan.c - finds the good records of a segment, whatever lies between them. */
#include "store/log_disk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void scan_open(struct scan *scan, int fd, uint64_t salt, uint64_t offset, uint64_t stop)
{
	struct stat file;
	*scan = (struct scan){ .fd = fd, .salt = salt, .offset = offset, .stop = stop };
	if (fstat(fd, &file) == 0 && stop > (uint64_t)file.st_size)
		scan->stop = (uint64_t)file.st_size; /* shorter than its header says */
}

void scan_close(struct scan *scan)
{
	free(scan->window);
	*scan = (struct scan){ .fd = -1 };
}

static bool fill(struct scan *scan, uint64_t offset, size_t len)
{
	size_t want = len > LOG_STEP ? len : LOG_STEP;
	if (want > scan->stop - offset)
		want = scan->stop - offset;
	if (want > scan->room)
		scan->window = must_grow(scan->window, scan->room = want);
	scan->window_at = offset;
	scan->len = 0;
	while (scan->len < want) {
		off_t at = (off_t)(offset + scan->len);
		ssize_t got = pread(scan->fd, scan->window + scan->len, want - scan->len, at);
		if (got < 0 && errno != EINTR)
			return false;
		if (got == 0)
			break;
		if (got > 0)
			scan->len += (size_t)got;
	}
	return true;
}

/* NULL with *end: the file has no such bytes; NULL without: they cannot be read. */
static const char *bytes_at(struct scan *scan, uint64_t offset, uint64_t len, bool *end)
{
	bool inside = offset >= scan->window_at && offset + len <= scan->window_at + scan->len;
	*end = offset >= scan->stop || len > scan->stop - offset;
	if (*end)
		return NULL;
	if (!inside && !fill(scan, offset, len))
		return NULL;
	*end = offset + len > scan->window_at + scan->len;
	return *end ? NULL : scan->window + (offset - scan->window_at);
}

/* A head that is good tells where the next one lies, even when its text is damaged. */
static enum scan_found look(struct scan *scan, uint64_t least, uint64_t most, struct scan_hit *hit)
{
	bool end;
	uint64_t offset = scan->offset, span;
	const char *at = bytes_at(scan, offset, sizeof(struct record_head), &end);
	if (!at && end)
		scan->offset = scan->stop; /* a file that was cut ends anywhere */
	if (!at)
		return end ? SCAN_NOTHING : SCAN_ERROR;
	const struct record_head *head = (const struct record_head *)at;
	scan->offset += LOG_ALIGN;
	if (head->seq < least || head->seq > most || !record_head_good(head, scan->salt, offset))
		return SCAN_NOTHING;
	span = record_span(head);
	at = bytes_at(scan, offset, span, &end);
	if (!at)
		return end ? SCAN_NOTHING : SCAN_ERROR;
	scan->offset = offset + span;
	if (!record_text_good(at, scan->salt, offset))
		return SCAN_NOTHING;
	*hit = (struct scan_hit){ offset, span, (const struct record_head *)at };
	return SCAN_RECORD;
}

/* Most steps meet zeros, or what an earlier use of the segment left: none of them is asked more than its seq. */
static void pass_over(struct scan *scan, uint64_t least, uint64_t most)
{
	uint64_t end = scan->window_at + scan->len;
	while (scan->offset >= scan->window_at && scan->offset + sizeof(struct record_head) <= end) {
		const struct record_head *head =
			(const struct record_head *)(scan->window + (scan->offset - scan->window_at));
		if (head->seq >= least && head->seq <= most)
			return;
		scan->offset += LOG_ALIGN;
	}
}

enum scan_found scan_next(struct scan *scan, uint64_t least, uint64_t most, struct scan_hit *hit)
{
	for (pass_over(scan, least, most); scan->offset < scan->stop; pass_over(scan, least, most)) {
		enum scan_found found = look(scan, least, most, hit);
		if (found != SCAN_NOTHING)
			return found;
	}
	return SCAN_NOTHING;
}
