/* SPDX-License-Identifier: Apache-2.0 */
/* slow.c - a disk that takes its time: each fdatasync waits a while before it begins.
 *
 * A library loaded before all others (LD_PRELOAD); SLOW_FLUSH is how many
 * microseconds.  Both are handed on to processes that are started without an environment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OURS __attribute__((visibility("default")))
#define VARIABLES 256

static char flush[64], preload[4200];

OURS int fdatasync(int fd)
{
	const char *wait = strchr(flush, '=');
	usleep(wait ? (useconds_t)atoi(wait + 1) : 0);
	return (int)syscall(SYS_fdatasync, fd);
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
