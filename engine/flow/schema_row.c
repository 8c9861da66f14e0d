/* SPDX-License-Identifier: Apache-2.0 */
/* schema_row.c - an emitted event becomes a row. */
#include <string.h>

#include "flow/schema_inner.h"
#include "sdk/text.h"

#define DAY_MS INT64_C(86400000)
#define EARLIEST_MS INT64_C(-62135596800000) /* 0001-01-01 */
#define ROWS_MOST 100000 /* of one parent: a set is held in memory, and written in one transaction */

struct making {
	const struct shape *shape;
	struct arena *arena;
	struct sl_event event; /* as emitted, what it left out inherited */
	int64_t version_time;  /* microseconds */
	int64_t synced_at;
	struct why *why;
};

/* ------------------------------------------------------------------- cells */

static bool no_column(const struct making *m, struct sl_text name)
{
	char room[MEANT_SIZE];
	return why_say(m->why, "%s: there is no column \"%.40s\"%s", m->shape->face.name, name.at,
		meant(name.at, m->shape->names, room));
}

static bool read_cell(const struct making *m, const struct sl_json *value, struct sl_cell *cells)
{
	int place = shape_column(m->shape, sl_json_name(value));
	if (place < 0)
		return no_column(m, sl_json_name(value));
	if ((size_t)place >= m->shape->given)
		return why_say(m->why, "%s.%s: is the engine's own column; leave it out", m->shape->face.name,
			m->shape->names[place]);
	const struct sl_column *column = m->shape->face.columns[place];
	return cell_read(column, m->shape->personal[place], value, m->arena, &cells[place], m->why) ||
		why_within(m->why, "%s.%s", m->shape->face.name, column->name);
}

static bool complete(const struct making *m, const struct sl_cell *cells, bool parent_only)
{
	for (size_t i = 0; i < m->shape->given; i++) {
		const struct sl_column *column = m->shape->face.columns[i];
		bool wanted = parent_only ? column->parent > 0 : column->required;
		if (!wanted || cells[i].kind >= SL_CELL_INT)
			continue;
		return why_say(m->why, "%s.%s: must have a value, and the event gives %s", m->shape->face.name, column->name,
			cells[i].kind == SL_CELL_NULL ? "null" : "none");
	}
	return true;
}

static void add_own(const struct making *m, struct sl_cell *cells)
{
	struct sl_cell *own = cells + m->shape->given;
	own[OWN_EVENT_ID] = (struct sl_cell){ SL_CELL_TEXT, 0, sl_text_of(m->event.id) };
	own[OWN_EVENT_TIME] = (struct sl_cell){ SL_CELL_INT, m->version_time, { 0 } };
	own[OWN_SYNCED_AT] = (struct sl_cell){ SL_CELL_INT, m->synced_at, { 0 } };
}

static struct sl_cell *new_cells(const struct making *m)
{
	return arena_alloc(m->arena, m->shape->face.column_count * sizeof(struct sl_cell));
}

static bool is_object(const struct making *m, const struct sl_json *data, const char *what)
{
	return sl_json_kind(data) == SL_KIND_OBJECT ||
		why_say(m->why, "%s: %s must be an object of columns and their values", m->shape->face.name, what);
}

static struct sl_cell *single_row(const struct making *m, const struct sl_json *data)
{
	struct sl_cell *cells = new_cells(m);
	if (!is_object(m, data, "a row"))
		return NULL;
	for (const struct sl_json *value = sl_json_first(data); value; value = sl_json_next(value))
		if (!read_cell(m, value, cells))
			return NULL;
	if (!complete(m, cells, false))
		return NULL;
	add_own(m, cells);
	return cells;
}

/* ------------------------------------------------------------- whole sets */

static bool same_cell(const struct sl_cell *a, const struct sl_cell *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == SL_CELL_TEXT ? a->text.len == b->text.len && memcmp(a->text.at, b->text.at, a->text.len) == 0
				       : a->number == b->number;
}

/* A row of a set belongs to its parent, whether or not it says so itself. */
static bool join_parent(const struct making *m, const struct sl_cell *parent, struct sl_cell *cells)
{
	for (size_t i = 0; i < m->shape->given; i++) {
		const struct sl_column *column = m->shape->face.columns[i];
		if (!column->parent)
			continue;
		if (cells[i].kind != SL_CELL_NONE && !same_cell(&cells[i], &parent[i]))
			return why_say(m->why, "%s.%s: a row of the set names another parent", m->shape->face.name, column->name);
		cells[i] = parent[i];
	}
	return true;
}

static struct sl_cell *set_row(const struct making *m, const struct sl_json *data, const struct sl_cell *parent)
{
	struct sl_cell *cells = new_cells(m);
	if (!is_object(m, data, "a row of the set"))
		return NULL;
	for (const struct sl_json *value = sl_json_first(data); value; value = sl_json_next(value))
		if (!read_cell(m, value, cells))
			return NULL;
	if (!join_parent(m, parent, cells) || !complete(m, cells, false))
		return NULL;
	add_own(m, cells);
	return cells;
}

