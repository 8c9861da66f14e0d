/* SPDX-License-Identifier: Apache-2.0 */
/* sinks.h - commands that work on a destination: which sink, and the sink itself (flow/destination.h). */
#ifndef MAIN_SINKS_H
#define MAIN_SINKS_H

#include "flow/destination.h"
#include "main/command.h"
#include "main/config.h"

/* The sink of that name; NULL for the only one that keeps tables.  It has a schema.  NULL: why
 * says which there are. */
const struct config_sink *sinks_choose(const struct config *config, const char *name, struct why *why);

/* Its plugin loaded into this process, with its schema; `open` has not run.  NULL: why. */
struct destination *sinks_begin(const struct config *config, const struct config_sink *sink, struct why *why);

/* Its schema alone: no plugin is loaded. */
struct schema *sinks_schema(const struct config *config, const struct config_sink *sink, struct why *why);

/* Progress of what takes long, on a terminal's stderr, several times a second at most; an empty
 * sentence clears it. */
void sinks_progress(const char *form, ...) __attribute__((format(printf, 1, 2)));

#endif
