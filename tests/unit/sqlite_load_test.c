/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_load_test.c - the sqlite sink: whole loads, staged and swapped in. */
#include "sqlite_bed.h"

static const char shop[] =
	"tables:\n"
	"  cards:\n"
	"    mode: upsert\n"
	"    key: id\n"
	"    indexes: [title]\n"
	"    snapshot: true\n"
	"    columns: { id: text, title: text, twice: { type: text, generated: \"title || title\" } }\n"
	"  strict:\n"
	"    mode: append\n"
	"    key: id\n"
	"    strict: true\n"
	"    snapshot: { least: 2, change: 50, nulls: 10, duplicates: allow }\n"
	"    columns: { id: text, price: decimal }\n"
	"  other:\n"
	"    mode: upsert\n"
	"    key: id\n"
	"    columns: { id: text }\n";

static int begin(void **state)
{
	struct fixture *f = sqlite_begin(shop);
	load(f, shop, "-- view: titles\nSELECT id, title FROM cards;\n");
	opens(f);
	*state = f;
	return 0;
}

static struct sl_row *bound(struct fixture *f, const char *table, enum sl_mode mode, const char *run, int64_t time)
{
	struct sl_row *row = add(f);
	*row = (struct sl_row){ .table = schema_table(f->schema, table), .mode = mode, .load = run,
		.version_time = (NOW + time) * 1000, .version_id = run };
	return row;
}

static void begins(struct fixture *f, const char *table, const char *run, int64_t time)
{
	bound(f, table, SL_LOAD_BEGIN, run, time);
}

static void ends(struct fixture *f, const char *table, const char *run, int64_t time)
{
	bound(f, table, SL_LOAD_END, run, time);
}

/* A row of the load, from an event of its own unless it is given. */
static void loads(struct fixture *f, const char *table, const char *run, const char *id, const char *event,
	const char *rest)
{
	char json[200];
	snprintf(json, sizeof(json), "{\"id\":\"%s\"%s}", id, rest);
	f->id = event ? event : id;
	row(f, table, json)->load = run;
}

static void load_is(struct fixture *f, const char *table, const char *run, int64_t time, const char *ids)
{
	begins(f, table, run, time);
	for (; *ids; ids++)
		loads(f, table, run, (char[]){ *ids, '\0' }, NULL, "");
	ends(f, table, run, time + 1);
	delivers(f);
}

static void is_refused(struct fixture *f, size_t index, const char *reason)
{
	assert_int_equal(run(f, f->plugin->deliver), SL_DONE);
	assert_int_equal(f->settled[index], SL_FAIL);
	if (strcmp(f->reasons[index], reason) != 0)
		fail_msg("wanted %s\ngot %s", reason, f->reasons[index]);
}

/* ---------------------------------------------------------------------- tests */

static void a_load_takes_the_tables_place_at_its_end(void **state)
{
	struct fixture *f = *state;
	load_is(f, "cards", "r1", 0, "abc");
	begins(f, "cards", "r2", 10);
	loads(f, "cards", "r2", "c", NULL, ",\"title\":\"C\"");
	loads(f, "cards", "r2", "d", NULL, "");
	delivers(f);
	sees(f, "SELECT group_concat(id, '') FROM titles", "abc\n");
	sees(f, "SELECT * FROM _sluice_loads", "cards|r2|staged|2026-11-21T22:26:40.010Z|r2|3\n");
	ends(f, "cards", "r2", 20);
	delivers(f);
	sees(f, "SELECT id, title FROM titles ORDER BY 1", "c|C\nd|~\n");
	sees(f, "SELECT twice FROM cards WHERE id = 'c'", "CC\n");
	sees(f, "SELECT name, run, state, rows FROM _sluice_loads", "cards|r2|loaded|2\n");
	sees(f, "SELECT count(*) FROM sqlite_schema WHERE name GLOB '_sluice_load_*'", "0\n");
	sees(f, "PRAGMA integrity_check", "ok\n");
}

static void readers_see_the_old_table_or_the_new_one(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db;
	sqlite3_stmt *statement;
	load_is(f, "cards", "r1", 0, "abc");
	sqlite3_open(file, &db);
	sqlite3_prepare_v2(db, "SELECT id FROM titles ORDER BY id", -1, &statement, NULL);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	load_is(f, "cards", "r2", 10, "xyz");
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(statement, 0), "b");
	sqlite3_reset(statement);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(statement, 0), "x");
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

