/* SPDX-License-Identifier: Apache-2.0 */
/* zone.h - what the clocks of a place show: time zones out of the system's tzdata.
 *
 * A zone is read where its file's bytes stand (TZif, RFC 8536), so the bytes have
 * to live as long as it does.  After the last change in the file the rule at its
 * end goes on.  Moments are seconds since 1970, UTC; a clock is the same
 * count of what the clocks there show.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/why.h"

#define ZONE_FOLDER "/usr/share/zoneinfo"
#define ZONE_LARGEST 32768 /* bytes of a file; those of tzdata have less than 4000 */
#define ZONE_NAME 16       /* room for "CEST", "+0530" */

struct zone_clock {
	int32_t offset; /* seconds east of UTC */
	char name[ZONE_NAME];
};

/* "CET-1CEST,M3.5.0,M10.5.0/3": what goes on for ever. */
struct zone_rule {
	struct zone_clock standard, summer;
	bool changes; /* false: there is no summer time */
	struct zone_day {
		char form; /* 'M': month, week, weekday; 'J': day 1 to 365; 'D': day 0 to 365 */
		int month, week, day;
		int32_t time; /* seconds after midnight */
	} begin, end;         /* of summer time */
};

struct zone {
	size_t count;                 /* of changes */
	const unsigned char *moments; /* 8 bytes each */
	const unsigned char *becomes; /* 1 byte each: the kind */
	const unsigned char *kinds;   /* 6 bytes each */
	const char *names;
	bool ruled;
	struct zone_rule rule;
};

/* The bytes of the file of a zone's name; names of other things than zones are
 * refused before any file is touched.  `out` has room for ZONE_LARGEST. */
bool zone_file(const char *name, unsigned char *out, size_t *len, struct why *why);

/* Checks all of the file; the sentence does not name it. */
bool zone_open(struct zone *zone, const unsigned char *at, size_t len, struct why *why);

/* The same offset always: "UTC", "Z", "+05:30", "-0800".  False: it is none of these. */
bool zone_fixed(struct zone *zone, const char *name);

bool zone_rule_read(struct zone_rule *rule, const char *at, size_t len);
void zone_rule_at(const struct zone_rule *rule, int64_t moment, struct zone_clock *clock);

void zone_at(const struct zone *zone, int64_t moment, struct zone_clock *clock);

/* When the clocks show this.  What they skip is read with the offset from before;
 * of what they show twice it is the first. */
int64_t zone_moment(const struct zone *zone, int64_t clock);

#endif
