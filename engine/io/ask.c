/* SPDX-License-Identifier: Apache-2.0 */
/* ask.c - one HTTP request, and wait for its answer. */
#include "io/ask.h"

#include <errno.h>
#include <llhttp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "io/socket.h"

#define LARGEST ((size_t)256 << 20) /* bytes of an answer */

struct ask {
	char *address, *host; /* for socket_connect; for the Host header */
	int fd;               /* -1: not connected */
	bool used;            /* an answer has come over it already */
	int64_t until;
	struct ask_answer *answer;
	bool begun, complete;
};

void ask_answer_free(struct ask_answer *answer)
{
	buf_free(&answer->headers);
	buf_free(&answer->body);
}

/* ---------------------------------------------------------------- addresses */

/* Where the authority of a URL begins; NULL: it is no URL. */
static const char *authority(const char *url)
{
	const char *scheme = strstr(url, "://");
	return scheme ? scheme + 3 : NULL;
}

const char *ask_path(const char *url)
{
	const char *from = authority(url);
	from = from ? from + strcspn(from, "/?") : NULL;
	return from && *from == '/' ? from : "/";
}

static char *address_of_url(const char *from)
{
	size_t len = strcspn(from, "/?#");
	struct buf address = { 0 };
	buf_add(&address, from, len);
	const char *bracket = strchr(address.at, ']');
	if (!strchr(bracket ? bracket : address.at, ':'))
		buf_string(&address, ":80");
	return address.at;
}

struct ask *ask_open(const char *address, struct why *why)
{
	const char *from = authority(address);
	if (from && strncasecmp(address, "http://", 7) != 0) {
		why_say(why, "%s: only http:// is spoken here; write the daemon's own address, behind the proxy", address);
		return NULL;
	}
	if (from && strcspn(from, ":/?#") == 0) {
		why_say(why, "\"%s\" names no host", address);
		return NULL;
	}
	struct ask *ask = must_alloc(sizeof(*ask));
	ask->fd = -1;
	ask->address = from ? address_of_url(from) : must_string(address);
	ask->host = must_string(strncmp(ask->address, "unix:", 5) == 0 ? "localhost" : ask->address);
	if (!socket_address_valid(ask->address, why))
		ask_close(&ask);
	return ask;
}

static void hang_up(struct ask *ask)
{
	if (ask->fd >= 0)
		close(ask->fd);
	ask->fd = -1;
	ask->used = false;
}

void ask_close(struct ask **ask)
{
	struct ask *gone = *ask;
	if (!gone)
		return;
	*ask = NULL;
	hang_up(gone);
	free(gone->address);
	free(gone->host);
	free(gone);
}

/* ------------------------------------------------------------------ sending */

static bool wait_for(struct ask *ask, short events, struct why *why)
{
	struct pollfd poll_fd = { .fd = ask->fd, .events = events };
	int64_t left = ask->until - clock_ticks();
	int n = left > 0 ? poll(&poll_fd, 1, left > INT32_MAX ? INT32_MAX : (int)left) : 0;
	if (n > 0 || (n < 0 && errno == EINTR))
		return true;
	return why_say(why, "%s did not answer in time", ask->address);
}

