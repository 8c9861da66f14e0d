/* SPDX-License-Identifier: Apache-2.0 */
/* columns.c - the differences of columns; types. */
#include "plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "time.h"

/* --------------------------------------------------------------------- types */

static const char *const declared[] = {
	[SL_COLUMN_TEXT] = "text",
	[SL_COLUMN_INT] = "bigint",
	[SL_COLUMN_DECIMAL] = "numeric",
	[SL_COLUMN_BOOL] = "boolean",
	[SL_COLUMN_TIMESTAMP] = "timestamptz",
	[SL_COLUMN_DATE] = "date",
	[SL_COLUMN_JSON] = "jsonb",
};

/* What a column that is there may be, by its name in pg_type. */
enum fit {
	FIT_WELL = 1, /* Postgres turns what we send into it by itself */
	FIT_CAST,     /* it has to be told to */
	FIT_WIDEN,    /* it becomes ours without loss */
};

static const struct {
	enum sl_column_type type;
	enum fit fit;
	const char *base;
	const char *using; /* how it becomes ours, where Postgres needs to be told: %s is the column */
} fits[] = {
	{ SL_COLUMN_TEXT, FIT_WELL, "text", NULL },
	{ SL_COLUMN_TEXT, FIT_WELL, "varchar", NULL },
	{ SL_COLUMN_TEXT, FIT_WELL, "bpchar", NULL },
	{ SL_COLUMN_TEXT, FIT_WELL, "citext", NULL },
	{ SL_COLUMN_TEXT, FIT_CAST, "uuid", NULL },
	{ SL_COLUMN_TEXT, FIT_CAST, "inet", NULL },
	{ SL_COLUMN_INT, FIT_WELL, "int8", NULL },
	{ SL_COLUMN_INT, FIT_WELL, "int4", NULL },
	{ SL_COLUMN_INT, FIT_WELL, "int2", NULL },
	{ SL_COLUMN_INT, FIT_WELL, "numeric", NULL },
	{ SL_COLUMN_DECIMAL, FIT_WELL, "numeric", NULL },
	{ SL_COLUMN_DECIMAL, FIT_WIDEN, "int8", NULL },
	{ SL_COLUMN_DECIMAL, FIT_WIDEN, "int4", NULL },
	{ SL_COLUMN_DECIMAL, FIT_WIDEN, "int2", NULL },
	{ SL_COLUMN_BOOL, FIT_WELL, "bool", NULL },
	{ SL_COLUMN_TIMESTAMP, FIT_WELL, "timestamptz", NULL },
	{ SL_COLUMN_TIMESTAMP, FIT_WIDEN, "date", "(%s::timestamp AT TIME ZONE 'UTC')" },
	{ SL_COLUMN_DATE, FIT_WELL, "date", NULL },
	{ SL_COLUMN_JSON, FIT_WELL, "jsonb", NULL },
	{ SL_COLUMN_JSON, FIT_WELL, "json", NULL },
	{ SL_COLUMN_JSON, FIT_WELL, "text", NULL },
};
#define FITS (sizeof(fits) / sizeof(*fits))

static size_t fit_of(enum sl_column_type type, const char *base)
{
	size_t at = 0;
	while (at < FITS && (fits[at].type != type || strcmp(fits[at].base, base) != 0))
		at++;
	return at;
}

const char *column_type(enum sl_column_type type)
{
	return declared[type];
}

/* ------------------------------------------------------------- declarations */

static void words_number(struct words *words, enum sl_column_type type, int64_t number)
{
	char text[SL_TIME_SIZE];
	switch (type) {
	case SL_COLUMN_BOOL:
		words_add(words, number ? "true" : "false");
		return;
	case SL_COLUMN_DATE:
		sl_date_write(number, text);
		words_format(words, "'%s'", text);
		return;
	case SL_COLUMN_TIMESTAMP:
		sl_time_write(number, text);
		words_format(words, "'%.*s%03dZ'", (int)strlen(text) - 1, text, (int)((number % 1000 + 1000) % 1000));
		return;
	default:
		words_format(words, "%" PRId64, number);
	}
}

static void words_initial(struct words *words, const struct sl_column *column)
{
	words_add(words, " DEFAULT ");
	if (column->initial->kind == SL_CELL_INT)
		words_number(words, column->type, column->initial->number);
	else
		words_literal(words, column->initial->kind == SL_CELL_TEXT ? column->initial->text.at : NULL);
}

