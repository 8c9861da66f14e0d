/* SPDX-License-Identifier: Apache-2.0 */
/* backup_restore.c - a backup becomes a data folder again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/place.h"
#include "flow/restored.h"
#include "main/backup.h"
#include "main/lock.h"
#include "store/log.h"

#define ROUND UINT64_C(1000000000) /* the log goes on with a multiple of it, and one ... */
#define LEAST (ROUND / 2)          /* ... at least so many seqs further on: more than came in after the backup */

struct restoring {
	const struct backup *backup;
	const char *data;
	struct lock lock;
	struct backup_work *work;
	const char *aside;
	uid_t owner; /* of the data folder: what root restores is the daemon's too */
	gid_t group;
};

/* ------------------------------------------------------------------- checking */

static int open_stored(const struct backup *backup, const struct backup_file *file, char path[PATH_MAX],
	struct why *why)
{
	snprintf(path, PATH_MAX, "%s/files/%s", backup->dir, file->stored);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		why_errno(why, "the backup is damaged: %s (%s)", file->path, path);
	return fd;
}

static bool is_right(const struct backup_file *file, const struct backup_copy *copy, struct why *why)
{
	if (copy->bytes == file->bytes && strcmp(copy->hash, file->stored) == 0)
		return true;
	return why_say(why, "the backup is damaged: %s (%s) is not as it was written", file->path, copy->from_name);
}

/* Copied to `to`; -1: only looked at. */
static bool read_stored(const struct backup *backup, const struct backup_file *file, int to, const char *to_name,
	struct backup_work *work, struct why *why)
{
	char path[PATH_MAX];
	struct backup_copy copy = { .to = to, .to_name = to_name, .from_name = path, .most = -1, .work = work };
	copy.from = open_stored(backup, file, path, why);
	if (copy.from < 0)
		return false;
	bool fine = backup_copy(&copy, why) && is_right(file, &copy, why);
	close(copy.from);
	return fine;
}

static void say_at(struct backup_work *work, const struct backup *backup, size_t i)
{
	work->path = backup->files[i].path;
	work->at = i + 1;
	work->count = backup->count;
	work->told(work);
}

