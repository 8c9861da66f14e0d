/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_test.c - the ingress: what it lets in, what its master tells it, how it ends. */
#include "ingest_bed.h"

#include "spent.h"

static void what_is_genuine_is_stored_and_what_is_not_is_refused(void **state)
{
	struct daemon *daemon = *state;
	static const char hello[] = "{\"hello\":\"world\"}";
	begin_with(daemon, roomy);
	expect(daemon, "POST", "/in/open?a=1", "Cookie: c\r\n", "one", "200", "{\"ok\":true}");
	expect(daemon, "POST", "/in/boards", SIGNED, hello, "200", "ok");
	expect(daemon, "PUT", "/in/token", "Authorization: Bearer s3cret\r\n", "", "202", "ok");
	expect(daemon, "HEAD", "/in/boards", "", NULL, "200", "");
	expect(daemon, "POST", "/in/token", "", "{\"challenge\":\"abc\"}", "200", "{\"challenge\":\"abc\"}");
	expect(daemon, "POST", "/in/boards", "", hello, "401", "missing");
	expect(daemon, "POST", "/in/boards", SIGNED SIGNED, hello, "401", "more than once");
	expect(daemon, "POST", "/in/boards", SIGNED, "{\"hello\":\"World\"}", "401", "does not match");
	expect(daemon, "GET", "/in/boards", "", NULL, "405", "Allow: HEAD, POST, PUT");
	expect(daemon, "HEAD", "/in/open", "", NULL, "405", "Allow: POST, PUT");
	expect(daemon, "POST", "/in/nobody", "", "", "404", "no such source");
	expect(daemon, "POST", "/in/open/", "", "", "404", "no such source");
	expect(daemon, "POST", "/in/", "", "", "404", "no such source");
	expect(daemon, "GET", "/", "", NULL, "404", "no such source");
	expect(daemon, "POST", "/in/open", "Content-Length: 100001\r\n", NULL, "413", "error");
	assert_int_equal(page_get(daemon->page, COUNTER_accepted), 3);
	assert_int_equal(page_get(daemon->page, COUNTER_handshakes), 2);
	assert_int_equal(page_get(daemon->page, COUNTER_refused), 9 + 1);
	assert_int_equal(page_get(daemon->page, COUNTER_requests), 15);
	assert_int_equal(page_get(daemon->page, COUNTER_log_end), 3);
	assert_int_equal(page_get(daemon->page, COUNTER_bytes_in), 3 + sizeof(hello) - 1);
	assert_int_equal(refused_count(daemon), 10);
	assert_int_equal(stop(daemon), 0);
	struct stored it = stored(daemon);
	assert_int_equal(it.count, 3);
	assert_true(sl_text_is(it.records[0].query, "a=1"));
	assert_null(strstr(it.records[0].headers.at, "cookie"));
	assert_int_equal(it.records[0].flags, LOG_INSECURE);
	assert_int_equal(it.records[1].flags, LOG_SECOND);
	assert_true(sl_text_is(it.records[1].body, hello));
	assert_true(sl_text_is(it.records[1].source, "boards"));
	assert_true(sl_text_is(it.records[2].method, "PUT"));
	assert_null(strstr(it.records[2].headers.at, "s3cret"));
	stored_free(&it);
}

static void only_sixty_challenges_a_minute_are_answered(void **state)
{
	struct daemon *daemon = *state;
	begin_with(daemon, roomy);
	for (int i = 0; i < 60; i++)
		expect(daemon, "POST", "/in/token", "", "{\"challenge\":\"abc\"}", "200", "abc");
	expect(daemon, "POST", "/in/token", "", "{\"challenge\":\"abc\"}", "429", "Retry-After");
	expect(daemon, "POST", "/in/token", "Authorization: Bearer s3cret\r\n", "{}", "202", "ok");
	assert_int_equal(stop(daemon), 0);
	assert_int_equal(stored_count(daemon), 1);
}

