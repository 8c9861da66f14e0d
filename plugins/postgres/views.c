/* SPDX-License-Identifier: Apache-2.0 */
/* views.c - the differences of views.
 *
 * A view of ours bears a comment: "made by sluice", and a hash of all that it is made of: its text,
 * the columns of the tables that the text names, and the views it names.  So it is made again
 * when any of these changes, and nobody else's is ever touched.  What else people built on a view of
 * ours keeps it from being dropped: then it is replaced, if Postgres can, or stays, and
 * that is told.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plan.h"

#define MARK "made by sluice "

/* A view that is wanted, or was. */
struct face {
	const char *name;
	const struct sl_view *view;      /* NULL: of ours, and no longer wanted */
	struct there_table *there;       /* NULL: not there */
	char mark[40];
	bool visited;                    /* for the order */
	bool goes;                       /* it is dropped, to be made again or for ever */
	bool replaced;                   /* in place */
	const char *foreign;             /* somebody else's view that reads from it; NULL: none */
};

struct faces {
	struct plan *plan;
	struct face *at;
	size_t count, wanted;            /* the wanted ones come first */
};

static struct face *face_of(const struct faces *faces, const char *name)
{
	for (size_t i = 0; i < faces->count; i++)
		if (strncmp(faces->at[i].name, name, NAME_MOST) == 0)
			return &faces->at[i];
	return NULL;
}

static bool is_ours(const struct there_table *there)
{
	return (there->kind == 'v' || there->kind == 'm') && there->comment &&
		strncmp(there->comment, MARK, sizeof(MARK) - 1) == 0;
}

/* ----------------------------------------------------------------------- hashes */

static uint64_t hash_table(uint64_t hash, const struct sl_table *table)
{
	hash = hash_text(hash, table->name);
	for (size_t i = 0; i < table->column_count; i++) {
		hash = hash_text(hash_text(hash, "\n"), table->columns[i]->name);
		hash = hash_text(hash_text(hash, " "), column_type(table->columns[i]->type));
	}
	return hash;
}

/* All that the text names, and what that names, each once. */
static uint64_t hash_named(const struct faces *faces, uint64_t hash, struct face *face, bool *seen)
{
	const struct sink *sink = faces->plan->job->sink;
	seen[face - faces->at] = true;
	hash = hash_text(hash, face->view->sql);
	for (size_t i = 0; i < sink->table_count; i++)
		if (text_names(face->view->sql, sink->tables[i].face->name))
			hash = hash_table(hash, sink->tables[i].face);
	for (size_t i = 0; i < faces->wanted; i++)
		if (!seen[i] && text_names(face->view->sql, faces->at[i].name))
			hash = hash_named(faces, hash, &faces->at[i], seen);
	return hash;
}

static void mark_face(const struct faces *faces, struct face *face)
{
	bool *seen = sl_pile_take(faces->plan->pile, (faces->count + 1) * sizeof(*seen));
	uint64_t hash = hash_text(HASH_FIRST, face->view->materialized ? "materialized " : "");
	snprintf(face->mark, sizeof(face->mark), MARK "%016" PRIx64, hash_named(faces, hash, face, seen));
}

/* ----------------------------------------------------------------------- what goes */

static void change(struct faces *faces, struct face *face);

/* A view of this schema that we made; NULL: whatever else it is, it is not ours to make again. */
static struct face *our_face(const struct faces *faces, const char *name)
{
	struct face *face = face_of(faces, name);
	return face && face->view && face->there && is_ours(face->there) ? face : NULL;
}

/* Whoever reads from a view has to go before it. */
static void change_readers(struct faces *faces, struct face *face)
{
	for (const struct there_edge *edge = faces->plan->catalog.edges; edge; edge = edge->next) {
		if (strcmp(edge->to, face->name) != 0)
			continue;
		struct face *reader = our_face(faces, edge->from);
		if (reader && !reader->goes)
			change(faces, reader);
		if (!reader || reader->foreign)
			face->foreign = reader ? reader->foreign : edge->from;
	}
}

static void change(struct faces *faces, struct face *face)
{
	face->goes = true;
	change_readers(faces, face);
}

/* ------------------------------------------------------------------ widened columns */

static void blocked(struct plan *plan, const struct there_edge *column, const char *view)
{
	plan_add(plan, PHASE_TABLES, "conflict", column->to, column->column, "the type of %s.%s has to change, and the "
		"view %s, which is not of this schema, reads from it; drop that view, and make it again afterwards", column->to,
		column->column, view)->blocks = true;
}

