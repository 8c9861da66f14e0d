/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_form_test.c - the postgres sink: tables, keys and indexes as the schema wants them. */
#include "postgres_sink_bed.h"

#include <pthread.h>

static const char shop[] =
	"tables:\n  orders:\n    help: What was ordered.\n"
	"    mode: upsert\n    key: [shop, id]\n    indexes: [placed_at, [buyer, placed_at]]\n"
	"    cluster: [status]\n    columns:\n      shop: text\n"
	"      id: int\n      buyer: { type: text, help: \"Who; it's a name.\" }\n"
	"      price: decimal\n      paid: { type: bool, default: false }\n"
	"      status: { type: text, required: true, default: \"it's open\" }\n"
	"      placed_at: { type: timestamp, required: true }\n"
	"      due: { type: date, default: 2026-11-21 }\n"
	"      raw: json\n      initials: { type: text, generated: \"upper(substr(buyer, 1, 1))\" }\n"
	"  cards:\n    mode: patch\n    deletes: mark\n"
	"    key: id\n    columns: { id: text, name: { type: text, required: true } }\n"
	"  lines:\n    mode: replace\n    parent: [part, order]\n"
	"    key: [order, part, line]\n    columns: { order: text, part: int, line: int, title: text }\n";

/* One table, of these columns. */
static const char *goods(struct fixture *f, const char *key, const char *columns)
{
	return arena_format(f->arena, "tables:\n  goods:\n    mode: upsert\n    key: [%s]\n    columns: { %s }\n", key,
		columns);
}

static int begin(void **state)
{
	*state = bed_postgres();
	return 0;
}

static const char columns_of[] =
	"SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),"
	" col_description(a.attrelid, a.attnum) FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid"
	" AND d.adnum = a.attnum WHERE a.attrelid = '%s'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY "
	"a.attnum";

static void sees_columns(struct fixture *f, const char *table, const char *wanted)
{
	sees(f, arena_format(f->arena, columns_of, table), wanted);
}

static void sees_indexes(struct fixture *f, const char *table, const char *wanted)
{
	sees(f, arena_format(f->arena, "SELECT pg_get_indexdef(indexrelid, 0, true) FROM pg_index WHERE indrelid = "
		"'%s'::regclass ORDER BY 1", table), wanted);
}

/* -------------------------------------------------------------------------- made */

static void tables_are_made_as_the_schema_says(void **state)
{
	struct fixture *f = *state;
	opens(f, shop, "");
	sees_columns(f, "orders",
		"shop|text|t|~|~\nid|bigint|t|~|~\nbuyer|text|f|~|Who; it's a name.\n"
		"price|numeric|f|~|~\npaid|boolean|f|false|~\n"
		"status|text|t|'it''s open'::text|~\nplaced_at|timestamp with time zone|t|~|~\n"
		"due|date|f|'2026-11-21'::date|~\nraw|jsonb|f|~|~\n"
		"initials|text|f|upper(substr(buyer, 1, 1))|~\n"
		"_event_id|text|f|~|the event the row was last written from\n"
		"_event_time|timestamp with time zone|f|~|the version: when it was so\n"
		"_synced_at|timestamp with time zone|f|~|when the row was last written\n");
	sees(f, "SELECT obj_description('orders'::regclass)", "What was ordered.\n");
	sees_indexes(f, "orders",
		"CREATE INDEX orders_buyer_placed_at_idx ON orders USING btree (buyer, placed_at)\n"
		"CREATE INDEX orders_placed_at_idx ON orders USING btree (placed_at)\n"
		"CREATE INDEX orders_status_idx ON orders USING btree (status)\n"
		"CREATE UNIQUE INDEX orders_pkey ON orders USING btree (shop, id)\n");
	sees_indexes(f, "lines",
		"CREATE INDEX lines_part_order_idx ON lines USING btree (part, \"order\")\n"
		"CREATE UNIQUE INDEX lines_pkey ON lines USING btree (\"order\", part, line)\n");
}

