/* SPDX-License-Identifier: Apache-2.0 */
/* shim.c - loaded before the C library: stands between a daemon and its disk, notes what it does, and does it harm.
 *
 * It hands itself on to every process that one of its processes becomes or begins, whatever environment that one is
 * given, so the program under test knows nothing of it.  Three variables of the environment tell it what to do:
 *
 *   SHIM_ROOT     the folder whose files are meant; the others are left alone
 *   SHIM_PAGE     a file of 4096 bytes that all processes map: `struct levers`, which the test moves while they run
 *   SHIM_JOURNAL  a folder: each process notes in a file of its own what it did to the files, as `struct note`
 *
 * From the notes a test makes what a disk may hold that lost its power at any moment (power.py).  So that this takes no
 * time, nothing is really synced: what is asked for is noted.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define OURS __attribute__((visibility("default")))
#define SAME_AS(name) __attribute__((visibility("default"), alias(#name)))

/* ---------------------------------------------------------------------- levers */

enum { WRITES = 1,
	SYNCS = 2,
	READS = 4,
	ENTRIES = 8,
	MEMORY = 16 };
/* What befalls a call: an errno, or one of these. */
enum { DIE = 1000,
	DIE_HALF = 1001,
	DIE_ALL = 1002 };

struct levers {                 /* power.py has the same */
	_Atomic uint64_t now;   /* the number of the last thing noted */
	_Atomic uint64_t met;   /* calls that the lever was asked about */
	_Atomic uint64_t hits;  /* ... and that were harmed */
	_Atomic uint64_t kinds; /* of calls that are harmed; 0: none are */
	uint64_t at, times;     /* the first that is harmed, from 1; how many are */
	uint64_t chance;        /* instead: so many in a million */
	uint64_t what;
	_Atomic uint64_t fallen; /* who does anything now ends */
	char path[64];           /* only files whose path has this in it */
	char title[64];          /* only processes whose argv[0] has this in it */
};

static const char *const handed_on[] = { "LD_PRELOAD=", "SHIM_ROOT=", "SHIM_PAGE=", "SHIM_JOURNAL=", "ASAN_OPTIONS=" };
#define HANDED_ON (sizeof(handed_on) / sizeof(*handed_on))
static char kept[HANDED_ON][PATH_MAX];

static struct levers unmapped, *levers = &unmapped;
static const char *root, *own_title = "";
static int journal = -1;
static __thread bool inside; /* what is asked for now is not harmed */

static bool lot(uint64_t number, uint64_t in_a_million)
{
	uint64_t mixed = (number + levers->at) * 0x9e3779b97f4a7c15u;
	mixed = (mixed ^ (mixed >> 31)) * 0xbf58476d1ce4e5b9u;
	return (mixed ^ (mixed >> 29)) % 1000000 < in_a_million;
}

static _Noreturn void die(uint64_t how)
{
	if (how == DIE_ALL)
		levers->fallen = 1;
	for (;;)
		syscall(SYS_exit_group, 137);
}

/* Returns the errno of a call that fails, 0 for one that goes through. */
static int harm(uint64_t kind, const char *path)
{
	if (!(levers->kinds & kind) || inside || !strstr(own_title, levers->title))
		return 0;
	if (levers->path[0] && (!path || !strstr(path, levers->path)))
		return 0;
	uint64_t number = atomic_fetch_add(&levers->met, 1) + 1;
	bool due = number >= levers->at && number - levers->at < levers->times;
	bool hit = levers->chance ? lot(number, levers->chance) : due;
	if (!hit)
		return 0;
	levers->hits++;
	if (levers->what == DIE || levers->what == DIE_ALL)
		die(levers->what);
	return (int)levers->what;
}

/* ----------------------------------------------------------------------- notes */

/* clang-format off */
enum {
	N_WRITE = 1, N_ZEROS, N_CUT, N_RESERVE, N_SYNC, N_MAKE, N_FOLDER, N_MOVE, N_LINK, N_GONE, N_MAPPED,
	N_FAILED, /* a sync */
};
/* clang-format on */

struct note { /* power.py has the same; behind it the path or paths, each with a NUL, then the bytes */
	uint32_t size, kind;
	uint64_t begun, ended; /* numbers of `now`: what ended after the power went may not have happened */
	uint64_t file;         /* its inode */
	uint64_t at, len;
	uint32_t path_len, bytes_len;
};

