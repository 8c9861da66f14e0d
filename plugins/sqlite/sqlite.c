/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite.c - the plugin: rows into a SQLite file, with where the route stands. */
#include <stdlib.h>
#include <string.h>

#include "inside.h"

/* Events in a transaction: what COMMIT costs is shared by them.  But others want to write into the file, too: so many
 * rows take less than 100 ms, even where each is read before. */
#define BATCH 1500
#define BATCH_BYTES ((size_t)2 << 20)

static const struct sl_option options[] = {
	SL_OPTION(PATH, struct options, path, .help = "The database file; it is made if it is not there."),
	SL_OPTION(DURATION, struct options, busy_timeout, .initial = "2s", .min = 1, .max = 60000,
		.help = "How long to wait for another program's lock before the route counts it as an outage."),
	{ 0 },
};

/* --------------------------------------------------------------------- jobs */

static struct brief *new_brief(struct sink *sink)
{
	struct brief *brief = calloc(1, sizeof(*brief));
	if (!brief)
		sl_no_memory();
	brief->next = sink->briefs;
	sink->briefs = brief;
	return brief;
}

static void end_brief(struct sink *sink, struct brief *brief)
{
	struct brief **at = &sink->briefs;
	while (*at != brief)
		at = &(*at)->next;
	*at = brief->next;
	sl_pile_free(&brief->pile);
	free(brief);
}

static struct job *new_job(struct sl_call *call)
{
	struct job *job = call->local;
	struct sink *sink = call->state;
	sink->options = call->options;
	*job = (struct job){ .sink = sink, .call = call, .brief = new_brief(sink), .rows = call->rows,
		.row_count = call->row_count };
	job->last_failure = &job->failures;
	job->last_found = &job->found;
	job->last_change = &job->changes;
	return job;
}

/* After an outage the file is opened anew, for whatever was the matter with it;
 * but not for another program's lock. */
static void job_over(struct job *job)
{
	struct sink *sink = job->sink;
	int code = sink->db ? sqlite3_errcode(sink->db) & 0xff : SQLITE_OK;
	if (sink->db && !sqlite3_get_autocommit(sink->db))
		sqlite3_exec(sink->db, "ROLLBACK", NULL, NULL, NULL);
	if (job->end == END_RETRY && code != SQLITE_BUSY)
		base_close(sink);
	pthread_mutex_unlock(&sink->lock);
}

static enum sl_outcome outcome(struct sl_call *call, struct job *job)
{
	end_brief(job->sink, job->brief);
	if (*job->note)
		call->host->log(call, SL_WARNING, "%s", job->note);
	if (job->end == END_RETRY)
		return call->host->retry(call, 0, "%s", job->why);
	if (job->end == END_FAIL)
		return call->host->fail(call, "%s", job->why);
	return SL_DONE;
}

/* --------------------------------------------------------------------- open */

struct table *table_of(struct sink *sink, const struct sl_table *table)
{
	for (size_t i = 0; i < sink->table_count; i++)
		if (strcmp(sink->tables[i].face->name, table->name) == 0)
			return sink->tables[i].face->column_count == table->column_count ? &sink->tables[i] : NULL;
	return NULL;
}

static void fill_table(struct sl_pile *pile, struct table *table, const struct sl_table *face)
{
	table->face = face;
	table->reads = sl_fold_reads(face);
	table->guarded = sl_named_column(face, "_event_time", NULL) && sl_named_column(face, "_event_id", NULL);
	for (size_t i = 0; i < face->column_count; i++)
		table->parents += face->columns[i]->parent > 0;
	table->stamps = sl_pile_take(pile, (face->column_count + 1) * sizeof(*table->stamps));
}

static void copy_tables(struct sink *sink, const struct sl_call *call)
{
	const struct sl_table *const *faces = sl_tables_copy(&sink->kept, call->tables, call->table_count);
	sink->table_count = call->table_count;
	sink->tables = sl_pile_take(&sink->kept, (call->table_count + 1) * sizeof(*sink->tables));
	for (size_t i = 0; i < call->table_count; i++)
		fill_table(&sink->kept, &sink->tables[i], faces[i]);
}

/* An open that failed may be tried again, with other tables. */
static void take_schema(struct sink *sink, const struct sl_call *call)
{
	base_close(sink);
	sl_pile_free(&sink->kept);
	copy_tables(sink, call);
	sink->views = sl_views_copy(&sink->kept, call->views, call->view_count);
	sink->view_count = call->view_count;
}

static void open_blocking(void *data)
{
	struct job *job = data;
	pthread_mutex_lock(&job->sink->lock);
	take_schema(job->sink, job->call);
	base_ready(job);
	job_over(job);
}

static enum sl_outcome opened(struct sl_call *call)
{
	return outcome(call, call->local);
}

static enum sl_outcome open_sink(struct sl_call *call)
{
	return call->host->work(call, open_blocking, new_job(call), opened);
}

/* ------------------------------------------------------------------ deliver */

static bool expect_rows(struct job *job)
{
	for (size_t i = 0; i < job->row_count; i++)
		if (job->rows[i]->mode == SL_EXPECT && !expect_row(job, i))
			return false;
	return true;
}

/* Goes on after a bad row, so that all of them are found at once. */
static bool write_rows(struct job *job)
{
	for (size_t i = 0; i < job->sink->table_count; i++)
		job->sink->tables[i].load = NULL;
	for (size_t i = 0; i < job->row_count; i++)
		if (!write_row(job, i))
			return false;
	return !job->refused;
}

/* An I/O error at its end leaves it in doubt: what was written before lies in the WAL, and may be found there. */
static bool commit(struct job *job)
{
	job->sink->doubted = !base_run(job, "COMMIT");
	return !job->sink->doubted;
}

