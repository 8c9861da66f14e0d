/* SPDX-License-Identifier: Apache-2.0 */
/* schema_test.c - table files, and events that fit their tables or do not. */
#include "schema_bed.h"

static const char shop[] =
	"options:\n"
	"  closed: { type: list, initial: [Done, Shipped], help: finished lists }\n"
	"  late: { type: duration, initial: 48h }\n"
	"  most: { type: int, initial: 10 }\n"
	"tables:\n"
	"  orders:\n"
	"    mode: upsert\n"
	"    key: order_id\n"
	"    indexes: [placed_at, [buyer, placed_at]]\n"
	"    partition: placed_at\n"
	"    cluster: [buyer]\n"
	"    columns:\n"
	"      order_id: text\n"
	"      buyer: { type: text, personal: true }\n"
	"      seats: int\n"
	"      price: decimal\n"
	"      paid: bool\n"
	"      placed_at: { type: timestamp, help: when it was placed }\n"
	"      due: date\n"
	"      raw: json\n"
	"      note: { type: text, required: true }\n"
	"  lines:\n"
	"    mode: replace\n"
	"    parent: [order_id]\n"
	"    key: [order_id, line]\n"
	"    columns: { order_id: text, line: int, title: text }\n";

static bool order(struct fixture *f, const char *json)
{
	return row_of(f, &(struct sl_event){ .type = "orders" }, json);
}

/* --------------------------------------------------------------------- files */

static void a_file_becomes_tables(void **state)
{
	struct fixture *f = *state;
	size_t count;
	const struct sl_table *const *tables = schema_tables(f->schema, &count);
	assert_int_equal(count, 2);
	assert_string_equal(tables[0]->name, "orders");
	assert_int_equal(tables[0]->mode, SL_UPSERT);
	assert_int_equal(tables[0]->column_count, 12);
	assert_int_equal(tables[0]->columns[0]->key, 1);
	assert_true(tables[0]->columns[0]->required);
	assert_string_equal(tables[0]->columns[5]->help, "when it was placed");
	assert_string_equal(tables[0]->columns[9]->name, "_event_id");
	assert_string_equal(tables[0]->columns[10]->name, "_event_time");
	assert_string_equal(tables[0]->columns[11]->name, "_synced_at");
	assert_null(tables[0]->columns[12]);
	assert_string_equal(tables[0]->indexes[0], "placed_at");
	assert_string_equal(tables[0]->indexes[1], "buyer, placed_at");
	assert_null(tables[0]->indexes[2]);
	assert_int_equal(tables[1]->columns[0]->parent, 1);
	assert_int_equal(tables[1]->columns[1]->key, 2);
	assert_ptr_equal(schema_table(f->schema, "lines"), tables[1]);
	assert_null(schema_table(f->schema, "line"));
	assert_int_equal(schema_options(f->schema)[1].type, SL_DURATION);
	assert_string_equal(schema_options(f->schema)[1].initial, "48h");
}

static const struct {
	const char *yaml, *sentence;
} wrong[] = {
	{ "tabels: {}\n", "shop.yaml:1:1: " },
	{ "tables: []\n", "must be a map" },
	{ "tables:\n  t: { mode: upsert, key: a, columns: { a: text }, indices: [] }\n", "shop.yaml:2:52: `indices` is no key of a table; did you mean `indexes`?" },
	{ "tables:\n  t: { mode: upsert, key: b, columns: { a: text } }\n", "shop.yaml:2:27: table t has no column 'b'; did you mean `a`?" },
	{ "tables:\n  t: { mode: upsert, columns: { a: text } }\n", "shop.yaml:2:3: table t needs a key" },
	{ "tables:\n  t: { mode: delete, key: a, columns: { a: text } }\n", "shop.yaml:2:14: delete is a mode of rows" },
	{ "tables:\n  t: { mode: upsort, key: a, columns: { a: text } }\n", "no write mode \"upsort\"" },
	{ "tables:\n  t: { mode: once, key: a, columns: { a: txt } }\n", "shop.yaml:2:42: 'txt' is no type of a column (text, int, decimal, bool, timestamp, date, json); did you mean `text`?" },
	{ "tables:\n  t: { mode: once, key: a, columns: { a: text, A: int } }\n", "differ only in case" },
	{ "tables:\n  sluice_sync: { mode: once, key: run, columns: { run: text, event: int } }\n", "did you mean `events`?" },
	{ "tables:\n  t: { mode: once, key: a, columns: { a: text, _event_id: int } }\n", "has a column _event_id already" },
	{ "tables:\n  t: { mode: replace, key: a, columns: { a: text } }\n", "needs `parent`" },
	{ "tables:\n  t: { mode: once, parent: a, key: a, columns: { a: text } }\n", "for the mode replace" },
	{ "tables:\n  t: { mode: replace, parent: a, key: a, columns: { a: text, rows: int } }\n", "no column `rows`" },
	{ "tables:\n  _sluice_x: { mode: once, key: a, columns: { a: text } }\n", "are taken" },
	{ "tables:\n  t: { mode: once, key: a, columns: { a: { type: text, persnal: true } } }\n", "shop.yaml:2:56: " },
	{ "options: { a: { type: txt } }\ntables: {}\n", "did you mean `text`?" },
	{ "options: { a: { type: duration, initial: 48 } }\ntables: {}\n", "must be a duration" },
	{ "options: { a: { type: int } }\ntables: {}\n", "the option a must be given" },
};

