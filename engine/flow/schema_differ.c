/* SPDX-License-Identifier: Apache-2.0 */
/* schema_differ.c - an event is not as the schema has it: its contract decides.
 *
 *     freeze         it is no row
 *     evolve         the schema grows, where that is safe; else as freeze
 *     discard_row    the row is let go of
 *     discard_value  the value is
 */
#include <string.h>
#include <strings.h>

#include "flow/schema_inner.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define TABLES_MOST 200 /* that events may make */

/* ------------------------------------------------------------- what is done */

/* What `why` says is the reason. */
static bool drop(struct making *m)
{
	m->fit = FIT_DROP;
	return false;
}

static void mend(struct making *m, const char *what)
{
	struct fitting *f = m->fitting;
	if (f->mended_count == m->mended_room) {
		m->mended_room = m->mended_room ? m->mended_room * 2 : 4;
		const char **more = arena_alloc(m->arena, m->mended_room * sizeof(*more));
		if (f->mended_count)
			memcpy(more, f->mended, f->mended_count * sizeof(*more));
		f->mended = more;
	}
	((const char **)f->mended)[f->mended_count++] = what;
	m->why->text[0] = '\0';
}

/* Two rows of a set may give a new column values of different types. */
static enum sl_column_type common_type(enum sl_column_type one, enum sl_column_type other)
{
	static const bool plain[] = { [SL_COLUMN_TEXT] = true, [SL_COLUMN_INT] = true, [SL_COLUMN_DECIMAL] = true,
		[SL_COLUMN_TIMESTAMP] = true, [SL_COLUMN_DATE] = true, [SL_COLUMN_JSON] = false };
	if (one == other || type_widens(other, one))
		return one;
	if (type_widens(one, other))
		return other;
	return plain[one] && plain[other] ? SL_COLUMN_TEXT : one;
}

static bool grow(struct making *m, enum growth_kind kind, const char *table, const char *column,
	enum sl_column_type type)
{
	for (struct growth *at = m->growth; at; at = (struct growth *)at->next)
		if (at->kind == kind && column && strcmp(at->column, column) == 0) {
			at->type = common_type(at->type, type);
			return true;
		}
	struct growth *growth = arena_alloc(m->arena, sizeof(*growth));
	*growth = (struct growth){ .kind = kind, .table = arena_string(m->arena, table),
		.column = arena_string(m->arena, column), .type = type };
	*m->growth_end = growth;
	m->growth_end = (struct growth **)&growth->next;
	m->growths += kind == GROWTH_COLUMN;
	m->why->text[0] = '\0';
	return true;
}

/* ---------------------------------------------------------------- no column */

static enum sl_column_type type_of_string(struct sl_text text)
{
	int64_t number;
	bool dated = text.len >= 10 && text.at[4] == '-' && text.at[7] == '-';
	if (dated && text.len == 10 && sl_date_read(text, &number))
		return SL_COLUMN_DATE;
	return dated && sl_time_read(text, &number) ? SL_COLUMN_TIMESTAMP : SL_COLUMN_TEXT;
}

static enum sl_column_type type_of_number(const struct sl_json *value)
{
	struct sl_text raw = sl_json_raw(value);
	int64_t number;
	for (size_t i = 0; i < raw.len; i++)
		if (raw.at[i] == '.' || raw.at[i] == 'e' || raw.at[i] == 'E')
			return SL_COLUMN_DECIMAL;
	return sl_json_integer(value, &number) ? SL_COLUMN_INT : SL_COLUMN_DECIMAL;
}

static enum sl_column_type type_of(const struct sl_json *value)
{
	switch (sl_json_kind(value)) {
	case SL_KIND_BOOL:
		return SL_COLUMN_BOOL;
	case SL_KIND_NUMBER:
		return type_of_number(value);
	case SL_KIND_STRING:
		return type_of_string(sl_json_string(value));
	default:
		return SL_COLUMN_JSON;
	}
}

/* A name that databases would take for another one. */
static const char *same_column(const struct making *m, const char *name)
{
	for (size_t i = 0; i < m->shape->face.column_count; i++)
		if (strcasecmp(m->shape->names[i], name) == 0)
			return m->shape->names[i];
	for (const struct growth *at = m->growth; at; at = at->next)
		if (at->column && strcasecmp(at->column, name) == 0 && strcmp(at->column, name) != 0)
			return at->column;
	return NULL;
}

static bool may_be_named(const struct making *m, struct sl_text name)
{
	const char *table = m->shape->face.name, *same;
	if (!name.len || name.len > NAME_MOST || memchr(name.at, '\0', name.len))
		return why_say(m->why, "%s: a member whose name has %zu bytes or a NUL cannot become a column", table,
			name.len);
	if ((same = same_column(m, name.at)))
		return why_say(m->why, "%s: \"%.40s\" cannot become a column: it differs from `%s` only in case", table,
			name.at, same);
	if (shape_own(&m->shape->face, name.at) || (m->shape->parents && strcmp(name.at, "rows") == 0))
		return why_say(m->why, "%s: \"%.40s\" cannot become a column: the name is taken", table, name.at);
	return m->shape->given + m->growths < COLUMNS_MOST || why_say(m->why, "%s: \"%.40s\" cannot become a column: the "
		"table has %d already, the most there may be", table, name.at, COLUMNS_MOST);
}

static bool new_column(struct making *m, const struct sl_json *value)
{
	struct sl_text name = sl_json_name(value);
	if (!may_be_named(m, name))
		return false;
	return grow(m, GROWTH_COLUMN, m->shape->face.name, name.at, type_of(value));
}

