/* SPDX-License-Identifier: Apache-2.0 */
/* money.h - numbers and prices as people write them: "1.234,50 EUR", "(£12)", "CHF 1'000.–".
 *
 * The rules are in docs/lua.md, under number.parse. */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include <stdbool.h>

#include "base/decimal.h"

struct money {
	struct decimal amount;
	char currency[4]; /* "EUR"; "" if none was named, or one that several countries name so */
};

/* `sign` is what stands before the decimals, '.' or ','; 0: not known. */
bool money_read(struct money *money, struct sl_text text, char sign);

#endif
