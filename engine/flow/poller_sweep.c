/* SPDX-License-Identifier: Apache-2.0 */
/* poller_sweep.c - what belongs to a scope, and what of it is gone.
 *
 * In the source's file, each subject that was emitted with a scope stands beside that
 * scope and the run that last saw it; what webhooks told of too (poller_heard.c).  A sweep
 * finds those that an earlier run saw last.  One that was seen in another scope since has
 * only moved: it leaves this scope, and no more is said of it.  All others are gone, a page
 * of them at a time: an event each, and they are forgotten.  All of that is the call's
 * transaction, with its cursor.
 *
 * That a subject is gone is remembered for the last 100 000 of them.  When one is emitted
 * again it counts as an event of its own, though it may not have changed since, and as
 * one of now: or else what says that it is gone would be the later word.
 *
 * What is gone is gone since now, not since the run began: it may have changed, and a
 * webhook told so, after that.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow/polled.h"
#include "flow/poller.h"
#include "sdk/text.h"
#include "store/state.h"

#define PAGE 1000             /* subjects of one hand-in */
#define GONE_KEPT "100000"    /* subjects */
#define SUBJECT_MOST (POLLED_WORD - sizeof("#gone#") - POLLED_RUN)

/* Runs in the order they began, whichever walk they are of. */
static int64_t mark_at(const struct walk *walk, int64_t began)
{
	return began * 2 + walk->backfill;
}

static int64_t mark_of(const struct walk *walk)
{
	return mark_at(walk, walk->at.run.began);
}

/* --------------------------------------------------------------------- belonging */

/* 0: there is none of this name; or it failed. */
static bool find_scope(struct state *state, const char *name, int64_t *number, struct why *why)
{
	sqlite3_stmt *rows = state_ask(state, why, "SELECT number FROM scope WHERE name = ?", "t", name);
	enum state_got got = rows ? state_row(state, rows, why) : STATE_FAILED;
	*number = got == STATE_ROW ? sqlite3_column_int64(rows, 0) : 0;
	if (got == STATE_ROW)
		sqlite3_reset(rows);
	return got != STATE_FAILED;
}

static bool make_scope(struct state *state, const char *name, int64_t *number, struct why *why)
{
	if (!find_scope(state, name, number, why))
		return false;
	return *number || (state_run(state, why, "INSERT INTO scope (name) VALUES (?)", "t", name) &&
				  find_scope(state, name, number, why));
}

static bool was_gone(struct state *state, const char *subject, bool *was, struct why *why)
{
	sqlite3_stmt *rows = state_ask(state, why, "SELECT 1 FROM gone WHERE subject = ?", "t", subject);
	enum state_got got = rows ? state_row(state, rows, why) : STATE_FAILED;
	*was = got == STATE_ROW;
	if (!*was)
		return got == STATE_END;
	sqlite3_reset(rows);
	return state_run(state, why, "DELETE FROM gone WHERE subject = ?", "t", subject);
}

static bool check_scope(const struct sl_event *event, struct why *why)
{
	if (!event->subject || !*event->subject)
		return why_say(why, "event %s has a scope and no subject: a scope is the whole that a subject is a part of",
			event->id);
	if (strlen(event->subject) > SUBJECT_MOST)
		return why_say(why, "the subject of event %s has %zu bytes; the most beside a scope is %zu", event->id,
			strlen(event->subject), SUBJECT_MOST);
	return strlen(event->scope) <= POLLED_WORD ||
	       why_say(why, "the scope of event %s has %zu bytes; the most is %zu", event->id, strlen(event->scope),
		       POLLED_WORD);
}

/* As of a run that began at `mark`. */
static bool note_part(struct state *state, const char *subject, const char *name, int64_t mark, struct why *why)
{
	int64_t scope;
	return make_scope(state, name, &scope, why) &&
	       state_run(state, why, "INSERT INTO part VALUES (?, ?, ?)"
		       " ON CONFLICT DO UPDATE SET seen = max(seen, excluded.seen)", "tii", subject, scope, mark);
}

bool sweep_heard(const struct walk *walk, const char *subject, const char *scope, int64_t at, struct why *why)
{
	if (strlen(subject) > SUBJECT_MOST || strlen(scope) > POLLED_WORD)
		return true; /* no poll emits such */
	return note_part(book_state(walk->poller->book), subject, scope, mark_at(walk, at), why);
}

bool sweep_note(struct walk *walk, const struct sl_event *event, bool *back, struct why *why)
{
	struct state *state = book_state(walk->poller->book);
	*back = false;
	if (!event->scope)
		return true;
	return check_scope(event, why) && note_part(state, event->subject, event->scope, mark_of(walk), why) &&
	       was_gone(state, event->subject, back, why);
}

