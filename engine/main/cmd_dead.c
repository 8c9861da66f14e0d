/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_dead.c - sluice dead: what could not be delivered; look at it, retry it, let it go. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flow/webhook.h"
#include "main/dead.h"
#include "main/editor.h"
#include "main/shown.h"
#include "sdk/text.h"

#define LARGEST ((size_t)8 << 20) /* a changed copy, so that the question fits however it is written */

/* --------------------------------------------------------------- retry, drop */

/* What is done to letters, and how it is told. */
struct deed {
	const char *what, *done;
	bool final; /* the person is asked before many of them go */
};

static const struct deed retry_deed = { "dead retry", "tried again", false };
static const struct deed drop_deed = { "dead drop", "gone for good", true };

/* How many it was done to; -1: it could not be asked. */
static int64_t do_question(const struct command_line *line, struct questions *questions, const char *route,
	struct buf *question)
{
	struct why why = { 0 };
	struct sl_document *answer = dead_ask(questions, route, question, &why);
	int64_t count = answer ? shown_number(sl_json_root(answer), "count") : -1;
	if (!answer)
		command_no(line, "route %s: %s", route, why.text);
	sl_json_free(&answer);
	return count;
}

static void tell_done(const struct command_line *line, const struct questions *questions, const char *route,
	int64_t count, const struct deed *deed)
{
	struct buf out = { 0 };
	if (line->json) {
		json_open(&out, '{');
		json_member_string(&out, "route", route);
		json_member_int(&out, "count", count);
		json_close(&out, '}');
		buf_char(&out, '\n');
	} else {
		buf_format(&out, "route %s: %" PRId64 " dead letter%s %s %s%s\n", route, count, count == 1 ? "" : "s",
			count == 1 ? "is" : "are", deed->done,
			deed == &retry_deed && !questions_status(questions) ? " when the daemon runs" : "");
	}
	command_print(&out);
}

static void say_fresh(const struct command_line *line, struct buf *question)
{
	if (command_flag(line, "fresh"))
		json_member_bool(question, "fresh", true);
}

/* Letters one by one; false if one of them was not to be had. */
static bool do_letters(const struct command_line *line, struct questions *questions, const struct meant *meant,
	const struct deed *deed, int64_t *count)
{
	bool fine = true;
	for (size_t i = 0; i < meant->count; i++) {
		struct letter letter;
		struct buf question = { 0 };
		letter_read(meant->words[i], &letter);
		dead_question(&question, deed->what, &letter);
		say_fresh(line, &question);
		int64_t done = do_question(line, questions, meant->route, &question);
		if (!done)
			command_no(line, "route %s has no dead letter %s", meant->route, meant->words[i]);
		*count += done > 0 ? done : 0;
		fine = fine && done > 0;
	}
	return fine;
}

static bool do_many(const struct command_line *line, struct questions *questions, const char *route,
	const struct deed *deed, int64_t *count)
{
	struct buf question = { 0 };
	dead_question(&question, deed->what, NULL);
	say_fresh(line, &question);
	if (command_value(line, "reason"))
		json_member_string(&question, "reason", command_value(line, "reason"));
	else
		json_member_bool(&question, "all", true);
	*count = do_question(line, questions, route, &question);
	return *count >= 0;
}

/* Which letters: so many words, or --reason, or --all; one of the three. */
static bool said_which(const struct command_line *line, const struct meant *meant, int *code)
{
	struct letter letter;
	bool many = command_flag(line, "all") || command_value(line, "reason");
	*code = EXIT_WRONG;
	for (size_t i = 0; i < meant->count; i++)
		if (!letter_read(meant->words[i], &letter))
			return command_wrong(line, "\"%s\" is no SEQ of a dead letter", meant->words[i]) < 0;
	if (many != (meant->count > 0))
		return true;
	command_wrong(line, many ? "say SEQ or --reason or --all, not several" : "say which: SEQ, --reason TEXT or --all");
	return false;
}

static int do_deed(const struct command_line *line, struct questions *questions, const struct deed *deed)
{
	struct meant meant;
	int64_t total = 0;
	int code;
	if (!meant_read(line, questions, &meant, &code) || !said_which(line, &meant, &code))
		return code;
	if (deed->final && !meant.count && !command_flag(line, "yes") &&
		!shown_sure("The dead letters of %s will be lost.  Go on?", meant.route ? meant.route : "all routes"))
		return command_no(line, "nothing was done");
	code = EXIT_FINE;
	for (; *meant.routes; meant.routes++) {
		int64_t count = 0;
		bool fine = meant.count ? do_letters(line, questions, &meant, deed, &count)
					: do_many(line, questions, *meant.routes, deed, &count);
		if (count > 0)
			tell_done(line, questions, *meant.routes, count, deed);
		total += count > 0 ? count : 0;
		code = fine ? code : EXIT_NO;
	}
	return total || code != EXIT_FINE ? code : command_no(line, "there is no such dead letter");
}

static int retry(const struct command_line *line, struct questions *questions)
{
	return do_deed(line, questions, &retry_deed);
}

static int drop(const struct command_line *line, struct questions *questions)
{
	return do_deed(line, questions, &drop_deed);
}

/* ---------------------------------------------------------------------- edit */

/* What a person does to one letter. */
struct editing {
	char route[80];
	struct letter letter;
	struct sl_document *answer; /* the letter as it is */
	struct buf after;
	bool changed;
	char path[EDITOR_PATH]; /* of the file with the changed copy; "": there is none */
};

