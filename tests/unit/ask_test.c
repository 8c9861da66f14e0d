/* SPDX-License-Identifier: Apache-2.0 */
/* ask_test.c - our own commands ask a server, and get its answer or a sentence. */
#include "io/ask.h"

#include <fcntl.h>
#include <pthread.h>
#include <time.h>

#include "http_talk.h"

/* A far side that says what it is told to, connection after connection. */
struct far {
	pthread_t thread;
	int listener;
	char address[64];
	const char *const *answers; /* one a connection, ends with NULL; "" says nothing */
	int wait;                   /* ms before hanging up */
	struct buf heard;
};

static void sleep_ms(int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, (long)ms % 1000 * 1000000 }, NULL);
}

static void *far_side(void *data)
{
	struct far *far = data;
	char bytes[4096];
	for (const char *const *answer = far->answers; *answer; answer++) {
		int fd = accept(far->listener, NULL, NULL);
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		buf_add(&far->heard, bytes, n > 0 ? (size_t)n : 0);
		for (const char *at = *answer; *at; at++) /* byte by byte */
			(void)!send(fd, at, 1, MSG_NOSIGNAL);
		sleep_ms(far->wait);
		close(fd);
	}
	return NULL;
}

static struct far *far_begin(const char *const *answers, int wait)
{
	struct far *far = calloc(1, sizeof(*far));
	far->answers = answers;
	far->wait = wait;
	snprintf(far->address, sizeof(far->address), "unix:/tmp/ask-test-%d.sock", (int)getpid());
	assert_true(socket_listen(far->address, 0600, &far->listener, NULL));
	fcntl(far->listener, F_SETFL, 0);
	pthread_create(&far->thread, NULL, far_side, far);
	return far;
}

static void far_end(struct far *far)
{
	pthread_join(far->thread, NULL);
	close(far->listener);
	socket_remove(far->address);
	buf_free(&far->heard);
	free(far);
}

static const struct sl_text nothing = { "", 0 };

static void asked(const char *const *answers, int wait, const char *method, int status, const char *body,
	const char *sentence)
{
	struct far *far = far_begin(answers, wait);
	struct ask_answer answer = { 0 };
	struct why why = { "" };
	struct ask *side = ask_open(far->address, &why);
	bool got = ask(side, method, "/health?x", NULL, nothing, 300, &answer, &why);
	if (got != (status != 0))
		fail_msg("\"%s\": %s", answers[0], why.text);
	if (got) {
		assert_int_equal(answer.status, status);
		assert_string_equal(answer.body.at ? answer.body.at : "", body);
	} else if (!strstr(why.text, sentence)) {
		fail_msg("\"%s\" is not in \"%s\"", sentence, why.text);
	}
	ask_close(&side);
	ask_answer_free(&answer);
	far_end(far);
}

#define ONE(answer) \
	(const char *const[]) \
	{ \
		answer, NULL \
	}

