/* SPDX-License-Identifier: Apache-2.0 */
/* deliver.c - a batch: one transaction, and what is done when it fails.
 *
 * First everything goes to the server in one breath.  If a row was refused the batch is tried
 * again carefully, which finds out who it was; if only COMMIT refused, constraints are
 * checked at once this time.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core.h"

#define TRIES_MOST 5 /* when others are in the way */

enum care { CARE_LITTLE, CARE_ROWS, CARE_CONSTRAINTS, CARES };

/* ------------------------------------------------------------------------ lanes */

struct lanes {
	struct lane *at;
	size_t count, room;
};

static bool same_load(const char *one, const char *other)
{
	return one == other || (one && other && strcmp(one, other) == 0);
}

static size_t lane_of(struct job *job, struct lanes *lanes, const struct sl_row *row)
{
	for (size_t i = 0; i < lanes->count; i++)
		if (lanes->at[i].wanted == row->table && same_load(lanes->at[i].load, row->load))
			return i;
	if (lanes->count == lanes->room) {
		struct lane *more = sl_pile_take(&job->brief->pile, (lanes->room * 2 + 8) * sizeof(*more));
		if (lanes->count)
			memcpy(more, lanes->at, lanes->count * sizeof(*more));
		lanes->at = more;
		lanes->room = lanes->room * 2 + 8;
	}
	lanes->at[lanes->count] = (struct lane){ .wanted = row->table, .load = row->load };
	return lanes->count++;
}

static void fill_lanes(struct job *job, struct lanes *lanes, size_t from, size_t to)
{
	size_t *whose = sl_pile_take(&job->brief->pile, (to - from + 1) * sizeof(*whose));
	for (size_t i = from; i < to; i++)
		if (job->rows[i]->mode != SL_EXPECT) {
			whose[i - from] = lane_of(job, lanes, job->rows[i]);
			lanes->at[whose[i - from]].count++;
		}
	for (size_t i = 0; i < lanes->count; i++) {
		lanes->at[i].rows = sl_pile_take(&job->brief->pile, lanes->at[i].count * sizeof(size_t));
		lanes->at[i].count = 0;
	}
	for (size_t i = from; i < to; i++) {
		struct lane *lane = job->rows[i]->mode != SL_EXPECT ? &lanes->at[whose[i - from]] : NULL;
		if (lane)
			lane->rows[lane->count++] = i;
	}
}

/* Where the rows go: into their table, or where its load is staged. */
static bool find_tables(struct job *job, struct lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++) {
		struct lane *lane = &lanes->at[i];
		lane->table = table_of(job->sink, lane->wanted);
		if (!lane->table)
			return job_fail(job, "the sink was not told of the table %s when it was opened", lane->wanted->name);
		if (lane->load && (!wire_collect(job) || !load_stage(job, lane->table, lane->load, &lane->table)))
			return false;
	}
	return true;
}

/* --------------------------------------------------------------------- stretches */

static bool is_load_end(const struct sl_row *row)
{
	return row->mode == SL_LOAD_BEGIN || row->mode == SL_LOAD_END;
}

static bool write_lanes(struct job *job, const struct lanes *lanes, enum care care)
{
	struct states *states = NULL;
	for (size_t i = 0; i < lanes->count; i++) {
		const struct lane *lane = &lanes->at[i];
		bool written = care ? lane_halve(job, lane)
				    : !lane->table || lane_write(job, lane, 0, lane->count, &states);
		if (!written)
			return false;
	}
	return write_settle(job, &states);
}

static bool write_stretch(struct job *job, size_t from, size_t to, enum care care)
{
	struct lanes lanes = { 0 };
	fill_lanes(job, &lanes, from, to);
	return find_tables(job, &lanes) && write_lanes(job, &lanes, care);
}

static bool load_boundary(struct job *job, size_t row)
{
	const struct sl_table *wanted = job->rows[row]->table;
	struct table *table = table_of(job->sink, wanted);
	if (!table)
		return job_fail(job, "the sink was not told of the table %s when it was opened", wanted->name);
	return job->rows[row]->mode == SL_LOAD_BEGIN ? load_begin(job, table, row) : load_end(job, table, row);
}

