/* SPDX-License-Identifier: Apache-2.0 */
/* shim.h - what the files of the shim share.
 *
 *     shim.c         levers, the environment that is handed on, how it begins
 *     shim_note.c    notes, and pages that are mapped
 *     shim_write.c   files are written, synced, read
 *     shim_ahead.c   files are written without waiting
 *     shim_entry.c   files are opened and made, folders changed
 *     shim_memory.c  memory
 *
 * It asks the kernel itself for all that it needs: the C library's functions are its own.
 */
#ifndef FAULT_SHIM_H
#define FAULT_SHIM_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define OURS __attribute__((visibility("default")))
#define SAME_AS(name) __attribute__((visibility("default"), alias(#name)))
#define FDS 65536
#define PARTS 64
#define PAGE 4096

/* ---------------------------------------------------------------------- levers */

enum { WRITES = 1,
	SYNCS = 2,
	READS = 4,
	ENTRIES = 8,
	MEMORY = 16,
	AHEAD = 32 };
/* What befalls a call: an errno, or one of these. */
enum { DIE = 1000,
	DIE_HALF = 1001,
	DIE_ALL = 1002 };

struct levers {                 /* power.py has the same */
	_Atomic uint64_t now;   /* the number of the last thing noted */
	_Atomic uint64_t met;   /* calls that the lever was asked about */
	_Atomic uint64_t hits;  /* ... and that were harmed */
	_Atomic uint64_t kinds; /* of calls that are harmed; 0: none are */
	uint64_t at, times;     /* the first that is harmed, from 1; how many are */
	uint64_t chance;        /* instead: so many in a million */
	uint64_t what;
	_Atomic uint64_t fallen; /* who does anything now ends */
	char path[64];           /* only files whose path has this in it */
	char title[64];          /* only processes whose argv[0] has this in it */
};

extern struct levers *shim_levers;
extern const char *shim_root;          /* NULL: nothing is meant */
extern __thread bool shim_inside;      /* what is asked for now is not harmed */
extern _Atomic unsigned char shim_ours[FDS]; /* is below the root */

_Noreturn void shim_die(uint64_t how);
/* Returns the errno of a call that fails, 0 for one that goes through. */
int shim_harm(uint64_t kind, const char *path);
int shim_harm_at(uint64_t kind, int fd);
ssize_t shim_fail(int error); /* -1, with this errno */
bool shim_meant(int fd);
const char *shim_path(int fd, char path[PATH_MAX]);
bool shim_below_root(const char *path);
/* The path that is opened for this one: another boot id, once there is one. */
const char *shim_boot_id(const char *name, char path[PATH_MAX]);

/* ----------------------------------------------------------------------- notes */

/* clang-format off */
enum {
	N_WRITE = 1, N_ZEROS, N_CUT, N_RESERVE, N_SYNC, N_MAKE, N_FOLDER, N_MOVE, N_LINK, N_GONE, N_MAPPED,
	N_FAILED, /* a sync */
};
/* clang-format on */

struct note { /* power.py has the same; behind it the path or paths, each with a NUL, then the bytes */
	uint32_t size, kind;
	uint64_t begun, ended; /* numbers of `now`: what ended after the power went may not have happened */
	uint64_t file;         /* its inode */
	uint64_t at, len;
	uint32_t path_len, bytes_len;
};

uint64_t note_moment(void);
uint64_t note_inode(int fd);
void note_put(struct note *note, const char *paths, const struct iovec *parts, int count);
void note_begin(const char *folder); /* where this process notes what it does */

/* ------------------------------------------------------------------ what is mapped */

/* A store into mapped memory is heard of when the next call is noted; any of its states may reach the disk. */
void maps_look(void);
/* Whose memory it is: *file is its inode. */
bool maps_find(const void *at, uint64_t *file);

#endif
