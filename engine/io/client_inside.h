/* SPDX-License-Identifier: Apache-2.0 */
/* client_inside.h - what the client's files share.
 *
 *     client.c          libcurl on the loop: sockets, its timer, asks that ended
 *     client_ask.c      one ask, from the request to the answer; redirects
 *     client_body.c     where an answer's body goes: memory or a file
 *     client_end.c      how it ended, in words
 *     client_guard.c    which addresses may be connected to
 *     client_url.c      urls: whole ones, their origins, how they are shown
 *
 * libcurl calls us while it works; from there nothing of the asker's is called and
 * no ask is ended: that is done when libcurl has returned.
 */
#ifndef IO_CLIENT_INSIDE_H
#define IO_CLIENT_INSIDE_H

#include "base/buf.h"
#include "io/client.h"
#include "io/curl.h"
#include "io/network.h"

/* ------------------------------------------------------------------- guard */

struct client_guard {
	struct network *allowed;
	size_t count;
};

bool client_guard_read(struct client_guard *guard, const char *const *allow, struct why *why);
bool client_guard_allows(const struct client_guard *guard, const struct in6_addr *address);
/* Is the host an address, in any notation, or a name of this machine, that is not allowed?
 * Asked only where a proxy connects in our stead. */
bool client_guard_allows_host(const struct client_guard *guard, const char *host);

/* -------------------------------------------------------------------- urls */

#define CLIENT_URL_MOST ((size_t)16 << 10)

/* http or https, a host, no user, no signs that a url cannot have. */
bool client_url_check(const char *url, struct why *why);
bool client_url_same_origin(const char *a, const char *b);
char *client_url_host(struct arena *arena, const char *url); /* without brackets; NULL: it is none */
bool client_url_encrypted(const char *url);
/* Scheme, host, port and path: secrets stand elsewhere. */
char *client_url_shown(struct arena *arena, const char *url);

/* ------------------------------------------------------------------- bodies */

struct client_body {
	int64_t most, got;
	const char *file; /* NULL: memory */
	char *beside;     /* the file's name until it is whole */
	int fd;           /* -1: not open */
	int error;        /* errno of what the file refused */
	bool too_large;
	struct buf memory;
};

/* False: no more is wanted; too_large or error says why. */
bool client_body_add(struct client_body *body, const char *at, size_t len, bool into_file);
void client_body_again(struct client_body *body); /* another answer comes in its place */
bool client_body_finish(struct client_body *body, bool into_file); /* the file gets its name; false: error */
void client_body_free(struct client_body *body);

/* --------------------------------------------------------------------- asks */

struct client {
	uv_loop_t *loop;
	CURLM *multi;    /* NULL: being freed */
	uv_timer_t timer; /* libcurl's */
	uv_timer_t soon;  /* tells what ended before it began */
	int open_timers;
	struct client_guard guard;
	char *proxy, *ca; /* or NULL */
	struct client_ask *asks;
};

struct client_ask {
	struct client_ask *next, **place; /* among the client's */
	struct client *client;
	CURL *easy;
	struct arena *own, *arena; /* for the request; the asker's, for the answer */
	client_done *done;
	void *data;
	int64_t began, timeout;

	const char *method, *url; /* the url as it is now, after redirects */
	const struct sl_pair *const *headers;
	struct sl_text content;
	struct client_body body;
	struct curl_slist *lines; /* the headers as libcurl takes them */
	int redirects, redirected; /* all; before it led to another origin */
	bool foreign; /* redirected to another origin */

	char forbidden[INET6_ADDRSTRLEN]; /* the last address that was refused */
	bool tried;                       /* another one was not */
	bool failed;                      /* refused by us before libcurl began: `why` */
	struct why why;
	char error[CURL_ERROR_SIZE];
};

/* Sets libcurl up for the url the ask stands at. */
bool client_ask_begin(struct client_ask *ask);
/* libcurl is done with it: true if it went on to where it was redirected. */
bool client_ask_redirected(struct client_ask *ask, CURLcode code);
void client_ask_end(struct client_ask *ask, CURLcode code); /* tells the asker, and is gone */
bool client_ask_into_file(const struct client_ask *ask);
void client_soon(struct client *client); /* those that failed are ended by the loop */

/* Fills end and why. */
void client_end_judge(struct client_ask *ask, CURLcode code, struct client_answer *answer);

#endif
