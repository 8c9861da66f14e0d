/* SPDX-License-Identifier: Apache-2.0 */
/* webhook.c - reads a description of webhooks and refuses what cannot be checked. */
#include "flow/webhook.h"

#include <string.h>
#include <strings.h>

#include "flow/webhook_parts.h"
#include "sdk/text.h"

#define TOLERANCE_MS 300000
#define TOLERANCE_JWT_MS 60000
#define SECRETS_MOST 16
#define PREFIXES_MOST 8

/* The hmacs stand in the order of enum sl_digest, from row 1. */
const struct scheme schemes[SCHEME_COUNT] = {
	{ .name = "none", .kind = SCHEME_OPEN },
	{ .name = "hmac-sha1", .kind = SCHEME_HMAC, .digest = SL_SHA1 },
	{ .name = "hmac-sha256", .kind = SCHEME_HMAC, .digest = SL_SHA256 },
	{ .name = "hmac-sha512", .kind = SCHEME_HMAC, .digest = SL_SHA512 },
	{ .name = "bearer", .kind = SCHEME_TOKEN, .proof = "header:Authorization", .prefix = "Bearer " },
	{ .name = "query-token", .kind = SCHEME_TOKEN, .proof = "query:token" },
	{ .name = "basic", .kind = SCHEME_BASIC, .proof = "header:Authorization", .prefix = "Basic " },
	{ .name = "jwt-hs256",
		.kind = SCHEME_JWT,
		.digest = SL_SHA256,
		.proof = "header:Authorization",
		.prefix = "Bearer |" },
	{ .name = "standard-webhooks",
		.kind = SCHEME_HMAC,
		.digest = SL_SHA256,
		.proof = "header:webhook-signature",
		.prefix = "v1,",
		.standard = true },
};

/* ---------------------------------------------------------------- the form */

/* The description as it stands, before anything in it is understood. */
struct form {
	const char *auth, *proof, *prefix, *encoding, *covers, *timestamp, *audience, *secret;
	const char *id, *type, *subject, *time, *challenge, *same, *scope;
	int64_t tolerance_ms, repeat_ms, status, head, notice;
};

enum member_kind {
	MEMBER_TEXT,
	MEMBER_NUMBER,
	MEMBER_TRUTH,
};
static const struct member {
	const char *name;
	enum member_kind kind;
	size_t at;
	int64_t least, most;
} members[] = {
	{ "auth", MEMBER_TEXT, offsetof(struct form, auth), 0, 0 },
	{ "proof", MEMBER_TEXT, offsetof(struct form, proof), 0, 0 },
	{ "prefix", MEMBER_TEXT, offsetof(struct form, prefix), 0, 0 },
	{ "encoding", MEMBER_TEXT, offsetof(struct form, encoding), 0, 0 },
	{ "covers", MEMBER_TEXT, offsetof(struct form, covers), 0, 0 },
	{ "timestamp", MEMBER_TEXT, offsetof(struct form, timestamp), 0, 0 },
	{ "tolerance_ms", MEMBER_NUMBER, offsetof(struct form, tolerance_ms), 0, INT64_C(86400000) * 30 },
	{ "audience", MEMBER_TEXT, offsetof(struct form, audience), 0, 0 },
	{ "secret", MEMBER_TEXT, offsetof(struct form, secret), 0, 0 },
	{ "id", MEMBER_TEXT, offsetof(struct form, id), 0, 0 },
	{ "type", MEMBER_TEXT, offsetof(struct form, type), 0, 0 },
	{ "subject", MEMBER_TEXT, offsetof(struct form, subject), 0, 0 },
	{ "time", MEMBER_TEXT, offsetof(struct form, time), 0, 0 },
	{ "repeat_ms", MEMBER_NUMBER, offsetof(struct form, repeat_ms), 0, INT64_MAX },
	{ "challenge", MEMBER_TEXT, offsetof(struct form, challenge), 0, 0 },
	{ "same", MEMBER_TEXT, offsetof(struct form, same), 0, 0 },
	{ "scope", MEMBER_TEXT, offsetof(struct form, scope), 0, 0 },
	{ "head", MEMBER_TRUTH, offsetof(struct form, head), 0, 1 },
	{ "notice", MEMBER_TRUTH, offsetof(struct form, notice), 0, 1 }, /* who polls looks at it */
	{ "status", MEMBER_NUMBER, offsetof(struct form, status), 200, 299 },
};
#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static bool text_member(const struct member *member, const struct sl_json *value, void *at, struct arena *arena,
	struct why *why)
{
	struct sl_text text = sl_json_string(value);
	if (!text.at || memchr(text.at, '\0', text.len))
		return why_say(why, "webhook: %s has to be text", member->name);
	*(const char **)at = text.len ? arena_copy(arena, text.at, text.len) : NULL;
	return true;
}

