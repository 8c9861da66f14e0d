/* SPDX-License-Identifier: Apache-2.0 */
/* loads_swap.c - a staging table takes its table's place.
 *
 * First, while readers still read the old one, its indexes are made; then both are exchanged: the old one
 * is dropped, and names, comment, rights and owner go over.  Where anything else hangs on the table,
 * or a reader holds on to it for long, the table stays and its rows change (loads_rows.c).
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loads.h"

#define LOCK_MOST 600 /* ms of waiting for all locks together; less than Postgres' deadlock_timeout */
#define LOCK_TRIES 4
#define LOCK_PAUSE 50000000 /* ns */

/* -------------------------------------------------------------------- prepared */

/* An index of the table, made again under another name. */
struct again {
	const char *name, *made, *rest; /* rest: what stands behind the table's name */
	bool unique;
	const char *constraint;         /* "PRIMARY KEY" or "UNIQUE"; NULL: it is just an index */
};

struct swap {
	struct again *indexes;
	size_t count;
};

/* pg_get_indexdef writes CREATE [UNIQUE] INDEX name ON schema.table and then what we want. */
static const char indexes_sql[] =
	"SELECT i.relname, pg_catalog.substr(pg_catalog.pg_get_indexdef(i.oid), pg_catalog.length(pg_catalog.format("
	"'CREATE %sINDEX %I ON %I.%I ', CASE WHEN x.indisunique THEN 'UNIQUE ' END, i.relname, n.nspname, c.relname)) + 1),"
	" x.indisunique, CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' END"
	" FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid"
	" JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
	" LEFT JOIN pg_catalog.pg_constraint AS k ON k.conindid = i.oid AND k.conrelid = c.oid AND k.contype IN ('p', 'u')"
	" WHERE n.nspname = $1 AND c.relname = $2 ORDER BY i.oid";

static const PGresult *ask_indexes(struct load_end *end)
{
	const char *const values[] = { end->job->sink->options->namespace, end->table->face->name };
	return base_ask(end->job, indexes_sql, values, 2);
}

static bool read_indexes(struct load_end *end)
{
	struct swap *swap = end->swap;
	const PGresult *result = ask_indexes(end);
	swap->count = result ? (size_t)PQntuples(result) : 0;
	swap->indexes = sl_pile_take(end->pile, (swap->count + 1) * sizeof(*swap->indexes));
	for (size_t i = 0; i < swap->count; i++) {
		const char *name = PQgetvalue(result, (int)i, 0);
		swap->indexes[i] = (struct again){ .name = name, .made = name_of(end->pile, "_sluice_new_", name),
			.rest = PQgetvalue(result, (int)i, 1), .unique = *PQgetvalue(result, (int)i, 2) == 't',
			.constraint = PQgetisnull(result, (int)i, 3) ? NULL : PQgetvalue(result, (int)i, 3) };
	}
	return result != NULL;
}

/* The stage's own index was for its rows' coming. */
static bool drop_stage_indexes(struct load_end *end)
{
	const char *const values[] = { end->job->sink->options->namespace, end->stage->name };
	const PGresult *result = base_ask(end->job, "SELECT i.relname FROM pg_catalog.pg_index AS x"
		" JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid"
		" JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2", values,
		2);
	for (int row = 0; result && row < PQntuples(result); row++) {
		struct words sql = words_new(end->pile);
		words_add(&sql, "DROP INDEX ");
		words_target(&sql, end->job, PQgetvalue(result, row, 0));
		if (!base_run(end->job, sql.at))
			return false;
	}
	return result != NULL;
}

static bool make_index(struct load_end *end, const struct again *index, bool *fine)
{
	struct words sql = words_new(end->pile);
	words_format(&sql, "CREATE %sINDEX ", index->unique ? "UNIQUE " : "");
	words_name(&sql, index->made);
	words_add(&sql, " ON ");
	words_stage(&sql, end);
	words_format(&sql, " %s", index->rest);
	return load_try(end, sql.at, fine);
}

static bool prepare(struct load_end *end, bool *fine)
{
	struct words analyze = words_new(end->pile);
	end->swap = sl_pile_take(end->pile, sizeof(*end->swap));
	if (!read_indexes(end) || !drop_stage_indexes(end))
		return false;
	for (size_t i = 0; i < end->swap->count && *fine; i++)
		if (!make_index(end, &end->swap->indexes[i], fine))
			return false;
	words_add(&analyze, "ANALYZE ");
	words_stage(&analyze, end);
	return !*fine || base_run(end->job, analyze.at);
}

bool load_prepare(struct load_end *end, bool *fine)
{
	bool alone;
	if (!load_alone(end, &alone))
		return false;
	return alone ? prepare(end, fine) : load_rows(end, fine);
}

/* ------------------------------------------------------------------- exchanged */