static void a_wrong_file_is_refused_with_its_place(void **state)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		refused(wrong[i].yaml, wrong[i].sentence);
}

static void a_missing_file_is_named(void **state)
{
	struct why why;
	assert_null(schema_load("/nowhere/x.yaml", NULL, NULL, &why));
	assert_non_null(strstr(why.text, "/nowhere/x.yaml"));
}

/* --------------------------------------------------------------------- views */

static void views_get_the_options_as_literals(void **state)
{
	struct why why = { 0 };
	size_t count;
	write_file("shop.sqlite.sql", "-- what is late\n-- view: late_orders\nSELECT * FROM orders\n"
		"WHERE x NOT IN ${closed} AND age > ${late} LIMIT ${most};\n\n-- view: all_orders\nSELECT 1;\n");
	struct schema *schema = load(shop, "{\"closed\":[\"Done\",\"it's\"],\"late\":1500}", "sqlite", &why);
	const struct sl_view *const *views = schema_views(schema, &count);
	assert_int_equal(count, 3);
	assert_string_equal(views[0]->name, "late_orders");
	assert_string_equal(views[0]->sql, "SELECT * FROM orders\n"
		"WHERE x NOT IN ('Done', 'it''s') AND age > 1.500 LIMIT 10");
	assert_string_equal(views[1]->sql, "SELECT 1");
	assert_string_equal(views[2]->name, "sluice_dead");
	schema_free(&schema);
	schema = load(shop, "{\"closed\":[],\"late\":\"1h\"}", "sqlite", &why);
	assert_non_null(strstr(schema_views(schema, NULL)[0]->sql, "NOT IN (SELECT '' WHERE 1 = 0) AND age > 3600 "));
	schema_free(&schema);
	schema = load(shop, NULL, "postgres", &why);
	assert_non_null(schema);
	schema_views(schema, &count);
	assert_int_equal(count, 1);
	schema_free(&schema);
}

static void wrong_options_and_views_are_named(void **state)
{
	struct why why = { 0 };
	write_file("shop.sqlite.sql", "-- view: a\n\nSELECT ${clsed}");
	assert_null(load(shop, NULL, "sqlite", &why));
	assert_non_null(strstr(why.text, "shop.sqlite.sql:3: ${clsed} is no option of the schema; did you mean `closed`?"));
	write_file("shop.sqlite.sql", "-- view: a\nSELECT 1\n-- view: a\nSELECT 2");
	assert_null(load(shop, NULL, "sqlite", &why));
	assert_non_null(strstr(why.text, "sql:3: there is a view a already"));
	write_file("shop.sqlite.sql", "-- view: orders\nSELECT 1");
	assert_null(load(shop, NULL, "sqlite", &why));
	assert_non_null(strstr(why.text, "orders is a table already"));
	assert_null(load(shop, "{\"lat\":1}", NULL, &why));
	assert_non_null(strstr(why.text, "there is no option \"lat\"; did you mean `late`?"));
	assert_null(load(shop, "{\"late\":\"soon\"}", NULL, &why));
	assert_non_null(strstr(why.text, "the option late must be a duration"));
	assert_null(load(shop, "{\"closed\":[\"a\\u0000b\"]}", NULL, &why));
	assert_null(load(shop, "{\"closed\":[[1]]}", NULL, &why));
	assert_null(load(shop, "{\"most\":1.5}", NULL, &why));
}

/* ---------------------------------------------------------------------- rows */

