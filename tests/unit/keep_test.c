/* SPDX-License-Identifier: Apache-2.0 */
/* keep_test.c - a route's own file: what is believed of it after a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/keep.h"
#include "sdk/text.h"

#define LOG "0123456789abcdef0123456789abcdef"

static char folder[64];

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/keep-test-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[100];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static struct keep *opened(const char *log)
{
	struct why why = { "" };
	struct keep *keep = keep_open(folder, "cards", log, 1000, &why);
	if (!keep)
		fail_msg("%s", why.text);
	return keep;
}

static void keep_ids(struct keep *keep, const struct seen *seen, uint64_t from, uint64_t to)
{
	struct buf entries = { 0 };
	struct why why = { "" };
	for (uint64_t seq = from; seq <= to; seq++) {
		char id[32];
		snprintf(id, sizeof(id), "id-%d", (int)seq);
		struct seen_entry entry = seen_entry(seen, "boards", id, seq, 0);
		buf_add(&entries, &entry, sizeof(entry));
	}
	const struct keep_job job = { .first = from, .last = to, .seen = { entries.at, entries.len } };
	assert_true(keep_write(keep, &job, &why));
	buf_free(&entries);
}

static void ids_newer_than_the_cursor_are_not_believed(void **state)
{
	struct why why = { "" };
	struct seen *seen = seen_new(1000, LOG);
	struct keep *keep = opened(LOG);
	keep_ids(keep, seen, 1, 10);
	keep_ids(keep, seen, 11, 20);
	keep_close(&keep);

	keep = opened(LOG);
	assert_true(keep_begin(keep, 10, seen, &why));
	assert_int_equal(seen_count(seen), 10);
	keep_close(&keep);

	keep = opened(LOG); /* and they are gone for good */
	seen_free(&seen);
	seen = seen_new(1000, LOG);
	assert_true(keep_begin(keep, 20, seen, &why));
	assert_int_equal(seen_count(seen), 10);
	keep_close(&keep);
	seen_free(&seen);
}

static void ids_of_another_log_say_nothing(void **state)
{
	struct why why = { "" };
	struct seen *seen = seen_new(1000, LOG);
	struct keep *keep = opened(LOG);
	keep_ids(keep, seen, 1, 10);
	keep_close(&keep);
	keep = opened("ffffffffffffffffffffffffffffffff");
	assert_true(keep_begin(keep, 10, seen, &why));
	assert_int_equal(seen_count(seen), 0);
	keep_close(&keep);
	seen_free(&seen);
}

static void a_dead_letters_body_comes_back_byte_for_byte(void **state)
{
	struct why why = { "" };
	struct keep *keep = opened(LOG);
	struct arena *arena = arena_new();
	const struct log_record record = { .seq = 7, .received = 5, .source = sl_text_of("boards"),
		.headers = sl_text_of("x: y\n"), .body = { "a\0\xff{", 4 } };
	const struct keep_body copies[] = { { &record, 2 } };
	const struct keep_job job = { .copies = copies, .copy_count = 1 };
	struct log_record back;
	assert_true(keep_write(keep, &job, &why));
	assert_true(keep_copy(keep, 7, 2, arena, &back));
	assert_false(keep_copy(keep, 7, 1, arena, &back));
	assert_false(keep_copy(keep, 8, 2, arena, &back));
	assert_int_equal(back.body.len, 4);
	assert_memory_equal(back.body.at, "a\0\xff{", 4);
	assert_string_equal(back.headers.at, "x: y\n");
	assert_int_equal(back.received, 5);
	arena_free(&arena);
	keep_close(&keep);
}

static void notes_are_written_with_the_next_job(void **state)
{
	struct why why = { "" };
	struct keep *keep = opened(LOG);
	struct buf out = { 0 };
	struct keep_job job = { 0 };
	keep_history(keep, 9, 0, 1000, "no answer");
	keep_history(keep, 9, 0, 2000, "no answer \"again\"");
	keep_collect(keep, &job);
	assert_false(keep_job_empty(&job));
	assert_true(keep_write(keep, &job, &why));
	keep_job_free(keep, &job);
	keep_history_json(keep, 9, 0, &out);
	assert_string_equal(out.at, "[{\"at\":\"1970-01-01T00:00:01.000Z\",\"reason\":\"no answer\"},"
				    "{\"at\":\"1970-01-01T00:00:02.000Z\",\"reason\":\"no answer \\\"again\\\"\"}]");
	buf_free(&out);
	keep_close(&keep);
}

static void take(const struct sl_cell *cells, void *data)
{
	*(struct delivery **)data = stand_read_open(NULL, cells);
}

