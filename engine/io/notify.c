/* SPDX-License-Identifier: Apache-2.0 */
/* notify.c - tells systemd how we are. */
#include "io/notify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_un far;
static socklen_t far_len; /* 0: nobody wants to know */
static int64_t interval;

void notify_setup(void)
{
	const char *path = getenv("NOTIFY_SOCKET"), *every = getenv("WATCHDOG_USEC"), *who = getenv("WATCHDOG_PID");
	size_t len = path ? strlen(path) : 0;
	if (len > 1 && len < sizeof(far.sun_path) && (path[0] == '/' || path[0] == '@')) {
		far.sun_family = AF_UNIX;
		memcpy(far.sun_path, path, len);
		if (path[0] == '@')
			far.sun_path[0] = '\0'; /* the abstract name space */
		far_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	}
	if (every && (!who || strtoll(who, NULL, 10) == getpid()))
		interval = strtoll(every, NULL, 10) / 1000;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

/* A lost notice is no reason to do anything else. */
static void tell(const char *text)
{
	if (!far_len)
		return;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&far, far_len);
	close(fd);
}

void notify_ready(void)
{
	tell("READY=1");
}

void notify_reloading(void)
{
	struct timespec now;
	char text[80];
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
		(int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	tell(text);
}

void notify_stopping(void)
{
	tell("STOPPING=1");
}

void notify_watchdog(void)
{
	tell("WATCHDOG=1");
}

void notify_status(const char *form, ...)
{
	char text[512] = "STATUS=";
	va_list values;
	va_start(values, form);
	vsnprintf(text + 7, sizeof(text) - 7, form, values);
	va_end(values);
	text[7 + strcspn(text + 7, "\n")] = '\0';
	tell(text);
}

int64_t notify_watchdog_interval(void)
{
	return interval;
}
