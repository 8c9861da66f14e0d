/* SPDX-License-Identifier: Apache-2.0 */
/* lua_view_test.c - documents as scripts see them, and what scripts write. */
#include "script.h"

/* What a script makes of a document: `body` computes a list of values. */
static const char *look(const char *list, const char *json)
{
	char body[1024];
	snprintf(body, sizeof(body), "local d = event.data emit { type = 'x', data = json.array { %s } }", list);
	const char *text = script_try(body, json);
	return strncmp(text, "x ", 2) == 0 ? text + 2 : text;
}

#define assert_looks(list, json, expected) assert_string_equal(look(list, json), expected)

static void members_are_found_where_they_stand(void **state)
{
	const char *json = "{\"a\":{\"b\":{\"c\":\"deep\"}},\"t\":true,\"f\":false,\"n\":-1.5,\"e\":\"\\u00e4\\n\"}";
	assert_looks("d.a.b.c, d.t, d.f, d.n, d.e", json, "[\"deep\",true,false,-1.5,\"\xc3\xa4\\n\"]");
	assert_looks(
		"d.missing == nil, d.a.missing == nil, d[1] == nil, d.t == true", json,
		"[true,true,true,true]");
	assert_looks(
		"d.missing.x", json, "fail test.lua:4: attempt to index a nil value (field 'missing')");
}

static void null_is_not_nil_but_harmless(void **state)
{
	const char *json = "{\"due\":null,\"list\":[1,null,3]}";
	assert_looks(
		"d.due ~= nil, d.due == json.null, d.due, tostring(d.due), json.kind(d.due)", json,
		"[true,true,null,\"null\",\"null\"]");
	assert_looks("(d.due and d.due.at) == nil, #d.due, d.due.a == nil", json, "[true,0,true]");
	assert_looks("#d.list, d.list[2] == json.null, d.list[3]", json, "[3,true,3]");
	assert_looks(
		"'due ' .. d.due", json,
		"fail test.lua:4: attempt to concatenate a null value (field 'due')");
	assert_looks(
		"time.parse(d.due) == nil, text.trim(d.due) == nil, text.lower(d.missing) == nil", json,
		"[true,true,true]");
}

static void integers_are_exact(void **state)
{
	const char *json = "[9223372036854775807,-9223372036854775808,9007199254740993,0,-0,12345678901234567890,1e2]";
	assert_looks(
		"d[1], d[2], d[3], d[3] + 1", json,
		"[9223372036854775807,-9223372036854775808,9007199254740993,9007199254740994]");
	assert_looks("math.type(d[1]), math.type(d[6]), d[7]", json, "[\"integer\",\"float\",100]");
	assert_looks(
		"d", json,
		"[[9223372036854775807,-9223372036854775808,9007199254740993,0,-0,12345678901234567890,1e2]]");
}

static void numbers_keep_their_text_where_wanted(void **state)
{
	const char *json = "{\"price\":45.00,\"big\":1e400,\"list\":[1.10]}";
	assert_looks(
		"json.raw(d, 'price'), json.raw(d.list, 1), json.raw(d, 'big'), json.raw(d, 'no') == nil",
		json, "[\"45.00\",\"1.10\",\"1e400\",true]");
	assert_looks("d.big", json, "[\"1e400\"]");
	assert_looks("json.raw(d.list)", json, "[\"[1.10]\"]");
}

static void lists_are_walked(void **state)
{
	assert_becomes(
		"local out = {} for i, label in ipairs(event.data.labels) do out[i] = label.name end\n"
		"emit { type = table.concat(out, ','), data = { #event.data.labels, event.data.labels[9] "
		"== nil } }",
		"{\"labels\":[{\"name\":\"a\"},{\"name\":\"b\"}]}", "a,b [2,true]");
	assert_looks(
		"table.concat(d, '-'), select('#', table.unpack(d))", "[\"x\",\"y\",7]", "[\"x-y-7\",3]");
	assert_becomes(
		"local sum = 0 for i = #event.data, 1, -1 do sum = sum * 10 + event.data[i] end\n"
		"emit { type = 'x', data = { sum } }",
		"[1,2,3]", "x [321]");
}

