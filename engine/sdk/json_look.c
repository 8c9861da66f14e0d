/* SPDX-License-Identifier: Apache-2.0 */
/* json_look.c - the values of a document, looked at where they stand. */
#include <float.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/json_inside.h"

static const struct sl_text nothing = { NULL, 0 };

static bool is(const struct sl_json *value, enum sl_kind kind)
{
	return value && value->kind == (unsigned)kind;
}

static bool is_container(const struct sl_json *value)
{
	return is(value, SL_KIND_ARRAY) || is(value, SL_KIND_OBJECT);
}

enum sl_kind sl_json_kind(const struct sl_json *value)
{
	return value ? (enum sl_kind)value->kind : SL_KIND_NULL;
}

struct sl_text sl_json_string(const struct sl_json *value)
{
	return is(value, SL_KIND_STRING) ? (struct sl_text){ value->text, value->count } : nothing;
}

int sl_json_true(const struct sl_json *value)
{
	return is(value, SL_KIND_BOOL) && *value->raw == 't';
}

struct sl_text sl_json_raw(const struct sl_json *value)
{
	return value ? (struct sl_text){ value->raw, value->raw_len } : nothing;
}

struct sl_text sl_json_name(const struct sl_json *value)
{
	return value && value->name ? (struct sl_text){ value->name, value->name_len } : nothing;
}

/* ------------------------------------------------------------------ children */

size_t sl_json_count(const struct sl_json *value)
{
	return is_container(value) ? value->count : 0;
}

const struct sl_json *sl_json_first(const struct sl_json *value)
{
	return is_container(value) && value->count ? value + 1 : NULL;
}

const struct sl_json *sl_json_next(const struct sl_json *value)
{
	return value && !value->last ? value + value->span : NULL;
}

const struct sl_json *sl_json_get(const struct sl_json *value, const char *name)
{
	return sl_json_get_text(value, (struct sl_text){ name, strlen(name) });
}

#define LINE 64    /* bytes that come at once */
#define FAR 8192   /* more than that would push out what was fetched before */

static void prefetch(const void *at, size_t size)
{
	for (size_t i = 0; i < size && i < FAR; i += LINE)
		__builtin_prefetch((const char *)at + i, 0, 2);
}

void sl_json_prefetch(const struct sl_document *document)
{
	prefetch(document->nodes, document->nodes_size);
	prefetch(document->text, document->size - document->nodes_size);
}

/* Few names are as long as another one and begin and end like it. */
static bool has_name(const struct sl_json *member, struct sl_text name)
{
	if (member->name_len != name.len)
		return false;
	return !name.len || (member->name[0] == name.at[0] && member->name[name.len - 1] == name.at[name.len - 1] &&
		memcmp(member->name, name.at, name.len) == 0);
}

const struct sl_json *sl_json_get_text(const struct sl_json *value, struct sl_text name)
{
	const struct sl_json *found = NULL;
	if (!is(value, SL_KIND_OBJECT))
		return NULL;
	for (const struct sl_json *member = sl_json_first(value); member; member = sl_json_next(member))
		if (has_name(member, name))
			found = member;
	return found;
}

/* A loop over the indexes would be quadratic without remembering where the last
 * one was.  What is remembered never changes an answer, so that documents may be
 * read by several threads. */
const struct sl_json *sl_json_element(const struct sl_json *value, size_t index)
{
	if (!is(value, SL_KIND_ARRAY) || index >= value->count)
		return NULL;
	if (value->span == value->count + 1) /* no element has anything in it */
		return value + 1 + index;
	const struct sl_json *element = __atomic_load_n(&value->recent, __ATOMIC_RELAXED);
	if (!element || element->name_len > index)
		element = value + 1;
	while (element->name_len < index)
		element += element->span;
	__atomic_store_n(&((struct sl_json *)value)->recent, element, __ATOMIC_RELAXED);
	return element;
}

/* ------------------------------------------------------------------ pointers */

/* Whether a step is this name: in it ~1 means a slash, ~0 a tilde. */
static bool step_is(struct sl_text step, struct sl_text name)
{
	size_t i = 0, k = 0;
	for (; i < step.len && k < name.len; i++, k++) {
		char c = step.at[i];
		if (c == '~' && i + 1 < step.len && (step.at[i + 1] == '0' || step.at[i + 1] == '1'))
			c = step.at[++i] == '0' ? '~' : '/';
		if (c != name.at[k])
			return false;
	}
	return i == step.len && k == name.len;
}

