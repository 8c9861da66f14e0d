/* SPDX-License-Identifier: Apache-2.0 */
/* wycheproof_test.c - the HMACs and signed tokens of Project Wycheproof (vectors/README.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/webhook_parts.h"
#include "sdk/text.h"

/* ------------------------------------------------------------------ vectors */

static struct sl_document *vectors(const char *name)
{
	const char *source = getenv("SLUICE_SOURCE");
	char path[512], why[160];
	struct buf text = { 0 };
	snprintf(path, sizeof(path), "%s/tests/unit/vectors/%s", source ? source : ".", name);
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("%s cannot be read", path);
	for (int c = fgetc(file); c != EOF; c = fgetc(file))
		buf_char(&text, (char)c);
	fclose(file);
	struct sl_document *document = sl_json_read((struct sl_text){ text.at, text.len }, why, sizeof(why));
	buf_free(&text);
	if (!document)
		fail_msg("%s: %s", path, why);
	return document;
}

struct row {
	int64_t number;
	bool valid;
	struct sl_text texts[3];
};

static struct row row_of(const struct sl_json *json)
{
	struct row row = { 0 };
	assert_true(sl_json_integer(sl_json_element(json, 0), &row.number));
	row.valid = sl_text_is(sl_json_string(sl_json_element(json, 1)), "valid");
	for (size_t i = 0; i < 3; i++)
		row.texts[i] = sl_json_string(sl_json_element(json, i + 2));
	return row;
}

/* Each row; returns how many there are. */
static size_t each(const char *name, void (*judge)(const struct row *, int), int data)
{
	struct sl_document *document = vectors(name);
	const struct sl_json *rows = sl_json_get(sl_json_root(document), "rows");
	size_t count = sl_json_count(rows);
	for (const struct sl_json *at = sl_json_first(rows); at; at = sl_json_next(at)) {
		struct row row = row_of(at);
		judge(&row, data);
	}
	sl_json_free(&document);
	return count;
}

/* -------------------------------------------------------------------- hmacs */

struct bytes {
	unsigned char at[1024];
	size_t len;
};

static struct sl_text bytes_of(struct sl_text hex, struct bytes *bytes)
{
	assert_true(sl_unhex(hex, bytes->at, sizeof(bytes->at), &bytes->len));
	return (struct sl_text){ (const char *)bytes->at, bytes->len };
}

static void judge_hmac(const struct row *row, int digest)
{
	static struct bytes a, b, c;
	unsigned char mac[SL_DIGEST_MOST], again[SL_DIGEST_MOST];
	struct sl_text key = bytes_of(row->texts[0], &a), message = bytes_of(row->texts[1], &b);
	struct sl_text tag = bytes_of(row->texts[2], &c);
	size_t size = sl_hmac((enum sl_digest)digest, key, &message, 1, mac);
	if (sl_same(mac, size, tag.at, tag.len) != row->valid)
		fail_msg("case %lld is %s", (long long)row->number, row->valid ? "refused" : "accepted");
	struct sl_signer *signer = sl_signer_new((enum sl_digest)digest, key);
	assert_int_equal(sl_signer_sign(signer, &message, 1, again), size);
	assert_memory_equal(mac, again, size);
	sl_signer_free(&signer);
}

static void hmacs_of_full_length(void **state)
{
	assert_int_equal(each("wycheproof_hmac_sha1.json", judge_hmac, SL_SHA1), 87);
	assert_int_equal(each("wycheproof_hmac_sha256.json", judge_hmac, SL_SHA256), 87);
	assert_int_equal(each("wycheproof_hmac_sha512.json", judge_hmac, SL_SHA512), 87);
}

/* ------------------------------------------------------------------- tokens */

/* Where the set contradicts itself: see vectors/README.md. */
static bool ours(const struct row *row)
{
	if (row->number == 367 || row->number == 370)
		return true;
	return row->number == 372 || row->number == 373 ? false : row->valid;
}

static void judge_token(const struct row *row, int unused)
{
	struct arena *arena = arena_new();
	unsigned char key[256];
	size_t len;
	struct token token;
	assert_true(sl_unbase64url(row->texts[0], key, sizeof(key), &len));
	struct sl_signer *signer = sl_signer_new(SL_SHA256, (struct sl_text){ (const char *)key, len });
	bool good = token_read(row->texts[1], arena, &token, NULL) && token_fits(&token, signer);
	sl_signer_free(&signer);
	arena_free(&arena);
	if (good != ours(row))
		fail_msg("case %lld is %s", (long long)row->number, good ? "accepted" : "refused");
}

static void tokens_signed_with_hs256(void **state)
{
	assert_int_equal(each("wycheproof_hs256.json", judge_token, 0), 40);
}

/* ------------------------------------------------------------------- monday */

static struct webhook_check at_its_time(const struct sl_json *vector, const char *callback, int64_t now)
{
	struct buf secrets = { 0 };
	struct webhook_check check;
	struct why why = { "" };
	struct arena *arena = arena_new();
	static const char description[] = "{\"auth\":\"jwt-hs256\",\"audience\":\"{callback}\"}";
	struct sl_document *form = sl_json_read(sl_text_of(description), NULL, 0);
	buf_string(&secrets, "[");
	json_text(&secrets, sl_json_string(sl_json_get(vector, "secret")));
	buf_string(&secrets, "]");
	struct sl_document *list = sl_json_read((struct sl_text){ secrets.at, secrets.len }, NULL, 0);
	struct webhook *webhook = webhook_new(sl_json_root(form), sl_json_root(list), callback, &why);
	assert_non_null(webhook);
	struct log_record record = { .method = sl_text_of("POST"),
		.headers = sl_text_of(arena_format(arena, "authorization: %s\n",
			sl_json_string(sl_json_get(vector, "token")).at)),
		.body = sl_text_of("{}") };
	webhook_check(webhook, &record, now, arena, &check);
	webhook_free(&webhook);
	sl_json_free(&form);
	sl_json_free(&list);
	buf_free(&secrets);
	arena_free(&arena);
	return check;
}

static void mondays_token_is_good_in_its_five_minutes(void **state)
{
	struct sl_document *document = vectors("monday_token.json");
	const struct sl_json *vector = sl_json_root(document);
	const char *callback = sl_json_string(sl_json_get(vector, "audience")).at;
	int64_t iat = 0, exp = 0;
	assert_true(sl_json_integer(sl_json_get(vector, "iat"), &iat) && sl_json_integer(sl_json_get(vector, "exp"), &exp));
	assert_int_equal(at_its_time(vector, callback, iat * 1000).verdict, WEBHOOK_GENUINE);
	assert_int_equal(at_its_time(vector, callback, (exp + 60) * 1000).verdict, WEBHOOK_GENUINE);
	assert_int_equal(at_its_time(vector, callback, (exp + 61) * 1000).verdict, WEBHOOK_STALE);
	struct webhook_check check = at_its_time(vector, "https://example.com/in/other", iat * 1000);
	assert_int_equal(check.verdict, WEBHOOK_FORGED);
	assert_string_equal(check.reason, "the token is for another audience (aud)");
	sl_json_free(&document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hmacs_of_full_length),
		cmocka_unit_test(tokens_signed_with_hs256),
		cmocka_unit_test(mondays_token_is_good_in_its_five_minutes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
