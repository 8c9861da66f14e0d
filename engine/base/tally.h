/* SPDX-License-Identifier: Apache-2.0 */
/* tally.h - how often each of a few things happened, told apart by a sentence.
 *
 * NULL is an empty one.  Who writes the sentences may be a stranger: beyond
 * TALLY_MOST different ones the rest are counted together.
 */
#ifndef BASE_TALLY_H
#define BASE_TALLY_H

#include "base/buf.h"

#define TALLY_MOST 100

struct tally;

void tally_add(struct tally **tally, const char *what, uint64_t times); /* `what` is copied */
void tally_join(struct tally **tally, const struct tally *more);
/* The rows, in the order they first came; NULL behind the last. */
const char *tally_row(const struct tally *tally, size_t at, uint64_t *times);
void tally_free(struct tally **tally);
void tally_json(const struct tally *tally, struct buf *out); /* {"what": times} */

#endif
