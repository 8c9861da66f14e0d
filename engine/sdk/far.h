/* SPDX-License-Identifier: Apache-2.0 */
/* far.h - for plugins that ask a vendor: texts that grow, ids as text, the vendor's clock. */
#ifndef SLUICE_FAR_H
#define SLUICE_FAR_H

#include "plugin.h"

/* A text that grows, in the memory of its call; with nothing but `call` it is empty.  A NUL follows once
 * something was added. */
struct sl_words {
	struct sl_call *call;
	char *at;
	size_t len, room;
};
void sl_words_add(struct sl_words *words, struct sl_text text);
void sl_words_string(struct sl_words *words, const char *string);

/* The text of a string that is not empty, the digits of a number; else at NULL. */
struct sl_text sl_plain(struct sl_call *call, const struct sl_json *value);

/* When the answer was given, by the far side's clock, or else ours; microseconds since 1970. */
int64_t sl_far_now(const struct sl_call *call);

/* Of a time in whole seconds that were over when it was read, at `now`: the second's last thousandth.  What was read is
 * how things were then, and so comes behind all that was told within that second, in whatever order.  Any other time
 * stays as it is: within its second a thing may change again and keep its time.  In microseconds. */
int64_t sl_far_settled(int64_t time, int64_t now);
int sl_far_open(int64_t time, int64_t now); /* in whole seconds, and not over then */

#endif
