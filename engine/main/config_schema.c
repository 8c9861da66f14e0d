/* SPDX-License-Identifier: Apache-2.0 */
/* config_schema.c - what may stand in sluice.yaml, as a JSON Schema for editors. */
#include "main/config_schema.h"

#include <stdio.h>
#include <string.h>

#include "flow/schema.h"
#include "main/config_build.h"

/* JSON, but ' stands for its quotes.  YAML hands plain words on as text, numbers and
 * truths where ours are all texts at first; ${NAME} may stand anywhere. */
static const char definitions[] =
	"{'variable': {'type': 'string', 'pattern': '[$][{]'},"
	" 'text': {'type': ['string', 'number', 'boolean']},"
	" 'bool': {'anyOf': [{'type': 'boolean'}, {'$ref': '#/definitions/variable'}, {'type': 'string', 'pattern':"
	"  '^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff])$'}]},"
	" 'int': {'anyOf': [{'type': 'string', 'pattern': '^[-+]?[0-9]+$'}, {'$ref': '#/definitions/variable'}]},"
	" 'duration': {'anyOf': [{'type': 'integer', 'enum': [0]}, {'$ref': '#/definitions/variable'},"
	"  {'type': 'string', 'pattern': '^(0|([0-9]+(ms|s|m|h|d))+)$'}]},"
	" 'size': {'anyOf': [{'type': 'string', 'pattern': '^[0-9]+ ?([kKmMgGtT]([iI]?[bB])?|[bB])?$'},"
	"  {'$ref': '#/definitions/variable'}]},"
	" 'list': {'anyOf': [{'$ref': '#/definitions/text'}, {'type': 'array', 'items': {'$ref': '#/definitions/text'}}]},"
	" 'map': {'type': 'object', 'additionalProperties': {'$ref': '#/definitions/text'}},"
	" 'name': {'pattern': '^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$'}}";

/* It has its secret, or says that it needs none. */
static const char is_insecure[] =
	"{'required': ['insecure'], 'properties': {'insecure': {'not': {'enum': [false, 'false', 'no', 'off']}}}}";

struct writing {
	const struct share *share;
	struct buf *out;
	const char *const *plugins, *const *schemas; /* names */
	size_t plugin_count, schema_count;
	const struct description *descriptions; /* by place in `plugins` */
};

/* -------------------------------------------------------------------- values */

static void put_written(struct buf *out, const char *text)
{
	struct buf json = { 0 };
	for (; *text; text++)
		buf_char(&json, *text == '\'' ? '"' : *text);
	json_raw(out, json.at, json.len);
	buf_free(&json);
}

static void put_ref(struct buf *out, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "#/definitions/%s", name);
	json_open(out, '{');
	json_member_string(out, "$ref", path);
	json_close(out, '}');
}

static void member_array(struct buf *out, const char *name)
{
	json_key(out, name);
	json_open(out, '[');
}

/* A whole number within its bounds, or what only the engine can resolve. */
static void put_number(const struct sl_option *row, const char *otherwise, struct buf *out)
{
	member_array(out, "anyOf");
	json_open(out, '{');
	json_member_string(out, "type", "integer");
	if (row->min != row->max)
		json_member_int(out, "minimum", row->min);
	if (row->min != row->max && row->max != INT64_MAX)
		json_member_int(out, "maximum", row->max);
	json_close(out, '}');
	put_ref(out, otherwise);
	json_close(out, ']');
}

static void put_choice(const struct sl_option *row, struct buf *out)
{
	member_array(out, "anyOf");
	json_open(out, '{');
	member_array(out, "enum");
	for (const char *const *choice = row->choices; *choice; choice++)
		json_string(out, *choice);
	json_close(out, ']');
	json_close(out, '}');
	put_ref(out, "variable");
	json_close(out, ']');
}

static void put_value(const struct sl_option *row, struct buf *out)
{
	const char *name = option_type_name(row->type);
	bool is_text = row->type == SL_TEXT || row->type == SL_PATH;
	if (row->type == SL_INT || row->type == OPTION_SIZE)
		put_number(row, name, out);
	else if (row->type == SL_CHOICE)
		put_choice(row, out);
	else {
		member_array(out, "allOf"); /* beside a $ref nothing else would count */
		put_ref(out, is_text ? "text" : row->type == SL_SECRET ? "list" : name);
		json_close(out, ']');
	}
}

