/* SPDX-License-Identifier: Apache-2.0 */
/* client_far.h - a far side with all kinds of answers, and a client that may reach it. */
#ifndef TESTS_CLIENT_FAR_H
#define TESTS_CLIENT_FAR_H

#include "client_bed.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "sdk/text.h"

/* ------------------------------------------------------------- the far side */

static const char packed[] =
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xd7\x51\xc8\x40\xa2\x00\x9f\xa1\xca\x09\x13\x00"
	"\x00\x00";

/* 100 000 times "a". */
static const char bomb[] =
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\xac\xeb\x5f\xc2\x1a\x1e\x40\x01"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xaf\x06\x87\xfa\xe2\x1b\xa0\x86\x01\x00";

static const struct {
	const char *path, *head, *body;
	size_t len;
	int wait; /* ms before the answer */
} answers[] = {
	{ "/hello", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: Short\r\n\r\n", "hello", 5, 0 },
	{ "/slow", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", "slow", 4, 200 },
	{ "/never", "", "", 0, 3000 },
	{ "/missing", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n", "none", 4, 0 },
	{ "/empty", "HTTP/1.1 204 No Content\r\n\r\n", "", 0, 0 },
	{ "/packed", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 29\r\n\r\n", packed, 29, 0 },
	{ "/bomb", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n", bomb, sizeof(bomb) - 1, 0 },
	{ "/cut", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "only this", 9, -1 },
	{ "/hangup", "", "", 0, -1 },
	{ "/noise", "SSH-2.0-OpenSSH\r\n\r\n", "", 0, -1 },
	{ "/there", "HTTP/1.1 302 Found\r\nLocation: /hello?q=1\r\nContent-Length: 2\r\n\r\n", "no", 2, 0 },
	{ "/round", "HTTP/1.1 301 Moved\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n", "", 0, 0 },
	{ "/inside", "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n", "", 0, 0 },
	{ "/file", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", "", 0, 0 },
};

struct far {
	pthread_t thread;
	int listener, port;
	atomic_int connections, threads;
	atomic_bool over;
	pthread_mutex_t lock;
	struct buf heard; /* all requests, as they came */
	char elsewhere[100];
};

struct visit {
	struct far *far;
	int fd;
};

static inline void sleep_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}

static inline void say(int fd, const char *at, size_t len)
{
	(void)!send(fd, at, len, MSG_NOSIGNAL);
}

/* False: the connection ends. */
static inline bool answer(struct far *far, int fd, const char *request)
{
	const char *path = strchr(request, ' ') + 1;
	size_t len = strcspn(path, " ?");
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (strlen(answers[i].path) != len || memcmp(path, answers[i].path, len) != 0)
			continue;
		for (int waited = 0; waited < answers[i].wait && !far->over; waited += 10)
			sleep_ms(10);
		say(fd, answers[i].head, strlen(answers[i].head));
		if (strncmp(request, "HEAD", 4) != 0)
			say(fd, answers[i].body, answers[i].len);
		return answers[i].wait >= 0 && !strstr(answers[i].head, "close");
	}
	if (len == 10 && memcmp(path, "/elsewhere", 10) == 0)
		say(fd, far->elsewhere, strlen(far->elsewhere));
	return true;
}

/* Whole once its announced body is there; tests send one after the other. */
static inline bool whole(const char *bytes, size_t len)
{
	const char *end = strstr(bytes, "\r\n\r\n"), *length = strcasestr(bytes, "\r\nContent-Length:");
	size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
	return end && len >= (size_t)(end - bytes) + 4 + body;
}

static inline void *talk(void *data)
{
	struct visit *visit = data;
	char bytes[8192];
	size_t len = 0;
	ssize_t n;
	while ((n = recv(visit->fd, bytes + len, sizeof(bytes) - 1 - len, 0)) > 0) {
		len += (size_t)n;
		bytes[len] = '\0';
		if (!whole(bytes, len))
			continue;
		pthread_mutex_lock(&visit->far->lock);
		buf_add(&visit->far->heard, bytes, len);
		pthread_mutex_unlock(&visit->far->lock);
		len = 0;
		if (!answer(visit->far, visit->fd, bytes))
			break;
	}
	close(visit->fd);
	atomic_fetch_sub(&visit->far->threads, 1);
	free(visit);
	return NULL;
}

static inline void *welcome(void *data)
{
	struct far *far = data;
	int fd;
	while ((fd = accept(far->listener, NULL, NULL)) >= 0) {
		struct visit *visit = malloc(sizeof(*visit));
		pthread_t thread;
		*visit = (struct visit){ far, fd };
		atomic_fetch_add(&far->connections, 1);
		atomic_fetch_add(&far->threads, 1);
		pthread_create(&thread, NULL, talk, visit);
		pthread_detach(thread);
	}
	return NULL;
}

static inline struct far *far_begin(void)
{
	struct far *far = calloc(1, sizeof(*far));
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	far->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(far->listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(far->listener, 256), 0);
	getsockname(far->listener, (struct sockaddr *)&at, &len);
	far->port = ntohs(at.sin_port);
	pthread_mutex_init(&far->lock, NULL);
	pthread_create(&far->thread, NULL, welcome, far);
	return far;
}

static inline void far_end(struct far *far)
{
	far->over = true;
	shutdown(far->listener, SHUT_RDWR);
	pthread_join(far->thread, NULL);
	close(far->listener);
	while (far->threads)
		sleep_ms(5);
	buf_free(&far->heard);
	free(far);
}

/* ---------------------------------------------------------------- the asker */

static const char *const loopback[] = { "127.0.0.1", NULL };
static const char *const nobody[] = { NULL };

static inline struct bed *bed_new(const char *const *allow)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	bed_begin(bed, &(struct client_settings){ .allow = allow });
	bed->far = far_begin();
	return bed;
}

static inline void bed_free(struct bed *bed)
{
	bed_end(bed); /* hangs up, and so ends the far side's threads */
	far_end(bed->far);
	free(bed);
}

static inline char *url_of(struct bed *bed, const char *path)
{
	return arena_format(bed->arena, "http://127.0.0.1:%d%s", bed->far->port, path);
}

static inline const struct client_answer *ask_path(struct bed *bed, const char *path)
{
	struct client_request request = get(url_of(bed, path));
	return ask(bed, &request);
}

static inline const char *header(const struct client_answer *from, const char *name)
{
	for (size_t i = 0; from->headers[i]; i++)
		if (strcmp(from->headers[i]->name, name) == 0)
			return from->headers[i]->value;
	return NULL;
}

#endif
