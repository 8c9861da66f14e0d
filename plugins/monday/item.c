/* SPDX-License-Identifier: Apache-2.0 */
/* item.c - an item as an event.
 *
 *     id     ITEM@UPDATED_AT, and a digest of what it says: mirrors, formulas and labels change without updated_at
 *     time   when it was read: whatever happened until then is in it
 *     data   {"item":{...},"board":{"id","name"},"labels":{COLUMN:{ID:LABEL}}}
 */
#include <inttypes.h>
#include <string.h>

#include "monday.h"
#include "sign.h"
#include "text.h"
#include "time.h"

#define DIGEST 5 /* bytes of it, in an id */

static struct sl_text digest_of(struct sl_call *call, struct sl_text data)
{
	unsigned char digest[SL_DIGEST_MOST];
	char hex[2 * DIGEST + 1];
	sl_hash(SL_SHA256, &data, 1, digest);
	sl_hex(digest, DIGEST, hex);
	return call->host->format(call, "%s", hex);
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
	host->emit(call, &(struct sl_event){
				 .id = host->format(call, "%s@%.40s#%s", id, updated.at ? updated.at : "", digest_of(call, data).at).at,
				 .type = "item",
				 .subject = id,
				 .time = local->now,
				 .scope = host->format(call, "board %s", board).at,
				 .data = data,
			 });
	count_item(&local->place, host, item);
	return true;
}

/* One for each board and run: for a table of what was synchronised when. */
void run_emit(struct sl_call *call, const char *state, const char *error)
{
	const struct sl_host *host = call->host;
	const struct place *place = &local_of(call)->place;
	const struct board *board = board_find(state_of(call), place->board);
	const char *run = host->format(call, "%s-%s-%" PRId64, place->is_full ? "full" : "delta", place->board,
				      place->board_began)
				  .at;
	char began[SL_TIME_SIZE], ended[SL_TIME_SIZE];
	sl_time_write(place->board_began * 1000, began);
	sl_time_write(local_of(call)->now * 1000, ended);
	host->emit(call, &(struct sl_event){
				 .id = host->format(call, "%s-%s", run, state).at,
				 .type = "board_sync",
				 .subject = host->format(call, "sync %s", place->board).at,
				 .time = strcmp(state, "running") == 0 ? place->board_began : local_of(call)->now + 1,
				 .data = host->format(call, "{\"run\":\"%s\",\"kind\":\"%s\",\"state\":\"%s\",\"board\":{\"id\":\"%s\",\"name\":%s},\"began\":\"%s\","
							    "\"ended\":%s%s%s,\"items\":%" PRId64 ",\"made\":%" PRId64 ",\"error\":%s}",
					 run, place->is_full ? "full" : "delta", state, place->board, quoted(call, board ? board->name : NULL).at, began, strcmp(state, "running") == 0 ? "null" : "\"", strcmp(state, "running") == 0 ? "" : ended, strcmp(state, "running") == 0 ? "" : "\"", place->items, place->made, quoted(call, error).at),
			 });
}
