/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_routes.c - sluice routes: where routes stand and what became of their events; pause, resume, rewind. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "main/command.h"
#include "main/question.h"
#include "main/shown.h"
#include "main/view.h"
#include "sdk/text.h"

static struct sl_document *ask_simply(struct questions *questions, const char *route, const char *what, struct why *why)
{
	struct buf question = { 0 };
	json_open(&question, '{');
	json_member_string(&question, "what", what);
	json_close(&question, '}');
	struct sl_document *answer = question_ask(questions, route, &question, why);
	buf_free(&question);
	return answer;
}

/* Those named, or all with --all.  NULL: what is wrong has been printed. */
static const char *const *chosen(const struct command_line *line, const struct questions *questions, int *code)
{
	bool all = command_flag(line, "all");
	if (all == (line->count > 0)) {
		*code = command_wrong(line, all ? "name routes or say --all, not both" : "name a route, or say --all");
		return NULL;
	}
	for (size_t i = 0; i < line->count; i++)
		if (!questions_has(questions, line->arguments[i])) {
			*code = questions_unknown(questions, line, line->arguments[i]);
			return NULL;
		}
	return all ? questions_routes(questions) : line->arguments;
}

/* ------------------------------------------------------------------------ ls */

/* A line of the list, whether it comes from the daemon's health or from the route. */
struct standing {
	const char *name, *state, *error;
	bool paused, known; /* known: the numbers are */
	int64_t cursor, behind, waiting, dead;
};

static void standing_json(const struct standing *standing, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "route", standing->name);
	json_member_string(out, "state", standing->state);
	json_member_bool(out, "paused", standing->paused);
	if (standing->known) {
		json_member_int(out, "cursor", standing->cursor);
		json_member_int(out, "behind", standing->behind);
		json_member_int(out, "waiting", standing->waiting);
		json_member_int(out, "dead", standing->dead);
	}
	json_member_string(out, "error", standing->error);
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

static void standing_text(const struct standing *standing, struct buf *out)
{
	shown_cell(out, 20, standing->name);
	shown_cell(out, 10, standing->state);
	if (standing->known)
		buf_format(out, "%10" PRId64 "  %8" PRId64 "  %8" PRId64 "  %6" PRId64 "  %s", standing->cursor,
			standing->behind, standing->waiting, standing->dead,
			standing->paused && strcmp(standing->state, "paused") != 0 ? "paused" : "");
	while (out->at[out->len - 1] == ' ')
		out->len--;
	buf_char(out, '\n');
	if (standing->error) {
		buf_string(out, "  ");
		shown_string(out, standing->error);
		buf_char(out, '\n');
	}
}

static void tell(const struct command_line *line, const struct standing *standing, struct buf *out)
{
	if (line->json)
		standing_json(standing, out);
	else
		standing_text(standing, out);
}

static void ls_daemon(const struct command_line *line, const struct sl_json *status, struct buf *out)
{
	const struct sl_json *route = sl_json_first(sl_json_get(status, "routes"));
	for (; route; route = sl_json_next(route)) {
		const struct standing standing = {
			.name = shown_word(route, "name"),
			.state = shown_word(route, "state"),
			.error = sl_json_string(sl_json_get(route, "error")).at,
			.paused = sl_json_true(sl_json_get(route, "paused")),
			.known = sl_json_kind(sl_json_get(route, "behind")) == SL_KIND_NUMBER,
			.cursor = shown_number(route, "cursor"),
			.behind = shown_number(route, "behind"),
			.waiting = shown_number(route, "waiting"),
			.dead = shown_number(route, "dead"),
		};
		tell(line, &standing, out);
	}
}

static bool ls_route(const struct command_line *line, struct questions *questions, const char *name, struct buf *out)
{
	struct why why = { 0 };
	struct sl_document *answer = ask_simply(questions, name, "stand", &why);
	const struct sl_json *root = answer ? sl_json_root(answer) : NULL;
	const struct standing standing = {
		.name = name,
		.state = "stopped",
		.error = answer ? NULL : why.text,
		.paused = sl_json_true(sl_json_get(root, "paused")),
		.known = answer,
		.cursor = shown_number(root, "cursor"),
		.behind = shown_number(root, "behind"),
		.waiting = shown_number(root, "waiting"),
		.dead = shown_number(root, "dead"),
	};
	tell(line, &standing, out);
	sl_json_free(&answer);
	return standing.known;
}

static int run_ls(const struct command_line *line)
{
	struct buf out = { 0 };
	int code;
	struct questions *questions = questions_open(line, &code);
	if (!questions)
		return code;
	code = EXIT_FINE;
	if (!line->json)
		buf_format(&out, "%-20s  %-10s  %10s  %8s  %8s  %6s\n", "ROUTE", "STATE", "CURSOR", "BEHIND", "WAITING",
			"DEAD");
	if (questions_status(questions))
		ls_daemon(line, questions_status(questions), &out);
	else
		for (const char *const *name = questions_routes(questions); *name; name++)
			if (!ls_route(line, questions, *name, &out))
				code = EXIT_NO;
	questions_close(&questions);
	return command_print(&out) ? code : EXIT_NO;
}