static void a_newer_load_drops_what_an_older_one_staged(void **state)
{
	struct fixture *f = *state;
	begins(f, "cards", "r1", 0);
	loads(f, "cards", "r1", "a", NULL, "");
	delivers(f);
	begins(f, "cards", "r2", 10);
	loads(f, "cards", "r1", "b", NULL, "");
	loads(f, "cards", "r2", "c", NULL, "");
	begins(f, "cards", "r1", 0);
	ends(f, "cards", "r1", 20);
	delivers(f);
	assert_string_equal(f->reasons[4], "cards: the load r1 is not the newest one: r2 is");
	ends(f, "cards", "r2", 20);
	delivers(f);
	ends(f, "cards", "r2", 20);
	ends(f, "strict", "r2", 20);
	delivers(f);
	assert_string_equal(f->reasons[0], "cards: the load r2 is in its place already");
	assert_string_equal(f->reasons[1], "strict: the load r2 was never begun");
	sees(f, "SELECT id FROM cards", "c\n");
}

static void a_load_that_begins_again_begins_with_nothing(void **state)
{
	struct fixture *f = *state;
	begins(f, "cards", "r1", 0);
	loads(f, "cards", "r1", "a", NULL, "");
	delivers(f);
	load_is(f, "cards", "r1", 0, "b");
	sees(f, "SELECT id FROM cards", "b\n");
	load_is(f, "cards", "r1", 0, "bc"); /* a rewind */
	sees(f, "SELECT group_concat(id, '') FROM cards", "bc\n");
}

static void of_one_key_the_newest_or_the_first_stays(void **state)
{
	struct fixture *f = *state;
	begins(f, "strict", "r1", 0);
	loads(f, "strict", "r1", "a", "e1", ",\"price\":\"1.50\"");
	loads(f, "strict", "r1", "a", "e2", ",\"price\":\"2\"");
	loads(f, "strict", "r1", "b", "e3", ",\"price\":\"12345678901234567890.10\"");
	ends(f, "strict", "r1", 1);
	begins(f, "cards", "r1", 0);
	loads(f, "cards", "r1", "a", "e1", ",\"title\":\"first\"");
	loads(f, "cards", "r1", "a", "e1", ",\"title\":\"again\"");
	ends(f, "cards", "r1", 1);
	delivers(f);
	sees(f, "SELECT id, price FROM strict ORDER BY 1", "a|1.50\nb|12345678901234567890.10\n");
	sees(f, "SELECT id, title FROM cards", "a|again\n");
}

static void a_load_that_is_found_wanting_changes_nothing(void **state)
{
	struct fixture *f = *state;
	begins(f, "cards", "r1", 0);
	ends(f, "cards", "r1", 1);
	is_refused(f, 1, "cards: the load r1 has 0 rows, and has to have at least 1");
	sees(f, "SELECT count(*) FROM _sluice_loads", "0\n"); /* nothing of such a batch stays */
	load_is(f, "strict", "r1", 0, "abcd");
	begins(f, "strict", "r2", 10);
	loads(f, "strict", "r2", "x", NULL, "");
	delivers(f);
	ends(f, "strict", "r2", 11);
	is_refused(f, 0, "strict: the load r2 has 1 rows, and has to have at least 2");
	for (int i = 0; i < 6; i++)
		loads(f, "strict", "r2", (char[]){ (char)('0' + i), '\0' }, NULL, "");
	delivers(f);
	ends(f, "strict", "r2", 11);
	is_refused(f, 0, "strict: the load r2 has 7 rows, and the last one had 4: 75.0 % more, where 50 % are allowed");
	sees(f, "SELECT group_concat(id, '') FROM strict", "abcd\n");
	load_is(f, "strict", "r3", 20, "wxyzab");
	sees(f, "SELECT count(*) FROM strict", "6\n");
}

static void keys_that_come_more_than_once_are_refused(void **state)
{
	struct fixture *f = *state;
	begins(f, "cards", "r1", 0);
	loads(f, "cards", "r1", "a", "e1", "");
	loads(f, "cards", "r1", "a", "e2", "");
	loads(f, "cards", "r1", "b", "e3", "");
	ends(f, "cards", "r1", 1);
	is_refused(f, 4, "cards: in the load r1 1 key comes more than once");
}

