/* SPDX-License-Identifier: Apache-2.0 */
/* config_http.c - what is asked of others: `http:`, and `api:` of a source, a transform or a sink. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "host/net.h"
#include "main/config_build.h"
#include "sdk/text.h"

#define COUNT_MOST 1000000000
#define WINDOW_MOST ((int64_t)366 * 86400000)

const struct sl_option config_http_keys[] = {
	SL_OPTION(LIST, struct config_net, allow, .initial = "",
		.help = "private addresses and networks that plugins may ask all the same: 127.0.0.1, 10.0.0.0/8"),
	SL_OPTION(TEXT, struct config_net, proxy, .initial = "", .help = "what all requests go through: http://HOST:PORT"),
	SL_OPTION(PATH, struct config_net, ca, .initial = "",
		.help = "a file of certificates that are believed instead of the system's"),
	{ 0 },
};

/* Of the same shape as sl_api where it may be changed. */
struct api {
	const char *base;
	int64_t requests, window, points, points_window, at_once;
};

/* What is not given stays as the plugin says it. */
const struct sl_option config_api_keys[] = {
	SL_OPTION(TEXT, struct api, base, .initial = "", .help = "the address its requests go to: https://api.example.com"),
	SL_OPTION(INT, struct api, requests, .initial = "0", .min = 0, .max = COUNT_MOST,
		.help = "at most so many requests in any `window`; 0: no limit"),
	SL_OPTION(DURATION, struct api, window, .initial = "0", .min = 0, .max = WINDOW_MOST, .help = "see `requests`"),
	SL_OPTION(INT, struct api, points, .initial = "0", .min = 0, .max = COUNT_MOST,
		.help = "at most so many points of cost in any `points_window`; 0: no limit"),
	SL_OPTION(DURATION, struct api, points_window, .initial = "0", .min = 0, .max = WINDOW_MOST,
		.help = "see `points`"),
	SL_OPTION(INT, struct api, at_once, .initial = "0", .min = 0, .max = COUNT_MOST,
		.help = "at most so many requests under way; 0: no limit"),
	{ 0 },
};

/* -------------------------------------------------------------------- http */

/* What is checked below is what was written, so that a fault of one key hides none of another. */
static bool written(const struct yaml_node *node)
{
	return node && node->kind == YAML_SCALAR && !yaml_null(node);
}

