/* SPDX-License-Identifier: Apache-2.0 */
/* http.h - an HTTP/1.1 server on a libuv loop.
 *
 * One server has any number of listening sockets, one set of limits and one
 * service: the two functions that decide what is answered.  Both the public
 * address and the admin address are served by it.
 *
 * A request's life:
 *
 *     head     its request line and headers are there and unambiguous.  The
 *              service says whether its body is wanted, or answers at once
 *              (404, 405, 413, 415, 503: before a byte of the body is read,
 *              and before "100 Continue" is sent)
 *     body     read into one piece of memory, chunks undone
 *     handle   the service gets the whole request, once
 *     answer   now or later, in any order: the answers of one connection leave
 *              in the order of its requests
 *
 * What the server answers by itself: 400 (malformed, or ambiguous in framing),
 * 408, 413, 414, 415 (content-encoding), 417, 429, 431, 503, 505.  After a
 * request that is refused so, nothing more of its connection is read.  Each
 * such answer is {"error":"a sentence"}.
 *
 * The request line, the names and the values point into the read buffer; they
 * are gone when `handle` returns, and so is the body.  Who answers later copies
 * what it needs; the struct itself stays until http_answer.
 */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/why.h"
#include "sdk/plugin.h"

/* ----------------------------------------------------------------- requests */

struct http_header {
	struct sl_text name, value; /* name in lower case, value without blanks at its ends */
};

struct http_request {
	const char *method;   /* "POST"; lives for ever */
	struct sl_text path;  /* begins with '/', or is "*"; as sent, %XX not undone */
	struct sl_text query; /* without '?'; at NULL: there was none */
	struct sl_text text;  /* all headers as "name: value\n" each, doubled ones twice */
	const struct http_header *headers;
	size_t header_count;
	struct sl_text body; /* empty until `handle` */
	struct sl_text peer; /* address of the client: of the connection, or what a proxy of ours forwarded; "unix" */
	int64_t length;      /* bytes of body announced; -1: chunked */
	bool is_head;        /* answered like GET, without the body */
	bool keep_alive;     /* the connection goes on after the answer */
	void *data;          /* the service's own: set in `head`, found in `handle` */
};

/* By its lower-case name, the first one.  at NULL: not there. */
struct sl_text http_header(const struct http_request *request, const char *name);

/* Who connected to a unix socket: a process id; 0: it is none, or nobody knows. */
int http_process(const struct http_request *request);

/* Answers, exactly once.  `headers` are more header lines, each ended by "\r\n",
 * or NULL; a body is application/json unless they name a Content-Type.
 * Harmless if the connection has died meanwhile; `request` is gone afterwards
 * (from within `head` and `handle`: when they return). */
void http_answer(struct http_request *request, int status, const char *headers, struct sl_text body);

/* The same with {"error":"..."} as the body; the sentence has no full stop. */
void http_refuse(struct http_request *request, int status, const char *headers, const char *form, ...)
	__attribute__((format(printf, 4, 5)));

/* True if nobody waits for the answer any more. */
bool http_gone(const struct http_request *request);

/* ------------------------------------------------------------------ service */

struct http_service {
	/* True: go on and read the body.  False: it has been answered, now or
	 * earlier in this call.  NULL: everything is wanted. */
	bool (*head)(struct http_request *request, void *data);
	/* The whole request; http_answer is called in here or later. */
	void (*handle)(struct http_request *request, void *data);
	/* Told of what the server refused by itself; may be NULL.  Of the request
	 * only `peer` is sure to be there, and `path` if it was read that far.  A request that `head` wanted may end
	 * here, or nowhere, so `data` must need no freeing. */
	void (*refused)(const struct http_request *request, int status, const char *sentence, void *data);
};

/* A member that is 0 takes the figure named here. */
struct http_limits {
	size_t url;           /* bytes of the request's target, 8 KiB: 414 */
	size_t header_bytes;  /* bytes of the request line and all headers, 32 KiB: 431 */
	size_t headers;       /* how many, 100: 431 */
	size_t body;          /* bytes, 10 MiB: 413 */
	size_t in_flight;     /* bytes held for requests not yet answered, 64 MiB: 503 */
	size_t connections;   /* 1024: 503 */
	size_t per_address;   /* of one IPv4 address or IPv6 /64, 64: 429; proxies and unix sockets are exempt */
	size_t pipeline;      /* requests of a connection without answer, 16: it is read no further */
	int64_t request_time; /* ms from a request's first byte to its last, 30 s: 408 */
	int64_t idle_time;    /* ms without a request, 60 s: closed */
	int64_t write_time;   /* ms in which the client takes nothing of an answer, 30 s: closed */
};

struct http_server;

/* The process ignores SIGPIPE from now on. */
struct http_server *http_server_new(uv_loop_t *loop, const struct http_limits *limits,
	const struct http_service *service, void *data);

/* Both may be called again while it runs.  `proxies` ends with NULL: addresses,
 * networks such as 10.0.0.0/8, and "unix".  Their X-Forwarded-For is believed. */
void http_server_limits(struct http_server *server, const struct http_limits *limits);
bool http_server_proxies(struct http_server *server, const char *const *proxies, struct why *why);

/* `fd` is bound and listening (io/socket.h), TCP or unix; the server closes it. */
bool http_server_listen(struct http_server *server, int fd, struct why *why);

/* Accepts nothing more, closes idle connections, lets the requests that have
 * begun be answered; `done` is called once: when no connection is left, or when
 * `deadline` ms are over.  Answers say "Connection: close" from now on. */
typedef void http_drained(void *data);
void http_server_drain(struct http_server *server, int64_t deadline, http_drained *done, void *data);

/* Closes everything at once.  Requests without an answer are `gone`, and are
 * still to be answered.  Memory ends when the loop has turned and the last of
 * them was. */
void http_server_free(struct http_server **server);

size_t http_server_connections(const struct http_server *server);
size_t http_server_in_flight(const struct http_server *server); /* bytes */

#endif
