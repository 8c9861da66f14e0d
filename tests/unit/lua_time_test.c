/* SPDX-License-Identifier: Apache-2.0 */
/* lua_time_test.c - `time` and `number` as scripts see them. */
#include "said.h"

static void reading(void **state)
{
	static const struct said rows[] = {
		{ "time.parse('2026-11-21T22:10:19.123Z')", "1795299019123" },
		{ "time.parse('2026-11-21T22:10:19.1239+01:00')", "1795295419123" },
		{ "time.parse('2026-11-21')", "1795219200000" },
		{ "time.parse('1969-12-31T23:59:59.9999Z')", "-1" },
		{ "time.parse('2026-07-01 12:00', nil, 'Europe/Berlin')", "1782900000000" },
		{ "time.parse('2026-07-01 12:00Z', nil, 'Europe/Berlin')", "1782907200000" },
		{ "time.parse('21.11.2026 22:10', '%d.%m.%Y %H:%M')", "1795299000000" },
		{ "time.parse('1.7.2026 12:00', '%d.%m.%Y %H:%M', 'Europe/Berlin')", "1782900000000" },
		{ "time.parse('Sat, 21 Nov 2026 22:10:19 +0100', '%a, %d %b %Y %H:%M:%S %z')", "1795295419000" },
		{ "time.parse('NOVEMBER 21, 2026 at 10:10 pm', '%B %d, %Y at %I:%M %p')", "1795299000000" },
		{ "time.parse('12:05 AM 2026-01-01', '%I:%M %p %F')", "1767225900000" },
		{ "time.parse('20261121T221019.5', '%Y%m%dT%H%M%S.%f')", "1795299019500" },
		{ "time.parse('2026325', '%Y%j')", "1795219200000" },
		{ "time.parse('1795299019', '%s')", "1795299019000" },
		{ "time.parse('31/12/99', '%d/%m/%y')", "946598400000" },
		{ "time.parse('50% 2026', '50%% %Y')", "1767225600000" },
		{ "time.parse('2026-01-01T00:00:60Z')", "1767225659000" },
		{ "time.parse(nil)", "nil" },
		{ "time.parse(event.data.null)", "nil" },
		{ "time.parse('soon')", "nil | 'soon' is no time in ISO 8601" },
		{ "time.parse('2026-02-29')", "nil | '2026-02-29' is no time in ISO 8601" },
		{ "time.parse('0001-01-01T00:00:00+01:00')", "nil | '0001-01-01T00:00:00+01:00' is no time in ISO 8601" },
		{ "time.parse('30.02.2026', '%d.%m.%Y')", "nil | '30.02.2026' is no time in the format '%d.%m.%Y'" },
		{ "time.parse('21.11.26', '%d.%m.%Y')", "nil | '21.11.26' is no time in the format '%d.%m.%Y'" },
		{ "time.parse('21.11.2026x', '%d.%m.%Y')", "nil | '21.11.2026x' is no time in the format '%d.%m.%Y'" },
		{ "time.parse('12:30', '%H:%M')", "nil | '12:30' is no time in the format '%H:%M'" },
		{ "time.parse('366 2026', '%j %Y')", "nil | '366 2026' is no time in the format '%j %Y'" },
		{ "time.parse('x', '%Q')", "error: '%Q' is nothing that can be read: %Q" },
		{ "time.parse('x', '%')", "error: '% ' is nothing that can be read: %" },
		{ "time.parse({})", "error: bad argument #1 to 'parse' (string expected, got table)" },
		{ "time.parse('x', nil, 'Nowhere/Land')",
			"error: bad argument #3 to 'parse' (there is no time zone 'Nowhere/Land' in /usr/share/zoneinfo)" },
		{ "time.parse('x', nil, '../x')",
			"error: bad argument #3 to 'parse' ('../x' is no name of a time zone; one is 'Europe/Berlin')" },
	};
	said(rows);
}

static void counts_since_1970(void **state)
{
	static const struct said rows[] = {
		{ "time.seconds(1700000000)", "1700000000000" },
		{ "time.seconds(1700000000.5)", "1700000000500" },
		{ "time.seconds('1700000000.123456')", "1700000000123" },
		{ "time.seconds('-1')", "-1000" },
		{ "time.milliseconds('1700000000123')", "1700000000123" },
		{ "time.milliseconds(1700000000123)", "1700000000123" },
		{ "time.milliseconds(1.7e12)", "1700000000000" },
		{ "time.seconds(1700000000000)", "nil | '1700000000000' is no count of seconds since 1970" },
		{ "time.seconds(1/0)", "nil | 'inf' is no count of seconds since 1970" },
		{ "time.seconds('soon')", "nil | 'soon' is no count of seconds since 1970" },
		{ "time.seconds(event.data.null)", "nil" },
		{ "time.duration('1h30m')", "5400000" },
		{ "time.duration('long')", "nil | 'long' is no duration; one is '90s' or '1h30m'" },
		{ "math.type(time.now())", "integer" },
	};
	said(rows);
}

