/* SPDX-License-Identifier: Apache-2.0 */
/* seen.c - the ids a route has met, each with the seq that first bore it.
 *
 * The ring is made of chunks, which come as they are needed and stay where they are.  Of an id
 * its entry has 64 bits, and the slot of the index that leads there 12 more: an entry that is looked at
 * is nearly always the one that is looked for.  A seq is told by its distance from its stretch's base.
 */
#include "flow/seen.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/arena.h"

#define FIRST_SLOTS 512
#define CHUNK 4096          /* entries */
#define STRETCH 64          /* entries with one base */
#define PLACE_BITS 20       /* of a slot: place in the ring + 1; 0: the slot is empty.  The others are of the id */
#define PLACE_MASK ((UINT32_C(1) << PLACE_BITS) - 1)
#define MIDDLE (UINT64_C(1) << 31)
#define AHEAD 4             /* entries that go next: their slots come into the processor's cache */

struct entry {
	uint64_t high;
	uint32_t distance; /* of its seq; 0: there is nothing here */
	uint32_t received;
};

struct chunk {
	uint64_t bases[CHUNK / STRETCH];
	struct entry entries[CHUNK];
};

struct seen {
	struct chunk **chunks;
	size_t begin, count; /* of the ring: the oldest, which wraps at `window`; all, and those with nothing */
	size_t known, window;
	uint64_t former;     /* base of what is older in the stretch being filled: that lies behind the newest there */
	uint32_t *index;     /* linear probing */
	size_t slots;        /* a power of two, at least twice the count */
	uint64_t seed;
};

struct seen *seen_new(size_t window, const char *log_id)
{
	struct seen *seen = must_alloc(sizeof(*seen));
	assert(window < PLACE_MASK);
	seen->window = window < STRETCH ? STRETCH : window;
	seen->seed = XXH3_64bits(log_id, strlen(log_id));
	seen->chunks = must_alloc((seen->window / CHUNK + 1) * sizeof(struct chunk *));
	seen->slots = FIRST_SLOTS;
	seen->index = must_alloc(seen->slots * sizeof(*seen->index));
	return seen;
}

void seen_free(struct seen **at)
{
	struct seen *seen = *at;
	if (!seen)
		return;
	for (size_t i = 0; i <= seen->window / CHUNK; i++)
		free(seen->chunks[i]);
	free(seen->chunks);
	free(seen->index);
	free(seen);
	*at = NULL;
}

size_t seen_count(const struct seen *seen)
{
	return seen->known;
}

struct seen_entry seen_entry(const struct seen *seen, const char *source, const char *id, uint64_t seq,
	int64_t received)
{
	uint64_t seed = XXH3_64bits_withSeed(source, strlen(source), seen->seed);
	XXH128_hash_t hash = XXH3_128bits_withSeed(id, strlen(id), seed);
	return (struct seen_entry){ hash.high64, (uint32_t)hash.low64, (uint32_t)(received / 1000), seq };
}

/* ---------------------------------------------------------------- the ring */

static size_t place_of(const struct seen *seen, size_t nth)
{
	size_t place = seen->begin + nth;
	return place < seen->window ? place : place - seen->window;
}

static struct entry *at(const struct seen *seen, size_t place)
{
	return &seen->chunks[place / CHUNK]->entries[place % CHUNK];
}

static uint64_t *base_of(const struct seen *seen, size_t place)
{
	return &seen->chunks[place / CHUNK]->bases[place % CHUNK / STRETCH];
}

static uint64_t seq_of(const struct seen *seen, size_t place)
{
	size_t newest = place_of(seen, seen->count - 1);
	bool older = place > newest && place / STRETCH == newest / STRETCH;
	return (older ? seen->former : *base_of(seen, place)) + at(seen, place)->distance;
}

/* ---------------------------------------------------------------- the index */

static size_t home(const struct seen *seen, uint64_t high)
{
	return high & (seen->slots - 1);
}

static size_t place_in(uint32_t slot)
{
	return (slot & PLACE_MASK) - 1;
}

static void index_put(struct seen *seen, uint64_t high, uint32_t value)
{
	size_t slot = home(seen, high);
	while (seen->index[slot])
		slot = (slot + 1) & (seen->slots - 1);
	seen->index[slot] = value;
}

