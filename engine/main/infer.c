/* SPDX-License-Identifier: Apache-2.0 */
/* infer.c - values are looked at, one after the other: what type a column needs, which one is a key. */
#include "main/infer.h"

#include <stdlib.h>
#include <string.h>

#include "sdk/text.h"
#include "sdk/time.h"

struct infer *infer_new(struct arena *arena)
{
	struct infer *infer = arena_alloc(arena, sizeof(*infer));
	infer->arena = arena;
	return infer;
}

size_t infer_tables(const struct infer *infer)
{
	return infer->count;
}

/* ----------------------------------------------------------------------- values */

static bool is_day_text(struct sl_text text)
{
	return text.len == strlen("2026-11-21") && text.at[4] == '-';
}

static unsigned kind_of_text(struct sl_text text)
{
	int64_t ignored;
	if (is_day_text(text) && sl_date_read(text, &ignored))
		return SAW_DATE;
	return text.len > strlen("2026-11-21") && sl_time_read(text, &ignored) ? SAW_TIMESTAMP : SAW_TEXT;
}

static unsigned kind_of(const struct sl_json *value)
{
	int64_t ignored;
	switch (sl_json_kind(value)) {
	case SL_KIND_BOOL:
		return SAW_BOOL;
	case SL_KIND_NUMBER:
		return sl_json_integer(value, &ignored) ? SAW_INT : SAW_DECIMAL;
	case SL_KIND_STRING:
		return kind_of_text(sl_json_string(value));
	case SL_KIND_ARRAY:
	case SL_KIND_OBJECT:
		return SAW_JSON;
	default:
		return 0;
	}
}

const char *infer_type(const struct infer_column *column)
{
	static const struct {
		unsigned within; /* nothing but these was seen */
		const char *type;
	} types[] = {
		{ 0, "text" },
		{ SAW_BOOL, "bool" },
		{ SAW_INT, "int" },
		{ SAW_INT | SAW_DECIMAL, "decimal" },
		{ SAW_DATE, "date" },
		{ SAW_DATE | SAW_TIMESTAMP, "timestamp" },
		{ SAW_INT | SAW_DECIMAL | SAW_DATE | SAW_TIMESTAMP | SAW_TEXT, "text" },
	};
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!(column->saw & ~types[i].within))
			return types[i].type;
	return "json";
}

/* ------------------------------------------------------------------------- keys */

static bool ends_with(struct sl_text name, const char *end)
{
	size_t len = strlen(end);
	return name.len >= len && memcmp(name.at + name.len - len, end, len) == 0;
}

static bool is_id(struct sl_text name)
{
	return sl_text_is(name, "id") || ends_with(name, "_id") || ends_with(name, "Id") || ends_with(name, "uuid");
}

static uint64_t hash_of(struct sl_text text)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.at[i]) * 0x100000001b3u;
	return hash | 1; /* 0: an empty place */
}

static bool set_add(uint64_t *set, size_t room, uint64_t hash)
{
	size_t at = hash % room;
	for (; set[at]; at = (at + 1) % room)
		if (set[at] == hash)
			return false;
	set[at] = hash;
	return true;
}

static void set_grow(struct infer *infer, struct infer_column *column)
{
	size_t room = column->hash_room ? column->hash_room * 2 : 256;
	uint64_t *more = arena_alloc(infer->arena, room * sizeof(*more));
	for (size_t i = 0; i < column->hash_room; i++)
		if (column->hashes[i])
			set_add(more, room, column->hashes[i]);
	column->hashes = more;
	column->hash_room = room;
}

static void note_value(struct infer *infer, struct infer_column *column, const struct sl_json *value)
{
	if (column->repeats || !is_id(column->name))
		return;
	if (column->hash_count * 2 >= column->hash_room)
		set_grow(infer, column);
	column->repeats = !set_add(column->hashes, column->hash_room, hash_of(sl_json_raw(value)));
	column->hash_count += !column->repeats;
}

