/* SPDX-License-Identifier: Apache-2.0 */
/* lua_sink_test.c - sinks in Lua: the rows they are handed, and what they say of each. */
#include "script.h"

static const struct sl_column columns[] = {
	{ .name = "id", .type = SL_COLUMN_TEXT, .key = 1 },
	{ .name = "count", .type = SL_COLUMN_INT },
	{ .name = "price", .type = SL_COLUMN_DECIMAL },
	{ .name = "done", .type = SL_COLUMN_BOOL },
	{ .name = "at", .type = SL_COLUMN_TIMESTAMP },
	{ .name = "day", .type = SL_COLUMN_DATE },
	{ .name = "raw", .type = SL_COLUMN_JSON },
	{ .name = "note", .type = SL_COLUMN_TEXT },
	{ .name = "left", .type = SL_COLUMN_TEXT },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))
static const struct sl_column *column_list[COLUMNS + 1];
static struct sl_table cards = { .name = "cards", .mode = SL_UPSERT, .columns = column_list, .column_count = COLUMNS };

#define TEXT(words) { .kind = SL_CELL_TEXT, .text = { words, sizeof(words) - 1 } }
#define NUMBER(value) { .kind = SL_CELL_INT, .number = value }

static const struct sl_cell cells[COLUMNS] = {
	TEXT("c1"), NUMBER(INT64_MAX), TEXT("45.00"), NUMBER(1), NUMBER(1435503765235000), NUMBER(16614),
	TEXT("{\"b\": [1.0]}"), { .kind = SL_CELL_NULL },
};
static const struct sl_event event = {
	.source = "boards", .id = "e7", .type = "cards", .subject = "c1", .time = 1435503765235,
	.data = { "{\"id\":\"c1\",\"n\":1.50}", 20 },
};
static const struct sl_row typed = {
	.table = &cards, .mode = SL_UPSERT, .cells = cells, .idempotency = "k-1", .event = &event
};
static const struct sl_row *const set[] = { &typed, &typed };
static const struct sl_row replaced = {
	.table = &cards, .mode = SL_REPLACE, .cells = cells, .idempotency = "k-2", .event = &event,
	.set = set, .set_count = 2
};
static const struct sl_row loose = { .idempotency = "k-3", .event = &event };
static const struct sl_row *const rows[] = { &typed, &replaced, &loose };

static struct instance *sink(const char *body)
{
	struct buf script = { 0 };
	buf_format(&script,
		"return { summary = 's', batch = { rows = 3, bytes = 100000 },\ndeliver = function(rows, opt)\n%s\nend }",
		body);
	struct instance *instance = script_instance(script.at, NULL, 0);
	buf_free(&script);
	return instance;
}

/* "done", or "fail WHY"; then for each row what was said of it. */
static const char *delivered(const char *body)
{
	static const char *const words[] = { "done", "-", "retry", "fail" };
	static char text[1024];
	struct instance *instance = sink(body);
	struct call *call = call_new(instance, STEP_DELIVER);
	bool finished = false;
	call->pub.rows = rows;
	call->pub.row_count = 3;
	if (call_run(call, script_finished, &finished) == SL_WAIT)
		while (!finished)
			uv_run(&script_loop, UV_RUN_ONCE);
	snprintf(text, sizeof(text), "%s %s:", script_outcome(call), call->outcome == SL_DONE ? "" : call->why.text);
	for (size_t i = 0; i < 3; i++) {
		size_t used = strlen(text);
		const struct settled *settled = &call->settled[i];
		snprintf(text + used, sizeof(text) - used, " %s", words[settled->outcome]);
		used = strlen(text);
		if (settled->why)
			snprintf(text + used, sizeof(text) - used, " %s %d", settled->why, (int)settled->after);
	}
	call_free(&call);
	instance_free(&instance);
	return text;
}

#define assert_delivers(body, expected) assert_string_equal(delivered(body), expected)

/* `list` is looked at in a sink; what it gives comes back as a sentence. */
static void assert_row(const char *list, const char *expected)
{
	char body[1024], full[1024];
	snprintf(body, sizeof(body), "local a, b, c = table.unpack(rows) fail(json.encode(json.array { %s }))", list);
	snprintf(full, sizeof(full), "fail test.lua:3: %s: - - -", expected);
	assert_delivers(body, full);
}

