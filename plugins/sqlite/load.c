/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - whole loads: staged, and swapped in.
 *
 * The rows of a load gather in a table beside theirs, all of them, without a key and without
 * types: what was bound is kept as it is.  At the end they take the place of the
 * rows that were there: these go and those come, in the batch's transaction, so that views,
 * indexes and triggers stay, and readers see the old table or the new one.
 */
#include <string.h>

#include "inside.h"
#include "text.h"
#include "time.h"

#define COLUMN(column_name, column_type, key_place) \
	&(const struct sl_column) { .name = (column_name), .type = (column_type), .key = (key_place) }

const struct sl_table loads = {
	.name = "_sluice_loads",
	.mode = SL_PUT,
	.columns = (const struct sl_column *const[]){ COLUMN("name", SL_COLUMN_TEXT, 1), COLUMN("run", SL_COLUMN_TEXT, 0),
		COLUMN("state", SL_COLUMN_TEXT, 0), COLUMN("begun", SL_COLUMN_TIMESTAMP, 0),
		COLUMN("event_id", SL_COLUMN_TEXT, 0), COLUMN("rows", SL_COLUMN_INT, 0), NULL },
	.column_count = 6,
};

const char *load_table(struct job *job, const struct sl_table *table)
{
	return job_format(job, "_sluice_load_%s", table->name);
}

/* ------------------------------------------------------------- where it stands */

static const char *read_text(struct job *job, sqlite3_stmt *statement, int at)
{
	const char *text = (const char *)sqlite3_column_text(statement, at);
	return sl_pile_string(&job->brief->pile, text ? text : "");
}

static void read_load(struct job *job, sqlite3_stmt *statement, struct load *load)
{
	load->run = read_text(job, statement, 0);
	load->state = read_text(job, statement, 1);
	sl_time_read(sl_text_of(read_text(job, statement, 2)), &load->time);
	load->id = read_text(job, statement, 3);
	if (sqlite3_column_type(statement, 4) != SQLITE_NULL)
		load->rows = sqlite3_column_int64(statement, 4);
}

/* The newest load of the table; NULL: the job has ended. */
static const struct load *load_of(struct job *job, struct table *table)
{
	if (table->load)
		return table->load;
	sqlite3_stmt *statement = base_own(job, OWN_LOAD_LOOK);
	if (!statement)
		return NULL;
	struct load *load = sl_pile_take(&job->brief->pile, sizeof(*load));
	load->rows = -1;
	sqlite3_bind_text(statement, 1, table->face->name, -1, SQLITE_STATIC);
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		read_load(job, statement, load);
	else if (code != SQLITE_DONE)
		base_error(job, "looking at its loads");
	sqlite3_reset(statement);
	table->load = code == SQLITE_ROW || code == SQLITE_DONE ? load : NULL;
	return table->load;
}

static bool note_load(struct job *job, struct table *table, struct load load)
{
	char stamp[STAMP_SIZE];
	sqlite3_stmt *statement = base_own(job, OWN_LOAD_PUT);
	if (!statement)
		return false;
	sl_time_write(load.time, stamp);
	sqlite3_bind_text(statement, 1, table->face->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, load.run, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, load.state, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 4, stamp, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 5, load.id, -1, SQLITE_STATIC);
	if (load.rows >= 0)
		sqlite3_bind_int64(statement, 6, load.rows);
	else
		sqlite3_bind_null(statement, 6);
	bool noted = sqlite3_step(statement) == SQLITE_DONE || base_error(job, "noting a load");
	sqlite3_reset(statement);
	struct load *kept = sl_pile_take(&job->brief->pile, sizeof(*kept));
	*kept = load;
	table->load = kept;
	return noted;
}

/* ------------------------------------------------------------------- beginning */

/* Milliseconds are what the file keeps of a time. */
static bool is_older(const struct sl_row *row, const struct load *load)
{
	int64_t one = row->version_time / 1000, other = load->time / 1000;
	return one < other || (one == other && strcmp(row->version_id ? row->version_id : "", load->id) < 0);
}

static const char *sql_stage(struct job *job, const struct sl_table *table)
{
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(sql, "CREATE TABLE \"%w\" (", load_table(job, table));
	sql_columns(sql, table);
	sqlite3_str_appendall(sql, ")");
	return job_text(job, sql);
}

bool load_begin(struct job *job, size_t index, struct table *table, const struct sl_row *row)
{
	const struct load *load;
	if (!table->face->snapshot || !row->load) {
		job_settle(job, index, SL_FAIL,
			job_format(job, "%s: the table takes no loads; give it `snapshot`", table->face->name));
		return true;
	}
	if (!(load = load_of(job, table)))
		return false;
	if (load->run && strcmp(load->run, row->load) != 0 && is_older(row, load))
		return true;
	return base_run(job, job_format(job, "DROP TABLE IF EXISTS \"%w\"", load_table(job, table->face))) &&
		base_run(job, sql_stage(job, table->face)) &&
		note_load(job, table, (struct load){ row->load, "staged", row->version_time,
			row->version_id ? row->version_id : "", load->rows });
}

/* -------------------------------------------------------------------- staging */

static void sql_stage_row(struct job *job, sqlite3_str *sql, const struct table *table)
{
	const char *comma = "";
	sqlite3_str_appendf(sql, "INSERT INTO \"%w\" (", load_table(job, table->face));
	sql_columns(sql, table->face);
	sqlite3_str_appendall(sql, ") VALUES (");
	for (size_t i = 0; i < table->face->column_count; i++) {
		if (table->face->columns[i]->generated)
			continue;
		sqlite3_str_appendf(sql, "%s?%d", comma, (int)i + 1);
		comma = ", ";
	}
	sqlite3_str_appendall(sql, ")");
}

