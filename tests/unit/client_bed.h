/* SPDX-License-Identifier: Apache-2.0 */
/* client_bed.h - a client on a loop, and somebody who asks, for tests. */
#ifndef TESTS_CLIENT_BED_H
#define TESTS_CLIENT_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "io/client.h"

struct far; /* who is asked: the test's */

struct bed {
	uv_loop_t loop;
	struct client *client;
	struct arena *arena;
	struct far *far;
	const struct client_answer *answer; /* the last one */
	int answered;
};

static inline void bed_begin(struct bed *bed, const struct client_settings *settings)
{
	struct why why = { "" };
	uv_loop_init(&bed->loop);
	bed->client = client_new(&bed->loop, settings, &why);
	if (!bed->client)
		fail_msg("%s", why.text);
	bed->arena = arena_new();
}

static inline void bed_end(struct bed *bed)
{
	client_free(&bed->client);
	uv_run(&bed->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&bed->loop), 0);
	arena_free(&bed->arena);
}

static inline void on_done(const struct client_answer *got, void *data)
{
	struct bed *bed = data;
	bed->answer = got;
	bed->answered++;
}

static inline void wait_for(struct bed *bed, int count)
{
	int64_t until = clock_ticks() + 20000;
	while (bed->answered < count && clock_ticks() < until)
		uv_run(&bed->loop, UV_RUN_ONCE);
	assert_int_equal(bed->answered, count);
}

static inline struct client_request get(const char *url)
{
	return (struct client_request){ .method = "GET", .url = url, .timeout_ms = 5000, .most = 1 << 20 };
}

static inline const struct client_answer *ask(struct bed *bed, const struct client_request *request)
{
	bed->answered = 0;
	assert_non_null(client_send(bed->client, request, bed->arena, on_done, bed));
	assert_int_equal(bed->answered, 0); /* never before it returns */
	wait_for(bed, 1);
	return bed->answer;
}

static inline void expect(const struct client_answer *got, enum client_end end, const char *sentence)
{
	if (got->end != end || (sentence && !strstr(got->why ? got->why : "", sentence)))
		fail_msg("ended %d \"%s\", not %d \"%s\"", got->end, got->why ? got->why : "", end, sentence ? sentence : "");
}

#endif