static void every_type_has_its_cell(void **state)
{
	struct fixture *f = *state;
	assert_true(order(f, "{\"order_id\":\"o1\",\"buyer\":\"Z\\u00fcmr\\u00fct\",\"seats\":9223372036854775807,"
		"\"price\":45.00,\"paid\":true,\"placed_at\":\"2026-11-21T22:10:19.123456Z\",\"due\":\"2026-11-21\","
		"\"raw\":{\"a\":[1, 2]},\"note\":12.50}"));
	assert_int_equal(f->row.mode, SL_UPSERT);
	is_text(&f->row, "buyer", "Z\u00fcmr\u00fct");
	is_number(&f->row, "seats", INT64_MAX);
	is_text(&f->row, "price", "45.00");
	is_number(&f->row, "paid", 1);
	is_number(&f->row, "placed_at", INT64_C(1795299019123456));
	is_number(&f->row, "due", 20778);
	is_text(&f->row, "raw", "{\"a\":[1, 2]}");
	is_text(&f->row, "note", "12.50");
	is_text(&f->row, "_event_id", "e1");
	is_number(&f->row, "_event_time", (NOW - 1000) * 1000);
	is_number(&f->row, "_synced_at", NOW * 1000);
}

static void other_spellings_are_understood(void **state)
{
	struct fixture *f = *state;
	assert_true(order(f, "{\"order_id\":1234567890123456789,\"seats\":\"-12\",\"price\":\"-7.5\",\"paid\":false,"
		"\"placed_at\":1795299019123,\"due\":\"2026-11-21T23:59:59+05:00\",\"raw\":\"x\",\"note\":\"n\"}"));
	is_text(&f->row, "order_id", "1234567890123456789");
	is_number(&f->row, "seats", -12);
	is_text(&f->row, "price", "-7.5");
	is_number(&f->row, "paid", 0);
	is_number(&f->row, "placed_at", INT64_C(1795299019123000));
	is_number(&f->row, "due", 20778);
	is_text(&f->row, "raw", "\"x\"");
	assert_true(order(f, "{\"order_id\":\"a\",\"note\":\"\",\"due\":-1,\"seats\":null,\"raw\":null}"));
	is_number(&f->row, "due", -1);
	assert_int_equal(cell(&f->row, "seats")->kind, SL_CELL_NULL);
	assert_int_equal(cell(&f->row, "raw")->kind, SL_CELL_NULL);
	assert_int_equal(cell(&f->row, "buyer")->kind, SL_CELL_NONE);
}

static void what_does_not_fit_is_named(void **state)
{
	struct fixture *f = *state;
	misfit(f, "orders", "{\"order_id\":\"o\",\"note\":\"\",\"placed_at\":\"yesterday\"}",
		"orders.placed_at: expected a timestamp, found the string \"yesterday\"");
	misfit(f, "orders", "{\"order_id\":\"o\",\"note\":\"\",\"seats\":1.5}",
		"orders.seats: expected a whole number of 64 bits, found the number 1.5");
	misfit(f, "orders", "{\"order_id\":\"o\",\"note\":\"\",\"seats\":9223372036854775808}",
		"orders.seats: expected a whole number of 64 bits, found the number 9223372036854775808");
	misfit(f, "orders", "{\"order_id\":\"o\",\"note\":\"\",\"seats\":\"12 \"}",
		"orders.seats: expected a whole number of 64 bits, found the string \"12 \"");
	misfit(f, "orders", "{\"order_id\":\"o\",\"note\":true}",
		"orders.note: expected a text, found the truth value true");
	misfit(f, "orders", "{\"order_id\":\"o\",\"note\":[1]}", "orders.note: expected a text, found an array");
	misfit(f, "orders", "{\"order_id\":\"o\",\"note\":\"\",\"paid\":1}",
		"orders.paid: expected true or false, found the number 1");
	misfit(f, "orders", "{\"order_id\":\"o\",\"note\":\"\",\"price\":\"\302\24345\"}",
		"orders.price: expected a decimal number, found the string \"\302\24345\"");
	misfit(f, "orders",
		"{\"order_id\":\"o\",\"note\":\"\",\"price\":\"123456789012345678901234567890123456789\u00fc56789\"}",
		"orders.price: expected a decimal number, found the string \"123456789012345678901234567890123456789...\"");
	misfit(f, "orders", "{\"order_id\":\"o\",\"note\":\"\",\"placed_at\":999999999999999}",
		"orders.placed_at: expected a timestamp, found the number 999999999999999");
	misfit(f, "orders", "{\"order_id\":\"o\",\"note\":\"\",\"buyer\":{\"name\":\"Ann\"}}",
		"orders.buyer: expected a text, found an object");
	misfit(f, "orders", "{\"order_id\":\"o\",\"note\":\"\",\"buyer\":false}",
		"orders.buyer: expected a text, found a value of 5 bytes, which is personal and not shown");
	misfit(f, "orders", "{\"order_id\":\"o\",\"note\":\"\",\"plced_at\":1}",
		"orders: there is no column \"plced_at\"; did you mean `placed_at`?");
	misfit(f, "orders", "{\"order_id\":\"o\",\"note\":\"\",\"_event_id\":\"forged\"}",
		"orders._event_id: is the engine's own column; leave it out");
}

