/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.h - whose snapshots a table takes. */
#ifndef FLOW_SNAPSHOT_H
#define FLOW_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/why.h"

/* A source of a route. */
struct snapshot_source {
	const char *name;
	bool snapshots; /* each of its polls is one */
};

/* The table takes the snapshots of the source `named`, or of whichever has some (NULL).  Loads
 * of two sources would take each other's place; one that reads no snapshots would never load. */
bool snapshot_fits(const char *table, const char *named, const struct snapshot_source *sources, size_t count,
	struct why *why);

#endif
