/* SPDX-License-Identifier: Apache-2.0 */
/* net_test.c - HTTP for plugins: what is filled in, and repeated. */
#include "net_bed.h"

/* ------------------------------------------------------------------------ what is sent */

static void an_api_is_filled_in(void **state)
{
	static const struct place places[] = { { .path = "/v1/cards", .answers = { { 200, NULL, "{}" } } }, { 0 } };
	begin(places);
	assert_string_equal(ends("{\"url\":\"/cards\",\"query\":{\"a b\":\"1&2\"}}"), fine);
	assert_says(far.heard[0], "GET /v1/cards?a%20b=1%262&key=" SECRET "\n");
	assert_says(far.heard[0], "authorization: Bearer " SECRET "\n");
	assert_says(far.heard[0], "x-kind: plain\n");
	assert_says(far.heard[0], "user-agent: sluice/");
	ends("{\"url\":\"/cards?key=mine\",\"headers\":{\"x-Kind\":\"own\"},\"body\":\"{}\"}");
	assert_says(far.heard[1], "POST /v1/cards?key=mine\n");
	assert_says(far.heard[1], "x-kind: own\n");
	assert_silent(far.heard[1], "plain");
	assert_says(far.heard[1], "content-type: application/json\n");
	assert_says(far.heard[1], "\n{}");
	over();
}

static void a_whole_url_to_the_same_place_is_the_apis_too(void **state)
{
	static const struct place places[] = { { .path = "/v1/next", .answers = { { 200, NULL, "{}" } } }, { 0 } };
	char json[128];
	begin(places);
	snprintf(json, sizeof(json), "{\"url\":\"http://127.0.0.1:%d/v1/next?page=2\"}", far.port);
	assert_string_equal(ends(json), fine);
	assert_says(far.heard[0], "Bearer " SECRET);
	over();
}

static void nobody_else_sees_a_token(void **state)
{
	static const struct place places[] = { { .path = "/v1/other", .answers = { { 200, NULL, "{}" } } }, { 0 } };
	char json[128];
	begin(places);
	snprintf(json, sizeof(json), "{\"url\":\"http://127.1:%d/v1/other\"}", far.port); /* not where the api is */
	assert_string_equal(ends(json), fine);
	assert_silent(far.heard[0], SECRET);
	over();
}

static void what_cannot_be_sent_fails_at_once(void **state)
{
	begin(NULL);
	assert_says(ends("{\"url\":\"cards\"}"), "fail: ");
	assert_says(ends("{\"url\":\"/c\",\"headers\":{\"A\":\"x\\r\\nB: y\"}}"),
		"the header A has no value that can be sent");
	assert_says(ends("{\"url\":\"/c\",\"headers\":{\"A B\":\"x\"}}"), "\"A B\" is no name of a header");
	assert_says(ends("{\"url\":\"/c\",\"method\":\"GE T\"}"), "\"GE T\" is no method");
	assert_says(ends("{\"url\":\"ftp://example.com/\"}"), "fail: ");
	assert_int_equal(far.count, 0);
	over();
}

static void an_option_with_a_line_break_fills_nothing(void **state)
{
	static const char *const headers[] = { "A: {token}", NULL };
	static const struct sl_api api = { .base = "https://{host}", .headers = headers };
	static const struct {
		const char *options, *why;
	} cases[] = {
		{ "{\"host\":\"x\",\"token\":[\"a\\r\\nB: c\"]}", "the option token goes into requests" },
		{ "{\"host\":\"x\",\"token\":[]}", "needs the option token" },
		{ "{\"token\":[\"a\"]}", "needs the option host" },
	};
	for (size_t i = 0; i < 3; i++) {
		struct why why = { 0 };
		struct buf out = { 0 };
		struct sl_document *values =
			sl_json_read((struct sl_text){ cases[i].options, strlen(cases[i].options) }, NULL, 0);
		assert_false(net_api_fill(&api, sl_json_root(values), "asks", "salt", &out, &why));
		assert_says(why.text, cases[i].why);
		sl_json_free(&values);
		buf_free(&out);
	}
}

