/* SPDX-License-Identifier: Apache-2.0 */
/* expect.c - rows that must stand as they are believed to; a COMMIT in doubt.
 *
 * The row is locked first.  An earlier COMMIT of ours whose answer was lost may still be under way
 * at the server: the lock waits for its end, where a plain look would say that it never came.
 */
#include <stdlib.h>
#include <string.h>

#include "core.h"

struct expected {
	size_t row;                  /* of the job */
	struct table *table;
	bool heard;
	const struct sl_cell *cells; /* what stands; NULL: nothing */
	struct expected *next;
};

/* What a transaction left, if it was committed. */
struct doubted {
	const char *table;
	const struct sl_cell *cells;
	struct doubted *next;
};

struct doubt {
	struct sl_pile pile;
	struct doubted *rows;
};

/* ----------------------------------------------------------------------- locked */

static bool only_key(const struct sl_row *row)
{
	for (size_t i = 0; i < row->table->column_count; i++)
		if (!row->table->columns[i]->key && row->cells[i].kind != SL_CELL_NONE)
			return false;
	return true;
}

bool lock_send(struct job *job, const struct sl_table *table, const struct sl_cell *cells)
{
	const struct sl_fold_memory memory = { sl_pile_give, &job->brief->pile };
	struct words what = words_new(&job->brief->pile);
	words_format(&what, "sluice: %s.%s %s", job->sink->options->namespace, table->name,
		cells ? sl_fold_key_text(table, cells, false, &memory).at : "");
	struct values values = { (const char *const *)&what.at, NULL, NULL, 1 };
	return wire_send(job, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", &values, false,
		(struct sending){ .doing = "waiting for its turn" });
}

static bool stands(struct job *job, PGresult *result, void *data)
{
	struct expected *expected = data;
	const struct sl_table *face = expected->table->face;
	expected->heard = true;
	if (!PQntuples(result))
		return false;
	struct sl_cell *cells = sl_pile_take(&job->brief->pile, face->column_count * sizeof(*cells));
	for (size_t i = 0; i < face->column_count; i++)
		cell_read(job, result, 0, (int)i + 1, face->columns[i], &cells[i]);
	expected->cells = cells;
	return false;
}

static bool ask(struct job *job, struct table *table, size_t row)
{
	struct expected *expected = sl_pile_take(&job->brief->pile, sizeof(*expected));
	*expected = (struct expected){ .row = row, .table = table, .next = job->expected };
	job->expected = expected;
	bind_begin(job->sink);
	for (size_t i = 0; i < table->face->column_count; i++)
		if (table->face->columns[i]->key)
			bind_column(job, table->face->columns[i], &job->rows[row], 1, i);
	struct values values = bind_end(job->sink);
	return wire_send_made(job, statement_of(job, table, STATEMENT_LOOK), &values,
		(struct sending){ .doing = "looking where the route stands", .heard = stands, .data = expected });
}

bool expect_send(struct job *job)
{
	job->expected = NULL;
	for (size_t i = 0; i < job->row_count; i++) {
		const struct sl_row *row = job->rows[i];
		struct table *table = row->mode == SL_EXPECT ? table_of(job->sink, row->table) : NULL;
		if (row->mode != SL_EXPECT)
			continue;
		if (!table)
			return job_fail(job, "the sink was not told of the table %s when it was opened", row->table->name);
		if ((only_key(row) && !lock_send(job, row->table, row->cells)) || !ask(job, table, i))
			return false;
	}
	return true;
}

/* --------------------------------------------------------------------- compared */

static bool same_cells(const struct sl_table *table, const struct sl_cell *wanted, const struct sl_cell *cells)
{
	for (size_t i = 0; i < table->column_count; i++) {
		const struct sl_cell *a = &wanted[i], *b = &cells[i];
		if (a->kind == SL_CELL_NONE)
			continue;
		if (a->kind != b->kind || (a->kind == SL_CELL_INT && a->number != b->number))
			return false;
		if (a->kind == SL_CELL_TEXT &&
			(a->text.len != b->text.len || memcmp(a->text.at, b->text.at, a->text.len) != 0))
			return false;
	}
	return true;
}

