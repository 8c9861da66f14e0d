/* SPDX-License-Identifier: Apache-2.0 */
/* halve.c - which of the rows was it.
 *
 * Rows that were refused together are tried by halves, down to the one; what could be written stays
 * written for those that follow.  If any is found in the end nothing of the batch stays.
 */
#include "core.h"

#define FAILURES_MOST 1000 /* the others are found in the next batch */

static bool send_word(struct job *job, const char *sql)
{
	return wire_send(job, sql, NULL, false, (struct sending){ .doing = "looking for the row that was refused" });
}

bool lane_write(struct job *job, const struct lane *lane, size_t from, size_t count, struct states **states)
{
	const struct sl_row **rows = sl_pile_take(&job->brief->pile, (count + 1) * sizeof(*rows));
	for (size_t i = 0; i < count; i++)
		rows[i] = job->rows[lane->rows[from + i]];
	return write_rows(job, lane->table, rows, count, states);
}

/* All of them, or nothing of them. */
static bool try_rows(struct job *job, const struct lane *lane, size_t from, size_t count)
{
	struct states *states = NULL;
	return send_word(job, "SAVEPOINT half") && lane_write(job, lane, from, count, &states) &&
		write_settle(job, &states) && send_word(job, "RELEASE SAVEPOINT half") && wire_collect(job);
}

static bool undo(struct job *job)
{
	struct fault fault = job->fault;
	bool undone = send_word(job, "ROLLBACK TO SAVEPOINT half") && send_word(job, "RELEASE SAVEPOINT half") &&
		wire_collect(job);
	if (undone)
		job->fault = fault;
	return undone;
}

static bool halve(struct job *job, const struct lane *lane, size_t from, size_t count)
{
	if (job->failure_count >= FAILURES_MOST || try_rows(job, lane, from, count))
		return true;
	if (job->end != END_DONE || fault_verdict(&job->fault) != VERDICT_ROW || !undo(job))
		return false;
	if (count > 1)
		return halve(job, lane, from, count / 2) && halve(job, lane, from + count / 2, count - count / 2);
	job_refuse(job, lane->rows[from], fault_of_row(job, lane->table->face));
	return true;
}

bool lane_halve(struct job *job, const struct lane *lane)
{
	return !lane->table || !lane->count || halve(job, lane, 0, lane->count);
}
