/* SPDX-License-Identifier: Apache-2.0 */
/* refused.h - the last requests that were not taken, in a file of fixed size.
 *
 * DATA/refused holds the last 200 of them.  The ingress writes, `sluice refused`
 * reads beside it, without a lock: every entry has its number and a checksum, so
 * one that is being written, or was torn by a crash, is not shown.  It is written
 * with pwrite and not through a mapping: a full disk or a file that someone cut
 * short must not end the ingress.  Nothing waits for the disk.
 */
#ifndef FLOW_REFUSED_H
#define FLOW_REFUSED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/why.h"
#include "sdk/plugin.h"

#define REFUSED_COUNT 200

struct refused_entry {
	int64_t time; /* milliseconds since 1970 */
	int status;
	char source[80];  /* its name, or the path that was asked for */
	char peer[64];    /* the client's address */
	char reason[240]; /* a sentence; never holds what was sent as a proof */
};

struct refused;

/* The writing end; goes on behind what is there. */
struct refused *refused_open(const char *path, struct why *why);
void refused_close(struct refused **refused);

/* Keeps it, and writes a log line; of one address at most one line in ten
 * seconds, which says how many were not told. */
void refused_add(struct refused *refused, int status, struct sl_text source, struct sl_text peer, const char *reason);

/* The reading end: calls `found` for each, oldest first.  No file is no entries. */
typedef void refused_found(const struct refused_entry *entry, void *data);
bool refused_each(const char *path, refused_found *found, void *data, struct why *why);

#endif
