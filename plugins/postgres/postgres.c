/* SPDX-License-Identifier: Apache-2.0 */
/* postgres.c - the plugin: rows into the tables of a Postgres, with where the route stands. */
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define BATCH_BYTES ((size_t)4 << 20)
#define BATCH (3 * STATEMENT_ROWS) /* events in a transaction: what COMMIT costs is shared by them */

static const struct sl_option options[] = {
	SL_OPTION(SECRET, struct options, url, .help = "Where it is: postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or "
		"libpq's words: host=... dbname=...  Both may say sslmode=verify-full and sslrootcert=FILE."),
	SL_OPTION(SECRET, struct options, password, .initial = "", .help = "Instead of one in the url."),
	SL_OPTION(TEXT, struct options, namespace, .initial = "public",
		.help = "The schema, in Postgres' sense, that the tables are in."),
	SL_OPTION(BOOL, struct options, pooler, .initial = "false",
		.help = "A pooler in between gives each transaction another connection (PgBouncer, Supabase's port 6543)."),
	SL_OPTION(DURATION, struct options, connect_timeout, .initial = "10s", .min = 100, .max = 600000,
		.help = "How long connecting may take."),
	SL_OPTION(DURATION, struct options, statement_timeout, .initial = "60s", .min = 1000, .max = 86400000,
		.help = "How long the server may take over one statement."),
	SL_OPTION(DURATION, struct options, lock_timeout, .initial = "10s", .min = 10, .max = 86400000,
		.help = "How long a statement waits for what somebody else has locked before it counts as an outage."),
	SL_OPTION(DURATION, struct options, idle_timeout, .initial = "60s", .min = 1000, .max = 86400000,
		.help = "When the server gives up on a transaction of ours in which nothing happens any more."),
	SL_OPTION(DURATION, struct options, answer_timeout, .initial = "90s", .min = 1000, .max = 86400000,
		.help = "How long the server may be silent before the connection counts as broken; longer than "
			"statement_timeout."),
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
	results_free(brief);
	sl_pile_free(&brief->pile);
	free(brief);
}

static struct job *new_job(struct sl_call *call)
{
	struct job *job = call->local;
	struct sink *sink = call->state;
	sink->options = call->options;
	*job = (struct job){ .sink = sink, .call = call, .brief = new_brief(sink), .rows = call->rows,
		.row_count = call->row_count, .patience = sink->options->answer_timeout };
	job->last_failure = &job->failures;
	job->last_found = &job->found;
	job->last_told = &job->told;
	return job;
}

/* After an outage the connection is made anew, whatever was the matter with it. */
static void job_over(struct job *job)
{
	base_rollback(job);
	if (job->end == END_RETRY)
		base_close(job->sink);
	pthread_mutex_unlock(&job->sink->lock);
}

/* Every step: one job in the pool, then what it found is told. */
static void run(struct job *job, bool (*step)(struct job *))
{
	pthread_mutex_lock(&job->sink->lock);
	step(job);
	job_over(job);
}

static void tell_mends(struct sl_call *call, const struct job *job)
{
	static const char *const whats[MENDS] = {
		[MEND_NUL] = "a U+0000 became U+FFFD",
		[MEND_SURROGATE] = "a lone surrogate became U+FFFD",
		[MEND_BYTES] = "a byte that is no UTF-8 became U+FFFD",
		[MEND_TIME] = "a time outside the years 1 to 9999 became the nearest one",
		[MEND_DATE] = "a date outside the years 1 to 9999 became the nearest one",
	};
	for (size_t i = 0; i < MENDS; i++)
		if (job->mends[i])
			call->host->tally(call, whats[i], job->mends[i]);
}

static void tell_events(struct sl_call *call, const struct job *job)
{
	for (const struct told *told = job->told; told; told = told->next) {
		const struct sl_event event = { .type = told->type, .data = { told->data, strlen(told->data) } };
		call->host->emit(call, &event);
	}
	if (job->cursor)
		call->host->advance(call, job->cursor);
}

static enum sl_outcome outcome(struct sl_call *call, struct job *job)
{
	if (*job->note)
		call->host->log(call, SL_WARNING, "%s", job->note);
	if (job->end == END_DONE)
		tell_events(call, job);
	end_brief(job->sink, job->brief);
	if (job->end == END_RETRY)
		return call->host->retry(call, 0, "%s", job->why);
	if (job->end == END_FAIL)
		return call->host->fail(call, "%s", job->why);
	return SL_DONE;
}

static enum sl_outcome told(struct sl_call *call)
{
	return outcome(call, call->local);
}

/* --------------------------------------------------------------------- open */

struct table *table_of(struct sink *sink, const struct sl_table *table)
{
	for (size_t i = 0; i < sink->table_count; i++)
		if (strcmp(sink->tables[i].face->name, table->name) == 0)
			return sink->tables[i].face->column_count == table->column_count ? &sink->tables[i] : NULL;
	return NULL;
}

