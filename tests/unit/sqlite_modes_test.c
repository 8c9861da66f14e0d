/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_modes_test.c - the sqlite sink: patches, deletes, computed columns and defaults, pages, retention. */
#include "sqlite_bed.h"

static const char shop[] =
	"tables:\n"
	"  notes:\n"
	"    mode: upsert\n"
	"    deletes: mark\n"
	"    key: [shop, id]\n"
	"    columns: { shop: text, id: int, title: text }\n"
	"  cards:\n"
	"    mode: patch\n"
	"    deletes: remove\n"
	"    key: id\n"
	"    columns:\n"
	"      id: text\n"
	"      title: text\n"
	"      price: decimal\n"
	"      due: timestamp\n"
	"      state: { type: text, default: \"it's new\" }\n"
	"      gross: { type: decimal, generated: \"price * 2\" }\n"
	"  fields:\n"
	"    mode: patch\n"
	"    deletes: mark\n"
	"    key: id\n"
	"    columns: { id: text, a: int, b: int }\n"
	"  plain:\n"
	"    mode: upsert\n"
	"    deletes: remove\n"
	"    key: id\n"
	"    columns: { id: text, a: int }\n"
	"  exact:\n"
	"    mode: upsert\n"
	"    strict: true\n"
	"    key: [id, price]\n"
	"    columns: { id: text, price: decimal, at: timestamp, day: date, paid: bool, size: int, raw: json,"
	" twice: { type: decimal, default: 1.50 } }\n"
	"  old:\n"
	"    mode: append\n"
	"    key: id\n"
	"    retention: { column: at, after: 30d }\n"
	"    columns: { id: int, at: timestamp }\n"
	"  days:\n"
	"    mode: append\n"
	"    key: id\n"
	"    retention: { column: day, after: 30d }\n"
	"    columns: { id: int, day: date }\n";

static int begin(void **state)
{
	struct fixture *f = sqlite_begin(shop);
	opens(f);
	*state = f;
	return 0;
}

static void at(struct fixture *f, int64_t time, const char *id)
{
	f->time = NOW - 1000000 + time;
	f->id = id;
}

static void patch(struct fixture *f, const char *table, int64_t time, const char *id, const char *json)
{
	at(f, time, id);
	row_of_mode(f, table, "patch", json);
}

static void upsert(struct fixture *f, const char *table, int64_t time, const char *id, const char *json)
{
	at(f, time, id);
	row_of_mode(f, table, "upsert", json);
}

static void delete(struct fixture *f, const char *table, int64_t time, const char *id, const char *json)
{
	at(f, time, id);
	row_of_mode(f, table, "delete", json);
}

/* ------------------------------------------------------------ patch and delete */

static void of_each_column_the_newest_stays(void **state)
{
	struct fixture *f = *state;
	patch(f, "cards", 5, "e5", "{\"id\":\"c\",\"title\":\"five\"}");
	delivers(f);
	patch(f, "cards", 3, "e3", "{\"id\":\"c\",\"title\":\"three\",\"price\":\"1.50\"}");
	upsert(f, "cards", 4, "e4", "{\"id\":\"c\",\"title\":\"four\",\"state\":null}");
	delivers(f);
	sees(f, "SELECT title, price, state, _event_id, _times FROM cards", "five|~|~|e5|"
		"{\"*\":\"1795299000004000 e4\",\"title\":\"1795299000005000 e5\"}\n");
	patch(f, "cards", 6, "e6", "{\"id\":\"c\",\"price\":\"1.50\",\"due\":\"2026-11-21T22:26:40Z\"}");
	delivers(f);
	sees(f, "SELECT price, due, gross, title FROM cards", "1.5|2026-11-21T22:26:40.000Z|3|five\n");
}

static void what_nobody_said_is_the_default(void **state)
{
	struct fixture *f = *state;
	patch(f, "cards", 5, "e5", "{\"id\":\"c\",\"title\":\"five\"}");
	upsert(f, "cards", 5, "e5", "{\"id\":\"d\"}");
	delivers(f);
	sees(f, "SELECT id, state FROM cards ORDER BY 1", "c|it's new\nd|it's new\n");
}