static void a_row_is_looked_into(void **state)
{
	assert_row("a.table, a.mode, a.key, #rows, a.rows == nil", "[\"cards\",\"upsert\",\"k-1\",3,true]");
	assert_row("a.data.id, a.data.count, a.data.price, a.data.done, a.data.at, a.data.day, a.data.raw.b[1]",
		"[\"c1\",9223372036854775807,\"45.00\",true,\"2015-06-28T15:02:45.235Z\",\"2015-06-28\",1]");
	assert_row("a.data.note, a.data.left == nil, a.data == a.data", "[null,true,true]");
	assert_row("a.event.id, a.event.type, a.event.subject, a.event.source, a.event.time",
		"[\"e7\",\"cards\",\"c1\",\"boards\",1435503765235]");
	assert_row("b.mode, #b.rows, b.rows[2].id", "[\"replace\",2,\"c1\"]");
	assert_row("c.table, c.mode == nil, c.data.n, json.raw(c.data, 'n')", "[\"cards\",true,1.5,\"1.50\"]");
}

static void a_row_is_json(void **state)
{
	const char *json = "{\"id\":\"c1\",\"count\":9223372036854775807,\"price\":45.00,\"done\":true,"
			   "\"at\":\"2015-06-28T15:02:45.235Z\",\"day\":\"2015-06-28\",\"raw\":{\"b\": [1.0]},\"note\":null}";
	char both[512];
	snprintf(both, sizeof(both), "[[%s,{\"id\":\"c1\",\"n\":1.50}],true]", json);
	assert_row("{ a, c }, a:json() == json.encode(a)", both);
}

static void rows_are_settled_one_by_one(void **state)
{
	assert_delivers("", "done : - - -");
	assert_delivers("settle(1, 'done') settle(rows[2], 'retry', 'busy', 1.5) settle(3, 'fail', 'too long')",
		"done : done retry busy 1500 fail too long 0");
	assert_delivers("settle(2, 'done') sleep(0.001) retry('away', 2)", "retry test.lua:3: away: - done -");
	assert_delivers("settle(3, 'fail', 'bad') local x = nil + 1",
		"fail test.lua:3: attempt to perform arithmetic on a nil value: - - fail bad 0");
}

static void slips_in_sinks_are_told(void **state)
{
	assert_delivers("settle(4, 'done')", "fail test.lua:3: settle: there is no row 4; the batch has 3: - - -");
	assert_delivers("settle(1, 'well')",
		"fail test.lua:3: bad argument #2 to 'settle' (invalid option 'well'): - - -");
	assert_delivers("settle(1, 'fail')",
		"fail test.lua:3: bad argument #3 to 'settle' (string expected, got no value): - - -");
	assert_delivers("rows[1].tabel = 1",
		"fail test.lua:3: a row cannot be changed: write into json.copy(row.data): - - -");
	assert_delivers("return rows[1].tabel",
		"fail test.lua:3: a row has no 'tabel'; it has data, table, mode, rows, key, event and json(): - - -");
	assert_delivers("return 1",
		"fail deliver returned a number; how it went with a row is said with settle(row, outcome, why): - - -");
	assert_delivers("source.get('/x')",
		"fail test.lua:3: source is for decode, poll, transform, hooks or discover; this is deliver: - - -");
}

static void a_row_ends_with_its_call(void **state)
{
	struct instance *instance = sink("kept = rows[1]");
	instance_free(&instance);
	instance = script_instance(
		"local kept return { summary = 's', deliver = function(rows)\n"
		"if kept then log(kept.key) end kept = rows[1] end }",
		NULL, 0);
	for (int i = 0; i < 2; i++) {
		struct call *call = call_new(instance, STEP_DELIVER);
		call->pub.rows = rows;
		call->pub.row_count = 1;
		assert_int_equal(call_run(call, NULL, NULL), i == 0 ? SL_DONE : SL_FAIL);
		assert_int_equal(strstr(call->why.text, "ended with its call") != NULL, i);
		call_free(&call);
	}
	instance_free(&instance);
}

static void its_batches_have_limits(void **state)
{
	struct instance *instance = sink("");
	assert_int_equal(instance_face(instance)->batch_rows, 3);
	assert_int_equal(instance_face(instance)->batch_bytes, 100000);
	instance_free(&instance);
}

static int setup(void **state)
{
	for (size_t i = 0; i < COLUMNS; i++)
		column_list[i] = &columns[i];
	return script_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_is_looked_into),
		cmocka_unit_test(a_row_is_json),
		cmocka_unit_test(rows_are_settled_one_by_one),
		cmocka_unit_test(slips_in_sinks_are_told),
		cmocka_unit_test(a_row_ends_with_its_call),
		cmocka_unit_test(its_batches_have_limits),
	};
	return cmocka_run_group_tests(tests, setup, script_teardown);
}