void table_init(struct sl_pile *pile, struct table *table, const struct sl_table *face)
{
	table->face = face;
	table->reads = sl_fold_reads(face);
	table->guarded = sl_named_column(face, "_event_time", NULL) && sl_named_column(face, "_event_id", NULL);
	table->casts = sl_pile_take(pile, (face->column_count + 1) * sizeof(*table->casts));
	table->key_at = sl_pile_take(pile, (face->column_count + 1) * sizeof(*table->key_at));
	while (sl_key_column(face, (int)table->keys + 1, &table->key_at[table->keys]))
		table->keys++;
	while (sl_parent_column(face, (int)table->parents + 1, NULL))
		table->parents++;
}

static void add_table(struct sink *sink, const struct sl_table *face)
{
	if (!table_of(sink, face))
		table_init(&sink->kept, &sink->tables[sink->table_count++], face);
}

/* The given ones, and our own where one of them needs them. */
static void take_tables(struct job *job)
{
	struct sink *sink = job->sink;
	const struct sl_call *call = job->call;
	base_close(sink);
	sl_pile_free(&sink->kept);
	const struct sl_table *const *faces = sl_tables_copy(&sink->kept, call->tables, call->table_count);
	sink->tables = sl_pile_take(&sink->kept, (call->table_count + 2) * sizeof(*sink->tables));
	sink->table_count = 0;
	for (size_t i = 0; i < call->table_count; i++)
		add_table(sink, faces[i]);
	for (size_t i = 0; i < call->table_count; i++) {
		if (sink->tables[i].parents)
			add_table(sink, &sl_sets);
		if (faces[i]->deletes == SL_DELETES_REMOVE)
			add_table(sink, &sl_gone);
	}
	sink->views = sl_views_copy(&sink->kept, call->views, call->view_count);
	sink->view_count = call->view_count;
}

/* An open that failed may be tried again, with other tables. */
static bool open_step(struct job *job)
{
	const struct options *given = job->sink->options;
	take_tables(job);
	doubt_forget(job->sink);
	if (given->answer_timeout <= given->statement_timeout)
		return job_fail(job, "the option `answer_timeout` must be longer than `statement_timeout`, or a statement that "
			"takes its time would look like a broken connection");
	return base_ready(job);
}

static void open_blocking(void *job)
{
	run(job, open_step);
}

static enum sl_outcome open_sink(struct sl_call *call)
{
	return call->host->work(call, open_blocking, new_job(call), told);
}

/* ------------------------------------------------------------------ deliver */

static void deliver_blocking(void *job)
{
	run(job, deliver_rows);
}

static enum sl_outcome delivered(struct sl_call *call)
{
	struct job *job = call->local;
	const struct failure *failure = job->end == END_DONE ? job->failures : NULL;
	if (job->end == END_DONE && job->unsettled)
		call->host->settle(call, job->unsettled_row, SL_RETRY, "%s: the connection broke in the middle of a COMMIT, "
			"which had come through", job->sink->name);
	else if (job->end == END_DONE && !failure)
		tell_mends(call, job);
	for (; failure; failure = failure->next)
		call->host->settle(call, failure->row, SL_FAIL, "%s", failure->why);
	return outcome(call, job);
}

static enum sl_outcome deliver(struct sl_call *call)
{
	return call->host->work(call, deliver_blocking, new_job(call), delivered);
}

/* ------------------------------------------------------------------- recall */

static void recall_blocking(void *job)
{
	run(job, recall_rows);
}

static enum sl_outcome recalled(struct sl_call *call)
{
	struct job *job = call->local;
	for (const struct found *found = job->found; found && job->end == END_DONE; found = found->next)
		call->host->emit_row(call, call->rows[0]->table, found->cells);
	return outcome(call, job);
}

static enum sl_outcome recall(struct sl_call *call)
{
	return call->host->work(call, recall_blocking, new_job(call), recalled);
}

/* --------------------------------------------------------- schema and upkeep */

/* Asked without having been opened: what is missing shall still be missing. */
static bool schema_of(struct job *job)
{
	take_tables(job);
	return base_connected(job) && schema_step(job);
}

static void schema_blocking(void *job)
{
	run(job, schema_of);
}

static enum sl_outcome schema(struct sl_call *call)
{
	return call->host->work(call, schema_blocking, new_job(call), told);
}

static bool upkeep_of(struct job *job)
{
	return base_ready(job) && upkeep_step(job);
}

static void upkeep_blocking(void *job)
{
	run(job, upkeep_of);
}

static enum sl_outcome upkeep(struct sl_call *call)
{
	return call->host->work(call, upkeep_blocking, new_job(call), told);
}

/* -------------------------------------------------------------------- close */

static void close_sink(void *state)
{
	struct sink *sink = state;
	base_close(sink);
	wire_free(sink);
	bind_free(sink);
	doubt_forget(sink);
	sl_pile_free(&sink->kept);
	while (sink->briefs)
		end_brief(sink, sink->briefs);
}

SL_PLUGIN(
	.name = "postgres",
	.version = "1.0",
	.summary = "Rows into the tables of a Postgres, each event once.",
	.options = options,
	.options_size = sizeof(struct options),
	.state_size = sizeof(struct sink),
	.local_size = sizeof(struct job),
	.open = open_sink,
	.close = close_sink,
	.deliver = deliver,
	.recall = recall,
	.schema = schema,
	.upkeep = upkeep,
	.dialect = "postgres",
	.batch_rows = BATCH,
	.batch_bytes = BATCH_BYTES);
