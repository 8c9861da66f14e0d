/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - rows of a table become statements.
 *
 * What comes of folding is at most one row for each key and kind of mode, kind after kind in the
 * order in which they have to be written; so a statement of arrays never meets a key twice.
 */
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define FIRST_SHARE 4 /* of a statement's rows are in the first of several */

/* ------------------------------------------------------------------ a statement */

static void bind_rows(struct job *job, const struct table *table, bool key, const struct sl_row *const *rows,
	size_t count)
{
	for (size_t i = 0; i < table->face->column_count; i++) {
		const struct sl_column *column = table->face->columns[i];
		if (key ? column->key > 0 : !column->generated)
			bind_column(job, column, rows, count, i);
	}
}

static const char *doing_of(struct job *job, const char *what, const struct table *table)
{
	struct words words = words_new(&job->brief->pile);
	words_format(&words, "%s %s", what, table->face->name);
	return words.at;
}

/* Pieces of about one size, none larger than a statement may be. */
static size_t piece(size_t count)
{
	size_t pieces = (count + STATEMENT_ROWS - 1) / STATEMENT_ROWS;
	return pieces ? (count + pieces - 1) / pieces : 1;
}

static int compare_cells(const struct sl_cell *a, const struct sl_cell *b)
{
	if (a->kind != SL_CELL_TEXT || b->kind != SL_CELL_TEXT)
		return (a->number > b->number) - (a->number < b->number);
	size_t len = a->text.len < b->text.len ? a->text.len : b->text.len;
	int order = len ? memcmp(a->text.at, b->text.at, len) : 0;
	return order ? order : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

static int compare_keys(const void *one, const void *other, void *data)
{
	const struct sl_row *a = *(const struct sl_row *const *)one, *b = *(const struct sl_row *const *)other;
	const struct table *table = data;
	int order = 0;
	for (size_t i = 0; i < table->keys && !order; i++)
		order = compare_cells(&a->cells[table->key_at[i]], &b->cells[table->key_at[i]]);
	return order;
}

/* The server has nothing to do until it has the first of many. */
static size_t first_piece(size_t count, size_t size)
{
	return count > size ? (size + FIRST_SHARE - 1) / FIRST_SHARE : size;
}

/* Who locks rows in one order does not wait for who waits for him. */
bool write_made(struct job *job, struct table *table, enum statement_kind kind, const struct sl_row **rows,
	size_t count)
{
	bool removes = kind == STATEMENT_REMOVE;
	qsort_r(rows, count, sizeof(*rows), compare_keys, table);
	struct statement *statement = statement_of(job, table, kind);
	struct sending sending = { .doing = doing_of(job, removes ? "removing rows of" : "writing rows of", table) };
	size_t most = piece(count), size = first_piece(count, most);
	for (size_t from = 0; from < count; from += size, size = most) {
		bind_begin(job->sink);
		bind_rows(job, table, removes, rows + from, count - from < size ? count - from : size);
		struct values values = bind_end(job->sink);
		if (!wire_send_made(job, statement, &values, sending))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ rows by key */

static bool whole_key(const struct table *table, const struct sl_row *row)
{
	for (size_t i = 0; i < table->face->column_count; i++)
		if (table->face->columns[i]->key && row->cells[i].kind == SL_CELL_NONE)
			return false;
	return true;
}

/* Puts and removes of different keys: all of the ones, then all of the others. */
static bool write_puts(struct job *job, struct table *table, const struct sl_row **rows, size_t count)
{
	const struct sl_row **sorted = sl_pile_take(&job->brief->pile, count * sizeof(*sorted));
	size_t removes = 0, puts = count;
	for (size_t i = 0; i < count; i++) {
		if (rows[i]->mode == SL_REMOVE && !whole_key(table, rows[i]))
			return job_fail(job, "%s: a row that is to be removed needs its key", table->face->name);
		if (rows[i]->mode == SL_REMOVE)
			sorted[removes++] = rows[i];
		else
			sorted[--puts] = rows[i];
	}
	return write_made(job, table, STATEMENT_REMOVE, sorted, removes) &&
		write_made(job, table, STATEMENT_PUT, sorted + puts, count - puts);
}

/* -------------------------------------------------------------------- whole sets */

/* The versions of parents' sets, and the rows in them. */
struct sets {
	struct sl_text *parents, *ids;
	int64_t *times;
	size_t count;
};

static struct sets sets_new(struct job *job, size_t room)
{
	struct sl_pile *pile = &job->brief->pile;
	return (struct sets){ sl_pile_take(pile, (room + 1) * sizeof(struct sl_text)),
		sl_pile_take(pile, (room + 1) * sizeof(struct sl_text)), sl_pile_take(pile, (room + 1) * sizeof(int64_t)), 0 };
}

static void add_set(struct sets *sets, struct sl_text parent, const struct sl_row *row)
{
	const char *id = row->version_id ? row->version_id : "";
	sets->parents[sets->count] = parent;
	sets->ids[sets->count] = (struct sl_text){ id, strlen(id) };
	sets->times[sets->count++] = row->version_time;
}

static void bind_sets(struct job *job, const struct sets *sets, size_t from, size_t count)
{
	bind_texts(job, sets->parents + from, count);
	bind_times(job, sets->times + from, count);
	bind_texts(job, sets->ids + from, count);
}

static bool send_sets(struct job *job, struct table *table, enum statement_kind kind, const struct sets *sets,
	const struct sl_row *const *rows)
{
	struct statement *statement = statement_of(job, table, kind);
	struct sending sending = { .doing = doing_of(job, "replacing rows of", table) };
	size_t size = piece(sets->count);
	for (size_t from = 0; from < sets->count; from += size) {
		size_t count = sets->count - from < size ? sets->count - from : size;
		bind_begin(job->sink);
		if (kind == STATEMENT_SET)
			bind_text(job, table->face->name);
		bind_sets(job, sets, from, count);
		for (size_t i = 0; i < table->face->column_count && kind == STATEMENT_CLEAR; i++)
			if (table->face->columns[i]->parent)
				bind_column(job, table->face->columns[i], rows + from, count, i);
		if (kind == STATEMENT_FILL)
			bind_rows(job, table, false, rows + from, count);
		if (kind != STATEMENT_SET)
			bind_text(job, table->face->name);
		struct values values = bind_end(job->sink);
		if (!wire_send_made(job, statement, &values, sending))
			return false;
	}
	return true;
}

/* Notes the versions; of those that were new enough the old rows go, and the new ones come. */
static bool write_sets(struct job *job, struct table *table, const struct sl_row **rows, size_t count)
{
	const struct sl_fold_memory memory = { sl_pile_give, &job->brief->pile };
	size_t all = 0;
	if (!table->parents)
		return job_fail(job, "the table %s has no parent whose rows could be replaced", table->face->name);
	for (size_t i = 0; i < count; i++)
		all += rows[i]->set_count;
	struct sets sets = sets_new(job, count), each = sets_new(job, all);
	const struct sl_row **fill = sl_pile_take(&job->brief->pile, (all + 1) * sizeof(*fill));
	for (size_t i = 0; i < count; i++) {
		add_set(&sets, sl_fold_key_text(table->face, rows[i]->cells, true, &memory), rows[i]);
		for (size_t k = 0; k < rows[i]->set_count; k++) {
			fill[each.count] = rows[i]->set[k];
			add_set(&each, sets.parents[i], rows[i]);
		}
	}
	return send_sets(job, table, STATEMENT_SET, &sets, NULL) && send_sets(job, table, STATEMENT_CLEAR, &sets, rows) &&
		send_sets(job, table, STATEMENT_FILL, &each, fill);
}

/* --------------------------------------------------------------------- by mode */

static bool write_first(struct job *job, struct table *table, const struct sl_row **rows, size_t count)
{
	return write_made(job, table, STATEMENT_FIRST, rows, count);
}

static bool write_newest(struct job *job, struct table *table, const struct sl_row **rows, size_t count)
{
	return write_made(job, table, STATEMENT_NEWEST, rows, count);
}

typedef bool write_mode(struct job *, struct table *, const struct sl_row **, size_t);
static write_mode *const modes[] = {
	[SL_APPEND] = write_first, [SL_ONCE] = write_first, [SL_UPSERT] = write_newest, [SL_REPLACE] = write_sets,
	[SL_PUT] = write_puts, [SL_REMOVE] = write_puts,
};

/* The states of rows that are read first are worked out all at once. */
static bool is_state(const struct table *table, enum sl_mode mode)
{
	return table->reads && (mode == SL_UPSERT || mode == SL_PATCH || mode == SL_DELETE);
}

static bool write_run(struct job *job, struct table *table, const struct sl_row **rows, size_t count,
	struct states **states)
{
	enum sl_mode mode = rows[0]->mode;
	if (is_state(table, mode))
		return states_ask(job, table, rows, count, states);
	if (mode < SL_APPEND || mode > SL_REMOVE)
		return job_fail(job, "%s: this sink cannot write rows of mode %d there", table->face->name, (int)mode);
	return modes[mode](job, table, rows, count);
}

static bool together(const struct table *table, enum sl_mode one, enum sl_mode other)
{
	bool states = is_state(table, one);
	if (states || is_state(table, other))
		return states && is_state(table, other);
	return one == other || (one >= SL_APPEND && one <= SL_REMOVE && other >= SL_APPEND && other <= SL_REMOVE &&
		modes[one] == modes[other]);
}

bool write_settle(struct job *job, struct states **states)
{
	struct states *asked = *states;
	*states = NULL;
	return wire_collect(job) && (!asked || (states_write(job, asked) && wire_collect(job)));
}

/* What comes behind rows that are read first has to wait for them. */
bool write_rows(struct job *job, struct table *table, const struct sl_row *const *rows, size_t count,
	struct states **states)
{
	const struct sl_fold_memory memory = { sl_pile_give, &job->brief->pile };
	const struct sl_row **folded = sl_pile_take(&job->brief->pile, (count + 1) * sizeof(*folded));
	size_t kept = sl_fold_rows(table->face, rows, count, folded, &memory);
	for (size_t from = 0, to; from < kept; from = to) {
		to = from + 1;
		while (to < kept && together(table, folded[from]->mode, folded[to]->mode))
			to++;
		if (!write_run(job, table, folded + from, to - from, states))
			return false;
		if (to < kept && is_state(table, folded[from]->mode) && !write_settle(job, states))
			return false;
	}
	return true;
}
