/* SPDX-License-Identifier: Apache-2.0 */
/* money_test.c - numbers and prices as people write them. */
#include "base/money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof(*(table)))

static const char *reads(const char *text, char sign)
{
	static char out[DECIMAL_SIZE + 8];
	struct money money;
	char *copy = strndup(text, strlen(text)); /* so that a byte too many is seen */
	bool fine = money_read(&money, (struct sl_text){ copy, strlen(text) }, sign);
	free(copy);
	if (!fine)
		return "";
	size_t len = decimal_write(&money.amount, out);
	if (*money.currency)
		sprintf(out + len, " %s", money.currency);
	return out;
}

struct row {
	const char *text, *number;
};

static void check(const struct row *rows, size_t count, char sign)
{
	for (size_t i = 0; i < count; i++) {
		const char *read = reads(rows[i].text, sign);
		if (strcmp(read, rows[i].number) != 0)
			fail_msg("\"%s\" is read as \"%s\", not as \"%s\"", rows[i].text, read, rows[i].number);
	}
}

static void which_dot_is_which(void **state)
{
	static const struct row rows[] = {
		{ "1.234,50", "1234.50" }, { "1,234.50", "1234.50" }, { "1234.5", "1234.5" }, { "12,5", "12.5" },
		{ "1,23", "1.23" }, { "1,2345", "1.2345" }, { "0,125", "0.125" }, { "1234,567", "1234.567" },
		{ "1.234.567", "1234567" }, { "1,234,567", "1234567" }, { "1.234.567,89", "1234567.89" },
		{ "1 234,5", "1234.5" }, { "1\u00a0234\u202f567", "1234567" }, { "1'234.50", "1234.50" }, { "1\u2019234", "1234" },
		{ "12,34,567.00", "1234567.00" }, { "1 234,567", "1234.567" }, { ",5", "0.5" }, { ".5", "0.5" }, { "1e3", "1000" },
		{ "007", "7" }, { "1,234", "1234" }, { "1.234", "1.234" }, /* the two that could be either */
	};
	check(rows, ROWS(rows), 0);
}

static void with_a_known_sign(void **state)
{
	static const struct row comma[] = {
		{ "1.234", "1234" }, { "1,234", "1.234" }, { "1.234,5", "1234.5" }, { "12.50", "" }, { "1,234.50", "" }, { "12", "12" },
		{ "1.234.567", "1234567" }, { "1 234", "1234" },
	};
	static const struct row point[] = {
		{ "1.234", "1.234" }, { "1,234", "1234" }, { "12,50", "" }, { "1.234,50", "" }, { "1,234,567.8", "1234567.8" },
	};
	check(comma, ROWS(comma), ',');
	check(point, ROWS(point), '.');
}

static void signs_and_currencies(void **state)
{
	static const struct row rows[] = {
		{ "1.234,50 EUR", "1234.50 EUR" }, { "€1,234.50", "1234.50 EUR" }, { "£45", "45 GBP" }, { "US$ 7", "7 USD" },
		{ "$7.00", "7.00 USD" }, { "7,00\u00a0€", "7.00 EUR" }, { "eur 5", "5 EUR" }, { "-5", "-5" }, { "5-", "-5" },
		{ "\u22125,25", "-5.25" }, { "(12.50)", "-12.50" }, { "($12.50)", "-12.50 USD" }, { "-$5", "-5 USD" }, { "$-5", "-5 USD" },
		{ "+5", "5" }, { "CHF 1'000.\u2013", "1000 CHF" }, { "12,-", "12" }, { "12,-- EUR", "12 EUR" }, { "99 kr", "99" },
		{ "12,50 zł", "12.50 PLN" }, { "Kč 5", "5 CZK" }, { "-0.00", "0.00" }, { "R$ 1.234,56", "1234.56 BRL" }, { "  8 ", "8" },
	};
	check(rows, ROWS(rows), 0);
}

static void what_is_no_number(void **state)
{
	static const struct row rows[] = {
		{ "", "" }, { " ", "" }, { "EUR", "" }, { "abc", "" }, { "12 %", "" }, { "12 EUR USD", "" }, { "€12€", "" }, { "1..2", "" },
		{ "1,,234", "" }, { "12 34", "" }, { "1 23 456", "" }, { "1.23,4.5", "" }, { "1,234,56", "" }, { "1234,567,890", "" },
		{ "1.234 567", "" }, { "(12", "" }, { "12)", "" }, { "--5", "" }, { "5 krone", "" }, { "EURO 5", "" }, { "12.50.", "" },
		{ "0x10", "" }, { "12:30", "" }, { "1/2", "" }, { "\xff" "5", "" }, { "5\xe2\x82", "" }, { "1,234.5,6", "" },
		{ "1111111111222222222233333333334444444444555555555566666666667", "" },
		{ "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "" },
	};
	check(rows, ROWS(rows), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_dot_is_which),
		cmocka_unit_test(with_a_known_sign),
		cmocka_unit_test(signs_and_currencies),
		cmocka_unit_test(what_is_no_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
