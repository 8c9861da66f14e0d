/* SPDX-License-Identifier: Apache-2.0 */
/* dead.c - which dead letters are meant, and how their route is asked about them. */
#include "main/dead.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "main/shown.h"

bool letter_read(const char *text, struct letter *letter)
{
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	letter->seq = strtoull(text, &end, 10);
	letter->part = -1;
	if (*end == '.' && end[1] >= '0' && end[1] <= '9')
		letter->part = strtoll(end + 1, &end, 10);
	return !errno && !*end && letter->seq && letter->seq <= INT64_MAX;
}

/* A word that is a route's name is the route; otherwise it has to be a letter. */
bool meant_read(const struct command_line *line, const struct questions *questions, struct meant *meant, int *code)
{
	const char *const *all = questions_routes(questions);
	const char *first = line->count ? line->arguments[0] : NULL;
	struct letter letter;
	*meant = (struct meant){ .words = line->arguments, .count = line->count };
	if (first && questions_has(questions, first)) {
		meant->route = first;
		meant->words++;
		meant->count--;
	} else if (first && !letter_read(first, &letter)) {
		*code = questions_unknown(questions, line, first);
		return false;
	}
	if (!meant->route && all[0] && !all[1])
		meant->route = all[0];
	meant->only[0] = meant->route;
	meant->routes = meant->route ? meant->only : all;
	if (!meant->count || meant->route)
		return true;
	*code = command_wrong(line, "there are several routes: name the one whose dead letter %s is", first);
	return false;
}

bool meant_one(const struct command_line *line, const struct meant *meant, struct letter *letter, int *code)
{
	const char *part = meant->count > 1 ? meant->words[1] : NULL;
	char *end = NULL;
	bool fine = meant->count > 0 && meant->count < 3 && letter_read(meant->words[0], letter);
	if (fine && part) {
		fine = *part >= '0' && *part <= '9';
		letter->part = strtoll(part, &end, 10);
		fine = fine && !*end;
	}
	if (!fine)
		*code = command_wrong(line, "say which one: ROUTE SEQ, as `sluice dead ls --each` lists them");
	return fine;
}

void dead_question(struct buf *question, const char *what, const struct letter *letter)
{
	json_open(question, '{');
	json_member_string(question, "what", what);
	if (!letter)
		return;
	json_member_uint(question, "seq", letter->seq);
	if (letter->part >= 0)
		json_member_int(question, "part", letter->part);
}

struct sl_document *dead_ask(struct questions *questions, const char *route, struct buf *question, struct why *why)
{
	json_close(question, '}');
	struct sl_document *answer = question_ask(questions, route, question, why);
	buf_free(question);
	return answer;
}

struct sl_document *dead_look(struct questions *questions, const char *route, const struct letter *letter,
	struct why *why)
{
	struct buf question = { 0 };
	dead_question(&question, "dead show", letter);
	struct sl_document *answer = dead_ask(questions, route, &question, why);
	if (answer && !sl_json_count(sl_json_get(sl_json_root(answer), "rows"))) {
		sl_json_free(&answer);
		why_say(why, "route %s has no dead letter %" PRIu64, route, letter->seq);
	}
	return answer;
}
