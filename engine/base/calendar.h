/* SPDX-License-Identifier: Apache-2.0 */
/* calendar.h - a moment taken apart into what calendar and clock show, put together, and in formats.
 *
 * Moments are milliseconds since 1970, UTC.  Formats are those of strftime, as far
 * as the tables in calendar_format.c go.
 */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include "base/zone.h"
#include "sdk/plugin.h"

#define CALENDAR_FIRST (INT64_C(-719162) * 86400000)    /* 0001-01-01 */
#define CALENDAR_LAST (INT64_C(2932897) * 86400000 - 1) /* 9999-12-31, the last millisecond */
#define CALENDAR_SIZE 256                               /* what a format may become */

struct calendar {
	int year, month, day, hour, minute, second, ms;
	int weekday;        /* 1 is Monday */
	int yearday;        /* 1 is the first of January */
	int weekyear, week; /* ISO 8601 */
	int short_year;     /* 0 to 99 */
	int half_day_hour;  /* 12, 1, ... 11 */
	struct zone_clock zone;
};

/* NULL for a zone is UTC. */
void calendar_of(struct calendar *calendar, int64_t moment, const struct zone *zone);

/* The day, then the clock; both have to be right.  False: there is no such day. */
bool calendar_days(int year, int month, int day, int64_t *days);
int64_t calendar_moment(int64_t days, int64_t ms_of_day, const struct zone *zone);

/* False: there is a letter in it that is none; it is told as '%Q'. */
bool calendar_format_check(struct sl_text format, bool reading, char bad[4]);

/* What a checked format makes of it; false: more than CALENDAR_SIZE bytes. */
bool calendar_write(const struct calendar *calendar, int64_t moment, struct sl_text format, char out[CALENDAR_SIZE],
	size_t *len);

/* The zone counts where the text names no offset. */
bool calendar_read(struct sl_text text, struct sl_text format, const struct zone *zone, int64_t *moment);

#endif
