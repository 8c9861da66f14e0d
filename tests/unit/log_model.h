/* SPDX-License-Identifier: Apache-2.0 */
/* log_model.h - what a log has to hold, kept in memory: for log_model_test.c.
 *
 * Of every seq it is known what was written, and whether its bytes or the header
 * of its segment were destroyed since.  Where records lie is looked up in the
 * files before they are harmed; what a harmed one was is kept, so that it is known
 * byte for byte whether it still is harmed when more has happened to its file.
 */
#ifndef TESTS_LOG_MODEL_H
#define TESTS_LOG_MODEL_H

#include "log_bed.h"

enum state {
	FINE, /* has to be read */
	HURT, /* its bytes are not what was written: must never be read */
	LOST, /* its segment's header is not, it was copied once, or it came back: may be read, only as it was written */
};

struct fact {
	uint32_t life; /* which of the lives wrote it: a seq that was never published is used again */
	uint32_t len;
	enum state state;
	bool copied; /* by a start, from behind the durable end: the old one is still there */
};

/* A record that was harmed, as it was before. */
struct scar {
	uint64_t seq, salt, offset, span; /* salt: of its segment, which no other has */
	char *bytes;
	bool behind; /* a start found it so, and lets the segment end before it */
};

static struct {
	struct fact *facts; /* by seq */
	size_t room;
	struct scar *scars;
	size_t scar_count;
	uint64_t begin; /* the oldest not retired */
	uint64_t acked, written, appended;
	uint64_t opened;                /* the end when it was opened */
	uint64_t mark_least, mark_most; /* what the page vouches for */
	uint32_t life;
	bool rolled; /* the last start lost what only the page knew */
} model = { .begin = 1 };

static inline void model_end(void)
{
	while (model.scar_count)
		free(model.scars[--model.scar_count].bytes);
	free(model.scars);
	free(model.facts);
	memset(&model, 0, sizeof(model));
	model.begin = 1;
}

/* ------------------------------------------------------------------- records */

static inline const char *model_body(uint64_t seq, const struct fact *fact)
{
	static char body[3 * SEGMENT + 1], plain[3 * SEGMENT + 1];
	char first = (char)(seq * 31 + fact->life * 17);
	for (size_t i = 0; !plain[1] && i < sizeof(plain); i++)
		plain[i] = (char)(i * 7 + i / 200);
	for (size_t i = 0; i < fact->len; i++)
		body[i] = (char)(first + plain[i]);
	return body;
}

static inline void model_append(struct log_record *record, size_t len)
{
	uint64_t seq = ++model.appended;
	if (seq >= model.room) {
		model.room = model.room ? model.room * 2 : 1024;
		model.facts = realloc(model.facts, model.room * sizeof(*model.facts));
	}
	model.facts[seq] = (struct fact){ model.life, (uint32_t)len, FINE, false };
	*record = (struct log_record){
		.seq = seq, .received = model.life, .flags = (uint32_t)(seq & 7),
		.source = text("boards"), .method = text("POST"), .path = text("/in/boards"), .query = text("a=b"),
		.headers = text("x: y\n"), .body = { model_body(seq, &model.facts[seq]), len },
	};
}

static inline void check_same(const struct log_record *record)
{
	const struct fact *fact = &model.facts[record->seq];
	if (record->seq < model.begin && record->received != fact->life)
		return; /* a reader may still hold a segment that was let go, and what was never kept behind its end */
	if (fact->state == HURT)
		fail_msg("seq %" PRIu64 " is read, and its bytes were changed", record->seq);
	if (record->received != fact->life || record->body.len != fact->len)
		fail_msg("seq %" PRIu64 ": read is life %d with %zu bytes, written was life %u with %u; state %d", record->seq,
			(int)record->received, record->body.len, fact->life, fact->len, (int)fact->state);
	assert_int_equal(record->flags, record->seq & 7);
	assert_string_equal(record->source.at, "boards");
	assert_string_equal(record->headers.at, "x: y\n");
	if (memcmp(record->body.at, model_body(record->seq, fact), fact->len) != 0)
		fail_msg("seq %" PRIu64 " is read with another body than was written", record->seq);
}

static inline void check_lost(uint64_t from, uint64_t to, const char *what)
{
	assert_true(to <= model.acked);
	for (uint64_t seq = from; seq <= to; seq++)
		if (model.facts[seq].state == FINE && seq >= model.begin)
			fail_msg("seq %" PRIu64 " is whole and is called %s (%" PRIu64 " to %" PRIu64 ")", seq, what, from, to);
}

static inline void model_slice(uint64_t from, const struct log_slice *slice)
{
	uint64_t next = from;
	for (size_t i = 0; i < slice->count; i++) {
		assert_int_equal(slice->records[i].seq, next++);
		assert_true(next <= model.acked + 1);
		check_same(&slice->records[i]);
	}
	if (slice->damaged_from || slice->gone_from) {
		uint64_t first = slice->gone_from ? slice->gone_from : slice->damaged_from;
		assert_int_equal(slice->count, 0);
		assert_int_equal(first, next);
		next = (slice->gone_from ? slice->gone_to : slice->damaged_to) + 1;
		check_lost(first, next - 1, slice->gone_from ? "gone" : "damaged");
	}
	assert_true(next > from);
	assert_int_equal(slice->next, next);
}

