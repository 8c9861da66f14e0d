/* SPDX-License-Identifier: Apache-2.0 */
/* route_snapshot_test.c - a route and a log in which snapshots' runs lie as the test wrote them; the sink is SQLite. */
#include "process_bed.h"

#include <sqlite3.h>

#include "base/line.h"
#include "flow/route.h"
#include "store/log.h"

struct bed {
	struct process route;
	struct log *log;
	char folder[64], seen[200]; /* what was asked for last */
	int run;                    /* the newest, by its number */
};

static const char schema[] =
	"help: Products.\n"
	"tables:\n"
	"  products:\n"
	"    mode: upsert\n"
	"    key: [sku]\n"
	"    snapshot: { source: shop, least: 2 }\n"
	"    columns: { sku: text, run: text }\n"
	"  sluice_sync:\n"
	"    mode: upsert\n"
	"    key: [run]\n"
	"    columns: { run: text, state: text, events: int }\n";

/* `mood` is what the file says: what is to become of products whose sku begins with x. */
static const char mapping[] =
	"return { summary = 'Products.', options = { { 'mood', 'text' } }, transform = function(event, opt)\n"
	"  local sku = event.data.sku\n"
	"  if sku:find('^x') and opt.mood == 'fail' then return fail('bad') end\n"
	"  if sku:find('^x') and opt.mood == 'retry' then return retry('later', 1) end\n"
	"  emit { type = 'products', data = { sku = sku, run = event.run:match('%d+$') } }\n"
	"end }\n";

/* ------------------------------------------------------------------- the log */

static void log_add(struct bed *bed, const char *form, ...)
{
	struct buf body = { 0 };
	struct why why = { "" };
	char text[600];
	va_list values;
	va_start(values, form);
	vsnprintf(text, sizeof(text), form, values);
	va_end(values);
	buf_format(&body, "%s", text);
	log_append(bed->log, &(struct log_record){ .received = clock_wall(), .source = { "shop", 4 }, .flags = LOG_EVENT,
		.body = { body.at, body.len } });
	struct log_batch *batch = log_take(bed->log);
	if (!log_write(bed->log, batch, &why))
		fail_msg("%s", why.text);
	log_done(bed->log, &batch);
	buf_free(&body);
}

/* The run of this number tells of its begin or end. */
static void tells(struct bed *bed, int run, const char *state, int events)
{
	log_add(bed, "{\"id\":\"sync-r-%d-%s\",\"type\":\"sluice.sync\",\"run\":\"r-%d\",\"time\":%d,\"data\":"
		"{\"run\":\"r-%d\",\"source\":\"shop\",\"kind\":\"snapshot\",\"state\":\"%s\","
		"\"began\":\"2026-01-01T00:00:%02dZ\",\"events\":%d}}", run, state, run,
		run * 2 + (*state == 'f'), run, state, run, events);
}

static void product(struct bed *bed, int run, const char *sku)
{
	log_add(bed, "{\"id\":\"%s#r-%d\",\"type\":\"product\",\"run\":\"r-%d\",\"data\":{\"sku\":\"%s\"}}", sku, run,
		run, sku);
}

static void products(struct bed *bed, int run, int count)
{
	for (int i = 0; i < count; i++) {
		char sku[16];
		snprintf(sku, sizeof(sku), "p%d", i);
		product(bed, run, sku);
	}
}

static void whole_run(struct bed *bed, int run, int count)
{
	tells(bed, run, "started", 0);
	products(bed, run, count);
	tells(bed, run, "finished", count);
}

/* ------------------------------------------------------------------- the bed */

static void write_file(const struct bed *bed, const char *name, const char *text)
{
	char path[100];
	snprintf(path, sizeof(path), "%s/%s", bed->folder, name);
	FILE *file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
}

static int fresh(void **state)
{
	struct bed *bed = *state = calloc(1, sizeof(*bed));
	struct why why = { "" };
	char path[100];
	line_setup("test", NULL, SL_ERROR);
	strcpy(bed->folder, "/tmp/snapshot_test.XXXXXX");
	assert_non_null(mkdtemp(bed->folder));
	write_file(bed, "products.yaml", schema);
	write_file(bed, "products.lua", mapping);
	snprintf(path, sizeof(path), "%s/log", bed->folder);
	bed->log = log_open(path, &(struct log_options){ .size = 1 << 28, .keep = 1000000, .segment = 1 << 20 }, 0, &why);
	if (!bed->log)
		fail_msg("%s", why.text);
	return 0;
}

