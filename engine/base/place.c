/* SPDX-License-Identifier: Apache-2.0 */
/* place.c - folders that are still there after a power cut. */
#include "base/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_only(int error)
{
	return error == EROFS || error == EINVAL; /* EINVAL: a file system that knows no syncing of folders */
}

bool place_sync(const char *path, struct why *why)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES || errno == EPERM || why_errno(why, "the folder %s cannot be opened", path);
	bool synced = fsync(fd) == 0 || read_only(errno) || why_errno(why, "the folder %s cannot be synced", path);
	close(fd);
	return synced;
}

static void above(const char *path, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s", path);
	char *slash = strrchr(out, '/');
	if (!slash)
		snprintf(out, PATH_MAX, ".");
	else
		slash[slash == out] = '\0';
}

bool place_make(const char *path, struct why *why)
{
	char parent[PATH_MAX];
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return why_errno(why, "cannot make the folder %s", path);
	above(path, parent);
	return place_sync(parent, why);
}
