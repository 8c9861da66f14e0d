/* SPDX-License-Identifier: Apache-2.0 */
/* socket.h - sockets, by the address as people write it.
 *
 *     127.0.0.1:8080   [::1]:8080   *:8080   localhost:8080   :8080
 *     unix:/run/sluice/admin.sock
 */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/why.h"

/* Is it an address?  Hosts are not looked up. */
bool socket_address_valid(const char *address, struct why *why);

/* Binds and listens.  The descriptor is close-on-exec and non-blocking; it is
 * handed to a child with dup2 or uv_spawn's stdio, which clear the former.  A
 * unix socket that a dead daemon left is replaced, one that answers is not; its
 * mode is `mode` (0600 for the admin address). */
bool socket_listen(const char *address, int mode, int *fd, struct why *why);

/* Removes the file of a unix address; anything else: nothing. */
void socket_remove(const char *address);

/* Connects, trying each address a host has, for at most `timeout` ms.  The
 * descriptor is close-on-exec and non-blocking; -1: why says. */
int socket_connect(const char *address, int64_t timeout, struct why *why);

#endif
