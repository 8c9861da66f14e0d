/* SPDX-License-Identifier: Apache-2.0 */
/* call.c - one run of a step, from its first line to its outcome.
 *
 * A step runs until it returns.  If it asked for a wait, the wait begins now,
 * and the step it named goes on from there; whatever else it returned is the
 * outcome.  The structs of ended calls are kept and used again, arenas and all,
 * so that a call that fits into its first block allocates nothing.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "host/inside.h"
#include "sdk/json_inside.h"

#define KEPT_IDLE 64

static const char *const step_names[STEP_COUNT] = {
	[STEP_NONE] = "none",
	[STEP_OPEN] = "open",
	[STEP_DECODE] = "decode",
	[STEP_POLL] = "poll",
	[STEP_TRANSFORM] = "transform",
	[STEP_DELIVER] = "deliver",
	[STEP_RECALL] = "recall",
	[STEP_HOOKS] = "hooks",
	[STEP_DISCOVER] = "discover",
	[STEP_SCHEMA] = "schema",
	[STEP_UPKEEP] = "upkeep",
};

const char *step_name(enum step step)
{
	return step < STEP_COUNT ? step_names[step] : "unknown";
}

static sl_step *step_of(const struct sl_plugin *face, enum step step)
{
	sl_step *const steps[STEP_COUNT] = {
		[STEP_OPEN] = face->open,
		[STEP_DECODE] = face->decode,
		[STEP_POLL] = face->poll,
		[STEP_TRANSFORM] = face->transform,
		[STEP_DELIVER] = face->deliver,
		[STEP_RECALL] = face->recall,
		[STEP_HOOKS] = face->hooks,
		[STEP_DISCOVER] = face->discover,
		[STEP_SCHEMA] = face->schema,
		[STEP_UPKEEP] = face->upkeep,
	};
	return steps[step];
}

/* -------------------------------------------------------------- life and end */

static struct running *idle_or_new(struct instance *instance)
{
	struct running *running = instance->idle;
	if (!running) {
		running = must_alloc(sizeof(*running));
		running->call.arena = arena_new();
		return running;
	}
	instance->idle = running->idle;
	instance->idle_count--;
	struct arena *arena = running->call.arena;
	memset(running, 0, sizeof(*running));
	running->call.arena = arena;
	return running;
}

struct call *call_new(struct instance *instance, enum step step)
{
	struct running *running = idle_or_new(instance);
	struct call *call = &running->call;
	call->instance = instance;
	call->step = step;
	call->pub.host = &host_table;
	call->pub.options = instance->options;
	call->pub.state = instance->state;
	if (instance->plugin->face->local_size)
		call->pub.local = arena_alloc(call->arena, instance->plugin->face->local_size);
	instance->calls++;
	return call;
}

void call_over(struct running *running)
{
	struct instance *instance = running->call.instance;
	tally_free(&running->call.tally);
	for (struct held *held = running->held; held; held = held->next)
		arena_free(&held->arena);
	if (instance->idle_count < KEPT_IDLE) {
		arena_reset(running->call.arena);
		running->idle = instance->idle;
		instance->idle = running;
		instance->idle_count++;
	} else {
		arena_free(&running->call.arena);
		free(running);
	}
	instance_left(instance);
}

/* ------------------------------------------------------------------ documents */

static void *in_arena(void *arena, size_t size)
{
	return arena_bytes(arena, size);
}

const struct sl_json *call_json(struct call *call, struct sl_text text, struct why *why)
{
	char sentence[256] = "";
	const struct json_room room = { in_arena, call->arena };
	struct sl_document *document = json_read_into(text, sentence, sizeof(sentence), &room);
	if (!document) {
		why_say(why, "%s", sentence);
		return NULL;
	}
	return sl_json_root(document);
}

void call_hold(struct call *call, struct arena **arena)
{
	struct running *running = (struct running *)call;
	struct held *held = arena_alloc(call->arena, sizeof(*held));
	*held = (struct held){ running->held, *arena };
	running->held = held;
	*arena = NULL;
}

void emitted_within(const struct emitted *emitted, struct why *why)
{
	if (emitted && emitted->place)
		why_within(why, "%s", emitted->place);
}

const struct sl_json *emitted_json(struct call *call, struct emitted *emitted, struct why *why)
{
	if (!emitted->event.json)
		emitted->event.json = call_json(call, emitted->event.data, why);
	return emitted->event.json;
}

/* ------------------------------------------------------------------- outcomes */