/* --------------------------------------------------------------------- trees */

static void put_tree(const struct writing *writing, const char *name);

static void put_row(const struct writing *writing, const struct sl_option *row)
{
	struct buf *out = writing->out;
	json_key(out, row->name);
	json_open(out, '{');
	if (row->help)
		json_member_string(out, "description", row->help);
	if (row->initial && *row->initial)
		json_member_string(out, "default", row->initial);
	if (row->type == OPTION_TREE)
		put_tree(writing, row->name);
	else if (strcmp(row->name, "use") != 0) /* whose value has been looked at by then */
		put_value(row, out);
	json_close(out, '}');
}

/* The members of an object that knows these keys and no others. */
static void put_table(const struct writing *writing, const struct sl_option *const *tables, bool all_given)
{
	struct buf *out = writing->out;
	json_key(out, "properties");
	json_open(out, '{');
	for (const struct sl_option *const *table = tables; *table; table++)
		for (const struct sl_option *row = *table; row->name; row++)
			put_row(writing, row);
	json_close(out, '}');
	json_member_bool(out, "additionalProperties", false);
	if (!all_given)
		return;
	member_array(out, "required");
	for (const struct sl_option *const *table = tables; *table; table++)
		for (const struct sl_option *row = *table; row->name; row++)
			if (!row->initial)
				json_string(out, row->name);
	json_close(out, ']');
}

static void member_map(struct buf *out)
{
	member_array(out, "type");
	json_string(out, "object");
	json_string(out, "null");
	json_close(out, ']');
}

static void put_map(const struct writing *writing, const struct sl_option *table, bool all_given)
{
	member_map(writing->out);
	put_table(writing, (const struct sl_option *const[]){ table, NULL }, all_given);
}

static void put_log(const struct writing *writing)
{
	put_map(writing, config_log_keys, true);
}

static void put_limits(const struct writing *writing)
{
	put_map(writing, config_limits_keys, true);
}

static void put_http(const struct writing *writing)
{
	put_map(writing, config_http_keys, true);
}

static void put_webhook(const struct writing *writing)
{
	put_map(writing, config_webhook_keys, false);
}

static void put_api(const struct writing *writing)
{
	put_map(writing, config_api_keys, false);
}

static void put_contract(const struct writing *writing)
{
	put_map(writing, config_contract_keys, true);
}

static void put_retry(const struct writing *writing)
{
	put_map(writing, config_retry_keys, true);
}

static void put_admin(const struct writing *writing)
{
	struct buf *out = writing->out;
	member_array(out, "anyOf");
	put_ref(out, "text");
	json_open(out, '{');
	json_member_string(out, "type", "object");
	put_table(writing, (const struct sl_option *const[]){ config_admin_keys, NULL }, true);
	json_close(out, '}');
	json_close(out, ']');
}

/* ---------------------------------------------------------------------- `use:` */

/* `use: null` names a plugin too. */
static void put_name(struct buf *out, const char *name)
{
	json_string(out, name);
	if (strcmp(name, "null") == 0)
		json_null(out);
}

/* {"if":{"properties":{"use":{"enum":[NAME]}}},"then":{ ... left open */
static void open_case(struct buf *out, const char *name)
{
	json_open(out, '{');
	json_key(out, "if"), json_open(out, '{');
	json_key(out, "properties"), json_open(out, '{');
	json_key(out, "use"), json_open(out, '{');
	member_array(out, "enum");
	put_name(out, name);
	json_close(out, ']');
	json_close(out, '}'), json_close(out, '}'), json_close(out, '}');
	json_key(out, "then"), json_open(out, '{');
}

static void close_case(struct buf *out)
{
	json_close(out, '}'), json_close(out, '}');
}

