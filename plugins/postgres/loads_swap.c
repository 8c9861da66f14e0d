/* SPDX-License-Identifier: Apache-2.0 */
/* loads_swap.c - a load takes its table's place.
 *
 * Where nothing but the table itself is concerned the staging table becomes the table: its indexes
 * are made, the old one is dropped, names, comments, rights and owner go over.  Where
 * anything else hangs on the table (a view, a foreign key, a trigger, a policy, a publication,
 * columns of other people's), or a reader holds on to it for long, the table stays and its rows are
 * brought to what the load has: what is gone is deleted, what differs is written.
 */
#include <stdlib.h>
#include <string.h>

#include "loads.h"

/* What keeps a table from being put in another's place, one row each. */
static const char hangs_sql[] =
	"WITH it AS (SELECT c.* FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid ="
	" c.relnamespace"
	" WHERE n.nspname = $1 AND c.relname = $2)"
	" SELECT 1 FROM it, pg_catalog.pg_depend AS d WHERE ((d.refclassid = 'pg_catalog.pg_class'::regclass AND"
	" d.refobjid = it.oid)"
	" OR (d.refclassid = 'pg_catalog.pg_type'::regclass AND d.refobjid IN (it.reltype, (SELECT typarray FROM"
	" pg_catalog.pg_type WHERE oid = it.reltype))))"
	" AND NOT (d.classid = 'pg_catalog.pg_type'::regclass AND d.objid IN (it.reltype, (SELECT typarray FROM"
	" pg_catalog.pg_type WHERE oid = it.reltype)))"
	" AND NOT (d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid IN (SELECT oid FROM"
	" pg_catalog.pg_attrdef WHERE adrelid = it.oid))"
	" AND NOT (d.classid = 'pg_catalog.pg_constraint'::regclass AND d.objid IN (SELECT oid FROM"
	" pg_catalog.pg_constraint WHERE conrelid = it.oid AND contype IN ('p', 'u', 'c', 'n') AND NOT"
	" condeferrable))"
	" AND NOT (d.classid = 'pg_catalog.pg_class'::regclass AND d.objid IN (SELECT indexrelid FROM"
	" pg_catalog.pg_index WHERE indrelid = it.oid UNION ALL SELECT it.reltoastrelid))"
	" UNION ALL SELECT 2 FROM it WHERE it.relkind <> 'r' OR it.relispartition OR it.relrowsecurity OR"
	" it.relforcerowsecurity OR it.reloptions IS NOT NULL OR it.reltablespace <> 0 OR it.relreplident <> 'd' OR"
	" it.relpersistence <> 'p' OR it.reloftype <> 0 OR it.relhasrules OR it.relhastriggers"
	" UNION ALL SELECT 3 FROM it, pg_catalog.pg_inherits AS h WHERE h.inhrelid = it.oid OR h.inhparent = it.oid"
	" UNION ALL SELECT 4 FROM it, pg_catalog.pg_publication_tables AS p WHERE p.schemaname = $1 AND p.tablename"
	" = $2"
	" UNION ALL SELECT 5 FROM it, pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_class'::regclass"
	" AND d.objid = it.oid AND d.deptype = 'e'"
	" UNION ALL SELECT 6 FROM it, pg_catalog.pg_description AS c WHERE c.objoid IN (SELECT indexrelid FROM"
	" pg_catalog.pg_index WHERE indrelid = it.oid UNION ALL SELECT oid FROM pg_catalog.pg_constraint WHERE"
	" conrelid = it.oid)"
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

static bool stands_alone(struct load_end *end, bool *alone)
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

/* A rule of the table that refuses a row of the load refuses the load. */
static bool try_or_refuse(struct load_end *end, const char *sql, bool *fine)
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

static bool swap_rows(struct load_end *end, bool *fine)
{
	struct words lock = words_new(end->pile), drop = words_new(end->pile);
	words_add(&lock, "LOCK TABLE ");
	words_old(&lock, end);
	words_add(&lock, " IN SHARE ROW EXCLUSIVE MODE");
	words_add(&drop, "DROP TABLE ");
	words_stage(&drop, end);
	return try_or_refuse(end, lock.at, fine) && try_or_refuse(end, delete_sql(end), fine) &&
		try_or_refuse(end, write_sql(end), fine) && try_or_refuse(end, drop.at, fine);
}

