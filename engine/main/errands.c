/* SPDX-License-Identifier: Apache-2.0 */
/* errands.c - what a source's process is sent to its vendor for. */
#include "main/errands.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "main/budgets.h"
#include "main/child.h"
#include "main/daemon.h"
#include "main/lock.h"
#include "main/shown.h"
#include "sdk/text.h"

#define LOOKS 20           /* for another command that is just ending: 2 s */
#define TICK 500           /* ms */
#define ANSWER_TIME 600000 /* ms */

struct errands {
	struct config *config;
	bool daemon;

	/* without one */
	struct lock lock;
	uv_loop_t loop;
	uv_timer_t timer;
	bool has_loop;
	struct budgets *budgets;
	struct child *child; /* of the source asked last */
	int64_t last_id, waited;
	struct sl_document *answer;
	bool ended;
};

bool errands_daemon(const struct errands *errands)
{
	return errands->daemon;
}

struct errands *errands_new(struct config *config, struct why *why)
{
	struct ask_answer answer;
	struct errands *errands = must_alloc(sizeof(*errands));
	bool running = daemon_ask(config, "GET", "/status", (struct sl_text){ "", 0 }, &answer, why);
	int status = answer.status;
	ask_answer_free(&answer);
	errands->config = config;
	errands->lock.fd = -1;
	errands->daemon = running && status == 200;
	if (running && !errands->daemon) {
		why_say(why, "what answers at %s is no sluice daemon, or wants another token", config->admin);
		errands_free(&errands);
	}
	return errands;
}

/* ------------------------------------------------------------- without a daemon */

