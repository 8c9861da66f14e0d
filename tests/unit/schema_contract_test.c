/* SPDX-License-Identifier: Apache-2.0 */
/* schema_contract_test.c - what does not fit, by its contract; what a schema gets in addition. */
#include <sys/stat.h>

#include "schema_bed.h"

static const char shop[] =
	"help: \"A shop: its orders\"\n"
	"options: { closed: { type: list, initial: [Done, \"it's\"] } }\n"
	"contract: { tables: evolve, columns: evolve, types: evolve }\n"
	"tables:\n"
	"  orders:\n"
	"    mode: upsert\n"
	"    key: [id]\n"
	"    partition: on\n"
	"    columns:\n"
	"      id: int\n"
	"      \"on\": { type: date, required: true, default: 2026-01-01 }\n"
	"      seats: { type: int, default: 2, help: \"How many: people\" }\n"
	"      due: date\n"
	"      secret: { type: text, personal: true }\n"
	"  lines: { mode: replace, parent: id, key: [id, line], columns: { id: text, line: int } }\n"
	"  drops:\n"
	"    mode: append\n"
	"    key: a\n"
	"    contract: { columns: discard_row, types: discard_row }\n"
	"    columns: { a: text, b: { type: int, contract: discard_value }, c: int, d: { type: int, required: true, "
	"contract: discard_value, default: 7 } }\n"
	"  keeps: { mode: append, key: a, contract: { columns: discard_value, types: freeze },"
	" columns: { a: text, b: int } }\n"
	"  values: { mode: patch, key: a, contract: { types: discard_value }, columns: { a: text, b: int } }\n";

static enum fit fit_mode(struct fixture *f, struct fitting *fitting, const char *table, const char *mode,
	const char *json)
{
	static struct sl_document *document;
	const struct sl_event event = { .type = table, .mode = mode };
	sl_json_free(&document);
	document = sl_json_read((struct sl_text){ json, strlen(json) }, NULL, 0);
	assert_non_null(document);
	f->why.text[0] = '\0';
	*fitting = (struct fitting){ .event = &event, .data = sl_json_root(document), .origin = &origin, .now = NOW,
		.arena = f->arena, .why = &f->why };
	enum fit fit = schema_fit(f->schema, fitting);
	fitting->event = NULL;
	sl_json_free(&document);
	return fit;
}

static enum fit fits(struct fixture *f, struct fitting *fitting, const char *table, const char *json)
{
	return fit_mode(f, fitting, table, NULL, json);
}

/* The growth as words, one after the other. */
static void grows(struct fixture *f, const char *table, const char *json, const char *expected)
{
	struct fitting fitting;
	struct buf found = { 0 };
	assert_int_equal(fits(f, &fitting, table, json), FIT_GROW);
	for (const struct growth *at = fitting.growth; at; at = at->next)
		buf_format(&found, "%s%s", found.len ? "; " : "", growth_shown(at, f->arena));
	assert_string_equal(found.at, expected);
	buf_free(&found);
}

static void ends(struct fixture *f, const char *table, const char *json, enum fit expected, const char *sentence)
{
	struct fitting fitting;
	enum fit fit = fits(f, &fitting, table, json);
	if (fit != expected || strcmp(f->why.text, sentence) != 0)
		fail_msg("wanted %d \"%s\", got %d \"%s\"", expected, sentence, fit, f->why.text);
}

/* --------------------------------------------------------------------- evolve */

static void all_that_a_row_brings_is_known_at_once(void **state)
{
	struct fixture *f = *state;
	grows(f, "orders", "{\"id\":1,\"a\":true,\"b\":12,\"c\":1.0,\"d\":\"2026-11-21\",\"e\":\"2026-11-21 "
		"10:00\",\"f\":[],"
		"\"g\":null,\"h\":\"x\",\"seats\":1.5}",
		"a column orders.a of type bool; a column orders.b of type int; a column orders.c of type decimal; "
		"a column orders.d of type date; a column orders.e of type timestamp; a column orders.f of type json; "
		"a column orders.h of type text; orders.seats as decimal");
	struct fitting fitting;
	assert_int_equal(fits(f, &fitting, "orders", "{\"id\":1,\"g\":null}"), FIT_ROW);
}