static const struct sl_json *step_to_member(const struct sl_json *object, struct sl_text step)
{
	const struct sl_json *found = NULL;
	if (!memchr(step.at, '~', step.len))
		return sl_json_get_text(object, step);
	for (const struct sl_json *member = sl_json_first(object); member; member = sl_json_next(member))
		if (step_is(step, sl_json_name(member)))
			found = member;
	return found;
}

static const struct sl_json *step_to_element(const struct sl_json *array, struct sl_text step)
{
	size_t index = 0;
	if (!step.len || step.len > 9 || (*step.at == '0' && step.len > 1))
		return NULL;
	for (size_t i = 0; i < step.len; i++) {
		if (step.at[i] < '0' || step.at[i] > '9')
			return NULL;
		index = index * 10 + (size_t)(step.at[i] - '0');
	}
	return sl_json_element(array, index);
}

const struct sl_json *sl_json_at(const struct sl_json *value, const char *pointer)
{
	while (value && *pointer) {
		if (*pointer != '/')
			return NULL;
		const char *end = strchrnul(pointer + 1, '/');
		struct sl_text step = { pointer + 1, (size_t)(end - pointer) - 1 };
		value = is(value, SL_KIND_OBJECT) ? step_to_member(value, step) : step_to_element(value, step);
		pointer = end;
	}
	return value;
}

/* ------------------------------------------------------------------- numbers */

/* Digits with or without a point, as whole * 10^power, where `whole` does not
 * end with a zero.  False if 64 bits do not hold it. */
static bool read_digits(const char **at, const char *end, uint64_t *whole, int64_t *power)
{
	int64_t zeros = 0; /* read, but not yet in `whole` */
	bool fraction = false;
	*whole = 0;
	*power = 0;
	for (; *at < end && (**at | 0x20) != 'e'; (*at)++) {
		if (**at == '.') {
			fraction = true;
			continue;
		}
		*power -= fraction;
		zeros++;
		if (**at == '0')
			continue;
		for (; zeros > 0; zeros--)
			if (__builtin_mul_overflow(*whole, 10, whole))
				return false;
		if (__builtin_add_overflow(*whole, (uint64_t)(**at - '0'), whole))
			return false;
	}
	*power += zeros;
	return true;
}

/* What stands behind the e; far beyond any 64-bit number it stays where it is. */
static int64_t read_exponent(const char *at, const char *end)
{
	const int64_t most = (int64_t)1 << 40;
	int64_t exponent = 0;
	if (at >= end)
		return 0;
	bool negative = *++at == '-';
	for (at += negative || *at == '+'; at < end; at++)
		if (exponent < most)
			exponent = exponent * 10 + (*at - '0');
	return negative ? -exponent : exponent;
}

static bool read_whole(const char *at, const char *end, uint64_t *whole)
{
	int64_t power;
	if (!read_digits(&at, end, whole, &power))
		return false;
	if (*whole == 0)
		return true;
	power += read_exponent(at, end);
	for (; power > 0; power--)
		if (__builtin_mul_overflow(*whole, 10, whole))
			return false;
	return power == 0;
}

int sl_json_integer(const struct sl_json *value, int64_t *number)
{
	uint64_t whole;
	if (!is(value, SL_KIND_NUMBER))
		return 0;
	bool negative = *value->raw == '-';
	if (!read_whole(value->raw + negative, value->raw + value->raw_len, &whole))
		return 0;
	if (whole > (uint64_t)INT64_MAX + negative)
		return 0;
	*number = (int64_t)(negative ? 0 - whole : whole);
	return 1;
}

/* 12.50 and its like: a whole number and a power of ten that are both exact as doubles, so what comes of them
 * is the nearest double (Clinger 1990, "How to Read Floating Point Numbers Accurately"). */
static bool read_exactly(const struct sl_json *value, double *number)
{
	static const double powers[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
		1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	bool negative = *value->raw == '-';
	const char *at = value->raw + negative, *end = value->raw + value->raw_len;
	uint64_t whole;
	int64_t power;
	if (!read_digits(&at, end, &whole, &power) || at != end || whole > UINT64_C(1) << 53 || power > 0 || power < -22)
		return false;
	*number = (double)whole / powers[-power];
	if (negative)
		*number = -*number;
	return true;
}

/* strtod stops at the number's end, because only such characters follow that
 * cannot belong to one. */
int sl_json_double(const struct sl_json *value, double *number)
{
	if (!is(value, SL_KIND_NUMBER))
		return 0;
	if (read_exactly(value, number))
		return 1;
	double found = strtod(value->raw, NULL);
	if (found > DBL_MAX || found < -DBL_MAX)
		return 0;
	*number = found;
	return 1;
}
