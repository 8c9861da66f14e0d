/* SPDX-License-Identifier: Apache-2.0 */
/* client_body.c - where an answer's body goes: memory or a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "io/client_inside.h"

/* A file is written under another name, in its own folder, until it is whole. */
static bool open_beside(struct client_body *body)
{
	struct buf name = { 0 };
	if (body->fd >= 0)
		return true;
	buf_format(&name, "%s.part-XXXXXX", body->file);
	body->fd = mkostemp(name.at, O_CLOEXEC);
	if (body->fd < 0) {
		body->error = errno;
		buf_free(&name);
		return false;
	}
	body->beside = name.at;
	return true;
}

static bool write_all(struct client_body *body, const char *at, size_t len)
{
	while (len) {
		ssize_t n = write(body->fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			body->error = errno;
			return false;
		}
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool client_body_add(struct client_body *body, const char *at, size_t len, bool into_file)
{
	if ((int64_t)len > body->most - body->got) {
		body->too_large = true;
		return false;
	}
	body->got += (int64_t)len;
	if (into_file)
		return open_beside(body) && write_all(body, at, len);
	buf_add(&body->memory, at, len);
	return true;
}

static void drop_file(struct client_body *body)
{
	if (body->fd >= 0)
		close(body->fd);
	if (body->beside)
		unlink(body->beside);
	free(body->beside);
	body->beside = NULL;
	body->fd = -1;
}

void client_body_again(struct client_body *body)
{
	drop_file(body);
	buf_clear(&body->memory);
	body->got = 0;
}

/* An empty body makes an empty file. */
bool client_body_finish(struct client_body *body, bool into_file)
{
	if (!into_file)
		return true;
	if (!open_beside(body))
		return false;
	int closed = close(body->fd);
	body->fd = -1;
	if (closed == 0 && rename(body->beside, body->file) == 0) {
		free(body->beside);
		body->beside = NULL;
		return true;
	}
	body->error = errno;
	return false;
}

void client_body_free(struct client_body *body)
{
	drop_file(body);
	buf_free(&body->memory);
}
