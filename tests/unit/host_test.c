/* SPDX-License-Identifier: Apache-2.0 */
/* host_test.c - C plugins: what is refused at load, and how calls end. */
#include "base/clock.h"
#include "script.h"

static const char *plugin_path(const char *name)
{
	static char path[512];
	const char *build = getenv("SLUICE_BUILD");
	snprintf(path, sizeof(path), "%s/tests/plugins/%s.so", build ? build : ".", name);
	return path;
}

static const char *refusal(const char *name)
{
	static struct why why;
	struct plugin *plugin = plugin_load(plugin_path(name), &why);
	assert_null(plugin);
	assert_non_null(strstr(why.text, name));
	return why.text;
}

#define assert_says(text, part) \
	do { \
		if (!strstr(text, part)) \
			fail_msg("\"%s\" does not say \"%s\"", text, part); \
	} while (0)

/* -------------------------------------------------------------------- at load */

static void another_interface_is_refused_with_both_versions(void **state)
{
	assert_says(refusal("abi_old"), "built for plugin interface 0.3, this engine has 1.3");
	assert_says(refusal("abi_old"), "compile it again");
	assert_says(refusal("abi_new"), "built for plugin interface 1.10, this engine has only 1.3");
	assert_says(refusal("abi_new"), "update the engine");
	assert_says(refusal("wrong_size"), "40 bytes");
}

static void what_is_no_plugin_is_refused(void **state)
{
	struct why why;
	assert_says(refusal("no_symbol"), "no symbol sl_plugin");
	assert_says(refusal("no_steps"), "offers nothing");
	assert_null(plugin_load(script_write("text.so", "not a shared object"), &why));
	assert_says(why.text, "cannot be loaded");
	assert_null(plugin_load(script_write("plugin.py", "x"), &why));
	assert_says(why.text, ".so or .lua");
	assert_null(plugin_load("/nowhere/at/all.so", &why));
	assert_says(why.text, "No such file");
}

static void an_inconsistent_table_is_refused(void **state)
{
	assert_says(refusal("option_outside"), "option number lies outside its options struct of 8 bytes");
	assert_says(refusal("option_twice"), "word");
	assert_says(refusal("option_overlap"), "options word and other share one field");
	assert_says(refusal("option_endless"), "does it end with a row without a name");
	assert_says(refusal("webhook_secret"), "no option of type secret");
	assert_says(refusal("webhook_selector"), "\"/action/id\"");
}

static void an_api_that_cannot_be_is_refused(void **state)
{
	assert_says(refusal("api_base"), "begins with https://");
	assert_says(refusal("api_placeholder"), "there is no option token");
	assert_says(refusal("api_window"), "5 requests in no window");
}

static void a_plugin_of_the_first_minor_version_runs(void **state)
{
	const struct host_settings settings = { .loop = &script_loop };
	struct why why = { 0 };
	struct plugin *plugin = plugin_load(plugin_path("minor_zero"), &why);
	assert_string_equal(why.text, "");
	assert_null(plugin->face->api);
	assert_null(plugin->face->hooks);
	struct instance *instance = instance_new(&settings, plugin, "old", NULL, &why);
	struct call *call = call_new(instance, STEP_TRANSFORM);
	assert_int_equal(call_run(call, NULL, NULL), SL_DONE);
	assert_string_equal(call->dropped, "seen");
	call_free(&call);
	instance_free(&instance);
	plugin_free(&plugin);
}

static void a_plugin_of_the_second_is_read_no_further_than_it_goes(void **state)
{
	static const struct sl_event event = { .source = "boards", .id = "1", .type = "card", .run = "run-7" };
	const struct host_settings settings = { .loop = &script_loop };
	struct why why = { 0 };
	struct plugin *plugin = plugin_load(plugin_path("minor_one"), &why);
	assert_string_equal(why.text, "");
	assert_null(plugin->face->schema);
	assert_null(plugin->face->upkeep);
	assert_int_equal(plugin->face->webhook->status, 202);
	assert_null(plugin->face->webhook->same);
	assert_false(plugin->face->webhook->notice);
	assert_null(plugin->face->webhook->scope);
	assert_int_equal(plugin->face->api->at_once, 7);
	assert_false(plugin->face->api->points_flow);
	struct instance *instance = instance_new(&settings, plugin, "old", NULL, &why);
	struct call *call = call_new(instance, STEP_TRANSFORM);
	call->pub.event = &event;
	assert_int_equal(call_run(call, NULL, NULL), SL_DONE);
	assert_string_equal(call->emitted[0].event.type, "seen");
	assert_string_equal(call->emitted[0].event.run, "run-7");
	call_free(&call);
	instance_free(&instance);
	plugin_free(&plugin);
}

