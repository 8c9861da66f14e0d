/* SPDX-License-Identifier: Apache-2.0 */
/* lua_http_test.c - scripts that ask the far side: what is sent, what comes back, and who waits. */
#include "host/net.h"
#include "script.h"

/* ------------------------------------------------------------------ the far side */

static struct buf asked;       /* "GET http://... name: value ... body\n" for each request */
static int asked_count;        /* requests so far */
static const char *answers[8]; /* JSON by turns; the last stays */
static int statuses[8];

static bool answer(void *data, struct call *call, const struct client_request *request, bool safe,
	struct arena *arena, struct client_answer *answer)
{
	static const struct sl_pair link = { "link", "<http://a.test/2>; rel=next" }, *const headers[] = { &link, NULL };
	int turn = asked_count++;
	turn = turn < 8 ? turn : 7;
	while (turn > 0 && !answers[turn])
		turn--;
	buf_format(&asked, "%s%s %s", safe ? "" : "!", request->method, request->url);
	for (const struct sl_pair *const *header = request->headers; header && *header; header++)
		if (strcmp((*header)->name, "User-Agent") != 0)
			buf_format(&asked, " %s: %s", (*header)->name, (*header)->value);
	buf_format(&asked, " %.*s\n", (int)request->body.len, request->body.at ? request->body.at : "");
	*answer = (struct client_answer){
		.end = CLIENT_ANSWERED,
		.status = statuses[turn] ? statuses[turn] : 200,
		.headers = headers,
		.body = arena_text(arena, (struct sl_text){ answers[turn], strlen(answers[turn]) }),
		.url = request->url,
	};
	return true;
}

static int far_side_setup(void **state)
{
	static const struct sl_pair key = { "key", "k1" }, token = { "Authorization", "Bearer t" };
	static const struct sl_pair *const query[] = { &key, NULL }, *const headers[] = { &token, NULL };
	static const struct net_api api = {
		.base = "http://own.test/v1", .headers = headers, .query = query, .credential = "own"
	};
	if (script_setup(state))
		return 1;
	const struct net_settings settings = { .loop = &script_loop, .canned = answer };
	script_net = net_new(&settings);
	script_api = &api;
	return script_net == NULL;
}

static int far_side_teardown(void **state)
{
	net_free(&script_net);
	buf_free(&asked);
	return script_teardown(state);
}

static int forget(void **state)
{
	memset(answers, 0, sizeof(answers));
	memset(statuses, 0, sizeof(statuses));
	answers[0] = "{}";
	asked_count = 0;
	buf_clear(&asked);
	return 0;
}

#define assert_asked(expected) assert_string_equal(asked.at, expected)

/* ------------------------------------------------------------------------ answers */

static void an_answer_is_waited_for(void **state)
{
	answers[0] = "{\"name\":\"a card\",\"n\":9007199254740993}";
	assert_becomes(
		"local a = http { url = 'http://a.test/1', query = { b = 2, a = { 'x y', true } } }\n"
		"emit { type = a.json.name, data = { a.status, a.ok, a.headers['Link'], a.headers.LINK, a.headers.no == nil,\n"
		"a.url, a.body, a.json.n, tostring(a) } }",
		"{}",
		"a card [200,true,\"<http://a.test/2>; rel=next\",\"<http://a.test/2>; rel=next\",true,"
		"\"http://a.test/1?a=x%20y&a=true&b=2\",\"{\\\"name\\\":\\\"a card\\\",\\\"n\\\":9007199254740993}\","
		"9007199254740993,\"HTTP 200 from http://a.test/1?a=x%20y&a=true&b=2\"]");
	assert_asked("GET http://a.test/1?a=x%20y&a=true&b=2 \n");
}

static void what_is_no_json_is_nil(void **state)
{
	answers[0] = "oops";
	statuses[0] = 404;
	assert_becomes(
		"local a = http.get('/x') local names = {} for name in pairs(a.headers) do names[#names + 1] = name end\n"
		"emit { type = names[1], data = { a.json == nil, a.status, a.ok, a.body } }",
		"{}", "link [true,404,false,\"oops\"]");
}