static void a_row_that_fits_in_no_way_makes_nothing_grow(void **state)
{
	struct fixture *f = *state;
	ends(f, "orders", "{\"id\":1,\"colour\":\"red\",\"seats\":\"many\"}", FIT_NOT,
		"orders.seats: expected a whole number of 64 bits, found the string \"many\"");
	ends(f, "orders", "{\"colour\":\"red\"}", FIT_NOT, "orders.id: must have a value, and the event gives none");
}

static void only_what_loses_nothing_becomes_wider(void **state)
{
	struct fixture *f = *state;
	struct fitting fitting;
	grows(f, "orders", "{\"id\":1,\"due\":\"2026-11-21T10:00:00+02:00\"}", "orders.due as timestamp");
	grows(f, "orders", "{\"id\":1,\"due\":1795299019123}", "orders.due as timestamp");
	assert_int_equal(fits(f, &fitting, "orders", "{\"id\":1,\"due\":\"2026-11-21T00:00:00Z\"}"), FIT_ROW);
	assert_int_equal(fits(f, &fitting, "orders", "{\"id\":1,\"on\":\"2026-11-21T10:00:00Z\"}"), FIT_ROW);
	ends(f, "orders", "{\"id\":1.5}", FIT_NOT, "orders.id: expected a whole number of 64 bits, found the number 1.5");
	ends(f, "orders", "{\"id\":1,\"secret\":[]}", FIT_NOT, "orders.secret: expected a text, found an array");
}

static void rows_of_a_set_agree_on_the_type_of_a_new_column(void **state)
{
	struct fixture *f = *state;
	grows(f, "lines", "{\"id\":\"a\",\"rows\":[{\"line\":1,\"x\":1},{\"line\":2,\"x\":1.5}]}",
		"a column lines.x of type decimal");
	grows(f, "lines", "{\"id\":\"a\",\"rows\":[{\"line\":1,\"x\":1},{\"line\":2,\"x\":\"n/a\"}]}",
		"a column lines.x of type text");
	grows(f, "lines",
		"{\"id\":\"a\",\"rows\":[{\"line\":1,\"x\":\"2026-11-21T10:00Z\"},{\"line\":2,\"x\":\"2026-11-21\"}]}",
		"a column lines.x of type timestamp");
	grows(f, "lines", "{\"id\":\"a\",\"rows\":[{\"line\":1,\"x\":{}},{\"line\":2,\"x\":1}]}",
		"a column lines.x of type json");
	ends(f, "lines", "{\"id\":\"a\",\"rows\":[{\"line\":1,\"rows\":1}]}", FIT_NOT,
		"row 1 of the set: lines: \"rows\" cannot become a column: the name is taken");
}

static void a_new_table_has_a_key_of_its_own(void **state)
{
	struct fixture *f = *state;
	grows(f, "people", "{\"name\":\"Ann\",\"row_id\":\"x\"}", "a table people; a column people.name of type text");
	grows(f, "people", "{}", "a table people");
	ends(f, "people", "{\"Row_Id\":1}", FIT_NOT, "people: \"Row_Id\" cannot become a column: it differs from `row_id` "
		"only in "
		"case");
	ends(f, "Orders", "{}", FIT_NOT, "\"Orders\" cannot become a table: it differs from `orders` only in case");
	ends(f, "_sluice_open", "{}", FIT_NOT, "\"_sluice_open\" cannot become a table: that is no name for one");
	ends(f, "", "{}", FIT_NOT, "\"\" cannot become a table: that is no name for one");
	ends(f, "people", "[]", FIT_NOT, "people: a row must be an object of columns and their values");
	struct fitting fitting;
	assert_int_equal(fit_mode(f, &fitting, "order", "patch", "{}"), FIT_NOT);
	assert_string_equal(f->why.text, "the schema has no table \"order\"; did you mean `orders`?");
}

/* ------------------------------------------------------------------- discard */

static void a_row_is_let_go_of_without_showing_a_value(void **state)
{
	struct fixture *f = *state;
	ends(f, "drops", "{\"a\":\"1\",\"d\":1,\"zz\":\"secret\"}", FIT_DROP, "drops: there is no column \"zz\"");
	ends(f, "drops", "{\"a\":\"1\",\"d\":1,\"c\":\"secret\"}", FIT_DROP,
		"drops.c: a value is not a whole number of 64 bits");
}