/* A sink with transactions writes nothing of a batch that it does not take whole. */
static bool taken_whole(const struct call *call)
{
	for (size_t i = 0; call->settled && call->instance->plugin->face->recall && i < call->pub.row_count; i++)
		if (call->settled[i].outcome != SL_WAIT && call->settled[i].outcome != SL_DONE)
			return false;
	return true;
}

/* Nothing of a call that did not end well is seen by anyone; neither is what a
 * call emitted before it dropped its event. */
static void settle_outcome(struct call *call)
{
	if (call->outcome == SL_DONE && taken_whole(call))
		tally_join(&call->instance->tally, call->tally);
	if (call->outcome == SL_DONE && !call->dropped) {
		if (call->step == STEP_TRANSFORM && !call->emitted_count)
			call->dropped = "nothing was emitted";
		return;
	}
	call->emitted_count = 0;
	call->swept_count = 0;
	call->advanced = NULL;
	if (call->outcome == SL_DONE)
		return;
	if (call->instance->plugin->lua)
		lua_call_over(call); /* others may wait for what it was doing */
	call->dropped = NULL;
	if (!call->why.text[0])
		why_say(&call->why, "%s gave no reason", call->instance->name);
	call_mask(call, call->why.text);
}

static enum sl_outcome wrong(struct call *call, const char *what)
{
	why_say(&call->why, "the plugin is wrong: its %s step %s", step_name(call->step), what);
	return SL_FAIL;
}

static enum sl_outcome judge(struct running *running, enum sl_outcome outcome)
{
	bool asked = running->asked.wait != WAIT_NONE;
	if (outcome > SL_FAIL)
		return wrong(&running->call, "returned what is no outcome");
	if (outcome == SL_WAIT && !asked)
		return wrong(&running->call, "returned SL_WAIT, but there is nothing to wait for");
	if (outcome != SL_WAIT && asked)
		return wrong(&running->call, "asked for a wait and did not return it");
	return outcome;
}

/* ------------------------------------------------------------------- the run */

/* What is on the CPU, for the master's eyes: after a death nobody else can tell. */
static void page_enter(const struct call *call)
{
	struct page *page = call->instance->settings.page;
	if (!page)
		return;
	strncpy(page->call_name, call->instance->name, sizeof(page->call_name) - 1);
	atomic_store_explicit(&page->call_part, call->part, memory_order_relaxed);
	atomic_store_explicit(&page->call_step, call->step, memory_order_relaxed);
	atomic_store_explicit(&page->call_seq, call->seq, memory_order_release);
}

static void page_leave(const struct call *call)
{
	struct page *page = call->instance->settings.page;
	if (!page)
		return;
	atomic_store_explicit(&page->call_seq, 0, memory_order_relaxed);
	atomic_store_explicit(&page->call_step, STEP_NONE, memory_order_release);
}

static enum sl_outcome run_step(struct running *running, sl_step *step)
{
	struct call *call = &running->call;
	running->asked = (struct asked){ 0 };
	page_enter(call);
	call->outcome = judge(running, step(&call->pub));
	page_leave(call);
	if (call->outcome == SL_WAIT && !wait_begin(running))
		call->outcome = SL_FAIL;
	if (call->outcome != SL_WAIT)
		settle_outcome(call);
	return call->outcome;
}

static void unsettled(struct call *call)
{
	call->settled = arena_alloc(call->arena, call->pub.row_count * sizeof(*call->settled));
	for (size_t i = 0; i < call->pub.row_count; i++)
		call->settled[i].outcome = SL_WAIT;
}

enum sl_outcome call_run(struct call *call, call_finished *finished, void *data)
{
	struct running *running = (struct running *)call;
	sl_step *step = step_of(call->instance->plugin->face, call->step);
	assert(step); /* who calls a step knows that it is offered */
	running->finished = finished;
	running->data = data;
	call->started = clock_ticks();
	if (call->step == STEP_DELIVER && call->pub.row_count)
		unsettled(call);
	return run_step(running, step);
}

void call_go_on(struct running *running)
{
	if (run_step(running, running->asked.next) != SL_WAIT)
		running->finished(&running->call, running->data);
}

void call_end(struct running *running, enum sl_outcome outcome)
{
	running->call.outcome = outcome;
	settle_outcome(&running->call);
	running->finished(&running->call, running->data);
}

int64_t call_clock(const struct call *call)
{
	return call->instance->settings.virtual_clock ? call->instance->clock : clock_wall();
}

void call_free(struct call **at)
{
	struct running *running = (struct running *)*at;
	*at = NULL;
	if (!running)
		return;
	if (running->call.instance->plugin->lua)
		lua_call_over(&running->call);
	wait_cancel(running);
	running->freed = running->working; /* its work still uses the memory */
	if (!running->freed)
		call_over(running);
}
