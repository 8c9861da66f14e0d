/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h - memory that ends with its task.
 *
 * What is allocated from an arena is never freed by hand: arena_free ends all of
 * it, arena_reset too but keeps the first block for the next task.  Memory that
 * cannot be had ends the process (exit 71): a child is restarted by its master,
 * and nothing that was accepted is lost by that.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "sdk/plugin.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena **arena); /* NULL inside is fine */
void arena_reset(struct arena *arena);
size_t arena_size(const struct arena *arena); /* bytes held from the system */

void *arena_alloc(struct arena *arena, size_t size);   /* zeroed, aligned for any type */
void *arena_bytes(struct arena *arena, size_t size);   /* not zeroed, aligned likewise */
char *arena_copy(struct arena *arena, const char *at, size_t len); /* a NUL is put behind */
char *arena_string(struct arena *arena, const char *string);       /* NULL gives NULL */
char *arena_format(struct arena *arena, const char *form, ...) __attribute__((format(printf, 2, 3)));
char *arena_vformat(struct arena *arena, const char *form, va_list values);
struct sl_text arena_text(struct arena *arena, struct sl_text text);

/* First blocks of ended arenas are kept for the next ones of their thread.  Where one thread makes arenas
 * and another ends them, the blocks are sent back: left by one, joined by the other. */
struct arena_spares {
	struct block *first;
	unsigned count;
};
struct arena_spares arena_spares_leave(void); /* all of this thread's */
void arena_spares_join(struct arena_spares *spares); /* none are left in it */

/* malloc, calloc, realloc and strdup that end the process instead of failing. */
void *must_alloc(size_t size); /* zeroed */
void *must_grow(void *at, size_t size);
void *must_pages(size_t size); /* begins where a page of memory does; not zeroed; for free() */
void *must_aligned(size_t page, size_t size); /* the same for pages of so many bytes, a power of two */
char *must_string(const char *string);

#endif
