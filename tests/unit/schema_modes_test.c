/* SPDX-License-Identifier: Apache-2.0 */
/* schema_modes_test.c - patches, deletes, defaults and generated columns; what tables say of their life. */
#include "schema_bed.h"

static const char shop[] =
	"tables:\n"
	"  orders:\n"
	"    mode: patch\n"
	"    deletes: mark\n"
	"    key: [shop, id]\n"
	"    strict: true\n"
	"    help: What was ordered.\n"
	"    retention: { column: _event_time, after: 730d }\n"
	"    columns:\n"
	"      shop: { type: text, default: main }\n"
	"      id: int\n"
	"      status: { type: text, required: true, default: open }\n"
	"      seats: { type: int, default: 2 }\n"
	"      price: { type: decimal, default: \"45.00\" }\n"
	"      paid: { type: bool, default: no }\n"
	"      at: { type: timestamp, default: \"2026-11-21T00:00:00Z\" }\n"
	"      due: { type: date, default: 2026-11-21 }\n"
	"      tags: { type: json, default: { a: [1, yes, \"2\"] } }\n"
	"      day: { type: text, generated: { sqlite: \"date(at)\", postgres: \"at::date\" } }\n"
	"  items: { mode: upsert, deletes: remove, key: id, columns: { id: text, name: { type: text, required: true } } }\n"
	"  notes: { mode: append, key: name, columns: { name: { type: text, fill: row }, text: text } }\n"
	"  lines:\n"
	"    mode: replace\n"
	"    parent: id\n"
	"    key: [id, line]\n"
	"    columns: { id: text, line: { type: int, default: 1 }, title: { type: text, default: none } }\n";

static bool put(struct fixture *f, const char *table, const char *mode, const char *json)
{
	return row_of(f, &(struct sl_event){ .type = table, .mode = mode }, json);
}

static void refuses(struct fixture *f, const char *table, const char *mode, const char *json, const char *sentence)
{
	bool made = put(f, table, mode, json);
	if (made || strcmp(f->why.text, sentence) != 0)
		fail_msg("wanted \"%s\", got \"%s\"", sentence, f->why.text);
}

static void names_are(const struct sl_table *table, size_t from, const char *const *names)
{
	for (; *names; names++, from++)
		assert_string_equal(table->columns[from]->name, *names);
	assert_int_equal(table->column_count, from);
	assert_null(table->columns[from]);
}

/* -------------------------------------------------------------------- tables */

static void the_engines_columns_follow_in_their_order(void **state)
{
	struct fixture *f = *state;
	static const char *const all[] = { "deleted", "deleted_at", "_times", "_event_id", "_event_time", "_synced_at",
		NULL };
	names_are(schema_table(f->schema, "orders"), 10, all);
	names_are(schema_table(f->schema, "items"), 2, all + 3);
	const struct sl_table *orders = schema_table(f->schema, "orders");
	assert_int_equal(orders->columns[10]->type, SL_COLUMN_BOOL);
	assert_int_equal(orders->columns[11]->type, SL_COLUMN_TIMESTAMP);
	assert_int_equal(orders->columns[12]->type, SL_COLUMN_JSON);
}

static void what_a_table_says_of_itself_is_known(void **state)
{
	struct fixture *f = *state;
	const struct sl_table *orders = schema_table(f->schema, "orders"), *items = schema_table(f->schema, "items");
	assert_int_equal(orders->mode, SL_PATCH);
	assert_int_equal(orders->deletes, SL_DELETES_MARK);
	assert_int_equal(items->deletes, SL_DELETES_REMOVE);
	assert_true(orders->strict && !items->strict);
	assert_string_equal(orders->help, "What was ordered.");
	assert_string_equal(orders->retention, "_event_time");
	assert_true(orders->retention_ms == 730 * DAY);
	assert_null(items->retention);
	assert_null(items->snapshot);
}