static void a_plugin_describes_itself(void **state)
{
	struct why why;
	struct buf out = { 0 };
	struct plugin *plugin = plugin_load(plugin_path("steps"), &why);
	assert_non_null(plugin);
	plugin_describe(plugin, &out);
	struct sl_document *document = sl_json_read((struct sl_text){ out.at, out.len }, NULL, 0);
	const struct sl_json *root = sl_json_root(document);
	assert_string_equal(sl_json_string(sl_json_at(root, "/name")).at, "steps");
	assert_string_equal(sl_json_string(sl_json_at(root, "/options/0/name")).at, "greeting");
	assert_string_equal(sl_json_string(sl_json_at(root, "/steps/0")).at, "transform");
	assert_string_equal(sl_json_string(sl_json_at(root, "/steps/1")).at, "deliver");
	sl_json_free(&document);
	buf_free(&out);
	plugin_free(&plugin);
}

static void a_plugin_describes_how_it_asks(void **state)
{
	struct why why;
	struct buf out = { 0 };
	struct plugin *plugin = plugin_load(plugin_path("asks"), &why);
	plugin_describe(plugin, &out);
	assert_says(out.at, "\"steps\":[\"transform\",\"deliver\",\"hooks\"]");
	assert_says(out.at, "\"api\":{\"base\":\"http://{host}:{port}/v1\",\"headers\":[\"Authorization: Bearer {token}\","
			    "\"X-Kind: plain\"],\"query\":[[\"key\",\"{token}\"]],\"credential\":\"{token}\","
			    "\"requests\":100,\"window\":10000}");
	assert_says(out.at, "\"every_ms\":60000");
	buf_free(&out);
	plugin_free(&plugin);
}

/* ----------------------------------------------------------------------- calls */

static struct page page;

static struct instance *instance_of(const char *name, const char *options, bool virtual_clock)
{
	const struct host_settings settings = { .loop = &script_loop, .page = &page, .virtual_clock = virtual_clock };
	struct why why = { 0 };
	struct plugin *plugin = plugin_load(plugin_path(name), &why);
	struct sl_document *document = options ? sl_json_read((struct sl_text){ options, strlen(options) }, NULL, 0) : NULL;
	if (!plugin)
		fail_msg("%s", why.text);
	struct instance *instance = instance_new(&settings, plugin, name, sl_json_root(document), &why);
	if (!instance)
		fail_msg("%s", why.text);
	sl_json_free(&document);
	plugin_free(&plugin); /* the instance holds it */
	return instance;
}

static struct instance *steps(const char *options)
{
	return instance_of("steps", options, false);
}

static struct call *start(struct instance *instance, const char *type, bool *finished)
{
	struct call *call = call_new(instance, STEP_TRANSFORM);
	struct sl_event *event = arena_alloc(call->arena, sizeof(*event));
	*event = (struct sl_event){
		.source = "s",
		.id = "e1",
		.type = type,
		.subject = "c1",
		.time = 5,
		.received = 6,
		.data = { "{\"card\":{\"id\":7}}", 17 },
	};
	event->json = emitted_json(call, &(struct emitted){ .event = *event }, NULL);
	call->pub.event = event;
	*finished = call_run(call, script_finished, finished) != SL_WAIT;
	return call;
}

static struct call *end(struct instance *instance, const char *type)
{
	bool finished;
	struct call *call = start(instance, type, &finished);
	while (!finished)
		uv_run(&script_loop, UV_RUN_ONCE);
	return call;
}

