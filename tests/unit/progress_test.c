/* SPDX-License-Identifier: Apache-2.0 */
/* progress_test.c - how fast a backfill is, and what is left of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "main/progress.h"

#define DAY ((int64_t)86400000)

static const struct reach some = { .state = "backfilling", .error = "" };

static void assert_words(const struct progress *progress, const struct reach *reach, const char *expected)
{
	struct buf out = { 0 };
	progress_words(progress, reach, &out);
	assert_string_equal(out.at, expected);
	buf_free(&out);
}

static void the_rate_is_that_of_the_last_seconds(void **state)
{
	struct progress progress = { 0 };
	struct reach reach = some;
	assert_words(&progress, &reach, "backfilling: 0 objects, 0 new");
	for (int64_t s = 0; s <= 30; s++) {
		reach.objects += s <= 15 ? 1000 : 50;
		reach.fresh = reach.objects / 2;
		progress_note(&progress, &reach, s * 1000);
		progress_note(&progress, &reach, s * 1000 + 200); /* too soon */
	}
	assert_int_equal(progress.count, 31);
	assert_int_equal(progress_rate(&progress), 50);
	assert_words(&progress, &reach, "backfilling: 16750 objects, 8375 new, 50/s");
	reach.objects = 5; /* another process */
	progress_note(&progress, &reach, 40000);
	assert_int_equal(progress_rate(&progress), -1);
}

static void what_is_left_follows_from_what_there_is(void **state)
{
	struct progress progress = { 0 };
	struct reach reach = some;
	reach.total = 1000;
	for (int64_t s = 0; s <= 200; s++) {
		reach.objects = reach.done = 2 * s;
		progress_note(&progress, &reach, s * 1000);
	}
	assert_int_equal(progress.count, PROGRESS_SAMPLES);
	assert_in_range(progress_rest(&progress), 299, 301);
	assert_words(&progress, &reach, "backfilling: 400 of 1000 objects, 0 new, 2/s, about 5 min left");
}

/* Newest first or oldest first. */
static void what_is_left_follows_from_the_times(void **state)
{
	for (int forward = 0; forward < 2; forward++) {
		struct progress progress = { 0 };
		struct reach reach = some;
		reach.since = 1767225600000; /* 2026-01-01 */
		reach.began = reach.since + 100 * DAY;
		for (int64_t s = 0; s <= 10; s++) {
			reach.oldest = forward ? reach.since : reach.began - (s + 1) * DAY;
			reach.newest = forward ? reach.since + (s + 1) * DAY : reach.began;
			reach.objects = s;
			progress_note(&progress, &reach, s * 1000);
		}
		assert_in_range(progress_rest(&progress), 88, 90);
	}
}

static void nobody_guesses_without_a_ground(void **state)
{
	struct progress progress = { 0 };
	struct reach reach = some;
	for (int64_t s = 0; s <= 10; s++) {
		reach.objects = s;
		reach.oldest = 1767225600000;
		reach.newest = reach.oldest + s;
		progress_note(&progress, &reach, s * 1000);
	}
	assert_int_equal(progress_rest(&progress), -1);
	reach.error = "the shop is closed";
	assert_words(&progress, &reach,
		"backfilling: 10 objects, 0 new, 1/s, back to 2026-01-01 00:00: the shop is closed");
	reach.error = "the shop said \x1b[2J\nnothing"; /* its words, on somebody's terminal */
	assert_words(&progress, &reach,
		"backfilling: 10 objects, 0 new, 1/s, back to 2026-01-01 00:00: the shop said ?[2J\\nnothing");
}

static void what_is_left_is_told_in_words(void **state)
{
	static const struct {
		int64_t total; /* at ten a second */
		const char *words;
	} table[] = {
		{ 900, "about 60 s left" },
		{ 72000, "about 119 min left" },
		{ 90000, "about 2 h left" },
		{ 5000000, "about 5 d left" },
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct progress progress = { 0 };
		struct reach reach = some;
		struct buf out = { 0 };
		reach.total = table[i].total;
		for (int64_t s = 0; s <= 30; s++) {
			reach.objects = reach.done = 10 * s;
			progress_note(&progress, &reach, s * 1000);
		}
		progress_words(&progress, &reach, &out);
		if (!strstr(out.at, table[i].words))
			fail_msg("\"%s\" does not say \"%s\"", out.at, table[i].words);
		buf_free(&out);
	}
}

/* What it writes to stderr. */
static const char *told(struct progress *progress, const struct reach *reach)
{
	static char text[1000];
	int ends[2], before = dup(STDERR_FILENO);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	progress_show(progress, reach);
	dup2(before, STDERR_FILENO);
	close(before);
	close(ends[1]);
	ssize_t len = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static void without_a_terminal_a_line_comes_now_and_then(void **state)
{
	struct progress progress = { .source = "shop", .json = true };
	struct reach reach = some;
	assert_string_equal(told(&progress, &reach), "");
	progress.told = 1;
	assert_string_equal(told(&progress, &reach),
		"{\"source\":\"shop\",\"state\":\"backfilling\",\"objects\":0,\"events\":0,\"done\":null,\"total\":null,"
		"\"rate\":null,\"oldest\":null,\"seconds_left\":null,\"error\":null}\n");
	assert_string_equal(told(&progress, &reach), "");
	progress.told = 1;
	reach.objects = 40, reach.fresh = 30, reach.done = 4, reach.total = 10, reach.oldest = 1767225600000;
	reach.error = "the shop is closed";
	assert_string_equal(told(&progress, &reach),
		"{\"source\":\"shop\",\"state\":\"backfilling\",\"objects\":40,\"events\":30,\"done\":4,\"total\":10,"
		"\"rate\":null,\"oldest\":\"2026-01-01T00:00:00.000Z\",\"seconds_left\":null,"
		"\"error\":\"the shop is closed\"}\n");
	progress.told = 1, progress.json = false;
	assert_string_equal(told(&progress, &reach),
		"shop: backfilling: 4 of 10 objects, 30 new, back to 2026-01-01 00:00: the shop is closed\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rate_is_that_of_the_last_seconds),
		cmocka_unit_test(what_is_left_follows_from_what_there_is),
		cmocka_unit_test(what_is_left_follows_from_the_times),
		cmocka_unit_test(nobody_guesses_without_a_ground),
		cmocka_unit_test(what_is_left_is_told_in_words),
		cmocka_unit_test(without_a_terminal_a_line_comes_now_and_then),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
