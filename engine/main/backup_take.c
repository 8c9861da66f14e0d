/* SPDX-License-Identifier: Apache-2.0 */
/* backup_take.c - a backup is made, while the daemon runs or not: state first, then the log. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/place.h"
#include "main/backup.h"
#include "main/lock.h"
#include "store/log.h"
#include "store/state.h"

#define DEEPEST 4 /* folders below the data folder */

struct taking {
	struct backup *backup;
	struct backup *before; /* the one that is there; NULL: none */
	const char *data;
	char files[PATH_MAX], draft[PATH_MAX];
	struct backup_work *work;
	int lock;
};

/* ------------------------------------------------------------------ the folder */

/* What may stand in a folder that becomes a backup: nothing, or what an unfinished one left. */
static bool is_harmless(const char *name)
{
	static const char *const names[] = { ".", "..", "files", "backup.json.tmp", "lost+found" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool is_free(const char *dir, struct why *why)
{
	DIR *list = opendir(dir);
	bool fine = list || why_errno(why, "%s: cannot be read", dir);
	for (struct dirent *entry; fine && list && (entry = readdir(list));)
		if (!is_harmless(entry->d_name))
			fine = why_say(why, "%s is no backup, and has files already (%s): name a folder that is empty or not there",
				dir, entry->d_name);
	if (list)
		closedir(list);
	return fine;
}

/* Else the next backup would hold this one. */
static bool is_outside(const char *dir, const char *data, struct why *why)
{
	char there[PATH_MAX], here[PATH_MAX];
	if (!realpath(dir, there) || !realpath(data, here))
		return why_errno(why, "%s", dir);
	size_t len = strlen(here);
	if (strncmp(there, here, len) == 0 && (there[len] == '/' || there[len] == '\0'))
		return why_say(why, "%s lies in the data folder; a backup belongs on another disk", dir);
	return true;
}

static bool make_folders(struct taking *it, const char *dir, struct why *why)
{
	if (!place_make(dir, why) || !is_outside(dir, it->data, why))
		return false;
	it->before = backup_read(dir, why);
	if (!it->before && (why->text[0] || !is_free(dir, why)))
		return false;
	return place_make(it->files, why);
}

static bool begin(struct taking *it, const char *dir, struct why *why)
{
	snprintf(it->files, sizeof(it->files), "%s/files", dir);
	snprintf(it->draft, sizeof(it->draft), "%s/files/new.tmp", dir);
	if (!make_folders(it, dir, why))
		return false;
	it->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (it->lock < 0 || (flock(it->lock, LOCK_EX | LOCK_NB) < 0 && errno != EWOULDBLOCK))
		return why_errno(why, "%s", dir);
	return flock(it->lock, LOCK_EX | LOCK_NB) == 0 || why_say(why, "another backup is being written to %s", dir);
}

/* ------------------------------------------------------------------- one file */

/* The draft, of these bytes, becomes a file of the backup. */
static bool keep_draft(struct taking *it, struct backup_file *file, const struct backup_copy *copy, struct why *why)
{
	char path[PATH_MAX + BACKUP_HASH_SIZE];
	struct stat there;
	snprintf(path, sizeof(path), "%s/%s", it->files, copy->hash);
	file->stored = arena_string(it->backup->arena, copy->hash);
	file->bytes = copy->bytes;
	if (file->size < file->bytes)
		file->size = file->bytes;
	if (stat(path, &there) == 0 && there.st_size == copy->bytes) {
		it->work->kept += copy->bytes;
		it->work->bytes -= copy->bytes;
		return unlink(it->draft) == 0 || why_errno(why, "%s", it->draft);
	}
	return rename(it->draft, path) == 0 || why_errno(why, "%s: cannot be written", path);
}

static bool put(struct taking *it, struct backup_file *file, struct backup_copy *copy, struct why *why)
{
	copy->work = it->work;
	bool fine = backup_copy(copy, why);
	int fd = copy->to < 0 ? copy->from : copy->to;
	if (fine && fsync(fd) < 0)
		fine = why_errno(why, "%s: cannot be synced", copy->to_name);
	return fine && keep_draft(it, file, copy, why);
}

static int make_draft(struct taking *it, struct why *why)
{
	int fd = open(it->draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		why_errno(why, "%s: cannot be made", it->draft);
	return fd;
}

static bool put_bytes(struct taking *it, struct backup_file *file, int from, int64_t most, struct why *why)
{
	struct backup_copy copy = { .from = from, .from_name = file->path, .most = most };
	copy.to_name = arena_format(it->backup->arena, "%s: its copy in %s", file->path, it->backup->dir);
	copy.to = make_draft(it, why);
	bool fine = copy.to >= 0 && put(it, file, &copy, why);
	if (copy.to >= 0)
		close(copy.to);
	return fine;
}

/* What is damaged is taken as it is: its process will put it aside, and the rest is worth a backup. */
static bool put_state(struct taking *it, struct backup_file *file, const char *path, int fd, struct why *why)
{
	struct backup_copy copy = { .from_name = it->draft, .to_name = it->draft, .to = -1, .most = -1 };
	unlink(it->draft);
	enum state_copied end = state_copy(path, it->draft, why);
	file->damaged = end == STATE_DAMAGED;
	if (file->damaged)
		*why = (struct why){ "" };
	if (end != STATE_COPIED)
		return file->damaged && put_bytes(it, file, fd, -1, why);
	copy.from = open(it->draft, O_RDONLY | O_CLOEXEC);
	bool fine = copy.from >= 0 ? put(it, file, &copy, why) : why_errno(why, "%s", it->draft);
	if (copy.from >= 0)
		close(copy.from);
	return fine;
}

/* ---------------------------------------------------------------------- state */

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), most = strlen(end);
	return len >= most && strcmp(name + len - most, end) == 0;
}

/* A process's own, or put aside; the log has its own way. */
static bool stays_away(const char *name, bool top)
{
	static const char *const tops[] = { "log", "lock", "budgets", "refused", LOCK_UNFINISHED };
	static const char *const ends[] = { ".lock", "-wal", "-shm", "-journal", ".tmp" };
	for (size_t i = 0; top && i < sizeof(tops) / sizeof(*tops); i++)
		if (strcmp(name, tops[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (ends_with(name, ends[i]))
			return true;
	return *name == '.' || strstr(name, ".damaged-") || (top && strncmp(name, "replaced-", 9) == 0);
}

/* Ours have the name; what else lies there, a destination perhaps, has the words. */
static bool is_database(const char *below, int fd)
{
	static const char magic[16] = "SQLite format 3";
	char head[sizeof(magic)];
	if ((strncmp(below, "routes/", 7) == 0 || strncmp(below, "sources/", 8) == 0) && ends_with(below, ".db"))
		return true;
	return pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) && memcmp(head, magic, sizeof(magic)) == 0;
}

static bool take_file(struct taking *it, const char *below, struct why *why)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", it->data, below);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT || why_errno(why, "%s: cannot be read", path);
	it->work->path = below;
	struct backup_file *file = backup_add(it->backup, below, NULL);
	bool fine = is_database(below, fd) ? put_state(it, file, path, fd, why) : put_bytes(it, file, fd, -1, why);
	close(fd);
	it->work->told(it->work);
	return fine;
}

static bool take_folder(struct taking *it, const char *below, int deep, struct why *why);

static bool take_entry(struct taking *it, const char *folder, const struct dirent *entry, int deep, struct why *why)
{
	char below[PATH_MAX], path[2 * PATH_MAX];
	struct stat info;
	if (stays_away(entry->d_name, deep == 0))
		return true;
	snprintf(below, sizeof(below), "%s%s%s", folder, deep ? "/" : "", entry->d_name);
	snprintf(path, sizeof(path), "%s/%s", it->data, below);
	if (lstat(path, &info) < 0)
		return errno == ENOENT || why_errno(why, "%s", path);
	if (S_ISDIR(info.st_mode) && deep < DEEPEST)
		return take_folder(it, below, deep + 1, why);
	return !S_ISREG(info.st_mode) || take_file(it, below, why);
}

static bool take_folder(struct taking *it, const char *below, int deep, struct why *why)
{
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	bool fine = true;
	snprintf(path, sizeof(path), "%s/%s", it->data, below);
	int count = scandir(path, &entries, NULL, alphasort);
	if (count < 0)
		return why_errno(why, "%s: cannot be read", path);
	for (int i = 0; i < count; i++) {
		fine = fine && take_entry(it, below, entries[i], deep, why);
		free(entries[i]);
	}
	free(entries);
	return fine;
}

/* -------------------------------------------------------------------- the log */

/* One that is as it was then need not be read: a segment of this salt never changes
 * before its end. */
static bool is_kept(struct taking *it, struct backup_file *file)
{
	char path[PATH_MAX + BACKUP_HASH_SIZE];
	struct stat there;
	const struct backup_file *old = backup_find(it->before, file->path);
	if (!old || !old->mark || strcmp(old->mark, file->mark) != 0)
		return false;
	snprintf(path, sizeof(path), "%s/%s", it->files, old->stored);
	if (stat(path, &there) < 0 || there.st_size != old->bytes)
		return false;
	file->stored = arena_string(it->backup->arena, old->stored);
	file->bytes = old->bytes;
	it->work->kept += old->bytes;
	return true;
}

static bool take_piece(const struct log_piece *piece, void *data, struct why *why)
{
	struct taking *it = data;
	char path[64], mark[64];
	snprintf(path, sizeof(path), "log/%s", piece->name);
	snprintf(mark, sizeof(mark), "%016" PRIx64 "-%" PRIu64, piece->salt, piece->used);
	struct backup_file *file = backup_add(it->backup, path, mark);
	file->size = (int64_t)piece->size;
	it->work->path = file->path;
	it->work->at = piece->at + 1;
	it->work->count = piece->count;
	bool fine = is_kept(it, file) ||
		(lseek(piece->fd, 0, SEEK_SET) == 0 && put_bytes(it, file, piece->fd, (int64_t)piece->used, why));
	it->work->told(it->work);
	return fine;
}

static bool take_log(struct taking *it, struct why *why)
{
	char path[PATH_MAX];
	struct log_stat stat;
	struct backup *backup = it->backup;
	snprintf(path, sizeof(path), "%s/log", it->data);
	if (access(path, F_OK) < 0)
		return true;
	if (!take_file(it, "log/id", why) || !log_pieces(path, take_piece, it, &stat, why))
		return false;
	backup->log_id = arena_string(backup->arena, stat.id);
	backup->log_begin = stat.begin;
	backup->log_end = stat.end;
	return true;
}

/* ------------------------------------------------------------------------ end */

static bool is_needed(const struct backup *backup, const char *name)
{
	for (size_t i = 0; backup && i < backup->count; i++)
		if (backup->files[i].stored && strcmp(backup->files[i].stored, name) == 0)
			return true;
	return false;
}

/* What only an older backup had, or one that broke off. */
static void tidy(const struct taking *it, const struct backup *stays)
{
	DIR *list = opendir(it->files);
	for (struct dirent *entry; list && (entry = readdir(list));)
		if (entry->d_name[0] != '.' && !is_needed(stays, entry->d_name))
			unlinkat(dirfd(list), entry->d_name, 0);
	if (list)
		closedir(list);
	if (!stays)
		rmdir(it->files);
}

struct backup *backup_take(const char *data, const char *dir, struct backup_work *work, struct why *why)
{
	struct taking it = { .backup = backup_new(dir), .data = data, .work = work, .lock = -1 };
	it.backup->at = clock_wall();
	bool begun = begin(&it, dir, why);
	bool exchanged = begun && take_folder(&it, "", 0, why) && take_log(&it, why) && place_sync(it.files, why) &&
		backup_write(it.backup, why);
	bool fine = exchanged && place_sync(dir, why);
	if (begun && fine == exchanged) /* else either manifest may be there after a power cut: all files stay */
		tidy(&it, fine ? it.backup : it.before);
	struct why broke = *why;
	if (exchanged && !fine)
		why_say(why, "%.400s; all files of this backup and of the one before are there: make it again", broke.text);
	else if (begun && !fine && it.before)
		why_say(why, "%.400s; the backup that was there before is whole", broke.text);
	if (it.lock >= 0)
		close(it.lock);
	backup_free(&it.before);
	if (!fine)
		backup_free(&it.backup);
	return it.backup;
}
