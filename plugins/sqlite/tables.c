/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - tables, columns and indexes are made and altered. */
#include <string.h>
#include <strings.h>

#include "inside.h"

/* --------------------------------------------------------------------- types */

/* SQLite goes by affinity, which it reads off the declared type. */
enum { AFFINITY_TEXT = 1, AFFINITY_NUMERIC = 2, AFFINITY_INTEGER = 4, AFFINITY_REAL = 8, AFFINITY_BLOB = 16 };

static const struct {
	const char *declared;
	int accepted; /* affinities of a column that is there already */
} types[] = {
	[SL_COLUMN_TEXT] = { "TEXT", AFFINITY_TEXT | AFFINITY_BLOB },
	[SL_COLUMN_INT] = { "INTEGER", AFFINITY_INTEGER | AFFINITY_NUMERIC | AFFINITY_BLOB },
	[SL_COLUMN_DECIMAL] = { "DECIMAL", AFFINITY_NUMERIC | AFFINITY_INTEGER },
	[SL_COLUMN_BOOL] = { "BOOLEAN", AFFINITY_INTEGER | AFFINITY_NUMERIC | AFFINITY_BLOB },
	[SL_COLUMN_TIMESTAMP] = { "TEXT", AFFINITY_TEXT | AFFINITY_BLOB | AFFINITY_NUMERIC }, /* DATETIME is numeric */
	[SL_COLUMN_DATE] = { "TEXT", AFFINITY_TEXT | AFFINITY_BLOB | AFFINITY_NUMERIC },
	[SL_COLUMN_JSON] = { "TEXT", AFFINITY_TEXT | AFFINITY_BLOB },
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

/* ----------------------------------------------------------------- looking */

bool object_find(struct job *job, const char *name, const char **type, const char **sql)
{
	sqlite3_stmt *statement;
	*type = *sql = NULL;
	if (!base_prepare(job, "SELECT type, sql FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE", &statement))
		return false;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		*type = sl_pile_string(&job->brief->pile, (const char *)sqlite3_column_text(statement, 0));
		*sql = sl_pile_string(&job->brief->pile, (const char *)sqlite3_column_text(statement, 1));
	}
	sqlite3_finalize(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE || base_error(job, "looking at its tables");
}

static bool count_of(struct job *job, const char *sql, const char *first, const char *second, int64_t *count)
{
	sqlite3_stmt *statement;
	if (!base_prepare(job, sql, &statement))
		return false;
	sqlite3_bind_text(statement, 1, first, -1, SQLITE_STATIC);
	if (second)
		sqlite3_bind_text(statement, 2, second, -1, SQLITE_STATIC);
	int code = sqlite3_step(statement);
	*count = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_finalize(statement);
	return code == SQLITE_ROW || base_error(job, "looking at its tables");
}

static bool run_text(struct job *job, sqlite3_str *text)
{
	char *sql = sqlite3_str_finish(text);
	bool run = sql && base_run(job, sql);
	sqlite3_free(sql);
	return run || job_retry(job, "%s: there is no memory left", job->sink->options->path);
}

/* ------------------------------------------------------------------- names */

void sql_name(sqlite3_str *sql, const char *name)
{
	sqlite3_str_appendf(sql, "\"%w\"", name);
}

void sql_key(sqlite3_str *sql, const struct sl_table *table)
{
	const struct sl_column *column;
	size_t index;
	for (int place = 1; (column = sl_key_column(table, place, &index)); place++) {
		sqlite3_str_appendall(sql, place > 1 ? ", " : "");
		sql_name(sql, column->name);
	}
}

/* ------------------------------------------------------------------- a table */

static void sql_column(sqlite3_str *sql, const struct sl_column *column)
{
	sql_name(sql, column->name);
	sqlite3_str_appendf(sql, " %s", types[column->type].declared);
}

static bool create_table(struct job *job, const struct sl_table *table)
{
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendall(sql, "CREATE TABLE ");
	sql_name(sql, table->name);
	for (size_t i = 0; i < table->column_count; i++) {
		sqlite3_str_appendall(sql, i ? ",\n\t" : " (\n\t");
		sql_column(sql, table->columns[i]);
		sqlite3_str_appendall(sql, table->columns[i]->key ? " NOT NULL" : "");
	}
	sqlite3_str_appendall(sql, ",\n\tPRIMARY KEY (");
	sql_key(sql, table);
	sqlite3_str_appendall(sql, ")\n)");
	return run_text(job, sql);
}

static bool add_column(struct job *job, const struct sl_table *table, const struct sl_column *column)
{
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendall(sql, "ALTER TABLE ");
	sql_name(sql, table->name);
	sqlite3_str_appendall(sql, " ADD COLUMN ");
	sql_column(sql, column);
	return run_text(job, sql);
}

static bool check_column(struct job *job, const struct sl_table *table, const struct sl_column *column,
	const char *declared, int hidden)
{
	const char *path = job->sink->options->path;
	if (hidden)
		return job_fail(job, "%s: the column %s.%s is a computed one, and cannot be written; rename it, or the table",
			path, table->name, column->name);
	if (types[column->type].accepted & affinity(declared))
		return true;
	return job_fail(job, "%s: the column %s.%s is declared %s and cannot hold what the schema puts there (%s); rename "
		"the column or the table, or name another file", path, table->name, column->name, declared,
		types[column->type].declared);
}

static bool match_column(struct job *job, const struct sl_table *table, const struct sl_column *column)
{
	sqlite3_stmt *statement;
	if (!base_prepare(job, "SELECT type, hidden FROM pragma_table_xinfo(?1) WHERE name = ?2 COLLATE NOCASE",
		&statement))
		return false;
	sqlite3_bind_text(statement, 1, table->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, column->name, -1, SQLITE_STATIC);
	int code = sqlite3_step(statement);
	bool fits = code == SQLITE_ROW
		? check_column(job, table, column, (const char *)sqlite3_column_text(statement, 0),
			sqlite3_column_int(statement, 1))
		: code == SQLITE_DONE || base_error(job, "looking at its columns");
	sqlite3_finalize(statement);
	return fits && (code == SQLITE_ROW || add_column(job, table, column));
}

/* A table that comes anew knows nothing of the sets that an older one had. */
static bool forget_sets(struct job *job, const struct sl_table *table)
{
	const char *type, *sql;
	if (!object_find(job, "_sluice_sets", &type, &sql))
		return false;
	sqlite3_str *text = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(text, "DELETE FROM _sluice_sets WHERE name = %Q", table->name);
	if (type)
		return run_text(job, text);
	sqlite3_free(sqlite3_str_finish(text));
	return true;
}

static bool make_columns(struct job *job, const struct sl_table *table)
{
	const char *type, *sql;
	if (!object_find(job, table->name, &type, &sql))
		return false;
	if (!type)
		return create_table(job, table) && forget_sets(job, table);
	if (strcmp(type, "table") != 0)
		return job_fail(job, "%s: %s is wanted as a table, but is there as %s %s; rename that one",
			job->sink->options->path, table->name, type[0] == 'i' ? "an" : "a", type);
	for (size_t i = 0; i < table->column_count; i++)
		if (!match_column(job, table, table->columns[i]))
			return false;
	return true;
}

/* ----------------------------------------------------------------- indexes */

/* A unique index over just the key's columns, which ON CONFLICT goes by. */
static bool has_key(struct job *job, const struct sl_table *table, bool *has)
{
	int64_t count = 0;
	sqlite3_str *in = sqlite3_str_new(job->sink->db), *sql = sqlite3_str_new(job->sink->db);
	size_t keys = 0, index;
	for (const struct sl_column *column; (column = sl_key_column(table, (int)keys + 1, &index)); keys++)
		sqlite3_str_appendf(in, "%s%Q", keys ? ", " : "", column->name);
	char *names = sqlite3_str_finish(in);
	sqlite3_str_appendf(sql,
		"SELECT count(*) FROM pragma_index_list(?1) AS list WHERE list.\"unique\" AND NOT list.partial"
		" AND (SELECT count(*) FROM pragma_index_info(list.name)) = %lld"
		" AND (SELECT count(*) FROM pragma_index_info(list.name) AS info"
		" WHERE info.name COLLATE NOCASE IN (%s)) = %lld", (long long)keys, names ? names : "", (long long)keys);
	char *text = sqlite3_str_finish(sql);
	bool counted = count_of(job, text, table->name, NULL, &count);
	sqlite3_free(names);
	sqlite3_free(text);
	*has = count > 0;
	return counted;
}

static bool create_key(struct job *job, const struct sl_table *table)
{
	sqlite3_str *text = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(text, "CREATE UNIQUE INDEX \"%w_key\" ON \"%w\" (", table->name, table->name);
	sql_key(text, table);
	sqlite3_str_appendall(text, ")");
	char *sql = sqlite3_str_finish(text);
	int code = sql ? sqlite3_exec(job->sink->db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
	sqlite3_free(sql);
	if ((code & 0xff) == SQLITE_CONSTRAINT)
		return job_fail(job, "%s: the table %s has rows that are the same in the columns of the key; remove the "
			"doubles", job->sink->options->path, table->name);
	return code == SQLITE_OK || base_error(job, "making the index of a key");
}

/* INTEGER PRIMARY KEY is the row's own number, and has no index. */
static const char is_rowid[] =
	"SELECT count(*) = 1 AND max(name) = ?2 COLLATE NOCASE AND max(type) = 'INTEGER' COLLATE NOCASE"
	" FROM pragma_table_info(?1) WHERE pk > 0";

static bool make_key(struct job *job, const struct sl_table *table)
{
	const struct sl_column *only;
	bool has;
	size_t index;
	int64_t rowid = 0;
	if (!has_key(job, table, &has))
		return false;
	if (has || !(only = sl_key_column(table, 1, &index)))
		return true;
	if (!sl_key_column(table, 2, &index) && !count_of(job, is_rowid, table->name, only->name, &rowid))
		return false;
	return rowid || create_key(job, table);
}

/* "a, b" becomes an index named after its table and columns, so that it is made once. */
static bool make_index(struct job *job, const struct sl_table *table, const char *columns)
{
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(sql, "CREATE INDEX IF NOT EXISTS \"%w: %w\" ON \"%w\" (", table->name, columns, table->name);
	for (const char *at = columns; *at;) {
		size_t len = strcspn(at, ",");
		while (*at == ' ')
			at++, len--;
		sqlite3_str_appendf(sql, "%s\"%.*w\"", at > columns + 1 ? ", " : "", (int)len, at);
		at += len + (at[len] == ',');
	}
	sqlite3_str_appendall(sql, ")");
	return run_text(job, sql);
}

static bool make_parent_index(struct job *job, const struct sl_table *table)
{
	const struct sl_column *column;
	size_t index;
	bool covered = true;
	sqlite3_str *names = sqlite3_str_new(job->sink->db);
	for (int place = 1; (column = sl_parent_column(table, place, &index)); place++) {
		covered = covered && column->key == place;
		sqlite3_str_appendf(names, "%s%s", place > 1 ? ", " : "", column->name);
	}
	char *text = sqlite3_str_finish(names);
	bool made = covered || (text && make_index(job, table, text));
	sqlite3_free(text);
	return made;
}

static bool make_indexes(struct job *job, const struct sl_table *table)
{
	for (size_t i = 0; table->indexes && table->indexes[i]; i++)
		if (!make_index(job, table, table->indexes[i]))
			return false;
	return make_key(job, table) && make_parent_index(job, table);
}

/* When a parent's set was last replaced: an empty set leaves no row that could tell. */
static const char sets[] =
	"CREATE TABLE IF NOT EXISTS _sluice_sets (\n\tname TEXT NOT NULL,\n\tparent TEXT NOT NULL,\n"
	"\tevent_time TEXT NOT NULL,\n\tevent_id TEXT NOT NULL,\n\tPRIMARY KEY (name, parent)\n) WITHOUT ROWID";

bool tables_make(struct job *job)
{
	for (size_t i = 0; i < job->sink->table_count; i++) {
		const struct table *table = &job->sink->tables[i];
		if (table->parents && !base_run(job, sets))
			return false;
		if (!make_columns(job, table->face) || !make_indexes(job, table->face))
			return false;
	}
	return true;
}
