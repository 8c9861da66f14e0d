/* SPDX-License-Identifier: Apache-2.0 */
/* question.h - questions to routes, answered by the process that owns the state.
 *
 * If a daemon runs, its master hands them on.  If none does, the data folder is
 * locked as by a daemon, so that none begins meanwhile, and the route's process is
 * begun by us: it opens its sink, finds out where it stands, answers, and writes
 * what it was told to; it reads no events and delivers none.  The lock is held, and
 * the last route asked is kept, until questions_close.
 */
#ifndef MAIN_QUESTION_H
#define MAIN_QUESTION_H

#include "main/command.h"
#include "main/config.h"
#include "sdk/json.h"

struct questions;

/* NULL: what is wrong has been printed, and *code is the command's exit code. */
struct questions *questions_open(const struct command_line *line, int *code);
void questions_close(struct questions **questions);

/* The configuration: without sources, sinks and routes if a daemon runs, for what
 * counts then is what the daemon has. */
const struct config *questions_config(const struct questions *questions);
/* What GET /status of the daemon says; NULL: none runs. */
const struct sl_json *questions_status(const struct questions *questions);

/* The routes' names, in order; NULL behind the last. */
const char *const *questions_routes(const struct questions *questions);
bool questions_has(const struct questions *questions, const char *route);
/* Says so, and which there are. */
int questions_unknown(const struct questions *questions, const struct command_line *line, const char *route);

/* `question` is a JSON object with `what`; flow/route_ask.c knows which there are.
 * The answer's document, freed by the caller; NULL: why says what is against it. */
struct sl_document *question_ask(struct questions *questions, const char *route, const struct buf *question,
	struct why *why);

#endif
