/* SPDX-License-Identifier: Apache-2.0 */
/* board.c - one board: its columns and their labels.
 *
 * A value names a label by its id.  The settings of a column say what it reads, in one of two forms:
 *
 *     settings_str   {"labels":{"0":"Working on it","1":"Done"}}, as text; of a dropdown {"labels":[{"id","name"}]}
 *     settings       {"labels":[{"id":1,"index":0,"label":"Done"}]}; `index` is only where it stands
 */
#include <stdlib.h>
#include <string.h>

#include "monday.h"
#include "pile.h"
#include "text.h"

static char *kept(struct sl_text text)
{
	char *copy = malloc(text.len + 1);
	if (!copy)
		sl_no_memory();
	if (text.len)
		memcpy(copy, text.at, text.len);
	copy[text.len] = '\0';
	return copy;
}

static void board_clear(struct board *board)
{
	free(board->json);
	free(board->labels);
	free(board->name);
	*board = (struct board){ .next = board->next };
}

void boards_free(struct state *state)
{
	while (state->boards) {
		struct board *board = state->boards;
		state->boards = board->next;
		board_clear(board);
		free(board);
	}
}

struct board *board_find(const struct state *state, const char *id)
{
	struct board *board = state->boards;
	while (board && strcmp(board->id, id) != 0)
		board = board->next;
	return board;
}

/* The one of that id, empty. */
static struct board *board_for(struct state *state, const char *id)
{
	struct board *board = board_find(state, id);
	if (board) {
		board_clear(board);
		return board;
	}
	board = calloc(1, sizeof(*board));
	if (!board)
		sl_no_memory();
	board->next = state->boards;
	state->boards = board;
	return board;
}

bool copy_id(const struct sl_host *host, const struct sl_json *value, char out[ID_SIZE])
{
	struct sl_text text = host->kind(value) == SL_KIND_STRING ? host->string(value) : host->raw(value);
	size_t digits = 0;
	while (digits < text.len && digits < ID_SIZE - 1 && text.at[digits] >= '0' && text.at[digits] <= '9')
		digits++;
	bool fits = digits && digits == text.len;
	memcpy(out, fits ? text.at : "", fits ? digits : 0);
	out[fits ? digits : 0] = '\0';
	return fits;
}

/* Either form as an object; NULL: neither. */
static const struct sl_json *settings_of(struct sl_call *call, const struct sl_json *column)
{
	const struct sl_host *host = call->host;
	const struct sl_json *settings = host->at(column, "/settings");
	if (!settings)
		settings = host->at(column, "/settings_str");
	if (host->kind(settings) == SL_KIND_STRING)
		settings = host->json(call, host->string(settings));
	return host->kind(settings) == SL_KIND_OBJECT ? settings : NULL;
}

static struct sl_text add_label(struct sl_call *call, struct sl_text so_far, struct sl_text id, struct sl_text label)
{
	const struct sl_host *host = call->host;
	if (!id.len || !label.at)
		return so_far;
	return host->format(call, "%s%s%s:%s", so_far.len ? so_far.at : "", so_far.len ? "," : "", host->quote(call, id).at,
		host->quote(call, label).at);
}

static struct sl_text label_of(const struct sl_host *host, const struct sl_json *label)
{
	struct sl_text text = host->string(host->at(label, "/label"));
	return text.at ? text : host->string(host->at(label, "/name"));
}

/* "1":"Done","2":"Stuck" */
static struct sl_text labels_of(struct sl_call *call, const struct sl_json *labels)
{
	const struct sl_host *host = call->host;
	bool list = host->kind(labels) == SL_KIND_ARRAY;
	struct sl_text out = { 0 };
	if (!list && host->kind(labels) != SL_KIND_OBJECT)
		return out;
	for (const struct sl_json *label = host->first(labels); label; label = host->next(label)) {
		char id[ID_SIZE];
		if (list && copy_id(host, host->at(label, "/id"), id))
			out = add_label(call, out, sl_text_of(id), label_of(host, label));
		else if (!list)
			out = add_label(call, out, host->name(label), host->string(label));
	}
	return out;
}

static struct sl_text take_columns(struct sl_call *call, const struct sl_json *columns, struct board *board)
{
	const struct sl_host *host = call->host;
	struct sl_text out = { 0 };
	if (host->kind(columns) != SL_KIND_ARRAY)
		return out;
	for (const struct sl_json *column = host->first(columns); column; column = host->next(column)) {
		const struct sl_json *settings = settings_of(call, column);
		struct sl_text labels = labels_of(call, host->at(settings, "/labels"));
		struct sl_text id = host->string(host->at(column, "/id"));
		if (sl_text_is(host->string(host->at(column, "/type")), "subtasks"))
			copy_id(host, host->at(settings, "/boardIds/0"), board->subitems);
		if (labels.len && id.len)
			out = host->format(call, "%s%s%s:{%s}", out.len ? out.at : "", out.len ? "," : "",
				host->quote(call, id).at, labels.at);
	}
	return out;
}

struct board *board_take(struct sl_call *call, const struct sl_json *json)
{
	const struct sl_host *host = call->host;
	struct sl_text name = host->string(host->at(json, "/name"));
	char id[ID_SIZE];
	if (!copy_id(host, host->at(json, "/id"), id))
		return NULL;
	struct board *board = board_for(state_of(call), id);
	struct sl_text columns = take_columns(call, host->at(json, "/columns"), board);
	memcpy(board->id, id, sizeof(id));
	board->name = kept(name);
	board->json = kept(host->format(call, "{\"id\":\"%s\",\"name\":%s}", id, host->quote(call, name).at));
	board->labels = kept(host->format(call, "{%s}", columns.len ? columns.at : ""));
	board->of_subitems = sl_text_is(host->string(host->at(json, "/type")), "sub_items_board");
	host->integer(host->at(json, "/items_count"), &board->items);
	return board;
}
