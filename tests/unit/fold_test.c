/* SPDX-License-Identifier: Apache-2.0 */
/* fold_test.c - what rows become when writes meet: always the same, in whatever order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <time.h>

#include "base/buf.h"
#include "sdk/fold.h"
#include "sdk/pile.h"

#define KEYS 3
#define ROWS 24
#define ORDERS 50
#define WORLDS 60

/* ------------------------------------------------------------------ tables */

static const struct sl_cell seven = { SL_CELL_INT, 7, { 0 } };
static const struct sl_column c_id = { .name = "id", .type = SL_COLUMN_TEXT, .key = 1, .parent = 1 },
	c_part = { .name = "part", .type = SL_COLUMN_DECIMAL, .key = 2 },
	c_a = { .name = "a", .type = SL_COLUMN_INT },
	c_b = { .name = "odd \"b\\\n", .type = SL_COLUMN_TEXT },
	c_c = { .name = "c", .type = SL_COLUMN_INT, .initial = &seven },
	c_deleted = { .name = "deleted", .type = SL_COLUMN_BOOL },
	c_deleted_at = { .name = "deleted_at", .type = SL_COLUMN_TIMESTAMP },
	c_times = { .name = "_times", .type = SL_COLUMN_JSON },
	c_event_id = { .name = "_event_id", .type = SL_COLUMN_TEXT },
	c_event_time = { .name = "_event_time", .type = SL_COLUMN_TIMESTAMP },
	c_synced_at = { .name = "_synced_at", .type = SL_COLUMN_TIMESTAMP };

#define GIVEN &c_id, &c_part, &c_a, &c_b, &c_c
#define OWN &c_event_id, &c_event_time, &c_synced_at, NULL
#define TABLE(wanted_mode, wanted_deletes, ...) \
	{ .name = "t", .mode = wanted_mode, .deletes = wanted_deletes, \
		.columns = (const struct sl_column *const[]){ __VA_ARGS__ }, \
		.column_count = sizeof((const void *[]){ __VA_ARGS__ }) / sizeof(void *) - 1 }

static const struct sl_table plain = TABLE(SL_UPSERT, SL_DELETES_NONE, GIVEN, OWN),
	marked = TABLE(SL_UPSERT, SL_DELETES_MARK, GIVEN, &c_deleted, &c_deleted_at, OWN),
	removed = TABLE(SL_UPSERT, SL_DELETES_REMOVE, GIVEN, OWN),
	patched = TABLE(SL_PATCH, SL_DELETES_NONE, GIVEN, &c_times, OWN),
	patched_marked = TABLE(SL_PATCH, SL_DELETES_MARK, GIVEN, &c_deleted, &c_deleted_at, &c_times, OWN),
	patched_removed = TABLE(SL_PATCH, SL_DELETES_REMOVE, GIVEN, &c_times, OWN);
static const struct sl_table *const reading[] = { &marked, &removed, &patched, &patched_marked, &patched_removed };
#define READING (sizeof(reading) / sizeof(*reading))

enum { ID, PART, A, B, C, FIRST_OWN, DATA = A };

/* ------------------------------------------------------------------- a world */

struct world {
	const struct sl_table *table;
	struct sl_pile pile;
	struct sl_fold_memory memory;
	struct sl_row rows[ROWS];
	struct sl_fold_state states[KEYS];
};

static uint64_t dice;

static unsigned roll(unsigned sides)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(dice >> 33) % sides;
}

static const char *const keys[KEYS] = { "k|", "k\\", "long enough for two words" };

static struct sl_cell text_cell(const char *text)
{
	return (struct sl_cell){ SL_CELL_TEXT, 0, { text, strlen(text) } };
}

static struct sl_cell int_cell(int64_t number)
{
	return (struct sl_cell){ SL_CELL_INT, number, { "", 0 } };
}

static size_t place(const struct sl_table *table, const struct sl_column *column)
{
	size_t i = 0;
	while (i < table->column_count && table->columns[i] != column)
		i++;
	return i;
}

static void fill_own(const struct sl_table *table, struct sl_row *row, struct sl_cell *cells)
{
	cells[place(table, &c_event_id)] = text_cell(row->version_id);
	cells[place(table, &c_event_time)] = int_cell(row->version_time);
	cells[place(table, &c_synced_at)] = int_cell(99);
}

