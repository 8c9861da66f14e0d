/* SPDX-License-Identifier: Apache-2.0 */
/* time_test.c - times as vendors write them, durations and sizes as people do. */
#include "sdk/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sdk/text.h"

#define ROWS(table) (sizeof(table) / sizeof(*(table)))

static const int64_t nothing = INT64_MIN + 77;

struct pair {
	const char *text;
	int64_t number;
};

/* Each row reads as its number; `nothing` means that it is refused. */
static void must_read(bool (*read)(struct sl_text, int64_t *), const struct pair *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t number = nothing;
		bool fine = read(sl_text_of(rows[i].text), &number);
		if (fine != (rows[i].number != nothing) || number != rows[i].number)
			fail_msg("\"%s\" reads as %lld", rows[i].text, (long long)number);
	}
}

static void times_are_read(void **state)
{
	static const struct pair rows[] = {
		{ "1970-01-01", 0 },
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-21T22:10:19Z", 1795299019000000 },
		{ "2026-11-21t22:10:19z", 1795299019000000 },
		{ "2026-11-21 22:10:19", 1795299019000000 },
		{ "2026-11-21 22:10:19 UTC", 1795299019000000 },
		{ "2026-11-21T22:10:19.123Z", 1795299019123000 },
		{ "2026-11-21T22:10:19.123456789Z", 1795299019123456 },
		{ "2026-11-21T22:10:19.5+01:00", 1795295419500000 },
		{ "2026-11-21T22:10:19-0530", 1795318819000000 },
		{ "2026-11-21T22:10:19+02", 1795291819000000 },
		{ "2026-11-21T22:10Z", 1795299000000000 },
		{ "2016-12-31T23:59:60Z", 1483228799000000 },
		{ "2024-02-29T00:00:00Z", 1709164800000000 },
		{ "2000-02-29", 951782400000000 },
		{ "1969-12-31T23:59:59.999999Z", -1 },
		{ "0001-01-01T00:00:00Z", -62135596800000000 },
		{ "9999-12-31T23:59:59.999999Z", 253402300799999999 },
	};
	must_read(sl_time_read, rows, ROWS(rows));
}

static void wrong_times_are_refused(void **state)
{
	static const char *const texts[] = { "", "2026", "2026-11", "2026-13-01", "2026-00-01", "2026-11-31", "2026-11-00",
		"2023-02-29", "1900-02-29", "0000-01-01", "2026-11-21T", "2026-11-21T24:00:00Z", "2026-11-21T22:60:00Z",
		"2026-11-21T22:10:61Z", "2026-11-21T22:10:19.", "2026-11-21T22:10:19.Z", "2026-11-21T22:10:19.1234567890Z",
		"2026-11-21T22:10:19+", "2026-11-21T22:10:19+1", "2026-11-21T22:10:19+01:", "2026-11-21T22:10:19+24:00",
		"2026-11-21T22:10:19Zx", " 2026-11-21", "2026-11-21 ", "2026-11-21T22:10:19 CET", "26-11-21", "2026/11/21",
		"0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "1795299019", "2026-11-2١" };
	for (size_t i = 0; i < ROWS(texts); i++) {
		const struct pair row = { texts[i], nothing };
		must_read(sl_time_read, &row, 1);
	}
}

static void dates_are_in_their_own_offset(void **state)
{
	static const struct pair rows[] = {
		{ "1970-01-01", 0 },
		{ "1969-12-31", -1 },
		{ "2026-11-21", 20778 },
		{ "2026-11-21T23:30:00-08:00", 20778 },
		{ "2026-11-21T00:30:00+08:00", 20778 },
		{ "2026-11-21T00:30:00+08:00x", nothing },
		{ "2026-02-30", nothing },
	};
	must_read(sl_date_read, rows, ROWS(rows));
}

static void what_is_written_reads_back(void **state)
{
	char text[SL_TIME_SIZE];
	int64_t number;
	for (int64_t days = -719162; days <= 2932896; days += 97) {
		assert_int_equal(sl_date_write(days, text), 10);
		assert_true(sl_date_read(sl_text_of(text), &number));
		assert_int_equal(number, days);
		int64_t moment = days * 86400000000 + (days & 0xffff) * 1000;
		assert_int_equal(sl_time_write(moment, text), 24);
		assert_true(sl_time_read(sl_text_of(text), &number));
		assert_int_equal(number, moment);
	}
}

static void a_clock_is_read_with_its_offset(void **state)
{
	static const struct {
		const char *text;
		int64_t clock;
		int32_t offset;
	} rows[] = {
		{ "1970-01-01T00:00:01", 1000000, SL_NO_OFFSET }, { "1970-01-01", 0, SL_NO_OFFSET },
		{ "1970-01-01T00:00:01Z", 1000000, 0 }, { "1970-01-01 00:00:01 UTC", 1000000, 0 },
		{ "1970-01-01T00:00:01+05:30", 1000000, 19800 }, { "1970-01-01T00:00:01.5-08", 1500000, -28800 },
	};
	int64_t clock;
	int32_t offset;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_true(sl_clock_read(sl_text_of(rows[i].text), &clock, &offset));
		assert_true(clock == rows[i].clock && offset == rows[i].offset);
	}
	assert_false(sl_clock_read(sl_text_of("1970-01-01T00:00:01+5"), &clock, &offset));
}

