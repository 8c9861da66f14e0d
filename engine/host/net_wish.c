/* SPDX-License-Identifier: Apache-2.0 */
/* net_wish.c - what a call wishes becomes a whole request. */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "host/net_inside.h"
#include "sdk/sign.h"
#include "sdk/text.h"

#define TIMEOUT 30000
#define LONGEST_TIMEOUT 3600000
#define MOST_MEMORY ((int64_t)16 << 20)
#define MOST_FILE ((int64_t)1 << 30)
#define MOST_SHOWN 160 /* bytes of a path in sentences */

/* ------------------------------------------------------------------------------ pairs */

static size_t pair_count(const struct sl_pair *const *pairs)
{
	size_t count = 0;
	while (pairs && pairs[count])
		count++;
	return count;
}

const struct sl_pair *const *net_pairs_copy(struct arena *arena, const struct sl_pair *const *pairs)
{
	size_t count = pair_count(pairs);
	if (!count)
		return NULL;
	const struct sl_pair **copy = arena_alloc(arena, (count + 1) * sizeof(*copy));
	for (size_t i = 0; i < count; i++) {
		struct sl_pair *pair = arena_alloc(arena, sizeof(*pair));
		pair->name = arena_string(arena, pairs[i]->name);
		pair->value = arena_string(arena, pairs[i]->value);
		copy[i] = pair;
	}
	return copy;
}

const char *net_header(const struct sl_pair *const *headers, const char *name)
{
	for (; headers && *headers; headers++)
		if (strcasecmp((*headers)->name, name) == 0)
			return (*headers)->value;
	return NULL;
}

struct client_request wish_request(struct arena *arena, const struct client_request *request)
{
	struct client_request copy = *request;
	copy.method = arena_string(arena, request->method);
	copy.url = arena_string(arena, request->url);
	copy.headers = net_pairs_copy(arena, request->headers);
	copy.body = request->body.len ? arena_text(arena, request->body) : (struct sl_text){ 0 };
	copy.file = arena_string(arena, request->file);
	return copy;
}

/* ------------------------------------------------------------------------- checking */

static bool is_token(const char *text)
{
	static const char signs[] = "!#$%&'*+-.^_`|~";
	size_t len = 0;
	for (; text[len]; len++)
		if (!((text[len] | 32) >= 'a' && (text[len] | 32) <= 'z') && !(text[len] >= '0' && text[len] <= '9') &&
			!strchr(signs, text[len]))
			return false;
	return len > 0;
}

static bool is_value(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
			return false;
	return true;
}

static bool check_headers(const struct sl_pair *const *headers, struct why *why)
{
	for (; headers && *headers; headers++) {
		if (!(*headers)->name || !is_token((*headers)->name))
			return why_say(why, "\"%.60s\" is no name of a header", (*headers)->name ? (*headers)->name : "");
		if (!(*headers)->value || !is_value((*headers)->value))
			return why_say(why, "the header %.60s has no value that can be sent", (*headers)->name);
	}
	return true;
}

static bool check_query(const struct sl_pair *const *query, struct why *why)
{
	for (; query && *query; query++)
		if (!(*query)->name || !(*query)->value)
			return why_say(why, "a row of the query has no name or no value");
	return true;
}

static bool check(const struct sl_http *http, struct why *why)
{
	if (!http->url || !*http->url)
		return why_say(why, "a request without a url");
	if (http->method && (strlen(http->method) > 20 || !is_token(http->method)))
		return why_say(why, "\"%.20s\" is no method", http->method);
	return check_headers(http->headers, why) && check_query(http->query, why);
}

/* -------------------------------------------------------------------------- its api */

/* Scheme, host and port. */
static size_t origin_len(const char *url)
{
	const char *authority = strstr(url, "://");
	size_t from = authority ? (size_t)(authority - url) + 3 : 0;
	return from + strcspn(url + from, "/?#");
}

static bool same_origin(const char *a, const char *b)
{
	size_t len = origin_len(a);
	return len == origin_len(b) && strncasecmp(a, b, len) == 0;
}

/* A whole url belongs to an api too if it goes to the same place: the next page often is one. */
static const struct net_api *api_of(const struct call *call, const struct sl_http *http)
{
	const struct net_api *own = call->instance->settings.api;
	const struct net_api *api = http->source ? call->source_api : own;
	if (http->url[0] == '/')
		return api;
	if (api && same_origin(api->base, http->url))
		return api;
	return NULL;
}

static bool find_api(const struct call *call, const struct sl_http *http, struct wish *wish, struct why *why)
{
	wish->api = api_of(call, http);
	if (wish->api || http->url[0] != '/')
		return true;
	if (http->source)
		return why_say(why, "the source of this event has no api, so a url that begins with / leads nowhere");
	return why_say(why, "%s has no api, so a url that begins with / leads nowhere; write all of it",
		call->instance->name);
}

/* Far sides of which nothing is known are told apart by their origin. */
static void stand_in(struct call *call, struct wish *wish)
{
	struct net_api *api;
	if (wish->api)
		return;
	api = arena_alloc(call->arena, sizeof(*api));
	api->base = arena_copy(call->arena, wish->request.url, origin_len(wish->request.url));
	api->credential = api->base;
	wish->api = api;
	wish->own_budget = true;
}

