/* SPDX-License-Identifier: Apache-2.0 */
/* log_read.c - the records after a seq, and what is said about those that are lost. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "store/log_reader.h"

#define CHUNK_FIRST ((size_t)64 * 1024) /* nothing was read yet */
#define CHUNK_MOST ((size_t)1024 * 1024)

/* What is asked for, and what is found so far. */
struct want {
	struct arena *arena;
	uint64_t from, end; /* the next seq; the durable end when log_read was called */
	uint64_t last;      /* that may lie in the open segment */
	size_t most, bytes; /* still wanted */
	size_t room;        /* of slice->records */
	struct log_slice *slice;
	struct why *why;
};

enum step { STEP_ON, STEP_TELL, STEP_BROKEN }; /* try again; the slice has something to say; why is said */

/* -------------------------------------------------------------- good records */

static void add_record(struct want *want, const char *at)
{
	struct log_slice *slice = want->slice;
	if (slice->count == want->room) {
		size_t room = want->room ? want->room * 2 : 32;
		struct log_record *records = arena_bytes(want->arena, room * sizeof(*records));
		if (slice->count)
			memcpy(records, slice->records, slice->count * sizeof(*records));
		slice->records = records;
		want->room = room;
	}
	record_get(at, &slice->records[slice->count++]);
}

/* A batch may end with zeros up to its page's end: how many bytes lie before the record that follows, at `done` in the
 * chunk.  0: none, or the record does not follow; then it is looked for as behind damage.  *span as below. */
static size_t filled(const struct log_reader *reader, const struct want *want, const char *chunk, size_t done,
	size_t len, uint64_t *span)
{
	const struct record_head *head = (const struct record_head *)(chunk + done);
	size_t rest = (size_t)((LOG_PAGE - reader->offset % LOG_PAGE) % LOG_PAGE);
	if (head->check || head->seq || !rest)
		return 0;
	*span = rest + sizeof(*head);
	if (done + *span > len)
		return 0;
	*span = 0;
	head = (const struct record_head *)(chunk + done + rest);
	return head->seq == want->from && record_head_good(head, reader->at.salt, reader->offset + rest) ? rest : 0;
}

/* Takes the records that lie whole in the chunk.  *span is the size of the one
 * that does not, 0 if there is no good one. */
static void take_records(struct log_reader *reader, struct want *want, const char *chunk, size_t len,
	uint64_t *span)
{
	size_t done = 0;
	*span = 0;
	while (want->most && want->bytes && want->from <= want->last) {
		const struct record_head *head = (const struct record_head *)(chunk + done);
		*span = sizeof(*head);
		if (done + sizeof(*head) > len)
			return;
		*span = 0;
		if (head->seq != want->from || !record_head_good(head, reader->at.salt, reader->offset)) {
			size_t fill = filled(reader, want, chunk, done, len, span);
			if (!fill)
				return;
			reader->offset += fill;
			done += fill;
			continue;
		}
		*span = record_span(head);
		if (done + *span > len)
			return;
		if (!record_text_good(chunk + done, reader->at.salt, reader->offset)) {
			*span = 0;
			return;
		}
		add_record(want, chunk + done);
		want->most--;
		want->bytes -= *span < want->bytes ? *span : want->bytes;
		want->from = ++reader->expected;
		reader->offset += *span;
		done += *span;
	}
	*span = 0;
}

