/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_views_test.c - the postgres sink: views follow the schema; what is due now and then is done. */
#include "postgres_sink_bed.h"

static const char goods[] = "tables:\n  goods:\n    mode: upsert\n    key: id\n    columns: { id: text, size: int }\n";
static const char wide[] = "tables:\n  goods:\n    mode: upsert\n    key: id\n    columns: { id: text, size: int, "
	"name: text }\n";

static int begin(void **state)
{
	*state = bed_postgres();
	return 0;
}

static void make_goods(struct fixture *f, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		row(f, "goods", arena_format(f->arena, "{\"id\":\"g%u\",\"size\":%u}", i, i));
	delivers(f);
}

static const char *hash_of(struct fixture *f, const char *view)
{
	char *answer = bed_answer(other.db, arena_format(f->arena, "SELECT c.oid, obj_description(c.oid, 'pg_class')"
		" FROM pg_class c WHERE relname = '%s'", view));
	const char *kept = arena_string(f->arena, answer);
	free(answer);
	return kept;
}

/* -------------------------------------------------------------------------- views */

static void views_are_made_in_the_order_they_need(void **state)
{
	struct fixture *f = *state;
	opens(f, goods, "-- view: largest\nSELECT * FROM large WHERE size > 8 -- of them\n"
		"-- view: large\nSELECT * FROM goods WHERE size > 5");
	make_goods(f, 10);
	sees(f, "SELECT id FROM largest", "g9\n");
	sees(f, "SELECT obj_description('large'::regclass) LIKE 'made by sluice %'", "t\n");
}

static void a_view_is_made_again_only_when_it_changes(void **state)
{
	struct fixture *f = *state;
	const char *views = "-- view: large\nSELECT id FROM goods WHERE size > 5\n-- view: small\nSELECT id FROM goods "
		"WHERE size < 2";
	opens(f, goods, views);
	const char *large = hash_of(f, "large"), *small = hash_of(f, "small");
	opens(f, goods, views);
	assert_string_equal(hash_of(f, "large"), large);
	opens(f, goods, "-- view: large\nSELECT id FROM goods WHERE size > 7\n-- view: small\nSELECT id FROM goods WHERE "
		"size < 2");
	assert_string_not_equal(hash_of(f, "large"), large);
	assert_string_equal(hash_of(f, "small"), small);
	make_goods(f, 9);
	sees(f, "SELECT id FROM large", "g8\n");
}

static void a_new_column_comes_into_views_that_show_all(void **state)
{
	struct fixture *f = *state;
	const char *views = "-- view: large\nSELECT goods.*, size * 2 AS twice FROM goods\n-- view: largest\nSELECT * "
		"FROM large";
	opens(f, goods, views);
	opens(f, wide, views);
	row(f, "goods", "{\"id\":\"a\",\"size\":7,\"name\":\"n\"}");
	delivers(f);
	sees(f, "SELECT name, twice FROM largest", "n|14\n");
}

static void a_view_of_others_is_not_lost(void **state)
{
	struct fixture *f = *state;
	opens(f, goods, "-- view: large\nSELECT id FROM goods WHERE size > 5");
	does(f, "CREATE VIEW mine AS SELECT id FROM large");
	opens(f, goods, "-- view: large\nSELECT id, size FROM goods WHERE size > 7"); /* can be replaced in place */
	make_goods(f, 9);
	sees(f, "SELECT id FROM mine", "g8\n");
	opens(f, goods, "-- view: large\nSELECT size FROM goods"); /* cannot */
	has(f->noted, "the view large has changed, and mine, which is not of this schema, reads from it");
	sees(f, "SELECT id FROM mine", "g8\n");
	has(differs(f, "diff"), "make view {\"table\":\"large\",\"sql\":\"CREATE OR REPLACE VIEW");
	does(f, "DROP VIEW mine");
	opens(f, goods, "-- view: large\nSELECT size FROM goods");
}

static void a_name_that_is_taken_is_a_conflict(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE VIEW large AS SELECT 1 AS id; CREATE TABLE small (id text)");
	does_not_open(f, goods, "-- view: large\nSELECT id FROM goods", "large is wanted as a view of the schema, but is "
		"there and not ours; rename that one");
	does_not_open(f, goods, "-- view: small\nSELECT id FROM goods", "small is wanted as a view");
	sees(f, "SELECT id FROM large", "1\n");
}

static void a_broken_view_is_named(void **state)
{
	struct fixture *f = *state;
	does_not_open(f, goods, "-- view: large\nSELECT colour FROM goods", "make view large: column \"colour\" does not "
		"exist (42703)");
	sees(f, "SELECT count(*) FROM pg_class WHERE relname = 'goods'", "0\n"); /* all or nothing */
}

static void a_view_that_left_the_schema_stays(void **state)
{
	struct fixture *f = *state;
	opens(f, goods, "-- view: large\nSELECT id FROM goods\n-- view: larger\nSELECT id FROM large");
	opens(f, goods, "");
	has(differs(f, "diff"), "extra view {\"table\":\"larger\",\"safe\":true");
	differs(f, "force");
	sees(f, "SELECT count(*) FROM larger", "0\n");
}

