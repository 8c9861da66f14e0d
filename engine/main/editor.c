/* SPDX-License-Identifier: Apache-2.0 */
/* editor.c - a text, changed by a person in their own editor. */
#include "main/editor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool read_all(int fd, size_t most, struct buf *out, const char *path, struct why *why)
{
	char bytes[16384];
	ssize_t len;
	while ((len = read(fd, bytes, sizeof(bytes))) > 0 || (len < 0 && errno == EINTR)) {
		if (len > 0)
			buf_add(out, bytes, (size_t)len);
		if (out->len > most)
			return why_say(why, "%s is larger than %zu MB", path, most >> 20);
	}
	return len == 0 || why_errno(why, "%s cannot be read", path);
}

bool editor_read(const char *path, size_t most, struct buf *out, struct why *why)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return why_errno(why, "%s cannot be read", path);
	bool fine = read_all(fd, most, out, path, why);
	if (!is_stdin)
		close(fd);
	return fine;
}

static bool write_file(struct sl_text text, char *path, struct why *why)
{
	const char *folder = getenv("TMPDIR");
	snprintf(path, EDITOR_PATH, "%s/sluice-XXXXXX.json", folder && *folder ? folder : "/tmp");
	int fd = mkostemps(path, 5, O_CLOEXEC);
	if (fd < 0)
		return why_errno(why, "%s cannot be made", path);
	size_t done = 0;
	ssize_t len = 0;
	while (done < text.len && ((len = write(fd, text.at + done, text.len - done)) > 0 || errno == EINTR))
		done += len > 0 ? (size_t)len : 0;
	bool fine = done == text.len || why_errno(why, "%s cannot be written", path);
	close(fd);
	return fine;
}

/* The variable may hold a command with words of its own: "code --wait". */
static bool spawn_editor(const char *path, pid_t *pid, struct why *why)
{
	const char *editor = getenv("VISUAL");
	posix_spawnattr_t attributes;
	sigset_t usual;
	struct buf command = { 0 };
	if (!editor || !*editor)
		editor = getenv("EDITOR");
	buf_format(&command, "%s \"$1\"", editor && *editor ? editor : "vi");
	char *const arguments[] = { "sh", "-c", command.at, "sh", (char *)path, NULL };
	sigemptyset(&usual);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGQUIT);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGXFSZ);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &usual);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	errno = posix_spawn(pid, "/bin/sh", NULL, &attributes, arguments, environ);
	posix_spawnattr_destroy(&attributes);
	buf_free(&command);
	return errno == 0 || why_errno(why, "the editor cannot be begun");
}

/* Ctrl-C in the editor is the editor's. */
static bool run_editor(const char *path, struct why *why)
{
	pid_t pid;
	int status = 0;
	void (*interrupt)(int) = signal(SIGINT, SIG_IGN), (*quit)(int) = signal(SIGQUIT, SIG_IGN);
	bool begun = spawn_editor(path, &pid, why);
	while (begun && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	signal(SIGINT, interrupt);
	signal(SIGQUIT, quit);
	if (begun && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		return why_say(why, "the editor did not end well; set EDITOR to the one you want");
	return begun;
}

bool editor_change(struct sl_text before, size_t most, struct buf *after, char path[EDITOR_PATH], struct why *why)
{
	bool written = write_file(before, path, why);
	if (written && run_editor(path, why) && editor_read(path, most, after, why))
		return true;
	if (written)
		unlink(path);
	path[0] = '\0';
	return false;
}