static void a_reload_changes_the_table_and_keeps_connections(void **state)
{
	struct daemon *daemon = *state;
	begin_with(daemon, roomy);
	int fd = dial(daemon);
	dprintf(fd, "POST /in/open HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
	char *answer = hear(fd, "true}\n");
	assert_non_null(strstr(answer, "HTTP/1.1 200"));
	free(answer);
	start_part(daemon, "part", roomy, "{\"name\":\"bad\",\"webhook\":{\"auth\":\"bearer\"}}");
	expect_message(daemon, "needs a secret");
	expect(daemon, "POST", "/in/open", "", "{}", "200", "ok");
	start_part(daemon, "part", roomy, "{\"name\":\"new\",\"webhook\":{\"auth\":\"none\"}}");
	send_message(daemon, "{\"do\":\"ask\",\"id\":7,\"what\":\"stat\"}");
	expect_message(daemon, "\"say\":\"answer\",\"id\":7,\"begin\":1,\"end\":2");
	dprintf(fd, "POST /in/new HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
	answer = hear(fd, "true}\n");
	assert_non_null(strstr(answer, "HTTP/1.1 200"));
	free(answer);
	close(fd);
	expect(daemon, "POST", "/in/open", "", "{}", "404", "no such source");
	expect_message(daemon, "\"name\":\"new\",\"accepted\":1");
	send_message(daemon, "{\"do\":\"ask\",\"id\":8,\"what\":\"more\"}");
	expect_message(daemon, "\"id\":8,\"error\"");
	assert_int_equal(stop(daemon), 0);
}

static void a_new_part_waits_until_the_log_is_open(void **state)
{
	struct daemon *daemon = *state;
	spawn(daemon);
	start_part(daemon, "start", roomy, SOURCES);
	start_part(daemon, "part", roomy, "{\"name\":\"new\",\"webhook\":{\"auth\":\"none\"}}");
	expect_message(daemon, "\"ready\"");
	expect(daemon, "POST", "/in/new", "", "{}", "200", "ok");
	expect(daemon, "POST", "/in/open", "", "{}", "404", "no such source");
	assert_int_equal(stop(daemon), 0);
}

static void a_stop_answers_what_has_begun(void **state)
{
	struct daemon *daemon = *state;
	begin_with(daemon, roomy);
	int fd = dial(daemon);
	char begun[64] = "";
	dprintf(fd, "POST /in/open HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
	assert_true(recv(fd, begun, sizeof(begun) - 1, 0) > 0);
	assert_non_null(strstr(begun, "100 Continue"));
	dprintf(fd, "01234");
	send_message(daemon, "{\"do\":\"stop\"}");
	usleep(100000);
	dprintf(fd, "56789");
	char *answer = hear(fd, NULL);
	assert_non_null(strstr(answer, "HTTP/1.1 200"));
	free(answer);
	close(fd);
	assert_int_equal(wait_exit(daemon), 0);
	assert_int_equal(stored_count(daemon), 1);
}

static void it_ends_when_its_master_is_gone(void **state)
{
	struct daemon *daemon = *state;
	begin_with(daemon, roomy);
	int64_t from = ours();
	shutdown(daemon->channel, SHUT_RDWR);
	assert_int_equal(wait_exit(daemon), 0);
	assert_true(ours() - from < 2000);
}

static void a_source_without_its_secret_does_not_start(void **state)
{
	struct daemon *daemon = *state;
	spawn(daemon);
	start_part(daemon, "start", roomy, "{\"name\":\"a\",\"webhook\":{\"auth\":\"bearer\"},\"secrets\":[]}");
	expect_message(daemon, "source a: webhook: auth bearer needs a secret");
	assert_non_null(strstr(daemon->heard.at, "\"final\":true"));
	assert_int_equal(WEXITSTATUS(wait_exit(daemon)), 1);
	spawn(daemon);
	start_part(daemon, "start", roomy,
		"{\"name\":\"a\",\"webhook\":{\"auth\":\"bearer\"},\"secrets\":[],\"insecure\":true}");
	expect_message(daemon, "\"ready\"");
	expect(daemon, "POST", "/in/a", "", "{}", "200", "ok");
	assert_int_equal(stop(daemon), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_genuine_is_stored_and_what_is_not_is_refused, fresh, gone),
		cmocka_unit_test_setup_teardown(only_sixty_challenges_a_minute_are_answered, fresh, gone),
		cmocka_unit_test_setup_teardown(a_reload_changes_the_table_and_keeps_connections, fresh, gone),
		cmocka_unit_test_setup_teardown(a_new_part_waits_until_the_log_is_open, fresh, gone),
		cmocka_unit_test_setup_teardown(a_stop_answers_what_has_begun, fresh, gone),
		cmocka_unit_test_setup_teardown(it_ends_when_its_master_is_gone, fresh, gone),
		cmocka_unit_test_setup_teardown(a_source_without_its_secret_does_not_start, fresh, gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
