/* SPDX-License-Identifier: Apache-2.0 */
/* stand.c - where a route stands, as rows of two small tables. */
#include "flow/stand.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/buf.h"
#include "sdk/text.h"
#include "sdk/time.h"

static size_t column(const struct sl_table *table, const char *name)
{
	size_t at = 0;
	while (strcmp(table->columns[at]->name, name) != 0) {
		at++;
		assert(at < table->column_count);
	}
	return at;
}

static struct sl_row *row_new(struct arena *arena, const struct sl_table *table, enum sl_mode mode)
{
	struct sl_row *row = arena_alloc(arena, sizeof(*row));
	row->table = table;
	row->mode = mode;
	row->cells = arena_alloc(arena, table->column_count * sizeof(*row->cells));
	return row;
}

/* The cells are ours until the row is handed on. */
static struct sl_cell *cell(struct sl_row *row, const char *name)
{
	return (struct sl_cell *)&row->cells[column(row->table, name)];
}

static void set_text(struct sl_row *row, const char *name, const char *text)
{
	*cell(row, name) = text ? (struct sl_cell){ .kind = SL_CELL_TEXT, .text = sl_text_of(text) }
				: (struct sl_cell){ .kind = SL_CELL_NULL };
}

/* What may change while the row is on its way. */
static void set_copy(struct arena *arena, struct sl_row *row, const char *name, const char *text)
{
	set_text(row, name, text ? arena_string(arena, text) : NULL);
}

static void set_int(struct sl_row *row, const char *name, uint64_t number)
{
	*cell(row, name) = (struct sl_cell){ .kind = SL_CELL_INT, .number = (int64_t)number };
}

static void set_time(struct sl_row *row, const char *name, int64_t milliseconds)
{
	if (milliseconds)
		set_int(row, name, (uint64_t)milliseconds * 1000);
	else
		set_text(row, name, NULL);
}

const struct sl_row *stand_expect(struct arena *arena, const char *route, const struct stand *stand)
{
	struct sl_row *row = row_new(arena, &stand_routes, SL_EXPECT);
	set_text(row, "route", route);
	if (stand) {
		set_text(row, "log_id", stand->log_id);
		set_int(row, "cursor", stand->cursor);
	}
	return row;
}

const struct sl_row *stand_put(struct arena *arena, const char *route, const struct stand *stand, int64_t now)
{
	struct sl_row *row = row_new(arena, &stand_routes, SL_PUT);
	set_text(row, "route", route);
	set_text(row, "log_id", stand->log_id);
	set_int(row, "cursor", stand->cursor);
	set_int(row, "counted_from", stand->counted_from);
	set_int(row, "delivered", stand->delivered);
	set_int(row, "dropped", stand->dropped);
	set_int(row, "repeats", stand->repeats);
	set_time(row, "updated_at", now);
	set_copy(arena, row, "mark", *stand->mark ? stand->mark : NULL);
	return row;
}

static struct sl_row *open_row(struct arena *arena, const char *route, uint64_t seq, uint32_t part, enum sl_mode mode)
{
	struct sl_row *row = row_new(arena, &stand_open, mode);
	set_text(row, "route", route);
	set_int(row, "seq", seq);
	set_int(row, "part", part);
	return row;
}

const struct sl_row *stand_open_put(struct arena *arena, const char *route, const struct delivery *delivery)
{
	struct sl_row *row = open_row(arena, route, delivery->seq, delivery->part, SL_PUT);
	set_text(row, "state", delivery_word(delivery));
	set_copy(arena, row, "event_id", delivery->label.id);
	set_copy(arena, row, "source", delivery->label.source);
	set_copy(arena, row, "type", delivery->label.type);
	set_copy(arena, row, "subject", delivery->label.subject);
	set_copy(arena, row, "reason", delivery->reason);
	set_int(row, "tries", delivery->tries);
	set_time(row, "first_at", delivery->first_at);
	set_time(row, "last_at", delivery->last_at);
	set_time(row, "due", delivery->state == DELIVERY_WAITING ? delivery->due : 0);
	return row;
}

const struct sl_row *stand_open_remove(struct arena *arena, const char *route, uint64_t seq, uint32_t part)
{
	return open_row(arena, route, seq, part, SL_REMOVE);
}

const struct sl_row *stand_wanted(struct arena *arena, const struct sl_table *table, const char *route,
	const char *state)
{
	struct sl_row *row = row_new(arena, table, SL_EXPECT);
	set_text(row, "route", route);
	if (state)
		set_text(row, "state", state);
	return row;
}

/* ------------------------------------------------------------------- marks */

