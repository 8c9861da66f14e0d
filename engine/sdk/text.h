/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - small helpers for text that came from outside. */
#ifndef SLUICE_TEXT_H
#define SLUICE_TEXT_H

#include <stdbool.h>

#include "plugin.h"

struct sl_text sl_text_of(const char *string); /* NULL gives an empty text at "" */
bool sl_text_is(struct sl_text text, const char *string);
bool sl_text_is_nocase(struct sl_text text, const char *string); /* ASCII */
struct sl_text sl_text_trim(struct sl_text text);                /* ASCII white space at both ends */
bool sl_utf8(struct sl_text text);                               /* well-formed UTF-8 */

/* A decimal number as vendors write it ("1234.50", "-7", "+.5", "1e3"): plain
 * digits with an optional minus and point into `out`, no exponent, and a NUL.
 * Zeros at the end stay ("45.00"), at the start they go; zero has no minus.
 * False if it is no number, or needs more than `room`, the NUL included. */
bool sl_decimal(struct sl_text text, char *out, size_t room, size_t *len);

/* How many single edits (insert, remove, replace, swap of neighbours) turn one
 * into the other, case ignored: for "did you mean".  Names of more than 63 bytes
 * are simply far from each other. */
size_t sl_distance(const char *a, const char *b);

#endif
