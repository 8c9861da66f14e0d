/* SPDX-License-Identifier: Apache-2.0 */
/* time.c - points in time, durations and sizes, read from text and written. */
#include "sdk/time.h"

#include <stdio.h>
#include <string.h>

#include "sdk/text.h"

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)
#define FIRST_DAY INT64_C(-719162) /* 0001-01-01 */
#define LAST_DAY INT64_C(2932896)  /* 9999-12-31 */

/* ----------------------------------------------------------- the calendar */

/* Days since 1970.  The year is counted from March, so that the leap day is its
 * last one; an era is 400 years of 146097 days. */
int64_t sl_days_of(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year;
	int era = y / 400, of_era = y % 400;
	int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void sl_date_of(int64_t days, int *year, int *month, int *day)
{
	int64_t shifted = days + 719468;
	int era = (int)(shifted / 146097), of_era = (int)(shifted % 146097);
	int years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * years + years / 4 - years / 100);
	int march = (5 * of_year + 2) / 153;
	*day = of_year - (153 * march + 2) / 5 + 1;
	*month = march < 10 ? march + 3 : march - 9;
	*year = era * 400 + years + (*month <= 2);
}

int sl_month_length(int year, int month)
{
	static const unsigned char lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return lengths[month - 1] + (month == 2 && leap);
}

/* ---------------------------------------------------------------- reading */

static bool take(struct sl_text *text, char c)
{
	if (!text->len || *text->at != c)
		return false;
	text->at++, text->len--;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly so many digits, within limits. */
static bool take_number(struct sl_text *text, int digits, int least, int most, int *number)
{
	*number = 0;
	if (text->len < (size_t)digits)
		return false;
	for (int i = 0; i < digits; i++) {
		if (!is_digit(text->at[i]))
			return false;
		*number = *number * 10 + (text->at[i] - '0');
	}
	text->at += digits, text->len -= (size_t)digits;
	return *number >= least && *number <= most;
}

static bool take_date(struct sl_text *text, int64_t *days)
{
	int year, month, day;
	if (!take_number(text, 4, 1, 9999, &year) || !take(text, '-') || !take_number(text, 2, 1, 12, &month) ||
	    !take(text, '-') || !take_number(text, 2, 1, sl_month_length(year, month), &day))
		return false;
	*days = sl_days_of(year, month, day);
	return true;
}

/* ".123456789": digits beyond the sixth are dropped. */
static bool take_fraction(struct sl_text *text, int64_t *microseconds)
{
	int64_t unit = SECOND / 10;
	int digits = 0;
	for (; text->len && is_digit(*text->at); digits++, unit /= 10) {
		*microseconds += (*text->at - '0') * unit;
		text->at++, text->len--;
	}
	return digits >= 1 && digits <= 9;
}

static bool take_clock(struct sl_text *text, int64_t *microseconds)
{
	int hour, minute, second = 0;
	if (!take_number(text, 2, 0, 23, &hour) || !take(text, ':') || !take_number(text, 2, 0, 59, &minute))
		return false;
	if (take(text, ':') && !take_number(text, 2, 0, 60, &second))
		return false;
	*microseconds = (hour * 3600 + minute * 60 + (second == 60 ? 59 : second)) * SECOND;
	return !take(text, '.') || take_fraction(text, microseconds);
}

/* In seconds east. */
static bool take_offset(struct sl_text *text, int32_t *offset)
{
	int hours, minutes = 0;
	*offset = SL_NO_OFFSET;
	if (!text->len)
		return true;
	*offset = 0;
	if (take(text, 'Z') || take(text, 'z'))
		return true;
	bool west = *text->at == '-';
	if (!take(text, '-') && !take(text, '+'))
		return false;
	if (!take_number(text, 2, 0, 23, &hours))
		return false;
	if (text->len) {
		take(text, ':');
		if (!take_number(text, 2, 0, 59, &minutes))
			return false;
	}
	*offset = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

/* The day and the clock as they stand there, and how far that is from UTC. */
static bool read_parts(struct sl_text text, int64_t *days, int64_t *clock, int32_t *offset)
{
	*clock = 0;
	*offset = SL_NO_OFFSET;
	if (!take_date(&text, days))
		return false;
	if (!text.len)
		return true;
	if (!take(&text, 'T') && !take(&text, 't') && !take(&text, ' '))
		return false;
	if (!take_clock(&text, clock))
		return false;
	if (sl_text_is(text, " UTC")) {
		*offset = 0;
		return true;
	}
	return take_offset(&text, offset) && !text.len;
}

static bool within_years(int64_t microseconds)
{
	return microseconds >= FIRST_DAY * DAY && microseconds < (LAST_DAY + 1) * DAY;
}

bool sl_clock_read(struct sl_text text, int64_t *microseconds, int32_t *offset)
{
	int64_t days, clock;
	if (!read_parts(text, &days, &clock, offset))
		return false;
	*microseconds = days * DAY + clock;
	return true;
}

bool sl_time_read(struct sl_text text, int64_t *microseconds)
{
	int64_t clock;
	int32_t offset;
	if (!sl_clock_read(text, &clock, &offset))
		return false;
	int64_t found = offset == SL_NO_OFFSET ? clock : clock - offset * SECOND;
	if (!within_years(found))
		return false;
	*microseconds = found;
	return true;
}

bool sl_date_read(struct sl_text text, int64_t *days)
{
	int64_t found, clock;
	int32_t offset;
	if (!read_parts(text, &found, &clock, &offset))
		return false;
	*days = found;
	return true;
}

/* ---------------------------------------------------------------- writing */

static int64_t within(int64_t number, int64_t least, int64_t most)
{
	return number < least ? least : number > most ? most : number;
}

/* Every row has several of them: no printf here. */
static char *put_digits(char *to, int number, int count)
{
	for (int i = count; i-- > 0; number /= 10)
		to[i] = (char)('0' + number % 10);
	return to + count;
}

static char *put_two(char *to, char before, int number)
{
	*to = before;
	return put_digits(to + 1, number, 2);
}

static char *put_date(char *to, int64_t days)
{
	int year, month, day;
	sl_date_of(days, &year, &month, &day);
	return put_two(put_two(put_digits(to, year, 4), '-', month), '-', day);
}

size_t sl_date_write(int64_t days, char out[SL_TIME_SIZE])
{
	char *end = put_date(out, within(days, FIRST_DAY, LAST_DAY));
	*end = '\0';
	return (size_t)(end - out);
}

size_t sl_time_write(int64_t microseconds, char out[SL_TIME_SIZE])
{
	int64_t when = within(microseconds, FIRST_DAY * DAY, (LAST_DAY + 1) * DAY - 1);
	int64_t days = when / DAY - (when % DAY < 0);
	int milliseconds = (int)((when - days * DAY) / 1000), seconds = milliseconds / 1000;
	char *end = put_two(put_date(out, days), 'T', seconds / 3600);
	end = put_two(put_two(end, ':', seconds / 60 % 60), ':', seconds % 60);
	*end++ = '.';
	end = put_digits(end, milliseconds % 1000, 3);
	*end++ = 'Z';
	*end = '\0';
	return (size_t)(end - out);
}

/* ------------------------------------------------------ durations and sizes */

struct unit {
	const char *name;
	int64_t value;
};

/* Digits, as many as there are; false if there are none or too many. */
static bool take_digits(struct sl_text *text, int64_t *number)
{
	size_t before = text->len;
	for (*number = 0; text->len && is_digit(*text->at); text->at++, text->len--)
		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, *text->at - '0', number))
			return false;
	return text->len < before;
}

