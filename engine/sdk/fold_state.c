/* SPDX-License-Identifier: Apache-2.0 */
/* fold_state.c - a row, and one more write of it. */
#include <stdint.h>
#include <string.h>

#include "sdk/fold_inside.h"

/* --------------------------------------------------------------- the columns */

static bool is_own(const struct sl_table *table, const char *name, size_t *own)
{
	static const char *const names[SL_OWNS] = {
		[SL_OWN_DELETED] = "deleted", [SL_OWN_DELETED_AT] = "deleted_at", [SL_OWN_TIMES] = "_times",
		[SL_OWN_EVENT_ID] = "_event_id", [SL_OWN_EVENT_TIME] = "_event_time", [SL_OWN_SYNCED_AT] = "_synced_at",
	};
	*own = table->deletes == SL_DELETES_MARK ? SL_OWN_DELETED : SL_OWN_TIMES;
	while (*own < SL_OWNS && strcmp(names[*own], name) != 0)
		++*own;
	return *own < SL_OWNS;
}

struct sl_places sl_places_of(const struct sl_table *table)
{
	struct sl_places places = { .given = table->column_count };
	size_t own;
	for (size_t i = 0; i < SL_OWNS; i++)
		places.own[i] = SL_NOWHERE;
	while (places.given && is_own(table, table->columns[places.given - 1]->name, &own))
		places.own[own] = --places.given;
	return places;
}

bool sl_fold_reads(const struct sl_table *table)
{
	return table->deletes != SL_DELETES_NONE || sl_places_of(table).own[SL_OWN_TIMES] != SL_NOWHERE;
}

struct sl_cell sl_unsaid(const struct sl_column *column)
{
	if (column->generated)
		return (struct sl_cell){ SL_CELL_NONE, 0, { 0 } };
	return column->initial ? *column->initial : (struct sl_cell){ SL_CELL_NULL, 0, { 0 } };
}

/* ----------------------------------------------------------------- the state */

struct state {
	const struct sl_table *table;
	const struct sl_fold_memory *memory;
	const struct sl_row *row;    /* the write */
	struct sl_version version;   /* its */
	struct sl_places places;
	struct sl_cell *cells;       /* NULL: there is no row */
	struct sl_version newest;    /* of the data */
	struct sl_versions versions; /* of the columns */
	bool dead;                   /* a delete is known, and not yet without meaning */
	int64_t dead_time;
	bool changed;
};

static const struct sl_cell *own_cell(const struct state *s, const struct sl_cell *cells, enum sl_own own)
{
	static const struct sl_cell none = { SL_CELL_NONE, 0, { 0 } };
	return s->places.own[own] == SL_NOWHERE ? &none : &cells[s->places.own[own]];
}

static struct sl_version read_newest(const struct state *s)
{
	const struct sl_cell *time = own_cell(s, s->cells, SL_OWN_EVENT_TIME);
	const struct sl_cell *id = own_cell(s, s->cells, SL_OWN_EVENT_ID);
	struct sl_version newest = { time->kind == SL_CELL_INT, time->number, { "", 0 } };
	if (id->kind == SL_CELL_TEXT)
		newest.id = id->text;
	return newest;
}

/* A row of a time when the table had no `_times` is as an upsert left it. */
static void read_versions(struct state *s)
{
	const struct sl_cell *times = own_cell(s, s->cells, SL_OWN_TIMES);
	if (times->kind == SL_CELL_TEXT)
		sl_versions_read(s->table, times->text, &s->versions, s->memory);
	else
		s->versions.whole = s->newest;
}

static void read_cells(struct state *s, const struct sl_cell *cells)
{
	size_t size = s->table->column_count * sizeof(*cells);
	s->cells = s->memory->take(s->memory->owner, size);
	memcpy(s->cells, cells, size);
	s->newest = read_newest(s);
	read_versions(s);
	const struct sl_cell *deleted = own_cell(s, cells, SL_OWN_DELETED), *at = own_cell(s, cells, SL_OWN_DELETED_AT);
	if (deleted->kind == SL_CELL_INT && deleted->number && at->kind == SL_CELL_INT) {
		s->dead = true;
		s->dead_time = at->number;
	}
}