void stand_mark(const struct log_record *record, char mark[STAND_MARK_SIZE])
{
	const struct sl_text texts[] = { record->source, record->method, record->path, record->query, record->headers,
		record->body };
	const uint64_t numbers[] = { record->seq, (uint64_t)record->received, record->flags };
	uint64_t hash = XXH3_64bits(numbers, sizeof(numbers));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		hash = XXH3_64bits_withSeed(texts[i].at, texts[i].len, hash);
	snprintf(mark, STAND_MARK_SIZE, "%" PRIu64 ":%016" PRIx64, record->seq, hash);
}

/* A mark of another seq than the cursor's was left there by an earlier version. */
bool stand_marks(const struct stand *stand, const struct log_record *record)
{
	char mark[STAND_MARK_SIZE];
	size_t seq = strcspn(stand->mark, ":") + 1;
	stand_mark(record, mark);
	return record->seq != stand->cursor || strncmp(mark, stand->mark, seq) != 0 || strcmp(mark, stand->mark) == 0;
}

/* ----------------------------------------------------------------- reading */

static const char *get_text(const struct sl_table *table, const struct sl_cell *cells, const char *name)
{
	const struct sl_cell *at = &cells[column(table, name)];
	return at->kind == SL_CELL_TEXT ? at->text.at : NULL;
}

static uint64_t get_int(const struct sl_table *table, const struct sl_cell *cells, const char *name)
{
	const struct sl_cell *at = &cells[column(table, name)];
	return at->kind == SL_CELL_INT && at->number > 0 ? (uint64_t)at->number : 0;
}

static int64_t get_time(const struct sl_table *table, const struct sl_cell *cells, const char *name)
{
	return (int64_t)(get_int(table, cells, name) / 1000);
}

bool stand_read(const struct sl_cell *cells, struct stand *stand)
{
	const char *log_id = get_text(&stand_routes, cells, "log_id");
	if (!log_id || strlen(log_id) != LOG_ID_SIZE - 1)
		return false;
	memcpy(stand->log_id, log_id, LOG_ID_SIZE);
	stand->cursor = get_int(&stand_routes, cells, "cursor");
	stand->counted_from = get_int(&stand_routes, cells, "counted_from");
	stand->delivered = get_int(&stand_routes, cells, "delivered");
	stand->dropped = get_int(&stand_routes, cells, "dropped");
	stand->repeats = get_int(&stand_routes, cells, "repeats");
	stand->updated = get_time(&stand_routes, cells, "updated_at");
	const char *mark = get_text(&stand_routes, cells, "mark");
	snprintf(stand->mark, sizeof(stand->mark), "%s", mark ? mark : "");
	stand->known = true;
	return true;
}

struct delivery *stand_read_open(struct route *route, const struct sl_cell *cells)
{
	const struct sl_table *table = &stand_open;
	const char *state = get_text(table, cells, "state"), *reason = get_text(table, cells, "reason");
	uint64_t seq = get_int(table, cells, "seq");
	if (!seq || !state)
		return NULL;
	struct delivery *delivery = delivery_new(route, seq, (uint32_t)get_int(table, cells, "part"));
	delivery->open = delivery->stands = true;
	delivery->state = strcmp(state, "dead") == 0 ? DELIVERY_DEAD
		: strcmp(state, "behind") == 0       ? DELIVERY_NEW
						     : DELIVERY_WAITING;
	delivery->tries = (uint32_t)get_int(table, cells, "tries");
	delivery->first_at = get_time(table, cells, "first_at");
	delivery->last_at = get_time(table, cells, "last_at");
	delivery->due = get_time(table, cells, "due");
	if (reason)
		delivery_reason(delivery, reason);
	const char *source = get_text(table, cells, "source"), *id = get_text(table, cells, "event_id");
	delivery_label(delivery, source ? source : "", id ? id : "", get_text(table, cells, "type"),
		get_text(table, cells, "subject"));
	delivery->undecoded = !id || !*id;
	return delivery;
}

static void member_time(struct buf *out, const char *name, int64_t milliseconds)
{
	char text[SL_TIME_SIZE];
	json_key(out, name);
	if (milliseconds) {
		sl_time_write(milliseconds * 1000, text);
		json_string(out, text);
	} else {
		json_null(out);
	}
}

void stand_open_json(const struct delivery *delivery, struct buf *out)
{
	json_open(out, '{');
	json_member_uint(out, "seq", delivery->seq);
	json_member_uint(out, "part", delivery->part);
	json_member_string(out, "state", delivery_word(delivery));
	json_member_string(out, "source", delivery->label.source);
	json_member_string(out, "event_id", delivery->label.id);
	json_member_string(out, "type", delivery->label.type);
	json_member_string(out, "subject", delivery->label.subject);
	json_member_string(out, "reason", delivery->reason);
	json_member_uint(out, "tries", delivery->tries);
	member_time(out, "first_at", delivery->first_at);
	member_time(out, "last_at", delivery->last_at);
	member_time(out, "due", delivery->state == DELIVERY_WAITING ? delivery->due : 0);
	json_close(out, '}');
}
