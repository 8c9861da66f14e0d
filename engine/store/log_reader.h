/* SPDX-License-Identifier: Apache-2.0 */
/* log_reader.h - a reader of the log, shared by the files that make it.
 *
 * It holds what it knows of the segments begun, oldest first, and one open
 * segment with the place of the record it expects next.
 */
#ifndef STORE_LOG_READER_H
#define STORE_LOG_READER_H

#include "store/log_disk.h"

struct log_reader {
	char *path;
	int dir, notify;

	struct log_page *page; /* NULL: there is none yet */
	uint64_t page_inode;
	bool page_writable;    /* false: it cannot ask to be woken */
	uint64_t starts;       /* of the writer, when the segments were last listed from the beginning; 0: not yet */
	char id[LOG_ID_SIZE];

	struct segment *segments;
	size_t count;

	int fd; /* -1: no segment open */
	struct segment at;
	uint64_t offset;   /* of the record with the seq `expected` */
	uint64_t expected;
	size_t mean;       /* bytes of a record, of those read last; 0: none was */
};

/* Lists the segments again; headers are read of the new ones only. */
bool reader_list(struct log_reader *reader, struct why *why);
/* The segment begun after this one, as of the last reader_list; NULL: none. */
const struct segment *reader_next(const struct log_reader *reader, uint64_t ordinal);
/* Maps the page, again if the writer made a new one. */
void reader_page(struct log_reader *reader);

#endif