/* -------------------------------------------------------------------------- the url */

static bool in_query(const char *url, const char *name)
{
	size_t len = strlen(name);
	for (const char *at = strchr(url, '?'); at; at = strchr(at + 1, '&'))
		if (strncmp(at + 1, name, len) == 0 && at[1 + len] == '=')
			return true;
	return false;
}

/* What the api adds to the query, but for what stands there already. */
static const struct sl_pair *const *api_query(struct arena *arena, const struct net_api *api, const char *url)
{
	size_t count = 0;
	const struct sl_pair **rest = arena_alloc(arena, (pair_count(api->query) + 1) * sizeof(*rest));
	for (const struct sl_pair *const *pair = api->query; pair && *pair; pair++)
		if (!in_query(url, (*pair)->name))
			rest[count++] = *pair;
	return rest;
}

static bool is_api_part(const struct net_api *api, const char *part)
{
	size_t len = strcspn(part, "=&");
	for (const struct sl_pair *const *pair = api->query; pair && *pair; pair++)
		if (strlen((*pair)->name) == len && memcmp((*pair)->name, part, len) == 0)
			return true;
	return false;
}

static const char *without_query(const struct net_api *api, const char *url, struct arena *arena)
{
	size_t path = strcspn(url, "?");
	struct buf out = { 0 };
	if (!url[path])
		return url;
	buf_add(&out, url, path);
	char mark = '?';
	for (const char *part = url + path; *part; part += strcspn(part, "&")) {
		part++;
		if (is_api_part(api, part))
			continue;
		buf_char(&out, mark);
		buf_add(&out, part, strcspn(part, "&"));
		mark = '&';
	}
	const char *hidden = arena_copy(arena, out.at, out.len);
	buf_free(&out);
	return hidden;
}

/* Behind a base that has a secret in it, only what is behind it: what a script could have asked for. */
static const char *without_base(const struct net_api *api, const char *url)
{
	size_t len = strlen(api->base);
	len -= len && api->base[len - 1] == '/';
	if (strncmp(url, api->base, len) != 0 || (url[len] && url[len] != '/' && url[len] != '?'))
		return url;
	return url[len] ? url + len : "/";
}

static const char *without(const char *text, const char *secret, struct arena *arena)
{
	const char *at = strstr(text, secret);
	return at ? arena_format(arena, "%.*s***%s", (int)(at - text), text, without(at + strlen(secret), secret, arena))
		  : text;
}

const char *wish_masked(const struct net_api *api, const char *text, struct arena *arena)
{
	for (const char *const *secret = api->hidden; secret && *secret; secret++)
		text = without(text, *secret, arena);
	for (const char *const *secret = api->secrets; secret && *secret; secret++)
		text = without(text, *secret, arena);
	return text;
}

const char *wish_hidden(const struct net_api *api, const char *url, struct arena *arena)
{
	if (!url)
		return NULL;
	url = without_query(api, url, arena);
	if (api->hidden && *api->hidden)
		url = without_base(api, url);
	return wish_masked(api, url, arena);
}

/* The path only as the plugin wrote it: what a base is filled with may be a secret. */
static const char *shown(struct arena *arena, const struct net_api *api, const char *method, const char *url,
	const char *written)
{
	const char *authority = strstr(url, "://"), *host = authority ? authority + 3 : url;
	size_t path = written[0] == '/' ? strcspn(written, "?#") : 0;
	if (path > MOST_SHOWN)
		path = MOST_SHOWN;
	const char *text = arena_format(arena, "%s %.*s%.*s", method, (int)strcspn(host, "/?#"), host, (int)path, written);
	return api ? wish_masked(api, text, arena) : text;
}

/* -------------------------------------------------------------------------- headers */

static void add(const struct sl_pair **list, size_t *count, const struct sl_pair *pair)
{
	if (!net_header(list, pair->name))
		list[(*count)++] = pair;
}

/* One's own first: what the api or we would add is added only if it is not there. */
static const struct sl_pair *const *all_headers(struct arena *arena, const struct sl_http *http,
	const struct net_api *api)
{
	static const struct sl_pair content = { "Content-Type", "application/json" };
	static const struct sl_pair agent = { "User-Agent", "sluice/" SLUICE_VERSION };
	size_t count = pair_count(http->headers);
	size_t most = count + pair_count(api ? api->headers : NULL) + 3;
	const struct sl_pair **list = arena_alloc(arena, most * sizeof(*list));
	for (size_t i = 0; i < count; i++)
		list[i] = http->headers[i];
	for (const struct sl_pair *const *pair = api ? api->headers : NULL; pair && *pair; pair++)
		add(list, &count, *pair);
	if (http->body.len)
		add(list, &count, &content);
	add(list, &count, &agent);
	return list;
}

/* --------------------------------------------------------------------------- digests */

