/* SPDX-License-Identifier: Apache-2.0 */
/* html.h - what a person reads of HTML, whoever wrote it.
 *
 * Nothing here can be deep or endless: tags are not matched with each other, each
 * byte is looked at once or twice, and what comes out is at most as long as what
 * goes in, but for what stands before list items.
 */
#ifndef BASE_HTML_H
#define BASE_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sdk/plugin.h"

/* "&amp;" at the beginning: its code point, and how many bytes it has.  0: there is none. */
size_t html_entity(struct sl_text text, uint32_t *point);
size_t html_utf8(uint32_t point, char out[4]);

/* Who takes what comes out, piece by piece. */
typedef void html_take(void *data, const char *at, size_t len);

void html_unescape(struct sl_text text, html_take *take, void *data);
void html_escape(struct sl_text text, html_take *take, void *data);
void html_text(struct sl_text html, bool links, html_take *take, void *data);

#endif
