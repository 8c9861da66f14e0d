/* SPDX-License-Identifier: Apache-2.0 */
/* http_answer.c - answers, in the order of the requests. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "io/http_inside.h"

#define POOL 256 /* exchanges kept for the next requests */

/* ---------------------------------------------------------------- exchanges */

struct http_exchange *http_exchange_new(struct http_server *server)
{
	struct http_exchange *exchange = server->pool;
	size_t room = server->limits.headers + 1;
	if (exchange) {
		server->pool = exchange->next;
		server->pooled--;
	} else {
		exchange = must_grow(NULL, sizeof(*exchange) + room * sizeof(exchange->fields[0]));
	}
	*exchange = (struct http_exchange){ .server = server, .room = room };
	exchange->fields[0] = (struct http_header){ 0 };
	exchange->request.headers = exchange->fields;
	exchange->request.method = "GET";
	http_exchange_charge(exchange, sizeof(*exchange));
	server->references++;
	return exchange;
}

void http_exchange_charge(struct http_exchange *exchange, size_t bytes)
{
	exchange->cost += bytes;
	exchange->server->in_flight += bytes;
}

void http_exchange_free(struct http_exchange *exchange)
{
	struct http_server *server = exchange->server;
	server->in_flight -= exchange->cost;
	buf_free(&exchange->answer);
	if (server->pooled < POOL && exchange->room == server->limits.headers + 1) {
		exchange->next = server->pool;
		server->pool = exchange;
		server->pooled++;
	} else {
		free(exchange);
	}
	http_server_release(server);
}

static void move_text(struct sl_text *text, const char *from, size_t len, const char *to)
{
	if (text->at >= from && text->at <= from + len)
		text->at = to + (text->at - from);
}

void http_exchange_move(struct http_exchange *exchange, const char *from, size_t len, char *to)
{
	struct http_request *request = &exchange->request;
	struct sl_text *texts[] = { &request->path, &request->query, &request->text, &request->body, &request->peer };
	exchange->begin = to + (exchange->begin - from);
	if (exchange->target)
		exchange->target = to + (exchange->target - from);
	if (exchange->end)
		exchange->end = to + (exchange->end - from);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		move_text(texts[i], from, len, to);
	for (size_t i = 0; i <= request->header_count && i < exchange->room; i++) {
		move_text(&exchange->fields[i].name, from, len, to);
		move_text(&exchange->fields[i].value, from, len, to);
	}
}

struct sl_text http_header(const struct http_request *request, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < request->header_count; i++)
		if (request->headers[i].name.len == len && memcmp(request->headers[i].name.at, name, len) == 0)
			return request->headers[i].value;
	return (struct sl_text){ 0 };
}

bool http_gone(const struct http_request *request)
{
	return !((const struct http_exchange *)request)->connection;
}

/* -------------------------------------------------------------------- queue */

void http_queue(struct http_connection *connection, struct http_exchange *exchange)
{
	if (connection->tail)
		connection->tail->next = exchange;
	else
		connection->first = exchange;
	connection->tail = exchange;
	connection->queued++;
	exchange->queued = true;
}

static struct http_exchange *take_first(struct http_connection *connection)
{
	struct http_exchange *exchange = connection->first;
	connection->first = exchange->next;
	if (!connection->first)
		connection->tail = NULL;
	connection->queued--;
	exchange->queued = false;
	return exchange;
}

/* -------------------------------------------------------------------- heads */

static const struct {
	int status;
	const char *phrase;
} phrases[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" },
};

static const char *phrase_of(int status)
{
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Answer";
}

