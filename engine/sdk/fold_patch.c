/* SPDX-License-Identifier: Apache-2.0 */
/* fold_patch.c - patches of one batch become one. */
#include <string.h>

#include "sdk/fold_inside.h"

static struct sl_version *versions_of(const struct sl_table *table, const struct sl_row *row,
	const struct sl_places *places, const struct sl_fold_memory *memory)
{
	struct sl_versions own = sl_versions_none(table, memory);
	size_t at = places->own[SL_OWN_TIMES];
	if (at != SL_NOWHERE && row->cells[at].kind == SL_CELL_TEXT)
		sl_versions_read(table, row->cells[at].text, &own, memory);
	for (size_t i = 0; i < places->given; i++)
		if (!own.columns[i].known)
			own.columns[i] = sl_version_of(row);
	return own.columns;
}

struct sl_patches *sl_patches_new(const struct sl_table *table, const struct sl_row *first,
	const struct sl_fold_memory *memory)
{
	struct sl_patches *patches = memory->take(memory->owner, sizeof(*patches));
	struct sl_places places = sl_places_of(table);
	patches->cells = memory->take(memory->owner, table->column_count * sizeof(*patches->cells));
	patches->versions = sl_versions_none(table, memory);
	patches->newest = first;
	sl_patches_add(patches, first, &places, memory);
	return patches;
}

void sl_patches_add(struct sl_patches *patches, const struct sl_row *row, const struct sl_places *places,
	const struct sl_fold_memory *memory)
{
	const struct sl_table *table = row->table;
	struct sl_version newest = sl_version_of(patches->newest), version = sl_version_of(row);
	struct sl_version *versions = versions_of(table, row, places, memory);
	if (sl_version_compare(&version, &newest) >= 0)
		patches->newest = row;
	for (size_t i = 0; i < places->given; i++) {
		struct sl_version *standing = &patches->versions.columns[i];
		if (row->cells[i].kind == SL_CELL_NONE || !sl_is_data(table, places, i) ||
			sl_version_compare(&versions[i], standing) < 0)
			continue;
		patches->cells[i] = row->cells[i];
		*standing = versions[i];
	}
}

void sl_patches_drop(struct sl_patches *patches, const struct sl_version *version, bool equal)
{
	for (size_t i = 0; i < patches->newest->table->column_count; i++) {
		struct sl_version *standing = &patches->versions.columns[i];
		int order = sl_version_compare(standing, version);
		if (!standing->known || order > 0 || (order == 0 && !equal))
			continue;
		patches->cells[i].kind = SL_CELL_NONE;
		standing->known = false;
	}
}

const struct sl_row *sl_patches_row(const struct sl_patches *patches, const struct sl_places *places,
	const struct sl_fold_memory *memory)
{
	const struct sl_table *table = patches->newest->table;
	struct sl_row *row = memory->take(memory->owner, sizeof(*row));
	*row = *patches->newest;
	for (size_t i = 0; i < table->column_count; i++)
		if (!sl_is_data(table, places, i))
			patches->cells[i] = row->cells[i];
	if (places->own[SL_OWN_TIMES] != SL_NOWHERE)
		patches->cells[places->own[SL_OWN_TIMES]] =
			(struct sl_cell){ SL_CELL_TEXT, 0, sl_versions_write(table, &patches->versions, memory) };
	row->cells = patches->cells;
	return row;
}
