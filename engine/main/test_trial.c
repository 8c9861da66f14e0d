/* SPDX-License-Identifier: Apache-2.0 */
/* test_trial.c - one case, in the order of its life: set up, opened, handed its input, judged. */
#include <string.h>

#include "base/line.h"
#include "flow/webhook.h"
#include "host/net.h"
#include "main/testing.h"
#include "sdk/time.h"

/* A document that ends with the trial. */
struct trial_document {
	struct sl_document *document;
	struct trial_document *next;
};

static const struct sl_json *hold(struct trial *trial, struct sl_document *document)
{
	struct trial_document *held = arena_alloc(trial->arena, sizeof(*held));
	held->document = document;
	held->next = trial->documents;
	trial->documents = held;
	return sl_json_root(document);
}

const struct sl_json *trial_json(struct trial *trial, struct sl_text text, struct why *why)
{
	return hold(trial, sl_json_read(text, why ? why->text : NULL, why ? sizeof(why->text) : 0));
}

const struct sl_json *trial_body(struct trial *trial, const struct log_record *record, struct sl_text *data)
{
	return hold(trial, webhook_read(record, trial->arena, data, NULL, 0));
}

const struct sl_json *trial_value(const struct trial *trial, const char *name)
{
	const struct sl_json *own = sl_json_get(trial->form, name);
	return own ? own : sl_json_get(trial->file->root, name);
}

/* ------------------------------------------------------------------ log lines */

static struct trial *on_stage; /* whose log lines come now */

static void take_line(enum sl_level level, const struct about *about, const char *text)
{
	static const char *const words[] = { "debug", "info", "warning", "error" };
	struct buf line = { 0 };
	if (!on_stage)
		return;
	buf_format(&line, "%s: %s", words[level], text);
	json_string(&on_stage->log, line.at);
	buf_free(&line);
}

/* ---------------------------------------------------------------------- calls */

struct call *trial_call(struct trial *trial, const struct stage *stage, enum step step)
{
	struct call *call = call_new(stage->instance, step);
	call->source_api = trial->source.plugin ? trial->source.api : stage->api;
	return call;
}

static void ended(struct call *call, void *data)
{
	*(bool *)data = true;
}

void trial_call_run(struct trial *trial, struct call *call)
{
	bool done = call_run(call, ended, &done) != SL_WAIT;
	while (!done)
		uv_run(trial->loop, UV_RUN_ONCE);
}

static void note_time(struct buf *out, int64_t ms)
{
	char text[SL_TIME_SIZE];
	if (!ms)
		return;
	sl_time_write(ms * 1000, text);
	json_member_string(out, "time", text);
}

void trial_emitted(struct trial *trial, const struct sl_event *event)
{
	struct buf *out = &trial->emits;
	json_open(out, '{');
	json_member_string(out, "type", event->type);
	if (event->id)
		json_member_string(out, "id", event->id);
	if (event->subject)
		json_member_string(out, "subject", event->subject);
	note_time(out, event->time);
	if (event->mode)
		json_member_string(out, "mode", event->mode);
	json_key(out, "data");
	if (sl_json_raw(event->json).len)
		json_raw(out, sl_json_raw(event->json).at, sl_json_raw(event->json).len);
	else
		json_null(out);
	json_close(out, '}');
}

/* What its contract lets the schema become is told, and goes for the rows behind. */
static bool grow(struct trial *trial, const struct growth *growth, struct why *why)
{
	if (!schema_grow(&trial->schema, growth, why))
		return false;
	for (; growth; growth = growth->next)
		json_string(&trial->log, arena_format(trial->arena, "info: the schema would get %s",
			growth_shown(growth, trial->arena)));
	return true;
}

/* With a schema each row has to fit its table, as on a route. */
static enum fit fits(struct trial *trial, struct call *call, const struct sl_event *event, size_t at, struct why *why)
{
	struct fitting fitting = { .event = event, .data = event->json, .origin = call->pub.event, .index = (uint32_t)at,
		.now = trial->now, .arena = call->arena, .why = why };
	enum fit fit;
	while ((fit = schema_fit(trial->schema, &fitting)) == FIT_GROW)
		if (!grow(trial, fitting.growth, why))
			return FIT_NOT;
	for (size_t i = 0; fit == FIT_ROW && i < fitting.mended_count; i++)
		json_string(&trial->log, arena_format(trial->arena, "info: %s", fitting.mended[i]));
	return fit;
}

static void take_emitted(struct trial *trial, struct call *call, size_t at)
{
	struct emitted *emitted = &call->emitted[at];
	struct sl_event event = emitted->event;
	struct why why = { 0 };
	enum fit fit = FIT_ROW;
	if (!(event.json = emitted_json(call, emitted, &why)))
		fit = FIT_NOT;
	else if (trial->schema && (fit = fits(trial, call, &event, at, &why)) == FIT_NOT)
		emitted_within(emitted, &why);
	if (fit == FIT_ROW)
		trial_emitted(trial, &event);
	else
		json_string(fit == FIT_DROP ? &trial->drops : &trial->fails, why.text);
}

bool trial_outcome(struct trial *trial, struct call *call)
{
	if (call->outcome == SL_FAIL)
		json_string(&trial->fails, call->why.text);
	else if (call->outcome == SL_RETRY)
		json_string(&trial->retries, call->why.text);
	else if (call->dropped)
		json_string(&trial->drops, call->dropped);
	else
		for (size_t i = 0; i < call->emitted_count; i++)
			take_emitted(trial, call, i);
	for (size_t i = 0; i < call->swept_count; i++)
		json_string(&trial->sweeps, arena_format(trial->arena, "%s: %s", call->swept[i].scope, call->swept[i].type));
	return call->outcome == SL_DONE;
}

