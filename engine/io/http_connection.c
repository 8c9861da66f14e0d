/* SPDX-License-Identifier: Apache-2.0 */
/* http_connection.c - a connection's bytes: buffers, pausing, ending. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "io/http_inside.h"

#define SMALLEST ((size_t)4 << 10) /* room of a buffer of its own */
#define STEP ((size_t)16 << 10)    /* and how far it grows beyond what a client has really sent */
#define BEYOND (HTTP_SCRATCH / 2)  /* bytes read at once into it, and beyond the end; then the client's sends block */

/* ------------------------------------------------------------------- buffers */

static void set_room(struct http_connection *connection, size_t room)
{
	connection->server->in_flight += room;
	connection->server->in_flight -= connection->room;
	connection->room = room;
}

static void give_back(struct http_connection *connection)
{
	free(connection->own);
	set_room(connection, 0);
	connection->own = connection->in = NULL;
	connection->len = connection->at = 0;
}

/* How large the buffer should be for the request that lies in it: what a body
 * announces is believed in steps, as it comes. */
static size_t room_wanted(const struct http_connection *connection, size_t rest)
{
	const struct http_exchange *now = connection->now;
	size_t room = SMALLEST;
	while (room < rest + SMALLEST / 4)
		room *= 2;
	if (!now || connection->phase != PHASE_LENGTH)
		return room;
	size_t whole = (size_t)(now->end - now->begin) + (size_t)now->request.length;
	if (room < rest + STEP)
		room = rest + STEP;
	return room < whole ? room : whole;
}

/* False: there is no room in the house, and the request was told so. */
static bool move_to_room(struct http_connection *connection, const char *from, size_t rest, size_t room)
{
	struct http_server *server = connection->server;
	struct http_exchange *now = connection->now;
	size_t others = server->in_flight - connection->room - (now ? now->cost : 0);
	if (now && others && others + room > server->limits.in_flight) {
		http_reject(connection, 503, "too many requests are being worked on; try again shortly");
		return false;
	}
	char *to = must_grow(NULL, room);
	memcpy(to, from, rest);
	if (now)
		http_exchange_move(now, from, rest, to);
	free(connection->own);
	connection->own = connection->in = to;
	set_room(connection, room);
	return true;
}

/* What is undone of chunks leaves a gap behind it. */
static void close_gap(struct http_connection *connection)
{
	struct http_exchange *now = connection->now;
	if (!now || connection->phase != PHASE_CHUNKS)
		return;
	size_t end = (size_t)(now->end - connection->in);
	memmove(now->end, connection->in + connection->at, connection->len - connection->at);
	connection->len -= connection->at - end;
	connection->at = end;
}

/* After the steps: what is not a whole request yet stays, at the beginning of a
 * buffer of the connection's own. */
static void keep_rest(struct http_connection *connection)
{
	struct http_exchange *now = connection->now;
	close_gap(connection);
	size_t from = now ? (size_t)(now->begin - connection->in) : connection->at;
	size_t rest = connection->len - from;
	if (rest == 0 || connection->closed || (connection->last && !now)) {
		connection->thrown += connection->len - connection->at;
		give_back(connection);
		return;
	}
	size_t room = room_wanted(connection, rest);
	if (room > connection->room || connection->room / 4 > room + HTTP_SCRATCH) {
		if (!move_to_room(connection, connection->in + from, rest, room)) {
			give_back(connection);
			return;
		}
	} else if (from) {
		memmove(connection->own, connection->own + from, rest);
		if (now)
			http_exchange_move(now, connection->own + from, rest, connection->own);
	}
	connection->len = rest;
	connection->at -= from;
}

/* ------------------------------------------------------------------- reading */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct http_connection *connection = (struct http_connection *)handle;
	size_t room = connection->room - connection->len;
	if (connection->ended)
		*out = uv_buf_init(connection->server->scratch, (unsigned)(BEYOND - connection->thrown));
	else if (connection->own)
		*out = uv_buf_init(connection->own + connection->len, (unsigned)(room < BEYOND ? room : BEYOND));
	else
		*out = uv_buf_init(connection->server->scratch, HTTP_SCRATCH);
}