static ssize_t read_at(int fd, char *at, size_t len, uint64_t offset)
{
	ssize_t got;
	do
		got = pread(fd, at, len, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got;
}

/* In so many bytes all that is wanted should lie, if its records are like those before. */
static size_t likely(const struct log_reader *reader, const struct want *want)
{
	uint64_t count = want->from <= want->last ? want->last - want->from + 1 : 0;
	if (count > want->most)
		count = want->most;
	if (count > CHUNK_MOST / reader->mean)
		return CHUNK_MOST;
	size_t size = (size_t)count * reader->mean;
	return size + size / 16 + LOG_PAGE;
}

static size_t chunk_size(const struct log_reader *reader, const struct want *want, size_t last,
	uint64_t span)
{
	uint64_t left = reader->at.size > reader->offset ? reader->at.size - reader->offset : 0;
	size_t size = reader->mean ? likely(reader, want) : last ? last * 4 : CHUNK_FIRST;
	if (size > CHUNK_MOST)
		size = CHUNK_MOST;
	if (size > want->bytes && want->bytes >= CHUNK_FIRST)
		size = want->bytes;
	if (size < span)
		size = span;
	return size < left ? size : (size_t)left;
}

/* Behind a segment's end there may be good records that were copied or never kept:
 * what the next one begins with counts. */
static uint64_t last_here(const struct log_reader *reader, const struct want *want)
{
	const struct segment *next = reader_next(reader, reader->at.ordinal);
	return next && next->first - 1 < want->end ? next->first - 1 : want->end;
}

static bool collect(struct log_reader *reader, struct want *want)
{
	uint64_t span = LOG_ALIGN, begun = reader->offset;
	want->last = last_here(reader, want);
	for (size_t size = 0; span;) {
		size = chunk_size(reader, want, size, span);
		if (size < span)
			return true; /* no such record can lie there */
		char *chunk = arena_bytes(want->arena, size);
		ssize_t got = read_at(reader->fd, chunk, size, reader->offset);
		if (got < 0)
			return why_errno(want->why, "%s/%s: cannot be read", reader->path,
				segment_name(reader->at.ordinal).text);
		if ((size_t)got < span)
			return true; /* cut off */
		take_records(reader, want, chunk, (size_t)got, &span);
		if (want->slice->count)
			reader->mean = (size_t)(reader->offset - begun) / want->slice->count;
	}
	return true;
}

/* ----------------------------------------------------------- the right segment */

static enum step tell_lost(struct log_reader *reader, struct want *want, uint64_t to, bool gone)
{
	uint64_t *from_at = gone ? &want->slice->gone_from : &want->slice->damaged_from;
	uint64_t *to_at = gone ? &want->slice->gone_to : &want->slice->damaged_to;
	*from_at = want->from;
	*to_at = to;
	want->from = to + 1;
	reader->expected = want->from;
	return STEP_TELL;
}

static void leave(struct log_reader *reader)
{
	if (reader->fd >= 0)
		close(reader->fd);
	reader->fd = -1;
}

/* The last segment that begins at or before the seq; -1: all begin later. */
static ssize_t find(const struct log_reader *reader, uint64_t seq)
{
	ssize_t found = -1;
	for (size_t i = 0; i < reader->count && reader->segments[i].first <= seq; i++)
		found = (ssize_t)i;
	return found;
}

static enum step enter(struct log_reader *reader, struct want *want, const struct segment *segment)
{
	leave(reader);
	reader->fd = segment_open(reader->dir, segment->ordinal, &reader->at);
	if (reader->fd < 0 && errno && errno != ENOENT) {
		why_errno(want->why, "%s/%s: cannot be opened", reader->path, segment_name(segment->ordinal).text);
		return STEP_BROKEN;
	}
	reader->offset = LOG_BEGIN;
	reader->expected = reader->at.first;
	if (reader->fd < 0)
		reader->count = 0; /* it went away or bad meanwhile: the list is read anew */
	return STEP_ON;
}

static enum step seek(struct log_reader *reader, struct want *want)
{
	if (!reader_list(reader, want->why))
		return STEP_BROKEN;
	ssize_t found = find(reader, want->from);
	if (found >= 0)
		return enter(reader, want, &reader->segments[found]);
	leave(reader);
	bool before = reader->count && reader->segments[0].first - 1 < want->end;
	return tell_lost(reader, want, before ? reader->segments[0].first - 1 : want->end, true);
}

/* ---------------------------------------------------------------- bad bytes */

/* Where the open segment ends, as far as that is known. */
struct bounds {
	const struct segment *next;
	uint64_t stop, last; /* offset; seq */
	bool gone; /* retention took this segment, and perhaps those up to `next` */
};

static struct bounds bounds_of(const struct log_reader *reader, const struct want *want)
{
	struct bounds bounds = { .next = reader_next(reader, reader->at.ordinal), .stop = reader->at.size,
		.last = want->end };
	if (!bounds.next)
		return bounds;
	if (bounds.next->prev == reader->at.ordinal && bounds.next->prev_end < bounds.stop)
		bounds.stop = bounds.next->prev_end; /* behind its own size nothing is read: it must not be found there */
	if (segment_before(bounds.next) < bounds.last)
		bounds.last = segment_before(bounds.next);
	bounds.gone = bounds.next == reader->segments && bounds.next->prev != reader->at.ordinal;
	return bounds;
}

/* Nothing good is where the record should be: the next good one of this segment
 * is looked for, and what lies between is lost. */
static enum step search(struct log_reader *reader, struct want *want, const struct bounds *bounds)
{
	struct scan scan;
	struct scan_hit hit;
	scan_open(&scan, reader->fd, reader->at.salt, reader->offset, bounds->stop);
	enum scan_found found = scan_next(&scan, want->from, bounds->last, &hit);
	uint64_t seq = found == SCAN_RECORD ? hit.head->seq : 0, offset = found == SCAN_RECORD ? hit.offset : 0;
	scan_close(&scan);
	if (found == SCAN_ERROR) {
		why_errno(want->why, "%s/%s: cannot be read", reader->path, segment_name(reader->at.ordinal).text);
		return STEP_BROKEN;
	}
	if (found == SCAN_NOTHING)
		return tell_lost(reader, want, bounds->last, bounds->gone);
	reader->offset = offset;
	if (seq > want->from)
		return tell_lost(reader, want, seq - 1, false);
	reader->expected = seq;
	return STEP_ON;
}

/* Behind the last seq of this segment: in the next one, or it was never given. */
static enum step go_on(struct log_reader *reader, struct want *want, const struct segment *next)
{
	uint64_t before = next->first - 1;
	if (want->from > before)
		return enter(reader, want, next);
	return tell_lost(reader, want, before < want->end ? before : want->end, true);
}

/* The one that follows without a hole, when it is known already.  Of a large log a new list is dear, and should it have
 * gone, entering it says so. */
static const struct segment *at_hand(const struct log_reader *reader, const struct want *want)
{
	const struct segment *next = reader_next(reader, reader->at.ordinal);
	return next && next->prev == reader->at.ordinal && want->from == next->first ? next : NULL;
}

static enum step go_past(struct log_reader *reader, struct want *want)
{
	const struct segment *next = at_hand(reader, want);
	if (next)
		return enter(reader, want, next);
	if (!reader_list(reader, want->why))
		return STEP_BROKEN;
	struct bounds bounds = bounds_of(reader, want);
	if (want->from > bounds.last && bounds.next)
		return go_on(reader, want, bounds.next);
	return search(reader, want, &bounds);
}

/* A start of the writer may have moved the open segment aside, and given the seqs behind its end again.  Looked at
 * after the end: what was published by a start comes behind its count. */
static void heed_starts(struct log_reader *reader)
{
	uint64_t starts = reader->page ? atomic_load(&reader->page->starts) : 0;
	if (starts == reader->starts)
		return;
	leave(reader);
	reader->count = 0;
	reader->starts = starts;
}

/* One try: the right segment, then its records, then what stands in their way. */
static enum step try_read(struct log_reader *reader, struct want *want)
{
	if (reader->fd < 0 || want->from < reader->expected
		|| (want->from > reader->expected && find(reader, want->from) != find(reader, reader->expected)))
		return seek(reader, want);
	if (want->from == reader->expected) {
		if (!collect(reader, want))
			return want->slice->count ? STEP_TELL : STEP_BROKEN;
		if (want->slice->count)
			return STEP_TELL;
	}
	return go_past(reader, want);
}

enum log_read log_read(struct log_reader *reader, struct arena *arena, uint64_t from, size_t most,
	size_t bytes, struct log_slice *slice, struct why *why)
{
	struct want want = { arena, .from = from ? from : 1, .most = most, .bytes = bytes, .slice = slice, .why = why };
	*slice = (struct log_slice){ .next = want.from };
	want.end = log_reader_end(reader);
	if (want.from > want.end) {
		reader_page(reader);
		want.end = log_reader_end(reader);
	}
	if (want.from > want.end || !most || !bytes)
		return LOG_AT_END;
	heed_starts(reader);
	enum step step = STEP_ON;
	while (step == STEP_ON)
		step = try_read(reader, &want);
	slice->next = want.from;
	return step == STEP_TELL ? LOG_READ : LOG_BROKEN;
}
