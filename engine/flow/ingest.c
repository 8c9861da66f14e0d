/* SPDX-License-Identifier: Apache-2.0 */
/* ingest.c - the ingress's life: start, open, serve, drain, end. */
#include "flow/ingest.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/line.h"
#include "flow/ingest_inside.h"
#include "sdk/text.h"

#define CHANNEL_FD 3
#define PAGE_FD 4
#define BEAT_EVERY 500   /* ms */
#define LOCK_WAIT 10000  /* ms for a predecessor that is still ending */
#define DRAIN_TIME 3000  /* ms for requests that have begun */
#define ORPHAN_TIME 1000 /* ms, when there is no master any more */

_Noreturn void ingest_die(struct ingest *ingest, const char *why, bool final)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "say", "fatal");
	json_member_string(&out, "why", why);
	json_member_bool(&out, "final", final);
	json_close(&out, '}');
	channel_send(ingest->channel, &out);
	_exit(1);
}

/* --------------------------------------------------------------------- start */

static int64_t number_of(const struct sl_json *object, const char *name)
{
	int64_t number = 0;
	sl_json_integer(sl_json_get(object, name), &number);
	return number;
}

static void read_listeners(struct ingest *ingest, const struct sl_json *part)
{
	const struct sl_json *given = sl_json_get(part, "listen");
	for (const struct sl_json *at = sl_json_first(given); at; at = sl_json_next(at))
		if (ingest->fd_count < INGEST_LISTENERS)
			ingest->fds[ingest->fd_count++] = (int)number_of(at, "fd");
}

/* Where source processes hand in what they polled; without such sources there is none. */
static void read_events(struct ingest *ingest, const struct sl_json *part)
{
	ingest->events_fd = (int)number_of(sl_json_get(part, "events"), "fd");
	ingest->events_key = arena_text(ingest->life, sl_json_string(sl_json_get(part, "events_key"))).at;
}

static void read_data(struct ingest *ingest, const struct sl_json *part)
{
	struct sl_text data = sl_json_string(sl_json_get(part, "data"));
	ingest->data = arena_copy(ingest->life, data.at, data.len);
}

static void read_log(struct ingest *ingest, const struct sl_json *part)
{
	const struct sl_json *log = sl_json_get(part, "log");
	ingest->options = (struct log_options){
		.size = number_of(log, "size"),
		.keep = number_of(log, "keep"),
		.reserve = number_of(log, "reserve"),
		.segment = number_of(log, "segment"),
	};
}

static void set_level(const struct sl_json *part)
{
	struct sl_text word = sl_json_string(sl_json_get(part, "log_level"));
	enum sl_level level = SL_INFO;
	if (word.len && line_level(word.at, &level))
		line_setup("ingress", NULL, level);
}

static void open_in_pool(uv_work_t *job)
{
	struct ingest *ingest = job->data;
	char *log = arena_format(ingest->life, "%s/log", ingest->data);
	ingest->refused = refused_open(arena_format(ingest->life, "%s/refused", ingest->data), &ingest->why);
	if (ingest->refused)
		ingest->log = log_open(log, &ingest->options, LOCK_WAIT, &ingest->why);
}

static void on_opened(uv_work_t *job, int status);

static void start(struct ingest *ingest, const struct sl_json *part)
{
	if (ingest->state != INGEST_WAITING)
		return;
	if (number_of(part, "master") != getppid()) /* it died before we could be told to die with it */
		_exit(1);
	set_level(part);
	read_listeners(ingest, part);
	read_events(ingest, part);
	read_data(ingest, part);
	read_log(ingest, part);
	ingest->table = table_new(part, NULL, &ingest->why);
	if (!ingest->table)
		ingest_die(ingest, ingest->why.text, true);
	ingest->state = INGEST_OPENING;
	ingest->open_job.data = ingest;
	uv_queue_work(&ingest->loop, &ingest->open_job, open_in_pool, on_opened);
}

/* ---------------------------------------------------------------- a new part */

/* All of it is taken or nothing. */
static void take_part(struct ingest *ingest, const struct sl_json *part)
{
	struct ingest_table *table = table_new(part, ingest->table, &ingest->why);
	ingest->changed = true;
	if (!table || !http_server_proxies(ingest->server, table->proxies, &ingest->why)) {
		line(SL_ERROR, "the new configuration is not taken, the old one stays: %s", ingest->why.text);
		table_free(&table);
		return;
	}
	table_free(&ingest->table);
	ingest->table = table;
	ingest->why.text[0] = '\0';
	http_server_limits(ingest->server, &table->limits);
	read_log(ingest, part);
	commit_limit(ingest);
	set_level(part);
}

static void take_late_part(struct ingest *ingest)
{
	struct sl_text text = { ingest->late_part.at, ingest->late_part.len };
	struct sl_document *document = text.len ? sl_json_read(text, NULL, 0) : NULL;
	if (document)
		take_part(ingest, sl_json_root(document));
	sl_json_free(&document);
	buf_free(&ingest->late_part);
}

/* While the log is being opened another thread uses what would change. */
static void told_part(struct ingest *ingest, const struct sl_json *message)
{
	struct sl_text text = sl_json_raw(message);
	if (ingest->state == INGEST_SERVING)
		take_part(ingest, message);
	if (ingest->state != INGEST_OPENING)
		return;
	buf_clear(&ingest->late_part);
	buf_add(&ingest->late_part, text.at, text.len);
}