static void a_value_is_let_go_of_and_told(void **state)
{
	struct fixture *f = *state;
	struct fitting fitting;
	assert_int_equal(fits(f, &fitting, "drops", "{\"a\":\"1\",\"b\":\"x\",\"d\":\"y\"}"), FIT_ROW);
	assert_int_equal(fitting.mended_count, 2);
	assert_string_equal(fitting.mended[0], "drops.b: a value was left out that is not a whole number of 64 bits");
	assert_int_equal(cell(&fitting.row, "b")->kind, SL_CELL_NONE);
	is_number(&fitting.row, "d", 7);
	assert_string_equal(f->why.text, "");
	assert_int_equal(fits(f, &fitting, "keeps", "{\"a\":\"1\",\"x\":1,\"y\":2,\"z\":3,\"u\":4,\"v\":null}"), FIT_ROW);
	assert_int_equal(fitting.mended_count, 5);
	assert_string_equal(fitting.mended[4], "keeps: \"v\" was left out, there is no such column");
	ends(f, "keeps", "{\"a\":\"1\",\"b\":\"x\"}", FIT_NOT, "keeps.b: expected a whole number of 64 bits, found the "
		"string \"x\"");
	ends(f, "values", "{\"a\":[]}", FIT_NOT, "values.a: expected a text, found an array");
}

static void a_patch_without_its_value_changes_nothing_of_that_column(void **state)
{
	struct fixture *f = *state;
	struct fitting fitting;
	assert_int_equal(fits(f, &fitting, "values", "{\"a\":\"1\",\"b\":\"x\"}"), FIT_ROW);
	assert_int_equal(cell(&fitting.row, "b")->kind, SL_CELL_NONE);
}

static void a_set_goes_on_without_a_row_that_is_let_go_of(void **state)
{
	struct why why = { 0 };
	struct fixture f = { .arena = arena_new() };
	struct fitting fitting;
	f.schema = load("contract: { columns: discard_row }\ntables:\n"
		"  lines: { mode: replace, parent: id, key: [id, line], columns: { id: text, line: int } }\n", NULL, NULL,
		&why);
	assert_non_null(f.schema);
	assert_int_equal(fits(&f, &fitting, "lines",
		"{\"id\":\"a\",\"rows\":[{\"line\":1},{\"line\":2,\"x\":1},{\"line\":3}]}"),
		FIT_ROW);
	assert_int_equal(fitting.row.set_count, 2);
	is_number(fitting.row.set[1], "line", 3);
	assert_string_equal(fitting.mended[0], "a row of a set was left out: lines: there is no column \"x\"");
	assert_int_equal(fits(&f, &fitting, "lines", "{\"id\":\"a\",\"x\":1,\"rows\":[]}"), FIT_DROP);
	schema_free(&f.schema);
	arena_free(&f.arena);
}

static void the_configuration_takes_the_place_of_the_top_of_the_file(void **state)
{
	static const char text[] = "{\"tables\":\"freeze\",\"columns\":\"discard_value\",\"types\":\"\"}";
	struct fixture *f = *state;
	struct sl_document *contract = sl_json_read((struct sl_text){ text, sizeof(text) - 1 }, NULL, 0);
	schema_free(&f->schema);
	f->schema = schema_open(&(struct schema_wish){ .file = file, .contract = sl_json_root(contract) }, &f->why);
	assert_non_null(f->schema);
	ends(f, "people", "{}", FIT_NOT, "the schema has no table \"people\"");
	struct fitting fitting;
	assert_int_equal(fits(f, &fitting, "orders", "{\"id\":1,\"x\":1}"), FIT_ROW);
	assert_int_equal(fitting.mended_count, 1);
	grows(f, "orders", "{\"id\":1,\"seats\":1.5}", "orders.seats as decimal"); /* nothing given: the file's */
	ends(f, "drops", "{\"a\":\"1\",\"d\":1,\"x\":1}", FIT_DROP,
		"drops: there is no column \"x\""); /* the table's is nearer */
	sl_json_free(&contract);
}

static const struct {
	const char *yaml, *sentence;
} wrong[] = {
	{ "contract: evolve\ntables: {}\n", "contract must be a map" },
	{ "contract: { colums: evolve }\ntables: {}\n", "did you mean `columns`?" },
	{ "contract: { columns: evolv }\ntables: {}\n", "'evolv' is no word of a contract (freeze, evolve, discard_row, discard_value); did you mean `evolve`?" },
	{ "tables:\n  t: { mode: once, key: a, columns: { a: text }, contract: { tables: evolve } }\n", "`tables` is no key of a contract" },
	{ "tables:\n  t: { mode: once, key: a, columns: { a: { type: text, contract: { types: evolve } } } }\n", "is no word of a contract" },
	{ "options: { contract: { type: int, initial: 1 } }\ntables: {}\n", "the name contract is taken" },
};

