/* SPDX-License-Identifier: Apache-2.0 */
/* state.c - rows that have to be read before they are written. */
#include "inside.h"
#include "time.h"

static void sql_where_key(sqlite3_str *sql, const struct table *table)
{
	const struct sl_column *column;
	for (int place = 1; (column = sl_key_column(table->face, place, NULL)); place++)
		sqlite3_str_appendf(sql, "%s\"%w\" = ?%d", place > 1 ? " AND " : " WHERE ", column->name, place);
}

static void sql_look(struct job *job, sqlite3_str *sql, const struct table *table)
{
	sqlite3_str_appendall(sql, "SELECT ");
	sql_read(sql, table->face);
	sqlite3_str_appendf(sql, " FROM \"%w\"", table->face->name);
	sql_where_key(sql, table);
}

static void sql_drop(struct job *job, sqlite3_str *sql, const struct table *table)
{
	sqlite3_str_appendf(sql, "DELETE FROM \"%w\"", table->face->name);
	sql_where_key(sql, table);
}

static void bind_key(sqlite3_stmt *statement, const struct table *table, const struct sl_cell *cells)
{
	size_t index;
	for (int place = 1; sl_key_column(table->face, place, &index); place++)
		cell_bind(statement, place, table, index, &cells[index]);
}

/* --------------------------------------------------------------------- read */

static bool look_row(struct job *job, struct table *table, const struct sl_cell *key, const struct sl_cell **cells)
{
	sqlite3_stmt *statement = table_statement(job, table, STATEMENT_LOOK, sql_look);
	if (!statement)
		return false;
	bind_key(statement, table, key);
	int code = sqlite3_step(statement);
	*cells = code == SQLITE_ROW ? cells_read(statement, table->face, &job->brief->pile) : NULL;
	bool looked = code == SQLITE_ROW || code == SQLITE_DONE || base_error(job, "reading a row");
	sqlite3_reset(statement);
	return looked;
}

/* A statement about the tombstone of a key; NULL: it cannot be prepared. */
static sqlite3_stmt *about_gone(struct job *job, enum own own, const struct table *table, const struct sl_cell *key)
{
	const struct sl_fold_memory memory = { sl_pile_give, &job->brief->pile };
	struct sl_text text = sl_fold_key_text(table->face, key, false, &memory);
	sqlite3_stmt *statement = base_own(job, own);
	if (!statement)
		return NULL;
	sqlite3_bind_text(statement, 1, table->face->name, -1, SQLITE_STATIC);
	sqlite3_bind_text64(statement, 2, text.at, text.len, SQLITE_STATIC, SQLITE_UTF8);
	return statement;
}

static bool look_gone(struct job *job, const struct table *table, const struct sl_cell *key,
	struct sl_fold_state *state)
{
	if (table->face->deletes != SL_DELETES_REMOVE)
		return true;
	sqlite3_stmt *statement = about_gone(job, OWN_GONE_LOOK, table, key);
	if (!statement)
		return false;
	int code = sqlite3_step(statement);
	const char *stamp = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	state->gone = stamp && sl_time_read((struct sl_text){ stamp, (size_t)sqlite3_column_bytes(statement, 0) },
		&state->gone_time);
	bool looked = code == SQLITE_ROW || code == SQLITE_DONE || base_error(job, "reading what was removed");
	sqlite3_reset(statement);
	return looked;
}

/* ------------------------------------------------------------------- written */

static bool drop_row(struct job *job, size_t index, struct table *table, const struct sl_cell *key)
{
	sqlite3_stmt *statement = table_statement(job, table, STATEMENT_DROP, sql_drop);
	if (!statement)
		return false;
	bind_key(statement, table, key);
	return write_run(job, index, statement);
}

static bool note_gone(struct job *job, size_t index, const struct table *table, const struct sl_cell *key,
	const struct sl_fold_state *state)
{
	char stamp[STAMP_SIZE];
	sqlite3_stmt *statement = about_gone(job, state->gone ? OWN_GONE_PUT : OWN_GONE_DROP, table, key);
	if (!statement)
		return false;
	sl_time_write(state->gone_time, stamp);
	if (state->gone)
		sqlite3_bind_text(statement, 3, stamp, -1, SQLITE_STATIC);
	return write_run(job, index, statement);
}

static bool put_state(struct job *job, size_t index, struct table *table, const struct sl_cell *key,
	const struct sl_fold_state *was, const struct sl_fold_state *is)
{
	if (is->cells && !write_cells(job, index, table, is->cells, SL_PUT))
		return false;
	if (!is->cells && was->cells && !drop_row(job, index, table, key))
		return false;
	bool same = is->gone == was->gone && is->gone_time == was->gone_time;
	return same || note_gone(job, index, table, key, is);
}

/* What comes out is the same in whatever order writes come: see fold.h. */
bool write_state(struct job *job, size_t index, struct table *table, const struct sl_row *row)
{
	const struct sl_fold_memory memory = { sl_pile_give, &job->brief->pile };
	struct sl_fold_state was = { 0 }, is;
	if (!look_row(job, table, row->cells, &was.cells) || !look_gone(job, table, row->cells, &was))
		return false;
	return !sl_fold_state(table->face, &was, row, &is, &memory) || put_state(job, index, table, row->cells, &was, &is);
}
