/* SPDX-License-Identifier: Apache-2.0 */
/* trello_postgres_test.c - the views of schemas/trello.postgres.sql show what SQLite's show.
 *
 * Boards worked out by hand are in trello_views_test.c; here both databases get the same
 * rows, many and odd ones, and must agree about every view.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <sqlite3.h>

#include "flow/schema.h"
#include "postgres_bed.h"
#include "sdk/time.h"

#define EVENTS 3000
#define CARDS 120

struct fixture {
	sqlite3 *lite;
	PGconn *post;
	struct schema *lite_schema, *post_schema;
	unsigned random;
	int64_t now; /* ms */
};

/* ------------------------------------------------------------ two databases */

static void does_lite(struct fixture *f, const char *sql)
{
	char *error = NULL;
	if (sqlite3_exec(f->lite, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
}

static void does_both(struct fixture *f, struct buf *sql)
{
	does_lite(f, sql->at);
	bed_does(f->post, sql->at);
	buf_free(sql);
}

static const char *const types[] = { [SL_COLUMN_TEXT] = "text", [SL_COLUMN_INT] = "bigint",
	[SL_COLUMN_DECIMAL] = "numeric", [SL_COLUMN_BOOL] = "boolean", [SL_COLUMN_TIMESTAMP] = "timestamptz",
	[SL_COLUMN_DATE] = "date", [SL_COLUMN_JSON] = "jsonb" };

static void make_table(struct fixture *f, const struct sl_table *table)
{
	struct buf lite = { 0 }, post = { 0 };
	buf_format(&lite, "CREATE TABLE \"%s\" (", table->name);
	buf_format(&post, "CREATE TABLE \"%s\" (", table->name);
	for (size_t i = 0; i < table->column_count; i++) {
		const struct sl_column *column = table->columns[i];
		buf_format(&lite, "%s\"%s\"", i ? ", " : "", column->name);
		buf_format(&post, "%s\"%s\" %s", i ? ", " : "", column->name, types[column->type]);
	}
	buf_string(&lite, ")");
	buf_string(&post, ")");
	does_lite(f, lite.at);
	bed_does(f->post, post.at);
	buf_free(&lite);
	buf_free(&post);
}

static void make_views(struct fixture *f)
{
	size_t count, others;
	const struct sl_view *const *lite = schema_views(f->lite_schema, &count);
	const struct sl_view *const *post = schema_views(f->post_schema, &others);
	assert_int_equal(count, others);
	for (size_t i = 0; i < count; i++) {
		struct buf sql = { 0 };
		assert_string_equal(lite[i]->name, post[i]->name);
		buf_format(&sql, "CREATE VIEW \"%s\" AS %s", lite[i]->name, lite[i]->sql);
		does_lite(f, sql.at);
		buf_clear(&sql);
		buf_format(&sql, "CREATE VIEW \"%s\" AS %s", post[i]->name, post[i]->sql);
		bed_does(f->post, sql.at);
		buf_free(&sql);
	}
}

static struct schema *load(const char *options, const char *dialect)
{
	struct why why = { 0 };
	char path[512];
	const char *source = getenv("SLUICE_SOURCE");
	struct sl_document *document = sl_json_read((struct sl_text){ options, strlen(options) }, NULL, 0);
	snprintf(path, sizeof(path), "%s/schemas/trello.yaml", source ? source : ".");
	struct schema *schema = schema_load(path, sl_json_root(document), dialect, &why);
	sl_json_free(&document);
	if (!schema)
		fail_msg("%s", why.text);
	return schema;
}

static void start(void **state, const char *options)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char conninfo[256];
	size_t count;
	f->lite_schema = load(options, "sqlite");
	f->post_schema = load(options, "postgres");
	f->now = clock_wall();
	assert_int_equal(sqlite3_open(":memory:", &f->lite), SQLITE_OK);
	f->post = bed_database(conninfo, sizeof(conninfo));
	bed_does(f->post, "SET timezone = 'Pacific/Chatham'"); /* days are UTC's all the same */
	const struct sl_table *const *tables = schema_tables(f->lite_schema, &count);
	for (size_t i = 0; i < count; i++)
		make_table(f, tables[i]);
	make_table(f, &stand_open);
	make_views(f);
	*state = f;
}

static int begin(void **state)
{
	start(state, "{\"completed\":[\"Done\",\"It's shipped\"],\"stuck\":7200000}");
	return 0;
}

static int begin_empty(void **state)
{
	start(state, "{\"completed\":[]}");
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	sqlite3_close(f->lite);
	PQfinish(f->post);
	schema_free(&f->lite_schema);
	schema_free(&f->post_schema);
	free(f);
	return 0;
}

/* ------------------------------------------------------------------- rows */

static unsigned any(struct fixture *f, unsigned below)
{
	f->random = f->random * 1103515245u + 12345u;
	return (f->random >> 8) % below;
}

static void write_time(struct buf *sql, int64_t ms)
{
	char text[SL_TIME_SIZE];
	sl_time_write(ms * 1000, text);
	buf_format(sql, ", '%s'", text);
}

static void write_list(struct fixture *f, struct buf *sql, unsigned list)
{
	static const char *const names[] = { "", "'To do'", "'Doing'", "'Done'", "'It''s shipped'", "'\xc3\x84rger'" };
	if (list)
		buf_format(sql, ", 'l%u', %s", list, names[list]);
	else
		buf_string(sql, ", NULL, NULL");
}

/* Some hold a time twice, some none, ids sort differently by bytes and by language. */
static void write_event(struct fixture *f, struct buf *sql, unsigned number)
{
	static const char *const cases[] = { "a", "B", "\xc3\xa4", "_" };
	bool moved = any(f, 3) > 0;
	unsigned closing = any(f, 12);
	int64_t at = f->now - (int64_t)any(f, 40) * 3600000 - (int64_t)any(f, 50) * 60000;
	buf_format(sql, "%s('%s%04u', '%s'", number ? ", " : "", cases[any(f, 4)], number,
		any(f, 4) ? "updateCard" : "commentCard");
	if (any(f, 50) == 0)
		buf_string(sql, ", NULL");
	else
		write_time(sql, at);
	buf_format(sql, ", 'c%u', %s, %s", any(f, CARDS + 5), moved ? "TRUE" : "FALSE",
		closing < 2 ? closing ? "TRUE" : "FALSE" : "NULL");
	write_list(f, sql, any(f, 3) ? 0 : any(f, 6));
	write_list(f, sql, moved ? any(f, 6) : 0);
	write_list(f, sql, moved ? any(f, 6) : 0);
	write_time(sql, at + 500);
	write_time(sql, at + 500 + any(f, 90000));
	buf_string(sql, ")");
}

static void add_events(struct fixture *f)
{
	struct buf sql = { 0 };
	buf_string(&sql, "INSERT INTO trello_events (event_id, action_type, action_date, card_id, is_list_transition,"
		" card_closed, list_id, list_name, list_before_id, list_before_name, list_after_id, list_after_name,"
		" created_at, _synced_at) VALUES ");
	for (unsigned i = 0; i < EVENTS; i++)
		write_event(f, &sql, i);
	does_both(f, &sql);
}

static void add_cards(struct fixture *f)
{
	struct buf sql = { 0 };
	static const char *const closed[] = { "TRUE", "FALSE", "FALSE", "NULL" };
	buf_string(&sql, "INSERT INTO cards (card_id, name, purchaser, closed, year_created) VALUES ");
	for (unsigned i = 0; i < CARDS; i++)
		buf_format(&sql, "%s('c%u', 'card %u', %s, %s, 2026)", i ? ", " : "", i, i, i % 3 ? "'Ann'" : "NULL",
			closed[any(f, 4)]);
	does_both(f, &sql);
}

static void add_open(struct fixture *f)
{
	struct buf sql = { 0 };
	buf_string(&sql, "INSERT INTO _sluice_open (route, seq, part, state, event_id, source, type, subject, reason,"
		" first_at) VALUES ");
	for (unsigned i = 0; i < 200; i++) {
		char id[16];
		snprintf(id, sizeof(id), "'o%u'", i % 50);
		buf_format(&sql, "%s('cards', %u, 0, '%s', %s, 'boards', %s, 'c1', 'no such column'", i ? ", " : "", i,
			i % 3 ? "dead" : "waiting", i % 7 ? id : "NULL", i % 5 ? "'updateCard'" : "NULL");
		write_time(&sql, f->now - (int64_t)any(f, 48) * 3600000);
		buf_string(&sql, ")");
	}
	does_both(f, &sql);
}

/* ---------------------------------------------------------------- comparing */

#define TIME(name) "to_char(" name " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/* Columns as both databases print them alike; numbers to the digits that SQLite's days carry. */
static const struct {
	const char *view, *lite, *post;
} shown[] = {
	{ "card_current_state",
		"card_id, name, desc, closed, year_created, current_list_id, current_list_name, last_moved_at",
		"card_id, name, \"desc\", closed::int, year_created, current_list_id, current_list_name, "
		"" TIME("last_moved_at") },
	{ "active_jobs", "card_id, name, purchaser, current_list, current_list_id, last_moved_at,"
		" printf('%.1f', hours_in_current_list + 1e-3)",
		"card_id, name, purchaser, current_list, current_list_id, " TIME("last_moved_at")
		", coalesce(round(hours_in_current_list + 1e-3, 1), 0)" } , /* printf makes NULL 0 */
	{ "list_durations", "list_name, total_transitions, printf('%.3f', avg_hours), printf('%.3f', median_hours),"
		" printf('%.3f', min_hours), printf('%.3f', max_hours)",
		"list_name, total_transitions, round(avg_hours, 3), round(median_hours, 3), round(min_hours, 3),"
		" round(max_hours, 3)" },
	{ "throughput_daily", "completion_date, cards_completed", "completion_date, cards_completed" },
	{ "stuck_cards", "card_id, name, purchaser, list_name", "card_id, name, purchaser, list_name" },
	{ "list_paths", "previous_list, next_list, transition_count, printf('%.2f', percentage)",
		"previous_list, next_list, transition_count, percentage" },
	{ "processing_status", "action_type, total, processed, errors", "action_type, total, processed, errors" },
	{ "processing_latency", "CASE WHEN avg_latency_seconds NOTNULL THEN printf('%.2f', avg_latency_seconds) END,"
		" CASE WHEN max_latency_seconds NOTNULL THEN printf('%.2f', max_latency_seconds) END",
		"round(avg_latency_seconds, 2), round(max_latency_seconds, 2)" },
	{ "failed_events", "event_id, action_type, card_id, error_message, created_at",
		"event_id, action_type, card_id, error_message, " TIME("created_at") },
	{ "sluice_dead", "route, seq, part, source, event_id, type, subject, reason, tries, first_at",
		"route, seq, part, source, event_id, type, subject, reason, tries, " TIME("first_at") },
};

static int by_bytes(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

/* The lines of a text, sorted, as one text again. */
static void sort_lines(struct buf *text)
{
	static char *lines[EVENTS * 4];
	size_t count = 0;
	char *copy = strdup(text->at ? text->at : "");
	for (char *rest = copy, *line; (line = strtok_r(rest, "\n", &rest));)
		lines[count++] = line;
	qsort(lines, count, sizeof(*lines), by_bytes);
	buf_clear(text);
	for (size_t i = 0; i < count; i++)
		buf_format(text, "%s\n", lines[i]);
	buf_string(text, "");
	free(copy);
}

static int collect(void *data, int count, char **values, char **names)
{
	for (int i = 0; i < count; i++)
		buf_format(data, "%s%s", i ? "|" : "", values[i] ? values[i] : "~");
	buf_char(data, '\n');
	return 0;
}

/* Returns how many rows both have. */
static size_t agree(struct fixture *f, size_t at)
{
	struct buf sql = { 0 }, lite = { 0 }, post = { 0 };
	size_t rows = 0;
	buf_format(&sql, "SELECT %s FROM %s", shown[at].lite, shown[at].view);
	assert_int_equal(sqlite3_exec(f->lite, sql.at, collect, &lite, NULL), SQLITE_OK);
	buf_clear(&sql);
	buf_format(&sql, "SELECT %s FROM %s", shown[at].post, shown[at].view);
	char *answer = bed_answer(f->post, sql.at);
	buf_string(&post, answer);
	free(answer);
	sort_lines(&lite);
	sort_lines(&post);
	if (strcmp(lite.at, post.at) != 0)
		fail_msg("%s: SQLite has\n%sPostgres has\n%s", shown[at].view, lite.at, post.at);
	for (const char *line = lite.at; (line = strchr(line, '\n')); line++)
		rows++;
	buf_free(&sql);
	buf_free(&lite);
	buf_free(&post);
	return rows;
}

/* ------------------------------------------------------------------- tests */

static void both_show_the_same(void **state)
{
	struct fixture *f = *state;
	add_cards(f);
	add_events(f);
	add_open(f);
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		if (agree(f, i) == 0)
			fail_msg("%s: shows nothing, and so tests nothing", shown[i].view);
}

static void both_show_nothing_of_nothing(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		agree(f, i);
}

static void every_view_is_compared(void **state)
{
	struct fixture *f = *state;
	size_t count;
	schema_views(f->post_schema, &count);
	assert_int_equal(count, sizeof(shown) / sizeof(*shown));
}

static void without_completed_lists_nothing_is_completed(void **state)
{
	struct fixture *f = *state;
	add_cards(f);
	add_events(f);
	bed_shows(f->post, "SELECT count(*) FROM throughput_daily", "0\n");
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		agree(f, i);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(both_show_the_same),
		WITH(both_show_nothing_of_nothing),
		WITH(every_view_is_compared),
		cmocka_unit_test_setup_teardown(without_completed_lists_nothing_is_completed, begin_empty, end),
	};
	return cmocka_run_group_tests(tests, bed_begin, bed_end);
}
