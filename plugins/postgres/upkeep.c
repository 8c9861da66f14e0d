/* SPDX-License-Identifier: Apache-2.0 */
/* upkeep.c - what is due now and then: rows past their retention, parts, materialized views.
 *
 * Several routes may write into one database: who does a piece of upkeep holds a lock for it, and
 * the others pass on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "plan.h"

#define PIECE 100        /* ms that a call works at most, but for what cannot be divided */
#define PRUNE_MOST 1000  /* rows of one statement */
#define REFRESH_LEAST (INT64_C(600) * 1000) /* ms that a refresh may always take */

struct upkeep {
	struct job *job;
	struct sl_pile *pile;
	int64_t until;
};

static bool is_over(const struct upkeep *upkeep)
{
	return ticks() >= upkeep->until;
}

static void tell(struct upkeep *upkeep, const char *type, const char *table, uint64_t rows)
{
	struct words data = words_new(upkeep->pile);
	words_add(&data, "{\"table\":");
	words_json(&data, table);
	words_format(&data, ",\"rows\":%" PRIu64 "}", rows);
	job_tell(upkeep->job, type, data.at);
}

/* A transaction, and the lock in it; *ours false: somebody else is at it. */
static bool begin(struct upkeep *upkeep, const char *name, bool *ours)
{
	struct words lock = words_new(upkeep->pile), key = words_new(upkeep->pile);
	words_format(&key, "sluice: the upkeep of %s.%s", upkeep->job->sink->options->namespace, name);
	words_add(&lock, "SELECT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended(");
	words_literal(&lock, key.at);
	words_add(&lock, ", 0))");
	const PGresult *result = base_begin(upkeep->job) ? base_ask(upkeep->job, lock.at, NULL, 0) : NULL;
	*ours = result && *PQgetvalue(result, 0, 0) == 't';
	return result != NULL;
}

static uint64_t rows_of(const PGresult *result)
{
	return strtoull(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10);
}

/* -------------------------------------------------------------------- retention */

static void words_due(struct words *sql, const struct sl_table *face)
{
	const struct sl_column *column = sl_named_column(face, face->retention, NULL);
	bool is_date = column && column->type == SL_COLUMN_DATE;
	words_name(sql, face->retention);
	words_format(sql, " < %snow()%s - interval '%" PRId64 " milliseconds'%s", is_date ? "(" : "",
		is_date ? " AT TIME ZONE 'UTC'" : "", face->retention_ms, is_date ? ")::date" : "");
}

/* The oldest first; rows that somebody holds are left for the next time. */
static const char *prune_sql(struct upkeep *upkeep, const struct sl_table *face)
{
	struct words sql = words_new(upkeep->pile);
	words_add(&sql, "DELETE FROM ");
	words_target(&sql, upkeep->job, face->name);
	words_add(&sql, " AS old USING (SELECT ");
	words_key(&sql, face, "");
	words_add(&sql, " FROM ");
	words_target(&sql, upkeep->job, face->name);
	words_add(&sql, " WHERE ");
	words_due(&sql, face);
	words_add(&sql, " ORDER BY ");
	words_name(&sql, face->retention);
	words_format(&sql, " LIMIT %d FOR UPDATE SKIP LOCKED) AS due WHERE (", PRUNE_MOST);
	words_key(&sql, face, "old.");
	words_add(&sql, ") = (");
	words_key(&sql, face, "due.");
	words_add(&sql, ")");
	return sql.at;
}

/* As many at a time as one statement takes; *rows fewer than that: there are no more. */
static bool prune_some(struct upkeep *upkeep, const struct sl_table *face, uint64_t *rows)
{
	bool ours;
	*rows = 0;
	if (!begin(upkeep, face->name, &ours))
		return false;
	const PGresult *result = ours ? base_ask(upkeep->job, prune_sql(upkeep, face), NULL, 0) : NULL;
	if (result)
		*rows = rows_of(result);
	return (result || !ours) && base_commit(upkeep->job);
}

static bool prune(struct upkeep *upkeep, const struct sl_table *face)
{
	uint64_t rows = 0, all = 0;
	do {
		if (!prune_some(upkeep, face, &rows))
			return false;
		all += rows;
	} while (rows == PRUNE_MOST && !is_over(upkeep));
	if (all)
		tell(upkeep, "pruned", face->name, all);
	if (rows == PRUNE_MOST)
		upkeep->job->cursor = "more";
	return true;
}

/* ------------------------------------------------------------------------ parts */

static bool note_part(struct upkeep *upkeep, const struct sl_table *face, const struct part *part)
{
	struct words sql = words_new(upkeep->pile);
	words_add(&sql, "INSERT INTO ");
	words_target(&sql, upkeep->job, UPKEEP_NAME);
	words_add(&sql, " (\"name\", task, at, note) VALUES ($1, $2, now(), $3) ON CONFLICT DO NOTHING");
	const char *const values[] = { part->name, part_task(upkeep->pile, face), part->to };
	return base_ask(upkeep->job, sql.at, values, 3) != NULL;
}