static void where_a_route_stands_can_lie_here_too(void **state)
{
	struct why why = { "" };
	struct keep *keep = opened(LOG);
	struct arena *arena = arena_new();
	struct delivery *delivery = delivery_new(NULL, 12, 3), *back = NULL;
	delivery_label(delivery, "boards", "abc", "updateCard", "card");
	delivery_reason(delivery, "because");
	delivery->state = DELIVERY_DEAD;
	delivery->tries = 2;
	const struct sl_row *rows[] = { stand_open_put(arena, "cards", delivery) };
	struct keep_job job = { .stand = rows, .stand_count = 1 };
	assert_true(keep_write(keep, &job, &why));
	assert_true(keep_recall(keep, &stand_open, take, &back, &why));
	assert_non_null(back);
	assert_int_equal(back->seq, 12);
	assert_int_equal(back->part, 3);
	assert_int_equal(back->tries, 2);
	assert_string_equal(back->reason, "because");
	assert_true(back->state == DELIVERY_DEAD);
	delivery_free(&back);
	rows[0] = stand_open_remove(arena, "cards", 12, 3);
	assert_true(keep_write(keep, &job, &why));
	assert_true(keep_recall(keep, &stand_open, take, &back, &why));
	assert_null(back);
	delivery_free(&delivery);
	arena_free(&arena);
	keep_close(&keep);
}

#define KEY "00112233445566778899aabbccddeeff"

static void note_answer(struct keep *keep, uint64_t seq, const char *text)
{
	assert_true(answers_note(keep_answers(keep), seq, 1, KEY, sl_text_of(text)));
}

static void write_noted(struct keep *keep)
{
	struct why why = { "" };
	struct keep_job job = { 0 };
	keep_collect(keep, &job);
	assert_false(keep_job_empty(&job));
	assert_true(keep_write(keep, &job, &why));
	keep_job_free(keep, &job);
}

static void finds_answer(struct keep *keep, uint64_t seq, const char *wanted)
{
	struct arena *arena = arena_new();
	struct sl_text found = answers_find(keep_answers(keep), seq, 1, KEY, arena);
	if (wanted) {
		assert_non_null(found.at);
		assert_int_equal(found.len, strlen(wanted));
		assert_memory_equal(found.at, wanted, found.len);
	} else {
		assert_null(found.at);
	}
	assert_null(answers_find(keep_answers(keep), seq, 2, KEY, arena).at);
	assert_null(answers_find(keep_answers(keep), seq, 1, "other", arena).at);
	arena_free(&arena);
}

static void an_answer_is_found_before_and_after_it_was_written(void **state)
{
	static char longer[100001]; /* packs well */
	struct keep *keep = opened(LOG);
	memset(longer, 'x', sizeof(longer) - 1);
	note_answer(keep, 7, "{\"status\":200}");
	note_answer(keep, 8, longer);
	finds_answer(keep, 7, "{\"status\":200}");
	write_noted(keep);
	finds_answer(keep, 7, NULL); /* nobody said that it may have been run before */
	answers_again(keep_answers(keep), 8);
	finds_answer(keep, 7, "{\"status\":200}");
	finds_answer(keep, 8, longer);
	keep_close(&keep);
	keep = opened(LOG); /* after a restart anything in the file may have been */
	finds_answer(keep, 8, longer);
	keep_close(&keep);
}

static void answers_stay_when_a_route_is_rewound_and_go_with_their_events(void **state)
{
	struct why why = { "" };
	struct keep *keep = opened(LOG);
	for (uint64_t seq = 1; seq <= 4; seq++)
		note_answer(keep, seq, "one");
	write_noted(keep);
	answers_again(keep_answers(keep), 4);
	assert_true(keep_forget(keep, 0, &why));
	finds_answer(keep, 1, "one");
	keep_log_begins(keep, 2);
	write_noted(keep);
	finds_answer(keep, 1, NULL);
	finds_answer(keep, 2, "one");
	assert_true(keep_ask_again(keep, 2, 1, &why));
	finds_answer(keep, 2, NULL);
	assert_true(keep_ask_all_again(keep, 3, &why));
	finds_answer(keep, 3, "one");
	finds_answer(keep, 4, NULL);
	for (uint64_t seq = 5; seq <= 7; seq++)
		note_answer(keep, seq, "two"); /* not written yet */
	assert_true(keep_ask_again(keep, 6, 1, &why));
	finds_answer(keep, 6, NULL);
	assert_true(keep_ask_all_again(keep, 6, &why));
	finds_answer(keep, 7, NULL);
	note_answer(keep, 8, "three");
	write_noted(keep);
	answers_again(keep_answers(keep), 8);
	finds_answer(keep, 5, "two");
	finds_answer(keep, 7, NULL);
	finds_answer(keep, 8, "three");
	keep_close(&keep);
	keep = opened("ffffffffffffffffffffffffffffffff");
	answers_again(keep_answers(keep), 4);
	finds_answer(keep, 3, NULL);
	keep_close(&keep);
}

static void a_second_owner_is_refused(void **state)
{
	struct why why = { "" };
	struct keep *keep = opened(LOG);
	assert_null(keep_open(folder, "cards", LOG, 0, &why));
	assert_true(strlen(why.text) > 0);
	keep_close(&keep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ids_newer_than_the_cursor_are_not_believed, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(ids_of_another_log_say_nothing, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_dead_letters_body_comes_back_byte_for_byte, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(notes_are_written_with_the_next_job, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(where_a_route_stands_can_lie_here_too, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(an_answer_is_found_before_and_after_it_was_written, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(answers_stay_when_a_route_is_rewound_and_go_with_their_events, make_folder,
			remove_folder),
		cmocka_unit_test_setup_teardown(a_second_owner_is_refused, make_folder, remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
