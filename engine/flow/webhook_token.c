/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_token.c - JSON web tokens: HS256 and nothing else, with an end, for us.
 *
 * What a token says is not looked at before its signature is right, but for the
 * algorithm: that has to be HS256 whatever the header asks for.
 */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "flow/webhook_parts.h"
#include "sdk/text.h"

#define LIFE 300 /* seconds: of those we make */

/* ------------------------------------------------------------------ reading */

/* Up to the dot, which is passed over; false: there is none. */
static bool next_part(struct sl_text *rest, struct sl_text *part)
{
	const char *dot = rest->len ? memchr(rest->at, '.', rest->len) : NULL;
	if (!dot)
		return false;
	*part = (struct sl_text){ rest->at, (size_t)(dot - rest->at) };
	rest->at += part->len + 1, rest->len -= part->len + 1;
	return true;
}

static bool decoded(struct sl_text part, struct arena *arena, struct sl_text *out)
{
	unsigned char *bytes = arena_bytes(arena, part.len + 1);
	bool fine = part.len && sl_unbase64url(part, bytes, part.len, &out->len);
	out->at = (const char *)bytes;
	return fine;
}

static bool signed_as_we_check(struct sl_text header, struct why *why)
{
	struct sl_document *document = sl_json_read(header, NULL, 0);
	const struct sl_json *root = sl_json_root(document);
	struct sl_text alg = sl_json_string(sl_json_get(root, "alg"));
	bool fine = false;
	if (!document || sl_json_kind(root) != SL_KIND_OBJECT)
		why_say(why, "the token's header is no JSON object");
	else if (alg.at && sl_text_is_nocase(alg, "none"))
		why_say(why, "the token is not signed: its alg is none");
	else if (!sl_text_is(alg, "HS256"))
		why_say(why, "the token's alg is not HS256");
	else if (sl_json_get(root, "crit"))
		why_say(why, "the token asks for extensions (crit), and none are known here");
	else
		fine = true;
	sl_json_free(&document);
	return fine;
}

bool token_read(struct sl_text text, struct arena *arena, struct token *token, struct why *why)
{
	struct sl_text rest = text, header = { NULL, 0 }, claims = { NULL, 0 };
	size_t len = 0;
	bool three = next_part(&rest, &header) && next_part(&rest, &claims) && !memchr(rest.at, '.', rest.len);
	token->message = (struct sl_text){ text.at, header.len + 1 + claims.len };
	if (!three)
		return why_say(why, "the token does not have three parts with a dot between");
	if (!decoded(header, arena, &token->header))
		return why_say(why, "the token's header is not base64url");
	if (!signed_as_we_check(token->header, why))
		return false;
	if (!decoded(claims, arena, &token->claims))
		return why_say(why, "the token's claims are not base64url");
	if (!sl_unbase64url(rest, token->mac, sizeof(token->mac), &len) || len != sizeof(token->mac))
		return why_say(why, "the token's signature is not base64url of the right length");
	return true;
}

bool token_fits(const struct token *token, struct sl_signer *signer)
{
	unsigned char right[SL_DIGEST_MOST];
	size_t size = sl_signer_sign(signer, &token->message, 1, right);
	return sl_same(right, size, token->mac, sizeof(token->mac));
}

/* ------------------------------------------------------------------- claims */

/* A time in seconds since 1970, perhaps with a fraction; in milliseconds. */
static bool moment_claim(const struct sl_json *claims, const char *name, double *milliseconds)
{
	if (!sl_json_double(sl_json_get(claims, name), milliseconds))
		return false;
	*milliseconds *= 1000;
	return true;
}

static bool in_its_time(const struct webhook *webhook, const struct sl_json *claims, int64_t now,
	struct webhook_check *check)
{
	const double tolerance = (double)webhook->tolerance_ms;
	double end, begin = 0;
	const struct sl_json *nbf = sl_json_get(claims, "nbf");
	if (!moment_claim(claims, "exp", &end))
		check_forged(check, "the token does not say when it ends (exp)");
	else if (nbf && !moment_claim(claims, "nbf", &begin))
		check_forged(check, "the token does not say when it begins (nbf is no time)");
	else if (end < (double)now - tolerance)
		check_stale(check, "the token's time (exp) ended more than %" PRId64 " s ago", webhook->tolerance_ms / 1000);
	else if (begin > (double)now + tolerance)
		check_stale(check, "the token's time (nbf) begins in more than %" PRId64 " s", webhook->tolerance_ms / 1000);
	else
		return true;
	return false;
}

