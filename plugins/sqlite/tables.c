/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - the texts that make tables, columns and indexes. */
#include <string.h>
#include <strings.h>

#include "inside.h"

/* --------------------------------------------------------------------- types */

/* SQLite goes by affinity, which it reads off the declared type. */
enum { AFFINITY_TEXT = 1, AFFINITY_NUMERIC = 2, AFFINITY_INTEGER = 4, AFFINITY_REAL = 8, AFFINITY_BLOB = 16 };

static const struct {
	const char *declared;
	int accepted;       /* affinities of a column that is there already */
	const char *strict; /* in a STRICT table, which knows few types */
} types[] = {
	[SL_COLUMN_TEXT] = { "TEXT", AFFINITY_TEXT | AFFINITY_BLOB, "TEXT" },
	[SL_COLUMN_INT] = { "INTEGER", AFFINITY_INTEGER | AFFINITY_NUMERIC | AFFINITY_BLOB, "INTEGER" },
	[SL_COLUMN_DECIMAL] = { "DECIMAL", AFFINITY_NUMERIC | AFFINITY_INTEGER, "TEXT" },
	[SL_COLUMN_BOOL] = { "BOOLEAN", AFFINITY_INTEGER | AFFINITY_NUMERIC | AFFINITY_BLOB, "INTEGER" },
	/* people declare DATETIME, which is numeric */
	[SL_COLUMN_TIMESTAMP] = { "TEXT", AFFINITY_TEXT | AFFINITY_BLOB | AFFINITY_NUMERIC, "TEXT" },
	[SL_COLUMN_DATE] = { "TEXT", AFFINITY_TEXT | AFFINITY_BLOB | AFFINITY_NUMERIC, "TEXT" },
	[SL_COLUMN_JSON] = { "TEXT", AFFINITY_TEXT | AFFINITY_BLOB, "TEXT" },
};

/* The rules of https://sqlite.org/datatype3.html, in their order. */
static int affinity(const char *declared)
{
	static const struct {
		const char *part;
		int affinity;
	} rules[] = {
		{ "INT", AFFINITY_INTEGER }, { "CHAR", AFFINITY_TEXT }, { "CLOB", AFFINITY_TEXT }, { "TEXT", AFFINITY_TEXT },
		{ "BLOB", AFFINITY_BLOB }, { "REAL", AFFINITY_REAL }, { "FLOA", AFFINITY_REAL }, { "DOUB", AFFINITY_REAL },
	};
	if (!*declared)
		return AFFINITY_BLOB;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (strcasestr(declared, rules[i].part))
			return rules[i].affinity;
	return AFFINITY_NUMERIC;
}

const char *type_declared(const struct sl_column *column, bool strict)
{
	return strict ? types[column->type].strict : types[column->type].declared;
}

bool type_fits(const struct sl_column *column, const char *declared, bool strict)
{
	if (!strict)
		return types[column->type].accepted & affinity(declared);
	return strcasecmp(declared, "ANY") == 0 || affinity(declared) == affinity(types[column->type].strict);
}

/* ------------------------------------------------------------------- columns */

void sql_name(sqlite3_str *sql, const char *name)
{
	sqlite3_str_appendf(sql, "\"%w\"", name);
}

void sql_key(sqlite3_str *sql, const struct sl_table *table)
{
	const struct sl_column *column;
	for (int place = 1; (column = sl_key_column(table, place, NULL)); place++) {
		sqlite3_str_appendall(sql, place > 1 ? ", " : "");
		sql_name(sql, column->name);
	}
}

void sql_columns(sqlite3_str *sql, const struct sl_table *table)
{
	const char *comma = "";
	for (size_t i = 0; i < table->column_count; i++) {
		if (table->columns[i]->generated)
			continue;
		sqlite3_str_appendf(sql, "%s\"%w\"", comma, table->columns[i]->name);
		comma = ", ";
	}
}