static void a_row_that_may_come_bit_by_bit_lacks_what_is_required(void **state)
{
	struct fixture *f = *state;
	opens(f, shop, "");
	sees(f, "SELECT attname FROM pg_attribute WHERE attrelid = 'cards'::regclass AND attnum > 0 AND attnotnull",
		"id\n");
}

static void what_is_as_wanted_is_left_alone(void **state)
{
	struct fixture *f = *state;
	opens(f, shop, "");
	assert_string_equal(differs(f, "diff"), "");
	does(f, "CREATE TABLE public.before AS SELECT oid, xmin::text AS at FROM pg_class WHERE relnamespace ="
		" 'public'::regnamespace UNION SELECT objoid, xmin::text FROM pg_description WHERE objoid >= 16384");
	opens(f, shop, "");
	sees(f, "SELECT count(*) FROM before WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = before.oid AND"
		" c.xmin::text = at) AND NOT EXISTS (SELECT FROM pg_description c WHERE c.objoid = before.oid AND"
		" c.xmin::text = at)", "0\n");
}

static void a_schema_of_any_name_is_made(void **state)
{
	struct fixture *f = *state;
	set_text(f, "namespace", "We \"are\" 'here'");
	opens(f, shop, "-- view: all orders\nSELECT * FROM orders");
	row(f, "orders", "{\"shop\":\"s\",\"id\":1,\"buyer\":\"ann\",\"placed_at\":0}");
	delivers(f);
	sees(f, "SELECT initials, status, paid, due FROM \"We \"\"are\"\" 'here'\".\"all orders\"", "A|it's "
		"open|f|2026-11-21\n");
}

