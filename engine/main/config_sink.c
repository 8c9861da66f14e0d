/* SPDX-License-Identifier: Apache-2.0 */
/* config_sink.c - transforms and sinks, and the schema of a sink. */
#include <string.h>

#include "flow/destination.h"
#include "main/config_build.h"

const struct sl_option config_transform_keys[] = {
	{ .name = "use", .type = SL_TEXT, .help = "the plugin: a name, or a path that begins with a dot or a slash" },
	{ .name = "api", .type = OPTION_TREE, .initial = "", .help = "keys of the plugin's api that are to be other ones" },
	{ 0 },
};

const struct sl_option config_sink_keys[] = {
	{ .name = "use", .type = SL_TEXT, .help = "the plugin: a name, or a path that begins with a dot or a slash" },
	{ .name = "schema", .type = OPTION_TREE, .initial = "", .help = "the tables it writes: a name, or { use: NAME } and values for the schema's options" },
	{ .name = "api", .type = OPTION_TREE, .initial = "", .help = "keys of the plugin's api that are to be other ones" },
	{ 0 },
};

static const char *const words[] = { "freeze", "evolve", "discard_row", "discard_value", NULL };
#define WORD(key, what) \
	{ .name = key, .type = SL_CHOICE, .choices = words, .initial = "", .help = what }

const struct sl_option config_schema_keys[] = {
	{ .name = "use", .type = SL_TEXT, .help = "the schema: a name, or a path that begins with a dot or a slash" },
	{ .name = "contract", .type = OPTION_TREE, .initial = "", .help = "what to do with what it does not have; takes the place of what its file says of all tables" },
	{ 0 },
};

const struct sl_option config_contract_keys[] = {
	WORD("tables", "rows of a table that the schema does not have"),
	WORD("columns", "members that are no column of their table"),
	WORD("types", "values that do not fit their column"),
	{ 0 },
};

static const char *text_of(struct build *build, const struct sl_json *value)
{
	struct sl_text raw = sl_json_raw(value);
	return raw.at ? arena_copy(build->arena, raw.at, raw.len) : "{}";
}

/* `others` ends with "api", which counts only if there is one to change. */
static const struct sl_json *read_values(struct build *build, const struct part *part, const char *const *others)
{
	const char *known[4] = { NULL };
	for (size_t i = 0; others[i]; i++)
		if (part->description->api || strcmp(others[i], "api") != 0)
			known[i] = others[i];
	return values_read(build, part->description->options, known, part->what, part->node, part->node);
}

void transform_read(struct build *build, struct part *part)
{
	static const char *const others[] = { "use", "api", NULL };
	const struct sl_json *values = read_values(build, part, others);
	struct config_transform *transform = &build->transforms[build->config->transform_count++];
	transform->name = part->name;
	transform->use = part->use;
	transform->plugin = part->plugin;
	transform->description = part->description;
	transform->options = text_of(build, values);
	transform->api = api_read(build, part, values);
}

/* ----------------------------------------------------------------- schema */

/* Values as they stand, for a first look at the file. */
static void put_plain(const struct yaml_node *node, struct buf *out)
{
	if (node->kind == YAML_SCALAR) {
		json_text(out, node->text);
		return;
	}
	json_open(out, '[');
	for (const struct yaml_node *item = node->first; item; item = item->next)
		if (item->kind == YAML_SCALAR)
			json_text(out, item->text);
	json_close(out, ']');
}

static const struct sl_json *plain_options(struct build *build, const struct yaml_node *map)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	for (const struct yaml_node *node = map->first; node; node = node->next)
		if (!yaml_is(node->key, "use") && !yaml_is(node->key, "contract")) {
			json_key_text(&out, node->key->text);
			put_plain(node, &out);
		}
	json_close(&out, '}');
	const struct sl_json *values = values_parse(build, &out);
	buf_free(&out);
	return values;
}

/* The options a schema offers can be asked once it is loaded; it loads without
 * values unless some must be given, and with them unless one is wrong. */
static struct schema *look_at(struct build *build, const struct yaml_node *node, const char *file, struct why *why)
{
	struct schema *schema = schema_load(file, NULL, NULL, why);
	if (!schema && node->kind == YAML_MAP)
		schema = schema_load(file, plain_options(build, node), NULL, why);
	return schema;
}

/* What it is to do with what the schema does not have; NULL: as the schema's file says. */
static const struct sl_json *read_contract(struct build *build, const struct yaml_node *map, struct config_sink *sink)
{
	const struct yaml_node *node = yaml_get(map, "contract");
	const char *what = arena_format(build->arena, "`contract` of schema %s", sink->schema);
	const struct sl_json *values = node ? values_read(build, config_contract_keys, NULL, what, node, node) : NULL;
	sink->schema_contract = values ? text_of(build, values) : NULL;
	return values;
}

