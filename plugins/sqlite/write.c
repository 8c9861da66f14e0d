/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - rows are written, by mode. */
#include <string.h>

#include "inside.h"

/* ------------------------------------------------------------------- running */

/* The row's own fault, or that of the world?  SQLITE_ERROR is a function in a
 * check or trigger that refused, unless a table went away under our hands. */
static bool is_row_fault(int code, const char *message)
{
	switch (code & 0xff) {
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
		return true;
	case SQLITE_ERROR:
		return strncmp(message, "no such", 7) != 0 && !strstr(message, "has no column");
	default:
		return false;
	}
}

bool write_run(struct job *job, size_t index, sqlite3_stmt *statement)
{
	const char *message;
	int code = sqlite3_step(statement);
	bool done = code == SQLITE_DONE || code == SQLITE_ROW;
	if (!done && is_row_fault(code, message = sqlite3_errmsg(job->sink->db)))
		job_settle(job, index, SL_FAIL, job_format(job, "%s: %s", job->rows[index]->table->name, message));
	else if (!done)
		base_error(job, "writing");
	sqlite3_reset(statement);
	return done;
}

sqlite3_stmt *table_statement(struct job *job, struct table *table, int which, statement_text *text)
{
	if (table->statements[which])
		return table->statements[which];
	sqlite3_str *made = sqlite3_str_new(job->sink->db);
	text(job, made, table);
	char *sql = sqlite3_str_finish(made);
	base_prepare(job, sql, &table->statements[which]);
	sqlite3_free(sql);
	return table->statements[which];
}

/* ------------------------------------------------------------------ the text */

static void sql_insert(sqlite3_str *sql, const struct sl_table *table)
{
	const char *comma = "";
	sqlite3_str_appendf(sql, "INSERT INTO \"%w\" (", table->name);
	sql_columns(sql, table);
	sqlite3_str_appendall(sql, ") VALUES (");
	for (size_t i = 0; i < table->column_count; i++) {
		if (table->columns[i]->generated)
			continue;
		sqlite3_str_appendf(sql, "%s?%d", comma, (int)i + 1);
		comma = ", ";
	}
	sqlite3_str_appendall(sql, ")");
}

static void sql_conflict(sqlite3_str *sql, const struct table *table)
{
	sqlite3_str_appendall(sql, " ON CONFLICT (");
	sql_key(sql, table->face);
	sqlite3_str_appendall(sql, ") DO ");
}

static void sql_update(sqlite3_str *sql, const struct table *table)
{
	const char *comma = "UPDATE SET ";
	sql_conflict(sql, table);
	for (size_t i = 0; i < table->face->column_count; i++) {
		const struct sl_column *column = table->face->columns[i];
		if (column->key || column->generated)
			continue;
		sqlite3_str_appendf(sql, "%s\"%w\" = excluded.\"%w\"", comma, column->name, column->name);
		comma = ", ";
	}
}

static void sql_first(sqlite3_str *sql, const struct table *table)
{
	sql_conflict(sql, table);
	sqlite3_str_appendall(sql, "NOTHING");
}

/* The newest wins.  The same version again is the same event again, and writes
 * its row again: a rewind through a corrected mapping must be able to. */
static void sql_newest(sqlite3_str *sql, const struct table *table)
{
	const char *name = table->face->name;
	sql_update(sql, table);
	if (table->guarded)
		sqlite3_str_appendf(sql, " WHERE (excluded._event_time, excluded._event_id) >="
			" (coalesce(\"%w\"._event_time, ''), coalesce(\"%w\"._event_id, ''))", name, name);
}

static bool is_all_key(const struct sl_table *table)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (!table->columns[i]->key && !table->columns[i]->generated)
			return false;
	return true;
}

static void sql_last(sqlite3_str *sql, const struct table *table)
{
	(is_all_key(table->face) ? sql_first : sql_update)(sql, table);
}

static void sql_nothing(sqlite3_str *sql, const struct table *table)
{
}

static void (*const meetings[])(sqlite3_str *, const struct table *) = {
	[SL_APPEND] = sql_first, [SL_ONCE] = sql_first, [SL_UPSERT] = sql_newest, [SL_REPLACE] = sql_nothing,
	[SL_PUT] = sql_last,
};

