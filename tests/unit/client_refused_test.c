/* SPDX-License-Identifier: Apache-2.0 */
/* client_refused_test.c - requests to others: who is not reached, what is not sent, urls. */
#include "client_far.h"

#include "io/client_inside.h"

/* ------------------------------------------------------------------ the guard */

static void test_addresses_that_are_not_reached(void **state)
{
	static const char *const urls[] = {
		"http://127.0.0.1:%d/hello",
		"http://127.1:%d/hello",
		"http://0x7f.1:%d/hello",
		"http://2130706433:%d/hello",
		"http://0177.0.0.1:%d/hello",
		"http://localhost:%d/hello",
		"http://0:%d/hello",
		"http://[::1]:%d/hello",
		"http://[::]:%d/hello",
		"http://[::ffff:127.0.0.1]:%d/hello",
		"http://[::ffff:7f00:1]:%d/hello",
		"http://[64:ff9b::7f00:1]:%d/hello",
		"http://[2002:7f00:1::]:%d/hello",
		"http://169.254.169.254:%d/latest",
		"http://10.1.2.3:%d/",
		"http://100.64.0.1:%d/",
		"http://172.31.255.255:%d/",
		"http://192.168.1.1:%d/",
		"http://224.0.0.1:%d/",
		"http://255.255.255.255:%d/",
		"http://[fd00::1]:%d/",
		"http://[fe80::1]:%d/",
	};
	struct bed *bed = bed_new(nobody);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		char url[100];
		snprintf(url, sizeof(url), urls[i], bed->far->port);
		struct client_request request = get(url);
		expect(ask(bed, &request), CLIENT_REFUSED, "is no public address");
	}
	assert_int_equal(bed->far->connections, 0);
	bed_free(bed);
}

static bool judged(const char *const *allow, const char *address)
{
	struct client_guard guard = { 0 };
	struct in6_addr at;
	assert_true(client_guard_read(&guard, allow, NULL));
	assert_true(network_read_address(address, &at));
	bool allowed = client_guard_allows(&guard, &at);
	free(guard.allowed);
	return allowed;
}

static void test_networks(void **state)
{
	static const char *const own[] = { "10.0.0.0/8", "fd00::/8", "127.0.0.1", NULL };
	static const char *const all[] = { "0.0.0.0/0", NULL };
	struct client_guard guard = { 0 };
	struct why why;
	assert_true(judged(nobody, "93.184.216.34"));
	assert_true(judged(nobody, "2606:4700::1111"));
	assert_true(judged(nobody, "64:ff9b::5db8:d822"));
	assert_true(judged(nobody, "172.32.0.1"));
	assert_false(judged(nobody, "172.16.0.1"));
	assert_true(judged(own, "10.255.0.1"));
	assert_true(judged(own, "::ffff:10.255.0.1"));
	assert_true(judged(own, "64:ff9b::10.0.0.1"));
	assert_true(judged(own, "fd12::1"));
	assert_true(judged(own, "127.0.0.1"));
	assert_false(judged(own, "127.0.0.2"));
	assert_false(judged(own, "fc00::1"));
	assert_true(judged(all, "169.254.169.254"));
	assert_false(judged(all, "::1"));
	assert_false(client_guard_read(&guard, (const char *const[]){ "10.0.0.0/33", NULL }, &why));
	assert_non_null(strstr(why.text, "\"10.0.0.0/33\" is no address"));
	free(guard.allowed);
}

static void test_hosts_behind_a_proxy(void **state)
{
	struct bed *bed = bed_new(nobody);
	struct client_settings settings = { .proxy = arena_format(bed->arena, "http://127.0.0.1:%d", bed->far->port) };
	static const char *const inside[] = {
		"http://127.1/x", "http://[::1]/x", "http://localhost./x", "http://0xa000001/x",
	};
	client_free(&bed->client);
	bed->client = client_new(&bed->loop, &settings, NULL);
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		struct client_request request = get(inside[i]);
		expect(ask(bed, &request), CLIENT_REFUSED, "is no public address");
	}
	assert_int_equal(bed->far->connections, 0);
	struct client_request request = get("http://example.com/x"); /* the far side knows no such path */
	request.timeout_ms = 100;
	expect(ask(bed, &request), CLIENT_NOT_HAD, NULL);
	assert_non_null(strstr(bed->far->heard.at, "GET http://example.com/x HTTP/1.1"));
	bed_free(bed);
}

/* ----------------------------------------------------------- what is not sent */

