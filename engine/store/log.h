/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - what has been accepted, in order, on disk.
 *
 * docs/design.md, "The log", is the specification.  In short: DATA/log holds
 * segment files, each wholly zero-written before its first record; one writer
 * appends, many readers pread.  A record is durable once log_write returned true
 * for its batch, and only then may its request be answered.
 *
 * Nothing here knows a loop.  log_append only gathers in memory, log_begin and log_land do not wait; log_write,
 * log_prepare, log_check and log_retire block, and are run in a pool thread: at
 * most one log_write at a time, and one of the others beside it.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/why.h"
#include "sdk/plugin.h"

#define LOG_ID_SIZE 33 /* 32 hex digits and a NUL */

enum log_flags {
	LOG_EVENT = 1,    /* emitted by a poll: the body is an event's JSON, not a request */
	LOG_INSECURE = 2, /* accepted without any check */
	LOG_SECOND = 4,   /* verified with another than the first secret */
};

struct log_record {
	uint64_t seq;     /* 1, 2, 3 ... without a hole */
	int64_t received; /* milliseconds since 1970 */
	uint32_t flags;
	struct sl_text source, method, path, query; /* query without '?' */
	struct sl_text headers; /* the kept ones: "name: value\n" each, names in lower case */
	struct sl_text body;    /* byte for byte */
};

/* The same with text of its own, in the arena. */
void log_record_copy(struct arena *arena, struct log_record *to, const struct log_record *from);

struct log_options {
	int64_t size;    /* bytes the whole log may take */
	int64_t keep;    /* milliseconds a segment stays after everyone is past it */
	int64_t reserve; /* bytes of free space in the file system below which nothing is accepted */
	int64_t segment; /* bytes of a segment file; 0: 16 MB.  Tests use smaller ones */
};

/* ---------------------------------------------------------------- writing */

struct log;
struct log_batch; /* records gathered for one write + fdatasync */

/* DIR is the log's own folder, DATA/log; it is made, with a log id, if it is not
 * there.  Takes the lock, waiting for a predecessor up to `wait_ms`, recovers, and
 * makes the first segment ready.  What recovery found is told by log lines; records
 * lost to damage are told by every reader that comes to them. */
struct log *log_open(const char *dir, const struct log_options *options, int64_t wait_ms, struct why *why);
void log_close(struct log **log);
const char *log_id(const struct log *log);
/* Other limits from now on.  No log_write, log_prepare or log_retire is under way. */
void log_limit(struct log *log, const struct log_options *options);

enum log_room { LOG_ROOM, LOG_FULL, LOG_NO_SPACE, LOG_FAILED };
/* Whether a record of so many bytes (its texts together) would be taken now.
 * LOG_FULL: the size limit, and nothing that log_retire could let go of (or the last
 * seq was given, 2^62, which only a forged header comes near).
 * LOG_NO_SPACE: the file system; both end by themselves.  LOG_FAILED after a
 * failed write or fdatasync, or when files were changed by somebody else: the
 * process has to end and be started again. */
enum log_room log_room(struct log *log, size_t bytes);
/* Copies the record into the batch being gathered; returns its seq (record->seq
 * is ignored).  log_room said LOG_ROOM for it. */
uint64_t log_append(struct log *log, const struct log_record *record);
bool log_gathered(const struct log *log);    /* is there anything for log_take? */
struct log_batch *log_take(struct log *log); /* what is gathered; a new batch begins */
/* Blocks: write + fdatasync.  False: nothing of this batch was acknowledged nor
 * will be, and log_room says LOG_FAILED for ever. */
bool log_write(struct log *log, struct log_batch *batch, struct why *why);
/* On the loop again, after log_write returned true: publishes the durable end to
 * readers and frees the batch.  Answers go out after this. */
uint64_t log_done(struct log *log, struct log_batch **batch);

/* The same without blocking and without a thread, several batches at a time: log_begin takes what is gathered and
 * begins to write it; log_land, when log_ahead_fd is readable, tells what has come to the disk, in order, and does what
 * log_done does.  Behind a batch that is not filled up to its page's end with zeros (`fill`; 2 KB on average) no other
 * is begun before it has landed.  log_begin false: nothing was begun, because of that, or too much is under way, or it
 * is log_write's, once nothing is under way: the first batch of a segment, and all where the kernel or the file system
 * cannot. */
#define LOG_AHEAD 2
bool log_begin(struct log *log, bool fill);
int log_ahead_fd(const struct log *log);         /* -1: it never becomes possible */
unsigned log_ahead_count(const struct log *log); /* batches under way; no log_write meanwhile */
enum log_landed { LOG_LANDED, LOG_LAND_NONE, LOG_LAND_FAILED };
/* The oldest that is under way.  LOG_LANDED: it is published, *end is the durable end now, ask again; LOG_LAND_NONE: it
 * is not there yet, or nothing is under way; LOG_LAND_FAILED: as when log_write returns false. */
enum log_landed log_land(struct log *log, uint64_t *end, struct why *why);

