/* SPDX-License-Identifier: Apache-2.0 */
/* place.c - how far a poll has come, as a cursor. */
#include <string.h>

#include "monday.h"
#include "text.h"

static int64_t number(struct sl_call *call, const struct sl_json *json, const char *pointer)
{
	int64_t value = 0;
	return call->host->integer(call->host->at(json, pointer), &value) ? value : 0;
}

/* What is not a cursor of ours is none. */
void place_read(struct sl_call *call, struct place *place)
{
	const struct sl_host *host = call->host;
	const struct sl_json *json = call->cursor ? host->json(call, sl_text_of(call->cursor)) : NULL;
	struct sl_text run = host->string(host->at(json, "/run")), page = host->string(host->at(json, "/page"));
	memset(place, 0, sizeof(*place));
	place->full = number(call, json, "/full");
	place->delta = number(call, json, "/delta");
	place->running = run.len > 0;
	place->is_full = run.len && strcmp(run.at, "full") == 0;
	place->began = number(call, json, "/began");
	place->since = number(call, json, "/since");
	place->page = page.len ? page.at : NULL;
	place->board_began = number(call, json, "/board_began");
	place->items = number(call, json, "/items");
	place->made = number(call, json, "/made");
	place->done = number(call, json, "/done");
	copy_id(host, host->at(json, "/board"), place->board);
}

const char *place_write(struct sl_call *call, const struct place *place)
{
	static const char form[] =
		"{\"full\":%lld,\"delta\":%lld,\"run\":\"%s\",\"began\":%lld,\"since\":%lld,\"board\":\"%s\",\"page\":%s,"
		"\"board_began\":%lld,\"items\":%lld,\"made\":%lld,\"done\":%lld}";
	long long full = (long long)place->full, delta = (long long)place->delta;
	if (!place->running)
		return call->host->format(call, "{\"full\":%lld,\"delta\":%lld}", full, delta).at;
	return call->host->format(call, form, full, delta, place->is_full ? "full" : "delta", (long long)place->began,
				 (long long)place->since, place->board, quoted(call, place->page).at, (long long)place->board_began,
				 (long long)place->items, (long long)place->made, (long long)place->done)
		.at;
}