static void words_cell(struct words *words, const struct sl_column *column, const struct sl_cell *cell)
{
	words_format(words, "%s ", column->name);
	if (cell->kind == SL_CELL_TEXT)
		words_format(words, "\"%.40s\"", cell->text.at);
	else if (cell->kind == SL_CELL_INT)
		words_format(words, "%lld", (long long)cell->number);
	else
		words_add(words, "nothing");
}

/* The cells that a row gives, or only those of its key. */
static void words_given(struct words *words, const struct sl_row *row, bool key, const struct sl_cell *cells)
{
	const char *comma = "";
	for (size_t i = 0; i < row->table->column_count; i++) {
		if (row->cells[i].kind == SL_CELL_NONE || (key && !row->table->columns[i]->key))
			continue;
		words_add(words, comma);
		words_cell(words, row->table->columns[i], &cells[i]);
		comma = ", ";
	}
}

static bool unexpected(struct job *job, const struct sl_row *row, const struct sl_cell *cells)
{
	struct words words = words_new(&job->brief->pile);
	words_format(&words, "%s: %s has %s", job->sink->name, row->table->name, cells ? "" : "no row with ");
	words_given(&words, row, !cells, cells ? cells : row->cells);
	words_add(&words, ", where this daemon left ");
	if (only_key(row))
		words_add(&words, "none");
	else
		words_given(&words, row, false, row->cells);
	return job_fail(job, "%s: %s", words.at, cells ? "another daemon moved the cursor, or the table was changed by hand"
						       : "the table was dropped, emptied or restored");
}

/* ------------------------------------------------------------------------ doubt */

void doubt_forget(struct sink *sink)
{
	if (sink->doubt)
		sl_pile_free(&sink->doubt->pile);
	free(sink->doubt);
	sink->doubt = NULL;
}

static bool expected_by(const struct job *job, const struct sl_row *put)
{
	for (const struct expected *at = job->expected; at; at = at->next)
		if (strcmp(at->table->face->name, put->table->name) == 0 &&
			sl_fold_same_key(put->table, job->rows[at->row]->cells, put->cells))
			return true;
	return false;
}

static const struct sl_cell *copy_cells(struct sl_pile *pile, const struct sl_row *row)
{
	struct sl_cell *cells = sl_pile_take(pile, row->table->column_count * sizeof(*cells));
	for (size_t i = 0; i < row->table->column_count; i++) {
		cells[i] = row->cells[i];
		if (cells[i].kind == SL_CELL_TEXT)
			cells[i].text.at = sl_pile_copy(pile, cells[i].text.at, cells[i].text.len);
	}
	return cells;
}

void doubt_note(struct job *job)
{
	struct doubt *doubt = calloc(1, sizeof(*doubt));
	if (!doubt)
		sl_no_memory();
	doubt_forget(job->sink);
	job->sink->doubt = doubt;
	for (size_t i = 0; i < job->row_count; i++) {
		const struct sl_row *row = job->rows[i];
		if (row->mode != SL_PUT || !expected_by(job, row))
			continue;
		struct doubted *doubted = sl_pile_take(&doubt->pile, sizeof(*doubted));
		*doubted = (struct doubted){ sl_pile_string(&doubt->pile, row->table->name), copy_cells(&doubt->pile, row),
			doubt->rows };
		doubt->rows = doubted;
	}
}

/* What stands is what we left when we could not know whether we had. */
static bool is_doubted(const struct sink *sink, const struct sl_table *table, const struct sl_cell *cells)
{
	const struct doubted *at = sink->doubt && cells ? sink->doubt->rows : NULL;
	for (; at; at = at->next)
		if (strcmp(at->table, table->name) == 0 && same_cells(table, at->cells, cells))
			return true;
	return false;
}

bool expect_heard(struct job *job)
{
	for (const struct expected *at = job->expected; at; at = at->next) {
		const struct sl_row *row = job->rows[at->row];
		if (!at->heard || (only_key(row) ? !at->cells : at->cells && same_cells(row->table, row->cells, at->cells)))
			continue;
		if (!is_doubted(job->sink, row->table, at->cells))
			return unexpected(job, row, at->cells);
		job->unsettled = true;
		job->unsettled_row = at->row;
		return false;
	}
	return true;
}