static void answers_of_every_form_are_understood(void **state)
{
	static const struct {
		const char *answer, *method;
		int status;
		const char *body;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "GET", 200, "{}" },
		{ "HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "GET", 503, "abc" },
		{ "HTTP/1.0 200 OK\r\n\r\nuntil the end", "GET", 200, "until the end" },
		{ "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n", "POST", 201, "" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", "HEAD", 200, "" },
		{ "HTTP/1.1 204 None\r\n\r\n", "POST", 204, "" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		asked(ONE(rows[i].answer), i ? 0 : 50, rows[i].method, rows[i].status, rows[i].body, NULL);
}

static void what_is_no_answer_is_a_sentence(void **state)
{
	asked(ONE("SSH-2.0-OpenSSH\r\n"), 0, "GET", 0, NULL, "not HTTP");
	asked(ONE(""), 0, "GET", 0, NULL, "without an answer");
	asked(ONE("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), 0, "GET", 0, NULL, "in the middle");
	asked(ONE(""), 500, "GET", 0, NULL, "in time");
}

static void a_connection_the_far_side_has_closed_is_made_again(void **state)
{
	const char *ok = "HTTP/1.1 200 OK\r\nX-Kept: Yes\r\nContent-Length: 1\r\n\r\na";
	struct far *far = far_begin((const char *const[]){ ok, ok, NULL }, 10);
	struct ask_answer answer = { 0 };
	struct why why = { "" };
	struct ask *side = ask_open(far->address, &why);
	for (int i = 0; i < 2; i++) {
		struct sl_text body = { "body", 4 };
		assert_true(ask(side, "POST", "/in/boards", "X-A: b\r\n", body, 1000, &answer, &why));
		assert_string_equal(answer.headers.at, "x-kept: Yes\ncontent-length: 1\n");
		sleep_ms(40);
	}
	ask_close(&side);
	ask_answer_free(&answer);
	const char *sent = "POST /in/boards HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nX-A: b\r\n\r\nbody";
	assert_int_equal(far->heard.len, 2 * strlen(sent));
	assert_memory_equal(far->heard.at, sent, strlen(sent));
	far_end(far);
}

static void nobody_there_is_a_sentence(void **state)
{
	struct why why = { "" };
	struct ask_answer answer = { 0 };
	struct ask *side = ask_open("unix:/tmp/nobody-is-there.sock", &why);
	assert_false(ask(side, "GET", "/", NULL, nothing, 100, &answer, &why));
	assert_string_equal(why.text, "unix:/tmp/nobody-is-there.sock cannot be reached: No such file or directory");
	ask_close(&side);
	assert_null(ask_open("https://example.com/in", &why));
	assert_non_null(strstr(why.text, "only http://"));
	assert_null(ask_open("http://", &why));
	assert_null(ask_open("nonsense", &why));
}

static void a_url_has_a_path(void **state)
{
	assert_string_equal(ask_path("http://a:80/in/boards?x=1"), "/in/boards?x=1");
	assert_string_equal(ask_path("http://a:80"), "/");
	assert_string_equal(ask_path("http://a?x"), "/");
	assert_string_equal(ask_path("127.0.0.1:80"), "/");
}

/* Our own server and ask speak the same language, over both kinds of address. */
static void *serve(void *data)
{
	struct house *house = data;
	while (!house->drained)
		uv_run(&house->loop, UV_RUN_ONCE);
	return NULL;
}

static void on_end(struct http_request *request, void *data)
{
	struct house *house = data;
	house->drained = sl_text_is(request->path, "/end");
	http_answer(request, 200, NULL, house->drained ? nothing : request->body);
}

static void our_server_is_asked(void **state)
{
	static const char *const where[] = { NULL, "127.0.0.1:0", "[::1]:0" };
	struct buf large = { 0 };
	for (int i = 0; i < 100000; i++)
		buf_string(&large, "0123456789");
	for (size_t i = 0; i < 3; i++) {
		struct house *house = open_house(&(struct http_limits){ 0 }, where[i]);
		struct ask_answer answer = { 0 };
		struct why why = { "" };
		pthread_t thread;
		house->service.handle = on_end;
		pthread_create(&thread, NULL, serve, house);
		struct ask *side = ask_open(house->address, &why);
		for (int n = 0; n < 3; n++) {
			const char *path = n == 2 ? "/end" : "/";
			if (!ask(side, "POST", path, NULL, (struct sl_text){ large.at, large.len }, 5000, &answer, &why))
				fail_msg("%s", why.text);
			assert_int_equal(answer.body.len, n == 2 ? 0 : large.len);
		}
		ask_close(&side);
		ask_answer_free(&answer);
		pthread_join(thread, NULL);
		close_house(house);
	}
	buf_free(&large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_of_every_form_are_understood),
		cmocka_unit_test(what_is_no_answer_is_a_sentence),
		cmocka_unit_test(a_connection_the_far_side_has_closed_is_made_again),
		cmocka_unit_test(nobody_there_is_a_sentence),
		cmocka_unit_test(a_url_has_a_path),
		cmocka_unit_test(our_server_is_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
