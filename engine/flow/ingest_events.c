/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_events.c - what source processes hand in is checked, appended, and answered from the disk. */
#include "flow/ingest_events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/ingest_inside.h"
#include "sdk/text.h"

#define CONNECTIONS 1024
#define RECORD_MORE 256 /* bytes a record takes beside its body, at most */

/* A connection of a source process. */
struct bringer {
	struct ingest *ingest;
	struct channel *channel; /* NULL: it is gone */
	struct buf name;         /* of the source it has shown the key of; empty: none yet */
	struct buf held;         /* a message there was no room for */
	size_t parked;           /* messages on their way to the disk */
	struct bringer *next;
};

/* A message while it is decided upon. */
struct bringing {
	struct bringer *bringer;
	const struct sl_json *message, *events;
	struct ingest_source *source;
	int64_t id;
	size_t count, bytes;
};

/* --------------------------------------------------------------- connections */

static void bringer_free(struct bringer *bringer)
{
	struct bringer **at = &bringer->ingest->bringers;
	while (*at != bringer)
		at = &(*at)->next;
	*at = bringer->next;
	bringer->ingest->bringer_count--;
	buf_free(&bringer->name);
	buf_free(&bringer->held);
	free(bringer);
}

static void hang_up(struct bringer *bringer)
{
	channel_close(&bringer->channel);
	buf_clear(&bringer->held);
	if (!bringer->parked)
		bringer_free(bringer);
}

static void say(struct bringer *bringer, struct buf *out)
{
	json_close(out, '}');
	if (bringer->channel)
		channel_send(bringer->channel, out);
	buf_free(out);
}

/* ---------------------------------------------------------------------- keys */

void events_key(struct sl_text daemon, struct sl_text source, char key[EVENTS_KEY + 1])
{
	unsigned char digest[SL_DIGEST_MOST];
	sl_hex(digest, sl_hmac(SL_SHA256, daemon, &source, 1, digest), key);
}

/* The first that it says.  False: it is none of our source processes. */
static bool greet(struct bringer *bringer, const struct sl_json *message)
{
	struct sl_text name = sl_json_string(sl_json_get(message, "source"));
	struct sl_text shown = sl_json_string(sl_json_get(message, "key"));
	struct sl_text daemon = sl_text_of(bringer->ingest->events_key);
	char key[EVENTS_KEY + 1];
	events_key(daemon, name, key);
	if (daemon.len && name.len && sl_same(shown.at, shown.len, key, strlen(key)))
		buf_add(&bringer->name, name.at, name.len);
	else
		line(SL_WARNING, "somebody who is no source's process wants to hand in events; nothing is taken");
	return bringer->name.len > 0;
}

/* -------------------------------------------------------------------- checks */

static void refuse(struct bringing *bringing, const char *why)
{
	struct ingest *ingest = bringing->bringer->ingest;
	struct buf out = { 0 };
	page_add(ingest->page, COUNTER_refused, 1);
	ingest->changed = true;
	if (bringing->source)
		bringing->source->refused++;
	json_open(&out, '{');
	json_member_int(&out, "id", bringing->id);
	json_member_string(&out, "error", why);
	if (!bringing->source)
		json_member_bool(&out, "later", true);
	say(bringing->bringer, &out);
}

static bool check_events(struct bringing *bringing, struct why *why)
{
	bringing->count = sl_json_count(bringing->events);
	if (sl_json_kind(bringing->events) != SL_KIND_ARRAY || !bringing->count)
		return why_say(why, "the message brings no events");
	if (bringing->count > EVENTS_MOST)
		return why_say(why, "%zu events in one message; the most is %d", bringing->count, EVENTS_MOST);
	for (const struct sl_json *at = sl_json_first(bringing->events); at; at = sl_json_next(at)) {
		if (!polled_check(at, why))
			return false;
		bringing->bytes += sl_json_raw(at).len;
	}
	return true;
}

static bool check(struct bringing *bringing, struct why *why)
{
	struct sl_text name = sl_json_string(sl_json_get(bringing->message, "source"));
	const struct buf *bringer = &bringing->bringer->name;
	bringing->source = name.len ? table_named(bringing->bringer->ingest->table, name) : NULL;
	if (!bringing->source) {
		why_say(why, "the ingress knows no source %s", name.len ? name.at : "without a name");
		return false;
	}
	if (name.len != bringer->len || memcmp(name.at, bringer->at, name.len) != 0)
		return why_say(why, "events of source %s come from another one", name.at);
	return check_events(bringing, why);
}

/* ------------------------------------------------------------------ taken in */

