/* SPDX-License-Identifier: Apache-2.0 */
/* network.c - addresses and networks, IPv4 and IPv6 alike. */
#include "io/network.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static void from_ipv4(const void *bytes, struct in6_addr *to)
{
	*to = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
	memcpy(to->s6_addr + 12, bytes, 4);
}

void network_address(const struct sockaddr *from, struct in6_addr *to)
{
	*to = (struct in6_addr){ 0 };
	if (from->sa_family == AF_INET)
		from_ipv4(&((const struct sockaddr_in *)from)->sin_addr, to);
	else if (from->sa_family == AF_INET6)
		*to = ((const struct sockaddr_in6 *)from)->sin6_addr;
}

/* `whole`: how many bits an address of its kind has. */
static bool read_kind(const char *text, struct in6_addr *to, unsigned *whole)
{
	struct in_addr four;
	*whole = 128;
	if (inet_pton(AF_INET6, text, to) == 1)
		return true;
	if (inet_pton(AF_INET, text, &four) != 1)
		return false;
	from_ipv4(&four, to);
	*whole = 32;
	return true;
}

bool network_read_address(const char *text, struct in6_addr *to)
{
	unsigned whole;
	return read_kind(text, to, &whole);
}

bool network_read(const char *text, struct network *to)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned whole;
	char *end;
	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (!read_kind(address, &to->address, &whole))
		return false;
	unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : whole;
	if (slash && (slash[1] < '0' || slash[1] > '9' || *end || bits > whole))
		return false;
	to->bits = (unsigned)bits + 128 - whole;
	return true;
}

bool network_holds(const struct network *network, const struct in6_addr *address)
{
	unsigned bytes = network->bits / 8, rest = network->bits % 8;
	unsigned char mask = (unsigned char)(0xff00 >> rest);
	if (memcmp(address, &network->address, bytes) != 0)
		return false;
	return !rest || ((address->s6_addr[bytes] ^ network->address.s6_addr[bytes]) & mask) == 0;
}
