/* SPDX-License-Identifier: Apache-2.0 */
/* built.h - plugins in C that lie in a folder of their own, as `sluice new` makes them.
 *
 * A folder acme/ that holds acme.c is a plugin; acme/acme.so is built of it: by the
 * folder's Makefile if it has one, else by cc of all its *.c, with the headers and the
 * library that are installed beside this program.  Only commands that a
 * person types to look at plugins build (check, test, try, plugins show, run --watch); a
 * daemon that is not watched by anybody never does.  May run in a pool thread.
 */
#ifndef MAIN_BUILT_H
#define MAIN_BUILT_H

#include <stdbool.h>

#include "base/why.h"

enum built { BUILT_FINE, /* or not made of anything that lies beside it */
	BUILT_OLD,           /* some *.c or *.h of the folder is newer */
	BUILT_NOT };         /* it is not there */

enum built built_state(const char *path);

/* Builds it anew.  What the compiler said is in stderr when it fails, behind the
 * command; the sentence names the file and the remedy. */
bool built_make(const char *path, struct why *why);

#endif
