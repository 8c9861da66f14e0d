/* SPDX-License-Identifier: Apache-2.0 */
/* socket.c - sockets, by the address as people write it. */
#include "io/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define BACKLOG 1024

/* ---------------------------------------------------------------- addresses */

struct address {
	struct sockaddr_storage at;
	socklen_t len;
	const char *text; /* as it was written */
};

static const char *unix_path(const char *address)
{
	return strncmp(address, "unix:", 5) == 0 ? address + 5 : NULL;
}

static bool read_unix(const char *path, struct address *out, struct why *why)
{
	struct sockaddr_un *local = (struct sockaddr_un *)&out->at;
	size_t len = strlen(path);
	if (len == 0)
		return why_say(why, "\"unix:\" needs the path of a socket behind it");
	if (len >= sizeof(local->sun_path))
		return why_say(why, "the path of a unix socket may have %zu bytes; %s has %zu", sizeof(local->sun_path) - 1,
			path, len);
	local->sun_family = AF_UNIX;
	memcpy(local->sun_path, path, len + 1);
	out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	return true;
}

struct parts {
	char host[256];
	const char *port;
};

/* "HOST:PORT"; brackets around an IPv6 address are taken off. */
static bool split(const char *address, struct parts *parts)
{
	const char *colon = strrchr(address, ':'), *end = colon;
	if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	if (address[0] == '[') {
		address++;
		if (--end < address || *end != ']')
			return false;
	} else if (memchr(address, ':', (size_t)(colon - address))) {
		return false;
	}
	size_t len = (size_t)(end - address);
	if (len >= sizeof(parts->host))
		return false;
	memcpy(parts->host, address, len);
	parts->host[len] = '\0';
	parts->port = colon + 1;
	return true;
}

static bool read_parts(const char *address, struct parts *parts, struct why *why)
{
	if (!split(address, parts))
		return why_say(why, "\"%s\" is no address; write HOST:PORT, [IPV6]:PORT or unix:PATH", address);
	if (strlen(parts->port) > 5 || strtol(parts->port, NULL, 10) > 65535)
		return why_say(why, "%s: a port is a number up to 65535", address);
	return true;
}

static bool look_up(const char *address, struct addrinfo **found, struct why *why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct parts parts = { .port = NULL };
	if (!read_parts(address, &parts, why))
		return false;
	bool any = !parts.host[0] || strcmp(parts.host, "*") == 0;
	int error = getaddrinfo(any ? NULL : parts.host, parts.port, &hints, found);
	return !error || why_say(why, "%s: the host cannot be found: %s", address, gai_strerror(error));
}

static bool read_address(const char *text, struct address *out, struct why *why)
{
	const char *path = unix_path(text);
	struct addrinfo *found;
	*out = (struct address){ .text = text };
	if (path)
		return read_unix(path, out, why);
	if (!look_up(text, &found, why))
		return false;
	memcpy(&out->at, found->ai_addr, found->ai_addrlen);
	out->len = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

bool socket_address_valid(const char *address, struct why *why)
{
	struct address local = { .text = address };
	struct parts parts;
	return unix_path(address) ? read_unix(unix_path(address), &local, why) : read_parts(address, &parts, why);
}

/* ---------------------------------------------------------------- listening */

/* Does anybody listen there?  A socket nobody answers on is a dead daemon's. */
static bool answers(const struct address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return true;
	bool dead = connect(fd, (const struct sockaddr *)&address->at, address->len) != 0 && errno == ECONNREFUSED;
	close(fd);
	return !dead;
}

static bool make_way(const struct address *address, struct why *why)
{
	const char *path = ((const struct sockaddr_un *)&address->at)->sun_path;
	struct stat stat;
	if (lstat(path, &stat) != 0)
		return true;
	if (!S_ISSOCK(stat.st_mode))
		return why_say(why, "%s: there is a file of that name, and it is no socket; move it away", address->text);
	if (answers(address))
		return why_say(why, "%s: another process listens there already; stop it, or choose another address",
			address->text);
	if (unlink(path) != 0)
		return why_errno(why, "%s: the socket a dead process left cannot be removed", address->text);
	return true;
}

static const struct {
	int error;
	const char *sentence;
} reasons[] = {
	{ EADDRINUSE, "the address is in use by another process; stop it, or choose another address" },
	{ EACCES, "not permitted; a port below 1024 needs a privilege, a socket a folder one may write to" },
	{ EADDRNOTAVAIL, "this machine has no such address" },
	{ ENOENT, "the folder of the socket does not exist" },
};

static bool say_bind_failed(const struct address *address, struct why *why)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].error == errno)
			return why_say(why, "%s: %s", address->text, reasons[i].sentence);
	return why_errno(why, "%s: cannot listen", address->text);
}

/* The mode is set before anybody can connect: a bound socket that does not
 * listen refuses. */
static bool bind_and_listen(int fd, const struct address *address, int mode, struct why *why)
{
	const struct sockaddr *at = (const struct sockaddr *)&address->at;
	int on = 1, off = 0;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)); /* [::] takes IPv4 too */
	if (bind(fd, at, address->len) != 0)
		return say_bind_failed(address, why);
	if (at->sa_family == AF_UNIX && chmod(((const struct sockaddr_un *)at)->sun_path, (mode_t)mode) != 0)
		return why_errno(why, "%s: the mode of the socket cannot be set", address->text);
	if (listen(fd, BACKLOG) != 0)
		return say_bind_failed(address, why);
	return true;
}

bool socket_listen(const char *address, int mode, int *fd, struct why *why)
{
	struct address local;
	if (!read_address(address, &local, why))
		return false;
	if (local.at.ss_family == AF_UNIX && !make_way(&local, why))
		return false;
	*fd = socket(local.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return why_errno(why, "%s: no socket can be made", address);
	if (bind_and_listen(*fd, &local, mode, why))
		return true;
	close(*fd);
	*fd = -1;
	return false;
}

void socket_remove(const char *address)
{
	if (unix_path(address))
		unlink(unix_path(address));
}

/* --------------------------------------------------------------- connecting */

static bool wait_connected(int fd, int64_t until)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	int64_t left = until - clock_ticks();
	socklen_t len = sizeof(int);
	int error = 0;
	if (left <= 0 || poll(&poll_fd, 1, left > INT32_MAX ? INT32_MAX : (int)left) <= 0) {
		errno = ETIMEDOUT;
		return false;
	}
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	errno = error;
	return !error;
}

static int connect_to(const struct sockaddr *at, socklen_t len, int64_t until)
{
	int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, at, len) == 0 || (errno == EINPROGRESS && wait_connected(fd, until)))
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

int socket_connect(const char *address, int64_t timeout, struct why *why)
{
	int64_t until = clock_ticks() + timeout;
	struct addrinfo *found = NULL;
	struct address local;
	int fd = -1;
	if (unix_path(address)) {
		if (!read_address(address, &local, why))
			return -1;
		fd = connect_to((const struct sockaddr *)&local.at, local.len, until);
	} else {
		if (!look_up(address, &found, why))
			return -1;
		for (struct addrinfo *one = found; one && fd < 0; one = one->ai_next)
			fd = connect_to(one->ai_addr, one->ai_addrlen, until);
	}
	if (fd < 0)
		why_errno(why, "%s cannot be reached", address);
	if (found)
		freeaddrinfo(found);
	return fd;
}