bool log_wants_segment(const struct log *log); /* time for log_prepare? */
/* Blocks: makes the next segment ready.  False is no failure of the log: there is
 * no room now, why says, and log_wants_segment asks again a second later. */
bool log_prepare(struct log *log, struct why *why);
/* Blocks shortly: whether the files are still the ones written to, looked at twice
 * a second at most.  log_write does it too; for a log that may be idle. */
bool log_check(struct log *log, struct why *why);
/* Blocks: lets go of whole segments below `floor` (the lowest seq a route still
 * needs) that are older than `keep` or whose room is needed; takes the pages of the others out of the page cache. */
bool log_retire(struct log *log, uint64_t floor, struct why *why);

#define LOG_GAPS 8
struct log_gap { /* seqs that were never given: a restore set the log forward */
	uint64_t first, last;
};

struct log_stat {
	uint64_t begin, end; /* oldest seq kept, last durable one; begin > end: empty */
	uint64_t gaps;       /* so many seqs between them were never given */
	struct log_gap gap[LOG_GAPS]; /* the newest first; first 0: there are no more */
	int64_t bytes, limit;
	int64_t oldest;      /* received time of the oldest record, 0: none */
	uint64_t segments, damaged;
	char id[LOG_ID_SIZE];
};
void log_stat(const struct log *log, struct log_stat *stat);
/* How many events lie behind this seq, wherever it stands, be it in a gap.  Of a log that was restored more than
 * LOG_GAPS times within its keep the oldest gaps count as events. */
uint64_t log_events_behind(const struct log_stat *stat, uint64_t seq);

/* ---------------------------------------------------------------- reading */

struct log_reader;

struct log_reader *log_reader_open(const char *dir, struct why *why); /* DIR need not be a log yet */
void log_reader_close(struct log_reader **reader);
bool log_reader_stat(struct log_reader *reader, struct log_stat *stat, struct why *why);
const char *log_reader_id(struct log_reader *reader); /* "" while there is no log yet */
/* False: the machine was started since the log was last written, and its writer has not recovered it yet; the durable
 * end may come to be a later one, without a word having been added. */
bool log_reader_live(struct log_reader *reader);
uint64_t log_reader_end(struct log_reader *reader);   /* the durable end now; one load from a mapped page */

enum log_read { LOG_READ, LOG_AT_END, LOG_BROKEN };
struct log_slice {
	struct log_record *records; /* in order of seq; text lies in the arena */
	size_t count;
	uint64_t next;              /* the seq to go on with: skips what is gone or damaged */
	/* Seqs that are lost come in a slice of their own, with count 0; 0: none. */
	uint64_t damaged_from, damaged_to; /* by damage */
	uint64_t gone_from, gone_to;       /* by retention: they are below the oldest kept */
};
/* The records at and after `from`, at most `most` of them and about `bytes`
 * (one record may exceed it).  LOG_AT_END: nothing there yet.  LOG_BROKEN: cannot
 * be read, why says; nothing is skipped. */
enum log_read log_read(struct log_reader *reader, struct arena *arena, uint64_t from, size_t most,
	size_t bytes, struct log_slice *slice, struct why *why);

/* Tells a sleeping reader that the end has moved: a descriptor of inotify that
 * becomes readable after log_reader_sleep said true and the writer published
 * more.  Drain it with read(). */
int log_reader_wake_fd(struct log_reader *reader);
/* Before sleeping: asks to be woken.  False if there is more than `seen`
 * already, so that no wake is missed. */
bool log_reader_sleep(struct log_reader *reader, uint64_t seen);

/* ----------------------------------------------------------------- looking */

struct log_fault {
	const char *segment; /* file name */
	uint64_t offset;     /* bytes from its beginning */
	uint64_t seq_from, seq_to; /* what is lost; 0: unknown */
	const char *what;    /* a sentence */
};
typedef void log_fault_found(const struct log_fault *fault, void *data);
/* Reads every record of every segment, running or stopped; counts what is fine. */
bool log_fsck(const char *dir, log_fault_found *found, void *data, struct log_stat *stat, struct why *why);

/* ---------------------------------------------------------------- copying */

/* A segment as it may be copied: its first `used` bytes, then nothing up to `size`. */
struct log_piece {
	const char *name;    /* of the file */
	int fd;              /* held against being used again; until log_pieces goes on */
	uint64_t salt, used, size;
	size_t at, count;    /* which of how many */
};
typedef bool log_piece_found(const struct log_piece *piece, void *data, struct why *why);
/* What is durable by now, oldest first, running or stopped; *stat is what was found.
 * A log of these files and the file `id` has the same records. */
bool log_pieces(const char *dir, log_piece_found *found, void *data, struct log_stat *stat, struct why *why);
/* Such a copy, which ends with the seq `end` and nobody has opened, goes on with `next`:
 * what was given after it was copied is never given again. */
bool log_set_forward(const char *dir, uint64_t end, uint64_t next, struct why *why);

#endif
