/* SPDX-License-Identifier: Apache-2.0 */
/* calendar_format.c - moments in formats like "%d.%m.%Y %H:%M", written and read. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/calendar.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define FIELD(name) offsetof(struct calendar, name)

/* The letters that are numbers: how many digits are written at least and read at
 * most, and what values are right; none read: they are only written. */
static const struct number {
	char letter;
	size_t field;
	int written, digits, least, most;
} numbers[] = {
	{ 'Y', FIELD(year), 4, 4, 1, 9999 },
	{ 'y', FIELD(short_year), 2, 2, 0, 99 },
	{ 'm', FIELD(month), 2, 2, 1, 12 },
	{ 'd', FIELD(day), 2, 2, 1, 31 },
	{ 'e', FIELD(day), 1, 2, 1, 31 },
	{ 'H', FIELD(hour), 2, 2, 0, 23 },
	{ 'I', FIELD(half_day_hour), 2, 2, 1, 12 },
	{ 'M', FIELD(minute), 2, 2, 0, 59 },
	{ 'S', FIELD(second), 2, 2, 0, 60 },
	{ 'j', FIELD(yearday), 3, 3, 1, 366 },
	{ 'f', FIELD(ms), 3, 0, 0, 0 }, /* read as a fraction */
	{ 'u', FIELD(weekday), 1, 0, 0, 0 },
	{ 'G', FIELD(weekyear), 4, 0, 0, 0 },
	{ 'V', FIELD(week), 2, 0, 0, 0 },
	{ 0 },
};

static const struct name {
	char letter;
	const char *is;
} short_forms[] = { { 'F', "%Y-%m-%d" }, { 'T', "%H:%M:%S" }, { 'R', "%H:%M" }, { 0 } };

static const char *const months[] = { "January", "February", "March", "April", "May", "June", "July", "August",
	"September", "October", "November", "December" };
