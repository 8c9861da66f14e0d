/* SPDX-License-Identifier: Apache-2.0 */
/* http_test.c - what the HTTP server takes, refuses, and how it answers. */
#include "http_rows.h"

/* ------------------------------------------------------- one row, one request */

static const char nul_in_name[] = GET "X-\0A: b\r\n\r\n";

/* `first` bytes, then the others in steps. */
static void play(const struct row *row, bool closes, size_t first, size_t step)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	const char *bytes = row->bytes ? row->bytes : nul_in_name;
	size_t len = row->bytes ? strlen(bytes) : sizeof(nul_in_name) - 1;
	say_bytes(&client, bytes, first, first);
	say_bytes(&client, bytes + first, len - first, step);
	const char *heard = house->heard.at ? house->heard.at : "";
	if (last_status(&client) != row->status || strcmp(heard, row->heard) != 0 || (closes && !client.closed))
		fail_msg("%s, split at %zu: status %d, %s, heard:\n%s", row->title, first, last_status(&client),
			client.closed ? "closed" : "open", heard);
	if (closes && (!strstr(client.got.at, "Connection: close\r\n") || !strstr(client.got.at, "{\"error\":\"")))
		fail_msg("%s: answered %s", row->title, client.got.at);
	leave(&client);
	close_house(house);
}

static void play_split(const struct row *row, bool closes)
{
	size_t len = row->bytes ? strlen(row->bytes) : sizeof(nul_in_name) - 1;
	for (size_t first = 1; first <= len; first++)
		play(row, closes, first, len);
	play(row, closes, 1, 1);
}

static void what_is_clear_is_accepted_however_it_is_split(void **state)
{
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
		play_split(&accepted[i], false);
}

static void what_is_doubtful_is_refused_and_closed_however_it_is_split(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		play_split(&refused[i], true);
}

/* ------------------------------------------------------------------- answers */

static void an_answer_has_its_length_and_type(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	say(&client, GET "\r\n");
	assert_non_null(strstr(client.got.at, "HTTP/1.1 200 OK\r\nDate: "));
	assert_non_null(strstr(client.got.at, "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"));
	assert_null(strstr(client.got.at, "Connection:"));
	leave(&client);
	close_house(house);
}

/* What was put together for the last answer serves the next one, if that is the same. */
static void an_answer_is_not_the_one_before(void **state)
{
	static const struct {
		const char *request;
		struct sl_text answer;
		const char *expected;
	} table[] = {
		{ GET "\r\n", { "aa", 2 }, "Content-Length: 2\r\n\r\naa" },
		{ GET "\r\n", { "aa", 2 }, "Content-Length: 2\r\n\r\naa" },
		{ GET "\r\n", { "ab", 2 }, "Content-Length: 2\r\n\r\nab" },
		{ "HEAD / HTTP/1.1\r\n" HOST "\r\n", { "ab", 2 }, "Content-Length: 2\r\n\r\n" },
		{ GET "\r\n", { "ab", 2 }, "Content-Length: 2\r\n\r\nab" },
		{ GET "\r\n", { "", 0 }, "Content-Length: 0\r\n\r\n" },
		{ GET "\r\n", { "abc", 3 }, "Content-Length: 3\r\n\r\nabc" },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", { "abc", 3 },
			"Content-Length: 3\r\nConnection: keep-alive\r\n\r\nabc" },
		{ "GET /missing HTTP/1.1\r\n" HOST "\r\n", { "abc", 3 }, "{\"error\":\"there is nothing here\"}\n" },
		{ GET "\r\n", { "abc", 3 }, "Content-Length: 3\r\n\r\nabc" },
		{ GET "Connection: close\r\n\r\n", { "abc", 3 }, "Content-Length: 3\r\nConnection: close\r\n\r\nabc" },
	};
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t before = client.got.len;
		house->answer = table[i].answer;
		say(&client, table[i].request);
		assert_int_equal(memcmp(client.got.at + before, "HTTP/1.1 ", 9), 0);
		assert_true(client.got.len > before + strlen(table[i].expected));
		assert_string_equal(client.got.at + client.got.len - strlen(table[i].expected), table[i].expected);
	}
	assert_true(client.closed);
	leave(&client);
	close_house(house);
}

/* Heads are looked at in pieces: wherever it stands, and however long the head is. */
static void what_is_stray_is_found_everywhere(void **state)
{
	static const char strays[] = "\x01\x7f\r\n";
	for (size_t len = 0; len < 40; len++) {
		char head[200], value[64] = "";
		memset(value, 'v', len);
		int all = snprintf(head, sizeof(head), GET "X-Name: %s\r\n\r\n", value);
		struct house *house = open_house(&plain, NULL);
		struct client client = call_in(house);
		say(&client, head);
		assert_int_equal(status_of(&client, 0), 200);
		leave(&client);
		for (int i = 0; i < (int)sizeof(strays) - 1; i++) {
			int at = all - 5 - (int)(len * (size_t)(i + 1) / 5);
			char was = head[at];
			head[at] = strays[i];
			client = call_in(house);
			say(&client, head);
			assert_int_equal(status_of(&client, 0), 400);
			leave(&client);
			head[at] = was;
		}
		close_house(house);
	}
}

