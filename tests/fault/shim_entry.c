/* SPDX-License-Identifier: Apache-2.0 */
/* shim_entry.c - files are opened and made, folders changed, or are not. */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---------------------------------------------------------------------- entries */

/* The path from the root of all, as it was said. */
static void whole_path(int dir, const char *name, char path[PATH_MAX])
{
	size_t len = 0;
	path[0] = '\0';
	if (name[0] != '/') {
		if (dir == AT_FDCWD)
			syscall(SYS_getcwd, path, PATH_MAX);
		else
			shim_path(dir, path);
		len = strlen(path);
		path[len++] = '/';
	}
	snprintf(path + len, PATH_MAX - len, "%s", name);
}

static void note_entry(struct note *note, const char *path, const char *second)
{
	char paths[2 * PATH_MAX];
	size_t len = strlen(path) + 1, more = second ? strlen(second) + 1 : 0;
	memcpy(paths, path, len);
	if (second)
		memcpy(paths + len, second, more);
	note->path_len = (uint32_t)(len + more);
	note->ended = note_moment();
	note_put(note, paths, NULL, 0);
}

/* The likes of "x-shm" are made anew by whoever opens them first, and so of no account. */
static int watch(int fd, int flags, bool made, uint64_t begun)
{
	char path[PATH_MAX];
	if (fd < 0 || fd >= FDS || !shim_root || !shim_below_root(shim_path(fd, path)))
		return fd;
	size_t len = strlen(path);
	shim_ours[fd] = len > 4 && strcmp(path + len - 4, "-shm") == 0 ? 2 : 1;
	struct note note = { .kind = N_MAKE, .begun = begun, .file = note_inode(fd) };
	if (made) {
		note_entry(&note, path, NULL);
	} else if (flags & O_TRUNC) {
		note.kind = N_CUT;
		note.ended = note_moment();
		note_put(&note, "", NULL, 0);
	}
	return fd;
}

static int do_open(int dir, const char *name, int flags, mode_t mode)
{
	char path[PATH_MAX], other[PATH_MAX];
	name = shim_boot_id(name, other);
	bool makes = shim_root && (flags & O_CREAT) != 0;
	if (!makes)
		return watch((int)syscall(SYS_openat, dir, name, flags, mode), flags, false, shim_root ? note_moment() : 0);
	whole_path(dir, name, path);
	int error = shim_below_root(path) ? shim_harm(ENTRIES, path) : 0;
	if (error)
		return (int)shim_fail(error == DIE_HALF ? EIO : error);
	bool made = syscall(SYS_faccessat, dir, name, F_OK) != 0;
	uint64_t begun = note_moment();
	return watch((int)syscall(SYS_openat, dir, name, flags, mode), flags, made, begun);
}

static mode_t mode_in(int flags, va_list *more)
{
	return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(*more, int) : 0;
}

OURS int openat(int dir, const char *name, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	mode_t mode = mode_in(flags, &more);
	va_end(more);
	return do_open(dir, name, flags, mode);
}
SAME_AS(openat)
int openat64(int dir, const char *name, int flags, ...);

OURS int open(const char *name, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	mode_t mode = mode_in(flags, &more);
	va_end(more);
	return do_open(AT_FDCWD, name, flags, mode);
}
SAME_AS(open)
int open64(const char *name, int flags, ...);

OURS int close(int fd)
{
	if (shim_meant(fd)) {
		maps_look();
		shim_ours[fd] = 0;
	}
	return (int)syscall(SYS_close, fd);
}

static int do_entry(uint32_t kind, const char *path, const char *second, int outcome, uint64_t begun)
{
	struct note note = { .kind = kind, .begun = begun };
	struct stat file;
	if (outcome < 0 || !shim_below_root(path))
		return outcome;
	if (kind == N_FOLDER && syscall(SYS_newfstatat, AT_FDCWD, path, &file, 0) == 0)
		note.file = file.st_ino;
	note_entry(&note, path, second);
	return outcome;
}

static bool no_entry(const char *path)
{
	int error = shim_below_root(path) ? shim_harm(ENTRIES, path) : 0;
	if (error)
		errno = error == DIE_HALF ? EIO : error;
	return error != 0;
}

OURS int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	char path[PATH_MAX], second[PATH_MAX];
	whole_path(from_dir, from, path);
	whole_path(to_dir, to, second);
	if (no_entry(path))
		return -1;
	uint64_t begun = note_moment();
	int outcome = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
	return do_entry(N_MOVE, path, second, outcome, begun);
}

OURS int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

OURS int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	char path[PATH_MAX], second[PATH_MAX];
	whole_path(from_dir, from, path);
	whole_path(to_dir, to, second);
	if (no_entry(path))
		return -1;
	uint64_t begun = note_moment();
	int outcome = (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
	return do_entry(N_LINK, path, second, outcome, begun);
}

OURS int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

OURS int unlinkat(int dir, const char *name, int flags)
{
	char path[PATH_MAX];
	whole_path(dir, name, path);
	if (no_entry(path))
		return -1;
	uint64_t begun = note_moment();
	return do_entry(N_GONE, path, NULL, (int)syscall(SYS_unlinkat, dir, name, flags), begun);
}

OURS int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

OURS int rmdir(const char *name)
{
	return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

OURS int mkdirat(int dir, const char *name, mode_t mode)
{
	char path[PATH_MAX];
	whole_path(dir, name, path);
	if (no_entry(path))
		return -1;
	uint64_t begun = note_moment();
	return do_entry(N_FOLDER, path, NULL, (int)syscall(SYS_mkdirat, dir, name, mode), begun);
}

OURS int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}
