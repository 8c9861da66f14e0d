/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_log_test.c - the ingress and its log: what was acknowledged is stored, what cannot be stored is not. */
#include "ingest_bed.h"

#include <sys/resource.h>

static void a_successor_waits_for_the_log(void **state)
{
	struct daemon *daemon = *state, other = *daemon;
	begin_with(daemon, roomy);
	expect(daemon, "POST", "/in/open", "", "one", "200", "ok");
	other.heard = (struct buf){ 0 };
	spawn(&other);
	start_part(&other, "start", roomy, SOURCES);
	assert_false(readable(other.channel, 500));
	kill(daemon->pid, SIGKILL);
	wait_exit(daemon);
	expect_message(&other, "\"ready\"");
	expect(&other, "POST", "/in/open", "", "two", "200", "ok");
	assert_int_equal(stop(&other), 0);
	buf_free(&other.heard);
	assert_int_equal(stored_count(daemon), 2);
}

/* The status of a post to the open source. */
static const char *answered(const struct daemon *daemon, const char *body)
{
	static char status[4];
	char *answer = ask(daemon, "POST", "/in/open", "", body);
	snprintf(status, sizeof(status), "%.3s", answer + 9);
	free(answer);
	return status;
}

static void a_full_log_is_503_until_there_is_room(void **state)
{
	struct daemon *daemon = *state;
	char *body = malloc(50001);
	memset(body, 'x', 50000);
	body[50000] = '\0';
	begin_with(daemon, "\"size\":3000000,\"keep\":1,\"reserve\":0,\"segment\":1048576");
	int taken = 0;
	while (strcmp(answered(daemon, body), "200") == 0)
		taken++;
	assert_in_range(taken, 20, 60);
	for (int i = 0; i < 20; i++)
		expect(daemon, "POST", "/in/open", "", body, "503", "Retry-After: 30\r\n");
	expect_message(daemon, "\"state\":\"refusing\",\"error\":\"the log is full");
	assert_int_equal(page_get(daemon->page, COUNTER_log_end), taken);
	atomic_store(&daemon->page->floor, (uint64_t)taken + 1);
	expect_message(daemon, "\"state\":\"running\",\"sources\"");
	expect(daemon, "POST", "/in/open", "", body, "200", "ok");
	start_part(daemon, "part", "\"size\":1000,\"keep\":1,\"reserve\":0,\"segment\":1048576", SOURCES);
	while (strcmp(answered(daemon, body), "503") != 0)
		assert_true(++taken < 200);
	start_part(daemon, "part", roomy, SOURCES);
	expect_message(daemon, "\"state\":\"running\",\"sources\"");
	expect(daemon, "POST", "/in/open", "", body, "200", "ok");
	assert_int_equal(stop(daemon), 0);
	free(body);
}

/* A limit on file sizes stands for a disk that fails in the middle of a write. */
static void after_a_failed_write_nothing_is_acknowledged(void **state)
{
	struct daemon *daemon = *state;
	begin_with(daemon, roomy);
	expect(daemon, "POST", "/in/open", "", "one", "200", "ok");
	struct rlimit limit = { 4096, RLIM_INFINITY };
	assert_int_equal(prlimit(daemon->pid, RLIMIT_FSIZE, &limit, NULL), 0);
	char *body = calloc(1, 50001);
	memset(body, 'x', 50000);
	char *answer = ask(daemon, "POST", "/in/open", "", body);
	assert_string_equal(answer, "");
	expect_message(daemon, "\"say\":\"fatal\"");
	assert_non_null(strstr(daemon->heard.at, "\"final\":false"));
	assert_int_equal(WEXITSTATUS(wait_exit(daemon)), 1);
	free(answer);
	free(body);
	begin_with(daemon, roomy);
	expect(daemon, "POST", "/in/open", "", "two", "200", "ok");
	assert_int_equal(stop(daemon), 0);
	struct stored it = stored(daemon);
	assert_true(it.count >= 2);
	assert_true(sl_text_is(it.records[0].body, "one"));
	assert_true(sl_text_is(it.records[it.count - 1].body, "two"));
	stored_free(&it);
}

static void a_log_that_was_taken_away_ends_it(void **state)
{
	struct daemon *daemon = *state;
	char command[128];
	begin_with(daemon, roomy);
	expect(daemon, "POST", "/in/open", "", "one", "200", "ok");
	/* A segment may just be made in it. */
	snprintf(command, sizeof(command), "until rm -rf %s/log; do :; done 2>&1", daemon->folder);
	assert_int_equal(system(command), 0);
	expect_message(daemon, "\"say\":\"fatal\"");
	assert_int_equal(WEXITSTATUS(wait_exit(daemon)), 1);
}

/* Acknowledged is stored: killed at once after the answer, again and again. */
static void nothing_acknowledged_is_lost_by_a_kill(void **state)
{
	struct daemon *daemon = *state;
	static const char post[] = "POST /in/open HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n";
	size_t acknowledged = 0;
	for (int round = 0; round < 5; round++) {
		begin_with(daemon, roomy);
		int fd = dial(daemon);
		for (int i = 0; i < 20; i++) {
			dprintf(fd, "%s%06zu", post, acknowledged);
			char *answer = hear(fd, "true}\n");
			acknowledged += strstr(answer, "200 OK") != NULL;
			free(answer);
		}
		kill(daemon->pid, SIGKILL);
		wait_exit(daemon);
		close(fd);
	}
	assert_int_equal(acknowledged, 100);
	struct stored it = stored(daemon);
	assert_int_equal(it.count, acknowledged);
	for (size_t i = 0; i < it.count; i++)
		assert_int_equal(strtoul(it.records[i].body.at, NULL, 10), i);
	stored_free(&it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_successor_waits_for_the_log, fresh, gone),
		cmocka_unit_test_setup_teardown(a_full_log_is_503_until_there_is_room, fresh, gone),
		cmocka_unit_test_setup_teardown(after_a_failed_write_nothing_is_acknowledged, fresh, gone),
		cmocka_unit_test_setup_teardown(a_log_that_was_taken_away_ends_it, fresh, gone),
		cmocka_unit_test_setup_teardown(nothing_acknowledged_is_lost_by_a_kill, fresh, gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
