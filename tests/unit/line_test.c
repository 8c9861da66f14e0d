/* SPDX-License-Identifier: Apache-2.0 */
/* line_test.c - log lines: JSON for programs, text on a terminal, and who speaks of what. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/line.h"
#include "sdk/json.h"

static const struct about event = { .source = "boards", .route = "cards", .event = "e1", .seq = 7 };

static char heard[4096];

/* Stderr becomes `end` while `say` speaks; what came out of `from` is in `heard`. */
static void listen_to(int end, int from, void (*say)(void))
{
	int before = dup(STDERR_FILENO);
	dup2(end, STDERR_FILENO);
	say();
	dup2(before, STDERR_FILENO);
	close(before);
	ssize_t len = read(from, heard, sizeof(heard) - 1);
	assert_true(len > 0);
	heard[len] = '\0';
	close(end);
	close(from);
}

static void hear_pipe(void (*say)(void))
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	listen_to(ends[1], ends[0], say);
}

static void hear_terminal(void (*say)(void))
{
	int person = posix_openpt(O_RDWR | O_NOCTTY);
	if (person < 0 || grantpt(person) < 0 || unlockpt(person) < 0)
		skip(); /* no terminals here */
	listen_to(open(ptsname(person), O_RDWR | O_NOCTTY), person, say);
}

static const char *member(const char *pointer)
{
	static char value[200];
	struct sl_document *document = sl_json_read((struct sl_text){ heard, strlen(heard) }, NULL, 0);
	assert_non_null(document);
	struct sl_text text = sl_json_raw(sl_json_at(sl_json_root(document), pointer));
	memcpy(value, text.len ? text.at : "", text.len);
	value[text.len] = '\0';
	sl_json_free(&document);
	return value;
}

/* -------------------------------------------------------------------------- speakers */

static void of_an_event(void)
{
	line_about(SL_WARNING, &event, "a \"word\"\nand\x1b[31m %d", 7);
}

static void of_a_seq(void)
{
	line_about(SL_ERROR, &(struct about){ .seq = 7 }, "gone");
}

static void of_nothing(void)
{
	line(SL_DEBUG, "nobody needs to know");
	line(SL_INFO, "ready");
}

/* ----------------------------------------------------------------------------- tests */

static int as_route(void **state)
{
	line_setup("route", "cards", SL_INFO);
	return 0;
}

static void a_program_reads_one_object_a_line(void **state)
{
	hear_pipe(of_an_event);
	assert_string_equal(strchr(heard, '\n'), "\n");
	assert_string_equal(member("/level"), "\"warning\"");
	assert_string_equal(member("/part"), "\"route\"");
	assert_string_equal(member("/source"), "\"boards\"");
	assert_string_equal(member("/route"), "\"cards\"");
	assert_string_equal(member("/event"), "\"e1\"");
	assert_string_equal(member("/seq"), "7");
	assert_string_equal(member("/text"), "\"a \\\"word\\\"\\nand\\u001b[31m 7\"");
	assert_int_equal(strlen(member("/time")), strlen("\"2026-11-21T10:00:00.000Z\""));
}

static void who_speaks_for_a_route_or_a_source_need_not_say_so(void **state)
{
	hear_pipe(of_nothing);
	assert_string_equal(member("/route"), "\"cards\"");
	assert_string_equal(member("/source"), "");
	assert_null(strstr(heard, "nobody needs to know"));
	line_setup("source", "boards", SL_DEBUG);
	hear_pipe(of_nothing);
	assert_non_null(strstr(heard, "\"source\":\"boards\",\"text\":\"nobody needs to know\"}\n{"));
	line_setup("ingress", NULL, SL_INFO);
	hear_pipe(of_nothing);
	assert_string_equal(member("/source"), "");
}

/* What came from outside must not move a person's cursor. */
static void a_person_reads_plain_words(void **state)
{
	hear_terminal(of_an_event);
	assert_string_equal(heard + strlen("10:00:00"), " warning route cards boards: a \"word\" and [31m 7 [e1]\r\n");
	hear_terminal(of_a_seq);
	assert_string_equal(heard + strlen("10:00:00"), " error   route cards: gone [seq 7]\r\n");
	hear_terminal(of_nothing);
	assert_string_equal(heard + strlen("10:00:00"), " info    route cards: ready\r\n");
}

static char taken[100];

static void take(enum sl_level level, const struct about *about, const char *text)
{
	assert_int_equal(level, SL_WARNING);
	assert_string_equal(about->event, "e1");
	strncpy(taken, text, sizeof(taken) - 1);
}

static void lines_can_be_handed_to_somebody(void **state)
{
	line_divert(take);
	of_an_event();
	line_divert(NULL);
	assert_string_equal(taken, "a \"word\"\nand\x1b[31m 7");
	hear_pipe(of_nothing);
	assert_string_equal(member("/text"), "\"ready\"");
}

static void levels_have_words(void **state)
{
	enum sl_level level;
	assert_true(line_level("warning", &level) && level == SL_WARNING);
	assert_true(line_level("debug", &level) && level == SL_DEBUG);
	assert_false(line_level("loud", &level));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_program_reads_one_object_a_line, as_route),
		cmocka_unit_test_setup(who_speaks_for_a_route_or_a_source_need_not_say_so, as_route),
		cmocka_unit_test_setup(a_person_reads_plain_words, as_route),
		cmocka_unit_test_setup(lines_can_be_handed_to_somebody, as_route),
		cmocka_unit_test(levels_have_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
