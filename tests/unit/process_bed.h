/* SPDX-License-Identifier: Apache-2.0 */
/* process_bed.h - a child of the master as a process, its master played by the test. */
#ifndef TESTS_PROCESS_BED_H
#define TESTS_PROCESS_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/page.h"
#include "sdk/json.h"

#define PATIENCE 10000 /* ms for anything to happen */

struct process {
	pid_t pid; /* 0: none */
	int channel;
	struct page *page;
	struct buf heard; /* text of the last message */
};

static inline void say_to(int fd, const char *text)
{
	uint32_t len = (uint32_t)strlen(text);
	assert_int_equal(write(fd, &len, 4), 4);
	assert_int_equal(write(fd, text, len), len);
}

static inline bool receive(int fd, void *at, size_t len, int64_t until)
{
	for (size_t done = 0; done < len;) {
		struct pollfd look = { .fd = fd, .events = POLLIN };
		int64_t left = until - clock_ticks();
		ssize_t n = left > 0 && poll(&look, 1, (int)left) > 0 ? read(fd, (char *)at + done, len - done) : 0;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* The next message within so many ms, as text. */
static inline bool hear_from(int fd, struct buf *heard, int wait)
{
	uint32_t len;
	int64_t until = clock_ticks() + wait;
	if (!receive(fd, &len, 4, until))
		return false;
	buf_clear(heard);
	buf_reserve(heard, len);
	heard->len = len;
	if (!receive(fd, heard->at, len, clock_ticks() + PATIENCE))
		return false;
	heard->at[len] = '\0';
	return true;
}

/* Waits for a message that holds these words. */
static inline void expect_from(int fd, struct buf *heard, const char *words)
{
	do {
		if (!hear_from(fd, heard, PATIENCE))
			fail_msg("no message with %s; the last was %s", words, heard->at ? heard->at : "none");
	} while (!strstr(heard->at, words));
}

static inline void expect_message(struct process *process, const char *words)
{
	expect_from(process->channel, &process->heard, words);
}

/* As the master leaves descriptors for a child: 3 the channel, 4 the page, then `more`. */
static inline _Noreturn void become(int (*run)(int, char **), const char *name, int channel, int page, int more)
{
	const int from[] = { channel, page, more };
	char *arguments[] = { "sluice", (char *)name, NULL };
	int kept[3], count = more < 0 ? 2 : 3;
	for (int i = 0; i < count; i++)
		kept[i] = fcntl(from[i], F_DUPFD, 20);
	for (int i = 0; i < count; i++)
		dup2(kept[i], 3 + i);
	for (int fd = 3 + count; fd < 60; fd++)
		close(fd);
	signal(SIGPIPE, SIG_IGN);
	exit(run(2, arguments));
}

static inline void spawn_process(struct process *process, int (*run)(int, char **), const char *name, int more)
{
	int pair[2], page;
	struct why why = { "" };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	process->page = page_new(&page, &why);
	assert_non_null(process->page);
	process->pid = fork();
	if (!process->pid)
		become(run, name, pair[1], page, more);
	close(pair[1]);
	close(page);
	process->channel = pair[0];
}

static inline int wait_exit(struct process *process)
{
	int status;
	assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
	process->pid = 0;
	close(process->channel);
	page_free(&process->page);
	buf_free(&process->heard);
	return status;
}

static inline void kill_process(struct process *process)
{
	if (!process->pid)
		return;
	kill(process->pid, SIGKILL);
	wait_exit(process);
}

/* Asked to end, it ends well: no leak, no error. */
static inline void stop_process(struct process *process)
{
	say_to(process->channel, "{\"do\":\"stop\"}");
	assert_int_equal(wait_exit(process), 0);
}

#endif
