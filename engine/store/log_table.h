/* SPDX-License-Identifier: Apache-2.0 */
/* log_table.h - what the headers of a large log's segments say, in one file; docs/log.md, "The table". */
#ifndef STORE_LOG_TABLE_H
#define STORE_LOG_TABLE_H

#include "store/log_disk.h"

#define LOG_TABLE_EVERY 64 /* segments: so many headers are read by a start at least */

struct log;
struct log_table {
	struct table_head *head; /* NULL: there is none, or it is not good */
};

void log_table_read(int dir, struct log_table *table);
void log_table_free(struct log_table *table);
bool log_table_has(const struct log_table *table, uint64_t ordinal);
/* False: the segment does not stand in it, or its file was changed since. */
bool log_table_find(const struct log_table *table, int dir, uint64_t ordinal, struct segment *segment);

/* The writer's.  Not beside another log_table_write. */
void log_table_write(struct log *log);
bool log_table_due(const struct log *log); /* LOG_TABLE_EVERY segments came to their end since it was written */

#endif
