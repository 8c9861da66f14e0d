/* SPDX-License-Identifier: Apache-2.0 */
/* poll.c - full and delta runs, board by board, page by page.
 *
 *     poll_step       where the walk is, or the begin of a run
 *     board_arrived   the board's columns, asked for before its first page
 *     page_arrived    its items become events
 *     parent_*        of subitems that changed: what their items show of them, no delta would tell
 *     page_over       the next page, the next board, or the end of the run
 *
 * A call reads one page.  monday's cursor lives an hour from the first page on, and the order of items is
 * not kept, so where it is dead the board is read again from its first page.  A full run ends each board
 * with a sweep.  A delta is asked for by __last_updated__, which knows days of the account's zone: it asks
 * for one more, and sorts out by updated_at.
 */
#include <stdlib.h>
#include <string.h>

#include "monday.h"
#include "time.h"

#define PARENTS_MOST 100 /* ids a request */

static enum sl_outcome ask_page(struct sl_call *call);

/* ------------------------------------------------------------------- runs */

/* The one behind `board`, or the first; NULL: there is none. */
static const char *board_behind(const struct monday *opt, const char *board)
{
	const char *const *boards = opt->boards;
	if (!boards || !*board)
		return boards ? boards[0] : NULL;
	for (; *boards; boards++)
		if (strcmp(*boards, board) == 0)
			return boards[1];
	return opt->boards[0]; /* it was taken out of the list meanwhile */
}

static bool enter_board(const struct monday *opt, struct place *place)
{
	const char *id = board_behind(opt, place->board);
	size_t len = id ? strlen(id) : 0;
	if (!id || len >= ID_SIZE)
		return false;
	memcpy(place->board, id, len + 1);
	place->page = NULL;
	place->board_began = place->items = place->made = 0;
	return true;
}

static int64_t delta_since(const struct sl_call *call, const struct place *place)
{
	int64_t since = place->delta - options_of(call)->overlap;
	return !place->delta ? call->since : since > 1 ? since
						       : 1;
}

static void begin_run(struct sl_call *call, struct place *place)
{
	const struct monday *opt = options_of(call);
	place->running = true;
	place->began = place->done = 0;
	place->board[0] = '\0';
	if (call->backfill)
		place->is_full = !call->since, place->since = call->since;
	else if (opt->full && (!place->full || wall() - place->full >= opt->full))
		place->is_full = true, place->since = 0;
	else
		place->is_full = false, place->since = delta_since(call, place);
}

/* Its last board is read.  Only who does not advance has come to an end, so the host hears of it in the next call. */
static enum sl_outcome end_run(struct sl_call *call)
{
	struct place *place = &local_of(call)->place;
	if (call->backfill)
		return SL_DONE;
	place->running = false;
	place->delta = place->began;
	if (place->is_full)
		place->full = place->began;
	state_of(call)->rested = true;
	call->host->advance(call, place_write(call, place));
	return SL_DONE;
}

static enum sl_outcome page_done(struct sl_call *call)
{
	call->host->advance(call, place_write(call, &local_of(call)->place));
	return SL_DONE;
}

static enum sl_outcome next_board(struct sl_call *call)
{
	return enter_board(options_of(call), &local_of(call)->place) ? page_done(call) : end_run(call);
}

/* Not for this token, deleted, or always answered with an error: the others are read all the same. */
static enum sl_outcome board_refused(struct sl_call *call)
{
	struct local *local = local_of(call);
	const char *error = local->error.len ? local->error.at : "there is no such board, or the token may not read it";
	call->host->log(call, SL_WARNING, "board %s cannot be read: %.200s", local->place.board, error);
	run_emit(call, "failed", call->host->format(call, "%.200s", error).at);
	return next_board(call);
}

/* ------------------------------------------------------------------- pages */

