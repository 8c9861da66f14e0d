/* SPDX-License-Identifier: Apache-2.0 */
/* log_bed.h - what the tests of the log share: a folder, a writer, records that say who they are.
 *
 * The body of a record follows from its seq, so whatever is read can be checked
 * without remembering what was written.
 */
#ifndef TESTS_LOG_BED_H
#define TESTS_LOG_BED_H

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/log_inside.h"

#define SEGMENT 65536

static char folder[64], dir[80];
static struct log_options options;
static struct log *writer;

static int bed_make(void **unused)
{
	strcpy(folder, "/tmp/log-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(dir, sizeof(dir), "%s/log", folder);
	options = (struct log_options){ .size = (int64_t)1 << 30, .keep = 1000000, .segment = SEGMENT };
	return 0;
}

static int bed_remove(void **unused)
{
	char command[128];
	log_close(&writer);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_make, bed_remove)

static inline void open_writer(void)
{
	struct why why = { "" };
	writer = log_open(dir, &options, 0, &why);
	if (!writer)
		fail_msg("%s", why.text);
}

/* ------------------------------------------------------------------ records */

static inline size_t body_size(uint64_t seq)
{
	return seq % 7 == 0 ? 0 : (size_t)(seq * 2654435761u % 1500);
}

static inline void body_fill(uint64_t seq, char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (char)(seq * 31 + i * 7);
}

static inline struct sl_text text(const char *string)
{
	return (struct sl_text){ string, strlen(string) };
}

static inline uint64_t add_one(uint64_t seq)
{
	static char body[1500];
	struct log_record record = { .received = (int64_t)(seq * 1000), .flags = LOG_SECOND,
		.source = text("boards"), .method = text("POST"), .path = text("/in/boards"),
		.query = text("a=b"), .headers = text("x: y\n"), .body = { body, body_size(seq) } };
	body_fill(seq, body, record.body.len);
	return log_append(writer, &record);
}

static inline uint64_t end_now(void)
{
	struct log_stat stat;
	log_stat(writer, &stat);
	return stat.end;
}

/* So many records as one batch. */
static inline void add(unsigned count)
{
	struct why why = { "" };
	uint64_t seq = end_now();
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(add_one(seq + i + 1), seq + i + 1);
	struct log_batch *batch = log_take(writer);
	if (!log_write(writer, batch, &why))
		fail_msg("%s", why.text);
	assert_int_equal(log_done(writer, &batch), seq + count);
	assert_null(batch);
}

static inline void add_many(unsigned batches, unsigned each)
{
	for (unsigned i = 0; i < batches; i++)
		add(each);
}

/* The same in a process that ends without closing the log. */
static inline void in_child(void (*work)(void))
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		open_writer();
		work();
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* What such a process does. */
static inline void nothing(void)
{
}

static inline void write_but_not_publish(void)
{
	struct why why;
	uint64_t seq = end_now();
	for (int i = 1; i <= 5; i++)
		add_one(seq + i);
	log_write(writer, log_take(writer), &why);
}

static inline void add_five(void)
{
	add(5);
}

static inline void add_and_write(void)
{
	add(5);
	write_but_not_publish();
}

/* -------------------------------------------------------------------- keeping */

static inline struct log_stat stat_now(void)
{
	struct log_stat stat;
	log_stat(writer, &stat);
	return stat;
}

static inline void let_go(uint64_t floor)
{
	struct why why = { "" };
	if (!log_retire(writer, floor, &why))
		fail_msg("%s", why.text);
}

/* ------------------------------------------------------------------ reading */

struct tally {
	uint64_t records, damaged, gone, next;
	uint64_t damaged_from, damaged_to; /* the first such range */
	enum log_read last;
};

static inline void check_record(const struct log_record *record)
{
	static char body[1500];
	assert_int_equal(record->received, (int64_t)(record->seq * 1000));
	assert_int_equal(record->flags, LOG_SECOND);
	assert_string_equal(record->source.at, "boards");
	assert_string_equal(record->headers.at, "x: y\n");
	assert_int_equal(record->body.len, body_size(record->seq));
	body_fill(record->seq, body, record->body.len);
	assert_memory_equal(record->body.at, body, record->body.len);
}

/* Every seq comes once: as a record, as damaged or as gone. */
static inline void tally_slice(struct tally *tally, const struct log_slice *slice)
{
	uint64_t next = tally->next;
	for (size_t i = 0; i < slice->count; i++) {
		assert_int_equal(slice->records[i].seq, next++);
		check_record(&slice->records[i]);
	}
	tally->records += slice->count;
	if (slice->damaged_from) {
		assert_int_equal(slice->count, 0);
		assert_int_equal(slice->damaged_from, next);
		tally->damaged += slice->damaged_to - slice->damaged_from + 1;
		if (!tally->damaged_from) {
			tally->damaged_from = slice->damaged_from;
			tally->damaged_to = slice->damaged_to;
		}
		next = slice->damaged_to + 1;
	}
	if (slice->gone_from) {
		assert_int_equal(slice->count, 0);
		assert_int_equal(slice->gone_from, next);
		tally->gone += slice->gone_to - slice->gone_from + 1;
		next = slice->gone_to + 1;
	}
	assert_true(next > tally->next);
	assert_int_equal(slice->next, next);
	tally->next = next;
}

static inline struct tally read_with(struct log_reader *reader, uint64_t from)
{
	struct tally tally = { .next = from };
	struct arena *arena = arena_new();
	struct log_slice slice;
	struct why why = { "" };
	while ((tally.last = log_read(reader, arena, tally.next, 50, 20000, &slice, &why)) == LOG_READ) {
		tally_slice(&tally, &slice);
		arena_reset(arena);
	}
	if (tally.last == LOG_BROKEN)
		fail_msg("%s", why.text);
	arena_free(&arena);
	return tally;
}

static inline struct log_reader *open_reader(void)
{
	struct why why = { "" };
	struct log_reader *reader = log_reader_open(dir, &why);
	if (!reader)
		fail_msg("%s", why.text);
	return reader;
}

static inline struct tally read_all(void)
{
	struct log_reader *reader = open_reader();
	struct tally tally = read_with(reader, 1);
	log_reader_close(&reader);
	return tally;
}

/* --------------------------------------------------------------------- files */

static inline void path_of(char path[128], const char *name)
{
	snprintf(path, 128, "%s/%s", dir, name);
}

static inline void overwrite(const char *name, uint64_t offset, const void *at, size_t len)
{
	char path[128];
	path_of(path, name);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, at, len, (off_t)offset), len);
	close(fd);
}

