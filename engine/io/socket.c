/* SPDX-License-Identifier: Apache-2.0 */
/* socket.c - listening sockets, by the address as people write it. */
#include "io/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

/* ---------------------------------------------------------------- addresses */

static const char *unix_path(const char *address)
{
	return strncmp(address, "unix:", 5) == 0 ? address + 5 : NULL;
}

static bool read_unix(const char *path, struct socket_address *out, struct why *why)
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

/* "HOST:PORT" into its two parts; brackets around an IPv6 address are taken off. */
static bool split(const char *address, char *host, size_t room, const char **port)
{
	const char *colon = strrchr(address, ':'), *end = colon;
	if (!colon || colon[1] < '0' || colon[1] > '9' || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	if (address[0] == '[') {
		address++;
		if (--end < address || *end != ']')
			return false;
	} else if (memchr(address, ':', (size_t)(colon - address))) {
		return false;
	}
	size_t len = (size_t)(end - address);
	if (len >= room)
		return false;
	memcpy(host, address, len);
	host[len] = '\0';
	*port = colon + 1;
	return true;
}

static bool read_inet(const char *address, struct socket_address *out, struct why *why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *found = NULL;
	char host[256];
	const char *port;
	if (!split(address, host, sizeof(host), &port))
		return why_say(why, "\"%s\" is no address; write HOST:PORT, [IPV6]:PORT or unix:PATH", address);
	if (strlen(port) > 5 || strtol(port, NULL, 10) > 65535)
		return why_say(why, "%s: a port is a number up to 65535", address);
	bool any = host[0] == '\0' || strcmp(host, "*") == 0;
	int error = getaddrinfo(any ? NULL : host, port, &hints, &found);
	if (error)
		return why_say(why, "%s: the host cannot be found: %s", address, gai_strerror(error));
	memcpy(&out->at, found->ai_addr, found->ai_addrlen);
	out->len = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

bool socket_read_address(const char *address, struct socket_address *out, struct why *why)
{
	const char *path = unix_path(address);
	memset(out, 0, sizeof(*out));
	snprintf(out->text, sizeof(out->text), "%s", address);
	return path ? read_unix(path, out, why) : read_inet(address, out, why);
}

/* ---------------------------------------------------------------- listening */

/* Does anybody listen there?  A socket nobody answers on is a dead daemon's. */
static bool answers(const struct socket_address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return true;
	bool dead = connect(fd, (const struct sockaddr *)&address->at, address->len) != 0 && errno == ECONNREFUSED;
	close(fd);
	return !dead;
}

static bool make_way(const struct socket_address *address, struct why *why)
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

static bool say_bind_failed(const struct socket_address *address, struct why *why)
{
	switch (errno) {
	case EADDRINUSE:
		return why_say(why, "%s: the address is in use by another process; stop it, or choose another address",
			address->text);
	case EACCES:
		return why_say(why, "%s: not permitted; ports below 1024 need a privilege, and a socket's folder has to be writable",
			address->text);
	case EADDRNOTAVAIL:
		return why_say(why, "%s: this machine has no such address", address->text);
	case ENOENT:
		return why_say(why, "%s: the folder of the socket does not exist", address->text);
	default:
		return why_errno(why, "%s: cannot listen", address->text);
	}
}

/* The mode is set before anybody can connect: a bound socket that does not
 * listen refuses. */
static bool bind_and_listen(int fd, const struct socket_address *address, int mode, struct why *why)
{
	int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->at.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&address->at)->sin6_addr))
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int));
	if (bind(fd, (const struct sockaddr *)&address->at, address->len) != 0)
		return say_bind_failed(address, why);
	if (address->at.ss_family == AF_UNIX && chmod(((const struct sockaddr_un *)&address->at)->sun_path, (mode_t)mode) != 0)
		return why_errno(why, "%s: the mode of the socket cannot be set", address->text);
	if (listen(fd, BACKLOG) != 0)
		return say_bind_failed(address, why);
	return true;
}

bool socket_listen(const char *text, int mode, int *fd, struct why *why)
{
	struct socket_address address;
	if (!socket_read_address(text, &address, why))
		return false;
	if (address.at.ss_family == AF_UNIX && !make_way(&address, why))
		return false;
	*fd = socket(address.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return why_errno(why, "%s: no socket can be made", text);
	if (bind_and_listen(*fd, &address, mode, why))
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
