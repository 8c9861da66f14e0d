/* SPDX-License-Identifier: Apache-2.0 */
/* http_test.c - what the HTTP server takes, refuses, and how it answers. */
#include "http_talk.h"

#include <fcntl.h>
#include <sys/resource.h>

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define POST "POST /in HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define EVIL "GET /evil HTTP/1.1\r\n" HOST "\r\n"

static const struct http_limits plain = { 0 };

/* ------------------------------------------------------- one row, one request */

struct row {
	const char *title, *bytes;
	int status;        /* of the last answer; 0: none yet */
	const char *heard; /* every request handled, as http_talk.h notes them */
};

static const struct row accepted[] = {
	{ "a GET", GET "\r\n", 200, "GET /||\n" },
	{ "a query", "GET /a/b?x=1&y=? HTTP/1.1\r\n" HOST "\r\n", 200, "GET /a/b|x=1&y=?|\n" },
	{ "an empty query", "GET /a? HTTP/1.1\r\n" HOST "\r\n", 200, "GET /a||\n" },
	{ "a fragment, cut off", "GET /a?b#c?d HTTP/1.1\r\n" HOST "\r\n", 200, "GET /a|b|\n" },
	{ "absolute form", "GET http://h:1/a?b HTTP/1.1\r\n" HOST "\r\n", 200, "GET /a|b|\n" },
	{ "absolute form without path", "GET HTTP://h?b HTTP/1.1\r\n" HOST "\r\n", 200, "GET /|b|\n" },
	{ "asterisk form", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 200, "OPTIONS *||\n" },
	{ "a body", POST "Content-Length: 5\r\n\r\nhello", 200, "POST /in||hello\n" },
	{ "an empty body", POST "Content-Length: 0\r\n\r\n", 200, "POST /in||\n" },
	{ "zeros before the length", POST "Content-Length: 005\r\n\r\nhello", 200, "POST /in||hello\n" },
	{ "a GET with a body", GET "Content-Length: 2\r\n\r\nhi", 200, "GET /||hi\n" },
	{ "no blank after the colon", "POST /in HTTP/1.1\r\nHost:a\r\nContent-Length:2\r\n\r\nhi", 200, "POST /in||hi\n" },
	{ "an empty header value", GET "X-Empty:\r\n\r\n", 200, "GET /||\n" },
	{ "bytes beyond ASCII in a value", GET "X-Name: J\xc3\xb6rg \xff\r\n\r\n", 200, "GET /||\n" },
	{ "chunks", CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, "POST /in||abcde\n" },
	{ "chunks in capitals", CHUNKED "A\r\n0123456789\r\n0\r\n\r\n", 200, "POST /in||0123456789\n" },
	{ "no chunk but the last", CHUNKED "0\r\n\r\n", 200, "POST /in||\n" },
	{ "zeros before a chunk's size", CHUNKED "0003\r\nabc\r\n000\r\n\r\n", 200, "POST /in||abc\n" },
	{ "chunk extensions", CHUNKED "3;a;b=c;d=\"e \\\" ;\"\r\nabc\r\n0;z\r\n\r\n", 200, "POST /in||abc\n" },
	{ "trailers", CHUNKED "3\r\nabc\r\n0\r\nX-Sum: 1 \"\\\r\nY:\r\n\r\n", 200, "POST /in||abc\n" },
	{ "body bytes that look like a request", POST "Content-Length: 45\r\n\r\n" EVIL "zz", 0, "" },
	{ "line breaks before a request", "\r\n\r\n" GET "\r\n", 200, "GET /||\n" },
	{ "two at once", GET "\r\n" POST "Content-Length: 1\r\n\r\nx", 200, "GET /||\nPOST /in||x\n" },
	{ "line breaks between two", POST "Content-Length: 1\r\n\r\nx\r\n" GET "\r\n", 200, "POST /in||x\nGET /||\n" },
	{ "1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 200, "GET /||\n" },
	{ "Content-Encoding: identity", POST "Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", 200, "POST /in||x\n" },
	{ "after close nothing is read", GET "Connection: close\r\n\r\n" EVIL, 200, "GET /||\n" },
	{ "close among other words", GET "Connection: te, Close\t\r\n\r\n" EVIL, 200, "GET /||\n" },
	{ "1.0 closes by itself", "GET / HTTP/1.0\r\n\r\n" EVIL, 200, "GET /||\n" },
	{ "Upgrade alone is not followed", GET "Upgrade: h2c\r\n\r\n", 200, "GET /||\n" },
	{ "404 keeps the connection", "GET /missing HTTP/1.1\r\n" HOST "\r\n" GET "\r\n", 200, "GET /||\n" },
};

static const struct row refused[] = {
	{ "not HTTP at all", "\x16\x03\x01\x02\x00\x01\xfc\x03\x03", 400, "" },
	{ "an unknown method", "FETCH / HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "a method in small letters", "get / HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "two blanks after the method", "GET  / HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "a tab after the method", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "two blanks before the version", "GET /  HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "a blank after the version", "GET / HTTP/1.1 \r\n" HOST "\r\n", 400, "" },
	{ "a blank in the target", "GET /a b HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "a byte beyond ASCII in the target", "GET /\xc3\xb6 HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "a control character in the target", "GET /\x01 HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "DEL in the target", "GET /\x7f HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "no target", "GET HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "a target without a slash", "GET a HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "another scheme", "GET ftp://a/b HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "no version", "GET /\r\n" HOST "\r\n", 400, "" },
	{ "HTTP/2.0", "GET / HTTP/2.0\r\n" HOST "\r\n", 505, "" },
	{ "HTTP/0.9", "GET / HTTP/0.9\r\n" HOST "\r\n", 505, "" },
	{ "HTTP/1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", 400, "" },
	{ "HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "" },
	{ "RTSP", "OPTIONS /a RTSP/1.0\r\n" HOST "\r\n", 400, "" },
	{ "CONNECT", "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "an upgrade", GET "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 400, "" },
	{ "no Host", "GET / HTTP/1.1\r\n\r\n", 400, "" },
	{ "two Hosts", GET HOST "\r\n", 400, "" },
	{ "a Host that is two", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "" },
	{ "a blank before the colon", GET "X-A : b\r\n\r\n", 400, "" },
	{ "a header without a name", GET ": b\r\n\r\n", 400, "" },
	{ "a header without a colon", GET "X-A\r\n\r\n", 400, "" },
	{ "a blank before the first header", "GET / HTTP/1.1\r\n " HOST "\r\n", 400, "" },
	{ "a folded header", GET "X-A: b\r\n c\r\n\r\n", 400, "" },
	{ "a folded header, with a tab", GET "X-A: b\r\n\tc\r\n\r\n", 400, "" },
	{ "a fold that hides a header", GET "X-A: b\r\n Content-Length: 40\r\n\r\n" EVIL, 400, "" },
	{ "a NUL in a name", NULL, 400, "" },
	{ "a control character in a value", GET "X-A: a\x01"
						"b\r\n\r\n",
		400, "" },
	{ "DEL in a value", GET "X-A: a\x7f"
				"b\r\n\r\n",
		400, "" },
	{ "a bare CR in a value", GET "X-A: a\rX-B: c\r\n\r\n", 400, "" },
	{ "a bare LF after the request line", "GET / HTTP/1.1\n" HOST "\r\n", 400, "" },
	{ "a bare LF after a header", GET "X-A: b\nX-C: d\r\n\r\n", 400, "" },
	{ "a bare LF after an empty header", GET "X-A:\nX-C: d\r\n\r\n", 400, "" },
	{ "bare LFs only", "GET / HTTP/1.1\nHost: a\n\n", 400, "" },
	{ "a bare LF as the empty line", GET "\n" EVIL, 400, "" },
	{ "a bare CR as the empty line", GET "\rGET /evil HTTP/1.1\r\n", 400, "" },
	{ "two lengths", POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400, "" },
	{ "two equal lengths", POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400, "" },
	{ "a list of lengths", POST "Content-Length: 1, 1\r\n\r\nx", 400, "" },
	{ "a length with a sign", POST "Content-Length: +1\r\n\r\nx", 400, "" },
	{ "a negative length", POST "Content-Length: -1\r\n\r\nx", 400, "" },
	{ "a length in hex", POST "Content-Length: 0x1\r\n\r\nx", 400, "" },
	{ "an empty length", POST "Content-Length:\r\n\r\nx", 400, "" },
	{ "a length in two words", POST "Content-Length: 1 1\r\n\r\nx", 400, "" },
	{ "a length with a fraction", POST "Content-Length: 1.0\r\n\r\nx", 400, "" },
	{ "a length that overflows", POST "Content-Length: 18446744073709551617\r\n\r\nx", 400, "" },
	{ "length, then coding", POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "coding, then length", POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400, "" },
	{ "an unknown coding", POST "Transfer-Encoding: cow\r\n\r\n0\r\n\r\n", 400, "" },
	{ "identity", POST "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400, "" },
	{ "chunked twice", POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "chunked in two headers", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "chunked and then another", POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400, "" },
	{ "gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "an almost chunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "chunked with a vertical tab", POST "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "chunked with a blank before the colon", POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "an empty coding", POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n", 400, "" },
	{ "chunked in 1.0", "POST /in HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "a chunk size with 0x", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a chunk size with a sign", CHUNKED "+3\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "an empty chunk size", CHUNKED "\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a chunk size of a blank", CHUNKED " 3\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a blank after the chunk size", CHUNKED "3 \r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a chunk size ended by LF", CHUNKED "3\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a chunk size ended by CR", CHUNKED "3\rabc\r\n0\r\n\r\n", 400, "" },
	{ "a chunk longer than its size", CHUNKED "3\r\nabcd\r\n0\r\n\r\n", 400, "" },
	{ "a chunk ended by LF", CHUNKED "3\r\nabc\n0\r\n\r\n", 400, "" },
	{ "an extension without a name", CHUNKED "3;\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a bare LF in an extension", CHUNKED "3;a\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a bare CR in an extension", CHUNKED "3;a\rb\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "an open quote in an extension", CHUNKED "3;a=\"b\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a bare LF at the end of chunks", CHUNKED "0\r\n\n", 400, "" },
	{ "a bare LF after a trailer", CHUNKED "0\r\nA: b\n\r\n", 400, "" },
	{ "a folded trailer", CHUNKED "0\r\nA: b\r\n c\r\n\r\n", 400, "" },
	{ "a trailer without a name", CHUNKED "0\r\n: b\r\n\r\n", 400, "" },
	{ "a trailer without a colon", CHUNKED "0\r\nAb\r\n\r\n", 400, "" },
	{ "a chunk larger than any", CHUNKED "fffffffffffffffffffff\r\n", 413, "" },
	{ "a body larger than any", POST "Content-Length: 999999999999\r\n\r\n", 413, "" },
	{ "a packed body", POST "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415, "" },
	{ "another expectation", POST "Expect: the-unexpected\r\nContent-Length: 1\r\n\r\nx", 417, "" },
	{ "valid, invalid, valid", GET "\r\n"
				       "GET / HTTP/1.1\r\n\r\n" EVIL,
		400, "GET /||\n" },
	{ "404 with a body ends the connection", "POST /missing HTTP/1.1\r\n" HOST "Content-Length: 41\r\n\r\n" EVIL EVIL, 404, "" },
	{ "405 says what is allowed", "PUT /post HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", 405, "" },
};

static int last_status(const struct client *client)
{
	int status = 0;
	for (int n = 0; status_of(client, n); n++)
		status = status_of(client, n);
	return status;
}

static const char nul_in_name[] = GET "X-\0A: b\r\n\r\n";

/* `first` bytes, then the others in steps. */
static void play(const struct row *row, bool closes, size_t first, size_t step)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	const char *bytes = row->bytes ? row->bytes : nul_in_name;
	size_t len = row->bytes ? strlen(bytes) : sizeof(nul_in_name) - 1;
	say_bytes(&client, bytes, first, first);
	say_bytes(&client, bytes + first, len - first, step);
	const char *heard = house->heard.at ? house->heard.at : "";
	if (last_status(&client) != row->status || strcmp(heard, row->heard) != 0 || (closes && !client.closed))
		fail_msg("%s, split at %zu: status %d, %s, heard:\n%s", row->title, first, last_status(&client),
			client.closed ? "closed" : "open", heard);
	if (closes && (!strstr(client.got.at, "Connection: close\r\n") || !strstr(client.got.at, "{\"error\":\"")))
		fail_msg("%s: answered %s", row->title, client.got.at);
	leave(&client);
	close_house(house);
}

static void play_split(const struct row *row, bool closes)
{
	size_t len = row->bytes ? strlen(row->bytes) : sizeof(nul_in_name) - 1;
	for (size_t first = 1; first <= len; first++)
		play(row, closes, first, len);
	play(row, closes, 1, 1);
}

static void what_is_clear_is_accepted_however_it_is_split(void **state)
{
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
		play_split(&accepted[i], false);
}

static void what_is_doubtful_is_refused_and_closed_however_it_is_split(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		play_split(&refused[i], true);
}

/* ------------------------------------------------------------------- answers */

static void an_answer_has_its_length_and_type(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	say(&client, GET "\r\n");
	assert_non_null(strstr(client.got.at, "HTTP/1.1 200 OK\r\nDate: "));
	assert_non_null(strstr(client.got.at, "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"));
	assert_null(strstr(client.got.at, "Connection:"));
	leave(&client);
	close_house(house);
}

static void head_is_answered_without_the_body(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	say(&client, "HEAD / HTTP/1.1\r\n" HOST "\r\n"
		     "HEAD /missing HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(status_of(&client, 0), 200);
	assert_int_equal(status_of(&client, 1), 404);
	assert_non_null(strstr(client.got.at, "Content-Length: 2\r\n\r\nHTTP"));
	assert_null(strchr(client.got.at, '{'));
	leave(&client);
	close_house(house);
}

static void an_old_client_may_keep_the_connection(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	say(&client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_non_null(strstr(client.got.at, "Connection: keep-alive\r\n"));
	assert_false(client.closed);
	say(&client, "GET / HTTP/1.0\r\n\r\n");
	assert_true(client.closed);
	leave(&client);
	close_house(house);
}

static void answers_leave_in_the_order_of_the_requests(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	house->defer = true;
	say(&client, "GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\nGET /3 HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(house->later_count, 3);
	http_answer(house->later[2], 203, NULL, (struct sl_text){ "c", 1 });
	http_answer(house->later[1], 202, NULL, (struct sl_text){ "b", 1 });
	hear(&client);
	assert_int_equal(client.got.len, 0);
	http_answer(house->later[0], 201, "X-A: b\r\nContent-Type: text/plain\r\n", (struct sl_text){ "a", 1 });
	hear(&client);
	assert_int_equal(status_of(&client, 0), 201);
	assert_int_equal(status_of(&client, 1), 202);
	assert_int_equal(status_of(&client, 2), 203);
	assert_non_null(strstr(client.got.at, "X-A: b\r\nContent-Type: text/plain\r\n\r\na"));
	house->later_count = 0;
	leave(&client);
	close_house(house);
}

static void an_early_refusal_waits_for_its_turn(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	house->defer = true;
	say(&client, GET "\r\nGET /missing HTTP/1.1\r\n" HOST "\r\nnonsense\r\n\r\n");
	assert_int_equal(client.got.len, 0);
	http_answer(house->later[0], 200, NULL, house->answer);
	house->later_count = 0;
	hear(&client);
	assert_int_equal(status_of(&client, 0), 200);
	assert_int_equal(status_of(&client, 1), 404);
	assert_int_equal(status_of(&client, 2), 400);
	assert_true(client.closed);
	leave(&client);
	close_house(house);
}

static void a_connection_without_answers_is_read_no_further(void **state)
{
	struct house *house = open_house(&(struct http_limits){ .pipeline = 3 }, NULL);
	struct client client = call_in(house);
	struct buf many = { 0 };
	house->defer = true;
	for (int i = 0; i < 10; i++)
		buf_format(&many, "POST /%d HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi", i);
	say(&client, many.at);
	assert_int_equal(house->later_count, 3);
	for (int i = 0; i < 10; i++) {
		assert_true(house->later_count > i);
		http_answer(house->later[i], 200, NULL, (struct sl_text){ &"0123456789"[i], 1 });
		house->later[i] = NULL;
		turn(house);
	}
	hear(&client);
	assert_int_equal(status_of(&client, 9), 200);
	assert_int_equal(status_of(&client, 10), 0);
	assert_int_equal(client.got.at[client.got.len - 1], '9');
	assert_false(client.closed);
	leave(&client);
	buf_free(&many);
	close_house(house);
}

static void answering_a_dead_connection_is_harmless(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	house->defer = true;
	say(&client, GET "\r\n" GET "\r\nGET / HT");
	http_answer(house->later[1], 200, NULL, house->answer);
	assert_false(http_gone(house->later[0]));
	setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	leave(&client);
	pass(house, 20);
	http_answer(house->later[0], 200, NULL, house->answer);
	house->later_count = 0;
	assert_int_equal(http_server_in_flight(house->server), 0);
	close_house(house);
}

static void who_only_ends_sending_is_still_answered(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	house->defer = true;
	say(&client, GET "\r\n");
	shutdown(client.fd, SHUT_WR);
	pass(house, 10);
	http_answer(house->later[0], 200, NULL, house->answer);
	house->later_count = 0;
	hear(&client);
	assert_int_equal(status_of(&client, 0), 200);
	assert_true(client.closed);
	leave(&client);
	close_house(house);
}

static void a_request_that_ends_in_the_middle_is_400(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	say(&client, POST "Content-Length: 5\r\n\r\nhell");
	shutdown(client.fd, SHUT_WR);
	hear(&client);
	assert_int_equal(status_of(&client, 0), 400);
	assert_true(client.closed);
	assert_int_equal(house->heard.len, 0);
	leave(&client);
	close_house(house);
}

static void a_requests_members_are_what_was_sent(struct http_request *request, void *data)
{
	struct house *house = data;
	assert_string_equal(request->method, "POST");
	assert_int_equal(request->header_count, 4);
	assert_int_equal(request->length, 2);
	assert_int_equal(http_header(request, "x-b").len, 0);
	assert_non_null(http_header(request, "x-b").at);
	assert_null(http_header(request, "x-c").at);
	buf_add(&house->heard, request->text.at, request->text.len);
	http_answer(request, 204, NULL, (struct sl_text){ 0 });
}

static void headers_are_told_as_tidy_lines(void **state)
{
	struct house *house = open_house(&plain, NULL);
	house->service.handle = a_requests_members_are_what_was_sent;
	struct client client = call_in(house);
	const char *bytes = "POST / HTTP/1.1\r\nHost:a\r\nX-B:\r\n"
			    "x-TRELLO-Webhook: \t kEEP  it \t\r\nContent-length:2\r\n\r\nhi";
	for (size_t step = 1; step < 4; step++)
		say_bytes(&client, bytes, strlen(bytes), step);
	say(&client, bytes);
	const char *one = "host: a\nx-b: \nx-trello-webhook: kEEP  it\ncontent-length: 2\n";
	for (size_t i = 0; i < 4; i++)
		assert_memory_equal(house->heard.at + i * strlen(one), one, strlen(one));
	assert_int_equal(status_of(&client, 3), 204);
	assert_null(strstr(client.got.at, "Content-Length"));
	leave(&client);
	close_house(house);
}

/* ------------------------------------------------------------ 100-continue */

static void continue_is_said_before_the_body_and_once(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	say(&client, POST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
	assert_string_equal(client.got.at, "HTTP/1.1 100 Continue\r\n\r\n");
	say(&client, "ab");
	say(&client, "cd");
	assert_int_equal(status_of(&client, 1), 200);
	assert_int_equal(status_of(&client, 2), 0);
	assert_string_equal(house->heard.at, "POST /in||abcd\n");
	leave(&client);
	close_house(house);
}

static void a_refusal_comes_instead_of_continue(void **state)
{
	struct house *house = open_house(&(struct http_limits){ .body = 3 }, NULL);
	struct client client = call_in(house);
	say(&client, POST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
	assert_int_equal(status_of(&client, 0), 413);
	assert_true(client.closed);
	assert_int_equal(house->heads, 0);
	leave(&client);
	client = call_in(house);
	say(&client, "POST /missing HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_int_equal(status_of(&client, 0), 404);
	assert_true(client.closed);
	leave(&client);
	close_house(house);
}

static void continue_waits_for_the_answers_before_it(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	house->defer = true;
	say(&client, GET "\r\n" POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n");
	assert_int_equal(client.got.len, 0);
	http_answer(house->later[0], 200, NULL, house->answer);
	hear(&client);
	assert_int_equal(status_of(&client, 0), 200);
	assert_int_equal(status_of(&client, 1), 100);
	say(&client, "x");
	http_answer(house->later[1], 201, NULL, house->answer);
	house->later_count = 0;
	hear(&client);
	assert_int_equal(status_of(&client, 2), 201);
	leave(&client);
	close_house(house);
}

/* -------------------------------------------------------------------- limits */

static int status_for(const struct http_limits *limits, const char *bytes, size_t step)
{
	struct house *house = open_house(limits, NULL);
	struct client client = call_in(house);
	say_bytes(&client, bytes, strlen(bytes), step);
	int status = last_status(&client);
	assert_true(status < 400 || client.closed);
	leave(&client);
	close_house(house);
	return status;
}

static void what_is_too_large_is_named_at_the_same_byte_however_it_is_split(void **state)
{
	const struct http_limits limits = { .url = 10, .header_bytes = 100, .headers = 3, .body = 8 };
	static const struct {
		const char *bytes;
		int status;
	} rows[] = {
		{ "GET /234567890 HTTP/1.1\r\n" HOST "\r\n", 200 },
		{ "GET /2345678901 HTTP/1.1\r\n" HOST "\r\n", 414 },
		{ "GET /23456789012345\x01 HTTP/1.1\r\n" HOST "\r\n", 400 },
		{ GET "A: b\r\nC: d\r\n\r\n", 200 },
		{ GET "A: b\r\nC: d\r\nE: f\r\n\r\n", 431 },
		{ GET "A: b\r\nC: d\r\nEEEEEEEE E: f\r\n\r\n", 400 },
		{ GET "A: 1234567890123456789012345678901234567890123456789012345678901234567\r\n\r\n", 200 },
		{ GET "A: 12345678901234567890123456789012345678901234567890123456789012345678\r\n\r\n", 200 },
		{ GET "A: 123456789012345678901234567890123456789012345678901234567890123456789\r\n\r\n", 431 },
		{ POST "Content-Length: 8\r\n\r\n12345678", 200 },
		{ POST "Content-Length: 9\r\n\r\n123456789", 413 },
		{ CHUNKED "4\r\n1234\r\n4\r\n1234\r\n0\r\n\r\n", 200 },
		{ CHUNKED "4\r\n1234\r\n5\r\n12345\r\n0\r\n\r\n", 413 },
		{ CHUNKED "1\r\n1\r\n1\r\n2\r\n1\r\n3\r\n1\r\n4\r\n1\r\n5\r\n1\r\n6\r\n0\r\n\r\n", 200 },
		{ CHUNKED "1;abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
			  "\r\n1\r\n0\r\n\r\n",
			400 },
		{ CHUNKED "0\r\nA: 1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890\r\n"
			  "\r\n",
			400 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t step = strlen(rows[i].bytes); step > 0; step = step > 7 ? step / 3 : step - 1)
			if (status_for(&limits, rows[i].bytes, step) != rows[i].status)
				fail_msg("row %zu in steps of %zu: %d", i, step, status_for(&limits, rows[i].bytes, step));
}

static void a_large_body_arrives_byte_for_byte(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	struct buf all = { 0 };
	size_t size = 3000000;
	buf_format(&all, POST "Content-Length: %zu\r\n\r\n", size);
	for (size_t i = 0; i < size; i++)
		buf_char(&all, (char)('a' + i % 23));
	buf_string(&all, GET "\r\n");
	for (size_t at = 0; at < all.len;) {
		ssize_t n = send(client.fd, all.at + at, all.len - at < 70001 ? all.len - at : 70001, MSG_DONTWAIT);
		at += n > 0 ? (size_t)n : 0;
		turn(house);
	}
	hear(&client);
	assert_int_equal(status_of(&client, 1), 200);
	assert_memory_equal(house->heard.at, "POST /in||abc", 13);
	assert_memory_equal(house->heard.at + 10, strstr(all.at, "\r\n\r\n") + 4, size);
	assert_int_equal(http_server_in_flight(house->server), 0);
	leave(&client);
	buf_free(&all);
	close_house(house);
}

static void requests_in_flight_are_bounded_and_more_are_503(void **state)
{
	struct house *house = open_house(&(struct http_limits){ .in_flight = 20000 }, NULL);
	struct client one = call_in(house), two = call_in(house);
	struct buf body = { 0 };
	for (int i = 0; i < 15000; i++)
		buf_char(&body, 'x');
	house->defer = true;
	say(&one, POST "Content-Length: 15000\r\n\r\n");
	say(&one, body.at);
	assert_int_equal(house->later_count, 1);
	say(&two, POST "Content-Length: 15000\r\n\r\n");
	assert_int_equal(status_of(&two, 0), 503);
	assert_non_null(strstr(two.got.at, "Retry-After: 1\r\n"));
	assert_true(two.closed);
	leave(&two);
	http_answer(house->later[0], 200, NULL, house->answer);
	house->later_count = 0;
	two = call_in(house);
	say(&two, POST "Content-Length: 15000\r\n\r\n");
	say(&two, body.at);
	assert_int_equal(house->later_count, 1);
	leave(&one);
	leave(&two);
	buf_free(&body);
	close_house(house);
}

static void connections_over_the_limit_are_told_so(void **state)
{
	struct house *house = open_house(&(struct http_limits){ .connections = 2 }, "127.0.0.1:0");
	struct client first = call_in(house), second = call_in(house), third = call_in(house);
	hear(&third);
	assert_int_equal(status_of(&third, 0), 503);
	assert_true(third.closed);
	leave(&third);
	leave(&first);
	pass(house, 10);
	first = call_in(house);
	say(&first, GET "\r\n");
	assert_int_equal(status_of(&first, 0), 200);
	leave(&first);
	leave(&second);
	close_house(house);
}

static void one_address_may_have_only_so_many_connections(void **state)
{
	struct house *house = open_house(&(struct http_limits){ .per_address = 2 }, "127.0.0.1:0");
	struct client clients[5];
	for (int i = 0; i < 3; i++)
		clients[i] = call_in(house);
	hear(&clients[2]);
	assert_int_equal(status_of(&clients[2], 0), 429);
	assert_true(clients[2].closed);
	leave(&clients[2]);
	leave(&clients[0]);
	pass(house, 10);
	clients[0] = call_in(house);
	assert_true(http_server_proxies(house->server, (const char *[]){ "127.0.0.0/8", NULL }, NULL));
	for (int i = 2; i < 5; i++)
		clients[i] = call_in(house);
	for (int i = 0; i < 5; i++) {
		say(&clients[i], GET "\r\n");
		assert_int_equal(status_of(&clients[i], 0), 200);
		leave(&clients[i]);
	}
	close_house(house);
}

static void tell_peer(struct http_request *request, void *data)
{
	http_answer(request, 200, "Content-Type: text/plain\r\n", request->peer);
}

static void the_client_behind_a_proxy_is_known(void **state)
{
	static const struct {
		const char *headers, *peer;
	} rows[] = {
		{ "", "127.0.0.1" },
		{ "X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7" },
		{ "X-Forwarded-For: 6.6.6.6, 192.0.2.7\r\n", "192.0.2.7" },
		{ "X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.1.2.3\r\n", "192.0.2.7" },
		{ "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.8\r\nX-Forwarded-For: 10.0.0.1,127.0.0.1\r\n", "192.0.2.8" },
		{ "X-Forwarded-For: 192.0.2.7:4711\r\n", "192.0.2.7" },
		{ "X-Forwarded-For: [2001:db8::1]:80\r\n", "2001:db8::1" },
		{ "X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1" },
		{ "X-Forwarded-For: nobody\r\n", "127.0.0.1" },
		{ "X-Forwarded-For: <script>, 10.0.0.1\r\n", "10.0.0.1" },
		{ "X-Forwarded-For: ,\r\n", "127.0.0.1" },
		{ "X-Forwarded-For:\r\n", "127.0.0.1" },
	};
	struct house *house = open_house(&plain, "127.0.0.1:0");
	house->service.handle = tell_peer;
	assert_true(http_server_proxies(house->server, (const char *[]){ "127.0.0.1", "10.0.0.0/8", "unix", NULL }, NULL));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client client = call_in(house);
		struct buf request = { 0 };
		buf_format(&request, GET "%sConnection: close\r\n\r\n", rows[i].headers);
		say_bytes(&client, request.at, request.len, i % 2 ? 1 : 1000);
		assert_string_equal(strstr(client.got.at, "\r\n\r\n") + 4, rows[i].peer);
		leave(&client);
		buf_free(&request);
	}
	close_house(house);
}

static void a_stranger_is_not_believed(void **state)
{
	struct house *house = open_house(&plain, "[::1]:0");
	house->service.handle = tell_peer;
	struct why why = { "" };
	assert_false(http_server_proxies(house->server, (const char *[]){ "10.0.0.0/33", NULL }, &why));
	assert_non_null(strstr(why.text, "10.0.0.0/33"));
	assert_false(http_server_proxies(house->server, (const char *[]){ "localhost", NULL }, &why));
	assert_true(http_server_proxies(house->server, (const char *[]){ "127.0.0.1", NULL }, &why));
	struct client client = call_in(house);
	say(&client, GET "X-Forwarded-For: 6.6.6.6\r\n\r\n");
	assert_string_equal(strstr(client.got.at, "\r\n\r\n") + 4, "::1");
	leave(&client);
	close_house(house);
}

/* --------------------------------------------------------------------- times */

static void a_request_that_takes_too_long_is_408(void **state)
{
	struct house *house = open_house(&(struct http_limits){ .request_time = 40, .idle_time = 10000 }, NULL);
	struct client head = call_in(house), body = call_in(house), idle = call_in(house);
	for (int i = 0; i < 12; i++) {
		say(&head, i ? "x" : "GET /");
		say(&body, i ? "x" : POST "Content-Length: 100\r\n\r\n");
		pass(house, 10);
	}
	hear(&head), hear(&body), hear(&idle);
	assert_int_equal(status_of(&head, 0), 408);
	assert_int_equal(status_of(&body, 0), 408);
	assert_true(head.closed && body.closed && !idle.closed);
	leave(&head), leave(&body), leave(&idle);
	close_house(house);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
	struct house *house = open_house(&(struct http_limits){ .idle_time = 40 }, NULL);
	struct client fresh = call_in(house), used = call_in(house), waiting = call_in(house);
	say(&used, GET "\r\n");
	house->defer = true;
	say(&waiting, GET "\r\n");
	for (int i = 0; i < 10; i++) {
		pass(house, 10);
		say(&fresh, "\r\n"); /* empty lines are no request */
	}
	hear(&fresh), hear(&used), hear(&waiting);
	assert_true(fresh.closed && used.closed);
	assert_int_equal(fresh.got.len, 0);
	assert_int_equal(status_of(&used, 1), 0);
	assert_false(waiting.closed);
	leave(&fresh), leave(&used), leave(&waiting);
	close_house(house);
}

static void who_takes_nothing_of_an_answer_is_cut(void **state)
{
	struct house *house = open_house(&(struct http_limits){ .write_time = 1000 }, NULL);
	struct buf large = { 0 };
	for (int i = 0; i < 200000; i++)
		buf_string(&large, "0123456789");
	house->answer = (struct sl_text){ large.at, large.len };
	struct client deaf = call_in(house), slow = call_in(house);
	send(deaf.fd, GET "\r\n" GET "\r\n" EVIL, strlen(GET "\r\n" GET "\r\n" EVIL), 0);
	send(slow.fd, GET "\r\n", strlen(GET "\r\n"), 0);
	char bytes[50000];
	size_t got = 0;
	for (int i = 0; i < 1000 && http_server_connections(house->server) == 2; i++) {
		pass(house, 10);
		ssize_t n = recv(slow.fd, bytes, sizeof(bytes) / 4, MSG_DONTWAIT);
		got += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(http_server_connections(house->server), 1); /* the slow one is left */
	assert_string_equal(house->heard.at, "GET /||\nGET /||\n");  /* the deaf one's next was not begun */
	for (int i = 0; i < 1000 && got < large.len; i++) {
		turn(house);
		ssize_t n = recv(slow.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		got += n > 0 ? (size_t)n : 0;
	}
	assert_true(got > large.len);
	leave(&deaf), leave(&slow);
	buf_free(&large);
	close_house(house);
}

static void an_answer_larger_than_the_socket_takes_is_sent_on(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct buf large = { 0 };
	for (int i = 0; i < 300000; i++)
		buf_string(&large, "0123456789");
	house->answer = (struct sl_text){ large.at, large.len };
	struct client client = call_in(house);
	say(&client, GET "\r\n" GET "\r\n" GET "Connection: close\r\n\r\n");
	for (int i = 0; i < 200 && !client.closed; i++)
		hear(&client);
	assert_true(client.closed);
	assert_true(client.got.len > 3 * large.len);
	assert_int_equal(status_of(&client, 2), 200);
	leave(&client);
	buf_free(&large);
	close_house(house);
}

/* ------------------------------------------------------------------ the end */

static void on_drained(void *data)
{
	((struct house *)data)->drained = true;
}

static void draining_answers_what_has_begun(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client waiting = call_in(house), half = call_in(house), idle = call_in(house), stuck = call_in(house);
	house->defer = true;
	say(&waiting, GET "\r\n");
	say(&half, "GET /half HT");
	say(&stuck, "GET /stuck");
	http_server_drain(house->server, 900, on_drained, house);
	house->defer = false;
	say(&half, "TP/1.1\r\n" HOST "\r\n");
	assert_int_equal(status_of(&half, 0), 200);
	assert_non_null(strstr(half.got.at, "Connection: close"));
	say(&idle, GET "\r\n");
	assert_int_equal(status_of(&idle, 0), 200);
	assert_true(idle.closed && half.closed);
	http_answer(house->later[0], 200, NULL, house->answer);
	house->later_count = 0;
	hear(&waiting);
	assert_int_equal(status_of(&waiting, 0), 200);
	leave(&waiting), leave(&half), leave(&idle);
	assert_false(house->drained);
	pass(house, 1200);
	assert_true(house->drained);
	assert_int_equal(http_server_connections(house->server), 0);
	leave(&stuck);
	close_house(house);
}

static void draining_an_empty_house_is_done_at_once(void **state)
{
	struct house *house = open_house(&plain, NULL);
	http_server_drain(house->server, 1000, on_drained, house);
	turn(house);
	assert_true(house->drained);
	close_house(house);
}

static void without_descriptors_clients_wait_and_the_loop_sleeps(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct rlimit before, low;
	struct client one = call_in(house), two;
	getrlimit(RLIMIT_NOFILE, &before);
	two = (struct client){ .house = house, .fd = socket_connect(house->address, 100, NULL) };
	low = (struct rlimit){ (rlim_t)two.fd + 1, before.rlim_max };
	setrlimit(RLIMIT_NOFILE, &low);
	struct rusage from, to;
	getrusage(RUSAGE_SELF, &from);
	for (int i = 0; i < 4; i++)
		uv_run(&house->loop, UV_RUN_ONCE); /* sleeps for the sweep */
	getrusage(RUSAGE_SELF, &to);
	assert_int_equal(http_server_connections(house->server), 1);
	long ms = (to.ru_utime.tv_sec - from.ru_utime.tv_sec) * 1000 + (to.ru_utime.tv_usec - from.ru_utime.tv_usec) / 1000;
	assert_true(ms < 300);
	setrlimit(RLIMIT_NOFILE, &before);
	pass(house, 600);
	say(&two, GET "\r\n");
	assert_int_equal(status_of(&two, 0), 200);
	leave(&one), leave(&two);
	close_house(house);
}

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
		cmocka_unit_test(what_is_clear_is_accepted_however_it_is_split),
		cmocka_unit_test(what_is_doubtful_is_refused_and_closed_however_it_is_split),
		cmocka_unit_test(an_answer_has_its_length_and_type),
		cmocka_unit_test(head_is_answered_without_the_body),
		cmocka_unit_test(an_old_client_may_keep_the_connection),
		cmocka_unit_test(answers_leave_in_the_order_of_the_requests),
		cmocka_unit_test(an_early_refusal_waits_for_its_turn),
		cmocka_unit_test(a_connection_without_answers_is_read_no_further),
		cmocka_unit_test(answering_a_dead_connection_is_harmless),
		cmocka_unit_test(who_only_ends_sending_is_still_answered),
		cmocka_unit_test(a_request_that_ends_in_the_middle_is_400),
		cmocka_unit_test(headers_are_told_as_tidy_lines),
		cmocka_unit_test(continue_is_said_before_the_body_and_once),
		cmocka_unit_test(a_refusal_comes_instead_of_continue),
		cmocka_unit_test(continue_waits_for_the_answers_before_it),
		cmocka_unit_test(what_is_too_large_is_named_at_the_same_byte_however_it_is_split),
		cmocka_unit_test(a_large_body_arrives_byte_for_byte),
		cmocka_unit_test(requests_in_flight_are_bounded_and_more_are_503),
		cmocka_unit_test(connections_over_the_limit_are_told_so),
		cmocka_unit_test(one_address_may_have_only_so_many_connections),
		cmocka_unit_test(the_client_behind_a_proxy_is_known),
		cmocka_unit_test(a_stranger_is_not_believed),
		cmocka_unit_test(a_request_that_takes_too_long_is_408),
		cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
		cmocka_unit_test(who_takes_nothing_of_an_answer_is_cut),
		cmocka_unit_test(an_answer_larger_than_the_socket_takes_is_sent_on),
		cmocka_unit_test(draining_answers_what_has_begun),
		cmocka_unit_test(draining_an_empty_house_is_done_at_once),
		cmocka_unit_test(without_descriptors_clients_wait_and_the_loop_sleeps),
		cmocka_unit_test(conversations_split_at_random_are_heard_the_same),
		cmocka_unit_test(spoilt_requests_come_to_the_same_end_however_they_are_split),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
