/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - what a process may take, and what it may not become.
 *
 * Set once, at the beginning of a process, and never lifted.  A guest is a process
 * that runs what others wrote: plugins and scripts.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* Calls of a guest at once, and their connections; each has two descriptors while a name is looked up. */
#define LIMITS_CALLS 256
#define LIMITS_FILES 64 /* descriptors it has besides */

/* No core dumps.  All descriptors that the system allows. */
void limits_everybody(void);

/* No other process of the same user may look into its memory: /proc/PID/mem of the
 * master has all secrets, and a plugin may read what its user may. */
void limits_hide(void);

/* Likewise, and it gains no privileges by what it executes. */
void limits_child(void);

/* Few descriptors, and at most half of the machine's memory: 2 GB on a large one,
 * 512 MB on a small one.  When the machine has no more, guests are the first to go. */
void limits_guest(void);

#endif
