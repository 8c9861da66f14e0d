/* SPDX-License-Identifier: Apache-2.0 */
/* events_show.c - sluice events show: one event and its whole way. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/events.h"
#include "main/names.h"
#include "main/question.h"
#include "main/shown.h"
#include "sdk/sign.h"
#include "sdk/text.h"
#include "sdk/time.h"

/* ----------------------------------------------------------- its members */

const char *event_verified(const struct log_record *record)
{
	if (record->flags & LOG_EVENT)
		return "polled";
	if (record->flags & LOG_INSECURE)
		return "none";
	return record->flags & LOG_SECOND ? "other" : "first";
}

static void member_time(struct buf *out, const char *name, int64_t milliseconds)
{
	char text[SL_TIME_SIZE];
	sl_time_write(milliseconds * 1000, text);
	json_member_string(out, name, text);
}

static void member_text(struct buf *out, const char *name, struct sl_text text)
{
	json_key(out, name);
	json_text(out, text);
}

static void member_found(struct buf *out, const char *name, const char *text)
{
	json_key(out, name);
	if (text)
		json_text(out, sl_text_of(text));
	else
		json_null(out);
}

void event_members(const struct viewed *viewed, struct buf *out)
{
	const struct log_record *record = viewed->record;
	json_member_uint(out, "seq", record->seq);
	member_time(out, "received", record->received);
	member_text(out, "source", record->source);
	member_found(out, "id", viewed->event.id);
	member_found(out, "type", viewed->event.type);
	member_found(out, "subject", viewed->event.subject);
	if (viewed->event.id)
		member_time(out, "time", viewed->event.time);
	json_member_uint(out, "bytes", record->body.len);
	json_member_string(out, "verified", event_verified(record));
	json_member_bool(out, "insecure", record->flags & LOG_INSECURE);
	json_member_bool(out, "second_secret", record->flags & LOG_SECOND);
}

/* [["name","value"], ...]: a name may come twice. */
static void member_headers(struct buf *out, struct sl_text headers)
{
	json_key(out, "headers");
	json_open(out, '[');
	while (headers.len) {
		const char *end = memchr(headers.at, '\n', headers.len);
		size_t len = end ? (size_t)(end - headers.at) : headers.len;
		const char *colon = memmem(headers.at, len, ": ", 2);
		size_t name = colon ? (size_t)(colon - headers.at) : len, value = colon ? name + 2 : len;
		json_open(out, '[');
		json_text(out, (struct sl_text){ headers.at, name });
		json_text(out, (struct sl_text){ headers.at + value, len - value });
		json_close(out, ']');
		len += end != NULL;
		headers.at += len;
		headers.len -= len;
	}
	json_close(out, ']');
}

void event_request_members(const struct viewed *viewed, struct buf *out)
{
	const struct log_record *record = viewed->record;
	if (record->flags & LOG_EVENT)
		return;
	member_text(out, "method", record->method);
	member_text(out, "path", record->path);
	member_text(out, "query", record->query);
	member_headers(out, record->headers);
}

/* `body` is what a person reads; where that is not all, `body_base64` is exact. */
void event_body_members(const struct viewed *viewed, struct buf *out)
{
	struct sl_text body = viewed->record->body;
	member_text(out, "body", body);
	if (sl_utf8(body))
		return;
	char *encoded = must_alloc((body.len + 2) / 3 * 4 + 1);
	sl_base64(body.at, body.len, encoded);
	json_member_string(out, "body_base64", encoded);
	free(encoded);
}

/* ------------------------------------------------------------- what to show */

struct showing {
	const struct command_line *line;
	struct view *view;
	struct questions *questions; /* NULL: no route can be asked */
	const char *id;              /* NULL: all that is walked past */
	const char *source;
	uint64_t first; /* seq of the first that had the id */
	size_t count;
	struct buf out;
};

/* ------------------------------------------------------------ where it stands */

static void ask_where(struct buf *question, uint64_t seq)
{
	json_open(question, '{');
	json_member_string(question, "what", "where");
	json_member_uint(question, "seq", seq);
	json_close(question, '}');
}

static bool goes_to(const struct config_route *route, const struct viewed *viewed)
{
	for (size_t i = 0; viewed->source && route->from[i]; i++)
		if (strcmp(route->from[i]->name, viewed->source->name) == 0)
			return true;
	return false;
}

