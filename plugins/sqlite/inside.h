/* SPDX-License-Identifier: Apache-2.0 */
/* inside.h - what the files of the sqlite sink share.
 *
 *     sqlite.c    the plugin: its options and steps
 *     base.c      the database file: opened, watched, closed; what its errors mean
 *     tables.c    tables, columns and indexes are made and altered
 *     views.c     views are made again when their text has changed
 *     write.c     rows are written, by mode
 *     match.c     rows are looked for: expected, removed, recalled
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

#include "pile.h"
#include "plugin.h"
#include "tables.h"

/* -------------------------------------------------------------------- sink */

#define STAMP_SIZE 32 /* "2026-11-21T22:10:19.123Z" and room */

/* A table, and its statements: prepared when first needed, finalized when the
 * database is closed. */
struct table {
	const struct sl_table *face; /* a copy: what a step is handed ends with its call */
	bool guarded;           /* it has _event_time and _event_id, so the newest wins */
	char (*stamps)[STAMP_SIZE];     /* one for each column: times as text, while a statement runs */
	size_t parents;
	sqlite3_stmt *write[SL_EXPECT + 1]; /* by mode */
	sqlite3_stmt *clear;    /* the rows of a parent go */
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
	const char *why;
	struct failure *next;
};

struct sink {
	pthread_mutex_t lock; /* one job at a time */
	const struct options *options;
	struct sl_pile kept;     /* tables and views, as long as the sink */
	struct table *tables;
	size_t table_count;
	const struct sl_view *const *views;
	size_t view_count;
	sqlite3 *db;          /* NULL: closed */
	struct place places[PLACES];
	struct prepared prepared[PREPARED_MOST];
	size_t next_prepared;
	sqlite3_stmt *set;    /* the version of a parent's set */
	struct brief *briefs; /* of the jobs under way; only the loop touches the list */
};

/* What a job finds.  It belongs to the sink, because a call may be gone before
 * its work is. */
struct brief {
	struct sl_pile pile;
	struct brief *next;
};

/* A call's work in the pool, and how it ended. */
enum end { END_DONE, END_RETRY, END_FAIL };

struct found {
	const struct sl_cell *cells;
	struct found *next;
};

struct job {
	struct sink *sink;
	const struct sl_call *call; /* for what it hands over; the host is the loop's alone */
	struct brief *brief;
	const struct sl_row *const *rows;
	size_t row_count;
	enum end end;
	char why[512];
	char note[256];          /* a warning, or "" */
	struct failure *failures, **last_failure;
	struct found *found, **last_found;
};

/* Both say how the job ended, and are always false. */
bool job_retry(struct job *job, const char *form, ...) __attribute__((format(printf, 2, 3)));
bool job_fail(struct job *job, const char *form, ...) __attribute__((format(printf, 2, 3)));

/* -------------------------------------------------------------------- base */

/* The database is open, is still the file it was, and has all tables. */
bool base_ready(struct job *job);
void base_close(struct sink *sink);
bool base_moved(struct sink *sink); /* deleted or replaced behind our back */

/* The last error as an outage, told in words.  Always false. */
bool base_error(struct job *job, const char *doing);
bool base_run(struct job *job, const char *sql);
bool base_prepare(struct job *job, const char *sql, sqlite3_stmt **statement);
/* The same, taking the text over; NULL if it cannot be prepared. */
sqlite3_stmt *base_prepared(struct job *job, sqlite3_str *text);

/* ------------------------------------------------------- tables and views */

bool tables_make(struct job *job);
bool views_make(struct job *job);

/* Is there a "table", "view" or "index" of this name?  Its SQL lies in the job's brief. */
bool object_find(struct job *job, const char *name, const char **type, const char **sql);

/* -------------------------------------------------------------------- rows */

struct table *table_of(struct sink *sink, const struct sl_table *table);
void sql_name(sqlite3_str *sql, const char *name);
void sql_key(sqlite3_str *sql, const struct sl_table *table); /* "a", "b": in the key's order */

/* False if the batch cannot go on; a row that is refused is noted, and it can. */
bool write_row(struct job *job, size_t index);

/* False with the job's end if the row does not stand as expected. */
bool expect_row(struct job *job, const struct sl_row *row);
bool remove_row(struct job *job, const struct sl_row *row);
bool recall_row(struct job *job, const struct sl_row *row);

/* Binds a cell; `stamp` must live until the statement has run. */
void cell_bind(sqlite3_stmt *statement, int at, const struct sl_column *column, const struct sl_cell *cell,
	char stamp[STAMP_SIZE]);
void cells_bind(sqlite3_stmt *statement, const struct table *table, const struct sl_cell *cells);
void cell_read(sqlite3_stmt *statement, int at, const struct sl_column *column, struct sl_pile *pile,
	struct sl_cell *cell);
void cell_show(sqlite3_str *out, const struct sl_column *column, const struct sl_cell *cell);

#endif
