/* SPDX-License-Identifier: Apache-2.0 */
/* destination.c - a sink and the tables it keeps: what it must be able to do, and what it is handed. */
#include "flow/destination.h"

#include <string.h>

/* -------------------------------------------------------------------- can it */

static const struct sl_column *column_of(const struct sl_table *table, bool (*is)(const struct sl_column *))
{
	for (size_t i = 0; i < table->column_count; i++)
		if (is(table->columns[i]))
			return table->columns[i];
	return NULL;
}

static bool is_times(const struct sl_column *column)
{
	return strcmp(column->name, "_times") == 0;
}

static bool is_generated(const struct sl_column *column)
{
	return column->generated != NULL;
}

static bool has_deletes(const struct sl_table *table)
{
	return table->deletes != SL_DELETES_NONE;
}

static bool has_times(const struct sl_table *table)
{
	return table->mode == SL_PATCH || column_of(table, is_times);
}

static bool has_generated(const struct sl_table *table)
{
	return column_of(table, is_generated) != NULL;
}

static bool has_loads(const struct sl_table *table)
{
	return table->snapshot != NULL;
}

static const struct need {
	bool (*of)(const struct sl_table *table);
	const char *key; /* as it stands in the schema's file */
	int minor;       /* of the interface */
	bool transactions;
} needs[] = {
	{ has_deletes, "deletes", 2, false },
	{ has_times, "mode: patch", 2, false },
	{ has_generated, "a generated column", 2, false },
	{ has_loads, "snapshot", 2, true },
};

static bool meets(const struct destination_can *can, const struct sl_table *table, const struct need *need,
	struct why *why)
{
	if (!need->of(table))
		return true;
	if (can->minor < need->minor)
		return why_say(why, "the table %s has %s, but the sink %s was built for plugin interface %d.%d, which does not "
				    "know of that; compile it again for %d.%d",
			table->name, need->key, can->name, SL_ABI_MAJOR, (int)can->minor, SL_ABI_MAJOR, need->minor);
	if (need->transactions && !can->transactions)
		return why_say(why, "the table %s has %s, but the sink %s has no transactions; "
				    "write it to a database, or leave that out",
			table->name, need->key, can->name);
	return true;
}

bool destination_fits(const struct destination_can *can, const struct schema *schema, struct why *why)
{
	size_t count = 0;
	const struct sl_table *const *tables = schema_tables(schema, &count);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < sizeof(needs) / sizeof(needs[0]); k++)
			if (!meets(can, tables[i], &needs[k], why))
				return false;
	return true;
}

bool destination_takes(const struct sl_plugin *face, const struct schema *schema, struct why *why)
{
	const struct destination_can can = { face->name, face->abi & 0xffff, face->recall != NULL };
	return destination_fits(&can, schema, why);
}

/* -------------------------------------------------------------- what it is handed */

static size_t count_tables(const struct sl_table *const *tables)
{
	size_t count = 0;
	while (tables && tables[count])
		count++;
	return count;
}

void destination_offer_more(struct call *call, const struct sl_table *const *tables)
{
	size_t count = call->pub.tables ? call->pub.table_count : 0, more = count_tables(tables);
	const struct sl_table **all = arena_alloc(call->arena, (count + more + 1) * sizeof(*all));
	for (size_t i = 0; i < count + more; i++)
		all[i] = i < count ? call->pub.tables[i] : tables[i - count];
	call->pub.tables = all;
	call->pub.table_count = count + more;
}

void destination_offer(struct call *call, const struct schema *schema)
{
	static const struct sl_table *const stands[] = { &stand_routes, &stand_open, NULL };
	size_t views = 0;
	call->pub.tables = schema ? schema_tables(schema, &call->pub.table_count) : NULL;
	destination_offer_more(call, instance_face(call->instance)->recall ? stands : NULL);
	call->pub.views = schema ? schema_views(schema, &views) : NULL;
	call->pub.view_count = views;
}

/* ------------------------------------------------------------- what it has done */

void destination_upkept(struct call *call, struct emitted *emitted, struct tally **tally)
{
	const struct sl_json *data = emitted_json(call, emitted, NULL);
	struct sl_text table = sl_json_string(sl_json_get(data, "table"));
	const char *what = emitted->event.type ? emitted->event.type : "done";
	int64_t rows = 1;
	bool counted = sl_json_integer(sl_json_get(data, "rows"), &rows) && strcmp(what, "refreshed") != 0;
	const char *form = counted ? "%s rows of %.*s" : "%s %.*s";
	tally_add(tally, arena_format(call->arena, form, what, (int)table.len, table.at ? table.at : ""),
		counted && rows > 0 ? (uint64_t)rows : 1);
}