static void a_delete_marks_and_newer_data_unmarks(void **state)
{
	struct fixture *f = *state;
	delete(f, "notes", 5, "e5", "{\"shop\":\"s\",\"id\":1}");
	delivers(f);
	sees(f, "SELECT id, title, deleted, deleted_at, _event_id FROM notes", "1|~|1|2026-11-21T22:10:00.005Z|~\n");
	upsert(f, "notes", 4, "e4", "{\"shop\":\"s\",\"id\":1,\"title\":\"late\"}");
	delivers(f);
	sees(f, "SELECT title, deleted, _event_id FROM notes", "late|1|e4\n");
	upsert(f, "notes", 6, "e6", "{\"shop\":\"s\",\"id\":1,\"title\":\"newer\"}");
	delivers(f);
	sees(f, "SELECT title, deleted, deleted_at FROM notes", "newer|0|~\n");
	sees(f, "SELECT count(*) FROM sqlite_schema WHERE name = '_sluice_gone'", "1\n"); /* for the other tables */
	sees(f, "SELECT count(*) FROM _sluice_gone", "0\n");
}

static void what_was_removed_stays_away(void **state)
{
	struct fixture *f = *state;
	upsert(f, "plain", 3, "e3", "{\"id\":\"a|b\",\"a\":3}");
	delete(f, "plain", 5, "e5", "{\"id\":\"a|b\"}");
	delivers(f);
	sees(f, "SELECT count(*) FROM plain", "0\n");
	sees(f, "SELECT * FROM _sluice_gone", "plain|a\\|b|2026-11-21T22:10:00.005Z\n");
	upsert(f, "plain", 5, "e9", "{\"id\":\"a|b\",\"a\":5}");
	delete(f, "plain", 4, "e4", "{\"id\":\"a|b\"}");
	delivers(f);
	sees(f, "SELECT count(*) FROM plain", "0\n");
	upsert(f, "plain", 6, "e6", "{\"id\":\"a|b\",\"a\":6}");
	delivers(f);
	sees(f, "SELECT a FROM plain", "6\n");
	sees(f, "SELECT count(*) FROM _sluice_gone", "0\n");
}

static void of_a_patched_row_only_what_is_newer_than_its_removal_stays(void **state)
{
	struct fixture *f = *state;
	upsert(f, "cards", 1, "e1", "{\"id\":\"c\",\"title\":\"one\",\"price\":1,\"state\":\"x\"}");
	patch(f, "cards", 9, "e9", "{\"id\":\"c\",\"price\":9}");
	delete(f, "cards", 5, "e5", "{\"id\":\"c\"}");
	patch(f, "cards", 4, "e4", "{\"id\":\"c\",\"title\":\"four\"}");
	delivers(f);
	sees(f, "SELECT title, price, state, _times FROM cards", "~|9|it's new|{\"price\":\"1795299000009000 e9\"}\n");
	sees(f, "SELECT name, \"row\" FROM _sluice_gone", "cards|c\n");
}

static void a_table_that_comes_anew_knows_no_removals(void **state)
{
	struct fixture *f = *state;
	delete(f, "plain", 5, "e5", "{\"id\":\"a\"}");
	delivers(f);
	bed_close(f);
	does(f, "DROP TABLE plain");
	opens(f);
	upsert(f, "plain", 3, "e3", "{\"id\":\"a\",\"a\":3}");
	delivers(f);
	sees(f, "SELECT a FROM plain", "3\n");
}

static void rows_that_a_table_does_not_take_are_refused(void **state)
{
	struct fixture *f = *state;
	patch(f, "cards", 5, "e5", "{\"id\":\"c\",\"title\":\"five\"}");
	upsert(f, "exact", 5, "e5", "{\"id\":\"a\",\"price\":1}");
	((struct sl_row *)(uintptr_t)f->rows[1])->mode = SL_DELETE;
	upsert(f, "exact", 5, "e5", "{\"id\":\"b\",\"price\":1}");
	((struct sl_row *)(uintptr_t)f->rows[2])->mode = SL_PATCH;
	assert_int_equal(run(f, f->plugin->deliver), SL_DONE);
	assert_string_equal(f->reasons[1],
		"exact: the table knows no deletes; give it `deletes: mark` or `deletes: remove`");
	assert_string_equal(f->reasons[2], "exact: the table takes no patches; give it `mode: patch`");
	sees(f, "SELECT count(*) FROM cards", "0\n");
}

/* ---------------------------------------------------------------- in any order */

#define EVENTS 60
static uint64_t dice = 7;

static unsigned roll(unsigned sides)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(dice >> 33) % sides;
}

struct said {
	const char *table, *mode;
	char json[80], id[16];
	int64_t time;
};

