/* SPDX-License-Identifier: Apache-2.0 */
/* inside.h - what the files of the sqlite sink share.
 *
 *     sqlite.c    the plugin: its options and steps
 *     base.c      the database file: opened, watched, closed; what its errors mean
 *     look.c      what is there: tables, columns, keys
 *     plan.c      how it differs from the schema, and what is done about it
 *     compare.c   a table that is there, beside the one that is wanted
 *     tables.c    the texts that make tables, columns and indexes
 *     views.c     views are made again when their text has changed
 *     write.c     rows are written, by mode
 *     sets.c      whole sets of a parent
 *     state.c     rows that have to be read before they are written
 *     load.c      whole loads: staged, and swapped in
 *     check.c     a load is held against the last one
 *     match.c     rows are looked for: expected, removed
 *     recall.c    rows are read
 *     upkeep.c    rows past their retention go
 *     cell.c      a cell on its way into a statement, and back
 *
 * Everything that touches the database runs in the pool, one job at a time.
 */
#ifndef SQLITE_INSIDE_H
#define SQLITE_INSIDE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <sys/types.h>

#include "fold.h"
#include "pile.h"
#include "plugin.h"
#include "tables.h"

/* -------------------------------------------------------------------- sink */

#define STAMP_SIZE 32 /* "2026-11-21T22:10:19.123Z" and room */

/* Statements of a table: those that write, by mode, then the others. */
enum statement {
	STATEMENT_CLEAR = SL_PUT + 1, /* the rows of a parent go */
	STATEMENT_LOOK,               /* the row of a key */
	STATEMENT_DROP,               /* it goes */
	STATEMENT_STAGE,              /* a row of a load */
	STATEMENTS
};

/* Statements of the sink's own tables. */
enum own { OWN_SET, OWN_GONE_LOOK, OWN_GONE_PUT, OWN_GONE_DROP, OWN_LOAD_LOOK, OWN_LOAD_PUT, OWNS };

/* A load, as it stands in _sluice_loads: the newest of its table. */
struct load {
	const char *run;   /* NULL: none was ever begun */
	const char *state; /* "staged", "loaded", "lost" */
	int64_t time;      /* the version of its begin */
	const char *id;
	int64_t rows;      /* of the load that is in the table; -1: none is */
};

/* A table, and its statements: prepared when first needed, finalized when the
 * database is closed. */
struct table {
	const struct sl_table *face; /* a copy: what a step is handed ends with its call */
	bool guarded;                /* it has _event_time and _event_id, so the newest wins */
	bool reads;                  /* sl_fold_reads */
	bool strict;                 /* as it is there */
	size_t parents;
	char (*stamps)[STAMP_SIZE];  /* one for each column: times as text, while a statement runs */
	sqlite3_stmt *statements[STATEMENTS];
	const struct load *load;     /* looked up once a job */
};

/* A statement made for certain columns, found again by its text. */
struct prepared {
	char *sql;
	sqlite3_stmt *statement;
};
#define PREPARED_MOST 32

/* A file beside the database that must stay the one it was: its -wal, its -shm. */
struct place {
	dev_t device;
	ino_t inode;
};
#define PLACES 2

struct options {
	const char *path;
	int64_t busy_timeout;
};

struct failure {
	size_t row;
	enum sl_outcome outcome; /* SL_FAIL; SL_DONE: written, or passed over, and this is to be said */
	const char *why;
	struct failure *next;
};

struct sink {
	pthread_mutex_t lock; /* one job at a time */
	const struct options *options;
	struct sl_pile kept;  /* tables and views, as long as the sink */
	struct table *tables;
	size_t table_count;
	const struct sl_view *const *views;
	size_t view_count;
	sqlite3 *db;          /* NULL: closed */
	struct place places[PLACES];
	struct prepared prepared[PREPARED_MOST];
	size_t next_prepared;
	sqlite3_stmt *own[OWNS];
	bool doubted;         /* a COMMIT failed, and what it wrote may stand all the same once the file is opened again */
	struct brief *briefs; /* of the jobs under way; only the loop touches the list */
};

/* What a job finds.  It belongs to the sink, because a call may be gone before
 * its work is. */
struct brief {
	struct sl_pile pile;
	struct brief *next;
};

/* --------------------------------------------------------------------- job */

/* A call's work in the pool, and how it ended. */
enum end { END_DONE, END_RETRY, END_FAIL };

struct found {
	const struct sl_cell *cells;
	struct found *next;
};

