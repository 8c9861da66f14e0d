/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_sink_test.c - the sqlite sink, called through a host of this file. */
#include "sqlite_bed.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const char shop[] =
	"options:\n"
	"  late: { type: duration, initial: 1h }\n"
	"tables:\n"
	"  events:\n"
	"    mode: append\n"
	"    key: [id]\n"
	"    indexes: [[about, at]]\n"
	"    columns: { id: text, about: text, at: timestamp, paid: bool, size: int, day: date, price: decimal,"
	" raw: json }\n"
	"  states:\n"
	"    mode: upsert\n"
	"    key: [shop, \"odd \\\"name\"]\n"
	"    columns: { shop: text, \"odd \\\"name\": int, state: text, note: text }\n"
	"  lines:\n"
	"    mode: replace\n"
	"    parent: [order, part]\n"
	"    key: [order, part, line]\n"
	"    columns: { order: text, part: int, line: int, title: text }\n";

static int begin(void **state)
{
	*state = sqlite_begin(shop);
	return 0;
}

static int begin_open(void **state)
{
	begin(state);
	opens(*state);
	return 0;
}

/* -------------------------------------------------------------------- tables */

static void tables_are_made_with_key_and_indexes(void **state)
{
	struct fixture *f = *state;
	sees(f, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1",
		"_sluice_open\n_sluice_routes\n_sluice_sets\nevents\nlines\nstates\n");
	sees(f, "SELECT name, type, pk FROM pragma_table_info('events')",
		"id|TEXT|1\nabout|TEXT|0\nat|TEXT|0\npaid|BOOLEAN|0\nsize|INTEGER|0\nday|TEXT|0\nprice|DECIMAL|0\nraw|TEXT|0\n"
		"_event_id|TEXT|0\n_event_time|TEXT|0\n_synced_at|TEXT|0\n");
	sees(f, "SELECT group_concat(name) FROM pragma_index_info('events: about, at')", "about,at\n");
	sees(f, "PRAGMA journal_mode", "wal\n");
	sees(f, "SELECT * FROM sluice_dead", "");
}

static void a_second_open_changes_nothing(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE TABLE v AS SELECT schema_version AS n FROM pragma_schema_version");
	bed_close(f);
	assert_int_equal(bed_open(f), SL_DONE);
	sees(f, "SELECT schema_version - n FROM pragma_schema_version, v", "1\n"); /* its own table */
}

static void missing_columns_are_added(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE TABLE events (ID varchar(20) PRIMARY KEY, at DATETIME, mine);"
		"INSERT INTO events VALUES ('a', 1, 2);"
		"CREATE TABLE states (shop TEXT, \"odd \"\"name\" INT)");
	assert_int_equal(bed_open(f), SL_DONE);
	sees(f, "SELECT count(*) FROM pragma_table_info('events')", "12\n");
	sees(f, "SELECT group_concat(name) FROM pragma_index_info('states_key')", "shop,odd \"name\n");
	row(f, "events", "{\"id\":\"b\",\"about\":\"x\"}");
	row(f, "states", "{\"shop\":\"b\",\"odd \\\"name\":7}");
	delivers(f);
	sees(f, "SELECT id, about, mine FROM events ORDER BY id", "a|~|2\nb|x|~\n");
}

static void a_table_of_another_shape_is_refused(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE TABLE events (id TEXT PRIMARY KEY, about REAL)");
	assert_int_equal(bed_open(f), SL_FAIL);
	says(f, "the column events.about is declared REAL and cannot hold");
	does(f, "DROP TABLE events; CREATE VIEW events AS SELECT 1");
	assert_int_equal(bed_open(f), SL_FAIL);
	says(f, "events is wanted as a table, but is there as a view");
	does(f, "DROP VIEW events; CREATE TABLE events (id TEXT); INSERT INTO events VALUES ('a'), ('a')");
	assert_int_equal(bed_open(f), SL_FAIL);
	says(f, "remove the doubles");
	does(f, "DELETE FROM events");
	assert_int_equal(bed_open(f), SL_DONE);
}

/* --------------------------------------------------------------------- views */

