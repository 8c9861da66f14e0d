/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - rows are written, by mode. */
#include <stdarg.h>
#include <string.h>

#include "inside.h"
#include "time.h"

/* ------------------------------------------------------------------- faults */

static void row_failed(struct job *job, size_t index, const char *table, const char *reason)
{
	struct failure *failure = sl_pile_take(&job->brief->pile, sizeof(*failure));
	char *why = sqlite3_mprintf("%s: %s", table, reason);
	failure->row = index;
	failure->why = sl_pile_string(&job->brief->pile, why ? why : reason);
	sqlite3_free(why);
	*job->last_failure = failure;
	job->last_failure = &failure->next;
}

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

/* Runs a statement for a row.  False: it did not; then the row is noted, or the
 * job has ended. */
static bool run_for(struct job *job, size_t index, sqlite3_stmt *statement)
{
	const char *table = job->rows[index]->table->name;
	int code = sqlite3_step(statement);
	bool done = code == SQLITE_DONE || code == SQLITE_ROW;
	if (!done && is_row_fault(code, sqlite3_errmsg(job->sink->db)))
		row_failed(job, index, table, sqlite3_errmsg(job->sink->db));
	else if (!done)
		base_error(job, "writing");
	sqlite3_reset(statement);
	return done;
}

/* ------------------------------------------------------------------- the text */

static void sql_insert(sqlite3_str *sql, const struct sl_table *table)
{
	sqlite3_str_appendall(sql, "INSERT INTO ");
	sql_name(sql, table->name);
	for (size_t i = 0; i < table->column_count; i++) {
		sqlite3_str_appendall(sql, i ? ", " : " (");
		sql_name(sql, table->columns[i]->name);
	}
	for (size_t i = 0; i < table->column_count; i++)
		sqlite3_str_appendf(sql, "%s?%d", i ? ", " : ") VALUES (", (int)i + 1);
	sqlite3_str_appendall(sql, ")");
}

static void sql_first(sqlite3_str *sql, const struct table *table)
{
	sqlite3_str_appendall(sql, " ON CONFLICT (");
	sql_key(sql, table->face);
	sqlite3_str_appendall(sql, ") DO NOTHING");
}

static void sql_latest(sqlite3_str *sql, const struct table *table)
{
	const char *comma = "";
	sqlite3_str_appendall(sql, " ON CONFLICT (");
	sql_key(sql, table->face);
	sqlite3_str_appendall(sql, ") DO UPDATE SET ");
	for (size_t i = 0; i < table->face->column_count; i++) {
		const char *name = table->face->columns[i]->name;
		if (table->face->columns[i]->key)
			continue;
		sqlite3_str_appendf(sql, "%s\"%w\" = excluded.\"%w\"", comma, name, name);
		comma = ", ";
	}
}

/* The newest wins.  The same version again is the same event again, and writes
 * its row again: a rewind through a corrected mapping must be able to. */
static void sql_newest(sqlite3_str *sql, const struct table *table)
{
	const char *name = table->face->name;
	sql_latest(sql, table);
	if (table->guarded)
		sqlite3_str_appendf(sql, " WHERE (excluded._event_time, excluded._event_id) >="
			" (coalesce(\"%w\"._event_time, ''), coalesce(\"%w\"._event_id, ''))", name, name);
}

static void sql_put(sqlite3_str *sql, const struct table *table)
{
	size_t keys = 0, index;
	while (sl_key_column(table->face, (int)keys + 1, &index))
		keys++;
	if (keys == table->face->column_count)
		sql_first(sql, table);
	else
		sql_latest(sql, table);
}

static void sql_nothing(sqlite3_str *sql, const struct table *table)
{
}

static void (*const endings[])(sqlite3_str *, const struct table *) = {
	[SL_APPEND] = sql_first, [SL_ONCE] = sql_first, [SL_UPSERT] = sql_newest,
	[SL_REPLACE] = sql_nothing, [SL_PUT] = sql_put,
};

static sqlite3_stmt *statement_for(struct job *job, struct table *table, enum sl_mode mode)
{
	if (table->write[mode])
		return table->write[mode];
	sqlite3_str *text = sqlite3_str_new(job->sink->db);
	sql_insert(text, table->face);
	endings[mode](text, table);
	char *sql = sqlite3_str_finish(text);
	base_prepare(job, sql, &table->write[mode]);
	sqlite3_free(sql);
	return table->write[mode];
}

/* ------------------------------------------------------------------ one row */

static bool write_one(struct job *job, size_t index, struct table *table, const struct sl_row *row)
{
	sqlite3_stmt *statement = statement_for(job, table, row->mode);
	if (!statement)
		return false;
	cells_bind(statement, table, row->cells);
	return run_for(job, index, statement);
}

