/* SPDX-License-Identifier: Apache-2.0 */
/* time.h - points in time as text and as numbers.  All of them are UTC, in the
 * proleptic Gregorian calendar, years 0001 to 9999, without leap seconds. */
#ifndef SLUICE_TIME_H
#define SLUICE_TIME_H

#include <stdbool.h>

#include "plugin.h"

/* ISO 8601 / RFC 3339 as vendors write it: "2026-11-21", "2026-11-21T22:10:19Z",
 * with a space or t for T, with 1 to 9 digits of fraction, without the seconds,
 * with Z, " UTC", +hh:mm, +hhmm, +hh or nothing (UTC).  :60 counts as :59.
 * Microseconds since 1970; finer digits are dropped. */
bool sl_time_read(struct sl_text text, int64_t *microseconds);

/* Only the day: "2026-11-21", or the day of a time in its own offset. */
bool sl_date_read(struct sl_text text, int64_t *days);

/* A time as it stands there: its clock, without the offset, and the offset in
 * seconds east, or SL_NO_OFFSET if it names none. */
#define SL_NO_OFFSET INT32_MIN
bool sl_clock_read(struct sl_text text, int64_t *microseconds, int32_t *offset);

/* "2026-11-21T22:10:19.123Z": milliseconds, always three digits.  What lies
 * outside the years is written as the nearest end of them. */
#define SL_TIME_SIZE 32
size_t sl_time_write(int64_t microseconds, char out[SL_TIME_SIZE]);
size_t sl_date_write(int64_t days, char out[SL_TIME_SIZE]);

/* The calendar: days since 1970-01-01 of a date and back; years 1 to 9999, and
 * what a time zone makes of their first and last day. */
int64_t sl_days_of(int year, int month, int day);
void sl_date_of(int64_t days, int *year, int *month, int *day);
int sl_month_length(int year, int month);

/* "90s", "15m", "48h", "14d", "500ms", "1h30m": milliseconds; a bare number is
 * refused unless it is 0, because nobody knows its unit. */
bool sl_duration_read(struct sl_text text, int64_t *milliseconds);

/* "64", "64 MB", "10GiB", "256k": bytes (k, M, G, T are powers of 1024). */
bool sl_size_read(struct sl_text text, int64_t *bytes);

#endif
