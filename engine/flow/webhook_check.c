/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_check.c - is a request from the vendor, and what of it is kept. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "flow/webhook_parts.h"
#include "sdk/text.h"

#define CHALLENGE_MOST 256
#define CHALLENGE_BODY_MOST 2048

/* Says why a request is refused; the only verdict but these is reached by
 * comparing bytes, so whatever is forgotten refuses too. */
void check_forged(struct webhook_check *check, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	check->verdict = WEBHOOK_FORGED;
	vsnprintf(check->reason, sizeof(check->reason), form, values);
	va_end(values);
}

void check_stale(struct webhook_check *check, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	check->verdict = WEBHOOK_STALE;
	vsnprintf(check->reason, sizeof(check->reason), form, values);
	va_end(values);
}

void check_genuine(struct webhook_check *check, size_t secret)
{
	check->verdict = WEBHOOK_GENUINE;
	check->secret = secret;
	check->reason[0] = '\0';
}

/* ---------------------------------------------------------------- challenge */

static void echo(const struct webhook *webhook, struct sl_text text, struct arena *arena, struct webhook_check *check)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_key(&out, webhook->challenge);
	json_text(&out, text);
	json_close(&out, '}');
	check->verdict = WEBHOOK_CHALLENGE;
	check->answer = (struct sl_text){ arena_copy(arena, out.at, out.len), out.len };
	buf_free(&out);
}

/* An object with that one member, a short string; anything else is checked like
 * any other request. */
static bool challenged(const struct webhook *webhook, const struct log_record *record, struct arena *arena,
	struct webhook_check *check)
{
	if (!webhook->challenge || record->body.len > CHALLENGE_BODY_MOST)
		return false;
	struct sl_document *document = sl_json_read(record->body, NULL, 0);
	const struct sl_json *root = sl_json_root(document), *member = sl_json_first(root);
	struct sl_text text = sl_json_string(member);
	bool fits = member && sl_json_kind(root) == SL_KIND_OBJECT && sl_json_count(root) == 1 &&
		sl_text_is(sl_json_name(member), webhook->challenge) && text.at && text.len <= CHALLENGE_MOST;
	if (fits)
		echo(webhook, text, arena, check);
	sl_json_free(&document);
	return fits;
}

/* ------------------------------------------------------------------- proofs */

bool prefix_strip(const struct webhook *webhook, struct sl_text *value)
{
	for (size_t i = 0; i < webhook->prefix_count; i++) {
		const struct sl_text *prefix = &webhook->prefixes[i];
		if (value->len < prefix->len || (prefix->len && strncasecmp(value->at, prefix->at, prefix->len) != 0))
			continue;
		value->at += prefix->len, value->len -= prefix->len;
		return true;
	}
	return webhook->prefix_count == 0;
}

static const char *shown(const struct webhook *webhook, struct arena *arena)
{
	const char *kind = webhook->proof.kind == PLACE_HEADER ? "header" : "query part";
	if (webhook->proof.part)
		return arena_format(arena, "part %s of the header %s", webhook->proof.part, webhook->proof.shown);
	return arena_format(arena, "%s %s", kind, webhook->proof.shown);
}

/* "v1,abc v1,def v1a,ghi" holds several. */
static size_t proofs_split(struct sl_text all, struct sl_text proofs[PROOFS_MOST])
{
	size_t count = 0, length;
	for (; all.len && count < PROOFS_MOST; all.at += length, all.len -= length) {
		const char *blank = memchr(all.at, ' ', all.len);
		length = blank ? (size_t)(blank - all.at) : all.len;
		if (length)
			proofs[count++] = (struct sl_text){ all.at, length };
		length += length < all.len;
	}
	return count;
}

size_t proofs_sent(const struct webhook *webhook, const struct sight *sight, struct sl_text proofs[PROOFS_MOST],
	bool *doubled)
{
	size_t count = place_all(&webhook->proof, sight, proofs, PROOFS_MOST, doubled);
	return webhook->scheme->standard && count == 1 && proofs[0].len ? proofs_split(proofs[0], proofs) : count;
}

size_t proofs_gather(const struct webhook *webhook, const struct sight *sight, struct sl_text proofs[PROOFS_MOST],
	struct webhook_check *check)
{
	bool doubled = false;
	size_t count = proofs_sent(webhook, sight, proofs, &doubled), good = 0, empty = 0;
	for (size_t i = 0; i < count; i++) {
		empty += !proofs[i].len;
		if (prefix_strip(webhook, &proofs[i]) && proofs[i].len)
			proofs[good++] = proofs[i];
	}
	if (doubled)
		check_forged(check, "the %s is there more than once", shown(webhook, sight->arena));
	else if (!count)
		check_forged(check, "the %s is missing", shown(webhook, sight->arena)), check->missing = true;
	else if (empty)
		check_forged(check, "the %s is empty", shown(webhook, sight->arena));
	else if (!good)
		check_forged(check, "the %s does not begin as it should, or holds nothing more", shown(webhook, sight->arena));
	return doubled || empty ? 0 : good;
}

