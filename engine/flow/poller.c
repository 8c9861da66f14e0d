/* SPDX-License-Identifier: Apache-2.0 */
/* poller.c - the source process: its life, its turns, the master's messages. */
#include "flow/poller.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/line.h"
#include "host/net.h"
#include "sdk/text.h"
#include "store/state.h"

#define CHANNEL_FD 3
#define PAGE_FD 4
#define BEAT 500       /* ms */
#define LOCK_WAIT 1000 /* ms a turn waits for a predecessor's lock; then it is tried again */
#define LAST_ANSWER 1000 /* ms for what has just been handed in, before the end */
#define EVERY ((int64_t)15 * 60 * 1000)

/* ----------------------------------------------------------------------- turns */

static void quit(struct poller *poller)
{
	uv_stop(poller->loop);
}

static void open_failed(struct poller *poller, const char *why, int64_t after)
{
	if (strcmp(poller->open_why.text, why) != 0)
		line(SL_ERROR, "the source cannot begin: %s", why);
	why_say(&poller->open_why, "%s", why);
	poller->changed = true;
	errand_refuse(poller, why);
	poller_turn(poller, walk_pause(++poller->open_tries, after));
}

static void opened(struct call *call, void *data)
{
	struct poller *poller = data;
	poller->opening = NULL;
	if (call->outcome == SL_DONE) {
		poller->opened = true;
		poller->open_why.text[0] = '\0';
		poller->changed = true;
		poller_turn(poller, 0);
	} else {
		open_failed(poller, call->why.text, call->retry_after);
	}
	call_free(&call);
}

static void open_instance(struct poller *poller)
{
	if (!instance_face(poller->instance)->open) {
		poller->opened = true;
		poller->open_why.text[0] = '\0';
		return;
	}
	poller->opening = call_new(poller->instance, STEP_OPEN);
	if (call_run(poller->opening, opened, poller) != SL_WAIT)
		opened(poller->opening, poller);
}

/* A predecessor may still hold the file. */
static bool open_book(struct poller *poller)
{
	struct why why = { "" };
	if (poller->book)
		return true;
	poller->book = book_open(poller->data, poller->name, LOCK_WAIT, &why);
	if (poller->book && book_recall(poller->book, &poller->poll, &why) &&
		book_recall(poller->book, &poller->backfill, &why)) {
		poller->poll.at.on = poller->polls;
		poller->backfill.at.on &= poller->polls && !poller->snapshot;
		run_breaks(&poller->poll); /* a predecessor's */
		return true;
	}
	book_close(&poller->book);
	open_failed(poller, why.text, 0);
	return false;
}

static void turn(uv_timer_t *timer)
{
	struct poller *poller = timer->data;
	if (poller->state == POLLER_STOPPING) {
		quit(poller);
		return;
	}
	if (poller->opening || !open_book(poller))
		return;
	if (!poller->opened)
		open_instance(poller);
	if (!poller->opened)
		return;
	if (!poller->handing)
		tell_begins(poller);
	errand_turn(poller);
	poll_take(poller);
	walk_next(poller); /* before the sifting: the far side can think meanwhile */
	poll_go_on(poller);
}

void poller_turn(struct poller *poller, int64_t in)
{
	uint64_t wait = in > 0 ? (uint64_t)in : 0;
	uv_update_time(poller->loop);
	if (uv_is_active((uv_handle_t *)&poller->turning) && uv_timer_get_due_in(&poller->turning) <= wait)
		return;
	uv_timer_start(&poller->turning, turn, wait, 0);
}

/* SQLite goes on writing into a file that has no name any more.  A new process begins with the one that is there, and
 * its plugin with nothing that it remembers of this one. */
static void look_for_own_file(struct poller *poller)
{
	if (poller->state != POLLER_RUNNING || !poller->book || !state_moved(book_state(poller->book)))
		return;
	line(SL_ERROR, "the source's own file was deleted, replaced or damaged while it was in use: it begins anew");
	poller->failed = true;
	quit(poller);
}

