/* SPDX-License-Identifier: Apache-2.0 */
/* floor.c - the bare HTTP floor: libuv and llhttp, 200 for every request, nothing kept.
 *
 *     floor [PORT]
 *
 * What the ingress is measured against: it checks nothing, bounds nothing, and
 * its connections have no deadlines.  Tells its port on stdout, serves until
 * it is killed.
 */
#include <llhttp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}";
static char scratch[65536];

struct connection {
	uv_tcp_t tcp;
	llhttp_t parser;
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	*out = uv_buf_init(scratch, sizeof(scratch));
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void hang_up(struct connection *connection)
{
	if (!uv_is_closing((uv_handle_t *)&connection->tcp))
		uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

static int on_complete(llhttp_t *parser)
{
	struct connection *connection = parser->data;
	uv_buf_t out = uv_buf_init((char *)answer, sizeof(answer) - 1);
	if (uv_try_write((uv_stream_t *)&connection->tcp, &out, 1) != (int)sizeof(answer) - 1)
		hang_up(connection);
	return 0;
}

static const llhttp_settings_t settings = { .on_message_complete = on_complete };

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct connection *connection = (struct connection *)stream;
	if (n < 0 || (n > 0 && llhttp_execute(&connection->parser, buffer->base, (size_t)n) != HPE_OK))
		hang_up(connection);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	if (!connection)
		abort();
	uv_tcp_init(listener->loop, &connection->tcp);
	if (status < 0 || uv_accept(listener, (uv_stream_t *)&connection->tcp) != 0) {
		hang_up(connection);
		return;
	}
	uv_tcp_nodelay(&connection->tcp, 1);
	llhttp_init(&connection->parser, HTTP_REQUEST, &settings);
	connection->parser.data = connection;
	uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
}

static int bound_port(const uv_tcp_t *listener)
{
	struct sockaddr_storage name;
	int len = sizeof(name);
	uv_tcp_getsockname(listener, (struct sockaddr *)&name, &len);
	const unsigned char *port = (const unsigned char *)&name + 2;
	return port[0] << 8 | port[1];
}

int main(int argc, char **argv)
{
	uv_tcp_t listener;
	struct sockaddr_in address;
	signal(SIGPIPE, SIG_IGN);
	uv_ip4_addr("127.0.0.1", argc > 1 ? atoi(argv[1]) : 0, &address);
	uv_tcp_init(uv_default_loop(), &listener);
	if (uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0) != 0 ||
		uv_listen((uv_stream_t *)&listener, 1024, on_connection) != 0) {
		fprintf(stderr, "floor: the port is in use\n");
		return 1;
	}
	printf("%d\n", bound_port(&listener));
	fflush(stdout);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
