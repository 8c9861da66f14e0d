/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_explain.c - why a proof does not match: tries the usual mistakes.
 *
 * What may have gone wrong is a handful of lists: which secret, which digest,
 * which callback, which body, which pieces were signed.  Each list begins with
 * what the description says.  All combinations of at most two mistakes are
 * tried, the ones with fewer first, against everything in the request that could
 * be a signature.
 */
#include <string.h>

#include "flow/webhook_search.h"
#include "sdk/text.h"

#define MISTAKES_MOST 2
#define SHORTEST_MAC 27 /* characters: SHA-1 in base64url */
#define LONGEST_MAC 200 /* SHA-512 in hex, with a prefix */

static void guess_add(struct guesses *guesses, struct sl_text text, const char *words)
{
	for (size_t i = 0; i < guesses->count; i++)
		if (sl_same(guesses->list[i].text.at, guesses->list[i].text.len, text.at, text.len))
			return;
	if (guesses->count < GUESSES_MOST)
		guesses->list[guesses->count++] = (struct guess){ text, words };
}

/* ------------------------------------------------------------------ guesses */

#define SECRET_TRIMMED "the secret is number %zu without the blanks or line break around it: take them out " \
		       "of the configuration"

static void guess_secrets(struct search *search, const struct sl_pair *others, size_t other_count)
{
	const struct webhook *webhook = search->webhook;
	for (size_t i = 0; i < webhook->secret_count; i++)
		guess_add(&search->secrets, webhook->secrets[i], NULL);
	for (size_t i = 0; i < webhook->secret_count; i++)
		guess_add(&search->secrets, sl_text_trim(webhook->secrets[i]),
			arena_format(search->arena, SECRET_TRIMMED, i + 1));
	for (size_t i = 0; i < other_count; i++)
		if (*others[i].value)
			guess_add(&search->secrets, sl_text_of(others[i].value),
				arena_format(search->arena, "it was made with the value of `%s`, not with the secret",
					others[i].name));
}

static struct sl_text text_format(struct arena *arena, const char *form, const char *a, const char *b)
{
	return sl_text_of(arena_format(arena, form, a, b));
}

static void guess_callback(struct search *search, struct sl_text callback)
{
	if (callback.at != search->webhook->callback.at)
		guess_add(&search->callbacks, callback,
			arena_format(search->arena, "the callback at the vendor is %s", callback.at));
	if (callback.len && callback.at[callback.len - 1] == '/')
		callback.len--;
	struct sl_text bare = arena_text(search->arena, callback);
	guess_add(&search->callbacks, bare,
		arena_format(search->arena, "the callback at the vendor is %s, without a slash at its end", bare.at));
	struct sl_text slashed = text_format(search->arena, "%s%s", bare.at, "/");
	guess_add(&search->callbacks, slashed,
		arena_format(search->arena, "the callback at the vendor is %s, with a slash at its end", slashed.at));
}

static void guess_callbacks(struct search *search)
{
	struct sl_text callback = search->webhook->callback;
	guess_add(&search->callbacks, callback, NULL);
	if (!callback.len)
		return;
	const char *at = callback.at;
	if (strncmp(at, "https://", 8) == 0)
		guess_callback(search, text_format(search->arena, "%s%s", "http://", at + 8));
	if (strncmp(at, "http://", 7) == 0)
		guess_callback(search, text_format(search->arena, "%s%s", "https://", at + 7));
	guess_callback(search, callback);
	if (search->record->query.len)
		guess_callback(search,
			text_format(search->arena, "%s?%s", at, arena_text(search->arena, search->record->query).at));
}

/* The text without the white space between its values. */
static struct sl_text without_blanks(struct sl_text json, struct arena *arena)
{
	char *out = arena_bytes(arena, json.len + 1);
	size_t len = 0;
	bool quoted = false;
	for (size_t i = 0; i < json.len; i++) {
		char c = json.at[i];
		if (!quoted && strchr(" \t\r\n", c) && c)
			continue;
		out[len++] = c;
		if (quoted && c == '\\' && i + 1 < json.len)
			out[len++] = json.at[++i];
		else if (c == '"')
			quoted = !quoted;
	}
	return (struct sl_text){ out, len };
}

