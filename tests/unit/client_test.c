/* SPDX-License-Identifier: Apache-2.0 */
/* client_test.c - requests to others: answers, limits, refusals, and who is not reached. */
#include "client_bed.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/client_inside.h"
#include "sdk/text.h"

/* ------------------------------------------------------------- the far side */

static const char packed[] =
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xd7\x51\xc8\x40\xa2\x00\x9f\xa1\xca\x09\x13\x00"
	"\x00\x00";

/* 100 000 times "a". */
static const char bomb[] =
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\xac\xeb\x5f\xc2\x1a\x1e\x40\x01"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xaf\x06\x87\xfa\xe2\x1b\xa0\x86\x01\x00";

static const struct {
	const char *path, *head, *body;
	size_t len;
	int wait; /* ms before the answer */
} answers[] = {
	{ "/hello", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: Short\r\n\r\n", "hello", 5, 0 },
	{ "/slow", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", "slow", 4, 200 },
	{ "/never", "", "", 0, 3000 },
	{ "/missing", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n", "none", 4, 0 },
	{ "/empty", "HTTP/1.1 204 No Content\r\n\r\n", "", 0, 0 },
	{ "/packed", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 29\r\n\r\n", packed, 29, 0 },
	{ "/bomb", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n", bomb, sizeof(bomb) - 1, 0 },
	{ "/cut", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "only this", 9, -1 },
	{ "/hangup", "", "", 0, -1 },
	{ "/noise", "SSH-2.0-OpenSSH\r\n\r\n", "", 0, -1 },
	{ "/there", "HTTP/1.1 302 Found\r\nLocation: /hello?q=1\r\nContent-Length: 2\r\n\r\n", "no", 2, 0 },
	{ "/round", "HTTP/1.1 301 Moved\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n", "", 0, 0 },
	{ "/inside", "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n", "", 0, 0 },
	{ "/file", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", "", 0, 0 },
};

struct far {
	pthread_t thread;
	int listener, port;
	atomic_int connections, threads;
	atomic_bool over;
	pthread_mutex_t lock;
	struct buf heard; /* all requests, as they came */
	char elsewhere[100];
};

struct visit {
	struct far *far;
	int fd;
};

static void sleep_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}

static void say(int fd, const char *at, size_t len)
{
	(void)!send(fd, at, len, MSG_NOSIGNAL);
}

/* False: the connection ends. */
static bool answer(struct far *far, int fd, const char *request)
{
	const char *path = strchr(request, ' ') + 1;
	size_t len = strcspn(path, " ?");
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (strlen(answers[i].path) != len || memcmp(path, answers[i].path, len) != 0)
			continue;
		for (int waited = 0; waited < answers[i].wait && !far->over; waited += 10)
			sleep_ms(10);
		say(fd, answers[i].head, strlen(answers[i].head));
		if (strncmp(request, "HEAD", 4) != 0)
			say(fd, answers[i].body, answers[i].len);
		return answers[i].wait >= 0 && !strstr(answers[i].head, "close");
	}
	if (len == 10 && memcmp(path, "/elsewhere", 10) == 0)
		say(fd, far->elsewhere, strlen(far->elsewhere));
	return true;
}

/* Whole once its announced body is there; tests send one after the other. */
static bool whole(const char *bytes, size_t len)
{
	const char *end = strstr(bytes, "\r\n\r\n"), *length = strcasestr(bytes, "\r\nContent-Length:");
	size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
	return end && len >= (size_t)(end - bytes) + 4 + body;
}

static void *talk(void *data)
{
	struct visit *visit = data;
	char bytes[8192];
	size_t len = 0;
	ssize_t n;
	while ((n = recv(visit->fd, bytes + len, sizeof(bytes) - 1 - len, 0)) > 0) {
		len += (size_t)n;
		bytes[len] = '\0';
		if (!whole(bytes, len))
			continue;
		pthread_mutex_lock(&visit->far->lock);
		buf_add(&visit->far->heard, bytes, len);
		pthread_mutex_unlock(&visit->far->lock);
		len = 0;
		if (!answer(visit->far, visit->fd, bytes))
			break;
	}
	close(visit->fd);
	atomic_fetch_sub(&visit->far->threads, 1);
	free(visit);
	return NULL;
}

static void *welcome(void *data)
{
	struct far *far = data;
	int fd;
	while ((fd = accept(far->listener, NULL, NULL)) >= 0) {
		struct visit *visit = malloc(sizeof(*visit));
		pthread_t thread;
		*visit = (struct visit){ far, fd };
		atomic_fetch_add(&far->connections, 1);
		atomic_fetch_add(&far->threads, 1);
		pthread_create(&thread, NULL, talk, visit);
		pthread_detach(thread);
	}
	return NULL;
}

static struct far *far_begin(void)
{
	struct far *far = calloc(1, sizeof(*far));
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	far->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(far->listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(far->listener, 256), 0);
	getsockname(far->listener, (struct sockaddr *)&at, &len);
	far->port = ntohs(at.sin_port);
	pthread_mutex_init(&far->lock, NULL);
	pthread_create(&far->thread, NULL, welcome, far);
	return far;
}

static void far_end(struct far *far)
{
	far->over = true;
	shutdown(far->listener, SHUT_RDWR);
	pthread_join(far->thread, NULL);
	close(far->listener);
	while (far->threads)
		sleep_ms(5);
	buf_free(&far->heard);
	free(far);
}

/* ---------------------------------------------------------------- the asker */

static const char *const loopback[] = { "127.0.0.1", NULL };
static const char *const nobody[] = { NULL };

static struct bed *bed_new(const char *const *allow)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	bed_begin(bed, &(struct client_settings){ .allow = allow });
	bed->far = far_begin();
	return bed;
}

static void bed_free(struct bed *bed)
{
	bed_end(bed); /* hangs up, and so ends the far side's threads */
	far_end(bed->far);
	free(bed);
}

static char *url_of(struct bed *bed, const char *path)
{
	return arena_format(bed->arena, "http://127.0.0.1:%d%s", bed->far->port, path);
}

static const struct client_answer *ask_path(struct bed *bed, const char *path)
{
	struct client_request request = get(url_of(bed, path));
	return ask(bed, &request);
}

static const char *header(const struct client_answer *from, const char *name)
{
	for (size_t i = 0; from->headers[i]; i++)
		if (strcmp(from->headers[i]->name, name) == 0)
			return from->headers[i]->value;
	return NULL;
}

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
		cmocka_unit_test(test_an_answer),
		cmocka_unit_test(test_what_is_sent),
		cmocka_unit_test(test_packed_bodies),
		cmocka_unit_test(test_into_a_file),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_nobody_is_listening_any_more),
		cmocka_unit_test(test_addresses_that_are_not_reached),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_hosts_behind_a_proxy),
		cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_another_origin_gets_no_headers),
		cmocka_unit_test(test_connections_are_kept),
		cmocka_unit_test(test_a_hundred_at_once),
		cmocka_unit_test(test_what_is_not_sent),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_urls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
