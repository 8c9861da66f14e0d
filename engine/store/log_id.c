/* SPDX-License-Identifier: Apache-2.0 */
/* log_id.c - a log's random id, made with it.
 *
 * It stands in DATA/log/id, in every segment's header and in the page.  The
 * headers carry a checksum, so they are believed before the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/line.h"
#include "store/log_inside.h"

#define DIGITS (LOG_ID_SIZE - 1)

static bool is_id(const char *text)
{
	return strspn(text, "0123456789abcdef") == DIGITS && text[DIGITS] == '\0';
}

static bool read_id(struct log *log, char id[LOG_ID_SIZE])
{
	int fd = openat(log->dir, "id", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got = fd < 0 ? -1 : pread(fd, id, DIGITS, 0);
	if (fd >= 0)
		close(fd);
	id[got < 0 ? 0 : got] = '\0';
	return is_id(id);
}

static bool make_id(char id[LOG_ID_SIZE], struct why *why)
{
	unsigned char bytes[DIGITS / 2];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return why_errno(why, "cannot get random bytes for the log's id");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

static bool put_id(int fd, const char *id)
{
	char text[LOG_ID_SIZE + 1];
	int len = snprintf(text, sizeof(text), "%s\n", id);
	return write(fd, text, (size_t)len) == len && fsync(fd) == 0;
}

static bool write_id(struct log *log, struct why *why)
{
	int fd = openat(log->dir, "id.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool done = fd >= 0 && put_id(fd, log->id) && renameat(log->dir, "id.tmp", log->dir, "id") == 0
		&& fsync(log->dir) == 0;
	if (!done)
		why_errno(why, "%s/id: cannot write the log's id", log->path);
	if (fd >= 0)
		close(fd);
	return done;
}

static void foreign_move(struct log *log)
{
	size_t kept = 0;
	for (size_t i = 0; i < log->count; i++) {
		struct segment *segment = &log->segments[i];
		if (strcmp(segment->id, log->id) == 0)
			log->segments[kept++] = *segment;
		else
			damaged_move(log, segment_name(segment->ordinal).text, "belongs to another log");
	}
	log->count = kept;
}

bool id_settle(struct log *log, struct why *why)
{
	char stored[LOG_ID_SIZE];
	bool have = read_id(log, stored);
	if (log->count)
		strcpy(log->id, log->segments[log->count - 1].id);
	else if (have)
		strcpy(log->id, stored);
	else if (!make_id(log->id, why))
		return false;
	foreign_move(log);
	if (have && strcmp(stored, log->id) == 0)
		return true;
	if (log->count)
		line(SL_WARNING, "%s/id: put right from the segments' headers", log->path);
	return write_id(log, why);
}