/* The word up to the next digit. */
static struct sl_text take_word(struct sl_text *text)
{
	struct sl_text word = { text->at, 0 };
	while (word.len < text->len && !is_digit(word.at[word.len]))
		word.len++;
	text->at += word.len, text->len -= word.len;
	return word;
}

static bool add_times(int64_t *sum, int64_t number, const struct unit *unit)
{
	return !__builtin_mul_overflow(number, unit->value, &number) && !__builtin_add_overflow(*sum, number, sum);
}

bool sl_duration_read(struct sl_text text, int64_t *milliseconds)
{
	static const struct unit units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
	};
	int64_t sum = 0, number;
	if (sl_text_is(text, "0")) {
		*milliseconds = 0;
		return true;
	}
	do {
		if (!take_digits(&text, &number))
			return false;
		struct sl_text word = take_word(&text);
		const struct unit *unit = units;
		while (unit->name && !sl_text_is(word, unit->name))
			unit++;
		if (!unit->name || !add_times(&sum, number, unit))
			return false;
	} while (text.len);
	*milliseconds = sum;
	return true;
}

bool sl_size_read(struct sl_text text, int64_t *bytes)
{
	static const struct unit units[] = {
		{ "", 1 }, { "B", 1 },
		{ "k", INT64_C(1) << 10 }, { "kB", INT64_C(1) << 10 }, { "KiB", INT64_C(1) << 10 },
		{ "M", INT64_C(1) << 20 }, { "MB", INT64_C(1) << 20 }, { "MiB", INT64_C(1) << 20 },
		{ "G", INT64_C(1) << 30 }, { "GB", INT64_C(1) << 30 }, { "GiB", INT64_C(1) << 30 },
		{ "T", INT64_C(1) << 40 }, { "TB", INT64_C(1) << 40 }, { "TiB", INT64_C(1) << 40 },
		{ NULL, 0 },
	};
	int64_t sum = 0, number;
	if (!take_digits(&text, &number))
		return false;
	take(&text, ' ');
	for (const struct unit *unit = units; unit->name; unit++) {
		if (!sl_text_is_nocase(text, unit->name))
			continue;
		if (!add_times(&sum, number, unit))
			return false;
		*bytes = sum;
		return true;
	}
	return false;
}
