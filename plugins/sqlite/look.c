/* SPDX-License-Identifier: Apache-2.0 */
/* look.c - what is there: tables, columns, keys. */
#include <strings.h>

#include "inside.h"

static const char *kept_column(struct job *job, sqlite3_stmt *statement, int at)
{
	return sl_pile_string(&job->brief->pile, (const char *)sqlite3_column_text(statement, at));
}

bool look_object(struct job *job, const char *name, const char **type, const char **sql)
{
	sqlite3_stmt *statement;
	*type = *sql = NULL;
	if (!base_prepare(job, "SELECT type, sql FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE", &statement))
		return false;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		*type = kept_column(job, statement, 0);
		*sql = kept_column(job, statement, 1);
	}
	sqlite3_finalize(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE || base_error(job, "looking at its tables");
}

/* ----------------------------------------------------------------- columns */

static struct there *read_column(struct job *job, sqlite3_stmt *statement)
{
	struct there *there = sl_pile_take(&job->brief->pile, sizeof(*there));
	there->name = kept_column(job, statement, 0);
	there->declared = kept_column(job, statement, 1);
	there->required = sqlite3_column_int(statement, 2);
	there->initial = kept_column(job, statement, 3);
	there->key = sqlite3_column_int(statement, 4);
	there->computed = sqlite3_column_int(statement, 5) > 1; /* 1 is a hidden one of a virtual table */
	return there;
}

bool look_columns(struct job *job, const char *table, struct there **first)
{
	static const char sql[] = "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1)";
	sqlite3_stmt *statement;
	int code;
	*first = NULL;
	if (!base_prepare(job, sql, &statement))
		return false;
	sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		*first = read_column(job, statement);
		first = &(*first)->next;
	}
	sqlite3_finalize(statement);
	return code == SQLITE_DONE || base_error(job, "looking at its columns");
}

struct there *there_named(struct there *first, const char *name)
{
	while (first && strcasecmp(first->name, name) != 0)
		first = first->next;
	return first;
}

bool look_strict(struct job *job, const char *table, bool *strict)
{
	int64_t count = 0;
	bool looked = base_count(job, "SELECT coalesce(max(strict), 0) FROM pragma_table_list WHERE schema = 'main'"
		" AND name = ?1 COLLATE NOCASE", table, NULL, &count);
	*strict = count > 0;
	return looked;
}

/* -------------------------------------------------------------------- keys */

/* INTEGER PRIMARY KEY is the row's own number, and has no index. */
static const char is_rowid[] =
	"SELECT count(*) = 1 AND max(name) = ?2 COLLATE NOCASE AND max(type) = 'INTEGER' COLLATE NOCASE"
	" FROM pragma_table_info(?1) WHERE pk > 0";

static const char unique_over[] =
	"SELECT count(*) FROM pragma_index_list(%Q) AS list WHERE list.\"unique\" AND NOT list.partial"
	" AND (SELECT count(*) FROM pragma_index_info(list.name)) = %d"
	" AND (SELECT count(*) FROM pragma_index_info(list.name) AS info WHERE info.name COLLATE NOCASE IN (%s)) = %d";

static int key_names(struct job *job, const struct sl_table *table, const char **names)
{
	sqlite3_str *in = sqlite3_str_new(job->sink->db);
	int keys = 0;
	for (const struct sl_column *column; (column = sl_key_column(table, keys + 1, NULL)); keys++)
		sqlite3_str_appendf(in, "%s%Q", keys ? ", " : "", column->name);
	*names = job_text(job, in);
	return keys;
}

/* What ON CONFLICT goes by. */
bool look_key(struct job *job, const struct sl_table *table, bool *has)
{
	const char *names;
	int64_t count = 0;
	int keys = key_names(job, table, &names);
	if (!base_count(job, job_format(job, unique_over, table->name, keys, names, keys), NULL, NULL, &count))
		return false;
	if (!count && keys == 1 &&
		!base_count(job, is_rowid, table->name, sl_key_column(table, 1, NULL)->name, &count))
		return false;
	*has = count > 0;
	return true;
}

bool look_doubles(struct job *job, const struct sl_table *table, bool *has)
{
	int64_t count = 0;
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(sql, "SELECT EXISTS (SELECT 1 FROM \"%w\" GROUP BY ", table->name);
	sql_key(sql, table);
	sqlite3_str_appendall(sql, " HAVING count(*) > 1)");
	bool looked = base_count(job, job_text(job, sql), NULL, NULL, &count);
	*has = count > 0;
	return looked;
}