/* All items of all boards; 0 as long as one of them was not read yet. */
static uint64_t items_of_all(const struct sl_call *call)
{
	const char *const *ids = options_of(call)->boards;
	uint64_t total = 0;
	for (; ids && *ids; ids++) {
		const struct board *board = board_find(state_of(call), *ids);
		if (!board)
			return 0;
		total += board->items > 0 ? (uint64_t)board->items : 0;
	}
	return total;
}

static enum sl_outcome page_over(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct local *local = local_of(call);
	struct place *place = &local->place;
	host->progress(call, (uint64_t)place->done, place->is_full ? items_of_all(call) : 0);
	if (local->page) {
		place->page = local->page;
		return page_done(call);
	}
	run_emit(call, "completed", NULL);
	if (place->is_full && !call->backfill) {
		host->sweep(call, host->format(call, "board %s", place->board).at, "item_deleted");
		seen_sweep(&state_of(call)->seen, atoll(place->board), place->board_began);
	}
	return next_board(call);
}

/* ------------------------------------------------------------------- parents */

static void note_parent(struct sl_call *call, const struct sl_json *item)
{
	const struct sl_host *host = call->host;
	struct local *local = local_of(call);
	char id[ID_SIZE];
	if (!copy_id(host, host->at(item, "/parent_item/id"), id))
		return;
	for (size_t i = 0; i < local->parent_count; i++)
		if (strcmp(local->parents[i], id) == 0)
			return;
	copy_id(host, host->at(item, "/parent_item/board/id"), local->parent_board);
	memcpy(local->parents[local->parent_count++], id, ID_SIZE);
}

static enum sl_outcome ask_parents(struct sl_call *call);

static enum sl_outcome parents_arrived(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct local *local = local_of(call);
	const struct sl_json *items = host->at(local->data, "/items");
	for (const struct sl_json *item = host->kind(items) == SL_KIND_ARRAY ? host->first(items) : NULL; item;
		item = host->next(item))
		item_emit(call, item, 0);
	return ask_parents(call);
}

static enum sl_outcome ask_parents(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct local *local = local_of(call);
	const char *ids[PARENTS_MOST + 1] = { NULL };
	size_t count = 0;
	while (count < PARENTS_MOST && local->parents_asked < local->parent_count)
		ids[count++] = local->parents[local->parents_asked++];
	if (!count)
		return page_over(call);
	const char *variables = host->format(call, "{\"ids\":%s,\"limit\":%d}", list_json(call, ids).at, PARENTS_MOST).at;
	return ask(call, QUERY_ITEMS, query_items(call).at, variables, parents_arrived);
}

static enum sl_outcome parent_board_arrived(struct sl_call *call)
{
	board_take(call, call->host->at(local_of(call)->data, "/boards/0"));
	return ask_parents(call);
}

/* Their labels are those of another board. */
static enum sl_outcome begin_parents(struct sl_call *call)
{
	struct local *local = local_of(call);
	if (!local->parent_count || !local->parent_board[0] || board_find(state_of(call), local->parent_board))
		return ask_parents(call);
	const char *variables = call->host->format(call, "{\"board\":[\"%s\"]}", local->parent_board).at;
	return ask(call, QUERY_BOARD, query_board(call).at, variables, parent_board_arrived);
}

/* ------------------------------------------------------------------- items */

/* In a full run they come by themselves. */
static bool wants_parents(const struct sl_call *call)
{
	const struct monday *opt = options_of(call);
	return !local_of(call)->place.is_full && opt->subitems && opt->subitems[0];
}

static void take_items(struct sl_call *call, const struct sl_json *items)
{
	const struct sl_host *host = call->host;
	struct local *local = local_of(call);
	bool parents = wants_parents(call);
	size_t lame = 0;
	local->parents = host->alloc(call, (parents ? host->count(items) : 0) * sizeof(*local->parents) + 1);
	for (const struct sl_json *item = host->first(items); item; item = host->next(item)) {
		int64_t before = local->place.items;
		lame += !item_emit(call, item, local->place.since);
		if (parents && local->place.items > before)
			note_parent(call, item);
		local->place.done++;
	}
	if (lame)
		host->log(call, SL_WARNING, "board %s: %zu items without an id were passed over", local->place.board, lame);
}

