/* SPDX-License-Identifier: Apache-2.0 */
/* core.h - what the files that bring rows to the server share among themselves. */
#ifndef POSTGRES_CORE_H
#define POSTGRES_CORE_H

#include "inside.h"

/* ------------------------------------------------------------------- errors */

/* What a refusal means for the batch. */
enum verdict {
	VERDICT_DONE,
	VERDICT_ENDED,  /* the job says how */
	VERDICT_ROW,    /* a row's own fault */
	VERDICT_AGAIN,  /* nobody's: the same at once */
	VERDICT_STALE,  /* a table is not as it was: look, mend, the same again */
	VERDICT_OUTAGE, /* the world's */
};

enum verdict fault_verdict(const struct fault *fault);
void fault_read(struct fault *fault, const PGresult *result);
void fault_line(struct fault *fault, const char *message);
const char *fault_of_row(struct job *job, const struct sl_table *table);

/* ----------------------------------------------------------------- connection */

bool connection_open(struct job *job);
bool connection_alive(struct sink *sink); /* nobody has hung up meanwhile */

/* What a transaction, or with `local` false a session, is set to: "SELECT set_config(...), ...". */
const char *connection_settings(struct job *job, bool local);

/* ----------------------------------------------------------------------- wire */

/* Hears an answer; true: it keeps the result. */
typedef bool hears(struct job *job, PGresult *result, void *data);

/* A statement's parameters: arrays in Postgres' binary form, or text. */
struct values {
	const char *const *at;
	const int *lens, *formats;
	size_t count;
};

struct sending {
	const char *doing;         /* completes "NAME: ...: what went wrong" */
	struct statement *prepare; /* it prepares this one */
	hears *heard;
	void *data;
};

/* Statements under way, in order. */
struct wire {
	struct sending *sent;
	size_t count, room, heard;
	const char *doing;         /* what the first refused one was to do; NULL: none was */
};

/* Puts a statement on its way.  False: the job has ended. */
bool wire_send(struct job *job, const char *sql, const struct values *values, bool binary, struct sending sending);
/* Likewise one that is made once: prepared, unless there is a pooler. */
bool wire_send_made(struct job *job, struct statement *statement, const struct values *values, struct sending sending);
/* Waits for all that is under way.  False: job->fault says what was refused first and
 * wire->doing what it was to do; or the job has ended, because nothing more can be said. */
bool wire_collect(struct job *job);
/* Until the socket can be read, or written.  False: not in time, or nobody is there. */
bool wire_wait(PGconn *db, bool write, int64_t until);
void wire_forget(struct sink *sink);
void wire_free(struct sink *sink);
int64_t ticks(void); /* milliseconds that only go forward */

void results_free(struct brief *brief);
/* Puts BEGIN on its way, with all that a transaction needs. */
bool begin_send(struct job *job);

/* ----------------------------------------------------------------------- arrays */

/* Parameters being filled: columns of rows as arrays. */
struct buffers;

void bind_begin(struct sink *sink);
void bind_column(struct job *job, const struct sl_column *column, const struct sl_row *const *rows, size_t count,
	size_t index);
void bind_texts(struct job *job, const struct sl_text *texts, size_t count);
void bind_times(struct job *job, const int64_t *times, size_t count);
void bind_text(struct job *job, const char *text); /* no array */
struct values bind_end(struct sink *sink);
void bind_free(struct sink *sink);

Oid column_array_oid(enum sl_column_type type);     /* as cells are written */
const char *column_cast(enum sl_column_type type);  /* as they are read */
/* A cell out of a binary answer, whose columns were asked for as words_cells has them. */
void cell_read(struct job *job, const PGresult *result, int row, int at, const struct sl_column *column,
	struct sl_cell *cell);

/* Postgres takes the text as it is; of json, also what its escapes stand for. */
bool mend_fine(struct sl_text text, bool json);
/* One that it takes: what it would refuse became U+FFFD, and is counted. */
struct sl_text mend_text(struct sl_pile *pile, struct sl_text text, bool json, uint64_t mends[MENDS]);
#define MEND_GROWTH 3 /* it has at most so many times the bytes */

/* ---------------------------------------------------------------- statements */

struct statement *statement_of(struct job *job, struct table *table, enum statement_kind kind);
/* "old"."a"::text, ...: all columns, in the form that cell_read takes. */
void words_cells(struct words *words, const struct sl_table *table, const char *prefix);

/* ----------------------------------------------------------------------- rows */

/* Rows of one table, and of one load of it, in their order. */
struct lane {
	const struct sl_table *wanted; /* as the host names it */
	const char *load;
	struct table *table;           /* NULL: they are passed over */
	size_t *rows;                  /* numbers in the job */
	size_t count;
};

/* Rows of a table that are read before they are written. */
struct states;

#define STATEMENT_ROWS 500

/* Puts what becomes of the rows on its way; what has to be read first is only asked for. */
bool write_rows(struct job *job, struct table *table, const struct sl_row *const *rows, size_t count,
	struct states **states);
/* Rows of different keys, by one kind of statement.  They are sorted. */
bool write_made(struct job *job, struct table *table, enum statement_kind kind, const struct sl_row **rows,
	size_t count);
/* Waits for all, and writes what depended on the answers. */
bool write_settle(struct job *job, struct states **states);
bool states_ask(struct job *job, struct table *table, const struct sl_row *const *rows, size_t count,
	struct states **states);
/* Once that was answered: puts what it leads to on its way. */
bool states_write(struct job *job, struct states *states);

/* Puts rows of the lane on their way. */
bool lane_write(struct job *job, const struct lane *lane, size_t from, size_t count, struct states **states);
/* Writes all of it, row by row where need be: those that are refused are noted.  False: something else is
 * the matter, job->fault says what, or the job has ended. */
bool lane_halve(struct job *job, const struct lane *lane);

/* ------------------------------------------------------------------- expected */

bool expect_send(struct job *job);  /* asks for the rows that are expected, and locks them */
bool expect_heard(struct job *job); /* False: the job has ended, or a row is unsettled */
/* COMMIT was sent, and nothing came back. */
void doubt_note(struct job *job);
void doubt_forget(struct sink *sink);

/* A lock on a row that may not be there, or (NULL) on all who change the table by reading it
 * first, until the transaction ends. */
bool lock_send(struct job *job, const struct sl_table *table, const struct sl_cell *cells);

bool deliver_rows(struct job *job);
bool recall_rows(struct job *job);

#endif
