/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - a load is held against what is wanted of it, and against the last one. */
#include "inside.h"

static const struct sl_snapshot *wanted(const struct check *c)
{
	return c->table->face->snapshot;
}

static const char *name(const struct check *c)
{
	return c->table->face->name;
}

static const char *per_cent(const struct check *c, int64_t part, int64_t whole)
{
	return job_format(c->job, "%.1f %%", (double)part * 100 / (double)whole);
}

/* ------------------------------------------------------------------ how many */

/* Rows of one event are its own affair: a later one takes the place of an earlier one. */
static bool count_staged(struct check *c, int64_t *doubles)
{
	sqlite3_stmt *statement;
	sqlite3_str *sql = sqlite3_str_new(c->job->sink->db);
	sqlite3_str_appendf(sql, "SELECT count(*), total(several) FROM (SELECT %s AS several FROM \"%w\" GROUP BY ",
		c->table->guarded ? "min(_event_id) <> max(_event_id)" : "0", load_table(c->job, c->table->face));
	sql_key(sql, c->table->face);
	sqlite3_str_appendall(sql, ")");
	if (!base_prepare(c->job, job_text(c->job, sql), &statement))
		return false;
	bool counted = sqlite3_step(statement) == SQLITE_ROW || base_error(c->job, "counting what is staged");
	c->rows = sqlite3_column_int64(statement, 0);
	*doubles = sqlite3_column_int64(statement, 1);
	sqlite3_finalize(statement);
	return counted;
}

static const char *too_few(const struct check *c)
{
	if (c->rows >= wanted(c)->least)
		return NULL;
	return job_format(c->job, "%s: the load %s has %lld rows, and has to have at least %lld", name(c), c->load->run,
		(long long)c->rows, (long long)wanted(c)->least);
}

static const char *too_different(const struct check *c)
{
	int64_t last = c->load->rows, off = c->rows > last ? c->rows - last : last - c->rows;
	if (wanted(c)->change < 0 || last <= 0 || (double)off * 100 <= (double)wanted(c)->change * (double)last)
		return NULL;
	return job_format(c->job, "%s: the load %s has %lld rows, and the last one had %lld: %s %s, where %lld %% are "
		"allowed", name(c), c->load->run, (long long)c->rows, (long long)last, per_cent(c, off, last),
		c->rows > last ? "more" : "fewer", (long long)wanted(c)->change);
}

static const char *too_often(const struct check *c, int64_t doubles)
{
	if (!doubles || wanted(c)->duplicates)
		return NULL;
	return job_format(c->job, "%s: in the load %s %lld key%s more than once", name(c), c->load->run, (long long)doubles,
		doubles == 1 ? " comes" : "s come");
}

/* ----------------------------------------------------------------------- nulls */

static bool is_counted(const struct sl_column *column)
{
	return !column->key && !column->generated && column->name[0] != '_';
}

/* How many rows the table has, and how many nulls in each column. */
static bool count_nulls(const struct check *c, int64_t *rows, int64_t *nulls)
{
	const struct sl_table *table = c->table->face;
	sqlite3_str *sql = sqlite3_str_new(c->job->sink->db);
	sqlite3_stmt *statement;
	sqlite3_str_appendall(sql, "SELECT count(*)");
	for (size_t i = 0; i < table->column_count; i++)
		sqlite3_str_appendf(sql, is_counted(table->columns[i]) ? ", sum(\"%w\" IS NULL)" : ", 0",
			table->columns[i]->name);
	sqlite3_str_appendf(sql, " FROM \"%w\"", table->name);
	if (!base_prepare(c->job, job_text(c->job, sql), &statement))
		return false;
	bool counted = sqlite3_step(statement) == SQLITE_ROW || base_error(c->job, "counting what is null");
	*rows = sqlite3_column_int64(statement, 0);
	for (size_t i = 0; i < table->column_count; i++)
		nulls[i] = sqlite3_column_int64(statement, (int)i + 1);
	sqlite3_finalize(statement);
	return counted;
}

static int64_t *new_counts(const struct check *c)
{
	return sl_pile_take(&c->job->brief->pile, c->table->face->column_count * sizeof(int64_t));
}

static const char *too_empty(const struct check *c, const char *column, int64_t is, int64_t was)
{
	double share = (double)is / (double)c->rows, before = (double)was / (double)c->last;
	if ((share - before) * 100 <= (double)wanted(c)->nulls)
		return NULL;
	return job_format(c->job, "%s.%s: is null in %s of the rows of the load %s, and was in %s of the last one: more "
		"than %lld points above it", name(c), column, per_cent(c, is, c->rows), c->load->run, per_cent(c, was, c->last),
		(long long)wanted(c)->nulls);
}

/* ------------------------------------------------------------------------- all */

bool check_staged(struct check *c, const char **why)
{
	int64_t doubles;
	*why = NULL;
	if (!count_staged(c, &doubles))
		return false;
	if ((*why = too_few(c)) || (*why = too_different(c)) || (*why = too_often(c, doubles)))
		return true;
	if (wanted(c)->nulls < 0 || c->load->rows < 0)
		return true;
	c->nulls = new_counts(c);
	return count_nulls(c, &c->last, c->nulls);
}

bool check_swapped(struct check *c, const char **why)
{
	int64_t *is = c->nulls && c->last ? new_counts(c) : NULL;
	*why = NULL;
	if (!is)
		return true;
	if (!count_nulls(c, &c->rows, is))
		return false;
	for (size_t i = 0; c->rows && !*why && i < c->table->face->column_count; i++)
		*why = too_empty(c, c->table->face->columns[i]->name, is[i], c->nulls[i]);
	return true;
}