static void objects_are_walked(void **state)
{
	assert_becomes(
		"local names = {} for name, value in pairs(event.data) do\n"
		"names[#names + 1] = name .. '=' .. tostring(value) end emit { type = "
		"table.concat(names, ' ') , data = {} }",
		"{\"b\":1,\"a\":null,\"c\":{\"d\":[]},\"e\":\"s\"}", "b=1 a=null c={\"d\":[]} e=s {}");
	assert_becomes(
		"local n = 0 for i, v in pairs(event.data) do n = n + i * v end\n"
		"for k in pairs(json.null) do n = -1 end emit { type = 'x', data = { n } }",
		"[5,6]",
		"x [17]");
	assert_looks(
		"next({}) == nil, d == d, d.a == d.a, d.a == d, json.kind(d), json.kind(d.a)", "{\"a\":[]}",
		"[true,true,true,false,\"object\",\"array\"]");
}

static void a_copy_is_plain_tables(void **state)
{
	assert_becomes(
		"local d = json.copy(event.data) d.a = 1 d.l[2] = 'x' d.new = event.data.l\n"
		"emit { type = 'x', data = d }",
		"{\"a\":2,\"l\":[1],\"e\":[],\"n\":null}",
		"x {\"a\":1,\"e\":[],\"l\":[1,\"x\"],\"n\":null,\"new\":[1]}");
	assert_becomes(
		"return getmetatable(event.data).__index", "{}",
		"fail test.lua:4: attempt to index a boolean value");
}

static void a_view_that_is_written_to_shows_it(void **state)
{
	const char *json = "{\"card\":{\"name\":\"a\",\"due\":null,\"n\":1},\"x\":[1]}";
	assert_becomes(
		"local card = event.data.card event.data.card.name = 'b' card.due = nil card.new = { 1 }\n"
		"emit { type = card.name .. event.data.card.name, data = { event.data.card, card.due == nil } } emit {}\n"
		"emit { type = tostring(event.data.card), data = json.copy(event.data) }",
		json,
		"bb [{\"n\":1,\"name\":\"b\",\"new\":[1]},true]; "
		"updateCard {\"card\":{\"n\":1,\"name\":\"b\",\"new\":[1]},\"x\":[1]}; "
		"{\"n\":1,\"name\":\"b\",\"new\":[1]} {\"card\":{\"n\":1,\"name\":\"b\",\"new\":[1]},\"x\":[1]}");
	assert_becomes(
		"local d = event.data for name, value in pairs(d) do d[name] = value * 2 end\n"
		"local sum = 0 for name, value in pairs(d) do sum = sum + value end emit { type = 'x', data = { sum, d.a } }",
		"{\"a\":1,\"b\":2}", "x [6,2]");
	assert_becomes(
		"event.data.a.self = event.data.a emit { type = 'x' }", "{\"a\":{}}",
		"fail test.lua:4: a.self.self.self.self.self.self.self...: "
		"nested deeper than 100 levels; does it hold itself?");
}

static void a_list_that_is_written_to_shows_it(void **state)
{
	assert_becomes(
		"local l = event.data.l table.insert(l, 'z') table.remove(l, 1) l[#l + 1] = l[1]\n"
		"local seen = {} for i, v in ipairs(event.data.l) do seen[i] = v end\n"
		"emit { type = table.concat(seen, ','), data = { #l, event.data } }",
		"{\"l\":[\"x\",\"y\"],\"k\":1}", "y,z,y [3,{\"k\":1,\"l\":[\"y\",\"z\",\"y\"]}]");
	assert_becomes(
		"table.sort(event.data) emit { type = 'x' } while #event.data > 0 do table.remove(event.data) end emit { type ="
		"'y' }",
		"[3,1,2]", "x [1,2,3]; y []");
	assert_becomes("event.data[1].n = 5 emit { type = 'x' }", "[{\"n\":1},{}]", "x [{\"n\":5},{}]");
}