/* As a program prints it that has read it: strings in their shortest form. */
static void reprint(struct buf *out, const struct sl_json *value)
{
	enum sl_kind kind = sl_json_kind(value);
	struct sl_text raw = sl_json_raw(value);
	if (kind == SL_KIND_STRING)
		json_text(out, sl_json_string(value));
	if (kind != SL_KIND_ARRAY && kind != SL_KIND_OBJECT) {
		if (kind != SL_KIND_STRING)
			json_raw(out, raw.at, raw.len);
		return;
	}
	json_open(out, kind == SL_KIND_ARRAY ? '[' : '{');
	for (const struct sl_json *at = sl_json_first(value); at; at = sl_json_next(at)) {
		if (kind == SL_KIND_OBJECT)
			json_key_text(out, sl_json_name(at));
		reprint(out, at);
	}
	json_close(out, kind == SL_KIND_ARRAY ? ']' : '}');
}

static void guess_reprinted(struct search *search, struct sl_text body)
{
	struct buf out = { 0 };
	struct sl_document *document = sl_json_read(body, NULL, 0);
	if (!document)
		return;
	guess_add(&search->bodies, without_blanks(body, search->arena),
		"the body was printed anew after it was signed: blanks or line breaks were put between its values; pass the "
		"bytes on as they came");
	reprint(&out, sl_json_root(document));
	guess_add(&search->bodies, (struct sl_text){ arena_copy(search->arena, out.at, out.len), out.len },
		"the body was printed anew after it was signed: its strings are written in another way; pass the bytes on as "
		"they came");
	buf_free(&out);
	sl_json_free(&document);
}

static void guess_bodies(struct search *search)
{
	struct sl_text body = search->record->body, cut = body;
	guess_add(&search->bodies, body, NULL);
	while (cut.len && (cut.at[cut.len - 1] == '\n' || cut.at[cut.len - 1] == '\r'))
		cut.len--;
	guess_add(&search->bodies, cut,
		"the body has a line break at its end that was not signed (an editor put it there?)");
	guess_add(&search->bodies, text_format(search->arena, "%s%s", arena_text(search->arena, body).at, "\n"),
		"the line break at the end of the body was lost");
	guess_reprinted(search, body);
}

static void guess_covers(struct search *search)
{
	static const char *const usual[] = { "{body}", "{body}{callback}", "{callback}{body}", "{timestamp}.{body}",
		"{timestamp}{body}", "v0:{timestamp}:{body}" };
	guess_add(&search->covers, sl_text_of(""), NULL);
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		guess_add(&search->covers, sl_text_of(usual[i]), arena_format(search->arena, "what is signed is %s", usual[i]));
}

/* ------------------------------------------------------------------- claims */

static void claim_add(struct search *search, const unsigned char *bytes, size_t size, const char *words)
{
	if (search->claim_count == GUESSES_MOST || (size != 20 && size != 32 && size != 64))
		return;
	struct claim *claim = &search->claims[search->claim_count++];
	*claim = (struct claim){ .size = size, .words = words };
	memcpy(claim->bytes, bytes, size);
}

static const char *and_words(struct search *search, const char *a, const char *b)
{
	if (!a || !b)
		return a ? a : b;
	return arena_format(search->arena, "%s; %s", a, b);
}

/* The value read in every encoding. */
static void claim_text(struct search *search, struct sl_text text, const char *words)
{
	const bool base64 = search->webhook->base64;
	unsigned char bytes[SL_DIGEST_MOST];
	size_t size;
	if (sl_unhex(text, bytes, sizeof(bytes), &size))
		claim_add(search, bytes, size,
			and_words(search, words, base64 ? "the signature is in hex, not base64: encoding: hex" : NULL));
	if (sl_unbase64(text, bytes, sizeof(bytes), &size))
		claim_add(search, bytes, size,
			and_words(search, words, base64 ? NULL : "the signature is in base64, not hex: encoding: base64"));
	else if (sl_unbase64url(text, bytes, sizeof(bytes), &size))
		claim_add(search, bytes, size, and_words(search, words, "the signature is in base64url"));
}

