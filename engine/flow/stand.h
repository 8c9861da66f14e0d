/* SPDX-License-Identifier: Apache-2.0 */
/* stand.h - where a route stands, as rows of two small tables.
 *
 * _sluice_routes holds one row a route: the log it reads and its cursor;
 * _sluice_open one row for each delivery that the cursor has passed and that is
 * not settled.  The tables (flow/schema.h) lie in the destination where the sink
 * has transactions, so that rows and cursor change together, else in the route's
 * own file (flow/keep.h).
 */
#ifndef FLOW_STAND_H
#define FLOW_STAND_H

#include "flow/delivery.h"
#include "flow/schema.h"

#define STAND_MARK_SIZE 40

/* The numbers count deliveries since the event `counted_from`, in the same
 * transaction as the rows: they are exact across crashes.  A rewind starts them
 * anew. */
struct stand {
	char log_id[LOG_ID_SIZE];
	uint64_t cursor, counted_from;
	uint64_t delivered, dropped, repeats;
	int64_t updated;            /* when it was written; as read */
	char mark[STAND_MARK_SIZE]; /* of the event at the cursor; "": nobody knows */
	bool known;                 /* there is a row of this route */
};

/* "SEQ:HASH" of all that a record has.  The same seq in a log that was set back, and went on, has another. */
void stand_mark(const struct log_record *record, char mark[STAND_MARK_SIZE]);
/* False: it is not the event that the cursor stood at. */
bool stand_marks(const struct stand *stand, const struct log_record *record);

/* Rows to be written, in the arena.  `stand` NULL: expects that there is none. */
const struct sl_row *stand_expect(struct arena *arena, const char *route, const struct stand *stand);
const struct sl_row *stand_put(struct arena *arena, const char *route, const struct stand *stand, int64_t now);
const struct sl_row *stand_open_put(struct arena *arena, const char *route, const struct delivery *delivery);
const struct sl_row *stand_open_remove(struct arena *arena, const char *route, uint64_t seq, uint32_t part);

/* What to recall: the rows of this route (in `state`, unless NULL). */
const struct sl_row *stand_wanted(struct arena *arena, const struct sl_table *table, const char *route,
	const char *state);

/* Recalled rows.  They come from a database anyone may write to: false if one
 * makes no sense. */
bool stand_read(const struct sl_cell *cells, struct stand *stand);
struct delivery *stand_read_open(struct route *route, const struct sl_cell *cells);

/* The open row's own words, for `dead ls` and `show`. */
void stand_open_json(const struct delivery *delivery, struct buf *out);

#endif
