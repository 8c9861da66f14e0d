/* SPDX-License-Identifier: Apache-2.0 */
/* child.c - a process of ours, as its master sees it. */
#include "main/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/line.h"
#include "io/channel.h"
#include "sdk/text.h"

#define FIRST_DELAY 100
#define HEALTH_MOST 60000    /* so long in health always pays off the delay */
#define START_DEADLINE 30000 /* until the first beat: recovery and loading come before it */
#define LAST_WORDS 1000      /* between the end of the process and that of its channel, or the other way */
#define FDS_MOST 64
#define FIRST_FD 5

static const struct kind {
	const char *title; /* argv[0]: as ps shows it, with the name behind if it has one */
	const char *label;
	const char *ready;     /* its state once it is ready, until it tells another */
	int64_t longest_delay; /* between two of its processes */
	bool stays;            /* is handed a new part while it runs */
} kinds[] = {
	/* senders give up, routes and polls only fall behind */
	[CHILD_INGRESS] = { "sluice: ingress", "the %s", "running", 2000, true },
	[CHILD_ROUTE] = { "sluice: route", "route %s", "starting", 30000, false },
	[CHILD_SOURCE] = { "sluice: source", "source %s", "running", 30000, false },
};

static void on_timer_begin(uv_timer_t *timer);

static void enter(struct child *child, enum child_state state)
{
	child->state = state;
	child->since = clock_ticks();
}

struct child *child_new(uv_loop_t *loop, enum child_kind kind, const char *name, struct buf *part, struct why *why)
{
	struct child *child = must_alloc(sizeof(*child));
	struct buf label = { 0 };
	child->page = page_new(&child->page_fd, why);
	if (!child->page) {
		free(child);
		return NULL;
	}
	buf_format(&label, kinds[kind].label, name);
	child->name = must_string(name);
	child->label = label.at;
	child->kind = kind;
	child->part = *part;
	*part = (struct buf){ 0 };
	child->loop = loop;
	uv_timer_init(loop, &child->timer);
	child->timer.data = child;
	enter(child, CHILD_STOPPED);
	child->away_since = child->since;
	return child;
}

static void on_freed(uv_handle_t *handle)
{
	struct child *child = handle->data;
	page_free(&child->page);
	close(child->page_fd);
	buf_free(&child->part);
	buf_free(&child->sources);
	buf_free(&child->status);
	free(child->name);
	free(child->label);
	free(child);
}

void child_free(struct child **place)
{
	struct child *child = *place;
	*place = NULL;
	if (!child)
		return;
	child_kill(child);
	if (child->process)
		child->process->data = NULL;
	if (child->channel)
		channel_close(&child->channel);
	uv_close((uv_handle_t *)&child->timer, on_freed);
}

bool child_running(const struct child *child)
{
	return child->state == CHILD_STARTING || child->state == CHILD_READY;
}

bool child_returns(const struct child *child)
{
	return child->state == CHILD_STOPPING && child->again;
}

const char *child_word(const struct child *child)
{
	static const char *const names[] = {
		[CHILD_WAITING] = "restarting", [CHILD_STARTING] = "starting", [CHILD_READY] = "running",
		[CHILD_STOPPING] = "stopping",  [CHILD_STOPPED] = "stopped",   [CHILD_FAILED] = "failed",
	};
	if (child->state != CHILD_READY)
		return names[child->state];
	return child->says[0] ? child->says : kinds[child->kind].ready;
}

bool child_serving(const struct child *child)
{
	return child->state == CHILD_READY && strcmp(child_word(child), "starting") != 0;
}

/* --------------------------------------------------------------- messages */

void child_send(struct child *child, const struct buf *message)
{
	if (child->channel)
		channel_send(child->channel, message);
}

/* {"do":"...", MORE, ...the members of the part} */
static void send_part(struct child *child, const char *what, const struct buf *more)
{
	struct buf out = { 0 };
	buf_format(&out, "{\"do\":\"%s\"", what);
	if (more)
		buf_format(&out, ",%s", more->at);
	if (child->part.len > 2)
		buf_char(&out, ',');
	buf_string(&out, child->part.at + 1);
	child_send(child, &out);
	buf_free(&out);
}

static void send_start(struct child *child)
{
	const struct suspect *suspect = &child->suspect;
	struct buf more = { 0 };
	json_member_int(&more, "master", getpid());
	if (suspect->seq) {
		json_key(&more, "suspect");
		json_open(&more, '{');
		json_member_uint(&more, "seq", suspect->seq);
		json_member_uint(&more, "part", suspect->part);
		json_member_uint(&more, "deaths", suspect->deaths);
		json_close(&more, '}');
	}
	send_part(child, "start", &more);
	buf_free(&more);
}

static void heard_ready(struct child *child)
{
	if (child->state != CHILD_STARTING)
		return;
	enter(child, CHILD_READY);
	child->error.text[0] = '\0';
	child->watch->ready(child);
}

