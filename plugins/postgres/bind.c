/* SPDX-License-Identifier: Apache-2.0 */
/* bind.c - columns of rows as arrays in Postgres' binary form, and cells back.
 *
 * Buffers are kept from one statement to the next: libpq copies what it is handed.
 */
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "time.h"

/* https://github.com/postgres/postgres/blob/REL_15_STABLE/src/include/catalog/pg_type.dat */
enum {
	OID_BOOL = 16, OID_INT8 = 20, OID_TEXT = 25, OID_DATE = 1082, OID_TIMESTAMPTZ = 1184, OID_JSONB = 3802,
	OID_BOOLS = 1000, OID_TEXTS = 1009, OID_INT8S = 1016, OID_DATES = 1182, OID_TIMESTAMPTZS = 1185, OID_JSONBS = 3807,
};

#define EPOCH_DAYS 10957 /* Postgres counts from 2000-01-01 */
#define EPOCH_MICROSECONDS (INT64_C(86400000000) * EPOCH_DAYS)

/* Years 0001 to 9999, as everywhere else (sdk/time.h). */
#define DAYS_LEAST INT64_C(-719162)
#define DAYS_MOST INT64_C(2932896)
#define TIME_LEAST (DAYS_LEAST * INT64_C(86400000000))
#define TIME_MOST ((DAYS_MOST + 1) * INT64_C(86400000000) - 1)

/* --------------------------------------------------------------------- buffers */

struct array {
	char *at;
	size_t len, room;
};

struct buffers {
	struct array *arrays;
	const char **at;       /* what libpq wants: one entry a parameter */
	int *lens, *formats;
	size_t count, room;
};

static void *grown(void *at, size_t count, size_t size)
{
	void *more = reallocarray(at, count, size);
	if (!more)
		sl_no_memory();
	return more;
}

static void more_parameters(struct buffers *buffers)
{
	size_t room = buffers->room ? buffers->room * 2 : 32;
	buffers->arrays = grown(buffers->arrays, room, sizeof(*buffers->arrays));
	memset(buffers->arrays + buffers->room, 0, (room - buffers->room) * sizeof(*buffers->arrays));
	buffers->at = grown(buffers->at, room, sizeof(*buffers->at));
	buffers->lens = grown(buffers->lens, room, sizeof(*buffers->lens));
	buffers->formats = grown(buffers->formats, room, sizeof(*buffers->formats));
	buffers->room = room;
}

static struct array *next_parameter(struct sink *sink, int format)
{
	struct buffers *buffers = sink->buffers;
	if (buffers->count == buffers->room)
		more_parameters(buffers);
	struct array *array = &buffers->arrays[buffers->count];
	array->len = 0;
	buffers->formats[buffers->count++] = format;
	return array;
}

/* Room for so many more bytes. */
static char *room(struct array *array, size_t len)
{
	if (array->room - array->len < len) {
		array->room = (array->len + len) * 2;
		array->at = grown(array->at, array->room, 1);
	}
	return array->at + array->len;
}

void bind_begin(struct sink *sink)
{
	if (!sink->buffers)
		sink->buffers = grown(NULL, 1, sizeof(*sink->buffers)), *sink->buffers = (struct buffers){ 0 };
	sink->buffers->count = 0;
}

struct values bind_end(struct sink *sink)
{
	struct buffers *buffers = sink->buffers;
	for (size_t i = 0; i < buffers->count; i++) {
		buffers->at[i] = buffers->arrays[i].at;
		buffers->lens[i] = (int)buffers->arrays[i].len;
	}
	return (struct values){ buffers->at, buffers->lens, buffers->formats, buffers->count };
}

void bind_free(struct sink *sink)
{
	struct buffers *buffers = sink->buffers;
	if (!buffers)
		return;
	for (size_t i = 0; i < buffers->room; i++)
		free(buffers->arrays[i].at);
	free(buffers->arrays);
	free(buffers->at);
	free(buffers->lens);
	free(buffers->formats);
	free(buffers);
	sink->buffers = NULL;
}

/* ------------------------------------------------------------------- elements */

static char *put32(char *to, uint32_t number)
{
	number = htobe32(number);
	memcpy(to, &number, sizeof(number));
	return to + sizeof(number);
}

