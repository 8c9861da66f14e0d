/* SPDX-License-Identifier: Apache-2.0 */
/* copy_plan.c - which tables are copied, and how their columns fit. */
#include <string.h>

#include "main/copy.h"
#include "sdk/fold.h"
#include "sdk/tables.h"

static const struct sl_table *const last_tables[] = { &sl_sets, &sl_gone, &stand_open, &stand_routes };
#define LAST (sizeof(last_tables) / sizeof(last_tables[0]))

/* -------------------------------------------------------------- what came in addition */

static void add_growth(struct copy *copy, struct growth ***end, const char *table, const struct sl_column *column,
	enum growth_kind kind)
{
	struct growth *growth = arena_alloc(copy->arena, sizeof(*growth));
	growth->table = table;
	growth->column = column ? column->name : NULL;
	growth->type = column ? column->type : 0;
	growth->kind = kind;
	**end = growth;
	*end = (struct growth **)&growth->next;
}

static void grow_columns(struct copy *copy, struct growth ***end, const struct sl_table *here,
	const struct sl_table *there)
{
	for (size_t i = 0; i < here->column_count; i++) {
		const struct sl_column *column = here->columns[i];
		const struct sl_column *other = there ? sl_named_column(there, column->name, NULL) : NULL;
		if (!other && column->name[0] != '_' && !column->key)
			add_growth(copy, end, here->name, column, GROWTH_COLUMN);
		else if (other && other->type != column->type)
			add_growth(copy, end, here->name, column, GROWTH_WIDER);
	}
}

/* What the tables here have that those there have not. */
static const struct growth *growth_of(struct copy *copy)
{
	struct growth *first = NULL, **end = &first;
	const struct schema *theirs = destination_schema(copy->to);
	size_t count = 0;
	const struct sl_table *const *tables = schema_tables(destination_schema(copy->from), &count);
	for (size_t i = 0; i < count; i++) {
		const struct sl_table *there = schema_table(theirs, tables[i]->name);
		if (!there)
			add_growth(copy, &end, tables[i]->name, NULL, GROWTH_TABLE);
		grow_columns(copy, &end, tables[i], there);
	}
	return first;
}

bool copy_grow(struct copy *copy, const char *added, bool *grew, struct why *why)
{
	const struct growth *growth = growth_of(copy);
	*grew = growth != NULL;
	return !growth || schema_note(added, growth, why);
}

/* ------------------------------------------------------------------------ columns */

static bool has_place(const struct copy_table *table, const struct sl_column *column, size_t *place, struct why *why)
{
	const struct sl_column *here = sl_named_column(table->from, column->name, place);
	if (!here)
		*place = table->from->column_count;
	if (!here && (column->key || column->required))
		return why_say(why, "%s.%s is required there, and is not here", table->to->name, column->name);
	return !here || here->type == column->type ||
		why_say(why, "%s.%s has another type there than here: both schemas have to say the same", table->to->name,
			column->name);
}

static bool has_all(const struct copy_table *table, struct why *why)
{
	for (size_t i = 0; i < table->from->column_count; i++)
		if (!sl_named_column(table->to, table->from->columns[i]->name, NULL))
			return why_say(why, "%s.%s is not in the schema there", table->from->name, table->from->columns[i]->name);
	return true;
}

static bool plan_table(struct copy *copy, const struct sl_table *from, const struct sl_table *to, struct why *why)
{
	struct copy_table *table = &copy->tables[copy->count++];
	size_t *places = arena_alloc(copy->arena, (to->column_count + 1) * sizeof(*places));
	*table = (struct copy_table){ .from = from, .to = to, .places = places };
	for (size_t i = 0; i < to->column_count; i++)
		if (!has_place(table, to->columns[i], &places[i], why))
			return false;
	return has_all(table, why);
}

bool copy_plan(struct copy *copy, const struct schema *theirs, struct why *why)
{
	size_t count = 0;
	const struct sl_table *const *tables = schema_tables(destination_schema(copy->from), &count);
	copy->tables = arena_alloc(copy->arena, (count + LAST) * sizeof(*copy->tables));
	copy->count = 0;
	for (size_t i = 0; i < count; i++) {
		const struct sl_table *to = schema_table(theirs, tables[i]->name);
		if (!to)
			return why_say(why, "the table %s is not in the schema there", tables[i]->name);
		if (!plan_table(copy, tables[i], to, why))
			return false;
	}
	for (size_t i = 0; i < LAST; i++)
		if (!plan_table(copy, last_tables[i], last_tables[i], why))
			return false;
	return true;
}