static void writing(void **state)
{
	static const struct said rows[] = {
		{ "time.format(1795299019123)", "2026-11-21T22:10:19.123Z" },
		{ "time.format(-1)", "1969-12-31T23:59:59.999Z" },
		{ "time.format(1795299019123, nil, 'Europe/Berlin')", "2026-11-21T23:10:19.123+01:00" },
		{ "time.format(1795299019123, nil, '-03:30')", "2026-11-21T18:40:19.123-03:30" },
		{ "time.format(1795299019123, '%a %A %b %B %e %I %p %j %u %y %Z %z %:z %s %R %f %%', 'America/New_York')",
			"Sat Saturday Nov November 21 05 PM 325 6 26 EST -0500 -05:00 1795299019 17:10 123 %" },
		{ "time.format(1767225600000, '%G-W%V-%u %F')", "2026-W01-4 2026-01-01" },
		{ "time.format(1104537600000, '%G-W%V')", "2004-W53" },
		{ "time.date(1795299019123)", "2026-11-21" },
		{ "time.date(1795299019123, 'Asia/Tokyo')", "2026-11-22" },
		{ "time.date(nil)", "nil" },
		{ "time.format(1, ('%A'):rep(100))", "error: a time has at most 255 bytes in any format" },
		{ "time.format(1, ('x'):rep(255)) == ('x'):rep(255)", "true" },
		{ "time.format(253402300800000)", "error: bad argument #1 to 'format' (a time outside the years 1 to 9999)" },
		{ "time.format(1.5)", "error: bad argument #1 to 'format' (number has no integer representation)" },
		{ "time.format(253402300799999, nil, '+14:00')", "10000-01-01T13:59:59.999+14:00" },
		{ "time.format(-62135596800000, '%F %V', 'America/New_York')", "0000-12-31 52" },
	};
	said(rows);
}

static void counting(void **state)
{
	static const struct said rows[] = {
		{ "time.parts(1795299019123)", "{\"day\":21,\"hour\":22,\"minute\":10,\"month\":11,\"ms\":123,\"offset\":0,\"second\":19,"
			"\"week\":47,\"weekday\":6,\"weekyear\":2026,\"year\":2026,\"yearday\":325}" },
		{ "time.parts(1795299019123, 'Asia/Kolkata').offset", "330" },
		{ "time.make { year = 2026, month = 11, day = 21, hour = 22, minute = 10, second = 19, ms = 123 }", "1795299019123" },
		{ "time.make({ year = 2026, month = 7 }, 'Europe/Berlin')", "1782856800000" },
		{ "time.make { year = 2026, month = 2, day = 30 }", "nil | there is no such time: 2026-2-30 0:0:0.0" },
		{ "time.make { month = 2 }", "nil | there is no such time: 0-2-1 0:0:0.0" },
		{ "time.make { year = 'x' }", "error: 'year' has to be a whole number of a sensible size" },
		{ "time.date(time.add(time.parse('2026-01-31'), { months = 1 }))", "2026-02-28" },
		{ "time.date(time.add(time.parse('2024-02-29'), { years = -1 }))", "2023-02-28" },
		{ "time.date(time.add(time.parse('2026-01-31'), { months = -11, weeks = 1, days = -1 }))", "2025-03-06" },
		{ "time.format(time.add(time.parse('2026-03-28T11:00Z'), { days = 1 }, 'Europe/Berlin'))", "2026-03-29T10:00:00.000Z" },
		{ "time.format(time.add(time.parse('2026-03-28T11:00Z'), { hours = 24 }, 'Europe/Berlin'))", "2026-03-29T11:00:00.000Z" },
		{ "time.add(0, { minutes = 1, seconds = -1, ms = 5 })", "59005" },
		{ "time.add(nil, { days = 1 })", "nil" },
		{ "time.add(0, { day = 1 })", "error: time.add knows no 'day': years, months, weeks, days, hours, minutes, seconds and ms" },
		{ "time.add(0, { years = 9000 })", "error: this would be a time outside the years 1 to 9999" },
		{ "time.add(0, { years = -1970 })", "error: this would be a time outside the years 1 to 9999" },
		{ "time.add(0, { ms = math.maxinteger })", "error: 'ms' has to be a whole number of a sensible size" },
		{ "time.add(0, { days = 3700000 })", "error: this would be a time outside the years 1 to 9999" },
		{ "time.date(time.start(time.parse('2026-11-21'), 'week'))", "2026-11-16" },
		{ "time.date(time.start(time.parse('2026-11-21'), 'month'))", "2026-11-01" },
		{ "time.date(time.start(time.parse('2026-11-21'), 'quarter'))", "2026-10-01" },
		{ "time.date(time.start(time.parse('2026-11-21'), 'year'))", "2026-01-01" },
		{ "time.format(time.start(1795299019123, 'day', 'Asia/Kolkata'))", "2026-11-21T18:30:00.000Z" },
		{ "time.format(time.start(1795299019123, 'hour', 'Asia/Kolkata'))", "2026-11-21T21:30:00.000Z" },
		{ "time.format(time.start(1795299019123, 'minute'))", "2026-11-21T22:10:00.000Z" },
		{ "time.start(0, 'era')", "error: bad argument #2 to 'start' (invalid option 'era')" },
		{ "time.start(-62135596800000, 'week', '-01:00')", "error: this would be a time outside the years 1 to 9999" },
	};
	said(rows);
}

