/* SPDX-License-Identifier: Apache-2.0 */
/* teamwork.h - what the files of this plugin share.
 *
 *     teamwork.c         options, webhooks, the plugin itself
 *     teamwork_task.c    a task of the API, with the names that it refers to, as an event
 *     teamwork_poll.c    what was changed and what was deleted since the last time
 *     teamwork_hooks.c   webhooks at Teamwork: there, off, missing
 *     teamwork_far.c     what the site may see, and answers that are none
 */
#ifndef TEAMWORK_H
#define TEAMWORK_H

#include <stdbool.h>

#include "far.h"
#include "plugin.h"

struct teamwork {
	const char *const *secret; /* the webhooks' token */
	const char *const *token;  /* the API's */
	const char *base;
	const char *const *events;
	int64_t overlap, page;
};

/* Only a saving: where it is lost a call more is made. */
struct memory {
	uint64_t over[2]; /* the cursor that a run ended with,
		of the polls and of the backfill: the call that follows ends it */
	bool older;       /* the site knows orderBy=dateupdated, not updatedat */
};

/* A member by its name, in large or small letters: "Task.ID", "taskList". */
const struct sl_json *member(const struct sl_host *host, const struct sl_json *object, const char *name);
/* Microseconds since 1970 of the first of these members that is a time, or 0.  The names end with NULL. */
int64_t moment(const struct sl_host *host, const struct sl_json *object, const char *const *names);
extern const char *const updated_names[];

/* teamwork_task.c: emits one; when it was updated, or deleted, in microseconds; 0: not said. */
int64_t task_emit(struct sl_call *call, const struct sl_json *task, const struct sl_json *included);
bool task_deleted(const struct sl_host *host, const struct sl_json *task);

/* teamwork_far.c: an answer that is not what was asked for ends the call; SL_DONE: it is fine. */
enum sl_outcome far_judge(struct sl_call *call, const char *what);
bool can_ask(const struct sl_call *call);    /* is there a token and a site? */

sl_step teamwork_poll, teamwork_hooks, teamwork_discover;

/* Bytes of call->local: poll and hooks use it, each in its own calls. */
#define LOCAL_SIZE 1024

#endif
