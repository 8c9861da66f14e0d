/* SPDX-License-Identifier: Apache-2.0 */
/* orders_post.c - posts orders at a steady pace, signed, over connections that are kept.
 *
 *     orders_post PORT SECRET FIRST COUNT RATE CONNECTIONS ACKED
 *
 * COUNT orders from the FIRST on, RATE a second, whatever the answers take: a request goes out when
 * it is due and a connection is free.  They are made and signed beforehand: "ready" is said, and a
 * line awaited.  ACKED becomes a file of 64-bit numbers, one for each order: when its
 * answer was there, in microseconds since 1970; 0: it was refused.  At the end one JSON object is told.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "orders.h"
#include "sdk/sign.h"

#define CONNECTIONS_MOST 1024

struct connection {
	int fd;
	uint64_t order; /* index of what was sent; only while it waits for its answer */
};

struct post {
	struct buf texts;    /* all requests, one after the other */
	size_t *ends;
	uint64_t first, count, next, answered, refused;
	double rate;
	int64_t began, *acked, worst_late; /* microseconds */
	struct connection connections[CONNECTIONS_MOST], *free[CONNECTIONS_MOST];
	size_t free_count;
	int epoll;
};

static int64_t now(clockid_t clock)
{
	struct timespec at;
	clock_gettime(clock, &at);
	return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

/* ------------------------------------------------------------------ requests */

static void write_request(struct post *post, uint64_t n, struct sl_signer *signer, struct arena *arena)
{
	static struct buf body;
	unsigned char digest[SL_DIGEST_MOST];
	char proof[SL_DIGEST_MOST * 2 + 1];
	struct order order;
	body.len = 0;
	order_make(&order, n, arena);
	order_write_nested(&body, &order);
	const struct sl_text text = { body.at, body.len };
	sl_hex(digest, sl_signer_sign(signer, &text, 1, digest), proof);
	buf_format(&post->texts, "POST /in/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\nX-Sig: %s\r\n\r\n", body.len, proof);
	buf_add(&post->texts, body.at, body.len);
}

static void make_requests(struct post *post, const char *secret)
{
	struct arena *arena = arena_new();
	struct sl_signer *signer = sl_signer_new(SL_SHA256, (struct sl_text){ secret, strlen(secret) });
	post->ends = calloc(post->count, sizeof(*post->ends));
	post->acked = calloc(post->count, sizeof(*post->acked));
	if (!post->ends || !post->acked)
		stop("requests", "no memory");
	for (uint64_t i = 0; i < post->count; i++) {
		write_request(post, post->first + i, signer, arena);
		post->ends[i] = post->texts.len;
		if (i % BATCH == 0)
			arena_reset(arena);
	}
	sl_signer_free(&signer);
	arena_free(&arena);
}

/* --------------------------------------------------------------- connections */

static void connect_one(struct post *post, struct connection *connection, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
	connection->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(connection->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		stop("connecting", strerror(errno));
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	epoll_ctl(post->epoll, EPOLL_CTL_ADD, connection->fd, &event);
	post->free[post->free_count++] = connection;
}

static void send_next(struct post *post)
{
	struct connection *connection = post->free[--post->free_count];
	uint64_t i = connection->order = post->next++;
	size_t from = i ? post->ends[i - 1] : 0, len = post->ends[i] - from;
	int64_t late = now(CLOCK_MONOTONIC) - post->began - (int64_t)((double)i / post->rate * 1e6);
	if (late > post->worst_late)
		post->worst_late = late;
	if (send(connection->fd, post->texts.at + from, len, MSG_NOSIGNAL) != (ssize_t)len)
		stop("sending", strerror(errno));
}

static void take_answer(struct post *post, struct connection *connection)
{
	char answer[4096];
	ssize_t len = recv(connection->fd, answer, sizeof(answer), 0);
	if (len < 16)
		stop("an answer", len < 0 ? strerror(errno) : "the connection was closed");
	post->answered++;
	if (answer[9] == '2')
		post->acked[connection->order] = now(CLOCK_REALTIME);
	else
		post->refused++;
	post->free[post->free_count++] = connection;
}

/* ---------------------------------------------------------------------- pace */

static uint64_t due(const struct post *post)
{
	uint64_t so_many = 1 + (uint64_t)((double)(now(CLOCK_MONOTONIC) - post->began) * post->rate / 1e6);
	return so_many < post->count ? so_many : post->count;
}

static void run(struct post *post)
{
	struct epoll_event events[64];
	post->began = now(CLOCK_MONOTONIC);
	while (post->answered < post->count) {
		for (uint64_t until = due(post); post->next < until && post->free_count;)
			send_next(post);
		int found = epoll_wait(post->epoll, events, 64, 1);
		for (int i = 0; i < found; i++)
			take_answer(post, events[i].data.ptr);
	}
}

static void tell(const struct post *post, const char *path)
{
	double seconds = (double)(now(CLOCK_MONOTONIC) - post->began) / 1e6;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t size = post->count * sizeof(*post->acked);
	if (fd < 0 || write(fd, post->acked, size) != (ssize_t)size)
		stop(path, strerror(errno));
	close(fd);
	printf("{\"seconds\":%.3f,\"acknowledged\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"late_ms\":%.1f}\n", seconds,
		post->answered - post->refused, post->refused, (double)post->worst_late / 1000);
}

int main(int count, char **words)
{
	static struct post post;
	char line[8];
	if (count != 8)
		stop("usage", "orders_post PORT SECRET FIRST COUNT RATE CONNECTIONS ACKED");
	post.first = strtoull(words[3], NULL, 10);
	post.count = strtoull(words[4], NULL, 10);
	post.rate = strtod(words[5], NULL);
	post.epoll = epoll_create1(0);
	make_requests(&post, words[2]);
	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	for (int i = 0; i < atoi(words[6]) && i < CONNECTIONS_MOST; i++)
		connect_one(&post, &post.connections[i], atoi(words[1]));
	run(&post);
	tell(&post, words[7]);
	return 0;
}
