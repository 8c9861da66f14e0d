/* SPDX-License-Identifier: Apache-2.0 */
/* find_phone.c - telephone numbers in text, and not dates, prices or orders. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/find.h"

#define MOST_DIGITS 20
#define MOST_GROUPS 10
#define LONGEST 15 /* of a number with its country's prefix */
#define SHORTEST 8

/* What looks like a number: groups of digits, and what stands between them. */
struct number {
	bool plus;  /* begins so */
	bool wrong; /* too long, or something else follows or stands before */
	char digits[MOST_DIGITS];
	size_t count;
	size_t sizes[MOST_GROUPS];
	char signs[MOST_GROUPS]; /* behind each group, the first */
	size_t groups;
	bool zero; /* "(0)" stood behind the first group */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The bytes of a sign that may stand between digits: narrow spaces and long dashes too. */
static size_t separator(const char *at, const char *end)
{
	const unsigned char *byte = (const unsigned char *)at;
	if (at == end || *byte == 0)
		return 0;
	if (strchr(" -./()", *at))
		return 1;
	if (end - at > 1 && byte[0] == 0xc2 && byte[1] == 0xa0)
		return 2;
	bool is_sign = end - at > 2 && byte[0] == 0xe2 && byte[1] == 0x80 &&
	               (byte[2] == 0xaf || byte[2] == 0x89 || (byte[2] >= 0x90 && byte[2] <= 0x95));
	return is_sign ? 3 : 0;
}

/* Up to three separators, no two alike one after the other; NULL: no digit follows. */
static const char *next_group(const char *at, const char *end)
{
	char before = '\0';
	for (int i = 0; i < 4 && at < end; i++) {
		if (is_digit(*at))
			return i ? at : NULL;
		size_t len = separator(at, end);
		if (!len || *at == before)
			return NULL;
		before = *at;
		at += len;
	}
	return NULL;
}

static const char *read_group(const char *at, const char *end, struct number *number)
{
	size_t size = 0;
	number->wrong |= number->groups == MOST_GROUPS;
	for (; at < end && is_digit(*at); at++, size++) {
		number->wrong |= number->count == MOST_DIGITS;
		if (!number->wrong)
			number->digits[number->count++] = *at;
	}
	if (!number->wrong)
		number->sizes[number->groups++] = size;
	return at;
}

/* "+44 (0)20 ...": the zero is for those who dial without +44. */
static bool take_zero(const char *at, const char *end, const struct number *number)
{
	return number->groups == 1 && end - at > 1 && *at == '0' && at[-1] == '(' && at[1] == ')';
}

/* From its first digit to behind its last one. */
static const char *read_number(const char *at, const char *end, struct number *number)
{
	for (;;) {
		at = read_group(at, end, number);
		const char *next = next_group(at, end);
		if (next && take_zero(next, end, number)) {
			number->zero = true;
			next = next_group(next + 1, end);
		}
		if (!next)
			return at;
		if (number->groups)
			number->signs[number->groups - 1] = *at;
		at = next;
	}
}

/* ---------------------------------------------------------------------- what it is */

/* "01.12.2026", "1/2/26 ..." */
static bool is_date(const struct number *number)
{
	return number->groups >= 3 && number->sizes[0] <= 2 && number->sizes[1] <= 2 &&
	       (number->sizes[2] == 2 || number->sizes[2] == 4) && number->signs[0] == number->signs[1] &&
	       strchr("./-", number->signs[0]);
}

static void give(const char *prefix, const char *digits, size_t count, find_take *take, void *data)
{
	char out[32];
	int len = snprintf(out, sizeof(out), "+%s%.*s", prefix, (int)count, digits);
	if (len - 1 >= SHORTEST && len - 1 <= LONGEST)
		take(data, (struct sl_text){ out, (size_t)len });
}

/* (212) 555-0123, 212.555.0123, 1-212-555-0123 */
static void give_american(const struct number *number, find_take *take, void *data)
{
	size_t one = number->groups == 4 && number->sizes[0] == 1 && number->digits[0] == '1';
	const size_t *sizes = number->sizes + one;
	const char *digits = number->digits + one;
	bool fine = number->groups == 3 + one && sizes[0] == 3 && sizes[1] == 3 && sizes[2] == 4 && digits[0] >= '2' &&
	            digits[3] >= '2';
	if (fine)
		give("1", digits, 10, take, data);
}

static void give_national(const struct number *number, const char *prefix, find_take *take, void *data)
{
	bool keeps_zero = strcmp(prefix, "39") == 0;
	bool fraction = number->sizes[0] == 1 && number->signs[0] == '.';
	bool trunk = number->digits[0] == '0' && number->digits[1] != '0';
	if (strcmp(prefix, "1") == 0)
		give_american(number, take, data);
	else if (trunk && !is_date(number) && !fraction)
		give(prefix, number->digits + !keeps_zero, number->count - !keeps_zero, take, data);
}

static void judge(const struct number *number, const char *prefix, find_take *take, void *data)
{
	const char *abroad = strcmp(prefix, "1") == 0 ? "011" : "00";
	size_t len = strlen(abroad);
	bool dialled = number->count > len && memcmp(number->digits, abroad, len) == 0 && number->digits[len] != '0';
	if (number->wrong)
		return;
	if (number->plus && number->digits[0] != '0')
		give("", number->digits, number->count, take, data);
	else if (!number->plus && dialled)
		give("", number->digits + len, number->count - len, take, data);
	else if (!number->plus && !number->zero && *prefix && number->count >= 7)
		give_national(number, prefix, take, data);
}

/* -------------------------------------------------------------------------- looking */

/* What stands before or behind makes it something else: an address, a price, a time. */
static bool stands_alone(const char *begin, const char *from, const char *to, const char *end)
{
	char before = from > begin ? from[-1] : ' ', after = to < end ? *to : ' ';
	bool more = end - to > 1 && is_digit(to[1]);
	if (is_letter(before) || is_digit(before) || (before && strchr("_/=&#@%-.,$+*", before)))
		return false;
	return !is_letter(after) && !(after && strchr("_@%=", after)) && !(more && strchr(":,", after));
}

void find_phones(struct sl_text text, const char *prefix, find_take *take, void *data)
{
	const char *begin = text.at, *end = text.at + text.len;
	for (const char *at = begin; at < end;) {
		struct number number = { 0 };
		const char *from = at;
		at += *at == '(';
		number.plus = at < end && *at == '+';
		at += number.plus;
		if (at == end || !is_digit(*at)) {
			at = at > from ? at : at + 1;
			continue;
		}
		at = read_number(at, end, &number);
		number.wrong |= !stands_alone(begin, from, at, end);
		judge(&number, prefix, take, data);
	}
}
