/* SPDX-License-Identifier: Apache-2.0 */
/* shim_note.c - what is noted of what a process does to the disk, and of pages that it has mapped. */
#include "shim.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ----------------------------------------------------------------------- notes */

static int journal = -1;

uint64_t note_moment(void)
{
	return atomic_fetch_add(&shim_levers->now, 1) + 1;
}

uint64_t note_inode(int fd)
{
	struct stat file;
	return syscall(SYS_newfstatat, fd, "", &file, AT_EMPTY_PATH) == 0 ? file.st_ino : 0;
}

void note_put(struct note *note, const char *paths, const struct iovec *parts, int count)
{
	struct iovec all[PARTS + 2];
	uint64_t bytes = 0;
	if (journal < 0)
		return;
	for (int i = 0; i < count; i++) {
		all[i + 2] = parts[i];
		bytes += parts[i].iov_len;
	}
	note->bytes_len = (uint32_t)bytes;
	note->size = (uint32_t)(sizeof(*note) + note->path_len + bytes);
	all[0] = (struct iovec){ note, sizeof(*note) };
	all[1] = (struct iovec){ (void *)paths, note->path_len };
	syscall(SYS_writev, journal, all, count + 2);
}

void note_begin(const char *folder)
{
	char path[2 * PATH_MAX];
	snprintf(path, sizeof(path), "%s/%d.notes", folder, getpid());
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	journal = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900); /* out of the way of those that are inherited */
	if (journal < 0)
		journal = fd;
	else
		syscall(SYS_close, fd);
}

/* ------------------------------------------------------------------ what is mapped */

#define MAPS 8
static struct map {
	char *at;
	uint64_t file;
	char seen[PAGE];
} maps[MAPS];
static pthread_mutex_t maps_lock = PTHREAD_MUTEX_INITIALIZER;

void maps_look(void)
{
	if (journal < 0)
		return;
	pthread_mutex_lock(&maps_lock);
	for (struct map *map = maps; map < maps + MAPS; map++) {
		if (!map->at || memcmp(map->at, map->seen, PAGE) == 0)
			continue;
		memcpy(map->seen, map->at, PAGE);
		struct note note = { .kind = N_MAPPED, .begun = note_moment(), .file = map->file, .len = PAGE };
		note.ended = note.begun;
		note_put(&note, "", &(struct iovec){ map->seen, PAGE }, 1);
	}
	pthread_mutex_unlock(&maps_lock);
}

static void maps_add(char *at, int fd)
{
	pthread_mutex_lock(&maps_lock);
	for (struct map *map = maps; map < maps + MAPS; map++)
		if (!map->at) {
			map->file = note_inode(fd);
			memcpy(map->seen, at, PAGE);
			map->at = at;
			break;
		}
	pthread_mutex_unlock(&maps_lock);
}

static struct map *map_at(const void *at)
{
	for (struct map *map = maps; map < maps + MAPS; map++)
		if (map->at && map->at == at)
			return map;
	return NULL;
}

bool maps_find(const void *at, uint64_t *file)
{
	const struct map *map = map_at(at);
	*file = map ? map->file : 0;
	return map != NULL;
}

OURS void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	void *got = (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
	bool meant = fd >= 0 && fd < FDS && shim_ours[fd] == 1 && (flags & MAP_SHARED) && (protection & PROT_WRITE);
	if (got != MAP_FAILED && meant && len == PAGE && offset == 0)
		maps_add(got, fd);
	return got;
}
SAME_AS(mmap)
void *mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset);

OURS int munmap(void *at, size_t len)
{
	maps_look();
	pthread_mutex_lock(&maps_lock);
	struct map *map = map_at(at);
	if (map)
		map->at = NULL;
	pthread_mutex_unlock(&maps_lock);
	return (int)syscall(SYS_munmap, at, len);
}