#define FDS 65536
#define PARTS 64
static _Atomic unsigned char ours[FDS]; /* is below the root */

static uint64_t moment(void)
{
	return atomic_fetch_add(&levers->now, 1) + 1;
}

static uint64_t inode(int fd)
{
	struct stat file;
	return syscall(SYS_newfstatat, fd, "", &file, AT_EMPTY_PATH) == 0 ? file.st_ino : 0;
}

static void put(struct note *note, const char *paths, const struct iovec *parts, int count)
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

/* ------------------------------------------------------------------ what is mapped */

#define MAPS 8
#define PAGE 4096
static struct map {
	char *at;
	uint64_t file;
	char seen[PAGE];
} maps[MAPS];
static pthread_mutex_t maps_lock = PTHREAD_MUTEX_INITIALIZER;

/* A store into mapped memory is heard of when the next call is noted; any of its states may reach the disk. */
static void look_at_maps(void)
{
	if (journal < 0)
		return;
	pthread_mutex_lock(&maps_lock);
	for (struct map *map = maps; map < maps + MAPS; map++) {
		if (!map->at || memcmp(map->at, map->seen, PAGE) == 0)
			continue;
		memcpy(map->seen, map->at, PAGE);
		struct note note = { .kind = N_MAPPED, .begun = moment(), .file = map->file, .len = PAGE };
		note.ended = note.begun;
		put(&note, "", &(struct iovec){ map->seen, PAGE }, 1);
	}
	pthread_mutex_unlock(&maps_lock);
}

static void remember_map(char *at, int fd)
{
	pthread_mutex_lock(&maps_lock);
	for (struct map *map = maps; map < maps + MAPS; map++)
		if (!map->at) {
			map->file = inode(fd);
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

OURS void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	void *got = (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
	bool meant = fd >= 0 && fd < FDS && ours[fd] == 1 && (flags & MAP_SHARED) && (protection & PROT_WRITE);
	if (got != MAP_FAILED && meant && len == PAGE && offset == 0)
		remember_map(got, fd);
	return got;
}
SAME_AS(mmap)
void *mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset);

OURS int munmap(void *at, size_t len)
{
	look_at_maps();
	pthread_mutex_lock(&maps_lock);
	struct map *map = map_at(at);
	if (map)
		map->at = NULL;
	pthread_mutex_unlock(&maps_lock);
	return (int)syscall(SYS_munmap, at, len);
}

/* ---------------------------------------------------------------------- writing */

/* Some are closed unheard, by the C library itself: what is no file by now is another one's. */
static bool meant(int fd)
{
	struct stat file;
	if (fd < 0 || fd >= FDS || !ours[fd])
		return false;
	if (syscall(SYS_newfstatat, fd, "", &file, AT_EMPTY_PATH) == 0 && (S_ISREG(file.st_mode) || S_ISDIR(file.st_mode)))
		return true;
	ours[fd] = 0;
	return false;
}

static const char *path_of(int fd, char path[PATH_MAX])
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
	path[len > 0 ? len : 0] = '\0';
	return path;
}

static int harm_at(uint64_t kind, int fd)
{
	char path[PATH_MAX];
	return levers->kinds & kind ? harm(kind, path_of(fd, path)) : 0;
}

static ssize_t fail(int error)
{
	errno = error;
	return -1;
}

static int cut_parts(struct iovec *out, const struct iovec *parts, int count, size_t len)
{
	int n = 0;
	for (int i = 0; i < count && i < PARTS && len; i++) {
		out[n] = parts[i];
		if (out[n].iov_len > len)
			out[n].iov_len = len;
		len -= out[n++].iov_len;
	}
	return n;
}

static bool is_zeros(const struct iovec *parts, int count)
{
	const char *at = parts->iov_base;
	return count == 1 && parts->iov_len > 1 && !at[0] && memcmp(at, at + 1, parts->iov_len - 1) == 0;
}

static void note_write(struct note *note, const struct iovec *parts, int count, size_t len)
{
	struct iovec wrote[PARTS];
	int n = cut_parts(wrote, parts, count, len);
	bool zeros = is_zeros(wrote, n);
	note->kind = zeros ? N_ZEROS : N_WRITE;
	note->len = len;
	note->ended = moment();
	put(note, "", wrote, zeros ? 0 : n);
}

