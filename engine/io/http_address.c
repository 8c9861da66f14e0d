/* SPDX-License-Identifier: Apache-2.0 */
/* http_address.c - who connects: counts per address, and the proxies that are believed. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "io/http_inside.h"

struct http_address_count {
	struct http_address_count *next;
	uint64_t key;
	size_t count;
};

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

bool http_server_proxies(struct http_server *server, const char *const *proxies, struct why *why)
{
	struct http_addresses *addresses = &server->addresses;
	struct network *networks;
	size_t count = 0, used = 0;
	bool unix_proxy = false;
	while (proxies && proxies[count])
		count++;
	networks = must_alloc(count * sizeof(*networks));
	for (size_t i = 0; i < count; i++) {
		if (strcmp(proxies[i], "unix") == 0) {
			unix_proxy = true;
		} else if (!network_read(proxies[i], &networks[used++])) {
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

bool http_address_trusted(const struct http_addresses *addresses, const struct in6_addr *address)
{
	for (size_t i = 0; i < addresses->proxy_count; i++)
		if (network_holds(&addresses->proxies[i], address))
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
		while (from > list.at && from[-1] != ',')
			from--;
		struct sl_text one = without_port(trimmed(from, end));
		if (one.len >= sizeof(address))
			return true;
		memcpy(address, one.at, one.len);
		address[one.len] = '\0';
		if (!network_read_address(address, &read))
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
