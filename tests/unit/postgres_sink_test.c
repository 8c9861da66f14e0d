/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_sink_test.c - the postgres sink: rows, and where routes stand. */
#include "postgres_shop_bed.h"

/* ---------------------------------------------------------------------- rows */

static void cells_are_stored_as_people_expect_them(void **state)
{
	struct fixture *f = *state;
	row(f, "events", "{\"id\":\"a\",\"about\":\"it's \\\"x\\\"\",\"at\":\"2026-11-21T22:10:19.123456Z\",\"paid\":true,"
		"\"size\":9007199254740993,\"day\":\"2026-11-21\",\"price\":45.00,\"raw\":{\"b\":[1,  2]}}");
	row(f, "events", "{\"id\":\"b\",\"price\":\"12345678901234567890.123456789\",\"paid\":false,\"about\":\"\"}");
	row(f, "events", "{\"id\":\"c\",\"price\":0.10}");
	delivers(f);
	does(f, "SET TimeZone = 'UTC'");
	sees(f, "SELECT about, at, paid, size, day, price, raw FROM events WHERE id = 'a'",
		"it's \"x\"|2026-11-21 22:10:19.123456+00|t|9007199254740993|2026-11-21|45.00|{\"b\": [1, 2]}\n");
	sees(f, "SELECT about = '', price, paid, size FROM events WHERE id = 'b'",
		"t|12345678901234567890.123456789|f|~\n");
	sees(f, "SELECT sum(price) FROM events WHERE id <> 'b'", "45.10\n");
	sees(f, "SELECT DISTINCT _event_id, _event_time, _synced_at FROM events",
		"e1|2026-11-21 22:26:30+00|2026-11-21 22:26:40+00\n");
	assert_null(f->tallied.at && f->tallied.len ? f->tallied.at : NULL);
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
	say_state(f, "B", NOW - 4999, "not newer, by bytes");
	delivers(f);
	sees(f, "SELECT state, _event_id, \"odd \"\"name\" FROM states", "newer|a|1\n");
}

static void more_rows_than_a_statement_takes_are_written(void **state)
{
	struct fixture *f = *state;
	char json[100];
	for (int i = 0; i < 1501; i++) {
		snprintf(json, sizeof(json), "{\"id\":\"%d\",\"size\":%d,\"price\":\"%d.5\",\"raw\":[%d]}", i, i, i, i);
		row(f, "events", json);
	}
	delivers(f);
	sees(f, "SELECT count(*), sum(size), sum(price), max((raw->>0)::int) FROM events", "1501|1125750|1126500.5|1500\n");
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
}

static void patch(struct fixture *f, const char *id, int64_t time, const char *mode, const char *json)
{
	f->id = id;
	f->time = time;
	row_of_mode(f, "cards", mode, json);
}

static void each_column_keeps_its_newest_value(void **state)
{
	struct fixture *f = *state;
	patch(f, "b", NOW - 10, NULL, "{\"id\":\"c\",\"name\":\"new name\"}");
	patch(f, "a", NOW - 20, NULL, "{\"id\":\"c\",\"name\":\"old name\",\"list\":\"old list\"}");
	delivers(f);
	sees(f, "SELECT name, list, deleted, _event_id FROM cards", "new name|old list|f|b\n");
	patch(f, "c", NOW - 15, NULL, "{\"id\":\"c\",\"name\":\"late\",\"list\":\"later list\"}");
	delivers(f);
	sees(f, "SELECT name, list, _event_id FROM cards", "new name|later list|b\n");
	patch(f, "d", NOW - 5, "delete", "{\"id\":\"c\"}");
	patch(f, "e", NOW - 5, "delete", "{\"id\":\"never seen\"}");
	delivers(f);
	sees(f, "SELECT id, name, deleted FROM cards ORDER BY id", "c|new name|t\nnever seen|~|t\n");
	patch(f, "f", NOW - 1, NULL, "{\"id\":\"c\",\"list\":\"back\"}");
	delivers(f);
	sees(f, "SELECT name, list, deleted FROM cards WHERE id = 'c'", "new name|back|f\n");
}

