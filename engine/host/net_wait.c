/* SPDX-License-Identifier: Apache-2.0 */
/* net_wait.c - how long the far side asks to be left alone, by the headers of its answer. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "host/net_inside.h"
#include "sdk/text.h"

#define SHORTEST_EPOCH INT64_C(1000000)         /* less of seconds is a stretch of time, more a date */
#define MILLISECONDS_FROM INT64_C(100000000000) /* a date this large counts milliseconds */

/* At most an hour: who asks for more is asked again after so much. */
int64_t net_wait_capped(int64_t ms)
{
	if (ms <= 0)
		return 0;
	return ms < NET_LONGEST_SILENCE ? ms : NET_LONGEST_SILENCE;
}

/* "2", "2.0", " 7 "; in milliseconds, rounded up.  False: it is none. */
static bool seconds_read(const char *text, int64_t *ms)
{
	int64_t whole = 0, part = 0, scale = 100;
	text += strspn(text, " \t");
	size_t digits = strspn(text, "0123456789");
	if (!digits || digits > 15)
		return false;
	for (size_t i = 0; i < digits; i++)
		whole = whole * 10 + (*text++ - '0');
	for (text += *text == '.'; *text >= '0' && *text <= '9'; text++, scale /= 10)
		part += (*text - '0') * scale + (!scale && *text != '0');
	*ms = whole * 1000 + part;
	return text[strspn(text, " \t")] == '\0';
}

/* Seconds, or a date (RFC 9110, 10.2.3). */
static int64_t retry_after(const char *text)
{
	struct tm date = { 0 };
	int64_t ms = 0;
	const char *rest = strptime(text + strspn(text, " \t"), "%a, %d %b %Y %H:%M:%S GMT", &date);
	if (rest && !*rest)
		return ((int64_t)timegm(&date) * 1000 - clock_wall() + 999) / 1000 * 1000;
	return seconds_read(text, &ms) ? ms : 0;
}

/* Some mean the seconds until then, some the second when: their size tells them apart. */
static int64_t reset(const char *text)
{
	int64_t ms;
	if (!seconds_read(text, &ms))
		return 0;
	if (ms / 1000 < SHORTEST_EPOCH)
		return ms;
	return (ms / 1000 < MILLISECONDS_FROM ? ms : ms / 1000) - clock_wall();
}

/* "minuteRate";r=0;t=38, "concurrency";r=3: the longest `t` of what has nothing left. */
static int64_t rate_limit(const char *text)
{
	int64_t longest = 0;
	while (*text) {
		size_t len = strcspn(text, ",");
		const char *left = memmem(text, len, ";r=", 3), *time = memmem(text, len, ";t=", 3);
		int64_t ms = time ? strtoll(time + 3, NULL, 10) : 0;
		if (left && strtoll(left + 3, NULL, 10) <= 0 && ms > longest && ms < SHORTEST_EPOCH)
			longest = ms;
		text += len + (text[len] == ',');
	}
	return longest * 1000;
}

static const struct {
	const char *header;
	int64_t (*read)(const char *);
} headers[] = {
	{ "retry-after", retry_after },
	{ "ratelimit", rate_limit },     /* monday, and the draft of the IETF */
	{ "x-rate-limit-reset", reset }, /* Teamwork */
	{ "x-ratelimit-reset", reset },  /* Missive, GitHub */
	{ "ratelimit-reset", reset },
};

int64_t net_wait(const struct client_answer *answer)
{
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		const char *text = net_header(answer->headers, headers[i].header);
		int64_t ms = text ? net_wait_capped(headers[i].read(text)) : 0;
		if (ms)
			return ms;
	}
	return 0;
}