static inline void flip(const char *name, uint64_t offset)
{
	char path[128], byte;
	path_of(path, name);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
	close(fd);
}

static inline void zero(const char *name, uint64_t offset, size_t len)
{
	char *zeros = calloc(1, len);
	overwrite(name, offset, zeros, len);
	free(zeros);
}

static inline int exists(const char *name)
{
	char path[128];
	path_of(path, name);
	return access(path, F_OK) == 0;
}

static inline void delete(const char *name)
{
	char path[128];
	path_of(path, name);
	assert_int_equal(unlink(path), 0);
}

static inline int files_in(const char *name)
{
	char path[128];
	path_of(path, name);
	DIR *list = opendir(path);
	int count = 0;
	if (!list)
		return 0;
	for (struct dirent *entry; (entry = readdir(list));)
		count += entry->d_name[0] != '.';
	closedir(list);
	return count;
}

/* Where a record lies: the segment's file and the offset in it. */
static inline uint64_t place_of(uint64_t seq, char name[32], uint64_t *span)
{
	struct segment segment;
	struct scan scan;
	struct scan_hit hit;
	uint64_t *ordinals, offset = 0;
	size_t count;
	struct why why;
	int at = open(dir, O_RDONLY | O_DIRECTORY);
	assert_true(segment_list(at, &ordinals, &count, &why));
	for (size_t i = 0; i < count && !offset; i++) {
		int fd = segment_open(at, ordinals[i], &segment);
		scan_open(&scan, fd, segment.salt, LOG_BEGIN, segment.size);
		if (segment.first && scan_next(&scan, seq, seq, &hit) == SCAN_RECORD) {
			offset = hit.offset;
			strcpy(name, segment_name(ordinals[i]).text);
			if (span)
				*span = hit.span;
		}
		scan_close(&scan);
		close(fd);
	}
	free(ordinals);
	close(at);
	assert_true(offset);
	return offset;
}

/* ---------------------------------------------------------------------- fsck */

struct faults {
	unsigned count;
	uint64_t from, to; /* of the first that names seqs */
	char what[128];
};

static inline void note_fault(const struct log_fault *fault, void *data)
{
	struct faults *faults = data;
	if (!faults->count++)
		snprintf(faults->what, sizeof(faults->what), "%s", fault->what);
	if (!faults->from) {
		faults->from = fault->seq_from;
		faults->to = fault->seq_to;
	}
}

static inline struct faults run_fsck(struct log_stat *stat)
{
	struct faults faults = { 0 };
	struct why why = { "" };
	if (!log_fsck(dir, note_fault, &faults, stat, &why))
		fail_msg("%s", why.text);
	return faults;
}

#endif
