/* SPDX-License-Identifier: Apache-2.0 */
/* log_disk.h - what the bytes in DATA/log mean; docs/log.md tells it with the reasons.
 *
 * All numbers are little-endian.  A segment is a header page, a second copy of
 * it, and records from offset LOG_BEGIN on, each beginning at a multiple of
 * LOG_ALIGN.  Where its records end stands in the header of the segment begun
 * after it; behind that anything may lie.
 */
#ifndef STORE_LOG_DISK_H
#define STORE_LOG_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/log.h"

#define LOG_PAGE 4096
#define LOG_BEGIN (2 * LOG_PAGE)
#define LOG_ALIGN 64
#define LOG_STEP ((size_t)256 * 1024) /* zeros written at once */
#define LOG_SEQ_MOST (UINT64_C(1) << 62) /* what names a larger one is not ours */

#define SEGMENT_MAGIC "sluice\1S"
#define PAGE_MAGIC "sluice\1P"

struct segment_head {
	uint64_t check; /* XXH3-64 of the rest of the page */
	char magic[8];
	char id[40];    /* the log's */
	uint64_t ordinal, salt, size;
	/* Zero until the first record is written, in the same fdatasync with it. */
	uint64_t first;          /* the seq of the first record */
	uint64_t prev, prev_end; /* the segment begun before this one and where its records end; 0: none */
	int64_t begun;           /* when the first record was received */
	uint64_t gap;            /* no seq from here up to `first` was ever given: a restore set it forward; 0: none */
	char rest[LOG_PAGE - 120];
};
_Static_assert(sizeof(struct segment_head) == LOG_PAGE, "a header is one page");

struct record_head {
	uint64_t check;      /* XXH3-64 of the rest of this head, seeded with salt + offset in the file */
	uint64_t text_check; /* likewise of the text and its padding */
	uint64_t seq;
	uint64_t durable;    /* the durable end when this was written */
	int64_t received;
	uint32_t body, headers, query, path; /* bytes, without the NUL behind each */
	uint16_t source, method;
	uint32_t flags;
};
_Static_assert(sizeof(struct record_head) == LOG_ALIGN, "a head never straddles a sector");
_Static_assert(offsetof(struct segment_head, first) == 80, "as in docs/log.md");

/* ------------------------------------------------------------ log_record.c */

uint64_t record_span(const struct record_head *head); /* bytes in the file, padding and all */
uint64_t record_room(const struct log_record *record);
void record_put(char *at, const struct log_record *record, uint64_t seq);
void record_get(const char *at, struct log_record *record); /* text points into `at` */
void record_seal(char *at, uint64_t durable, uint64_t salt, uint64_t offset);
bool record_head_good(const struct record_head *head, uint64_t salt, uint64_t offset);
bool record_text_good(const char *at, uint64_t salt, uint64_t offset);

/* ----------------------------------------------------------- log_segment.c */

/* A segment as its header tells it. */
struct segment {
	uint64_t ordinal, salt, size;
	uint64_t first, prev, prev_end;
	int64_t begun;
	uint64_t gap;
	uint64_t inode, file_size; /* of the file as it is */
	char id[LOG_ID_SIZE];
	int bad_copies; /* of the two headers */
};

struct segment_name {
	char text[32];
};
struct segment_name segment_name(uint64_t ordinal);
/* The ordinals of the segment files, ascending; the array is must_alloc'ed. */
bool segment_list(int dir, uint64_t **ordinals, size_t *count, struct why *why);
/* False when neither copy of the header is good (errno 0), or it cannot be read. */
bool segment_read(int fd, uint64_t ordinal, struct segment *segment);
/* Opens it with a shared lock, so that it is not recycled.  -1: gone, or no
 * segment any more (errno 0), or the disk failed (EIO) */
int segment_open(int dir, uint64_t ordinal, struct segment *segment);
void segment_head_make(struct segment_head *head, const struct segment *segment);
/* The last seq that was given before this segment's first. */
uint64_t segment_before(const struct segment *segment);
/* How many seqs between those of the segments were never given; the newest gaps, as log_stat has them. */
uint64_t segment_gaps(const struct segment *segments, size_t count, struct log_gap gap[LOG_GAPS]);

/* --------------------------------------------------------------- log_scan.c */

/* Looks for good records from an offset of a segment on, skipping what is not one. */
struct scan {
	int fd;
	uint64_t salt, offset, stop;
	char *window;
	uint64_t window_at;
	size_t len, room;
};
enum scan_found { SCAN_RECORD, SCAN_NOTHING, SCAN_ERROR };
struct scan_hit {
	uint64_t offset, span;
	const struct record_head *head; /* the whole record follows; until the next call */
};
void scan_open(struct scan *scan, int fd, uint64_t salt, uint64_t offset, uint64_t stop);
void scan_close(struct scan *scan);
/* The next good record with a seq in [least, most]. */
enum scan_found scan_next(struct scan *scan, uint64_t least, uint64_t most, struct scan_hit *hit);

/* --------------------------------------------------------------- log_page.c */

/* DATA/log/page, mapped by the writer and by every reader. */
struct log_mark {
	uint64_t end, check;
};
struct log_clean {
	uint64_t ordinal, offset, end;
	uint64_t sealed; /* not to be written any more: it once ended unclean */
	uint64_t check;
};
struct log_page {
	char magic[8];
	char id[40];
	_Atomic uint64_t end;      /* what readers go by */
	_Atomic uint32_t sleeping; /* a reader wants to be woken */
	uint32_t turn;
	struct log_mark marks[2];  /* the same for recovery: written in turn, one is always whole */
	struct log_clean clean;    /* where a clean close left off; zero while the log is open */
	_Atomic uint64_t boot;     /* of the machine: in which the writer last had recovered what there was */
	_Atomic uint64_t starts;   /* of the writer: each may have moved segments aside that readers hold open */
};
_Static_assert(offsetof(struct log_page, marks) == 64 && offsetof(struct log_page, clean) == 96, "as in docs/log.md");

int page_file_open(int dir, const char *id, bool *made, struct why *why); /* the writer's */
struct log_page *page_file_map(int fd, bool writable); /* NULL: no page of a log */
void page_file_unmap(struct log_page **page);
uint64_t page_file_mark(const struct log_page *page);  /* the largest durable end it vouches for; 0: none */
void page_file_publish(struct log_page *page, int fd, uint64_t end);
bool page_file_set_clean(struct log_page *page, struct log_clean clean); /* .check is filled in; synced */
bool page_file_was_clean(const struct log_page *page);
/* After a power cut the page may be older than the records: not to be relied on until the writer has recovered. */
bool page_file_live(const struct log_page *page);
void page_file_go_live(struct log_page *page);

#endif
