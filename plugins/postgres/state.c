/* SPDX-License-Identifier: Apache-2.0 */
/* state.c - rows that are read before they are written: deletes, and columns with times of their own.
 *
 * What stands is locked and read, then folded with what comes, then put in its place.  A lock on
 * the whole table among those who write so keeps two of them from both finding nothing.
 */
#include <string.h>

#include "core.h"

/* A key, what stood for it, and what stands now. */
struct entry {
	const struct sl_row *row;    /* the first with this key */
	struct sl_text text;         /* the key's, where there are tombstones */
	struct sl_fold_state was, is;
	bool changed;
};

struct states {
	struct table *table;
	const struct sl_row *const *rows;
	size_t row_count;
	size_t *whose;               /* each row's entry */
	struct entry *entries;
	size_t count;
	struct states *next;
};

/* ---------------------------------------------------------------------- entries */

static void find_entry(struct states *states, size_t row, uint32_t *slots, size_t mask)
{
	const struct sl_table *face = states->table->face;
	const struct sl_row *it = states->rows[row];
	size_t slot = sl_fold_hash_key(face, it->cells) & mask;
	for (; slots[slot]; slot = (slot + 1) & mask)
		if (sl_fold_same_key(face, states->entries[slots[slot] - 1].row->cells, it->cells))
			break;
	if (!slots[slot]) {
		states->entries[states->count].row = it;
		slots[slot] = (uint32_t)++states->count;
	}
	states->whose[row] = slots[slot] - 1;
}

static struct states *states_new(struct job *job, struct table *table, const struct sl_row *const *rows, size_t count)
{
	struct sl_pile *pile = &job->brief->pile;
	struct states *states = sl_pile_take(pile, sizeof(*states));
	size_t room = 16;
	while (room < count * 2)
		room *= 2;
	uint32_t *slots = sl_pile_take(pile, room * sizeof(*slots));
	*states = (struct states){ .table = table, .rows = rows, .row_count = count };
	states->whose = sl_pile_take(pile, count * sizeof(*states->whose));
	states->entries = sl_pile_take(pile, count * sizeof(*states->entries));
	for (size_t i = 0; i < count; i++)
		find_entry(states, i, slots, room - 1);
	return states;
}

/* ----------------------------------------------------------------------- asking */

/* An answer about these entries. */
struct looked {
	struct states *states;
	size_t from, count;
	const struct table *table;
};

static struct entry *entry_told(const struct looked *looked, const PGresult *result, int row)
{
	struct sl_cell number;
	const struct sl_column ordinal = { .type = SL_COLUMN_INT };
	cell_read(NULL, result, row, 0, &ordinal, &number);
	if (number.kind != SL_CELL_INT || number.number < 1 || (size_t)number.number > looked->count)
		return NULL;
	return &looked->states->entries[looked->from + (size_t)number.number - 1];
}

static struct sl_cell *cells_of(struct job *job, const struct looked *looked, const PGresult *result, int row)
{
	const struct sl_table *face = looked->table->face;
	struct sl_cell *cells = sl_pile_take(&job->brief->pile, face->column_count * sizeof(*cells));
	for (size_t i = 0; i < face->column_count; i++)
		cell_read(job, result, row, (int)i + 1, face->columns[i], &cells[i]);
	return cells;
}

static bool stood(struct job *job, PGresult *result, void *data)
{
	const struct looked *looked = data;
	for (int row = 0; row < PQntuples(result); row++) {
		struct entry *entry = entry_told(looked, result, row);
		if (entry)
			entry->was.cells = cells_of(job, looked, result, row);
	}
	return false;
}

static bool was_gone(struct job *job, PGresult *result, void *data)
{
	const struct looked *looked = data;
	size_t time;
	sl_named_column(looked->table->face, "event_time", &time);
	for (int row = 0; row < PQntuples(result); row++) {
		struct entry *entry = entry_told(looked, result, row);
		if (!entry)
			continue;
		entry->was.gone = true;
		entry->was.gone_time = cells_of(job, looked, result, row)[time].number;
	}
	return false;
}

static bool look(struct job *job, struct states *states, struct table *table, const struct sl_row *const *rows,
	size_t from, size_t count, hears *heard)
{
	struct looked *looked = sl_pile_take(&job->brief->pile, sizeof(*looked));
	uint64_t mends[MENDS];
	*looked = (struct looked){ states, from, count, table };
	memcpy(mends, job->mends, sizeof(mends)); /* they count where they are written */
	bind_begin(job->sink);
	for (size_t i = 0; i < table->face->column_count; i++)
		if (table->face->columns[i]->key)
			bind_column(job, table->face->columns[i], rows + from, count, i);
	memcpy(job->mends, mends, sizeof(mends));
	struct values values = bind_end(job->sink);
	return wire_send_made(job, statement_of(job, table, STATEMENT_LOOK), &values,
		(struct sending){ .doing = "reading rows that are to change", .heard = heard, .data = looked });
}

static bool look_all(struct job *job, struct states *states, struct table *table, const struct sl_row *const *rows,
	hears *heard)
{
	for (size_t from = 0, count; from < states->count; from += count) {
		count = states->count - from < STATEMENT_ROWS ? states->count - from : STATEMENT_ROWS;
		if (!look(job, states, table, rows, from, count, heard))
			return false;
	}
	return true;
}