static void who_may_read_a_view_may_read_the_next_one(void **state)
{
	struct fixture *f = *state;
	opens(f, goods, "-- view: large\nSELECT id FROM goods");
	does(f, "CREATE ROLE \"the reader\"; GRANT SELECT ON large TO \"the reader\" WITH GRANT OPTION;"
		" CREATE ROLE owner; ALTER VIEW large OWNER TO owner; GRANT ALL ON SCHEMA public TO owner");
	opens(f, wide, "-- view: large\nSELECT size FROM goods");
	sees(f, "SELECT pg_get_userbyid(relowner), has_table_privilege('the reader', oid, 'SELECT WITH GRANT OPTION')"
		" FROM pg_class WHERE relname = 'large'", "owner|t\n");
	does(f, "DROP OWNED BY \"the reader\", owner; DROP ROLE \"the reader\", owner");
}

/* ------------------------------------------------------------------- materialized */

#define SIZES "-- view: sizes materialized refresh=1m\nSELECT size % 3 AS third, count(*) AS goods FROM goods GROUP " \
	"BY 1\n"

static void as_if_a_while_had_passed(struct fixture *f)
{
	does(f, "UPDATE _sluice_upkeep SET at = at - interval '1 hour' WHERE task = 'refresh'");
}

static void a_materialized_view_is_refreshed_when_it_is_due(void **state)
{
	struct fixture *f = *state;
	opens(f, goods, SIZES);
	make_goods(f, 9);
	assert_string_equal(upkeep(f), "");
	sees(f, "SELECT count(*) FROM sizes", "0\n");
	as_if_a_while_had_passed(f);
	assert_string_equal(upkeep(f), "refreshed {\"table\":\"sizes\",\"rows\":0}\n");
	sees(f, "SELECT * FROM sizes ORDER BY 1", "0|3\n1|3\n2|3\n");
	assert_string_equal(upkeep(f), "");
}

static void it_is_refreshed_while_somebody_reads(void **state)
{
	struct fixture *f = *state;
	opens(f, goods, SIZES);
	make_goods(f, 9);
	does(f, "BEGIN; SELECT * FROM sizes");
	as_if_a_while_had_passed(f);
	does(f, "COMMIT; BEGIN; SELECT * FROM sizes");
	assert_string_equal(upkeep(f), "refreshed {\"table\":\"sizes\",\"rows\":0}\n");
	does(f, "COMMIT");
	sees(f, "SELECT count(*) FROM sizes", "3\n");
}

static void rows_that_are_the_same_are_refreshed_too(void **state)
{
	struct fixture *f = *state;
	opens(f, goods, "-- view: thirds materialized refresh=1m\nSELECT size % 3 AS third FROM goods\n");
	make_goods(f, 9);
	as_if_a_while_had_passed(f);
	assert_string_equal(upkeep(f), "refreshed {\"table\":\"thirds\",\"rows\":0}\n");
	sees(f, "SELECT count(*) FROM thirds", "9\n");
}

static void a_view_that_cannot_be_refreshed_is_told_and_left(void **state)
{
	struct fixture *f = *state;
	opens(f, goods, "-- view: odd materialized refresh=1m\nSELECT 1 / size AS part FROM goods\n");
	make_goods(f, 2);
	as_if_a_while_had_passed(f);
	assert_string_equal(upkeep(f), "");
	has(f->noted, "the view odd cannot be refreshed: division by zero");
	f->noted[0] = '\0';
	upkeep(f);
	assert_string_equal(f->noted, "");
}

static void a_view_becomes_materialized_and_back(void **state)
{
	struct fixture *f = *state;
	opens(f, goods, "-- view: sizes\nSELECT size FROM goods");
	make_goods(f, 2);
	opens(f, goods, "-- view: sizes materialized\nSELECT size FROM goods");
	sees(f, "SELECT relkind, (SELECT count(*) FROM sizes) FROM pg_class WHERE relname = 'sizes'", "m|2\n");
	opens(f, goods, "-- view: sizes\nSELECT size FROM goods");
	sees(f, "SELECT relkind, (SELECT count(*) FROM sizes) FROM pg_class WHERE relname = 'sizes'", "v|2\n");
}

/* ----------------------------------------------------------------------- retention */

#define SEEN(key, more) "tables:\n  seen:\n    mode: append\n    key: [" key "]\n" more \
	"    retention: { column: at, after: 30d }\n    columns: { id: text, at: timestamp, day: date }\n"

static void make_seen(struct fixture *f, const char *table, unsigned count)
{
	does(f, arena_format(f->arena, "INSERT INTO %s (id, at, day) SELECT 'old' || n, now() - interval '31 days', "
		"current_date - 40 FROM generate_series(1, %u) n", table, count));
	does(f, arena_format(f->arena, "INSERT INTO %s (id, at, day) VALUES ('new', now() - interval '29 days', "
		"current_date - 10)",
		table));
}