static bool number_member(const struct member *member, const struct sl_json *value, int64_t *at, struct why *why)
{
	bool truth = member->kind == MEMBER_TRUTH && sl_json_kind(value) == SL_KIND_BOOL;
	if (truth)
		*at = sl_json_true(value);
	else if (!sl_json_integer(value, at))
		return why_say(why, "webhook: %s has to be %s", member->name,
			member->kind == MEMBER_TRUTH ? "true or false" : "a number");
	bool unset = *at == 0 && member->kind == MEMBER_NUMBER;
	if (!unset && (*at < member->least || *at > member->most))
		return why_say(why, "webhook: %s is out of bounds", member->name);
	return true;
}

static bool unknown_member(struct sl_text name, struct why *why)
{
	char text[64];
	const char *near = NULL;
	size_t nearest = 4;
	size_t len = name.len < sizeof(text) - 1 ? name.len : sizeof(text) - 1;
	memcpy(text, name.at, len);
	text[len] = '\0';
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		size_t distance = sl_distance(text, members[i].name);
		near = distance < nearest ? members[i].name : near;
		nearest = distance < nearest ? distance : nearest;
	}
	if (near)
		return why_say(why, "webhook: there is no \"%s\"; did you mean \"%s\"?", text, near);
	return why_say(why, "webhook: there is no \"%s\"", text);
}

static bool read_member(const struct sl_json *value, struct form *form, struct arena *arena, struct why *why)
{
	struct sl_text name = sl_json_name(value);
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		char *at = (char *)form + members[i].at;
		if (!sl_text_is(name, members[i].name))
			continue;
		if (sl_json_kind(value) == SL_KIND_NULL)
			return true;
		if (members[i].kind == MEMBER_TEXT)
			return text_member(&members[i], value, at, arena, why);
		return number_member(&members[i], value, (int64_t *)at, why);
	}
	return unknown_member(name, why);
}

static bool read_form(const struct sl_json *json, struct form *form, struct arena *arena, struct why *why)
{
	*form = (struct form){ 0 };
	if (!json || sl_json_kind(json) != SL_KIND_OBJECT)
		return why_say(why, "webhook: there is no description of the vendor's webhooks");
	for (const struct sl_json *value = sl_json_first(json); value; value = sl_json_next(value))
		if (!read_member(value, form, arena, why))
			return false;
	return true;
}

/* --------------------------------------------------------------- compiling */

static bool compile_scheme(struct webhook *webhook, struct form *form, struct why *why)
{
	if (!form->auth)
		return why_say(why, "webhook: auth is missing: say how requests are signed, or auth: none");
	for (size_t i = 0; i < SCHEME_COUNT; i++)
		if (strcmp(schemes[i].name, form->auth) == 0)
			webhook->scheme = &schemes[i];
	if (!webhook->scheme)
		return why_say(why,
			"webhook: auth \"%s\" is not known: there are none, hmac-sha1, hmac-sha256, hmac-sha512, jwt-hs256, "
			"standard-webhooks, basic, bearer and query-token",
			form->auth);
	return true;
}

/* The specification says all of it but the names: where the signature stands in
 * svix-signature, the other two are svix-id and svix-timestamp. */
static bool compile_standard(struct webhook *webhook, struct form *form, struct why *why)
{
	static const char head[] = "header:", tail[] = "-signature";
	if (!webhook->scheme->standard)
		return true;
	if (form->covers || form->timestamp || form->encoding || form->prefix)
		return why_say(why, "webhook: auth standard-webhooks says itself what is signed and how: leave covers, "
				    "timestamp, encoding and prefix out");
	const char *proof = form->proof ? form->proof : webhook->scheme->proof;
	size_t len = strlen(proof), most = len - (sizeof(tail) - 1);
	if (strncmp(proof, head, sizeof(head) - 1) != 0 || len < sizeof(head) + sizeof(tail) - 2 ||
		strcasecmp(proof + most, tail) != 0)
		return why_say(why, "webhook: the proof of auth standard-webhooks stands in header:NAME-signature");
	const char *name = arena_copy(webhook->arena, proof + sizeof(head) - 1, most - (sizeof(head) - 1));
	form->covers = arena_format(webhook->arena, "{header:%s-id}.{timestamp}.{body}", name);
	form->timestamp = arena_format(webhook->arena, "header:%s-timestamp", name);
	form->encoding = "base64";
	if (!form->id)
		form->id = arena_format(webhook->arena, "header:%s-id", name);
	return true;
}

