/* SPDX-License-Identifier: Apache-2.0 */
/* keep_stand.c - the stand tables inside a route's own file. */
#include "flow/keep_stand.h"

#include <stdlib.h>

#include "base/arena.h"

struct stand_file {
	struct state *state;
	struct {
		const struct sl_table *table;
		sqlite3_stmt *put, *remove, *all;
	} of[2];
};

/* As the table was before: the file may be made only now. */
const char stand_marked[] =
	"CREATE TABLE IF NOT EXISTS \"_sluice_routes\" (\"route\" TEXT, \"log_id\" TEXT, \"cursor\" INTEGER,"
	" \"counted_from\" INTEGER, \"delivered\" INTEGER, \"dropped\" INTEGER, \"repeats\" INTEGER,"
	" \"updated_at\" INTEGER, PRIMARY KEY (\"route\"));"
	"ALTER TABLE \"_sluice_routes\" ADD COLUMN \"mark\" TEXT";

static bool is_text(const struct sl_column *column)
{
	return column->type == SL_COLUMN_TEXT;
}

static void make_sql(const struct sl_table *table, struct buf *make, struct buf *put, struct buf *remove,
	struct buf *all)
{
	const char *comma = "", *and = "";
	buf_format(make, "CREATE TABLE IF NOT EXISTS \"%s\" (", table->name);
	buf_format(put, "INSERT OR REPLACE INTO \"%s\" VALUES (", table->name);
	buf_format(remove, "DELETE FROM \"%s\" WHERE ", table->name);
	buf_string(all, "SELECT ");
	for (size_t i = 0; i < table->column_count; i++, comma = ", ") {
		const struct sl_column *column = table->columns[i];
		buf_format(make, "%s\"%s\" %s", comma, column->name, is_text(column) ? "TEXT" : "INTEGER");
		buf_format(put, "%s?%zu", comma, i + 1);
		buf_format(all, "%s\"%s\"", comma, column->name);
		if (!column->key)
			continue;
		buf_format(remove, "%s\"%s\" = ?%zu", and, column->name, i + 1);
		and = " AND ";
	}
	buf_string(make, ", PRIMARY KEY (");
	comma = "";
	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i]->key) {
			buf_format(make, "%s\"%s\"", comma, table->columns[i]->name);
			comma = ", ";
		}
	buf_string(make, "))");
	buf_char(put, ')');
	buf_format(all, " FROM \"%s\"", table->name);
}

static bool prepare(struct stand_file *file, size_t at, const struct sl_table *table)
{
	struct buf make = { 0 }, put = { 0 }, remove = { 0 }, all = { 0 };
	sqlite3 *sqlite = state_sqlite(file->state);
	make_sql(table, &make, &put, &remove, &all);
	file->of[at].table = table;
	bool well = sqlite3_exec(sqlite, make.at, NULL, NULL, NULL) == SQLITE_OK &&
		sqlite3_prepare_v2(sqlite, put.at, -1, &file->of[at].put, NULL) == SQLITE_OK &&
		sqlite3_prepare_v2(sqlite, remove.at, -1, &file->of[at].remove, NULL) == SQLITE_OK &&
		sqlite3_prepare_v2(sqlite, all.at, -1, &file->of[at].all, NULL) == SQLITE_OK;
	buf_free(&make), buf_free(&put), buf_free(&remove), buf_free(&all);
	if (!well)
		state_misfit(file->state);
	return well;
}

struct stand_file *stand_file_new(struct state *state, struct why *why)
{
	struct stand_file *file = must_alloc(sizeof(*file));
	file->state = state;
	if (prepare(file, 0, &stand_routes) && prepare(file, 1, &stand_open))
		return file;
	why_say(why, "the route's own file: %s", sqlite3_errmsg(state_sqlite(state)));
	stand_file_free(&file);
	return NULL;
}

void stand_file_free(struct stand_file **file)
{
	if (!*file)
		return;
	for (size_t i = 0; i < 2; i++) {
		sqlite3_finalize((*file)->of[i].put);
		sqlite3_finalize((*file)->of[i].remove);
		sqlite3_finalize((*file)->of[i].all);
	}
	free(*file);
	*file = NULL;
}

static void bind_cell(sqlite3_stmt *statement, int at, const struct sl_cell *cell)
{
	if (at > sqlite3_bind_parameter_count(statement))
		return;
	if (cell->kind == SL_CELL_INT)
		sqlite3_bind_int64(statement, at, cell->number);
	else if (cell->kind == SL_CELL_TEXT)
		sqlite3_bind_text(statement, at, cell->text.at, (int)cell->text.len, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, at);
}

bool stand_file_write(struct stand_file *file, const struct sl_row *row, struct why *why)
{
	size_t at = row->table == &stand_open;
	sqlite3_stmt *statement = row->mode == SL_REMOVE ? file->of[at].remove : file->of[at].put;
	if (row->mode == SL_EXPECT)
		return true; /* this file is locked: nobody else writes it */
	for (size_t i = 0; i < row->table->column_count; i++)
		bind_cell(statement, (int)i + 1, &row->cells[i]);
	bool well = sqlite3_step(statement) == SQLITE_DONE;
	if (!well)
		why_say(why, "%s", sqlite3_errmsg(state_sqlite(file->state)));
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return well;
}

static void read_cells(sqlite3_stmt *rows, const struct sl_table *table, struct sl_cell *cells)
{
	for (size_t i = 0; i < table->column_count; i++) {
		int at = (int)i;
		cells[i] = (struct sl_cell){ .kind = SL_CELL_NULL };
		if (sqlite3_column_type(rows, at) == SQLITE_NULL)
			continue;
		if (is_text(table->columns[i]))
			cells[i] = (struct sl_cell){ .kind = SL_CELL_TEXT,
				.text = { (const char *)sqlite3_column_text(rows, at), (size_t)sqlite3_column_bytes(rows, at) } };
		else
			cells[i] = (struct sl_cell){ .kind = SL_CELL_INT, .number = sqlite3_column_int64(rows, at) };
	}
}

bool stand_file_recall(struct stand_file *file, const struct sl_table *table, keep_row *row, void *data,
	struct why *why)
{
	sqlite3_stmt *rows = file->of[table == &stand_open].all;
	struct sl_cell cells[32];
	int step;
	while ((step = sqlite3_step(rows)) == SQLITE_ROW) {
		read_cells(rows, table, cells);
		row(cells, data);
	}
	sqlite3_reset(rows);
	return step == SQLITE_DONE || why_say(why, "the route's own file: %s", sqlite3_errmsg(state_sqlite(file->state)));
}
