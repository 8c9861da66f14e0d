/* SPDX-License-Identifier: Apache-2.0 */
/* log_inside.h - the log's writer, shared by the files that make it.
 *
 * Three parties touch it: the loop (gathering, log_room, log_begin), one log_write in
 * the pool, and log_prepare or log_retire beside it.  Each member says whose it is.
 * `lock` is held for moments only and never across a system call that waits;
 * `preparing` is held while a segment is made ready and never by the loop.
 */
#ifndef STORE_LOG_INSIDE_H
#define STORE_LOG_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "store/log_disk.h"

#define LOG_FIRST_SEGMENT ((uint64_t)1024 * 1024)
#define LOG_SEGMENT ((uint64_t)16 * 1024 * 1024)
#define LOG_LEAST_SEGMENT ((uint64_t)64 * 1024)

struct log_batch {
	char *memory; /* whole pages, one more than `room` needs */
	char *at;     /* in the first of them: records as they will lie in the file, one behind the other, not yet sealed */
	size_t len, room;
	uint64_t last; /* seq */
	struct log_batch *next;
};

struct log {
	char *path;
	int dir, lock_fd, page_fd;
	char id[LOG_ID_SIZE];
	struct log_options options;
	struct log_page *page;

	/* the loop's */
	struct log_batch *gathering, *idle;
	uint64_t next_seq;
	uint64_t outstanding; /* bytes gathered or being written */
	uint64_t published;   /* the durable end readers know */
	size_t lead;          /* how far into a page the next batch will begin, if it follows the one begun last */

	/* the loop's, and log_write's while it is under way */
	struct log_ahead *ahead; /* NULL: log_begin is not possible */
	/* log_write's, and log_begin's: never both at a time */
	int fd; /* of the segment being written; -1: the next write begins one */
	struct segment writing; /* the one begun last; ordinal 0: none yet */
	uint64_t offset;        /* where its records end */
	_Atomic uint64_t synced; /* the durable end, perhaps not published yet */

	/* under the pool's one job beside log_write, and log_open's */
	uint64_t tabled; /* the last segment in DATA/log/table */
	uint64_t cached; /* the first whose pages were not given back; 0: not looked yet */

	/* log_check's */
	_Atomic int64_t checked; /* when the files were last looked at */
	_Atomic uint64_t checked_end;

	/* under `preparing` */
	pthread_mutex_t preparing;
	int ready_fd;
	struct segment ready;
	_Atomic uint64_t last_ordinal;
	_Atomic bool waited_for; /* log_write cannot go on without the segment being made */

	/* under `lock`: the segments begun, oldest first; the last one is, was or would be written */
	pthread_mutex_t lock;
	struct segment *segments;
	size_t count, room;
	struct why why; /* of the failure */

	_Atomic uint64_t left, ready_left; /* bytes for records: in the one being written, in the ready one */
	_Atomic int64_t bytes;             /* of all segment files, the ready and the spare one too */
	_Atomic int64_t spare;             /* of the spare one; 0: there is none */
	_Atomic int64_t free;              /* in the file system, without the reserve */
	_Atomic int64_t looked;            /* when it was asked */
	_Atomic int64_t prepare_again;     /* not before this tick: the last time there was no room */
	_Atomic uint64_t wanted;           /* bytes there was no room for since log_retire looked; 0: none */
	_Atomic uint64_t floor;            /* nobody needs a seq below it, as log_retire was told last; 0: not known */
	_Atomic int64_t may_go;            /* bytes of whole segments below it */
	_Atomic int64_t no_space_until;    /* tick: the file system had no room the last time */
	_Atomic uint64_t damaged;
	_Atomic bool failed;
	bool starting; /* log_open is under way */
};

/* ------------------------------------------------------------- log_recover.c */

/* The lock is held.  Afterwards the durable end is known, and where to go on. */
bool log_recover(struct log *log, struct why *why);

/* -------------------------------------------------------------- log_forget.c */

/* After an unclean end: records behind the last seq that is kept are made none.  In the last segment none lies
 * behind the offset `stop`. */
bool forget_behind(struct log *log, uint64_t end, uint64_t stop, struct why *why);

/* ------------------------------------------------------------------ log_id.c */

/* After the headers are read: settles whose log this is, moves foreign segments aside. */
bool id_settle(struct log *log, struct why *why);

/* ------------------------------------------------------------- log_damaged.c */

/* Moves a file that is no segment to DATA/log/damaged. */
void damaged_move(struct log *log, const char *name, const char *reason);
/* Copies bytes that hold no record there, and names the seqs that are lost. */
void damaged_keep(struct log *log, int fd, uint64_t from, uint64_t to, uint64_t seq_from, uint64_t seq_to);

/* --------------------------------------------------------------- log_ready.c */

enum ready { READY, READY_NO_ROOM, READY_FAILED };
/* Makes the next segment ready, for records of `need` bytes at least.  `must`, for
 * what is gathered already: lets go of segments that may go if there would be no room
 * below log.size, and passes over the limits after that. */
enum ready ready_make(struct log *log, uint64_t need, bool must, struct why *why);
int ready_take(struct log *log, struct segment *segment);
uint64_t ready_size(const struct log *log, uint64_t need);
/* A segment not needed any more becomes the spare one, or goes.  Under `preparing`. */
void spare_put(struct log *log, const char *name, uint64_t size);
void spare_drop(struct log *log);

/* -------------------------------------------------------------- log_retire.c */

/* Lets go of what may go until so many bytes more are below log.size, as far as that goes.  Under `preparing`. */
void retire_for(struct log *log, int64_t more);

/* --------------------------------------------------------------- log_space.c */

void space_look(struct log *log, bool now); /* asks the file system, about once a second */
/* By so many bytes more the log would be larger than log.size; 0: it would not, or there is no limit. */
int64_t space_beyond(const struct log *log, int64_t more);
/* Bytes of files to be made for so many bytes of records, beside the spare one's. */
int64_t space_for(const struct log *log, uint64_t need);

/* --------------------------------------------------------------- log_write.c */

bool write_all(int fd, struct iovec *parts, int count, uint64_t offset);
void table_add(struct log *log, const struct segment *segment);
char *batch_room(struct log_batch *batch, size_t span);
/* Lays the records so far into the first page; what they were written with before does not matter. */
void batch_lay(struct log_batch *batch, size_t lead);
/* Seals the records for their place in the file; returns the last seq. */
uint64_t run_seal(char *at, size_t len, uint64_t durable, uint64_t salt, uint64_t offset);
/* Writes records that lie at `at` into a segment of their own, and begins it only
 * when they are synced: for records that may have been acknowledged already. */
bool write_again(struct log *log, char *at, size_t len, struct why *why);

/* --------------------------------------------------------------- log_ahead.c */

void ahead_open(struct log *log);
/* After a log_write: log_begin goes on behind it, if it can. */
void ahead_follow(struct log *log);
/* Waits for what is under way; if all of it is on the disk it counts. */
void ahead_close(struct log *log);

/* --------------------------------------------------------------- log_check.c */

bool log_fail(struct log *log, const struct why *why); /* for ever; returns false */
bool log_failed(struct log *log, struct why *why);     /* why it did; returns false */
/* Before a write: the segment that is written to; all of them only if log_check is long overdue. */
bool log_check_writing(struct log *log, struct why *why);

#endif