static void a_difference_is_told_and_not_made(void **state)
{
	struct fixture *f = *state;
	bed_load(f, goods(f, "id", "id: text, size: int"), "-- view: large\nSELECT * FROM goods WHERE size > 5",
		"postgres");
	bed_offer(f);
	const char *told = differs(f, "diff");
	has(told, "add table {\"table\":\"goods\",\"sql\":\"CREATE TABLE \\\"public\\\".\\\"goods\\\" (");
	has(told, "add table {\"table\":\"_sluice_routes\"");
	has(told, "make view {\"table\":\"large\",\"sql\":\"CREATE VIEW \\\"public\\\".\\\"large\\\" AS\\nSELECT");
	has(told, "\"safe\":true");
	sees(f, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace", "0\n");
	has(differs(f, "apply"), "\"done\":true");
	sees(f, "SELECT count(*) FROM large", "0\n");
	assert_string_equal(differs(f, "diff"), "");
}

/* ------------------------------------------------------------------------ columns */

static void a_new_column_comes_with_what_it_is_to_hold(void **state)
{
	struct fixture *f = *state;
	opens(f, goods(f, "id", "id: text"), "");
	row(f, "goods", "{\"id\":\"a\"}");
	delivers(f);
	const char *wider = goods(f, "id", "id: text, size: { type: int, default: 7, required: true }, at: { type: "
		"timestamp, default: 2026-11-21T22:10:19.123456Z }, name: { type: text, required: true, help: what },"
		" twice: { type: int, generated: size * 2 }");
	bed_load(f, wider, "", "postgres");
	bed_offer(f);
	has(differs(f, "diff"), "add column {\"table\":\"goods\",\"column\":\"size\",\"sql\":\"ALTER TABLE "
		"\\\"public\\\".\\\"goods\\\" ADD COLUMN \\\"size\\\" bigint DEFAULT 7 NOT NULL\",\"safe\":true");
	opens(f, wider, "");
	sees(f, "SELECT id, size, at, name, twice FROM goods", "a|7|2026-11-21 22:10:19.123456+00|~|14\n");
	row(f, "goods", "{\"id\":\"b\",\"name\":\"n\",\"size\":1}");
	delivers(f);
	sees(f, "SELECT id, size, twice FROM goods WHERE id = 'b'", "b|1|2\n");
	assert_string_equal(differs(f, "diff"), "");
}

static void what_loses_nothing_is_widened(void **state)
{
	struct fixture *f = *state;
	opens(f, goods(f, "id", "id: int, size: int, day: date"), "-- view: sizes\nSELECT size, day FROM goods");
	row(f, "goods", "{\"id\":1,\"size\":9007199254740993,\"day\":\"2026-11-21\"}");
	delivers(f);
	does(f, "CREATE ROLE reader; GRANT SELECT ON sizes TO reader; GRANT UPDATE (size) ON sizes TO PUBLIC");
	opens(f, goods(f, "id", "id: decimal, size: decimal, day: timestamp"), "-- view: sizes\nSELECT size, day FROM "
		"goods");
	row(f, "goods", "{\"id\":1.5,\"size\":2.50,\"day\":\"2026-11-21T12:00:00Z\"}");
	delivers(f);
	sees(f, "SELECT size, day FROM sizes ORDER BY 2", "9007199254740993|2026-11-21 00:00:00+00\n2.50|2026-11-21 "
		"12:00:00+00\n");
	sees(f, "SELECT has_table_privilege('reader', 'sizes', 'SELECT'), has_column_privilege('reader', 'sizes', 'size', "
		"'UPDATE'), has_column_privilege('reader', 'sizes', 'day', 'UPDATE')", "t|t|f\n");
	does(f, "DROP OWNED BY reader; DROP ROLE reader");
	assert_string_equal(differs(f, "diff"), "");
}

static void what_is_made_of_a_widened_column_is_made_again(void **state)
{
	struct fixture *f = *state;
	const char *views = "-- view: doubles\nSELECT twice FROM goods";
	opens(f, goods(f, "id", "id: text, size: int, twice: { type: int, generated: size * 2 }"), views);
	row(f, "goods", "{\"id\":\"a\",\"size\":3}");
	delivers(f);
	opens(f, goods(f, "id", "id: text, size: decimal, twice: { type: decimal, generated: size * 2 }"), views);
	row(f, "goods", "{\"id\":\"b\",\"size\":1.25}");
	delivers(f);
	sees(f, "SELECT twice FROM doubles ORDER BY 1", "2.50\n6\n");
	assert_string_equal(differs(f, "diff"), "");
}

static void a_view_of_others_keeps_a_column_as_it_is(void **state)
{
	struct fixture *f = *state;
	opens(f, goods(f, "id", "id: text, size: int"), "-- view: sizes\nSELECT size FROM goods");
	does(f, "CREATE SCHEMA desk; CREATE VIEW desk.mine AS SELECT * FROM sizes");
	does_not_open(f, goods(f, "id", "id: text, size: decimal"), "-- view: sizes\nSELECT size FROM goods",
		"the type of goods.size has to change, and the view desk.mine, which is not of this schema, reads from it; "
		"drop that view, and make it again afterwards; `sluice schema diff` shows all that differs");
	has(differs(f, "diff"), "conflict {\"table\":\"goods\",\"column\":\"size\"");
	sees(f, "SELECT * FROM desk.mine", "");
	does(f, "DROP VIEW desk.mine");
	opens(f, goods(f, "id", "id: text, size: decimal"), "-- view: sizes\nSELECT size FROM goods");
}

static void what_cannot_hold_the_schemas_values_is_refused(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE TABLE goods (id text PRIMARY KEY, size text, at timestamp)");
	does(f, "INSERT INTO goods VALUES ('a', '12', '2026-11-21 10:00')");
	const char *wanted = goods(f, "id", "id: text, size: int, at: timestamp");
	does_not_open(f, wanted, "", "the column goods.size is text, and cannot hold what the schema puts there (bigint)");
	has(f->why, "`sluice schema diff`");
	has(differs(f, "diff"), "\"safe\":false");
	sees(f, "SELECT pg_typeof(size) FROM goods", "text\n");
	differs(f, "force");
	opens(f, wanted, "");
	sees(f, "SELECT pg_typeof(size), size, at FROM goods", "bigint|12|2026-11-21 10:00:00+00\n");
}

static void a_table_of_ones_own_is_written_as_it_is(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN word AS text CHECK (length(value) < 20);"
		" CREATE TABLE goods (n serial PRIMARY KEY, id uuid NOT NULL UNIQUE, size int4, mood mood, word word,"
		" price numeric(10, 2), raw json, own text, filled text NOT NULL DEFAULT 'x')");
	opens(f, goods(f, "id", "id: text, size: int, mood: text, word: text, price: decimal, raw: json"), "");
	row(f, "goods", "{\"id\":\"6ecd8c99-4036-403d-bf84-cf8400f67836\",\"size\":3,\"mood\":\"bad\",\"word\":\"w\","
		"\"price\":1.25,\"raw\":{\"b\":1,\"a\":2}}");
	delivers(f);
	sees(f, "SELECT id, size, mood, word, price, raw, own, filled FROM goods",
		"6ecd8c99-4036-403d-bf84-cf8400f67836|3|bad|w|1.25|{\"a\": 2, \"b\": 1}|~|x\n");
	const char *told = differs(f, "diff");
	has(told, "extra column {\"table\":\"goods\",\"column\":\"own\",\"safe\":true");
	has_not(told, "conflict");
	has_not(told, "\"sql\"");
}

