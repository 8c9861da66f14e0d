/* SPDX-License-Identifier: Apache-2.0 */
/* sink_bed.h - a sink of rows, called through a host of this file: for tests of any sink.
 *
 * bed_sink() loads the plugin, bed_load() a schema's text, bed_open() opens it.  row() and
 * stand() make the rows of the next call, delivers() and run() call.  The form of
 * the struct that a plugin keeps its options in is its own affair: they are put there by their table.
 */
#ifndef TESTS_SINK_BED_H
#define TESTS_SINK_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <dlfcn.h>
#include <unistd.h>

#include "base/buf.h"
#include "flow/schema.h"

#define NOW INT64_C(1795300000000)
#define ROWS 4000

struct fixture {
	struct sl_call call; /* first: the host's functions find the rest by it */
	struct sl_host host;
	const struct sl_plugin *plugin;
	struct arena *arena;
	struct schema *schema;
	char folder[64];
	const struct sl_row *rows[ROWS];
	size_t row_count;
	char why[800];
	enum sl_outcome settled[ROWS];
	char reasons[ROWS][400];
	char noted[300], cursor[300];
	struct buf recalled, emitted, tallied;
	uint32_t index;
	const char *id; /* of the next rows' event */
	int64_t time;
	void *more;     /* a test's own */
};

static inline struct fixture *of(struct sl_call *call)
{
	return (struct fixture *)(void *)call;
}

/* ----------------------------------------------------------------- the host */

static inline enum sl_outcome host_work(struct sl_call *call, void (*blocking)(void *), void *data, sl_step *next)
{
	blocking(data);
	return next(call);
}

static inline enum sl_outcome host_retry(struct sl_call *call, int64_t after, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	vsnprintf(of(call)->why, sizeof(of(call)->why), form, values);
	va_end(values);
	return SL_RETRY;
}

static inline enum sl_outcome host_fail(struct sl_call *call, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	vsnprintf(of(call)->why, sizeof(of(call)->why), form, values);
	va_end(values);
	return SL_FAIL;
}

static inline void host_log(struct sl_call *call, enum sl_level level, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	vsnprintf(of(call)->noted, sizeof(of(call)->noted), form, values);
	va_end(values);
}

static inline void host_settle(struct sl_call *call, size_t row, enum sl_outcome outcome, const char *form, ...)
{
	va_list values;
	assert_true(row < of(call)->row_count);
	of(call)->settled[row] = outcome;
	va_start(values, form);
	vsnprintf(of(call)->reasons[row], sizeof(of(call)->reasons[row]), form, values);
	va_end(values);
}

static inline void host_emit_row(struct sl_call *call, const struct sl_table *table, const struct sl_cell *cells)
{
	struct buf *out = &of(call)->recalled;
	for (size_t i = 0; i < table->column_count; i++) {
		buf_string(out, i ? "|" : "");
		if (cells[i].kind == SL_CELL_INT)
			buf_format(out, "%lld", (long long)cells[i].number);
		else if (cells[i].kind == SL_CELL_TEXT)
			buf_add(out, cells[i].text.at, cells[i].text.len);
	}
	buf_char(out, '\n');
}

static inline void host_emit(struct sl_call *call, const struct sl_event *event)
{
	buf_format(&of(call)->emitted, "%s %.*s\n", event->type, (int)event->data.len, event->data.at);
}

static inline void host_advance(struct sl_call *call, const char *cursor)
{
	snprintf(of(call)->cursor, sizeof(of(call)->cursor), "%s", cursor);
}

static inline void host_tally(struct sl_call *call, const char *what, uint64_t times)
{
	buf_format(&of(call)->tallied, "%s: %llu\n", what, (unsigned long long)times);
}

static inline struct sl_text host_format(struct sl_call *call, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	char *text = NULL;
	int len = vasprintf(&text, form, values);
	va_end(values);
	assert_true(len >= 0);
	const char *kept = arena_copy(of(call)->arena, text, (size_t)len);
	free(text);
	return (struct sl_text){ kept, (size_t)len };
}

