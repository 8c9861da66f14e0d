/* SPDX-License-Identifier: Apache-2.0 */
/* net_api.c - how a far side is asked: filled in where the options are, read where it is used. */
#include <stdlib.h>
#include <string.h>

#include "host/net_inside.h"
#include "sdk/sign.h"
#include "sdk/text.h"

#define MOST_ROWS 100
#define CREDENTIAL_BYTES 8 /* of the digest that names one */
#define SHORTEST_SECRET 8  /* a shorter one is part of too many words */

/* ------------------------------------------------------------------------ filling in */

struct filling {
	const struct sl_json *options;
	struct buf out; /* the last form filled in */
	bool nests;     /* options that go into it may name others: base: "https://{shop}" */
	struct why *why;
};

static bool fill_more(struct filling *filling, const char *form);

size_t net_api_basic(const char *name)
{
	static const char word[] = "basic:";
	return strncmp(name, word, sizeof(word) - 1) == 0 ? sizeof(word) - 1 : 0;
}

/* The first of a secret; a number as it is written. */
static bool add_value(struct filling *filling, const char *name, size_t len)
{
	const struct sl_json *value = sl_json_get_text(filling->options, (struct sl_text){ name, len });
	if (sl_json_kind(value) == SL_KIND_ARRAY)
		value = sl_json_first(value);
	struct sl_text text = sl_json_kind(value) == SL_KIND_STRING ? sl_json_string(value) : sl_json_raw(value);
	if (!value || !text.len)
		return why_say(filling->why, "its api needs the option %.*s, which is not given", (int)len, name);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f)
			return why_say(filling->why, "the option %.*s goes into requests, and cannot hold line breaks or the like",
				(int)len, name);
	if (filling->nests && sl_json_kind(value) == SL_KIND_STRING && strchr(text.at, '{')) {
		filling->nests = false;
		return fill_more(filling, text.at);
	}
	buf_add(&filling->out, text.at, text.len);
	return true;
}

/* What stands behind `from` becomes what Basic authentication wants of a user: some servers
 * insist on a password, and take any. */
static void make_basic(struct buf *out, size_t from)
{
	struct buf plain = { 0 };
	buf_add(&plain, out->at + from, out->len - from);
	buf_string(&plain, ":X");
	char *coded = must_alloc((plain.len + 2) / 3 * 4 + 1);
	sl_base64(plain.at, plain.len, coded);
	out->len = from;
	buf_string(out, coded);
	free(coded);
	buf_free(&plain);
}

static bool add_name(struct filling *filling, const char *name, size_t len)
{
	size_t from = filling->out.len, skip = net_api_basic(name);
	if (!add_value(filling, name + skip, len - skip))
		return false;
	if (skip)
		make_basic(&filling->out, from);
	return true;
}

static bool fill_more(struct filling *filling, const char *form)
{
	while (*form) {
		size_t plain = strcspn(form, "{");
		buf_add(&filling->out, form, plain);
		form += plain;
		if (!*form)
			break;
		size_t len = strcspn(form + 1, "}");
		if (!form[1 + len])
			return why_say(filling->why, "its api says \"%s\", where a } is missing", form);
		if (!add_name(filling, form + 1, len))
			return false;
		form += len + 2;
	}
	return true;
}

/* "Bearer {token}" with the option in its place. */
static bool fill(struct filling *filling, const char *form)
{
	buf_clear(&filling->out);
	buf_string(&filling->out, "");
	return fill_more(filling, form);
}

static void add_secrets_of(const struct filling *filling, const char *form, struct buf *out)
{
	for (const char *at = form ? strchr(form, '{') : NULL; at; at = strchr(at + 1, '{')) {
		const size_t skip = 1 + net_api_basic(at + 1);
		const struct sl_text name = { at + skip, strcspn(at + skip, "}") };
		const struct sl_json *value = sl_json_get_text(filling->options, name);
		if (sl_json_kind(value) == SL_KIND_ARRAY)
			json_text(out, sl_json_string(sl_json_first(value)));
	}
}

