/* SPDX-License-Identifier: Apache-2.0 */
/* log_damaged.c - what cannot be read is named and kept aside, in DATA/log/damaged. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/line.h"
#include "store/log_inside.h"

static void make_folder(struct log *log)
{
	if (mkdirat(log->dir, "damaged", 0700) < 0 && errno != EEXIST)
		line(SL_ERROR, "%s/damaged: cannot make the folder for damaged parts of the log", log->path);
}

void damaged_move(struct log *log, const char *name, const char *reason)
{
	char aside[64];
	make_folder(log);
	snprintf(aside, sizeof(aside), "damaged/%s", name);
	bool moved = renameat(log->dir, name, log->dir, aside) == 0;
	line(SL_ERROR, "%s/%s %s; %s", log->path, name, reason,
		moved ? "it is kept in the folder damaged" : "it cannot be moved aside");
}

static bool copy_bytes(int from, int to, uint64_t offset, uint64_t end)
{
	char bytes[16384];
	while (offset < end) {
		size_t most = end - offset < sizeof(bytes) ? (size_t)(end - offset) : sizeof(bytes);
		ssize_t got = pread(from, bytes, most, (off_t)offset);
		if (got <= 0)
			return got == 0; /* the file is shorter: that is all there is */
		if (write(to, bytes, (size_t)got) != got)
			return false;
		offset += (uint64_t)got;
	}
	return fsync(to) == 0;
}

void damaged_keep(struct log *log, int fd, uint64_t from, uint64_t to, uint64_t seq_from, uint64_t seq_to)
{
	char name[64];
	make_folder(log);
	snprintf(name, sizeof(name), "damaged/%s-%" PRIu64, segment_name(log->writing.ordinal).text, from);
	line(SL_ERROR, "%s/%s: damaged from byte %" PRIu64 " on; seq %" PRIu64 " to %" PRIu64 " are lost, "
		"the bytes are kept in %s", log->path, segment_name(log->writing.ordinal).text, from, seq_from, seq_to, name);
	log->damaged += seq_to - seq_from + 1;
	int copy = openat(log->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (copy < 0 && errno == EEXIST)
		return; /* an earlier start kept them */
	if (copy < 0 || !copy_bytes(fd, copy, from, to))
		line(SL_ERROR, "%s/%s: cannot keep a copy of the damaged bytes", log->path, name);
	if (copy >= 0)
		close(copy);
}