static void a_contract_is_made_of_its_words(void **state)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		refused(wrong[i].yaml, wrong[i].sentence);
}

/* ----------------------------------------------------------------- additions */

static char evolved[300];

static struct schema *again(struct fixture *f)
{
	schema_free(&f->schema);
	f->schema = schema_open(&(struct schema_wish){ .file = file, .evolved = evolved }, &f->why);
	if (!f->schema)
		fail_msg("%s", f->why.text);
	return f->schema;
}

static void write_evolved(const char *text)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/schemas", folder);
	mkdir(path, 0700);
	write_file("schemas/local.jsonl", text);
}

static void note(struct fixture *f, const char *table, const char *json)
{
	struct fitting fitting;
	assert_int_equal(fits(f, &fitting, table, json), FIT_GROW);
	if (!schema_note(evolved, fitting.growth, &f->why))
		fail_msg("%s", f->why.text);
	again(f);
	for (const struct growth *at = fitting.growth; at; at = at->next)
		assert_true(schema_has(f->schema, at));
	assert_int_equal(fits(f, &fitting, table, json), FIT_ROW);
}

static void what_is_noted_is_there_when_it_is_read_again(void **state)
{
	struct fixture *f = *state;
	unlink(evolved);
	note(f, "orders", "{\"id\":1,\"colour\":\"red\",\"seats\":1.5,\"on\":\"2026-01-02\"}");
	note(f, "orders", "{\"id\":1,\"due\":\"2026-11-21T10:00:00Z\",\"n\":1}");
	note(f, "orders", "{\"id\":1,\"n\":1.5}");
	note(f, "people", "{\"name\":\"Ann\"}");
	note(f, "people", "{\"born\":\"1980-01-01\"}");
	const struct sl_table *orders = schema_table(f->schema, "orders"), *people = schema_table(f->schema, "people");
	assert_int_equal(orders->columns[2]->type, SL_COLUMN_DECIMAL);
	assert_string_equal(orders->columns[2]->initial->text.at, "2"); /* the default is wider too */
	assert_int_equal(orders->columns[3]->type, SL_COLUMN_TIMESTAMP);
	assert_string_equal(orders->columns[5]->name, "colour");
	assert_int_equal(orders->columns[6]->type, SL_COLUMN_DECIMAL);
	assert_string_equal(orders->columns[7]->name, "_event_id");
	assert_int_equal(people->mode, SL_APPEND);
	assert_int_equal(people->columns[0]->key, 1);
	assert_int_equal(people->columns[2]->type, SL_COLUMN_DATE);
	struct fitting fitting;
	assert_int_equal(fits(f, &fitting, "people", "{\"name\":\"Ann\"}"), FIT_ROW);
	is_text(&fitting.row, "row_id", "shop:e1:people:0");
}

static void noting_it_again_changes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct growth growth = { .table = "orders", .column = "x", .type = SL_COLUMN_INT, .kind = GROWTH_COLUMN };
	const struct growth wider = { .table = "orders", .column = "x", .type = SL_COLUMN_DECIMAL, .kind = GROWTH_WIDER };
	struct stat first, second;
	unlink(evolved);
	assert_true(schema_note(evolved, &growth, &f->why) && stat(evolved, &first) == 0);
	assert_true(schema_note(evolved, &growth, &f->why) && stat(evolved, &second) == 0);
	assert_true(first.st_size == second.st_size);
	assert_int_equal(first.st_mode & 0777, 0600);
	assert_true(schema_note(evolved, &wider, &f->why) && stat(evolved, &second) == 0);
	assert_true(first.st_size < second.st_size);
}

