/* SPDX-License-Identifier: Apache-2.0 */
/* loads_rows.c - a table's rows are brought to what a load has: what is gone is deleted, what differs written. */
#include <stdlib.h>
#include <string.h>

#include "loads.h"

/* What keeps a table from being put in another's place, one row each. */
static const char hangs_sql[] =
	"WITH it AS (SELECT c.*, t.typarray FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n"
	" ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_type AS t ON t.oid = c.reltype"
	" WHERE n.nspname = $1 AND c.relname = $2),"
	" own AS (SELECT 'pg_catalog.pg_class'::regclass::oid AS kind, x.indexrelid AS oid FROM it, pg_catalog.pg_index"
	" AS x WHERE x.indrelid = it.oid"
	" UNION ALL SELECT 'pg_catalog.pg_class'::regclass, it.reltoastrelid FROM it"
	" UNION ALL SELECT 'pg_catalog.pg_type'::regclass, unnest(ARRAY[it.reltype, it.typarray]) FROM it"
	" UNION ALL SELECT 'pg_catalog.pg_attrdef'::regclass, d.oid FROM it, pg_catalog.pg_attrdef AS d"
	" WHERE d.adrelid = it.oid"
	" UNION ALL SELECT 'pg_catalog.pg_constraint'::regclass, c.oid FROM it, pg_catalog.pg_constraint AS c"
	" WHERE c.conrelid = it.oid AND c.contype IN ('p', 'u', 'c', 'n') AND NOT c.condeferrable),"
	" lent AS (SELECT 'pg_catalog.pg_class'::regclass::oid AS kind, it.oid FROM it UNION ALL SELECT kind, oid FROM own"
	" WHERE kind = 'pg_catalog.pg_type'::regclass)"
	" SELECT 1 FROM lent JOIN pg_catalog.pg_depend AS d ON d.refclassid = lent.kind AND d.refobjid = lent.oid"
	" WHERE NOT EXISTS (SELECT FROM own WHERE own.kind = d.classid AND own.oid = d.objid)"
	" UNION ALL SELECT 2 FROM it WHERE it.relkind <> 'r' OR it.relispartition OR it.relrowsecurity OR"
	" it.relforcerowsecurity OR it.reloptions IS NOT NULL OR it.reltablespace <> 0 OR it.relreplident <> 'd' OR"
	" it.relpersistence <> 'p' OR it.reloftype <> 0 OR it.relhasrules OR it.relhastriggers"
	" UNION ALL SELECT 3 FROM it, pg_catalog.pg_inherits AS h WHERE h.inhrelid = it.oid OR h.inhparent = it.oid"
	" UNION ALL SELECT 4 FROM it, pg_catalog.pg_publication_tables AS p WHERE p.schemaname = $1 AND p.tablename"
	" = $2"
	" UNION ALL SELECT 5 FROM it, pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_class'::regclass"
	" AND d.objid = it.oid AND d.deptype = 'e'"
	" UNION ALL SELECT 6 FROM own JOIN pg_catalog.pg_description AS c ON c.objoid = own.oid AND c.classoid ="
	" own.kind"
	" UNION ALL SELECT 7 FROM it, pg_catalog.pg_index AS x WHERE x.indrelid = it.oid AND (x.indisclustered OR"
	" x.indisexclusion OR NOT x.indisvalid OR x.indisreplident)"
	" UNION ALL SELECT 8 FROM it, pg_catalog.pg_seclabel AS s WHERE s.objoid = it.oid"
	" UNION ALL SELECT 9 FROM it, pg_catalog.pg_attribute AS a WHERE a.attrelid = it.oid AND a.attnum > 0 AND"
	" NOT a.attisdropped"
	" AND (a.attidentity <> '' OR a.attoptions::text LIKE '%n\\_distinct%')"
	" LIMIT 1";

/* Columns that others added keep what they hold. */
static bool is_ours_alone(struct load_end *end, bool *alone)
{
	const char *const values[] = { end->job->sink->options->namespace, end->table->face->name };
	const PGresult *result = base_ask(end->job, "SELECT a.attname FROM pg_catalog.pg_class AS c"
		" JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_catalog.pg_attribute AS a"
		" ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE n.nspname = $1 AND c.relname = $2",
		values, 2);
	*alone = result && PQntuples(result) > 0;
	for (int row = 0; result && row < PQntuples(result); row++)
		if (!sl_named_column(end->table->face, PQgetvalue(result, row, 0), NULL))
			*alone = false;
	return result != NULL;
}

