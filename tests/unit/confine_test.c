/* SPDX-License-Identifier: Apache-2.0 */
/* confine_test.c - what a confined process can still do, and what ends it; each in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"

static struct page *page;

/* How it ended: 0 to 255 the exit code, else minus the signal. */
static int run(enum confine_kind kind, bool (*act)(void))
{
	int status;
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(confine(kind, page) && act() ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(atomic_load(&page->confined), 1);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void end_run(void)
{
	munmap(page, sizeof(*page));
}

/* ------------------------------------------------------------------ what works */

static bool files(void)
{
	char path[] = "/tmp/confine-XXXXXX";
	int fd = mkstemp(path);
	bool fine = fd >= 0 && write(fd, "a", 1) == 1 && fdatasync(fd) == 0 && ftruncate(fd, 4096) == 0;
	void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	fine = fine && at != MAP_FAILED && *(char *)at == 'a' && unlink(path) == 0;
	return close(fd) == 0 && fine;
}

static void *on_thread(void *data)
{
	return data;
}

static bool threads(void)
{
	pthread_t thread;
	void *back = NULL;
	bool fine = pthread_create(&thread, NULL, on_thread, page) == 0 && pthread_join(thread, &back) == 0;
	return fine && back == page;
}

/* Whether or not there is a network: what is asked for along the way ends nothing. */
static bool names(void)
{
	const struct addrinfo wish = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *found = NULL;
	if (getaddrinfo("localhost", "80", &wish, &found) == 0)
		freeaddrinfo(found);
	return true;
}

static bool what_nobody_knows(void)
{
	bool fine = syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0) < 0 && errno == ENOSYS;
	return fine && socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == ENOSYS;
}

static bool signals_to_itself(void)
{
	signal(SIGUSR1, SIG_IGN);
	return kill(getpid(), SIGUSR1) == 0 && raise(SIGUSR1) == 0;
}

#ifndef SLUICE_SANITIZE
static bool stays_hidden(void)
{
	return prctl(PR_SET_NAME, "other", 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0;
}
#endif

static bool serves(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	return bind(fd, &(struct sockaddr){ .sa_family = AF_UNIX }, sizeof(sa_family_t)) == 0 && listen(fd, 1) == 0 &&
		accept(fd, NULL, NULL) < 0 && errno == EAGAIN;
}

static void what_a_plugin_needs_works(void **state)
{
	static bool (*const acts[])(void) = {
		files,
		threads,
		names,
		what_nobody_knows,
		signals_to_itself,
#ifndef SLUICE_SANITIZE
		stays_hidden,
#endif
	};
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		if (run(CONFINE_GUEST, acts[i]) != 0)
			fail_msg("act %zu does not work", i);
		end_run();
	}
}

/* ----------------------------------------------------------------- what does not */

static bool executes(void)
{
	execl("/bin/true", "true", NULL);
	return true;
}

static bool listens(void)
{
	return listen(socket(AF_UNIX, SOCK_STREAM, 0), 1) == 0;
}

static bool becomes_another(void)
{
	return setuid(getuid()) == 0;
}

#ifndef SLUICE_SANITIZE
static bool forks(void)
{
	return fork() >= 0;
}

static bool traces(void)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { page, 1 };
	return process_vm_readv(getppid(), &here, 1, &there, 1, 0) == 1;
}

static bool kills(void)
{
	return kill(getppid(), 0) == 0;
}
#endif

static void what_an_intruder_wants_ends_it_and_is_named(void **state)
{
	static const struct {
		bool (*act)(void);
		const char *call;
	} rows[] = {
		{ executes, "execve" },
		{ listens, "listen" },
		{ becomes_another, "setuid" },
#ifndef SLUICE_SANITIZE
		{ forks, "clone" },
		{ traces, "process_vm_readv" },
		{ kills, "kill" },
#endif
	};
	char room[CONFINE_CALL];
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(run(CONFINE_GUEST, rows[i].act), -SIGSYS);
		assert_string_equal(confine_call_name((int)atomic_load(&page->forbidden) - 1, room), rows[i].call);
		end_run();
	}
}

static void the_ingress_accepts_and_nobody_else(void **state)
{
	assert_int_equal(run(CONFINE_INGRESS, serves), 0);
	end_run();
	assert_int_equal(run(CONFINE_GUEST, serves), -SIGSYS);
	end_run();
	assert_int_equal(run(CONFINE_INGRESS, executes), -SIGSYS);
	end_run();
}

static void a_number_without_a_name_is_said_to_have_none(void **state)
{
	char room[CONFINE_CALL];
	assert_string_equal(confine_call_name(123456, room), "a call without a name");
	assert_true(confine_possible());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_plugin_needs_works),
		cmocka_unit_test(what_an_intruder_wants_ends_it_and_is_named),
		cmocka_unit_test(the_ingress_accepts_and_nobody_else),
		cmocka_unit_test(a_number_without_a_name_is_said_to_have_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