static void what_is_emitted_is_a_copy_and_inherits(void **state)
{
	struct instance *instance = steps("{\"greeting\":\"good day\",\"times\":3}");
	struct call *call = end(instance, "greet");
	assert_int_equal(call->outcome, SL_DONE);
	assert_int_equal(call->emitted_count, 3);
	const struct sl_event *event = &call->emitted[2].event;
	assert_string_equal(event->data.at, "{\"greeting\":\"good day\",\"number\":2}");
	assert_string_equal(event->type, "greetings");
	assert_string_equal(event->id, "e1");
	assert_string_equal(event->subject, "c1");
	assert_int_equal(event->time, 5);
	struct why why;
	assert_non_null(emitted_json(call, &call->emitted[2], &why));
	call_free(&call);
	instance_free(&instance);
}

static void a_part_of_the_document_is_passed_on(void **state)
{
	struct instance *instance = steps(NULL);
	struct call *call = end(instance, "pass");
	assert_int_equal(call->emitted_count, 2);
	assert_string_equal(call->emitted[0].event.data.at, "{\"id\":7}");
	assert_string_equal(call->emitted[1].event.data.at, "{\"card\":{\"id\":7}}");
	assert_string_equal(call->emitted[1].event.type, "pass");
	call_free(&call);
	instance_free(&instance);
}

static void waits_go_on_where_they_say(void **state)
{
	struct instance *instance = steps(NULL);
	struct call *call = end(instance, "nap");
	assert_int_equal(call->outcome, SL_DONE);
	assert_int_equal(call->emitted_count, 1);
	call_free(&call);
	call = end(instance, "work");
	assert_int_equal(call->outcome, SL_DONE);
	assert_int_equal(call->emitted_count, 1);
	call_free(&call);
	instance_free(&instance);
}

static void ends_are_told_with_their_reasons(void **state)
{
	static const struct {
		const char *type;
		enum sl_outcome outcome;
		const char *why, *dropped;
	} ends[] = {
		{ "drop", SL_DONE, "", "not for us" },
		{ "nothing", SL_DONE, "", "nothing was emitted" },
		{ "refuse", SL_FAIL, "e1 is no card", NULL },
		{ "later", SL_RETRY, "come back later", NULL },
		{ "mute", SL_FAIL, "steps gave no reason", NULL },
		{ "wrong wait", SL_FAIL, "the plugin is wrong: its transform step returned SL_WAIT, but there is nothing to wait for", NULL },
		{ "wrong done", SL_FAIL, "the plugin is wrong: its transform step asked for a wait and did not return it", NULL },
		{ "wrong number", SL_FAIL, "the plugin is wrong: its transform step returned what is no outcome", NULL },
	};
	struct instance *instance = steps(NULL);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct call *call = end(instance, ends[i].type);
		assert_int_equal(call->outcome, ends[i].outcome);
		assert_string_equal(call->why.text, ends[i].why);
		assert_int_equal(call->emitted_count, 0);
		if (ends[i].dropped)
			assert_string_equal(call->dropped, ends[i].dropped);
		else
			assert_null(call->dropped);
		assert_int_equal(call->retry_after, ends[i].outcome == SL_RETRY ? 1500 : 0);
		call_free(&call);
	}
	instance_free(&instance);
}

static void a_call_may_be_freed_while_it_waits(void **state)
{
	bool finished[3];
	struct instance *instance = steps(NULL);
	struct call *nap = start(instance, "nap", &finished[0]), *work = start(instance, "work", &finished[1]);
	struct call *other = start(instance, "work", &finished[2]);
	call_free(&nap);
	call_free(&work);
	while (!finished[2])
		uv_run(&script_loop, UV_RUN_ONCE);
	assert_false(finished[0] || finished[1]);
	assert_int_equal(other->outcome, SL_DONE);
	call_free(&other);
	work = start(instance, "work", &finished[1]);
	call_free(&work);
	instance_free(&instance); /* its plugin stays until the work is back */
	uv_run(&script_loop, UV_RUN_DEFAULT);
	assert_false(finished[1]);
}

/* ----------------------------------------------------------------- since 1.1 */

