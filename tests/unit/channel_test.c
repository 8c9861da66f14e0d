/* SPDX-License-Identifier: Apache-2.0 */
/* channel_test.c - messages arrive whole and in order, however their bytes come. */
#include "io/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct ear {
	uv_loop_t loop;
	struct channel *channel;
	int far;         /* the peer's end */
	struct buf said; /* every message, a space between two */
	int count, goodbyes;
	int close_after; /* messages; 0: never */
};

static void on_heard(struct channel *channel, const struct sl_json *message, void *data)
{
	struct ear *ear = data;
	if (!message) {
		ear->goodbyes++;
		return;
	}
	struct sl_text text = sl_json_raw(message);
	buf_add(&ear->said, text.at, text.len);
	buf_char(&ear->said, ' ');
	if (++ear->count == ear->close_after)
		channel_close(&ear->channel);
}

static int begin(void **state)
{
	struct ear *ear = calloc(1, sizeof(*ear));
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	uv_loop_init(&ear->loop);
	ear->far = pair[1];
	ear->channel = channel_open(&ear->loop, pair[0], on_heard, ear);
	assert_non_null(ear->channel);
	*state = ear;
	return 0;
}

static int end(void **state)
{
	struct ear *ear = *state;
	channel_close(&ear->channel);
	uv_run(&ear->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&ear->loop), 0);
	if (ear->far >= 0)
		close(ear->far);
	buf_free(&ear->said);
	free(ear);
	return 0;
}

static void turn(struct ear *ear)
{
	for (int i = 0; i < 4; i++)
		uv_run(&ear->loop, UV_RUN_NOWAIT);
}

static void frame(struct buf *out, const char *text, size_t len)
{
	char prefix[4] = { (char)len, (char)(len >> 8), (char)(len >> 16), (char)(len >> 24) };
	buf_add(out, prefix, 4);
	buf_add(out, text, len);
}

static void say(struct ear *ear, const void *at, size_t len)
{
	assert_int_equal(write(ear->far, at, len), len);
	turn(ear);
}

static void a_message_split_at_every_byte_arrives_once(void **state)
{
	struct ear *ear = *state;
	struct buf out = { 0 };
	frame(&out, "{\"do\":\"stop\"}", 13);
	frame(&out, "{\"n\":1}", 7);
	for (size_t i = 0; i < out.len; i++)
		say(ear, out.at + i, 1);
	assert_string_equal(ear->said.at, "{\"do\":\"stop\"} {\"n\":1} ");
	assert_int_equal(ear->goodbyes, 0);
	buf_free(&out);
}

static void several_messages_in_one_piece_keep_their_order(void **state)
{
	struct ear *ear = *state;
	struct buf out = { 0 };
	for (int i = 0; i < 3; i++)
		frame(&out, (const char *[]){ "{\"n\":0}", "{\"n\":1}", "{\"n\":2}" }[i], 7);
	frame(&out, "{}", 2);
	say(ear, out.at, out.len - 1);
	assert_string_equal(ear->said.at, "{\"n\":0} {\"n\":1} {\"n\":2} ");
	say(ear, "}", 1);
	assert_int_equal(ear->count, 4);
	buf_free(&out);
}

static void refuses(struct ear *ear, const char *text, size_t len)
{
	struct buf out = { 0 };
	frame(&out, "{\"n\":1}", 7);
	buf_add(&out, text, len);
	say(ear, out.at, out.len);
	buf_free(&out);
	assert_int_equal(ear->count, 1);
	assert_int_equal(ear->goodbyes, 1);
	(void)!send(ear->far, "\2\0\0\0{}", 6, MSG_NOSIGNAL);
	turn(ear);
	assert_int_equal(ear->count, 1);
	assert_int_equal(ear->goodbyes, 1);
}

static void a_length_over_64_mb_is_a_broken_peer(void **state)
{
	refuses(*state, "\1\0\0\4{", 5);
}