static void heard_fatal(struct child *child, const struct sl_json *message)
{
	struct sl_text why = sl_json_string(sl_json_get(message, "why"));
	bool final = sl_json_true(sl_json_get(message, "final"));
	child->explained = true;
	why_say(final ? &child->failure : &child->error, "%.*s", (int)why.len, why.at ? why.at : "");
	if (final)
		line(SL_ERROR, "%s is not begun again until something changes: %s", child->label, child->failure.text);
}

static void keep_json(struct buf *place, const struct sl_json *value)
{
	struct sl_text raw = sl_json_raw(value);
	buf_clear(place);
	if (raw.at)
		buf_add(place, raw.at, raw.len);
}

/* A status without an error says that the last one is over. */
static void heard_status(struct child *child, const struct sl_json *message)
{
	struct sl_text error = sl_json_string(sl_json_get(message, "error"));
	struct sl_text state = sl_json_string(sl_json_get(message, "state"));
	why_say(&child->error, "%.*s", (int)error.len, error.at ? error.at : "");
	snprintf(child->says, sizeof(child->says), "%.*s", (int)state.len, state.at ? state.at : "");
	child->paused = sl_json_true(sl_json_get(message, "paused"));
	if (sl_json_get(message, "sources"))
		keep_json(&child->sources, sl_json_get(message, "sources"));
	if (child->kind == CHILD_SOURCE)
		keep_json(&child->status, message);
}

/* ------------------------------------------------------------------ death */

/* A death that names no call leaves an earlier suspicion as it is. */
static void suspect_call(struct child *child)
{
	uint64_t seq = atomic_load(&child->page->call_seq);
	uint32_t part = atomic_load(&child->page->call_part);
	if (!seq)
		return;
	if (child->suspect.seq != seq || child->suspect.part != part)
		child->suspect = (struct suspect){ .seq = seq, .part = part };
	child->suspect.deaths++;
}

/* The delay doubles with each death, unless the process had been well for ten
 * times its last delay: then all is forgiven. */
static int64_t next_delay(struct child *child)
{
	int64_t health = child->state == CHILD_READY ? clock_ticks() - child->since : 0;
	int64_t enough = child->delay * 10 < HEALTH_MOST ? child->delay * 10 : HEALTH_MOST;
	int64_t longest = kinds[child->kind].longest_delay;
	if (!child->delay || health >= enough)
		child->delay = FIRST_DELAY;
	else
		child->delay = child->delay * 2 < longest ? child->delay * 2 : longest;
	return child->delay;
}

static void begin_later(struct child *child, int64_t delay)
{
	enter(child, CHILD_WAITING);
	child->restarts++;
	uv_timer_start(&child->timer, on_timer_begin, (uint64_t)delay, 0);
}

static void after_death(struct child *child)
{
	struct buf reason = { 0 };
	int64_t delay = next_delay(child);
	child_death(child, &reason);
	suspect_call(child);
	why_say(&child->death, "the process %s", reason.at);
	if (!child->explained)
		child->error = child->death;
	line(SL_ERROR, "%s %s; it is begun again in %lld ms", child->label, reason.at, (long long)delay);
	buf_free(&reason);
	begin_later(child, delay);
}

/* Both are gone, the process and what it had to say. */
static void finish(struct child *child)
{
	uv_timer_stop(&child->timer);
	if (child->channel)
		channel_close(&child->channel);
	child->says[0] = '\0';
	page_set(child->page, COUNTER_hold, 0);
	child->pid = 0;
	if (child->state == CHILD_STOPPING && !child->again)
		enter(child, CHILD_STOPPED);
	else if (child->state == CHILD_STOPPING)
		child_begin(child);
	else if (child->failure.text[0])
		enter(child, CHILD_FAILED);
	else
		after_death(child);
	child->watch->ended(child);
}

static void on_timer_finish(uv_timer_t *timer)
{
	finish(timer->data);
}