static void views_follow_their_text(void **state)
{
	struct fixture *f = *state;
	load(f, shop, "-- view: v\nSELECT id, ${late} AS s FROM events;\n-- view: w\nSELECT count(*) AS n FROM v\n");
	bed_close(f);
	assert_int_equal(bed_open(f), SL_DONE);
	sees(f, "SELECT n FROM w", "0\n");
	load(f, shop, "-- view: v\nSELECT id, ${late} AS s FROM events UNION SELECT 'x', 2\n"
		"-- view: w\nSELECT count(*) AS n FROM v");
	bed_close(f);
	assert_int_equal(bed_open(f), SL_DONE);
	sees(f, "SELECT n FROM w", "1\n");
	load(f, shop, "-- view: v\nSELECT missing FROM events\n");
	bed_close(f);
	assert_int_equal(bed_open(f), SL_FAIL);
	says(f, "the view v: no such column: missing");
	sees(f, "SELECT n FROM w", "1\n"); /* all or nothing */
	load(f, shop, "-- view: mine\nSELECT 1\n");
	does(f, "CREATE VIEW mine AS SELECT 2");
	assert_int_equal(bed_open(f), SL_FAIL);
	says(f, "somebody else");
}

/* ---------------------------------------------------------------------- rows */

static void cells_are_stored_as_people_expect_them(void **state)
{
	struct fixture *f = *state;
	row(f, "events", "{\"id\":\"a\",\"about\":\"it's \\\"x\\\"\",\"at\":\"2026-11-21T22:10:19.123Z\",\"paid\":true,"
		"\"size\":9007199254740993,\"day\":\"2026-11-21\",\"price\":45.00,\"raw\":{\"b\":[1,  2]}}");
	row(f, "events", "{\"id\":\"b\",\"price\":\"12345678901234567890.123456789\",\"paid\":false,\"about\":\"\"}");
	row(f, "events", "{\"id\":\"c\",\"price\":0.10}");
	delivers(f);
	sees(f, "SELECT about, at, paid, size, day, price, raw FROM events WHERE id = 'a'",
		"it's \"x\"|2026-11-21T22:10:19.123Z|1|9007199254740993|2026-11-21|45|{\"b\":[1,  2]}\n");
	sees(f, "SELECT about = '', CAST(price AS TEXT), paid, size FROM events WHERE id = 'b'",
		"1|12345678901234567890.123456789|0|~\n");
	sees(f, "SELECT sum(price) FROM events WHERE id <> 'b'", "45.1\n");
	sees(f, "SELECT id FROM events WHERE price > 7 AND id <> 'b'", "a\n");
	sees(f, "SELECT DISTINCT _event_id, _event_time, _synced_at FROM events",
		"e1|2026-11-21T22:26:30.000Z|2026-11-21T22:26:40.000Z\n");
}

static void what_came_first_stays(void **state)
{
	struct fixture *f = *state;
	row(f, "events", "{\"id\":\"a\",\"about\":\"first\"}");
	row(f, "events", "{\"id\":\"a\",\"about\":\"same batch\"}");
	delivers(f);
	row(f, "events", "{\"id\":\"a\",\"about\":\"later\"}");
	delivers(f);
	sees(f, "SELECT about FROM events", "first\n");
}

static void say_state(struct fixture *f, const char *id, int64_t time, const char *word)
{
	char json[200];
	f->id = id;
	f->time = time;
	snprintf(json, sizeof(json), "{\"shop\":\"s\",\"odd \\\"name\":1,\"state\":\"%s\"%s}", word,
		strcmp(word, "noted") == 0 ? ",\"note\":\"n\"" : "");
	row(f, "states", json);
}

static void the_newest_row_wins_in_any_order(void **state)
{
	struct fixture *f = *state;
	say_state(f, "b", NOW - 5000, "noted");
	delivers(f);
	say_state(f, "a", NOW - 5000, "older by id");
	say_state(f, "z", NOW - 5001, "older by time");
	delivers(f);
	sees(f, "SELECT state, note FROM states", "noted|n\n");
	say_state(f, "b", NOW - 5000, "the same event again");
	delivers(f);
	sees(f, "SELECT state, note FROM states", "the same event again|~\n"); /* a whole row */
	say_state(f, "a", NOW - 4999, "newer");
	delivers(f);
	sees(f, "SELECT state, _event_id, \"odd \"\"name\" FROM states", "newer|a|1\n");
}

