/* SPDX-License-Identifier: Apache-2.0 */
/* confine.h - what a process may ask of the kernel.
 *
 * A filter (seccomp) lets through what files, sockets, threads and memory need.  What
 * nobody but an intruder asks for (other programs, other processes, other users, mounts,
 * modules) ends the process, and its page says which call it was.  Everything else is
 * answered as if the kernel did not have it, so that libraries fall back.
 *
 * Set once, at the beginning of a process while it has one thread, and never lifted.
 */
#ifndef BASE_CONFINE_H
#define BASE_CONFINE_H

#include <stdbool.h>

#include "base/page.h"

enum confine_kind {
	CONFINE_NOBODY,  /* no filter */
	CONFINE_INGRESS, /* accepts connections */
	CONFINE_GUEST,   /* runs what others wrote */
};

/* False if the kernel does not know filters, or one is forbidden to us; the process then
 * goes on without.  `page`, which may be NULL, learns that the filter is in force, and
 * later the call that ended the process. */
bool confine(enum confine_kind kind, struct page *page);

bool confine_possible(void); /* does the kernel know such filters? */

#define CONFINE_CALL 32

/* The name of a call: "execve".  For a number that has none: "a call without a name". */
const char *confine_call_name(int number, char room[CONFINE_CALL]);

#endif