static int gone(void **state)
{
	struct bed *bed = *state;
	char command[128];
	kill_process(&bed->route);
	log_close(&bed->log);
	snprintf(command, sizeof(command), "rm -rf %s", bed->folder);
	assert_int_equal(system(command), 0);
	free(bed);
	return 0;
}

static void begin_route(struct bed *bed, const char *mood)
{
	const char *build = getenv("SLUICE_BUILD");
	struct buf part = { 0 };
	assert_non_null(build);
	spawn_process(&bed->route, route_main, "products", -1);
	buf_format(&part, "{\"do\":\"start\",\"master\":%d,\"route\":\"products\",\"data\":\"%s\",\"log_level\":\"error\","
		"\"net\":{},\"sources\":[{\"name\":\"shop\",\"webhook\":null,\"snapshot\":true,\"options\":{}}],"
		"\"transforms\":[{\"name\":\"products\",\"plugin\":\"%s/products.lua\",\"options\":{\"mood\":\"%s\"}}],"
		"\"sink\":{\"name\":\"local\",\"plugin\":\"%s/share/sluice/plugins/sqlite/sqlite.so\","
		"\"options\":{\"path\":\"%s/w.db\"},\"schema\":{\"file\":\"%s/products.yaml\",\"options\":{}}},"
		"\"retry\":{\"attempts\":1000,\"first\":50,\"most\":100},\"start\":\"oldest\"}", getpid(), bed->folder,
		bed->folder, mood, build, bed->folder, bed->folder);
	say_to(bed->route.channel, part.at);
	buf_free(&part);
	expect_message(&bed->route, "\"ready\"");
}

static void end_route(struct bed *bed)
{
	stop_process(&bed->route);
}

/* The answer, as text. */
static const char *ask(struct bed *bed, const char *what)
{
	char message[400];
	snprintf(message, sizeof(message), "{\"do\":\"ask\",\"id\":9,\"what\":%s}", what);
	say_to(bed->route.channel, message);
	expect_message(&bed->route, "\"answer\"");
	return bed->route.heard.at;
}

/* ------------------------------------------------------------------- the table */

/* "1 x5": the only cell, or what went wrong. */
static const char *cell(struct bed *bed, const char *sql)
{
	char path[100];
	sqlite3 *file;
	sqlite3_stmt *row = NULL;
	snprintf(path, sizeof(path), "%s/w.db", bed->folder);
	sqlite3_open_v2(path, &file, SQLITE_OPEN_READWRITE, NULL);
	sqlite3_busy_timeout(file, 5000);
	sqlite3_prepare_v2(file, sql, -1, &row, NULL);
	bool is = row && sqlite3_step(row) == SQLITE_ROW && sqlite3_column_type(row, 0) != SQLITE_NULL;
	snprintf(bed->seen, sizeof(bed->seen), "%s", is ? (const char *)sqlite3_column_text(row, 0) : "");
	sqlite3_finalize(row);
	sqlite3_close(file);
	return bed->seen;
}

static void expect_cell(struct bed *bed, const char *sql, const char *wanted)
{
	int64_t until = clock_ticks() + PATIENCE;
	while (strcmp(cell(bed, sql), wanted) != 0 && clock_ticks() < until)
		usleep(5000);
	assert_string_equal(cell(bed, sql), wanted);
}

/* Which run's rows the table holds, and how many: "3x10"; of a mixture there are more. */
#define TABLE "SELECT group_concat(was, ' ') FROM (SELECT run || 'x' || count(*) AS was FROM products GROUP BY run)"
#define STATES "SELECT group_concat(state, ' ') FROM (SELECT state FROM sluice_sync ORDER BY run)"
#define DEAD \
	"SELECT group_concat(event_id || ': ' || substr(reason, 1, 30), '; ') FROM _sluice_open WHERE state = 'dead'"
#define CURSOR "SELECT cursor FROM _sluice_routes"
#define WAITING "SELECT count(*) FROM _sluice_open WHERE state = 'waiting'"

