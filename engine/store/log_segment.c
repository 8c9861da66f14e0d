/* SPDX-License-Identifier: Apache-2.0 */
/* log_segment.c - segment files: their names, their headers, opening one to read it. */
#include "store/log_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define NAME_DIGITS 12
#define NAME_MOST 20 /* digits of a number that may be too large */
#define NAME_END ".seg"

struct segment_name segment_name(uint64_t ordinal)
{
	struct segment_name name;
	snprintf(name.text, sizeof(name.text), "%0*" PRIu64 NAME_END, NAME_DIGITS, ordinal);
	return name;
}

static uint64_t name_ordinal(const char *name) /* 0: not a segment's */
{
	size_t digits = strspn(name, "0123456789");
	bool right = digits == NAME_DIGITS || (digits > NAME_DIGITS && digits < NAME_MOST && *name != '0');
	return right && strcmp(name + digits, NAME_END) == 0 ? strtoull(name, NULL, 10) : 0;
}

static int by_ordinal(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return left < right ? -1 : left > right;
}

bool segment_list(int dir, uint64_t **ordinals, size_t *count, struct why *why)
{
	size_t room = 0;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	*ordinals = NULL;
	*count = 0;
	if (!list)
		return why_errno(why, "cannot list the log's segments");
	for (struct dirent *entry; (entry = readdir(list));) {
		uint64_t ordinal = name_ordinal(entry->d_name);
		if (!ordinal)
			continue;
		if (*count == room)
			*ordinals = must_grow(*ordinals, (room = room ? room * 2 : 64) * sizeof(**ordinals));
		(*ordinals)[(*count)++] = ordinal;
	}
	closedir(list);
	if (*count)
		qsort(*ordinals, *count, sizeof(**ordinals), by_ordinal);
	return true;
}

static uint64_t head_check(const struct segment_head *head)
{
	return XXH3_64bits((const char *)head + sizeof(head->check), sizeof(*head) - sizeof(head->check));
}

void segment_head_make(struct segment_head *head, const struct segment *segment)
{
	*head = (struct segment_head){
		.magic = SEGMENT_MAGIC,
		.ordinal = segment->ordinal, .salt = segment->salt, .size = segment->size,
		.first = segment->first, .prev = segment->prev, .prev_end = segment->prev_end,
		.begun = segment->begun, .gap = segment->gap,
	};
	memcpy(head->id, segment->id, sizeof(segment->id));
	head->check = head_check(head);
}

uint64_t segment_before(const struct segment *segment)
{
	return (segment->gap ? segment->gap : segment->first) - 1;
}

uint64_t segment_gaps(const struct segment *segments, size_t count, struct log_gap gap[LOG_GAPS])
{
	uint64_t seqs = 0;
	size_t found = 0;
	for (size_t i = count; i-- > 1;) { /* what lies before the first is not there anyway */
		uint64_t wide = segments[i].first - 1 - segment_before(&segments[i]);
		if (wide && found < LOG_GAPS)
			gap[found++] = (struct log_gap){ segments[i].first - wide, segments[i].first - 1 };
		seqs += wide;
	}
	return seqs;
}

uint64_t log_events_behind(const struct log_stat *stat, uint64_t seq)
{
	uint64_t from = stat->begin > seq + 1 ? stat->begin : seq + 1;
	uint64_t events = stat->end >= from ? stat->end - from + 1 : 0;
	for (const struct log_gap *gap = stat->gap; events && gap < stat->gap + LOG_GAPS && gap->first; gap++) {
		uint64_t first = gap->first > from ? gap->first : from;
		uint64_t last = gap->last < stat->end ? gap->last : stat->end;
		events -= first <= last ? last - first + 1 : 0;
	}
	return events;
}

static bool head_good(const struct segment_head *head, uint64_t ordinal)
{
	return memcmp(head->magic, SEGMENT_MAGIC, sizeof(head->magic)) == 0 && head->check == head_check(head)
		&& head->ordinal == ordinal && head->gap <= head->first && head->first <= LOG_SEQ_MOST;
}

/* While the writer begins a segment one copy may be new and one old: the new one counts. */
static const struct segment_head *better_head(const struct segment_head heads[2], uint64_t ordinal,
	int *bad)
{
	bool good[2] = { head_good(&heads[0], ordinal), head_good(&heads[1], ordinal) };
	*bad = !good[0] + !good[1];
	if (good[0] && (heads[0].first || !good[1]))
		return &heads[0];
	return good[1] ? &heads[1] : NULL;
}

static bool read_heads(int fd, struct segment_head heads[2])
{
	ssize_t got = pread(fd, heads, LOG_BEGIN, 0);
	if (got < 0)
		return false;
	memset((char *)heads + got, 0, LOG_BEGIN - (size_t)got);
	return true;
}

bool segment_read(int fd, uint64_t ordinal, struct segment *segment)
{
	struct segment_head heads[2];
	struct stat file;
	int bad;
	if (fstat(fd, &file) < 0 || !read_heads(fd, heads))
		return false;
	const struct segment_head *head = better_head(heads, ordinal, &bad);
	errno = 0;
	if (!head)
		return false;
	*segment = (struct segment){
		.ordinal = ordinal, .salt = head->salt, .size = head->size,
		.first = head->first, .prev = head->prev, .prev_end = head->prev_end,
		.begun = head->begun, .gap = head->gap,
		.inode = file.st_ino, .file_size = (uint64_t)file.st_size,
		.bad_copies = bad,
	};
	memcpy(segment->id, head->id, sizeof(segment->id) - 1);
	return true;
}

/* Between open and flock the writer may have taken the file away to recycle it. */
static bool still_there(int dir, const char *name, int fd)
{
	struct stat mine, named;
	return fstat(fd, &mine) == 0 && fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) == 0
		&& mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

int segment_open(int dir, uint64_t ordinal, struct segment *segment)
{
	struct segment_name name = segment_name(ordinal);
	int fd = openat(dir, name.text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_SH | LOCK_NB) == 0 && still_there(dir, name.text, fd)
		&& segment_read(fd, ordinal, segment))
		return fd;
	int error = errno == EIO ? EIO : 0; /* the others mean that it went away */
	close(fd);
	errno = error;
	return -1;
}
