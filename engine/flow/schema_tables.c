/* SPDX-License-Identifier: Apache-2.0 */
/* schema_tables.c - `tables:` of a schema file, read and checked. */
#include <string.h>
#include <strings.h>

#include "flow/polled.h"
#include "flow/schema_inner.h"

#define COLUMNS_MOST 200
#define NAME_MOST 63 /* what Postgres keeps of a name */

/* ------------------------------------------------------------- write modes */

static const struct {
	const char *name;
	enum sl_mode mode; /* 0: comes later */
} modes[] = {
	{ "append", SL_APPEND }, { "once", SL_ONCE }, { "upsert", SL_UPSERT },
	{ "replace", SL_REPLACE }, { "patch", 0 }, { "delete", 0 },
};
#define MODE_COUNT (sizeof(modes) / sizeof(*modes))

bool schema_mode(const char *name, enum sl_mode *mode, struct why *why)
{
	for (size_t i = 0; i < MODE_COUNT; i++) {
		if (strcmp(modes[i].name, name) != 0)
			continue;
		*mode = modes[i].mode;
		return *mode || why_say(why, "the write mode %s comes with a later version; this one has append, once, "
			"upsert and replace", name);
	}
	return why_say(why, "there is no write mode \"%.40s\"; there are append, once, upsert and replace", name);
}

/* ------------------------------------------------------------------- names */

static uint32_t hash(struct sl_text name)
{
	uint32_t sum = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < name.len; i++)
		sum = (sum ^ (unsigned char)name.at[i]) * 16777619u;
	return sum;
}

void shape_hash(struct shape *shape, struct arena *arena)
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

int shape_column(const struct shape *shape, struct sl_text name)
{
	for (size_t slot = hash(name);; slot++) {
		int place = shape->slots[slot & shape->slot_mask] - 1;
		if (place < 0)
			return -1;
		const char *known = shape->names[place];
		if (strlen(known) == name.len && memcmp(known, name.at, name.len) == 0)
			return place;
	}
}

static bool good_name(const struct yaml_node *key, const char *what, struct why *why)
{
	if (key->text.len == 0)
		return yaml_why(key, why, "a %s needs a name", what);
	if (key->text.len > NAME_MOST)
		return yaml_why(key, why, "the name of a %s has at most %d bytes", what, NAME_MOST);
	return true;
}

/* ----------------------------------------------------------------- columns */

static const char *const column_keys[] = { "type", "required", "personal", "help", NULL };

static bool read_type(const struct yaml_node *node, struct sl_column *column, struct why *why)
{
	char shown[YAML_SHOWN], room[MEANT_SIZE];
	const char *word = node->kind == YAML_SCALAR ? node->text.at : NULL;
	if (word && column_type_read(word, &column->type))
		return true;
	return yaml_why(node, why, "%s is no type of a column (text, int, decimal, bool, timestamp, date, json)%s",
		yaml_shown(node, shown), meant(word, column_type_names, room));
}

static bool read_flag(const struct yaml_node *map, const char *name, bool *flag, struct why *why)
{
	const struct yaml_node *node = yaml_get(map, name);
	return !node || yaml_bool(node, flag) || yaml_why(node, why, "%s must be true or false", name);
}

static bool read_column(const struct yaml_node *node, struct sl_column *column, bool *personal, struct why *why)
{
	bool required = false;
	column->name = node->key->text.at;
	if (!good_name(node->key, "column", why))
		return false;
	if (node->kind != YAML_MAP)
		return read_type(node, column, why);
	if (!yaml_known(node, column_keys, "a column", why))
		return false;
	if (!yaml_get(node, "type"))
		return yaml_why(node->key, why, "column %s needs a type", column->name);
	const struct yaml_node *help = yaml_get(node, "help");
	column->help = help && help->kind == YAML_SCALAR ? help->text.at : NULL;
	if (!read_type(yaml_get(node, "type"), column, why) || !read_flag(node, "required", &required, why))
		return false;
	column->required = required;
	return read_flag(node, "personal", personal, why);
}

/* Databases tell columns apart without regard to case, and the engine's own
 * names are taken. */
static bool distinct(const struct yaml_node *key, struct sl_column *columns, size_t count, struct why *why)
{
	const char *name = columns[count].name;
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(columns[i].name, name) == 0)
			return yaml_why(key, why, "the columns %s and %s differ only in case", columns[i].name, name);
	if (strcasecmp(name, "_event_id") == 0 || strcasecmp(name, "_event_time") == 0 ||
		strcasecmp(name, "_synced_at") == 0 || strcasecmp(name, "_times") == 0)
		return yaml_why(key, why, "every table has a column %s already", name);
	return true;
}

static const struct sl_column own_columns[OWN_COUNT] = {
	[OWN_EVENT_ID] = { .name = "_event_id", .type = SL_COLUMN_TEXT, .help = "the event the row was last written from" },
	[OWN_EVENT_TIME] = { .name = "_event_time", .type = SL_COLUMN_TIMESTAMP, .help = "the version: when it was so" },
	[OWN_SYNCED_AT] = { .name = "_synced_at", .type = SL_COLUMN_TIMESTAMP, .help = "when the row was last written" },
};