/* Behind the same thing emitted before it was gone; routes take an id once. */
void sweep_back(const struct walk *walk, bool same, struct sl_event *event)
{
	int64_t now = clock_wall();
	if (same)
		event->id = arena_format(walk->taken->arena, "%s#back#%s", event->id, walk->at.run.id);
	if (event->time < now)
		event->time = now;
}

/* ------------------------------------------------------------------------- gone */

static bool check_sweep(const struct swept *swept, struct why *why)
{
	if (!*swept->scope || !*swept->type || strlen(swept->type) > POLLED_WORD || !sl_utf8(sl_text_of(swept->type)))
		return why_say(why, "sweep was told an empty scope, or a type that is none");
	return !polled_own(swept->type) || why_say(why, "sweep was told the type %s; types that begin with sluice. are the "
		"engine's own", swept->type);
}

static void gone_event(const struct walk *walk, const struct swept *swept, const char *subject, struct sl_event *event)
{
	struct buf data = { 0 };
	json_open(&data, '{');
	json_member_string(&data, "id", subject);
	json_member_string(&data, "scope", swept->scope);
	json_close(&data, '}');
	*event = (struct sl_event){
		.id = arena_format(walk->page, "%s#gone#%s", subject, walk->at.run.id),
		.type = swept->type,
		.subject = subject,
		.time = clock_wall(),
		.data = { arena_copy(walk->page, data.at, data.len), data.len },
	};
	buf_free(&data);
}

static bool forget(struct state *state, int64_t scope, const char *subject, bool moved, struct why *why)
{
	if (!state_run(state, why, "DELETE FROM part WHERE subject = ? AND scope = ?", "ti", subject, scope))
		return false;
	return moved || state_run(state, why, "INSERT OR REPLACE INTO gone (subject) VALUES (?)", "t", subject);
}

struct lost {
	const char *subject;
	bool moved;
};

/* Those that no run as late as this one has seen. */
static bool read_lost(const struct walk *walk, int64_t scope, struct lost *lost, size_t *count, struct why *why)
{
	struct state *state = book_state(walk->poller->book);
	enum state_got got = STATE_FAILED;
	sqlite3_stmt *rows = state_ask(state, why,
		"SELECT subject, EXISTS (SELECT 1 FROM part AS other WHERE other.subject = part.subject"
		" AND other.seen > part.seen) FROM part WHERE scope = ? AND seen < ? ORDER BY seen, subject LIMIT ?",
		"iii", scope, mark_of(walk), (int64_t)PAGE);
	*count = 0;
	while (rows && (got = state_row(state, rows, why)) == STATE_ROW) {
		struct sl_text subject = state_text(rows, 0);
		lost[*count].subject = arena_copy(walk->page, subject.at, subject.len);
		lost[(*count)++].moved = sqlite3_column_int(rows, 1);
	}
	return rows && got == STATE_END;
}

static bool take_page(struct walk *walk, const struct swept *swept, bool *through, struct why *why)
{
	struct state *state = book_state(walk->poller->book);
	struct lost *lost = arena_alloc(walk->page, PAGE * sizeof(*lost));
	int64_t scope;
	size_t count = 0;
	if (!find_scope(state, swept->scope, &scope, why) || !read_lost(walk, scope, lost, &count, why))
		return false;
	*through = count < PAGE;
	for (size_t i = 0; i < count; i++) {
		if (!forget(state, scope, lost[i].subject, lost[i].moved, why))
			return false;
		if (!lost[i].moved)
			gone_event(walk, swept, lost[i].subject, &walk->list[1 + walk->fresh++]);
	}
	return true;
}

size_t sweep_room(const struct call *call)
{
	return call->swept_count ? PAGE : 0;
}

bool sweep_page(struct walk *walk, struct why *why)
{
	const struct swept *swept = &walk->taken->swept[walk->swept];
	bool through = walk->at.run.kind == RUN_SNAPSHOT; /* what it did not read is not in it */
	walk->heard = walk->heard || through;
	if (!walk->page)
		walk->page = arena_new();
	arena_reset(walk->page);
	if (!check_sweep(swept, why) || (!walk->heard && !heard_slice(walk, &walk->heard, why)))
		return false;
	if (walk->heard && !through && !take_page(walk, swept, &through, why))
		return false;
	walk->swept += through;
	return true;
}

bool sweep_prune(struct state *state, struct why *why)
{
	return state_run(state, why, "DELETE FROM gone WHERE turn <= (SELECT max(turn) FROM gone) - " GONE_KEPT, "");
}
