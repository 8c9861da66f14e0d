/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_events.c - sluice events: what has been accepted, straight from the log. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/events.h"
#include "main/names.h"
#include "main/shown.h"

#define FLUSH ((size_t)64 << 10)
#define WINDOW 4096 /* events looked at at once when the last ones are wanted */

/* Which events are wanted, and where they go. */
struct listing {
	const struct command_line *line;
	struct view *view;
	const char *source, *type, *subject; /* NULL: any */
	bool whole;                          /* with the request and its body */
	uint64_t from, to, last;             /* last: only so many, 0: all */
	FILE *file;
	uint64_t count; /* written so far */
	struct buf out;
	int failed; /* errno: it does not take what is written */
};

/* ------------------------------------------------------------------ choosing */

static bool same(const char *wanted, const char *found)
{
	return !wanted || (found && strcmp(wanted, found) == 0);
}

static bool is_wanted(const struct listing *listing, const struct viewed *viewed)
{
	return same(listing->source, viewed->event.source) &&
		same(listing->type, viewed->event.type) && same(listing->subject, viewed->event.subject);
}

/* Those of one window. */
struct places {
	const struct listing *listing;
	size_t count;
	uint64_t seq[WINDOW];
};

static bool note_place(const struct viewed *viewed, void *data)
{
	struct places *places = data;
	if (is_wanted(places->listing, viewed))
		places->seq[places->count++] = viewed->record->seq;
	return true;
}

/* Back from the end, one window after the other, until enough have been seen. */
static bool find_last(struct listing *listing, struct why *why)
{
	struct places places = { .listing = listing };
	uint64_t need = listing->last, behind = listing->to + 1;
	bool fine = true;
	listing->view->quiet = true;
	while (fine && need && behind > listing->from) {
		uint64_t low = behind - listing->from > WINDOW ? behind - WINDOW : listing->from;
		places.count = 0;
		fine = view_walk(listing->view, low, behind - 1, note_place, &places, why);
		if (places.count >= need)
			listing->from = places.seq[places.count - need];
		need -= places.count < need ? places.count : need;
		behind = low;
	}
	listing->view->quiet = false;
	return fine;
}

/* ------------------------------------------------------------------- writing */

static bool flush(struct listing *listing)
{
	struct buf *out = &listing->out;
	if ((out->len && fwrite(out->at, 1, out->len, listing->file) != out->len) || fflush(listing->file) != 0)
		listing->failed = errno;
	buf_clear(out);
	return !listing->failed;
}