bool load_alone(struct load_end *end, bool *alone)
{
	const char *const values[] = { end->job->sink->options->namespace, end->table->face->name };
	const PGresult *result = base_ask(end->job, hangs_sql, values, 2);
	*alone = result && PQntuples(result) == 0;
	return result && (!*alone || is_ours_alone(end, alone));
}

/* ------------------------------------------------------------- rows by rows */

static bool is_written(const struct sl_column *column)
{
	return !column->generated;
}

static bool is_beside_key(const struct sl_column *column)
{
	return !column->generated && !column->key;
}

typedef bool chosen(const struct sl_column *column);

static void words_list(struct words *sql, const struct sl_table *face, const char *prefix, chosen *choose)
{
	const char *comma = "";
	for (size_t i = 0; i < face->column_count; i++) {
		if (!choose(face->columns[i]))
			continue;
		words_format(sql, "%s%s", comma, prefix);
		words_name(sql, face->columns[i]->name);
		comma = ", ";
	}
}

static const char *delete_sql(struct load_end *end)
{
	const struct sl_table *face = end->table->face;
	struct words sql = words_new(end->pile);
	words_add(&sql, "DELETE FROM ");
	words_old(&sql, end);
	words_add(&sql, " AS old WHERE NOT EXISTS (SELECT FROM ");
	words_stage(&sql, end);
	words_add(&sql, " AS new WHERE (");
	words_key(&sql, face, "new.");
	words_add(&sql, ") = (");
	words_key(&sql, face, "old.");
	words_add(&sql, "))");
	return sql.at;
}

/* json has no notion of equal: it is compared as text. */
static void words_differ(struct words *sql, const struct sl_table *face, const char *prefix)
{
	const char *comma = "";
	words_add(sql, "(");
	for (size_t i = 0; i < face->column_count; i++) {
		if (!is_beside_key(face->columns[i]))
			continue;
		words_format(sql, "%s%s", comma, prefix);
		words_name(sql, face->columns[i]->name);
		words_add(sql, face->columns[i]->type == SL_COLUMN_JSON ? "::text" : "");
		comma = ", ";
	}
	words_add(sql, ")");
}

static void words_update(struct words *sql, const struct sl_table *face)
{
	const char *comma = "";
	for (size_t i = 0; i < face->column_count; i++) {
		if (!is_beside_key(face->columns[i]))
			continue;
		words_add(sql, comma);
		words_name(sql, face->columns[i]->name);
		words_add(sql, " = excluded.");
		words_name(sql, face->columns[i]->name);
		comma = ", ";
	}
}

static const char *write_sql(struct load_end *end)
{
	const struct sl_table *face = end->table->face;
	struct words sql = words_new(end->pile);
	words_add(&sql, "INSERT INTO ");
	words_old(&sql, end);
	words_add(&sql, " AS old (");
	words_list(&sql, face, "", is_written);
	words_add(&sql, ") SELECT ");
	words_list(&sql, face, "new.", is_written);
	words_add(&sql, " FROM ");
	words_stage(&sql, end);
	words_add(&sql, " AS new ON CONFLICT (");
	words_key(&sql, face, "");
	words_add(&sql, ") DO UPDATE SET ");
	words_update(&sql, face);
	words_add(&sql, " WHERE ");
	words_differ(&sql, face, "old.");
	words_add(&sql, " IS DISTINCT FROM ");
	words_differ(&sql, face, "excluded.");
	return sql.at;
}

bool load_try(struct load_end *end, const char *sql, bool *fine)
{
	if (!*fine || base_try(end->job, sql))
		return true;
	if (end->job->end != END_DONE)
		return false;
	if (strcmp(end->job->fault.state, "55P03") == 0)
		return base_refused(end->job, "waiting for whoever writes to a table that a load is to fill");
	*fine = load_refuse(end, "%s", fault_of_row(end->job, end->table->face));
	return true;
}

bool load_rows(struct load_end *end, bool *fine)
{
	struct words lock = words_new(end->pile), drop = words_new(end->pile);
	words_add(&lock, "LOCK TABLE ");
	words_old(&lock, end);
	words_add(&lock, " IN SHARE ROW EXCLUSIVE MODE");
	words_add(&drop, "DROP TABLE ");
	words_stage(&drop, end);
	return load_try(end, lock.at, fine) && load_try(end, delete_sql(end), fine) &&
		load_try(end, write_sql(end), fine) && load_try(end, drop.at, fine);
}
