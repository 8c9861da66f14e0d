/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - the differences of tables. */
#include <string.h>

#include "fold.h"
#include "plan.h"

/* --------------------------------------------------------------------- names */

static const char *const system_columns[] = { "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid" };

bool is_system_column(const char *name)
{
	for (size_t i = 0; i < sizeof(system_columns) / sizeof(*system_columns); i++)
		if (strcmp(system_columns[i], name) == 0)
			return true;
	return false;
}

static void bad_name(struct plan *plan, const struct sl_table *face, const char *column, const char *why)
{
	plan_add(plan, PHASE_TABLES, "name", face->name, column, "%s%s%s: %s", face->name, column ? "." : "",
		column ? column : "", why)->blocks = true;
}

static const char too_long[] = "the name is longer than the 63 bytes that Postgres keeps of it; give it a shorter one";
static const char equal_cut[] = "cut to the 63 bytes that Postgres keeps of a name, it is the same as another one; "
	"give it a shorter one";

static bool same_cut(const char *one, const char *other)
{
	return strncmp(one, other, NAME_MOST) == 0;
}

static bool name_is_taken(const struct plan *plan, const struct wanted *wanted)
{
	for (const struct wanted *at = plan->wanted; at < wanted; at++)
		if (same_cut(at->face->name, wanted->face->name))
			return true;
	return false;
}

static bool column_is_taken(const struct sl_table *face, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (same_cut(face->columns[i]->name, face->columns[index]->name))
			return true;
	return false;
}

static bool check_column_name(struct plan *plan, const struct sl_table *face, size_t index)
{
	const char *name = face->columns[index]->name;
	const char *why = column_is_taken(face, index) ? equal_cut : strlen(name) > NAME_MOST ? too_long
		: is_system_column(name) ? "Postgres has a column of that name in every table; give it another one" : NULL;
	if (why)
		bad_name(plan, face, name, why);
	return !why;
}

static bool check_names(struct plan *plan, const struct wanted *wanted)
{
	const struct sl_table *face = wanted->face;
	const char *why = name_is_taken(plan, wanted) ? equal_cut : strlen(face->name) > NAME_MOST ? too_long : NULL;
	bool good = !why;
	if (why)
		bad_name(plan, face, NULL, why);
	for (size_t i = 0; i < face->column_count; i++)
		good = check_column_name(plan, face, i) && good;
	return good;
}

/* ---------------------------------------------------------------------- made */

static const char *create_sql(struct plan *plan, const struct sl_table *face)
{
	struct words sql = words_new(plan->pile);
	words_add(&sql, "CREATE TABLE ");
	words_target(&sql, plan->job, face->name);
	for (size_t i = 0; i < face->column_count; i++) {
		words_add(&sql, i ? ",\n\t" : " (\n\t");
		words_column(&sql, face, face->columns[i], true);
	}
	if (sl_key_column(face, 1, NULL)) {
		words_add(&sql, ",\n\tPRIMARY KEY (");
		words_key(&sql, face, "");
		words_add(&sql, ")");
	}
	words_add(&sql, "\n)");
	if (part_column(face)) {
		words_add(&sql, " PARTITION BY RANGE (");
		words_name(&sql, part_column(face)->name);
		words_add(&sql, ")");
	}
	return sql.at;
}

/* A table that comes anew knows nothing of what an older one of its name had. */
static void forget(struct plan *plan, struct difference *made, const char *from, const char *name)
{
	struct words sql = words_new(plan->pile);
	if (!catalog_table(&plan->catalog, from))
		return;
	words_add(&sql, "DELETE FROM ");
	words_target(&sql, plan->job, from);
	words_add(&sql, " WHERE \"name\" = ");
	words_literal(&sql, name);
	plan_quiet(plan, made, sql.at);
}

static void plan_new(struct plan *plan, const struct sl_table *face)
{
	struct difference *made = plan_add(plan, PHASE_TABLES, "add table", face->name, NULL, "the table %s is not there",
		face->name);
	made->safe = true;
	plan_line(plan, made, create_sql(plan, face));
	plan_parts(plan, face, NULL, made);
	plan_indexes(plan, face, NULL, made);
	plan_comments(plan, face, made);
	forget(plan, made, sl_sets.name, face->name);
	forget(plan, made, sl_gone.name, face->name);
	forget(plan, made, loads_table.name, face->name);
	plan_note(plan, made, face->name, "made", NULL);
}

/* -------------------------------------------------------------------- altered */

static const char *kind_of(char kind)
{
	static const struct {
		char kind;
		const char *words;
	} kinds[] = { { 'v', "a view" }, { 'm', "a materialized view" }, { 'i', "an index" }, { 'I', "an index" },
		{ 'S', "a sequence" }, { 'c', "a type" }, { 'f', "a foreign table, which cannot be written as rows need it" } };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].words;
	return "something else";
}

static void plan_old(struct plan *plan, const struct wanted *wanted, struct there_table *there)
{
	const struct sl_table *face = wanted->face;
	if (there->kind != 'r' && there->kind != 'p') {
		plan_add(plan, PHASE_TABLES, "conflict", face->name, NULL, "%s is wanted as a table, but is there as %s; "
			"rename that one", face->name, kind_of(there->kind))->blocks = true;
		return;
	}
	if (!wanted->stage)
		plan_renamed_key(plan, face, there);
	plan_columns(plan, wanted, there);
	if (wanted->stage || there->comes)
		return;
	plan_key(plan, face, there);
	plan_indexes(plan, face, there, NULL);
	plan_parts(plan, face, there, NULL);
}

void plan_table(struct plan *plan, const struct wanted *wanted)
{
	struct there_table *there = catalog_table(&plan->catalog, wanted->face->name);
	if (!check_names(plan, wanted))
		return;
	if (there)
		plan_old(plan, wanted, there);
	else if (!wanted->stage)
		plan_new(plan, wanted->face);
}