/* --------------------------------------------------------------------- set-up */

static bool read_now(struct trial *trial)
{
	const struct sl_json *now = trial_value(trial, "now");
	trial->now = TEST_NOW;
	return !now || test_moment(now, &trial->now) ||
		why_say(&trial->why, "`now` is a moment such as \"2026-11-21T12:00:00Z\"");
}

static bool set_net(struct trial *trial)
{
	trial->answers = (struct answers){ .arena = trial->arena, .folder = trial->file->folder,
		.differences = &trial->differences, .spoil = trial->file->spoil };
	const struct net_settings settings = { .loop = trial->loop, .canned = answers_give,
		.canned_data = &trial->answers };
	trial->net = net_new(&settings);
	return answers_read(&trial->answers, sl_json_get(trial->form, "answers"), &trial->why);
}

static bool set_stages(struct trial *trial, const char *plugin)
{
	const struct test_file *file = trial->file;
	const struct sl_json *source = sl_json_get(file->root, "source");
	if (!stage_set(trial, &trial->own, plugin, sl_json_get(file->root, "options"),
		    sl_json_get(trial->form, "options")))
		return false;
	if (file->source && !stage_set(trial, &trial->source, file->source, sl_json_get(source, "options"), NULL))
		return why_within(&trial->why, "source");
	const char **bases = arena_alloc(trial->arena, 3 * sizeof(*bases));
	size_t count = 0;
	if (trial->own.api)
		bases[count++] = trial->own.api->base;
	if (trial->source.api)
		bases[count++] = trial->source.api->base;
	trial->answers.bases = bases;
	return true;
}

static bool set_schema(struct trial *trial)
{
	if (!trial->file->schema)
		return true;
	trial->schema = schema_load(trial->file->schema, NULL, trial->own.plugin->face->dialect, &trial->why);
	return trial->schema != NULL;
}

/* -------------------------------------------------------------------- opening */

static void offer_tables(const struct trial *trial, struct call *call)
{
	size_t count = 0, at = 0, views = 0;
	const struct sl_table *const *tables = trial->schema ? schema_tables(trial->schema, &count) : NULL;
	const struct sl_table **all = arena_alloc(call->arena, (count + 2) * sizeof(*all));
	for (; at < count; at++)
		all[at] = tables[at];
	if (trial->own.plugin->face->recall) {
		all[at++] = &stand_routes;
		all[at++] = &stand_open;
	}
	call->pub.tables = all;
	call->pub.table_count = at;
	call->pub.views = trial->schema ? schema_views(trial->schema, &views) : NULL;
	call->pub.view_count = views;
}

static bool open_stage(struct trial *trial, struct stage *stage)
{
	if (!stage->plugin || !stage->plugin->face->open)
		return true;
	struct call *call = trial_call(trial, stage, STEP_OPEN);
	offer_tables(trial, call);
	trial_call_run(trial, call);
	bool fine = trial_outcome(trial, call);
	call_free(&call);
	return fine;
}

/* ---------------------------------------------------------------- life and end */

static bool is_spoilt(const struct trial *trial)
{
	return trial->file->spoil && trial->file->spoil->done;
}

static void play(struct trial *trial, const char *plugin)
{
	if (!read_now(trial) || !set_net(trial) || !set_stages(trial, plugin) || !set_schema(trial))
		return;
	bool opened = open_stage(trial, &trial->source) && open_stage(trial, &trial->own);
	bool handed = !opened || trial_input(trial);
	if (is_spoilt(trial))
		spoil_judge(trial);
	else if (handed)
		trial_judge(trial);
}

void trial_run(struct trial *trial, const struct test_file *file, size_t number, const char *plugin, uv_loop_t *loop)
{
	*trial = (struct trial){ .file = file, .loop = loop, .arena = arena_new() };
	trial->form = sl_json_element(file->cases, number);
	trial->differences.arena = trial->arena;
	struct buf *const lists[] = { &trial->emits, &trial->drops, &trial->fails, &trial->retries, &trial->settled,
		&trial->sweeps, &trial->log };
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		json_open(lists[i], '[');
	on_stage = trial;
	line_divert(take_line);
	play(trial, plugin);
	json_close(&trial->log, ']');
	if (trial->answers.calls.len)
		json_close(&trial->answers.calls, ']');
}

void trial_end(struct trial *trial)
{
	stage_clear(&trial->own);
	stage_clear(&trial->source);
	if (trial->net)
		net_free(&trial->net);
	uv_run(trial->loop, UV_RUN_DEFAULT); /* handles that close */
	line_divert(NULL);
	on_stage = NULL;
	schema_free(&trial->schema);
	for (; trial->documents; trial->documents = trial->documents->next)
		sl_json_free(&trial->documents->document);
	struct buf *const bufs[] = { &trial->emits, &trial->drops, &trial->fails, &trial->retries, &trial->settled,
		&trial->sweeps, &trial->log, &trial->answers.calls };
	for (size_t i = 0; i < sizeof(bufs) / sizeof(*bufs); i++)
		buf_free(bufs[i]);
	arena_free(&trial->arena);
}
