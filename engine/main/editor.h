/* SPDX-License-Identifier: Apache-2.0 */
/* editor.h - a text, changed by a person in their own editor. */
#ifndef MAIN_EDITOR_H
#define MAIN_EDITOR_H

#include "base/buf.h"
#include "base/why.h"

/* Reads a file whole, "-" is stdin; at most `most` bytes. */
bool editor_read(const char *path, size_t most, struct buf *out, struct why *why);

/* Writes the text to a file that only we may read, lets $VISUAL or $EDITOR (else vi)
 * change it, and reads it back.  `path` is then the file's name: the caller removes
 * it, or leaves it to the person if the text is of no use yet.  "" if this fails. */
#define EDITOR_PATH 512
bool editor_change(struct sl_text before, size_t most, struct buf *after, char path[EDITOR_PATH], struct why *why);

#endif
