/* SPDX-License-Identifier: Apache-2.0 */
/* trello_views_test.c - the views of schemas/trello.sqlite.sql, over boards worked out by hand. */
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

#include "base/buf.h"
#include "flow/schema.h"

struct fixture {
	sqlite3 *db;
	struct schema *schema;
	int events;
};

static void does(struct fixture *f, const char *sql)
{
	char *error = NULL;
	if (sqlite3_exec(f->db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
}

static int collect(void *data, int count, char **values, char **names)
{
	struct buf *out = data;
	for (int i = 0; i < count; i++)
		buf_format(out, "%s%s", i ? "|" : "", values[i] ? values[i] : "~");
	buf_char(out, '\n');
	return 0;
}

static void shows(struct fixture *f, const char *sql, const char *wanted)
{
	struct buf out = { 0 };
	char *error = NULL;
	sqlite3_exec(f->db, sql, collect, &out, &error);
	if (error || strcmp(out.at ? out.at : "", wanted) != 0)
		fail_msg("%s: wanted\n%sgot\n%s%s", sql, wanted, out.at ? out.at : "", error ? error : "");
	buf_free(&out);
}

static void make_table(struct fixture *f, const struct sl_table *table)
{
	struct buf sql = { 0 };
	buf_format(&sql, "CREATE TABLE \"%s\" (", table->name);
	for (size_t i = 0; i < table->column_count; i++)
		buf_format(&sql, "%s\"%s\"", i ? ", " : "", table->columns[i]->name);
	buf_string(&sql, ")");
	does(f, sql.at);
	buf_free(&sql);
}

static void make_views(struct fixture *f)
{
	size_t count;
	const struct sl_view *const *views = schema_views(f->schema, &count);
	for (size_t i = 0; i < count; i++) {
		struct buf sql = { 0 };
		buf_format(&sql, "CREATE VIEW \"%s\" AS %s", views[i]->name, views[i]->sql);
		does(f, sql.at);
		buf_free(&sql);
	}
}

static void start(void **state, const char *options)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct why why = { 0 };
	char path[512];
	size_t count;
	const char *source = getenv("SLUICE_SOURCE");
	struct sl_document *document = sl_json_read((struct sl_text){ options, strlen(options) }, NULL, 0);
	snprintf(path, sizeof(path), "%s/schemas/trello.yaml", source ? source : ".");
	f->schema = schema_load(path, sl_json_root(document), "sqlite", &why);
	sl_json_free(&document);
	if (!f->schema)
		fail_msg("%s", why.text);
	assert_int_equal(sqlite3_open(":memory:", &f->db), SQLITE_OK);
	const struct sl_table *const *tables = schema_tables(f->schema, &count);
	for (size_t i = 0; i < count; i++)
		make_table(f, tables[i]);
	make_table(f, &stand_open);
	make_views(f);
	*state = f;
}

static int begin(void **state)
{
	start(state, "{}");
	return 0;
}

static int begin_shipped(void **state)
{
	start(state, "{\"completed\":[\"Done\",\"It's shipped\"],\"stuck\":3600000}");
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	sqlite3_close(f->db);
	schema_free(&f->schema);
	free(f);
	return 0;
}

static void insert(struct fixture *f, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	char *sql = sqlite3_vmprintf(form, values);
	va_end(values);
	does(f, sql);
	sqlite3_free(sql);
}

/* A card comes into a list; `when` is a time, or one before now such as "-3 hours". */
static void moves(struct fixture *f, const char *card, const char *when, const char *before, const char *after)
{
	const char *form = when[0] == '-' ? "strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now', '%s')" : "'2026-11-%sZ'";
	char *time = sqlite3_mprintf(form, when);
	char *sql = sqlite3_mprintf("INSERT INTO trello_events (event_id, action_type, action_date, card_id,"
		" is_list_transition, list_before_name, list_after_name, list_after_id) VALUES"
		" ('e%03d', 'updateCard', %s, %Q, 1, %Q, %Q, 'id of ' || %Q)", f->events++, time, card, before, after, after);
	does(f, sql);
	sqlite3_free(sql);
	sqlite3_free(time);
}

static void closes(struct fixture *f, const char *card, const char *time, int closed)
{
	insert(f, "INSERT INTO trello_events (event_id, action_type, action_date, card_id, is_list_transition, card_closed)"
		" VALUES ('e%03d', 'updateCard', '2026-11-%sZ', %Q, 0, %d)", f->events++, time, card, closed);
}

static void card(struct fixture *f, const char *id, const char *closed)
{
	insert(f, "INSERT INTO cards (card_id, name, purchaser, closed) VALUES (%Q, 'name ' || %Q, 'Ann', %s)",
		id, id, closed);
}

/* ------------------------------------------------------------------- the tests */

static void a_card_is_where_its_newest_move_brought_it(void **state)
{
	struct fixture *f = *state;
	card(f, "a", "0");
	card(f, "b", "0");
	card(f, "c", "0");
	moves(f, "a", "03T10:00:00.000", "Doing", "Done"); /* arrives before the older ones */
	moves(f, "a", "01T10:00:00.000", NULL, "To do");
	moves(f, "a", "02T10:00:00.000", "To do", "Doing");
	moves(f, "b", "01T10:00:00.000", NULL, "To do");
	moves(f, "b", "01T10:00:00.000", "To do", "Doing"); /* one moment: the event's id decides */
	insert(f, "INSERT INTO trello_events (event_id, action_date, card_id, is_list_transition, list_id, list_name)"
		" VALUES ('x1', '2026-11-04T00:00:00.000Z', 'c', 0, 'l', 'Seen'),"
		" ('x2', '2026-11-04T00:00:00.000Z', 'a', 0, 'l', 'No')");
	shows(f, "SELECT card_id, current_list_id, current_list_name, last_moved_at FROM card_current_state ORDER BY 1",
		"a|id of Done|Done|2026-11-03T10:00:00.000Z\n"
		"b|id of Doing|Doing|2026-11-01T10:00:00.000Z\n"
		"c|l|Seen|~\n");
}

static void a_job_is_active_until_it_is_closed_or_completed(void **state)
{
	struct fixture *f = *state;
	const char *const ids[] = { "active", "archived", "back", "born closed", "done", "reborn", "unmoved" };
	for (size_t i = 0; i < 7; i++)
		card(f, ids[i], strstr(ids[i], "born") ? "1" : i == 6 ? "NULL" : "0");
	for (size_t i = 0; i < 6; i++)
		moves(f, ids[i], "-90 minutes", NULL, i == 4 ? "Done" : "To do");
	closes(f, "archived", "02T00:00:00.000", 1);
	closes(f, "back", "03T00:00:00.000", 0); /* the newest one counts */
	closes(f, "back", "02T00:00:00.000", 1);
	closes(f, "reborn", "02T00:00:00.000", 0);
	shows(f, "SELECT card_id, name, purchaser, current_list, current_list_id, round(hours_in_current_list, 2)"
		" FROM active_jobs ORDER BY 1",
		"active|name active|Ann|To do|id of To do|1.5\n"
		"back|name back|Ann|To do|id of To do|1.5\n"
		"reborn|name reborn|Ann|To do|id of To do|1.5\n"
		"unmoved|name unmoved|Ann|~|~|~\n");
}

static void a_stay_ends_with_the_next_move(void **state)
{
	struct fixture *f = *state;
	/* To do: 2 h, 4 h, 0.5 h, 1 h; Doing: 6 h, 1.25 h; Done is never left. */
	moves(f, "a", "01T00:00:00.000", NULL, "To do");
	moves(f, "a", "01T02:00:00.000", "To do", "Doing");
	moves(f, "a", "01T08:00:00.000", "Doing", "Done");
	moves(f, "b", "01T05:15:00.000", "Doing", "To do");
	moves(f, "b", "01T04:00:00.000", "To do", "Doing");
	moves(f, "b", "01T00:00:00.000", NULL, "To do");
	moves(f, "b", "01T05:45:00.000", "To do", "Done");
	closes(f, "b", "01T05:30:00.000", 1);
	moves(f, "c", "01T23:30:00.000", NULL, "To do");
	moves(f, "c", "02T00:30:00.000", "To do", "Done");
	shows(f, "SELECT * FROM list_durations ORDER BY 1",
		"Doing|2|3.625|3.625|1.25|6.0\n"
		"To do|4|1.875|1.5|0.5|4.0\n");
	moves(f, "d", "01T00:00:00.000", NULL, "To do");
	moves(f, "d", "04T00:00:00.000", "To do", "Doing");
	shows(f, "SELECT list_name, total_transitions, median_hours, max_hours FROM list_durations ORDER BY 1",
		"Doing|2|3.625|6.0\n"
		"To do|5|2.0|72.0\n");
}

static void cards_completed_are_counted_by_day(void **state)
{
	struct fixture *f = *state;
	moves(f, "a", "01T23:59:59.999", "Doing", "Done");
	moves(f, "b", "02T00:00:00.000", "Doing", "Done");
	moves(f, "c", "02T01:00:00.000", NULL, "It's shipped");
	moves(f, "c", "02T02:00:00.000", "It's shipped", "Doing");
	moves(f, "c", "02T03:00:00.000", "Doing", "It's shipped"); /* one card, one day */
	moves(f, "b", "03T00:00:00.000", "Done", "It's shipped"); /* was completed before */
	shows(f, "SELECT * FROM throughput_daily ORDER BY 1", "2026-11-01|1\n2026-11-02|2\n");
}

static void stuck_is_what_has_not_moved_for_so_long(void **state)
{
	struct fixture *f = *state;
	card(f, "fresh", "0");
	card(f, "old", "0");
	card(f, "done", "0");
	moves(f, "fresh", "-59 minutes", NULL, "To do");
	moves(f, "old", "-5 days", NULL, "To do");
	moves(f, "old", "-61 minutes", "To do", "Doing");
	moves(f, "done", "-2 days", "To do", "Done");
	shows(f, "SELECT card_id, name, purchaser, list_name, round(hours_since_move, 1) FROM stuck_cards",
		"old|name old|Ann|Doing|1.0\n");
}

static void two_days_are_stuck_unless_said_otherwise(void **state)
{
	struct fixture *f = *state;
	card(f, "a", "0");
	card(f, "b", "0");
	moves(f, "a", "-47 hours", NULL, "To do");
	moves(f, "b", "-49 hours", NULL, "To do");
	shows(f, "SELECT card_id FROM stuck_cards", "b\n");
}

static void paths_are_shares_of_the_list_they_leave(void **state)
{
	struct fixture *f = *state;
	moves(f, "a", "01T00:00:00.000", NULL, "To do");
	moves(f, "a", "01T01:00:00.000", "To do", "Doing");
	moves(f, "b", "01T01:00:00.000", "To do", "Doing");
	moves(f, "c", "01T01:00:00.000", "To do", "Done");
	moves(f, "a", "01T02:00:00.000", "Doing", "Done");
	shows(f, "SELECT * FROM list_paths ORDER BY 1, 2",
		"Doing|Done|1|100.0\nTo do|Doing|2|66.67\nTo do|Done|1|33.33\n");
}

static void opens(struct fixture *f, const char *id, const char *state, const char *before_now)
{
	insert(f, "INSERT INTO _sluice_open (route, seq, part, state, event_id, source, type, subject, reason, first_at)"
		" VALUES ('cards', 1, 0, %Q, %Q, 'boards', 'createCard', 'c9', 'no such column',"
		" strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now', %Q))", state, id, before_now);
}

static void received(struct fixture *f, const char *id, const char *type, const char *before_now, const char *took)
{
	insert(f, "INSERT INTO trello_events (event_id, action_type, card_id, created_at, _synced_at) VALUES (%Q, %Q, 'c',"
		" strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now', %Q), strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now', %Q, %Q))",
		id, type, before_now, before_now, took);
}

static void the_last_day_is_counted_by_type(void **state)
{
	struct fixture *f = *state;
	received(f, "1", "createCard", "-1 hours", "+1.500 seconds");
	received(f, "2", "updateCard", "-23 hours", "+0.500 seconds");
	received(f, "3", "updateCard", "-25 hours", "+100 seconds");
	opens(f, "4", "dead", "-1 hours");
	opens(f, "5", "waiting", "-1 hours");
	opens(f, "6", "dead", "-30 hours");
	opens(f, NULL, "dead", "-1 hours");
	shows(f, "SELECT * FROM processing_status ORDER BY 1", "createCard|4|1|2\nupdateCard|1|1|0\n");
	shows(f, "SELECT * FROM processing_latency", "1.0|1.5\n");
}

static void failed_events_are_the_dead_letters(void **state)
{
	struct fixture *f = *state;
	shows(f, "SELECT * FROM processing_latency", "~|~\n");
	opens(f, "4", "dead", "-1 hours");
	opens(f, "5", "behind", "-1 hours");
	shows(f, "SELECT event_id, action_type, card_id, error_message, created_at IS NOT NULL FROM failed_events",
		"4|createCard|c9|no such column|1\n");
	shows(f, "SELECT event_id FROM sluice_dead", "4\n");
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, begin, end)
#define SHIPPED(name) cmocka_unit_test_setup_teardown(name, begin_shipped, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(a_card_is_where_its_newest_move_brought_it),
		WITH(a_job_is_active_until_it_is_closed_or_completed),
		WITH(a_stay_ends_with_the_next_move),
		SHIPPED(cards_completed_are_counted_by_day),
		SHIPPED(stuck_is_what_has_not_moved_for_so_long),
		WITH(two_days_are_stuck_unless_said_otherwise),
		WITH(paths_are_shares_of_the_list_they_leave),
		WITH(the_last_day_is_counted_by_type),
		WITH(failed_events_are_the_dead_letters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
