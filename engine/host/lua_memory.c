/* SPDX-License-Identifier: Apache-2.0 */
/* lua_memory.c - a script's memory: counted, limited, and quick for what is small.
 *
 * A call makes hundreds of small blocks that are garbage when it ends.  They come
 * out of pages that belong to the script, by sizes; what is freed is given out
 * again, and all pages go with the script.  Lua says how large a block was when it
 * frees it, so none needs a header.  Large blocks are malloc's, and all are where a
 * sanitizer looks.
 */
#include <stdlib.h>
#include <string.h>

#include "host/lua_host.h"

#define STEP 16
#define PAGE ((size_t)32 << 10)
#define HEAD ((sizeof(struct memory_page) + STEP - 1) / STEP * STEP)

struct memory_page {
	struct memory_page *older;
};

struct free_block {
	struct free_block *next;
};

#ifdef SLUICE_SANITIZE
static bool is_small(size_t size)
{
	return false;
}
#else
static bool is_small(size_t size)
{
	return size <= MEMORY_SMALL;
}
#endif

static size_t class_of(size_t size)
{
	return (size - 1) / STEP;
}

static void *carve(struct memory *memory, size_t size)
{
	size_t rounded = (class_of(size) + 1) * STEP;
	if (memory->left < rounded) {
		struct memory_page *page = malloc(PAGE);
		if (!page)
			return NULL;
		page->older = memory->pages;
		memory->pages = page;
		memory->at = (char *)page + HEAD;
		memory->left = PAGE - HEAD;
	}
	void *block = memory->at;
	memory->at += rounded;
	memory->left -= rounded;
	return block;
}

static void *small_new(struct memory *memory, size_t size)
{
	struct free_block **list = &memory->free[class_of(size)], *block = *list;
	if (!block)
		return carve(memory, size);
	*list = block->next;
	return block;
}

static void small_free(struct memory *memory, void *at, size_t size)
{
	struct free_block **list = &memory->free[class_of(size)], *block = at;
	block->next = *list;
	*list = block;
}

static void block_free(struct memory *memory, void *at, size_t size)
{
	if (is_small(size))
		small_free(memory, at, size);
	else
		free(at);
}

void *memory_resize(struct memory *memory, void *at, size_t had, size_t size)
{
	if (!size) {
		if (had)
			block_free(memory, at, had);
		return NULL;
	}
	bool small = is_small(size);
	if (had && !small && !is_small(had))
		return realloc(at, size);
	if (had && small && is_small(had) && class_of(had) == class_of(size))
		return at;
	void *block = small ? small_new(memory, size) : malloc(size);
	if (!block && size < had) /* Lua relies on that becoming smaller never fails */
		return at;
	if (!block || !had)
		return block;
	memcpy(block, at, had < size ? had : size);
	block_free(memory, at, had);
	return block;
}

void memory_end(struct memory *memory)
{
	while (memory->pages) {
		struct memory_page *page = memory->pages;
		memory->pages = page->older;
		free(page);
	}
}
