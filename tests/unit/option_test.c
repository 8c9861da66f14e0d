/* SPDX-License-Identifier: Apache-2.0 */
/* option_test.c - option tables: from YAML to JSON, from JSON to a struct, to a description and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/option.h"
#include "sdk/text.h"

struct wares {
	bool open;
	int64_t page, every, room;
	const char *key, *mode, *path;
	const char *const *boards, *const *secret;
	const struct sl_pair *const *names;
};

static const char *const modes[] = { "fast", "safe", NULL };
static const struct sl_option table[] = {
	SL_OPTION(BOOL, struct wares, open, .initial = "no", .help = "whether it is open"),
	SL_OPTION(INT, struct wares, page, .initial = "1000", .min = 1, .max = 1000, .help = "rows at a time"),
	SL_OPTION(DURATION, struct wares, every, .initial = "15m", .min = 1000, .max = 86400000, .help = "how often"),
	{ .name = "room", .type = OPTION_SIZE, .at = SL_AT_INT(struct wares, room), .initial = "64 MB", .min = 1, .max = INT64_MAX },
	SL_OPTION(TEXT, struct wares, key, .help = "the application's key"),
	SL_OPTION(CHOICE, struct wares, mode, .initial = "safe", .choices = modes, .help = "how"),
	SL_OPTION(PATH, struct wares, path, .initial = "w.db", .help = "the file"),
	SL_OPTION(LIST, struct wares, boards, .initial = "[a, b]", .help = "the boards"),
	SL_OPTION(SECRET, struct wares, secret, .help = "the secret"),
	SL_OPTION(MAP, struct wares, names, .initial = "{ x: y }", .help = "names"),
	{ 0 },
};

static struct arena *arena;
static struct faults faults;
static struct buf out;
static struct why why;

static int begin(void **state)
{
	arena = arena_new();
	faults = (struct faults){ .arena = arena };
	why = (struct why){ 0 };
	return 0;
}

static int end(void **state)
{
	arena_free(&arena);
	buf_free(&out);
	return 0;
}

static bool read_it(const char *yaml)
{
	static const char *const others[] = { "use", NULL };
	const struct option_reading reading = { table, "sink s", others, "/conf" };
	const struct yaml_node *map = yaml_read_text("/conf/f.yaml", sl_text_of(yaml), arena, &why);
	faults.count = 0;
	buf_clear(&out);
	assert_non_null(map);
	return option_read(&reading, map, map, &out, &faults);
}

static void one_fault(const char *yaml, const char *sentence)
{
	assert_false(read_it(yaml));
	assert_int_equal(faults.count, 1);
	assert_string_equal(faults.at[0], sentence);
}

static void values_are_read_with_their_types(void **state)
{
	assert_true(read_it("use: x\nopen: yes\npage: \"7\"\nevery: 1h30m\nroom: 2k\nkey: 1.10\nmode: fast\npath: "
			    "./d/../w.db\n"
			    "boards: one\nsecret: [n, '']\nnames: { a: 1, b: 'no' }\n"));
	assert_string_equal(out.at, "{\"open\":true,\"page\":7,\"every\":5400000,\"room\":2048,\"key\":\"1.10\","
				    "\"mode\":\"fast\",\"path\":\"/conf/d/../w.db\","
				    "\"boards\":[\"one\"],\"secret\":[\"n\"],\"names\":{\"a\":\"1\",\"b\":\"no\"}}");
}

static void initial_values_are_written_out(void **state)
{
	assert_true(read_it("key: k\nsecret: s\n"));
	assert_string_equal(out.at, "{\"open\":false,\"page\":1000,\"every\":900000,\"room\":67108864,\"key\":\"k\","
				    "\"mode\":\"safe\",\"path\":\"/conf/w.db\","
				    "\"boards\":[\"a\",\"b\"],\"secret\":[\"s\"],\"names\":{\"x\":\"y\"}}");
}

static void each_fault_names_its_place_and_the_remedy(void **state)
{
#define REST "\nkey: k\nsecret: s\n"
	one_fault("bords: [x]" REST, "/conf/f.yaml:1:1: `bords` is no key of sink s; did you mean `boards`?");
	one_fault("page: many" REST, "/conf/f.yaml:1:7: `page` must be a whole number, not 'many'");
	one_fault("page: 1001" REST, "/conf/f.yaml:1:7: `page` must be between 1 and 1000, not '1001'");
	one_fault("every: 15" REST, "/conf/f.yaml:1:8: `every` must be a duration such as 90s, 15m, 48h or 14d, not '15'");
	one_fault("every: 2d" REST, "/conf/f.yaml:1:8: `every` must be between 1s and 1d, not '2d'");
	one_fault("room: 0" REST, "/conf/f.yaml:1:7: `room` must be at least 1, not '0'");
	one_fault("room: big" REST, "/conf/f.yaml:1:7: `room` must be a size such as 64 MB or 10 GB, not 'big'");
	one_fault("open: maybe" REST, "/conf/f.yaml:1:7: `open` must be true or false, not 'maybe'");
	one_fault("mode: slow" REST, "/conf/f.yaml:1:7: `mode` must be one of: fast, safe; not 'slow'");
	one_fault("boards: { a: b }" REST, "/conf/f.yaml:1:9: `boards` must be a list of plain values, not a map");
	one_fault("boards: [[a]]" REST, "/conf/f.yaml:1:10: `boards` must hold plain values, not a list");
	one_fault("names: [a]" REST, "/conf/f.yaml:1:8: `names` must be a map of names to plain values, not a list");
	one_fault("path:" REST, "/conf/f.yaml:1:6: `path` has no value; give it one or remove the line");
	one_fault("path: [a]" REST, "/conf/f.yaml:1:7: `path` must be a path, not a list");
	one_fault("secret: s\n", "/conf/f.yaml:1:1: sink s needs `key`, text: the application's key");
}

static void all_faults_are_told(void **state)
{
	assert_false(read_it("opne: 1\npage: x\nevery: y\n"));
	assert_int_equal(faults.count, 5);
}

static void a_table_of_faults_has_an_end(void **state)
{
	for (int i = 0; i < 30; i++)
		faults_say(&faults, "fault %d", i);
	assert_int_equal(faults.count, 30);
	assert_string_equal(faults.at[FAULTS_MOST - 1], "fault 19");
}

static struct wares filled(const char *json)
{
	struct wares wares = { 0 };
	struct sl_document *document = sl_json_read(sl_text_of(json), why.text, sizeof(why.text));
	assert_true(option_fill(table, OPTION_ROW, sl_json_root(document), &wares, arena, &why));
	sl_json_free(&document);
	return wares;
}

static void a_struct_is_filled(void **state)
{
	struct wares wares = filled("{\"open\":true,\"page\":7,\"every\":5,\"room\":6,\"key\":\"k\",\"mode\":\"fast\","
				    "\"path\":\"/p\","
				    "\"boards\":[\"x\",\"y\"],\"secret\":[\"s\"],\"names\":{\"a\":\"1\"}}");
	assert_true(wares.open);
	assert_int_equal(wares.page + wares.every + wares.room, 18);
	assert_string_equal(wares.key, "k");
	assert_string_equal(wares.path, "/p");
	assert_string_equal(wares.boards[1], "y");
	assert_null(wares.boards[2]);
	assert_string_equal(wares.secret[0], "s");
	assert_string_equal(wares.names[0]->name, "a");
	assert_string_equal(wares.names[0]->value, "1");
	assert_null(wares.names[1]);
}

static void what_is_not_given_takes_its_initial_value(void **state)
{
	struct wares wares = filled("{\"key\":\"k\"}");
	assert_int_equal(wares.every, 900000);
	assert_string_equal(wares.boards[0], "a");
	assert_string_equal(wares.names[0]->value, "y");
	assert_null(wares.secret[0]);
}

static void a_struct_is_not_filled_with_something_else(void **state)
{
	static const char *const wrong[] = { "{}", "{\"key\":7}", "{\"key\":\"a\\u0000b\"}",
		"{\"key\":\"k\",\"boards\":\"x\"}",
		"{\"key\":\"k\",\"boards\":[1]}", "{\"key\":\"k\",\"names\":[]}", "{\"key\":\"k\",\"page\":1.5}", "[]" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct wares wares = { 0 };
		struct sl_document *document = sl_json_read(sl_text_of(wrong[i]), NULL, 0);
		assert_false(option_fill(table, OPTION_ROW, sl_json_root(document), &wares, arena, &why));
		assert_non_null(strchr(why.text, '`'));
		sl_json_free(&document);
	}
}

/* A plugin of an older engine, whose rows were shorter. */
static void rows_may_be_shorter_than_ours(void **state)
{
	struct old_row {
		const char *name;
		enum sl_type type;
		size_t at;
		const char *initial;
	} rows[] = { { "key", SL_TEXT, offsetof(struct wares, key), "old" }, { 0 } };
	struct wares wares = { 0 };
	assert_true(option_fill((const void *)rows, sizeof(*rows), NULL, &wares, arena, &why));
	assert_string_equal(wares.key, "old");
}