/* The default part may hold rows of its time already: then they stay there. */
static bool make_part(struct upkeep *upkeep, const struct sl_table *face, const struct part *part)
{
	bool ours, there;
	if (!begin(upkeep, face->name, &ours))
		return false;
	there = !ours || base_try(upkeep->job, part_sql(upkeep->job, face, part)) || upkeep->job->end == END_DONE;
	return there && (!ours || note_part(upkeep, face, part)) && base_commit(upkeep->job);
}

/* Is it one of the parts that we know of?  *partitioned: by whoever, at all. */
static bool part_known(struct upkeep *upkeep, const struct sl_table *face, const struct part *part, bool *known)
{
	struct words sql = words_new(upkeep->pile);
	words_add(&sql, "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_partitioned_table AS p JOIN pg_catalog.pg_class AS c"
		" ON c.oid = p.partrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE n.nspname = $1 AND c.relname = $2) OR EXISTS (SELECT FROM ");
	words_target(&sql, upkeep->job, UPKEEP_NAME);
	words_add(&sql, " WHERE \"name\" = $3 AND task = $4)");
	const char *const values[] = { upkeep->job->sink->options->namespace, face->name, part->name,
		part_task(upkeep->pile, face) };
	const PGresult *result = base_ask(upkeep->job, sql.at, values, 4);
	*known = result && *PQgetvalue(result, 0, 0) == 't';
	return result != NULL;
}

static bool make_parts(struct upkeep *upkeep, const struct sl_table *face)
{
	for (int ahead = 0; ahead < PARTS_AHEAD; ahead++) {
		struct part part = part_of(upkeep->pile, face, ahead);
		bool known;
		if (!part_known(upkeep, face, &part, &known) || (!known && !make_part(upkeep, face, &part)))
			return false;
	}
	return true;
}

/* Whole parts go at once.  One that something else depends on is emptied like any table. */
static bool drop_part(struct upkeep *upkeep, const struct sl_table *face, const char *name)
{
	struct words count = words_new(upkeep->pile), drop = words_new(upkeep->pile), forget = words_new(upkeep->pile);
	words_add(&count, "SELECT pg_catalog.count(*) FROM ");
	words_target(&count, upkeep->job, name);
	words_add(&drop, "DROP TABLE ");
	words_target(&drop, upkeep->job, name);
	words_add(&forget, "DELETE FROM ");
	words_target(&forget, upkeep->job, UPKEEP_NAME);
	words_add(&forget, " WHERE \"name\" = $1 AND task = $2");
	const char *const values[] = { name, part_task(upkeep->pile, face) };
	const PGresult *counted = base_ask(upkeep->job, count.at, NULL, 0);
	bool dropped = counted && base_try(upkeep->job, drop.at);
	if (!counted || upkeep->job->end != END_DONE || !base_ask(upkeep->job, forget.at, values, 2))
		return false;
	if (dropped)
		tell(upkeep, "pruned", face->name, strtoull(PQgetvalue(counted, 0, 0), NULL, 10));
	return true;
}

/* Of those that we made and that are there. */
static const char *old_parts_sql(struct upkeep *upkeep, const struct sl_table *face)
{
	struct words sql = words_new(upkeep->pile);
	words_add(&sql, "SELECT u.\"name\" FROM ");
	words_target(&sql, upkeep->job, UPKEEP_NAME);
	words_format(&sql, " AS u JOIN pg_catalog.pg_class AS c ON c.relname::text = u.\"name\" JOIN "
		"pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE u.task = $2 AND n.nspname = $1 AND "
		"c.relispartition AND u.note::timestamp AT TIME ZONE 'UTC' < now() - interval '%" PRId64 " milliseconds' "
		"LIMIT 1",
		face->retention_ms);
	return sql.at;
}

static bool drop_parts(struct upkeep *upkeep, const struct sl_table *face)
{
	const char *const values[] = { upkeep->job->sink->options->namespace, part_task(upkeep->pile, face) };
	bool ours;
	if (strcmp(part_column(face)->name, face->retention) != 0)
		return true;
	if (!begin(upkeep, face->name, &ours))
		return false;
	const PGresult *result = base_ask(upkeep->job, old_parts_sql(upkeep, face), values, 2);
	bool one = ours && result && PQntuples(result) == 1;
	if (!result || (one && !drop_part(upkeep, face, PQgetvalue(result, 0, 0))))
		return false;
	if (one)
		upkeep->job->cursor = "more";
	return base_commit(upkeep->job);
}

/* ------------------------------------------------------------------------ views */

