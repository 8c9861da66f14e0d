/* SPDX-License-Identifier: Apache-2.0 */
/* cursor.c - how far the walk back through the boards has come, as text.
 *
 *     {"since":1790000000000,"round":3,"done":1200,"turn":"5f1a..","boards":{
 *      "5f1a..":{"at":1790000000000,"newest":1790000100000,"before":"61832d..","last":"61832c..","over":true}}}
 */
#include "trello.h"

#include <inttypes.h>

#include "text.h"

/* -------------------------------------------------------------------- reading */

static int64_t number_at(struct sl_call *call, const struct sl_json *object, const char *pointer)
{
	int64_t number = 0;
	call->host->integer(call->host->at(object, pointer), &number);
	return number > 0 ? number : 0;
}

static const struct sl_json *member(struct sl_call *call, const struct sl_json *object, const char *name)
{
	const struct sl_json *value = call->host->first(object);
	while (value && !sl_text_is(call->host->name(value), name))
		value = call->host->next(value);
	return value;
}

static void read_board(struct sl_call *call, const struct sl_json *json, struct board *board)
{
	const struct sl_host *host = call->host;
	board->at = number_at(call, json, "/at");
	board->newest = number_at(call, json, "/newest");
	board->before = host->string(host->at(json, "/before"));
	board->last = host->string(host->at(json, "/last"));
	board->over = host->kind(host->at(json, "/over")) == SL_KIND_BOOL;
}

void trello_cursor_read(struct sl_call *call, struct cursor *cursor)
{
	const struct sl_host *host = call->host;
	const struct trello *opt = call->options;
	const struct sl_json *json = call->cursor ? host->json(call, sl_text_of(call->cursor)) : NULL;
	const struct sl_json *boards = host->at(json, "/boards");
	const struct sl_text turn = host->string(host->at(json, "/turn"));
	while (opt->boards[cursor->count])
		cursor->count++;
	cursor->boards = host->alloc(call, (cursor->count + 1) * sizeof(*cursor->boards));
	cursor->since = host->at(json, "/since") ? number_at(call, json, "/since") : call->since;
	cursor->round = number_at(call, json, "/round");
	cursor->done = number_at(call, json, "/done");
	cursor->begins = true;
	for (size_t i = 0; i < cursor->count; i++) {
		cursor->boards[i].id = opt->boards[i];
		if (host->kind(boards) == SL_KIND_OBJECT)
			read_board(call, member(call, boards, opt->boards[i]), &cursor->boards[i]);
		if (turn.len && cursor->begins && sl_text_is(turn, opt->boards[i]))
			cursor->turn = i, cursor->begins = false;
	}
}

/* -------------------------------------------------------------------- writing */

static struct sl_text written(struct sl_call *call, const char *name, struct sl_text text)
{
	if (!text.len)
		return sl_text_of("");
	return call->host->format(call, ",\"%s\":%s", name, call->host->quote(call, text).at);
}

static struct sl_text board_written(struct sl_call *call, const struct board *board)
{
	const struct sl_host *host = call->host;
	return host->format(call, "%s:{\"at\":%" PRId64 ",\"newest\":%" PRId64 "%s%s%s}",
		host->quote(call, sl_text_of(board->id)).at, board->at, board->newest,
		written(call, "before", board->before).at, written(call, "last", board->last).at,
		board->over ? ",\"over\":true" : "");
}

const char *trello_cursor_write(struct sl_call *call, const struct cursor *cursor)
{
	const struct sl_host *host = call->host;
	const bool under_way = cursor->turn < cursor->count;
	struct sl_text boards = sl_text_of("");
	for (size_t i = 0; i < cursor->count; i++)
		boards = host->format(call, "%s%s%s", boards.at, i ? "," : "", board_written(call, &cursor->boards[i]).at);
	return host->format(call, "{\"since\":%" PRId64 ",\"round\":%" PRId64 ",\"done\":%" PRId64 "%s,\"boards\":{%s}}",
			   cursor->since, cursor->round, cursor->done,
			   under_way ? written(call, "turn", sl_text_of(cursor->boards[cursor->turn].id)).at : "", boards.at)
		.at;
}
