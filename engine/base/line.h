/* SPDX-License-Identifier: Apache-2.0 */
/* line.h - log lines, on stderr.
 *
 * Text when stderr is a terminal, else one JSON object a line with time, level,
 * part and, where they are known, source, route, event, seq.  Each line is one
 * write(), so lines of several processes do not mix.  What a line says about an
 * event never holds a secret: callers pass names, ids and sentences of
 * `struct why`, not bodies or options.
 */
#ifndef BASE_LINE_H
#define BASE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "sdk/plugin.h" /* enum sl_level */

/* What a line is about; all members may be left zero. */
struct about {
	const char *source, *route, *event;
	uint64_t seq;
};

/* Says who speaks in this process ("master", "ingress", "route") and what is
 * too unimportant to be written.  `name` is the route or source spoken for, or
 * NULL; both strings must live as long as the process. */
void line_setup(const char *part, const char *name, enum sl_level least);
bool line_level(const char *word, enum sl_level *level); /* debug info warning error */

/* Hands lines to somebody instead of writing them; NULL: writes them again.  For
 * those who want to show what a plugin said beside what it did. */
typedef void line_taker(enum sl_level level, const struct about *about, const char *text);
void line_divert(line_taker *to);

void line(enum sl_level level, const char *form, ...) __attribute__((format(printf, 2, 3)));
void line_about(enum sl_level level, const struct about *about, const char *form, ...)
	__attribute__((format(printf, 3, 4)));

#endif
