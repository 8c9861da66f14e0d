/* SPDX-License-Identifier: Apache-2.0 */
/* client_guard.c - which addresses may be connected to. */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "io/client_inside.h"

/* What is not the public internet: IANA's special-purpose registries, without
 * what is only reserved for examples. */
static const char *const forbidden[] = {
	"0.0.0.0/8", /* this host: the kernel takes it for loopback */
	"10.0.0.0/8",
	"100.64.0.0/10", /* shared by a provider's customers */
	"127.0.0.0/8",
	"169.254.0.0/16", /* link-local: clouds hand out credentials there */
	"172.16.0.0/12",
	"192.0.0.0/24",
	"192.168.0.0/16",
	"198.18.0.0/15", /* benchmarks between networks of one's own */
	"224.0.0.0/4",
	"240.0.0.0/4",    /* reserved, and broadcast */
	"::/96",          /* unspecified, loopback, and IPv4 as it was once written */
	"64:ff9b:1::/48", /* NAT64 of one's own network */
	"100::/64",
	"2001::/32", /* Teredo */
	"fc00::/7",
	"fe80::/10",
	"fec0::/10",
	"ff00::/8",
};

/* IPv6 addresses that a gateway turns into an IPv4 address: where it stands in them. */
static const struct {
	const char *network;
	size_t at;
} carriers[] = {
	{ "64:ff9b::/96", 12 }, /* NAT64 */
	{ "2002::/16", 2 },     /* 6to4 */
};

static bool within(const char *text, const struct in6_addr *address)
{
	struct network network;
	return network_read(text, &network) && network_holds(&network, address);
}

/* Where a packet to `address` would come out. */
static struct in6_addr behind(const struct in6_addr *address)
{
	struct in6_addr inner = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
	for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++) {
		if (within(carriers[i].network, address)) {
			memcpy(inner.s6_addr + 12, address->s6_addr + carriers[i].at, 4);
			return inner;
		}
	}
	return *address;
}

static bool is_forbidden(const struct in6_addr *address)
{
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (within(forbidden[i], address))
			return true;
	return false;
}

bool client_guard_allows(const struct client_guard *guard, const struct in6_addr *address)
{
	struct in6_addr inner = behind(address);
	for (size_t i = 0; i < guard->count; i++)
		if (network_holds(&guard->allowed[i], &inner))
			return true;
	return !is_forbidden(&inner);
}

bool client_guard_read(struct client_guard *guard, const char *const *allow, struct why *why)
{
	size_t count = 0;
	while (allow && allow[count])
		count++;
	guard->allowed = must_alloc(count * sizeof(*guard->allowed));
	for (size_t i = 0; i < count; i++) {
		if (!network_read(allow[i], &guard->allowed[i]))
			return why_say(why, "\"%s\" is no address; write one such as 127.0.0.1, or a network such as 10.0.0.0/8",
				allow[i]);
		guard->count++;
	}
	return true;
}

/* "localhost", "a.localhost", with or without the dot at the end. */
static bool is_localhost(const char *host)
{
	size_t len = strlen(host);
	if (len && host[len - 1] == '.')
		len--;
	return len >= 9 && strncasecmp(host + len - 9, "localhost", 9) == 0 && (len == 9 || host[len - 10] == '.');
}

bool client_guard_allows_host(const struct client_guard *guard, const char *host)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *found;
	struct in6_addr address;
	if (getaddrinfo(is_localhost(host) ? "127.0.0.1" : host, NULL, &hints, &found) != 0)
		return true; /* a name */
	network_address(found->ai_addr, &address);
	freeaddrinfo(found);
	return client_guard_allows(guard, &address);
}
