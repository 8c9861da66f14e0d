/* SPDX-License-Identifier: Apache-2.0 */
/* inside.h - what the files of the postgres sink share.
 *
 *     postgres.c    the plugin: its options and steps
 *     connect.c     the connection: made, set up, watched, closed
 *     wire.c        statements on their way and answers on theirs, never waiting for ever
 *     base.c        one statement at a time; transactions
 *     errors.c      what a SQLSTATE means, in words and for the rows
 *     deliver.c     a batch: one transaction, and what is done when it fails
 *     expect.c      rows that must stand as they are believed to; a COMMIT in doubt
 *     write.c       rows of a table become statements
 *     state.c       rows that are read before they are written
 *     halve.c       which of the rows was it
 *     sql.c         the texts of these statements
 *     bind.c        columns of rows as arrays, and back
 *     mend.c        what Postgres' texts cannot hold
 *     recall.c      rows are read
 *     words.c       text that grows
 *     core.h        what the files above share among themselves
 *
 *     tables.c      tables, columns, indexes: what is there, what is missing
 *     views.c       views are made again when their text has changed
 *     loads.c       whole loads: staged, checked, swapped in
 *     upkeep.c      what is due now and then
 *     plan.h        what there is, what is wanted: the files about tables and views
 *     loads.h       the files about loads
 *
 * Each step is one job in the pool, one job at a time, written straight down: it may
 * wait, but never for ever.  Everything goes through libpq's pipeline, so a statement is one
 * statement, without a semicolon, and never COPY.  With `pooler` nothing may outlive its
 * transaction: no prepared statement, no SET without LOCAL, no session's lock.
 */
#ifndef POSTGRES_INSIDE_H
#define POSTGRES_INSIDE_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdbool.h>

#include "fold.h"
#include "pile.h"
#include "plugin.h"
#include "tables.h"

struct job;

/* ------------------------------------------------------------------- words */

/* A text that grows, in a pile; `at` is always ended by a NUL. */
struct words {
	struct sl_pile *pile;
	char *at;
	size_t len, room;
};

struct words words_new(struct sl_pile *pile);
void words_add(struct words *words, const char *text);
void words_bytes(struct words *words, const char *at, size_t len);
void words_format(struct words *words, const char *form, ...) __attribute__((format(printf, 2, 3)));
void words_name(struct words *words, const char *name);       /* "name", quotes doubled */
void words_literal(struct words *words, const char *text);    /* 'text', or E'text'; NULL gives NULL */
void words_json(struct words *words, const char *text);       /* a JSON string; NULL gives null */
/* namespace.name, both quoted. */
void words_target(struct words *words, const struct job *job, const char *name);
/* Quoted names of the key's, or the parent's, columns in order: prefix "old." gives old."a", old."b". */
void words_key(struct words *words, const struct sl_table *table, const char *prefix);
void words_parent(struct words *words, const struct sl_table *table, const char *prefix);

/* -------------------------------------------------------------------- sink */

struct options {
	const char *const *url;      /* newest first: the others are tried when it is refused */
	const char *const *password;
	const char *namespace;
	bool pooler;
	int64_t connect_timeout, answer_timeout, statement_timeout, lock_timeout, idle_timeout;
};

/* A statement over arrays: text once made, prepared once a connection. */
struct statement {
	const char *sql;       /* NULL: not made yet */
	const Oid *types;      /* of its parameters */
	size_t count;
	char name[16];         /* "" until it is named */
	unsigned prepared;     /* on which connection (sink->connection); 0: on none */
};

enum statement_kind {
	STATEMENT_FIRST,       /* insert, or leave what is there */
	STATEMENT_NEWEST,      /* insert, or replace what is not newer */
	STATEMENT_PUT,         /* insert, or replace */
	STATEMENT_REMOVE,      /* by key */
	STATEMENT_LOOK,        /* read by key, for update */
	STATEMENT_SET,         /* note the versions of sets */
	STATEMENT_CLEAR,       /* the rows of parents whose set we noted */
	STATEMENT_FILL,        /* their new rows */
	STATEMENTS
};

/* A table that rows are written to: one of the schema, or the staging table of one. */
struct table {
	const struct sl_table *face; /* a copy: what a step is handed ends with its call */
	bool guarded;                /* it has _event_time and _event_id, so the newest wins */
	bool reads;                  /* sl_fold_reads */
	size_t keys, parents;
	size_t *key_at;              /* where the key's columns are, in its order */
	/* By column: what a value has to be cast to on its way in, because the column that is
	 * there is of another type and Postgres would not do it by itself ("uuid"); NULL: nothing.
	 * tables_make fills it. */
	const char **casts;
	struct statement statements[STATEMENTS];
	struct load *load;           /* loads.c's: its newest load, and where it is staged; NULL: not known yet */
};

struct failure {
	size_t row;
	const char *why;
	struct failure *next;
};

/* What was mended on the way in; told when the batch is committed. */
enum mend { MEND_NUL, MEND_SURROGATE, MEND_BYTES, MEND_TIME, MEND_DATE, MENDS };