static void good(struct fixture *f, const char *id, int64_t time, const char *mode, const char *json)
{
	f->id = id;
	f->time = time;
	row_of_mode(f, "goods", mode, json);
}

static void what_was_removed_comes_back_only_by_newer_data(void **state)
{
	struct fixture *f = *state;
	good(f, "a", NOW - 20, NULL, "{\"id\":\"g\",\"size\":1,\"name\":\"first\"}");
	good(f, "x", NOW - 20, NULL, "{\"id\":\"g\",\"size\":2,\"name\":\"stays\"}");
	delivers(f);
	good(f, "b", NOW - 10, "delete", "{\"id\":\"g\",\"size\":1}");
	delivers(f);
	sees(f, "SELECT id, size FROM goods", "g|2\n");
	sees(f, "SELECT name, row FROM _sluice_gone", "goods|g|1\n");
	good(f, "c", NOW - 15, NULL, "{\"id\":\"g\",\"size\":1,\"name\":\"late\"}");
	delivers(f);
	sees(f, "SELECT id, size FROM goods", "g|2\n");
	good(f, "d", NOW - 5, NULL, "{\"id\":\"g\",\"size\":1,\"name\":\"again\"}");
	delivers(f);
	sees(f, "SELECT size, name FROM goods ORDER BY 1", "1|again\n2|stays\n");
}

static void what_postgres_cannot_hold_is_mended_and_counted(void **state)
{
	struct fixture *f = *state;
	struct sl_row *made = row(f, "events", "{\"id\":\"a\",\"about\":\"x\",\"at\":\"2026-11-21T22:10:19Z\",\"raw\":"
		"{\"nul\":\"-\\u0000-\",\"high\":\"\\ud83d\",\"pair\":\"\\ud83d\\ude00\",\"slash\":\"\\\\u0000\"}}");
	struct sl_cell *cells = (struct sl_cell *)(uintptr_t)made->cells;
	cells[1].text = (struct sl_text){ "a\0b\xED\xA0\xBD\xC3\xA9\xFFz", 10 };
	cells[2].number = INT64_MAX;
	cells[5] = (struct sl_cell){ SL_CELL_INT, INT64_MIN, { 0 } };
	delivers(f);
	does(f, "SET TimeZone = 'UTC'");
	sees(f, "SELECT about, at, day, raw->>'nul', raw->>'high', raw->>'pair', raw->>'slash' FROM events",
		"a\uFFFDb\uFFFD\u00e9\uFFFDz|9999-12-31 23:59:59.999999+00|0001-01-01|-\uFFFD-|\uFFFD|\U0001F600|\\u0000\n");
	assert_non_null(strstr(f->tallied.at, "a U+0000 became U+FFFD: 2\n"));
	assert_non_null(strstr(f->tallied.at, "a lone surrogate became U+FFFD: 2\n"));
	assert_non_null(strstr(f->tallied.at, "a byte that is no UTF-8 became U+FFFD: 1\n"));
	assert_non_null(strstr(f->tallied.at, "a time outside the years 1 to 9999 became the nearest one: 1\n"));
	assert_non_null(strstr(f->tallied.at, "a date outside the years 1 to 9999 became the nearest one: 1\n"));
}

/* ------------------------------------------------------------------ bad rows */