static void an_answer_ends_with_its_call(void **state)
{
	struct instance *instance = script_transform("local kept",
		"if kept then emit { type = kept.body } end kept = http.get('/x') emit { type = 'x' }");
	struct call *call = script_call(instance, "{}");
	call_free(&call);
	call = script_call(instance, "{}");
	assert_non_null(strstr(call->why.text, "this document ended with its call"));
	call_free(&call);
	instance_free(&instance);
}

/* ----------------------------------------------------------------------- requests */

static void the_api_is_put_in_front(void **state)
{
	assert_becomes(
		"http.get('/cards/1', { fields = 'all' }) http.post('/cards', { name = 'x', list = event.data.l })\n"
		"http.put('/cards/1', 'plain', { headers = { ['Content-Type'] = 'text/plain' } }) http.delete('/cards/1')\n"
		"http.request { url = '/cards/2', method = 'PATCH', body = event.data } http.get('http://else.test/y') "
		"emit { type = 'x' }",
		"{\"l\":[ ]}", "x {\"l\":[ ]}");
	assert_asked(
		"GET http://own.test/v1/cards/1?fields=all&key=k1 Authorization: Bearer t \n"
		"!POST http://own.test/v1/cards?key=k1 Authorization: Bearer t Content-Type: application/json "
		"{\"list\":[ ],\"name\":\"x\"}\n"
		"!PUT http://own.test/v1/cards/1?key=k1 Content-Type: text/plain Authorization: Bearer t plain\n"
		"!DELETE http://own.test/v1/cards/1?key=k1 Authorization: Bearer t \n"
		"!PATCH http://own.test/v1/cards/2?key=k1 Authorization: Bearer t Content-Type: application/json {\"l\":[ ]}\n"
		"GET http://else.test/y \n");
}

static void the_source_has_an_api_of_its_own(void **state)
{
	static const struct net_api theirs = { .base = "http://theirs.test", .credential = "theirs" };
	struct instance *instance = script_transform("",
		"source.get('/a', { x = 1 }) source.post('/b', {}) http.get('/c')\n"
							 "source.request { url = '/d', asks = true, body = '' } emit { type = 'x' }");
	struct call *call = call_new(instance, STEP_TRANSFORM);
	bool finished = false;
	call->source_api = &theirs;
	assert_int_equal(call_run(call, script_finished, &finished), SL_WAIT);
	while (!finished)
		uv_run(&script_loop, UV_RUN_ONCE);
	assert_int_equal(call->outcome, SL_DONE);
	assert_asked(
		"GET http://theirs.test/a?x=1 \n"
		"!POST http://theirs.test/b Content-Type: application/json {}\n"
		"GET http://own.test/v1/c?key=k1 Authorization: Bearer t \n"
		"GET http://theirs.test/d \n");
	call_free(&call);
	instance_free(&instance);
}

static void slips_in_requests_are_told(void **state)
{
	static const struct {
		const char *body, *why;
	} slips[] = {
		{ "http { ulr = 'x' }", "http knows no 'ulr'; a request has url, method" },
		{ "http {}", "http: url is missing" },
		{ "http { 'x' }", "http takes named fields" },
		{ "http.get()", "bad argument #1 to 'get' (string expected, got no value)" },
		{ "http { url = 'http://a.test', method = 'get it' }", "method is 'get it'; it has to be a word" },
		{ "http.get('http://a.test', { x = {{}} })", "http: query.x is a table; it has to be a text" },
		{ "http.get('http://a.test', { 'x' })", "http: query has to be a table by name" },
		{ "http.get('http://a.test', 7)", "http: query has to be a table by name, not a number" },
		{ "http.get('http://a.test', nil, { headers = { a = 'x\\r\\ny: z' } })", "holds a zero byte or a line break" },
		{ "http.get('http://a.test', nil, { timeout = 'soon' })", "http: timeout has to be seconds" },
		{ "http.get('http://a.test', nil, { most = 0.5 })", "http: most has to be a whole number from 1" },
		{ "http.get('http://a.test', nil, { file = '/etc/x' })", "lies in no folder that an option of type path names" },
		{ "http.post('http://a.test', print)", "a function has no form in JSON" },
		{ "http.get('/x').bdoy()", "an answer has no 'bdoy'; it has status, ok" },
		{ "http.get('/x').body = 1", "an answer cannot be changed" },
		{ "coroutine.wrap(function() http.get('/x') end)()", "http cannot be used in a coroutine of your own" },
		{ "table.sort({ 2, 1 }, function() source.get('/x') end)",
			"source cannot be used in a function that table.sort" },
		{ "source.get('/x')", "the source of this event has no api" },
	};
	for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++) {
		const char *told = script_try(slips[i].body, "{}");
		if (strncmp(told, "fail ", 5) != 0 || !strstr(told, slips[i].why))
			fail_msg("%s: \"%s\", not \"%s\"", slips[i].body, told, slips[i].why);
	}
}

