/* SPDX-License-Identifier: Apache-2.0 */
/* schema_columns.c - `columns:` of a table, and what came in addition. */
#include <string.h>
#include <strings.h>

#include "flow/polled.h"
#include "flow/schema_inner.h"

/* ----------------------------------------------------------------- one key each */

/* A column while it is read. */
struct column_reading {
	struct table_reading *table;
	const struct yaml_node *node; /* its map */
	struct sl_column *column;
	struct trait *trait;
	struct why *why;
};

bool read_flag(const struct yaml_node *map, const char *name, bool *flag, struct why *why)
{
	const struct yaml_node *node = yaml_get(map, name);
	return !node || yaml_bool(node, flag) || yaml_why(node, why, "%s must be true or false", name);
}

/* What events made of it, as far as no value of the file's type loses by it. */
static void widen(const struct table_reading *r, struct sl_column *column)
{
	for (size_t i = 0; i < r->added_count; i++)
		if (r->added[i]->column && strcmp(r->added[i]->column, column->name) == 0 &&
			type_widens(column->type, r->added[i]->type))
			column->type = r->added[i]->type;
}

static bool read_type(struct table_reading *r, const struct yaml_node *node, struct sl_column *column)
{
	char shown[YAML_SHOWN], room[MEANT_SIZE];
	const char *word = node->kind == YAML_SCALAR ? node->text.at : NULL;
	if (!word || !column_type_read(word, &column->type))
		return yaml_why(node, r->why, "%s is no type of a column (text, int, decimal, bool, timestamp, date, json)%s",
			yaml_shown(node, shown), meant(word, column_type_names, room));
	widen(r, column);
	return true;
}

static bool read_words(struct column_reading *c)
{
	const struct yaml_node *help = yaml_get(c->node, "help"), *contract = yaml_get(c->node, "contract");
	bool personal = false;
	if (!read_flag(c->node, "required", &c->trait->required, c->why) ||
		!read_flag(c->node, "personal", &personal, c->why))
		return false;
	c->column->help = help && help->kind == YAML_SCALAR ? help->text.at : NULL;
	c->column->personal = personal;
	return !contract || contract_read_word(contract, &c->trait->types, c->why);
}

static void put_json(const struct yaml_node *node, struct buf *out);

static void put_items(const struct yaml_node *node, struct buf *out)
{
	bool map = node->kind == YAML_MAP;
	json_open(out, map ? '{' : '[');
	for (const struct yaml_node *at = node->first; at; at = at->next) {
		if (map)
			json_key_text(out, at->key->text);
		put_json(at, out);
	}
	json_close(out, map ? '}' : ']');
}

static void put_json(const struct yaml_node *node, struct buf *out)
{
	bool flag;
	int64_t number;
	if (node->kind != YAML_SCALAR)
		put_items(node, out);
	else if (yaml_null(node))
		json_null(out);
	else if (yaml_bool(node, &flag))
		json_bool(out, flag);
	else if (yaml_int(node, &number))
		json_int(out, number);
	else
		json_text(out, node->text);
}

/* A cell of its own, made as one of an event's. */
static bool read_default(struct column_reading *c)
{
	const struct yaml_node *node = yaml_get(c->node, "default");
	enum sl_column_type type = c->column->type;
	struct arena *arena = c->table->schema->arena;
	struct buf text = { 0 };
	struct why inner = { "" };
	if (!node || yaml_null(node))
		return true;
	struct sl_cell *cell = arena_alloc(arena, sizeof(*cell));
	if (node->kind != YAML_SCALAR || type == SL_COLUMN_JSON || type == SL_COLUMN_BOOL)
		put_json(node, &text);
	else
		json_text(&text, node->text);
	struct sl_document *document = sl_json_read((struct sl_text){ text.at, text.len }, NULL, 0);
	bool fits = document && cell_read(c->column, sl_json_root(document), arena, cell, &inner);
	sl_json_free(&document);
	buf_free(&text);
	c->column->initial = cell;
	return fits || yaml_why(node, c->why, "the default of %s: %s", c->column->name, inner.text);
}

/* One text for all, or one for each dialect. */
static bool read_generated(struct column_reading *c)
{
	const struct yaml_node *node = yaml_get(c->node, "generated"), *text = node;
	const char *dialect = c->table->schema->dialect;
	if (!node)
		return true;
	if (node->kind == YAML_MAP && !(text = dialect ? yaml_get(node, dialect) : node->first))
		return yaml_why(node, c->why, "column %s is generated, but not in the dialect %s; give `generated` a key %s",
			c->column->name, dialect ? dialect : "of any destination", dialect ? dialect : "sqlite or postgres");
	if (text->kind != YAML_SCALAR || yaml_null(text) || !text->text.len)
		return yaml_why(text, c->why, "`generated` is an expression in SQL, or { sqlite: ..., postgres: ... }");
	if (c->trait->required || c->trait->fill || c->column->initial)
		return yaml_why(node, c->why, "column %s is generated: it cannot be required, and has no default and no `fill`",
			c->column->name);
	c->column->generated = text->text.at;
	c->trait->closed = c->trait->fixed = true;
	return true;
}