/* What stands in a base is part of each url, and scripts see urls: secrets in it are named. */
static void add_hidden(const struct filling *filling, const char *form, struct buf *out)
{
	json_key(out, "hidden");
	json_open(out, '[');
	add_secrets_of(filling, form, out);
	json_close(out, ']');
}

/* Those of the rest: a plugin may have to write one into a path, and sentences show paths. */
static void add_secrets(const struct filling *filling, const struct sl_api *api, struct buf *out)
{
	json_key(out, "secrets");
	json_open(out, '[');
	for (const char *const *header = api->headers; header && *header; header++)
		add_secrets_of(filling, *header, out);
	for (const struct sl_pair *const *pair = api->query; pair && *pair; pair++)
		add_secrets_of(filling, (*pair)->value, out);
	add_secrets_of(filling, api->credential, out);
	json_close(out, ']');
}

static bool fill_base(struct filling *filling, const struct sl_api *api, struct buf *out)
{
	const char *form = api->base ? api->base : "";
	filling->nests = true;
	bool fine = fill(filling, form);
	filling->nests = false;
	if (!fine)
		return false;
	const char *base = filling->out.at;
	if (strncmp(base, "https://", 8) != 0 && strncmp(base, "http://", 7) != 0)
		return why_say(filling->why, "its api's base has to begin with https:// or http://");
	json_member_string(out, "base", base);
	add_hidden(filling, form, out);
	return true;
}

static bool fill_headers(struct filling *filling, const struct sl_api *api, struct buf *out)
{
	json_key(out, "headers");
	json_open(out, '[');
	for (const char *const *header = api->headers; header && *header; header++) {
		if (!fill(filling, *header))
			return false;
		json_string(out, filling->out.at);
	}
	json_close(out, ']');
	return true;
}

static bool fill_query(struct filling *filling, const struct sl_api *api, struct buf *out)
{
	json_key(out, "query");
	json_open(out, '[');
	for (const struct sl_pair *const *pair = api->query; pair && *pair; pair++) {
		if (!fill(filling, (*pair)->value))
			return false;
		json_open(out, '[');
		json_string(out, (*pair)->name);
		json_string(out, filling->out.at);
		json_close(out, ']');
	}
	json_close(out, ']');
	return true;
}

/* A digest, so that it may stand in messages between processes and in lines. */
static bool fill_credential(struct filling *filling, const struct sl_api *api, const char *instance, const char *salt,
	struct buf *out)
{
	unsigned char digest[SL_DIGEST_MOST];
	char hex[2 * CREDENTIAL_BYTES + 1];
	if (!fill(filling, api->credential ? api->credential : api->base))
		return false;
	const struct sl_text parts[] = {
		sl_text_of(salt),
		sl_text_of(api->credential ? "\ncredential\n" : "\ninstance\n"),
		sl_text_of(api->credential ? "" : instance),
		{ filling->out.at, filling->out.len },
	};
	sl_hash(SL_SHA256, parts, sizeof(parts) / sizeof(parts[0]), digest);
	sl_hex(digest, CREDENTIAL_BYTES, hex);
	json_member_string(out, "credential", hex);
	return true;
}

static void add_limits(const struct sl_api *api, struct buf *out)
{
	json_member_int(out, "requests", api->requests);
	json_member_int(out, "window", api->window_ms);
	json_member_int(out, "points", api->points);
	json_member_int(out, "points_window", api->points_window_ms);
	json_member_int(out, "at_once", api->at_once);
	json_member_bool(out, "points_flow", api->points_flow);
}

bool net_api_fill(const struct sl_api *api, const struct sl_json *options, const char *instance, const char *salt,
	struct buf *out, struct why *why)
{
	struct filling filling = { .options = options, .why = why };
	json_open(out, '{');
	bool fine = fill_base(&filling, api, out) && fill_headers(&filling, api, out) && fill_query(&filling, api, out) &&
		    fill_credential(&filling, api, instance, salt, out);
	if (fine) {
		add_secrets(&filling, api, out);
		add_limits(api, out);
	}
	json_close(out, '}');
	buf_free(&filling.out);
	return fine;
}