static char *put64(char *to, uint64_t number)
{
	number = htobe64(number);
	memcpy(to, &number, sizeof(number));
	return to + sizeof(number);
}

static char *put_null(char *to)
{
	return put32(to, UINT32_MAX);
}

/* One dimension, perhaps nulls, from 1; and room for elements of so many bytes. */
static char *begin_array(struct array *array, Oid type, size_t count, size_t bytes)
{
	char *to = room(array, 20 + bytes);
	to = put32(to, 1);
	to = put32(to, 1);
	to = put32(to, type);
	to = put32(to, (uint32_t)count);
	return put32(to, 1);
}

static void end_array(struct array *array, const char *end)
{
	array->len = (size_t)(end - array->at);
}

/* What a cell's number becomes: of so many bytes. */
static int64_t clamped(struct job *job, int64_t number, int64_t least, int64_t most, enum mend mend)
{
	if (number >= least && number <= most)
		return number;
	job->mends[mend]++;
	return number < least ? least : most;
}

static char *put_int(struct job *job, char *to, int64_t number)
{
	return put64(put32(to, 8), (uint64_t)number);
}

static char *put_bool(struct job *job, char *to, int64_t number)
{
	to = put32(to, 1);
	*to = number != 0;
	return to + 1;
}

static char *put_time(struct job *job, char *to, int64_t number)
{
	number = clamped(job, number, TIME_LEAST, TIME_MOST, MEND_TIME) - EPOCH_MICROSECONDS;
	return put64(put32(to, 8), (uint64_t)number);
}

static char *put_date(struct job *job, char *to, int64_t number)
{
	number = clamped(job, number, DAYS_LEAST, DAYS_MOST, MEND_DATE) - EPOCH_DAYS;
	return put32(put32(to, 4), (uint32_t)number);
}

/* ---------------------------------------------------------------------- columns */

typedef char *put_number(struct job *job, char *to, int64_t number);

static void bind_numbers(struct job *job, Oid type, const struct sl_row *const *rows, size_t count, size_t index,
	put_number *put)
{
	struct array *array = next_parameter(job->sink, 1);
	char *to = begin_array(array, type, count, count * 12);
	for (size_t i = 0; i < count; i++) {
		const struct sl_cell *cell = &rows[i]->cells[index];
		to = cell->kind == SL_CELL_INT ? put(job, to, cell->number) : put_null(to);
	}
	end_array(array, to);
}

/* A text, mended on the way if Postgres would refuse it. */
static char *put_text(struct job *job, char *to, struct sl_text text, bool json)
{
	if (mend_fine(text, json)) {
		to = put32(to, (uint32_t)(text.len + json));
		if (json)
			*to++ = 1; /* the version of jsonb's form */
		memcpy(to, text.at, text.len);
		return to + text.len;
	}
	struct sl_text mended = mend_text(&job->brief->pile, text, json, job->mends);
	return put_text(job, to, mended, json);
}

static void bind_strings(struct job *job, Oid type, const struct sl_row *const *rows, size_t count, size_t index)
{
	struct array *array = next_parameter(job->sink, 1);
	bool json = type == OID_JSONB;
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += 5 + MEND_GROWTH * rows[i]->cells[index].text.len;
	char *to = begin_array(array, type, count, bytes);
	for (size_t i = 0; i < count; i++) {
		const struct sl_cell *cell = &rows[i]->cells[index];
		to = cell->kind == SL_CELL_TEXT ? put_text(job, to, cell->text, json) : put_null(to);
	}
	end_array(array, to);
}

/* How the cells of a column travel. */
static const struct {
	Oid element, array;
	put_number *put; /* NULL: they are texts */
	const char *cast; /* what is asked for when they are read */
} forms[] = {
	[SL_COLUMN_TEXT] = { OID_TEXT, OID_TEXTS, NULL, "text" },
	[SL_COLUMN_INT] = { OID_INT8, OID_INT8S, put_int, "bigint" },
	[SL_COLUMN_DECIMAL] = { OID_TEXT, OID_TEXTS, NULL, "text" },
	[SL_COLUMN_BOOL] = { OID_BOOL, OID_BOOLS, put_bool, "boolean" },
	[SL_COLUMN_TIMESTAMP] = { OID_TIMESTAMPTZ, OID_TIMESTAMPTZS, put_time, "timestamptz" },
	[SL_COLUMN_DATE] = { OID_DATE, OID_DATES, put_date, "date" },
	[SL_COLUMN_JSON] = { OID_JSONB, OID_JSONBS, NULL, "text" },
};