/* Whoever moves the time of the last refresh does the next one. */
static bool claim(struct upkeep *upkeep, const struct sl_view *view, bool *due)
{
	struct words sql = words_new(upkeep->pile);
	words_add(&sql, "INSERT INTO ");
	words_target(&sql, upkeep->job, UPKEEP_NAME);
	words_format(&sql, " AS old (\"name\", task, at) VALUES ($1, 'refresh', now()) ON CONFLICT (\"name\", task) DO "
		"UPDATE SET at = excluded.at WHERE old.at IS NULL OR old.at < now() - interval '%" PRId64 " milliseconds' "
		"RETURNING 1",
		view->refresh_ms);
	const PGresult *result = base_begin(upkeep->job) ? base_ask(upkeep->job, sql.at, &view->name, 1) : NULL;
	*due = result && PQntuples(result) == 1;
	return result && base_commit(upkeep->job);
}

static bool has_unique_index(struct upkeep *upkeep, const struct sl_view *view, bool *has)
{
	const char *const values[] = { upkeep->job->sink->options->namespace, view->name };
	const PGresult *result = base_ask(upkeep->job, "SELECT c.relispopulated AND EXISTS (SELECT"
		" FROM pg_catalog.pg_index AS x WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid AND x.indpred IS "
		"NULL AND x.indexprs IS NULL) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n"
		" ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'm'", values, 2);
	*has = result && PQntuples(result) == 1 && *PQgetvalue(result, 0, 0) == 't';
	return result != NULL;
}

static const char *refresh_sql(struct upkeep *upkeep, const struct sl_view *view, bool beside)
{
	struct words sql = words_new(upkeep->pile);
	words_format(&sql, "REFRESH MATERIALIZED VIEW %s", beside ? "CONCURRENTLY " : "");
	words_target(&sql, upkeep->job, view->name);
	return sql.at;
}

/* Rows that have become the same, or too large for the index, are read anew without it. */
static bool without_index(struct upkeep *upkeep, const struct sl_view *view)
{
	struct words sql = words_new(upkeep->pile);
	words_add(&sql, "DROP INDEX IF EXISTS ");
	words_target(&sql, upkeep->job, rows_index(upkeep->pile, view->name));
	return base_run(upkeep->job, sql.at) && base_try(upkeep->job, refresh_sql(upkeep, view, false));
}

static bool refresh_now(struct upkeep *upkeep, const struct sl_view *view, bool *refreshed)
{
	struct job *job = upkeep->job;
	int64_t most = view->refresh_ms > REFRESH_LEAST ? view->refresh_ms : REFRESH_LEAST;
	char limit[64];
	bool beside;
	snprintf(limit, sizeof(limit), "SET LOCAL statement_timeout = %" PRId64, most);
	if (!base_begin(job) || !base_run(job, limit) || !has_unique_index(upkeep, view, &beside))
		return false;
	*refreshed = base_try(job, refresh_sql(upkeep, view, beside)) ||
		(beside && job->end == END_DONE && without_index(upkeep, view));
	if (!*refreshed && job->end == END_DONE)
		snprintf(job->note, sizeof(job->note), "%.60s: the view %s cannot be refreshed: %.100s", job->sink->name,
			view->name, job->fault.message);
	return job->end == END_DONE && base_commit(job);
}

static bool refresh(struct upkeep *upkeep, const struct sl_view *view)
{
	struct job *job = upkeep->job;
	bool due, refreshed = false;
	if (!claim(upkeep, view, &due) || !due)
		return job->end == END_DONE;
	int64_t patience = job->patience;
	job->patience = LONG_PATIENCE;
	bool good = refresh_now(upkeep, view, &refreshed);
	job->patience = patience;
	if (refreshed)
		tell(upkeep, "refreshed", view->name, 0);
	return good;
}

/* -------------------------------------------------------------------------- all */

static bool keep_table(struct upkeep *upkeep, const struct sl_table *face)
{
	if (part_column(face) && !make_parts(upkeep, face))
		return false;
	if (!face->retention || !face->retention_ms)
		return true;
	return (!part_column(face) || drop_parts(upkeep, face)) && prune(upkeep, face);
}

static bool keep_tables(struct upkeep *upkeep)
{
	const struct sink *sink = upkeep->job->sink;
	for (size_t i = 0; i < sink->table_count; i++) {
		if (!keep_table(upkeep, sink->tables[i].face))
			return false;
		if (upkeep->job->cursor && is_over(upkeep))
			return true;
	}
	return true;
}

static bool keep_views(struct upkeep *upkeep)
{
	const struct sink *sink = upkeep->job->sink;
	for (size_t i = 0; i < sink->view_count; i++)
		if (sink->views[i]->materialized && sink->views[i]->refresh_ms && !refresh(upkeep, sink->views[i]))
			return false;
	return true;
}

bool upkeep_step(struct job *job)
{
	struct upkeep upkeep = { job, &job->brief->pile, ticks() + PIECE };
	return base_ready(job) && keep_tables(&upkeep) && (job->cursor || keep_views(&upkeep));
}
