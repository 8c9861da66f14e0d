/* SPDX-License-Identifier: Apache-2.0 */
/* slow.c - a disk that takes its time: each fdatasync, and each write that is asked for without waiting, begins later.
 *
 * A library loaded before all others (LD_PRELOAD); SLOW_FLUSH is how many
 * microseconds.  Both are handed on to processes that are started without an environment.
 */
#include <linux/aio_abi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OURS __attribute__((visibility("default")))
#define VARIABLES 256

static char flush[64], preload[4200];

static void wait_first(void)
{
	const char *wait = strchr(flush, '=');
	usleep(wait ? (useconds_t)atoi(wait + 1) : 0);
}

OURS int fdatasync(int fd)
{
	wait_first();
	return (int)syscall(SYS_fdatasync, fd);
}

struct later {
	aio_context_t context;
	struct iocb *block;
};

static void *submit_later(void *data)
{
	struct later later = *(struct later *)data;
	free(data);
	wait_first();
	if (syscall(SYS_io_submit, later.context, 1, &later.block) != 1)
		abort(); /* whoever waits for it would wait for ever */
	return NULL;
}

int io_submit(aio_context_t context, long number, struct iocb **blocks); /* libaio.h has other types for them */

OURS int io_submit(aio_context_t context, long number, struct iocb **blocks)
{
	int done = 0;
	for (; done < number; done++) {
		struct later *later = malloc(sizeof(*later));
		pthread_t thread;
		if (!later)
			return done;
		*later = (struct later){ context, blocks[done] };
		if (pthread_create(&thread, NULL, submit_later, later) != 0)
			abort();
		pthread_detach(thread);
	}
	return done;
}

static void merge(char *out[VARIABLES + 3], char *const environment[])
{
	size_t count = 0;
	for (; *environment && count < VARIABLES; environment++)
		if (strncmp(*environment, "SLOW_FLUSH=", 11) != 0 && strncmp(*environment, "LD_PRELOAD=", 11) != 0)
			out[count++] = *environment;
	out[count++] = flush;
	out[count++] = preload;
	out[count] = NULL;
}

OURS int execvp(const char *file, char *const words[])
{
	char *merged[VARIABLES + 3];
	merge(merged, environ);
	return execvpe(file, words, merged);
}

OURS int execve(const char *path, char *const words[], char *const environment[])
{
	char *merged[VARIABLES + 3];
	merge(merged, environment);
	return (int)syscall(SYS_execve, path, words, merged);
}

__attribute__((constructor)) static void begin(void)
{
	snprintf(flush, sizeof(flush), "SLOW_FLUSH=%s", getenv("SLOW_FLUSH") ? getenv("SLOW_FLUSH") : "0");
	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "");
}