static bool take_lock(struct errands *errands, struct why *why)
{
	const struct timespec pause = { 0, 100000000 };
	for (int look = 0; look < LOOKS; look++) {
		if (lock_take(errands->config->data, &errands->lock, why))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void on_tick(uv_timer_t *timer)
{
	struct errands *errands = timer->data;
	errands->waited += TICK;
	if (errands->child)
		child_tick(errands->child, TICK);
	if (errands->waited >= ANSWER_TIME)
		uv_stop(&errands->loop);
}

static bool stand_in(struct errands *errands, struct why *why)
{
	if (errands->has_loop)
		return true;
	if (!take_lock(errands, why))
		return false;
	errands->config->log.level = "warning"; /* a process that only answers has nothing else to tell */
	uv_loop_init(&errands->loop);
	uv_timer_init(&errands->loop, &errands->timer);
	errands->timer.data = errands;
	errands->budgets = budgets_new(&errands->loop, errands->config->data);
	errands->has_loop = true;
	return true;
}

static void on_ready(struct child *child)
{
}

static void on_heard(struct child *child, struct sl_text say, const struct sl_json *message)
{
	struct errands *errands = child->owner;
	budgets_heard(errands->budgets, child, say, message);
	if (!sl_text_is(say, "answer") || shown_number(message, "id") != errands->last_id)
		return;
	sl_json_free(&errands->answer);
	errands->answer = sl_json_read(sl_json_raw(message), NULL, 0);
	uv_stop(&errands->loop);
}

static void on_ended(struct child *child)
{
	struct errands *errands = child->owner;
	budgets_ended(errands->budgets, child);
	errands->ended = true;
	uv_stop(&errands->loop);
}

static const struct child_watch watch = { on_ready, on_heard, on_ended };

/* Runs the loop until something was heard that stops it, or time is up. */
static void listen_to(struct errands *errands)
{
	errands->waited = 0;
	uv_timer_start(&errands->timer, on_tick, TICK, TICK);
	uv_run(&errands->loop, UV_RUN_DEFAULT);
	uv_timer_stop(&errands->timer);
}

static void let_go(struct errands *errands)
{
	if (!errands->child)
		return;
	if (!errands->ended) {
		child_stop(errands->child, CHILD_STOP_TIME);
		while (!errands->ended)
			listen_to(errands);
	}
	child_free(&errands->child);
}

static bool have_process(struct errands *errands, const struct config_source *source, struct why *why)
{
	struct buf part = { 0 };
	if (errands->child && !errands->ended && strcmp(errands->child->name, source->name) == 0)
		return true;
	let_go(errands);
	json_open(&part, '{');
	config_part_poller(errands->config, source, &part);
	json_member_bool(&part, "once", true);
	json_close(&part, '}');
	errands->child = child_new(&errands->loop, CHILD_SOURCE, source->name, &part, why);
	buf_free(&part);
	if (!errands->child)
		return false;
	errands->ended = false;
	errands->child->owner = errands;
	errands->child->watch = &watch;
	errands->child->deadline = errands->config->deadline;
	child_begin(errands->child);
	return true;
}

static bool say_silent(const struct child *child, bool ended, struct why *why)
{
	if (!ended)
		return why_say(why, "%s has not answered within %d s%s%s", child->label, ANSWER_TIME / 1000,
			child->error.text[0] ? ": " : "", child->error.text);
	if (child->failure.text[0])
		return why_say(why, "%s", child->failure.text);
	return why_say(why, "%s has not answered: %s", child->label, child->death.text);
}

static struct sl_document *ask_own(struct errands *errands, const struct config_source *source,
	const struct buf *question, struct why *why)
{
	struct buf message = { 0 };
	if (!stand_in(errands, why) || !have_process(errands, source, why))
		return NULL;
	buf_format(&message, "{\"do\":\"ask\",\"id\":%lld,%s", (long long)++errands->last_id, question->at + 1);
	child_send(errands->child, &message);
	buf_free(&message);
	listen_to(errands);
	struct sl_document *answer = errands->answer;
	errands->answer = NULL;
	if (!answer) {
		say_silent(errands->child, errands->ended, why);
		return NULL;
	}
	if (!sl_json_true(sl_json_get(sl_json_root(answer), "ok"))) {
		why_say(why, "%s", shown_word(sl_json_root(answer), "why"));
		sl_json_free(&answer);
	}
	return answer;
}

void errands_free(struct errands **place)
{
	struct errands *errands = *place;
	*place = NULL;
	if (!errands)
		return;
	if (errands->has_loop) {
		let_go(errands);
		budgets_free(&errands->budgets);
		uv_close((uv_handle_t *)&errands->timer, NULL);
		uv_run(&errands->loop, UV_RUN_DEFAULT);
		uv_loop_close(&errands->loop);
	}
	lock_drop(&errands->lock);
	sl_json_free(&errands->answer);
	free(errands);
}

/* ------------------------------------------------------------------------- asked */

struct sl_document *errand_run(struct errands *errands, const struct config_source *source,
	const struct buf *question, struct why *why)
{
	struct buf path = { 0 };
	if (!errands->daemon)
		return ask_own(errands, source, question, why);
	buf_format(&path, "source/%s", source->name);
	struct sl_document *answer = daemon_question_within(errands->config, path.at, question, ANSWER_TIME, NULL, why);
	buf_free(&path);
	return answer;
}

struct sl_document *errand_hooks(struct errands *errands, const struct config_source *source, const char *verb,
	const char *hook, struct why *why)
{
	struct buf question = { 0 };
	json_open(&question, '{');
	json_member_string(&question, "what", "hooks");
	json_member_string(&question, "verb", verb);
	json_member_string(&question, "hook", hook);
	json_close(&question, '}');
	struct sl_document *answer = errand_run(errands, source, &question, why);
	buf_free(&question);
	return answer;
}

struct sl_document *errand_discover(struct errands *errands, const struct config_source *source, struct why *why)
{
	static const char text[] = "{\"what\":\"discover\"}";
	const struct buf question = { .at = (char *)text, .len = sizeof(text) - 1 };
	return errand_run(errands, source, &question, why);
}
