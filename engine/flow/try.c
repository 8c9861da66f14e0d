/* SPDX-License-Identifier: Apache-2.0 */
/* try.c - a route's steps, walked for trial: one event after the other. */
#include "flow/try.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/line.h"
#include "flow/try_tell.h"

#define PAGE_FD 4
#define WINDOW 512  /* events looked at at once when the last ones are wanted */
#define NEVER ((int64_t)1 << 50)

/* ---------------------------------------------------------------- far sides */

static struct sl_text find_answer(void *data, uint64_t seq, uint32_t part, const char *key, struct arena *arena)
{
	const struct trial *trial = data;
	return trial->answers ? answers_find(trial->answers, seq, part, key, arena) : (struct sl_text){ NULL, 0 };
}

/* What a trial learned is not the route's. */
static void keep_answer(void *data, uint64_t seq, uint32_t part, const char *key, struct sl_text answer)
{
}

static bool refuse(void *data, struct call *call, const struct client_request *request, bool safe,
	struct arena *arena, struct client_answer *answer)
{
	const struct trial *trial = data;
	if (trial->fresh && safe)
		return false;
	answer->end = CLIENT_REFUSED;
	answer->why = safe ? "not asked: no answer to it is kept, and nothing is asked without --fresh"
			   : "not sent: a trial changes nothing";
	return true;
}

static void note_request(void *data, const struct call *call, const char *shown, bool safe, enum net_how how)
{
	struct trial *trial = data;
	struct asked_for *asked = arena_alloc(trial->arena, sizeof(*asked)), **at = &trial->asked;
	*asked = (struct asked_for){ .part = call->part, .shown = arena_string(trial->arena, shown) };
	asked->how = how != NET_BEGUN ? "kept" : trial->fresh && safe ? "asked" : "not sent";
	while (*at)
		at = &(*at)->next;
	*at = asked;
}

/* Missing, it kept nothing. */
static void open_answers(struct trial *trial, const struct sl_json *part)
{
	const char *data = sl_json_string(sl_json_get(part, "data")).at;
	const char *name = sl_json_string(sl_json_get(part, "route")).at;
	const char *path = arena_format(trial->route.arena, "%s/routes/%s.db", data ? data : "", name ? name : "");
	struct why why = { "" };
	if (access(path, F_OK) != 0)
		return;
	trial->answers = answers_open(path, &why);
	if (!trial->answers)
		line(SL_WARNING, "kept answers cannot be read: %s", why.text);
}

static bool open_net(struct trial *trial, const struct sl_json *part, struct why *why)
{
	struct outside *outside = &trial->route.outside;
	trial->keeper = (struct net_keeper){ find_answer, keep_answer, trial };
	outside->client = outside_client(&trial->loop, sl_json_get(part, "net"), trial->route.arena, why);
	if (!outside->client)
		return false;
	outside->net = net_new(&(struct net_settings){
		.loop = &trial->loop,
		.client = outside->client,
		.keeper = &trial->keeper,
		.canned = refuse,
		.canned_data = trial,
		.told = note_request,
		.told_data = trial,
		.fresh = trial->fresh,
	});
	return true;
}

/* ------------------------------------------------------------------ opening */

static void opened(struct call *call, void *data)
{
	*(bool *)data = true;
}

static bool open_instance(struct trial *trial, struct instance *instance, struct why *why)
{
	bool ended = false;
	if (!instance || !instance_face(instance)->open)
		return true;
	struct call *call = call_new(instance, STEP_OPEN);
	if (call_run(call, opened, &ended) == SL_WAIT)
		while (!ended)
			uv_run(&trial->loop, UV_RUN_ONCE);
	bool fine = call->outcome == SL_DONE || why_say(why, "%s: %s", instance_name(instance), call->why.text);
	call_free(&call);
	return fine;
}

/* All but the sink: that is not touched. */
static bool open_instances(struct trial *trial, struct why *why)
{
	const struct route *route = &trial->route;
	bool fine = true;
	for (size_t i = 0; fine && i < route->transform_count; i++)
		fine = open_instance(trial, route->transforms[i], why);
	for (size_t i = 0; fine && i < route->source_count; i++)
		fine = open_instance(trial, route->sources[i].decode, why);
	return fine;
}

/* ---------------------------------------------------------------- beginning */

/* The seqs of the route's own in one window, at most WINDOW of them. */
static bool look_back(struct trial *trial, uint64_t low, uint64_t behind, uint64_t *seqs, size_t *count,
	struct why *why)
{
	struct log_slice slice = { .next = low };
	enum log_read read = LOG_READ;
	*count = 0;
	while (read == LOG_READ && slice.next < behind) {
		struct arena *arena = arena_new();
		read = log_read(trial->route.log, arena, slice.next, WINDOW, 1 << 20, &slice, why);
		for (size_t i = 0; read == LOG_READ && i < slice.count && slice.records[i].seq < behind; i++)
			if (route_source(&trial->route, slice.records[i].source))
				seqs[(*count)++] = slice.records[i].seq;
		arena_free(&arena);
	}
	return read != LOG_BROKEN;
}

