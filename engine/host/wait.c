/* SPDX-License-Identifier: Apache-2.0 */
/* wait.c - what a call waits for: time, work in the pool, an answer, a descriptor, another call. */
#include <assert.h>
#include <stdlib.h>

#include "host/net_inside.h"

static uv_loop_t *loop_of(const struct running *running)
{
	return running->call.instance->settings.loop;
}

/* ----------------------------------------------------------------------------- sleep */

/* A timer lives on by itself until libuv has let go of it. */
struct nap {
	uv_timer_t timer;
	struct running *running;
};

static void nap_closed(uv_handle_t *timer)
{
	free(timer->data);
}

static void nap_end(struct running *running)
{
	struct nap *nap = running->nap;
	running->nap = NULL;
	uv_close((uv_handle_t *)&nap->timer, nap_closed);
}

static void nap_over(uv_timer_t *timer)
{
	struct running *running = ((struct nap *)timer->data)->running;
	nap_end(running);
	call_go_on(running);
}

static void begin_nap(struct running *running, int64_t ms)
{
	struct nap *nap = must_alloc(sizeof(*nap));
	nap->running = running;
	running->nap = nap;
	uv_timer_init(loop_of(running), &nap->timer);
	nap->timer.data = nap;
	uv_update_time(loop_of(running));
	uv_timer_start(&nap->timer, nap_over, ms > 0 ? (uint64_t)ms : 0, 0);
}

/* A virtual clock is where it would have been after the sleep. */
static bool begin_sleep(struct running *running)
{
	struct instance *instance = running->call.instance;
	int64_t ms = running->asked.ms > 0 ? running->asked.ms : 0;
	if (instance->settings.virtual_clock) {
		instance->clock += ms;
		ms = 0;
	}
	begin_nap(running, ms);
	return true;
}

/* ------------------------------------------------------------------------------ work */

struct job {
	uv_work_t work;
	struct running *running;
};

static void job_work(uv_work_t *work)
{
	struct job *job = work->data;
	job->running->asked.blocking(job->running->asked.data);
}

static void job_back(uv_work_t *work, int status)
{
	struct running *running = ((struct job *)work->data)->running;
	free(work->data);
	running->working = false;
	if (running->freed)
		call_over(running);
	else
		call_go_on(running);
}

static bool begin_job(struct running *running)
{
	struct job *job = must_alloc(sizeof(*job));
	job->running = running;
	job->work.data = job;
	running->working = true;
	int error = uv_queue_work(loop_of(running), &job->work, job_work, job_back);
	assert(error == 0); /* it only refuses a missing function */
	return error == 0;
}

/* ------------------------------------------------------------------------------ HTTP */

static void fetched(struct call *call, enum sl_outcome outcome)
{
	struct running *running = (struct running *)call;
	running->fetch = NULL;
	if (outcome == SL_DONE)
		call_go_on(running);
	else
		call_end(running, outcome);
}

static bool begin_fetch(struct running *running)
{
	struct net *net = running->call.instance->settings.net;
	if (!net)
		return why_say(&running->call.why, "it asks for HTTP, which is not to be had here");
	running->fetch = net_fetch(net, &running->call, &running->asked.http, fetched);
	return running->fetch != NULL;
}

/* ----------------------------------------------------------------------------- watch */

/* Two handles that close one after the other. */
struct watch {
	uv_poll_t poll;
	uv_timer_t timer;
	struct running *running;
};

static void watch_timer_closed(uv_handle_t *timer)
{
	free(timer->data);
}

static void watch_poll_closed(uv_handle_t *poll)
{
	struct watch *watch = poll->data;
	uv_close((uv_handle_t *)&watch->timer, watch_timer_closed);
}

/* The descriptor is the plugin's again at once: it may be closed by the next step. */
static void watch_end(struct running *running)
{
	struct watch *watch = running->watch;
	running->watch = NULL;
	uv_timer_stop(&watch->timer);
	uv_close((uv_handle_t *)&watch->poll, watch_poll_closed);
}

static void watch_over(struct watch *watch, int ready)
{
	struct running *running = watch->running;
	watch_end(running);
	running->call.pub.ready = ready;
	call_go_on(running);
}

/* An error on it is seen by whoever reads or writes next. */
static void watch_ready(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	int asked = watch->running->asked.events;
	watch_over(watch, status < 0 ? asked : events & asked);
}

static void watch_timed_out(uv_timer_t *timer)
{
	watch_over(timer->data, 0);
}

static int start_polling(struct watch *watch, const struct asked *asked)
{
	int events = (asked->events & 1 ? UV_READABLE : 0) | (asked->events & 2 ? UV_WRITABLE : 0);
	if (!events)
		return UV_EINVAL;
	return uv_poll_start(&watch->poll, events, watch_ready);
}

static bool begin_watch(struct running *running)
{
	const struct asked *asked = &running->asked;
	struct watch *watch = must_alloc(sizeof(*watch));
	int error = uv_poll_init(loop_of(running), &watch->poll, asked->fd);
	if (error) {
		free(watch);
		return why_say(&running->call.why, "it cannot watch descriptor %d: %s", asked->fd, uv_strerror(error));
	}
	uv_timer_init(loop_of(running), &watch->timer);
	watch->poll.data = watch->timer.data = watch;
	watch->running = running;
	running->watch = watch;
	error = start_polling(watch, asked);
	if (error) {
		watch_end(running);
		return why_say(&running->call.why, "it cannot watch descriptor %d for %d: %s", asked->fd, asked->events,
			uv_strerror(error));
	}
	uv_update_time(loop_of(running));
	if (asked->ms > 0)
		uv_timer_start(&watch->timer, watch_timed_out, (uint64_t)asked->ms, 0);
	return true;
}

/* ------------------------------------------------------------------------------ park */

enum sl_outcome call_park(struct call *call, sl_step *next)
{
	((struct running *)call)->asked = (struct asked){ .wait = WAIT_PARK, .next = next };
	return SL_WAIT;
}

static bool begin_park(struct running *running)
{
	if (running->woken)
		begin_nap(running, 0);
	running->parked = !running->woken;
	running->woken = false;
	return true;
}

void call_wake(struct call *call)
{
	struct running *running = (struct running *)call;
	if (running->parked)
		begin_nap(running, 0);
	else if (running->asked.wait == WAIT_PARK && !running->nap)
		running->woken = true;
	running->parked = false;
}

/* ----------------------------------------------------------------------- any of them */

bool wait_begin(struct running *running)
{
	static bool (*const begins[])(struct running *) = {
		[WAIT_SLEEP] = begin_sleep,
		[WAIT_WORK] = begin_job,
		[WAIT_HTTP] = begin_fetch,
		[WAIT_WATCH] = begin_watch,
		[WAIT_PARK] = begin_park,
	};
	return begins[running->asked.wait](running);
}

/* Work is left to end by itself. */
void wait_cancel(struct running *running)
{
	if (running->nap)
		nap_end(running);
	if (running->watch)
		watch_end(running);
	if (running->fetch)
		net_cancel(&running->fetch);
	running->parked = false;
}