static void bad_rows_are_all_found_and_nothing_is_written(void **state)
{
	struct fixture *f = *state;
	does(f, "ALTER TABLE events ADD CONSTRAINT no_debts CHECK (size >= 0)");
	row(f, "events", "{\"id\":\"good\"}");
	row(f, "events", "{\"id\":\"bad\",\"size\":-1}");
	row(f, "lines", "{\"order\":\"o\",\"part\":1,\"rows\":[{\"line\":1},{\"line\":1}]}");
	row(f, "events", "{\"id\":\"good too\"}");
	ROUTES(f, SL_EXPECT, "cards");
	ROUTES(f, SL_PUT, "cards", "log", "7");
	assert_int_equal(run(f, f->plugin->deliver), SL_DONE);
	assert_int_equal(f->settled[0], SL_DONE);
	assert_int_equal(f->settled[1], SL_FAIL);
	assert_non_null(strstr(f->reasons[1], "events: a check of the table refuses it (no_debts)"));
	assert_int_equal(f->settled[2], SL_FAIL);
	assert_non_null(strstr(f->reasons[2], "lines: there is another row with the same values (lines_pkey)"));
	assert_int_equal(f->settled[3], SL_DONE);
	sees(f, "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM lines)"
		" + (SELECT count(*) FROM _sluice_routes)", "0\n");
	row(f, "events", "{\"id\":\"good\"}");
	delivers(f);
	sees(f, "SELECT id FROM events", "good\n");
}

static void one_bad_row_among_many_is_found(void **state)
{
	struct fixture *f = *state;
	char json[60];
	does(f, "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS"
		" 'BEGIN IF new.size = 777 THEN RAISE EXCEPTION ''not this one''; END IF; RETURN new; END'");
	does(f, "CREATE TRIGGER t BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION no()");
	for (int i = 0; i < 1200; i++) {
		snprintf(json, sizeof(json), "{\"id\":\"%d\",\"size\":%d}", i, i);
		row(f, "events", json);
	}
	assert_int_equal(run(f, f->plugin->deliver), SL_DONE);
	for (int i = 0; i < 1200; i++)
		assert_int_equal(f->settled[i], i == 777 ? SL_FAIL : SL_DONE);
	assert_non_null(strstr(f->reasons[777], "events: a trigger refuses it: not this one [P0001]"));
}

static void constraints_that_are_checked_at_the_end_find_their_row(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE TABLE abouts (id text PRIMARY KEY); INSERT INTO abouts VALUES ('known'); ALTER TABLE events"
		" ADD CONSTRAINT known FOREIGN KEY (about) REFERENCES abouts DEFERRABLE INITIALLY DEFERRED");
	row(f, "events", "{\"id\":\"a\",\"about\":\"known\"}");
	row(f, "events", "{\"id\":\"b\",\"about\":\"unknown\"}");
	assert_int_equal(run(f, f->plugin->deliver), SL_DONE);
	assert_int_equal(f->settled[0], SL_DONE);
	assert_int_equal(f->settled[1], SL_FAIL);
	assert_non_null(strstr(f->reasons[1], "events: it names a row that is not there (known)"));
}

static void a_value_too_large_for_its_column_is_a_bad_row(void **state)
{
	struct fixture *f = *state;
	does(f, "ALTER TABLE events ALTER size TYPE int, ALTER about TYPE varchar(3), ALTER price TYPE numeric(4,2)");
	row(f, "events", "{\"id\":\"a\",\"size\":2147483648}");
	row(f, "events", "{\"id\":\"b\",\"about\":\"long\"}");
	row(f, "events", "{\"id\":\"c\",\"price\":100}");
	row(f, "events", "{\"id\":\"d\",\"size\":1,\"about\":\"abc\",\"price\":1.25}");
	assert_int_equal(run(f, f->plugin->deliver), SL_DONE);
	for (int i = 0; i < 4; i++)
		assert_int_equal(f->settled[i], i < 3 ? SL_FAIL : SL_DONE);
	assert_non_null(strstr(f->reasons[0], "integer out of range"));
	assert_non_null(strstr(f->reasons[1], "character varying(3)"));
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
	sees(f, "SELECT route, log_id, cursor, repeats FROM _sluice_routes", "cards|log|9|~\n");
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
	OPENS(f, SL_REMOVE, "cards", "12", "0");
	OPENS(f, SL_REMOVE, "cards", "99", "0");
	OPENS(f, SL_PUT, "cards", "13", "0", "dead");
	delivers(f);
	sees(f, "SELECT route, seq FROM _sluice_open ORDER BY 1, 2", "cards|3\ncards|13\nother|3\n");
}

