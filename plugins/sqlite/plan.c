/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - how the file differs from the schema, and what is done about it. */
#include <string.h>

#include "inside.h"

void plan_add(struct job *job, struct change change)
{
	struct change *added = sl_pile_take(&job->brief->pile, sizeof(*added));
	*added = change;
	*job->last_change = added;
	job->last_change = &added->next;
}

/* ------------------------------------------------------------------- indexes */

static bool plan_index(struct job *job, const struct sl_table *table, const char *columns)
{
	const char *type, *sql;
	if (!look_object(job, index_name(job, table, columns), &type, &sql))
		return false;
	if (!type)
		plan_add(job, (struct change){ .type = "add index", .table = table->name, .column = columns, .safe = true,
			.slow = true, .sql = index_sql(job, table, columns) });
	return true;
}

static bool is_listed(const struct sl_table *table, const char *columns)
{
	for (size_t i = 0; table->indexes && table->indexes[i]; i++)
		if (strcmp(table->indexes[i], columns) == 0)
			return true;
	return false;
}

/* What people list, and what replacing and pruning go by. */
bool plan_indexes(struct job *job, const struct sl_table *table)
{
	const char *parents = parent_columns(job, table);
	for (size_t i = 0; table->indexes && table->indexes[i]; i++)
		if (!plan_index(job, table, table->indexes[i]))
			return false;
	if (parents && !is_listed(table, parents) && !plan_index(job, table, parents))
		return false;
	return !table->retention || is_listed(table, table->retention) || plan_index(job, table, table->retention);
}

/* -------------------------------------------------------------------- tables */

/* A table that comes anew knows nothing of what an older one had. */
static bool sql_forget(struct job *job, sqlite3_str *sql, const char *name)
{
	const struct sl_table *const owns[] = { &sl_sets, &sl_gone, &loads };
	for (size_t i = 0; i < sizeof(owns) / sizeof(*owns); i++) {
		const char *type, *made;
		if (!look_object(job, owns[i]->name, &type, &made))
			return false;
		if (type)
			sqlite3_str_appendf(sql, ";\nDELETE FROM %s WHERE name = %Q", owns[i]->name, name);
	}
	return true;
}

static bool plan_new(struct job *job, const struct sl_table *table)
{
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sql_table(sql, table, table->name, NULL);
	bool looked = sql_forget(job, sql, table->name);
	plan_add(job, (struct change){ .type = "add table", .table = table->name, .safe = true,
		.sql = job_text(job, sql) });
	return looked;
}

static bool plan_table(struct job *job, const struct sl_table *table)
{
	const char *type, *sql;
	if (!look_object(job, table->name, &type, &sql))
		return false;
	if (!type)
		return plan_new(job, table) && plan_indexes(job, table);
	if (strcmp(type, "table") == 0)
		return compare_table(job, table, sql) && loads_plan(job, table) && plan_indexes(job, table);
	plan_add(job, (struct change){ .type = "conflict", .table = table->name, .blocks = true,
		.why = job_format(job, "%s is wanted as a table, but is there as %s %s; rename that one", table->name,
			type[0] == 'i' ? "an" : "a", type) });
	return true;
}

/* The sink's own tables, where a table needs one. */
static bool plan_own(struct job *job, const struct sl_table *own)
{
	const char *type, *made;
	if (!look_object(job, own->name, &type, &made) || type)
		return type;
	sqlite3_str *sql = sqlite3_str_new(job->sink->db);
	sql_table(sql, own, own->name, NULL);
	sqlite3_str_appendall(sql, " WITHOUT ROWID");
	plan_add(job, (struct change){ .type = "add table", .table = own->name, .safe = true, .sql = job_text(job, sql) });
	return true;
}