/* "card_id" of the table cards, "boxes_id" of boxes. */
static bool is_own_id(const struct infer_table *table, struct sl_text name)
{
	size_t len = strlen(table->name), less = len && table->name[len - 1] == 's';
	if (!ends_with(name, "_id") && !ends_with(name, "Id"))
		return false;
	struct sl_text before = { name.at, name.len - (ends_with(name, "_id") ? 3 : 2) };
	return (before.len == len || before.len == len - less) && strncasecmp(before.at, table->name, before.len) == 0;
}

static bool names_rows(const struct infer_table *table, const struct infer_column *column)
{
	return column->rows == table->rows && !(column->saw & ~(unsigned)(SAW_INT | SAW_TEXT)) && !column->parent;
}

bool infer_set(const struct infer_table *table)
{
	return table->mode && strcmp(table->mode, "replace") == 0;
}

/* Within a set the first column that each row has is as good a guess as any. */
const struct infer_column *infer_key(const struct infer_table *table)
{
	const struct infer_column *found = NULL, *first = NULL;
	for (size_t i = 0; i < table->count; i++) {
		const struct infer_column *column = &table->columns[i];
		if (!names_rows(table, column))
			continue;
		if (sl_text_is(column->name, "id"))
			return column;
		if (!found && is_own_id(table, column->name))
			found = column;
		first = first ? first : column;
	}
	return found || !infer_set(table) ? found : first;
}

/* ------------------------------------------------------------------------- rows */

static struct infer_table *table_of(struct infer *infer, struct sl_text name)
{
	for (size_t i = 0; i < infer->count; i++)
		if (sl_text_is(name, infer->tables[i]->name))
			return infer->tables[i];
	if (infer->count == INFER_TABLES) {
		infer->left_out++;
		return NULL;
	}
	struct infer_table *table = infer->tables[infer->count++] = arena_alloc(infer->arena, sizeof(*table));
	table->name = arena_copy(infer->arena, name.at, name.len);
	return table;
}

static struct infer_column *column_of(struct infer *infer, struct infer_table *table, struct sl_text name)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->columns[i].name.len == name.len && memcmp(table->columns[i].name.at, name.at, name.len) == 0)
			return &table->columns[i];
	if (table->count == INFER_COLUMNS) {
		table->left_out++;
		return NULL;
	}
	struct infer_column *column = &table->columns[table->count++];
	column->name = arena_text(infer->arena, name);
	return column;
}

static void look_at_members(struct infer *infer, struct infer_table *table, const struct sl_json *row, bool parent)
{
	for (const struct sl_json *at = sl_json_first(row); at; at = sl_json_next(at)) {
		struct sl_text name = sl_json_name(at);
		if (parent && sl_text_is(name, "rows"))
			continue;
		struct infer_column *column = column_of(infer, table, name);
		unsigned kind = kind_of(at);
		if (!column)
			continue;
		column->parent |= parent;
		column->saw |= kind;
		column->rows += kind != 0;
		if (kind)
			note_value(infer, column, at);
	}
}

/* A set: the parent's key stands once for all its rows. */
static void look_at_set(struct infer *infer, struct infer_table *table, const struct sl_json *data)
{
	for (const struct sl_json *row = sl_json_first(sl_json_get(data, "rows")); row; row = sl_json_next(row)) {
		table->rows++;
		look_at_members(infer, table, data, true);
		look_at_members(infer, table, row, false);
	}
}

void infer_row(struct infer *infer, struct sl_text name, struct sl_text mode, const struct sl_json *data)
{
	if (sl_json_kind(data) != SL_KIND_OBJECT || !name.len)
		return;
	struct infer_table *table = table_of(infer, name);
	if (!table)
		return;
	if (sl_text_is(mode, "delete")) {
		table->deletes = true;
		return;
	}
	if (mode.len)
		table->mode = arena_copy(infer->arena, mode.at, mode.len);
	if (sl_text_is(mode, "replace") && sl_json_kind(sl_json_get(data, "rows")) == SL_KIND_ARRAY) {
		look_at_set(infer, table, data);
		return;
	}
	table->rows++;
	look_at_members(infer, table, data, false);
}
