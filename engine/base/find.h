/* SPDX-License-Identifier: Apache-2.0 */
/* find.h - addresses and telephone numbers in text that people wrote.
 *
 * What counts as one is in docs/lua.md, under Finding.  Each byte is looked at a
 * fixed number of times, whatever the text is.
 */
#ifndef BASE_FIND_H
#define BASE_FIND_H

#include "sdk/plugin.h"

/* What was found lives until `take` returns. */
typedef void find_take(void *data, struct sl_text found);

void find_emails(struct sl_text text, find_take *take, void *data);
void find_urls(struct sl_text text, find_take *take, void *data);

/* `prefix` is the digits of a country's, "44"; "": numbers without one are not looked for. */
void find_phones(struct sl_text text, const char *prefix, find_take *take, void *data);

#endif
