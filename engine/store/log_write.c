/* SPDX-License-Identifier: Apache-2.0 */
/* log_write.c - gathers records in memory, writes and syncs them, publishes the durable end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/log_inside.h"

#define BATCH_FIRST ((size_t)64 * 1024)
#define LARGE_PAGE ((size_t)2 * 1024 * 1024)
#define BATCH_KEPT ((size_t)4 * 1024 * 1024) /* a batch's memory is used again up to this size */
#define ROOM_TRIES 30                        /* for a segment that cannot be made ready */
#define ROOM_PAUSE 100000                    /* microseconds between two of them */

/* ------------------------------------------------------------------ gathering */

/* A large one lies in large pages, which the kernel has sooner in hand for the disk than 4 KB each. */
static char *batch_memory(size_t *room)
{
	if (*room <= BATCH_FIRST)
		return must_pages(LOG_PAGE + *room);
	size_t size = (LOG_PAGE + *room + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
	char *memory = must_aligned(LARGE_PAGE, size);
	madvise(memory, size, MADV_HUGEPAGE); /* or not: then they are small ones */
	*room = size - LOG_PAGE;
	return memory;
}

static void batch_grow(struct log_batch *batch, size_t room)
{
	char *memory = batch_memory(&room);
	size_t lead = batch->memory ? (size_t)(batch->at - batch->memory) : 0;
	if (batch->len)
		memcpy(memory + lead, batch->at, batch->len);
	free(batch->memory);
	batch->memory = memory;
	batch->at = memory + lead;
	batch->room = room;
}

char *batch_room(struct log_batch *batch, size_t span)
{
	size_t room = batch->room ? batch->room : BATCH_FIRST;
	while (room - batch->len < span)
		room *= 2;
	if (room != batch->room)
		batch_grow(batch, room);
	return batch->at + batch->len;
}

void batch_lay(struct log_batch *batch, size_t lead)
{
	char *at = batch->memory ? batch->memory + lead : NULL;
	if (at != batch->at && batch->len)
		memmove(at, batch->at, batch->len);
	batch->at = at;
}

uint64_t log_append(struct log *log, const struct log_record *record)
{
	struct log_batch *batch = log->gathering;
	size_t span = record_room(record);
	if (!batch->len)
		batch_lay(batch, log->lead);
	record_put(batch_room(batch, span), record, log->next_seq);
	batch->len += span;
	batch->last = log->next_seq;
	log->outstanding += span;
	return log->next_seq++;
}

bool log_gathered(const struct log *log)
{
	return log->gathering->len > 0;
}

struct log_batch *log_take(struct log *log)
{
	struct log_batch *batch = log->gathering;
	log->gathering = log->idle ? log->idle : must_alloc(sizeof(*batch));
	log->idle = log->gathering->next;
	log->gathering->next = NULL;
	return batch;
}

/* -------------------------------------------------------------------- writing */

static int skip_written(struct iovec **parts, int count, size_t wrote)
{
	while (count && wrote >= (*parts)->iov_len) {
		wrote -= (*parts)->iov_len;
		(*parts)++;
		count--;
	}
	if (count) {
		(*parts)->iov_base = (char *)(*parts)->iov_base + wrote;
		(*parts)->iov_len -= wrote;
	}
	return count;
}

bool write_all(int fd, struct iovec *parts, int count, uint64_t offset)
{
	while (count) {
		ssize_t wrote = pwritev(fd, parts, count, (off_t)offset);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return false;
		offset += (uint64_t)wrote;
		count = skip_written(&parts, count, (size_t)wrote);
	}
	return true;
}

/* How much of the batch from `from` on fits into `room` bytes: whole records. */
static size_t run_end(const struct log_batch *batch, size_t from, uint64_t room)
{
	size_t to = from;
	while (to < batch->len) {
		uint64_t span = record_span((const struct record_head *)(batch->at + to));
		if (to - from + span > room)
			break;
		to += span;
	}
	return to;
}

uint64_t run_seal(char *at, size_t len, uint64_t durable, uint64_t salt, uint64_t offset)
{
	uint64_t last = 0;
	for (size_t done = 0; done < len;) {
		struct record_head *head = (struct record_head *)(at + done);
		record_seal(at + done, durable, salt, offset + done);
		last = head->seq;
		done += record_span(head);
	}
	return last;
}

/* The writer's table of segments; the loop reads it too. */
void table_add(struct log *log, const struct segment *segment)
{
	pthread_mutex_lock(&log->lock);
	if (log->count == log->room) {
		log->room = log->room ? log->room * 2 : 64;
		log->segments = must_grow(log->segments, log->room * sizeof(*segment));
	}
	if (log->count && segment->first <= log->floor)
		log->may_go += (int64_t)log->segments[log->count - 1].file_size; /* the one before is whole now */
	log->segments[log->count++] = *segment;
	pthread_mutex_unlock(&log->lock);
}

/* With zeros behind it up to the page's end, which the next run writes over: of a page that is written as a whole
 * nothing has to be read first, as of a used segment's that is not in the cache any more.  The last part is theirs;
 * that they do not fit is no failure. */
static bool write_pages(struct log *log, struct iovec *parts, int count, uint64_t offset)
{
	static const char zeros[LOG_PAGE];
	uint64_t end = offset;
	for (int i = 0; i < count - 1; i++)
		end += parts[i].iov_len;
	uint64_t rest = (LOG_PAGE - end % LOG_PAGE) % LOG_PAGE, left = log->writing.size - end;
	parts[count - 1] = (struct iovec){ (char *)zeros, (size_t)(rest < left ? rest : left) };
	ssize_t wrote = pwritev(log->fd, parts, count, (off_t)offset);
	return (wrote >= 0 && (uint64_t)wrote >= end - offset) || write_all(log->fd, parts, count - 1, offset);
}

static bool run_write(struct log *log, char *at, size_t len, struct why *why)
{
	struct iovec run[2] = { { at, len } };
	if (!write_pages(log, run, 2, log->offset) || fdatasync(log->fd) < 0)
		return why_errno(why, "cannot write the log's segment %s", segment_name(log->writing.ordinal).text);
	return true;
}

/* The header that begins the segment and its first records are one write and one
 * fdatasync: without the header they are not there, and were not acknowledged. */
static bool run_begin(struct log *log, char *at, size_t len, struct why *why)
{
	struct segment_head head;
	struct iovec parts[4] = { { &head, sizeof(head) }, { &head, sizeof(head) }, { at, len } };
	segment_head_make(&head, &log->writing);
	if (!write_pages(log, parts, 4, 0) || fdatasync(log->fd) < 0)
		return why_errno(why, "cannot begin the log's segment %s", segment_name(log->writing.ordinal).text);
	table_add(log, &log->writing);
	return true;
}

/* What is gathered was let in, so it waits a while for room instead of failing. */
static bool next_ready(struct log *log, uint64_t need, struct why *why)
{
	log->waited_for = !log->starting;
	enum ready made = ready_make(log, need, true, why);
	for (int i = 0; made == READY_NO_ROOM && i < ROOM_TRIES; i++) {
		usleep(ROOM_PAUSE);
		made = ready_make(log, need, true, why);
	}
	log->waited_for = false;
	return made == READY;
}

static bool next_segment(struct log *log, const struct record_head *first, uint64_t need, struct why *why)
{
	struct segment was = log->writing, next;
	if (!next_ready(log, need, why))
		return false;
	int fd = ready_take(log, &next);
	next.first = first->seq;
	next.begun = first->received;
	next.prev = was.ordinal;
	next.prev_end = was.ordinal ? log->offset : 0;
	if (log->fd >= 0)
		close(log->fd);
	log->fd = fd;
	log->writing = next;
	log->offset = LOG_BEGIN;
	return true;
}

static bool write_run(struct log *log, struct log_batch *batch, size_t *from, struct why *why)
{
	char *at = batch->at + *from;
	const struct record_head *first = (const struct record_head *)at;
	uint64_t span = record_span(first);
	bool begin = log->fd < 0 || log->offset + span > log->writing.size;
	if (begin && !next_segment(log, first, span, why))
		return false;
	size_t len = run_end(batch, *from, log->writing.size - log->offset) - *from;
	uint64_t last = run_seal(at, len, log->synced, log->writing.salt, log->offset);
	if (!(begin ? run_begin : run_write)(log, at, len, why))
		return false;
	log->synced = last;
	log->offset += len;
	log->left = log->writing.size - log->offset;
	*from += len;
	return true;
}

bool write_again(struct log *log, char *at, size_t len, struct why *why)
{
	const struct record_head *first = (const struct record_head *)at;
	uint64_t durable = log->synced;
	struct iovec run = { at, len };
	if (!next_segment(log, first, len, why))
		return false;
	uint64_t last = run_seal(at, len, durable, log->writing.salt, LOG_BEGIN);
	if (!write_all(log->fd, &run, 1, LOG_BEGIN) || fdatasync(log->fd) < 0)
		return why_errno(why, "cannot copy records into the log's segment %s",
			segment_name(log->writing.ordinal).text);
	if (!run_begin(log, NULL, 0, why))
		return false;
	log->synced = last;
	log->offset = LOG_BEGIN + len;
	log->left = log->writing.size - log->offset;
	return true;
}

bool log_write(struct log *log, struct log_batch *batch, struct why *why)
{
	struct why unheard;
	if (!why)
		why = &unheard;
	if (!log_check_writing(log, why))
		return false;
	for (size_t from = 0; from < batch->len;)
		if (!write_run(log, batch, &from, why))
			return log_fail(log, why);
	ahead_follow(log);
	return true;
}

uint64_t log_done(struct log *log, struct log_batch **batch)
{
	struct log_batch *done = *batch;
	page_file_publish(log->page, log->page_fd, done->last);
	log->outstanding -= done->len;
	log->published = done->last;
	if (done->room > BATCH_KEPT) {
		free(done->memory);
		done->memory = done->at = NULL;
		done->room = 0;
	}
	done->len = 0;
	done->next = log->idle;
	log->idle = done;
	*batch = NULL;
	return log->published;
}