/* A delivery without an open row is settled if the cursor is past it. */
static const char *without_row(const struct sl_json *answer, uint64_t seq)
{
	return seq <= (uint64_t)shown_number(answer, "cursor") ? "past" : "ahead";
}

/* Of an event on a route. */
struct way {
	uint64_t seq;
	const char *route, *state, *why;
	const struct sl_json *row; /* NULL: it has none */
};

static void way_json(const struct way *way, struct buf *out)
{
	const struct sl_json *row = way->row;
	json_open(out, '{');
	json_member_string(out, "route", way->route);
	json_member_string(out, "state", way->state);
	if (row) {
		json_member_int(out, "part", shown_number(row, "part"));
		json_member_int(out, "tries", shown_number(row, "tries"));
		json_member_string(out, "reason", sl_json_string(sl_json_get(row, "reason")).at);
		json_member_string(out, "due", sl_json_string(sl_json_get(row, "due")).at);
	} else if (way->why)
		json_member_string(out, "reason", way->why);
	json_close(out, '}');
}

static void way_text(const struct way *way, struct buf *out)
{
	const struct sl_json *row = way->row;
	const char *reason = row ? shown_word(row, "reason") : way->why;
	buf_format(out, "  route %s: %s", way->route, way->state);
	if (strcmp(way->state, "past") == 0)
		buf_format(out, ", so it was delivered or dropped; sluice try %s --from %" PRIu64
			" --last 1 shows what becomes of it", way->route, way->seq);
	if (row && shown_number(row, "part"))
		buf_format(out, " (part %" PRId64 ")", shown_number(row, "part"));
	if (reason && *reason) {
		buf_string(out, ", ");
		shown_text(out, sl_text_of(reason));
	}
	if (row && *shown_word(row, "due"))
		buf_format(out, "; tried again %s", shown_word(row, "due"));
	buf_char(out, '\n');
}

static void way(struct showing *showing, const struct config_route *route, uint64_t seq)
{
	void (*tell)(const struct way *way, struct buf *out) = showing->line->json ? way_json : way_text;
	struct way told = { .seq = seq, .route = route->name, .state = "unknown" };
	struct why why = { "nobody can be asked" };
	struct buf question = { 0 };
	struct sl_document *answer = NULL;
	ask_where(&question, seq);
	if (showing->questions)
		answer = question_ask(showing->questions, route->name, &question, &why);
	const struct sl_json *root = answer ? sl_json_root(answer) : NULL;
	const struct sl_json *row = sl_json_first(sl_json_get(root, "rows"));
	if (answer)
		told.state = without_row(root, seq);
	else
		told.why = why.text;
	if (!row)
		tell(&told, &showing->out);
	for (told.row = row; told.row; told.row = sl_json_next(told.row)) {
		told.state = shown_word(told.row, "state");
		tell(&told, &showing->out);
	}
	sl_json_free(&answer);
	buf_free(&question);
}

static void ways(struct showing *showing, const struct viewed *viewed)
{
	const struct config *config = showing->view->config;
	for (size_t i = 0; i < config->route_count; i++)
		if (goes_to(&config->routes[i], viewed))
			way(showing, &config->routes[i], viewed->record->seq);
}

/* ------------------------------------------------------------------- output */

static void show_json(struct showing *showing, const struct viewed *viewed)
{
	struct buf *out = &showing->out;
	json_open(out, '{');
	event_members(viewed, out);
	if (showing->first != viewed->record->seq)
		json_member_uint(out, "same_id_as", showing->first);
	event_request_members(viewed, out);
	json_key(out, "routes");
	json_open(out, '[');
	ways(showing, viewed);
	json_close(out, ']');
	if (command_flag(showing->line, "body"))
		event_body_members(viewed, out);
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

static void line_of(struct buf *out, const char *name, const char *text)
{
	buf_format(out, "  %-9s ", name);
	shown_string(out, text);
	buf_char(out, '\n');
}

static void show_head(struct showing *showing, const struct viewed *viewed)
{
	static const struct {
		const char *verified, *words;
	} rows[] = { { "first", "the first secret" }, { "other", "not the first secret: an older one, or one to come" },
		{ "none", "nothing: it was accepted without any check" },
		{ "polled", "nothing to verify: the source asked for it" } };
	const struct log_record *record = viewed->record;
	struct buf *out = &showing->out;
	buf_format(out, "event %" PRIu64 " of ", record->seq);
	shown_string(out, viewed->event.source);
	buf_string(out, ", received ");
	shown_time(out, record->received);
	buf_char(out, '\n');
	line_of(out, "id", viewed->event.id);
	line_of(out, "type", viewed->event.type);
	line_of(out, "subject", viewed->event.subject);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strcmp(rows[i].verified, event_verified(record)) == 0)
			line_of(out, "verified", rows[i].words);
	if (showing->first != record->seq)
		buf_format(out, "  the same id as event %" PRIu64 "\n", showing->first);
}

