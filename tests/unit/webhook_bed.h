/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_bed.h - descriptions, requests and verdicts, for the tests of webhooks. */
#ifndef TESTS_WEBHOOK_BED_H
#define TESTS_WEBHOOK_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/webhook.h"
#include "sdk/sign.h"
#include "sdk/text.h"

#define NOW INT64_C(1732226419000)
#define COUNT(table) (sizeof(table) / sizeof(table[0]))

static struct webhook *make(const char *form, const char *secrets, const char *callback, struct why *why)
{
	struct sl_document *a = sl_json_read(sl_text_of(form), NULL, 0), *b = NULL;
	assert_non_null(a);
	if (secrets)
		b = sl_json_read(sl_text_of(secrets), NULL, 0);
	struct webhook *webhook = webhook_new(sl_json_root(a), sl_json_root(b), callback, why);
	sl_json_free(&a);
	sl_json_free(&b);
	return webhook;
}

static struct webhook *must(const char *form, const char *secrets, const char *callback)
{
	struct why why = { "" };
	struct webhook *webhook = make(form, secrets, callback, &why);
	if (!webhook)
		fail_msg("%s", why.text);
	return webhook;
}

static struct log_record post(const char *headers, const char *body)
{
	return (struct log_record){
		.seq = 41,
		.received = NOW,
		.source = sl_text_of("boards"),
		.method = sl_text_of("POST"),
		.path = sl_text_of("/in/boards"),
		.headers = sl_text_of(headers),
		.body = sl_text_of(body),
	};
}

static __attribute__((unused)) struct webhook_check checked(const struct webhook *webhook,
	const struct log_record *record, int64_t now)
{
	struct arena *arena = arena_new();
	struct webhook_check check;
	webhook_check(webhook, record, now, arena, &check);
	check.answer = (struct sl_text){ NULL, 0 };
	arena_free(&arena);
	return check;
}

/* "name: value" lines of the proof for a body. */
static __attribute__((unused)) char *proof_lines(const struct webhook *webhook, const char *body, size_t secret,
	int64_t now)
{
	struct arena *arena = arena_new();
	struct log_record record = post("", body);
	struct webhook_proof proof;
	struct why why = { "" };
	char *lines = calloc(1, 1024);
	if (!webhook_sign(webhook, &record, secret, now, arena, &proof, &why))
		fail_msg("%s", why.text);
	for (size_t i = 0; i < proof.header_count; i++) {
		size_t from = strlen(lines);
		sprintf(lines + from, "%s: %s\n", proof.headers[i].name, proof.headers[i].value);
		for (char *at = lines + from; *at != ':'; at++)
			*at |= *at >= 'A' && *at <= 'Z' ? 32 : 0;
	}
	arena_free(&arena);
	return lines;
}

#endif