static void index_grow(struct seen *seen)
{
	uint32_t *old = seen->index;
	size_t slots = seen->slots;
	seen->slots = slots * 2;
	seen->index = must_alloc(seen->slots * sizeof(*seen->index));
	for (size_t i = 0; i < slots; i++)
		if (old[i])
			index_put(seen, at(seen, place_in(old[i]))->high, old[i]);
	free(old);
}

/* Takes an entry out and moves up what its place had pushed along. */
static void index_remove(struct seen *seen, size_t place)
{
	size_t mask = seen->slots - 1, slot = home(seen, at(seen, place)->high);
	while (!seen->index[slot] || place_in(seen->index[slot]) != place)
		slot = (slot + 1) & mask;
	for (size_t next = (slot + 1) & mask; seen->index[next]; next = (next + 1) & mask) {
		size_t from = home(seen, at(seen, place_in(seen->index[next]))->high);
		if (((next - from) & mask) < ((next - slot) & mask))
			continue;
		seen->index[slot] = seen->index[next];
		slot = next;
	}
	seen->index[slot] = 0;
}

/* ------------------------------------------------------------------ entries */

struct seen_entry seen_find(const struct seen *seen, const struct seen_entry *entry)
{
	struct seen_entry latest = { 0 };
	size_t mask = seen->slots - 1;
	uint32_t wanted = entry->low << PLACE_BITS;
	for (size_t slot = home(seen, entry->high); seen->index[slot]; slot = (slot + 1) & mask) {
		size_t place = place_in(seen->index[slot]);
		if ((seen->index[slot] & ~PLACE_MASK) != wanted || at(seen, place)->high != entry->high)
			continue;
		uint64_t seq = seq_of(seen, place);
		if (seq > latest.seq)
			latest = (struct seen_entry){ entry->high, entry->low, at(seen, place)->received, seq };
	}
	return latest;
}

void seen_prefetch(const struct seen *seen, const struct seen_entry *entry)
{
	__builtin_prefetch(&seen->index[home(seen, entry->high)]);
}

static void forget_place(struct seen *seen, size_t place)
{
	if (!at(seen, place)->distance)
		return;
	index_remove(seen, place);
	at(seen, place)->distance = 0;
	seen->known--;
}

/* The next place, empty; the oldest one goes if there is no other. */
static size_t next_place(struct seen *seen)
{
	if (seen->count == seen->window) {
		size_t ahead = place_of(seen, AHEAD);
		__builtin_prefetch(&seen->index[home(seen, at(seen, ahead)->high)]);
		forget_place(seen, seen->begin);
		seen->begin = place_of(seen, 1);
		seen->count--;
	}
	size_t place = place_of(seen, seen->count++);
	if (!seen->chunks[place / CHUNK])
		seen->chunks[place / CHUNK] = must_alloc(sizeof(struct chunk));
	at(seen, place)->distance = 0;
	return place;
}

/* Whether its stretch can tell this seq: the first one there decides on the base. */
static bool tells(struct seen *seen, size_t place, uint64_t seq)
{
	uint64_t *base = base_of(seen, place);
	if (place % STRETCH == 0) {
		seen->former = *base;
		*base = seq - MIDDLE;
	}
	return seq - *base - 1 < UINT32_MAX;
}

/* Should a stretch be so far from its base, which takes two thousand millions of events between 64 ids,
 * the rest of it is left empty. */
void seen_add(struct seen *seen, const struct seen_entry *entry)
{
	assert(entry->seq > 0);
	size_t place = next_place(seen);
	while (!tells(seen, place, entry->seq))
		place = next_place(seen);
	if (seen->count * 2 > seen->slots)
		index_grow(seen);
	*at(seen, place) = (struct entry){ entry->high, (uint32_t)(entry->seq - *base_of(seen, place)), entry->received };
	index_put(seen, entry->high, entry->low << PLACE_BITS | (uint32_t)(place + 1));
	seen->known++;
}

void seen_forget(struct seen *seen, uint64_t after)
{
	for (size_t i = 0; i < seen->count; i++) {
		size_t place = place_of(seen, i);
		if (at(seen, place)->distance && seq_of(seen, place) > after)
			forget_place(seen, place);
	}
	for (size_t last; seen->count && !at(seen, last = place_of(seen, seen->count - 1))->distance; seen->count--)
		if (last % STRETCH == 0)
			*base_of(seen, last) = seen->former;
}
