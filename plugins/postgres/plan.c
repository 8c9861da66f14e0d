/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - differences between what is there and what is wanted: in order, told, and done. */
#include "plan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --------------------------------------------------------------------- names */

uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

/* Never within a sign of several bytes. */
static size_t cut(const char *text, size_t most)
{
	while (most && (text[most] & 0xc0) == 0x80)
		most--;
	return most;
}

const char *name_of(struct sl_pile *pile, const char *prefix, const char *name)
{
	struct words words = words_new(pile);
	words_format(&words, "%s%s", prefix, name);
	if (words.len <= NAME_MOST)
		return words.at;
	char mark[12];
	snprintf(mark, sizeof(mark), "_%08" PRIx32, (uint32_t)hash_text(HASH_FIRST, words.at));
	words.len = cut(words.at, NAME_MOST - strlen(mark));
	words_add(&words, mark);
	return words.at;
}

static bool is_name_sign(char c)
{
	unsigned char u = (unsigned char)c;
	return (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || u == '_' || u == '$' ||
		u >= 0x80;
}

bool text_names(const char *sql, const char *name)
{
	size_t len = strlen(name);
	for (const char *at = sql; (at = strstr(at, name)); at++)
		if ((at == sql || !is_name_sign(at[-1])) && !is_name_sign(at[len]))
			return true;
	return false;
}

/* -------------------------------------------------------------- differences */

struct difference *plan_add(struct plan *plan, enum phase phase, const char *type, const char *table,
	const char *column, const char *form, ...)
{
	struct difference *difference = sl_pile_take(plan->pile, sizeof(*difference));
	char why[900];
	va_list values;
	va_start(values, form);
	vsnprintf(why, sizeof(why), form, values);
	va_end(values);
	*difference = (struct difference){ .type = type, .table = table, .column = column };
	difference->why = sl_pile_string(plan->pile, why);
	difference->last_line = &difference->lines;
	*plan->last[phase] = difference;
	plan->last[phase] = &difference->next;
	return difference;
}

struct line *plan_line(struct plan *plan, struct difference *difference, const char *sql)
{
	struct line *line = sl_pile_take(plan->pile, sizeof(*line));
	line->sql = sql;
	*difference->last_line = line;
	difference->last_line = &line->next;
	return line;
}

void plan_quiet(struct plan *plan, struct difference *difference, const char *sql)
{
	plan_line(plan, difference, sql)->quiet = true;
}

void plan_note(struct plan *plan, struct difference *difference, const char *name, const char *task, const char *note)
{
	struct words sql = words_new(plan->pile);
	words_add(&sql, "INSERT INTO ");
	words_target(&sql, plan->job, UPKEEP_NAME);
	words_add(&sql, " AS old (\"name\", task, at, note) VALUES (");
	words_literal(&sql, name);
	words_add(&sql, ", ");
	words_literal(&sql, task);
	words_add(&sql, ", now(), ");
	words_literal(&sql, note);
	words_add(&sql, ") ON CONFLICT (\"name\", task) DO UPDATE SET at = excluded.at, note = excluded.note");
	plan_quiet(plan, difference, sql.at);
}

/* ------------------------------------------------------------------ the plan */

static const struct sl_column *const upkeep_columns[] = {
	&(const struct sl_column){ .name = "name", .type = SL_COLUMN_TEXT, .key = 1, .required = 1 },
	&(const struct sl_column){ .name = "task", .type = SL_COLUMN_TEXT, .key = 2, .required = 1 },
	&(const struct sl_column){ .name = "at", .type = SL_COLUMN_TIMESTAMP, .help = "when it was last done" },
	&(const struct sl_column){ .name = "note", .type = SL_COLUMN_TEXT },
	NULL,
};

const struct sl_table upkeep_table = {
	.name = UPKEEP_NAME,
	.mode = SL_PUT,
	.columns = upkeep_columns,
	.column_count = sizeof(upkeep_columns) / sizeof(struct sl_column *) - 1,
};

static void want(struct plan *plan, const struct sl_table *face, struct table *table, bool stage)
{
	plan->wanted[plan->wanted_count++] = (struct wanted){ face, table, stage };
}

/* Our own first: what is done to others is written down there. */
static void want_all(struct plan *plan)
{
	struct sink *sink = plan->job->sink;
	bool loads = false;
	plan->wanted = sl_pile_take(plan->pile, (2 * sink->table_count + 2) * sizeof(*plan->wanted));
	want(plan, &upkeep_table, NULL, false);
	for (size_t i = 0; i < sink->table_count; i++) {
		const struct sl_table *face = sink->tables[i].face;
		want(plan, face, &sink->tables[i], false);
		if (face->snapshot)
			want(plan, load_face(plan->pile, face), NULL, true);
		loads = loads || face->snapshot;
	}
	if (loads)
		want(plan, &loads_table, NULL, false);
}

static void plan_namespace(struct plan *plan)
{
	const char *name = plan->job->sink->options->namespace;
	if (plan->catalog.namespace)
		return;
	struct difference *made = plan_add(plan, PHASE_TABLES, "add schema", name, NULL, "the schema %s is not there",
		name);
	struct words sql = words_new(plan->pile);
	words_add(&sql, "CREATE SCHEMA IF NOT EXISTS ");
	words_name(&sql, name);
	plan_line(plan, made, sql.at);
	made->safe = true;
}

bool plan_make(struct job *job, struct plan *plan)
{
	*plan = (struct plan){ .job = job, .pile = &job->brief->pile };
	for (size_t i = 0; i < PHASES; i++)
		plan->last[i] = &plan->first[i];
	want_all(plan);
	if (!catalog_read(job, plan))
		return false;
	plan_namespace(plan);
	for (size_t i = 0; i < plan->wanted_count; i++)
		plan_table(plan, &plan->wanted[i]);
	plan_views(plan);
	return true;
}

/* ---------------------------------------------------------------------- done */

/* What the server had against it.  Always false. */
static bool refused(struct plan *plan, const struct difference *difference)
{
	struct job *job = plan->job;
	struct words doing = words_new(plan->pile);
	words_format(&doing, "%s %s%s%s", difference->type, difference->table, difference->column ? "." : "",
		difference->column ? difference->column : "");
	if (strcmp(job->fault.state, "42501") == 0 || strcmp(job->fault.state, "55P03") == 0)
		return base_refused(job, doing.at);
	return job_fail(job, "%s: %s: %s (%s); `sluice schema diff` shows what is to be done, and why", job->sink->name,
		doing.at, job->fault.message, job->fault.state);
}

/* The table can be used without it. */
static bool stays(struct plan *plan, const struct difference *difference)
{
	struct job *job = plan->job;
	snprintf(job->note, sizeof(job->note), "%.60s: %.110s (%.70s)", job->sink->name, difference->why,
		job->fault.message);
	return true;
}

static bool do_one(struct plan *plan, struct difference *difference)
{
	if (difference->before && !difference->before(plan, difference))
		return false;
	for (const struct line *line = difference->lines; line; line = line->next)
		if (!base_try(plan->job, line->sql))
			return plan->job->end == END_DONE &&
				(difference->waits ? stays(plan, difference) : refused(plan, difference));
	difference->done = !difference->after || difference->after(plan, difference);
	return difference->done;
}

bool plan_do(struct plan *plan, enum phase from, enum phase to, bool force)
{
	struct job *job = plan->job;
	bool began = false, good = true;
	int64_t patience = job->patience;
	for (enum phase phase = from; phase <= to; phase++)
		for (struct difference *at = plan->first[phase]; at && good; at = at->next) {
			if (!at->lines || !(at->safe || force))
				continue;
			good = began || base_run(job, "SET LOCAL statement_timeout = 0");
			began = true;
			job->patience = LONG_PATIENCE;
			good = good && do_one(plan, at);
		}
	job->patience = patience;
	return good;
}

static bool unblocked(struct plan *plan)
{
	for (size_t phase = 0; phase < PHASES; phase++)
		for (const struct difference *at = plan->first[phase]; at; at = at->next)
			if (at->blocks)
				return job_fail(plan->job, "%s: %s; `sluice schema diff` shows all that differs", plan->job->sink->name,
					at->why);
	return true;
}

bool tables_make(struct job *job)
{
	struct plan *plan = job->plan = sl_pile_take(&job->brief->pile, sizeof(*plan));
	return plan_make(job, plan) && unblocked(plan) && plan_do(plan, PHASE_DROP, PHASE_TABLES, false);
}

bool views_make(struct job *job)
{
	return plan_do(job->plan, PHASE_VIEWS, PHASE_VIEWS, false);
}

/* ---------------------------------------------------------------------- told */

static void member(struct words *data, const char *name, const char *text)
{
	words_format(data, "%s\"%s\":", data->len > 1 ? "," : "", name);
	words_json(data, text);
}

/* As a person would run them. */
static const char *lines_text(struct plan *plan, const struct difference *difference)
{
	struct words text = words_new(plan->pile);
	for (const struct line *line = difference->lines; line; line = line->next)
		if (!line->quiet)
			words_format(&text, "%s%s", text.len ? ";\n" : "", line->sql);
	return text.len ? text.at : NULL;
}

static void tell(struct plan *plan, const struct difference *difference)
{
	struct words data = words_new(plan->pile);
	const char *sql = lines_text(plan, difference);
	words_add(&data, "{");
	member(&data, "table", difference->table);
	if (difference->column)
		member(&data, "column", difference->column);
	if (sql)
		member(&data, "sql", sql);
	words_format(&data, ",\"safe\":%s", difference->safe ? "true" : "false");
	member(&data, "why", difference->why);
	words_format(&data, ",\"done\":%s}", difference->done ? "true" : "false");
	job_tell(plan->job, difference->type, data.at);
}

static void tell_all(struct plan *plan)
{
	for (size_t phase = 0; phase < PHASES; phase++)
		for (const struct difference *at = plan->first[phase]; at; at = at->next)
			tell(plan, at);
}

/* ---------------------------------------------------------------- the step */

/* Tables that were made for a schema, and are in it no longer. */
static bool extra_tables(struct plan *plan)
{
	struct words sql = words_new(plan->pile);
	if (!catalog_table(&plan->catalog, UPKEEP_NAME))
		return true;
	words_add(&sql, "SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n"
		" ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND c.relname::text IN (SELECT"
		" \"name\" FROM ");
	words_target(&sql, plan->job, UPKEEP_NAME);
	words_add(&sql, " WHERE task = 'made') ORDER BY 1");
	const PGresult *result = base_ask(plan->job, sql.at, &plan->job->sink->options->namespace, 1);
	for (int row = 0; result && row < PQntuples(result); row++) {
		const char *name = sl_pile_string(plan->pile, PQgetvalue(result, row, 0));
		if (name[0] != '_' && !catalog_table(&plan->catalog, name))
			plan_add(plan, PHASE_TABLES, "extra table", name, NULL, "the table %s was made by a sink, and is not in "
				"this schema; nothing is done to it", name)->safe = true;
	}
	return result != NULL;
}

static bool plan_for(struct job *job, struct plan *plan)
{
	return base_begin(job) && plan_make(job, plan) && extra_tables(plan);
}

static bool diff(struct job *job, struct plan *plan)
{
	bool made = plan_for(job, plan);
	base_rollback(job);
	return made;
}

/* Two routes that start at once shall not make the same table. */
bool plan_lock(struct job *job)
{
	struct words lock = words_new(&job->brief->pile), name = words_new(&job->brief->pile);
	words_format(&name, "sluice: the tables of %s", job->sink->options->namespace);
	words_add(&lock, "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(");
	words_literal(&lock, name.at);
	words_add(&lock, ", 0))");
	return base_run(job, lock.at);
}

static bool apply(struct job *job, struct plan *plan, bool force)
{
	if (base_begin(job) && plan_lock(job) && plan_make(job, plan) && extra_tables(plan) &&
		plan_do(plan, PHASE_DROP, PHASE_VIEWS, force) && base_commit(job)) {
		job->sink->stale = true;
		return true;
	}
	base_rollback(job);
	return false;
}

bool schema_step(struct job *job)
{
	struct plan plan;
	const char *verb = job->call->verb ? job->call->verb : "diff";
	if (!base_connected(job))
		return false;
	if (strcmp(verb, "diff") == 0 ? !diff(job, &plan) : !apply(job, &plan, strcmp(verb, "force") == 0))
		return false;
	tell_all(&plan);
	return true;
}
