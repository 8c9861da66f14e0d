/* SPDX-License-Identifier: Apache-2.0 */
/* recall.c - rows are read.
 *
 * An engine's row that is asked for by its whole key is locked for the look: whoever asks wants to go
 * on from there, and a COMMIT of an earlier process may still be under way.
 */
#include <stdlib.h>
#include <string.h>

#include "core.h"

static bool whole_key(const struct sl_row *row)
{
	bool keyed = false;
	for (size_t i = 0; i < row->table->column_count; i++) {
		if (row->table->columns[i]->key && row->cells[i].kind == SL_CELL_NONE)
			return false;
		keyed = keyed || row->table->columns[i]->key;
	}
	return keyed;
}

/* ---------------------------------------------------------------------- cursors */

/* The next value of a key's text (sl_fold_key_text), unescaped; `at` moves behind it. */
static struct sl_text next_value(struct sl_pile *pile, const char **at)
{
	char *out = sl_pile_take(pile, strlen(*at) + 1), *to = out;
	for (; **at && **at != '|'; ++*at) {
		if (**at == '\\' && (*at)[1])
			++*at;
		*to++ = **at;
	}
	if (**at)
		++*at;
	return (struct sl_text){ out, (size_t)(to - out) };
}

static bool is_number(enum sl_column_type type)
{
	return type == SL_COLUMN_INT || type == SL_COLUMN_BOOL || type == SL_COLUMN_TIMESTAMP || type == SL_COLUMN_DATE;
}

/* A row with the key that a cursor names. */
static const struct sl_row *row_behind(struct job *job, const struct sl_table *table, const char *cursor)
{
	struct sl_pile *pile = &job->brief->pile;
	struct sl_cell *cells = sl_pile_take(pile, table->column_count * sizeof(*cells));
	struct sl_row *row = sl_pile_take(pile, sizeof(*row));
	size_t index;
	for (int place = 1; sl_key_column(table, place, &index); place++) {
		struct sl_text value = next_value(pile, &cursor);
		if (is_number(table->columns[index]->type))
			cells[index] = (struct sl_cell){ SL_CELL_INT, strtoll(value.at, NULL, 10), { 0 } };
		else
			cells[index] = (struct sl_cell){ SL_CELL_TEXT, 0, value };
	}
	*row = (struct sl_row){ .table = table, .mode = SL_EXPECT, .cells = cells };
	return row;
}

/* ------------------------------------------------------------------ the question */

struct question {
	struct job *job;
	struct table *table;
	struct words text;
	size_t parameters;
	const char *joint;
};

/* A parameter of the cell's type: an array of the one. */
static void add_cell(struct question *question, const struct sl_row *row, size_t index)
{
	const struct sl_column *column = row->table->columns[index];
	const char *cast = question->table->casts[index];
	if (!cast && column->type == SL_COLUMN_DECIMAL)
		cast = "numeric";
	bind_column(question->job, column, &row, 1, index);
	words_format(&question->text, "($%zu::%s[])[1]%s%s", ++question->parameters,
		column->type == SL_COLUMN_JSON ? "jsonb" : column_cast(column->type), cast ? "::" : "", cast ? cast : "");
}

static void add_given(struct question *question, const struct sl_row *row)
{
	for (size_t i = 0; i < row->table->column_count; i++) {
		if (row->cells[i].kind == SL_CELL_NONE)
			continue;
		words_format(&question->text, "%sold.", question->joint);
		words_name(&question->text, row->table->columns[i]->name);
		question->joint = " AND ";
		if (row->cells[i].kind == SL_CELL_NULL) {
			words_add(&question->text, " IS NULL");
			continue;
		}
		words_add(&question->text, " = ");
		add_cell(question, row, i);
	}
}

/* (old."a", old."b") > (...) */
static void add_behind(struct question *question, const struct sl_row *row)
{
	size_t index;
	words_format(&question->text, "%s(", question->joint);
	words_key(&question->text, row->table, "old.");
	words_add(&question->text, ") > (");
	for (int place = 1; sl_key_column(row->table, place, &index); place++) {
		words_add(&question->text, place > 1 ? ", " : "");
		add_cell(question, row, index);
	}
	words_add(&question->text, ")");
}

static void make_question(struct question *question, const struct sl_row *row, bool lock)
{
	const struct sl_call *call = question->job->call;
	words_add(&question->text, "SELECT ");
	words_cells(&question->text, row->table, "old.");
	words_add(&question->text, " FROM ");
	words_target(&question->text, question->job, row->table->name);
	words_add(&question->text, " AS old");
	add_given(question, row);
	if (call->most && call->cursor)
		add_behind(question, row_behind(question->job, row->table, call->cursor));
	if (question->table->keys) {
		words_add(&question->text, " ORDER BY ");
		words_key(&question->text, row->table, "old.");
	}
	if (call->most)
		words_format(&question->text, " LIMIT %zu", call->most + 1);
	words_add(&question->text, lock ? " FOR UPDATE" : "");
}

/* -------------------------------------------------------------------- the answer */

static bool heard_rows(struct job *job, PGresult *result, void *data)
{
	const struct sl_table *table = data;
	const struct sl_fold_memory memory = { sl_pile_give, &job->brief->pile };
	size_t most = job->call->most, count = (size_t)PQntuples(result);
	struct sl_cell *cells = NULL;
	for (size_t row = 0; row < count && (!most || row < most); row++) {
		struct found *found = sl_pile_take(&job->brief->pile, sizeof(*found));
		found->cells = cells = sl_pile_take(&job->brief->pile, table->column_count * sizeof(*cells));
		for (size_t i = 0; i < table->column_count; i++)
			cell_read(job, result, (int)row, (int)i, table->columns[i], &cells[i]);
		*job->last_found = found;
		job->last_found = &found->next;
	}
	if (most && count > most)
		job->cursor = sl_fold_key_text(table, cells, false, &memory).at;
	return false;
}

static bool recall_row(struct job *job, const struct sl_row *row)
{
	struct table *table = table_of(job->sink, row->table);
	if (!table)
		return job_fail(job, "the sink was not told of the table %s when it was opened", row->table->name);
	bool lock = !job->call->most && strncmp(row->table->name, "_sluice_", 8) == 0 && whole_key(row);
	struct question question = { job, table, words_new(&job->brief->pile), 0, " WHERE " };
	if (lock && (!base_begin(job) || !lock_send(job, row->table, row->cells)))
		return false;
	bind_begin(job->sink);
	make_question(&question, row, lock);
	struct values values = bind_end(job->sink);
	bool read = wire_send(job, question.text.at, &values, true,
		(struct sending){ "reading", NULL, heard_rows, (void *)(uintptr_t)table->face }) && wire_collect(job);
	if (!read && job->end == END_DONE)
		base_refused(job, job->sink->wire->doing);
	return read && (!lock || base_commit(job));
}

bool recall_rows(struct job *job)
{
	if (!base_ready(job))
		return false;
	for (size_t i = 0; i < job->row_count; i++)
		if (!recall_row(job, job->rows[i]))
			return false;
	return true;
}
