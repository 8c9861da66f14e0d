/* SPDX-License-Identifier: Apache-2.0 */
/* schema_shape.c - a table put together, its columns found by name. */
#include <string.h>
#include <strings.h>

#include "flow/schema_inner.h"

/* ------------------------------------------------------ the engine's columns */

static bool marks(const struct sl_table *table)
{
	return table->deletes == SL_DELETES_MARK;
}

static bool patches(const struct sl_table *table)
{
	return table->mode == SL_PATCH;
}

static bool any(const struct sl_table *table)
{
	return true;
}

/* In the order in which they stand, last. */
static const struct {
	struct sl_column column;
	bool (*in)(const struct sl_table *table);
} own[] = {
	{ { .name = "deleted", .type = SL_COLUMN_BOOL, .help = "the newest that is known of it" }, marks },
	{ { .name = "deleted_at", .type = SL_COLUMN_TIMESTAMP, .help = "when it was" }, marks },
	{ { .name = "_times", .type = SL_COLUMN_JSON, .help = "versions of single columns" }, patches },
	{ { .name = "_event_id", .type = SL_COLUMN_TEXT, .help = "the event the row was last written from" }, any },
	{ { .name = "_event_time", .type = SL_COLUMN_TIMESTAMP, .help = "the version: when it was so" }, any },
	{ { .name = "_synced_at", .type = SL_COLUMN_TIMESTAMP, .help = "when the row was last written" }, any },
};
#define OWN (sizeof(own) / sizeof(*own))
_Static_assert(OWN == OWN_COLUMNS, "there is room for them");

/* `_times` is taken everywhere: the mode of a table may change. */
bool shape_own(const struct sl_table *table, const char *name)
{
	for (size_t i = 0; i < OWN; i++)
		if (strcasecmp(own[i].column.name, name) == 0)
			return own[i].in(table) || own[i].in == patches;
	return false;
}

/* ---------------------------------------------------------------- by its name */

static uint32_t hash(struct sl_text name)
{
	uint32_t sum = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < name.len; i++)
		sum = (sum ^ (unsigned char)name.at[i]) * 16777619u;
	return sum;
}

static void fill_slots(struct shape *shape, struct arena *arena)
{
	size_t room = 8;
	while (room < shape->face.column_count * 2)
		room *= 2;
	shape->slots = arena_alloc(arena, room * sizeof(*shape->slots));
	shape->slot_mask = room - 1;
	for (size_t i = 0; i < shape->face.column_count; i++) {
		const char *name = shape->names[i];
		size_t slot = hash((struct sl_text){ name, strlen(name) });
		while (shape->slots[slot & shape->slot_mask])
			slot++;
		shape->slots[slot & shape->slot_mask] = (uint16_t)(i + 1);
	}
}

static bool is_called(const struct shape *shape, int place, struct sl_text name)
{
	return shape->name_lens[place] == name.len && memcmp(shape->names[place], name.at, name.len) == 0;
}

int shape_column(const struct shape *shape, struct sl_text name)
{
	for (size_t slot = hash(name);; slot++) {
		int place = shape->slots[slot & shape->slot_mask] - 1;
		if (place < 0)
			return -1;
		if (is_called(shape, place, name))
			return place;
	}
}

int shape_column_behind(const struct shape *shape, int before, struct sl_text name)
{
	uint16_t *lately = &shape->lately[before + 1];
	if (*lately && is_called(shape, *lately - 1, name))
		return *lately - 1;
	int place = shape_column(shape, name);
	*lately = (uint16_t)(place + 1);
	return place;
}

/* ------------------------------------------------------------------ together */

void shape_close(struct shape *shape, struct arena *arena)
{
	size_t count = shape->given;
	for (size_t i = 0; i < OWN; i++)
		if (own[i].in(&shape->face)) {
			shape->traits[count].closed = true;
			shape->columns[count++] = own[i].column;
		}
	const struct sl_column **all = arena_alloc(arena, (count + 1) * sizeof(struct sl_column *));
	shape->names = arena_alloc(arena, (count + 1) * sizeof(*shape->names));
	shape->name_lens = arena_alloc(arena, (count + 1) * sizeof(*shape->name_lens));
	shape->lately = arena_alloc(arena, (count + 1) * sizeof(*shape->lately));
	for (size_t i = 0; i < count; i++) {
		all[i] = &shape->columns[i];
		shape->names[i] = shape->columns[i].name;
		shape->name_lens[i] = strlen(shape->names[i]);
	}
	shape->face.columns = all;
	shape->face.column_count = count;
	fill_slots(shape, arena);
}

void shape_finish(struct shape *shape, struct arena *arena)
{
	bool late = shape->face.mode == SL_PATCH || marks(&shape->face); /* a row may be there before its columns */
	shape->musts = arena_alloc(arena, (shape->given + 1) * sizeof(*shape->musts));
	shape->fills = arena_alloc(arena, (shape->given + 1) * sizeof(*shape->fills));
	for (size_t i = 0; i < shape->given; i++) {
		struct sl_column *column = &shape->columns[i];
		struct trait *trait = &shape->traits[i];
		bool named = column->key || column->parent;
		trait->required |= named;
		column->required = trait->required && (named || !late);
		trait->fixed |= named;
		trait->day = column->type == SL_COLUMN_DATE && trait->types == WORD_EVOLVE && !trait->fixed;
		if (trait->required)
			shape->musts[shape->must_count++] = (uint16_t)i;
		if (column->initial || trait->fill)
			shape->fills[shape->fill_count++] = (uint16_t)i;
	}
}

void shape_born(struct shape *shape, const char *name, size_t room, struct arena *arena)
{
	*shape = (struct shape){ .face = { .name = name, .mode = SL_APPEND }, .unknown = WORD_EVOLVE, .given = 1 };
	shape->columns = arena_alloc(arena, (room + 1 + OWN_COLUMNS) * sizeof(*shape->columns));
	shape->traits = arena_alloc(arena, (room + 1 + OWN_COLUMNS) * sizeof(*shape->traits));
	shape->columns[0] = (struct sl_column){ .name = "row_id", .type = SL_COLUMN_TEXT, .key = 1, .required = 1,
		.help = "source, event, table and number in the event" };
	shape->traits[0] = (struct trait){ .required = true, .fill = true, .fixed = true, .types = WORD_FREEZE };
}