/* A client that is still sending when it has been answered is given time to see
 * the answer: closing at once would take it back. */
static void throw_away(struct http_connection *connection, ssize_t n)
{
	if (n < 0)
		http_connection_close(connection);
	else
		connection->thrown += (size_t)n;
	http_connection_settle(connection);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct http_connection *connection = (struct http_connection *)stream;
	if (n == 0)
		return;
	if (connection->ended) {
		throw_away(connection, n);
		return;
	}
	if (n < 0 && n != UV_EOF) {
		http_connection_close(connection);
		return;
	}
	if (n == UV_EOF) {
		connection->eof = true;
	} else if (connection->own) {
		connection->len += (size_t)n;
	} else {
		connection->in = connection->server->scratch;
		connection->len = (size_t)n;
		connection->at = 0;
	}
	http_connection_run(connection);
}

void http_connection_run(struct http_connection *connection)
{
	connection->busy = true;
	http_read(connection);
	keep_rest(connection);
	connection->busy = false;
	http_connection_settle(connection);
}

void http_connection_wake(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	if (connection->woken)
		return;
	connection->woken = true;
	connection->next_woken = server->woken;
	server->woken = connection;
	http_server_wake(server);
}

/* ------------------------------------------------------------------- writing */

struct pending {
	uv_write_t write;
	char bytes[];
};

static void on_written(uv_write_t *write, int status)
{
	struct http_connection *connection = (struct http_connection *)write->handle;
	free(write->data);
	if (connection->closed)
		return;
	if (status < 0)
		http_connection_close(connection);
	else if (http_paused(connection))
		http_connection_wake(connection);
	else
		http_connection_settle(connection);
}

static void write_later(struct http_connection *connection, const struct iovec *parts, size_t count, size_t skip)
{
	size_t all = 0, used = 0;
	for (size_t i = 0; i < count; i++)
		all += parts[i].iov_len;
	struct pending *pending = must_grow(NULL, sizeof(*pending) + all - skip);
	for (size_t i = 0; i < count; i++) {
		size_t past = skip < parts[i].iov_len ? skip : parts[i].iov_len;
		skip -= past;
		if (parts[i].iov_len > past)
			memcpy(pending->bytes + used, (char *)parts[i].iov_base + past, parts[i].iov_len - past);
		used += parts[i].iov_len - past;
	}
	uv_buf_t buffer = uv_buf_init(pending->bytes, (unsigned)used);
	pending->write.data = pending;
	if (uv_write(&pending->write, &connection->stream, &buffer, 1, on_written) == 0)
		return;
	free(pending);
	http_connection_close(connection);
}

void http_connection_write(struct http_connection *connection, struct iovec *parts, size_t count)
{
	uv_buf_t buffers[4];
	size_t all = 0;
	if (connection->closed)
		return;
	for (size_t i = 0; i < count; i++) {
		buffers[i] = uv_buf_init(parts[i].iov_base, (unsigned)parts[i].iov_len);
		all += parts[i].iov_len;
	}
	int n = uv_try_write(&connection->stream, buffers, (unsigned)count);
	if (n < 0 && n != UV_EAGAIN)
		http_connection_close(connection);
	else if (n < 0 || (size_t)n < all)
		write_later(connection, parts, count, n < 0 ? 0 : (size_t)n);
}

/* ------------------------------------------------------------- what comes next */

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
	struct http_connection *connection = (struct http_connection *)shutdown->handle;
	if ((status < 0 || connection->eof) && !connection->closed)
		http_connection_close(connection);
}

static void end(struct http_connection *connection)
{
	connection->ended = true;
	if (uv_shutdown(&connection->shutdown, &connection->stream, on_shutdown) != 0)
		http_connection_close(connection);
}

