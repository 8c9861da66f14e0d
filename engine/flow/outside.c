/* SPDX-License-Identifier: Apache-2.0 */
/* outside.c - how a child of the master asks far sides. */
#include "flow/outside.h"

#include "sdk/json.h"

static const char *const *read_texts(const struct sl_json *list, struct arena *arena)
{
	const char **texts = arena_alloc(arena, (sl_json_count(list) + 1) * sizeof(*texts)), **next = texts;
	for (const struct sl_json *at = sl_json_first(list); at; at = sl_json_next(at)) {
		struct sl_text text = sl_json_string(at);
		if (text.len)
			*next++ = arena_copy(arena, text.at, text.len);
	}
	return texts;
}

static const char *read_text(const struct sl_json *net, const char *name, struct arena *arena)
{
	return arena_string(arena, sl_json_string(sl_json_get(net, name)).at);
}

struct client *outside_client(uv_loop_t *loop, const struct sl_json *net, struct arena *arena, struct why *why)
{
	const struct client_settings settings = {
		.allow = read_texts(sl_json_get(net, "allow"), arena),
		.proxy = read_text(net, "proxy", arena),
		.ca = read_text(net, "ca", arena),
	};
	return client_new(loop, &settings, why);
}

bool outside_open(struct outside *outside, uv_loop_t *loop, struct channel *channel, const struct sl_json *net,
	const struct net_keeper *keeper, struct arena *arena, struct why *why)
{
	outside->client = outside_client(loop, net, arena, why);
	if (!outside->client)
		return false;
	outside->lease = lease_new(channel);
	outside->net = net_new(&(struct net_settings){
		.loop = loop,
		.client = outside->client,
		.lender = lease_lender(outside->lease),
		.keeper = keeper,
	});
	lease_serve(outside->lease, outside->net);
	return true;
}

void outside_close(struct outside *outside)
{
	if (outside->lease)
		lease_serve(outside->lease, NULL);
	if (outside->net)
		net_free(&outside->net);
	if (outside->lease)
		lease_free(&outside->lease);
	if (outside->client)
		client_free(&outside->client);
}