static void numbers(void **state)
{
	static const struct said rows[] = {
		{ "number.parse('1.234,50 EUR')", "1234.50 | EUR" },
		{ "number.parse('1,234')", "1234 | nil" },
		{ "number.parse('1,234', { decimal = ',' })", "1.234 | nil" },
		{ "number.parse('12.50', { decimal = ',' })", "nil | '12.50' is no number" },
		{ "number.parse(12.5)", "12.5 | nil" },
		{ "number.parse(0.1)", "0.1 | nil" },
		{ "number.parse(9007199254740993)", "9007199254740993 | nil" },
		{ "number.parse(json.null)", "nil" },
		{ "number.parse('many')", "nil | 'many' is no number" },
		{ "number.parse('1', { decimal = 'x' })", "error: bad argument #2 to 'parse' (decimal is \",\" or \".\")" },
		{ "number.parse({})", "error: bad argument #1 to 'parse' (string expected, got table)" },
		{ "number.add('0.1', '0.2', 3)", "3.3" },
		{ "number.add('1', nil)", "nil" },
		{ "number.subtract('5', '7.50')", "-2.50" },
		{ "number.multiply('3', '45.00')", "135.00" },
		{ "number.multiply(('9'):rep(60), 10)", "error: the result has more than 60 digits" },
		{ "number.add('x', 1)",
			"error: bad argument #1 to 'add' ('x' is no plain number of at most 60 digits; "
			"number.parse reads others)" },
		{ "number.round('2.345', 2)", "2.35" },
		{ "number.round('2', -1)", "error: bad argument #2 to 'round' (places from 0 to 20 expected)" },
		{ "number.compare('2.0', 2)", "0" },
		{ "number.compare('-1', '1')", "-1" },
		{ "number.cents('45.00')", "4500" },
		{ "number.cents(19.99)", "1999" },
		{ "number.cents('45.005')", "nil | '45.005' has more than 2 places, or too many digits; number.round comes first" },
		{ "number.cents('45', 0)", "45" },
		{ "number.from_cents(4500)", "45.00" },
		{ "number.from_cents(-5)", "-0.05" },
		{ "number.from_cents(math.mininteger, 3)", "-9223372036854775.808" },
		{ "number.from_cents('x')", "error: bad argument #1 to 'from_cents' (number expected, got string)" },
	};
	said(rows);
}

/* Reading megabytes again and again ends like a loop without an end does. */
static void reading_counts_as_instructions(void **state)
{
	const char *before = "local s = ('a'):rep(1 << 20)";
	struct instance *instance = script_transform(before, "for i = 1, 1e6 do find.emails(s) end");
	struct call *call = script_call(instance, "{}");
	assert_int_equal(call->outcome, SL_FAIL);
	assert_non_null(strstr(call->why.text, "used more than 50000000 instructions"));
	call_free(&call);
	instance_free(&instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
		cmocka_unit_test(counts_since_1970),
		cmocka_unit_test(writing),
		cmocka_unit_test(counting),
		cmocka_unit_test(numbers),
		cmocka_unit_test(reading_counts_as_instructions),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
