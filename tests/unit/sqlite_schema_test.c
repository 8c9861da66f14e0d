/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_schema_test.c - the sqlite sink: how the file differs from the schema, and what is done about it. */
#include "sqlite_bed.h"

static const char shop[] =
	"tables:\n"
	"  cards:\n"
	"    mode: upsert\n"
	"    key: id\n"
	"    indexes: [due]\n"
	"    columns: { id: text, title: text, due: timestamp }\n"
	"  exact:\n"
	"    mode: upsert\n"
	"    strict: true\n"
	"    key: id\n"
	"    columns: { id: text, size: int }\n";

static int begin(void **state)
{
	struct fixture *f = sqlite_begin(shop);
	load(f, shop, "-- view: late\nSELECT id FROM cards WHERE due IS NOT NULL;\n");
	*state = f;
	return 0;
}

static int begin_open(void **state)
{
	begin(state);
	opens(*state);
	return 0;
}

static enum sl_outcome schema(struct fixture *f, const char *verb)
{
	bed_offer(f);
	f->call.verb = verb;
	return run(f, f->plugin->schema);
}

/* The types of the differences, each with its table and whether it is safe. */
static void differs(struct fixture *f, const char *verb, const char *wanted)
{
	struct buf out = { 0 };
	if (schema(f, verb) != SL_DONE)
		fail_msg("%s", f->why);
	buf_string(&out, "");
	for (const char *at = f->emitted.len ? f->emitted.at : ""; *at; at = strchr(at, '\n') + 1) {
		const char *json = strchr(at, '{');
		struct sl_document *document = sl_json_read((struct sl_text){ json, strcspn(json, "\n") }, NULL, 0);
		assert_non_null(document);
		struct sl_text table = sl_json_string(sl_json_at(sl_json_root(document), "/table"));
		struct sl_text column = sl_json_string(sl_json_at(sl_json_root(document), "/column"));
		bool safe = sl_json_true(sl_json_at(sl_json_root(document), "/safe"));
		buf_format(&out, "%.*s %s%s%s%s\n", (int)(json - at - 1), at, table.at, column.at ? "." : "",
			column.at ? column.at : "", safe ? "" : ", unsafe");
		sl_json_free(&document);
	}
	if (strcmp(out.at ? out.at : "", wanted) != 0)
		fail_msg("wanted\n%sgot\n%s%s", wanted, out.at ? out.at : "", f->emitted.at ? f->emitted.at : "");
	buf_free(&out);
}

static void tells(struct fixture *f, const char *words)
{
	if (!strstr(f->emitted.at, words))
		fail_msg("wanted %s in\n%s", words, f->emitted.at);
}

/* ------------------------------------------------------------------- looking */

static void a_file_that_is_not_there_is_only_looked_at(void **state)
{
	struct fixture *f = *state;
	static const char all[] = "add table cards\nadd index cards.due\nadd table exact\nadd table _sluice_routes\n"
		"add table _sluice_open\nmake view late\nmake view sluice_dead\n";
	differs(f, "diff", all);
	tells(f, "CREATE TABLE \\\"cards\\\" (\\n\\t\\\"id\\\" TEXT NOT NULL");
	assert_int_not_equal(access(file, F_OK), 0);
	differs(f, "apply", all);
	differs(f, "diff", "");
	opens(f);
	row(f, "cards", "{\"id\":\"a\"}");
	delivers(f);
	assert_int_equal(schema(f, "improve"), SL_FAIL);
}

static void looking_changes_nothing(void **state)
{
	struct fixture *f = *state;
	bed_close(f);
	does(f, "DROP INDEX \"cards: due\"; ALTER TABLE cards DROP COLUMN title; DROP VIEW late");
	char *was = reads("SELECT sql FROM sqlite_schema ORDER BY name");
	differs(f, "diff", "add column cards.title\nadd index cards.due\nmake view late\n");
	char *is = reads("SELECT sql FROM sqlite_schema ORDER BY name");
	assert_string_equal(was, is);
	free(was);
	free(is);
	differs(f, "apply", "add column cards.title\nadd index cards.due\nmake view late\n");
	differs(f, "diff", "");
}

static void what_is_there_in_addition_stays(void **state)
{
	struct fixture *f = *state;
	bed_close(f);
	does(f, "ALTER TABLE cards ADD COLUMN mine; CREATE TABLE old (_event_id, _event_time, _synced_at);"
		"CREATE TABLE theirs (a); CREATE VIEW gone AS /* made by sluice */ SELECT 1; CREATE VIEW own AS SELECT 1");
	differs(f, "apply", "extra column cards.mine\nextra table old\nextra view gone\n");
	differs(f, "force", "extra column cards.mine\nextra table old\nextra view gone\n");
	sees(f, "SELECT count(*) FROM own UNION ALL SELECT count(*) FROM gone", "1\n1\n");
}