static void who_has_the_same_token_shares_a_budget(void **state)
{
	static const struct sl_api shared = { .base = "https://x", .credential = "{token}" }, own = { .base = "https://x" };
	near.arena = arena_new();
	const struct net_api *a = make_api(&shared, "{\"token\":[\"t\"]}");
	const struct net_api *b = make_api(&shared, "{\"token\":[\"t\",\"u\"]}");
	const struct net_api *c = make_api(&shared, "{\"token\":[\"u\"]}"), *d = make_api(&own, "{\"token\":[\"t\"]}");
	assert_string_equal(a->credential, b->credential);
	assert_string_not_equal(a->credential, c->credential);
	assert_string_not_equal(a->credential, d->credential);
	assert_int_equal(strlen(a->credential), 16);
	arena_free(&near.arena);
}

/* ------------------------------------------------------------------------ trying again */

static void what_is_not_now_is_asked_again(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/cards", .answers = { { 503, NULL, "" }, { 500, NULL, "" }, { 200, "X-Kind: good\r\n", "{}" } } },
		{ 0 }
	};
	virtual_begin(places);
	assert_string_equal(ends("{\"url\":\"/cards\"}"),
		"{\"status\":200,\"body\":\"{}\",\"json\":true,\"kind\":\"good\"}");
	assert_int_equal(far.count, 3);
	over();
}

static void at_last_it_is_an_outage(void **state)
{
	static const struct place places[] = { { .path = "/v1/cards", .answers = { { 500, NULL, "" } } }, { 0 } };
	struct asking asking;
	virtual_begin(places);
	ask(&asking, "{\"url\":\"/cards?token=" SECRET "\"}");
	wait_for(&asking);
	assert_int_equal(asking.call->outcome, SL_RETRY);
	assert_true(asking.call->outage);
	assert_says(asking.call->why.text, "/cards was answered with 500");
	assert_says(asking.call->why.text, "GET 127.0.0.1:");
	assert_silent(asking.call->why.text, SECRET);
	assert_int_equal(far.count, 4);
	call_free(&asking.call);
	over();
}

static void what_may_have_been_done_is_not_repeated(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/lost", .answers = { { 502, NULL, "" } } },
		{ .path = "/v1/busy", .answers = { { 429, NULL, "" }, { 200, NULL, "{}" } } },
		{ .path = "/v1/search", .answers = { { 502, NULL, "" }, { 200, NULL, "{}" } } },
		{ .path = "/v1/mine", .answers = { { 502, NULL, "{}" } } },
		{ 0 }
	};
	virtual_begin(places);
	assert_says(ends("{\"url\":\"/lost\",\"body\":\"{}\"}"), "retry: POST 127.0.0.1");
	assert_int_equal(far.count, 1);
	assert_string_equal(ends("{\"url\":\"/busy\",\"body\":\"{}\"}"), fine);
	assert_string_equal(ends("{\"url\":\"/search\",\"body\":\"{}\",\"asks\":1}"), fine);
	assert_says(ends("{\"url\":\"/mine\",\"all\":1}"), "\"status\":502");
	over();
}

static void silence_is_kept(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/cards", .answers = { { 429, "Retry-After: 120\r\n", "" } } }, { 0 }
	};
	struct asking asking;
	virtual_begin(places);
	ask(&asking, "{\"url\":\"/cards\"}");
	wait_for(&asking);
	assert_int_equal(asking.call->outcome, SL_RETRY);
	assert_int_equal(asking.call->retry_after, 120000);
	call_free(&asking.call);
	ask(&asking, "{\"url\":\"/boards\"}");
	wait_for(&asking);
	assert_int_equal(asking.call->outcome, SL_RETRY);
	assert_in_range(asking.call->retry_after, 110000, 120000);
	assert_says(asking.call->why.text, "wants to be left alone for 120 s");
	call_free(&asking.call);
	assert_int_equal(far.count, 1);
	over();
}