static inline struct sl_text host_quote(struct sl_call *call, struct sl_text text)
{
	struct buf out = { 0 };
	json_text(&out, text);
	const char *kept = arena_copy(of(call)->arena, out.at, out.len);
	struct sl_text quoted = { kept, out.len };
	buf_free(&out);
	return quoted;
}

/* -------------------------------------------------------------- conversation */

static inline enum sl_outcome run(struct fixture *f, sl_step *step)
{
	char *local = calloc(1, f->plugin->local_size);
	memset(f->settled, 0, sizeof(f->settled));
	f->why[0] = f->cursor[0] = '\0';
	buf_clear(&f->recalled);
	buf_clear(&f->emitted);
	buf_clear(&f->tallied);
	f->call.local = local;
	f->call.rows = f->rows;
	f->call.row_count = f->row_count;
	enum sl_outcome outcome = step(&f->call);
	free(local);
	f->call.local = NULL;
	f->row_count = 0;
	return outcome;
}

static inline void set_option(struct fixture *f, const char *name, const void *value, size_t size)
{
	for (const struct sl_option *option = f->plugin->options; option->name; option++)
		if (strcmp(option->name, name) == 0)
			memcpy((char *)(uintptr_t)f->call.options + option->at, value, size);
}

/* Hands the next calls all tables and views of the schema. */
static inline void bed_offer(struct fixture *f)
{
	static const struct sl_table *tables[32];
	size_t count, views;
	const struct sl_table *const *own = schema_tables(f->schema, &count);
	assert_true(count + 2 <= 32);
	memcpy(tables, own, count * sizeof(*tables));
	tables[count++] = &stand_routes;
	tables[count++] = &stand_open;
	f->call.tables = tables;
	f->call.table_count = count;
	f->call.views = schema_views(f->schema, &views);
	f->call.view_count = views;
}

static inline enum sl_outcome bed_open(struct fixture *f)
{
	bed_offer(f);
	return run(f, f->plugin->open);
}

static inline void bed_close(struct fixture *f)
{
	f->plugin->close(f->call.state);
	memset(f->call.state, 0, f->plugin->state_size);
}

static inline struct sl_row *add(struct fixture *f)
{
	struct sl_row *row = arena_alloc(f->arena, sizeof(*row));
	assert_true(f->row_count < ROWS);
	f->rows[f->row_count++] = row;
	return row;
}

/* A row of the schema, from an event of f->id and f->time; `mode` NULL: the table's. */
static inline struct sl_row *row_of_mode(struct fixture *f, const char *table, const char *mode, const char *json)
{
	struct why why = { 0 };
	struct sl_document *document = sl_json_read((struct sl_text){ json, strlen(json) }, why.text, sizeof(why.text));
	struct sl_event event = { .type = table, .mode = mode, .id = arena_string(f->arena, f->id), .time = f->time,
		.source = "shop", .received = NOW };
	struct sl_row *made = add(f);
	if (!document || !schema_row(f->schema, &event, sl_json_root(document), NULL, f->index++, NOW, f->arena,
		made, &why))
		fail_msg("%s: %s", json, why.text);
	sl_json_free(&document);
	return made;
}

static inline struct sl_row *row(struct fixture *f, const char *table, const char *json)
{
	return row_of_mode(f, table, NULL, json);
}

