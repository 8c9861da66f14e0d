/* SPDX-License-Identifier: Apache-2.0 */
/* ingest.c - requests on 64 connections: read, checked, appended, on the disk, answered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/line.h"
#include "count.h"
#include "flow/ingest_inside.h"
#include "io/socket.h"
#include "sdk/sign.h"
#include "sdk/text.h"

#define CONNECTIONS 64
#define ROUNDS 16
#define EVENTS (ROUNDS * CONNECTIONS)
#define SECRET "a secret of some length"

static struct ingest ingest;
static struct buf requests[CONNECTIONS];
static int clients[CONNECTIONS];

static const char part[] =
	"{\"limits\":{\"body\":100000},\"sources\":["
	"{\"name\":\"open\",\"webhook\":{\"auth\":\"none\",\"id\":\"body:/action/id\"},\"secrets\":[]},"
	"{\"name\":\"boards\",\"webhook\":{\"auth\":\"hmac-sha256\",\"proof\":\"header:X-Proof\",\"encoding\":\"hex\","
	"\"covers\":\"{body}\",\"id\":\"body:/action/id\"},\"secrets\":[\"" SECRET "\"]}]}";

static const char head[] = "POST /in/%s HTTP/1.1\r\nHost: hooks.example.com\r\nUser-Agent: example/1.0\r\n"
	"Accept: */*\r\nContent-Type: application/json; charset=utf-8\r\nX-Forwarded-Proto: https\r\n"
	"X-Request-Id: 7d0e7f1c-6f8b-4d53-9a57-3f3f0d7c1e5b\r\nX-Proof: %s\r\nContent-Length: %zu\r\n\r\n";

static void write_request(const char *source, size_t number)
{
	struct sl_text body = body_of(number);
	unsigned char digest[SL_DIGEST_MOST];
	char proof[SL_DIGEST_MOST * 2 + 1];
	sl_hex(digest, sl_hmac(SL_SHA256, sl_text_of(SECRET), &body, 1, digest), proof);
	buf_format(&requests[number], head, source, proof, body.len);
	buf_add(&requests[number], body.at, body.len);
}

/* --------------------------------------------------------------------- begin */

static void open_stores(const char *folder)
{
	char path[200];
	struct why why = { "" };
	int fd;
	ingest.options = (struct log_options){ .size = 200000000, .segment = 50000000 };
	snprintf(path, sizeof(path), "%s/log", folder);
	ingest.log = log_open(path, &ingest.options, 1000, &why);
	must(ingest.log != NULL, path, &why);
	snprintf(path, sizeof(path), "%s/refused", folder);
	ingest.refused = refused_open(path, &why);
	ingest.page = page_new(&fd, &why);
	must(ingest.refused && ingest.page, path, &why);
	close(fd);
}

static void serve(const char *folder)
{
	char address[200];
	struct why why = { "" };
	int fd = -1;
	snprintf(address, sizeof(address), "unix:%s/socket", folder);
	ingest.server = http_server_new(&ingest.loop, &ingest.table->limits, &ingest_service, &ingest);
	must(socket_listen(address, 0600, &fd, &why) && http_server_listen(ingest.server, fd, &why), address, &why);
	ingest.state = INGEST_SERVING;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		clients[i] = socket_connect(address, 1000, &why);
		must(clients[i] >= 0, address, &why);
		uv_run(&ingest.loop, UV_RUN_NOWAIT);
	}
	socket_remove(address);
}

static void begin(const char *folder, const char *source)
{
	struct sl_document *given = read_json(part);
	struct why why = { "" };
	setenv("UV_THREADPOOL_SIZE", "1", 1);
	line_setup("count", NULL, SL_ERROR);
	ingest = (struct ingest){ .life = arena_new(), .arena = arena_new() };
	uv_loop_init(&ingest.loop);
	ingest.table = table_new(sl_json_root(given), NULL, &why);
	must(ingest.table != NULL, part, &why);
	sl_json_free(&given);
	open_stores(folder);
	commit_begin(&ingest);
	serve(folder);
	for (size_t i = 0; i < CONNECTIONS; i++)
		write_request(source, i);
}

static void begin_plain(const char *folder)
{
	begin(folder, "open");
}

static void begin_signed(const char *folder)
{
	begin(folder, "boards");
}

/* ----------------------------------------------------------------------- run */

/* True: this one has been answered. */
static bool hears(int fd)
{
	char answer[1000];
	ssize_t len = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
	if (len <= 0)
		return false;
	must(len > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0, "a request is taken in", NULL);
	return true;
}

static void run(void)
{
	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < CONNECTIONS; i++)
			must(send(clients[i], requests[i].at, requests[i].len, 0) == (ssize_t)requests[i].len, "sending", NULL);
		do
			uv_run(&ingest.loop, UV_RUN_ONCE);
		while (!commit_idle(&ingest) || http_server_in_flight(ingest.server));
		for (size_t i = 0; i < CONNECTIONS; i++)
			must(hears(clients[i]), "an answer", NULL);
	}
}

/* ----------------------------------------------------------------------- end */

static void end(void)
{
	http_server_free(&ingest.server);
	for (size_t i = 0; i < CONNECTIONS; i++) {
		close(clients[i]);
		buf_free(&requests[i]);
	}
	commit_end(&ingest);
	uv_run(&ingest.loop, UV_RUN_DEFAULT);
	uv_loop_close(&ingest.loop);
	log_close(&ingest.log);
	refused_close(&ingest.refused);
	table_free(&ingest.table);
	buf_free(&ingest.headers);
	buf_free(&ingest.query);
	arena_free(&ingest.arena);
	arena_free(&ingest.life);
	page_free(&ingest.page);
}

const struct workload ingest_plain = { "ingest", EVENTS, begin_plain, run, end };
const struct workload ingest_signed = { "ingest-signed", EVENTS, begin_signed, run, end };