/* ------------------------------------------------------------ table by table */

/* An index of the table, made again under another name. */
struct again {
	const char *name, *made, *rest; /* rest: what stands behind the table's name */
	bool unique;
	const char *constraint;         /* "PRIMARY KEY" or "UNIQUE"; NULL: it is just an index */
};

struct swap {
	struct load_end *end;
	struct again *indexes;
	size_t count;
	struct line *rights;
	const char *comment;            /* NULL: none */
};

/* pg_get_indexdef writes CREATE [UNIQUE] INDEX name ON schema.table and then what we want. */
static const char indexes_sql[] =
	"SELECT i.relname, pg_catalog.substr(pg_catalog.pg_get_indexdef(i.oid), pg_catalog.length(pg_catalog.format("
	"'CREATE %sINDEX %I ON %I.%I ', CASE WHEN x.indisunique THEN 'UNIQUE ' END, i.relname, n.nspname, c.relname)) + 1),"
	" x.indisunique, CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' END"
	" FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid"
	" JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
	" LEFT JOIN pg_catalog.pg_constraint AS k ON k.conindid = i.oid AND k.conrelid = c.oid AND k.contype IN ('p', 'u')"
	" WHERE n.nspname = $1 AND c.relname = $2 ORDER BY i.oid";

static bool read_indexes(struct swap *swap)
{
	struct load_end *end = swap->end;
	const char *const values[] = { end->job->sink->options->namespace, end->table->face->name };
	const PGresult *result = base_ask(end->job, indexes_sql, values, 2);
	swap->count = result ? (size_t)PQntuples(result) : 0;
	swap->indexes = sl_pile_take(end->pile, (swap->count + 1) * sizeof(*swap->indexes));
	for (size_t i = 0; i < swap->count; i++) {
		const char *name = PQgetvalue(result, (int)i, 0);
		swap->indexes[i] = (struct again){ .name = name, .made = name_of(end->pile, "_sluice_new_", name),
			.rest = PQgetvalue(result, (int)i, 1), .unique = *PQgetvalue(result, (int)i, 2) == 't',
			.constraint = PQgetisnull(result, (int)i, 3) ? NULL : PQgetvalue(result, (int)i, 3) };
	}
	return result != NULL;
}

static bool read_comment(struct swap *swap)
{
	struct load_end *end = swap->end;
	const char *const values[] = { end->job->sink->options->namespace, end->table->face->name };
	const PGresult *result = base_ask(end->job, "SELECT pg_catalog.obj_description(c.oid, 'pg_class')"
		" FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE n.nspname = $1 AND c.relname = $2", values, 2);
	if (result && PQntuples(result) == 1 && !PQgetisnull(result, 0, 0))
		swap->comment = PQgetvalue(result, 0, 0);
	return result != NULL;
}

/* The stage's own index was for its rows' coming. */
static bool drop_stage_indexes(struct swap *swap)
{
	struct load_end *end = swap->end;
	const char *const values[] = { end->job->sink->options->namespace, end->stage->name };
	const PGresult *result = base_ask(end->job, "SELECT i.relname FROM pg_catalog.pg_index AS x"
		" JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid"
		" JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2", values,
		2);
	for (int row = 0; result && row < PQntuples(result); row++) {
		struct words sql = words_new(end->pile);
		words_add(&sql, "DROP INDEX ");
		words_target(&sql, end->job, PQgetvalue(result, row, 0));
		if (!base_run(end->job, sql.at))
			return false;
	}
	return result != NULL;
}

static bool make_index(struct swap *swap, const struct again *index, bool *fine)
{
	struct words sql = words_new(swap->end->pile);
	words_format(&sql, "CREATE %sINDEX ", index->unique ? "UNIQUE " : "");
	words_name(&sql, index->made);
	words_add(&sql, " ON ");
	words_stage(&sql, swap->end);
	words_format(&sql, " %s", index->rest);
	return try_or_refuse(swap->end, sql.at, fine);
}