/* A row of the stand tables: cells by their text, "" for not given, "~" for NULL. */
static inline void stand(struct fixture *f, const struct sl_table *table, enum sl_mode mode, const char *const *texts)
{
	struct sl_cell *cells = arena_alloc(f->arena, table->column_count * sizeof(*cells));
	for (size_t i = 0; i < table->column_count && texts[i]; i++) {
		enum sl_column_type type = table->columns[i]->type;
		if (strcmp(texts[i], "~") == 0)
			cells[i].kind = SL_CELL_NULL;
		else if (!*texts[i])
			continue;
		else if (type == SL_COLUMN_INT || type == SL_COLUMN_TIMESTAMP)
			cells[i] = (struct sl_cell){ SL_CELL_INT, atoll(texts[i]), { 0 } };
		else
			cells[i] = (struct sl_cell){ SL_CELL_TEXT, 0, { texts[i], strlen(texts[i]) } };
	}
	*add(f) = (struct sl_row){ .table = table, .mode = mode, .cells = cells };
}
#define ROUTES(f, mode, ...) stand(f, &stand_routes, mode, (const char *const[]){ __VA_ARGS__, NULL })
#define OPENS(f, mode, ...) stand(f, &stand_open, mode, (const char *const[]){ __VA_ARGS__, NULL })

static inline void delivers(struct fixture *f)
{
	size_t count = f->row_count;
	enum sl_outcome outcome = run(f, f->plugin->deliver);
	if (outcome != SL_DONE)
		fail_msg("%s", f->why);
	for (size_t i = 0; i < count; i++)
		if (f->settled[i] != SL_DONE)
			fail_msg("row %zu: %s", i, f->reasons[i]);
}

static inline void says(struct fixture *f, const char *sentence)
{
	if (!strstr(f->why, sentence))
		fail_msg("wanted \"%s\", got \"%s\"", sentence, f->why);
}

static inline const char *recalls(struct fixture *f)
{
	if (run(f, f->plugin->recall) != SL_DONE)
		fail_msg("%s", f->why);
	return f->recalled.at ? f->recalled.at : "";
}

/* ------------------------------------------------------------------- set up */

static inline void bed_load(struct fixture *f, const char *yaml, const char *views, const char *dialect)
{
	struct why why;
	char path[160];
	snprintf(path, sizeof(path), "%s/shop.%s.sql", f->folder, dialect);
	FILE *out = fopen(path, "w");
	fputs(views, out);
	fclose(out);
	snprintf(path, sizeof(path), "%s/shop.yaml", f->folder);
	out = fopen(path, "w");
	fputs(yaml, out);
	fclose(out);
	schema_free(&f->schema);
	f->schema = schema_load(path, NULL, dialect, &why);
	if (!f->schema)
		fail_msg("%s", why.text);
}

/* The plugin stays loaded: a sanitizer wants its code until the end. */
static inline struct fixture *bed_sink(const char *name)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char path[512];
	const char *build = getenv("SLUICE_BUILD");
	snprintf(path, sizeof(path), "%s/share/sluice/plugins/%s/%s.so", build ? build : ".", name, name);
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		fail_msg("%s", dlerror());
	f->plugin = dlsym(handle, "sl_plugin");
	assert_non_null(f->plugin);
	strcpy(f->folder, "/tmp/sluice-sink-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->arena = arena_new();
	f->host = (struct sl_host){ .abi = SL_ABI, .work = host_work, .retry = host_retry, .fail = host_fail,
		.settle = host_settle, .emit_row = host_emit_row, .emit = host_emit, .advance = host_advance,
		.tally = host_tally, .log = host_log, .format = host_format, .quote = host_quote };
	f->call.host = &f->host;
	f->call.options = calloc(1, f->plugin->options_size);
	f->call.state = calloc(1, f->plugin->state_size);
	f->id = "e1";
	f->time = NOW - 10000;
	return f;
}

static inline void bed_free(struct fixture *f)
{
	char command[128];
	f->plugin->close(f->call.state);
	snprintf(command, sizeof(command), "rm -rf %s", f->folder);
	assert_int_equal(system(command), 0);
	schema_free(&f->schema);
	arena_free(&f->arena);
	buf_free(&f->recalled);
	buf_free(&f->emitted);
	buf_free(&f->tallied);
	free((void *)(uintptr_t)f->call.options);
	free(f->call.state);
	free(f);
}

#endif
