/* SPDX-License-Identifier: Apache-2.0 */
/* upkeep.c - rows past their retention go, a few at a time, so that nobody waits for long. */
#include <time.h>

#include "inside.h"

#define PIECE 1000 /* rows */
#define DAY INT64_C(86400)

/* What is older than this goes: as a cell of the column. */
static struct sl_cell oldest(const struct sl_table *table, const struct sl_column *column)
{
	int64_t ms = (int64_t)time(NULL) * 1000 - table->retention_ms;
	int64_t days = ms / 1000 / DAY;
	return (struct sl_cell){ SL_CELL_INT, column->type == SL_COLUMN_DATE ? days : ms * 1000, { 0 } };
}

static sqlite3_stmt *pruning(struct job *job, const struct sl_table *table)
{
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendf(sql, "DELETE FROM \"%w\" WHERE (", table->name);
	sql_key(sql, table);
	sqlite3_str_appendall(sql, ") IN (SELECT ");
	sql_key(sql, table);
	sqlite3_str_appendf(sql, " FROM \"%w\" WHERE \"%w\" < ?1 LIMIT %d)", table->name, table->retention, PIECE);
	return base_prepared(job, sql);
}

static bool prune(struct job *job, const struct table *table)
{
	size_t index;
	const struct sl_column *column = sl_named_column(table->face, table->face->retention, &index);
	sqlite3_stmt *statement = column ? pruning(job, table->face) : NULL;
	if (!statement)
		return !column;
	struct sl_cell cell = oldest(table->face, column);
	cell_bind(statement, 1, table, index, &cell);
	bool pruned = sqlite3_step(statement) == SQLITE_DONE || base_error(job, "removing old rows");
	sqlite3_reset(statement);
	if (pruned && sqlite3_changes(job->sink->db) > 0) {
		job->pruned = table->face->name;
		job->pruned_rows = sqlite3_changes(job->sink->db);
		job->cursor = table->face->name; /* there may be more */
	}
	return pruned;
}

/* Each piece is a transaction of its own. */
bool upkeep_run(struct job *job)
{
	for (size_t i = 0; i < job->sink->table_count && !job->pruned; i++)
		if (job->sink->tables[i].face->retention && !prune(job, &job->sink->tables[i]))
			return false;
	return true;
}