static void old_rows_go_in_small_batches(void **state)
{
	struct fixture *f = *state;
	unsigned pruned = 0, rows, rounds = 0;
	opens(f, SEEN("id", ""), "");
	sees(f, "SELECT count(*) FROM pg_indexes WHERE tablename = 'seen' AND indexdef LIKE '%(at)'", "1\n");
	make_seen(f, "seen", 2500);
	do {
		for (const char *at = upkeep(f); sscanf(at, "pruned {\"table\":\"seen\",\"rows\":%u}", &rows) == 1; at = "")
			pruned += rows;
	} while (f->cursor[0] && ++rounds < 10);
	assert_int_equal(pruned, 2500);
	sees(f, "SELECT id FROM seen", "new\n");
	assert_string_equal(upkeep(f), "");
}

static void a_row_that_somebody_holds_is_left_for_later(void **state)
{
	struct fixture *f = *state;
	opens(f, SEEN("id", ""), "");
	make_seen(f, "seen", 3);
	does(f, "BEGIN; SELECT * FROM seen WHERE id = 'old2' FOR UPDATE");
	assert_string_equal(upkeep(f), "pruned {\"table\":\"seen\",\"rows\":2}\n");
	does(f, "COMMIT");
	assert_string_equal(upkeep(f), "pruned {\"table\":\"seen\",\"rows\":1}\n");
}

static void only_one_of_several_routes_prunes(void **state)
{
	struct fixture *f = *state;
	opens(f, SEEN("id", ""), "");
	make_seen(f, "seen", 3);
	does(f, "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('sluice: the upkeep of public.seen', 0))");
	assert_string_equal(upkeep(f), "");
	does(f, "COMMIT");
	assert_string_equal(upkeep(f), "pruned {\"table\":\"seen\",\"rows\":3}\n");
}

static void days_are_pruned_by_day(void **state)
{
	struct fixture *f = *state;
	opens(f, "tables:\n  seen:\n    mode: append\n    key: [id, day]\n    retention: { column: day, after: 30d }\n"
		"    columns: { id: text, at: timestamp, day: date }\n", "");
	make_seen(f, "seen", 3);
	assert_string_equal(upkeep(f), "pruned {\"table\":\"seen\",\"rows\":3}\n");
}

static void whole_parts_go_at_once(void **state)
{
	struct fixture *f = *state;
	opens(f, SEEN("id, at", "    partition: at\n"), "");
	make_seen(f, "seen", 3); /* in the default part */
	does(f, "CREATE TABLE aged PARTITION OF seen FOR VALUES FROM ('2020-01-01') TO ('2020-01-02');"
		" INSERT INTO seen (id, at) SELECT n, '2020-01-01 12:00' FROM generate_series(1, 5000) n;"
		" INSERT INTO _sluice_upkeep (name, task, note) VALUES ('aged', 'part of seen', '2020-01-02')");
	assert_string_equal(upkeep(f), "pruned {\"table\":\"seen\",\"rows\":5000}\npruned "
		"{\"table\":\"seen\",\"rows\":3}\n");
	sees(f, "SELECT to_regclass('aged') IS NULL, (SELECT count(*) FROM seen)", "t|1\n");
}

static void parts_are_made_ahead(void **state)
{
	struct fixture *f = *state;
	opens(f, SEEN("id, at", "    partition: at\n"), "");
	sees(f, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'seen'::regclass", "4\n");
	does(f, "DO $$ DECLARE part text; BEGIN FOR part IN SELECT name FROM _sluice_upkeep WHERE task = 'part of seen' "
		"LOOP EXECUTE 'DROP TABLE ' || quote_ident(part); END LOOP; END $$; DELETE FROM _sluice_upkeep WHERE task = "
		"'part of seen'");
	does(f, "INSERT INTO seen (id, at) VALUES ('in the way', now())");
	upkeep(f);
	sees(f, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'seen'::regclass",
		"3\n"); /* one has rows in the default part, which stay there */
	sees(f, "SELECT count(*) FROM seen", "1\n");
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, begin, bed_postgres_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(views_are_made_in_the_order_they_need),
		WITH(a_view_is_made_again_only_when_it_changes),
		WITH(a_new_column_comes_into_views_that_show_all),
		WITH(a_view_of_others_is_not_lost),
		WITH(a_name_that_is_taken_is_a_conflict),
		WITH(a_broken_view_is_named),
		WITH(a_view_that_left_the_schema_stays),
		WITH(who_may_read_a_view_may_read_the_next_one),
		WITH(a_materialized_view_is_refreshed_when_it_is_due),
		WITH(it_is_refreshed_while_somebody_reads),
		WITH(rows_that_are_the_same_are_refreshed_too),
		WITH(a_view_that_cannot_be_refreshed_is_told_and_left),
		WITH(a_view_becomes_materialized_and_back),
		WITH(old_rows_go_in_small_batches),
		WITH(a_row_that_somebody_holds_is_left_for_later),
		WITH(only_one_of_several_routes_prunes),
		WITH(days_are_pruned_by_day),
		WITH(whole_parts_go_at_once),
		WITH(parts_are_made_ahead),
	};
	return cmocka_run_group_tests(tests, bed_begin, bed_end);
}
