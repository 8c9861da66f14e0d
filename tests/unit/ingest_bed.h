/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_bed.h - the ingress as a process, its master and its clients played by the test. */
#ifndef TESTS_INGEST_BED_H
#define TESTS_INGEST_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/line.h"
#include "base/page.h"
#include "flow/ingest.h"
#include "flow/refused.h"
#include "sdk/json.h"
#include "sdk/text.h"
#include "store/log.h"

#define PATIENCE 10000 /* ms for anything to happen */
#define SOURCES \
	"{\"name\":\"open\",\"webhook\":{\"auth\":\"none\",\"id\":\"body:/id\"},\"secrets\":[],\"insecure\":false}," \
	"{\"name\":\"boards\",\"webhook\":{\"auth\":\"hmac-sha1\",\"proof\":\"header:X-Trello-Webhook\"," \
	"\"encoding\":\"base64\",\"covers\":\"{body}{callback}\",\"head\":true}," \
	"\"secrets\":[\"old\",\"secret\"],\"callback\":\"https://example.com/webhooks\",\"insecure\":false}," \
	"{\"name\":\"token\",\"webhook\":{\"auth\":\"bearer\",\"challenge\":\"challenge\",\"status\":202}," \
	"\"secrets\":[\"s3cret\"],\"insecure\":false}"
#define SIGNED "X-Trello-Webhook: FwPAcuGe9EP/+SbXFWjnEVTa0zw=\r\n"

struct daemon {
	char folder[64];
	int listener, channel, port;
	struct page *page;
	pid_t pid;
	struct buf heard; /* text of the last message */
};

/* ---------------------------------------------------------------- its master */

static inline void send_message(struct daemon *daemon, const char *text)
{
	uint32_t len = (uint32_t)strlen(text);
	assert_int_equal(write(daemon->channel, &len, 4), 4);
	assert_int_equal(write(daemon->channel, text, len), len);
}

static inline bool readable(int fd, int wait)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };
	return poll(&look, 1, wait) > 0;
}

static inline bool receive(int fd, void *at, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = readable(fd, PATIENCE) ? read(fd, (char *)at + done, len - done) : 0;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static inline bool next_message(struct daemon *daemon)
{
	uint32_t len;
	if (!receive(daemon->channel, &len, 4))
		return false;
	buf_clear(&daemon->heard);
	buf_reserve(&daemon->heard, len);
	daemon->heard.len = len;
	return receive(daemon->channel, daemon->heard.at, len);
}

/* Waits for a message that holds these words. */
static inline void expect_message(struct daemon *daemon, const char *words)
{
	do {
		if (!next_message(daemon))
			fail_msg("no message with %s", words);
		daemon->heard.at[daemon->heard.len] = '\0';
	} while (!strstr(daemon->heard.at, words));
}

static inline int listening(int *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

/* As the master leaves descriptors for it. */
static inline _Noreturn void become(int channel, int page, int listener)
{
	const int from[] = { channel, page, listener };
	int kept[3];
	for (int i = 0; i < 3; i++)
		kept[i] = fcntl(from[i], F_DUPFD, 20);
	for (int i = 0; i < 3; i++)
		dup2(kept[i], 3 + i);
	for (int fd = 6; fd < 40; fd++)
		close(fd);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	exit(ingest_main(0, NULL));
}

static inline void start_part(struct daemon *daemon, const char *what, const char *log, const char *sources)
{
	char text[4000];
	snprintf(text, sizeof(text),
		"{\"do\":\"%s\",\"master\":%d,\"data\":\"%s\",\"log_level\":\"error\",\"log\":{%s},\"proxies\":[\"127.0.0.1\"],"
		"\"limits\":{\"body\":100000},\"listen\":[{\"fd\":5,\"name\":\"here\"}],\"sources\":[%s]}",
		what, getpid(), daemon->folder, log, sources);
	send_message(daemon, text);
}

static inline void spawn(struct daemon *daemon)
{
	int pair[2], page;
	struct why why = { "" };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	daemon->page = page_new(&page, &why);
	assert_non_null(daemon->page);
	daemon->pid = fork();
	if (!daemon->pid)
		become(pair[1], page, daemon->listener);
	close(pair[1]);
	close(page);
	daemon->channel = pair[0];
}

static const char roomy[] = "\"size\":1000000000,\"keep\":1000,\"reserve\":0";

static inline void begin_with(struct daemon *daemon, const char *log)
{
	spawn(daemon);
	start_part(daemon, "start", log, SOURCES);
	expect_message(daemon, "\"ready\"");
}

static inline int wait_exit(struct daemon *daemon)
{
	int status;
	assert_int_equal(waitpid(daemon->pid, &status, 0), daemon->pid);
	daemon->pid = 0;
	close(daemon->channel);
	page_free(&daemon->page);
	return status;
}

static inline int stop(struct daemon *daemon)
{
	send_message(daemon, "{\"do\":\"stop\"}");
	return wait_exit(daemon);
}

static inline int fresh(void **state)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	line_setup("test", NULL, SL_ERROR);
	strcpy(daemon->folder, "/tmp/ingest-test-XXXXXX");
	assert_non_null(mkdtemp(daemon->folder));
	daemon->listener = listening(&daemon->port);
	*state = daemon;
	return 0;
}

static inline int gone(void **state)
{
	struct daemon *daemon = *state;
	char command[128];
	if (daemon->pid) {
		kill(daemon->pid, SIGKILL);
		wait_exit(daemon);
	}
	snprintf(command, sizeof(command), "rm -rf %s", daemon->folder);
	assert_int_equal(system(command), 0);
	close(daemon->listener);
	buf_free(&daemon->heard);
	free(daemon);
	return 0;
}

/* --------------------------------------------------------------- its clients */

static inline int dial(const struct daemon *daemon)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)daemon->port) };
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* Reads until the far side closes or `until` was seen; the text is the caller's. */
static inline char *hear(int fd, const char *until)
{
	struct buf in = { 0 };
	char piece[4096];
	buf_string(&in, "");
	while (readable(fd, PATIENCE)) {
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n <= 0)
			break;
		buf_add(&in, piece, (size_t)n);
		if (until && strstr(in.at, until))
			break;
	}
	return in.at;
}

