/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_test.c - descriptions of webhooks: who gets in, and what is found. */
#include "webhook_bed.h"

#define TRELLO \
	"{\"auth\":\"hmac-sha1\",\"proof\":\"header:X-Trello-Webhook\",\"encoding\":\"base64\"," \
	"\"covers\":\"{body}{callback}\",\"secret\":\"secret\",\"id\":\"body:/action/id\",\"type\":\"body:/action/type\"," \
	"\"subject\":\"body:/action/data/card/id | body:/model/id\",\"time\":\"body:/action/date\",\"head\":true}"
#define STRIPE \
	"{\"auth\":\"hmac-sha256\",\"proof\":\"header:Stripe-Signature;v1\",\"covers\":\"{timestamp}.{body}\"," \
	"\"timestamp\":\"header:Stripe-Signature;t\",\"tolerance_ms\":300000}"
#define SLACK \
	"{\"auth\":\"hmac-sha256\",\"proof\":\"header:X-Slack-Signature\",\"prefix\":\"v0=\"," \
	"\"covers\":\"v0:{timestamp}:{body}\",\"timestamp\":\"header:X-Slack-Request-Timestamp\"," \
	"\"challenge\":\"challenge\",\"status\":202}"

static enum webhook_verdict verdict(const struct webhook *webhook, const char *headers, const char *body)
{
	struct log_record record = post(headers, body);
	return checked(webhook, &record, NOW).verdict;
}

/* ------------------------------------------------------------------- Trello */

static const struct {
	const char *what, *secret, *body, *callback, *proof;
	bool valid;
} vectors[] = {
	{ "ascii", "secret", "{\"hello\":\"world\"}", "https://example.com/webhooks", "FwPAcuGe9EP/+SbXFWjnEVTa0zw=", true },
	{ "Latin-1 and a query in the callback", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"{\"action\":{\"type\":\"updateCard\",\"data\":{\"card\":{\"name\":\"Überprüfung – naïve café\"}}}}",
		"https://hooks.example.com/trello?src=board&x=1", "UMGFlUOxWfYAlnuYoT8BwoVhNkQ=", true },
	{ "emoji", "secret", "{\"action\":{\"data\":{\"list\":{\"name\":\"Doing 🏃🏾‍♂️\"}}}}",
		"https://example.com/webhooks", "A2o2C+FyD0rkpvmvlYwWZv1pHiw=", true },
	{ "empty body", "secret", "", "https://example.com/webhooks", "+NneO9J+KiFeNMaHbFgeizoVNLk=", true },
	{ "slash at the end of the callback", "secret", "{\"hello\":\"world\"}", "https://example.com/webhooks/",
		"O19vfhb/oRKOMxRHHkB0Ud2oV/A=", true },
	{ "low 8 bits, as before 2016", "secret", "{\"name\":\"café –\"}", "https://example.com/webhooks",
		"PZ0H9CxdqEa9vfNJ1wwuaafaSYk=", false },
	{ "the same today", "secret", "{\"name\":\"café –\"}", "https://example.com/webhooks",
		"OR2es6jnEczLxTzbboShgMV1SpE=", true },
};

static void trello_vectors_hold(void **state)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		char secrets[128], headers[128];
		snprintf(secrets, sizeof(secrets), "[\"other\",\"%s\"]", vectors[i].secret);
		snprintf(headers, sizeof(headers), "x-trello-webhook: %s\n", vectors[i].proof);
		struct webhook *webhook = must(TRELLO, secrets, vectors[i].callback);
		struct log_record record = post(headers, vectors[i].body);
		struct webhook_check check = checked(webhook, &record, NOW);
		if (check.verdict != (vectors[i].valid ? WEBHOOK_GENUINE : WEBHOOK_FORGED))
			fail_msg("%s", vectors[i].what);
		assert_int_equal(check.secret, vectors[i].valid ? 1 : 0);
		webhook_free(&webhook);
	}
}

