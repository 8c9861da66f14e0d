/* SPDX-License-Identifier: Apache-2.0 */
/* http_inside.h - what the server's files share.
 *
 *     http_server.c      listening, limits, the sweep, draining
 *     http_address.c     who connects: counts per address, proxies
 *     http_connection.c  a connection's bytes: buffers, pausing, ending
 *     http_read.c        the steps of reading requests off a connection
 *     http_head.c        the head of a request: what llhttp finds, and our guards
 *     http_chunks.c      chunked bodies
 *     http_answer.c      answers, in order
 *
 * Memory.  The server has one read buffer; a request that lies in it whole is
 * handled where it lies.  Only what is incomplete after a read is copied, into a
 * buffer of the connection's `own`, which then is read into directly and given
 * back with the request's end.
 */
#ifndef IO_HTTP_INSIDE_H
#define IO_HTTP_INSIDE_H

#include <llhttp.h>
#include <netinet/in.h>
#include <sys/uio.h>
#include <time.h>

#include "base/buf.h"
#include "io/http.h"
#include "io/network.h"

#define HTTP_SCRATCH ((size_t)64 << 10) /* the read buffer */
#define HTTP_LINGER 2000                /* ms a closing connection may still send */
#define HTTP_DRAIN_GRACE 500            /* ms an idle connection may still begin a request when draining */
#define HTTP_SURPLUS 16                 /* connections over the limit that are told so; more are cut */

/* ---------------------------------------------------------------- exchanges */

/* A request and its answer.  From its first byte it is its connection's `now`;
 * from the end of its head until its answer is written it is in the queue. */
struct http_exchange {
	struct http_request request; /* first: what the service sees */
	struct http_server *server;
	struct http_connection *connection; /* NULL: it has died */
	struct http_exchange *next;         /* the connection's, or in the pool */
	bool serving;                       /* a function of the service is running on it */
	bool queued;
	bool answered;
	bool unread; /* its body was not read to the end */
	bool old;    /* HTTP/1.0 */
	bool waits;  /* for "100 Continue" */
	int fault;   /* status for what a callback of the parser found too large */
	char *begin; /* its first byte in the read buffer */
	char *target;
	size_t target_len;
	char *end;         /* end of its head; of its body, as far as chunks are undone */
	size_t cost;       /* its share of in_flight */
	struct buf answer; /* waits for the answers before it */
	size_t room;       /* of `fields` */
	struct http_header fields[];
};

struct http_exchange *http_exchange_new(struct http_server *server);
void http_exchange_free(struct http_exchange *exchange);
void http_exchange_charge(struct http_exchange *exchange, size_t bytes);
/* Its bytes were moved from `from` to `to`. */
void http_exchange_move(struct http_exchange *exchange, const char *from, size_t len, char *to);

/* -------------------------------------------------------------- connections */

/* Where the reading of a connection stands: the steps of http_read.c. */
enum http_phase {
	PHASE_BETWEEN,
	PHASE_HEAD,
	PHASE_LENGTH,
	PHASE_CHUNKS
};

/* What a connection waits for, and so which deadline it has. */
enum http_wait {
	WAIT_NOTHING,
	WAIT_NEXT,
	WAIT_REQUEST,
	WAIT_WRITE,
	WAIT_LINGER
};

struct http_chunks {
	unsigned char state;
	size_t left;    /* of the chunk at hand */
	size_t framing; /* bytes that were no data */
};

struct http_connection {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	};
	struct http_server *server;
	struct http_connection *next, *before; /* all of the server */
	struct http_connection *next_woken;
	struct in6_addr address;
	char peer[INET6_ADDRSTRLEN];
	bool proxy;   /* of ours: believed, and not counted */
	bool counted; /* in the table of addresses */
	bool surplus; /* over the limit, only here to be told */

	bool last;   /* no further request will be read */
	bool paused; /* not now either: the queue or the client's ears are full */
	bool busy;   /* the steps are running */
	bool woken;  /* in the server's list */
	bool ended;  /* all is answered: what still comes is thrown away */
	bool closed;
	bool reading;
	bool eof;
	enum http_wait wait;
	uint64_t deadline; /* in the loop's time; 0: none */
	size_t unsent;     /* bytes, when last looked at */
	size_t thrown;     /* bytes read beyond what was taken */

	enum http_phase phase;
	llhttp_t parser;
	struct http_chunks chunks;
	struct http_exchange *now;          /* being read */
	struct http_exchange *first, *tail; /* the queue */
	size_t queued;

	char *in;       /* the server's read buffer or `own` */
	size_t len, at; /* filled, read */
	char *own;
	size_t room;
	uv_shutdown_t shutdown;
};

