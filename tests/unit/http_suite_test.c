/* SPDX-License-Identifier: Apache-2.0 */
/* http_suite_test.c - llhttp's own request cases, whole and split at every byte (vectors/README.md).
 *
 * A case that is an error means 400 and close, else method, path and body have to be the same.
 * tests/fault/test_http_suite.py plays them to the real ingress.
 */
#include "http_talk.h"
#include "vectors.h"

struct request_case {
	const char *title;
	bool error;
	struct buf bytes;
	struct buf expected; /* lines as http_talk.h notes them */
	int complete;
};

/* The cases are about framing, and many have no Host: it is put in. */
static void add_hosts(struct buf *bytes)
{
	struct buf with = { 0 };
	const char *at = bytes->at, *line;
	while ((line = strstr(at, " HTTP/1.1\r\n"))) {
		const char *after = line + 11, *end = strstr(after, "\r\n\r\n");
		buf_add(&with, at, (size_t)(after - at));
		const char *host = strcasestr(after, "host:");
		if (!host || (end && host > end))
			buf_string(&with, "Host: a\r\n");
		at = after;
	}
	buf_string(&with, at);
	buf_free(bytes);
	*bytes = with;
}

static int wrong(const struct request_case *one, size_t split, const struct client *client, const char *what)
{
	print_error("\"%s\", split at %zu: %s\n  answers: %.300s\n  heard: %s  expected: %s\n", one->title, split,
		what, client->got.at, client->house->heard.at ? client->house->heard.at : "",
		one->expected.at ? one->expected.at : "");
	return 1;
}

static int judge(const struct request_case *one, size_t split, const struct client *client)
{
	const char *heard = client->house->heard.at ? client->house->heard.at : "";
	const char *expected = one->expected.at ? one->expected.at : "";
	bool refused = client->house->refused > 0;
	if (refused && (client->house->last_refused < 400 || !client->closed))
		return wrong(one, split, client, "it was refused, but not closed");
	if (one->error) {
		/* What came before the error may be answered; nothing else. */
		if (strncmp(heard, expected, strlen(heard)) != 0)
			return wrong(one, split, client, "something was executed that was not to be");
		/* What comes after "Connection: close" is not even looked at. */
		bool told = refused || (one->complete > 0 && strstr(client->got.at, "Connection: close"));
		return client->closed && told ? 0 : wrong(one, split, client, "it should have been refused");
	}
	if (refused)
		return wrong(one, split, client, "it should have been accepted");
	return strcmp(heard, expected) == 0 ? 0 : wrong(one, split, client, "other requests were heard");
}

static int play(const struct request_case *one, size_t first, size_t step)
{
	struct house *house = open_house(&(struct http_limits){ 0 }, NULL);
	struct client client = call_in(house);
	say_bytes(&client, one->bytes.at, first, first);
	say_bytes(&client, one->bytes.at + first, one->bytes.len - first, step);
	int bad = judge(one, first, &client);
	leave(&client);
	close_house(house);
	return bad;
}

/* Whole, in two parts at every byte, and byte by byte. */
static int play_case(struct request_case *one)
{
	int bad = 0;
	add_hosts(&one->bytes);
	for (size_t first = 1; first <= one->bytes.len; first++)
		bad += play(one, first, one->bytes.len);
	return bad + play(one, 1, 1);
}

/* Parts: title, verdict, the bytes, the requests that are heard. */
static int play_vector(const struct vector *vector)
{
	struct request_case one = { .title = vector->parts[0], .error = strcmp(vector_part(vector, 1), "fine") != 0 };
	struct buf heard = { 0 };
	vector_bytes(vector_part(vector, 2), &one.bytes);
	for (int i = 3; i < VECTOR_PARTS && vector->parts[i]; i++, one.complete++) {
		vector_bytes(vector_part(vector, (size_t)i), &heard);
		buf_format(&one.expected, "%s\n", heard.at);
	}
	int bad = play_case(&one);
	buf_free(&heard);
	buf_free(&one.bytes);
	buf_free(&one.expected);
	return bad;
}

static void every_case_is_accepted_or_refused_however_it_is_split(void **state)
{
	int bad = 0;
	assert_int_equal(vectors_each("llhttp.txt", play_vector, &bad), 121);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_is_accepted_or_refused_however_it_is_split),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