static void a_description_comes_back_as_the_same_table(void **state)
{
	struct buf again = { 0 };
	option_describe(table, OPTION_ROW, &out);
	struct sl_document *document = sl_json_read((struct sl_text){ out.at, out.len }, NULL, 0);
	const struct sl_option *back = option_table(sl_json_root(document), arena, &why);
	assert_non_null(back);
	option_describe(back, OPTION_ROW, &again);
	assert_string_equal(out.at, again.at);
	sl_json_free(&document);
	buf_free(&again);
}

static void a_hostile_description_is_refused(void **state)
{
	static const char *const forms[] = { "{}", "[1]", "[{}]", "[{\"name\":\"a\"}]",
		"[{\"name\":\"a b\",\"type\":\"int\"}]",
		"[{\"name\":\"a\",\"type\":\"choice\"}]", "[{\"name\":\"a\",\"type\":\"choice\",\"choices\":7}]",
		"[{\"name\":\"a\",\"type\":\"int\",\"initial\":\"x\"}]",
		"[{\"name\":\"a\",\"type\":\"int\",\"min\":2,\"max\":1}]",
		"[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"int\"}]",
		"[{\"name\":\"a\",\"type\":\"list\",\"initial\":\"[&x a, *x]\"}]", "[{\"name\":7,\"type\":\"int\"}]",
		"[{\"name\":\"a\",\"type\":\"text\",\"help\":{}}]" };
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct sl_document *document = sl_json_read(sl_text_of(forms[i]), NULL, 0);
		assert_non_null(document);
		if (option_table(sl_json_root(document), arena, &why))
			fail_msg("taken: %s", forms[i]);
		sl_json_free(&document);
	}
	assert_null(option_table(NULL, arena, &why));
}