/* How the file differs from the schema: see the step `schema` in plugin.h. */
struct change {
	const char *type, *table, *column; /* no column: NULL */
	const char *sql;                   /* NULL: none helps */
	const char *why;
	bool safe;   /* open does it */
	bool blocks; /* until then no rows can be written */
	bool slow;   /* it reads a whole table */
	struct change *next;
};

struct job {
	struct sink *sink;
	const struct sl_call *call; /* for what it hands over; the host is the loop's alone */
	struct brief *brief;
	const struct sl_row *const *rows;
	size_t row_count;
	enum end end;
	char why[700];
	char note[256];          /* a warning, or "" */
	struct failure *failures, **last_failure;
	bool refused;            /* one of them is SL_FAIL: nothing may stay */
	struct found *found, **last_found;
	struct change *changes, **last_change;
	const char *cursor;      /* recall, upkeep: to be advanced to; NULL: that is the end */
	const char *pruned;      /* the table; NULL: none */
	int64_t pruned_rows;
};

/* Both say how the job ended, and are always false. */
bool job_retry(struct job *job, const char *form, ...) __attribute__((format(printf, 2, 3)));
bool job_fail(struct job *job, const char *form, ...) __attribute__((format(printf, 2, 3)));
/* Something is said of a row: it is refused, or was passed over. */
void job_settle(struct job *job, size_t row, enum sl_outcome outcome, const char *why);
/* A text in the job's pile; the statement's text is ended. */
const char *job_text(struct job *job, sqlite3_str *text);
const char *job_format(struct job *job, const char *form, ...); /* the forms of sqlite3_mprintf */

/* -------------------------------------------------------------------- base */

/* The database is open, is still the file it was, and has all tables. */
bool base_ready(struct job *job);
/* It is opened anew; with `look` it stays as it is, and need not be there. */
bool base_open(struct job *job, bool look);
void base_close(struct sink *sink);
bool base_moved(struct sink *sink); /* deleted or replaced behind our back */

/* The last error as an outage, told in words.  Always false. */
bool base_error(struct job *job, const char *doing);
bool base_run(struct job *job, const char *sql); /* one statement or several */
bool base_prepare(struct job *job, const char *sql, sqlite3_stmt **statement);
/* The same, taking the text over; the statement is kept, and NULL if it cannot be prepared. */
sqlite3_stmt *base_prepared(struct job *job, sqlite3_str *text);
sqlite3_stmt *base_own(struct job *job, enum own own);
/* A number; the statement has ?1 and ?2 at most. */
bool base_count(struct job *job, const char *sql, const char *first, const char *second, int64_t *count);

/* -------------------------------------------------------- what there is, and should be */

/* A column that is there. */
struct there {
	const char *name, *declared, *initial; /* initial: NULL: none */
	bool required, computed;
	int key; /* its place in the PRIMARY KEY */
	struct there *next;
};

/* Is there a "table", "view" or "index" of this name?  Its SQL lies in the job's brief. */
bool look_object(struct job *job, const char *name, const char **type, const char **sql);
bool look_columns(struct job *job, const char *table, struct there **first);
bool look_strict(struct job *job, const char *table, bool *strict);
bool look_key(struct job *job, const struct sl_table *table, bool *has); /* a unique index over just the key */
bool look_doubles(struct job *job, const struct sl_table *table, bool *has);
struct there *there_named(struct there *first, const char *name);

void plan_add(struct job *job, struct change change);
bool plan_make(struct job *job);
enum plan { PLAN_LOOK, PLAN_SAFE, PLAN_FORCE };
bool plan_do(struct job *job, enum plan plan);
bool plan_blocked(struct job *job); /* the job fails: rows cannot be written */
bool plan_extras(struct job *job);  /* what is there in addition */
/* A table that is there, and should be this one. */
bool compare_table(struct job *job, const struct sl_table *table, const char *sql);
bool plan_indexes(struct job *job, const struct sl_table *table);

bool views_plan(struct job *job);
bool views_try(struct job *job, enum plan plan); /* can all be read? */
bool views_extra(struct job *job);

/* ------------------------------------------------------------------- texts */