/* While readers still read the old one. */
static bool prepare(struct swap *swap, bool *fine)
{
	struct words analyze = words_new(swap->end->pile);
	if (!read_indexes(swap) || !read_comment(swap) || !drop_stage_indexes(swap) ||
		!grants_read(swap->end->job, swap->end->table->face->name, &swap->rights))
		return false;
	for (size_t i = 0; i < swap->count && *fine; i++)
		if (!make_index(swap, &swap->indexes[i], fine))
			return false;
	words_add(&analyze, "ANALYZE ");
	words_stage(&analyze, swap->end);
	return !*fine || base_run(swap->end->job, analyze.at);
}

static bool name_index(struct swap *swap, const struct again *index)
{
	struct words sql = words_new(swap->end->pile);
	if (index->constraint) {
		words_add(&sql, "ALTER TABLE ");
		words_old(&sql, swap->end);
		words_add(&sql, " ADD CONSTRAINT ");
		words_name(&sql, index->name);
		words_format(&sql, " %s USING INDEX ", index->constraint);
		words_name(&sql, index->made);
	} else {
		words_add(&sql, "ALTER INDEX ");
		words_target(&sql, swap->end->job, index->made);
		words_add(&sql, " RENAME TO ");
		words_name(&sql, index->name);
	}
	return base_run(swap->end->job, sql.at);
}

static bool give_comment(struct swap *swap)
{
	struct words sql = words_new(swap->end->pile);
	if (!swap->comment)
		return true;
	words_add(&sql, "COMMENT ON TABLE ");
	words_old(&sql, swap->end);
	words_add(&sql, " IS ");
	words_literal(&sql, swap->comment);
	return base_run(swap->end->job, sql.at);
}

/* The stage has the table's name from here on. */
static bool exchange(struct swap *swap)
{
	struct words drop = words_new(swap->end->pile), name = words_new(swap->end->pile);
	words_add(&drop, "DROP TABLE ");
	words_old(&drop, swap->end);
	words_add(&name, "ALTER TABLE ");
	words_stage(&name, swap->end);
	words_add(&name, " RENAME TO ");
	words_name(&name, swap->end->table->face->name);
	if (!base_run(swap->end->job, drop.at) || !base_run(swap->end->job, name.at))
		return false;
	for (size_t i = 0; i < swap->count; i++)
		if (!name_index(swap, &swap->indexes[i]))
			return false;
	return give_comment(swap) && grants_give(swap->end->job, swap->rights);
}

/* Readers wait while we wait: not for long. */
static bool lock_old(struct load_end *end, bool *locked)
{
	struct words lock = words_new(end->pile);
	words_add(&lock, "LOCK TABLE ");
	words_old(&lock, end);
	words_add(&lock, " IN ACCESS EXCLUSIVE MODE");
	const PGresult *was = base_ask(end->job, "SELECT pg_catalog.current_setting('lock_timeout')", NULL, 0);
	if (!was || !base_run(end->job, "SET LOCAL lock_timeout = '2s'"))
		return false;
	*locked = base_try(end->job, lock.at);
	if (!*locked && (end->job->end != END_DONE || strcmp(end->job->fault.state, "55P03") != 0))
		return end->job->end == END_DONE && base_refused(end->job, "locking a table that a load is to replace");
	struct words back = words_new(end->pile);
	words_format(&back, "SET LOCAL lock_timeout = '%s'", PQgetvalue(was, 0, 0));
	return base_run(end->job, back.at);
}

static bool swap_tables(struct load_end *end, bool *fine)
{
	struct swap swap = { .end = end };
	bool locked;
	if (!base_run(end->job, "SAVEPOINT swapping") || !prepare(&swap, fine))
		return false;
	if (!*fine)
		return true;
	if (!lock_old(end, &locked))
		return false;
	if (locked)
		return exchange(&swap) && base_run(end->job, "RELEASE SAVEPOINT swapping");
	return base_run(end->job, "ROLLBACK TO SAVEPOINT swapping") && swap_rows(end, fine);
}

bool load_swap(struct load_end *end, bool *fine)
{
	bool alone;
	if (!stands_alone(end, &alone))
		return false;
	return alone ? swap_tables(end, fine) : swap_rows(end, fine);
}