static bool find_last(struct trial *trial, uint64_t begin, struct why *why)
{
	uint64_t behind = trial->to + 1, need = trial->left, seqs[WINDOW];
	size_t count;
	trial->from = behind;
	while (need && behind > begin) {
		uint64_t low = behind - begin > WINDOW ? behind - WINDOW : begin;
		if (!look_back(trial, low, behind, seqs, &count, why))
			return false;
		if (count)
			trial->from = seqs[count > need ? count - need : 0];
		need -= count < need ? count : need;
		behind = low;
	}
	return true;
}

static bool find_place(struct trial *trial, struct why *why)
{
	struct log_stat stat;
	if (!log_reader_stat(trial->route.log, &stat, why))
		return false;
	trial->to = stat.end;
	if (!trial->from)
		return find_last(trial, stat.begin, why);
	if (trial->from < stat.begin)
		trial->from = stat.begin;
	return true;
}

static void read_wishes(struct trial *trial, const struct sl_json *part)
{
	const struct sl_json *wishes = sl_json_get(part, "try");
	int64_t from = 0, last = 0;
	sl_json_integer(sl_json_get(wishes, "from"), &from);
	sl_json_integer(sl_json_get(wishes, "last"), &last);
	trial->from = from > 0 ? (uint64_t)from : 0;
	trial->left = last > 0 ? (uint64_t)last : 0;
	trial->fresh = sl_json_true(sl_json_get(wishes, "fresh"));
}

static bool begin(struct trial *trial, const struct sl_json *part, struct why *why)
{
	struct route *route = &trial->route;
	read_wishes(trial, part);
	open_answers(trial, part);
	if (!open_net(trial, part, why) || !route_setup(route, part, why) || !open_instances(trial, why) ||
		!find_place(trial, why))
		return false;
	line_setup("try", route->name, SL_DEBUG);
	route->read_to = trial->from - 1;
	route->state = ROUTE_RUNNING;
	route->policy.patience = NEVER;
	route->policy.batch_events = 1;
	return true;
}

/* ------------------------------------------------------------------ walking */

/* Until it is known what becomes of each event of the batch. */
static void settle(struct trial *trial)
{
	struct route *route = &trial->route;
	while (route->gathering->busy || route->gathering->undecoded) {
		route_read(route); /* goes on decoding */
		if (!route_run(route) && (route->gathering->busy || route->gathering->undecoded))
			uv_run(&trial->loop, UV_RUN_ONCE);
	}
}

static void tell_batch(struct trial *trial)
{
	struct route *route = &trial->route;
	uint64_t seq = route->gathering->upto;
	bool any = route->gathering->all.first;
	for (struct delivery *at = route->gathering->all.first; at; at = at->next)
		trial_tell(trial, at);
	if (any) {
		trial->left--;
		trial_tell_done(seq);
	}
	batch_free(route, &route->gathering);
	arena_reset(trial->arena);
	trial->asked = NULL;
}

static bool walk(struct trial *trial, struct why *why)
{
	struct route *route = &trial->route;
	while (trial->left && route->read_to < trial->to) {
		if (!route_read(route) && !route->gathering)
			return why_say(why, "%s", route->error.text[0] ? route->error.text : "the log cannot be read any further");
		settle(trial);
		tell_batch(trial);
		uv_run(&trial->loop, UV_RUN_NOWAIT); /* the beat */
	}
	return true;
}

/* --------------------------------------------------------------------- main */

static void beat(uv_timer_t *timer)
{
	const struct route *route = timer->data;
	atomic_fetch_add(&route->page->beat, 1);
}

static struct sl_document *read_part(void)
{
	struct buf in = { 0 };
	char bytes[16384];
	ssize_t len;
	while ((len = read(TRY_FD, bytes, sizeof(bytes))) > 0 || (len < 0 && errno == EINTR))
		if (len > 0)
			buf_add(&in, bytes, (size_t)len);
	struct sl_document *part = sl_json_read((struct sl_text){ in.at ? in.at : "", in.len }, NULL, 0);
	buf_free(&in);
	return part;
}

/* Whoever began us ends us: nothing is closed, what a plugin does at its end is of no interest. */
int try_main(int argc, char **argv)
{
	static struct trial trial; /* zeroed; one a process */
	struct why why = { "" };
	line_setup("try", argc > 1 ? argv[1] : NULL, SL_WARNING);
	uv_loop_init(&trial.loop);
	trial.arena = arena_new();
	trial.route.arena = arena_new();
	trial.route.trying = true;
	trial.route.page = page_map(PAGE_FD, &why);
	struct sl_document *part = read_part();
	if (!trial.route.page || !part)
		_exit(1);
	route_init(&trial.route, &trial.loop);
	uv_timer_start(&trial.route.beat, beat, 0, 500);
	if (begin(&trial, sl_json_root(part), &why)) {
		trial_tell_begin(&trial);
		if (walk(&trial, &why))
			trial_tell_end();
	}
	if (why.text[0])
		trial_tell_error(&why);
	_exit(0);
}
