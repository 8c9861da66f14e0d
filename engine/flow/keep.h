/* SPDX-License-Identifier: Apache-2.0 */
/* keep.h - a route's own file: what lies beside the destination.
 *
 * DATA/routes/NAME.db, SQLite, held by a flock on NAME.lock.  In it: the ids
 * seen, one row a batch; copies of dead letters' records, so that they outlive the
 * log; the history of tries; answers to what was asked for an event
 * (flow/keep_answers.h); small settings (paused); and, for sinks without
 * transactions, where the route stands.
 *
 * All of it is written before the transaction it belongs to, or in it, and believed only up
 * to the route's cursor.  A file that is damaged is put aside and begun anew: the
 * ids are lost then, not the events, and the alarm says so.  Answers are not about
 * where the route stands: those behind the cursor are believed too.
 *
 * Jobs are written in the pool while the loop reads, over a connection of its own:
 * keep_copy and keep_answers.  What is noted, and the end of another job (keep_job_free), touch
 * only what is the loop's.  Everything else waits until no job is under way.
 */
#ifndef FLOW_KEEP_H
#define FLOW_KEEP_H

#include "base/buf.h"
#include "flow/keep_answers.h"
#include "flow/seen.h"
#include "flow/stand.h"
#include "store/log.h"

struct keep;
struct note;

/* Waits up to `wait_ms` for a predecessor that still holds the lock. */
struct keep *keep_open(const char *data, const char *route, const char *log_id, int64_t wait_ms, struct why *why);
void keep_close(struct keep **keep);
bool keep_fresh(const struct keep *keep); /* there was no file, and nothing was said of it yet */
bool keep_moved(const struct keep *keep); /* it was deleted, replaced or damaged while it was open */

/* Drops what is newer than the cursor and fills `seen` with the rest. */
bool keep_begin(struct keep *keep, uint64_t cursor, struct seen *seen, struct why *why);

/* The record of a dead letter.  Its parts may be edited and end one by one. */
struct keep_body {
	const struct log_record *record;
	uint32_t part;
};

/* What one consignment writes; collected on the loop, written in the pool. */
struct keep_job {
	uint64_t first, last;                /* the seqs that `seen` is about */
	struct sl_text seen;                 /* struct seen_entry after struct seen_entry */
	const struct keep_body *copies;
	size_t copy_count;
	const struct sl_row *const *stand;   /* sinks without transactions */
	size_t stand_count;
	struct note *notes;                  /* keep_collect */
	struct answer *answers;              /* likewise */
	uint64_t answers_before;             /* likewise: those of older events go; 0: none */
};
bool keep_write(struct keep *keep, const struct keep_job *job, struct why *why); /* blocks */
bool keep_job_empty(const struct keep_job *job);

/* Noted, and written with the next job that collects what was noted.  A job that
 * could not be written loses its notes, and nothing else: words, and leave to tidy up. */
void keep_collect(struct keep *keep, struct keep_job *job);
void keep_job_free(struct keep *keep, struct keep_job *job);
void keep_history(struct keep *keep, uint64_t seq, uint32_t part, int64_t at, const char *reason);
/* Its copy and history go, after what made them useless. */
void keep_gone(struct keep *keep, uint64_t seq, uint32_t part);
void keep_history_json(struct keep *keep, uint64_t seq, uint32_t part, struct buf *out); /* an array */

/* Answers: found and noted here; `oldest` is where the log begins now. */
struct answers *keep_answers(struct keep *keep);
void keep_log_begins(struct keep *keep, uint64_t oldest);
bool keep_presses(const struct keep *keep); /* so much is noted that a job is due */
/* What is asked again, of one event or of all behind `after`. */
bool keep_ask_again(struct keep *keep, uint64_t seq, uint32_t part, struct why *why);
bool keep_ask_all_again(struct keep *keep, uint64_t after, struct why *why);

bool keep_copy(struct keep *keep, uint64_t seq, uint32_t part, struct arena *arena, struct log_record *record);
bool keep_forget(struct keep *keep, uint64_t after, struct why *why); /* a rewind */

bool keep_set(struct keep *keep, const char *name, const char *value, struct why *why);
const char *keep_get(struct keep *keep, const char *name, struct arena *arena); /* NULL: not set */

/* Rows of a stand table, for sinks without transactions. */
typedef void keep_row(const struct sl_cell *cells, void *data);
bool keep_recall(struct keep *keep, const struct sl_table *table, keep_row *row, void *data, struct why *why);

#endif
