/* SPDX-License-Identifier: Apache-2.0 */
/* http_server.c - listening, limits, the sweep, draining. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/line.h"
#include "io/http_inside.h"

#define ACCEPTS 64              /* connections taken in one go */
#define KEPT_FILES ((rlim_t)48) /* descriptors that connections leave to everybody else */
#define COMPLAINT 10000         /* ms between two log lines about missing descriptors */

/* -------------------------------------------------------------------- limits */

static const struct http_limits defaults = {
	.url = 8 << 10,
	.header_bytes = 32 << 10,
	.headers = 100,
	.body = 10 << 20,
	.in_flight = 64 << 20,
	.connections = 1024,
	.per_address = 64,
	.pipeline = 16,
	.request_time = 30000,
	.idle_time = 60000,
	.write_time = 30000,
};

static size_t or_default(size_t given, size_t otherwise)
{
	return given ? given : otherwise;
}

static int64_t time_or_default(int64_t given, int64_t otherwise)
{
	return given > 0 ? given : otherwise;
}

/* The log, its readers and the master's pipe need descriptors too, and who is told that there are too many. */
static size_t connections_possible(size_t wanted)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
		return wanted;
	size_t possible = files.rlim_cur > 2 * KEPT_FILES ? files.rlim_cur - KEPT_FILES : files.rlim_cur / 4;
	return wanted < possible ? wanted : possible;
}

static void drop_pool(struct http_server *server)
{
	while (server->pool) {
		struct http_exchange *exchange = server->pool;
		server->pool = exchange->next;
		free(exchange);
	}
	server->pooled = 0;
}

void http_server_limits(struct http_server *server, const struct http_limits *limits)
{
	struct http_limits *own = &server->limits;
	own->url = or_default(limits->url, defaults.url);
	own->header_bytes = or_default(limits->header_bytes, defaults.header_bytes);
	own->headers = or_default(limits->headers, defaults.headers);
	own->body = or_default(limits->body, defaults.body);
	own->in_flight = or_default(limits->in_flight, defaults.in_flight);
	own->connections = connections_possible(or_default(limits->connections, defaults.connections));
	own->per_address = or_default(limits->per_address, defaults.per_address);
	own->pipeline = or_default(limits->pipeline, defaults.pipeline);
	own->request_time = time_or_default(limits->request_time, defaults.request_time);
	own->idle_time = time_or_default(limits->idle_time, defaults.idle_time);
	own->write_time = time_or_default(limits->write_time, defaults.write_time);
	drop_pool(server);
}

/* ----------------------------------------------------------------- accepting */

