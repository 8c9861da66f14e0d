/* SPDX-License-Identifier: Apache-2.0 */
/* test_input.c - what a case hands to its plugin: events, requests, a poll, rows. */
#include <string.h>

#include "flow/webhook.h"
#include "main/testing.h"
#include "sdk/text.h"

#define MOST_POLLS 1000 /* of one case */

static struct sl_text kept(struct trial *trial, struct sl_text text)
{
	return (struct sl_text){ arena_copy(trial->arena, text.at, text.len), text.len };
}

/* `file`, or the member `name`: a text as it is, anything else as its JSON.  At NULL
 * and no sentence: neither is there. */
static struct sl_text content(struct trial *trial, const struct sl_json *form, const char *name)
{
	const char *file = test_string(form, "file");
	if (file)
		return test_file_text(trial->arena, trial->file->folder, file, &trial->why);
	struct sl_text text = sl_json_string(sl_json_get(form, name)), raw = sl_json_raw(sl_json_get(form, name));
	return text.at || !raw.at ? text : kept(trial, raw);
}

/* -------------------------------------------------------------------- events */

static const char *word(struct trial *trial, const struct sl_json *form, const char *name, const char *otherwise)
{
	const struct sl_json *value = sl_json_get(form, name);
	struct sl_text text = sl_json_string(value);
	if (!text.at)
		text = sl_json_raw(value);
	return text.at ? arena_copy(trial->arena, text.at, text.len) : otherwise;
}

static bool moment(struct trial *trial, const struct sl_json *form, const char *name, int64_t *to)
{
	const struct sl_json *value = sl_json_get(form, name);
	*to = trial->now;
	return !value || test_moment(value, to) ||
		why_say(&trial->why, "`%s` is a moment such as \"2026-11-21T12:00:00Z\"", name);
}

/* What is left out is made up: an id by the event's number, the case's clock. */
static bool read_event(struct trial *trial, const struct sl_json *form, size_t number, struct sl_event *event)
{
	const char *source = trial->source.plugin ? trial->source.name : "test";
	*event = (struct sl_event){
		.source = word(trial, form, "source", source),
		.id = word(trial, form, "id", arena_format(trial->arena, "%zu", number)),
		.type = word(trial, form, "type", "test"),
		.subject = word(trial, form, "subject", NULL),
		.mode = word(trial, form, "mode", NULL),
		.run = word(trial, form, "run", NULL),
	};
	if (!moment(trial, form, "time", &event->time) || !moment(trial, form, "received", &event->received))
		return false;
	event->data = spoil_json(trial->file->spoil, trial->arena, "the event", content(trial, form, "data"));
	if (event->data.at)
		event->json = trial_json(trial, event->data, &trial->why);
	return !trial->why.text[0];
}

/* True: it has run, whatever became of it. */
static bool transform(struct trial *trial, const struct sl_event *event, const struct sl_request *request)
{
	if (!trial->own.plugin->face->transform)
		return why_say(&trial->why, "the plugin %s has no transform step, which events are for", trial->own.name);
	struct call *call = trial_call(trial, &trial->own, STEP_TRANSFORM);
	call->pub.event = event;
	call->pub.request = request;
	trial_call_run(trial, call);
	trial_outcome(trial, call);
	call_free(&call);
	return true;
}

static bool run_event(struct trial *trial, const struct sl_json *form)
{
	struct sl_event *event = arena_alloc(trial->arena, sizeof(*event));
	return read_event(trial, form, 1, event) && transform(trial, event, NULL);
}

