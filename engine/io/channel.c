/* SPDX-License-Identifier: Apache-2.0 */
/* channel.c - messages between the master and its children. */
#include "io/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/line.h"

#define LARGEST ((size_t)64 << 20)
#define PREFIX 4 /* bytes of length in front of a message */
#define READ_STEP ((size_t)16 << 10)
#define KEPT_ROOM ((size_t)1 << 20) /* a buffer that had to grow beyond this is given back */

struct channel {
	uv_poll_t poll;
	int fd, events;
	bool gone, closed;
	struct buf in, out;
	size_t sent; /* of `out` */
	channel_heard *heard;
	void *data;
};

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(struct channel *channel)
{
	int events = channel->gone ? 0 : UV_READABLE;
	if (channel->out.len > channel->sent)
		events |= UV_WRITABLE;
	if (events == channel->events || channel->closed)
		return;
	channel->events = events;
	if (events)
		uv_poll_start(&channel->poll, events, on_ready);
	else
		uv_poll_stop(&channel->poll);
}

static void forget(struct buf *buf)
{
	if (buf->room > KEPT_ROOM)
		buf_free(buf);
	else
		buf_clear(buf);
}

/* A failed write is not told: reading will come to the same end. */
static void flush(struct channel *channel)
{
	while (channel->sent < channel->out.len) {
		ssize_t n = send(channel->fd, channel->out.at + channel->sent, channel->out.len - channel->sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0)
			break;
		channel->sent += (size_t)n;
	}
	channel->sent = 0;
	forget(&channel->out);
}

static void say_gone(struct channel *channel)
{
	channel->gone = true;
	channel->sent = 0;
	buf_free(&channel->in);
	buf_free(&channel->out);
	watch(channel);
	channel->heard(channel, NULL, channel->data);
}

static bool hear(struct channel *channel, struct sl_text text)
{
	struct sl_document *document = sl_json_read(text, NULL, 0);
	const struct sl_json *message = document ? sl_json_root(document) : NULL;
	bool object = sl_json_kind(message) == SL_KIND_OBJECT;
	if (object)
		channel->heard(channel, message, channel->data);
	sl_json_free(&document);
	return object;
}

static size_t length_at(const char *at)
{
	const unsigned char *byte = (const unsigned char *)at;
	return byte[0] | (size_t)byte[1] << 8 | (size_t)byte[2] << 16 | (size_t)byte[3] << 24;
}

/* False if what came breaks the form. */
static bool hear_whole_ones(struct channel *channel)
{
	size_t from = 0;
	while (!channel->closed && channel->in.len - from >= PREFIX) {
		size_t len = length_at(channel->in.at + from);
		if (len > LARGEST)
			return false;
		if (channel->in.len - from - PREFIX < len)
			break;
		if (!hear(channel, (struct sl_text){ channel->in.at + from + PREFIX, len }))
			return false;
		from += PREFIX + len;
	}
	if (channel->closed)
		return true;
	channel->in.len -= from;
	memmove(channel->in.at, channel->in.at + from, channel->in.len);
	if (channel->in.len == 0)
		forget(&channel->in);
	return true;
}

static void receive(struct channel *channel)
{
	buf_reserve(&channel->in, READ_STEP);
	ssize_t n = recv(channel->fd, channel->in.at + channel->in.len, channel->in.room - channel->in.len - 1,
		MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n > 0)
		channel->in.len += (size_t)n;
	if ((n <= 0 || !hear_whole_ones(channel)) && !channel->closed)
		say_gone(channel);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct channel *channel = poll->data;
	if (events & UV_WRITABLE)
		flush(channel);
	/* An error of the descriptor has to be read to be known. */
	if ((events & UV_READABLE || status < 0) && !channel->gone)
		receive(channel);
	watch(channel);
}

struct channel *channel_open(uv_loop_t *loop, int fd, channel_heard *heard, void *data)
{
	struct channel *channel = must_alloc(sizeof(*channel));
	*channel = (struct channel){ .fd = fd, .heard = heard, .data = data };
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (uv_poll_init(loop, &channel->poll, fd) != 0) {
		free(channel);
		return NULL;
	}
	channel->poll.data = channel;
	watch(channel);
	return channel;
}

/* A peer that is always a little behind must not make the buffer grow for ever. */
static void drop_sent(struct channel *channel)
{
	struct buf *out = &channel->out;
	if (channel->sent < out->len / 2)
		return;
	out->len -= channel->sent;
	if (out->len)
		memmove(out->at, out->at + channel->sent, out->len);
	channel->sent = 0;
}

void channel_send(struct channel *channel, const struct buf *message)
{
	unsigned char prefix[PREFIX];
	if (channel->gone)
		return;
	if (message->len > LARGEST) {
		line(SL_ERROR, "a message of %zu bytes between processes is too long and was not sent", message->len);
		return;
	}
	for (size_t i = 0; i < PREFIX; i++)
		prefix[i] = (unsigned char)(message->len >> 8 * i);
	drop_sent(channel);
	buf_add(&channel->out, prefix, PREFIX);
	buf_add(&channel->out, message->at, message->len);
	flush(channel);
	watch(channel);
}

size_t channel_waiting(const struct channel *channel)
{
	return channel->out.len - channel->sent;
}

static void on_closed(uv_handle_t *handle)
{
	struct channel *channel = handle->data;
	close(channel->fd);
	buf_free(&channel->in);
	buf_free(&channel->out);
	free(channel);
}

void channel_close(struct channel **channel)
{
	struct channel *gone = *channel;
	if (!gone)
		return;
	*channel = NULL;
	flush(gone);
	gone->closed = true;
	uv_close((uv_handle_t *)&gone->poll, on_closed);
}
