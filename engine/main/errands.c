/* SPDX-License-Identifier: Apache-2.0 */
/* errands.c - what a source's process is sent to its vendor for. */
#include "main/errands.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "main/budgets.h"
#include "main/daemon.h"
#include "main/lock.h"
#include "main/shown.h"
#include "main/standin.h"
#include "sdk/text.h"

#define LOOKS 20           /* for another command that is just ending: 2 s */
#define ANSWER_TIME 600000 /* ms */

struct errands {
	struct config *config;
	bool daemon;

	/* without one */
	struct lock lock;
	struct standin *standin;
	struct budgets *budgets;
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

static void on_heard(void *data, struct child *child, struct sl_text say, const struct sl_json *message)
{
	struct errands *errands = data;
	budgets_heard(errands->budgets, child, say, message);
}

static void on_ended(void *data, struct child *child)
{
	struct errands *errands = data;
	budgets_ended(errands->budgets, child);
}

static bool stand_in(struct errands *errands, struct why *why)
{
	if (errands->standin)
		return true;
	if (!take_lock(errands, why))
		return false;
	errands->config->log.level = "warning"; /* a process that only answers has nothing else to tell */
	errands->standin = standin_new(ANSWER_TIME);
	errands->budgets = budgets_new(standin_loop(errands->standin), errands->config->data);
	standin_watch(errands->standin, on_heard, on_ended, errands);
	return true;
}

static bool have_process(struct errands *errands, const struct config_source *source, struct why *why)
{
	struct buf part = { 0 };
	if (standin_has(errands->standin, source->name))
		return true;
	json_open(&part, '{');
	config_part_poller(errands->config, source, &part);
	bool fine = standin_begin(errands->standin, CHILD_SOURCE, source->name, errands->config->deadline, &part, why);
	buf_free(&part);
	return fine;
}

static struct sl_document *ask_own(struct errands *errands, const struct config_source *source,
	const struct buf *question, struct why *why)
{
	bool fine = stand_in(errands, why) && have_process(errands, source, why);
	return fine ? standin_ask(errands->standin, question, why) : NULL;
}

void errands_free(struct errands **place)
{
	struct errands *errands = *place;
	*place = NULL;
	if (!errands)
		return;
	if (errands->standin)
		standin_stop(errands->standin);
	budgets_free(&errands->budgets);
	standin_free(&errands->standin);
	lock_drop(&errands->lock);
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