static void a_column_that_no_row_could_fill_is_refused(void **state)
{
	struct fixture *f = *state;
	const char *wanted = goods(f, "id", "id: text");
	does(f, "CREATE TABLE goods (id text PRIMARY KEY, own text NOT NULL)");
	does_not_open(f, wanted, "", "goods.own is not in the schema, but NOT NULL and without a default: every row would "
		"be refused");
	has(differs(f, "diff"), "ALTER COLUMN \\\"own\\\" DROP NOT NULL\",\"safe\":false");
	differs(f, "force");
	opens(f, wanted, "");
}

static void what_may_be_null_now_may_be_null_there(void **state)
{
	struct fixture *f = *state;
	opens(f, goods(f, "id", "id: text, name: { type: text, required: true }"), "");
	sees(f, "SELECT attnotnull FROM pg_attribute WHERE attrelid = 'goods'::regclass AND attname = 'name'", "t\n");
	opens(f, goods(f, "id", "id: text, name: text"), "");
	row(f, "goods", "{\"id\":\"a\"}");
	delivers(f);
}

static void a_column_that_left_the_schema_stays(void **state)
{
	struct fixture *f = *state;
	opens(f, goods(f, "id", "id: text, name: text"), "");
	row(f, "goods", "{\"id\":\"a\",\"name\":\"n\"}");
	delivers(f);
	opens(f, goods(f, "id", "id: text"), "");
	has(differs(f, "diff"), "extra column {\"table\":\"goods\",\"column\":\"name\"");
	differs(f, "force");
	sees(f, "SELECT id, name FROM goods", "a|n\n");
}

static void another_expression_is_told(void **state)
{
	struct fixture *f = *state;
	opens(f, goods(f, "id", "id: text, twice: { type: text, generated: id || id }"), "");
	assert_string_equal(differs(f, "diff"), "");
	opens(f, goods(f, "id", "id: text, twice: { type: text, generated: id || '+' || id }"), "");
	has(differs(f, "diff"), "conflict {\"table\":\"goods\",\"column\":\"twice\",\"sql\":\"ALTER TABLE "
		"\\\"public\\\".\\\"goods\\\" DROP COLUMN \\\"twice\\\", ADD COLUMN");
	differs(f, "force");
	assert_string_equal(differs(f, "diff"), "");
	opens(f, goods(f, "id", "id: text, twice: { type: text, generated: id || '+' || id }"), "");
	row(f, "goods", "{\"id\":\"a\"}");
	delivers(f);
	sees(f, "SELECT twice FROM goods", "a+a\n");
	opens(f, goods(f, "id", "id: text, size: int, half: { type: int, generated: size / 2 }"), "");
	opens(f, goods(f, "id", "id: text, size: int, half: { type: decimal, generated: size / 2 }"), "");
	has(differs(f, "diff"), "goods.half: is filled by another expression, or of another type, than the schema's");
}