static void a_view_that_does_not_work_is_told_before(void **state)
{
	struct fixture *f = *state;
	load(f, shop, "-- view: late\nSELECT missing FROM cards;\n");
	differs(f, "diff", "make view late\nconflict late, unsafe\n");
	tells(f, "no such column: missing");
	load(f, shop, "-- view: late\nSELECT FROM cards;\n");
	differs(f, "diff", "conflict late, unsafe\nconflict late, unsafe\n");
	assert_int_equal(schema(f, "apply"), SL_FAIL);
	says(f, "the view late: near \"FROM\": syntax error");
	sees(f, "SELECT count(*) FROM late", "0\n");
}

/* ------------------------------------------------------------------- changes */

static void a_column_with_a_default_comes_to_old_rows(void **state)
{
	struct fixture *f = *state;
	row(f, "cards", "{\"id\":\"a\"}");
	row(f, "exact", "{\"id\":\"a\"}");
	delivers(f);
	bed_close(f);
	load(f, "tables:\n"
		"  cards:\n"
		"    mode: upsert\n"
		"    key: id\n"
		"    columns:\n"
		"      id: text\n"
		"      text: { type: text, default: \"it's\" }\n"
		"      price: { type: decimal, default: 1.50 }\n"
		"      long: { type: decimal, default: \"12345678901234567890.10\" }\n"
		"      paid: { type: bool, default: true }\n"
		"      at: { type: timestamp, default: \"2026-11-21T22:26:40Z\" }\n"
		"      day: { type: date, default: \"2026-11-21\" }\n"
		"      raw: { type: json, default: { a: [1] } }\n"
		"      twice: { type: decimal, generated: \"price * 2\" }\n"
		"  exact:\n"
		"    mode: upsert\n"
		"    strict: true\n"
		"    key: id\n"
		"    columns: { id: text, price: { type: decimal, default: 1.50 } }\n", "");
	opens(f);
	sees(f, "SELECT text, price, typeof(price), CAST(long AS TEXT), paid, at, day, raw, twice FROM cards",
		"it's|1.5|real|12345678901234567890.10|1|2026-11-21T22:26:40.000Z|2026-11-21|{\"a\":[1]}|3\n");
	sees(f, "SELECT price FROM exact", "1.50\n");
}

static void a_wider_type_takes_the_place_of_the_narrow_one(void **state)
{
	struct fixture *f = *state;
	row(f, "exact", "{\"id\":\"a\",\"size\":7}");
	delivers(f);
	bed_close(f);
	does(f, "CREATE INDEX theirs ON exact (size); CREATE TRIGGER mine AFTER INSERT ON exact BEGIN SELECT 1; END;"
		"CREATE VIEW sizes AS SELECT size FROM exact; CREATE VIEW broken AS SELECT * FROM nowhere");
	load(f, "tables:\n  exact:\n    mode: upsert\n    strict: true\n    key: id\n"
		"    columns: { id: text, size: decimal }\n", "-- view: late\nSELECT 1\n");
	differs(f, "diff", "widen column exact.size\nmake view late\nextra table cards\n");
	opens(f);
	row(f, "exact", "{\"id\":\"b\",\"size\":\"7.50\"}");
	delivers(f);
	sees(f, "SELECT size, typeof(size) FROM sizes", "7|text\n7.50|text\n");
	sees(f, "SELECT name FROM sqlite_schema WHERE tbl_name = 'exact' AND type <> 'table' AND sql IS NOT NULL",
		"theirs\nmine\n");
	differs(f, "diff", "extra table cards\n");
}

static void another_type_is_a_conflict_that_force_solves(void **state)
{
	struct fixture *f = *state;
	row(f, "exact", "{\"id\":\"a\",\"size\":7}");
	row(f, "cards", "{\"id\":\"a\",\"title\":\"t\"}");
	delivers(f);
	bed_close(f);
	load(f, "tables:\n  exact:\n    mode: upsert\n    key: id\n    columns: { id: text, size: text }\n"
		"  cards:\n    mode: upsert\n    key: id\n    columns: { id: text, title: int, due: timestamp }\n", "");
	assert_int_equal(bed_open(f), SL_FAIL);
	says(f, "the column exact.size is declared INTEGER and cannot hold what the schema puts there (TEXT)");
	says(f, "`sluice schema diff` tells more");
	differs(f, "apply", "conflict exact.size, unsafe\nconflict exact, unsafe\nconflict cards.title, unsafe\n"
		"extra view late\n");
	assert_int_equal(bed_open(f), SL_FAIL);
	differs(f, "force", "conflict exact.size, unsafe\nconflict exact, unsafe\nconflict cards.title, unsafe\n"
		"extra view late\n");
	opens(f);
	sees(f, "SELECT size, typeof(size), (SELECT title FROM cards) FROM exact", "7|text|t\n");
	differs(f, "diff", "extra view late\n");
}

