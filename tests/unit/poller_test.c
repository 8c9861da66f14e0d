/* SPDX-License-Identifier: Apache-2.0 */
/* poller_test.c - a source process and the ingress it hands its events to; the far side is a file. */
#include "poller_bed.h"

#include <sqlite3.h>

/* The committed one: the source has ended or is at rest. */
static int cursor_of(const struct bed *bed)
{
	char path[100];
	sqlite3 *file;
	sqlite3_stmt *row;
	snprintf(path, sizeof(path), "%s/sources/shop.db", bed->folder);
	assert_int_equal(sqlite3_open(path, &file), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(file, "SELECT cursor FROM walk WHERE name = 'poll'", -1, &row, NULL), 0);
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	int cursor = sqlite3_column_int(row, 0);
	sqlite3_finalize(row);
	sqlite3_close(file);
	return cursor;
}

/* ---------------------------------------------------------------------- tests */

static void what_is_there_comes_page_by_page_and_then_what_is_new(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 10);
	begin(bed, 60000, "");
	expect_logged(bed, "\"finished\"", 1);
	assert_int_equal(bed->count, 12);
	assert_string_equal(bed->records[1].body.at, "{\"id\":\"i0\",\"type\":\"new\",\"data\":{\"n\":0}}");
	assert_non_null(strstr(bed->records[0].body.at, "\"kind\":\"full\",\"state\":\"started\""));
	assert_non_null(strstr(bed->records[11].body.at, "\"events\":10,\"unchanged\":0"));
	poll_once(bed);
	read_log(bed);
	assert_int_equal(bed->count, 12);
	shop_has_lines(bed, 11);
	poll_once(bed);
	read_log(bed);
	assert_int_equal(bed->count, 15);
	assert_non_null(strstr(bed->records[12].body.at, "\"kind\":\"delta\",\"state\":\"started\""));
	end(bed);
}

/* It may just be at it when it is asked. */
static bool says_idle(struct bed *bed)
{
	ask(bed, "\"state\"");
	return strstr(bed->source.heard.at, "\"ok\":true,\"state\":\"idle\",\"error\":null,\"last_poll\":1");
}

static void it_polls_every_so_often_and_when_it_is_asked(void **state)
{
	int64_t until = clock_ticks() + PATIENCE;
	struct bed *bed = *state;
	shop_has_lines(bed, 1);
	begin(bed, 200, "");
	expect_logged(bed, "\"n\":", 1);
	shop_has_lines(bed, 2);
	expect_logged(bed, "\"n\":", 2);
	while (!says_idle(bed))
		assert_true(clock_ticks() < until);
	assert_non_null(strstr(bed->source.heard.at, "\"events\":2,\"unchanged\":0,\"backfill\":null"));
	ask(bed, "\"sing\"");
	assert_non_null(strstr(bed->source.heard.at, "\"ok\":false"));
	end(bed);
}

static void what_comes_again_unchanged_is_dropped_before_the_log(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 6);
	begin(bed, 60000, ",\"overlap\":4");
	poll_once(bed);
	expect_logged(bed, "\"n\":", 6);
	poll_once(bed);
	assert_non_null(strstr(bed->source.heard.at, "\"events\":6,"));
	read_log(bed);
	assert_int_equal(bed->count, 8);
	stop_process(&bed->source);
	begin_source(bed, 60000, ",\"overlap\":6");
	poll_once(bed);
	read_log(bed);
	assert_int_equal(bed->count, 8); /* remembered over a restart */
	shop_has(bed, "i0 1\ni1 {\"n\":1}\ni2 {\"n\":2}\ni3 {\"n\":3}\ni4 {\"n\":4}\ni5 {\"n\":5}\n");
	poll_once(bed);
	read_log(bed);
	assert_int_equal(bed->count, 11); /* other content, and its run */
	end(bed);
}