/* Our address is ours whatever query was put behind it. */
static bool is_us(const struct webhook *webhook, struct sl_text audience)
{
	const struct sl_text us = webhook->audience;
	if (!audience.at || audience.len < us.len || memcmp(audience.at, us.at, us.len) != 0)
		return false;
	return audience.len == us.len || (webhook->ours && audience.at[us.len] == '?');
}

/* One, or a list of them (RFC 7519, 4.1.3). */
static bool for_us(const struct webhook *webhook, const struct sl_json *aud)
{
	if (!webhook->audience.at)
		return true;
	if (sl_json_kind(aud) != SL_KIND_ARRAY)
		return is_us(webhook, sl_json_string(aud));
	for (const struct sl_json *one = sl_json_first(aud); one; one = sl_json_next(one))
		if (is_us(webhook, sl_json_string(one)))
			return true;
	return false;
}

static bool claims_hold(const struct webhook *webhook, const struct sl_json *claims, int64_t now,
	struct webhook_check *check)
{
	const struct sl_json *aud = sl_json_get(claims, "aud");
	if (sl_json_kind(claims) != SL_KIND_OBJECT)
		check_forged(check, "the token's claims are no JSON object");
	else if (webhook->audience.at && !aud)
		check_forged(check, "the token does not say whom it is for (aud)");
	else if (!for_us(webhook, aud))
		check_forged(check, "the token is for another audience (aud)");
	else
		return in_its_time(webhook, claims, now, check);
	return false;
}

bool token_holds(const struct webhook *webhook, const struct token *token, int64_t now, struct webhook_check *check)
{
	struct sl_document *document = sl_json_read(token->claims, NULL, 0);
	bool holds = claims_hold(webhook, sl_json_root(document), now, check);
	sl_json_free(&document);
	return holds;
}

struct sl_text token_audience(const struct token *token, struct arena *arena)
{
	struct sl_document *document = sl_json_read(token->claims, NULL, 0);
	const struct sl_json *aud = sl_json_get(sl_json_root(document), "aud");
	struct sl_text text = sl_json_string(sl_json_kind(aud) == SL_KIND_ARRAY ? sl_json_first(aud) : aud);
	if (text.at)
		text = arena_text(arena, text);
	sl_json_free(&document);
	return text;
}

void check_jwt(const struct webhook *webhook, const struct sight *sight, int64_t now, struct webhook_check *check)
{
	struct sl_text proofs[PROOFS_MOST];
	struct token token;
	struct why why = { "" };
	if (proofs_gather(webhook, sight, proofs, check) == 0)
		return;
	if (!token_read(proofs[0], sight->arena, &token, &why)) {
		check_forged(check, "%s", why.text);
		return;
	}
	for (size_t i = 0; i < webhook->secret_count; i++) {
		if (!token_fits(&token, webhook->signers[i]))
			continue;
		if (token_holds(webhook, &token, now, check))
			check_genuine(check, i);
		return;
	}
	check_forged(check, "the token's signature fits none of the secrets");
}

/* ------------------------------------------------------------------- making */

static void put_base64url(struct buf *out, const void *at, size_t len)
{
	buf_reserve(out, (len + 2) / 3 * 4);
	char *text = out->at + out->len;
	size_t size = sl_base64(at, len, text);
	for (char *c = text; *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_'
						 : *c;
	while (size && text[size - 1] == '=')
		size--;
	out->len += size;
	text[size] = '\0';
}

static void put_claims(const struct webhook *webhook, int64_t now, struct buf *out)
{
	json_open(out, '{');
	if (webhook->audience.len)
		json_key(out, "aud"), json_text(out, webhook->audience);
	json_member_int(out, "iat", now / 1000);
	json_member_int(out, "exp", now / 1000 + LIFE);
	json_close(out, '}');
}

char *token_make(const struct webhook *webhook, struct sl_text secret, int64_t now, struct arena *arena)
{
	static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	struct buf out = { 0 }, claims = { 0 };
	unsigned char mac[SL_DIGEST_MOST];
	put_claims(webhook, now, &claims);
	put_base64url(&out, header, sizeof(header) - 1);
	buf_char(&out, '.');
	put_base64url(&out, claims.at, claims.len);
	size_t size = sl_hmac(SL_SHA256, secret, &(struct sl_text){ out.at, out.len }, 1, mac);
	buf_char(&out, '.');
	put_base64url(&out, mac, size);
	char *text = arena_copy(arena, out.at, out.len);
	buf_free(&out);
	buf_free(&claims);
	return text;
}
