/* SPDX-License-Identifier: Apache-2.0 */
/* log_table.c - DATA/log/table: what the headers of segments say, so that a large log's need not all be read again.
 *
 * Only segments that get no record any more stand in it.  An entry is believed while the
 * file is the one it was made of (inode, size, time of its last change); else, and
 * without a good table, the header is read.  So it may be missing, torn or old, and
 * is not synced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/why.h"
#include "store/log_inside.h"
#include "store/log_table.h"

#define TABLE "table"
#define UNFINISHED "table.tmp"
#define MAGIC "sluice\1T"
#define TABLE_MOST ((off_t)64 << 20) /* bytes: 760 000 segments.  A longer file is not ours */

struct table_head {
	uint64_t check; /* XXH3-64 of all that follows */
	char magic[8];
	char id[40];    /* the log's */
	uint64_t count;
};

struct table_entry {
	uint64_t ordinal, salt, size, first, prev, prev_end;
	int64_t begun;
	uint64_t gap, inode, file_size;
	int64_t changed; /* ns since 1970 */
};

static int64_t changed(const struct stat *file)
{
	return (int64_t)file->st_ctim.tv_sec * 1000000000 + file->st_ctim.tv_nsec;
}

/* -------------------------------------------------------------------------- reading */

static bool good(const struct table_head *head, size_t size)
{
	const size_t skip = sizeof(head->check);
	return size >= sizeof(*head) && memcmp(head->magic, MAGIC, sizeof(head->magic)) == 0 && !head->id[LOG_ID_SIZE - 1]
		&& (size - sizeof(*head)) / sizeof(struct table_entry) == head->count
		&& head->check == XXH3_64bits((const char *)head + skip, size - skip);
}

static size_t read_whole(int dir, char **at)
{
	struct stat file;
	size_t len = 0;
	ssize_t got = 1;
	int fd = openat(dir, TABLE, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	*at = NULL;
	if (fd >= 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0 && file.st_size <= TABLE_MOST)
		*at = malloc((size_t)file.st_size);
	while (*at && len < (size_t)file.st_size && got > 0) {
		got = pread(fd, *at + len, (size_t)file.st_size - len, (off_t)len);
		len += got > 0 ? (size_t)got : 0;
	}
	if (fd >= 0)
		close(fd);
	return len;
}

void log_table_read(int dir, struct log_table *table)
{
	char *at;
	size_t size = read_whole(dir, &at);
	*table = (struct log_table){ .head = (struct table_head *)at };
	if (!at || !good(table->head, size))
		log_table_free(table);
}

void log_table_free(struct log_table *table)
{
	free(table->head);
	table->head = NULL;
}

static int by_ordinal(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = ((const struct table_entry *)b)->ordinal;
	return left < right ? -1 : left > right;
}

static const struct table_entry *entry_of(const struct log_table *table, uint64_t ordinal)
{
	if (!table->head)
		return NULL;
	return bsearch(&ordinal, table->head + 1, table->head->count, sizeof(struct table_entry), by_ordinal);
}

bool log_table_has(const struct log_table *table, uint64_t ordinal)
{
	return entry_of(table, ordinal) != NULL;
}

/* As a header has to be, too. */
static bool plausible(const struct table_entry *entry)
{
	return entry->first && entry->first <= LOG_SEQ_MOST && entry->gap <= entry->first;
}

bool log_table_find(const struct log_table *table, int dir, uint64_t ordinal, struct segment *segment)
{
	struct stat file;
	const struct table_entry *entry = entry_of(table, ordinal);
	if (!entry || !plausible(entry) || fstatat(dir, segment_name(ordinal).text, &file, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (file.st_ino != entry->inode || (uint64_t)file.st_size != entry->file_size || changed(&file) != entry->changed)
		return false;
	*segment = (struct segment){
		.ordinal = ordinal, .salt = entry->salt, .size = entry->size,
		.first = entry->first, .prev = entry->prev, .prev_end = entry->prev_end,
		.begun = entry->begun, .gap = entry->gap,
		.inode = entry->inode, .file_size = entry->file_size,
	};
	memcpy(segment->id, table->head->id, sizeof(segment->id));
	return true;
}

/* -------------------------------------------------------------------------- writing */

/* False: its file is not the one that the log knows; whoever reads it next looks at it. */
static bool put_entry(int dir, const struct segment *segment, struct table_entry *entry)
{
	struct stat file;
	if (segment->bad_copies || fstatat(dir, segment_name(segment->ordinal).text, &file, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	*entry = (struct table_entry){
		.ordinal = segment->ordinal, .salt = segment->salt, .size = segment->size,
		.first = segment->first, .prev = segment->prev, .prev_end = segment->prev_end,
		.begun = segment->begun, .gap = segment->gap,
		.inode = segment->inode, .file_size = segment->file_size, .changed = changed(&file),
	};
	return file.st_ino == segment->inode && (uint64_t)file.st_size == segment->file_size;
}

static bool put_file(int dir, const struct table_head *head, size_t size)
{
	struct iovec whole = { (char *)head, size };
	int fd = openat(dir, UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool done = fd >= 0 && write_all(fd, &whole, 1, 0) && renameat(dir, UNFINISHED, dir, TABLE) == 0;
	if (fd >= 0)
		close(fd);
	if (!done)
		unlinkat(dir, UNFINISHED, 0);
	return done;
}

/* The last one begun may still be written to. */
static struct segment *sealed(struct log *log, size_t *count)
{
	pthread_mutex_lock(&log->lock);
	*count = log->count ? log->count - 1 : 0;
	struct segment *segments = must_alloc((*count + 1) * sizeof(*segments));
	if (*count)
		memcpy(segments, log->segments, *count * sizeof(*segments));
	pthread_mutex_unlock(&log->lock);
	return segments;
}

void log_table_write(struct log *log)
{
	size_t count, kept = 0;
	struct segment *segments = sealed(log, &count);
	struct table_head *head = must_alloc(sizeof(*head) + count * sizeof(struct table_entry));
	struct table_entry *entries = (struct table_entry *)(head + 1);
	for (size_t i = 0; i < count; i++)
		kept += put_entry(log->dir, &segments[i], &entries[kept]);
	memcpy(head->magic, MAGIC, sizeof(head->magic));
	memcpy(head->id, log->id, sizeof(log->id));
	head->count = kept;
	size_t size = sizeof(*head) + kept * sizeof(*entries);
	head->check = XXH3_64bits((const char *)head + sizeof(head->check), size - sizeof(head->check));
	if (put_file(log->dir, head, size) && count)
		log->tabled = segments[count - 1].ordinal;
	free(head);
	free(segments);
}

bool log_table_due(const struct log *at)
{
	struct log *log = (struct log *)at; /* only for the mutex */
	pthread_mutex_lock(&log->lock);
	size_t new = 0;
	while (new < LOG_TABLE_EVERY &&new + 1 < log->count && log->segments[log->count - 2 - new].ordinal > log->tabled)
		new ++;
	pthread_mutex_unlock(&log->lock);
	return new == LOG_TABLE_EVERY;
}