static void graphql_gives_data_and_errors(void **state)
{
	answers[0] = "{\"data\":{\"me\":{\"id\":1}},\"errors\":[{\"message\":\"half\"}]}";
	answers[1] = "{\"data\":{\"done\":true}}";
	assert_becomes(
		"local data, errors, answer = http.graphql('query ($n: Int) { me }', { n = 3 })\n"
		"local more, none = http.graphql('# x\\nmutation { do }', nil, { url = '/graphql' })\n"
		"emit { type = errors[1].message, data = { data.me.id, answer.status, more.done, none == nil } }",
		"{}", "half [1,200,true,true]");
	assert_asked(
		"POST http://own.test/v1?key=k1 Authorization: Bearer t Content-Type: application/json "
		"{\"query\":\"query ($n: Int) { me }\",\"variables\":{\"n\":3}}\n"
		"!POST http://own.test/v1/graphql?key=k1 Authorization: Bearer t Content-Type: application/json "
		"{\"query\":\"# x\\nmutation { do }\"}\n");
}

static void files_go_where_an_option_says(void **state)
{
	char options[128], body[256];
	snprintf(options, sizeof(options), "{\"folder\":\"%s\"}", script_folder);
	static const char *const files[][2] = {
		{ "/x.csv", "fine" },
		{ "/../x.csv", "lies in no folder" },
		{ "/..", "is no path of a file" },
		{ "/missing/x", "there is no folder" },
		{ "/link/x", "lies in no folder" },
	};
	snprintf(body, sizeof(body), "%s/link", script_folder);
	assert_int_equal(symlink("/etc", body), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(body, sizeof(body),
			"return { summary = 'f', options = { { 'folder', 'path' } }, transform = function(event, opt)\n"
			"http.get('http://a.test', nil, { file = opt.folder .. '%s' }) emit { type = 'fine' } end }",
			files[i][0]);
		struct instance *instance = script_instance(body, options, 0);
		struct call *call = script_call(instance, "{}");
		const char *told = call->outcome == SL_DONE ? call->emitted[0].event.type : call->why.text;
		if (!strstr(told, files[i][1]))
			fail_msg("%s: %s", files[i][0], told);
		call_free(&call);
		instance_free(&instance);
	}
}

/* -------------------------------------------------------------------------- waits */

static void pcall_around_an_answer_works(void **state)
{
	assert_becomes(
		"local ok, why = pcall(function() local a = http.get('/x') return a.json.no.more end)\n"
		"emit { type = tostring(ok), data = { why } }",
		"{}", "false [\"test.lua:4: attempt to index a nil value (field 'no')\"]");
	assert_becomes(
		"local function look() local a = http.get('/x') return a.json.no.more end\nlook()", "{}",
		"fail test.lua:4: attempt to index a nil value (field 'no') in function 'look', called from test.lua:5");
}

