/* SPDX-License-Identifier: Apache-2.0 */
/* seen.c - since when each item says what it says.
 *
 * An event is taken once by its id, and what an item mirrors may change without its updated_at, and change
 * back: then it is news again.  So an id tells when this process first saw the item in that state, and that is kept
 * here, in memory: after a restart everything that is read counts as news once.
 */
#include <stdlib.h>
#include <string.h>

#include "monday.h"
#include "pile.h"

#define LEAST 1024

struct seen {
	int64_t item, board, run, stamp; /* item 0: free; run: the full one that saw it last */
	uint64_t digest;
};

static struct seen *place_of(const struct memory *memory, int64_t item)
{
	size_t at = (size_t)((uint64_t)item * 0x9e3779b97f4a7c15u >> 20) & (memory->room - 1);
	while (memory->table[at].item && memory->table[at].item != item)
		at = (at + 1) & (memory->room - 1);
	return &memory->table[at];
}

/* With room for `count`; of a board that has been read whole only what that run saw. */
static void rebuild(struct memory *memory, size_t count, int64_t board, int64_t run)
{
	struct memory larger = { .room = LEAST };
	while (larger.room < count * 2)
		larger.room *= 2;
	larger.table = calloc(larger.room, sizeof(*larger.table));
	if (!larger.table)
		sl_no_memory();
	for (size_t i = 0; i < memory->room; i++) {
		const struct seen *old = &memory->table[i];
		if (!old->item || (board && old->board == board && old->run != run))
			continue;
		*place_of(&larger, old->item) = *old;
		larger.count++;
	}
	free(memory->table);
	*memory = larger;
}

int64_t seen_since(struct memory *memory, int64_t item, int64_t board, int64_t run, uint64_t digest, int64_t now)
{
	if ((memory->count + 1) * 2 > memory->room)
		rebuild(memory, memory->count + 1, 0, 0);
	struct seen *seen = place_of(memory, item);
	memory->count += !seen->item;
	if (!seen->item || seen->digest != digest)
		*seen = (struct seen){ .item = item, .run = seen->run, .stamp = now, .digest = digest };
	seen->board = board;
	seen->run = run ? run : seen->run;
	return seen->stamp;
}

void seen_sweep(struct memory *memory, int64_t board, int64_t run)
{
	if (memory->room)
		rebuild(memory, memory->count, board, run);
}

void seen_free(struct memory *memory)
{
	free(memory->table);
	memset(memory, 0, sizeof(*memory));
}