static enum sl_outcome page_arrived(struct sl_call *call)
{
	const struct sl_host *host = call->host;
	struct local *local = local_of(call);
	struct place *place = &local->place;
	const struct sl_json *page = host->at(local->data, place->page ? "/next_items_page" : "/boards/0/items_page");
	const struct sl_json *items = host->at(page, "/items");
	if (local->dead_cursor) {
		host->log(call, SL_INFO, "board %s is read again from its first page: its cursor died", place->board);
		place->page = NULL;
		place->board_began = place->items = place->made = 0;
		return page_done(call);
	}
	if (host->kind(items) != SL_KIND_ARRAY)
		return board_refused(call);
	struct sl_text cursor = host->string(host->at(page, "/cursor"));
	local->page = cursor.len ? cursor.at : NULL;
	take_items(call, items);
	return begin_parents(call);
}

/* What rules say that are not understood is an empty page: this one is the official client's. */
static const char *params(struct sl_call *call)
{
	static const char form[] =
		"{\"rules\":[{\"column_id\":\"__last_updated__\",\"compare_value\":[\"EXACT\",\"%s\"],"
		"\"operator\":\"greater_than_or_equals\"}],"
		"\"order_by\":[{\"column_id\":\"__last_updated__\",\"direction\":\"asc\"}]}";
	int64_t since = local_of(call)->place.since;
	char day[SL_TIME_SIZE];
	if (!since)
		return "null";
	sl_date_write((since - DAY) / DAY, day);
	return call->host->format(call, form, day).at;
}

static const char *page_variables(struct sl_call *call, const struct place *place)
{
	long long limit = (long long)options_of(call)->page;
	if (place->page)
		return call->host->format(call, "{\"cursor\":%s,\"limit\":%lld}", quoted(call, place->page).at,
					 limit)
			.at;
	return call->host->format(call, "{\"board\":[\"%s\"],\"limit\":%lld,\"params\":%s}", place->board, limit,
				 params(call))
		.at;
}

static enum sl_outcome ask_page(struct sl_call *call)
{
	const struct place *place = &local_of(call)->place;
	const char *query = place->page ? query_next(call).at : query_first(call).at;
	return ask(call, QUERY_PAGE, query, page_variables(call, place), page_arrived);
}

static enum sl_outcome board_arrived(struct sl_call *call)
{
	struct local *local = local_of(call);
	struct place *place = &local->place;
	if (!place->began)
		place->began = local->now;
	if (!place->page)
		place->board_began = local->now;
	if (!board_take(call, call->host->at(local->data, "/boards/0")))
		return board_refused(call);
	if (place->is_full && !place->page)
		run_emit(call, "running", NULL);
	return ask_page(call);
}

/* ------------------------------------------------------------------- the step */

/* The columns may have changed since the last run. */
static enum sl_outcome ask_board(struct sl_call *call)
{
	const struct place *place = &local_of(call)->place;
	if (place->page && board_find(state_of(call), place->board))
		return ask_page(call);
	const char *variables = call->host->format(call, "{\"board\":[\"%s\"]}", place->board).at;
	return ask(call, QUERY_BOARD, query_board(call).at, variables, board_arrived);
}

enum sl_outcome poll_step(struct sl_call *call)
{
	const struct monday *opt = options_of(call);
	struct state *state = state_of(call);
	struct place *place = &local_of(call)->place;
	if (!has_token(opt) || !opt->boards || !opt->boards[0])
		return SL_DONE;
	place_read(call, place);
	if (!place->running && state->rested && !call->backfill) {
		state->rested = false;
		return SL_DONE;
	}
	if (!place->running)
		begin_run(call, place);
	if (!place->board[0] && !enter_board(opt, place))
		return call->host->fail(call, "`boards` holds \"%.40s\", which is no board's id", opt->boards[0]);
	return ask_board(call);
}