/* The value with and without what looks like a prefix: "sha256=...", "Bearer ...". */
static void claim_value(struct search *search, struct sl_text value, const char *words)
{
	struct sl_text bare = value;
	if (prefix_strip(search->webhook, &bare))
		claim_text(search, bare, words);
	else
		claim_text(search, value, and_words(search, words, "the prefix is missing"));
	for (size_t i = 0; i < value.len && i < 16; i++) {
		struct sl_text rest = { value.at + i + 1, value.len - i - 1 };
		if (!strchr("=: ", value.at[i]) || rest.at == bare.at || !rest.len)
			continue;
		const char *prefix = arena_copy(search->arena, value.at, i + 1);
		prefix = arena_format(search->arena, "it has the prefix \"%s\"", prefix);
		claim_text(search, rest, and_words(search, words, prefix));
	}
}

static void claim_everywhere(struct search *search)
{
	struct sl_text rest = search->record->headers, values[PROOFS_MOST];
	struct sight sight = { search->record, NULL, search->arena };
	struct header_line line;
	bool doubled = false;
	size_t count = proofs_sent(search->webhook, &sight, values, &doubled);
	for (size_t i = 0; i < count; i++)
		claim_value(search, sl_text_trim(values[i]), NULL);
	while (header_next(&rest, &line)) {
		const char *name = arena_copy(search->arena, line.name.at, line.name.len);
		const char *words = arena_format(search->arena, "the signature stands in the header %s", name);
		bool likely = line.value.len >= SHORTEST_MAC && line.value.len <= LONGEST_MAC;
		if (likely && strcmp(name, search->webhook->proof.name) != 0)
			claim_value(search, line.value, words);
	}
}

/* ------------------------------------------------------------------- search */

void search_line(struct buf *out, const char *mark, const char *words)
{
	if (words)
		buf_format(out, "  %s %s\n", mark, words);
}

bool search_found(struct search *search, const char *const *words, size_t count)
{
	buf_string(search->out, "It would match if the description said what the vendor does:\n");
	for (size_t i = 0; i < count; i++)
		search_line(search->out, "*", words[i]);
	return true;
}

/* Whether this digest over these choices is what some claim says. */
static bool try_mac(struct search *search, enum sl_digest digest, const struct guess *const picks[4], size_t mistakes)
{
	struct webhook as = *search->webhook;
	struct log_record record = *search->record;
	struct sl_text parts[PIECES_MOST];
	unsigned char mac[SL_DIGEST_MOST];
	as.callback = picks[1]->text, record.body = picks[2]->text;
	if (picks[3]->words && !covers_read(picks[3]->text.at, search->arena, &as.covers, NULL))
		return false;
	size_t count = covers_gather(&as, &as.covers, &record, search->stamp, parts);
	size_t size = sl_hmac(digest, picks[0]->text, parts, count, mac);
	const char *scheme = NULL;
	if (digest != search->webhook->scheme->digest)
		scheme = arena_format(search->arena, "the scheme is %s", schemes[1 + digest].name);
	for (size_t i = 0; i < search->claim_count; i++) {
		const struct claim *claim = &search->claims[i];
		const char *words[] = { picks[0]->words, scheme, claim->words, picks[1]->words, picks[2]->words,
			picks[3]->words };
		if (mistakes + (claim->words != NULL) == search->allowed && sl_same(mac, size, claim->bytes, claim->size))
			return search_found(search, words, sizeof(words) / sizeof(words[0]));
	}
	return false;
}

static bool try_digests(struct search *search, const struct guess *const picks[4])
{
	size_t mistakes = 0;
	for (size_t i = 0; i < 4; i++)
		mistakes += picks[i]->words != NULL;
	for (enum sl_digest digest = SL_SHA1; digest <= SL_SHA512; digest++) {
		size_t all = mistakes + (digest != search->webhook->scheme->digest);
		if (all <= search->allowed && all + 1 >= search->allowed && try_mac(search, digest, picks, all))
			return true;
	}
	return false;
}

/* Picks one guess of each list and tries it. */
static bool try_lists(struct search *search, const struct guess *picks[4], size_t list)
{
	const struct guesses *const lists[] = { &search->secrets, &search->callbacks, &search->bodies, &search->covers };
	if (list == 4)
		return try_digests(search, picks);
	for (size_t i = 0; i < lists[list]->count; i++) {
		picks[list] = &lists[list]->list[i];
		if (try_lists(search, picks, list + 1))
			return true;
	}
	return false;
}

