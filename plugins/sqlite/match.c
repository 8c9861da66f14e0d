/* SPDX-License-Identifier: Apache-2.0 */
/* match.c - rows are looked for: expected, removed. */
#include "inside.h"

bool is_given(const struct sl_column *column, const struct sl_cell *cell)
{
	return cell->kind != SL_CELL_NONE;
}

static bool given_key(const struct sl_column *column, const struct sl_cell *cell)
{
	return column->key && cell->kind != SL_CELL_NONE;
}

static size_t count_chosen(const struct sl_row *row, chosen *choose)
{
	size_t count = 0;
	for (size_t i = 0; i < row->table->column_count; i++)
		count += choose(row->table->columns[i], &row->cells[i]);
	return count;
}

void sql_where(sqlite3_str *sql, const struct sl_row *row, chosen *choose)
{
	const char *joint = " WHERE ";
	for (size_t i = 0; i < row->table->column_count; i++) {
		if (!choose(row->table->columns[i], &row->cells[i]))
			continue;
		sqlite3_str_appendf(sql, "%s\"%w\" IS ?", joint, row->table->columns[i]->name);
		joint = " AND ";
	}
}

int bind_where(sqlite3_stmt *statement, const struct table *table, const struct sl_row *row, chosen *choose)
{
	int at = 0;
	for (size_t i = 0; i < row->table->column_count; i++)
		if (choose(row->table->columns[i], &row->cells[i]))
			cell_bind(statement, ++at, table, i, &row->cells[i]);
	return at;
}

/* VERB "table" WHERE what is chosen: prepared and bound, or NULL. */
static sqlite3_stmt *matching(struct job *job, const char *verb, const struct sl_row *row, chosen *choose)
{
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(sql, "%s \"%w\"", verb, row->table->name);
	sql_where(sql, row, choose);
	sqlite3_stmt *statement = base_prepared(job, sql);
	if (statement)
		bind_where(statement, table_of(job->sink, row->table), row, choose);
	return statement;
}

/* ----------------------------------------------------------------- expected */

static void show_cells(sqlite3_str *out, const struct sl_row *row, chosen *choose, const struct sl_cell *cells)
{
	const char *comma = "";
	for (size_t i = 0; i < row->table->column_count; i++) {
		if (!choose(row->table->columns[i], &row->cells[i]))
			continue;
		sqlite3_str_appendf(out, "%s%s ", comma, row->table->columns[i]->name);
		cell_show(out, row->table->columns[i], &cells[i]);
		comma = ", ";
	}
}

/* What stands in place of the expected row: cells, or NULL if there is none. */
static struct sl_cell *what_stands(struct job *job, const struct sl_row *row)
{
	sqlite3_stmt *statement = matching(job, "SELECT * FROM", row, given_key);
	struct sl_cell *cells = NULL;
	if (statement && sqlite3_step(statement) == SQLITE_ROW) {
		cells = sl_pile_take(&job->brief->pile, row->table->column_count * sizeof(*cells));
		for (int at = 0; at < sqlite3_column_count(statement); at++)
			for (size_t i = 0; i < row->table->column_count; i++)
				if (sqlite3_stricmp(sqlite3_column_name(statement, at), row->table->columns[i]->name) == 0)
					cell_read(statement, at, row->table->columns[i], &job->brief->pile, &cells[i]);
	}
	sqlite3_reset(statement);
	return cells;
}

/* Who looks first after a COMMIT in doubt finds out what became of it. */
static bool was_ours(struct job *job, size_t index)
{
	if (!job->sink->doubted)
		return false;
	job->sink->doubted = false;
	job_settle(job, index, SL_RETRY, "an earlier batch, whose COMMIT seemed to fail, had been written");
	return true;
}

static bool unexpected(struct job *job, const struct sl_row *row)
{
	struct sl_cell *cells = what_stands(job, row);
	sqlite3_str *out = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(out, "%s: %s ", job->sink->options->path, row->table->name);
	sqlite3_str_appendall(out, cells ? "has " : "has no row with ");
	show_cells(out, row, cells ? is_given : given_key, cells ? cells : row->cells);
	sqlite3_str_appendall(out, ", where this daemon left ");
	if (count_chosen(row, is_given) > count_chosen(row, given_key))
		show_cells(out, row, is_given, row->cells);
	else
		sqlite3_str_appendall(out, "none");
	char *text = sqlite3_str_finish(out);
	job_fail(job, "%s: %s", text ? text : "", cells ? "another daemon moved the cursor, or the file was changed by hand"
							: "the file was deleted, replaced or changed by hand");
	sqlite3_free(text);
	return false;
}

bool expect_row(struct job *job, size_t index)
{
	const struct sl_row *row = job->rows[index];
	bool any = count_chosen(row, is_given) > count_chosen(row, given_key);
	if (!table_of(job->sink, row->table))
		return job_fail(job, "the sink was not told of the table %s when it was opened", row->table->name);
	sqlite3_stmt *statement = matching(job, "SELECT 1 FROM", row, is_given);
	if (!statement)
		return false;
	int code = sqlite3_step(statement);
	bool looked = code == SQLITE_ROW || code == SQLITE_DONE || base_error(job, "looking where the route stands");
	sqlite3_reset(statement);
	if (!looked || (code == SQLITE_ROW) == any)
		return looked;
	return !was_ours(job, index) && unexpected(job, row);
}

/* ------------------------------------------------------------------ removed */

bool remove_row(struct job *job, size_t index, struct table *table, const struct sl_row *row)
{
	if (!count_chosen(row, given_key))
		return job_fail(job, "%s: a row that is to be removed needs its key", row->table->name);
	sqlite3_stmt *statement = matching(job, "DELETE FROM", row, given_key);
	return statement && write_run(job, index, statement);
}
