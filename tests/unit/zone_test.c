/* SPDX-License-Identifier: Apache-2.0 */
/* zone_test.c - time zones: tzdata's files, their rules, gaps and overlaps, and broken files. */
#include "base/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sdk/time.h"

#define ROWS(table) (sizeof(table) / sizeof(*(table)))

static int64_t seconds(const char *text)
{
	int64_t microseconds;
	assert_true(sl_time_read((struct sl_text){ text, strlen(text) }, &microseconds));
	return microseconds / 1000000;
}

static unsigned char file[ZONE_LARGEST];
static size_t file_len;

static void open_zone(struct zone *zone, const char *name)
{
	struct why why = { 0 };
	if (!zone_file(name, file, &file_len, &why) || !zone_open(zone, file, file_len, &why))
		fail_msg("%s: %s", name, why.text);
}

static void clocks_of_places(void **state)
{
	static const struct {
		const char *zone, *moment;
		int minutes;
		const char *name;
	} table[] = {
		{ "Europe/Berlin", "2026-01-15T12:00:00Z", 60, "CET" },
		{ "Europe/Berlin", "2026-07-15T12:00:00Z", 120, "CEST" },
		{ "Europe/Berlin", "2026-03-29T00:59:59Z", 60, "CET" },
		{ "Europe/Berlin", "2026-03-29T01:00:00Z", 120, "CEST" },
		{ "Europe/Berlin", "2026-10-25T00:59:59Z", 120, "CEST" },
		{ "Europe/Berlin", "2026-10-25T01:00:00Z", 60, "CET" },
		{ "Europe/Berlin", "2186-07-15T12:00:00Z", 120, "CEST" }, /* by the rule */
		{ "Europe/Berlin", "1942-07-01T12:00:00Z", 120, "CEST" },
		{ "America/New_York", "2026-07-15T12:00:00Z", -240, "EDT" },
		{ "Australia/Sydney", "2186-01-15T12:00:00Z", 660, "AEDT" }, /* south: summer over the new year */
		{ "Australia/Sydney", "2186-07-15T12:00:00Z", 600, "AEST" },
		{ "Asia/Kolkata", "2026-07-15T12:00:00Z", 330, "IST" },
		{ "Asia/Kathmandu", "2186-07-15T12:00:00Z", 345, "+0545" },
		{ "Europe/Dublin", "2186-07-15T12:00:00Z", 60, "IST" }, /* its winter is the exception */
		{ "Europe/Dublin", "2186-01-15T12:00:00Z", 0, "GMT" },
		{ "UTC", "2026-07-15T12:00:00Z", 0, "UTC" },
	};
	for (size_t i = 0; i < ROWS(table); i++) {
		struct zone zone;
		struct zone_clock clock;
		open_zone(&zone, table[i].zone);
		zone_at(&zone, seconds(table[i].moment), &clock);
		if (clock.offset != table[i].minutes * 60 || strcmp(clock.name, table[i].name) != 0)
			fail_msg("%s at %s: %d %s", table[i].zone, table[i].moment, clock.offset, clock.name);
	}
}

static void a_clock_becomes_a_moment(void **state)
{
	static const struct {
		const char *zone, *clock, *moment;
	} table[] = {
		{ "Europe/Berlin", "2026-01-15T12:00:00Z", "2026-01-15T11:00:00Z" },
		{ "Europe/Berlin", "2026-07-15T12:00:00Z", "2026-07-15T10:00:00Z" },
		{ "Europe/Berlin", "2026-03-29T01:59:59Z", "2026-03-29T00:59:59Z" },
		{ "Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z" }, /* skipped: 03:30 */
		{ "Europe/Berlin", "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z" },
		{ "Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z" }, /* twice: the first */
		{ "Europe/Berlin", "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z" },
		{ "America/New_York", "2026-03-08T02:30:00Z", "2026-03-08T07:30:00Z" },
		{ "America/New_York", "2026-11-01T01:30:00Z", "2026-11-01T05:30:00Z" },
		{ "Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T22:00:00Z" }, /* a day that never was */
	};
	for (size_t i = 0; i < ROWS(table); i++) {
		struct zone zone;
		open_zone(&zone, table[i].zone);
		if (zone_moment(&zone, seconds(table[i].clock)) != seconds(table[i].moment))
			fail_msg("%s %s", table[i].zone, table[i].clock);
	}
}