static struct call *asking(struct instance *instance, const char *json, bool *finished)
{
	struct call *call = call_new(instance, STEP_TRANSFORM);
	struct sl_event *event = arena_alloc(call->arena, sizeof(*event));
	event->data = (struct sl_text){ json, strlen(json) };
	event->json = emitted_json(call, &(struct emitted){ .event = *event }, NULL);
	call->pub.event = event;
	*finished = call_run(call, script_finished, finished) != SL_WAIT;
	return call;
}

static void assert_watch(struct instance *instance, const char *json, const char *expected)
{
	bool finished;
	struct call *call = asking(instance, json, &finished);
	while (!finished)
		uv_run(&script_loop, UV_RUN_ONCE);
	assert_string_equal(call->outcome == SL_DONE ? call->emitted->event.data.at : call->why.text, expected);
	call_free(&call);
}

static void a_descriptor_is_watched(void **state)
{
	struct instance *instance = instance_of("asks", NULL, false);
	bool finished;
	assert_watch(instance, "{\"watch\":\"write\"}", "[1,\"x\"]");
	assert_watch(instance, "{\"watch\":\"silence\"}", "[0,\"-\"]");
	assert_watch(instance, "{\"watch\":\"nothing\"}", "it cannot watch descriptor -1: bad file descriptor");
	struct call *call = asking(instance, "{\"watch\":\"silence\"}", &finished);
	call_free(&call);
	uv_run(&script_loop, UV_RUN_DEFAULT);
	assert_false(finished);
	instance_free(&instance);
}

static void http_without_a_net_is_told(void **state)
{
	struct instance *instance = instance_of("asks", NULL, false);
	assert_watch(instance, "{\"url\":\"/cards\"}", "it asks for HTTP, which is not to be had here");
	instance_free(&instance);
}

static void a_virtual_clock_runs_ahead(void **state)
{
	struct instance *instance = instance_of("steps", NULL, true);
	int64_t began = clock_ticks();
	instance_set_clock(instance, 1000);
	struct call *call = end(instance, "long nap");
	assert_int_equal(call->outcome, SL_DONE);
	assert_int_equal(call_clock(call), 3601000);
	assert_true(clock_ticks() - began < 60000);
	call_free(&call);
	instance_free(&instance);
}

static void hooks_are_a_step(void **state)
{
	struct instance *instance = instance_of("asks", NULL, false);
	struct call *call = call_new(instance, STEP_HOOKS);
	call->pub.verb = "list";
	assert_int_equal(call_run(call, NULL, NULL), SL_FAIL);
	assert_string_equal(call->why.text, "list nowhere");
	call_free(&call);
	instance_free(&instance);
}

static const struct sl_column number_column = { .name = "number", .type = SL_COLUMN_INT, .key = 1 };
static const struct sl_column *const number_columns[] = { &number_column, NULL };
static const struct sl_table numbers = { .name = "numbers", .columns = number_columns, .column_count = 1 };
static const struct sl_row number_row = { .table = &numbers };

static void a_sink_says_how_its_tables_differ(void **state)
{
	static const struct sl_table *const tables[] = { &numbers };
	struct instance *instance = instance_of("tends", NULL, false);
	struct call *call = call_new(instance, STEP_SCHEMA);
	call->pub.tables = tables;
	call->pub.table_count = 1;
	call->pub.verb = "diff";
	assert_int_equal(call_run(call, NULL, NULL), SL_DONE);
	assert_int_equal(call->emitted_count, 1);
	assert_string_equal(call->emitted[0].event.type, "add table");
	assert_string_equal(call->emitted[0].event.data.at, "{\"table\":\"numbers\",\"safe\":true}");
	call_free(&call);
	instance_free(&instance);
}

static void upkeep_says_whether_there_is_more(void **state)
{
	struct instance *instance = instance_of("tends", "{\"due\":2}", false);
	for (int i = 0; i < 3; i++) {
		struct call *call = call_new(instance, STEP_UPKEEP);
		assert_int_equal(call_run(call, NULL, NULL), SL_DONE);
		assert_int_equal(call->advanced != NULL, i == 0);
		assert_int_equal(call->emitted_count, i < 2);
		call_free(&call);
	}
	instance_free(&instance);
}