static void a_changed_byte_is_refused(void **state)
{
	struct webhook *webhook = must(TRELLO, "[\"secret\"]", "https://example.com/webhooks");
	char proof[] = "x-trello-webhook: FwPAcuGe9EP/+SbXFWjnEVTa0zw=\n", body[] = "{\"hello\":\"world\"}";
	assert_int_equal(verdict(webhook, proof, body), WEBHOOK_GENUINE);
	for (size_t i = 18; i < sizeof(proof) - 2; i++)
		for (int bit = 0; bit < 8; bit++) {
			proof[i] ^= (char)(1 << bit);
			if (proof[i] && proof[i] != '\n')
				assert_int_equal(verdict(webhook, proof, body), WEBHOOK_FORGED);
			proof[i] ^= (char)(1 << bit);
		}
	for (size_t i = 0; i < sizeof(body) - 1; i++) {
		body[i] ^= 1;
		assert_int_equal(verdict(webhook, proof, body), WEBHOOK_FORGED);
		body[i] ^= 1;
	}
	webhook_free(&webhook);
}

static void missing_doubled_and_malformed_proofs_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		":\n",
		"x-trello-webhook\n",
		"x-trello-webhook:\n",
		"x-trello-webhook: \n",
		"x-trello-webhook: FwPAcuGe9EP/+SbXFWjnEVTa0zw=\nx-trello-webhook: FwPAcuGe9EP/+SbXFWjnEVTa0zw=\n",
		"x-trello-webhook: FwPAcuGe9EP/+SbXFWjnEVTa0zw=\nx-trello-webhook: \n",
		"x-trello-webhook: FwPAcuGe9EP/+SbXFWjnEVTa0zw\n",
		"x-trello-webhook: FwPAcuGe9EP/+SbXFWjnEVTa0zw==\n",
		"x-trello-webhook: FwPAcuGe9EP/+SbXFWjnEVTa0zw=,FwPAcuGe9EP/+SbXFWjnEVTa0zw=\n",
		"x-trello-webhook: FwPA\n",
		"x-trello-webhook: 1703c072e19ef443fff926d71568e71154dad33c\n",
		"x-trello-webhook2: FwPAcuGe9EP/+SbXFWjnEVTa0zw=\n",
		"x-trello-webhook: =\n",
	};
	struct webhook *webhook = must(TRELLO, "[\"secret\"]", "https://example.com/webhooks");
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct log_record record = post(bad[i], "{\"hello\":\"world\"}");
		struct webhook_check check = checked(webhook, &record, NOW);
		if (check.verdict != WEBHOOK_FORGED || !check.reason[0])
			fail_msg("gets in: %s", bad[i]);
		assert_null(strstr(check.reason, "FwPA"));
	}
	webhook_free(&webhook);
}

/* ------------------------------------------------------------------ schemes */

static void what_is_signed_here_is_genuine_here(void **state)
{
	static const char *const forms[] = {
		TRELLO,
		STRIPE,
		SLACK,
		"{\"auth\":\"hmac-sha256\",\"proof\":\"header:X-Hub-Signature-256\",\"prefix\":\"sha256=\"}",
		"{\"auth\":\"hmac-sha512\",\"proof\":\"header:X-Sig\",\"covers\":\"{path}|{body}\",\"encoding\":\"base64\"}",
		"{\"auth\":\"bearer\"}",
		"{\"auth\":\"bearer\",\"proof\":\"header:X-Gitlab-Token\"}",
		"{\"auth\":\"basic\"}",
	};
	for (size_t i = 0; i < COUNT(forms); i++) {
		struct webhook *webhook = must(forms[i], "[\"user:one\",\"user:two\"]", "https://example.com/in/boards");
		for (size_t secret = 0; secret < 2; secret++) {
			char *lines = proof_lines(webhook, "{\"a\":1}", secret, NOW), *twice = calloc(1, 2 * strlen(lines) + 1);
			struct log_record record = post(lines, "{\"a\":1}"), doubled = post(twice, "{\"a\":1}");
			struct webhook_check check = checked(webhook, &record, NOW);
			strcat(strcpy(twice, lines), lines);
			doubled.headers = sl_text_of(twice);
			if (check.verdict != WEBHOOK_GENUINE || check.secret != secret)
				fail_msg("%s: %s", forms[i], check.reason);
			assert_int_equal(checked(webhook, &doubled, NOW).verdict, WEBHOOK_FORGED);
			free(lines);
			free(twice);
		}
		assert_int_equal(verdict(webhook, "", "{\"a\":1}"), WEBHOOK_FORGED);
		webhook_free(&webhook);
	}
}

