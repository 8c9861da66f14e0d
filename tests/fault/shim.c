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
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---------------------------------------------------------------------- levers */

static const char *const handed_on[] = { "LD_PRELOAD=", "SHIM_ROOT=", "SHIM_PAGE=", "SHIM_JOURNAL=", "ASAN_OPTIONS=" };
#define HANDED_ON (sizeof(handed_on) / sizeof(*handed_on))
static char kept[HANDED_ON][PATH_MAX];

static struct levers unmapped;
struct levers *shim_levers = &unmapped;
static const char *own_title = "";
const char *shim_root;
__thread bool shim_inside;
_Atomic unsigned char shim_ours[FDS];

static bool lot(uint64_t number, uint64_t in_a_million)
{
	uint64_t mixed = (number + shim_levers->at) * 0x9e3779b97f4a7c15u;
	mixed = (mixed ^ (mixed >> 31)) * 0xbf58476d1ce4e5b9u;
	return (mixed ^ (mixed >> 29)) % 1000000 < in_a_million;
}

_Noreturn void shim_die(uint64_t how)
{
	if (how == DIE_ALL)
		shim_levers->fallen = 1;
	for (;;)
		syscall(SYS_exit_group, 137);
}

int shim_harm(uint64_t kind, const char *path)
{
	if (!(shim_levers->kinds & kind) || shim_inside || !strstr(own_title, shim_levers->title))
		return 0;
	if (shim_levers->path[0] && (!path || !strstr(path, shim_levers->path)))
		return 0;
	uint64_t number = atomic_fetch_add(&shim_levers->met, 1) + 1;
	bool due = number >= shim_levers->at && number - shim_levers->at < shim_levers->times;
	bool hit = shim_levers->chance ? lot(number, shim_levers->chance) : due;
	if (!hit)
		return 0;
	shim_levers->hits++;
	if (shim_levers->what == DIE || shim_levers->what == DIE_ALL)
		shim_die(shim_levers->what);
	return (int)shim_levers->what;
}

/* ------------------------------------------------------- which files are meant */

/* Some are closed unheard, by the C library itself: what is no file by now is another one's. */
bool shim_meant(int fd)
{
	struct stat file;
	if (fd < 0 || fd >= FDS || !shim_ours[fd])
		return false;
	if (syscall(SYS_newfstatat, fd, "", &file, AT_EMPTY_PATH) == 0 && (S_ISREG(file.st_mode) || S_ISDIR(file.st_mode)))
		return true;
	shim_ours[fd] = 0;
	return false;
}

const char *shim_path(int fd, char path[PATH_MAX])
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
	path[len > 0 ? len : 0] = '\0';
	return path;
}

int shim_harm_at(uint64_t kind, int fd)
{
	char path[PATH_MAX];
	return shim_levers->kinds & kind ? shim_harm(kind, shim_path(fd, path)) : 0;
}

ssize_t shim_fail(int error)
{
	errno = error;
	return -1;
}

bool shim_below_root(const char *path)
{
	size_t len = shim_root ? strlen(shim_root) : 0;
	return len && strncmp(path, shim_root, len) == 0 && (path[len] == '/' || !path[len]);
}

/* A machine that lost its power was started since: it has another boot id, the one beside the levers. */
const char *shim_boot_id(const char *name, char path[PATH_MAX])
{
	const char *page = kept[2] + strlen(handed_on[2]), *slash = strrchr(kept[2], '/');
	if (!shim_root || !slash || strcmp(name, "/proc/sys/kernel/random/boot_id") != 0)
		return name;
	snprintf(path, PATH_MAX, "%.*s/boot_id", (int)(slash - page), page);
	return path;
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
	shim_root = getenv("SHIM_ROOT") ? kept[1] + strlen(handed_on[1]) : NULL;
	shim_levers = mapped;
	if (folder && strncmp(kept[3], handed_on[3], strlen(handed_on[3])) == 0)
		note_begin(kept[3] + strlen(handed_on[3]));
}
