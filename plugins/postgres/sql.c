/* SPDX-License-Identifier: Apache-2.0 */
/* sql.c - the texts of the statements that rows are written with.
 *
 * Each takes its rows as arrays of one length, one a column, which are laid side by side as n(c1, c2, ...),
 * the numbers being the columns' in their table.  What is there already is called old.  Ids are
 * compared by their bytes, whatever the database's collation is.
 */
#include <string.h>

#include "core.h"

/* ---------------------------------------------------------------------- pieces */

/* A statement being made, and of what types its parameters are. */
struct draft {
	const struct job *job;
	const struct table *table;
	struct words text;
	Oid *types;
	size_t count;
};

enum { TEXT = 25, TEXTS = 1009 };

static void add(struct draft *draft, const char *text)
{
	words_add(&draft->text, text);
}

static void add_target(struct draft *draft, const char *before, const char *name)
{
	add(draft, before);
	words_target(&draft->text, draft->job, name);
	add(draft, " AS old");
}

static void add_parameter(struct draft *draft, const char *before, Oid type)
{
	draft->types[draft->count++] = type;
	words_format(&draft->text, "%s$%zu", before, draft->count);
}

/* An array beside those of columns. */
struct more {
	const char *name;
	Oid type;
};

/* Columns of a table that a statement is about. */
typedef bool chosen(const struct sl_column *column);

static bool written(const struct sl_column *column)
{
	return !column->generated;
}

static bool of_key(const struct sl_column *column)
{
	return column->key > 0;
}

static bool of_parent(const struct sl_column *column)
{
	return column->parent > 0;
}

static bool beside_key(const struct sl_column *column)
{
	return !column->key && !column->generated;
}

/* (SELECT unnest($1) AS c1, unnest($2) AS c2, ...) AS n of chosen columns, `more` before and `behind` behind them.
 * Side by side in a SELECT's list the elements go into the rows as they are; as FROM unnest($1, $2, ...) each array
 * would first become a table of its own, which takes the server a seventh of its time. */
static void add_rows(struct draft *draft, const struct more *more, chosen *choose, const char *behind)
{
	const struct sl_table *face = draft->table->face;
	const char *before = "(SELECT unnest(";
	for (; more && more->name; more++, before = ", unnest(") {
		add_parameter(draft, before, more->type);
		words_format(&draft->text, ") AS %s", more->name);
	}
	for (size_t i = 0; i < face->column_count; i++)
		if (choose(face->columns[i])) {
			add_parameter(draft, before, column_array_oid(face->columns[i]->type));
			words_format(&draft->text, ") AS c%zu", i + 1);
			before = ", unnest(";
		}
	words_format(&draft->text, "%s) AS n", behind);
}

/* n.c3, as the column that is there takes it. */
static void add_value(struct draft *draft, size_t index)
{
	const struct sl_column *column = draft->table->face->columns[index];
	const char *cast = draft->table->casts[index];
	if (!cast && column->type == SL_COLUMN_DECIMAL)
		cast = "numeric";
	words_format(&draft->text, "n.c%zu%s%s", index + 1, cast ? "::" : "", cast ? cast : "");
}

/* old."a" = n.c1 AND ... */
static void add_same(struct draft *draft, const char *before, chosen *choose)
{
	const struct sl_table *face = draft->table->face;
	for (size_t i = 0; i < face->column_count; i++) {
		if (!choose(face->columns[i]))
			continue;
		words_format(&draft->text, "%sold.", before);
		words_name(&draft->text, face->columns[i]->name);
		add(draft, " = ");
		add_value(draft, i);
		before = " AND ";
	}
}

/* INSERT INTO t AS old (a, b) SELECT n.c1, n.c2 FROM */
static void add_insert(struct draft *draft)
{
	const struct sl_table *face = draft->table->face;
	const char *comma = " (";
	add_target(draft, "INSERT INTO ", face->name);
	for (size_t i = 0; i < face->column_count; i++)
		if (written(face->columns[i])) {
			add(draft, comma);
			words_name(&draft->text, face->columns[i]->name);
			comma = ", ";
		}
	comma = ") SELECT ";
	for (size_t i = 0; i < face->column_count; i++)
		if (written(face->columns[i])) {
			add(draft, comma);
			add_value(draft, i);
			comma = ", ";
		}
	add(draft, " FROM ");
}

static void add_conflict(struct draft *draft, const char *what)
{
	if (!draft->table->keys)
		return;
	add(draft, " ON CONFLICT (");
	words_key(&draft->text, draft->table->face, "");
	words_format(&draft->text, ") DO %s", what);
}

static void add_replacing(struct draft *draft)
{
	const struct sl_table *face = draft->table->face;
	const char *comma = "";
	add_conflict(draft, "UPDATE SET ");
	for (size_t i = 0; i < face->column_count; i++) {
		if (!beside_key(face->columns[i]))
			continue;
		add(draft, comma);
		words_name(&draft->text, face->columns[i]->name);
		add(draft, " = excluded.");
		words_name(&draft->text, face->columns[i]->name);
		comma = ", ";
	}
}

