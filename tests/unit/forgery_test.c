/* SPDX-License-Identifier: Apache-2.0 */
/* forgery_test.c - 100 000 requests with forged proofs, of every scheme: none is let in.
 *
 * Each is made of a genuine one, which is checked first.  SLUICE_SEED makes the same ones again.
 */
#include "webhook_bed.h"

#include <strings.h>
#include <time.h>

#include "base/buf.h"

#define FORGED 100000
#define CALLBACK "https://hooks.example.com/in/boards"

/* A description with the proof in a header of its own, and MORE. */
#define HMAC(digest, encoding, more) \
	"{\"auth\":\"hmac-" digest "\",\"proof\":\"header:X-Proof\",\"encoding\":\"" encoding "\"" more "}"
#define BOTH ",\"covers\":\"{body}{callback}\""
#define STAMP ",\"covers\":\"{timestamp}.{body}\",\"timestamp\":\"header:X-Time\""
#define PREFIX ",\"prefix\":\"sha256=\""
#define WHSEC "[\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa"

static const struct scheme {
	const char *form, *secrets, *others; /* somebody else's secrets */
	const char *name;                    /* of the header that is the proof */
	size_t prefix;                       /* of its value: what may be written in other letters */
	bool hex, covers;                    /* the body */
	const char *another;                 /* the same vendor, signing in another way; or NULL */
} schemes[] = {
	{ HMAC("sha1", "base64", BOTH), "[\"one\",\"two\"]", "[\"three\"]", "x-proof", 0, false, true,
		HMAC("sha256", "base64", BOTH) },
	{ HMAC("sha256", "hex", PREFIX), "[\"one\"]", "[\"One\"]", "x-proof", 7, true, true, HMAC("sha1", "hex", PREFIX) },
	{ HMAC("sha512", "hex", ""), "[\"one\"]", "[\"one \"]", "x-proof", 0, true, true, HMAC("sha512", "base64", "") },
	{ HMAC("sha256", "hex", STAMP), "[\"one\"]", "[\"eno\"]", "x-proof", 0, true, true, HMAC("sha256", "hex", "") },
	{ "{\"auth\":\"standard-webhooks\"}", WHSEC "Sw\"]", WHSEC "Sx\"]", "webhook-signature", 3, false, true, NULL },
	{ "{\"auth\":\"jwt-hs256\",\"audience\":\"{callback}\"}", "[\"one\"]", "[\"two\"]", "authorization", 7, false, false,
		NULL },
	{ "{\"auth\":\"bearer\"}", "[\"a long secret\"]", "[\"a long secreT\"]", "authorization", 7, false, false, NULL },
	{ "{\"auth\":\"basic\"}", "[\"user:password\"]", "[\"user:passwort\"]", "authorization", 6, false, false, NULL },
};

/* --------------------------------------------------------------------- chance */

static uint64_t seed;