static bool plan_owns(struct job *job)
{
	bool sets = false, gone = false, staged = false;
	for (size_t i = 0; i < job->sink->table_count; i++) {
		const struct table *table = &job->sink->tables[i];
		sets = sets || table->parents || strcmp(table->face->name, sl_sets.name) == 0;
		gone = gone || table->face->deletes == SL_DELETES_REMOVE || strcmp(table->face->name, sl_gone.name) == 0;
		staged = staged || table->face->snapshot;
	}
	return (!sets || plan_own(job, &sl_sets)) && (!gone || plan_own(job, &sl_gone)) &&
		(!staged || plan_own(job, &loads));
}

static bool is_own(const struct sl_table *table)
{
	return strcmp(table->name, sl_sets.name) == 0 || strcmp(table->name, sl_gone.name) == 0;
}

bool plan_make(struct job *job)
{
	if (!plan_owns(job))
		return false;
	for (size_t i = 0; i < job->sink->table_count; i++)
		if (!is_own(job->sink->tables[i].face) && !plan_table(job, job->sink->tables[i].face))
			return false;
	return views_plan(job);
}

/* --------------------------------------------------------- what is in addition */

/* The engine's columns tell whose a table was. */
static const char strangers[] =
	"SELECT name FROM sqlite_schema AS made WHERE type = 'table' AND substr(name, 1, 8) <> '_sluice_'"
	" AND (SELECT count(*) FROM pragma_table_info(made.name) AS info"
	" WHERE info.name IN ('_event_id', '_event_time', '_synced_at')) = 3 ORDER BY name";

static bool is_known(const struct sink *sink, const char *name)
{
	for (size_t i = 0; i < sink->table_count; i++)
		if (sqlite3_stricmp(sink->tables[i].face->name, name) == 0)
			return true;
	return false;
}

static bool extra_tables(struct job *job)
{
	sqlite3_stmt *statement;
	int code;
	if (!base_prepare(job, strangers, &statement))
		return false;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(statement, 0);
		if (!is_known(job->sink, name))
			plan_add(job, (struct change){ .type = "extra table", .table = sl_pile_string(&job->brief->pile, name),
				.safe = true });
	}
	sqlite3_finalize(statement);
	return code == SQLITE_DONE || base_error(job, "looking at its tables");
}

bool plan_extras(struct job *job)
{
	return extra_tables(job) && views_extra(job);
}

/* ----------------------------------------------------------------- being done */

/* The statement's own fault, or that of the world? */
static bool is_refusal(int code)
{
	code &= 0xff;
	return code == SQLITE_ERROR || code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH || code == SQLITE_TOOBIG;
}

static bool refuse(struct job *job, struct change *change, enum plan plan)
{
	bool view = strstr(change->type, "view") != NULL;
	const char *why = job_format(job, "the %s %s: %s", view ? "view" : "table", change->table,
		sqlite3_errmsg(job->sink->db));
	if (plan != PLAN_LOOK)
		return job_fail(job, "%s: %s", job->sink->options->path, why);
	change->type = "conflict";
	change->safe = false;
	change->why = why;
	return true;
}

static bool is_due(const struct change *change, enum plan plan)
{
	if (!change->sql || strncmp(change->type, "extra ", 6) == 0)
		return false;
	return plan == PLAN_FORCE || (change->safe && !(plan == PLAN_LOOK && change->slow));
}

bool plan_do(struct job *job, enum plan plan)
{
	const char *rebuilt = NULL; /* several differences may have one remedy */
	for (struct change *change = job->changes; change; change = change->next) {
		if (!is_due(change, plan) || change->sql == rebuilt)
			continue;
		int code = sqlite3_exec(job->sink->db, change->sql, NULL, NULL, NULL);
		if (code != SQLITE_OK && !is_refusal(code))
			return base_error(job, change->type);
		if (code != SQLITE_OK && !refuse(job, change, plan))
			return false;
		rebuilt = change->slow ? change->sql : rebuilt;
	}
	return true;
}

bool plan_blocked(struct job *job)
{
	for (const struct change *change = job->changes; change; change = change->next)
		if (change->blocks)
			return !job_fail(job, "%s: %s (`sluice schema diff` tells more)", job->sink->options->path, change->why);
	return false;
}
