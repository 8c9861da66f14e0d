/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_probe.c - an address that leads to this very process says so.
 *
 * A command wants to know whether the address that vendors are told leads here.  It is
 * given a nonce and the proof that belongs to it, asks the address for ?sluice-probe=NONCE,
 * and compares.  A nonce is answered once, within a minute, and only if it was given out:
 * so nobody can have proofs made, and another daemon behind that address cannot make one.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "flow/ingest_inside.h"
#include "sdk/sign.h"
#include "sdk/text.h"

#define PROBES_MOST 32
#define PROBE_TIME 60000 /* ms */
#define NONCE_BYTES 16
#define NONCE_SIZE (2 * NONCE_BYTES + 1)
#define PROOF_SIZE (2 * SL_DIGEST_MOST + 1)

static const char name[] = "sluice-probe=";

struct probe {
	char nonce[NONCE_SIZE];
	int64_t until; /* clock_ticks; 0: free */
};

struct probes {
	unsigned char key[32];
	struct probe at[PROBES_MOST];
};

static bool random_bytes(unsigned char *bytes, size_t len, struct why *why)
{
	return getrandom(bytes, len, 0) == (ssize_t)len || why_errno(why, "no random bytes");
}

static bool have_probes(struct ingest *ingest, struct why *why)
{
	if (ingest->probes)
		return true;
	ingest->probes = must_alloc(sizeof(*ingest->probes));
	if (random_bytes(ingest->probes->key, sizeof(ingest->probes->key), why))
		return true;
	probe_free(ingest);
	return false;
}

static void prove(const struct probes *probes, const char *nonce, char proof[PROOF_SIZE])
{
	const struct sl_text key = { (const char *)probes->key, sizeof(probes->key) }, text = sl_text_of(nonce);
	unsigned char digest[SL_DIGEST_MOST];
	sl_hex(digest, sl_hmac(SL_SHA256, key, &text, 1, digest), proof);
}

static struct probe *free_probe(struct probes *probes)
{
	int64_t now = clock_ticks();
	for (size_t i = 0; i < PROBES_MOST; i++)
		if (probes->at[i].until <= now)
			return &probes->at[i];
	return NULL;
}

bool probe_ask(struct ingest *ingest, const struct sl_json *question, struct buf *out, struct why *why)
{
	unsigned char bytes[NONCE_BYTES];
	char proof[PROOF_SIZE];
	if (!have_probes(ingest, why) || !random_bytes(bytes, sizeof(bytes), why))
		return false;
	struct probe *probe = free_probe(ingest->probes);
	if (!probe)
		return why_say(why, "too many look for this daemon at once");
	sl_hex(bytes, sizeof(bytes), probe->nonce);
	probe->until = clock_ticks() + PROBE_TIME;
	prove(ingest->probes, probe->nonce, proof);
	json_member_string(out, "nonce", probe->nonce);
	json_member_string(out, "proof", proof);
	return true;
}

/* What stands behind the name in a query; len 0: it is not there. */
static struct sl_text nonce_in(struct sl_text query)
{
	const size_t skip = sizeof(name) - 1;
	const char *end = query.at + query.len;
	for (const char *part = query.at, *next; part && part < end; part = next + (next < end)) {
		next = memchr(part, '&', (size_t)(end - part));
		next = next ? next : end;
		if ((size_t)(next - part) > skip && memcmp(part, name, skip) == 0)
			return (struct sl_text){ part + skip, (size_t)(next - part) - skip };
	}
	return (struct sl_text){ NULL, 0 };
}

static struct probe *find(struct probes *probes, struct sl_text nonce)
{
	int64_t now = clock_ticks();
	for (size_t i = 0; i < PROBES_MOST; i++)
		if (probes->at[i].until > now && sl_text_is(nonce, probes->at[i].nonce))
			return &probes->at[i];
	return NULL;
}

bool probe_answered(struct ingest *ingest, struct http_request *request)
{
	struct sl_text nonce = ingest->probes ? nonce_in(request->query) : (struct sl_text){ NULL, 0 };
	struct probe *probe = nonce.len ? find(ingest->probes, nonce) : NULL;
	char proof[PROOF_SIZE];
	struct buf out = { 0 };
	if (!probe || strcmp(request->method, "GET") != 0)
		return false;
	prove(ingest->probes, probe->nonce, proof);
	probe->until = 0;
	json_open(&out, '{');
	json_member_string(&out, "proof", proof);
	json_close(&out, '}');
	page_add(ingest->page, COUNTER_requests, 1);
	page_add(ingest->page, COUNTER_handshakes, 1);
	http_answer(request, 200, "Cache-Control: no-store\r\n", (struct sl_text){ out.at, out.len });
	buf_free(&out);
	return true;
}

void probe_free(struct ingest *ingest)
{
	free(ingest->probes);
	ingest->probes = NULL;
}
