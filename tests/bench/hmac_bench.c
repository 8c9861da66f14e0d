/* SPDX-License-Identifier: Apache-2.0 */
/* hmac_bench.c - what it costs to check a signature: HMAC of a body, as the ingress takes it.
 *
 *     hmac_bench [--json]
 *     hmac_bench --bare BYTES     only OpenSSL's own time for SHA-256 of so many bytes, in us
 *
 * The limit is OpenSSL alone, with a context that holds the key already.  `signature` is
 * what the engine and plugins call (sdk/sign.h); `request` is all of a check: the header is
 * found and read as hex, the HMAC is taken and compared.
 */
#include <openssl/hmac.h>

#include "flow/webhook.h"
#include "sdk/sign.h"
#include "sdk/text.h"

#include "measure.h"

#define TARGET 1.2 /* of the bare HMAC, from 2 KiB on: before, it is all ceremony */
#define ROUND 4e3 /* us a kind and round, about */
#define SECRET "the bench's own secret"
#define FORM "{\"auth\":\"hmac-sha256\",\"proof\":\"header:X-Sig\",\"encoding\":\"hex\"}"

static char body[200 * 1024];
static volatile unsigned char kept; /* what is computed is needed */

struct work {
	const char *name;
	enum sl_digest digest;
	size_t bytes;
	HMAC_CTX *bare;
	struct sl_signer *signer;
};

static void must(bool fine)
{
	if (fine)
		return;
	fputs("hmac_bench: OpenSSL cannot begin\n", stderr);
	exit(1);
}

/* ------------------------------------------------------------------ what is timed */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* the least ceremony that OpenSSL has */
static HMAC_CTX *bare_new(enum sl_digest digest)
{
	const EVP_MD *const kinds[] = { [SL_SHA1] = EVP_sha1(), [SL_SHA256] = EVP_sha256(), [SL_SHA512] = EVP_sha512() };
	HMAC_CTX *context = HMAC_CTX_new();
	must(context && HMAC_Init_ex(context, SECRET, sizeof(SECRET) - 1, kinds[digest], NULL));
	return context;
}

static void run_bare(size_t calls, const void *data)
{
	const struct work *work = data;
	unsigned char out[SL_DIGEST_MOST];
	unsigned int len;
	for (size_t i = 0; i < calls; i++) {
		must(HMAC_Init_ex(work->bare, NULL, 0, NULL, NULL)
			&& HMAC_Update(work->bare, (const unsigned char *)body, work->bytes) && HMAC_Final(work->bare, out, &len));
		kept = out[0];
	}
}
#pragma GCC diagnostic pop

static void run_signer(size_t calls, const void *data)
{
	const struct work *work = data;
	unsigned char out[SL_DIGEST_MOST];
	const struct sl_text text = { body, work->bytes };
	for (size_t i = 0; i < calls; i++) {
		sl_signer_sign(work->signer, &text, 1, out);
		kept = out[0];
	}
}

static struct webhook *webhook;
static struct arena *arena;
static char lines[256];

static void run_request(size_t calls, const void *data)
{
	const struct work *work = data;
	struct webhook_check check;
	struct log_record record = { .method = sl_text_of("POST"), .path = sl_text_of("/in/boards") };
	record.headers = sl_text_of(lines);
	record.body = (struct sl_text){ body, work->bytes };
	for (size_t i = 0; i < calls; i++) {
		webhook_check(webhook, &record, 0, arena, &check);
		must(check.verdict == WEBHOOK_GENUINE);
		arena_reset(arena);
	}
}

/* ----------------------------------------------------------------------- the cases */

static struct work works[] = {
	{ .name = "signature, SHA-256 of 2 KiB", .digest = SL_SHA256, .bytes = 2048 },
	{ .name = "signature, SHA-256 of 200 B", .digest = SL_SHA256, .bytes = 200 },
	{ .name = "signature, SHA-256 of 20 KiB", .digest = SL_SHA256, .bytes = 20 * 1024 },
	{ .name = "signature, SHA-1 of 2 KiB", .digest = SL_SHA1, .bytes = 2048 },
	{ .name = "signature, SHA-512 of 2 KiB", .digest = SL_SHA512, .bytes = 2048 },
};
#define WORKS (sizeof(works) / sizeof(*works))
#define KINDS (2 * WORKS + 1)

static size_t calls_of(const struct kind *kind)
{
	double begin = measure_now();
	kind->run(100, kind->data);
	return (size_t)(ROUND / ((measure_now() - begin) / 100)) + 1;
}

static void set_up_request(const struct work *work)
{
	struct why why;
	unsigned char digest[SL_DIGEST_MOST];
	char hex[2 * SL_DIGEST_MOST + 1];
	struct sl_document *form = sl_json_read(sl_text_of(FORM), NULL, 0);
	struct sl_document *secrets = sl_json_read(sl_text_of("[\"" SECRET "\"]"), NULL, 0);
	size_t len = sl_signer_sign(work->signer, &(struct sl_text){ body, work->bytes }, 1, digest);
	sl_hex(digest, len, hex);
	snprintf(lines, sizeof(lines), "host: hooks.example.com\ncontent-type: application/json\nx-sig: %s\n", hex);
	webhook = webhook_new(sl_json_root(form), sl_json_root(secrets), NULL, &why);
	must(webhook);
	arena = arena_new();
	sl_json_free(&form);
	sl_json_free(&secrets);
}

static void set_up(struct kind kinds[KINDS])
{
	memset(body, 'x', sizeof(body));
	for (size_t i = 0; i < WORKS; i++) {
		works[i].bare = bare_new(works[i].digest);
		works[i].signer = sl_signer_new(works[i].digest, sl_text_of(SECRET));
		kinds[2 * i] = (struct kind){ .name = "bare", .run = run_bare, .data = &works[i] };
		kinds[2 * i + 1] = (struct kind){ .name = works[i].name, .run = run_signer, .data = &works[i] };
	}
	set_up_request(&works[0]);
	kinds[KINDS - 1] = (struct kind){ .name = "request, checked, of 2 KiB", .run = run_request, .data = &works[0] };
	for (size_t i = 0; i < KINDS; i++)
		kinds[i].calls = calls_of(&kinds[i]);
}

static int bare_only(size_t bytes)
{
	struct work work = { .bytes = bytes < sizeof(body) ? bytes : sizeof(body), .bare = bare_new(SL_SHA256) };
	struct kind kind = { .name = "bare", .run = run_bare, .data = &work };
	kind.calls = calls_of(&kind);
	measure_kinds(&kind, 1);
	printf("%.4g\n", measure_median(kind.took));
	return 0;
}

int main(int count, char **words)
{
	struct kind kinds[KINDS];
	struct judged rows[WORKS + 1];
	if (count == 3 && strcmp(words[1], "--bare") == 0)
		return bare_only(strtoul(words[2], NULL, 10));
	set_up(kinds);
	measure_kinds(kinds, KINDS);
	for (size_t i = 0; i <= WORKS; i++) {
		const struct kind *kind = &kinds[i < WORKS ? 2 * i + 1 : KINDS - 1];
		bool long_enough = i < WORKS && works[i].bytes >= 2048;
		rows[i] = (struct judged){ .bench = "hmac", .name = kind->name, .kind = kind };
		rows[i].limit = &kinds[i < WORKS ? 2 * i : 0];
		rows[i].target = long_enough ? TARGET : 0;
	}
	return measure_tell_all(rows, WORKS + 1, measure_json(count, words));
}