bool backup_check(const struct backup *backup, struct backup_work *work, struct why *why)
{
	for (size_t i = 0; i < backup->count; i++) {
		say_at(work, backup, i);
		if (!read_stored(backup, &backup->files[i], -1, NULL, work, why))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ what is there */

static bool stays(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lock") == 0 ||
		strcmp(name, LOCK_UNFINISHED) == 0 || strcmp(name, "lost+found") == 0 || strncmp(name, "replaced-", 9) == 0;
}

/* The first entry that would be in the way is told to `found`; all of them, if it says so. */
static bool each_entry(const char *data, bool (*found)(void *it, const char *name, struct why *why), void *it,
	struct why *why)
{
	DIR *list = opendir(data);
	bool fine = list || why_errno(why, "%s: cannot be read", data);
	for (struct dirent *entry; fine && list && (entry = readdir(list));)
		fine = stays(entry->d_name) || found(it, entry->d_name, why);
	if (list)
		closedir(list);
	return fine;
}

static bool refuse(void *data, const char *name, struct why *why)
{
	const struct restoring *it = data;
	return why_say(why, "%s is in use: it has %s; --force puts what is there aside", it->data, name);
}

static bool put_aside(void *data, const char *name, struct why *why)
{
	const struct restoring *it = data;
	char from[PATH_MAX], to[2 * PATH_MAX];
	snprintf(from, sizeof(from), "%s/%s", it->data, name);
	snprintf(to, sizeof(to), "%s/%s", it->aside, name);
	if (mkdir(it->aside, 0700) < 0 && errno != EEXIST)
		return why_errno(why, "%s: cannot be made", it->aside);
	return rename(from, to) == 0 || why_errno(why, "%s: cannot be put aside", from);
}

static bool path_of(const struct restoring *it, const char *below, char path[PATH_MAX], struct why *why)
{
	return snprintf(path, PATH_MAX, "%s/%s", it->data, below) < PATH_MAX ||
		why_say(why, "%s/%s: too long", it->data, below);
}

static bool make_room(struct restoring *it, bool over, struct why *why)
{
	char mark[PATH_MAX];
	if (!path_of(it, LOCK_UNFINISHED, mark, why))
		return false;
	if (!over && access(mark, F_OK) < 0 && !each_entry(it->data, refuse, it, why))
		return false;
	int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return why_errno(why, "%s: cannot be made", mark);
	close(fd);
	return place_sync(it->data, why) && each_entry(it->data, put_aside, it, why);
}

/* --------------------------------------------------------------------- one file */

static bool own(const struct restoring *it, int fd, const char *path, struct why *why)
{
	if (geteuid() != 0 || fchown(fd, it->owner, it->group) == 0)
		return true;
	return why_errno(why, "%s: cannot be given to the data folder's owner", path);
}

static bool make_folder(const struct restoring *it, const char *path, struct why *why)
{
	if (!place_make(path, why))
		return false;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	bool fine = fd >= 0 ? own(it, fd, path, why) : why_errno(why, "%s", path);
	if (fd >= 0)
		close(fd);
	return fine;
}

static bool make_folders(const struct restoring *it, char *path, struct why *why)
{
	for (char *slash = path + strlen(it->data) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (!make_folder(it, path, why))
			return false;
		*slash = '/';
	}
	return true;
}

static bool fill(const struct restoring *it, const struct backup_file *file, int fd, const char *path, struct why *why)
{
	if (!read_stored(it->backup, file, fd, path, it->work, why))
		return false;
	if (ftruncate(fd, (off_t)file->size) < 0 || fsync(fd) < 0)
		return why_errno(why, "%s: cannot be written", path);
	return own(it, fd, path, why);
}

static bool restore_file(const struct restoring *it, const struct backup_file *file, struct why *why)
{
	char path[PATH_MAX];
	if (!path_of(it, file->path, path, why) || !make_folders(it, path, why))
		return false;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return why_errno(why, "%s: cannot be made", path);
	bool fine = fill(it, file, fd, path, why);
	close(fd);
	*strrchr(path, '/') = '\0';
	return fine && place_sync(path, why);
}

static bool restore_files(const struct restoring *it, struct why *why)
{
	for (size_t i = 0; i < it->backup->count; i++) {
		say_at(it->work, it->backup, i);
		if (!restore_file(it, &it->backup->files[i], why))
			return false;
	}
	return true;
}

/* -------------------------------------------------------------- it is another now */

/* Its log was another's, who went on with it: no seq may mean two events. */
static bool set_forward(const struct restoring *it, uint64_t *next, struct why *why)
{
	char path[PATH_MAX];
	*next = ((it->backup->log_end + LEAST) / ROUND + 1) * ROUND + 1;
	if (!*it->backup->log_id)
		*next = 1;
	return *next == 1 || (path_of(it, "log", path, why) && log_set_forward(path, it->backup->log_end, *next, why));
}

static bool name_sources(const struct restoring *it, struct why *why)
{
	char path[PATH_MAX];
	for (size_t i = 0; i < it->backup->count; i++) {
		const char *below = it->backup->files[i].path;
		if (strncmp(below, "sources/", 8) == 0 && (!path_of(it, below, path, why) || !restored_source(path, why)))
			return false;
	}
	return true;
}

/* What SQLite and the log made meanwhile belongs to the daemon's user, too. */
static bool own_folder(const struct restoring *it, const char *below, struct why *why)
{
	char folder[PATH_MAX], path[2 * PATH_MAX];
	bool fine = path_of(it, below, folder, why);
	DIR *list = geteuid() == 0 ? opendir(folder) : NULL;
	for (struct dirent *entry; fine && list && (entry = readdir(list));) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (*entry->d_name != '.' && lchown(path, it->owner, it->group) < 0)
			fine = why_errno(why, "%s: cannot be given to the data folder's owner", path);
	}
	if (list)
		closedir(list);
	return fine;
}

/* The daemon was last alive when the backup was made, so that sources ask for what they missed. */
static bool finish(struct restoring *it, struct why *why)
{
	char path[PATH_MAX];
	const struct timespec at = { it->backup->at / 1000, it->backup->at % 1000 * 1000000 };
	const struct timespec times[2] = { at, at };
	if (!path_of(it, LOCK_UNFINISHED, path, why))
		return false;
	if (unlink(path) < 0)
		return why_errno(why, "%s", path);
	lock_drop(&it->lock);
	return path_of(it, "lock", path, why) &&
		(utimensat(AT_FDCWD, path, times, 0) == 0 || why_errno(why, "%s", path)) && place_sync(it->data, why);
}

static bool restore(struct restoring *it, bool over, uint64_t *next, struct why *why)
{
	struct stat folder;
	if (stat(it->data, &folder) < 0)
		return why_errno(why, "%s", it->data);
	it->owner = folder.st_uid;
	it->group = folder.st_gid;
	return make_room(it, over, why) && restore_files(it, why) && set_forward(it, next, why) && name_sources(it, why) &&
		own_folder(it, "", why) && own_folder(it, "log", why) && own_folder(it, "sources", why) && finish(it, why);
}

bool backup_restore(const struct backup *backup, const char *data, bool over, struct backup_work *work,
	const char **aside, uint64_t *next, struct why *why)
{
	struct restoring it = { .backup = backup, .data = data, .work = work, .lock.fd = -1 };
	it.aside = arena_format(backup->arena, "%s/replaced-%" PRId64, data, clock_wall());
	bool fine = lock_take_unfinished(data, &it.lock, why) && restore(&it, over, next, why);
	lock_drop(&it.lock);
	*aside = access(it.aside, F_OK) == 0 ? it.aside : NULL;
	return fine;
}