static bool no_column(const struct making *m, struct sl_text name)
{
	char room[MEANT_SIZE];
	return why_say(m->why, "%s: there is no column \"%.40s\"%s", m->shape->face.name, name.at,
		meant(name.at, m->shape->names, room));
}

/* From null nothing is learned. */
bool differ_column(struct making *m, const struct sl_json *value)
{
	struct sl_text name = sl_json_name(value);
	switch (m->shape->unknown) {
	case WORD_EVOLVE:
		return sl_json_kind(value) == SL_KIND_NULL || new_column(m, value);
	case WORD_DISCARD_ROW:
		why_say(m->why, "%s: there is no column \"%.40s\"", m->shape->face.name, name.at);
		return drop(m);
	case WORD_DISCARD_VALUE:
		mend(m, arena_format(m->arena, "%s: \"%.40s\" was left out, there is no such column", m->shape->face.name,
			name.at));
		return true;
	default:
		return no_column(m, name);
	}
}

/* ------------------------------------------------------------ another type */

/* Wide enough for the value, and nothing of those before it is lost; 0: there is none. */
static enum sl_column_type wider_type(const struct making *m, int place, const struct sl_json *value)
{
	const struct sl_column *column = &m->shape->columns[place];
	enum sl_column_type type = column->type == SL_COLUMN_INT ? SL_COLUMN_DECIMAL : SL_COLUMN_TIMESTAMP;
	const struct sl_column wider = { .name = column->name, .type = type, .personal = 1 };
	struct sl_cell cell;
	if (m->shape->traits[place].fixed || !type_widens(column->type, type))
		return 0;
	return cell_read(&wider, value, m->arena, &cell, NULL) ? type : 0;
}

static bool widen(struct making *m, int place, const struct sl_json *value, struct sl_cell *cell)
{
	enum sl_column_type type = wider_type(m, place, value);
	cell->kind = SL_CELL_INT; /* it will have a value */
	return type && grow(m, GROWTH_WIDER, m->shape->face.name, m->shape->names[place], type);
}

static bool discard(struct making *m, int place, struct sl_cell *cell)
{
	const struct sl_column *column = &m->shape->columns[place];
	if (m->shape->traits[place].required && !column->initial)
		return false;
	cell->kind = SL_CELL_NONE;
	mend(m, arena_format(m->arena, "%s.%s: a value was left out that is not %s", m->shape->face.name, column->name,
		column_type_expected(column->type)));
	return true;
}

bool differ_value(struct making *m, int place, const struct sl_json *value, struct sl_cell *cell)
{
	const struct sl_column *column = &m->shape->columns[place];
	switch (m->shape->traits[place].types) {
	case WORD_EVOLVE:
		return widen(m, place, value, cell);
	case WORD_DISCARD_ROW:
		why_say(m->why, "%s.%s: a value is not %s", m->shape->face.name, column->name,
			column_type_expected(column->type));
		return drop(m);
	case WORD_DISCARD_VALUE:
		return discard(m, place, cell);
	default:
		return false;
	}
}

/* ---------------------------------------------------------------- of a set */

bool differ_set_row(struct making *m)
{
	if (m->fit != FIT_DROP)
		return false;
	m->fit = FIT_NOT;
	mend(m, arena_format(m->arena, "a row of a set was left out: %s", m->why->text));
	return true;
}

/* ----------------------------------------------------------------- no table */

static bool table_may_be_named(const struct making *m, const char *type)
{
	const struct schema *schema = m->schema;
	size_t made = 0;
	for (const struct growth *at = schema->added; at; at = at->next)
		made += !at->column;
	if (!*type || strlen(type) > NAME_MOST || taken_name(type))
		return why_say(m->why, "\"%.40s\" cannot become a table: that is no name for one", type);
	for (size_t i = 0; i < schema->table_count; i++)
		if (strcasecmp(schema->table_names[i], type) == 0)
			return why_say(m->why, "\"%.40s\" cannot become a table: it differs from `%s` only in case", type,
				schema->table_names[i]);
	for (size_t i = 0; i < schema->view_count; i++)
		if (strcasecmp(schema->views[i]->name, type) == 0)
			return why_say(m->why, "\"%.40s\" cannot become a table: there is a view of that name", type);
	return made < TABLES_MOST || why_say(m->why, "\"%.40s\" cannot become a table: events have made %d already, the "
		"most there may be", type, TABLES_MOST);
}

static const struct shape *no_table(const struct making *m, const char *type)
{
	char room[MEANT_SIZE];
	why_say(m->why, "the schema has no table \"%.40s\"%s", type, meant(type, m->schema->table_names, room));
	return NULL;
}

/* Its columns are found as those of a table that has none yet. */
static const struct shape *new_table(struct making *m, const char *type)
{
	struct shape *shape = arena_alloc(m->arena, sizeof(*shape));
	const char *mode = m->fitting->event->mode;
	if (mode && strcmp(mode, "append") != 0 && strcmp(mode, "once") != 0 && strcmp(mode, "upsert") != 0)
		return no_table(m, type);
	if (!table_may_be_named(m, type))
		return NULL;
	shape_born(shape, arena_string(m->arena, type), 0, m->arena);
	shape_close(shape, m->arena);
	shape_finish(shape, m->arena);
	grow(m, GROWTH_TABLE, type, NULL, 0);
	return shape;
}

const struct shape *differ_table(struct making *m, const char *type)
{
	switch (m->schema->contract.tables) {
	case WORD_EVOLVE:
		return new_table(m, type);
	case WORD_DISCARD_ROW:
	case WORD_DISCARD_VALUE:
		why_say(m->why, "the schema has no table \"%.40s\"", type);
		drop(m);
		return NULL;
	default:
		return no_table(m, type);
	}
}
