/* SPDX-License-Identifier: Apache-2.0 */
/* net_judge_test.c - HTTP for plugins: what an answer means, of GraphQL too. */
#include "net_bed.h"

/* ------------------------------------------------------------------------------ GraphQL */

static void graphql_errors_are_judged(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/part", .answers = { { 200, NULL, "{\"data\":{\"a\":1},\"errors\":[{\"message\":\"b is gone\"}]}" } } },
		{ .path = "/v1/wrong", .answers = { { 200, NULL, "{\"errors\":[{\"message\":\"no field c\"},{}]}" } } },
		{ .path = "/v1/busy", .answers = { { 200, NULL, "{\"errors\":[{\"extensions\":{\"code\":\"THROTTLED\"}}]}" },
					    { 200, NULL, "{\"data\":{}}" } } },
		{ .path = "/v1/monday", .answers = { { 200, NULL, "{\"error_code\":\"ComplexityException\"}" },
					      { 200, NULL, "{\"data\":{}}" } } },
		{ .path = "/v1/later", .answers = { { 200, NULL, "{\"errors\":[{\"extensions\":{\"code\":\"COMPLEXITY_BUDGET_EXHAUSTED\","
								  "\"retry_in_seconds\":50}}]}" } } },
		{ .path = "/v1/odd", .answers = { { 200, NULL, "{\"ok\":true}" } } },
		{ 0 }
	};
	virtual_begin(places);
	assert_says(ends("{\"url\":\"/part\",\"body\":\"{}\",\"graphql\":1}"), "\"status\":200");
	assert_says(ends("{\"url\":\"/wrong\",\"body\":\"{}\",\"graphql\":1}"), "fail: POST 127.0.0.1");
	assert_says(ends("{\"url\":\"/wrong\",\"body\":\"{}\",\"graphql\":1}"),
		"/wrong was answered with a GraphQL error: no field c (the first of several)");
	assert_says(ends("{\"url\":\"/busy\",\"body\":\"{}\",\"graphql\":1}"), "\"status\":200");
	assert_says(ends("{\"url\":\"/monday\",\"body\":\"{}\",\"graphql\":1}"), "\"status\":200");
	assert_says(ends("{\"url\":\"/odd\",\"body\":\"{}\",\"graphql\":1}"), "fail: POST");
	assert_says(ends("{\"url\":\"/odd\",\"body\":\"{}\",\"graphql\":1}"), "neither data nor an error: {\"ok\":true}");
	struct asking asking;
	ask(&asking, "{\"url\":\"/later\",\"body\":\"{}\",\"graphql\":1}");
	wait_for(&asking);
	assert_int_equal(asking.call->outcome, SL_RETRY);
	assert_int_equal(asking.call->retry_after, 50000);
	call_free(&asking.call);
	over();
}

/* How long each answer asks to wait; a query, so that asking again does no harm. */
static void assert_waits(const struct answer *answer, int64_t least, int64_t most)
{
	struct place places[] = { { .path = "/v1/q" }, { 0 } };
	struct asking asking;
	places[0].answers[0] = *answer;
	virtual_begin(places);
	ask(&asking, "{\"url\":\"/q\",\"body\":\"{}\",\"graphql\":1,\"asks\":1}");
	wait_for(&asking);
	if (asking.call->outcome != SL_RETRY || asking.call->retry_after < least || asking.call->retry_after > most)
		fail_msg("%s %s: %s, after %lld", answer->headers ? answer->headers : "", answer->body, outcome(asking.call),
			(long long)asking.call->retry_after);
	call_free(&asking.call);
	over();
}

#define MINUTE_LIMIT "{\"errors\":[{\"message\":\"Minute limit rate exceeded\",\"extensions\":{" \
		     "\"code\":\"RATE_LIMIT_EXCEEDED\",\"retry_in_seconds\":38,\"status_code\":429}}]}"
#define IN_WORDS "Complexity budget exhausted, query cost 222250 budget remaining 214980 out of 10000000 " \
		 "reset in 16 seconds"