/* Numbers too: an untouched 45.00 is not 45. */
static void what_was_not_written_to_goes_out_as_it_came(void **state)
{
	assert_becomes(
		"event.data.a.x = 1.5 emit { type = 'x' }",
		"{\"z\":{ \"as\" : 1 },"
		"\"a\":{\"x\":0,\"price\":45.00,\"big\":12345678901234567890,\"huge\":1e400,\"l\":[1.10]}}",
		"x {\"a\":"
		"{\"big\":12345678901234567890,\"huge\":1e400,\"l\":[1.10],\"price\":45.00,\"x\":1.5},\"z\":{ \"as\" : 1 }}");
	assert_looks("json.raw(d, 'n')", "{\"n\":1.0}", "[\"1.0\"]");
	assert_becomes(
		"event.data.a = 2 emit { type = json.raw(event.data, 'a'), data = { event.data.b } }",
		"{\"a\":1.0,\"b\":{ }}", "1.0 [{ }]");
}

static void slips_in_writing_are_told(void **state)
{
	assert_becomes(
		"event.data[1] = 1", "{}", "fail test.lua:4: a name in a JSON object is a text, not a number");
	assert_becomes(
		"event.data.a = 1", "[]", "fail test.lua:4: a place in a JSON array is a number from 1, not a");
	assert_becomes(
		"event.data.due.at = 1", "{\"due\":null}", "fail test.lua:4: json.null has no members to write to");
	assert_becomes(
		"event.data.f = print emit { type = 'x' }", "{\"due\":null}",
		"fail test.lua:4: f: a function has no form in JSON");
}

/* A waiting call beside it and the next one see what came. */
static void the_event_itself_is_never_changed(void **state)
{
	struct instance *instance = script_transform("local kept",
		"kept = kept or event.data if event.data.n == 1 then event.data.n = 2 end emit { type = 'x' }");
	for (int i = 0; i < 2; i++) {
		struct sl_document *document = sl_json_read((struct sl_text){ "{\"n\":1}", 7 }, NULL, 0);
		struct sl_event event = { .json = sl_json_root(document), .data = { "{\"n\":1}", 7 } };
		struct call *call = call_new(instance, STEP_TRANSFORM);
		call->pub.event = &event;
		assert_int_equal(call_run(call, NULL, NULL), SL_DONE);
		assert_string_equal(call->emitted[0].event.data.at, "{\"n\":2}");
		assert_int_equal(sl_json_raw(event.json).len, 7);
		call_free(&call);
		sl_json_free(&document);
	}
	instance_free(&instance);
}

static void a_view_ends_with_its_call(void **state)
{
	struct instance *instance = script_transform("local kept, copy, walk = nil, nil, nil",
		"if not kept then kept, copy = event.data.a, json.copy(event.data.a) walk = pairs(kept) emit {} return end\n"
		"if event.data.walk then walk() else emit { type = 'x', data = { copy.b, kept.b } } end");
	struct call *call = script_call(instance, "{\"a\":{\"b\":1}}");
	assert_int_equal(call->outcome, SL_DONE);
	call_free(&call);
	call = script_call(instance, "{\"a\":{\"b\":2}}");
	assert_string_equal(call->why.text,
		"test.lua:5: this document ended with its call; keep what you need of it with json.copy");
	call_free(&call);
	call = script_call(instance, "{\"walk\":1}");
	assert_string_equal(call->why.text,
		"test.lua:5: this document ended with its call; keep what you need of it with json.copy");
	call_free(&call);
	instance_free(&instance);
}