static struct state read_state(const struct sl_table *table, const struct sl_fold_state *was,
	const struct sl_row *row, const struct sl_fold_memory *memory)
{
	struct state s = { .table = table, .memory = memory, .row = row, .version = sl_version_of(row) };
	s.places = sl_places_of(table);
	s.versions = sl_versions_none(table, memory);
	if (was->gone && table->deletes == SL_DELETES_REMOVE) {
		s.dead = true;
		s.dead_time = was->gone_time;
	}
	if (was->cells)
		read_cells(&s, was->cells);
	return s;
}

/* ------------------------------------------------------------------- changes */

static void change_cell(struct state *s, size_t index, struct sl_cell to)
{
	struct sl_cell *cell = &s->cells[index];
	if (to.kind == SL_CELL_NONE)
		to.kind = SL_CELL_NULL;
	bool same = cell->kind == to.kind && (to.kind != SL_CELL_INT || cell->number == to.number) &&
		(to.kind != SL_CELL_TEXT || (cell->text.len == to.text.len &&
			(!to.text.len || memcmp(cell->text.at, to.text.at, to.text.len) == 0)));
	s->changed |= !same;
	if (!same)
		*cell = to;
}

static void change_version(struct state *s, struct sl_version *version, struct sl_version to)
{
	s->changed |= sl_version_compare(version, &to) != 0;
	*version = to;
}

static void make_row(struct state *s)
{
	if (s->cells)
		return;
	s->cells = s->memory->take(s->memory->owner, s->table->column_count * sizeof(*s->cells));
	for (size_t i = 0; i < s->places.given; i++)
		s->cells[i] = s->table->columns[i]->key ? s->row->cells[i] : sl_unsaid(s->table->columns[i]);
	s->changed = true;
}

/* A row that is removed is not for what a removal has seen. */
static bool comes_too_late(const struct state *s, const struct sl_version *version)
{
	return s->table->deletes == SL_DELETES_REMOVE && s->dead && version->time <= s->dead_time;
}

static const struct sl_version *version_at(const struct state *s, size_t index)
{
	const struct sl_version *own = &s->versions.columns[index];
	return own->known ? own : &s->versions.whole;
}

static void note_data(struct state *s)
{
	make_row(s);
	if (sl_version_compare(&s->version, &s->newest) > 0)
		change_version(s, &s->newest, s->version);
}

/* ----------------------------------------------------------------- the modes */

static void upsert(struct state *s)
{
	if (comes_too_late(s, &s->version))
		return;
	note_data(s);
	if (sl_version_compare(&s->version, &s->versions.whole) < 0)
		return;
	for (size_t i = 0; i < s->places.given; i++) {
		if (!sl_is_data(s->table, &s->places, i) || sl_version_compare(&s->versions.columns[i], &s->version) > 0)
			continue;
		change_cell(s, i, s->row->cells[i]);
		change_version(s, &s->versions.columns[i], (struct sl_version){ 0 });
	}
	change_version(s, &s->versions.whole, s->version);
}

static void patch_column(struct state *s, size_t index, const struct sl_version *version)
{
	if (comes_too_late(s, version) || sl_version_compare(version, version_at(s, index)) < 0)
		return;
	change_cell(s, index, s->row->cells[index]);
	if (sl_version_compare(version, &s->versions.whole) > 0)
		change_version(s, &s->versions.columns[index], *version);
}

/* Patches that were folded say of each column when. */
static void patch(struct state *s)
{
	const struct sl_cell *times = own_cell(s, s->row->cells, SL_OWN_TIMES);
	struct sl_versions own = { 0 };
	if (comes_too_late(s, &s->version))
		return;
	if (times->kind == SL_CELL_TEXT)
		sl_versions_read(s->table, times->text, &own, s->memory);
	note_data(s);
	for (size_t i = 0; i < s->places.given; i++)
		if (sl_is_data(s->table, &s->places, i) && s->row->cells[i].kind != SL_CELL_NONE)
			patch_column(s, i, own.columns && own.columns[i].known ? &own.columns[i] : &s->version);
}

static bool survives(const struct state *s, const struct sl_version *version)
{
	return version->known && version->time > s->dead_time;
}

