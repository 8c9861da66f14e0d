/* SPDX-License-Identifier: Apache-2.0 */
/* built.c - plugins in C that lie in a folder of their own, compiled when they are old. */
#include "main/built.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "main/share.h"

/* --------------------------------------------------------------- old or not */

static bool newer(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* FOLDER/NAME.c of FOLDER/NAME.so; NULL if that is no such file's name. */
static const char *source_of(const char *path, struct arena *arena)
{
	size_t len = strlen(path);
	if (len < 4 || strcmp(path + len - 3, ".so") != 0)
		return NULL;
	return arena_format(arena, "%.*s.c", (int)(len - 3), path);
}

static const char *folder_of(const char *path, struct arena *arena)
{
	const char *slash = strrchr(path, '/');
	return slash ? arena_copy(arena, path, (size_t)(slash - path)) : ".";
}

static bool any_newer(const char *folder, const char *ending, const struct timespec *than, struct arena *arena)
{
	glob_t found = { 0 };
	struct stat file;
	bool is = false;
	if (glob(arena_format(arena, "%s/*%s", folder, ending), 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			is = is || (stat(found.gl_pathv[i], &file) == 0 && newer(&file.st_mtim, than));
	globfree(&found);
	return is;
}

enum built built_state(const char *path)
{
	struct arena *arena = arena_new();
	const char *source = source_of(path, arena), *folder = folder_of(path, arena);
	struct stat made;
	enum built state = BUILT_FINE;
	if (source && access(source, F_OK) == 0) {
		if (stat(path, &made) != 0)
			state = BUILT_NOT;
		else if (any_newer(folder, ".c", &made.st_mtim, arena) || any_newer(folder, ".h", &made.st_mtim, arena))
			state = BUILT_OLD;
	}
	arena_free(&arena);
	return state;
}

/* ------------------------------------------------------------- the compiler */

/* A command on its way: its words, and what it says. */
struct making {
	const char *words[128]; /* ends with NULL */
	size_t count;
	struct buf said;
	int status;
};

static void add_word(struct making *making, const char *word)
{
	if (making->count < sizeof(making->words) / sizeof(*making->words) - 1)
		making->words[making->count++] = word;
}

static void hear(struct making *making, int fd, pid_t pid)
{
	char piece[4096];
	ssize_t len;
	while ((len = read(fd, piece, sizeof(piece))) > 0 || (len < 0 && errno == EINTR))
		if (len > 0)
			buf_add(&making->said, piece, (size_t)len);
	while (waitpid(pid, &making->status, 0) < 0 && errno == EINTR)
		;
}

static int spawn(const struct making *making, int output, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	int error = posix_spawnp(pid, making->words[0], &actions, NULL, (char *const *)making->words, environ);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* 0, or the error why it could not begin: ENOENT if there is no such program. */
static int run(struct making *making)
{
	int pipes[2];
	pid_t pid;
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return errno;
	int error = spawn(making, pipes[1], &pid);
	close(pipes[1]);
	if (!error)
		hear(making, pipes[0], pid);
	close(pipes[0]);
	return error;
}

/* --------------------------------------------------------------- two commands */

static int run_make(struct making *making, const char *folder, const char *name, struct arena *arena)
{
	if (access(arena_format(arena, "%s/Makefile", folder), F_OK) != 0)
		return ENOENT;
	const char *const words[] = { "make", "-s", "-C", folder, name };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		add_word(making, words[i]);
	return run(making);
}

/* What is installed beside this program for plugins; a header in the folder itself comes first. */
static void add_helpers(struct making *making, struct arena *arena)
{
	static const char *const places[][2] = { { "share/sluice/include", "libsluice-sdk.a" },
		{ "../include/sluice", "../lib/libsluice-sdk.a" } };
	const char *program = share_program_folder(arena);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *headers = arena_format(arena, "%s/%s", program, places[i][0]);
		const char *library = arena_format(arena, "%s/%s", program, places[i][1]);
		if (access(headers, X_OK) != 0 || access(library, R_OK) != 0)
			continue;
		add_word(making, "-iquote");
		add_word(making, headers);
		add_word(making, library);
		return;
	}
}

/* Signatures are OpenSSL's: only who makes some has to have its library. */
static bool wants_crypto(const char *path)
{
	char line[1024];
	bool wants = false;
	FILE *file = fopen(path, "re");
	while (file && !wants && fgets(line, sizeof(line), file))
		wants = strncmp(line, "#include \"sign.h\"", 17) == 0;
	if (file)
		fclose(file);
	return wants;
}

/* Into a file of another name first: a daemon may have the old one mapped. */
static int run_cc(struct making *making, const char *folder, const char *path, struct arena *arena)
{
	const char *fresh = arena_format(arena, "%s.new", path);
	const char *const words[] = { "cc", "-std=gnu11", "-O2", "-g", "-Wall", "-fPIC", "-fvisibility=hidden", "-shared",
		"-o", fresh };
	glob_t found = { 0 };
	bool crypto = false;
	making->count = 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		add_word(making, words[i]);
	if (glob(arena_format(arena, "%s/*.c", folder), 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			add_word(making, arena_string(arena, found.gl_pathv[i]));
			crypto = crypto || wants_crypto(found.gl_pathv[i]);
		}
	globfree(&found);
	add_helpers(making, arena);
	if (crypto)
		add_word(making, "-lcrypto");
	int error = run(making);
	if (!error && making->status == 0 && rename(fresh, path) != 0)
		error = errno;
	return error;
}

static bool tell(const struct making *making, int error, const char *path, struct why *why)
{
	if (error == ENOENT)
		return why_say(why, "%s: there is no C compiler to build it with; install cc (Debian: apt install gcc)", path);
	if (error)
		return why_say(why, "%s: cannot be built: %s", path, strerror(error));
	if (making->status == 0 && access(path, F_OK) == 0)
		return true;
	for (size_t i = 0; i < making->count; i++)
		fprintf(stderr, "%s%s", i ? " " : "", making->words[i]);
	fprintf(stderr, "\n%s", making->said.at ? making->said.at : "");
	return why_say(why, "%s: cannot be built; the compiler's words stand above", path);
}

bool built_make(const char *path, struct why *why)
{
	struct arena *arena = arena_new();
	struct making making = { 0 };
	const char *folder = folder_of(path, arena), *slash = strrchr(path, '/');
	int error = run_make(&making, folder, slash ? slash + 1 : path, arena);
	if (error == ENOENT)
		error = run_cc(&making, folder, path, arena);
	bool fine = tell(&making, error, path, why);
	if (fine)
		chmod(path, 0755); /* others may read it, as they may what it is made of */
	buf_free(&making.said);
	arena_free(&arena);
	return fine;
}
