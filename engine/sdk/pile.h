/* SPDX-License-Identifier: Apache-2.0 */
/* pile.h - memory that ends together, for plugins: what a job takes is never freed by hand.
 *
 * A zeroed struct is an empty pile.  A pile belongs to one thread at a time. */
#ifndef SLUICE_PILE_H
#define SLUICE_PILE_H

#include "plugin.h"

struct sl_pile {
	struct sl_pile_block *newest;
};

/* Zeroed, aligned for anything, and never NULL: without memory the process ends, and is
 * started again. */
void *sl_pile_take(struct sl_pile *pile, size_t size);
char *sl_pile_copy(struct sl_pile *pile, const char *at, size_t len); /* a NUL follows */
char *sl_pile_string(struct sl_pile *pile, const char *string);       /* NULL gives NULL */
void *sl_pile_give(void *pile, size_t size); /* sl_pile_take, as struct sl_fold_memory wants it */
void sl_pile_free(struct sl_pile *pile);     /* all of it; the pile is empty then */

/* Says so, and ends the process as a pile does: for whoever cannot go on without the memory he asked for. */
_Noreturn void sl_no_memory(void);

#endif
