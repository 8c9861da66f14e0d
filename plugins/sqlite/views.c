/* SPDX-License-Identifier: Apache-2.0 */
/* views.c - views are made again when their text has changed. */
#include <string.h>

#include "inside.h"

/* Stands in each view of ours, so that nobody else's is ever dropped. */
#define MARK "/* made by sluice */"

static void plan_text(struct job *job, const struct sl_view *view, const char *old)
{
	const char *sql = job_format(job, "CREATE VIEW \"%w\" AS " MARK "\n%s", view->name, view->sql);
	if (old && strcmp(old, sql) == 0)
		return;
	if (old)
		sql = job_format(job, "DROP VIEW \"%w\";\n%s", view->name, sql);
	plan_add(job, (struct change){ .type = "make view", .table = view->name, .safe = true, .sql = sql });
}

static bool plan_view(struct job *job, const struct sl_view *view)
{
	const char *type, *old;
	if (!look_object(job, view->name, &type, &old))
		return false;
	if (!type || (strcmp(type, "view") == 0 && strstr(old, MARK)))
		plan_text(job, view, old);
	else
		plan_add(job, (struct change){ .type = "conflict", .table = view->name, .blocks = true,
			.why = job_format(job, "%s is wanted as a view of the schema, but is there as a %s of somebody else; "
				"rename that one", view->name, type) });
	return true;
}

bool views_plan(struct job *job)
{
	for (size_t i = 0; i < job->sink->view_count; i++)
		if (!plan_view(job, job->sink->views[i]))
			return false;
	return true;
}

/* SQLite looks at what a view names only when it is used. */
static bool try_view(struct job *job, const struct sl_view *view, enum plan plan)
{
	sqlite3_stmt *statement = NULL;
	const char *sql = job_format(job, "SELECT * FROM \"%w\" LIMIT 0", view->name);
	int code = sqlite3_prepare_v2(job->sink->db, sql, -1, &statement, NULL);
	sqlite3_finalize(statement);
	if (code == SQLITE_OK)
		return true;
	const char *why = job_format(job, "the view %s: %s", view->name, sqlite3_errmsg(job->sink->db));
	if (plan != PLAN_LOOK)
		return job_fail(job, "%s: %s", job->sink->options->path, why);
	plan_add(job, (struct change){ .type = "conflict", .table = view->name, .why = why });
	return true;
}

/* All are made before any is tried: one may read from another. */
bool views_try(struct job *job, enum plan plan)
{
	for (size_t i = 0; i < job->sink->view_count; i++)
		if (!try_view(job, job->sink->views[i], plan))
			return false;
	return true;
}

static bool is_known(const struct sink *sink, const char *name)
{
	for (size_t i = 0; i < sink->view_count; i++)
		if (sqlite3_stricmp(sink->views[i]->name, name) == 0)
			return true;
	return false;
}

/* Another route's schema may have made them: only people drop them. */
bool views_extra(struct job *job)
{
	static const char ours[] = "SELECT name FROM sqlite_schema WHERE type = 'view' AND instr(sql, '" MARK "')"
		" ORDER BY name";
	sqlite3_stmt *statement;
	int code;
	if (!base_prepare(job, ours, &statement))
		return false;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *name = sl_pile_string(&job->brief->pile, (const char *)sqlite3_column_text(statement, 0));
		if (!is_known(job->sink, name))
			plan_add(job, (struct change){ .type = "extra view", .table = name, .safe = true,
				.sql = job_format(job, "DROP VIEW \"%w\"", name),
				.why = job_format(job, "the view %s is of another schema, or of an older version of this one", name) });
	}
	sqlite3_finalize(statement);
	return code == SQLITE_DONE || base_error(job, "looking at its views");
}