/* What an id stands for is one row of a key, for ever. */
static void make_row(struct world *w, struct sl_row *row, size_t key, enum sl_mode mode, int64_t time, const char *id)
{
	struct sl_cell *cells = sl_pile_take(&w->pile, w->table->column_count * sizeof(*cells));
	*row = (struct sl_row){ .table = w->table, .mode = mode, .version_time = time, .version_id = id, .cells = cells };
	cells[ID] = text_cell(keys[key]);
	cells[PART] = text_cell(roll(2) ? "1.50" : "1.5");
	for (size_t i = DATA; i < FIRST_OWN && mode != SL_DELETE; i++) {
		if (mode == SL_PATCH && roll(2))
			continue;
		cells[i] = i == B ? text_cell(id) : int_cell(roll(1000));
		if (!roll(5))
			cells[i] = (struct sl_cell){ SL_CELL_NULL, 0, { 0 } };
	}
	fill_own(w->table, row, cells);
}

static enum sl_mode some_mode(const struct sl_table *table)
{
	bool patches = place(table, &c_times) < table->column_count;
	for (;;) {
		unsigned number = roll(8);
		if (number < 3)
			return SL_UPSERT;
		if (number < 6 && patches)
			return SL_PATCH;
		if (number >= 6 && table->deletes)
			return SL_DELETE;
	}
}

static void begin_world(struct world *w, const struct sl_table *table)
{
	*w = (struct world){ .table = table };
	w->memory = (struct sl_fold_memory){ sl_pile_give, &w->pile };
	unsigned span = 2 + roll(8);
	for (size_t i = 0; i < ROWS; i++) {
		char id[16];
		snprintf(id, sizeof(id), "e\"%u\x01%zu", roll(3), i);
		make_row(w, &w->rows[i], roll(KEYS), some_mode(table), 1000 + roll(span), sl_pile_string(&w->pile, id));
	}
}

static size_t key_of(const struct sl_row *row)
{
	size_t key = 0;
	while (strcmp(keys[key], row->cells[ID].text.at) != 0)
		key++;
	return key;
}

static void shuffle(const struct sl_row **rows, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t other = roll((unsigned)i);
		const struct sl_row *swap = rows[i - 1];
		rows[i - 1] = rows[other];
		rows[other] = swap;
	}
}

/* ------------------------------------------------------------------ as a text */

static void show_cell(struct buf *out, const struct sl_cell *cell)
{
	if (cell->kind == SL_CELL_INT)
		buf_format(out, "%lld", (long long)cell->number);
	else if (cell->kind == SL_CELL_TEXT)
		buf_add(out, cell->text.at, cell->text.len);
	else
		buf_string(out, cell->kind == SL_CELL_NULL ? "~" : "-");
	buf_char(out, ',');
}

static void show_state(struct buf *out, const struct sl_table *table, const struct sl_fold_state *state)
{
	for (size_t i = DATA; state->cells && i < table->column_count; i++)
		show_cell(out, &state->cells[i]);
	if (state->gone)
		buf_format(out, "gone %lld", (long long)state->gone_time);
	buf_char(out, '\n');
}

static char *show_states(const struct world *w)
{
	struct buf out = { 0 };
	for (size_t i = 0; i < KEYS; i++)
		show_state(&out, w->table, &w->states[i]);
	return out.at;
}

/* ------------------------------------------------------------------- the model */

/* Says from all rows at once what has to come out. */
struct model {
	const struct world *w;
	size_t key;
	int64_t death;
	bool dead;
};

static bool newer(const struct sl_row *row, const struct sl_row *than)
{
	if (!than || row->version_time != than->version_time)
		return !than || row->version_time > than->version_time;
	return strcmp(row->version_id, than->version_id) > 0;
}

static bool counts(const struct model *m, const struct sl_row *row)
{
	return key_of(row) == m->key && row->mode != SL_DELETE &&
		(m->w->table->deletes != SL_DELETES_REMOVE || !m->dead || row->version_time > m->death);
}

