/* SPDX-License-Identifier: Apache-2.0 */
/* view.c - the log as commands look at it: straight from disk, daemon or not. */
#include "main/view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "flow/polled.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define SLICE_RECORDS 512
#define SLICE_BYTES ((size_t)1 << 20)

/* --------------------------------------------------------- open and close */

/* A reader makes the log's folder; a command leaves alone what is not there. */
struct log_reader *view_log(const struct config *config, struct why *why)
{
	struct buf path = { 0 };
	struct log_reader *reader = NULL;
	buf_format(&path, "%s/log", config->data);
	if (access(path.at, F_OK) == 0)
		reader = log_reader_open(path.at, why);
	else if (errno == ENOENT)
		why_say(why, "there is no log in %s yet: it is made when the daemon first runs", config->data);
	else
		why_errno(why, "%s cannot be read", path.at);
	buf_free(&path);
	return reader;
}

static bool compile(struct view *view, size_t at, struct why *why)
{
	const struct config_source *source = &view->config->sources[at];
	if (!source->webhook)
		return true;
	struct sl_document *form = sl_json_read(sl_text_of(source->webhook), NULL, 0);
	view->webhooks[at] = webhook_unchecked(sl_json_root(form), why);
	sl_json_free(&form);
	return view->webhooks[at] || why_within(why, "source %s", source->name);
}

static bool open_log(struct view *view, struct why *why)
{
	view->reader = view_log(view->config, why);
	if (!view->reader || !log_reader_stat(view->reader, &view->stat, why))
		return false;
	view->webhooks = arena_alloc(view->config->arena, (view->config->source_count + 1) * sizeof(struct webhook *));
	for (size_t i = 0; i < view->config->source_count; i++)
		if (!compile(view, i, why))
			return false;
	return true;
}

struct view *view_open(const struct command_line *line, int *code)
{
	struct why why = { 0 };
	struct view *view = must_alloc(sizeof(*view));
	view->line = line;
	view->config = config_or_say(line->config, CONFIG_WHOLE, false);
	*code = EXIT_WRONG;
	if (!view->config)
		view_close(&view);
	else if (!open_log(view, &why)) {
		*code = command_no(line, "%s", why.text);
		view_close(&view);
	}
	return view;
}

void view_close(struct view **place)
{
	struct view *view = *place;
	*place = NULL;
	if (!view)
		return;
	size_t count = view->config && view->webhooks ? view->config->source_count : 0;
	for (size_t i = 0; i < count; i++)
		webhook_free(&view->webhooks[i]);
	log_reader_close(&view->reader);
	config_free(&view->config);
	free(view);
}

/* ---------------------------------------------------------------- moments */

/* The first record at or after `from` that can be read, below `to`. */
static bool first_readable(struct log_reader *reader, uint64_t from, uint64_t to, uint64_t *seq, int64_t *received,
	struct why *why)
{
	struct arena *arena = arena_new();
	struct log_slice slice = { 0 };
	enum log_read read = LOG_READ;
	*seq = to;
	while (from < to && !slice.count && (read = log_read(reader, arena, from, 1, 1, &slice, why)) == LOG_READ)
		from = slice.next;
	if (slice.count && slice.records[0].seq < to) {
		*seq = slice.records[0].seq;
		*received = slice.records[0].received;
	}
	arena_free(&arena);
	return read != LOG_BROKEN;
}

/* The clock may have been set back in between; then it is one of the places. */
static bool search(struct log_reader *reader, int64_t moment, uint64_t low, uint64_t high, uint64_t *seq,
	struct why *why)
{
	while (low < high) {
		uint64_t middle = low + (high - low) / 2, found;
		int64_t received = 0;
		if (!first_readable(reader, middle, high, &found, &received, why))
			return false;
		if (found == high || received >= moment)
			high = middle;
		else
			low = found + 1;
	}
	*seq = low;
	return true;
}

static bool read_moment(const char *text, int64_t *moment)
{
	int64_t microseconds, ago;
	if (sl_time_read(sl_text_of(text), &microseconds)) {
		*moment = microseconds >= 0 ? (microseconds + 999) / 1000 : 0;
		return true;
	}
	if (!sl_duration_read(sl_text_of(text), &ago))
		return false;
	*moment = clock_wall() - ago;
	return true;
}

