/* SPDX-License-Identifier: Apache-2.0 */
/* steps.c - a plugin whose steps end in every way there is; the event's type says which. */
#include <string.h>
#include <unistd.h>

#include "plugin.h"

struct options {
	const char *greeting;
	int64_t times;
	const char *const *lists;
};

struct local {
	int waits;
	int worked;
};

static const struct sl_option table[] = {
	SL_OPTION(TEXT, struct options, greeting, .initial = "hello", .help = "What is said."),
	SL_OPTION(INT, struct options, times, .initial = "1", .min = 1, .max = 9, .help = "How often."),
	SL_OPTION(LIST, struct options, lists, .initial = "[]", .help = "Where."),
	{ 0 },
};

static enum sl_outcome greet(struct sl_call *call)
{
	const struct options *options = call->options;
	for (int64_t i = 0; i < options->times; i++) {
		static const char form[] = "{\"greeting\":\"%s\",\"number\":%d}";
		struct sl_text data = call->host->format(call, form, options->greeting, (int)i);
		struct sl_event event = { .type = "greetings", .data = data };
		call->host->emit(call, &event);
		memset((char *)data.at, '#', data.len); /* what was emitted is a copy */
	}
	return SL_DONE;
}

static enum sl_outcome nap_again(struct sl_call *call)
{
	struct local *local = call->local;
	if (++local->waits < 3)
		return call->host->sleep(call, 1, nap_again);
	return greet(call);
}

static enum sl_outcome long_nap(struct sl_call *call)
{
	return call->host->sleep(call, 3600000, greet);
}

static void blocking(void *data)
{
	usleep(20000);
	*(int *)data = 42;
}

static enum sl_outcome worked(struct sl_call *call)
{
	struct local *local = call->local;
	return local->worked == 42 ? greet(call) : call->host->fail(call, "the work was not done");
}

static enum sl_outcome work(struct sl_call *call)
{
	struct local *local = call->local;
	return call->host->work(call, blocking, &local->worked, worked);
}

static enum sl_outcome drop(struct sl_call *call)
{
	greet(call);
	call->host->drop(call, "not for us");
	return SL_DONE;
}

static enum sl_outcome refuse(struct sl_call *call)
{
	greet(call);
	return call->host->fail(call, "%s is no card", call->event->id);
}

static enum sl_outcome later(struct sl_call *call)
{
	return call->host->retry(call, 1500, "come back later");
}

static enum sl_outcome pass(struct sl_call *call)
{
	struct sl_event event = { .type = "copy", .json = call->host->at(call->event->json, "/card") };
	call->host->emit(call, &event);
	call->host->emit(call, &(struct sl_event){ 0 });
	return SL_DONE;
}

static enum sl_outcome wrong_wait(struct sl_call *call)
{
	return SL_WAIT;
}

static enum sl_outcome wrong_done(struct sl_call *call)
{
	call->host->sleep(call, 1000, greet);
	return SL_DONE;
}

static enum sl_outcome wrong_number(struct sl_call *call)
{
	return (enum sl_outcome)77;
}

static enum sl_outcome mute(struct sl_call *call)
{
	return SL_FAIL;
}

static enum sl_outcome nothing(struct sl_call *call)
{
	return SL_DONE;
}

static enum sl_outcome transform(struct sl_call *call)
{
	static const struct {
		const char *type;
		sl_step *step;
	} steps[] = {
		{ "greet", greet },
		{ "nap", nap_again },
		{ "long nap", long_nap },
		{ "work", work },
		{ "drop", drop },
		{ "refuse", refuse },
		{ "later", later },
		{ "pass", pass },
		{ "wrong wait", wrong_wait },
		{ "wrong done", wrong_done },
		{ "wrong number", wrong_number },
		{ "mute", mute },
		{ "nothing", nothing },
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (!strcmp(steps[i].type, call->event->type))
			return steps[i].step(call);
	return SL_FAIL;
}

/* Settles what its first row's number says, and rows that are not there. */
static enum sl_outcome deliver(struct sl_call *call)
{
	call->host->settle(call, 1, SL_FAIL, "row %d is no good", 1);
	call->host->settle(call, 2, SL_RETRY, "busy");
	call->host->settle(call, 99, SL_FAIL, "there is no such row");
	call->host->settle(call, 0, (enum sl_outcome)50, "nor such an outcome");
	return call->host->retry(call, 0, "the far side went away");
}

static void close_state(void *state)
{
	int *closed = *(int **)state;
	if (closed)
		++*closed;
}

SL_PLUGIN(.name = "steps", .version = "1.0", .summary = "Ends in every way there is.", .options = table,
	.options_size = sizeof(struct options), .state_size = sizeof(int *), .local_size = sizeof(struct local),
	.transform = transform, .deliver = deliver, .close = close_state);
