/* SPDX-License-Identifier: Apache-2.0 */
/* pile.c - memory that ends together. */
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

#define BLOCK 4000
#define ALIGN(size) (((size) + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1))

struct pile_block {
	struct pile_block *older;
	size_t room, used;
	alignas(max_align_t) char bytes[];
};

/* Without memory nothing can be said any more; the master starts the process again. */
static struct pile_block *new_block(struct pile *pile, size_t room)
{
	struct pile_block *block = calloc(1, sizeof(*block) + room);
	if (!block) {
		fputs("sluice: out of memory\n", stderr);
		_Exit(71);
	}
	block->older = pile->newest;
	block->room = room;
	pile->newest = block;
	return block;
}

void *pile_take(struct pile *pile, size_t size)
{
	struct pile_block *block = pile->newest;
	size = ALIGN(size);
	if (!block || block->room - block->used < size)
		block = new_block(pile, size > BLOCK ? size : BLOCK);
	void *at = block->bytes + block->used;
	block->used += size;
	return at;
}

char *pile_copy(struct pile *pile, const char *at, size_t len)
{
	char *copy = pile_take(pile, len + 1);
	if (len)
		memcpy(copy, at, len);
	return copy;
}

char *pile_string(struct pile *pile, const char *string)
{
	return string ? pile_copy(pile, string, strlen(string)) : NULL;
}

void pile_free(struct pile *pile)
{
	while (pile->newest) {
		struct pile_block *block = pile->newest;
		pile->newest = block->older;
		free(block);
	}
}
