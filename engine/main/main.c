/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - one program, several processes: which one am I? */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/ingest.h"
#include "flow/route.h"
#include "main/command.h"
#include "main/describe.h"

/* A child is this program again, told what it is by argv[0]: "sluice: ingress",
 * "sluice: route cards".  People see the same words in ps. */
static const struct child_kind {
	const char *name;
	int (*run)(int argc, char **argv);
} child_kinds[] = {
	{ "sluice: ingress", ingest_main },
	{ "sluice: route", route_main },
	{ "sluice: describe", describe_main },
	{ 0 },
};

static const struct child_kind *child_kind(const char *name)
{
	for (const struct child_kind *kind = child_kinds; kind->name; kind++) {
		size_t len = strlen(kind->name);
		if (strncmp(name, kind->name, len) == 0 && (!name[len] || name[len] == ' '))
			return kind;
	}
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

/* A child holds secrets and dies with its master.  Should the master have died
 * before this line, the closed channel says so.  A core limit of 1 and not 0:
 * the kernel ignores 0 when cores are piped into a program. */
static void become_child(void)
{
	const struct rlimit no_core = { 1, 1 };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
}

int main(int argc, char **argv)
{
	const struct child_kind *child = argc ? child_kind(argv[0]) : NULL;
	open_standard();
	settle_signals();
	umask(0077);
	if (!child)
		return command_main(argc, argv);
	become_child();
	return child->run(argc, argv);
}
