/* SPDX-License-Identifier: Apache-2.0 */
/* destination_test.c - what a sink must be able to do for a schema, and a sink in a command's own process. */
#include "flow/destination.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"

static char folder[] = "/tmp/sluice-destination-XXXXXX";
static char file[64];

static void write_schema(const char *text)
{
	FILE *out = fopen(file, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static int setup(void **state)
{
	if (!mkdtemp(folder))
		return 1;
	snprintf(file, sizeof(file), "%s/s.yaml", folder);
	return 0;
}

static int teardown(void **state)
{
	unlink(file);
	return rmdir(folder);
}

static struct schema *schema_of(const char *text)
{
	struct why why = { "" };
	write_schema(text);
	struct schema *schema = schema_load(file, NULL, NULL, &why);
	if (!schema)
		fail_msg("%s", why.text);
	return schema;
}

/* ------------------------------------------------------------------------- it fits */

#define COLUMNS "    key: id\n    columns: { id: text, at: timestamp }\n"

static const struct wish {
	const char *table; /* what its file says of it */
	int minor;         /* of the interface that suffices */
	bool transactions; /* likewise */
	const char *key;   /* as the sentence names it */
} wishes[] = {
	{ "    mode: upsert\n", 0, false, NULL },
	{ "    mode: append\n    retention: { column: at, after: 30d }\n", 0, false, NULL },
	{ "    mode: upsert\n    deletes: mark\n", 2, false, "deletes" },
	{ "    mode: upsert\n    deletes: remove\n", 2, false, "deletes" },
	{ "    mode: patch\n", 2, false, "mode: patch" },
	{ "    mode: upsert\n    snapshot: true\n", 2, true, "snapshot" },
};

static void an_old_sink_is_not_given_what_it_does_not_know(void **state)
{
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		char text[400];
		snprintf(text, sizeof(text), "tables:\n  notes:\n%s" COLUMNS, wishes[i].table);
		struct schema *schema = schema_of(text);
		struct why why = { "" };
		for (int minor = 0; minor <= SL_ABI_MINOR; minor++) {
			const struct destination_can can = { "old", minor, true };
			assert_int_equal(destination_fits(&can, schema, &why), minor >= wishes[i].minor);
		}
		if (wishes[i].key)
			assert_non_null(strstr(why.text, wishes[i].key));
		const struct destination_can plain = { "plain", SL_ABI_MINOR, false };
		assert_int_equal(destination_fits(&plain, schema, &why), !wishes[i].transactions);
		schema_free(&schema);
	}
}

static void the_sentence_names_table_sink_and_versions(void **state)
{
	struct schema *schema = schema_of("tables:\n  notes:\n    mode: patch\n" COLUMNS);
	const struct destination_can can = { "files", 1, true };
	struct why why = { "" };
	assert_false(destination_fits(&can, schema, &why));
	assert_string_equal(why.text, "the table notes has mode: patch, but the sink files was built for plugin interface "
				      "1.1, which does not know of that; compile it again for 1.2");
	schema_free(&schema);
}

/* ------------------------------------------------------------------ a sink at work */

static const char *options = "\"due\":3,\"away\":0,\"after\":0";

static struct destination *begin(const char *plugin, struct why *why)
{
	const char *build = getenv("SLUICE_BUILD");
	struct buf part = { 0 };
	write_schema("tables:\n  notes:\n    mode: upsert\n    key: id\n    columns: { id: int }\n");
	buf_format(&part, "{\"net\":{},\"sink\":{\"name\":\"local\",\"plugin\":\"%s/tests/plugins/%s.so\","
			  "\"options\":{%s},\"api\":null,\"schema\":{\"file\":\"%s\",\"options\":{}}}}",
		build ? build : ".", plugin, options, file);
	struct sl_document *document = sl_json_read((struct sl_text){ part.at, part.len }, NULL, 0);
	struct destination *there = destination_new(sl_json_root(document), why);
	sl_json_free(&document);
	buf_free(&part);
	return there;
}

static struct destination *tends(void)
{
	struct why why = { "" };
	struct destination *there = begin("tends", &why);
	if (!there)
		fail_msg("%s", why.text);
	assert_true(destination_open(there, &why));
	return there;
}

static void a_call_is_handed_all_tables(void **state)
{
	static const struct sl_column id = { .name = "id", .type = SL_COLUMN_INT, .key = 1 };
	static const struct sl_column *const columns[] = { &id, NULL };
	static const struct sl_table more = { .name = "more", .columns = columns, .column_count = 1 };
	static const struct sl_table *const others[] = { &more, NULL };
	static const char *const names[] = { "notes", "_sluice_routes", "_sluice_open", "more" };
	struct destination *there = tends();
	struct why why = { "" };
	destination_with(there, others);
	struct call *call = destination_call(there, STEP_SCHEMA);
	call->pub.verb = "diff";
	assert_true(destination_run(there, &call, &why));
	assert_int_equal(call->emitted_count, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct sl_json *data = emitted_json(call, &call->emitted[i], NULL);
		assert_string_equal(sl_json_string(sl_json_get(data, "table")).at, names[i]);
	}
	call_free(&call);
	destination_free(&there);
}

static void a_call_that_fails_says_whose_it_was(void **state)
{
	struct destination *there = tends();
	struct why why = { "" };
	struct call *call = destination_call(there, STEP_SCHEMA);
	call->pub.verb = "apply";
	assert_false(destination_run(there, &call, &why));
	assert_null(call);
	assert_string_equal(why.text, "local: it changes nothing");
	destination_free(&there);
}

static bool gather(const struct call *call, void *data, struct why *why)
{
	for (size_t i = 0; i < call->emitted_count; i++)
		buf_format(data, "%d%s", (int)call->emitted[i].cells[0].number, i + 1 < call->emitted_count ? "," : ";");
	return true;
}

static bool enough(const struct call *call, void *data, struct why *why)
{
	return why_say(why, "enough");
}

static void rows_come_page_by_page(void **state)
{
	struct destination *there = tends();
	const struct sl_table *notes = schema_table(destination_schema(there), "notes");
	struct why why = { "" };
	struct buf seen = { 0 };
	uint64_t count;
	assert_true(destination_rows(there, notes, NULL, 2, gather, &seen, &why));
	assert_string_equal(seen.at, "1,2;3,4;5;");
	buf_clear(&seen);
	assert_true(destination_rows(there, notes, "3", 2, gather, &seen, &why));
	assert_string_equal(seen.at, "4,5;");
	assert_false(destination_rows(there, notes, NULL, 2, enough, NULL, &why));
	assert_string_equal(why.text, "enough");
	assert_true(destination_count(there, notes, &count, &why));
	assert_int_equal(count, 5);
	buf_free(&seen);
	destination_free(&there);
}

/* Two pauses, of 0.2 s and 0.4 s. */
static void who_is_away_is_asked_again_with_the_same(void **state)
{
	static const struct sl_row row = { .mode = SL_PUT };
	static const struct sl_row *const rows[] = { &row, &row, NULL };
	struct why why = { "" };
	struct buf seen = { 0 };
	int64_t began = clock_ticks();
	uint64_t times = 0;
	options = "\"due\":3,\"away\":2,\"after\":0";
	struct destination *there = tends();
	assert_true(destination_rows(there, schema_table(destination_schema(there), "notes"), "2", 5, gather, &seen, &why));
	assert_string_equal(seen.at, "3,4,5;");
	assert_true(clock_ticks() - began >= 600);
	destination_free(&there);
	there = tends();
	struct call *call = destination_call(there, STEP_DELIVER);
	call->pub.rows = rows;
	call->pub.row_count = 2;
	assert_true(destination_run(there, &call, &why));
	assert_string_equal(tally_row(call->tally, 0, &times), "rows were seen");
	assert_int_equal(times, 2);
	call_free(&call);
	destination_free(&there);
	buf_free(&seen);
}

/* Somebody waits for the command. */
static void who_asks_for_much_time_is_not_waited_for(void **state)
{
	struct why why = { "" };
	uint64_t count;
	options = "\"due\":3,\"away\":1,\"after\":60000";
	struct destination *there = tends();
	assert_false(destination_count(there, schema_table(destination_schema(there), "notes"), &count, &why));
	assert_string_equal(why.text, "local: nobody is there");
	destination_free(&there);
	options = "\"due\":3,\"away\":0,\"after\":0";
}

static void what_was_kept_up_is_counted_by_a_sentence(void **state)
{
	struct destination *there = tends();
	struct tally *done = NULL;
	struct why why = { "" };
	uint64_t times;
	int pieces = 0;
	for (bool more = true; more; pieces++) {
		struct call *call = destination_call(there, STEP_UPKEEP);
		assert_true(destination_run(there, &call, &why));
		destination_upkept(call, &call->emitted[0], &done);
		more = call->advanced != NULL;
		call_free(&call);
	}
	assert_int_equal(pieces, 3);
	assert_string_equal(tally_row(done, 0, &times), "pruned rows of cards");
	assert_int_equal(times, 3000);
	assert_null(tally_row(done, 1, &times));
	tally_free(&done);
	destination_free(&there);
}

static void a_plugin_that_is_not_there_is_named(void **state)
{
	struct why why = { "" };
	assert_null(begin("nothing", &why));
	assert_non_null(strstr(why.text, "sink local: "));
	assert_non_null(strstr(why.text, "nothing.so"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_old_sink_is_not_given_what_it_does_not_know),
		cmocka_unit_test(the_sentence_names_table_sink_and_versions),
		cmocka_unit_test(a_call_is_handed_all_tables),
		cmocka_unit_test(a_call_that_fails_says_whose_it_was),
		cmocka_unit_test(rows_come_page_by_page),
		cmocka_unit_test(who_is_away_is_asked_again_with_the_same),
		cmocka_unit_test(who_asks_for_much_time_is_not_waited_for),
		cmocka_unit_test(what_was_kept_up_is_counted_by_a_sentence),
		cmocka_unit_test(a_plugin_that_is_not_there_is_named),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
