/* SPDX-License-Identifier: Apache-2.0 */
/* poll.c - what happened on the boards since the last time, newest first as Trello tells it.
 *
 * A *round* goes through all boards.  Of each it reads pages from now back to where
 * everything is known already, less the overlap; a new board back to where the source
 * began, a backfill back to where it was told to go.
 *
 *     poll          which board, from where
 *     next_page     is asked for
 *     page_arrived  its actions are emitted; on, or the next board, or
 *     round_ends    the cursor says so; and the run ends with the next call
 *
 * A board that cannot be read does not hold up the others: when all had their turn
 * the run fails, and names it.  A call ends after every thousand actions or so, and the
 * next one goes on from there.
 */
#include "trello.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "time.h"

#define PAGE 1000             /* actions; Trello gives no more at a time */
#define ENOUGH PAGE           /* actions in one call */
#define MOST_BYTES (64 << 20) /* of a page: a comment has up to 16 kB */
#define MOST_WORD 200         /* bytes */
#define VAIN 2                /* calls that end for want of an answer about one board */
#define TIE 1000              /* ms: what lies so close to the end of a page may come in any order */

struct walk {
	struct cursor cursor;
	size_t asked, emitted;
};

/* What can be read off an action: the rest is for those who map it. */
struct action {
	const struct sl_json *json;
	struct sl_text id;
	int64_t time;
};

struct page {
	struct action *actions; /* newest first */
	size_t count;
	size_t items; /* with those that are no actions */
};

static struct walk *walk_of(struct sl_call *call)
{
	return *(struct walk **)call->local;
}

static struct round *round_of(struct sl_call *call)
{
	struct state *state = call->state;
	return call->backfill ? &state->backfill : &state->poll;
}

/* ---------------------------------------------------------------------- trouble */

static void note_trouble(struct sl_call *call, const struct board *board, struct sl_text why)
{
	struct round *round = round_of(call);
	size_t len = strlen(round->trouble);
	call->host->log(call, SL_WARNING, "board %s: %.*s", board->id, (int)why.len, why.at);
	if (!strstr(round->trouble, board->id))
		snprintf(round->trouble + len, sizeof(round->trouble) - len, "%sboard %s: %.*s", len ? "; " : "", board->id,
			(int)why.len, why.at);
}

/* A cut may have gone through a character. */
static struct sl_text whole(struct sl_call *call, const char *text)
{
	struct sl_text copy = call->host->format(call, "%s", text);
	while (copy.len && !sl_utf8(copy))
		copy.len--;
	return copy;
}

/* ------------------------------------------------------------------------- ends */

static uint64_t digest(const char *text)
{
	uint64_t sum = 14695981039346656037u; /* FNV-1a */
	for (; *text; text++)
		sum = (sum ^ (unsigned char)*text) * 1099511628211u;
	return sum | 1;
}

static enum sl_outcome round_ends(struct sl_call *call)
{
	struct walk *walk = walk_of(call);
	if (walk->cursor.begins && !walk->asked)
		return SL_DONE; /* there is nothing to read, or nothing left */
	walk->cursor.round++;
	const char *cursor = trello_cursor_write(call, &walk->cursor);
	round_of(call)->ended = digest(cursor);
	call->host->advance(call, cursor);
	return SL_DONE;
}

static bool has_just_ended(struct sl_call *call)
{
	return call->cursor && round_of(call)->ended == digest(call->cursor);
}

/* Whoever does not advance ends the run. */
static enum sl_outcome run_ends(struct sl_call *call)
{
	struct round *round = round_of(call);
	const struct sl_text trouble = whole(call, round->trouble);
	round->ended = 0;
	if (!trouble.len)
		return SL_DONE;
	return call->host->fail(call, "%.*s", (int)trouble.len, trouble.at);
}

/* ----------------------------------------------------------------------- a page */

static int64_t floor_of(struct sl_call *call, const struct cursor *cursor, const struct board *board)
{
	const struct trello *opt = call->options;
	int64_t from = board->at - opt->overlap;
	return board->at && from > cursor->since && !call->backfill ? from : cursor->since;
}

/* An id begins with the second it was made in. */
static int64_t born(struct sl_text id)
{
	unsigned seconds = 0;
	return id.len == 24 && sscanf(id.at, "%8x", &seconds) == 1 ? (int64_t)seconds * 1000 : 0;
}