static bool short_of_something(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Nothing is to be had: the listener rests until the sweep, or the loop would
 * only turn on it. */
static void rest(struct http_listener *listener)
{
	struct http_server *server = listener->server;
	uint64_t now = uv_now(server->loop);
	if (!server->complained || now - server->complained > COMPLAINT)
		line(SL_WARNING, "no connection can be accepted: %s; clients wait", strerror(errno));
	server->complained = now;
	listener->resting = true;
	uv_poll_stop(&listener->poll);
	http_server_changed(server);
}

/* True: there may be more. */
static bool accept_some(struct http_listener *listener)
{
	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage peer = { 0 };
		socklen_t len = sizeof(peer);
		int fd = accept4(listener->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			http_connection_open(listener->server, fd, &peer);
		else if (short_of_something(errno))
			return rest(listener), false;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return false;
	}
	return true;
}

static void on_connections(uv_poll_t *poll, int status, int events)
{
	accept_some(poll->data);
}

bool http_server_listen(struct http_server *server, int fd, struct why *why)
{
	struct http_listener *listener = must_alloc(sizeof(*listener));
	int error = uv_poll_init(server->loop, &listener->poll, fd);
	if (error) {
		free(listener);
		return why_say(why, "descriptor %d cannot be listened on: %s", fd, uv_strerror(error));
	}
	listener->poll.data = listener;
	listener->server = server;
	listener->fd = fd;
	listener->next = server->listeners;
	server->listeners = listener;
	server->references++;
	uv_poll_start(&listener->poll, UV_READABLE, on_connections);
	return true;
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct http_listener *listener = handle->data;
	struct http_server *server = listener->server;
	free(listener);
	http_server_release(server);
}

static void close_listener(struct http_listener *listener)
{
	close(listener->fd);
	uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
}

/* Who came before is served, and who comes later refused; whoever came between the last look and the
 * close would be cut off, so nothing lies between them. */
static void stop_listening(struct http_server *server)
{
	while (server->listeners) {
		struct http_listener *listener = server->listeners;
		server->listeners = listener->next;
		uv_poll_stop(&listener->poll);
		while (accept_some(listener))
			;
		close_listener(listener);
	}
}

/* --------------------------------------------------------------------- sweep */

static void wake_listeners(struct http_server *server)
{
	for (struct http_listener *listener = server->listeners; listener; listener = listener->next) {
		if (!listener->resting)
			continue;
		listener->resting = false;
		uv_poll_start(&listener->poll, UV_READABLE, on_connections);
	}
}

static void close_all(struct http_server *server)
{
	while (server->connections)
		http_connection_close(server->connections);
}

static void on_sweep(uv_timer_t *timer)
{
	struct http_server *server = timer->data;
	uint64_t now = uv_now(server->loop);
	struct http_connection *next;
	for (struct http_connection *connection = server->connections; connection; connection = next) {
		next = connection->next;
		if (connection->deadline && connection->deadline <= now)
			http_connection_timeout(connection);
	}
	if (server->draining && now >= server->drain_deadline)
		close_all(server);
	wake_listeners(server);
	http_server_changed(server);
}

static bool anyone_resting(const struct http_server *server)
{
	for (const struct http_listener *listener = server->listeners; listener; listener = listener->next)
		if (listener->resting)
			return true;
	return false;
}

/* Coarse on purpose: one timer for all, and none while nobody is there. */
static uint64_t sweep_interval(const struct http_limits *limits)
{
	int64_t least = limits->request_time < limits->idle_time ? limits->request_time : limits->idle_time;
	if (limits->write_time < least)
		least = limits->write_time;
	return least < 2000 ? (uint64_t)least / 8 + 1 : 250;
}

static void finish_draining(struct http_server *server)
{
	http_drained *drained = server->drained;
	server->drained = NULL;
	if (drained)
		drained(server->drained_data);
}

void http_server_changed(struct http_server *server)
{
	bool needed = server->connections || anyone_resting(server);
	if (server->freed)
		return;
	if (needed && !server->sweeping)
		uv_timer_start(&server->sweep, on_sweep, sweep_interval(&server->limits), sweep_interval(&server->limits));
	else if (!needed && server->sweeping)
		uv_timer_stop(&server->sweep);
	server->sweeping = needed;
	if (server->draining && !server->connections)
		finish_draining(server);
}

/* -------------------------------------------------------------------- waking */

static void on_wake(uv_idle_t *idle)
{
	struct http_server *server = idle->data;
	struct http_connection *woken = server->woken, *next;
	uv_idle_stop(idle);
	server->woken = NULL;
	for (; woken; woken = next) {
		next = woken->next_woken;
		woken->woken = false;
		if (!woken->closed)
			http_connection_run(woken);
	}
}

void http_server_wake(struct http_server *server)
{
	uv_idle_start(&server->wake, on_wake);
}

/* ------------------------------------------------------------- begin and end */

struct http_server *http_server_new(uv_loop_t *loop, const struct http_limits *limits,
	const struct http_service *service, void *data)
{
	struct http_server *server = must_alloc(sizeof(*server));
	signal(SIGPIPE, SIG_IGN); /* libuv writes to streams without MSG_NOSIGNAL */
	server->loop = loop;
	server->service = service;
	server->data = data;
	if (getrandom(&server->addresses.salt, sizeof(server->addresses.salt), GRND_NONBLOCK) < 0)
		server->addresses.salt = (uintptr_t)server;
	http_server_limits(server, limits);
	uv_timer_init(loop, &server->sweep);
	uv_idle_init(loop, &server->wake);
	server->sweep.data = server->wake.data = server;
	server->references = 3; /* the owner, the timer, the idle handle */
	return server;
}

void http_server_drain(struct http_server *server, int64_t deadline, http_drained *done, void *data)
{
	server->drained = done;
	server->drained_data = data;
	server->drain_deadline = uv_now(server->loop) + (uint64_t)deadline;
	stop_listening(server);
	server->draining = true;
	for (struct http_connection *connection = server->connections; connection; connection = connection->next) {
		if (connection->wait == WAIT_NEXT)
			http_connection_restart_time(connection); /* a shorter one */
		http_connection_settle(connection);
	}
	http_server_changed(server);
}

static void on_handle_closed(uv_handle_t *handle)
{
	http_server_release(handle->data);
}

void http_server_free(struct http_server **server)
{
	struct http_server *gone = *server;
	if (!gone)
		return;
	*server = NULL;
	gone->freed = true;
	while (gone->listeners) {
		struct http_listener *listener = gone->listeners;
		gone->listeners = listener->next;
		close_listener(listener);
	}
	close_all(gone);
	uv_close((uv_handle_t *)&gone->sweep, on_handle_closed);
	uv_close((uv_handle_t *)&gone->wake, on_handle_closed);
	http_server_release(gone);
}

void http_server_release(struct http_server *server)
{
	if (--server->references)
		return;
	drop_pool(server);
	http_addresses_free(&server->addresses);
	free(server);
}

size_t http_server_connections(const struct http_server *server)
{
	return server->connection_count;
}

size_t http_server_in_flight(const struct http_server *server)
{
	return server->in_flight;
}
