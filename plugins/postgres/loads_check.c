/* SPDX-License-Identifier: Apache-2.0 */
/* loads_check.c - is a load what the schema asks of one? */
#include <inttypes.h>
#include <stdlib.h>

#include "loads.h"

static int64_t number_at(const PGresult *result, int at)
{
	return strtoll(PQgetvalue(result, 0, at), NULL, 10);
}

/* ------------------------------------------------------------------------- rows */

/* The number of rows of the last load that was whole; 0: there is nothing to measure by. */
static bool last_rows(struct load_end *end, int64_t *rows)
{
	struct words sql = words_new(end->pile);
	words_add(&sql, "SELECT coalesce(\"rows\", 0) FROM ");
	words_target(&sql, end->job, loads_table.name);
	words_add(&sql, " WHERE \"name\" = $1");
	const PGresult *result = base_ask(end->job, sql.at, &end->table->face->name, 1);
	*rows = result && PQntuples(result) == 1 ? number_at(result, 0) : 0;
	return result != NULL;
}

static bool check_rows(struct load_end *end, bool *fine)
{
	const struct sl_snapshot *snapshot = end->table->face->snapshot;
	int64_t last, most;
	if (end->rows < snapshot->least) {
		*fine = load_refuse(end, "it has %" PRId64 " rows, and the schema wants at least %" PRId64 " (snapshot: least)",
			end->rows, snapshot->least);
		return true;
	}
	if (!last_rows(end, &last))
		return false;
	int64_t by = end->rows > last ? end->rows - last : last - end->rows;
	most = snapshot->change;
	if (last > 0 && most >= 0 && (double)by * 100 > (double)most * (double)last)
		*fine = load_refuse(end, "it has %" PRId64 " rows, the last one had %" PRId64 ", and they may differ by "
			"%" PRId64
			" per cent (snapshot: change)", end->rows, last, most);
	return true;
}

/* ------------------------------------------------------------------------- nulls */

static bool may_be_null(const struct sl_column *column)
{
	return !column->key && !column->generated && column->name[0] != '_';
}

/* count(*), then of each column that may be null how often it is. */
static const PGresult *count_nulls(struct load_end *end, bool staged)
{
	const struct sl_table *face = end->table->face;
	struct words sql = words_new(end->pile);
	words_add(&sql, "SELECT pg_catalog.count(*)");
	for (size_t i = 0; i < face->column_count; i++) {
		if (!may_be_null(face->columns[i]))
			continue;
		words_add(&sql, ", pg_catalog.count(*) - pg_catalog.count(");
		words_name(&sql, face->columns[i]->name);
		words_add(&sql, ")");
	}
	words_add(&sql, " FROM ");
	(staged ? words_stage : words_old)(&sql, end);
	return base_ask(end->job, sql.at, NULL, 0);
}

static double share(const PGresult *counts, int at)
{
	double all = (double)number_at(counts, 0);
	return all > 0 ? 100 * (double)number_at(counts, at) / all : 0;
}

static bool compare_nulls(struct load_end *end, const PGresult *now, const PGresult *was)
{
	const struct sl_table *face = end->table->face;
	int at = 0;
	for (size_t i = 0; i < face->column_count; i++) {
		if (!may_be_null(face->columns[i]))
			continue;
		at++;
		if (share(now, at) - share(was, at) > (double)face->snapshot->nulls)
			return load_refuse(end, "the column %s is null in %.1f per cent of its rows, and was in %.1f; that may be "
				"%" PRId64
				" points more (snapshot: nulls)", face->columns[i]->name, share(now, at), share(was, at),
				face->snapshot->nulls);
	}
	return true;
}

/* The table is the last load; there is nothing to measure by if it has no rows. */
static bool check_nulls(struct load_end *end, bool *fine)
{
	if (end->table->face->snapshot->nulls < 0)
		return true;
	const PGresult *now = count_nulls(end, true), *was = now ? count_nulls(end, false) : NULL;
	if (was && number_at(was, 0) > 0)
		*fine = compare_nulls(end, now, was);
	return was != NULL;
}

/* ----------------------------------------------------------------------- doubles */

static bool key_is_personal(const struct sl_table *face)
{
	for (size_t i = 0; i < face->column_count; i++)
		if (face->columns[i]->key && face->columns[i]->personal)
			return true;
	return false;
}

/* Keys that several rows have: how many, and one of them. */
static bool check_doubles(struct load_end *end, bool *fine)
{
	const struct sl_table *face = end->table->face;
	struct words sql = words_new(end->pile);
	if (face->snapshot->duplicates)
		return true;
	words_add(&sql, "SELECT pg_catalog.count(*), pg_catalog.min(ROW(");
	words_key(&sql, face, "");
	words_add(&sql, ")::text) FROM (SELECT ");
	words_key(&sql, face, "");
	words_add(&sql, " FROM ");
	words_stage(&sql, end);
	words_add(&sql, " GROUP BY ");
	words_key(&sql, face, "");
	words_add(&sql, " HAVING pg_catalog.count(*) > 1) AS doubles");
	const PGresult *result = base_ask(end->job, sql.at, NULL, 0);
	int64_t doubles = result ? number_at(result, 0) : 0;
	if (doubles)
		*fine = load_refuse(end, "%" PRId64 " keys have several rows%s%s; say `duplicates: allow` if the newest of "
			"them counts",
			doubles, key_is_personal(face) ? "" : ", such as ", key_is_personal(face) ? "" : PQgetvalue(result, 0, 1));
	return result != NULL;
}

static bool count_rows(struct load_end *end)
{
	struct words sql = words_new(end->pile);
	words_add(&sql, "SELECT pg_catalog.count(*) FROM ");
	words_stage(&sql, end);
	const PGresult *result = base_ask(end->job, sql.at, NULL, 0);
	end->rows = result ? number_at(result, 0) : 0;
	return result != NULL;
}

bool load_check(struct load_end *end, bool *fine)
{
	return count_rows(end) && check_rows(end, fine) && (!*fine || check_doubles(end, fine)) &&
		(!*fine || check_nulls(end, fine));
}
