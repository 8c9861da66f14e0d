/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_schemes_test.c - tokens, standard webhooks, and what has to agree with what is signed. */
#include "flow/webhook_parts.h"
#include "webhook_bed.h"

/* ------------------------------------------------------------------- tokens */

#define JWT "{\"auth\":\"jwt-hs256\",\"audience\":\"{callback}\"}"
#define OURS "https://x.org/in/boards"

static void put_base64url(struct buf *out, const void *at, size_t len)
{
	char text[2048];
	sl_base64(at, len, text);
	for (char *c = text; *c && *c != '='; c++)
		buf_char(out, *c == '+' ? '-' : *c == '/' ? '_' : *c);
}

/* "authorization: TOKEN", signed with the secret whatever its header says. */
static const char *bearer(const char *header, const char *claims, const char *secret)
{
	static char lines[4096];
	struct buf token = { 0 };
	unsigned char mac[SL_DIGEST_MOST];
	put_base64url(&token, header, strlen(header));
	buf_char(&token, '.');
	put_base64url(&token, claims, strlen(claims));
	size_t size = sl_hmac(SL_SHA256, sl_text_of(secret), &(struct sl_text){ token.at, token.len }, 1, mac);
	buf_char(&token, '.');
	if (*secret)
		put_base64url(&token, mac, size);
	snprintf(lines, sizeof(lines), "authorization: %s\n", token.at);
	buf_free(&token);
	return lines;
}

#define HS256 "{\"alg\":\"HS256\"}"
#define AUD "\"aud\":\"" OURS "\","

static const struct {
	const char *header, *claims, *secret;
	enum webhook_verdict verdict;
	const char *says;
} tokens[] = {
	{ HS256, "{" AUD "\"exp\":1732226419}", "s", WEBHOOK_GENUINE, "" },
	{ HS256, "{" AUD "\"exp\":1732226419.5,\"nbf\":1732226478}", "s", WEBHOOK_GENUINE, "" },
	{ HS256, "{\"aud\":[\"https://y.org\",\"" OURS "\"],\"exp\":1732226500}", "s", WEBHOOK_GENUINE, "" },
	{ HS256, "{\"aud\":\"" OURS "?event=create_item\",\"exp\":1732226500}", "s", WEBHOOK_GENUINE, "" },
	{ HS256, "{" AUD "\"exp\":1732226358}", "s", WEBHOOK_STALE, "ended more than 60 s ago" },
	{ HS256, "{" AUD "\"exp\":1732226500,\"nbf\":1732226480}", "s", WEBHOOK_STALE, "begins in more than 60 s" },
	{ HS256, "{" AUD "\"exp\":1732226500,\"nbf\":\"now\"}", "s", WEBHOOK_FORGED, "nbf is no time" },
	{ HS256, "{" AUD "\"iat\":1732226419}", "s", WEBHOOK_FORGED, "when it ends" },
	{ HS256, "{" AUD "\"exp\":\"1732226500\"}", "s", WEBHOOK_FORGED, "when it ends" },
	{ HS256, "{" AUD "\"exp\":1e400}", "s", WEBHOOK_FORGED, "when it ends" },
	{ HS256, "{\"aud\":\"https://x.org/in/boards2\",\"exp\":1732226500}", "s", WEBHOOK_FORGED, "another audience" },
	{ HS256, "{\"aud\":\"https://x.org/in\",\"exp\":1732226500}", "s", WEBHOOK_FORGED, "another audience" },
	{ HS256, "{\"aud\":[],\"exp\":1732226500}", "s", WEBHOOK_FORGED, "another audience" },
	{ HS256, "{\"aud\":7,\"exp\":1732226500}", "s", WEBHOOK_FORGED, "another audience" },
	{ HS256, "{\"exp\":1732226500}", "s", WEBHOOK_FORGED, "whom it is for" },
	{ HS256, "[" AUD "]", "s", WEBHOOK_FORGED, "no JSON object" },
	{ HS256, "null", "s", WEBHOOK_FORGED, "no JSON object" },
	{ HS256, "{" AUD "\"exp\":1732226500}", "t", WEBHOOK_FORGED, "fits none of the secrets" },
	{ HS256, "{" AUD "\"exp\":1732226500}", "", WEBHOOK_FORGED, "not base64url of the right length" },
	{ "{\"alg\":\"none\"}", "{" AUD "\"exp\":1732226500}", "", WEBHOOK_FORGED, "its alg is none" },
	{ "{\"alg\":\"NonE\"}", "{" AUD "\"exp\":1732226500}", "s", WEBHOOK_FORGED, "its alg is none" },
	{ "{\"alg\":\"hs256\"}", "{" AUD "\"exp\":1732226500}", "s", WEBHOOK_FORGED, "alg is not HS256" },
	{ "{\"alg\":\"RS256\"}", "{" AUD "\"exp\":1732226500}", "s", WEBHOOK_FORGED, "alg is not HS256" },
	{ "{\"alg\":[\"HS256\"]}", "{" AUD "\"exp\":1732226500}", "s", WEBHOOK_FORGED, "alg is not HS256" },
	{ "{}", "{" AUD "\"exp\":1732226500}", "s", WEBHOOK_FORGED, "alg is not HS256" },
	{ "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", "{" AUD "\"exp\":1732226500}", "s", WEBHOOK_FORGED, "crit" },
	{ "HS256", "{" AUD "\"exp\":1732226500}", "s", WEBHOOK_FORGED, "header is no JSON object" },
};

