/* SPDX-License-Identifier: Apache-2.0 */
/* arena.c - memory that ends with its task. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_BLOCK 3000
#define SECOND_BLOCK ((size_t)FIRST_BLOCK * 2)
#ifdef SLUICE_SANITIZE
#define SPARES_MOST 0 /* who uses what has ended is found */
#define SECONDS_MOST 0
#else
#define SPARES_MOST 2048
#define SECONDS_MOST 64
#endif
#define LARGEST_STEP ((size_t)256 * 1024)
#define ALIGN(size) (((size) + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1))

struct block {
	struct block *older;
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

/* It lies in its first block. */
struct arena {
	struct block *newest;
	size_t held;
};

static _Noreturn void out_of_memory(void)
{
	fputs("sluice: out of memory\n", stderr);
	_Exit(71);
}

void *must_alloc(size_t size)
{
	void *at = calloc(1, size ? size : 1);
	if (!at)
		out_of_memory();
	return at;
}

void *must_grow(void *at, size_t size)
{
	at = realloc(at, size ? size : 1);
	if (!at)
		out_of_memory();
	return at;
}

void *must_aligned(size_t page, size_t size)
{
	void *at = aligned_alloc(page, (size + page - 1) / page * page);
	if (!at)
		out_of_memory();
	return at;
}

void *must_pages(size_t size)
{
	return must_aligned((size_t)sysconf(_SC_PAGESIZE), size);
}

char *must_string(const char *string)
{
	char *copy = strdup(string);
	if (!copy)
		out_of_memory();
	return copy;
}

/* First blocks come and go with every event: some are kept for the next ones.  So are a few second ones: of calls. */
static _Thread_local struct block *spare, *second;
static _Thread_local unsigned spares, seconds;

static struct block *block_take(size_t size)
{
	struct block *block = NULL;
	if (size == FIRST_BLOCK && (block = spare)) {
		spare = block->older;
		spares--;
	} else if (size == SECOND_BLOCK && (block = second)) {
		second = block->older;
		seconds--;
	}
	return block ? block : malloc(sizeof(*block) + size);
}

static void block_give(struct block *block)
{
	if (block->size == FIRST_BLOCK && spares != SPARES_MOST) {
		block->older = spare;
		spare = block;
		spares++;
	} else if (block->size == SECOND_BLOCK && seconds != SECONDS_MOST) {
		block->older = second;
		second = block;
		seconds++;
	} else {
		free(block);
	}
}

struct arena_spares arena_spares_leave(void)
{
	struct arena_spares all = { spare, spares };
	spare = NULL;
	spares = 0;
	return all;
}

void arena_spares_join(struct arena_spares *given)
{
	if (given->count > spares) { /* the shorter list is gone through */
		struct arena_spares own = { spare, spares };
		spare = given->first;
		spares = given->count;
		*given = own;
	}
	while (given->first) {
		struct block *block = given->first;
		given->first = block->older;
		given->count--;
		block_give(block);
	}
}

static struct block *block_new(size_t size, struct block *older)
{
	struct block *block = block_take(size);
	if (!block)
		out_of_memory();
	block->older = older;
	block->size = size;
	block->used = 0;
	return block;
}

struct arena *arena_new(void)
{
	struct block *first = block_new(FIRST_BLOCK, NULL);
	struct arena *arena = (struct arena *)first->bytes;
	first->used = ALIGN(sizeof(*arena));
	*arena = (struct arena){ first, sizeof(*first) + first->size };
	return arena;
}

/* All but the first. */
static void free_blocks(struct arena *arena)
{
	struct block *block;
	while ((block = arena->newest)->older) {
		arena->newest = block->older;
		arena->held -= sizeof(*block) + block->size;
		block_give(block);
	}
}

void arena_free(struct arena **arena)
{
	if (!*arena)
		return;
	free_blocks(*arena);
	block_give((*arena)->newest);
	*arena = NULL;
}

void arena_reset(struct arena *arena)
{
	free_blocks(arena);
	arena->newest->used = ALIGN(sizeof(*arena));
}

size_t arena_size(const struct arena *arena)
{
	return arena->held;
}

void *arena_bytes(struct arena *arena, size_t size)
{
	struct block *block = arena->newest;
	if (size > SIZE_MAX / 2)
		out_of_memory();
	size = ALIGN(size);
	if (block->size - block->used < size) {
		size_t next = block->size * 2 < LARGEST_STEP ? block->size * 2 : LARGEST_STEP;
		block = arena->newest = block_new(size > next ? size : next, block);
		arena->held += sizeof(*block) + block->size;
	}
	void *at = block->bytes + block->used;
	block->used += size;
	return at;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	return memset(arena_bytes(arena, size), 0, size);
}

char *arena_copy(struct arena *arena, const char *at, size_t len)
{
	char *copy = arena_bytes(arena, len + 1);
	if (len)
		memcpy(copy, at, len);
	copy[len] = '\0';
	return copy;
}

char *arena_string(struct arena *arena, const char *string)
{
	return string ? arena_copy(arena, string, strlen(string)) : NULL;
}

struct sl_text arena_text(struct arena *arena, struct sl_text text)
{
	return (struct sl_text){ arena_copy(arena, text.at, text.len), text.len };
}

char *arena_vformat(struct arena *arena, const char *form, va_list values)
{
	va_list again;
	va_copy(again, values);
	int len = vsnprintf(NULL, 0, form, again);
	va_end(again);
	char *text = arena_bytes(arena, (size_t)(len < 0 ? 0 : len) + 1);
	text[0] = '\0';
	if (len > 0)
		vsnprintf(text, (size_t)len + 1, form, values);
	return text;
}

char *arena_format(struct arena *arena, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	char *text = arena_vformat(arena, form, values);
	va_end(values);
	return text;
}
