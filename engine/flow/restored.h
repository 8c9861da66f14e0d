/* SPDX-License-Identifier: Apache-2.0 */
/* restored.h - what has to be said to state files that come out of a backup. */
#ifndef FLOW_RESTORED_H
#define FLOW_RESTORED_H

#include <stdbool.h>

#include "base/why.h"

/* DATA/sources/NAME.db: it names its runs after itself from now on anew, so that none gets
 * the name of one that went on after the backup. */
bool restored_source(const char *path, struct why *why);

#endif