static void expect_passed(struct bed *bed)
{
	char end[24];
	struct log_stat stat;
	log_stat(bed->log, &stat);
	snprintf(end, sizeof(end), "%llu", (unsigned long long)stat.end);
	expect_cell(bed, CURSOR, end);
}

/* ----------------------------------------------------------------------- tests */

static void a_run_takes_the_place_of_the_one_before(void **state)
{
	struct bed *bed = *state;
	whole_run(bed, 1, 10);
	begin_route(bed, "well");
	expect_cell(bed, TABLE, "1x10");
	whole_run(bed, 2, 7);
	expect_cell(bed, TABLE, "2x7");
	expect_cell(bed, STATES, "finished finished");
	assert_string_equal(cell(bed, DEAD), "");
	end_route(bed);
}

/* Each is in its place before the next begins: the last one that ended stays, whatever came after. */
static void runs_that_lie_in_one_batch_come_one_after_the_other(void **state)
{
	struct bed *bed = *state;
	for (int run = 1; run < 20; run++)
		whole_run(bed, run, run + 1);
	tells(bed, 20, "started", 0);
	products(bed, 20, 5);
	begin_route(bed, "well");
	expect_passed(bed);
	assert_string_equal(cell(bed, TABLE), "19x20");
	products(bed, 20, 8);
	tells(bed, 20, "finished", 13);
	expect_cell(bed, TABLE, "20x8");
	end_route(bed);
}

static void an_end_waits_for_what_is_tried_again(void **state)
{
	struct bed *bed = *state;
	whole_run(bed, 1, 4);
	tells(bed, 2, "started", 0);
	product(bed, 2, "x1");
	products(bed, 2, 3);
	tells(bed, 2, "finished", 4);
	begin_route(bed, "retry");
	expect_cell(bed, WAITING, "2");
	assert_string_equal(cell(bed, TABLE), "1x4");
	kill_process(&bed->route);
	begin_route(bed, "well");
	expect_cell(bed, TABLE, "2x4");
	expect_cell(bed, WAITING, "0");
	end_route(bed);
}

static void a_later_begin_makes_an_end_that_waits_moot(void **state)
{
	struct bed *bed = *state;
	whole_run(bed, 1, 4);
	tells(bed, 2, "started", 0);
	product(bed, 2, "x1");
	tells(bed, 2, "finished", 1);
	begin_route(bed, "retry");
	expect_cell(bed, WAITING, "2");
	whole_run(bed, 3, 6);
	expect_cell(bed, TABLE, "3x6");
	expect_cell(bed, WAITING, "1");
	assert_non_null(strstr(ask(bed, "\"stand\""), "\"a snapshot's run, and a later one has begun\":1"));
	end_route(bed);
}

static void an_end_dies_with_its_dead_and_can_be_retried(void **state)
{
	struct bed *bed = *state;
	whole_run(bed, 1, 4);
	tells(bed, 2, "started", 0);
	product(bed, 2, "x1");
	product(bed, 2, "x2");
	products(bed, 2, 3);
	tells(bed, 2, "finished", 5);
	begin_route(bed, "fail");
	expect_cell(bed, "SELECT count(*) FROM _sluice_open WHERE state = 'dead'", "3");
	assert_string_equal(cell(bed, "SELECT substr(reason, 1, 47) FROM _sluice_open WHERE type = 'sluice.sync'"),
		"2 of the events of its run are dead letters: no");
	assert_string_equal(cell(bed, TABLE), "1x4");
	end_route(bed);
	begin_route(bed, "well");
	assert_non_null(strstr(ask(bed, "\"dead retry\",\"reason\":\"of the events of its run\""), "\"ok\":true"));
	expect_cell(bed, "SELECT count(*) FROM _sluice_open WHERE state = 'dead'", "3"); /* not yet */
	assert_non_null(strstr(ask(bed, "\"dead retry\",\"all\":true"), "\"ok\":true"));
	expect_cell(bed, TABLE, "2x5");
	expect_cell(bed, "SELECT count(*) FROM _sluice_open", "0");
	end_route(bed);
}

static void a_load_that_does_not_fit_is_a_dead_letter(void **state)
{
	struct bed *bed = *state;
	whole_run(bed, 1, 4);
	whole_run(bed, 2, 1);
	begin_route(bed, "well");
	expect_cell(bed, DEAD, "sync-r-2-finished: products: the load r-2 has 1 r");
	assert_string_equal(cell(bed, TABLE), "1x4");
	assert_string_equal(cell(bed, STATES), "finished started");
	end_route(bed);
}