/* ---------------------------------------------------------------------- show */

static void show_counts(const struct sl_json *stand, struct buf *out)
{
	buf_format(out, "cursor     %" PRId64 " of %" PRId64 "\n", shown_number(stand, "cursor"),
		shown_number(stand, "end"));
	buf_format(out, "since      event %" PRId64 "\n", shown_number(stand, "counted_from"));
	buf_format(out, "delivered  %" PRId64 "\n", shown_number(stand, "delivered"));
	buf_format(out, "dropped    %" PRId64 "\n", shown_number(stand, "dropped"));
	buf_format(out, "repeats    %" PRId64 "\n", shown_number(stand, "repeats"));
	buf_format(out, "waiting    %" PRId64 "\n", shown_number(stand, "waiting"));
	buf_format(out, "dead       %" PRId64 "\n", shown_number(stand, "dead"));
}

/* Reasons are counted by the process, numbers in the destination: a process that
 * began later knows fewer of them. */
static void show_tally(const char *heading, const struct sl_json *tally, struct buf *out)
{
	const struct sl_json *row = sl_json_first(tally);
	if (row)
		buf_format(out, "\n%s since the route's process began\n", heading);
	for (; row; row = sl_json_next(row)) {
		int64_t times = 0;
		sl_json_integer(row, &times);
		buf_format(out, "%9" PRId64 "  ", times);
		shown_text(out, sl_json_name(row));
		buf_char(out, '\n');
	}
}

static void show_open(const struct sl_json *open, struct buf *out)
{
	const struct sl_json *row = sl_json_first(open);
	if (row)
		buf_string(out, "\nNot settled\n      SEQ  STATE    TRIES  REASON\n");
	for (; row; row = sl_json_next(row)) {
		buf_format(out, "%9" PRId64 "  ", shown_number(row, "seq"));
		shown_cell(out, 7, shown_word(row, "state"));
		buf_format(out, "%5" PRId64 "  ", shown_number(row, "tries"));
		shown_string(out, shown_word(row, "reason"));
		buf_char(out, '\n');
	}
}

static void show_stand(const struct command_line *line, const struct sl_json *stand, struct buf *out)
{
	struct sl_text raw = sl_json_raw(stand);
	if (line->json) {
		buf_add(out, raw.at, raw.len);
		buf_char(out, '\n');
		return;
	}
	show_counts(stand, out);
	show_tally("Dropped, by reason,", sl_json_get(stand, "drops"), out);
	show_tally("Mended, or left out of rows,", sl_json_get(stand, "mended"), out);
	show_tally("Upkeep of the sink", sl_json_get(stand, "upkeep"), out);
	show_open(sl_json_get(stand, "open"), out);
}

static int run_show(const struct command_line *line)
{
	struct buf out = { 0 };
	struct why why = { "" };
	int code;
	struct questions *questions = questions_open(line, &code);
	if (!questions)
		return code;
	const char *route = line->arguments[0];
	struct sl_document *answer = NULL;
	if (!questions_has(questions, route))
		code = questions_unknown(questions, line, route);
	else if (!(answer = ask_simply(questions, route, "stand", &why)))
		code = command_no(line, "route %s: %s", route, why.text);
	else
		code = EXIT_FINE, show_stand(line, sl_json_root(answer), &out);
	sl_json_free(&answer);
	questions_close(&questions);
	return command_print(&out) ? code : EXIT_NO;
}

/* -------------------------------------------------------------- pause, resume */