static void a_renamed_key_is_named(void **state)
{
	struct fixture *f = *state;
	row(f, "cards", "{\"id\":\"a\",\"title\":\"t\"}");
	delivers(f);
	bed_close(f);
	load(f, "tables:\n  cards:\n    mode: upsert\n    key: card\n    columns: { card: text, title: text }\n", "");
	assert_int_equal(bed_open(f), SL_FAIL);
	says(f, "the key of the table cards has the column id, and in the schema card");
	differs(f, "diff", "conflict cards.card, unsafe\nextra column cards.due\nextra table exact\n"
		"extra view late\n");
	tells(f, "ALTER TABLE \\\"cards\\\" RENAME COLUMN \\\"id\\\" TO \\\"card\\\"");
	differs(f, "force", "conflict cards.card, unsafe\nextra column cards.due\nextra table exact\n"
		"extra view late\n");
	opens(f);
	row(f, "cards", "{\"card\":\"a\",\"title\":\"u\"}");
	delivers(f);
	sees(f, "SELECT card, title FROM cards", "a|u\n");
}

static void another_key_would_refuse_rows(void **state)
{
	struct fixture *f = *state;
	bed_close(f);
	does(f, "INSERT INTO cards (id, title) VALUES ('a', 't')");
	load(f, "tables:\n  cards:\n    mode: upsert\n    key: [id, title]\n    columns: { id: text, title: text }\n", "");
	assert_int_equal(bed_open(f), SL_FAIL);
	says(f, "the table cards has another PRIMARY KEY than the schema");
	differs(f, "force", "extra column cards.due\nconflict cards, unsafe\nextra table exact\nextra view late\n");
	opens(f);
	row(f, "cards", "{\"id\":\"a\",\"title\":\"u\"}");
	delivers(f);
	sees(f, "SELECT id, title FROM cards ORDER BY 2", "a|t\na|u\n");
}

static void a_removed_column_stays_unless_rows_cannot_be_without(void **state)
{
	struct fixture *f = *state;
	bed_close(f);
	load(f, "tables:\n  cards:\n    mode: upsert\n    key: id\n    columns: { id: text, due: timestamp }\n", "");
	opens(f);
	row(f, "cards", "{\"id\":\"a\"}");
	delivers(f);
	bed_close(f);
	does(f, "ALTER TABLE cards ADD COLUMN must TEXT NOT NULL DEFAULT 'x'");
	opens(f);
	row(f, "cards", "{\"id\":\"b\"}");
	delivers(f);
	does(f, "DROP TABLE cards; CREATE TABLE cards (id TEXT PRIMARY KEY, must TEXT NOT NULL)");
	bed_close(f);
	assert_int_equal(bed_open(f), SL_FAIL);
	says(f, "the column cards.must is not in the schema, and must have a value in each row");
}

static void what_is_computed_otherwise_is_told(void **state)
{
	static const char form[] = "tables:\n  cards:\n    mode: upsert\n    key: id\n    columns: { id: text, size: int,"
		" more: { type: int, %s } }\n";
	struct fixture *f = *state;
	char text[300];
	snprintf(text, sizeof(text), form, "generated: size + 1");
	load(f, text, "");
	opens(f);
	row(f, "cards", "{\"id\":\"a\",\"size\":7}");
	delivers(f);
	snprintf(text, sizeof(text), form, "generated: size + 2");
	load(f, text, "");
	differs(f, "diff", "conflict cards.more, unsafe\nextra column cards.title\nextra column cards.due\n"
		"extra table exact\nextra view late\n");
	opens(f);
	sees(f, "SELECT more FROM cards", "8\n");
	differs(f, "force", "conflict cards.more, unsafe\nextra column cards.title\nextra column cards.due\n"
		"extra table exact\nextra view late\n");
	sees(f, "SELECT more FROM cards", "9\n");
	snprintf(text, sizeof(text), form, "required: false");
	load(f, text, "");
	assert_int_equal(bed_open(f), SL_FAIL);
	says(f, "the column cards.more is a computed one");
}

static void doubles_are_named_before_a_key_is_made(void **state)
{
	struct fixture *f = *state;
	bed_close(f);
	does(f, "DROP TABLE cards; CREATE TABLE cards (id TEXT, title TEXT); INSERT INTO cards VALUES ('a', 1), ('a', 2)");
	differs(f, "diff", "add column cards.due\nadd column cards._event_id\nadd column cards._event_time\n"
		"add column cards._synced_at\nconflict cards, unsafe\nadd index cards.due\n");
	tells(f, "remove the doubles");
	assert_int_equal(bed_open(f), SL_FAIL);
	does(f, "DELETE FROM cards WHERE title = 2");
	opens(f);
	row(f, "cards", "{\"id\":\"a\"}");
	delivers(f);
	sees(f, "SELECT id, title FROM cards", "a|~\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_open, sqlite_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_only_looked_at, begin, sqlite_end),
		TEST(looking_changes_nothing),
		TEST(what_is_there_in_addition_stays),
		TEST(a_view_that_does_not_work_is_told_before),
		TEST(a_column_with_a_default_comes_to_old_rows),
		TEST(a_wider_type_takes_the_place_of_the_narrow_one),
		TEST(another_type_is_a_conflict_that_force_solves),
		TEST(a_renamed_key_is_named),
		TEST(another_key_would_refuse_rows),
		TEST(a_removed_column_stays_unless_rows_cannot_be_without),
		TEST(what_is_computed_otherwise_is_told),
		TEST(doubles_are_named_before_a_key_is_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
