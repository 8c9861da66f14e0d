/* SPDX-License-Identifier: Apache-2.0 */
/* poller_hand.c - events on their way to the ingress, a message at a time (flow/ingest_events.h).
 *
 * A message that was not answered before the connection ended is sent again, the same
 * one; while there is no ingress, or no answer, the source waits.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/line.h"
#include "flow/ingest_events.h"
#include "flow/poller.h"
#include "io/socket.h"

#define CONNECT_TIME 1000 /* ms */
#define AGAIN_FIRST 50    /* ms before the next connection, doubled up to the most */
#define AGAIN_MOST 2000
#define ANSWER_TIME 2000  /* ms after which a missing answer is worth telling */

struct hand {
	struct poller *poller;
	const char *address; /* "unix:PATH" */
	const char *key;
	hand_done *done;
	struct channel *channel; /* NULL: not connected */
	uv_timer_t timer;        /* connects again; then frees it */
	uint64_t pause;

	const struct sl_event *events;
	const char *again;       /* flow/polled.h, or NULL */
	size_t count, next, sent; /* of the events; [next, sent) are in the message */
	struct buf message;       /* empty: nothing is under way */
	int64_t id, since;        /* of the message; clock_ticks when it was made */
};

static void on_heard(struct channel *channel, const struct sl_json *message, void *data);

/* ------------------------------------------------------------------ connecting */

static void on_again(uv_timer_t *timer);

static void lost(struct hand *hand)
{
	channel_close(&hand->channel);
	if (!hand->message.len)
		return;
	uv_update_time(hand->poller->loop);
	uv_timer_start(&hand->timer, on_again, hand->pause, 0);
	hand->pause = hand->pause * 2 < AGAIN_MOST ? hand->pause * 2 : AGAIN_MOST;
}

/* Who we are, before anything else. */
static void greet(struct hand *hand)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "source", hand->poller->name);
	json_member_string(&out, "key", hand->key);
	json_close(&out, '}');
	channel_send(hand->channel, &out);
	buf_free(&out);
}

static void dial(struct hand *hand)
{
	struct why why = { "" };
	int fd = socket_connect(hand->address, CONNECT_TIME, &why);
	if (fd >= 0)
		hand->channel = channel_open(hand->poller->loop, fd, on_heard, hand);
	else
		line(SL_DEBUG, "the ingress: %s", why.text);
	if (hand->channel)
		greet(hand);
}

static void send_message(struct hand *hand)
{
	if (!hand->channel)
		dial(hand);
	if (hand->channel)
		channel_send(hand->channel, &hand->message);
	else
		lost(hand);
}

static void on_again(uv_timer_t *timer)
{
	struct hand *hand = timer->data;
	if (hand->message.len && !hand->channel)
		send_message(hand);
}

/* -------------------------------------------------------------------- messages */

static void write_message(struct hand *hand)
{
	struct buf *out = &hand->message;
	buf_clear(out);
	json_open(out, '{');
	json_member_int(out, "id", ++hand->id);
	json_member_string(out, "source", hand->poller->name);
	json_key(out, "events");
	json_open(out, '[');
	for (hand->sent = hand->next; hand->sent < hand->count && hand->sent - hand->next < EVENTS_MOST; hand->sent++) {
		if (hand->sent > hand->next && out->len + hand->events[hand->sent].data.len > EVENTS_SIZE)
			break;
		polled_write(&hand->events[hand->sent], hand->again, out);
	}
	json_close(out, ']');
	json_close(out, '}');
	hand->since = clock_ticks();
}

static void end(struct hand *hand, const char *why, bool later)
{
	buf_clear(&hand->message);
	hand->events = NULL;
	hand->done(hand->poller, why, later);
}

static void go_on(struct hand *hand)
{
	hand->pause = AGAIN_FIRST;
	hand->next = hand->sent;
	if (hand->next == hand->count) {
		end(hand, NULL, false);
		return;
	}
	write_message(hand);
	send_message(hand);
}

static void on_heard(struct channel *channel, const struct sl_json *message, void *data)
{
	struct hand *hand = data;
	struct sl_text error = sl_json_string(sl_json_get(message, "error"));
	int64_t id = 0;
	if (!message) {
		lost(hand);
		return;
	}
	sl_json_integer(sl_json_get(message, "id"), &id);
	if (id != hand->id || !hand->message.len)
		return; /* an answer to what was said again since */
	if (error.at)
		end(hand, error.at, sl_json_true(sl_json_get(message, "later")));
	else
		go_on(hand);
}

void hand_in(struct hand *hand, const struct sl_event *events, size_t count, const char *again)
{
	hand->events = events;
	hand->again = again;
	hand->count = count;
	hand->next = hand->sent = 0;
	go_on(hand);
}

bool hand_busy(const struct hand *hand)
{
	return hand->message.len > 0;
}

bool hand_waits(const struct hand *hand)
{
	return hand->message.len && clock_ticks() - hand->since > ANSWER_TIME;
}

/* --------------------------------------------------------------- begin and end */

struct hand *hand_new(struct poller *poller, const char *address, const char *key, hand_done *done)
{
	struct hand *hand = must_alloc(sizeof(*hand));
	hand->poller = poller;
	hand->address = address;
	hand->key = key;
	hand->done = done;
	hand->pause = AGAIN_FIRST;
	uv_timer_init(poller->loop, &hand->timer);
	hand->timer.data = hand;
	return hand;
}

static void on_closed(uv_handle_t *timer)
{
	struct hand *hand = timer->data;
	buf_free(&hand->message);
	free(hand);
}

void hand_free(struct hand **hand)
{
	struct hand *gone = *hand;
	*hand = NULL;
	if (!gone)
		return;
	channel_close(&gone->channel);
	uv_close((uv_handle_t *)&gone->timer, on_closed);
}
