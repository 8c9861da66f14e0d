/* SPDX-License-Identifier: Apache-2.0 */
/* net_judge.c - what an answer means: the plugin's, not now, or not ever. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "host/net_inside.h"
#include "sdk/text.h"

#define LONGEST_SILENCE 3600 /* seconds: who asks for more is asked again after so much */

/* Seconds, or a date; 0 if it is neither, or over. */
static int64_t retry_after(const struct client_answer *answer)
{
	const char *text = net_header(answer->headers, "retry-after");
	struct tm date = { 0 };
	int64_t seconds = 0;
	if (!text)
		return 0;
	text += strspn(text, " \t");
	const char *rest = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &date);
	if (rest && !*rest)
		seconds = ((int64_t)timegm(&date) * 1000 - clock_wall() + 999) / 1000;
	else
		for (; *text >= '0' && *text <= '9' && seconds <= LONGEST_SILENCE; text++)
			seconds = seconds * 10 + (*text - '0');
	if (seconds > LONGEST_SILENCE)
		seconds = LONGEST_SILENCE;
	return seconds > 0 ? seconds * 1000 : 0;
}

/* Was nothing done, for sure? */
static bool untouched(int status)
{
	return status == 429 || status == 503;
}

static bool is_not_now(int status)
{
	return status == 408 || status == 425 || status == 429 || (status >= 500 && status <= 599);
}

static void judge_status(const struct wish *wish, const struct client_answer *answer, struct judgement *judgement)
{
	if (untouched(answer->status))
		judgement->after = retry_after(answer);
	if (!is_not_now(answer->status) || wish->all)
		return;
	judgement->verdict = wish->safe || untouched(answer->status) ? VERDICT_AGAIN : VERDICT_LATER;
	why_say(&judgement->why, "%s was answered with %d", wish->shown, answer->status);
}

/* "https://host/path: the reason": only the reason, because a path may hold what was filled in. */
static const char *reason(const struct client_answer *answer)
{
	const char *why = answer->why ? answer->why : "no answer";
	const char *colon = strncmp(why, "http", 4) == 0 ? strstr(why, ": ") : NULL;
	return colon ? colon + 2 : why;
}

void net_judge(const struct wish *wish, const struct client_answer *answer, struct judgement *judgement)
{
	judgement->verdict = VERDICT_PASS;
	if (answer->end == CLIENT_ANSWERED) {
		judge_status(wish, answer, judgement);
		if (judgement->verdict == VERDICT_PASS && wish->graphql && answer->status >= 200 && answer->status <= 299)
			net_judge_graphql(wish, answer->body, judgement);
		return;
	}
	why_say(&judgement->why, "%s: %s", wish->shown, reason(answer));
	if (answer->end == CLIENT_REFUSED)
		judgement->verdict = VERDICT_FAIL;
	else
		judgement->verdict = wish->safe ? VERDICT_AGAIN : VERDICT_LATER;
}
