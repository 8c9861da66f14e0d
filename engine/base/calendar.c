/* SPDX-License-Identifier: Apache-2.0 */
/* calendar.c - moments taken apart into what calendar and clock show, and put together. */
#include "base/calendar.h"

#include <string.h>

#include "sdk/time.h"

#define SECOND 1000
#define DAY INT64_C(86400000)

static int64_t floored(int64_t number, int64_t by)
{
	return number / by - (number % by < 0);
}

static void set_clock(struct calendar *calendar, int ms)
{
	calendar->ms = ms % SECOND;
	calendar->second = ms / SECOND % 60;
	calendar->minute = ms / (60 * SECOND) % 60;
	calendar->hour = ms / (3600 * SECOND);
	calendar->half_day_hour = calendar->hour % 12 ? calendar->hour % 12 : 12;
}

/* The week belongs to the year in which its Thursday is. */
static void set_week(struct calendar *calendar, int64_t days)
{
	int month, day;
	int64_t thursday = days - (calendar->weekday - 1) + 3;
	sl_date_of(thursday, &calendar->weekyear, &month, &day);
	calendar->week = (int)(thursday - sl_days_of(calendar->weekyear, 1, 1)) / 7 + 1;
}

void calendar_of(struct calendar *calendar, int64_t moment, const struct zone *zone)
{
	memset(calendar, 0, sizeof(*calendar));
	strcpy(calendar->zone.name, "UTC");
	if (zone)
		zone_at(zone, floored(moment, SECOND), &calendar->zone);
	int64_t there = moment + (int64_t)calendar->zone.offset * SECOND, days = floored(there, DAY);
	sl_date_of(days, &calendar->year, &calendar->month, &calendar->day);
	calendar->short_year = calendar->year % 100;
	calendar->yearday = (int)(days - sl_days_of(calendar->year, 1, 1)) + 1;
	calendar->weekday = (int)(((days + 3) % 7 + 7) % 7) + 1;
	set_clock(calendar, (int)(there - days * DAY));
	set_week(calendar, days);
}

bool calendar_days(int year, int month, int day, int64_t *days)
{
	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > sl_month_length(year, month))
		return false;
	*days = sl_days_of(year, month, day);
	return true;
}

int64_t calendar_moment(int64_t days, int64_t ms_of_day, const struct zone *zone)
{
	int64_t clock = days * DAY + ms_of_day, seconds = floored(clock, SECOND);
	return zone ? zone_moment(zone, seconds) * SECOND + (clock - seconds * SECOND) : clock;
}