/* "Not now" ends the call, whoever would catch it; what it left open is closed. */
static void what_says_not_now_never_comes_back(void **state)
{
	answers[0] = "busy";
	statuses[0] = 409;
	assert_becomes("emit { type = 'x', data = { http.get('/x').status } }", "{}", "x [409]");
	forget(state);
	for (int i = 0; i < 8; i++)
		answers[i] = "busy", statuses[i] = 503;
	assert_becomes("emit { type = 'x', data = { http.get('/x', nil, { all = true }).status } }", "{}", "x [503]");
	struct instance *instance = script_transform("local closed = 0",
		"local guard <close> = setmetatable({}, { __close = function() closed = closed + 1 end })\n"
		"if event.data.ask then pcall(http.post, '/x', {}) end emit { type = 'after', data = { closed } }");
	struct call *call = script_call(instance, "{\"ask\":true}");
	assert_int_equal(call->outcome, SL_RETRY);
	assert_true(call->outage);
	assert_int_equal(call->emitted_count, 0);
	struct call *next = script_call(instance, "{}");
	assert_string_equal(next->emitted[0].event.data.at, "[1]");
	call_free(&call);
	call_free(&next);
	instance_free(&instance);
}

static void other_calls_go_on(void **state)
{
	struct instance *instance = script_transform("local order = 0",
		"http.get('/' .. event.data.n) order = order + 1 emit { type = 'x', data = { order } }");
	struct call *calls[64];
	bool finished[64] = { false }, waiting = true;
	static char texts[64][16];
	static struct sl_event events[64];
	for (int i = 0; i < 64; i++) {
		snprintf(texts[i], sizeof(texts[i]), "{\"n\":%d}", i);
		events[i] = (struct sl_event){ .id = "e", .data = { texts[i], strlen(texts[i]) } };
		calls[i] = call_new(instance, STEP_TRANSFORM);
		calls[i]->pub.event = &events[i];
		assert_int_equal(call_run(calls[i], script_finished, &finished[i]), SL_WAIT);
	}
	while (waiting) {
		uv_run(&script_loop, UV_RUN_ONCE);
		waiting = false;
		for (int i = 0; i < 64; i++)
			waiting |= !finished[i];
	}
	assert_int_equal(asked_count, 64);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(calls[i]->outcome, SL_DONE);
		call_free(&calls[i]);
	}
	instance_free(&instance);
}

/* ------------------------------------------------------------------------- limits */

/* Each answer gives the instructions back, but the number of waits has an end. */
static void a_long_walk_is_not_killed_but_an_endless_one_is(void **state)
{
	script_budget = 2000000;
	assert_becomes(
		"for page = 1, 20 do http.get('/p' .. page) for i = 1, 100000 do local x = i * 2 end end emit { type = 'x' }",
		"{}", "x {}");
	assert_non_null(strstr(script_try("for page = 1, 20 do for i = 1, 1e6 do local x = i end end", "{}"),
		"used more than 2000000 instructions"));
	assert_becomes(
		"while true do pcall(sleep, 0) end", "{}", "fail test.lua:4: waited more than 10000 times in one call");
	script_budget = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_answer_is_waited_for, forget),
		cmocka_unit_test_setup(what_is_no_json_is_nil, forget),
		cmocka_unit_test_setup(an_answer_ends_with_its_call, forget),
		cmocka_unit_test_setup(the_api_is_put_in_front, forget),
		cmocka_unit_test_setup(the_source_has_an_api_of_its_own, forget),
		cmocka_unit_test_setup(slips_in_requests_are_told, forget),
		cmocka_unit_test_setup(graphql_gives_data_and_errors, forget),
		cmocka_unit_test_setup(files_go_where_an_option_says, forget),
		cmocka_unit_test_setup(pcall_around_an_answer_works, forget),
		cmocka_unit_test_setup(what_says_not_now_never_comes_back, forget),
		cmocka_unit_test_setup(other_calls_go_on, forget),
		cmocka_unit_test_setup(a_long_walk_is_not_killed_but_an_endless_one_is, forget),
	};
	return cmocka_run_group_tests(tests, far_side_setup, far_side_teardown);
}
