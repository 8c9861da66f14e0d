/* SPDX-License-Identifier: Apache-2.0 */
/* infer_write.c - what the values of events come to, as the text of a schema file or as JSON. */
#include <inttypes.h>
#include <string.h>

#include "main/infer.h"

#define ROW_KEY "row_id" /* of a table in which nothing names a row */

/* ---------------------------------------------------------------------- choices */

static const char *mode_of(const struct infer_table *table)
{
	static const char *const modes[] = { "append", "once", "upsert", "patch", "replace", NULL };
	for (size_t i = 0; table->mode && modes[i]; i++)
		if (strcmp(table->mode, modes[i]) == 0)
			return modes[i];
	return infer_key(table) ? "upsert" : "append";
}

/* Only these two let rows go. */
static bool marks_deletes(const struct infer_table *table)
{
	const char *mode = mode_of(table);
	return table->deletes && (strcmp(mode, "upsert") == 0 || strcmp(mode, "patch") == 0);
}

/* ------------------------------------------------------------------------- YAML */

static bool is_plain(struct sl_text name)
{
	static const char *const words[] = { "true", "false", "yes", "no", "on", "off", "null", "y", "n", NULL };
	char lower[8] = "";
	if (!name.len || strchr("0123456789", name.at[0]))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", c) || !c)
			return false;
		if (i + 1 < sizeof(lower))
			lower[i] = (char)(c | 0x20);
	}
	for (size_t i = 0; words[i]; i++)
		if (strcmp(lower, words[i]) == 0 && name.len == strlen(words[i]))
			return false;
	return true;
}

static void put_name(struct sl_text name, struct buf *out)
{
	bool comma = out->comma;
	if (is_plain(name))
		buf_add(out, name.at, name.len);
	else
		json_text(out, name); /* JSON is YAML */
	out->comma = comma;
}

static void put_names(const struct infer_table *table, const struct infer_column *key, struct buf *out)
{
	const char *comma = "";
	for (size_t i = 0; i < table->count; i++)
		if (table->columns[i].parent) {
			buf_string(out, comma);
			put_name(table->columns[i].name, out);
			comma = ", ";
		}
	if (!key)
		return;
	buf_string(out, comma);
	put_name(key->name, out);
}

static void put_key(const struct infer_table *table, struct buf *out)
{
	const struct infer_column *key = infer_key(table);
	if (!infer_set(table) && !key) {
		buf_string(out, "    key: [" ROW_KEY "]  # nothing names a row: look for what does\n");
		return;
	}
	buf_string(out, "    key: [");
	put_names(table, key, out);
	buf_string(out, infer_set(table) ? "]  # has to name a row of its set\n    parent: [" : "]");
	if (infer_set(table))
		put_names(table, NULL, out);
	buf_string(out, infer_set(table) ? "]\n" : "\n");
}

static void put_column(const struct infer_table *table, const struct infer_column *column, struct buf *out)
{
	buf_string(out, "      ");
	put_name(column->name, out);
	buf_format(out, ": %s", infer_type(column));
	if (!column->saw)
		buf_string(out, "  # only ever null\n");
	else if (column->rows < table->rows)
		buf_format(out, "  # in %" PRIu64 " of %" PRIu64 " rows\n", column->rows, table->rows);
	else
		buf_char(out, '\n');
}

static void put_mode(const struct infer_table *table, struct buf *out)
{
	const struct infer_column *key = infer_key(table);
	bool once = key && !key->repeats && table->rows > 1 && strcmp(mode_of(table), "upsert") == 0;
	buf_format(out, "    mode: %s%s\n", mode_of(table),
		once && !table->mode ? "  # each key came once: append, if rows never change" : "");
	if (marks_deletes(table))
		buf_string(out, "    deletes: mark\n");
}

/* One that only had deletes has no columns to tell of. */
static void put_table(const struct infer_table *table, struct buf *out)
{
	if (!table->count) {
		buf_format(out, "  # of one more table only rows without columns came: ");
		put_name((struct sl_text){ table->name, strlen(table->name) }, out);
		buf_char(out, '\n');
		return;
	}
	buf_string(out, "  ");
	put_name((struct sl_text){ table->name, strlen(table->name) }, out);
	buf_format(out, ":  # from %" PRIu64 " row%s\n", table->rows, table->rows == 1 ? "" : "s");
	put_mode(table, out);
	put_key(table, out);
	buf_string(out, "    columns:\n");
	if (!infer_key(table) && !infer_set(table))
		buf_string(out, "      " ROW_KEY ": { type: text, fill: row }\n");
	for (size_t i = 0; i < table->count; i++)
		put_column(table, &table->columns[i], out);
	if (table->left_out)
		buf_format(out, "      # more than %d different columns came\n", INFER_COLUMNS);
}

void infer_yaml(const struct infer *infer, struct buf *out)
{
	buf_format(out, "# Proposed from %" PRIu64 " event%s of %s: look at every line before you use it.\n", infer->events,
		infer->events == 1 ? "" : "s", infer->of);
	if (infer->failed)
		buf_format(out, "# %" PRIu64 " more could not be looked at: they failed on their way.\n", infer->failed);
	buf_string(out, "tables:\n");
	for (size_t i = 0; i < infer->count; i++)
		put_table(infer->tables[i], out);
	if (infer->left_out)
		buf_format(out, "  # more than %d different tables came\n", INFER_TABLES);
}

/* ------------------------------------------------------------------------- JSON */

static void table_json(const struct infer_table *table, struct buf *out)
{
	const struct infer_column *key = infer_key(table);
	json_open(out, '{');
	json_member_string(out, "table", table->name);
	json_member_string(out, "mode", mode_of(table));
	json_member_uint(out, "rows", table->rows);
	json_member_bool(out, "deletes", marks_deletes(table));
	json_key(out, "key");
	json_open(out, '[');
	for (size_t i = 0; i < table->count; i++)
		if (table->columns[i].parent || &table->columns[i] == key)
			json_text(out, table->columns[i].name);
	json_close(out, ']');
	json_key(out, "columns");
	json_open(out, '[');
	for (size_t i = 0; i < table->count; i++) {
		json_open(out, '{');
		json_key(out, "name"), json_text(out, table->columns[i].name);
		json_member_string(out, "type", infer_type(&table->columns[i]));
		json_member_uint(out, "rows", table->columns[i].rows);
		json_close(out, '}');
	}
	json_close(out, ']');
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

void infer_json(const struct infer *infer, struct buf *out)
{
	for (size_t i = 0; i < infer->count; i++)
		table_json(infer->tables[i], out);
}