static bool has_retention(const struct schema *schema, const char **table)
{
	size_t count = 0;
	const struct sl_table *const *tables = schema_tables(schema, &count);
	for (size_t i = 0; i < count; i++)
		if (tables[i]->retention) {
			*table = tables[i]->name;
			return true;
		}
	return false;
}

static const struct config_load *loads_of(const struct build *build, const struct schema *schema)
{
	size_t count = 0, at = 0;
	const struct sl_table *const *tables = schema_tables(schema, &count);
	struct config_load *loads = arena_alloc(build->arena, (count + 1) * sizeof(*loads));
	for (size_t i = 0; i < count; i++)
		if (tables[i]->snapshot)
			loads[at++] = (struct config_load){ arena_string(build->arena, tables[i]->name),
				arena_string(build->arena, tables[i]->snapshot->source) };
	return loads;
}

/* What the tables ask of the sink. */
static void check_sink(struct build *build, const struct yaml_node *node, const struct config_sink *sink,
	const struct schema *schema)
{
	const struct description *d = sink->description;
	const struct destination_can can = { d->name, d->minor, d->recall };
	const char *table;
	struct why why = { 0 };
	if (!destination_fits(&can, schema, &why))
		fault(build, node, "schema `%s`: %s", sink->schema, why.text);
	if (!d->upkeep && has_retention(schema, &table))
		warn(build, node, "schema `%s`: the table %s has a retention, but %s lets no rows go", sink->schema, table,
			d->name);
}

/* With the options' values, in the sink's dialect, and with what came in addition. */
static void check_all(struct build *build, const struct yaml_node *node, struct config_sink *sink,
	const struct sl_json *values, const struct sl_json *contract)
{
	const struct schema_wish wish = { .file = sink->schema_file, .options = values, .contract = contract,
		.dialect = sink->description->dialect, .evolved = config_evolved(build->config, sink, build->arena) };
	struct why why = { 0 };
	struct schema *schema = schema_open(&wish, &why);
	if (schema) {
		check_sink(build, node, sink, schema);
		sink->loads = loads_of(build, schema);
	} else
		fault(build, node, "schema `%s`: %s", sink->schema, why.text);
	schema_free(&schema);
}

static void read_schema_file(struct build *build, const struct yaml_node *node, struct config_sink *sink)
{
	static const char *const others[] = { "use", "contract", NULL };
	struct why why = { 0 };
	struct schema *schema = look_at(build, node, sink->schema_file, &why);
	const char *what = arena_format(build->arena, "schema %s", sink->schema);
	if (!schema) {
		fault(build, node, "schema `%s`: %s", sink->schema, why.text);
		return;
	}
	const struct yaml_node *map = node->kind == YAML_MAP ? node : NULL;
	const struct sl_json *values = values_read(build, schema_options(schema), others, what, map, node);
	schema_free(&schema);
	sink->schema_options = text_of(build, values);
	const struct sl_json *contract = read_contract(build, map, sink);
	if (values)
		check_all(build, node, sink, values, contract);
}

static void read_schema(struct build *build, const struct part *part, struct config_sink *sink)
{
	const struct yaml_node *node = yaml_get(part->node, "schema");
	const struct yaml_node *use = node && node->kind == YAML_MAP ? yaml_get(node, "use") : node;
	struct why why;
	if (!node) {
		if (part->description->dialect)
			fault(build, part->node, "%s needs `schema`, the tables it writes: schema: { use: NAME }", part->what);
		return;
	}
	if (!use || use->kind != YAML_SCALAR || yaml_null(use)) {
		fault(build, node, "`schema` must be a schema's name, or { use: NAME } and its options");
		return;
	}
	sink->schema = use->text.at;
	sink->schema_file = share_schema(&build->share, sink->schema, &why);
	if (sink->schema_file)
		read_schema_file(build, node, sink);
	else if (use->written)
		fault(build, use, "there is no schema of the name that %s holds", use->written);
	else
		fault(build, use, "%s", why.text);
}

void sink_read(struct build *build, struct part *part)
{
	static const char *const others[] = { "use", "schema", "api", NULL };
	const struct sl_json *values = read_values(build, part, others);
	struct config_sink *sink = &build->sinks[build->config->sink_count++];
	sink->name = part->name;
	sink->use = part->use;
	sink->plugin = part->plugin;
	sink->description = part->description;
	sink->options = text_of(build, values);
	sink->api = api_read(build, part, values);
	read_schema(build, part, sink);
}
