/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_explain_token.c - why a token, a password or a signed token does not let its bearer in. */
#include <string.h>
#include <strings.h>

#include "flow/webhook_search.h"
#include "sdk/text.h"

/* Whether a value is one of the secrets or another option, as it is or behind the prefix. */
static bool token_in(struct search *search, struct sl_text value, const char *where)
{
	struct sl_text bare = value;
	bool stripped = prefix_strip(search->webhook, &bare);
	for (size_t i = 0; i < search->secrets.count; i++) {
		struct sl_text text = search->secrets.list[i].text;
		bool plain = sl_same(value.at, value.len, text.at, text.len);
		const char *prefix = plain && !stripped ? "the prefix is missing" : NULL;
		const char *words[] = { search->secrets.list[i].words, where, prefix };
		if (plain || (stripped && sl_same(bare.at, bare.len, text.at, text.len)))
			return search_found(search, words, 3);
	}
	return false;
}

static const char *header_words(struct search *search, struct sl_text name)
{
	const struct place *proof = &search->webhook->proof;
	if (proof->kind == PLACE_HEADER && sl_text_is(name, proof->name))
		return NULL;
	return arena_format(search->arena, "the token stands in the header %.*s", (int)name.len, name.at);
}

static const char *query_words(struct search *search, struct sl_text name)
{
	const struct place *proof = &search->webhook->proof;
	bool right = proof->kind == PLACE_QUERY && sl_text_is(name, proof->name);
	return right ? NULL : "the token stands in another part of the query";
}

/* Every header and part of the query, until one of them explains it. */
static bool search_values(struct search *search,
	bool (*explains)(struct search *, struct sl_text value, const char *where))
{
	struct sl_text headers = search->record->headers, query = search->record->query;
	struct header_line line;
	struct query_part part;
	while (header_next(&headers, &line))
		if (explains(search, sl_text_trim(line.value), header_words(search, line.name)))
			return true;
	while (query_next(&query, search->arena, &part))
		if (explains(search, part.value, query_words(search, part.name)))
			return true;
	return false;
}

/* A token: is it another option's value, or does it stand elsewhere? */
bool search_token(struct search *search)
{
	return search_values(search, token_in);
}

/* -------------------------------------------------------------------- basic */

/* What stands in base64, as "user:password"; at NULL: nothing. */
static struct sl_text basic_read(struct search *search, struct sl_text value)
{
	static const char mark[] = "basic ";
	const size_t skip = sizeof(mark) - 1;
	size_t len = 0;
	if (value.len > skip && strncasecmp(value.at, mark, skip) == 0)
		value.at += skip, value.len -= skip;
	char *plain = arena_bytes(search->arena, value.len + 1);
	bool read = value.len && sl_unbase64(value, (unsigned char *)plain, value.len, &len);
	return read && len && memchr(plain, ':', len) ? (struct sl_text){ plain, len } : (struct sl_text){ NULL, 0 };
}

/* Up to the first colon. */
static size_t user_length(struct sl_text text)
{
	const char *colon = memchr(text.at, ':', text.len);
	return colon ? (size_t)(colon - text.at) : text.len;
}

static const char *basic_words(const struct guess *guess, struct sl_text sent)
{
	size_t user = user_length(guess->text);
	if (sl_same(sent.at, sent.len, guess->text.at, guess->text.len))
		return guess->words ? guess->words : "";
	bool same_user = user < guess->text.len && user == user_length(sent) && memcmp(sent.at, guess->text.at, user) == 0;
	return same_user ? "the user is right, the password is another one" : NULL;
}

static bool basic_in(struct search *search, struct sl_text value, const char *where)
{
	struct sl_text sent = basic_read(search, value);
	for (size_t i = 0; sent.at && i < search->secrets.count; i++) {
		const char *found = basic_words(&search->secrets.list[i], sent);
		const char *words[] = { found && *found ? found : NULL, where };
		if (found && (words[0] || words[1]))
			return search_found(search, words, 2);
	}
	return false;
}

bool search_basic(struct search *search)
{
	return search_values(search, basic_in) || search_token(search);
}

/* ---------------------------------------------------------------------- jwt */

/* Whom it is for, if that is what is wrong; its signature is right, so the vendor says so. */
static const char *audience_words(struct search *search, const struct token *token)
{
	const struct webhook *webhook = search->webhook;
	struct sl_text aud = token_audience(token, search->arena);
	if (!webhook->audience.at || sl_same(aud.at, aud.len, webhook->audience.at, webhook->audience.len))
		return NULL;
	if (!aud.at)
		return "the token says no audience (aud), and one is asked for";
	return arena_format(search->arena, "the token is for the audience %s, not for %s", aud.at, webhook->audience.at);
}

static bool fits(struct search *search, const struct token *token, struct sl_text secret)
{
	struct sl_signer *signer = sl_signer_new(search->webhook->scheme->digest, secret);
	bool same = token_fits(token, signer);
	sl_signer_free(&signer);
	return same;
}

static bool jwt_in(struct search *search, struct sl_text value, const char *where)
{
	static const char mark[] = "bearer ";
	const size_t skip = sizeof(mark) - 1;
	struct token token;
	if (value.len > skip && strncasecmp(value.at, mark, skip) == 0)
		value.at += skip, value.len -= skip;
	if (!token_read(value, search->arena, &token, NULL))
		return false;
	for (size_t i = 0; i < search->secrets.count; i++) {
		const struct guess *guess = &search->secrets.list[i];
		const char *words[] = { guess->words, where, audience_words(search, &token) };
		if (fits(search, &token, guess->text) && (words[0] || words[1] || words[2]))
			return search_found(search, words, 3);
	}
	return false;
}

bool search_jwt(struct search *search)
{
	return search_values(search, jwt_in);
}