/* ---------------------------------------------------------------------- open */

static void listen_all(struct ingest *ingest)
{
	ingest->server = http_server_new(&ingest->loop, &ingest->table->limits, &ingest_service, ingest);
	if (!http_server_proxies(ingest->server, ingest->table->proxies, &ingest->why))
		ingest_die(ingest, ingest->why.text, true);
	for (size_t i = 0; i < ingest->fd_count; i++)
		if (!http_server_listen(ingest->server, ingest->fds[i], &ingest->why))
			ingest_die(ingest, ingest->why.text, false);
	if (!events_listen(ingest, &ingest->why))
		ingest_die(ingest, ingest->why.text, false);
}

static void say_ready(struct ingest *ingest)
{
	static char text[] = "{\"say\":\"ready\"}";
	channel_send(ingest->channel, &(struct buf){ .at = text, .len = sizeof(text) - 1 });
}

static void on_opened(uv_work_t *job, int status)
{
	struct ingest *ingest = job->data;
	if (!ingest->log)
		ingest_die(ingest, ingest->why.text, false);
	ingest->why.text[0] = '\0';
	commit_begin(ingest);
	if (ingest->stop) {
		ingest->state = INGEST_DRAINED;
		ingest_settle(ingest);
		return;
	}
	listen_all(ingest);
	ingest->state = INGEST_SERVING;
	ingest->changed = true;
	take_late_part(ingest);
	tell_beat(ingest);
	say_ready(ingest);
}

/* --------------------------------------------------------------- drain, end */

static void on_drained(void *data)
{
	struct ingest *ingest = data;
	ingest->state = INGEST_DRAINED;
	ingest_settle(ingest);
}

static void end(struct ingest *ingest)
{
	ingest->state = INGEST_ENDED;
	if (ingest->server)
		http_server_free(&ingest->server);
	events_end(ingest);
	if (ingest->log)
		commit_end(ingest);
	uv_close((uv_handle_t *)&ingest->beat, NULL);
	channel_close(&ingest->channel);
}

void ingest_settle(struct ingest *ingest)
{
	if (ingest->state == INGEST_DRAINED && commit_idle(ingest))
		end(ingest);
}

static void stop(struct ingest *ingest, int64_t within)
{
	ingest->stop = true;
	if (ingest->state == INGEST_WAITING)
		end(ingest);
	if (ingest->state != INGEST_SERVING)
		return; /* on_opened looks, or it is under way already */
	ingest->state = INGEST_DRAINING;
	http_server_drain(ingest->server, within, on_drained, ingest);
}

/* ------------------------------------------------------------------ messages */

static void told_stop(struct ingest *ingest, const struct sl_json *message)
{
	stop(ingest, DRAIN_TIME);
}

static const struct {
	const char *what;
	void (*run)(struct ingest *ingest, const struct sl_json *message);
} verbs[] = {
	{ "start", start },
	{ "part", told_part },
	{ "ask", tell_answer },
	{ "stop", told_stop },
};

static void on_heard(struct channel *channel, const struct sl_json *message, void *data)
{
	struct ingest *ingest = data;
	struct sl_text what = sl_json_string(sl_json_get(message, "do"));
	if (!message)
		stop(ingest, ORPHAN_TIME);
	for (size_t i = 0; message && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (sl_text_is(what, verbs[i].what))
			verbs[i].run(ingest, message);
}

static void on_beat(uv_timer_t *timer)
{
	struct ingest *ingest = timer->data;
	atomic_fetch_add(&ingest->page->beat, 1);
	tell_beat(ingest);
}

/* ---------------------------------------------------------------------- main */

static bool begin(struct ingest *ingest, struct why *why)
{
	ingest->page = page_map(PAGE_FD, why);
	if (!ingest->page)
		return false;
	if (uv_loop_init(&ingest->loop) != 0)
		return why_say(why, "cannot make the event loop");
	ingest->channel = channel_open(&ingest->loop, CHANNEL_FD, on_heard, ingest);
	if (!ingest->channel)
		return why_say(why, "there is no channel to a master; this program is begun by `sluice run`");
	ingest->life = arena_new();
	ingest->arena = arena_new();
	ingest->beat.data = ingest;
	uv_timer_init(&ingest->loop, &ingest->beat);
	uv_timer_start(&ingest->beat, on_beat, 0, BEAT_EVERY);
	return true;
}

static void finish(struct ingest *ingest)
{
	uv_loop_close(&ingest->loop);
	if (ingest->log)
		log_close(&ingest->log);
	refused_close(&ingest->refused);
	table_free(&ingest->table);
	door_free(ingest);
	probe_free(ingest);
	buf_free(&ingest->late_part);
	buf_free(&ingest->headers);
	buf_free(&ingest->query);
	arena_free(&ingest->arena);
	arena_free(&ingest->life);
	page_free(&ingest->page);
}

int ingest_main(int argc, char **argv)
{
	static struct ingest ingest; /* too large for the stack of some systems */
	struct why why = { "" };
	setenv("UV_THREADPOOL_SIZE", "2", 1); /* one writes, one prepares segments */
	line_setup("ingress", NULL, SL_INFO);
	if (!begin(&ingest, &why)) {
		line(SL_ERROR, "%s", why.text);
		return 1;
	}
	uv_run(&ingest.loop, UV_RUN_DEFAULT);
	finish(&ingest);
	return 0;
}
