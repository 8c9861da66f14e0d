/* SPDX-License-Identifier: Apache-2.0 */
/* schema_fuzz.c - any text as a schema file, any JSON as its rows.
 *
 * "SCHEMA %% LF JSON": a schema that loads is shown, and what is shown loads and
 * is shown the same; each table is offered the JSON as an event.
 */
#include "flow/schema.h"
#include "fuzz.h"

static void check_row(const struct schema *schema, const struct sl_table *table, const struct sl_json *data)
{
	struct arena *arena = arena_new();
	struct why why = { "" };
	struct sl_event event = { .source = "boards", .id = "e1", .type = table->name, .subject = "s" };
	event.time = event.received = 1700000000123;
	event.data = sl_json_raw(data);
	static const char *const modes[] = { NULL, "append", "once", "upsert", "patch", "replace", "delete" };
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		struct sl_row row = { 0 };
		event.mode = modes[i];
		if (schema_row(schema, &event, data, &event, 0, 1700000000789, arena, &row, &why))
			must(row.table != NULL, "a row has a table");
		else
			must(*why.text != '\0', "what is no row is told why");
	}
	arena_free(&arena);
}

static void shown_again(const struct schema *schema)
{
	struct buf first = { 0 }, second = { 0 };
	struct why why = { "" };
	schema_show(schema, &first);
	const char *path = fuzz_put("shown.yaml", (struct sl_text){ first.at, first.len });
	struct schema *again = schema_load(path, NULL, "sqlite", &why);
	if (!again)
		fprintf(stderr, "%.*s\n", (int)first.len, first.at);
	must_why(again != NULL, "a schema that is shown can be loaded", &why);
	schema_show(again, &second);
	must(first.len == second.len && memcmp(first.at, second.at, first.len) == 0, "and is shown the same");
	schema_free(&again);
	buf_free(&first);
	buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = feed_of(data, size);
	struct sl_text text = feed_until(&feed, "%%\n");
	struct sl_document *document = sl_json_read(feed_rest(&feed), NULL, 0);
	static const char *const dialects[] = { "sqlite", "postgres", NULL };
	const char *path = fuzz_put("schema.yaml", text);
	for (size_t i = 0; i < 3; i++) {
		struct why why = { "" };
		size_t count;
		struct schema *schema = schema_load(path, NULL, dialects[i], &why);
		must(schema || *why.text, "what is no schema is told why");
		const struct sl_table *const *tables = schema ? schema_tables(schema, &count) : NULL;
		for (size_t k = 0; schema && document && k < count; k++)
			check_row(schema, tables[k], sl_json_root(document));
		if (schema && i == 0)
			shown_again(schema);
		schema_free(&schema);
	}
	sl_json_free(&document);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_begin();
	return 0;
}
