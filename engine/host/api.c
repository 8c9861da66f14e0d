/* SPDX-License-Identifier: Apache-2.0 */
/* api.c - what the engine does for a call: the table that plugins are handed. */
#include <stdio.h>
#include <string.h>

#include "base/line.h"
#include "host/net_inside.h"

static struct call *call_of(struct sl_call *call)
{
	return &running_of(call)->call;
}

static struct arena *arena_of(struct sl_call *call)
{
	return call_of(call)->arena;
}

/* ------------------------------------------------------------ memory and words */

static void *api_alloc(struct sl_call *call, size_t size)
{
	return arena_alloc(arena_of(call), size);
}

static struct sl_text api_format(struct sl_call *call, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	char *text = arena_vformat(arena_of(call), form, values);
	va_end(values);
	return (struct sl_text){ text, strlen(text) };
}

static void api_log(struct sl_call *call, enum sl_level level, const char *form, ...)
{
	char text[1024];
	va_list values;
	const struct call *whole = call_of(call);
	struct about about = {
		.source = call->event ? call->event->source : NULL,
		.event = call->event ? call->event->id : NULL,
		.seq = whole->seq,
	};
	va_start(values, form);
	vsnprintf(text, sizeof(text), form, values);
	va_end(values);
	call_mask(whole, text);
	line_about(level, &about, "%s: %s", instance_name(whole->instance), text);
}

/* ------------------------------------------------------------------ documents */

static const struct sl_json *api_json(struct sl_call *call, struct sl_text text)
{
	return call_json(call_of(call), text, NULL);
}

/* -------------------------------------------------------------------- results */

static struct emitted *emitted_next(struct running *running)
{
	struct call *call = &running->call;
	if (call->emitted_count == running->emitted_room) {
		size_t room = running->emitted_room ? running->emitted_room * 2 : 4;
		struct emitted *more = arena_alloc(call->arena, room * sizeof(*more));
		if (call->emitted_count)
			memcpy(more, call->emitted, call->emitted_count * sizeof(*more));
		call->emitted = more;
		running->emitted_room = room;
	}
	return &call->emitted[call->emitted_count++];
}

/* A string of the plugin's is copied, one that is left out is the event's own. */
static const char *own_or(struct arena *arena, const char *given, const char *otherwise)
{
	return given ? arena_string(arena, given) : otherwise;
}

static void emit_data(struct arena *arena, struct sl_event *to, const struct sl_event *given,
	const struct sl_event *origin)
{
	to->json = given->json;
	if (given->data.at)
		to->data = arena_text(arena, given->data);
	else if (given->json)
		to->data = arena_text(arena, sl_json_raw(given->json));
	else
		to->data = origin->data, to->json = origin->json;
}

/* A plugin built for an earlier interface hands over a struct that ends before this. */
static bool gives(const struct sl_call *call, unsigned minor)
{
	const struct running *running = (const struct running *)(const void *)call;
	return plugin_minor(running->call.instance->plugin->face) >= minor;
}

static void api_emit(struct sl_call *call, const struct sl_event *given)
{
	static const struct sl_event nothing;
	const struct sl_event *origin = call->event ? call->event : &nothing;
	struct arena *arena = arena_of(call);
	struct emitted *emitted = emitted_next(running_of(call));
	emitted->event = (struct sl_event){
		.source = own_or(arena, given->source, origin->source),
		.id = own_or(arena, given->id, origin->id),
		.type = own_or(arena, given->type, origin->type),
		.subject = own_or(arena, given->subject, origin->subject),
		.mode = own_or(arena, given->mode, origin->mode),
		.time = given->time ? given->time : origin->time,
		.received = given->received ? given->received : origin->received,
		.run = own_or(arena, gives(call, 2) ? given->run : NULL, origin->run),
		.scope = gives(call, 3) ? arena_string(arena, given->scope) : NULL,
	};
	emit_data(arena, &emitted->event, given, origin);
}

static struct sl_cell *copy_cells(struct arena *arena, const struct sl_table *table, const struct sl_cell *cells)
{
	struct sl_cell *copy = arena_alloc(arena, table->column_count * sizeof(*copy));
	for (size_t i = 0; i < table->column_count; i++) {
		copy[i] = cells[i];
		if (cells[i].kind == SL_CELL_TEXT)
			copy[i].text = arena_text(arena, cells[i].text);
	}
	return copy;
}

static void api_emit_row(struct sl_call *call, const struct sl_table *table, const struct sl_cell *cells)
{
	struct emitted *emitted = emitted_next(running_of(call));
	emitted->table = table;
	emitted->cells = copy_cells(arena_of(call), table, cells);
}

static void api_drop(struct sl_call *call, const char *reason)
{
	char *text = arena_string(arena_of(call), reason ? reason : "no reason given");
	call_mask(call_of(call), text);
	call_of(call)->dropped = text;
}

/* A row that does not exist, or an outcome that is none, is the plugin's
 * mistake: the call goes on, the log says so. */
static void api_settle(struct sl_call *call, size_t row, enum sl_outcome outcome, const char *form, ...)
{
	struct call *whole = call_of(call);
	if (row >= call->row_count || !whole->settled || outcome == SL_WAIT || outcome > SL_FAIL) {
		api_log(call, SL_ERROR, "settle: row %zu of %zu, outcome %d: ignored", row, call->row_count, (int)outcome);
		return;
	}
	struct settled *settled = &whole->settled[row];
	*settled = (struct settled){ .outcome = outcome };
	if (outcome == SL_DONE && !form)
		return;
	va_list values;
	va_start(values, form);
	char *why = form ? arena_vformat(whole->arena, form, values) : arena_string(whole->arena, "no reason given");
	va_end(values);
	call_mask(whole, why);
	settled->why = why;
}