/* How many seqs are said to be lost. */
static inline void model_damaged(uint64_t said)
{
	uint64_t hurt = 0, lost = 0;
	for (uint64_t seq = model.begin; seq <= model.acked; seq++) {
		hurt += model.facts[seq].state == HURT;
		lost += model.facts[seq].state == LOST;
	}
	if (said < hurt || said > hurt + lost)
		fail_msg("%" PRIu64 " are called damaged; %" PRIu64 " are, and %" PRIu64 " may be", said, hurt, lost);
}

static inline void model_retired(const struct log *log, uint64_t floor)
{
	struct log_stat stat;
	log_stat(log, &stat);
	if (stat.begin <= model.begin)
		return;
	assert_true(stat.begin <= floor);
	model.begin = stat.begin;
}

/* --------------------------------------------------------------------- layout */

struct lying {
	uint64_t seq, offset, span, durable;
};

/* A segment file with a header that is good. */
struct place {
	struct segment_name name;
	uint64_t ordinal, first, last, size; /* last: seq; size: of the file */
	uint64_t salt, stop;                 /* where its records end, as far as that is known */
	uint64_t used;                       /* offset behind the last one that is good */
	struct lying *lying;
	size_t count;
	char *bytes; /* of the whole file, once it was read */
};

struct layout {
	int dir;
	struct place *places;
	size_t count;
};

/* Where its records lie, and all its bytes. */
static inline void place_read(const struct layout *layout, struct place *place)
{
	struct scan scan;
	struct scan_hit hit;
	int fd = openat(layout->dir, place->name.text, O_RDONLY);
	scan_open(&scan, fd, place->salt, LOG_BEGIN, place->first ? place->stop : LOG_BEGIN);
	while (scan_next(&scan, place->first, place->last, &hit) == SCAN_RECORD) {
		place->lying = realloc(place->lying, (place->count + 1) * sizeof(*place->lying));
		place->lying[place->count++] = (struct lying){ hit.head->seq, hit.offset, hit.span, hit.head->durable };
		place->used = hit.offset + hit.span;
	}
	scan_close(&scan);
	place->bytes = malloc(place->size + 1);
	assert_int_equal(pread(fd, place->bytes, place->size, 0), place->size);
	close(fd);
}

/* From the last to the first, because a header says where the one before ends. */
static inline void layout_read(struct layout *layout, const char *path)
{
	struct why why;
	struct segment segment, next = { 0 };
	uint64_t *ordinals;
	size_t count;
	layout->dir = open(path, O_RDONLY | O_DIRECTORY);
	layout->count = 0;
	layout->places = NULL;
	if (layout->dir < 0 || !segment_list(layout->dir, &ordinals, &count, &why))
		return;
	layout->places = calloc(count + 1, sizeof(*layout->places));
	while (count--) {
		struct place *place = &layout->places[layout->count];
		int fd = openat(layout->dir, segment_name(ordinals[count]).text, O_RDONLY);
		if (segment_read(fd, ordinals[count], &segment)) {
			*place = (struct place){
				.name = segment_name(ordinals[count]),
				.ordinal = ordinals[count],
				.first = segment.first,
				.last = next.first ? next.first - 1 : model.written,
				.size = segment.file_size,
				.used = LOG_BEGIN,
				.salt = segment.salt,
				.stop = next.prev == ordinals[count] ? next.prev_end : segment.size,
			};
			layout->count++;
			if (segment.first)
				next = segment;
		}
		close(fd);
	}
	free(ordinals);
}

static inline void layout_free(struct layout *layout)
{
	for (size_t i = 0; i < layout->count; i++) {
		free(layout->places[i].lying);
		free(layout->places[i].bytes);
	}
	free(layout->places);
	if (layout->dir >= 0)
		close(layout->dir);
}

/* --------------------------------------------------------------------- damage */

static inline bool still_there(int fd, const char *bytes, uint64_t offset, uint64_t span)
{
	char *now = malloc(span);
	bool same = pread(fd, now, span, (off_t)offset) == (ssize_t)span && memcmp(now, bytes, span) == 0;
	free(now);
	return same;
}

static inline bool has_scar(uint64_t salt, uint64_t seq)
{
	for (size_t i = 0; i < model.scar_count; i++)
		if (model.scars[i].salt == salt && model.scars[i].seq == seq)
			return true;
	return false;
}

static inline void scar_add(const struct place *place, const struct lying *lying)
{
	struct scar scar = { lying->seq, place->salt, lying->offset, lying->span, malloc(lying->span), false };
	memcpy(scar.bytes, place->bytes + lying->offset, lying->span);
	model.scars = realloc(model.scars, (model.scar_count + 1) * sizeof(*model.scars));
	model.scars[model.scar_count++] = scar;
}