static void write_json(const struct listing *listing, const struct viewed *viewed, struct buf *out)
{
	json_open(out, '{');
	event_members(viewed, out);
	if (listing->whole) {
		event_request_members(viewed, out);
		event_body_members(viewed, out);
	}
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

static const struct {
	const char *verified, *words;
} marks[] = { { "other", "other secret" }, { "none", "insecure" }, { "polled", "polled" } };

static void write_text(const struct viewed *viewed, struct buf *out)
{
	const struct log_record *record = viewed->record;
	const char *verified = event_verified(record);
	buf_format(out, "%8" PRIu64 "  ", record->seq);
	shown_time(out, record->received);
	buf_string(out, "  ");
	shown_cell(out, 12, viewed->event.source);
	shown_cell(out, 20, viewed->event.type);
	shown_cell(out, 24, viewed->event.subject);
	shown_cell(out, 24, viewed->event.id);
	buf_format(out, "%7zu", record->body.len);
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (strcmp(verified, marks[i].verified) == 0)
			buf_format(out, "  %s", marks[i].words);
	buf_char(out, '\n');
}

static void write_titles(struct buf *out)
{
	buf_format(out, "%8s  %-24s  %-12s  %-20s  %-24s  %-24s  %7s\n", "SEQ", "RECEIVED", "SOURCE", "TYPE",
		"SUBJECT", "ID", "BYTES");
}

static bool write_one(const struct viewed *viewed, void *data)
{
	struct listing *listing = data;
	if (!is_wanted(listing, viewed))
		return true;
	listing->count++;
	if (listing->line->json || listing->whole)
		write_json(listing, viewed, &listing->out);
	else
		write_text(viewed, &listing->out);
	return listing->out.len < FLUSH || flush(listing);
}

/* ------------------------------------------------------------ begin and end */

static bool read_range(struct listing *listing, struct why *why)
{
	const struct view *view = listing->view;
	const char *from = command_value(listing->line, "from"), *to = command_value(listing->line, "to");
	listing->from = view->stat.begin;
	listing->to = view->stat.end;
	if (from && !view_place(view->reader, from, &listing->from, why))
		return why_within(why, "--from");
	if (to && !view_until(view->reader, to, &listing->to, why))
		return why_within(why, "--to");
	if (listing->to > view->stat.end)
		listing->to = view->stat.end;
	return true;
}

/* Opens the log for a listing; false: *code is the exit code. */
static bool begin(struct listing *listing, const struct command_line *line, int *code)
{
	struct why why = { 0 };
	int64_t last;
	*listing = (struct listing){ .line = line, .file = stdout };
	listing->source = command_value(line, "source");
	listing->type = command_value(line, "type");
	listing->subject = command_value(line, "subject");
	if (!command_number(line, "last", 1, 0, &last, &why)) {
		*code = command_wrong(line, "%s", why.text);
		return false;
	}
	listing->last = (uint64_t)last;
	listing->view = view_open(line, code);
	if (!listing->view)
		return false;
	if (read_range(listing, &why))
		return true;
	*code = command_wrong(line, "%s", why.text);
	view_close(&listing->view);
	return false;
}

static bool close_file(struct listing *listing)
{
	bool fine = flush(listing);
	if (listing->file == stdout)
		return fine;
	if (fine && fsync(fileno(listing->file)) != 0 && errno != EINVAL)
		listing->failed = errno;
	if (fclose(listing->file) != 0)
		listing->failed = errno;
	return !listing->failed;
}

static int no_source(const struct listing *listing)
{
	struct why why;
	names_no_source(listing->view->config, listing->source, &why);
	return command_no(listing->line, "no event is of it, and %s", why.text);
}

/* An export that leaves something out has not done what it was asked to. */
static int end(struct listing *listing, bool read, const struct why *why)
{
	bool written = close_file(listing);
	int code = listing->whole && listing->view->damaged ? EXIT_NO : EXIT_FINE;
	if (!read)
		code = command_no(listing->line, "%s", why->text);
	else if (!written && listing->failed == EPIPE)
		code = EXIT_NO; /* whoever read it knows */
	else if (!written)
		code = command_no(listing->line, "not everything could be written: %s", strerror(listing->failed));
	else if (listing->source && !listing->count && !config_source(listing->view->config, listing->source))
		code = no_source(listing);
	buf_free(&listing->out);
	view_close(&listing->view);
	return code;
}

/* ------------------------------------------------------------------------ ls */

static int run_ls(const struct command_line *line)
{
	struct listing listing;
	struct why why = { 0 };
	int code;
	if (!begin(&listing, line, &code))
		return code;
	if (!line->json)
		write_titles(&listing.out);
	bool read = (!listing.last || find_last(&listing, &why)) &&
		view_walk(listing.view, listing.from, listing.to, write_one, &listing, &why);
	return end(&listing, read, &why);
}

/* ---------------------------------------------------------------------- tail */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	interrupted = number;
}

