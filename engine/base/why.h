/* SPDX-License-Identifier: Apache-2.0 */
/* why.h - why something failed, in one sentence.
 *
 * A function that can fail returns bool (or NULL) and takes a `struct why *`.
 * The one that failed writes the sentence, naming the thing and, where there is
 * one, the remedy; its callers pass it up, and may put where it happened in
 * front.  A sentence has no full stop and no line break: why_say turns control
 * characters into spaces, so that what came from outside cannot forge lines.
 */
#ifndef BASE_WHY_H
#define BASE_WHY_H

#include <stdarg.h>
#include <stdbool.h>

struct why {
	char text[512]; /* "" until something failed */
};

/* Always false, so that a failing function can `return why_say(why, ...)`.
 * `why` may be NULL. */
bool why_say(struct why *why, const char *form, ...) __attribute__((format(printf, 2, 3)));
bool why_vsay(struct why *why, const char *form, va_list values);

/* The same with ": " and the text of errno behind it. */
bool why_errno(struct why *why, const char *form, ...) __attribute__((format(printf, 2, 3)));

/* Puts "CONTEXT: " in front of what is already said. */
bool why_within(struct why *why, const char *form, ...) __attribute__((format(printf, 2, 3)));

#endif
