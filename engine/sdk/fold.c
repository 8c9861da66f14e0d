/* SPDX-License-Identifier: Apache-2.0 */
/* fold.c - keys, and the rows of one batch. */
#include "sdk/fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sdk/fold_inside.h"

#define COLUMN(column_name, column_type, key_place, must) \
	&(const struct sl_column) { .name = (column_name), .type = (column_type), .key = (key_place), .required = (must) }

const struct sl_table sl_sets = {
	.name = "_sluice_sets",
	.mode = SL_PUT,
	.columns = (const struct sl_column *const[]){ COLUMN("name", SL_COLUMN_TEXT, 1, 1),
		COLUMN("parent", SL_COLUMN_TEXT, 2, 1), COLUMN("event_time", SL_COLUMN_TIMESTAMP, 0, 1),
		COLUMN("event_id", SL_COLUMN_TEXT, 0, 1), NULL },
	.column_count = 4,
};

const struct sl_table sl_gone = {
	.name = "_sluice_gone",
	.mode = SL_PUT,
	.columns = (const struct sl_column *const[]){ COLUMN("name", SL_COLUMN_TEXT, 1, 1),
		COLUMN("row", SL_COLUMN_TEXT, 2, 1), COLUMN("event_time", SL_COLUMN_TIMESTAMP, 0, 1), NULL },
	.column_count = 3,
};

/* --------------------------------------------------------------------- keys */

/* 7.50 and 7.5 are one number, and so one key. */
static struct sl_text key_value(const struct sl_column *column, struct sl_text text)
{
	if (column->type != SL_COLUMN_DECIMAL || !text.len || !memchr(text.at, '.', text.len))
		return text;
	while (text.at[text.len - 1] == '0')
		text.len--;
	text.len -= text.at[text.len - 1] == '.';
	return text;
}

static bool same_cell(const struct sl_column *column, const struct sl_cell *one, const struct sl_cell *other)
{
	if (one->kind != other->kind)
		return false;
	if (one->kind != SL_CELL_TEXT)
		return one->kind != SL_CELL_INT || one->number == other->number;
	struct sl_text a = key_value(column, one->text), b = key_value(column, other->text);
	return a.len == b.len && (!a.len || memcmp(a.at, b.at, a.len) == 0);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

static uint64_t mix_text(uint64_t hash, struct sl_text text)
{
	uint64_t word = 0;
	size_t at = 0;
	for (; at + sizeof(word) <= text.len; at += sizeof(word)) {
		memcpy(&word, text.at + at, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	if (at < text.len)
		memcpy(&word, text.at + at, text.len - at);
	return mix(mix(hash, word), text.len);
}

static uint64_t mix_cell(uint64_t hash, const struct sl_column *column, const struct sl_cell *cell)
{
	if (cell->kind == SL_CELL_TEXT)
		return mix_text(hash, key_value(column, cell->text));
	return mix(hash, cell->kind == SL_CELL_INT ? (uint64_t)cell->number : 0);
}

bool sl_fold_same_key(const struct sl_table *table, const struct sl_cell *one, const struct sl_cell *other)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i]->key && !same_cell(table->columns[i], &one[i], &other[i]))
			return false;
	return true;
}

uint64_t sl_fold_hash_key(const struct sl_table *table, const struct sl_cell *cells)
{
	uint64_t hash = 0;
	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i]->key)
			hash = mix_cell(hash, table->columns[i], &cells[i]);
	return hash;
}

/* ------------------------------------------------------------- keys as texts */

static int place_of(const struct sl_column *column, bool parent)
{
	return parent ? column->parent : column->key;
}

static size_t place_index(const struct sl_table *table, int place, bool parent)
{
	size_t i = 0;
	while (i < table->column_count && place_of(table->columns[i], parent) != place)
		i++;
	return i;
}

static char *write_cell(char *out, const struct sl_column *column, const struct sl_cell *cell)
{
	if (cell->kind == SL_CELL_INT)
		out += sprintf(out, "%" PRId64, cell->number);
	if (cell->kind != SL_CELL_TEXT)
		return out;
	struct sl_text text = key_value(column, cell->text);
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '|' || text.at[i] == '\\')
			*out++ = '\\';
		*out++ = text.at[i];
	}
	return out;
}