static void a_date_is_a_time_too(void **state)
{
	static char header[80];
	static struct place places[] = { { .path = "/v1/cards" }, { 0 } };
	time_t then = time(NULL) + 600;
	struct asking asking;
	strftime(header, sizeof(header), "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime(&then));
	places[0].answers[0] = (struct answer){ 503, header, "" };
	virtual_begin(places);
	ask(&asking, "{\"url\":\"/cards\"}");
	wait_for(&asking);
	assert_in_range(asking.call->retry_after, 590000, 601000);
	call_free(&asking.call);
	over();
}

static void nobody_there_is_an_outage(void **state)
{
	struct asking asking;
	far_begin(NULL);
	http_server_free(&far.server);
	uv_run(&script_loop, UV_RUN_DEFAULT);
	near_begin(&(struct given){ .virtual_clock = true });
	ask(&asking, "{\"url\":\"/cards?a=" SECRET "\"}");
	wait_for(&asking);
	assert_int_equal(asking.call->outcome, SL_RETRY);
	assert_true(asking.call->outage);
	assert_says(asking.call->why.text, "/cards: no connection");
	assert_silent(asking.call->why.text, SECRET);
	call_free(&asking.call);
	over();
}

static void who_is_inside_is_not_reached(void **state)
{
	begin(NULL);
	assert_says(ends("{\"url\":\"http://169.254.169.254/latest?a=" SECRET "\"}"), "fail: GET 169.254.169.254: ");
	over();
}

/* -------------------------------------------------------------------- without a network */

static bool canned(void *data, struct call *call, const struct client_request *request, bool safe, struct arena *arena,
	struct client_answer *given)
{
	int *count = data;
	if (strstr(request->url, "/elsewhere"))
		return false;
	if (strstr(request->url, "/forbidden")) {
		given->end = CLIENT_REFUSED;
		given->why = "the test has no answer for this";
		return true;
	}
	given->status = ++*count == 1 ? 503 : 200;
	given->url = request->url;
	given->body = arena_text(arena, (struct sl_text){ "{}", 2 });
	return true;
}

static void answers_may_be_canned(void **state)
{
	int count = 0;
	memset(&far, 0, sizeof(far));
	near_begin(&(struct given){
		.net = { .canned = canned, .canned_data = &count }, .no_client = true, .virtual_clock = true });
	int64_t began = clock_ticks();
	assert_string_equal(ends("{\"url\":\"/cards\"}"), fine);
	assert_int_equal(count, 2);
	assert_string_equal(ends("{\"url\":\"/cards\"}"), fine); /* nothing is shared */
	assert_int_equal(count, 3);
	assert_says(ends("{\"url\":\"/forbidden\"}"), "/forbidden: the test has no answer for this");
	assert_says(ends("{\"url\":\"/elsewhere\"}"), "there is no network here");
	assert_true(clock_ticks() - began < 10000);
	over();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_api_is_filled_in),
		cmocka_unit_test(a_whole_url_to_the_same_place_is_the_apis_too),
		cmocka_unit_test(nobody_else_sees_a_token),
		cmocka_unit_test(what_cannot_be_sent_fails_at_once),
		cmocka_unit_test(an_option_with_a_line_break_fills_nothing),
		cmocka_unit_test(who_has_the_same_token_shares_a_budget),
		cmocka_unit_test(what_is_not_now_is_asked_again),
		cmocka_unit_test(at_last_it_is_an_outage),
		cmocka_unit_test(what_may_have_been_done_is_not_repeated),
		cmocka_unit_test(silence_is_kept),
		cmocka_unit_test(a_date_is_a_time_too),
		cmocka_unit_test(nobody_there_is_an_outage),
		cmocka_unit_test(who_is_inside_is_not_reached),
		cmocka_unit_test(answers_may_be_canned),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