static enum http_wait waits_for(const struct http_connection *connection)
{
	if (connection->ended)
		return WAIT_LINGER;
	if (connection->stream.write_queue_size)
		return WAIT_WRITE;
	if (connection->now)
		return WAIT_REQUEST;
	return connection->first ? WAIT_NOTHING : WAIT_NEXT;
}

static uint64_t time_for(const struct http_connection *connection, enum http_wait wait)
{
	const struct http_limits *limits = &connection->server->limits;
	const int64_t times[] = {
		[WAIT_NOTHING] = 0,
		[WAIT_NEXT] = connection->server->draining ? HTTP_DRAIN_GRACE : limits->idle_time,
		[WAIT_REQUEST] = limits->request_time,
		[WAIT_WRITE] = limits->write_time,
		[WAIT_LINGER] = HTTP_LINGER,
	};
	return (uint64_t)times[wait];
}

static void set_deadline(struct http_connection *connection)
{
	enum http_wait wait = waits_for(connection);
	if (wait == connection->wait)
		return;
	connection->wait = wait;
	connection->unsent = connection->stream.write_queue_size;
	connection->deadline = wait == WAIT_NOTHING ? 0 : uv_now(connection->server->loop) + time_for(connection, wait);
}

void http_connection_restart_time(struct http_connection *connection)
{
	connection->wait = WAIT_NOTHING;
	connection->deadline = 0;
}

static bool listens(const struct http_connection *connection)
{
	if (connection->ended)
		return !connection->eof && connection->thrown < BEYOND;
	return !connection->eof && !connection->paused && !connection->last;
}

static void set_reading(struct http_connection *connection)
{
	bool reading = listens(connection);
	if (reading == connection->reading)
		return;
	connection->reading = reading;
	if (reading)
		uv_read_start(&connection->stream, on_alloc, on_read);
	else
		uv_read_stop(&connection->stream);
}

void http_connection_settle(struct http_connection *connection)
{
	if (connection->closed)
		return;
	if (connection->last && !connection->now && !connection->first && !connection->ended &&
		!connection->stream.write_queue_size)
		end(connection);
	if (connection->closed)
		return;
	set_deadline(connection);
	set_reading(connection);
}

void http_connection_timeout(struct http_connection *connection)
{
	size_t unsent = connection->stream.write_queue_size;
	if (connection->wait == WAIT_WRITE && unsent < connection->unsent) {
		http_connection_restart_time(connection); /* it takes a little: it gets more */
	} else if (connection->wait == WAIT_REQUEST) {
		connection->busy = true;
		http_reject(connection, 408, "the request was not complete within %lld ms",
			(long long)connection->server->limits.request_time);
		keep_rest(connection);
		connection->busy = false;
	} else {
		http_connection_close(connection);
	}
	http_connection_settle(connection);
}

/* --------------------------------------------------------------- begin and end */

static void link_in(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	connection->next = server->connections;
	if (connection->next)
		connection->next->before = connection;
	server->connections = connection;
	server->connection_count++;
	server->surplus += connection->surplus;
	server->references++;
}

static void link_out(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	if (connection->before)
		connection->before->next = connection->next;
	else
		server->connections = connection->next;
	if (connection->next)
		connection->next->before = connection->before;
	server->connection_count--;
	server->surplus -= connection->surplus;
	if (connection->counted)
		http_address_remove(&server->addresses, &connection->address);
}

/* Whether it may come in: 0, or the status it is sent away with. */
static int admit(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	const struct http_limits *limits = &server->limits;
	if (server->connection_count - server->surplus >= limits->connections)
		return 503;
	if (connection->proxy)
		return 0;
	connection->counted = true;
	return http_address_add(&server->addresses, &connection->address) > limits->per_address ? 429 : 0;
}