/* A patch or a mark may come before the row does. */
static void the_destination_does_not_insist_where_a_row_may_come_late(void **state)
{
	struct fixture *f = *state;
	const struct sl_table *orders = schema_table(f->schema, "orders"), *items = schema_table(f->schema, "items");
	assert_true(orders->columns[0]->required && orders->columns[1]->required);
	assert_false(orders->columns[2]->required);
	assert_true(items->columns[1]->required);
	refuses(f, "orders", "upsert", "{\"id\":1,\"status\":null}",
		"orders.status: must have a value, and the event gives null");
	refuses(f, "orders", NULL, "{\"id\":1,\"status\":null}", "orders.status: must have a value, and the event gives "
		"null");
	refuses(f, "items", NULL, "{\"id\":\"a\"}", "items.name: must have a value, and the event gives none");
}

static void a_snapshot_has_its_checks(void **state)
{
	struct why why = { 0 };
	struct schema *schema = load("tables:\n"
		"  a: { mode: upsert, key: id, snapshot: true, columns: { id: text } }\n"
		"  b: { mode: append, key: id, snapshot: { source: s, least: 0, change: 50%, nulls: 10, duplicates: allow },"
		" columns: { id: text } }\n"
		"  c: { mode: upsert, key: id, snapshot: no, columns: { id: text } }\n", NULL, NULL, &why);
	if (!schema)
		fail_msg("%s", why.text);
	const struct sl_snapshot *a = schema_table(schema, "a")->snapshot, *b = schema_table(schema, "b")->snapshot;
	assert_true(!a->source && a->least == 1 && a->change == -1 && a->nulls == -1 && !a->duplicates);
	assert_string_equal(b->source, "s");
	assert_true(b->least == 0 && b->change == 50 && b->nulls == 10 && b->duplicates);
	assert_null(schema_table(schema, "c")->snapshot);
	schema_free(&schema);
}

#define T(more) "tables:\n  t: { mode: upsert, key: a, columns: { a: text, d: date, n: int }" more " }\n"
#define C(more) "tables:\n  t: { mode: upsert, key: a, columns: { a: text, b: { " more " } } }\n"
static const struct {
	const char *yaml, *sentence;
} wrong[] = {
	{ T(", deletes: yes"), "deletes is mark or remove, not 'yes'" },
	{ "tables:\n  t: { mode: append, deletes: mark, key: a, columns: { a: text } }\n", "`deletes` is for the modes upsert and patch" },
	{ "tables:\n  t: { mode: upsert, deletes: mark, key: a, columns: { a: text, Deleted: bool } }\n", "the table has a column Deleted already: the engine's own" },
	{ "tables:\n  t: { mode: upsert, key: a, columns: { a: text, _times: json } }\n", "the table has a column _times already" },
	{ T(", retention: 30d"), "retention must be a map" },
	{ T(", retention: { column: d }"), "retention is { column: NAME, after: 730d }" },
	{ T(", retention: { column: n, after: 30d }"), "retention needs a column of type timestamp or date, and n is of type int" },
	{ T(", retention: { column: x, after: 30d }"), "table t has no column 'x'" },
	{ T(", retention: { column: d, after: 0 }"), "`after` is a duration" },
	{ T(", retention: { column: d, after: 99999999d }"), "`after` is a duration" },
	{ T(", snapshot: often"), "snapshot is true, or a map of its checks" },
	{ T(", snapshot: { lest: 1 }"), "did you mean `least`?" },
	{ T(", snapshot: { change: 1.5 }"), "change is `any` or a number of 0 to 1000000" },
	{ T(", snapshot: { nulls: 101 }"), "nulls is `any` or a number of 0 to 100" },
	{ T(", snapshot: { duplicates: perhaps }"), "duplicates is refuse or allow" },
	{ T(", deletes: mark, snapshot: true"), "a table with `snapshot` has no `deletes`" },
	{ "tables:\n  t: { mode: once, snapshot: true, key: a, columns: { a: text } }\n", "`snapshot` is for the modes append and upsert" },
	{ T(", strict: often"), "strict must be true or false" },
	{ C("type: int, default: x"), "the default of b: expected a whole number of 64 bits, found the string \"x\"" },
	{ C("type: bool, default: \"yes\""), "the default of b: expected true or false" },
	{ C("type: text, generated: upper(a), required: true"), "column b is generated: it cannot be required" },
	{ C("type: text, generated: upper(a), default: x"), "column b is generated" },
	{ C("type: text, generated: [a]"), "`generated` is an expression in SQL" },
	{ C("type: text, fill: event"), "`fill` can only be row" },
	{ C("type: int, fill: row"), "`fill` is for columns of type text" },
	{ "tables:\n  t: { mode: once, key: b, columns: { a: text, b: { type: text, generated: a } } }\n", "b cannot be in the key: events do not give it" },
	{ "tables:\n  t: { mode: once, key: _event_id, columns: { a: text } }\n", "_event_id cannot be in the key" },
	{ "tables:\n  t: { mode: once, key: a, indexes: [\" a\"], columns: { \" a\": int, a: text } }\n", "a blank at an end" },
};

