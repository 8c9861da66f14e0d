/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_sign.c - signs a request as the vendor would. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "flow/webhook_parts.h"
#include "sdk/text.h"

/* What a proof is made of, before it is put into a header or the query. */
struct signing {
	const struct webhook *webhook;
	const struct log_record *record;
	struct arena *arena;
	struct sl_text secret, stamp;
	int64_t now;
	struct webhook_proof *out;
};

static void add_header(struct signing *signing, const char *name, const char *value)
{
	signing->out->headers[signing->out->header_count++] = (struct sl_pair){ name, value };
}

static char *percent_encoded(const char *text, struct arena *arena)
{
	char *out = arena_bytes(arena, 3 * strlen(text) + 1), *at = out;
	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text)) {
			*at++ = *text;
			continue;
		}
		*at++ = '%';
		at += sl_hex(text, 1, at);
	}
	*at = '\0';
	return out;
}

/* ----------------------------------------------------------------- timestamp */

/* Where we may write a timestamp of our own: a header other than the proof's. */
static bool own_stamp(struct signing *signing, const struct place *place, int64_t now, struct why *why)
{
	const char *text = arena_format(signing->arena, "%" PRId64, now / 1000);
	if (place->kind != PLACE_HEADER)
		return why_say(why, "the body or the address has to hold the timestamp, at %s", place->shown);
	signing->stamp = sl_text_of(text);
	if (signing->webhook->proof.kind == PLACE_HEADER && strcmp(place->name, signing->webhook->proof.name) == 0)
		return true; /* goes into the proof's own header */
	add_header(signing, place->shown, place->part ? arena_format(signing->arena, "%s=%s", place->part, text) : text);
	return true;
}

static bool find_stamp(struct signing *signing, int64_t now, struct why *why)
{
	const struct webhook *webhook = signing->webhook;
	if (!webhook->timestamp.count)
		return true;
	signing->stamp = stamp_find(webhook, signing->record, signing->arena);
	return signing->stamp.at || own_stamp(signing, &webhook->timestamp.lists[0].places[0], now, why);
}

/* -------------------------------------------------------------------- proofs */

static char *hmac_text(struct signing *signing)
{
	const struct webhook *webhook = signing->webhook;
	struct sl_text parts[PIECES_MOST];
	unsigned char mac[SL_DIGEST_MOST];
	char *text = arena_bytes(signing->arena, 2 * SL_DIGEST_MOST + 1);
	size_t count = covers_gather(webhook, &webhook->covers, signing->record, signing->stamp, parts);
	size_t size = sl_hmac(webhook->scheme->digest, signing->secret, parts, count, mac);
	if (webhook->base64)
		sl_base64(mac, size, text);
	else
		sl_hex(mac, size, text);
	return text;
}

static char *token_text(struct signing *signing)
{
	return arena_copy(signing->arena, signing->secret.at, signing->secret.len);
}

static char *basic_text(struct signing *signing)
{
	char *text = arena_bytes(signing->arena, (signing->secret.len + 2) / 3 * 4 + 1);
	sl_base64(signing->secret.at, signing->secret.len, text);
	return text;
}

static char *jwt_text(struct signing *signing)
{
	return token_make(signing->webhook, signing->secret, signing->now, signing->arena);
}

static char *(*const texts[SCHEME_KINDS])(struct signing *) = {
	[SCHEME_HMAC] = hmac_text,
	[SCHEME_TOKEN] = token_text,
	[SCHEME_BASIC] = basic_text,
	[SCHEME_JWT] = jwt_text,
};

/* "t=1732226419,v1=abc", or only the second half of it. */
static const char *part_text(struct signing *signing, const char *text)
{
	const struct webhook *webhook = signing->webhook;
	const struct place *stamp = webhook->timestamp.count ? &webhook->timestamp.lists[0].places[0] : NULL;
	if (stamp && stamp->kind == PLACE_HEADER && stamp->part && strcmp(stamp->name, webhook->proof.name) == 0)
		return arena_format(signing->arena, "%s=%s,%s=%s", stamp->part, signing->stamp.at, webhook->proof.part, text);
	return arena_format(signing->arena, "%s=%s", webhook->proof.part, text);
}

static void place_proof(struct signing *signing, const char *text)
{
	const struct place *proof = &signing->webhook->proof;
	if (signing->webhook->prefix_count)
		text = arena_format(signing->arena, "%s%s", signing->webhook->prefixes[0].at, text);
	if (proof->kind == PLACE_QUERY)
		signing->out->query = arena_format(signing->arena, "%s=%s", percent_encoded(proof->name, signing->arena),
			percent_encoded(text, signing->arena));
	else
		add_header(signing, proof->shown, proof->part ? part_text(signing, text) : text);
}

/* The id that standard webhooks are signed with, if none was given: a new one. */
static void own_id(struct signing *signing)
{
	const struct piece *id = &signing->webhook->covers.pieces[0];
	struct log_record *record = arena_alloc(signing->arena, sizeof(*record));
	unsigned char bytes[12];
	char text[2 * sizeof(bytes) + 1];
	if (record_header(signing->record, id->text.at).at || getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return;
	sl_hex(bytes, sizeof(bytes), text);
	const char *value = arena_format(signing->arena, "msg_%s", text);
	add_header(signing, id->text.at, value);
	*record = *signing->record;
	record->headers = sl_text_of(arena_format(signing->arena, "%.*s%s: %s\n", (int)record->headers.len,
		record->headers.at ? record->headers.at : "", id->text.at, value));
	signing->record = record;
}

static bool headers_there(struct signing *signing, struct why *why)
{
	const struct covers *covers = &signing->webhook->covers;
	for (size_t i = 0; i < covers->count; i++)
		if (covers->pieces[i].kind == PIECE_HEADER && !record_header(signing->record, covers->pieces[i].text.at).at)
			return why_say(why, "the header %s is signed too, and is not given", covers->pieces[i].text.at);
	return true;
}

bool webhook_sign(const struct webhook *webhook, const struct log_record *record, size_t secret, int64_t now,
	struct arena *arena, struct webhook_proof *proof, struct why *why)
{
	*proof = (struct webhook_proof){ .header_count = 0 };
	if (webhook->scheme->kind == SCHEME_OPEN)
		return true;
	if (secret >= webhook->secret_count)
		return why_say(why, "there is no secret %zu to sign with; there are %zu", secret + 1, webhook->secret_count);
	struct signing signing = { webhook, record, arena, webhook->secrets[secret], { NULL, 0 }, now, proof };
	if (webhook->scheme->standard)
		own_id(&signing);
	if (!find_stamp(&signing, now, why) || !headers_there(&signing, why))
		return false;
	place_proof(&signing, texts[webhook->scheme->kind](&signing));
	return true;
}