/* The engine writes these rows: a column that it never fills would stay null for ever. */
static bool told(const struct shape *shape, const struct yaml_node *key, struct why *why)
{
	static const char *const all[] = { "run", "source", "kind", "state", "began", "ended", "events", "unchanged",
		NULL };
	if (strcmp(shape->face.name, POLLED_SYNC_TABLE) != 0)
		return true;
	for (size_t i = 0; all[i]; i++)
		if (strcmp(all[i], key->text.at) == 0)
			return true;
	return yaml_unknown(key, all, "a row of " POLLED_SYNC_TABLE, why);
}

static bool read_columns(struct schema *schema, struct shape *shape, const struct yaml_node *table,
	struct sl_column *columns, struct why *why)
{
	const struct yaml_node *map = yaml_get(table, "columns");
	if (!map)
		return yaml_why(table->key, why, "table %s needs columns", shape->face.name);
	if (!yaml_want(map, YAML_MAP, "columns", why))
		return false;
	if (map->count == 0 || map->count > COLUMNS_MOST)
		return yaml_why(map, why, "a table has 1 to %d columns, not %zu", COLUMNS_MOST, map->count);
	for (const struct yaml_node *node = map->first; node; node = node->next, shape->given++)
		if (!read_column(node, &columns[shape->given], &shape->personal[shape->given], why) ||
			!distinct(node->key, columns, shape->given, why) || !told(shape, node->key, why))
			return false;
	memcpy(columns + shape->given, own_columns, sizeof(own_columns));
	return true;
}

/* ---------------------------------------------- lists of names of columns */

static struct sl_column *column_named(const struct yaml_node *name, struct shape *shape, struct sl_column *columns,
	struct why *why)
{
	int place = name->kind == YAML_SCALAR ? shape_column(shape, name->text) : -1;
	if (place >= 0)
		return &columns[place];
	char shown[YAML_SHOWN], room[MEANT_SIZE];
	yaml_why(name, why, "table %s has no column %s%s", shape->face.name, yaml_shown(name, shown),
		meant(name->kind == YAML_SCALAR ? name->text.at : NULL, shape->names, room));
	return NULL;
}

/* The first name of a list, or the one name that stands without brackets. */
static const struct yaml_node *first_name(const struct yaml_node *names)
{
	return names && names->kind == YAML_SCALAR ? names : names ? names->first : NULL;
}

static const struct yaml_node *next_name(const struct yaml_node *names, const struct yaml_node *name)
{
	return names->kind == YAML_SCALAR ? NULL : name->next;
}

static bool read_key(const struct yaml_node *table, struct shape *shape, struct sl_column *columns, struct why *why)
{
	const struct yaml_node *names = yaml_get(table, "key");
	int place = 0;
	for (const struct yaml_node *name = first_name(names); name; name = next_name(names, name)) {
		struct sl_column *column = column_named(name, shape, columns, why);
		if (!column)
			return false;
		if (column->key)
			return yaml_why(name, why, "%s is in the key already", column->name);
		column->key = ++place;
		column->required = 1;
	}
	return place || yaml_why(names ? names : table->key, why, "table %s needs a key: without one a row that is written "
		"again would stand there twice", shape->face.name);
}

static bool read_parent(const struct yaml_node *table, struct shape *shape, struct sl_column *columns, struct why *why)
{
	const struct yaml_node *names = yaml_get(table, "parent");
	bool replace = shape->face.mode == SL_REPLACE;
	for (const struct yaml_node *name = first_name(names); name; name = next_name(names, name)) {
		struct sl_column *column = column_named(name, shape, columns, why);
		if (!column)
			return false;
		if (column->parent)
			return yaml_why(name, why, "%s is in the parent's key already", column->name);
		column->parent = (int)++shape->parents;
		column->required = 1;
	}
	if (replace && !shape->parents)
		return yaml_why(table->key, why, "table %s needs `parent`, the columns whose rows are replaced together",
			shape->face.name);
	if (shape->parents && shape_column(shape, (struct sl_text){ "rows", 4 }) >= 0)
		return yaml_why(names, why, "a table with a parent has no column `rows`: its rows come under that name");
	return replace || !names || yaml_why(names, why, "`parent` is for the mode replace");
}

/* "card_id, action_date": one index, from a list of names or a single one. */
static const char *index_text(const struct yaml_node *index, struct schema *schema, struct shape *shape,
	struct sl_column *columns, struct why *why)
{
	struct buf text = { 0 };
	const char *kept = NULL;
	for (const struct yaml_node *name = first_name(index); name; name = next_name(index, name)) {
		if (!column_named(name, shape, columns, why))
			goto out;
		if (memchr(name->text.at, ',', name->text.len)) {
			yaml_why(name, why, "a column with a comma in its name cannot be in an index");
			goto out;
		}
		buf_format(&text, "%s%s", text.len ? ", " : "", name->text.at);
	}
	kept = text.len ? arena_string(schema->arena, text.at) : NULL;
	if (!kept)
		yaml_why(index, why, "an index needs columns");
out:
	buf_free(&text);
	return kept;
}

