/* SPDX-License-Identifier: Apache-2.0 */
/* faults.h - everything that is wrong with a file, one sentence each.
 *
 * A person who mends a file wants to hear of all faults at once.  Twenty are
 * kept, the rest is counted.  Warnings are kept in a list of their own.
 */
#ifndef BASE_FAULTS_H
#define BASE_FAULTS_H

#include "base/arena.h"
#include "base/why.h"

#define FAULTS_MOST 20

struct faults {
	struct arena *arena;
	const char *at[FAULTS_MOST];
	size_t count; /* may be more than FAULTS_MOST */
};

/* Both are always false, so that one can `return faults_add(...)`. */
bool faults_add(struct faults *faults, const struct why *why);
bool faults_say(struct faults *faults, const char *form, ...) __attribute__((format(printf, 2, 3)));

#endif
