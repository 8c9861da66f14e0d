/* SPDX-License-Identifier: Apache-2.0 */
/* schema_added_test.c - the file of what came to a schema in addition, when it is not as the engine left it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "schema_bed.h"

static const char notes[] = "tables:\n  notes: { mode: append, key: [id], columns: { id: text } }\n";
static char evolved[300];

static const struct growth colour = {
	.kind = GROWTH_COLUMN,
	.table = "notes",
	.column = "colour",
	.type = SL_COLUMN_TEXT,
};

static int begin_without(void **state)
{
	unlink(evolved);
	return 0;
}

static const char *contents(void)
{
	static char text[4096];
	FILE *in = fopen(evolved, "r");
	assert_non_null(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	return text;
}

/* Neither read nor written while this stands in it. */
static void refused_with(const char *text, const char *sentence)
{
	struct why opened = { 0 }, noted = { 0 };
	write_file("notes.jsonl", text);
	assert_null(schema_open(&(struct schema_wish){ .file = file, .evolved = evolved }, &opened));
	assert_false(schema_note(evolved, &colour, &noted));
	if (!strstr(opened.text, sentence) || !strstr(noted.text, sentence))
		fail_msg("wanted \"%s\", got \"%s\" and \"%s\"", sentence, opened.text, noted.text);
	assert_string_equal(contents(), text);
}

static void a_line_that_says_nothing_is_named_and_left_alone(void **state)
{
	static const struct {
		const char *text, *sentence;
	} table[] = {
		{ "{\"table\":\"notes\"\n", "notes.jsonl:1: this is no JSON object; it is written by the engine: take the line out" },
		{ "\n\n[1]\n", "notes.jsonl:3: this is no JSON object" },
		{ "{}\n", "notes.jsonl:1: `table` is no name of a table" },
		{ "{\"table\":1}\n", "`table` is no name of a table" },
		{ "{\"table\":\"\"}\n", "`table` is no name of a table" },
		{ "{\"table\":\"a\\u0000b\"}\n", "`table` is no name of a table" },
		{ "{\"table\":\"_sluice_routes\"}\n", "`table` is no name of a table" },
		{ "{\"table\":\"a\"}\n{\"table\":\"a\",\"column\":7}\n", "notes.jsonl:2: `column` is no name of a column" },
		{ "{\"table\":\"a\",\"column\":\"b\"}\n", "`type` is no type of a column" },
		{ "{\"table\":\"a\",\"column\":\"b\",\"type\":\"blob\"}\n", "`type` is no type of a column" },
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		refused_with(table[i].text, table[i].sentence);
}

static void a_line_that_was_never_finished_is_cut_off(void **state)
{
	struct why why = { 0 };
	write_file("notes.jsonl", "{\"table\":\"people\"}\n{\"table\":\"half a li");
	assert_true(schema_note(evolved, &colour, &why));
	assert_string_equal(contents(),
		"{\"table\":\"people\"}\n{\"table\":\"notes\",\"column\":\"colour\",\"type\":\"text\"}\n");
}

static void a_file_that_is_too_large_is_refused(void **state)
{
	struct why why = { 0 };
	struct stat before, after;
	write_file("notes.jsonl", "");
	assert_int_equal(truncate(evolved, 1024 * 1024 + 1), 0);
	assert_false(schema_note(evolved, &colour, &why));
	assert_non_null(strstr(why.text, "notes.jsonl has more than 1 MB"));
	assert_null(schema_open(&(struct schema_wish){ .file = file, .evolved = evolved }, &why));
	assert_non_null(strstr(why.text, "notes.jsonl has more than 1 MB"));

	FILE *out = fopen(evolved, "w"); /* full to the last byte, with lines that say nothing new */
	for (int i = 0; i < 1024 * 1024; i++)
		fputc('\n', out);
	fclose(out);
	assert_int_equal(stat(evolved, &before), 0);
	assert_false(schema_note(evolved, &colour, &why));
	assert_non_null(strstr(why.text, "would have more than 1 MB; put what it has into the schema file"));
	assert_int_equal(stat(evolved, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
}

static void who_holds_it_for_long_is_told_of(void **state)
{
	struct why why = { 0 };
	write_file("notes.jsonl", "");
	int other = open(evolved, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX), 0);
	assert_false(schema_note(evolved, &colour, &why));
	assert_non_null(strstr(why.text, "notes.jsonl is locked by another process"));
	assert_string_equal(contents(), "");
	close(other);
	assert_true(schema_note(evolved, &colour, &why));
}

static void what_is_no_file_is_told_of(void **state)
{
	struct why why = { 0 };
	assert_int_equal(mkdir(evolved, 0700), 0);
	assert_false(schema_note(evolved, &colour, &why));
	assert_non_null(strstr(why.text, "notes.jsonl cannot be opened"));
	assert_null(schema_open(&(struct schema_wish){ .file = file, .evolved = evolved }, &why));
	assert_non_null(strstr(why.text, "notes.jsonl cannot be read"));
	rmdir(evolved);
}

static void a_growth_is_told_in_words(void **state)
{
	static const struct {
		struct growth growth;
		const char *words;
	} table[] = {
		{ { .kind = GROWTH_TABLE, .table = "people" }, "a table people" },
		{ { .kind = GROWTH_COLUMN, .table = "notes", .column = "n", .type = SL_COLUMN_INT },
			"a column notes.n of type int" },
		{ { .kind = GROWTH_WIDER, .table = "notes", .column = "n", .type = SL_COLUMN_DECIMAL }, "notes.n as decimal" },
	};
	struct arena *arena = arena_new();
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		assert_string_equal(growth_shown(&table[i].growth, arena), table[i].words);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_line_that_says_nothing_is_named_and_left_alone, begin_without),
		cmocka_unit_test_setup(a_line_that_was_never_finished_is_cut_off, begin_without),
		cmocka_unit_test_setup(a_file_that_is_too_large_is_refused, begin_without),
		cmocka_unit_test_setup(who_holds_it_for_long_is_told_of, begin_without),
		cmocka_unit_test_setup(what_is_no_file_is_told_of, begin_without),
		cmocka_unit_test(a_growth_is_told_in_words),
	};
	bed_begin(notes);
	write_file("shop.yaml", notes);
	snprintf(evolved, sizeof(evolved), "%s/notes.jsonl", folder);
	return cmocka_run_group_tests(tests, NULL, remove_folder);
}