static void documents_of_waiting_calls_do_not_mix(void **state)
{
	struct instance *instance = script_transform("",
		"local d = event.data sleep(d.s) emit { type = 'x', data = { d.n } }");
	const struct sl_event slow = { .data = { "{\"s\":0.05,\"n\":1}", 16 } };
	const struct sl_event fast = { .data = { "{\"s\":0,\"n\":2}", 13 } };
	bool finished[2] = { false, false };
	struct call *calls[2] = { call_new(instance, STEP_TRANSFORM), call_new(instance, STEP_TRANSFORM) };
	calls[0]->pub.event = &slow;
	calls[1]->pub.event = &fast;
	for (int i = 0; i < 2; i++)
		assert_int_equal(call_run(calls[i], script_finished, &finished[i]), SL_WAIT);
	while (!finished[0])
		uv_run(&script_loop, UV_RUN_ONCE);
	assert_true(finished[1]);
	assert_string_equal(calls[0]->emitted[0].event.data.at, "[1]");
	assert_string_equal(calls[1]->emitted[0].event.data.at, "[2]");
	call_free(&calls[0]);
	call_free(&calls[1]);
	instance_free(&instance);
}

/* --------------------------------------------------------------------- written */

static void what_is_written_is_in_order(void **state)
{
	assert_looks(
		"{ b = 1, a = { z = 1, y = 2, ['a b'] = 3 }, ['\\n'] = 'x\"' }", "{}",
		"[{\"\\n\":\"x\\\"\",\"a\":{\"a b\":3,\"y\":2,\"z\":1},\"b\":1}]");
	assert_looks(
		"{}, json.array(), json.array {}, { 1, { 2 } }, 1.0, 0.1, -0.0, 1e100", "{}",
		"[{},[],[],[1,[2]],1,0.1,-0,1e+100]");
}

static void many_members_are_in_order_too(void **state)
{
	const char *text = script_try(
		"local t = {} for i = 1, 100 do t[string.format('k%03d', i)] = i end\n"
		"emit { type = 'x', data = t }",
		"{}");
	assert_non_null(strstr(text, "x {\"k001\":1,\"k002\":2,"));
	assert_non_null(strstr(text, ",\"k099\":99,\"k100\":100}"));
}

static void what_is_no_utf8_is_replaced(void **state)
{
	assert_looks(
		"'a\\xffb\\xc3', '\\0'", "{}",
		"[\"a\xef\xbf\xbd"
		"b\xef\xbf\xbd\",\"\\u0000\"]");
}

static void what_json_has_no_form_for_is_told(void **state)
{
	assert_becomes(
		"emit { data = { card = { when = print } } }", "{}",
		"fail test.lua:4: card.when: a function has no form in JSON");
	assert_becomes(
		"emit { data = { rows = { 1, { x = 0/0 } } } }", "{}",
		"fail test.lua:4: rows.[].x: JSON has no form for an infinite number, or for one that is "
		"none");
	assert_becomes(
		"emit { data = { 1, 2, nil, 4, x = 1 } }", "{}",
		"fail test.lua:4: a list has holes or names; put json.null where nothing is, or use two "
		"tables");
	assert_becomes(
		"emit { data = { [5] = 1 } }", "{}",
		"fail test.lua:4: a name has to be a text; use tostring(), or leave no holes in a list");
	assert_non_null(strstr(script_try("local t = {} t.t = t emit { data = t }", "{}"), "does it hold itself?"));
	assert_non_null(strstr(script_try("local t = {} t.t = t json.copy(t)", "{}"), "does it hold itself?"));
}

static void text_becomes_tables_and_back(void **state)
{
	assert_looks(
		"json.decode('{\"b\":[],\"a\":{\"x\":9007199254740993,\"n\":null}}')", "{}",
		"[{\"a\":{\"n\":null,\"x\":9007199254740993},\"b\":[]}]");
	assert_looks(
		"json.encode({ a = { 1, 2 } }), json.encode(d), json.encode('x'), json.encode(json.null)",
		"{ \"k\": 1 }", "[\"{\\\"a\\\":[1,2]}\",\"{ \\\"k\\\": 1 }\",\"\\\"x\\\"\",\"null\"]");
	assert_looks(
		"json.decode('{') == nil, type(select(2, json.decode('{'))), json.decode('7')", "{}",
		"[true,\"string\",7]");
}

