/* SPDX-License-Identifier: Apache-2.0 */
/* schemas.c - a schema as JSON, and how a destination differs from it. */
#include "main/schemas.h"

#include <string.h>

#include "main/shown.h"

/* ------------------------------------------------------------------ as JSON */

static const char *const mode_names[] = {
	[SL_APPEND] = "append",
	[SL_ONCE] = "once",
	[SL_UPSERT] = "upsert",
	[SL_REPLACE] = "replace",
	[SL_PATCH] = "patch",
};

static const char *const type_names[] = {
	[SL_COLUMN_TEXT] = "text",
	[SL_COLUMN_INT] = "int",
	[SL_COLUMN_DECIMAL] = "decimal",
	[SL_COLUMN_BOOL] = "bool",
	[SL_COLUMN_TIMESTAMP] = "timestamp",
	[SL_COLUMN_DATE] = "date",
	[SL_COLUMN_JSON] = "json",
};

static void end_line(struct buf *out)
{
	buf_char(out, '\n');
	out->comma = false;
}

/* Columns in the order of their place in the key. */
static void put_key(const struct sl_table *table, const char *name, bool parent, struct buf *out)
{
	json_key(out, name);
	json_open(out, '[');
	for (int place = 1; place <= (int)table->column_count; place++)
		for (size_t i = 0; i < table->column_count; i++)
			if ((parent ? table->columns[i]->parent : table->columns[i]->key) == place)
				json_string(out, table->columns[i]->name);
	json_close(out, ']');
}

static void put_column(const struct sl_column *column, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "name", column->name);
	json_member_string(out, "type", type_names[column->type]);
	json_member_bool(out, "required", column->required);
	json_member_bool(out, "personal", column->personal);
	json_member_string(out, "generated", column->generated);
	json_close(out, '}');
}

static void put_retention(const struct sl_table *table, struct buf *out)
{
	json_key(out, "retention");
	if (!table->retention) {
		json_null(out);
		return;
	}
	json_open(out, '{');
	json_member_string(out, "column", table->retention);
	json_member_int(out, "ms", table->retention_ms);
	json_close(out, '}');
}

static void put_table(const struct sl_table *table, struct buf *out)
{
	static const char *const deletes[] = { NULL, "mark", "remove" };
	json_open(out, '{');
	json_member_string(out, "table", table->name);
	json_member_string(out, "mode", mode_names[table->mode]);
	json_member_string(out, "deletes", deletes[table->deletes]);
	put_key(table, "key", false, out);
	put_key(table, "parent", true, out);
	json_key(out, "columns");
	json_open(out, '[');
	for (size_t i = 0; i < table->column_count; i++)
		put_column(table->columns[i], out);
	json_close(out, ']');
	put_retention(table, out);
	json_member_bool(out, "snapshot", table->snapshot != NULL);
	json_close(out, '}');
	end_line(out);
}

void schemas_json(const struct schema *schema, struct buf *out)
{
	size_t count = 0;
	const struct sl_table *const *tables = schema_tables(schema, &count);
	for (size_t i = 0; i < count; i++)
		put_table(tables[i], out);
	const struct sl_view *const *views = schema_views(schema, &count);
	for (size_t i = 0; i < count; i++) {
		json_open(out, '{');
		json_member_string(out, "view", views[i]->name);
		json_member_bool(out, "materialized", views[i]->materialized);
		json_close(out, '}');
		end_line(out);
	}
}

/* -------------------------------------------------------------- differences */

static const char *take(const struct sl_json *data, const char *name, struct arena *arena)
{
	struct sl_text text = sl_json_string(sl_json_get(data, name));
	return text.at ? arena_copy(arena, text.at, text.len) : NULL;
}

static struct differ read_one(struct call *call, struct emitted *emitted, struct arena *arena)
{
	const struct sl_json *data = emitted_json(call, emitted, NULL);
	const char *what = emitted->event.type ? emitted->event.type : "difference";
	return (struct differ){
		.what = arena_string(arena, what),
		.table = take(data, "table", arena),
		.column = take(data, "column", arena),
		.sql = take(data, "sql", arena),
		.why = take(data, "why", arena),
		.safe = sl_json_true(sl_json_get(data, "safe")),
		.extra = strncmp(what, "extra ", 6) == 0 || strcmp(what, "remark") == 0,
	};
}

bool differs_find(struct differs *differs, struct destination *there, const char *verb, struct why *why)
{
	struct call *call = destination_call(there, STEP_SCHEMA);
	call->pub.verb = verb;
	if (!destination_run(there, &call, why))
		return false;
	differs->arena = arena_new();
	differs->at = arena_alloc(differs->arena, (call->emitted_count + 1) * sizeof(*differs->at));
	for (size_t i = 0; i < call->emitted_count; i++) {
		struct differ *differ = &differs->at[differs->count++];
		*differ = read_one(call, &call->emitted[i], differs->arena);
		differs->against += !differ->extra;
	}
	call_free(&call);
	return true;
}

void differs_free(struct differs *differs)
{
	arena_free(&differs->arena);
	*differs = (struct differs){ 0 };
}

bool differs_done(const struct differ *differ, bool force)
{
	return differ->safe || (force && differ->sql && !differ->extra);
}

const char *differs_hint(const struct differ *differ)
{
	if (differ->extra)
		return "in addition";
	if (differ->safe)
		return "safe";
	return differ->sql ? "with --force" : "by hand";
}

/* --------------------------------------------------------------- telling them */

static void put_json(const struct differ *differ, const char *state, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "what", differ->what);
	json_member_string(out, "table", differ->table);
	json_member_string(out, "column", differ->column);
	json_member_string(out, "sql", differ->sql);
	json_member_bool(out, "safe", differ->safe);
	json_member_bool(out, "against", !differ->extra);
	json_member_string(out, "why", differ->why);
	json_member_string(out, "state", state);
	json_close(out, '}');
	end_line(out);
}

/* Each line of a text, indented. */
static void put_lines(const char *text, struct buf *out)
{
	for (size_t len; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		buf_string(out, "    ");
		shown_lines(out, (struct sl_text){ text, len });
		buf_char(out, '\n');
	}
}

static void put_words(const struct differ *differ, const char *state, struct buf *out)
{
	struct buf place = { 0 };
	buf_format(&place, "%s%s%s", differ->table ? differ->table : "-", differ->column ? "." : "",
		differ->column ? differ->column : "");
	shown_cell(out, 14, differ->what);
	shown_cell(out, 40, place.at);
	buf_format(out, "%s\n", state);
	if (differ->why)
		put_lines(differ->why, out);
	if (differ->sql)
		put_lines(differ->sql, out);
	buf_free(&place);
}

void differs_tell(const struct differ *differ, bool json, const char *state, struct buf *out)
{
	(json ? put_json : put_words)(differ, state, out);
}

void differs_total(const struct differs *differs, const char *sink, struct buf *out)
{
	size_t safe = 0;
	for (size_t i = 0; i < differs->count; i++)
		safe += differs->at[i].safe && !differs->at[i].extra;
	if (!differs->against)
		buf_format(out, "%s%s is as its schema says\n", differs->count ? "\n" : "", sink);
	else
		buf_format(out, "\n%s: %zu difference%s, %zu of them safe: the sink does those by itself\n", sink,
			differs->against, differs->against == 1 ? "" : "s", safe);
}