/* Column values follow from the number of the event. */
static void make_event(struct said *said, int number)
{
	static const char *const tables[] = { "fields", "cards", "plain", "notes" };
	static const char *const columns[] = { "a", "price", "a", "title" };
	unsigned table = roll(4), kind = roll(5);
	bool patches = table < 2;
	said->table = tables[table];
	said->mode = kind == 0 ? "delete" : kind < 3 && patches ? "patch" : "upsert";
	said->time = 1 + (int64_t)roll(12);
	snprintf(said->id, sizeof(said->id), "e%d", number);
	const char *key = roll(2) ? "x" : "y";
	int len = table == 3 ? snprintf(said->json, sizeof(said->json), "{\"shop\":\"%s\",\"id\":1", key)
			     : snprintf(said->json, sizeof(said->json), "{\"id\":\"%s\"", key);
	if (kind && roll(4))
		len += snprintf(said->json + len, sizeof(said->json) - (size_t)len, ",\"%s\":\"%d\"", columns[table], number);
	if (kind && table == 0 && roll(2))
		len += snprintf(said->json + len, sizeof(said->json) - (size_t)len, ",\"b\":%d", number);
	snprintf(said->json + len, sizeof(said->json) - (size_t)len, "}");
}

static void say_all(struct fixture *f, struct said *said)
{
	for (int i = 0; i < EVENTS; i++) {
		int other = i + (int)roll((unsigned)(EVENTS - i));
		struct said swap = said[i];
		said[i] = said[other];
		said[other] = swap;
		at(f, said[i].time, said[i].id);
		row_of_mode(f, said[i].table, said[i].mode, said[i].json);
		if (roll(3) == 0)
			delivers(f);
	}
	delivers(f);
}

static void tables_are_the_same_in_whatever_order_events_come(void **state)
{
	static const char dump[] = "SELECT 'f', * FROM fields ORDER BY 2; SELECT 'c', * FROM cards ORDER BY 2;"
		" SELECT 'p', * FROM plain ORDER BY 2; SELECT 'n', * FROM notes ORDER BY 2;"
		" SELECT 'g', * FROM _sluice_gone ORDER BY 2, 3";
	struct fixture *f = *state;
	static struct said said[EVENTS];
	for (int world = 0; world < 5; world++) {
		char *wanted = NULL;
		for (int i = 0; i < EVENTS; i++)
			make_event(&said[i], i);
		for (int order = 0; order < 10; order++) {
			does(f, "DELETE FROM fields; DELETE FROM cards; DELETE FROM plain; DELETE FROM notes;"
				" DELETE FROM _sluice_gone");
			say_all(f, said);
			char *got = reads(dump);
			if (wanted && strcmp(got, wanted) != 0)
				fail_msg("wanted\n%sgot\n%s", wanted, got);
			free(wanted ? got : NULL);
			wanted = wanted ? wanted : got;
		}
		free(wanted);
	}
}

/* -------------------------------------------------------------- types and columns */

static void a_strict_table_keeps_every_digit(void **state)
{
	struct fixture *f = *state;
	sees(f, "SELECT strict FROM pragma_table_list WHERE name = 'exact'", "1\n");
	row(f, "exact", "{\"id\":\"a\",\"price\":\"45.00\",\"at\":1795300000000,\"day\":\"2026-11-21\",\"paid\":true,"
		"\"size\":7,\"raw\":[1]}");
	row(f, "exact", "{\"id\":\"a\",\"price\":\"12345678901234567890.10\",\"twice\":\"0.00000001\"}");
	delivers(f);
	sees(f, "SELECT price, typeof(price), at, day, paid, size, raw, twice FROM exact ORDER BY length(price)",
		"45.00|text|2026-11-21T22:26:40.000Z|2026-11-21|1|7|[1]|1.50\n"
		"12345678901234567890.10|text|~|~|~|~|~|0.00000001\n");
	struct sl_cell cells[16] = { 0 };
	*add(f) = (struct sl_row){ .table = schema_table(f->schema, "exact"), .cells = cells };
	assert_non_null(strstr(recalls(f), "a|45.00|1795300000000000|20778|1|7|[1]|1.50|"));
}

static void what_is_computed_is_not_written(void **state)
{
	struct fixture *f = *state;
	patch(f, "cards", 1, "e1", "{\"id\":\"c\",\"price\":2.5}");
	delivers(f);
	sees(f, "SELECT gross FROM cards", "5\n");
	struct sl_cell cells[16] = { 0 };
	*add(f) = (struct sl_row){ .table = schema_table(f->schema, "cards"), .cells = cells };
	assert_non_null(strstr(recalls(f), "c||2.5||it's new||{"));
}

