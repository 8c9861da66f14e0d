/* SPDX-License-Identifier: Apache-2.0 */
/* fold_inside.h - what the files of folding share: versions, and where a table keeps them.
 *
 *     fold.c          keys; rows of one batch
 *     fold_patch.c    patches of one batch become one
 *     fold_state.c    a row, and one more write of it
 *     fold_times.c    versions as text: `_times`
 */
#ifndef SDK_FOLD_INSIDE_H
#define SDK_FOLD_INSIDE_H

#include "sdk/fold.h"

/* ----------------------------------------------------------------- versions */

struct sl_version {
	bool known; /* false: older than any */
	int64_t time;
	struct sl_text id;
};

struct sl_version sl_version_of(const struct sl_row *row);
int sl_version_compare(const struct sl_version *one, const struct sl_version *other); /* < 0, 0, > 0 */

/* The versions of a row's columns. */
struct sl_versions {
	struct sl_version whole;    /* "*" */
	struct sl_version *columns; /* one for each column of the table */
};

struct sl_versions sl_versions_none(const struct sl_table *table, const struct sl_fold_memory *memory);

/* False, and no version is known, if the text is none of ours.  A column that there is
 * not is passed over. */
bool sl_versions_read(const struct sl_table *table, struct sl_text text, struct sl_versions *versions,
	const struct sl_fold_memory *memory);
struct sl_text sl_versions_write(const struct sl_table *table, const struct sl_versions *versions,
	const struct sl_fold_memory *memory);

/* --------------------------------------------------------------- the columns */

/* Where the engine's own columns stand: behind the given ones. */
enum sl_own { SL_OWN_DELETED, SL_OWN_DELETED_AT, SL_OWN_TIMES, SL_OWN_EVENT_ID, SL_OWN_EVENT_TIME, SL_OWN_SYNCED_AT,
	SL_OWNS };
#define SL_NOWHERE SIZE_MAX

struct sl_places {
	size_t own[SL_OWNS]; /* SL_NOWHERE: the table has none */
	size_t given;        /* columns before them */
};

struct sl_places sl_places_of(const struct sl_table *table);

/* A column whose value rows say: given, not of the key, and not the destination's. */
static inline bool sl_is_data(const struct sl_table *table, const struct sl_places *places, size_t index)
{
	return index < places->given && !table->columns[index]->key && !table->columns[index]->generated;
}

/* What a column holds that nobody has said anything about. */
struct sl_cell sl_unsaid(const struct sl_column *column);

/* ------------------------------------------------------------------- patches */

/* Several patches of one row as one: each column with its own version. */
struct sl_patches {
	const struct sl_row *newest;
	struct sl_cell *cells;
	struct sl_versions versions;
};

struct sl_patches *sl_patches_new(const struct sl_table *table, const struct sl_row *first,
	const struct sl_fold_memory *memory);
void sl_patches_add(struct sl_patches *patches, const struct sl_row *row, const struct sl_places *places,
	const struct sl_fold_memory *memory);

/* What is older than a whole row goes; if that came later, what is equal too. */
void sl_patches_drop(struct sl_patches *patches, const struct sl_version *version, bool equal);
const struct sl_row *sl_patches_row(const struct sl_patches *patches, const struct sl_places *places,
	const struct sl_fold_memory *memory);

#endif
