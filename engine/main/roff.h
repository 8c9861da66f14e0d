/* SPDX-License-Identifier: Apache-2.0 */
/* roff.h - Markdown as the manual uses it, turned into a man page.
 *
 * Headings, paragraphs, lists of "- ", code blocks (indented by four or fenced)
 * and `code`; **bold** and links stay as they are written.  Everything else is text.
 */
#ifndef MAIN_ROFF_H
#define MAIN_ROFF_H

#include "base/buf.h"

/* `name` and `section` stand at the head of the page: "sluice-run", 1. */
void roff_write(const char *name, int section, const char *markdown, struct buf *out);

#endif