/* As ids and types are. */
static bool is_word(struct sl_text text)
{
	return text.len && text.len < MOST_WORD && strlen(text.at) == text.len && !strpbrk(text.at, ". ");
}

static bool read_action(struct sl_call *call, const struct sl_json *json, struct action *action)
{
	const struct sl_host *host = call->host;
	int64_t microseconds;
	const struct sl_text type = host->string(host->at(json, "/type"));
	action->json = json;
	action->id = host->string(host->at(json, "/id"));
	if (!is_word(action->id) || !is_word(type))
		return false;
	if (sl_time_read(host->string(host->at(json, "/date")), &microseconds))
		action->time = microseconds / 1000;
	else
		action->time = born(action->id);
	return true;
}

static struct page read_page(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	const struct sl_json *list = call->response->json;
	struct page page = { .items = host->count(list) };
	page.actions = host->alloc(call, (page.items + 1) * sizeof(*page.actions));
	for (const struct sl_json *item = host->first(list); item; item = host->next(item))
		page.count += read_action(call, item, &page.actions[page.count]);
	if (page.count < page.items)
		host->log(call, SL_WARNING, "%zu of %zu in a page are no actions, and are left out", page.items - page.count,
			page.items);
	return page;
}

static void emit_action(struct sl_call *call, const struct action *action)
{
	const struct sl_host *host = call->host;
	const struct sl_text raw = host->raw(action->json);
	struct sl_text subject = host->string(host->at(action->json, "/data/card/id"));
	if (!is_word(subject))
		subject = host->string(host->at(action->json, "/data/board/id"));
	const struct sl_event event = {
		.id = action->id.at,
		.type = host->string(host->at(action->json, "/type")).at,
		.subject = is_word(subject) ? subject.at : NULL,
		.time = action->time,
		.data = host->format(call, "{\"action\":%.*s,\"source\":\"poll\"}", (int)raw.len, raw.at),
	};
	host->emit(call, &event);
}

/* The oldest first, as they happened. */
static void emit_page(struct sl_call *call, const struct page *page, int64_t since)
{
	struct walk *walk = walk_of(call);
	for (size_t i = page->count; i-- > 0;)
		if (page->actions[i].time >= since) {
			emit_action(call, &page->actions[i]);
			walk->emitted++;
			walk->cursor.done++;
		}
	call->host->progress(call, (uint64_t)walk->cursor.done, 0);
}

/* Where the next page begins: before the oldest, and a moment earlier, so that what happened at the same
 * time is in it whichever way Trello orders that.  A page of one moment ends with its last. */
static struct sl_text border(const struct page *page)
{
	const struct action *oldest = &page->actions[page->count - 1];
	for (size_t i = page->count; i-- > 0;)
		if (page->actions[i].time >= oldest->time + TIE)
			return page->actions[i].id;
	return oldest->id;
}

static void note_newest(struct board *board, const struct page *page)
{
	for (size_t i = 0; i < page->count; i++)
		if (page->actions[i].time > board->newest)
			board->newest = page->actions[i].time;
}

static bool same(struct sl_text a, struct sl_text b)
{
	return a.len == b.len && a.len && memcmp(a.at, b.at, a.len) == 0;
}

/* NULL: it can go on behind this page. */
static const char *dead_end(const struct board *board, const struct page *page)
{
	if (page->items && !page->count)
		return "Trello gives a page in which there is not one action";
	if (page->items >= PAGE && same(board->last, page->actions[page->count - 1].id))
		return "Trello gives the same page again and again";
	return NULL;
}

/* True: nothing is behind it. */
static bool is_last_page(struct sl_call *call, struct board *board, const struct page *page, int64_t since)
{
	const char *end = dead_end(board, page);
	if (end)
		note_trouble(call, board, sl_text_of(end));
	return end || page->items < PAGE || page->actions[page->count - 1].time < since;
}

static void turn_over(struct cursor *cursor)
{
	cursor->turn++;
	cursor->begins = false;
}

/* All of it has been read. */
static void board_is_read(struct sl_call *call, struct cursor *cursor, struct board *board)
{
	if (board->newest > board->at)
		board->at = board->newest;
	board->newest = 0;
	board->before = board->last = (struct sl_text){ 0 };
	board->over = call->backfill;
	turn_over(cursor);
}