static void check_allow(struct build *build, const struct yaml_node *node)
{
	const struct yaml_node *item = node && node->kind == YAML_LIST ? node->first : node;
	char room[YAML_SHOWN];
	for (; item; item = item == node ? NULL : item->next)
		if (written(item) && !is_network(item->text.at))
			fault(build, item, "`allow` holds addresses and networks such as 10.0.0.0/8, not %s",
				yaml_shown(item, room));
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* It may hold a password: what was given is never shown. */
static void check_proxy(struct build *build, const struct yaml_node *node)
{
	const char *proxy = written(node) ? node->text.at : "";
	bool http = begins(proxy, "http://") || begins(proxy, "https://");
	const char *host = http ? strstr(proxy, "://") + 3 : proxy;
	if (*proxy && (!http || !*host || *host == '/' || strpbrk(host, " ?#\t\n")))
		fault(build, node, "`proxy` must be an address such as http://proxy.example.com:3128");
}

static void check_ca(struct build *build, const struct yaml_node *node)
{
	const char *ca = written(node) ? option_path(node->file, node->text.at, build->arena) : "";
	if (*ca && access(ca, R_OK) != 0)
		fault(build, node, "`ca`: %s cannot be read: %s", node->written ? node->written : ca, strerror(errno));
}

void http_options_read(struct build *build)
{
	static const char *const nowhere[] = { NULL };
	const struct yaml_node *node = yaml_get(build->root, "http");
	struct config_net *net = &build->config->net;
	const struct sl_json *values = values_read(build, config_http_keys, NULL, "`http`", node, build->root);
	check_allow(build, yaml_get(node, "allow"));
	check_proxy(build, yaml_get(node, "proxy"));
	check_ca(build, yaml_get(node, "ca"));
	if (!values || !option_fill(config_http_keys, OPTION_ROW, values, net, build->arena, NULL)) {
		net->allow = nowhere;
		return;
	}
	net->proxy = *net->proxy ? net->proxy : NULL;
	net->ca = *net->ca ? net->ca : NULL;
}

/* --------------------------------------------------------------------- api */

static const char *number(struct build *build, enum sl_type type, int64_t value)
{
	char room[OPTION_NUMBER];
	return arena_string(build->arena, option_number(type, value, room));
}

/* The table with the plugin's own values as the initial ones. */
static const struct sl_option *api_table(struct build *build, const struct sl_api *api)
{
	const int64_t numbers[] = { 0, api->requests, api->window_ms, api->points, api->points_window_ms, api->at_once };
	struct sl_option *table = arena_alloc(build->arena, sizeof(config_api_keys));
	memcpy(table, config_api_keys, sizeof(config_api_keys));
	table[0].initial = api->base ? api->base : "";
	for (size_t i = 1; table[i].name; i++)
		table[i].initial = number(build, table[i].type, numbers[i]);
	return table;
}

static bool whole_windows(struct build *build, const struct yaml_node *map, const char *what, const struct api *api)
{
	if (api->requests && !api->window)
		return fault(build, map, "%s: `requests` needs a `window`, such as 10s", what);
	if (api->points && !api->points_window)
		return fault(build, map, "%s: `points` needs a `points_window`, such as 1m", what);
	return true;
}

/* The plugin's api with what `api:` changes of it; NULL if there was a fault. */
static const struct sl_api *changed(struct build *build, const struct part *part)
{
	const struct sl_api *own = part->description->api;
	const struct yaml_node *map = yaml_get(part->node, "api");
	const char *what = arena_format(build->arena, "`api` of %s", part->what);
	const struct sl_option *table = api_table(build, own);
	struct sl_api *api = arena_alloc(build->arena, sizeof(*api));
	struct api given = { 0 };
	if (!map)
		return own;
	const struct sl_json *values = values_read(build, table, NULL, what, map, map);
	if (!values || !option_fill(table, OPTION_ROW, values, &given, build->arena, NULL) ||
		!whole_windows(build, map, what, &given))
		return NULL;
	*api = *own;
	api->base = *given.base ? given.base : NULL;
	api->requests = given.requests, api->window_ms = given.window;
	api->points = given.points, api->points_window_ms = given.points_window;
	api->at_once = given.at_once;
	return api;
}

/* Whoever sees a digest of a credential cannot try guesses at it.  The same as long
 * as this process lives, so that parts can be compared. */
static const char *salt(void)
{
	static char text[33];
	unsigned char random[16];
	if (*text)
		return text;
	ssize_t got = getrandom(random, sizeof(random), 0);
	assert(got == (ssize_t)sizeof(random)); /* so few are never refused */
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(text + 2 * i, 3, "%02x", random[i]);
	return text;
}

/* The first {name} in a text whose option has no value; NULL: there is none. */
static const char *lacking_in(struct build *build, const char *text, const struct sl_json *values)
{
	const char *open, *end;
	for (; text && (open = strchr(text, '{')) && (end = strchr(open, '}')); text = end) {
		open += 1 + net_api_basic(open + 1);
		const char *name = arena_copy(build->arena, open, (size_t)(end - open));
		const struct sl_json *value = sl_json_get(values, name);
		if (sl_json_kind(value) == SL_KIND_ARRAY)
			value = sl_json_first(value);
		if (!value || (sl_json_kind(value) == SL_KIND_STRING && !sl_json_string(value).len))
			return name;
	}
	return NULL;
}

static const char *lacking(struct build *build, const struct sl_api *api, const struct sl_json *values)
{
	const char *name = lacking_in(build, api->base, values);
	for (const char *const *header = api->headers; !name && header && *header; header++)
		name = lacking_in(build, *header, values);
	for (const struct sl_pair *const *pair = api->query; !name && pair && *pair; pair++)
		name = lacking_in(build, (*pair)->value, values);
	return name ? name : lacking_in(build, api->credential, values);
}

/* A source that lives on its webhooks alone needs no token. */
static bool can_do_without(struct build *build, const struct part *part, const char *name)
{
	if (!part->description->webhook)
		return false;
	warn(build, part->node, "%s does not poll, and nobody can ask its vendor: for that `%s` has to be given",
		part->what, name);
	return true;
}

/* Where the base was written, if that is what is wrong. */
static const struct yaml_node *place_of(const struct part *part, const struct why *why)
{
	const struct yaml_node *base = yaml_get(yaml_get(part->node, "api"), "base");
	return base && strstr(why->text, "api's base") ? base : part->node;
}

const char *api_read(struct build *build, const struct part *part, const struct sl_json *values)
{
	const struct sl_api *api = part->description && part->description->api ? changed(build, part) : NULL;
	const char *lacks = api && values ? lacking(build, api, values) : NULL, *filled = NULL;
	struct buf out = { 0 };
	struct why why = { 0 };
	if (!api || !values || (lacks && can_do_without(build, part, lacks)))
		return NULL;
	if (net_api_fill(api, values, part->name, salt(), &out, &why))
		filled = arena_copy(build->arena, out.at, out.len);
	else
		fault(build, place_of(part, &why), "%s: %s", part->what, why.text);
	buf_free(&out);
	return filled;
}