static void every_vendor_says_its_own_way_how_long(void **state)
{
	static char epoch[80];
	static const struct {
		struct answer answer;
		int64_t least, most;
	} table[] = {
		{ { 429, "Retry-After: 12.0\r\n", "" }, 12000, 12000 },
		{ { 429, "Retry-After: 10.25\r\n", "" }, 10250, 10250 },
		{ { 429, "Retry-After: soon\r\n", "" }, 0, 0 },
		{ { 429, "Retry-After: 999999\r\n", "" }, 3600000, 3600000 },
		{ { 429, "X-Rate-Limit-Reset: 41\r\n", "" }, 41000, 41000 },
		{ { 429, epoch, "" }, 295000, 300000 },
		{ { 429, "X-RateLimit-Reset: 1606808758\r\n", "" }, 0, 0 },
		{ { 429, "RateLimit: \"minuteRate\";r=0;t=38, \"concurrency\";r=3\r\n", "" }, 38000, 38000 },
		{ { 429, NULL, MINUTE_LIMIT }, 38000, 38000 },
		{ { 423, "Retry-After: 30\r\n", "" }, 30000, 30000 },
		{ { 200, NULL, "{\"data\":{\"op\":null},\"errors\":[{\"message\":\"x\",\"extensions\":{\"code\":\"FIELD_LIMIT_EXCEEDED\","
			       "\"status_code\":429,\"retry_in_seconds\":20}}]}" }, 20000, 20000 },
		{ { 200, NULL, "{\"data\":{\"a\":1,\"b\":null},\"errors\":[{\"extensions\":{\"code\":\"X\",\"status_code\":429,"
			       "\"retry_in_seconds\":20}}]}" }, 20000, 20000 },
		{ { 200, NULL, "{\"errors\":[\"" IN_WORDS "\"],\"status_code\":429,\"error_message\":\"" IN_WORDS "\","
			       "\"error_code\":\"complexityBudgetExhausted\"}" }, 16000, 16000 },
		{ { 200, NULL, "{\"errors\":[\"" IN_WORDS "\"]}" }, 16000, 16000 },
		{ { 200, NULL, "{\"errors\":[{\"message\":\"Throttled\",\"extensions\":{\"code\":\"THROTTLED\"}}],\"extensions\":{\"cost\":{"
			       "\"requestedQueryCost\":1902,\"actualQueryCost\":null,\"throttleStatus\":{"
			       "\"maximumAvailable\":2000.0,\"currentlyAvailable\":102,\"restoreRate\":100.0}}}}" }, 18000, 18001 },
		{ { 200, NULL, "{\"errors\":[{\"extensions\":{\"code\":\"IP_RATE_LIMIT_EXCEEDED\"}}]}" }, 0, 0 },
		{ { 200, NULL, "{\"errors\":[{\"extensions\":{\"code\":\"API_TEMPORARILY_BLOCKED\"}}]}" }, 0, 0 },
		{ { 200, NULL, "{\"data\":null,\"errors\":[{\"path\":[],\"extensions\":{\"status_code\":500,"
			       "\"error_code\":\"INTERNAL_SERVER_ERROR\"}}]}" }, 0, 0 },
		{ { 449, NULL, "" }, 0, 0 },
	};
	snprintf(epoch, sizeof(epoch), "X-RateLimit-Reset: %lld\r\n", (long long)time(NULL) + 300);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_waits(&table[i].answer, table[i].least, table[i].most);
}

static void what_is_used_up_for_today_waits_until_midnight(void **state)
{
	int64_t left = 86400000 - clock_wall() % 86400000;
	if (left < 20000)
		skip();
	assert_waits(&(struct answer){ 200, NULL, "{\"errors\":[{\"extensions\":{\"code\":\"DAILY_LIMIT_EXCEEDED\"}}]}" },
		left - 10000, left);
}

