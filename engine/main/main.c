/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - one program, several processes: which one am I? */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "flow/ingest.h"
#include "flow/poller.h"
#include "flow/route.h"
#include "flow/try.h"
#include "main/command.h"
#include "main/describe.h"
#include "main/test_main.h"

/* A child is this program again, told what it is by argv[0].  People see the same
 * words in ps: "sluice: ingress", "sluice: route cards". */
static const struct child_kind {
	const char *name;
	int (*run)(int argc, char **argv);
	bool guest; /* runs plugins and scripts */
} child_kinds[] = {
	{ "sluice: ingress", ingest_main, false },
	{ "sluice: route", route_main, true },
	{ "sluice: source", poller_main, true },
	{ "sluice: describe", describe_main, true },
	{ "sluice: try", try_main, true },
	{ "sluice: test", test_main, true },
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

/* A child dies with its master.  Should the master have died before this line,
 * the closed channel says so. */
static void become_child(const struct child_kind *kind)
{
	for (size_t i = 0; i < sizeof(terminal) / sizeof(*terminal); i++)
		signal(terminal[i], SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (kind->guest)
		limits_guest();
	limits_child();
}

int main(int argc, char **argv)
{
	const struct child_kind *child = argc ? child_kind(argv[0]) : NULL;
	open_standard();
	settle_signals();
	umask(0077);
	limits_everybody();
	if (!child)
		return command_main(argc, argv);
	become_child(child);
	return child->run(argc, argv);
}