static void what_does_not_go_together_is_refused_with_its_place(void **state)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		refused(wrong[i].yaml, wrong[i].sentence);
}

static void any_text_is_a_name_up_to_255_bytes(void **state)
{
	char yaml[700], name[300];
	struct why why = { 0 };
	memset(name, 'x', sizeof(name));
	name[255] = '\0';
	snprintf(yaml, sizeof(yaml), "tables:\n  %s: { mode: once, key: \"%s\", columns: { \"%s\": text } }\n",
		"\"; drop\\n\"",
		name, name);
	struct schema *schema = load(yaml, NULL, NULL, &why);
	if (!schema)
		fail_msg("%s", why.text);
	assert_non_null(schema_table(schema, "; drop\n"));
	schema_free(&schema);
	name[255] = 'x';
	name[256] = '\0';
	snprintf(yaml, sizeof(yaml), "tables:\n  t: { mode: once, key: a, columns: { %s: text, a: text } }\n", name);
	refused(yaml, "the name of a column has at most 255 bytes");
}

/* ---------------------------------------------------------------------- rows */

static void defaults_stand_for_what_a_whole_row_leaves_out(void **state)
{
	struct fixture *f = *state;
	assert_true(put(f, "orders", "upsert", "{\"id\":1}"));
	is_text(&f->row, "shop", "main");
	is_text(&f->row, "status", "open");
	is_number(&f->row, "seats", 2);
	is_text(&f->row, "price", "45.00");
	is_number(&f->row, "paid", 0);
	is_number(&f->row, "at", INT64_C(1795219200000000));
	is_number(&f->row, "due", 20778);
	is_text(&f->row, "tags", "{\"a\":[1,true,\"2\"]}");
	assert_int_equal(cell(&f->row, "day")->kind, SL_CELL_NONE);
	assert_true(put(f, "orders", "upsert", "{\"id\":1,\"seats\":null}"));
	assert_int_equal(cell(&f->row, "seats")->kind, SL_CELL_NULL);
	const struct sl_column *seats = schema_table(f->schema, "orders")->columns[3];
	assert_true(seats->initial->kind == SL_CELL_INT && seats->initial->number == 2);
}

static void a_patch_leaves_out_what_it_does_not_change(void **state)
{
	struct fixture *f = *state;
	assert_true(put(f, "orders", NULL, "{\"id\":1,\"seats\":5}"));
	assert_int_equal(f->row.mode, SL_PATCH);
	is_text(&f->row, "shop", "main"); /* the key's */
	is_number(&f->row, "seats", 5);
	assert_int_equal(cell(&f->row, "status")->kind, SL_CELL_NONE);
	assert_int_equal(cell(&f->row, "deleted")->kind, SL_CELL_NONE);
	assert_int_equal(cell(&f->row, "_times")->kind, SL_CELL_NONE);
	is_text(&f->row, "_event_id", "e1");
	is_number(&f->row, "_synced_at", NOW * 1000);
	refuses(f, "orders", NULL, "{\"seats\":5}", "orders.id: must have a value, and the event gives none");
}