static void a_timestamp_has_to_be_near(void **state)
{
	struct webhook *webhook = must(STRIPE, "[\"whsec\"]", NULL);
	char *lines = proof_lines(webhook, "{}", 0, NOW);
	struct log_record record = post(lines, "{}");
	assert_int_equal(checked(webhook, &record, NOW).verdict, WEBHOOK_GENUINE);
	assert_int_equal(checked(webhook, &record, NOW + 299000).verdict, WEBHOOK_GENUINE);
	assert_int_equal(checked(webhook, &record, NOW - 299000).verdict, WEBHOOK_GENUINE);
	assert_int_equal(checked(webhook, &record, NOW + 301000).verdict, WEBHOOK_STALE);
	assert_int_equal(checked(webhook, &record, NOW - 301000).verdict, WEBHOOK_STALE);
	free(lines);
	assert_int_equal(verdict(webhook, "stripe-signature: t=1732226419\n", "{}"), WEBHOOK_FORGED);
	assert_int_equal(verdict(webhook, "stripe-signature: v1=00,t=\n", "{}"), WEBHOOK_FORGED);
	webhook_free(&webhook);
}

static void one_of_several_parts_may_fit(void **state)
{
	struct webhook *webhook = must(STRIPE, "[\"whsec\"]", NULL);
	char *lines = proof_lines(webhook, "{}", 0, NOW), headers[600];
	snprintf(headers, sizeof(headers), "stripe-signature: t=1732226419, v1=%064d, %s", 0, strstr(lines, "v1="));
	assert_int_equal(verdict(webhook, headers, "{}"), WEBHOOK_GENUINE);
	snprintf(headers, sizeof(headers), "stripe-signature: t=1732226420, v1=%064d, %s", 0, strstr(lines, "v1="));
	assert_int_equal(verdict(webhook, headers, "{}"), WEBHOOK_FORGED);
	free(lines);
	webhook_free(&webhook);
}

static enum webhook_verdict asked(const struct webhook *webhook, const char *query)
{
	struct log_record record = post("", "{}");
	record.query = sl_text_of(query);
	return checked(webhook, &record, NOW).verdict;
}

static void a_token_in_the_query(void **state)
{
	struct webhook *webhook = must("{\"auth\":\"query-token\",\"proof\":\"query:key\"}", "[\"a b+c\"]", NULL);
	assert_int_equal(asked(webhook, "key=a%20b%2Bc"), WEBHOOK_GENUINE);
	assert_int_equal(asked(webhook, "x=1&k%65y=a%20b+c&y"), WEBHOOK_GENUINE);
	assert_int_equal(asked(webhook, "key=a%20b%2Bc&k%65y=a%20b%2Bc"), WEBHOOK_FORGED);
	assert_int_equal(asked(webhook, "key=a%20b%2Bc&key"), WEBHOOK_FORGED);
	assert_int_equal(asked(webhook, ""), WEBHOOK_FORGED);
	assert_int_equal(asked(webhook, "key"), WEBHOOK_FORGED);
	assert_int_equal(asked(webhook, "key="), WEBHOOK_FORGED);
	assert_int_equal(asked(webhook, "key=a%20b%2Bc%"), WEBHOOK_FORGED);
	assert_int_equal(asked(webhook, "key=a%20b%2B"), WEBHOOK_FORGED);
	webhook_free(&webhook);
}

static void bearer_takes_its_prefix_only(void **state)
{
	struct webhook *webhook = must("{\"auth\":\"bearer\"}", "[\"s3cret\"]", NULL);
	assert_int_equal(verdict(webhook, "authorization: Bearer s3cret\n", ""), WEBHOOK_GENUINE);
	assert_int_equal(verdict(webhook, "authorization: bearer s3cret\n", ""), WEBHOOK_GENUINE);
	assert_int_equal(verdict(webhook, "authorization: s3cret\n", ""), WEBHOOK_FORGED);
	assert_int_equal(verdict(webhook, "authorization: Bearer \n", ""), WEBHOOK_FORGED);
	assert_int_equal(verdict(webhook, "authorization: Basic s3cret\n", ""), WEBHOOK_FORGED);
	assert_int_equal(verdict(webhook, "authorization: Bearer s3cre\n", ""), WEBHOOK_FORGED);
	assert_int_equal(verdict(webhook, "authorization: Bearer s3cretx\n", ""), WEBHOOK_FORGED);
	webhook_free(&webhook);
}

