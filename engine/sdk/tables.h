/* SPDX-License-Identifier: Apache-2.0 */
/* tables.h - tables and views that a sink keeps, and the columns it looks for in them.
 *
 * What `open` is handed ends with its call: a sink copies it into a pile of its own. */
#ifndef SLUICE_TABLES_H
#define SLUICE_TABLES_H

#include "pile.h"
#include "plugin.h"

/* Copies of everything, down to the texts; the arrays end with NULL. */
struct sl_table *sl_table_copy(struct sl_pile *pile, const struct sl_table *table);
const struct sl_table *const *sl_tables_copy(struct sl_pile *pile, const struct sl_table *const *tables, size_t count);
const struct sl_view *const *sl_views_copy(struct sl_pile *pile, const struct sl_view *const *views, size_t count);

/* A column by its place in the key or in the parent's (1, 2, ...), or by its name; NULL: there is
 * none.  `index` is its place among the columns; NULL if nobody wants it. */
const struct sl_column *sl_key_column(const struct sl_table *table, int place, size_t *index);
const struct sl_column *sl_parent_column(const struct sl_table *table, int place, size_t *index);
const struct sl_column *sl_named_column(const struct sl_table *table, const char *name, size_t *index);

#endif