static void a_delete_needs_nothing_but_the_key(void **state)
{
	struct fixture *f = *state;
	assert_true(put(f, "orders", "delete", "{\"id\":1,\"seats\":\"what\",\"unknown\":1}"));
	assert_int_equal(f->row.mode, SL_DELETE);
	is_number(&f->row, "id", 1);
	is_text(&f->row, "shop", "main");
	assert_int_equal(cell(&f->row, "seats")->kind, SL_CELL_NONE);
	assert_true(put(f, "items", "delete", "{\"id\":\"a\"}"));
	refuses(f, "items", "delete", "{\"name\":\"a\"}", "items.id: must have a value, and the event gives none");
	refuses(f, "items", "delete", "[]", "items: a row must be an object of columns and their values");
}

static void what_events_cannot_give_they_do_not_give(void **state)
{
	struct fixture *f = *state;
	refuses(f, "orders", NULL, "{\"id\":1,\"day\":\"x\"}", "orders.day: is generated by the destination; leave it out");
	refuses(f, "orders", NULL, "{\"id\":1,\"deleted\":true}",
		"orders.deleted: is the engine's own column; leave it out");
	refuses(f, "orders", NULL, "{\"id\":1,\"_times\":{}}", "orders._times: is the engine's own column; leave it out");
}

static void modes_that_do_not_go_into_a_table_name_the_key_to_add(void **state)
{
	struct fixture *f = *state;
	const char *json = "{\"id\":\"a\",\"name\":\"n\"}";
	refuses(f, "items", "patch", json, "items: a row of mode patch needs a table that keeps the times of its columns; "
		"give "
		"the table `mode: patch`");
	refuses(f, "notes", "delete", json, "notes: the schema does not say what becomes of deleted rows; give the table "
		"`deletes: mark` or `deletes: remove`");
	refuses(f, "items", "append", json, "items: a row of mode append does not go into a table with `deletes`");
	refuses(f, "orders", "once", json, "orders: a row of mode once does not go into a table of mode patch");
	refuses(f, "items", "replace", json, "items: the mode replace needs a table with `parent`");
	refuses(f, "items", "put", json, "items: there is no write mode \"put\"; there are append, once, upsert, patch, "
		"replace "
		"and delete");
	assert_true(put(f, "items", "upsert", json));
	assert_true(put(f, "notes", "upsert", "{}"));
}

static void a_row_without_a_name_gets_one_that_stays(void **state)
{
	struct fixture *f = *state;
	assert_true(put(f, "notes", NULL, "{\"text\":\"a\"}"));
	is_text(&f->row, "name", "shop:e1:notes:3");
	assert_true(put(f, "notes", NULL, "{\"text\":\"a\",\"name\":\"mine\"}"));
	is_text(&f->row, "name", "mine");
}

static void rows_of_a_set_have_their_defaults(void **state)
{
	struct fixture *f = *state;
	assert_true(put(f, "lines", NULL, "{\"id\":\"o\",\"rows\":[{},{\"line\":2,\"title\":null}]}"));
	is_number(f->row.set[0], "line", 1);
	is_text(f->row.set[0], "title", "none");
	assert_int_equal(cell(f->row.set[1], "title")->kind, SL_CELL_NULL);
}

/* ------------------------------------------------------------------ dialects */