/* One request on a connection of its own; the whole answer. */
static inline char *ask(const struct daemon *daemon, const char *method, const char *target, const char *headers,
	const char *body)
{
	struct buf out = { 0 };
	int fd = dial(daemon);
	buf_format(&out, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", method, target, headers);
	if (body)
		buf_format(&out, "Content-Length: %zu\r\n", strlen(body));
	buf_format(&out, "\r\n%s", body ? body : "");
	assert_int_equal(write(fd, out.at, out.len), out.len);
	char *answer = hear(fd, NULL);
	buf_free(&out);
	close(fd);
	return answer;
}

static inline void expect(const struct daemon *daemon, const char *method, const char *target, const char *headers,
	const char *body, const char *status, const char *words)
{
	char *answer = ask(daemon, method, target, headers, body);
	if (strncmp(answer + 9, status, 3) != 0 || !strstr(answer, words))
		fail_msg("%s %s: not %s with \"%s\" but \"%s\"", method, target, status, words, answer);
	free(answer);
}

/* ------------------------------------------------------------- what it kept */

#define STORED_MOST 1000

struct stored {
	struct arena *arena;
	struct log_reader *reader;
	struct log_record records[STORED_MOST];
	size_t count;
};

static inline struct stored stored(const struct daemon *daemon)
{
	struct why why = { "" };
	char path[128];
	struct log_slice slice = { .next = 1 };
	struct stored it = { .arena = arena_new() };
	snprintf(path, sizeof(path), "%s/log", daemon->folder);
	it.reader = log_reader_open(path, &why);
	assert_non_null(it.reader);
	while (log_read(it.reader, it.arena, slice.next, 100, 10000000, &slice, &why) == LOG_READ)
		for (size_t i = 0; i < slice.count && it.count < STORED_MOST; i++)
			it.records[it.count++] = slice.records[i];
	return it;
}

static inline void stored_free(struct stored *it)
{
	log_reader_close(&it->reader);
	arena_free(&it->arena);
}

static inline size_t stored_count(const struct daemon *daemon)
{
	struct stored it = stored(daemon);
	size_t count = it.count;
	stored_free(&it);
	return count;
}

static inline void count_one(const struct refused_entry *entry, void *data)
{
	++*(int *)data;
}

static inline int refused_count(const struct daemon *daemon)
{
	int count = 0;
	char path[128];
	snprintf(path, sizeof(path), "%s/refused", daemon->folder);
	assert_true(refused_each(path, count_one, &count, NULL));
	return count;
}

#endif
