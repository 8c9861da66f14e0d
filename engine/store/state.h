/* SPDX-License-Identifier: Apache-2.0 */
/* state.h - a small SQLite file of one process: what is rare and changes.
 *
 * The file is opened with WAL and synchronous FULL: what was committed stays.
 * One process writes it and holds PATH.lock; a successor waits for that.  A file
 * that is damaged is moved aside to PATH.damaged-TIME with an alarm line and made
 * anew, so its owner must be able to begin with an empty one.
 *
 *     static const char *const steps[] = { "CREATE TABLE ...", "ALTER TABLE ...", NULL };
 *     struct state *state = state_open(path, steps, 5000, why);
 *     state_run(state, why, "INSERT INTO seen VALUES (?, ?)", "ix", seq, id);
 *     sqlite3_stmt *rows = state_ask(state, why, "SELECT id FROM seen WHERE seq > ?", "i", seq);
 *     while ((got = state_row(state, rows, why)) == STATE_ROW)
 *             use(state_text(rows, 0));
 *
 * Statements are prepared once and found again by their SQL, which must be a
 * string that lives as long as the state does: a literal.
 */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/why.h"
#include "sdk/plugin.h"

struct state;

/* steps[n] brings a file from version n to n + 1, each in a transaction of its
 * own; the array ends with NULL.  A file of a later version is refused. */
struct state *state_open(const char *path, const char *const *steps, int64_t wait_ms, struct why *why);
/* Beside whoever owns it, in this process or another: without the lock, and only to be
 * read.  It has a connection and statements of its own, so that no commit is waited
 * for. */
struct state *state_look(const char *path, struct why *why);
enum state_copied { STATE_COPIED, STATE_DAMAGED, STATE_NOT_COPIED };
/* Beside its owner too: a new file COPY, as the state is at one moment.  It is not synced.
 * Damaged: COPY is of no use. */
enum state_copied state_copy(const char *path, const char *copy, struct why *why);
void state_close(struct state **state);
bool state_made_anew(const struct state *state); /* it was damaged, and is empty now */
/* It was deleted or replaced while it was open, and SQLite would go on as if nothing were; or it is damaged, or was
 * cut before the last transaction began: then it is put aside when it is closed. */
bool state_moved(struct state *state);
/* A statement that fits the tables we made could not be prepared: if they are others, the file is damaged. */
void state_misfit(struct state *state);
sqlite3 *state_sqlite(struct state *state);

/* One transaction at a time.  state_rollback is harmless when there is none. */
bool state_begin(struct state *state, struct why *why);
bool state_commit(struct state *state, struct why *why);
void state_rollback(struct state *state);

/* Values for the question marks, one letter each: i int64_t, t const char * (NULL
 * gives NULL), x struct sl_text as text, b struct sl_text as blob (an `at` of NULL
 * gives NULL for both).  The bytes must live until the statement is done. */
bool state_run(struct state *state, struct why *why, const char *sql, const char *types, ...);
sqlite3_stmt *state_ask(struct state *state, struct why *why, const char *sql, const char *types, ...);

enum state_got { STATE_ROW, STATE_END, STATE_FAILED };
/* At the end and after a failure the statement is free for its next use;
 * sqlite3_reset ends it earlier. */
enum state_got state_row(struct state *state, sqlite3_stmt *rows, struct why *why);
struct sl_text state_text(sqlite3_stmt *rows, int column); /* until the next row; at is NULL for NULL */

#endif