/* Views that read from a column whose type changes. */
static void change_widened(struct faces *faces, const struct there_edge *column)
{
	for (const struct there_edge *edge = faces->plan->catalog.edges; edge; edge = edge->next) {
		if (strcmp(edge->to, column->to) != 0 || !edge->column || strcmp(edge->column, column->column) != 0)
			continue;
		struct face *reader = our_face(faces, edge->from);
		if (reader)
			change(faces, reader);
		if (!reader || reader->foreign)
			blocked(faces->plan, column, reader ? reader->foreign : edge->from);
	}
}

/* --------------------------------------------------------------------- statements */

static struct words about(const struct plan *plan, const char *verb, char kind, const char *name)
{
	struct words sql = words_new(plan->pile);
	words_format(&sql, "%s %sVIEW ", verb, kind == 'm' ? "MATERIALIZED " : "");
	words_target(&sql, plan->job, name);
	return sql;
}

static char wanted_kind(const struct face *face)
{
	return face->view->materialized ? 'm' : 'v';
}

/* A text that ends in a comment ends there. */
static void make_lines(struct plan *plan, struct difference *made, const struct face *face)
{
	struct words sql = about(plan, face->replaced ? "CREATE OR REPLACE" : "CREATE", wanted_kind(face), face->name);
	words_format(&sql, " AS\n%s", face->view->sql);
	plan_line(plan, made, sql.at);
	struct words comment = about(plan, "COMMENT ON", wanted_kind(face), face->name);
	words_format(&comment, " IS '%s'", face->mark);
	plan_line(plan, made, comment.at);
	if (face->view->materialized)
		plan_note(plan, made, face->name, "refresh", NULL);
}

/* ------------------------------------------------------------------- beside them */

static bool keep_rights(struct plan *plan, const struct difference *difference)
{
	struct remade *remade = sl_pile_take(plan->pile, sizeof(*remade));
	remade->name = difference->table;
	remade->next = plan->remade;
	plan->remade = remade;
	return grants_read(plan->job, remade->name, &remade->grants);
}

/* Rows can be refreshed while they are read if a unique index tells them apart.  One over all
 * columns does, unless two rows are the same, or one is too large for an index. */
static bool index_rows(struct plan *plan, const char *name)
{
	static const char sql[] = "SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)"
		" FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
		" WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'm' HAVING pg_catalog.count(*) <= 32";
	const char *const values[] = { plan->job->sink->options->namespace, name };
	const PGresult *result = base_ask(plan->job, sql, values, 2);
	if (!result || PQntuples(result) == 0 || PQgetisnull(result, 0, 0))
		return result != NULL;
	struct words make = words_new(plan->pile);
	words_add(&make, "CREATE UNIQUE INDEX ");
	words_name(&make, rows_index(plan->pile, name));
	words_add(&make, " ON ");
	words_target(&make, plan->job, name);
	words_format(&make, " (%s)", PQgetvalue(result, 0, 0));
	return base_try(plan->job, make.at) || plan->job->end == END_DONE;
}

const char *rows_index(struct sl_pile *pile, const char *view)
{
	struct words name = words_new(pile);
	words_format(&name, "%s_rows", view);
	return name_of(pile, "", name.at);
}

static bool made_again(struct plan *plan, const struct difference *difference)
{
	const struct remade *remade = plan->remade;
	while (remade && strcmp(remade->name, difference->table) != 0)
		remade = remade->next;
	return index_rows(plan, difference->table) && (!remade || grants_give(plan->job, remade->grants));
}

/* ------------------------------------------------------------------------ planned */

static void plan_taken(struct plan *plan, const struct face *face)
{
	plan_add(plan, PHASE_VIEWS, "conflict", face->name, NULL, "%s is wanted as a view of the schema, but is there and "
		"not ours; rename that one", face->name)->blocks = true;
}

/* Somebody built on it: Postgres may be able to replace it in place. */
static void plan_kept(struct plan *plan, struct face *face)
{
	face->goes = false;
	if (face->there->kind == 'v' && wanted_kind(face) == 'v') {
		face->replaced = true;
		return;
	}
	plan_add(plan, PHASE_VIEWS, "conflict", face->name, NULL, "the view %s has to be made again, and the view %s, "
		"which is not of this schema, reads from it; drop that view, and make it again afterwards", face->name,
		face->foreign);
}

static void plan_gone(struct plan *plan, const struct face *face)
{
	struct difference *made = plan_add(plan, PHASE_DROP, "drop view", face->name, NULL, "%s is made again", face->name);
	plan_line(plan, made, about(plan, "DROP", face->there->kind, face->name).at);
	made->safe = true;
	made->before = keep_rights;
}

