/* SPDX-License-Identifier: Apache-2.0 */
/* timing_bench.c - does the time that a refusal takes tell how much of the proof was right?
 *
 * usage: timing_bench [--json] [SAMPLES]
 *
 * As dudect does it: one wrong proof is sent with two bodies in random order; for one it
 * is right but for the last byte, for the other wrong from the first.  Each comparison is
 * timed, the slowest fifth is the machine's and left out, and Welch's t says whether the
 * two differ.  |t| < 4.5 is the usual bound for "they do not".  The first line is a loop
 * that stops at the first difference: it has to be found out, or the measurement is
 * worth nothing.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "flow/webhook.h"
#include "sdk/sign.h"
#include "sdk/text.h"

#define SAMPLES 1000000
#define PILOT 20000
#define BOUND 4.5
#define MAC 32
#define FORM "{\"auth\":\"hmac-sha256\",\"proof\":\"header:X-Proof\",\"encoding\":\"hex\"}"

enum class { NEAR,
	FAR,
	CLASSES };

static uint64_t ticks(void)
{
#ifdef __x86_64__
	unsigned int processor;
	return __rdtscp(&processor);
#else
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
#endif
}

/* -------------------------------------------------------------- what is timed */

static const char *const bodies[CLASSES] = { "{\"id\":\"1\"}", "{\"id\":\"2\"}" };
static unsigned char rights[CLASSES][SL_DIGEST_MOST];
static unsigned char right[MAC], sent[MAC];
static char body[16];
static char sent_lines[128];
static struct webhook *webhook;
static struct arena *arena;

static bool stop_at_first(void)
{
	for (volatile int i = 0; i < MAC; i++)
		if (sent[i] != right[i])
			return false;
	return true;
}

static bool same(void)
{
	return sl_same(sent, MAC, right, MAC);
}

static bool whole_check(void)
{
	struct webhook_check check;
	struct log_record record = { .method = sl_text_of("POST"), .path = sl_text_of("/in/boards") };
	record.headers = sl_text_of(sent_lines);
	record.body = sl_text_of(body);
	webhook_check(webhook, &record, 0, arena, &check);
	return check.verdict == WEBHOOK_GENUINE;
}

static const struct subject {
	const char *name, *key;
	bool (*compare)(void);
	int divisor; /* of the samples: it takes so much longer */
	bool leaks;
} subjects[] = {
	{ "a loop that stops at the first difference", "loop", stop_at_first, 10, true },
	{ "sl_same, which compares all proofs", "same", same, 1, false },
	{ "a request, from its headers to the verdict", "request", whole_check, 4, false },
};

/* ----------------------------------------------------------------- preparing */

/* The same steps for both, so that only what they copy differs. */
static void prepare(enum class class)
{
	memcpy(right, rights[class], MAC);
	memcpy(body, bodies[class], strlen(bodies[class]) + 1);
}

static void set_up(void)
{
	struct why why;
	char hex[2 * MAC + 1];
	struct sl_document *form = sl_json_read(sl_text_of(FORM), NULL, 0);
	struct sl_document *secrets = sl_json_read(sl_text_of("[\"a secret\"]"), NULL, 0);
	for (int i = 0; i < CLASSES; i++)
		sl_hmac(SL_SHA256, sl_text_of("a secret"), &(struct sl_text){ bodies[i], strlen(bodies[i]) }, 1, rights[i]);
	memcpy(sent, rights[NEAR], MAC);
	sent[MAC - 1] ^= 1;
	sl_hex(sent, MAC, hex);
	snprintf(sent_lines, sizeof(sent_lines), "host: a\nx-proof: %s\n", hex);
	webhook = webhook_new(sl_json_root(form), sl_json_root(secrets), NULL, &why);
	sl_json_free(&form);
	sl_json_free(&secrets);
	arena = arena_new();
}

/* ----------------------------------------------------------------- measuring */

static uint64_t timed(const struct subject *subject, enum class class)
{
	prepare(class);
	uint64_t begin = ticks();
	bool genuine = subject->compare();
	uint64_t took = ticks() - begin;
	arena_reset(arena);
	if (genuine)
		exit(1);
	return took;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* What is slower than four fifths was interrupted. */
static uint64_t slowest_counted(const struct subject *subject)
{
	static uint64_t took[PILOT];
	for (int i = 0; i < PILOT; i++)
		took[i] = timed(subject, (enum class)(random() & 1));
	qsort(took, PILOT, sizeof(*took), by_size);
	return took[PILOT / 5 * 4];
}

struct moments {
	double count, mean, squares;
};

static void add(struct moments *moments, double value)
{
	double off = value - moments->mean;
	moments->count++;
	moments->mean += off / moments->count;
	moments->squares += off * (value - moments->mean);
}

static double error_of(const struct moments *moments)
{
	return moments->squares / (moments->count - 1) / moments->count;
}

static void measure(const struct subject *subject, long samples, struct moments of[CLASSES])
{
	uint64_t most = slowest_counted(subject);
	for (long i = 0; i < samples / subject->divisor; i++) {
		enum class class = (enum class)(random() & 1);
		uint64_t took = timed(subject, class);
		if (took <= most)
			add(&of[class], (double)took);
	}
}

/* Whether it is as it should be. */
static bool tell(const struct subject *subject, long samples, bool json)
{
	struct moments of[CLASSES] = { 0 };
	measure(subject, samples, of);
	double t = (of[NEAR].mean - of[FAR].mean) / sqrt(error_of(&of[NEAR]) + error_of(&of[FAR]));
	bool differs = fabs(t) >= BOUND;
	if (json)
		printf("{\"name\":\"%s\",\"t\":%.2f,\"bound\":%.1f,\"samples\":%.0f}\n", subject->key, t, BOUND,
			of[NEAR].count + of[FAR].count);
	else
		printf("%-44s |t| = %8.2f (bound %.1f), %.1f and %.1f ticks: %s\n", subject->name, fabs(t), BOUND,
			of[NEAR].mean, of[FAR].mean, differs ? "tells" : "does not tell");
	return differs == subject->leaks;
}

int main(int count, char **words)
{
	bool json = count > 1 && strcmp(words[1], "--json") == 0, fine = true;
	long samples = count > 1 + json ? strtol(words[1 + json], NULL, 10) : SAMPLES;
	srandom((unsigned)time(NULL));
	set_up();
	for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++)
		fine &= tell(&subjects[i], samples, json);
	webhook_free(&webhook);
	arena_free(&arena);
	return fine ? 0 : 1;
}