/* Nobody is kept waiting by an open editor: the questions end before it begins. */
static bool find(const struct command_line *line, struct editing *editing, int *code)
{
	struct why why = { 0 };
	struct meant meant;
	struct questions *questions = questions_open(line, code);
	if (questions && meant_read(line, questions, &meant, code) && meant_one(line, &meant, &editing->letter, code)) {
		snprintf(editing->route, sizeof(editing->route), "%s", meant.route);
		editing->answer = dead_look(questions, meant.route, &editing->letter, &why);
		if (!editing->answer)
			*code = command_no(line, "%s", why.text);
	}
	questions_close(&questions);
	return editing->answer != NULL;
}

/* An editor puts a line's end behind the last line; that is no change. */
static void trim(struct buf *after, struct sl_text before)
{
	bool had = before.len && before.at[before.len - 1] == '\n';
	if (!had && after->len && after->at[after->len - 1] == '\n')
		after->at[--after->len] = '\0';
}

/* JSON, or a form if that is what its headers say. */
static bool is_read(const struct sl_json *one, const struct buf *text, struct why *why)
{
	char trouble[160] = "not JSON";
	struct arena *arena = arena_new();
	struct log_record record = { .headers = sl_json_string(sl_json_get(one, "headers")),
		.body = { text->at, text->len } };
	struct sl_document *document = webhook_read(&record, arena, NULL, trouble, sizeof(trouble));
	bool fine = document != NULL;
	sl_json_free(&document);
	arena_free(&arena);
	return fine || why_say(why, "the changed copy is %s; nothing was done", trouble);
}

static bool change(const struct command_line *line, struct editing *editing, struct why *why)
{
	const char *with = command_value(line, "with");
	const struct sl_json *one = sl_json_first(sl_json_get(sl_json_root(editing->answer), "rows"));
	struct sl_text before = sl_json_string(sl_json_get(one, "body"));
	if (!before.at)
		return why_say(why, "its body is not there any more");
	bool fine = with ? editor_read(with, LARGEST, &editing->after, why)
			 : editor_change(before, LARGEST, &editing->after, editing->path, why);
	if (!fine)
		return false;
	trim(&editing->after, before);
	editing->changed = !sl_text_is((struct sl_text){ editing->after.at, editing->after.len }, before.at);
	return !editing->changed || is_read(one, &editing->after, why);
}

static int give_back(const struct command_line *line, const struct editing *editing)
{
	struct buf question = { 0 };
	int code;
	struct questions *questions = questions_open(line, &code);
	if (!questions)
		return code;
	dead_question(&question, retry_deed.what, &editing->letter);
	json_key(&question, "body");
	json_text(&question, (struct sl_text){ editing->after.at, editing->after.len });
	int64_t count = do_question(line, questions, editing->route, &question);
	if (count > 0)
		tell_done(line, questions, editing->route, count, &retry_deed);
	else if (!count)
		command_no(line, "route %s has no dead letter %" PRIu64 " any more", editing->route, editing->letter.seq);
	questions_close(&questions);
	return count > 0 ? EXIT_FINE : EXIT_NO;
}

static int edit(const struct command_line *line)
{
	struct why why = { 0 };
	struct editing editing = { 0 };
	int code;
	if (find(line, &editing, &code)) {
		if (!change(line, &editing, &why))
			code = command_no(line, "%s", why.text);
		else if (editing.changed)
			code = give_back(line, &editing);
		else
			code = puts("nothing was changed, nothing was done") < 0 ? EXIT_NO : EXIT_FINE;
	}
	if (editing.path[0] && code == EXIT_FINE)
		unlink(editing.path);
	else if (editing.path[0])
		command_no(line, "the changed text is left in %s", editing.path);
	sl_json_free(&editing.answer);
	buf_free(&editing.after);
	return code;
}

/* --------------------------------------------------------------------- table */

static int with_questions(const struct command_line *line,
	int (*run)(const struct command_line *, struct questions *))
{
	int code;
	struct questions *questions = questions_open(line, &code);
	if (questions)
		code = run(line, questions);
	questions_close(&questions);
	return code;
}

static int run_ls(const struct command_line *line)
{
	return with_questions(line, dead_ls);
}

static int run_show(const struct command_line *line)
{
	return with_questions(line, dead_show);
}

static int run_retry(const struct command_line *line)
{
	return with_questions(line, retry);
}

static int run_drop(const struct command_line *line)
{
	return with_questions(line, drop);
}

static const struct command_option ls_options[] = {
	{ "each", 'e', NULL, "one a line, instead of one line for all with the same reason" },
	{ "reason", 'r', "TEXT", "only those whose reason contains this" },
	{ 0 },
};

static const struct command_option retry_options[] = {
	{ "reason", 'r', "TEXT", "all whose reason contains this" },
	{ "all", 'a', NULL, "all of them" },
	{ "fresh", 0, NULL, "ask far sides again instead of using what they answered" },
	{ 0 },
};

static const struct command_option edit_options[] = {
	{ "with", 'w', "FILE", "take the changed body from this file (-: stdin) instead of an editor" },
	{ 0 },
};

static const struct command_option drop_options[] = {
	{ "reason", 'r', "TEXT", "all whose reason contains this" },
	{ "all", 'a', NULL, "all of them" },
	{ "yes", 'y', NULL, "do not ask" },
	{ 0 },
};

const struct command cmd_dead[] = {
	{ "dead ls", "[ROUTE]", 0, 1, "list what could not be delivered, by reason", ls_options, run_ls },
	{ "dead show", "[ROUTE] SEQ [PART]", 1, 3, "show a dead letter with its history and body", NULL, run_show },
	{ "dead retry", "[ROUTE] [SEQ...]", 0, -1, "try dead letters again", retry_options, run_retry },
	{ "dead edit", "[ROUTE] SEQ", 1, 2, "change a copy of a dead letter and try that", edit_options, edit },
	{ "dead drop", "[ROUTE] [SEQ...]", 0, -1, "let dead letters go for good", drop_options, run_drop },
	{ 0 },
};
