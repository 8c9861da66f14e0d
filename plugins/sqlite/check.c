/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - a load is held against what is wanted of it, and against the last one. */
#include "inside.h"

struct checking {
	struct job *job;
	const struct table *table;
	const struct load *load;
	const struct sl_snapshot *wanted;
	int64_t rows; /* of the load, one for each key */
};

/* ------------------------------------------------------------------ how many */

static const char *per_cent(struct job *job, int64_t part, int64_t whole)
{
	return job_format(job, "%.1f %%", (double)part * 100 / (double)whole);
}

static const char *too_few(const struct checking *c)
{
	if (c->rows >= c->wanted->least)
		return NULL;
	return job_format(c->job, "%s: the load %s has %lld rows, and has to have at least %lld", c->table->face->name,
		c->load->run, (long long)c->rows, (long long)c->wanted->least);
}

static const char *too_different(const struct checking *c)
{
	int64_t last = c->load->rows, off = c->rows > last ? c->rows - last : last - c->rows;
	if (c->wanted->change < 0 || last <= 0 || (double)off * 100 <= (double)c->wanted->change * (double)last)
		return NULL;
	return job_format(c->job, "%s: the load %s has %lld rows, and the last one had %lld: %s %s, where %lld %% are "
		"allowed", c->table->face->name, c->load->run, (long long)c->rows, (long long)last, per_cent(c->job, off, last),
		c->rows > last ? "more" : "fewer", (long long)c->wanted->change);
}

/* ------------------------------------------------------------------ one by key */

/* The rows of one event are its own affair: a later one takes the place of an earlier one. */
static bool find_doubles(const struct checking *c, const char **why)
{
	int64_t doubles = 0;
	sqlite3_str *sql = sqlite3_str_new(c->job->sink->db);
	*why = NULL;
	if (c->wanted->duplicates || !c->table->guarded) {
		sqlite3_free(sqlite3_str_finish(sql));
		return true;
	}
	sqlite3_str_appendf(sql, "SELECT count(*) FROM (SELECT 1 FROM \"%w\" GROUP BY ",
		load_table(c->job, c->table->face));
	sql_key(sql, c->table->face);
	sqlite3_str_appendall(sql, " HAVING min(_event_id) <> max(_event_id))");
	bool counted = base_count(c->job, job_text(c->job, sql), NULL, NULL, &doubles);
	if (counted && doubles)
		*why = job_format(c->job, "%s: in the load %s %lld keys come more than once", c->table->face->name,
			c->load->run, (long long)doubles);
	return counted;
}

/* ----------------------------------------------------------------------- nulls */

static bool is_counted(const struct sl_column *column)
{
	return !column->key && !column->generated && column->name[0] != '_';
}

/* How many rows, and how many nulls in each column, of this table or SELECT in brackets. */
static bool count_nulls(const struct checking *c, const char *from, int64_t *rows, int64_t *nulls)
{
	const struct sl_table *table = c->table->face;
	sqlite3_str *sql = sqlite3_str_new(c->job->sink->db);
	sqlite3_stmt *statement;
	sqlite3_str_appendall(sql, "SELECT count(*)");
	for (size_t i = 0; i < table->column_count; i++)
		sqlite3_str_appendf(sql, is_counted(table->columns[i]) ? ", sum(\"%w\" IS NULL)" : ", 0",
			table->columns[i]->name);
	sqlite3_str_appendf(sql, " FROM %s", from);
	if (!base_prepare(c->job, job_text(c->job, sql), &statement))
		return false;
	bool counted = sqlite3_step(statement) == SQLITE_ROW || base_error(c->job, "counting what is null");
	*rows = sqlite3_column_int64(statement, 0);
	for (size_t i = 0; i < table->column_count; i++)
		nulls[i] = sqlite3_column_int64(statement, (int)i + 1);
	sqlite3_finalize(statement);
	return counted;
}

static const char *nulls_in(const struct checking *c, const char *column, int64_t is, int64_t was, int64_t last)
{
	double share = (double)is / (double)c->rows, before = (double)was / (double)last;
	if ((share - before) * 100 <= (double)c->wanted->nulls)
		return NULL;
	return job_format(c->job, "%s.%s: is null in %s of the rows of the load %s, and was in %s of the last one: more "
		"than %lld points above it", c->table->face->name, column, per_cent(c->job, is, c->rows), c->load->run,
		per_cent(c->job, was, last), (long long)c->wanted->nulls);
}

static bool find_nulls(const struct checking *c, const char *staged, const char **why)
{
	size_t count = c->table->face->column_count;
	int64_t *is = sl_pile_take(&c->job->brief->pile, count * 2 * sizeof(*is)), *was = is + count, rows, last;
	const char *there = job_format(c->job, "\"%w\"", c->table->face->name);
	*why = NULL;
	if (c->wanted->nulls < 0 || c->load->rows < 0 || !c->rows)
		return true;
	if (!count_nulls(c, staged, &rows, is) || !count_nulls(c, there, &last, was))
		return false;
	for (size_t i = 0; last && !*why && i < count; i++)
		*why = nulls_in(c, c->table->face->columns[i]->name, is[i], was[i], last);
	return true;
}

/* ------------------------------------------------------------------------- all */

bool check_load(struct job *job, const struct table *table, const struct load *load, int64_t *rows, const char **why)
{
	struct checking c = { job, table, load, table->face->snapshot, 0 };
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sqlite3_str_appendall(sql, "(");
	sql_staged(job, sql, table);
	sqlite3_str_appendall(sql, ")");
	const char *staged = job_text(job, sql);
	if (!base_count(job, job_format(job, "SELECT count(*) FROM %s", staged), NULL, NULL, rows))
		return false;
	c.rows = *rows;
	if ((*why = too_few(&c)) || (*why = too_different(&c)))
		return true;
	return find_doubles(&c, why) && (*why || find_nulls(&c, staged, why));
}