static bool compile_proof(struct webhook *webhook, struct form *form, struct why *why)
{
	const char *proof = form->proof ? form->proof : webhook->scheme->proof;
	if (webhook->scheme->kind == SCHEME_OPEN)
		return !form->proof || why_say(why, "webhook: auth is none, but there is a proof; say which scheme it is of");
	if (!proof)
		return why_say(why, "webhook: proof is missing: say where the signature stands, as header:NAME");
	if (!place_read(proof, webhook->arena, &webhook->proof, why))
		return why_within(why, "webhook: proof");
	if (webhook->proof.kind != PLACE_HEADER && webhook->proof.kind != PLACE_QUERY)
		return why_say(why, "webhook: proof can stand in header:NAME or query:NAME, not in %s", proof);
	return true;
}

/* A secret's own prefix belongs to its own place: another header holds it bare. */
static const char *prefix_of(const struct webhook *webhook, const struct form *form)
{
	bool own = webhook->proof.kind == PLACE_HEADER && strcmp(webhook->proof.name, "authorization") == 0;
	if (form->prefix)
		return form->prefix;
	return own || !webhook_bare(webhook) ? webhook->scheme->prefix : NULL;
}

static bool compile_prefix(struct webhook *webhook, struct form *form, struct why *why)
{
	const char *at = webhook->scheme->kind == SCHEME_OPEN ? NULL : prefix_of(webhook, form);
	if (!at)
		return true;
	webhook->prefixes = arena_alloc(webhook->arena, PREFIXES_MOST * sizeof(struct sl_text));
	for (;; at++) {
		size_t length = strcspn(at, "|");
		if (webhook->prefix_count == PREFIXES_MOST)
			return why_say(why, "webhook: prefix has more than %d alternatives", PREFIXES_MOST);
		webhook->prefixes[webhook->prefix_count++] =
			(struct sl_text){ arena_copy(webhook->arena, at, length), length };
		at += length;
		if (!*at)
			return true;
	}
}

static bool compile_encoding(struct webhook *webhook, struct form *form, struct why *why)
{
	const char *encoding = form->encoding ? form->encoding : "hex";
	webhook->base64 = strcmp(encoding, "base64") == 0;
	if (webhook->base64 || strcmp(encoding, "hex") == 0)
		return true;
	return why_say(why, "webhook: encoding \"%s\" is not known: there are hex and base64", encoding);
}

static bool compile_covers(struct webhook *webhook, struct form *form, struct why *why)
{
	const char *covers = form->covers ? form->covers : "{body}";
	if (webhook->scheme->kind != SCHEME_HMAC)
		return !form->covers || why_say(why, "webhook: auth %s covers nothing; leave covers out", form->auth);
	if (!covers_read(covers, webhook->arena, &webhook->covers, why))
		return why_within(why, "webhook: covers");
	if (!covers_uses(&webhook->covers, PIECE_BODY))
		return why_say(why, "webhook: covers leaves out {body}, so that anybody could change it");
	if (covers_uses(&webhook->covers, PIECE_CALLBACK) && !webhook->callback.len && !webhook->unchecked)
		return why_say(why, "webhook: the callback is signed, but is not known: give `callback:`, or `public:`");
	if (covers_uses(&webhook->covers, PIECE_TIMESTAMP) && !form->timestamp)
		return why_say(why, "webhook: covers has {timestamp}, but timestamp does not say where it stands");
	return true;
}

/* Whether what the timestamp selector finds is part of what is signed. */
static bool timestamp_signed(const struct webhook *webhook)
{
	if (covers_uses(&webhook->covers, PIECE_TIMESTAMP))
		return true;
	for (size_t i = 0; i < webhook->timestamp.lists[0].count; i++) {
		const struct place *place = &webhook->timestamp.lists[0].places[i];
		bool covered = place->kind == PLACE_BODY;
		for (size_t j = 0; j < webhook->covers.count && place->kind == PLACE_HEADER; j++)
			covered |= webhook->covers.pieces[j].kind == PIECE_HEADER &&
				sl_text_is(webhook->covers.pieces[j].text, place->name);
		if (!covered)
			return false;
	}
	return true;
}

