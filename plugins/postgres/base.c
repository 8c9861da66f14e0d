/* SPDX-License-Identifier: Apache-2.0 */
/* base.c - one statement at a time; transactions. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core.h"

/* ------------------------------------------------------------ one statement */

/* Results end with the job's brief. */
struct results {
	PGresult *result;
	struct results *next;
};

static bool keep(struct job *job, PGresult *result, void *data)
{
	struct results *results = sl_pile_take(&job->brief->pile, sizeof(*results));
	results->result = result;
	results->next = job->brief->results;
	job->brief->results = results;
	*(const PGresult **)data = result;
	return true;
}

void results_free(struct brief *brief)
{
	for (struct results *at = brief->results; at; at = at->next)
		PQclear(at->result);
	brief->results = NULL;
}

/* Long ones are told by how they begin. */
static const char *told_as(struct job *job, const char *sql)
{
	struct words words = words_new(&job->brief->pile);
	size_t len = strlen(sql), line = strcspn(sql, "\n(");
	if (line > 120)
		line = 120;
	words_bytes(&words, sql, line);
	while (words.len && words.at[words.len - 1] == ' ')
		words.at[--words.len] = '\0';
	words_add(&words, line < len ? " ..." : "");
	return words.at;
}

/* Asked, and answered or refused; the job has not ended because of a refusal. */
static bool asked(struct job *job, const char *sql, const char *const *values, size_t count, const PGresult **result)
{
	struct values given = { values, NULL, NULL, count };
	return wire_send(job, sql, &given, false, (struct sending){ told_as(job, sql), NULL, keep, result }) &&
		wire_collect(job);
}

const PGresult *base_ask(struct job *job, const char *sql, const char *const *values, size_t count)
{
	const PGresult *result = NULL;
	if (asked(job, sql, values, count, &result))
		return result;
	if (job->end == END_DONE)
		base_refused(job, job->sink->wire->doing);
	return NULL;
}

bool base_run(struct job *job, const char *sql)
{
	return base_ask(job, sql, NULL, 0) != NULL;
}

static bool undo(struct job *job)
{
	struct fault fault = job->fault;
	bool undone = base_run(job, "ROLLBACK TO SAVEPOINT tried") && base_run(job, "RELEASE SAVEPOINT tried");
	job->fault = fault;
	return undone;
}

/* Whatever else was asked would have ended the same way. */
static bool is_outage(const char *state)
{
	static const char *const classes[] = { "08", "25", "40", "53", "57", "58", "XX" };
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
		if (strncmp(state, classes[i], 2) == 0)
			return true;
	return !*state;
}

bool base_try(struct job *job, const char *sql)
{
	const PGresult *result;
	if (!base_run(job, "SAVEPOINT tried"))
		return false;
	if (asked(job, sql, NULL, 0, &result))
		return base_run(job, "RELEASE SAVEPOINT tried");
	if (job->end != END_DONE)
		return false;
	if (is_outage(job->fault.state))
		return base_refused(job, job->sink->wire->doing);
	undo(job);
	return false;
}

/* ------------------------------------------------------------- transactions */

bool begin_send(struct job *job)
{
	struct sending begins = { .doing = "beginning a transaction" };
	if (!wire_send(job, "BEGIN READ WRITE", NULL, false, begins))
		return false;
	return !job->sink->options->pooler || wire_send(job, connection_settings(job, true), NULL, false, begins);
}

bool base_begin(struct job *job)
{
	if (!begin_send(job))
		return false;
	if (wire_collect(job))
		return true;
	return job->end == END_DONE && base_refused(job, job->sink->wire->doing);
}

bool base_commit(struct job *job)
{
	const PGresult *result = base_ask(job, "COMMIT", NULL, 0);
	if (!result || strcmp(PQcmdStatus((PGresult *)(uintptr_t)result), "COMMIT") == 0)
		return result != NULL;
	return job_retry(job, "%s: the transaction was rolled back, because a statement in it had failed", job->sink->name);
}

/* Whatever the job has come to; what cannot be rolled back is hung up. */
void base_rollback(struct job *job)
{
	struct sink *sink = job->sink;
	struct job again = *job;
	if (!sink->db || PQtransactionStatus(sink->db) == PQTRANS_IDLE)
		return;
	again.end = END_DONE;
	if (!base_run(&again, "ROLLBACK"))
		base_close(sink);
}

/* --------------------------------------------------------------- open and shut */

void base_close(struct sink *sink)
{
	if (sink->db)
		PQfinish(sink->db);
	sink->db = NULL;
	sink->connection++;
	sink->stale = true;
	wire_forget(sink);
}

/* It may be a standby, or hold texts in another encoding than rows come in. */
static bool set_up(struct job *job)
{
	struct sink *sink = job->sink;
	const PGresult *result = base_ask(job, "SELECT current_setting('server_encoding'), pg_is_in_recovery(),"
		" current_setting('server_version_num')::int < 120000", NULL, 0);
	if (!result)
		return false;
	if (*PQgetvalue(result, 0, 1) == 't')
		return job_retry(job, "%s: is a standby, and takes no writes; name the primary, or several hosts and "
			"target_session_attrs=read-write", sink->name);
	if (*PQgetvalue(result, 0, 2) == 't')
		return job_fail(job, "%s: is older than Postgres 12", sink->name);
	if (strcmp(PQgetvalue(result, 0, 0), "UTF8") != 0)
		snprintf(job->note, sizeof(job->note), "%s: the database's encoding is %s: rows with signs that it does not "
			"know become dead letters; UTF8 knows all", sink->name, PQgetvalue(result, 0, 0));
	return sink->options->pooler || base_run(job, connection_settings(job, false));
}

bool base_connected(struct job *job)
{
	struct sink *sink = job->sink;
	if (sink->db && connection_alive(sink))
		return true;
	base_close(sink);
	if (connection_open(job) && set_up(job))
		return true;
	base_close(sink);
	return false;
}

/* Two routes that start at once shall not make the same table. */
static bool make_all(struct job *job)
{
	struct words lock = words_new(&job->brief->pile), name = words_new(&job->brief->pile);
	words_format(&name, "sluice: the tables of %s", job->sink->options->namespace);
	words_add(&lock, "SELECT pg_advisory_xact_lock(hashtextextended(");
	words_literal(&lock, name.at);
	words_add(&lock, ", 0))");
	return base_begin(job) && base_run(job, lock.at) && tables_make(job) && views_make(job) && base_commit(job);
}

bool base_ready(struct job *job)
{
	if (!base_connected(job))
		return false;
	if (!job->sink->stale)
		return true;
	if (make_all(job)) {
		job->sink->stale = false;
		return true;
	}
	base_rollback(job);
	return false;
}