/* Reads the parent's key and finds `rows`, the last one if there are several. */
static struct sl_cell *read_parent(const struct making *m, const struct sl_json *data, const struct sl_json **rows)
{
	struct sl_cell *cells = new_cells(m);
	if (!is_object(m, data, "a set"))
		return NULL;
	for (const struct sl_json *value = sl_json_first(data); value; value = sl_json_next(value)) {
		struct sl_text name = sl_json_name(value);
		int place = shape_column(m->shape, name);
		if (sl_text_is(name, "rows")) {
			*rows = value;
		} else if (place >= 0 && !m->shape->face.columns[place]->parent) {
			why_say(m->why, "%s.%s: stands beside `rows`, where only the parent's key belongs; put it into each row",
				m->shape->face.name, m->shape->names[place]);
			return NULL;
		} else if (!read_cell(m, value, cells)) {
			return NULL;
		}
	}
	if (!complete(m, cells, true))
		return NULL;
	add_own(m, cells);
	return cells;
}

/* A Lua table without elements may come as {}: that is an empty list too. */
static bool is_list(const struct making *m, const struct sl_json *rows)
{
	enum sl_kind kind = sl_json_kind(rows);
	if (!rows || !(kind == SL_KIND_ARRAY || (kind == SL_KIND_OBJECT && sl_json_count(rows) == 0)))
		return why_say(m->why, "%s: a set needs `rows`, a list of its rows, perhaps an empty one", m->shape->face.name);
	return sl_json_count(rows) <= ROWS_MOST || why_say(m->why, "%s: a set has at most %d rows, not %zu",
		m->shape->face.name, ROWS_MOST, sl_json_count(rows));
}

static bool read_set(const struct making *m, const struct sl_json *rows, struct sl_row *row)
{
	size_t count = 0;
	if (!is_list(m, rows))
		return false;
	const struct sl_row **set = arena_alloc(m->arena, (sl_json_count(rows) + 1) * sizeof(struct sl_row *));
	for (const struct sl_json *data = sl_json_first(rows); data; data = sl_json_next(data)) {
		struct sl_row *member = arena_alloc(m->arena, sizeof(*member));
		*member = *row;
		if (!(member->cells = set_row(m, data, row->cells)))
			return why_within(m->why, "row %zu of the set", count + 1);
		set[count++] = member;
	}
	row->set = set;
	row->set_count = count;
	return true;
}

static bool whole_set(const struct making *m, const struct sl_json *data, struct sl_row *row)
{
	const struct sl_json *rows = NULL;
	if (!m->shape->parents)
		return why_say(m->why, "%s: the mode replace needs a table with `parent`", m->shape->face.name);
	row->cells = read_parent(m, data, &rows);
	return row->cells && read_set(m, rows, row);
}

/* -------------------------------------------------------------------- rows */

static const struct shape *find_shape(const struct schema *schema, const char *type, struct why *why)
{
	const struct sl_table *table = type ? schema_table(schema, type) : NULL;
	if (table)
		return (const struct shape *)table; /* its first member */
	char room[MEANT_SIZE];
	if (!type)
		why_say(why, "a row needs a type: the name of its table");
	else
		why_say(why, "the schema has no table \"%.40s\"%s", type, meant(type, schema->table_names, room));
	return NULL;
}

static struct sl_event inherit(const struct sl_event *event, const struct sl_event *origin, int64_t now)
{
	struct sl_event whole = *event;
	const struct sl_event none = { 0 }, *from = origin ? origin : &none;
	whole.source = event->source ? event->source : from->source;
	whole.id = event->id ? event->id : from->id;
	whole.subject = event->subject ? event->subject : from->subject;
	whole.received = event->received ? event->received : from->received ? from->received : now;
	whole.time = event->time ? event->time : from->time ? from->time : whole.received;
	return whole;
}

/* What lies more than a day ahead is a wrong clock: it would win for ever. */
static int64_t version_time(const struct sl_event *event, int64_t now)
{
	int64_t ms = event->time > now + DAY_MS ? event->received : event->time;
	return (ms > EARLIEST_MS ? ms : EARLIEST_MS) * 1000;
}

bool schema_row(const struct schema *schema, const struct sl_event *event, const struct sl_json *data,
	const struct sl_event *origin, uint32_t index, int64_t now, struct arena *arena, struct sl_row *row,
	struct why *why)
{
	struct sl_event whole = inherit(event, origin, now);
	struct making m = { .arena = arena, .event = whole, .synced_at = now * 1000, .why = why };
	if (!(m.shape = find_shape(schema, event->type, why)))
		return false;
	m.event.id = arena_string(arena, whole.id ? whole.id : "");
	m.version_time = version_time(&whole, now);
	*row = (struct sl_row){ .table = &m.shape->face, .mode = m.shape->face.mode, .version_time = m.version_time,
		.version_id = m.event.id };
	if (event->mode && !schema_mode(event->mode, &row->mode, why))
		return why_within(why, "%s", row->table->name);
	row->idempotency = arena_format(arena, "%s:%s:%s:%u", whole.source ? whole.source : "",
		origin && origin->id ? origin->id : m.event.id, row->table->name, index);
	struct sl_event *kept = arena_bytes(arena, sizeof(*kept));
	*kept = m.event;
	row->event = kept;
	if (row->mode == SL_REPLACE)
		return whole_set(&m, data, row);
	return (row->cells = single_row(&m, data)) != NULL;
}
