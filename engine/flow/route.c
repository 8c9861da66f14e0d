/* SPDX-License-Identifier: Apache-2.0 */
/* route.c - the route process: its life, its turns, its timers. */
#include "flow/route_fetch.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/line.h"

#define CHANNEL_FD 3
#define PAGE_FD 4
#define BEAT 500       /* milliseconds */
#define OUTAGE_LEAST 1000
#define OUTAGE_MOST 60000
#define OUTAGE_SHARE 15 /* a pause is this part of the time the outage has taken */

/* ------------------------------------------------------------------- turns */

/* In the order an event meets them. */
static bool (*const steps[])(struct route *) = {
	route_read, route_run, route_grow, route_rewind, route_asks, route_closing, route_ship, route_ahead,
	route_probe, route_upkeep,
};

static void idle_until_woken(struct route *route)
{
	uv_idle_stop(&route->turning);
	if (route->state == ROUTE_RUNNING && !route->gathering && !fetch_awaited(route) && !route->paused && !route->once &&
		!log_reader_sleep(route->log, route->read_to) && route->open_count < route->policy.open_limit)
		route_turn(route);
}

static void turn(uv_idle_t *idle)
{
	struct route *route = idle->data;
	bool worked = false;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		worked |= steps[i](route);
	if (route->state == ROUTE_STOPPING && !route_sink_busy(route))
		route_quit(route);
	else if (!worked)
		idle_until_woken(route);
}

void route_turn(struct route *route)
{
	if (route->trying)
		return;
	uv_idle_start(&route->turning, turn);
}

bool route_alone(const struct route *route)
{
	return route->suspect_seq != 0;
}

/* Past what the page named: company is allowed again. */
static void acquit(struct route *route)
{
	if (!route->suspect_seq || route->stand.cursor < route->suspect_seq)
		return;
	for (struct delivery *at = route->open.first; at; at = at->next)
		if (at->seq == route->suspect_seq)
			return;
	route->suspect_seq = 0;
}

struct source *route_source(struct route *route, struct sl_text name)
{
	for (size_t i = 0; i < route->source_count; i++)
		if (strlen(route->sources[i].name) == name.len && memcmp(route->sources[i].name, name.at, name.len) == 0)
			return &route->sources[i];
	return NULL;
}

/* ------------------------------------------------------------------ timers */

static void due(uv_timer_t *timer)
{
	struct route *route = timer->data;
	route->next_due = 0;
	route_impatient(route);
	route_retry_due(route);
	route_turn(route);
}

void route_due(struct route *route, int64_t in)
{
	int64_t at = clock_ticks() + (in > 0 ? in : 0);
	if (route->next_due && route->next_due <= at)
		return;
	route->next_due = at;
	uv_update_time(route->loop);
	uv_timer_start(&route->due, due, in > 0 ? (uint64_t)in : 0, 0);
}

/* The oldest event that is still needed: retention stops there. */
static uint64_t lowest_needed(const struct route *route)
{
	uint64_t lowest = route->set_back ? 1 : route->stand.cursor + 1;
	for (const struct delivery *at = route->open.first; at; at = at->next)
		if (at->seq < lowest)
			lowest = at->seq;
	return lowest;
}

/* While it finds out where it stands, what was shown before holds. */
static void show(struct route *route)
{
	struct page *page = route->page;
	page_set(page, COUNTER_outage_since, (uint64_t)route->outage_since);
	if (route->state == ROUTE_STARTING || !route->stand.known)
		return;
	page_set(page, COUNTER_cursor, route->stand.cursor);
	page_set(page, COUNTER_waiting, route->open.count);
	page_set(page, COUNTER_dead, route->dead);
	page_set(page, COUNTER_hold, lowest_needed(route));
}

/* SQLite goes on writing into a file that has no name any more. */
static void look_for_own_file(struct route *route)
{
	if ((route->state != ROUTE_RUNNING && route->state != ROUTE_OUTAGE) || route_sink_busy(route) || !route->keep ||
		!keep_moved(route->keep))
		return;
	line(SL_ERROR, "the route's own file was deleted, replaced or damaged while it was in use");
	keep_close(&route->keep);
	route_begin(route);
}

