/* SPDX-License-Identifier: Apache-2.0 */
/* match.c - rows are looked for: expected, removed, recalled. */
#include "inside.h"

/* Which of a row's cells are compared. */
typedef bool chosen(const struct sl_column *column, const struct sl_cell *cell);

static bool given(const struct sl_column *column, const struct sl_cell *cell)
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

static void sql_where(sqlite3_str *sql, const struct sl_row *row, chosen *choose)
{
	const char *joint = " WHERE ";
	for (size_t i = 0; i < row->table->column_count; i++) {
		if (!choose(row->table->columns[i], &row->cells[i]))
			continue;
		sqlite3_str_appendf(sql, "%s\"%w\" IS ?", joint, row->table->columns[i]->name);
		joint = " AND ";
	}
}

static void bind_where(sqlite3_stmt *statement, const struct table *table, const struct sl_row *row, chosen *choose)
{
	int at = 0;
	for (size_t i = 0; i < row->table->column_count; i++)
		if (choose(row->table->columns[i], &row->cells[i]))
			cell_bind(statement, ++at, row->table->columns[i], &row->cells[i], table->stamps[i]);
}

/* VERB "table" WHERE what is chosen: prepared and bound, or NULL. */
static sqlite3_stmt *matching(struct job *job, const char *verb, const struct sl_row *row, chosen *choose, bool ordered)
{
	const struct table *table = table_of(job->sink, row->table);
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(sql, "%s \"%w\"", verb, row->table->name);
	sql_where(sql, row, choose);
	if (ordered && sl_key_column(row->table, 1, &(size_t){ 0 })) {
		sqlite3_str_appendall(sql, " ORDER BY ");
		sql_key(sql, row->table);
	}
	sqlite3_stmt *statement = base_prepared(job, sql);
	if (statement)
		bind_where(statement, table, row, choose);
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
	sqlite3_stmt *statement = matching(job, "SELECT * FROM", row, given_key, false);
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

static bool unexpected(struct job *job, const struct sl_row *row)
{
	struct sl_cell *cells = what_stands(job, row);
	sqlite3_str *out = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(out, "%s: %s ", job->sink->options->path, row->table->name);
	sqlite3_str_appendall(out, cells ? "has " : "has no row with ");
	show_cells(out, row, cells ? given : given_key, cells ? cells : row->cells);
	sqlite3_str_appendall(out, ", where this daemon left ");
	if (count_chosen(row, given) > count_chosen(row, given_key))
		show_cells(out, row, given, row->cells);
	else
		sqlite3_str_appendall(out, "none");
	char *text = sqlite3_str_finish(out);
	job_fail(job, "%s: %s", text ? text : "", cells ? "another daemon moved the cursor, or the file was changed by hand"
							: "the file was deleted, replaced or changed by hand");
	sqlite3_free(text);
	return false;
}

bool expect_row(struct job *job, const struct sl_row *row)
{
	bool any = count_chosen(row, given) > count_chosen(row, given_key);
	if (!table_of(job->sink, row->table))
		return job_fail(job, "the sink was not told of the table %s when it was opened", row->table->name);
	sqlite3_stmt *statement = matching(job, "SELECT 1 FROM", row, given, false);
	if (!statement)
		return false;
	int code = sqlite3_step(statement);
	bool looked = code == SQLITE_ROW || code == SQLITE_DONE || base_error(job, "looking where the route stands");
	sqlite3_reset(statement);
	return looked && ((code == SQLITE_ROW) == any || unexpected(job, row));
}

/* ------------------------------------------------------------------ removed */

bool remove_row(struct job *job, const struct sl_row *row)
{
	if (!count_chosen(row, given_key))
		return job_fail(job, "%s: a row that is to be removed needs its key", row->table->name);
	sqlite3_stmt *statement = matching(job, "DELETE FROM", row, given_key, false);
	if (!statement)
		return false;
	bool removed = sqlite3_step(statement) == SQLITE_DONE || base_error(job, "removing a row");
	sqlite3_reset(statement);
	return removed;
}

/* ----------------------------------------------------------------- recalled */

static char *recall_verb(const struct sl_table *table)
{
	sqlite3_str *verb = sqlite3_str_new(NULL);
	for (size_t i = 0; i < table->column_count; i++)
		sqlite3_str_appendf(verb, "%s\"%w\"", i ? ", " : "SELECT ", table->columns[i]->name);
	sqlite3_str_appendall(verb, " FROM");
	return sqlite3_str_finish(verb);
}

static void keep_found(struct job *job, sqlite3_stmt *statement, const struct sl_table *table)
{
	struct sl_pile *pile = &job->brief->pile;
	struct found *found = sl_pile_take(pile, sizeof(*found));
	struct sl_cell *cells = sl_pile_take(pile, table->column_count * sizeof(*cells));
	for (size_t i = 0; i < table->column_count; i++)
		cell_read(statement, (int)i, table->columns[i], pile, &cells[i]);
	found->cells = cells;
	*job->last_found = found;
	job->last_found = &found->next;
}

bool recall_row(struct job *job, const struct sl_row *row)
{
	if (!table_of(job->sink, row->table))
		return job_fail(job, "the sink was not told of the table %s when it was opened", row->table->name);
	char *verb = recall_verb(row->table);
	sqlite3_stmt *statement = verb ? matching(job, verb, row, given, true) : NULL;
	int code = SQLITE_ERROR;
	sqlite3_free(verb);
	while (statement && (code = sqlite3_step(statement)) == SQLITE_ROW)
		keep_found(job, statement, row->table);
	bool read = code == SQLITE_DONE || base_error(job, "reading");
	sqlite3_reset(statement);
	return read;
}