static void take_page(struct sl_call *call, struct cursor *cursor, struct board *board)
{
	const int64_t since = floor_of(call, cursor, board);
	const struct page page = read_page(call);
	emit_page(call, &page, since);
	note_newest(board, &page);
	if (is_last_page(call, board, &page, since)) {
		board_is_read(call, cursor, board);
		return;
	}
	const struct sl_text before = border(&page);
	board->last = page.actions[page.count - 1].id;
	board->before = same(before, board->before) ? board->last : before;
	cursor->begins = false;
}

/* ---------------------------------------------------------------------- asking */

static enum sl_outcome page_arrived(struct sl_call *call);

static struct board *board_in_turn(struct cursor *cursor)
{
	while (cursor->turn < cursor->count && cursor->boards[cursor->turn].over)
		cursor->turn++;
	return cursor->turn < cursor->count ? &cursor->boards[cursor->turn] : NULL;
}

static const char *moment(struct sl_call *call, int64_t milliseconds)
{
	char *text = call->host->alloc(call, SL_TIME_SIZE);
	sl_time_write(milliseconds * 1000, text);
	return text;
}

/* What Trello does not answer for now ends the call, and the host makes it again.  If it is always the same board's
 * fault the others have their turn; but one is left to wait with: perhaps Trello is away. */
static bool is_in_vain(struct sl_call *call, const struct cursor *cursor, const struct board *board)
{
	struct round *round = round_of(call);
	if (!round->asked || strcmp(round->asked, board->id) != 0)
		round->vain = 0;
	round->asked = board->id;
	if (round->vain++ < VAIN || round->passed_over + 1 >= cursor->count)
		return false;
	round->passed_over++;
	note_trouble(call, board, sl_text_of("Trello gave no answer about it"));
	return true;
}

static enum sl_outcome next_page(struct sl_call *call)
{
	struct walk *walk = walk_of(call);
	const struct board *board = board_in_turn(&walk->cursor);
	while (board && is_in_vain(call, &walk->cursor, board)) {
		turn_over(&walk->cursor);
		board = board_in_turn(&walk->cursor);
	}
	if (!board)
		return round_ends(call);
	const int64_t from = floor_of(call, &walk->cursor, board);
	const struct sl_pair limit = { "limit", "1000" };
	const struct sl_pair since = { "since", from ? moment(call, from) : "" }, before = { "before", board->before.at };
	const struct sl_pair *query[4] = { &limit };
	size_t count = 1;
	if (from)
		query[count++] = &since;
	if (board->before.len)
		query[count++] = &before;
	const struct sl_http request = {
		.url = call->host->format(call, "/1/boards/%s/actions", board->id).at,
		.query = query,
		.most = MOST_BYTES,
	};
	walk->asked++;
	return call->host->http(call, &request, page_arrived);
}

static enum sl_outcome page_arrived(struct sl_call *call)
{
	struct walk *walk = walk_of(call);
	struct cursor *cursor = &walk->cursor;
	struct board *board = &cursor->boards[cursor->turn];
	struct sl_text why;
	const enum answer answer = trello_answer(call, SL_KIND_ARRAY, &why);
	if (answer == ANSWER_REFUSED || answer == ANSWER_NONSENSE)
		return trello_give_up(call, answer, why);
	round_of(call)->asked = NULL;
	if (answer == ANSWER_FINE) {
		take_page(call, cursor, board);
	} else {
		note_trouble(call, board, why);
		board->over = call->backfill && answer == ANSWER_GONE;
		turn_over(cursor);
	}
	if (walk->emitted < ENOUGH || !board_in_turn(cursor))
		return next_page(call);
	call->host->advance(call, trello_cursor_write(call, cursor));
	return SL_DONE;
}

/* Or one of which nothing has been kept is made again. */
static void begin_round(struct sl_call *call)
{
	struct round *round = round_of(call);
	round->trouble[0] = '\0';
	round->passed_over = 0;
}

enum sl_outcome trello_poll(struct sl_call *call)
{
	struct walk *walk = call->host->alloc(call, sizeof(*walk));
	if (!trello_may_ask(call))
		return SL_DONE;
	if (has_just_ended(call))
		return run_ends(call);
	*(struct walk **)call->local = walk;
	trello_cursor_read(call, &walk->cursor);
	if (walk->cursor.begins)
		begin_round(call);
	return next_page(call);
}