static void beat(uv_timer_t *timer)
{
	struct poller *poller = timer->data;
	bool waits = poller->hand && hand_waits(poller->hand);
	look_for_own_file(poller);
	atomic_fetch_add(&poller->page->beat, 1);
	poller->changed |= waits != poller->waits;
	poller->waits = waits;
	gap_beat(poller);
	if (poller->changed && poller->state == POLLER_RUNNING)
		tell_status(poller);
}

/* ----------------------------------------------------------------------- start */

static const char *text_of(const struct sl_json *object, const char *name)
{
	return sl_json_string(sl_json_get(object, name)).at;
}

static bool set_up_instance(struct poller *poller, const struct sl_json *part, struct why *why)
{
	const struct sl_json *api = sl_json_get(part, "api");
	struct host_settings settings = { .loop = poller->loop, .page = poller->page, .net = poller->outside.net };
	if (sl_json_kind(api) != SL_KIND_NULL && !(settings.api = net_api_read(api, poller->life, why)))
		return false;
	struct plugin *plugin = plugin_load(text_of(part, "plugin"), why);
	if (!plugin)
		return false;
	poller->instance = instance_new(&settings, plugin, poller->name, sl_json_get(part, "options"), why);
	plugin_free(&plugin);
	if (!poller->instance)
		return false;
	const struct sl_plugin *face = instance_face(poller->instance);
	poller->polls = face->poll && !sl_json_true(sl_json_get(part, "once"));
	return face->poll || face->hooks || face->discover || why_say(why, "its plugin has nothing that asks its vendor");
}

static void set_level(const struct sl_json *part, const char *name)
{
	enum sl_level level = SL_INFO;
	if (text_of(part, "log_level"))
		line_level(text_of(part, "log_level"), &level);
	line_setup("source", name, level);
}

static bool set_up(struct poller *poller, const struct sl_json *message, struct why *why)
{
	poller->part = sl_json_read(sl_json_raw(message), NULL, 0);
	const struct sl_json *part = sl_json_root(poller->part);
	poller->name = text_of(part, "source");
	poller->data = text_of(part, "data");
	const char *key = text_of(part, "events_key"); /* none: it is only asked about its vendor, and hands in nothing */
	if (!poller->name || !poller->data || !text_of(part, "plugin") || !text_of(part, "events"))
		return why_say(why, "the configuration's part names no source, data, plugin or events");
	set_level(part, poller->name);
	if (!sl_json_integer(sl_json_get(part, "every"), &poller->every) || poller->every <= 0)
		poller->every = EVERY;
	sl_json_integer(sl_json_get(part, "first"), &poller->first);
	poller->snapshot = sl_json_true(sl_json_get(part, "snapshot"));
	gap_begin(poller, part);
	if (!heard_begin(&poller->heard, part, why))
		return false;
	poller->hand = hand_new(poller, arena_format(poller->life, "unix:%s", text_of(part, "events")),
		key ? key : "", poll_handed);
	return outside_open(&poller->outside, poller->loop, poller->channel, sl_json_get(part, "net"), NULL, poller->life,
		why) && set_up_instance(poller, part, why);
}

static void say(struct poller *poller, const char *what, const char *why)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "say", what);
	if (why) {
		json_member_string(&out, "why", why);
		json_member_bool(&out, "final", true);
	}
	json_close(&out, '}');
	channel_send(poller->channel, &out);
	buf_free(&out);
}

static void start(struct poller *poller, const struct sl_json *message)
{
	struct why why = { "" };
	int64_t master = 0;
	if (poller->state != POLLER_WAITING)
		return;
	if (sl_json_integer(sl_json_get(message, "master"), &master) && master != getppid())
		_exit(0); /* it died before we could be told to die with it */
	if (!set_up(poller, message, &why)) {
		say(poller, "fatal", why.text);
		line(SL_ERROR, "%s", why.text);
		poller->failed = true;
		quit(poller);
		return;
	}
	poller->state = POLLER_RUNNING;
	poller->poll.due = poller->backfill.due = clock_ticks();
	poller->changed = true;
	uv_timer_start(&poller->beat, beat, 0, BEAT);
	say(poller, "ready", NULL);
	poller_turn(poller, 0);
}