/* Readers first. */
static void plan_drops(struct faces *faces, struct face *face)
{
	if (face->visited)
		return;
	face->visited = true;
	for (const struct there_edge *edge = faces->plan->catalog.edges; edge; edge = edge->next)
		if (strcmp(edge->to, face->name) == 0 && face_of(faces, edge->from))
			plan_drops(faces, face_of(faces, edge->from));
	if (face->there && face->goes)
		plan_gone(faces->plan, face);
}

static const char *why_made(const struct face *face)
{
	if (face->replaced)
		return "the view %s has changed, and %s, which is not of this schema, reads from it: it can only be replaced "
			"by one with the same columns";
	return face->there ? "the view %s, or what it reads from, has changed" : "the view %s is not there";
}

/* Those that it reads from first. */
static void plan_makes(struct faces *faces, struct face *face)
{
	if (face->visited || !face->view)
		return;
	face->visited = true;
	for (size_t i = 0; i < faces->wanted; i++)
		if (text_names(face->view->sql, faces->at[i].name))
			plan_makes(faces, &faces->at[i]);
	if (face->there && !face->goes && !face->replaced)
		return;
	struct difference *made = plan_add(faces->plan, PHASE_VIEWS, "make view", face->name, NULL, why_made(face),
		face->name, face->foreign);
	make_lines(faces->plan, made, face);
	made->safe = true;
	made->waits = face->replaced;
	made->after = made_again;
}

/* -------------------------------------------------------------------------- all */

static void add_face(struct faces *faces, const char *name, const struct sl_view *view)
{
	struct face *face = &faces->at[faces->count++];
	*face = (struct face){ .name = name, .view = view, .there = catalog_table(&faces->plan->catalog, name) };
}

static bool is_wanted(const struct sink *sink, const char *name)
{
	for (size_t i = 0; i < sink->view_count; i++)
		if (strncmp(sink->views[i]->name, name, NAME_MOST) == 0)
			return true;
	return false;
}

static struct faces faces_new(struct plan *plan)
{
	const struct sink *sink = plan->job->sink;
	size_t count = sink->view_count;
	for (const struct there_table *at = plan->catalog.tables; at; at = at->next)
		count++;
	struct faces faces = { .plan = plan, .at = sl_pile_take(plan->pile, (count + 1) * sizeof(*faces.at)) };
	for (size_t i = 0; i < sink->view_count; i++)
		add_face(&faces, sink->views[i]->name, sink->views[i]);
	faces.wanted = faces.count;
	for (const struct there_table *at = plan->catalog.tables; at; at = at->next)
		if (is_ours(at) && !is_wanted(sink, at->name))
			add_face(&faces, at->name, NULL);
	return faces;
}

static bool check_name(struct plan *plan, const struct face *face)
{
	if (strlen(face->name) <= NAME_MOST)
		return true;
	plan_add(plan, PHASE_VIEWS, "name", face->name, NULL, "%s: the name is longer than the 63 bytes that Postgres "
		"keeps of it; give it a shorter one", face->name)->blocks = true;
	return false;
}

static void plan_face(struct faces *faces, struct face *face)
{
	struct plan *plan = faces->plan;
	if (!check_name(plan, face))
		return;
	mark_face(faces, face);
	if (!face->there)
		return;
	if (!is_ours(face->there))
		plan_taken(plan, face);
	else if (strcmp(face->there->comment, face->mark) != 0 && !face->goes)
		change(faces, face);
}

void plan_views(struct plan *plan)
{
	struct faces faces = faces_new(plan);
	for (const struct there_edge *column = plan->widened; column; column = column->next)
		change_widened(&faces, column);
	for (size_t i = 0; i < faces.wanted; i++)
		plan_face(&faces, &faces.at[i]);
	for (size_t i = 0; i < faces.wanted; i++)
		if (faces.at[i].goes && faces.at[i].foreign)
			plan_kept(plan, &faces.at[i]);
	for (size_t i = faces.wanted; i < faces.count; i++)
		plan_add(plan, PHASE_VIEWS, "extra view", faces.at[i].name, NULL, "the view %s was made by a sink, and is not "
			"in this schema; it stays, for it may be another route's", faces.at[i].name)->safe = true;
	for (size_t i = 0; i < faces.count; i++)
		plan_drops(&faces, &faces.at[i]);
	for (size_t i = 0; i < faces.count; i++)
		faces.at[i].visited = false;
	for (size_t i = 0; i < faces.wanted; i++)
		plan_makes(&faces, &faces.at[i]);
}
