/* SPDX-License-Identifier: Apache-2.0 */
/* http_address.c - who connects: counts per address, and the proxies that are believed. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "io/http_inside.h"

struct http_address_count {
	struct http_address_count *next;
	uint64_t key;
	size_t count;
};

static void from_ipv4(const void *bytes, struct in6_addr *to)
{
	*to = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
	memcpy(to->s6_addr + 12, bytes, 4);
}

/* A unix socket's peer becomes "::". */
void http_address_of(const struct sockaddr_storage *from, struct in6_addr *to)
{
	*to = (struct in6_addr){ 0 };
	if (from->ss_family == AF_INET)
		from_ipv4(&((const struct sockaddr_in *)from)->sin_addr, to);
	else if (from->ss_family == AF_INET6)
		*to = ((const struct sockaddr_in6 *)from)->sin6_addr;
}

/* ------------------------------------------------------------------- counts */

/* One IPv4 address, or the /64 that one IPv6 customer usually has. */
static uint64_t key_of(const struct in6_addr *address)
{
	uint64_t half[2];
	memcpy(half, address, sizeof(half));
	return IN6_IS_ADDR_V4MAPPED(address) ? half[1] : half[0];
}

static struct http_address_count **find(struct http_addresses *addresses, uint64_t key)
{
	uint64_t mixed = (key ^ addresses->salt) * 0x9e3779b97f4a7c15u;
	struct http_address_count **place = &addresses->buckets[mixed >> 56];
	while (*place && (*place)->key != key)
		place = &(*place)->next;
	return place;
}

size_t http_address_add(struct http_addresses *addresses, const struct in6_addr *address)
{
	uint64_t key = key_of(address);
	struct http_address_count **place = find(addresses, key);
	if (!*place) {
		*place = must_alloc(sizeof(**place));
		(*place)->key = key;
	}
	return ++(*place)->count;
}

void http_address_remove(struct http_addresses *addresses, const struct in6_addr *address)
{
	struct http_address_count **place = find(addresses, key_of(address)), *count = *place;
	if (!count || --count->count)
		return;
	*place = count->next;
	free(count);
}

void http_addresses_free(struct http_addresses *addresses)
{
	for (size_t i = 0; i < sizeof(addresses->buckets) / sizeof(addresses->buckets[0]); i++) {
		for (struct http_address_count *count = addresses->buckets[i], *next; count; count = next) {
			next = count->next;
			free(count);
		}
	}
	free(addresses->proxies);
}

/* ------------------------------------------------------------------ proxies */

static bool read_address(const char *text, struct in6_addr *to, unsigned *bits)
{
	struct in_addr four;
	*bits = 128;
	if (inet_pton(AF_INET6, text, to) == 1)
		return true;
	if (inet_pton(AF_INET, text, &four) != 1)
		return false;
	from_ipv4(&four, to);
	*bits = 32;
	return true;
}

static bool read_network(const char *text, struct http_network *network)
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
	if (!read_address(address, &network->address, &whole))
		return false;
	unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : whole;
	if (slash && (slash[1] < '0' || slash[1] > '9' || *end || bits > whole))
		return false;
	network->bits = (unsigned)bits + 128 - whole;
	return true;
}

bool http_server_proxies(struct http_server *server, const char *const *proxies, struct why *why)
{
	struct http_addresses *addresses = &server->addresses;
	struct http_network *networks;
	size_t count = 0, used = 0;
	bool unix_proxy = false;
	while (proxies && proxies[count])
		count++;
	networks = must_alloc(count * sizeof(*networks));
	for (size_t i = 0; i < count; i++) {
		if (strcmp(proxies[i], "unix") == 0) {
			unix_proxy = true;
		} else if (!read_network(proxies[i], &networks[used++])) {
			free(networks);
			return why_say(why, "\"%s\" is no proxy: write an address, a network such as 10.0.0.0/8, or unix",
				proxies[i]);
		}
	}
	free(addresses->proxies);
	addresses->proxies = networks;
	addresses->proxy_count = used;
	addresses->unix_proxy = unix_proxy;
	return true;
}

static bool within(const struct in6_addr *address, const struct http_network *network)
{
	unsigned bytes = network->bits / 8, rest = network->bits % 8;
	unsigned char mask = (unsigned char)(0xff00 >> rest);
	if (memcmp(address, &network->address, bytes) != 0)
		return false;
	return !rest || ((address->s6_addr[bytes] ^ network->address.s6_addr[bytes]) & mask) == 0;
}

bool http_address_trusted(const struct http_addresses *addresses, const struct in6_addr *address)
{
	for (size_t i = 0; i < addresses->proxy_count; i++)
		if (within(address, &addresses->proxies[i]))
			return true;
	return false;
}

/* -------------------------------------------------------------- forwarded for */

static struct sl_text trimmed(const char *from, const char *end)
{
	while (from < end && (*from == ' ' || *from == '\t'))
		from++;
	while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct sl_text){ from, (size_t)(end - from) };
}

/* Some proxies write "1.2.3.4:567", "[::1]:567" or "[::1]". */
static struct sl_text without_port(struct sl_text text)
{
	const char *colon = memchr(text.at, ':', text.len);
	const char *bracket = memchr(text.at, ']', text.len);
	if (text.len && text.at[0] == '[' && bracket)
		return (struct sl_text){ text.at + 1, (size_t)(bracket - text.at) - 1 };
	if (colon && !memchr(colon + 1, ':', text.len - (size_t)(colon + 1 - text.at)))
		text.len = (size_t)(colon - text.at);
	return text;
}

/* The last one of `list` that is no proxy of ours into `client`.  False: all
 * were proxies, the search goes on before them. */
static bool last_client(const struct http_addresses *addresses, struct sl_text list, struct sl_text *client)
{
	const char *end = list.at + list.len;
	while (end >= list.at) {
		const char *from = end;
		char address[INET6_ADDRSTRLEN];
		struct in6_addr read;
		unsigned bits;
		while (from > list.at && from[-1] != ',')
			from--;
		struct sl_text one = without_port(trimmed(from, end));
		if (one.len >= sizeof(address))
			return true;
		memcpy(address, one.at, one.len);
		address[one.len] = '\0';
		if (!read_address(address, &read, &bits))
			return true;
		*client = one;
		if (!http_address_trusted(addresses, &read))
			return true;
		end = from - 1;
	}
	return false;
}

struct sl_text http_address_forwarded(const struct http_addresses *addresses, const struct http_request *request)
{
	struct sl_text client = { 0 };
	for (size_t i = request->header_count; i-- > 0;) {
		const struct http_header *header = &request->headers[i];
		if (header->name.len == 15 && memcmp(header->name.at, "x-forwarded-for", 15) == 0 &&
			last_client(addresses, header->value, &client))
			break;
	}
	return client;
}
