/* SPDX-License-Identifier: Apache-2.0 */
/* indexes.c - the differences of keys and indexes.
 *
 * An index is looked for by what it is over, not by its name: whoever made one by hand
 * (CONCURRENTLY, while the table was in use) has made it.
 */
#include <string.h>

#include "plan.h"

/* ---------------------------------------------------------------------- keys */

static bool has_column(const struct there_index *index, const char *name)
{
	for (size_t i = 0; i < index->count; i++)
		if (index->columns[i] && strcmp(index->columns[i], name) == 0)
			return true;
	return false;
}

static size_t key_count(const struct sl_table *face)
{
	size_t count = 0;
	while (sl_key_column(face, (int)count + 1, NULL))
		count++;
	return count;
}

/* What ON CONFLICT goes by: unique, over just the key's columns, in whatever order. */
static bool is_key(const struct sl_table *face, const struct there_index *index)
{
	if (!index->unique || !index->whole || index->count != key_count(face))
		return false;
	for (int place = 1; sl_key_column(face, place, NULL); place++)
		if (!has_column(index, sl_key_column(face, place, NULL)->name))
			return false;
	return true;
}

static const struct there_index *primary_of(const struct there_table *there)
{
	const struct there_index *at = there->indexes;
	while (at && !at->primary)
		at = at->next;
	return at;
}

static const char *index_columns(struct plan *plan, const struct there_index *index)
{
	struct words words = words_new(plan->pile);
	for (size_t i = 0; i < index->count; i++)
		words_format(&words, "%s%s", i ? ", " : "", index->columns[i] ? index->columns[i] : "(an expression)");
	return words.at;
}

/* Rows that differ only in what the old key leaves out would be refused. */
static void plan_other_key(struct plan *plan, const struct sl_table *face, const struct there_index *primary)
{
	struct words key = words_new(plan->pile), sql = words_new(plan->pile);
	words_key(&key, face, "");
	struct difference *made = plan_add(plan, PHASE_TABLES, "conflict", face->name, NULL,
		"the primary key of %s is (%s), and the schema's is (%s); change one of the two, or give the table another "
		"name",
		face->name, index_columns(plan, primary), key.at);
	words_add(&sql, "ALTER TABLE ");
	words_target(&sql, plan->job, face->name);
	words_add(&sql, " DROP CONSTRAINT ");
	words_name(&sql, primary->name);
	words_format(&sql, ", ADD PRIMARY KEY (%s)", key.at);
	plan_line(plan, made, sql.at);
	made->blocks = true;
}

static void plan_unique(struct plan *plan, const struct sl_table *face)
{
	struct words key = words_new(plan->pile), sql = words_new(plan->pile);
	words_key(&key, face, "");
	struct difference *made = plan_add(plan, PHASE_TABLES, "add index", face->name, NULL,
		"%s has no unique index over its key (%s); if it has rows that are the same in these columns, remove the "
		"doubles",
		face->name, key.at);
	words_add(&sql, "CREATE UNIQUE INDEX ON ");
	words_target(&sql, plan->job, face->name);
	words_format(&sql, " (%s)", key.at);
	plan_line(plan, made, sql.at);
	made->safe = true;
}

static bool is_within_key(const struct sl_table *face, const struct there_index *index)
{
	for (size_t i = 0; i < index->count; i++) {
		const struct sl_column *column = index->columns[i] ? sl_named_column(face, index->columns[i], NULL) : NULL;
		if (!column || !column->key)
			return false;
	}
	return true;
}

void plan_key(struct plan *plan, const struct sl_table *face, const struct there_table *there)
{
	const struct there_index *primary = primary_of(there);
	bool found = key_count(face) == 0;
	for (const struct there_index *index = there->indexes; index; index = index->next)
		found = found || is_key(face, index);
	if (found)
		return;
	if (primary && (there->made || is_within_key(face, primary)))
		plan_other_key(plan, face, primary);
	else
		plan_unique(plan, face);
}

/* ---------------------------------------------------------------- a renamed key */

/* The only column of the key that is not there; NULL: none, or several. */
static const struct sl_column *only_missing(const struct sl_table *face, const struct there_table *there)
{
	const struct sl_column *column, *missing = NULL;
	for (int place = 1; (column = sl_key_column(face, place, NULL)); place++) {
		if (there_column(there, column->name))
			continue;
		if (missing)
			return NULL;
		missing = column;
	}
	return missing;
}

static const char *only_unwanted(const struct sl_table *face, const struct there_index *primary)
{
	const char *unwanted = NULL;
	for (size_t i = 0; i < primary->count; i++) {
		if (primary->columns[i] && sl_named_column(face, primary->columns[i], NULL))
			continue;
		if (unwanted || !primary->columns[i])
			return NULL;
		unwanted = primary->columns[i];
	}
	return unwanted;
}