static void beat(uv_timer_t *timer)
{
	struct route *route = timer->data;
	atomic_fetch_add(&route->page->beat, 1);
	route_clock(route);
	look_for_own_file(route);
	acquit(route);
	route_far_tidy(route);
	show(route);
	route_turn(route);
}

static void woken(uv_poll_t *poll, int status, int events)
{
	struct route *route = poll->data;
	char seen[4096];
	while (read(log_reader_wake_fd(route->log), seen, sizeof(seen)) > 0)
		;
	route_turn(route);
}

/* ------------------------------------------------------------------ states */

static const char *state_word(const struct route *route)
{
	static const char *const words[] = {
		[ROUTE_STARTING] = "starting", [ROUTE_RUNNING] = "running", [ROUTE_OUTAGE] = "outage",
		[ROUTE_BLOCKED] = "blocked",   [ROUTE_STOPPING] = "stopping",
	};
	if (route->outage_since && route->state != ROUTE_BLOCKED)
		return words[ROUTE_OUTAGE];
	return route->paused && route->state == ROUTE_RUNNING ? "paused" : words[route->state];
}

void route_tell(struct route *route)
{
	const char *word = state_word(route);
	const struct why *error = route->error.text[0] ? &route->error : &route->far;
	if (route->trying)
		return;
	show(route);
	if (word == route->told && !strcmp(error->text, route->told_error.text))
		return;
	route->told = word;
	route->told_error = *error;
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "say", "status");
	json_member_string(&out, "state", word);
	json_member_bool(&out, "paused", route->paused);
	json_member_string(&out, "error", error->text[0] ? error->text : NULL);
	json_close(&out, '}');
	channel_send(route->channel, &out);
	buf_free(&out);
}

void route_block(struct route *route, const char *why)
{
	why_say(&route->error, "%s", why);
	line(SL_ERROR, "the route stands still until someone looks: %s", why);
	if (route->state != ROUTE_STOPPING)
		route->state = ROUTE_BLOCKED;
	route_answer_shipped(route, false, why);
	route_tell(route);
}

void route_block_here(struct route *route, const char *sentence)
{
	struct why why;
	why_say(&why, "%s.  To go on from where the destination stands: sluice routes resume %s", sentence, route->name);
	route_block(route, why.text);
}

/* The longer it has lasted the longer the pause, so that a short outage ends
 * promptly and a long one costs nothing; a fifth of it is chance. */
int64_t route_outage_pause(int64_t since, int64_t after)
{
	int64_t pause = (clock_wall() - since) / OUTAGE_SHARE;
	if (pause < OUTAGE_LEAST)
		pause = OUTAGE_LEAST;
	if (pause > OUTAGE_MOST)
		pause = OUTAGE_MOST;
	pause -= (int64_t)(random() % (pause / 5 + 1));
	return pause > after ? pause : after;
}

void route_outage(struct route *route, const char *why, int64_t after, uv_timer_cb again)
{
	route_clock(route);
	if (!route->outage_since || strcmp(route->error.text, why) != 0)
		line(SL_ERROR, "the route to %s holds: %s", instance_name(route->sink), why);
	why_say(&route->error, "%s", why);
	if (!route->outage_since)
		route->outage_since = clock_wall();
	route_answer_shipped(route, false, why);
	if (route->state == ROUTE_STOPPING) {
		route_quit(route);
		return;
	}
	route->state = ROUTE_OUTAGE;
	uv_timer_start(&route->hold, again, (uint64_t)route_outage_pause(route->outage_since, after), 0);
	route_tell(route);
}

void route_go_on(uv_timer_t *hold)
{
	struct route *route = hold->data;
	if (route->state != ROUTE_OUTAGE)
		return;
	route->state = ROUTE_RUNNING;
	route->heard_sink = 0;
	route_turn(route);
}

/* What blocked the route is not over because its sink can be had. */
void route_recovered(struct route *route)
{
	if (route->outage_since)
		line(SL_INFO, "the route to %s goes on after %" PRId64 " s", instance_name(route->sink),
			(clock_wall() - route->outage_since) / 1000);
	route->outage_since = 0;
	route->heard_sink = clock_ticks();
	if (route->state != ROUTE_BLOCKED)
		route->error.text[0] = '\0';
}

