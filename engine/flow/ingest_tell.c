/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_tell.c - counters, and how the ingress is, for its master. */
#include "base/clock.h"
#include "base/line.h"
#include "flow/ingest_inside.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define TELL_EVERY 1000 /* ms */

const char *room_words(enum log_room room)
{
	static const char *const words[] = {
		[LOG_ROOM] = NULL,
		[LOG_FULL] = "the log is full until the routes have delivered more of it",
		[LOG_NO_SPACE] = "the disk has no room left for the log",
		[LOG_FAILED] = "the log cannot be written",
	};
	return words[room];
}

/* ------------------------------------------------------------------- status */

static void write_moment(struct buf *out, const char *name, int64_t ms)
{
	char text[SL_TIME_SIZE];
	if (ms)
		sl_time_write(ms * 1000, text);
	json_member_string(out, name, ms ? text : NULL);
}

static void write_source(struct buf *out, const struct ingest_source *source)
{
	json_open(out, '{');
	json_member_string(out, "name", source->name.at);
	json_member_uint(out, "accepted", source->accepted);
	json_member_uint(out, "refused", source->refused);
	json_member_uint(out, "turned_away", source->turned_away);
	write_moment(out, "last", source->last);
	write_moment(out, "pushed", source->pushed);
	json_close(out, '}');
}

static void tell_status(struct ingest *ingest)
{
	const char *error = ingest->room != LOG_ROOM ? room_words(ingest->room) : ingest->why.text;
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "say", "status");
	json_member_string(&out, "state", ingest->room == LOG_ROOM ? "running" : "refusing");
	if (*error)
		json_member_string(&out, "error", error);
	json_key(&out, "sources");
	json_open(&out, '[');
	for (size_t i = 0; i < ingest->table->count; i++)
		write_source(&out, &ingest->table->sources[i]);
	json_close(&out, ']');
	json_close(&out, '}');
	channel_send(ingest->channel, &out);
	buf_free(&out);
	ingest->changed = false;
	ingest->told = clock_ticks();
}

/* --------------------------------------------------------------------- beat */

static void room_changes(struct ingest *ingest, enum log_room room)
{
	if (room == ingest->room)
		return;
	if (room == LOG_ROOM)
		line(SL_INFO, "there is room again: requests are accepted");
	else
		line(SL_ERROR, "%s: requests are answered 503", room_words(room));
	ingest->room = room;
	ingest->changed = true;
}

void tell_no_room(struct ingest *ingest, enum log_room room, size_t wanted)
{
	if (!ingest->wanted || wanted < ingest->wanted)
		ingest->wanted = wanted;
	room_changes(ingest, room);
}

/* There is room again when the smallest record that was refused would fit. */
static void look_at_room(struct ingest *ingest)
{
	enum log_room room = log_room(ingest->log, ingest->wanted);
	if (room == LOG_ROOM)
		ingest->wanted = 0;
	room_changes(ingest, room);
}

_Static_assert(PAGE_GAPS == LOG_GAPS, "the page has room for those that log_stat tells");

static void count_log(struct ingest *ingest)
{
	struct log_stat stat;
	log_stat(ingest->log, &stat);
	for (size_t i = 0; i < PAGE_GAPS; i++) {
		atomic_store(&ingest->page->gaps[i][0], stat.gap[i].first);
		atomic_store(&ingest->page->gaps[i][1], stat.gap[i].last);
	}
	page_set(ingest->page, COUNTER_log_bytes, (uint64_t)stat.bytes);
	page_set(ingest->page, COUNTER_log_begin, stat.begin);
	page_set(ingest->page, COUNTER_log_gaps, stat.gaps);
	page_set(ingest->page, COUNTER_log_end, stat.end);
}

void tell_beat(struct ingest *ingest)
{
	page_set(ingest->page, COUNTER_connections, ingest->server ? http_server_connections(ingest->server) : 0);
	if (!ingest->log)
		return;
	look_at_room(ingest);
	events_beat(ingest);
	door_beat(ingest);
	count_log(ingest);
	commit_keep(ingest);
	if (ingest->changed && clock_ticks() - ingest->told >= TELL_EVERY)
		tell_status(ingest);
}

/* ------------------------------------------------------------------ answers */

static bool answer_stat(struct ingest *ingest, const struct sl_json *question, struct buf *out, struct why *why)
{
	struct log_stat stat;
	if (!ingest->log)
		return why_say(why, "the log is not open yet");
	log_stat(ingest->log, &stat);
	json_member_uint(out, "begin", stat.begin);
	json_member_uint(out, "end", stat.end);
	json_member_int(out, "bytes", stat.bytes);
	json_member_int(out, "limit", stat.limit);
	json_member_int(out, "oldest", stat.oldest);
	json_member_uint(out, "segments", stat.segments);
	json_member_uint(out, "damaged", stat.damaged);
	json_member_string(out, "log_id", stat.id);
	return true;
}

static bool answer_unknown(struct ingest *ingest, const struct sl_json *question, struct buf *out, struct why *why)
{
	return why_say(why, "the ingress can only be asked for \"stat\", \"probe\", \"open\", \"opened\" and \"shut\"");
}

static const struct {
	const char *what;
	bool (*answer)(struct ingest *ingest, const struct sl_json *question, struct buf *out, struct why *why);
} answers[] = {
	{ "stat", answer_stat },
	{ "probe", probe_ask },
	{ "open", door_open },
	{ "opened", door_look },
	{ "shut", door_shut },
	{ "", answer_unknown },
};

void tell_answer(struct ingest *ingest, const struct sl_json *question)
{
	struct sl_text what = sl_json_string(sl_json_get(question, "what"));
	struct why why = { "" };
	struct buf out = { 0 };
	int64_t id = 0;
	size_t i = 0;
	sl_json_integer(sl_json_get(question, "id"), &id);
	json_open(&out, '{');
	json_member_string(&out, "say", "answer");
	json_member_int(&out, "id", id);
	while (*answers[i].what && !sl_text_is(what, answers[i].what))
		i++;
	if (!answers[i].answer(ingest, question, &out, &why))
		json_member_string(&out, "error", why.text);
	json_close(&out, '}');
	channel_send(ingest->channel, &out);
	buf_free(&out);
}
