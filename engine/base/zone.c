/* SPDX-License-Identifier: Apache-2.0 */
/* zone.c - time zones: a file of tzdata, checked and then looked at where it stands. */
#include "base/zone.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sdk/time.h"

#define HEADER 44
#define MOST_OFFSET (26 * 3600)
#define DAY 86400

/* -------------------------------------------------------------------- numbers */

static uint32_t number(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t moment_of(const unsigned char *at)
{
	return (int64_t)((uint64_t)number(at) << 32 | number(at + 4));
}

/* ------------------------------------------------------------------- the file */

static bool is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
	size_t len = strlen(name);
	return len && len < 64 && strspn(name, letters) == len && name[0] != '/' && name[len - 1] != '/' &&
	       !strstr(name, "//");
}

bool zone_file(const char *name, unsigned char *out, size_t *len, struct why *why)
{
	char path[sizeof(ZONE_FOLDER) + 72];
	if (!is_name(name))
		return why_say(why, "'%.64s' is no name of a time zone; one is 'Europe/Berlin'", name);
	snprintf(path, sizeof(path), "%s/%s", ZONE_FOLDER, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && access(ZONE_FOLDER, X_OK) != 0)
		return why_say(why, "there is no %s: install tzdata to use the time zone %s", ZONE_FOLDER, name);
	if (fd < 0)
		return why_say(why, "there is no time zone '%s' in %s", name, ZONE_FOLDER);
	ssize_t got = read(fd, out, ZONE_LARGEST);
	close(fd);
	*len = got < 0 ? 0 : (size_t)got;
	return true;
}

/* ------------------------------------------------------------------ the checks */

struct counts {
	uint32_t utc, standard, leap, moments, kinds, letters;
};

static bool read_header(const unsigned char *at, size_t len, struct counts *counts)
{
	if (len < HEADER || memcmp(at, "TZif", 4) != 0 || at[4] < '2')
		return false;
	*counts = (struct counts){ number(at + 20), number(at + 24), number(at + 28), number(at + 32), number(at + 36),
		number(at + 40) };
	return counts->moments <= ZONE_LARGEST && counts->kinds <= 256 && counts->letters <= ZONE_LARGEST &&
	       counts->leap <= ZONE_LARGEST && counts->utc <= 256 && counts->standard <= 256;
}

/* What follows a header whose moments have `width` bytes. */
static size_t body(const struct counts *counts, size_t width)
{
	return counts->moments * (width + 1) + counts->kinds * 6 + counts->letters + counts->leap * (width + 4) +
	       counts->standard + counts->utc;
}

static bool check_kinds(const struct zone *zone, const struct counts *counts)
{
	if (!counts->kinds || !counts->letters || zone->names[counts->letters - 1])
		return false;
	for (size_t i = 0; i < counts->kinds; i++) {
		int32_t offset = (int32_t)number(zone->kinds + 6 * i);
		if (offset <= -MOST_OFFSET || offset >= MOST_OFFSET || zone->kinds[6 * i + 5] >= counts->letters)
			return false;
	}
	return true;
}

static bool check_moments(const struct zone *zone, const struct counts *counts)
{
	for (size_t i = 0; i < zone->count; i++) {
		if (zone->becomes[i] >= counts->kinds)
			return false;
		if (i && moment_of(zone->moments + 8 * i) <= moment_of(zone->moments + 8 * (i - 1)))
			return false;
	}
	return true;
}

/* What stands between two line feeds at the end; empty: nothing is known. */
static bool read_footer(struct zone *zone, const unsigned char *at, size_t len)
{
	if (len < 2 || at[0] != '\n')
		return false;
	const unsigned char *end = memchr(at + 1, '\n', len - 1);
	zone->ruled = end && end > at + 1;
	return end && (!zone->ruled || zone_rule_read(&zone->rule, (const char *)at + 1, (size_t)(end - at - 1)));
}

static bool read_all(struct zone *zone, const unsigned char *at, size_t len)
{
	struct counts counts;
	if (!read_header(at, len, &counts))
		return false;
	size_t first = HEADER + body(&counts, 4); /* the same again, for those who know no wide moments */
	if (first > len || !read_header(at + first, len - first, &counts))
		return false;
	at += first + HEADER, len -= first + HEADER;
	if (body(&counts, 8) > len || counts.leap) /* leap seconds are those of "right/..." */
		return false;
	*zone = (struct zone){ .count = counts.moments, .moments = at };
	zone->becomes = zone->moments + 8 * zone->count;
	zone->kinds = zone->becomes + zone->count;
	zone->names = (const char *)zone->kinds + (size_t)6 * counts.kinds;
	return check_kinds(zone, &counts) && check_moments(zone, &counts) &&
	       read_footer(zone, at + body(&counts, 8), len - body(&counts, 8));
}

bool zone_open(struct zone *zone, const unsigned char *at, size_t len, struct why *why)
{
	return read_all(zone, at, len) ||
	       why_say(why, "it is no file of a time zone (TZif, version 2 or later, without leap seconds)");
}

/* ------------------------------------------------------------------ fixed ones */

bool zone_fixed(struct zone *zone, const char *name)
{
	int64_t clock;
	int32_t offset = 0;
	char text[48];
	*zone = (struct zone){ .ruled = true };
	if (strcmp(name, "UTC") != 0 && strcmp(name, "Z") != 0) {
		if ((*name != '+' && *name != '-') || strlen(name) > 6)
			return false;
		int len = snprintf(text, sizeof(text), "2000-01-01T00:00%s", name);
		if (!sl_clock_read((struct sl_text){ text, (size_t)len }, &clock, &offset))
			return false;
	}
	zone->rule.standard.offset = offset;
	snprintf(zone->rule.standard.name, ZONE_NAME, "%s", *name == 'Z' ? "UTC" : name);
	return true;
}

/* ---------------------------------------------------------------------- looking */

/* How many changes there were up to a moment. */
static size_t changes_until(const struct zone *zone, int64_t moment)
{
	size_t from = 0, to = zone->count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (moment_of(zone->moments + 8 * middle) <= moment)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

void zone_at(const struct zone *zone, int64_t moment, struct zone_clock *clock)
{
	size_t passed = changes_until(zone, moment);
	if (passed == zone->count && zone->ruled) {
		zone_rule_at(&zone->rule, moment, clock);
		return;
	}
	const unsigned char *kind = zone->kinds + (size_t)6 * (passed ? zone->becomes[passed - 1] : 0);
	clock->offset = (int32_t)number(kind);
	snprintf(clock->name, sizeof(clock->name), "%.*s", ZONE_NAME - 1, zone->names + kind[5]);
}

/* The offsets of a day before and of a day after are the candidates: nowhere do
 * clocks change twice in between. */
int64_t zone_moment(const struct zone *zone, int64_t clock)
{
	struct zone_clock before, after, then;
	zone_at(zone, clock - DAY, &before);
	zone_at(zone, clock + DAY, &after);
	zone_at(zone, clock - before.offset, &then);
	if (then.offset == before.offset)
		return clock - before.offset;
	zone_at(zone, clock - after.offset, &then);
	return clock - (then.offset == after.offset ? after.offset : before.offset);
}
