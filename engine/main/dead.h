/* SPDX-License-Identifier: Apache-2.0 */
/* dead.h - what the files of `sluice dead` share. */
#ifndef MAIN_DEAD_H
#define MAIN_DEAD_H

#include "main/command.h"
#include "main/question.h"

/* One dead letter: "17" is all of event 17, "17.1" its second part. */
struct letter {
	uint64_t seq;
	int64_t part; /* -1: all */
};
bool letter_read(const char *text, struct letter *letter);

/* The words of a command: perhaps a route, then perhaps letters. */
struct meant {
	const char *route;        /* NULL: all of them */
	const char *const *words; /* the letters */
	size_t count;
	const char *only[2];       /* `route` alone */
	const char *const *routes; /* those meant; NULL behind the last */
};
/* False: what is wrong has been printed, *code is the exit code. */
bool meant_read(const struct command_line *line, const struct questions *questions, struct meant *meant, int *code);
/* Exactly one letter, its part perhaps a word of its own. */
bool meant_one(const struct command_line *line, const struct meant *meant, struct letter *letter, int *code);

/* Begins a question; `letter` may be NULL.  dead_ask closes it, asks it, frees it. */
void dead_question(struct buf *question, const char *what, const struct letter *letter);
struct sl_document *dead_ask(struct questions *questions, const char *route, struct buf *question, struct why *why);
/* The answer to "dead show", with at least one of its `rows`. */
struct sl_document *dead_look(struct questions *questions, const char *route, const struct letter *letter,
	struct why *why);

int dead_ls(const struct command_line *line, struct questions *questions);
int dead_show(const struct command_line *line, struct questions *questions);

#endif