/* The begin and the end of a load stand between what comes before and after them. */
static bool write_all(struct job *job, enum care care)
{
	for (size_t from = 0, to; from <= job->row_count; from = to + 1) {
		to = from;
		while (to < job->row_count && !is_load_end(job->rows[to]))
			to++;
		if (!write_stretch(job, from, to, care) || (to < job->row_count && !load_boundary(job, to)))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------ commit */

static bool committed(struct job *job, PGresult *result, void *data)
{
	*(bool *)data = strcmp(PQcmdStatus(result), "COMMIT") == 0;
	return false;
}

/* An answer that says ROLLBACK is one, too. */
static bool commit(struct job *job)
{
	bool done = false;
	bool heard = wire_send(job, "COMMIT", NULL, false, (struct sending){ "committing", NULL, committed, &done }) &&
		wire_collect(job);
	if (heard && !done)
		return job_retry(job, "%s: the transaction was rolled back", job->sink->name);
	if (!heard && done) {
		job->end = END_DONE; /* the server went away behind its answer */
		return true;
	}
	if (!heard && job->end != END_DONE)
		doubt_note(job);
	return heard;
}

/* ----------------------------------------------------------------------- attempts */

static void forget_attempt(struct job *job)
{
	memset(job->mends, 0, sizeof(job->mends));
	job->failures = NULL;
	job->last_failure = &job->failures;
	job->failure_count = 0;
}

static bool begin(struct job *job, enum care care)
{
	static const struct sending checks = { .doing = "having its constraints checked at once" };
	if (!begin_send(job) || !expect_send(job))
		return false;
	return care != CARE_CONSTRAINTS || wire_send(job, "SET CONSTRAINTS ALL IMMEDIATE", NULL, false, checks);
}

static enum verdict attempt(struct job *job, enum care care)
{
	forget_attempt(job);
	bool written = begin(job, care) && (!care || (wire_collect(job) && expect_heard(job))) && write_all(job, care);
	if (job->end == END_DONE && !expect_heard(job))
		return VERDICT_ENDED;
	if (written && job->failures)
		return VERDICT_ENDED;
	if (written && commit(job))
		return VERDICT_DONE;
	return job->end == END_DONE ? fault_verdict(&job->fault) : VERDICT_ENDED;
}

static void wait_a_little(unsigned tries)
{
	struct timespec pause = { 0, (10 + random() % (40 * (tries + 1))) * 1000000 };
	nanosleep(&pause, NULL);
}

/* How it goes on after a verdict: false, it does not. */
static bool again(struct job *job, enum verdict verdict, enum care *care, unsigned tries)
{
	const char *doing = job->sink->wire && job->sink->wire->doing ? job->sink->wire->doing : "writing";
	struct fault fault = job->fault;
	base_rollback(job);
	job->fault = fault;
	if (verdict == VERDICT_DONE || verdict == VERDICT_ENDED)
		return false;
	if (tries >= TRIES_MOST || verdict == VERDICT_OUTAGE || (verdict == VERDICT_ROW && *care + 1 == CARES) ||
		(verdict == VERDICT_STALE && job->looked_again))
		return base_refused(job, doing);
	if (verdict == VERDICT_ROW)
		++*care;
	if (verdict == VERDICT_AGAIN)
		wait_a_little(tries);
	if (verdict == VERDICT_STALE)
		job->looked_again = job->sink->stale = true;
	return base_ready(job);
}

/* A batch of no rows asks whether we would take one: a transaction begins, and that is all. */
static bool probe(struct job *job)
{
	bool begun = base_begin(job);
	base_rollback(job);
	return begun;
}

bool deliver_rows(struct job *job)
{
	enum care care = CARE_LITTLE;
	enum verdict verdict;
	unsigned tries = 0;
	if (!base_ready(job) || !job->row_count)
		return job->end == END_DONE && probe(job);
	do {
		verdict = attempt(job, care);
	} while (again(job, verdict, &care, ++tries));
	if (verdict == VERDICT_DONE)
		doubt_forget(job->sink);
	return job->end == END_DONE;
}