static void a_generated_column_is_written_in_the_sinks_dialect(void **state)
{
	struct why why = { 0 };
	struct schema *schema = load(shop, NULL, "postgres", &why);
	assert_non_null(schema);
	assert_string_equal(schema_table(schema, "orders")->columns[9]->generated, "at::date");
	schema_free(&schema);
	assert_null(load(shop, NULL, "duckdb", &why));
	assert_non_null(strstr(why.text, "column day is generated, but not in the dialect duckdb; give `generated` a key "
		"duckdb"));
}

static const struct {
	const char *line, *name;
	int materialized;
	int64_t refresh;
} views[] = {
	{ "-- view: a", "a", 0, 0 },
	{ "-- view: a materialized", "a", 1, 3600000 },
	{ "-- view:  a b  materialized  refresh=15m ", "a b", 1, 900000 },
	{ "-- view: materialized", "materialized", 0, 0 },
};

static void views_may_be_materialized(void **state)
{
	char text[200];
	struct why why = { 0 };
	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
		snprintf(text, sizeof(text), "%s\nSELECT 1;\n", views[i].line);
		write_file("shop.sqlite.sql", text);
		struct schema *schema = load(shop, NULL, "sqlite", &why);
		if (!schema)
			fail_msg("%s", why.text);
		const struct sl_view *view = schema_views(schema, NULL)[0];
		assert_string_equal(view->name, views[i].name);
		assert_int_equal(view->materialized, views[i].materialized);
		assert_true(view->refresh_ms == views[i].refresh);
		schema_free(&schema);
	}
}

static const struct {
	const char *line, *sentence;
} wrong_views[] = {
	{ "-- view: a refresh=15m", "sql:1: refresh= is for a view that is `materialized`" },
	{ "-- view: a materialized refresh=15", "refresh= is a duration of 1m to 365d" },
	{ "-- view: a materialized refresh=1s", "refresh= is a duration of 1m to 365d" },
	{ "-- view: a materialized refesh=15m", "behind `materialized` stands nothing but refresh=1h" },
	{ "-- view: ", "a view needs a name" },
	{ "-- view: ORDERS", "ORDERS is a table already" },
	{ "-- view: sluice_dead", "the name sluice_dead is taken" },
	{ "-- view: _sluice_x", "the name _sluice_x is taken" },
};

static void views_that_are_told_wrongly_are_named(void **state)
{
	char text[200];
	struct why why = { 0 };
	for (size_t i = 0; i < sizeof(wrong_views) / sizeof(*wrong_views); i++) {
		snprintf(text, sizeof(text), "%s\nSELECT 1;\n", wrong_views[i].line);
		write_file("shop.sqlite.sql", text);
		if (load(shop, NULL, "sqlite", &why) || !strstr(why.text, wrong_views[i].sentence))
			fail_msg("wanted \"%s\", got \"%s\"", wrong_views[i].sentence, why.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(the_engines_columns_follow_in_their_order),
		WITH(what_a_table_says_of_itself_is_known),
		WITH(the_destination_does_not_insist_where_a_row_may_come_late),
		cmocka_unit_test(a_snapshot_has_its_checks),
		cmocka_unit_test(what_does_not_go_together_is_refused_with_its_place),
		cmocka_unit_test(any_text_is_a_name_up_to_255_bytes),
		WITH(defaults_stand_for_what_a_whole_row_leaves_out),
		WITH(a_patch_leaves_out_what_it_does_not_change),
		WITH(a_delete_needs_nothing_but_the_key),
		WITH(what_events_cannot_give_they_do_not_give),
		WITH(modes_that_do_not_go_into_a_table_name_the_key_to_add),
		WITH(a_row_without_a_name_gets_one_that_stays),
		WITH(rows_of_a_set_have_their_defaults),
		cmocka_unit_test(a_generated_column_is_written_in_the_sinks_dialect),
		cmocka_unit_test(views_may_be_materialized),
		cmocka_unit_test(views_that_are_told_wrongly_are_named),
	};
	bed_begin(shop);
	return cmocka_run_group_tests(tests, NULL, remove_folder);
}