void plan_renamed_key(struct plan *plan, const struct sl_table *face, struct there_table *there)
{
	const struct there_index *primary = primary_of(there);
	const struct sl_column *comes = primary ? only_missing(face, there) : NULL;
	const char *leaves = comes ? only_unwanted(face, primary) : NULL;
	if (!leaves || primary->count != key_count(face))
		return;
	struct difference *made = plan_add(plan, PHASE_TABLES, "conflict", face->name, comes->name,
		"the key of %s has the column %s, and in the schema %s; rename it there or here, or give the table another "
		"name",
		face->name, leaves, comes->name);
	struct words sql = words_new(plan->pile);
	words_add(&sql, "ALTER TABLE ");
	words_target(&sql, plan->job, face->name);
	words_add(&sql, " RENAME COLUMN ");
	words_name(&sql, leaves);
	words_add(&sql, " TO ");
	words_name(&sql, comes->name);
	plan_line(plan, made, sql.at);
	made->blocks = true;
	there->leaves = leaves;
	there->comes = comes->name;
}

/* -------------------------------------------------------------------- indexes */

#define COLUMNS_MOST 32 /* of an index, in Postgres */

/* Columns of an index that is wanted. */
struct over {
	const char *columns[COLUMNS_MOST];
	size_t count;
};

static bool begins_with(const char *const *columns, size_t count, const struct over *over)
{
	if (count < over->count)
		return false;
	for (size_t i = 0; i < over->count; i++)
		if (!columns[i] || strncmp(columns[i], over->columns[i], NAME_MOST) != 0)
			return false;
	return true;
}

static bool key_begins_with(const struct sl_table *face, const struct over *over)
{
	for (size_t i = 0; i < over->count; i++) {
		const struct sl_column *column = sl_key_column(face, (int)i + 1, NULL);
		if (!column || strcmp(column->name, over->columns[i]) != 0)
			return false;
	}
	return true;
}

static bool is_there(const struct sl_table *face, const struct there_table *there, const struct over *over)
{
	if (!there)
		return key_begins_with(face, over);
	for (const struct there_index *index = there->indexes; index; index = index->next)
		if (index->whole && index->ordered && begins_with(index->columns, index->count, over))
			return true;
	return false;
}

/* "a, b" */
static struct over over_text(struct plan *plan, const char *text)
{
	struct over over = { .count = 0 };
	while (*text && over.count < COLUMNS_MOST) {
		text += strspn(text, " ");
		size_t len = strcspn(text, ",");
		over.columns[over.count++] = sl_pile_copy(plan->pile, text, len);
		text += len + (text[len] == ',');
	}
	return over;
}

static struct over over_list(const char *const *columns)
{
	struct over over = { .count = 0 };
	while (columns && columns[over.count] && over.count < COLUMNS_MOST) {
		over.columns[over.count] = columns[over.count];
		over.count++;
	}
	return over;
}

static struct over over_parent(const struct sl_table *face)
{
	struct over over = { .count = 0 };
	const struct sl_column *column;
	while (over.count < COLUMNS_MOST && (column = sl_parent_column(face, (int)over.count + 1, NULL)))
		over.columns[over.count++] = column->name;
	return over;
}

/* Indexes that are wanted, each once. */
struct overs {
	struct over *at;
	size_t count;
};

static void want_over(const struct sl_table *face, const struct there_table *there, struct overs *overs,
	struct over over)
{
	if (!over.count || is_there(face, there, &over))
		return;
	for (size_t i = 0; i < overs->count; i++)
		if (begins_with(overs->at[i].columns, overs->at[i].count, &over))
			return;
	overs->at[overs->count++] = over;
}

static const char *index_sql(struct plan *plan, const struct sl_table *face, const struct over *over)
{
	struct words sql = words_new(plan->pile);
	words_add(&sql, "CREATE INDEX ON ");
	words_target(&sql, plan->job, face->name);
	for (size_t i = 0; i < over->count; i++) {
		words_add(&sql, i ? ", " : " (");
		words_name(&sql, over->columns[i]);
	}
	words_add(&sql, ")");
	return sql.at;
}

static void plan_index(struct plan *plan, const struct sl_table *face, const struct over *over,
	struct difference *made)
{
	if (!made) {
		made = plan_add(plan, PHASE_TABLES, "add index", face->name, NULL, "%s has no index that begins with %s%s",
			face->name, over->columns[0], over->count > 1 ? " and the schema's other columns" : "");
		made->safe = made->waits = true;
	}
	plan_line(plan, made, index_sql(plan, face, over));
}

/* Those of the schema; the parent's rows are found by one, rows past their retention by another. */
void plan_indexes(struct plan *plan, const struct sl_table *face, const struct there_table *there,
	struct difference *made)
{
	size_t count = 0;
	while (face->indexes && face->indexes[count])
		count++;
	struct overs overs = { sl_pile_take(plan->pile, (count + 3) * sizeof(*overs.at)), 0 };
	for (size_t i = 0; i < count; i++)
		want_over(face, there, &overs, over_text(plan, face->indexes[i]));
	want_over(face, there, &overs, over_list(face->cluster));
	want_over(face, there, &overs, over_parent(face));
	if (face->retention)
		want_over(face, there, &overs, (struct over){ { face->retention }, 1 });
	for (size_t i = 0; i < overs.count; i++)
		plan_index(plan, face, &overs.at[i], made);
}