/* --------------------------------------------------------------------------- reading */

static const char *string_of(const struct sl_json *value, struct arena *arena)
{
	struct sl_text text = sl_json_string(value);
	return text.at ? arena_copy(arena, text.at, text.len) : NULL;
}

/* "Authorization: Bearer x" becomes a name and a value. */
static bool read_header(const struct sl_json *item, struct arena *arena, struct sl_pair *pair)
{
	char *name = (char *)string_of(item, arena), *colon = name ? strchr(name, ':') : NULL;
	if (!colon)
		return false;
	*colon = '\0';
	*pair = (struct sl_pair){ name, colon + 1 + strspn(colon + 1, " ") };
	return true;
}

static bool read_pair(const struct sl_json *item, struct arena *arena, struct sl_pair *pair)
{
	pair->name = string_of(sl_json_element(item, 0), arena);
	pair->value = string_of(sl_json_element(item, 1), arena);
	return pair->name && pair->value;
}

typedef bool read_row(const struct sl_json *item, struct arena *arena, struct sl_pair *pair);

static const struct sl_pair *const *read_pairs(const struct sl_json *list, read_row *read, struct arena *arena)
{
	size_t count = sl_json_kind(list) == SL_KIND_ARRAY ? sl_json_count(list) : 0;
	count = count < MOST_ROWS ? count : MOST_ROWS;
	const struct sl_pair **pairs = arena_alloc(arena, (count + 1) * sizeof(*pairs));
	const struct sl_json *item = sl_json_first(list);
	for (size_t i = 0; i < count; item = sl_json_next(item), i++) {
		struct sl_pair *pair = arena_alloc(arena, sizeof(*pair));
		if (!read(item, arena, pair))
			return NULL;
		pairs[i] = pair;
	}
	return pairs;
}

static bool read_limits(const struct sl_json *json, struct budget_limits *limits)
{
	const struct {
		const char *name;
		int64_t *to;
	} numbers[] = {
		{ "requests", &limits->requests },
		{ "window", &limits->window },
		{ "points", &limits->points },
		{ "points_window", &limits->points_window },
		{ "at_once", &limits->at_once },
	};
	limits->points_flow = sl_json_true(sl_json_get(json, "points_flow"));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (sl_json_get(json, numbers[i].name) &&
			(!sl_json_integer(sl_json_get(json, numbers[i].name), numbers[i].to) || *numbers[i].to < 0))
			return false;
	return true;
}

static const char *const *read_hidden(const struct sl_json *list, size_t least, struct arena *arena)
{
	size_t count = 0;
	const char **hidden = arena_alloc(arena, (sl_json_count(list) + 1) * sizeof(*hidden));
	for (const struct sl_json *item = sl_json_first(list); item; item = sl_json_next(item))
		if (sl_json_string(item).len >= least)
			hidden[count++] = string_of(item, arena);
	return hidden;
}

const struct net_api *net_api_read(const struct sl_json *json, struct arena *arena, struct why *why)
{
	if (!json || sl_json_kind(json) == SL_KIND_NULL)
		return NULL;
	struct net_api *api = arena_alloc(arena, sizeof(*api));
	api->base = string_of(sl_json_get(json, "base"), arena);
	api->credential = string_of(sl_json_get(json, "credential"), arena);
	api->hidden = read_hidden(sl_json_get(json, "hidden"), 1, arena);
	api->secrets = read_hidden(sl_json_get(json, "secrets"), SHORTEST_SECRET, arena);
	api->headers = read_pairs(sl_json_get(json, "headers"), read_header, arena);
	api->query = read_pairs(sl_json_get(json, "query"), read_pair, arena);
	if (api->base && api->credential && api->headers && api->query && read_limits(json, &api->limits))
		return api;
	why_say(why, "an api in its part has a form that cannot be");
	return NULL;
}
