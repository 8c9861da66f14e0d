/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - tables and views that a sink keeps, and the columns it looks for in them. */
#include "sdk/tables.h"

#include <string.h>

/* ------------------------------------------------------------------- copies */

static const char *const *copy_strings(struct sl_pile *pile, const char *const *from)
{
	size_t count = 0;
	if (!from)
		return NULL;
	while (from[count])
		count++;
	const char **to = sl_pile_take(pile, (count + 1) * sizeof(*to));
	for (size_t i = 0; i < count; i++)
		to[i] = sl_pile_string(pile, from[i]);
	return to;
}

static const struct sl_cell *copy_cell(struct sl_pile *pile, const struct sl_cell *from)
{
	if (!from)
		return NULL;
	struct sl_cell *to = sl_pile_take(pile, sizeof(*to));
	*to = *from;
	if (from->kind == SL_CELL_TEXT)
		to->text.at = sl_pile_copy(pile, from->text.at, from->text.len);
	return to;
}

static const struct sl_column *copy_column(struct sl_pile *pile, const struct sl_column *from)
{
	struct sl_column *to = sl_pile_take(pile, sizeof(*to));
	*to = *from;
	to->name = sl_pile_string(pile, from->name);
	to->help = sl_pile_string(pile, from->help);
	to->initial = copy_cell(pile, from->initial);
	to->generated = sl_pile_string(pile, from->generated);
	return to;
}

static const struct sl_column *const *copy_columns(struct sl_pile *pile, const struct sl_table *from)
{
	const struct sl_column **to = sl_pile_take(pile, (from->column_count + 1) * sizeof(*to));
	for (size_t i = 0; i < from->column_count; i++)
		to[i] = copy_column(pile, from->columns[i]);
	return to;
}

static const struct sl_snapshot *copy_snapshot(struct sl_pile *pile, const struct sl_snapshot *from)
{
	if (!from)
		return NULL;
	struct sl_snapshot *to = sl_pile_take(pile, sizeof(*to));
	*to = *from;
	to->source = sl_pile_string(pile, from->source);
	return to;
}

struct sl_table *sl_table_copy(struct sl_pile *pile, const struct sl_table *table)
{
	struct sl_table *to = sl_pile_take(pile, sizeof(*to));
	*to = *table;
	to->name = sl_pile_string(pile, table->name);
	to->columns = copy_columns(pile, table);
	to->indexes = copy_strings(pile, table->indexes);
	to->help = sl_pile_string(pile, table->help);
	to->partition = sl_pile_string(pile, table->partition);
	to->cluster = copy_strings(pile, table->cluster);
	to->retention = sl_pile_string(pile, table->retention);
	to->snapshot = copy_snapshot(pile, table->snapshot);
	return to;
}

const struct sl_table *const *sl_tables_copy(struct sl_pile *pile, const struct sl_table *const *tables, size_t count)
{
	const struct sl_table **to = sl_pile_take(pile, (count + 1) * sizeof(*to));
	for (size_t i = 0; i < count; i++)
		to[i] = sl_table_copy(pile, tables[i]);
	return to;
}

const struct sl_view *const *sl_views_copy(struct sl_pile *pile, const struct sl_view *const *views, size_t count)
{
	const struct sl_view **to = sl_pile_take(pile, (count + 1) * sizeof(*to));
	for (size_t i = 0; i < count; i++) {
		struct sl_view *view = sl_pile_take(pile, sizeof(*view));
		*view = *views[i];
		view->name = sl_pile_string(pile, views[i]->name);
		view->sql = sl_pile_string(pile, views[i]->sql);
		to[i] = view;
	}
	return to;
}

/* ------------------------------------------------------------------ columns */

static const struct sl_column *column_at(const struct sl_table *table, size_t at, size_t *index)
{
	if (at == table->column_count)
		return NULL;
	if (index)
		*index = at;
	return table->columns[at];
}

const struct sl_column *sl_key_column(const struct sl_table *table, int place, size_t *index)
{
	size_t at = 0;
	while (at < table->column_count && table->columns[at]->key != place)
		at++;
	return column_at(table, at, index);
}

const struct sl_column *sl_parent_column(const struct sl_table *table, int place, size_t *index)
{
	size_t at = 0;
	while (at < table->column_count && table->columns[at]->parent != place)
		at++;
	return column_at(table, at, index);
}

const struct sl_column *sl_named_column(const struct sl_table *table, const char *name, size_t *index)
{
	size_t at = 0;
	while (at < table->column_count && strcmp(table->columns[at]->name, name) != 0)
		at++;
	return column_at(table, at, index);
}
