/* SPDX-License-Identifier: Apache-2.0 */
/* try.h - what the files of `sluice try` share.
 *
 *     cmd_try.c      what was asked for; which mapping stands in for which
 *     try_run.c      a run of the route's steps over logged events, in a process of its own
 *     try_show.c     what one run made of each event
 *     try_diff.c     where two runs differ
 */
#ifndef MAIN_TRY_H
#define MAIN_TRY_H

#include "main/command.h"
#include "main/config.h"
#include "sdk/json.h"

/* What became of an event; flow/try.h has the form of its JSON. */
struct tried {
	uint64_t seq, part;
	struct sl_document *document;
	const struct sl_json *json;
};

/* What a script said while it handled one. */
struct tried_line {
	uint64_t seq;
	struct sl_document *document;
	const struct sl_json *json; /* a log line: level, text */
};

struct try_wish {
	const struct config *config;
	const struct config_route *route;
	const char *transform, *with; /* the file that stands in for the transform; NULL: none */
	uint64_t from, last;          /* from 0: the last ones */
	bool fresh;
};

struct try_run {
	struct tried *at; /* in order of seq and part */
	size_t count, room;
	struct tried_line *lines; /* likewise */
	size_t line_count, line_room;
	uint64_t records;
};

/* False: it could not be begun, or not be ended; what it told until then is there. */
bool try_run(const struct try_wish *wish, struct try_run *run, struct why *why);
void try_run_free(struct try_run *run);

/* Whether it failed, and what a person calls it: "dropped: too old", "2 rows". */
bool tried_failed(const struct sl_json *tried);
void tried_words(const struct sl_json *tried, struct buf *out);
/* A value as it stands in a table: a string without its quotes; NULL gives "-". */
void tried_value(const struct sl_json *value, struct buf *out);
/* "card_id=abc board_id=x"; without a key "-". */
void tried_key(const struct sl_json *row, struct buf *out);
/* A row's column that is the engine's own doing, and says nothing of the mapping. */
bool tried_aside(struct sl_text column);

/* Write to stdout; false: it does not take it.  *bad counts events that failed, or rows and
 * events that differ. */
bool try_show(const struct try_run *run, bool json, uint64_t *bad);
bool try_diff(const struct try_run *before, const struct try_run *after, bool json, uint64_t *bad);

#endif
