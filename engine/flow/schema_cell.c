/* SPDX-License-Identifier: Apache-2.0 */
/* schema_cell.c - a JSON value becomes a cell of a column's type. */
#include <stdio.h>
#include <string.h>

#include "flow/schema_inner.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define SHOWN 40          /* bytes of a found value that a sentence shows */
#define DECIMAL_ROOM 512  /* digits, sign and point that a decimal may have */
#define EARLIEST_MS INT64_C(-62135596800000) /* 0001-01-01 */
#define LATEST_MS INT64_C(253402300799999)   /* 9999-12-31 */
#define DAY_MS INT64_C(86400000)

typedef bool cell_reader(const struct sl_json *value, struct arena *arena, struct sl_cell *cell);

static void cell_text(struct sl_cell *cell, struct arena *arena, struct sl_text text)
{
	cell->kind = SL_CELL_TEXT;
	cell->text = arena_text(arena, text);
}

static bool cell_number(struct sl_cell *cell, int64_t number)
{
	cell->kind = SL_CELL_INT;
	cell->number = number;
	return true;
}

/* A number keeps its JSON text: 45.00 stays "45.00".  true and false are no
 * text, because half of the world would write them otherwise. */
static bool read_text(const struct sl_json *value, struct arena *arena, struct sl_cell *cell)
{
	enum sl_kind kind = sl_json_kind(value);
	if (kind != SL_KIND_STRING && kind != SL_KIND_NUMBER)
		return false;
	cell_text(cell, arena, kind == SL_KIND_STRING ? sl_json_string(value) : sl_json_raw(value));
	return true;
}