static void what_the_file_says_by_now_counts(void **state)
{
	struct fixture *f = *state;
	write_evolved("{\"table\":\"orders\",\"column\":\"seats\",\"type\":\"text\"}\n"
		"{\"table\":\"orders\",\"column\":\"SEATS\",\"type\":\"text\"}\n"
		"{\"table\":\"orders\",\"column\":\"_event_id\",\"type\":\"text\"}\n"
		"{\"table\":\"orders\",\"column\":\"_times\",\"type\":\"json\"}\n"
		"{\"table\":\"Orders\"}\n"
		"{\"table\":\"gone\",\"column\":\"x\",\"type\":\"int\"}\n\n"
		"{\"table\":\"unfinished\"");
	again(f);
	assert_int_equal(schema_table(f->schema, "orders")->columns[2]->type, SL_COLUMN_INT);
	assert_int_equal(schema_table(f->schema, "orders")->column_count, 8);
	assert_null(schema_table(f->schema, "Orders"));
	assert_null(schema_table(f->schema, "gone"));
	assert_null(schema_table(f->schema, "unfinished"));
	unlink(evolved);
}

static void in_memory_it_grows_alone(void **state)
{
	struct fixture *f = *state;
	struct fitting fitting;
	for (int i = 0; i < 3; i++) {
		char json[64];
		snprintf(json, sizeof(json), "{\"id\":1,\"c%d\":1}", i);
		assert_int_equal(fits(f, &fitting, "orders", json), FIT_GROW);
		assert_true(schema_grow(&f->schema, fitting.growth, &f->why));
	}
	assert_int_equal(fits(f, &fitting, "orders", "{\"id\":1,\"c0\":1,\"c1\":1,\"c2\":1}"), FIT_ROW);
	assert_null(schema_evolved(f->schema));
}

/* ------------------------------------------------------------------- as text */

static void a_schema_that_is_shown_reads_as_the_same(void **state)
{
	struct fixture *f = *state;
	struct buf first = { 0 }, second = { 0 };
	write_evolved("{\"table\":\"orders\",\"column\":\"on off: \\u0085\\\"x\\u007f\",\"type\":\"text\"}\n"
		"{\"table\":\"orders\",\"column\":\"seats\",\"type\":\"decimal\"}\n{\"table\":\"no\"}\n"
		"{\"table\":\"no\",\"column\":\"007\",\"type\":\"json\"}\n");
	schema_show(again(f), &first);
	unlink(evolved);
	struct why why = { 0 };
	struct schema *taken = load(first.at, NULL, NULL, &why);
	if (!taken)
		fail_msg("%s\n%s", why.text, first.at);
	schema_show(taken, &second);
	assert_string_equal(first.at, second.at);
	size_t count, again_count;
	schema_tables(f->schema, &count);
	const struct sl_table *const *tables = schema_tables(taken, &again_count);
	assert_int_equal(count, again_count);
	assert_string_equal(tables[count - 1]->name, "no");
	assert_string_equal(tables[count - 1]->columns[1]->name, "007");
	assert_int_equal(tables[0]->columns[2]->type, SL_COLUMN_DECIMAL);
	assert_string_equal(tables[0]->columns[2]->help, "How many: people");
	assert_string_equal(tables[0]->columns[5]->name, "on off: \xc2\x85\"x\x7f");
	assert_string_equal(schema_options(taken)[0].initial, "[\"Done\",\"it's\"]");
	schema_free(&taken);
	buf_free(&first);
	buf_free(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(all_that_a_row_brings_is_known_at_once),
		WITH(a_row_that_fits_in_no_way_makes_nothing_grow),
		WITH(only_what_loses_nothing_becomes_wider),
		WITH(rows_of_a_set_agree_on_the_type_of_a_new_column),
		WITH(a_new_table_has_a_key_of_its_own),
		WITH(a_row_is_let_go_of_without_showing_a_value),
		WITH(a_value_is_let_go_of_and_told),
		WITH(a_patch_without_its_value_changes_nothing_of_that_column),
		cmocka_unit_test(a_set_goes_on_without_a_row_that_is_let_go_of),
		WITH(the_configuration_takes_the_place_of_the_top_of_the_file),
		cmocka_unit_test(a_contract_is_made_of_its_words),
		WITH(what_is_noted_is_there_when_it_is_read_again),
		WITH(noting_it_again_changes_nothing),
		WITH(what_the_file_says_by_now_counts),
		WITH(in_memory_it_grows_alone),
		WITH(a_schema_that_is_shown_reads_as_the_same),
	};
	bed_begin(shop);
	snprintf(evolved, sizeof(evolved), "%s/schemas/local.jsonl", folder);
	return cmocka_run_group_tests(tests, NULL, remove_folder);
}
