/* SPDX-License-Identifier: Apache-2.0 */
/* standin.c - a process of a command's own, asked where no daemon runs. */
#include "main/standin.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "main/shown.h"
#include "sdk/text.h"

#define TICK 500 /* ms */

struct standin {
	uv_loop_t loop;
	uv_timer_t timer;
	struct child *child; /* the one asked last */
	bool over;           /* it has ended */
	int64_t patience, waited, last_id;
	struct sl_document *answer;
	standin_heard *heard;
	standin_ended *ended;
	void *data;
};

/* ------------------------------------------------------------------------- life */

static void on_tick(uv_timer_t *timer)
{
	struct standin *standin = timer->data;
	standin->waited += TICK;
	if (standin->child)
		child_tick(standin->child, TICK);
	if (standin->waited >= standin->patience)
		uv_stop(&standin->loop);
}

struct standin *standin_new(int64_t patience)
{
	struct standin *standin = must_alloc(sizeof(*standin));
	standin->patience = patience;
	uv_loop_init(&standin->loop);
	uv_timer_init(&standin->loop, &standin->timer);
	standin->timer.data = standin;
	return standin;
}

uv_loop_t *standin_loop(struct standin *standin)
{
	return &standin->loop;
}

void standin_watch(struct standin *standin, standin_heard *heard, standin_ended *ended, void *data)
{
	standin->heard = heard, standin->ended = ended, standin->data = data;
}

/* Runs the loop until something was heard that stops it, or time is up. */
static void listen_to(struct standin *standin)
{
	standin->waited = 0;
	uv_timer_start(&standin->timer, on_tick, TICK, TICK);
	uv_run(&standin->loop, UV_RUN_DEFAULT);
	uv_timer_stop(&standin->timer);
}

void standin_stop(struct standin *standin)
{
	if (!standin->child)
		return;
	if (!standin->over) {
		child_stop(standin->child, CHILD_STOP_TIME);
		while (!standin->over)
			listen_to(standin);
	}
	child_free(&standin->child);
}

void standin_free(struct standin **place)
{
	struct standin *standin = *place;
	*place = NULL;
	if (!standin)
		return;
	standin_stop(standin);
	uv_close((uv_handle_t *)&standin->timer, NULL);
	uv_run(&standin->loop, UV_RUN_DEFAULT);
	uv_loop_close(&standin->loop);
	sl_json_free(&standin->answer);
	free(standin);
}

/* ------------------------------------------------------------------ the process */

static void on_ready(struct child *child)
{
}

static void on_heard(struct child *child, struct sl_text say, const struct sl_json *message)
{
	struct standin *standin = child->owner;
	if (standin->heard)
		standin->heard(standin->data, child, say, message);
	if (!sl_text_is(say, "answer") || shown_number(message, "id") != standin->last_id)
		return;
	sl_json_free(&standin->answer);
	standin->answer = sl_json_read(sl_json_raw(message), NULL, 0);
	uv_stop(&standin->loop);
}

static void on_ended(struct child *child)
{
	struct standin *standin = child->owner;
	if (standin->ended)
		standin->ended(standin->data, child);
	standin->over = true;
	uv_stop(&standin->loop);
}

static const struct child_watch watch = { on_ready, on_heard, on_ended };

bool standin_has(const struct standin *standin, const char *name)
{
	return standin->child && !standin->over && strcmp(standin->child->name, name) == 0;
}

bool standin_begin(struct standin *standin, enum child_kind kind, const char *name, int64_t deadline, struct buf *part,
	struct why *why)
{
	standin_stop(standin);
	json_member_bool(part, "once", true);
	json_close(part, '}');
	standin->child = child_new(&standin->loop, kind, name, part, why);
	if (!standin->child)
		return false;
	standin->over = false;
	standin->child->owner = standin;
	standin->child->watch = &watch;
	standin->child->deadline = deadline;
	child_begin(standin->child);
	return true;
}

/* --------------------------------------------------------------------- questions */

static void say_silent(const struct standin *standin, struct why *why)
{
	const struct child *child = standin->child;
	if (!standin->over)
		why_say(why, "%s has not answered within %d s%s%s", child->label, (int)(standin->patience / 1000),
			child->error.text[0] ? ": " : "", child->error.text);
	else if (child->failure.text[0])
		why_say(why, "%s", child->failure.text);
	else
		why_say(why, "%s has not answered: %s", child->label, child->death.text);
}

static void pose(struct standin *standin, const struct buf *question)
{
	struct buf message = { 0 };
	buf_format(&message, "{\"do\":\"ask\",\"id\":%lld,%s", (long long)++standin->last_id, question->at + 1);
	child_send(standin->child, &message);
	buf_free(&message);
}

struct sl_document *standin_ask(struct standin *standin, const struct buf *question, struct why *why)
{
	pose(standin, question);
	listen_to(standin);
	struct sl_document *answer = standin->answer;
	standin->answer = NULL;
	if (!answer) {
		say_silent(standin, why);
		return NULL;
	}
	if (!sl_json_true(sl_json_get(sl_json_root(answer), "ok"))) {
		why_say(why, "%s", shown_word(sl_json_root(answer), "why"));
		sl_json_free(&answer);
	}
	return answer;
}