/* -------------------------------------------------------------------- life */

void route_quit(struct route *route)
{
	uv_stop(route->loop);
}

static void say_fatal(struct route *route, const struct why *why)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "say", "fatal");
	json_member_string(&out, "why", why->text);
	json_member_bool(&out, "final", route->log != NULL); /* a disk that cannot be read now may be read later */
	json_close(&out, '}');
	channel_send(route->channel, &out);
	buf_free(&out);
	line(SL_ERROR, "%s", why->text);
}

static void say_ready(struct route *route)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "say", "ready");
	json_close(&out, '}');
	channel_send(route->channel, &out);
	buf_free(&out);
}

static bool orphan(const struct sl_json *message)
{
	int64_t master = 0;
	return sl_json_integer(sl_json_get(message, "master"), &master) && master != getppid();
}

static void watch_log(struct route *route)
{
	route->wake.data = route;
	if (uv_poll_init(route->loop, &route->wake, log_reader_wake_fd(route->log)) == 0)
		uv_poll_start(&route->wake, UV_READABLE, woken);
}

static void start(struct route *route, const struct sl_json *message)
{
	struct why why = { "" };
	if (orphan(message))
		_exit(0);
	if (!route_setup(route, message, &why)) {
		say_fatal(route, &why);
		route->failed = true;
		route_quit(route);
		return;
	}
	watch_log(route);
	uv_timer_start(&route->beat, beat, 0, BEAT);
	say_ready(route);
	route_begin(route);
}

/* What is under way is written if the sink takes it at once; the rest is read
 * again by a successor. */
static void stop(struct route *route)
{
	route->state = ROUTE_STOPPING;
	if (route->gathering)
		batch_free(route, &route->gathering);
	if (!route_sink_busy(route))
		route_quit(route);
}

static void heard(struct channel *channel, const struct sl_json *message, void *data)
{
	struct route *route = data;
	struct sl_text verb = sl_json_string(sl_json_get(message, "do"));
	if (!message)
		_exit(0); /* the master is gone */
	if (!verb.at || (route->outside.lease && lease_heard(route->outside.lease, message)))
		return;
	if (strcmp(verb.at, "start") == 0 && !route->part)
		start(route, message);
	else if (strcmp(verb.at, "stop") == 0)
		stop(route);
	else if (strcmp(verb.at, "ask") == 0)
		route_ask(route, message);
}

void route_init(struct route *route, uv_loop_t *loop)
{
	route->loop = loop;
	uv_idle_init(route->loop, &route->turning);
	uv_timer_init(route->loop, &route->beat);
	uv_timer_init(route->loop, &route->due);
	uv_timer_init(route->loop, &route->hold);
	route->turning.data = route->beat.data = route->due.data = route->hold.data = route;
}

static void close_handle(uv_handle_t *handle, void *data)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Everything is let go of, so that leaks show.  The pool may still be at work,
 * with tables and state of ours: first its last result comes back. */
static void end(struct route *route)
{
	route_asks_end(route);
	route_forget(route);
	outside_close(&route->outside);
	if (route->channel)
		channel_close(&route->channel);
	uv_walk(route->loop, close_handle, NULL);
	uv_run(route->loop, UV_RUN_DEFAULT);
	route_close(route);
	uv_loop_close(route->loop);
	page_free(&route->page);
	sl_json_free(&route->part);
	arena_free(&route->arena);
}

int route_main(int argc, char **argv)
{
	static struct route route; /* zeroed; one a process */
	struct why why = { "" };
	static uv_loop_t loop;
	line_setup("route", argc > 1 ? argv[1] : NULL, SL_INFO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	srandom((unsigned)getpid() ^ (unsigned)clock_wall());
	uv_loop_init(&loop);
	route.arena = arena_new();
	route.page = page_map(PAGE_FD, &why);
	if (!route.page) {
		line(SL_ERROR, "%s", why.text);
		return 1;
	}
	route_init(&route, &loop);
	route.channel = channel_open(&loop, CHANNEL_FD, heard, &route);
	uv_run(&loop, UV_RUN_DEFAULT);
	end(&route);
	return route.failed ? 1 : 0;
}
