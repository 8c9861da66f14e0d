/* SPDX-License-Identifier: Apache-2.0 */
/* view.h - the log as commands look at it: straight from disk, daemon or not.
 *
 * What a record is about (id, type, subject, time) is found by its source's
 * description of webhooks, which is data: no plugin is loaded here.  What was polled
 * says it itself.  Records
 * that are lost are told on stderr, once each, and passed over.
 */
#ifndef MAIN_VIEW_H
#define MAIN_VIEW_H

#include "flow/webhook.h"
#include "main/command.h"
#include "main/config.h"

struct view {
	const struct command_line *line;
	struct config *config;     /* whole */
	struct webhook **webhooks; /* by place in config->sources */
	struct log_reader *reader;
	struct log_stat stat; /* as it was when opened */
	bool quiet;           /* what is lost is neither told nor counted */
	uint64_t damaged;     /* records that could not be read */
};

/* One record.  `event` has its source, and no more if the configuration does not
 * know that any more; `json` is NULL if the body is not JSON. */
struct viewed {
	const struct log_record *record;
	const struct config_source *source;
	struct sl_event event;
	const struct sl_json *json;
};

/* NULL: what is wrong has been printed, and *code is the command's exit code. */
struct view *view_open(const struct command_line *line, int *code);
void view_close(struct view **view);

/* The log in DATA alone, for whoever only wants to know where a moment is. */
struct log_reader *view_log(const struct config *config, struct why *why);

/* Where somebody wants to begin: a seq, a time or date, "2h" for so long ago,
 * "start" or "end".  The first seq received then or later; behind the last one if
 * there is none. */
bool view_place(struct log_reader *reader, const char *text, uint64_t *seq, struct why *why);
/* The same as an end: a seq itself, or the last one received before a time. */
bool view_until(struct log_reader *reader, const char *text, uint64_t *seq, struct why *why);

/* Shows each record from one seq to the other, both included, until `each` has
 * seen enough and says false.  False if the log cannot be read: why says. */
typedef bool view_each(const struct viewed *viewed, void *data);
bool view_walk(struct view *view, uint64_t from, uint64_t to, view_each *each, void *data, struct why *why);

#endif