/* The newest row of the data, of whole rows, or that speaks of a column. */
static const struct sl_row *newest(const struct model *m, size_t column, bool whole)
{
	const struct sl_row *found = NULL;
	for (size_t i = 0; i < ROWS; i++) {
		const struct sl_row *row = &m->w->rows[i];
		bool speaks = row->mode == SL_UPSERT || (!whole && (!column || row->cells[column].kind != SL_CELL_NONE));
		if (counts(m, row) && speaks && newer(row, found))
			found = row;
	}
	return found;
}

static void model_version(struct buf *out, const char *name, const struct sl_row *row)
{
	buf_format(out, "%s\"%s\":\"%lld ", out->at[out->len - 1] == '{' ? "" : ",", name, (long long)row->version_time);
	for (const char *at = row->version_id; *at; at++)
		buf_format(out, *at == '"' ? "\\\"" : *at < 0x20 ? "\\u%04x" : "%c", *at);
	buf_char(out, '"');
}

static void model_times(const struct model *m, struct buf *out)
{
	const struct sl_row *whole = newest(m, 0, true);
	buf_char(out, '{');
	if (whole)
		model_version(out, "*", whole);
	for (size_t i = DATA; i < FIRST_OWN; i++) {
		const struct sl_row *row = newest(m, i, false);
		if (row && row != whole && newer(row, whole))
			model_version(out, i == B ? "odd \\\"b\\\\\\u000a" : m->w->table->columns[i]->name, row);
	}
	buf_string(out, "},");
}

static void model_data(const struct model *m, struct buf *out)
{
	static const struct sl_cell null = { SL_CELL_NULL, 0, { 0 } };
	for (size_t i = DATA; i < FIRST_OWN; i++) {
		const struct sl_row *row = newest(m, i, false);
		show_cell(out, row ? &row->cells[i] : i == C ? &seven : &null);
	}
}

static void model_row(const struct model *m, struct buf *out, const struct sl_row *last)
{
	const struct sl_table *table = m->w->table;
	bool deleted = m->dead && (!last || m->death >= last->version_time);
	model_data(m, out);
	if (table->deletes == SL_DELETES_MARK && deleted)
		buf_format(out, "1,%lld,", (long long)m->death);
	else if (table->deletes == SL_DELETES_MARK)
		buf_string(out, "0,~,");
	if (place(table, &c_times) < table->column_count)
		model_times(m, out);
	if (last)
		buf_format(out, "%s,%lld,99,", last->version_id, (long long)last->version_time);
	else
		buf_string(out, "~,~,99,");
}

static void model_key(const struct world *w, size_t key, struct buf *out)
{
	struct model m = { .w = w, .key = key };
	for (size_t i = 0; i < ROWS; i++) {
		const struct sl_row *row = &w->rows[i];
		if (key_of(row) != key || row->mode != SL_DELETE)
			continue;
		m.death = m.dead && m.death > row->version_time ? m.death : row->version_time;
		m.dead = true;
	}
	const struct sl_row *last = newest(&m, 0, false);
	if (last || (m.dead && w->table->deletes == SL_DELETES_MARK))
		model_row(&m, out, last);
	if (m.dead && w->table->deletes == SL_DELETES_REMOVE && !newest(&m, 0, true) &&
		(!last || place(w->table, &c_times) < w->table->column_count))
		buf_format(out, "gone %lld", (long long)m.death);
	buf_char(out, '\n');
}

static char *model(const struct world *w)
{
	struct buf out = { 0 };
	for (size_t i = 0; i < KEYS; i++)
		model_key(w, i, &out);
	return out.at;
}

/* --------------------------------------------------------------- in any order */

static void write_state(struct world *w, const struct sl_row *row)
{
	struct sl_fold_state *state = &w->states[key_of(row)];
	sl_fold_state(w->table, state, row, state, &w->memory);
}

static void one_by_one(struct world *w, const struct sl_row **rows)
{
	for (size_t i = 0; i < ROWS; i++)
		write_state(w, rows[i]);
}

