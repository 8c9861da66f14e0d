/* SPDX-License-Identifier: Apache-2.0 */
/* loads.c - whole loads of a table: begun, staged, ended. */
#include "loads.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A row a table: its newest load, and how many rows the last one had that came to its end. */
static const struct sl_column *const loads_columns[] = {
	&(const struct sl_column){ .name = "name", .type = SL_COLUMN_TEXT, .key = 1, .required = 1 },
	&(const struct sl_column){ .name = "run", .type = SL_COLUMN_TEXT, .required = 1 },
	&(const struct sl_column){ .name = "state", .type = SL_COLUMN_TEXT, .required = 1, .help = "staged or loaded" },
	&(const struct sl_column){ .name = "begun", .type = SL_COLUMN_TIMESTAMP, .required = 1 },
	&(const struct sl_column){ .name = "rows", .type = SL_COLUMN_INT, .help = "of the last load that was whole" },
	NULL,
};

const struct sl_table loads_table = {
	.name = "_sluice_loads",
	.mode = SL_PUT,
	.columns = loads_columns,
	.column_count = sizeof(loads_columns) / sizeof(struct sl_column *) - 1,
};

/* ------------------------------------------------------------------- its stage */

struct load {
	struct table stage;
};

/* Where doubles are refused rows of one key have to lie side by side to be seen: there the
 * event's id belongs to the key. */
static const struct sl_column *const *stage_columns(struct sl_pile *pile, const struct sl_table *table)
{
	const struct sl_column **columns = sl_pile_take(pile, (table->column_count + 1) * sizeof(*columns));
	int keys = 0;
	size_t id;
	memcpy(columns, table->columns, table->column_count * sizeof(*columns));
	while (sl_key_column(table, keys + 1, NULL))
		keys++;
	const struct sl_column *event_id = sl_named_column(table, "_event_id", &id);
	if (!table->snapshot->duplicates && event_id && !event_id->key) {
		struct sl_column *key = sl_pile_take(pile, sizeof(*key));
		*key = *event_id;
		key->key = keys + 1;
		columns[id] = key;
	}
	return columns;
}

const struct sl_table *load_face(struct sl_pile *pile, const struct sl_table *table)
{
	struct sl_table *face = sl_pile_take(pile, sizeof(*face));
	*face = *table;
	face->name = name_of(pile, "_sluice_load_", table->name);
	face->columns = stage_columns(pile, table);
	face->snapshot = NULL;
	face->indexes = face->cluster = NULL;
	face->partition = face->retention = NULL;
	return face;
}

static struct table *stage_of(struct job *job, struct table *table)
{
	struct sl_pile *kept = &job->sink->kept;
	if (!table->load) {
		table->load = sl_pile_take(kept, sizeof(*table->load));
		table_init(kept, &table->load->stage, load_face(kept, table->face));
	}
	table->load->stage.casts = table->casts;
	return &table->load->stage;
}

/* -------------------------------------------------------------------- its book */

static const char *book_sql(struct job *job, const char *before, const char *after)
{
	struct words sql = words_new(&job->brief->pile);
	words_add(&sql, before);
	words_target(&sql, job, loads_table.name);
	words_add(&sql, after);
	return sql.at;
}

/* How a load stands: NULL, it is not the newest of its table. */
static bool state_of(struct job *job, const struct sl_table *table, const char *run, const char **state)
{
	const PGresult *result = base_ask(job, book_sql(job, "SELECT run, state FROM ", " WHERE \"name\" = $1"),
		&table->name, 1);
	bool newest = result && PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, 0), run) == 0;
	*state = newest ? PQgetvalue(result, 0, 1) : NULL;
	return result != NULL;
}

static bool stage_is_there(struct job *job, const struct sl_table *stage, bool *there)
{
	const char *const values[] = { job->sink->options->namespace, stage->name };
	const PGresult *result = base_ask(job, "SELECT 1 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n"
		" ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2", values, 2);
	*there = result && PQntuples(result) == 1;
	return result != NULL;
}

/* ---------------------------------------------------------------------- staged */

/* A stage that somebody dropped takes no more rows; the load's end will say so. */
bool load_stage(struct job *job, struct table *table, const char *load, struct table **stage)
{
	const char *state;
	bool there = false;
	*stage = NULL;
	if (!table->face->snapshot)
		return job_fail(job, "%s: the rows of a load came for %s, and the schema gives it no `snapshot`",
			job->sink->name, table->face->name);
	if (!state_of(job, table->face, load, &state))
		return false;
	if (!state || strcmp(state, "staged") != 0)
		return true;
	struct table *found = stage_of(job, table);
	if (!stage_is_there(job, found->face, &there))
		return false;
	if (there)
		*stage = found;
	return true;
}

/* ----------------------------------------------------------------------- begun */

static bool run_words(struct job *job, const char *verb, const char *name, const char *rest)
{
	struct words sql = words_new(&job->brief->pile);
	words_add(&sql, verb);
	words_target(&sql, job, name);
	words_add(&sql, rest);
	return base_run(job, sql.at);
}

/* What the database grants on every new table is not meant for rows that nobody has checked. */
static bool revoke(struct job *job, const struct sl_table *stage)
{
	const char *const values[] = { job->sink->options->namespace, stage->name };
	const PGresult *result = base_ask(job, "SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC'"
		" ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END FROM pg_catalog.pg_class AS c"
		" JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace CROSS JOIN LATERAL "
		"pg_catalog.aclexplode(c.relacl) AS a WHERE n.nspname = $1 AND c.relname = $2 AND a.grantee <> c.relowner",
		values, 2);
	for (int row = 0; result && row < PQntuples(result); row++) {
		struct words rest = words_new(&job->brief->pile);
		words_format(&rest, " FROM %s", PQgetvalue(result, row, 0));
		if (!run_words(job, "REVOKE ALL ON ", stage->name, rest.at))
			return false;
	}
	return result != NULL;
}

