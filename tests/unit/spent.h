/* SPDX-License-Identifier: Apache-2.0 */
/* spent.h - for tests: time that other programs, and the machine below this one, do not add to. */
#ifndef TESTS_UNIT_SPENT_H
#define TESTS_UNIT_SPENT_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* Milliseconds in which this thread had a processor: for what is work. */
static inline int64_t spent(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds, without those in which a processor of ours was given to others below us: for what is a wait. */
static inline int64_t ours(void)
{
	long long stolen = 0;
	FILE *in = fopen("/proc/stat", "r");
	if (in) {
		if (fscanf(in, "cpu %*d %*d %*d %*d %*d %*d %*d %lld", &stolen) != 1)
			stolen = 0;
		fclose(in);
	}
	return clock_ticks() - stolen * 1000 / sysconf(_SC_CLK_TCK) / sysconf(_SC_NPROCESSORS_ONLN);
}

#endif