/* "-12" and nothing around it; no more than fits. */
static bool whole_number(struct sl_text text, int64_t *number)
{
	bool negative = text.len > 1 && text.at[0] == '-';
	uint64_t sum = 0, most = (uint64_t)INT64_MAX + negative;
	if (!text.len)
		return false;
	for (size_t i = negative; i < text.len; i++) {
		unsigned digit = (unsigned char)text.at[i] - (unsigned)'0';
		if (digit > 9 || sum > (most - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	*number = negative ? (int64_t)(0 - sum) : (int64_t)sum;
	return true;
}

static bool read_int(const struct sl_json *value, struct arena *arena, struct sl_cell *cell)
{
	int64_t number;
	bool fits = sl_json_kind(value) == SL_KIND_STRING ? whole_number(sl_json_string(value), &number)
							   : sl_json_integer(value, &number);
	return fits && cell_number(cell, number);
}

static bool read_decimal(const struct sl_json *value, struct arena *arena, struct sl_cell *cell)
{
	char digits[DECIMAL_ROOM];
	size_t len;
	enum sl_kind kind = sl_json_kind(value);
	if (kind != SL_KIND_STRING && kind != SL_KIND_NUMBER)
		return false;
	if (!sl_decimal(kind == SL_KIND_STRING ? sl_json_string(value) : sl_json_raw(value), digits, sizeof(digits), &len))
		return false;
	cell_text(cell, arena, (struct sl_text){ digits, len });
	return true;
}

static bool read_bool(const struct sl_json *value, struct arena *arena, struct sl_cell *cell)
{
	return sl_json_kind(value) == SL_KIND_BOOL && cell_number(cell, sl_json_true(value) ? 1 : 0);
}

static bool milliseconds(const struct sl_json *value, int64_t *ms)
{
	return sl_json_kind(value) == SL_KIND_NUMBER && sl_json_integer(value, ms) && *ms >= EARLIEST_MS &&
		*ms <= LATEST_MS;
}

static bool read_timestamp(const struct sl_json *value, struct arena *arena, struct sl_cell *cell)
{
	int64_t number;
	if (milliseconds(value, &number))
		return cell_number(cell, number * 1000);
	return sl_json_kind(value) == SL_KIND_STRING && sl_time_read(sl_json_string(value), &number) &&
		cell_number(cell, number);
}

static bool read_date(const struct sl_json *value, struct arena *arena, struct sl_cell *cell)
{
	int64_t number;
	if (milliseconds(value, &number))
		return cell_number(cell, (number >= 0 ? number : number - (DAY_MS - 1)) / DAY_MS);
	return sl_json_kind(value) == SL_KIND_STRING && sl_date_read(sl_json_string(value), &number) &&
		cell_number(cell, number);
}

bool cell_time_of_day(const struct sl_json *value)
{
	int64_t number;
	int32_t offset;
	if (milliseconds(value, &number))
		return number % DAY_MS != 0;
	return sl_json_kind(value) == SL_KIND_STRING && sl_clock_read(sl_json_string(value), &number, &offset) &&
		number % (DAY_MS * 1000) != 0;
}

static bool read_json(const struct sl_json *value, struct arena *arena, struct sl_cell *cell)
{
	cell_text(cell, arena, sl_json_raw(value));
	return true;
}

static const struct {
	const char *name, *expected;
	cell_reader *read;
} types[] = {
	[SL_COLUMN_TEXT] = { "text", "a text", read_text },
	[SL_COLUMN_INT] = { "int", "a whole number of 64 bits", read_int },
	[SL_COLUMN_DECIMAL] = { "decimal", "a decimal number", read_decimal },
	[SL_COLUMN_BOOL] = { "bool", "true or false", read_bool },
	[SL_COLUMN_TIMESTAMP] = { "timestamp", "a timestamp", read_timestamp },
	[SL_COLUMN_DATE] = { "date", "a date", read_date },
	[SL_COLUMN_JSON] = { "json", "any value", read_json },
};
#define TYPE_COUNT (sizeof(types) / sizeof(*types))

const char *const column_type_names[] = { "text", "int", "decimal", "bool", "timestamp", "date", "json", NULL };

const char *column_type_name(enum sl_column_type type)
{
	return types[type].name;
}

const char *column_type_expected(enum sl_column_type type)
{
	return types[type].expected;
}

bool column_type_read(const char *name, enum sl_column_type *type)
{
	for (size_t i = SL_COLUMN_TEXT; i < TYPE_COUNT; i++)
		if (strcmp(types[i].name, name) == 0) {
			*type = (enum sl_column_type)i;
			return true;
		}
	return false;
}

/* How many of the first bytes may be shown without cutting a character in two. */
static int shown(struct sl_text text)
{
	size_t len = text.len < SHOWN ? text.len : SHOWN;
	while (len < text.len && len > 0 && ((unsigned char)text.at[len] & 0xc0) == 0x80)
		len--;
	return (int)len;
}

static bool misfit(const struct sl_column *column, const struct sl_json *value, struct why *why)
{
	static const char *const nouns[] = {
		[SL_KIND_NULL] = "null", [SL_KIND_BOOL] = "the truth value", [SL_KIND_NUMBER] = "the number",
		[SL_KIND_STRING] = "the string", [SL_KIND_ARRAY] = "an array", [SL_KIND_OBJECT] = "an object",
	};
	enum sl_kind kind = sl_json_kind(value);
	const char *expected = types[column->type].expected;
	struct sl_text text = kind == SL_KIND_STRING ? sl_json_string(value) : sl_json_raw(value);
	const char *quote = kind == SL_KIND_STRING ? "\"" : "", *more = text.len > SHOWN ? "..." : "";
	if (kind == SL_KIND_ARRAY || kind == SL_KIND_OBJECT)
		return why_say(why, "expected %s, found %s", expected, nouns[kind]);
	if (column->personal)
		return why_say(why, "expected %s, found %s of %zu bytes, which is personal and not shown", expected,
			kind == SL_KIND_STRING ? "a string" : "a value", text.len);
	return why_say(why, "expected %s, found %s %s%.*s%s%s", expected, nouns[kind], quote, shown(text), text.at, more,
		quote);
}

bool cell_read(const struct sl_column *column, const struct sl_json *value, struct arena *arena, struct sl_cell *cell,
	struct why *why)
{
	if (sl_json_kind(value) == SL_KIND_NULL) {
		cell->kind = SL_CELL_NULL;
		return true;
	}
	return types[column->type].read(value, arena, cell) || misfit(column, value, why);
}