/* A map with `use`; the names that are known are offered, others may be given. */
static void open_use(struct buf *out)
{
	member_array(out, "required");
	json_string(out, "use");
	json_close(out, ']');
	json_key(out, "properties"), json_open(out, '{');
	json_key(out, "use"), json_open(out, '{');
	member_array(out, "anyOf");
	json_open(out, '{');
	member_array(out, "enum");
}

static void close_use(struct buf *out)
{
	json_close(out, ']'), json_close(out, '}');
	put_ref(out, "text");
	json_close(out, ']'), json_close(out, '}'), json_close(out, '}');
}

/* -------------------------------------------------------------------- sources */

static void put_secret(const struct description *d, struct buf *out)
{
	const char *secret = source_secret(d);
	if (!secret)
		return;
	member_array(out, "anyOf");
	json_open(out, '{');
	member_array(out, "required");
	json_string(out, secret);
	json_close(out, ']'), json_close(out, '}');
	put_written(out, is_insecure);
	json_close(out, ']');
}

static void put_source(const struct writing *writing, const struct description *d)
{
	const struct sl_option *table = source_table(d, "", writing->share->arena);
	put_table(writing, (const struct sl_option *const[]){ table, NULL }, true);
	put_secret(d, writing->out);
}

/* ------------------------------------------------------- transforms and sinks */

/* The rows of a table but for those the plugin cannot have. */
static const struct sl_option *rows_for(const struct writing *writing, const struct sl_option *table,
	const struct description *d)
{
	struct sl_option *rows = arena_alloc(writing->share->arena, 8 * sizeof(*rows));
	size_t count = 0;
	for (const struct sl_option *row = table; row->name; row++) {
		if (strcmp(row->name, "api") == 0 && !d->api)
			continue;
		rows[count] = *row;
		if (strcmp(row->name, "schema") == 0 && d->dialect)
			rows[count].initial = NULL;
		count++;
	}
	return rows;
}

static void put_transform(const struct writing *writing, const struct description *d)
{
	const struct sl_option *rows = rows_for(writing, config_transform_keys, d);
	put_table(writing, (const struct sl_option *const[]){ rows, d->options, NULL }, true);
}

static void put_sink(const struct writing *writing, const struct description *d)
{
	const struct sl_option *rows = rows_for(writing, config_sink_keys, d);
	put_table(writing, (const struct sl_option *const[]){ rows, d->options, NULL }, true);
}

static void put_schema_case(const struct writing *writing, const char *name)
{
	struct why why;
	const char *file = share_schema(writing->share, name, &why);
	struct schema *schema = file ? schema_load(file, NULL, NULL, &why) : NULL;
	if (!schema)
		return; /* one that loads only with its options: anything may stand there */
	open_case(writing->out, name);
	put_table(writing, (const struct sl_option *const[]){ config_schema_keys, schema_options(schema), NULL }, true);
	close_case(writing->out);
	schema_free(&schema);
}

/* `schema: NAME`, or a map of `use` and its options. */
static void put_schema(const struct writing *writing)
{
	struct buf *out = writing->out;
	member_array(out, "anyOf");
	put_ref(out, "text");
	json_open(out, '{');
	json_member_string(out, "type", "object");
	open_use(out);
	for (size_t i = 0; i < writing->schema_count; i++)
		json_string(out, writing->schemas[i]);
	close_use(out);
	member_array(out, "allOf");
	for (size_t i = 0; i < writing->schema_count; i++)
		put_schema_case(writing, writing->schemas[i]);
	json_close(out, ']');
	json_close(out, '}');
	json_close(out, ']');
}

/* ------------------------------------------------------------------- sections */

struct schema_section {
	const struct section *section;
	const char *own; /* a name that is no plugin's, or NULL */
	void (*put)(const struct writing *writing, const struct description *d);
};

static bool belongs(const struct schema_section *kind, const struct description *d)
{
	return !d->error && kind->section->offered(d);
}

static void put_names(const struct writing *writing, const struct schema_section *kind)
{
	if (kind->own)
		json_string(writing->out, kind->own);
	for (size_t i = 0; i < writing->plugin_count; i++)
		if (belongs(kind, &writing->descriptions[i]))
			put_name(writing->out, writing->plugins[i]);
}