static void comments_follow_the_schema_but_others_words_stay(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE TABLE goods (id text PRIMARY KEY, size int); COMMENT ON COLUMN goods.id IS 'mine'");
	opens(f, goods(f, "id", "id: { type: text, help: ours }, size: { type: int, help: how large }"), "");
	sees(f, "SELECT col_description('goods'::regclass, 1), col_description('goods'::regclass, 2)", "mine|how large\n");
	opens(f, shop, "");
	does(f, "COMMENT ON TABLE orders IS 'mine'");
	opens(f, shop, "");
	sees(f, "SELECT obj_description('orders'::regclass)", "What was ordered.\n");
}

/* --------------------------------------------------------------------------- keys */

static void a_key_gets_its_index(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE TABLE goods (n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text, shop text);"
		" CREATE UNIQUE INDEX ON goods (id) WHERE shop = 's'; CREATE UNIQUE INDEX ON goods (lower(id))");
	opens(f, goods(f, "id", "id: text, shop: text"), "");
	sees(f, "SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%UNIQUE INDEX goods_id_idx1 ON%(id)'", "1\n");
	row(f, "goods", "{\"id\":\"a\"}");
	delivers(f);
}

static void doubles_stand_in_a_keys_way(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE TABLE goods (id text); INSERT INTO goods VALUES ('a'), ('a')");
	does_not_open(f, goods(f, "id", "id: text"), "", "add index goods: could not create unique index");
	has(differs(f, "diff"), "if it has rows that are the same in these columns, remove the doubles");
}

static void a_renamed_key_is_seen(void **state)
{
	struct fixture *f = *state;
	opens(f, goods(f, "shop, id", "shop: text, id: text"), "");
	row(f, "goods", "{\"shop\":\"s\",\"id\":\"a\"}");
	delivers(f);
	const char *renamed = goods(f, "shop, number", "shop: text, number: text");
	does_not_open(f, renamed, "", "the key of goods has the column id, and in the schema number; rename it there or "
		"here, or give the table another name");
	const char *told = differs(f, "diff");
	has(told, "\"sql\":\"ALTER TABLE \\\"public\\\".\\\"goods\\\" RENAME COLUMN \\\"id\\\" TO "
		"\\\"number\\\"\",\"safe\":false");
	has_not(told, "add column");
	differs(f, "force");
	opens(f, renamed, "");
	sees(f, "SELECT shop, number FROM goods", "s|a\n");
}

static void another_key_is_a_conflict(void **state)
{
	struct fixture *f = *state;
	opens(f, goods(f, "id", "shop: text, id: text"), "");
	does_not_open(f, goods(f, "shop, id", "shop: text, id: text"), "",
		"the primary key of goods is (id), and the schema's is (\"shop\", \"id\")");
	differs(f, "force");
	opens(f, goods(f, "shop, id", "shop: text, id: text"), "");
	sees_indexes(f, "goods", "CREATE UNIQUE INDEX goods_pkey ON goods USING btree (shop, id)\n");
}

static void a_view_in_a_tables_place_is_a_conflict(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE VIEW goods AS SELECT 'a'::text AS id");
	does_not_open(f, goods(f, "id", "id: text"), "", "goods is wanted as a table, but is there as a view; rename that "
		"one");
}

/* ------------------------------------------------------------------------ indexes */

static void an_index_made_by_hand_will_do(void **state)
{
	struct fixture *f = *state;
	const char *wanted = "tables:\n  goods:\n    mode: append\n    key: id\n    indexes: [size, [shop, size]]\n"
		"    columns: { id: text, shop: text, size: int }\n";
	does(f, "CREATE TABLE goods (id text PRIMARY KEY, shop text, size int); CREATE INDEX byhand ON goods (size, shop);"
		" CREATE INDEX partial ON goods (shop, size) WHERE size > 5");
	opens(f, wanted, "");
	sees(f, "SELECT indexname FROM pg_indexes WHERE tablename = 'goods' ORDER BY 1",
		"byhand\ngoods_pkey\ngoods_shop_size_idx\npartial\n");
}

