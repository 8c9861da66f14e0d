/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h - how far a source's walk is, for whoever waits for its end.
 *
 * On a terminal one line on stderr that changes; else a line every 10 s, with --json an
 * object.  The rate is that of the last 10 s; what is left is guessed by how fast the
 * last minute went, from the plugin's count of what there is, or from the times of what
 * came between `since` and the walk's beginning.
 */
#ifndef MAIN_PROGRESS_H
#define MAIN_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define PROGRESS_SAMPLES 64 /* one a second, at most */

struct reach {
	const char *state, *error; /* the source's words; "": none */
	int64_t objects, fresh;    /* so far; of them handed in */
	int64_t done, total;       /* as the plugin says; 0: it does not */
	int64_t since, began;      /* ms since 1970; since 0: everything is wanted */
	int64_t oldest, newest;    /* of the times of what came; 0: none had one */
};

struct progress {
	const char *source;
	bool json;
	bool shown;    /* a line stands on the terminal */
	int64_t told;  /* clock_ticks of the last plain line; 0: none */
	size_t count;
	struct {
		int64_t at, objects; /* clock_ticks */
		double share;        /* of the whole; 0: nobody knows */
	} samples[PROGRESS_SAMPLES]; /* the oldest first */
};

void progress_show(struct progress *progress, const struct reach *reach);
void progress_clear(struct progress *progress); /* the line on the terminal */

/* For tests: what is known at this moment (clock_ticks). */
void progress_note(struct progress *progress, const struct reach *reach, int64_t now);
int64_t progress_rate(const struct progress *progress); /* objects/s; -1: not known yet */
int64_t progress_rest(const struct progress *progress); /* s; -1: nobody knows */
void progress_words(const struct progress *progress, const struct reach *reach, struct buf *out);

#endif