static inline void scar_drop(size_t i)
{
	free(model.scars[i].bytes);
	model.scars[i] = model.scars[--model.scar_count];
}

/* What happens to a file may also make a record whole: a bit flipped twice, zeros where a zero had been changed. */
static inline void model_scars(uint64_t salt, int fd)
{
	for (size_t i = model.scar_count; i--;) {
		const struct scar *scar = &model.scars[i];
		struct fact *fact = &model.facts[scar->seq];
		if (scar->salt != salt)
			continue;
		bool whole = still_there(fd, scar->bytes, scar->offset, scar->span);
		fact->state = whole && !scar->behind ? FINE : whole || fact->copied ? LOST : HURT;
		if (whole)
			scar_drop(i);
	}
}

/* Something happened to the file since place_read. */
static inline void model_wound(const struct place *place, int fd)
{
	struct segment segment;
	bool headless = !segment_read(fd, place->ordinal, &segment);
	for (size_t i = 0; i < place->count; i++) {
		const struct lying *lying = &place->lying[i];
		const char *bytes = place->bytes + lying->offset;
		if (!has_scar(place->salt, lying->seq) && !still_there(fd, bytes, lying->offset, lying->span))
			scar_add(place, lying);
	}
	model_scars(place->salt, fd);
	for (uint64_t seq = place->first; headless && place->first && seq <= place->last; seq++)
		model.facts[seq].state = LOST;
}

/* ------------------------------------------------------------- end and start */

static inline void model_closed(void)
{
	model.appended = model.written;
	model.life++;
	model.mark_least = model.mark_most = model.acked;
}

/* What is vouched for as durable by the page, the last header or any record of that segment. */
static inline uint64_t model_vouched(const struct place *last, uint64_t mark)
{
	uint64_t end = mark;
	if (last && last->first - 1 > end)
		end = last->first - 1;
	for (size_t i = 0; last && i < last->count; i++)
		if (last->lying[i].durable > end)
			end = last->lying[i].durable;
	return end;
}

/* And whatever follows it without a hole. */
static inline uint64_t model_reaches(uint64_t end)
{
	while (end < model.written && model.facts[end + 1].state == FINE)
		end++;
	return end;
}

/* The durable end a start has to find. */
struct expected {
	uint64_t vouched, least, most;
};

static inline struct expected model_expect(const char *path)
{
	struct layout layout;
	struct place *last = NULL;
	layout_read(&layout, path);
	for (size_t i = 0; i < layout.count && !last; i++)
		if (layout.places[i].first)
			last = &layout.places[i];
	if (last)
		place_read(&layout, last);
	struct expected expected = { .vouched = model_vouched(last, model.mark_least) };
	expected.least = last ? model_reaches(expected.vouched) : expected.vouched; /* without a segment nothing follows */
	expected.most = last ? model_reaches(model_vouched(last, model.mark_most)) : model_vouched(last, model.mark_most);
	layout_free(&layout);
	return expected;
}

/* The offset where the records of a segment end, as a start of the log knows it. */
static inline uint64_t end_of_segment(const struct log *log, uint64_t salt)
{
	for (size_t i = 0; i < log->count; i++) {
		const struct segment *segment = &log->segments[i];
		if (segment->salt == salt && i + 1 == log->count)
			return log->offset;
		if (segment->salt == salt && segment[1].prev == segment->ordinal)
			return segment[1].prev_end;
	}
	return UINT64_MAX;
}

/* What was not kept is nothing any more: its seq is given again. */
static inline void scars_started(const struct log *log, uint64_t end)
{
	for (size_t i = model.scar_count; i--;) {
		struct scar *scar = &model.scars[i];
		scar->behind |= scar->offset >= end_of_segment(log, scar->salt);
		if (scar->seq > end || scar->seq < model.begin)
			scar_drop(i);
	}
}

static inline void model_started(const struct log *log, const struct expected *expected)
{
	struct log_stat stat;
	log_stat(log, &stat);
	if (stat.end < expected->least || stat.end > expected->most)
		fail_msg("the log ends at %" PRIu64 ", not between %" PRIu64 " and %" PRIu64, stat.end, expected->least,
			expected->most);
	model.rolled = stat.end < model.acked;
	model.acked = model.written = model.appended = model.opened = stat.end;
	for (uint64_t seq = expected->vouched + 1; seq <= stat.end; seq++)
		model.facts[seq].copied = true;
	scars_started(log, stat.end);
	for (uint64_t seq = model.begin; seq < stat.begin && seq <= stat.end; seq++)
		if (model.facts[seq].state != LOST)
			fail_msg("seq %" PRIu64 " is gone, and nobody let it go", seq);
	if (stat.begin > model.begin || model.begin > stat.end + 1)
		model.begin = stat.begin;
}

#endif
