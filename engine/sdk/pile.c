/* SPDX-License-Identifier: Apache-2.0 */
/* pile.c - memory that ends together. */
#include "sdk/pile.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 4000
#define LARGEST_BLOCK 64000 /* but for what is larger itself */
#define ALIGN(size) (((size) + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1))

struct sl_pile_block {
	struct sl_pile_block *older;
	size_t room, used;
	alignas(max_align_t) char bytes[];
};

static size_t next_room(const struct sl_pile_block *newest)
{
	if (!newest)
		return FIRST_BLOCK;
	return newest->room < LARGEST_BLOCK / 2 ? newest->room * 2 : LARGEST_BLOCK;
}

/* Nothing can be gone on with; the master starts the process again. */
void sl_no_memory(void)
{
	fputs("sluice: out of memory\n", stderr);
	_Exit(71);
}

static struct sl_pile_block *new_block(struct sl_pile *pile, size_t room)
{
	struct sl_pile_block *block = calloc(1, sizeof(*block) + room);
	if (!block)
		sl_no_memory();
	block->older = pile->newest;
	block->room = room;
	pile->newest = block;
	return block;
}

void *sl_pile_take(struct sl_pile *pile, size_t size)
{
	struct sl_pile_block *block = pile->newest;
	size = ALIGN(size);
	if (!block || block->room - block->used < size) {
		size_t room = next_room(block);
		block = new_block(pile, size > room ? size : room);
	}
	void *at = block->bytes + block->used;
	block->used += size;
	return at;
}

void *sl_pile_give(void *pile, size_t size)
{
	return sl_pile_take(pile, size);
}

char *sl_pile_copy(struct sl_pile *pile, const char *at, size_t len)
{
	char *copy = sl_pile_take(pile, len + 1);
	if (len)
		memcpy(copy, at, len);
	return copy;
}

char *sl_pile_string(struct sl_pile *pile, const char *string)
{
	return string ? sl_pile_copy(pile, string, strlen(string)) : NULL;
}

void sl_pile_free(struct sl_pile *pile)
{
	while (pile->newest) {
		struct sl_pile_block *block = pile->newest;
		pile->newest = block->older;
		free(block);
	}
}