static void a_token_is_signed_in_time_and_for_us(void **state)
{
	struct webhook *webhook = must(JWT, "[\"new\",\"s\"]", OURS);
	for (size_t i = 0; i < COUNT(tokens); i++) {
		struct log_record record = post(bearer(tokens[i].header, tokens[i].claims, tokens[i].secret), "{}");
		struct webhook_check check = checked(webhook, &record, NOW);
		if (check.verdict != tokens[i].verdict || !strstr(check.reason, tokens[i].says))
			fail_msg("%s %s: %d, %s", tokens[i].header, tokens[i].claims, check.verdict, check.reason);
		if (check.verdict == WEBHOOK_GENUINE)
			assert_int_equal(check.secret, 1);
	}
	webhook_free(&webhook);
}

static void a_token_may_have_its_bearer_and_is_never_kept(void **state)
{
	struct webhook *webhook = must(JWT, "[\"s\"]", OURS), *elsewhere;
	const char *token = bearer(HS256, "{" AUD "\"exp\":1732226500}", "s") + strlen("authorization: ");
	char lines[4096];
	struct buf headers = { 0 }, query = { 0 };
	snprintf(lines, sizeof(lines), "authorization: Bearer %sx-a: 1\n", token);
	struct log_record record = post(lines, "{}");
	assert_int_equal(checked(webhook, &record, NOW).verdict, WEBHOOK_GENUINE);
	elsewhere =
		must("{\"auth\":\"jwt-hs256\",\"proof\":\"header:X-Token\",\"audience\":\"" OURS "\"}", "[\"s\"]", NULL);
	assert_int_equal(checked(elsewhere, &record, NOW).verdict, WEBHOOK_FORGED);
	snprintf(lines, sizeof(lines), "x-token: %sx-a: 1\n", token);
	assert_int_equal(checked(elsewhere, &record, NOW).verdict, WEBHOOK_GENUINE);
	webhook_keep(elsewhere, &record, &headers, &query);
	assert_string_equal(headers.at, "x-a: 1\n");
	buf_free(&headers);
	buf_free(&query);
	webhook_free(&elsewhere);
	webhook_free(&webhook);
}

/* ---------------------------------------------------------- standard webhooks */

#define STANDARD "{\"auth\":\"standard-webhooks\",\"type\":\"body:/type\"}"
#define WHSEC "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define MESSAGE "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-timestamp: 1614265330\n"
#define RIGHT "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define WRONG "v1,g1hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

/* The vector of the specification's own libraries. */
static void standard_webhooks_are_signed_as_specified(void **state)
{
	static const struct {
		const char *headers;
		enum webhook_verdict verdict;
	} table[] = {
		{ MESSAGE "webhook-signature: " RIGHT "\n", WEBHOOK_GENUINE },
		{ MESSAGE "webhook-signature: " WRONG " v1a,AAAA " RIGHT "\n", WEBHOOK_GENUINE },
		{ MESSAGE "webhook-signature: " WRONG "\n", WEBHOOK_FORGED },
		{ MESSAGE "webhook-signature: v2" /* another version */ "\n", WEBHOOK_FORGED },
		{ MESSAGE "webhook-signature: \n", WEBHOOK_FORGED },
		{ MESSAGE, WEBHOOK_FORGED },
		{ "webhook-id: msg_other\nwebhook-timestamp: 1614265330\nwebhook-signature: " RIGHT "\n", WEBHOOK_FORGED },
		{ "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-signature: " RIGHT "\n", WEBHOOK_FORGED },
	};
	struct webhook *webhook = must(STANDARD, "[\"" WHSEC "\"]", NULL);
	for (size_t i = 0; i < COUNT(table); i++) {
		struct log_record record = post(table[i].headers, "{\"test\": 2432232314}");
		if (checked(webhook, &record, INT64_C(1614265330000)).verdict != table[i].verdict)
			fail_msg("%s", table[i].headers);
	}
	struct log_record record = post(table[0].headers, "{\"test\": 2432232314}");
	assert_int_equal(checked(webhook, &record, NOW).verdict, WEBHOOK_STALE);
	struct arena *arena = arena_new();
	struct webhook_found found;
	webhook_find(webhook, &record, NULL, arena, &found);
	assert_string_equal(found.event.id, "msg_p5jXN8AQM9LWM0D4loKWxJek");
	arena_free(&arena);
	webhook_free(&webhook);
}

