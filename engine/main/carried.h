/* SPDX-License-Identifier: Apache-2.0 */
/* carried.h - files that the binary carries within itself, so that `sluice new` needs
 * nothing that is installed: the templates (contrib/templates) and the headers of
 * plugins.  The build writes the table from the files themselves. */
#ifndef MAIN_CARRIED_H
#define MAIN_CARRIED_H

#include "sdk/plugin.h"

struct carried {
	const char *name; /* "templates/transform/NAME.lua", "sdk/plugin.h" */
	struct sl_text text;
};

extern const struct carried carried[]; /* ends with a NULL name */

#endif
