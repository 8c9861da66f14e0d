/* SPDX-License-Identifier: Apache-2.0 */
/* schema_options.c - `options:` of a schema file, and their values as SQL. */
#include <string.h>

#include "flow/schema_inner.h"
#include "sdk/text.h"
#include "sdk/time.h"

typedef bool literal_writer(const struct sl_json *value, struct buf *out);

/* ---------------------------------------------------------------- literals */

static void write_quoted(struct buf *out, struct sl_text text)
{
	buf_char(out, '\'');
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '\'')
			buf_char(out, '\'');
		buf_char(out, text.at[i]);
	}
	buf_char(out, '\'');
}

/* No database takes a NUL in a literal. */
static bool write_text(const struct sl_json *value, struct buf *out)
{
	enum sl_kind kind = sl_json_kind(value);
	if (kind == SL_KIND_ARRAY || kind == SL_KIND_OBJECT || kind == SL_KIND_NULL)
		return false;
	struct sl_text text = kind == SL_KIND_STRING ? sl_json_string(value) : sl_json_raw(value);
	if (memchr(text.at, '\0', text.len))
		return false;
	write_quoted(out, text);
	return true;
}

/* ('a', 'b').  IN () is no SQL everywhere and NOT IN (NULL) is never true, so an
 * empty list is a query without rows. */
static bool write_list(const struct sl_json *value, struct buf *out)
{
	bool array = sl_json_kind(value) == SL_KIND_ARRAY;
	const struct sl_json *item = array ? sl_json_first(value) : value;
	if (!item) {
		buf_string(out, "(SELECT '' WHERE 1 = 0)");
		return true;
	}
	buf_char(out, '(');
	for (const char *comma = ""; item; item = array ? sl_json_next(item) : NULL, comma = ", ") {
		buf_string(out, comma);
		if (!write_text(item, out))
			return false;
	}
	buf_char(out, ')');
	return true;
}

static bool write_bool(const struct sl_json *value, struct buf *out)
{
	struct sl_text text = sl_json_string(value);
	bool is_true = sl_json_true(value) || (text.at && (sl_text_is(text, "true") || sl_text_is(text, "yes")));
	bool is_false = text.at ? sl_text_is(text, "false") || sl_text_is(text, "no")
				: sl_json_kind(value) == SL_KIND_BOOL && !is_true;
	buf_string(out, is_true ? "(1 = 1)" : "(1 = 0)"); /* understood everywhere */
	return is_true || is_false;
}

static bool write_int(const struct sl_json *value, struct buf *out)
{
	static const struct sl_column whole = { .name = "", .type = SL_COLUMN_INT };
	struct sl_cell cell = { 0 };
	if (!cell_read(&whole, value, NULL, &cell, NULL) || cell.kind != SL_CELL_INT)
		return false;
	buf_format(out, "%lld", (long long)cell.number);
	return true;
}

/* Milliseconds, or a text such as "48h"; in SQL a number of seconds. */
static bool write_duration(const struct sl_json *value, struct buf *out)
{
	int64_t ms;
	bool read = sl_json_kind(value) == SL_KIND_STRING ? sl_duration_read(sl_json_string(value), &ms)
							   : sl_json_integer(value, &ms);
	if (!read || ms < 0)
		return false;
	buf_format(out, "%lld", (long long)(ms / 1000));
	if (ms % 1000)
		buf_format(out, ".%03d", (int)(ms % 1000));
	return true;
}

static const struct {
	const char *name, *expected;
	enum sl_type type;
	literal_writer *write;
} kinds[] = {
	{ "bool", "true or false", SL_BOOL, write_bool },
	{ "int", "a whole number", SL_INT, write_int },
	{ "text", "a text", SL_TEXT, write_text },
	{ "duration", "a duration such as 48h", SL_DURATION, write_duration },
	{ "list", "a list of texts", SL_LIST, write_list },
};
static const char *const kind_names[] = { "bool", "int", "text", "duration", "list", NULL };

static size_t kind_of(enum sl_type type)
{
	size_t kind = 0;
	while (kinds[kind].type != type)
		kind++;
	return kind;
}

/* ---------------------------------------------------------------- the file */

static const char *const option_keys[] = { "type", "initial", "help", NULL };