/* On a terminal it may not do harm; elsewhere it is byte for byte. */
static void show_body(struct buf *out, struct sl_text body)
{
	buf_char(out, '\n');
	if (isatty(STDOUT_FILENO))
		shown_lines(out, body);
	else
		buf_add(out, body.at, body.len);
	buf_char(out, '\n');
}

static void show_request(const struct log_record *record, struct buf *out)
{
	buf_string(out, "  ");
	shown_text(out, record->method);
	buf_char(out, ' ');
	shown_text(out, record->path);
	if (record->query.len)
		buf_char(out, '?');
	shown_text(out, record->query);
	buf_format(out, ", %zu bytes\n", record->body.len);
	shown_headers(out, record->headers, "    ");
}

static void show_text(struct showing *showing, const struct viewed *viewed)
{
	const struct log_record *record = viewed->record;
	struct buf *out = &showing->out;
	show_head(showing, viewed);
	ways(showing, viewed);
	if (record->flags & LOG_EVENT)
		buf_format(out, "  %zu bytes\n", record->body.len);
	else
		show_request(record, out);
	if (command_flag(showing->line, "body"))
		show_body(out, record->body);
}

static bool is_meant(const struct showing *showing, const struct sl_event *event)
{
	return event->id && strcmp(event->id, showing->id) == 0 && strcmp(event->source, showing->source) == 0;
}

static bool show_one(const struct viewed *viewed, void *data)
{
	struct showing *showing = data;
	if (showing->id && !is_meant(showing, &viewed->event))
		return true;
	if (!showing->count++)
		showing->first = viewed->record->seq;
	if (showing->line->json)
		show_json(showing, viewed);
	else
		show_text(showing, viewed);
	return true;
}

/* ---------------------------------------------------------------- command */

/* "SEQ" alone, or "SOURCE ID". */
static int show_range(struct showing *showing, uint64_t from, uint64_t to)
{
	const struct command_line *line = showing->line;
	struct why why = { 0 };
	if (!view_walk(showing->view, from, to, show_one, showing, &why))
		return command_no(line, "%s", why.text);
	if (!showing->count && showing->id)
		return command_no(line, "source %s has no event \"%s\" in the log", showing->source, showing->id);
	if (!showing->count)
		return command_no(line, "there is no event %s in the log", line->arguments[0]);
	return EXIT_FINE;
}

static int show_asked(struct showing *showing)
{
	const struct command_line *line = showing->line;
	struct view *view = showing->view;
	char *end;
	if (line->count == 1) {
		uint64_t seq = strtoull(line->arguments[0], &end, 10);
		if (*end || !seq || *line->arguments[0] == '-')
			return command_wrong(line, "\"%s\" is no number of an event; give its SEQ, or SOURCE ID",
				line->arguments[0]);
		return show_range(showing, seq, seq);
	}
	showing->source = line->arguments[0];
	showing->id = line->arguments[1];
	struct why why;
	if (!config_source(view->config, showing->source) && !names_no_source(view->config, showing->source, &why))
		return command_no(line, "%s", why.text);
	return show_range(showing, view->stat.begin, view->stat.end);
}

int events_show(const struct command_line *line)
{
	struct showing showing = { .line = line };
	int code, unasked;
	showing.view = view_open(line, &code);
	if (!showing.view)
		return code;
	showing.questions = questions_open(line, &unasked); /* without them the log still has its say */
	code = show_asked(&showing);
	questions_close(&showing.questions);
	view_close(&showing.view);
	return command_print(&showing.out) || code != EXIT_FINE ? code : EXIT_NO;
}