/* A page of a proxy, half an answer, nothing at all: the far side cannot be had, and the sentence shows what came. */
static void what_is_no_json_is_not_now_and_quoted(void **state)
{
	static const struct place places[] = {
		{ .path = "/v1/html", .answers = { { 200, NULL, "<html>\r\n <b>" SECRET "</b> is down for maintenance" } } },
		{ .path = "/v1/half", .answers = { { 200, NULL, "{\"data\":{\"boards\":[{\"id\":\"1" } } },
		{ .path = "/v1/none", .answers = { { 200, NULL, "" } } },
		{ .path = "/v1/once", .answers = { { 200, NULL, "<html>" }, { 200, NULL, "{\"data\":{}}" } } },
		{ .path = "/v1/down", .answers = { { 503, NULL, "key " SECRET " is over its limit" } } },
		{ 0 }
	};
	virtual_begin(places);
	assert_says(ends("{\"url\":\"/html\",\"body\":\"{}\",\"graphql\":1}"), "retry: POST 127.0.0.1");
	assert_says(ends("{\"url\":\"/html\",\"body\":\"{}\",\"graphql\":1}"),
		"is not JSON: <html>   <b>***</b> is down for maintenance");
	assert_says(ends("{\"url\":\"/half\",\"body\":\"{}\",\"graphql\":1,\"asks\":1}"),
		"is not JSON: {\"data\":{\"boards\":");
	assert_says(ends("{\"url\":\"/none\",\"body\":\"{}\",\"graphql\":1}"), "is not JSON: (nothing)");
	assert_says(ends("{\"url\":\"/once\",\"body\":\"{}\",\"graphql\":1,\"asks\":1}"), "\"status\":200");
	assert_says(ends("{\"url\":\"/down\"}"), "was answered with 503: key *** is over its limit");
	over();
}

static void a_quote_is_short_and_whole(void **state)
{
	static char body[1201];
	struct place places[] = { { .path = "/v1/long", .answers = { { 500, NULL, body } } }, { 0 } };
	for (size_t i = 0; i < 600; i++)
		memcpy(body + 2 * i, "\xc3\xa9", 2);
	body[0] = 'x', body[1] = 'y', body[2] = 'z', body[3] = ' '; /* so that the 200th byte is none of its own */
	memmove(body + 1, body, 1000);
	virtual_begin(places);
	const char *words = ends("{\"url\":\"/long\"}");
	assert_says(words, "500: xxyz ");
	assert_says(words, "\xc3\xa9...");
	assert_true(strlen(words) < 320);
	assert_true(sl_utf8((struct sl_text){ words, strlen(words) }));
	over();
}

static void a_redirect_elsewhere_carries_nothing_and_is_not_believed(void **state)
{
	static char location[80];
	static const struct place places[] = {
		{ .path = "/v1/moved", .answers = { { 302, location, "" } } },
		{ .path = "/v1/posted", .answers = { { 307, location, "" } } },
		{ .path = "/elsewhere", .answers = { { 200, NULL, "{}" } } },
		{ 0 }
	};
	virtual_begin(places);
	snprintf(location, sizeof(location), "Location: http://localhost:%d/elsewhere\r\n", far.port); /* another origin */
	const char *words = ends("{\"url\":\"/moved\"}");
	assert_says(words, "retry: GET 127.0.0.1:");
	assert_says(words, "/moved was redirected elsewhere, to localhost:");
	assert_says(words, ", which answered 200: {}");
	assert_says(far.heard[0], SECRET);
	assert_says(far.heard[1], "GET /elsewhere?");
	assert_silent(far.heard[1], SECRET);
	const int asked = far.count;
	assert_says(ends("{\"url\":\"/posted\",\"body\":\"{}\"}"), "\"status\":307");
	assert_int_equal(far.count, asked + 1);
	over();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(graphql_errors_are_judged),
		cmocka_unit_test(every_vendor_says_its_own_way_how_long),
		cmocka_unit_test(what_is_used_up_for_today_waits_until_midnight),
		cmocka_unit_test(what_is_no_json_is_not_now_and_quoted),
		cmocka_unit_test(a_quote_is_short_and_whole),
		cmocka_unit_test(a_redirect_elsewhere_carries_nothing_and_is_not_believed),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
