/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - requests to others: libcurl on the loop.
 *
 * One client a process.  It keeps connections, speaks HTTP/2 where the far side
 * does, verifies TLS, unpacks gzip and follows redirects of GET and HEAD: at most
 * five, and to another origin without any header of the asker's.  It knows
 * nothing of budgets, retries or plugins: those are host/net.h.
 *
 * Nobody inside is reached through us: an address that is loopback, private,
 * link-local, shared, multicast or unspecified, in any notation and behind any
 * name or redirect, is refused when it is about to be connected to, unless
 * `allow` holds it.  Only http and https are spoken.
 */
#ifndef IO_CLIENT_H
#define IO_CLIENT_H

#include <uv.h>

#include "base/arena.h"
#include "base/why.h"
#include "sdk/plugin.h"

struct client;

struct client_settings {
	const char *const *allow; /* addresses and networks: "127.0.0.1", "10.0.0.0/8"; ends with NULL, or NULL */
	const char *proxy;        /* "http://proxy:3128", NULL: none.  The environment is not asked */
	const char *ca;           /* file of certificates believed; NULL: the system's */
	size_t connections;       /* open at once, in all; 0: 256, or what descriptors allow */
};

/* The process ignores SIGPIPE from now on. */
struct client *client_new(uv_loop_t *loop, const struct client_settings *settings, struct why *why);
/* What is under way is cancelled: nobody is called.  Handles close by themselves; the
 * loop has to turn once more. */
void client_free(struct client **client);

struct client_request {
	const char *method, *url;             /* the url is whole: http:// or https:// */
	const struct sl_pair *const *headers; /* ends with NULL, or NULL */
	struct sl_text body;
	const char *file;   /* the body of a 2xx goes there, under its name when it is whole; NULL: into memory */
	int64_t timeout_ms; /* of the whole, connecting at most 10 s of it; 0: 30 s */
	int64_t most;       /* bytes of the body, unpacked */
};

/* How it went, besides the status. */
enum client_end {
	CLIENT_ANSWERED, /* whatever the status */
	CLIENT_NOT_HAD,  /* name, connection, TLS and its certificate, time, a body cut short: perhaps later */
	CLIENT_REFUSED,  /* forbidden address, bad url, body too large: not ever */
};

/* Lives in the arena that was given with the request. */
struct client_answer {
	enum client_end end;
	int status;                           /* 0: none came */
	const struct sl_pair *const *headers; /* of the last answer, ends with NULL; names in lower case */
	struct sl_text body;
	const char *url;                      /* that answered */
	const char *why;                      /* a sentence, if it did not answer; names host, not the query */
	int redirects;                        /* within the origin that was asked first */
	bool foreign;                         /* it was redirected, and another origin answered */
	int64_t began, ended;                 /* clock_ticks */
};

struct client_ask; /* one under way */
typedef void client_done(const struct client_answer *answer, void *data);

/* Begins; strings are copied.  `done` is called once, from the loop, never before
 * this returns. */
struct client_ask *client_send(struct client *client, const struct client_request *request, struct arena *arena,
	client_done *done, void *data);
void client_cancel(struct client_ask **ask); /* `done` is not called any more */

/* The whole url: `base` in front if url begins with '/', query percent-encoded behind.  NULL: why. */
const char *client_url(struct arena *arena, const char *base, const char *url, const struct sl_pair *const *query,
	struct why *why);

#endif