/* -------------------------------------------------------------------- messages */

/* What has just been handed in may still be answered: then it need not be asked for again. */
static void stop(struct poller *poller, const struct sl_json *message)
{
	bool handing = poller->hand && hand_busy(poller->hand);
	poller->state = POLLER_STOPPING;
	uv_timer_stop(&poller->turning);
	poller_turn(poller, handing ? LAST_ANSWER : 0);
}

static void told_rest(struct poller *poller, const struct sl_json *message)
{
	poller->rest = sl_json_true(sl_json_get(message, "rest"));
	poller->changed = true;
	poller_turn(poller, 0);
}

static const struct {
	const char *what;
	void (*run)(struct poller *poller, const struct sl_json *message);
} verbs[] = {
	{ "start", start },
	{ "stop", stop },
	{ "rest", told_rest },
	{ "heard", gap_heard },
	{ "gap", gap_told },
	{ "ask", tell_ask },
};

static void heard(struct channel *channel, const struct sl_json *message, void *data)
{
	struct poller *poller = data;
	struct sl_text what = sl_json_string(sl_json_get(message, "do"));
	if (!message)
		_exit(0); /* the master is gone */
	if (poller->outside.lease && lease_heard(poller->outside.lease, message))
		return;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (sl_text_is(what, verbs[i].what))
			verbs[i].run(poller, message);
}

/* ------------------------------------------------------------------ begin and end */

static void begin(struct poller *poller)
{
	poller->poll = (struct walk){ .poller = poller, .name = "poll", .at = { .on = true } };
	poller->backfill = (struct walk){ .poller = poller, .name = "backfill", .backfill = true };
	poller->turning.data = poller->beat.data = poller;
	uv_timer_init(poller->loop, &poller->turning);
	uv_timer_init(poller->loop, &poller->beat);
	poller->channel = channel_open(poller->loop, CHANNEL_FD, heard, poller);
}

/* Everything is let go of, so that leaks show.  Work in the pool comes back first. */
static void end(struct poller *poller)
{
	poll_drop(&poller->poll);
	poll_drop(&poller->backfill);
	errand_end(poller);
	if (poller->opening)
		call_free(&poller->opening);
	hand_free(&poller->hand);
	outside_close(&poller->outside);
	instance_free(&poller->instance);
	channel_close(&poller->channel);
	uv_close((uv_handle_t *)&poller->turning, NULL);
	uv_close((uv_handle_t *)&poller->beat, NULL);
	uv_run(poller->loop, UV_RUN_DEFAULT);
	uv_loop_close(poller->loop);
	book_close(&poller->book);
	heard_end(&poller->heard);
	free(poller->poll.at.cursor);
	free(poller->backfill.at.cursor);
	sl_json_free(&poller->part);
	page_free(&poller->page);
	arena_free(&poller->life);
}

int poller_main(int argc, char **argv)
{
	static struct poller poller;
	static uv_loop_t loop;
	struct why why = { "" };
	line_setup("source", argc > 1 ? argv[1] : NULL, SL_INFO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	srandom((unsigned)getpid() ^ (unsigned)clock_wall());
	uv_loop_init(&loop);
	poller.loop = &loop;
	poller.life = arena_new();
	poller.page = page_map(PAGE_FD, &why);
	if (!poller.page) {
		line(SL_ERROR, "%s", why.text);
		return 1;
	}
	begin(&poller);
	uv_run(&loop, UV_RUN_DEFAULT);
	end(&poller);
	return poller.failed ? 1 : 0;
}
