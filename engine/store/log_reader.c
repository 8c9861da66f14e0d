/* SPDX-License-Identifier: Apache-2.0 */
/* log_reader.c - opens the log for reading, follows its end, sleeps until it moves. */
#include "store/log_reader.h"
#include "store/log_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* ----------------------------------------------------------------- the page */

static bool page_moved(struct log_reader *reader)
{
	struct stat page;
	if (fstatat(reader->dir, "page", &page, AT_SYMLINK_NOFOLLOW) < 0)
		return false; /* the old one is still the truth */
	if (reader->page && reader->page_inode == page.st_ino)
		return false;
	reader->page_inode = page.st_ino;
	return true;
}

void reader_page(struct log_reader *reader)
{
	if (!page_moved(reader))
		return;
	int fd = openat(reader->dir, "page", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool writable = fd >= 0;
	if (!writable)
		fd = openat(reader->dir, "page", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct log_page *page = fd < 0 ? NULL : page_file_map(fd, writable);
	if (page) {
		page_file_unmap(&reader->page);
		reader->page = page;
		reader->page_writable = writable;
		reader->starts = 0;
		memcpy(reader->id, page->id, sizeof(reader->id));
	}
	if (fd >= 0)
		close(fd);
}

uint64_t log_reader_end(struct log_reader *reader)
{
	if (!reader->page)
		reader_page(reader);
	return reader->page ? atomic_load(&reader->page->end) : 0;
}

bool log_reader_live(struct log_reader *reader)
{
	reader_page(reader);
	return reader->page && page_file_live(reader->page);
}

const char *log_reader_id(struct log_reader *reader)
{
	if (!reader->page)
		reader_page(reader);
	return reader->id;
}

int log_reader_wake_fd(struct log_reader *reader)
{
	return reader->notify;
}

/* The flag goes up before the end is looked at, and the writer looks at the flag
 * after it has moved the end: one of the two sees the other. */
bool log_reader_sleep(struct log_reader *reader, uint64_t seen)
{
	reader_page(reader);
	if (!reader->page)
		return true; /* a page that appears wakes as well */
	if (reader->page_writable)
		atomic_store(&reader->page->sleeping, 1);
	return atomic_load(&reader->page->end) <= seen;
}

/* ------------------------------------------------------------------ segments */

static const struct segment *known(const struct log_reader *reader, uint64_t ordinal)
{
	size_t low = 0, high = reader->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (reader->segments[middle].ordinal < ordinal)
			low = middle + 1;
		else
			high = middle;
	}
	return low < reader->count && reader->segments[low].ordinal == ordinal ? &reader->segments[low] : NULL;
}

static bool learn(struct log_reader *reader, const struct log_table *table, uint64_t ordinal, struct segment *segment)
{
	const struct segment *have = known(reader, ordinal);
	if (have) {
		*segment = *have;
		return true;
	}
	if (log_table_find(table, reader->dir, ordinal, segment) && (!*reader->id || strcmp(segment->id, reader->id) == 0))
		return true;
	int fd = openat(reader->dir, segment_name(ordinal).text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	bool good = segment_read(fd, ordinal, segment) && segment->first
		&& (!*reader->id || strcmp(segment->id, reader->id) == 0);
	int error = errno;
	close(fd);
	errno = error;
	return good;
}

static bool may_pass(int error)
{
	return error == EIO || error == EMFILE || error == ENFILE || error == ENOMEM;
}

/* What only cannot be read now must not be taken for what is not there. */
static bool learn_all(struct log_reader *reader, const uint64_t *ordinals, size_t count, struct segment *segments,
	size_t *kept, struct why *why)
{
	struct log_table table = { NULL };
	bool done = true;
	if (count >= reader->count + LOG_TABLE_EVERY)
		log_table_read(reader->dir, &table);
	for (size_t i = 0; done && i < count; i++) {
		if (learn(reader, &table, ordinals[i], &segments[*kept]))
			++*kept;
		else if (may_pass(errno))
			done = why_errno(why, "%s/%s: its header cannot be read", reader->path, segment_name(ordinals[i]).text);
	}
	log_table_free(&table);
	return done;
}

/* They begin in the order they were made in.  A header that says otherwise has a good checksum and is wrong all the
 * same: the later ones are believed. */
static size_t in_order(struct segment *segments, size_t count)
{
	size_t from = count;
	for (size_t i = count; i-- > 0;)
		if (from == count || segments[i].first <= segments[from].first)
			segments[--from] = segments[i];
	memmove(segments, segments + from, (count - from) * sizeof(*segments));
	return count - from;
}

bool reader_list(struct log_reader *reader, struct why *why)
{
	uint64_t *ordinals;
	size_t count, kept = 0;
	if (!segment_list(reader->dir, &ordinals, &count, why))
		return why_within(why, "%s", reader->path);
	struct segment *segments = must_alloc((count + 1) * sizeof(*segments));
	bool learnt = learn_all(reader, ordinals, count, segments, &kept, why);
	free(ordinals);
	if (!learnt) {
		free(segments);
		return false;
	}
	free(reader->segments);
	reader->segments = segments;
	reader->count = in_order(segments, kept);
	return true;
}

const struct segment *reader_next(const struct log_reader *reader, uint64_t ordinal)
{
	for (size_t i = reader->count; i-- > 0;)
		if (reader->segments[i].ordinal <= ordinal)
			return i + 1 < reader->count ? &reader->segments[i + 1] : NULL;
	return reader->count ? &reader->segments[0] : NULL;
}

bool log_reader_stat(struct log_reader *reader, struct log_stat *stat, struct why *why)
{
	reader_page(reader);
	if (!reader_list(reader, why))
		return false;
	*stat = (struct log_stat){ .end = log_reader_end(reader), .segments = reader->count };
	stat->begin = reader->count ? reader->segments[0].first : stat->end + 1;
	stat->oldest = reader->count ? reader->segments[0].begun : 0;
	stat->gaps = segment_gaps(reader->segments, reader->count, stat->gap);
	for (size_t i = 0; i < reader->count; i++)
		stat->bytes += (int64_t)reader->segments[i].size;
	memcpy(stat->id, reader->id, sizeof(stat->id));
	return true;
}

/* ------------------------------------------------------------- open and close */

/* The folder is watched, not the page: the page may not be there yet, or be made
 * anew.  IN_ATTRIB is the writer's futimens, IN_MOVED_TO a new page. */
static bool watch(struct log_reader *reader, struct why *why)
{
	reader->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (reader->notify < 0)
		return why_errno(why, "cannot watch the log (fs.inotify.max_user_instances may be too small)");
	if (inotify_add_watch(reader->notify, reader->path, IN_ATTRIB | IN_MOVED_TO) < 0)
		return why_errno(why, "%s: cannot watch the log's folder", reader->path);
	return true;
}

static bool open_folder(struct log_reader *reader, struct why *why)
{
	if (mkdir(reader->path, 0700) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
		return why_errno(why, "%s: cannot make the log's folder", reader->path);
	reader->dir = open(reader->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return reader->dir >= 0 || why_errno(why, "%s: cannot open the log's folder", reader->path);
}

struct log_reader *log_reader_open(const char *dir, struct why *why)
{
	struct log_reader *reader = must_alloc(sizeof(*reader));
	reader->path = must_string(dir);
	reader->dir = reader->notify = reader->fd = -1;
	if (!open_folder(reader, why) || !watch(reader, why)) {
		log_reader_close(&reader);
		return NULL;
	}
	reader_page(reader);
	return reader;
}

void log_reader_close(struct log_reader **at)
{
	struct log_reader *reader = *at;
	if (!reader)
		return;
	int fds[] = { reader->fd, reader->dir, reader->notify };
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	page_file_unmap(&reader->page);
	free(reader->segments);
	free(reader->path);
	free(reader);
	*at = NULL;
}
