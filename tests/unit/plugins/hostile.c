/* SPDX-License-Identifier: Apache-2.0 */
/* hostile.c - a transform that does to its process what the event says. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugin.h"

#define CHANNEL 3 /* to the master */

static void do_abort(void)
{
	abort();
}

static void do_crash(void)
{
	int *volatile nowhere = (int *)sizeof(int);
	signal(SIGSEGV, SIG_DFL);
	*nowhere = 1;
}

static void do_spin(void)
{
	for (volatile int i = 0;; i++)
		;
}

static void do_block(void)
{
	for (;;)
		pause();
}

static void do_exit(void)
{
	exit(0);
}

/* Until there is none, and on with what malloc() then said. */
static void do_eat(void)
{
	for (size_t size = (size_t)16 << 20;;)
		memset(malloc(size), 1, size);
}

static void do_leak(void)
{
	for (int i = 0; i < 100; i++)
		memset(malloc(100000), 1, 100000);
}

static void do_print(void)
{
	puts("{\"say\":\"fatal\",\"final\":true}");
	fflush(stdout);
}

static void do_lie(void)
{
	static const char nonsense[] = "\xff\xff\xff\xff not a message of the house";
	(void)!write(CHANNEL, nonsense, sizeof(nonsense));
	do_block();
}

static void do_close(void)
{
	for (int fd = 0; fd < 1024; fd++)
		close(fd);
	do_block();
}

/* What only an intruder asks the kernel for. */
static void do_exec(void)
{
	static char *const words[] = { "/bin/true", NULL };
	execv(words[0], words);
}

static void do_system(void)
{
	(void)!system("true");
}

static void do_fork(void)
{
	if (fork() == 0)
		do_block();
}

static void do_trace(void)
{
	ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static void do_murder(void)
{
	kill(getppid(), SIGKILL);
}

static void do_listen(void)
{
	listen(socket(AF_INET, SOCK_STREAM, 0), 1);
}

static void do_mount(void)
{
	mount("none", "/tmp", "tmpfs", 0, NULL);
}

/* The daemon's own address is opened for its user, who this is. */
static void do_admin(void)
{
	static const char question[] =
		"POST /ask/honest HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n{\"what\":\"pause\"}";
	const struct sockaddr_un address = { AF_UNIX, "data/admin.sock" };
	char answer[256] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		write(fd, question, sizeof(question) - 1) > 0 && read(fd, answer, sizeof(answer) - 1) > 0)
		answer[strcspn(answer, "\r\n")] = '\0';
	fprintf(stderr, "the admin address said: %s\n", answer);
	close(fd);
}

/* As a source's process does that has polled something. */
static void do_forge(void)
{
	static const char message[] =
		"\x40\0\0\0{\"id\":1,\"source\":\"forger\",\"events\":[{\"id\":\"7\",\"data\":{\"id\":7}}]}";
	_Static_assert(sizeof(message) - 1 == 4 + 0x40, "the length before it is right");
	const struct sockaddr_un address = { AF_UNIX, "data/events.sock" };
	char answer[256];
	ssize_t heard = -1;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		write(fd, message, sizeof(message) - 1) > 0)
		heard = read(fd, answer, sizeof(answer));
	fprintf(stderr, "the events that it brought were answered with %zd bytes\n", heard);
	close(fd);
}

static const struct deed {
	const char *name;
	void (*function)(void);
} deeds[] = {
	{ "abort", do_abort },
	{ "crash", do_crash },
	{ "spin", do_spin },
	{ "block", do_block },
	{ "exit", do_exit },
	{ "eat", do_eat },
	{ "leak", do_leak },
	{ "print", do_print },
	{ "lie", do_lie },
	{ "close", do_close },
	{ "exec", do_exec },
	{ "system", do_system },
	{ "fork", do_fork },
	{ "trace", do_trace },
	{ "murder", do_murder },
	{ "listen", do_listen },
	{ "mount", do_mount },
	{ "admin", do_admin },
	{ "forge", do_forge },
	{ 0 },
};

static enum sl_outcome transform(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct sl_text wanted = host->string(host->at(call->event->json, "/does"));
	struct sl_text id = host->raw(host->at(call->event->json, "/id"));
	struct sl_event row = { .type = "notes", .data = host->format(call, "{\"id\":%.*s}", (int)id.len, id.at) };
	for (const struct deed *deed = deeds; deed->name; deed++)
		if (wanted.len == strlen(deed->name) && memcmp(wanted.at, deed->name, wanted.len) == 0)
			deed->function();
	host->emit(call, &row);
	return SL_DONE;
}

SL_PLUGIN(.name = "hostile", .version = "1.0", .summary = "Does what it should not.", .transform = transform);