static ssize_t raw_write(int fd, const struct iovec *parts, int count, off_t at)
{
	if (at < 0)
		return syscall(SYS_writev, fd, parts, count);
	return syscall(SYS_pwritev, fd, parts, count, at, 0);
}

static void write_half(int fd, const struct iovec *parts, int count, off_t at)
{
	struct iovec half[PARTS];
	size_t len = 0;
	for (int i = 0; i < count; i++)
		len += parts[i].iov_len;
	raw_write(fd, half, cut_parts(half, parts, count, len / 2), at);
	die(DIE);
}

/* `at` -1: where the file stands. */
static ssize_t do_write(int fd, const struct iovec *parts, int count, off_t at)
{
	if (levers->fallen)
		die(DIE);
	if (!meant(fd))
		return raw_write(fd, parts, count, at);
	look_at_maps();
	int error = harm_at(WRITES, fd);
	if (error == DIE_HALF)
		write_half(fd, parts, count, at);
	if (error)
		return fail(error);
	struct note note = { .begun = moment(), .file = inode(fd) };
	ssize_t wrote = raw_write(fd, parts, count, at);
	if (wrote > 0) {
		int error_kept = errno;
		note.at = at >= 0 ? (uint64_t)at : (uint64_t)(syscall(SYS_lseek, fd, 0, SEEK_CUR) - wrote);
		note_write(&note, parts, count, (size_t)wrote);
		errno = error_kept;
	}
	return wrote;
}

OURS ssize_t write(int fd, const void *bytes, size_t len)
{
	return do_write(fd, &(struct iovec){ (void *)bytes, len }, 1, -1);
}

OURS ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	return do_write(fd, &(struct iovec){ (void *)bytes, len }, 1, at);
}
SAME_AS(pwrite)
ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at);

OURS ssize_t writev(int fd, const struct iovec *parts, int count)
{
	return do_write(fd, parts, count, -1);
}

OURS ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	return do_write(fd, parts, count, at);
}
SAME_AS(pwritev)
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at);

OURS int ftruncate(int fd, off_t len)
{
	int error = meant(fd) ? harm_at(WRITES, fd) : 0;
	if (error)
		return (int)fail(error == DIE_HALF ? EIO : error);
	struct note note = { .kind = N_CUT, .begun = moment(), .len = (uint64_t)len };
	int outcome = (int)syscall(SYS_ftruncate, fd, len);
	if (outcome == 0 && meant(fd)) {
		note.file = inode(fd);
		note.ended = moment();
		put(&note, "", NULL, 0);
	}
	return outcome;
}
SAME_AS(ftruncate)
int ftruncate64(int fd, off_t len);

OURS int fallocate(int fd, int mode, off_t at, off_t len)
{
	int error = meant(fd) ? harm_at(WRITES, fd) : 0;
	if (error)
		return (int)fail(error == DIE_HALF ? EIO : error);
	struct note note = { .kind = N_RESERVE, .begun = moment(), .at = (uint64_t)at, .len = (uint64_t)len };
	int outcome = (int)syscall(SYS_fallocate, fd, mode, at, len);
	if (outcome == 0 && meant(fd) && mode == 0) {
		note.file = inode(fd);
		note.ended = moment();
		put(&note, "", NULL, 0);
	}
	return outcome;
}
SAME_AS(fallocate)
int fallocate64(int fd, int mode, off_t at, off_t len);

/* ---------------------------------------------------------------------- syncing */

static int do_sync(uint64_t file, const char *path)
{
	look_at_maps();
	int error = harm(SYNCS, path);
	struct note note = { .kind = error ? N_FAILED : N_SYNC, .begun = moment(), .file = file };
	note.ended = moment();
	put(&note, "", NULL, 0);
	return error ? (int)fail(error == DIE_HALF ? EIO : error) : 0;
}

OURS int fdatasync(int fd)
{
	char path[PATH_MAX];
	return meant(fd) ? do_sync(inode(fd), path_of(fd, path)) : (int)syscall(SYS_fdatasync, fd);
}

