/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c - statements on their way and answers on theirs, never waiting for ever. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core.h"

int64_t ticks(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool wire_wait(PGconn *db, bool write, int64_t until)
{
	struct pollfd it = { .fd = PQsocket(db), .events = (short)(POLLIN | (write ? POLLOUT : 0)) };
	int ready;
	do {
		int64_t left = until - ticks();
		if (it.fd < 0 || left <= 0)
			return false;
		ready = poll(&it, 1, left > 60000 ? 60000 : (int)left);
	} while (ready == 0 || (ready < 0 && errno == EINTR));
	return ready > 0;
}

/* ---------------------------------------------------------------------- sending */

static struct wire *wire_of(struct sink *sink)
{
	if (!sink->wire)
		sink->wire = calloc(1, sizeof(*sink->wire));
	if (!sink->wire)
		sl_no_memory();
	return sink->wire;
}

static void note(struct job *job, struct sending sending)
{
	struct wire *wire = wire_of(job->sink);
	if (wire->count == wire->room) {
		wire->room = wire->room ? wire->room * 2 : 64;
		wire->sent = realloc(wire->sent, wire->room * sizeof(*wire->sent));
		if (!wire->sent)
			sl_no_memory();
	}
	wire->sent[wire->count++] = sending;
}

void wire_forget(struct sink *sink)
{
	struct wire *wire = wire_of(sink);
	wire->count = wire->heard = 0;
}

void wire_free(struct sink *sink)
{
	if (sink->wire)
		free(sink->wire->sent);
	free(sink->wire);
	sink->wire = NULL;
}

/* Nothing more can be said or heard on this connection. */
static bool lost(struct job *job, const char *doing)
{
	struct sink *sink = job->sink;
	if (!*job->fault.state && !*job->fault.message)
		fault_line(&job->fault, PQerrorMessage(sink->db));
	base_refused(job, doing);
	base_close(sink);
	return false;
}

static bool sent(struct job *job, int did, struct sending sending)
{
	if (did)
		note(job, sending);
	if (did && PQflush(job->sink->db) >= 0)
		return true;
	job->fault = (struct fault){ 0 };
	return lost(job, sending.doing);
}

/* Between statements that may take long: the server would keep small answers to itself, and seem dead. */
static bool ask_for_answers(struct job *job)
{
	return !wire_of(job->sink)->count || PQsendFlushRequest(job->sink->db);
}

bool wire_send(struct job *job, const char *sql, const struct values *values, bool binary, struct sending sending)
{
	PGconn *db = job->sink->db;
	if (job->end != END_DONE || !db)
		return false;
	int did = PQsendQueryParams(db, sql, values ? (int)values->count : 0, NULL, values ? values->at : NULL,
		values ? values->lens : NULL, values ? values->formats : NULL, binary);
	return sent(job, did, sending);
}

static bool prepare(struct job *job, struct statement *statement, const char *doing)
{
	struct sink *sink = job->sink;
	if (!*statement->name)
		snprintf(statement->name, sizeof(statement->name), "s%u", ++sink->names);
	int did = PQsendPrepare(sink->db, statement->name, statement->sql, (int)statement->count, statement->types);
	return sent(job, did, (struct sending){ .doing = doing, .prepare = statement });
}

bool wire_send_made(struct job *job, struct statement *statement, const struct values *values, struct sending sending)
{
	PGconn *db = job->sink->db;
	if (job->end != END_DONE || !db || !ask_for_answers(job))
		return false;
	if (job->sink->options->pooler)
		return sent(job, PQsendQueryParams(db, statement->sql, (int)values->count, statement->types, values->at,
			values->lens, values->formats, 1), sending);
	if (statement->prepared != job->sink->connection && !prepare(job, statement, sending.doing))
		return false;
	statement->prepared = job->sink->connection; /* unless its answer says otherwise */
	return sent(job, PQsendQueryPrepared(db, statement->name, (int)values->count, values->at, values->lens,
		values->formats, 1), sending);
}

/* -------------------------------------------------------------------- receiving */

/* Until the next answer is here.  Any sign of life gives it its full time again. */
static bool await(struct job *job)
{
	PGconn *db = job->sink->db;
	while (PQisBusy(db)) {
		int pending = PQflush(db);
		if (pending < 0)
			return false;
		if (!wire_wait(db, pending > 0, ticks() + job->patience)) {
			fault_line(&job->fault, "no answer within answer_timeout");
			return false;
		}
		if (!PQconsumeInput(db))
			return false;
	}
	return true;
}

static void refused(struct job *job, const struct sending *sending, const PGresult *result)
{
	if (job->sink->wire->doing)
		return; /* the first one counts */
	job->sink->wire->doing = sending->doing;
	fault_read(&job->fault, result);
}

static void hear(struct job *job, const struct sending *sending, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	bool done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, kept = false;
	if (!done && sending->prepare)
		sending->prepare->prepared = 0;
	if (!done && status != PGRES_PIPELINE_ABORTED)
		refused(job, sending, result);
	if (done && sending->heard)
		kept = sending->heard(job, result, sending->data);
	if (!kept)
		PQclear(result);
}

/* All results of one statement, up to the NULL behind them. */
static bool hear_all(struct job *job, const struct sending *sending)
{
	PGresult *result;
	do {
		if (!await(job))
			return false;
		result = PQgetResult(job->sink->db);
		if (result)
			hear(job, sending, result);
	} while (result);
	return PQstatus(job->sink->db) == CONNECTION_OK;
}

static bool hear_sync(struct job *job)
{
	if (!await(job))
		return false;
	PGresult *result = PQgetResult(job->sink->db);
	bool synced = result && PQresultStatus(result) == PGRES_PIPELINE_SYNC;
	PQclear(result);
	return synced;
}

bool wire_collect(struct job *job)
{
	struct sink *sink = job->sink;
	struct wire *wire = wire_of(sink);
	const char *doing = "asking it";
	wire->doing = NULL;
	job->fault = (struct fault){ 0 };
	if (job->end != END_DONE || !sink->db)
		return false;
	if (!wire->count)
		return true;
	bool heard = PQpipelineSync(sink->db);
	for (wire->heard = 0; heard && wire->heard < wire->count; wire->heard += heard) {
		doing = wire->sent[wire->heard].doing;
		heard = hear_all(job, &wire->sent[wire->heard]);
	}
	heard = heard && hear_sync(job);
	wire->count = 0;
	if (!heard)
		return lost(job, wire->doing ? wire->doing : doing);
	return !wire->doing;
}