static void none_lets_everyone_in_and_says_so(void **state)
{
	struct webhook *webhook = must("{\"auth\":\"none\"}", NULL, NULL);
	assert_true(webhook_open_door(webhook));
	assert_int_equal(verdict(webhook, "", ""), WEBHOOK_GENUINE);
	webhook_free(&webhook);
}

static void methods_and_handshakes(void **state)
{
	struct webhook *webhook = must(TRELLO, "[\"secret\"]", "https://example.com/");
	struct log_record record = post("", "");
	record.method = sl_text_of("HEAD");
	assert_int_equal(checked(webhook, &record, NOW).verdict, WEBHOOK_HEAD);
	record.method = sl_text_of("GET");
	assert_int_equal(checked(webhook, &record, NOW).verdict, WEBHOOK_METHOD);
	assert_string_equal(webhook_allow(webhook), "HEAD, POST, PUT");
	webhook_free(&webhook);

	webhook = must(SLACK, "[\"secret\"]", NULL);
	record.method = sl_text_of("HEAD");
	assert_int_equal(checked(webhook, &record, NOW).verdict, WEBHOOK_METHOD);
	assert_int_equal(webhook_status(webhook), 202);
	webhook_free(&webhook);
}

static void only_a_bare_challenge_is_echoed(void **state)
{
	static const char *const not [] = {
		"{}",
		"{\"challenge\":1}",
		"{\"challenge\":{}}",
		"{\"challenge\":\"a\",\"b\":1}",
		"[\"challenge\"]",
		"\"challenge\"",
		"{\"challenge\":\"a\",\"challenge\":\"a\"}",
		"{\"Challenge\":\"a\"}",
		"{\"challenge\":\"a\"",
		"",
	};
	struct webhook *webhook = must(SLACK, "[\"secret\"]", NULL);
	struct arena *arena = arena_new();
	struct log_record record = post("", " {\"challenge\" : \"a\\u0000\\\"<b>\\u00e9\"}\n");
	struct webhook_check check;
	webhook_check(webhook, &record, NOW, arena, &check);
	assert_int_equal(check.verdict, WEBHOOK_CHALLENGE);
	assert_string_equal(check.answer.at, "{\"challenge\":\"a\\u0000\\\"<b>é\"}");
	for (size_t i = 0; i < COUNT(not ); i++)
		assert_int_equal(verdict(webhook, "", not [i]), WEBHOOK_FORGED);
	char most[400];
	snprintf(most, sizeof(most), "{\"challenge\":\"%0256d\"}", 0);
	assert_int_equal(verdict(webhook, "", most), WEBHOOK_CHALLENGE);
	snprintf(most, sizeof(most), "{\"challenge\":\"%0257d\"}", 0);
	assert_int_equal(verdict(webhook, "", most), WEBHOOK_FORGED);
	arena_free(&arena);
	webhook_free(&webhook);
}

/* ------------------------------------------------------------- descriptions */

