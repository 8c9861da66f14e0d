/* SPDX-License-Identifier: Apache-2.0 */
/* infer_test.c - what tables are proposed for rows, and that a proposal is a schema. */
#include "schema_bed.h"

#include "main/infer.h"
#include "sdk/text.h"

struct given {
	const char *table, *mode, *data;
};

static struct arena *arena;

static struct infer *inferred(const struct given *rows, size_t count)
{
	struct infer *infer = infer_new(arena);
	infer->of = "the source shop";
	for (size_t i = 0; i < count; i++) {
		struct sl_document *document = sl_json_read((struct sl_text){ rows[i].data, strlen(rows[i].data) }, NULL, 0);
		assert_non_null(document);
		infer_row(infer, sl_text_of(rows[i].table), sl_text_of(rows[i].mode), sl_json_root(document));
		infer->events++;
		sl_json_free(&document);
	}
	return infer;
}

static const char *as_yaml(const struct infer *infer)
{
	struct buf out = { 0 };
	infer_yaml(infer, &out);
	const char *text = arena_string(arena, out.at);
	buf_free(&out);
	return text;
}

/* Loaded as it was proposed. */
static void proposes(const struct given *rows, size_t count, const char *expected)
{
	struct why why = { 0 };
	const char *text = as_yaml(inferred(rows, count));
	assert_string_equal(text, expected);
	struct schema *schema = load(text, NULL, NULL, &why);
	if (!schema)
		fail_msg("%s\n%s", why.text, text);
	schema_free(&schema);
}

#define PROPOSES(expected, ...) \
	do { \
		const struct given rows[] = { __VA_ARGS__ }; \
		proposes(rows, sizeof(rows) / sizeof(*rows), expected); \
	} while (0)

static int begin_arena(void **state)
{
	arena = arena_new();
	return 0;
}

static int end_arena(void **state)
{
	arena_free(&arena);
	return 0;
}

static void an_id_becomes_the_key(void **state)
{
	PROPOSES("# Proposed from 2 events of the source shop: look at every line before you use it.\n"
			 "tables:\n"
			 "  cards:  # from 2 rows\n"
			 "    mode: upsert  # each key came once: append, if rows never change\n"
			 "    key: [card_id]\n"
			 "    columns:\n"
			 "      card_id: text\n"
			 "      price: decimal\n"
			 "      \"on\": date  # in 1 of 2 rows\n"
			 "      at: timestamp\n"
			 "      nothing: text  # only ever null\n",
		{ "cards", NULL, "{\"card_id\":\"a\",\"price\":1,\"on\":\"2026-11-21\",\"at\":\"2026-11-21\",\"nothing\":null}" },
		{ "cards", NULL, "{\"card_id\":\"b\",\"price\":1.5,\"on\":null,\"at\":\"2026-11-21T10:00:00Z\"}" });
}

static void rows_that_nothing_names_are_named_by_the_engine(void **state)
{
	PROPOSES("# Proposed from 2 events of the source shop: look at every line before you use it.\n"
			 "tables:\n"
			 "  seen:  # from 2 rows\n"
			 "    mode: append\n"
			 "    key: [row_id]  # nothing names a row: look for what does\n"
			 "    columns:\n"
			 "      row_id: { type: text, fill: row }\n"
			 "      card_id: json\n"
			 "      \"a b\": json\n",
		{ "seen", NULL, "{\"card_id\":true,\"a b\":[1]}" }, { "seen", NULL, "{\"card_id\":7,\"a b\":{}}" });
}

static void what_goes_is_marked_where_rows_can_go(void **state)
{
	PROPOSES("# Proposed from 3 events of the source shop: look at every line before you use it.\n"
			 "tables:\n"
			 "  cards:  # from 1 row\n"
			 "    mode: upsert\n"
			 "    deletes: mark\n"
			 "    key: [id]\n"
			 "    columns:\n"
			 "      id: int\n"
			 "  # of one more table only rows without columns came: gone\n",
		{ "cards", "delete", "{\"id\":1}" }, { "gone", "delete", "{\"id\":1}" }, { "cards", "upsert", "{\"id\":2}" });
	PROPOSES("# Proposed from 2 events of the source shop: look at every line before you use it.\n"
			 "tables:\n"
			 "  steps:  # from 1 row\n"
			 "    mode: once\n"
			 "    key: [id]\n"
			 "    columns:\n"
			 "      id: int\n",
		{ "steps", "once", "{\"id\":1}" }, { "steps", "delete", "{\"id\":1}" });
}

static void a_set_hangs_on_its_parent(void **state)
{
	PROPOSES("# Proposed from 2 events of the source shop: look at every line before you use it.\n"
			 "tables:\n"
			 "  lines:  # from 3 rows\n"
			 "    mode: replace\n"
			 "    key: [order_id, line]  # has to name a row of its set\n"
			 "    parent: [order_id]\n"
			 "    columns:\n"
			 "      order_id: int\n"
			 "      line: int\n"
			 "      text: text  # in 1 of 3 rows\n",
		{ "lines", "replace", "{\"order_id\":1,\"rows\":[{\"line\":1},{\"line\":2}]}" },
		{ "lines", "replace", "{\"order_id\":2,\"rows\":[{\"line\":1,\"text\":\"x\"}]}" });
}

static void what_is_no_row_is_passed_over(void **state)
{
	const struct given rows[] = { { "cards", NULL, "[1]" }, { "cards", NULL, "7" }, { "", NULL, "{\"id\":1}" } };
	assert_int_equal(infer_tables(inferred(rows, 3)), 0);
}

/* Somebody whose names never repeat must not have it all in memory, and is told so. */
static void of_very_many_names_some_are_counted(void **state)
{
	struct infer *infer = inferred(NULL, 0);
	for (int i = 0; i < INFER_COLUMNS + 5; i++) {
		const char *text = arena_format(arena, "{\"id\":%d,\"c%d\":1}", i, i);
		struct sl_document *document = sl_json_read((struct sl_text){ text, strlen(text) }, NULL, 0);
		infer_row(infer, sl_text_of("wide"), sl_text_of(NULL), sl_json_root(document));
		infer_row(infer, sl_text_of(arena_format(arena, "t%d", i)), sl_text_of(NULL), sl_json_root(document));
		sl_json_free(&document);
	}
	infer->failed = 3;
	const char *text = as_yaml(infer);
	assert_int_equal(infer_tables(infer), INFER_TABLES);
	assert_non_null(strstr(text, "# 3 more could not be looked at: they failed on their way.\n"));
	assert_non_null(strstr(text, "      # more than 200 different columns came\n"));
	assert_non_null(strstr(text, "  # more than 100 different tables came\n"));
	assert_null(strstr(text, "c200:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_id_becomes_the_key, begin_arena, end_arena),
		cmocka_unit_test_setup_teardown(rows_that_nothing_names_are_named_by_the_engine, begin_arena, end_arena),
		cmocka_unit_test_setup_teardown(what_goes_is_marked_where_rows_can_go, begin_arena, end_arena),
		cmocka_unit_test_setup_teardown(a_set_hangs_on_its_parent, begin_arena, end_arena),
		cmocka_unit_test_setup_teardown(what_is_no_row_is_passed_over, begin_arena, end_arena),
		cmocka_unit_test_setup_teardown(of_very_many_names_some_are_counted, begin_arena, end_arena),
	};
	bed_begin("");
	return cmocka_run_group_tests(tests, NULL, remove_folder);
}