static void rows_are_recalled_by_the_page(void **state)
{
	static const struct sl_row *const rows[] = { &number_row };
	static const struct page_of {
		const char *cursor, *next;
		size_t count;
	} pages[] = { { NULL, "2", 2 }, { "2", "4", 2 }, { "4", NULL, 1 } };
	struct instance *instance = instance_of("tends", NULL, false);
	for (size_t i = 0; i < 3; i++) {
		struct call *call = call_new(instance, STEP_RECALL);
		call->pub.rows = rows;
		call->pub.row_count = 1;
		call->pub.most = 2;
		call->pub.cursor = pages[i].cursor;
		assert_int_equal(call_run(call, NULL, NULL), SL_DONE);
		assert_int_equal(call->emitted_count, pages[i].count);
		assert_int_equal(call->emitted[0].cells[0].number, (int64_t)i * 2 + 1);
		assert_int_equal(call->advanced == NULL, pages[i].next == NULL);
		if (call->advanced)
			assert_string_equal(call->advanced, pages[i].next);
		call_free(&call);
	}
	instance_free(&instance);
}

static void deliver_numbers(struct instance *instance, const struct sl_row *row)
{
	const struct sl_row *const rows[] = { &number_row, row };
	struct call *call = call_new(instance, STEP_DELIVER);
	call->pub.rows = rows;
	call->pub.row_count = 2;
	call_run(call, NULL, NULL);
	call_free(&call);
}

/* What a sink with transactions did not write did not happen. */
static void what_was_mended_is_counted_once_it_is_written(void **state)
{
	static const struct sl_row bad = { .table = &numbers, .idempotency = "bad" };
	struct instance *instance = instance_of("tends", NULL, false);
	struct buf out = { 0 };
	deliver_numbers(instance, &number_row);
	deliver_numbers(instance, &bad);
	deliver_numbers(instance, &number_row);
	tally_json(instance_tally(instance), &out);
	assert_string_equal(out.at, "{\"rows were seen\":4}");
	buf_free(&out);
	instance_free(&instance);
}

#define CELL_TEXT(value) \
	{ \
		.kind = SL_CELL_TEXT, .text = { value, sizeof(value) - 1 } \
	}

static void rows_are_written_as_json(void **state)
{
	static const struct sl_column columns[] = {
		{ .name = "name", .type = SL_COLUMN_TEXT },       { .name = "count", .type = SL_COLUMN_INT },
		{ .name = "price", .type = SL_COLUMN_DECIMAL },   { .name = "open", .type = SL_COLUMN_BOOL },
		{ .name = "at", .type = SL_COLUMN_TIMESTAMP },    { .name = "day", .type = SL_COLUMN_DATE },
		{ .name = "labels", .type = SL_COLUMN_JSON },     { .name = "note", .type = SL_COLUMN_TEXT },
		{ .name = "missing", .type = SL_COLUMN_TEXT },
	};
	static const struct sl_column *const list[] = { &columns[0], &columns[1], &columns[2], &columns[3], &columns[4],
		&columns[5], &columns[6], &columns[7], &columns[8], NULL };
	static const struct sl_table table = { .name = "cards", .columns = list, .column_count = 9 };
	static const struct sl_cell cells[] = { CELL_TEXT("a \"b\""), { SL_CELL_INT, 9007199254740993, { 0 } },
		CELL_TEXT("45.00"), { SL_CELL_INT, 1, { 0 } }, { SL_CELL_INT, 1700000000123000, { 0 } },
		{ SL_CELL_INT, 19675, { 0 } }, CELL_TEXT("[\"x\"]"), { .kind = SL_CELL_NULL }, { .kind = SL_CELL_NONE } };
	static const struct sl_event event = { .data = { "{\"id\":7}", 8 } };
	static const struct sl_row full = { .table = &table, .cells = cells, .event = &event }, bare = { .event = &event };
	static const struct sl_row *const rows[] = { &full, &bare };
	struct instance *instance = instance_of("asks", NULL, false);
	struct call *call = call_new(instance, STEP_DELIVER);
	call->pub.rows = rows;
	call->pub.row_count = 2;
	assert_int_equal(call_run(call, NULL, NULL), SL_DONE);
	assert_string_equal(call->emitted[0].event.data.at,
		"{\"name\":\"a \\\"b\\\"\",\"count\":9007199254740993,\"price\":45.00,\"open\":true,"
		"\"at\":\"2023-11-14T22:13:20.123Z\",\"day\":\"2023-11-14\",\"labels\":[\"x\"],\"note\":null}");
	assert_string_equal(call->emitted[1].event.data.at, "{\"id\":7}");
	call_free(&call);
	instance_free(&instance);
}