void http_connection_open(struct http_server *server, int fd, const struct sockaddr_storage *peer);
void http_connection_close(struct http_connection *connection);
void http_connection_timeout(struct http_connection *connection);
/* Reads requests that are there, and settles. */
void http_connection_run(struct http_connection *connection);
/* The same with the next turn of the loop: who answers must not find itself
 * handling the next request meanwhile. */
void http_connection_wake(struct http_connection *connection);
/* Sets the deadline, reads or not, ends: after every change. */
void http_connection_settle(struct http_connection *connection);
void http_connection_restart_time(struct http_connection *connection); /* the next settling sets a new deadline */
void http_connection_write(struct http_connection *connection, struct iovec *parts, size_t count);

/* Runs the steps on connection->in as far as they go. */
void http_read(struct http_connection *connection);
/* It stopped though it could go on once an answer is written. */
bool http_paused(const struct http_connection *connection);

/* -------------------------------------------------------------------- heads */

extern const llhttp_settings_t http_parser_settings;

/* The head has ended at exchange->end.  Fills the request; false if it was
 * rejected. */
bool http_head_finish(struct http_connection *connection);

/* ------------------------------------------------------------------- chunks */

enum http_chunks_end {
	CHUNKS_MORE,
	CHUNKS_DONE,
	CHUNKS_BROKEN,
	CHUNKS_TOO_LARGE,
	CHUNKS_TOO_ODD
};

void http_chunks_begin(struct http_chunks *chunks);
/* From connection->at on; what is body is put to exchange->end. */
enum http_chunks_end http_chunks_take(struct http_connection *connection, struct http_exchange *exchange);

/* ------------------------------------------------------------------ answers */

void http_queue(struct http_connection *connection, struct http_exchange *exchange);
/* Answers what is being read, and ends the connection's reading. */
void http_reject(struct http_connection *connection, int status, const char *form, ...)
	__attribute__((format(printf, 3, 4)));
/* "100 Continue" if it is awaited and nothing stands before it. */
void http_continue(struct http_connection *connection);

/* ---------------------------------------------------------------- addresses */

struct http_address_count;

struct http_addresses {
	struct http_address_count *buckets[256];
	uint64_t salt;
	struct network *proxies;
	size_t proxy_count;
	bool unix_proxy;
};

bool http_address_trusted(const struct http_addresses *addresses, const struct in6_addr *address);
size_t http_address_add(struct http_addresses *addresses, const struct in6_addr *address); /* how many there are now */
void http_address_remove(struct http_addresses *addresses, const struct in6_addr *address);
void http_addresses_free(struct http_addresses *addresses);
/* The client that a proxy speaks for: the last in X-Forwarded-For that is no proxy of ours. */
struct sl_text http_address_forwarded(const struct http_addresses *addresses, const struct http_request *request);

/* ------------------------------------------------------------------- server */

/* The last answer that is one piece, as it stood on the wire: most of the next are like it. */
struct http_said {
	char at[320];
	size_t len;
	bool again; /* it may be, if all of this is the same */
	int status;
	const char *ending; /* its Connection line */
	time_t second;
	size_t body; /* bytes at its end */
};

struct http_listener {
	uv_poll_t poll;
	struct http_server *server;
	struct http_listener *next;
	int fd;
	bool resting; /* no descriptors were left; the sweep tries again */
};

struct http_server {
	uv_loop_t *loop;
	struct http_limits limits;
	const struct http_service *service;
	void *data;
	struct http_listener *listeners;
	struct http_connection *connections, *woken;
	size_t connection_count, surplus, in_flight;
	struct http_addresses addresses;
	struct http_exchange *pool;
	size_t pooled;
	size_t references; /* handles, exchanges and the owner; the last one frees it */
	bool freed;        /* by the owner */
	bool draining;
	uint64_t drain_deadline;
	http_drained *drained;
	void *drained_data;
	uv_timer_t sweep;
	uv_idle_t wake;
	bool sweeping;
	uint64_t complained; /* when descriptors were last missing */
	time_t second;       /* what `date` says */
	char date[40];
	struct http_said said;
	char scratch[HTTP_SCRATCH];
};

void http_server_release(struct http_server *server);
void http_server_changed(struct http_server *server); /* connections came or went: the sweep, the end of draining */
void http_server_wake(struct http_server *server);    /* on_wake with the next turn */

#endif
