/* SPDX-License-Identifier: Apache-2.0 */
/* poller_gap.c - what a vendor may have pushed in vain, and the poll that makes up for it.
 *
 * There is a *gap* when nothing has come for longer than `silence`; when a look at the
 * vendor's webhooks, every `check`, finds one switched off or missing, and again when they
 * work again; and when the master says that we were down, or had no room.  The source
 * polls at once, health says why until such a poll has ended well, and says of silence
 * and webhooks as long as they last.
 *
 * Webhooks that say no more than that something changed (`notice`) are each a reason to poll, too.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "base/option.h"
#include "flow/poller.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define NAMED 3 /* webhooks that a sentence names */

static void poll_now(struct poller *poller)
{
	poller->ask_again |= poll_busy(&poller->poll);
	poller->poll.due = clock_ticks();
	poller_turn(poller, 0);
}

/* ------------------------------------------------------------------------- open */

static void gap_open(struct poller *poller, const char *why)
{
	struct gaps *gaps = &poller->gaps;
	why_say(&gaps->last, "%s", why);
	gaps->last_at = clock_wall();
	page_add(poller->page, COUNTER_gaps, 1);
	poller->changed = true;
	line(SL_WARNING, "%s%s", why, poller->polls ? "; the vendor is asked what was missed" : "");
	if (!poller->polls)
		return;
	gaps->open = true;
	poll_now(poller);
}

/* The ordinary run has ended well, and began when the gap was known. */
void gap_polled(struct poller *poller)
{
	if (poller->gaps.open)
		line(SL_INFO, "the vendor was asked what was missed");
	poller->gaps.open = false;
}

void gap_told(struct poller *poller, const struct sl_json *message)
{
	const char *why = sl_json_string(sl_json_get(message, "why")).at;
	if (why && poller->gaps.pushed)
		gap_open(poller, why);
}

/* --------------------------------------------------------------------- silence */

void gap_heard(struct poller *poller, const struct sl_json *message)
{
	struct gaps *gaps = &poller->gaps;
	int64_t at = 0, ago;
	sl_json_integer(sl_json_get(message, "at"), &at);
	ago = clock_wall() - at;
	gaps->heard = at;
	gaps->quiet = clock_ticks() - (ago > 0 ? ago : 0);
	if (gaps->silent && clock_ticks() - gaps->quiet < gaps->silence) {
		line(SL_INFO, "the vendor pushes again");
		gaps->silent = false;
		poller->changed = true;
	}
	if (gaps->notice && poller->polls)
		poll_now(poller);
}

static void silence_words(const struct gaps *gaps, struct why *why)
{
	char most[OPTION_NUMBER], since[SL_TIME_SIZE];
	option_number(SL_DURATION, gaps->silence, most);
	if (gaps->heard) {
		sl_time_write(gaps->heard * 1000, since);
		why_say(why, "nothing has been received for longer than %s (`silence`), since %s", most, since);
	} else {
		why_say(why, "nothing has been received for longer than %s (`silence`)", most);
	}
}

/* Once more each time it has been as long again. */
static void look_for_silence(struct poller *poller)
{
	struct gaps *gaps = &poller->gaps;
	int64_t from = gaps->quiet > gaps->asked ? gaps->quiet : gaps->asked;
	struct why why;
	if (!gaps->pushed || !gaps->silence || clock_ticks() - from <= gaps->silence)
		return;
	gaps->silent = true;
	gaps->asked = clock_ticks();
	silence_words(gaps, &why);
	gap_open(poller, why.text);
}

/* -------------------------------------------------------------------- webhooks */

/* "2 of 12 webhooks do not work: board 5f1a (off), board 7c (missing)" */
struct found {
	size_t all, bad;
	struct buf names;
};

static void find(const struct sl_event *event, struct found *found)
{
	bool off = event->type && strcmp(event->type, "off") == 0;
	if (!event->type || strcmp(event->type, "extra") == 0)
		return;
	found->all++;
	if (!off && strcmp(event->type, "missing") != 0)
		return;
	if (found->bad++ < NAMED)
		buf_format(&found->names, "%s%s (%s)", found->bad > 1 ? ", " : "",
			event->subject ? event->subject : event->id, event->type);
}

static void found_words(const struct poller *poller, const struct found *found, struct why *why)
{
	why->text[0] = '\0';
	if (!found->bad)
		return;
	why_say(why, "%zu of %zu webhook%s at the vendor %s not work: %s%s; `sluice hooks register %s` mends that",
		found->bad, found->all, found->all == 1 ? "" : "s", found->bad == 1 ? "does" : "do", found->names.at,
		found->bad > NAMED ? ", ..." : "", poller->name);
}