/* -------------------------------------------------------------------- the rest */

static void rows_are_settled_one_by_one(void **state)
{
	static const struct sl_row row;
	static const struct sl_row *const rows[] = { &row, &row, &row };
	struct instance *instance = steps(NULL);
	struct call *call = call_new(instance, STEP_DELIVER);
	call->pub.rows = rows;
	call->pub.row_count = 3;
	assert_int_equal(call_run(call, NULL, NULL), SL_RETRY);
	assert_int_equal(call->settled[0].outcome, SL_WAIT); /* nothing was said of it */
	assert_int_equal(call->settled[1].outcome, SL_FAIL);
	assert_string_equal(call->settled[1].why, "row 1 is no good");
	assert_int_equal(call->settled[2].outcome, SL_RETRY);
	call_free(&call);
	instance_free(&instance);
}

static void the_page_names_what_ran(void **state)
{
	struct instance *instance = steps(NULL);
	struct call *call = end(instance, "nothing");
	assert_string_equal(page.call_name, "steps");
	assert_int_equal(atomic_load(&page.call_seq), 0);
	assert_int_equal(atomic_load(&page.call_step), STEP_NONE);
	call_free(&call);
	instance_free(&instance);
}

static void an_instance_closes_its_state(void **state)
{
	int closed = 0;
	struct instance *instance = steps(NULL);
	struct call *call = call_new(instance, STEP_TRANSFORM);
	*(int **)call->pub.state = &closed;
	call_free(&call);
	instance_free(&instance);
	assert_int_equal(closed, 1);
}

static void a_wrong_value_is_told(void **state)
{
	const struct host_settings settings = { .loop = &script_loop };
	struct why why;
	struct plugin *plugin = plugin_load(plugin_path("steps"), &why);
	struct sl_document *values = sl_json_read((struct sl_text){ "{\"times\":\"often\"}", 17 }, NULL, 0);
	assert_null(instance_new(&settings, plugin, "greeter", sl_json_root(values), &why));
	assert_says(why.text, "greeter");
	assert_says(why.text, "times");
	sl_json_free(&values);
	plugin_free(&plugin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_interface_is_refused_with_both_versions),
		cmocka_unit_test(what_is_no_plugin_is_refused),
		cmocka_unit_test(an_inconsistent_table_is_refused),
		cmocka_unit_test(an_api_that_cannot_be_is_refused),
		cmocka_unit_test(a_plugin_of_the_first_minor_version_runs),
		cmocka_unit_test(a_plugin_of_the_second_is_read_no_further_than_it_goes),
		cmocka_unit_test(a_plugin_describes_itself),
		cmocka_unit_test(a_plugin_describes_how_it_asks),
		cmocka_unit_test(what_is_emitted_is_a_copy_and_inherits),
		cmocka_unit_test(a_part_of_the_document_is_passed_on),
		cmocka_unit_test(waits_go_on_where_they_say),
		cmocka_unit_test(ends_are_told_with_their_reasons),
		cmocka_unit_test(a_call_may_be_freed_while_it_waits),
		cmocka_unit_test(a_descriptor_is_watched),
		cmocka_unit_test(http_without_a_net_is_told),
		cmocka_unit_test(a_virtual_clock_runs_ahead),
		cmocka_unit_test(hooks_are_a_step),
		cmocka_unit_test(rows_are_written_as_json),
		cmocka_unit_test(a_sink_says_how_its_tables_differ),
		cmocka_unit_test(upkeep_says_whether_there_is_more),
		cmocka_unit_test(rows_are_recalled_by_the_page),
		cmocka_unit_test(what_was_mended_is_counted_once_it_is_written),
		cmocka_unit_test(rows_are_settled_one_by_one),
		cmocka_unit_test(the_page_names_what_ran),
		cmocka_unit_test(an_instance_closes_its_state),
		cmocka_unit_test(a_wrong_value_is_told),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
