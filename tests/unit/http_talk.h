/* SPDX-License-Identifier: Apache-2.0 */
/* http_talk.h - a server and its clients on one loop, for tests.
 *
 * The server notes every request it handles as one line "METHOD path|query|body"
 * in `heard`; a client's bytes are sent in steps, the loop turned after each.
 */
#ifndef TESTS_HTTP_TALK_H
#define TESTS_HTTP_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "io/http.h"
#include "io/socket.h"
#include "sdk/text.h"

#define MOST_LATER 64

struct house {
	uv_loop_t loop;
	struct http_server *server;
	struct http_service service;
	char address[108];
	struct buf heard;
	bool defer; /* keep requests in `later` instead of answering */
	struct http_request *later[MOST_LATER];
	int later_count;
	int heads, refused;
	int last_refused;
	struct sl_text answer;
	bool drained;
};

static inline void note(struct house *house, const struct http_request *request)
{
	buf_format(&house->heard, "%s %.*s|", request->method, (int)request->path.len, request->path.at);
	buf_add(&house->heard, request->query.at, request->query.len);
	buf_char(&house->heard, '|');
	buf_add(&house->heard, request->body.at, request->body.len);
	buf_char(&house->heard, '\n');
}

static inline void on_handle(struct http_request *request, void *data)
{
	struct house *house = data;
	note(house, request);
	if (house->defer)
		house->later[house->later_count++] = request;
	else
		http_answer(request, 200, NULL, house->answer);
}

static inline bool on_head(struct http_request *request, void *data)
{
	struct house *house = data;
	house->heads++;
	if (sl_text_is(request->path, "/missing"))
		http_refuse(request, 404, NULL, "there is nothing here");
	else if (sl_text_is(request->path, "/post") && strcmp(request->method, "POST") != 0)
		http_refuse(request, 405, "Allow: POST\r\n", "only POST is served here");
	else
		return true;
	return false;
}

static inline void on_refused(const struct http_request *request, int status, const char *sentence, void *data)
{
	struct house *house = data;
	house->refused++;
	house->last_refused = status;
}

/* `where`: NULL is a unix socket of its own, else an address with port 0. */
static inline struct house *open_house(const struct http_limits *limits, const char *where)
{
	static int number;
	struct house *house = calloc(1, sizeof(*house));
	struct why why = { "" };
	int fd;
	uv_loop_init(&house->loop);
	house->service = (struct http_service){ on_head, on_handle, on_refused };
	house->answer = (struct sl_text){ "{}", 2 };
	house->server = http_server_new(&house->loop, limits, &house->service, house);
	snprintf(house->address, sizeof(house->address), "unix:/tmp/http-test-%d-%d.sock", (int)getpid(), ++number);
	if (!socket_listen(where ? where : house->address, 0600, &fd, &why))
		fail_msg("%s", why.text);
	if (where) {
		struct sockaddr_storage bound;
		socklen_t len = sizeof(bound);
		getsockname(fd, (struct sockaddr *)&bound, &len);
		const unsigned char *port = (const unsigned char *)&bound + 2; /* the same place in IPv4 and IPv6 */
		snprintf(house->address, sizeof(house->address), "%.*s:%d", (int)(strrchr(where, ':') - where), where,
			port[0] << 8 | port[1]);
	}
	assert_true(http_server_listen(house->server, fd, &why));
	return house;
}

static inline void close_house(struct house *house)
{
	http_server_free(&house->server);
	for (int i = 0; i < house->later_count; i++)
		if (house->later[i])
			http_answer(house->later[i], 200, NULL, house->answer);
	uv_run(&house->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&house->loop), 0);
	socket_remove(house->address);
	buf_free(&house->heard);
	free(house);
}

static inline void turn(struct house *house)
{
	for (int i = 0; i < 3; i++)
		uv_run(&house->loop, UV_RUN_NOWAIT);
}

/* Turns for so many milliseconds, for what takes time. */
static inline void pass(struct house *house, int ms)
{
	for (uint64_t until = uv_hrtime() + (uint64_t)ms * 1000000; uv_hrtime() < until;) {
		uv_run(&house->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
}

struct client {
	struct house *house;
	int fd;
	struct buf got;
	bool closed; /* by the server */
};

static inline struct client call_in(struct house *house)
{
	struct why why = { "" };
	struct client client = { .house = house, .fd = socket_connect(house->address, 1000, &why) };
	if (client.fd < 0)
		fail_msg("%s", why.text);
	buf_string(&client.got, "");
	turn(house);
	return client;
}

static inline void hear(struct client *client)
{
	char bytes[65536];
	ssize_t n;
	turn(client->house);
	while ((n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		buf_add(&client->got, bytes, (size_t)n);
		turn(client->house);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN))
		client->closed = true;
}

static inline void say_bytes(struct client *client, const char *at, size_t len, size_t step)
{
	for (size_t from = 0; from < len; from += step) {
		size_t part = len - from < step ? len - from : step;
		if (send(client->fd, at + from, part, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
			break;
		turn(client->house);
	}
	hear(client);
}

static inline void say(struct client *client, const char *text)
{
	say_bytes(client, text, strlen(text), strlen(text) + 1);
}

static inline void leave(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	turn(client->house);
	buf_free(&client->got);
}

/* The status of the n-th answer, 0: there is none.  100 counts. */
static inline int status_of(const struct client *client, int n)
{
	const char *at = client->got.at;
	for (; at && (at = strstr(at, "HTTP/1.1 ")); at++)
		if (n-- == 0)
			return atoi(at + 9);
	return 0;
}

static inline int last_status(const struct client *client)
{
	int status = 0;
	for (int n = 0; status_of(client, n); n++)
		status = status_of(client, n);
	return status;
}

#endif
