/* SPDX-License-Identifier: Apache-2.0 */
/* decimal_test.c - exact numbers: read, added, multiplied, rounded, compared, written. */
#include "base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof(*(table)))
#define TEN "1234567890"
#define SIXTY TEN TEN TEN TEN TEN TEN

static struct decimal decimal(const char *text)
{
	struct decimal number;
	if (!decimal_read(&number, (struct sl_text){ text, strlen(text) }))
		fail_msg("%s is no decimal", text);
	return number;
}

static const char *written(const struct decimal *number)
{
	static char text[DECIMAL_SIZE];
	size_t len = decimal_write(number, text);
	assert_int_equal(len, strlen(text));
	return text;
}

static void reading_and_writing(void **state)
{
	static const char *const table[][2] = {
		{ "45.00", "45.00" }, { "-7", "-7" }, { "+.5", "0.5" }, { "1e3", "1000" }, { "-0.00", "0.00" },
		{ "007", "7" }, { "12e-4", "0.0012" }, { SIXTY, SIXTY },
	};
	struct decimal number;
	for (size_t i = 0; i < ROWS(table); i++) {
		number = decimal(table[i][0]);
		assert_string_equal(written(&number), table[i][1]);
	}
	assert_false(decimal_read(&number, (struct sl_text){ SIXTY "1", 61 }));
	assert_false(decimal_read(&number, (struct sl_text){ "1e999999999", 11 }));
	assert_false(decimal_read(&number, (struct sl_text){ "1,5", 3 }));
}

static void adding(void **state)
{
	static const char *const table[][3] = {
		{ "0.1", "0.2", "0.3" }, { "99.99", "0.01", "100.00" }, { "1", "-1.00", "0.00" }, { "-5", "3", "-2" },
		{ "5", "-7.5", "-2.5" }, { "-1", "-2", "-3" }, { "1000", "-0.001", "999.999" }, { SIXTY, "0", SIXTY },
	};
	struct decimal sum;
	for (size_t i = 0; i < ROWS(table); i++) {
		struct decimal a = decimal(table[i][0]), b = decimal(table[i][1]);
		assert_true(decimal_add(&a, &b, &sum));
		assert_string_equal(written(&sum), table[i][2]);
	}
	struct decimal most = decimal(SIXTY), small = decimal("0.1"), nines = decimal("9e59");
	assert_false(decimal_add(&most, &small, &sum));
	assert_false(decimal_add(&nines, &nines, &sum));
}

static void multiplying(void **state)
{
	static const char *const table[][3] = {
		{ "3", "45.00", "135.00" }, { "-2.5", "0.4", "-1.00" }, { "0", "-7.00", "0.00" }, { "99", "99", "9801" },
		{ "1.10", "1.10", "1.2100" }, { "12345678901234567890", "12345678901234567890", "152415787532388367501905199875019052100" },
	};
	struct decimal product;
	for (size_t i = 0; i < ROWS(table); i++) {
		struct decimal a = decimal(table[i][0]), b = decimal(table[i][1]);
		assert_true(decimal_multiply(&a, &b, &product));
		assert_string_equal(written(&product), table[i][2]);
	}
	struct decimal most = decimal(SIXTY), ten = decimal("10"), one = decimal("1");
	assert_false(decimal_multiply(&most, &ten, &product));
	assert_false(decimal_multiply(&most, &most, &product));
	assert_true(decimal_multiply(&most, &one, &product));
}

static void rounding(void **state)
{
	static const struct {
		const char *number;
		int places;
		const char *rounded;
	} table[] = {
		{ "2.345", 2, "2.35" }, { "-2.345", 2, "-2.35" }, { "2.3449", 2, "2.34" }, { "9.995", 2, "10.00" },
		{ "0.4", 0, "0" }, { "-0.4", 0, "0" }, { "0.5", 0, "1" }, { "7", 2, "7.00" }, { "99.5", 0, "100" },
	};
	for (size_t i = 0; i < ROWS(table); i++) {
		struct decimal number = decimal(table[i].number);
		assert_true(decimal_round(&number, table[i].places));
		assert_string_equal(written(&number), table[i].rounded);
	}
	struct decimal most = decimal(SIXTY);
	assert_false(decimal_round(&most, 1));
}

static void comparing(void **state)
{
	static const char *const rising[] = { "-" SIXTY, "-10.5", "-10", "-0.00000000000000000000000000000000000001", "0",
		"0.001", "1", "1.01", "2", "1" TEN, SIXTY };
	for (size_t i = 0; i < ROWS(rising); i++)
		for (size_t k = 0; k < ROWS(rising); k++) {
			struct decimal a = decimal(rising[i]), b = decimal(rising[k]);
			assert_int_equal(decimal_compare(&a, &b), (i > k) - (i < k));
		}
	struct decimal a = decimal("2.0"), b = decimal("2"), zero = decimal("-0"), nothing = decimal("0.00");
	assert_int_equal(decimal_compare(&a, &b), 0);
	assert_int_equal(decimal_compare(&zero, &nothing), 0);
}

static void whole_numbers(void **state)
{
	static const struct {
		const char *number;
		int places;
		bool fine;
		int64_t whole;
	} table[] = {
		{ "45.00", 2, true, 4500 }, { "45.5", 2, true, 4550 }, { "-0.01", 2, true, -1 }, { "45.001", 2, false, 0 },
		{ "45.000", 2, true, 4500 }, { "7", 0, true, 7 }, { "92233720368547758.07", 2, true, INT64_MAX },
		{ "-92233720368547758.08", 2, true, INT64_MIN }, { "92233720368547758.08", 2, false, 0 },
	};
	for (size_t i = 0; i < ROWS(table); i++) {
		struct decimal number = decimal(table[i].number);
		int64_t whole;
		assert_int_equal(decimal_whole(&number, table[i].places, &whole), table[i].fine);
		if (table[i].fine)
			assert_true(whole == table[i].whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_and_writing),
		cmocka_unit_test(adding),
		cmocka_unit_test(multiplying),
		cmocka_unit_test(rounding),
		cmocka_unit_test(comparing),
		cmocka_unit_test(whole_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
