/* SPDX-License-Identifier: Apache-2.0 */
/* copy.h - all that a sink's tables hold goes into another sink: rows, where routes stand, their open rows.
 *
 *     cmd_copy.c     what was asked for, and what is told
 *     copy.c         rows, page by page
 *     copy_plan.c    which tables, and how their columns fit
 *     copy_note.c    how far it came, so that it can go on
 *
 * A page is written with the mode put: what was written before it was cut off is written
 * again, and nothing changes.  Where routes stand goes last: as long as that is missing
 * nobody could take half a copy for a whole one.
 */
#ifndef MAIN_COPY_H
#define MAIN_COPY_H

#include "flow/destination.h"

#define COPY_PAGE 1000

/* A table on both sides. */
struct copy_table {
	const struct sl_table *from, *to;
	const size_t *places;  /* of each of its columns there the place of the one here; column_count of `from`: none */
	uint64_t here, there;  /* rows, when counted */
};

/* How far it came; all lies in the arena. */
struct copy_note {
	const char *path;
	const char *stand;  /* where the routes stood: what is copied since then is no longer what it was */
	const char *table;  /* the first one that is not whole; NULL: none was begun */
	const char *cursor; /* in it; NULL: its begin */
};

struct copy {
	struct arena *arena;
	struct destination *from, *to;
	struct copy_table *tables; /* those that say where routes stand last */
	size_t count;
	struct copy_note note;
	uint64_t rows; /* written by this run */
};

/* What events added to the tables here is noted in `added`, the file that the additions to `to` lie
 * in, if there is any: *grew, and `to` has to be begun anew. */
bool copy_grow(struct copy *copy, const char *added, bool *grew, struct why *why);
/* The tables, and that each column finds its place in `theirs`. */
bool copy_plan(struct copy *copy, const struct schema *theirs, struct why *why);

bool copy_count(struct copy *copy, bool there, struct why *why);   /* on one side */
/* The other side; *full: a table that is not. */
bool copy_is_empty(struct copy *copy, const struct sl_table **full, struct why *why);
bool copy_rows(struct copy *copy, struct why *why);

/* What a run before this one noted.  It counts for nothing if the routes have moved since. */
bool copy_note_read(struct copy *copy, struct why *why);
bool copy_note_write(const struct copy *copy, const char *table, const char *cursor, struct why *why);
void copy_note_remove(const struct copy *copy);

#endif