static void others_name_the_headers_otherwise(void **state)
{
	struct webhook *webhook = must("{\"auth\":\"standard-webhooks\",\"proof\":\"header:Svix-Signature\"}",
		"[\"" WHSEC "\"]", NULL);
	struct log_record record = post("svix-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nsvix-timestamp: 1614265330\n"
					"svix-signature: " RIGHT "\n", "{\"test\": 2432232314}");
	assert_int_equal(checked(webhook, &record, INT64_C(1614265330000)).verdict, WEBHOOK_GENUINE);
	webhook_free(&webhook);
}

/* -------------------------------------------------------------------- signing */

static void what_is_signed_here_is_genuine_here(void **state)
{
	static const struct {
		const char *form, *secrets;
	} table[] = {
		{ JWT, "[\"s\"]" },
		{ "{\"auth\":\"jwt-hs256\"}", "[\"s\"]" },
		{ STANDARD, "[\"" WHSEC "\"]" },
		{ "{\"auth\":\"basic\"}", "[\"someone:pass:word\"]" },
	};
	for (size_t i = 0; i < COUNT(table); i++) {
		struct webhook *webhook = must(table[i].form, table[i].secrets, OURS);
		char *lines = proof_lines(webhook, "{\"a\":1}", 0, NOW), *again = proof_lines(webhook, "{\"a\":1}", 0, NOW);
		struct log_record record = post(lines, "{\"a\":1}");
		struct webhook_check check = checked(webhook, &record, NOW + 1000);
		if (check.verdict != WEBHOOK_GENUINE)
			fail_msg("%s: %s%s", table[i].form, lines, check.reason);
		if (i == 2) /* each message has an id of its own */
			assert_string_not_equal(lines, again);
		free(lines);
		free(again);
		webhook_free(&webhook);
	}
}