static const char *const weekdays[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" };

static const struct number *number_of(char letter)
{
	const struct number *at = numbers;
	while (at->letter && at->letter != letter)
		at++;
	return at->letter ? at : NULL;
}

static const char *short_form(char letter)
{
	const struct name *at = short_forms;
	while (at->letter && at->letter != letter)
		at++;
	return at->is;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---------------------------------------------------------------------- checking */

/* The sign behind a percent sign, or 0 at the end; ':' stands for ":z". */
static char next_letter(struct sl_text *format)
{
	char letter = format->len ? *format->at : '\0';
	size_t len = letter == ':' && format->len > 1 && format->at[1] == 'z' ? 2 : letter ? 1
	                                                                                   : 0;
	format->at += len, format->len -= len;
	return letter == ':' && len == 1 ? '?' : letter;
}

static bool is_known(char letter, bool reading)
{
	const struct number *number = number_of(letter);
	if (!letter)
		return false;
	if (number)
		return !reading || number->digits || letter == 'f';
	return short_form(letter) || strchr(reading ? "aAbBpzs%" : "aAbBpzsZ:%", letter);
}

bool calendar_format_check(struct sl_text format, bool reading, char bad[4])
{
	while (format.len) {
		format.len--;
		if (*format.at++ != '%')
			continue;
		char letter = next_letter(&format);
		if (is_known(letter, reading))
			continue;
		snprintf(bad, 4, "%%%c", letter >= ' ' && letter < 127 ? letter : ' ');
		return false;
	}
	return true;
}

/* ----------------------------------------------------------------------- writing */

struct writing {
	const struct calendar *calendar;
	int64_t moment;
	char *out;
	size_t len;
};

static void put(struct writing *writing, const char *form, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writing *writing, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	int len = vsnprintf(writing->out + writing->len, CALENDAR_SIZE - writing->len, form, values);
	va_end(values);
	writing->len += (size_t)len;
	if (writing->len >= CALENDAR_SIZE)
		writing->len = CALENDAR_SIZE; /* full for good: nothing fits behind it */
}

static void put_offset(struct writing *writing, const char *colon)
{
	int minutes = writing->calendar->zone.offset / 60;
	int size = minutes < 0 ? -minutes : minutes;
	put(writing, "%c%02d%s%02d", minutes < 0 ? '-' : '+', size / 60, colon, size % 60);
}

static void put_format(struct writing *writing, struct sl_text format);

static void put_letter(struct writing *writing, char letter)
{
	const struct calendar *calendar = writing->calendar;
	const struct number *number = number_of(letter);
	const char *more = short_form(letter);
	if (number)
		put(writing, "%0*d", number->written, *(const int *)((const char *)calendar + number->field));
	else if (more)
		put_format(writing, sl_text_of(more));
	else if (letter == 'a' || letter == 'A')
		put(writing, "%.*s", letter == 'a' ? 3 : 9, weekdays[calendar->weekday - 1]);
	else if (letter == 'b' || letter == 'B')
		put(writing, "%.*s", letter == 'b' ? 3 : 9, months[calendar->month - 1]);
	else if (letter == 'p')
		put(writing, calendar->hour < 12 ? "AM" : "PM");
	else if (letter == 'z' || letter == ':')
		put_offset(writing, letter == ':' ? ":" : "");
	else if (letter == 'Z')
		put(writing, "%s", calendar->zone.name);
	else if (letter == 's')
		put(writing, "%lld", (long long)(writing->moment / 1000 - (writing->moment % 1000 < 0)));
	else
		put(writing, "%%");
}

static void put_format(struct writing *writing, struct sl_text format)
{
	while (format.len && writing->len < CALENDAR_SIZE) {
		char c = *format.at;
		format.at++, format.len--;
		if (c == '%')
			put_letter(writing, next_letter(&format));
		else
			writing->out[writing->len++] = c;
	}
}

bool calendar_write(const struct calendar *calendar, int64_t moment, struct sl_text format, char out[CALENDAR_SIZE],
	size_t *len)
{
	struct writing writing = { calendar, moment, out, 0 };
	put_format(&writing, format);
	*len = writing.len;
	return writing.len < CALENDAR_SIZE;
}

/* ----------------------------------------------------------------------- reading */

struct reading {
	struct sl_text text;
	struct calendar got; /* 0 where nothing was said */
	int32_t offset;      /* or SL_NO_OFFSET */
	bool afternoon;
	bool whole; /* it was seconds since 1970 */
	int64_t seconds;
};

static void skip_space(struct reading *reading)
{
	while (reading->text.len && is_space(*reading->text.at))
		reading->text.at++, reading->text.len--;
}

static bool take(struct reading *reading, const char *word, size_t len)
{
	if (reading->text.len < len || strncasecmp(reading->text.at, word, len) != 0)
		return false;
	reading->text.at += len, reading->text.len -= len;
	return true;
}

static bool take_digits(struct reading *reading, int most, int64_t *number, int *taken)
{
	*number = *taken = 0;
	for (; *taken < most && reading->text.len && is_digit(*reading->text.at); ++*taken) {
		*number = *number * 10 + (*reading->text.at - '0');
		reading->text.at++, reading->text.len--;
	}
	return *taken > 0;
}

static bool take_number(struct reading *reading, const struct number *number)
{
	int64_t value;
	int taken;
	skip_space(reading);
	if (!take_digits(reading, number->digits, &value, &taken) || value < number->least || value > number->most)
		return false;
	*(int *)((char *)&reading->got + number->field) = (int)value;
	if (number->letter == 'y')
		reading->got.year = (int)value + (value < 69 ? 2000 : 1900);
	return number->letter != 'Y' || taken == 4;
}

static bool take_fraction(struct reading *reading)
{
	int64_t value;
	int taken;
	if (!take_digits(reading, 9, &value, &taken))
		return false;
	for (; taken < 3; taken++)
		value *= 10;
	for (; taken > 3; taken--)
		value /= 10;
	reading->got.ms = (int)value;
	return true;
}

/* One of the names, whole or its first three letters; its number, from 1. */
static int take_name(struct reading *reading, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (take(reading, names[i], strlen(names[i])) || take(reading, names[i], 3))
			return i + 1;
	return 0;
}

static bool take_half(struct reading *reading)
{
	reading->afternoon = take(reading, "PM", 2);
	return reading->afternoon || take(reading, "AM", 2);
}

static bool take_zone(struct reading *reading)
{
	int64_t hours, minutes = 0;
	int taken;
	reading->offset = 0;
	if (take(reading, "UTC", 3) || take(reading, "GMT", 3) || take(reading, "Z", 1))
		return true;
	bool west = take(reading, "-", 1);
	if (!west && !take(reading, "+", 1))
		return false;
	if (!take_digits(reading, 2, &hours, &taken) || taken != 2 || hours > 23)
		return false;
	bool colon = take(reading, ":", 1);
	if (take_digits(reading, 2, &minutes, &taken) ? taken != 2 || minutes > 59 : colon)
		return false;
	reading->offset = (int32_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

static bool take_seconds(struct reading *reading)
{
	int taken;
	bool before = take(reading, "-", 1);
	reading->whole = take_digits(reading, 12, &reading->seconds, &taken);
	if (before)
		reading->seconds = -reading->seconds;
	return reading->whole;
}

static bool take_format(struct reading *reading, struct sl_text format);

static bool take_letter(struct reading *reading, char letter)
{
	const struct number *number = number_of(letter);
	const char *more = short_form(letter);
	if (letter == 'f')
		return take_fraction(reading);
	if (number)
		return take_number(reading, number);
	if (more)
		return take_format(reading, sl_text_of(more));
	if (letter == 'a' || letter == 'A')
		return take_name(reading, weekdays, 7) > 0;
	if (letter == 'b' || letter == 'B')
		return (reading->got.month = take_name(reading, months, 12)) > 0;
	if (letter == 'p')
		return take_half(reading);
	if (letter == 'z')
		return take_zone(reading);
	if (letter == 's')
		return take_seconds(reading);
	return take(reading, "%", 1);
}

static bool take_format(struct reading *reading, struct sl_text format)
{
	while (format.len) {
		const char *at = format.at;
		format.at++, format.len--;
		if (is_space(*at))
			skip_space(reading);
		else if (*at == '%' ? !take_letter(reading, next_letter(&format)) : !take(reading, at, 1))
			return false;
	}
	return true;
}

static bool day_of(const struct calendar *got, int64_t *days)
{
	if (!got->yearday || got->month || got->day)
		return calendar_days(got->year, got->month ? got->month : 1, got->day ? got->day : 1, days);
	if (!calendar_days(got->year, 1, 1, days))
		return false;
	*days += got->yearday - 1;
	return got->yearday <= 365 || sl_month_length(got->year, 2) == 29;
}

static int64_t clock_of(const struct reading *reading)
{
	const struct calendar *got = &reading->got;
	int hour = got->half_day_hour ? got->half_day_hour % 12 + 12 * reading->afternoon : got->hour;
	int second = got->second == 60 ? 59 : got->second;
	return ((hour * 60 + got->minute) * 60 + second) * INT64_C(1000) + got->ms;
}

bool calendar_read(struct sl_text text, struct sl_text format, const struct zone *zone, int64_t *moment)
{
	struct reading reading = { .text = sl_text_trim(text), .offset = SL_NO_OFFSET };
	int64_t days;
	if (!take_format(&reading, format) || reading.text.len)
		return false;
	if (reading.whole)
		*moment = reading.seconds * 1000 + reading.got.ms;
	else if (!day_of(&reading.got, &days))
		return false;
	else if (reading.offset != SL_NO_OFFSET)
		*moment = calendar_moment(days, clock_of(&reading), NULL) - reading.offset * INT64_C(1000);
	else
		*moment = calendar_moment(days, clock_of(&reading), zone);
	return *moment >= CALENDAR_FIRST && *moment <= CALENDAR_LAST;
}