static bool read_fill(struct column_reading *c)
{
	const struct yaml_node *node = yaml_get(c->node, "fill");
	if (!node)
		return true;
	if (!yaml_is(node, "row"))
		return yaml_why(node, c->why, "`fill` can only be row");
	if (c->column->type != SL_COLUMN_TEXT || c->column->initial || c->table->shape->face.mode == SL_REPLACE)
		return yaml_why(node, c->why, "`fill` is for columns of type text without a default, and not for the mode "
			"replace");
	c->trait->fill = true;
	return true;
}

/* --------------------------------------------------------------------- a column */

static const char *const column_keys[] = {
	"type", "required", "default", "generated", "fill", "personal", "contract", "help", NULL,
};

static bool read_map(struct column_reading *c)
{
	const struct yaml_node *type = yaml_get(c->node, "type");
	if (!yaml_known(c->node, column_keys, "a column", c->why))
		return false;
	if (!type)
		return yaml_why(c->node->key, c->why, "column %s needs a type", c->column->name);
	return read_type(c->table, type, c->column) && read_words(c) && read_default(c) && read_fill(c) &&
		read_generated(c);
}

static bool same_name(const struct shape *shape, size_t count, const char *name, const char **other)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(shape->columns[i].name, name) == 0) {
			*other = shape->columns[i].name;
			return true;
		}
	return false;
}

/* Databases tell columns apart without regard to case, and the engine's own
 * names are taken. */
static bool distinct(const struct table_reading *r, const struct yaml_node *key)
{
	const char *name = key->text.at, *other;
	if (same_name(r->shape, r->shape->given, name, &other))
		return yaml_why(key, r->why, "the columns %s and %s differ only in case", other, name);
	if (shape_own(&r->shape->face, name))
		return yaml_why(key, r->why, "the table has a column %s already: the engine's own", name);
	return true;
}

/* The engine writes these rows: a column that it never fills would stay null for ever. */
static bool told(const struct table_reading *r, const struct yaml_node *key)
{
	static const char *const all[] = { "run", "source", "kind", "state", "began", "ended", "events", "unchanged",
		NULL };
	if (strcmp(r->shape->face.name, POLLED_SYNC_TABLE) != 0)
		return true;
	for (size_t i = 0; all[i]; i++)
		if (strcmp(all[i], key->text.at) == 0)
			return true;
	return yaml_unknown(key, all, "what the engine tells of a poll's run", r->why);
}

static bool read_column(struct table_reading *r, const struct yaml_node *node)
{
	struct shape *shape = r->shape;
	struct column_reading c = { .table = r, .node = node, .column = &shape->columns[shape->given],
		.trait = &shape->traits[shape->given], .why = r->why };
	c.column->name = node->key->text.at;
	if (!good_name(node->key, "column", r->why) || !distinct(r, node->key) || !told(r, node->key))
		return false;
	shape->given++;
	return node->kind == YAML_MAP ? read_map(&c) : read_type(r, node, c.column);
}

/* ------------------------------------------------------------------ in addition */

/* What the file says by now counts before it. */
static void add_column(struct table_reading *r, const struct growth *added)
{
	struct shape *shape = r->shape;
	const char *other;
	if (!added->column || shape->given == COLUMNS_MOST || shape_own(&shape->face, added->column) ||
		same_name(shape, shape->given, added->column, &other))
		return;
	struct sl_column *column = &shape->columns[shape->given++];
	*column = (struct sl_column){ .name = added->column, .type = added->type };
	widen(r, column);
}

void table_add_columns(struct table_reading *r)
{
	for (size_t i = 0; i < r->added_count; i++)
		add_column(r, r->added[i]);
}

bool table_read_columns(struct table_reading *r)
{
	const struct yaml_node *map = yaml_get(r->node, "columns");
	struct shape *shape = r->shape;
	if (!map)
		return yaml_why(r->node->key, r->why, "table %s needs columns", shape->face.name);
	if (!yaml_want(map, YAML_MAP, "columns", r->why))
		return false;
	if (map->count == 0 || map->count > COLUMNS_MOST)
		return yaml_why(map, r->why, "a table has 1 to %d columns, not %zu", COLUMNS_MOST, map->count);
	for (const struct yaml_node *node = map->first; node; node = node->next)
		if (!read_column(r, node))
			return false;
	table_add_columns(r);
	return true;
}