static void deliver_blocking(void *data)
{
	struct job *job = data;
	pthread_mutex_lock(&job->sink->lock);
	if (base_ready(job) && base_run(job, "BEGIN IMMEDIATE") && expect_rows(job) && write_rows(job) &&
		commit(job) && base_moved(job->sink))
		job_retry(job, "%s: was deleted or replaced while rows were written to it", job->sink->options->path);
	job_over(job);
}

static enum sl_outcome delivered(struct sl_call *call)
{
	struct job *job = call->local;
	for (const struct failure *failure = job->failures; failure && job->end == END_DONE; failure = failure->next)
		call->host->settle(call, failure->row, failure->outcome, "%s", failure->why);
	return outcome(call, job);
}

static enum sl_outcome deliver(struct sl_call *call)
{
	return call->host->work(call, deliver_blocking, new_job(call), delivered);
}

/* ------------------------------------------------------------------- recall */

static void recall_blocking(void *data)
{
	struct job *job = data;
	pthread_mutex_lock(&job->sink->lock);
	for (size_t i = 0; i < job->row_count && (i || base_ready(job)); i++)
		if (!recall_row(job, job->rows[i]))
			break;
	job_over(job);
}

static enum sl_outcome recalled(struct sl_call *call)
{
	struct job *job = call->local;
	for (const struct found *found = job->found; found && job->end == END_DONE; found = found->next)
		call->host->emit_row(call, call->rows[0]->table, found->cells);
	if (job->cursor && job->end == END_DONE)
		call->host->advance(call, job->cursor);
	return outcome(call, job);
}

static enum sl_outcome recall(struct sl_call *call)
{
	return call->host->work(call, recall_blocking, new_job(call), recalled);
}

/* ------------------------------------------------------------------- schema */

static bool change_schema(struct job *job, enum plan plan)
{
	const char *end = plan == PLAN_LOOK ? "ROLLBACK" : "COMMIT";
	return base_open(job, plan == PLAN_LOOK) && base_run(job, "BEGIN IMMEDIATE") && plan_make(job) &&
		plan_extras(job) && plan_do(job, plan) && views_try(job, plan) && (plan == PLAN_LOOK || loads_settle(job)) &&
		base_run(job, end);
}

static bool read_verb(struct job *job, enum plan *plan)
{
	static const char *const verbs[] = { [PLAN_LOOK] = "diff", [PLAN_SAFE] = "apply", [PLAN_FORCE] = "force" };
	for (*plan = PLAN_LOOK; *plan <= PLAN_FORCE; ++*plan)
		if (job->call->verb && strcmp(verbs[*plan], job->call->verb) == 0)
			return true;
	return job_fail(job, "this sink can diff, apply and force a schema, and nothing else");
}

static void schema_blocking(void *data)
{
	struct job *job = data;
	enum plan plan;
	pthread_mutex_lock(&job->sink->lock);
	take_schema(job->sink, job->call);
	if (read_verb(job, &plan))
		change_schema(job, plan);
	base_close(job->sink);
	job_over(job);
}

static const char *quoted(struct sl_call *call, const char *text)
{
	return text ? call->host->quote(call, (struct sl_text){ text, strlen(text) }).at : "null";
}

static void tell_change(struct sl_call *call, const struct change *change)
{
	struct sl_event event = { .type = change->type };
	event.data = call->host->format(call, "{\"table\":%s,\"column\":%s,\"sql\":%s,\"safe\":%s,\"why\":%s}",
		quoted(call, change->table), quoted(call, change->column), quoted(call, change->sql),
		change->safe ? "true" : "false", quoted(call, change->why));
	call->host->emit(call, &event);
}

static enum sl_outcome schema_told(struct sl_call *call)
{
	struct job *job = call->local;
	for (const struct change *change = job->changes; change && job->end == END_DONE; change = change->next)
		tell_change(call, change);
	return outcome(call, job);
}

static enum sl_outcome schema(struct sl_call *call)
{
	return call->host->work(call, schema_blocking, new_job(call), schema_told);
}

/* ------------------------------------------------------------------- upkeep */

static void upkeep_blocking(void *data)
{
	struct job *job = data;
	pthread_mutex_lock(&job->sink->lock);
	if (base_ready(job))
		upkeep_run(job);
	job_over(job);
}

static enum sl_outcome upkept(struct sl_call *call)
{
	struct job *job = call->local;
	if (job->pruned && job->end == END_DONE) {
		struct sl_event event = { .type = "pruned" };
		event.data = call->host->format(call, "{\"table\":%s,\"rows\":%lld}", quoted(call, job->pruned),
			(long long)job->pruned_rows);
		call->host->emit(call, &event);
		call->host->advance(call, job->cursor);
	}
	return outcome(call, job);
}

static enum sl_outcome upkeep(struct sl_call *call)
{
	return call->host->work(call, upkeep_blocking, new_job(call), upkept);
}

/* -------------------------------------------------------------------- close */

static void close_sink(void *state)
{
	struct sink *sink = state;
	if (sink->db)
		sqlite3_wal_checkpoint_v2(sink->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	base_close(sink);
	sl_pile_free(&sink->kept);
	while (sink->briefs)
		end_brief(sink, sink->briefs);
}

SL_PLUGIN(
	.name = "sqlite",
	.version = "1.1",
	.summary = "Rows into the tables of a SQLite file, each event once.",
	.options = options,
	.options_size = sizeof(struct options),
	.state_size = sizeof(struct sink),
	.local_size = sizeof(struct job),
	.open = open_sink,
	.close = close_sink,
	.deliver = deliver,
	.recall = recall,
	.dialect = "sqlite",
	.batch_rows = BATCH,
	.batch_bytes = BATCH_BYTES,
	.schema = schema,
	.upkeep = upkeep);