/* -------------------------------------------------------------------------- names */

static void a_name_that_would_be_cut_is_named(void **state)
{
	struct fixture *f = *state;
	char yaml[600], seventy[71];
	memset(seventy, 'n', 70);
	seventy[70] = '\0';
	snprintf(yaml, sizeof(yaml), "tables:\n  goods:\n    mode: append\n    key: id\n    columns: { id: text, %s: "
		"text, %s2: text, ctid: text }\n", seventy, seventy);
	does_not_open(f, yaml, "", "the name is longer than the 63 bytes that Postgres keeps of it; give it a shorter one");
	const char *told = differs(f, "diff");
	has(told, "name {\"table\":\"goods\",\"column\":\"nnnn");
	has(told, "cut to the 63 bytes that Postgres keeps of a name, it is the same as another one");
	has(told, "goods.ctid: Postgres has a column of that name in every table");
	has_not(told, "add table {\"table\":\"goods\"");
}

/* -------------------------------------------------------------------------- parts */

static void a_table_in_parts_takes_rows_of_all_times(void **state)
{
	struct fixture *f = *state;
	opens(f, "tables:\n  seen:\n    mode: append\n    key: [id, at]\n    partition: at\n    columns: { id: text, at: "
		"timestamp }\n", "");
	row(f, "seen", "{\"id\":\"now\",\"at\":\"2026-11-21\"}");
	row(f, "seen", "{\"id\":\"old\",\"at\":\"1999-01-01\"}");
	row(f, "seen", "{\"id\":\"late\",\"at\":\"2999-01-01\"}");
	delivers(f);
	row(f, "seen", "{\"id\":\"old\",\"at\":\"1999-01-01\"}");
	delivers(f);
	sees(f, "SELECT count(*) FROM seen", "3\n");
	sees(f, "SELECT count(*) FROM seen_rest WHERE at < '2026-01-01' OR at > '2030-01-01'", "2\n");
	sees(f, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'seen'::regclass", "4\n");
	assert_string_equal(differs(f, "diff"), "");
	assert_string_equal(upkeep(f), "");
}

static void a_part_that_cannot_be_is_told(void **state)
{
	struct fixture *f = *state;
	opens(f, "tables:\n  seen:\n    mode: append\n    key: id\n    partition: at\n    columns: { id: text, at: "
		"timestamp }\n", "");
	has(differs(f, "diff"), "remark {\"table\":\"seen\",\"column\":\"at\",\"safe\":true,\"why\":\"seen is not "
		"partitioned by at: Postgres can only do so by a timestamp or date that belongs to the key\"");
	sees(f, "SELECT relkind FROM pg_class WHERE relname = 'seen'", "r\n");
}

/* ------------------------------------------------------------------------- tables */

static void a_table_that_left_the_schema_is_told_and_stays(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE TABLE others (id text)");
	opens(f, shop, "");
	opens(f, goods(f, "id", "id: text"), "");
	const char *told = differs(f, "diff");
	has(told, "extra table {\"table\":\"orders\",\"safe\":true");
	has_not(told, "others");
	differs(f, "force");
	sees(f, "SELECT count(*) FROM orders", "0\n");
}

static void a_role_without_rights_is_told_what_it_needs(void **state)
{
	struct fixture *f = *state;
	char conninfo[300];
	does(f, "CREATE ROLE poor LOGIN");
	snprintf(conninfo, sizeof(conninfo), "%s user=poor", other.conninfo);
	set_url(f, conninfo);
	bed_load(f, goods(f, "id", "id: text"), "", "postgres");
	assert_int_equal(bed_open(f), SL_RETRY);
	says(f, "GRANT USAGE, CREATE ON SCHEMA \"public\" TO \"poor\"");
}

#define AT_ONCE 6

static struct {
	pthread_t thread;
	struct fixture *f;
	enum sl_outcome ended;
} sinks[AT_ONCE];

static void *opens_at_once(void *data)
{
	size_t at = (size_t)(intptr_t)data;
	sinks[at].ended = bed_open(sinks[at].f);
	return NULL;
}

static void sinks_that_open_at_once_make_one_table(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < AT_ONCE; i++) {
		sinks[i].f = bed_postgres_too();
		set_text(sinks[i].f, "namespace", "fresh");
		set_number(sinks[i].f, "lock_timeout", 10000);
		bed_load(sinks[i].f, shop, "-- view: open\nSELECT * FROM orders", "postgres");
	}
	for (size_t i = 0; i < AT_ONCE; i++)
		pthread_create(&sinks[i].thread, NULL, opens_at_once, (void *)(intptr_t)i);
	for (size_t i = 0; i < AT_ONCE; i++) {
		pthread_join(sinks[i].thread, NULL);
		if (sinks[i].ended != SL_DONE)
			fail_msg("%s", sinks[i].f->why);
		bed_free(sinks[i].f);
	}
	sees(f, "SELECT count(*) FROM fresh.open", "0\n");
}