static void the_calendar_goes_both_ways(void **state)
{
	int64_t days = sl_days_of(1, 1, 1);
	assert_int_equal(sl_days_of(1970, 1, 1), 0);
	for (int year = 1; year <= 9999; year++)
		for (int month = 1; month <= 12; month++) {
			int found[3], last = sl_month_length(year, month);
			assert_int_equal(sl_days_of(year, month, 1), days);
			days += last;
			sl_date_of(days - 1, &found[0], &found[1], &found[2]);
			assert_true(found[0] == year && found[1] == month && found[2] == last);
		}
}

static void times_are_written(void **state)
{
	static const struct pair rows[] = {
		{ "1970-01-01T00:00:00.000Z", 0 },
		{ "1969-12-31T23:59:59.999Z", -1 },
		{ "2026-11-21T22:10:19.123Z", 1795299019123999 },
		{ "0001-01-01T00:00:00.000Z", INT64_MIN },
		{ "9999-12-31T23:59:59.999Z", INT64_MAX },
	};
	char text[SL_TIME_SIZE];
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(sl_time_write(rows[i].number, text), 24);
		assert_string_equal(text, rows[i].text);
	}
}

static void durations_have_a_unit(void **state)
{
	static const struct pair rows[] = {
		{ "0", 0 }, { "500ms", 500 }, { "90s", 90000 }, { "15m", 900000 }, { "48h", 172800000 }, { "14d", 1209600000 },
		{ "1h30m", 5400000 }, { "0s", 0 }, { "1500", nothing }, { "", nothing }, { "s", nothing }, { "-1s", nothing },
		{ "1.5h", nothing }, { "1h 30m", nothing }, { "5 m", nothing }, { "5x", nothing }, { "5M", nothing },
		{ "1h30", nothing }, { "9223372036854775807ms", INT64_MAX }, { "9223372036854775808ms", nothing },
		{ "9223372036854775807s", nothing }, { "106751991167d9223372036854775807ms", nothing },
	};
	must_read(sl_duration_read, rows, ROWS(rows));
}

static void sizes_count_in_1024(void **state)
{
	static const struct pair rows[] = {
		{ "64", 64 }, { "0", 0 }, { "64B", 64 }, { "256k", 262144 }, { "256K", 262144 }, { "64 MB", 67108864 },
		{ "64mb", 67108864 }, { "10GiB", 10737418240 }, { "1T", 1099511627776 }, { "", nothing }, { "MB", nothing },
		{ "64  MB", nothing }, { "64 MBx", nothing }, { "-1", nothing }, { "1.5G", nothing },
		{ "9223372036854775807", INT64_MAX }, { "9223372036854775807k", nothing },
	};
	must_read(sl_size_read, rows, ROWS(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(wrong_times_are_refused),
		cmocka_unit_test(dates_are_in_their_own_offset),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(a_clock_is_read_with_its_offset),
		cmocka_unit_test(the_calendar_goes_both_ways),
		cmocka_unit_test(times_are_written),
		cmocka_unit_test(durations_have_a_unit),
		cmocka_unit_test(sizes_count_in_1024),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
