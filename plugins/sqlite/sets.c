/* SPDX-License-Identifier: Apache-2.0 */
/* sets.c - whole sets of a parent. */
#include "inside.h"
#include "time.h"

/* Notes the set's version; `newer` tells whether it is not older than what stands. */
static bool note_set(struct job *job, size_t index, const struct table *table, const struct sl_row *row, bool *newer)
{
	char stamp[STAMP_SIZE];
	const struct sl_fold_memory memory = { sl_pile_give, &job->brief->pile };
	struct sl_text parent = sl_fold_key_text(table->face, row->cells, true, &memory);
	sqlite3_stmt *statement = base_own(job, OWN_SET);
	if (!statement)
		return false;
	sl_time_write(row->version_time, stamp);
	sqlite3_bind_text(statement, 1, table->face->name, -1, SQLITE_STATIC);
	sqlite3_bind_text64(statement, 2, parent.at, parent.len, SQLITE_STATIC, SQLITE_UTF8);
	sqlite3_bind_text(statement, 3, stamp, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 4, row->version_id ? row->version_id : "", -1, SQLITE_STATIC);
	if (!write_run(job, index, statement))
		return false;
	*newer = sqlite3_changes(job->sink->db) > 0;
	return true;
}

static void sql_clear(struct job *job, sqlite3_str *sql, const struct table *table)
{
	const struct sl_column *column;
	sqlite3_str_appendf(sql, "DELETE FROM \"%w\" WHERE ", table->face->name);
	for (int place = 1; (column = sl_parent_column(table->face, place, NULL)); place++)
		sqlite3_str_appendf(sql, "%s\"%w\" = ?%d", place > 1 ? " AND " : "", column->name, place);
}

static bool clear_parent(struct job *job, size_t index, struct table *table, const struct sl_cell *cells)
{
	size_t at;
	sqlite3_stmt *statement = table_statement(job, table, STATEMENT_CLEAR, sql_clear);
	if (!statement)
		return false;
	for (int place = 1; sl_parent_column(table->face, place, &at); place++)
		cell_bind(statement, place, table, at, &cells[at]);
	return write_run(job, index, statement);
}

bool write_set(struct job *job, size_t index, struct table *table, const struct sl_row *row)
{
	bool newer;
	if (!table->parents)
		return job_fail(job, "the table %s has no parent whose rows could be replaced", table->face->name);
	if (!note_set(job, index, table, row, &newer))
		return false;
	if (!newer)
		return true;
	if (!clear_parent(job, index, table, row->cells))
		return false;
	for (size_t i = 0; i < row->set_count; i++)
		if (!write_cells(job, index, table, row->set[i]->cells, SL_REPLACE))
			return false;
	return true;
}