static bool read_type(const struct yaml_node *node, const struct yaml_node *type, struct sl_option *option,
	struct why *why)
{
	char shown[YAML_SHOWN], room[MEANT_SIZE];
	if (!type)
		return yaml_why(node->key, why, "option %s needs a type: bool, int, text, duration or list", option->name);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (yaml_is(type, kinds[i].name)) {
			option->type = kinds[i].type;
			return true;
		}
	return yaml_why(type, why, "%s is no type of an option (bool, int, text, duration, list)%s",
		yaml_shown(type, shown), meant(type->kind == YAML_SCALAR ? type->text.at : NULL, kind_names, room));
}

static void initial_json(const struct yaml_node *initial, struct buf *out)
{
	if (initial->kind != YAML_LIST) {
		json_text(out, initial->text);
		return;
	}
	json_open(out, '[');
	for (const struct yaml_node *item = initial->first; item; item = item->next)
		json_text(out, item->text);
	json_close(out, ']');
}

static bool write_literal(struct schema *schema, size_t at, const struct sl_json *value)
{
	struct buf out = { 0 };
	bool written = kinds[kind_of(schema->options[at].type)].write(value, &out);
	if (written)
		schema->literals[at] = arena_copy(schema->arena, out.at, out.len);
	buf_free(&out);
	return written;
}

/* `initial` as it would stand in a configuration, and as the value it is until
 * another one is given. */
static bool read_initial(struct schema *schema, size_t at, const struct yaml_node *initial, struct why *why)
{
	struct sl_option *option = &schema->options[at];
	struct buf text = { 0 };
	initial_json(initial, &text);
	struct sl_document *document = sl_json_read((struct sl_text){ text.at, text.len }, NULL, 0);
	bool fits = document && initial->kind != YAML_MAP && write_literal(schema, at, sl_json_root(document));
	option->initial = initial->kind == YAML_LIST ? arena_copy(schema->arena, text.at, text.len) : initial->text.at;
	sl_json_free(&document);
	buf_free(&text);
	return fits || yaml_why(initial, why, "the initial value of %s must be %s", option->name,
		kinds[kind_of(option->type)].expected);
}

static bool read_option(struct schema *schema, const struct yaml_node *node, struct why *why)
{
	size_t at = schema->option_count++;
	struct sl_option *option = &schema->options[at];
	const struct yaml_node *help = yaml_get(node, "help"), *initial = yaml_get(node, "initial");
	option->name = schema->option_names[at] = node->key->text.at;
	if (yaml_is(node->key, "use") || yaml_is(node->key, "contract"))
		return yaml_why(node->key, why, "the name %s is taken: it stands beside the options", option->name);
	if (!yaml_want(node, YAML_MAP, "an option", why) || !yaml_known(node, option_keys, "an option", why) ||
		!read_type(node, yaml_get(node, "type"), option, why))
		return false;
	option->help = help && help->kind == YAML_SCALAR ? help->text.at : NULL;
	return !initial || read_initial(schema, at, initial, why);
}

bool schema_read_options(struct schema *schema, const struct yaml_node *options, struct why *why)
{
	size_t count = options ? options->count : 0;
	if (options && !yaml_want(options, YAML_MAP, "options", why))
		return false;
	schema->options = arena_alloc(schema->arena, (count + 1) * sizeof(*schema->options));
	schema->option_names = arena_alloc(schema->arena, (count + 1) * sizeof(*schema->option_names));
	schema->literals = arena_alloc(schema->arena, (count + 1) * sizeof(*schema->literals));
	for (const struct yaml_node *node = options ? options->first : NULL; node; node = node->next)
		if (!read_option(schema, node, why))
			return false;
	return true;
}

/* --------------------------------------------------------------- the values */

static bool take(struct schema *schema, const struct sl_json *value, struct why *why)
{
	struct sl_text name = sl_json_name(value);
	for (size_t i = 0; i < schema->option_count; i++) {
		if (!sl_text_is(name, schema->option_names[i]))
			continue;
		return write_literal(schema, i, value) || why_say(why, "%s: the option %s must be %s", schema->file,
			schema->option_names[i], kinds[kind_of(schema->options[i].type)].expected);
	}
	char room[MEANT_SIZE];
	return why_say(why, "%s: there is no option \"%.40s\"%s", schema->file, name.at,
		meant(name.at, schema->option_names, room));
}

bool schema_take_options(struct schema *schema, const struct sl_json *values, struct why *why)
{
	for (const struct sl_json *value = sl_json_first(values); value; value = sl_json_next(value))
		if (sl_json_kind(value) != SL_KIND_NULL && !take(schema, value, why))
			return false;
	for (size_t i = 0; i < schema->option_count; i++)
		if (!schema->literals[i])
			return why_say(why, "%s: the option %s must be given", schema->file, schema->option_names[i]);
	return true;
}
