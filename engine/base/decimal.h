/* SPDX-License-Identifier: Apache-2.0 */
/* decimal.h - numbers with a point, exact: prices.
 *
 * A decimal has at most DECIMAL_MOST digits; what would need more is refused,
 * never cut.  How many places it has is part of it ("45.00"), though not of what
 * it is worth. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stdbool.h>

#include "sdk/plugin.h"

#define DECIMAL_MOST 60
#define DECIMAL_SIZE (DECIMAL_MOST + 4) /* as text: a sign, "0.", a NUL */

struct decimal {
	bool negative; /* never of zero */
	int count;     /* of digits, those behind the point included */
	int places;    /* behind the point */
	unsigned char digits[DECIMAL_MOST]; /* the last one first */
};

bool decimal_read(struct decimal *number, struct sl_text text); /* what sl_decimal reads */
size_t decimal_write(const struct decimal *number, char out[DECIMAL_SIZE]);

bool decimal_add(const struct decimal *a, const struct decimal *b, struct decimal *sum);
bool decimal_multiply(const struct decimal *a, const struct decimal *b, struct decimal *product);
bool decimal_round(struct decimal *number, int places); /* to so many, halves away from zero */
void decimal_negate(struct decimal *number);
int decimal_compare(const struct decimal *a, const struct decimal *b); /* -1, 0, 1 */

/* The number times 10^places, if that is whole and fits. */
bool decimal_whole(const struct decimal *number, int places, int64_t *whole);

#endif
