/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - comparing, checking and measuring text that came from outside. */
#include "sdk/text.h"

#include <string.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

struct sl_text sl_text_of(const char *string)
{
	return string ? (struct sl_text){ string, strlen(string) } : (struct sl_text){ "", 0 };
}

bool sl_text_is(struct sl_text text, const char *string)
{
	size_t len = strlen(string);
	return text.len == len && (len == 0 || memcmp(text.at, string, len) == 0);
}

bool sl_text_is_nocase(struct sl_text text, const char *string)
{
	if (text.len != strlen(string))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (lower(text.at[i]) != lower(string[i]))
			return false;
	return true;
}

struct sl_text sl_text_trim(struct sl_text text)
{
	for (; text.len && is_space(*text.at); text.at++)
		text.len--;
	while (text.len && is_space(text.at[text.len - 1]))
		text.len--;
	return text;
}

/* ------------------------------------------------------------------- UTF-8 */

/* The lead bytes, how long their characters are, and what the second byte may
 * be: this leaves out overlong forms, surrogates, and what is beyond U+10FFFF. */
static const struct {
	unsigned char first, last, len, second_first, second_last;
} leads[] = {
	{ 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f },
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

/* The length of the character at `at`, which is not ASCII; 0 if it is none. */
static size_t character(const unsigned char *at, size_t left)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(*leads); i++) {
		if (*at < leads[i].first || *at > leads[i].last)
			continue;
		if (left < leads[i].len || at[1] < leads[i].second_first || at[1] > leads[i].second_last)
			return 0;
		for (size_t k = 2; k < leads[i].len; k++)
			if (at[k] < 0x80 || at[k] > 0xbf)
				return 0;
		return leads[i].len;
	}
	return 0;
}

static bool eight_are_ascii(const unsigned char *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof(word));
	return !(word & UINT64_C(0x8080808080808080));
}

bool sl_utf8(struct sl_text text)
{
	const unsigned char *at = (const unsigned char *)text.at;
	size_t left = text.len;
	while (left) {
		size_t step = 1;
		if (left >= 8 && eight_are_ascii(at))
			step = 8;
		else if (*at >= 0x80)
			step = character(at, left);
		if (!step)
			return false;
		at += step, left -= step;
	}
	return true;
}

/* ----------------------------------------------------------------- numbers */

/* A number taken apart: its digits without leading zeros, and where its point
 * stands among them (perhaps before the first or behind the last). */
struct number {
	bool negative;
	struct sl_text whole, fraction;
	int64_t exponent;
};

static struct sl_text take_digits(struct sl_text *text)
{
	struct sl_text digits = { text->at, 0 };
	while (digits.len < text->len && is_digit(digits.at[digits.len]))
		digits.len++;
	text->at += digits.len, text->len -= digits.len;
	return digits;
}

static bool take_any(struct sl_text *text, const char *set)
{
	if (!text->len || !*text->at || !strchr(set, *text->at))
		return false;
	text->at++, text->len--;
	return true;
}

/* Exponents beyond a million stay there: no room would be enough. */
static bool take_exponent(struct sl_text *text, int64_t *exponent)
{
	if (!take_any(text, "eE"))
		return true;
	bool negative = take_any(text, "-");
	if (!negative)
		take_any(text, "+");
	struct sl_text digits = take_digits(text);
	for (size_t i = 0; i < digits.len && *exponent < 1000000; i++)
		*exponent = *exponent * 10 + (digits.at[i] - '0');
	if (negative)
		*exponent = -*exponent;
	return digits.len > 0;
}

static bool take_apart(struct sl_text text, struct number *number)
{
	*number = (struct number){ .negative = take_any(&text, "-") };
	if (!number->negative)
		take_any(&text, "+");
	number->whole = take_digits(&text);
	if (take_any(&text, ".")) {
		number->fraction = take_digits(&text);
		if (!number->fraction.len)
			return false;
	}
	return number->whole.len + number->fraction.len > 0 && take_exponent(&text, &number->exponent) && !text.len;
}

/* The digit `place` places before the point (0 is the last one before it, -1
 * the first behind it), after the exponent moved it. */
static char digit_at(const struct number *number, int64_t place)
{
	int64_t from_point = place - number->exponent;
	if (from_point >= 0)
		return from_point < (int64_t)number->whole.len ? number->whole.at[number->whole.len - 1 - (size_t)from_point]
		                                               : '0';
	size_t behind = (size_t)(-1 - from_point);
	return behind < number->fraction.len ? number->fraction.at[behind] : '0';
}

static bool is_zero(const struct number *number)
{
	for (size_t i = 0; i < number->whole.len; i++)
		if (number->whole.at[i] != '0')
			return false;
	for (size_t i = 0; i < number->fraction.len; i++)
		if (number->fraction.at[i] != '0')
			return false;
	return true;
}

bool sl_decimal(struct sl_text text, char *out, size_t room, size_t *len)
{
	struct number number;
	if (!take_apart(text, &number))
		return false;
	int64_t most = (int64_t)number.whole.len + number.exponent; /* places before the point */
	int64_t behind = (int64_t)number.fraction.len - number.exponent;
	bool zero = is_zero(&number);
	if (zero || most < 1)
		most = 1;
	while (most > 1 && digit_at(&number, most - 1) == '0')
		most--;
	if (behind < 0)
		behind = 0;
	size_t used = 0, needed = (size_t)(most + behind) + 3; /* sign, point, NUL */
	if (needed > room + !(number.negative && !zero) + !behind)
		return false;
	if (number.negative && !zero)
		out[used++] = '-';
	for (int64_t place = most - 1; place >= -behind; place--) {
		if (place == -1)
			out[used++] = '.';
		out[used++] = digit_at(&number, place);
	}
	out[used] = 0;
	*len = used;
	return true;
}

/* ---------------------------------------------------------------- distance */

#define LONGEST 63 /* longer names are unlike each other, whatever they say */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t sl_distance(const char *a, const char *b)
{
	size_t rows[3][LONGEST + 1];
	size_t a_len = strlen(a), b_len = strlen(b);
	if (a_len > LONGEST || b_len > LONGEST)
		return a_len > b_len ? a_len : b_len;
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	for (size_t k = 0; k <= b_len; k++)
		row[k] = k;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *oldest = before;
		before = above, above = row, row = oldest;
		row[0] = i;
		for (size_t k = 1; k <= b_len; k++) {
			bool same = lower(a[i - 1]) == lower(b[k - 1]);
			row[k] = least(above[k - 1] + !same, least(above[k], row[k - 1]) + 1);
			if (i > 1 && k > 1 && lower(a[i - 1]) == lower(b[k - 2]) && lower(a[i - 2]) == lower(b[k - 1]))
				row[k] = least(row[k], before[k - 2] + 1);
		}
	}
	return row[b_len];
}
