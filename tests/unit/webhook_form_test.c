/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_form_test.c - bodies that are forms are read as JSON objects of their fields. */
#include "webhook_bed.h"

#define FORM "content-type: application/x-www-form-urlencoded\n"

static void assert_reads(const char *headers, struct sl_text body, const char *json)
{
	struct arena *arena = arena_new();
	struct log_record record = post(headers, "");
	struct sl_text data = { NULL, 0 };
	char why[160] = "";
	record.body = body;
	struct sl_document *document = webhook_read(&record, arena, &data, why, sizeof(why));
	if (!json && document)
		fail_msg("%.*s is read as %s", (int)body.len, body.at, data.at);
	if (json && (!document || !sl_text_is(data, json)))
		fail_msg("%.*s: %s %s, not %s", (int)body.len, body.at, data.at ? data.at : "", why, json);
	sl_json_free(&document);
	arena_free(&arena);
}

static void forms_become_objects(void **state)
{
	static const struct {
		const char *body, *json;
	} table[] = {
		{ "", "{}" },
		{ "a=1", "{\"a\":\"1\"}" },
		{ "Task.ID=7&Task.Name=Caf%C3%A9+%26+bar&Event=TASK.UPDATED",
			"{\"Task.ID\":\"7\",\"Task.Name\":\"Café & bar\",\"Event\":\"TASK.UPDATED\"}" },
		{ "b=2&a=1&b=&b=3", "{\"b\":[\"2\",\"\",\"3\"],\"a\":\"1\"}" },
		{ "a", "{\"a\":\"\"}" },
		{ "=1", "{\"\":\"1\"}" },
		{ "&&a=1&&", "{\"a\":\"1\"}" },
		{ "a=b=c", "{\"a\":\"b=c\"}" },
		{ "a%3Db=%3D", "{\"a=b\":\"=\"}" },
		{ "a=%&b=%4&c=%zz&d=%4g", "{\"a\":\"%\",\"b\":\"%4\",\"c\":\"%zz\",\"d\":\"%4g\"}" },
		{ "a=%00b", "{\"a\":\"\\u0000b\"}" },
		{ "a=%ff%fe", "{\"a\":\"\xef\xbf\xbd\xef\xbf\xbd\"}" },
		{ "a=%22%5C%0A", "{\"a\":\"\\\"\\\\\\n\"}" },
		{ "x[]=1&x[]=2", "{\"x[]\":[\"1\",\"2\"]}" },
		{ "%61=1&a=2", "{\"a\":[\"1\",\"2\"]}" },
		{ "payload=%7B%22a%22%3A1%7D", "{\"payload\":\"{\\\"a\\\":1}\"}" },
		{ "{\"a\":1}", "{\"a\":1}" }, /* curl -d says that it is a form */
		{ "{a=1", "{\"{a\":\"1\"}" },
		{ "null", "{\"null\":\"\"}" },
	};
	for (size_t i = 0; i < COUNT(table); i++)
		assert_reads(FORM, sl_text_of(table[i].body), table[i].json);
}

static void the_type_says_that_it_is_a_form(void **state)
{
	assert_reads("content-type: Application/X-WWW-Form-URLencoded ; charset=UTF-8\n", sl_text_of("a=1"),
		"{\"a\":\"1\"}");
	assert_reads("content-type: application/x-www-form-urlencoded2\n", sl_text_of("a=1"), NULL);
	assert_reads("content-type: multipart/form-data\n", sl_text_of("a=1"), NULL);
	assert_reads("content-type: application/json\n", sl_text_of("a=1"), NULL);
	assert_reads("", sl_text_of("a=1"), NULL);
	assert_reads("", sl_text_of("{\"a\":1}"), "{\"a\":1}");
}

static void a_form_has_its_limits(void **state)
{
	struct buf many = { 0 }, same = { 0 };
	struct arena *arena = arena_new();
	for (size_t i = 0; i < 10000; i++) {
		buf_format(&many, "f%zu=x&", i);
		buf_string(&same, "a&");
	}
	struct log_record record = post(FORM, "");
	char why[160] = "";
	record.body = (struct sl_text){ many.at, many.len };
	struct sl_document *document = webhook_read(&record, arena, NULL, why, sizeof(why));
	assert_int_equal(sl_json_count(sl_json_root(document)), 10000);
	assert_string_equal(sl_json_string(sl_json_get(sl_json_root(document), "f9999")).at, "x");
	sl_json_free(&document);
	record.body = (struct sl_text){ same.at, same.len };
	document = webhook_read(&record, arena, NULL, why, sizeof(why));
	assert_int_equal(sl_json_count(sl_json_get(sl_json_root(document), "a")), 10000);
	sl_json_free(&document);
	buf_string(&many, "one=more");
	record.body = (struct sl_text){ many.at, many.len };
	assert_null(webhook_read(&record, arena, NULL, why, sizeof(why)));
	assert_string_equal(why, "a form of more than 10000 fields");
	arena_free(&arena);
	buf_free(&many);
	buf_free(&same);
}

static void selectors_find_fields(void **state)
{
	struct webhook *webhook = must("{\"auth\":\"none\",\"id\":\"body:/Task.ID body:/Task.Updated\","
				       "\"type\":\"body:/Event\",\"subject\":\"body:/Task.ID\","
				       "\"time\":\"body:/Task.Updated\"}", NULL, NULL);
	struct log_record record = post(FORM, "Event=TASK.UPDATED&Task.ID=71&Task.Updated=2024-11-21T22%3A00%3A19Z");
	struct arena *arena = arena_new();
	struct webhook_found found;
	struct sl_document *document = webhook_read(&record, arena, NULL, NULL, 0);
	webhook_find(webhook, &record, sl_json_root(document), arena, &found);
	assert_string_equal(found.event.id, "71:2024-11-21T22:00:19Z");
	assert_string_equal(found.event.type, "TASK.UPDATED");
	assert_string_equal(found.event.subject, "71");
	assert_int_equal(found.event.time, NOW);
	sl_json_free(&document);
	arena_free(&arena);
	webhook_free(&webhook);
}

/* Any bytes: a form is always read, and what was made of it is JSON. */
static void noise_is_read(void **state)
{
	static const char letters[] = "a=&%+%41%00%ff\x80\xff\0\n{[\"\\=&ab";
	unsigned seed = 11;
	for (size_t i = 0; i < 5000; i++) {
		char noise[64];
		struct arena *arena = arena_new();
		struct log_record record = post(FORM, "");
		for (size_t j = 0; j < sizeof(noise); j++)
			noise[j] = letters[(seed = seed * 1103515245 + 12345) / 65536 % sizeof(letters)];
		record.body = (struct sl_text){ noise, i % sizeof(noise) };
		struct sl_document *document = webhook_read(&record, arena, NULL, NULL, 0);
		assert_int_equal(sl_json_kind(sl_json_root(document)), SL_KIND_OBJECT);
		sl_json_free(&document);
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_become_objects),
		cmocka_unit_test(the_type_says_that_it_is_a_form),
		cmocka_unit_test(a_form_has_its_limits),
		cmocka_unit_test(selectors_find_fields),
		cmocka_unit_test(noise_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