void sql_name(sqlite3_str *sql, const char *name);
void sql_key(sqlite3_str *sql, const struct sl_table *table); /* "a", "b": in the key's order */
void sql_columns(sqlite3_str *sql, const struct sl_table *table); /* those that can be written */
void sql_read(sqlite3_str *sql, const struct sl_table *table);    /* all, with NULL for the others */
void sql_column(sqlite3_str *sql, const struct sl_table *table, const struct sl_column *column, bool strict);
/* `as` is the name; the extra columns stand behind the schema's. */
void sql_table(sqlite3_str *sql, const struct sl_table *table, const char *as, const struct there *extra);
const char *sql_generated(struct job *job, const struct sl_column *column);
/* Can a column that is declared so hold these values? */
bool type_fits(const struct sl_column *column, const char *declared, bool strict);
const char *type_declared(const struct sl_column *column, bool strict);
const char *index_name(struct job *job, const struct sl_table *table, const char *columns);
const char *index_sql(struct job *job, const struct sl_table *table, const char *columns);
const char *key_sql(struct job *job, const struct sl_table *table);
const char *parent_columns(struct job *job, const struct sl_table *table); /* NULL: the key covers them */

/* -------------------------------------------------------------------- rows */

struct table *table_of(struct sink *sink, const struct sl_table *table);

/* False if the batch cannot go on; a row that is refused is noted, and it can. */
bool write_row(struct job *job, size_t index);
/* Runs a statement for a row.  False: it did not; then the row is noted, or the job has ended. */
bool write_run(struct job *job, size_t index, sqlite3_stmt *statement);
bool write_cells(struct job *job, size_t index, struct table *table, const struct sl_cell *cells, enum sl_mode mode);
bool write_set(struct job *job, size_t index, struct table *table, const struct sl_row *row);
bool write_state(struct job *job, size_t index, struct table *table, const struct sl_row *row);
/* What stands behind an INSERT: what is done with a row whose key is there. */
void sql_meet(sqlite3_str *sql, const struct table *table, enum sl_mode mode);
/* A statement of the table, made by the function when first needed; NULL: it cannot be. */
typedef void statement_text(struct job *job, sqlite3_str *sql, const struct table *table);
sqlite3_stmt *table_statement(struct job *job, struct table *table, int which, statement_text *text);

/* False with the job's end if the row does not stand as expected. */
bool expect_row(struct job *job, size_t index);
bool remove_row(struct job *job, size_t index, struct table *table, const struct sl_row *row);
/* The rows that are like it; with call->most only so many, behind call->cursor. */
bool recall_row(struct job *job, const struct sl_row *row);

/* Which of a row's cells are compared, and the statement that does. */
typedef bool chosen(const struct sl_column *column, const struct sl_cell *cell);
bool is_given(const struct sl_column *column, const struct sl_cell *cell);
void sql_where(sqlite3_str *sql, const struct sl_row *row, chosen *choose);
/* How many were bound. */
int bind_where(sqlite3_stmt *statement, const struct table *table, const struct sl_row *row, chosen *choose);

/* Rows of loads.  All return false only when the batch cannot go on. */
bool load_begin(struct job *job, size_t index, struct table *table, const struct sl_row *row);
bool load_stage(struct job *job, size_t index, struct table *table, const struct sl_row *row);
bool load_end(struct job *job, size_t index, struct table *table, const struct sl_row *row);
bool loads_plan(struct job *job, const struct sl_table *table); /* what is staged has the table's columns */
bool loads_settle(struct job *job); /* those whose rows somebody dropped are lost */
const char *load_table(struct job *job, const struct sl_table *table); /* where rows are staged */
extern const struct sl_table loads; /* _sluice_loads */
/* A load is held against what is wanted of it before the swap and behind it.  *why: what is wrong;
 * NULL: nothing.  False: the job has ended. */
struct check {
	struct job *job;
	const struct table *table;
	const struct load *load;
	int64_t rows;  /* of the load, one for each key */
	int64_t last;  /* rows that were there, and in each column ... */
	int64_t *nulls; /* ... how many nulls; NULL: nobody asks */
};
bool check_staged(struct check *check, const char **why);
bool check_swapped(struct check *check, const char **why);

bool upkeep_run(struct job *job);

/* Binds a cell; the table's stamps live until the statement has run. */
void cell_bind(sqlite3_stmt *statement, int at, const struct table *table, size_t index, const struct sl_cell *cell);
void cells_bind(sqlite3_stmt *statement, const struct table *table, const struct sl_cell *cells);
void cell_read(sqlite3_stmt *statement, int at, const struct sl_column *column, struct sl_pile *pile,
	struct sl_cell *cell);
/* The row of a statement that was made with sql_read. */
struct sl_cell *cells_read(sqlite3_stmt *statement, const struct sl_table *table, struct sl_pile *pile);
void cell_show(sqlite3_str *out, const struct sl_column *column, const struct sl_cell *cell);
/* As it stands in a statement: a column's default. */
void cell_literal(sqlite3_str *sql, const struct sl_column *column, const struct sl_cell *cell, bool strict);

#endif