static void a_set_is_replaced_whole_by_a_newer_one(void **state)
{
	struct fixture *f = *state;
	row(f, "lines",
		"{\"order\":\"o\",\"part\":1,\"rows\":[{\"line\":1,\"title\":\"a\"},{\"line\":2,\"title\":\"b\"}]}");
	row(f, "lines", "{\"order\":\"o\",\"part\":2,\"rows\":[{\"line\":1,\"title\":\"other\"}]}");
	delivers(f);
	f->time -= 1;
	row(f, "lines", "{\"order\":\"o\",\"part\":1,\"rows\":[{\"line\":1,\"title\":\"late\"}]}");
	delivers(f);
	sees(f, "SELECT part, line, title FROM lines ORDER BY 1, 2", "1|1|a\n1|2|b\n2|1|other\n");
	f->time += 2;
	row(f, "lines", "{\"order\":\"o\",\"part\":1,\"rows\":[{\"line\":2,\"title\":\"c\"}]}");
	delivers(f);
	sees(f, "SELECT part, line, title FROM lines ORDER BY 1, 2", "1|2|c\n2|1|other\n");
}

static void an_empty_set_is_remembered(void **state)
{
	struct fixture *f = *state;
	row(f, "lines", "{\"order\":\"a|b\",\"part\":1,\"rows\":[]}");
	delivers(f);
	f->time -= 1;
	row(f, "lines", "{\"order\":\"a|b\",\"part\":1,\"rows\":[{\"line\":1}]}");
	delivers(f);
	sees(f, "SELECT count(*) FROM lines", "0\n");
	sees(f, "SELECT name, parent, event_id FROM _sluice_sets", "lines|a\\|b|1|e1\n");
	bed_close(f);
	does(f, "DROP TABLE lines");
	assert_int_equal(bed_open(f), SL_DONE);
	row(f, "lines", "{\"order\":\"a|b\",\"part\":1,\"rows\":[{\"line\":1}]}");
	delivers(f);
	sees(f, "SELECT count(*) FROM lines", "1\n"); /* a table made anew knows no sets */
}

static void bad_rows_are_all_found_and_nothing_is_written(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE TRIGGER t BEFORE INSERT ON events WHEN new.size < 0 BEGIN SELECT raise(ABORT, 'no debts'); END");
	row(f, "events", "{\"id\":\"good\"}");
	row(f, "events", "{\"id\":\"bad\",\"size\":-1}");
	row(f, "lines", "{\"order\":\"o\",\"part\":1,\"rows\":[{\"line\":1},{\"line\":1}]}");
	row(f, "events", "{\"id\":\"good too\"}");
	ROUTES(f, SL_PUT, "cards", "log", "7");
	assert_int_equal(run(f, f->plugin->deliver), SL_DONE);
	assert_int_equal(f->settled[0], SL_DONE);
	assert_int_equal(f->settled[1], SL_FAIL);
	assert_string_equal(f->reasons[1], "events: no debts");
	assert_int_equal(f->settled[2], SL_FAIL);
	assert_non_null(strstr(f->reasons[2], "lines: UNIQUE constraint failed: lines.order, lines.part, lines.line"));
	assert_int_equal(f->settled[3], SL_DONE);
	sees(f, "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM lines)"
		" + (SELECT count(*) FROM _sluice_routes)", "0\n");
	row(f, "events", "{\"id\":\"good\"}");
	delivers(f);
	sees(f, "SELECT id FROM events", "good\n");
}

static void a_trigger_that_ends_the_transaction_harms_nobody(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE TRIGGER t BEFORE INSERT ON events WHEN new.size < 0 BEGIN"
		" SELECT raise(ROLLBACK, 'all of it'); END");
	row(f, "events", "{\"id\":\"a\"}");
	row(f, "events", "{\"id\":\"b\",\"size\":-1}");
	row(f, "events", "{\"id\":\"c\"}");
	assert_int_equal(run(f, f->plugin->deliver), SL_DONE);
	assert_int_equal(f->settled[1], SL_FAIL);
	sees(f, "SELECT count(*) FROM events", "0\n");
}

/* --------------------------------------------------------- where routes stand */