static const struct {
	const char *form, *secrets, *callback, *says;
} refused[] = {
	{ "{}", "[\"s\"]", NULL, "auth is missing" },
	{ "[]", "[\"s\"]", NULL, "no description" },
	{ "null", "[\"s\"]", NULL, "no description" },
	{ "{\"auth\":\"hmac-md5\"}", "[\"s\"]", NULL, "not known" },
	{ "{\"auth\":\"basic\"}", "[\"s\"]", NULL, "USER:PASSWORD" },
	{ "{\"auth\":7}", "[\"s\"]", NULL, "has to be text" },
	{ "{\"auth\":\"hmac-sha256\"}", "[\"s\"]", NULL, "proof is missing" },
	{ "{\"auth\":\"hmac-sha256\",\"proof\":\"header:\"}", "[\"s\"]", NULL, "does not name a header" },
	{ "{\"auth\":\"hmac-sha256\",\"proof\":\"header:a b\"}", "[\"s\"]", NULL, "does not name a header" },
	{ "{\"auth\":\"hmac-sha256\",\"proof\":\"header:X;\"}", "[\"s\"]", NULL, "does not name a header" },
	{ "{\"auth\":\"hmac-sha256\",\"proof\":\"body:/sig\"}", "[\"s\"]", NULL, "not in body" },
	{ "{\"auth\":\"hmac-sha256\",\"proof\":\"X-Sig\"}", "[\"s\"]", NULL, "no selector" },
	{ "{\"auth\":\"hmac-sha256\",\"proof\":\"header:X\"}", NULL, NULL, "needs a secret" },
	{ "{\"auth\":\"hmac-sha256\",\"proof\":\"header:X\"}", "[]", NULL, "needs a secret" },
	{ "{\"auth\":\"hmac-sha256\",\"proof\":\"header:X\"}", "[\"s\",\"\"]", NULL, "secret 2 is empty" },
	{ "{\"auth\":\"hmac-sha256\",\"proof\":\"header:X\"}", "[null]", NULL, "secret 1 is empty" },
	{ "{\"auth\":\"bearer\"}", NULL, NULL, "needs a secret" },
	{ "{\"auth\":\"none\",\"proof\":\"header:X\"}", NULL, NULL, "auth is none" },
	{ "{\"auth\":\"hmac-sha1\",\"proof\":\"header:X\",\"encoding\":\"base32\"}", "[\"s\"]", NULL, "encoding" },
	{ "{\"auth\":\"hmac-sha1\",\"proof\":\"header:X\",\"covers\":\"{callback}\"}", "[\"s\"]", "x", "leaves out {body}" },
	{ "{\"auth\":\"hmac-sha1\",\"proof\":\"header:X\",\"covers\":\"{body}{callback}\"}", "[\"s\"]", NULL, "callback" },
	{ "{\"auth\":\"hmac-sha1\",\"proof\":\"header:X\",\"covers\":\"{body\"}", "[\"s\"]", NULL, "no }" },
	{ "{\"auth\":\"hmac-sha1\",\"proof\":\"header:X\",\"covers\":\"{body}{method}\"}", "[\"s\"]", NULL, "not known" },
	{ "{\"auth\":\"hmac-sha1\",\"proof\":\"header:X\",\"covers\":\"{body}{timestamp}\"}", "[\"s\"]", NULL, "timestamp" },
	{ "{\"auth\":\"hmac-sha1\",\"proof\":\"header:X\",\"timestamp\":\"header:T\"}", "[\"s\"]", NULL, "not part of what" },
	{ "{\"auth\":\"hmac-sha1\",\"proof\":\"header:X\",\"tolerance_ms\":5}", "[\"s\"]", NULL, "without timestamp" },
	{ "{\"auth\":\"bearer\",\"timestamp\":\"header:T\"}", "[\"s\"]", NULL, "does not sign it" },
	{ "{\"auth\":\"bearer\",\"covers\":\"{body}\"}", "[\"s\"]", NULL, "covers nothing" },
	{ "{\"auth\":\"none\",\"id\":\"body:action\"}", NULL, NULL, "body:/action" },
	{ "{\"auth\":\"none\",\"id\":\"body:/a|\"}", NULL, NULL, "one side of |" },
	{ "{\"auth\":\"none\",\"id\":\"|body:/a\"}", NULL, NULL, "one side of |" },
	{ "{\"auth\":\"none\",\"id\":\"body:/a~2\"}", NULL, NULL, "~0" },
	{ "{\"auth\":\"none\",\"id\":\"sha1(body)\"}", NULL, NULL, "no selector" },
	{ "{\"auth\":\"none\",\"time\":\"query:\"}", NULL, NULL, "query" },
	{ "{\"auth\":\"none\",\"challange\":\"x\"}", NULL, NULL, "did you mean \"challenge\"" },
	{ "{\"auth\":\"none\",\"status\":404}", NULL, NULL, "out of bounds" },
	{ "{\"auth\":\"none\",\"repeat_ms\":\"5m\"}", NULL, NULL, "a number" },
};