static void missing_columns_and_tables_are_named(void **state)
{
	struct fixture *f = *state;
	misfit(f, "orders", "{\"note\":\"x\"}", "orders.order_id: must have a value, and the event gives none");
	misfit(f, "orders", "{\"order_id\":null,\"note\":\"x\"}",
		"orders.order_id: must have a value, and the event gives null");
	misfit(f, "orders", "{\"order_id\":\"o\"}", "orders.note: must have a value, and the event gives none");
	misfit(f, "orders", "[1]", "orders: a row must be an object of columns and their values");
	misfit(f, "order", "{}", "the schema has no table \"order\"; did you mean `orders`?");
	assert_false(row_of(f, &(struct sl_event){ 0 }, "{}"));
	assert_false(row_of(f, &(struct sl_event){ .type = "orders", .mode = "patch" }, "{}"));
	assert_string_equal(f->why.text, "orders: a row of mode patch needs a table that keeps the times of its columns; "
		"give the table `mode: patch`");
	assert_false(row_of(f, &(struct sl_event){ .type = "orders", .mode = "replace" }, "{}"));
	assert_string_equal(f->why.text, "orders: the mode replace needs a table with `parent`");
}

static void an_event_may_name_another_mode(void **state)
{
	struct fixture *f = *state;
	assert_true(row_of(f, &(struct sl_event){ .type = "orders", .mode = "once" },
		"{\"order_id\":\"o\",\"note\":\"\"}"));
	assert_int_equal(f->row.mode, SL_ONCE);
}

static void a_row_has_its_events_version_unless_it_names_one(void **state)
{
	struct fixture *f = *state;
	const char *json = "{\"order_id\":\"o\",\"note\":\"\"}";
	assert_true(order(f, json));
	assert_true(f->row.version_time == (NOW - 1000) * 1000);
	assert_string_equal(f->row.version_id, "e1");
	assert_string_equal(f->row.idempotency, "shop:e1:orders:3");
	assert_string_equal(f->row.event->subject, "o1");
	assert_string_equal(f->row.event->source, "shop");
	assert_true(f->row.event->received == NOW - 500);
	assert_true(row_of(f, &(struct sl_event){ .type = "orders", .time = NOW + DAY, .id = "own" }, json));
	assert_true(f->row.version_time == (NOW + DAY) * 1000);
	assert_string_equal(f->row.version_id, "own");
	assert_string_equal(f->row.idempotency, "shop:e1:orders:3");
	assert_true(row_of(f, &(struct sl_event){ .type = "orders", .time = NOW + DAY + 1 }, json));
	assert_true(f->row.version_time == (NOW - 500) * 1000); /* received */
	assert_true(row_of(f, &(struct sl_event){ .type = "orders", .time = INT64_MIN }, json));
	assert_true(f->row.version_time == INT64_C(-62135596800000000));
}

/* ---------------------------------------------------------------------- sets */

static void a_set_has_its_parents_key_in_every_row(void **state)
{
	struct fixture *f = *state;
	assert_true(row_of(f, &(struct sl_event){ .type = "lines" },
		"{\"order_id\":\"o1\",\"rows\":[{\"line\":1,\"title\":\"a\"},{\"line\":2,\"order_id\":\"o1\"}]}"));
	assert_int_equal(f->row.mode, SL_REPLACE);
	is_text(&f->row, "order_id", "o1");
	assert_int_equal(cell(&f->row, "line")->kind, SL_CELL_NONE);
	assert_int_equal(f->row.set_count, 2);
	is_text(f->row.set[0], "order_id", "o1");
	is_number(f->row.set[0], "line", 1);
	is_text(f->row.set[0], "title", "a");
	is_text(f->row.set[1], "_event_id", "e1");
	assert_true(f->row.set[1]->version_time == (NOW - 1000) * 1000);
}