static void a_far_side_that_cannot_be_had_is_waited_for(void **state)
{
	struct bed *bed = *state;
	shop_has(bed, "i0 {\"n\":0}\n!retry\n");
	begin(bed, 600000, "");
	expect_message(&bed->source, "\"state\":\"outage\",\"error\":\"the shop is closed\"");
	read_log(bed);
	assert_int_equal(bed->count, 0); /* nothing of a call that did not end well */
	shop_has_lines(bed, 2);
	expect_logged(bed, "\"n\":", 2);
	expect_message(&bed->source, "\"state\":\"idle\",\"error\":null");
	end(bed);
}

static void a_poll_that_fails_is_told_and_tried_at_its_next_interval(void **state)
{
	struct bed *bed = *state;
	shop_has(bed, "!fail\n");
	begin(bed, 600000, "");
	expect_message(&bed->source, "\"state\":\"failed\",\"error\":\"the shop burned down\"");
	poll_once(bed);
	assert_non_null(strstr(bed->source.heard.at, "\"ok\":false,\"why\":\"the shop burned down\""));
	shop_has(bed, "!garbage\n");
	poll_once(bed);
	assert_non_null(strstr(bed->source.heard.at, "the data of event g is not JSON"));
	shop_has(bed, "i\xff {}\ni\xfe {}\n"); /* both would be written as the same one */
	poll_once(bed);
	assert_non_null(strstr(bed->source.heard.at, "an event whose id is not text in UTF-8"));
	shop_has_lines(bed, 2);
	poll_once(bed);
	expect_logged(bed, "\"n\":", 2);
	end(bed);
}

static void a_cursor_that_moves_for_nothing_is_no_tight_loop(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 1);
	begin(bed, 100, ",\"always\":true");
	expect_logged(bed, "\"n\":", 1);
	ask(bed, "\"state\"");
	assert_non_null(strstr(bed->source.heard.at, "\"events\":1,"));
	usleep(300000);
	assert_true(cursor_of(bed) < 40); /* 20 at once, then one a second */
	end(bed);
}

static void a_cursor_that_moves_over_the_same_again_is_none_either(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 1);
	begin(bed, 100, ",\"always\":true,\"overlap\":1000000");
	expect_logged(bed, "\"n\":", 1);
	usleep(300000);
	ask(bed, "\"state\"");
	assert_non_null(strstr(bed->source.heard.at, "\"events\":1,"));
	assert_true(cursor_of(bed) < 60);
	end(bed);
}

static void what_is_known_is_walked_through_without_a_pause(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 300); /* a hundred pages */
	begin(bed, 60000, "");
	expect_logged(bed, "\"finished\"", 1);
	ask(bed, "\"backfill\"");
	expect_logged(bed, "\"finished\"", 2);
	ask(bed, "\"backfill\"");
	expect_logged(bed, "\"finished\"", 3);
	assert_int_equal(logged(bed, "\"events\":0,\"unchanged\":300"), 1);
	end(bed);
}

static void a_backfill_has_a_cursor_of_its_own_and_outlives_a_restart(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 5);
	begin(bed, 60000, "");
	expect_logged(bed, "\"finished\"", 1);
	say_to(bed->source.channel, "{\"do\":\"rest\",\"rest\":true}");
	ask(bed, "\"backfill\",\"since\":1000");
	assert_non_null(strstr(bed->source.heard.at, "\"ok\":true"));
	ask(bed, "\"state\"");
	assert_non_null(strstr(bed->source.heard.at, "\"state\":\"resting\""));
	assert_non_null(strstr(bed->source.heard.at, "\"backfill\":{\"since\":1000,\"all\":false,\"events\":0,"));
	kill_process(&bed->source);
	shop_has(bed, "j0 0\nj1 1\nj2 2\nj3 3\nj4 4\nj5 {\"n\":9}\n");
	begin_source(bed, 60000, "");
	expect_logged(bed, "\"finished\"", 3);
	assert_int_equal(logged(bed, "\"type\":\"old\""), 6); /* j5 too: another type is other content */
	assert_int_equal(logged(bed, "\"type\":\"new\""), 6);
	assert_int_equal(logged(bed, "-backfill-1\",\"source\":\"shop\",\"kind\":\"full\""), 2);
	ask(bed, "\"backfill\"");
	expect_logged(bed, "\"finished\"", 4); /* told, though nothing is new */
	assert_int_equal(logged(bed, "\"type\":\"old\""), 6);
	end(bed);
}

