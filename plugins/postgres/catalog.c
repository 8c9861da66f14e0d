/* SPDX-License-Identifier: Apache-2.0 */
/* catalog.c - what is there: tables, columns, indexes, who reads from whom. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

/* ------------------------------------------------------------------- answers */

static const char *text_at(struct sl_pile *pile, const PGresult *result, int row, int at)
{
	return PQgetisnull(result, row, at) ? NULL : sl_pile_string(pile, PQgetvalue(result, row, at));
}

static bool true_at(const PGresult *result, int row, int at)
{
	return *PQgetvalue(result, row, at) == 't';
}

/* Asks with the namespace as $1. */
static const PGresult *ask(struct job *job, const char *sql)
{
	return base_ask(job, sql, &job->sink->options->namespace, 1);
}

/* ------------------------------------------------------------------ the names */

static void words_names(struct words *words, const struct plan *plan)
{
	const struct sink *sink = plan->job->sink;
	words_add(words, "(NULL"); /* never an empty list */
	for (size_t i = 0; i < plan->wanted_count; i++) {
		words_add(words, ", ");
		words_literal(words, plan->wanted[i].face->name);
	}
	for (size_t i = 0; i < sink->view_count; i++) {
		words_add(words, ", ");
		words_literal(words, sink->views[i]->name);
	}
	words_add(words, ")");
}

/* --------------------------------------------------------------------- tables */

struct there_table *catalog_table(const struct catalog *catalog, const char *name)
{
	struct there_table *at = catalog->tables;
	while (at && strncmp(at->name, name, NAME_MOST) != 0)
		at = at->next;
	return at;
}

static void keep_table(struct plan *plan, const PGresult *result, int row)
{
	struct there_table *table = sl_pile_take(plan->pile, sizeof(*table));
	table->name = text_at(plan->pile, result, row, 0);
	table->kind = *PQgetvalue(result, row, 1);
	table->comment = text_at(plan->pile, result, row, 2);
	table->part_by = text_at(plan->pile, result, row, 3);
	table->next = plan->catalog.tables;
	plan->catalog.tables = table;
}

static const char tables_sql[] =
	"SELECT c.relname, c.relkind, pg_catalog.obj_description(c.oid, 'pg_class'),"
	" (SELECT a.attname FROM pg_catalog.pg_partitioned_table AS p JOIN pg_catalog.pg_attribute AS a"
	" ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0] WHERE p.partrelid = c.oid)"
	" FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
	" WHERE n.nspname = $1 AND c.relkind <> 't' AND (c.relname IN ";

static const char made_views[] =
	" OR (c.relkind IN ('v', 'm') AND pg_catalog.obj_description(c.oid, 'pg_class') LIKE 'made by sluice %'))";

static bool read_tables(struct plan *plan)
{
	struct words sql = words_new(plan->pile);
	words_add(&sql, tables_sql);
	words_names(&sql, plan);
	words_add(&sql, made_views);
	const PGresult *result = ask(plan->job, sql.at);
	for (int row = 0; result && row < PQntuples(result); row++)
		keep_table(plan, result, row);
	return result != NULL;
}

static bool read_namespace(struct plan *plan)
{
	const PGresult *result = ask(plan->job, "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1");
	plan->catalog.namespace = result && PQntuples(result) > 0;
	return result != NULL;
}

/* -------------------------------------------------------------------- columns */

const struct there_column *there_column(const struct there_table *table, const char *name)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (strncmp(table->columns[i].name, name, NAME_MOST) == 0)
			return &table->columns[i];
	return NULL;
}

static const char columns_sql[] =
	"SELECT c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), coalesce(b.typname, t.typname),"
	" coalesce(b.typtype, t.typtype) = 'e', a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> '',"
	" pg_catalog.col_description(c.oid, a.attnum)"
	" FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
	" JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid"
	" JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_type AS b ON b.oid = t.typbasetype"
	" WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND c.relname IN ";

static void keep_column(struct plan *plan, const PGresult *result, int row)
{
	struct there_table *table = catalog_table(&plan->catalog, PQgetvalue(result, row, 0));
	if (!table)
		return;
	table->columns[table->column_count++] = (struct there_column){
		.name = text_at(plan->pile, result, row, 1),
		.type = text_at(plan->pile, result, row, 2),
		.base = text_at(plan->pile, result, row, 3),
		.is_enum = true_at(result, row, 4),
		.not_null = true_at(result, row, 5),
		.filled = true_at(result, row, 6),
		.generated = true_at(result, row, 7),
		.comment = text_at(plan->pile, result, row, 8),
	};
}

/* Room for the columns of each table: the rows come in its order. */
static void make_room(struct plan *plan, const PGresult *result)
{
	for (struct there_table *table = plan->catalog.tables; table; table = table->next) {
		size_t count = 0;
		for (int row = 0; row < PQntuples(result); row++)
			count += strcmp(PQgetvalue(result, row, 0), table->name) == 0;
		table->columns = sl_pile_take(plan->pile, (count + 1) * sizeof(*table->columns));
	}
}

static bool read_columns(struct plan *plan)
{
	struct words sql = words_new(plan->pile);
	words_add(&sql, columns_sql);
	words_names(&sql, plan);
	words_add(&sql, " ORDER BY c.oid, a.attnum");
	const PGresult *result = ask(plan->job, sql.at);
	if (!result)
		return false;
	make_room(plan, result);
	for (int row = 0; row < PQntuples(result); row++)
		keep_column(plan, result, row);
	return true;
}

