/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.c - whose snapshots a table takes. */
#include "flow/snapshot.h"

#include <string.h>

static bool named_fits(const char *table, const char *named, const struct snapshot_source *source, struct why *why)
{
	return source->snapshots || strcmp(source->name, named) != 0 ||
		why_say(why, "the table %s takes the snapshots of %s, but that source does not say `snapshot: true`", table,
			named);
}

bool snapshot_fits(const char *table, const char *named, const struct snapshot_source *sources, size_t count,
	struct why *why)
{
	const char *first = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct snapshot_source *source = &sources[i];
		if (named && !named_fits(table, named, source, why))
			return false;
		if (named || !source->snapshots)
			continue;
		if (first)
			return why_say(why, "the table %s takes snapshots, and both %s and %s bring them: name one, "
				"snapshot: { source: %s }", table, first, source->name, first);
		first = source->name;
	}
	return true;
}
