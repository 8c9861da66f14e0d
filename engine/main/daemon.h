/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.h - the running daemon, as commands see it: its admin address. */
#ifndef MAIN_DAEMON_H
#define MAIN_DAEMON_H

#include "base/buf.h"
#include "io/ask.h"
#include "main/config.h"
#include "sdk/json.h"

/* One request to the admin address.  False: no daemon answers there; why says so
 * and how to begin one.  `answer` is freed by the caller, also then. */
bool daemon_ask(const struct config *config, const char *method, const char *path, struct sl_text body,
	struct ask_answer *answer, struct why *why);

/* A question to a route's process, or to "ingress": a JSON object with `what`.
 * The answer's document, or NULL: why says what the daemon said against it.
 * `running` (may be NULL) becomes false if no daemon answers at all. */
struct sl_document *daemon_question(const struct config *config, const char *route, const struct buf *question,
	bool *running, struct why *why);
/* The same for what takes its time: so many ms, 10 min at most. */
struct sl_document *daemon_question_within(const struct config *config, const char *route, const struct buf *question,
	int64_t ms, bool *running, struct why *why);

#endif
