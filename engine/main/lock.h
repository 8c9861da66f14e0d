/* SPDX-License-Identifier: Apache-2.0 */
/* lock.h - one daemon at a time on a data folder.
 *
 * DATA/lock is held with flock as long as the daemon lives, and names its
 * process.  An end that was meant writes 0; so another number in a lock that nobody
 * holds tells of a daemon that was killed.  The file's time tells when one was last alive:
 * who holds it touches it now and then.
 */
#ifndef MAIN_LOCK_H
#define MAIN_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/why.h"

struct lock {
	int fd;
	int64_t last; /* ms since 1970: when the last holder was last alive; 0: there was none */
	bool unclean; /* the last holder was killed: its children may need a moment to follow */
};

/* Makes the folder if there is none.  False if another process holds the lock;
 * why names it. */
bool lock_take(const char *data, struct lock *lock, struct why *why);
/* Likewise of a folder that `sluice restore` has not ended with, which lock_take refuses. */
bool lock_take_unfinished(const char *data, struct lock *lock, struct why *why);
#define LOCK_UNFINISHED "restore.unfinished" /* the file in the folder that says so */
void lock_touch(const struct lock *lock); /* its holder is alive */
void lock_drop(struct lock *lock);

#endif