static void text_that_is_not_json_is_a_broken_peer(void **state)
{
	refuses(*state, "\3\0\0\0{]}", 7);
}

static void json_that_is_no_object_is_a_broken_peer(void **state)
{
	refuses(*state, "\2\0\0\0[]", 6);
}

static void an_empty_message_is_a_broken_peer(void **state)
{
	refuses(*state, "\0\0\0\0", 4);
}

static void what_a_peer_said_before_it_died_is_heard(void **state)
{
	struct ear *ear = *state;
	assert_int_equal(write(ear->far, "\7\0\0\0{\"n\":1}\7\0", 13), 13);
	close(ear->far);
	ear->far = -1;
	turn(ear);
	assert_int_equal(ear->count, 1);
	assert_int_equal(ear->goodbyes, 1);
	channel_send(ear->channel, &(struct buf){ .at = "{}", .len = 2 });
	assert_int_equal(channel_waiting(ear->channel), 0);
}

static void a_channel_may_be_closed_by_what_it_hears(void **state)
{
	struct ear *ear = *state;
	ear->close_after = 1;
	say(ear, "\2\0\0\0{}\2\0\0\0{}", 12);
	assert_int_equal(ear->count, 1);
	assert_null(ear->channel);
}

static size_t take(int fd, struct buf *into, size_t most)
{
	buf_reserve(into, most);
	ssize_t n = recv(fd, into->at + into->len, most, MSG_DONTWAIT);
	into->len += n > 0 ? (size_t)n : 0;
	return n > 0 ? (size_t)n : 0;
}

static void large_messages_wait_for_a_slow_peer(void **state)
{
	struct ear *ear = *state;
	struct buf message = { 0 }, got = { 0 };
	json_open(&message, '{');
	json_key(&message, "x");
	buf_char(&message, '"');
	for (int i = 0; i < 3000000; i++)
		buf_char(&message, 'y');
	buf_string(&message, "\"}");
	channel_send(ear->channel, &message);
	channel_send(ear->channel, &message);
	assert_true(channel_waiting(ear->channel) > message.len);
	while (got.len < 2 * (message.len + 4)) {
		turn(ear);
		take(ear->far, &got, 100000);
	}
	assert_int_equal(channel_waiting(ear->channel), 0);
	assert_memory_equal(got.at + 4, message.at, message.len);
	for (size_t at = 0; at < got.len;) {
		ssize_t n = send(ear->far, got.at + at, got.len - at, MSG_DONTWAIT);
		at += n > 0 ? (size_t)n : 0;
		turn(ear);
	}
	turn(ear);
	assert_int_equal(ear->count, 2);
	buf_free(&message);
	buf_free(&got);
}

static void closing_tries_once_more_to_send(void **state)
{
	struct ear *ear = *state;
	struct buf got = { 0 }, message = { 0 };
	for (int i = 0; i < 100000; i++)
		buf_string(&message, "0123456789");
	channel_send(ear->channel, &message);
	size_t first = 0;
	while (take(ear->far, &got, 65536))
		;
	first = got.len;
	channel_close(&ear->channel);
	while (take(ear->far, &got, 65536))
		;
	assert_true(first > 0 && got.len > first);
	buf_free(&got);
	buf_free(&message);
}

#define SAYS(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SAYS(a_message_split_at_every_byte_arrives_once),
		SAYS(several_messages_in_one_piece_keep_their_order),
		SAYS(a_length_over_64_mb_is_a_broken_peer),
		SAYS(text_that_is_not_json_is_a_broken_peer),
		SAYS(json_that_is_no_object_is_a_broken_peer),
		SAYS(an_empty_message_is_a_broken_peer),
		SAYS(what_a_peer_said_before_it_died_is_heard),
		SAYS(a_channel_may_be_closed_by_what_it_hears),
		SAYS(large_messages_wait_for_a_slow_peer),
		SAYS(closing_tries_once_more_to_send),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
