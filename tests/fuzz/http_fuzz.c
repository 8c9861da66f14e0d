/* SPDX-License-Identifier: Apache-2.0 */
/* http_fuzz.c - any bytes on a connection: what is let in is well-formed, however the bytes came.
 *
 * The first byte says in pieces of what size they are sent; what is answered and
 * handled has to be the same as when they come in one piece.
 */
#include <errno.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "io/http.h"
#include "io/socket.h"

static uv_loop_t loop;
static struct http_server *server;
static char address[108];
static struct buf heard; /* of the connection under way */

/* ------------------------------------------------------------------ service */

static bool is_token(struct sl_text text)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr(marks, c))))
			return false;
	}
	return text.len > 0;
}

static bool is_value(struct sl_text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] == '\r' || text.at[i] == '\n' || text.at[i] == '\0')
			return false;
	return !text.len || (text.at[0] != ' ' && text.at[text.len - 1] != ' ');
}

static void check_request(const struct http_request *request)
{
	bool star = sl_text_is(request->path, "*");
	size_t lengths = 0, codings = 0;
	must(star || (request->path.len && request->path.at[0] == '/'), "a path begins with a slash");
	for (size_t i = 0; i < request->path.len; i++)
		must((unsigned char)request->path.at[i] > ' ' && request->path.at[i] != 0x7f, "a path has no blank");
	for (size_t i = 0; i < request->header_count; i++) {
		must(is_token(request->headers[i].name), "a header's name is a token in small letters");
		must(is_value(request->headers[i].value), "a header's value is one line");
		lengths += sl_text_is(request->headers[i].name, "content-length");
		codings += sl_text_is(request->headers[i].name, "transfer-encoding");
	}
	must(lengths + codings <= 1, "there is one way to tell the body's length");
}

static bool on_head(struct http_request *request, void *data)
{
	check_request(request);
	buf_format(&heard, "head %s %.*s\n", request->method, (int)request->path.len, request->path.at);
	if (!sl_text_is(request->path, "/no"))
		return true;
	http_refuse(request, 404, NULL, "there is nothing here");
	return false;
}

static void on_handle(struct http_request *request, void *data)
{
	check_request(request);
	must(request->length < 0 || request->body.len == (size_t)request->length, "a body has the length announced");
	buf_format(&heard, "handle %.*s|%.*s|", (int)request->query.len, request->query.at ? request->query.at : "",
		(int)request->text.len, request->text.at);
	buf_add(&heard, request->body.at, request->body.len);
	buf_char(&heard, '\n');
	http_answer(request, 200, NULL, sl_text_of("{}"));
}

static void on_refused(const struct http_request *request, int status, const char *sentence, void *data)
{
	must(status >= 400 && status <= 505 && *sentence, "a refusal says why");
	buf_format(&heard, "refused %d %s\n", status, sentence);
}

/* ------------------------------------------------------------------ talking */

static void turn(void)
{
	for (int i = 0; i < 2; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void listen_to(int fd)
{
	char bytes[4096];
	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

/* What became of the bytes, sent in pieces of that size. */
static struct buf talk(const char *at, size_t len, size_t step)
{
	struct why why = { "" };
	int fd = socket_connect(address, 1000, &why);
	must_why(fd >= 0, "one can connect", &why);
	heard = (struct buf){ 0 };
	buf_string(&heard, "");
	turn();
	for (size_t from = 0; from < len; from += step) {
		if (send(fd, at + from, len - from < step ? len - from : step, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		turn();
		listen_to(fd);
	}
	close(fd);
	for (int i = 0; i < 1000 && http_server_connections(server); i++)
		turn();
	must(http_server_connections(server) == 0, "a connection that was closed is gone");
	must(http_server_in_flight(server) == 0, "nothing of it is left in memory");
	return heard;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = feed_of(data, size);
	size_t step = feed_number(&feed, 1) % 64 + 1;
	if (feed.left > 20000)
		return 0;
	struct buf whole = talk(feed.at, feed.left, feed.left + 1);
	if (feed.left / step < 200) {
		struct buf pieces = talk(feed.at, feed.left, step);
		bool same = whole.len == pieces.len && memcmp(whole.at, pieces.at, whole.len) == 0;
		must(same, "pieces mean what the whole means");
		buf_free(&pieces);
	}
	buf_free(&whole);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct http_service service = { on_head, on_handle, on_refused };
	static const struct http_limits limits = { .url = 200, .header_bytes = 2000, .headers = 20, .body = 1000 };
	struct why why = { "" };
	int fd;
	fuzz_begin();
	snprintf(address, sizeof(address), "unix:%s/socket", fuzz_folder);
	uv_loop_init(&loop);
	server = http_server_new(&loop, &limits, &service, NULL);
	must_why(socket_listen(address, 0600, &fd, &why) && http_server_listen(server, fd, &why), "one can listen", &why);
	return 0;
}