struct sl_text sl_fold_key_text(const struct sl_table *table, const struct sl_cell *cells, bool parent,
	const struct sl_fold_memory *memory)
{
	size_t room = 1, index;
	for (size_t i = 0; i < table->column_count; i++)
		if (place_of(table->columns[i], parent))
			room += cells[i].kind == SL_CELL_TEXT ? cells[i].text.len * 2 + 1 : 24;
	char *begin = memory->take(memory->owner, room), *out = begin;
	for (int place = 1; (index = place_index(table, place, parent)) < table->column_count; place++) {
		if (place > 1)
			*out++ = '|';
		out = write_cell(out, table->columns[index], &cells[index]);
	}
	*out = '\0';
	return (struct sl_text){ begin, (size_t)(out - begin) };
}

/* ------------------------------------------------------------- rows of a key */

/* In the order in which what is left of them is written. */
enum kind { KIND_PUT, KIND_FIRST, KIND_UPSERT, KIND_PATCH, KIND_DELETE, KIND_SET, KINDS };

struct entry {
	uint64_t hash;
	const struct sl_row *rows[KINDS];
	struct sl_patches *patches; /* NULL: rows[KIND_PATCH] is the only one, or there is none */
};

struct folding {
	const struct sl_table *table;
	const struct sl_fold_memory *memory;
	struct sl_places places;
	size_t *keys, key_count; /* the columns that tell rows apart */
	struct entry *entries;
	size_t entry_count;
	uint32_t *slots;         /* 1 + an entry; 0: free */
	size_t mask;
};

static uint64_t hash_of(const struct folding *f, const struct sl_row *row)
{
	uint64_t hash = 0;
	for (size_t i = 0; i < f->key_count; i++)
		hash = mix_cell(hash, f->table->columns[f->keys[i]], &row->cells[f->keys[i]]);
	return hash;
}

static const struct sl_row *any_row(const struct entry *entry)
{
	size_t kind = 0;
	while (kind < KINDS - 1 && !entry->rows[kind])
		kind++;
	return entry->rows[kind];
}

static bool same_load(const char *one, const char *other)
{
	return one == other || (one && other && strcmp(one, other) == 0);
}

static bool belongs(const struct folding *f, const struct entry *entry, const struct sl_row *row)
{
	const struct sl_row *there = any_row(entry);
	for (size_t i = 0; i < f->key_count; i++)
		if (!same_cell(f->table->columns[f->keys[i]], &there->cells[f->keys[i]], &row->cells[f->keys[i]]))
			return false;
	return same_load(there->load, row->load);
}

static struct entry *entry_of(struct folding *f, const struct sl_row *row)
{
	uint64_t hash = hash_of(f, row);
	size_t slot = hash & f->mask;
	for (; f->slots[slot]; slot = (slot + 1) & f->mask) {
		struct entry *entry = &f->entries[f->slots[slot] - 1];
		if (entry->hash == hash && belongs(f, entry, row))
			return entry;
	}
	struct entry *entry = &f->entries[f->entry_count++];
	f->slots[slot] = (uint32_t)f->entry_count;
	entry->hash = hash;
	return entry;
}

/* ----------------------------------------------------------------- the modes */

static bool is_older(const struct sl_row *row, const struct sl_row *than)
{
	if (!than || row->version_time > than->version_time)
		return false;
	struct sl_version one = sl_version_of(row), other = sl_version_of(than);
	return sl_version_compare(&one, &other) < 0;
}

/* Whatever stood there does not matter. */
static void add_put(struct folding *f, struct entry *entry, const struct sl_row *row)
{
	*entry = (struct entry){ .hash = entry->hash };
	entry->rows[KIND_PUT] = row;
}

static void add_first(struct folding *f, struct entry *entry, const struct sl_row *row)
{
	const struct sl_row *put = entry->rows[KIND_PUT];
	bool stands = entry->rows[KIND_FIRST] || entry->rows[KIND_UPSERT] || entry->rows[KIND_PATCH] ||
		(put && put->mode == SL_PUT);
	if (!stands)
		entry->rows[KIND_FIRST] = row;
}

/* A whole row leaves of the patches before it only what is newer. */
static void add_upsert(struct folding *f, struct entry *entry, const struct sl_row *row)
{
	const struct sl_row **patch = &entry->rows[KIND_PATCH];
	struct sl_version version = sl_version_of(row);
	if (is_older(row, entry->rows[KIND_UPSERT]))
		return;
	entry->rows[KIND_UPSERT] = row;
	if (!*patch)
		return;
	if (!is_older(row, *patch)) {
		*patch = NULL;
		entry->patches = NULL;
	} else if (entry->patches) {
		sl_patches_drop(entry->patches, &version, true);
	}
}