static void in_batches(struct world *w, const struct sl_row **rows)
{
	const struct sl_row *out[ROWS];
	for (size_t at = 0, count; at < ROWS; at += count) {
		count = 1 + roll(ROWS - (unsigned)at);
		size_t kept = sl_fold_rows(w->table, rows + at, count, out, &w->memory);
		assert_true(kept <= count && kept <= 3 * KEYS);
		kept = sl_fold_rows(w->table, (const struct sl_row *const *)memcpy(
			sl_pile_take(&w->pile, sizeof(out)), out, sizeof(out)), kept, out, &w->memory); /* folding folded ones */
		for (size_t i = 0; i < kept; i++)
			write_state(w, out[i]);
	}
}

static void comes_out_as_the_model(struct world *w, const char *wanted)
{
	char *got = show_states(w);
	if (strcmp(got, wanted) != 0)
		fail_msg("wanted\n%sgot\n%s", wanted, got);
	free(got);
}

static void states_depend_on_the_rows_and_not_on_their_order(void **state)
{
	static struct world w;
	const struct sl_row *rows[ROWS];
	for (size_t number = 0; number < WORLDS; number++) {
		begin_world(&w, reading[number % READING]);
		char *wanted = model(&w);
		for (size_t i = 0; i < ROWS; i++)
			rows[i] = &w.rows[i];
		for (int order = 0; order < ORDERS; order++) {
			shuffle(rows, ROWS);
			memset(w.states, 0, sizeof(w.states));
			order % 2 ? one_by_one(&w, rows) : in_batches(&w, rows);
			comes_out_as_the_model(&w, wanted);
		}
		free(wanted);
		sl_pile_free(&w.pile);
	}
}

static void what_was_written_changes_nothing_again(void **state)
{
	static struct world w;
	for (size_t number = 0; number < READING; number++) {
		begin_world(&w, reading[number]);
		for (size_t i = 0; i < ROWS; i++)
			write_state(&w, &w.rows[i]);
		for (size_t i = 0; i < ROWS; i++) {
			struct sl_fold_state *s = &w.states[key_of(&w.rows[i])], is;
			assert_false(sl_fold_state(w.table, s, &w.rows[i], &is, &w.memory));
			assert_memory_equal(&is, s, sizeof(is));
		}
		sl_pile_free(&w.pile);
	}
}

/* ------------------------------------------------- tables that are only guarded */

static void an_upsert_is_the_newest_and_of_equal_ones_the_last(void **state)
{
	static struct world w;
	const struct sl_row *rows[ROWS], *out[ROWS];
	for (size_t number = 0; number < WORLDS; number++) {
		begin_world(&w, &plain);
		for (size_t i = 0; i < ROWS; i++) {
			w.rows[i].version_id = roll(2) ? "x" : "y";
			rows[i] = &w.rows[i];
		}
		size_t kept = sl_fold_rows(&plain, rows, ROWS, out, &w.memory);
		for (size_t key = 0; key < KEYS; key++) {
			const struct sl_row *best = NULL;
			for (size_t i = 0; i < ROWS; i++)
				if (key_of(rows[i]) == key && (!best || !newer(best, rows[i])))
					best = rows[i];
			for (size_t i = 0; i < kept; i++)
				assert_true(key_of(out[i]) != key || out[i] == best);
		}
		assert_true(kept <= KEYS);
		sl_pile_free(&w.pile);
	}
}

static size_t fold_modes(struct world *w, const enum sl_mode *modes, size_t count, const struct sl_row **out)
{
	static const struct sl_row *rows[ROWS];
	begin_world(w, &plain);
	for (size_t i = 0; i < count; i++) {
		make_row(w, &w->rows[i], 0, modes[i], 1000 + (int64_t)i, "e");
		rows[i] = &w->rows[i];
	}
	return sl_fold_rows(&plain, rows, count, out, &w->memory);
}
#define FOLD(w, out, ...) \
	fold_modes(w, (const enum sl_mode[]){ __VA_ARGS__ }, sizeof((int[]){ __VA_ARGS__ }) / sizeof(int), out)

