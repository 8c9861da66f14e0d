/* SPDX-License-Identifier: Apache-2.0 */
/* try_tell.h - a trial, and what it tells of each event. */
#ifndef FLOW_TRY_TELL_H
#define FLOW_TRY_TELL_H

#include "flow/route.h"

#define TRY_FD 3

/* A request of the record that is being tried. */
struct asked_for {
	uint32_t part;
	const char *shown, *how;
	struct asked_for *next;
};

struct trial {
	struct route route; /* one that delivers nothing */
	uv_loop_t loop;
	struct net_keeper keeper;
	struct answers *answers; /* NULL: the route has kept none */
	bool fresh;
	uint64_t from, to, left; /* seqs; records to go */
	struct asked_for *asked;
	struct arena *arena; /* as long as a record */
};

void trial_tell_begin(const struct trial *trial);
void trial_tell(const struct trial *trial, const struct delivery *delivery);
void trial_tell_done(uint64_t seq);
void trial_tell_end(void);
void trial_tell_error(const struct why *why);

#endif