static bool make_stage(struct job *job, struct table *table)
{
	const struct sl_table *stage = stage_of(job, table)->face;
	struct words like = words_new(&job->brief->pile), key = words_new(&job->brief->pile);
	words_add(&like, " (LIKE ");
	words_target(&like, job, table->face->name);
	words_add(&like, " INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS)");
	words_add(&key, " (");
	words_key(&key, stage, "");
	words_add(&key, ")");
	return run_words(job, "DROP TABLE IF EXISTS ", stage->name, "") &&
		run_words(job, "CREATE TABLE ", stage->name, like.at) &&
		run_words(job, "CREATE UNIQUE INDEX ON ", stage->name, key.at) && revoke(job, stage);
}

/* Loads are in the order of their begins; an older one that comes late changes nothing. */
static bool write_begin(struct job *job, const struct sl_table *table, const struct sl_row *row, bool *newest)
{
	char begun[32];
	snprintf(begun, sizeof(begun), "%" PRId64, row->version_time);
	const char *const values[] = { table->name, row->load, begun };
	const PGresult *result = base_ask(job, book_sql(job, "INSERT INTO ", " AS old (\"name\", run, state, begun) VALUES"
		" ($1, $2, 'staged', 'epoch'::timestamptz + $3::bigint * interval '1 microsecond') ON CONFLICT (\"name\")"
		" DO UPDATE SET run = excluded.run, state = excluded.state, begun = excluded.begun"
		" WHERE (old.begun, old.run COLLATE \"C\") <= (excluded.begun, excluded.run) RETURNING 1"), values, 3);
	*newest = result && PQntuples(result) == 1;
	return result != NULL;
}

/* What is under way is heard first: a row that is refused is not the load's fault. */
bool load_begin(struct job *job, struct table *table, size_t row)
{
	bool newest;
	if (!wire_collect(job) || !write_begin(job, table->face, job->rows[row], &newest))
		return false;
	return !newest || make_stage(job, table);
}

/* ----------------------------------------------------------------------- ended */

bool load_refuse(struct load_end *end, const char *form, ...)
{
	struct words why = words_new(end->pile);
	char said[600];
	va_list values;
	va_start(values, form);
	vsnprintf(said, sizeof(said), form, values);
	va_end(values);
	words_format(&why, "%s: the load %s is not taken, and the table stays as it was: %s", end->table->face->name,
		end->run, said);
	job_refuse(end->job, end->row, why.at);
	return false;
}

void words_stage(struct words *words, const struct load_end *end)
{
	words_target(words, end->job, end->stage->name);
}

void words_old(struct words *words, const struct load_end *end)
{
	words_target(words, end->job, end->table->face->name);
}

static bool write_end(struct load_end *end)
{
	char rows[32];
	snprintf(rows, sizeof(rows), "%" PRId64, end->rows);
	const char *const values[] = { end->table->face->name, rows };
	return base_ask(end->job, book_sql(end->job, "UPDATE ", " SET state = 'loaded', \"rows\" = $2::bigint"
		" WHERE \"name\" = $1"), values, 2);
}

static bool prepare(struct load_end *end)
{
	bool there, fine = true;
	if (!stage_is_there(end->job, end->stage, &there))
		return false;
	if (!there) {
		load_refuse(end, "somebody dropped %s, in which its rows were; let the source be read again (sluice poll)",
			end->stage->name);
		return true;
	}
	return load_check(end, &fine) && (!fine || load_prepare(end, &fine));
}

/* All are checked and prepared before the first takes its place: from then on readers wait. */
static bool take(struct job *job, struct load_end *ends, size_t count)
{
	bool fine = true;
	if (count && !base_run(job, "SET LOCAL statement_timeout = 0"))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!prepare(&ends[i]))
			return false;
	if (job->failures)
		return true;
	if (!loads_exchange(ends, count, &fine))
		return false;
	for (size_t i = 0; i < count && fine; i++)
		if (!write_end(&ends[i]))
			return false;
	return true;
}

/* One that is not the newest, or has taken its place already, ends without a word. */
static bool add_end(struct job *job, struct load_end *ends, size_t *count, size_t row)
{
	struct table *table = table_of(job->sink, job->rows[row]->table);
	const char *state;
	if (!table)
		return job_fail(job, "the sink was not told of the table %s when it was opened", job->rows[row]->table->name);
	if (!state_of(job, table->face, job->rows[row]->load, &state))
		return false;
	if (state && strcmp(state, "staged") == 0)
		ends[(*count)++] = (struct load_end){ .job = job, .pile = &job->brief->pile, .table = table,
			.stage = stage_of(job, table)->face, .run = job->rows[row]->load, .row = row };
	return true;
}

static size_t last_end(const struct job *job, size_t row)
{
	while (row + 1 < job->row_count && job->rows[row + 1]->mode == SL_LOAD_END)
		row++;
	return row;
}

/* With the first of several ends that stand together all are seen to. */
bool load_end(struct job *job, struct table *table, size_t row)
{
	int64_t patience = job->patience;
	size_t count = 0, last = last_end(job, row);
	if (row > job->first_end && row <= job->last_end)
		return true;
	if (!wire_collect(job))
		return false;
	struct load_end *ends = sl_pile_take(&job->brief->pile, (last - row + 1) * sizeof(*ends));
	for (size_t i = row; i <= last; i++)
		if (!add_end(job, ends, &count, i))
			return false;
	job->first_end = row;
	job->last_end = last;
	job->patience = LONG_PATIENCE;
	bool good = take(job, ends, count);
	job->patience = patience;
	return good;
}