static void other_modes_keep_what_their_order_says(void **state)
{
	static struct world w;
	const struct sl_row *out[ROWS];
	assert_int_equal(FOLD(&w, out, SL_APPEND, SL_ONCE, SL_APPEND), 1);
	assert_ptr_equal(out[0], &w.rows[0]);
	sl_pile_free(&w.pile);
	assert_int_equal(FOLD(&w, out, SL_PUT, SL_REMOVE, SL_PUT), 1);
	assert_ptr_equal(out[0], &w.rows[2]);
	sl_pile_free(&w.pile);
	assert_int_equal(FOLD(&w, out, SL_APPEND, SL_UPSERT, SL_APPEND, SL_UPSERT), 2);
	assert_ptr_equal(out[0], &w.rows[0]);
	assert_ptr_equal(out[1], &w.rows[3]);
	sl_pile_free(&w.pile);
	assert_int_equal(FOLD(&w, out, SL_UPSERT, SL_APPEND), 1);
	sl_pile_free(&w.pile);
	assert_int_equal(FOLD(&w, out, SL_APPEND, SL_REMOVE, SL_APPEND), 2);
	assert_ptr_equal(out[0], &w.rows[1]);
	assert_ptr_equal(out[1], &w.rows[2]);
	sl_pile_free(&w.pile);
}

static void loads_are_kept_apart(void **state)
{
	static struct world w;
	const struct sl_row *rows[3] = { &w.rows[0], &w.rows[1], &w.rows[2] }, *out[3];
	begin_world(&w, &plain);
	for (size_t i = 0; i < 3; i++)
		make_row(&w, &w.rows[i], 0, SL_UPSERT, 1000, "e");
	w.rows[1].load = "run";
	assert_int_equal(sl_fold_rows(&plain, rows, 3, out, &w.memory), 2);
	assert_ptr_equal(out[0], &w.rows[2]);
	assert_ptr_equal(out[1], &w.rows[1]);
	sl_pile_free(&w.pile);
}

static void a_parents_newest_set_stays_in_any_order(void **state)
{
	static struct world w;
	const struct sl_row *rows[ROWS], *out[ROWS];
	for (size_t number = 0; number < WORLDS; number++) {
		begin_world(&w, &plain);
		for (size_t i = 0; i < ROWS; i++) {
			w.rows[i].mode = SL_REPLACE;
			rows[i] = &w.rows[i];
		}
		shuffle(rows, ROWS);
		size_t kept = sl_fold_rows(&plain, rows, ROWS, out, &w.memory);
		assert_true(kept <= KEYS);
		for (size_t i = 0; i < ROWS; i++)
			for (size_t o = 0; o < kept; o++)
				assert_false(key_of(rows[i]) == key_of(out[o]) && newer(rows[i], out[o]));
		sl_pile_free(&w.pile);
	}
}

static void sets_and_single_rows_keep_their_order(void **state)
{
	static struct world w;
	const struct sl_row *out[ROWS];
	assert_int_equal(FOLD(&w, out, SL_UPSERT, SL_UPSERT, SL_REPLACE, SL_REPLACE, SL_UPSERT), 3);
	assert_ptr_equal(out[0], &w.rows[1]);
	assert_ptr_equal(out[1], &w.rows[3]);
	assert_ptr_equal(out[2], &w.rows[4]);
	sl_pile_free(&w.pile);
}

/* A mapping may emit several rows of one thing from one event: the later one says more. */
static void of_one_event_the_later_row_counts(void **state)
{
	static const enum sl_mode orders[][3] = { { SL_UPSERT, SL_PATCH, SL_PATCH }, { SL_PATCH, SL_UPSERT, SL_PATCH },
		{ SL_PATCH, SL_PATCH, SL_UPSERT } };
	static struct world w;
	const struct sl_row *rows[3] = { &w.rows[0], &w.rows[1], &w.rows[2] }, *out[3];
	for (int number = 0; number < 200; number++) {
		begin_world(&w, &patched);
		for (size_t i = 0; i < 3; i++)
			make_row(&w, &w.rows[i], 0, orders[number % 3][i], roll(2), "e");
		for (size_t i = 0; i < 3; i++)
			write_state(&w, rows[i]);
		char *wanted = show_states(&w);
		memset(w.states, 0, sizeof(w.states));
		size_t kept = sl_fold_rows(&patched, rows, 3, out, &w.memory);
		for (size_t i = 0; i < kept; i++)
			write_state(&w, out[i]);
		comes_out_as_the_model(&w, wanted);
		free(wanted);
		sl_pile_free(&w.pile);
	}
}

/* --------------------------------------------------------------- column times */