/* Everything, unchanged as it is, and nothing twice. */
static void a_backfill_of_all_hands_in_again_what_is_unchanged(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 7);
	begin(bed, 60000, ",\"overlap\":2");
	expect_logged(bed, "\"finished\"", 1);
	ask(bed, "\"backfill\"");
	expect_logged(bed, "\"finished\"", 2);
	ask(bed, "\"backfill\"");
	expect_logged(bed, "\"finished\"", 3);
	assert_int_equal(logged(bed, "\"type\":\"old\""), 7);
	assert_int_equal(logged(bed, "\"events\":0,\"unchanged\":13"), 1);
	ask(bed, "\"backfill\",\"all\":true");
	expect_logged(bed, "\"finished\"", 4);
	assert_int_equal(logged(bed, "\"type\":\"old\""), 14);
	assert_int_equal(logged(bed, "-backfill-3\",\"data\":{\"n\":"), 7); /* said again by its third run */
	assert_int_equal(logged(bed, "\"events\":7,\"unchanged\":6"), 3);   /* as the first poll and the first backfill */
	ask(bed, "\"backfill\"");
	expect_logged(bed, "\"finished\"", 5);
	assert_int_equal(logged(bed, "\"type\":\"old\""), 14);
	end(bed);
}

static void a_poll_does_not_wait_for_a_slow_backfill(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 5);
	begin(bed, 60000, ",\"slow\":1000000");
	expect_logged(bed, "\"finished\"", 1);
	ask(bed, "\"backfill\"");
	expect_message(&bed->source, "\"state\":\"backfilling\"");
	shop_has_lines(bed, 6);
	poll_once(bed);
	expect_logged(bed, "\"n\":", 6);
	ask(bed, "\"backfill\",\"stop\":true");
	ask(bed, "\"state\"");
	assert_non_null(strstr(bed->source.heard.at, "\"state\":\"idle\""));
	end(bed);
}

static void it_waits_for_an_ingress_and_hands_in_again(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 7);
	begin_source(bed, 60000, "");
	expect_message(&bed->source, "\"state\":\"waiting\"");
	begin_ingress(bed);
	expect_logged(bed, "\"finished\"", 1);
	assert_int_equal(bed->count, 9);
	kill_process(&bed->ingress);
	shop_has_lines(bed, 9);
	say_to(bed->source.channel, "{\"do\":\"ask\",\"id\":1,\"what\":\"poll\"}");
	expect_message(&bed->source, "\"answer\"");
	begin_ingress(bed);
	expect_logged(bed, "\"finished\"", 2);
	assert_int_equal(bed->count, 13);
	end(bed);
}

/* One page in hand and one ahead of it: what is behind those is asked for when they are on disk. */
static void the_next_page_is_asked_for_while_this_one_is_handed_in(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 12);
	begin_source(bed, 60000, "");
	expect_message(&bed->source, "\"state\":\"waiting\"");
	shop_has(bed, "j0 0\nj1 1\nj2 2\nj3 3\nj4 4\nj5 5\nj6 6\nj7 7\nj8 8\n!retry\n");
	begin_ingress(bed);
	expect_message(&bed->source, "\"state\":\"outage\"");
	read_log(bed);
	assert_int_equal(bed->count, 10);
	expect_each_line(bed, 6);
	assert_int_equal(logged(bed, "{\"id\":\"j"), 3);
	assert_non_null(strstr(bed->records[9].body.at, "{\"id\":\"j8\""));
	end(bed);
}