static void check_secrets(const struct webhook *webhook, const struct sight *sight, struct sl_text sent,
	struct webhook_check *check)
{
	for (size_t i = 0; i < webhook->secret_count; i++)
		if (sl_same(sent.at, sent.len, webhook->secrets[i].at, webhook->secrets[i].len)) {
			check_genuine(check, i);
			return;
		}
	check_forged(check, "the %s holds none of the secrets", shown(webhook, sight->arena));
}

static void check_token(const struct webhook *webhook, const struct sight *sight, int64_t now,
	struct webhook_check *check)
{
	struct sl_text proofs[PROOFS_MOST];
	size_t count = proofs_gather(webhook, sight, proofs, check);
	if (!count)
		return;
	check_secrets(webhook, sight, count == 1 ? proofs[0] : (struct sl_text){ NULL, 0 }, check);
}

/* The secret is "user:password"; it travels in base64. */
static void check_basic(const struct webhook *webhook, const struct sight *sight, int64_t now,
	struct webhook_check *check)
{
	struct sl_text proofs[PROOFS_MOST];
	size_t count = proofs_gather(webhook, sight, proofs, check), len = 0;
	if (!count)
		return;
	char *plain = arena_bytes(sight->arena, proofs[0].len + 1);
	bool read = count == 1 && sl_unbase64(proofs[0], (unsigned char *)plain, proofs[0].len, &len);
	check_secrets(webhook, sight, (struct sl_text){ plain, read ? len : 0 }, check);
}

/* --------------------------------------------------------------------- hmac */

struct sl_text stamp_find(const struct webhook *webhook, const struct log_record *record, struct arena *arena)
{
	struct sl_document *document = NULL;
	if (!webhook->timestamp.count)
		return (struct sl_text){ NULL, 0 };
	if (selector_uses(&webhook->timestamp, PLACE_BODY))
		document = webhook_read(record, arena, NULL, NULL, 0);
	struct sight sight = { record, sl_json_root(document), arena };
	struct sl_text stamp = selector_find(&webhook->timestamp, &sight);
	sl_json_free(&document);
	return stamp;
}

struct mac {
	unsigned char bytes[SL_DIGEST_MOST];
};

/* The proofs as bytes; those that are not of the right form fall out. */
static size_t macs_read(const struct webhook *webhook, const struct sl_text *proofs, size_t count,
	struct mac macs[PROOFS_MOST])
{
	bool (*decode)(struct sl_text, unsigned char *, size_t, size_t *) = webhook->base64 ? sl_unbase64 : sl_unhex;
	size_t size = sl_digest_size(webhook->scheme->digest), good = 0, len;
	for (size_t i = 0; i < count; i++)
		good += decode(proofs[i], macs[good].bytes, SL_DIGEST_MOST, &len) && len == size;
	return good;
}

static bool mac_fits(const struct webhook *webhook, size_t secret, const struct sl_text *parts, size_t part_count,
	const struct mac *macs, size_t mac_count)
{
	unsigned char right[SL_DIGEST_MOST];
	size_t size = sl_signer_sign(webhook->signers[secret], parts, part_count, right);
	bool fits = false;
	for (size_t i = 0; i < mac_count; i++)
		fits |= sl_same(right, size, macs[i].bytes, size);
	return size > 0 && fits;
}

/* A timestamp counts only once the signature over it is right. */
static void check_age(const struct webhook *webhook, struct sl_text stamp, int64_t now, struct webhook_check *check)
{
	int64_t time;
	if (!webhook->timestamp.count)
		return;
	if (!stamp.at || !moment_read(stamp, &time)) {
		check_forged(check, "the timestamp is %s", stamp.at ? "no time" : "missing");
		return;
	}
	if (time >= now - webhook->tolerance_ms && time <= now + webhook->tolerance_ms)
		return;
	check_stale(check, "the timestamp is more than %lld s %s our clock",
		(long long)(webhook->tolerance_ms / 1000), time < now ? "behind" : "ahead of");
}

