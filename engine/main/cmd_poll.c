/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_poll.c - sluice poll, sluice backfill: a source asks its vendor, now or for all there ever was. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/command.h"
#include "main/daemon.h"
#include "main/progress.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define LOOK_EVERY 200000 /* us between two looks at how far it is */
#define AWAY_MOST 30000   /* ms that a source which is waited for may not answer */

/* A source of the running daemon. */
struct asked {
	const struct command_line *line;
	struct config *config;
	const char *source;
	struct buf path; /* of its process, for daemon_question */
	struct progress progress;
	struct why why;
};

static bool asked_open(const struct command_line *line, struct asked *asked, int *code)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	*asked = (struct asked){ .line = line, .source = line->arguments[0] };
	asked->progress = (struct progress){ .source = asked->source, .json = line->json };
	*code = EXIT_WRONG;
	if (strspn(asked->source, chars) != strlen(asked->source))
		*code = command_no(line, "no source can be named so");
	else
		asked->config = config_or_say(line->config, CONFIG_ENGINE, false);
	buf_format(&asked->path, "source/%s", asked->source);
	if (!asked->config)
		buf_free(&asked->path);
	return asked->config != NULL;
}

static int asked_close(struct asked *asked, int code)
{
	buf_free(&asked->path);
	config_free(&asked->config);
	return code;
}

/* The answer, or NULL: asked->why says what is against it. */
static struct sl_document *ask_source(struct asked *asked, const struct buf *question)
{
	return daemon_question(asked->config, asked->path.at, question, NULL, &asked->why);
}

static struct sl_document *ask_what(struct asked *asked, const char *what)
{
	struct buf question = { 0 };
	json_open(&question, '{');
	json_member_string(&question, "what", what);
	json_close(&question, '}');
	struct sl_document *answer = ask_source(asked, &question);
	buf_free(&question);
	return answer;
}

static bool tell_source(struct asked *asked, const struct buf *question)
{
	struct sl_document *answer = ask_source(asked, question);
	bool fine = answer != NULL;
	sl_json_free(&answer);
	return fine;
}

/* ---------------------------------------------------------------- progress */

static int64_t number(const struct sl_json *object, const char *name)
{
	int64_t value = 0;
	sl_json_integer(sl_json_get(object, name), &value);
	return value;
}

static const char *word(const struct sl_json *object, const char *name)
{
	struct sl_text text = sl_json_string(sl_json_get(object, name));
	return text.at ? text.at : "";
}

static const struct sl_json *under_way(const struct sl_json *state)
{
	const struct sl_json *backfill = sl_json_get(state, "backfill");
	return sl_json_kind(backfill) == SL_KIND_OBJECT ? backfill : NULL;
}

static void reach_of_backfill(const struct sl_json *before, const struct sl_json *now, struct reach *reach)
{
	const struct sl_json *backfill = under_way(now);
	if (!backfill)
		backfill = sl_json_get(now, "backfilled");
	reach->fresh = number(backfill, "events");
	reach->objects = reach->fresh + number(backfill, "unchanged");
	reach->done = number(backfill, "done");
	reach->total = number(backfill, "total");
	reach->since = number(backfill, "since");
	reach->began = number(backfill, "began");
	reach->oldest = number(backfill, "oldest");
	reach->newest = number(backfill, "newest");
}

/* A source that is begun again is away for a moment; what was asked of it is in its file. */
static struct sl_document *look(struct asked *asked, bool patient)
{
	int64_t until = clock_ticks() + AWAY_MOST;
	struct sl_document *state;
	while (!(state = ask_what(asked, "state")) && patient && clock_ticks() < until)
		usleep(LOOK_EVERY);
	return state;
}

typedef bool is_over(const struct sl_json *before, const struct sl_json *now);
typedef void reach_of(const struct sl_json *before, const struct sl_json *now, struct reach *reach);

/* Looks at the source again and again until `over` says so; the last answer, or NULL:
 * asked->why says why none came. */
static struct sl_document *wait_for(struct asked *asked, const struct sl_json *before, is_over *over, reach_of *how_far,
	bool patient)
{
	struct sl_document *state;
	while ((state = look(asked, patient)) && !over(before, sl_json_root(state))) {
		struct reach reach = { .state = word(sl_json_root(state), "state"),
			.error = word(sl_json_root(state), "error") };
		how_far(before, sl_json_root(state), &reach);
		progress_show(&asked->progress, &reach);
		sl_json_free(&state);
		usleep(LOOK_EVERY);
	}
	progress_clear(&asked->progress);
	return state;
}

/* -------------------------------------------------------------------- poll */

