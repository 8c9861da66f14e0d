/* SPDX-License-Identifier: Apache-2.0 */
/* net_judge.c - what an answer means: the plugin's, not now, or not ever. */
#include <string.h>

#include "host/net_inside.h"
#include "sdk/text.h"

#define MOST_LOOKED_AT 2000 /* bytes of a body, of which what is quoted is taken */
#define MOST_QUOTED 200

/* ------------------------------------------------------------------- quotes */

/* Not in the middle of a character. */
static size_t cut_at(const char *text, size_t most)
{
	size_t len = strnlen(text, most + 1);
	if (len <= most)
		return len;
	while (most && ((unsigned char)text[most] & 0xc0) == 0x80)
		most--;
	return most;
}

const char *net_quote(const struct wish *wish, struct sl_text body, struct arena *arena)
{
	size_t most = body.len < MOST_LOOKED_AT ? body.len : MOST_LOOKED_AT;
	char *text = arena_copy(arena, body.at ? body.at : "", most);
	for (size_t i = 0; i < most; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = ' ';
	const char *masked = wish->api ? wish_masked(wish->api, text, arena) : text;
	masked += strspn(masked, " ");
	size_t len = cut_at(masked, MOST_QUOTED);
	if (!sl_utf8((struct sl_text){ masked, len }))
		return "(no text)";
	return arena_format(arena, "%.*s%s", (int)len, masked, masked[len] || most < body.len ? "..." : "");
}

/* ------------------------------------------------------------------- status */

/* Was nothing done, for sure? */
static bool untouched(int status)
{
	return status == 423 || status == 429 || status == 503;
}

/* 423: locked by somebody else, for now.  449: it is not ready, "retry with" the same (Trello, of large boards). */
static bool is_not_now(int status)
{
	return status == 408 || status == 423 || status == 425 || status == 429 || status == 449 ||
		(status >= 500 && status <= 599);
}

static void say_status(const struct wish *wish, const struct client_answer *answer, struct judgement *judgement)
{
	struct arena *arena = arena_new();
	const char *quote = net_quote(wish, answer->body, arena);
	why_say(&judgement->why, "%s was answered with %d%s%s", wish->shown, answer->status, *quote ? ": " : "", quote);
	arena_free(&arena);
}

static void judge_status(const struct wish *wish, const struct client_answer *answer, struct judgement *judgement)
{
	if (untouched(answer->status))
		judgement->after = net_wait(answer);
	if (untouched(answer->status) && wish->graphql)
		judgement->after = net_graphql_wait(answer->body, judgement->after);
	if (!is_not_now(answer->status) || wish->all)
		return;
	judgement->verdict = wish->safe || untouched(answer->status) ? VERDICT_AGAIN : VERDICT_LATER;
	say_status(wish, answer, judgement);
}

/* "https://host/path: the reason": only the reason, because a path may hold what was filled in. */
static const char *reason(const struct client_answer *answer)
{
	const char *why = answer->why ? answer->why : "no answer";
	const char *colon = strncmp(why, "http", 4) == 0 ? strstr(why, ": ") : NULL;
	return colon ? colon + 2 : why;
}

/* An api does not move to somebody who cannot know its keys: that is a page to sign in, or of a proxy.  A file may
 * well lie elsewhere. */
static bool is_elsewhere(const struct wish *wish, const struct client_answer *answer)
{
	return answer->foreign && wish->api && !wish->request.file;
}

static void say_elsewhere(const struct wish *wish, const struct client_answer *answer, struct judgement *judgement)
{
	struct arena *arena = arena_new();
	const char *authority = strstr(answer->url, "://"), *host = authority ? authority + 3 : answer->url;
	why_say(&judgement->why, "%s was redirected elsewhere, to %.*s, which answered %d: %s", wish->shown,
		(int)strcspn(host, "/?#"), host, answer->status, net_quote(wish, answer->body, arena));
	judgement->verdict = VERDICT_AGAIN;
	arena_free(&arena);
}

void net_judge(const struct wish *wish, const struct client_answer *answer, struct judgement *judgement)
{
	judgement->verdict = VERDICT_PASS;
	if (answer->end == CLIENT_ANSWERED && is_elsewhere(wish, answer)) {
		say_elsewhere(wish, answer, judgement);
		return;
	}
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
