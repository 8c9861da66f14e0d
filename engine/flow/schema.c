/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c - a schema from its files, and what it is asked. */
#include <stdio.h>
#include <string.h>

#include "flow/schema_inner.h"
#include "sdk/text.h"

const char *meant(const char *word, const char *const *known, char room[MEANT_SIZE])
{
	const char *nearest = word ? yaml_nearest(word, known) : NULL;
	room[0] = '\0';
	if (nearest)
		snprintf(room, MEANT_SIZE, "; did you mean `%s`?", nearest);
	return room;
}

/* ------------------------------------------------------------------ loading */

static const char *const file_keys[] = { "help", "options", "contract", "tables", NULL };

static bool read_contract(struct schema *schema, const struct sl_json *given, struct why *why)
{
	schema->contract = (struct contract){ WORD_FREEZE, WORD_FREEZE, WORD_FREEZE };
	return contract_read(yaml_get(schema->root, "contract"), true, &schema->contract, why) &&
		contract_take(given, &schema->contract, why);
}

static bool read_file(struct schema *schema, const struct schema_wish *wish, struct why *why)
{
	const struct yaml_node *root = schema->root = yaml_read_file(schema->file, schema->arena, why);
	if (!root || !yaml_want(root, YAML_MAP, "a schema", why) || !yaml_known(root, file_keys, "a schema", why))
		return false;
	const struct yaml_node *tables = yaml_get(root, "tables");
	if (!tables)
		return yaml_why(root, why, "a schema needs tables");
	return schema_read_options(schema, yaml_get(root, "options"), why) && read_contract(schema, wish->contract, why) &&
		schema_read_tables(schema, tables, why) && schema_take_options(schema, wish->options, why) &&
		schema_read_views(schema, why);
}

static const char *text_of(struct arena *arena, const struct sl_json *value)
{
	struct sl_text raw = sl_json_raw(value);
	return value ? arena_copy(arena, raw.at, raw.len) : NULL;
}

static struct schema *schema_new(const struct schema_wish *wish)
{
	struct arena *arena = arena_new();
	struct schema *schema = arena_alloc(arena, sizeof(*schema));
	schema->arena = arena;
	schema->file = arena_string(arena, wish->file);
	schema->evolved = arena_string(arena, wish->evolved);
	schema->dialect = arena_string(arena, wish->dialect);
	schema->options_text = text_of(arena, wish->options);
	schema->contract_text = text_of(arena, wish->contract);
	return schema;
}

struct schema *schema_open(const struct schema_wish *wish, struct why *why)
{
	struct schema *schema = schema_new(wish);
	if (!schema_read_added(schema, why) || !read_file(schema, wish, why))
		schema_free(&schema);
	return schema;
}

struct schema *schema_load(const char *file, const struct sl_json *options, const char *dialect, struct why *why)
{
	return schema_open(&(struct schema_wish){ .file = file, .options = options, .dialect = dialect }, why);
}

struct schema *schema_of_part(const struct sl_json *part, const char *dialect, struct why *why)
{
	const struct schema_wish wish = {
		.file = sl_json_string(sl_json_get(part, "file")).at,
		.options = sl_json_get(part, "options"),
		.contract = sl_json_get(part, "contract"),
		.dialect = dialect,
		.evolved = sl_json_string(sl_json_get(part, "evolved")).at,
	};
	if (wish.file)
		return schema_open(&wish, why);
	why_say(why, "the configuration's part names no schema file");
	return NULL;
}

/* ------------------------------------------------------------------ growing */

const char *schema_evolved(const struct schema *schema)
{
	return schema->evolved;
}

bool schema_has(const struct schema *schema, const struct growth *growth)
{
	const struct sl_table *table = schema_table(schema, growth->table);
	if (!table || !growth->column)
		return table != NULL;
	int place = shape_column((const struct shape *)table, sl_text_of(growth->column));
	return place >= 0 && (growth->kind != GROWTH_WIDER || !type_widens(table->columns[place]->type, growth->type));
}

static void copy_added(struct schema *schema, const struct growth *added, struct growth ***end)
{
	for (; added; added = added->next) {
		struct growth *copy = **end = arena_alloc(schema->arena, sizeof(*copy));
		*copy = *added;
		copy->table = arena_string(schema->arena, added->table);
		copy->column = arena_string(schema->arena, added->column);
		copy->next = NULL;
		*end = (struct growth **)&copy->next;
	}
}

static struct sl_document *document_of(const char *text)
{
	return text ? sl_json_read((struct sl_text){ text, strlen(text) }, NULL, 0) : NULL;
}

bool schema_grow(struct schema **schema, const struct growth *growth, struct why *why)
{
	struct schema *now = *schema;
	struct sl_document *options = document_of(now->options_text), *contract = document_of(now->contract_text);
	const struct schema_wish wish = { .file = now->file, .options = sl_json_root(options),
		.contract = sl_json_root(contract), .dialect = now->dialect, .evolved = now->evolved };
	struct schema *grown = schema_new(&wish);
	struct growth *first = NULL, **end = &first;
	copy_added(grown, now->added, &end);
	copy_added(grown, growth, &end);
	grown->added = first;
	bool good = read_file(grown, &wish, why);
	sl_json_free(&options);
	sl_json_free(&contract);
	if (!good) {
		schema_free(&grown);
		return false;
	}
	grown->before = now;
	*schema = grown;
	return true;
}

void schema_free(struct schema **schema)
{
	for (struct schema *at = *schema; at;) {
		struct arena *arena = at->arena; /* the schema itself lies in it */
		at = at->before;
		arena_free(&arena);
	}
	*schema = NULL;
}

/* ------------------------------------------------------------------- asking */

const struct sl_option *schema_options(const struct schema *schema)
{
	return schema->options;
}

const struct sl_table *const *schema_tables(const struct schema *schema, size_t *count)
{
	if (count)
		*count = schema->table_count;
	return schema->tables;
}

const struct sl_view *const *schema_views(const struct schema *schema, size_t *count)
{
	if (count)
		*count = schema->view_count;
	return schema->views;
}

const struct sl_table *schema_table(const struct schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->table_count; i++)
		if (strcmp(schema->table_names[i], name) == 0)
			return schema->tables[i];
	return NULL;
}
