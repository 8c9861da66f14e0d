/* SPDX-License-Identifier: Apache-2.0 */
/* schema_random_test.c - whatever an event holds: a row whose cells fit, or a sentence; and growing comes to an end. */
#include "schema_bed.h"

#define EVENTS 6000

static uint64_t seed = 88172645463325252u;

static uint32_t any(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % below;
}

#define COLUMNS \
	"columns: { id: text, i: { type: int, default: 3 }, d: date, t: timestamp, m: decimal, b: bool, j: json," \
	" r: { type: text, required: true }, g: { type: text, generated: r }, p: { type: text, personal: true } } }\n"

static const char *const names[] = {
	"id", "i", "d", "t", "m", "b", "j", "r", "g", "p", "rows", "row_id", "ID", "_event_id", "deleted", "_times", "new",
	"New", "other", "", "\\u0000x", "line", "\\ud83d", "a\\\"b", "\xc3\xbc",
};
static const char *const values[] = {
	"null", "true", "false", "0", "-0", "7", "5.0", "1.5", "1e3", "1e400", "9223372036854775807", "9223372036854775808",
	"-62135596800001", "253402300799999", "\"\"", "\"x\"", "\"12\"", "\"-7.50\"", "\"2026-11-21\"",
	"\"2026-11-21T10:00:00Z\"", "\"0000-00-00\"", "\"9999-12-31T23:59:60.999999999+14:00\"", "\"\\u0000\"",
	"\"\\ud83d\"", "[]", "{}", "[1,{\"a\":null}]", "{\"id\":\"a\"}", "123456789012345678901234567890.123456789",
};
static const char *const tables[] = {
	"up", "patch", "mark", "gone", "app", "set", "new", "UP", "sqlite_x", "", "\xc3\xbc",
};
static const char *const modes[] = { NULL, "append", "once", "upsert", "patch", "replace", "delete", "put", "" };
#define ANY(list) list[any(sizeof(list) / sizeof(*list))]

static void put_object(struct buf *out)
{
	uint32_t count = any(7);
	buf_string(out, any(4) ? "{\"id\":\"a\",\"r\":\"x\"" : "{\"id\":7");
	while (count--)
		buf_format(out, ",\"%s\":%s", ANY(names), ANY(values));
	buf_char(out, '}');
}

static void put_event(struct buf *out)
{
	if (any(3)) {
		put_object(out);
		return;
	}
	if (!any(8)) {
		buf_string(out, ANY(values));
		return;
	}
	buf_format(out, "{\"id\":\"a\"%s,\"rows\":[", any(9) ? "" : ",\"x\":1");
	for (uint32_t rows = any(4), i = 0; i < rows; i++) {
		buf_string(out, i ? "," : "");
		put_object(out);
	}
	buf_string(out, "]}");
}

static void cells_fit(const struct sl_row *row, const struct sl_cell *cells)
{
	for (size_t i = 0; i < row->table->column_count; i++) {
		const struct sl_column *column = row->table->columns[i];
		bool text = column->type == SL_COLUMN_TEXT || column->type == SL_COLUMN_DECIMAL ||
			column->type == SL_COLUMN_JSON;
		assert_true(cells[i].kind <= SL_CELL_TEXT);
		if (cells[i].kind >= SL_CELL_INT)
			assert_int_equal(cells[i].kind, text ? SL_CELL_TEXT : SL_CELL_INT);
		if (cells[i].kind == SL_CELL_TEXT)
			assert_int_equal(cells[i].text.at[cells[i].text.len], 0);
		if (column->generated)
			assert_int_equal(cells[i].kind, SL_CELL_NONE);
		if (column->key && row->mode != SL_REPLACE)
			assert_true(cells[i].kind >= SL_CELL_INT);
	}
}

static void row_fits(const struct sl_row *row)
{
	assert_non_null(row->idempotency);
	cells_fit(row, row->cells);
	for (size_t i = 0; i < row->set_count; i++)
		cells_fit(row, row->set[i]->cells);
}

/* Growing is asked for twice at most: once for what is new, and once if two values of it differ. */
static void one_event(struct schema **schema, struct arena *arena, unsigned counts[4])
{
	struct buf text = { 0 };
	struct why why;
	put_event(&text);
	struct sl_document *document = sl_json_read((struct sl_text){ text.at, text.len }, NULL, 0);
	assert_non_null(document);
	const struct sl_event event = { .type = ANY(tables), .mode = ANY(modes), .time = any(2) ? (int64_t)seed : 0 };
	for (int round = 0;; round++) {
		struct fitting fitting = { .event = &event, .data = sl_json_root(document), .origin = any(2) ? &origin : NULL,
			.now = NOW, .arena = arena, .why = &why };
		why.text[0] = '\0';
		enum fit fit = schema_fit(*schema, &fitting);
		counts[fit]++;
		if (fit == FIT_ROW)
			row_fits(&fitting.row);
		else if (fit != FIT_GROW)
			assert_true(why.text[0]);
		if (fit != FIT_GROW)
			break;
		assert_true(round < 3);
		if (!schema_grow(schema, fitting.growth, &why))
			fail_msg("%s", why.text);
		for (const struct growth *at = fitting.growth; at; at = at->next)
			assert_true(schema_has(*schema, at));
	}
	sl_json_free(&document);
	buf_free(&text);
}

static void any_event_is_a_row_or_a_sentence(void **state)
{
	static const char *const words[] = { "freeze", "evolve", "discard_row", "discard_value" };
	unsigned counts[4] = { 0 };
	for (size_t word = 0; word < 4; word++) {
		struct arena *arena = arena_new();
		struct why why = { 0 };
		char yaml[3000];
		snprintf(yaml, sizeof(yaml), "contract: { tables: %s, columns: %s, types: %s }\ntables:\n"
			"  up: { mode: upsert, key: id, " COLUMNS "  patch: { mode: patch, key: id, " COLUMNS
			"  mark: { mode: patch, deletes: mark, key: id, " COLUMNS "  gone: { mode: upsert, deletes: remove, key: "
			"id, "
			COLUMNS "  app: { mode: append, key: id, " COLUMNS
			"  set: { mode: replace, parent: id, key: [id, line], columns: { id: text, line: { type: int, default: 1 "
			"} } }\n",
			words[word], words[word], words[word]);
		struct schema *schema = load(yaml, NULL, NULL, &why);
		if (!schema)
			fail_msg("%s", why.text);
		for (int i = 0; i < EVENTS; i++) {
			one_event(&schema, arena, counts);
			arena_reset(arena);
		}
		schema_free(&schema);
		arena_free(&arena);
	}
	for (int i = 0; i < 4; i++)
		assert_true(counts[i] > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(any_event_is_a_row_or_a_sentence) };
	bed_begin(NULL);
	return cmocka_run_group_tests(tests, NULL, remove_folder);
}