/* -------------------------------------------------------------------- indexes */

static const char indexes_sql[] =
	"SELECT c.relname, i.relname, x.indisunique, x.indisprimary,"
	" x.indisvalid AND x.indimmediate AND x.indpred IS NULL, m.amname = 'btree', a.attname, x.indnkeyatts"
	" FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid"
	" JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
	" JOIN pg_catalog.pg_am AS m ON m.oid = i.relam"
	" CROSS JOIN LATERAL pg_catalog.unnest(x.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)"
	" LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum AND k.attnum > 0"
	" WHERE n.nspname = $1 AND k.place <= x.indnkeyatts AND c.relname IN ";

static struct there_index *new_index(struct plan *plan, struct there_table *table, const PGresult *result, int row)
{
	struct there_index *index = sl_pile_take(plan->pile, sizeof(*index));
	index->name = text_at(plan->pile, result, row, 1);
	index->unique = true_at(result, row, 2);
	index->primary = true_at(result, row, 3);
	index->whole = true_at(result, row, 4);
	index->ordered = true_at(result, row, 5);
	index->columns = sl_pile_take(plan->pile, (strtoul(PQgetvalue(result, row, 7), NULL, 10) + 1) * sizeof(char *));
	index->next = table->indexes;
	return table->indexes = index;
}

/* A row is a column of an index; those of one come one after the other. */
static void keep_index(struct plan *plan, const PGresult *result, int row)
{
	struct there_table *table = catalog_table(&plan->catalog, PQgetvalue(result, row, 0));
	struct there_index *index = table ? table->indexes : NULL;
	if (!table)
		return;
	if (!index || strcmp(index->name, PQgetvalue(result, row, 1)) != 0)
		index = new_index(plan, table, result, row);
	index->columns[index->count++] = text_at(plan->pile, result, row, 6);
	index->whole = index->whole && index->columns[index->count - 1];
}

static bool read_indexes(struct plan *plan)
{
	struct words sql = words_new(plan->pile);
	words_add(&sql, indexes_sql);
	words_names(&sql, plan);
	words_add(&sql, " ORDER BY x.indrelid, x.indexrelid, k.place");
	const PGresult *result = ask(plan->job, sql.at);
	for (int row = 0; result && row < PQntuples(result); row++)
		keep_index(plan, result, row);
	return result != NULL;
}

/* ---------------------------------------------------------- who reads from whom */

/* Of rules only those of views: what else hangs on a table stops nobody from reading it. */
static const char edges_sql[] =
	"SELECT DISTINCT CASE WHEN vn.nspname = $1 THEN v.relname::text"
	" ELSE pg_catalog.format('%s.%s', vn.nspname, v.relname) END, c.relname, a.attname"
	" FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid"
	" JOIN pg_catalog.pg_class AS v ON v.oid = r.ev_class JOIN pg_catalog.pg_namespace AS vn ON vn.oid = v.relnamespace"
	" JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
	" LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid AND d.refobjsubid > 0"
	" WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass"
	" AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND n.nspname = $1 AND v.oid <> c.oid"
	" ORDER BY 1, 2, 3";

static bool read_edges(struct plan *plan)
{
	const PGresult *result = ask(plan->job, edges_sql);
	struct there_edge **last = &plan->catalog.edges;
	for (int row = 0; result && row < PQntuples(result); row++) {
		struct there_edge *edge = *last = sl_pile_take(plan->pile, sizeof(*edge));
		edge->from = text_at(plan->pile, result, row, 0);
		edge->to = text_at(plan->pile, result, row, 1);
		edge->column = text_at(plan->pile, result, row, 2);
		last = &edge->next;
	}
	return result != NULL;
}

/* ---------------------------------------------------------------------- notes */

const char *catalog_note(const struct catalog *catalog, const char *name, const char *task)
{
	for (const struct there_note *at = catalog->notes; at; at = at->next)
		if (strcmp(at->name, name) == 0 && strcmp(at->task, task) == 0)
			return at->note ? at->note : "";
	return NULL;
}

static void keep_note(struct plan *plan, const PGresult *result, int row)
{
	struct there_note *note = sl_pile_take(plan->pile, sizeof(*note));
	note->name = text_at(plan->pile, result, row, 0);
	note->task = text_at(plan->pile, result, row, 1);
	note->note = text_at(plan->pile, result, row, 2);
	note->next = plan->catalog.notes;
	plan->catalog.notes = note;
	struct there_table *table = catalog_table(&plan->catalog, note->name);
	if (table && strcmp(note->task, "made") == 0)
		table->made = true;
}

static bool read_notes(struct plan *plan)
{
	if (!catalog_table(&plan->catalog, UPKEEP_NAME))
		return true;
	struct words sql = words_new(plan->pile);
	words_add(&sql, "SELECT \"name\", task, note FROM ");
	words_target(&sql, plan->job, UPKEEP_NAME);
	const PGresult *result = base_ask(plan->job, sql.at, NULL, 0);
	for (int row = 0; result && row < PQntuples(result); row++)
		keep_note(plan, result, row);
	return result != NULL;
}

bool catalog_read(struct job *job, struct plan *plan)
{
	return read_namespace(plan) && read_tables(plan) && read_columns(plan) && read_indexes(plan) && read_edges(plan) &&
		read_notes(plan);
}
