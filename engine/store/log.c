/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - opens the log for its one writer, closes it, tells what it holds. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/line.h"
#include "base/place.h"
#include "store/log_inside.h"
#include "store/log_table.h"

#define LOCK_PAUSE 20000 /* microseconds between two tries */

static struct log *log_new(const char *path, const struct log_options *options)
{
	struct log *log = must_alloc(sizeof(*log));
	log->path = must_string(path);
	log->options = *options;
	log->gathering = must_alloc(sizeof(*log->gathering));
	log->dir = log->lock_fd = log->page_fd = log->fd = log->ready_fd = -1;
	pthread_mutex_init(&log->lock, NULL);
	pthread_mutex_init(&log->preparing, NULL);
	return log;
}

static bool open_folder(struct log *log, struct why *why)
{
	if (!place_make(log->path, why))
		return false;
	log->dir = open(log->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log->dir < 0)
		return why_errno(why, "%s: cannot open the log's folder", log->path);
	return true;
}

static bool take_lock(struct log *log, int64_t wait_ms, struct why *why)
{
	int64_t until = clock_ticks() + wait_ms;
	log->lock_fd = openat(log->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (log->lock_fd < 0)
		return why_errno(why, "%s/lock", log->path);
	while (flock(log->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return why_errno(why, "%s/lock", log->path);
		if (clock_ticks() >= until)
			return why_say(why, "%s/lock: another process is writing this log", log->path);
		usleep(LOCK_PAUSE);
	}
	return true;
}

static void tidy(struct log *log)
{
	static const char *const unfinished[] = { "unfinished.tmp", "page.tmp", "id.tmp", "table.tmp" };
	for (size_t i = 0; i < sizeof(unfinished) / sizeof(*unfinished); i++)
		unlinkat(log->dir, unfinished[i], 0);
}

/* From here on a stop without log_close is an unclean end, also for a disk that
 * loses its power: the page is synced before anything is acknowledged. */
static bool go_live(struct log *log, struct why *why)
{
	if (!page_file_set_clean(log->page, (struct log_clean){ 0 }))
		return why_errno(why, "%s/page: cannot be synced", log->path);
	log->next_seq = log->synced + 1;
	log->published = log->synced;
	log->checked_end = log->published;
	atomic_fetch_add(&log->page->starts, 1);
	page_file_publish(log->page, log->page_fd, log->synced);
	page_file_go_live(log->page);
	return true;
}

static void first_ready(struct log *log)
{
	struct why why;
	if (!log->ready_left && !log->left && ready_make(log, 0, false, &why) != READY)
		line(SL_WARNING, "%s", why.text);
}

struct log *log_open(const char *dir, const struct log_options *options, int64_t wait_ms, struct why *why)
{
	struct log *log = log_new(dir, options);
	if (!open_folder(log, why) || !take_lock(log, wait_ms, why)) {
		log_close(&log);
		return NULL;
	}
	tidy(log);
	log->starting = true;
	space_look(log, true);
	if (!log_recover(log, why) || !go_live(log, why)) {
		page_file_unmap(&log->page);
		log_close(&log);
		return NULL;
	}
	first_ready(log);
	ahead_open(log);
	log->starting = false;
	return log;
}

static void close_clean(struct log *log)
{
	if (log->synced > log->published)
		page_file_publish(log->page, log->page_fd, log->synced);
	if (log_table_due(log))
		log_table_write(log);
	page_file_set_clean(log->page, (struct log_clean){
		.ordinal = log->writing.ordinal,
		.offset = log->offset,
		.end = log->synced,
		.sealed = log->fd < 0,
	});
}

static void batch_free(struct log_batch *batch)
{
	free(batch->memory);
	free(batch);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void log_close(struct log **at)
{
	struct log *log = *at;
	if (!log)
		return;
	ahead_close(log);
	if (log->page && !log->failed)
		close_clean(log);
	page_file_unmap(&log->page);
	for (struct log_batch *batch; (batch = log->idle); batch_free(batch))
		log->idle = batch->next;
	batch_free(log->gathering);
	close_fd(log->fd);
	close_fd(log->ready_fd);
	close_fd(log->page_fd);
	close_fd(log->lock_fd);
	close_fd(log->dir);
	pthread_mutex_destroy(&log->lock);
	pthread_mutex_destroy(&log->preparing);
	free(log->segments);
	free(log->path);
	free(log);
	*at = NULL;
}

void log_limit(struct log *log, const struct log_options *options)
{
	log->options = *options;
	log->looked = 0;
	log->prepare_again = 0;
}

const char *log_id(const struct log *log)
{
	return log->id;
}

void log_stat(const struct log *at, struct log_stat *stat)
{
	struct log *log = (struct log *)at; /* only for the mutex */
	*stat = (struct log_stat){ .end = log->published, .bytes = log->bytes, .limit = log->options.size,
		.damaged = log->damaged };
	memcpy(stat->id, log->id, sizeof(stat->id));
	pthread_mutex_lock(&log->lock);
	stat->segments = log->count;
	stat->begin = log->count ? log->segments[0].first : stat->end + 1;
	stat->oldest = log->count ? log->segments[0].begun : 0;
	stat->gaps = segment_gaps(log->segments, log->count, stat->gap);
	pthread_mutex_unlock(&log->lock);
}
