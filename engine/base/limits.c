/* SPDX-License-Identifier: Apache-2.0 */
/* limits.c - what a process may take, and what it may not become. */
#include "base/limits.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define MEMORY_LEAST ((rlim_t)512 << 20)
#define MEMORY_MOST ((rlim_t)2 << 30)
#define LARGE (1 << 20) /* bytes: blocks that go back to the kernel one by one */
#define TRIM (4 << 20)  /* bytes: free at the end of the heap, kept for the next batch */
#define STACK ((size_t)1 << 20) /* of a thread in which a name is looked up */

/* All but the help has a configuration in its memory, and that has secrets.  A
 * limit of 1 and not 0: the kernel ignores 0 when cores are piped into a program. */
static void forbid_core(void)
{
	const struct rlimit no_core = { 1, 1 };
	setrlimit(RLIMIT_CORE, &no_core);
}

/* The soft limit of 1024 is there for programs that call select(). */
static void limit_files(rlim_t most)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	if (most < files.rlim_max)
		files.rlim_max = most;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

void limits_everybody(void)
{
	forbid_core();
	limit_files(RLIM_INFINITY);
}

/* Sanitizers look into the process from another one. */
void limits_hide(void)
{
#ifndef SLUICE_SANITIZE
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void limits_child(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	limits_hide();
}

/* The limit is one of address space.  What is only reserved counts too, so nobody
 * reserves much: threads get small stacks and no memory pools of their own.  With one for all they would wait for
 * each other; with many, what comes in batches would lie now in this one and then in that one, and each would keep
 * room for the most it ever had. */
static void reserve_little(void)
{
	pthread_attr_t attributes;
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, LARGE); /* else it grows with what was freed, and large blocks leave holes in the heap */
	mallopt(M_TRIM_THRESHOLD, TRIM);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_setattr_default_np(&attributes);
	pthread_attr_destroy(&attributes);
}

/* Not an option: scripts have a limit of their own, far below; this one only keeps a
 * plugin that eats without end from starving its neighbours, and for that the
 * machine's size is the measure.  Sanitizers reserve far more than they use. */
static void limit_memory(void)
{
#ifndef SLUICE_SANITIZE
	rlim_t most = (rlim_t)sysconf(_SC_PHYS_PAGES) / 2 * (rlim_t)sysconf(_SC_PAGESIZE);
	if (most < MEMORY_LEAST)
		most = MEMORY_LEAST;
	if (most > MEMORY_MOST)
		most = MEMORY_MOST;
	const struct rlimit memory = { most, most };
	setrlimit(RLIMIT_AS, &memory);
#endif
}

static void go_first(void)
{
	static const char score[] = "500"; /* of 1000, upon what its size says */
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!write(fd, score, sizeof(score) - 1);
	close(fd);
}

void limits_guest(void)
{
	limit_files(LIMITS_FILES + 2 * LIMITS_CALLS);
	reserve_little();
	limit_memory();
	go_first();
}