static void an_end_without_a_begin_puts_nothing_in_place(void **state)
{
	struct bed *bed = *state;
	products(bed, 1, 6);
	tells(bed, 1, "finished", 6);
	begin_route(bed, "well");
	expect_passed(bed);
	expect_cell(bed, "SELECT count(*) FROM _sluice_open", "0");
	assert_string_equal(cell(bed, TABLE), "");
	assert_non_null(strstr(ask(bed, "\"stand\""), "the load r-1 was never begun"));
	whole_run(bed, 2, 5);
	expect_cell(bed, TABLE, "2x5");
	end_route(bed);
}

#define MENDED \
	"{\\\"id\\\":\\\"sync-r-2-started\\\",\\\"type\\\":\\\"sluice.sync\\\",\\\"run\\\":\\\"r-2\\\"," \
	"\\\"data\\\":{\\\"run\\\":" \
	"\\\"r-2\\\",\\\"state\\\":\\\"started\\\",\\\"began\\\":\\\"2026-01-01T00:00:02Z\\\"}}"

/* Its begin is a dead letter: what it told of itself does not fit the table.  Retried, it comes too late. */
static void a_run_that_could_not_begin_loads_nothing(void **state)
{
	struct bed *bed = *state;
	whole_run(bed, 1, 4);
	log_add(bed, "{\"id\":\"sync-r-2-started\",\"type\":\"sluice.sync\",\"run\":\"r-2\",\"data\":{\"run\":\"r-2\","
		"\"kind\":\"snapshot\",\"state\":\"started\",\"began\":\"2026-01-01T00:00:02Z\",\"events\":\"many\"}}");
	products(bed, 2, 6);
	tells(bed, 2, "finished", 6);
	begin_route(bed, "well");
	expect_cell(bed, DEAD, "sync-r-2-started: sluice_sync.events: expected a");
	expect_cell(bed, WAITING, "0");
	assert_string_equal(cell(bed, TABLE), "1x4");
	assert_non_null(strstr(ask(bed, "\"stand\""), "its load could not begin\":1"));
	assert_non_null(strstr(ask(bed, "\"dead retry\",\"all\":true,\"body\":\"" MENDED "\""), "\"ok\":true"));
	expect_cell(bed, "SELECT count(*) FROM _sluice_open", "0");
	assert_non_null(strstr(ask(bed, "\"stand\""), "whose rows have gone by"));
	expect_cell(bed, "SELECT count(*) FROM _sluice_open", "0");
	assert_string_equal(cell(bed, TABLE), "1x4");
	end_route(bed);
}

static void what_is_missing_in_the_log_is_noticed(void **state)
{
	struct bed *bed = *state;
	whole_run(bed, 1, 4);
	tells(bed, 2, "started", 0);
	products(bed, 2, 3);
	tells(bed, 2, "finished", 9);
	begin_route(bed, "well");
	expect_cell(bed, DEAD, "sync-r-2-finished: its run had 9 events, and only");
	assert_string_equal(cell(bed, TABLE), "1x4");
	end_route(bed);
}

/* After a crash of who brought them: an event may lie there twice, and the run's end too. */
static void what_lies_there_twice_is_no_trouble(void **state)
{
	struct bed *bed = *state;
	tells(bed, 1, "started", 0);
	tells(bed, 1, "started", 0);
	products(bed, 1, 5);
	products(bed, 1, 5);
	tells(bed, 1, "finished", 5);
	tells(bed, 1, "finished", 5);
	product(bed, 1, "late");
	begin_route(bed, "well");
	expect_passed(bed);
	assert_string_equal(cell(bed, TABLE), "1x5");
	assert_string_equal(cell(bed, "SELECT count(*) FROM _sluice_open"), "0");
	end_route(bed);
}

