/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - one program, several processes: which one am I? */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <sqlite3.h>
#include <uv.h>

#include "base/arena.h"
#include "base/confine.h"
#include "base/limits.h"
#include "base/line.h"
#include "flow/ingest.h"
#include "flow/poller.h"
#include "flow/route.h"
#include "flow/try.h"
#include "main/command.h"
#include "main/describe.h"
#include "main/test_main.h"
#include "main/user.h"

#define PAGE_FD 4

/* A child is this program again, told what it is by argv[0].  People see the same
 * words in ps: "sluice: ingress", "sluice: route cards". */
static const struct child_kind {
	const char *name;
	int (*run)(int argc, char **argv);
	enum confine_kind kind;
	int page; /* the descriptor of the page it shares, or -1 */
} child_kinds[] = {
	{ "sluice: ingress", ingest_main, CONFINE_INGRESS, PAGE_FD },
	{ "sluice: route", route_main, CONFINE_GUEST, PAGE_FD },
	{ "sluice: source", poller_main, CONFINE_GUEST, PAGE_FD },
	{ "sluice: describe", describe_main, CONFINE_GUEST, -1 },
	{ "sluice: try", try_main, CONFINE_GUEST, PAGE_FD },
	{ "sluice: test", test_main, CONFINE_GUEST, -1 },
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

/* Who is asked while the master is still root; the filter lets nobody become another. */
static void become_user(const char *name)
{
	struct why why = { "" };
	if (name && !user_leave_root(name, &why)) {
		line(SL_ERROR, "%s", why.text);
		_exit(1);
	}
}

/* A child dies with its master.  Should the master have died before this line,
 * the closed channel says so. */
static void become_child(const struct child_kind *kind)
{
	for (size_t i = 0; i < sizeof(terminal) / sizeof(*terminal); i++)
		signal(terminal[i], SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (kind->kind == CONFINE_GUEST)
		limits_guest();
	limits_child();
	confine(kind->kind, kind->page < 0 ? NULL : page_map(kind->page, NULL));
}

static void *zeroed(size_t count, size_t size)
{
	return must_alloc(size && count > SIZE_MAX / size ? SIZE_MAX : count * size);
}

/* libuv would abort where it has no memory: so it never hears of that.  Before anything else is asked of it. */
static void spare_libuv(void)
{
	uv_replace_allocator(must_alloc, must_grow, zeroed, free);
}

/* ------------------------------------------------------- OpenSSL's memory */

static void *crypto_again(void *at, size_t size, const char *file, int at_line)
{
	if (size)
		return must_grow(at, size);
	free(at);
	return NULL;
}

static void *crypto_take(size_t size, const char *file, int at_line)
{
	return crypto_again(NULL, size, file, at_line);
}

static void crypto_give(void *at, const char *file, int at_line)
{
	free(at);
}

/* libcrypto 3.0 takes locks that it had no memory for: it never hears of that either. */
static void spare_libcrypto(void)
{
	CRYPTO_set_mem_functions(crypto_take, crypto_again, crypto_give);
}

/* It counts what it allocates, under a lock, for questions that nobody asks here. */
static void spare_sqlite(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int main(int argc, char **argv)
{
	spare_libuv();
	spare_libcrypto();
	spare_sqlite();
	const struct child_kind *child = argc ? child_kind(argv[0]) : NULL;
	open_standard();
	settle_signals();
	umask(0077);
	limits_everybody();
	if (!child)
		return command_main(argc, argv);
	if (child->run == describe_main)
		become_user(argc > 1 ? argv[1] : NULL);
	become_child(child);
	return child->run(argc, argv);
}