static void head_is_answered_without_the_body(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	say(&client, "HEAD / HTTP/1.1\r\n" HOST "\r\n"
		     "HEAD /missing HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(status_of(&client, 0), 200);
	assert_int_equal(status_of(&client, 1), 404);
	assert_non_null(strstr(client.got.at, "Content-Length: 2\r\n\r\nHTTP"));
	assert_null(strchr(client.got.at, '{'));
	leave(&client);
	close_house(house);
}

static void an_old_client_may_keep_the_connection(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	say(&client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_non_null(strstr(client.got.at, "Connection: keep-alive\r\n"));
	assert_false(client.closed);
	say(&client, "GET / HTTP/1.0\r\n\r\n");
	assert_true(client.closed);
	leave(&client);
	close_house(house);
}

static void answers_leave_in_the_order_of_the_requests(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	house->defer = true;
	say(&client, "GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\nGET /3 HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(house->later_count, 3);
	http_answer(house->later[2], 203, NULL, (struct sl_text){ "c", 1 });
	http_answer(house->later[1], 202, NULL, (struct sl_text){ "b", 1 });
	hear(&client);
	assert_int_equal(client.got.len, 0);
	http_answer(house->later[0], 201, "X-A: b\r\nContent-Type: text/plain\r\n", (struct sl_text){ "a", 1 });
	hear(&client);
	assert_int_equal(status_of(&client, 0), 201);
	assert_int_equal(status_of(&client, 1), 202);
	assert_int_equal(status_of(&client, 2), 203);
	assert_non_null(strstr(client.got.at, "X-A: b\r\nContent-Type: text/plain\r\n\r\na"));
	house->later_count = 0;
	leave(&client);
	close_house(house);
}

static void an_early_refusal_waits_for_its_turn(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	house->defer = true;
	say(&client, GET "\r\nGET /missing HTTP/1.1\r\n" HOST "\r\nnonsense\r\n\r\n");
	assert_int_equal(client.got.len, 0);
	http_answer(house->later[0], 200, NULL, house->answer);
	house->later_count = 0;
	hear(&client);
	assert_int_equal(status_of(&client, 0), 200);
	assert_int_equal(status_of(&client, 1), 404);
	assert_int_equal(status_of(&client, 2), 400);
	assert_true(client.closed);
	leave(&client);
	close_house(house);
}

static void a_connection_without_answers_is_read_no_further(void **state)
{
	struct house *house = open_house(&(struct http_limits){ .pipeline = 3 }, NULL);
	struct client client = call_in(house);
	struct buf many = { 0 };
	house->defer = true;
	for (int i = 0; i < 10; i++)
		buf_format(&many, "POST /%d HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi", i);
	say(&client, many.at);
	assert_int_equal(house->later_count, 3);
	for (int i = 0; i < 10; i++) {
		assert_true(house->later_count > i);
		http_answer(house->later[i], 200, NULL, (struct sl_text){ &"0123456789"[i], 1 });
		house->later[i] = NULL;
		turn(house);
	}
	hear(&client);
	assert_int_equal(status_of(&client, 9), 200);
	assert_int_equal(status_of(&client, 10), 0);
	assert_int_equal(client.got.at[client.got.len - 1], '9');
	assert_false(client.closed);
	leave(&client);
	buf_free(&many);
	close_house(house);
}

static void answering_a_dead_connection_is_harmless(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	house->defer = true;
	say(&client, GET "\r\n" GET "\r\nGET / HT");
	http_answer(house->later[1], 200, NULL, house->answer);
	assert_false(http_gone(house->later[0]));
	setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	leave(&client);
	pass(house, 20);
	http_answer(house->later[0], 200, NULL, house->answer);
	house->later_count = 0;
	assert_int_equal(http_server_in_flight(house->server), 0);
	close_house(house);
}

static void who_only_ends_sending_is_still_answered(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	house->defer = true;
	say(&client, GET "\r\n");
	shutdown(client.fd, SHUT_WR);
	pass(house, 10);
	http_answer(house->later[0], 200, NULL, house->answer);
	house->later_count = 0;
	hear(&client);
	assert_int_equal(status_of(&client, 0), 200);
	assert_true(client.closed);
	leave(&client);
	close_house(house);
}

static void a_request_that_ends_in_the_middle_is_400(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	say(&client, POST "Content-Length: 5\r\n\r\nhell");
	shutdown(client.fd, SHUT_WR);
	hear(&client);
	assert_int_equal(status_of(&client, 0), 400);
	assert_true(client.closed);
	assert_int_equal(house->heard.len, 0);
	leave(&client);
	close_house(house);
}

static void a_requests_members_are_what_was_sent(struct http_request *request, void *data)
{
	struct house *house = data;
	assert_string_equal(request->method, "POST");
	assert_int_equal(request->header_count, 4);
	assert_int_equal(request->length, 2);
	assert_int_equal(http_header(request, "x-b").len, 0);
	assert_non_null(http_header(request, "x-b").at);
	assert_null(http_header(request, "x-c").at);
	buf_add(&house->heard, request->text.at, request->text.len);
	http_answer(request, 204, NULL, (struct sl_text){ 0 });
}

static void headers_are_told_as_tidy_lines(void **state)
{
	struct house *house = open_house(&plain, NULL);
	house->service.handle = a_requests_members_are_what_was_sent;
	struct client client = call_in(house);
	const char *bytes = "POST / HTTP/1.1\r\nHost:a\r\nX-B:\r\n"
			    "x-TRELLO-Webhook: \t kEEP  it \t\r\nContent-length:2\r\n\r\nhi";
	for (size_t step = 1; step < 4; step++)
		say_bytes(&client, bytes, strlen(bytes), step);
	say(&client, bytes);
	const char *one = "host: a\nx-b: \nx-trello-webhook: kEEP  it\ncontent-length: 2\n";
	for (size_t i = 0; i < 4; i++)
		assert_memory_equal(house->heard.at + i * strlen(one), one, strlen(one));
	assert_int_equal(status_of(&client, 3), 204);
	assert_null(strstr(client.got.at, "Content-Length"));
	leave(&client);
	close_house(house);
}

/* ------------------------------------------------------------ 100-continue */

static void continue_is_said_before_the_body_and_once(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	say(&client, POST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
	assert_string_equal(client.got.at, "HTTP/1.1 100 Continue\r\n\r\n");
	say(&client, "ab");
	say(&client, "cd");
	assert_int_equal(status_of(&client, 1), 200);
	assert_int_equal(status_of(&client, 2), 0);
	assert_string_equal(house->heard.at, "POST /in||abcd\n");
	leave(&client);
	close_house(house);
}

static void a_refusal_comes_instead_of_continue(void **state)
{
	struct house *house = open_house(&(struct http_limits){ .body = 3 }, NULL);
	struct client client = call_in(house);
	say(&client, POST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
	assert_int_equal(status_of(&client, 0), 413);
	assert_true(client.closed);
	assert_int_equal(house->heads, 0);
	leave(&client);
	client = call_in(house);
	say(&client, "POST /missing HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_int_equal(status_of(&client, 0), 404);
	assert_true(client.closed);
	leave(&client);
	close_house(house);
}

static void continue_waits_for_the_answers_before_it(void **state)
{
	struct house *house = open_house(&plain, NULL);
	struct client client = call_in(house);
	house->defer = true;
	say(&client, GET "\r\n" POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n");
	assert_int_equal(client.got.len, 0);
	http_answer(house->later[0], 200, NULL, house->answer);
	hear(&client);
	assert_int_equal(status_of(&client, 0), 200);
	assert_int_equal(status_of(&client, 1), 100);
	say(&client, "x");
	http_answer(house->later[1], 201, NULL, house->answer);
	house->later_count = 0;
	hear(&client);
	assert_int_equal(status_of(&client, 2), 201);
	leave(&client);
	close_house(house);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_clear_is_accepted_however_it_is_split),
		cmocka_unit_test(what_is_doubtful_is_refused_and_closed_however_it_is_split),
		cmocka_unit_test(an_answer_has_its_length_and_type),
		cmocka_unit_test(an_answer_is_not_the_one_before),
		cmocka_unit_test(what_is_stray_is_found_everywhere),
		cmocka_unit_test(head_is_answered_without_the_body),
		cmocka_unit_test(an_old_client_may_keep_the_connection),
		cmocka_unit_test(answers_leave_in_the_order_of_the_requests),
		cmocka_unit_test(an_early_refusal_waits_for_its_turn),
		cmocka_unit_test(a_connection_without_answers_is_read_no_further),
		cmocka_unit_test(answering_a_dead_connection_is_harmless),
		cmocka_unit_test(who_only_ends_sending_is_still_answered),
		cmocka_unit_test(a_request_that_ends_in_the_middle_is_400),
		cmocka_unit_test(headers_are_told_as_tidy_lines),
		cmocka_unit_test(continue_is_said_before_the_body_and_once),
		cmocka_unit_test(a_refusal_comes_instead_of_continue),
		cmocka_unit_test(continue_waits_for_the_answers_before_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
