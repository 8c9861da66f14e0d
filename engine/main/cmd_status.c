/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_status.c - sluice status: how the running daemon is. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "main/command.h"
#include "main/daemon.h"
#include "sdk/text.h"
#include "sdk/time.h"

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

/* "4 s", "12 min", "3 h", "2 d" */
static void print_span(struct buf *out, int64_t seconds)
{
	if (seconds < 120)
		buf_format(out, "%" PRId64 " s", seconds);
	else if (seconds < 7200)
		buf_format(out, "%" PRId64 " min", seconds / 60);
	else if (seconds < 172800)
		buf_format(out, "%" PRId64 " h", seconds / 3600);
	else
		buf_format(out, "%" PRId64 " d", seconds / 86400);
}

static void print_ago(struct buf *out, struct sl_text when)
{
	int64_t microseconds;
	if (!when.at || !sl_time_read(when, &microseconds)) {
		buf_string(out, "never");
		return;
	}
	int64_t seconds = (clock_wall() - microseconds / 1000) / 1000;
	print_span(out, seconds > 0 ? seconds : 0);
	buf_string(out, " ago");
}

/* The name of a process that runs without a filter, or NULL. */
static const char *unconfined(const struct sl_json *root)
{
	const struct sl_json *ingress = sl_json_get(root, "ingress");
	if (number(ingress, "pid") && !sl_json_true(sl_json_get(ingress, "confined")))
		return "the ingress";
	for (const struct sl_json *at = sl_json_first(sl_json_get(root, "routes")); at; at = sl_json_next(at))
		if (number(at, "pid") && !sl_json_true(sl_json_get(at, "confined")))
			return word(at, "name");
	return NULL;
}

static void print_rights(const struct sl_json *root, struct buf *out)
{
	const char *open = unconfined(root);
	buf_format(out, "user     %s, system calls ", word(root, "user"));
	if (open)
		buf_format(out, "of %s are not filtered\n", open);
	else
		buf_string(out, "are filtered\n");
}

static void print_head(const struct sl_json *root, struct buf *out)
{
	const struct sl_json *log = sl_json_get(root, "log"), *ingress = sl_json_get(root, "ingress");
	buf_format(out, "%s: sluice %s, process %" PRId64 ", begun ", word(root, "state"), word(root, "version"),
		number(root, "pid"));
	print_ago(out, sl_json_string(sl_json_get(root, "began")));
	buf_char(out, '\n');
	for (const struct sl_json *why = sl_json_first(sl_json_get(root, "why")); why; why = sl_json_next(why))
		buf_format(out, "  %s\n", sl_json_string(why).at);
	buf_format(out, "\nlog      %" PRId64 " of %" PRId64 " MB, ", number(log, "bytes") >> 20,
		number(log, "limit") >> 20);
	if (number(log, "begin") <= number(log, "end"))
		buf_format(out, "events %" PRId64 " to %" PRId64 "\n", number(log, "begin"), number(log, "end"));
	else
		buf_string(out, "no events\n");
	print_rights(root, out);
	buf_format(out, "ingress  %s, %" PRId64 " accepted, %" PRId64 " refused, %" PRId64 " connections\n",
		word(ingress, "state"), number(ingress, "accepted"), number(ingress, "refused"),
		number(ingress, "connections"));
}

/* The width of the first column: the longest name in it. */
static int widest(const struct sl_json *list, const char *title)
{
	size_t most = strlen(title);
	for (const struct sl_json *item = sl_json_first(list); item; item = sl_json_next(item)) {
		size_t len = strlen(word(item, "name"));
		if (len > most)
			most = len;
	}
	return (int)(most < 60 ? most : 60);
}

/* Both are null until the route has found out where it stands. */
static void print_behind(const struct sl_json *route, struct buf *behind, struct buf *lag)
{
	if (sl_json_kind(sl_json_get(route, "behind")) == SL_KIND_NULL) {
		buf_char(behind, '-'), buf_char(lag, '-');
		return;
	}
	buf_format(behind, "%" PRId64, number(route, "behind"));
	print_span(lag, number(route, "seconds_behind"));
}