static void judge_hooks(struct poller *poller, const struct found *found)
{
	struct gaps *gaps = &poller->gaps;
	bool was = gaps->hooks.text[0] != '\0';
	found_words(poller, found, &gaps->hooks);
	page_set(poller->page, COUNTER_hooks_bad, found->bad);
	if (found->bad)
		gap_open(poller, gaps->hooks.text);
	else if (was)
		gap_open(poller, "the webhooks at the vendor work again");
}

/* What cannot be looked at is told, and no reason for alarm: keys for it may be left out. */
static void looked(struct poller *poller, struct call *call, const char *why, void *data)
{
	struct gaps *gaps = &poller->gaps;
	struct found found = { 0 };
	if (poller->state == POLLER_STOPPING)
		return;
	if (why && strcmp(why, gaps->untold.text) != 0)
		line(SL_INFO, "the webhooks at the vendor cannot be looked at: %s", why);
	why_say(&gaps->untold, "%s", why ? why : "");
	gaps->looked = clock_wall();
	poller->changed = true;
	for (size_t i = 0; call && i < call->emitted_count; i++)
		find(&call->emitted[i].event, &found);
	if (call)
		judge_hooks(poller, &found);
	buf_free(&found.names);
}

static void look_at_hooks(struct poller *poller)
{
	struct gaps *gaps = &poller->gaps;
	if (!gaps->pushed || !gaps->check || clock_ticks() < gaps->look || !instance_face(poller->instance)->hooks)
		return;
	gaps->look = clock_ticks() + gaps->check;
	errand_ask(poller, STEP_HOOKS, "list", NULL, looked, NULL);
}

void gap_look_again(struct poller *poller)
{
	poller->gaps.look = clock_ticks();
}

/* -------------------------------------------------------------------- as it is */

void gap_begin(struct poller *poller, const struct sl_json *part)
{
	struct gaps *gaps = &poller->gaps;
	gaps->pushed = sl_json_true(sl_json_get(part, "pushed"));
	gaps->notice = sl_json_true(sl_json_get(part, "notice"));
	sl_json_integer(sl_json_get(part, "silence"), &gaps->silence);
	sl_json_integer(sl_json_get(part, "check"), &gaps->check);
	gaps->quiet = gaps->asked = gaps->look = clock_ticks();
	if (sl_json_true(sl_json_get(part, "once")))
		gaps->pushed = false; /* nobody waits for what it finds */
}

void gap_beat(struct poller *poller)
{
	if (poller->state != POLLER_RUNNING || !poller->opened)
		return;
	look_for_silence(poller);
	look_at_hooks(poller);
}

static void write_moment(struct buf *out, const char *name, int64_t ms)
{
	json_key(out, name);
	if (ms)
		json_int(out, ms);
	else
		json_null(out);
}

static void member_text(struct buf *out, const char *name, const char *text)
{
	json_member_string(out, name, *text ? text : NULL);
}

/* What health says of it. */
static void write_troubles(const struct gaps *gaps, struct buf *out)
{
	struct why why;
	json_key(out, "troubles");
	json_open(out, '[');
	if (gaps->hooks.text[0])
		json_string(out, gaps->hooks.text);
	if (gaps->silent) {
		silence_words(gaps, &why);
		json_string(out, why.text);
	}
	if (gaps->open && !gaps->silent && !gaps->hooks.text[0]) {
		why_say(&why, "%s; the vendor is asked what was missed", gaps->last.text);
		json_string(out, why.text);
	}
	json_close(out, ']');
}

void gap_write(const struct poller *poller, struct buf *out)
{
	const struct gaps *gaps = &poller->gaps;
	write_troubles(gaps, out);
	json_key(out, "gap");
	if (gaps->last_at) {
		json_open(out, '{');
		json_member_string(out, "why", gaps->last.text);
		json_member_int(out, "at", gaps->last_at);
		json_member_bool(out, "open", gaps->open);
		json_close(out, '}');
	} else {
		json_null(out);
	}
	write_moment(out, "hooks_looked", gaps->looked);
	member_text(out, "hooks_error", gaps->untold.text);
	json_member_bool(out, "silent", gaps->silent);
	json_member_uint(out, "gaps", page_get(poller->page, COUNTER_gaps));
}