static bool name_index(struct load_end *end, const struct again *index)
{
	struct words sql = words_new(end->pile);
	if (index->constraint) {
		words_add(&sql, "ALTER TABLE ");
		words_old(&sql, end);
		words_add(&sql, " ADD CONSTRAINT ");
		words_name(&sql, index->name);
		words_format(&sql, " %s USING INDEX ", index->constraint);
		words_name(&sql, index->made);
	} else {
		words_add(&sql, "ALTER INDEX ");
		words_target(&sql, end->job, index->made);
		words_add(&sql, " RENAME TO ");
		words_name(&sql, index->name);
	}
	return base_run(end->job, sql.at);
}

/* What is said about the table, and who may do what with it. */
static bool read_words(struct load_end *end, const char **comment, struct line **rights)
{
	const char *const values[] = { end->job->sink->options->namespace, end->table->face->name };
	const PGresult *result = base_ask(end->job, "SELECT pg_catalog.obj_description(c.oid, 'pg_class')"
		" FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE n.nspname = $1 AND c.relname = $2", values, 2);
	bool has = result && PQntuples(result) == 1 && !PQgetisnull(result, 0, 0);
	*comment = has ? PQgetvalue(result, 0, 0) : NULL;
	return result && grants_read(end->job, end->table->face->name, rights);
}

static bool give_comment(struct load_end *end, const char *comment)
{
	struct words sql = words_new(end->pile);
	if (!comment)
		return true;
	words_add(&sql, "COMMENT ON TABLE ");
	words_old(&sql, end);
	words_add(&sql, " IS ");
	words_literal(&sql, comment);
	return base_run(end->job, sql.at);
}

/* The stage has the table's name from here on. */
static bool exchange(struct load_end *end)
{
	struct words drop = words_new(end->pile), name = words_new(end->pile);
	const char *comment;
	struct line *rights;
	words_add(&drop, "DROP TABLE ");
	words_old(&drop, end);
	words_add(&name, "ALTER TABLE ");
	words_stage(&name, end);
	words_add(&name, " RENAME TO ");
	words_name(&name, end->table->face->name);
	if (!read_words(end, &comment, &rights) || !base_run(end->job, drop.at) || !base_run(end->job, name.at))
		return false;
	for (size_t i = 0; i < end->swap->count; i++)
		if (!name_index(end, &end->swap->indexes[i]))
			return false;
	return give_comment(end, comment) && grants_give(end->job, rights);
}

/* Somebody may have hung something on it before it was locked. */
static bool is_as_it_was(struct load_end *end, bool *same)
{
	if (!load_alone(end, same))
		return false;
	const PGresult *result = ask_indexes(end);
	*same = result && *same && (size_t)PQntuples(result) == end->swap->count;
	return result != NULL;
}

/* All tables at once, or none: nobody waits for one while we, holding it, wait for another. */
static bool try_lock(struct load_end *ends, size_t count, size_t waiting, bool *locked)
{
	struct job *job = ends->job;
	struct words lock = words_new(ends->pile), timeout = words_new(ends->pile);
	words_format(&timeout, "SET LOCAL lock_timeout = '%zums'", LOCK_MOST / waiting + 1);
	words_add(&lock, "LOCK TABLE ");
	for (size_t i = 0, told = 0; i < count; i++)
		if (ends[i].swap) {
			words_add(&lock, told++ ? ", " : "");
			words_old(&lock, &ends[i]);
		}
	words_add(&lock, " IN ACCESS EXCLUSIVE MODE");
	*locked = base_run(job, timeout.at) && base_try(job, lock.at);
	if (!*locked && job->end == END_DONE && strcmp(job->fault.state, "55P03") != 0)
		base_refused(job, "locking a table that a load is to replace");
	return job->end == END_DONE;
}

/* Readers behind us wait as long as we do; that is never so long that Postgres looks for who waits
 * for whom, and ends one of them. */
static bool lock_all(struct load_end *ends, size_t count, size_t waiting, bool *locked)
{
	struct job *job = ends->job;
	const PGresult *was = base_ask(job, "SELECT pg_catalog.current_setting('lock_timeout')", NULL, 0);
	*locked = false;
	if (!was)
		return false;
	for (int tries = 0; !*locked && tries < LOCK_TRIES; tries++) {
		if (tries)
			nanosleep(&(struct timespec){ 0, LOCK_PAUSE }, NULL);
		if (!try_lock(ends, count, waiting, locked))
			return false;
	}
	struct words back = words_new(ends->pile);
	words_format(&back, "SET LOCAL lock_timeout = '%s'", PQgetvalue(was, 0, 0));
	return base_run(job, back.at);
}

bool loads_exchange(struct load_end *ends, size_t count, bool *fine)
{
	size_t waiting = 0;
	bool locked = false, same = false;
	for (size_t i = 0; i < count; i++)
		waiting += ends[i].swap != NULL;
	if (waiting && !lock_all(ends, count, waiting, &locked))
		return false;
	for (size_t i = 0; i < count && *fine; i++) {
		if (!ends[i].swap)
			continue;
		if (locked && !is_as_it_was(&ends[i], &same))
			return false;
		if (!(locked && same ? exchange(&ends[i]) : load_rows(&ends[i], fine)))
			return false;
	}
	return true;
}
