/* SPDX-License-Identifier: Apache-2.0 */
/* http_random_test.c - conversations at random: whole or in pieces, they come to the same. */
#include "http_rows.h"

/* --------------------------------------------------------------- at random */

static unsigned seed;

static unsigned below(unsigned most)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % most;
}

/* A conversation of good requests, with what should be heard of it. */
static void compose(struct buf *bytes, struct buf *expected)
{
	for (unsigned i = 0, count = 1 + below(12); i < count; i++) {
		unsigned size = below(4) ? below(40) : below(70000);
		struct buf body = { 0 };
		buf_string(&body, "");
		for (unsigned k = 0; k < size; k++)
			buf_char(&body, (char)('a' + below(26)));
		buf_format(expected, "POST /%u|q=%u|%s\n", i, size, body.at);
		buf_format(bytes, "POST /%u?q=%u HTTP/1.1\r\nHost:a\r\n", i, size);
		if (below(2)) {
			buf_format(bytes, "content-length: %u\r\n\r\n%s", size, body.at);
		} else {
			buf_string(bytes, "Transfer-Encoding: Chunked\r\n\r\n");
			for (unsigned from = 0, part; from < size; from += part) {
				part = 1 + below(size < 50 ? 9 : 9000);
				part = part > size - from ? size - from : part;
				buf_format(bytes, "%x%s\r\n%.*s\r\n", part, below(3) ? "" : ";a=b", (int)part, body.at + from);
			}
			buf_format(bytes, "0\r\n%s\r\n", below(3) ? "" : "T: x\r\n");
		}
		buf_free(&body);
	}
}

static void conversations_split_at_random_are_heard_the_same(void **state)
{
	for (unsigned round = 0; round < 60; round++) {
		struct buf bytes = { 0 }, expected = { 0 };
		seed = round + 1;
		struct http_limits limits = { .pipeline = 1 + below(5), .in_flight = 100 << 20 };
		struct house *house = open_house(&limits, NULL);
		struct client client = call_in(house);
		house->defer = below(2);
		compose(&bytes, &expected);
		for (size_t at = 0; at < bytes.len || house->later_count;) {
			size_t part = 1 + below(below(2) ? 30 : 20000);
			part = part > bytes.len - at ? bytes.len - at : part;
			ssize_t n = part ? send(client.fd, bytes.at + at, part, MSG_DONTWAIT) : 0;
			at += n > 0 ? (size_t)n : 0;
			turn(house);
			if (house->later_count && (at == bytes.len || !below(3) || n < 0)) {
				unsigned which = below((unsigned)house->later_count);
				struct http_request *request = house->later[which];
				house->later[which] = house->later[--house->later_count];
				http_answer(request, 200, NULL, house->answer);
				turn(house);
			}
		}
		hear(&client);
		if (strcmp(house->heard.at, expected.at) != 0)
			fail_msg("seed %u: other requests were heard", round + 1);
		assert_false(client.closed);
		assert_int_equal(http_server_in_flight(house->server), 0);
		leave(&client);
		close_house(house);
		buf_free(&bytes);
		buf_free(&expected);
	}
}

/* One to four small changes to bytes of two rows of the tables. */
static void mutate(struct buf *bytes)
{
	static const char spice[] = "\r\n\r\n \t:;,=\"\\0aF\0\x7f\xff";
	const size_t good = sizeof(accepted) / sizeof(accepted[0]), bad = sizeof(refused) / sizeof(refused[0]);
	buf_string(bytes, accepted[below((unsigned)good)].bytes);
	const char *second = refused[below((unsigned)bad)].bytes;
	buf_string(bytes, second && below(2) ? second : accepted[below((unsigned)good)].bytes);
	for (unsigned i = 0, count = 1 + below(4); i < count; i++) {
		size_t at = below((unsigned)bytes->len), len = 1 + below(3);
		len = len > bytes->len - at ? bytes->len - at : len;
		if (below(3) == 0) {
			bytes->at[at] = spice[below(sizeof(spice) - 1)];
		} else if (below(2)) {
			memmove(bytes->at + at, bytes->at + at + len, bytes->len - at - len);
			bytes->len -= len;
		} else {
			buf_char(bytes, 0);
			memmove(bytes->at + at + 1, bytes->at + at, bytes->len - at - 1);
			bytes->at[at] = spice[below(sizeof(spice) - 1)];
		}
	}
}

/* What came of it, as one text. */
static void outcome(const struct buf *bytes, size_t step, struct buf *out)
{
	struct http_limits limits = { .body = 60, .header_bytes = 150, .headers = 5, .url = 30 };
	struct house *house = open_house(&limits, NULL);
	struct client client = call_in(house);
	say_bytes(&client, bytes->at, bytes->len, step);
	for (int n = 0; status_of(&client, n); n++)
		if (status_of(&client, n) != 100) /* said only to who waits for it */
			buf_format(out, "%d ", status_of(&client, n));
	buf_format(out, "%s\n", client.closed ? "closed" : "open");
	buf_add(out, house->heard.at, house->heard.len);
	leave(&client);
	close_house(house);
}

static void spoilt_requests_come_to_the_same_end_however_they_are_split(void **state)
{
	unsigned rounds = getenv("HTTP_ROUNDS") ? (unsigned)atoi(getenv("HTTP_ROUNDS")) : 400;
	for (unsigned round = 0; round < rounds; round++) {
		struct buf bytes = { 0 }, whole = { 0 }, split = { 0 };
		seed = round * 7919 + 1;
		mutate(&bytes);
		outcome(&bytes, bytes.len, &whole);
		outcome(&bytes, 1 + below(2) * below(9), &split);
		if (whole.len != split.len || memcmp(whole.at, split.at, whole.len) != 0)
			fail_msg("round %u:\n%.*s\n-- whole: %s\n-- split: %s", round, (int)bytes.len, bytes.at, whole.at,
				split.at);
		buf_free(&bytes), buf_free(&whole), buf_free(&split);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations_split_at_random_are_heard_the_same),
		cmocka_unit_test(spoilt_requests_come_to_the_same_end_however_they_are_split),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
