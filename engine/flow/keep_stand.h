/* SPDX-License-Identifier: Apache-2.0 */
/* keep_stand.h - the stand tables inside a route's own file, for sinks without
 * transactions.  The tables, and the statements, are read off their columns. */
#ifndef FLOW_KEEP_STAND_H
#define FLOW_KEEP_STAND_H

#include "flow/keep.h"
#include "store/state.h"

struct stand_file;

/* A step of the file's (store/state.h): where routes stand gets its mark. */
extern const char stand_marked[];

struct stand_file *stand_file_new(struct state *state, struct why *why); /* makes the tables */
void stand_file_free(struct stand_file **file);
bool stand_file_write(struct stand_file *file, const struct sl_row *row, struct why *why); /* in a transaction */
bool stand_file_recall(struct stand_file *file, const struct sl_table *table, keep_row *row, void *data,
	struct why *why);

#endif