static void fixed_offsets(void **state)
{
	static const struct {
		const char *name;
		bool fine;
		int minutes;
	} table[] = {
		{ "UTC", true, 0 }, { "Z", true, 0 }, { "+05:30", true, 330 }, { "-0800", true, -480 },
		{ "+01", true, 60 }, { "", false, 0 }, { "+", false, 0 }, { "+24:00", false, 0 },
		{ "+05:30:00", false, 0 }, { "CET", false, 0 }, { "+1", false, 0 }, { "+ 1:00", false, 0 },
	};
	for (size_t i = 0; i < ROWS(table); i++) {
		struct zone zone;
		struct zone_clock clock = { .offset = table[i].minutes * 60 };
		if (zone_fixed(&zone, table[i].name) != table[i].fine)
			fail_msg("%s", table[i].name);
		if (table[i].fine)
			zone_at(&zone, 0, &clock);
		assert_int_equal(clock.offset, table[i].minutes * 60);
	}
}

static void rules(void **state)
{
	static const char *const wrong[] = {
		"", "C-1", "CET", "CET-25", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,M10.5.0/3x",
		"CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "<CET-1",
		"CET-1CEST,J0,J300", "CET-1CEST,366,1", "CET-1CEST,M3.5.0/168,M10.5.0", "ABCDEFGHIJKLMNOPQRSTUVWXYZ1",
	};
	struct zone_rule rule;
	struct zone_clock clock;
	for (size_t i = 0; i < ROWS(wrong); i++)
		if (zone_rule_read(&rule, wrong[i], strlen(wrong[i])))
			fail_msg("%s was read", wrong[i]);
	const char *julian = "AAA0BBB,J60/0,J300/0"; /* the first of March in every year */
	assert_true(zone_rule_read(&rule, julian, strlen(julian)));
	zone_rule_at(&rule, seconds("2024-02-29T23:59:59Z"), &clock);
	assert_string_equal(clock.name, "AAA");
	zone_rule_at(&rule, seconds("2024-03-01T00:00:00Z"), &clock);
	assert_string_equal(clock.name, "BBB");
	const char *counted = "AAA0BBB-2,59/0,300/0";
	assert_true(zone_rule_read(&rule, counted, strlen(counted)));
	zone_rule_at(&rule, seconds("2024-02-29T00:00:00Z"), &clock);
	assert_int_equal(clock.offset, 7200);
}

static void names_that_are_none(void **state)
{
	static const char *const wrong[] = { "", "/etc/passwd", "../../../etc/passwd", "Europe/../Europe/Berlin",
		"Europe//Berlin", "Europe/", "Europe", "Europe/Berlin.", "zone.tab", "a\nb", "Nowhere/Land",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	struct zone zone;
	for (size_t i = 0; i < ROWS(wrong); i++) {
		struct why why = { 0 };
		if (zone_file(wrong[i], file, &file_len, &why) && zone_open(&zone, file, file_len, &why))
			fail_msg("%s was opened", wrong[i]);
		assert_true(*why.text);
	}
}

/* Cut at every length, and with every byte of it changed: refused, or read within its bounds. */
static void broken_files(void **state)
{
	struct zone zone;
	struct zone_clock clock;
	unsigned char whole[ZONE_LARGEST];
	open_zone(&zone, "Europe/Berlin");
	memcpy(whole, file, file_len);
	for (size_t len = 0; len < file_len; len++) {
		unsigned char *cut = malloc(len + 1);
		memcpy(cut, whole, len);
		assert_false(zone_open(&zone, cut, len, NULL));
		free(cut);
	}
	for (size_t at = 0; at < file_len; at++) {
		unsigned char *bad = malloc(file_len);
		memcpy(bad, whole, file_len);
		bad[at] ^= 0xff;
		if (zone_open(&zone, bad, file_len, NULL))
			for (int64_t moment = -3000000000; moment < 9000000000; moment += 500000000)
				zone_at(&zone, moment, &clock);
		free(bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_of_places),
		cmocka_unit_test(a_clock_becomes_a_moment),
		cmocka_unit_test(fixed_offsets),
		cmocka_unit_test(rules),
		cmocka_unit_test(names_that_are_none),
		cmocka_unit_test(broken_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
