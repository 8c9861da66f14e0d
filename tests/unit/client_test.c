/* SPDX-License-Identifier: Apache-2.0 */
/* client_test.c - requests to others: answers, limits, redirects, connections. */
#include "client_far.h"

#include <sys/stat.h>

/* ------------------------------------------------------------------ answers */

static void test_an_answer(void **state)
{
	struct bed *bed = bed_new(loopback);
	const struct client_answer *got = ask_path(bed, "/hello?key=secret");
	expect(got, CLIENT_ANSWERED, NULL);
	assert_int_equal(got->status, 200);
	assert_true(sl_text_is(got->body, "hello"));
	assert_string_equal(header(got, "x-kind"), "Short");
	assert_null(got->why);
	assert_true(got->ended >= got->began);
	assert_non_null(strstr(bed->far->heard.at, "User-Agent: sluice/"));
	got = ask_path(bed, "/missing");
	assert_int_equal(got->status, 404);
	assert_true(sl_text_is(got->body, "none"));
	got = ask_path(bed, "/empty");
	assert_int_equal(got->status, 204);
	assert_int_equal(got->body.len, 0);
	bed_free(bed);
}

static void test_what_is_sent(void **state)
{
	struct bed *bed = bed_new(loopback);
	const struct sl_pair type = { "Content-Type", "application/json" }, none = { "X-None", "" };
	const struct sl_pair *const headers[] = { &type, &none, NULL };
	struct client_request request = get(url_of(bed, "/hello"));
	request.method = "PUT";
	request.headers = headers;
	request.body = sl_text_of("{\"a\":1}");
	assert_int_equal(ask(bed, &request)->status, 200);
	const char *heard = bed->far->heard.at;
	assert_memory_equal(heard, "PUT /hello HTTP/1.1\r\n", 21);
	assert_non_null(strstr(heard, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(heard, "\r\nX-None:\r\n"));
	assert_non_null(strstr(heard, "\r\nContent-Length: 7\r\n"));
	assert_non_null(strstr(heard, "\r\n\r\n{\"a\":1}"));
	request = get(url_of(bed, "/hello"));
	request.method = "POST";
	buf_clear(&bed->far->heard);
	assert_int_equal(ask(bed, &request)->status, 200);
	assert_non_null(strstr(bed->far->heard.at, "\r\nContent-Length: 0\r\n"));
	assert_null(strstr(bed->far->heard.at, "Content-Type"));
	request.method = "HEAD";
	assert_int_equal(ask(bed, &request)->body.len, 0);
	bed_free(bed);
}

static void test_packed_bodies(void **state)
{
	struct bed *bed = bed_new(loopback);
	struct client_request request = get(url_of(bed, "/bomb"));
	assert_true(sl_text_is(ask_path(bed, "/packed")->body, "hello, hello, hello"));
	request.most = 100000;
	assert_int_equal(ask(bed, &request)->body.len, 100000);
	request.most = 99999;
	expect(ask(bed, &request), CLIENT_REFUSED, "larger than the 99999 bytes");
	assert_int_equal(bed->answer->body.len, 0);
	bed_free(bed);
}

static void test_into_a_file(void **state)
{
	struct bed *bed = bed_new(loopback);
	struct stat stat_of;
	char folder[] = "/tmp/client-test-XXXXXX";
	assert_non_null(mkdtemp(folder));
	struct client_request request = get(url_of(bed, "/packed"));
	request.file = arena_format(bed->arena, "%s/body", folder);
	assert_int_equal(ask(bed, &request)->body.len, 0);
	assert_int_equal(stat(request.file, &stat_of), 0);
	assert_int_equal(stat_of.st_size, 19);
	request.url = url_of(bed, "/missing"); /* an error's body is for reading */
	assert_true(sl_text_is(ask(bed, &request)->body, "none"));
	request.url = url_of(bed, "/cut");
	expect(ask(bed, &request), CLIENT_NOT_HAD, "cut short");
	assert_int_equal(stat(request.file, &stat_of), 0);
	assert_int_equal(stat_of.st_size, 19);
	assert_int_equal(unlink(request.file), 0);
	assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
	expect(ask(bed, &(struct client_request){ "GET", url_of(bed, "/hello"), NULL, { "", 0 }, request.file, 5000, 100 }),
		CLIENT_NOT_HAD, "cannot be written: No such file");
	bed_free(bed);
}

/* ----------------------------------------------------------------- no answer */

static void test_no_answer(void **state)
{
	struct bed *bed = bed_new(loopback);
	struct client_request request = get(url_of(bed, "/never?token=secret"));
	request.timeout_ms = 150;
	expect(ask(bed, &request), CLIENT_NOT_HAD, "/never: no whole answer within 0.1 s");
	assert_null(strstr(bed->answer->why, "secret"));
	assert_int_equal(bed->answer->status, 0);
	expect(ask_path(bed, "/cut"), CLIENT_NOT_HAD, "the answer was cut short");
	expect(ask_path(bed, "/hangup"), CLIENT_NOT_HAD, "without an answer");
	expect(ask_path(bed, "/noise"), CLIENT_NOT_HAD, "not HTTP");
	request = get("http://127.0.0.1:1/x");
	expect(ask(bed, &request), CLIENT_NOT_HAD, "Connection refused");
	request = get("http://no.such.host.invalid/x");
	expect(ask(bed, &request), CLIENT_NOT_HAD, "http://no.such.host.invalid/x: the name of the host");
	bed_free(bed);
}

static void test_nobody_is_listening_any_more(void **state)
{
	struct bed *bed = bed_new(loopback);
	struct client_request request = get(url_of(bed, "/never"));
	struct client_ask *one = client_send(bed->client, &request, bed->arena, on_done, bed);
	struct client_ask *two = client_send(bed->client, &request, bed->arena, on_done, bed);
	struct client_ask *bad = client_send(bed->client, &(struct client_request){ .method = "GET", .url = "x" },
		bed->arena, on_done, bed);
	client_cancel(&two); /* before it was sent */
	client_cancel(&bad);
	assert_null(two);
	while (!bed->far->heard.len)
		uv_run(&bed->loop, UV_RUN_NOWAIT);
	client_cancel(&one);
	client_send(bed->client, &request, bed->arena, on_done, bed); /* the client is freed before the answer */
	uv_run(&bed->loop, UV_RUN_NOWAIT);
	assert_int_equal(bed->answered, 0);
	bed_free(bed);
}

/* ------------------------------------------------------------------ redirects */

static void test_redirects(void **state)
{
	struct bed *bed = bed_new(loopback);
	const struct client_answer *got = ask_path(bed, "/there");
	assert_int_equal(got->status, 200);
	assert_true(sl_text_is(got->body, "hello"));
	assert_string_equal(got->url, url_of(bed, "/hello?q=1"));
	expect(ask_path(bed, "/round"), CLIENT_REFUSED, "redirects more than 5 times");
	expect(ask_path(bed, "/inside"), CLIENT_REFUSED, "169.254.169.254 is no public address");
	expect(ask_path(bed, "/file"), CLIENT_REFUSED, "file:///etc/passwd");
	struct client_request request = get(url_of(bed, "/there"));
	request.method = "POST"; /* is not followed */
	assert_int_equal(ask(bed, &request)->status, 302);
	assert_string_equal(header(bed->answer, "location"), "/hello?q=1");
	bed_free(bed);
}

/* Another port is another origin: the token stays where it belongs. */
static void test_another_origin_gets_no_headers(void **state)
{
	struct bed *bed = bed_new(loopback);
	struct far *other = far_begin();
	const struct sl_pair token = { "Authorization", "Bearer secret" };
	const struct sl_pair *const headers[] = { &token, NULL };
	struct client_request request = get(url_of(bed, "/elsewhere"));
	request.headers = headers;
	snprintf(bed->far->elsewhere, sizeof(bed->far->elsewhere),
		"HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:%d/hello\r\nContent-Length: 0\r\n\r\n", other->port);
	assert_int_equal(ask(bed, &request)->status, 200);
	assert_non_null(strstr(bed->far->heard.at, "Bearer secret"));
	assert_null(strstr(other->heard.at, "Bearer secret"));
	buf_clear(&bed->far->heard);
	request.url = url_of(bed, "/there");
	ask(bed, &request);
	assert_non_null(strstr(strstr(bed->far->heard.at, "GET /hello"), "Bearer secret"));
	client_free(&bed->client); /* hangs up, and so ends its threads */
	far_end(other);
	bed_free(bed);
}

/* ---------------------------------------------------------------- connections */

static void test_connections_are_kept(void **state)
{
	struct bed *bed = bed_new(loopback);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask_path(bed, "/hello")->status, 200);
	assert_int_equal(bed->far->connections, 1);
	bed_free(bed);
}

static void test_a_hundred_at_once(void **state)
{
	struct bed *bed = bed_new(loopback);
	struct client_request request = get(url_of(bed, "/slow"));
	int64_t began = clock_ticks();
	for (int i = 0; i < 100; i++)
		client_send(bed->client, &request, bed->arena, on_done, bed);
	wait_for(bed, 100);
	assert_true(clock_ticks() - began < 50 * 200); /* one after the other they would take 20 s */
	assert_int_equal(bed->far->connections, 100);
	bed_free(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer),
		cmocka_unit_test(test_what_is_sent),
		cmocka_unit_test(test_packed_bodies),
		cmocka_unit_test(test_into_a_file),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_nobody_is_listening_any_more),
		cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_another_origin_gets_no_headers),
		cmocka_unit_test(test_connections_are_kept),
		cmocka_unit_test(test_a_hundred_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