static void put_cases(const struct writing *writing, const struct schema_section *kind)
{
	if (kind->own) {
		open_case(writing->out, kind->own);
		kind->put(writing, NULL);
		close_case(writing->out);
	}
	for (size_t i = 0; i < writing->plugin_count; i++) {
		const struct description *d = &writing->descriptions[i];
		if (!belongs(kind, d))
			continue;
		open_case(writing->out, writing->plugins[i]);
		json_member_string(writing->out, "description", d->summary);
		kind->put(writing, d);
		close_case(writing->out);
	}
}

static void put_section(const struct writing *writing, const struct schema_section *kind)
{
	struct buf *out = writing->out;
	member_map(out);
	json_key(out, "propertyNames");
	put_ref(out, "name");
	json_key(out, "additionalProperties"), json_open(out, '{');
	json_member_string(out, "type", "object");
	open_use(out);
	put_names(writing, kind);
	close_use(out);
	member_array(out, "allOf");
	put_cases(writing, kind);
	json_close(out, ']');
	json_close(out, '}');
}

static void put_sources(const struct writing *writing)
{
	put_section(writing, &(struct schema_section){ &sections[0], "webhook", put_source });
}

static void put_transforms(const struct writing *writing)
{
	put_section(writing, &(struct schema_section){ &sections[1], NULL, put_transform });
}

static void put_sinks(const struct writing *writing)
{
	put_section(writing, &(struct schema_section){ &sections[2], NULL, put_sink });
}

static void put_routes(const struct writing *writing)
{
	struct buf *out = writing->out;
	member_array(out, "type");
	json_string(out, "array");
	json_string(out, "null");
	json_close(out, ']');
	json_key(out, "items"), json_open(out, '{');
	json_member_string(out, "type", "object");
	put_table(writing, (const struct sl_option *const[]){ config_route_keys, NULL }, true);
	json_close(out, '}');
}

/* Rows of type OPTION_TREE, by their names. */
static const struct {
	const char *name;
	void (*put)(const struct writing *writing);
} trees[] = {
	{ "admin", put_admin },
	{ "log", put_log },
	{ "limits", put_limits },
	{ "http", put_http },
	{ "sources", put_sources },
	{ "transforms", put_transforms },
	{ "sinks", put_sinks },
	{ "routes", put_routes },
	{ "webhook", put_webhook },
	{ "api", put_api },
	{ "schema", put_schema },
	{ "contract", put_contract },
	{ "retry", put_retry },
};

static void put_tree(const struct writing *writing, const char *name)
{
	for (size_t i = 0; i < sizeof(trees) / sizeof(*trees); i++)
		if (strcmp(trees[i].name, name) == 0)
			trees[i].put(writing);
}

/* ------------------------------------------------------------------------ all */

static void ask_plugins(struct writing *writing)
{
	struct arena *arena = writing->share->arena;
	writing->plugins = share_plugins(writing->share, &writing->plugin_count);
	writing->schemas = share_schemas(writing->share, &writing->schema_count);
	const char **paths = arena_alloc(arena, (writing->plugin_count + 1) * sizeof(*paths));
	for (size_t i = 0; i < writing->plugin_count; i++)
		if (!(paths[i] = share_plugin(writing->share, writing->plugins[i], NULL)))
			paths[i] = "";
	writing->descriptions = describe(paths, writing->plugin_count, NULL, arena);
}

static void put_all(const struct writing *writing, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "$schema", "http://json-schema.org/draft-07/schema#");
	json_member_string(out, "title", "sluice.yaml");
	json_member_string(out, "type", "object");
	put_table(writing, (const struct sl_option *const[]){ config_keys, NULL }, true);
	json_key(out, "definitions");
	put_written(out, definitions);
	json_close(out, '}');
}

void config_schema_write(const struct share *share, struct buf *out)
{
	struct buf compact = { 0 };
	struct writing writing = { .share = share, .out = &compact };
	ask_plugins(&writing);
	put_all(&writing, &compact);
	json_indented(&compact, out);
	buf_char(out, '\n');
	buf_free(&compact);
}
