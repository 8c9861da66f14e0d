/* SPDX-License-Identifier: Apache-2.0 */
/* views.c - views are made again when their text has changed. */
#include <string.h>

#include "inside.h"

/* Stands in each view of ours, so that nobody else's is ever dropped. */
#define MARK "/* made by sluice */"

static bool run_format(struct job *job, const char *form, const char *name)
{
	char *sql = sqlite3_mprintf(form, name);
	bool run = sql && base_run(job, sql);
	sqlite3_free(sql);
	return run || job_retry(job, "%s: there is no memory left", job->sink->options->path);
}

static bool create_view(struct job *job, const struct sl_view *view, const char *sql)
{
	if (sqlite3_exec(job->sink->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	if ((sqlite3_errcode(job->sink->db) & 0xff) != SQLITE_ERROR)
		return base_error(job, "making a view");
	return job_fail(job, "%s: the view %s: %s", job->sink->options->path, view->name, sqlite3_errmsg(job->sink->db));
}

static bool make_view(struct job *job, const struct sl_view *view)
{
	const char *type, *old, *path = job->sink->options->path;
	if (!object_find(job, view->name, &type, &old))
		return false;
	if (type && (strcmp(type, "view") != 0 || !strstr(old, MARK)))
		return job_fail(job, "%s: %s is wanted as a view of the schema, but is there as a %s of somebody else; rename "
			"that one", path, view->name, type);
	char *sql = sqlite3_mprintf("CREATE VIEW \"%w\" AS " MARK "\n%s", view->name, view->sql);
	bool made = sql && ((type && strcmp(old, sql) == 0) ||
		((!type || run_format(job, "DROP VIEW \"%w\"", view->name)) && create_view(job, view, sql)));
	sqlite3_free(sql);
	return made || job_retry(job, "%s: there is no memory left", path);
}

/* SQLite looks at what a view names only when it is used. */
static bool try_view(struct job *job, const struct sl_view *view)
{
	sqlite3_stmt *statement = NULL;
	char *sql = sqlite3_mprintf("SELECT * FROM \"%w\" LIMIT 0", view->name);
	int code = sql ? sqlite3_prepare_v2(job->sink->db, sql, -1, &statement, NULL) : SQLITE_NOMEM;
	sqlite3_finalize(statement);
	sqlite3_free(sql);
	return code == SQLITE_OK || job_fail(job, "%s: the view %s: %s", job->sink->options->path, view->name,
		sqlite3_errmsg(job->sink->db));
}

/* All are made before any is tried: one may read from another. */
bool views_make(struct job *job)
{
	for (size_t i = 0; i < job->sink->view_count; i++)
		if (!make_view(job, job->sink->views[i]))
			return false;
	for (size_t i = 0; i < job->sink->view_count; i++)
		if (!try_view(job, job->sink->views[i]))
			return false;
	return true;
}
