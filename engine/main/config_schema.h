/* SPDX-License-Identifier: Apache-2.0 */
/* config_schema.h - what may stand in sluice.yaml, as a JSON Schema for editors.
 *
 * Read off the tables that the configuration is checked with: the engine's keys, and
 * the options of every plugin, script and schema that is installed.  Draft 07, which
 * the language servers of editors know.  It refuses nothing that the engine takes;
 * what it cannot say (that a name leads somewhere, that a time is within its bounds)
 * is left to `sluice check`.
 */
#ifndef MAIN_CONFIG_SCHEMA_H
#define MAIN_CONFIG_SCHEMA_H

#include "base/buf.h"
#include "main/share.h"

void config_schema_write(const struct share *share, struct buf *out);

#endif