static bool compile_timestamp(struct webhook *webhook, struct form *form, struct why *why)
{
	struct selector *stamp = &webhook->timestamp;
	if (!selector_read(form->timestamp, webhook->arena, stamp, why))
		return why_within(why, "webhook: timestamp");
	const bool jwt = webhook->scheme->kind == SCHEME_JWT;
	webhook->tolerance_ms = form->tolerance_ms ? form->tolerance_ms : jwt ? TOLERANCE_JWT_MS
									      : TOLERANCE_MS;
	if (!stamp->count)
		return !form->tolerance_ms || jwt || why_say(why, "webhook: tolerance is of no use without timestamp");
	if (webhook->scheme->kind != SCHEME_HMAC)
		return why_say(why, "webhook: timestamp is of no use: auth %s does not sign it", form->auth);
	if (stamp->count > 1 || selector_uses(stamp, PLACE_DIGEST))
		return why_say(why, "webhook: timestamp has to be one header, query part or member of the body");
	if (!timestamp_signed(webhook))
		return why_say(why, "webhook: timestamp is not part of what is signed: put {timestamp} into covers");
	return true;
}

/* A token that was made for somebody else proves nothing to us. */
static bool compile_audience(struct webhook *webhook, struct form *form, struct why *why)
{
	if (!form->audience)
		return true;
	if (webhook->scheme->kind != SCHEME_JWT)
		return why_say(why, "webhook: audience is of no use: auth %s has none", form->auth);
	webhook->ours = strcmp(form->audience, "{callback}") == 0;
	if (!webhook->ours && strpbrk(form->audience, "{}"))
		return why_say(why, "webhook: audience is what `aud` has to be, or {callback}");
	if (webhook->ours && !webhook->callback.len && !webhook->unchecked)
		return why_say(why, "webhook: the audience is the callback, and is not known: give `callback:`, or `public:`");
	webhook->audience = webhook->ours ? webhook->callback : sl_text_of(form->audience);
	return true;
}

static bool compile_same(struct webhook *webhook, struct form *form, struct why *why)
{
	return same_read(form->same, webhook->arena, &webhook->same, why) || why_within(why, "webhook: same");
}

static bool compile_scope(struct webhook *webhook, struct form *form, struct why *why)
{
	return scope_read(form->scope, webhook->arena, &webhook->scope, why) || why_within(why, "webhook: scope");
}

static bool compile_selectors(struct webhook *webhook, struct form *form, struct why *why)
{
	const struct {
		const char *name, *text;
		struct selector *selector;
	} rows[] = {
		{ "id", form->id, &webhook->id },
		{ "type", form->type, &webhook->type },
		{ "subject", form->subject, &webhook->subject },
		{ "time", form->time, &webhook->time },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!selector_read(rows[i].text, webhook->arena, rows[i].selector, why))
			return why_within(why, "webhook: %s", rows[i].name);
	return true;
}

static bool compile_answers(struct webhook *webhook, struct form *form, struct why *why)
{
	webhook->repeat_ms = form->repeat_ms;
	webhook->challenge = form->challenge;
	webhook->head = form->head;
	webhook->status = form->status ? (int)form->status : 200;
	return true;
}