/* A row as it stands, with these column times, meets a patch of `a`: does it win? */
static bool patch_wins(const char *times, int64_t time, struct buf *after)
{
	static struct world w;
	struct sl_fold_state was = { 0 }, is;
	begin_world(&w, &patched);
	struct sl_row *row = &w.rows[0];
	make_row(&w, row, 0, SL_UPSERT, 1000, "e");
	sl_fold_state(&patched, &was, row, &was, &w.memory);
	struct sl_cell *cells = (struct sl_cell *)(uintptr_t)was.cells;
	size_t at = place(&patched, &c_times);
	cells[at] = times ? text_cell(times) : (struct sl_cell){ SL_CELL_NULL, 0, { 0 } };
	cells[A] = int_cell(-1);
	do
		make_row(&w, row, 0, SL_PATCH, time, "e");
	while (row->cells[A].kind != SL_CELL_INT);
	sl_fold_state(&patched, &was, row, &is, &w.memory);
	if (after) {
		buf_clear(after);
		buf_add(after, is.cells[at].text.at, is.cells[at].text.len);
	}
	bool won = is.cells[A].number != -1;
	sl_pile_free(&w.pile);
	return won;
}

static void column_times_are_read_however_they_were_written(void **state)
{
	static const char *const written[] = {
		"{\"*\":\"1000 e\",\"a\":\"2000 x\"}",
		" { \"a\" : \"2000 x\" ,\n\t\"*\" : \"1000 e\" } ",
		"{\"\\u0061\":\"2000 \\uD83D\\uDE00\\n\\u00e9\\t\\/\",\"no longer\":\"5000 x\"}",
		"{\"a\":\"500 x\",\"a\":\"2000 x\"}",
	};
	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++) {
		assert_false(patch_wins(written[i], 1999, NULL));
		assert_true(patch_wins(written[i], 2001, NULL));
	}
	assert_false(patch_wins(NULL, 999, NULL));
	assert_true(patch_wins(NULL, 1000, NULL));
}

static void column_times_that_are_none_count_as_none(void **state)
{
	static const char *const written[] = { "", "{", "{}", "[]", "null", "{\"a\":2000}", "{\"a\":\"2000\"}",
		"{\"a\":\"x y\"}", "{\"a\":\"- y\"}", "{\"a\":\"2-0 y\"}", "{\"a\":\" y\"}", "{\"a\":\"2000 x\"",
		"{\"a\":\"2000 x\"}}", "{\"a\":\"2000 x\",}", "{\"a\" \"2000 x\"}", "{\"a\":\"2000 x", "{\"a\":\"2000 \\",
		"{\"a\":\"2000 \\q\"}", "{\"a\":\"2000 \\u12\"}", "{\"a\":\"2000 \\ud800\"}", "{\"a\":\"2000 \\udc00\"}",
		"{\"a\":\"2000 \\ud800\\u0041\"}", "{\"a\\u0000b\":\"2000 x\"}",
		"{\"a\":\"99999999999999999999999999 x\"}" };
	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++)
		if (!patch_wins(written[i], 1, NULL))
			fail_msg("%s", written[i]);
}

static void column_times_stand_in_the_order_of_the_columns(void **state)
{
	struct buf after = { 0 };
	assert_true(patch_wins("{\"c\":\"9000 x\",\"odd \\\"b\\\\\\n\":\"9000 y\",\"*\":\"1000 e\",\"z\":\"1 z\"}", 2000,
		&after));
	assert_string_equal(after.at,
		"{\"*\":\"1000 e\",\"a\":\"2000 e\",\"odd \\\"b\\\\\\u000a\":\"9000 y\",\"c\":\"9000 x\"}");
	buf_free(&after);
}

static void many_members_end_soon(void **state)
{
	struct buf text = { 0 };
	buf_char(&text, '{');
	for (int i = 0; i < 200000; i++)
		buf_format(&text, "\"c\\u0030%d\":\"9000 x\",", i);
	buf_string(&text, "\"a\":\"9000 x\"}");
	assert_true(patch_wins(text.at, 1, NULL));
	buf_free(&text);
}

/* -------------------------------------------------------------------- keys */