/* -------------------------------------------------------------------- pages */

static const char *page(struct fixture *f, const char *table, const char *cursor, size_t most)
{
	static char kept[300];
	static struct sl_cell cells[16];
	snprintf(kept, sizeof(kept), "%s", cursor);
	f->call.cursor = *kept ? kept : NULL;
	f->call.most = most;
	*add(f) = (struct sl_row){ .table = schema_table(f->schema, table), .cells = cells };
	return recalls(f);
}

static void rows_are_recalled_page_by_page(void **state)
{
	struct fixture *f = *state;
	struct buf all = { 0 };
	char json[100];
	int pages = 0;
	for (int i = 0; i < 25; i++) {
		snprintf(json, sizeof(json), "{\"id\":\"%s\",\"price\":\"%d.5\"}", i % 2 ? "it's, \\u0001" : "B", i - 12);
		row(f, "exact", json);
		snprintf(json, sizeof(json), "{\"id\":%d}", i - 12);
		row(f, "old", json);
	}
	delivers(f);
	do {
		const char *rows = page(f, "old", f->cursor, 10);
		for (const char *end = rows; *end; end = strchr(end, '\n') + 1)
			buf_format(&all, "%d ", atoi(end));
		pages++;
	} while (*f->cursor);
	assert_int_equal(pages, 3);
	assert_string_equal(all.at, "-12 -11 -10 -9 -8 -7 -6 -5 -4 -3 -2 -1 0 1 2 3 4 5 6 7 8 9 10 11 12 ");
	pages = 0;
	do {
		const char *rows = page(f, "exact", f->cursor, 1);
		pages += strchr(rows, '\n') != NULL;
		assert_null(strchr(strchr(rows, '\n') + 1, '\n'));
	} while (*f->cursor);
	assert_int_equal(pages, 25);
	page(f, "old", "", 25);
	assert_string_equal(f->cursor, "");
	buf_free(&all);
}

static void a_cursor_of_nobody_is_refused(void **state)
{
	static const char *const cursors[] = { "x", "t", "i1", "i1,i2,i3", "t6,i1", "t61,", "t61;t62", "'a'" };
	static struct sl_cell cells[16];
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cursors) / sizeof(*cursors); i++) {
		f->call.cursor = cursors[i];
		f->call.most = 2;
		*add(f) = (struct sl_row){ .table = schema_table(f->schema, "notes"), .cells = cells };
		if (run(f, f->plugin->recall) != SL_FAIL)
			fail_msg("%s", cursors[i]);
		says(f, "the cursor of notes is none that this sink gave");
	}
}

/* ------------------------------------------------------------------ retention */

static void old_rows_go_a_few_at_a_time(void **state)
{
	struct fixture *f = *state;
	int calls = 0;
	sees(f, "SELECT count(*) FROM pragma_index_list('old') WHERE name = 'old: at'", "1\n");
	does(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
		" INSERT INTO old (id, at) SELECT i, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-31 days') FROM n;"
		"INSERT INTO old (id, at) VALUES (9001, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-29 days')), (9002, NULL);"
		"INSERT INTO days (id, day) VALUES (1, date('now', '-32 days')), (2, date('now', '-29 days'))");
	do {
		assert_int_equal(run(f, f->plugin->upkeep), SL_DONE);
		if (calls == 0)
			assert_string_equal(f->emitted.at, "pruned {\"table\":\"old\",\"rows\":1000}\n");
		calls++;
	} while (*f->cursor);
	assert_int_equal(calls, 5);
	sees(f, "SELECT id FROM old UNION ALL SELECT id FROM days ORDER BY 1", "2\n9001\n9002\n");
	assert_int_equal(f->emitted.len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, sqlite_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_each_column_the_newest_stays),
		TEST(what_nobody_said_is_the_default),
		TEST(a_delete_marks_and_newer_data_unmarks),
		TEST(what_was_removed_stays_away),
		TEST(of_a_patched_row_only_what_is_newer_than_its_removal_stays),
		TEST(a_table_that_comes_anew_knows_no_removals),
		TEST(rows_that_a_table_does_not_take_are_refused),
		TEST(tables_are_the_same_in_whatever_order_events_come),
		TEST(a_strict_table_keeps_every_digit),
		TEST(what_is_computed_is_not_written),
		TEST(rows_are_recalled_page_by_page),
		TEST(a_cursor_of_nobody_is_refused),
		TEST(old_rows_go_a_few_at_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