static void a_great_many_at_once_are_sifted_while_the_heart_beats(void **state)
{
	struct bed *bed = *state;
	const size_t lines = 30000;
	shop_has_lines(bed, lines);
	begin_ingress(bed);
	int64_t began = clock_ticks();
	begin_source(bed, 60000, ",\"page\":100000,\"overlap\":100000");
	expect_message(&bed->source, "\"events\":30000,\"unchanged\":30000");
	if (clock_ticks() - began > 2000) /* it beats twice a second; who is done sooner has shown nothing */
		assert_true(atomic_load(&bed->source.page->beat) > 1);
	end(bed);
}

/* Killed at any moment, nothing is lost; what is handed in twice has the same id. */
static void a_kill_loses_nothing(void **state)
{
	struct bed *bed = *state;
	const size_t lines = 400;
	shop_has_lines(bed, lines);
	begin_ingress(bed);
	for (int i = 0; i < 8; i++) {
		begin_source(bed, 60000, "");
		usleep((useconds_t)(random() % 40000));
		kill_process(i % 3 == 2 ? &bed->ingress : &bed->source);
		if (!bed->ingress.pid)
			begin_ingress(bed);
		kill_process(&bed->source);
	}
	begin_source(bed, 60000, ",\"page\":100");
	expect_message(&bed->source, "\"state\":\"idle\"");
	expect_each_line(bed, lines);
	assert_true(bed->count < lines + 2 + 9 * 3);
	end(bed);
}

/* ------------------------------------------------------------------ snapshots */

/* The record after the one with these words. */
static const struct log_record *record_behind(struct bed *bed, const char *words)
{
	read_log(bed);
	for (size_t i = 0; i + 1 < bed->count; i++)
		if (strstr(bed->records[i].body.at, words))
			return &bed->records[i + 1];
	fail_msg("nothing is behind %s", words);
	return NULL;
}

static void each_poll_is_a_snapshot_of_everything(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 7);
	begin_ingress(bed);
	begin_snapshots(bed, "");
	expect_logged(bed, "\"finished\"", 1);
	assert_int_equal(bed->count, 9);
	assert_non_null(strstr(bed->records[0].body.at, "-poll-1\",\"data\":{\"run\":\""));
	assert_non_null(strstr(bed->records[0].body.at, "\"kind\":\"snapshot\",\"state\":\"started\""));
	assert_non_null(strstr(bed->records[1].body.at, "{\"id\":\"i0#"));
	assert_non_null(strstr(bed->records[1].body.at, "-poll-1\",\"type\":\"new\",\"run\":\""));
	assert_non_null(strstr(bed->records[8].body.at, "\"events\":7,\"unchanged\":0"));
	shop_has_lines(bed, 5);
	poll_once(bed);
	assert_int_equal(logged(bed, "-poll-2\",\"type\":\"new\""), 5); /* the same again, and two are gone */
	assert_int_equal(logged(bed, "\"events\":5,\"unchanged\":0"), 1);
	shop_has(bed, "");
	poll_once(bed);
	assert_int_equal(logged(bed, "\"events\":0,\"unchanged\":0"), 1); /* nothing is something to tell */
	end(bed);
}

static void a_backfill_of_snapshots_is_one_more(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 2);
	begin_ingress(bed);
	begin_snapshots(bed, "");
	expect_logged(bed, "\"finished\"", 1);
	ask(bed, "\"backfill\",\"wait\":true");
	assert_non_null(strstr(bed->source.heard.at, "\"ok\":true"));
	assert_int_equal(logged(bed, "-poll-2\",\"type\":\"new\""), 2);
	ask(bed, "\"backfill\",\"since\":1000");
	assert_non_null(strstr(bed->source.heard.at, "\"ok\":false"));
	ask(bed, "\"backfill\",\"stop\":true");
	assert_non_null(strstr(bed->source.heard.at, "\"ok\":false"));
	end(bed);
}