void sql_meet(sqlite3_str *sql, const struct table *table, enum sl_mode mode)
{
	meetings[mode](sql, table);
}

static sqlite3_stmt *writing(struct job *job, struct table *table, enum sl_mode mode)
{
	if (table->statements[mode])
		return table->statements[mode];
	sqlite3_str *text = sqlite3_str_new(job->sink->db);
	sql_insert(text, table->face);
	sql_meet(text, table, mode);
	char *sql = sqlite3_str_finish(text);
	base_prepare(job, sql, &table->statements[mode]);
	sqlite3_free(sql);
	return table->statements[mode];
}

bool write_cells(struct job *job, size_t index, struct table *table, const struct sl_cell *cells, enum sl_mode mode)
{
	sqlite3_stmt *statement = writing(job, table, mode);
	if (!statement)
		return false;
	cells_bind(statement, table, cells);
	return write_run(job, index, statement);
}

/* --------------------------------------------------------------------- rows */

typedef bool writer(struct job *job, size_t index, struct table *table, const struct sl_row *row);

static bool write_guarded(struct job *job, size_t index, struct table *table, const struct sl_row *row)
{
	if (row->mode == SL_UPSERT && table->reads)
		return write_state(job, index, table, row);
	return write_cells(job, index, table, row->cells, row->mode);
}

static bool write_patch(struct job *job, size_t index, struct table *table, const struct sl_row *row)
{
	if (sl_named_column(table->face, "_times", NULL))
		return write_state(job, index, table, row);
	job_settle(job, index, SL_FAIL,
		job_format(job, "%s: the table takes no patches; give it `mode: patch`", table->face->name));
	return false;
}

static bool write_delete(struct job *job, size_t index, struct table *table, const struct sl_row *row)
{
	if (table->face->deletes != SL_DELETES_NONE)
		return write_state(job, index, table, row);
	job_settle(job, index, SL_FAIL, job_format(job, "%s: the table knows no deletes; give it `deletes: mark` or "
		"`deletes: remove`", table->face->name));
	return false;
}

/* Was looked at before anything was written. */
static bool pass_over(struct job *job, size_t index, struct table *table, const struct sl_row *row)
{
	return true;
}

static writer *const writers[] = {
	[SL_APPEND] = write_guarded, [SL_ONCE] = write_guarded, [SL_UPSERT] = write_guarded, [SL_REPLACE] = write_set,
	[SL_PUT] = write_guarded, [SL_REMOVE] = remove_row, [SL_EXPECT] = pass_over, [SL_PATCH] = write_patch,
	[SL_DELETE] = write_delete, [SL_LOAD_BEGIN] = load_begin, [SL_LOAD_END] = load_end,
};

static bool refuse_load(struct job *job, size_t index, struct table *table, const struct sl_row *row)
{
	job_settle(job, index, SL_FAIL,
		job_format(job, "%s: a load takes rows of the modes append and upsert only", table->face->name));
	return false;
}

/* Rows of a load are staged. */
static writer *const stagers[] = {
	[SL_APPEND] = load_stage, [SL_ONCE] = load_stage, [SL_UPSERT] = load_stage, [SL_REPLACE] = refuse_load,
	[SL_PATCH] = refuse_load, [SL_DELETE] = refuse_load, [SL_LOAD_BEGIN] = load_begin, [SL_LOAD_END] = load_end,
};

static writer *writer_of(const struct sl_row *row)
{
	if (row->mode >= sizeof(writers) / sizeof(*writers))
		return NULL;
	return row->load ? stagers[row->mode] : writers[row->mode];
}

bool write_row(struct job *job, size_t index)
{
	const struct sl_row *row = job->rows[index];
	struct table *table = table_of(job->sink, row->table);
	writer *write = writer_of(row);
	if (!table)
		return job_fail(job, "the sink was not told of the table %s when it was opened", row->table->name);
	if (!write)
		return job_fail(job, "%s: this sink knows no write mode %d; it is older than the engine", table->face->name,
			(int)row->mode);
	if (write(job, index, table, row))
		return true;
	/* A trigger may have ended the transaction: then nothing more can be tried. */
	return job->end == END_DONE && !sqlite3_get_autocommit(job->sink->db);
}
