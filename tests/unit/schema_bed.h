/* SPDX-License-Identifier: Apache-2.0 */
/* schema_bed.h - what the tests of schemas share: a folder, a schema in it, rows made of JSON. */
#ifndef TESTS_SCHEMA_BED_H
#define TESTS_SCHEMA_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "flow/schema.h"

#define NOW INT64_C(1795300000000)
#define DAY INT64_C(86400000)

static const char *bed_schema; /* each test WITH() a fixture begins with it */
static char folder[] = "/tmp/sluice-schema-XXXXXX", file[256];

static inline void bed_begin(const char *schema)
{
	bed_schema = schema;
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/shop.yaml", folder);
}

static inline int remove_folder(void **state)
{
	char command[300];
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static inline void write_file(const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static inline struct schema *load(const char *yaml, const char *options, const char *dialect, struct why *why)
{
	struct sl_document *document = options ? sl_json_read((struct sl_text){ options, strlen(options) }, NULL, 0) : NULL;
	assert_true(!options || document);
	write_file("shop.yaml", yaml);
	struct schema *schema = schema_load(file, sl_json_root(document), dialect, why);
	sl_json_free(&document);
	return schema;
}

static inline void refused(const char *yaml, const char *sentence)
{
	struct why why = { 0 };
	struct schema *schema = load(yaml, NULL, NULL, &why);
	if (schema || !strstr(why.text, sentence))
		fail_msg("wanted \"%s\", got \"%s\"", sentence, why.text);
}

struct fixture {
	struct schema *schema;
	struct arena *arena;
	struct sl_row row;
	struct why why;
};

static inline int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->arena = arena_new();
	f->schema = load(bed_schema, NULL, NULL, &f->why);
	if (!f->schema)
		fail_msg("%s", f->why.text);
	*state = f;
	return 0;
}

static inline int end(void **state)
{
	struct fixture *f = *state;
	schema_free(&f->schema);
	arena_free(&f->arena);
	free(f);
	return 0;
}

static const struct sl_event origin __attribute__((unused)) = {
	.source = "shop", .id = "e1", .type = "order", .subject = "o1", .time = NOW - 1000, .received = NOW - 500,
};

/* The document is gone when the row is looked at: it must lie in the arena. */
static inline bool row_of(struct fixture *f, const struct sl_event *event, const char *json)
{
	char room[200];
	struct sl_document *document = sl_json_read((struct sl_text){ json, strlen(json) }, room, sizeof(room));
	if (!document)
		fail_msg("%s: %s", json, room);
	f->why.text[0] = '\0';
	bool made = schema_row(f->schema, event, sl_json_root(document), &origin, 3, NOW, f->arena, &f->row, &f->why);
	sl_json_free(&document);
	return made;
}

static inline void misfit(struct fixture *f, const char *type, const char *json, const char *sentence)
{
	bool made = row_of(f, &(struct sl_event){ .type = type }, json);
	if (made || strcmp(f->why.text, sentence) != 0)
		fail_msg("wanted \"%s\", got \"%s\"", sentence, f->why.text);
}

static inline const struct sl_cell *cell(const struct sl_row *row, const char *name)
{
	for (size_t i = 0; i < row->table->column_count; i++)
		if (strcmp(row->table->columns[i]->name, name) == 0)
			return &row->cells[i];
	fail_msg("no column %s", name);
	return NULL;
}

static inline void is_text(const struct sl_row *row, const char *name, const char *text)
{
	assert_int_equal(cell(row, name)->kind, SL_CELL_TEXT);
	assert_string_equal(cell(row, name)->text.at, text);
	assert_int_equal(cell(row, name)->text.len, strlen(text));
}

static inline void is_number(const struct sl_row *row, const char *name, int64_t number)
{
	assert_int_equal(cell(row, name)->kind, SL_CELL_INT);
	assert_true(cell(row, name)->number == number);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