static void what_cannot_be_checked_is_refused(void **state)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct why why = { "" };
		struct webhook *webhook = make(refused[i].form, refused[i].secrets, refused[i].callback, &why);
		if (webhook || !strstr(why.text, refused[i].says))
			fail_msg("%s: \"%s\"", refused[i].form, why.text);
	}
}

/* ---------------------------------------------------------------- selectors */

static struct webhook_found find(const char *form, const struct log_record *record, struct arena *arena)
{
	struct sl_document *document = sl_json_read(record->body, NULL, 0);
	struct webhook *webhook = must(form, NULL, NULL);
	struct webhook_found found;
	webhook_find(webhook, record, sl_json_root(document), arena, &found);
	found.event.json = NULL;
	webhook_free(&webhook);
	sl_json_free(&document);
	return found;
}

static const struct {
	const char *selector, *body, *id;
	bool content;
} ids[] = {
	{ "body:/action/id", "{\"action\":{\"id\":\"abc\"}}", "abc", false },
	{ "body:/id", "{\"id\":12345678901234567890123}", "12345678901234567890123", false },
	{ "body:/id", "{\"id\":true}", "true", false },
	{ "body:/a~1b/0", "{\"a/b\":[7]}", "7", false },
	{ "body:/id", "{\"id\":null}", "seq-41", false },
	{ "body:/id", "{\"id\":\"\"}", "seq-41", false },
	{ "body:/id", "{\"id\":[1]}", "seq-41", false },
	{ "body:/id", "{\"id\":\"a\\u0000b\"}", "seq-41", false },
	{ "body:/id", "not json", "seq-41", false },
	{ "body:/id", "", "seq-41", false },
	{ "body:/x | header:X-Id", "{}", "h1", false },
	{ "body:/x|header:x-none|query:id", "{}", "q 1", false },
	{ "header:x-parts;b", "{}", "2", false },
	{ "body:/a  body:/b", "{\"a\":1,\"b\":\"two\"}", "1:two", false },
	{ "body:/a body:/b", "{\"b\":2}", ":2", false },
	{ "body:/a body:/b", "{}", "seq-41", false },
	{ "sha256(body)", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", true },
	{ "body:/id|sha256(body)", "{\"id\":1}", "1", false },
	{ "body:/rule/id sha256(body)", "{}", ":44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", true },
	{ "", "{}", "seq-41", false },
};

static void selectors_find_ids(void **state)
{
	for (size_t i = 0; i < COUNT(ids); i++) {
		char form[256];
		struct arena *arena = arena_new();
		struct log_record record = post("x-id: h1\nx-parts: a=1, b=2\nx-id: h2\nx-none: \n", ids[i].body);
		record.query = sl_text_of("id=q%201&id=2");
		snprintf(form, sizeof(form), "{\"auth\":\"none\",\"id\":\"%s\"}", ids[i].selector);
		struct webhook_found found = find(form, &record, arena);
		assert_string_equal(found.event.id, ids[i].id);
		assert_int_equal(found.content, ids[i].content);
		arena_free(&arena);
	}
}

static void times_are_read_in_every_form(void **state)
{
	static const struct {
		const char *text;
		int64_t time;
	} times[] = {
		{ "\"2026-11-21T22:10:19.123Z\"", 1795299019123 },
		{ "1732226419", 1732226419000 },
		{ "1732226419123", 1732226419123 },
		{ "1732226419123456", 1732226419123 },
		{ "\"1732226419.25\"", 1732226419250 },
		{ "\"yesterday\"", NOW },
		{ "-1", NOW },
		{ "99999999999999999999", NOW },
		{ "null", NOW },
	};
	for (size_t i = 0; i < COUNT(times); i++) {
		char body[64];
		struct arena *arena = arena_new();
		snprintf(body, sizeof(body), "{\"at\":%s}", times[i].text);
		struct log_record record = post("", body);
		struct webhook_found found = find("{\"auth\":\"none\",\"time\":\"body:/at\"}", &record, arena);
		assert_int_equal(found.event.time, times[i].time);
		assert_string_equal(found.event.type, "request");
		assert_null(found.event.subject);
		arena_free(&arena);
	}
}

/* --------------------------------------------------------------------- keep */

static void assert_kept(const char *form, const char *headers, const char *query)
{
	struct log_record record = post("host: x\nauthorization: Bearer tok\nx-token: tok\ncookie: tok\nx-token: tok\n"
					"accept: y\n",
		"{}");
	struct webhook *webhook = must(form, "[\"tok\"]", NULL);
	struct buf kept = { 0 }, rest = { 0 };
	record.query = sl_text_of("a=1&t%6fken=tok&b=2&token=tok");
	webhook_keep(webhook, &record, &kept, &rest);
	assert_string_equal(kept.at, headers);
	assert_string_equal(rest.at, query);
	buf_free(&kept);
	buf_free(&rest);
	webhook_free(&webhook);
}

static void proofs_that_are_secrets_are_not_kept(void **state)
{
	assert_kept("{\"auth\":\"bearer\"}", "host: x\nx-token: tok\nx-token: tok\naccept: y\n",
		"a=1&t%6fken=tok&b=2&token=tok");
	assert_kept("{\"auth\":\"bearer\",\"proof\":\"header:X-Token\"}", "host: x\naccept: y\n",
		"a=1&t%6fken=tok&b=2&token=tok");
	assert_kept("{\"auth\":\"query-token\"}", "host: x\nx-token: tok\nx-token: tok\naccept: y\n", "a=1&b=2");
	assert_kept("{\"auth\":\"hmac-sha1\",\"proof\":\"header:X-Token\"}",
		"host: x\nx-token: tok\nx-token: tok\naccept: y\n", "a=1&t%6fken=tok&b=2&token=tok");
}

/* ------------------------------------------------------------------ explain */

static void assert_explained(const char *form, const char *signed_as, const char *secrets, const char *signer_secrets,
	const char *callback, const char *signer_callback, const char *body, const char *signed_body, const char *says)
{
	const struct sl_pair others[] = { { "key", "the-key" }, { "token", "the-token" } };
	struct webhook *ours = must(form, secrets, callback), *theirs = must(signed_as, signer_secrets, signer_callback);
	char *lines = proof_lines(theirs, signed_body, 0, NOW);
	struct log_record record = post(lines, body);
	struct buf out = { 0 };
	bool genuine = webhook_explain(ours, &record, NOW, others, 2, &out);
	if (genuine != (strncmp(says, "Genuine", 7) == 0) || !strstr(out.at, says))
		fail_msg("not \"%s\" but:\n%s", says, out.at);
	assert_null(strstr(out.at, "s3cret"));
	assert_null(strstr(out.at, "the-token"));
	buf_free(&out);
	free(lines);
	webhook_free(&ours);
	webhook_free(&theirs);
}

static void usual_mistakes_are_explained(void **state)
{
	static const char here[] = "https://h.example.com/in/boards", slash[] = "https://h.example.com/in/boards/";
	static const char plain[] = "http://h.example.com/in/boards", body[] = "{\"a\":[1,2],\"b\":\"é\"}";
	static const char hex[] =
		"{\"auth\":\"hmac-sha1\",\"proof\":\"header:X-Trello-Webhook\",\"covers\":\"{body}{callback}\"}";
	static const char sha256[] =
		"{\"auth\":\"hmac-sha256\",\"proof\":\"header:X-Trello-Webhook\",\"encoding\":\"base64\","
		"\"covers\":\"{body}{callback}\"}";
	static const char moved[] = "{\"auth\":\"hmac-sha1\",\"proof\":\"header:X-Sig\",\"encoding\":\"base64\"}";
	static const char other[] = "[\"s3cret\"]", key[] = "[\"the-token\"]";
	assert_explained(TRELLO, TRELLO, "[\"old\",\"s3cret\"]", other, here, here, body, body,
		"Genuine: it fits secret 2 of 2");
	assert_explained(TRELLO, TRELLO, other, other, here, slash, body, body, "with a slash at its end");
	assert_explained(TRELLO, TRELLO, other, other, slash, here, body, body, "without a slash at its end");
	assert_explained(TRELLO, TRELLO, other, other, here, plain, body, body, "the callback at the vendor is http://");
	assert_explained(TRELLO, hex, other, other, here, here, body, body, "encoding: hex");
	assert_explained(hex, TRELLO, other, other, here, here, body, body, "encoding: base64");
	assert_explained(TRELLO, sha256, other, other, here, here, body, body, "the scheme is hmac-sha256");
	assert_explained(TRELLO, moved, other, other, here, NULL, body, body, "stands in the header x-sig");
	assert_explained(TRELLO, TRELLO, other, key, here, here, body, body, "the value of `token`");
	assert_explained(TRELLO, TRELLO, "[\"s3cret\\n\"]", other, here, here, body, body, "without the blanks");
	assert_explained(TRELLO, TRELLO, other, other, here, here, "{ \"a\": [1, 2],\n \"b\": \"é\" }", body,
		"printed anew");
	assert_explained(TRELLO, TRELLO, other, other, here, here, "{\"a\":[1,2],\"b\":\"\\u00e9\"}", body,
		"another way");
	assert_explained(TRELLO, TRELLO, other, other, here, here, "{\"a\":[1,2],\"b\":\"é\"}\n", body,
		"a line break at its end");
	assert_explained(TRELLO, TRELLO, other, "[\"stranger\"]", here, here, body, body, "Nothing usual explains it");
	assert_explained(TRELLO, hex, other, key, here, here, body, body, "the value of `token`");
	assert_explained("{\"auth\":\"bearer\"}", "{\"auth\":\"bearer\"}", other, key, NULL, NULL, body, body,
		"the value of `token`");
	assert_explained("{\"auth\":\"bearer\"}", "{\"auth\":\"bearer\",\"proof\":\"header:X-Token\"}", other,
		other, NULL, NULL,
		body, body, "the header x-token");
}

/* Any bytes in any place: nothing gets in and nothing breaks. */
static void noise_does_not_get_in(void **state)
{
	static const char *const forms[] = { TRELLO, STRIPE, SLACK, "{\"auth\":\"bearer\"}", "{\"auth\":\"basic\"}",
		"{\"auth\":\"query-token\"}", "{\"auth\":\"jwt-hs256\"}" };
	static const char letters[] =
		":\n=;,& %41stripe-signature: t=v1authorization: Basic x-trello-webhook{\"challenge\"}\x80\xff";
	unsigned seed = 7;
	for (size_t i = 0; i < 3000; i++) {
		char noise[3][65];
		for (size_t j = 0; j < 3 * 65; j++)
			noise[j / 65][j % 65] = letters[(seed = seed * 1103515245 + 12345) / 65536 % (sizeof(letters) - 1)];
		struct webhook *webhook = must(forms[i % COUNT(forms)], "[\"s:s\"]", "https://x");
		struct log_record record = post("", "");
		struct buf out = { 0 };
		record.headers = (struct sl_text){ noise[0], i % 65 };
		record.query = (struct sl_text){ noise[1], i / 2 % 65 };
		record.body = (struct sl_text){ noise[2], i / 3 % 65 };
		assert_int_equal(checked(webhook, &record, NOW).verdict, WEBHOOK_FORGED);
		if (i % 50 == 0)
			assert_false(webhook_explain(webhook, &record, NOW, NULL, 0, &out));
		webhook_keep(webhook, &record, &out, &out);
		buf_free(&out);
		webhook_free(&webhook);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trello_vectors_hold),
		cmocka_unit_test(a_changed_byte_is_refused),
		cmocka_unit_test(missing_doubled_and_malformed_proofs_are_refused),
		cmocka_unit_test(what_is_signed_here_is_genuine_here),
		cmocka_unit_test(a_timestamp_has_to_be_near),
		cmocka_unit_test(one_of_several_parts_may_fit),
		cmocka_unit_test(a_token_in_the_query),
		cmocka_unit_test(bearer_takes_its_prefix_only),
		cmocka_unit_test(none_lets_everyone_in_and_says_so),
		cmocka_unit_test(methods_and_handshakes),
		cmocka_unit_test(only_a_bare_challenge_is_echoed),
		cmocka_unit_test(what_cannot_be_checked_is_refused),
		cmocka_unit_test(selectors_find_ids),
		cmocka_unit_test(times_are_read_in_every_form),
		cmocka_unit_test(proofs_that_are_secrets_are_not_kept),
		cmocka_unit_test(usual_mistakes_are_explained),
		cmocka_unit_test(noise_does_not_get_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