static void rows_of_the_schema_are_recalled_in_their_types(void **state)
{
	struct fixture *f = *state;
	row(f, "events", "{\"id\":\"a\",\"at\":\"2026-11-21T22:26:40Z\",\"paid\":true,\"size\":-7,\"day\":\"2026-11-21\","
		"\"price\":0.00000001,\"raw\":[1]}");
	row(f, "events", "{\"id\":\"b\",\"price\":\"12345678901234567890.5\"}");
	delivers(f);
	struct sl_cell cells[11] = { { SL_CELL_TEXT, 0, { "a", 1 } } };
	*add(f) = (struct sl_row){ .table = schema_table(f->schema, "events"), .cells = cells };
	assert_string_equal(recalls(f),
		"a||1795300000000000|1|-7|20778|0.00000001|[1]|e1|1795299990000000|1795300000000000\n");
	cells[0] = (struct sl_cell){ SL_CELL_TEXT, 0, { "b", 1 } };
	*add(f) = (struct sl_row){ .table = schema_table(f->schema, "events"), .cells = cells };
	assert_non_null(strstr(recalls(f), "|12345678901234567890.5|"));
}

static void rows_are_recalled_page_by_page(void **state)
{
	struct fixture *f = *state;
	static const struct sl_cell nothing[16];
	char json[80], cursor[300];
	for (int i = 0; i < 7; i++) {
		snprintf(json, sizeof(json), "{\"shop\":\"a|\\\\%d\",\"odd \\\"name\":%d}", i / 3, -i);
		row(f, "states", json);
	}
	delivers(f);
	size_t pages = 0, rows = 0;
	f->call.most = 3;
	f->call.cursor = NULL;
	do {
		*add(f) = (struct sl_row){ .table = schema_table(f->schema, "states"), .cells = nothing };
		for (const char *at = recalls(f); (at = strchr(at, '\n')); at++)
			rows++;
		snprintf(cursor, sizeof(cursor), "%s", f->cursor);
		f->call.cursor = cursor;
		pages++;
	} while (*cursor);
	f->call.most = 0;
	f->call.cursor = NULL;
	assert_int_equal(pages, 3);
	assert_int_equal(rows, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(cells_are_stored_as_people_expect_them),
		WITH(what_came_first_stays),
		WITH(the_newest_row_wins_in_any_order),
		WITH(more_rows_than_a_statement_takes_are_written),
		WITH(a_set_is_replaced_whole_by_a_newer_one),
		WITH(an_empty_set_is_remembered),
		WITH(each_column_keeps_its_newest_value),
		WITH(what_was_removed_comes_back_only_by_newer_data),
		WITH(what_postgres_cannot_hold_is_mended_and_counted),
		WITH(bad_rows_are_all_found_and_nothing_is_written),
		WITH(one_bad_row_among_many_is_found),
		WITH(constraints_that_are_checked_at_the_end_find_their_row),
		WITH(a_value_too_large_for_its_column_is_a_bad_row),
		WITH(the_cursor_goes_on_only_from_where_it_was_left),
		WITH(open_rows_are_put_removed_and_recalled),
		WITH(rows_of_the_schema_are_recalled_in_their_types),
		WITH(rows_are_recalled_page_by_page),
		POOLED(cells_are_stored_as_people_expect_them),
		POOLED(the_newest_row_wins_in_any_order),
		POOLED(a_set_is_replaced_whole_by_a_newer_one),
		POOLED(each_column_keeps_its_newest_value),
		POOLED(bad_rows_are_all_found_and_nothing_is_written),
		POOLED(the_cursor_goes_on_only_from_where_it_was_left),
		POOLED(rows_are_recalled_page_by_page),
	};
	return cmocka_run_group_tests(tests, bed_begin, bed_end);
}