static bool send_all(struct ask *ask, struct sl_text bytes, struct why *why)
{
	while (bytes.len) {
		ssize_t n = send(ask->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
		if (n > 0) {
			bytes.at += n;
			bytes.len -= (size_t)n;
		} else if (errno != EAGAIN && errno != EINTR) {
			return why_errno(why, "%s: the request could not be sent", ask->address);
		} else if (!wait_for(ask, POLLOUT, why)) {
			return false;
		}
	}
	return true;
}

static void put_request(struct buf *out, const struct ask *ask, const char *method, const char *path,
	const char *headers, struct sl_text body)
{
	buf_format(out, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, ask->host);
	if (body.len || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0)
		buf_format(out, "Content-Length: %zu\r\n", body.len);
	buf_string(out, headers ? headers : "");
	buf_string(out, "\r\n");
	buf_add(out, body.at, body.len);
}

/* ---------------------------------------------------------------- receiving */

static int add(struct buf *to, const char *at, size_t len)
{
	if (to->len + len > LARGEST)
		return HPE_USER;
	buf_add(to, at, len);
	return 0;
}

static struct ask *ask_of(const llhttp_t *parser)
{
	return parser->data;
}

static int on_name(llhttp_t *parser, const char *at, size_t len)
{
	struct buf *headers = &ask_of(parser)->answer->headers;
	size_t from = headers->len;
	int error = add(headers, at, len);
	for (; from < headers->len; from++)
		if (headers->at[from] >= 'A' && headers->at[from] <= 'Z')
			headers->at[from] |= 0x20;
	return error;
}

static int on_name_complete(llhttp_t *parser)
{
	return add(&ask_of(parser)->answer->headers, ": ", 2);
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
	return add(&ask_of(parser)->answer->headers, at, len);
}

static int on_value_complete(llhttp_t *parser)
{
	return add(&ask_of(parser)->answer->headers, "\n", 1);
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	return add(&ask_of(parser)->answer->body, at, len);
}

/* "100 Continue" and its like are not the answer. */
static int on_complete(llhttp_t *parser)
{
	struct ask *ask = ask_of(parser);
	if (parser->status_code < 200) {
		buf_clear(&ask->answer->headers);
		return 0;
	}
	ask->answer->status = parser->status_code;
	ask->complete = true;
	return HPE_PAUSED;
}

/* The answer to HEAD has no body, whatever its headers say. */
static int on_headers_of_head(llhttp_t *parser)
{
	return 1;
}

static const llhttp_settings_t settings = {
	.on_header_field = on_name,
	.on_header_field_complete = on_name_complete,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

static const llhttp_settings_t head_settings = {
	.on_header_field = on_name,
	.on_header_field_complete = on_name_complete,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_headers_of_head,
	.on_message_complete = on_complete,
};

static bool parse(struct ask *ask, llhttp_t *parser, const char *at, size_t len, struct why *why)
{
	ask->begun |= len > 0;
	llhttp_errno_t error = len ? llhttp_execute(parser, at, len) : llhttp_finish(parser);
	if (ask->complete || (error == HPE_OK && len))
		return true;
	if (!len && !ask->begun)
		return why_say(why, "%s closed the connection without an answer", ask->address);
	if (!len)
		return why_say(why, "%s closed the connection in the middle of its answer", ask->address);
	return why_say(why, "%s answered something that is not HTTP: %s", ask->address, llhttp_get_error_reason(parser));
}

static bool receive(struct ask *ask, bool head, struct why *why)
{
	llhttp_t parser;
	char bytes[16384];
	llhttp_init(&parser, HTTP_RESPONSE, head ? &head_settings : &settings);
	parser.data = ask;
	while (!ask->complete) {
		ssize_t n = recv(ask->fd, bytes, sizeof(bytes), 0);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return why_errno(why, "%s: the answer could not be received", ask->address);
		if (n < 0 && !wait_for(ask, POLLIN, why))
			return false;
		if (n >= 0 && !parse(ask, &parser, bytes, (size_t)n, why))
			return false;
	}
	ask->used = true;
	if (!llhttp_should_keep_alive(&parser))
		hang_up(ask);
	return true;
}

/* ------------------------------------------------------------------- asking */

static bool try_once(struct ask *ask, struct sl_text request, bool head, struct why *why)
{
	ask->begun = ask->complete = false;
	buf_clear(&ask->answer->headers);
	buf_clear(&ask->answer->body);
	if (ask->fd < 0)
		ask->fd = socket_connect(ask->address, ask->until - clock_ticks(), why);
	if (ask->fd < 0)
		return false;
	/* Who refuses a body early has answered: a failed send may have an answer waiting. */
	bool sent = send_all(ask, request, why);
	if ((sent || !ask->used) && receive(ask, head, sent ? why : NULL))
		return true;
	return false;
}

bool ask(struct ask *ask, const char *method, const char *path, const char *headers, struct sl_text body,
	int64_t timeout, struct ask_answer *answer, struct why *why)
{
	struct buf request = { 0 };
	bool head = strcmp(method, "HEAD") == 0, reused = ask->used;
	ask->until = clock_ticks() + timeout;
	ask->answer = answer;
	put_request(&request, ask, method, path, headers, body);
	struct sl_text bytes = { request.at, request.len };
	bool answered = try_once(ask, bytes, head, why);
	if (!answered && reused && !ask->begun && clock_ticks() < ask->until) {
		hang_up(ask); /* the far side had closed it meanwhile */
		answered = try_once(ask, bytes, head, why);
	}
	if (!answered)
		hang_up(ask);
	buf_free(&request);
	return answered;
}