/* A row of these may come to be before its columns do. */
static bool comes_bit_by_bit(const struct sl_table *table)
{
	return table->deletes == SL_DELETES_MARK || sl_named_column(table, "_times", NULL) != NULL;
}

static bool has_initial(const struct sl_column *column)
{
	return column->initial && column->initial->kind != SL_CELL_NONE && column->initial->kind != SL_CELL_NULL;
}

/* Rows that are there already have nothing to put into a column that is new. */
static bool never_null(const struct sl_table *table, const struct sl_column *column, bool fresh)
{
	if (column->key)
		return fresh;
	return column->required && !comes_bit_by_bit(table) && (fresh || has_initial(column));
}

void words_column(struct words *words, const struct sl_table *table, const struct sl_column *column, bool fresh)
{
	words_name(words, column->name);
	words_format(words, " %s", declared[column->type]);
	if (column->generated)
		words_format(words, " GENERATED ALWAYS AS (%s) STORED", column->generated);
	else if (has_initial(column))
		words_initial(words, column);
	words_add(words, never_null(table, column, fresh) ? " NOT NULL" : "");
}

/* ---------------------------------------------------------------- a column */

/* "ALTER TABLE ... ALTER COLUMN "c" " */
static struct words altering(struct plan *plan, const char *table, const char *column)
{
	struct words sql = words_new(plan->pile);
	words_add(&sql, "ALTER TABLE ");
	words_target(&sql, plan->job, table);
	words_add(&sql, " ALTER COLUMN ");
	words_name(&sql, column);
	return sql;
}

static struct words typing(struct plan *plan, const char *table, const struct sl_column *column, const char *using)
{
	struct words sql = altering(plan, table, column->name), name = words_new(plan->pile);
	words_name(&name, column->name);
	words_format(&sql, " TYPE %s", declared[column->type]);
	if (using) {
		words_add(&sql, " USING ");
		words_format(&sql, using, name.at);
	}
	return sql;
}

static const char *generated_task(struct plan *plan, const struct sl_column *column)
{
	struct words task = words_new(plan->pile);
	words_format(&task, "generated %s", column->name);
	return task.at;
}

/* What it is made of, as it is noted: its type and its expression. */
static const char *generated_note(struct plan *plan, const struct sl_column *column)
{
	struct words note = words_new(plan->pile);
	words_format(&note, "%s: %s", declared[column->type], column->generated);
	return note.at;
}

static void note_generated(struct plan *plan, struct difference *made, const struct sl_table *face,
	const struct sl_column *column)
{
	if (column->generated)
		plan_note(plan, made, face->name, generated_task(plan, column), generated_note(plan, column));
}

/* Views that read from it have to be made again. */
static void widens(struct plan *plan, const struct sl_table *face, const struct sl_column *column)
{
	struct there_edge *edge = sl_pile_take(plan->pile, sizeof(*edge));
	*edge = (struct there_edge){ .to = face->name, .column = column->name, .next = plan->widened };
	plan->widened = edge;
}

/* Postgres keeps the type of a column that another one is made of: that one is made again. */
static void words_again(struct words *sql, const struct sl_table *face, const struct sl_column *generated)
{
	words_add(sql, ", DROP COLUMN ");
	words_name(sql, generated->name);
	words_add(sql, ", ADD COLUMN ");
	words_column(sql, face, generated, false);
}

static void plan_widen(struct plan *plan, const struct sl_table *face, const struct sl_column *column,
	const struct there_table *table, const char *using)
{
	struct difference *made = plan_add(plan, PHASE_TABLES, "widen column", face->name, column->name,
		"%s.%s is %s, and the schema wants %s; no value loses by it", face->name, column->name,
		there_column(table, column->name)->type, declared[column->type]);
	struct words sql = typing(plan, face->name, column, using);
	struct line *line = plan_line(plan, made, NULL);
	made->safe = true;
	widens(plan, face, column);
	for (size_t i = 0; i < face->column_count; i++) {
		const struct sl_column *other = face->columns[i];
		if (!other->generated || !text_names(other->generated, column->name) || !there_column(table, other->name))
			continue;
		words_again(&sql, face, other);
		widens(plan, face, other);
		note_generated(plan, made, face, other);
	}
	line->sql = sql.at;
}

