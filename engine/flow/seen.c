/* SPDX-License-Identifier: Apache-2.0 */
/* seen.c - the ids a route has met, each with the seq that first bore it. */
#include "flow/seen.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/arena.h"

#define FIRST_ROOM 256

struct seen {
	struct seen_entry *ring; /* oldest at `begin`, wraps at `room` */
	size_t begin, count, room, window;
	uint32_t *index; /* place in the ring + 1; 0: empty.  Linear probing */
	size_t slots;    /* a power of two, at least twice the ring's room */
	uint64_t seed;
};

static void index_all(struct seen *seen);

struct seen *seen_new(size_t window, const char *log_id)
{
	struct seen *seen = must_alloc(sizeof(*seen));
	seen->window = window < FIRST_ROOM ? FIRST_ROOM : window;
	seen->seed = XXH3_64bits(log_id, strlen(log_id));
	seen->room = FIRST_ROOM;
	seen->ring = must_alloc(seen->room * sizeof(*seen->ring));
	index_all(seen);
	return seen;
}

void seen_free(struct seen **seen)
{
	if (!*seen)
		return;
	free((*seen)->ring);
	free((*seen)->index);
	free(*seen);
	*seen = NULL;
}

size_t seen_count(const struct seen *seen)
{
	return seen->count;
}

struct seen_entry seen_entry(const struct seen *seen, const char *source, const char *id, uint64_t seq,
	int64_t received)
{
	uint64_t seed = XXH3_64bits_withSeed(source, strlen(source), seen->seed);
	XXH128_hash_t hash = XXH3_128bits_withSeed(id, strlen(id), seed);
	return (struct seen_entry){ hash.high64, (uint32_t)hash.low64, (uint32_t)(received / 1000), seq };
}

static bool same(const struct seen_entry *a, const struct seen_entry *b)
{
	return a->high == b->high && a->low == b->low;
}

static size_t home(const struct seen *seen, const struct seen_entry *entry)
{
	return entry->high & (seen->slots - 1);
}

static void index_put(struct seen *seen, size_t place)
{
	size_t slot = home(seen, &seen->ring[place]);
	while (seen->index[slot])
		slot = (slot + 1) & (seen->slots - 1);
	seen->index[slot] = (uint32_t)place + 1;
}

static void index_all(struct seen *seen)
{
	size_t slots = FIRST_ROOM;
	while (slots < seen->room * 2)
		slots *= 2;
	free(seen->index);
	seen->index = must_alloc(slots * sizeof(*seen->index));
	seen->slots = slots;
	for (size_t i = 0; i < seen->count; i++)
		index_put(seen, (seen->begin + i) % seen->room);
}

/* Takes an entry out and moves up what its place had pushed along. */
static void index_remove(struct seen *seen, size_t place)
{
	size_t mask = seen->slots - 1, slot = home(seen, &seen->ring[place]);
	while (seen->index[slot] != place + 1)
		slot = (slot + 1) & mask;
	for (size_t next = (slot + 1) & mask; seen->index[next]; next = (next + 1) & mask) {
		size_t from = home(seen, &seen->ring[seen->index[next] - 1]);
		if (((next - from) & mask) < ((next - slot) & mask))
			continue;
		seen->index[slot] = seen->index[next];
		slot = next;
	}
	seen->index[slot] = 0;
}

const struct seen_entry *seen_find(const struct seen *seen, const struct seen_entry *entry)
{
	const struct seen_entry *latest = NULL;
	size_t mask = seen->slots - 1;
	for (size_t slot = home(seen, entry); seen->index[slot]; slot = (slot + 1) & mask) {
		const struct seen_entry *found = &seen->ring[seen->index[slot] - 1];
		if (same(found, entry) && (!latest || found->seq > latest->seq))
			latest = found;
	}
	return latest;
}

void seen_prefetch(const struct seen *seen, const struct seen_entry *entry)
{
	__builtin_prefetch(&seen->index[home(seen, entry)]);
}

static void grow(struct seen *seen)
{
	size_t room = seen->room * 2 < seen->window ? seen->room * 2 : seen->window;
	struct seen_entry *ring = must_alloc(room * sizeof(*ring));
	for (size_t i = 0; i < seen->count; i++)
		ring[i] = seen->ring[(seen->begin + i) % seen->room];
	free(seen->ring);
	seen->ring = ring;
	seen->room = room;
	seen->begin = 0;
	index_all(seen);
}

void seen_add(struct seen *seen, const struct seen_entry *entry)
{
	assert(entry->seq > 0);
	if (seen->count == seen->room && seen->room < seen->window)
		grow(seen);
	if (seen->count == seen->room) {
		index_remove(seen, seen->begin);
		seen->begin = (seen->begin + 1) % seen->room;
		seen->count--;
	}
	size_t place = (seen->begin + seen->count++) % seen->room;
	seen->ring[place] = *entry;
	index_put(seen, place);
}

void seen_forget(struct seen *seen, uint64_t after)
{
	size_t kept = 0;
	for (size_t i = 0; i < seen->count; i++) {
		struct seen_entry entry = seen->ring[(seen->begin + i) % seen->room];
		if (entry.seq <= after)
			seen->ring[(seen->begin + kept++) % seen->room] = entry;
	}
	if (kept == seen->count)
		return;
	seen->count = kept;
	index_all(seen);
}