void sql_read(sqlite3_str *sql, const struct sl_table *table)
{
	for (size_t i = 0; i < table->column_count; i++)
		sqlite3_str_appendf(sql, table->columns[i]->generated ? "%sNULL" : "%s\"%w\"", i ? ", " : "",
			table->columns[i]->name);
}

const char *sql_generated(struct job *job, const struct sl_column *column)
{
	return job_format(job, "GENERATED ALWAYS AS (%s) VIRTUAL", column->generated);
}

/* What else must have a value the host has checked: tables of people's own may be more lenient. */
static bool is_required(const struct sl_table *table, const struct sl_column *column)
{
	return column->key || (column->required && (table == &sl_sets || table == &sl_gone));
}

void sql_column(sqlite3_str *sql, const struct sl_table *table, const struct sl_column *column, bool strict)
{
	sqlite3_str_appendf(sql, "\"%w\" %s", column->name, type_declared(column, strict));
	if (column->generated)
		sqlite3_str_appendf(sql, " GENERATED ALWAYS AS (%s) VIRTUAL", column->generated);
	if (!column->initial)
		return;
	sqlite3_str_appendall(sql, " DEFAULT ");
	cell_literal(sql, column, column->initial, strict);
}

static void sql_extra(sqlite3_str *sql, const struct there *there)
{
	sqlite3_str_appendf(sql, ",\n\t\"%w\" %s%s", there->name, there->declared, there->required ? " NOT NULL" : "");
	if (there->initial)
		sqlite3_str_appendf(sql, " DEFAULT (%s)", there->initial);
}

void sql_table(sqlite3_str *sql, const struct sl_table *table, const char *as, const struct there *extra)
{
	sqlite3_str_appendf(sql, "CREATE TABLE \"%w\" (\n\t", as);
	for (size_t i = 0; i < table->column_count; i++) {
		sqlite3_str_appendall(sql, i ? ",\n\t" : "");
		sql_column(sql, table, table->columns[i], table->strict);
		sqlite3_str_appendall(sql, is_required(table, table->columns[i]) ? " NOT NULL" : "");
	}
	for (; extra; extra = extra->next)
		sql_extra(sql, extra);
	sqlite3_str_appendall(sql, ",\n\tPRIMARY KEY (");
	sql_key(sql, table);
	sqlite3_str_appendall(sql, ")\n)");
	sqlite3_str_appendall(sql, table->strict ? " STRICT" : "");
}

/* ------------------------------------------------------------------- indexes */

/* "a, b" becomes an index named after its table and columns, so that it is made once. */
const char *index_name(struct job *job, const struct sl_table *table, const char *columns)
{
	return job_format(job, "%s: %s", table->name, columns);
}

const char *index_sql(struct job *job, const struct sl_table *table, const char *columns)
{
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(sql, "CREATE INDEX \"%w: %w\" ON \"%w\" (", table->name, columns, table->name);
	for (const char *at = columns; *at;) {
		size_t len = strcspn(at, ",");
		while (*at == ' ')
			at++, len--;
		sqlite3_str_appendf(sql, "%s\"%.*w\"", at > columns + 1 ? ", " : "", (int)len, at);
		at += len + (at[len] == ',');
	}
	sqlite3_str_appendall(sql, ")");
	return job_text(job, sql);
}

const char *key_sql(struct job *job, const struct sl_table *table)
{
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(sql, "CREATE UNIQUE INDEX \"%w_key\" ON \"%w\" (", table->name, table->name);
	sql_key(sql, table);
	sqlite3_str_appendall(sql, ")");
	return job_text(job, sql);
}

const char *parent_columns(struct job *job, const struct sl_table *table)
{
	const struct sl_column *column;
	bool covered = true;
	sqlite3_str *names = sqlite3_str_new(job->sink->db);
	for (int place = 1; (column = sl_parent_column(table, place, NULL)); place++) {
		covered = covered && column->key == place;
		sqlite3_str_appendf(names, "%s%s", place > 1 ? ", " : "", column->name);
	}
	const char *text = job_text(job, names);
	return covered ? NULL : text;
}
