/* SPDX-License-Identifier: Apache-2.0 */
/* decimal.c - exact numbers with a point: read, added, multiplied, rounded, written. */
#include "base/decimal.h"

#include <string.h>

#include "sdk/text.h"

/* ------------------------------------------------------------------ form */

static bool is_zero(const struct decimal *number)
{
	for (int i = 0; i < number->count; i++)
		if (number->digits[i])
			return false;
	return true;
}

/* No zeros in front but the one before the point, and no minus before nothing. */
static void tidy(struct decimal *number)
{
	while (number->count > number->places + 1 && !number->digits[number->count - 1])
		number->count--;
	if (is_zero(number))
		number->negative = false;
}

static int digit(const struct decimal *number, int at)
{
	return at < number->count ? number->digits[at] : 0;
}

/* The same number with so many places more. */
static bool stretch(struct decimal *number, int places)
{
	int more = places - number->places;
	if (more <= 0)
		return true;
	if (number->count + more > DECIMAL_MOST)
		return false;
	memmove(number->digits + more, number->digits, (size_t)number->count);
	memset(number->digits, 0, (size_t)more);
	number->count += more;
	number->places = places;
	return true;
}

/* Drops places; `up` makes what is left one larger. */
static bool shorten(struct decimal *number, int places, bool up)
{
	int less = number->places - places;
	number->count -= less;
	number->places = places;
	memmove(number->digits, number->digits + less, (size_t)number->count);
	for (int i = 0; up; i++) {
		if (i == DECIMAL_MOST)
			return false;
		if (i == number->count)
			number->digits[number->count++] = 0;
		number->digits[i] = (unsigned char)((number->digits[i] + 1) % 10);
		up = number->digits[i] == 0;
	}
	tidy(number);
	return true;
}

/* ------------------------------------------------------------------ text */

bool decimal_read(struct decimal *number, struct sl_text text)
{
	char plain[DECIMAL_SIZE];
	size_t len;
	*number = (struct decimal){ 0 };
	if (!sl_decimal(text, plain, sizeof(plain), &len))
		return false;
	for (size_t i = len; i-- > 0;) {
		if (plain[i] == '.') {
			number->places = number->count;
		} else if (plain[i] == '-') {
			number->negative = true;
		} else {
			if (number->count == DECIMAL_MOST)
				return false;
			number->digits[number->count++] = (unsigned char)(plain[i] - '0');
		}
	}
	tidy(number);
	return true;
}

size_t decimal_write(const struct decimal *number, char out[DECIMAL_SIZE])
{
	char *end = out;
	if (number->negative)
		*end++ = '-';
	for (int i = number->count; i-- > 0;) {
		*end++ = (char)('0' + number->digits[i]);
		if (i == number->places && i)
			*end++ = '.';
	}
	*end = '\0';
	return (size_t)(end - out);
}

/* -------------------------------------------------------------- arithmetic */

/* Of two with equally many places, signs left out. */
static int compare_sizes(const struct decimal *a, const struct decimal *b)
{
	int most = a->count > b->count ? a->count : b->count;
	for (int i = most; i-- > 0;)
		if (digit(a, i) != digit(b, i))
			return digit(a, i) < digit(b, i) ? -1 : 1;
	return 0;
}

/* large + sign * small, signs left out; both have equally many places. */
static bool join(const struct decimal *large, const struct decimal *small, int sign, struct decimal *sum)
{
	int most = large->count > small->count ? large->count : small->count, carry = 0;
	*sum = (struct decimal){ .places = large->places };
	for (int i = 0; i < most || carry; i++) {
		int value = digit(large, i) + sign * digit(small, i) + carry;
		if (i == DECIMAL_MOST)
			return false;
		carry = value < 0 ? -1 : value / 10;
		sum->digits[i] = (unsigned char)((value + 10) % 10);
		sum->count = i + 1;
	}
	return true;
}

bool decimal_add(const struct decimal *a, const struct decimal *b, struct decimal *sum)
{
	struct decimal left = *a, right = *b;
	if (!stretch(&left, right.places) || !stretch(&right, left.places))
		return false;
	bool swap = compare_sizes(&left, &right) < 0;
	const struct decimal *large = swap ? &right : &left, *small = swap ? &left : &right;
	if (!join(large, small, left.negative == right.negative ? 1 : -1, sum))
		return false;
	sum->negative = large->negative;
	tidy(sum);
	return true;
}

bool decimal_multiply(const struct decimal *a, const struct decimal *b, struct decimal *product)
{
	unsigned char digits[2 * DECIMAL_MOST] = { 0 };
	int count = a->count + b->count, places = a->places + b->places;
	for (int i = 0; i < a->count; i++) {
		int carry = 0;
		for (int k = 0; k < b->count || carry; k++) {
			int value = digits[i + k] + a->digits[i] * digit(b, k) + carry;
			digits[i + k] = (unsigned char)(value % 10);
			carry = value / 10;
		}
	}
	while (count > places + 1 && !digits[count - 1])
		count--;
	if (count > DECIMAL_MOST)
		return false;
	*product = (struct decimal){ .negative = a->negative != b->negative, .count = count, .places = places };
	memcpy(product->digits, digits, (size_t)count);
	tidy(product);
	return true;
}

bool decimal_round(struct decimal *number, int places)
{
	int less = number->places - places;
	if (less <= 0)
		return stretch(number, places);
	return shorten(number, places, number->digits[less - 1] >= 5);
}

void decimal_negate(struct decimal *number)
{
	number->negative = !number->negative && !is_zero(number);
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
	struct decimal difference, minus = *b;
	if (a->negative != b->negative)
		return a->negative ? -1 : 1;
	decimal_negate(&minus);
	if (!decimal_add(a, &minus, &difference)) /* so unlike that digits run out: the longer one in front of the point */
		return (a->count - a->places > b->count - b->places) != a->negative ? 1 : -1;
	return is_zero(&difference) ? 0 : difference.negative ? -1
	                                                      : 1;
}

bool decimal_whole(const struct decimal *number, int places, int64_t *whole)
{
	struct decimal scaled = *number;
	*whole = 0;
	for (int i = 0; i < scaled.places - places; i++)
		if (scaled.digits[i])
			return false;
	if (!decimal_round(&scaled, places))
		return false;
	for (int i = scaled.count; i-- > 0;)
		if (__builtin_mul_overflow(*whole, 10, whole) ||
			__builtin_add_overflow(*whole, scaled.negative ? -scaled.digits[i] : scaled.digits[i], whole))
			return false;
	return true;
}