/* A process that was begun anew counts from 0. */
static int64_t since_then(const struct sl_json *before, const struct sl_json *now, const char *name)
{
	int64_t then = number(before, name), count = number(now, name);
	return count >= then ? count - then : count;
}

static bool poll_over(const struct sl_json *before, const struct sl_json *now)
{
	return number(now, "polls") != number(before, "polls");
}

static int64_t poll_events(const struct sl_json *before, const struct sl_json *now)
{
	return since_then(before, now, "events");
}

static void reach_of_poll(const struct sl_json *before, const struct sl_json *now, struct reach *reach)
{
	reach->fresh = poll_events(before, now);
	reach->objects = reach->fresh + since_then(before, now, "unchanged");
}

static int tell_poll(struct asked *asked, const struct sl_json *before, const struct sl_json *now)
{
	bool failed = number(now, "failures") != number(before, "failures");
	int64_t events = poll_events(before, now), unchanged = since_then(before, now, "unchanged");
	struct buf out = { 0 };
	if (asked->line->json) {
		json_open(&out, '{');
		json_member_string(&out, "source", asked->source);
		json_member_int(&out, "events", events);
		json_member_int(&out, "unchanged", unchanged);
		json_member_string(&out, "error", failed ? word(now, "error") : NULL);
		json_close(&out, '}');
		buf_char(&out, '\n');
	} else if (!failed)
		buf_format(&out, "%s: %" PRId64 " new event%s, %" PRId64 " unchanged\n", asked->source, events,
			events == 1 ? "" : "s", unchanged);
	else
		command_no(asked->line, "%s", word(now, "error"));
	return command_print(&out) && !failed ? EXIT_FINE : EXIT_NO;
}

/* `since` 0: from where it is. */
static bool begin_poll(struct asked *asked, int64_t since)
{
	struct buf question = { 0 };
	json_open(&question, '{');
	json_member_string(&question, "what", "poll");
	if (since)
		json_member_int(&question, "since", since);
	json_close(&question, '}');
	bool fine = tell_source(asked, &question);
	buf_free(&question);
	return fine;
}

static int poll_and_wait(struct asked *asked, int64_t since)
{
	struct sl_document *before = ask_what(asked, "state"), *now = NULL;
	int code;
	if (before && begin_poll(asked, since))
		now = wait_for(asked, sl_json_root(before), poll_over, reach_of_poll, false);
	if (now)
		code = tell_poll(asked, sl_json_root(before), sl_json_root(now));
	else
		code = command_no(asked->line, "%s", asked->why.text);
	sl_json_free(&before);
	sl_json_free(&now);
	return code;
}

/* "2026-01-31", "2026-01-31T08:00:00Z", or how long ago: "30d". */
static bool since_when(const struct command_line *line, int64_t *since, struct why *why)
{
	const char *given = command_value(line, "since");
	int64_t value;
	*since = 0;
	if (!given)
		return true;
	if (sl_duration_read(sl_text_of(given), &value))
		*since = clock_wall() - value;
	else if (sl_time_read(sl_text_of(given), &value))
		*since = value / 1000;
	else
		return why_say(why, "--since is a time such as 2026-01-31 or 2026-01-31T08:00:00Z, or how long ago: 30d");
	return *since > 0 || why_say(why, "--since lies before 1970");
}

static int run_poll(const struct command_line *line)
{
	struct asked asked;
	struct why why;
	int64_t since;
	int code;
	if (!since_when(line, &since, &why))
		return command_wrong(line, "%s", why.text);
	return asked_open(line, &asked, &code) ? asked_close(&asked, poll_and_wait(&asked, since)) : code;
}

/* ---------------------------------------------------------------- backfill */

static bool backfill_over(const struct sl_json *before, const struct sl_json *now)
{
	const struct sl_json *backfill = under_way(now);
	if (!sl_json_true(sl_json_get(now, "open")))
		return false; /* it has just been begun again */
	return !backfill || strcmp(word(backfill, "trouble"), "failed") == 0;
}

/* What was left out is told with the way to have it. */
static void write_brought(const struct asked *asked, const struct sl_json *backfill, struct buf *out)
{
	int64_t events = number(backfill, "events"), unchanged = number(backfill, "unchanged");
	bool all = sl_json_true(sl_json_get(backfill, "all"));
	buf_format(out, "%s: %" PRId64 " event%s", asked->source, events, events == 1 ? "" : "s");
	if (unchanged)
		buf_format(out, ", %" PRId64 " unchanged and left out%s", unchanged, all ? "" : " (--all brings them again)");
	buf_char(out, '\n');
}