static void too_many_nulls_are_refused(void **state)
{
	struct fixture *f = *state;
	begins(f, "strict", "r1", 0);
	for (int i = 0; i < 10; i++)
		loads(f, "strict", "r1", (char[]){ (char)('a' + i), '\0' }, NULL, i ? ",\"price\":1" : "");
	ends(f, "strict", "r1", 1);
	begins(f, "strict", "r2", 10);
	for (int i = 0; i < 10; i++)
		loads(f, "strict", "r2", (char[]){ (char)('a' + i), '\0' }, NULL, i > 2 ? ",\"price\":1" : "");
	ends(f, "strict", "r2", 11);
	is_refused(f, 23, "strict.price: is null in 30.0 % of the rows of the load r2, and was in 10.0 % of the last one: "
		"more than 10 points above it");
}

static void a_row_that_the_table_refuses_refuses_the_load(void **state)
{
	struct fixture *f = *state;
	load_is(f, "cards", "r1", 0, "abc");
	does(f, "CREATE TRIGGER t BEFORE INSERT ON cards WHEN new.id = 'x' BEGIN SELECT raise(ABORT, 'no x'); END");
	begins(f, "cards", "r2", 10);
	loads(f, "cards", "r2", "x", NULL, "");
	delivers(f);
	ends(f, "cards", "r2", 11);
	is_refused(f, 0, "cards: no x");
	sees(f, "SELECT group_concat(id, '') FROM cards", "abc\n");
}

static void a_load_survives_a_restart_and_a_new_column(void **state)
{
	struct fixture *f = *state;
	begins(f, "cards", "r1", 0);
	loads(f, "cards", "r1", "a", NULL, "");
	delivers(f);
	bed_close(f);
	load(f, "tables:\n  cards:\n    mode: upsert\n    key: id\n    snapshot: true\n"
		"    columns: { id: text, title: text, more: { type: int, default: 7 } }\n", "");
	opens(f);
	loads(f, "cards", "r1", "b", NULL, ",\"more\":8");
	ends(f, "cards", "r1", 1);
	delivers(f);
	sees(f, "SELECT id, more FROM cards ORDER BY 1", "a|7\nb|8\n");
}

static void what_somebody_dropped_is_lost_and_said(void **state)
{
	struct fixture *f = *state;
	load_is(f, "cards", "r1", 0, "abc");
	begins(f, "cards", "r2", 10);
	loads(f, "cards", "r2", "x", NULL, "");
	delivers(f);
	bed_close(f);
	does(f, "DROP TABLE _sluice_load_cards");
	opens(f);
	loads(f, "cards", "r2", "y", NULL, "");
	delivers(f);
	ends(f, "cards", "r2", 11);
	is_refused(f, 0, "cards: what was staged of the load r2 is gone; the next poll brings another one");
	load_is(f, "cards", "r3", 20, "z");
	sees(f, "SELECT id FROM cards", "z\n");
}

static void a_table_without_snapshot_takes_no_loads(void **state)
{
	struct fixture *f = *state;
	begins(f, "other", "r1", 0);
	is_refused(f, 0, "other: the table takes no loads; give it `snapshot`");
	row(f, "cards", "{\"id\":\"a\"}")->load = "r1";
	((struct sl_row *)(uintptr_t)f->rows[0])->mode = SL_DELETE;
	is_refused(f, 0, "cards: a load takes rows of the modes append and upsert only");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, sqlite_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_load_takes_the_tables_place_at_its_end),
		TEST(readers_see_the_old_table_or_the_new_one),
		TEST(a_newer_load_drops_what_an_older_one_staged),
		TEST(a_load_that_begins_again_begins_with_nothing),
		TEST(of_one_key_the_newest_or_the_first_stays),
		TEST(a_load_that_is_found_wanting_changes_nothing),
		TEST(keys_that_come_more_than_once_are_refused),
		TEST(too_many_nulls_are_refused),
		TEST(a_row_that_the_table_refuses_refuses_the_load),
		TEST(a_load_survives_a_restart_and_a_new_column),
		TEST(what_somebody_dropped_is_lost_and_said),
		TEST(a_table_without_snapshot_takes_no_loads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