static void join_patches(struct folding *f, struct entry *entry, const struct sl_row *row)
{
	if (!entry->patches)
		entry->patches = sl_patches_new(f->table, entry->rows[KIND_PATCH], f->memory);
	if (row != entry->rows[KIND_PATCH])
		sl_patches_add(entry->patches, row, &f->places, f->memory);
	entry->rows[KIND_PATCH] = entry->patches->newest;
	if (!entry->rows[KIND_UPSERT])
		return;
	struct sl_version whole = sl_version_of(entry->rows[KIND_UPSERT]);
	sl_patches_drop(entry->patches, &whole, false);
}

static void add_patch(struct folding *f, struct entry *entry, const struct sl_row *row)
{
	size_t times = f->places.own[SL_OWN_TIMES];
	bool folded = times != SL_NOWHERE && row->cells[times].kind == SL_CELL_TEXT;
	if (is_older(row, entry->rows[KIND_UPSERT]))
		return;
	bool only = !entry->rows[KIND_PATCH];
	if (only)
		entry->rows[KIND_PATCH] = row;
	if (!only || folded)
		join_patches(f, entry, row);
}

static void add_newest(const struct sl_row **place, const struct sl_row *row)
{
	if (!is_older(row, *place))
		*place = row;
}

static void add_delete(struct folding *f, struct entry *entry, const struct sl_row *row)
{
	add_newest(&entry->rows[KIND_DELETE], row);
}

static void add_set(struct folding *f, struct entry *entry, const struct sl_row *row)
{
	add_newest(&entry->rows[KIND_SET], row);
}

static void (*const adds[])(struct folding *, struct entry *, const struct sl_row *) = {
	[SL_APPEND] = add_first, [SL_ONCE] = add_first, [SL_UPSERT] = add_upsert, [SL_REPLACE] = add_set,
	[SL_PUT] = add_put, [SL_REMOVE] = add_put, [SL_PATCH] = add_patch, [SL_DELETE] = add_delete,
};

/* ------------------------------------------------------------------- a batch */

static void choose_keys(struct folding *f, bool sets)
{
	f->keys = f->memory->take(f->memory->owner, (f->table->column_count + 1) * sizeof(*f->keys));
	for (size_t i = 0; i < f->table->column_count; i++)
		if (place_of(f->table->columns[i], sets))
			f->keys[f->key_count++] = i;
}

static void make_room(struct folding *f, size_t count)
{
	size_t slots = 16;
	while (slots < count * 2)
		slots *= 2;
	f->mask = slots - 1;
	f->slots = f->memory->take(f->memory->owner, slots * sizeof(*f->slots));
	f->entries = f->memory->take(f->memory->owner, count * sizeof(*f->entries));
}

static const struct sl_row *result(const struct folding *f, const struct entry *entry, enum kind kind)
{
	if (kind == KIND_PATCH && entry->patches)
		return sl_patches_row(entry->patches, &f->places, f->memory);
	return entry->rows[kind];
}

static size_t write_results(const struct folding *f, const struct sl_row **out)
{
	size_t count = 0;
	for (int kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < f->entry_count; i++)
			if (f->entries[i].rows[kind])
				out[count++] = result(f, &f->entries[i], (enum kind)kind);
	return count;
}

static size_t fold_run(const struct sl_table *table, const struct sl_row *const *rows, size_t count,
	const struct sl_row **out, const struct sl_fold_memory *memory)
{
	struct folding f = { .table = table, .memory = memory, .places = sl_places_of(table) };
	choose_keys(&f, rows[0]->mode == SL_REPLACE);
	make_room(&f, count);
	for (size_t i = 0; i < count; i++)
		adds[rows[i]->mode](&f, entry_of(&f, rows[i]), rows[i]);
	return write_results(&f, out);
}

/* Sets are told apart by their parents, single rows by their keys; where both come for one
 * table, each stretch of the one or the other is folded by itself. */
size_t sl_fold_rows(const struct sl_table *table, const struct sl_row *const *rows, size_t count,
	const struct sl_row **out, const struct sl_fold_memory *memory)
{
	size_t kept = 0;
	for (size_t begin = 0, end; begin < count; begin = end) {
		bool sets = rows[begin]->mode == SL_REPLACE;
		end = begin + 1;
		while (end < count && (rows[end]->mode == SL_REPLACE) == sets)
			end++;
		kept += fold_run(table, rows + begin, end - begin, out + kept, memory);
	}
	return kept;
}