struct sink {
	pthread_mutex_t lock;        /* one job at a time */
	const struct options *options;
	struct sl_pile kept;         /* tables and views, as long as the sink */
	struct table *tables;        /* call->tables, then sl_sets and sl_gone where one needs them */
	size_t table_count;
	const struct sl_view *const *views;
	size_t view_count;
	char name[200];              /* "postgres HOST:PORT/DATABASE", for sentences: no secret in it */
	PGconn *db;                  /* NULL: closed */
	bool hung_up;                /* the server said that this connection ends */
	unsigned connection;         /* its number: what was learned on an older one may be wrong by now */
	bool stale;                  /* something in the database is not as it was: tables_make looks again */
	unsigned names;              /* statements named so far */
	struct doubt *doubt;         /* a COMMIT whose answer was lost */
	struct buffers *buffers;     /* arrays on their way, kept for the next ones */
	struct wire *wire;           /* statements under way */
	struct brief *briefs;        /* of the jobs under way; only the loop touches the list */
};

/* What a job finds.  It belongs to the sink, because a call may be gone before its work is. */
struct brief {
	struct sl_pile pile;
	struct results *results;     /* cleared with it */
	struct brief *next;
};

/* ---------------------------------------------------------------------- job */

/* A call's work in the pool, and how it ended. */
enum end { END_DONE, END_RETRY, END_FAIL };

struct found {
	const struct sl_cell *cells;
	struct found *next;
};

/* An event that the call emits. */
struct told {
	const char *type, *data;
	struct told *next;
};

/* What the server said when it refused a statement. */
struct fault {
	char state[6];               /* SQLSTATE; "" where the connection itself was the matter */
	char message[400];           /* its first line */
	char table[64], column[64], constraint[64]; /* as far as it named them */
};

struct job {
	struct sink *sink;
	const struct sl_call *call; /* for what it hands over; the host is the loop's alone */
	struct brief *brief;
	const struct sl_row *const *rows;
	size_t row_count;
	enum end end;
	char why[700];
	char note[400];              /* a warning, or "" */
	struct failure *failures, **last_failure;
	size_t failure_count;
	bool looked_again;           /* tables were not as they were, and have been made anew */
	bool unsettled;              /* the row `unsettled_row` is settled SL_RETRY: its end had been unknown */
	size_t unsettled_row;
	struct expected *expected;   /* rows that had to stand as they were believed to */
	struct found *found, **last_found;
	struct told *told, **last_told;
	struct plan *plan;           /* plan.c's: what there is, and what is to be done about it */
	const char *cursor;          /* recall, upkeep: advance() to there; NULL: that is the end */
	size_t first_end, last_end;  /* loads.c's: rows of SL_LOAD_END that were seen to together */
	uint64_t mends[MENDS];
	struct fault fault;          /* of the last statement that was refused */
	int64_t patience;            /* ms without a sign of life; a job that makes an index may raise it */
};

/* Both say how the job ended, and are always false.  The first reason counts. */
bool job_retry(struct job *job, const char *form, ...) __attribute__((format(printf, 2, 3)));
bool job_fail(struct job *job, const char *form, ...) __attribute__((format(printf, 2, 3)));
/* This row is refused, for ever: nothing of the batch will stay. */
void job_refuse(struct job *job, size_t row, const char *why);
/* The call emits an event of this type when the job has ended well; data is JSON. */
void job_tell(struct job *job, const char *type, const char *data);

/* -------------------------------------------------------------------- base */

/* Connected, set up, and all tables and views there. */
bool base_ready(struct job *job);
/* Connected and set up; tables and views are as they are. */
bool base_connected(struct job *job);
void base_close(struct sink *sink);

bool base_begin(struct job *job);
bool base_commit(struct job *job);
void base_rollback(struct job *job); /* does no harm where there is nothing to roll back */

/* One statement.  False, or NULL: it was refused or the server is gone, and the job has ended with
 * that.  `values` are text, NULL for null; the answer is text, and lives as long as the job. */
bool base_run(struct job *job, const char *sql);
const PGresult *base_ask(struct job *job, const char *sql, const char *const *values, size_t count);

/* Within a transaction, a statement that may be refused: then what it did is undone, job->fault says
 * why, and the transaction goes on.  False with the job's end: it was no refusal (server gone, disk full).  What may
 * not be done (42501) and what is locked (55P03) are refusals. */
bool base_try(struct job *job, const char *sql);

/* How the server judges: `doing` completes "NAME: doing: what it means (message)".  Always false. */
bool base_refused(struct job *job, const char *doing);

/* ------------------------------------------------------- tables, views, loads */

/* All that is safe is done, within the transaction that is open; what is unsafe and makes the table
 * unusable ends the job with job_fail. */
bool tables_make(struct job *job);
bool views_make(struct job *job);

/* The step schema: call->verb; differences by job_tell. */
bool schema_step(struct job *job);
/* The step upkeep: a piece of what is due; job->cursor if there is more. */
bool upkeep_step(struct job *job);

/* Where rows of this load are written; *stage NULL: it is not the newest, they are passed over. */
bool load_stage(struct job *job, struct table *table, const char *load, struct table **stage);
/* job->rows[row] is SL_LOAD_BEGIN or SL_LOAD_END.  All rows before it were written, and none after.  A load that
 * is found wanting: job_refuse, and true. */
bool load_begin(struct job *job, struct table *table, size_t row);
bool load_end(struct job *job, struct table *table, size_t row);

/* -------------------------------------------------------------------- rows */

struct table *table_of(struct sink *sink, const struct sl_table *table); /* NULL: open was not told of it */
/* Fills in a zeroed one; the face must live as long.  Another name in the face: another table. */
void table_init(struct sl_pile *pile, struct table *table, const struct sl_table *face);

#endif