static bool is_seq(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

bool view_place(struct log_reader *reader, const char *text, uint64_t *seq, struct why *why)
{
	struct log_stat stat;
	int64_t moment;
	if (!log_reader_stat(reader, &stat, why))
		return false;
	*seq = stat.begin;
	if (strcmp(text, "start") == 0)
		return true;
	*seq = stat.end + 1;
	if (strcmp(text, "end") == 0)
		return true;
	if (is_seq(text)) {
		errno = 0;
		*seq = strtoull(text, NULL, 10);
		return errno == 0 || why_say(why, "%.40s is no number of an event", text);
	}
	if (read_moment(text, &moment))
		return search(reader, moment, stat.begin, stat.end + 1, seq, why);
	return why_say(why, "\"%.60s\" is neither an event's number nor a time: 2026-11-21T10:00:00Z, 2h (ago)", text);
}

bool view_until(struct log_reader *reader, const char *text, uint64_t *seq, struct why *why)
{
	if (!view_place(reader, text, seq, why))
		return false;
	if (!is_seq(text) && *seq)
		--*seq;
	return true;
}

/* ---------------------------------------------------------------- walking */

static size_t source_of(const struct view *view, struct sl_text name)
{
	size_t at = 0;
	while (at < view->config->source_count && !sl_text_is(name, view->config->sources[at].name))
		at++;
	return at;
}

/* An event that was polled says itself what it is; a request its source's selectors. */
static void find_event(const struct view *view, size_t source, struct arena *arena, struct viewed *viewed)
{
	struct webhook_found found = { 0 };
	if (viewed->record->flags & LOG_EVENT) {
		if (!polled_read(viewed->json, arena, &viewed->event, NULL))
			return;
		if (!viewed->event.time)
			viewed->event.time = viewed->record->received;
	} else if (source < view->config->source_count && view->webhooks[source]) {
		webhook_find(view->webhooks[source], viewed->record, viewed->json, arena, &found);
		viewed->event = found.event;
	}
}

static bool show(struct view *view, const struct log_record *record, view_each *each, void *data)
{
	struct arena *arena = arena_new();
	struct sl_document *document = webhook_read(record, arena, NULL, NULL, 0);
	struct viewed viewed = { .record = record, .json = document ? sl_json_root(document) : NULL };
	size_t at = source_of(view, record->source);
	if (at < view->config->source_count)
		viewed.source = &view->config->sources[at];
	find_event(view, at, arena, &viewed);
	viewed.event.source = arena_copy(arena, record->source.at, record->source.len);
	bool more = each(&viewed, data);
	sl_json_free(&document);
	arena_free(&arena);
	return more;
}

static void tell_lost(struct view *view, const struct log_slice *slice, uint64_t to)
{
	uint64_t last = slice->damaged_to < to ? slice->damaged_to : to;
	if (slice->gone_from)
		command_no(view->line, "events %" PRIu64 " to %" PRIu64 " are not in the log any more", slice->gone_from,
			slice->gone_to < to ? slice->gone_to : to);
	if (!slice->damaged_from)
		return;
	view->damaged += last - slice->damaged_from + 1;
	command_no(view->line, "events %" PRIu64 " to %" PRIu64 " are damaged and cannot be read; see sluice log fsck",
		slice->damaged_from, last);
}

static bool show_slice(struct view *view, const struct log_slice *slice, uint64_t to, view_each *each, void *data)
{
	if (!view->quiet)
		tell_lost(view, slice, to);
	for (size_t i = 0; i < slice->count; i++)
		if (slice->records[i].seq > to || !show(view, &slice->records[i], each, data))
			return false;
	return true;
}

bool view_walk(struct view *view, uint64_t from, uint64_t to, view_each *each, void *data, struct why *why)
{
	enum log_read read = LOG_READ;
	bool more = true;
	while (more && from <= to && read == LOG_READ) {
		struct arena *arena = arena_new();
		struct log_slice slice = { 0 };
		uint64_t left = to - from < SLICE_RECORDS ? to - from + 1 : SLICE_RECORDS;
		read = log_read(view->reader, arena, from, left, SLICE_BYTES, &slice, why);
		if (read == LOG_READ)
			more = show_slice(view, &slice, to, each, data);
		from = slice.next;
		arena_free(&arena);
	}
	return read != LOG_BROKEN;
}