static const char *date_line(struct http_server *server)
{
	time_t now = time(NULL);
	struct tm utc;
	if (now != server->second) {
		server->second = now;
		gmtime_r(&now, &utc);
		strftime(server->date, sizeof(server->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
	}
	return server->date;
}

/* A head is put together without printf, which would cost as much as all the rest. */
static void put(struct http_said *said, const char *string)
{
	size_t len = strlen(string);
	assert(said->len + len <= sizeof(said->at));
	memcpy(said->at + said->len, string, len);
	said->len += len;
}

static void put_number(struct http_said *said, size_t number)
{
	char digits[24], *at = digits + sizeof(digits) - 1;
	*at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	put(said, at);
}

static bool closes(const struct http_connection *connection, const struct http_exchange *exchange)
{
	if (exchange->unread || !exchange->request.keep_alive)
		return true;
	return connection->last && connection->tail == exchange && !connection->now;
}

static const char *ending_of(const struct http_exchange *exchange)
{
	if (closes(exchange->connection, exchange))
		return "Connection: close\r\n";
	return exchange->old ? "Connection: keep-alive\r\n" : "";
}

static bool names_type(const char *headers)
{
	return headers && strcasestr(headers, "content-type:");
}

static void put_head(struct http_said *said, const char *date, const char *headers)
{
	put(said, "HTTP/1.1 ");
	put_number(said, (size_t)said->status);
	put(said, " ");
	put(said, phrase_of(said->status));
	put(said, "\r\n");
	put(said, date);
	if (said->body && !names_type(headers))
		put(said, "Content-Type: application/json\r\n");
	if (said->status != 204 && said->status != 304) {
		put(said, "Content-Length: ");
		put_number(said, said->body);
		put(said, "\r\n");
	}
	put(said, said->ending);
}

/* ------------------------------------------------------------------ answers */

/* The answers that waited for this one; and a body that waits to be asked for. */
static void send_followers(struct http_connection *connection)
{
	while (connection->first && connection->first->answered && !connection->closed) {
		struct http_exchange *exchange = take_first(connection);
		struct iovec part = { exchange->answer.at, exchange->answer.len };
		http_connection_write(connection, &part, 1);
		if (!exchange->serving)
			http_exchange_free(exchange);
	}
	if (!connection->closed)
		http_continue(connection);
}

static void keep_answer(struct http_exchange *exchange, const struct iovec *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_add(&exchange->answer, parts[i].iov_base, parts[i].iov_len);
}

/* A short answer becomes one part: the kernel takes that sooner than four. */
static size_t flatten(struct http_said *said, struct iovec parts[4])
{
	size_t more = parts[1].iov_len + parts[2].iov_len + parts[3].iov_len;
	if (said->len + more > sizeof(said->at))
		return 4;
	for (size_t i = 1; i < 4; i++) {
		if (parts[i].iov_len)
			memcpy(said->at + said->len, parts[i].iov_base, parts[i].iov_len);
		said->len += parts[i].iov_len;
	}
	parts[0].iov_len = said->len;
	return 1;
}

/* Says it in the server's `said`; where it does not fit there, in up to four parts. */
static size_t say(struct http_exchange *exchange, int status, const char *headers, struct sl_text body,
	struct iovec parts[4])
{
	struct http_said *said = &exchange->server->said;
	bool bare = exchange->request.is_head || status == 204 || status == 304;
	const char *date = date_line(exchange->server), *ending = ending_of(exchange);
	*parts = (struct iovec){ said->at, said->len };
	if (said->again && !headers && !bare && said->status == status && said->ending == ending &&
		said->second == exchange->server->second && said->body == body.len &&
		memcmp(said->at + said->len - body.len, body.at, body.len) == 0)
		return 1;
	said->len = 0;
	said->status = status;
	said->ending = ending;
	said->second = exchange->server->second;
	said->body = body.len;
	put_head(said, date, headers);
	parts[0].iov_len = said->len;
	parts[1] = (struct iovec){ (void *)headers, headers ? strlen(headers) : 0 };
	parts[2] = (struct iovec){ "\r\n", 2 };
	parts[3] = (struct iovec){ (void *)body.at, bare ? 0 : body.len };
	size_t count = flatten(said, parts);
	said->again = count == 1 && !headers && !bare && body.len;
	return count;
}

static void send_or_keep(struct http_exchange *exchange, int status, const char *headers, struct sl_text body)
{
	struct http_connection *connection = exchange->connection;
	struct iovec parts[4];
	size_t count = say(exchange, status, headers, body, parts);
	if (exchange != connection->first) {
		keep_answer(exchange, parts, count);
		return;
	}
	take_first(connection);
	http_connection_write(connection, parts, count);
	send_followers(connection);
}

/* What is not read to its end leaves the connection without a next request. */
static void stop_reading(struct http_connection *connection, struct http_exchange *exchange)
{
	connection->last = true;
	if (connection->now != exchange)
		return;
	connection->now = NULL;
	connection->phase = PHASE_BETWEEN;
}

void http_answer(struct http_request *request, int status, const char *headers, struct sl_text body)
{
	struct http_exchange *exchange = (struct http_exchange *)request;
	struct http_connection *connection = exchange->connection;
	assert(!exchange->answered);
	exchange->answered = true;
	if (connection && exchange->unread)
		stop_reading(connection, exchange);
	if (connection)
		send_or_keep(exchange, status, headers, body);
	if (!exchange->serving && !exchange->queued)
		http_exchange_free(exchange);
	if (!connection || connection->busy || connection->closed)
		return;
	if (http_paused(connection))
		http_connection_wake(connection);
	else
		http_connection_settle(connection);
}

static void answer_error(struct http_request *request, int status, const char *headers, const char *sentence)
{
	struct buf body = { 0 };
	json_open(&body, '{');
	json_member_string(&body, "error", sentence);
	json_close(&body, '}');
	buf_char(&body, '\n');
	http_answer(request, status, headers, (struct sl_text){ body.at, body.len });
	buf_free(&body);
}

void http_refuse(struct http_request *request, int status, const char *headers, const char *form, ...)
{
	struct why why;
	va_list values;
	va_start(values, form);
	why_vsay(&why, form, values);
	va_end(values);
	answer_error(request, status, headers, why.text);
}

/* ------------------------------------------------------- the server's own words */

void http_reject(struct http_connection *connection, int status, const char *form, ...)
{
	struct http_exchange *exchange = connection->now;
	const struct http_server *server = connection->server;
	struct why why;
	va_list values;
	va_start(values, form);
	why_vsay(&why, form, values);
	va_end(values);
	if (!exchange->queued)
		http_queue(connection, exchange);
	exchange->unread = true;
	if (server->service->refused)
		server->service->refused(&exchange->request, status, why.text, server->data);
	answer_error(&exchange->request, status, status == 429 || status == 503 ? "Retry-After: 1\r\n" : NULL, why.text);
}

void http_continue(struct http_connection *connection)
{
	static char words[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct http_exchange *exchange = connection->now;
	struct iovec part = { words, sizeof(words) - 1 };
	if (!exchange || !exchange->waits || exchange != connection->first)
		return;
	exchange->waits = false;
	http_connection_write(connection, &part, 1);
}
