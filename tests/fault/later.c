/* SPDX-License-Identifier: Apache-2.0 */
/* later.c - a clock that tests move: linked into a program, it takes the place of the system's.
 *
 * The file "clock" in the working folder holds two 64-bit numbers: by how many seconds it is later than it
 * is, by all clocks; and by the wall clock alone, which somebody has set.  All processes of a daemon see
 * them change at once.  Without the file it is as late as it is.  What the kernel waits for by itself (a
 * poll's timeout) takes as long as ever.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define OURS __attribute__((visibility("default")))

/* Nothing of this may ask what time it is. */
static const volatile int64_t *later(void)
{
	static const int64_t not_at_all[2];
	static const volatile int64_t *found;
	if (found)
		return found;
	int fd = open("clock", O_RDONLY | O_CLOEXEC);
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(not_at_all), PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	found = map == MAP_FAILED ? not_at_all : map;
	return found;
}

OURS int clock_gettime(clockid_t clock, struct timespec *now)
{
	int outcome = (int)syscall(SYS_clock_gettime, clock, now);
	if (outcome == 0 && clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_THREAD_CPUTIME_ID)
		now->tv_sec += later()[0];
	if (outcome == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += later()[1];
	return outcome;
}

OURS int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact;
	clock_gettime(CLOCK_REALTIME, &exact);
	*now = (struct timeval){ exact.tv_sec, exact.tv_nsec / 1000 };
	return 0;
}

OURS time_t time(time_t *out)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