static void an_empty_set_is_a_set(void **state)
{
	struct fixture *f = *state;
	assert_true(row_of(f, &(struct sl_event){ .type = "lines" }, "{\"order_id\":\"o1\",\"rows\":[]}"));
	assert_int_equal(f->row.set_count, 0);
	assert_true(row_of(f, &(struct sl_event){ .type = "lines" }, "{\"rows\":{},\"order_id\":\"o1\"}"));
	assert_int_equal(f->row.set_count, 0);
}

static void a_set_that_does_not_fit_is_named(void **state)
{
	struct fixture *f = *state;
	misfit(f, "lines", "{\"order_id\":\"o\"}", "lines: a set needs `rows`, a list of its rows, perhaps an empty one");
	misfit(f, "lines", "{\"order_id\":\"o\",\"rows\":7}",
		"lines: a set needs `rows`, a list of its rows, perhaps an empty one");
	misfit(f, "lines", "{\"rows\":[]}", "lines.order_id: must have a value, and the event gives none");
	misfit(f, "lines", "{\"order_id\":\"o\",\"rows\":[{\"line\":1},{\"title\":\"x\"}]}",
		"row 2 of the set: lines.line: must have a value, and the event gives none");
	misfit(f, "lines", "{\"order_id\":\"o\",\"rows\":[{\"line\":1,\"order_id\":\"p\"}]}",
		"row 1 of the set: lines.order_id: a row of the set names another parent");
	misfit(f, "lines", "{\"order_id\":\"o\",\"rows\":[3]}",
		"row 1 of the set: lines: a row of the set must be an object of columns and their values");
	misfit(f, "lines", "{\"order_id\":\"o\",\"title\":\"x\",\"rows\":[]}",
		"lines.title: stands beside `rows`, where only the parent's key belongs; put it into each row");
	misfit(f, "lines", "{\"order_id\":\"o\",\"rws\":[]}", "lines: there is no column \"rws\"");
}

static void the_schema_that_ships_is_a_good_one(void **state)
{
	struct why why = { 0 };
	char path[512];
	size_t count;
	const char *source = getenv("SLUICE_SOURCE");
	snprintf(path, sizeof(path), "%s/schemas/trello.yaml", source ? source : ".");
	struct schema *schema = schema_load(path, NULL, "sqlite", &why);
	if (!schema)
		fail_msg("%s", why.text);
	schema_tables(schema, &count);
	assert_int_equal(count, 3);
	schema_free(&schema);
}

/* Where a column stood in the row before is a guess, and no more. */
static void members_may_stand_in_any_order(void **state)
{
	static const char *const bodies[] = { "{\"order_id\":\"a\",\"buyer\":\"b\",\"note\":\"c\"}",
		"{\"note\":\"c\",\"buyer\":\"b\",\"order_id\":\"a\"}", "{\"order_id\":\"a\",\"note\":\"c\",\"buyer\":\"b\"}",
		"{\"order_id\":\"a\",\"buyer\":\"b\",\"note\":\"x\",\"note\":\"c\"}" };
	struct fixture *f = *state;
	for (size_t turn = 0; turn < 3 * sizeof(bodies) / sizeof(*bodies); turn++) {
		assert_true(order(f, bodies[turn % 4]));
		assert_string_equal(cell(&f->row, "order_id")->text.at, "a");
		assert_string_equal(cell(&f->row, "buyer")->text.at, "b");
		assert_string_equal(cell(&f->row, "note")->text.at, "c");
		assert_false(order(f, "{\"order_id\":\"a\",\"buyers\":\"b\",\"note\":\"c\"}"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(a_file_becomes_tables),
		cmocka_unit_test(a_wrong_file_is_refused_with_its_place),
		cmocka_unit_test(a_missing_file_is_named),
		WITH(members_may_stand_in_any_order),
		cmocka_unit_test(views_get_the_options_as_literals),
		cmocka_unit_test(wrong_options_and_views_are_named),
		WITH(every_type_has_its_cell),
		WITH(other_spellings_are_understood),
		WITH(what_does_not_fit_is_named),
		WITH(missing_columns_and_tables_are_named),
		WITH(an_event_may_name_another_mode),
		WITH(a_row_has_its_events_version_unless_it_names_one),
		WITH(a_set_has_its_parents_key_in_every_row),
		WITH(an_empty_set_is_a_set),
		WITH(a_set_that_does_not_fit_is_named),
		cmocka_unit_test(the_schema_that_ships_is_a_good_one),
	};
	bed_begin(shop);
	return cmocka_run_group_tests(tests, NULL, remove_folder);
}
