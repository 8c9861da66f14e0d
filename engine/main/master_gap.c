/* SPDX-License-Identifier: Apache-2.0 */
/* master_gap.c - sources are told when webhooks may have come in vain, and when the last one came.
 *
 * In vain they come while the daemon is down, while the ingress is away, and while there is no
 * room in the log, if any was refused for that.  How long the daemon was down the time of its
 * lock tells, which is touched now and then.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "main/master.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define TOUCH_EVERY 10000 /* ms */
#define DOWN_LEAST 20000  /* ms: the lock's time may be so old though it was only begun again */
#define STILLNESS 1000    /* ms: it has a process, but nothing moves */
#define AWAY_LEAST 3000   /* ms: requests wait so long to be taken, and then are not lost */

/* "95 s", "12 min", "3 h", "2 d" */
static void span(int64_t ms, char *room, size_t size)
{
	static const struct {
		int64_t ms, most;
		const char *unit;
	} units[] = { { 1000, 120, "s" }, { 60000, 120, "min" }, { 3600000, 48, "h" }, { 86400000, INT64_MAX, "d" } };
	size_t i = 0;
	while (ms / units[i].ms >= units[i].most)
		i++;
	snprintf(room, size, "%" PRId64 " %s", ms / units[i].ms, units[i].unit);
}

static void note_all(const struct master *master, const char *form, int64_t ms)
{
	char how_long[32];
	span(ms, how_long, sizeof(how_long));
	for (size_t i = 0; i < master->sources.count; i++)
		why_say(&master->sources.at[i]->gap, form, how_long);
}

/* -------------------------------------------------------------- down and away */

/* Sources are told as soon as they run. */
void master_gap_begin(struct master *master)
{
	int64_t down = master->lock.last ? clock_wall() - master->lock.last : 0;
	if (down >= DOWN_LEAST)
		note_all(master, "the daemon was down for %s", down);
}

static void look_at_ingress(struct master *master, int64_t now)
{
	if (!child_serving(master->ingress) || master->ingress->silent >= STILLNESS)
		return;
	if (master->served && now - master->served >= AWAY_LEAST)
		note_all(master, "nothing was taken in for %s", now - master->served);
	master->served = now;
}

/* --------------------------------------------------------- what the ingress tells */

static uint64_t count_of(const struct sl_json *told, const char *name)
{
	int64_t count = 0;
	sl_json_integer(sl_json_get(told, name), &count);
	return count > 0 ? (uint64_t)count : 0;
}

/* An ingress that was begun anew counts from 0. */
static void look_for_refused(const struct master *master, struct child *source, const struct sl_json *told)
{
	uint64_t count = count_of(told, "turned_away");
	if (count < source->turned_away)
		source->turned_away = 0;
	if (count == source->turned_away || strcmp(child_word(master->ingress), "refusing") == 0)
		return;
	why_say(&source->gap, "%" PRIu64 " of its requests were answered 503, because there was no room in the log",
		count - source->turned_away);
	source->turned_away = count;
}

static void tell_heard(struct child *source, const struct sl_json *told)
{
	struct sl_text when = sl_json_string(sl_json_get(told, "pushed"));
	int64_t at = 0;
	struct buf message = { 0 };
	if (!when.at || !sl_time_read(when, &at) || at == source->heard || source->state != CHILD_READY)
		return;
	source->heard = at;
	buf_format(&message, "{\"do\":\"heard\",\"at\":%" PRId64 "}", at / 1000);
	child_send(source, &message);
	buf_free(&message);
}

static void look_at_told(const struct master *master)
{
	const struct buf *told = &master->ingress->sources;
	struct sl_document *document = sl_json_read((struct sl_text){ told->at, told->len }, NULL, 0);
	const struct sl_json *at = document ? sl_json_first(sl_json_root(document)) : NULL;
	for (; at; at = sl_json_next(at)) {
		const char *name = sl_json_string(sl_json_get(at, "name")).at;
		struct child *source = name ? children_find(&master->sources, name) : NULL;
		if (!source)
			continue;
		look_for_refused(master, source, at);
		tell_heard(source, at);
	}
	sl_json_free(&document);
}

/* ------------------------------------------------------------------------- told */

static void tell_gap(struct child *source)
{
	struct buf message = { 0 };
	if (!source->gap.text[0] || source->state != CHILD_READY)
		return;
	json_open(&message, '{');
	json_member_string(&message, "do", "gap");
	json_member_string(&message, "why", source->gap.text);
	json_close(&message, '}');
	child_send(source, &message);
	buf_free(&message);
	source->gap.text[0] = '\0';
}

void master_gap_tick(struct master *master, int64_t now)
{
	look_at_ingress(master, now);
	if (master->sources.count)
		look_at_told(master);
	for (size_t i = 0; i < master->sources.count; i++)
		tell_gap(master->sources.at[i]);
	if (now - master->touched < TOUCH_EVERY)
		return;
	lock_touch(&master->lock);
	master->touched = now;
}