OURS int fsync(int fd)
{
	char path[PATH_MAX];
	return meant(fd) ? do_sync(inode(fd), path_of(fd, path)) : (int)syscall(SYS_fsync, fd);
}

OURS int msync(void *at, size_t len, int flags)
{
	struct map *map = map_at(at);
	return map ? do_sync(map->file, "mapped") : (int)syscall(SYS_msync, at, len, flags);
}

/* ---------------------------------------------------------------------- reading */

static bool no_read(int fd)
{
	int error = meant(fd) ? harm_at(READS, fd) : 0;
	if (error)
		errno = error;
	return error != 0;
}

OURS ssize_t read(int fd, void *bytes, size_t len)
{
	if (levers->fallen)
		die(DIE);
	return no_read(fd) ? -1 : syscall(SYS_read, fd, bytes, len);
}

OURS ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
	return no_read(fd) ? -1 : syscall(SYS_pread64, fd, bytes, len, at);
}
SAME_AS(pread)
ssize_t pread64(int fd, void *bytes, size_t len, off_t at);

/* ---------------------------------------------------------------------- entries */

static bool below_root(const char *path)
{
	size_t len = root ? strlen(root) : 0;
	return len && strncmp(path, root, len) == 0 && (path[len] == '/' || !path[len]);
}

