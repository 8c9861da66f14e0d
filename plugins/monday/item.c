/* SPDX-License-Identifier: Apache-2.0 */
/* item.c - an item as an event.
 *
 *     id     ITEM@UPDATED_AT, and since when it says this: mirrors, formulas and labels change without updated_at
 *     time   when it was read: whatever happened until then is in it
 *     data   {"item":{...},"board":{"id","name"},"labels":{COLUMN:{ID:LABEL}}}
 */
#include <stdlib.h>
#include <string.h>

#include "monday.h"
#include "sign.h"
#include "text.h"
#include "time.h"

static uint64_t digest_of(struct sl_text data)
{
	unsigned char digest[SL_DIGEST_MOST];
	uint64_t number;
	sl_hash(SL_SHA256, &data, 1, digest);
	memcpy(&number, digest, sizeof(number));
	return number;
}

/* ITEM@UPDATED_AT#SEEN.DIGEST */
static const char *name_of(struct sl_call *call, const char *id, const char *board, struct sl_text updated,
	struct sl_text data)
{
	struct local *local = local_of(call);
	uint64_t digest = digest_of(data);
	int64_t run = local->place.is_full && !call->backfill ? local->place.board_began : 0;
	int64_t since = seen_since(&state_of(call)->seen, atoll(id), atoll(board), run, digest, local->now);
	return call->host->format(call, "%s@%.40s#%llx.%02x", id, updated.at ? updated.at : "",
				 (unsigned long long)since, (unsigned)(digest & 0xff))
		.at;
}

static int64_t milliseconds(struct sl_text text)
{
	int64_t microseconds = 0;
	return text.at && sl_time_read(text, &microseconds) ? microseconds / 1000 : 0;
}

static struct sl_text data_of(struct sl_call *call, const struct sl_json *item, const char *board_id)
{
	const struct sl_host *host = call->host;
	const struct board *board = board_find(state_of(call), board_id);
	struct sl_text raw = host->raw(item);
	return host->format(call, "{\"item\":%.*s,\"board\":%s,\"labels\":%s}", (int)raw.len, raw.at,
		board ? board->json : host->format(call, "{\"id\":\"%s\"}", board_id).at, board ? board->labels : "{}");
}

static void count_item(struct place *place, const struct sl_host *host, const struct sl_json *item)
{
	int64_t made = milliseconds(host->string(host->at(item, "/created_at")));
	int64_t last = place->is_full ? place->full : place->delta;
	place->items++;
	place->made += made && made >= last;
}

bool item_emit(struct sl_call *call, const struct sl_json *item, int64_t since)
{
	const struct sl_host *host = call->host;
	struct local *local = local_of(call);
	struct sl_text updated = host->string(host->at(item, "/updated_at"));
	char id[ID_SIZE], board[ID_SIZE];
	if (!copy_id(host, host->at(item, "/id"), id))
		return false;
	int64_t changed = milliseconds(updated);
	if (since && changed && changed < since)
		return true;
	if (!copy_id(host, host->at(item, "/board/id"), board))
		memcpy(board, local->place.board, sizeof(board));
	struct sl_text data = data_of(call, item, board);
	const struct sl_event event = {
		.id = name_of(call, id, board, updated, data),
		.type = "item",
		.subject = id,
		.time = local->now,
		.scope = host->format(call, "board %s", board).at,
		.data = data,
	};
	host->emit(call, &event);
	count_item(&local->place, host, item);
	return true;
}

static const char *moment(struct sl_call *call, int64_t ms)
{
	char text[SL_TIME_SIZE];
	sl_time_write(ms * 1000, text);
	return call->host->format(call, "\"%s\"", text).at;
}

static const char *run_name(struct sl_call *call, const struct place *place)
{
	const char *kind = place->is_full ? "full" : "delta";
	return call->host->format(call, "%s-%s-%lld", kind, place->board, (long long)place->board_began).at;
}

static struct sl_text run_data(struct sl_call *call, const struct place *place, const char *state, const char *error)
{
	static const char form[] =
		"{\"run\":\"%s\",\"kind\":\"%s\",\"state\":\"%s\",\"board\":{\"id\":\"%s\",\"name\":%s},"
		"\"began\":%s,\"ended\":%s,\"items\":%lld,\"made\":%lld,\"error\":%s}";
	const struct board *board = board_find(state_of(call), place->board);
	const char *name = quoted(call, board ? board->name : NULL).at;
	const char *began = moment(call, place->board_began);
	const char *ended = strcmp(state, "running") == 0 ? "null" : moment(call, local_of(call)->now);
	return call->host->format(call, form, run_name(call, place), place->is_full ? "full" : "delta", state,
		place->board, name, began, ended, (long long)place->items, (long long)place->made,
		quoted(call, error).at);
}

/* One for each board and run: for a table of what was synchronised when. */
void run_emit(struct sl_call *call, const char *state, const char *error)
{
	const struct sl_host *host = call->host;
	const struct place *place = &local_of(call)->place;
	bool begins = strcmp(state, "running") == 0;
	const struct sl_event event = {
		.id = host->format(call, "%s-%s", run_name(call, place), state).at,
		.type = "board_sync",
		.subject = host->format(call, "sync %s", place->board).at,
		.time = begins ? place->board_began : local_of(call)->now + 1,
		.data = run_data(call, place, state, error),
	};
	host->emit(call, &event);
}