static void a_role_that_only_writes_needs_no_more_than_tables(void **state)
{
	struct fixture *f = *state;
	char conninfo[300];
	opens(f, goods(f, "id", "id: text, size: int"), "");
	does(f, "CREATE ROLE writer LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO writer");
	snprintf(conninfo, sizeof(conninfo), "%s user=writer", other.conninfo);
	set_url(f, conninfo);
	opens(f, "tables:\n  goods:\n    help: what\n    mode: upsert\n    key: id\n    indexes: [size]\n"
		"    columns: { id: text, size: { type: int, help: how large } }\n", "");
	has(f->noted, "must be owner");
	row(f, "goods", "{\"id\":\"a\",\"size\":1}");
	delivers(f);
	bed_load(f, goods(f, "id", "id: text, size: int, name: text"), "", "postgres");
	assert_int_equal(bed_open(f), SL_RETRY);
	says(f, "changes of the form need the owner: ALTER TABLE ... OWNER TO \"writer\"");
	bed_close(f);
	does(f, "DROP OWNED BY writer; DROP ROLE writer");
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, begin, bed_postgres_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(tables_are_made_as_the_schema_says),
		WITH(a_row_that_may_come_bit_by_bit_lacks_what_is_required),
		WITH(what_is_as_wanted_is_left_alone),
		WITH(a_schema_of_any_name_is_made),
		WITH(a_difference_is_told_and_not_made),
		WITH(a_new_column_comes_with_what_it_is_to_hold),
		WITH(what_loses_nothing_is_widened),
		WITH(what_is_made_of_a_widened_column_is_made_again),
		WITH(a_view_of_others_keeps_a_column_as_it_is),
		WITH(what_cannot_hold_the_schemas_values_is_refused),
		WITH(a_table_of_ones_own_is_written_as_it_is),
		WITH(a_column_that_no_row_could_fill_is_refused),
		WITH(what_may_be_null_now_may_be_null_there),
		WITH(a_column_that_left_the_schema_stays),
		WITH(another_expression_is_told),
		WITH(comments_follow_the_schema_but_others_words_stay),
		WITH(a_key_gets_its_index),
		WITH(doubles_stand_in_a_keys_way),
		WITH(a_renamed_key_is_seen),
		WITH(another_key_is_a_conflict),
		WITH(a_view_in_a_tables_place_is_a_conflict),
		WITH(an_index_made_by_hand_will_do),
		WITH(a_name_that_would_be_cut_is_named),
		WITH(a_table_in_parts_takes_rows_of_all_times),
		WITH(a_part_that_cannot_be_is_told),
		WITH(a_table_that_left_the_schema_is_told_and_stays),
		WITH(a_role_without_rights_is_told_what_it_needs),
		WITH(sinks_that_open_at_once_make_one_table),
		WITH(a_role_that_only_writes_needs_no_more_than_tables),
	};
	return cmocka_run_group_tests(tests, bed_begin, bed_end);
}