Oid column_array_oid(enum sl_column_type type)
{
	return forms[type].array;
}

const char *column_cast(enum sl_column_type type)
{
	return forms[type].cast;
}

void bind_column(struct job *job, const struct sl_column *column, const struct sl_row *const *rows, size_t count,
	size_t index)
{
	if (forms[column->type].put)
		bind_numbers(job, forms[column->type].element, rows, count, index, forms[column->type].put);
	else
		bind_strings(job, forms[column->type].element, rows, count, index);
}

void bind_texts(struct job *job, const struct sl_text *texts, size_t count)
{
	struct array *array = next_parameter(job->sink, 1);
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += 4 + MEND_GROWTH * texts[i].len;
	char *to = begin_array(array, OID_TEXT, count, bytes);
	for (size_t i = 0; i < count; i++)
		to = put_text(job, to, texts[i], false);
	end_array(array, to);
}

void bind_times(struct job *job, const int64_t *times, size_t count)
{
	struct array *array = next_parameter(job->sink, 1);
	char *to = begin_array(array, OID_TIMESTAMPTZ, count, count * 12);
	for (size_t i = 0; i < count; i++)
		to = put_time(job, to, times[i]);
	end_array(array, to);
}

void bind_text(struct job *job, const char *text)
{
	struct array *array = next_parameter(job->sink, 0);
	size_t len = strlen(text);
	memcpy(room(array, len + 1), text, len + 1);
	array->len = len;
}

/* ------------------------------------------------------------------------ back */

static int64_t get_bool(const char *at)
{
	return *at != 0;
}

static int64_t get_int(const char *at)
{
	uint64_t number;
	memcpy(&number, at, sizeof(number));
	return (int64_t)be64toh(number);
}

static int64_t get_time(const char *at)
{
	int64_t number = get_int(at), most = TIME_MOST - EPOCH_MICROSECONDS, least = TIME_LEAST - EPOCH_MICROSECONDS;
	number = number < least ? least : number > most ? most : number; /* infinity, too */
	return number + EPOCH_MICROSECONDS;
}

static int64_t get_date(const char *at)
{
	uint32_t days;
	memcpy(&days, at, sizeof(days));
	int64_t number = (int32_t)be32toh(days);
	number = number < DAYS_LEAST - EPOCH_DAYS ? DAYS_LEAST - EPOCH_DAYS : number;
	return (number > DAYS_MOST - EPOCH_DAYS ? DAYS_MOST - EPOCH_DAYS : number) + EPOCH_DAYS;
}

static const struct {
	int len;
	int64_t (*get)(const char *);
} numbers[SL_COLUMN_JSON + 1] = {
	[SL_COLUMN_BOOL] = { 1, get_bool },
	[SL_COLUMN_INT] = { 8, get_int },
	[SL_COLUMN_TIMESTAMP] = { 8, get_time },
	[SL_COLUMN_DATE] = { 4, get_date },
};

/* Numeric knows NaN and infinity, which no cell can hold: they read as NULL. */
static bool digits(struct sl_text text)
{
	return text.len && (text.at[text.len - 1] >= '0' && text.at[text.len - 1] <= '9');
}

void cell_read(struct job *job, const PGresult *result, int row, int at, const struct sl_column *column,
	struct sl_cell *cell)
{
	const char *value = PQgetvalue(result, row, at);
	size_t len = (size_t)PQgetlength(result, row, at);
	*cell = (struct sl_cell){ .kind = SL_CELL_NULL };
	if (PQgetisnull(result, row, at))
		return;
	if (numbers[column->type].get && (int)len == numbers[column->type].len) {
		*cell = (struct sl_cell){ SL_CELL_INT, numbers[column->type].get(value), { 0 } };
	} else if (!numbers[column->type].get) {
		struct sl_text text = { sl_pile_copy(&job->brief->pile, value, len), len };
		if (column->type != SL_COLUMN_DECIMAL || digits(text))
			*cell = (struct sl_cell){ SL_CELL_TEXT, 0, text };
	}
}
