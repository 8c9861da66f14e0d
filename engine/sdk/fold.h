/* SPDX-License-Identifier: Apache-2.0 */
/* fold.h - what becomes of a row when several writes of it meet, in whatever order they come.
 *
 * Every sink of rows needs the same answer, so it is given once, here; sinks that
 * leave it to their destination (INSERT ... ON CONFLICT ... WHERE) must come to the
 * same.  A version is (time in microseconds, id), compared by time, then by the id's bytes.
 *
 *     append, once   what came first for the key, in the order of the rows
 *     put            the last one
 *     upsert         the newest; of equal versions the last one (the same event, written again)
 *     patch          for each column the newest value given; what nobody has said anything about has
 *                    its default.  `_times` keeps the versions: a JSON object of column to "TIME ID"
 *                    (microseconds), "*" for all that an upsert set; a column stands there only if it
 *                    is newer than "*".  Its members stand in the order of the columns, "*" first, so
 *                    that equal rows are equal bytes
 *     delete         deleted = the newest delete's time >= the newest version's time.  Marked:
 *                    `deleted` and `deleted_at` say so, and data that comes late still fills in
 *                    what was missing.  Removed: the row goes, and a row of sl_gone (below) keeps
 *                    the time; what is not newer than that changes nothing, and a patched
 *                    row keeps only the columns that are.  A delete that all data is newer than
 *                    has no meaning any more, whatever still comes: mark and tombstone go
 *     replace        the newest whole set of the parent
 *
 * `_event_id` and `_event_time` are the newest version of the data, deletes left aside; both are
 * NULL in a row that was only ever deleted.  Rows of SL_APPEND and SL_ONCE never meet the
 * modes patch and delete: schemas see to that.
 */
#ifndef SLUICE_FOLD_H
#define SLUICE_FOLD_H

#include <stdbool.h>

#include "plugin.h"

/* Memory for what folding makes: never NULL, zeroed, the caller's to end. */
struct sl_fold_memory {
	void *(*take)(void *owner, size_t size);
	void *owner;
};

/* A table whose rows have to be read before they are written: its deletes or its column
 * times (a column `_times`) need more than a guard. */
bool sl_fold_reads(const struct sl_table *table);

/* The key's cells of two rows of a table are equal; a hash of them; and as one text: values
 * joined by |, with \ before a | or \ (times and dates as numbers). */
bool sl_fold_same_key(const struct sl_table *table, const struct sl_cell *one, const struct sl_cell *other);
uint64_t sl_fold_hash_key(const struct sl_table *table, const struct sl_cell *cells);
struct sl_text sl_fold_key_text(const struct sl_table *table, const struct sl_cell *cells, bool parent,
	const struct sl_fold_memory *memory);

/* Rows of one table, in their order, with whole keys, none of them SL_EXPECT or of a load's ends,
 * become the fewest that do the same when written in that order: at most one for each key (for
 * SL_REPLACE, parent), load and kind of mode.  The kinds stand together: put and remove, append
 * and once, upsert, patch, delete.  Where sets and single rows of one table come mixed, each stretch
 * of them is folded by itself.  Pointers into `rows`, and new rows in the memory: patches become
 * one whose `_times` says of each column when.  Returns how many; `out` has room for `count`. */
size_t sl_fold_rows(const struct sl_table *table, const struct sl_row *const *rows, size_t count,
	const struct sl_row **out, const struct sl_fold_memory *memory);

/* What stands for a key, or stood. */
struct sl_fold_state {
	const struct sl_cell *cells; /* all columns of the table; NULL: no row */
	bool gone;                   /* a tombstone stands for it */
	int64_t gone_time;           /* microseconds */
};

/* The state after one more row (SL_UPSERT, SL_PATCH, SL_DELETE) of a table of sl_fold_reads().
 * `_synced_at` is that of the row if it changed anything.  `was` and `is` may be one; what is new
 * points into `was` and `row`.  Returns whether anything changed.  A `_times` that is none of ours
 * counts as {}; NULL, as it is in rows older than the column, as what an upsert of the row's version set. */
bool sl_fold_state(const struct sl_table *table, const struct sl_fold_state *was, const struct sl_row *row,
	struct sl_fold_state *is, const struct sl_fold_memory *memory);

/* The sinks' own tables, of one shape in all destinations, so that they can be copied:
 * when a parent's set was last replaced, and when a removed row was.  `name` is the table's,
 * `row` its parent's or its key's text. */
extern const struct sl_table sl_sets; /* _sluice_sets: name, parent, event_time, event_id */
extern const struct sl_table sl_gone; /* _sluice_gone: name, row, event_time */

#endif