static void keys_are_told_apart(void **state)
{
	struct sl_cell one[8] = { text_cell("a|b\\"), text_cell("1.50") }, other[8];
	struct sl_pile pile = { 0 };
	struct sl_fold_memory memory = { sl_pile_give, &pile };
	memcpy(other, one, sizeof(one));
	other[PART] = text_cell("1.5");
	assert_true(sl_fold_same_key(&plain, one, other));
	assert_int_equal(sl_fold_hash_key(&plain, one), sl_fold_hash_key(&plain, other));
	assert_string_equal(sl_fold_key_text(&plain, one, false, &memory).at, "a\\|b\\\\|1.5");
	assert_string_equal(sl_fold_key_text(&plain, one, true, &memory).at, "a\\|b\\\\");
	other[PART] = text_cell("15");
	assert_false(sl_fold_same_key(&plain, one, other));
	other[PART] = int_cell(-7);
	assert_false(sl_fold_same_key(&plain, one, other));
	assert_string_equal(sl_fold_key_text(&plain, other, false, &memory).at, "a\\|b\\\\|-7");
	sl_pile_free(&pile);
}

static void tables_that_must_be_read_are_known(void **state)
{
	assert_false(sl_fold_reads(&plain));
	assert_false(sl_fold_reads(&sl_sets));
	assert_false(sl_fold_reads(&sl_gone));
	for (size_t i = 0; i < READING; i++)
		assert_true(sl_fold_reads(reading[i]));
}

/* -------------------------------------------------------------------- speed */

#define MANY 500
#define WIDE 20

static double now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void distinct_rows_pass_quickly(void **state)
{
	static struct sl_column columns[WIDE];
	static const struct sl_column *list[WIDE + 1];
	static struct sl_cell cells[MANY][WIDE];
	static struct sl_row rows[MANY];
	static const struct sl_row *in[MANY], *out[MANY];
	static char ids[MANY][25];
	struct sl_table table = { .name = "t", .mode = SL_UPSERT, .columns = list, .column_count = WIDE };
	double best = 1;
	for (size_t i = 0; i < WIDE; i++) {
		columns[i] = (struct sl_column){ .name = "column", .type = SL_COLUMN_TEXT, .key = i == 0 };
		list[i] = &columns[i];
	}
	for (size_t i = 0; i < MANY; i++) {
		snprintf(ids[i], sizeof(ids[i]), "57f07588c6deac3d%08zx", i);
		cells[i][0] = text_cell(ids[i]);
		rows[i] = (struct sl_row){ .table = &table, .mode = SL_UPSERT, .cells = cells[i], .version_id = ids[i] };
		in[i] = &rows[i];
	}
	for (int round = 0; round < 50; round++) {
		struct sl_pile pile = { 0 };
		double begin = now();
		assert_int_equal(sl_fold_rows(&table, in, MANY, out, &(struct sl_fold_memory){ sl_pile_give, &pile }), MANY);
		double spent = (now() - begin) / MANY;
		best = spent < best ? spent : best;
		sl_pile_free(&pile);
	}
	print_message("%.0f ns a row\n", best * 1e9);
	assert_memory_equal(in, out, sizeof(in));
#ifdef SLUICE_SANITIZE
	assert_true(best < 5e-6);
#else
	assert_true(best < 0.4e-6);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_depend_on_the_rows_and_not_on_their_order),
		cmocka_unit_test(what_was_written_changes_nothing_again),
		cmocka_unit_test(an_upsert_is_the_newest_and_of_equal_ones_the_last),
		cmocka_unit_test(other_modes_keep_what_their_order_says),
		cmocka_unit_test(loads_are_kept_apart),
		cmocka_unit_test(a_parents_newest_set_stays_in_any_order),
		cmocka_unit_test(sets_and_single_rows_keep_their_order),
		cmocka_unit_test(of_one_event_the_later_row_counts),
		cmocka_unit_test(column_times_are_read_however_they_were_written),
		cmocka_unit_test(column_times_that_are_none_count_as_none),
		cmocka_unit_test(column_times_stand_in_the_order_of_the_columns),
		cmocka_unit_test(many_members_end_soon),
		cmocka_unit_test(keys_are_told_apart),
		cmocka_unit_test(tables_that_must_be_read_are_known),
		cmocka_unit_test(distinct_rows_pass_quickly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