static void plan_misfit(struct plan *plan, const struct sl_table *face, const struct sl_column *column,
	const struct there_column *there)
{
	struct difference *made = plan_add(plan, PHASE_TABLES, "conflict", face->name, column->name,
		"the column %s.%s is %s, and cannot hold what the schema puts there (%s); change one of the two, or give the "
		"column another name", face->name, column->name, there->type, declared[column->type]);
	struct words using = words_new(plan->pile);
	if (strcmp(there->base, "timestamp") == 0 && column->type == SL_COLUMN_TIMESTAMP)
		words_add(&using, "%s AT TIME ZONE 'UTC'");
	else
		words_format(&using, "%%s::text::%s", declared[column->type]);
	plan_line(plan, made, typing(plan, face->name, column, using.at).at);
	made->blocks = true;
}

/* A change of casts makes the statements that were made with them wrong. */
static void learn_cast(struct plan *plan, const struct wanted *wanted, size_t at, const char *cast)
{
	struct table *table = wanted->table;
	struct sl_pile *kept = &plan->job->sink->kept;
	if (!table)
		return;
	if (!table->casts)
		table->casts = sl_pile_take(kept, (table->face->column_count + 1) * sizeof(*table->casts));
	const char *was = table->casts[at];
	if (was == cast || (was && cast && strcmp(was, cast) == 0))
		return;
	table->casts[at] = sl_pile_string(kept, cast);
	memset(table->statements, 0, sizeof(table->statements));
}

static void plan_type(struct plan *plan, const struct wanted *wanted, size_t at, const struct there_table *table)
{
	const struct sl_column *column = wanted->face->columns[at];
	const struct there_column *there = there_column(table, column->name);
	size_t fit = fit_of(column->type, there->base);
	bool as_enum = there->is_enum && column->type == SL_COLUMN_TEXT;
	bool casts = as_enum || (fit < FITS && fits[fit].fit == FIT_CAST);
	learn_cast(plan, wanted, at, casts ? there->type : NULL);
	if (as_enum || column->generated)
		return;
	if (fit == FITS)
		plan_misfit(plan, wanted->face, column, there);
	else if (fits[fit].fit == FIT_WIDEN)
		plan_widen(plan, wanted->face, column, table, fits[fit].using);
}

/* ------------------------------------------------------ columns fill themselves */

static void replace_column(struct plan *plan, const struct sl_table *face, const struct sl_column *column, bool blocks,
	const char *why)
{
	struct difference *made = plan_add(plan, PHASE_TABLES, "conflict", face->name, column->name, "%s.%s: %s",
		face->name, column->name, why);
	struct words sql = words_new(plan->pile);
	words_add(&sql, "ALTER TABLE ");
	words_target(&sql, plan->job, face->name);
	words_add(&sql, " DROP COLUMN ");
	words_name(&sql, column->name);
	words_add(&sql, ", ADD COLUMN ");
	words_column(&sql, face, column, false);
	plan_line(plan, made, sql.at);
	note_generated(plan, made, face, column);
	made->blocks = blocks;
}

/* What stands there and the schema's text are never equal, letter by letter: what it was made of is written down. */
static bool plan_generated(struct plan *plan, const struct sl_table *face, const struct sl_column *column,
	const struct there_column *there)
{
	const char *note = column->generated
		? catalog_note(&plan->catalog, face->name, generated_task(plan, column)) : NULL;
	if (!column->generated && !there->generated)
		return true;
	if (!column->generated)
		replace_column(plan, face, column, true, "Postgres fills this column by itself, and rows cannot; rename it");
	else if (!there->generated)
		replace_column(plan, face, column, false, "is an ordinary column, and the schema wants one that Postgres "
			"fills");
	else if (note && strcmp(note, generated_note(plan, column)) != 0)
		replace_column(plan, face, column, false, "is filled by another expression, or of another type, than the "
		"schema's");
	return false;
}

/* ------------------------------------------------------------------- comments */

static const char *comment_sql(struct plan *plan, const struct sl_table *face, const struct sl_column *column)
{
	struct words sql = words_new(plan->pile);
	words_add(&sql, column ? "COMMENT ON COLUMN " : "COMMENT ON TABLE ");
	words_target(&sql, plan->job, face->name);
	if (column) {
		words_add(&sql, ".");
		words_name(&sql, column->name);
	}
	words_add(&sql, " IS ");
	words_literal(&sql, column ? column->help : face->help);
	return sql.at;
}