static void tell_done(const struct command_line *line, const char *route, const char *done, struct buf *out)
{
	if (!line->json) {
		buf_format(out, "route %s is %s\n", route, done);
		return;
	}
	json_open(out, '{');
	json_member_string(out, "route", route);
	json_member_bool(out, "paused", strcmp(done, "paused") == 0);
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

static int set_paused(const struct command_line *line, const char *what, const char *done)
{
	struct buf out = { 0 };
	int code;
	struct questions *questions = questions_open(line, &code);
	if (!questions)
		return code;
	const char *const *names = chosen(line, questions, &code);
	if (names)
		code = EXIT_FINE;
	for (; names && *names; names++) {
		struct why why = { 0 };
		struct sl_document *answer = ask_simply(questions, *names, what, &why);
		if (answer)
			tell_done(line, *names, done, &out);
		else
			code = command_no(line, "route %s: %s", *names, why.text);
		sl_json_free(&answer);
	}
	questions_close(&questions);
	return command_print(&out) ? code : EXIT_NO;
}

static int run_pause(const struct command_line *line)
{
	return set_paused(line, "pause", "paused");
}

static int run_resume(const struct command_line *line)
{
	return set_paused(line, "resume", "resumed");
}

/* -------------------------------------------------------------------- rewind */

/* From where to where. */
struct journey {
	const char *route;
	uint64_t from, to, end; /* cursors; the log's last seq */
	bool fresh;
};

static bool plan(struct journey *journey, struct questions *questions, const char *to, struct why *why)
{
	uint64_t seq = 0;
	struct log_reader *reader = view_log(questions_config(questions), why);
	bool fine = reader && view_place(reader, to, &seq, why);
	journey->end = fine ? log_reader_end(reader) : 0;
	log_reader_close(&reader);
	if (!fine)
		return why_within(why, "--to");
	if (seq > journey->end + 1)
		return why_say(why, "--to %s: the log ends at event %" PRIu64, to, journey->end);
	journey->to = seq ? seq - 1 : 0;
	struct sl_document *answer = ask_simply(questions, journey->route, "stand", why);
	if (!answer)
		return false;
	journey->from = (uint64_t)shown_number(sl_json_root(answer), "cursor");
	sl_json_free(&answer);
	return true;
}

/* What it means for the events. */
static void tell_plan(const struct journey *journey, struct buf *out)
{
	uint64_t from = journey->from < journey->end ? journey->from : journey->end;
	buf_format(out, "route %s goes on with event %" PRIu64 ": ", journey->route, journey->to + 1);
	if (journey->to > from)
		buf_format(out, "%" PRIu64 " events are passed over and will not be delivered", journey->to - from);
	else
		buf_format(out, "%" PRIu64 " events are read again", from - journey->to);
}

static bool travel(const struct journey *journey, struct questions *questions, struct why *why)
{
	struct buf question = { 0 };
	json_open(&question, '{');
	json_member_string(&question, "what", "rewind");
	json_member_uint(&question, "to", journey->to);
	json_member_bool(&question, "fresh", journey->fresh);
	json_close(&question, '}');
	struct sl_document *answer = question_ask(questions, journey->route, &question, why);
	buf_free(&question);
	if (!answer)
		return why_within(why, "route %s", journey->route);
	sl_json_free(&answer);
	return true;
}

static void tell_arrived(const struct command_line *line, const struct journey *journey, struct buf *out)
{
	uint64_t from = journey->from < journey->end ? journey->from : journey->end;
	if (!line->json) {
		tell_plan(journey, out);
		buf_char(out, '\n');
		return;
	}
	json_open(out, '{');
	json_member_string(out, "route", journey->route);
	json_member_uint(out, "from", journey->from);
	json_member_uint(out, "cursor", journey->to);
	json_member_uint(out, "again", from > journey->to ? from - journey->to : 0);
	json_member_uint(out, "passed_over", journey->to > from ? journey->to - from : 0);
	json_close(out, '}');
	buf_char(out, '\n');
}

static int rewind_route(const struct command_line *line, struct questions *questions)
{
	struct why why = { 0 };
	struct buf out = { 0 };
	struct journey journey = { .route = line->arguments[0], .fresh = command_flag(line, "fresh") };
	if (!questions_has(questions, journey.route))
		return questions_unknown(questions, line, journey.route);
	if (!plan(&journey, questions, command_value(line, "to"), &why))
		return command_no(line, "%s", why.text);
	tell_plan(&journey, &out);
	bool sure = command_flag(line, "yes") || shown_sure("%s.  Go on?", out.at);
	buf_clear(&out);
	if (sure && travel(&journey, questions, &why))
		tell_arrived(line, &journey, &out);
	else
		command_no(line, "%s", sure ? why.text : "nothing was done");
	bool done = out.len > 0;
	return command_print(&out) && done ? EXIT_FINE : EXIT_NO;
}

static int run_rewind(const struct command_line *line)
{
	int code;
	if (!command_value(line, "to"))
		return command_wrong(line, "say where to: --to SEQ, a time, start or end");
	struct questions *questions = questions_open(line, &code);
	if (!questions)
		return code;
	code = rewind_route(line, questions);
	questions_close(&questions);
	return code;
}

static const struct command_option all_options[] = {
	{ "all", 'a', NULL, "all routes" },
	{ 0 },
};

static const struct command_option rewind_options[] = {
	{ "to", 0, "WHERE", "the event to go on with: a SEQ, a time, 2h (ago), start, end" },
	{ "fresh", 0, NULL, "ask far sides again instead of using what they answered" },
	{ "yes", 'y', NULL, "do not ask" },
	{ 0 },
};

const struct command cmd_routes[] = {
	{ "routes ls", NULL, 0, 0, "say where each route stands", NULL, run_ls },
	{ "routes show", "ROUTE", 1, 1, "say what became of a route's events: counts, drops by reason, what is not settled",
		NULL, run_show },
	{ "routes pause", "ROUTE...", 0, -1, "make routes deliver nothing until they are resumed", all_options, run_pause },
	{ "routes resume", "ROUTE...", 0, -1, "make routes go on", all_options, run_resume },
	{ "routes rewind", "ROUTE", 1, 1, "make a route read events again", rewind_options, run_rewind },
	{ 0 },
};