/* ---------------------------------------------------------------- whole sets */

/* A parent's key as one text: its values, joined by |, with \ before a | or \. */
static const char *parent_text(struct job *job, const struct table *table, const struct sl_cell *cells)
{
	sqlite3_str *out = sqlite3_str_new(job->sink->db);
	size_t index;
	for (int place = 1; sl_parent_column(table->face, place, &index); place++) {
		const struct sl_cell *cell = &cells[index];
		sqlite3_str_appendall(out, place > 1 ? "|" : "");
		if (cell->kind == SL_CELL_INT)
			sqlite3_str_appendf(out, "%lld", (long long)cell->number);
		for (size_t i = 0; cell->kind == SL_CELL_TEXT && i < cell->text.len; i++)
			sqlite3_str_appendf(out, cell->text.at[i] == '|' || cell->text.at[i] == '\\' ? "\\%c" : "%c",
				cell->text.at[i]);
	}
	char *text = sqlite3_str_finish(out);
	const char *kept = sl_pile_string(&job->brief->pile, text ? text : "");
	sqlite3_free(text);
	return kept;
}

static const char newer_set[] =
	"INSERT INTO _sluice_sets (name, parent, event_time, event_id) VALUES (?1, ?2, ?3, ?4)"
	" ON CONFLICT (name, parent) DO UPDATE SET event_time = excluded.event_time, event_id = excluded.event_id"
	" WHERE (excluded.event_time, excluded.event_id) >= (_sluice_sets.event_time, _sluice_sets.event_id)";

/* Notes the set's version; `newer` tells whether it is not older than what stands. */
static bool note_set(struct job *job, size_t index, const struct table *table, const struct sl_row *row, bool *newer)
{
	struct sink *sink = job->sink;
	char stamp[STAMP_SIZE];
	if (!sink->set && !base_prepare(job, newer_set, &sink->set))
		return false;
	sl_time_write(row->version_time, stamp);
	sqlite3_bind_text(sink->set, 1, table->face->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(sink->set, 2, parent_text(job, table, row->cells), -1, SQLITE_STATIC);
	sqlite3_bind_text(sink->set, 3, stamp, -1, SQLITE_STATIC);
	sqlite3_bind_text(sink->set, 4, row->version_id ? row->version_id : "", -1, SQLITE_STATIC);
	if (!run_for(job, index, sink->set))
		return false;
	*newer = sqlite3_changes(sink->db) > 0;
	return true;
}

static bool prepare_clear(struct job *job, struct table *table)
{
	const struct sl_column *column;
	size_t index;
	if (table->clear)
		return true;
	sqlite3_str *text = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(text, "DELETE FROM \"%w\" WHERE ", table->face->name);
	for (int place = 1; (column = sl_parent_column(table->face, place, &index)); place++)
		sqlite3_str_appendf(text, "%s\"%w\" = ?%d", place > 1 ? " AND " : "", column->name, place);
	char *sql = sqlite3_str_finish(text);
	bool prepared = base_prepare(job, sql, &table->clear);
	sqlite3_free(sql);
	return prepared;
}

static bool clear_parent(struct job *job, size_t index, struct table *table, const struct sl_cell *cells)
{
	const struct sl_column *column;
	size_t at;
	if (!prepare_clear(job, table))
		return false;
	for (int place = 1; (column = sl_parent_column(table->face, place, &at)); place++)
		cell_bind(table->clear, place, column, &cells[at], table->stamps[at]);
	return run_for(job, index, table->clear);
}

static bool write_set(struct job *job, size_t index, struct table *table, const struct sl_row *row)
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
		if (!write_one(job, index, table, row->set[i]))
			return false;
	return true;
}

/* --------------------------------------------------------------------- rows */

static bool dispatch(struct job *job, size_t index, struct table *table, const struct sl_row *row)
{
	if (row->mode == SL_REPLACE)
		return write_set(job, index, table, row);
	if (row->mode == SL_REMOVE)
		return remove_row(job, row);
	if (row->mode == SL_EXPECT)
		return true; /* was looked at before anything was written */
	if (row->mode >= SL_APPEND && row->mode <= SL_PUT)
		return write_one(job, index, table, row);
	return job_fail(job, "%s: this sink knows no write mode %d; it is older than the engine", table->face->name,
		(int)row->mode);
}

bool write_row(struct job *job, size_t index)
{
	const struct sl_row *row = job->rows[index];
	struct table *table = table_of(job->sink, row->table);
	if (!table)
		return job_fail(job, "the sink was not told of the table %s when it was opened", row->table->name);
	if (dispatch(job, index, table, row))
		return true;
	/* A trigger may have ended the transaction: then nothing more can be tried. */
	return job->end == END_DONE && !sqlite3_get_autocommit(job->sink->db);
}
