/* SPDX-License-Identifier: Apache-2.0 */
/* row.c - a row as JSON, for sinks that send it on. */
#include <string.h>

#include "host/inside.h"
#include "sdk/time.h"

static void write_number(const struct sl_column *column, int64_t number, struct buf *out)
{
	char text[SL_TIME_SIZE];
	switch (column->type) {
	case SL_COLUMN_BOOL:
		json_bool(out, number != 0);
		break;
	case SL_COLUMN_TIMESTAMP:
		json_text(out, (struct sl_text){ text, sl_time_write(number, text) });
		break;
	case SL_COLUMN_DATE:
		json_text(out, (struct sl_text){ text, sl_date_write(number, text) });
		break;
	default:
		json_int(out, number);
	}
}

/* A decimal keeps the digits it was written with: 45.00 is a number of two places. */
static void write_cell(const struct sl_column *column, const struct sl_cell *cell, struct buf *out)
{
	if (cell->kind == SL_CELL_NULL)
		json_null(out);
	else if (cell->kind == SL_CELL_INT)
		write_number(column, cell->number, out);
	else if (column->type == SL_COLUMN_DECIMAL || column->type == SL_COLUMN_JSON)
		json_raw(out, cell->text.at, cell->text.len);
	else
		json_text(out, cell->text);
}

static void write_event(const struct sl_event *event, struct buf *out)
{
	if (event && event->data.len)
		json_raw(out, event->data.at, event->data.len);
	else
		json_null(out);
}

void row_json(const struct sl_row *row, struct buf *out)
{
	if (!row->table) {
		write_event(row->event, out);
		return;
	}
	json_open(out, '{');
	for (size_t i = 0; i < row->table->column_count; i++) {
		if (row->cells[i].kind == SL_CELL_NONE)
			continue;
		json_key(out, row->table->columns[i]->name);
		write_cell(row->table->columns[i], &row->cells[i], out);
	}
	json_close(out, '}');
}
