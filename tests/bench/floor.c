/* SPDX-License-Identifier: Apache-2.0 */
/* floor.c - the bare HTTP floor: libuv and llhttp, 200 for every request, nothing kept; or only just kept.
 *
 *     floor [--keep FILE]
 *
 * What the ingress is measured against: it checks nothing, bounds nothing, and
 * its connections have no deadlines.  Tells its port on stdout, serves until
 * it is killed.
 *
 * With --keep the bodies go into FILE, which is filled with zeros before, and an
 * answer waits until its body is on the disk: whole pages past the page cache, handed
 * to the kernel without waiting, two batches at a time, the second with three quarters
 * of the first.  That is the least that an acknowledgement takes which means "on
 * disk", by the fastest way known: nothing is parsed, nothing could be found again, and old
 * bodies are written over.
 */
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <llhttp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uv.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}";
static char scratch[65536];

struct connection {
	uv_tcp_t tcp;
	llhttp_t parser;
	struct connection *next; /* of a batch */
	bool kept, closed;       /* it is in a batch; it is only there for that */
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	*out = uv_buf_init(scratch, sizeof(scratch));
}

static void on_closed(uv_handle_t *handle)
{
	struct connection *connection = (struct connection *)handle;
	connection->closed = true;
	if (!connection->kept)
		free(connection);
}

static void hang_up(struct connection *connection)
{
	if (!uv_is_closing((uv_handle_t *)&connection->tcp))
		uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

static void reply(struct connection *connection)
{
	uv_buf_t out = uv_buf_init((char *)answer, sizeof(answer) - 1);
	if (uv_is_closing((uv_handle_t *)&connection->tcp))
		return;
	if (uv_try_write((uv_stream_t *)&connection->tcp, &out, 1) != (int)sizeof(answer) - 1)
		hang_up(connection);
}

/* -------------------------------------------------------------------- keeping */

#define KEPT ((size_t)256 << 20) /* bytes of the file */
#define BATCH ((size_t)128 << 20) /* of a batch at most: memory once it is used */
#define ZEROS ((size_t)4 << 20)   /* written at once */
#define PAGE ((size_t)4096)
#define LARGE ((size_t)2 << 20) /* a page that is one in the processor's tables, too */
#define RECORD 128 /* bytes that the ingress has of a request beside its body, about */
#define BATCHES 3  /* two under way, one gathering */

struct batch {
	struct iocb block;
	char *bytes;
	size_t len;
	unsigned count;
	struct connection *first, **last;
	struct batch *below; /* of those that are free */
};

static int file = -1;
static size_t file_at;
static io_context_t context;
static uv_poll_t ended; /* an eventfd */
static struct batch batches[BATCHES], *gathering, *unused;
static unsigned flying, flying_requests;

static void fail(const char *what, int error)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(error));
	exit(1);
}

static void gather(void)
{
	gathering = unused;
	unused = gathering->below;
	gathering->len = 0;
	gathering->count = 0;
	gathering->first = NULL;
	gathering->last = &gathering->first;
}

static void write_batch(void)
{
	struct iocb *block = &gathering->block;
	size_t len = (gathering->len + PAGE - 1) / PAGE * PAGE;
	int event;
	if (!gathering->count || !unused || gathering->count * 4 < flying_requests * 3)
		return;
	file_at = file_at + len <= KEPT ? file_at : 0;
	uv_fileno((uv_handle_t *)&ended, &event);
	io_prep_pwrite(block, file, gathering->bytes, len, (long long)file_at);
	io_set_eventfd(block, event);
	block->aio_rw_flags = RWF_DSYNC;
	block->data = gathering;
	file_at += len;
	int submitted = io_submit(context, 1, &block);
	if (submitted != 1)
		fail("io_submit", -submitted);
	flying++;
	flying_requests += gathering->count;
	gather();
}

static void reply_to(struct connection *at)
{
	struct connection *next;
	for (; at; at = next) {
		next = at->next;
		at->kept = false;
		if (at->closed)
			free(at);
		else
			reply(at);
	}
}

static void on_ended(uv_poll_t *handle, int status, int events)
{
	struct io_event found[BATCHES];
	struct timespec at_once = { 0, 0 };
	struct connection *answered[BATCHES];
	uint64_t times;
	int event;
	uv_fileno((uv_handle_t *)handle, &event);
	if (read(event, &times, sizeof(times)) < 0) /* first: what ends from now on is told anew */
		fail("eventfd", errno);
	int count = io_getevents(context, 0, BATCHES, found, &at_once);
	for (int i = 0; i < count; i++) {
		struct batch *batch = found[i].data;
		if ((int64_t)found[i].res != (int64_t)found[i].obj->u.c.nbytes)
			fail("write", (int64_t)found[i].res < 0 ? (int)-(int64_t)found[i].res : ENOSPC);
		answered[i] = batch->first;
		batch->below = unused;
		unused = batch;
		flying--;
		flying_requests -= batch->count;
	}
	write_batch(); /* first: the disk has to do meanwhile */
	for (int i = 0; i < count; i++)
		reply_to(answered[i]);
}

static void on_turn(uv_check_t *turn)
{
	write_batch();
}

static void keep(struct connection *connection)
{
	connection->kept = true;
	connection->next = NULL;
	*gathering->last = connection;
	gathering->last = &connection->next;
	gathering->count++;
	gathering->len += RECORD;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	if (file < 0)
		return 0;
	if (len + RECORD > BATCH - gathering->len)
		fail("a batch is too large", E2BIG);
	memcpy(gathering->bytes + gathering->len, at, len);
	gathering->len += len;
	return 0;
}

static void begin_keeping(const char *path)
{
	static uv_check_t turn;
	int failed = io_setup(BATCHES, &context), event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
	file = open(path, flags | O_DIRECT, 0600);
	if (file < 0 && errno == EINVAL) /* a file system that cannot: then through the page cache */
		file = open(path, flags, 0600);
	if (failed || event < 0 || file < 0)
		fail(path, failed ? -failed : errno);
	for (int i = 0; i < BATCHES; i++) {
		batches[i] = (struct batch){ .bytes = aligned_alloc(LARGE, BATCH), .below = unused };
		unused = &batches[i];
		if (!batches[i].bytes)
			fail("memory", ENOMEM);
		madvise(batches[i].bytes, BATCH, MADV_HUGEPAGE);
	}
	memset(unused->bytes, 0, ZEROS);
	for (size_t at = 0; at < KEPT; at += ZEROS) {
		struct iovec zeros = { unused->bytes, ZEROS };
		if (pwritev2(file, &zeros, 1, (off_t)at, RWF_DSYNC) != (ssize_t)ZEROS)
			fail(path, errno);
	}
	gather();
	uv_poll_init(uv_default_loop(), &ended, event);
	uv_poll_start(&ended, UV_READABLE, on_ended);
	uv_check_init(uv_default_loop(), &turn);
	uv_check_start(&turn, on_turn);
}

/* -------------------------------------------------------------------- serving */

static int on_complete(llhttp_t *parser)
{
	if (file < 0)
		reply(parser->data);
	else
		keep(parser->data);
	return 0;
}

static const llhttp_settings_t settings = { .on_body = on_body, .on_message_complete = on_complete };

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
	uv_ip4_addr("127.0.0.1", 0, &address);
	if (argc == 3 && strcmp(argv[1], "--keep") == 0)
		begin_keeping(argv[2]);
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