static const struct sl_row *gone_row(struct job *job, const struct states *states, const struct entry *entry,
	enum sl_mode mode)
{
	struct sl_pile *pile = &job->brief->pile;
	struct sl_cell *cells = sl_pile_take(pile, sl_gone.column_count * sizeof(*cells));
	struct sl_row *row = sl_pile_take(pile, sizeof(*row));
	const char *name = states->table->face->name;
	size_t at[3];
	sl_named_column(&sl_gone, "name", &at[0]);
	sl_named_column(&sl_gone, "row", &at[1]);
	sl_named_column(&sl_gone, "event_time", &at[2]);
	cells[at[0]] = (struct sl_cell){ SL_CELL_TEXT, 0, { name, strlen(name) } };
	cells[at[1]] = (struct sl_cell){ SL_CELL_TEXT, 0, entry->text };
	cells[at[2]] = (struct sl_cell){ SL_CELL_INT, entry->is.gone_time, { 0 } };
	*row = (struct sl_row){ .table = &sl_gone, .mode = mode, .cells = cells };
	return row;
}

static bool look_for_tombstones(struct job *job, struct states *states)
{
	const struct sl_fold_memory memory = { sl_pile_give, &job->brief->pile };
	const struct sl_row **rows = sl_pile_take(&job->brief->pile, states->count * sizeof(*rows));
	struct table *gone = table_of(job->sink, &sl_gone);
	if (states->table->face->deletes != SL_DELETES_REMOVE)
		return true;
	for (size_t i = 0; i < states->count; i++) {
		struct entry *entry = &states->entries[i];
		entry->text = sl_fold_key_text(states->table->face, entry->row->cells, false, &memory);
		rows[i] = gone_row(job, states, entry, SL_PUT);
	}
	return look_all(job, states, gone, rows, was_gone);
}

bool states_ask(struct job *job, struct table *table, const struct sl_row *const *rows, size_t count,
	struct states **list)
{
	struct states *states = states_new(job, table, rows, count);
	const struct sl_row **keys = sl_pile_take(&job->brief->pile, states->count * sizeof(*keys));
	for (size_t i = 0; i < states->count; i++)
		keys[i] = states->entries[i].row;
	states->next = *list;
	*list = states;
	return lock_send(job, table->face, NULL) && look_all(job, states, table, keys, stood) &&
		look_for_tombstones(job, states);
}

/* ---------------------------------------------------------------------- writing */

static void fold_all(struct job *job, struct states *states)
{
	const struct sl_fold_memory memory = { sl_pile_give, &job->brief->pile };
	for (size_t i = 0; i < states->count; i++)
		states->entries[i].is = states->entries[i].was;
	for (size_t i = 0; i < states->row_count; i++) {
		struct entry *entry = &states->entries[states->whose[i]];
		entry->changed |= sl_fold_state(states->table->face, &entry->is, states->rows[i], &entry->is, &memory);
	}
}

static const struct sl_row *row_now(struct job *job, const struct states *states, const struct entry *entry)
{
	struct sl_row *row = sl_pile_take(&job->brief->pile, sizeof(*row));
	*row = *entry->row;
	row->mode = entry->is.cells ? SL_PUT : SL_REMOVE;
	row->cells = entry->is.cells ? entry->is.cells : entry->row->cells;
	return row;
}

/* Rows to be put grow from the one end, rows to be removed from the other. */
struct sorted {
	const struct sl_row **rows;
	size_t puts, removes, room;
};

static struct sorted sorted_new(struct job *job, size_t room)
{
	return (struct sorted){ sl_pile_take(&job->brief->pile, (room + 1) * sizeof(struct sl_row *)), 0, 0, room };
}

static void sort_in(struct sorted *sorted, const struct sl_row *row)
{
	if (row->mode == SL_PUT)
		sorted->rows[sorted->puts++] = row;
	else
		sorted->rows[sorted->room - ++sorted->removes] = row;
}

static bool write_sorted(struct job *job, struct table *table, const struct sorted *sorted)
{
	return write_made(job, table, STATEMENT_PUT, sorted->rows, sorted->puts) &&
		write_made(job, table, STATEMENT_REMOVE, sorted->rows + sorted->room - sorted->removes, sorted->removes);
}

static bool write_one(struct job *job, struct states *states)
{
	struct sorted rows = sorted_new(job, states->count), gone = sorted_new(job, states->count);
	for (size_t i = 0; i < states->count; i++) {
		const struct entry *entry = &states->entries[i];
		if (entry->changed && (entry->is.cells || entry->was.cells))
			sort_in(&rows, row_now(job, states, entry));
		if (entry->is.gone && (!entry->was.gone || entry->is.gone_time != entry->was.gone_time))
			sort_in(&gone, gone_row(job, states, entry, SL_PUT));
		else if (!entry->is.gone && entry->was.gone)
			sort_in(&gone, gone_row(job, states, entry, SL_REMOVE));
	}
	return write_sorted(job, states->table, &rows) && (!(gone.puts + gone.removes) ||
		write_sorted(job, table_of(job->sink, &sl_gone), &gone));
}

bool states_write(struct job *job, struct states *states)
{
	for (; states; states = states->next) {
		fold_all(job, states);
		if (!write_one(job, states))
			return false;
	}
	return true;
}
