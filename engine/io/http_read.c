/* SPDX-License-Identifier: Apache-2.0 */
/* http_read.c - the steps of reading requests off a connection.
 *
 *     between  passes over empty lines; a first byte begins a request
 *     head     llhttp reads the request line and the headers
 *     length   the body is so many bytes
 *     chunks   the body comes in chunks, which are undone (http_chunks.c)
 *
 * Each step says what comes: the next step, more bytes, or nothing for now.
 */
#include <assert.h>
#include <string.h>

#include "io/http_inside.h"

enum going {
	GO_ON,
	NEED_MORE,
	HALT
};

/* Runs after a function of the service: what was answered in it may end now. */
static void served(struct http_exchange *exchange)
{
	exchange->serving = false;
	if (exchange->answered && !exchange->queued)
		http_exchange_free(exchange);
}

/* ------------------------------------------------------------------ between */

static void begin_request(struct http_connection *connection)
{
	struct http_exchange *exchange = http_exchange_new(connection->server);
	exchange->connection = connection;
	exchange->begin = connection->in + connection->at;
	exchange->request.peer = (struct sl_text){ connection->peer, strlen(connection->peer) };
	llhttp_init(&connection->parser, HTTP_REQUEST, &http_parser_settings);
	connection->parser.data = connection;
	connection->now = exchange;
	connection->phase = PHASE_HEAD;
	http_connection_restart_time(connection);
}

static enum going between(struct http_connection *connection)
{
	const struct http_server *server = connection->server;
	if (connection->last || connection->queued >= server->limits.pipeline || connection->stream.write_queue_size)
		return HALT;
	while (connection->at < connection->len &&
		(connection->in[connection->at] == '\r' || connection->in[connection->at] == '\n'))
		connection->at++;
	if (connection->at == connection->len)
		return NEED_MORE;
	begin_request(connection);
	return GO_ON;
}

/* --------------------------------------------------------------------- head */

static enum going malformed(struct http_connection *connection)
{
	int fault = connection->now->fault;
	const char *sentence = fault == 414 ? "the target of the request is too long" : "there are too many headers";
	if (fault)
		http_reject(connection, fault, "%s", sentence);
	else
		http_reject(connection, 400, "the request is malformed: %s", llhttp_get_error_reason(&connection->parser));
	return HALT;
}

/* The service looks at the head.  True: it wants the body. */
static bool wanted(struct http_connection *connection)
{
	struct http_exchange *exchange = connection->now;
	const struct http_service *service = connection->server->service;
	if (!service->head)
		return true;
	exchange->serving = true;
	bool wants = service->head(&exchange->request, connection->server->data);
	assert(wants != exchange->answered);
	if (!wants) {
		connection->last |= !exchange->request.keep_alive;
		connection->now = NULL;
		connection->phase = PHASE_BETWEEN;
	}
	served(exchange);
	return wants;
}

static enum going head_complete(struct http_connection *connection)
{
	struct http_exchange *exchange = connection->now;
	exchange->end = connection->in + connection->at;
	if (!http_head_finish(connection))
		return HALT;
	http_queue(connection, exchange);
	if (connection->server->draining)
		exchange->request.keep_alive = false;
	if (!wanted(connection))
		return GO_ON;
	if (connection->closed)
		return HALT;
	exchange->request.body.at = exchange->end;
	connection->phase = exchange->request.length < 0 ? PHASE_CHUNKS : PHASE_LENGTH;
	http_chunks_begin(&connection->chunks);
	return GO_ON;
}

static enum going head(struct http_connection *connection)
{
	size_t most = connection->server->limits.header_bytes;
	size_t before = (size_t)(connection->in + connection->at - connection->now->begin);
	size_t feed = connection->len - connection->at, left = before < most ? most - before : 0;
	if (feed > left)
		feed = left;
	const char *from = connection->in + connection->at;
	llhttp_errno_t error = llhttp_execute(&connection->parser, from, feed);
	if (error == HPE_PAUSED) {
		connection->at = (size_t)(llhttp_get_error_pos(&connection->parser) - connection->in);
		return head_complete(connection);
	}
	if (error != HPE_OK)
		return malformed(connection);
	connection->at += feed;
	if (before + feed < most)
		return NEED_MORE;
	if (connection->now->fields[0].name.at)
		http_reject(connection, 431, "the headers are longer than %zu bytes", most);
	else
		http_reject(connection, 414, "the request line is longer than %zu bytes", most);
	return HALT;
}

/* --------------------------------------------------------------------- body */

static enum going complete(struct http_connection *connection)
{
	struct http_exchange *exchange = connection->now;
	struct http_request *request = &exchange->request;
	request->body.len = (size_t)(exchange->end - request->body.at);
	exchange->unread = false;
	connection->now = NULL;
	connection->phase = PHASE_BETWEEN;
	connection->last |= !request->keep_alive || connection->server->draining;
	http_exchange_charge(exchange, request->text.len + request->body.len);
	exchange->serving = true;
	connection->server->service->handle(request, connection->server->data);
	request->path = request->query = request->text = request->body = request->peer = (struct sl_text){ 0 };
	request->headers = NULL;
	request->header_count = 0;
	served(exchange);
	return connection->closed ? HALT : GO_ON;
}

static enum going need_body(struct http_connection *connection)
{
	http_continue(connection);
	return connection->closed ? HALT : NEED_MORE;
}

static enum going body_of_length(struct http_connection *connection)
{
	struct http_exchange *exchange = connection->now;
	size_t have = (size_t)(connection->in + connection->len - exchange->end);
	size_t length = (size_t)exchange->request.length;
	if (have < length) {
		connection->at = connection->len;
		return need_body(connection);
	}
	exchange->end += length;
	connection->at = (size_t)(exchange->end - connection->in);
	return complete(connection);
}

static enum going body_of_chunks(struct http_connection *connection)
{
	static const struct {
		int status;
		const char *sentence;
	} bad[] = {
		[CHUNKS_BROKEN] = { 400, "the chunks of the body are malformed" },
		[CHUNKS_TOO_LARGE] = { 413, "the body is too large" },
		[CHUNKS_TOO_ODD] = { 400, "the chunks of the body carry too much that is not body" },
	};
	enum http_chunks_end end = http_chunks_take(connection, connection->now);
	if (end == CHUNKS_MORE)
		return need_body(connection);
	if (end == CHUNKS_DONE)
		return complete(connection);
	http_reject(connection, bad[end].status, "%s", bad[end].sentence);
	return HALT;
}

/* -------------------------------------------------------------------- steps */

static enum going (*const steps[])(struct http_connection *) = {
	[PHASE_BETWEEN] = between,
	[PHASE_HEAD] = head,
	[PHASE_LENGTH] = body_of_length,
	[PHASE_CHUNKS] = body_of_chunks,
};

static void cut_short(struct http_connection *connection)
{
	if (connection->now)
		http_reject(connection, 400, "the request ends in the middle");
	connection->last = true;
}

void http_read(struct http_connection *connection)
{
	enum going going = GO_ON;
	while (going == GO_ON && !connection->closed)
		going = steps[connection->phase](connection);
	connection->paused = going != NEED_MORE;
	if (going == NEED_MORE && connection->eof)
		cut_short(connection);
}

bool http_paused(const struct http_connection *connection)
{
	return connection->paused && !connection->last;
}
