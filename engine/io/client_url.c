/* SPDX-License-Identifier: Apache-2.0 */
/* client_url.c - urls: whole ones, their origins, how they are shown. */
#include <string.h>
#include <strings.h>

#include "io/client_inside.h"

/* ----------------------------------------------------------------- building */

static bool unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c);
}

static void add_byte(struct buf *out, unsigned char c)
{
	buf_format(out, "%%%02X", c);
}

static void add_encoded(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (unreserved((unsigned char)*text))
			buf_char(out, *text);
		else
			add_byte(out, (unsigned char)*text);
	}
}

/* As given; only what no url can hold is percent-encoded. */
static void add_lenient(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c <= ' ' || c >= 0x7f)
			add_byte(out, c);
		else
			buf_char(out, (char)c);
	}
}

static void add_query(struct buf *out, const struct sl_pair *const *query, bool begun)
{
	for (; query && *query; query++) {
		buf_char(out, begun ? '&' : '?');
		add_encoded(out, (*query)->name);
		buf_char(out, '=');
		add_encoded(out, (*query)->value ? (*query)->value : "");
		begun = true;
	}
}

/* Where scheme and authority end. */
static size_t origin_length(const char *url)
{
	const char *authority = strstr(url, "://");
	size_t from = authority ? (size_t)(authority - url) + 3 : 0;
	return from + strcspn(url + from, "/?#");
}

static size_t without_slash(const char *base)
{
	size_t len = strlen(base);
	return len && base[len - 1] == '/' ? len - 1 : len;
}

const char *client_url(struct arena *arena, const char *base, const char *url, const struct sl_pair *const *query,
	struct why *why)
{
	struct buf out = { 0 };
	bool behind = url[0] == '/';
	if (behind && (!base || !*base)) {
		why_say(why, "\"%.200s\" begins with a slash, and there is no api whose base it could go behind; "
			"write the whole url", url);
		return NULL;
	}
	if (behind)
		buf_add(&out, base, without_slash(base));
	size_t origin = behind ? 0 : origin_length(url), len = strcspn(url, "#");
	buf_add(&out, url, origin);
	add_lenient(&out, url + origin, len > origin ? len - origin : 0);
	add_query(&out, query, memchr(url, '?', len) != NULL);
	const char *whole = client_url_check(out.at ? out.at : "", why) ? arena_copy(arena, out.at, out.len) : NULL;
	buf_free(&out);
	return whole;
}

/* ----------------------------------------------------------------- checking */

static bool has(CURLU *parts, CURLUPart part)
{
	char *text = NULL;
	bool there = curl_url_get(parts, part, &text, 0) == CURLUE_OK && text && *text;
	curl_free(text);
	return there;
}

static bool check_parts(CURLU *parts, const char *shown, struct why *why)
{
	if (!has(parts, CURLUPART_HOST))
		return why_say(why, "%s names no host", shown);
	if (has(parts, CURLUPART_USER) || has(parts, CURLUPART_PASSWORD))
		return why_say(why, "%s has a user or a password in it; send them in an Authorization header", shown);
	return true;
}

static bool spoken(const char *url)
{
	return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

static bool check_with(CURLU *parts, const char *url, const char *shown, struct why *why)
{
	if (!spoken(url))
		return why_say(why, "\"%s\" is no url: it begins with https:// or http://", shown);
	if (strlen(url) > CLIENT_URL_MOST)
		return why_say(why, "%.200s...: the url is longer than %zu bytes", shown, CLIENT_URL_MOST);
	CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, 0);
	if (code != CURLUE_OK)
		return why_say(why, "\"%s\" is no url: %s", shown, curl_url_strerror(code));
	return check_parts(parts, shown, why);
}

bool client_url_check(const char *url, struct why *why)
{
	struct arena *arena = arena_new();
	CURLU *parts = curl_url();
	bool fine = check_with(parts, url, client_url_shown(arena, url), why);
	curl_url_cleanup(parts);
	arena_free(&arena);
	return fine;
}

/* -------------------------------------------------------------------- parts */

static char *part_of(struct arena *arena, const char *url, CURLUPart part)
{
	CURLU *parts = curl_url();
	char *text = NULL;
	if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
		curl_url_get(parts, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		text = NULL;
	char *copy = arena_string(arena, text);
	curl_free(text);
	curl_url_cleanup(parts);
	return copy;
}

bool client_url_same_origin(const char *a, const char *b)
{
	static const CURLUPart compared[] = { CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT };
	struct arena *arena = arena_new();
	bool same = true;
	for (size_t i = 0; same && i < sizeof(compared) / sizeof(compared[0]); i++) {
		const char *ours = part_of(arena, a, compared[i]), *theirs = part_of(arena, b, compared[i]);
		same = ours && theirs && strcasecmp(ours, theirs) == 0;
	}
	arena_free(&arena);
	return same;
}

char *client_url_host(struct arena *arena, const char *url)
{
	char *host = part_of(arena, url, CURLUPART_HOST);
	size_t len = host ? strlen(host) : 0;
	if (len < 2 || host[0] != '[')
		return host;
	host[len - 1] = '\0';
	return host + 1;
}

bool client_url_encrypted(const char *url)
{
	return strncasecmp(url, "https:", 6) == 0;
}

char *client_url_shown(struct arena *arena, const char *url)
{
	size_t len = strcspn(url, "?#"), origin = origin_length(url);
	const char *authority = strstr(url, "://");
	const char *from = authority && authority < url + len ? authority + 3 : url;
	const char *user = memrchr(from, '@', origin > (size_t)(from - url) ? origin - (size_t)(from - url) : 0);
	const char *rest = user ? user + 1 : from;
	return arena_format(arena, "%.*s%.*s", (int)(from - url), url, (int)(url + len - rest), rest);
}