/* ------------------------------------------------------------------ statements */

static void make_first(struct draft *draft)
{
	add_insert(draft);
	add_rows(draft, NULL, written, "");
	add_conflict(draft, "NOTHING");
}

static bool only_key(const struct sl_table *face)
{
	for (size_t i = 0; i < face->column_count; i++)
		if (beside_key(face->columns[i]))
			return false;
	return true;
}

static void make_put(struct draft *draft)
{
	add_insert(draft);
	add_rows(draft, NULL, written, "");
	if (only_key(draft->table->face))
		add_conflict(draft, "NOTHING");
	else if (draft->table->keys)
		add_replacing(draft);
}

/* The newest wins.  The same version again is the same event again, and writes its row again: a
 * rewind through a corrected mapping must be able to. */
static void make_newest(struct draft *draft)
{
	make_put(draft);
	if (draft->table->guarded && draft->table->keys && !only_key(draft->table->face))
		add(draft, " WHERE (excluded._event_time, excluded._event_id COLLATE \"C\") >="
			" (coalesce(old._event_time, '-infinity'), coalesce(old._event_id, '') COLLATE \"C\")");
}

static void make_remove(struct draft *draft)
{
	add_target(draft, "DELETE FROM ", draft->table->face->name);
	add(draft, " USING ");
	add_rows(draft, NULL, of_key, "");
	add_same(draft, " WHERE ", of_key);
}

static void make_look(struct draft *draft)
{
	add(draft, "SELECT n.i::bigint, ");
	words_cells(&draft->text, draft->table->face, "old.");
	add(draft, " FROM ");
	add_rows(draft, NULL, of_key, ", generate_subscripts($1, 1) AS i");
	add_target(draft, " JOIN ", draft->table->face->name);
	add_same(draft, " ON ", of_key);
	add(draft, " ORDER BY ");
	words_key(&draft->text, draft->table->face, "old.");
	add(draft, " FOR UPDATE OF old");
}

/* What versions of sets are: the parent's text, the time, the event's id. */
static const struct more versions[] = { { "p", TEXTS }, { "t", 1185 }, { "e", TEXTS }, { NULL, 0 } };

static bool none(const struct sl_column *column)
{
	return false;
}

static void make_set(struct draft *draft)
{
	add_target(draft, "INSERT INTO ", sl_sets.name);
	add(draft, " (name, parent, event_time, event_id) SELECT ");
	add_parameter(draft, "", TEXT);
	add(draft, ", n.p, n.t, n.e FROM ");
	add_rows(draft, versions, none, "");
	add(draft, " ON CONFLICT (name, parent) DO UPDATE SET event_time = excluded.event_time,"
		" event_id = excluded.event_id WHERE (excluded.event_time, excluded.event_id COLLATE \"C\") >="
		" (old.event_time, old.event_id COLLATE \"C\")");
}

/* The set that stands is the one that n tells of: ours was not too old. */
static void add_ours(struct draft *draft, const char *before)
{
	add(draft, before);
	words_target(&draft->text, draft->job, sl_sets.name);
	add(draft, " AS ours WHERE ours.name = ");
	add_parameter(draft, "", TEXT);
	add(draft, " AND ours.parent = n.p AND ours.event_time = n.t AND ours.event_id = n.e");
}

static void make_clear(struct draft *draft)
{
	add_target(draft, "DELETE FROM ", draft->table->face->name);
	add(draft, " USING ");
	add_rows(draft, versions, of_parent, "");
	add_ours(draft, ", ");
	add_same(draft, " AND ", of_parent);
}

static void make_fill(struct draft *draft)
{
	add_insert(draft);
	add_rows(draft, versions, written, "");
	add_ours(draft, ", ");
}

static void (*const makers[])(struct draft *) = {
	[STATEMENT_FIRST] = make_first, [STATEMENT_NEWEST] = make_newest, [STATEMENT_PUT] = make_put,
	[STATEMENT_REMOVE] = make_remove, [STATEMENT_LOOK] = make_look, [STATEMENT_SET] = make_set,
	[STATEMENT_CLEAR] = make_clear, [STATEMENT_FILL] = make_fill,
};

#define EXTRA_PARAMETERS 4 /* beside the columns */

struct statement *statement_of(struct job *job, struct table *table, enum statement_kind kind)
{
	struct statement *statement = &table->statements[kind];
	struct sl_pile *kept = &job->sink->kept;
	if (statement->sql)
		return statement;
	struct draft draft = { job, table, words_new(kept),
		sl_pile_take(kept, (table->face->column_count + EXTRA_PARAMETERS) * sizeof(Oid)), 0 };
	makers[kind](&draft);
	statement->sql = draft.text.at;
	statement->types = draft.types;
	statement->count = draft.count;
	return statement;
}

void words_cells(struct words *words, const struct sl_table *table, const char *prefix)
{
	for (size_t i = 0; i < table->column_count; i++) {
		words_format(words, "%s%s", i ? ", " : "", prefix);
		words_name(words, table->columns[i]->name);
		words_format(words, "::%s", column_cast(table->columns[i]->type));
	}
}
