/* SPDX-License-Identifier: Apache-2.0 */
/* cell.c - a cell on its way into a statement, and back. */
#include <string.h>

#include "inside.h"
#include "text.h"
#include "time.h"

#define EXACT_DIGITS 15  /* what a double keeps of a decimal number */
#define WHOLE_DIGITS 18  /* what 64 bits keep of a whole one, whatever it is */
#define DECIMAL_ROOM 512

/* A column of type DECIMAL has NUMERIC affinity: SQLite turns digits into a
 * number, so that SUM, ORDER BY and > do what people expect.  It would round what
 * is longer than a double; only a BLOB is left as it is. */
static bool survives(struct sl_text digits)
{
	size_t count = 0, zeros = 0;
	bool point = memchr(digits.at, '.', digits.len) != NULL;
	for (size_t i = 0; i < digits.len; i++) {
		char c = digits.at[i];
		if (c < '0' || c > '9' || (c == '0' && !count))
			continue;
		count++;
		zeros = c == '0' ? zeros + 1 : 0;
	}
	return point ? count - zeros <= EXACT_DIGITS && count <= WHOLE_DIGITS : count <= WHOLE_DIGITS;
}

static void bind_text(sqlite3_stmt *statement, int at, struct sl_text text)
{
	sqlite3_bind_text64(statement, at, text.at ? text.at : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_number(sqlite3_stmt *statement, int at, const struct sl_column *column, int64_t number,
	char stamp[STAMP_SIZE])
{
	size_t len = 0;
	if (column->type == SL_COLUMN_TIMESTAMP)
		len = sl_time_write(number, stamp);
	else if (column->type == SL_COLUMN_DATE)
		len = sl_date_write(number, stamp);
	if (len)
		bind_text(statement, at, (struct sl_text){ stamp, len });
	else
		sqlite3_bind_int64(statement, at, number);
}

/* A STRICT table keeps the digits as they are. */
static bool is_rounded(const struct sl_column *column, const struct sl_cell *cell, bool strict)
{
	return column->type == SL_COLUMN_DECIMAL && !strict && !survives(cell->text);
}

void cell_bind(sqlite3_stmt *statement, int at, const struct table *table, size_t index, const struct sl_cell *cell)
{
	const struct sl_column *column = table->face->columns[index];
	if (cell->kind == SL_CELL_INT)
		bind_number(statement, at, column, cell->number, table->stamps[index]);
	else if (cell->kind != SL_CELL_TEXT)
		sqlite3_bind_null(statement, at);
	else if (is_rounded(column, cell, table->strict))
		sqlite3_bind_blob64(statement, at, cell->text.at, cell->text.len, SQLITE_STATIC);
	else
		bind_text(statement, at, cell->text);
}

void cells_bind(sqlite3_stmt *statement, const struct table *table, const struct sl_cell *cells)
{
	for (size_t i = 0; i < table->face->column_count; i++)
		cell_bind(statement, (int)i + 1, table, i, &cells[i]);
}

void cell_literal(sqlite3_str *sql, const struct sl_column *column, const struct sl_cell *cell, bool strict)
{
	char stamp[STAMP_SIZE];
	bool text = cell->kind == SL_CELL_TEXT;
	if (cell->kind == SL_CELL_INT && column->type == SL_COLUMN_TIMESTAMP)
		text = sl_time_write(cell->number, stamp) > 0;
	else if (cell->kind == SL_CELL_INT && column->type == SL_COLUMN_DATE)
		text = sl_date_write(cell->number, stamp) > 0;
	if (cell->kind == SL_CELL_TEXT && is_rounded(column, cell, strict)) {
		sqlite3_str_appendall(sql, "x'");
		for (size_t i = 0; i < cell->text.len; i++)
			sqlite3_str_appendf(sql, "%02x", (unsigned char)cell->text.at[i]);
		sqlite3_str_appendall(sql, "'");
	} else if (text) {
		sqlite3_str_appendf(sql, "%Q", cell->kind == SL_CELL_TEXT ? cell->text.at : stamp);
	} else if (cell->kind == SL_CELL_INT) {
		sqlite3_str_appendf(sql, "%lld", (long long)cell->number);
	} else {
		sqlite3_str_appendall(sql, "NULL");
	}
}

/* ------------------------------------------------------------------- back */

static struct sl_text stored_text(sqlite3_stmt *statement, int at)
{
	const char *text = sqlite3_column_blob(statement, at); /* the bytes, whatever the class */
	return (struct sl_text){ text ? text : "", (size_t)sqlite3_column_bytes(statement, at) };
}

/* SQLite prints 0.00000001 as 1.0e-08, and 7.0 for a REAL that is whole; digits that were
 * stored as such keep their zeros. */
static bool read_decimal(struct sl_text text, bool number, struct sl_pile *pile, struct sl_cell *cell)
{
	char digits[DECIMAL_ROOM];
	size_t len;
	if (!sl_decimal(text, digits, sizeof(digits), &len))
		return false;
	bool point = number && memchr(digits, '.', len) != NULL;
	while (point && digits[len - 1] == '0')
		len--;
	len -= point && digits[len - 1] == '.';
	cell->text = (struct sl_text){ sl_pile_copy(pile, digits, len), len };
	return true;
}

/* What somebody else wrote there, and is none of ours, reads as NULL. */
void cell_read(sqlite3_stmt *statement, int at, const struct sl_column *column, struct sl_pile *pile,
	struct sl_cell *cell)
{
	int class = sqlite3_column_type(statement, at);
	if (class == SQLITE_NULL) {
		cell->kind = SL_CELL_NULL;
		return;
	}
	if (column->type == SL_COLUMN_INT || column->type == SL_COLUMN_BOOL) {
		*cell = (struct sl_cell){ SL_CELL_INT, sqlite3_column_int64(statement, at), { 0 } };
		return;
	}
	struct sl_text text = stored_text(statement, at);
	bool read = true;
	cell->kind = SL_CELL_TEXT;
	if (column->type == SL_COLUMN_TIMESTAMP)
		read = sl_time_read(text, &cell->number), cell->kind = SL_CELL_INT;
	else if (column->type == SL_COLUMN_DATE)
		read = sl_date_read(text, &cell->number), cell->kind = SL_CELL_INT;
	else if (column->type == SL_COLUMN_DECIMAL)
		read = read_decimal(text, class == SQLITE_FLOAT || class == SQLITE_INTEGER, pile, cell);
	else
		cell->text = (struct sl_text){ sl_pile_copy(pile, text.at, text.len), text.len };
	if (!read)
		cell->kind = SL_CELL_NULL;
}

struct sl_cell *cells_read(sqlite3_stmt *statement, const struct sl_table *table, struct sl_pile *pile)
{
	struct sl_cell *cells = sl_pile_take(pile, table->column_count * sizeof(*cells));
	for (size_t i = 0; i < table->column_count; i++)
		if (!table->columns[i]->generated)
			cell_read(statement, (int)i, table->columns[i], pile, &cells[i]);
	return cells;
}

void cell_show(sqlite3_str *out, const struct sl_column *column, const struct sl_cell *cell)
{
	char stamp[STAMP_SIZE];
	if (cell->kind == SL_CELL_TEXT)
		sqlite3_str_appendf(out, "\"%.40s\"", cell->text.at);
	else if (cell->kind != SL_CELL_INT)
		sqlite3_str_appendall(out, "nothing");
	else if (column->type == SL_COLUMN_TIMESTAMP && sl_time_write(cell->number, stamp))
		sqlite3_str_appendall(out, stamp);
	else
		sqlite3_str_appendf(out, "%lld", (long long)cell->number);
}