static bool read_indexes(const struct yaml_node *table, struct schema *schema, struct shape *shape,
	struct sl_column *columns, struct why *why)
{
	const struct yaml_node *list = yaml_get(table, "indexes");
	size_t count = 0;
	if (!list)
		return true;
	if (!yaml_want(list, YAML_LIST, "indexes", why))
		return false;
	const char **indexes = arena_alloc(schema->arena, (list->count + 1) * sizeof(*indexes));
	for (const struct yaml_node *index = list->first; index; index = index->next)
		if (!(indexes[count++] = index_text(index, schema, shape, columns, why)))
			return false;
	shape->face.indexes = indexes;
	return true;
}

static bool read_hints(const struct yaml_node *table, struct schema *schema, struct shape *shape,
	struct sl_column *columns, struct why *why)
{
	const struct yaml_node *partition = yaml_get(table, "partition"), *cluster = yaml_get(table, "cluster");
	size_t count = 0;
	if (partition && !column_named(partition, shape, columns, why))
		return false;
	shape->partition = partition ? partition->text.at : NULL;
	if (!cluster)
		return true;
	const char **names = arena_alloc(schema->arena, (cluster->count + 2) * sizeof(*names));
	for (const struct yaml_node *name = first_name(cluster); name; name = next_name(cluster, name)) {
		if (!column_named(name, shape, columns, why))
			return false;
		names[count++] = name->text.at;
	}
	shape->cluster = names;
	return true;
}

/* ------------------------------------------------------------------ tables */

static const char *const table_keys[] = {
	"mode", "key", "parent", "columns", "indexes", "partition", "cluster", "help", NULL,
};

static bool read_mode(const struct yaml_node *table, struct shape *shape, struct why *why)
{
	const struct yaml_node *mode = yaml_get(table, "mode");
	struct why inner;
	if (!mode)
		return yaml_why(table->key, why, "table %s needs a mode: append, once, upsert or replace", shape->face.name);
	if (!yaml_want(mode, YAML_SCALAR, "mode", why))
		return false;
	return schema_mode(mode->text.at, &shape->face.mode, &inner) || yaml_why(mode, why, "%s", inner.text);
}

static void point_at_columns(struct schema *schema, struct shape *shape, struct sl_column *columns)
{
	size_t count = shape->given + OWN_COUNT;
	const struct sl_column **all = arena_alloc(schema->arena, (count + 1) * sizeof(struct sl_column *));
	shape->names = arena_alloc(schema->arena, (count + 1) * sizeof(*shape->names));
	for (size_t i = 0; i < count; i++) {
		all[i] = &columns[i];
		shape->names[i] = columns[i].name;
	}
	shape->face.columns = all;
	shape->face.column_count = count;
	shape_hash(shape, schema->arena);
}

static bool read_table(struct schema *schema, const struct yaml_node *table, struct shape *shape, struct why *why)
{
	const struct yaml_node *map = yaml_get(table, "columns");
	size_t room = (map ? map->count : 0) + OWN_COUNT;
	struct sl_column *columns = arena_alloc(schema->arena, room * sizeof(*columns));
	shape->personal = arena_alloc(schema->arena, room * sizeof(*shape->personal));
	shape->face.name = table->key->text.at;
	if (!good_name(table->key, "table", why) || !yaml_want(table, YAML_MAP, "a table", why) ||
		!yaml_known(table, table_keys, "a table", why))
		return false;
	if (strncasecmp(shape->face.name, "_sluice_", 8) == 0 || strncasecmp(shape->face.name, "sqlite_", 7) == 0)
		return yaml_why(table->key, why, "names that begin with _sluice_ or sqlite_ are taken");
	if (!read_mode(table, shape, why) || !read_columns(schema, shape, table, columns, why))
		return false;
	point_at_columns(schema, shape, columns);
	return read_key(table, shape, columns, why) && read_parent(table, shape, columns, why) &&
		read_indexes(table, schema, shape, columns, why) && read_hints(table, schema, shape, columns, why);
}

bool schema_read_tables(struct schema *schema, const struct yaml_node *tables, struct why *why)
{
	if (!yaml_want(tables, YAML_MAP, "tables", why))
		return false;
	schema->shapes = arena_alloc(schema->arena, (tables->count + 1) * sizeof(*schema->shapes));
	schema->tables = arena_alloc(schema->arena, (tables->count + 1) * sizeof(struct sl_table *));
	schema->table_names = arena_alloc(schema->arena, (tables->count + 1) * sizeof(*schema->table_names));
	for (const struct yaml_node *node = tables->first; node; node = node->next) {
		struct shape *shape = &schema->shapes[schema->table_count];
		if (!read_table(schema, node, shape, why))
			return false;
		for (size_t i = 0; i < schema->table_count; i++)
			if (strcasecmp(schema->table_names[i], shape->face.name) == 0)
				return yaml_why(node->key, why, "the tables %s and %s differ only in case", schema->table_names[i],
					shape->face.name);
		schema->tables[schema->table_count] = &shape->face;
		schema->table_names[schema->table_count++] = shape->face.name;
	}
	return true;
}