/* Somebody else's words about their own table stay. */
static void plan_comment(struct plan *plan, const struct sl_table *face, const struct sl_column *column,
	const struct there_table *table, const char *there)
{
	const char *help = column ? column->help : face->help;
	if (!help || (there && (!table->made || strcmp(there, help) == 0)))
		return;
	struct difference *made = plan_add(plan, PHASE_TABLES, "comment", face->name, column ? column->name : NULL,
		"the comment is %s", there ? "another one" : "missing");
	plan_line(plan, made, comment_sql(plan, face, column));
	made->safe = made->waits = true;
}

void plan_comments(struct plan *plan, const struct sl_table *face, struct difference *made)
{
	if (face->help)
		plan_line(plan, made, comment_sql(plan, face, NULL));
	for (size_t i = 0; i < face->column_count; i++) {
		if (face->columns[i]->help)
			plan_line(plan, made, comment_sql(plan, face, face->columns[i]));
		note_generated(plan, made, face, face->columns[i]);
	}
}

/* ----------------------------------------------------------------- all columns */

static void plan_missing(struct plan *plan, const struct sl_table *face, const struct sl_column *column)
{
	struct difference *made = plan_add(plan, PHASE_TABLES, "add column", face->name, column->name,
		"%s has no column %s", face->name, column->name);
	struct words sql = words_new(plan->pile);
	words_add(&sql, "ALTER TABLE ");
	words_target(&sql, plan->job, face->name);
	words_add(&sql, " ADD COLUMN ");
	words_column(&sql, face, column, false);
	plan_line(plan, made, sql.at);
	if (column->help)
		plan_line(plan, made, comment_sql(plan, face, column));
	note_generated(plan, made, face, column);
	made->safe = true;
}

/* Ours wants it to be empty now and then. */
static void plan_null(struct plan *plan, const struct sl_table *face, const struct sl_column *column,
	const struct there_table *table, const struct there_column *there)
{
	if (!there->not_null || column->key || (column->required && !comes_bit_by_bit(face)))
		return;
	struct difference *made = plan_add(plan, PHASE_TABLES, "conflict", face->name, column->name,
		"%s.%s is NOT NULL, and the schema lets it be null: rows without a value would be refused", face->name,
		column->name);
	struct words sql = altering(plan, face->name, column->name);
	words_add(&sql, " DROP NOT NULL");
	plan_line(plan, made, sql.at);
	made->safe = made->waits = table->made;
}

static bool is_wanted(const struct sl_table *face, const char *name)
{
	for (size_t i = 0; i < face->column_count; i++)
		if (strncmp(face->columns[i]->name, name, NAME_MOST) == 0)
			return true;
	return false;
}

static void plan_extra(struct plan *plan, const struct sl_table *face, const struct there_table *table,
	const struct there_column *there)
{
	if (table->leaves && strcmp(table->leaves, there->name) == 0)
		return;
	if (!there->not_null || there->filled || there->generated) {
		plan_add(plan, PHASE_TABLES, "extra column", face->name, there->name,
			"%s.%s is not in the schema; nothing is done to it", face->name, there->name)->safe = true;
		return;
	}
	struct difference *made = plan_add(plan, PHASE_TABLES, "conflict", face->name, there->name,
		"%s.%s is not in the schema, but NOT NULL and without a default: every row would be refused", face->name,
		there->name);
	struct words sql = altering(plan, face->name, there->name);
	words_add(&sql, " DROP NOT NULL");
	plan_line(plan, made, sql.at);
	made->blocks = true;
}

void plan_columns(struct plan *plan, const struct wanted *wanted, const struct there_table *there)
{
	const struct sl_table *face = wanted->face;
	for (size_t i = 0; i < face->column_count; i++) {
		const struct sl_column *column = face->columns[i];
		const struct there_column *found = there_column(there, column->name);
		if (!found && !(there->comes && strcmp(there->comes, column->name) == 0))
			plan_missing(plan, face, column);
		if (!found)
			continue;
		plan_type(plan, wanted, i, there);
		if (plan_generated(plan, face, column, found))
			plan_null(plan, face, column, there, found);
		if (!wanted->stage)
			plan_comment(plan, face, column, there, found->comment);
	}
	for (size_t i = 0; i < there->column_count; i++)
		if (!is_wanted(face, there->columns[i].name) && !wanted->stage)
			plan_extra(plan, face, there, &there->columns[i]);
	if (!wanted->stage)
		plan_comment(plan, face, NULL, there, there->comment);
}