static bool is_staged(const struct load *load, const char *run)
{
	return load->run && strcmp(load->run, run) == 0 && strcmp(load->state, "staged") == 0;
}

bool load_stage(struct job *job, size_t index, struct table *table, const struct sl_row *row)
{
	const struct load *load = table->face->snapshot ? load_of(job, table) : NULL;
	if (job->end != END_DONE || !load || !is_staged(load, row->load))
		return job->end == END_DONE;
	sqlite3_stmt *statement = table_statement(job, table, STATEMENT_STAGE, sql_stage_row);
	if (!statement)
		return false;
	cells_bind(statement, table, row->cells);
	return write_run(job, index, statement);
}

/* --------------------------------------------------------------------- the end */

/* One statement for the row; false as with write_run. */
static bool run_once(struct job *job, size_t index, const char *sql)
{
	sqlite3_stmt *statement;
	if (!base_prepare(job, sql, &statement))
		return false;
	bool run = write_run(job, index, statement);
	sqlite3_finalize(statement);
	return run;
}

/* They meet as if they were written one by one. */
static const char *sql_swap(struct job *job, const struct table *table)
{
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(sql, "INSERT INTO \"%w\" (", table->face->name);
	sql_columns(sql, table->face);
	sqlite3_str_appendall(sql, ") SELECT ");
	sql_columns(sql, table->face);
	sqlite3_str_appendf(sql, " FROM \"%w\" WHERE true ORDER BY _rowid_", load_table(job, table->face));
	sql_meet(sql, table, table->face->mode == SL_UPSERT ? SL_UPSERT : SL_APPEND);
	return job_text(job, sql);
}

static bool swap_rows(struct job *job, size_t index, const struct table *table)
{
	return run_once(job, index, job_format(job, "DELETE FROM \"%w\"", table->face->name)) &&
		run_once(job, index, sql_swap(job, table));
}

static bool end_load(struct job *job, struct table *table, const struct load *load, int64_t rows)
{
	struct load loaded = *load;
	loaded.state = "loaded";
	loaded.rows = rows;
	return base_run(job, job_format(job, "DROP TABLE \"%w\"", load_table(job, table->face))) &&
		note_load(job, table, loaded);
}

/* Of a batch with a row that is refused nothing stays: what was swapped by then comes back. */
static bool swap(struct job *job, size_t index, struct table *table, const struct load *load)
{
	struct check check = { .job = job, .table = table, .load = load };
	const char *why;
	if (!check_staged(&check, &why))
		return false;
	if (!why && (!swap_rows(job, index, table) || !check_swapped(&check, &why)))
		return false;
	if (!why)
		return end_load(job, table, load, check.rows);
	job_settle(job, index, SL_FAIL, why);
	return true;
}

/* Why the end of a load has nothing to put in place; NULL: it has. */
static const char *passed_over(struct job *job, const struct table *table, const struct load *load, const char *run)
{
	const char *name = table->face->name;
	if (!load->run)
		return job_format(job, "%s: the load %s was never begun", name, run);
	if (strcmp(load->run, run) != 0)
		return job_format(job, "%s: the load %s is not the newest one: %s is", name, run, load->run);
	if (strcmp(load->state, "loaded") == 0)
		return job_format(job, "%s: the load %s is in its place already", name, run);
	return NULL;
}

bool load_end(struct job *job, size_t index, struct table *table, const struct sl_row *row)
{
	const struct load *load = table->face->snapshot && row->load ? load_of(job, table) : NULL;
	const char *why;
	if (!load)
		return job->end == END_DONE;
	if ((why = passed_over(job, table, load, row->load))) {
		job_settle(job, index, SL_DONE, why);
		return true;
	}
	if (strcmp(load->state, "staged") != 0) {
		job_settle(job, index, SL_FAIL, job_format(job, "%s: what was staged of the load %s is gone; the next poll "
			"brings another one", table->face->name, row->load));
		return true;
	}
	return swap(job, index, table, load);
}

/* ------------------------------------------------------------------ when opened */

static void plan_column(struct job *job, const struct sl_table *table, const char *name, const struct sl_column *column)
{
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(sql, "ALTER TABLE \"%w\" ADD COLUMN \"%w\"", name, column->name);
	if (column->initial) {
		sqlite3_str_appendall(sql, " DEFAULT ");
		cell_literal(sql, column, column->initial, table->strict);
	}
	plan_add(job, (struct change){ .type = "add column", .table = name, .column = column->name, .safe = true,
		.sql = job_text(job, sql) });
}

/* A column that is new in the schema comes to the rows that are staged, too. */
bool loads_plan(struct job *job, const struct sl_table *table)
{
	struct there *there;
	const char *name = load_table(job, table);
	if (!table->snapshot)
		return true;
	if (!look_columns(job, name, &there))
		return false;
	for (size_t i = 0; there && i < table->column_count; i++)
		if (!table->columns[i]->generated && !there_named(there, table->columns[i]->name))
			plan_column(job, table, name, table->columns[i]);
	return true;
}

static bool settle_load(struct job *job, struct table *table)
{
	const char *type, *sql;
	const struct load *load = load_of(job, table);
	if (!load || !load->run || strcmp(load->state, "staged") != 0)
		return load;
	if (!look_object(job, load_table(job, table->face), &type, &sql))
		return false;
	struct load lost = *load;
	lost.state = "lost";
	return type || note_load(job, table, lost);
}

bool loads_settle(struct job *job)
{
	for (size_t i = 0; i < job->sink->table_count; i++) {
		struct table *table = &job->sink->tables[i];
		table->load = NULL;
		if (table->face->snapshot && !settle_load(job, table))
			return false;
	}
	return true;
}