static bool search_hmac(struct search *search)
{
	const struct guess *picks[4];
	search->stamp = stamp_find(search->webhook, search->record, search->arena);
	guess_callbacks(search);
	guess_bodies(search);
	guess_covers(search);
	claim_everywhere(search);
	for (search->allowed = 1; search->claim_count && search->allowed <= MISTAKES_MOST; search->allowed++)
		if (try_lists(search, picks, 0))
			return true;
	return false;
}

static bool (*const searches[SCHEME_KINDS])(struct search *) = {
	[SCHEME_HMAC] = search_hmac,
	[SCHEME_TOKEN] = search_token,
	[SCHEME_BASIC] = search_basic,
	[SCHEME_JWT] = search_jwt,
};

/* -------------------------------------------------------------------- words */

static void say_headers(struct search *search)
{
	struct sl_text rest = search->record->headers;
	struct header_line line;
	buf_string(search->out, "The request has these headers:");
	while (header_next(&rest, &line))
		buf_format(search->out, " %.*s", (int)line.name.len, line.name.at);
	buf_string(search->out, "\n");
}

static void say_tried(struct search *search)
{
	const bool hmac = search->webhook->scheme->kind == SCHEME_HMAC;
	buf_string(search->out, "Nothing usual explains it.  Tried, one and two at a time:\n");
	buf_format(search->out, "  - %zu listed secret%s, and what else the source is configured with (key, token)\n",
		search->webhook->secret_count, search->webhook->secret_count == 1 ? "" : "s");
	if (hmac) {
		search_line(search->out, "-",
			"SHA-1, SHA-256 and SHA-512, in hex, base64 and base64url, with and without a prefix");
		if (search->webhook->callback.len)
			buf_format(search->out, "  - the callback %s, with and without a slash, http and https\n",
				search->webhook->callback.at);
		search_line(search->out, "-", "the body as it is, without blanks, printed anew, with and without a line break");
		search_line(search->out, "-", "other orders of body, callback and timestamp");
	}
	search_line(search->out, "-", "every header of the request");
	say_headers(search);
	buf_string(search->out,
		"Most likely the secret is another application's, or the body is not the one that was sent.\n");
}

static void say_genuine(const struct webhook *webhook, const struct webhook_check *check, struct buf *out)
{
	if (webhook_open_door(webhook))
		buf_string(out, "Genuine, because nothing is checked: this source takes every request.\n");
	else
		buf_format(out, "Genuine: it fits secret %zu of %zu.\n", check->secret + 1, webhook->secret_count);
}

/* What needs no search; true if all is said. */
static bool say_verdict(struct search *search, const struct webhook_check *check)
{
	switch (check->verdict) {
	case WEBHOOK_GENUINE:
		say_genuine(search->webhook, check, search->out);
		return true;
	case WEBHOOK_CHALLENGE:
		buf_string(search->out, "A handshake: it is answered and not stored.\n");
		return true;
	case WEBHOOK_HEAD:
		buf_string(search->out, "A handshake by HEAD: it is answered 200.\n");
		return true;
	default:
		buf_format(search->out, "Refused: %s.\n", check->reason);
		return check->verdict != WEBHOOK_FORGED;
	}
}

bool webhook_explain(const struct webhook *webhook, const struct log_record *record, int64_t now,
	const struct sl_pair *others, size_t other_count, struct buf *out)
{
	struct webhook_check check;
	struct arena *arena = arena_new();
	struct search *search = arena_alloc(arena, sizeof(*search));
	*search = (struct search){ .webhook = webhook, .record = record, .arena = arena, .out = out };
	webhook_check(webhook, record, now, arena, &check);
	if (!say_verdict(search, &check)) {
		guess_secrets(search, others, other_count);
		if (!searches[webhook->scheme->kind](search))
			say_tried(search);
	}
	arena_free(&arena);
	return check.verdict == WEBHOOK_GENUINE || check.verdict == WEBHOOK_CHALLENGE || check.verdict == WEBHOOK_HEAD;
}
