/* SPDX-License-Identifier: Apache-2.0 */
/* zone_rule.c - the rule at the end of a zone's file: "CET-1CEST,M3.5.0,M10.5.0/3". */
#include <string.h>

#include "base/zone.h"
#include "sdk/time.h"

#define DAY 86400
#define HOUR 3600

/* ----------------------------------------------------------------------- reading */

struct reading {
	const char *at, *end;
};

static bool take(struct reading *text, char c)
{
	if (text->at == text->end || *text->at != c)
		return false;
	text->at++;
	return true;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool take_number(struct reading *text, int least, int most, int *number)
{
	const char *begin = text->at;
	for (*number = 0; text->at < text->end && *text->at >= '0' && *text->at <= '9' && text->at < begin + 3; text->at++)
		*number = *number * 10 + (*text->at - '0');
	return text->at > begin && *number >= least && *number <= most;
}

/* "CEST" or "<+0530>" */
static bool take_name(struct reading *text, char out[ZONE_NAME])
{
	bool quoted = take(text, '<');
	const char *begin = text->at;
	while (text->at < text->end && (quoted ? *text->at != '>' : is_letter(*text->at)))
		text->at++;
	size_t len = (size_t)(text->at - begin);
	if (len < 3 || len >= ZONE_NAME || (quoted && !take(text, '>')))
		return false;
	memcpy(out, begin, len);
	out[len] = '\0';
	return true;
}

/* "-1", "5:30", "+167:59:59": seconds */
static bool take_time(struct reading *text, int most_hours, int32_t *seconds)
{
	int hours, minutes = 0, rest = 0;
	bool negative = take(text, '-');
	if (!negative)
		take(text, '+');
	if (!take_number(text, 0, most_hours, &hours))
		return false;
	if (take(text, ':') && !take_number(text, 0, 59, &minutes))
		return false;
	if (take(text, ':') && !take_number(text, 0, 59, &rest))
		return false;
	*seconds = (hours * HOUR + minutes * 60 + rest) * (negative ? -1 : 1);
	return true;
}

static bool take_day(struct reading *text, struct zone_day *day)
{
	day->form = take(text, 'M') ? 'M' : take(text, 'J') ? 'J'
	                                                   : 'D';
	day->time = 2 * HOUR;
	if (day->form == 'M') {
		if (!take_number(text, 1, 12, &day->month) || !take(text, '.') || !take_number(text, 1, 5, &day->week) ||
			!take(text, '.') || !take_number(text, 0, 6, &day->day))
			return false;
	} else if (!take_number(text, day->form == 'J', 365, &day->day)) {
		return false;
	}
	return !take(text, '/') || take_time(text, 167, &day->time);
}

bool zone_rule_read(struct zone_rule *rule, const char *at, size_t len)
{
	struct reading text = { at, at + len };
	int32_t west;
	memset(rule, 0, sizeof(*rule));
	if (!take_name(&text, rule->standard.name) || !take_time(&text, 24, &west))
		return false;
	rule->standard.offset = -west;
	if (text.at == text.end)
		return true;
	rule->changes = true;
	if (!take_name(&text, rule->summer.name))
		return false;
	west -= HOUR;
	if (text.at < text.end && *text.at != ',' && !take_time(&text, 24, &west))
		return false;
	rule->summer.offset = -west;
	return take(&text, ',') && take_day(&text, &rule->begin) && take(&text, ',') && take_day(&text, &rule->end) &&
	       text.at == text.end;
}

/* ----------------------------------------------------------------------- looking */

static int weekday(int64_t days) /* 0 is Sunday */
{
	return (int)(((days + 4) % 7 + 7) % 7);
}

/* When the clocks show the change, in the time they showed before it. */
static int64_t clock_of(const struct zone_day *day, int year)
{
	int64_t first = sl_days_of(year, 1, 1), at = first + day->day;
	if (day->form == 'J') /* 1 to 365: the 29th of February is never counted */
		at = first + day->day - 1 + (day->day >= 60 && sl_month_length(year, 2) == 29);
	if (day->form == 'M') {
		at = sl_days_of(year, day->month, 1);
		at += (day->day - weekday(at) + 7) % 7 + 7 * (day->week - 1);
		if (at >= sl_days_of(year, day->month, 1) + sl_month_length(year, day->month))
			at -= 7; /* the fifth is the last */
	}
	return at * DAY + day->time;
}

void zone_rule_at(const struct zone_rule *rule, int64_t moment, struct zone_clock *clock)
{
	int year, month, day;
	*clock = rule->standard;
	if (!rule->changes)
		return;
	int64_t there = moment + rule->standard.offset;
	sl_date_of(there / DAY - (there % DAY < 0), &year, &month, &day);
	int64_t begin = clock_of(&rule->begin, year) - rule->standard.offset;
	int64_t end = clock_of(&rule->end, year) - rule->summer.offset;
	bool summer = begin < end ? moment >= begin && moment < end : moment >= begin || moment < end;
	if (summer)
		*clock = rule->summer;
}