static void add_pairs(struct buf *out, const struct sl_pair *const *pairs)
{
	json_open(out, '{');
	for (; pairs && *pairs; pairs++)
		json_member_string(out, (*pairs)->name, (*pairs)->value);
	json_close(out, '}');
}

static void digest(struct buf *text, struct sl_text body, char key[NET_KEY])
{
	unsigned char all[SL_DIGEST_MOST];
	const struct sl_text parts[] = { { text->at, text->len }, body };
	sl_hash(SL_SHA256, parts, 2, all);
	sl_hex(all, (NET_KEY - 1) / 2, key);
	buf_free(text);
}

/* Who asks the same twice wants to see what has changed: the second time it is another
 * question, in this run and in the next. */
static uint64_t times_asked(struct call *call, const char *key)
{
	struct running *running = (struct running *)call;
	struct asked_before *before = running->before;
	while (before && strcmp(before->key, key) != 0)
		before = before->next;
	if (!before) {
		before = arena_alloc(call->arena, sizeof(*before));
		*before = (struct asked_before){ .key = arena_string(call->arena, key), .next = running->before };
		running->before = before;
	}
	return ++before->times;
}

/* One path of one origin may be two accounts': the source's, and each plugin's own. */
static void add_asker(struct buf *out, const struct call *call, const struct sl_http *http)
{
	json_open(out, '[');
	json_string(out, http->source ? "source" : "own");
	if (!http->source)
		json_string(out, call->instance->name);
	json_close(out, ']');
}

static void make_keys(struct call *call, const struct sl_http *http, const char *visible, struct wish *wish)
{
	const struct client_request *request = &wish->request;
	struct buf text = { 0 };
	if (!wish->safe || !call->pub.event || request->file)
		return;
	buf_format(&text, "%s %s ", request->method, visible);
	add_pairs(&text, http->headers);
	add_asker(&text, call, http);
	digest(&text, request->body, wish->key);
	uint64_t times = times_asked(call, wish->key);
	if (times > 1 || call->tries) {
		buf_format(&text, "%s %llu %lu", wish->key, (unsigned long long)times, (unsigned long)call->tries);
		digest(&text, (struct sl_text){ "", 0 }, wish->key);
		return;
	}
	buf_format(&text, "%s %s %d %d %d %lld %lld ", request->method, request->url, wish->class, wish->graphql, wish->all,
		(long long)request->most, (long long)request->timeout_ms);
	add_pairs(&text, request->headers);
	digest(&text, request->body, wish->shape);
}

/* ------------------------------------------------------------------------------ all */

static bool is_safe(const char *method, const struct sl_http *http)
{
	return http->asks || strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static int64_t limit(int64_t given, int64_t otherwise, int64_t most)
{
	if (given <= 0)
		return otherwise;
	return given < most ? given : most;
}

static void fill_rest(struct call *call, const struct sl_http *http, struct wish *wish)
{
	struct client_request *request = &wish->request;
	request->headers = all_headers(call->arena, http, wish->api);
	for (const struct sl_pair *const *pair = request->headers; *pair; pair++)
		call_told(call, (*pair)->name, (*pair)->value);
	request->body = http->body;
	request->file = http->file;
	request->timeout_ms = limit(http->timeout_ms, TIMEOUT, LONGEST_TIMEOUT);
	request->most = limit(http->most, http->file ? MOST_FILE : MOST_MEMORY, INT64_MAX);
	wish->safe = is_safe(request->method, http);
	wish->graphql = http->graphql;
	wish->own_errors = http->graphql == 2;
	wish->all = http->all;
	wish->cost = http->cost > 0 ? http->cost : 1;
	wish->class = call->backfill ? BUDGET_BACKFILL : BUDGET_LIVE;
}

/* The sentences of urls show them, and what a base is filled with may be a secret. */
static const char *whole_url(struct call *call, const struct sl_http *http, struct wish *wish, struct why *why)
{
	struct arena *arena = call->arena;
	const struct net_api *api = wish->api;
	const char *visible = client_url(arena, api ? api->base : NULL, http->url, http->query, why);
	if (visible)
		wish->request.url = api ? client_url(arena, NULL, visible, api_query(arena, api, visible), why) : visible;
	if (!wish->request.url && api)
		why_say(why, "%s: behind its api's base this is no url, or too long a one",
			shown(arena, api, wish->request.method, api->base, http->url));
	return wish->request.url ? visible : NULL;
}

bool wish_fill(struct call *call, const struct sl_http *http, struct wish *wish, struct why *why)
{
	struct client_request *request = &wish->request;
	struct arena *arena = call->arena;
	*wish = (struct wish){ 0 };
	request->method = http->method ? http->method : http->body.len ? "POST" : "GET";
	if (!check(http, why) || !find_api(call, http, wish, why))
		return false;
	const char *visible = whole_url(call, http, wish, why);
	if (!visible)
		return false;
	fill_rest(call, http, wish);
	wish->shown = shown(arena, wish->api, request->method, visible, http->url);
	make_keys(call, http, wish->api ? wish_hidden(wish->api, visible, arena) : visible, wish);
	stand_in(call, wish);
	return true;
}
