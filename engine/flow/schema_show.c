/* SPDX-License-Identifier: Apache-2.0 */
/* schema_show.c - a schema as the text of its file, with what came in addition. */
#include <string.h>

#include "flow/schema_inner.h"
#include "sdk/text.h"

#define WORDS_MOST 40 /* bytes that a plain word may have */

/* ------------------------------------------------------------------ scalars */

/* What YAML takes as a text just as it stands. */
static bool plain(struct sl_text text)
{
	static const char *const taken[] = { "null", "true", "false", "yes", "no", "on", "off", "y", "n" };
	if (!text.len || text.len > WORDS_MOST)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && !(i > 0 && c >= '0' && c <= '9'))
			return false;
	}
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (sl_text_is_nocase(text, taken[i]))
			return false;
	return true;
}

/* As JSON has it, and what YAML calls unprintable escaped too. */
static void put_quoted(struct sl_text text, struct buf *out)
{
	struct buf json = { 0 };
	json_text(&json, text);
	for (size_t i = 0; i < json.len; i++) {
		const unsigned char *at = (const unsigned char *)json.at + i;
		bool c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
		bool mark = at[0] == 0xef && ((at[1] == 0xbb && at[2] == 0xbf) || (at[1] == 0xbf && at[2] >= 0xbe));
		if (at[0] == 0x7f)
			buf_string(out, "\\u007f");
		else if (c1)
			buf_format(out, "\\u00%02x", at[1]);
		else if (mark)
			buf_string(out, at[1] == 0xbb ? "\\ufeff" : at[2] == 0xbe ? "\\ufffe" : "\\uffff");
		else
			buf_char(out, json.at[i]);
		i += c1 ? 1 : mark ? 2 : 0;
	}
	buf_free(&json);
}

static void put_text(struct sl_text text, struct buf *out)
{
	if (plain(text))
		buf_add(out, text.at, text.len);
	else
		put_quoted(text, out);
}

/* What stood without quotes and may be a number or a truth stands so again: `on` may be a name, too. */
static void put_scalar(const struct yaml_node *node, struct buf *out)
{
	int64_t number;
	bool truth;
	if (yaml_null(node))
		buf_string(out, "null");
	else if (yaml_bool(node, &truth) || yaml_int(node, &number))
		buf_add(out, node->text.at, node->text.len);
	else
		put_text(node->text, out);
}

static void put_node(const struct yaml_node *node, struct buf *out)
{
	bool map = node->kind == YAML_MAP;
	if (node->kind == YAML_SCALAR) {
		put_scalar(node, out);
		return;
	}
	buf_string(out, map ? "{" : "[");
	for (const struct yaml_node *at = node->first; at; at = at->next) {
		buf_string(out, at == node->first ? (map ? " " : "") : ", ");
		if (map) {
			put_text(at->key->text, out);
			buf_string(out, ": ");
		}
		put_node(at, out);
	}
	buf_string(out, map ? (node->first ? " }" : "}") : "]");
}

static void put_member(const struct yaml_node *node, int tabs, struct buf *out)
{
	buf_format(out, "%*s", tabs * 2, "");
	put_text(node->key->text, out);
	buf_string(out, ": ");
	put_node(node, out);
	buf_char(out, '\n');
}

/* ------------------------------------------------------------------- tables */

static void put_column(const struct sl_column *column, struct buf *out)
{
	buf_string(out, "      ");
	put_text(sl_text_of(column->name), out);
	buf_format(out, ": %s\n", column_type_name(column->type));
}

/* One of the file, whose type may have become wider. */
static void put_given(const struct yaml_node *node, const struct sl_column *column, struct buf *out)
{
	if (node->kind != YAML_MAP) {
		put_column(column, out);
		return;
	}
	buf_string(out, "      ");
	put_text(node->key->text, out);
	buf_format(out, ": { type: %s", column_type_name(column->type));
	for (const struct yaml_node *at = node->first; at; at = at->next) {
		if (yaml_is(at->key, "type"))
			continue;
		buf_format(out, ", %s: ", at->key->text.at);
		put_node(at, out);
	}
	buf_string(out, " }\n");
}

static void put_columns(const struct yaml_node *map, const struct shape *shape, struct buf *out)
{
	size_t place = 0;
	buf_string(out, "    columns:\n");
	for (const struct yaml_node *at = map->first; at; at = at->next)
		put_given(at, &shape->columns[place++], out);
	for (; place < shape->given; place++)
		put_column(&shape->columns[place], out);
}

static void put_table(const struct yaml_node *table, const struct shape *shape, struct buf *out)
{
	buf_string(out, "  ");
	put_text(table->key->text, out);
	buf_string(out, ":\n");
	for (const struct yaml_node *at = table->first; at; at = at->next)
		if (!yaml_is(at->key, "columns"))
			put_member(at, 2, out);
	put_columns(yaml_get(table, "columns"), shape, out);
}

static void put_born(const struct shape *shape, struct buf *out)
{
	buf_string(out, "  ");
	put_text(sl_text_of(shape->face.name), out);
	buf_string(out, ":\n    mode: append\n    key: row_id\n    columns:\n      row_id: { type: text, fill: row }\n");
	for (size_t i = 1; i < shape->given; i++)
		put_column(&shape->columns[i], out);
}

static void put_tables(const struct schema *schema, const struct yaml_node *tables, struct buf *out)
{
	size_t at = 0;
	buf_string(out, schema->table_count ? "tables:\n" : "tables: {}\n");
	for (const struct yaml_node *node = tables->first; node; node = node->next)
		put_table(node, &schema->shapes[at++], out);
	for (; at < schema->table_count; at++)
		put_born(&schema->shapes[at], out);
}

/* ---------------------------------------------------------------- the file */

static void put_options(const struct yaml_node *options, struct buf *out)
{
	buf_string(out, options->first ? "options:\n" : "options: {}\n");
	for (const struct yaml_node *at = options->first; at; at = at->next)
		put_member(at, 1, out);
}

void schema_show(const struct schema *schema, struct buf *out)
{
	for (const struct yaml_node *at = schema->root->first; at; at = at->next) {
		if (yaml_is(at->key, "tables"))
			put_tables(schema, at, out);
		else if (yaml_is(at->key, "options"))
			put_options(at, out);
		else
			put_member(at, 0, out);
	}
}
