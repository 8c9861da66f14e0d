/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_open.c - sluice hooks open: a source takes what is not signed, for a while, and a person looks on. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "main/command.h"
#include "main/daemon.h"
#include "main/shown.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define OPEN_MOST 600000  /* ms */
#define LOOK_EVERY 200000 /* us */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = 1;
}

/* An open source. */
struct opened {
	const struct command_line *line;
	struct config *config;
	const char *source;
	int64_t door, left; /* ms */
};

/* ------------------------------------------------------------------------- asking */

static struct sl_document *put(const struct opened *opened, struct buf *question, struct why *why)
{
	json_close(question, '}');
	struct sl_document *answer = daemon_question(opened->config, "ingress", question, NULL, why);
	buf_free(question);
	return answer;
}

static void begin(struct buf *question, const char *what)
{
	json_open(question, '{');
	json_member_string(question, "what", what);
}

static bool open_source(struct opened *opened, int64_t ms, struct why *why)
{
	struct buf question = { 0 };
	begin(&question, "open");
	json_member_string(&question, "source", opened->source);
	json_member_int(&question, "for", ms);
	struct sl_document *answer = put(opened, &question, why);
	bool fine = answer != NULL;
	opened->door = fine ? shown_number(sl_json_root(answer), "door") : 0;
	opened->left = ms;
	sl_json_free(&answer);
	return fine;
}

static void shut_source(const struct opened *opened)
{
	struct buf question = { 0 };
	struct why why;
	begin(&question, "shut");
	json_member_int(&question, "door", opened->door);
	struct sl_document *answer = put(opened, &question, &why);
	sl_json_free(&answer);
}

/* ------------------------------------------------------------------------ showing */

static void show_json(const struct opened *opened, const struct sl_json *seen, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "source", opened->source);
	for (const struct sl_json *member = sl_json_first(seen); member; member = sl_json_next(member)) {
		struct sl_text raw = sl_json_raw(member);
		json_key_text(out, sl_json_name(member));
		json_raw(out, raw.at, raw.len);
	}
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

static void show_words(const struct sl_json *seen, struct buf *out)
{
	struct sl_text query = sl_json_string(sl_json_get(seen, "query"));
	struct sl_text body = sl_json_string(sl_json_get(seen, "body"));
	int64_t size = shown_number(seen, "size");
	shown_time(out, shown_number(seen, "time"));
	buf_format(out, "  %s%s", shown_word(seen, "method"), query.len ? " ?" : "");
	shown_text(out, query);
	buf_string(out, "  ");
	shown_string(out, shown_word(seen, "verdict"));
	buf_char(out, '\n');
	shown_headers(out, sl_json_string(sl_json_get(seen, "headers")), "    ");
	if (body.len) {
		buf_char(out, '\n');
		shown_lines(out, body);
		buf_char(out, '\n');
	}
	if (size > (int64_t)body.len)
		buf_format(out, "    (of %" PRId64 " bytes)\n", size);
	buf_char(out, '\n');
}

static bool show_all(const struct opened *opened, const struct sl_json *answer)
{
	const struct sl_json *list = sl_json_get(answer, "seen");
	int64_t left_out = shown_number(answer, "left_out");
	struct buf out = { 0 };
	for (const struct sl_json *seen = sl_json_first(list); seen; seen = sl_json_next(seen)) {
		if (opened->line->json)
			show_json(opened, seen, &out);
		else
			show_words(seen, &out);
	}
	if (left_out)
		fprintf(stderr, "%" PRId64 " more came too fast to be shown\n", left_out);
	return command_print(&out);
}

/* ----------------------------------------------------------------------- looking on */

/* False: it is over; why says so if it ended badly. */
static bool look(struct opened *opened, struct why *why)
{
	struct buf question = { 0 };
	begin(&question, "opened");
	json_member_int(&question, "door", opened->door);
	struct sl_document *answer = put(opened, &question, why);
	if (!answer && opened->left <= LOOK_EVERY / 1000)
		why->text[0] = '\0'; /* its time was up */
	bool goes_on = answer && show_all(opened, sl_json_root(answer));
	opened->left = answer ? shown_number(sl_json_root(answer), "left") : 0;
	sl_json_free(&answer);
	return goes_on;
}

static void watch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static int look_on(struct opened *opened, int64_t ms)
{
	struct why why = { "" };
	if (!open_source(opened, ms, &why))
		return command_no(opened->line, "%s", why.text);
	fprintf(stderr, "source %s is open for %" PRId64 " s: what is not signed is answered 200, shown, and not kept. "
			"Ctrl-C ends it\n",
		opened->source, ms / 1000);
	while (!interrupted && look(opened, &why))
		usleep(LOOK_EVERY);
	if (interrupted)
		look(opened, &why), shut_source(opened);
	else if (why.text[0])
		return command_no(opened->line, "%s", why.text);
	fprintf(stderr, "source %s is shut\n", opened->source);
	return EXIT_FINE;
}

static int run_open(const struct command_line *line)
{
	struct opened opened = { .line = line, .source = line->arguments[0] };
	const char *given = command_value(line, "for");
	int64_t ms = OPEN_MOST;
	if (given && (!sl_duration_read(sl_text_of(given), &ms) || ms < 1000 || ms > OPEN_MOST))
		return command_wrong(line, "--for is a time from 1s to 10m, such as 2m");
	opened.config = config_or_say(line->config, CONFIG_ENGINE, false);
	if (!opened.config)
		return EXIT_WRONG;
	watch_signals();
	int code = look_on(&opened, ms);
	config_free(&opened.config);
	return code;
}

static const struct command_option options[] = {
	{ "for", 'f', "TIME", "so long, 10m at most (and unless given)" },
	{ 0 },
};

const struct command cmd_open[] = {
	{ "hooks open", "SOURCE", 1, 1, "answer 200 to what is not signed, for a vendor's trial, and show it here", options,
		run_open },
	{ 0 },
};