/* Of the data only what is newer than the removal stays. */
static void remove_data(struct state *s)
{
	if (!s->cells || survives(s, &s->versions.whole))
		return;
	s->changed = true;
	if (!survives(s, &s->newest)) {
		s->cells = NULL;
		return;
	}
	s->versions.whole = (struct sl_version){ 0 };
	for (size_t i = 0; i < s->places.given; i++) {
		if (!sl_is_data(s->table, &s->places, i) || survives(s, &s->versions.columns[i]))
			continue;
		s->cells[i] = sl_unsaid(s->table->columns[i]);
		s->versions.columns[i] = (struct sl_version){ 0 };
	}
}

static void delete(struct state *s)
{
	if (s->dead && s->version.time <= s->dead_time)
		return;
	s->dead = true;
	s->dead_time = s->version.time;
	if (s->table->deletes == SL_DELETES_REMOVE)
		remove_data(s);
	else
		make_row(s);
}

/* ------------------------------------------------------------------- the end */

/* A delete that all data is newer than means nothing any more, whatever still comes. */
static bool means_something(const struct state *s)
{
	const struct sl_version *oldest = s->table->deletes == SL_DELETES_MARK ? &s->newest : &s->versions.whole;
	return s->dead && (!s->cells || !oldest->known || oldest->time <= s->dead_time);
}

static void write_own(struct state *s, enum sl_own own, enum sl_cell_kind kind, int64_t number, struct sl_text text)
{
	if (s->places.own[own] != SL_NOWHERE)
		s->cells[s->places.own[own]] = (struct sl_cell){ kind, number, text };
}

static void write_owns(struct state *s)
{
	static const struct sl_text none = { "", 0 };
	enum sl_cell_kind time = s->newest.known ? SL_CELL_INT : SL_CELL_NULL;
	write_own(s, SL_OWN_EVENT_ID, s->newest.known ? SL_CELL_TEXT : SL_CELL_NULL, 0, s->newest.id);
	write_own(s, SL_OWN_EVENT_TIME, time, s->newest.known ? s->newest.time : 0, none);
	write_own(s, SL_OWN_DELETED, SL_CELL_INT, s->dead, none);
	write_own(s, SL_OWN_DELETED_AT, s->dead ? SL_CELL_INT : SL_CELL_NULL, s->dead ? s->dead_time : 0, none);
	if (s->places.own[SL_OWN_TIMES] != SL_NOWHERE)
		write_own(s, SL_OWN_TIMES, SL_CELL_TEXT, 0, sl_versions_write(s->table, &s->versions, s->memory));
	if (s->places.own[SL_OWN_SYNCED_AT] != SL_NOWHERE)
		s->cells[s->places.own[SL_OWN_SYNCED_AT]] = *own_cell(s, s->row->cells, SL_OWN_SYNCED_AT);
}

static bool was_dead(const struct state *s, const struct sl_fold_state *was, int64_t *time)
{
	const struct sl_cell *at = was->cells ? own_cell(s, was->cells, SL_OWN_DELETED_AT) : NULL;
	if (s->table->deletes == SL_DELETES_REMOVE) {
		*time = was->gone_time;
		return was->gone;
	}
	*time = at && at->kind == SL_CELL_INT ? at->number : 0;
	return at && at->kind == SL_CELL_INT && own_cell(s, was->cells, SL_OWN_DELETED)->number;
}

static bool death_changed(const struct state *s, const struct sl_fold_state *was)
{
	int64_t time;
	bool dead = was_dead(s, was, &time);
	return dead != s->dead || (dead && time != s->dead_time);
}

bool sl_fold_state(const struct sl_table *table, const struct sl_fold_state *was, const struct sl_row *row,
	struct sl_fold_state *is, const struct sl_fold_memory *memory)
{
	static void (*const modes[])(struct state *) = { [SL_UPSERT] = upsert, [SL_PATCH] = patch, [SL_DELETE] = delete };
	struct state s = read_state(table, was, row, memory);
	if (row->mode < sizeof(modes) / sizeof(*modes) && modes[row->mode])
		modes[row->mode](&s);
	s.dead = means_something(&s);
	if (!s.changed && !death_changed(&s, was)) {
		*is = *was;
		return false;
	}
	if (s.cells)
		write_owns(&s);
	bool gone = s.dead && table->deletes == SL_DELETES_REMOVE;
	*is = (struct sl_fold_state){ s.cells, gone, gone ? s.dead_time : 0 };
	return true;
}