static void append(struct bringing *bringing)
{
	struct ingest *ingest = bringing->bringer->ingest;
	struct ingest_source *source = bringing->source;
	struct parked parked = { .bringer = bringing->bringer, .id = bringing->id };
	struct log_record record = { .received = clock_wall(), .source = source->name, .flags = LOG_EVENT };
	for (const struct sl_json *at = sl_json_first(bringing->events); at; at = sl_json_next(at)) {
		record.body = sl_json_raw(at);
		parked.last = log_append(ingest->log, &record);
		if (!parked.first)
			parked.first = parked.last;
	}
	source->accepted += bringing->count;
	source->last = record.received;
	ingest->changed = true;
	bringing->bringer->parked++;
	commit_park(ingest, &parked, bringing->count, bringing->bytes);
}

static bool room_for(struct bringing *bringing)
{
	struct ingest *ingest = bringing->bringer->ingest;
	size_t more = RECORD_MORE + bringing->source->name.len;
	size_t wanted = bringing->bytes + bringing->count * more;
	enum log_room room = log_room(ingest->log, wanted);
	if (room != LOG_ROOM)
		tell_no_room(ingest, room, wanted);
	return room == LOG_ROOM;
}

/* False: there is no room for it. */
static bool take(struct bringer *bringer, const struct sl_json *message)
{
	struct why why = { "" };
	struct bringing bringing = {
		.bringer = bringer,
		.message = message,
		.events = sl_json_get(message, "events"),
	};
	sl_json_integer(sl_json_get(message, "id"), &bringing.id);
	if (!check(&bringing, &why))
		refuse(&bringing, why.text);
	else if (room_for(&bringing))
		append(&bringing);
	else
		return false;
	return true;
}

static void on_heard(struct channel *channel, const struct sl_json *message, void *data)
{
	struct bringer *bringer = data;
	bool known = bringer->name.len > 0;
	if (!message || bringer->held.len || (!known && !greet(bringer, message))) {
		hang_up(bringer);
		return;
	}
	if (!known)
		return;
	if (bringer->ingest->state != INGEST_SERVING || take(bringer, message))
		return; /* one that is ending answers nothing new: it is said again to its successor */
	struct sl_text text = sl_json_raw(message);
	buf_add(&bringer->held, text.at, text.len);
}

/* What there was no room for may find some now. */
static void take_held(struct bringer *bringer)
{
	struct sl_text text = { bringer->held.at, bringer->held.len };
	struct sl_document *document = text.len ? sl_json_read(text, NULL, 0) : NULL;
	if (document && take(bringer, sl_json_root(document)))
		buf_clear(&bringer->held);
	sl_json_free(&document);
}

void events_beat(struct ingest *ingest)
{
	struct bringer *next;
	for (struct bringer *at = ingest->state == INGEST_SERVING ? ingest->bringers : NULL; at; at = next) {
		next = at->next;
		take_held(at);
	}
}

/* --------------------------------------------------------------------- answers */

void events_answer(const struct parked *parked)
{
	struct bringer *bringer = parked->bringer;
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_int(&out, "id", parked->id);
	json_member_uint(&out, "first", parked->first);
	json_member_uint(&out, "last", parked->last);
	say(bringer, &out);
	bringer->parked--;
	if (!bringer->channel && !bringer->parked)
		bringer_free(bringer);
}

/* ------------------------------------------------------------- begin and end */

static void on_knock(uv_poll_t *poll, int status, int events)
{
	struct ingest *ingest = poll->data;
	int fd = accept4(ingest->events_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct bringer *bringer = must_alloc(sizeof(*bringer));
	bringer->ingest = ingest;
	bringer->channel = ingest->bringer_count < CONNECTIONS ? channel_open(&ingest->loop, fd, on_heard, bringer) : NULL;
	if (!bringer->channel) {
		close(fd);
		free(bringer);
		return;
	}
	bringer->next = ingest->bringers;
	ingest->bringers = bringer;
	ingest->bringer_count++;
}

bool events_listen(struct ingest *ingest, struct why *why)
{
	if (!ingest->events_fd)
		return true;
	int error = uv_poll_init(&ingest->loop, &ingest->knocking, ingest->events_fd);
	if (error)
		return why_say(why, "the socket that polled events come through: %s", uv_strerror(error));
	ingest->knocking.data = ingest;
	uv_poll_start(&ingest->knocking, UV_READABLE, on_knock);
	return true;
}

void events_end(struct ingest *ingest)
{
	struct bringer *next;
	if (ingest->knocking.data)
		uv_close((uv_handle_t *)&ingest->knocking, NULL);
	for (struct bringer *at = ingest->bringers; at; at = next) {
		next = at->next;
		hang_up(at);
	}
}
