/* SPDX-License-Identifier: Apache-2.0 */
/* text_test.c - comparing text, UTF-8, decimals, and how unlike two names are. */
#include "sdk/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(literal) ((struct sl_text){ literal, sizeof(literal) - 1 })
#define ROWS(table) (sizeof(table) / sizeof(*(table)))

static void comparing(void **state)
{
	assert_true(sl_text_is(sl_text_of("abc"), "abc"));
	assert_false(sl_text_is(sl_text_of("abc"), "ab"));
	assert_false(sl_text_is(TEXT("ab\0"), "ab"));
	assert_true(sl_text_is((struct sl_text){ NULL, 0 }, ""));
	assert_true(sl_text_is_nocase(sl_text_of("X-Trello-Webhook"), "x-trello-webhook"));
	assert_false(sl_text_is_nocase(sl_text_of("k[x"), "K{x"));
	assert_string_equal(sl_text_of(NULL).at, "");
}

static void trimming(void **state)
{
	assert_true(sl_text_is(sl_text_trim(sl_text_of(" \t a b\r\n\f")), "a b"));
	assert_true(sl_text_is(sl_text_trim(sl_text_of(" \n ")), ""));
	assert_true(sl_text_is(sl_text_trim(sl_text_of("")), ""));
}

static void utf8(void **state)
{
	static const struct {
		struct sl_text text;
		bool fine;
	} table[] = {
		{ TEXT(""), true },
		{ TEXT("plain text, more than one word long"), true },
		{ TEXT("12345678\xc3\xa9"), true },
		{ TEXT("a\0b"), true },
		{ TEXT("\xe2\x82\xac"), true },
		{ TEXT("\xf0\x9f\x98\x80"), true },
		{ TEXT("\xf4\x8f\xbf\xbf"), true },
		{ TEXT("\xee\x80\x80"), true },
		{ TEXT("\xf4\x90\x80\x80"), false },
		{ TEXT("\xc0\x80"), false },
		{ TEXT("\xc1\xbf"), false },
		{ TEXT("\xe0\x9f\xbf"), false },
		{ TEXT("\xf0\x8f\xbf\xbf"), false },
		{ TEXT("\xed\xa0\x80"), false },
		{ TEXT("\x80"), false },
		{ TEXT("\xff"), false },
		{ TEXT("\xc3"), false },
		{ TEXT("\xe2\x82"), false },
		{ TEXT("\xe2\x82\x41"), false },
		{ TEXT("\xf0\x9f\x98"), false },
		{ TEXT("1234567\xc3"), false },
		{ TEXT("\xc3\xa9\xa9"), false },
	};
	for (size_t i = 0; i < ROWS(table); i++) {
		char *exact = malloc(table[i].text.len + 1); /* so that the sanitizer sees a look beyond */
		struct sl_text text = { exact + 1, table[i].text.len };
		memcpy(exact + 1, table[i].text.at, text.len);
		assert_int_equal(sl_utf8(text), table[i].fine);
		free(exact);
	}
}

static void decimals_lose_nothing(void **state)
{
	static const char *const table[][2] = {
		{ "0", "0" }, { "-0", "0" }, { "-0.00", "0.00" }, { "007", "7" }, { "1234.50", "1234.50" }, { "-7", "-7" },
		{ "+.5", "0.5" }, { "1e3", "1000" }, { "1E+3", "1000" }, { "1.5e1", "15" }, { "1.50e1", "15.0" },
		{ "15e-1", "1.5" }, { "1e-3", "0.001" }, { "-12.5e-3", "-0.0125" }, { "0e5", "0" }, { "00.10", "0.10" },
		{ "0.05e1", "0.5" }, { "0.05e2", "5" }, { "12345678901234567890.123456789", "12345678901234567890.123456789" },
		{ "", NULL }, { "-", NULL }, { ".", NULL }, { "1.", NULL }, { "1e", NULL }, { "1e+", NULL }, { "e1", NULL },
		{ " 1", NULL }, { "1 ", NULL }, { "1,5", NULL }, { "0x10", NULL }, { "1e1e1", NULL }, { "--1", NULL },
		{ "NaN", NULL }, { "1e99999999999999999999", NULL }, { "1e-99999999999999999999", NULL },
	};
	for (size_t i = 0; i < ROWS(table); i++) {
		char out[64];
		size_t len = 0;
		bool fine = sl_decimal(sl_text_of(table[i][0]), out, sizeof(out), &len);
		assert_int_equal(fine, table[i][1] != NULL);
		if (!fine)
			continue;
		assert_string_equal(out, table[i][1]);
		assert_int_equal(len, strlen(out));
	}
}

static void decimals_fit_their_room(void **state)
{
	static const char *const table[] = { "0", "-1", "1.5", "-1.5", "1e3", "1e-3" };
	for (size_t i = 0; i < ROWS(table); i++) {
		char whole[16];
		size_t len, room = 0;
		assert_true(sl_decimal(sl_text_of(table[i]), whole, sizeof(whole), &room));
		char *out = malloc(room + 1);
		assert_false(sl_decimal(sl_text_of(table[i]), out, room, &len));
		assert_true(sl_decimal(sl_text_of(table[i]), out, room + 1, &len));
		assert_string_equal(out, whole);
		free(out);
	}
}

static void distances(void **state)
{
	char endless[100];
	memset(endless, 'a', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = 0;
	assert_int_equal(sl_distance("secret", "secret"), 0);
	assert_int_equal(sl_distance("Secret", "sECRET"), 0);
	assert_int_equal(sl_distance("secret", "secrets"), 1);
	assert_int_equal(sl_distance("secret", "ecret"), 1);
	assert_int_equal(sl_distance("secret", "sacret"), 1);
	assert_int_equal(sl_distance("secret", "sercet"), 1);
	assert_int_equal(sl_distance("kitten", "sitting"), 3);
	assert_int_equal(sl_distance("", "abc"), 3);
	assert_int_equal(sl_distance("", ""), 0);
	assert_int_equal(sl_distance(endless, "a"), 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparing),
		cmocka_unit_test(trimming),
		cmocka_unit_test(utf8),
		cmocka_unit_test(decimals_lose_nothing),
		cmocka_unit_test(decimals_fit_their_room),
		cmocka_unit_test(distances),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