static void a_manual_is_read_off_the_table(void **state)
{
	option_manual(table, true, &out);
	assert_non_null(strstr(out.at, "- `page`: rows at a time (int, 1 to 1000; `1000` unless given)\n"));
	assert_non_null(strstr(out.at, "- `mode`: how (choice: `fast`, `safe`; `safe` unless given)\n"));
	assert_non_null(strstr(out.at, "- `key`: the application's key (text; must be given)\n"));
	assert_non_null(strstr(out.at, "- `every`: how often (duration, 1s to 1d; `15m` unless given)\n"));
}

static void paths_start_at_the_file(void **state)
{
	assert_string_equal(option_path("/a/b/f.yaml", "c", arena), "/a/b/c");
	assert_string_equal(option_path("/f.yaml", "./c/.//d", arena), "/c/d");
	assert_string_equal(option_path("/a/f.yaml", "/x/./y/", arena), "/x/y");
	assert_string_equal(option_path("/a/f.yaml", "../y", arena), "/a/../y");
	assert_string_equal(option_path("/f.yaml", ".", arena), "/");
	assert_int_equal(*option_path("f.yaml", "c", arena), '/');
	assert_null(strstr(option_path("./f.yaml", "c", arena), "/./"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(values_are_read_with_their_types),
		CASE(initial_values_are_written_out),
		CASE(each_fault_names_its_place_and_the_remedy),
		CASE(all_faults_are_told),
		CASE(a_table_of_faults_has_an_end),
		CASE(a_struct_is_filled),
		CASE(what_is_not_given_takes_its_initial_value),
		CASE(a_struct_is_not_filled_with_something_else),
		CASE(rows_may_be_shorter_than_ours),
		CASE(a_description_comes_back_as_the_same_table),
		CASE(a_hostile_description_is_refused),
		CASE(a_manual_is_read_off_the_table),
		CASE(paths_start_at_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
