/* SPDX-License-Identifier: Apache-2.0 */
/* buf_test.c - text as JSON: what stands for itself, what is escaped, wherever it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "sdk/json.h"

/* The text comes back from a reader that knows nothing of the writer. */
static void comes_back(const char *text, size_t len)
{
	struct buf out = { 0 };
	json_open(&out, '[');
	json_text(&out, (struct sl_text){ text, len });
	json_text(&out, (struct sl_text){ text, len });
	json_close(&out, ']');
	struct sl_document *document = sl_json_read((struct sl_text){ out.at, out.len }, NULL, 0);
	assert_non_null(document);
	for (size_t i = 0; i < 2; i++) {
		struct sl_text read = sl_json_string(sl_json_element(sl_json_root(document), i));
		assert_int_equal(read.len, len);
		assert_memory_equal(read.at, text, len);
	}
	sl_json_free(&document);
	buf_free(&out);
}

static void text_comes_back_wherever_it_has_to_be_escaped(void **state)
{
	static const char odd[] = { '"', '\\', '\n', 0, 0x1f, 0x7f };
	char text[40];
	for (size_t len = 0; len <= 33; len++) {
		memset(text, 'a', sizeof(text));
		comes_back(text, len);
		for (size_t at = 0; at < len; at++) {
			for (size_t i = 0; i < sizeof(odd); i++) {
				text[at] = odd[i];
				comes_back(text, len);
			}
			text[at] = 'a';
			if (at + 2 > len)
				continue;
			memcpy(text + at, "\xc3\xa4", 2);
			comes_back(text, len);
			memset(text, 'a', sizeof(text));
		}
	}
}

static void names_and_values_are_told_apart(void **state)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "plain", "a");
	json_member_string(&out, "od\"d", NULL);
	json_key(&out, "\n"), json_int(&out, INT64_MIN);
	json_member_int(&out, "", 0);
	json_member_int(&out, "n", INT64_MAX);
	json_close(&out, '}');
	assert_string_equal(out.at,
		"{\"plain\":\"a\",\"od\\\"d\":null,\"\\n\":-9223372036854775808,\"\":0,\"n\":9223372036854775807}");
	buf_free(&out);
}

static void what_is_no_utf8_is_replaced(void **state)
{
	struct buf out = { 0 };
	json_text(&out, (struct sl_text){ "abcdefgh\xff", 9 });
	assert_string_equal(out.at, "\"abcdefgh\xef\xbf\xbd\"");
	assert_int_equal(out.len, strlen(out.at));
	buf_free(&out);
}

/* As printf has it, with as few digits as read back the same. */
static void same_double(double number)
{
	struct buf out = { 0 };
	char wanted[40];
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(wanted, sizeof(wanted), "%.*g", digits, number);
		if (strtod(wanted, NULL) == number)
			break;
	}
	json_double(&out, number);
	assert_string_equal(out.at, wanted);
	buf_free(&out);
}

static void a_number_has_its_shortest_form(void **state)
{
	static const double odd[] = { 0, -0.0, 45, -45, 0.1, -0.05, 31.45, 1e-4, 0.00012, 9.9e-5, 1e9, 1e9 + 0.25, 1e15,
		1e22, 5e-324, 0.1 + 0.2, 100.005, 1234.5678, 1234.56789, 999999999.9999, 0.99999, 1.7976931348623157e308 };
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		same_double(odd[i]);
	for (int64_t i = -30000; i < 30000; i++) {
		same_double((double)i / 100);
		same_double((double)(i * 99991) / 10000);
		same_double((double)i / 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_comes_back_wherever_it_has_to_be_escaped),
		cmocka_unit_test(names_and_values_are_told_apart),
		cmocka_unit_test(what_is_no_utf8_is_replaced),
		cmocka_unit_test(a_number_has_its_shortest_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