static void the_cursor_goes_on_only_from_where_it_was_left(void **state)
{
	struct fixture *f = *state;
	ROUTES(f, SL_EXPECT, "cards");
	ROUTES(f, SL_PUT, "cards", "log", "7", "", "", "", "", "1795300000000000");
	delivers(f);
	ROUTES(f, SL_PUT, "cards", "log", "9", "", "", "", "", "1795300000000000");
	ROUTES(f, SL_EXPECT, "cards", "log", "7");
	delivers(f);
	sees(f, "SELECT * FROM _sluice_routes", "cards|log|9|~|~|~|~|2026-11-21T22:26:40.000Z|~\n");
	row(f, "events", "{\"id\":\"a\"}");
	ROUTES(f, SL_EXPECT, "cards", "log", "7");
	ROUTES(f, SL_PUT, "cards", "log", "8");
	assert_int_equal(run(f, f->plugin->deliver), SL_FAIL);
	says(f, "_sluice_routes has route \"cards\", log_id \"log\", cursor 9, where this daemon left "
		"route \"cards\", log_id \"log\", cursor 7: another daemon moved the cursor");
	ROUTES(f, SL_EXPECT, "cards");
	assert_int_equal(run(f, f->plugin->deliver), SL_FAIL);
	ROUTES(f, SL_EXPECT, "other", "log", "7");
	assert_int_equal(run(f, f->plugin->deliver), SL_FAIL);
	says(f, "has no row with route \"other\"");
	sees(f, "SELECT count(*) FROM events", "0\n");
	sees(f, "SELECT cursor FROM _sluice_routes", "9\n");
}

static void open_rows_are_put_removed_and_recalled(void **state)
{
	struct fixture *f = *state;
	OPENS(f, SL_PUT, "cards", "12", "0", "waiting", "e12", "boards", "createCard", "c", "why \"not\"", "1",
		"1795300000000000", "1795300000000000", "1795300002000000");
	OPENS(f, SL_PUT, "cards", "3", "1", "dead", "e3", "boards", "createCard", "~", "bad", "3", "1795300000000000");
	OPENS(f, SL_PUT, "other", "3", "0", "dead", "e3");
	delivers(f);
	OPENS(f, SL_EXPECT, "cards");
	assert_string_equal(recalls(f),
		"cards|3|1|dead|e3|boards|createCard||bad|3|1795300000000000||\n"
		"cards|12|0|waiting|e12|boards|createCard|c|why \"not\"|1|1795300000000000"
		"|1795300000000000|1795300002000000\n");
	OPENS(f, SL_EXPECT, "cards", "", "", "dead");
	assert_string_equal(recalls(f), "cards|3|1|dead|e3|boards|createCard||bad|3|1795300000000000||\n");
	OPENS(f, SL_EXPECT, "nobody");
	assert_string_equal(recalls(f), "");
	sees(f, "SELECT route, event_id, first_at FROM sluice_dead", "cards|e3|2026-11-21T22:26:40.000Z\nother|e3|~\n");
	OPENS(f, SL_REMOVE, "cards", "12", "0");
	OPENS(f, SL_REMOVE, "cards", "99", "0");
	delivers(f);
	sees(f, "SELECT route, seq FROM _sluice_open ORDER BY 1", "cards|3\nother|3\n");
	OPENS(f, SL_EXPECT, "");
	recalls(f);
	assert_int_equal(strchr(f->recalled.at, '\n') - f->recalled.at > 0, 1);
}

static void rows_of_the_schema_are_recalled_in_their_types(void **state)
{
	struct fixture *f = *state;
	row(f, "events", "{\"id\":\"a\",\"at\":\"2026-11-21T22:26:40Z\",\"paid\":true,\"size\":-7,\"day\":\"2026-11-21\","
		"\"price\":0.00000001,\"raw\":[1]}");
	row(f, "events", "{\"id\":\"b\",\"price\":\"12345678901234567890.5\"}");
	delivers(f);
	row(f, "events", "{\"id\":\"a\"}");
	struct sl_cell cells[11] = { { SL_CELL_TEXT, 0, { "a", 1 } } };
	*add(f) = (struct sl_row){ .table = schema_table(f->schema, "events"), .cells = cells };
	f->rows[0] = f->rows[1];
	f->row_count = 1;
	assert_string_equal(recalls(f),
		"a||1795300000000000|1|-7|20778|0.00000001|[1]|e1|1795299990000000|1795300000000000\n");
	cells[0] = (struct sl_cell){ SL_CELL_TEXT, 0, { "b", 1 } };
	*add(f) = (struct sl_row){ .table = schema_table(f->schema, "events"), .cells = cells };
	assert_non_null(strstr(recalls(f), "|12345678901234567890.5|"));
}

