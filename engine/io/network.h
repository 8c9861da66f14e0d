/* SPDX-License-Identifier: Apache-2.0 */
/* network.h - addresses and networks, IPv4 and IPv6 alike.
 *
 * An IPv4 address is written as IPv6 does it (::ffff:192.0.2.1), so that there is
 * one form to compare.
 */
#ifndef IO_NETWORK_H
#define IO_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>

struct network {
	struct in6_addr address;
	unsigned bits; /* that count, from the left */
};

/* A unix socket's peer becomes "::". */
void network_address(const struct sockaddr *from, struct in6_addr *to);

bool network_read_address(const char *text, struct in6_addr *to); /* "192.0.2.1", "2001:db8::1" */
bool network_read(const char *text, struct network *to);          /* likewise, perhaps with "/BITS" */
bool network_holds(const struct network *network, const struct in6_addr *address);

#endif