static void send_away(struct http_connection *connection, int status)
{
	connection->now = http_exchange_new(connection->server);
	connection->now->connection = connection;
	connection->now->request.peer = (struct sl_text){ connection->peer, strlen(connection->peer) };
	http_reject(connection, status, status == 429 ? "too many connections from this address" : "too many connections");
}

int http_process(const struct http_request *request)
{
	const struct http_exchange *exchange = (const struct http_exchange *)request;
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	uv_os_fd_t fd;
	if (!exchange->connection || uv_fileno(&exchange->connection->handle, &fd) != 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return 0;
	return peer.pid;
}

static void name_peer(struct http_connection *connection, const struct sockaddr_storage *peer)
{
	const struct in6_addr *address = &connection->address;
	network_address((const struct sockaddr *)peer, &connection->address);
	if (peer->ss_family != AF_INET && peer->ss_family != AF_INET6)
		strcpy(connection->peer, "unix");
	else if (IN6_IS_ADDR_V4MAPPED(address))
		inet_ntop(AF_INET, address->s6_addr + 12, connection->peer, sizeof(connection->peer));
	else
		inet_ntop(AF_INET6, address, connection->peer, sizeof(connection->peer));
}

static bool take_descriptor(struct http_connection *connection, int fd, bool local)
{
	uv_loop_t *loop = connection->server->loop;
	if (local) {
		uv_pipe_init(loop, &connection->pipe, 0);
		return uv_pipe_open(&connection->pipe, fd) == 0;
	}
	uv_tcp_init(loop, &connection->tcp);
	return uv_tcp_open(&connection->tcp, fd) == 0 && uv_tcp_nodelay(&connection->tcp, 1) == 0;
}

void http_connection_open(struct http_server *server, int fd, const struct sockaddr_storage *peer)
{
	struct http_connection *connection = must_alloc(sizeof(*connection));
	bool local = peer->ss_family != AF_INET && peer->ss_family != AF_INET6;
	connection->server = server;
	name_peer(connection, peer);
	/* A unix socket's clients are ours; whether they are believed is another matter. */
	connection->proxy = local ? server->addresses.unix_proxy
				  : http_address_trusted(&server->addresses, &connection->address);
	int status = local && !connection->proxy ? 0 : admit(connection);
	connection->surplus = status != 0;
	link_in(connection);
	if (!take_descriptor(connection, fd, local) || server->surplus > HTTP_SURPLUS)
		http_connection_close(connection);
	else if (status)
		send_away(connection, status);
	http_connection_settle(connection);
	http_server_changed(server);
}

static void on_closed(uv_handle_t *handle)
{
	struct http_connection *connection = (struct http_connection *)handle;
	struct http_server *server = connection->server;
	give_back(connection);
	free(connection);
	http_server_release(server);
}

static void abandon(struct http_exchange *exchange)
{
	exchange->connection = NULL;
	exchange->queued = false;
	if (exchange->answered && !exchange->serving)
		http_exchange_free(exchange);
}

static void abandon_all(struct http_connection *connection)
{
	struct http_exchange *now = connection->now, *next;
	connection->now = NULL;
	if (now && !now->queued)
		http_exchange_free(now);
	for (struct http_exchange *exchange = connection->first; exchange; exchange = next) {
		next = exchange->next;
		/* Nobody but us knows of one that is being read. */
		exchange->answered |= exchange == now && !exchange->serving;
		abandon(exchange);
	}
	connection->first = connection->tail = NULL;
}

static void forget_waking(struct http_connection *connection)
{
	struct http_connection **place = &connection->server->woken;
	while (*place && *place != connection)
		place = &(*place)->next_woken;
	if (*place)
		*place = connection->next_woken;
}

void http_connection_close(struct http_connection *connection)
{
	if (connection->closed)
		return;
	connection->closed = true;
	abandon_all(connection);
	if (connection->woken)
		forget_waking(connection);
	link_out(connection);
	uv_close(&connection->handle, on_closed);
	http_server_changed(connection->server);
}