static void refused_header(struct bed *bed, const char *name, const char *value, const char *sentence)
{
	const struct sl_pair pair = { name, value };
	const struct sl_pair *const headers[] = { &pair, NULL };
	struct client_request request = get(url_of(bed, "/hello"));
	request.headers = headers;
	expect(ask(bed, &request), CLIENT_REFUSED, sentence);
}

static void test_what_is_not_sent(void **state)
{
	static const struct {
		const char *url, *sentence;
	} wrong[] = {
		{ "ftp://example.com/", "begins with https://" },
		{ "file:///etc/passwd", "begins with https://" },
		{ "/cards", "begins with https://" },
		{ "http://", "is no url" },
		{ "http://a b/", "is no url" },
		{ "http://example.com/a\r\nInjected: yes", "is no url" },
		{ "http://me:secret@example.com/x?y", "http://example.com/x has a user" },
	};
	struct bed *bed = bed_new(loopback);
	refused_header(bed, "X-A", "1\r\nInjected: yes", "the value of the header X-A holds a line break");
	refused_header(bed, "X-A", "1\nInjected", "line break");
	refused_header(bed, "X-A: 1\r\nInjected", "x", "is no name of a header");
	refused_header(bed, "", "x", "is no name of a header");
	refused_header(bed, "Transfer-Encoding", "chunked", "not for a plugin to say");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct client_request request = get(wrong[i].url);
		expect(ask(bed, &request), CLIENT_REFUSED, wrong[i].sentence);
		assert_null(strstr(bed->answer->why, "secret"));
	}
	struct client_request request = get(url_of(bed, "/hello"));
	request.method = "GET / HTTP/1.1\r\nX:";
	expect(ask(bed, &request), CLIENT_REFUSED, "is no method");
	assert_int_equal(bed->far->connections, 0);
	bed_free(bed);
}

static void test_settings(void **state)
{
	uv_loop_t loop;
	struct why why;
	uv_loop_init(&loop);
	assert_null(client_new(&loop, &(struct client_settings){ .ca = "/no/such.pem" }, &why));
	assert_non_null(strstr(why.text, "/no/such.pem cannot be read"));
	assert_null(client_new(&loop, &(struct client_settings){ .proxy = "socks5://x" }, &why));
	assert_null(client_new(&loop, &(struct client_settings){ .allow = (const char *const[]){ "here", NULL } }, &why));
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* ------------------------------------------------------------------------ urls */

static void built(const char *base, const char *url, const struct sl_pair *const *query, const char *expected)
{
	struct arena *arena = arena_new();
	struct why why = { "" };
	const char *got = client_url(arena, base, url, query, &why);
	if (!got || strcmp(got, expected) != 0)
		fail_msg("\"%s\" (%s), not \"%s\"", got ? got : "", why.text, expected);
	arena_free(&arena);
}

static void test_urls(void **state)
{
	const struct sl_pair a = { "a b", "1&2=\xc3\xbc" }, z = { "z", NULL };
	const struct sl_pair *const query[] = { &a, &z, NULL };
	struct arena *arena = arena_new();
	struct why why;
	built("https://api.example.com/v1", "/cards", NULL, "https://api.example.com/v1/cards");
	built("https://api.example.com/", "/cards", NULL, "https://api.example.com/cards");
	built(NULL, "https://x.example/a?b=1#part", query, "https://x.example/a?b=1&a%20b=1%262%3D%C3%BC&z=");
	built(NULL, "https://x.example/a b/\xc3\xbc", NULL, "https://x.example/a%20b/%C3%BC");
	built(NULL, "https://x.example", query, "https://x.example?a%20b=1%262%3D%C3%BC&z=");
	assert_null(client_url(arena, NULL, "/cards", NULL, &why));
	assert_non_null(strstr(why.text, "no api whose base"));
	assert_null(client_url(arena, NULL, "cards", NULL, &why));
	assert_true(client_url_same_origin("https://a.example/x", "HTTPS://A.example:443/y"));
	assert_false(client_url_same_origin("https://a.example/x", "http://a.example/x"));
	assert_false(client_url_same_origin("https://a.example/x", "https://a.example:444/x"));
	assert_string_equal(client_url_shown(arena, "https://u:p@a.example:1/x@y?k=v#f"), "https://a.example:1/x@y");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_that_are_not_reached),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_hosts_behind_a_proxy),
		cmocka_unit_test(test_what_is_not_sent),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_urls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