static void an_outage_is_waited_out_and_a_restart_begins_anew(void **state)
{
	struct bed *bed = *state;
	shop_has(bed, "i0 0\ni1 1\ni2 2\n!retry\n");
	begin_ingress(bed);
	begin_snapshots(bed, "");
	expect_message(&bed->source, "\"state\":\"outage\"");
	assert_int_equal(logged(bed, "\"started\""), 1);
	shop_has_lines(bed, 5);
	expect_logged(bed, "\"finished\"", 1);
	assert_int_equal(bed->count, 7);
	assert_int_equal(logged(bed, "-poll-1\",\"type\":\"new\""), 5);
	assert_non_null(strstr(bed->records[6].body.at, "\"events\":5,"));
	shop_has(bed, "i0 0\ni1 1\ni2 2\n!retry\n");
	ask(bed, "\"poll\"");
	expect_message(&bed->source, "\"state\":\"outage\"");
	kill_process(&bed->source);
	shop_has_lines(bed, 6);
	begin_snapshots(bed, "");
	expect_logged(bed, "\"finished\"", 2);
	assert_int_equal(logged(bed, "-poll-2\",\"type\":\"new\""), 3);
	assert_int_equal(logged(bed, "-poll-3\",\"type\":\"new\""), 6); /* from the first line on */
	assert_int_equal(logged(bed, "-poll-3-finished"), 1);
	end(bed);
}

static void a_snapshot_that_failed_is_never_told_as_finished(void **state)
{
	struct bed *bed = *state;
	shop_has(bed, "i0 0\ni1 1\ni2 2\n!fail\n");
	begin_ingress(bed);
	begin_snapshots(bed, "");
	expect_message(&bed->source, "\"state\":\"failed\"");
	shop_has_lines(bed, 4);
	poll_once(bed);
	expect_logged(bed, "\"finished\"", 1);
	assert_int_equal(logged(bed, "\"started\""), 2);
	assert_int_equal(logged(bed, "-poll-2-finished"), 1);
	assert_int_equal(logged(bed, "-poll-2\",\"type\":\"new\""), 4); /* from the first line on */
	end(bed);
}

static void a_snapshot_rests_while_a_route_is_far_behind(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 2);
	begin_ingress(bed);
	begin_snapshots(bed, "");
	expect_logged(bed, "\"finished\"", 1);
	say_to(bed->source.channel, "{\"do\":\"rest\",\"rest\":true}");
	ask(bed, "\"poll\"");
	expect_message(&bed->source, "\"state\":\"resting\"");
	assert_int_equal(logged(bed, "\"started\""), 1);
	say_to(bed->source.channel, "{\"do\":\"rest\",\"rest\":false}");
	expect_logged(bed, "\"finished\"", 2);
	end(bed);
}

/* What one configuration began the other does not go on with. */
static void a_source_becomes_one_of_snapshots_and_back(void **state)
{
	struct bed *bed = *state;
	shop_has_lines(bed, 4);
	begin(bed, 600000, "");
	expect_logged(bed, "\"finished\"", 1);
	stop_process(&bed->source);
	begin_snapshots(bed, "");
	expect_logged(bed, "\"finished\"", 2);
	assert_int_equal(logged(bed, "-poll-2\",\"type\":\"new\""), 4);
	shop_has(bed, "i0 0\ni1 1\ni2 2\n!retry\n");
	ask(bed, "\"poll\"");
	expect_message(&bed->source, "\"state\":\"outage\"");
	stop_process(&bed->source);
	shop_has_lines(bed, 5);
	begin_source(bed, 600000, "");
	expect_logged(bed, "\"finished\"", 3);
	assert_non_null(strstr(record_behind(bed, "-poll-4-started")->body.at, "{\"id\":\"i4\","));
	assert_int_equal(logged(bed, "-poll-3-finished"), 0);
	end(bed);
}