static void a_replay_passes_over_all_but_the_newest(void **state)
{
	struct bed *bed = *state;
	for (int run = 1; run < 6; run++)
		whole_run(bed, run, 10 * run);
	begin_route(bed, "well");
	expect_cell(bed, TABLE, "5x50");
	for (int to = 0; to < 150; to += 13) {
		char wish[60];
		snprintf(wish, sizeof(wish), "\"rewind\",\"to\":%d", to);
		assert_non_null(strstr(ask(bed, wish), "\"ok\":true"));
		expect_passed(bed);
		assert_string_equal(cell(bed, TABLE), "5x50");
	}
	expect_cell(bed, "SELECT count(*) FROM _sluice_open", "0");
	end_route(bed);
}

/* Whatever stands there, the route goes on. */
static void what_tells_of_no_run_is_an_ordinary_event(void **state)
{
	static const char *const odd[] = {
		"{\"id\":\"1\",\"type\":\"sluice.sync\",\"run\":\"r-9\",\"data\":7}",
		"{\"id\":\"2\",\"type\":\"sluice.sync\",\"run\":\"r-9\",\"data\":{\"kind\":\"snapshot\",\"state\":\"begun\","
		"\"run\":\"a\",\"began\":\"2026-01-01T00:00:02Z\"}}",
		"{\"id\":\"3\",\"type\":\"sluice.sync\",\"run\":\"r-9\",\"data\":{\"state\":\"started\",\"run\":\"b\","
		"\"began\":\"soon\"}}",
		"{\"id\":\"4\",\"type\":\"sluice.sync\",\"data\":{\"state\":\"finished\",\"run\":\"c\","
		"\"began\":\"2026-01-01T00:00:09Z\"}}",
		"{\"id\":\"5\",\"type\":\"product\",\"run\":\"r-9\",\"data\":{\"sku\":\"s\"}}",
		"{\"id\":\"6#r/9\",\"type\":\"product\",\"run\":\"r/9\",\"data\":{\"sku\":\"s\"}}",
		"{\"id\":\"7#\",\"type\":\"product\",\"run\":\"\",\"data\":{\"sku\":\"s\"}}",
		"{\"id\":\"8\",\"type\":\"product\",\"run\":8,\"data\":{\"sku\":\"s\"}}",
	};
	struct bed *bed = *state;
	whole_run(bed, 1, 4);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		log_add(bed, "%s", odd[i]);
	begin_route(bed, "well");
	expect_passed(bed);
	assert_string_equal(cell(bed, TABLE), "1x4");
	assert_string_equal(cell(bed, "SELECT count(*) FROM _sluice_open WHERE reason LIKE '%is no name of a run'"), "3");
	assert_string_equal(cell(bed, "SELECT count(*) FROM _sluice_open WHERE reason LIKE '%does not end in #r-9'"), "1");
	whole_run(bed, 10, 3);
	expect_cell(bed, TABLE, "10x3");
	end_route(bed);
}

/* Killed anywhere, the table is always one whole run, and at last the newest. */
static void a_kill_breaks_no_load(void **state)
{
	struct bed *bed = *state;
	int was = 0;
	for (int run = 1; run < 30; run++) {
		whole_run(bed, run, 40);
		begin_route(bed, run % 3 ? "well" : "retry");
		usleep((useconds_t)(random() % 30000));
		kill_process(&bed->route);
		int now = atoi(cell(bed, TABLE));
		assert_true(now >= was && (!now || (strstr(bed->seen, "x40") && !strchr(bed->seen, ' '))));
		was = now;
	}
	begin_route(bed, "well");
	expect_cell(bed, TABLE, "29x40");
	expect_cell(bed, "SELECT count(*) FROM _sluice_open", "0");
	end_route(bed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, gone)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_takes_the_place_of_the_one_before),
		TEST(runs_that_lie_in_one_batch_come_one_after_the_other),
		TEST(an_end_waits_for_what_is_tried_again),
		TEST(a_later_begin_makes_an_end_that_waits_moot),
		TEST(an_end_dies_with_its_dead_and_can_be_retried),
		TEST(a_load_that_does_not_fit_is_a_dead_letter),
		TEST(an_end_without_a_begin_puts_nothing_in_place),
		TEST(a_run_that_could_not_begin_loads_nothing),
		TEST(what_is_missing_in_the_log_is_noticed),
		TEST(what_lies_there_twice_is_no_trouble),
		TEST(a_replay_passes_over_all_but_the_newest),
		TEST(what_tells_of_no_run_is_an_ordinary_event),
		TEST(a_kill_breaks_no_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