/* ------------------------------------------------------------------- outages */

static void anothers_lock_is_an_outage(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db;
	sqlite3_open(file, &db);
	sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	row(f, "events", "{\"id\":\"a\"}");
	assert_int_equal(run(f, f->plugin->deliver), SL_RETRY);
	says(f, "another program holds the database locked");
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(db);
	row(f, "events", "{\"id\":\"a\"}");
	delivers(f);
	sees(f, "SELECT id FROM events", "a\n");
}

static void a_file_that_cannot_be_opened_is_an_outage(void **state)
{
	struct fixture *f = *state;
	const char *path = "/nowhere/w.db", *good = file;
	set_option(f, "path", &path, sizeof(path));
	assert_int_equal(bed_open(f), SL_RETRY);
	says(f, "/nowhere/w.db");
	set_option(f, "path", &good, sizeof(good));
	FILE *out = fopen(file, "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", out);
	fclose(out);
	assert_int_equal(bed_open(f), SL_RETRY);
	says(f, "is no SQLite database");
	unlink(file);
	assert_int_equal(bed_open(f), SL_DONE);
}

/* As good as a full disk, and nobody else's. */
static void limit_files(rlim_t size)
{
	struct rlimit limit;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_an_outage_and_ends_by_itself(void **state)
{
	struct fixture *f = *state;
	char json[9000];
	row(f, "events", "{\"id\":\"before\"}");
	delivers(f);
	limit_files(100000);
	for (int i = 0; i < 20; i++) {
		snprintf(json, sizeof(json), "{\"id\":\"%d\",\"about\":\"%0*d\"}", i, 8000, i);
		row(f, "events", json);
	}
	assert_int_equal(run(f, f->plugin->deliver), SL_RETRY);
	row(f, "events", json);
	run(f, f->plugin->deliver); /* perhaps not even opening it works */
	limit_files(RLIM_INFINITY);
	for (int i = 0; i < 20; i++) {
		snprintf(json, sizeof(json), "{\"id\":\"%d\",\"about\":\"%0*d\"}", i, 8000, i);
		row(f, "events", json);
	}
	delivers(f);
	sees(f, "SELECT count(*) FROM events", "21\n");
	sees(f, "PRAGMA integrity_check", "ok\n");
}

static void a_deleted_file_is_noticed(void **state)
{
	struct fixture *f = *state;
	char path[160];
	ROUTES(f, SL_PUT, "cards", "log", "7");
	delivers(f);
	snprintf(path, sizeof(path), "%s.old", file);
	assert_int_equal(rename(file, path), 0);
	ROUTES(f, SL_EXPECT, "cards", "log", "7");
	ROUTES(f, SL_PUT, "cards", "log", "8");
	assert_int_equal(run(f, f->plugin->deliver), SL_FAIL);
	says(f, "has no row with route \"cards\"");
	ROUTES(f, SL_EXPECT, "cards");
	ROUTES(f, SL_PUT, "cards", "log", "1");
	row(f, "events", "{\"id\":\"a\"}");
	delivers(f);
	sees(f, "SELECT cursor, id FROM _sluice_routes, events", "1|a\n");
}

static void what_was_moved_away_and_back_goes_on(void **state)
{
	struct fixture *f = *state;
	char path[160];
	snprintf(path, sizeof(path), "%s.away", file);
	ROUTES(f, SL_PUT, "cards", "log", "7");
	row(f, "events", "{\"id\":\"a\"}");
	delivers(f);
	assert_int_equal(rename(file, path), 0);
	assert_int_equal(mkdir(file, 0700), 0);
	for (int i = 0; i < 3; i++) {
		row(f, "events", "{\"id\":\"b\"}");
		assert_int_equal(run(f, f->plugin->deliver), SL_RETRY);
	}
	assert_int_equal(rmdir(file), 0);
	assert_int_equal(rename(path, file), 0);
	ROUTES(f, SL_EXPECT, "cards", "log", "7");
	row(f, "events", "{\"id\":\"b\"}");
	delivers(f);
	sees(f, "SELECT group_concat(id) FROM events", "a,b\n");
}

static void a_batch_without_rows_asks_whether_it_could_write(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db;
	delivers(f);
	sqlite3_open(file, &db);
	sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	assert_int_equal(run(f, f->plugin->deliver), SL_RETRY);
	sqlite3_close(db);
	delivers(f);
}

static void a_deleted_wal_is_noticed(void **state)
{
	struct fixture *f = *state;
	char path[160];
	snprintf(path, sizeof(path), "%s-wal", file);
	row(f, "events", "{\"id\":\"a\"}");
	delivers(f);
	assert_int_equal(unlink(path), 0);
	row(f, "events", "{\"id\":\"b\"}");
	delivers(f);
	sees(f, "SELECT count(*) FROM events WHERE id = 'b'", "1\n");
}

static void a_dropped_table_is_made_again(void **state)
{
	struct fixture *f = *state;
	row(f, "events", "{\"id\":\"a\"}");
	delivers(f);
	does(f, "DROP TABLE events");
	row(f, "events", "{\"id\":\"b\"}");
	assert_int_equal(run(f, f->plugin->deliver), SL_RETRY);
	row(f, "events", "{\"id\":\"b\"}");
	delivers(f);
	sees(f, "SELECT id FROM events", "b\n");
}

static void two_routes_share_a_file(void **state)
{
	struct fixture *f = *state;
	void *first = f->call.state;
	f->call.state = calloc(1, f->plugin->state_size);
	assert_int_equal(bed_open(f), SL_DONE);
	for (int i = 0; i < 20; i++) {
		char json[40];
		void *other = f->call.state;
		f->call.state = first;
		first = other;
		snprintf(json, sizeof(json), "{\"id\":\"%d\"}", i);
		row(f, "events", json);
		delivers(f);
	}
	sees(f, "SELECT count(*) FROM events", "20\n");
	bed_close(f);
	free(f->call.state);
	f->call.state = first;
}

static void a_table_the_sink_was_not_told_of_is_named(void **state)
{
	struct fixture *f = *state;
	struct sl_table stranger = *schema_table(f->schema, "events");
	stranger.name = "stranger";
	row(f, "events", "{\"id\":\"a\"}")->table = &stranger;
	assert_int_equal(run(f, f->plugin->deliver), SL_FAIL);
	says(f, "stranger");
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, begin_open, sqlite_end)
#define BEFORE_OPEN(name) cmocka_unit_test_setup_teardown(name, begin, sqlite_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(tables_are_made_with_key_and_indexes),
		WITH(a_second_open_changes_nothing),
		BEFORE_OPEN(missing_columns_are_added),
		BEFORE_OPEN(a_table_of_another_shape_is_refused),
		WITH(views_follow_their_text),
		WITH(cells_are_stored_as_people_expect_them),
		WITH(what_came_first_stays),
		WITH(the_newest_row_wins_in_any_order),
		WITH(a_set_is_replaced_whole_by_a_newer_one),
		WITH(an_empty_set_is_remembered),
		WITH(bad_rows_are_all_found_and_nothing_is_written),
		WITH(a_trigger_that_ends_the_transaction_harms_nobody),
		WITH(the_cursor_goes_on_only_from_where_it_was_left),
		WITH(open_rows_are_put_removed_and_recalled),
		WITH(rows_of_the_schema_are_recalled_in_their_types),
		WITH(anothers_lock_is_an_outage),
		BEFORE_OPEN(a_file_that_cannot_be_opened_is_an_outage),
		WITH(a_full_disk_is_an_outage_and_ends_by_itself),
		WITH(a_deleted_file_is_noticed),
		WITH(what_was_moved_away_and_back_goes_on),
		WITH(a_batch_without_rows_asks_whether_it_could_write),
		WITH(a_deleted_wal_is_noticed),
		WITH(a_dropped_table_is_made_again),
		WITH(two_routes_share_a_file),
		WITH(a_table_the_sink_was_not_told_of_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
