/* SPDX-License-Identifier: Apache-2.0 */
/* schema_tables.c - `tables:` of a schema file, read and checked. */
#include <string.h>
#include <strings.h>

#include "flow/schema_inner.h"

/* ------------------------------------------------------------------- names */

bool good_name(const struct yaml_node *key, const char *what, struct why *why)
{
	if (key->text.len == 0)
		return yaml_why(key, why, "a %s needs a name", what);
	return key->text.len <= NAME_MOST || yaml_why(key, why, "the name of a %s has at most %d bytes", what, NAME_MOST);
}

bool taken_name(const char *name)
{
	return strncasecmp(name, "_sluice_", 8) == 0 || strncasecmp(name, "sqlite_", 7) == 0;
}

static const char *same_table(const struct schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->table_count; i++)
		if (strcasecmp(schema->table_names[i], name) == 0)
			return schema->table_names[i];
	return NULL;
}

/* --------------------------------------------------------- what it is like */

static bool read_mode(struct table_reading *r)
{
	const struct yaml_node *mode = yaml_get(r->node, "mode");
	struct why inner;
	if (!mode)
		return yaml_why(r->node->key, r->why, "table %s needs a mode: append, once, upsert, patch or replace",
			r->shape->face.name);
	if (!yaml_want(mode, YAML_SCALAR, "mode", r->why))
		return false;
	if (!schema_mode(mode->text.at, &r->shape->face.mode, &inner))
		return yaml_why(mode, r->why, "%s", inner.text);
	if (r->shape->face.mode == SL_DELETE)
		return yaml_why(mode, r->why, "delete is a mode of rows; a table whose rows can be deleted has another one, "
			"and `deletes: mark` or `deletes: remove`");
	return true;
}

static bool read_deletes(struct table_reading *r)
{
	static const char *const words[] = { "mark", "remove", NULL };
	const struct yaml_node *node = yaml_get(r->node, "deletes");
	struct sl_table *table = &r->shape->face;
	char shown[YAML_SHOWN], room[MEANT_SIZE];
	if (!node)
		return true;
	if (yaml_is(node, "mark"))
		table->deletes = SL_DELETES_MARK;
	else if (yaml_is(node, "remove"))
		table->deletes = SL_DELETES_REMOVE;
	else
		return yaml_why(node, r->why, "deletes is mark or remove, not %s%s", yaml_shown(node, shown),
			meant(node->kind == YAML_SCALAR ? node->text.at : NULL, words, room));
	return table->mode == SL_UPSERT || table->mode == SL_PATCH || yaml_why(node, r->why, "`deletes` is for the modes "
		"upsert and patch; what came first stays, and a set leaves out what is gone");
}

static bool read_contract(struct table_reading *r)
{
	struct contract contract = r->schema->contract;
	if (!contract_read(yaml_get(r->node, "contract"), false, &contract, r->why))
		return false;
	r->shape->unknown = contract.columns;
	for (size_t i = 0; i < r->shape->given; i++)
		if (!r->shape->traits[i].types)
			r->shape->traits[i].types = contract.types;
	return true;
}

static bool read_nature(struct table_reading *r)
{
	const struct yaml_node *help = yaml_get(r->node, "help");
	bool strict = false;
	if (!read_mode(r) || !read_deletes(r) || !read_flag(r->node, "strict", &strict, r->why))
		return false;
	r->shape->face.strict = strict;
	r->shape->face.help = help && help->kind == YAML_SCALAR ? help->text.at : NULL;
	return true;
}

/* ------------------------------------------------------------------ a table */

static const char *const table_keys[] = {
	"mode", "key", "parent", "columns", "deletes", "indexes", "retention", "snapshot", "contract", "strict",
	"partition", "cluster", "help", NULL,
};

static void pick_added(struct table_reading *r)
{
	size_t all = 0;
	for (const struct growth *at = r->schema->added; at; at = at->next)
		all++;
	r->added = arena_alloc(r->schema->arena, (all + 1) * sizeof(struct growth *));
	for (const struct growth *at = r->schema->added; at; at = at->next)
		if (strcmp(at->table, r->shape->face.name) == 0)
			r->added[r->added_count++] = at;
}

static bool read_table(struct table_reading *r)
{
	const struct yaml_node *map = yaml_get(r->node, "columns");
	struct arena *arena = r->schema->arena;
	struct shape *shape = r->shape;
	shape->face.name = r->node->key->text.at;
	if (!good_name(r->node->key, "table", r->why) || !yaml_want(r->node, YAML_MAP, "a table", r->why) ||
		!yaml_known(r->node, table_keys, "a table", r->why))
		return false;
	if (taken_name(shape->face.name))
		return yaml_why(r->node->key, r->why, "names that begin with _sluice_ or sqlite_ are taken");
	pick_added(r);
	size_t room = (map ? map->count : 0) + r->added_count + OWN_COLUMNS;
	shape->columns = arena_alloc(arena, room * sizeof(*shape->columns));
	shape->traits = arena_alloc(arena, room * sizeof(*shape->traits));
	if (!read_nature(r) || !table_read_columns(r) || !read_contract(r))
		return false;
	shape_close(shape, arena);
	if (!table_read_keys(r))
		return false;
	shape_finish(shape, arena);
	return true;
}

static void keep_table(struct schema *schema, struct shape *shape)
{
	schema->tables[schema->table_count] = &shape->face;
	schema->table_names[schema->table_count++] = shape->face.name;
}

/* -------------------------------------------------------------- in addition */

/* What the file has by now counts before it. */
static void add_table(struct schema *schema, const struct growth *added)
{
	struct shape *shape = &schema->shapes[schema->table_count];
	struct table_reading r = { .schema = schema, .shape = shape };
	if (added->column || same_table(schema, added->table))
		return;
	shape->face.name = added->table;
	pick_added(&r);
	shape_born(shape, added->table, r.added_count, schema->arena);
	table_add_columns(&r);
	for (size_t i = 1; i < shape->given; i++)
		shape->traits[i].types = schema->contract.types;
	shape->unknown = schema->contract.columns;
	shape_close(shape, schema->arena);
	shape_finish(shape, schema->arena);
	keep_table(schema, shape);
}

static size_t count_added(const struct schema *schema)
{
	size_t count = 0;
	for (const struct growth *at = schema->added; at; at = at->next)
		count += !at->column;
	return count;
}

bool schema_read_tables(struct schema *schema, const struct yaml_node *tables, struct why *why)
{
	if (!yaml_want(tables, YAML_MAP, "tables", why))
		return false;
	size_t room = tables->count + count_added(schema) + 1;
	schema->shapes = arena_alloc(schema->arena, room * sizeof(*schema->shapes));
	schema->tables = arena_alloc(schema->arena, room * sizeof(struct sl_table *));
	schema->table_names = arena_alloc(schema->arena, room * sizeof(*schema->table_names));
	for (const struct yaml_node *node = tables->first; node; node = node->next) {
		struct table_reading r = { .schema = schema, .shape = &schema->shapes[schema->table_count], .node = node,
			.why = why };
		const char *same = same_table(schema, node->key->text.at);
		if (!read_table(&r))
			return false;
		if (same)
			return yaml_why(node->key, why, "the tables %s and %s differ only in case", same, node->key->text.at);
		keep_table(schema, r.shape);
	}
	for (const struct growth *at = schema->added; at; at = at->next)
		add_table(schema, at);
	return true;
}
