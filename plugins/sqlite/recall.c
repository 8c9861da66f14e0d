/* SPDX-License-Identifier: Apache-2.0 */
/* recall.c - rows are read: all that are like one, or a page of them.
 *
 * A page ends with a cursor, the key of its last row: a field for each column of the key,
 * "i" and a number or "t" and a text as hexadecimal digits, joined by commas.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

static void keep_found(struct job *job, const struct sl_cell *cells)
{
	struct found *found = sl_pile_take(&job->brief->pile, sizeof(*found));
	found->cells = cells;
	*job->last_found = found;
	job->last_found = &found->next;
}

/* ------------------------------------------------------------------- cursors */

static const char *write_cursor(struct job *job, const struct sl_table *table, const struct sl_cell *cells)
{
	sqlite3_str *out = sqlite3_str_new(job->sink->db);
	size_t index;
	for (int place = 1; sl_key_column(table, place, &index); place++) {
		const struct sl_cell *cell = &cells[index];
		sqlite3_str_appendall(out, place > 1 ? "," : "");
		if (cell->kind == SL_CELL_INT)
			sqlite3_str_appendf(out, "i%lld", (long long)cell->number);
		else
			sqlite3_str_appendall(out, "t");
		for (size_t i = 0; cell->kind == SL_CELL_TEXT && i < cell->text.len; i++)
			sqlite3_str_appendf(out, "%02x", (unsigned char)cell->text.at[i]);
	}
	return job_text(job, out);
}

static bool read_hex(struct job *job, const char **at, struct sl_cell *cell)
{
	size_t len = strspn(*at, "0123456789abcdef") / 2;
	char *out = sl_pile_take(&job->brief->pile, len + 1);
	for (size_t i = 0; i < len; i++, *at += 2) {
		char pair[3] = { (*at)[0], (*at)[1], '\0' };
		out[i] = (char)strtol(pair, NULL, 16);
	}
	*cell = (struct sl_cell){ SL_CELL_TEXT, 0, { out, len } };
	return true;
}

static bool read_number(const char **at, struct sl_cell *cell)
{
	char *end;
	*cell = (struct sl_cell){ SL_CELL_INT, strtoll(*at, &end, 10), { 0 } };
	bool read = end != *at;
	*at = end;
	return read;
}

/* The cells of a key; NULL with the job's end: it is no cursor of this table. */
static const struct sl_cell *read_cursor(struct job *job, const struct sl_table *table, const char *at)
{
	struct sl_cell *cells = sl_pile_take(&job->brief->pile, table->column_count * sizeof(*cells));
	bool read = true;
	size_t index;
	for (int place = 1; read && sl_key_column(table, place, &index); place++) {
		read = place == 1 || *at++ == ',';
		char kind = read && *at ? *at++ : '\0';
		read = kind == 't' ? read_hex(job, &at, &cells[index]) : kind == 'i' && read_number(&at, &cells[index]);
	}
	if (read && !*at)
		return cells;
	job_fail(job, "%s: the cursor of %s is none that this sink gave", job->sink->options->path, table->name);
	return NULL;
}

/* -------------------------------------------------------------------- reading */

static void sql_behind(sqlite3_str *sql, const struct sl_table *table, bool first)
{
	sqlite3_str_appendall(sql, first ? " WHERE (" : " AND (");
	sql_key(sql, table);
	sqlite3_str_appendall(sql, ") > (");
	for (int place = 1; sl_key_column(table, place, NULL); place++)
		sqlite3_str_appendall(sql, place > 1 ? ", ?" : "?");
	sqlite3_str_appendall(sql, ")");
}

static bool any_given(const struct sl_row *row)
{
	for (size_t i = 0; i < row->table->column_count; i++)
		if (is_given(row->table->columns[i], &row->cells[i]))
			return true;
	return false;
}

static sqlite3_stmt *reading(struct job *job, const struct sl_row *row, const struct sl_cell *behind)
{
	const struct table *table = table_of(job->sink, row->table);
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendall(sql, "SELECT ");
	sql_read(sql, row->table);
	sqlite3_str_appendf(sql, " FROM \"%w\"", row->table->name);
	sql_where(sql, row, is_given);
	if (behind)
		sql_behind(sql, row->table, !any_given(row));
	if (sl_key_column(row->table, 1, NULL)) {
		sqlite3_str_appendall(sql, " ORDER BY ");
		sql_key(sql, row->table);
	}
	sqlite3_stmt *statement = base_prepared(job, sql);
	size_t index;
	int at = statement ? bind_where(statement, table, row, is_given) : 0;
	for (int place = 1; statement && behind && sl_key_column(row->table, place, &index); place++)
		cell_bind(statement, ++at, table, index, &behind[index]);
	return statement;
}

/* One row more than wanted tells that there are more. */
static int read_rows(struct job *job, sqlite3_stmt *statement, const struct sl_table *table)
{
	const struct sl_cell *cells = NULL;
	size_t most = job->call->most;
	int code;
	for (size_t count = 0; (code = sqlite3_step(statement)) == SQLITE_ROW; count++) {
		if (most && count == most) {
			job->cursor = write_cursor(job, table, cells);
			return SQLITE_DONE;
		}
		cells = cells_read(statement, table, &job->brief->pile);
		keep_found(job, cells);
	}
	return code;
}

bool recall_row(struct job *job, const struct sl_row *row)
{
	const char *cursor = job->call->most ? job->call->cursor : NULL;
	const struct sl_cell *behind = NULL;
	if (!table_of(job->sink, row->table))
		return job_fail(job, "the sink was not told of the table %s when it was opened", row->table->name);
	if (cursor && !(behind = read_cursor(job, row->table, cursor)))
		return false;
	sqlite3_stmt *statement = reading(job, row, behind);
	if (!statement)
		return false;
	bool read = read_rows(job, statement, row->table) == SQLITE_DONE || base_error(job, "reading");
	sqlite3_reset(statement);
	return read;
}