static int tell_backfill(struct asked *asked, const struct sl_json *now)
{
	const struct sl_json *failed = under_way(now), *backfill = failed ? failed : sl_json_get(now, "backfilled");
	struct buf out = { 0 };
	if (sl_json_kind(backfill) != SL_KIND_OBJECT)
		return command_no(asked->line, "the backfill was stopped");
	if (failed && !asked->line->json)
		return command_no(asked->line, "%s; it is tried again later, --stop ends it", word(failed, "error"));
	if (asked->line->json) {
		json_open(&out, '{');
		json_member_string(&out, "source", asked->source);
		json_member_int(&out, "events", number(backfill, "events"));
		json_member_int(&out, "unchanged", number(backfill, "unchanged"));
		json_member_string(&out, "error", failed ? word(failed, "error") : NULL);
		json_close(&out, '}');
		buf_char(&out, '\n');
	} else
		write_brought(asked, backfill, &out);
	return command_print(&out) && !failed ? EXIT_FINE : EXIT_NO;
}

static bool begin_backfill(struct asked *asked, int64_t since, bool stop)
{
	struct buf question = { 0 };
	json_open(&question, '{');
	json_member_string(&question, "what", "backfill");
	json_member_int(&question, "since", since);
	json_member_bool(&question, "stop", stop);
	json_member_bool(&question, "all", command_flag(asked->line, "all"));
	json_close(&question, '}');
	bool fine = tell_source(asked, &question);
	buf_free(&question);
	return fine;
}

/* Of a source whose polls are snapshots it is one more of them. */
static bool is_snapshot(struct asked *asked)
{
	struct sl_document *state = ask_what(asked, "state");
	bool is = state && sl_json_true(sl_json_get(sl_json_root(state), "snapshot"));
	sl_json_free(&state);
	return is;
}

static int backfill_snapshot(struct asked *asked, int64_t since)
{
	bool part = since || command_flag(asked->line, "stop");
	if (!part && !command_flag(asked->line, "no-wait"))
		return poll_and_wait(asked, 0);
	if (!begin_backfill(asked, since, command_flag(asked->line, "stop")))
		return command_no(asked->line, "%s", asked->why.text);
	return EXIT_FINE;
}

/* One that is under way is not begun again unless that is asked for. */
static bool have_backfill(struct asked *asked, int64_t since, bool *stopped)
{
	struct sl_document *state = ask_what(asked, "state");
	bool fine = state != NULL;
	bool goes = state && under_way(sl_json_root(state));
	*stopped = command_flag(asked->line, "stop");
	if (fine && (*stopped || !goes || command_flag(asked->line, "restart")))
		fine = begin_backfill(asked, since, *stopped);
	else if (fine)
		fprintf(stderr, "a backfill is under way and is waited for; --restart begins it anew\n");
	sl_json_free(&state);
	return fine;
}

static int backfill_and_wait(struct asked *asked, int64_t since)
{
	struct sl_document *now = NULL;
	bool stopped;
	if (is_snapshot(asked))
		return backfill_snapshot(asked, since);
	if (!have_backfill(asked, since, &stopped))
		return command_no(asked->line, "%s", asked->why.text);
	if (stopped || command_flag(asked->line, "no-wait"))
		return EXIT_FINE;
	now = wait_for(asked, NULL, backfill_over, reach_of_backfill, true);
	int code = now ? tell_backfill(asked, sl_json_root(now)) : command_no(asked->line, "%s", asked->why.text);
	sl_json_free(&now);
	return code;
}

static int run_backfill(const struct command_line *line)
{
	struct asked asked;
	struct why why;
	int64_t since;
	int code;
	if (!since_when(line, &since, &why))
		return command_wrong(line, "%s", why.text);
	return asked_open(line, &asked, &code) ? asked_close(&asked, backfill_and_wait(&asked, since)) : code;
}

static const struct command_option poll_options[] = {
	{ "since", 's', "TIME", "look back to it, whatever was read before: a time, or how long ago (3d)" },
	{ 0 },
};

static const struct command_option backfill_options[] = {
	{ "since", 's', "TIME", "nothing before it is wanted: a time, or how long ago (30d)" },
	{ "all", 'a', NULL, "bring again what is unchanged too: routes take it once more, as an emptied sink needs it" },
	{ "restart", 0, NULL, "begin anew if one is under way" },
	{ "stop", 0, NULL, "end the one that is under way" },
	{ "no-wait", 0, NULL, "leave it to the daemon, and say nothing of its end" },
	{ 0 },
};

const struct command cmd_poll[] = {
	{ "poll", "SOURCE", 1, 1, "ask a source's vendor now, and say what was new; 1 if it could not be asked", poll_options, run_poll },
	{ "backfill", "SOURCE", 1, 1, "ask a source's vendor for all there is, beside its ordinary polls", backfill_options, run_backfill },
	{ 0 },
};