static bool compile(struct webhook *webhook, struct form *form, struct why *why)
{
	static bool (*const steps[])(struct webhook *, struct form *, struct why *) = {
		compile_scheme,
		compile_standard,
		compile_proof,
		compile_prefix,
		compile_encoding,
		compile_covers,
		compile_timestamp,
		compile_audience,
		compile_selectors,
		compile_same,
		compile_scope,
		compile_answers,
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (!steps[i](webhook, form, why))
			return false;
	return true;
}

/* ------------------------------------------------------------------ secrets */

static void make_signers(struct webhook *webhook)
{
	bool signs = webhook->scheme->kind == SCHEME_HMAC || webhook->scheme->kind == SCHEME_JWT;
	webhook->signers = arena_alloc(webhook->arena, SECRETS_MOST * sizeof(*webhook->signers));
	for (size_t i = 0; i < webhook->secret_count && signs; i++)
		webhook->signers[i] = sl_signer_new(webhook->scheme->digest, webhook->secrets[i]);
}

/* "whsec_" and the key in base64. */
static bool standard_secret(struct webhook *webhook, struct sl_text *secret)
{
	static const char mark[] = "whsec_";
	const size_t skip = sizeof(mark) - 1;
	if (secret->len >= skip && memcmp(secret->at, mark, skip) == 0)
		secret->at += skip, secret->len -= skip;
	unsigned char *key = arena_bytes(webhook->arena, secret->len + 1);
	size_t len;
	if (!sl_unbase64(*secret, key, secret->len, &len) || !len)
		return false;
	*secret = (struct sl_text){ (const char *)key, len };
	return true;
}

static bool read_secret(struct webhook *webhook, struct sl_text secret, struct why *why)
{
	size_t number = webhook->secret_count + 1;
	if (webhook->secret_count == SECRETS_MOST)
		return why_say(why, "webhook: more than %d secrets", SECRETS_MOST);
	if (!secret.len)
		return why_say(why, "webhook: secret %zu is empty, and an empty one lets everyone in", number);
	if (webhook->scheme->kind == SCHEME_BASIC && !memchr(secret.at, ':', secret.len))
		return why_say(why, "webhook: secret %zu has no colon: auth basic wants USER:PASSWORD", number);
	if (webhook->scheme->standard && !standard_secret(webhook, &secret))
		return why_say(why, "webhook: secret %zu is not whsec_ and base64, as auth standard-webhooks has them", number);
	webhook->secrets[webhook->secret_count++] = arena_text(webhook->arena, secret);
	return true;
}

static bool read_secrets(struct webhook *webhook, const struct sl_json *secrets, struct why *why)
{
	webhook->secrets = arena_alloc(webhook->arena, SECRETS_MOST * sizeof(struct sl_text));
	for (const struct sl_json *value = sl_json_first(secrets); value; value = sl_json_next(value))
		if (!read_secret(webhook, sl_json_string(value), why))
			return false;
	make_signers(webhook);
	if (!webhook->secret_count && webhook->scheme->kind != SCHEME_OPEN)
		return why_say(why, "webhook: auth %s needs a secret and none is given; give it, or `insecure: true`",
			webhook->scheme->name);
	return true;
}

static struct webhook *webhook_empty(void)
{
	struct arena *arena = arena_new();
	struct webhook *webhook = arena_alloc(arena, sizeof(*webhook));
	webhook->arena = arena;
	return webhook;
}

struct webhook *webhook_new(const struct sl_json *form, const struct sl_json *secrets, const char *callback,
	struct why *why)
{
	struct webhook *webhook = webhook_empty();
	struct form read;
	webhook->callback = sl_text_of(arena_string(webhook->arena, callback));
	if (!read_form(form, &read, webhook->arena, why) || !compile(webhook, &read, why) ||
		!read_secrets(webhook, secrets, why))
		webhook_free(&webhook);
	return webhook;
}

struct webhook *webhook_unchecked(const struct sl_json *form, struct why *why)
{
	struct webhook *webhook = webhook_empty();
	struct form read;
	webhook->unchecked = true;
	if (!read_form(form, &read, webhook->arena, why) || !compile(webhook, &read, why))
		webhook_free(&webhook);
	return webhook;
}

void webhook_free(struct webhook **webhook)
{
	struct arena *arena = *webhook ? (*webhook)->arena : NULL;
	for (size_t i = 0; arena && (*webhook)->signers && i < (*webhook)->secret_count; i++)
		sl_signer_free(&(*webhook)->signers[i]);
	*webhook = NULL;
	arena_free(&arena);
}

int webhook_status(const struct webhook *webhook)
{
	return webhook->status;
}

const char *webhook_allow(const struct webhook *webhook)
{
	return webhook->head ? "HEAD, POST, PUT" : "POST, PUT";
}

bool webhook_open_door(const struct webhook *webhook)
{
	return webhook->unchecked || webhook->scheme->kind == SCHEME_OPEN;
}

bool webhook_bare(const struct webhook *webhook)
{
	return webhook->scheme->kind == SCHEME_TOKEN || webhook->scheme->kind == SCHEME_BASIC;
}

size_t webhook_secrets(const struct webhook *webhook)
{
	return webhook->secret_count;
}