/* Killed anywhere, a run that is told as finished has all of it, and each line once. */
static void a_kill_breaks_no_snapshot(void **state)
{
	struct bed *bed = *state;
	const size_t lines = 60;
	char words[60];
	shop_has_lines(bed, lines);
	begin_ingress(bed);
	for (int i = 0; i < 12; i++) {
		begin_snapshots(bed, "");
		usleep((useconds_t)(random() % 60000));
		kill_process(i % 3 == 2 ? &bed->ingress : &bed->source);
		if (!bed->ingress.pid)
			begin_ingress(bed);
		kill_process(&bed->source);
	}
	begin_snapshots(bed, "");
	expect_message(&bed->source, "\"state\":\"idle\"");
	read_log(bed);
	for (int run = 1; run <= 13; run++) {
		snprintf(words, sizeof(words), "-poll-%d-finished", run);
		if (logged(bed, words) == 0)
			continue;
		assert_int_equal(logged(bed, words), 1);
		snprintf(words, sizeof(words), "-poll-%d\",\"type\":\"new\"", run);
		assert_int_equal(logged(bed, words), lines);
	}
	assert_true(logged(bed, "-finished") > 0);
	end(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_there_comes_page_by_page_and_then_what_is_new, fresh, gone),
		cmocka_unit_test_setup_teardown(it_polls_every_so_often_and_when_it_is_asked, fresh, gone),
		cmocka_unit_test_setup_teardown(what_comes_again_unchanged_is_dropped_before_the_log, fresh, gone),
		cmocka_unit_test_setup_teardown(a_far_side_that_cannot_be_had_is_waited_for, fresh, gone),
		cmocka_unit_test_setup_teardown(a_poll_that_fails_is_told_and_tried_at_its_next_interval, fresh, gone),
		cmocka_unit_test_setup_teardown(a_cursor_that_moves_for_nothing_is_no_tight_loop, fresh, gone),
		cmocka_unit_test_setup_teardown(a_cursor_that_moves_over_the_same_again_is_none_either, fresh, gone),
		cmocka_unit_test_setup_teardown(what_is_known_is_walked_through_without_a_pause, fresh, gone),
		cmocka_unit_test_setup_teardown(a_backfill_has_a_cursor_of_its_own_and_outlives_a_restart, fresh, gone),
		cmocka_unit_test_setup_teardown(a_backfill_of_all_hands_in_again_what_is_unchanged, fresh, gone),
		cmocka_unit_test_setup_teardown(a_poll_does_not_wait_for_a_slow_backfill, fresh, gone),
		cmocka_unit_test_setup_teardown(it_waits_for_an_ingress_and_hands_in_again, fresh, gone),
		cmocka_unit_test_setup_teardown(the_next_page_is_asked_for_while_this_one_is_handed_in, fresh, gone),
		cmocka_unit_test_setup_teardown(a_great_many_at_once_are_sifted_while_the_heart_beats, fresh, gone),
		cmocka_unit_test_setup_teardown(a_kill_loses_nothing, fresh, gone),
		cmocka_unit_test_setup_teardown(each_poll_is_a_snapshot_of_everything, fresh, gone),
		cmocka_unit_test_setup_teardown(a_backfill_of_snapshots_is_one_more, fresh, gone),
		cmocka_unit_test_setup_teardown(an_outage_is_waited_out_and_a_restart_begins_anew, fresh, gone),
		cmocka_unit_test_setup_teardown(a_snapshot_that_failed_is_never_told_as_finished, fresh, gone),
		cmocka_unit_test_setup_teardown(a_snapshot_rests_while_a_route_is_far_behind, fresh, gone),
		cmocka_unit_test_setup_teardown(a_source_becomes_one_of_snapshots_and_back, fresh, gone),
		cmocka_unit_test_setup_teardown(a_kill_breaks_no_snapshot, fresh, gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