static void check_hmac(const struct webhook *webhook, const struct sight *sight, int64_t now,
	struct webhook_check *check)
{
	struct sl_text proofs[PROOFS_MOST], parts[PIECES_MOST];
	struct mac macs[PROOFS_MOST];
	size_t count = proofs_gather(webhook, sight, proofs, check);
	if (!count)
		return;
	count = macs_read(webhook, proofs, count, macs);
	if (!count) {
		check_forged(check, "the proof is not %s of the right length", webhook->base64 ? "base64" : "hex");
		return;
	}
	struct sl_text stamp = stamp_find(webhook, sight->record, sight->arena);
	size_t part_count = covers_gather(webhook, &webhook->covers, sight->record, stamp, parts);
	for (size_t i = 0; i < webhook->secret_count; i++) {
		if (!mac_fits(webhook, i, parts, part_count, macs, count))
			continue;
		check_genuine(check, i);
		check_age(webhook, stamp, now, check);
		return;
	}
	check_forged(check, "the signature in the %s does not match", shown(webhook, sight->arena));
}

/* -------------------------------------------------------------------- check */

static void check_open(const struct webhook *webhook, const struct sight *sight, int64_t now,
	struct webhook_check *check)
{
	check_genuine(check, 0);
}

typedef void check_scheme(const struct webhook *, const struct sight *, int64_t now, struct webhook_check *);
static check_scheme *const checks[SCHEME_KINDS] = {
	[SCHEME_OPEN] = check_open,
	[SCHEME_HMAC] = check_hmac,
	[SCHEME_TOKEN] = check_token,
	[SCHEME_BASIC] = check_basic,
	[SCHEME_JWT] = check_jwt,
};

/* What is signed is right; what is not has to agree with it. */
static void check_same(const struct webhook *webhook, const struct log_record *record, struct arena *arena,
	struct webhook_check *check)
{
	const struct pair *broken = NULL;
	if (check->verdict == WEBHOOK_GENUINE && !webhook->unchecked)
		broken = same_broken(&webhook->same, record, arena);
	if (broken)
		check_forged(check, "the request contradicts itself: it has to be that %s", broken->shown);
}

static bool check_method(const struct webhook *webhook, const struct log_record *record, struct webhook_check *check)
{
	if (sl_text_is(record->method, "POST") || sl_text_is(record->method, "PUT"))
		return false;
	check->verdict = webhook->head && sl_text_is(record->method, "HEAD") ? WEBHOOK_HEAD : WEBHOOK_METHOD;
	snprintf(check->reason, sizeof(check->reason), "only %s is taken here", webhook_allow(webhook));
	return true;
}

void webhook_check(const struct webhook *webhook, const struct log_record *record, int64_t now, struct arena *arena,
	struct webhook_check *check)
{
	struct sight sight = { record, NULL, arena };
	*check = (struct webhook_check){ .verdict = WEBHOOK_FORGED };
	if (check_method(webhook, record, check) || challenged(webhook, record, arena, check))
		return;
	checks[webhook->unchecked ? SCHEME_OPEN : webhook->scheme->kind](webhook, &sight, now, check);
	check_same(webhook, record, arena, check);
}

/* --------------------------------------------------------------------- keep */

/* Whether the proof itself would let someone in who reads it. */
static bool opens(const struct webhook *webhook)
{
	return webhook_bare(webhook) || webhook->scheme->kind == SCHEME_JWT;
}

static bool header_kept(const struct webhook *webhook, struct sl_text rest)
{
	static const struct sl_text never[] = { { "authorization", 13 }, { "cookie", 6 }, { "proxy-authorization", 19 } };
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (header_named(rest, never[i]))
			return false;
	return !(opens(webhook) && webhook->proof.kind == PLACE_HEADER &&
		header_named(rest, sl_text_of(webhook->proof.name)));
}

static void keep_query(const struct webhook *webhook, struct sl_text rest, struct buf *query)
{
	struct arena *arena;
	struct query_part part;
	if (!opens(webhook) || webhook->proof.kind != PLACE_QUERY) {
		buf_add(query, rest.at, rest.len);
		return;
	}
	arena = arena_new();
	while (query_next(&rest, arena, &part)) {
		if (sl_text_is(part.name, webhook->proof.name))
			continue;
		if (query->len)
			buf_char(query, '&');
		buf_add(query, part.whole.at, part.whole.len);
	}
	arena_free(&arena);
}

void webhook_keep(const struct webhook *webhook, const struct log_record *record, struct buf *headers,
	struct buf *query)
{
	struct sl_text rest = record->headers, run = { rest.at, 0 }; /* lines that are kept follow each other, mostly */
	while (rest.len) {
		const char *end = memchr(rest.at, '\n', rest.len);
		size_t length = end ? (size_t)(end - rest.at) + 1 : rest.len;
		bool kept = header_kept(webhook, rest);
		rest = (struct sl_text){ rest.at + length, rest.len - length };
		if (kept) {
			run.len += length;
			continue;
		}
		buf_add(headers, run.at, run.len);
		run = (struct sl_text){ rest.at, 0 };
	}
	buf_add(headers, run.at, run.len);
	keep_query(webhook, record->query, query);
}