static void on_timer_kill(uv_timer_t *timer)
{
	struct child *child = timer->data;
	line(SL_WARNING, "%s did not end in time and is killed", child->label);
	child_kill(child);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void on_exit_status(uv_process_t *process, int64_t status, int exit_signal)
{
	struct child *child = process->data;
	uv_close((uv_handle_t *)process, on_closed);
	if (!child)
		return;
	child->process = NULL;
	child->exit_status = (int)status;
	child->exit_signal = exit_signal;
	if (child->channel)
		uv_timer_start(&child->timer, on_timer_finish, LAST_WORDS, 0);
	else
		finish(child);
}

static void on_message(struct channel *channel, const struct sl_json *message, void *data)
{
	struct child *child = data;
	struct sl_text say = sl_json_string(sl_json_get(message, "say"));
	if (sl_text_is(say, "ready"))
		heard_ready(child);
	else if (sl_text_is(say, "fatal"))
		heard_fatal(child, message);
	else if (sl_text_is(say, "status"))
		heard_status(child, message);
	if (message) {
		child->watch->heard(child, say, message);
		return;
	}
	channel_close(&child->channel);
	if (!child->process)
		finish(child);
	else if (child->state != CHILD_STOPPING)
		uv_timer_start(&child->timer, on_timer_kill, LAST_WORDS, 0);
}

/* ------------------------------------------------------------------- birth */

static uv_stdio_container_t inherited(int fd)
{
	return (uv_stdio_container_t){ .flags = fd < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = fd };
}

/* 0, 1: nothing; 2: stderr; 3: the channel; 4: the page; 5 ...: sockets. */
static int spawn(struct child *child, int channel_fd)
{
	uv_stdio_container_t stdio[FIRST_FD + FDS_MOST];
	char *name = child->kind == CHILD_INGRESS ? NULL : child->name;
	char *arguments[] = { (char *)kinds[child->kind].title, name, NULL };
	char *environment[] = { NULL };
	int count = FIRST_FD;
	stdio[0] = stdio[1] = inherited(-1); /* libuv opens /dev/null */
	stdio[2] = inherited(STDERR_FILENO);
	stdio[3] = inherited(channel_fd);
	stdio[4] = inherited(child->page_fd);
	for (const int *fd = child->fds; fd && *fd >= 0 && count < FIRST_FD + FDS_MOST; fd++)
		stdio[count++] = inherited(*fd);
	uv_process_options_t options = { .exit_cb = on_exit_status, .file = "/proc/self/exe", .args = arguments,
		.env = environment, .stdio = stdio, .stdio_count = count };
	child->process = must_alloc(sizeof(*child->process));
	child->process->data = child;
	int error = uv_spawn(child->loop, child->process, &options);
	if (!error)
		return 0;
	uv_close((uv_handle_t *)child->process, on_closed);
	child->process = NULL;
	return error;
}

static bool begin(struct child *child, struct why *why)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return why_errno(why, "cannot make a channel to %s", child->label);
	int error = spawn(child, ends[1]);
	close(ends[1]);
	if (error) {
		close(ends[0]);
		return why_say(why, "cannot begin %s: %s", child->label, uv_strerror(error));
	}
	child->pid = child->process->pid;
	child->channel = channel_open(child->loop, ends[0], on_message, child);
	return true;
}

static void clean_page(struct child *child)
{
	atomic_store(&child->page->beat, 0);
	atomic_store(&child->page->call_seq, 0);
	atomic_store(&child->page->call_part, 0);
	atomic_store(&child->page->call_step, 0);
	atomic_store(&child->page->confined, 0);
	atomic_store(&child->page->forbidden, 0);
	page_set(child->page, COUNTER_hold, 0);
	page_set(child->page, COUNTER_connections, 0);
}

void child_begin(struct child *child)
{
	uv_timer_stop(&child->timer);
	clean_page(child);
	child->beat = 0;
	child->silent = 0;
	child->again = child->timed_out = child->explained = child->rests = false;
	child->failure.text[0] = '\0';
	child->heard = 0;
	if (!begin(child, &child->error)) {
		line(SL_ERROR, "%s", child->error.text);
		begin_later(child, next_delay(child));
		return;
	}
	enter(child, CHILD_STARTING);
	send_start(child);
}

static void on_timer_begin(uv_timer_t *timer)
{
	child_begin(timer->data);
}

/* -------------------------------------------------------------------- will */

void child_kill(struct child *child)
{
	if (child->process)
		uv_process_kill(child->process, SIGKILL);
}

static void stop_running(struct child *child, int64_t within)
{
	struct buf stop = { 0 };
	buf_string(&stop, "{\"do\":\"stop\"}");
	enter(child, CHILD_STOPPING);
	child_send(child, &stop);
	buf_free(&stop);
	uv_timer_start(&child->timer, on_timer_kill, (uint64_t)within, 0);
}

void child_stop(struct child *child, int64_t within)
{
	child->again = false;
	if (child_running(child))
		stop_running(child, within);
	if (child->state == CHILD_STOPPING)
		return;
	uv_timer_stop(&child->timer);
	enter(child, CHILD_STOPPED);
	child->watch->ended(child);
}

static void forgive(struct child *child)
{
	child->delay = 0;
	child->suspect = (struct suspect){ 0 };
	child->error.text[0] = '\0';
	child->failure.text[0] = '\0';
}

void child_replace(struct child *child, struct buf *part)
{
	buf_free(&child->part);
	child->part = *part;
	*part = (struct buf){ 0 };
	forgive(child);
	if (kinds[child->kind].stays && child_running(child)) {
		send_part(child, "part", NULL);
		return;
	}
	if (child_running(child))
		stop_running(child, CHILD_STOP_TIME);
	if (child->state == CHILD_STOPPING)
		child->again = true;
	else
		child_begin(child);
}

void child_tick(struct child *child, int64_t passed)
{
	uint64_t beat = atomic_load(&child->page->beat);
	if (!child_running(child))
		return;
	if (child_serving(child)) {
		child->has_served = true;
		child->away_since = clock_ticks();
	}
	child->silent = beat == child->beat ? child->silent + passed : 0;
	child->beat = beat;
	bool begun = beat || child->state == CHILD_READY;
	if (child->silent < (begun ? child->deadline : START_DEADLINE) || child->timed_out)
		return;
	child->timed_out = true;
	child_kill(child);
}