static void times_and_texts(void **state)
{
	assert_looks(
		"time.parse('2015-06-28T15:02:45.235Z'), time.parse('2015-06-28T17:02:45.235+02:00'),"
		" time.format(1435503765235), time.date(1435503765235), time.parse('yesterday') == nil",
		"{}", "[1435503765235,1435503765235,\"2015-06-28T15:02:45.235Z\",\"2015-06-28\",true]");
	assert_looks(
		"select(2, time.parse('yesterday')), math.type(time.now()), "
		"time.parse('1969-12-31T23:59:59.9995Z')",
		"{}",
		"[\"'yesterday' is no time in ISO 8601\",\"integer\",-1]");
	assert_looks(
		"text.trim(' \\t a b\\n'), text.lower('ÄBC'), text.lines('a\\r\\nb\\n\\nc')", "{}",
		"[\"a b\",\"äbc\",[\"a\",\"b\",\"\",\"c\"]]");
	assert_looks(
		"text.trim({})", "{}",
		"fail test.lua:4: bad argument #1 to 'trim' (string expected, got table)");
}

static void options_are_a_view(void **state)
{
	struct instance *instance = script_instance(
		"local t = { summary = 'o', options = {\n"
		"{ 'completed', 'list', initial = { 'Done', 'Shipped' } }, { 'page', 'int', initial = 1000 },\n"
		"{ 'deep', 'bool', initial = false }, { 'token', 'secret' },\n"
		"{ 'wait', 'duration', initial = '2s' } } } local kept\n"
		"function t.transform(event, opt)\n"
		"emit { type = table.concat(opt.completed, ','),\n"
		"data = { opt.page, opt.deep, opt.token, opt.wait, #opt.completed } }\n"
		"kept = kept or opt.completed if event.data.write and kept[2] == 'Shipped' then opt.page = 1 end\n"
		"if event.data.slip then log(opt.pgae) end end return t",
		"{\"page\":5,\"token\":[\"s3\"]}", 0);
	struct call *call = script_call(instance, "{}");
	assert_string_equal(call->emitted[0].event.type, "Done,Shipped");
	assert_string_equal(call->emitted[0].event.data.at, "[5,false,[\"s3\"],2000,2]");
	call_free(&call);
	call = script_call(instance, "{\"slip\":1}");
	assert_string_equal(call->why.text,
		"test.lua:9: there is no option 'pgae'; the script has completed, page, deep, token, wait");
	call_free(&call);
	call = script_call(instance, "{\"write\":1}");
	assert_string_equal(call->why.text, "test.lua:8: opt cannot be written to: write into json.copy(opt)");
	call_free(&call);
	instance_free(&instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found_where_they_stand),
		cmocka_unit_test(null_is_not_nil_but_harmless),
		cmocka_unit_test(integers_are_exact),
		cmocka_unit_test(numbers_keep_their_text_where_wanted),
		cmocka_unit_test(lists_are_walked),
		cmocka_unit_test(objects_are_walked),
		cmocka_unit_test(a_copy_is_plain_tables),
		cmocka_unit_test(a_view_that_is_written_to_shows_it),
		cmocka_unit_test(a_list_that_is_written_to_shows_it),
		cmocka_unit_test(what_was_not_written_to_goes_out_as_it_came),
		cmocka_unit_test(slips_in_writing_are_told),
		cmocka_unit_test(the_event_itself_is_never_changed),
		cmocka_unit_test(a_view_ends_with_its_call),
		cmocka_unit_test(documents_of_waiting_calls_do_not_mix),
		cmocka_unit_test(what_is_written_is_in_order),
		cmocka_unit_test(many_members_are_in_order_too),
		cmocka_unit_test(what_is_no_utf8_is_replaced),
		cmocka_unit_test(what_json_has_no_form_for_is_told),
		cmocka_unit_test(text_becomes_tables_and_back),
		cmocka_unit_test(times_and_texts),
		cmocka_unit_test(options_are_a_view),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
