/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c - a schema from its files, and what it is asked. */
#include <stdio.h>
#include <string.h>

#include "flow/schema_inner.h"

const char *meant(const char *word, const char *const *known, char room[MEANT_SIZE])
{
	const char *nearest = word ? yaml_nearest(word, known) : NULL;
	room[0] = '\0';
	if (nearest)
		snprintf(room, MEANT_SIZE, "; did you mean `%s`?", nearest);
	return room;
}

static const char *const file_keys[] = { "help", "options", "tables", NULL };

static bool read_file(struct schema *schema, const struct sl_json *options, const char *dialect, struct why *why)
{
	const struct yaml_node *root = yaml_read_file(schema->file, schema->arena, why);
	if (!root || !yaml_want(root, YAML_MAP, "a schema", why) || !yaml_known(root, file_keys, "a schema", why))
		return false;
	const struct yaml_node *tables = yaml_get(root, "tables");
	if (!tables)
		return yaml_why(root, why, "a schema needs tables");
	return schema_read_options(schema, yaml_get(root, "options"), why) && schema_read_tables(schema, tables, why) &&
		schema_take_options(schema, options, why) && schema_read_views(schema, dialect, why);
}

struct schema *schema_load(const char *file, const struct sl_json *options, const char *dialect, struct why *why)
{
	struct arena *arena = arena_new();
	struct schema *schema = arena_alloc(arena, sizeof(*schema));
	schema->arena = arena;
	schema->file = arena_string(arena, file);
	if (!read_file(schema, options, dialect, why))
		schema_free(&schema);
	return schema;
}

void schema_free(struct schema **schema)
{
	if (!*schema)
		return;
	struct arena *arena = (*schema)->arena; /* the schema itself lies in it */
	arena_free(&arena);
	*schema = NULL;
}

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
