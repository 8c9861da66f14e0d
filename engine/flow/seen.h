/* SPDX-License-Identifier: Apache-2.0 */
/* seen.h - the ids a route has met, each with the seq that first bore it.
 *
 * A window of the latest ids in memory: a ring of entries and an index over it.
 * An id is its source and its text, kept as 76 bits of XXH3-128 seeded by the
 * log's id, so nobody outside can make two ids meet, and by chance a new one meets another
 * of a million others once in 10^16 times.  At 1 000 000 ids: 24 MB.
 *
 * What is newer than the route's cursor is forgotten when the route starts and
 * when it is rewound, so that reading again decides as the first reading did.
 */
#ifndef FLOW_SEEN_H
#define FLOW_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen;

struct seen_entry {
	uint64_t high;
	uint32_t low;
	uint32_t received; /* seconds since 1970 */
	uint64_t seq;      /* of the first that bore the id; 0: no entry */
};

struct seen *seen_new(size_t window, const char *log_id);
void seen_free(struct seen **seen);
size_t seen_count(const struct seen *seen);

/* The entry an id would have. */
struct seen_entry seen_entry(const struct seen *seen, const char *source, const char *id, uint64_t seq,
	int64_t received);

/* The latest entry with the same id as `entry`; its seq is 0: there is none. */
struct seen_entry seen_find(const struct seen *seen, const struct seen_entry *entry);
/* It will be looked for soon: where its place is comes into the processor's cache. */
void seen_prefetch(const struct seen *seen, const struct seen_entry *entry);
void seen_add(struct seen *seen, const struct seen_entry *entry);
void seen_forget(struct seen *seen, uint64_t after); /* all with seq > after */

#endif
