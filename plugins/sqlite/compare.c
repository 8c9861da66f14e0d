/* SPDX-License-Identifier: Apache-2.0 */
/* compare.c - a table that is there, beside the one that is wanted. */
#include <string.h>
#include <strings.h>

#include "inside.h"

struct comparing {
	struct job *job;
	const struct sl_table *table;
	const char *sql;        /* that made the table that is there */
	struct there *there;    /* its columns */
	bool strict;
	struct there *renamed;  /* a column of the old key that seems to have become ... */
	const char *to;         /* ... this one; NULL: none */
	const char *rebuild;    /* statements that make the table anew, rows and all; NULL: there are none */
	bool foreign;           /* it has columns of other people's */
	bool rekeyed;           /* what is to be done about the key was said */
};

static const struct sl_column *wanted(const struct sl_table *table, const char *name)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (strcasecmp(table->columns[i]->name, name) == 0)
			return table->columns[i];
	return NULL;
}

static void differ(const struct comparing *c, const char *type, const char *column, struct change change)
{
	change.type = type;
	change.table = c->table->name;
	change.column = column;
	plan_add(c->job, change);
}

/* ----------------------------------------------------------------- made anew */

/* Triggers and other people's indexes go with the old table. */
static bool sql_dependents(const struct comparing *c, sqlite3_str *sql)
{
	static const char there[] = "SELECT sql FROM sqlite_schema WHERE tbl_name = ?1 COLLATE NOCASE"
		" AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type, name";
	sqlite3_stmt *statement;
	int code;
	if (!base_prepare(c->job, there, &statement))
		return false;
	sqlite3_bind_text(statement, 1, c->table->name, -1, SQLITE_STATIC);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		sqlite3_str_appendf(sql, ";\n%s", sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return code == SQLITE_DONE || base_error(c->job, "looking at its indexes");
}

static struct there *extra_columns(struct comparing *c, bool *computed)
{
	struct there *first = NULL, **last = &first;
	for (const struct there *there = c->there; there; there = there->next) {
		if (wanted(c->table, there->name) || there == c->renamed)
			continue;
		*computed = *computed || there->computed;
		*last = sl_pile_take(&c->job->brief->pile, sizeof(**last));
		**last = *there;
		(*last)->next = NULL;
		last = &(*last)->next;
	}
	return first;
}

/* SQLite prints a decimal number only when it is told to. */
static void sql_copied(const struct comparing *c, sqlite3_str *sql, const struct there *extra, bool cast)
{
	const char *comma = "";
	for (size_t i = 0; i < c->table->column_count; i++) {
		const struct sl_column *column = c->table->columns[i];
		if (column->generated)
			continue;
		bool text = cast && c->table->strict && column->type == SL_COLUMN_DECIMAL;
		sqlite3_str_appendf(sql, text ? "%sCAST(\"%w\" AS TEXT)" : "%s\"%w\"", comma, column->name);
		comma = ", ";
	}
	for (; extra; extra = extra->next)
		sqlite3_str_appendf(sql, ", \"%w\"", extra->name);
}

static bool prepare_rebuild(struct comparing *c)
{
	bool computed = false;
	const char *name = c->table->name, *as = job_format(c->job, "_sluice_new_%s", name);
	struct there *extra = extra_columns(c, &computed);
	sqlite3_str *sql = sqlite3_str_new(c->job->sink->db);
	sql_table(sql, c->table, as, extra);
	sqlite3_str_appendf(sql, ";\nINSERT INTO \"%w\" (", as);
	sql_copied(c, sql, extra, false);
	sqlite3_str_appendall(sql, ") SELECT ");
	sql_copied(c, sql, extra, true);
	sqlite3_str_appendf(sql, " FROM \"%w\";\nDROP TABLE \"%w\";\nALTER TABLE \"%w\" RENAME TO \"%w\"", name, name, as,
		name);
	bool looked = sql_dependents(c, sql);
	const char *text = job_text(c->job, sql);
	c->foreign = extra != NULL;
	c->rebuild = computed ? NULL : text;
	return looked;
}

/* -------------------------------------------------------------------- columns */

/* A key's column that is gone and one that is new: perhaps only the name is another. */
static void find_renamed(struct comparing *c)
{
	const struct sl_column *missing = NULL;
	struct there *left = NULL;
	int news = 0, olds = 0;
	for (size_t i = 0; i < c->table->column_count; i++)
		if (c->table->columns[i]->key && !there_named(c->there, c->table->columns[i]->name)) {
			missing = c->table->columns[i];
			news++;
		}
	for (struct there *there = c->there; there; there = there->next)
		if (there->key && !wanted(c->table, there->name)) {
			left = there;
			olds++;
		}
	if (news != 1 || olds != 1 || !type_fits(missing, left->declared, c->strict))
		return;
	c->renamed = left;
	c->to = missing->name;
	c->rekeyed = true;
	differ(c, "conflict", missing->name, (struct change){ .blocks = true,
		.sql = job_format(c->job, "ALTER TABLE \"%w\" RENAME COLUMN \"%w\" TO \"%w\"", c->table->name, left->name,
			c->to),
		.why = job_format(c->job, "the key of the table %s has the column %s, and in the schema %s; if only its name "
			"is another, rename it", c->table->name, left->name, c->to) });
}

static void add_missing(struct comparing *c, const struct sl_column *column)
{
	if (there_named(c->there, column->name) || (c->to && strcmp(c->to, column->name) == 0))
		return;
	sqlite3_str *sql = sqlite3_str_new(c->job->sink->db);
	sqlite3_str_appendf(sql, "ALTER TABLE \"%w\" ADD COLUMN ", c->table->name);
	sql_column(sql, c->table, column, c->strict);
	differ(c, "add column", column->name, (struct change){ .safe = true, .sql = job_text(c->job, sql) });
}

static const char *made_anew(const struct comparing *c, const struct sl_column *column)
{
	sqlite3_str *sql = sqlite3_str_new(c->job->sink->db);
	sqlite3_str_appendf(sql, "ALTER TABLE \"%w\" DROP COLUMN \"%w\";\nALTER TABLE \"%w\" ADD COLUMN ", c->table->name,
		column->name, c->table->name);
	sql_column(sql, c->table, column, c->strict);
	return job_text(c->job, sql);
}

/* The statement that made the column tells how it is computed. */
static void compare_generated(struct comparing *c, const struct sl_column *column, const struct there *there)
{
	if (there->computed && strstr(c->sql, sql_generated(c->job, column)))
		return;
	differ(c, "conflict", column->name, (struct change){ .sql = made_anew(c, column),
		.why = job_format(c->job, "the column %s.%s is %s in the schema", c->table->name, column->name,
			there->computed ? "computed in another way" : "a computed one") });
}

static void compare_type(struct comparing *c, const struct sl_column *column, const struct there *there)
{
	const char *type = type_declared(column, c->strict);
	if (type_fits(column, there->declared, c->strict))
		return;
	if (c->strict && column->type == SL_COLUMN_DECIMAL && strncasecmp(there->declared, "INT", 3) == 0 && !c->foreign) {
		differ(c, "widen column", column->name, (struct change){ .safe = true, .slow = true, .sql = c->rebuild });
		return;
	}
	differ(c, "conflict", column->name, (struct change){ .blocks = true, .slow = true, .sql = c->rebuild,
		.why = job_format(c->job, "the column %s.%s is declared %s and cannot hold what the schema puts there (%s); "
			"rename the column or the table, or name another file", c->table->name, column->name, there->declared,
			type) });
}

static void compare_column(struct comparing *c, const struct sl_column *column)
{
	const struct there *there = there_named(c->there, column->name);
	if (!there)
		return;
	if (column->generated)
		compare_generated(c, column, there);
	else if (there->computed)
		differ(c, "conflict", column->name, (struct change){ .blocks = true, .sql = made_anew(c, column),
			.why = job_format(c->job, "the column %s.%s is a computed one, and cannot be written; rename it, or the "
				"table", c->table->name, column->name) });
	else
		compare_type(c, column, there);
}

static void compare_extra(struct comparing *c, const struct there *there)
{
	if (wanted(c->table, there->name) || there == c->renamed)
		return;
	if (there->required && !there->initial && !there->computed)
		differ(c, "conflict", there->name, (struct change){ .blocks = true,
			.why = job_format(c->job, "the column %s.%s is not in the schema, and must have a value in each row; drop "
				"it, or put it into the schema", c->table->name, there->name) });
	else
		differ(c, "extra column", there->name, (struct change){ .safe = true });
}

/* ----------------------------------------------------------------- the whole */

/* A PRIMARY KEY that lacks a column of the key refuses rows that are others. */
static void compare_primary(struct comparing *c)
{
	const struct sl_column *column;
	bool any = false, ours = true, lacks = false;
	if (c->rekeyed)
		return;
	for (const struct there *there = c->there; there; there = there->next) {
		any = any || there->key;
		ours = ours && (!there->key || wanted(c->table, there->name));
	}
	for (int place = 1; (column = sl_key_column(c->table, place, NULL)); place++) {
		const struct there *there = there_named(c->there, column->name);
		lacks = lacks || !there || !there->key;
	}
	c->rekeyed = any && ours && lacks;
	if (c->rekeyed)
		differ(c, "conflict", NULL, (struct change){ .blocks = true, .slow = true, .sql = c->rebuild,
			.why = job_format(c->job, "the table %s has another PRIMARY KEY than the schema, and would refuse rows",
				c->table->name) });
}

/* A table that is there has all of the key's columns only when the missing ones were added. */
static bool has_columns(const struct comparing *c)
{
	const struct sl_column *column;
	bool has = true;
	for (int place = 1; (column = sl_key_column(c->table, place, NULL)); place++)
		has = has && there_named(c->there, column->name);
	return has;
}

/* ON CONFLICT wants an index over just the key. */
static bool compare_key(struct comparing *c)
{
	bool has = true, doubles = false;
	const char *name = c->table->name;
	if (c->rekeyed || !sl_key_column(c->table, 1, NULL))
		return true;
	if (!look_key(c->job, c->table, &has) || (!has && has_columns(c) && !look_doubles(c->job, c->table, &doubles)))
		return false;
	if (doubles)
		differ(c, "conflict", NULL, (struct change){ .blocks = true,
			.why = job_format(c->job, "the table %s has rows that are the same in the columns of the key; remove the "
				"doubles", name) });
	else if (!has)
		differ(c, "add index", NULL, (struct change){ .safe = true, .slow = true, .sql = key_sql(c->job, c->table) });
	return true;
}

static void compare_strict(struct comparing *c)
{
	if (c->table->strict != c->strict)
		differ(c, "conflict", NULL, (struct change){ .slow = true, .sql = c->rebuild,
			.why = job_format(c->job, "the table %s is%s STRICT, and in the schema it is%s", c->table->name,
				c->strict ? "" : " not", c->strict ? " not" : "") });
}

bool compare_table(struct job *job, const struct sl_table *table, const char *sql)
{
	struct comparing c = { .job = job, .table = table, .sql = sql };
	if (!look_columns(job, table->name, &c.there) || !look_strict(job, table->name, &c.strict))
		return false;
	find_renamed(&c);
	if (!prepare_rebuild(&c))
		return false;
	for (size_t i = 0; i < table->column_count; i++)
		add_missing(&c, table->columns[i]);
	for (size_t i = 0; i < table->column_count; i++)
		compare_column(&c, table->columns[i]);
	for (const struct there *there = c.there; there; there = there->next)
		compare_extra(&c, there);
	compare_primary(&c);
	compare_strict(&c);
	return compare_key(&c);
}