static uint32_t chance(uint32_t below)
{
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

/* -------------------------------------------------------------------- forging */

struct forgery {
	const struct scheme *scheme;
	struct webhook *webhook, *stranger, *another;
	char body[64], forged_body[64];
	char *genuine;      /* the lines of its headers */
	char value[512];    /* of the proof */
	char headers[2048]; /* what is sent */
};

/* The genuine lines, with another value for the proof; NULL: without the proof. */
static void send_value(struct forgery *it, const char *value)
{
	char name[40];
	snprintf(name, sizeof(name), "%s: ", it->scheme->name);
	const char *line = strstr(it->genuine, name), *end = strchr(line, '\n') + 1;
	int before = (int)(line - it->genuine);
	snprintf(it->headers, sizeof(it->headers), "%.*s%s%s%s%s", before, it->genuine, value ? name : "",
		value ? value : "", value ? "\n" : "", end);
}

static void value_of(const char *lines, const char *name, char *value, size_t room)
{
	const char *at = strstr(lines, name);
	at += strlen(name) + 2;
	snprintf(value, room, "%.*s", (int)strcspn(at, "\n"), at);
}

static void flip(struct forgery *it)
{
	static const char letters[] = "0123456789abcdefABCDEFzZ+/=_-.,~ghij";
	char changed[512];
	snprintf(changed, sizeof(changed), "%s", it->value);
	size_t from = it->scheme->prefix, len = strlen(changed) - from;
	do
		changed[from + chance((uint32_t)len)] = letters[chance(sizeof(letters) - 1)];
	while ((it->scheme->hex ? strcasecmp : strcmp)(changed, it->value) == 0);
	send_value(it, changed);
}

static void cut(struct forgery *it)
{
	char changed[512];
	snprintf(changed, sizeof(changed), "%.*s", (int)chance((uint32_t)strlen(it->value)), it->value);
	send_value(it, changed);
}

static void lengthen(struct forgery *it)
{
	static const char *const tails[] = { "0", "00", "=", "A", ".", ",", "%00", "\\0", "==" };
	char changed[520];
	snprintf(changed, sizeof(changed), "%s%s", it->value, tails[chance(COUNT(tails))]);
	send_value(it, changed);
}

static void leave_out(struct forgery *it)
{
	send_value(it, NULL);
}

static void say_nothing(struct forgery *it)
{
	send_value(it, "");
}

/* One of them is right. */
static void say_twice(struct forgery *it)
{
	char wrong[512];
	flip(it);
	value_of(it->headers, it->scheme->name, wrong, sizeof(wrong));
	send_value(it, chance(2) ? wrong : it->value);
	size_t len = strlen(it->headers);
	snprintf(it->headers + len, sizeof(it->headers) - len, "%s: %s\n", it->scheme->name, it->value);
}

static void sign_as(struct forgery *it, const struct webhook *other)
{
	char *lines = proof_lines(other, it->body, 0, NOW), value[512];
	value_of(lines, it->scheme->name, value, sizeof(value));
	send_value(it, value);
	free(lines);
}

static void sign_with_another_key(struct forgery *it)
{
	sign_as(it, it->stranger);
}

static void sign_in_another_way(struct forgery *it)
{
	sign_as(it, it->another ? it->another : it->stranger);
}

static void change_the_body(struct forgery *it)
{
	if (!it->scheme->covers) {
		flip(it);
		return;
	}
	it->forged_body[chance((uint32_t)strlen(it->forged_body))] ^= (char)(1 + chance(127));
	send_value(it, it->value);
}

/* A token that is not signed, and one that says it need not be. */
static void sign_nothing(struct forgery *it)
{
	static const char *const tokens[] = {
		"Bearer eyJhbGciOiJub25lIn0.eyJleHAiOjE5OTk5OTk5OTl9.",
		"Bearer eyJhbGciOiJOb25FIn0.eyJleHAiOjE5OTk5OTk5OTl9.",
		"Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJleHAiOjE5OTk5OTk5OTl9.AAAA",
		"Bearer ..",
		"Basic Og==",
		"Bearer null",
		"v1,",
		"sha256=",
		"sha256=0000000000000000000000000000000000000000000000000000000000000000",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	};
	send_value(it, tokens[chance(COUNT(tokens))]);
}

static void (*const forgers[])(struct forgery *it) = { flip, cut, lengthen, leave_out, say_nothing, say_twice,
	sign_with_another_key, sign_in_another_way, change_the_body, sign_nothing };

/* -------------------------------------------------------------------- judging */

static void begin(struct forgery *it, const struct scheme *scheme)
{
	*it = (struct forgery){ .scheme = scheme };
	it->webhook = must(scheme->form, scheme->secrets, CALLBACK);
	it->stranger = must(scheme->form, scheme->others, CALLBACK);
	if (scheme->another)
		it->another = must(scheme->another, scheme->secrets, CALLBACK);
}

static void end(struct forgery *it)
{
	webhook_free(&it->webhook);
	webhook_free(&it->stranger);
	webhook_free(&it->another);
}

static void must_be_genuine(const struct forgery *it)
{
	struct log_record record = post(it->genuine, it->body);
	struct webhook_check check = checked(it->webhook, &record, NOW);
	if (check.verdict != WEBHOOK_GENUINE)
		fail_msg("a genuine one is refused: %s\n%s", check.reason, it->genuine);
}

/* Returns 1 if it is let in. */
static int try_one(struct forgery *it, size_t forger)
{
	snprintf(it->body, sizeof(it->body), "{\"id\":\"%u\",\"card\":\"%u\"}", chance(1000000), chance(100));
	snprintf(it->forged_body, sizeof(it->forged_body), "%s", it->body);
	it->genuine = proof_lines(it->webhook, it->body, 0, NOW);
	value_of(it->genuine, it->scheme->name, it->value, sizeof(it->value));
	must_be_genuine(it);
	forgers[forger](it);
	struct log_record record = post(it->headers, it->forged_body);
	bool in = checked(it->webhook, &record, NOW).verdict == WEBHOOK_GENUINE;
	if (in)
		print_error("let in, forger %zu of %s:\n%s%s\n", forger, it->scheme->form, it->headers, it->forged_body);
	free(it->genuine);
	return in;
}

static void nothing_forged_is_let_in(void **state)
{
	const char *given = getenv("SLUICE_SEED");
	uint64_t first = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	int in = 0;
	seed = first * 2654435769u + 88172645463325252u;
	for (size_t i = 0; i < COUNT(schemes); i++) {
		struct forgery it;
		begin(&it, &schemes[i]);
		for (int n = 0; n < FORGED / (int)COUNT(schemes); n++)
			in += try_one(&it, (size_t)n % COUNT(forgers));
		end(&it);
	}
	print_message("seed %llu: IN=%d/%d\n", (unsigned long long)first, in, FORGED);
	assert_int_equal(in, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_forged_is_let_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