/* The path from the root of all, as it was said. */
static void whole_path(int dir, const char *name, char path[PATH_MAX])
{
	size_t len = 0;
	path[0] = '\0';
	if (name[0] != '/') {
		if (dir == AT_FDCWD)
			syscall(SYS_getcwd, path, PATH_MAX);
		else
			path_of(dir, path);
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
	note->ended = moment();
	put(note, paths, NULL, 0);
}

/* The likes of "x-shm" are made anew by whoever opens them first, and so of no account. */
static int watch(int fd, int flags, bool made, uint64_t begun)
{
	char path[PATH_MAX];
	if (fd < 0 || fd >= FDS || !root || !below_root(path_of(fd, path)))
		return fd;
	size_t len = strlen(path);
	ours[fd] = len > 4 && strcmp(path + len - 4, "-shm") == 0 ? 2 : 1;
	struct note note = { .kind = N_MAKE, .begun = begun, .file = inode(fd) };
	if (made) {
		note_entry(&note, path, NULL);
	} else if (flags & O_TRUNC) {
		note.kind = N_CUT;
		note.ended = moment();
		put(&note, "", NULL, 0);
	}
	return fd;
}

/* A machine that lost its power was started since: it has another boot id, the one beside the levers. */
static const char *boot_id(const char *name, char path[PATH_MAX])
{
	const char *page = kept[2] + strlen(handed_on[2]), *slash = strrchr(kept[2], '/');
	if (!root || !slash || strcmp(name, "/proc/sys/kernel/random/boot_id") != 0)
		return name;
	snprintf(path, PATH_MAX, "%.*s/boot_id", (int)(slash - page), page);
	return path;
}

static int do_open(int dir, const char *name, int flags, mode_t mode)
{
	char path[PATH_MAX], other[PATH_MAX];
	name = boot_id(name, other);
	bool makes = root && (flags & O_CREAT) != 0;
	if (!makes)
		return watch((int)syscall(SYS_openat, dir, name, flags, mode), flags, false, root ? moment() : 0);
	whole_path(dir, name, path);
	int error = below_root(path) ? harm(ENTRIES, path) : 0;
	if (error)
		return (int)fail(error == DIE_HALF ? EIO : error);
	bool made = syscall(SYS_faccessat, dir, name, F_OK) != 0;
	uint64_t begun = moment();
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
	if (meant(fd)) {
		look_at_maps();
		ours[fd] = 0;
	}
	return (int)syscall(SYS_close, fd);
}

static int do_entry(uint32_t kind, const char *path, const char *second, int outcome, uint64_t begun)
{
	struct note note = { .kind = kind, .begun = begun };
	struct stat file;
	if (outcome < 0 || !below_root(path))
		return outcome;
	if (kind == N_FOLDER && syscall(SYS_newfstatat, AT_FDCWD, path, &file, 0) == 0)
		note.file = file.st_ino;
	note_entry(&note, path, second);
	return outcome;
}

static bool no_entry(const char *path)
{
	int error = below_root(path) ? harm(ENTRIES, path) : 0;
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
	uint64_t begun = moment();
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
	uint64_t begun = moment();
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
	uint64_t begun = moment();
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
	uint64_t begun = moment();
	return do_entry(N_FOLDER, path, NULL, (int)syscall(SYS_mkdirat, dir, name, mode), begun);
}

OURS int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

/* ----------------------------------------------------------------------- memory */

/* The next one's, of the C library or of a sanitizer. */
#define NEXT(name) ((__typeof__(&name))find_next((void **)&next_##name, #name))
static void *next_malloc, *next_calloc, *next_realloc, *next_strdup;

static void *find_next(void **place, const char *name)
{
	if (!*place)
		*place = dlsym(RTLD_NEXT, name);
	return *place;
}

static bool no_memory(void)
{
	if (!(levers->kinds & MEMORY) || !harm(MEMORY, NULL))
		return false;
	errno = ENOMEM;
	return true;
}

OURS void *malloc(size_t size)
{
	return no_memory() ? NULL : NEXT(malloc)(size);
}

OURS void *calloc(size_t count, size_t size)
{
	return no_memory() ? NULL : NEXT(calloc)(count, size);
}

OURS void *realloc(void *at, size_t size)
{
	return no_memory() ? NULL : NEXT(realloc)(at, size);
}

OURS char *strdup(const char *text)
{
	return no_memory() ? NULL : NEXT(strdup)(text);
}

/* libseccomp 2.5.4 follows a null pointer there when it has no memory.  The process has done nothing by then. */
OURS int seccomp_load(void *filter);
OURS int seccomp_load(void *filter)
{
	static int (*next)(void *);
	if (!next)
		next = (int (*)(void *))dlsym(RTLD_NEXT, "seccomp_load");
	inside = true;
	int outcome = next(filter);
	inside = false;
	return outcome;
}

/* ------------------------------------------------------------------ handed on */

#define VARIABLES 512

static bool is_ours(const char *variable)
{
	for (size_t i = 0; i < HANDED_ON; i++)
		if (strncmp(variable, handed_on[i], strlen(handed_on[i])) == 0)
			return true;
	return false;
}

/* Whatever environment a process is to have, ours is in it. */
static void merge(char *out[VARIABLES + HANDED_ON + 1], char *const environment[])
{
	size_t count = 0;
	for (; *environment && count < VARIABLES; environment++)
		if (!is_ours(*environment))
			out[count++] = *environment;
	for (size_t i = 0; i < HANDED_ON; i++)
		if (kept[i][0])
			out[count++] = kept[i];
	out[count] = NULL;
}

OURS int execve(const char *path, char *const words[], char *const environment[])
{
	char *merged[VARIABLES + HANDED_ON + 1];
	merge(merged, environment);
	return (int)syscall(SYS_execve, path, words, merged);
}

OURS int execvp(const char *file, char *const words[])
{
	char *merged[VARIABLES + HANDED_ON + 1];
	merge(merged, environ);
	return execvpe(file, words, merged);
}

/* ------------------------------------------------------------------------ begin */

static void *map_levers(const char *path)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		syscall(SYS_close, fd);
	return at == MAP_FAILED ? NULL : at;
}

static void open_journal(const char *folder)
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

__attribute__((constructor)) static void begin(int count, char **words, char **environment)
{
	for (size_t i = 0; i < HANDED_ON; i++)
		for (char **variable = environment; *variable; variable++)
			if (strncmp(*variable, handed_on[i], strlen(handed_on[i])) == 0)
				snprintf(kept[i], sizeof(kept[i]), "%s", *variable);
	const char *page = getenv("SHIM_PAGE"), *folder = getenv("SHIM_JOURNAL");
	void *mapped = page ? map_levers(page) : NULL;
	if (!mapped)
		return;
	static char title[64];
	snprintf(title, sizeof(title), "%s%s%s", count ? words[0] : "", count > 1 ? " " : "", count > 1 ? words[1] : "");
	own_title = title;
	root = getenv("SHIM_ROOT") ? kept[1] + strlen(handed_on[1]) : NULL;
	levers = mapped;
	if (folder && strncmp(kept[3], handed_on[3], strlen(handed_on[3])) == 0)
		open_journal(kept[3] + strlen(handed_on[3]));
}
