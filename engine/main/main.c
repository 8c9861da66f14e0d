/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - one program, several processes: which one am I? */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/ingest.h"
#include "flow/poller.h"
#include "flow/route.h"
#include "main/command.h"
#include "main/describe.h"

#define CALLS_MOST 192 /* descriptors a route has for what its calls wait for */

/* A child is this program again, told what it is by argv[0].  People see the same
 * words in ps: "sluice: ingress", "sluice: route cards". */
static const struct child_kind {
	const char *name;
	int (*run)(int argc, char **argv);
	rlim_t files; /* it may have open; 0: as many as the system allows */
} child_kinds[] = {
	{ "sluice: ingress", ingest_main, 0 },
	{ "sluice: route", route_main, 64 + CALLS_MOST },
	{ "sluice: source", poller_main, 64 + CALLS_MOST },
	{ "sluice: describe", describe_main, 64 + CALLS_MOST },
	{ 0 },
};

static const struct child_kind *child_kind(const char *name)
{
	for (const struct child_kind *kind = child_kinds; kind->name; kind++)
		if (strcmp(name, kind->name) == 0)
			return kind;
	return NULL;
}

/* Descriptors 0 to 2 stand open, so that no file of ours ever becomes one of
 * them and receives what is meant for stderr. */
static void open_standard(void)
{
	int fd;
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* A peer that is gone and a file that may not grow are errors of a call, not
 * the end of the process. */
static void settle_signals(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

/* Ctrl-C reaches all processes of a terminal; only the master acts on it. */
static const int terminal[] = { SIGINT, SIGTERM, SIGHUP };

#define MEMORY_MOST ((rlim_t)2 << 30) /* bytes of address space of one child */

/* What eats memory ends itself, not its neighbours.  Sanitizers reserve far more
 * address space than they use. */
static void limit_memory(void)
{
#ifndef SLUICE_SANITIZE
	const struct rlimit memory = { MEMORY_MOST, MEMORY_MOST };
	setrlimit(RLIMIT_AS, &memory);
#endif
}

/* Each connection is a descriptor; the soft limit of 1024 is there for programs
 * that call select().  A script that opens what it finds cannot take all. */
static void limit_files(rlim_t most)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	if (most && most < files.rlim_max)
		files.rlim_max = most;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

/* All but the help has a configuration in its memory, and that has secrets.  A
 * core limit of 1 and not 0: the kernel ignores 0 when cores are piped into a program. */
static void forbid_core(void)
{
	const struct rlimit no_core = { 1, 1 };
	setrlimit(RLIMIT_CORE, &no_core);
}

/* A child dies with its master.  Should the master have died before this line,
 * the closed channel says so. */
static void become_child(void)
{
	for (size_t i = 0; i < sizeof(terminal) / sizeof(*terminal); i++)
		signal(terminal[i], SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	limit_memory();
}

int main(int argc, char **argv)
{
	const struct child_kind *child = argc ? child_kind(argv[0]) : NULL;
	open_standard();
	settle_signals();
	umask(0077);
	forbid_core();
	limit_files(child ? child->files : 0);
	if (!child)
		return command_main(argc, argv);
	become_child();
	return child->run(argc, argv);
}
