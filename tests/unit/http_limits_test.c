/* SPDX-License-Identifier: Apache-2.0 */
/* http_limits_test.c - what the HTTP server bounds: sizes, numbers, times; and how it ends. */
#include "http_rows.h"

#include <fcntl.h>
#include <sys/resource.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