static bool run_events(struct trial *trial, const struct sl_json *list)
{
	size_t number = 1;
	for (const struct sl_json *form = sl_json_first(list); form; form = sl_json_next(form), number++) {
		struct sl_event *event = arena_alloc(trial->arena, sizeof(*event));
		if (!read_event(trial, form, number, event) || !transform(trial, event, NULL))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ requests */

/* The plugin that says what requests look like: the one that is tested, or its `source`. */
static struct stage *teller(struct trial *trial)
{
	return trial->source.plugin ? &trial->source : &trial->own;
}

static struct webhook *webhook_of(struct trial *trial)
{
	struct stage *stage = teller(trial);
	struct buf form = { 0 };
	plugin_describe(stage->plugin, &form);
	const struct sl_json *all = trial_json(trial, (struct sl_text){ form.at, form.len }, NULL);
	buf_free(&form);
	if (stage->plugin->face->webhook)
		return webhook_unchecked(sl_json_get(all, "webhook"), &trial->why);
	why_say(&trial->why, "the plugin %s has no webhook, which requests are for; name the source with `source`",
		stage->name);
	return NULL;
}

/* Names in lower case, as the ingress keeps them. */
static const struct sl_pair *const *read_headers(struct trial *trial, const struct sl_json *headers, struct buf *lines)
{
	size_t count = 0;
	const struct sl_pair **pairs = arena_alloc(trial->arena, (sl_json_count(headers) + 1) * sizeof(*pairs));
	for (const struct sl_json *at = sl_json_first(headers); at; at = sl_json_next(at)) {
		struct sl_pair *pair = arena_alloc(trial->arena, sizeof(*pair));
		struct sl_text name = sl_json_name(at), value = sl_json_string(at);
		char *lower = arena_copy(trial->arena, name.at, name.len);
		for (char *c = lower; *c; c++)
			*c += *c >= 'A' && *c <= 'Z' ? 'a' - 'A' : 0;
		if (!value.at)
			value = sl_json_raw(at);
		*pair = (struct sl_pair){ lower, arena_copy(trial->arena, value.at, value.len) };
		buf_format(lines, "%s: %s\n", pair->name, pair->value);
		pairs[count++] = pair;
	}
	return pairs;
}

/* A request, as it lies in the log and as a plugin sees it. */
struct arrived {
	struct log_record record;
	struct sl_request request;
};

static void read_request(struct trial *trial, const struct sl_json *form, struct sl_text body, struct arrived *arrived)
{
	struct buf lines = { 0 };
	const char *query = word(trial, form, "query", ""), *path = word(trial, form, "path", "/in/test");
	arrived->request = (struct sl_request){ .method = word(trial, form, "method", "POST"), .body = body,
		.url = *query ? arena_format(trial->arena, "%s?%s", path, query) : path,
		.headers = read_headers(trial, sl_json_get(form, "headers"), &lines) };
	arrived->record = (struct log_record){ .seq = 1, .received = trial->now, .source = sl_text_of(teller(trial)->name),
		.method = sl_text_of(arrived->request.method), .path = sl_text_of(path), .query = sl_text_of(query),
		.headers = kept(trial, (struct sl_text){ lines.at ? lines.at : "", lines.len }), .body = body };
	buf_free(&lines);
}

/* An event that a source found goes on to the transform, or is what was to be found. */
static bool found(struct trial *trial, struct call *call, size_t at, const struct sl_event *origin,
	const struct sl_request *request)
{
	struct sl_event event = call->emitted[at].event;
	event.source = trial->source.name;
	event.received = origin->received;
	event.json = emitted_json(call, &call->emitted[at], &trial->why);
	return event.json && transform(trial, &event, request);
}

static bool decode(struct trial *trial, const struct sl_event *event, const struct sl_request *request)
{
	bool fine = true;
	struct call *call = trial_call(trial, teller(trial), STEP_DECODE);
	call->pub.event = event;
	call->pub.request = request;
	trial_call_run(trial, call);
	if (!trial->source.plugin || call->outcome != SL_DONE || call->dropped)
		trial_outcome(trial, call);
	else
		for (size_t i = 0; fine && i < call->emitted_count; i++)
			fine = found(trial, call, i, event, request);
	call_free(&call);
	return fine;
}

/* A source without a decode step: what its selectors find is the event. */
static bool as_found(struct trial *trial, const struct sl_event *event, const struct sl_request *request)
{
	if (trial->source.plugin)
		return transform(trial, event, request);
	trial_emitted(trial, event);
	return true;
}

static bool take_request(struct trial *trial, const struct webhook *webhook, const struct sl_json *form,
	struct sl_text body)
{
	struct arrived arrived;
	struct webhook_found what = { 0 };
	body = spoil_text(trial->file->spoil, trial->arena, "the body", body);
	read_request(trial, form, body, &arrived);
	struct sl_text data;
	const struct sl_json *json = trial_body(trial, &arrived.record, &data);
	webhook_find(webhook, &arrived.record, json, trial->arena, &what);
	struct sl_event event = what.event;
	event.source = teller(trial)->name;
	event.received = trial->now;
	event.time = event.time ? event.time : trial->now;
	event.data = data;
	event.json = json;
	if (teller(trial)->plugin->face->decode)
		return decode(trial, &event, &arrived.request);
	if (!json)
		return why_say(&trial->why, "the body of the request is neither JSON nor a form");
	return as_found(trial, &event, &arrived.request);
}

/* A file of lines is a request for each. */
static bool take_lines(struct trial *trial, const struct webhook *webhook, const struct sl_json *form,
	struct sl_text rest)
{
	bool fine = true;
	while (fine && rest.len) {
		const char *end = memchr(rest.at, '\n', rest.len);
		struct sl_text line = { rest.at, end ? (size_t)(end - rest.at) : rest.len };
		rest.at += line.len + (end != NULL);
		rest.len -= line.len + (end != NULL);
		if (sl_text_trim(line).len)
			fine = take_request(trial, webhook, form, kept(trial, line));
	}
	return fine;
}

static bool run_request_of(struct trial *trial, const struct webhook *webhook, const struct sl_json *form)
{
	const char *file = test_string(form, "file");
	struct sl_text body = content(trial, form, "body");
	if (trial->why.text[0])
		return false;
	if (file && strlen(file) > 6 && strcmp(file + strlen(file) - 6, ".jsonl") == 0)
		return take_lines(trial, webhook, form, body);
	return take_request(trial, webhook, form, body.at ? body : (struct sl_text){ "", 0 });
}

static bool run_request(struct trial *trial, const struct sl_json *form)
{
	struct webhook *webhook = webhook_of(trial);
	bool fine = webhook && run_request_of(trial, webhook, form);
	webhook_free(&webhook);
	return fine;
}

static bool run_requests(struct trial *trial, const struct sl_json *list)
{
	struct webhook *webhook = webhook_of(trial);
	bool fine = webhook != NULL;
	for (const struct sl_json *form = sl_json_first(list); fine && form; form = sl_json_next(form))
		fine = run_request_of(trial, webhook, form);
	webhook_free(&webhook);
	return fine;
}

/* ---------------------------------------------------------------------- poll */

/* True: it moved, and is asked again. */
static bool poll_once(struct trial *trial, bool backfill, int64_t since)
{
	struct call *call = trial_call(trial, &trial->own, STEP_POLL);
	call->pub.cursor = trial->cursor;
	call->pub.backfill = call->backfill = backfill;
	call->pub.since = since;
	trial_call_run(trial, call);
	bool moved = trial_outcome(trial, call) && call->advanced;
	if (moved)
		trial->cursor = arena_string(trial->arena, call->advanced);
	call_free(&call);
	return moved;
}

static bool run_poll(struct trial *trial, const struct sl_json *form)
{
	int64_t since = 0, most = MOST_POLLS;
	const struct sl_json *from = sl_json_get(form, "since");
	if (!trial->own.plugin->face->poll)
		return why_say(&trial->why, "the plugin %s has no poll step", trial->own.name);
	if (from && !test_moment(from, &since))
		return why_say(&trial->why, "`since` is a moment such as \"2026-11-21T12:00:00Z\"");
	sl_json_integer(sl_json_get(form, "most"), &most);
	trial->cursor = word(trial, form, "cursor", NULL);
	while (most-- > 0)
		if (!poll_once(trial, sl_json_true(sl_json_get(form, "backfill")), since))
			return true;
	return true;
}

/* ---------------------------------------------------------------------- rows */

static bool make_row(struct trial *trial, const struct sl_json *form, size_t number, struct sl_row *row)
{
	struct sl_event *event = arena_alloc(trial->arena, sizeof(*event));
	if (!read_event(trial, form, number, event))
		return false;
	if (trial->schema)
		return schema_row(trial->schema, event, event->json, event, 0, trial->now, trial->arena, row, &trial->why);
	*row = (struct sl_row){ .event = event, .version_time = event->time * 1000, .version_id = event->id,
		.idempotency = arena_format(trial->arena, "%s:%s:0", event->source, event->id) };
	return true;
}

static void note_settled(struct trial *trial, const struct call *call)
{
	static const char *const words[] = { [SL_DONE] = "done", [SL_RETRY] = "retry", [SL_FAIL] = "fail" };
	for (size_t i = 0; i < call->pub.row_count; i++) {
		const struct settled *row = &call->settled[i];
		if (row->outcome == SL_WAIT)
			json_string(&trial->settled, call->outcome == SL_DONE ? "done" : "not settled");
		else
			json_string(&trial->settled, row->why ? arena_format(trial->arena, "%s: %s", words[row->outcome], row->why)
							      : words[row->outcome]);
	}
}

static void deliver(struct trial *trial, const struct sl_row *const *rows, size_t count)
{
	struct call *call = trial_call(trial, &trial->own, STEP_DELIVER);
	call->pub.rows = rows;
	call->pub.row_count = count;
	trial_call_run(trial, call);
	trial_outcome(trial, call);
	if (count)
		note_settled(trial, call);
	call_free(&call);
}

static bool run_rows(struct trial *trial, const struct sl_json *list)
{
	size_t count = sl_json_count(list), number = 0;
	struct sl_row *rows = arena_alloc(trial->arena, (count + 1) * sizeof(*rows));
	const struct sl_row **all = arena_alloc(trial->arena, (count + 1) * sizeof(*all));
	if (!trial->own.plugin->face->deliver)
		return why_say(&trial->why, "the plugin %s has no deliver step, which rows are for", trial->own.name);
	for (const struct sl_json *form = sl_json_first(list); form; form = sl_json_next(form), number++) {
		if (!make_row(trial, form, number + 1, &rows[number]))
			return why_within(&trial->why, "rows[%zu]", number + 1);
		all[number] = &rows[number];
	}
	deliver(trial, all, count);
	return true;
}

/* ------------------------------------------------------------------- which one */

bool trial_input(struct trial *trial)
{
	static const struct {
		const char *name;
		bool (*run)(struct trial *, const struct sl_json *);
	} inputs[] = { { "event", run_event }, { "events", run_events }, { "request", run_request },
		{ "requests", run_requests }, { "poll", run_poll }, { "rows", run_rows } };
	size_t given = 0, which = 0;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(*inputs); i++)
		if (sl_json_get(trial->form, inputs[i].name))
			given++, which = i;
	if (given != 1)
		return why_say(&trial->why, "a case has one of `event`, `events`, `request`, `requests`, `poll` and `rows`");
	return inputs[which].run(trial, sl_json_get(trial->form, inputs[which].name));
}