static void api_advance(struct sl_call *call, const char *cursor)
{
	struct call *whole = call_of(call);
	if (!cursor && whole->step == STEP_UPKEEP)
		cursor = ""; /* that there is more says all */
	whole->advanced = arena_string(whole->arena, cursor);
	if (cursor && whole->advances)
		whole->advances(whole, whole->advances_data);
}

static void api_tally(struct sl_call *call, const char *what, uint64_t times)
{
	if (what && times)
		tally_add(&call_of(call)->tally, what, times);
}

static struct swept *swept_next(struct running *running)
{
	struct call *call = &running->call;
	if (call->swept_count == running->swept_room) {
		size_t room = running->swept_room ? running->swept_room * 2 : 4;
		struct swept *more = arena_alloc(call->arena, room * sizeof(*more));
		if (call->swept_count)
			memcpy(more, call->swept, call->swept_count * sizeof(*more));
		call->swept = more;
		running->swept_room = room;
	}
	return &call->swept[call->swept_count++];
}

static void api_sweep(struct sl_call *call, const char *scope, const char *type)
{
	struct call *whole = call_of(call);
	if (whole->step != STEP_POLL || !scope || !type) {
		api_log(call, SL_ERROR, "sweep: it is for poll, and has a scope and a type: ignored");
		return;
	}
	*swept_next(running_of(call)) =
		(struct swept){ arena_string(whole->arena, scope), arena_string(whole->arena, type) };
}

static void api_progress(struct sl_call *call, uint64_t done, uint64_t total)
{
	struct call *whole = call_of(call);
	whole->done = done;
	whole->total = total;
}

/* ------------------------------------------------------------------- outcomes */

static enum sl_outcome api_sleep(struct sl_call *call, int64_t ms, sl_step *next)
{
	running_of(call)->asked = (struct asked){ .wait = WAIT_SLEEP, .ms = ms, .next = next };
	return SL_WAIT;
}

static enum sl_outcome api_work(struct sl_call *call, void (*blocking)(void *), void *data, sl_step *next)
{
	running_of(call)->asked = (struct asked){ .wait = WAIT_WORK, .blocking = blocking, .data = data, .next = next };
	return SL_WAIT;
}

/* What a step says of its request may be gone when it has returned. */
static enum sl_outcome api_http(struct sl_call *call, const struct sl_http *http, sl_step *next)
{
	struct asked *asked = &running_of(call)->asked;
	struct arena *arena = arena_of(call);
	*asked = (struct asked){ .wait = WAIT_HTTP, .http = *http, .next = next };
	asked->http.method = arena_string(arena, http->method);
	asked->http.url = arena_string(arena, http->url);
	asked->http.query = net_pairs_copy(arena, http->query);
	asked->http.headers = net_pairs_copy(arena, http->headers);
	asked->http.body = http->body.len ? arena_text(arena, http->body) : (struct sl_text){ 0 };
	asked->http.file = arena_string(arena, http->file);
	return SL_WAIT;
}

static enum sl_outcome api_watch(struct sl_call *call, int fd, int events, int64_t timeout_ms, sl_step *next)
{
	running_of(call)->asked =
		(struct asked){ .wait = WAIT_WATCH, .fd = fd, .events = events, .ms = timeout_ms, .next = next };
	return SL_WAIT;
}

static enum sl_outcome api_retry(struct sl_call *call, int64_t after_ms, const char *form, ...)
{
	struct call *whole = call_of(call);
	va_list values;
	va_start(values, form);
	why_vsay(&whole->why, form, values);
	va_end(values);
	whole->retry_after = after_ms > 0 ? after_ms : 0;
	return SL_RETRY;
}

static enum sl_outcome api_fail(struct sl_call *call, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	why_vsay(&call_of(call)->why, form, values);
	va_end(values);
	return SL_FAIL;
}

/* --------------------------------------------------------------- rows and answers */

static struct sl_text text_of(struct sl_call *call, struct buf *out)
{
	struct sl_text text = { arena_copy(arena_of(call), out->at, out->len), out->len };
	buf_free(out);
	return text;
}

static struct sl_text api_quote(struct sl_call *call, struct sl_text text)
{
	struct buf out = { 0 };
	json_text(&out, text.at ? text : (struct sl_text){ "", 0 });
	return text_of(call, &out);
}

static struct sl_text api_row_json(struct sl_call *call, const struct sl_row *row)
{
	struct buf out = { 0 };
	row_json(row, &out);
	return text_of(call, &out);
}

static const char *api_header(const struct sl_response *response, const char *name)
{
	return response ? net_header(response->headers, name) : NULL;
}

const struct sl_host host_table = {
	.abi = SL_ABI,
	.alloc = api_alloc,
	.format = api_format,
	.log = api_log,
	.json = api_json,
	.at = sl_json_at,
	.kind = sl_json_kind,
	.string = sl_json_string,
	.integer = sl_json_integer,
	.raw = sl_json_raw,
	.count = sl_json_count,
	.first = sl_json_first,
	.next = sl_json_next,
	.name = sl_json_name,
	.emit = api_emit,
	.emit_row = api_emit_row,
	.drop = api_drop,
	.settle = api_settle,
	.advance = api_advance,
	.sleep = api_sleep,
	.work = api_work,
	.retry = api_retry,
	.fail = api_fail,
	.http = api_http,
	.watch = api_watch,
	.quote = api_quote,
	.row_json = api_row_json,
	.header = api_header,
	.tally = api_tally,
	.sweep = api_sweep,
	.progress = api_progress,
};