/* Blocked but while we sleep, so that none comes in between. */
static void catch_interrupts(sigset_t *asleep)
{
	const struct sigaction action = { .sa_handler = on_interrupt };
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, asleep);
	sigdelset(asleep, SIGINT);
	sigdelset(asleep, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* Until there may be more.  False: the person, or the reader of what we print, has
 * had enough. */
static bool sleep_until_more(struct listing *listing, uint64_t seen, const sigset_t *asleep)
{
	char bytes[4096];
	struct log_reader *reader = listing->view->reader;
	struct pollfd fds[] = { { .fd = log_reader_wake_fd(reader), .events = POLLIN }, { .fd = STDOUT_FILENO } };
	const struct timespec at_most = { 1, 0 }, at_once = { 0, 0 };
	bool quiet = log_reader_sleep(reader, seen);
	int ready = ppoll(fds, 2, quiet ? &at_most : &at_once, asleep);
	while (read(fds[0].fd, bytes, sizeof(bytes)) > 0)
		;
	return !interrupted && (ready <= 0 || !(fds[1].revents & (POLLERR | POLLHUP)));
}

static bool follow(struct listing *listing, struct why *why)
{
	struct view *view = listing->view;
	sigset_t asleep;
	catch_interrupts(&asleep);
	do {
		listing->to = log_reader_end(view->reader);
		if (!view_walk(view, listing->from, listing->to, write_one, listing, why))
			return false;
		if (listing->to >= listing->from)
			listing->from = listing->to + 1;
	} while (flush(listing) && sleep_until_more(listing, listing->from - 1, &asleep));
	return true;
}

static int run_tail(const struct command_line *line)
{
	struct listing listing;
	struct why why = { 0 };
	int code;
	if (!begin(&listing, line, &code))
		return code;
	if (!listing.last)
		listing.from = listing.to + 1;
	bool read = find_last(&listing, &why) && follow(&listing, &why);
	return end(&listing, read, &why);
}

/* -------------------------------------------------------------------- export */

static int run_export(const struct command_line *line)
{
	struct listing listing;
	struct why why = { 0 };
	const char *path = command_value(line, "output");
	int code;
	if (!begin(&listing, line, &code))
		return code;
	listing.whole = true;
	if (path && strcmp(path, "-") != 0 && !(listing.file = fopen(path, "we"))) {
		code = command_no(line, "%s cannot be written: %s", path, strerror(errno));
		view_close(&listing.view);
		return code;
	}
	bool read = view_walk(listing.view, listing.from, listing.to, write_one, &listing, &why);
	return end(&listing, read, &why);
}

/* --------------------------------------------------------------------- table */

static const struct command_option ls_options[] = {
	{ "source", 's', "NAME", "only events of this source" },
	{ "type", 't', "TYPE", "only events of this type" },
	{ "subject", 0, "SUBJECT", "only events about this" },
	{ "last", 'n', "N", "only the last N of them" },
	{ "from", 0, "WHERE", "begin here: a SEQ, a time, 2h (ago)" },
	{ "to", 0, "WHERE", "end here: a SEQ, it included, or before a time" },
	{ 0 },
};

static const struct command_option show_options[] = {
	{ "body", 'b', NULL, "print the body too" },
	{ 0 },
};

static const struct command_option tail_options[] = {
	{ "source", 's', "NAME", "only events of this source" },
	{ "type", 't', "TYPE", "only events of this type" },
	{ "subject", 0, "SUBJECT", "only events about this" },
	{ "last", 'n', "N", "begin with the last N there are" },
	{ 0 },
};

static const struct command_option export_options[] = {
	{ "source", 's', "NAME", "only events of this source" },
	{ "from", 0, "WHERE", "begin here: a SEQ, a time, 2h (ago)" },
	{ "to", 0, "WHERE", "end here: a SEQ, it included, or before a time" },
	{ "output", 'o', "FILE", "write to this file instead of stdout" },
	{ 0 },
};

const struct command cmd_events[] = {
	{ "events ls", NULL, 0, 0, "list the events in the log", ls_options, run_ls },
	{ "events show", "SEQ | SOURCE ID", 1, 2, "show an event and its whole way", show_options, events_show },
	{ "events tail", NULL, 0, 0, "print events as they come in, until Ctrl-C", tail_options, run_tail },
	{ "events export", NULL, 0, 0, "print events whole, one JSON object a line", export_options, run_export },
	{ 0 },
};