static const struct {
	const char *form, *secrets, *callback, *says;
} refused[] = {
	{ "{\"auth\":\"jwt-hs256\"}", NULL, NULL, "needs a secret" },
	{ JWT, "[\"s\"]", NULL, "the audience is the callback, and is not known" },
	{ "{\"auth\":\"jwt-hs256\",\"audience\":\"{public}\"}", "[\"s\"]", OURS, "or {callback}" },
	{ "{\"auth\":\"jwt-hs256\",\"covers\":\"{body}\"}", "[\"s\"]", NULL, "covers nothing" },
	{ "{\"auth\":\"bearer\",\"audience\":\"x\"}", "[\"s\"]", NULL, "audience is of no use" },
	{ STANDARD, "[\"not base64!\"]", NULL, "secret 1 is not whsec_" },
	{ STANDARD, "[\"whsec_\"]", NULL, "secret 1 is not whsec_" },
	{ "{\"auth\":\"standard-webhooks\",\"covers\":\"{body}\"}", "[\"" WHSEC "\"]", NULL, "leave covers" },
	{ "{\"auth\":\"standard-webhooks\",\"proof\":\"header:X-Sig\"}", "[\"" WHSEC "\"]", NULL, "NAME-signature" },
	{ "{\"auth\":\"standard-webhooks\",\"proof\":\"query:x\"}", "[\"" WHSEC "\"]", NULL, "NAME-signature" },
	{ "{\"auth\":\"none\",\"same\":\"header:X\"}", NULL, NULL, "is no pair" },
	{ "{\"auth\":\"none\",\"same\":\"header:X = \"}", NULL, NULL, "one side of =" },
	{ "{\"auth\":\"none\",\"same\":\"header:X = body:shop\"}", NULL, NULL, "body:/shop" },
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

/* ------------------------------------------------------------------ explaining */

static void assert_explained(const char *form, const char *secrets, const char *callback, const char *headers,
	const char *says)
{
	static const struct sl_pair others[] = { { "token", "shhh-shhh" } };
	struct webhook *webhook = must(form, secrets, callback);
	struct log_record record = post(headers, "{}");
	struct buf out = { 0 };
	assert_false(webhook_explain(webhook, &record, NOW, others, 1, &out));
	if (!strstr(out.at, says) || strstr(out.at, "shhh"))
		fail_msg("%s", out.at);
	buf_free(&out);
	webhook_free(&webhook);
}

static void usual_mistakes_are_explained(void **state)
{
	const char *good = "{" AUD "\"exp\":1732226500}";
	assert_explained(JWT, "[\"s\"]", "https://x.org/in/other", bearer(HS256, good, "s"),
		"the token is for the audience " OURS ", not for https://x.org/in/other");
	assert_explained(JWT, "[\"s\"]", OURS, bearer(HS256, good, "shhh-shhh"), "the value of `token`");
	assert_explained("{\"auth\":\"jwt-hs256\",\"proof\":\"header:X-Token\"}", "[\"s\"]", OURS, bearer(HS256, good, "s"),
		"the header authorization");
	assert_explained(JWT, "[\"s\"]", OURS, bearer("{\"alg\":\"none\"}", good, ""), "its alg is none");
	assert_explained("{\"auth\":\"basic\"}", "[\"me:shhh-other\"]", OURS, "authorization: Basic bWU6bm90IGl0\n",
		"the user is right, the password is another one");
	assert_explained(STANDARD, "[\"" WHSEC "\"]", NULL,
		"webhook-id: a\nwebhook-timestamp: 1732226419\nwebhook-signature: " WRONG "\n", "does not match");
}

/* ----------------------------------------------------------------------- same */

#define SHOP \
	"{\"auth\":\"bearer\",\"same\":\"header:X-Shop = body:/shop_domain, header:X-Topic = body:/topic|body:/event\"}"

static void what_is_not_signed_agrees_with_what_is(void **state)
{
	static const struct {
		const char *headers, *body;
		enum webhook_verdict verdict;
	} table[] = {
		{ "x-shop: a.example\n", "{\"shop_domain\":\"a.example\"}", WEBHOOK_GENUINE },
		{ "x-shop: a.example\n", "{\"id\":1}", WEBHOOK_GENUINE },
		{ "x-shop: a.example\n", "no json", WEBHOOK_GENUINE },
		{ "x-shop: b.example\n", "{\"shop_domain\":\"a.example\"}", WEBHOOK_FORGED },
		{ "x-shop: a.exampl\n", "{\"shop_domain\":\"a.example\"}", WEBHOOK_FORGED },
		{ "", "{\"shop_domain\":\"a.example\"}", WEBHOOK_FORGED },
		{ "x-shop: a\nx-shop: b\n", "{\"shop_domain\":\"a\"}", WEBHOOK_FORGED },
		{ "x-shop: a\nx-topic: t\n", "{\"shop_domain\":\"a\",\"event\":\"t\"}", WEBHOOK_GENUINE },
		{ "x-shop: a\nx-topic: u\n", "{\"shop_domain\":\"a\",\"event\":\"t\"}", WEBHOOK_FORGED },
	};
	struct webhook *webhook = must(SHOP, "[\"s\"]", NULL);
	for (size_t i = 0; i < COUNT(table); i++) {
		char headers[256];
		snprintf(headers, sizeof(headers), "authorization: Bearer s\n%s", table[i].headers);
		struct log_record record = post(headers, table[i].body);
		struct webhook_check check = checked(webhook, &record, NOW);
		if (check.verdict != table[i].verdict)
			fail_msg("%s %s: %s", headers, table[i].body, check.reason);
		if (check.verdict == WEBHOOK_FORGED)
			assert_non_null(strstr(check.reason, "header:X-"));
	}
	webhook_free(&webhook);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_signed_in_time_and_for_us),
		cmocka_unit_test(a_token_may_have_its_bearer_and_is_never_kept),
		cmocka_unit_test(standard_webhooks_are_signed_as_specified),
		cmocka_unit_test(others_name_the_headers_otherwise),
		cmocka_unit_test(what_is_signed_here_is_genuine_here),
		cmocka_unit_test(what_cannot_be_checked_is_refused),
		cmocka_unit_test(usual_mistakes_are_explained),
		cmocka_unit_test(what_is_not_signed_agrees_with_what_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
