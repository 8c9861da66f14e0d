/* SPDX-License-Identifier: Apache-2.0 */
/* page.h - the page of memory a child shares with its master.
 *
 * The master makes it (memfd), so it outlives the child: after a death it tells
 * what was on the CPU.  Only numbers and the name of a call lie in it; all is
 * written by the child but `floor`.
 */
#ifndef BASE_PAGE_H
#define BASE_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/why.h"

/* Every counter that /metrics shows, in one table: name, help. */
#define COUNTERS(X) \
	X(requests, "requests received on the public address") \
	X(accepted, "requests stored in the log and answered with 2xx") \
	X(refused, "requests refused, whatever the reason") \
	X(handshakes, "handshakes answered, nothing stored") \
	X(bytes_in, "bytes of bodies stored") \
	X(syncs, "fdatasync calls of the log") \
	X(connections, "connections open now") \
	X(log_bytes, "bytes the log takes on disk") \
	X(log_end, "durable end of the log: the last seq") \
	X(log_begin, "the oldest seq kept") \
	X(log_gaps, "seqs between these two that were never given, where the log was restored") \
	X(cursor_time, "milliseconds since 1970 when the event at the cursor was received") \
	X(cursor, "the last seq the route has passed") \
	X(events, "events decoded by the route") \
	X(repeats, "events skipped because an earlier one had their id") \
	X(delivered, "deliveries that ended delivered") \
	X(dropped, "deliveries dropped by a transform") \
	X(died, "deliveries that became dead letters") \
	X(retried, "retries begun") \
	X(rows, "rows written by the sink") \
	X(batches, "batches delivered") \
	X(waiting, "open rows waiting or behind an elder, now") \
	X(dead, "dead letters, now") \
	X(outage_since, "milliseconds since 1970 since the sink cannot be had; 0: it can") \
	X(hold, "the lowest seq the route still needs; retention stops there") \
	X(polls, "polls that ended, well or not") \
	X(poll_failures, "polls that ended in an error") \
	X(poll_events, "events of polls that are in the log") \
	X(gaps, "times that webhooks may have come in vain, so that the vendor was asked") \
	X(hooks_bad, "webhooks that were switched off or missing at the vendor, at the last look")

enum counter {
#define COUNTER_ENUM(name, help) COUNTER_##name,
	COUNTERS(COUNTER_ENUM)
#undef COUNTER_ENUM
	COUNTER_COUNT
};
extern const char *const counter_names[COUNTER_COUNT], *const counter_helps[COUNTER_COUNT];

#define PAGE_GAPS 8

struct page {
	_Atomic uint64_t beat;  /* grows at least once a second while the loop turns */
	_Atomic uint64_t floor; /* to the ingress, from the master: routes need nothing below this seq */
	_Atomic uint64_t call_seq;  /* the event whose call is on the CPU; 0: none */
	_Atomic uint32_t call_part;
	_Atomic uint32_t call_step; /* enum step of host.h */
	_Atomic uint64_t counters[COUNTER_COUNT];
	_Atomic uint64_t gaps[PAGE_GAPS][2]; /* the log's: first and last seq of each, the newest first */
	_Atomic uint32_t confined;  /* a filter looks at what it asks of the kernel (confine.h) */
	_Atomic uint32_t forbidden; /* the call that ended it for that, plus 1 */
	char call_name[64]; /* the instance: a transform's or sink's name */
};

struct page *page_new(int *fd, struct why *why); /* the master's end; fd is inherited by the child */
struct page *page_map(int fd, struct why *why);  /* the child's end */
void page_free(struct page **page);

static inline void page_add(struct page *page, enum counter counter, uint64_t more)
{
	atomic_fetch_add_explicit(&page->counters[counter], more, memory_order_relaxed);
}

static inline void page_set(struct page *page, enum counter counter, uint64_t value)
{
	atomic_store_explicit(&page->counters[counter], value, memory_order_relaxed);
}

static inline uint64_t page_get(const struct page *page, enum counter counter)
{
	return atomic_load_explicit(&page->counters[counter], memory_order_relaxed);
}

#endif
