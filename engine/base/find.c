/* SPDX-License-Identifier: Apache-2.0 */
/* find.c - e-mail addresses and URLs in text. */
#include "base/find.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define LONGEST_LOCAL 64
#define LONGEST_DOMAIN 253
#define LONGEST_URL 4096

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9');
}

/* Whether a sign of an alphabet that is not ASCII begins or ends here: neither
 * quotes and dashes (U+2000 to U+206F) nor U+00A0 to U+00BF. */
static bool is_foreign(const char *at, const char *begin, const char *end)
{
	const unsigned char *byte = (const unsigned char *)at;
	while (at > begin && (*byte & 0xc0) == 0x80)
		byte--, at--;
	if (*byte < 0x80 || end - at < 2)
		return *byte >= 0x80;
	return !(byte[0] == 0xc2 || (byte[0] == 0xe2 && (byte[1] == 0x80 || byte[1] == 0x81)));
}

/* ------------------------------------------------------------------------- e-mail */

static bool is_local(char c)
{
	return is_alnum(c) || (c && strchr("!#$%&'*+/=?^_`{|}~.-", c));
}

/* Where the part before the @ begins; at the @ itself if there is none. */
static const char *local_begin(const char *begin, const char *at)
{
	const char *from = at;
	while (from > begin && at - from < LONGEST_LOCAL && is_local(from[-1]) && !(from[-1] == '.' && *from == '.'))
		from--;
	while (from < at && !is_alnum(*from) && *from != '_' && *from != '+')
		from++;
	return at[-1] == '.' ? at : from;
}

/* Behind the last label that can be the last one: letters, and not the first. */
static const char *domain_end(const char *at, const char *end)
{
	const char *fine = NULL, *stop = end - at > LONGEST_DOMAIN ? at + LONGEST_DOMAIN : end;
	for (int labels = 1; at < stop; labels++, at++) {
		const char *label = at;
		bool letters = true;
		for (; at < stop && (is_alnum(*at) || *at == '-'); at++)
			letters &= is_letter(*at);
		if (at == label || at - label > 63 || *label == '-' || at[-1] == '-')
			break;
		if (labels > 1 && letters && at - label > 1)
			fine = at;
		if (at == stop || *at != '.')
			break;
	}
	return fine;
}

static void take_email(const char *from, const char *at, const char *to, find_take *take, void *data)
{
	char out[LONGEST_LOCAL + 1 + LONGEST_DOMAIN];
	size_t len = (size_t)(to - from);
	memcpy(out, from, len);
	for (size_t i = (size_t)(at - from); i < len; i++)
		if (out[i] >= 'A' && out[i] <= 'Z')
			out[i] = (char)(out[i] + 32);
	take(data, (struct sl_text){ out, len });
}

void find_emails(struct sl_text text, find_take *take, void *data)
{
	const char *begin = text.at, *end = text.at + text.len, *at = begin;
	while (at < end && (at = memchr(at, '@', (size_t)(end - at)))) {
		const char *from = at > begin ? local_begin(begin, at) : at;
		const char *to = domain_end(at + 1, end);
		bool fine = from < at && to && !(from > begin && is_foreign(from - 1, begin, end)) &&
		            !(to < end && (is_foreign(to, to, end) || *to == '@'));
		if (fine)
			take_email(from, at, to, take, data);
		at = fine ? to : at + 1;
		begin = fine ? to : begin;
	}
}

/* --------------------------------------------------------------------------- URLs */

static bool ends_url(const char *at, const char *end)
{
	const unsigned char *byte = (const unsigned char *)at;
	if (*byte <= ' ' || *byte == 0x7f || strchr("<>\"`{}|\\^", *at))
		return true;
	return *byte >= 0x80 && !is_foreign(at, at, end);
}

/* Signs at the end belong to the sentence, brackets to who opened them. */
static const char *without_sentence(const char *from, const char *to)
{
	int open = 0;
	for (const char *at = from; at < to; at++)
		open += (*at == '(' || *at == '[') - (*at == ')' || *at == ']');
	for (; to > from; to--) {
		bool closes = to[-1] == ')' || to[-1] == ']';
		if (closes ? open >= 0 : !strchr(".,;:!?'*_~", to[-1]))
			break;
		open += closes;
	}
	return to;
}

static const char *url_begin(const char *begin, const char *colon)
{
	for (size_t len = 4; len <= 5; len++)
		if ((size_t)(colon - begin) >= len && strncasecmp(colon - len, "https", len) == 0 &&
			!((size_t)(colon - begin) > len && is_alnum(colon[-(ptrdiff_t)len - 1])))
			return colon - len;
	return NULL;
}

void find_urls(struct sl_text text, find_take *take, void *data)
{
	const char *begin = text.at, *end = text.at + text.len, *at = begin;
	while (at < end && (at = memchr(at, ':', (size_t)(end - at)))) {
		bool slashes = end - at > 2 && at[1] == '/' && at[2] == '/';
		const char *from = slashes ? url_begin(begin, at) : NULL, *to = at + (slashes ? 3 : 1);
		while (from && to < end && to - from < LONGEST_URL && !ends_url(to, end))
			to++;
		const char *last = from ? without_sentence(from, to) : to;
		if (from && last > at + 3 && (to == end || ends_url(to, end)))
			take(data, (struct sl_text){ from, (size_t)(last - from) });
		at = begin = to;
	}
}
