/* SPDX-License-Identifier: Apache-2.0 */
/* user.h - whose rights the daemon has.
 *
 * Root opens the addresses, then becomes the user that `user:` names, with its groups,
 * for good: the master and every process it begins.  The data folder is given to that
 * user first.  Whoever is not root stays who they are.
 */
#ifndef MAIN_USER_H
#define MAIN_USER_H

#include <stdbool.h>

#include "base/why.h"
#include "main/config.h"

/* False if root named somebody it cannot become; that ends the daemon. */
bool user_become(const struct config *config, struct why *why);

/* There is such a user. */
bool user_known(const char *name, struct why *why);
/* Of a child that is begun before that: it has no more rights than those to come.  Whoever is not root stays so. */
bool user_leave_root(const char *name, struct why *why);

/* Who we are now: "sluice", or a number that has no name. */
const char *user_name(void);

#endif
