/* SPDX-License-Identifier: Apache-2.0 */
/* backup.h - the data folder as it was at one moment, kept in another folder.
 *
 *     DIR/backup.json    what there was: the manifest, with a checksum over itself
 *     DIR/files/SHA256   bytes of files, named by what they hash to
 *
 * A file there is never written again, and the manifest is exchanged at the end, so a
 * backup that breaks off leaves the one before it whole.  Bytes that are there already
 * are not copied again: of a log that is mostly the same, only what is new.
 *
 * State goes first, then the log: so all records that the state knows are in it.  What is
 * a process's and not the data's stays away: locks, sockets, files put aside.
 */
#ifndef MAIN_BACKUP_H
#define MAIN_BACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/why.h"

#define BACKUP_FORMAT 1
#define BACKUP_HASH_SIZE 65 /* SHA-256 in hex and a NUL */

struct backup_file {
	const char *path;   /* below the data folder: "routes/cards.db" */
	const char *stored; /* what its bytes hash to */
	const char *mark;   /* of a segment: which it is and where it ends; NULL: another file */
	int64_t bytes;      /* stored */
	int64_t size;       /* with the zeros behind them */
	bool damaged;       /* a state file that is, and was taken as it is; not in the manifest */
};

struct backup {
	struct arena *arena;
	const char *dir;
	int64_t at;          /* ms since 1970: when it was begun */
	const char *version; /* of sluice */
	const char *log_id;  /* "": there was no log */
	uint64_t log_begin, log_end;
	struct backup_file *files;
	size_t count, room;
};

/* How far it is, told after each file and each few megabytes. */
struct backup_work {
	const char *doing;   /* "copying", "checking" ... */
	const char *path;    /* at the moment */
	size_t at, count;    /* which of how many segments, or files; count 0: nobody knows */
	int64_t bytes, kept; /* gone through; there already */
	void (*told)(const struct backup_work *work);
};

/* ------------------------------------------------------------------ backup.c */

struct backup *backup_new(const char *dir);
void backup_free(struct backup **backup);
struct backup_file *backup_add(struct backup *backup, const char *path, const char *mark);
const struct backup_file *backup_find(const struct backup *backup, const char *path);
/* NULL: why; "" if there is none there at all. */
struct backup *backup_read(const char *dir, struct why *why);
/* The manifest, in the place of the one before; the folder is not synced yet. */
bool backup_write(const struct backup *backup, struct why *why);

/* ------------------------------------------------------------- backup_copy.c */

/* Bytes from one file to another, and what they hash to. */
struct backup_copy {
	int from, to; /* to -1: only hashed */
	const char *from_name, *to_name;
	int64_t most; /* -1: all there are */
	int64_t bytes;
	char hash[BACKUP_HASH_SIZE];
	struct backup_work *work;
};
bool backup_copy(struct backup_copy *copy, struct why *why);

/* ------------------------------------------------------------- backup_take.c */

/* Into DIR, which is empty, not there, or a backup; it becomes that of now.  NULL: why. */
struct backup *backup_take(const char *data, const char *dir, struct backup_work *work, struct why *why);

/* ---------------------------------------------------------- backup_restore.c */

/* Whether each file is as it was; the first that is not is named. */
bool backup_check(const struct backup *backup, struct backup_work *work, struct why *why);
/* Into DATA, which no daemon holds; what is there already is put aside, in *aside, if
 * `over`, else refused.  *next: the seq of the next event. */
bool backup_restore(const struct backup *backup, const char *data, bool over, struct backup_work *work,
	const char **aside, uint64_t *next, struct why *why);

#endif