static void print_routes(const struct sl_json *routes, struct buf *out)
{
	int width = widest(routes, "ROUTE");
	buf_format(out, "\n%-*s  %-10s %9s %10s %8s %6s %10s %9s\n", width, "ROUTE", "STATE", "BEHIND", "LAG", "WAITING",
		"DEAD", "DELIVERED", "DROPPED");
	for (const struct sl_json *route = sl_json_first(routes); route; route = sl_json_next(route)) {
		struct buf behind = { 0 }, lag = { 0 };
		print_behind(route, &behind, &lag);
		buf_format(out, "%-*s  %-10s %9s %10s %8" PRId64 " %6" PRId64 " %10" PRId64 " %9" PRId64 "\n", width,
			word(route, "name"), word(route, "state"), behind.at, lag.at, number(route, "waiting"),
			number(route, "dead"), number(route, "delivered"), number(route, "dropped"));
		buf_free(&behind), buf_free(&lag);
	}
}

static void print_until(struct buf *out, struct sl_text when)
{
	int64_t microseconds;
	if (!when.at || !sl_time_read(when, &microseconds))
		return;
	int64_t seconds = (microseconds / 1000 - clock_wall()) / 1000;
	buf_string(out, ", next in ");
	print_span(out, seconds > 0 ? seconds : 0);
}

/* "idle, last 3 min ago, next in 12 min"; nothing of a source that does not poll */
static void print_polls(const struct sl_json *polls, struct buf *out)
{
	const struct sl_json *backfill = sl_json_get(polls, "backfill");
	if (sl_json_kind(polls) != SL_KIND_OBJECT)
		return;
	buf_format(out, "%s, last ", word(polls, "state"));
	print_ago(out, sl_json_string(sl_json_get(polls, "last")));
	print_until(out, sl_json_string(sl_json_get(polls, "next")));
	if (sl_json_kind(backfill) == SL_KIND_OBJECT)
		buf_format(out, ", backfill: %" PRId64 " event%s", number(backfill, "events"),
			number(backfill, "events") == 1 ? "" : "s");
}

/* A column as wide as its longest word, the last one without blanks behind. */
static void print_last(struct buf *out, const struct sl_json *source)
{
	struct buf ago = { 0 }, polls = { 0 };
	print_ago(&ago, sl_json_string(sl_json_get(source, "last")));
	print_polls(sl_json_get(source, "polls"), &polls);
	if (polls.len)
		buf_format(out, "%-14s  %s\n", ago.at, polls.at);
	else
		buf_format(out, "%s\n", ago.at);
	buf_free(&ago), buf_free(&polls);
}

static void print_sources(const struct sl_json *sources, struct buf *out)
{
	int width = widest(sources, "SOURCE");
	buf_format(out, "\n%-*s  %10s %10s  %-14s  %s\n", width, "SOURCE", "ACCEPTED", "REFUSED", "LAST EVENT", "POLLS");
	for (const struct sl_json *source = sl_json_first(sources); source; source = sl_json_next(source)) {
		buf_format(out, "%-*s  %10" PRId64 " %10" PRId64 "  ", width, word(source, "name"), number(source, "accepted"),
			number(source, "refused"));
		print_last(out, source);
	}
}

static int print(const struct command_line *line, const struct ask_answer *answer)
{
	struct buf out = { 0 };
	struct sl_document *document = sl_json_read((struct sl_text){ answer->body.at, answer->body.len }, NULL, 0);
	const struct sl_json *root = document ? sl_json_root(document) : NULL;
	int code = strcmp(word(root, "state"), "red") == 0 ? EXIT_NO : EXIT_FINE;
	if (!*word(root, "state"))
		code = command_no(line, "what answers is not a sluice daemon (status %d)", answer->status);
	else if (line->json)
		buf_format(&out, "%s\n", answer->body.at);
	else {
		print_head(root, &out);
		print_routes(sl_json_get(root, "routes"), &out);
		print_sources(sl_json_get(root, "sources"), &out);
	}
	sl_json_free(&document);
	return command_print(&out) ? code : EXIT_NO;
}

static int status(const struct command_line *line)
{
	struct why why;
	struct ask_answer answer;
	struct config *config = config_or_say(line->config, CONFIG_ENGINE, false);
	if (!config)
		return EXIT_WRONG;
	bool answered = daemon_ask(config, "GET", "/status", (struct sl_text){ "", 0 }, &answer, &why);
	int code = answered ? print(line, &answer) : command_no(line, "%s", why.text);
	ask_answer_free(&answer);
	config_free(&config);
	return code;
}

const struct command cmd_status[] = {
	{ "status", NULL, 0, 0, "say how the daemon is; 1 if it is red, or there is none", NULL, status },
	{ 0 },
};
